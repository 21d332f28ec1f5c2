"""The words people see, in French and in English: one table, ``words.toml``."""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Language = Literal["fr", "en"]

_language: contextvars.ContextVar[Language | None] = contextvars.ContextVar(
    "territories_language", default=None
)

NARROW_SPACE: Final = "\u202f"

# What files hold is quoted in messages: it must not break their line, turn it around, or command
# the terminal; nor fill the screen.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_QUOTED: Final = 1_000


def _loaded() -> dict[str, tuple[str, str]]:
    table = tomllib.loads(
        (resources.files("territories") / "words.toml").read_text(encoding="utf-8")
    )
    return {
        f"{group}.{name}": (text["fr"], text["en"])
        for group, entries in table.items()
        for name, text in entries.items()
    }


WORDS: Final = _loaded()


def current_language() -> Language:
    """Return the language of messages: set by `using`, else TERRITORIES_LANG, else English."""
    chosen = _language.get()
    if chosen is not None:
        return chosen
    return "fr" if os.environ.get("TERRITORIES_LANG", "en").lower().startswith("fr") else "en"


@contextlib.contextmanager
def using(language: Language) -> Iterator[None]:
    """Speak `language` inside the block."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def number(value: float, *, digits: int = 0, language: Language | None = None) -> str:
    """Write a number as people of the language do.

    Examples
    --------
    >>> number(2573303, language="en")
    '2,573,303'
    >>> number(12.5, digits=1, language="fr")
    '12,5'
    """
    text = f"{value:,.{digits}f}"
    if (language or current_language()) == "fr":
        text = text.replace(",", NARROW_SPACE).replace(".", ",")
    return text


def figure(value: float, *, language: Language | None = None) -> str:
    """Write a sum: a whole number as such, weights with one decimal.

    Examples
    --------
    >>> figure(12), figure(11136.53, language="en")
    ('12', '11,136.5')
    """
    return number(value, digits=0 if float(value).is_integer() else 1, language=language)


@dataclass(frozen=True)
class Sentence:
    """A sentence of the table with its values, written in the language of the moment of reading.

    Values may quote codes and labels, never a count of patients.
    """

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence, in one line whatever its values hold."""
        values = {
            name: printable(value) if isinstance(value, str) else value
            for name, value in self.values.items()
        }
        return say(self.key, language=None, **values)


def visible(value: str) -> str:
    """Write what a file holds without the signs that are not seen and command what shows them."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", value)


def printable(value: str) -> str:
    """Write what a file holds so that it can stand in a message."""
    text = visible(value)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"


def say(key: str, /, language: Language | None = None, **values: object) -> str:
    """Return the words for `key`, integers written as people of the language do.

    Examples
    --------
    >>> say("class.all_but_one", language="fr")
    'toutes sauf une'
    """
    spoken = language or current_language()
    template = WORDS[key][0 if spoken == "fr" else 1]
    written = {
        name: number(value, language=spoken)
        if isinstance(value, int) and not isinstance(value, bool)
        else value
        for name, value in values.items()
    }
    return template.format(**written)
