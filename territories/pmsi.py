"""PMSI geography: which communes a code covers, and how its stays are shared among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from territories import codes
from territories._allocation import shared_out
from territories._columns import code_column, empty_cells, number_column, text_column
from territories._tables import matched, read_table, value_list
from territories.errors import InputError, fault

if TYPE_CHECKING:
    import geopandas as gpd

    from territories._words import Sentence
    from territories.cog import CogTable

Rule = Literal["population", "uniform", "same"]


def allocated(
    stays: pd.DataFrame,
    correspondence: pd.DataFrame,
    *,
    rule: Rule = "population",
    whole: bool = False,
) -> pd.DataFrame:
    """Share the stays of each PMSI code among its communes.

    Parameters
    ----------
    stays
        Columns `pmsi_code`, `stays` and others (`site`, `activity`); every code stands in the
        correspondence.
    correspondence
        Columns `code` (commune), `pmsi_code`, `population`; a commune may stand twice under a code,
        its parts add up.
    rule
        ``"population"``: in proportion to inhabitants (evenly where a code has none);
        ``"uniform"``: evenly. ``"same"`` gives every commune the code's own distribution, each
        weighing the same within the code: as ``"uniform"``, since totals are conserved.
    whole
        Keep whole numbers: the units left over go to the largest remainders, then the lower code.

    Returns
    -------
    DataFrame
        The columns of `stays` with `residence` in place of `pmsi_code`, and `split` (True where
        the code has several communes).
    """
    measures = [name for name in ("stays", "masked") if name in stays]
    shared = shared_out(
        stays,
        parts_of(correspondence, rule),
        on="pmsi_code",
        measures=measures,
        whole=["stays"] if whole else [],
    )
    return shared.drop(columns=["pmsi_code", "part"]).rename(columns={"code": "residence"})


def parts_of(correspondence: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return the part of each commune in the stays of each PMSI code: they make 1 for a code."""
    parts = correspondence.groupby(["pmsi_code", "code"], as_index=False)["population"].sum()
    people = parts.groupby("pmsi_code")["population"].transform("sum")
    even = 1 / parts.groupby("pmsi_code")["code"].transform("size")
    weighed = (parts["population"] / people.where(people > 0)).fillna(even)
    part = weighed if rule == "population" else even
    return pd.DataFrame({**parts, "part": part})


def read_pmsi_codes(path: str | Path) -> pd.DataFrame:
    """Read which communes each PMSI code covers: `pmsi_code`, `code`, `population`."""
    table = matched(read_table(path), ["code", "pmsi_code", "population"])
    code, faults = code_column(table, "code", [])
    population, wrong = number_column(table, "population")
    faults += [*wrong, *empty_cells(table, ["pmsi_code"])]
    if faults:
        raise InputError(*faults)
    return pd.DataFrame(
        {
            "pmsi_code": text_column(table, "pmsi_code").str.upper(),
            "code": code,
            "population": population,
        }
    )


def of_year(code: pd.Series, communes: gpd.GeoDataFrame, cog: CogTable) -> pd.Series:
    """Bring communes to the year of the layer; one that was split goes to its largest part."""
    parts = _converted(code, communes, cog).sort_values(["code", "share", "converted"])
    became = parts.drop_duplicates("code", keep="last").set_index("code")["converted"]
    return code.map(became).fillna(code)


def cover_of_year(cover: pd.DataFrame, communes: gpd.GeoDataFrame, cog: CogTable) -> pd.DataFrame:
    """Bring the communes of a correspondence to the year of the layer."""
    parts = _converted(cover["code"], communes, cog)
    joined = cover.merge(parts, on="code", how="left")
    joined["population"] = joined["population"] * joined["share"].fillna(1.0)
    joined["code"] = joined["converted"].fillna(joined["code"])
    return joined[cover.columns.tolist()]


def _converted(code: pd.Series, communes: gpd.GeoDataFrame, cog: CogTable) -> pd.DataFrame:
    target = communes.attrs.get("cog") or codes.guessed_year(communes.index, cog).year
    source = min(codes.guessed_year(code, cog).year, target)
    return codes.convert(
        code.drop_duplicates(), source, target, cog, population=communes["population"]
    )


def not_in_layer(source: str | Path, code: pd.Series, communes: gpd.GeoDataFrame) -> list[Sentence]:
    """Find communes of the layer's departments that the layer has not: codes of another year."""
    ours = set(codes.department(communes.index.to_series()))
    city = codes.to_cities(code, kept=communes.index)
    lost = city[codes.department(city).isin(ours) & ~city.isin(communes.index)]
    if lost.empty:
        return []
    layer = str(communes.attrs.get("file", "communes"))
    values = value_list(lost.drop_duplicates().sort_values())
    return [
        fault("table_unknown", file=Path(source).name, count=len(lost), values=values, layer=layer)
    ]


def own_codes(present: pd.Series) -> pd.DataFrame:
    """Return the correspondence of codes that are those of communes."""
    given = present.drop_duplicates()
    return pd.DataFrame({"pmsi_code": given, "code": codes.repaired(given), "population": 0.0})
