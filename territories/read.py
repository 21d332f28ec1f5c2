"""Reading files: whatever is given is normalised and said so, set aside by reason, or refused."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pandas as pd

from territories._allocation import shared_out
from territories._coding import Arrondissements
from territories._cog_files import read_cog
from territories._columns import code_column, text_column
from territories._extract import (
    Dash,
    Duplicates,
    Extract,
    Options,
    extracted,
    matched_extract,
    of_year,
    period_of,
)
from territories._flow_files import flows_of, written
from territories._keys import by_value, row_keys
from territories._layers import read_communes
from territories._numbers import MASKED_AS, MOST_MASKED
from territories._rows import OnUnknown, accounted, row_faults, with_external, without_duplicates
from territories._tables import matched, read_table, value_list
from territories._words import Sentence
from territories.activities import known as activities_known
from territories.errors import CodeError, InputError, fault, of_kind, one_of
from territories.flows import KEYS, MEASURES, Flows
from territories.pmsi import Rule, cover_of_year, not_in_layer, parts_of, read_pmsi_codes
from territories.reconciliation import Reconciliation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from territories.cog import CogTable

__all__ = ["account_of", "read_bridges", "read_communes", "read_flows", "read_locked"]

PathLike = str | Path


def read_flows(
    path: PathLike,
    *,
    columns: Mapping[str, str] | None = None,
    cog: int | None = None,
    cog_table: PathLike | CogTable | None = None,
    communes: gpd.GeoDataFrame | None = None,
    on_unknown: OnUnknown = "error",
    activity: str | None = None,
    activities: Mapping[str, Sequence[str]] | None = None,
    allow_new: bool = False,
    year: int | str | None = None,
    period: str | None = None,
    duplicates: Duplicates = "error",
    dash: Dash = "masked",
    masked_as: int = MASKED_AS,
    arrondissements: Arrondissements = "city",
    pmsi_codes: PathLike | None = None,
    allocation: Rule = "population",
    sheet: str | None = None,
) -> Flows:
    """Read an extract of flows: residents of communes seen by professionals, or in places.

    Parameters
    ----------
    path
        Delimited text, XLSX, ODS or Parquet, alone or packed by gzip or zip. Encoding, separator,
        titles, footnotes, totals and French column names are recognised. A file of `write_flows`
        gives back the flows as they were: of the parameters, only `communes`, `on_unknown`,
        `period` and `masked_as` then count.
    columns
        Ours to theirs, for columns whose names are not recognised.
    cog
        Year of the codes; without it, it is guessed from the codes where `cog_table` is given.
    cog_table
        INSEE's list of communes (``v_commune_AAAA.csv``), their events (``v_mvtcommune_AAAA.csv``)
        or the folder of both: codes are checked against it, and converted from their year to that
        of the layer (of the list, without a layer).
    communes
        The layer the flows are about.
    on_unknown
        A residence or destination is unknown when it is not a plausible code, or not in
        `cog_table`, or not in `communes` though its department is there. ``"error"`` refuses;
        ``"aside"`` sets the rows aside by reason, and also those without a code, an activity or a
        number; ``"external"`` keeps unknown codes as places outside the layer. Plausible codes of
        other departments are external and kept.
    activity
        The one activity of a file that has no such column.
    activities
        Your own activities and their synonyms, see `activities.known`.
    allow_new
        Keep activities that are not known; else they are refused, with the closest ones.
    year
        Which year to keep, of a file that stacks several.
    period
        When the flows were observed, as ``"2023"`` or ``"2021-2023"``. Without it: `year`, or the
        one year of the file's own column.
    duplicates
        Rows with the same key: ``"error"`` refuses, ``"sum"`` adds them up, ``"first"`` keeps the
        first in the file. Rows whose communes have merged since are always added up.
    dash
        What ``-`` stands for: ``"masked"`` or ``"zero"``.
    masked_as
        What a masked cell (``<11``, ``ns``, ``1-10``…) counts as, 1 to 10; its true number is any
        of these, see `Flows.bounds`.
    arrondissements
        ``"city"``: those of Paris, Lyon and Marseille count as their city; ``"kept"``.
    pmsi_codes
        The residences are PMSI codes: which communes each covers, with their population.
    allocation
        How patients of a PMSI code that covers several communes are shared out, see `allocated`.
        They stay whole numbers where all are.
    sheet
        Of a workbook with several tables, the one that is meant.

    Returns
    -------
    Flows
        With `practitioner` or `destination`, as found.

    Raises
    ------
    InputError
        One message with all that is wrong with the file: rows, columns, and what to do.
    """
    for name, value, known in (
        ("on_unknown", on_unknown, OnUnknown),
        ("duplicates", duplicates, Duplicates),
        ("dash", dash, Dash),
        ("arrondissements", arrondissements, Arrondissements),
        ("allocation", allocation, Rule),
    ):
        one_of(name, value, get_args(known))
    if not 1 <= masked_as <= MOST_MASKED:
        raise InputError(fault("masked_as", value=repr(masked_as), most=MOST_MASKED))
    table_of_cog = read_cog(cog_table) if isinstance(cog_table, str | Path) else cog_table
    if communes is not None:
        of_kind("GeoDataFrame", communes=communes)
    before = _kept_flows(
        path,
        communes=communes,
        on_unknown=on_unknown,
        year=None if year is None else str(year),
        period=period,
        masked_as=masked_as,
    )
    if before is not None:
        return before
    raw = read_table(path, sheet=sheet, columns=columns)
    table = matched_extract(raw, columns=columns, activity=activity, cog=table_of_cog)
    table, others = of_year(table, None if year is None else str(year))
    extract = extracted(
        table,
        Options(
            thesaurus=activities_known(activities),
            communes=communes,
            cog=table_of_cog,
            codes_year=cog,
            allow_new=allow_new,
            year=None if year is None else str(year),
            duplicates=duplicates,
            dash=dash,
            masked_as=masked_as,
            arrondissements=arrondissements,
            cover=cover_of(pmsi_codes, allocation, communes, table_of_cog),
        ),
    )
    layer = "" if communes is None else str(communes.attrs.get("file", "communes"))
    if on_unknown == "external":
        extract = with_external(extract)
    extract = without_duplicates(extract, duplicates)
    faults = [*extract.faults, *row_faults(extract, on_unknown, layer)]
    if faults:
        raise (CodeError if all("code" in each.key for each in faults) else InputError)(*faults)
    account, rows = accounted(extract, others)
    if not rows.any():
        raise InputError(fault("nothing_kept", file=extract.table.file))
    kept = extract.frame[rows]
    if on_unknown == "error" and communes is not None:
        refuse_another_region(
            extract.table.file, extract.coded["residence"].parts["converted"], communes
        )
    frame, notices = _brought(kept, extract)
    notices += layer_notices(frame, communes, cog, cog_table)
    if "destination" in frame:
        notices.append(Sentence("notice.professionals_unknown"))
    return Flows(
        table=frame,
        communes=communes,
        reconciliation=account.noted(*notices),
        cog=cog,
        masked_as=masked_as,
        period=period_of(table, period),
    )


def cover_of(
    path: PathLike | None,
    rule: Rule,
    communes: gpd.GeoDataFrame | None,
    cog: CogTable | None,
) -> pd.DataFrame | None:
    """Read the part of each commune in each PMSI code; its communes are those of the layer."""
    if path is None:
        return None
    cover = read_pmsi_codes(path)
    if communes is not None:
        cover = cover if cog is None else cover_of_year(cover, communes, cog)
        lost = not_in_layer(path, cover["code"], communes)
        if lost:
            raise CodeError(*lost)
    return parts_of(cover, rule)


def _kept_flows(
    path: PathLike,
    *,
    communes: gpd.GeoDataFrame | None,
    on_unknown: OnUnknown,
    year: str | None,
    period: str | None,
    masked_as: int,
) -> Flows | None:
    """Return the flows that `write_flows` wrote; None where the file is any other."""
    kept = written(path)
    if kept is None:
        return None
    if year is not None and year != kept.told["period"]:
        raise InputError(fault("year_missing", file=kept.file))
    flows = flows_of(
        kept, communes=communes, on_unknown=on_unknown, period=period, masked_as=masked_as
    )
    if on_unknown == "error" and communes is not None:
        refuse_another_region(kept.file, flows.table["residence"], communes)
    notices = layer_notices(flows.table, communes, None, None)
    return replace(flows, reconciliation=flows.reconciliation.noted(*notices))


def _brought(kept: pd.DataFrame, extract: Extract) -> tuple[pd.DataFrame, list[Sentence]]:
    """Bring codes to communes of the layer's year; rows that become one are added up."""
    table = kept
    measures = [name for name in MEASURES if name in table]
    whole = [
        name for name in measures if name != "masked" and pd.api.types.is_integer_dtype(table[name])
    ]
    for name, column in extract.coded.items():
        parts = column.parts
        if parts["code"].duplicated().any():
            shared = shared_out(
                table,
                parts.rename(columns={"code": name, "converted": "code"}),
                on=name,
                measures=measures,
                whole=whole,
            )
            table = shared.assign(**{name: shared["code"]})[table.columns]
        elif (parts["code"] != parts["converted"]).any():
            became = parts.set_index("code")["converted"]
            table = table.assign(**{name: by_value(table[name], partial(_mapped, became))})
    keys = [name for name in KEYS if name in table]
    if table is kept and extract.unique:
        return table, []
    if not pd.Series(row_keys(table, keys)).duplicated().any():
        return table, []
    # In canonical order first: sums of amounts depend on it to the last bit. Of several departments
    # the last is taken, the empty one comes first.
    others = dict.fromkeys(table.columns.difference([*keys, *measures]), "last")
    table = table.sort_values([*keys, *others, *measures])
    merged = table.groupby(keys, as_index=False, sort=True)[list(table.columns)].agg(
        {**dict.fromkeys(measures, "sum"), **others}
    )
    told = {"rows": len(table), "kept": len(merged)}
    return merged[table.columns], [Sentence("notice.rows_merged", told)]


