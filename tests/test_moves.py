"""Moves, mergers and repairs: hand-drawn pictures, and rules that hold for any network."""

import networkx as nx
import numpy as np
import oracle_engine as oracle
import pytest
from grids import PROPERTY
from hypothesis import given
from hypothesis import strategies as st
from oracle_engine import cases, kept_labels, line, squares, whole_labels
from test_kernels import SEEDS, case_of, check_sums, drawn, ints, parts

from territories import _levels, _moves
from territories.communities import kernels, state

RESOLUTION = st.sampled_from([0.3, 1.0, 3.0])


def value(case, labels, resolution):
    """Give the rank of a division, the least the best: what is lacking, less the modularity."""
    return oracle.lacking(case, labels), -oracle.modularity(case, labels, resolution)


def merged_small(case, labels, resolution=1.0, least=0):
    task = oracle.problem(case)
    return kernels.merged_small(
        task.level, task.scale(resolution), task.limits, ints(labels), least
    )


def merged_to(case, labels, number, resolution=1.0):
    task = oracle.problem(case)
    return kernels.merged_to(task.level, task.scale(resolution), task.limits, ints(labels), number)


def pulled(case, labels, *, keep_number=False, resolution=1.0):
    task = oracle.problem(case)
    return kernels.pulled(
        task.level, task.scale(resolution), task.limits, ints(labels), keep_number
    )


def moved(case, labels, *, keep_number=False, alone=False, resolution=1.0, seed=0, budget=10**6):
    task = oracle.problem(case)
    sums = _levels.summed(task.level, ints(labels))
    order = kernels.shuffled(len(case), state(seed))
    moves = kernels.border_moves(
        task.level, task.scale(resolution), task.limits, sums, keep_number, alone, order, budget
    )
    check_sums(case, sums)
    return sums.label, moves


# --- staying whole -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "node", "whole"),
    [
        ("aaa", 1, False),
        ("aaa", 0, True),
        ("abb", 0, True),
        ("aaa aba aaa", 1, True),
        ("aaa aba aab", 1, False),
        ("aaa aba aba", 1, False),
    ],
)
def test_stays_whole_drawn(picture, node, whole):
    """A node may leave a ring, not a bridge between two parts.

    aaa   node 1 (top middle) may leave      aaa   here it may not
    aba                                      aba
    aaa                                      aab
    """
    rows = picture.split()
    level = oracle.problem(case_of([(0, 0, 1)], squares(len(rows), len(rows[0])))).level
    seen = np.zeros(len(level.out), dtype=np.int8)
    queue = np.empty(len(level.out), dtype=np.int32)
    assert _moves.stays_whole(level, drawn(picture), node, seen, queue) == whole
    assert not seen.any()


@PROPERTY
@given(cases(), SEEDS)
def test_stays_whole(case, seed):
    """As networkx finds it: what was in one piece is in one piece, or empty, after."""
    labels = whole_labels(np.random.default_rng(seed), case)
    level = oracle.problem(case).level
    seen = np.zeros(len(case), dtype=np.int8)
    queue = np.empty(len(case), dtype=np.int32)
    nodes = oracle.groups(labels)
    for node, label in enumerate(labels.tolist()):
        rest = case.borders.subgraph(nodes[label] - {node})
        expected = len(rest) == 0 or nx.is_connected(rest)
        assert _moves.stays_whole(level, labels, node, seen, queue) == expected
        assert not seen.any()


# --- moves across borders ------------------------------------------------------------------------


@PROPERTY
@given(cases(), SEEDS, RESOLUTION, st.booleans())
def test_border_moves(case, seed, resolution, keep_number):
    """Never worse, never a rule broken, no more lacking; the number stays where it must."""
    kept = kept_labels(np.random.default_rng(seed), case)
    labels, moves = moved(case, kept, keep_number=keep_number, resolution=resolution, seed=seed)
    assert not oracle.broken(case, labels)
    before, after = (oracle.modularity(case, each, resolution) for each in (kept, labels))
    assert after > before if moves else (labels == kept).all()
    assert oracle.lacking(case, labels) <= oracle.lacking(case, kept)
    if keep_number:
        assert len(set(labels)) == len(set(kept))


