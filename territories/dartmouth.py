"""Territories grown around the communes that receive patients: the refined Dartmouth method."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from territories.errors import ConstraintError, fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from territories.network import Network

    Ints = NDArray[np.int32]
    Longs = NDArray[np.int64]
    Floats = NDArray[np.float64]

NONE: Final = -1


def dartmouth(
    network: Network,
    *,
    minimum: int | None = None,
    min_localisation: float = 0.0,
    contiguous: bool = True,
) -> NDArray[np.int32]:
    """Build territories around destination communes, one commune after the other.

    1. The communes that receive something are the first territories.
    2. Each other commune joins the territory to which it sends its largest flow, if that one is
       also the one with the largest flow among those beside it (ties: the least populated, then
       the first); all together, and again until none does.
    3. The rest join the territory beside them to which they send most, even nothing (ties: the
       same), all together, and again.
    4. The territory with fewest inhabitants, as long as it has under `minimum`, is merged into the
       one beside it to which it sends most, even nothing (ties: the same).
    5. Then the territory of least localisation index, as long as it is under `min_localisation`
       (what it sends to itself, of all that it sends; ties: the first), in the same way.

    Parameters
    ----------
    network
        Flows and borders of the communes.
    minimum
        Inhabitants that a territory must have; None: no minimum.
    min_localisation
        Localisation index that a territory must have, from 0 (none) to 1. A territory that sends
        nothing has none, and stays.
    contiguous
        Whether "beside" is across a shared border. False: anywhere, for flows over 0 only.

    Returns
    -------
    ndarray of int32
        For each commune, the number of the destination commune of its territory, that of the
        receiving one where territories were merged; -1 for those that border no territory, or,
        without contiguity, send nothing to any.

    Raises
    ------
    ConstraintError
        If `minimum` is negative or `min_localisation` is not a share.

    References
    ----------
    Wang, Wang (2022), refined Dartmouth method for hospital service areas.
    """
    faults = []
    if minimum is not None and minimum < 0:
        faults.append(fault("dartmouth_minimum", value=str(minimum)))
    if not 0 <= min_localisation <= 1:
        faults.append(fault("dartmouth_localisation", value=str(min_localisation)))
    if faults:
        raise ConstraintError(*faults)
    label = grown(network, contiguous=contiguous)
    if minimum or min_localisation:
        return merged(
            network,
            label,
            minimum=minimum or 0,
            min_localisation=min_localisation,
            contiguous=contiguous,
        )
    return label


def grown(network: Network, *, contiguous: bool = True) -> NDArray[np.int32]:
    """Do steps 1 to 3 of `dartmouth`: each commune with a destination commune, none merged."""
    nodes = len(network)
    label = np.where(network.received > 0, np.arange(nodes), NONE).astype(np.int32)
    # Only seeds receive, so that what a commune sends to a territory is what it sends to its seed.
    keys = network.source.astype(np.int64) * nodes + network.target
    begins = np.repeat(np.arange(nodes), np.diff(network.borders.start))
    most = np.zeros(nodes)
    np.maximum.at(most, network.source, network.weight)
    for largest_only in (True, False):
        while True:
            if contiguous:
                open_border = (label[begins] == NONE) & (label[network.borders.to] != NONE)
                nears = begins[open_border], label[network.borders.to[open_border]]
            else:
                open_arc = (label[network.source] == NONE) & (network.weight > 0)
                nears = network.source[open_arc], network.target[open_arc]
            pairs = np.unique(nears[0].astype(np.int64) * nodes + nears[1])
            node, territory = pairs // max(nodes, 1), pairs % max(nodes, 1)
            flow = _looked_up(pairs, keys, network.weight)
            if largest_only:
                largest = (flow == most[node]) & (flow > 0)
                node, territory, flow = node[largest], territory[largest], flow[largest]
            if not len(node):
                break
            people = _inhabitants(network, label)
            order = np.lexsort((territory, people[territory], -flow, node))
            first = order[np.flatnonzero(np.diff(node[order], prepend=-1))]
            label[node[first]] = territory[first]
    return label


def _looked_up(wanted: Longs, keys: Longs, weight: Floats) -> Floats:
    """Return the weights of some keys, 0 for those that are not there."""
    if not len(keys):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, weight[place], 0.0)


def _inhabitants(network: Network, label: Ints) -> Longs:
    inside = label != NONE
    people = np.zeros(len(network), dtype=np.int64)
    np.add.at(people, label[inside], network.population[inside])
    return people


def merged(
    network: Network,
    label: NDArray[np.int32],
    *,
    minimum: int = 0,
    min_localisation: float = 0.0,
    contiguous: bool = True,
) -> NDArray[np.int32]:
    """Do steps 4 and 5 of `dartmouth` on given territories; one beside no other stays as it is."""
    areas = _Areas(network, label, contiguous=contiguous)
    areas.merge(areas.inhabitants, minimum)
    areas.merge(areas.localisation, min_localisation)
    final = np.array(areas.final(), dtype=np.int32)
    return np.where(label == NONE, label, final[label])


class _Areas:
    """Territories that are merged two by two; each has the number of its label."""

    def __init__(self, network: Network, label: Ints, *, contiguous: bool) -> None:
        nodes = len(network)
        inside = label != NONE
        self.contiguous = contiguous
        self.into = list(range(nodes))
        self.people = _inhabitants(network, label).tolist()
        self.sent = np.bincount(label[inside], network.sent[inside], nodes).tolist()
        self.flow: dict[int, dict[int, float]] = {}
        self.beside: dict[int, set[int]] = {}
        for each in np.unique(label[inside]).tolist():
            self.flow[each], self.beside[each] = {}, set()
        self.senders: dict[int, set[int]] = {each: set() for each in self.flow}
        between = inside[network.source] & inside[network.target] & (network.weight > 0)
        arcs = label[network.source[between]], label[network.target[between]]
        flows = network.weight[between].tolist()
        for one, other, flow in zip(*(each.tolist() for each in arcs), flows, strict=True):
            self._send(one, other, flow)
        begins = np.repeat(label, np.diff(network.borders.start))
        ends = label[network.borders.to]
        crossed = (begins != ends) & (begins != NONE) & (ends != NONE)
        for one, other in zip(begins[crossed].tolist(), ends[crossed].tolist(), strict=True):
            self.beside[one].add(other)

    def _send(self, one: int, other: int, flow: float) -> None:
        self.flow[one][other] = self.flow[one].get(other, 0.0) + flow
        self.senders[other].add(one)

    def inhabitants(self, territory: int) -> float:
        """Return the inhabitants of a territory."""
        return float(self.people[territory])

    def localisation(self, territory: int) -> float:
        """Return the share of what a territory sends that stays; infinite when it sends nothing."""
        sent = self.sent[territory]
        return self.flow[territory].get(territory, 0.0) / sent if sent else math.inf

    def merge(self, value: Callable[[int], float], least: float) -> None:
        """Merge the territory of least value, as long as that is under the least there may be."""
        waiting = [(value(each), each) for each in self.flow]
        heapq.heapify(waiting)
        while waiting:
            worth, territory = heapq.heappop(waiting)
            if not worth < least:
                return
            if territory not in self.flow or worth != value(territory):
                continue  # merged since; what it was merged into waits with its new value
            receiver = self.receiver(territory)
            if receiver != NONE:
                self._join(territory, receiver)
                heapq.heappush(waiting, (value(receiver), receiver))

    def receiver(self, territory: int) -> int:
        """Return the territory beside one to which it sends most."""
        flow = self.flow[territory]
        candidates = self.beside[territory] if self.contiguous else flow.keys() - {territory}
        ranks = ((-flow.get(each, 0.0), self.people[each], each) for each in candidates)
        return min(ranks, default=(0.0, 0, NONE))[2]

    def _join(self, gone: int, receiver: int) -> None:
        self.into[gone] = receiver
        self.people[receiver] += self.people[gone]
        self.sent[receiver] += self.sent[gone]
        for sender in sorted(self.senders.pop(gone) - {gone}):
            self._send(sender, receiver, self.flow[sender].pop(gone))
        for other, flow in self.flow.pop(gone).items():
            self._send(receiver, receiver if other == gone else other, flow)
            self.senders[receiver if other == gone else other].discard(gone)
        for other in self.beside.pop(gone):
            self.beside[other].remove(gone)
            if other != receiver:
                self.beside[other].add(receiver)
                self.beside[receiver].add(other)

    def final(self) -> list[int]:
        """Return for each territory the one in which it has ended."""
        for each in range(len(self.into)):
            end = each
            while self.into[end] != end:
                end = self.into[end]
            self.into[each] = end
        return self.into
