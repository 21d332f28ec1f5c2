"""The supply of care: the professionals of each commune, and their density."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from territories import codes
from territories._columns import code_column, count_column, number_column, totals_of
from territories._keys import by_value
from territories._labels import activity_column
from territories._tables import matched, read_table, unused
from territories._words import Sentence
from territories._zones import By, zone_members, zone_populations, zone_sums
from territories.activities import known as activities_known
from territories.errors import CodeError, InputError, fault, of_kind, one_of
from territories.pmsi import not_in_layer, of_year
from territories.reconciliation import Reconciliation
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd

    from territories._tables import Table
    from territories.cog import CogTable

_PER: Final = 100_000
_AGES: Final = (18, 100)
_COLUMNS: Final = ("commune", "activity", "professionals")
_OPTIONAL: Final = ("mean_age", "share_over_60")


@dataclass(frozen=True, eq=False)
class Supply:
    """A checked table of professionals, in canonical order.

    Parameters
    ----------
    table
        `commune`, `activity`, `professionals` (may be full-time equivalents, with decimals),
        `mean_age` (years) and `share_over_60` (in [0, 1]), both missing where unknown. A commune
        and an activity stand once.
    communes
        The layer the table is about; communes elsewhere are external.
    reconciliation
        The account of the file it comes from.
    """

    table: pd.DataFrame
    communes: gpd.GeoDataFrame | None = None
    reconciliation: Reconciliation = field(default_factory=Reconciliation)

    def __post_init__(self) -> None:
        """Check the columns, and put the rows in canonical order."""
        missing = [name for name in _COLUMNS if name not in self.table]
        if missing:
            raise InputError(fault("supply_columns", found=", ".join(map(str, self.table.columns))))
        number = self.table["professionals"]
        if not pd.api.types.is_numeric_dtype(number) or not (number >= 0).all():
            raise InputError(fault("supply_numbers"))
        unknown = {name: np.nan for name in _OPTIONAL if name not in self.table}
        full = self.table.assign(**unknown)[[*_COLUMNS, *_OPTIONAL]]
        full = full.astype({"commune": "str", "activity": "str"})
        if full.duplicated(["commune", "activity"]).any():
            full = _added_up(full)
        ordered = full.sort_values(["commune", "activity"], ignore_index=True)
        object.__setattr__(self, "table", ordered)

    def __repr__(self) -> str:
        """Return what matters of the supply; no number of professionals is among it."""
        return (
            f"<Supply: {len(self.table):,} rows, {len(self.activities)} activities, "
            f"{self.table['commune'].nunique():,} communes>"
        )

    @property
    def activities(self) -> list[str]:
        """Activities of the table, in order."""
        return sorted(self.table["activity"].unique())


def _added_up(table: pd.DataFrame) -> pd.DataFrame:
    """Add up the rows of one commune and activity; ages and shares by number, where known."""
    ordered = table.sort_values(["commune", "activity", "professionals", *_OPTIONAL])
    sums = _with_products(ordered).groupby(["commune", "activity"], as_index=False).sum()
    return _with_means(sums)


def _with_products(table: pd.DataFrame) -> pd.DataFrame:
    """Replace means by what can be added: products with the numbers, and the numbers known."""
    number = table["professionals"].astype("float64")
    added = {}
    for name in _OPTIONAL:
        value = table[name].astype("float64")
        added[name] = (number * value).fillna(0.0)
        added[f"{name}_known"] = number.where(value.notna(), 0.0)
    return table.assign(professionals=number, **added)


def _with_means(sums: pd.DataFrame) -> pd.DataFrame:
    """Return to means what `_with_products` made sums of; missing where nobody's is known."""
    means = {}
    for name in _OPTIONAL:
        base = sums[f"{name}_known"]
        means[name] = sums[name] / base.where(base > 0)
    return sums.assign(**means).drop(columns=[f"{name}_known" for name in _OPTIONAL])


