"""How far people go for care, and to the pole of their territory: straight lines, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import shapely

from territories._words import Sentence
from territories.errors import InputError, fault, of_kind

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.zoning import Zoning

# Sums of patients by weight that differ by less are the same number.
_DECIMALS: Final = 6

_COLUMNS: Final = ("residence", "destination", "minutes")


def checked_times(times: pd.DataFrame) -> pd.Series:
    """Check a table of travel times.

    Parameters
    ----------
    times
        Columns `residence`, `destination` (codes, as text) and `minutes`; each pair once, one way.

    Returns
    -------
    Series
        Minutes by (residence, destination).

    Raises
    ------
    InputError
        With all that is wrong: columns that lack, codes that are numbers, minutes that are not
        numbers of 0 or more, pairs that stand twice.
    """
    of_kind("DataFrame", times=times)
    lacking = [name for name in _COLUMNS if name not in times.columns]
    if lacking:
        raise InputError(fault("times_columns", found=", ".join(map(str, times.columns))))
    faults = list[Sentence]()
    ends = times[["residence", "destination"]]
    if len(times) and any(pd.api.types.is_numeric_dtype(ends[name]) for name in ends):
        faults.append(fault("times_codes"))
    minutes = times["minutes"]
    if pd.api.types.is_numeric_dtype(minutes):
        wrong = ends[~(np.isfinite(minutes.astype("float64")) & (minutes >= 0))]
    else:
        wrong = ends if len(ends) else ends.head(0)
    if len(wrong):
        faults.append(fault("times_minutes", values=_pairs(wrong)))
    twice = ends[ends.duplicated()].drop_duplicates()
    if len(twice):
        faults.append(fault("times_twice", values=_pairs(twice)))
    if faults:
        raise InputError(*faults)
    index = pd.MultiIndex.from_frame(ends.astype("str"))
    return pd.Series(minutes.to_numpy(dtype="float64"), index=index, name="minutes")


def _pairs(ends: pd.DataFrame) -> str:
    first = ends.head(5).itertuples(index=False, name=None)
    return ", ".join(f"'{residence}' → '{destination}'" for residence, destination in first)


def distances(communes: gpd.GeoDataFrame, residence: pd.Series, place: pd.Series) -> pd.Series:
    """Measure straight lines between communes, in metres, from a point inside each.

    Parameters
    ----------
    communes
        Layer in a metric projection.
    residence, place
        Codes, on the same index.

    Returns
    -------
    Series
        On that index; 0 within a commune, missing where one of the two is not drawn.
    """
    points = communes.geometry.representative_point()
    points = points[~points.is_empty]  # of communes without outline
    across, along = (
        pd.Series(get(points.to_numpy()), index=points.index)
        for get in (shapely.get_x, shapely.get_y)
    )
    apart = np.hypot(
        residence.map(across).astype("float64") - place.map(across).astype("float64"),
        residence.map(along).astype("float64") - place.map(along).astype("float64"),
    )
    return pd.Series(apart, index=residence.index)


def minutes_between(times: pd.Series, residence: pd.Series, place: pd.Series) -> pd.Series:
    """Look travel times up: missing where the table has none, 0 within a place it does not time.

    Parameters
    ----------
    times
        From `checked_times`.
    residence, place
        Codes, on the same index.
    """
    pairs = pd.MultiIndex.from_arrays([residence.astype("str"), place.astype("str")])
    found = pd.Series(times.reindex(pairs).to_numpy(), index=residence.index, dtype="float64")
    within = (residence == place) & ~pd.Series(pairs.isin(times.index), index=residence.index)
    return found.mask(within, 0.0)


def territory_poles(zoning: Zoning, table: pd.DataFrame) -> pd.Series:
    """Find the pole of each territory: the commune of it that receives most patients.

    Shared communes count by weight. Ties go to the commune with more people, then to the first
    code; missing where no commune of the territory receives anybody.

    Parameters
    ----------
    zoning
        Any zoning.
    table
        Columns `destination`, `patients`.
    """
    member = zoning.membership
    received = table.groupby("destination")["patients"].sum()
    people = member["code"].map(zoning.communes["population"]).astype("float64")
    ranked = member.assign(
        received=(member["code"].map(received).astype("float64") * member["weight"]).round(
            _DECIMALS
        ),
        people=people * member["weight"],
    )
    ranked = ranked[ranked["received"] > 0].sort_values(
        ["territory", "received", "people", "code"], ascending=[True, False, False, True]
    )
    pole = ranked.drop_duplicates("territory").set_index("territory")["code"]
    territories = pd.Index(sorted(member["territory"].unique()), name="territory")
    return pole.reindex(territories).astype("object").rename("pole")


def travel(
    zoning: Zoning, living: pd.DataFrame, *, poles: pd.Series, times: pd.Series | None = None
) -> pd.DataFrame:
    """Average what the residents of each territory travel, each patient counting once.

    Parameters
    ----------
    zoning
        Any zoning.
    living
        From `shared_out`, by residence.
    poles
        Of the territories (see `territory_poles`).
    times
        From `checked_times`.

    Returns
    -------
    DataFrame
        Indexed by territory: `distance_to_care_m` and `distance_to_pole_m`, metres straight ahead
        between points inside the communes (0 within a commune); `undrawn`, the share of its
        residents' patients whose place of care is not drawn: the first distance leaves them out.
        With times: `minutes_to_care`, `minutes_to_pole`, and `untimed`, the same share for the
        pairs that the table lacks. Missing where undefined.
    """
    territories = poles.index
    patients = living["patients"] * living["weight"]
    pole = living["territory"].map(poles)
    found = {}
    straight = distances(zoning.communes, living["residence"], living["destination"])
    to_pole = distances(zoning.communes, living["residence"], pole)
    found["distance_to_care_m"] = _mean(living["territory"], straight, patients)
    found["distance_to_pole_m"] = _mean(living["territory"], to_pole, patients)
    found["undrawn"] = _mean(living["territory"], straight.isna().astype("float64"), patients)
    if times is not None:
        minutes = minutes_between(times, living["residence"], living["destination"])
        timed_pole = minutes_between(times, living["residence"], pole)
        found["minutes_to_care"] = _mean(living["territory"], minutes, patients)
        found["minutes_to_pole"] = _mean(living["territory"], timed_pole, patients)
        found["untimed"] = _mean(living["territory"], minutes.isna().astype("float64"), patients)
    return pd.DataFrame(found).reindex(territories)


def _mean(territory: pd.Series, values: pd.Series, patients: pd.Series) -> pd.Series:
    """Average values by territory, weighted by patients, over those that are known."""
    weight = patients.where(values.notna(), 0.0)
    total = weight.groupby(territory).sum()
    return (values * weight).groupby(territory).sum() / total.where(total > 0)
