"""Care events opened by an engine: what each value stands for, and which lines cannot be kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

import pandas as pd

from territories import codes
from territories._coding import Arrondissements
from territories._cog_files import read_cog
from territories._columns import count_column
from territories._event_account import counted_reasons, reasons_aside
from territories._event_cells import kept_events
from territories._event_columns import CENTS, THOUSANDTHS, odd_cells, prepared_events
from territories._event_places import in_patients
from territories._event_source import Source, opened_source
from territories._event_summary import named_years, period_name, summed_up
from territories._event_values import (
    Places,
    Values,
    distinct_values,
    known_departments,
    lookups_of,
)
from territories._extract import Dash, Options
from territories._heads import is_ours, matched_names, name_list
from territories._numbers import MOST_MASKED
from territories._rows import OnUnknown
from territories.activities import known as activities_known
from territories.errors import InputError, fault, of_kind, one_of
from territories.pmsi import Rule
from territories.read import cover_of
from territories.reconciliation import Reconciliation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_cells import Cells
    from territories._event_values import Lookups, Rows
    from territories._tables import Table
    from territories._words import Sentence
    from territories.cog import CogTable

PathLike = str | Path

_SNDS: Final = ("snds_department", "snds_commune")


@dataclass(frozen=True)
class Job:
    """What is asked of events, whatever their source."""

    options: Options
    on_unknown: OnUnknown
    activity: str | None
    columns: Mapping[str, str]
    located: bool

    @property
    def layer(self) -> str:
        """Name of the layer's file."""
        communes = self.options.communes
        return "" if communes is None else str(communes.attrs.get("file", "communes"))


@dataclass(frozen=True, repr=False)
class EventsRead:
    """Events whose values are known.

    Parameters
    ----------
    engine, job
        By what and how.
    table
        Names of the source and of its columns, for messages.
    every
        All events of the source, as `prepared_events` makes them.
    events
        Those of the years that are asked for.
    lookups
        What their values stand for.
    place
        ``"practitioner"`` or ``"destination"``.
    rows
        How many rows the source has.
    aside
        Rows and patients set aside, by reason.
    period
        Years of the events.
    largest
        Of patients that are all known to be numbers from 0, the largest.
    """

    engine: Engine
    job: Job
    table: Source
    every: ir.Table
    events: ir.Table
    lookups: Lookups
    place: str
    rows: int
    aside: Mapping[str, tuple[int, float]]
    period: str | None
    largest: int | None = None

    def account(self, cells: Cells) -> Reconciliation:
        """Account for the rows of all cells."""
        sums = self.engine.frame(cells.table.agg(patients=cells.table["patients"].sum()))
        if not sums["patients"].notna().all():
            raise InputError(fault("nothing_kept", file=self.table.file))
        kept = in_patients(sums["patients"], self.lookups.unit).iloc[0].item()
        reasons: dict[str, tuple[int, float]] = dict(self.aside)
        if len(cells.cancelled):
            rows, patients = (int(cells.cancelled[name].sum()) for name in ("events", "patients"))
            reasons["cancelled"] = (rows, patients)
        account = Reconciliation(
            file=self.table.file,
            sha256=self.table.digest.value(),
            unit="patients",
            rows_in=self.rows,
            patients_in=kept + sum(patients for _, patients in reasons.values()),
            notices=(*self.table.notices, *self.lookups.notices),
        )
        for reason, (number, persons) in reasons.items():
            account = account.set_aside(reason, number, persons)
        return account


def job_of(
    *,
    communes: gpd.GeoDataFrame | None,
    cog_table: PathLike | CogTable | None,
    cog: int | None,
    on_unknown: OnUnknown,
    activity: str | None,
    activities: Mapping[str, Sequence[str]] | None,
    allow_new: bool,
    dash: Dash,
    masked_as: int,
    arrondissements: Arrondissements,
    pmsi_codes: PathLike | None,
    allocation: Rule,
    located: bool,
    columns: Mapping[str, str] | None,
) -> Job:
    """Check what is asked."""
    for name, value, choices in (
        ("on_unknown", on_unknown, OnUnknown),
        ("dash", dash, Dash),
        ("arrondissements", arrondissements, Arrondissements),
        ("allocation", allocation, Rule),
    ):
        one_of(name, value, get_args(choices))
    if not 1 <= masked_as <= MOST_MASKED:
        raise InputError(fault("masked_as", value=repr(masked_as), most=MOST_MASKED))
    if communes is not None:
        of_kind("GeoDataFrame", communes=communes)
    cog_read = read_cog(cog_table) if isinstance(cog_table, str | Path) else cog_table
    options = Options(
        thesaurus=activities_known(activities),
        communes=communes,
        cog=cog_read,
        codes_year=cog,
        allow_new=allow_new,
        year=None,
        duplicates="sum",
        dash=dash,
        masked_as=masked_as,
        arrondissements=arrondissements,
        cover=cover_of(pmsi_codes, allocation, communes, cog_read),
    )
    return Job(options, on_unknown, activity, dict(columns or {}), located)


