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

from territories._files import readable
from territories._tables import Table, matched, plain, read_table, row_list, value_list
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
# A line break and the separators of a whole row in one cell are a quote left open, not a cell.
CELLS = st.text(st.sampled_from("abéœ€ 01,;|\t\"'\n"), max_size=6).filter(
    lambda cell: "\n" not in cell or sum(map(cell.count, ",;|\t")) <= 1
)


def written(rows: list[list[str]], separator: str, encoding: str, end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue().encode(encoding)


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
        (b"a;b;a\n1;2;3\n", "columns are called 'a' (positions 1, 3)", "s'appellent « a »"),
        (b"\x89PNG\r\n\0\0\0\rIHDR", "a picture (PNG, JPEG, GIF), not a table", "une image"),
        (b"a;b\n1;" + b"x" * 2_500_000, "column b, row 2", "démesurée dans la colonne b, ligne 2"),
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
    read = Table(pd.DataFrame({"commune_resident": ["1"], "nb_patiens": ["2"]}), "t.csv", "", {})
    with pytest.raises(InputError) as refusal:
        matched(read, ["residence", "patients"])
    first, second = str(refusal.value).splitlines()  # both are told
    assert "'residence' is missing. Is it 'commune_resident'" in first
    assert "'patients' is missing. Is it 'nb_patiens'" in second
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
