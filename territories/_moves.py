"""Moves of nodes between communities: the inner loops of the engine.

What modularity gains is counted in flows, without its division by the total: between two labels,
both ways, ``flow − scale·(out·in + in·out)``, where `scale` is the resolution divided by the total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from territories._compiled import compiled
from territories._draws import shuffled
from territories._levels import put, summed

if TYPE_CHECKING:
    from territories._levels import Level, Limits, Longs, Marks, Sums
    from territories.network import Ints

# A gain under this share of a node's own terms is a rounding error.
TINY = 1e-12


@compiled
def has_rival(level: Level, label: Ints, node: int, other: int) -> bool:
    """Tell whether a label holds a node that must be apart from this one."""
    for place in range(level.rival_start[node], level.rival_start[node + 1]):
        if label[level.rival[place]] == other:
            return True
    return False


@compiled
def stays_whole(level: Level, label: Ints, node: int, seen: Marks, queue: Ints) -> bool:
    """Tell whether the other nodes of a node's label stay in one piece when it leaves.

    `seen` (zeros; left as zeros) and `queue` are lent, as long as the nodes.
    """
    own = label[node]
    first, last = level.beside_start[node], level.beside_start[node + 1]
    missing = 0
    for place in range(first, last):
        other = level.beside[place]
        if label[other] == own:
            seen[other] = 1  # to be found
            missing += 1
    if missing > 1:
        head, tail = 0, 0
        seen[node] = 2
        for place in range(first, last):
            other = level.beside[place]
            if label[other] == own:
                seen[other] = 2
                queue[tail] = other
                tail += 1
                missing -= 1
                break
        while head < tail and missing > 0:
            at = queue[head]
            head += 1
            for place in range(level.beside_start[at], level.beside_start[at + 1]):
                other = level.beside[place]
                if label[other] == own and seen[other] != 2:
                    if seen[other] == 1:
                        missing -= 1
                        if missing == 0:
                            break
                    seen[other] = 2
                    queue[tail] = other
                    tail += 1
        for place in range(tail):
            seen[queue[place]] = 0
        seen[node] = 0
        whole = missing == 0
    else:
        whole = True
    for place in range(first, last):
        seen[level.beside[place]] = 0
    return whole


@compiled
def flow_moves(
    level: Level, scale: float, maximum: int, sums: Sums, sweeps: int, state: Longs
) -> int:
    """Move nodes to any label they exchange flows with, in a number of sweeps: no borders here.

    Each node has its own number for a label at the start; that of a shut one stays so.
    """
    count = len(level.out)
    label = sums.label
    with_label = np.zeros(count)
    met = np.empty(len(level.to) + 1, dtype=np.int32)
    order = shuffled(count, state)
    moves = 0
    for _ in range(sweeps):
        moved = 0
        for node in order:
            if level.shut[node]:
                continue
            own = label[node]
            many = 0
            for place in range(level.start[node], level.start[node + 1]):
                other = label[level.to[place]]
                met[many] = other
                many += with_label[other] == 0.0
                with_label[other] += level.flow[place]
            out, into = level.out[node], level.into[node]
            best = with_label[own] - scale * (
                out * (sums.into[own] - into) + into * (sums.out[own] - out)
            )
            least = TINY * scale * out * into
            target = own
            for place in range(many):
                other = met[place]
                if other != own:
                    gain = with_label[other] - scale * (
                        out * sums.into[other] + into * sums.out[other]
                    )
                    if (
                        gain > best + least
                        and not level.shut[other]
                        and sums.people[other] + level.people[node] <= maximum
                        and not has_rival(level, label, node, other)
                    ):
                        best = gain
                        target = other
                with_label[other] = 0.0
            with_label[own] = 0.0
            if target != own:
                put(level, sums, node, target)
                moved += 1
        moves += moved
        if moved * 100 < count:
            break
    return moves


@compiled
def may_leave(level: Level, sums: Sums, limits: Limits, node: int, keep_number: bool) -> bool:
    """Tell whether a label can lose a node: it keeps what it must have, or had not."""
    own = sums.label[node]
    if sums.nodes[own] == 1:
        return not keep_number
    left = sums.people[own] - level.people[node]
    if left < limits.minimum <= sums.people[own]:
        return False
    poles = sums.poles[own] - level.poles[node]
    return not (poles < limits.poles <= sums.poles[own])


@compiled
def border_moves(
    level: Level,
    scale: float,
    limits: Limits,
    sums: Sums,
    keep_number: bool,
    alone: bool,
    order: Ints,
    budget: int,
) -> int:
    """Move nodes across borders while that gains; return the number of moves.

    A move never cuts the label it leaves, never passes the maximum, takes no label under the
    minimum or without the poles it needs that had them. With `keep_number` it never empties a
    label; with `alone` a node may become a label of its own. Nodes are tried in `order`, then
    those beside a move again, `budget` tries in all.
    """
    count = len(level.out)
    label = sums.label
    slot = np.zeros(count, dtype=np.int32)  # 1 + place of a label among those across the borders
    across = np.empty(count, dtype=np.int32)
    flows = np.zeros(count + 2)
    seen = np.zeros(count, dtype=np.int8)
    reached = np.empty(count, dtype=np.int32)
    queue = np.empty(count, dtype=np.int32)
    queued = np.zeros(count, dtype=np.int8)
    tail = 0
    for node in order:
        queue[tail % count] = node
        queued[node] = 1
        tail += 1
    head = 0
    moves = 0
    while head < tail and budget > 0:
        node = queue[head % count]
        head += 1
        queued[node] = 0
        if level.shut[node]:
            continue
        own = label[node]
        many = 0
        for place in range(level.beside_start[node], level.beside_start[node + 1]):
            other = label[level.beside[place]]
            if other != own and slot[other] == 0:
                many += 1
                across[many] = other
                slot[other] = many + 1
        if many == 0 and not alone:
            continue
        budget -= 1
        if may_leave(level, sums, limits, node, keep_number):
            slot[own] = 1
            for place in range(many + 2):
                flows[place] = 0.0
            for place in range(level.start[node], level.start[node + 1]):
                flows[slot[label[level.to[place]]]] += level.flow[place]
            slot[own] = 0
            out, into = level.out[node], level.into[node]
            best = flows[1] - scale * (out * (sums.into[own] - into) + into * (sums.out[own] - out))
            least = TINY * (abs(flows[1]) + scale * (out * sums.into[own] + into * sums.out[own]))
            target = own
            for place in range(1, many + 1):
                other = across[place]
                gain = flows[place + 1] - scale * (out * sums.into[other] + into * sums.out[other])
                if (
                    gain > best + least
                    and sums.people[other] + level.people[node] <= limits.maximum
                    and not is_shut(level, sums, other, node)
                    and not has_rival(level, label, node, other)
                ):
                    best = gain
                    target = other
            if alone and best < -least and sums.nodes[own] > 1:
                target = -1
            if target != own and stays_whole(level, label, node, seen, reached):
                if target == -1:
                    target = 0
                    while sums.nodes[target] > 0:
                        target += 1
                put(level, sums, node, target)
                moves += 1
                for place in range(level.beside_start[node], level.beside_start[node + 1]):
                    other = level.beside[place]
                    if label[other] != target and queued[other] == 0:
                        queue[tail % count] = other
                        queued[other] = 1
                        tail += 1
        for place in range(1, many + 1):
            slot[across[place]] = 0
    return moves


@compiled
def is_shut(level: Level, sums: Sums, label: int, node: int) -> bool:
    """Tell whether a label is one shut node: it is found among the neighbours of `node`."""
    if sums.nodes[label] != 1:
        return False
    for place in range(level.beside_start[node], level.beside_start[node + 1]):
        other = level.beside[place]
        if sums.label[other] == label:
            return bool(level.shut[other] == 1)
    return False


@compiled
def refined(level: Level, scale: float, maximum: int, sums: Sums, state: Longs) -> Ints:
    """Divide each label again from single nodes: each joins, once, the best beside it."""
    count = len(level.out)
    label = sums.label
    fine = summed(level, np.arange(count).astype(np.int32))
    slot = np.zeros(count, dtype=np.int32)
    across = np.empty(count, dtype=np.int32)
    flows = np.zeros(count + 2)
    for node in shuffled(count, state):
        if fine.nodes[fine.label[node]] != 1 or level.shut[node]:
            continue
        own = label[node]
        many = 0
        for place in range(level.beside_start[node], level.beside_start[node + 1]):
            beside = level.beside[place]
            other = fine.label[beside]
            if label[beside] == own and slot[other] == 0:
                many += 1
                across[many] = other
                slot[other] = many
        if many == 0:
            continue
        for place in range(many + 1):
            flows[place] = 0.0
        for place in range(level.start[node], level.start[node + 1]):
            flows[slot[fine.label[level.to[place]]]] += level.flow[place]
        out, into = level.out[node], level.into[node]
        best = 0.0
        target = -1
        for place in range(1, many + 1):
            other = across[place]
            slot[other] = 0
            gain = flows[place] - scale * (out * fine.into[other] + into * fine.out[other])
            if (
                gain > best
                and fine.people[other] + level.people[node] <= maximum
                and not has_rival(level, fine.label, node, other)
            ):
                best = gain
                target = other
        if target >= 0:
            put(level, fine, node, target)
    return fine.label
