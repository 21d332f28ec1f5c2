"""Hospital stays, line by line: an engine counts each once, by PMSI code, site and activity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from territories._columns import totals_of
from territories._event_columns import prepared_events
from territories._event_source import opened_source
from territories._event_summary import named_years, period_name
from territories._event_values import Places, Values, distinct_values
from territories._stay_cells import StayCells
from territories._stay_values import (
    REASONS,
    StayLines,
    StayValues,
    heads_of_stays,
    stays_of_cells,
    values_of_stays,
)
from territories._words import Sentence
from territories.errors import InputError, fault
from territories.reconciliation import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_source import Source
    from territories._event_values import Rows

PathLike = str | Path

_KEYS: Final = ("pmsi_code", "site", "activity")


@dataclass(frozen=True)
class _Source:
    """Stays opened by an engine: `table` names their source, `rows` finds rows of it."""

    engine: Engine
    table: Source
    rows: Rows
    lines: StayLines

    def distinct(self, stays: ir.Table, *columns: str) -> Values:
        return distinct_values(self.engine, stays, columns, self.table, self.rows)


def stay_cells(
    engine: Engine,
    source: PathLike | Sequence[PathLike] | ir.Table,
    lines: StayLines,
    entity_of: pd.Series,
) -> tuple[StayCells, str | None]:
    """Add stays up to cells.

    Parameters
    ----------
    source
        See `stays_to_flows`.
    entity_of
        The juridical entity of sites.

    Returns
    -------
    StayCells
        In the order of their names, whatever the engine.
    str or None
        Years of the stays.
    """
    engine.stage("events_files")
    raw, table, rows = opened_source(
        engine, source, lambda file, present: heads_of_stays(file, present, lines)
    )
    opened = _Source(engine, table, rows, lines)
    stays = prepared_events(raw)
    if "stay" in stays.columns and stays["stay"].type().is_string():
        stays = stays.mutate(stay=stays["stay"].strip().nullif(""))
    if "stays" in stays.columns and stays["stays"].type().is_integer():
        stays = stays.mutate(stays=stays["stays"].cast("string"))  # that of missing ones too
    notices, faults = list(table.notices), list[Sentence]()
    if "ghm" not in table.heads:
        notices.append(Sentence("notice.stays_without_ghm"))
    engine.stage("events_values")
    stays, aside, period = _of_years(opened, stays, faults)
    values = values_of_stays(
        stays, lambda name: opened.distinct(stays, name), lines, notices=notices, faults=faults
    )
    engine.stage("events_cells")
    told = _told(opened, stays, values, entity_of, faults)
    for reason, each in told[told["reason"] != ""].groupby("reason"):
        number = count(each["value"] * each["rows"] / values.unit)
        aside[str(reason)] = (int(each["rows"].sum()), number)
    if lines.strict and "missing_stay" in aside:
        faults.append(_empty(opened, "stay", aside["missing_stay"][0]))
    sums = _cells(told[told["reason"] == ""], values.unit)
    total = totals_of(_named(opened, sums, values), _KEYS)
    aside["total"] = (int(sums.loc[total, "rows"].sum()), 0)
    sums = sums[~total].reset_index(drop=True)
    cells = StayCells(
        table=_named(opened, sums, values),
        frame=sums[[*_KEYS, "stays", "rows", *(["masked"] if sums["masked"].any() else [])]],
        missing=sums["missing"],
        aside=aside,
        faults=faults,
        notices=notices,
        identified="stay" in table.heads,
    )
    return cells, period


def _empty(opened: _Source, column: str, rows: int) -> Sentence:
    """Name the empty cells of a column."""
    told = {"column": opened.table.head(column), "count": rows}
    return fault(
        "cell_empty",
        file=opened.table.file,
        rows=Places(partial(opened.rows, column, [None])),
        **told,
    )


def _of_years(
    opened: _Source, stays: ir.Table, faults: list[Sentence]
) -> tuple[ir.Table, dict[str, tuple[int, float]], str | None]:
    """Keep the stays of the years that are asked for, and name these."""
    import ibis  # noqa: PLC0415 - only stays line by line need it

    table, years = opened.table, opened.lines.years
    if "year" not in stays.columns:
        if years is not None:
            raise InputError(fault("year_missing", file=table.file))
        return stays, {}, None
    counted = opened.engine.frame(stays.group_by("year").agg(rows=stays.count()))
    found = counted["year"].astype("Int64")
    if years is None:
        return stays, {}, period_name(found)
    chosen = found.between(years.start, years.stop - 1).fillna(value=False).astype(bool)
    if not chosen.any():
        raise InputError(fault("nothing_kept", file=table.file))
    within = stays["year"].between(years.start, years.stop - 1)
    aside: dict[str, tuple[int, float]] = {}
    if not chosen.all():
        lost = stays.filter(~within.fill_null(ibis.literal(value=False)))
        lost = lost.mutate(reason=lost["year"].isnull().ifelse("missing_date", "other_year"))
        cells = opened.distinct(lost, *(n for n in ("reason", "stays") if n in lost.columns))
        number = stays_of_cells(cells, opened.lines) if "stays" in lost.columns else 1
        sums = pd.DataFrame(
            {
                "reason": cells.frame["reason"].astype("str"),
                "rows": cells.events,
                "stays": cells.events * number,
            }
        )
        for reason, each in sums.groupby("reason"):
            aside[str(reason)] = (int(each["rows"].sum()), count(each["stays"]))
    if opened.lines.strict and "missing_date" in aside:
        column = "date" if "date" in table.heads else "year"
        faults.append(_empty(opened, column, aside["missing_date"][0]))
    return (
        stays.filter(within),
        aside,
        (period_name(found[chosen]) if years is None else named_years(years)),
    )


def _numbered(engine: Engine, stays: ir.Table, values: StayValues) -> ir.Table:
    """Join the numbers of what values stand for.

    Returns
    -------
    Table
        `reason`, `site`, `content` (PMSI code, activity and number of stays in one, which is told
        apart faster) and, where stays have identifiers, `stay` and `year`.
    """
    import ibis  # noqa: PLC0415 - only stays line by line need it

    joined = stays
    for name, numbers in values.numbers.items():
        frame = numbers.rename(columns={name: f"{name}_raw"})
        table = engine.lookup(frame, name)
        raw = table[f"{name}_raw"]
        missing = frame[f"{name}_raw"].isna().any()
        same = joined[name].identical_to(raw) if missing else joined[name] == raw
        joined = joined.inner_join(table, same)

    def number(name: str) -> Any:  # noqa: ANN401 - an ibis expression
        column = f"{name}_number"
        made = joined[column] if column in joined.columns else ibis.literal(0)
        return made.cast("int64")

    content = (number("pmsi_code") * len(values.names["activity"]) + number("activity")) * len(
        values.counts
    ) + number("stays")
    columns = {"reason": number("ghm"), "site": number("site"), "content": content}
    if "stay" in stays.columns:
        silent = (columns["reason"] == 0) & joined["stay"].isnull()
        columns["reason"] = silent.ifelse(REASONS.index("missing_stay"), columns["reason"])
        columns["stay"] = joined["stay"]
        year = joined["year"] if "year" in stays.columns else ibis.literal(0)
        columns["year"] = year.cast("int64").coalesce(0)
    return joined.select(**columns)


def _told(
    opened: _Source,
    stays: ir.Table,
    values: StayValues,
    entity_of: pd.Series,
    faults: list[Sentence],
) -> pd.DataFrame:
    """Count the rows of the source by what becomes of them and what they say."""
    numbered = _numbered(opened.engine, stays, values)
    if "stay" in stays.columns:
        sums = _once(opened, numbered, values, entity_of, faults)
    else:
        keys = ["reason", "site", "content"]
        sums = _reasoned(opened.engine.frame(numbered.group_by(keys).agg(rows=numbered.count())))
    return _decoded(sums, values)


def _reasoned(sums: pd.DataFrame) -> pd.DataFrame:
    return sums.assign(reason=sums["reason"].map(dict(enumerate(REASONS))))


def _once(
    opened: _Source,
    stays: ir.Table,
    values: StayValues,
    entity_of: pd.Series,
    faults: list[Sentence],
) -> pd.DataFrame:
    """Count each stay once: of a site, and of an entity that its sites sent too.

    Returns
    -------
    DataFrame
        Rows of the source by `reason`, `site` and `content`.
    """
    engine = opened.engine
    lost = stays.filter(stays["reason"] != 0)
    keys = ["reason", "site", "content"]
    aside = _reasoned(engine.frame(lost.group_by(keys).agg(rows=lost.count())))
    good = stays.filter(stays["reason"] == 0)
    each = good.group_by(["site", "year", "stay"]).agg(
        content=good["content"].min(), other=good["content"].max(), rows=good.count()
    )
    owners = _owners(values.names["site"], entity_of)
    if len(owners):
        each = engine.materialised(each, "stays")
    differs = (each["content"] != each["other"]).ifelse(each["rows"], 0)
    sums = engine.frame(
        each.group_by(["site", "content"]).agg(
            stays=each.count(), rows=each["rows"].sum(), differing=differs.sum()
        )
    ).astype("int64")
    twice = pd.DataFrame({"site": [], "content": [], "same": [], "rows": []}, dtype="int64")
    if len(owners):
        twice = _sent_twice(engine, each, owners)
    differing = int(sums["differing"].sum()) + int(twice.loc[twice["same"] == 0, "rows"].sum())
    if differing:
        table = opened.table
        told = {"column": table.head("stay"), "count": differing}
        faults.append(fault("stay_differs", file=table.file, **told))
    twice = twice[twice["same"] == 1]
    again = sums.assign(reason="stay_repeated", rows=sums["rows"] - sums["stays"])
    kept = sums.assign(reason="", rows=sums["stays"])
    parts = [
        aside,
        again[again["rows"] > 0],
        kept,
        twice.assign(reason="sent_twice"),
        twice.assign(reason="", rows=-twice["rows"]),
    ]
    return pd.concat([part[["reason", "site", "content", "rows"]] for part in parts])


def _owners(sites: Sequence[str], entity_of: pd.Series) -> pd.DataFrame:
    """Return the numbers of the sites of entities that stays have too, and of these: `owner`."""
    number = {site: place for place, site in enumerate(sites)}
    listed = set(entity_of.index)
    pairs = [
        (number[site], number[entity])
        for site, entity in entity_of.items()
        if site in number and entity in number and entity not in listed
    ]
    own = sorted({(owner, owner) for _, owner in pairs})
    return pd.DataFrame([*pairs, *own], columns=["of_site", "owner"], dtype="int64")


def _sent_twice(engine: Engine, stays: ir.Table, owners: pd.DataFrame) -> pd.DataFrame:
    """Find the stays of entities that their sites sent too; tell whether they say the `same`."""
    of = engine.lookup(owners, "owners")
    owned = stays.inner_join(of, stays["site"] == of["of_site"])
    theirs = owned.filter(owned["site"] == owned["owner"])
    theirs = theirs.select("site", "year", "stay", "content")
    others = owned.filter(owned["site"] != owned["owner"])
    others = others.select(by="owner", in_year="year", known_as="stay", says="content").distinct()
    pairs = theirs.inner_join(
        others,
        [
            theirs["site"] == others["by"],
            theirs["year"] == others["in_year"],
            theirs["stay"] == others["known_as"],
        ],
    )
    each = pairs.group_by(["site", "year", "stay", "content"]).agg(
        same=(pairs["content"] == pairs["says"]).ifelse(1, 0).max()
    )
    found = each.group_by(["site", "content", "same"]).agg(rows=each.count())
    return engine.frame(found).astype("int64")


def _decoded(sums: pd.DataFrame, values: StayValues) -> pd.DataFrame:
    """Take contents apart: names of PMSI codes, sites and activities, and what rows count as."""
    rest = sums["content"].to_numpy(dtype="int64")
    rest, number = np.divmod(rest, len(values.counts))
    code, activity = np.divmod(rest, len(values.names["activity"]))
    positions = {"pmsi_code": code, "site": sums["site"].to_numpy(), "activity": activity}
    named = {
        name: pd.Series(values.names[name], dtype="str").take(positions[name]).array
        for name in _KEYS
    }
    counts = values.counts.take(number).reset_index(drop=True)
    found = sums[["reason", "rows"]].reset_index(drop=True).assign(**named)
    return pd.concat([found.astype({"rows": "int64"}), counts], axis=1)


def _cells(told: pd.DataFrame, unit: int) -> pd.DataFrame:
    """Add rows up to cells, those without a number apart."""
    made = told.assign(stays=told["value"] * told["rows"], masked=told["masked"] * told["rows"])
    sums = made.groupby([*_KEYS, "missing"])[["stays", "masked", "rows"]].sum().reset_index()
    sums = sums[sums["rows"] > 0].reset_index(drop=True)
    return sums.assign(stays=sums["stays"] / unit)


def _named(opened: _Source, cells: pd.DataFrame, values: StayValues) -> Values:
    """Make cells a table for messages: which rows of the source they are."""
    raw = cells[list(_KEYS)].reset_index(drop=True).assign(stays=None)

    def rows(column: str, names: Sequence[str | None]) -> str:
        if column not in opened.table.heads:
            return "…"
        known = column in values.names
        return opened.rows(column, values.raw(column, names) if known else list(names))

    return Values(
        frame=cells[list(_KEYS)].astype("category"),
        file=opened.table.file,
        sha256=opened.table.digest.value(),
        heads=opened.table.heads,
        events=cells["rows"].reset_index(drop=True),
        raw=raw,
        rows=rows,
    )
