"""Territories from a tree of mergers: Ward's on destinations, and intramax on flows."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

import numpy as np

from territories.errors import ConstraintError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    import scipy.sparse
    from numpy.typing import NDArray

    from territories.network import Network

    Ints = NDArray[np.int32]
    Floats = NDArray[np.float64]

# Profiles of more values than fit in memory (80 MB) are reduced to so many dimensions.
VALUES: Final = 10_000_000
DIMENSIONS: Final = 100


def ward(network: Network, number: int, *, contiguous: bool = True) -> NDArray[np.int32]:
    """Gather communes that go to the same places, by Ward's method.

    A commune is described by its profile: the share of what it sends that goes to each place, all
    that is outside counting as one (one that sends nothing has zeros everywhere). Two groups are
    merged where that adds least to the squares of the distances to their means, communes counting
    alike. A region's profiles are taken as they are; those of more than ten million values
    (communes times places that receive something) are reduced to 100 dimensions by truncated
    singular values, from a fixed random state: then 35 000 communes hold in memory.

    The tree is cut where `number` groups are left. Groups that no border joins are not merged: when
    the layer has more parts than `number`, each part is a territory. The parts of a layer are cut
    at the same height; where a merger is lower than one before it, in the same part, it counts as
    high as that one. Ties: as scikit-learn has them, then the first part.

    Parameters
    ----------
    network
        Flows and borders of the communes.
    number
        Territories wanted, 1 or more.
    contiguous
        Merge across shared borders only. False: any groups. Memory then grows with the square of
        the communes: for a region, not for France.

    Returns
    -------
    ndarray of int32
        For each commune, the lowest number of a commune of its territory.

    Raises
    ------
    ConstraintError
        If `number` is under 1.

    References
    ----------
    Ward (1963), as `sklearn.cluster.ward_tree`.
    """
    _refuse(number)
    if not len(network):
        return np.zeros(0, dtype=np.int32)
    profiles = _profiles(network)
    borders = _matrix(network)
    mergers: list[tuple[float, int, int, int, int]] = []
    parts = _parts(borders) if contiguous else [np.arange(len(network))]
    for part, members in enumerate(parts):
        within = borders[members][:, members] if contiguous else None
        for step, (height, one, other) in enumerate(_tree(profiles[members], within)):
            mergers.append((height, part, step, int(members[one]), int(members[other])))
    mergers.sort()
    pairs = [(one, other) for *_, one, other in mergers]
    return _cut(pairs, len(network), number)


def _refuse(number: int) -> None:
    if number < 1:
        raise ConstraintError(fault("number_not_positive", value=str(number)))


def _profiles(network: Network) -> Floats:
    """Describe each commune by the shares of its flows by destination."""
    from scipy import sparse  # noqa: PLC0415 - the engine starts without it
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415

    nodes = len(network)
    inside = np.bincount(network.source, network.weight, nodes)
    outside = np.maximum(network.sent - inside, 0)
    known = network.weight > 0
    places, column = np.unique(network.target[known], return_inverse=True)
    leaving = np.flatnonzero(outside)
    rows = np.concatenate([network.source[known], leaving])
    columns = np.concatenate([column, np.full(len(leaving), len(places))])
    flows = np.concatenate([network.weight[known], outside[leaving]])
    shares = flows / np.maximum(network.sent, outside)[rows]
    profiles = sparse.csr_array((shares, (rows, columns)), shape=(nodes, len(places) + 1))
    if nodes * len(places) <= VALUES or len(places) < DIMENSIONS:
        exact: Floats = profiles.toarray()
        return exact
    reduced: Floats = TruncatedSVD(DIMENSIONS, random_state=0).fit_transform(profiles)
    return reduced


def _matrix(network: Network) -> scipy.sparse.csr_array:
    from scipy import sparse  # noqa: PLC0415 - see above

    start, to = network.borders
    nodes = len(network)
    return sparse.csr_array((np.ones(len(to)), to, start), shape=(nodes, nodes))


def _parts(borders: scipy.sparse.csr_array) -> list[NDArray[np.intp]]:
    """List the communes of each part of the layer that borders join."""
    from scipy.sparse import csgraph  # noqa: PLC0415 - see above

    count, part = csgraph.connected_components(borders, directed=False)
    order = np.argsort(part, kind="stable")
    return np.split(order, np.searchsorted(part[order], np.arange(1, count)))


def _tree(
    profiles: Floats, borders: scipy.sparse.csr_array | None
) -> Iterator[tuple[float, int, int]]:
    """Give the mergers of Ward's tree in order, each as its height and one leaf of both sides."""
    from sklearn.cluster import ward_tree  # noqa: PLC0415 - see above

    if len(profiles) == 1:
        return
    children, _, leaves, _, heights = ward_tree(
        profiles, connectivity=borders, return_distance=True
    )
    leaf = list(range(leaves))
    for (one, other), height in zip(
        children.tolist(), np.maximum.accumulate(heights).tolist(), strict=True
    ):
        yield height, leaf[one], leaf[other]
        leaf.append(leaf[one])


