"""The inner loops one by one: plain and compiled, against networkx and slow recomputations."""

import importlib
import math
import re
import sys
from collections import Counter
from pathlib import Path

import networkx as nx
import numba
import numpy as np
import oracle_engine as oracle
import pytest
from grids import PROPERTY
from hypothesis import given
from hypothesis import strategies as st
from oracle_engine import Case, cases, drawn_case, kept_labels

import territories
from territories import _compiled, _draws, _levels
from territories._repair import part_of
from territories.communities import kernels, state

SEEDS = st.integers(0, 2**32 - 1)
NAMES = [f"territories.{name}" for name in (*_compiled.SOURCES, "_kernels")]


def ints(values):
    return np.array(values, dtype=np.int32)


def drawn(picture):
    """Make labels of the letters of a picture, rows parted by blanks."""
    return ints([ord(letter) - ord("a") for letter in picture.replace(" ", "")])


def case_of(flows, borders, people=None, **wishes):
    """Set a case of (from, to, patients); everyone counts one inhabitant if nothing is said."""
    count = len(borders)
    added = Counter()
    for source, target, patients in flows:
        added[source, target] += patients
    away = ([0] * count, [0] * count)
    return Case(dict(added), borders, list(people or [1] * count), away, **wishes)


def parts(labels):
    """Forget the names of labels."""
    return {frozenset(nodes) for nodes in oracle.groups(labels).values()}


# --- plain Python --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain():
    """Load the inner loops once more, where numba is not installed."""
    assert kernels.Level is not None  # the compiled ones are there
    kept = {name: sys.modules.pop(name) for name in NAMES}
    real, sys.modules["numba"] = sys.modules["numba"], None
    try:
        return importlib.import_module("territories._kernels")
    finally:
        sys.modules["numba"] = real
        for name, module in kept.items():
            sys.modules[name] = module
            setattr(territories, name.split(".")[1], module)


def everything(loops, seed):
    """Run each of the inner loops on a random case; return all that they give."""
    random = np.random.default_rng(seed)
    case = drawn_case(random)
    task = oracle.problem(case, null=str(random.choice(["directed", "undirected", "population"])))
    scale, limits, count = task.scale(float(random.choice([0.3, 1.0, 3.0]))), task.limits, len(case)
    level = loops.Level(*task.level)
    kept = kept_labels(random, case)
    number = int(random.integers(1, 5))
    found = [
        loops.communities(level, scale, limits, state(seed), 2, 3, 2),
        loops.pieces(level, ints(random.integers(0, count, count))),
        loops.numbered_labels(ints(random.integers(0, count, count))),
        loops.summed(level, kept.copy()),
        loops.deficits(limits, loops.summed(level, kept.copy())),
        loops.quality(level, scale, loops.summed(level, kept.copy())),
        loops.merged_small(level, scale, limits, kept.copy()),
        loops.merged_to(level, scale, limits, kept.copy(), number),
        loops.drawn_again(random.random(20) * 60, 0.5 + random.random(20), state(seed)),
        loops.shuffled(count, state(seed)),
        loops.settled(level, scale, limits, loops.numbered_labels(kept)[0], state(seed), 3),
        loops.part_of(
            level,
            np.flatnonzero(random.random(count) < 0.5).astype(np.int32),
            np.full(count, -1, dtype=np.int32),
        ),
    ]
    for keep in (False, True):
        found.append(loops.pulled(level, scale, limits, kept.copy(), keep))
        wanted = number if keep else 0
        found.append(loops.within_limits(level, scale, limits, kept.copy(), state(seed), wanted))
        found.append(loops.repaired(level, scale, limits, kept.copy(), state(seed), 4, keep))
        for alone in (False, True):
            sums = loops.summed(level, kept.copy())
            order = loops.shuffled(count, state(seed))
            moves = loops.border_moves(level, scale, limits, sums, keep, alone, order, 3 * count)
            found.append((moves, *sums))
    return found


def flat(found):
    """Turn what the loops give into bytes."""
    for each in found:
        if isinstance(each, tuple):
            yield from flat(each)
        else:
            yield np.asarray(each).astype(np.float64).tobytes()


