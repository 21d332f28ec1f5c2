"""What the rows of care events are counted by before they are read: years, and who has a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._event_files import Said
from territories.errors import InputError, fault

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_source import Source

_PERIOD: Final = re.compile(r"((?:19|20)[0-9]{2})(?:\s*-\s*((?:19|20)[0-9]{2}))?")


def wanted_years(period: int | str | None) -> range | None:
    """Read the years of a period."""
    if period is None:
        return None
    found = _PERIOD.fullmatch(str(period).strip())
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise InputError(fault("period", value=repr(period)))
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def named_years(years: range) -> str:
    """Name the years that are asked for."""
    return str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"


def period_name(years: pd.Series) -> str | None:
    """Name the first and the last of the years, where all are known."""
    if years.empty or years.isna().any():
        return None
    first, last = int(years.min()), int(years.max())
    return named_years(range(first, last + 1))


def summed_up(
    engine: Engine, raw: ir.Table, prepared: ir.Table, table: Source, *, by_year: bool
) -> tuple[pd.DataFrame, int | None]:
    """Count rows by year; where years are not told apart, rows of the first and of the last.

    Also return the largest of patients that are numbers from 0, where it is known. Of plain days
    and numbers of patients, files say as much without being read.
    """
    dates = "date" in raw.columns and raw["date"].type().is_date()
    numbers = "patient" in raw.columns and raw["patient"].type().is_integer()
    if by_year or not (dates and numbers) or "patients" in raw.columns:
        counted = engine.frame(_summary(prepared))
        return counted.assign(year=counted["year"].astype("Int64")), None
    rows = int(engine.frame(raw.agg(rows=raw.count()))["rows"].iloc[0])
    patients, days = (_said(engine, raw, table, name) for name in ("patient", "date"))
    years = [days.least.year, days.largest.year] if days.filled else []
    years += [pd.NA] * int(days.filled < rows)
    counted = pd.DataFrame({"year": pd.array(years, dtype="Int64")})
    sums = {"rows": rows, "somebody": patients.filled, "written": 0, "both": 0}
    first = counted.index == 0
    counted = counted.assign(**{name: first * each for name, each in sums.items()})
    numbered = patients.filled and patients.least >= 0
    return counted, int(patients.largest) if numbered else None


def _said(engine: Engine, raw: ir.Table, table: Source, name: str) -> Said:
    """Tell how many rows have a value of a column, the least and the largest of these."""
    said = table.said(name)
    if said is not None:
        return said
    column = raw[name]
    asked = raw.agg(filled=column.count(), least=column.min(), largest=column.max())
    found = engine.frame(asked).iloc[0]
    return Said(int(found["filled"]), found["least"], found["largest"])


def _summary(events: ir.Table) -> ir.Table:
    """Count rows, those with a patient, those with a number of patients, and those with both."""
    import ibis  # noqa: PLC0415 - only events need it

    named = ibis.literal(value=False)
    if "patient" in events.columns:
        named = events["patient"].notnull()
    written = ibis.literal(value=False)
    if "patients" in events.columns:
        cells = events["patients"].cast("string").strip()
        written = (cells != "").fill_null(ibis.literal(value=False))
    year = events["year"] if "year" in events.columns else ibis.null("int64")
    marked = events.select(year=year, named=named, written=written)
    return marked.group_by("year").agg(
        rows=marked.count(),
        somebody=marked.count(where=marked["named"]),
        written=marked.count(where=marked["written"]),
        both=marked.count(where=marked["named"] & marked["written"]),
    )