def read_events(
    engine: Engine,
    source: PathLike | Sequence[PathLike] | ir.Table,
    job: Job,
    *,
    years: range | None,
) -> EventsRead:
    """Open a source, read its distinct values, and set aside what cannot be kept."""
    import ibis  # noqa: PLC0415 - only events need it

    engine.stage("events_files")
    raw, table, where = opened_source(
        engine, source, lambda file, present: _heads(file, present, job)
    )
    engine.stage("events_values")
    place = "practitioner" if "practitioner" in table.heads else "destination"
    raw, faults = _with_odd_numbers(engine, raw, table, where)
    prepared = prepared_events(raw)
    if years is not None and "year" not in prepared.columns:
        raise InputError(fault("year_missing", file=table.file))
    counted, largest = summed_up(engine, raw, prepared, table, by_year=years is not None)
    rows = int(counted["rows"].sum())
    events, aside = prepared, {}
    chosen_years = counted
    if years is not None:
        within = prepared["year"].between(years.start, years.stop - 1)
        chosen = counted["year"].between(years.start, years.stop - 1).fillna(value=False)
        chosen_years = counted[chosen.astype(bool)]
        events = prepared.filter(within)
        if not chosen.all():
            lost = prepared.filter(~within.fill_null(ibis.literal(value=False)))
            lost = lost.mutate(reason=lost["year"].isnull().ifelse("missing_date", "other_year"))
            aside = counted_reasons(engine, lost, place=place)
            for reason, patients in written_patients(engine, lost, table, job).items():
                aside[reason] = (aside[reason][0], aside[reason][1] + patients)
    sums = chosen_years[["rows", "somebody", "written", "both"]].sum()
    nobody = int(sums["rows"] - sums["somebody"] - sums["written"] + sums["both"])
    faults += _row_faults(table, job, int(sums["both"]), nobody=nobody, aside=aside, where=where)
    found = _values(engine, events, table, job, where)
    table.digest.start()  # while one processor has nothing to do
    lookups = lookups_of(
        found,
        job.options,
        on_unknown=job.on_unknown,
        layer=job.layer,
        activity=job.activity,
        faults=faults,
    )
    if not all(each.size for each in lookups.numbers.values()):
        raise InputError(fault("nothing_kept", file=table.file))
    if nobody or any(len(each.bad) for each in lookups.numbers.values()):
        aside |= reasons_aside(engine, events, lookups, place=place)
        if len(lookups.departments):
            kept = kept_events(engine, events, lookups, place=place)
            values = distinct_values(engine, kept, ["practitioner", "department"], table, where)
            lookups = replace(lookups, departments=known_departments(values))
    period = period_name(chosen_years["year"]) if years is None else named_years(years)
    return EventsRead(
        engine, job, table, prepared, events, lookups, place, rows, aside, period, largest
    )


def _with_odd_numbers(
    engine: Engine, events: ir.Table, table: Table, where: Rows
) -> tuple[ir.Table, list[Sentence]]:
    """Read the amounts and acts that are not written plainly, each once; masked ones are unknown.

    Amounts below zero are regularisations.
    """
    faults: list[Sentence] = []
    for name, parts in (("amount", CENTS), ("acts", THOUSANDTHS)):
        odd = odd_cells(events, name) if name in events.columns else None
        if odd is None:
            continue
        values = distinct_values(engine, odd, [name], table, where)
        if values.frame.empty:
            continue
        text = values.frame[name].astype("str").str.strip()
        below = text.str.startswith("-") & text.str.contains("[0-9]")
        unsigned = replace(
            values, frame=pd.DataFrame({name: text.str.lstrip("-").where(below, text)})
        )
        counts = count_column(unsigned, name, money=name == "amount")
        faults += counts.faults
        known = ~(counts.missing | counts.masked) & counts.values.notna()
        number = ((counts.values.where(~below, -counts.values)) * parts + 0.5) // 1
        frame = values.raw.rename(columns={name: f"{name}_cell"}).assign(odd=number)[known]
        if frame.empty:
            continue
        read = engine.lookup(frame.astype({"odd": "int64"}), f"{name}_odd")
        events = events.left_join(read, events[name] == read[f"{name}_cell"])
        events = events.rename({f"{name}_odd": "odd"}).drop(f"{name}_cell")
    return events, faults


