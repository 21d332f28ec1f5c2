"""The account of care events: what became of each row, by reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._coding import STATES
from territories._event_cells import counted, with_counts
from territories._event_places import in_patients
from territories._extract import PLACES

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_values import Lookups, Numbers

_GOOD: Final = ""


def reasons_aside(
    engine: Engine, events: ir.Table, lookups: Lookups, *, place: str
) -> dict[str, tuple[int, float]]:
    """Count the rows that are set aside, and their patients, each under its first reason.

    Patients are the distinct pairs of a practitioner and a patient among the rows of a reason, and
    what cells that are added up say.

    Returns
    -------
    dict
        Rows and patients by reason.
    """
    lost = lost_events(engine, events, lookups, place=place)
    return counted_reasons(engine, lost, place=place, unit=lookups.unit)


def lost_events(engine: Engine, events: ir.Table, lookups: Lookups, *, place: str) -> ir.Table:
    """Return the events that cannot be kept, with the first `reason` of each."""
    import ibis  # noqa: PLC0415 - only events need it

    marked, tests = with_counts(engine, events, lookups), []
    bad = {name: numbers.bad for name, numbers in lookups.numbers.items()}
    for name in ("activity", place, *PLACES):
        if name in bad and not bad[name].empty and f"{name}_state" not in marked.columns:
            marked = _with_states(engine, marked, lookups.numbers[name], name)
    states = {name: marked[f"{name}_state"] for name in bad if f"{name}_state" in marked.columns}
    if "activity" in states:
        tests.append((states["activity"] == "missing", "missing_activity"))
    if place == "practitioner" and place in states:
        tests.append((states[place] == "missing", "missing_practitioner"))
    nobody = "missing_patient" if "patient" in events.columns else "missing_patients"
    tests.append((~counted(marked), nobody))
    tests += [
        (states[name] == state, f"{state}_{name}")
        for state in STATES
        for name in PLACES
        if name in states
    ]
    reason = ibis.cases(
        *[(test.fill_null(ibis.literal(value=False)), name) for test, name in tests], else_=_GOOD
    )
    lost = marked.mutate(reason=reason)
    return lost.filter(lost["reason"] != _GOOD)


def counted_reasons(
    engine: Engine, lost: ir.Table, *, place: str, unit: int = 1
) -> dict[str, tuple[int, float]]:
    """Count rows and patients of events that have a `reason`."""
    rows = engine.frame(lost.group_by("reason").agg(rows=lost.count()))
    patients = dict.fromkeys(rows["reason"], 0)
    if "patient" in lost.columns:
        somebody = lost.filter(lost["patient"].notnull())
        pairs = somebody.select(
            "reason", "patient", who=somebody[place].strip().coalesce("")
        ).distinct()
        counted = engine.frame(pairs.group_by("reason").agg(patients=pairs.count()))
        for reason, number in counted.itertuples(index=False):
            patients[reason] += int(number) * unit
    if "count" in lost.columns:
        counted = engine.frame(
            lost.group_by("reason").agg(patients=lost["count"].sum().coalesce(0))
        )
        for reason, number in counted.itertuples(index=False):
            patients[reason] += int(number)
    return {
        str(reason): (int(number), in_patients(pd.Series([patients[reason]]), unit).iloc[0].item())
        for reason, number in rows.sort_values("reason").itertuples(index=False)
    }


def _with_states(engine: Engine, events: ir.Table, numbers: Numbers, name: str) -> ir.Table:
    """Join what is wrong with the values of a column."""
    keys = [each for each in numbers.bad.columns if each != "state"]
    frame = numbers.bad.rename(columns={each: f"{name}_{each}" for each in numbers.bad.columns})
    table = engine.lookup(frame, f"{name}_bad")
    # Missing values are among those that are wrong.
    matching = [events[each].identical_to(table[f"{name}_{each}"]) for each in keys]
    return events.left_join(table, matching)
