"""Where patients go: the first places of each activity, exact and as they may be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from territories.disclosure import Line, protect

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from territories.secrecy import Secrecy

# Allocated stays are fractions: sums that differ by less than this are the same number.
_DECIMALS: Final = 6

# The row that adds the activities up.
ALL: Final = "*"

Count = tuple[float, float, float]
Key = tuple[str, ...]

COLUMNS: Final = ("scope", "activity", "kind", "group", "pole", "patients", "share", "low", "high")


class Cells(NamedTuple):
    """Patients, least and most, by activity, group and place."""

    counts: Mapping[tuple[str, str, str], Count]
    activities: Sequence[str]
    groups: Sequence[str]


def cells_of(table: pd.DataFrame) -> Cells:
    """Add up rows of `activity`, `group`, `destination`, `patients`, `low` and `high`."""
    counts: dict[tuple[str, str, str], Count] = {}
    activities = set()
    columns = ("activity", "group", "destination", "patients", "low", "high")
    for activity, group, place, *row in zip(
        *(table[name].tolist() for name in columns), strict=True
    ):
        if row[2] <= 0:
            continue
        activities.add(activity)
        for scope in (activity, ALL):
            old = counts.get((scope, group, place), (0.0, 0.0, 0.0))
            counts[scope, group, place] = tuple(
                one + other for one, other in zip(old, row, strict=True)
            )
    rounded: dict[tuple[str, str, str], Count] = {
        key: (round(a, _DECIMALS), round(b, _DECIMALS), round(c, _DECIMALS))
        for key, (a, b, c) in counts.items()
    }
    groups = sorted(set(table["group"]))
    return Cells(rounded, sorted(activities), groups)


def first_places(
    cells: Cells,
    *,
    secrecy: Secrecy,
    professionals: pd.Series | None = None,
    most: int = 3,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank the places where patients go, for each activity and for all of them.

    Parameters
    ----------
    cells
        Counts. Groups (inside and outside a set of communes) each have their first places, what
        goes elsewhere, and a subtotal where there are several.
    secrecy, professionals
        Rule of disclosure, and how many practise, by (activity, place).
    most
        How many places to name; equal ones in order of their code.

    Returns
    -------
    tuple of DataFrame
        Exact, and as it may be shown: `scope` (``activity`` or ``all``), `activity`, `kind`
        (``pole``, ``elsewhere``, ``group``, ``total``), `group`, `pole`, `patients`, `share` of
        the activity, `low` and `high` (bounds where cells are masked at the source); the second
        has `hidden` in their place.
    """
    named: dict[tuple[str, str], list[str]] = {}
    for activity in (*cells.activities, ALL):
        for group in cells.groups:
            places = [
                (-counts[0], place)
                for (scope, side, place), counts in cells.counts.items()
                if scope == activity and side == group and counts[0] > 0
            ]
            named[activity, group] = [place for _, place in sorted(places)[:most]]
    counts, lines, unseen = _lines(cells, named)
    sensitive = {
        key for key, (_, low, high) in counts.items() if low < high and low < secrecy.threshold
    } | _few(counts, professionals, secrecy)
    values: dict[Hashable, float] = {key: count[0] for key, count in counts.items()}
    # A card is wanted at once: other orders would hide somewhat fewer, at up to 33 times the work.
    hidden = protect(
        values, lines, secrecy=secrecy, sensitive=sensitive, unseen=unseen, orders=0
    ).cells
    exact, shown = [], []
    for key, kind, activity, group, place in _shown(cells, named):
        patients, low, high = counts[key]
        total = counts["n", activity][0]
        share = patients / total if total > 0 else np.nan
        scope = "all" if activity == ALL else "activity"
        row = (scope, None if activity == ALL else activity, kind, group, place)
        exact.append((*row, patients, share, low, high))
        shut = key in hidden
        bare = shut or ("n", activity) in hidden or secrecy.hides(total - patients)
        shown.append((*row, None if shut else round(patients), np.nan if bare else share, shut))
    masked = pd.DataFrame(shown, columns=[*COLUMNS[:7], "hidden"])
    masked["patients"] = masked["patients"].astype("Int64")
    masked["hidden"] = masked["hidden"].astype("bool")
    return pd.DataFrame(exact, columns=list(COLUMNS)), masked