def _mapped(became: pd.Series, code: pd.Series) -> pd.Series:
    return code.map(became)


def refuse_another_region(file: str, residences: pd.Series, communes: gpd.GeoDataFrame) -> None:
    """Refuse flows none of whose residences is in the layer."""
    if not residences.isin(communes.index).any():
        layer = str(communes.attrs.get("file", "communes"))
        raise InputError(fault("no_common_commune", file=file, layer=layer))


def layer_notices(
    table: pd.DataFrame,
    communes: gpd.GeoDataFrame | None,
    cog: int | None,
    cog_table: object,
) -> list[Sentence]:
    """Say what the comparison with the layer shows."""
    if communes is None:
        return []
    notices = []
    year = communes.attrs.get("cog")
    if cog is not None and year is not None and cog != year and cog_table is None:
        notices.append(Sentence("notice.cog_differs", {"flows": str(cog), "layer": str(year)}))
    for name, key in (
        ("residence", "notice.clipped_residences"),
        ("destination", "notice.clipped_destinations"),
    ):
        if name in table and pd.Series(table[name].unique()).isin(communes.index).all():
            notices.append(Sentence(key))
    return notices


def account_of(path: PathLike) -> Reconciliation:
    """Return the account of a table without flows: its hash and its rows."""
    table = read_table(path)
    return Reconciliation(file=table.file, sha256=table.sha256, rows_in=len(table.frame))


