"""The columns of a table read as what they are: counts, amounts, codes; with all that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories import codes
from territories._keys import by_value, distinct, marked
from territories._numbers import MASKED_AS, numbers
from territories._tables import Table, shown, value_list
from territories._words import Sentence
from territories.errors import fault

if TYPE_CHECKING:
    from collections.abc import Iterable

_WRONG: Final = (
    *("malformed", "date", "percent", "money", "infinite", "ambiguous", "negative", "too_large"),
)


_TOTAL: Final = (
    r"(?i)\s*(?:(?:s/|sous[ -]?)?tot(?:a(?:l|ux))?\b.*|(?:ensemble|somme|tou(?:t|s|te|tes))\b.*)\s*"
)
_EUROS: Final = r"(?i)\s*(?:€|eur(?:os?)?)\s*$"


@dataclass(frozen=True, repr=False)
class Counts:
    """A column of numbers of people.

    Parameters
    ----------
    values
        Numbers; masked cells as `masked_as`, missing ones as 0.
    masked
        Which cells are masked: any of 1 to 10.
    missing
        Which cells hold nothing.
    faults, notices
        What is wrong, and what was normalised. The cells themselves are not quoted: they may be
        counts.
    """

    values: pd.Series
    masked: pd.Series
    missing: pd.Series
    faults: list[Sentence]
    notices: list[Sentence]


def count_column(
    table: Table,
    column: str,
    *,
    masked_as: int = MASKED_AS,
    dash: str = "masked",
    money: bool = False,
) -> Counts:
    """Read a column of counts, where small ones may be masked.

    Parameters
    ----------
    table
        As matched.
    column
        Our name of it.
    masked_as
        What a masked cell counts as.
    dash
        What a dash stands for: ``"masked"`` or ``"zero"``.
    money
        Numbers may have the sign of euros after them.
    """
    read = _Read(table, column, money=money)
    dashes = read.rows("dash")
    masked = read.rows("masked")
    missing = read.rows("empty") | read.rows("missing")
    notices = read.notices()
    for name, rows in (("masked", masked), (f"dash_{dash}", dashes)):
        if rows.any():
            told = {**read.told(rows), "value": masked_as}
            notices.append(Sentence(f"notice.{name}", told))
    if dash == "masked":
        masked = masked | dashes
    values = read.values()
    if masked.any() or missing.any() or dashes.any():
        values = values.mask(masked, masked_as).mask(missing | (dashes & ~masked), 0.0)
    return Counts(
        values=values,
        masked=masked,
        missing=missing,
        faults=read.faults(*_WRONG),
        notices=notices,
    )


def number_column(
    table: Table, column: str, notices: list[Sentence] | None = None
) -> tuple[pd.Series, list[Sentence]]:
    """Read a column of numbers in which none may be masked or missing.

    Returns
    -------
    Series, list of Sentence
        Numbers (missing where the cell is not one), and what is wrong.
    """
    read = _Read(table, column)
    if notices is not None:
        notices += read.notices()
    return read.values(), read.faults("empty", "missing", "masked", "dash", *_WRONG)


class _Read:
    """A column of numbers: each distinct cell read once, and what was found of each kind."""

    def __init__(self, table: Table, column: str, *, money: bool = False) -> None:
        self._table, self._column = table, column
        self._index = table.frame.index
        self._positions, cells = distinct(table.frame[column])
        self._cells = numbers(cells)
        if money and (self._cells["kind"] == "money").any():
            self._cells = numbers(cells.str.replace(_EUROS, "", regex=True))
        self._kinds = set(self._cells["kind"].unique())

    def values(self) -> pd.Series:
        """Return the numbers by row."""
        values = self._cells["value"].to_numpy()[self._positions]
        return pd.Series(values, index=self._index, name=self._column)

    def rows(self, kind: str) -> pd.Series:
        """Tell which rows are of a kind."""
        rows = np.zeros(len(self._index), dtype=bool)
        if kind in self._kinds:
            rows = (self._cells["kind"] == kind).to_numpy()[self._positions]
        return pd.Series(rows, index=self._index)

    def told(self, rows: pd.Series) -> dict[str, object]:
        """Name rows: how many, which first, in which column."""
        return self._table.told(self._column, rows)

    def notices(self) -> list[Sentence]:
        """Say which numbers were not written as plain digits."""
        found = {kind: self.rows(kind) for kind in ("decimal_comma", "thousands", "notation")}
        return [
            Sentence(f"notice.{kind}", self.told(rows))
            for kind, rows in found.items()
            if rows.any()
        ]

    def faults(self, *kinds: str) -> list[Sentence]:
        """Name what is wrong."""
        found = {kind: self.rows(kind) for kind in kinds}
        return [
            fault(f"number_{kind}", file=self._table.file, **self.told(rows))
            for kind, rows in found.items()
            if rows.any()
        ]


def code_column(
    table: Table, column: str, notices: list[Sentence], *, plausible: bool = True
) -> tuple[pd.Series, list[Sentence]]:
    """Repair a column of commune codes; say how many were, and which are beyond repair."""
    raw = table.frame[column]
    code = by_value(raw, codes.repaired)
    changed = marked(raw, lambda text: codes.repaired(text) != text)
    if changed.any():
        notices.append(repaired_notice(table, column, changed))
    wrong = marked(raw, lambda text: ~codes.plausible(codes.repaired(text)))
    if not plausible:
        wrong = code == ""
    if not wrong.any():
        return code, []
    key = "code_malformed" if plausible else "code_empty"
    return code, [
        fault(
            key,
            file=table.file,
            column=table.head(column),
            count=int(wrong.sum()),
            rows=table.places(column, wrong),
            values=value_list(raw[wrong]),
        )
    ]


def repaired_notice(table: Table, column: str, changed: pd.Series) -> Sentence:
    """Say how many codes were written as they should be, with the first one."""
    raw = str(table.frame.loc[changed, column].iloc[0])
    code = codes.repaired(pd.Series([raw])).iloc[0]
    values = {
        "count": int(changed.sum()),
        "column": table.head(column),
        "rows": table.places(column, changed),
        "example": f"{shown(raw.strip())} → {shown(code)}",
    }
    return Sentence("notice.codes_repaired", values)


def text_column(table: Table, column: str) -> pd.Series:
    """Read a column of labels: blanks around are dropped, line breaks within are one blank."""
    return by_value(
        table.frame[column], lambda text: text.str.replace(r"\s+", " ", regex=True).str.strip()
    )


def empty_cells(table: Table, columns: Iterable[str]) -> list[Sentence]:
    """Find the empty cells of columns of text."""
    faults = []
    for name in columns:
        if name in table.frame:
            empty = marked(table.frame[name], lambda text: text.str.strip() == "")
            if empty.any():
                faults.append(
                    fault(
                        "cell_empty",
                        file=table.file,
                        column=table.head(name),
                        count=int(empty.sum()),
                        rows=table.places(name, empty),
                    )
                )
    return faults


def totals_of(table: Table, columns: Iterable[str]) -> pd.Series:
    """Tell the rows that are totals, in the columns that name what is counted."""
    return any_of(
        (marked(table.frame[name], lambda text: text.str.fullmatch(_TOTAL)) for name in columns),
        table.frame.index,
    )


def any_of(marked: Iterable[pd.Series], index: pd.Index) -> pd.Series:
    """Tell the rows that one at least of several has marked."""
    rows = np.zeros(len(index), dtype=bool)
    for each in marked:
        rows |= each.to_numpy(dtype=bool)
    return pd.Series(rows, index=index)