@PROPERTY
@given(cases(limits=False), SEEDS, RESOLUTION)
def test_border_moves_until_nothing_gains(case, seed, resolution):
    """When nothing moves, no move of one node across a border, that cuts nothing, would gain."""
    labels = kept_labels(np.random.default_rng(seed), case)
    moves, turns = 1, 0
    while moves:
        labels, moves = moved(case, labels, resolution=resolution, seed=seed + turns)
        turns += 1
        assert turns < 50
    reached = oracle.modularity(case, labels, resolution)
    for node in range(len(case)):
        for other in case.borders[node]:
            trial = labels.copy()
            trial[node] = labels[other]
            if not oracle.broken(case, trial):
                assert oracle.modularity(case, trial, resolution) <= reached + 1e-9


def test_a_move_that_would_cut_is_not_made():
    """Node 1 exchanges all with 3, but 0 and 2 hang together by it only.

    0 ─ 1 ─ 2     a a a
        │           b
        3
    """
    borders = nx.star_graph([1, 0, 2, 3])
    case = case_of([(1, 3, 90), (0, 0, 5), (2, 2, 5), (3, 3, 9)], borders)
    assert moved(case, [0, 0, 0, 1], keep_number=True)[1] == 0
    assert parts(moved(case, [0, 0, 2, 1], keep_number=True)[0]) == {
        frozenset({0}),
        frozenset({2}),
        frozenset({1, 3}),
    }


def test_moves_end_with_their_budget():
    case = case_of([(i, i + 1, 9) for i in range(9)], line(10))
    assert moved(case, range(10), budget=0)[1] == 0
    assert moved(case, range(10), budget=1)[1] == 1


def test_alone_a_node_leaves_what_it_has_no_part_in():
    """Node 2 exchanges nothing with 0 and 1, which are strong: alone it is better off.

    0 ⇄ 1 ─ 2
    """
    case = case_of([(0, 1, 50), (2, 2, 50)], line(3))
    assert moved(case, [0, 0, 0])[1] == 0
    labels, moves = moved(case, [0, 0, 0], alone=True)
    assert parts(labels) == {frozenset({0, 1}), frozenset({2})}
    assert moves == 1


def test_flows_under_zero():
    """As `Runs.consensus` gives them where runs part two communes: an equal gain moves nothing.

    0 −1− 1 −1− 2     a a b
    """
    task = oracle.problem(case_of([(0, 0, 1)], line(3)))
    level = task.level._replace(
        start=np.array([0, 1, 3, 4], dtype=np.uint32),
        to=np.array([1, 0, 2, 1], dtype=np.uint32),
        flow=np.full(4, -1.0),
    )
    for seed in range(20):
        sums = _levels.summed(level, drawn("aab"))
        order = kernels.shuffled(3, state(seed))
        assert kernels.border_moves(level, 0.0, task.limits, sums, True, False, order, 100) == 0


# --- mergers -------------------------------------------------------------------------------------


@PROPERTY
@given(cases(), SEEDS, st.integers(0, 4))
def test_merged_small(case, seed, least):
    """What still lacks something has no neighbour that could take it; labels only merge."""
    kept = kept_labels(np.random.default_rng(seed), case)
    labels = merged_small(case, kept, least=least)
    assert not oracle.broken(case, labels)
    for nodes in parts(kept):
        assert len(set(labels[list(nodes)])) == 1
    assert len(parts(labels)) >= min(least, len(parts(kept)))
    if len(parts(labels)) > least:
        for nodes in parts(labels):
            for other in parts(labels) - {nodes}:
                joint = [0 if node in nodes | other else 1 + node for node in range(len(case))]
                assert not oracle.lacks(case, nodes) or oracle.broken(case, joint)


def test_merged_small_goes_where_it_costs_least():
    """Node 1 is too small; its flow is with 2, not with 0."""
    case = case_of([(0, 0, 9), (1, 2, 5), (2, 2, 9)], line(3), [50, 5, 50], minimum=10)
    assert parts(merged_small(case, [0, 1, 2])) == {frozenset({0}), frozenset({1, 2})}


