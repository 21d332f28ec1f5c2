"""Limits on territories: merging what is too small, pulling communes in, merging to a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from territories._compiled import compiled
from territories._levels import aggregated, numbered_labels, put, summed
from territories._moves import has_rival, stays_whole

if TYPE_CHECKING:
    from territories._levels import Level, Limits, Marks, Sums
    from territories.network import Floats, Ints


@compiled
def lacks(limits: Limits, people: int, poles: int) -> bool:
    """Tell whether a territory has too few inhabitants or no pole although it needs one."""
    return people < limits.minimum or poles < limits.poles


@compiled
def deficits(limits: Limits, sums: Sums) -> int:
    """Count the labels that lack inhabitants and those that lack a pole: twice for both."""
    many = 0
    for label in range(len(sums.nodes)):
        if sums.nodes[label] > 0:
            many += int(sums.people[label] < limits.minimum)
            many += int(sums.poles[label] < limits.poles)
    return many


@compiled
def _merge_choice(
    level: Level,
    scale: float,
    limits: Limits,
    sums: Sums,
    heads: Ints,
    following: Ints,
    own: int,
    flows: Floats,
    beside: Marks,
) -> int:
    """Find the label that gains most by taking another in; equal: the least populated, the first.

    Returns −1 where none can. `flows` and `beside` are zeros, and left as zeros.
    """
    node = heads[own]
    while node >= 0:
        for place in range(level.beside_start[node], level.beside_start[node + 1]):
            beside[sums.label[level.beside[place]]] = 1
        for place in range(level.start[node], level.start[node + 1]):
            flows[sums.label[level.to[place]]] += level.flow[place]
        node = following[node]
    beside[own] = 0
    chosen = -1
    best = 0.0
    for other in range(len(beside)):
        if beside[other]:
            beside[other] = 0
            gain = flows[other] - scale * (
                sums.out[own] * sums.into[other] + sums.into[own] * sums.out[other]
            )
            fits = sums.people[own] + sums.people[other] <= limits.maximum
            if fits and level.shut[heads[other]] and following[heads[other]] < 0:
                fits = False
            node = heads[own]
            while fits and node >= 0:
                fits = not has_rival(level, sums.label, node, other)
                node = following[node]
            better = gain > best or (gain == best and sums.people[other] < sums.people[chosen])
            if fits and (chosen < 0 or better):
                chosen = other
                best = gain
    node = heads[own]
    while node >= 0:
        for place in range(level.start[node], level.start[node + 1]):
            flows[sums.label[level.to[place]]] = 0.0
        node = following[node]
    return chosen


@compiled
def _join(level: Level, sums: Sums, heads: Ints, following: Ints, own: int, target: int) -> None:
    """Give all nodes of a label another one."""
    node = heads[own]
    while True:
        put(level, sums, node, target)
        if following[node] < 0:
            break
        node = following[node]
    following[node] = heads[target]
    heads[target] = heads[own]
    heads[own] = -1


@compiled
def merged_small(level: Level, scale: float, limits: Limits, label: Ints, least: int = 0) -> Ints:
    """Merge communities that lack something, the least populated first, where it costs least.

    No further than to `least` communities.
    """
    named, many = numbered_labels(label)
    coarse = aggregated(level, named, many, True)
    sums = summed(coarse, np.arange(many).astype(np.int32))
    heads = np.arange(many).astype(np.int32)
    following = np.full(many, -1, dtype=np.int32)
    stuck = np.zeros(many, dtype=np.int8)
    flows = np.zeros(many)
    beside = np.zeros(many, dtype=np.int8)
    left = many
    while left > least:
        own = -1
        for each in range(many):
            if (
                heads[each] >= 0
                and not stuck[each]
                and lacks(limits, sums.people[each], sums.poles[each])
                and (own < 0 or sums.people[each] < sums.people[own])
            ):
                own = each
        if own < 0:
            break
        target = -1
        if not coarse.shut[heads[own]]:
            target = _merge_choice(
                coarse, scale, limits, sums, heads, following, own, flows, beside
            )
        if target < 0:
            stuck[own] = 1
        else:
            _join(coarse, sums, heads, following, own, target)
            left -= 1
    return sums.label[named]


@compiled
def merged_to(level: Level, scale: float, limits: Limits, label: Ints, number: int) -> Ints:
    """Merge neighbours, the pair that gains most first, until a number of communities is left."""
    named, many = numbered_labels(label)
    coarse = aggregated(level, named, many, True)
    sums = summed(coarse, np.arange(many).astype(np.int32))
    heads = np.arange(many).astype(np.int32)
    following = np.full(many, -1, dtype=np.int32)
    flows = np.zeros(many)
    beside = np.zeros(many, dtype=np.int8)
    # For each label the best to merge with, and what that gains; worked out again when stale.
    choice = np.full(many, -2, dtype=np.int32)
    gains = np.zeros(many)
    left = many
    while left > number:
        own = -1
        for each in range(many):
            if heads[each] < 0:
                continue
            if choice[each] == -2:
                choice[each] = -1
                if not (coarse.shut[heads[each]] and following[heads[each]] < 0):
                    choice[each] = _merge_choice(
                        coarse, scale, limits, sums, heads, following, each, flows, beside
                    )
                if choice[each] >= 0:
                    gains[each] = _merge_gain(
                        coarse, scale, sums, heads, following, each, choice[each]
                    )
            if choice[each] >= 0 and (own < 0 or gains[each] > gains[own]):
                own = each
        if own < 0:
            break
        target = choice[own]
        _join(coarse, sums, heads, following, own, target)
        left -= 1
        choice[target] = -2
        node = heads[target]
        while node >= 0:  # what touches the new label, or had chosen one of its halves
            for place in range(coarse.beside_start[node], coarse.beside_start[node + 1]):
                choice[sums.label[coarse.beside[place]]] = -2
            node = following[node]
        choice[target] = -2
    return sums.label[named]


@compiled
def _merge_gain(
    level: Level, scale: float, sums: Sums, heads: Ints, following: Ints, own: int, other: int
) -> float:
    flow = 0.0
    node = heads[own]
    while node >= 0:
        for place in range(level.start[node], level.start[node + 1]):
            if sums.label[level.to[place]] == other:
                flow += level.flow[place]
        node = following[node]
    chance: float = sums.out[own] * sums.into[other] + sums.into[own] * sums.out[other]
    return flow - scale * chance


@compiled
def pulled(level: Level, scale: float, limits: Limits, label: Ints, keep_number: bool) -> Ints:
    """Give communities that lack something communes across their borders, one by one.

    The commune that costs least goes first; what it leaves keeps what it must have and stays in
    one piece. A community that cannot be helped is left as it was.
    """
    count = len(label)
    sums = summed(level, label)
    seen = np.zeros(count, dtype=np.int8)
    queue = np.empty(count, dtype=np.int32)
    members = np.empty(count, dtype=np.int32)
    origin = np.empty(count, dtype=np.int32)
    for own in range(count):
        if sums.nodes[own] == 0 or not lacks(limits, sums.people[own], sums.poles[own]):
            continue
        many = 0
        for node in range(count):
            if sums.label[node] == own:
                members[many] = node
                many += 1
        if many == 1 and level.shut[members[0]]:
            continue
        before = many
        while lacks(limits, sums.people[own], sums.poles[own]):
            chosen = _pull_choice(
                level, scale, limits, sums, members[:many], keep_number, seen, queue
            )
            if chosen < 0:
                for place in range(many - 1, before - 1, -1):  # back to what it was, last first
                    put(level, sums, members[place], origin[place])
                break
            members[many] = chosen
            origin[many] = sums.label[chosen]
            many += 1
            put(level, sums, chosen, own)
    return sums.label


@compiled
def _pull_choice(
    level: Level,
    scale: float,
    limits: Limits,
    sums: Sums,
    members: Ints,
    keep_number: bool,
    seen: Marks,
    queue: Ints,
) -> int:
    """Find the commune across the borders of a label that costs least to take in; −1: none.

    Equal: the first.
    """
    label = sums.label
    own = label[members[0]]
    chosen = -1
    best = 0.0
    for member in members:
        for place in range(level.beside_start[member], level.beside_start[member + 1]):
            node = level.beside[place]
            theirs = label[node]
            if theirs == own or node == chosen or level.shut[node]:
                continue
            if sums.people[own] + level.people[node] > limits.maximum:
                continue
            # A neighbour that lacks something itself may lose all, unless the number is kept.
            weak = lacks(limits, sums.people[theirs], sums.poles[theirs])
            if sums.nodes[theirs] == 1:
                if keep_number or not weak:
                    continue
            elif not weak and lacks(
                limits,
                sums.people[theirs] - level.people[node],
                sums.poles[theirs] - level.poles[node],
            ):
                continue
            gain = _gain_of_moving(level, scale, sums, node, own)
            better = gain > best or (gain == best and node < chosen)
            if (
                (chosen < 0 or better)
                and not has_rival(level, label, node, own)
                and stays_whole(level, label, node, seen, queue)
            ):
                chosen = node
                best = gain
    return chosen


@compiled
def _gain_of_moving(level: Level, scale: float, sums: Sums, node: int, target: int) -> float:
    own = sums.label[node]
    gain = 0.0
    for place in range(level.start[node], level.start[node + 1]):
        other = sums.label[level.to[place]]
        if other == target:
            gain += level.flow[place]
        elif other == own:
            gain -= level.flow[place]
    out, into = level.out[node], level.into[node]
    there: float = out * sums.into[target] + into * sums.out[target]
    here: float = out * (sums.into[own] - into) + into * (sums.out[own] - out)
    return gain - scale * there + scale * here
