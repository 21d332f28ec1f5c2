"""Counts shared out among communes: totals conserved, whole numbers by largest remainders."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import shuffled
from pandas.testing import assert_frame_equal

from territories._allocation import shared_out

PEOPLE = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(1, 90), min_size=1, max_size=5
)


def parts(people: dict[str, int], key: str = "P") -> pd.DataFrame:
    total = sum(people.values())
    rows = [(key, code, number / total) for code, number in people.items()]
    return pd.DataFrame(rows, columns=["pmsi", "code", "part"])


def share(number: float, people: dict[str, int], *, whole: bool = True) -> dict[str, float]:
    shared = shared_out(
        pd.DataFrame({"pmsi": ["P"], "n": [number]}),
        shuffled(parts(people)),
        on="pmsi",
        measures=["n"],
        whole=["n"] if whole else [],
    )
    return shared.set_index("code")["n"].to_dict()


@pytest.mark.parametrize(
    ("number", "people", "expected"),
    [
        (10, {"a": 1, "b": 9}, {"a": 1, "b": 9}),
        (1, {"a": 1, "b": 1}, {"a": 1, "b": 0}),  # the lower code
        (1, {"b": 1, "c": 2}, {"b": 0, "c": 1}),  # the larger remainder
        (2, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 0}),
        (7, {"a": 3, "b": 3, "c": 1}, {"a": 3, "b": 3, "c": 1}),
        (5, {"a": 300, "b": 100}, {"a": 4, "b": 1}),
        (0, {"a": 1, "b": 2}, {"a": 0, "b": 0}),
        (3, {"a": 1}, {"a": 3}),
        (100, {"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
    ],
)
def test_largest_remainders(number: int, people: dict, expected: dict) -> None:
    assert share(number, people) == expected


def slow(number: int, people: dict[str, int]) -> dict[str, int]:
    """Share out by fractions: floors, then one to each of the largest remainders."""
    total = sum(people.values())
    exact = {code: Fraction(number * each, total) for code, each in people.items()}
    floor = {code: int(each) for code, each in exact.items()}
    left = number - sum(floor.values())
    order = sorted(people, key=lambda code: (floor[code] - exact[code], code))
    return {code: floor[code] + (code in order[:left]) for code in people}


@given(st.integers(0, 100_000), PEOPLE)
def test_whole_numbers_are_those_of_exact_fractions(number: int, people: dict) -> None:
    assert share(number, people) == slow(number, people)


@given(
    st.lists(st.tuples(st.sampled_from("PQ"), st.integers(0, 500)), min_size=1),
    PEOPLE,
    PEOPLE,
    st.integers(0, 9),
)
def test_each_row_keeps_its_total_and_its_place(
    rows: list, one: dict, other: dict, seed: int
) -> None:
    table = pd.DataFrame(rows, columns=["pmsi", "n"]).assign(x=range(len(rows)), f=0.1)
    cover = pd.concat([parts(one), parts(other, "Q")])
    options = {"on": "pmsi", "measures": ["n", "f"], "whole": ["n"]}
    shared = shared_out(table, cover, **options)
    assert shared.groupby("x")["n"].sum().tolist() == table["n"].tolist()
    assert shared.groupby("x")["f"].sum().tolist() == pytest.approx([0.1] * len(rows))
    assert pd.api.types.is_integer_dtype(shared["n"])
    sizes = {"P": len(one), "Q": len(other)}
    assert (shared["split"] == shared["pmsi"].map(sizes).gt(1)).all()
    assert shared["x"].is_monotonic_increasing
    assert_frame_equal(shared_out(table, shuffled(cover, seed), **options), shared)


def test_fractions_stay_fractions_unless_asked() -> None:
    assert share(1, {"a": 1, "b": 3}, whole=False) == {"a": 0.25, "b": 0.75}
