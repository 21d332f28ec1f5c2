"""The search as a whole: its rules for any network, its quality, and pictures drawn by hand."""

from dataclasses import replace

import networkx as nx
import numpy as np
import oracle_engine as oracle
import pytest
from grids import HEAVY, PROPERTY
from hypothesis import given
from hypothesis import strategies as st
from networks import relabelled, with_flows, with_zeros
from oracle_engine import SMALL, Case, cases, drawn_case, kept_labels, line
from test_kernels import SEEDS, case_of, parts

from territories.communities import (
    NO_MAXIMUM,
    Problem,
    bounded,
    divided,
    improved,
    improved_within,
    merged,
    number_of,
    numbered,
    state,
)
from territories.network import NULLS

RESOLUTION = st.sampled_from([0.3, 1.0, 3.0])


# --- quality -------------------------------------------------------------------------------------


@PROPERTY
@given(cases(), SEEDS, RESOLUTION, st.sampled_from(NULLS))
def test_quality_is_the_method(case, seed, resolution, null):
    """With the share that stays inside nodes it is the modularity of METHOD §6."""
    labels = np.random.default_rng(seed).integers(0, len(case), len(case)).astype(np.int32)
    task = oracle.problem(case, null)
    own = sum(flow for (i, j), flow in case.flows.items() if i == j) / case.total()
    expected = oracle.modularity(case, labels, resolution, null)
    assert task.quality(labels, resolution) + own == pytest.approx(expected, abs=1e-12)


@PROPERTY
@given(cases(outside=False), SEEDS, RESOLUTION, st.booleans())
def test_quality_is_networkx(case, seed, resolution, directed):
    """Without places outside: networkx's, directed and not, self-flows included."""
    labels = np.random.default_rng(seed).integers(0, len(case), len(case)).astype(np.int32)
    graph = nx.DiGraph() if directed else nx.Graph()
    graph.add_nodes_from(range(len(case)), weight=0)
    for (i, j), flow in case.flows.items():
        before = graph.get_edge_data(i, j, {"weight": 0})["weight"]
        graph.add_edge(i, j, weight=before + flow)
    expected = nx.community.modularity(graph, parts(labels), resolution=resolution)
    own = sum(flow for (i, j), flow in case.flows.items() if i == j) / case.total()
    task = oracle.problem(case, "directed" if directed else "undirected")
    assert task.quality(labels, resolution) + own == pytest.approx(expected, abs=1e-12)


@PROPERTY
@given(cases(), SEEDS)
def test_deficits(case, seed):
    """What communities lack, counted from the labels; without poles, inhabitants only."""
    labels = np.random.default_rng(seed).integers(0, len(case), len(case)).astype(np.int32)
    task = oracle.problem(case)
    assert task.deficits(labels) == oracle.lacking(case, labels)
    people = oracle.lacking(replace(case, poles=None), labels)
    assert task.without_poles().deficits(labels) == people


# --- rules that hold for any network -------------------------------------------------------------


def ways(case, seed, resolution, number):
    """Divide a case in all ways: name, division."""
    task = oracle.problem(case)
    yield "divided", divided(task, resolution, seed=seed)
    yield "bounded", bounded(task, resolution, seed=seed)
    yield "bounded", bounded(task, resolution, seed=seed, steps=10)
    yield "numbered", numbered(task, number, seed=seed)[0]
    yield "numbered", numbered(task, number, seed=seed, steps=10)[0]
    yield "inexact", numbered(task, number, seed=seed, exact=False)[0]
    kept = kept_labels(np.random.default_rng(seed), case)
    yield "improved", improved(task, resolution, kept, seed=seed, steps=10)
    yield "within", improved_within(task, resolution, kept, seed=seed)
    yield "merged", merged(task, resolution, kept, number, seed=seed)


@PROPERTY
@given(cases(), SEEDS, RESOLUTION, st.integers(1, 6))
def test_rules(case, seed, resolution, number):
    """In one piece, never over the maximum, rivals apart, shut alone; what lacks is counted."""
    task = oracle.problem(case)
    for name, division in ways(case, seed, resolution, number):
        assert division.dtype == np.int32
        assert not oracle.broken(case, division), name
        assert task.deficits(division) == oracle.lacking(case, division), name


@PROPERTY
@given(cases(), SEEDS, RESOLUTION)
def test_bounded_leaves_nothing_small_beside_room(case, seed, resolution):
    """What lacks something has no neighbour that could take it."""
    division = bounded(oracle.problem(case), resolution, seed=seed)
    for nodes in parts(division):
        for other in parts(division) - {nodes}:
            joint = [0 if node in nodes | other else 1 + node for node in range(len(case))]
            assert not oracle.lacks(case, nodes) or oracle.broken(case, joint)


