"""Workbooks (XLSX, ODS) and Parquet: their cells as text, none of them dropped in silence."""

from __future__ import annotations

import datetime as dt
import io
import posixpath
import re
import zipfile
from typing import IO, TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import python_calamine

from territories._memory import most, too_large
from territories._text import Cells, categories, header_place, is_footnote, refuse_wide
from territories._words import Sentence
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from territories._files import Source

# What stands in a cell that has no value of its own; no one writes them in a table.
NO_VALUE: Final = "\u2404formula"
# What a cell of a Parquet file, which says a value once, takes as text.
_TEXT_CELL: Final = 6

_TITLES: Final = 40

# The most cells of a sheet from its first to its last, those between that are empty included: all
# are held in memory. A column of a whole region's extract has 350 000.
_MOST_CELLS: Final = 20_000_000

_CELL: Final = re.compile(rb'<(?:\w+:)?c\s(?:[^>]*?\s)?r="([A-Z]{1,3})([0-9]{1,7})"[^>]*(?<!/)>')
_THREE_DECIMALS: Final = re.compile(r"-?[0-9]+\.[0-9]{3}")
_PLACE: Final = re.compile("([A-Z]{1,3})([0-9]{1,7})")


def read_workbook(source: Source, known: Callable[[str], bool], sheet: str | None) -> Cells:
    """Read the sheet of a workbook that holds a table.

    Parameters
    ----------
    source
        Content of the file.
    known
        Tells whether a name is that of a column of ours.
    sheet
        Name of the sheet; needed where several hold a table.

    Raises
    ------
    InputError
        If the workbook is damaged, or it is not plain which sheet is meant.
    """
    _refuse_spread(source)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(source.content))
        sheets = {
            each.name: _rows(book, each.name)
            for each in book.sheets_metadata
            if each.typ == python_calamine.SheetTypeEnum.WorkSheet
        }
        hidden = {
            each.name
            for each in book.sheets_metadata
            if each.visible != python_calamine.SheetVisibleEnum.Visible
        }
    except OverflowError as problem:
        raise InputError(fault("cell_no_date", file=source.file)) from problem
    except (python_calamine.CalamineError, ValueError, OSError) as problem:
        raise InputError(fault("file_truncated", file=source.file)) from problem
    name = _chosen(source.file, sheets, hidden, known, sheet)
    rows, first = sheets[name]
    if source.kind == "xlsx":
        _fill_doubtful(source, name, rows, first)
    notices = [] if len(sheets) == 1 else [Sentence("notice.sheet", {"sheet": name})]
    return _cells(source.file, rows, first, known, notices)


def _rows(book: Any, name: str) -> tuple[list[list[str]], tuple[int, int]]:  # noqa: ANN401
    """Return the rows of a sheet as text, and the place of its first cell, both from 0."""
    sheet = book.get_sheet_by_name(name)
    rows = sheet.to_python(skip_empty_area=True)
    start = sheet.start or (0, 0)
    # Most rows of a sheet with a stray cell far below are empty: they cost little.
    return [row if row.count("") == len(row) else [*map(_text, row)] for row in rows], start


def _text(cell: object) -> str:
    """Write a cell as a person would have typed it; dates keep the look of dates."""
    if cell is None or cell != cell:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, float):  # one decimal more: it is known that 1.234 is no thousand here
        return f"{cell!r}0" if _THREE_DECIMALS.fullmatch(repr(cell)) else repr(cell)
    return str(cell)


def _chosen(
    file: str,
    sheets: dict[str, tuple[list[list[str]], tuple[int, int]]],
    hidden: set[str],
    known: Callable[[str], bool],
    sheet: str | None,
) -> str:
    listed = ", ".join(
        f"{name} ({Sentence('format.hidden')})" if name in hidden else name for name in sheets
    )
    if sheet is not None:
        if sheet not in sheets:
            raise InputError(fault("sheet_unknown", file=file, sheet=sheet, values=listed))
        return sheet
    filled = [name for name, (rows, _) in sheets.items() if rows]
    tables = [name for name in filled if _has_header(sheets[name][0], known)] or filled
    if not tables:
        raise InputError(fault("no_rows", file=file))
    if len(tables) > 1:
        raise InputError(fault("sheet_ambiguous", file=file, values=listed))
    return tables[0]


