"""Workbooks and Parquet: the same cells as text has, none of them dropped in silence."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

import territories as tt
from territories import InputError
from territories._tables import Table, matched, read_table
from territories._words import using

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = ["commune_residence", "spécialité", "ps", "nb_patients"]
ROWS = [["01004", "orl", "A", 20], ["2A004", "orl", "B", 30]]
TEXT = [["01004", "orl", "A", "20"], ["2A004", "orl", "B", "30"]]
OURS = ["residence", "activity", "practitioner", "patients"]


def workbook(path: Path, rows: list, change: Callable[[Worksheet], object] | None = None) -> Path:
    """Write a workbook of one sheet, and change it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(row)
    if change is not None:
        change(sheet)
    book.save(path)
    return path


def edited(path: Path, changes: dict[str, Callable[[str], str]]) -> Path:
    """Change the XML of a workbook by hand: what openpyxl does not write."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, change in changes.items():
        parts[name] = change(parts[name].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def cells(table: Table) -> list[list[str]]:
    return table.frame.astype("str").to_numpy().tolist()


def key(path: Path, **options: object) -> str:
    with pytest.raises(InputError) as refusal:
        matched(read_table(path, **options), OURS)
    (fault,) = refusal.value.faults
    assert path.name in str(fault)
    return fault.key.removeprefix("error.")


# --- XLSX ----------------------------------------------------------------------------------------


def test_cells_are_written_as_a_person_would(tmp_path: Path) -> None:
    rows = [
        HEAD,
        [1004, "orl", 7.0, 20.0],
        [45234, "orl", None, 12.5],
        [
            "2A004",
            True,
            dt.datetime(2023, 10, 1),  # noqa: DTZ001 - a cell has no zone
            "<11",
        ],
        [" 01005", "dit\nle bon", dt.time(12, 30), "1\u202f500"],
        ["01006", "œ €", 1e-7, 123456789012],
    ]
    read = read_table(workbook(tmp_path / "e.xlsx", rows))
    assert cells(read) == [
        ["1004", "orl", "7", "20"],
        ["45234", "orl", "", "12.5"],
        ["2A004", "True", "2023-10-01", "<11"],
        [" 01005", "dit\nle bon", "12:30:00", "1\u202f500"],
        ["01006", "œ €", "1e-07", "123456789012"],
    ]
    assert read.frame.index.tolist() == [2, 3, 4, 5, 6]


def test_a_table_that_does_not_start_at_a1_is_told_by_its_own_cells(tmp_path: Path) -> None:
    def move(sheet: Worksheet) -> None:
        sheet.insert_rows(1, 4)
        sheet.insert_cols(1, 26)
        sheet["AA2"] = "Recours aux spécialistes"

    file = workbook(tmp_path / "e.xlsx", [HEAD, *ROWS, ["01005", "orl", "C", "trente"]], move)
    read = read_table(file)
    assert cells(read)[:2] == TEXT
    assert [(each.key, each.values["count"]) for each in read.notices] == [("notice.titles", 1)]
    with pytest.raises(InputError, match=r"nb_patients: 1 \(rows 8 \(AD8\)\)"):
        tt.read_flows(file)


def test_a_header_of_two_rows_with_merged_cells(tmp_path: Path) -> None:
    groups = ["Patients", None, "Soins", None]
    file = workbook(
        tmp_path / "e.xlsx", [groups, HEAD, *ROWS], lambda sheet: sheet.merge_cells("A1:B1")
    )
    assert cells(read_table(file)) == TEXT
    assert read_table(file).frame.index.tolist() == [3, 4]


def test_blank_rows_blank_columns_and_footnotes(tmp_path: Path) -> None:
    rows = [
        [*HEAD, None, "note"],
        [*ROWS[0], None, "x"],
        [],
        [*ROWS[1], None, None],
        [],
        ["Source : SNDS, 2023."],
        ["(1) Provisoire"],
    ]
    read = read_table(workbook(tmp_path / "e.xlsx", rows, lambda sheet: sheet.merge_cells("A6:D6")))
    assert read.frame.columns.tolist() == [*HEAD, "note"]
    assert read.frame.index.tolist() == [2, 4]
    assert read.footnotes == (6, 7)
    assert read.letters["note"] == "F"


@pytest.mark.parametrize("value", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!"])
def test_an_error_cell_is_refused_in_a_column_that_is_read(tmp_path: Path, value: str) -> None:
    file = workbook(tmp_path / "e.xlsx", [[*HEAD, "note"], [*ROWS[0], value], [*ROWS[1], 1]])
    assert len(matched(read_table(file), OURS).frame) == 2  # nobody reads the note
    for column in range(4):
        row = [*ROWS[0], None]
        row[column] = value
        file = workbook(tmp_path / "e.xlsx", [[*HEAD, "note"], [*ROWS[1], None], row])
        with pytest.raises(InputError, match=rf"rows 3 \({'ABCD'[column]}3\)") as refusal:
            matched(read_table(file), OURS)
        assert refusal.value.faults[0].key == "error.cell_error"
        assert HEAD[column] in str(refusal.value)


def test_a_formula_is_its_value_or_refused(tmp_path: Path) -> None:
    file = workbook(tmp_path / "e.xlsx", [HEAD, *ROWS, ["01005", "orl", "C", "=D2+D3"]])
    assert key(file) == "cell_formula"
    with pytest.raises(InputError, match=r"nb_patients: 1 \(rows 4 \(D4\)\)"):
        matched(read_table(file), OURS)

    def computed(xml: str) -> str:
        assert "<f>D2+D3</f><v" in xml
        return xml.replace("<f>D2+D3</f><v />", "<f>D2+D3</f><v>50</v>").replace(
            "<f>D2+D3</f><v></v>", "<f>D2+D3</f><v>50</v>"
        )

    read = read_table(edited(file, {"xl/worksheets/sheet1.xml": computed}))
    assert cells(read)[-1] == ["01005", "orl", "C", "50"]


def test_sheets(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name, rows in (
        ("Lisez-moi", [["Extraction du 3 mai"], ["Champ : tous âges"]]),
        ("Données", [HEAD, *ROWS]),
        ("Vide", []),
    ):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.remove(book.worksheets[0])
    file = tmp_path / "e.xlsx"
    book.save(file)
    read = read_table(file)
    assert cells(read) == TEXT
    assert [str(each) for each in read.notices] == ["sheet read: Données"]
    assert key(file, sheet="Donnees") == "sheet_unknown"
    assert key(file, sheet="Vide") == "no_rows"
    copy = book.copy_worksheet(book["Données"])
    copy.title, copy.sheet_state = "2022", "hidden"
    book.save(file)
    with using("fr"), pytest.raises(InputError, match=r"Données, .*2022 \(masquée\)"):
        read_table(file)
    assert key(file) == "sheet_ambiguous"
    assert cells(read_table(file, sheet="2022")) == TEXT


def test_a_table_in_a_hidden_sheet_alone_is_read_and_told(tmp_path: Path) -> None:
    def hide(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        sheet.parent.create_sheet("Graphique").append(["Évolution"])
        sheet.sheet_state = "hidden"

    read = read_table(workbook(tmp_path / "e.xlsx", [HEAD, *ROWS], hide))
    assert cells(read) == TEXT
    assert [each.key for each in read.notices] == ["notice.sheet"]


def test_workbooks_that_cannot_be_read(tmp_path: Path) -> None:
    file = workbook(tmp_path / "e.xlsx", [HEAD, *ROWS])
    whole = file.read_bytes()
    for size in (len(whole) // 2, len(whole) - 30):
        file.write_bytes(whole[:size])
        assert key(file) == "file_truncated"
    workbook(file, [])
    assert key(file) == "no_rows"
    workbook(file, [HEAD])
    assert key(file) == "no_rows"
    workbook(file, [HEAD, *ROWS])
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]>'
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        workbook(file, [HEAD, *ROWS])
        edited(file, {part: lambda xml: bomb + xml})
        assert key(file) == "not_a_table"


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_workbook_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    file = workbook(tmp_path_factory.mktemp("xlsx") / "e.xlsx", [HEAD, *ROWS])
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= change
    file.write_bytes(bytes(content))
    try:
        tt.read_flows(file)
    except InputError as refusal:
        assert "e.xlsx" in str(refusal)  # noqa: PT017 - either is right


# --- ODS -----------------------------------------------------------------------------------------

ODS = "application/vnd.oasis.opendocument.spreadsheet"


def calc(path: Path, rows: list[list[object]], *, above: str = "") -> Path:
    """Write the least that is a spreadsheet of LibreOffice."""

    def cell(value: object) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        return (
            '<table:table-cell office:value-type="string">'
            f"<text:p>{value}</text:p></table:table-cell>"
        )

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{above}<office:document-content{names} '
        'office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Feuille1">'
        f"{lines}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS}"/>'
        "</manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", ODS)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def test_a_spreadsheet_of_libreoffice(tmp_path: Path) -> None:
    rows = [
        ["Titre", None, None, None],
        HEAD,
        [1004, "orl", "A", 20],
        [45234, "orl", "B", "&lt;11"],
        [None, None, None, None],
        ["2A004", "dermato", None, 12.5],
    ]
    read = read_table(calc(tmp_path / "e.ods", rows))
    assert cells(read) == [
        ["1004", "orl", "A", "20"],
        ["45234", "orl", "B", "<11"],
        ["2A004", "dermato", "", "12.5"],
    ]
    assert read.frame.index.tolist() == [3, 4, 6]
    assert read.letters["ps"] == "C"
    assert key(calc(tmp_path / "e.ods", [HEAD, *ROWS], above="<!DOCTYPE a>")) == "not_a_table"
    assert key(calc(tmp_path / "e.ods", [HEAD])) == "no_rows"


# --- Parquet -------------------------------------------------------------------------------------


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_types_of_parquet(tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "e.parquet",
        commune_residence=pa.array([1004, 45234, None], pa.int32()),
        spécialité=pa.array(["orl", None, "orl"]).dictionary_encode(),
        ps=pa.array(["A", "B", "C"], pa.large_string()),
        nb_patients=pa.array([20.0, float("nan"), 12.5]),
        montant=pa.array([Decimal("12.50"), None, Decimal("1.00")], pa.decimal128(8, 2)),
        annee=pa.array([dt.date(2023, 1, 1)] * 3),
    )
    read = read_table(file)
    assert cells(read) == [
        ["1004", "orl", "A", "20", "12.50", "2023-01-01"],
        ["45234", "", "B", "", "", "2023-01-01"],
        ["", "orl", "C", "12.5", "1.00", "2023-01-01"],
    ]
    assert read.frame.index.tolist() == [1, 2, 3]
    assert [(each.key, each.values["column"]) for each in read.notices] == [
        ("notice.codes_were_numbers", "commune_residence")
    ]


def test_codes_of_a_dictionary_of_numbers(tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "e.parquet",
        commune_residence=pa.array([1004, 1004, 45234]).dictionary_encode(),
        spécialité=["orl"] * 3,
        ps=["A", "B", "C"],
        nb_patients=[20, 30, 40],
    )
    assert set(tt.read_flows(file).table["residence"]) == {"01004", "45234"}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([[("a", 1)], []], pa.map_("str", "int8")),
    ],
    ids=["list", "struct", "map"],
)
def test_nested_columns_are_refused(tmp_path: Path, column: pa.Array) -> None:
    file = parquet(tmp_path / "e.parquet", commune_residence=["01004"] * 2, patients=column)
    with pytest.raises(InputError, match=r"not made of single values: patients"):
        read_table(file)


def test_parquet_that_cannot_be_read(tmp_path: Path) -> None:
    file = parquet(tmp_path / "e.parquet", **dict(zip(HEAD, zip(*ROWS, strict=True), strict=True)))
    assert cells(read_table(file)) == TEXT
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert key(file) == "file_truncated"
    file.write_bytes(whole[:4])
    assert key(file) == "file_truncated"
    parquet(file, **{name: pa.array([], "str") for name in HEAD})
    assert key(file) == "no_rows"


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_typed_numbers_are_never_ambiguous(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"e.{kind}"
    frame = pd.DataFrame([["01004", "orl", "A", 12.345]], columns=HEAD)
    frame.to_parquet(file) if kind == "parquet" else frame.to_excel(file, index=False)
    assert tt.read_flows(file).table["patients"].tolist() == [12.345]


def test_every_kind_of_file_gives_the_same_flows(tmp_path: Path) -> None:
    head, rows = ";".join(HEAD), [";".join(map(str, row)) for row in ROWS]
    text = tmp_path / "e.csv"
    text.write_text("\n".join([head, *rows]), encoding="utf-8")
    packed = tmp_path / "e.zip"
    content = io.BytesIO(workbook(tmp_path / "in.xlsx", [HEAD, *ROWS]).read_bytes())
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("e.xlsx", content.getvalue())
    usual = tt.read_flows(text).table
    columns = dict(zip(HEAD, zip(*ROWS, strict=True), strict=True))
    for file in (
        packed,
        workbook(tmp_path / "e.xlsx", [HEAD, *ROWS]),
        calc(tmp_path / "e.ods", [HEAD, *ROWS]),
        parquet(tmp_path / "e.parquet", **columns),
    ):
        pd.testing.assert_frame_equal(tt.read_flows(file).table, usual)
