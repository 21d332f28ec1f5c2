"""Small networks drawn by hand, random ones, and how their labels are read."""

from dataclasses import replace

import networkx as nx
import numpy as np
from grids import rows_of
from hypothesis import strategies as st

from territories.network import Network


def drawn(picture, flows, *, people=1_000, sent_away=None, received_away=None, seed=0):
    """Make the network of a picture: a letter is a commune, squares that touch share a border.

    `flows` are pairs of letters with what the first sends to the second, as ``{"AB": 12}``; they
    come shuffled. `people`: inhabitants of all, or of each letter in order. A dot is the sea.
    """
    rows = rows_of(picture)
    cells = {
        (row, column): letter
        for row, line in enumerate(rows)
        for column, letter in enumerate(line)
        if letter.isalpha()
    }
    letters = sorted(set(cells.values()))
    number = {letter: node for node, letter in enumerate(letters)}
    pairs = [
        (number[letter], number[cells[beside]])
        for (row, column), letter in cells.items()
        for beside in ((row, column + 1), (row + 1, column))
        if beside in cells
    ]
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    order = np.random.default_rng(seed).permutation(len(flows))
    arcs = [list(flows.items())[place] for place in order]
    return Network.of(
        np.array([number[ends[0]] for ends, _ in arcs], dtype=np.int64),
        np.array([number[ends[1]] for ends, _ in arcs], dtype=np.int64),
        np.array([flow for _, flow in arcs], dtype=np.float64),
        left=left,
        right=right,
        population=np.array([people] * len(letters) if np.isscalar(people) else list(people)),
        sent_outside=_by_letter(sent_away, number),
        received_outside=_by_letter(received_away, number),
    )


def _by_letter(amounts, number):
    values = np.zeros(len(number))
    for letter, amount in (amounts or {}).items():
        values[number[letter]] = amount
    return values


def groups(labels):
    """Read labels as sets of letters, as ``{"AB", "C"}``; those of -1 are left out."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    gathered = {}
    for node, label in enumerate(labels.tolist()):
        if label >= 0:
            gathered[label] = gathered.get(label, "") + letters[node]
    return set(gathered.values())


def parts(labels, numbers=None):
    """Read labels as sets of numbers; those of -1 are left out."""
    gathered = {}
    for node, label in enumerate(labels.tolist()):
        if label >= 0:
            gathered.setdefault(label, set()).add(node if numbers is None else int(numbers[node]))
    return {frozenset(each) for each in gathered.values()}


def matrix(network):
    """Return the flows between communes as a matrix."""
    flows = np.zeros((len(network), len(network)))
    flows[network.source, network.target] = network.weight
    return flows


def borders(network):
    """Return the borders as a graph."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(network)))
    begins = np.repeat(np.arange(len(network)), np.diff(network.borders.start))
    graph.add_edges_from(zip(begins.tolist(), network.borders.to.tolist(), strict=True))
    return graph


def in_one_piece(network, labels):
    """Say whether each territory is in one piece."""
    graph = borders(network)
    return all(nx.is_connected(graph.subgraph(each)) for each in parts(labels))


def relabelled(network, order):
    """Return the same network with its communes in another order: order[i] is the old i."""
    new = np.argsort(order)
    begins = np.repeat(np.arange(len(network)), np.diff(network.borders.start))
    sent = np.bincount(network.source, network.weight, len(network))
    received = np.bincount(network.target, network.weight, len(network))
    return Network.of(
        new[network.source],
        new[network.target],
        network.weight,
        left=new[begins],
        right=new[network.borders.to],
        population=network.population[order],
        sent_outside=(network.sent - sent)[order],
        received_outside=(network.received - received)[order],
    )


def with_flows(network, change):
    """Return the same network with other flows: those inside and with the outside, changed."""
    sent = network.sent - np.bincount(network.source, network.weight, len(network))
    received = network.received - np.bincount(network.target, network.weight, len(network))
    return Network.of(
        network.source,
        network.target,
        change(network.weight),
        left=np.repeat(np.arange(len(network)), np.diff(network.borders.start)),
        right=network.borders.to,
        population=network.population,
        sent_outside=change(sent),
        received_outside=change(received),
    )


def with_zeros(network):
    """Return the same network with an arc of weight 0 between any two communes that had none."""
    flows = matrix(network)
    source, target = np.divmod(np.arange(flows.size), max(len(flows), 1))
    everything = {"source": source, "target": target, "weight": flows.ravel()}
    return replace(network, **everything, scatter=np.ones(flows.size))


def random_network(generator, *, rows=4, columns=4, arcs=50, most=60, own=0.7, sea=0.1):
    """Make a random grid; flows are whole, some to oneself, some twice, some with the outside."""
    count = rows * columns
    grid = np.arange(count).reshape(rows, columns)
    pairs = np.vstack(
        [
            np.column_stack([grid[:, :-1].ravel(), grid[:, 1:].ravel()]),
            np.column_stack([grid[:-1].ravel(), grid[1:].ravel()]),
        ]
    )
    left, right = pairs[generator.random(len(pairs)) >= sea].T
    inside = np.flatnonzero(generator.random(count) < own)
    source = np.concatenate([generator.integers(0, count, arcs), inside])
    target = np.concatenate([generator.integers(0, count, arcs), inside])
    return Network.of(
        source,
        target,
        generator.integers(0, most, len(source)).astype(float),
        left=left,
        right=right,
        population=generator.integers(0, 5_000, count),
        sent_outside=generator.integers(0, 3, count) * (generator.random(count) < 0.2),
        received_outside=generator.integers(0, 3, count) * (generator.random(count) < 0.2),
    )


@st.composite
def networks(draw):
    """Draw a random network of 1 to 25 communes."""
    rows, columns = draw(st.sampled_from([(4, 4), (5, 5), (3, 5), (2, 3), (1, 4), (1, 1)]))
    arcs = draw(st.sampled_from([50, 20, 120, 4, 0]))
    most = draw(st.sampled_from([4, 60, 1_000]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_network(generator, rows=rows, columns=columns, arcs=arcs, most=most)


def commuting(count, *, seed=0, places=None):
    """Make a region of communes of all sizes around towns, and its commuting flows.

    Communes lie on a grid; each sends a Poisson draw of its workers to itself and to the others,
    by their size and nearness. `places`: how many receive anything, the largest; default all.
    """
    generator = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    where = np.column_stack(np.divmod(np.arange(count), side))
    size = np.exp(generator.normal(6, 1.3, count))
    apart = np.linalg.norm(where[:, None] - where[None], axis=2)
    pull = size * np.exp(-apart / 2) / (1 + apart) * (1 + 8 * np.eye(count))
    if places is not None:
        pull[:, np.argsort(-size)[places:]] = 0
    flows = generator.poisson(0.45 * size[:, None] * pull / pull.sum(axis=1, keepdims=True))
    source, target = np.nonzero(flows)
    grid = [(i, i + 1) for i in range(count - 1) if (i + 1) % side]
    left, right = np.array(grid + [(i, i + side) for i in range(count - side)]).T
    return Network.of(
        source,
        target,
        flows[source, target].astype(float),
        left=left,
        right=right,
        population=size.astype(np.int64),
    )
