"""The list of everything that leaves as tables, and the list to write to."""

from __future__ import annotations

import pandas as pd
import pytest
from grids import codes, drawn, flows, letters, shuffle, zoned

import territories as tt
from territories import tables
from territories._words import using
from territories.export import Evidence
from territories.reconciliation import Reconciliation
from territories.secrecy import Secrecy
from territories.tables import LONGEST_CELL, Sheet, alphabetical, sheets

PICTURE = """
    AAB
    A.B
"""


def by_key(found: list[Sheet]) -> dict[str, Sheet]:
    return {each.key: each for each in found}


def shared_zoning(seed: int = 0) -> tt.Zoning:
    """Three communes in a row; the middle one is in both territories.

    ::

        A A|B B
    """
    layer = drawn("ABC", seed=seed).assign(name=lambda each: "Été " + each.index)
    member = pd.DataFrame(
        [("00001", "x", 1.0), ("00002", "x", 0.7), ("00002", "y", 0.3), ("00003", "y", 1.0)],
        columns=["code", "territory", "weight"],
    )
    return tt.Zoning(layer, shuffle(member, seed), names={"x": "Évreux", "y": "Esvres"})


def test_letters_by_hand() -> None:
    """One row for each territory: codes joined by commas, and names with their codes."""
    table = by_key(sheets(shared_zoning()))["letters"].table
    assert table.to_numpy().tolist() == [
        ["y", "Esvres", 2, "00002, 00003", "Été 00002 (00002), Été 00003 (00003)"],
        ["x", "Évreux", 2, "00001, 00002", "Été 00001 (00001), Été 00002 (00002)"],
    ]
    assert list(table) == ["territoire", "nom", "communes", "codes", "communes et codes"]


def test_members_are_sorted_by_territory_then_name() -> None:
    table = by_key(sheets(shared_zoning()))["members"].table
    assert table["code"].tolist() == ["00002", "00003", "00001", "00002"]
    assert table["part_de_la_commune"].tolist() == [0.3, 1.0, 1.0, 0.7]
    alone = by_key(sheets(zoned(PICTURE)))["members"].table
    assert list(alone) == ["territoire", "territoire_nom", "code", "nom"]


def test_long_lists_go_on_in_a_second_row() -> None:
    """A cell of a spreadsheet holds 32 767 characters: nothing may be lost beyond."""
    count = 5_000
    layer = drawn("A")
    layer = layer.loc[["00001"] * count].set_axis(
        pd.Index([f"{each:05d}" for each in range(count)], name="code"), axis=0
    )
    zoning = tt.Zoning(layer, pd.DataFrame({"code": layer.index, "territory": "t", "weight": 1.0}))
    with using("fr"):
        table = tables.letters(zoning).table
    assert len(table) > 1
    assert table["codes"].str.len().max() <= LONGEST_CELL
    joined = ", ".join(each for each in table["codes"] if each)
    assert joined.split(", ") == sorted(layer.index)


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_does_not_matter(seed: int) -> None:
    one, other = sheets(shared_zoning()), sheets(shared_zoning(seed))
    for left, right in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(left.table, right.table)


def test_white_zones_and_empty_sheets() -> None:
    found = by_key(sheets(zoned(PICTURE)))
    assert found["white_zones"].table["code"].tolist() == ["00005"]
    assert "grouping" not in found
    assert "comparisons" not in found
    assert found["readme"].table["sujet"].tolist()[0] == "Découpage"


def test_grouping_is_listed() -> None:
    given = letters([("AA", 5), ("AB", 50), ("BB", 100)], drawn("AB")).grouped()
    zoning = tt.Zoning.from_labels(pd.Series("t", codes("AB")), communes=drawn("AB"))
    found = by_key(sheets(zoning, evidence=Evidence(flows=given)))
    assert found["grouping"].table.to_numpy().tolist() == [
        ["00001", "Commune 00001", "00002", "Commune 00002"]
    ]


def test_small_counts_of_patients_are_hidden() -> None:
    account = Reconciliation("a.csv", "0", "patients", rows_in=10, patients_in=500)
    account = account.set_aside("missing_patients", 1, 7).set_aside("other_year", 2, 60)
    table = by_key(sheets(shared_zoning(), accounts=[account]))["reconciliation"].table
    shown = table.set_index("lignes")["patients_ou_sejours"]
    assert 7 not in set(shown)
    assert "(secret)" in set(shown)
    assert not any(0 < each < 11 for each in shown if not isinstance(each, str))


def test_parameters_are_flat_and_extra_sheets_stand_before_them() -> None:
    extra = Sheet("more", "Plus", "Plus", "", pd.DataFrame({"a": [1]}))
    given = {"version": "1", "settings": {"seed": 0, "title": None, "together": [["1", "2"]]}}
    found = sheets(shared_zoning(), parameters=given, extra=[extra])
    assert [each.key for each in found][-2:] == ["more", "parameters"]
    assert found[-1].table.to_numpy().tolist() == [
        ["version", "1"],
        ["settings.seed", "0"],
        ["settings.together", "['1', '2']"],
    ]
    assert "territories 1" in set(found[0].table["contenu"])


def test_comparisons_are_those_of_compare() -> None:
    zoning, other = zoned(PICTURE), zoned(PICTURE.replace("B", "A"))
    table = by_key(sheets(zoning, others={"un": other}))["comparisons"].table
    found = tt.compare(zoning, other)
    row = table.iloc[0]
    assert row["Zonage"] == "un"
    assert row["Zones dans la région"] == 1
    assert row["Zones coupées par les territoires"] == 1
    assert row["Part des habitants en accord"] == found.population_agreement


def test_measures_pass_through_the_door() -> None:
    """Of 100 patients 95 stay: the 5 others would be found from a share of 95 %."""
    layer = drawn("AB")
    zoning = tt.Zoning.from_labels(pd.Series(codes("AB"), codes("AB")), communes=layer)
    given = flows([("00001", "00001", 95), ("00001", "00002", 5), ("00002", "00002", 90)], layer)
    sheet = by_key(sheets(zoning, evidence=Evidence(flows=given)))["territories"]
    assert sheet.table["li"].isna().all()
    assert sheet.formats["li"] == "share"
    shown = sheets(
        zoning, evidence=Evidence(flows=given), secrecy=Secrecy(threshold=2, acknowledged=True)
    )
    assert by_key(shown)["territories"].table["li"].tolist() == [0.95, 1.0]


def test_english() -> None:
    found = by_key(sheets(shared_zoning(), language="en"))
    assert found["letters"].name == "To paste"
    assert list(found["members"].table)[:2] == ["territory", "territory_name"]


def test_alphabetical_order_is_a_readers() -> None:
    names = ["Œuilly", "Orléans", "évian", "Évreux", "Esvres"]
    assert sorted(names, key=alphabetical) == ["Esvres", "évian", "Évreux", "Œuilly", "Orléans"]