@pytest.mark.parametrize("seed", range(60))
def test_plain_is_compiled(plain, seed):
    """Where numba is not there, the results are the same to the byte."""
    assert not hasattr(plain.communities, "py_func")
    assert hasattr(kernels.communities, "py_func") or numba.config.DISABLE_JIT
    assert list(flat(everything(plain, seed))) == list(flat(everything(kernels, seed)))


def test_all_loops_are_known():
    """What is compiled is kept by the state of all modules that have something to compile."""
    package = Path(_compiled.__file__).parent
    having = [path.stem for path in package.glob("*.py") if "\n@compiled\n" in path.read_text()]
    assert sorted(having) == sorted(_compiled.SOURCES)


def test_folder_follows_the_sources(monkeypatch, tmp_path):
    folder = _compiled._folder.__wrapped__  # noqa: SLF001
    assert re.fullmatch(r"engine-[0-9a-f]{16}", Path(folder(str(tmp_path))).name)
    assert Path(folder(str(tmp_path))).parent == tmp_path
    before = folder("")
    monkeypatch.setattr(_compiled, "SOURCES", _compiled.SOURCES[1:])
    assert folder("") != before
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "__pycache__" not in folder("")


def test_compiled_leaves_numba_as_it_was(monkeypatch):
    """The folder is set for the engine's own functions only; without any, nothing is kept."""
    given = numba.config.CACHE_DIR
    asked = []

    def njit(**options):
        asked.append((options.get("cache", False), numba.config.CACHE_DIR))
        if options.get("cache"):
            raise RuntimeError
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    assert _compiled.compiled(ints) is ints
    assert [cache for cache, _ in asked] == [True, False]
    assert "engine-" in asked[0][1]
    assert given == numba.config.CACHE_DIR


def test_lazily():
    assert _compiled.lazily("colorsys").rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        _compiled.lazily("no_such_module")


# --- draws ---------------------------------------------------------------------------------------


def counted(seed, number):
    """Draw again in whole numbers of any size: a counter, mixed (the constants are 'lowbias32')."""
    place = seed % 2**32
    for _ in range(number):
        place = (place + 0x9E3779B9) % 2**32
        mixed = (place ^ place >> 16) * 0x21F0AAAD % 2**32
        mixed = (mixed ^ mixed >> 15) * 0x735A2D97 % 2**32
        yield mixed ^ mixed >> 15


@pytest.mark.parametrize("seed", [0, 1, 12_345, 2**32 - 1, 2**40 + 3, -1])
def test_draw_is_its_formula(seed):
    generator = state(seed)
    assert [_draws.draw(generator) for _ in range(1_000)] == list(counted(seed, 1_000))


def test_draw_is_pinned():
    """The same for ever, so that a result can be had again with a later version."""
    generator = state(0)
    assert [_draws.draw(generator) for _ in range(4)] == [
        1684164658,
        3653269916,
        2939563536,
        2141751570,
    ]
    assert _draws.shuffled(10, state(1)).tolist() == [3, 1, 4, 9, 2, 0, 8, 5, 7, 6]


@pytest.mark.parametrize("count", [0, 1, 2, 10, 500])
def test_shuffled_is_a_permutation(count):
    for seed in (0, 1, -1, 2**64 + 5):
        assert sorted(_draws.shuffled(count, state(seed)).tolist()) == list(range(count))


def test_shuffled_is_fair():
    """Each number comes to each place about as often: 6 000 draws of 6, 1 000 ± 150."""
    counts = np.zeros((6, 6), dtype=int)
    for seed in range(6_000):
        counts[np.arange(6), _draws.shuffled(6, state(seed))] += 1
    assert counts.min() > 850
    assert counts.max() < 1_150


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0, 7.5, 29.9, 30.0, 100.0, 1e6])
def test_poisson(mean):
    """Mean and variance are both the mean, within four standard errors; whole numbers from 0."""
    generator, many = state(7), 20_000
    numbers = np.array([_draws.poisson(mean, generator) for _ in range(many)])
    assert (numbers == np.round(numbers)).all()
    assert numbers.min() >= 0
    assert numbers.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / many) + 1e-12)
    assert numbers.var() == pytest.approx(mean, rel=0.06, abs=1e-12)


