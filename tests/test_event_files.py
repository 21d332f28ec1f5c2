"""Files of care events: every kind of wrong file is refused by name, every good one is found."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from territories._event_files import damaged, first_rows, found_files, matched_files
from territories._event_text import batches, transcoded
from territories.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "ben_nir_psa;commune_residence;ps;specialite"
ROWS = ["1;45234;A;ORL", "2;28085;B;ORL", "3;18033;A;radiologie"]
OURS = ["patient", "residence", "practitioner", "activity"]


def text(path: Path, rows: list[str] = ROWS, *, head: str = HEAD, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join([head, *rows, ""]).encode(encoding))
    return path


def parquet(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {
        "patient": [1, 2, 3],
        "residence": ["45234", "28085", "18033"],
        "practitioner": ["A", "B", "A"],
        "activity": ["ORL", "ORL", "radiologie"],
        **columns,
    }
    pq.write_table(pa.table({name: cells for name, cells in table.items() if cells}), path)
    return path


def refused(source: object, **options: object) -> str:
    with pytest.raises(InputError) as problem:
        matched_files(found_files(source), required=OURS, **options)
    return str(problem.value)


def test_one_file_is_a_source(tmp_path):
    path = parquet(tmp_path / "events.parquet")
    files = found_files(path)
    assert (files.file, files.kind, files.paths) == ("events.parquet", "parquet", (path,))
    assert files.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert matched_files(files, required=OURS) == {name: name for name in OURS}


def test_a_folder_is_read_in_the_order_of_names_whatever_else_spark_left_there(tmp_path):
    names = ["b/2.parquet", "a/3.parquet", "1.parquet"]
    random.shuffle(names)
    for name in names:
        parquet(tmp_path / name)
    for name in ("_SUCCESS", ".1.parquet.crc", "_temporary/0/x.parquet", "a/.hidden/y.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    files = found_files(str(tmp_path))
    assert [each.name for each in files.files] == ["1.parquet", "a/3.parquet", "b/2.parquet"]
    told = []
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in files.paths]
    assert files.sha256(told.append) == hashlib.sha256(b"".join(digests)).hexdigest()
    assert sum(told) == files.size


def test_folders_of_hive_are_columns(tmp_path):
    parquet(tmp_path / "annee=2023" / "dep=2A" / "x.parquet")
    parquet(tmp_path / "annee=2022" / "dep=__HIVE_DEFAULT_PARTITION__" / "x.parquet")
    parquet(tmp_path / "annee=2021" / "dep=Loir%20et%20Cher" / "x.parquet", dep=["1", "2", "3"])
    files = found_files(tmp_path)
    assert [dict(each.keys) for each in files.files] == [
        {"annee": "2021"},  # what the file says itself is kept
        {"annee": "2022", "dep": None},
        {"annee": "2023", "dep": "2A"},
    ]
    assert matched_files(files, required=OURS, optional=["year"])["year"] == "annee"


def test_several_paths(tmp_path):
    files = found_files([text(tmp_path / "b.csv"), text(tmp_path / "a.csv")])
    assert [path.name for path in files.paths] == ["a.csv", "b.csv"]
    with pytest.raises(InputError, match="the same file"):
        found_files([tmp_path / "a.csv", tmp_path])


@pytest.mark.parametrize("source", [[], ()])
def test_no_path(source):
    with pytest.raises(InputError, match="No file of events"):
        found_files(source)


def test_empty_folder_and_missing_file(tmp_path):
    (tmp_path / "_SUCCESS").touch()
    assert "no file in this folder" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "events.parquet").lower()
    assert "from an address on the web" in refused("https://a.fr/events.parquet")


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    parquet(tmp_path / "1.parquet")
    whole = parquet(tmp_path / "2.parquet").read_bytes()
    (tmp_path / "2.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.parquet").write_bytes(b"")
    (tmp_path / "4.parquet").write_bytes(b"PAR1" + whole[4:-4] + b"XXXX")
    text(tmp_path / "5.csv")
    (tmp_path / "6.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "7.csv.gz").write_bytes(b"\x1f\x8b" + bytes(100))
    (tmp_path / "8.json").write_bytes(b'[{"a": 1}]')
    (tmp_path / "9.parquet").write_bytes(b"PARE" + whole[4:])
    message = refused(tmp_path)
    for name in "2346789":
        assert any(line.startswith(name) or f"/{name}." in line for line in message.splitlines())
    assert "2.parquet: the file is damaged or incomplete" in message
    assert "two kinds, Parquet (1.parquet) and text (5.csv)" in message
    assert len(message.splitlines()) == 8


@pytest.mark.parametrize(
    ("log", "name"),
    [("_delta_log/0.json", "Delta"), ("metadata/v1.metadata.json", "Iceberg"), (".hoodie/x", "H")],
)
def test_tables_with_a_log_are_not_read_as_plain_files(tmp_path, log, name):
    parquet(tmp_path / "1.parquet")
    (tmp_path / log).parent.mkdir()
    (tmp_path / log).touch()
    assert f"this is a {name}" in refused(tmp_path)


def test_no_row(tmp_path):
    parquet(tmp_path / "2.parquet")
    table = pq.read_table(tmp_path / "2.parquet").slice(0, 0)
    (tmp_path / "2.parquet").unlink()
    pq.write_table(table, tmp_path / "1.parquet")
    assert "no data row" in refused(tmp_path)
    parquet(tmp_path / "2.parquet")
    matched_files(found_files(tmp_path), required=OURS)


def test_a_column_that_is_not_in_every_file(tmp_path):
    parquet(tmp_path / "1.parquet")
    parquet(tmp_path / "2.parquet", activity=None)
    assert refused(tmp_path) == (
        "Column activity, which 1.parquet has, is missing in 1 file(s): 2.parquet. Extract these"
        " again with the same columns."
    )


def test_a_column_that_changes_from_text_to_numbers(tmp_path):
    parquet(tmp_path / "1.parquet")
    parquet(tmp_path / "2.parquet", residence=[45234, 28085, 18033])
    assert refused(tmp_path) == (
        "Column residence changes between files: text in 1.parquet, numbers in 2.parquet. Convert"
        " one of them."
    )
    # A column that is not read may be anything.
    parquet(tmp_path / "2.parquet", other=[[1], [2], [3]])
    parquet(tmp_path / "3.parquet", other=["a", "b", "c"])
    matched_files(found_files(tmp_path), required=OURS)


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([1, 2, 3], pa.int8()),
        pa.array([1, 2, 3], pa.uint64()),
        pa.array([1.0, None, 3.0]),
        pa.array([Decimal("1.50")] * 3, pa.decimal128(9, 2)),
        pa.array([None] * 3, pa.null()),
    ],
)
def test_widths_of_numbers_may_change(tmp_path, cells):
    parquet(tmp_path / "1.parquet", amount=[1, 2, 3])
    parquet(tmp_path / "2.parquet", amount=cells)
    heads = matched_files(found_files(tmp_path), required=OURS, optional=["amount"])
    assert heads == {name: name for name in (*OURS, "amount")}


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([[1], [2], [3]]),
        pa.array([{"a": 1}] * 3),
        pa.array([dt.timedelta(1)] * 3),
        pa.array([True, False, True]),
        pa.array([dt.time(1)] * 3),
    ],
)
def test_columns_that_are_no_single_values(tmp_path, cells):
    parquet(tmp_path / "1.parquet", patient=cells)
    assert "column patient is made neither of text" in refused(tmp_path)


def test_missing_and_ambiguous_columns_are_told_as_for_flows(tmp_path):
    path = text(tmp_path / "events.csv", head="ben_nir_psa;ben_idt_ano;code;specialite")
    message = refused(path)
    assert "ben_nir_psa, ben_idt_ano" in message
    assert "commune_residence" in message
    heads = matched_files(
        found_files(path),
        required=OURS,
        columns={"patient": "ben_idt_ano", "residence": "ben_nir_psa", "practitioner": "code"},
    )
    assert heads["patient"] == "ben_idt_ano"


def test_a_patient_is_not_a_number_of_patients(tmp_path):
    files = found_files(parquet(tmp_path / "1.parquet"))
    heads = matched_files(files, required=OURS, optional=["patients", "date", "acts", "amount"])
    assert heads == {name: name for name in OURS}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        *(("BEN_NIR_PSA", "patient"), ("BEN_IDT_ANO", "patient"), ("id_patient", "patient")),
        *(("NUM_ENQ", "patient"), ("Identifiant patient", "patient"), ("nir_ano_17", "patient")),
        *(("EXE_SOI_DTD", "date"), ("date_soins", "date"), ("Date des soins", "date")),
        *(("PRS_PAI_MNT", "amount"), ("PRS_ACT_QTE", "acts"), ("PRS_ACT_NBR", "acts")),
        *(("GRG_GHM", "ghm"), ("RSA_NUM", "stay"), ("num_sejour", "stay")),
    ],
)
def test_names_of_the_snds(tmp_path, name, ours):
    path = text(tmp_path / "x.csv", ["1"], head=name)
    assert matched_files(found_files(path), required=[ours]) == {ours: name}


def test_a_column_twice(tmp_path):
    path = text(tmp_path / "x.csv", ["1;2;3"], head="ps;ps;annee")
    assert "several columns are called 'ps'" in refused(path)
    cells = [pa.array(["1"]), pa.array(["2"])]
    pq.write_table(pa.Table.from_arrays(cells, ["ps", "ps"]), tmp_path / "x.parquet")
    assert "positions 1, 2" in refused(tmp_path / "x.parquet")


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "iso8859-15", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_of_every_separator_encoding_and_end_of_line(tmp_path, delimiter, encoding, end):
    rows = [HEAD, *ROWS, "4;45234;Zoé;ORL", '5;45234;"O""Cœur; x";ORL']
    lines = [row if '"' in row else row.replace(";", delimiter) for row in rows]
    lines[-1] = delimiter.join(["5", "45234", f'"O""Cœur{delimiter} x"', "ORL"])
    path = tmp_path / "x.csv"
    path.write_bytes(end.join([*lines, ""]).encode(encoding))
    files = found_files(path)
    assert files.columns == tuple(HEAD.split(";"))
    assert bool(files.notices) == (encoding not in ("utf-8", "utf-8-sig"))
    out = transcoded(path, files.files[0].form, "x.csv", columns=files.columns, folder=tmp_path)
    assert out.stat().st_mode & 0o777 == 0o600
    cells = pq.read_table(out).column("ps").to_pylist()
    assert cells == ["A", "B", "A", "Zoé", f'O"Cœur{delimiter} x']


def test_another_encoding_far_below_the_head(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(f"{HEAD}\n".encode() + b"1;45234;A;ORL\n" * 700_000 + b"2;45234;Zo\xe9;ORL\n")
    form = found_files(path).files[0].form
    assert (form.encoding, form.quoted) == ("cp1252", False)
    path.write_bytes(path.read_bytes() + "2;45234;Zoé;ORL\n".encode("latin-1") + b"3;4;\x81;ORL\n")
    assert found_files(path).files[0].form.encoding == "latin-1"
    path.write_bytes(path.read_bytes()[:9_000_000] + bytes(4096))
    assert "damaged or incomplete" in refused(path)


def test_lines_above_the_header_and_blank_ones(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"Extraction de 2023\n\n{HEAD}\n\n1;45234;A;ORL\n;;;\n2;;B;\n\n", "utf-8")
    files = found_files(path)
    out = transcoded(path, files.files[0].form, "x", columns=files.columns, folder=tmp_path)
    assert pq.read_table(out).to_pydict()["ps"] == ["A", "B"]
    assert first_rows(files, "ps", ["B"]) == [("x.csv", 7)]
    assert first_rows(files, "commune_residence", [None]) == [
        *(("x.csv", 4), ("x.csv", 6), ("x.csv", 7), ("x.csv", 8))
    ]


@pytest.mark.parametrize(
    ("row", "found"), [("9;45234;A", 3), ("9;45234;A;ORL;x", 5), ("9;45234;A;ORL;", 5)]
)
def test_rows_of_another_length(tmp_path, row, found):
    path = text(tmp_path / "x.csv", [*ROWS, row, *ROWS])
    form = found_files(path).files[0].form
    with pytest.raises(InputError, match=rf"x.csv: row 5 has {found} cell\(s\) instead of 4"):
        list(batches(path, form, "x.csv"))


def test_a_quote_that_is_never_closed(tmp_path):
    path = text(tmp_path / "x.csv", [*ROWS, '4;45234;"A;ORL', *ROWS])
    form = found_files(path).files[0].form
    with pytest.raises(InputError):
        list(batches(path, form, "x.csv"))
    text(path, [*ROWS, '4;45234;"A;ORL', *ROWS, '5;45234;B";ORL', *ROWS])
    with pytest.raises(InputError, match="row 5"):
        list(batches(path, form, "x.csv"))


def test_a_table_without_header_shows_no_cell(tmp_path):
    path = text(tmp_path / "x.csv", ["2;28085;B;7"], head="1;45234;A;3")
    assert "45234" not in refused(path)


def test_where_values_stand(tmp_path):
    parquet(tmp_path / "1.parquet", residence=pa.array([45234, None, 18033]))
    parquet(tmp_path / "2.parquet", residence=pa.array([18033.0, None, 7.5]))
    files = found_files(tmp_path)
    assert first_rows(files, "residence", ["18033"]) == [("1.parquet", 3), ("2.parquet", 1)]
    assert first_rows(files, "residence", ["18033", None], limit=3) == [
        *(("1.parquet", 2), ("1.parquet", 3), ("2.parquet", 1))
    ]
    assert first_rows(files, "residence", ["x"]) == []
    parquet(tmp_path / "3.parquet", residence=[" 18033 ", " ", "x"])
    found = first_rows(found_files(tmp_path / "3.parquet"), "residence", ["18033", None])
    assert found == [("3.parquet", 1), ("3.parquet", 2)]


def test_where_a_value_of_a_folder_stands(tmp_path):
    parquet(tmp_path / "annee=2023" / "x.parquet")
    parquet(tmp_path / "annee=203" / "x.parquet")
    found = first_rows(found_files(tmp_path), "annee", ["203"])
    assert found == [("annee=203/x.parquet", 1)]


def test_a_damaged_page_is_found_by_reading(tmp_path):
    good = parquet(tmp_path / "1.parquet")
    bad = tmp_path / "2.parquet"
    cells = [f"{number:08d}" for number in range(50_000)]
    pq.write_table(pa.table(dict.fromkeys(OURS, cells)), bad)
    content = bytearray(bad.read_bytes())
    content[1000:3000] = os.urandom(2000)
    bad.write_bytes(content)
    files = found_files([good, bad])
    assert [each.values["file"] for each in damaged(files, OURS)] == [str(bad)]
    bad.unlink()
    assert "2.parquet" in str(damaged(files, OURS)[0])
