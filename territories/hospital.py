"""Hospital stays: from PMSI geographic codes and sites to flows between communes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import pandas as pd

from territories import activities, codes
from territories._columns import (
    code_column,
    count_column,
    text_column,
    totals_of,
)
from territories._extract import period_of
from territories._keys import by_value, row_keys
from territories._numbers import MASKED_AS, MOST_MASKED
from territories._tables import Table, matched, read_table, shown, unused, value_list
from territories._words import Sentence, number
from territories.errors import CodeError, InputError, fault, one_of
from territories.flows import Flows
from territories.pmsi import (
    Rule,
    allocated,
    cover_of_year,
    not_in_layer,
    of_year,
    own_codes,
    read_pmsi_codes,
)
from territories.reconciliation import Reconciliation, count
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories.cog import CogTable

PathLike = str | Path

# A postal code, or a department and three letters or digits (28C01, 2A004, 99100 abroad).
_SHAPE: Final = "[0-9][0-9AB][0-9A-Z]{3}"


def read_hospital(
    path: PathLike,
    *,
    sites: PathLike,
    pmsi_codes: PathLike | None = None,
    communes: gpd.GeoDataFrame | None = None,
    allocation: Rule = "population",
    whole: bool = False,
    cog_table: CogTable | None = None,
    on_unknown: Literal["error", "aside"] = "error",
    masked_as: int = MASKED_AS,
    period: str | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
) -> Flows:
    """Read hospital stays by PMSI geographic code and site, as flows between communes.

    Parameters
    ----------
    path
        Stays: PMSI code, site (FINESS), activity, number.
    sites
        The commune of each site; with the column `finess_ej`, the juridical entity of each. Stays
        sent under the entity and again under its sites are counted once.
    pmsi_codes
        Which communes each PMSI code covers, with their population; None: the codes of `path` are
        commune codes.
    communes
        The layer the flows are about.
    allocation
        How the stays of a code that covers several communes are shared, see `allocated`. Totals
        are conserved.
    whole
        Keep whole numbers of stays where all are, see `allocated`.
    cog_table
        From `read_cog`: the communes of `sites` and `pmsi_codes` are brought to the year of the
        layer.
    on_unknown
        ``"error"`` refuses unknown sites and PMSI codes, ``"aside"`` sets their stays aside.
    masked_as
        What a masked number of stays counts as.
    period
        When the stays took place, as ``"2023"`` or ``"2021-2023"``; without it, the one year of
        the file's own column.
    columns
        Ours to theirs, for columns of `path` whose names are not recognised.
    sheet
        Of a workbook with several tables, the one that is meant.

    Returns
    -------
    Flows
        Located; `patients` are stays, with fractions where a code was shared. Codes that the
        correspondence does not know are residents of elsewhere: their residence is the department.
        `sites` has the same stays by site.

    Raises
    ------
    CodeError
        If a site is unknown, or a PMSI code of a department of the layer is.
    InputError
        If a file cannot be used.
    """
    one_of("allocation", allocation, get_args(Rule))
    one_of("on_unknown", on_unknown, ("error", "aside"))
    raw = read_table(path, sheet=sheet, columns=columns)
    given = {
        ours: theirs
        for ours, theirs in (columns or {}).items()
        if ours != "activity" or theirs in raw.frame  # that of the flows may be another
    }
    table = matched(raw, ["pmsi_code", "site", "activity", "stays"], ["year"], given)
    totals = totals_of(table, ["pmsi_code", "site", "activity"])
    table = replace(table, frame=table.frame[~totals])
    counts = count_column(table, "stays", masked_as=masked_as)
    frame = pd.DataFrame(
        {name: text_column(table, name) for name in ("pmsi_code", "site", "activity")}
    ).assign(
        pmsi_code=lambda each: each["pmsi_code"].str.upper(),
        site=lambda each: _finess(each["site"]),
        stays=counts.values,
    )
    if counts.masked.any():
        frame["masked"] = counts.masked.astype("int64")
    told: list[Sentence] = []
    listed = _sites(sites, told)
    cover = own_codes(frame["pmsi_code"]) if pmsi_codes is None else read_pmsi_codes(pmsi_codes)
    if cog_table is not None and communes is not None:
        listed["code"] = by_value(listed["code"], lambda code: of_year(code, communes, cog_table))
        cover = cover_of_year(cover, communes, cog_table)
    notices = [
        *table.notices,
        *unused(table),
        *counts.notices,
        *(Sentence("notice.of_file", {"file": Path(sites).name, "notice": each}) for each in told),
    ]
    faults = [*counts.faults, *_repeated(table, frame)]
    lost = {"missing_stays": counts.missing}
    frame, lost["sent_twice"] = _geographical(table, frame, listed, notices, faults)
    place = frame["site"].map(listed.drop_duplicates("site").set_index("site")["code"])
    lost |= _lost(frame, place, cover, communes, lost["sent_twice"], own=pmsi_codes is None)
    if communes is not None:
        faults += not_in_layer(sites, listed["code"], communes)
        if pmsi_codes is not None:
            used = cover[cover["pmsi_code"].isin(frame["pmsi_code"])]
            faults += not_in_layer(pmsi_codes, used["code"], communes)
    if on_unknown == "error":
        faults += _lost_faults(table, frame, lost, sites)
    if faults:
        raise (CodeError if all("unknown" in each.key for each in faults) else InputError)(*faults)
    account, kept = _accounted(table, frame, lost, notices, int(totals.sum()))
    outside = kept & ~frame["pmsi_code"].isin(cover["pmsi_code"])
    elsewhere = frame.loc[outside, "pmsi_code"].drop_duplicates()
    if len(elsewhere):
        account = account.noted(Sentence("notice.pmsi_outside", {"count": len(elsewhere)}))
        department = codes.department(elsewhere)
        away = pd.DataFrame({"pmsi_code": elsewhere, "code": department, "population": 0.0})
        cover = pd.concat([cover, away])
    kept_layer = () if communes is None else communes.index
    destination = codes.to_cities(place[kept], kept=kept_layer)
    shared = allocated(
        frame[kept].assign(destination=destination),
        cover,
        rule=allocation,
        whole=whole and bool((frame["stays"] % 1 == 0).all()),
    )
    split = count(shared.loc[shared["split"], "stays"])
    if split > 0:
        account = account.noted(_split_notice(split, count(frame.loc[kept, "stays"])))
    return Flows(
        table=_added_up(shared, ["residence", "activity", "destination"]),
        communes=communes,
        reconciliation=account,
        unit="stays",
        masked_as=masked_as,
        period=period_of(table, period),
        sites=_added_up(shared, ["site", "destination", "residence", "activity"]),
    )


def _accounted(
    table: Table,
    frame: pd.DataFrame,
    lost: Mapping[str, pd.Series],
    notices: list[Sentence],
    totals: int,
) -> tuple[Reconciliation, pd.Series]:
    """Account for the rows, each under its first reason, and tell those that are kept."""
    account = Reconciliation(
        file=table.file,
        sha256=table.sha256,
        unit="stays",
        rows_in=len(frame) + totals + len(table.footnotes),
        patients_in=count(frame["stays"]),
        notices=tuple(notices),
    )
    account = account.set_aside("footnote", len(table.footnotes), 0).set_aside("total", totals, 0)
    kept = pd.Series(data=True, index=frame.index)
    for reason, rows in lost.items():
        now = rows & kept
        account = account.set_aside(reason, int(now.sum()), count(frame.loc[now, "stays"]))
        kept &= ~rows
    if not kept.any():
        raise InputError(fault("nothing_kept", file=table.file))
    return account, kept


def _lost(
    frame: pd.DataFrame,
    place: pd.Series,
    cover: pd.DataFrame,
    communes: gpd.GeoDataFrame | None,
    sent_twice: pd.Series,
    *,
    own: bool,
) -> dict[str, pd.Series]:
    """Tell the rows that cannot be used, by reason; PMSI codes of elsewhere can."""
    empty = frame[["pmsi_code", "site", "activity"]] == ""
    code = frame["pmsi_code"]
    ours = set() if communes is None else set(codes.department(communes.index.to_series()))
    unknown = ~code.isin(cover["pmsi_code"]) & (
        codes.department(code).isin(ours) | ~code.str.fullmatch(_SHAPE)
    )
    if own and communes is not None:
        unknown |= _not_communes(code, communes)
    return {f"missing_{name}": empty[name] for name in empty} | {
        "unknown_site": place.isna() & ~empty["site"] & ~sent_twice,
        "unknown_pmsi_code": unknown & ~empty["pmsi_code"],
    }


def _added_up(shared: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    # In canonical order first: sums of fractions depend on it to the last bit.
    shared = shared.sort_values(["residence", "activity", "destination", "site", "stays"])
    measures = [name for name in ("stays", "masked") if name in shared]
    sums = shared.groupby(keys, as_index=False)[measures].sum()
    return sums.rename(columns={"stays": "patients"})


def _geographical(
    table: Table,
    frame: pd.DataFrame,
    listed: pd.DataFrame,
    notices: list[Sentence],
    faults: list[Sentence],
) -> tuple[pd.DataFrame, pd.Series]:
    """Bring stays sent under a juridical entity to its sites; tell those that were sent twice.

    An entity whose sites sent stays of the same code and activity sent theirs a second time: the
    two must agree. One that sent alone stands for its sites if they are all in one commune.
    """
    twice = pd.Series(data=False, index=frame.index)
    if "entity" not in listed:
        return frame, twice
    entity_of = listed.set_index("site")["entity"]
    entity_of = entity_of[entity_of != ""]
    entities = frame["site"].isin(entity_of) & ~frame["site"].isin(listed["site"])
    if not entities.any():
        return frame, twice
    keys = ["pmsi_code", "activity", "entity"]
    masked = frame.get("masked", 0 * frame["stays"]) > 0
    ends = pd.DataFrame(
        {"low": frame["stays"].mask(masked, 1), "high": frame["stays"].mask(masked, MOST_MASKED)}
    )
    by_site = frame.join(ends)[~entities].assign(entity=frame["site"].map(entity_of))
    sent = by_site.groupby(keys)[["low", "high"]].sum()
    theirs = pd.MultiIndex.from_frame(frame.loc[entities, ["pmsi_code", "activity", "site"]])
    again = sent.reindex(theirs).set_axis(frame.index[entities]).reindex(frame.index)
    twice = again["low"].notna()
    # They agree if some numbers under the masked cells make them equal.
    agree = (ends["low"] <= again["high"]) & (again["low"] <= ends["high"])
    differ = twice & ~agree
    places = listed.groupby("entity")["code"].nunique()
    several = entities & ~twice & (frame["site"].map(places) > 1)
    for key, rows in (("entity_differs", differ), ("entity_several", several)):
        if rows.any():
            faults.append(_row_fault(table, key, "site", rows, frame))
    alone = entities & ~twice
    first = listed.sort_values("site").drop_duplicates("entity").set_index("entity")["site"]
    brought = frame.assign(site=frame["site"].where(~alone, frame["site"].map(first)))
    if alone.any():
        values = {"count": int(alone.sum()), "column": table.head("site")}
        notices.append(Sentence("notice.entity", values))
    return brought, twice


def _row_fault(
    table: Table, key: str, column: str, rows: pd.Series, frame: pd.DataFrame, **more: str
) -> Sentence:
    return fault(
        key,
        file=table.file,
        column=table.head(column),
        count=int(rows.sum()),
        rows=table.places(column, rows),
        values=value_list(frame.loc[rows, column].drop_duplicates()),
        **more,
    )


def _lost_faults(
    table: Table, frame: pd.DataFrame, lost: Mapping[str, pd.Series], sites: PathLike
) -> list[Sentence]:
    """Name the rows that cannot be used."""
    faults = []
    for reason, rows in lost.items():
        state, _, column = reason.partition("_")
        if not rows.any() or reason == "sent_twice":
            continue
        if state == "missing":
            key = "number_empty" if column == "stays" else "cell_empty"
            values = {"count": int(rows.sum()), "rows": table.places(column, rows)}
            faults.append(fault(key, file=table.file, column=table.head(column), **values))
        elif column == "site":
            faults.append(
                _row_fault(table, "site_unknown", column, rows, frame, sites=Path(sites).name)
            )
        else:
            faults.append(_row_fault(table, "pmsi_unknown", column, rows, frame))
    return faults


def _repeated(table: Table, frame: pd.DataFrame) -> list[Sentence]:
    """Find keys that stand twice: which of the two counts, or their sum, is not ours to guess."""
    keys = row_keys(frame, ["pmsi_code", "activity", "site"])
    twice = pd.Series(keys, index=frame.index).duplicated(keep=False)
    if not twice.any():
        return []
    same = pd.Series(keys == keys[twice.to_numpy()][0], index=frame.index)
    first = frame[same].iloc[0]
    # Cells of the wrong column may be counts, or numbers of people: they are not quoted.
    named = ", ".join(
        f"{table.head(name)} {quoted(first[name])}"
        for name, quoted in (("pmsi_code", shown), ("activity", activities.shown), ("site", shown))
    )
    rows = table.places("pmsi_code", same)
    return [fault("key_twice", file=table.file, count=int(twice.sum()), rows=rows, values=named)]


def _split_notice(split: float, total: float) -> Sentence:
    """Say how many of the stays were shared out, unless that would tell a small number."""
    door = Secrecy()
    share = door.shares(pd.Series([split]), pd.Series([total])).iloc[0]
    if pd.isna(share) or door.hides(split):
        return Sentence("notice.some_stays_split")
    values = {"percent": round(100 * share), "stays": number(split)}
    return Sentence("notice.stays_split", values)


def read_sites(path: PathLike) -> pd.Series:
    """Read the commune of each hospital site: a Series indexed by site (FINESS)."""
    listed = _sites(path, [])
    return pd.Series(listed["code"].to_numpy(), index=pd.Index(listed["site"], name="site"))


def _finess(site: pd.Series) -> pd.Series:
    """Put back the zero that a spreadsheet took from a FINESS number."""
    return site.where(~site.str.fullmatch("[0-9]{8}"), "0" + site)


def _sites(path: PathLike, notices: list[Sentence]) -> pd.DataFrame:
    """Read sites: `site`, `code` and, where the file has it, `entity`."""
    table = matched(read_table(path), ["site", "code"], ["entity"])
    code, faults = code_column(table, "code", notices)
    site = _finess(text_column(table, "site"))
    twice = site.duplicated(keep=False)
    if twice.any():
        faults.append(
            fault(
                "code_twice",
                file=table.file,
                column=table.head("site"),
                rows=table.places("site", twice),
                values=value_list(site[twice]),
            )
        )
    if faults:
        raise CodeError(*faults)
    listed = pd.DataFrame({"site": site, "code": code})
    return (
        listed.assign(entity=_finess(text_column(table, "entity")))
        if "entity" in table.frame
        else listed
    )


def _not_communes(given: pd.Series, communes: gpd.GeoDataFrame) -> pd.Series:
    """Tell codes that cannot be communes: the correspondence may have been forgotten."""
    code = codes.repaired(given)
    ours = set(codes.department(communes.index.to_series()))
    lost = ~codes.plausible(code) | codes.department(code).isin(ours)
    return lost & ~code.isin(communes.index) & (given != "")