@pytest.mark.parametrize(
    ("people", "expected"), [([60, 5, 50], 2), ([50, 5, 60], 0), ([9, 5, 9], 0)]
)
def test_merged_small_without_flow_goes_to_the_least_populated(people, expected):
    """Node 1 has no flow at all: to the least populated neighbour, then to the first."""
    case = case_of([(0, 0, 9), (2, 2, 9)], line(3), people, minimum=6)
    labels = merged_small(case, [0, 1, 2])
    assert labels[1] == labels[expected] != labels[2 - expected]


def test_merged_small_begins_with_the_least_populated():
    """Of 1 (4 inhabitants) and 2 (3), each too small, 2 goes first: to 1, which is then enough.

    0 ─ 1 ⇄ 2     1 would have gone to 0
    """
    case = case_of([(0, 1, 30), (1, 2, 20), (2, 2, 100)], line(3), [50, 4, 3], minimum=7)
    assert parts(merged_small(case, [0, 1, 2])) == {frozenset({0}), frozenset({1, 2})}
    other = case_of([(0, 1, 30), (1, 2, 20), (2, 2, 100)], line(3), [50, 3, 4], minimum=7)
    assert parts(merged_small(other, [0, 1, 2])) == {frozenset({0, 1, 2})}


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"minimum": 10}, [[0, 1], [2]]),
        ({"minimum": 10, "maximum": 54}, [[0], [1], [2]]),
        ({"minimum": 10, "rivals": frozenset({(0, 1)})}, [[0], [1], [2]]),
        ({"minimum": 10, "shut": frozenset({0})}, [[0], [1], [2]]),
        ({"minimum": 10, "shut": frozenset({1})}, [[0], [1], [2]]),
        ({"poles": frozenset({0, 2})}, [[0, 1], [2]]),
        ({"poles": frozenset({0})}, [[0, 1], [2]]),
        ({"poles": frozenset()}, [[0, 1], [2]]),
    ],
)
def test_merged_small_in_the_way(wishes, expected):
    """Node 1 is small beside 0; 2 is an island: the maximum, a rival or a wish may be in the way.

    0 ─ 1   2
    """
    borders = line(2)
    borders.add_node(2)
    case = case_of([(0, 0, 9), (2, 2, 9)], borders, [50, 5, 3], **wishes)
    assert parts(merged_small(case, [0, 1, 2])) == {frozenset(each) for each in expected}


@PROPERTY
@given(cases(), SEEDS, st.integers(1, 12))
def test_merged_to(case, seed, number):
    """Never under the number; over it only where no pair of neighbours may be joined."""
    kept = kept_labels(np.random.default_rng(seed), case)
    labels = merged_to(case, kept, number)
    assert not oracle.broken(case, labels)
    assert len(parts(labels)) >= min(number, len(parts(kept)))
    if len(parts(labels)) > number:
        for nodes in parts(labels):
            for other in parts(labels) - {nodes}:
                joint = [0 if node in nodes | other else 1 + node for node in range(len(case))]
                assert oracle.broken(case, joint)


@PROPERTY
@given(cases(limits=False), SEEDS, RESOLUTION)
def test_merged_to_joins_the_pair_that_gains_most(case, seed, resolution):
    """One merger at a time, each the best of all pairs of neighbours."""
    labels = kept_labels(np.random.default_rng(seed), case)
    while True:
        many = len(parts(labels))
        after = merged_to(case, labels, many - 1, resolution)
        joined = []
        for one, other in {tuple(sorted(labels[list(edge)])) for edge in case.borders.edges}:
            if one != other:
                trial = np.where(labels == one, other, labels)
                joined.append(oracle.modularity(case, trial, resolution))
        if not joined:
            assert parts(after) == parts(labels)
            break
        assert oracle.modularity(case, after, resolution) == pytest.approx(max(joined), abs=1e-9)
        labels = after


@PROPERTY
@given(cases(limits=False), SEEDS, st.integers(1, 6))
def test_merged_to_at_once_is_one_by_one(case, seed, number):
    """What is known of pairs from one merger to the next is what would be found again."""
    labels = kept_labels(np.random.default_rng(seed), case)
    once = merged_to(case, labels, number)
    while len(parts(labels)) > number:
        after = merged_to(case, labels, len(parts(labels)) - 1)
        if parts(after) == parts(labels):
            break
        labels = after
    assert oracle.modularity(case, once) == pytest.approx(oracle.modularity(case, labels), abs=1e-9)