@HEAVY
@given(cases(), SEEDS, RESOLUTION, st.integers(1, 6))
def test_same_again(case, seed, resolution, number):
    """The same seed, flows and borders in another order, flows of 0, all flows eightfold."""
    first = [division.tolist() for _, division in ways(case, seed, resolution, number)]
    base = oracle.network(case)
    wishes = {
        "minimum": case.minimum,
        "maximum": case.maximum,
        "poles": case.poles,
        "rivals": case.rivals,
        "shut": case.shut,
    }
    for network in (
        oracle.network(case, seed=1 + seed % 1000),
        with_zeros(base),
        with_flows(base, lambda flow: flow * 8),
    ):
        task = Problem.of(network, **wishes)
        kept = kept_labels(np.random.default_rng(seed), case)
        again = [
            divided(task, resolution, seed=seed),
            bounded(task, resolution, seed=seed),
            bounded(task, resolution, seed=seed, steps=10),
            numbered(task, number, seed=seed)[0],
            numbered(task, number, seed=seed, steps=10)[0],
            numbered(task, number, seed=seed, exact=False)[0],
            improved(task, resolution, kept, seed=seed, steps=10),
            improved_within(task, resolution, kept, seed=seed),
            merged(task, resolution, kept, number, seed=seed),
        ]
        assert [division.tolist() for division in again] == first


@PROPERTY
@given(cases(), SEEDS, RESOLUTION, st.booleans())
def test_improved_is_never_worse(case, seed, resolution, keep_number):
    """Nothing more is lacking; where as much is, the modularity is no lower."""
    task = oracle.problem(case)
    kept = kept_labels(np.random.default_rng(seed), case)
    before = (oracle.lacking(case, kept), -oracle.modularity(case, kept, resolution) + 1e-12)
    for division in (
        improved(task, resolution, kept, seed=seed, steps=20, keep_number=keep_number),
        improved_within(task, resolution, kept, seed=seed, keep_number=keep_number),
    ):
        after = (oracle.lacking(case, division), -oracle.modularity(case, division, resolution))
        assert after <= before
        assert not keep_number or number_of(division) == number_of(kept)
    assert oracle.modularity(case, division, resolution) >= -before[1]  # moves: never lower


def test_improved_changes_no_argument():
    case = case_of([(0, 1, 9), (2, 3, 9), (1, 2, 1)], line(4))
    start = np.array([0, 1, 0, 1], dtype=np.int32)[[0, 1, 1, 0]]
    before = start.tolist()
    task = oracle.problem(case)
    improved_within(task, 1.0, start)
    improved(task, 1.0, start, steps=20)
    merged(task, 1.0, start, 1)
    assert start.tolist() == before


@PROPERTY
@given(cases(limits=False), SEEDS, st.floats(0, 1))
def test_any_number_without_limits(case, seed, share):
    """From one for each piece of the map to one for each node."""
    least = nx.number_connected_components(case.borders)
    number = least + round(share * (len(case) - least))
    division, _ = numbered(oracle.problem(case), number, seed=seed)
    assert number_of(division) == number


@HEAVY
@given(cases(), SEEDS)
def test_numbers_and_the_minimum(case, seed):
    """Of a number that cannot be had without something too small, what is too small merges."""
    task = oracle.problem(case)
    for number in (2, 3, 5):
        division, _ = numbered(task, number, seed=seed)
        assert number_of(division) <= max(number, nx.number_connected_components(case.borders)) or (
            case.maximum is not None or case.rivals or case.shut
        )
        few = replace(case, poles=None)
        for nodes in parts(division):
            for other in parts(division) - {nodes}:
                joint = [0 if node in nodes | other else 1 + node for node in range(len(case))]
                assert not oracle.lacks(few, nodes) or oracle.broken(case, joint)


# --- beside the best of all divisions ------------------------------------------------------------


def test_beside_the_best_within_limits():
    """Seven communes and less: in nine of ten cases the best of all divisions is found."""
    exact = 0
    for seed in range(400):
        case = drawn_case(np.random.default_rng(seed), shapes=SMALL)
        few, quality = oracle.best(case)
        division = bounded(oracle.problem(case), 1.0, steps=200)
        lacking, found = oracle.lacking(case, division), oracle.modularity(case, division)
        assert (lacking, -found) >= (few, -quality - 1e-9)
        exact += lacking == few and found >= quality - 1e-9
    assert exact >= 0.9 * 400


