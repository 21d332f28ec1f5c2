"""Patients shared by practitioners, counted by an engine without the pairs of practitioners.

Two practices of a commune each, a and b, share the sum, over patients, of the number of
practitioners seen in a times that in b: no pair of practitioners needs to be formed. What is joined
are the practices of each patient, and a patient of many is left out (`cap`): at most
cap × (cap − 1) / 2 rows for each patient, however many patients a practitioner has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from territories._event_cells import with_numbers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_cells import Cells
    from territories._event_reading import EventsRead


@dataclass(frozen=True, repr=False)
class Shared:
    """Patients shared by the practices of two communes.

    Parameters
    ----------
    pairs
        `place_a`, `activity_a`, `place_b`, `activity_b` (numbers) and `patients`: of each two
        practices, those that their practitioners share, once for each two of them.
    named
        Rows of patients who have a name and whose acts were not taken back.
    over
        Those of patients who see more practitioners than the cap.
    elsewhere
        Of the others, those of practitioners whose place is not known.
    patients
        What all pairs of practitioners share.
    patients_over
        What they share by patients over the cap.
    """

    pairs: pd.DataFrame
    named: int
    over: int
    elsewhere: int
    patients: int
    patients_over: int


def shared_visits(
    engine: Engine, read: EventsRead, cells: Cells, places: pd.DataFrame, *, cap: int
) -> Shared:
    """Count the patients whom practitioners share, by their communes and activities.

    Parameters
    ----------
    places
        `practitioner` and `destination`, numbers; of those whose place is known.
    cap
        Patients who see more practitioners are left out.
    """
    size = read.lookups.numbers["activity"].size
    visits = _visits(engine, read)
    who = cells.table.select("place", "activity").distinct()
    several = who.group_by("place").agg(activities=who.count())
    several = several.filter(several["activities"] > 1)
    twice = bool(engine.frame(several.agg(number=several.count()))["number"].iloc[0])
    people = _people(visits, twice=twice)
    within = people["practitioners"] <= cap
    pairs = (people["visits"] * people["visits"] - people["squares"]) // 2
    sums = engine.frame(
        people.agg(
            named=_sum(people["events"]),
            over=_sum(people["events"], ~within),
            patients=_sum(pairs),
            patients_over=_sum(pairs, ~within),
        )
    ).astype("int64")
    named, over, patients, patients_over = sums.iloc[0].tolist()
    if over:
        others = engine.materialised(people.filter(~within).select("patient"), "over_cap")
        visits = visits.anti_join(others, visits["patient"] == others["patient"])
    table = engine.lookup(places.rename(columns={"practitioner": "who"}), "places")
    placed = visits.inner_join(table, visits["practitioner"] == table["who"])
    placed = placed.select(
        "patient",
        "practitioner",
        "events",
        step=(placed["destination"] * size + placed["activity"]).cast("int64"),
    )
    known = int(engine.frame(placed.agg(events=_sum(placed["events"])))["events"].iloc[0])
    steps = placed.group_by(["patient", "step"]).agg(number=placed.count())
    counted = _pairs(engine, engine.materialised(steps, "steps"))
    if twice:  # a practitioner under two activities shares no patient with himself
        both = placed.semi_join(several, placed["practitioner"] == several["place"])
        alone = _alone(engine, engine.materialised(both, "several"))
        counted = pd.concat([counted, alone.assign(patients=-alone["patients"])])
        counted = counted.groupby(["a", "b"])[["patients"]].sum().reset_index()
    counted = counted[counted["patients"] > 0].sort_values(["a", "b"], ignore_index=True)
    return Shared(
        pairs=pd.DataFrame(
            {
                "place_a": counted["a"] // size,
                "activity_a": counted["a"] % size,
                "place_b": counted["b"] // size,
                "activity_b": counted["b"] % size,
                "patients": counted["patients"],
            }
        ),
        named=named,
        over=over,
        elsewhere=named - over - known,
        patients=patients,
        patients_over=patients_over,
    )


def _visits(engine: Engine, read: EventsRead) -> ir.Table:
    """Return each patient of a practitioner and an activity once, with the rows that say so."""
    joined = read.events.filter(read.events["patient"].notnull())
    sizes = {}
    for name in ("residence", "practitioner", "activity"):
        joined = with_numbers(engine, joined, read.lookups.numbers[name], name)
        sizes[name] = read.lookups.numbers[name].size
    who = joined["practitioner_number"] * sizes["activity"] + joined["activity_number"]
    if "acts" in joined.columns:
        # Acts are taken back within a commune of residence, as the cells of flows are counted.
        cell = who * sizes["residence"] + joined["residence_number"]
        rows = joined.select("patient", "acts", cell=cell)
        found = rows.group_by(["patient", "cell"]).agg(events=rows.count(), acts=rows["acts"].sum())
        found = found.filter(found["acts"] > 0)
        rest = found["cell"] - found["cell"] % sizes["residence"]
        rows = found.select("patient", "events", visit=(rest // sizes["residence"]).cast("int64"))
        visits = rows.group_by(["patient", "visit"]).agg(events=rows["events"].sum())
    else:
        rows = joined.select("patient", visit=who)
        visits = rows.group_by(["patient", "visit"]).agg(events=rows.count())
    activity = visits["visit"] % sizes["activity"]
    return engine.materialised(
        visits.select(
            "patient",
            practitioner=((visits["visit"] - activity) // sizes["activity"]).cast("int64"),
            activity=activity.cast("int64"),
            events=visits["events"].cast("int64"),
        ),
        "visits",
    )


def _people(visits: ir.Table, *, twice: bool) -> ir.Table:
    """Count what each patient saw: practitioners, visits (by activity), and rows."""
    if not twice:
        return visits.group_by("patient").agg(
            practitioners=visits.count(),
            visits=visits.count(),
            squares=visits.count(),
            events=visits["events"].sum(),
        )
    each = visits.group_by(["patient", "practitioner"]).agg(
        visits=visits.count(), events=visits["events"].sum()
    )
    return each.group_by("patient").agg(
        practitioners=each.count(),
        visits=each["visits"].sum(),
        squares=(each["visits"] * each["visits"]).sum(),
        events=each["events"].sum(),
    )


def _pairs(engine: Engine, steps: ir.Table) -> pd.DataFrame:
    """Count the patients of each two practices, and those whom one's practitioners share."""
    other = steps.view()
    joined = steps.join(
        other, [steps["patient"] == other["patient"], steps["step"] < other["step"]]
    ).select(a=steps["step"], b=other["step"], patients=steps["number"] * other["number"])
    between = joined.group_by(["a", "b"]).agg(patients=joined["patients"].sum().cast("int64"))
    several = steps.filter(steps["number"] > 1)
    pairs = several["number"] * (several["number"] - 1) // 2
    within = several.group_by("step").agg(patients=pairs.sum().cast("int64"))
    inside = engine.frame(within).rename(columns={"step": "a"})
    frame = pd.concat([engine.frame(between), inside.assign(b=inside["a"])])
    return frame[["a", "b", "patients"]].astype("int64")


def _alone(engine: Engine, placed: ir.Table) -> pd.DataFrame:
    """Count the patients whom practitioners of two activities see under both."""
    other = placed.view()
    same = [placed[name] == other[name] for name in ("patient", "practitioner")]
    joined = placed.join(other, [*same, placed["step"] < other["step"]])
    joined = joined.select(a=placed["step"], b=other["step"])
    counted = joined.group_by(["a", "b"]).agg(patients=joined.count())
    return engine.frame(counted).astype("int64")


def _sum(column: Any, where: Any = None) -> Any:  # noqa: ANN401 - expressions of ibis
    return column.sum(where=where).coalesce(0)