def firm_poles(cells: Cells, *, minimum: int) -> dict[str, str]:
    """Find the dominant pole of each activity that has one, by the rule of `dominant_poles`."""
    found = {}
    for activity in cells.activities:
        places = [
            (-count[0], place, count)
            for (scope, _, place), count in cells.counts.items()
            if scope == activity
        ]
        (_, first, (_, low, _)), *others = sorted(places)
        rival = max((count[2] for _, _, count in others), default=0.0)
        total = round(sum(count[1] for _, _, count in places), _DECIMALS)
        if low > rival and total >= minimum:
            found[activity] = first
    return found


def _lines(
    cells: Cells, named: Mapping[tuple[str, str], list[str]]
) -> tuple[dict[Key, Count], list[Line], set[Key]]:
    """Write down all cells of the table, what adds up to what, and what is not shown."""
    columns = sorted(
        {(group, place) for (_, group), places in named.items() for place in places}
    ) + [(group, "") for group in cells.groups]
    counts: dict[Key, Count] = {}
    lines, unseen = [], set[Key]()
    everything = (*cells.activities, ALL)
    for activity in everything:
        parts = []
        for group in cells.groups:
            inside = {
                place: count
                for (scope, side, place), count in cells.counts.items()
                if scope == activity and side == group
            }
            listed = {place for side, place in columns if side == group and place}
            for place in listed:
                counts["x", activity, group, place] = inside.get(place, (0.0, 0.0, 0.0))
            rest = _sum([count for place, count in inside.items() if place not in listed])
            counts["x", activity, group, ""] = rest
            own = [("x", activity, group, place) for place in named[activity, group]]
            others = [
                ("x", activity, group, place)
                for side, place in columns
                if side == group and place not in named[activity, group]
            ]
            unseen |= set(others)
            elsewhere, subtotal = ("e", activity, group), ("g", activity, group)
            counts[elsewhere] = _sum([counts[key] for key in others])
            counts[subtotal] = _sum([counts[key] for key in own] + [counts[elsewhere]])
            lines += [Line(elsewhere, tuple(others)), Line(subtotal, (*own, elsewhere))]
            parts.append(subtotal)
        total = ("n", activity)
        counts[total] = _sum([counts[key] for key in parts])
        lines.append(Line(total, tuple(parts)))
    if len(cells.groups) == 1:  # a subtotal that is the total would tell nothing more
        lines = _without_groups(lines)
    each = cells.activities
    lines += [
        Line(("x", ALL, group, place), tuple(("x", name, group, place) for name in each))
        for group, place in columns
    ]
    lines.append(Line(("n", ALL), tuple(("n", name) for name in each)))
    if len(cells.groups) == 1:
        counts = {key: count for key, count in counts.items() if key[0] != "g"}
    return counts, lines, unseen


def _without_groups(lines: Sequence[Line]) -> list[Line]:
    totals = {line.parts[0]: line.total for line in lines if _kind(line.total) == "n"}
    return [
        Line(totals.get(line.total, line.total), line.parts)
        for line in lines
        if _kind(line.total) != "n"
    ]


def _kind(key: Hashable) -> str:
    return str(key[0]) if isinstance(key, tuple) else ""


def _sum(counts: Sequence[Count]) -> Count:
    low, middle, high = (round(sum(each[at] for each in counts), _DECIMALS) for at in (0, 1, 2))
    return low, middle, high


def _few(
    counts: Mapping[Key, Count], professionals: pd.Series | None, secrecy: Secrecy
) -> set[Key]:
    """Find the cells of places where fewer practise than the rule wants."""
    if professionals is None:
        return set()
    few = {key for key, number in professionals.items() if 0 < number < secrecy.professionals}
    alone = professionals.groupby(level="destination").sum()
    few |= {(ALL, place) for place, number in alone.items() if 0 < number < secrecy.professionals}
    return {key for key in counts if key[0] == "x" and (key[1], key[3]) in few}


def _shown(
    cells: Cells, named: Mapping[tuple[str, str], list[str]]
) -> list[tuple[Key, str, str, str, str | None]]:
    """List the rows to show, in order: key, kind, activity, group, place."""
    rows: list[tuple[Key, str, str, str, str | None]] = []
    for activity in (*cells.activities, ALL):
        for group in cells.groups:
            rows += [
                (("x", activity, group, place), "pole", activity, group, place)
                for place in named[activity, group]
            ]
            more = any(
                scope == activity
                and side == group
                and place not in named[activity, group]
                and count[0] > 0
                for (scope, side, place), count in cells.counts.items()
            )
            if more:
                rows.append((("e", activity, group), "elsewhere", activity, group, None))
            if len(cells.groups) > 1:
                rows.append((("g", activity, group), "group", activity, group, None))
        rows.append((("n", activity), "total", activity, "", None))
    return rows
