"""Secrecy: the only door for figures that leave; no count from 1 to 10 passes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import FrozenInstanceError
from itertools import product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import shuffled

from territories import Reconciliation, Secrecy, SecrecyError
from territories._words import using

COUNTS = st.one_of(
    st.integers(0, 30).map(float),
    st.floats(0, 30, allow_nan=False).map(lambda count: round(count, 3)),
)
AMOUNTS = st.integers(0, 40)


def series(values: list[float]) -> pd.Series:
    return shuffled(pd.DataFrame({"n": pd.Series(values, dtype="float64")}))["n"]


@pytest.mark.parametrize(
    ("count", "hidden"),
    [(0, False), (1, True), (10, True), (11, False), (0.2, True), (10.4, True), (11.0, False),
     (3_000_000, False)],
)  # fmt: skip
def test_what_is_hidden(count: float, hidden: bool) -> None:
    assert Secrecy().hides(count) == hidden
    assert Secrecy().counts(series([count])).isna().tolist() == [hidden]


@pytest.mark.parametrize(
    ("count", "hidden"),
    [(4e-7, False), (4e-6, True), (10.9999996, False), (10.999996, True)],
)
def test_crumbs_of_fractions_are_no_patients(count: float, hidden: bool) -> None:
    """Six decimals count: sums of fractions of stays differ by less."""
    assert Secrecy().hides(count) == hidden
    assert Secrecy().counts(series([count])).isna().tolist() == [hidden]


def test_shares_at_the_edges() -> None:
    assert Secrecy().shares(series([20]), series([0])).isna().all()  # not without end
    one = Secrecy(threshold=1, acknowledged=True)
    assert one.shares(series([1]), series([1])).tolist() == [1]


@given(st.lists(COUNTS, min_size=1), st.sampled_from([11, 20]))
def test_no_small_count_is_shown(counts: list[float], threshold: int) -> None:
    raw = series(counts)
    shown = Secrecy(threshold=threshold).counts(raw)
    assert shown.index.equals(raw.index)
    assert str(shown.dtype) == "Int64"
    told = shown.dropna()
    assert ((told == 0) | (told >= threshold)).all()
    exact = raw[shown.notna()]
    assert ((exact == 0) | (exact >= threshold)).all()  # nor is one rounded up to be shown
    assert shown[raw == 0].notna().all()
    assert shown[raw >= threshold].notna().all()


def test_missing_stays_missing() -> None:
    assert Secrecy().counts(series([math.nan, 12])).isna().sum() == 1


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1))
def test_a_share_gives_no_small_count_away(pairs: list[tuple[int, int]]) -> None:
    """The part, the whole and the rest are each 0, or 11 and more, where a share is shown."""
    part, whole = series([a for a, _ in pairs]), series([a + b for a, b in pairs])
    shares = Secrecy().shares(part, whole)
    assert shares.dtype == "float64"
    for row, share in shares.items():
        counts = (part[row], whole[row], whole[row] - part[row])
        if whole[row] == 0 or any(0 < count < 11 for count in counts):
            assert math.isnan(share)
        else:
            assert share == pytest.approx(part[row] / whole[row])


@given(st.floats(0.01, 10.99))
def test_a_share_of_fractions_neither(count: float) -> None:
    for part, whole in ((count, 1000.0), (1000.0 - count, 1000.0), (0.0, count)):
        assert Secrecy().shares(series([part]), series([whole])).isna().all()


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from("abcd"), AMOUNTS, min_size=1))
def test_no_part_is_found_by_subtraction(parts: dict[str, int]) -> None:
    """Whoever sees the shown parts and the shown total cannot tell any hidden part."""
    door = Secrecy()
    shown = door.parts(parts)
    assert set(shown) == set(parts)
    for name, count in parts.items():
        assert shown[name] in (None, count)
        assert shown[name] is None or count == 0 or count >= 11
    hidden = [name for name, count in shown.items() if count is None]
    if not hidden or door.hides_total(parts):
        return
    assert len(hidden) >= 2
    total = sum(parts[name] for name in hidden)
    # All the values that hidden parts can have: at least 1, since a 0 is shown.
    found = [
        {values[place] for values in product(range(1, total + 1), repeat=len(hidden))
         if sum(values) == total}
        for place in range(len(hidden))
    ] if len(hidden) < 4 else []  # fmt: skip
    assert all(len(values) > 1 for values in found)
    assert total >= 11  # together they are a number of patients too


@given(st.dictionaries(st.sampled_from("abcd"), AMOUNTS, min_size=1), st.permutations("abcd"))
def test_parts_do_not_depend_on_their_order(parts: dict[str, int], order: list[str]) -> None:
    mixed = {name: parts[name] for name in order if name in parts}
    assert Secrecy().parts(mixed) == Secrecy().parts(parts)


def test_a_hidden_part_takes_the_smallest_other_with_it() -> None:
    door = Secrecy()
    assert door.parts({"a": 4, "b": 30, "c": 20, "d": 0}) == {
        "a": None, "b": 30, "c": None, "d": 0,
    }  # fmt: skip
    assert not door.hides_total({"a": 4, "b": 30, "c": 20})
    assert door.hides_total({"a": 4, "d": 0})  # nothing else to hide
    assert door.hides_total({"a": 4, "b": 5})
    assert not door.hides_total({"a": 12, "b": 15})
    assert not door.hides_total({})


def test_parts_are_hidden_until_together_they_are_many() -> None:
    """Of n hidden parts, each of 1 at least, whoever has the total knows n: 11 more are wanted."""
    door = Secrecy()
    assert door.parts({"a": 2, "b": 11, "c": 30}) == {"a": None, "b": None, "c": 30}
    assert door.parts({"a": 1, "b": 11, "c": 30}) == {"a": None, "b": None, "c": None}
    several = {"a": 4, "b": 4, "c": 12, "d": 30}
    assert door.parts(several) == {"a": None, "b": None, "c": None, "d": 30}
    assert not door.hides_total(several)


# --- thresholds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [{"threshold": 10}, {"professionals": 5}, {"threshold": 1}])
def test_going_below_the_law_is_said(lower: dict) -> None:
    with pytest.raises(SecrecyError, match="acknowledged=True") as refusal:
        Secrecy(**lower)
    assert "11 and 6" in str(refusal.value)
    with using("fr"):
        assert "la règle du SNDS est 11 et 6" in str(refusal.value)
    allowed = Secrecy(**lower, acknowledged=True)
    assert allowed.acknowledged
    if lower.get("threshold") == 1:
        assert allowed.counts(series([1.0])).tolist() == [1]


def test_a_rule_does_not_change() -> None:
    door = Secrecy()
    with pytest.raises(FrozenInstanceError):
        door.threshold = 1  # type: ignore[misc]
    assert door == Secrecy(threshold=11, professionals=6, acknowledged=False)


@pytest.mark.parametrize(
    "values",
    [
        {"threshold": 0},
        {"professionals": 0},
        {"threshold": -3},
        {"threshold": True},
        {"threshold": 11.5},
        {"professionals": "6"},
    ],
)
def test_thresholds_are_positive(values: dict) -> None:
    with pytest.raises(SecrecyError, match="1 at least"):
        Secrecy(**values, acknowledged=True)


def test_higher_thresholds_need_no_word() -> None:
    assert Secrecy(threshold=20, professionals=10).hides(19)


# --- the account of a file ---------------------------------------------------------------------


def account(patients: int, reasons: dict[str, int]) -> Reconciliation:
    told = Reconciliation(unit="patients", rows_in=50, patients_in=patients)
    for name, number in reasons.items():
        told = told.set_aside(name, 1, number)
    return told


@settings(max_examples=300)
@given(
    AMOUNTS,
    st.dictionaries(
        st.sampled_from(["unknown_residence", "unknown_destination", "practice_undetermined"]),
        AMOUNTS,
    ),
)
def test_an_account_shows_no_small_count_nor_lets_one_be_found(
    kept: int, reasons: dict[str, int]
) -> None:
    aside = sum(reasons.values())
    record = account(kept + aside, reasons).record(Secrecy())
    json.dumps(record, allow_nan=False)
    exact = {"patients_in": kept + aside, "patients_kept": kept, "patients_aside": aside}
    shown = {name: record[name] for name in exact}
    for name, count in shown.items():
        assert count is None or count == exact[name]
        assert count is None or count == 0 or count >= 11, name
    if sum(count is None for count in shown.values()) == 1:  # two of three give the third
        missing = next(name for name, count in shown.items() if count is None)
        assert exact[missing] == 0 or exact[missing] >= 11
    for each in record["reasons"].values():
        assert each["patients"] is None or each["patients"] == 0 or each["patients"] >= 11
    hidden = [name for name, each in record["reasons"].items() if each["patients"] is None]
    if shown["patients_aside"] is not None or None not in (
        shown["patients_in"], shown["patients_kept"]
    ):  # fmt: skip
        assert len(hidden) != 1


def test_an_account_without_secrets_is_whole() -> None:
    record = account(1000, {"unknown_residence": 100}).record()
    assert record["patients_in"] == 1000
    assert record["patients_kept"] == 900
    assert record["reasons"] == {"unknown_residence": {"rows": 1, "patients": 100, "examples": []}}


def test_the_account_on_the_screen_of_a_notebook_is_masked_too() -> None:
    told = account(1007, {"unknown_residence": 7})
    assert "7" not in re.sub(r"\b1007\b", "", repr(told))
    assert told["patients_aside"] == 7  # exact, for the user's own eyes


def test_a_file_without_patients_has_none() -> None:
    record = Reconciliation(file="finess.csv", rows_in=33).record()
    assert record["rows_in"] == record["rows_kept"] == 33
    assert record["patients_in"] is record["patients_kept"] is record["patients_aside"] is None