def read_supply(
    path: str | Path,
    *,
    communes: gpd.GeoDataFrame | None = None,
    columns: Mapping[str, str] | None = None,
    activities: Mapping[str, Sequence[str]] | None = None,
    allow_new: bool = True,
    cog_table: CogTable | None = None,
    on_unknown: Literal["error", "aside"] = "error",
    sheet: str | None = None,
) -> Supply:
    """Read a table of professionals: commune, profession or specialty, number.

    Parameters
    ----------
    path
        Delimited text, XLSX, ODS or Parquet. Columns: the commune (``commune``, ``codgeo``…), the
        ``specialite`` or the ``profession`` (the specialty first, where both stand and it says
        something), the number (``effectif``, ``nombre``, ``nb_ps``, ``etp``…; decimals are kept)
        and, where there are any, ``age_moyen`` and ``part_60_plus`` (in [0, 1] or in percent),
        whose empty cells are unknown.
    communes
        The layer. Communes of other departments are kept, as external.
    columns
        Ours to theirs, for columns whose names are not recognised: `code`, `activity`,
        `profession`, `professionals`, `mean_age`, `share_over_60`.
    activities
        Your own activities and their synonyms, see `activities.known`.
    allow_new
        Keep activities that are not known, under the label of the file; False refuses them.
    cog_table
        From `read_cog`: communes are brought to the year of the layer.
    on_unknown
        ``"error"`` refuses codes of the layer's departments that the layer has not; ``"aside"``
        sets their rows aside.
    sheet
        Of a workbook with several tables, the one that is meant.

    Returns
    -------
    Supply
        Rows of one commune and one activity are added up (general practitioners of several codes).

    Raises
    ------
    InputError
        One message with all that is wrong with the file.
    """
    one_of("on_unknown", on_unknown, ("error", "aside"))
    raw = read_table(path, sheet=sheet, columns=columns)
    table = matched(raw, ["code", "professionals"], ["activity", "profession", *_OPTIONAL], columns)
    labelled = [name for name in ("activity", "profession") if name in table.frame]
    if not labelled:
        matched(raw, ["activity"], (), columns)  # refuses, and says which columns are there
    totals = totals_of(table, ["code", *labelled])
    table = replace(table, frame=table.frame[~totals])
    notices: list[Sentence] = [*table.notices, *unused(table)]
    code, faults = code_column(table, "code", notices)
    number, wrong = number_column(table, "professionals", notices)
    activity, silent, unknown = _activities(table, labelled, activities, allow_new=allow_new)
    faults += [*wrong, *unknown]
    if silent.any():
        column = labelled[0]
        values = {"count": int(silent.sum()), "rows": table.places(column, silent)}
        faults.append(fault("cell_empty", file=table.file, column=table.head(column), **values))
    age, wrong = _ages(table)
    share, more = _shares(table)
    faults += [*wrong, *more]
    lost = pd.Series(data=False, index=code.index)
    if communes is not None:
        if cog_table is not None:
            code = by_value(code, lambda each: of_year(each, communes, cog_table))
        code = by_value(code, lambda each: codes.to_cities(each, kept=communes.index))
        ours = codes.department(communes.index.to_series()).unique()
        lost = codes.department(code).isin(ours) & ~code.isin(communes.index)
        if on_unknown == "error":
            faults += not_in_layer(path, code, communes)
    if faults:
        raise (CodeError if all("code" in each.key for each in faults) else InputError)(*faults)
    account = Reconciliation(
        file=table.file,
        sha256=table.sha256,
        rows_in=len(code) + int(totals.sum()) + len(table.footnotes),
        notices=tuple(notices),
    ).set_aside("footnote", len(table.footnotes), 0)
    account = account.set_aside("total", int(totals.sum()), 0)
    account = account.set_aside("unknown_commune", int(lost.sum()), 0)
    if lost.all():
        raise InputError(fault("nothing_kept", file=table.file))
    frame = pd.DataFrame(
        {
            "commune": code,
            "activity": activity,
            "professionals": number,
            "mean_age": age,
            "share_over_60": share,
        }
    )[~lost]
    supply = Supply(table=frame, communes=communes, reconciliation=account)
    if len(supply.table) < len(frame):
        told = {"rows": len(frame), "kept": len(supply.table)}
        account = account.noted(Sentence("notice.rows_merged", told))
    return replace(supply, reconciliation=account)


