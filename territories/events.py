"""Care events, line by line: added up to flows by an engine, on a laptop or a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from territories._engines import opened_engine
from territories._event_cells import added_up, shared_cells
from territories._event_columns import CENTS
from territories._event_places import in_patients, known_practitioners, located_places
from territories._event_reading import job_of, read_events
from territories._event_summary import wanted_years
from territories._event_years import ALL_YEARS, reads_by_year, year_cells
from territories._numbers import MASKED_AS
from territories.flows import Flows
from territories.read import layer_notices, refuse_another_region

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import ibis.expr.types as ir

    from territories._coding import Arrondissements
    from territories._engine import Engine, Tell
    from territories._event_cells import Cells
    from territories._event_places import Located
    from territories._event_reading import EventsRead
    from territories._extract import Dash
    from territories._rows import OnUnknown
    from territories.cog import CogTable
    from territories.pmsi import Rule
    from territories.reconciliation import Reconciliation

PathLike = str | Path


def events_to_flows(
    source: PathLike | Sequence[PathLike] | ir.Table,
    *,
    backend: Any = "duckdb",  # noqa: ANN401 - a name, or any connection of ibis
    columns: Mapping[str, str] | None = None,
    communes: gpd.GeoDataFrame | None = None,
    cog: int | None = None,
    cog_table: PathLike | CogTable | None = None,
    on_unknown: OnUnknown = "error",
    activity: str | None = None,
    activities: Mapping[str, Sequence[str]] | None = None,
    allow_new: bool = False,
    period: int | str | None = None,
    dash: Dash = "masked",
    masked_as: int = MASKED_AS,
    arrondissements: Arrondissements = "city",
    pmsi_codes: PathLike | None = None,
    allocation: Rule = "population",
    located: bool = True,
    memory: str = "2GB",
    spill: PathLike | None = None,
    master: str | None = None,
    tell: Tell | None = None,
) -> Flows:
    """Add care events up to flows: residents of communes seen by professionals, or in places.

    Each line is a patient (`patient`) of a commune (`residence`) seen by a professional
    (`practitioner`) for an `activity`, with `department` of practice, `date`, `acts` and `amount`
    where known; a line without patient may hold a number of `patients`, a cell that is added up
    already. What is counted are distinct patients; lines that were billed and taken back (acts that
    sum to 0 or less) are set aside. Codes, years of codes, masked cells and places of practice
    follow the rules of `read_flows` and `Flows.located`.

    Parameters
    ----------
    source
        Parquet or CSV: a file, several, or a folder of them (also ``annee=2023/``…); the name of a
        table of `backend`, where that is a connection; or a table of ibis.
    backend
        ``"duckdb"``: embedded, in this process. ``"spark"``: a session of Spark, here or at
        `master` (``pip install territories[spark]``). Or a connection of ibis.
    columns, communes, cog, cog_table, on_unknown, activity, activities, allow_new
        See `read_flows`.
    period
        Keep the events of a year or of several, ``"2023"`` or ``"2021-2023"``; others are set
        aside.
    dash, masked_as, arrondissements, pmsi_codes, allocation
        See `read_flows`.
    located
        Put practitioners in their communes, as `Flows.located` does. Without it the numbers of
        practitioners, one row for each and each commune, come into memory; of several departments
        of one of them, the column `department` has the last, `Flows.departments` all.
    memory
        The most the engine may hold; what does not fit is written to a private folder.
    spill
        Folder below which that one is made; the system's temporary one by default.
    master
        Address of Spark.
    tell
        Called with the name of each stage as it begins, then with how far it is, in percent.

    Returns
    -------
    Flows
        The same, to the last byte, on each engine and in any order of the rows.

    Raises
    ------
    InputError
        One message with all that is wrong with the source; or what the engine cannot do.
    """
    job = job_of(
        communes=communes,
        cog=cog,
        cog_table=cog_table,
        on_unknown=on_unknown,
        activity=activity,
        activities=activities,
        allow_new=allow_new,
        dash=dash,
        masked_as=masked_as,
        arrondissements=arrondissements,
        pmsi_codes=pmsi_codes,
        allocation=allocation,
        located=located,
        columns=columns,
    )
    years = wanted_years(period)
    if tell is not None:
        tell("events_engine")
    with opened_engine(
        backend, source=source, memory=memory, spill=spill, master=master, tell=tell
    ) as engine:
        read = read_events(engine, source, job, years=years)
        engine.stage("events_cells")
        cells = added_up(engine, read.events, read.lookups, place=read.place, largest=read.largest)
        engine.stage("events_places")
        account = read.account(cells)
        return _flows(engine, cells, read, account)


def yearly_flows(
    source: PathLike | Sequence[PathLike] | ir.Table,
    *,
    backend: Any = "duckdb",  # noqa: ANN401 - a name, or any connection of ibis
    columns: Mapping[str, str] | None = None,
    communes: gpd.GeoDataFrame | None = None,
    cog: int | None = None,
    cog_table: PathLike | CogTable | None = None,
    on_unknown: OnUnknown = "error",
    activity: str | None = None,
    activities: Mapping[str, Sequence[str]] | None = None,
    allow_new: bool = False,
    period: int | str | None = None,
    dash: Dash = "masked",
    masked_as: int = MASKED_AS,
    arrondissements: Arrondissements = "city",
    pmsi_codes: PathLike | None = None,
    allocation: Rule = "population",
    located: bool = True,
    memory: str = "2GB",
    spill: PathLike | None = None,
    master: str | None = None,
) -> dict[str, Flows]:
    """Add the care events of several years up in one pass, to the flows of each year.

    What a year has is what `events_to_flows` gives for it alone with ``period=year``, to the last
    byte, so that two of them can be compared (`changes`): patients are counted, acts cancelled and
    practitioners placed within each year. Codes and labels are read once, for all the years: where
    `cog` does not say of which year the codes are, it is guessed from those of all years, and the
    notices of each account are those of the whole source.

    Parameters
    ----------
    source, backend, columns, communes, cog, cog_table, on_unknown, activity, activities, allow_new
        See `events_to_flows`.
    period
        The years that are wanted, ``"2021-2023"``; all of the source by default.
    dash, masked_as, arrondissements, pmsi_codes, allocation, located, memory, spill, master
        See `events_to_flows`.

    Returns
    -------
    dict of str to Flows
        By year that the source has, in order. Each account starts from all the rows of the source:
        those of the other years are set aside (``other_year``), those without a year too
        (``missing_date``, refused where `on_unknown` is ``"error"``).

    Raises
    ------
    InputError
        As `events_to_flows`; also if nothing can be kept of one of the years, or the source has
        neither dates nor years.
    """
    job = job_of(
        communes=communes,
        cog=cog,
        cog_table=cog_table,
        on_unknown=on_unknown,
        activity=activity,
        activities=activities,
        allow_new=allow_new,
        dash=dash,
        masked_as=masked_as,
        arrondissements=arrondissements,
        pmsi_codes=pmsi_codes,
        allocation=allocation,
        located=located,
        columns=columns,
    )
    years = wanted_years(period) or ALL_YEARS
    with opened_engine(backend, source=source, memory=memory, spill=spill, master=master) as engine:
        read = read_events(engine, source, job, years=years)
        reads = reads_by_year(engine, read)
        cells = added_up(engine, read.events, read.lookups, place=read.place, years=list(reads))
        flows = {}
        for year, of in reads.items():
            own = year_cells(engine, cells, year)
            flows[str(year)] = _flows(engine, own, of, of.account(own))
    return flows


def _flows(engine: Engine, cells: Cells, read: EventsRead, account: Reconciliation) -> Flows:
    """Put practitioners in their places, and bring the flows here."""
    lookups, options = read.lookups, read.job.options
    residences, places = lookups.numbers["residence"], lookups.numbers[read.place]
    plain = shared_cells(engine, cells, residences, "residence", unit=lookups.unit)
    plain = shared_cells(engine, plain, places, "place", unit=lookups.unit)
    name, names, practices, professionals = read.place, places.names, None, None
    if read.place == "practitioner" and read.job.located:
        everyone = known_practitioners(engine, cells)
        found = located_places(engine, plain, lookups, everyone=everyone)
        of = engine.lookup(found.places, "places")
        lost = everyone[~everyone["place"].isin(found.places["practitioner"])]
        account = _undetermined(account, lost, lookups.unit)
        professionals = _professionals(everyone, found, lookups.numbers["activity"].names)
        joined = plain.table.inner_join(of, plain.table["place"] == of["practitioner"])
        table = joined.mutate(place=joined["destination"])
        name, names, practices = "destination", found.destinations, found.practices
    else:
        table = plain.table
    keys = ["residence", "activity", "place"]
    sums = table.group_by(keys).agg(
        **{each: table[each].sum() for each in plain.measures if each != "events"}
    )
    # Few bytes for each, and in order while they are numbers: there may be millions of flows.
    small = {each: sums[each].cast("int32") for each in keys}
    numbers = engine.frame(sums.mutate(**small).order_by(keys))
    columns = {
        "residence": _named(residences.names, numbers["residence"]),
        "activity": _named(lookups.numbers["activity"].names, numbers["activity"]),
        name: _named(names, numbers["place"]),
        "patients": in_patients(numbers["patients"], lookups.unit),
    }
    if "masked" in numbers:
        columns["masked"] = in_patients(numbers["masked"], lookups.unit)
    if "cents" in numbers:
        columns["amount"] = numbers["cents"] / CENTS
    departments = None
    if name == "practitioner" and "department" in read.table.heads:
        departments = lookups.departments
        known = departments.to_frame(index=False, name=["practitioner", "department"])
        last = known.groupby("practitioner")["department"].last()
        columns["department"] = columns[name].map(last).astype("string").fillna("").astype("str")
    # In the order in which `read_flows`, and `Flows.located`, leave them.
    order = ["residence", *([name] if read.place == name == "destination" else []), "activity"]
    order += [each for each in columns if each not in order]
    if practices is not None and "masked" in columns and "amount" in columns:
        order = [each for each in order if each != "masked"] + ["masked"]
    frame = pd.DataFrame({each: columns[each] for each in order})
    flows = Flows(
        table=frame,
        communes=options.communes,
        reconciliation=account,
        practices=practices,
        cog=options.codes_year,
        masked_as=options.masked_as,
        period=read.period,
        professionals=professionals,
        departments=departments,
    )
    if options.communes is not None:
        if read.job.on_unknown == "error":
            # Of all residences: nobody may be left in the table where no practitioner is placed.
            refuse_another_region(account.file, pd.Series(residences.names), options.communes)
        notices = layer_notices(flows.table, options.communes, options.codes_year, options.cog)
        flows = replace(flows, reconciliation=account.noted(*notices))
    return flows


def _named(names: pd.Index, numbers: pd.Series) -> pd.Series:
    # Of millions of rows Arrow writes a name in a tenth of the time.
    written = pa.array(names, type=pa.large_string()).take(pa.array(numbers.to_numpy()))
    return pd.Series(written, index=numbers.index, dtype="str")


def _undetermined(account: Reconciliation, lost: pd.DataFrame, unit: int) -> Reconciliation:
    """Set the patients of practitioners aside whose place is not known."""
    patients = in_patients(lost[["patients"]].sum(), unit).iloc[0].item()
    return account.set_aside("practice_undetermined", int(lost["events"].sum()), patients)


def _professionals(everyone: pd.DataFrame, found: Located, activities: pd.Index) -> pd.Series:
    """Count who practises in each place, by activity; for the rule of disclosure only."""
    where = found.places.set_index("practitioner")["destination"]
    place = everyone["place"].map(where).dropna().astype("int64").rename("destination")
    counted = place.groupby([everyone["activity"], place]).size()
    activity, destination = (counted.index.get_level_values(each) for each in (0, 1))
    names = [activities[activity], found.destinations[destination]]
    index = pd.MultiIndex.from_arrays(names, names=["activity", "destination"])
    return pd.Series(counted.to_numpy(), index=index, name="professionals", dtype="int64")
