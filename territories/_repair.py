"""Destroy and repair: a few neighbouring territories are drawn again, and kept if better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from territories._compiled import compiled
from territories._draws import draw, shuffled
from territories._levels import numbered_labels, part_of, put, quality, summed
from territories._limits import deficits, lacks, merged_small, merged_to, pulled
from territories._moves import border_moves
from territories._search import improved

if TYPE_CHECKING:
    from territories._levels import Level, Limits, Longs
    from territories.network import Ints

# A step draws from 2 to this many territories again.
MOST_TERRITORIES = 4

# And no more nodes than this, so that a step takes milliseconds whatever the division.
MOST_NODES = 1000


@compiled
def within_limits(
    level: Level, scale: float, limits: Limits, label: Ints, state: Longs, number: int
) -> Ints:
    """Make a division keep to its limits as far as can be, and improve it within them.

    `number`: that many communities, even if some are too small; 0: as many as there are.
    """
    count = len(label)
    sums = summed(level, label)
    if number == 0 and deficits(limits, sums) == 0:
        return label
    label = merged_small(level, scale, limits, label, 0 if limits.poles > 0 else number)
    if number > 0:
        label = merged_to(level, scale, limits, label, number)
    sums = summed(level, label)
    keep = number > 0
    if deficits(limits, sums) > 0:
        label = pulled(level, scale, limits, sums.label, keep)
        sums = summed(level, label)
    order = shuffled(count, state)
    border_moves(level, scale, limits, sums, keep, False, order, 50 * count)
    if number == 0 and deficits(limits, sums) > 0:  # moves may have made room for mergers
        return merged_small(level, scale, limits, sums.label)
    return sums.label


@compiled
def repaired(
    level: Level,
    scale: float,
    limits: Limits,
    label: Ints,
    state: Longs,
    steps: int,
    keep_number: bool,
) -> tuple[Ints, int]:
    """Draw a few neighbouring territories again, step by step; keep what is better.

    Better: fewer territories that lack something, then a higher modularity.
    """
    count = len(label)
    label, _ = numbered_labels(label)
    inside = np.full(count, -1, dtype=np.int32)
    # Nodes of each label as a chain, so that a step costs what it touches.
    heads = np.full(count, -1, dtype=np.int32)
    following = np.full(count, -1, dtype=np.int32)
    for node in range(count - 1, -1, -1):
        following[node] = heads[label[node]]
        heads[label[node]] = node
    free = np.empty(count, dtype=np.int32)
    spare = 0
    for each in range(count - 1, -1, -1):
        if heads[each] < 0:
            free[spare] = each
            spare += 1
    sums = summed(level, label)
    lacking = deficits(limits, sums)
    chosen = np.empty(MOST_TERRITORIES, dtype=np.int32)
    nodes = np.empty(count, dtype=np.int32)
    accepted = 0
    for step in range(steps if count > 0 else 0):
        first = draw(state) % count
        helping = lacking > 0 and step % 2 == 0
        if helping:  # what lacks something comes first
            for skip in range(count):
                own = label[(first + skip) % count]
                if lacks(limits, sums.people[own], sums.poles[own]):
                    first = (first + skip) % count
                    break
        wanted = 2 + draw(state) % (MOST_TERRITORIES - 1)
        chosen[0] = label[first]
        many = 1
        tries = 0
        room = MOST_NODES - sums.nodes[chosen[0]]
        # Others are met by stepping across borders from nodes drawn in what is chosen already.
        while many < wanted and tries < 8 * wanted:
            tries += 1
            node = _drawn_node(heads, following, chosen[draw(state) % many], state)
            first_beside = level.beside_start[node]
            degree = level.beside_start[node + 1] - first_beside
            if degree == 0:
                break
            own = label[level.beside[first_beside + draw(state) % degree]]
            known = False
            for place in range(many):
                known = known or chosen[place] == own
            fits = sums.nodes[own] <= room or (helping and many == 1)
            if fits and not known:
                chosen[many] = own
                many += 1
                room -= sums.nodes[own]
        if many == 1:
            continue
        size = 0
        for place in range(many):
            node = heads[chosen[place]]
            while node >= 0:
                nodes[size] = node
                size += 1
                node = following[node]
        taken = np.sort(nodes[:size])
        part = part_of(level, taken, inside)
        before = np.empty(size, dtype=np.int32)
        for place in range(size):
            for each in range(many):
                if chosen[each] == label[taken[place]]:
                    before[place] = each
        old = summed(part, before)
        old_lacks = deficits(limits, old)
        old_quality = quality(part, scale, old)
        # From half to twice the resolution.
        # Products and halves are rounded alike everywhere, a power would not be.
        drawn = draw(state)
        other_scale = scale * (1.0 + (drawn & 0x3FF) / 1024.0) * (0.5 + 0.5 * (drawn >> 31))
        fresh = improved(part, other_scale, limits, np.arange(size).astype(np.int32), state, 1)
        fresh = within_limits(part, scale, limits, fresh, state, many if keep_number else 0)
        fresh, new_many = numbered_labels(fresh)
        new = summed(part, fresh)
        new_lacks = deficits(limits, new)
        if new_lacks > old_lacks or (keep_number and new_many != many):
            continue
        gained = quality(part, scale, new) - old_quality
        if new_lacks < old_lacks or gained > 1e-12 * abs(old_quality):
            accepted += 1
            lacking += new_lacks - old_lacks
            for place in range(many):
                heads[chosen[place]] = -1
                free[spare] = chosen[place]
                spare += 1
            names = np.empty(new_many, dtype=np.int32)
            for each in range(new_many):
                spare -= 1
                names[each] = free[spare]
            for place in range(size - 1, -1, -1):
                node = taken[place]
                name = names[fresh[place]]
                put(level, sums, node, name)
                following[node] = heads[name]
                heads[name] = node
    return numbered_labels(label)[0], accepted


@compiled
def _drawn_node(heads: Ints, following: Ints, label: int, state: Longs) -> int:
    """Draw a node of a label."""
    many = 0
    node: int = heads[label]
    while node >= 0:
        many += 1
        node = following[node]
    skip = draw(state) % many
    node = heads[label]
    for _ in range(skip):
        node = following[node]
    return node
