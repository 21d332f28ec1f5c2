"""Where the practitioners of care events practise, found from what an engine added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from territories import codes
from territories._event_values import positions
from territories.practices import practices_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_cells import Cells
    from territories._event_values import Lookups


@dataclass(frozen=True, repr=False)
class Located:
    """Practitioners put in their communes.

    Parameters
    ----------
    practices
        See `practice_places`.
    destinations
        Communes, and departments of which no commune is known, in order.
    places
        `place` (number of a practitioner) and `destination` (number); of those whose place is
        known.
    """

    practices: pd.DataFrame
    destinations: pd.Index
    places: pd.DataFrame


def known_practitioners(engine: Engine, cells: Cells) -> pd.DataFrame:
    """Return what each practitioner (`place`) has of each `activity`: `patients` and `events`."""
    table = cells.table
    sums = table.group_by(["place", "activity"]).agg(
        **{name: table[name].sum().cast("int64") for name in ("patients", "events")}
    )
    return engine.frame(sums).sort_values(["place", "activity"], ignore_index=True)


def located_places(
    engine: Engine, cells: Cells, lookups: Lookups, *, everyone: pd.DataFrame
) -> Located:
    """Find each practitioner's commune of practice.

    The engine leaves what may be first or second by patients or by amount, among those in
    his departments and among the others; the rule itself is that of `practice_places`.

    Parameters
    ----------
    everyone
        See `known_practitioners`.
    """
    import ibis  # noqa: PLC0415 - only events need it

    seen = cells.table.filter(cells.table["patients"] > 0)
    cents = seen["cents"].sum() if "cents" in cells.measures else ibis.literal(0)
    sent = seen.group_by(["place", "residence"]).agg(patients=seen["patients"].sum(), cents=cents)
    names = pd.Series(lookups.numbers["residence"].names)
    within = ["place"]
    if len(lookups.departments):
        sent = _with_candidates(engine, sent, lookups)
        within.append("candidate")
    sent = engine.materialised(
        sent.select(
            *within,
            "residence",
            patients=sent["patients"].cast("int64"),
            cents=sent["cents"].cast("int64"),
        ),
        "sent",
    )
    orders = {
        "by_patients": [sent["patients"].desc(), sent["cents"].desc(), sent["residence"].asc()],
        "by_cents": [sent["cents"].desc(), sent["patients"].desc(), sent["residence"].asc()],
    }
    ranked = sent.mutate(
        **{
            name: ibis.row_number().over(group_by=within, order_by=order)
            for name, order in orders.items()
        }
    )
    first = ranked.filter((ranked["by_patients"] < 2) | (ranked["by_cents"] < 2))  # noqa: PLR2004
    columns = {"practitioner": first["place"], **{each: first[each] for each in first.columns}}
    wanted = ("practitioner", "residence", "patients", "cents", *within[1:], *orders)
    places = engine.frame(first.select(**{each: columns[each] for each in wanted}))
    who = lookups.numbers["practitioner"].names.rename("practitioner")
    totals = everyone.groupby("place")["patients"].sum()
    present = totals.index
    known = lookups.departments
    of = who.get_indexer(known.get_level_values(0))
    known = pd.MultiIndex.from_arrays([of, known.get_level_values(1)])
    practices = practices_of(
        places.assign(patients=in_patients(places["patients"], lookups.unit)),
        known,
        everyone=present,
        totals=in_patients(totals, lookups.unit),
        names=names,
    ).set_axis(who[present])
    destination = practices["commune"]
    destinations = pd.Index(destination.dropna().drop_duplicates().astype("str")).sort_values()
    placed = destination.notna().to_numpy()
    return Located(
        practices=practices,
        destinations=destinations,
        places=pd.DataFrame(
            {
                "practitioner": present[placed],
                "destination": positions(destination[placed], destinations).to_numpy(),
            }
        ),
    )


def _with_candidates(engine: Engine, sent: ir.Table, lookups: Lookups) -> ir.Table:
    """Mark the communes in a department where their practitioner is known to practise."""
    department, where = pd.factorize(
        codes.department(pd.Series(lookups.numbers["residence"].names))
    )
    of = pd.DataFrame({"commune": np.arange(len(department)), "department": department})
    who = lookups.numbers["practitioner"].names
    known = pd.DataFrame(
        {
            "who": who.get_indexer(lookups.departments.get_level_values(0)),
            "where": pd.Index(where).get_indexer(lookups.departments.get_level_values(1)),
        }
    )
    restricted = engine.lookup(known[["who"]].drop_duplicates(), "restricted")
    table = engine.lookup(of, "departments")
    sent = sent.inner_join(table, sent["residence"] == table["commune"])
    sent = sent.left_join(restricted, sent["place"] == restricted["who"])
    sent = sent.mutate(free=sent["who"].isnull()).drop("who")
    pairs = engine.lookup(known, "known")
    matching = [sent["place"] == pairs["who"], sent["department"] == pairs["where"]]
    sent = sent.left_join(pairs, matching)
    return sent.mutate(candidate=sent["free"] | sent["where"].notnull())


def in_patients(sums: pd.Series, unit: int) -> pd.Series:
    """Return sums of units as patients: whole numbers where all are."""
    if unit == 1:
        return sums.astype("int64")
    return sums // unit if (sums % unit == 0).all() else sums / unit
