"""Territories that hold enough of their flows for their size: self-containment, as labour areas."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

from territories.dartmouth import grown
from territories.errors import ConstraintError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from territories.network import Network

    Ints = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Which = NDArray[np.bool_]

OUT: Final = -1

# Moves in all, for each commune: some dozens by experience. Never a time, which would make the
# result depend on the machine.
_STEPS: Final = 1_000
RESERVE: Final = -2

# Shares of whole numbers under a million million are equal, or further apart than this.
SAME: Final = 1e-12

# A commune that has moved so often goes round in circles.
TURNS: Final = 50


def self_containment(
    network: Network,
    *,
    min_size: float = 1_000,
    min_containment: float = 0.6667,
    target_size: float = 10_000,
    target_containment: float = 0.75,
    contiguous: bool = True,
) -> NDArray[np.int32]:
    """Build the territories of Coombes and Bond, in the order of ISTAT's LabourMarketAreas.

    Each commune begins as a territory. The containment of a territory is the lesser of the shares
    of its flows that stay inside, among what it sends and among what it receives; its validity
    weighs that against its size, which is what it sends. As long as one has a validity under 1:

    1. The territory of least validity, the first of them, gives up the commune that has most flow
       with the outside: what comes from outside the territory, and all that goes to another
       commune. Ties: the first.
    2. The commune joins the territory to which it is tied most, with T(c, d) = F_cd²/(out_c·in_d)
       + F_dc²/(out_d·in_c), if the validity of that one does not fall; else it goes to the reserve.
       Ties: a territory that sends the commune nothing before one that does, then the last.
    3. What is left of the territory, when it is several communes, is judged the next time on the
       flow of each pair of them against the totals of each of them: it is taken apart, commune by
       commune, unless another territory is less valid still. Its validity as a whole is not looked
       at: the paper does not say so, but the R package does, and it is its results that count.
    4. When the commune of step 1 is tied to no territory, it goes to the reserve, and the others
       of its territory leave one by one, the least valid alone first (the last on ties), as in
       step 2. The R package looks for the least valid in other territories too; not so here.

    In the end the communes of the reserve, the last first, again and again, join the territory to
    which they are tied most.

    Parameters
    ----------
    network
        Flows and borders of the communes.
    min_size, target_size
        What a territory must send at least; from the second on, `min_containment` is enough.
    min_containment, target_containment
        Containment asked of a territory of the target size, and of one of the least size.
    contiguous
        A territory receives communes across a shared border only, and gives up no commune without
        which it is in pieces: in step 1 the first that can join another territory goes, else the
        first, to the reserve; there is no step 4. The communes that receive nothing (few have
        doctors) are no territories to begin with, but with one that does (steps 1 to 3 of
        `dartmouth`). False: as published.

    Returns
    -------
    ndarray of int32
        For each commune, the number of the commune with which its territory began; -1 for those
        in none. As published these send nothing, receive nothing, or have flows with themselves
        only, the others in none not counted; and those of the reserve without flow with any
        territory. With `contiguous`, those of the reserve without flow with a territory beside
        them, and islands that receive nothing.

    Raises
    ------
    ConstraintError
        If the least size is not over 0 and under the target, or the least containment not over 0
        and at most the target, or that is over 1.

    Notes
    -----
    Where communes go round in circles the R package never ends; here a commune that has moved 50
    times goes to the reserve when it leaves a territory again.

    References
    ----------
    Coombes, Bond (2008), Travel-to-Work Areas: the 2007 review. Franconi, D'Alò, Ichim (2016),
    Istat implementation of the algorithm to develop labour market areas; R package
    LabourMarketAreas 3.4.
    """
    rules = Rules(min_size, min_containment, target_size, target_containment, contiguous)
    _refuse(rules)
    areas = _Areas(network, grown(network) if contiguous else _published(network), rules)
    areas.dissolve()
    areas.empty_reserve()
    label = np.array(areas.label, dtype=np.int32)
    return np.where(label == RESERVE, np.int32(OUT), label)


class Rules(NamedTuple):
    """What a territory must be (see `self_containment`)."""

    min_size: float
    min_containment: float
    target_size: float
    target_containment: float
    contiguous: bool = True


def _refuse(rules: Rules) -> None:
    faults = []
    if not 0 < rules.min_size < rules.target_size < np.inf:
        values = {"least": str(rules.min_size), "target": str(rules.target_size)}
        faults.append(fault("containment_sizes", **values))
    if not 0 < rules.min_containment <= rules.target_containment <= 1:
        values = {"least": str(rules.min_containment), "target": str(rules.target_containment)}
        faults.append(fault("containment_shares", **values))
    if faults:
        raise ConstraintError(*faults)


def validity(inside: float, sent: float, received: float, rules: Rules) -> float:
    """Return how valid a territory is: 1 or more where it is contained enough for its size.

    Parameters
    ----------
    inside, sent, received
        Flows that stay in the territory, and all that it sends and receives.
    rules
        What is asked of it.
    """
    if sent == 0 or received == 0:
        return 0.0
    containment = min(inside / sent, inside / received)
    if abs(containment - 1) < SAME:
        return 1.0
    reached = min(containment / rules.target_containment, 1.0)
    missing = max((rules.target_size - sent) / (rules.target_size - rules.min_size), 0.0)
    asked = 1 - (1 - rules.min_containment / rules.target_containment) * missing
    return reached * asked * (rules.target_containment / rules.min_containment)


class _Areas:
    """Territories on the way: where each commune is, and the sums of each territory.

    A territory has the number of the commune from which it began. Sums are kept up to date, move
    by move; where flows are whole numbers, they are exact.
    """

    def __init__(self, network: Network, start: Ints, rules: Rules) -> None:
        nodes = len(network)
        taking_part = start >= 0
        self.rules = rules
        totals = _totals(network, taking_part)
        self.node_own: list[float] = totals.own.tolist()
        self.node_sent: list[float] = totals.sent.tolist()
        self.node_received: list[float] = totals.received.tolist()
        self.flows_to, self.flows_from = _ends(network, taking_part)
        self.neighbours = _cut(network.borders.start, network.borders.to.tolist())
        self.label = np.where(taking_part, RESERVE, OUT).tolist()
        self.members: list[set[int]] = [set() for _ in range(nodes)]
        self.inside, self.sent, self.received = ([0.0] * nodes for _ in range(3))
        self.validity = np.full(nodes, np.inf)
        for node in np.flatnonzero(taking_part).tolist():
            self.join(node, int(start[node]))
        self.turns = [0] * nodes
        # The territory that has just lost a commune and has several left (step 3).
        self.opened = -1

    def alone(self, node: int) -> float:
        """Return the validity of one commune alone."""
        own, sent, received = self.node_own[node], self.node_sent[node], self.node_received[node]
        return validity(own, sent, received, self.rules)

    def dissolve(self) -> None:
        """Take the least valid territory apart, commune by commune, until all are valid."""
        most = _STEPS * max(len(self.label), 1)
        for _ in range(most):
            least, value = self.least_valid()
            if not value < 1:
                return
            several = len(self.members[least]) > 2  # noqa: PLR2004 - two at least are left
            node, receiver = self.first_to_go(least)
            self.move(node, receiver)
            self.opened = least if several else -1
            if receiver == OUT and not self.rules.contiguous:
                self.scatter(least)
        raise ConstraintError(fault("containment_steps", steps=most))

    def least_valid(self) -> tuple[int, float]:
        """Return the territory of least validity, the first of them, and its validity."""
        if self.opened < 0:
            least = int(np.argmin(self.validity)) if len(self.validity) else -1
            return least, float(self.validity[least]) if least >= 0 else np.inf
        whole, self.validity[self.opened] = self.validity[self.opened], np.inf
        least = int(np.argmin(self.validity))
        value = float(self.validity[least])
        self.validity[self.opened] = whole
        lowest, _ = self.in_parts(self.opened, enough=value)
        if lowest < value or (lowest == value and self.opened < least):
            return self.opened, lowest
        return least, value

    def in_parts(self, territory: int, *, enough: float = -np.inf) -> tuple[float, float]:
        """Return the least and the greatest validity of the parts of a territory (step 3).

        Once one is under `enough` and 1 the search ends: it may not be the least then.
        """
        members = self.members[territory]
        flows = {flow for node in members for flow in self.flows_in(node) if flow > 0} or {0.0}
        ends = {(self.node_sent[node], self.node_received[node]) for node in members}
        smallest = min(flows)
        least = min(validity(smallest, sent, received, self.rules) for sent, received in ends)
        if least < min(enough, 1):
            return least, np.inf
        values = [
            validity(flow, sent, received, self.rules)
            for flow, (sent, received) in product(flows, ends)
        ]
        return min(values), max(values)

    def flows_in(self, node: int) -> Iterator[float]:
        """Give the flows of a commune to each commune of its territory, itself too."""
        yield self.node_own[node]
        for other, flow in self.flows_to[node]:
            if self.label[other] == self.label[node]:
                yield flow

    def first_to_go(self, territory: int) -> tuple[int, int]:
        """Return the commune that leaves a territory first, and where it is tied most (step 1)."""
        waiting = OUT
        for node in sorted(self.members[territory], key=lambda node: (-self.outside(node), node)):
            receiver = self.tied_most(node)
            if not self.rules.contiguous:
                return node, receiver
            if (receiver >= 0 or waiting == OUT) and self.whole_without(node):
                if receiver >= 0:
                    return node, receiver
                waiting = node
        return waiting, OUT

    def outside(self, node: int) -> float:
        """Return what comes to a commune from outside its territory, and all it sends others."""
        label = self.label[node]
        inner = (flow for other, flow in self.flows_from[node] if self.label[other] == label)
        own, sent, received = self.node_own[node], self.node_sent[node], self.node_received[node]
        return (received - own - sum(inner)) + (sent - own)

    def whole_without(self, node: int) -> bool:
        """Say whether a territory is in one piece without one of its communes."""
        left = self.members[self.label[node]] - {node}
        if not left:
            return True
        reached = {min(left)}
        queue = list(reached)
        while queue:
            beside = left.intersection(self.neighbours[queue.pop()]) - reached
            reached |= beside
            queue.extend(beside)
        return len(reached) == len(left)

    def tied_most(self, node: int) -> int:
        """Return the territory to which a commune is tied most, but its own (step 2); or -1."""
        sends = self.by_territory(self.flows_to[node])
        comes = self.by_territory(self.flows_from[node])
        candidates = (sends.keys() | comes.keys()) - {self.label[node]}
        if self.rules.contiguous:
            candidates &= {self.label[each] for each in self.neighbours[node]}
        best, greatest = OUT, (-1.0, False, OUT)
        for territory in candidates:
            to, back = sends.get(territory, 0.0), comes.get(territory, 0.0)
            tie = 0.0
            if back > 0:
                tie += back / self.sent[territory] * back / self.node_received[node]
            if to > 0:
                tie += to / self.node_sent[node] * to / self.received[territory]
            rank = (tie, back == 0, territory)
            if rank > greatest:
                best, greatest = territory, rank
        return best

    def by_territory(self, flows: Iterable[tuple[int, float]]) -> dict[int, float]:
        """Add up the flows with the communes of each territory."""
        sums: dict[int, float] = {}
        for other, flow in flows:
            territory = self.label[other]
            if territory >= 0:
                sums[territory] = sums.get(territory, 0.0) + flow
        return sums

    def move(self, node: int, receiver: int) -> None:
        """Move a commune to a territory if it accepts it, else to the reserve (step 2)."""
        settled = receiver >= 0 and self.turns[node] < TURNS and self.accepts(node, receiver)
        self.leave(node)
        if settled:
            self.turns[node] += 1
            self.join(node, receiver)

    def accepts(self, node: int, territory: int) -> bool:
        """Say whether the validity of a territory does not fall when a commune joins it."""
        now = float(self.validity[territory])
        if territory == self.opened:
            _, now = self.in_parts(territory)
        inside, sent, received = self.exchanged(node, territory)
        then = validity(
            self.inside[territory] + inside,
            self.sent[territory] + sent,
            self.received[territory] + received,
            self.rules,
        )
        return then >= now

    def exchanged(self, node: int, territory: int) -> tuple[float, float, float]:
        """Return what a commune adds to a territory: flows inside, sent and received."""
        both = self.flows_to[node] + self.flows_from[node]
        inside = sum((flow for other, flow in both if self.label[other] == territory), 0.0)
        return self.node_own[node] + inside, self.node_sent[node], self.node_received[node]

    def leave(self, node: int) -> None:
        """Take a commune out of its territory, into the reserve."""
        territory = self.label[node]
        self.label[node] = RESERVE
        self.members[territory].remove(node)
        self._add(territory, node, -1)

    def join(self, node: int, territory: int) -> None:
        """Put a commune of the reserve into a territory."""
        self._add(territory, node, 1)
        self.label[node] = territory
        self.members[territory].add(node)

    def _add(self, territory: int, node: int, sign: int) -> None:
        inside, sent, received = self.exchanged(node, territory)
        self.inside[territory] += sign * inside
        self.sent[territory] += sign * sent
        self.received[territory] += sign * received
        sums = self.inside[territory], self.sent[territory], self.received[territory]
        empty = sign < 0 and not self.members[territory]
        self.validity[territory] = np.inf if empty else validity(*sums, self.rules)

    def scatter(self, territory: int) -> None:
        """Let the communes of a territory leave one by one, each as if it were alone (step 4)."""
        self.opened = -1
        while self.members[territory]:
            value, last = min((self.alone(node), -node) for node in self.members[territory])
            if not value < 1:
                return
            self.move(-last, self.tied_most(-last))

    def empty_reserve(self) -> None:
        """Put the communes of the reserve where they are tied most, the last first, repeatedly."""
        waiting = [node for node, label in enumerate(self.label) if label == RESERVE][::-1]
        moved = True
        while moved:
            moved = False
            for node in waiting:
                receiver = self.tied_most(node) if self.label[node] == RESERVE else OUT
                if receiver >= 0:
                    self.join(node, receiver)
                    moved = True


class _Totals(NamedTuple):
    """What each commune keeps, sends and receives, communes that take no part not counted."""

    own: Floats
    sent: Floats
    received: Floats


def _totals(network: Network, taking_part: Which) -> _Totals:
    """Count the flows between the communes that take part, and those with the outside."""
    kept = taking_part[network.source] & taking_part[network.target]
    sums = []
    for ends, whole in ((network.source, network.sent), (network.target, network.received)):
        outside = whole - np.bincount(ends, network.weight, len(network))
        outside[outside < whole * SAME] = 0  # rounding
        sums.append(np.bincount(ends[kept], network.weight[kept], len(network)) + outside)
    return _Totals(network.inside, sums[0], sums[1])


def _published(network: Network) -> Ints:
    """Put each commune in a territory of its own, if it sends, receives, and not to itself only.

    Those that do not are left out, again and again: then what others sent them does not count.
    """
    taking_part = np.ones(len(network), dtype=np.bool_)
    while True:
        own, sent, received = _totals(network, taking_part)
        alone = (own == sent) & (own == received)
        stays = (sent > 0) & (received > 0) & ~alone & taking_part
        if stays.sum() == taking_part.sum():
            return np.where(stays, np.arange(len(network)), OUT).astype(np.int32)
        taking_part = stays


Flow = tuple[int, float]
Item = TypeVar("Item")


def _ends(network: Network, taking_part: Which) -> tuple[list[list[Flow]], list[list[Flow]]]:
    """List the flows of each commune to others and from others that take part."""
    source, target = network.source, network.target
    kept = (source != target) & taking_part[source] & taking_part[target] & (network.weight > 0)
    source, target, weight = source[kept], target[kept], network.weight[kept]
    listed = []
    for near, far in ((source, target), (target, source)):
        order = np.argsort(near, kind="stable")
        start = np.searchsorted(near[order], np.arange(len(network) + 1))
        flows = zip(far[order].tolist(), weight[order].tolist(), strict=True)
        listed.append(_cut(start, list(flows)))
    return listed[0], listed[1]


def _cut(start: NDArray[np.integer], listed: list[Item]) -> list[list[Item]]:
    """Cut a list into those of each commune."""
    ends = start.tolist()
    return [listed[one:other] for one, other in pairwise(ends)]
