"""Text tables: whatever the encoding and the separator, the same cells under the same rows."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from territories._tables import (
    Table,
    code_column,
    duplicate_keys,
    matched,
    number_column,
    plain,
    read_table,
    readable,
    row_list,
    value_list,
)
from territories._words import using
from territories.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16"]
SEPARATORS = [";", ",", "\t", "|"]
HEAD = ["commune_residence", "spécialité", "nb_patients"]
ROWS = [
    ["01004", "gastro-entérologie", "12,5"],
    ["2A004", "Villefrancœur; 12 €", "7"],
    ["45234", 'dit "le bon", | œil', ""],
    ["00001", "NA", "007"],
]
# What cp1252 can write too, and what a spreadsheet puts in a cell.
CELLS = st.text(st.sampled_from("abéœ€ 01,;|\t\"'\n"), max_size=6)


def written(rows: list[list[str]], separator: str, encoding: str, end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue().encode(encoding)


def table(**columns: list[str]) -> Table:
    size = len(next(iter(columns.values())))
    frame = pd.DataFrame(columns, index=pd.RangeIndex(2, size + 2), dtype="str")
    heads = {name: f"their_{name}" for name in columns}
    return Table(frame=frame, file="t.csv", sha256="", heads=heads)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_and_separators_give_the_same_table(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(written([HEAD, *ROWS], separator, encoding, end))
    read = read_table(file)
    assert read.frame.columns.tolist() == HEAD
    assert read.frame.to_numpy().tolist() == ROWS
    assert read.frame.index.tolist() == [2, 3, 4, 5]
    assert read.file == "t.csv"
    assert re.fullmatch("[0-9a-f]{64}", read.sha256)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(ENCODINGS),
    st.sampled_from(SEPARATORS),
)
def test_cells_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    encoding: str,
    separator: str,
) -> None:
    file = tmp_path_factory.mktemp("cells") / "t.csv"
    marked = [[f"x{cell}" for cell in row] for row in rows]  # no row is blank
    file.write_bytes(written([HEAD, *marked], separator, encoding))
    assert read_table(file).frame.to_numpy().tolist() == marked


def test_cells_are_text_never_numbers_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a;b;c\n01004;NA;1e5\n;null;007\n", encoding="utf-8")
    assert read_table(file).frame.to_numpy().tolist() == [
        ["01004", "NA", "1e5"],
        ["", "null", "007"],
    ]


def test_blank_rows_are_left_out_and_numbers_kept(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a;b\n1;2\n;\n\n3;4\n\n\n", encoding="utf-8")
    frame = read_table(file).frame
    assert frame.index.tolist() == [2, 5]
    assert frame.to_numpy().tolist() == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("cells", [1, 3])
def test_a_row_of_another_length_is_named_however_far(tmp_path: Path, cells: int) -> None:
    rows = ["a;b", *["1111111111111111;2222222222222222"] * 70_000]  # over 2 MB, several blocks
    rows[61_234] = ";".join("xyz"[:cells])
    file = tmp_path / "t.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 61235") as refusal:
        read_table(file)
    assert f"{cells} instead of 2" in str(refusal.value)
    assert "t.csv" in str(refusal.value)
    with using("fr"):
        assert f"la ligne 61235 : {cells} au lieu de 2" in str(refusal.value)


def test_several_wrong_rows_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a;b\n1\n2;3\n4;5;6\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"2 row\(s\).*first is row 2"):
        read_table(file)


@pytest.mark.parametrize(
    ("content", "english", "french"),
    [
        (b"", "is empty (0 bytes)", "est vide (0 octet)"),
        (b"a;b\n", "no data row under the header", "aucune ligne de données"),
        (b"a;b\n;\n;\n", "no data row under the header", "aucune ligne de données"),
        (b"a;b;a\n1;2;3\n", "two columns are called 'a'", "deux colonnes s'appellent « a »"),
        (b"\x89PNG\r\n\0\0\0\rIHDR", "not a table in text", "pas un tableau en texte"),
        (b"a;b\n" + b"1" * 2_500_000, "cannot be cut into columns", "découper en colonnes"),
        ("a;b\n1;2\n".encode("utf-16") + b"\0", "not a table in text", "pas un tableau en texte"),
    ],
    ids=["empty", "header", "blank", "twice", "picture", "endless", "half_a_letter"],
)
def test_what_is_no_table_is_refused(
    tmp_path: Path, content: bytes, english: str, french: str
) -> None:
    file = tmp_path / "extrait.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(english)) as refusal:
        read_table(file)
    assert "extrait.csv" in str(refusal.value)
    with using("fr"):
        assert french in str(refusal.value)


@pytest.mark.parametrize("last", ['1;"2', '"1;2'])
def test_a_quote_left_open_does_not_swallow_the_rows_below(tmp_path: Path, last: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"a;b\n9;9\n{last}\n3;4\n5;6\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv"):
        read_table(file)


def test_a_missing_file_proposes_the_near_ones(tmp_path: Path) -> None:
    (tmp_path / "specialistes_2023.csv").write_text("a", encoding="utf-8")
    (tmp_path / "autre.txt").write_text("a", encoding="utf-8")
    with pytest.raises(InputError, match="specialistes_2023") as refusal:
        readable(tmp_path / "specialiste_2023.csv")
    assert "autre" not in str(refusal.value)


def test_a_missing_file_far_from_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        readable(tmp_path / "none" / "x.csv")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder"):
        readable(tmp_path)


# --- columns -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("commune_residence", "residence"),
        ("Commune de résidence", "residence"),
        ("codgeo", "residence"),
        ("CODE_INSEE", "residence"),
        ("depcom", "residence"),
        ("specialite", "activity"),
        ("Spécialité", "activity"),
        ("ga", "activity"),
        ("ps", "practitioner"),
        ("departement_ps", "department"),
        ("Département PS", "department"),
        ("nb_patients", "patients"),
        ("NB PATIENTS", "patients"),
        ("montant", "amount"),
        ("code_geo_pmsi", "pmsi_code"),
        ("code_geo_pmsi_emul", "pmsi_code"),
        ("finess", "site"),
        ("nb_sejours", "stays"),
        ("Nb séjours", "stays"),
        ("nom", "name"),
        ("pop2021", "population"),
        ("pop2021_part", "population"),
        ("population", "population"),
        ("codgeo", "code"),
        ("code_commune_insee", "code"),
    ],
)
def test_columns_of_french_extracts_are_recognised(theirs: str, ours: str) -> None:
    read = Table(pd.DataFrame({theirs: ["1"], "autre": ["2"]}), "t.csv", "", {})
    found = matched(read, [ours])
    assert found.frame.columns.tolist() == [ours]
    assert found.head(ours) == theirs


def test_a_missing_column_proposes_the_closest_name() -> None:
    read = Table(pd.DataFrame({"commune_resident": ["1"], "nb_patient": ["2"]}), "t.csv", "", {})
    with pytest.raises(InputError) as refusal:
        matched(read, ["residence", "patients"])
    first, second = str(refusal.value).splitlines()  # both are told
    assert "'residence' is missing. Is it 'commune_resident'" in first
    assert "'patients' is missing. Is it 'nb_patient'" in second
    with using("fr"):
        assert "« residence » manque. Serait-ce « commune_resident »" in str(refusal.value)


def test_a_column_that_could_be_two_is_asked_for() -> None:
    read = Table(pd.DataFrame({"codgeo": ["1"], "depcom": ["2"]}), "t.csv", "", {})
    with pytest.raises(InputError, match="codgeo, depcom"):
        matched(read, ["residence"])
    chosen = matched(read, ["residence"], columns={"residence": "depcom"})
    assert chosen.frame["residence"].tolist() == ["2"]


def test_a_mapping_wins_over_recognition_and_must_exist() -> None:
    read = Table(pd.DataFrame({"codgeo": ["1"], "x": ["2"]}), "t.csv", "", {})
    assert matched(read, ["residence"], columns={"residence": "x"}).frame["residence"][0] == "2"
    with pytest.raises(InputError, match="'y' is missing"):
        matched(read, [], ["residence"], {"residence": "y"})


def test_a_file_without_header_does_not_show_its_first_row(tmp_path: Path) -> None:
    """Its first row, taken for names, holds a number of patients and a practitioner."""
    file = tmp_path / "t.csv"
    file.write_text("18053;orl;PS150067;18;7;599,57\n18054;orl;PS150067;18;9;1,5\n", "utf-8")
    with pytest.raises(InputError) as refusal:
        matched(read_table(file), ["residence", "activity", "practitioner", "patients"])
    assert "PS150067" not in str(refusal.value)
    assert "599,57" not in str(refusal.value)
    assert not re.search(r"\b7\b", str(refusal.value))


@given(st.text(max_size=12))
def test_plain_is_idempotent(name: str) -> None:
    once = plain(name)
    assert re.fullmatch("[a-z0-9_]*", once)
    assert plain(once) == once


# --- numbers and codes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        ("1 500", 1500),
        ("1\u00a0500", 1500),
        ("1\u202f500,25", 1500.25),
        ("12,5", 12.5),
        ("12.5", 12.5),
        ("+3", 3),
        ("-0", 0),
        ("1e3", 1000),
        ("1,5E+02", 150),
        ("007", 7),
    ],
)
def test_numbers_of_french_files(cell: str, value: float) -> None:
    values, faults = number_column(table(patients=[cell]), "patients")
    assert values.tolist() == [value]
    assert faults == []


@given(st.integers(0, 10**12), st.sampled_from([" ", "\u00a0", "\u202f", ""]), st.integers(0, 99))
def test_written_numbers_are_read_back(whole: int, blank: str, cents: int) -> None:
    cell = f"{whole:,}".replace(",", blank) + f",{cents:02d}"
    values, faults = number_column(table(amount=[cell]), "amount")
    assert faults == []
    assert values.tolist() == [float(f"{whole}.{cents:02d}")]


@pytest.mark.parametrize(
    ("cell", "english", "french"),
    [
        ("", "empty cell(s)", "cellule(s) vide(s)"),
        (" \u00a0", "empty cell(s)", "cellule(s) vide(s)"),
        ("<11", "are not numbers", "ne sont pas des nombres"),
        ("ns", "are not numbers", "ne sont pas des nombres"),
        ("nan", "are not numbers", "ne sont pas des nombres"),
        ("inf", "are not numbers", "ne sont pas des nombres"),
        ("12-15", "are not numbers", "ne sont pas des nombres"),
        ("7 €", "are not numbers", "ne sont pas des nombres"),
        ("\u0663", "are not numbers", "ne sont pas des nombres"),
        ("1e400", "are not numbers", "ne sont pas des nombres"),  # over what can be counted
        ("-8731", "negative number(s)", "nombre(s) négatif(s)"),
    ],
)
def test_what_is_no_count_is_named_but_never_quoted(cell: str, english: str, french: str) -> None:
    values, faults = number_column(table(patients=["8642", cell, "9753"]), "patients")
    assert values.dropna().tolist()[0] == 8642
    (told,) = map(str, faults)
    assert "t.csv" in told
    assert "their_patients" in told
    assert "(rows 3)" in told
    assert english in told
    for count in ("8642", "9753", "8731", "1e400"):
        assert count not in told
    with using("fr"):
        assert french in str(faults[0])
        assert "(lignes 3)" in str(faults[0])


def test_every_kind_of_fault_is_told_at_once() -> None:
    _, faults = number_column(table(patients=["", "x", "-1", "5"]), "patients")
    assert [each.key for each in faults] == [
        "error.number_empty",
        "error.number_malformed",
        "error.number_negative",
    ]


def test_repaired_codes_are_counted() -> None:
    notices = []
    cells = ["1004", "45234", "2a004", " 45001"]
    code, faults = code_column(table(code=cells), "code", notices)
    assert code.tolist() == ["01004", "45234", "2A004", "45001"]
    assert faults == []
    assert [str(each) for each in notices] == [
        "3 code(s) of column their_code completed or cleaned (1004 → 01004)"
    ]


def test_codes_beyond_repair_are_quoted_with_their_rows() -> None:
    notices = []
    _, faults = code_column(table(code=["45234", "ZZZZZ", "45001", "12"]), "code", notices)
    assert "2 malformed commune code(s) in column their_code (rows 3, 5: 'ZZZZZ', …)" in str(
        faults[0]
    )
    assert notices == []


def test_repeated_keys_name_their_rows_but_no_practitioner() -> None:
    read = table(
        residence=["45234", "45001", "45234", "45234"],
        activity=["orl", "orl", "orl", "derm"],
        practitioner=["PS123456"] * 4,
    )
    (told,) = map(str, duplicate_keys(read, read.frame))
    assert "rows 2, 4" in told
    assert "'45234'" in told
    assert "PS123456" not in told
    assert duplicate_keys(read, read.frame.iloc[1:]) == []


def test_long_lists_are_cut_after_five() -> None:
    marked = pd.Series([True] * 7, index=range(2, 9))
    assert row_list(marked) == "2, 3, 4, 5, 6, …"
    assert value_list(pd.Series(["a"] * 5)) == "'a', 'a', 'a', 'a', 'a'"
    assert value_list(pd.Series(["a"] * 6)) == "'a', 'a', 'a', 'a', 'a', …"


def test_what_may_be_a_count_or_a_practitioner_is_not_quoted() -> None:
    assert value_list(pd.Series(["7", "10", "PS050067", "x" * 99])) == "…, …, …, …"
    assert value_list(pd.Series(["45999", "2a004", "ZZZZZ"])) == "'45999', '2a004', 'ZZZZZ'"


@pytest.mark.parametrize("content", ["a;b", "a;b\n", "\n\n  \n", "\r\n\r\n"])
def test_a_table_without_rows_is_refused_as_such(tmp_path: Path, content: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content.encode())
    with pytest.raises(InputError, match="no data row"):
        read_table(file)


def test_blank_lines_above_the_header_count_as_rows(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("\n  \n\ta\tb\n1\t2\t3\n", encoding="utf-8")
    frame = read_table(file).frame
    assert frame.index.tolist() == [4]
    assert frame.to_numpy().tolist() == [["1", "2", "3"]]