def _has_header(rows: Sequence[Sequence[str]], known: Callable[[str], bool]) -> bool:
    return any(sum(map(known, row)) > 1 for row in rows[:_TITLES])


def _fill_doubtful(
    source: Source, name: str, rows: list[list[str]], first: tuple[int, int]
) -> None:
    """Write what stands in cells that came empty: an error, or a formula without a value.

    The reader leaves both out; they are looked for in the sheet itself.
    """
    if all("" not in cells for cells in rows):
        return
    with zipfile.ZipFile(io.BytesIO(source.content)) as archive:
        part = _sheet_parts(archive, source.file).get(name)
        if part is None:
            raise InputError(fault("file_truncated", file=source.file))
        with archive.open(part) as sheet:
            for row, column, text in _without_value(sheet, source.file):
                down, across = row - first[0], column - first[1]
                if 0 <= down < len(rows) and 0 <= across < len(rows[down]):
                    rows[down][across] = rows[down][across] or text


def _sheet_parts(archive: zipfile.ZipFile, file: str) -> dict[str, str]:
    """Tell in which part of an XLSX workbook each of its sheets stands."""
    try:
        book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - see _files
        links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ET.ParseError) as problem:
        raise InputError(fault("file_truncated", file=file)) from problem
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    known = set(archive.namelist())
    parts = {}
    for sheet in book.iter():
        if _tag(sheet) == "sheet":
            link = next((value for key, value in sheet.items() if key.endswith("}id")), None)
            part = posixpath.normpath(posixpath.join("/xl", targets.get(link, "")))[1:]
            if part in known:
                parts[sheet.get("name", "")] = part
    return parts


def _without_value(sheet: IO[bytes], file: str) -> Iterator[tuple[int, int, str]]:
    """Find the cells of a sheet that have an error, or a formula without a value (from 0)."""
    row, column = 0, -1
    try:
        for _, element in ET.iterparse(sheet):  # noqa: S314 - see _files
            tag = _tag(element)
            if tag == "c":
                place = _PLACE.fullmatch(element.get("r", ""))
                row = int(place[2]) - 1 if place else row
                column = _number(place[1]) if place else column + 1
                parts = {_tag(each): each.text or "" for each in element}
                kind, value = element.get("t"), parts.get("v", "")
                if kind == "e":
                    yield row, column, value
                elif "f" in parts and not value and not ("v" in parts and kind == "str"):
                    yield row, column, NO_VALUE
            elif tag == "row":
                row, column = row + 1, -1
                element.clear()
    except (ET.ParseError, ValueError) as problem:
        raise InputError(fault("file_truncated", file=file)) from problem


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _number(letters: str) -> int:
    """Return the place of a column that a spreadsheet names: A is 0, AA is 26.

    Examples
    --------
    >>> _number("A"), _number("AA"), _number("XFD")
    (0, 26, 16383)
    """
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def _refuse_spread(source: Source) -> None:
    """Refuse a workbook whose cells are so far apart that those between would fill the memory."""
    with zipfile.ZipFile(io.BytesIO(source.content)) as archive:
        if source.kind == "ods":
            with archive.open("content.xml") as content:
                far = _far_ods(content, source.file)
        else:
            sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
            far = [_far_xlsx(archive.read(name)) for name in sheets]
    for row, column in far:
        if row * column > _MOST_CELLS:
            values = {"row": str(row), "column": column_letters(column - 1)}
            raise InputError(fault("sheet_spread", file=source.file, **values))


def _far_xlsx(sheet: bytes) -> tuple[int, int]:
    """Return the last row and the last column of a sheet that have a cell with a value, from 1."""
    cells = _CELL.findall(sheet)
    letters = max({cell[0] for cell in cells}, key=lambda each: (len(each), each), default=b"")
    return max((int(cell[1]) for cell in cells), default=0), _number(letters.decode()) + 1


def _far_ods(content: IO[bytes], file: str) -> list[tuple[int, int]]:
    """Return the last row and the last column with a value of each sheet, from 1.

    There a row or a cell may stand for many, as those below and beside a table do.
    """
    far = []
    row, column, width, last = 0, 0, 0, (0, 0)
    try:
        for _, element in ET.iterparse(content):  # noqa: S314 - see _files
            tag = _tag(element)
            if tag.endswith("table-cell"):
                column += _times(element)
                width = column if len(element) else width
            elif tag == "table-row":
                row += _times(element)
                last = (row, max(last[1], width)) if width else last
                column, width = 0, 0
                element.clear()
            elif tag == "table":
                far.append(last)
                row, last = 0, (0, 0)
    except (ET.ParseError, ValueError) as problem:
        raise InputError(fault("file_truncated", file=file)) from problem
    return far