# --- communes given to a community that lacks something ------------------------------------------


def test_pulled_gives_communes_to_a_small_territory():
    """Territory b has 4 inhabitants of the 10 it needs: two of the communes of a are given to it.

    a a a a b     20 5 5 3 4 inhabitants
    """
    case = case_of([(0, 1, 9), (1, 2, 9), (2, 3, 9)], line(5), [20, 5, 5, 3, 4], minimum=10)
    assert pulled(case, drawn("aaaab")).tolist() == drawn("aabbb").tolist()


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, "abb"),
        ({"minimum": 12}, "aab"),  # a would be left with 10
        ({"maximum": 11}, "aab"),
        ({"shut": frozenset({1})}, "aab"),
        ({"shut": frozenset({2})}, "aab"),
        ({"rivals": frozenset({(1, 2)})}, "aab"),
        ({"poles": frozenset({1, 2})}, "aab"),  # a would be left without a pole
        ({"poles": frozenset({0, 1, 2})}, "abb"),
        ({"poles": frozenset({0, 1}), "minimum": 1}, "abb"),  # people enough, but no pole
    ],
)
def test_pulled_in_the_way(wishes, expected):
    """Node 2 has 4 inhabitants and needs 10: node 1, which has 8, goes to it or not.

    a a b     10 8 4 inhabitants
    """
    case = case_of([(0, 1, 9)], line(3), [10, 8, 4], **{"minimum": 10, **wishes})
    assert pulled(case, drawn("aab")).tolist() == drawn(expected).tolist()


def test_pulled_cuts_nothing():
    """Node 1 holds a together: c is left as it was.

    a A a     A = 1, where alone c could take something
      c
    """
    borders = nx.star_graph([1, 0, 2, 3])
    case = case_of([(1, 3, 90)], borders, [20, 20, 20, 5], minimum=10)
    assert pulled(case, ints([0, 0, 0, 3])).tolist() == [0, 0, 0, 3]


@PROPERTY
@given(cases(), SEEDS, st.booleans())
def test_pulled(case, seed, keep_number):
    """Never more lacking; whoever lacks nothing keeps what it must have; no rule broken."""
    kept = kept_labels(np.random.default_rng(seed), case)
    labels = pulled(case, kept.copy(), keep_number=keep_number)
    assert not oracle.broken(case, labels)
    if keep_number:
        assert len(parts(labels)) == len(parts(kept))
    after = oracle.groups(labels)
    for label, nodes in oracle.groups(kept).items():
        assert oracle.lacks(case, nodes) or not oracle.lacks(case, after[label])


# --- destroy and repair --------------------------------------------------------------------------


@PROPERTY
@given(cases(), SEEDS, RESOLUTION, st.booleans())
def test_repaired(case, seed, resolution, keep_number):
    """Never worse, never a rule broken; what was accepted changed something for the better."""
    kept = kept_labels(np.random.default_rng(seed), case)
    task = oracle.problem(case)
    labels, accepted = kernels.repaired(
        task.level, task.scale(resolution), task.limits, kept.copy(), state(seed), 15, keep_number
    )
    assert not oracle.broken(case, labels)
    before, after = value(case, kept, resolution), value(case, labels, resolution)
    assert after < before if accepted else parts(labels) == parts(kept)
    if keep_number:
        assert len(parts(labels)) == len(parts(kept))
    assert list(dict.fromkeys(labels.tolist())) == list(range(len(parts(labels))))


def test_repaired_leaves_shut_territories():
    """0 and 3 stay alone whatever the flows say.

    0 ⇄ 1 ⇄ 2 ⇄ 3
    """
    flows = [(i, i + 1, 50) for i in range(3)]
    case = case_of(flows, line(4), shut=frozenset({0, 3}))
    task = oracle.problem(case)
    labels, _ = kernels.repaired(
        task.level, task.scale(0.1), task.limits, ints(range(4)), state(0), 50, False
    )
    assert labels.tolist() == [0, 1, 1, 2]
