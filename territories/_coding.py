"""From codes as they are written to communes of the layer's year: repaired, sorted, converted."""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from territories import codes
from territories._keys import distinct
from territories._tables import shown
from territories._words import Sentence
from territories.cog import ARRONDISSEMENTS, cog_year
from territories.errors import fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories._tables import Table
    from territories.cog import CogTable

Arrondissements = Literal["city", "kept"]

# What a column of codes may be that is not one of communes.
COLUMNS_OF: Final = ("postal", "pmsi", "department", "siren", "iris", "names")

# What is wrong with a code, from the plainest to what only a list of communes can tell.
STATES: Final = ("missing", "malformed", "foreign", "unknown")

_MISSING: Final = ("", "NA", "NAN", "NULL", "NONE", "N/A", "<NA>", ".")
_FOREIGN: Final = "99[0-9]{3}"
_OVERSEAS: Final = "97[1-46][0-9]{2}"
_COLLECTIVITY: Final = "97[578][0-9]{2}|98[0-9]{3}"

# How long the two meanings of a code that was given to another commune may be confused.
_CONFUSED_YEARS: Final = 10

_LISTED: Final = 5
_NAME: Final = r"[^0-9]{3,}"
_FEWEST_NAMES: Final = 3
_LOOKALIKES: Final = str.maketrans("OoIl", "0011")


@dataclass(frozen=True, repr=False)
class Years:
    """Of which year codes are, and to which they are brought.

    Parameters
    ----------
    table
        INSEE's table of communes; None: codes are taken as they are.
    given
        Year that the caller gave; None: guessed.
    target
        Year of the layer, or of the table.
    source
        Year the codes are converted from.
    """

    table: CogTable | None = None
    given: int | None = None
    target: int | None = None
    source: int | None = None


@dataclass(frozen=True, repr=False)
class Coded:
    """A column of codes, read.

    Parameters
    ----------
    code
        By row: repaired, of the year of the file.
    bad
        The rows whose code is no commune's, by what is wrong (of `STATES`).
    parts
        `code`, `converted`, `part`: what each good code stands for in the layer's year, its
        arrondissements gathered; parts of a code make 1.
    hints
        What a bad code may have meant.
    """

    code: pd.Series
    bad: Mapping[str, pd.Series]
    parts: pd.DataFrame
    hints: Mapping[str, str]


def coded(
    tables: Mapping[str, Table],
    *,
    communes: gpd.GeoDataFrame | None,
    cog: CogTable | None,
    year: int | None,
    arrondissements: Arrondissements = "city",
    skipped: Mapping[str, pd.Series],
    notices: list[Sentence],
    faults: list[Sentence],
) -> dict[str, Coded]:
    """Read columns of commune codes; their codes are of one year.

    Parameters
    ----------
    tables
        By our name of the column, the table that holds it, as matched.
    communes
        Layer the codes are about.
    cog, year
        INSEE's table, and the year of the codes (None: guessed).
    arrondissements
        ``"city"``: those of Paris, Lyon and Marseille count as their city; ``"kept"``: they stay.
        Those that are communes of the layer stay anyway.
    skipped
        By column, the rows of its table that are not data (totals).
    notices, faults
        What was found is added to them.
    """
    read = {
        name: _distinct(
            table, name, skipped[name], communes=communes, notices=notices, faults=faults
        )
        for name, table in tables.items()
    }
    if not read:
        return {}
    good = [each.values.loc[each.values["state"] == "", "code"] for each in read.values()]
    # Where residences are PMSI codes and places those of practitioners, no column is of communes.
    present = pd.concat([pd.Series(dtype="str"), *good]).drop_duplicates()
    years = _years(present, communes, cog, year)
    notices += _year_notices(years)
    confused = _confused(years)
    result = {}
    for name, column in read.items():
        values = column.values
        parts, unshared = _parts(values, communes, years, arrondissements)
        values["state"] = _known(values, parts, communes, years)
        doubtful = {"confused": confused, "unshared": unshared}
        notices += _notices(tables[name], column, parts, doubtful)
        result[name] = Coded(
            code=column.by_row("code"),
            bad={
                state: column.rows(values["state"] == state)
                for state in STATES
                if (values["state"] == state).any()
            },
            parts=parts,
            hints=_hints(values, communes, cog),
        )
    return result


