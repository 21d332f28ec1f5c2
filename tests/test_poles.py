"""Dominant poles: against the slow oracle, ties and small volumes included."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import FrozenInstanceError
from fractions import Fraction

import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import code, layer, located, seen
from pandas.testing import assert_frame_equal

from territories import Flows, InputError, dominant_poles

FLOWS = st.dictionaries(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["orl", "derm"]), st.sampled_from(["a", "b", "75"])
    ),
    st.integers(0, 14),
    max_size=14,
    min_size=1,
)


@settings(max_examples=40)
@given(FLOWS, st.sampled_from([0, 1, 11]), st.integers(0, 9))
def test_every_pole_is_the_oracles(flows: dict, minimum: int, seed: int) -> None:
    rows = [(*key, patients) for key, patients in flows.items()]
    found = dominant_poles(located(rows, seed=seed), minimum=minimum).table
    exact = oracle.dominant({(code(a), s, code(b)): n for a, s, b, n in rows}, minimum)
    assert found.index.tolist() == sorted(exact)
    for key, expected in exact.items():
        mine = found.loc[key]
        assert (mine["pole"] if pd.notna(mine["pole"]) else None) == expected.pole
        assert mine["patients"] == expected.patients
        assert mine["share"] == pytest.approx(float(expected.share), abs=1e-12)
        assert mine["margin"] == pytest.approx(float(expected.margin), abs=1e-12)
        assert mine["tied"] == expected.tied


@settings(max_examples=20)
@given(st.integers(1, 9), st.permutations([Fraction(1, 3)] * 3 + [Fraction(1, 7)] * 7))
def test_fractions_of_stays_tie_when_they_are_equal(whole: int, parts: list[Fraction]) -> None:
    """Three thirds are one, and seven sevenths are, in whatever order they are added."""
    rows = [("a", "mco", "b", whole), ("a", "mco", "c", whole - 1)]
    rows += [("a", "mco", "c", float(part)) for part in parts if part == Fraction(1, 3)]
    flows = located(rows).together()
    assert dominant_poles(flows, minimum=0).table["tied"].tolist() == [True]


def test_layer_or_not() -> None:
    rows = [("50001", "orl", "a", 20), ("a", "orl", "a", 20)]
    poles = dominant_poles(located(rows, layer("ba")))
    assert poles.table.index.tolist() == [(code("a"), "orl")]  # residents of elsewhere are left out
    assert poles.communes.tolist() == [code("a"), code("b")]  # those without flows are kept
    bare = dominant_poles(located(rows))
    assert bare.communes.tolist() == [code("a"), "50001"]
    assert poles.communes.name == bare.communes.name == "commune"
    assert bare.table.index.names == ["commune", "activity"]


def test_several_rows_of_one_pair_add_up() -> None:
    rows = [("a", "orl", "b", 6), ("a", "orl", "b", 6), ("a", "orl", "c", 11)]
    assert dominant_poles(located(rows)).table["pole"].tolist() == [code("b")]


def test_what_poles_are_called() -> None:
    rows = [
        ("a", "orl", "a", 20),
        ("b", "orl", "b", 20),
        ("c", "orl", "a", 9),
        ("c", "orl", "b", 9),
    ]
    poles = dominant_poles(located(rows))
    assert repr(poles) == "<Poles: 2 poles of 3 communes, 1 activities, 1 ties>"
    assert poles.minimum == 11
    with pytest.raises(FrozenInstanceError):
        poles.minimum = 1  # type: ignore[misc]
    assert len({poles, dominant_poles(located(rows))}) == 2  # tables are not compared


def test_flows_that_are_not_located_have_no_pole() -> None:
    with pytest.raises(InputError, match="located"):
        dominant_poles(Flows(seen([("a", "orl", "P", 1)])))


@settings(max_examples=15)
@given(FLOWS, st.permutations(["x1", "7", "10"]))
def test_the_names_of_activities_do_not_matter(flows: dict, names: list[str]) -> None:
    new = dict(zip(["orl", "derm"], names, strict=False))
    usual = dominant_poles(located([(*key, n) for key, n in flows.items()])).table
    other = dominant_poles(
        located([(a, new[s], b, n) for (a, s, b), n in flows.items()])
    ).table.rename(index={name: old for old, name in new.items()}, level="activity")
    assert_frame_equal(other.sort_index(), usual)


@pytest.mark.parametrize(
    ("more", "state"), [(0, "tied"), (4e-7, "tied"), (2e-6, "first"), (-2e-6, "second")]
)
def test_crumbs_of_fractions_are_no_patients(more: float, state: str) -> None:
    """Six decimals count: sums of fractions of stays differ by less."""
    poles = dominant_poles(located([("c", "mco", "a", 20 + more), ("c", "mco", "b", 20)]))
    (mine,) = poles.table.itertuples()
    assert mine.tied == (state == "tied")
    assert (None if mine.tied else mine.pole) == {"first": code("a"), "second": code("b")}.get(
        state
    )
    assert not mine.undecidable


@pytest.mark.parametrize(
    ("patients", "options", "pole"),
    [(11, {}, True), (10, {}, False), (10.9999996, {}, True), (10.999998, {}, False),
     (10, {"minimum": 10}, True), (12, {"minimum": 13}, False)],
)  # fmt: skip
def test_eleven_patients_make_a_pole(patients: float, options: dict, pole: bool) -> None:
    found = dominant_poles(located([("a", "mco", "b", patients)]), **options).table
    assert found["pole"].notna().tolist() == [pole]
    assert found["undecidable"].tolist() == [False]
    halves = [("a", "mco", "b", patients / 2), ("a", "mco", "c", patients / 2)]
    found = dominant_poles(located(halves), **options).table
    assert found["tied"].tolist() == [pole]


# --- masked cells --------------------------------------------------------------------------------

# Of one commune and one activity: to each place, cells that are known and how many are masked.
CELLS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.tuples(st.integers(0, 25), st.integers(0, 2)),
    min_size=1,
    max_size=3,
).filter(lambda cells: sum(masked for _, masked in cells.values()) <= 3)


def masked_flows(cells: dict[str, tuple[int, int]], masked_as: int, seed: int) -> Flows:
    rows = []
    for place, (known, masked) in cells.items():
        rows.append((code("d"), "orl", code(place), known, 0))
        # The same place may come of several cells: practitioners of one commune.
        rows += [(code("d"), "orl", code(place), masked_as, 1)] * masked
    names = ["residence", "activity", "destination", "patients", "masked"]
    table = pd.DataFrame(rows, columns=names).sample(frac=1, random_state=seed)
    return Flows(table, masked_as=masked_as)


def every_outcome(cells: dict[str, tuple[int, int]], minimum: int) -> Counter[str]:
    """Try every number from 1 to 10 of every masked cell; count what the pole would be."""
    hidden = [place for place, (_, masked) in cells.items() for _ in range(masked)]
    outcomes: Counter[str] = Counter()
    for numbers in itertools.product(range(1, 11), repeat=len(hidden)):
        sums = {place: known for place, (known, _) in cells.items()}
        for place, number in zip(hidden, numbers, strict=True):
            sums[place] += number
        most = max(sums.values())
        first = [place for place, patients in sums.items() if patients == most]
        if sum(sums.values()) < minimum:
            outcomes["small"] += 1
        else:
            outcomes[first[0] if len(first) == 1 else "tied"] += 1
    return outcomes


@settings(max_examples=150)
@given(CELLS, st.sampled_from([1, 5, 10]), st.sampled_from([1, 11, 30]), st.integers(0, 9))
def test_a_pole_is_given_only_when_every_number_gives_it(
    cells: dict[str, tuple[int, int]], masked_as: int, minimum: int, seed: int
) -> None:
    found = dominant_poles(masked_flows(cells, masked_as, seed), minimum=minimum).table
    if not any(known or masked for known, masked in cells.values()):
        assert found.empty
        return
    outcomes = every_outcome(cells, minimum)
    (mine,) = found.itertuples()
    poles = set(outcomes) - {"small", "tied"}
    sure = len(outcomes) == 1
    assert (mine.pole if pd.notna(mine.pole) else None) == (
        code(next(iter(poles))) if sure and poles else None
    )
    assert mine.tied == (set(outcomes) == {"tied"})
    assert mine.undecidable == (not sure)


def test_undecidable_is_no_tie_and_says_so() -> None:
    """Twenty against sixteen and a masked cell: 17 to 26."""
    cells = {"a": (20, 0), "b": (16, 1)}
    poles = dominant_poles(masked_flows(cells, 5, 0))
    (mine,) = poles.table.itertuples()
    assert (mine.tied, mine.undecidable) == (False, True)
    assert pd.isna(mine.pole)
    assert repr(poles) == "<Poles: 0 poles of 1 communes, 1 activities, 0 ties>"
    decided = dominant_poles(masked_flows({"a": (20, 0), "b": (9, 1)}, 5, 0)).table
    assert decided["pole"].tolist() == [code("a")]
    assert not decided["undecidable"].any()


def test_ties_of_places_that_no_masked_cell_can_reach_are_ties() -> None:
    cells = {"a": (20, 0), "b": (20, 0), "c": (0, 1)}
    assert dominant_poles(masked_flows(cells, 5, 0)).table["tied"].tolist() == [True]
    cells = {"a": (20, 0), "c": (20, 0), "b": (10, 1)}  # with as many at most
    assert dominant_poles(masked_flows(cells, 10, 0)).table["tied"].tolist() == [True]
    cells = {"a": (20, 0), "b": (20, 0), "c": (11, 1)}
    found = dominant_poles(masked_flows(cells, 5, 0)).table
    assert (found["tied"].item(), found["undecidable"].item()) == (False, True)


@pytest.mark.parametrize("masked", ["a", "b"])
def test_a_masked_cell_that_may_be_as_many_makes_no_tie(masked: str) -> None:
    """Twenty against ten and a masked cell that counts as 10: 11 to 20."""
    cells = {"a": (20, 0), "b": (20, 0)} | {masked: (10, 1)}
    found = dominant_poles(masked_flows(cells, 10, 0)).table
    assert (found["tied"].item(), found["undecidable"].item()) == (False, True)
    cells = {"a": (20, 0), "b": (20, 0)} | {masked: (19, 1)}  # which counts as 1: 20 to 29
    found = dominant_poles(masked_flows(cells, 1, 0)).table
    assert (found["tied"].item(), found["undecidable"].item()) == (False, True)


def test_the_volume_must_be_significant_for_every_number() -> None:
    few = dominant_poles(masked_flows({"a": (9, 1)}, 5, 0)).table  # 10 to 19
    assert (few["undecidable"].item(), few["pole"].isna().item()) == (True, True)
    enough = dominant_poles(masked_flows({"a": (10, 1)}, 5, 0)).table
    assert enough["pole"].tolist() == [code("a")]
    none = dominant_poles(masked_flows({"a": (0, 1)}, 10, 0)).table  # 10 at most
    assert (none["undecidable"].item(), none["pole"].isna().item()) == (False, True)