@pytest.mark.parametrize("mean", np.linspace(0, 30, 61))
def test_exp_minus(mean):
    assert _draws._exp_minus(mean) == pytest.approx(math.exp(-mean), rel=1e-12)  # noqa: SLF001


def test_poisson_of_small_means_is_exact():
    """How often each number from 0 to 8 comes, of 50 000 draws with a mean of 2.5."""
    generator, many = state(11), 50_000
    counts = np.bincount([int(_draws.poisson(2.5, generator)) for _ in range(many)], minlength=9)
    for number in range(9):
        chance = math.exp(-2.5) * 2.5**number / math.factorial(number)
        assert counts[number] == pytest.approx(many * chance, abs=5 * math.sqrt(many * chance))


def test_drawn_again():
    """The mean is the weight, the variance the weight times its scatter; 0 stays 0."""
    weight = np.repeat([0.0, 12.0, 80.0, 500.0], 5_000)
    scatter = np.repeat([1.0, 3.0, 0.5, 1.0], 5_000)
    found = _draws.drawn_again(weight, scatter, state(3)).reshape(4, -1)
    assert (found[0] == 0).all()
    np.testing.assert_allclose(found.mean(axis=1)[1:], [12, 80, 500], rtol=0.03)
    np.testing.assert_allclose(found.var(axis=1)[1:], [36, 40, 500], rtol=0.08)
    assert (found == _draws.drawn_again(weight, scatter, state(3)).reshape(4, -1)).all()
    assert (found != _draws.drawn_again(weight, scatter, state(4)).reshape(4, -1)).any()


# --- labels and levels ---------------------------------------------------------------------------


def check_sums(case, sums):
    """Compare the sums that are kept with those of the labels."""
    task = oracle.problem(case)
    again = _levels.summed(task.level, sums.label.copy())
    for kept, found in zip(sums, again, strict=True):
        np.testing.assert_allclose(kept, found, rtol=1e-12, atol=1e-9)
    for label, nodes in oracle.groups(sums.label).items():
        sent, received, people, _ = oracle.sums(case, nodes)
        assert (sums.out[label], sums.into[label]) == pytest.approx((sent, received))
        assert (sums.people[label], sums.nodes[label]) == (people, len(nodes))
        assert sums.poles[label] == len(nodes & (case.poles or frozenset()))


@PROPERTY
@given(cases(), SEEDS)
def test_sums_survive_moves(case, seed):
    """After any moves the sums are those of the labels, and empty labels have none."""
    random = np.random.default_rng(seed)
    level, count = oracle.problem(case).level, len(case)
    sums = _levels.summed(level, ints(random.integers(0, count, count)))
    check_sums(case, sums)
    for _ in range(30):
        _levels.put(level, sums, int(random.integers(count)), int(random.integers(count)))
    check_sums(case, sums)
    empty = sums.nodes == 0
    assert not sums.out[empty].any()
    assert not sums.into[empty].any()


