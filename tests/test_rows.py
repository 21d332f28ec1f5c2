"""What becomes of the rows: repeated, refused, set aside by reason with examples, or kept."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import layer, write_text
from pandas.testing import assert_frame_equal

import territories as tt
from territories import InputError
from territories._words import using

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "commune_residence;specialite;ps;nb_patients"
ROWS = ["00001;ORL;PS1;20", "00002;ORL;PS1;30", "00001;dermatologie;PS2;40"]


def flows(folder: Path, rows: list[str], head: str = HEAD, **options: object) -> tt.Flows:
    return tt.read_flows(write_text(folder / "e.csv", head, rows, seed=None), **options)


def fault_keys(folder: Path, rows: list[str], head: str = HEAD, **options: object) -> list[str]:
    with pytest.raises(InputError) as refusal:
        flows(folder, rows, head, **options)
    return [each.key.removeprefix("error.") for each in refusal.value.faults]


# --- duplicates ----------------------------------------------------------------------------------

REPEATED = {
    "exact": ["00001;ORL;PS1;20"],
    "conflicting": ["00001;ORL;PS1;25"],
    "repaired code": ["1.0;ORL;PS1;25"],
    "blanks": [" 00001 ;ORL; PS1 ;25"],
    "another case": ["00001;orl;PS1;25"],
}


@pytest.mark.parametrize("case", REPEATED)
def test_a_repeated_key_is_refused_added_up_or_dropped(tmp_path: Path, case: str) -> None:
    rows = ["1001;ORL;PS1;20", "00002;ORL;PS1;30"]
    again = [REPEATED[case][0].replace("00001", "01001").replace("1.0;", "1001.0;")]
    number = int(again[0].rsplit(";", 1)[1])
    with pytest.raises(InputError, match=r"rows 2, 4 \(commune_residence '01001'") as refusal:
        flows(tmp_path, rows + again)
    assert "PS1" not in str(refusal.value)
    added = flows(tmp_path, rows + again, duplicates="sum")
    assert added.table["patients"].tolist() == [30, 20 + number]
    assert any(each.key == "notice.rows_merged" for each in added.reconciliation.notices)
    first = flows(tmp_path, rows + again, duplicates="first")
    assert first.table["patients"].tolist() == [30, 20]
    assert first.reconciliation.reasons == {"duplicate": (1, number)}
    assert first.reconciliation.patients_in == 50 + number


def test_what_is_repeated_is_counted_whole(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"5 rows repeat the same key; .* rows 2, 4, 6 "):
        flows(tmp_path, ["00001;ORL;A;20", "00002;ORL;A;20"] * 2 + ["00001;ORL;A;20"])


@pytest.mark.parametrize(
    "rows",
    [
        ["75101;ORL;A;20", "75102;ORL;A;30"],  # one city
        ["00001;ORL;A;20", "00001;Oto-rhino-laryngologie;A;30"],  # two labels of one activity
        ["00001;ORL;A;20", "00001;ORL;B;30"],
        ["00001;ORL;A;20", "00001;ORL;a;30"],  # numbers may differ by case
    ],
)
def test_what_is_no_repetition(tmp_path: Path, rows: list[str]) -> None:
    assert flows(tmp_path, rows).table["patients"].sum() == 50


def test_rows_that_are_set_aside_repeat_nothing(tmp_path: Path) -> None:
    rows = [*ROWS, "ZZZZZ;ORL;PS1;20", "ZZZZZ;ORL;PS1;20", "Total;;;90", "Total;;;90"]
    read = flows(tmp_path, rows, on_unknown="aside")
    assert read.reconciliation.reasons == {"malformed_residence": (2, 40), "total": (2, 0)}


def test_external_rows_may_not_repeat_a_key(tmp_path: Path) -> None:
    rows = [*ROWS, "ZZZZZ;ORL;PS1;20", "ZZZZZ;ORL;PS1;25"]
    assert fault_keys(tmp_path, rows, on_unknown="external") == ["key_twice"]


def test_exact_repetitions_of_an_extract_of_the_snds(tmp_path: Path) -> None:
    head = "residence;PSE_SPE_COD;PSE_ACT_NAT;ps;patients"
    assert fault_keys(tmp_path, ["00001;11;0;A;20", "00001;11;0;A;20"], head) == ["key_twice"]


# --- refused or set aside ------------------------------------------------------------------------

LOST = {
    "missing_residence": ";ORL;PS9;31",
    "malformed_residence": "ZZZZZ;ORL;PS9;32",
    "foreign_residence": "99109;ORL;PS9;33",
    "unknown_residence": "00999;ORL;PS9;34",
    "missing_activity": "00001;non renseigné;PS9;35",
    "missing_practitioner": "00001;ORL; ;36",
    "missing_patients": "00001;ORL;PS9;",
}


@pytest.mark.parametrize("reason", LOST)
def test_each_reason(tmp_path: Path, reason: str) -> None:
    rows = [*ROWS, LOST[reason]]
    communes = layer("ab")
    number = int(LOST[reason].rsplit(";", 1)[1] or 0)
    read = flows(tmp_path, rows, communes=communes, on_unknown="aside")
    account = read.reconciliation
    assert account.reasons == {reason: (1, number)}
    assert (account.rows_in, account.rows_kept) == (4, 3)
    assert account.patients_in == 90 + number
    (example,) = account.examples[reason]
    assert example["row"] == "5"
    state, column = reason.split("_", 1)
    code = LOST[reason].split(";", 1)[0]
    assert example["column"] == {
        "residence": "commune_residence",
        "activity": "specialite",
        "practitioner": "ps",
        "patients": "nb_patients",
    }.get(column)
    if state == "missing":
        assert "value" not in example
    else:
        assert example["value"].startswith(f"'{code}'")
    with using("fr"):
        assert f"ligne 5, {example['column']}" in account.table().to_string()
    (key,) = fault_keys(tmp_path, rows, communes=communes)
    expected = {"missing_residence": "code_empty", "missing_patients": "number_empty"}
    assert key == expected.get(reason, "cell_empty" if state == "missing" else "code_unknown")
    with pytest.raises(InputError, match=r"rows 5\b"):
        flows(tmp_path, rows, communes=communes)
    if state == "missing":
        assert fault_keys(tmp_path, rows, communes=communes, on_unknown="external") == [key]
    else:
        kept = flows(tmp_path, rows, communes=communes, on_unknown="external")
        assert kept.table["patients"].sum() == 90 + number


def test_footnotes_are_rows_that_are_set_aside(tmp_path: Path) -> None:
    file = write_text(tmp_path / "e.csv", HEAD, [*ROWS, "", "Source : SNDS", "* provisoire;;;"],
                      seed=None)  # fmt: skip
    account = tt.read_flows(file).reconciliation
    assert account.reasons == {"footnote": (2, 0)}
    assert [each["row"] for each in account.examples["footnote"]] == ["6", "7"]
    assert (account.rows_in, account.rows_kept) == (5, 3)


def test_examples_are_five_at_most_and_show_no_person(tmp_path: Path) -> None:
    rows = [*ROWS, *(f"PS12345{place};ORL;PS{place};20" for place in range(9))]
    account = flows(tmp_path, rows, on_unknown="aside").reconciliation
    examples = account.examples["malformed_residence"]
    assert [each["row"] for each in examples] == ["5", "6", "7", "8", "9"]
    assert {each["value"] for each in examples} == {"…"}


def test_nothing_kept_is_refused(tmp_path: Path) -> None:
    assert fault_keys(tmp_path, ["ZZZZZ;ORL;PS1;20"], on_unknown="aside") == ["nothing_kept"]
    assert fault_keys(tmp_path, ["Total;;;20"]) == ["nothing_kept"]


def test_another_region_is_refused(tmp_path: Path) -> None:
    rows = ["45234;ORL;PS1;20"]
    assert fault_keys(tmp_path, rows, communes=layer("ab")) == ["no_common_commune"]


@pytest.mark.parametrize("name", ["on_unknown", "duplicates", "dash", "arrondissements",
                                  "allocation"])  # fmt: skip
def test_options_are_words_that_are_known(tmp_path: Path, name: str) -> None:
    assert fault_keys(tmp_path, ROWS, **{name: "peut-être"}) == ["choice"]


# --- properties ----------------------------------------------------------------------------------

CODES = ["00001", "1001", "2a004", "75101", "75056", "ZZZZZ", "", "99109", "00999", "Total"]
LABELS = ["ORL", "orl", "dermato", "Dermatologie", "non renseigné", "Total"]
COUNTS = ["0", "3", "7", "12", "1 500", "<11", "ns", "-", "", "12,5"]
MESSY = st.lists(
    st.tuples(
        st.sampled_from(CODES),
        st.sampled_from(LABELS),
        st.sampled_from(["PS150067", "PS150068", ""]),
        st.sampled_from(COUNTS),
    ),
    min_size=1,
    max_size=12,
)
WRITINGS = st.tuples(
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    st.sampled_from([";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


def attempt(folder: Path, content: bytes, **options: object) -> tt.Flows | InputError:
    file = folder / "e.csv"
    file.write_bytes(content)
    try:
        return tt.read_flows(file, communes=layer("ab"), **options)
    except InputError as refusal:
        return refusal


@settings(max_examples=60)
@given(MESSY, WRITINGS, st.sampled_from(["error", "aside", "external"]),
       st.sampled_from(["error", "sum"]), st.integers(0, 99))  # fmt: skip
def test_any_writing_and_any_order_give_the_same_flows(
    tmp_path_factory: pytest.TempPathFactory, rows: list, writing: tuple, on_unknown: str,
    duplicates: str, seed: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("rows")
    options = {"on_unknown": on_unknown, "duplicates": duplicates}
    encoding, separator, end = writing
    head = HEAD.replace("specialite", "spécialité")
    lines = [";".join(row) for row in rows]
    usual = attempt(folder, "\n".join([head, *lines, ""]).encode(), **options)
    random.Random(seed).shuffle(lines)
    text = end.join([head, *lines, ""]).replace(";", separator)
    other = attempt(folder, text.encode(encoding), **options)
    if isinstance(usual, InputError):
        assert isinstance(other, InputError)
        assert [each.key for each in other.faults] == [each.key for each in usual.faults]
        return
    assert isinstance(other, tt.Flows), other
    assert_frame_equal(other.table, usual.table, check_exact=True)
    assert other.reconciliation.reasons == usual.reconciliation.reasons
    assert other.reconciliation.patients_in == usual.reconciliation.patients_in


def counted(cell: str) -> float:
    """Give what a cell counts as."""
    masked = {"<11": 5, "ns": 5, "-": 5, "": 0}
    return masked[cell] if cell in masked else float(cell.replace(" ", "").replace(",", "."))


@settings(max_examples=60)
@given(MESSY, st.sampled_from(["aside", "external"]))
def test_in_is_kept_and_aside_and_nobody_is_lost(
    tmp_path_factory: pytest.TempPathFactory, rows: list, on_unknown: str
) -> None:
    content = "\n".join([HEAD, *map(";".join, rows), ""]).encode()
    read = attempt(tmp_path_factory.mktemp("rows"), content, on_unknown=on_unknown,
                   duplicates="sum")  # fmt: skip
    if isinstance(read, InputError):
        return
    account = read.reconciliation
    blank = sum(not any(row) for row in rows)
    assert account.rows_in == len(rows) - blank
    people = sum(counted(row[3]) for row in rows if row[0] != "Total" and row[1] != "Total")
    assert account.patients_in == pytest.approx(people)
    assert account.rows_in == account.rows_kept + account.rows_aside
    assert sum(each for each, _ in account.reasons.values()) == account.rows_aside
    assert sum(each for _, each in account.reasons.values()) == account.patients_aside
    assert read.table["patients"].sum() == pytest.approx(account.patients_kept)
    bounds = read.bounds()
    assert (bounds["low"] <= read.table["patients"]).all()
    assert (bounds["high"] >= read.table["patients"]).all()


# Counts that no code, row, hour or number of rows in a small file can be mistaken for.
SMALL = st.lists(
    st.tuples(
        st.sampled_from(["45101", "45102", "ZZZZZ", "", "45999", "99109"]),
        st.sampled_from(["ORL", "dermatologie", "licornologie", ""]),
        st.sampled_from(["PS150067", "PS150068", "98765432109"]),
        st.sampled_from(["8642", "7531", "8642,5", "8642 x", "-7531", "7531 €", "8642%"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(SMALL, st.sampled_from(["error", "aside"]), st.sampled_from(["fr", "en"]))
def test_no_message_quotes_a_cell_of_counts_or_a_practitioner(
    tmp_path_factory: pytest.TempPathFactory, rows: list, on_unknown: str, language: str
) -> None:
    content = "\n".join([HEAD, *map(";".join, rows), ""]).encode()
    with using(language):
        read = attempt(tmp_path_factory.mktemp("rows"), content, on_unknown=on_unknown)
        if isinstance(read, InputError):
            said = str(read)
        else:
            said = "\n".join(map(str, read.reconciliation.notices)) + repr(read)
            assert not re.search("PS15|98765", repr(read.reconciliation))
    assert not re.search("8642|7531|PS15|98765", said)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["00001", "00002", "ZZZZZ", "99109", "00999", ""]),
                  st.integers(0, 30)), min_size=1, max_size=8,
    ),
)  # fmt: skip
def test_no_account_shows_a_small_count(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    """Neither written, nor found by subtracting shown figures from one another."""
    lines = [f"{home};ORL;PS{place};{number}" for place, (home, number) in enumerate(rows)]
    content = "\n".join([HEAD, *lines, ""]).encode()
    read = attempt(tmp_path_factory.mktemp("rows"), content, on_unknown="aside")
    if isinstance(read, InputError):
        return
    record = read.reconciliation.record()
    parts = {name: each["patients"] for name, each in record["reasons"].items()}
    parts["kept"] = record["patients_kept"]
    figures = [*parts.values(), record["patients_in"], record["patients_aside"]]
    assert not any(0 < each < 11 for each in figures if each is not None)
    hidden = [name for name, each in parts.items() if each is None]
    if record["patients_in"] is not None and len(hidden) == 1:
        rest = record["patients_in"] - sum(each for each in parts.values() if each is not None)
        assert rest == 0 or rest > 10
    assert pd.notna(record["rows_in"])
