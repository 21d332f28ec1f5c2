"""What the engine must give, worked out again from the method: plain, slow, on small networks.

Flows are a dictionary, borders a networkx graph, a division a list of labels. Nothing here reads
the package but `network`, which hands a case over to it.
"""

from dataclasses import dataclass, field, replace

import networkx as nx
import numpy as np
from hypothesis import strategies as st

from territories.communities import Problem
from territories.network import Network


@dataclass(frozen=True, eq=False)
class Case:
    """Flows between nodes, borders, inhabitants, and what each community must keep to.

    `away` holds what each node sends outside and what it receives from there.
    """

    flows: dict[tuple[int, int], float]
    borders: nx.Graph
    people: list[int]
    away: tuple[list[float], list[float]]
    minimum: int | None = None
    maximum: int | None = None
    poles: frozenset[int] | None = None
    rivals: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    shut: frozenset[int] = field(default_factory=frozenset)

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.people)

    def free(self):
        """Return the same flows and borders without anything to keep to."""
        return replace(
            self, minimum=None, maximum=None, poles=None, rivals=frozenset(), shut=frozenset()
        )

    def total(self):
        """Return all flows, with the outside too."""
        return sum(self.flows.values()) + sum(self.away[0]) + sum(self.away[1])


def network(case, seed=0):
    """Hand a case over to the package, its rows shuffled."""
    random = np.random.default_rng(seed)
    arcs = np.array([(i, j, flow) for (i, j), flow in case.flows.items()]).reshape(-1, 3)
    pairs = np.array(list(case.borders.edges), dtype=int).reshape(-1, 2)
    arcs, pairs = random.permutation(arcs), random.permutation(pairs)
    return Network.of(
        arcs[:, 0].astype(int),
        arcs[:, 1].astype(int),
        arcs[:, 2],
        left=pairs[:, 0],
        right=pairs[:, 1],
        population=np.array(case.people, dtype=np.int64),
        sent_outside=np.array(case.away[0], dtype=float),
        received_outside=np.array(case.away[1], dtype=float),
    )


def problem(case, null="directed", seed=0):
    """Set the problem of a case."""
    return Problem.of(
        network(case, seed),
        null=null,
        minimum=case.minimum,
        maximum=case.maximum,
        poles=case.poles,
        rivals=case.rivals,
        shut=case.shut,
    )


def groups(labels):
    """Gather the nodes of each label."""
    found = {}
    for node, label in enumerate(labels):
        found.setdefault(int(label), set()).add(node)
    return found


def sums(case, nodes):
    """Add up some nodes: sent, received, inhabitants, flows within."""
    nodes = set(nodes)
    sent = sum(f for (i, _), f in case.flows.items() if i in nodes)
    received = sum(f for (_, j), f in case.flows.items() if j in nodes)
    within = sum(f for (i, j), f in case.flows.items() if i in nodes and j in nodes)
    sent += sum(case.away[0][node] for node in nodes)
    received += sum(case.away[1][node] for node in nodes)
    return sent, received, sum(case.people[node] for node in nodes), within


def modularity(case, labels, resolution=1.0, null="directed"):
    """Q = (1/m) Σ (M[c,c] − γ·out_c·in_c/m); METHOD §6, and the forms of `Network.ends`."""
    total, everyone = case.total(), max(sum(case.people), 1)
    quality = 0.0
    for nodes in groups(labels).values():
        sent, received, people, within = sums(case, nodes)
        if null == "undirected":
            sent = received = (sent + received) / 2
        elif null == "population":
            sent = received = people * total / everyone
        quality += (within - resolution * sent * received / total) / total
    return quality


def pieces(case, nodes):
    """Count the pieces of some nodes."""
    return nx.number_connected_components(case.borders.subgraph(nodes))


def broken(case, labels):
    """Tell which of the rules that hold always are broken."""
    found = set()
    for nodes in groups(labels).values():
        if pieces(case, nodes) > 1:
            found.add("pieces")
        people = sum(case.people[node] for node in nodes)
        if case.maximum is not None and people > case.maximum and len(nodes) > 1:
            found.add("maximum")
        if any(one in nodes and other in nodes for one, other in case.rivals):
            found.add("rivals")
        if len(nodes) > 1 and nodes & case.shut:
            found.add("shut")
    return found


def few(case, nodes):
    """Tell whether a community is under the minimum."""
    return case.minimum is not None and sum(case.people[node] for node in nodes) < case.minimum


def bare(case, nodes):
    """Tell whether a community has no pole although each needs one."""
    return case.poles is not None and not nodes & case.poles


def lacks(case, nodes):
    """Tell whether a community lacks inhabitants or a pole."""
    return few(case, nodes) or bare(case, nodes)


def lacking(case, labels):
    """Count the communities under the minimum and those without a pole they need."""
    return sum(few(case, nodes) + bare(case, nodes) for nodes in groups(labels).values())


