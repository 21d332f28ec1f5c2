"""Replaying a log of decisions on a draft, line by line: what applies, and why not the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories.zoning import decided, drafted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from territories._words import Sentence
    from territories.revisions import Revision
    from territories.zoning import Zoning

_FIELDS: Final = (
    *("order", "action", "code", "territory", "target", "parts"),
    *("author", "date", "reason", "force"),
)


@dataclass(frozen=True, repr=False)
class Replay:
    """What became of a log.

    Parameters
    ----------
    zoning
        The draft after the decisions that apply.
    lines
        One row a decision, in the order they were tried, indexed by place in the log from 0: the
        fields of `Revision`; `result` (``"applied"``, ``"undone"`` or ``"refused"``); `refusal`,
        the sentence that says why, empty unless it was refused.
    faults
        What could not be applied: one for each line, or one for a step that cuts a territory.
    """

    zoning: Zoning
    lines: pd.DataFrame
    faults: tuple[Sentence, ...] = ()

    def __repr__(self) -> str:
        """Return how many lines were applied, undone and refused."""
        counts = self.lines["result"].value_counts()
        told = (f"{counts.get(each, 0)} {each}" for each in ("applied", "undone", "refused"))
        return f"<Replay of {len(self.lines)} decisions: {', '.join(told)}>"


def replay(
    zoning: Zoning, revisions: Iterable[Revision], *, force: bool = False, overlaps: bool = True
) -> Replay:
    """Apply the decisions that can be, and tell of each line what became of it.

    Parameters
    ----------
    zoning
        The draft they are about; it is not changed.
    revisions
        The log. Lines of one order are a step, which a line that is refused does not stop; a step
        that leaves a territory in more pieces than before is not applied at all.
    force
        Accept steps that cut territories; they are then listed in `Zoning.unmet`. Locks hold.
    overlaps
        Whether communes may be shared.
    """
    outcome = decided(zoning, revisions, force=force, overlaps=overlaps)
    lines = pd.DataFrame(
        {
            name: pd.Series([getattr(line, name) for _, line, *_ in outcome.lines], dtype="object")
            for name in _FIELDS
        }
    )
    lines["target"] = lines["target"].fillna("")
    lines["result"] = pd.Series([result for *_, result, _ in outcome.lines], dtype="object")
    refusals = ["" if each is None else each for *_, each in outcome.lines]
    lines["refusal"] = pd.Series(refusals, dtype="object")
    lines.index = pd.Index([place for place, *_ in outcome.lines], dtype="int64", name="line")
    lines = lines.astype({"order": "int64", "force": "bool"})
    return Replay(drafted(zoning, outcome), lines, tuple(outcome.faults))
