"""The network of communes as the engine reads it: flows and borders in arrays, in canonical order.

A node is a commune, numbered in the order of codes. Flows with places outside the layer count in
what communes send and receive, and in the total; those places are no nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int32]
    Places = NDArray[np.uint32]
    Floats = NDArray[np.float64]

Null = Literal["directed", "undirected", "population"]
NULLS: Final = ("directed", "undirected", "population")


class Links(NamedTuple):
    """For each node its others, one after the other: those of node i from start[i] to start[i+1].

    Unsigned: what cannot be negative needs no check for counting from the end, and the inner loops
    are a third faster.

    Attributes
    ----------
    start
        One more than the nodes.
    to
        The other node of each link, in ascending order for each node.
    """

    start: Places
    to: Places


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Flows and borders between nodes.

    Attributes
    ----------
    source, target, weight
        Arcs between nodes, each pair once, in order, self-arcs too; weights over 0.
    scatter
        Variance of each arc's weight for each unit of it, were patients drawn again (1 where the
        weight is a number of patients).
    sent, received
        All that each node sends and receives, with the outside too.
    total
        All flows that have a node at one end at least.
    borders
        Nodes that share a border, both ways.
    population
        Inhabitants of each node.
    """

    source: Ints
    target: Ints
    weight: Floats
    scatter: Floats
    sent: Floats
    received: Floats
    total: float
    borders: Links
    population: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        source: NDArray[np.integer],
        target: NDArray[np.integer],
        weight: NDArray[np.floating],
        *,
        left: NDArray[np.integer],
        right: NDArray[np.integer],
        population: NDArray[np.integer],
        scatter: NDArray[np.floating] | None = None,
        sent_outside: NDArray[np.floating] | None = None,
        received_outside: NDArray[np.floating] | None = None,
    ) -> Network:
        """Put flows and borders in canonical order.

        Parameters
        ----------
        source, target, weight
            Arcs between nodes; the same arc may stand several times, in any order. Weights of 0
            are left out.
        left, right
            Pairs of nodes that share a border.
        population
            Inhabitants of each node; its length is the number of nodes.
        scatter
            See `Network`; default 1.
        sent_outside, received_outside
            What each node sends to, and receives from, places that are no nodes.
        """
        nodes = len(population)
        known = np.asarray(weight) > 0
        source, target = np.asarray(source)[known], np.asarray(target)[known]
        weight = np.asarray(weight, dtype=np.float64)[known]
        spread = np.ones(len(weight)) if scatter is None else np.asarray(scatter)[known]
        # Equal arcs add up in the order of their weights, so that the last bit is the same too.
        order = np.lexsort((spread, weight, target, source))
        key = source[order].astype(np.int64) * nodes + target[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        summed = np.add.reduceat(weight[order], first) if len(first) else weight
        variance = (weight * spread)[order]
        scattered = np.add.reduceat(variance, first) / summed if len(first) else spread
        begins = (key[first] // nodes).astype(np.int32) if len(first) else key.astype(np.int32)
        ends = (key[first] % nodes).astype(np.int32) if len(first) else key.astype(np.int32)
        to_outside = _outside(sent_outside, nodes)
        from_outside = _outside(received_outside, nodes)
        sent = added(begins, summed, nodes) + to_outside
        received = added(ends, summed, nodes) + from_outside
        return cls(
            source=begins,
            target=ends,
            weight=summed,
            scatter=scattered,
            sent=sent,
            received=received,
            total=float(sent.sum() + from_outside.sum()),
            borders=both_ways(np.asarray(left), np.asarray(right), nodes),
            population=np.array(population, dtype=np.int64),  # its own, whatever pandas lends
        )

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.population)

    @cached_property
    def links(self) -> Links:
        """Return the nodes that exchange flows, both ways, without self."""
        between = self.source != self.target
        return both_ways(self.source[between], self.target[between], len(self))

    @cached_property
    def _places(self) -> tuple[NDArray[np.bool_], Ints, Ints]:
        """Find the arcs between two nodes, and where each stands in `links`, from both ends."""
        between = self.source != self.target
        source, target = (each[between].astype(np.int64) for each in (self.source, self.target))
        nodes = len(self)
        begins = np.repeat(np.arange(nodes, dtype=np.int64), np.diff(self.links.start))
        keys = begins * nodes + self.links.to
        there = np.searchsorted(keys, source * nodes + target).astype(np.int32)
        back = np.searchsorted(keys, target * nodes + source).astype(np.int32)
        return between, there, back

    @cached_property
    def exchanged(self) -> Floats:
        """Return the flow of each of the `links`, both ways added."""
        between, there, back = self._places
        flow = self.weight[between]
        size = len(self.links.to)
        return added(there, flow, size) + added(back, flow, size)

    @cached_property
    def inside(self) -> Floats:
        """Return the flow of each node to itself."""
        own = self.source == self.target
        return added(self.source[own], self.weight[own], len(self))

    def ends(self, null: Null = "directed") -> tuple[Floats, Floats]:
        """Return two values for each node whose products are the flows that chance would give.

        Between i and j, both ways, chance gives (out_i·in_j + out_j·in_i) / total: what they send
        and receive (``"directed"``), the mean of both (``"undirected"``), or the inhabitants,
        scaled to the total (``"population"``).
        """
        if null == "directed":
            return self.sent, self.received
        if null == "undirected":
            mean = (self.sent + self.received) / 2
            return mean, mean
        each = self.total / max(int(self.population.sum()), 1)
        scaled = self.population.astype(np.float64) * each
        return scaled, scaled

    def grouped(self, group: Ints) -> Network:
        """Make each group of nodes one node.

        Parameters
        ----------
        group
            Number of the group, from 0, of each node.
        """
        groups = int(group.max()) + 1 if len(group) else 0
        begins = np.repeat(np.arange(len(self)), np.diff(self.borders.start))
        outside = self.outside
        return Network.of(
            group[self.source],
            group[self.target],
            self.weight,
            left=group[begins],
            right=group[self.borders.to],
            population=np.bincount(group, self.population, groups).astype(np.int64),
            scatter=self.scatter,
            sent_outside=added(group, outside[0], groups),
            received_outside=added(group, outside[1], groups),
        )

    @cached_property
    def outside(self) -> tuple[Floats, Floats]:
        """Return what each node sends to, and receives from, places that are no nodes."""
        count = len(self)
        return (
            np.maximum(self.sent - added(self.source, self.weight, count), 0.0),
            np.maximum(self.received - added(self.target, self.weight, count), 0.0),
        )

    def reweighted(self, weight: Floats) -> Network:
        """Return the same network with other flows on the same arcs (0 too), outside as it is."""
        count = len(self)
        to_outside, from_outside = self.outside
        other = replace(
            self,
            weight=weight,
            sent=added(self.source, weight, count) + to_outside,
            received=added(self.target, weight, count) + from_outside,
            total=float(weight.sum() + to_outside.sum() + from_outside.sum()),
        )
        # What depends on where the arcs are, not on their weights, need not be worked out again.
        for name in ("links", "outside", "_places"):
            other.__dict__[name] = getattr(self, name)
        return other


def added(places: NDArray[np.integer], weight: Floats, count: int) -> Floats:
    """Add weights up by their places, from 0 to count − 1."""
    return np.bincount(places, weight, count).astype(np.float64, copy=False)


def _outside(flow: NDArray[np.floating] | None, nodes: int) -> Floats:
    return np.zeros(nodes) if flow is None else np.asarray(flow, dtype=np.float64)


def both_ways(left: NDArray[np.integer], right: NDArray[np.integer], nodes: int) -> Links:
    """Put pairs of nodes in order, from both ends, each once; a node with itself is left out."""
    apart = left != right
    one, other = left[apart].astype(np.int64), right[apart].astype(np.int64)
    keys = np.unique(np.concatenate([one * nodes + other, other * nodes + one]))
    begins = keys // max(nodes, 1)
    start = np.zeros(nodes + 1, dtype=np.uint32)
    np.cumsum(np.bincount(begins, minlength=nodes), out=start[1:])
    return Links(start, (keys % max(nodes, 1)).astype(np.uint32))


def unbordered(network: Network) -> Network:
    """Return a network in which nodes that exchange flows are neighbours too."""
    count = len(network)
    begins = [
        np.repeat(np.arange(count), np.diff(each.start))
        for each in (network.borders, network.links)
    ]
    borders = both_ways(
        np.concatenate(begins), np.concatenate([network.borders.to, network.links.to]), count
    )
    return replace(network, borders=borders)
