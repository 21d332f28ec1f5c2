"""Recourse to care: patients per inhabitant, and the zones where care is far and little used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import pandas as pd
import shapely

from territories._zones import DECIMALS, By, zone_means, zone_members, zone_populations, zone_sums
from territories.errors import InputError, fault, of_kind, one_of
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories.flows import Flows

Rule = Literal["nearest", "patients"]

_PER: Final = 1_000
SIDES: Final = ("liberal", "hospital", "total")


def recourse(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    stays: Flows | None = None,
    by: By = "commune",
    zoning: Zoning | None = None,
) -> pd.DataFrame:
    """Count patients per 1 000 inhabitants, liberal care and hospital side by side.

    Parameters
    ----------
    flows
        Liberal care; located or not. Residents of the layer count wherever they went. A patient
        counts once for each practitioner (or place) that the table has him at.
    communes
        Layer indexed by code.
    stays
        Consultations (or stays) at hospital, with the same names of activities.
    by
        Zones: ``"commune"``, ``"territory"`` or ``"department"``.
    zoning
        The territories; shared communes count by weight, uncovered ones in the region only.

    Returns
    -------
    DataFrame
        Indexed by (zone, activity), every zone with every activity: `population`; `liberal`
        (patients, 0 where there are none), `liberal_rate` per 1 000 inhabitants (missing where
        nobody lives, or nobody knows how many), `liberal_region` (the rate of the whole layer) and
        `liberal_difference` from it. With `stays` the same of `hospital` and of `total`, their
        sum; `hospital_share` of the total; `filled`: the liberal rate is under the region's and
        that of the hospital over it, the hospital fills the gap (wholly where
        `total_difference` is 0 or more). Where cells are masked, `liberal_rate_low` and
        `liberal_rate_high` (and of the hospital) are the bounds. A side whose table has not the
        activity is missing, and the total with it. Exact, for your own eyes: what is shown goes
        through `recourse_table`.

    References
    ----------
    Gautier (2019), interview 14.
    """
    members = zone_members(communes, by=by, zoning=zoning)
    sides = {"liberal": flows} if stays is None else {"liberal": flows, "hospital": stays}
    activities = sorted({name for side in sides.values() for name in side.activities})
    zones = pd.Index(members["zone"].unique())
    every = pd.MultiIndex.from_product([zones, activities], names=["zone", "activity"])
    population = zone_populations(communes, members).loc[every.get_level_values("zone")]
    result = pd.DataFrame({"population": population.to_numpy()}, index=every)
    # A region is all its communes, those in no territory too.
    people = communes["population"].astype("float64").sum(skipna=False)
    regions: dict[str, pd.Series] = {}
    for side, given in sides.items():
        cells = _cells(given, communes)
        regions[side] = cells.groupby("activity")["patients"].sum().reindex(activities)
        sums = zone_sums(cells, members, ["patients", "low", "high"]).reindex(every)
        _put_side(result, side, sums["patients"], regions[side], people)
        if "masked" in given.table:
            for end in ("low", "high"):
                result[f"{side}_rate_{end}"] = _rate(sums[end], result["population"])
    if stays is not None:
        total = result["liberal"] + result["hospital"]
        _put_side(result, "total", total, regions["liberal"] + regions["hospital"], people)
        result["hospital_share"] = result["hospital"] / total.where(total > 0)
        under = result["liberal_difference"].round(DECIMALS) < 0
        filled = under & (result["hospital_difference"].round(DECIMALS) > 0)
        known = result[["liberal_difference", "hospital_difference"]].notna().all(axis=1)
        result["filled"] = filled.astype("boolean").where(known)
    return result


def _cells(flows: Flows, communes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Add patients up by commune of the layer and activity; an activity seen elsewhere has 0."""
    table = flows.table[["residence", "activity", "patients"]].join(flows.bounds())
    measures = ["patients", "low", "high"]
    outside = ~table["residence"].isin(communes.index)
    table = table.astype({"residence": "str", "activity": "str"})
    table[measures] = table[measures].astype("float64").mask(outside, 0.0)
    # An activity that only residents of elsewhere have keeps its zeros here.
    table["residence"] = table["residence"].where(~outside, str(communes.index.min()))
    table = table.sort_values(["residence", "activity", *measures])
    sums = table.groupby(["residence", "activity"], as_index=False)[measures].sum()
    return sums.rename(columns={"residence": "code"})


def _put_side(
    result: pd.DataFrame, side: str, patients: pd.Series, region: pd.Series, people: float
) -> None:
    """Add what is known of one side: patients, rate, the region's rate, difference."""
    result[side] = patients
    result[f"{side}_rate"] = _rate(patients, result["population"])
    expected = _PER * region / people if people > 0 else region * np.nan
    activity = result.index.get_level_values("activity")
    result[f"{side}_region"] = expected.loc[activity].to_numpy(dtype="float64")
    result[f"{side}_difference"] = result[f"{side}_rate"] - result[f"{side}_region"]