@PROPERTY
@given(cases(), SEEDS)
def test_pieces(case, seed):
    """As networkx finds them, numbered from 0 by their first nodes."""
    random = np.random.default_rng(seed)
    count = len(case)
    labels = ints(random.integers(0, max(1, count // 3), count))
    found, many = _levels.pieces(oracle.problem(case).level, labels)
    expected = {
        frozenset(piece)
        for nodes in oracle.groups(labels).values()
        for piece in nx.connected_components(case.borders.subgraph(nodes))
    }
    assert parts(found) == expected
    assert many == len(expected)
    assert list(dict.fromkeys(found.tolist())) == list(range(many))


@pytest.mark.parametrize(
    ("label", "expected"), [([], []), ([2, 2, 0], [0, 0, 1]), ([3, 0, 3, 1], [0, 1, 0, 2])]
)
def test_numbered_labels(label, expected):
    found, many = _levels.numbered_labels(ints(label))
    assert found.tolist() == expected
    assert many == len(set(expected))


@PROPERTY
@given(cases(), SEEDS, st.sampled_from([0.5, 1.0, 3.0]))
def test_aggregated_conserves(case, seed, resolution):
    """One node a label: the same sums, flows, borders, wishes and gains as before."""
    random = np.random.default_rng(seed)
    task, count = oracle.problem(case), len(case)
    labels, many = _levels.numbered_labels(ints(random.integers(0, max(1, count // 2), count)))
    level = _levels.aggregated(task.level, labels, many, True)
    nodes = oracle.groups(labels)
    for label in range(many):
        sent, received, people, _ = oracle.sums(case, nodes[label])
        assert (level.out[label], level.into[label]) == pytest.approx((sent, received))
        assert level.people[label] == people
        assert level.poles[label] == len(nodes[label] & (case.poles or frozenset()))
        assert level.shut[label] == bool(nodes[label] & case.shut)
        flows = Counter()
        for (i, j), flow in case.flows.items():
            if (labels[i] == label) != (labels[j] == label) and flow:
                flows[int(labels[j] if labels[i] == label else labels[i])] += flow
        linked = slice(level.start[label], level.start[label + 1])
        assert dict(zip(level.to[linked].tolist(), level.flow[linked], strict=True)) == flows
        for start, to, pairs in (
            (level.beside_start, level.beside, case.borders.edges),
            (level.rival_start, level.rival, case.rivals),
        ):
            ends = [{int(labels[one]), int(labels[other])} for one, other in pairs]
            expected = {(each - {label}).pop() for each in ends if label in each and len(each) > 1}
            assert sorted(to[start[label] : start[label + 1]].tolist()) == sorted(expected)
    coarser = ints(random.integers(0, many, many))
    scale = task.scale(resolution)
    below = kernels.quality(task.level, scale, _levels.summed(task.level, coarser[labels]))
    first = kernels.quality(task.level, scale, _levels.summed(task.level, labels))
    above = [
        kernels.quality(level, scale, _levels.summed(level, each))
        for each in (coarser, np.arange(many, dtype=np.int32))
    ]
    assert below - first == pytest.approx(above[0] - above[1], abs=1e-6)


@PROPERTY
@given(cases(), SEEDS, st.sampled_from([0.5, 1.0, 3.0]))
def test_part_of_gains_alike(case, seed, resolution):
    """Cut out of the rest, some territories gain by a change what they gain within it."""
    random = np.random.default_rng(seed)
    task, count = oracle.problem(case), len(case)
    labels = ints(random.integers(0, max(1, count // 2), count))
    nodes = np.flatnonzero(np.isin(labels, labels[: max(1, count // 3)])).astype(np.int32)
    inside = np.full(count, -1, dtype=np.int32)
    part = part_of(task.level, nodes, inside)
    assert (inside == -1).all()
    changed = labels.copy()
    changed[nodes] = random.choice(np.unique(labels[nodes]), len(nodes))
    scale = task.scale(resolution)

    def gained(level, before, after):
        named = [np.unique(np.concatenate([before, after]), return_inverse=True)[1]]
        both = np.split(named[0].astype(np.int32), 2)
        if both[0].max(initial=0) >= len(level.out) or both[1].max(initial=0) >= len(level.out):
            return None
        old, new = (kernels.quality(level, scale, _levels.summed(level, each)) for each in both)
        return new - old

    whole = gained(task.level, labels, changed)
    within = gained(part, labels[nodes], changed[nodes])
    assert within == pytest.approx(whole, abs=1e-6)
    graph = nx.relabel_nodes(
        case.borders.subgraph(nodes.tolist()), {node: i for i, node in enumerate(nodes.tolist())}
    )
    begins = np.repeat(np.arange(len(nodes)), np.diff(part.beside_start))
    assert set(zip(begins.tolist(), part.beside.tolist(), strict=True)) == {
        pair for edge in graph.edges for pair in (edge, edge[::-1])
    }
