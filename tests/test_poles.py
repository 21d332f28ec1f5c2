"""Dominant poles: against the slow oracle, ties and small volumes included."""

from __future__ import annotations

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