def _rate(patients: pd.Series, population: pd.Series) -> pd.Series:
    return _PER * patients / population.where(population > 0)


def care_distance(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    rule: Rule = "nearest",
    by: By = "commune",
    zoning: Zoning | None = None,
) -> pd.Series:
    """Measure how far each activity is from where people live.

    Parameters
    ----------
    flows
        Located flows.
    communes
        Layer indexed by code.
    rule
        ``"nearest"``: the nearest commune of the layer where anyone is seen for the activity.
        ``"patients"``: the places where the commune's own patients were seen, in the layer,
        weighted by patients; missing without any.
    by, zoning
        Zones, see `recourse`: territories and departments have the mean of their communes by
        inhabitants (by patients, with that rule).

    Returns
    -------
    Series
        Metres of straight line between points inside the communes, 0 within one, indexed by
        (zone, activity). Places outside the layer have no point and are left out: near its border
        distances are too long by ``"nearest"``, too short by ``"patients"``.
    """
    one_of("rule", rule, get_args(Rule))
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    members = zone_members(communes, by=by, zoning=zoning)
    drawn = communes[~communes.geometry.is_empty].sort_index()
    points = pd.Series(drawn.geometry.representative_point().to_numpy(), index=drawn.index)
    seen = flows.table[(flows.table["patients"] > 0) & flows.table["destination"].isin(drawn.index)]
    found = {}
    for activity in flows.activities:
        own = seen[seen["activity"] == activity]
        if rule == "nearest":
            metres = _nearest(points, sorted(own["destination"].unique()))
            found[activity] = zone_means(metres, communes, members)
        else:
            found[activity] = _travelled(own[own["residence"].isin(drawn.index)], points, members)
    zones = members["zone"].unique()
    table = pd.DataFrame({name: each.reindex(zones) for name, each in found.items()}, index=zones)
    table = table.rename_axis("zone").rename_axis("activity", axis=1)
    keys = pd.MultiIndex.from_product([zones, list(table.columns)], names=["zone", "activity"])
    return pd.Series(table.to_numpy().ravel(), index=keys, name="distance_m", dtype="float64")


def _nearest(points: pd.Series, places: list[str]) -> pd.Series:
    """Measure the distance of each point to the nearest place."""
    if not places:
        return pd.Series(np.nan, index=points.index)
    tree = shapely.STRtree(points.loc[places].to_numpy())
    (origin, _), metres = tree.query_nearest(
        points.to_numpy(), return_distance=True, all_matches=False
    )
    return pd.Series(metres, index=points.index[origin]).round(DECIMALS)


def _travelled(table: pd.DataFrame, points: pd.Series, members: pd.DataFrame) -> pd.Series:
    """Average the distance over the patients of each zone."""
    ends = [points.loc[table[name]].to_numpy() for name in ("residence", "destination")]
    patients = table["patients"].astype("float64")
    rows = pd.DataFrame(
        {
            "code": table["residence"].astype("str"),
            "patients": patients,
            "metres": patients * shapely.distance(*ends),
        }
    ).sort_values(["code", "patients", "metres"])
    sums = rows.groupby("code", as_index=False).sum().merge(members, on="code")
    weighed = sums[["patients", "metres"]].mul(sums["weight"], axis=0)
    by_zone = weighed.groupby(sums["zone"]).sum()
    return (by_zone["metres"] / by_zone["patients"]).round(DECIMALS)


def priority_shares(
    priority: pd.Series | Zoning,
    communes: gpd.GeoDataFrame,
    *,
    by: By = "commune",
    zoning: Zoning | None = None,
) -> pd.DataFrame:
    """Lay a priority zoning (ZIP and ZAC, or any other) over zones.

    Parameters
    ----------
    priority
        Class by code, missing where there is none, or a zoning.
    communes
        Layer indexed by code.
    by, zoning
        Zones, see `recourse`. Of a commune shared between territories and classes, the part of
        one in the other is the product of its weights.

    Returns
    -------
    DataFrame
        Indexed by zone: for each class the share of the zone's inhabitants who live in it (of a
        commune where nobody is known to live, its weight), in [0, 1].
    """
    if not isinstance(priority, Zoning):
        priority = Zoning.from_labels(priority, communes=communes)
    classes = priority.membership.rename(columns={"territory": "class", "weight": "part"})
    members = zone_members(communes, by=by, zoning=zoning)
    parts = classes.pivot_table(index="code", columns="class", values="part", aggfunc="sum")
    parts = parts.reindex(communes.index).fillna(0.0)
    shares = {str(name): zone_means(parts[name], communes, members) for name in parts.columns}
    zones = pd.Index(members["zone"].unique(), name="zone")
    return pd.DataFrame(shares, index=zones).rename_axis("priority", axis=1)


