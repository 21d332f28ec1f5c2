"""What benchmarks/fuzz.py found: one small input for each, which must be refused or read right."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import TYPE_CHECKING

import layers
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import territories as tt
from territories._tables import read_table
from territories._words import Sentence

if TYPE_CHECKING:
    from pathlib import Path

HEAD = ["commune_residence", "commune_exercice", "specialite", "patients"]
ROW = ["45234", "45285", "dermatologie", "20"]
ODS = "application/vnd.oasis.opendocument.spreadsheet"


def refused(path: Path, **options: object) -> list[str]:
    """Read flows that are refused; give the keys of the faults."""
    with pytest.raises(tt.InputError) as refusal:
        tt.read_flows(path, **options)
    return [each.key.removeprefix("error.") for each in refusal.value.faults]


def csv(path: Path, *rows: list[str]) -> Path:
    path.write_text("\n".join(";".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


def workbook(path: Path, *rows: list[object], **cells: object) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, value in cells.items():
        book.active[name] = value
    book.save(path)
    return path


def packed(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def parquet(path: Path, patients: pa.Array) -> Path:
    columns = [pa.array([cell] * len(patients)) for cell in ROW[:3]]
    pa.parquet.write_table(pa.table([*columns, patients], names=HEAD), path)
    return path


def test_workbooks_may_have_cells_that_are_not_there(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [*HEAD, "note"], [*ROW[:3], 20, None], [None], E4="lue")
    assert read_table(path).frame.shape == (2, 5)


@pytest.mark.parametrize(("shown", "told"), [("=1+1", "cell_formula"), ("#N/A", "cell_error")])
def test_formulas_and_errors_are_found_beside_cells_that_are_not_there(
    tmp_path: Path, shown: str, told: str
) -> None:
    path = workbook(tmp_path / "t.xlsx", HEAD, [*ROW[:3], None], [None], ROW, D2=shown)
    assert refused(path) == [told]


def test_a_formula_whose_text_is_empty_is_an_empty_cell(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "whole.xlsx", HEAD, [*ROW[:3], "=A1"])
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b'<c r="D2"><f>A1</f><v></v></c>' in sheet.replace(b"<v />", b"<v></v>")
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b'<c r="D2">', b'<c r="D2" t="str">')
    assert refused(packed(tmp_path / "t.xlsx", parts)) == ["number_empty"]


def test_workbooks_may_have_sheets_of_charts(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [*HEAD, "note"], [*ROW, None], [*ROW[:3], 12, "lue"])
    book = openpyxl.load_workbook(path)
    book.create_chartsheet("Graphique")
    book.save(path)
    assert read_table(path).frame.shape == (2, 5)


def test_a_stray_cell_at_the_end_of_a_sheet_does_not_fill_the_memory(tmp_path: Path) -> None:
    assert refused(workbook(tmp_path / "t.xlsx", HEAD, ROW, XFD1048576=" ")) == ["sheet_spread"]
    near = workbook(tmp_path / "near.xlsx", HEAD, ROW, AZ2000=" ")
    assert len(tt.read_flows(near).table) == 1


@pytest.mark.parametrize(("rows", "cells"), [(10**9, 1), (1, 10**9), (10**5, 10**4)])
def test_a_repeated_cell_does_not_fill_the_memory(tmp_path: Path, rows: int, cells: int) -> None:
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'<o:document-content xmlns:o="{office}office:1.0" xmlns:t="{office}table:1.0" '
        f'xmlns:x="{office}text:1.0"><o:body><o:spreadsheet><t:table t:name="a">'
        f'<t:table-row t:number-rows-repeated="{rows}"><t:table-cell '
        f't:number-columns-repeated="{cells}" o:value-type="string"><x:p>a</x:p></t:table-cell>'
        "</t:table-row></t:table></o:spreadsheet></o:body></o:document-content>"
    )
    path = packed(tmp_path / "t.ods", {"mimetype": ODS, "content.xml": content})
    assert refused(path) == ["sheet_spread"]


def test_a_length_of_time_out_of_the_calendar_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", HEAD, [*ROW[:3], 1e300])
    book = openpyxl.load_workbook(path)
    book.active["D2"].number_format = "[h]:mm:ss"
    book.save(path)
    assert refused(path) == ["cell_no_date"]


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/theme/theme1.xml"])
def test_a_workbook_with_a_damaged_part_is_refused(tmp_path: Path, part: str) -> None:
    path = workbook(tmp_path / "t.xlsx", HEAD, ROW)
    content = bytearray(path.read_bytes())
    place = content.index(part.encode()) + len(part)
    content[place + 40] ^= 1
    path.write_bytes(content)
    assert refused(path) == ["file_truncated"]


def test_an_archive_that_lost_bytes_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", HEAD, *[ROW] * 99)
    whole = packed(tmp_path / "t.zip", {"t.csv": path.read_bytes()}).read_bytes()
    for first in (5, 30, 2000):
        (tmp_path / "t.zip").write_bytes(whole[:4] + whole[first:])
        assert refused(tmp_path / "t.zip") == ["file_truncated"], first


def test_a_file_without_a_name_in_an_archive(tmp_path: Path) -> None:
    content = csv(tmp_path / "t.csv", HEAD, ROW).read_bytes()
    assert len(read_table(packed(tmp_path / "t.zip", {"": content})).frame) == 1


@pytest.mark.parametrize(
    ("patients", "told"),
    [
        (pa.array([10**8], pa.date32()), "number_malformed"),
        (pa.array([2**62], pa.timestamp("us")), "number_malformed"),
        (pa.array([dt.date(2024, 1, 31)]), "number_date"),
        (pa.array([10**14], pa.duration("ms")), "column_nested"),
    ],
)
def test_days_of_parquet_out_of_the_calendar_are_refused(
    tmp_path: Path, patients: pa.Array, told: str
) -> None:
    assert refused(parquet(tmp_path / "t.parquet", patients)) == [told]


def test_messages_stay_in_one_line_whatever_a_file_holds() -> None:
    told = Sentence("error.file_missing", {"file": "a\nb\x1b[31m\u202ec" + 5_000 * "d", "near": ""})
    assert "a\ufffdb\ufffd[31m\ufffdc" in str(told)
    assert len(str(told)) < 1_500


def test_residences_may_be_pmsi_codes_where_practitioners_are_known(tmp_path: Path) -> None:
    head = ["code_residence", "specialite", "ps", "nb_patients"]
    path = csv(tmp_path / "t.csv", head, ["45C01", "ORL", "PS150067", "20"])
    cover = csv(
        tmp_path / "pmsi.csv",
        layers.PMSI.split(";"),
        ["45234", "Orléans", "45C01", "3000"],
        ["45285", "Saint-Jean-de-la-Ruelle", "45C01", "1000"],
    )
    flows = tt.read_flows(path, pmsi_codes=cover)
    assert flows.table["patients"].tolist() == [15, 5]


def test_stays_that_are_all_set_aside_are_refused(tmp_path: Path) -> None:
    stays = csv(tmp_path / "t.csv", layers.STAYS.split(";"), ["45234", "450000021", "mco", "20"])
    sites = csv(tmp_path / "s.csv", layers.SITES.split(";"), ["450000039", "CH", "45234"])
    with pytest.raises(tt.InputError) as refusal:
        tt.read_hospital(stays, sites=sites, on_unknown="aside")
    assert [each.key for each in refusal.value.faults] == ["error.nothing_kept"]


@pytest.mark.parametrize(
    "row", [["x", "", *ROW[2:]], ["x", "45285", "", "20"], ["x", "45285", "ORL", ""]]
)
def test_a_row_kept_as_external_has_all_its_cells(tmp_path: Path, row: list[str]) -> None:
    path = csv(tmp_path / "t.csv", HEAD, ROW, row)
    assert refused(path, on_unknown="external") in (
        ["code_empty"],
        ["cell_empty"],
        ["number_empty"],
    )


def test_a_row_of_another_year_is_not_kept_as_external(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", [*HEAD, "annee"], [*ROW, "2023"], ["x", *ROW[1:], "2022"])
    account = tt.read_flows(path, on_unknown="external", year=2023).reconciliation
    assert account.reasons == {"other_year": (1, 20)}


def test_rows_that_become_one_have_the_same_department_whatever_their_order(
    tmp_path: Path,
) -> None:
    head = ["code_residence", "specialite", "ps", "departement_ps", "nb_patients", "montant"]
    rows = [
        ["75113", "ORL", "PS150067", "75", "20", "0.1"],
        ["75114", "ORL", "PS150067", "45", "20", "0.2"],
        ["75115", "ORL", "PS150067", "", "20", "0.3"],
    ]
    tables = [
        tt.read_flows(csv(tmp_path / "t.csv", head, *order)).table
        for order in (rows, rows[::-1], [rows[1], rows[0], rows[2]])
    ]
    for table in tables:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)
    assert tables[0]["department"].tolist() == ["75"]


def test_rows_kept_as_external_that_repeat_a_key_are_found(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", HEAD, ROW, ["x", *ROW[1:]], ["x", *ROW[1:3], "30"])
    assert refused(path, on_unknown="external") == ["key_twice"]
    flows = tt.read_flows(path, on_unknown="external", duplicates="sum")
    assert flows.table["patients"].tolist() == [20, 50]


def test_a_pmsi_code_that_covers_nothing_may_be_kept_as_external(tmp_path: Path) -> None:
    cover = csv(tmp_path / "pmsi.csv", layers.PMSI.split(";"), ["45234", "Orléans", "45C01", "9"])
    path = csv(tmp_path / "t.csv", HEAD, ["45C01", *ROW[1:]], ["75013", *ROW[1:]])
    flows = tt.read_flows(path, pmsi_codes=cover, on_unknown="external")
    assert flows.table["residence"].tolist() == ["45234", "75013"]
    assert flows.table["patients"].tolist() == [20, 20]


def test_stays_that_repeat_a_key_do_not_quote_what_may_be_a_count(tmp_path: Path) -> None:
    rows = [["45234", "7", "PS150067", "20"]] * 2
    stays = csv(tmp_path / "t.csv", layers.STAYS.split(";"), *rows)
    sites = csv(tmp_path / "s.csv", layers.SITES.split(";"), ["7", "CH", "45234"])
    with pytest.raises(tt.InputError) as refusal:
        tt.read_hospital(stays, sites=sites)
    assert "'45234'" in str(refusal.value)
    assert "'7'" not in str(refusal.value)
    assert "PS150067" not in str(refusal.value)


def test_a_table_with_thousands_of_columns_is_refused(tmp_path: Path) -> None:
    head, row = [*HEAD, *map(str, range(2_000))], [*ROW, *["5"] * 2_000]
    assert refused(csv(tmp_path / "t.csv", head, row)) == ["table_wide"]
    assert refused(workbook(tmp_path / "t.xlsx", head, row)) == ["table_wide"]
    wide = pa.table([pa.array([cell]) for cell in row], names=head)
    pa.parquet.write_table(wide, tmp_path / "t.parquet")
    assert refused(tmp_path / "t.parquet") == ["table_wide"]


def test_a_long_header_is_read_as_text_to_its_end(tmp_path: Path) -> None:
    head = [*HEAD, *(f"{place}{'x' * 5_000}" for place in range(20)), "2023"]
    assert len(tt.read_flows(csv(tmp_path / "t.csv", head, [*ROW, *["5"] * 21])).table) == 1


@pytest.mark.parametrize("cell", ["<" + "9" * 5_000, "<12", "1" * 5_000, "1e" + "9" * 5_000])
def test_numbers_of_thousands_of_digits_are_refused(tmp_path: Path, cell: str) -> None:
    path = csv(tmp_path / "t.csv", HEAD, ROW, [*ROW[:2], "ORL", cell])
    assert refused(path) in (["number_malformed"], ["number_too_large"])


def test_a_header_that_ran_into_the_rows_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'"residence\0";"ps"\0"45155";"PS150067";"7"\n45155;PS150067;7\n')
    assert refused(path) == ["cell_nul"]
    with pytest.raises(tt.InputError) as refusal:
        tt.read_flows(path)
    assert "PS150067" not in str(refusal.value)
    assert "7" not in str(refusal.value)


def test_halves_of_stays_are_conserved_where_whole_ones_are_asked_for(tmp_path: Path) -> None:
    rows = [["P1", "450000021", "mco", "20,5"], ["P2", "450000021", "mco", "11"]]
    stays = csv(tmp_path / "t.csv", layers.STAYS.split(";"), *rows)
    sites = csv(tmp_path / "s.csv", layers.SITES.split(";"), ["450000021", "CH", "45234"])
    cover = csv(
        tmp_path / "p.csv",
        layers.PMSI.split(";"),
        *(["45234", "Orléans", code, "3000"] for code in ("P1", "P2")),
        *(["45285", "Saint-Jean-de-la-Ruelle", code, "1000"] for code in ("P1", "P2")),
    )
    flows = tt.read_hospital(stays, sites=sites, pmsi_codes=cover, whole=True)
    assert flows.table["patients"].sum() == flows.reconciliation.patients_kept == 31.5


def test_rows_without_a_header_are_not_quoted_beside_a_name_that_is_ours(tmp_path: Path) -> None:
    head = ["01004", "dermatologie", "PS457470", "75", "2", "BEN_RES_DPT", "BEN_RES_COM"]
    path = csv(tmp_path / "t.csv", head, ["99100", "ORL", "PS159904", "41", "5", "012", "45"])
    with pytest.raises(tt.InputError) as refusal:
        tt.read_flows(path)
    assert "BEN_RES_DPT" in str(refusal.value)
    assert "PS457470" not in str(refusal.value)
    flows = csv(tmp_path / "f.csv", [*HEAD, "PS457470"], [*ROW, "7"])
    told = " ".join(map(str, tt.read_flows(flows).reconciliation.notices))
    assert "PS457470" not in told


def test_an_endless_word_below_a_table_is_no_riddle(tmp_path: Path) -> None:
    """The pattern of footnotes took minutes on it."""
    path = csv(tmp_path / "e.csv", HEAD, ROW, ["é" * 19_000 + "\ufffd"])
    assert refused(path) == ["row_length"]


def test_a_header_cut_by_no_separator_of_ours_quotes_no_cell(tmp_path: Path) -> None:
    """Its one name holds what stood beside it: a number of stays."""
    path = tmp_path / "e.csv"
    path.write_text('"code_geo_pmsi":"finess":"7"\n"37000":"370000481":"45"\n', encoding="utf-8")
    with pytest.raises(tt.InputError) as refusal:
        tt.read_hospital(path, sites=path)
    assert "7" not in str(refusal.value)
