"""Other programs that divide a network, each with the graph in its own form.

All get the same undirected weights: what i sends to j and j to i, added; self-flows by each one's
convention, so that modularity is the same number. The graph is built before the clock starts, and
labels are read after it stops. None of these is a dependency of the package.
"""

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, coo_matrix, csr_array, csr_matrix
from scipy.sparse.csgraph import connected_components

from territories.network import Network

Labels = NDArray[np.int64]

PUBLISHED_ITERATIONS = 20  # of Leiden, in ScLeiden
PROFILE = 50  # largest poles, whose shares are the features of Ward and Skater


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Attributes
    ----------
    name, modules
        What it is called, and what it needs.
    build
        From a network to what it works on.
    run
        From that, a resolution and a seed to its own result; only this is measured.
    read
        From its result and the number of nodes to the label of each node.
    """

    name: str
    modules: tuple[str, ...]
    build: Callable[[Network], object]
    run: Callable[[object, float, int], object]
    read: Callable[[object, int], Labels]


def library(name: str) -> ModuleType:
    """Import a program that may not be there."""
    return importlib.import_module(name)


def installed(peers: list[Peer]) -> tuple[list[Peer], list[str]]:
    """Return the peers that can be run, and the names of those that cannot, with the reason."""
    there, missing = [], []
    for peer in peers:
        try:
            for name in peer.modules:
                library(name)
        except ImportError as problem:
            missing.append(f"{peer.name} ({problem})")
        else:
            there.append(peer)
    return there, missing


def pairs(network: Network) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return each pair of nodes that exchange flows once, self-pairs last, and what they do."""
    nodes = len(network)
    begins = np.repeat(np.arange(nodes), np.diff(network.links.start))
    once = begins < network.links.to
    own = np.flatnonzero(network.inside)
    one = np.concatenate([begins[once], own])
    other = np.concatenate([network.links.to[once].astype(np.int64), own])
    return one, other, np.concatenate([network.exchanged[once], network.inside[own]])


def adjacency(network: Network) -> csr_array:
    """Return the symmetric matrix whose rows add up to degrees: a self-flow counts twice."""
    one, other, weight = pairs(network)
    nodes = len(network)
    half = coo_array((weight, (one, other)), shape=(nodes, nodes)).tocsr()
    return csr_matrix(half + half.T)


def _read_list(found: object, nodes: int) -> Labels:
    labels = np.asarray(found, dtype=np.int64)
    return labels[:nodes]


def _read_sets(found: object, nodes: int) -> Labels:
    labels = np.empty(nodes, dtype=np.int64)
    for number, members in enumerate(found):
        labels[list(members)] = number
    return labels


# --- networkx ------------------------------------------------------------------------------------


def _networkx_graph(network: Network) -> object:
    graph = library("networkx").Graph()
    graph.add_nodes_from(range(len(network)))
    graph.add_weighted_edges_from(zip(*(each.tolist() for each in pairs(network)), strict=True))
    return graph


def _networkx(graph: object, resolution: float, seed: int) -> object:
    community = library("networkx").community
    return community.louvain_communities(graph, resolution=resolution, seed=seed)


# --- igraph and leidenalg ------------------------------------------------------------------------


def _igraph_graph(network: Network) -> object:
    one, other, weight = pairs(network)
    graph = library("igraph").Graph(n=len(network), edges=np.column_stack([one, other]).tolist())
    graph.es["weight"] = weight.tolist()
    return graph


def _igraph_weighed(network: Network) -> object:
    graph = _igraph_graph(network)
    return graph, graph.strength(weights="weight", loops=True)


def _igraph(given: object, resolution: float, seed: int) -> object:
    """Give the degrees: those its ``objective_function="modularity"`` takes leave self-flows out.

    Measured on the region at resolution 3: .343 so, and .332 otherwise.
    """
    graph, degrees = given
    random.seed(seed)  # it draws from Python's own generator
    return graph.community_leiden(
        objective_function="CPM",
        weights="weight",
        node_weights=degrees,
        resolution=resolution / sum(degrees),
    ).membership


def leidenalg(graph: object, resolution: float, seed: int, iterations: int = 2) -> object:
    """Run leidenalg; 2 iterations are its default."""
    found = library("leidenalg").find_partition(
        graph,
        library("leidenalg").RBConfigurationVertexPartition,
        weights="weight",
        n_iterations=iterations,
        seed=seed,
        resolution_parameter=resolution,
    )
    return found.membership


