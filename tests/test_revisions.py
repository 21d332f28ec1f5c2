"""Files of logs: written and read back, in both languages, and refused with all that is wrong."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING

import pytest
from grids import drawn
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories._log_files import numbered
from territories.revisions import (
    ACTIONS,
    ALL,
    COLOUR,
    LOCKING,
    STATUSES,
    Revision,
    folded,
    is_name,
    known_word,
    with_zeros,
)

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '=HYPERLINK("http://x")'

LOG = (
    Revision("new", territory="n1", target="Cœur de Beauce", order=1, author="Dr A"),
    Revision("move", "00001", "n1", order=1, date="2026-11-22", reason="they go there"),
    Revision("share", "00002", "n1|00003", order=2, parts=(2, 1), force=True),
    Revision("status", territory="n1", target="engineering", order=3),
    Revision("lock", territory="*", order=4, reason='a; b "c"'),
    Revision("colour", territory="n1", target="#1b5fa8", order=5, author=HOSTILE),
    Revision("undo", target="2", order=6, reason="-1 +2"),
)


def written(tmp_path: Path, text: str | bytes, name: str = "log.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_log_is_read_back_as_it_was_written(tmp_path: Path, language: str) -> None:
    path = tmp_path / "log.csv"
    tt.write_revisions(LOG, path, communes=drawn("ABC"), language=language)
    assert tt.read_revisions(path) == LOG


def test_a_log_is_a_french_file_whose_cells_run_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    tt.write_revisions(LOG, path, communes=drawn("ABC"))
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    lines = content.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "ordre;action;commune;nom;territoire;cible;parts;auteur;date;motif;force"
    assert lines[1] == "1;créer;;;n1;Cœur de Beauce;;Dr A;;;"
    assert lines[3] == "2;partager;00002;Commune 00002;;n1|00003;2|1;;;;oui"
    assert "ingénierie" in lines[4]
    assert ";=" not in content.decode("utf-8-sig")
    assert "'-1 +2" in lines[7]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_separators_encodings_accents_and_missing_columns(tmp_path: Path, separator: str) -> None:
    rows = [["Motif", "ACTION", "Commune", "Cible"], ["décidé", "Deplacer", "1001", "Été"], []]
    text = "\n".join(separator.join(row) for row in rows)
    for encoding in ("utf-8", "cp1252"):
        path = written(tmp_path, text.encode(encoding))
        assert tt.read_revisions(path) == (Revision("move", "01001", "Été", reason="décidé"),)


def test_what_excel_makes_of_numbers_and_dates_is_read(tmp_path: Path) -> None:
    rows = [
        "ordre;action;commune;cible;date",
        "1,0;déplacer;3;31;22/11/2026 20:14",
        "2,0;annuler;;1,0;5/1/2026",
        "3;libérer;2A004;;hier",
    ]
    assert tt.read_revisions(written(tmp_path, "\r\n".join(rows))) == (
        Revision("move", "00003", "31", order=1, date="2026-11-22T20:14:00"),
        Revision("undo", target="1", order=2, date="2026-01-05"),
        Revision("release", "2A004", order=3, date="hier"),
    )


def test_a_log_without_decisions_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    tt.write_revisions([], path)
    assert tt.read_revisions(path) == ()


def test_all_that_is_wrong_with_a_log_is_told_at_once(tmp_path: Path) -> None:
    rows = [
        "ordre;action;commune;cible;parts;motif;force",
        "1;déplacer;00001;n;;;",
        "deux;téléporter;00001;n;;;",
        f"3;partager;00001;n|m;a|b;{'x' * 2001};peut-être",
        "4;libérer;00001;;;a\x07b;",
    ]
    with pytest.raises(tt.InputError) as refusal:
        tt.read_revisions(written(tmp_path, "\n".join(rows)))
    told = {each.key: each for each in refusal.value.faults}
    assert set(told) == {
        *("error.revision_file_action", "error.revision_file_order", "error.revision_file_parts"),
        *("error.revision_file_text", "error.revision_file_force"),
    }
    assert told["error.revision_file_order"].values["rows"] == "3"
    assert "'téléporter'" in str(told["error.revision_file_action"])
    assert "log.csv" in str(refusal.value)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "code;territoire\n00001;n\n00002;m\n")
    with pytest.raises(tt.InputError, match="action"):
        tt.read_revisions(path)
    with pytest.raises(tt.InputError):
        tt.read_revisions(written(tmp_path, "action;action\nmove;move\n"))
    with pytest.raises(tt.InputError):
        tt.read_revisions(written(tmp_path, b"\x00\xff\x00\x01" * 50))


def test_names_are_looked_for_with_accents_case_and_hyphens_aside() -> None:
    assert folded("  Saint-Jean-de-l’Œuvre ") == folded("SAINT JEAN DE L'OEUVRE")
    assert folded("Saint-Jean") != folded("Saintjean")
    assert folded("  L’Œuvre-d\u00c9té ") == "l oeuvre dete"  # other modules compare it as it is
    assert folded("e\u0301\u0327") == "e"


def test_the_words_of_files_stay_the_same() -> None:
    """Logs that were written once are read for ever."""
    said = {
        "move": "déplacer",
        "release": "libérer",
        "share": "partager",
        "claim": "revendiquer",
        "withdraw": "retirer",
        "new": "créer",
        "rename": "renommer",
        "colour": "colorier",
        "merge": "fusionner",
        "lock": "verrouiller",
        "unlock": "déverrouiller",
        "status": "statut",
        "undo": "annuler",
    }
    assert list(ACTIONS.items()) == list(said.items())
    assert [known_word(word.upper(), ACTIONS) for word in said.values()] == list(said)
    assert known_word("téléporter", ACTIONS) is None
    assert STATUSES == {
        "initiative": "initiative",
        "engineering": "ingénierie",
        "contracting": "contractualisation",
        "running": "fonctionnement",
    }
    assert LOCKING == ("contracting", "running")
    assert ALL == "*"


def test_a_decision_says_nothing_that_is_not_given() -> None:
    assert Revision("lock") == Revision("lock", "", None, 0, "", "", "", "", (), force=False)
    with pytest.raises(FrozenInstanceError):
        Revision("lock").order = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "good"),
    [("Été", True), ("x" * 120, True), ("x" * 121, False), ("", False), ("a\nb", False),
     ("a\x1f", False), ("\x7f", False), ("\x9f", False), ("\xa0", True), (" ", True)],
)  # fmt: skip
def test_names_are_one_line_that_can_be_read(text: str, good: bool) -> None:
    assert is_name(text) == good


@pytest.mark.parametrize(
    ("colour", "good"),
    [("#1b5fa8", True), ("#1B5FA8", True), ("1b5fa8", False), ("#1b5fag", False),
     ("#1b5fa8a", False)],
)  # fmt: skip
def test_colours_are_those_of_pages(colour: str, good: bool) -> None:
    assert bool(re.fullmatch(COLOUR, colour)) == good


@pytest.mark.parametrize(
    ("text", "code"),
    [("1004", "01004"), ("3", "00003"), ("45234", "45234"), ("451234", "451234"), ("2A4", "2A4")],
)
def test_zeros_that_a_spreadsheet_took(text: str, code: str) -> None:
    assert with_zeros(text) == code


def test_steps_are_numbered_after_those_of_an_earlier_log() -> None:
    log = [
        Revision("move", "a", "n"),
        Revision("move", "b", "n", order=3),
        Revision("undo", target="3", order=4),
    ]
    assert [(each.order, each.target) for each in numbered(log, after=10)] == [
        (11, "n"),
        (14, "n"),
        (15, "14"),
    ]
    assert numbered(LOG) == list(LOG)


texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)
lines = st.builds(
    Revision,
    action=st.sampled_from(sorted(set(ACTIONS) - {"status"})),
    code=st.sampled_from(["", "01001", "2A004"]),
    target=texts.map(lambda text: text.lstrip("'") or None),
    order=st.integers(0, 10**6),
    author=texts.map(lambda text: text.lstrip("'")),
    reason=texts.map(lambda text: text.lstrip("'")),
    territory=texts.map(lambda text: text.lstrip("'")),
    parts=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    force=st.booleans(),
)


@given(st.lists(lines, max_size=6))
def test_any_log_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, log: list[Revision]
) -> None:
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    tt.write_revisions([replace(each, code=each.code or "01001") for each in log], path)
    assert list(tt.read_revisions(path)) == [
        replace(each, code=each.code or "01001") for each in log
    ]


def test_a_text_as_long_as_can_be_is_read_back(tmp_path: Path) -> None:
    """The page cuts what a file says at as many signs, then writes an apostrophe before it."""
    line = Revision("move", "01001", "T", order=1, reason="=" + "x" * 1_999)
    tt.write_revisions([line], tmp_path / "log.csv")
    assert tt.read_revisions(tmp_path / "log.csv") == (line,)


def test_numbers_stay_short_enough_to_be_read_again(tmp_path: Path) -> None:
    """An undo of a later or unknown step stays one; of an earlier one too."""
    lines = [
        Revision("move", "01001", "T"),
        Revision("move", "01002", "T", order=5),
        Revision("undo", target="5", order=999_999_999),
        Revision("undo", target="7", order=999_999_999),
    ]
    found = numbered(lines, after=3)
    assert [line.order for line in found] == [4, 5, 6, 6]
    assert [line.target for line in found] == ["T", "T", "5", "7"]
    tt.write_revisions(found, tmp_path / "log.csv")
    assert tt.read_revisions(tmp_path / "log.csv") == tuple(found)
