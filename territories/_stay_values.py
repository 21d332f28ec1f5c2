"""The distinct values of hospital stays, line by line: each read once, and given a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._columns import count_column, text_column
from territories._event_values import MILLIONTHS, Values
from territories._heads import is_ours, matched_names
from territories._numbers import MASKED_AS
from territories._stay_cells import finess
from territories._tables import value_list
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ibis.expr.types as ir

    from territories._words import Sentence

# Why a line is set aside by its GHM; the place of each is its number, that of the first is "kept".
REASONS: Final = ("", "missing_ghm", "malformed_ghm", "session", "error_ghm", "missing_stay")

# A category of diagnosis (CMD), with or without what follows it in a GHM: 05, 05M09T.
_GHM: Final = "[0-9]{2}(?:[A-Z][0-9A-Z]*)?"
_ZERO_LOST: Final = re.compile("^([0-9])(?=[A-Z]|$)")

# Categories that are no stays: sessions (chemotherapy, dialysis…), and groups in error.
_NO_STAYS: Final = {"28": "session", "90": "error_ghm"}


@dataclass(frozen=True)
class StayLines:
    """What is asked of stays, line by line.

    Parameters
    ----------
    columns
        Ours to theirs.
    activity
        The one of all stays.
    years
        Those that are kept.
    masked_as
        What a masked cell counts as.
    strict
        Refuse what is missing, rather than set it aside.
    """

    columns: Mapping[str, str]
    activity: str | None = None
    years: range | None = None
    masked_as: int = MASKED_AS
    strict: bool = True


@dataclass(frozen=True, repr=False)
class StayValues:
    """What the raw values of stays stand for.

    Parameters
    ----------
    values
        Distinct raw values by column.
    numbers
        By column, the raw values as the engine joins them, and the numbers of what they stand for:
        `<column>_number`. Those of `ghm` are places in `REASONS`.
    names
        What the numbers of `pmsi_code`, `site` and `activity` are, in order.
    counts
        What the numbers of `stays` are, in order: `value` (in units), `masked` and `missing`.
    unit
        What one stay counts as in `counts`.
    """

    values: Mapping[str, Values]
    numbers: Mapping[str, pd.DataFrame]
    names: Mapping[str, tuple[str, ...]]
    counts: pd.DataFrame
    unit: int

    def raw(self, column: str, names: Sequence[str | None]) -> list[str | None]:
        """Return the raw values that stand for some names."""
        found = self.numbers[column]
        of = pd.Series(self.names[column]).take(found[f"{column}_number"].to_numpy())
        chosen = found.loc[of.isin(names).to_numpy(), column]
        return [None if pd.isna(each) else str(each) for each in chosen]


def heads_of_stays(file: str, present: Sequence[str], lines: StayLines) -> dict[str, str]:
    """Find the columns of stays: theirs by our name."""
    given = dict(lines.columns)

    def has(ours: str) -> bool:
        return ours in given or any(is_ours(ours, name) for name in present)

    if lines.activity is not None and has("activity"):
        column = given.get("activity") or next(n for n in present if is_ours("activity", n))
        raise InputError(fault("activity_given", file=file, column=column))
    required, optional = ["pmsi_code", "site"], ["ghm", "stay", "stays"]
    if lines.activity is None:
        required.append("activity" if has("activity") else "ghm")
    optional.append("date" if has("date") else "year")
    optional = [name for name in optional if name not in required]
    return matched_names(file, present, required=required, optional=optional, columns=given)


def values_of_stays(
    stays: ir.Table,
    distinct: Callable[[str], Values],
    lines: StayLines,
    *,
    notices: list[Sentence],
    faults: list[Sentence],
) -> StayValues:
    """Read the distinct values of stays as what they are, and number what they stand for.

    Parameters
    ----------
    distinct
        Brings the distinct values of a column here.
    notices, faults
        What was normalised and what is wrong are added to them.
    """
    present = [name for name in ("pmsi_code", "site", "activity", "ghm") if name in stays.columns]
    values = {name: distinct(name) for name in present}
    text = {name: text_column(each, name) for name, each in values.items()}
    text["pmsi_code"] = text["pmsi_code"].str.upper()
    text["site"] = finess(text["site"])
    numbers: dict[str, pd.DataFrame] = {}
    names: dict[str, tuple[str, ...]] = {}
    for name in ("pmsi_code", "site", "activity"):
        if name in text:
            numbers[name], names[name] = _numbered(values[name], name, text[name])
    if "ghm" in text:
        reason, category = _grouped(text["ghm"])
        if lines.strict:
            faults += _ghm_faults(values["ghm"], reason)
        table = values["ghm"].raw[["ghm"]].copy()
        table["ghm_number"] = reason.map(REASONS.index).to_numpy()
        if "activity" not in text and lines.activity is None:
            found, names["activity"] = _numbered(values["ghm"], "activity", category)
            table["activity_number"] = found["activity_number"].to_numpy()
        numbers["ghm"] = table
    names.setdefault("activity", (str(lines.activity),))
    counts = pd.DataFrame({"value": [1], "masked": [0], "missing": [False]})
    unit = 1
    if "stays" in stays.columns:
        values["stays"] = distinct("stays")
        numbers["stays"], counts, unit = _counted(values["stays"], lines, notices, faults)
    return StayValues(values, numbers, names, counts, unit)


def stays_of_cells(cells: Values, lines: StayLines) -> pd.Series:
    """Read numbers of stays that are set aside, whatever is wrong with them."""
    counts = count_column(cells, "stays", masked_as=lines.masked_as)
    return counts.values.fillna(0.0)


def _numbered(values: Values, name: str, text: pd.Series) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Give numbers to the names that raw values stand for, in their order."""
    names = pd.Index(sorted(text.unique()), dtype="object")
    raw = values.raw.iloc[:, [0]]
    return raw.assign(**{f"{name}_number": names.get_indexer(text.astype("object"))}), tuple(names)


