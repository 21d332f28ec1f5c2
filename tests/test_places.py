"""Places gathered into poles: against the slow oracle, on pictures small enough to follow."""

from __future__ import annotations

from collections import defaultdict

import oracle
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import METRE, code, layer, letter, located

from territories import contiguity
from territories.places import grouped_places

PICTURE = "abc.......... ddc........gh eef.....iijj"
LETTERS = st.sampled_from("abcdefghij")
FLOWS = st.dictionaries(
    st.tuples(LETTERS, st.sampled_from(["orl", "derm"]), st.one_of(LETTERS, st.just("50001"))),
    st.integers(0, 30),
    min_size=1,
    max_size=40,
)


def poles(rows: list, picture: str, **options) -> dict[str, str]:
    """Give the pole of each place, as letters."""
    found = grouped_places(located(rows).table, layer(picture), **options)["pole"]
    return {letter(place): letter(pole) for place, pole in found.items()}


@given(FLOWS, st.sampled_from([0.0, 1200.0, 5000.0, 10_000.0]), st.integers(0, 9))
def test_grouping_is_the_oracles(flows: dict, radius: float, seed: int) -> None:
    communes = layer(PICTURE, seed=seed)
    points = {
        place: (point.x, point.y)
        for place, point in communes.geometry.representative_point().items()
    }
    neighbours = defaultdict(set)
    for left, right in contiguity(communes)[["left", "right"]].itertuples(index=False):
        neighbours[left].add(right)
        neighbours[right].add(left)
    listed = [(a, s, b, n) for (a, s, b), n in flows.items()]
    table = located(listed, seed=seed).table
    expected = oracle.grouping(
        {(code(a), s, code(b)): n for a, s, b, n in listed}, points, neighbours, radius=radius
    )
    found = grouped_places(table, communes, radius=radius)
    assert found["pole"].to_dict() == expected
    assert found.index.tolist() == sorted(expected)
    assert found["share"].notna().equals(found["pole"] != found.index)
    assert found["share"].dropna().between(0.5, 1).all()


def test_a_suburb_joins_its_town_and_the_share_is_told() -> None:
    """B is beside the town a; half of its residents are seen in a.

    ::

        ab
    """
    rows = [("a", "orl", "a", 90), ("b", "orl", "a", 20), ("b", "derm", "b", 20)]
    found = grouped_places(located(rows).table, layer("ab"))
    assert found.to_dict("index")[code("b")] == {"pole": code("a"), "share": 0.5}
    assert pd.isna(found["share"][code("a")])


def test_less_than_half_is_not_enough() -> None:
    rows = [("a", "orl", "a", 90), ("b", "orl", "a", 19), ("b", "derm", "b", 20)]
    assert poles(rows, "ab") == {"a": "a", "b": "b"}


@pytest.mark.parametrize(("dots", "pole"), [(9, "a"), (10, "b")])
def test_within_ten_kilometres(dots: int, pole: str) -> None:
    """Points are in the middle of the squares: 9 squares between are 10 km.

    ::

        a.........b
    """
    rows = [("a", "orl", "a", 90), ("b", "orl", "a", 30), ("b", "derm", "b", 1)]
    assert poles(rows, "a" + "." * dots + "b") == {"a": "a", "b": pole}


def test_neighbours_join_however_far_their_middles() -> None:
    """A and b are long, and touch.

    ::

        aaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbb
    """
    rows = [("a", "orl", "a", 90), ("b", "orl", "a", 30), ("b", "derm", "b", 1)]
    picture = "a" * 26 + "b" * 26
    middles = layer(picture).geometry.representative_point()
    assert middles[code("a")].distance(middles[code("b")]) > 10 * METRE
    assert poles(rows, picture) == {"a": "a", "b": "a"}


def test_from_the_smallest_up_a_group_joins_as_a_whole() -> None:
    """C joins b, then b with c joins a: what c sends counts to the group that b made.

    ::

        abc
    """
    rows = [
        *[("a", "orl", "a", 100), ("b", "orl", "a", 30), ("b", "orl", "b", 30)],
        *[("c", "orl", "b", 8), ("c", "orl", "c", 8)],
    ]
    assert poles(rows, "abc") == {"a": "a", "b": "a", "c": "a"}


def test_a_place_never_joins_a_smaller_one() -> None:
    rows = [("a", "orl", "b", 50), ("b", "orl", "b", 5), ("c", "orl", "a", 90)]
    assert poles(rows, "abc")["a"] == "a"


def test_nor_one_that_receives_as_many() -> None:
    """All of each go to the other, and both receive 50.

    ::

        ab
    """
    rows = [("a", "orl", "b", 50), ("b", "orl", "a", 50)]
    assert poles(rows, "ab") == {"a": "a", "b": "b"}


def test_among_several_the_group_that_sees_most() -> None:
    """Half of b's residents go to a, half to c, which receives more; then equal, the larger.

    ::

        abc
    """
    rows = [("a", "orl", "a", 60), ("c", "orl", "c", 90), ("b", "orl", "b", 1)]
    more = [("b", "derm", "a", 10), ("b", "derm", "c", 10)]
    assert poles([*rows, *more], "abc")["b"] == "b"  # 10 of 21 is not half
    assert poles([rows[0], rows[1], ("x", "orl", "b", 1), *more], "abcx")["b"] == "c"
    assert poles([("a", "orl", "a", 90), ("c", "orl", "c", 90), ("x", "orl", "b", 1), *more],
                 "abcx")["b"] == "a"  # fmt: skip


def test_places_outside_the_layer_stay_alone() -> None:
    rows = [("a", "orl", "50001", 90), ("a", "orl", "a", 1)]
    found = grouped_places(located(rows).table, layer("ab"))
    assert found["pole"].to_dict() == {code("a"): code("a")}


def test_a_place_whose_residents_go_nowhere_stays_alone() -> None:
    """B receives c's patients, but its own residents are in no row.

    ::

        abc
    """
    assert poles([("a", "orl", "a", 9), ("c", "orl", "b", 3)], "abc") == {"a": "a", "b": "b"}
