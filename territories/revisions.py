"""Revisions: what the professionals decide about a draft, one decision a line."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

# What is decided, and its word in the files of French users.
ACTIONS: Final = {
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

# How far a territory is, in its order; from the contract on it is locked.
STATUSES: Final = {
    "initiative": "initiative",
    "engineering": "ingénierie",
    "contracting": "contractualisation",
    "running": "fonctionnement",
}
LOCKING: Final = ("contracting", "running")

COLOUR: Final = "#[0-9a-fA-F]{6}"

# Stands for all territories, where they are locked or unlocked.
ALL: Final = "*"

_CODE: Final = 5  # characters of a commune's code

# What joins words in names: blanks, apostrophes and hyphens as people write them.
_JOINED: Final = re.compile(r"[\s'’ʼ`´‐‑‒–—−-]+")

# A name is one line that can be read.
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,120}")


@dataclass(frozen=True)
class Revision:
    """One decision of the professionals; several of one order are one step.

    Parameters
    ----------
    action
        What is decided: ``"move"`` a commune to another territory, or ``"release"`` it to the white
        zone; ``"share"`` it between territories; ``"claim"`` it for one more, or ``"withdraw"`` the
        claim; make a ``"new"`` territory, ``"rename"`` or ``"colour"`` it, ``"merge"`` it into
        another, ``"lock"`` or ``"unlock"`` it, tell its ``"status"``; ``"undo"`` an earlier step.
    code
        The commune.
    target
        The territory it moves to, by its id or its name; two or three joined by ``"|"`` for
        ``"share"``. A name, a colour (``"#1b5fa8"``) or a status of `STATUSES` for the actions that
        give one; the order of the step that is undone.
    order
        Place in the log; decisions apply in this order, those of the same order together. 0 is not
        numbered: a step of its own, before the others.
    author, date, reason
        Who decided, when and why.
    territory
        The territory that is made, renamed, coloured, merged, locked or told of: its id or its
        name. ``"*"`` is all of them, where they are locked or unlocked.
    parts
        Whole numbers, as many as the targets of ``"share"``; none: equal parts.
    force
        The step may leave a territory in more pieces than before.
    """

    action: str
    code: str = ""
    target: str | None = None
    order: int = 0
    author: str = ""
    date: str = ""
    reason: str = ""
    territory: str = ""
    parts: tuple[int, ...] = ()
    force: bool = False


def folded(text: str) -> str:
    """Write a name as it is looked for: accents, case, hyphens, apostrophes and blanks aside.

    Examples
    --------
    >>> folded("Saint-Cœur d’Été") == folded("SAINT COEUR  D'ETE")
    True
    """
    letters = unicodedata.normalize("NFKD", text)
    letters = "".join(each for each in letters if unicodedata.category(each) != "Mn")
    return _JOINED.sub(" ", letters.lower().replace("œ", "oe")).strip()


def with_zeros(text: str) -> str:
    """Write a code as it was before a spreadsheet took it for a number.

    Examples
    --------
    >>> with_zeros("1004"), with_zeros("2A004"), with_zeros("Gien")
    ('01004', '2A004', 'Gien')
    """
    return text.zfill(_CODE) if re.fullmatch("[0-9]+", text) else text


def known_word(text: str, words: dict[str, str]) -> str | None:
    """Find our name of a word in either language; None where there is none."""
    wanted = folded(text)
    return next((name for name, french in words.items() if wanted in (name, folded(french))), None)


def is_name(text: str) -> bool:
    """Tell whether a text can name a territory or a draft: 1 to 120 characters, none of control."""
    return _NAME.fullmatch(text) is not None
