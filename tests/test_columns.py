"""Columns read as counts, amounts, codes or labels: what is wrong is placed, never quoted."""

from __future__ import annotations

import re
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from territories._columns import (
    _WRONG,
    code_column,
    count_column,
    empty_cells,
    number_column,
    text_column,
)
from territories._tables import Table
from territories._words import using


def table(letters: dict[str, str] | None = None, **columns: list[str]) -> Table:
    size = len(next(iter(columns.values())))
    frame = pd.DataFrame(columns, index=pd.RangeIndex(2, size + 2), dtype="category")
    heads = {name: f"their_{name}" for name in columns}
    return Table(frame=frame, file="t.csv", sha256="", heads=heads, letters=letters or {})


CELLS = {
    "percent": "60%",
    "money": "73 €",
    "date": "2023-10-01",
    "infinite": "inf",
    "negative": "-8731",
    "too_large": "1" * 20,
    "malformed": "73 patients",
    "ambiguous": "8,642",
}


def test_each_wrong_number_has_its_words() -> None:
    assert set(CELLS) == set(_WRONG)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_no_count_is_placed_but_never_quoted(
    kind: str, language: Literal["fr", "en"]
) -> None:
    read = table({"their_patients": "D"}, patients=["7531", CELLS[kind], "9753", CELLS[kind]])
    counts = count_column(read, "patients")
    with using(language):
        (told,) = map(str, counts.faults)
    assert counts.faults[0].key == f"error.number_{kind}"
    for words in ("t.csv", "their_patients", "3 (D3), 5 (D5)", ": 2 ("):
        assert words in told
    for count in ("7531", "9753", "8731", "8,642", "73", "60", "11111"):
        assert count not in told
    assert [each.key for each in number_column(read, "patients")[1]] == [f"error.number_{kind}"]


def test_counts_masked_missing_and_dashes() -> None:
    cells = ["20", "<11", "-", "", "NA", "ns", "1 500"]
    counts = count_column(table(patients=cells), "patients")
    assert counts.values.tolist() == [20, 5, 5, 0, 0, 5, 1500]
    assert counts.masked.tolist() == [False, True, True, False, False, True, False]
    assert counts.missing.tolist() == [False, False, False, True, True, False, False]
    assert counts.faults == []
    assert [(each.key, each.values["rows"]) for each in counts.notices] == [
        ("notice.thousands", "8"),
        ("notice.masked", "3, 7"),
        ("notice.dash_masked", "4"),
    ]
    counts = count_column(table(patients=cells), "patients", dash="zero", masked_as=10)
    assert counts.values.tolist() == [20, 10, 0, 0, 0, 10, 1500]
    assert counts.masked.tolist() == [False, True, False, False, False, True, False]
    assert [each.key for each in counts.notices][1:] == ["notice.masked", "notice.dash_zero"]


def test_where_numbers_are_needed_nothing_may_stand_for_one() -> None:
    cells = ["20", "", "na", "<11", "-", "12,5"]
    notices: list = []
    values, faults = number_column(table(population=cells), "population", notices)
    assert values[2] == 20
    assert values[7] == 12.5
    assert [each.key.removeprefix("error.number_") for each in faults] == [
        "empty",
        "missing",
        "masked",
        "dash",
    ]
    assert [each.key for each in notices] == ["notice.decimal_comma"]


@given(st.lists(st.sampled_from(["20", "<11", "-", "", "x", "60%", "1 500"]), min_size=1))
def test_each_row_is_read_as_its_cell_is(cells: list[str]) -> None:
    counts = count_column(table(patients=cells), "patients")
    for row, cell in zip(counts.values.index, cells, strict=True):
        assert counts.masked[row] == (cell in ("<11", "-"))
        assert counts.missing[row] == (cell == "")
        if cell in ("20", "1 500"):
            assert counts.values[row] == float(cell.replace(" ", ""))
    wrong = {each.key: each.values["count"] for each in counts.faults}
    assert wrong.get("error.number_malformed", 0) == cells.count("x")
    assert wrong.get("error.number_percent", 0) == cells.count("60%")


def test_repaired_codes_are_told_with_the_first() -> None:
    notices: list = []
    code, faults = code_column(table(code=["45234", "1004", "2a004", " 45001"]), "code", notices)
    assert code.tolist() == ["45234", "01004", "2A004", "45001"]
    assert faults == []
    assert [str(each) for each in notices] == [
        "codes completed or cleaned in column their_code: 3 (rows 3, 4, 5; '1004' → '01004')"
    ]


def test_codes_beyond_repair_are_quoted_unless_they_may_be_counts() -> None:
    notices: list = []
    cells = ["45234", "ZZZZZ", "12", "PS150067", "99109"]
    _, (told,) = code_column(table(code=cells), "code", notices)
    assert "(rows 3, 4, 5, 6: 'ZZZZZ', …, …, '99109')" in str(told)
    assert notices == []
    _, (told,) = code_column(table(code=["x", " "]), "code", notices, plausible=False)
    assert told.key == "error.code_empty"


def test_labels_are_one_line_without_blanks_around() -> None:
    cells = [" orl ", "soins\ninfirmiers", "a \u00a0\t b", ""]
    assert text_column(table(activity=cells), "activity").tolist() == [
        "orl",
        "soins infirmiers",
        "a b",
        "",
    ]
    (told,) = empty_cells(table(activity=cells, site=["1"] * 4), ["activity", "site", "absent"])
    assert "their_activity" in str(told)
    assert "(rows 5)" in str(told)


def test_long_lists_of_rows_are_cut() -> None:
    counts = count_column(table(patients=["x"] * 7), "patients")
    assert "7 (rows 2, 3, 4, 5, 6, …)" in str(counts.faults[0])
    assert not re.search("7, 8", str(counts.faults[0]))


def test_amounts_may_have_their_sign() -> None:
    assert count_column(table(amount=["12,50 €", "7 €"]), "amount", money=True).faults == []
