"""The report of a revised draft: its run done again, and its decisions in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from territories._applied import decisions_of
from territories._redo import recorded, refuse_changed
from territories._sections import Grid
from territories._words import current_language, number, say
from territories.pipeline import compute
from territories.revisions import ACTIONS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from territories._inputs import Settings
    from territories._records import Run
    from territories.revisions import Revision


def run_again(
    folder: str | Path, settings: Settings, *, tell: Callable[[str], None] = lambda _: None
) -> tuple[Run, list[str]]:
    """Do a run again, or take its draft up where it was revised; with what a reader must know.

    Raises
    ------
    InputError
        If an input is not the one the run had.
    """
    revised = recorded(folder).get("revised")
    run = compute(settings, base=None if revised is None else folder, tell=tell)
    refuse_changed(folder, settings, run.accounts)
    if revised is None:
        return run, []
    name, parent = run.zoning.name, revised["parent"]["name"]
    told = [say("revision.draft_revised", name=name, parent=parent)]
    return replace(run, revised=revised, decisions=decisions_of(folder)), told


def decision_grid(run: Run) -> Grid | None:
    """Lay the decisions of a revised draft out; None where the draft is that of a run."""
    if run.revised is None:
        return None
    communes = run.zoning.communes["name"].to_dict()
    rows = []
    for line, result, refusal in run.decisions:
        outcome = say(f"revision.{result}")
        rows.append(
            [
                number(line.order),
                _told(line, communes, dict(run.zoning.names)),
                line.author,
                line.date,
                line.reason,
                f"{outcome}. {refusal}" if refusal else outcome,
            ]
        )
    known = ("order", "what", "who", "when", "why", "result")
    heads = [say(f"revision.head_{name}") for name in known]
    return Grid(say("report.decisions_title"), heads, rows, [True, *([False] * 5)])


def _told(line: Revision, communes: dict[str, str], names: dict[str, str]) -> str:
    """Write a decision as a sentence, with the names of communes and territories."""
    if line.action not in ACTIONS:
        return line.action
    target = line.target or ""
    if line.action == "share":
        target = ", ".join(names.get(each, each) for each in target.split("|"))
        parts = "/".join(map(str, line.parts))
        target = f"{target} ({parts})" if parts else target
    elif line.action == "status":
        target = STATUSES.get(target, target) if current_language() == "fr" else target
    elif line.action in ("move", "claim", "withdraw", "merge"):
        target = names.get(target, target)
    subject = names.get(line.territory, line.territory)
    if line.territory == "*":
        subject = say("revision.all")
    commune = f"{communes.get(line.code, line.code)} ({line.code})"
    return say(
        f"revision.told_{line.action}",
        language=None,
        commune=commune,
        territory=subject,
        target=target or "–",
    )
