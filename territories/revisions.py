"""Revisions: what the professionals decide about a draft, one decision a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Revision:
    """One decision of the professionals.

    Parameters
    ----------
    action
        What is decided: ``"move"`` a commune to another territory, or ``"release"`` it to the white
        zone. The other actions of the method come with the editor.
    code
        The commune.
    target
        The territory it moves to, by its id or its name.
    order
        Place in the log; decisions apply in this order.
    author, date, reason
        Who decided, when and why.
    """

    action: str
    code: str
    target: str | None = None
    order: int = 0
    author: str = ""
    date: str = ""
    reason: str = ""


ACTIONS = ("move", "release")