def _grouped(ghm: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Tell which GHM are set aside, and why, and the category of the others."""
    code = ghm.str.replace(" ", "", regex=False).str.upper()
    code = code.str.replace(_ZERO_LOST, r"0\1", regex=True)
    category = code.str.slice(0, 2)
    reason = category.map(_NO_STAYS).fillna("").astype("object")
    reason = reason.mask(~code.str.fullmatch(_GHM), "malformed_ghm").mask(code == "", "missing_ghm")
    return reason, ("CMD " + category).where(reason == "", "")


def _ghm_faults(ghm: Values, reason: pd.Series) -> list[Sentence]:
    faults = []
    for key, wrong in (("cell_empty", "missing_ghm"), ("ghm_malformed", "malformed_ghm")):
        rows = reason == wrong
        if rows.any():
            told = ghm.told("ghm", rows)
            listed = {"values": value_list(ghm.frame.loc[rows, "ghm"])} if "ghm" in key else {}
            faults.append(fault(key, file=ghm.file, **told, **listed))
    return faults


def _counted(
    values: Values, lines: StayLines, notices: list[Sentence], faults: list[Sentence]
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Read the numbers of stays of lines that are added up already."""
    read = count_column(values, "stays", masked_as=lines.masked_as)
    faults += read.faults
    notices += read.notices
    value = read.values.fillna(0.0)
    unit = MILLIONTHS if (value % 1 != 0).any() else 1
    said = pd.DataFrame(
        {
            "value": (value * unit).round().astype("int64"),
            "masked": read.masked.astype("int64"),
            "missing": read.missing,
        }
    )
    counts = said.drop_duplicates().sort_values(list(said.columns), ignore_index=True)
    number = pd.MultiIndex.from_frame(counts).get_indexer(pd.MultiIndex.from_frame(said))
    return values.raw[["stays"]].assign(stays_number=number), counts, unit