def divisions(case):
    """List all divisions in communities of one piece that keep the rules that hold always."""
    whole = {}

    def allowed(nodes):
        if nodes not in whole:
            labels = [0 if node in nodes else 1 + node for node in range(len(case))]
            whole[nodes] = not broken(case, labels)
        return whole[nodes]

    def placed(node, communities):
        if node == len(case):
            if all(map(allowed, communities)):
                yield communities
            return
        for place, community in enumerate(communities):
            yield from placed(
                node + 1, [*communities[:place], community | {node}, *communities[place + 1 :]]
            )
        yield from placed(node + 1, [*communities, frozenset({node})])

    for communities in placed(0, []):
        label = {node: place for place, nodes in enumerate(communities) for node in nodes}
        yield [label[node] for node in range(len(case))]


def best(case, resolution=1.0, number=None):
    """Find the least that communities lack (see `lacking`), then the highest modularity.

    Returns both; None where there is no division (of that number) at all.
    """
    # Added up for each community once.
    known = {}

    def value(nodes):
        if nodes not in known:
            sent, received, _, within = sums(case, nodes)
            total = case.total()
            gained = (within - resolution * sent * received / total) / total
            known[nodes] = (few(case, nodes) + bare(case, nodes), gained)
        return known[nodes]

    found = []
    for labels in divisions(case):
        values = [value(frozenset(nodes)) for nodes in groups(labels).values()]
        if number is None or len(values) == number:
            found.append((sum(less for less, _ in values), -sum(gained for _, gained in values)))
    if not found:
        return None
    missing, less = min(found)
    return missing, -less


# --- cases drawn at random -----------------------------------------------------------------------


def squares(rows, columns):
    """Draw a grid of nodes numbered by rows."""
    return nx.convert_node_labels_to_integers(nx.grid_2d_graph(rows, columns), ordering="sorted")


def line(count):
    """Draw 0 ─ 1 ─ 2 ─ … ."""
    return nx.path_graph(count)


def drawn_borders(random, rows, columns):
    """Draw a grid with holes and cuts, or a tree with some more borders."""
    count = rows * columns
    if random.random() < 0.6:
        graph = squares(rows, columns)
        for border in list(graph.edges):
            if random.random() < 0.15:
                graph.remove_edge(*border)
        return graph
    graph = nx.Graph()
    graph.add_nodes_from(range(count))
    for node in range(1, count):
        if random.random() < 0.95:  # else an island
            graph.add_edge(node, int(random.integers(max(0, node - 4), node)))
    for _ in range(count // 3):
        one, other = random.integers(0, count, 2).tolist()
        if one != other and abs(one - other) <= 4:
            graph.add_edge(one, other)
    return graph


SHAPES = ((4, 4), (5, 5), (3, 5), (2, 4), (1, 6), (3, 3), (4, 6), (2, 2), (1, 2), (1, 1), (5, 4))
SMALL = ((2, 4), (1, 7), (2, 3), (1, 5), (2, 2), (1, 3), (1, 1))


def drawn_case(random, *, shapes=SHAPES, outside=True, limits=True):
    """Draw a case: whole flows with zeros and self-flows, populations with zeros, wishes."""
    rows, columns = shapes[int(random.integers(len(shapes)))]
    borders = drawn_borders(random, rows, columns)
    count = len(borders)
    dense, most = random.choice([0.05, 0.3, 0.8]), int(random.choice([2, 50, 5_000]))
    flows = {
        (i, j): int(random.integers(0, most))
        for i in range(count)
        for j in range(count)
        if random.random() < dense
    }
    first = int(random.integers(count))
    flows[first, first] = flows.get((first, first), 0) + 1  # never no flow at all
    people = (random.integers(0, 100, count) * (random.random(count) < 0.9)).tolist()
    away = tuple(
        (random.integers(0, 30, count) * (random.random(count) < 0.4) * outside).tolist()
        for _ in range(2)
    )
    case = Case(flows, borders, people, away)
    if not limits:
        return case
    alone = frozenset(np.flatnonzero(random.random(count) < 0.1).tolist())
    pairs = random.integers(0, count, (int(random.integers(0, 4)), 2)).tolist()
    return replace(
        case,
        minimum=[None, 60, 150, 300][random.integers(4)],
        maximum=[None, 150, 400][random.integers(3)],
        poles=frozenset(np.flatnonzero(random.random(count) < 0.4).tolist())
        if random.random() < 0.5
        else None,
        rivals=frozenset((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1])
        if random.random() < 0.5
        else frozenset(),
        shut=alone if random.random() < 0.4 else frozenset(),
    )


@st.composite
def cases(draw, *, shapes=SHAPES, outside=True, limits=True):
    """Draw a case from a seed: what fails can be drawn again."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return drawn_case(random, shapes=shapes, outside=outside, limits=limits)


def whole_labels(random, case):
    """Draw labels in one piece each: borders are opened at random (rules may be broken)."""
    opened = nx.Graph([edge for edge in case.borders.edges if random.random() < 0.45])
    opened.add_nodes_from(case.borders)
    labels = np.zeros(len(case), dtype=np.int32)
    for number, nodes in enumerate(nx.connected_components(opened)):
        labels[list(nodes)] = number
    return labels


def kept_labels(random, case):
    """Draw a division that keeps the rules that hold always, by mergers at random."""
    labels = np.arange(len(case), dtype=np.int32)
    edges = [list(edge) for edge in case.borders.edges]
    for place in random.permutation(len(edges)):
        one, other = labels[edges[place]]
        merged = np.where(labels == one, other, labels)
        if random.random() < 0.7 and not broken(case, merged):
            labels = merged
    return labels
