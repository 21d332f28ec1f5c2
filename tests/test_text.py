"""Delimited text: whatever the encoding, the separator and what stands around the table."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from territories._files import Source
from territories._heads import recognised
from territories._tables import read_table
from territories._text import Cells, header_place, is_footnote, read_text
from territories._words import using
from territories.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "commune_residence;spécialité;ps;nb_patients"
ROWS = ["01004;gastro-entérologie;A;20", "2A004;rééducation à Noël;B;30", "45234;ça;C;40"]
CELLS = [row.split(";") for row in ROWS]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso8859-15"]


def read(content: str | bytes, encoding: str = "utf-8") -> Cells:
    raw = content if isinstance(content, bytes) else content.encode(encoding)
    return read_text(Source("e.csv", raw, "text", ""), recognised)


def cells(found: Cells) -> list[list[str]]:
    return found.frame.astype("str").to_numpy().tolist()


def told(found: Cells) -> list[str]:
    return [each.key.removeprefix("notice.") for each in found.notices]


def key(content: str | bytes) -> str:
    """Read what is refused; give the key of the fault."""
    with pytest.raises(InputError) as refusal:
        read(content)
    (fault,) = refusal.value.faults
    for language in ("fr", "en"):
        with using(language):
            assert "e.csv" in str(fault)
    return fault.key.removeprefix("error.")


# --- encodings, separators, ends of lines --------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_writing_gives_the_same_cells(encoding: str, separator: str, end: str) -> None:
    text = end.join([HEAD, *ROWS, ""]).replace(";", separator)
    found = read(text, encoding)
    assert found.header == HEAD.split(";")
    assert cells(found) == CELLS
    assert found.frame.index.tolist() == [2, 3, 4]
    assert found.notices == ()


@pytest.mark.parametrize(
    ("encoding", "text", "notices"),
    [
        ("cp1252", "cœur, œil, 7 €, ’ – …", []),
        ("iso8859-15", "cœur, œil", ["latin_9"]),  # ½ between letters, were it Windows-1252
        ("cp1252", "½ journée, 3¼", []),
        ("utf-16-le", "cœur €", []),
        ("utf-8", "cœur 😷 ½", []),
    ],
)
def test_the_letters_that_encodings_write_otherwise(
    encoding: str, text: str, notices: list[str]
) -> None:
    found = read(f"{HEAD}\n01004;{text};A;20\n", encoding)
    assert cells(found)[0][1] == text
    assert told(found) == notices


def test_bytes_that_windows_has_not_are_kept() -> None:
    assert cells(read(HEAD.encode("cp1252") + b"\n01004;a\x81b\x90;A;20\n"))[0][1] == "a\x81b\x90"


def test_half_a_letter_is_no_text() -> None:
    assert key(f"{HEAD}\n".encode("utf-16") + b"\0") == "not_text"


@pytest.mark.parametrize("sign", [";", ",", "\t", "|", "!"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_that_excel_is_told(sign: str, end: str) -> None:
    text = end.join([HEAD.replace(";", sign), *(row.replace(";", sign) for row in ROWS)])
    found = read(f"sep={sign}{end}{text}")
    assert cells(found) == CELLS
    assert found.frame.index.tolist() == [3, 4, 5]
    assert found.notices == ()


# --- around the table ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "titles"),
    [
        (["Extraction du 3 mai 2023"], 1),
        (["Recours aux spécialistes", "", "Source ; SNDS ; région"], 2),
        ([";;;", "  ", ""], 0),
        (["Commune de résidence des patients"], 1),  # one name of ours does not make a header
        (['"Un titre, entre guillemets"'], 1),
    ],
)
def test_titles_above_the_header(above: list[str], titles: int) -> None:
    found = read("\n".join([*above, HEAD, *ROWS]))
    assert found.header == HEAD.split(";")
    assert cells(found) == CELLS
    assert found.frame.index.tolist() == [len(above) + 2 + place for place in range(3)]
    assert [each.values["count"] for each in found.notices] == ([titles] if titles else [])


def test_a_header_of_names_that_are_not_ours() -> None:
    found = read("Titre\n\nleft_one;b;c\n1;2;3\n")
    assert found.header == ["left_one", "b", "c"]
    assert header_place([[""], ["a"]], recognised) == 1
    assert header_place([["", ""]], recognised) == 0


def test_names_of_columns_are_one_line() -> None:
    text = 'commune_residence;spécialité;ps;" nb\npatients "\n01004;x;A;20\n'
    assert read(text).header == ["commune_residence", "spécialité", "ps", "nb patients"]


NOTES = [
    "Source : SNDS.",
    "Note de lecture : 20 patients de 01004.",
    "* provisoire",
    "(1) Les arrondissements sont regroupés.",
    '"Champ : patients, tous âges"',
]


@pytest.mark.parametrize(
    "form", ["{note}", "{note};;;", "\n{note}", ";;;\n{note};;;\n;;;", "{note};"]
)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_footnotes_of_one_cell(form: str, count: int) -> None:
    found = read("\n".join([HEAD, *ROWS, *(form.format(note=note) for note in NOTES[:count])]))
    assert len(found.footnotes) == count
    kept = found.frame[~found.frame.index.isin(found.footnotes)]
    filled = kept[(kept.astype("str") != "").any(axis=1)]
    assert filled.astype("str").to_numpy().tolist() == CELLS


def test_words_in_the_middle_of_a_table_are_no_footnote() -> None:
    assert key("\n".join([HEAD, ROWS[0], NOTES[0], ROWS[1]])) == "row_length"
    found = read("\n".join([HEAD, ROWS[0], NOTES[0] + ";;;", ROWS[1]]))
    assert found.footnotes == ()
    assert len(found.frame) == 3  # a row, to be told as one


@pytest.mark.parametrize(
    ("filled", "note"),
    [
        (["Source : INSEE"], True),
        (["* provisoire"], True),
        (["(1)"], True),
        (["01004"], False),
        (["2A004"], False),
        (["PS150067"], False),
        (["20"], False),
        (["Source : SNDS", "20"], False),
        ([], False),
    ],
)
def test_what_a_footnote_is(filled: list[str], note: bool) -> None:
    assert is_footnote(filled) == note


def test_a_short_row_is_told_even_above_footnotes() -> None:
    with pytest.raises(InputError, match=r"1 row\(s\).*first is row 5: 3 instead of 4"):
        read("\n".join([HEAD, *ROWS, "45235;orl;A", NOTES[0], NOTES[1]]))


@pytest.mark.parametrize("row", ["45235;orl;A", "45235;orl;A;20;30", "45235", "45235,orl,A,20"])
def test_a_row_of_another_length_is_refused(row: str) -> None:
    assert key("\n".join([HEAD, *ROWS, row, ROWS[0]])) == "row_length"


# --- quotes, and cells beyond measure -------------------------------------------------------------


@given(
    st.lists(
        st.lists(st.text(st.sampled_from('aé 1,;|\t"\n€'), max_size=5), min_size=3, max_size=3),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(ENCODINGS[:5]),
    st.sampled_from([";", ",", "\t", "|"]),
)
def test_quoted_cells_come_back(rows: list[list[str]], encoding: str, separator: str) -> None:
    marked = [["x", *(f"x{cell}" for cell in row)] for row in rows]
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows([HEAD.split(";"), *marked])
    assert cells(read(text.getvalue(), encoding)) == marked


@pytest.mark.parametrize("row", ['45235;"orl;A;20', '45235;orl;"A;20', '"45235;orl;A;20'])
def test_a_quote_left_open_swallows_nothing(row: str) -> None:
    assert key("\n".join([HEAD, ROWS[0], row, *ROWS[1:]])) in ("quote_open", "row_length")


def test_two_quotes_left_open_swallow_nothing() -> None:
    assert key("\n".join([HEAD, ROWS[0], '45235;orl;"A;20', '45236;orl;"B;30', ROWS[1]]))


def test_a_quote_in_a_word_is_a_sign_like_another() -> None:
    assert cells(read(f'{HEAD}\n45235;5" pipe;A;20\n'))[0][1] == '5" pipe'


def test_a_null_character_is_placed() -> None:
    with pytest.raises(InputError, match="column spécialité, row 3"):
        read(f"{HEAD}\n{ROWS[0]}\n45235;o\0rl;A;20\n")


def test_a_cell_beyond_measure_is_placed() -> None:
    long = "x" * 20_001
    with pytest.raises(InputError, match="column ps, row 3") as refusal:
        read(f"{HEAD}\n{ROWS[0]}\n45235;orl;{long};20\n")
    assert "xxx" not in str(refusal.value)
    assert cells(read(f"{HEAD}\n45235;orl;{long[1:]};20\n"))[0][2] == long[1:]


@pytest.mark.parametrize("text", ["", "\n", HEAD, f"{HEAD}\n", f"Titre\n{HEAD}\n\n"])
def test_nothing_below_the_header(text: str) -> None:
    assert key(text) == "no_rows"


def test_more_columns_than_anyone_has(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    names = [f"c{place}" for place in range(1990)]
    file.write_text(";".join([HEAD, *names]) + "\n" + ";".join([ROWS[0], *names]) + "\n", "utf-8")
    assert read_table(file).frame.shape == (1, 1994)
