"""Places of practice: against the slow oracle, whatever the rows, their order and the ids."""

from __future__ import annotations

import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import code, seen, shuffled
from pandas.testing import assert_frame_equal

from territories.practices import practice_places

COMMUNES = st.sampled_from(["45001", "45002", "18001", "2A004", "97101"])
DEPARTMENTS = st.sampled_from(["", "45", "18", "75", "971", "2A"])
ROWS = st.dictionaries(
    st.tuples(COMMUNES, st.sampled_from(["orl", "derm"]), st.integers(1, 4)),
    # few values, so that ties are common
    st.tuples(DEPARTMENTS, st.sampled_from([5, 10, 20]), st.sampled_from([0, 100, 250, 100_01])),
    min_size=1,
    max_size=14,
)


def rows_of(drawn: dict) -> list[oracle.Row]:
    return [
        oracle.Row(home, activity, f"PS{ps}", department, patients, cents)
        for (home, activity, ps), (department, patients, cents) in drawn.items()
    ]


def table_of(rows: list[oracle.Row], seed: int = 1) -> pd.DataFrame:
    table = pd.DataFrame(
        rows, columns=["residence", "activity", "practitioner", "department", "patients", "cents"]
    )
    table["amount"] = table.pop("cents") / 100
    return shuffled(table, seed)


@settings(max_examples=40)
@given(ROWS, st.integers(0, 9))
def test_every_place_is_the_oracles(drawn: dict, seed: int) -> None:
    rows = rows_of(drawn)
    expected = oracle.practices(rows)
    found = practice_places(table_of(rows, seed))
    assert found.index.tolist() == list(expected)
    for who, place in expected.items():
        mine = found.loc[who]
        assert (mine["commune"] if pd.notna(mine["commune"]) else None) == place.commune
        by_amount = mine["commune_by_amount"]
        assert (by_amount if pd.notna(by_amount) else None) == place.commune_by_amount
        assert bool(mine["conflict"]) == place.conflict
        assert bool(mine["tied"]) == place.tied
        for name in ("share", "margin"):
            exact = getattr(place, name)
            if exact is None:
                assert pd.isna(mine[name])
            else:
                assert mine[name] == pytest.approx(float(exact), abs=1e-12)


@settings(max_examples=15)
@given(ROWS)
def test_the_names_of_practitioners_do_not_matter(drawn: dict) -> None:
    table = table_of(rows_of(drawn))
    usual = practice_places(table)
    names = {who: str(90 - int(who[2:])) for who in table["practitioner"].unique()}  # numbers
    renamed = practice_places(table.assign(practitioner=table["practitioner"].map(names)))
    renamed.index = renamed.index.map({new: old for old, new in names.items()})
    assert_frame_equal(renamed.sort_index(), usual, check_names=False, check_index_type=False)


def test_columns_and_order_of_the_result() -> None:
    found = practice_places(seen([("b", "orl", "Z", 5), ("a", "orl", "10", 7)]))
    assert found.index.tolist() == ["10", "Z"]
    assert found.index.name == "practitioner"
    assert found.columns.tolist() == [
        "commune", "share", "margin", "commune_by_amount", "conflict", "tied",
    ]  # fmt: skip
    assert found.dtypes[["conflict", "tied"]].tolist() == ["bool", "bool"]


def test_amounts_are_compared_to_the_cent() -> None:
    """0.1 + 0.2 is 0.3, whatever the machine thinks."""
    rows = [("a", "orl", "P", 10, 0.1), ("a", "derm", "P", 10, 0.2), ("b", "orl", "P", 20, 0.3)]
    assert practice_places(seen(rows))["tied"].tolist() == [True]
    rows[2] = ("b", "orl", "P", 20, 0.31)
    assert practice_places(seen(rows))["commune"].tolist() == [code("b")]


@pytest.mark.parametrize("patients", [(10, 10), (10, 5)])
def test_a_row_without_patients_is_no_evidence_whatever_its_amount(patients) -> None:
    rows = [
        oracle.Row("45001", "orl", "P", "", patients[0], 0),
        oracle.Row("45002", "orl", "P", "", patients[1], 0),
        oracle.Row("45002", "derm", "P", "", 0, 100),
    ]
    place = oracle.practices(rows)["P"]
    found = practice_places(table_of(rows)).loc["P"]
    assert bool(found["tied"]) == place.tied
    assert found["commune_by_amount"] == place.commune_by_amount or place.tied


def test_a_practitioner_without_patients_has_no_place() -> None:
    found = practice_places(seen([("a", "orl", "P", 0, 9.0), ("a", "orl", "Q", 1, 0.0)]))
    assert found["commune"].dropna().tolist() == [code("a")]


def test_an_unknown_amount_leaves_the_tie() -> None:
    rows = [("a", "orl", "P", 10, None), ("b", "orl", "P", 10, None)]
    assert practice_places(seen(rows))["tied"].tolist() == [True]


def test_several_departments_of_one_practitioner() -> None:
    rows = [("a", "orl", "P", 30, 1.0, "96"), ("B", "orl", "P", 20, 1.0, "96"),
            ("C", "orl", "P", 25, 1.0, "97"), ("50001", "orl", "P", 99, 1.0, "")]  # fmt: skip
    found = practice_places(seen(rows)).loc["P"]
    assert found["commune"] == code("C")
    assert found["conflict"]
    assert found["share"] == pytest.approx(25 / 174)
    assert found["margin"] == pytest.approx(5 / 174)


def test_without_amount_or_department() -> None:
    table = seen([("a", "orl", "P", 10), ("b", "orl", "P", 9), ("b", "orl", "Q", 3)])
    found = practice_places(table)
    assert found["commune"].tolist() == [code("a"), code("b")]
    assert found["commune_by_amount"].tolist() == [code("a"), code("b")]
    assert found["share"].tolist() == pytest.approx([10 / 19, 1.0])
    assert found["margin"].tolist() == pytest.approx([1 / 19, 1.0])
