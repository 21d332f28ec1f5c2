"""Networks in the arrays of the engine's inner loops, their labels, and levels of them.

Each function works on arrays and is compiled (see `_compiled`). A community is a label; the sums
of a label are kept up to date move by move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from territories._compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from territories.network import Floats, Ints, Places

    Longs = NDArray[np.int64]
    Marks = NDArray[np.int8]


class Level(NamedTuple):
    """A network in arrays; nodes are communes, or communities of a finer level.

    Attributes
    ----------
    start, to, flow
        Flows of each node with the others, both ways added: those of node i stand from start[i] to
        start[i+1].
    beside_start, beside
        Nodes across the borders of each node, in the same way.
    rival_start, rival
        Nodes that must be apart from each node, in the same way.
    out, into
        Ends of the null model.
    people
        Inhabitants.
    poles
        How many poles each node holds.
    shut
        1: the node stays alone.
    """

    start: Places
    to: Places
    flow: Floats
    beside_start: Places
    beside: Places
    rival_start: Places
    rival: Places
    out: Floats
    into: Floats
    people: Longs
    poles: Ints
    shut: Ints


class Sums(NamedTuple):
    """Labels of the nodes, and the sums of each label."""

    label: Ints
    out: Floats
    into: Floats
    people: Longs
    poles: Ints
    nodes: Ints


class Limits(NamedTuple):
    """What a community must keep to: inhabitants, and how many poles it needs (0 or 1)."""

    minimum: int
    maximum: int
    poles: int


@compiled
def summed(level: Level, label: Ints) -> Sums:
    """Add up the nodes of each label (labels are under the number of nodes)."""
    count = len(level.out)
    out, into = np.zeros(count), np.zeros(count)
    people = np.zeros(count, dtype=np.int64)
    poles, nodes = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int32)
    for node in range(count):
        own = label[node]
        out[own] += level.out[node]
        into[own] += level.into[node]
        people[own] += level.people[node]
        poles[own] += level.poles[node]
        nodes[own] += 1
    return Sums(label, out, into, people, poles, nodes)


@compiled
def put(level: Level, sums: Sums, node: int, label: int) -> None:
    """Move a node to a label."""
    own = sums.label[node]
    sums.out[own] -= level.out[node]
    sums.into[own] -= level.into[node]
    sums.people[own] -= level.people[node]
    sums.poles[own] -= level.poles[node]
    sums.nodes[own] -= 1
    if sums.nodes[own] == 0:  # no trace of rounding in an empty label
        sums.out[own] = 0.0
        sums.into[own] = 0.0
    sums.out[label] += level.out[node]
    sums.into[label] += level.into[node]
    sums.people[label] += level.people[node]
    sums.poles[label] += level.poles[node]
    sums.nodes[label] += 1
    sums.label[node] = label


@compiled
def numbered_labels(label: Ints) -> tuple[Ints, int]:
    """Give labels numbers from 0 in the order of their first nodes; return how many there are."""
    fresh = np.full(len(label), -1, dtype=np.int32)
    named = np.empty(len(label), dtype=np.int32)
    many = 0
    for node in range(len(label)):
        if fresh[label[node]] < 0:
            fresh[label[node]] = many
            many += 1
        named[node] = fresh[label[node]]
    return named, many


@compiled
def pieces(level: Level, label: Ints) -> tuple[Ints, int]:
    """Give each piece of each label a label of its own, in the order of first nodes."""
    count = len(label)
    piece = np.full(count, -1, dtype=np.int32)
    queue = np.empty(count, dtype=np.int32)
    many = 0
    for node in range(count):
        if piece[node] >= 0:
            continue
        piece[node] = many
        queue[0] = node
        head, tail = 0, 1
        while head < tail:
            at = queue[head]
            head += 1
            for place in range(level.beside_start[at], level.beside_start[at + 1]):
                other = level.beside[place]
                if piece[other] < 0 and label[other] == label[node]:
                    piece[other] = many
                    queue[tail] = other
                    tail += 1
        many += 1
    return piece, many


@compiled
def grouped(
    start: Places,
    to: Places,
    flow: Floats,
    label: Ints,
    many: int,
    members_start: Ints,
    members: Ints,
) -> tuple[Places, Places, Floats]:
    """Add links up between labels; links within a label, and those of no flow, are left out."""
    with_label = np.zeros(many)
    met = np.empty(len(to) + 1, dtype=np.int32)
    new_start = np.zeros(many + 1, dtype=np.uint32)
    size = 0
    # Links between labels are no more than links between nodes; one is written ahead.
    new_to = np.empty(len(to) + 1, dtype=np.uint32)
    new_flow = np.empty(len(to) + 1)
    for own in range(many):
        found = 0
        for place in range(members_start[own], members_start[own + 1]):
            node = members[place]
            for link in range(start[node], start[node + 1]):
                # No branches: which labels come first is hard to foresee, for a processor too.
                other = label[to[link]]
                met[found] = other
                found += with_label[other] == 0.0
                with_label[other] += flow[link]
        with_label[own] = 0.0
        for place in range(found):
            other = met[place]
            new_to[size] = other
            new_flow[size] = with_label[other]
            size += with_label[other] != 0.0
            with_label[other] = 0.0
        new_start[own + 1] = size
    return new_start, new_to[:size].copy(), new_flow[:size].copy()


@compiled
def members_of(label: Ints, many: int) -> tuple[Ints, Ints]:
    """List the nodes of each label, in order."""
    start = np.zeros(many + 1, dtype=np.int32)
    for node in range(len(label)):
        start[label[node] + 1] += 1
    for each in range(many):
        start[each + 1] += start[each]
    place = start.copy()
    members = np.empty(len(label), dtype=np.int32)
    for node in range(len(label)):
        members[place[label[node]]] = node
        place[label[node]] += 1
    return start, members


@compiled
def aggregated(level: Level, label: Ints, many: int, with_borders: bool) -> Level:
    """Make each label a node (labels from 0 to many − 1)."""
    first, members = members_of(label, many)
    start, to, flow = grouped(level.start, level.to, level.flow, label, many, first, members)
    if with_borders:
        ones = np.ones(len(level.beside))
        beside_start, beside, _ = grouped(
            level.beside_start, level.beside, ones, label, many, first, members
        )
    else:
        beside_start = np.zeros(many + 1, dtype=np.uint32)
        beside = np.zeros(0, dtype=np.uint32)
    ones = np.ones(len(level.rival))
    rival_start, rival, _ = grouped(
        level.rival_start, level.rival, ones, label, many, first, members
    )
    out, into = np.zeros(many), np.zeros(many)
    people = np.zeros(many, dtype=np.int64)
    poles, shut = np.zeros(many, dtype=np.int32), np.zeros(many, dtype=np.int32)
    for node in range(len(label)):
        own = label[node]
        out[own] += level.out[node]
        into[own] += level.into[node]
        people[own] += level.people[node]
        poles[own] += level.poles[node]
        shut[own] = max(shut[own], level.shut[node])
    return Level(
        start, to, flow, beside_start, beside, rival_start, rival, out, into, people, poles, shut
    )


@compiled
def part_of(level: Level, nodes: Ints, inside: Ints) -> Level:
    """Cut the nodes of some territories out as a network of their own.

    `inside` is −1 everywhere, and left so. Flows with the rest do not change what is gained within.
    """
    count = len(nodes)
    for place in range(count):
        inside[nodes[place]] = place
    starts = np.zeros((3, count + 1), dtype=np.int64)
    for place in range(count):
        node = nodes[place]
        starts[0, place + 1] = starts[0, place] + level.start[node + 1] - level.start[node]
        starts[1, place + 1] = (
            starts[1, place] + level.beside_start[node + 1] - level.beside_start[node]
        )
        starts[2, place + 1] = (
            starts[2, place] + level.rival_start[node + 1] - level.rival_start[node]
        )
    start = np.zeros(count + 1, dtype=np.uint32)
    beside_start = np.zeros(count + 1, dtype=np.uint32)
    rival_start = np.zeros(count + 1, dtype=np.uint32)
    to = np.empty(starts[0, count], dtype=np.uint32)
    flow = np.empty(starts[0, count])
    beside = np.empty(starts[1, count], dtype=np.uint32)
    rival = np.empty(starts[2, count], dtype=np.uint32)
    links, borders, rivals = 0, 0, 0
    for place in range(count):
        node = nodes[place]
        for link in range(level.start[node], level.start[node + 1]):
            other = inside[level.to[link]]
            if other >= 0:
                to[links] = other
                flow[links] = level.flow[link]
                links += 1
        for link in range(level.beside_start[node], level.beside_start[node + 1]):
            other = inside[level.beside[link]]
            if other >= 0:
                beside[borders] = other
                borders += 1
        for link in range(level.rival_start[node], level.rival_start[node + 1]):
            other = inside[level.rival[link]]
            if other >= 0:
                rival[rivals] = other
                rivals += 1
        start[place + 1] = links
        beside_start[place + 1] = borders
        rival_start[place + 1] = rivals
    for place in range(count):
        inside[nodes[place]] = -1
    return Level(
        start,
        to[:links].copy(),
        flow[:links].copy(),
        beside_start,
        beside[:borders].copy(),
        rival_start,
        rival[:rivals].copy(),
        level.out[nodes],
        level.into[nodes],
        level.people[nodes],
        level.poles[nodes],
        level.shut[nodes],
    )


@compiled
def quality(level: Level, scale: float, sums: Sums) -> float:
    """Return what the flows within labels are over chance, flows of nodes to themselves aside."""
    twice = 0.0
    for node in range(len(sums.label)):
        own = sums.label[node]
        for place in range(level.start[node], level.start[node + 1]):
            if sums.label[level.to[place]] == own:
                twice += level.flow[place]
    chance = 0.0
    for label in range(len(sums.nodes)):
        chance += sums.out[label] * sums.into[label]
    return twice / 2 - scale * chance