def test_beside_the_best_of_a_number():
    """The same for a number: it is found where it can be, and the best of that number mostly."""
    possible = reached = exact = 0
    for seed in range(200):
        case = drawn_case(np.random.default_rng(seed), shapes=SMALL)
        number = 1 + seed % 4
        division, resolution = numbered(oracle.problem(case), number, steps=200)
        best = oracle.best(case, resolution, number)
        if best is None:
            assert number_of(division) != number
            continue
        # Something too small is left only where it cannot be helped with another number either.
        people = replace(case, poles=None)
        had = oracle.best(people, 1.0, number)[0] <= oracle.best(people)[0]
        possible += had
        if number_of(division) == number:
            reached += had
            lacking = oracle.lacking(case, division)
            found = oracle.modularity(case, division, resolution)
            assert (lacking, -found) >= (best[0], -best[1] - 1e-9)
            exact += had and lacking == best[0] and found >= best[1] - 1e-9
    assert reached >= 0.95 * possible
    assert exact >= 0.85 * possible


def test_numbers_of_nodes_do_not_matter():
    """The same communes numbered otherwise: divisions of like quality, though not the same."""
    changes = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        case = drawn_case(random, shapes=((5, 5), (4, 6)), limits=False)
        network = oracle.network(case)
        order = random.permutation(len(network))
        first, second = (
            task.quality(bounded(task, 1.0, steps=100), 1.0)
            for task in (Problem.of(network), Problem.of(relabelled(network, order)))
        )
        changes.append(second - first)
    assert np.median(np.abs(changes)) < 0.002
    assert abs(np.mean(changes)) < 0.005


# --- pictures ------------------------------------------------------------------------------------


def two_towns(bridge=1):
    """Draw two towns, 1 and 4, each with its two suburbs, on one line.

    0 → 1 ← 2 ┄ 3 → 4 ← 5
    """
    flows = [(i, 1, 20) for i in (0, 1, 2)] + [(i, 4, 20) for i in (3, 4, 5)]
    return [*flows, (2, 3, bridge), (3, 2, bridge)]


@pytest.mark.parametrize("seed", range(5))
def test_two_towns(seed):
    task = oracle.problem(case_of(two_towns(), line(6)))
    for division in (
        divided(task, 1.0, seed=seed),
        bounded(task, 1.0, seed=seed),
        numbered(task, 2, seed=seed)[0],
    ):
        assert division.tolist() == [0, 0, 0, 1, 1, 1]


def test_contiguity_comes_before_flows():
    """The ends of a line that exchange everything stay apart while the middle is another's.

    0 ─ 1 ─ 2     0 ⇄ 2, and 1 keeps to itself
    """
    case = case_of([(0, 2, 50), (2, 0, 50), (1, 1, 50)], line(3))
    assert not oracle.broken(case, divided(oracle.problem(case), 1.0))


@pytest.mark.parametrize("steps", [0, 20])
@pytest.mark.parametrize(
    "flows",
    [
        [(i, i, 900) for i in range(4)] + [(0, 1, 40), (1, 2, 40), (2, 3, 40)],
        [(i, i, 1) for i in range(4)],
        [(0, 1, 5), (1, 2, 500), (2, 1, 500), (3, 2, 2), (0, 0, 1)],
        [(0, 1, 1), (1, 2, 10), (3, 2, 9), (1, 1, 50), (2, 2, 50)],
    ],
)
def test_two_territories_of_a_line_of_four(flows, steps):
    """A minimum of 10 333 leaves one way to make two of them, whatever the flows say.

    9 000 ─ 6 000 ┄ 7 000 ─ 9 000
    """
    for poles in (None, frozenset(range(4))):
        people = [9_000, 6_000, 7_000, 9_000]
        case = case_of(flows, line(4), people, minimum=10_333, poles=poles)
        division, _ = numbered(oracle.problem(case), 2, steps=steps)
        assert division.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("number", range(1, 7))
def test_huge_flows_beside_small_ones(number):
    """A thousand million patients next to eleven: any number can still be had.

    0 ⇄ 1 ─ 2 ─ 3 ─ 4 ⇄ 5     10⁹ at the left, 11 at the right
    """
    flows = [(0, 0, 10**9), (0, 1, 10**9), (1, 1, 10**9), (4, 4, 11), (4, 5, 11), (5, 5, 11)]
    assert number_of(numbered(oracle.problem(case_of(flows, line(6))), number)[0]) == number