def gaps(
    table: pd.DataFrame,
    *,
    distance: pd.Series,
    accessibility: Mapping[str, pd.Series] | None = None,
    priority: pd.DataFrame | None = None,
    share: float = 0.25,
) -> pd.DataFrame:
    """Rank the zones where a specialty is far and recourse to it is low.

    They are candidates for advanced consultations or tele-expertise. The rule, for each activity:
    a zone is far if it is farther than the mean of the inhabitants and among the farthest zones
    that hold `share` of them; recourse is low if it is under the region's rate and among the
    lowest of zones that hold `share` of the inhabitants. (Zones with the same value are in or out
    together: in, if those beyond them hold less than `share`.) Zones that are both are ranked by
    inhabitants times distance, over all activities.

    Parameters
    ----------
    table
        Result of `recourse`; the total rate counts where it has one, else the liberal rate.
    distance
        Result of `care_distance`, of the same zones.
    accessibility
        By activity, results of `accessibility` for the same zones: told beside, no condition.
    priority
        Result of `priority_shares` for the same zones: told beside, no condition.
    share
        Of the inhabitants, over 0 and at most 1.

    Returns
    -------
    DataFrame
        Indexed by (zone, activity), by rank: `rank` (1 first; equals share a rank), `population`,
        `distance_m`, `patients`, `rate` per 1 000 inhabitants, `expected_rate` (the region's),
        `missing` (patients that the region's rate would add); with `accessibility` and `priority`:
        `accessibility`, `priority` (the class with most of the inhabitants, ties to the first in
        alphabetical order) and `priority_share` (all classes). Exact, for your own eyes: what is
        shown goes through `gap_table`.

    Raises
    ------
    InputError
        If `share` is out of bounds, or the zones of `distance` are others than those of `table`.
    """
    of_kind("DataFrame", table=table, **({} if priority is None else {"priority": priority}))
    if not 0 < share <= 1:
        raise InputError(fault("gaps_share", value=repr(share)))
    zones = table.index.unique("zone")
    strange = zones.difference(distance.index.unique("zone"))
    if len(strange):
        values = ", ".join(f"'{each}'" for each in strange[:5])
        raise InputError(fault("gaps_zones", count=len(strange), values=values))
    side = "total" if "total_rate" in table else "liberal"
    all_zones = pd.DataFrame(
        {
            "population": table["population"],
            "distance_m": distance.reindex(table.index),
            "patients": table[side],
            "rate": table[f"{side}_rate"],
            "expected_rate": table[f"{side}_region"],
        }
    )
    known = all_zones.dropna()
    known = known[known["population"] > 0]
    people = known["population"].groupby(level="activity")
    mean = (known["distance_m"] * known["population"]).groupby(level="activity").sum()
    mean = (mean / people.sum()).round(DECIMALS)
    middle = mean.loc[known.index.get_level_values("activity")].to_numpy()
    far = _beyond(known, "distance_m", share, ascending=False)
    far &= known["distance_m"].round(DECIMALS) > middle
    low = _beyond(known, "rate", share, ascending=True)
    low &= known["rate"].round(DECIMALS) < known["expected_rate"].round(DECIMALS)
    found = known[far & low].copy()
    found["missing"] = (found["expected_rate"] - found["rate"]) * found["population"] / _PER
    weight = (found["population"] * found["distance_m"]).round(DECIMALS)
    found.insert(0, "rank", weight.rank(method="min", ascending=False).astype("int64"))
    if accessibility is not None:
        found["accessibility"] = [
            accessibility[name].get(zone, np.nan) if name in accessibility else np.nan
            for zone, name in found.index
        ]
    if priority is not None:
        found = found.join(_main_class(priority), on="zone")
    return (
        found.reset_index()
        .sort_values(["rank", "zone", "activity"])
        .set_index(["zone", "activity"])
    )


def _beyond(known: pd.DataFrame, column: str, share: float, *, ascending: bool) -> pd.Series:
    """Tell the zones at one end that hold a share of the inhabitants, for each activity."""
    value = known[column].round(DECIMALS)
    activity = known.index.get_level_values("activity")
    at = known.assign(value=value, activity_=activity).groupby(["activity_", "value"])
    people = at["population"].sum().rename("people").reset_index()
    people = people.sort_values(["activity_", "value"], ascending=[True, ascending])
    groups = people.groupby("activity_")["people"]
    before = (groups.cumsum() - people["people"]).round(DECIMALS)
    people["inside"] = before < (share * groups.transform("sum")).round(DECIMALS)
    inside = people.set_index(["activity_", "value"])["inside"]
    found = inside.reindex(pd.MultiIndex.from_arrays([activity, value]))
    return pd.Series(found.to_numpy(dtype=bool), index=known.index)


def _main_class(priority: pd.DataFrame) -> pd.DataFrame:
    """Return the class with most inhabitants of each zone, and the share of all classes."""
    shares = priority[sorted(priority.columns)].fillna(0.0).round(DECIMALS)
    total = shares.sum(axis=1)
    main = shares.idxmax(axis=1).where(total > 0) if len(shares.columns) else total.where(total > 0)
    return pd.DataFrame({"priority": main.astype("object"), "priority_share": total})
