"""Numbers as French files write them, and all that stands in their place."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from territories._numbers import numbers

BLANKS = ["", " ", "\u00a0", "\u202f", "\u2009", "\u2007"]


def one(cell: str) -> tuple[float, str]:
    """Read a cell beside a plain one."""
    found = numbers(pd.Series([cell, "820"]))
    assert found.loc[1].tolist() == [820.0, ""]
    return found.loc[0, "value"], found.loc[0, "kind"]


@pytest.mark.parametrize(
    ("cell", "value", "kind"),
    [
        ("0", 0, ""),
        ("007", 7, ""),
        ("12", 12, ""),
        (" 12 ", 12, ""),
        ("'12", 12, ""),
        ("12.5", 12.5, ""),
        ("12.0", 12, ""),
        ("12,5", 12.5, "decimal_comma"),
        ("1 500", 1500, "thousands"),
        ("1\u00a0500", 1500, "thousands"),
        ("12\u202f345\u202f678", 12345678, "thousands"),
        ("1\u2009500,25", 1500.25, "thousands"),
        ("1,234.5", 1234.5, "thousands"),
        ("1.234,5", 1234.5, "thousands"),
        ("1,234,567", 1234567, "thousands"),
        ("1.234.567", 1234567, "thousands"),
        ("+3", 3, "notation"),
        ("-0", 0, "notation"),
        ("1e3", 1000, "notation"),
        ("1,5E+02", 150, "notation"),
        ("10000000000", 10**10, ""),
    ],
)
def test_numbers_of_french_files(cell: str, value: float, kind: str) -> None:
    assert one(cell) == (value, kind)
    assert math.copysign(1, one(cell)[0]) == 1  # no minus zero


MASKED = [
    *("<11", "< 11", "<\u00a011", "<5", "<=10", "≤10", "≤ 10", "< 10"),
    *("moins de 11", "Moins de 11", "inférieur à 11", "inf à 11", "inf. à 11"),
    *("1-10", "1 - 10", "1–10", "1—10", "1 à 10", "1 a 10", "1 to 10", "1..10", "[1-10]", "(1-10)"),
    *("5-9", "1-9"),
    *("ns", "NS", "n.s.", "N.S", "nd", "n.d.", "s", "S", "s.", "c", "C", "*", "**", "***"),
    *("secret", "Secret statistique", "masqué", "masquée", "masque", "MASQUÉ"),
    *("non significatif", "Non diffusé", "non diffusable"),
]  # fmt: skip


@pytest.mark.parametrize("cell", MASKED)
def test_every_spelling_of_a_masked_cell(cell: str) -> None:
    value, kind = one(cell)
    assert math.isnan(value)
    assert kind == "masked"


BEYOND = ["<12", "<100", "<=11", "≤11", "<1", "0-10", "1-11", "10-1", "5-5", "1-20", ">10"]


@pytest.mark.parametrize("cell", [*BEYOND, ">= 11", "11 et plus", "ns?", "<", "< x"])
def test_what_may_be_over_ten_or_zero_is_not_masked(cell: str) -> None:
    assert one(cell)[1] not in ("masked", "")


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("", "empty"),
        (" \u00a0\t", "empty"),
        ("nan", "missing"),
        ("NaN", "missing"),
        ("NA", "missing"),
        ("n/a", "missing"),
        ("#N/A", "malformed"),
        ("NULL", "missing"),
        ("None", "missing"),
        ("<NA>", "missing"),
        (".", "missing"),
        ("vide", "missing"),
        ("-", "dash"),
        ("--", "dash"),
        ("–", "dash"),
        ("—", "dash"),
        ("60%", "percent"),
        ("12,5 %", "percent"),
        ("7 €", "money"),
        ("1 500,00 €", "money"),
        ("12 EUR", "money"),
        ("12 euros", "money"),
        ("inf", "infinite"),
        ("-Infinity", "infinite"),
        ("∞", "infinite"),
        ("2023-10-01", "date"),
        ("2023-10-01T00:00:00", "date"),
        ("01/10/2023", "date"),
        ("1/10", "date"),
        ("10-oct", "date"),
        ("1-oct.", "date"),
        ("oct-10", "date"),
        ("12-15", "date"),
        ("01.10.2023", "date"),
        ("10-févr.-23", "date"),
        ("-3", "negative"),
        ("-1 500,5", "negative"),
        ("-1e3", "negative"),
        ("9007199254740994", "too_large"),
        ("1" * 30, "too_large"),
        ("1e400", "too_large"),
        ("douze", "malformed"),
        ("12 34", "malformed"),
        ("1 2345", "malformed"),
        ("12 patients", "malformed"),
        ("1'234", "malformed"),
        ("1,23,4", "malformed"),
        ("1,2345.6", "malformed"),
        ("12,", "malformed"),
        (",5", "malformed"),
        ("0x1A", "malformed"),
        ("1_000", "malformed"),
        ("\u0663", "malformed"),  # an Arabic three
        ("²", "malformed"),
        ("½", "malformed"),
        ("True", "malformed"),
        ("=1+1", "malformed"),
    ],
)
def test_what_is_no_number_is_named_for_what_it_is(cell: str, kind: str) -> None:
    assert one(cell)[1] == kind


@pytest.mark.parametrize(
    ("cells", "kinds"),
    [
        (["1,234"], ["ambiguous"]),
        (["1.234"], ["ambiguous"]),
        (["1,234", "12.500", "820"], ["ambiguous", "ambiguous", ""]),
        (["1,234", "12,5"], ["decimal_comma", "decimal_comma"]),  # commas are decimal there
        (["1.234", "12.5"], ["", ""]),
        (["1,234", "1234,567"], ["decimal_comma", "decimal_comma"]),
        (["1,234", "1,234,567"], ["ambiguous", "thousands"]),
        (["1.234", "1.234.567"], ["ambiguous", "thousands"]),
        (["1 234,567", "12"], ["thousands", ""]),
        (["820", "<11"], ["", "masked"]),
    ],
)
def test_three_digits_after_a_sign_are_ambiguous_unless_others_tell(
    cells: list[str], kinds: list[str]
) -> None:
    assert numbers(pd.Series(cells))["kind"].tolist() == kinds


@given(
    st.integers(0, 10**10 - 1), st.sampled_from(BLANKS), st.integers(0, 99), st.sampled_from(",.")
)
def test_written_numbers_are_read_back(whole: int, blank: str, cents: int, point: str) -> None:
    cell = f"{whole:,}".replace(",", blank) + f"{point}{cents:02d}"
    assert one(cell)[0] == float(f"{whole}.{cents:02d}")


@given(st.text(max_size=8))
def test_any_cell_is_a_number_or_has_a_kind(cell: str) -> None:
    found = numbers(pd.Series([cell]))
    value, kind = found.loc[0, "value"], found.loc[0, "kind"]
    assert found["kind"].notna().all()
    if math.isnan(value):
        assert kind not in ("", "decimal_comma", "thousands", "notation")
    elif kind not in ("negative", "too_large", "ambiguous"):
        assert 0 <= value <= 10**10


@given(st.lists(st.sampled_from([*MASKED, "12", "1 500", "x", "12,5"]), unique=True, min_size=1))
def test_the_order_of_cells_does_not_matter(cells: list[str]) -> None:
    assume("inf. à 11" not in cells)
    one_way = numbers(pd.Series(cells, index=cells))
    other = numbers(pd.Series(cells[::-1], index=cells[::-1]))
    pd.testing.assert_frame_equal(one_way.sort_index(), other.sort_index())