# --- networkit, graspologic, scikit-network ------------------------------------------------------


def _networkit_graph(network: Network) -> object:
    networkit = library("networkit")
    networkit.setNumberOfThreads(1)
    one, other, weight = pairs(network)
    made = coo_matrix((weight, (one, other)), shape=(len(network), len(network)))
    return networkit.GraphFromCoo(made, n=len(network), weighted=True)


def _networkit(graph: object, resolution: float, seed: int) -> object:
    networkit = library("networkit")
    networkit.setSeed(seed, useThreadId=False)
    plm = networkit.community.PLM(graph, refine=True, gamma=resolution)
    plm.run()
    return plm.getPartition()


def _read_networkit(found: object, nodes: int) -> Labels:
    return _read_list(found.getVector(), nodes)


def _graspologic_graph(network: Network) -> object:
    """Leave self-flows out: with them, by whatever convention, it finds worse divisions."""
    matrix = adjacency(network)
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
    return (*parts, len(network))


def _graspologic(graph: object, resolution: float, seed: int) -> object:
    leiden = library("graspologic_native").leiden_csr
    _, found = leiden(*graph, resolution=resolution, seed=seed)
    return found


def _read_graspologic(found: object, nodes: int) -> Labels:
    # A node without flows is in no community of its: it is one of its own.
    return np.array([found.get(node, nodes + node) for node in range(nodes)], dtype=np.int64)


def _scikit_network(matrix: object, resolution: float, seed: int) -> object:
    louvain = library("sknetwork.clustering").Louvain(
        resolution=resolution, modularity="newman", shuffle_nodes=True, random_state=seed
    )
    return louvain.fit_predict(matrix)


# --- ScLeiden: Leiden, split, merge --------------------------------------------------------------


def split(labels: Labels, borders: csr_array) -> Labels:
    """Label each commune by its piece: communes of one community that borders join."""
    one = np.repeat(np.arange(len(labels)), np.diff(borders.indptr))
    same = labels[one] == labels[borders.indices]
    kept = coo_array((np.ones(same.sum()), (one[same], borders.indices[same])), borders.shape)
    return connected_components(kept, directed=False)[1].astype(np.int64)


def border_matrix(network: Network) -> csr_array:
    """Return the borders as a symmetric matrix."""
    start, to = network.borders
    return csr_array((np.ones(len(to)), to, start), shape=(len(network), len(network)))


@dataclass(frozen=True)
class Spatial:
    """What ScLeiden works on."""

    graph: object
    flows: csr_array
    borders: csr_array
    population: NDArray[np.int64]


def _spatial(network: Network) -> Spatial:
    return Spatial(
        _igraph_graph(network), adjacency(network), border_matrix(network), network.population
    )


def merge(pieces: Labels, communities: Labels, spatial: Spatial, minimum: int) -> Labels:
    """Merge small pieces into the adjacent one with most flow, the smallest first (ScLeiden).

    Small are those under the minimum and, of a community in pieces, all but the most populated.
    Without flow a piece joins the adjacent one with fewest inhabitants.
    """
    count = int(pieces.max()) + 1
    nodes = len(pieces)
    member = csr_array((np.ones(nodes), (np.arange(nodes), pieces)), shape=(nodes, count))
    people = np.bincount(pieces, spatial.population, count)
    flow = _rows(member.T @ spatial.flows @ member)
    touching = [set(row) for row in _rows(member.T @ spatial.borders @ member)]
    waits = ~_main_pieces(pieces, communities, people)
    into = np.arange(count)
    while True:
        small = [
            each
            for each in np.flatnonzero(into == np.arange(count)).tolist()
            if touching[each] and (waits[each] or people[each] < minimum)
        ]
        if not small:
            break
        least = min(small, key=lambda each: (people[each], each))
        target = min(
            touching[least], key=lambda each: (-flow[least].get(each, 0.0), people[each], each)
        )
        _join(least, target, flow, touching)
        people[target] += people[least]
        into[least] = target
    while (into[into] != into).any():
        into = into[into]
    return into[pieces]


def _rows(matrix: csr_array) -> list[dict[int, float]]:
    matrix = matrix.tocsr()
    rows: list[dict[int, float]] = []
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        found = dict(zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True))
        found.pop(row, None)
        rows.append(found)
    return rows


