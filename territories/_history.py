"""The log of a workshop, the draft after each step, and exact figures of its territories."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd

from territories.aci import aci_measures
from territories.exchanges import shared_out
from territories.replay import replay
from territories.revisions import Revision
from territories.zoning import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from territories._words import Sentence
    from territories.zoning import Zoning


# Fields of a line that are texts in the page's form of it.
_TEXTS: Final = ("action", "code", "territory", "author", "date", "reason")


class _Step(NamedTuple):
    lines: tuple[Revision, ...]
    zoning: Zoning  # after it


class Taken(NamedTuple):
    """What became of lines that were put at the end of the log."""

    results: tuple[str, ...]
    faults: tuple[Sentence, ...]


class History:
    """Steps taken on a draft; the last ones can be taken back and others put in their place.

    Parameters
    ----------
    base
        The draft before all steps.
    overlaps
        Whether communes may be shared.
    """

    def __init__(self, base: Zoning, *, overlaps: bool = True) -> None:
        # Its borders are worked out once, not once a step.
        self.base = replace(base, pairs=base.borders)
        self._overlaps = overlaps
        self._steps: list[_Step] = []

    @property
    def zoning(self) -> Zoning:
        """The draft after all steps."""
        return self._steps[-1].zoning if self._steps else self.base

    @property
    def lines(self) -> tuple[Revision, ...]:
        """The log, its refused and undone lines included."""
        return tuple(line for step in self._steps for line in step.lines)

    @property
    def last(self) -> int:
        """Number of lines of the last step."""
        return len(self._steps[-1].lines) if self._steps else 0

    def change(self, keep: int, lines: Sequence[Revision]) -> Taken:
        """Keep the first lines of the log, and put others after them.

        Parameters
        ----------
        keep
            Number of lines that stay.
        lines
            Those that follow.
        """
        standing = self.lines[:keep]
        count = 0
        for place, step in enumerate(self._steps):
            if count + len(step.lines) > keep:
                del self._steps[place:]
                break
            count += len(step.lines)
        results: list[str] = []
        faults: list[Sentence] = []
        for own in _steps((*standing[count:], *lines)):
            taken = self._take(own)
            # An undo changes what became of the lines before it: then it is told of all of them.
            told_all = len(taken.results) > len(own)
            results = [*([] if told_all else results), *taken.results]
            faults += [each for each in taken.faults if each not in faults]
        return Taken(tuple(results[len(results) - len(lines) :]), tuple(faults))

    def _take(self, lines: tuple[Revision, ...]) -> Taken:
        """Apply one step to the draft after those before it."""
        # An undo takes an earlier step away from under those after it: all is replayed then.
        again = any(line.action == "undo" for line in lines)
        before = self.lines if again else ()
        outcome = replay(
            self.base if again else self.zoning, (*before, *lines), overlaps=self._overlaps
        )
        self._steps.append(_Step(lines, outcome.zoning))
        table = outcome.lines.sort_index()
        refusals = table.loc[table.index >= len(before), "refusal"]
        return Taken(tuple(table["result"]), tuple(each for each in refusals if each != ""))


def _steps(lines: tuple[Revision, ...]) -> list[tuple[Revision, ...]]:
    """Tell steps apart: lines of one order that follow one another, and each that has none."""
    numbered = enumerate(lines)
    return [
        tuple(line for _, line in group)
        for _, group in groupby(
            numbered, key=lambda each: (each[1].order, -1 if each[1].order > 0 else each[0])
        )
    ]


def touched(before: Zoning, after: Zoning) -> list[str]:
    """List the territories whose communes are others, or weigh otherwise, than before."""
    both = pd.concat([before.membership, after.membership])
    both["weight"] = both["weight"].round(9)
    return sorted(set(both.drop_duplicates(keep=False)["territory"]))


def exact_figures(
    zoning: Zoning, cells: pd.DataFrame | None, territories: Sequence[str]
) -> pd.DataFrame:
    """Measure some territories exactly, as `evaluate` does, in the time of a click.

    Parameters
    ----------
    zoning
        The draft.
    cells
        Flows added up (see `exchanges.cells`); None: no `li` and `leakage`.
    territories
        Their ids; those that have no communes are left out.

    Returns
    -------
    DataFrame
        Indexed by territory: `name`, `communes`, `population`, `aci_size`, `next_bound`, `pieces`,
        `li`, `leakage`.
    """
    member = zoning.membership
    people = member["code"].map(zoning.communes["population"]).astype("float64") * member["weight"]
    groups = people.groupby(member["territory"])
    sums = groups.sum().where(groups.count() == groups.size())
    population = sums if sums.isna().any() else whole(sums)
    wanted = [each for each in sorted(territories) if each in population.index]
    result = pd.DataFrame(index=pd.Index(wanted, name="territory", dtype="str"))
    result["name"] = [zoning.names.get(each, each) for each in wanted]
    result["communes"] = groups.size().reindex(wanted)
    result["population"] = population.reindex(wanted)
    sizes = aci_measures(result["population"])
    result[["aci_size", "next_bound"]] = sizes[["aci_size", "next_bound"]]
    result["pieces"] = zoning.pieces().reindex(wanted)
    if cells is not None:
        near = cells["residence"].isin(member.loc[member["territory"].isin(wanted), "code"])
        shared = shared_out(zoning, cells[near], by="residence")
        sent = (shared["patients"] * shared["weight"]).groupby(shared["territory"]).sum()
        inside = (shared["patients"] * shared["kept"]).groupby(shared["territory"]).sum()
        sent, inside = sent.reindex(wanted).fillna(0.0), inside.reindex(wanted).fillna(0.0)
        result["li"] = inside / sent.where(sent > 0)
        result["leakage"] = 1 - result["li"]
    return result


def following(revisions: Iterable[Revision], *, after: int) -> tuple[Revision, ...]:
    """Give decisions numbers of steps after those of the log, in their own order.

    Parameters
    ----------
    revisions
        An undo that names a step among them names it by its new number.
    after
        Number of the last step of the log.
    """
    lines = sorted(revisions, key=lambda each: max(each.order, 0))
    numbers: dict[int, int] = {}
    found, last = [], after
    for line in lines:
        if line.order < 1 or line.order not in numbers:
            last += 1
            if line.order > 0:
                numbers[line.order] = last
        target = line.target
        if line.action == "undo" and (target or "").isdigit():
            target = str(numbers.get(int(target or ""), target))
        found.append(replace(line, order=last, target=target))
    return tuple(found)


def read_line(each: Mapping[str, Any]) -> Revision:
    """Read a line of the page."""
    return Revision(
        **{name: str(each.get(name) or "") for name in _TEXTS},
        target=str(each["target"]) if each.get("target") else None,
        order=int(each["order"]),
        parts=tuple(int(part) for part in each.get("parts") or ()),
        force=bool(each.get("force")),
    )


def plain_shares(figures: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Write the exact shares of territories for the page: no count of patients is among them."""
    if "li" not in figures:
        return {}
    return {
        str(territory): {"li": _number(li), "leakage": _number(leakage)}
        for territory, li, leakage in zip(
            figures.index, figures["li"], figures["leakage"], strict=True
        )
    }


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
