"""What may be fused: the scale of activities, where each is practised, what a commune can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories import codes
from territories.concordance import classes, concordance
from territories.errors import InputError, fault, of_kind
from territories.poles import dominant_poles

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.flows import Flows
    from territories.poles import Poles

# Allocated stays are fractions: sums that differ by less than this are the same number.
_DECIMALS: Final = 6

# Poles per department: fewer than one is regional, more than two infra-departmental.
REGIONAL: Final = 1.0
DEPARTMENTAL: Final = 2.0


def activity_scale(
    flows: Flows,
    *,
    minimum: int = 11,
    regional: float = REGIONAL,
    departmental: float = DEPARTMENTAL,
) -> pd.DataFrame:
    """Tell at which scale each activity is organised, to fuse only those that compare.

    Which are fused is for the user to decide from this table and from `superposition`. By default
    all activities of the flows are fused, since the public of a CPTS is that of its second-line
    care as a whole; the hospital stays apart, so that it remains a witness.

    Parameters
    ----------
    flows
        Located flows, grouped rather than not: suburbs would count as poles of their own.
    minimum
        See `dominant_poles`.
    regional, departmental
        Bounds of the scale, in poles of the layer per department of the layer: with fewer than
        `regional` the activity is ``regional`` (some department has no pole of its own); up to
        `departmental`, that included, ``departmental``; beyond, ``infra_departmental``. A choice
        of ours: the prefecture, and perhaps one more town.

    Returns
    -------
    DataFrame
        Indexed by activity, in order: `poles`, places that dominate one commune at least;
        `poles_inside`, those in the layer (all of them without a layer), which set the scale;
        `places`, those that receive any patient. `distance_m`: mean straight line, over the
        patients of the layer's residents, between the representative points of their commune and
        of their destination, 0 for those seen in their own, in metres; missing where none is
        known. `unplaced_share`: the part of these patients who are left out of it, since their
        destination is outside the layer or not drawn. `first_pole` receives the most of all
        patients (equal: the lower code) and `first_share` is its part of them, residents of
        elsewhere included. `scale`: as above, missing without any pole.

    Raises
    ------
    InputError
        If the flows are not located, or `regional` is over `departmental`.
    """
    if not 0 <= regional <= departmental:
        raise InputError(fault("scale_bounds", regional=regional, departmental=departmental))
    found = dominant_poles(flows, minimum=minimum).table["pole"].dropna()
    inside = found if flows.communes is None else found[found.isin(flows.communes.index)]
    table = flows.table
    names = pd.Index(flows.activities, name="activity", dtype="str")
    layer = table["residence"] if flows.communes is None else flows.communes.index.to_series()
    departments = codes.department(layer.drop_duplicates()).nunique()

    received = table.groupby(["activity", "destination"])["patients"].sum().round(_DECIMALS)
    cells = received[received > 0].reset_index()
    cells = cells.sort_values(
        ["activity", "patients", "destination"], ascending=[True, False, True]
    )
    first = cells.drop_duplicates("activity").set_index("activity").reindex(names)
    total = cells.groupby("activity")["patients"].sum().reindex(names)
    counts = {
        name: each.groupby("activity").nunique().reindex(names, fill_value=0).astype("int64")
        for name, each in (("poles", found), ("poles_inside", inside))
    }
    per_department = counts["poles_inside"] / departments if departments else np.nan
    scale = np.select(
        [per_department < regional, per_department <= departmental],
        ["regional", "departmental"],
        default="infra_departmental",
    )
    places = cells.groupby("activity").size().reindex(names, fill_value=0).astype("int64")
    return pd.DataFrame(
        {
            **counts,
            "places": places,
            **_travel(flows, names),
            "first_pole": first["destination"],
            "first_share": first["patients"] / total,
            "scale": pd.Series(scale, index=names, dtype="str").where(counts["poles"] > 0),
        },
        index=names,
    )


def _travel(flows: Flows, names: pd.Index) -> dict[str, pd.Series]:
    """Return the mean distance to care of each activity, and the part that has none."""
    table = flows.table[~flows.external("residence") & (flows.table["patients"] > 0)]
    distance = _distances(table, flows.communes)
    known = distance.notna()
    patients = table["patients"].astype("float64")
    by = table["activity"]
    total = patients.groupby(by).sum().reindex(names)
    placed = patients[known].groupby(by[known]).sum().reindex(names).fillna(0.0)
    travelled = (patients * distance)[known].groupby(by[known]).sum().reindex(names)
    unplaced = (total - placed).round(_DECIMALS) / total
    return {"distance_m": travelled / placed.where(placed > 0), "unplaced_share": unplaced}


def _distances(table: pd.DataFrame, communes: gpd.GeoDataFrame | None) -> pd.Series:
    """Measure each row from residence to destination, in metres; missing for unknown points."""
    if communes is None:
        return pd.Series(np.nan, index=table.index)
    points = communes.geometry.representative_point()
    x, y = points.x, points.y  # missing where the outline is empty
    # Floats even where there is no row, of which `map` keeps the text.
    east, north = (
        table["residence"].map(axis).astype("float64")
        - table["destination"].map(axis).astype("float64")
        for axis in (x, y)
    )
    return pd.Series(np.hypot(east, north), index=table.index)


def presence(flows: Flows) -> pd.DataFrame:
    """Tell which activities are practised at each pole.

    Parameters
    ----------
    flows
        Located flows, grouped or not.

    Returns
    -------
    DataFrame
        Indexed by pole (each place that receives a patient), a column for each activity, both in
        order: True where some patient is received for the activity.

    Raises
    ------
    InputError
        If the flows are not located.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    table = flows.table[flows.table["patients"] > 0]
    seen = table.groupby(["destination", "activity"]).size().unstack(fill_value=0) > 0
    return seen.rename_axis(index="pole", columns="activity").sort_index().sort_index(axis=1)


