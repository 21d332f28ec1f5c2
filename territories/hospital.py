"""Hospital stays: from PMSI geographic codes and sites to flows between communes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pandas as pd

from territories import activities
from territories._columns import count_column, text_column, totals_of
from territories._extract import period_of
from territories._keys import row_keys
from territories._numbers import MASKED_AS
from territories._stay_cells import StayCells, finess, flows_of_cells, listed_sites
from territories._tables import Table, matched, read_table, shown, unused
from territories.errors import fault, one_of
from territories.pmsi import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories._words import Sentence
    from territories.cog import CogTable
    from territories.flows import Flows

PathLike = str | Path


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
        site=lambda each: finess(each["site"]),
        stays=counts.values,
    )
    if counts.masked.any():
        frame["masked"] = counts.masked.astype("int64")
    return flows_of_cells(
        StayCells(
            table=table,
            frame=frame.assign(rows=1),
            missing=counts.missing,
            aside={"footnote": (len(table.footnotes), 0), "total": (int(totals.sum()), 0)},
            faults=[*counts.faults, *_repeated(table, frame)],
            notices=[*table.notices, *unused(table), *counts.notices],
        ),
        sites=listed_sites(sites),
        pmsi_codes=pmsi_codes,
        communes=communes,
        allocation=allocation,
        whole=whole,
        cog_table=cog_table,
        on_unknown=on_unknown,
        masked_as=masked_as,
        period=period_of(table, period),
    )


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


def read_sites(path: PathLike) -> pd.Series:
    """Read the commune of each hospital site: a Series indexed by site (FINESS)."""
    listed = listed_sites(path).frame
    return pd.Series(listed["code"].to_numpy(), index=pd.Index(listed["site"], name="site"))
