"""Disclosure: what an outsider finds of linked tables, attacked by code apart from ours."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linked import ALL, attack, communes_only, linked, naive, poles_too, recovered, small

import territories as tt
from territories.disclosure import Line, Masks, Statement, bounds, exposed, protect, published

if TYPE_CHECKING:
    import random

SETS = 40
INFINITE = float("inf")


@cache
def made(seed: int) -> tuple[dict, list, Masks]:
    values, lines = linked(seed)
    return values, lines, protect(values, lined(lines))


def lined(lines: list) -> list[Line]:
    return [Line(*line) for line in lines]


def test_an_interval_is_what_is_left_of_the_total() -> None:
    read = [
        Statement(("all", "a", "b", "c"), (1, -1, -1, -1), 0, 0),
        Statement(("all",), (1,), 100, 100),
        Statement(("a",), (1,), 50, 50),
        Statement(("b",), (1,), 1, INFINITE),
        Statement(("c",), (1,), 1, INFINITE),
    ]
    found = bounds(read, ["a", "b", "c", "elsewhere"])
    assert found["low"].tolist() == [50, 1, 1, 0]
    assert found["high"].tolist() == [50, 49, 49, INFINITE]
    assert bounds(read, ["b", "c"], known={"b": 7}).loc["c"].tolist() == [43, 43]
    assert exposed(read, primary=["b"], secondary=["c"]).empty
    # A share of b among b and c, told to a tenth: 0.1 to 0.2 of 50.
    share = Statement(("b", "c"), (0.8, -0.2), -INFINITE, 0)
    share_too = Statement(("b", "c"), (0.9, -0.1), 0, INFINITE)
    narrow = exposed([*read, share, share_too], primary=["b"], secondary=["c"])
    assert narrow.loc["b"].tolist() == [5, 10]
    assert narrow.loc["c"].tolist() == [40, 45]


def test_statements_that_contradict_are_refused() -> None:
    one = [Statement(("a", "b"), (1, 1), 12, 12), Statement(("a", "b"), (1, 1), 20, 20)]
    with pytest.raises(tt.InputError, match="contradict"):
        bounds(one, ["a"])
    with pytest.raises(tt.InputError, match="contradict"):
        bounds([Statement(("a",), (1,), 5, 5), Statement(("a",), (1,), 6, 6)], ["a"])
    with pytest.raises(tt.InputError, match="1 totals"):
        protect({"a": 12, "b": 30}, [Line("b", ("a",))])


def test_the_total_of_masked_cells_is_as_many_at_least() -> None:
    """Three masked cells and their total: 3 at least, as anyone can count; not exposed for that."""
    values = {"a": 1, "b": 2, "c": 1, "all": 4}
    lines = [Line("all", ("a", "b", "c"))]
    masks = protect(values, lines)
    assert masks.cells == set(values)
    read = published(values, lines, masked=masks.cells)
    assert bounds(read, ["all"]).loc["all"].tolist() == [3, INFINITE]
    assert exposed(read, primary=masks.primary).empty


@pytest.mark.parametrize(
    ("low", "high", "secrecy", "hidden"),
    [
        (1, 10, None, True),
        (0, 10, None, True),
        (1, 9.9, None, False),
        (1.1, 30, None, False),
        (10, 19, None, False),
        (1, 19, tt.Secrecy(threshold=20), True),
        (1, 18.9, tt.Secrecy(threshold=20), False),
        (0.5, 9.6, None, False),
    ],
)
def test_a_small_cell_may_be_one_to_ten(
    low: float, high: float, secrecy: tt.Secrecy | None, hidden: bool
) -> None:
    found = exposed([Statement(("a",), (1,), low, high)], primary=["a"], secrecy=secrecy)
    assert found.index.tolist() == ([] if hidden else ["a"])
    assert found.to_numpy().tolist() == ([] if hidden else [[low, high]])


@pytest.mark.parametrize(
    ("low", "high", "secrecy", "hidden"),
    [
        (30, 40, None, True),
        (30, 39.9, None, False),
        (0, 10, None, True),
        (30, 49, tt.Secrecy(threshold=20), True),
        (30, 48.9, tt.Secrecy(threshold=20), False),
    ],
)
def test_a_cell_that_hides_others_is_ten_wide(
    low: float, high: float, secrecy: tt.Secrecy | None, hidden: bool
) -> None:
    read = [Statement(("a",), (1,), low, high)]
    found = exposed(read, primary=[], secondary=["a"], secrecy=secrecy)
    assert found.index.tolist() == ([] if hidden else ["a"])


@pytest.mark.parametrize(
    ("told", "hidden"),
    [
        (Statement(("all",), (1,), -INFINITE, 12), True),  # 3 to 12
        (Statement(("all",), (1,), -INFINITE, 11.9), False),
        (Statement(("all",), (1,), 3.1, INFINITE), False),
        (Statement(("all", "d"), (1, -4), 0, INFINITE), False),  # four times what is 1 at least
        (Statement(("all", "d"), (1, -1), 3, INFINITE), False),
        (Statement(("d", "all"), (1, -1), -INFINITE, -3), False),
        (Statement(("all",), (1,), 4, INFINITE), False),
        (Statement(("a",), (1,), 2, INFINITE), False),
        (Statement(("a",), (1,), 0, INFINITE), True),
    ],
)
def test_only_marks_excuse_a_total_that_is_more_than_one(told: Statement, hidden: bool) -> None:
    """Three masked cells are 3 at least; what a figure tells besides is found."""
    read = [
        Statement(("all", "a", "b", "c"), (1, -1, -1, -1), 0, 0),
        *(Statement((each,), (1,), 1, INFINITE) for each in "abcd"),
        told,
    ]
    assert exposed(read, primary=["all", "a"]).empty == hidden


def test_intervals_are_told_to_five_decimals() -> None:
    read = [Statement(("a",), (1,), 1 / 3, 2 / 3), Statement(("b",), (3,), 1, 2)]
    found = bounds(read, ["b", "a", "b"])
    assert found.index.tolist() == ["b", "a"]
    assert found.to_numpy().tolist() == [[0.33333, 0.66667]] * 2
    assert found.columns.tolist() == ["low", "high"]
    assert found.index.name == "cell"
    none = bounds(read, [])
    assert (len(none), none.columns.tolist(), none.index.name) == (0, ["low", "high"], "cell")
    pairs = bounds([Statement((("a", 1),), (1,), 2, 3)], [("a", 1), ("b", 2)])
    assert pairs.index.tolist() == [("a", 1), ("b", 2)]
    assert pairs.index.nlevels == 1


@pytest.mark.parametrize(("total", "good"), [(30, True), (30.0009, True), (30.0011, False),
                                             (29.9989, False), (31, False)])  # fmt: skip
def test_totals_are_the_sum_of_their_parts(total: float, good: bool) -> None:
    values, lines = {"a": 12, "b": 18, "all": total}, [Line("all", ("a", "b"))]
    if good:
        assert protect(values, lines) == Masks(frozenset(), frozenset(), 3)
        return
    with pytest.raises(tt.InputError, match="1 totals"):
        protect(values, lines)


def test_what_is_read_of_tables() -> None:
    values = {"a": 0, "b": 3, "c": 20, "d": 5, "all": 28}
    read = published(values, [Line("all", ("a", "b", "c", "d"))], masked=["a", "b"], unseen=["d"])
    assert read == [
        Statement(("a",), (1.0,), 0.0, 0.0),  # nothing is shown as such
        Statement(("b",), (1.0,), 1.0, INFINITE),
        Statement(("c",), (1.0,), 20.0, 20.0),
        Statement(("all",), (1.0,), 28.0, 28.0),
        Statement(("all", "a", "b", "c", "d"), (1.0, -1.0, -1.0, -1.0, -1.0), 0.0, 0.0),
    ]


def test_totals_are_kept_longest() -> None:
    values = {"a": 4, "b": 40, "c": 50, "north": 94, "d": 30, "all": 124}
    masks = protect(values, [Line("north", ("a", "b", "c")), Line("all", ("north", "d"))])
    assert masks.primary == {"a"}
    assert len(masks.secondary) == 1
    assert masks.secondary < {"b", "c"}
    assert (masks.safe, masks.lost) == (5, 1 / 5)
    assert masks.cells == masks.primary | masks.secondary


def test_nothing_to_mask() -> None:
    masks = protect({"a": 0, "b": 0}, [Line("b", ("a",))])
    assert masks == Masks(frozenset(), frozenset(), 0)
    assert masks.lost == 0.0
    with pytest.raises(FrozenInstanceError):
        masks.safe = 1  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(SETS))
def test_nothing_masked_is_found(seed: int) -> None:
    """The attack finds no masked cell of a random set, exactly or more narrowly than the rule."""
    values, lines, masks = made(seed)
    assert small(values) <= masks.cells
    assert masks.primary == small(values)
    found = attack(values, lines, masks.cells)
    assert recovered(values, lines, found) == (0, 0)
    # Our own audit agrees, and knows the same intervals.
    read = published(values, lined(lines), masked=masks.cells)
    assert exposed(read, primary=masks.primary, secondary=masks.secondary).empty
    if seed % 10 == 0:
        told = bounds(read, found)
        for key, (low, high) in found.items():
            assert told.loc[[key]].to_numpy()[0] == pytest.approx((low, high), abs=1e-4)


def test_few_safe_cells_are_lost() -> None:
    """At most a fifth of the cells that could be shown, over all the sets."""
    every = [made(seed)[2] for seed in range(SETS)]
    assert sum(len(each.secondary) for each in every) <= 0.2 * sum(each.safe for each in every)
    assert all(each.lost == len(each.secondary) / each.safe for each in every)


@pytest.mark.parametrize("seed", [16, 69, 131, 196])
def test_other_orders_are_tried_where_much_is_lost(seed: int) -> None:
    """One order alone masks more than a fifth of these."""
    values, lines, masks = made(seed)
    assert masks.lost <= 0.2
    assert recovered(values, lines, attack(values, lines, masks.cells)) == (0, 0)
    assert protect(values, lined(lines), orders=0).lost > 0.2


def test_the_attack_finds_what_is_masked_without_care() -> None:
    """So that finding nothing means something."""
    exact = {"communes": [], "poles": [], "naive": []}
    for seed in range(8):
        values, lines = linked(seed)
        leaves = {key for key in small(values) if ALL not in key[1:]}
        for name, told, masked in (
            ("communes", communes_only(lines), leaves),
            ("poles", poles_too(lines), small(values)),
            ("naive", lines, naive(values, lines)),
        ):
            found = attack(values, told, masked)
            exact[name].append(recovered(values, lines, found)[0] / len(found))
        narrow = exposed(
            published(values, lined(lines), masked=small(values)), primary=small(values)
        )
        assert len(narrow)
    assert np.mean(exact["communes"]) > 0.1
    assert np.mean(exact["poles"]) > np.mean(exact["communes"])
    assert np.mean(exact["naive"]) > 0.01


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_masks_do_not_depend_on_what_is_masked(seed: int, chance: random.Random) -> None:
    """Other counts in the masked cells, same sums, other order: the same masks."""
    values, lines = linked(seed)
    masks = protect(values, lined(lines))
    other = elsewhere(values, lines, masks.cells, chance)
    assert all(other[key] == values[key] for key in values if key not in masks.cells)
    for total, parts in lines:
        assert other[total] == sum(other[part] for part in parts)
    keys, rows = list(other), list(lines)
    chance.shuffle(keys)
    chance.shuffle(rows)
    assert protect({key: other[key] for key in keys}, lined(rows)) == masks


def elsewhere(values: dict, lines: list, masked: set, chance: random.Random) -> dict:
    """Move patients between masked cells, all sums shown kept and small cells small."""
    other = dict(values)
    leaves = sorted(
        (key for key in masked if ALL not in key[1:] and key[0][0] == "commune"), key=repr
    )
    totals = dict(lines)
    for _ in range(300):
        if len(leaves) < 4:
            break
        trial = dict(other)
        rows = chance.sample(leaves, 2)
        corners = [rows[0], (rows[0][0], *rows[1][1:]), rows[1], (rows[1][0], *rows[0][1:])]
        for key, step in zip(corners, (1, -1, 1, -1), strict=True):
            trial[key] += step
        for total, parts in totals.items():
            trial[total] = sum(trial[part] for part in parts)
        if all(
            trial[key] == values[key]
            if key not in masked
            else trial[key] > 0 and (0 < trial[key] < 11) == (0 < values[key] < 11)
            for key in values
        ):
            other = trial
    return other


def test_sensitive_cells_are_masked_and_protected() -> None:
    """A pole with few professionals: its 400 patients are masked, and known within 10 at best."""
    values, lines = linked(3)
    large = sorted((key for key in values if values[key] > 50 and key[0][0] == "commune"), key=repr)
    masks = protect(values, lined(lines), sensitive=large[:1])
    assert large[0] in masks.primary
    low, high = attack(values, lines, masks.cells)[large[0]]
    assert high - low >= 10


def test_public_weights_decide_what_is_kept() -> None:
    """Of the cells that would do, those of least weight are masked: here those of the end."""
    values = {(i, j): 4 if (i, j) == (0, 0) else 40 for i in range(4) for j in range(4)}
    lines = []
    for at in range(4):
        for name, parts in (
            ("row", [(at, j) for j in range(4)]),
            ("column", [(j, at) for j in range(4)]),
        ):
            values[name, at] = sum(values[key] for key in parts)
            lines.append(Line((name, at), tuple(parts)))
    weights = {key: 100.0 if isinstance(key[0], str) else 10.0 - sum(key) for key in values}
    masks = protect(values, lines, weights=weights)
    assert masks.secondary == {(0, 3), (3, 0), (3, 3)}


def test_unseen_cells_are_protected_without_a_mark() -> None:
    """3 of 120 go to a place that is not listed; the rest of the total would tell."""
    values = {"a": 60, "b": 57, "c": 3, "all": 120}
    masks = protect(values, [Line("all", ("a", "b", "c"))], unseen=["c"])
    assert masks.primary == frozenset()
    assert len(masks.secondary) == 1
    assert masks.lost == pytest.approx(1 / 3)


def test_a_higher_threshold_masks_more() -> None:
    values, lines = linked(1)
    door = tt.Secrecy(threshold=20)
    masks = protect(values, lined(lines), secrecy=door)
    assert {key for key, count in values.items() if 0 < count < 20} == masks.primary
    read = published(values, lined(lines), masked=masks.cells)
    assert exposed(read, primary=masks.primary, secondary=masks.secondary, secrecy=door).empty
