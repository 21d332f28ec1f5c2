"""An attack on exports: what an outsider who has these files could find of small counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._attack import narrowed
from territories._readback import read_back, spread
from territories._statements import (
    Writer,
    of_division,
    of_layer,
)
from territories._units import cells_of, divisions, unique_names
from territories.errors import InputError, fault, of_kind
from territories.exchanges import cells as flow_cells
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from territories._possible import Target
    from territories._readback import Told
    from territories._units import Cells
    from territories.flows import Flows

_SOURCES: Final = ("patients", "stays")
_COLUMNS: Final = ("source", "kind", "residence", "destination", "activity", "low", "high")


@dataclass(frozen=True, eq=False)
class Audit:
    """What an outsider finds in files.

    Parameters
    ----------
    files
        Those read.
    found
        The small counts that he finds or narrows: `source` (``patients``, ``stays``), `kind`
        (``cell``, ``residence``, ``destination``), `residence`, `destination` (a commune, the first
        of several that no file tells apart, or ``*`` outside), `activity` (empty: all together),
        `low`, `high`. Bounds come from the files alone.
    statements, cells
        How many things are told, and of how many counts the outsider was tried on.
    lost
        Files whose division nobody gives: what they tell could not be attacked.
    """

    files: tuple[Path, ...]
    found: pd.DataFrame
    statements: int
    cells: int
    lost: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        """Say how much is found, no count of it."""
        return (
            f"<Audit: {len(self.files)} files, {self.statements:,} statements, "
            f"{self.cells:,} counts tried, {len(self.found)} found>"
        )


def audit(
    files: str | Path | Iterable[str | Path],
    *,
    flows: Flows | None = None,
    stays: Flows | None = None,
    secrecy: Secrecy | None = None,
) -> Audit:
    """Attack exports together: read them back and find the small counts that they give away.

    Parameters
    ----------
    files
        Exports of ours, or folders of them: of one run, or of several that left one after another.
        Give all that anyone could hold together.
    flows, stays
        Located flows they were made of, where they are at hand: then it is known which counts are
        small, and each of those must be possible from 1 to 10. Without them the attacker is an
        outsider: what he finds are counts that he can tell to be small and not 0.
    secrecy
        Rule of disclosure; default ``Secrecy()``.

    Returns
    -------
    Audit
        With nothing in `found`, no linear programme over all that is told narrows any small count:
        cells of residence, destination and activity, and the sums of lines of them.

    Raises
    ------
    InputError
        If a file cannot be read, or is none of ours; if files contradict each other: no number of
        patients can give all that they tell (files of different data, or changed by hand).

    Notes
    -----
    Rounding is read as one who knows the rules reads it. Read: who is in what; all shares of
    territories (kept, attraction, net index, not drawn, hospital); totals of accounts; shares by
    activity and by place, and the order of the places; the first place of an activity and its part;
    rates of recourse, with the inhabitants that they are of; the order of the places of communes to
    discuss, of which those under 11 are not listed; all of the page of the workshop.

    Not read: mean distances, whose attack is in the tests of the package; the pole of each commune
    by activity, published from 11 patients on by the method (METHOD, section 4); basins of
    hospitals; pictures; the words of reports, whose figures are those of `tables.xlsx` with fewer
    digits; cards and selections, which are shown in notebooks and masked by themselves.

    A region of 1 800 communes, with all that is written of it, takes some minutes and 0.5 GB.
    """
    door = secrecy or Secrecy()
    given = {"flows": flows, "stays": stays}
    of_kind("Flows", **{name: each for name, each in given.items() if each is not None})
    paths = [files] if isinstance(files, str) or not hasattr(files, "__iter__") else files
    places = tuple(dict.fromkeys(spread(paths)))
    if not places:
        raise InputError(fault("audit_nothing"))
    told = [read_back(each) for each in places]
    return attacked(told, truth={"patients": flows, "stays": stays}, door=door)


def attacked(told: list[Told], *, truth: dict[str, Flows | None], door: Secrecy) -> Audit:
    """Attack what files tell (see `audit`)."""
    found_divisions, lost = divisions(told)
    cells = cells_of(told, found_divisions)
    names = unique_names({code: name for each in told for code, name in each.names.items()})
    rows: list[tuple[object, ...]] = []
    statements = tried = 0
    for source in _SOURCES:
        if source == "stays":  # of which nothing is told by activity
            cells = replace(cells, activities=[""])
        writer = Writer(cells, source)
        for each in told:
            of_layer(writer, each, names)
        for division in found_divisions:
            of_division(writer, division, names)
        if not writer.statements:
            continue
        statements += len(writer.statements)
        flows = truth[source]
        if flows is not None and flows.table["residence"].isin(cells.home_of).all():
            writer.nobody_from_outside()  # he may know that the extract ends at the border
        counts = None if flows is None else _counts(cells, flows)
        targets = _all(cells) if counts is None else _small(cells, counts, door)
        tried += len(targets)
        found = narrowed(
            writer, targets, threshold=door.threshold, sure=counts is None, truth=counts
        )
        rows += [_row(cells, source, name, *ends) for name, ends in found.items()]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return Audit(
        tuple(each.file for each in told), table, statements, tried, tuple(e.file for e in lost)
    )


def _all(cells: Cells) -> list[Target]:
    """List all that an outsider may be after: cells, and the sums of lines of them."""
    homes, places, activities = map(range, cells.shape)
    every = [*activities] if len(activities) > 1 else []
    return [
        *product(homes, places, activities),
        *product(homes, [None], [*every, None]),
        *product(homes, places, [None] if every else []),
        *product([None], places, activities),
    ]


def _counts(cells: Cells, flows: Flows) -> pd.DataFrame:
    """Add flows up by the cells that files tell apart: home `h`, place `p`, activity `a`."""
    own = cells.activities != [""]
    table = flow_cells(flows, by_activity=own)
    labels = {name: at for at, name in enumerate(cells.places)}
    outside = {
        code: labels.get(_label(code, cells.places), len(cells.places) - 1)
        for code in set(table["destination"]) - set(cells.place_of)
    }
    place = table["destination"].map(cells.place_of | outside).astype("int64")
    home = table["residence"].map(cells.home_of).fillna(len(cells.homes) - 1).astype("int64")
    if own:
        activity = table["activity"].astype("str").map(cells.activities.index)
    else:
        activity = pd.Series(0, index=table.index)
    keys = pd.DataFrame({"h": home, "p": place, "a": activity, "patients": table["patients"]})
    return keys.groupby(["h", "p", "a"])["patients"].sum().reset_index()


def _small(cells: Cells, counts: pd.DataFrame, door: Secrecy) -> list[Target]:
    """List the cells and sums of lines that are small in truth."""
    found: list[Target] = []
    lines = [["h", "p", "a"], ["h"], ["p", "a"]]
    lines += [["h", "a"], ["h", "p"]] if len(cells.activities) > 1 else []
    for line in lines:
        sums = counts.groupby(line)["patients"].sum()
        for key in sums.index[sums.map(door.hides).astype("bool")]:
            at = dict(zip(line, key if isinstance(key, tuple) else (key,), strict=True))
            found.append((_whole(at.get("h")), _whole(at.get("p")), _whole(at.get("a"))))
    return found


def _label(code: str, labels: Iterable[str]) -> str:
    return next((each for each in labels if not each.isalnum() and f" {code} " in each), "")


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def _row(cells: Cells, source: str, target: Target, low: float, high: float) -> tuple[object, ...]:
    home, place, activity = target
    kind = "destination" if home is None else "residence" if place is None else "cell"
    return (
        source,
        kind,
        "" if home is None else cells.homes[home],
        "" if place is None else cells.places[place],
        "" if activity is None else cells.activities[activity],
        max(low, 0.0),
        high,
    )
