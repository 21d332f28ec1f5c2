"""Communities of a flow network that are each in one piece: the search behind `delineate`.

Plain Python on lists: easy to follow, fast enough for a region. Numbers stand for nodes, in
canonical order, so that a result depends on the flows, the parameters and the seed only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EPSILON: Final = 1e-12

# Resolutions tried when a number of territories is wanted: from 0.5 up by quarters.
RESOLUTIONS: Final = tuple(0.5 * 1.25**step for step in range(45))

# How many finer divisions are merged down to a wanted number; the best is kept.
_STARTS: Final = 6


@dataclass(frozen=True)
class Network:
    """Flows and borders between nodes; what goes outside counts in the sums only.

    Attributes
    ----------
    linked
        For each node, the other nodes and the flow with them, both ways added.
    inside, sent, received
        For each node: its flow to itself, all that it sends, all that it receives.
    neighbours
        For each node, those it shares a border with.
    population
        Inhabitants of each node.
    total
        All flows, those with the outside too.
    """

    linked: list[list[tuple[int, float]]]
    inside: list[float]
    sent: list[float]
    received: list[float]
    neighbours: list[list[int]]
    population: list[int]
    total: float

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.neighbours)


@dataclass(frozen=True)
class Bounds:
    """Inhabitants a territory may have; None: no bound."""

    minimum: int | None = None
    maximum: int | None = None

    def too_small(self, population: int) -> bool:
        """Tell whether a territory is under the minimum."""
        return self.minimum is not None and population < self.minimum

    def too_large(self, population: int) -> bool:
        """Tell whether a territory is over the maximum."""
        return self.maximum is not None and population > self.maximum


class Partition:
    """A division that is being improved: labels, and the sums of each label."""

    def __init__(self, network: Network, labels: Sequence[int], resolution: float) -> None:
        self.network = network
        self.resolution = resolution
        self.labels = list(labels)
        self.members: dict[int, set[int]] = {}
        self.sent: dict[int, float] = {}
        self.received: dict[int, float] = {}
        self.population: dict[int, int] = {}
        for node, label in enumerate(self.labels):
            self._put(node, label)

    def __len__(self) -> int:
        """Return the number of labels in use."""
        return len(self.members)

    def _put(self, node: int, label: int) -> None:
        network = self.network
        self.members.setdefault(label, set()).add(node)
        self.sent[label] = self.sent.get(label, 0.0) + network.sent[node]
        self.received[label] = self.received.get(label, 0.0) + network.received[node]
        self.population[label] = self.population.get(label, 0) + network.population[node]
        self.labels[node] = label

    def move(self, node: int, label: int) -> None:
        """Give a node another label; a label without nodes is forgotten."""
        old = self.labels[node]
        network = self.network
        self.members[old].discard(node)
        self.sent[old] -= network.sent[node]
        self.received[old] -= network.received[node]
        self.population[old] -= network.population[node]
        if not self.members[old]:
            del self.members[old], self.sent[old], self.received[old], self.population[old]
        self._put(node, label)

    def merge(self, label: int, into: int) -> None:
        """Give all nodes of a label another one."""
        for node in sorted(self.members[label]):
            self.move(node, into)

    def links(self, nodes: Iterable[int]) -> dict[int, float]:
        """Add up the flow between some nodes and each label."""
        flows: dict[int, float] = {}
        labels = self.labels
        for node in nodes:
            for other, flow in self.network.linked[node]:
                label = labels[other]
                flows[label] = flows.get(label, 0.0) + flow
        return flows

    def around(self, label: int) -> list[int]:
        """List the labels across the borders of a label, in order."""
        labels = self.labels
        touching = {
            labels[other] for node in self.members[label] for other in self.network.neighbours[node]
        }
        touching.discard(label)
        return sorted(touching)

    def gain_of_merging(self, label: int, other: int, flow: float) -> float:
        """Return what modularity gains, times the total, when two labels become one."""
        expected = self.sent[label] * self.received[other] + self.received[label] * self.sent[other]
        return flow - self.resolution * expected / self.network.total

    def stays_whole_without(self, node: int) -> bool:
        """Tell whether the other nodes of a node's label stay in one piece when it leaves."""
        label = self.labels[node]
        labels, neighbours = self.labels, self.network.neighbours
        ring = [other for other in neighbours[node] if labels[other] == label]
        if len(ring) < 2:  # noqa: PLR2004
            return True
        missing = set(ring[1:])
        seen = {node, ring[0]}
        queue = deque([ring[0]])
        while queue and missing:
            for other in neighbours[queue.popleft()]:
                if labels[other] == label and other not in seen:
                    seen.add(other)
                    missing.discard(other)
                    queue.append(other)
        return not missing

    def modularity(self) -> float:
        """Return the directed modularity, flows inside nodes included."""
        network = self.network
        twice = inside = 0.0
        for node, label in enumerate(self.labels):
            inside += network.inside[node]
            twice += sum(f for other, f in network.linked[node] if self.labels[other] == label)
        expected = sum(self.sent[label] * self.received[label] for label in sorted(self.members))
        return (inside + twice / 2 - self.resolution * expected / network.total) / network.total


