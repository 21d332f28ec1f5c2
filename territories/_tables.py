"""Tables as they come out of Excel and of extracts: every cell text, every row numbered."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from territories._files import opened
from territories._heads import is_ours, matched_names, name_list, persons, recognised
from territories._keys import marked
from territories._sheets import NO_VALUE, column_letters, read_parquet, read_workbook
from territories._text import read_text
from territories._words import Sentence
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from territories._files import Source
    from territories._text import Cells

_LISTED: Final = 5

# What a spreadsheet shows where a formula failed.
_CELL_ERRORS: Final = {
    *("#N/A", "#REF!", "#DIV/0!", "#NULL!", "#NUM!"),
    *("#VALUE!", "#VALEUR!", "#NAME?", "#NOM?", "#NOMBRE!", "#NUL!"),
}

# Codes are quoted in messages. One or two digits may be a count; more than nine signs, or letters
# and many digits, may be the number of a practitioner.
_SHOWABLE: Final = re.compile(r"[A-Za-z]{1,9}|[0-9]{3,6}(?:\.0)?|[0-9A-Za-z]{3,6}")

# Columns of codes, which lose their zeros when they are stored as numbers.
_CODES: Final = ("code", "residence", "destination", "pmsi_code", "site")


@dataclass(frozen=True, repr=False)
class Table:
    """A table of text read from a file.

    Parameters
    ----------
    frame
        Columns of categories of text; indexed by the row's number in the file, the header of a
        table without title being row 1.
    file
        Name of the file, without its folder.
    sha256
        Hash of its bytes.
    heads
        For each of our columns, the name it has in the file.
    footnotes
        Numbers of the rows below the table that are words about it.
    others
        Names of the file's columns that are none of ours.
    letters
        In a spreadsheet, the letter of each of the file's columns.
    notices
        What was found on the way.
    """

    frame: pd.DataFrame
    file: str
    sha256: str
    heads: Mapping[str, str] = field(default_factory=dict)
    footnotes: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Sentence, ...] = ()

    def head(self, column: str) -> str:
        """Return the file's own name of one of our columns."""
        return self.heads.get(column, column)

    def places(self, column: str, marked: pd.Series) -> str:
        """Write where the first marked cells of one of our columns stand: rows, and cells (D3)."""
        letter = self.letters.get(self.head(column))
        rows = [
            f"{row} ({letter}{row})" if letter else str(row)
            for row in marked.index[marked.to_numpy(dtype=bool)][: _LISTED + 1]
        ]
        return ", ".join([*rows[:_LISTED], *["…"] * (len(rows) > _LISTED)])

    def told(self, column: str, marked: pd.Series) -> dict[str, object]:
        """Name the marked cells of one of our columns: how many, which first, in which column."""
        return {
            "column": self.head(column),
            "count": int(marked.sum()),
            "rows": self.places(column, marked),
        }


def read_table(
    path: str | Path, *, sheet: str | None = None, columns: Mapping[str, str] | None = None
) -> Table:
    """Read a table from a file of any kind that holds one, found from its content.

    Parameters
    ----------
    path
        Delimited text, XLSX, ODS or Parquet, alone or packed by gzip or zip.
    sheet
        In a workbook where several sheets hold a table, the one that is meant.
    columns
        Ours to theirs: their names help to find the header under a title.

    Raises
    ------
    InputError
        If the file is missing or empty, holds no table, or has rows longer or shorter than its
        header.
    """
    source = opened(path)
    named = set((columns or {}).values())

    def known(name: str) -> bool:
        return name in named or recognised(name)

    if source.kind == "text":
        cells = read_text(source, known)
    elif source.kind == "parquet":
        cells = read_parquet(source)
    else:
        cells = read_workbook(source, known, sheet)
    return _checked(cells, source, known)


