"""Levels: how the engine goes from communes to communities and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from territories._compiled import compiled
from territories._draws import shuffled
from territories._levels import aggregated, numbered_labels, pieces, quality, summed
from territories._moves import border_moves, flow_moves, refined

if TYPE_CHECKING:
    from territories._levels import Level, Limits, Longs
    from territories.network import Ints

# Fewer gathered nodes than this have lost too much of the choice.
FEW = 24

# Tries times gathered nodes: no more than this.
LARGE = 2000


@compiled
def ascended(level: Level, scale: float, maximum: int, state: Longs) -> Ints:
    """Divide a network as if borders did not exist, level by level, until nothing gains."""
    current = level
    node_of = np.arange(len(level.out)).astype(np.int32)
    for _ in range(len(level.out) + 1):  # a level that gathers nothing more is the last
        sums = summed(current, np.arange(len(current.out)).astype(np.int32))
        if flow_moves(current, scale, maximum, sums, 20, state) == 0:
            break
        named, many = numbered_labels(sums.label)
        node_of = named[node_of]
        current = aggregated(current, named, many, False)
    return node_of


@compiled
def free_start(
    level: Level, scale: float, maximum: int, state: Longs, sweeps: int, tries: int
) -> Ints:
    """Divide a network as if borders did not exist, then cut the communities into pieces.

    What a few sweeps of moves gather is few nodes, whose levels cost next to nothing: they are
    climbed several times in other orders, and the best is kept. Where they are very few, what a
    finer resolution gathers is climbed too.
    """
    count = len(level.out)
    best = np.arange(count).astype(np.int32)
    reached = -np.inf
    for finer in (1.0, 2.0):
        sums = summed(level, np.arange(count).astype(np.int32))
        flow_moves(level, finer * scale, maximum, sums, sweeps, state)
        gathered, many = numbered_labels(sums.label)
        coarse = aggregated(level, gathered, many, False)
        base = kept(level, gathered)
        for _ in range(min(tries, max(LARGE // max(many, 1), 1))):
            found = ascended(coarse, scale, maximum, state)
            gained = quality(coarse, scale, summed(coarse, found)) + base
            if gained > reached:
                reached = gained
                best = found[gathered]
        if many >= FEW:
            break
    return pieces(level, best)[0]


@compiled
def kept(level: Level, label: Ints) -> float:
    """Return the flow between different nodes of a label."""
    twice = 0.0
    for node in range(len(label)):
        for place in range(level.start[node], level.start[node + 1]):
            if label[level.to[place]] == label[node]:
                twice += level.flow[place]
    return twice / 2


@compiled
def climbed(
    level: Level, scale: float, limits: Limits, label: Ints, state: Longs
) -> tuple[Ints, bool]:
    """Merge whole communities with those beside them, level by level; tell whether any did."""
    named, many = numbered_labels(label)
    node_of = named
    current = level
    of_current = named
    any_moved = False
    for _ in range(len(label) + 1):  # as above
        current = aggregated(current, of_current, many, True)
        size = len(current.out)
        sums = summed(current, np.arange(size).astype(np.int32))
        order = shuffled(size, state)
        if border_moves(current, scale, limits, sums, False, False, order, 50 * size) == 0:
            break
        any_moved = True
        of_current, many = numbered_labels(sums.label)
        node_of = of_current[node_of]
    return node_of, any_moved


@compiled
def improved(
    level: Level, scale: float, limits: Limits, label: Ints, state: Longs, rounds: int
) -> Ints:
    """Improve a division whose labels are in one piece each, until it gains no more."""
    count = len(level.out)
    for _ in range(rounds):
        sums = summed(level, label)
        order = shuffled(count, state)
        moved = border_moves(level, scale, limits, sums, False, False, order, 50 * count)
        label, climb = climbed(level, scale, limits, sums.label, state)
        if climb:
            sums = summed(level, label)
            moved += border_moves(level, scale, limits, sums, False, False, order, 50 * count)
            label = sums.label
        # Each community is divided again, so that parts of it may change sides together.
        sums = summed(level, label)
        parts, many = numbered_labels(refined(level, scale, limits.maximum, sums, state))
        coarse = aggregated(level, parts, many, True)
        theirs = np.empty(many, dtype=np.int32)
        named, _ = numbered_labels(label)
        for node in range(count):
            theirs[parts[node]] = named[node]
        sums = summed(coarse, theirs)
        order = shuffled(many, state)
        changed = border_moves(coarse, scale, limits, sums, False, True, order, 50 * many)
        if changed == 0 and moved == 0:
            break
        label = sums.label[parts]
        if changed > 0:
            sums = summed(level, label)
            order = shuffled(count, state)
            border_moves(level, scale, limits, sums, False, False, order, 50 * count)
            label = sums.label
    return label


@compiled
def communities(
    level: Level, scale: float, limits: Limits, state: Longs, sweeps: int, tries: int, rounds: int
) -> Ints:
    """Divide a network from nothing."""
    label = free_start(level, scale, limits.maximum, state, sweeps, tries)
    return improved(level, scale, limits, label, state, rounds)


@compiled
def settled(
    level: Level, scale: float, limits: Limits, label: Ints, state: Longs, rounds: int
) -> Ints:
    """Settle borders from where they are, communes and parts of territories by turns.

    Labels are from 0, none left out. No community is emptied; nodes that are shut stay (2: others
    may join them).
    """
    count = len(level.out)
    sums = summed(level, label)
    for _ in range(rounds):
        order = shuffled(count, state)
        moved = border_moves(level, scale, limits, sums, True, False, order, 50 * count)
        parts, many = numbered_labels(refined(level, scale, limits.maximum, sums, state))
        coarse = aggregated(level, parts, many, True)
        theirs = np.empty(many, dtype=np.int32)
        for node in range(count):
            theirs[parts[node]] = sums.label[node]
        coarse_sums = summed(coarse, theirs)
        order = shuffled(many, state)
        moved += border_moves(coarse, scale, limits, coarse_sums, True, False, order, 50 * many)
        sums = summed(level, coarse_sums.label[parts])
        if moved == 0:
            break
    return sums.label