@dataclass(frozen=True, repr=False)
class _Column:
    """A column of codes, each distinct value once: `raw`, `code`, `state`."""

    name: str
    values: pd.DataFrame
    positions: np.ndarray
    skipped: pd.Series

    def by_row(self, column: str) -> pd.Series:
        """Return what was found of the value of each row."""
        found = self.values[column].astype("str").take(self.positions)
        return pd.Series(found.array, index=self.skipped.index, name=self.name)

    def rows(self, marked: pd.Series) -> pd.Series:
        """Tell the rows, those skipped left out, whose value is marked."""
        rows = marked.to_numpy(dtype=bool)[self.positions] & ~self.skipped.to_numpy()
        return pd.Series(rows, index=self.skipped.index)


def _distinct(
    table: Table,
    name: str,
    skipped: pd.Series,
    *,
    communes: gpd.GeoDataFrame | None,
    notices: list[Sentence],
    faults: list[Sentence],
) -> _Column:
    """Repair each distinct code, and tell those that no list of communes can have."""
    cells = table.frame[name]
    if skipped.any():
        cells = cells.astype("str").mask(skipped, "").astype("category")
    # Values of rows that were left out are no codes of this column.
    if not np.bincount(cells.cat.codes, minlength=len(cells.cat.categories)).all():
        cells = cells.cat.remove_unused_categories()
    positions, raw = distinct(cells)
    raw = raw.astype("str")
    code = codes.repaired(raw)
    written = code[~code.isin(_MISSING)]
    kind = codes.looks_like(written)
    names = int(written.str.fullmatch(_NAME).sum())
    if kind is None and names >= _FEWEST_NAMES and 2 * names > len(written):
        kind = "names"
    if kind is not None:
        faults.append(fault(f"code_{kind}", file=table.file, column=table.head(name)))
    folded = codes.folded_iris(code)
    state = pd.Series("", index=raw.index, dtype="object")
    state[~codes.plausible(folded)] = "malformed"
    state[folded.str.fullmatch(_FOREIGN)] = "foreign"
    state[folded.isin(_MISSING)] = "missing"
    if communes is not None:  # of another country, perhaps
        state[folded.isin(communes.index)] = ""
    values = pd.DataFrame({"raw": raw, "code": folded, "state": state})
    column = _Column(name, values, positions, skipped)
    for key, changed in (
        ("codes_repaired", (code != raw) & (state == "")),
        ("iris_folded", folded != code),
    ):
        if changed.any() and kind is None:
            first = values[changed].iloc[0]
            example = f"{shown(first['raw'].strip())} → {shown(first['code'])}"
            told = table.told(name, column.rows(changed))
            notices.append(Sentence(f"notice.{key}", {**told, "example": example}))
    return column


def _years(
    present: pd.Series, communes: gpd.GeoDataFrame | None, cog: CogTable | None, year: int | None
) -> Years:
    """Find of which year the codes are, and of which the layer."""
    if cog is None or not cog.years:
        return Years(cog, year)
    target = None
    if communes is not None:
        target = communes.attrs.get("cog")
        target = codes.guessed_year(communes.index, cog).year if target is None else target
    target = cog.year if target is None else target
    source = codes.guessed_year(present, cog).year if year is None else year
    cog.check(source, *(() if target is None else (target,)))
    return Years(cog, year, target, source)


def _year_notices(years: Years) -> list[Sentence]:
    """Say of which year the codes are."""
    if years.table is None or years.source is None or years.target is None:
        return []
    told = {"year": str(years.source), "target": str(years.target)}
    if years.source > years.target:
        return [Sentence("notice.cog_later", told)]
    if years.given is not None and years.source == years.target:
        return []
    key = "cog_guessed" if years.given is None else "cog_given"
    return [Sentence(f"notice.{key}", told)]


def _confused(years: Years) -> set[str]:
    """Tell the codes of communes split lately: a guess does not tell which commune is meant."""
    if years.table is None or years.source is None or years.given is not None:
        return set()
    return {
        code
        for date, moves in years.table.days
        for code, after in moves.items()
        if years.source - _CONFUSED_YEARS < cog_year(date) <= years.source and len(after) > 1
    }


def _parts(
    values: pd.DataFrame,
    communes: gpd.GeoDataFrame | None,
    years: Years,
    arrondissements: Arrondissements,
) -> tuple[pd.DataFrame, set[str]]:
    """Tell what each code stands for in the layer's year, and which cannot be shared out."""
    unshared: set[str] = set()
    every = values["code"].drop_duplicates()
    parts = pd.DataFrame({"code": every, "converted": every, "part": 1.0})
    layer = () if communes is None else communes.index
    source, target = years.source, years.target
    if years.table is not None and source is not None and target is not None and source < target:
        good = values.loc[values["state"] == "", "code"].drop_duplicates()
        people = None if communes is None else communes["population"]
        became = codes.convert(good, source, target, years.table, population=people)
        known = became["share"].notna().groupby(became["code"]).transform("all")
        # What is not known to be a commune, or cannot be shared out, stays as it is.
        unshared = set(became.loc[~known & became["converted"].notna(), "code"])
        became = became[known].rename(columns={"share": "part"})
        parts = pd.concat([parts[~parts["code"].isin(became["code"])], became])
    if arrondissements == "city":
        parts["converted"] = codes.to_cities(parts["converted"], kept=layer)
    parts = parts.groupby(["code", "converted"])["part"].sum().reset_index()
    return parts.sort_values(["code", "converted"], ignore_index=True), unshared