def _times(element: ET.Element) -> int:
    """Tell for how many cells, or rows, one of an ODS sheet stands."""
    return next((int(value) for key, value in element.items() if key.endswith("-repeated")), 1)


def _cells(
    file: str,
    rows: list[list[str]],
    first: tuple[int, int],
    known: Callable[[str], bool],
    notices: list[Sentence],
) -> Cells:
    if not rows:
        raise InputError(fault("no_rows", file=file))
    refuse_wide(len(rows[0]), file)
    above = header_place(rows[:_TITLES], known)
    titles = sum(any(cell.strip() for cell in row) for row in rows[:above])
    if titles:
        notices.append(Sentence("notice.titles", {"count": titles}))
    body = rows[above + 1 :]
    header = [" ".join(cell.split()) for cell in rows[above]]
    frame = pd.DataFrame(
        {
            place: categories(
                pa.array([row[place] for row in body], pa.string()).dictionary_encode()
            )
            for place in range(len(header))
        },
        index=pd.RangeIndex(first[0] + above + 2, first[0] + above + 2 + len(body), name="row"),
    )
    footnotes = []
    for row, cells in zip(reversed(frame.index), reversed(body), strict=True):
        filled = [cell for cell in cells if cell.strip()]
        if filled and not is_footnote(filled):
            break
        if filled:
            footnotes.append(int(row))
    return Cells(
        header=header,
        frame=frame,
        footnotes=tuple(sorted(footnotes)),
        first_letter=first[1],
        notices=tuple(notices),
    )


def column_letters(place: int) -> str:
    """Name a column as a spreadsheet does: A, …, Z, AA.

    Examples
    --------
    >>> column_letters(0), column_letters(26), column_letters(16383)
    ('A', 'AA', 'XFD')
    """
    before, last = divmod(place, 26)
    return (column_letters(before - 1) if before else "") + chr(ord("A") + last)


def read_parquet(source: Source) -> Cells:
    """Read a Parquet file; its rows are numbered from 1.

    Raises
    ------
    InputError
        If it is damaged, or has columns that are no single values.
    """
    try:
        book = pa.parquet.ParquetFile(pa.BufferReader(source.content))
        groups = (book.metadata.row_group(place) for place in range(book.metadata.num_row_groups))
        cells = book.metadata.num_rows * book.metadata.num_columns
        size = max(sum(group.total_byte_size for group in groups), _TEXT_CELL * cells)
        if size > most():
            raise InputError(too_large(source.file, size))
        refuse_wide(len(book.schema_arrow), source.file)
        table = book.read()
        nested = [field.name for field in table.schema if is_nested(field.type)]
        if nested:
            raise InputError(fault("column_nested", file=source.file, values=", ".join(nested)))
        if not len(table):
            raise InputError(fault("no_rows", file=source.file))
        columns = [categories(_texts(column)) for column in table.columns]
    except (pa.ArrowException, OSError) as problem:
        raise InputError(fault("file_truncated", file=source.file)) from problem
    frame = pd.DataFrame(
        dict(enumerate(columns)), index=pd.RangeIndex(1, len(table) + 1, name="row")
    )
    numbers = tuple(
        place
        for place, field in enumerate(table.schema)
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    )
    header = [str(name) for name in table.column_names]
    return Cells(header=header, frame=frame, numbers=numbers)


def is_nested(kind: pa.DataType) -> bool:
    """Tell the types whose values are several, or lengths of time: none is a cell of ours."""
    return bool(
        pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind)
    )


def _texts(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Write the values of a column, each once."""
    values = column.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    once = values.dictionary
    if pa.types.is_temporal(once.type):
        once = pc.cast(once, pa.string())  # some days are in no calendar of Python
    written = [_text(value) for value in once.to_pylist()]
    texts = pa.array([*written, ""], pa.string()).dictionary_encode()
    # Nulls become the empty text; two values that are written alike become one.
    places = values.indices.fill_null(len(written))
    return pa.DictionaryArray.from_arrays(texts.indices.take(places), texts.dictionary)
