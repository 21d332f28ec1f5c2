"""The account of a file: in = kept + set aside, laid out without any small count."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from territories import Reconciliation
from territories._words import Sentence, using
from territories.reconciliation import count

EXAMPLE = {"row": "7", "column": "ps"}
REASONS = ["footnote", "total", "missing_residence", "unknown_residence", "practice_undetermined"]


def account(patients_in: int, *aside: tuple[str, int, int]) -> Reconciliation:
    rows = 1000 + sum(number for _, number, _ in aside)
    told = Reconciliation("e.csv", "f" * 64, "patients", rows, patients_in=patients_in)
    for reason, number, patients in aside:
        told = told.set_aside(reason, number, patients)
    return told


def test_examples_are_added_up_by_reason() -> None:
    told = Reconciliation(rows_in=9).set_aside("total", 1, 0, [EXAMPLE])
    told = told.set_aside("total", 1, 0, [{**EXAMPLE, "value": "'x'"}]).set_aside("footnote", 1, 0)
    assert told.examples == {"total": (EXAMPLE, {**EXAMPLE, "value": "'x'"})}
    assert told.set_aside("duplicate", 0, 0, [EXAMPLE]) is told
    record = told.record()
    assert record["reasons"]["total"]["examples"] == [EXAMPLE, {**EXAMPLE, "value": "'x'"}]
    assert record["reasons"]["footnote"]["examples"] == []
    assert json.loads(json.dumps(record)) == record


def test_the_account_as_a_table_in_both_languages() -> None:
    told = account(5000, ("unknown_residence", 2, 300), ("missing_residence", 1, 7))
    told = told.set_aside("footnote", 1, 0, [{"row": "9", "column": ""}])
    told = told.set_aside("total", 1, 0, [{**EXAMPLE, "value": "'45999' (45234 ?)"}])
    with using("fr"):
        table = told.table()
        assert table.columns.tolist() == ["", "lignes", "patients", "premières lignes"]
        text = table.to_string()
        for words in ("lues", "gardées", "écartées", "commune de résidence inconnue", "(secret)",
                      "ligne 7, ps '45999' (45234 ?)", "ligne 9"):  # fmt: skip
            assert words in text
        assert "1\u202f003" in text
    with using("en"):
        assert "row 7, ps" in told.table().to_string()
        page = told._repr_html_()
    assert "<table" in page
    assert "e.csv" in page


def test_what_a_notebook_shows_is_escaped() -> None:
    told = Reconciliation(file="<b>.csv").noted(Sentence("notice.sheet", {"sheet": "<script>"}))
    assert "<b>" not in told._repr_html_()
    assert "<script>" not in told._repr_html_()


def test_a_file_without_patients_shows_none() -> None:
    told = Reconciliation("c.geojson", "", None, 24)
    assert told.record()["patients_in"] is None
    assert "(masked)" not in told.table().to_string()


@given(
    st.integers(0, 2000),
    st.lists(
        st.tuples(st.sampled_from(REASONS), st.integers(1, 9), st.integers(0, 40)), max_size=4
    ),
)
def test_no_small_count_is_shown_whichever_way(kept: int, aside: list) -> None:
    total = kept + sum(patients for _, _, patients in aside)
    told = account(total, *aside)
    assert told.rows_in == told.rows_kept + told.rows_aside
    assert told.patients_in == told.patients_kept + told.patients_aside == total
    record = told.record()
    shown = [each["patients"] for each in record["reasons"].values()]
    figures = [*shown, *(record[f"patients_{name}"] for name in ("in", "kept", "aside"))]
    assert not any(0 < each < 11 for each in figures if each is not None)
    if None not in (record["patients_in"], record["patients_kept"]):
        rest = record["patients_in"] - record["patients_kept"]
        assert rest == 0 or rest > 10
    text = told.table().to_string() + repr(told)
    for name, (_, patients) in told.reasons.items():
        counts_of_rows = {
            told.rows_in,
            told.rows_kept,
            told.rows_aside,
            *(n for n, _ in told.reasons.values()),
        }
        hidden = record["reasons"][name]["patients"] is None
        if hidden and patients > 10 and patients not in counts_of_rows:
            assert f" {patients} " not in text.replace("]", " ")


@pytest.mark.parametrize(
    ("numbers", "total"),
    [([1, 2], 3), ([0.1] * 10, 1), ([0.5, 0.25], 0.75), ([1e16, 1.0, -1e16], 1), ([], 0)],
)
def test_sums_are_exact_and_whole_where_they_are(numbers: list[float], total: float) -> None:
    found = count(pd.Series(numbers, dtype="float64" if not numbers else None))
    assert found == total
    assert isinstance(found, int) == (total % 1 == 0)