def _checked(cells: Cells, source: Source, known: Callable[[str], bool]) -> Table:
    """Check names and rows, and leave blank rows and columns out."""
    frame = cells.frame
    blank = np.ones(len(frame), dtype=bool)
    kept = []
    for place, name in enumerate(cells.header):
        empty = (frame[place].cat.categories.str.strip() == "")[frame[place].cat.codes]
        blank &= empty
        if name or not empty.all():
            kept.append(place)
    footnotes = frame.index.isin(cells.footnotes)
    rows = frame[~blank & ~footnotes]
    if rows.empty or not kept:
        raise InputError(fault("no_rows", file=source.file))
    header = [cells.header[place] or f"({place + 1})" for place in kept]
    digits = any(re.search("[0-9]", cells.header[place]) for place in kept)
    if digits and not any(map(known, header)):
        raise InputError(fault("header_missing", file=source.file))  # its cells may be counts
    twice = next((name for name, times in Counter(header).items() if times > 1), None)
    if twice is not None:
        places = [str(place + 1) for place, name in zip(kept, header, strict=True) if name == twice]
        raise InputError(
            fault("column_twice", file=source.file, column=twice, places=", ".join(places))
        )
    letters = {}
    if cells.first_letter is not None:
        letters = {
            name: column_letters(cells.first_letter + place)
            for place, name in zip(kept, header, strict=True)
        }
    return Table(
        frame=rows[kept].set_axis(header, axis=1),
        file=source.file,
        sha256=source.sha256,
        heads={},
        footnotes=cells.footnotes,
        letters=letters,
        notices=(
            *cells.notices,
            *(
                Sentence("notice.codes_were_numbers", {"column": cells.header[place]})
                for place in cells.numbers
                if any(is_ours(ours, cells.header[place]) for ours in _CODES)
            ),
        ),
    )


def columns_of(table: Table, ours: str) -> list[str]:
    """Return the file's columns that are recognised as one of ours."""
    return [str(name) for name in table.frame.columns if is_ours(ours, str(name))]


def matched(
    table: Table,
    required: Iterable[str],
    optional: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Table:
    """Keep the columns that are ours, under our names.

    Parameters
    ----------
    table
        As read.
    required, optional
        Our names.
    columns
        Ours to theirs, for files whose names are not recognised.

    Raises
    ------
    InputError
        If a column is missing or two columns could be the same one of ours.
    """
    present = [str(name) for name in table.frame.columns]
    found = matched_names(
        table.file, present, required=required, optional=optional, columns=columns
    )
    frame = table.frame[list(found.values())].set_axis(list(found), axis=1)
    others = tuple(name for name in present if name not in found.values())
    chosen = replace(table, frame=frame, heads=found, others=others)
    faults = [each for ours in found for each in _failed_cells(chosen, ours)]
    if faults:
        raise InputError(*faults)
    return chosen


def _failed_cells(table: Table, column: str) -> list[Sentence]:
    """Find the cells in which a spreadsheet has an error, or a formula it has not computed."""
    faults = []
    for key, failed in (
        ("cell_formula", lambda cells: cells == NO_VALUE),
        ("cell_error", lambda cells: cells.str.startswith("#") & cells.isin(_CELL_ERRORS)),
    ):
        rows = marked(table.frame[column], failed)
        if rows.any():
            faults.append(
                fault(
                    key,
                    file=table.file,
                    column=table.head(column),
                    count=int(rows.sum()),
                    rows=table.places(column, rows),
                )
            )
    return faults


def refuse_persons(table: Table) -> None:
    """Refuse a table in which a row is a person: flows are added up before they come here."""
    personal = persons(map(str, table.frame.columns))
    if personal:
        raise InputError(fault("table_of_persons", file=table.file, values=", ".join(personal)))


def row_list(marked: pd.Series) -> str:
    """Write the numbers of the first marked rows."""
    rows = marked.index[marked.to_numpy(dtype=bool)]
    return ", ".join(str(row) for row in rows[:_LISTED]) + (", …" if len(rows) > _LISTED else "")


def value_list(values: pd.Series) -> str:
    """Write the first values between quotes; what may be a count or a practitioner, not."""
    return ", ".join(shown(value) for value in values[:_LISTED]) + (
        ", …" if len(values) > _LISTED else ""
    )


def shown(value: object) -> str:
    """Write a code between quotes, or a sign in its place if it may be a count or a person."""
    return f"'{value}'" if _SHOWABLE.fullmatch(str(value)) else "…"


def unused(table: Table) -> list[Sentence]:
    """Say which columns of the file are not read."""
    if not table.others:
        return []
    return [Sentence("notice.unused", {"values": name_list(table.others)})]