def practitioners(flows: Flows) -> pd.Series:
    """Count the practitioners of each pole, all activities together, for the user's own eyes.

    Parameters
    ----------
    flows
        Flows that were located by `Flows.located`, grouped or not.

    Returns
    -------
    Series
        By pole, in order; empty where the flows name places only. Where a table told how many
        practise (see `Flows.with_professionals`), those of the largest activity: the others may
        be the same people.
    """
    if flows.practices is None and flows.professionals is not None:
        most = flows.professionals.groupby(level="destination").max().sort_index()
        return most.rename_axis("pole").rename("practitioners")
    if flows.practices is None:
        return pd.Series(dtype="int64", index=pd.Index([], name="pole"), name="practitioners")
    place = flows.practices["commune"].dropna()
    if flows.grouping is not None:
        place = place.map(flows.grouping["pole"]).where(place.isin(flows.grouping.index), place)
    return place.value_counts().sort_index().rename_axis("pole").rename("practitioners")


def attainable(poles: Poles, flows: Flows, *, minimum: int = 3) -> pd.DataFrame:
    """Give the best class of concordance that each commune could reach with its pole.

    A pole that lacks an activity can never be the first place for it, so its communes can never be
    ``always``: the class on the map then tells of the pole, not of its people's habits.

    Parameters
    ----------
    poles
        Dominant poles (see `dominant_poles`).
    flows
        The flows they come from.
    minimum
        See `concordance`.

    Returns
    -------
    DataFrame
        Indexed by commune, one row for each of `Poles.communes`. `concordance`: its class now.
        `pole`: its modal pole or, without one, that of its poles where most of its activities are
        practised (equal: that of more of its activities now, then the lower code). `present` of
        its `activities` (those that have a dominant pole) are practised there; `lacking` names the
        others, separated by commas, empty where there is none. `attainable`: the class it would be
        in if all that are practised there were dominated by it, and the others each by another
        pole. `pole` and `lacking` are missing without any pole.

    Raises
    ------
    InputError
        If the flows are not located, or are not those of the poles.
    """
    here = presence(flows)
    now = concordance(poles, minimum=minimum)
    known = poles.table["pole"].dropna().reset_index().astype({"activity": "str"})
    elsewhere = sorted(set(known["pole"]) - set(here.index))
    if elsewhere:
        raise InputError(fault("poles_elsewhere", values=", ".join(elsewhere[:5])))
    candidates = known.groupby(["commune", "pole"], as_index=False).size()
    modal = candidates["commune"].map(now["pole"])
    candidates = candidates[modal.isna() | (candidates["pole"] == modal)]
    pairs = candidates.merge(known[["commune", "activity"]], on="commune")
    rows = here.index.get_indexer(pd.Index(pairs["pole"]))
    columns = here.columns.get_indexer(pd.Index(pairs["activity"]))
    pairs["present"] = here.to_numpy()[rows, columns]
    pairs["lacking"] = pairs["activity"].mask(pairs["present"])

    keys = ["commune", "pole", "size"]
    counts = pairs.groupby(keys, as_index=False)[["present"]].sum()
    counts = counts.sort_values(
        ["commune", "present", "size", "pole"], ascending=[True, False, False, True]
    )
    best = counts.drop_duplicates("commune").set_index("commune").reindex(poles.communes)
    absent = pairs.dropna(subset="lacking").sort_values("lacking")
    listed = absent.groupby(["commune", "pole"])["lacking"].agg(", ".join)
    lacking = pd.Series(
        listed.reindex(pd.MultiIndex.from_arrays([best.index, best["pole"]])).to_numpy(),
        index=best.index,
    )
    present = best["present"].fillna(0).astype("int64")
    return pd.DataFrame(
        {
            "concordance": now["concordance"],
            "pole": best["pole"],
            "present": present,
            "activities": now["activities"],
            "lacking": lacking.fillna("").where(best["pole"].notna()),
            # The others have one activity each: a tie only where this one has no more.
            "attainable": classes(
                present,
                now["activities"],
                unique=(present > 1) | (present == now["activities"]),
                minimum=minimum,
            ),
        },
        index=poles.communes,
    )