def _activities(
    table: Table,
    labelled: Sequence[str],
    extra: Mapping[str, Sequence[str]] | None,
    *,
    allow_new: bool,
) -> tuple[pd.Series, pd.Series, list[Sentence]]:
    """Name the activity of each row, tell the rows that say none, and what is wrong."""
    thesaurus = activities_known(extra)
    name, how, faults = activity_column(table, labelled[0], thesaurus, allow_new=allow_new)
    for column in labelled[1:]:
        other, other_how, more = activity_column(table, column, thesaurus, allow_new=allow_new)
        silent = (how == "missing") & (other_how != "missing")
        name, how = name.where(~silent, other), how.where(~silent, other_how)
        faults += more if silent.any() else []
    return name, how == "missing", faults


def _ages(table: Table) -> tuple[pd.Series, list[Sentence]]:
    if "mean_age" not in table.frame:
        return pd.Series(np.nan, index=table.frame.index), []
    read = count_column(table, "mean_age")
    age = read.values.mask(read.masked | read.missing)
    strange = (age < _AGES[0]) | (age > _AGES[1])
    return age, [*read.faults, *_out_of_range(table, "mean_age", strange, "supply_age")]


def _shares(table: Table) -> tuple[pd.Series, list[Sentence]]:
    """Read shares, in [0, 1]; a column with a sign of percent or a number over 1 is in percent."""
    if "share_over_60" not in table.frame:
        return pd.Series(np.nan, index=table.frame.index), []
    cells = table.frame["share_over_60"].astype("str")
    bare = cells.str.replace(r"\s*%\s*$", "", regex=True)
    bared = replace(table, frame=table.frame.assign(share_over_60=bare))
    read = count_column(bared, "share_over_60")
    share = read.values.mask(read.masked | read.missing)
    if (bare != cells).any() or (share > 1).any():
        share = share / 100
    return share, [*read.faults, *_out_of_range(table, "share_over_60", share > 1, "supply_share")]


def _out_of_range(table: Table, column: str, rows: pd.Series, key: str) -> list[Sentence]:
    if not rows.any():
        return []
    values = {"count": int(rows.sum()), "rows": table.places(column, rows)}
    return [fault(key, file=table.file, column=table.head(column), **values)]


def density(
    supply: Supply,
    communes: gpd.GeoDataFrame | Zoning,
    *,
    by: By | None = None,
    zoning: Zoning | None = None,
) -> pd.DataFrame:
    """Count professionals per 100 000 inhabitants.

    Parameters
    ----------
    supply
        Professionals by commune; those outside the layer are left out.
    communes
        Layer indexed by code, or a zoning (then by territory).
    by
        Zones: ``"commune"`` (default for a layer), ``"territory"`` or ``"department"``.
    zoning
        The territories; shared communes count by weight, uncovered ones in none.

    Returns
    -------
    DataFrame
        Indexed by (zone, activity), every zone with every activity of the table: `population`;
        `professionals`, 0 where there are none; `density` per 100 000 inhabitants, missing where
        nobody lives or nobody knows how many; `mean_age` (years) and `share_over_60`, weighted by
        numbers, of those for whom they are known. Exact, for your own eyes: what is shown goes
        through `supply_table`. One activity as a map: ``density(…)["density"].xs(name,
        level="activity")``.
    """
    of_kind("Supply", supply=supply)
    if isinstance(communes, Zoning):
        zoning = communes if zoning is None else zoning
        by, communes = by or "territory", communes.communes
    members = zone_members(communes, by=by or "commune", zoning=zoning)
    columns = ["professionals", *(each for name in _OPTIONAL for each in (name, f"{name}_known"))]
    table = _with_products(supply.table).rename(columns={"commune": "code"})
    sums = _with_means(zone_sums(table, members, columns))
    people = zone_populations(communes, members)
    sums.insert(0, "population", people.loc[sums.index.get_level_values("zone")].to_numpy())
    per = _PER * sums["professionals"] / sums["population"].where(sums["population"] > 0)
    sums.insert(2, "density", per)
    return sums