def _main_pieces(
    pieces: Labels, communities: Labels, people: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell of each piece whether it is the most populated of its community."""
    first = np.unique(pieces, return_index=True)[1]
    community = communities[first]
    order = np.lexsort((-people, community))
    main = np.zeros(len(people), dtype=bool)
    main[order[np.diff(community[order], prepend=-1) != 0]] = True
    return main


def _join(gone: int, target: int, flow: list[dict[int, float]], touching: list[set[int]]) -> None:
    for each, weight in flow[gone].items():
        flow[each].pop(gone)
        if each != target:
            flow[target][each] = flow[each][target] = flow[target].get(each, 0.0) + weight
    for each in touching[gone]:
        touching[each].discard(gone)
        if each != target:
            touching[each].add(target)
            touching[target].add(each)


def scleiden(minimum: int = 0) -> Peer:
    """Make Wang & Wang's ScLeiden (2022): leidenalg, then split, then merge."""

    def run(spatial: object, resolution: float, seed: int) -> object:
        found = np.asarray(leidenalg(spatial.graph, resolution, seed, PUBLISHED_ITERATIONS))
        return merge(split(found, spatial.borders), found, spatial, minimum)

    name = f"ScLeiden, minimum {minimum:,}" if minimum else "ScLeiden"
    return Peer(name, ("leidenalg", "igraph"), _spatial, run, _read_list)


# --- Ward and Skater: a number of territories, from profiles -------------------------------------


def _profiles(network: Network) -> NDArray[np.float64]:
    """Return, for each commune, the shares of its patients seen in the largest poles."""
    nodes = len(network)
    poles = np.sort(np.argsort(-network.received, kind="stable")[:PROFILE])
    sent = coo_array((network.weight, (network.source, network.target)), (nodes, nodes)).tocsr()
    return sent[:, poles].toarray() / np.maximum(network.sent, 1)[:, None]


def ward(territories: int) -> Peer:
    """Make scikit-learn's Ward with connectivity."""

    def build(network: Network) -> object:
        return _profiles(network), border_matrix(network)

    def run(given: object, _resolution: float, _seed: int) -> object:
        cluster = library("sklearn.cluster")
        profiles, borders = given
        return cluster.AgglomerativeClustering(territories, connectivity=borders).fit_predict(
            profiles
        )

    name = f"scikit-learn Ward, {territories} territories"
    return Peer(name, ("sklearn.cluster",), build, run, _read_list)


def skater(territories: int) -> Peer:
    """Make spopt's Skater."""

    def build(network: Network) -> object:
        table = library("pandas").DataFrame(_profiles(network))
        table.columns = [f"pole{each}" for each in table.columns]
        start, to = network.borders
        near = {node: to[start[node] : start[node + 1]].tolist() for node in range(len(network))}
        return table, library("libpysal.weights").W(near, silence_warnings=True)

    def run(given: object, _resolution: float, _seed: int) -> object:
        table, near = given
        made = library("spopt.region").Skater(table, near, list(table.columns), territories)
        made.solve()
        return made.labels_

    return Peer(
        f"spopt Skater, {territories} territories",
        ("spopt.region", "libpysal.weights"),
        build,
        run,
        _read_list,
    )


# --- the list ------------------------------------------------------------------------------------

NETWORKX = Peer("networkx Louvain", ("networkx",), _networkx_graph, _networkx, _read_sets)
LEIDENALG = Peer("leidenalg", ("leidenalg", "igraph"), _igraph_graph, leidenalg, _read_list)
IGRAPH = Peer("igraph Leiden", ("igraph",), _igraph_weighed, _igraph, _read_list)
NETWORKIT = Peer("networkit PLM", ("networkit",), _networkit_graph, _networkit, _read_networkit)
GRASPOLOGIC = Peer(
    "graspologic-native Leiden",
    ("graspologic_native",),
    _graspologic_graph,
    _graspologic,
    _read_graspologic,
)
SCIKIT_NETWORK = Peer(
    "scikit-network Louvain", ("sknetwork.clustering",), adjacency, _scikit_network, _read_list
)
UNCONSTRAINED = [NETWORKX, LEIDENALG, IGRAPH, NETWORKIT, GRASPOLOGIC, SCIKIT_NETWORK]
