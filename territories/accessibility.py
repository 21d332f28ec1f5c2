"""Accessibility: how many professionals the inhabitants of a commune reach, and share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import pandas as pd
import shapely

from territories._columns import code_column, number_column
from territories._tables import matched, read_table
from territories._zones import DECIMALS, By, zone_means, zone_members
from territories.errors import InputError, fault, of_kind, one_of
from territories.travel import checked_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd

    from territories.supply import Supply
    from territories.zoning import Zoning

Method = Literal["2sfca", "e2sfca"]

# Choice: half an hour by car, or as many kilometres of straight line as it is about, 20.
MINUTES: Final = 30.0
METRES: Final = 20_000.0

# Luo and Qi's slow decay, by thirds of the threshold.
DECAY: Final = (1.0, 0.68, 0.22)

_PER: Final = 100_000


def accessibility(
    supply: Supply,
    communes: gpd.GeoDataFrame,
    *,
    activity: str,
    times: pd.DataFrame | None = None,
    threshold: float | None = None,
    method: Method = "2sfca",
    decay: Sequence[float] = DECAY,
    by: By = "commune",
    zoning: Zoning | None = None,
) -> pd.Series:
    """Measure how many professionals the inhabitants can reach, shared with all who reach them.

    Two steps: each place of practice has a ratio, its professionals over the inhabitants who reach
    it within the threshold; each commune adds up the ratios of the places that it reaches.

    Parameters
    ----------
    supply
        Professionals by commune.
    communes
        Layer indexed by code.
    activity
        One of `Supply.activities`.
    times
        `residence`, `destination`, `minutes` (see `read_times`); a commune's own is 0 where the
        table has none, pairs that it does not hold are out of reach. Default: straight lines
        between points inside the communes; professionals outside the layer are then left out.
    threshold
        Within reach, bound included: minutes with `times` (default 30), else metres (20 000).
    method
        ``"2sfca"``; or ``"e2sfca"``, enhanced: professionals and inhabitants count less with
        distance, by `decay`.
    decay
        Weights of equal rings within the threshold, from the nearest (``"e2sfca"``).
    by, zoning
        Zones, see `density`: territories and departments have the mean of their inhabitants.

    Returns
    -------
    Series
        Professionals per 100 000 inhabitants, indexed by zone; 0 where none is in reach. Near the
        layer's border it is only as good as what is known of the other side.

    Raises
    ------
    InputError
        If the activity is not in the table, or a parameter or `times` cannot be used.

    References
    ----------
    Luo and Wang (2003); Luo and Qi (2009); computed by PySAL's ``access`` (Saxon et al., 2022).
    """
    of_kind("Supply", supply=supply)
    one_of("method", method, get_args(Method))
    one_of("activity", activity, supply.activities)
    reach = (METRES if times is None else MINUTES) if threshold is None else float(threshold)
    if not (np.isfinite(reach) and reach > 0):
        raise InputError(fault("supply_threshold", value=repr(threshold)))
    rings = np.asarray(decay, dtype="float64")
    if not len(rings) or not np.isfinite(rings).all() or (rings <= 0).any():
        raise InputError(fault("supply_decay", value=repr(decay)))
    members = zone_members(communes, by=by, zoning=zoning)
    costs = _lines(communes, reach) if times is None else _times(times, communes)
    # People only where some live: nobody shares a place of practice with nobody.
    people = communes["population"].astype("float64").sort_index().rename_axis("code")
    unknown = ~people.gt(0)
    people = people[people > 0].to_frame("people")
    offered = supply.table[supply.table["activity"] == activity]
    offered = offered.set_index("commune")[["professionals"]].astype("float64")
    catchment = _Catchment(reach, rings if method == "e2sfca" else None)
    found = _reached(people, offered.rename_axis("code"), costs, catchment)
    found = found.reindex(communes.index.sort_values()).fillna(0.0)
    found = (_PER * found).mask(unknown.to_numpy()).rename("accessibility")
    return zone_means(found, communes, members)


@dataclass(frozen=True, repr=False)
class _Catchment:
    """How far a catchment goes, and the weights of its rings (None: all alike)."""

    reach: float
    rings: np.ndarray | None


def _reached(
    people: pd.DataFrame,
    offered: pd.DataFrame,
    costs: pd.DataFrame,
    catchment: _Catchment,
) -> pd.Series:
    """Have `access` work the two steps out."""
    from access import Access, weights  # noqa: PLC0415 - half a second to import

    reach, rings = catchment.reach, catchment.rings
    costs = costs[costs["residence"].isin(people.index) & (costs["cost"] <= reach)]
    if costs.empty:
        return pd.Series(0.0, index=people.index)
    ground = Access(
        demand_df=people,
        demand_value="people",
        supply_df=offered,
        supply_value="professionals",
        cost_df=costs,
        cost_origin="residence",
        cost_dest="destination",
        cost_name="cost",
    )
    options = {"name": "fca", "cost": "cost", "max_cost": reach}
    if rings is None:
        two: pd.Series = ground.two_stage_fca(**options)["fca_professionals"]
        return two
    edges = reach * (np.arange(len(rings)) + 1) / len(rings)
    decay = weights.step_fn(dict(zip(edges.round(DECIMALS), rings, strict=True)))
    enhanced: pd.Series = ground.enhanced_two_stage_fca(weight_fn=decay, **options)[
        "fca_professionals"
    ]
    return enhanced


def _lines(communes: gpd.GeoDataFrame, reach: float) -> pd.DataFrame:
    """Measure the straight lines, in metres, between points inside communes within reach."""
    drawn = communes[~communes.geometry.is_empty].sort_index()
    points = drawn.geometry.representative_point().to_numpy()
    left, right = shapely.STRtree(points).query(points, predicate="dwithin", distance=reach)
    cost = shapely.distance(points[left], points[right]).round(DECIMALS)
    ends = {"residence": drawn.index[left], "destination": drawn.index[right]}
    pairs = pd.DataFrame(ends).astype("str").assign(cost=cost)
    return pairs.sort_values(["residence", "destination"], ignore_index=True)


def _times(times: pd.DataFrame, communes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Check a table of times and add each commune's own, 0 where the table has none."""
    given = checked_times(times).round(DECIMALS).rename("cost").reset_index()
    own = pd.Series(communes.index.astype("str"))
    every = pd.concat([given, pd.DataFrame({"residence": own, "destination": own, "cost": 0.0})])
    kept = every.drop_duplicates(["residence", "destination"])
    return kept.sort_values(["residence", "destination"], ignore_index=True)


def read_times(
    path: str | Path, *, columns: Mapping[str, str] | None = None, sheet: str | None = None
) -> pd.DataFrame:
    """Read a table of travel times: `residence`, `destination`, `minutes`.

    Parameters
    ----------
    path
        Delimited text, XLSX, ODS or Parquet; a row is a pair of communes.
    columns
        Ours to theirs, for columns whose names are not recognised.
    sheet
        Of a workbook with several tables, the one that is meant.

    Raises
    ------
    InputError
        If a code or a number cannot be read.
    """
    raw = read_table(path, sheet=sheet, columns=columns)
    table = matched(raw, ["residence", "destination", "minutes"], (), columns)
    ends = {name: code_column(table, name, []) for name in ("residence", "destination")}
    minutes, faults = number_column(table, "minutes")
    faults += [each for _, wrong in ends.values() for each in wrong]
    if faults:
        raise InputError(*faults)
    read = pd.DataFrame({**{name: code for name, (code, _) in ends.items()}, "minutes": minutes})
    read = read.reset_index(drop=True)
    checked_times(read)
    return read
