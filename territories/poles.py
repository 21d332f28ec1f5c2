"""The place that attracts most patients of each commune, for each activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories.errors import InputError, fault, of_kind

if TYPE_CHECKING:
    from territories.flows import Flows

# Allocated stays are fractions: sums that differ by less than this are the same number.
_DECIMALS: Final = 6


@dataclass(frozen=True, eq=False)
class Poles:
    """Dominant poles.

    Parameters
    ----------
    table
        Indexed by (commune, activity), in order: `pole` (code, missing when tied or below the
        minimum), `patients` (of the commune for the activity, wherever they went), `share` of the
        first place and `margin` over the second (fractions of `patients`, in [0, 1]), `tied` (an
        exact tie, not below the minimum), `undecidable` (masked cells leave the pole open: it is
        not the same for all the numbers that they may hide).
    communes
        Every commune of the layer, those without flows too (those of the table without a layer).
    minimum
        The volume below which a commune has no significant pole.
    """

    table: pd.DataFrame
    communes: pd.Index
    minimum: int

    def __repr__(self) -> str:
        """Return what matters of the poles."""
        activities = self.table.index.get_level_values("activity").nunique()
        return (
            f"<Poles: {self.table['pole'].nunique()} poles of {len(self.communes):,} communes, "
            f"{activities} activities, {int(self.table['tied'].sum())} ties>"
        )


def dominant_poles(flows: Flows, *, minimum: int = 11) -> Poles:
    """Find the place that attracts most patients of each commune, for each activity.

    Exact ties are kept as ties: `tied` is True and `pole` is missing, so the result does not
    depend on the order of the rows. A masked cell is any number from 1 to 10: a pole is given only
    where it is the same for all of them; elsewhere `undecidable` is True, which is not a tie.

    Parameters
    ----------
    flows
        Located flows (see `Flows.located`).
    minimum
        Communes with fewer patients than this for an activity get no pole.

    Returns
    -------
    Poles
        One row per (commune, activity) that has patients. With a layer, communes of the layer only.

    Raises
    ------
    InputError
        If the flows are not located.

    References
    ----------
    Navinel (2020), legend of the poles map.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    table = flows.table
    if flows.communes is not None:
        table = table[~flows.external("residence")]
    keys = ["residence", "activity"]
    bounded = table.assign(**flows.bounds().loc[table.index])
    measures = ["patients", "low", "high"]
    sums = bounded.groupby([*keys, "destination"], as_index=False)[measures].sum()
    totals = sums.groupby(keys)[measures].sum().round(_DECIMALS)
    sums[measures] = sums[measures].round(_DECIMALS)
    sums = sums[sums["patients"] > 0]
    # Of places with as many patients those that no masked cell makes uncertain come first.
    ranked = sums.sort_values(["patients", "low"], ascending=False)
    rank = ranked.groupby(keys).cumcount()
    first = ranked[rank == 0].set_index(keys)
    second = ranked[rank == 1].set_index(keys)[measures].reindex(first.index).fillna(0)
    # The most that any other place may have, whatever the masked cells hide.
    other = ranked[rank > 0].groupby(keys)["high"].max().reindex(first.index).fillna(0)
    totals = totals.reindex(first.index)
    total = totals["patients"]
    # The first two have one number, whatever the masked cells hide, and nobody can have more. Among
    # a few patients a tie says nothing, and would tell how few they are.
    same = (first["low"] == first["high"]) & (first["low"] == second["low"])
    tied = same & (first["low"] == other) & (totals["low"] >= minimum)
    decided = (first["low"] > other) & (totals["low"] >= minimum)
    result = pd.DataFrame(
        {
            "pole": first["destination"].where(decided),
            "patients": total,
            "share": first["patients"] / total,
            "margin": (first["patients"] - second["patients"]) / total,
            "tied": np.asarray(tied, dtype=bool),
            "undecidable": np.asarray(~tied & ~decided & (totals["high"] >= minimum), dtype=bool),
        }
    )
    result.index = result.index.set_names(["commune", "activity"])
    known = flows.communes.index if flows.communes is not None else table["residence"].unique()
    communes = pd.Index(sorted(known), name="commune")
    return Poles(table=result.sort_index(), communes=communes, minimum=minimum)
