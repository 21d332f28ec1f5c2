"""The table of words: whole in both languages, and spoken in the language of the moment."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from families import FAMILIES, MADE
from hypothesis import given
from hypothesis import strategies as st

import territories
from territories import _words
from territories._words import WORDS, Sentence, current_language, number, say, using
from territories.concordance import Concordance
from territories.pipeline import FILES, STAGES

SOURCES = sorted(Path(territories.__file__).parent.glob("*.py"))
CALLS = {
    r'\bsay\(\s*"([a-z_]+\.[a-z_]+)"': "",
    r'\bSentence\(\s*"([a-z_]+\.[a-z_]+)"': "",
    r'\bfault\(\s*"([a-z_]+)"': "error.",
}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_entry_is_in_both_languages() -> None:
    assert WORDS
    empty = [key for key, (fr, en) in WORDS.items() if not fr.strip() or not en.strip()]
    assert empty == ["account.what"]  # the head of a column that needs none


def test_both_languages_take_the_same_values() -> None:
    assert {key for key, (fr, en) in WORDS.items() if fields(fr) != fields(en)} == set()


def test_every_key_of_the_sources_is_in_the_table() -> None:
    used = {
        prefix + key
        for source in SOURCES
        for pattern, prefix in CALLS.items()
        for key in re.findall(pattern, source.read_text(encoding="utf-8"))
    }
    assert len(used) > 50
    assert used - set(WORDS) == set()


def test_every_refusal_of_the_table_is_used() -> None:
    text = "\n".join(source.read_text(encoding="utf-8") for source in SOURCES)
    refusals = {key.removeprefix("error.") for key in WORDS if key.startswith("error.")}
    unsaid = {key for key in refusals if not re.search(rf'"(error\.)?{key}"', text)}
    assert {f"error.{key}" for key in unsaid} - MADE == set()


@pytest.mark.parametrize("begins", FAMILIES)
def test_every_key_that_is_made_from_a_value_has_words(begins: str) -> None:
    assert {begins + ends for ends in FAMILIES[begins]} - set(WORDS) == set()


@pytest.mark.parametrize("group", ["reason", "format"])
def test_every_word_of_a_family_is_one_of_them(group: str) -> None:
    words = {key for key in WORDS if key.startswith(f"{group}.")}
    assert words == {f"{group}.{ends}" for ends in FAMILIES[f"{group}."]}


def test_families_are_read_from_the_code() -> None:
    """An empty family would let any word pass."""
    assert FAMILIES["error.code_"] == {"postal", "pmsi", "department", "siren", "iris", "names"}
    assert {"empty", "masked", "dash", "percent"} <= FAMILIES["error.number_"]
    assert {"overseas", "split", "confused"} <= FAMILIES["notice.code_"]
    assert FAMILIES["notice.activity_"] == {"normalised", "synonym", "code", "mojibake"}


@pytest.mark.parametrize(
    "keys",
    [
        [f"class.{each}" for each in Concordance],
        [f"stage.{each}" for each in STAGES],
        [f"agreement.{each}" for each in ("agree", "differ", "liberal_only", "hospital_only")],
        ["agreement.neither", "white.uncovered", "white.enclave", "unit.patients", "unit.stays"],
    ],
)
def test_keys_made_from_values_are_in_the_table(keys: list[str]) -> None:
    assert set(keys) <= set(WORDS)


def test_files_of_a_run_are_those_of_the_contract() -> None:
    assert set(FILES) == {
        *("communes.csv", "communes.geojson", "territories.geojson", "territories.gpkg"),
        *("territories.csv", "map.html", "reconciliation.json", "run.json", "draft.json"),
        "exports.json",
        *("communes.qml", "territories.qml"),
    }


@pytest.mark.parametrize(
    ("key", "french"),
    [
        ("always", "toujours"),
        ("all_but_one", "toutes sauf une"),
        ("majority", "majorité"),
        ("relative", "majorité relative"),
        ("none", "aucun pôle"),
        ("insufficient", "données insuffisantes"),
    ],
)
def test_classes_are_called_as_the_contract_says(key: str, french: str) -> None:
    assert say(f"class.{key}", language="fr") == french


@pytest.mark.parametrize(
    ("value", "digits", "language", "text"),
    [
        (2573303, 0, "en", "2,573,303"),
        (2573303, 0, "fr", "2\u202f573\u202f303"),
        (0, 0, "fr", "0"),
        (999, 0, "fr", "999"),
        (-1234.5, 1, "en", "-1,234.5"),
        (-1234.5, 1, "fr", "-1\u202f234,5"),
        (0.456, 2, "fr", "0,46"),
    ],
)
def test_number(value: float, digits: int, language: _words.Language, text: str) -> None:
    assert number(value, digits=digits, language=language) == text


@given(st.integers(-(10**15), 10**15), st.sampled_from(["fr", "en"]))
def test_a_written_number_is_read_back(value: int, language: _words.Language) -> None:
    assert int(re.sub(r"[,\u202f]", "", number(value, language=language))) == value


def test_language_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_language() == "en"  # from Python
    monkeypatch.setenv("TERRITORIES_LANG", "fr")
    assert current_language() == "fr"
    with using("en"):
        assert current_language() == "en"  # what is said wins over the environment
        with using("fr"):
            assert current_language() == "fr"
        assert current_language() == "en"
    assert current_language() == "fr"


def test_language_is_put_back_after_an_error() -> None:
    def fails() -> None:
        with using("fr"):
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert current_language() == "en"


def test_a_sentence_speaks_when_it_is_read() -> None:
    sentence = Sentence("error.file_empty", {"file": "a.csv"})
    with using("fr"):
        assert str(sentence).startswith("a.csv : le fichier est vide")
    with using("en"):
        assert str(sentence).startswith("a.csv: the file is empty")


def test_values_are_not_read_as_templates() -> None:
    assert "{0} {file} %s" in say("error.file_empty", language="en", file="{0} {file} %s")


def test_integers_are_written_as_people_do_but_text_is_kept() -> None:
    text = say("error.row_length", language="en", file="f", rows="1200", row="5000", found=1500,
               expected=4)  # fmt: skip
    assert "1200 row" in text
    assert "row 5000" in text
    assert "1,500 instead of 4" in text


def test_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("error.no_such_key")
