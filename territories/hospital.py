"""Hospital stays: from PMSI geographic codes and sites to flows between communes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pandas as pd

from territories import codes
from territories._tables import (
    Table,
    code_column,
    duplicate_keys,
    empty_cells,
    matched,
    number_column,
    read_table,
    row_list,
    value_list,
)
from territories._words import Sentence
from territories.errors import CodeError, InputError, fault, one_of
from territories.flows import Flows, Reconciliation, count
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

PathLike = str | Path
Rule = Literal["population", "uniform", "same"]


def allocated(
    stays: pd.DataFrame, correspondence: pd.DataFrame, *, rule: Rule = "population"
) -> pd.DataFrame:
    """Share the stays of each PMSI code among its communes.

    Parameters
    ----------
    stays
        Columns `pmsi_code`, `site`, `activity`, `stays`; every code stands in the correspondence.
    correspondence
        Columns `code` (commune), `pmsi_code`, `population`; a commune may stand twice under a code,
        its parts add up.
    rule
        ``"population"``: in proportion to inhabitants (evenly where a code has none);
        ``"uniform"``: evenly. ``"same"`` gives every commune the code's own distribution, each
        weighing the same within the code: as ``"uniform"``, since totals are conserved.

    Returns
    -------
    DataFrame
        Columns `residence`, `activity`, `site`, `stays` (fractions) and `split` (True where the
        code has several communes).
    """
    parts = correspondence.groupby(["pmsi_code", "code"], as_index=False)["population"].sum()
    people = parts.groupby("pmsi_code")["population"].transform("sum")
    communes = parts.groupby("pmsi_code")["code"].transform("size")
    even = 1 / communes
    parts["part"] = (
        (parts["population"] / people.where(people > 0)).fillna(even)
        if rule == "population"
        else even
    )
    parts["split"] = communes > 1
    shared = stays.merge(parts[["pmsi_code", "code", "part", "split"]], on="pmsi_code")
    shared["stays"] = shared["stays"] * shared["part"]
    return shared.rename(columns={"code": "residence"})[
        ["residence", "activity", "site", "stays", "split"]
    ]


def read_hospital(
    path: PathLike,
    *,
    sites: PathLike,
    pmsi_codes: PathLike | None = None,
    communes: gpd.GeoDataFrame | None = None,
    allocation: Rule = "population",
    columns: Mapping[str, str] | None = None,
) -> Flows:
    """Read hospital stays by PMSI geographic code and site, as flows between communes.

    Parameters
    ----------
    path
        Stays: PMSI code, site (FINESS), activity, number.
    sites
        The commune of each site.
    pmsi_codes
        Which communes each PMSI code covers, with their population; None: the codes of `path` are
        commune codes.
    communes
        The layer the flows are about.
    allocation
        How the stays of a code that covers several communes are shared, see `allocated`. Totals
        are conserved.
    columns
        Ours to theirs, for columns of `path` whose names are not recognised.

    Returns
    -------
    Flows
        Located; `patients` are stays, with fractions where a code was shared. Codes that the
        correspondence does not know are residents of elsewhere: their residence is the department.

    Raises
    ------
    CodeError
        If a site is unknown, or a PMSI code of a department of the layer is.
    InputError
        If a file cannot be used.
    """
    one_of("allocation", allocation, get_args(Rule))
    table = matched(read_table(path), ["pmsi_code", "site", "activity", "stays"], (), columns)
    frame = table.frame.apply(lambda column: column.str.strip())
    frame["stays"], faults = number_column(table, "stays")
    faults += duplicate_keys(table, frame[["pmsi_code", "activity", "site"]])
    faults += empty_cells(table, ["pmsi_code", "site", "activity"])
    places = read_sites(sites)
    unknown_site = ~frame["site"].isin(places.index) & (frame["site"] != "")
    if unknown_site.any():
        faults.append(
            fault(
                "site_unknown",
                file=table.file,
                column=table.head("site"),
                count=int(unknown_site.sum()),
                rows=row_list(unknown_site),
                values=value_list(frame.loc[unknown_site, "site"].drop_duplicates()),
                sites=Path(sites).name,
            )
        )
    notices: list[Sentence] = []
    cover = _own_codes(frame["pmsi_code"]) if pmsi_codes is None else read_pmsi_codes(pmsi_codes)
    outside = ~frame["pmsi_code"].isin(cover["pmsi_code"]) & (frame["pmsi_code"] != "")
    if communes is not None:
        faults += _not_in_layer(sites, places, communes)
        if pmsi_codes is None:
            faults += _not_communes(table, frame["pmsi_code"], communes)
        else:
            used = cover[cover["pmsi_code"].isin(frame["pmsi_code"])]
            faults += _not_in_layer(pmsi_codes, used["code"], communes)
    if outside.any():
        ours = set() if communes is None else set(codes.department(communes.index.to_series()))
        lost = outside & codes.department(frame["pmsi_code"]).isin(ours)
        if lost.any():
            faults.append(_pmsi_unknown(table, frame["pmsi_code"], lost))
        elsewhere = frame.loc[outside, "pmsi_code"].drop_duplicates()
        cover = pd.concat(
            [
                cover,
                pd.DataFrame(
                    {"pmsi_code": elsewhere, "code": codes.department(elsewhere), "population": 0.0}
                ),
            ]
        )
        notices.append(Sentence("notice.pmsi_outside", {"count": len(elsewhere)}))
    if faults:
        raise (CodeError if all("unknown" in each.key for each in faults) else InputError)(*faults)

    shared = allocated(frame, cover, rule=allocation)
    total, split = count(frame["stays"]), count(shared.loc[shared["split"], "stays"])
    if split > 0:
        notices.append(_split_notice(split, total))
    kept = () if communes is None else communes.index
    shared["destination"] = codes.to_cities(shared["site"].map(places), kept=kept)
    # In canonical order first: sums of fractions depend on it to the last bit.
    shared = shared.sort_values(["residence", "activity", "destination", "site", "stays"])
    keys = ["residence", "activity", "destination"]
    flows = shared.groupby(keys, as_index=False)[["stays"]].sum()
    account = Reconciliation(
        file=table.file,
        sha256=table.sha256,
        unit="stays",
        rows_in=len(frame),
        patients_in=total,
        notices=tuple(notices),
    )
    return Flows(
        table=flows.rename(columns={"stays": "patients"}),
        communes=communes,
        reconciliation=account,
        unit="stays",
    )


def _split_notice(split: float, total: float) -> Sentence:
    """Say which share of the stays was shared out, unless that would tell a small number."""
    share = Secrecy().shares(pd.Series([split]), pd.Series([total])).iloc[0]
    if pd.isna(share):
        return Sentence("notice.some_stays_split")
    return Sentence("notice.stays_split", {"percent": round(100 * share)})


def read_sites(path: PathLike) -> pd.Series:
    """Read the commune of each hospital site: a Series indexed by site (FINESS)."""
    table = matched(read_table(path), ["site", "code"])
    code, faults = code_column(table, "code", [])
    site = table.frame["site"].str.strip()
    twice = site.duplicated(keep=False)
    if twice.any():
        faults.append(
            fault(
                "code_twice",
                file=table.file,
                column=table.head("site"),
                rows=row_list(twice),
                values=value_list(site[twice]),
            )
        )
    if faults:
        raise CodeError(*faults)
    return pd.Series(code.to_numpy(), index=site)


def read_pmsi_codes(path: PathLike) -> pd.DataFrame:
    """Read which communes each PMSI code covers: `pmsi_code`, `code`, `population`."""
    table = matched(read_table(path), ["code", "pmsi_code", "population"])
    code, faults = code_column(table, "code", [])
    population, wrong = number_column(table, "population")
    faults += [*wrong, *empty_cells(table, ["pmsi_code"])]
    if faults:
        raise InputError(*faults)
    return pd.DataFrame(
        {"pmsi_code": table.frame["pmsi_code"].str.strip(), "code": code, "population": population}
    )


def _not_in_layer(source: PathLike, code: pd.Series, communes: gpd.GeoDataFrame) -> list[Sentence]:
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


def _not_communes(table: Table, given: pd.Series, communes: gpd.GeoDataFrame) -> list[Sentence]:
    """Find codes that cannot be communes: the correspondence may have been forgotten."""
    code = codes.repaired(given)
    ours = set(codes.department(communes.index.to_series()))
    lost = ~codes.plausible(code) | codes.department(code).isin(ours)
    lost &= ~code.isin(communes.index) & (given != "")
    return [_pmsi_unknown(table, given, lost)] if lost.any() else []


def _pmsi_unknown(table: Table, given: pd.Series, lost: pd.Series) -> Sentence:
    return fault(
        "pmsi_unknown",
        file=table.file,
        column=table.head("pmsi_code"),
        count=int(lost.sum()),
        rows=row_list(lost),
        values=value_list(given[lost].drop_duplicates()),
    )


def _own_codes(present: pd.Series) -> pd.DataFrame:
    """Return the correspondence of codes that are those of communes."""
    given = present.drop_duplicates()
    return pd.DataFrame({"pmsi_code": given, "code": codes.repaired(given), "population": 0.0})
