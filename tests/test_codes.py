"""Codes of communes: repaired where a spreadsheet broke them, never invented."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import shuffled

from territories import codes

NUMBERS = st.integers(0, 999).map("{:03d}".format)
PREFIXES = st.one_of(
    st.integers(1, 95).filter(lambda n: n != 20).map("{:02d}".format), st.sampled_from(["2A", "2B"])
)
CODES = st.tuples(PREFIXES, NUMBERS).map("".join)
BLANKS = st.text(" \t\u00a0\u202f\u2007\ufeff", max_size=3)


def one(text: str) -> pd.Series:
    return pd.Series([text], index=[7])


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("45234", "45234"),
        ("1004", "01004"),
        ("1004.0", "01004"),
        ("1004.00", "01004"),
        ("45234.0", "45234"),
        ("2a004", "2A004"),
        ("2B033", "2B033"),
        (" 45\u00a0234\u202f", "45234"),
        ("\ufeff01004", "01004"),
        ("97105", "97105"),
        ("", ""),
        ("?", "?"),
        ("104", "104"),
        ("45234.5", "45234.5"),
        ("4523O", "4523O"),
        ("451550000", "451550000"),
        ("\uff14\uff15155", "\uff14\uff15155"),  # full-width digits are not ours to guess
    ],
)
def test_repaired(found: str, code: str) -> None:
    assert codes.repaired(one(found)).tolist() == [code]


@given(CODES, BLANKS, BLANKS, st.booleans(), st.booleans())
def test_what_a_spreadsheet_does_is_undone(
    code: str, before: str, after: str, point: bool, zero: bool
) -> None:
    broken = code.removeprefix("0") if zero else code
    broken = f"{broken}.0" if point and broken.isdigit() else broken.lower()
    assert codes.repaired(one(before + broken + after)).tolist() == [code]


@given(st.lists(st.text(max_size=8), max_size=10))
def test_repaired_is_idempotent_and_keeps_the_index(texts: list[str]) -> None:
    raw = shuffled(pd.DataFrame({"code": pd.Series(texts, dtype="str")}))["code"]
    once = codes.repaired(raw)
    assert once.index.equals(raw.index)
    assert codes.repaired(once).tolist() == once.tolist()


@given(CODES)
def test_good_codes_are_left_alone_and_plausible(code: str) -> None:
    assert codes.repaired(one(code)).tolist() == [code]
    assert codes.plausible(one(code)).tolist() == [True]


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("01004", True),
        ("2A004", True),
        ("2B033", True),
        ("97105", True),
        ("99109", False),  # abroad
        ("2C001", False),
        ("1004", False),
        ("450000", False),
        ("28C01", False),  # a PMSI aggregate
        ("45 34", False),
        ("ZZZZZ", False),
        ("NA", False),
        ("", False),
    ],
)
def test_plausible(code: str, answer: bool) -> None:
    assert codes.plausible(one(code)).tolist() == [answer]


@pytest.mark.parametrize(
    ("code", "department"),
    [("45234", "45"), ("01004", "01"), ("2A004", "2A"), ("97105", "971"), ("98818", "988"),
     ("75", "75"), ("2B", "2B"), ("974", "974")],
)  # fmt: skip
def test_department(code: str, department: str) -> None:
    assert codes.department(one(code)).tolist() == [department]


ARRONDISSEMENTS = [
    *((f"751{n:02d}", "75056") for n in range(1, 21)),
    *((f"6938{n}", "69123") for n in range(1, 10)),
    *((f"132{n:02d}", "13055") for n in range(1, 17)),
]
OTHERS = ["75056", "69123", "13055", "69400", "69379", "13199", "13300", "45234", "75", "2A004"]


def test_arrondissements_are_counted_with_their_city() -> None:
    pairs = shuffled(pd.DataFrame(ARRONDISSEMENTS, columns=["code", "city"]))
    assert len(pairs) == 45
    assert codes.to_cities(pairs["code"]).equals(pairs["city"].rename("code"))
    assert codes.to_cities(pairs["city"]).tolist() == pairs["city"].tolist()


def test_other_codes_are_no_arrondissements() -> None:
    assert codes.to_cities(pd.Series(OTHERS)).tolist() == OTHERS