def written_patients(engine: Engine, lost: ir.Table, table: Table, job: Job) -> dict[str, float]:
    """Add up the numbers of patients that rows say themselves, by `reason`."""
    if "patients" not in lost.columns:
        return {}
    cells = engine.frame(lost.group_by(["reason", "patients"]).agg(events=lost.count()))
    written = cells[["patients"]].astype("string").fillna("").astype("str")
    read = replace(table, frame=written)
    counts = count_column(read, "patients", masked_as=job.options.masked_as, dash=job.options.dash)
    sums = (counts.values.fillna(0.0) * cells["events"]).groupby(cells["reason"]).sum()
    return {str(reason): float(number) for reason, number in sums.items()}


def _row_faults(
    table: Table,
    job: Job,
    both: int,
    *,
    nobody: int,
    aside: Mapping[str, tuple[int, float]],
    where: Rows,
) -> list[Sentence]:
    """Name the rows that say too much of whom they count, or nothing, or not when."""
    faults = []
    if both:
        heads = {name: table.head(name) for name in ("patient", "patients")}
        faults.append(fault("event_both", file=table.file, count=both, **heads))
    if job.on_unknown == "aside":
        return faults
    empty = {"date" if "date" in table.heads else "year": aside.get("missing_date", (0, 0))[0]}
    empty["patient" if "patient" in table.heads else "patients"] = nobody
    for column, rows in empty.items():
        if rows:
            places = Places(partial(where, column, [None]))
            values = {"column": table.head(column), "count": rows, "rows": places}
            faults.append(fault("cell_empty", file=table.file, **values))
    return faults


def _heads(file: str, present: Sequence[str], job: Job) -> dict[str, str]:
    """Find the columns of events: theirs by our name."""
    given = dict(job.columns)

    def has(ours: str) -> bool:
        # 'patient' names persons, 'patients' their number.
        of = [name for name in present if ours != "patients" or not is_ours("patient", name)]
        return ours in given or any(is_ours(ours, name) for name in of)

    places = [name for name in ("practitioner", "destination") if has(name)]
    if len(places) > 1 and len(set(places) & set(given)) == 1:
        places = [name for name in places if name in given]
    if len(places) != 1:
        shown = name_list(present)
        if not places:
            raise InputError(fault("column_missing_place", file=file, found=shown))
        both = {name: next(each for each in present if is_ours(name, each)) for name in places}
        raise InputError(fault("column_both", file=file, **both))
    snds = not has("residence") and all(map(has, _SNDS))
    required = [*(_SNDS if snds else ("residence",)), *places]
    optional = (
        ["department", "amount", "acts"] if places == ["practitioner"] else ["amount", "acts"]
    )
    if job.activity is None:
        required.append("activity" if has("activity") else "profession")
        optional += ["profession"] if has("activity") else []
    elif has("activity"):
        column = given.get("activity") or next(n for n in present if is_ours("activity", n))
        raise InputError(fault("activity_given", file=file, column=column))
    required += [name for name in ("patient", "patients") if has(name)] or ["patient"]
    optional += ["date"] if has("date") else ["year"]
    heads = matched_names(file, present, required=required, optional=optional, columns=given)
    if "activity" not in heads and "profession" in heads:
        heads["activity"] = heads.pop("profession")
    return heads


def _values(
    engine: Engine, events: ir.Table, table: Table, job: Job, where: Rows
) -> dict[str, Values]:
    """Bring the distinct values of the columns of codes and labels here."""
    values = {}
    for name, columns in (
        ("residence", ["residence"]),
        ("destination", ["destination"]),
        ("activity", ["activity", "profession"]),
        ("practitioner", ["practitioner", "department"]),
        ("patients", ["patients"]),
    ):
        present = [each for each in columns if each in events.columns]
        if present:
            values[name] = distinct_values(engine, events, present, table, where)
    if all(name in events.columns for name in _SNDS):
        found = distinct_values(engine, events, _SNDS, table, where)
        parts = [found.frame[name].astype("str") for name in _SNDS]
        code = codes.snds(*parts, table=job.options.cog).fillna("")
        head = " + ".join(table.head(name) for name in _SNDS)
        values["residence"] = replace(
            found,
            frame=pd.DataFrame({"residence": code.astype("category")}),
            heads={**found.heads, "residence": head},
        )
    return values
