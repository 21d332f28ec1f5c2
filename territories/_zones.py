"""Communes added up: by commune, by territory of a zoning, by department; shared ones by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import pandas as pd

from territories import codes
from territories.errors import InputError, fault, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from territories.zoning import Zoning

By = Literal["commune", "territory", "department"]

# Sums of weights that differ by less than this are the same number.
DECIMALS: Final = 6


def zone_members(
    communes: gpd.GeoDataFrame, *, by: By = "commune", zoning: Zoning | None = None
) -> pd.DataFrame:
    """Return the part (`weight`) of each commune (`code`) in each zone (`zone`), in order.

    Raises
    ------
    InputError
        If territories are asked for without a zoning, or `by` is none of those known.
    """
    one_of("by", by, get_args(By))
    if by == "territory":
        if zoning is None:
            raise InputError(fault("zones_without_zoning"))
        members = zoning.membership.rename(columns={"territory": "zone"})
        members = members[members["code"].isin(communes.index)]
        return members.sort_values(["zone", "code"], ignore_index=True)
    code = communes.index.sort_values().astype("str").to_series(index=range(len(communes)))
    zone = code if by == "commune" else codes.department(code)
    members = pd.DataFrame({"code": code, "zone": zone, "weight": 1.0})
    return members.sort_values(["zone", "code"], ignore_index=True)


def zone_populations(communes: gpd.GeoDataFrame, members: pd.DataFrame) -> pd.Series:
    """Add the inhabitants of each zone up; missing where those of one of its communes are."""
    people = members["code"].map(communes["population"]).astype("float64") * members["weight"]
    sums = people.groupby(members["zone"]).sum().round(DECIMALS)
    lost = people.isna().groupby(members["zone"]).any()
    return sums.where(~lost).rename("population")


def zone_sums(table: pd.DataFrame, members: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Add columns of a table (`code`, `activity`, …) up by zone and activity, with all zeros.

    Returns
    -------
    DataFrame
        Indexed by (zone, activity): every zone with every activity of the table.
    """
    # In canonical order first: sums of fractions depend on it to the last bit.
    joined = table.merge(members, on="code").sort_values(["zone", "activity", "code", *columns])
    weighed = joined[["zone", "activity"]].assign(
        **{name: joined[name].astype("float64") * joined["weight"] for name in columns}
    )
    sums = weighed.groupby(["zone", "activity"])[list(columns)].sum().round(DECIMALS)
    zones, activities = members["zone"].unique(), sorted(table["activity"].unique())
    every = pd.MultiIndex.from_product([zones, activities], names=["zone", "activity"])
    return sums.reindex(every, fill_value=0.0)


def zone_means(values: pd.Series, communes: gpd.GeoDataFrame, members: pd.DataFrame) -> pd.Series:
    """Average a measure of the communes over each zone by their inhabitants; missing ones aside."""
    people = members["code"].map(communes["population"]).astype("float64") * members["weight"]
    value = members["code"].map(values).astype("float64")
    people = people.where(value.notna())
    totals = people.groupby(members["zone"]).sum()
    sums = (people * value).groupby(members["zone"]).sum()
    means = sums / totals.where(totals > 0)
    alone = members.groupby("zone")["code"].transform("size") == 1
    only = value[alone].set_axis(members["zone"][alone])  # a zone of one commune has its measure
    found: pd.Series = means.fillna(only)
    return found
