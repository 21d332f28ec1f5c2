"""Hospital stays added up by PMSI code, site and activity, made into flows between communes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import pandas as pd

from territories import codes
from territories._columns import code_column, text_column
from territories._keys import by_value
from territories._numbers import MOST_MASKED
from territories._tables import Table, matched, read_table, value_list
from territories._words import Sentence, number
from territories.errors import CodeError, InputError, fault
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
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from territories.cog import CogTable

PathLike = str | Path

# A postal code, or a department and three letters or digits (28C01, 2A004, 99100 abroad).
_SHAPE: Final = "[0-9][0-9AB][0-9A-Z]{3}"

_KEYS: Final = ("pmsi_code", "site", "activity")


@dataclass(frozen=True, repr=False)
class StayCells:
    """Stays by PMSI code, site and activity, whoever added them up.

    Parameters
    ----------
    table
        Of their source, for messages: how many of its rows a cell is, and which.
    frame
        Indexed as the table: `pmsi_code`, `site`, `activity`; `stays`, `rows` (of the source) and,
        where some are masked, `masked` (how many cells of the source).
    missing
        Which have no number of stays.
    aside
        What is set aside already: rows and stays, by reason.
    faults, notices
        What is wrong already, and what was normalised.
    identified
        Stays are known one by one: those of an entity are not among those of its sites any more.
    """

    table: Table
    frame: pd.DataFrame
    missing: pd.Series
    aside: Mapping[str, tuple[int, float]]
    faults: Sequence[Sentence]
    notices: Sequence[Sentence]
    identified: bool = False


@dataclass(frozen=True, repr=False)
class Sites:
    """Hospital sites as their file lists them.

    Parameters
    ----------
    frame
        `site`, `code` (commune) and, where the file has it, `entity` (empty where unknown).
    file
        Its name.
    notices
        What was normalised.
    """

    frame: pd.DataFrame
    file: str
    notices: tuple[Sentence, ...]

    @property
    def entities(self) -> pd.Series:
        """The juridical entity of each site that has one."""
        if "entity" not in self.frame:
            return pd.Series(dtype="str")
        of_sites = self.frame.set_index("site")["entity"]
        return of_sites[of_sites != ""]


def flows_of_cells(
    cells: StayCells,
    *,
    sites: Sites,
    pmsi_codes: PathLike | None,
    communes: gpd.GeoDataFrame | None,
    allocation: Rule,
    whole: bool,
    cog_table: CogTable | None,
    on_unknown: Literal["error", "aside"],
    masked_as: int,
    period: str | None,
) -> Flows:
    """Share the stays of each PMSI code out among its communes; see `read_hospital`.

    Raises
    ------
    CodeError
        If a site is unknown, or a PMSI code of a department of the layer is.
    InputError
        All that is wrong with the stays.
    """
    table, listed = cells.table, sites.frame
    cover = (
        own_codes(cells.frame["pmsi_code"]) if pmsi_codes is None else read_pmsi_codes(pmsi_codes)
    )
    if cog_table is not None and communes is not None:
        brought = by_value(listed["code"], lambda code: of_year(code, communes, cog_table))
        listed = listed.assign(code=brought)
        cover = cover_of_year(cover, communes, cog_table)
    told = (Sentence("notice.of_file", {"file": sites.file, "notice": n}) for n in sites.notices)
    notices = [*cells.notices, *told]
    faults = [*cells.faults]
    lost = {"missing_stays": cells.missing}
    frame, lost["sent_twice"] = _geographical(
        cells, replace(sites, frame=listed), masked_as, notices, faults
    )
    place = frame["site"].map(listed.drop_duplicates("site").set_index("site")["code"])
    lost |= _lost(frame, place, cover, communes, lost["sent_twice"], own=pmsi_codes is None)
    if communes is not None:
        faults += not_in_layer(sites.file, listed["code"], communes)
        if pmsi_codes is not None:
            used = cover[cover["pmsi_code"].isin(frame["pmsi_code"])]
            faults += not_in_layer(pmsi_codes, used["code"], communes)
    if on_unknown == "error":
        faults += _lost_faults(table, frame, lost, sites.file)
    if faults:
        raise (CodeError if all("unknown" in each.key for each in faults) else InputError)(*faults)
    account, kept = _accounted(cells, frame, lost, notices)
    outside = kept & ~frame["pmsi_code"].isin(cover["pmsi_code"])
    elsewhere = frame.loc[outside, "pmsi_code"].drop_duplicates()
    if len(elsewhere):
        account = account.noted(Sentence("notice.pmsi_outside", {"count": len(elsewhere)}))
        department = codes.department(elsewhere)
        away = pd.DataFrame({"pmsi_code": elsewhere, "code": department, "population": 0.0})
        cover = pd.concat([cover, away])
    kept_layer = () if communes is None else communes.index
    destination = codes.to_cities(place[kept], kept=kept_layer)
    rows = frame[kept].drop(columns="rows").assign(destination=destination)
    if cells.identified:  # what entities sent alone is in a cell of their site's now
        rows = rows.groupby([*_KEYS, "destination"], as_index=False).sum()
    shared = allocated(
        rows,
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
        period=period,
        sites=_added_up(shared, ["site", "destination", "residence", "activity"]),
    )


def _accounted(
    cells: StayCells,
    frame: pd.DataFrame,
    lost: Mapping[str, pd.Series],
    notices: list[Sentence],
) -> tuple[Reconciliation, pd.Series]:
    """Account for the rows, each under its first reason, and tell those that are kept."""
    before = pd.DataFrame(list(cells.aside.values()), columns=["rows", "stays"])
    account = Reconciliation(
        file=cells.table.file,
        sha256=cells.table.sha256,
        unit="stays",
        rows_in=int(frame["rows"].sum()) + int(before["rows"].sum()),
        patients_in=count(pd.concat([frame["stays"], before["stays"].astype("float64")])),
        notices=tuple(notices),
    )
    for reason, (rows, stays) in cells.aside.items():
        account = account.set_aside(reason, rows, stays)
    kept = pd.Series(data=True, index=frame.index)
    for reason, marked in lost.items():
        now = frame[marked & kept]
        account = account.set_aside(reason, int(now["rows"].sum()), count(now["stays"]))
        kept &= ~marked
    if not kept.any():
        raise InputError(fault("nothing_kept", file=cells.table.file))
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
    empty = frame[list(_KEYS)] == ""
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
    cells: StayCells,
    sites: Sites,
    masked_as: int,
    notices: list[Sentence],
    faults: list[Sentence],
) -> tuple[pd.DataFrame, pd.Series]:
    """Bring stays sent under a juridical entity to its sites; tell those that were sent twice.

    An entity whose sites sent stays of the same code and activity sent theirs a second time: the
    two must agree. One that sent alone stands for its sites if they are all in one commune.
    """
    frame, listed, entity_of = cells.frame, sites.frame, sites.entities
    twice = pd.Series(data=False, index=frame.index)
    entities = frame["site"].isin(entity_of) & ~frame["site"].isin(listed["site"]) & ~cells.missing
    if not entities.any():
        return frame, twice
    if not cells.identified:
        twice, agree = _sent_again(frame[~cells.missing], entity_of, entities, masked_as)
        differ = twice & ~agree
        if differ.any():
            faults.append(_row_fault(cells.table, "entity_differs", "site", differ, frame))
    alone = entities & ~twice
    places = listed.groupby("entity")["code"].nunique()
    several = alone & (frame["site"].map(places) > 1)
    if several.any():
        faults.append(_row_fault(cells.table, "entity_several", "site", several, frame))
    first = listed.sort_values("site").drop_duplicates("entity").set_index("entity")["site"]
    brought = frame.assign(site=frame["site"].where(~alone, frame["site"].map(first)))
    if alone.any():
        values = {
            "count": int(frame.loc[alone, "rows"].sum()),
            "column": cells.table.head("site"),
        }
        notices.append(Sentence("notice.entity", values))
    return brought, twice


def _sent_again(
    frame: pd.DataFrame, entity_of: pd.Series, entities: pd.Series, masked_as: int
) -> tuple[pd.Series, pd.Series]:
    """Tell the cells of entities that their sites sent too, and those that agree with these.

    They agree if some numbers under the masked cells make them equal.
    """
    masked = frame.get("masked", 0 * frame["stays"])
    ends = pd.DataFrame(
        {
            "low": frame["stays"] - masked * (masked_as - 1),
            "high": frame["stays"] + masked * (MOST_MASKED - masked_as),
        }
    )
    own = entities[frame.index]
    by_site = frame.join(ends)[~own].assign(entity=frame["site"].map(entity_of))
    sent = by_site.groupby(["pmsi_code", "activity", "entity"])[["low", "high"]].sum()
    theirs = pd.MultiIndex.from_frame(frame.loc[own, ["pmsi_code", "activity", "site"]])
    again = sent.reindex(theirs).set_axis(frame.index[own]).reindex(entities.index)
    ends = ends.reindex(entities.index)
    agree = (ends["low"] <= again["high"]) & (again["low"] <= ends["high"])
    return again["low"].notna(), agree


def _row_fault(
    table: Table, key: str, column: str, rows: pd.Series, frame: pd.DataFrame, **more: str
) -> Sentence:
    values = value_list(frame.loc[rows, column].drop_duplicates())
    return fault(key, file=table.file, **table.told(column, rows), values=values, **more)


def _lost_faults(
    table: Table, frame: pd.DataFrame, lost: Mapping[str, pd.Series], sites: str
) -> list[Sentence]:
    """Name the rows that cannot be used."""
    faults = []
    for reason, rows in lost.items():
        state, _, column = reason.partition("_")
        if not rows.any() or reason == "sent_twice":
            continue
        if state == "missing":
            key = "number_empty" if column == "stays" else "cell_empty"
            faults.append(fault(key, file=table.file, **table.told(column, rows)))
        elif column == "site":
            faults.append(_row_fault(table, "site_unknown", column, rows, frame, sites=sites))
        else:
            faults.append(_row_fault(table, "pmsi_unknown", column, rows, frame))
    return faults


def _split_notice(split: float, total: float) -> Sentence:
    """Say how many of the stays were shared out, unless that would tell a small number."""
    door = Secrecy()
    share = door.shares(pd.Series([split]), pd.Series([total])).iloc[0]
    if pd.isna(share) or door.hides(split):
        return Sentence("notice.some_stays_split")
    values = {"percent": round(100 * share), "stays": number(split)}
    return Sentence("notice.stays_split", values)


def finess(site: pd.Series) -> pd.Series:
    """Put back the zero that a spreadsheet took from a FINESS number."""
    return site.where(~site.str.fullmatch("[0-9]{8}"), "0" + site)


def listed_sites(path: PathLike) -> Sites:
    """Read the sites of a file.

    Raises
    ------
    CodeError
        If a commune is malformed, or a site stands twice.
    """
    table = matched(read_table(path), ["site", "code"], ["entity"])
    notices: list[Sentence] = []
    code, faults = code_column(table, "code", notices)
    site = finess(text_column(table, "site"))
    twice = site.duplicated(keep=False)
    if twice.any():
        values = value_list(site[twice])
        faults.append(
            fault("code_twice", file=table.file, **table.told("site", twice), values=values)
        )
    if faults:
        raise CodeError(*faults)
    frame = pd.DataFrame({"site": site, "code": code})
    if "entity" in table.frame:
        frame["entity"] = finess(text_column(table, "entity"))
    return Sites(frame, table.file, tuple(notices))


def _not_communes(given: pd.Series, communes: gpd.GeoDataFrame) -> pd.Series:
    """Tell codes that cannot be communes: the correspondence may have been forgotten."""
    code = codes.repaired(given)
    ours = set(codes.department(communes.index.to_series()))
    lost = ~codes.plausible(code) | codes.department(code).isin(ours)
    return lost & ~code.isin(communes.index) & (given != "")