@pytest.mark.parametrize(
    ("exact", "number", "bare"), [(True, 3, 1), (False, 2, 0), (True, 2, 0), (False, 1, 0)]
)
def test_poles(exact, number, bare):
    """Two poles on a line of six: three territories leave one bare, or one less is drawn."""
    case = case_of(two_towns(bridge=0), line(6), poles=frozenset({1, 4}))
    wanted = 3 if number == 3 or (not exact and number == 2) else number
    task = oracle.problem(case)
    division, _ = numbered(task, wanted, steps=20, exact=exact)
    assert number_of(division) == number
    assert task.deficits(division) == bare


def test_an_island_stays_small():
    """Nobody is beside 3: it stays under the minimum, and is counted.

    0 ─ 1 ─ 2     3
    """
    borders = line(3)
    borders.add_node(3)
    case = case_of([(0, 1, 9), (2, 1, 9), (3, 1, 99)], borders, [5, 5, 5, 5], minimum=10)
    task = oracle.problem(case)
    division = bounded(task, 1.0, steps=20)
    assert parts(division) == {frozenset({0, 1, 2}), frozenset({3})}
    assert task.deficits(division) == 1


def test_a_pole_of_its_own_for_each():
    """Communes go to the pole of their own shore even where they send most across the water.

    0 ─ 1 ─ 2 ─ 3 ─ 4 ─ 5     poles 0 and 5; 2 sends to 5
    """
    flows = [(1, 0, 9), (2, 5, 9), (3, 5, 9), (4, 5, 9), (0, 0, 20), (5, 5, 20)]
    case = case_of(flows, line(6), poles=frozenset({0, 5}))
    division, _ = numbered(oracle.problem(case), 2, steps=20)
    assert division[0] != division[5]
    assert division[1] == division[0]


@pytest.mark.parametrize(
    "case",
    [
        Case({}, nx.Graph(), [], ([], []), minimum=5),
        case_of([], line(3), [3, 0, 0], minimum=3),
        case_of([(0, 0, 1)], line(1), [3], minimum=5, poles=frozenset()),
        case_of([(0, 1, 4), (2, 2, 1)], nx.empty_graph(3), [3, 0, 0], minimum=3, maximum=3),
        case_of([(0, 1, 4), (2, 2, 1)], line(3), [0, 0, 0], minimum=3, maximum=3),
        case_of([(0, 1, 4)], line(3), [2**60, 2**60, 5], minimum=2**60, maximum=2**61),
        case_of([(0, 1, 1e15), (2, 2, 1e100), (1, 2, 1e-300)], line(3)),
        case_of([(0, 1, 5), (1, 2, 1)], line(3), minimum=10, shut=frozenset(range(3))),
        case_of([(0, 1, 5), (1, 2, 1)], line(3), [10, 2, 3], minimum=4, maximum=5),
        case_of([(0, 1, 5)], line(3), rivals=frozenset({(0, 1), (1, 2), (0, 2)})),
    ],
    ids=[
        "empty",
        "no flow",
        "one node",
        "no borders",
        "nobody",
        "huge populations",
        "huge flows",
        "all shut",
        "one over the maximum",
        "all rivals",
    ],
)
def test_edges(case):
    """The least and the most that may be asked."""
    task, each = oracle.problem(case), np.arange(len(case), dtype=np.int32)
    for division in (
        divided(task, 1.0),
        bounded(task, 1.0, steps=10),
        numbered(task, 2, steps=10)[0],
        improved(task, 1.0, each, steps=10, keep_number=True),
        improved_within(task, 1.0, each),
    ):
        assert len(division) == len(case)
        assert not oracle.broken(case, division)
    assert np.isfinite(task.quality(each, 1.0))


def test_problem():
    """Wishes become arrays; without any, nothing is asked."""
    case = case_of([(0, 1, 2)], line(3), [1, 2, 3])
    free = oracle.problem(case)
    assert free.limits == (0, NO_MAXIMUM, 0)
    assert free.scale(2.0) == 1.0
    task = oracle.problem(
        replace(case, minimum=2, maximum=4, poles=frozenset({1}), rivals={(2, 0)}, shut={1})
    )
    assert task.limits == (2, 4, 1)
    assert task.level.poles.tolist() == task.level.shut.tolist() == [0, 1, 0]
    assert task.level.rival_start.tolist() == [0, 1, 1, 2]
    assert task.level.rival.tolist() == [2, 0]
    assert task.without_poles().limits == (2, 4, 0)


@pytest.mark.parametrize(("seed", "first"), [(0, 0), (5, 5), (-1, 2**32 - 1), (2**32 + 7, 7)])
def test_state(seed, first):
    assert state(seed).tolist() == [first]
