"""Care events of several years, added up in one pass and told apart afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories import codes
from territories._event_account import counted_reasons, lost_events
from territories._event_cells import Cells, kept_events, without_masks
from territories._event_reading import written_patients
from territories.practices import departments_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_reading import EventsRead

# Every year that a date can be read as, for those who want all.
ALL_YEARS: Final = range(1900, 2100)

_DATES: Final = ("other_year", "missing_date")


def reads_by_year(engine: Engine, read: EventsRead) -> dict[int, EventsRead]:
    """Tell the events of each year apart from those of the others.

    Parameters
    ----------
    read
        Of all the years that are asked for.

    Returns
    -------
    dict
        By year, in order: what `read_events` gives for that year alone, but for the codes, labels
        and notices, which are read once, for all years.
    """
    counted = engine.frame(read.every.group_by("year").agg(rows=lambda each: each.count()))
    dated = counted.dropna().astype("int64").set_index("year")["rows"].sort_index()
    within = engine.frame(read.events.select("year").distinct())["year"]
    years = sorted(int(year) for year in within)
    others = _other_years(engine, read)
    written = _written(engine, read)
    lost = _lost(engine, read)
    departments = _departments(engine, read)
    reads = {}
    for year in years:
        aside = {name: each for name, each in read.aside.items() if name == "missing_date"}
        rows = int(dated.sum() - dated[year])
        if rows:
            patients = int(others.sum() - others.get(year, 0))
            aside["other_year"] = (rows, patients + written.sum() - written.get(year, 0))
        if lost is not None:
            unit = read.lookups.unit
            own = lost.filter(lost["year"] == year)
            aside |= counted_reasons(engine, own, place=read.place, unit=unit)
        lookups = replace(
            read.lookups, departments=departments.get(year, read.lookups.departments[:0])
        )
        reads[year] = replace(read, lookups=lookups, aside=aside, period=str(year))
    return reads


def _other_years(engine: Engine, read: EventsRead) -> pd.Series:
    """Count the patients of each practitioner by the only year of theirs; under 0, of several."""
    if "patient" not in read.every.columns:
        return pd.Series(dtype="int64")
    dated = read.every.filter(read.every["year"].notnull() & read.every["patient"].notnull())
    pairs = dated.select("year", "patient", who=dated[read.place].strip().coalesce(""))
    pairs = pairs.group_by(["patient", "who"]).agg(
        first=pairs["year"].min(), last=pairs["year"].max()
    )
    only = (pairs["first"] == pairs["last"]).ifelse(pairs["first"], 0)
    pairs = pairs.select(only=only)
    counted = engine.frame(pairs.group_by("only").agg(pairs=pairs.count()))
    return counted.astype("int64").set_index("only")["pairs"]


def _written(engine: Engine, read: EventsRead) -> pd.Series:
    """Add up the numbers of patients that rows say themselves, by year."""
    dated = read.every.filter(read.every["year"].notnull())
    rows = dated.mutate(reason=dated["year"].cast("string"))
    found = written_patients(engine, rows, read.table, read.job)
    return pd.Series({int(year): number for year, number in found.items()}, dtype="float64")


def _lost(engine: Engine, read: EventsRead) -> ir.Table | None:
    """Find the events that are set aside for another reason than their year."""
    if not set(read.aside) - set(_DATES):
        return None
    lost = lost_events(engine, read.events, read.lookups, place=read.place)
    names = [
        name for name in ("year", "reason", "patient", read.place, "count") if name in lost.columns
    ]
    return engine.materialised(lost.select(*names), "lost")


def _departments(engine: Engine, read: EventsRead) -> dict[int, pd.MultiIndex]:
    """Find where practitioners are known to practise, by year."""
    if not len(read.lookups.departments):
        return {}
    events = read.events
    if set(read.aside) - set(_DATES):
        events = kept_events(engine, events, read.lookups, place=read.place)
    found = engine.frame(events.select("year", "practitioner", "department").distinct())
    names = found[["practitioner", "department"]].astype("string").fillna("").astype("str")
    known = pd.DataFrame(
        {
            "practitioner": names["practitioner"].str.strip(),
            "department": codes.repaired_departments(names["department"]),
        }
    )
    known = known[known["practitioner"] != ""]
    return {
        int(year): departments_of(rows)
        for year, rows in known.groupby(found["year"].astype("int64"))
    }


def year_cells(engine: Engine, cells: Cells, year: int) -> Cells:
    """Return the cells of one year."""
    table = cells.table.filter(cells.table["year"] == year).drop("year")
    table = without_masks(engine, table)
    cancelled = cells.cancelled[cells.cancelled.index == year]
    return Cells(table, tuple(name for name in cells.keys if name != "year"), cancelled)