def read_bridges(path: PathLike) -> pd.DataFrame:
    """Read the pairs of communes that are joined although they do not touch.

    Returns
    -------
    DataFrame
        Columns `left` and `right`.
    """
    table = matched(read_table(path), ["left", "right"])
    ends = {name: code_column(table, name, []) for name in ("left", "right")}
    faults = [each for _, wrong in ends.values() for each in wrong]
    if faults:
        raise CodeError(*faults)
    return pd.DataFrame({name: code for name, (code, _) in ends.items()})


def read_locked(path: PathLike) -> pd.Series:
    """Read the communes that are locked into a territory.

    Parameters
    ----------
    path
        A table with the columns `code` and `territory` (``territoire``): any names of territories,
        and as many rows as communes to lock. An empty territory leaves the commune free. The
        `communes.csv` of a run locks all of it.

    Returns
    -------
    Series
        Territory by code, as `delineate` takes it.

    Raises
    ------
    InputError
        If a code cannot be read, or a commune is locked into two territories.
    """
    table = matched(read_table(path), ["code", "territory"])
    code, faults = code_column(table, "code", [])
    locked = pd.DataFrame({"code": code, "territory": text_column(table, "territory")})
    locked = locked[locked["territory"] != ""].drop_duplicates()
    twice = sorted(locked["code"][locked["code"].duplicated()].unique())
    if twice:
        values = {"file": table.file, "count": len(twice), "values": value_list(pd.Series(twice))}
        faults.append(fault("locked_twice", **values))
    if faults:
        raise CodeError(*faults)
    return locked.set_index("code")["territory"].astype("str").rename("territory")