def _cut(pairs: list[tuple[int, int]], nodes: int, number: int) -> NDArray[np.int32]:
    """Do the first mergers until `number` groups are left; the lowest number names a group."""
    group = list(range(nodes))

    def found(node: int) -> int:
        while group[node] != node:
            group[node] = group[group[node]]
            node = group[node]
        return node

    for one, other in pairs[: max(nodes - number, 0)]:
        low, high = sorted((found(one), found(other)))
        group[high] = low
    return np.array([found(node) for node in range(nodes)], dtype=np.int32)


def intramax(network: Network, number: int, *, contiguous: bool = True) -> NDArray[np.int32]:
    """Merge, step by step, the two territories with the greatest relative interaction.

    That is F_ij/(O_i·D_j) + F_ji/(O_j·D_i), where F are the flows between two territories, O all
    that one sends and D all that it receives, with the outside and with itself; a part whose O or
    D is zero counts as zero. Ties: the pair whose first territory has the lowest number, then its
    second; a territory has the lowest number of its communes.

    Parameters
    ----------
    network
        Flows and borders of the communes.
    number
        Territories wanted, 1 or more. More are left when none can be merged: as many as there are
        parts of the layer that no border joins, or, without contiguity, no flow.
    contiguous
        Merge across shared borders only, in the end even where there is no flow. False: as
        published, anywhere.

    Returns
    -------
    ndarray of int32
        For each commune, the lowest number of a commune of its territory.

    Raises
    ------
    ConstraintError
        If `number` is under 1.

    References
    ----------
    Masser, Brown (1975), Hierarchical aggregation procedures for interaction data; with the
    normalisation of Masser, Scheurwater (1980), as in Flowmap.
    """
    _refuse(number)
    nodes = len(network)
    groups = _Groups(network, contiguous=contiguous)
    pairs: list[tuple[int, int]] = []
    while len(pairs) < nodes - number:
        pair = groups.closest()
        if pair is None:
            break
        groups.merge(*pair)
        pairs.append(pair)
    return _cut(pairs, nodes, number)


class _Groups:
    """Territories being merged, their flows with each other, and the pairs that may be next."""

    def __init__(self, network: Network, *, contiguous: bool) -> None:
        nodes = len(network)
        self.sent, self.received = network.sent.tolist(), network.received.tolist()
        self.flow: list[dict[int, float]] = [{} for _ in range(nodes)]
        self.beside: list[set[int]] = [set() for _ in range(nodes)]
        known = (network.source != network.target) & (network.weight > 0)
        source, target = network.source[known], network.target[known]
        arcs = (source, target, network.weight[known])
        for one, other, flow in zip(*(each.tolist() for each in arcs), strict=True):
            self.flow[one][other] = flow
            self.flow[other].setdefault(one, 0.0)
        begins = np.repeat(np.arange(nodes), np.diff(network.borders.start))
        joined = (begins, network.borders.to) if contiguous else (source, target)
        for one, other in zip(*(each.tolist() for each in joined), strict=True):
            self.beside[one].add(other)
            self.beside[other].add(one)
        # A territory that is merged gets a new age: pairs of another age are out of date.
        self.age = [0] * nodes
        self.pairs = [
            self._rank(one, other)
            for one in range(nodes)
            for other in self.beside[one]
            if one < other
        ]
        heapq.heapify(self.pairs)

    def interaction(self, one: int, other: int) -> float:
        """Return the relative interaction of two territories."""
        there, back = self.flow[one].get(other, 0.0), self.flow[other].get(one, 0.0)
        value = 0.0
        if there > 0:
            value += there / self.sent[one] / self.received[other]
        if back > 0:
            value += back / self.sent[other] / self.received[one]
        return value

    def _rank(self, one: int, other: int) -> tuple[float, int, int, int, int]:
        low, high = min(one, other), max(one, other)
        return -self.interaction(low, high), low, high, self.age[low], self.age[high]

    def closest(self) -> tuple[int, int] | None:
        """Return the pair with the greatest relative interaction, the lowest numbers first."""
        while self.pairs:
            _, low, high, *ages = heapq.heappop(self.pairs)
            if ages == [self.age[low], self.age[high]]:
                return low, high
        return None

    def merge(self, low: int, high: int) -> None:
        """Merge the second territory into the first."""
        self.age[low] += 1
        self.age[high] = -1
        self.sent[low] += self.sent[high]
        self.received[low] += self.received[high]
        self.flow[low].pop(high, None)
        self.flow[high].pop(low, None)
        for other, flow in self.flow[high].items():
            self.flow[low][other] = self.flow[low].get(other, 0.0) + flow
            back = self.flow[other].pop(high)
            self.flow[other][low] = self.flow[other].get(low, 0.0) + back
        self.flow[high] = {}
        for other in self.beside[high]:
            self.beside[other].discard(high)
            if other != low:
                self.beside[other].add(low)
                self.beside[low].add(other)
        self.beside[high] = set()
        for other in self.beside[low]:
            heapq.heappush(self.pairs, self._rank(low, other))
