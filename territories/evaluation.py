"""Measures of a zoning's territories: what they keep, what they lose, how far, and their form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from territories.aci import ACI_BOUNDS, aci_measures, aci_size
from territories.concordance import Concordance
from territories.errors import of_kind
from territories.exchanges import cells, shared_out, totals
from territories.form import form, white_zones
from territories.stability import STABLE
from territories.travel import checked_times, territory_poles, travel

if TYPE_CHECKING:
    from territories.aci import AciTable
    from territories.flows import Flows
    from territories.zoning import Zoning

# Measures that had their place here, and still can be had from here, are named with the others.
__all__ = [
    "ACI_BOUNDS",
    "STABLE",
    "aci_size",
    "class_shares",
    "evaluate",
    "evaluate_by_activity",
    "hospital_totals",
    "stable_share",
    "white_zones",
]

# Patients by weight that differ by less are the same number.
_DECIMALS = 6


def evaluate(
    zoning: Zoning,
    flows: Flows,
    *,
    stays: Flows | None = None,
    agreement: pd.DataFrame | None = None,
    stability: pd.DataFrame | None = None,
    times: pd.DataFrame | None = None,
    aci: AciTable | None = None,
) -> pd.DataFrame:
    """Measure the territories of a zoning.

    Parameters
    ----------
    zoning
        Any zoning; shared communes count by weight. Of the patients who go from commune i to
        commune j, the part inside a territory is the smaller of the weights of i and j in it.
    flows
        Located flows. External residents count in what a territory receives, external destinations
        in what it sends.
    stays
        Located hospital stays, for the hospital's leakage.
    agreement
        Result of `concordance`, for the share of the population in each class.
    stability
        Result of `stability`, or `Runs.communes`, for the share that is stable.
    times
        Travel times, columns `residence`, `destination`, `minutes` (each way apart; 0 within a
        commune that it does not time), beside straight lines.
    aci
        From `read_aci`; default: the package's table of sizes and amounts.

    Returns
    -------
    DataFrame
        Indexed by territory. Exact, for the user's own eyes; missing where undefined.

        - `name`; `communes`; `population` (inhabitants); `aci_size` (1 to 4), `next_bound`,
          `above_bound`, `aci_maximum_YEAR`, `aci_without_optional_YEAR` (see `aci_measures`);
        - `inside`, `sent`, `received` (patients); `li` = inside / sent and `leakage` = 1 − li;
          `msi` = inside / received and `attraction` = 1 − msi; `net_index` = (received − inside) /
          (sent − inside). Where the flows have masked cells, each of which may be any of 1 to 10:
          `li_low`, `li_high`, `msi_low`, `msi_high`, the bounds of both;
        - form: `pieces`, `area_km2`, `density`, `compactness`, `pac`, `holes`, `enclaves`,
          `enclosed`, `cut_off`, `departments`, `regions` (see `form`);
        - travel: `pole` (the commune that receives most patients, see `territory_poles`),
          `distance_to_care_m`, `distance_to_pole_m` (metres), `undrawn` (share of the patients seen
          in places that are not drawn, whom the first distance leaves out); with times
          `minutes_to_care`, `minutes_to_pole`, `untimed` (see `travel`);
        - with stays: `hospital_inside`, `hospital_sent`, `hospital_leakage`;
        - with agreement: `share_always`, … the share of the population in each class;
        - with stability: `stable_share`, that in communes with their pole in 90 % of the runs.

    Raises
    ------
    InputError
        If the flows or stays are not located, or `times` is not such a table.

    See Also
    --------
    evaluate_by_activity, exchanges, candidates, white_zones
    """
    of_kind("Zoning", zoning=zoning)
    table = cells(flows)
    hospital = None if stays is None else cells(stays)
    timed = None if times is None else checked_times(times)
    shapes = zoning.territories
    result = pd.DataFrame(shapes.drop(columns="geometry"))
    sizes = aci_measures(result["population"], aci=aci)
    result[sizes.columns] = sizes
    living = shared_out(zoning, table, by="residence")
    sums = totals(living, shared_out(zoning, table, by="destination"))
    sums = sums.reindex(result.index).fillna(0.0)
    result[sums.columns] = sums
    result = _indices(result)
    if "masked" in flows.table:
        bounds = _bounds(zoning, flows).reindex(result.index)
        result[bounds.columns] = bounds
    poles = territory_poles(zoning, table)
    shape = form(zoning, poles=poles)
    result[shape.columns] = shape
    result["pole"] = poles
    ways = travel(zoning, living, poles=poles, times=timed)
    result[ways.columns] = ways
    if hospital is not None:
        kept = hospital_totals(zoning, hospital)
        result[kept.columns] = kept
    if agreement is not None:
        shares = class_shares(zoning, agreement).add_prefix("share_")
        result[shares.columns] = shares
    if stability is not None:
        result["stable_share"] = stable_share(zoning, stability["core_share"])
    return result


def evaluate_by_activity(zoning: Zoning, flows: Flows) -> pd.DataFrame:
    """Measure what territories keep, lose and attract, for each activity.

    Parameters
    ----------
    zoning
        Any zoning; shared communes count by weight, as in `evaluate`.
    flows
        Located flows.

    Returns
    -------
    DataFrame
        Indexed by (`territory`, `activity`), all of both, in order: `inside`, `sent`, `received`,
        `li`, `leakage`, `msi`, `attraction`, `net_index`, as `evaluate`. Exact, for the user's own
        eyes.

    Raises
    ------
    InputError
        If the flows are not located.
    """
    table = cells(flows, by_activity=True)
    keys = ["territory", "activity"]
    living, cared = (shared_out(zoning, table, by=end) for end in ("residence", "destination"))
    territories = sorted(zoning.membership["territory"].unique())
    every = pd.MultiIndex.from_product([territories, flows.activities], names=keys)
    return _indices(totals(living, cared, keys).reindex(every).fillna(0.0))


def _indices(result: pd.DataFrame) -> pd.DataFrame:
    """Add the indices of what is kept, sent and received; 0 of 0 is missing."""
    lost = (result["sent"] - result["inside"]).round(_DECIMALS)
    li, msi = result["inside"] / result["sent"], result["inside"] / result["received"]
    return result.assign(
        li=li,
        leakage=1 - li,
        msi=msi,
        attraction=1 - msi,
        net_index=(result["received"] - result["inside"]) / lost.where(lost > 0),
    )


def _bounds(zoning: Zoning, flows: Flows) -> pd.DataFrame:
    """Bound self-containments over all the numbers that the masked cells may be."""
    table = pd.concat([flows.table[["residence", "destination"]], flows.bounds()], axis=1)
    table = table.groupby(["residence", "destination"], as_index=False).sum()
    found = {}
    for name, by in (("li", "residence"), ("msi", "destination")):
        shared = shared_out(zoning, table, by=by)
        found[f"{name}_low"], found[f"{name}_high"] = _extremes(shared)
    return pd.DataFrame(found)


def _extremes(shared: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the least and the most that may be kept, of all that territories send or receive.

    A cell between shared communes is kept in part, so it cannot count little inside and much
    outside at once. The most is kept where the cells of which the greatest parts are kept are
    high and the others low: each way to draw the line between them is tried.
    """
    part = (shared["kept"] / shared["weight"]).round(_DECIMALS).rename("part")
    masked = shared["high"] - shared["low"]
    columns = {
        "kept": shared["low"] * shared["kept"],
        "all": shared["low"] * shared["weight"],
        "kept_more": masked * shared["kept"],
        "all_more": masked * shared["weight"],
    }
    sums = pd.DataFrame(columns).groupby([shared["territory"], part]).sum()
    by_territory = sums.index.get_level_values("territory")
    least = sums.groupby(level="territory")[["kept", "all"]].sum()
    ends = []
    for fullest in (False, True):
        ordered = sums.sort_index(ascending=[True, not fullest])
        more = ordered.groupby(level="territory")[["kept_more", "all_more"]].cumsum()
        more[["kept_more", "all_more"]] += least.loc[by_territory].to_numpy()
        tried = pd.concat([least, more.droplevel("part").set_axis(least.columns, axis=1)])
        shares = (tried["kept"] / tried["all"]).groupby(level="territory")
        ends.append(shares.max() if fullest else shares.min())
    return ends[0], ends[1]