def shuffled(count: int, seed: int) -> list[int]:
    """Return 0 to count - 1 in an order that depends on the seed only (splitmix64).

    Neither Python nor numpy promises the same permutation in its next version; this does.
    """
    order = list(range(count))
    state = seed & 0xFFFFFFFFFFFFFFFF
    for last in range(count - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        chosen = (mixed ^ (mixed >> 31)) % (last + 1)
        order[last], order[chosen] = order[chosen], order[last]
    return order


def improve(
    partition: Partition,
    bounds: Bounds,
    seed: int,
    *,
    keep_number: bool = False,
    fixed: frozenset[int] = frozenset(),
) -> bool:
    """Move nodes across borders while modularity gains; return whether any moved.

    A move never cuts the territory it leaves, never passes the maximum, never takes a territory
    under the minimum that had it, and with `keep_number` never empties one.
    """
    network = partition.network
    labels, neighbours = partition.labels, network.neighbours
    queue = deque(shuffled(len(network), seed))
    queued = [True] * len(network)
    moved = False
    while queue:
        node = queue.popleft()
        queued[node] = False
        if node in fixed:
            continue
        own = labels[node]
        across = sorted({labels[other] for other in neighbours[node]} - {own})
        if not across or not _may_leave(partition, node, bounds, keep_number=keep_number):
            continue
        flows = partition.links([node])
        best, target = _EPSILON * network.total, own
        staying = _attraction(partition, node, own, flows)
        for label in across:
            if bounds.too_large(partition.population[label] + network.population[node]):
                continue
            gain = _attraction(partition, node, label, flows) - staying
            if gain > best:
                best, target = gain, label
        if target != own and partition.stays_whole_without(node):
            partition.move(node, target)
            moved = True
            for other in neighbours[node]:
                if labels[other] != target and not queued[other]:
                    queued[other] = True
                    queue.append(other)
    return moved


def _may_leave(partition: Partition, node: int, bounds: Bounds, *, keep_number: bool) -> bool:
    own = partition.labels[node]
    if len(partition.members[own]) == 1:
        return not keep_number
    before = partition.population[own]
    after = before - partition.network.population[node]
    return bounds.too_small(before) or not bounds.too_small(after)


def _attraction(partition: Partition, node: int, label: int, flows: dict[int, float]) -> float:
    """Return what a node adds to modularity in a label, as if it were not in any yet."""
    network = partition.network
    sent, received = partition.sent[label], partition.received[label]
    if partition.labels[node] == label:
        sent -= network.sent[node]
        received -= network.received[node]
    expected = network.sent[node] * received + network.received[node] * sent
    return flows.get(label, 0.0) - partition.resolution * expected / network.total


def aggregated(partition: Partition) -> tuple[Network, list[int]]:
    """Make each label one node; return the new network and the new node of each old one."""
    network = partition.network
    names = sorted(partition.members, key=lambda label: min(partition.members[label]))
    place = {label: index for index, label in enumerate(names)}
    node_of = [place[label] for label in partition.labels]
    linked: list[dict[int, float]] = [{} for _ in names]
    inside = [0.0] * len(names)
    borders: list[set[int]] = [set() for _ in names]
    for node, mine in enumerate(node_of):
        inside[mine] += network.inside[node]
        for other, flow in network.linked[node]:
            theirs = node_of[other]
            if theirs == mine:
                inside[mine] += flow / 2  # each pair is listed at both of its ends
            else:
                linked[mine][theirs] = linked[mine].get(theirs, 0.0) + flow
        borders[mine].update(node_of[other] for other in network.neighbours[node])
    return (
        Network(
            linked=[sorted(flows.items()) for flows in linked],
            inside=inside,
            sent=[partition.sent[label] for label in names],
            received=[partition.received[label] for label in names],
            neighbours=[sorted(border - {index}) for index, border in enumerate(borders)],
            population=[partition.population[label] for label in names],
            total=network.total,
        ),
        node_of,
    )


def communities(network: Network, resolution: float, bounds: Bounds, seed: int) -> list[int]:
    """Divide a network by moves across borders, level by level, until nothing gains.

    The maximum is kept all along; territories under the minimum remain (see `merge_small`).
    """
    labels = list(range(len(network)))
    only_maximum = Bounds(maximum=bounds.maximum)
    level = network
    node_of = list(range(len(network)))
    while True:
        partition = Partition(level, range(len(level)), resolution)
        if not improve(partition, only_maximum, seed):
            return labels
        labels = [partition.labels[node] for node in node_of]
        # Communes move again before they are tied together: it undoes the early mistakes of
        # levels, and is what keeps this simple search close to Leiden's.
        fine = Partition(network, labels, resolution)
        improve(fine, only_maximum, seed + 1)
        level, node_of = aggregated(fine)
        labels = node_of


def merge_small(partition: Partition, bounds: Bounds) -> set[int]:
    """Merge territories under the minimum, the smallest first, where it costs least.

    Returns
    -------
    set of int
        Labels that stay under the minimum: no neighbour, or none that can take them.
    """
    stuck: set[int] = set()
    while True:
        small = [
            (population, min(partition.members[label]), label)
            for label, population in partition.population.items()
            if bounds.too_small(population) and label not in stuck
        ]
        if not small:
            return stuck
        label = min(small)[2]
        into = _best_merge(partition, label, bounds)
        if into is None:
            stuck.add(label)
        else:
            partition.merge(label, into)


def _best_merge(partition: Partition, label: int, bounds: Bounds) -> int | None:
    """Choose the neighbour that gains most; equal: the least populated, then the first."""
    flows = partition.links(partition.members[label])
    choices = [
        (
            -partition.gain_of_merging(label, other, flows.get(other, 0.0)),
            partition.population[other],
            min(partition.members[other]),
            other,
        )
        for other in partition.around(label)
        if not bounds.too_large(partition.population[label] + partition.population[other])
    ]
    return min(choices)[3] if choices else None


def merge_down(partition: Partition, number: int, bounds: Bounds) -> None:
    """Merge neighbours, the pair that gains most first, until `number` territories are left."""
    while len(partition) > number:
        choices = []
        for label in sorted(partition.members):
            flows = partition.links(sorted(partition.members[label]))
            for other in partition.around(label):
                joint = partition.population[label] + partition.population[other]
                if label < other and not bounds.too_large(joint):
                    gain = partition.gain_of_merging(label, other, flows.get(other, 0.0))
                    choices.append((-gain, label, other))
        if not choices:
            return
        _, label, other = min(choices)
        partition.merge(other, label)


def bounded(network: Network, resolution: float, bounds: Bounds, seed: int) -> Partition:
    """Divide a network under both bounds, as many territories as the resolution gives."""
    partition = Partition(network, communities(network, resolution, bounds, seed), resolution)
    merge_small(partition, bounds)
    improve(partition, bounds, seed + 2)
    merge_small(partition, bounds)
    return partition


def without_care(partition: Partition) -> list[int]:
    """List the labels none of whose nodes receives anything: no pole can hold them."""
    received = partition.network.received
    return [
        label
        for label, members in sorted(partition.members.items())
        if not any(received[node] > 0 for node in members)
    ]


def numbered(network: Network, number: int, bounds: Bounds, seed: int) -> Partition:
    """Divide a network into a wanted number of territories, or as close to it as can be.

    1. The resolution rises step by step until it gives at least that many. 2. From several finer
    divisions, and from the nodes themselves where none is fine enough, neighbours merge until the
    number is reached. 3. Borders settle at the finest resolution that did not give too many of
    itself: finer ones peel the surroundings off a large town, since what the town draws from
    everywhere outweighs what it draws from them. 4. Kept: the division with fewest territories
    under the minimum, then without care, then the highest modularity.
    """
    settled = RESOLUTIONS[0]
    starts: list[Partition] = []
    for resolution in RESOLUTIONS:
        division = bounded(network, resolution, bounds, seed)
        if len(division) <= number:
            settled = resolution
        if len(division) >= number:
            starts.append(division)
        if len(starts) == _STARTS:
            break
    if not starts:
        nodes = Partition(network, range(len(network)), settled)
        merge_small(nodes, bounds)
        starts.append(nodes)
    ranked: list[tuple[tuple[float, ...], Partition]] = []
    for start in starts:
        partition = Partition(network, start.labels, settled)
        merge_down(partition, number, bounds)
        while improve(partition, bounds, seed, keep_number=True):
            pass  # what was in the way of a move may have moved since
        small = sum(map(bounds.too_small, partition.population.values()))
        rank = (
            abs(len(partition) - number),
            small,
            len(without_care(partition)),
            -partition.modularity(),
            len(ranked),
        )
        ranked.append((rank, partition))
    return min(ranked, key=lambda each: each[0])[1]


def proposed(network: Network, most: int, bounds: Bounds, seed: int) -> Partition:
    """Divide a network as finely as each territory still has a place of care.

    The finest of the `RESOLUTIONS` is kept that gives no more than `most` territories, and no more
    of them without care than the first does: those (islands, communes treated elsewhere) cannot be
    helped. Where the first gives too many already, neighbours merge.
    """
    best: Partition | None = None
    unavoidable = 0
    for resolution in RESOLUTIONS:
        division = bounded(network, resolution, bounds, seed)
        careless = len(without_care(division))
        if best is None:
            unavoidable = careless
        if len(division) > most or careless > unavoidable:
            break
        best = division
    return numbered(network, most, bounds, seed) if best is None else best
