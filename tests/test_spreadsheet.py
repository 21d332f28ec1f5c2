"""The workbook, read back with two other programs."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pandas as pd
import pytest
from grids import codes, drawn, flows, shuffle, shuffled_rows
from python_calamine import CalamineWorkbook

import territories as tt
from territories.spreadsheet import tab_names, write_xlsx
from territories.tables import Sheet, sheets

if TYPE_CHECKING:
    from pathlib import Path

LAYER = drawn("AB")


def zoning(seed: int = 0) -> tt.Zoning:
    layer = drawn("AB", population=[40_000, 1_234], seed=seed)
    return tt.Zoning.from_labels(pd.Series(codes("AB"), codes("AB")), communes=layer)


def given() -> tt.Flows:
    rows = [("00001", "00001", 900), ("00001", "00002", 100), ("00002", "00002", 90)]
    return flows(rows, LAYER)


def sheet(values: dict[str, list[object]], **formats: str) -> Sheet:
    return Sheet("s", "Feuille", "Titre", "Note", pd.DataFrame(values, dtype="object"), formats)


def written(path: Path, *found: Sheet) -> openpyxl.worksheet.worksheet.Worksheet:
    write_xlsx(found, path)
    return openpyxl.load_workbook(path).worksheets[0]


def test_codes_are_text_and_numbers_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    tt.export_xlsx(zoning(), path, flows=given())
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[:3] == ["Lire d’abord", "Territoires", "Communes"]
    page = book["Territoires"]
    heads = {cell.value: cell.column for cell in page[3]}
    first = {name: page.cell(4, column) for name, column in heads.items()}
    assert first["territoire"].value == "00001"
    assert first["territoire"].data_type == "s"
    assert first["population"].value == 40_000
    assert first["population"].number_format == "#,##0"
    assert first["li"].value == 0.9
    assert first["li"].number_format == "0.0\\ %"
    assert first["compacite"].number_format == "0.00"
    again = CalamineWorkbook.from_path(path)
    assert again.sheet_names == book.sheetnames
    rows = again.get_sheet_by_name("Communes").to_python()
    assert [row[0] for row in rows[3:]] == ["00001", "00002"]


def test_no_green_triangles_heads_in_sight_and_a4_across(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    page = written(path, sheet({"code": ["01004"], "n": [12_345]}, n="integer"))
    assert page.freeze_panes == "A4"
    assert page.auto_filter.ref == "A3:B4"
    assert page.page_setup.orientation == "landscape"
    assert page.page_setup.paperSize == 9
    assert page.print_title_rows == "$3:$3"
    with zipfile.ZipFile(path) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert '<ignoredError sqref="A1:B4" numberStoredAsText="1"/>' in xml


@pytest.mark.parametrize(
    "text", ["=1+1", "+33", "-2", "@SUM(A1)", "=HYPERLINK(1)", "http://a.b", "\tx", "</t>&<b>"]
)
def test_nothing_runs(tmp_path: Path, text: str) -> None:
    """A label that looks like a formula or a link is text."""
    path = tmp_path / "a.xlsx"
    page = written(path, sheet({"a": [text]}))
    assert page["A4"].value == text
    assert page["A4"].data_type == "s"
    assert page["A4"].hyperlink is None
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_missing_values_are_empty(tmp_path: Path) -> None:
    values = [None, float("nan"), pd.NA, float("inf"), 0]
    page = written(tmp_path / "a.xlsx", sheet({"a": values}, a="share"))
    assert [page.cell(row, 1).value for row in range(4, 9)] == [None, None, None, None, 0]


def test_same_bytes_whatever_the_rows(tmp_path: Path) -> None:
    paths = [tmp_path / f"{each}.xlsx" for each in range(3)]
    tt.export_xlsx(zoning(), paths[0], flows=given())
    tt.export_xlsx(zoning(), paths[1], flows=given())
    tt.export_xlsx(zoning(5), paths[2], flows=shuffled_rows(given(), 3))
    assert paths[0].read_bytes() == paths[1].read_bytes() == paths[2].read_bytes()


def test_neither_author_nor_date(tmp_path: Path) -> None:
    tt.export_xlsx(zoning(), tmp_path / "a.xlsx")
    properties = openpyxl.load_workbook(tmp_path / "a.xlsx").properties
    assert not properties.creator
    assert properties.created.year == 2000
    assert properties.modified.year == 2000


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    tt.export_xlsx(zoning(), path)
    before = path.read_bytes()
    with pytest.raises(tt.InputError, match="exists already"):
        tt.export_xlsx(zoning(), path, language="en")
    assert path.read_bytes() == before
    tt.export_xlsx(zoning(), path, language="en", overwrite=True)
    assert openpyxl.load_workbook(path).sheetnames[0] == "Read first"
    with pytest.raises(tt.InputError):
        tt.export_xlsx(zoning(), tmp_path / "absent" / "a.xlsx")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.xlsx"]


def test_tabs_are_names_that_spreadsheets_take(tmp_path: Path) -> None:
    names = tab_names(["x" * 40, "X" * 40, "a[1]:b", "'", "HISTORY", "Été"])
    assert names[0] == "x" * 31
    assert names[1] == "X" * 29 + " 2"
    assert names[2:] == ["a 1 b", "-", "HISTORY 2", "Été"]
    found = [Sheet("s", name, "t", "n", pd.DataFrame({"a": [1]})) for name in ("a/b", "A?b")]
    write_xlsx(found, tmp_path / "a.xlsx")
    assert openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames == ["a b", "A b 2"]


def test_all_sheets_of_a_division_can_be_written(tmp_path: Path) -> None:
    found = sheets(zoning(), others={"z": zoning()}, parameters={"a": 1}, language="en")
    write_xlsx(found, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert len(book.sheetnames) == len(found)
    page = book["Comparisons"]
    heads = {cell.value: cell.column for cell in page[3]}
    assert page.cell(4, heads["Adjusted Rand index"]).value == 1


def test_a_workbook_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "tables.csv"
    with pytest.raises(tt.InputError, match="name of a workbook"):
        tt.export_xlsx(zoning(), path)
    assert not path.exists()


# --- lists ---------------------------------------------------------------------------------------


def shared_out(seed: int = 0) -> tt.Zoning:
    """Three communes: the first shared, the last in no territory."""
    layer = drawn("ABC", seed=seed)
    layer["name"] = pd.Series(["=cmd()", "Évry", "Zut"], codes("ABC")).reindex(layer.index)
    rows = [("00001", "y", 0.75), ("00001", "x", 0.25), ("00002", "x", 1.0)]
    member = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    return tt.Zoning(layer, shuffle(member, seed), names={"x": "Évreux", "y": "+Esvres"})


def test_lists_open_in_french_excel(tmp_path: Path) -> None:
    tt.export_lists(shared_out(), tmp_path / "a.csv")
    raw = (tmp_path / "a.csv").read_bytes()
    assert raw.decode("utf-8").split("\r\n") == [
        "\ufeffterritoire;territoire_nom;code;nom;poids",
        "y;'+Esvres;00001;'=cmd();0,75",
        "x;Évreux;00001;'=cmd();0,25",
        "x;Évreux;00002;Évry;1,0",
        ";;00003;Zut;",
        "",
    ]
    tt.export_lists(shared_out(4), tmp_path / "b.csv")
    assert raw == (tmp_path / "b.csv").read_bytes()
    with pytest.raises(tt.InputError, match="exists already"):
        tt.export_lists(shared_out(), tmp_path / "b.csv")


def test_lists_are_read_back(tmp_path: Path) -> None:
    given = shared_out()
    tt.export_lists(given, tmp_path / "a.csv", language="en")
    again = tt.read_zoning(tmp_path / "a.csv", communes=given.communes)
    assert again.membership.equals(given.membership)
    assert again.uncovered == ["00003"]
