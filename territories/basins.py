"""Recruitment basins: the communes that most of a hospital's stays come from."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from territories.errors import InputError, fault, of_kind, one_of

if TYPE_CHECKING:
    from territories.flows import Flows

# Allocated stays are fractions. They are added up as whole numbers of billionths, and sums that
# differ by less than half a millionth are the same number.
_UNITS: Final = 1_000_000_000
_SLACK: Final = 500
_DECIMALS: Final = 6


def recruitment_basin(flows: Flows, site: str, share: float = 0.8) -> pd.DataFrame:
    """Return the smallest set of communes, by decreasing share, that supplies most of a site.

    Parameters
    ----------
    flows
        Flows of stays (see `read_hospital`), or any located flows.
    site
        A site (FINESS number) of `Flows.sites`, or the code of a commune or pole that receives,
        for all its sites together.
    share
        The part of its stays that the basin supplies at least, over 0 and at most 1.

    Returns
    -------
    DataFrame
        Indexed by `code` of residence, by decreasing stays (equal ones by code): `stays` (exact,
        for the user's own eyes), `share` of all those of the site, and `cumulated`, both in [0, 1].
        The last is the first at which `share` is reached, exactly. Residences outside the layer
        are among them: communes, or departments for PMSI codes of elsewhere. Stays of a PMSI code
        were shared out among its communes as `read_hospital` was asked.

    Raises
    ------
    InputError
        If the flows are not located, the share is not one, or nobody is received there.

    References
    ----------
    ATIH, zones de recrutement of hospitals: 80 % of the stays.
    """
    named = flows.sites is not None and site in set(flows.sites["site"])
    cells = _counts(flows, "site" if named else "destination")
    cells = cells[cells["site"] == site]
    if cells.empty:
        raise InputError(fault("basin_site", value=repr(site)))
    kept = _reached(cells, share)
    return pd.DataFrame(
        {
            "stays": (kept["units"] / _UNITS).round(_DECIMALS),
            "share": kept["units"] / kept["total"],
            "cumulated": kept["cumulated"] / kept["total"],
        }
    ).set_axis(pd.Index(kept["code"], name="code", dtype="str"))


def recruitment_basins(
    flows: Flows, *, share: float = 0.8, by: Literal["site", "destination"] | None = None
) -> pd.DataFrame:
    """Measure the basins of all sites (see `recruitment_basin`).

    Parameters
    ----------
    flows, share
        See `recruitment_basin`.
    by
        ``"site"`` or ``"destination"``; None: by site where the flows know them.

    Returns
    -------
    DataFrame
        Indexed by `site`, in order: `stays` of all (exact, for the user's own eyes); `codes`,
        residences in the basin; `communes`, those among them that are in the layer, and their
        `population`; missing without a layer.

    Raises
    ------
    InputError
        As `recruitment_basin`.
    """
    chosen = by or ("destination" if flows.sites is None else "site")
    kept = _reached(_counts(flows, chosen), share)
    basins = kept.groupby("site")
    table = pd.DataFrame(
        {
            "stays": (basins["total"].first() / _UNITS).round(_DECIMALS),
            "codes": basins.size().astype("int64"),
        }
    )
    if flows.communes is None:
        return table.assign(communes=np.nan, population=np.nan)
    people = flows.communes["population"].astype("float64")
    inside = kept[kept["code"].isin(people.index)]
    living = people.reindex(inside["code"]).groupby(inside["site"].to_numpy())
    table["communes"] = living.size().reindex(table.index, fill_value=0).astype("int64")
    # One commune whose inhabitants are not known, and nobody knows those of the basin.
    known = living.count() == living.size()
    table["population"] = living.sum().where(known).reindex(table.index, fill_value=0.0)
    return table


def _counts(flows: Flows, by: str) -> pd.DataFrame:
    """Add stays up by `site` and `code` of residence, in billionths, so that sums are exact."""
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    one_of("by", by, ("destination",) if flows.sites is None else ("destination", "site"))
    table = flows.sites if by == "site" and flows.sites is not None else flows.table
    sums = table.groupby([by, "residence"])["patients"].sum()
    units = (sums * _UNITS).round().astype("int64").rename("units")
    cells = units[units > 0].rename_axis(["site", "code"]).reset_index()
    return cells.assign(total=cells.groupby("site")["units"].transform("sum"))


def _reached(cells: pd.DataFrame, share: float) -> pd.DataFrame:
    """Keep the residences of each site up to the one at which the share is reached."""
    if not 0 < share <= 1:
        raise InputError(fault("basin_share", value=repr(share)))
    # 0.8 is meant as 4/5, not as the nearest binary fraction.
    part = Fraction(str(share))
    ordered = cells.sort_values(["site", "units", "code"], ascending=[True, False, True])
    before = ordered.groupby("site")["units"].cumsum() - ordered["units"]
    totals = ordered["total"].tolist()
    wanted = [-(-part.numerator * each // part.denominator) - _SLACK for each in totals]
    cumulated = before + ordered["units"]
    short = before < np.array(wanted, dtype="int64")
    return ordered.assign(cumulated=cumulated)[short | (before == 0)]