def _known(
    values: pd.DataFrame,
    parts: pd.DataFrame,
    communes: gpd.GeoDataFrame | None,
    years: Years,
) -> pd.Series:
    """Tell which plausible codes are those of no commune."""
    converted = parts["converted"]
    unknown = pd.Series(data=False, index=parts.index)
    if communes is not None:
        ours = set(codes.department(communes.index.to_series()))
        unknown |= codes.department(converted).isin(ours) & ~converted.isin(communes.index)
    if years.table is not None:
        cog = years.table
        listed = cog.listed if years.target in (None, cog.year) else cog.in_force(years.target)
        if listed:
            aside = converted.str.fullmatch(_COLLECTIVITY)
            layer = () if communes is None else communes.index
            # A set is asked far faster than all France is put into a column.
            known = converted.map(lambda code: code in listed or code in cog.arrondissements)
            unknown |= ~known.astype("bool") & ~aside
            unknown &= ~converted.isin(layer)
    lost = set(parts.loc[unknown, "code"])
    state: pd.Series = values["state"]
    return state.mask((state == "") & values["code"].isin(lost), "unknown")


def _hints(
    values: pd.DataFrame, communes: gpd.GeoDataFrame | None, cog: CogTable | None
) -> dict[str, str]:
    """Propose what the first bad codes may have meant."""
    known: set[str] = set() if communes is None else set(communes.index)
    if cog is not None:
        known |= cog.listed or cog.known
    bad = values.loc[values["state"].isin(["malformed", "unknown"]), "code"].drop_duplicates()
    hints = {}
    for code in sorted(bad)[: 10 * _LISTED]:
        hint = _hint(code, known, listed=cog is not None)
        if hint:
            hints[code] = hint
    return hints


def _hint(code: str, known: set[str], *, listed: bool) -> str | None:
    plain = unicodedata.normalize("NFKC", code).translate(_LOOKALIKES)
    if plain != code and codes.plausible(pd.Series([plain])).all() and plain in (known or {plain}):
        return plain
    if re.fullmatch("20[0-9]{3}", code):  # Corsica before 1976
        return next((each for each in (f"2A{code[2:]}", f"2B{code[2:]}") if each in known), None)
    if not listed:  # one that merged is no misspelling of its neighbour in the alphabet
        return None
    near = sorted(each for each in known if each[:2] == code[:2])
    return next(iter(difflib.get_close_matches(code, near, n=1, cutoff=0.8)), None)


def _notices(
    table: Table, column: _Column, parts: pd.DataFrame, doubtful: Mapping[str, set[str]]
) -> list[Sentence]:
    """Say what was done with the codes of a column."""
    good = column.values["state"] == ""
    code = column.values["code"]
    moved = set(parts.loc[parts["converted"] != parts["code"], "code"])
    district = code.isin(ARRONDISSEMENTS)
    split = code.isin(parts.loc[parts["code"].duplicated(), "code"])
    notices = []
    for key, marked in (
        ("overseas", code.str.fullmatch(_OVERSEAS)),
        ("collectivity", code.str.fullmatch(_COLLECTIVITY)),
        ("arrondissements", code.isin(moved) & district),
        ("converted", code.isin(moved) & ~district & ~split),
        ("split", split),
        ("confused", code.isin(doubtful["confused"])),
        ("unshared", code.isin(doubtful["unshared"])),
    ):
        rows = column.rows(marked & good)
        if rows.any():
            first = sorted(code[marked & good].unique())
            shown_codes = ", ".join(_became(each, parts) for each in first[:_LISTED])
            shown_codes += ", …" * (len(first) > _LISTED)
            values = {**table.told(column.name, rows), "values": shown_codes}
            notices.append(Sentence(f"notice.code_{key}", values))
    return notices


def _became(code: str, parts: pd.DataFrame) -> str:
    after = parts.loc[parts["code"] == code, "converted"]
    if after.tolist() in ([], [code]):
        return code
    return f"{code} → {' + '.join(after)}"
