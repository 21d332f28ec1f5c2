"""Patients whom practitioners share, from care events: chains without a table of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories._chain_tables import (
    ORDER,
    directed,
    flows_table,
    lacking,
    of_layer,
    profession_ranks,
)
from territories._engines import opened_engine
from territories._event_cells import added_up, shared_cells
from territories._event_places import known_practitioners, located_places
from territories._event_reading import job_of, read_events
from territories._event_summary import wanted_years
from territories._event_visits import shared_visits
from territories._numbers import MASKED_AS
from territories._words import Sentence
from territories.errors import InputError, fault
from territories.flows import Flows
from territories.reconciliation import Reconciliation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import ibis.expr.types as ir

    from territories._coding import Arrondissements
    from territories._event_cells import Cells
    from territories._event_reading import EventsRead
    from territories._event_visits import Shared
    from territories._extract import Dash
    from territories._rows import OnUnknown
    from territories.cog import CogTable
    from territories.pmsi import Rule

PathLike = str | Path

# More practitioners than a person sees: behind such a number are several persons.
CAP: Final = 100


def shared_patients(
    source: PathLike | Sequence[PathLike] | ir.Table,
    *,
    cap: int = CAP,
    order: Sequence[str] = ORDER,
    symmetric: bool = False,
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
    memory: str = "2GB",
    spill: PathLike | None = None,
    master: str | None = None,
) -> Flows:
    """Count the patients whom practitioners share, as flows between their communes of practice.

    The result is what `read_chains` makes of a table of all pairs of practitioners and of the
    practices found from the same events, to the last byte; but no pair is formed. A patient counts
    once in each pair of practitioners who both saw him (METHOD, section 5b), of one profession or
    two; a practitioner under two professions shares none with himself.

    Parameters
    ----------
    source
        Care events with `patient` and `practitioner`, see `events_to_flows`. Rows that only hold a
        number of patients help to find places of practice and are set aside (``patient_unnamed``).
    backend, columns, communes, cog, cog_table, on_unknown, activity, activities, allow_new
        See `events_to_flows`.
    cap
        Patients who see more practitioners than this are set aside whole (``chain_cap``), so that
        no choice is made among these and nothing hangs on ties: mostly numbers that several
        persons go under. It bounds the work: at most cap × (cap − 1) / 2 rows for each patient. A
        practitioner with many patients, a large pharmacy, costs no more than others.
    order, symmetric
        See `read_chains`.
    period, dash, masked_as, arrondissements, pmsi_codes, allocation, memory, spill, master
        See `events_to_flows`.

    Returns
    -------
    Flows
        As `read_chains`; `followed` takes them. The account counts rows of events, and as patients
        those that are shared, once in each pair: rows that are set aside before pairs are made
        have none.

    Raises
    ------
    InputError
        As `events_to_flows`; also if the events name no practitioner or no patient, `cap` is less
        than 2, or no patient is shared.
    """
    if cap < 2:  # noqa: PLR2004 - a pair
        raise InputError(fault("shared_cap", value=repr(cap)))
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
        located=True,
        columns=columns,
    )
    years = wanted_years(period)
    with opened_engine(backend, source=source, memory=memory, spill=spill, master=master) as engine:
        read = read_events(engine, source, job, years=years)
        if read.place != "practitioner" or "patient" not in read.table.heads:
            raise InputError(fault("shared_columns", file=read.table.file))
        cells = added_up(engine, read.events, read.lookups, place=read.place, largest=read.largest)
        residences, unit = read.lookups.numbers["residence"], read.lookups.unit
        plain = shared_cells(engine, cells, residences, "residence", unit=unit)
        everyone = known_practitioners(engine, plain)
        found = located_places(engine, plain, read.lookups, everyone=everyone)
        shared = shared_visits(engine, read, cells, found.places, cap=cap)
        account = _account(read, cells, shared, cap)
    if shared.pairs.empty:
        raise InputError(fault("nothing_kept", file=read.table.file))
    frame = _frame(read, shared, found.destinations)
    frame = directed(frame, profession_ranks(frame, order))
    return Flows(
        table=flows_table(frame, symmetric=symmetric),
        communes=communes,
        reconciliation=account.noted(*lacking(frame, communes)),
        cog=cog,
        masked_as=masked_as,
        period=read.period,
    )


def _frame(read: EventsRead, shared: Shared, destinations: pd.Index) -> pd.DataFrame:
    """Name the communes and professions of pairs."""
    activities = pd.Series(read.lookups.numbers["activity"].names)
    places = of_layer(pd.Series(destinations, dtype="str"), read.job.options.communes, None)
    columns: dict[str, pd.Series] = {"patients": shared.pairs["patients"].astype("float64")}
    for end in ("a", "b"):
        for name, of, known in (("end", "place", places), ("profession", "activity", activities)):
            numbers = shared.pairs[f"{of}_{end}"].to_numpy()
            columns[f"{name}_{end}"] = known.take(numbers).set_axis(shared.pairs.index)
    return pd.DataFrame(columns).assign(masked=0)


def _account(read: EventsRead, cells: Cells, shared: Shared, cap: int) -> Reconciliation:
    """Account for the rows of events, and for the patients of pairs."""
    events = read.account(cells)
    account = Reconciliation(
        file=events.file,
        sha256=events.sha256,
        unit="patients",
        rows_in=events.rows_in,
        patients_in=shared.patients,
        notices=events.notices,
    )
    for reason, (rows, _) in events.reasons.items():
        account = account.set_aside(reason, rows, 0)
    account = account.set_aside("patient_unnamed", events.rows_kept - shared.named, 0)
    account = account.set_aside("chain_cap", shared.over, shared.patients_over)
    placed = int(shared.pairs["patients"].sum())
    rest = shared.patients - shared.patients_over - placed
    account = account.set_aside("practice_undetermined", shared.elsewhere, rest)
    if not shared.over:
        return account
    return account.noted(Sentence("notice.chain_cap", {"cap": cap, "count": shared.over}))