def hospital_totals(zoning: Zoning, table: pd.DataFrame) -> pd.DataFrame:
    """Tell what part of the stays of each territory's residents leaves it.

    Parameters
    ----------
    zoning
        Any zoning.
    table
        Stays, from `cells`.

    Returns
    -------
    DataFrame
        Indexed by territory: `hospital_inside`, `hospital_sent` (stays) and `hospital_leakage`.
    """
    living, cared = (shared_out(zoning, table, by=by) for by in ("residence", "destination"))
    sums = totals(living, cared)[["inside", "sent"]].add_prefix("hospital_")
    territories = pd.Index(sorted(zoning.membership["territory"].unique()), name="territory")
    sums = sums.reindex(territories).fillna(0.0)
    return sums.assign(hospital_leakage=1 - sums["hospital_inside"] / sums["hospital_sent"])


def class_shares(zoning: Zoning, agreement: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each territory's people in each class of concordance.

    Shared communes count by weight. Communes that `agreement` does not class are in none; missing
    where nobody lives, or nobody knows how many.

    Parameters
    ----------
    zoning
        Any zoning.
    agreement
        Result of `concordance`.

    Returns
    -------
    DataFrame
        Indexed by territory, a column for each `Concordance`.
    """
    people = _people(zoning)
    total = people["all"]
    klass = people["code"].map(agreement["concordance"])
    shares = {
        str(each): total.where(klass == each, 0.0).groupby(people["territory"]).sum()
        for each in Concordance
    }
    return pd.DataFrame(shares).div(_whole(people), axis=0)


def stable_share(zoning: Zoning, core_share: pd.Series) -> pd.Series:
    """Return the share of each territory's people who live in communes that are stable.

    Shared communes count by weight; missing where nobody lives, or nobody knows how many.

    Parameters
    ----------
    zoning
        Any zoning.
    core_share
        By commune, the share of runs in which it is with its pole: stable from 90 % on.
    """
    people = _people(zoning)
    held = people["all"].where(people["code"].map(core_share) >= STABLE, 0.0)
    return held.groupby(people["territory"]).sum() / _whole(people)


def _people(zoning: Zoning) -> pd.DataFrame:
    member = zoning.membership
    people = member["code"].map(zoning.communes["population"]).astype("float64")
    return member.assign(all=people * member["weight"])


def _whole(people: pd.DataFrame) -> pd.Series:
    """Add up the people of each territory; missing if those of a commune are."""
    groups = people.groupby("territory")["all"]
    return groups.sum().where(groups.count() == groups.size())
