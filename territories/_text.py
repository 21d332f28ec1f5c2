"""Delimited text: encoding, separator, header and footnotes found from the content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from territories._words import Sentence
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from territories._files import Source

_DELIMITERS: Final = ";,\t|"
_INK: Final = re.compile(r"\S")
_SEP_LINE: Final = re.compile(r"\Asep=(.)[ \t]*\r?\n", re.IGNORECASE)

# Where a header is looked for: titles above a table are short.
_TITLES: Final = 40

# The longest cell a table of codes, labels and numbers may hold, in bytes.
_LONGEST: Final = 20_000

# A table of flows has three columns at least; in a narrower one any row is a word in a cell.
_NARROWEST: Final = 3

# The most columns of a table; ours have a dozen.
_WIDEST: Final = 2_000

# A footnote is words in one cell; a code alone in its row is a row that lost its cells.
_FOOTNOTE_START: Final = 300  # words tell at once; the pattern is slow on endless cells
_FOOTNOTE: Final = re.compile(r"[^\W\d_]{3,}.*[\s:.]|^[*(]", re.DOTALL)

# Letters of Latin-9 that stand for fractions and signs in Windows-1252, between letters.
_LATIN_9: Final = re.compile(rb"[\xbc\xbd\xbe\xa8\xb4\xb8\xa6](?=[a-z\xe0-\xff])|\xa4")


@dataclass(frozen=True, repr=False)
class Cells:
    """The cells of a table, all text, before anything is known of them.

    Parameters
    ----------
    header
        Names of the columns.
    frame
        Columns of categories of text, numbered from 0; indexed by the row's number in the file.
    footnotes
        Numbers of the rows below the table that are words about it.
    first_letter
        In a spreadsheet, where cells are called D3, the place of the first column (A is 0).
    numbers
        Places of the columns that the file stores as numbers, not as text.
    notices
        What was found on the way.
    """

    header: list[str]
    frame: pd.DataFrame
    footnotes: tuple[int, ...] = ()
    first_letter: int | None = None
    numbers: tuple[int, ...] = ()
    notices: tuple[Sentence, ...] = ()


def read_text(source: Source, known: Callable[[str], bool]) -> Cells:
    """Read delimited text.

    Parameters
    ----------
    source
        Content of the file.
    known
        Tells whether a name is that of a column of ours.

    Raises
    ------
    InputError
        If it is not text, has no row, or has rows longer or shorter than its header.
    """
    text, notices = _decoded(source.content, source.file)
    hint = _SEP_LINE.match(text)
    above, delimiter = header_line(text, known)
    table, skipped = _below(text, above)
    end = table.find("\n")
    if end < 0 or not _INK.search(table, end):
        raise InputError(fault("no_rows", file=source.file))
    titles = [
        line
        for line in text.split("\n", above)[:above]
        if line.strip(f"{_DELIMITERS} \r") and not hint
    ]
    if titles:
        notices.append(Sentence("notice.titles", {"count": len(titles)}))
    header, frame, ragged = _parsed(table, delimiter, source.file)
    frame.index += skipped
    footnotes = _footnotes(frame, {row + skipped: line for row, line in ragged.items()})
    wrong = [row for row in ragged if row + skipped not in footnotes]
    if wrong:
        found = ragged[wrong[0]].count(delimiter) + 1
        raise InputError(
            fault(
                "row_length",
                file=source.file,
                rows=str(len(wrong)),
                row=str(wrong[0] + skipped),
                found=found,
                expected=len(header),
            )
        )
    return Cells(header=header, frame=frame, footnotes=footnotes, notices=tuple(notices))


def header_line(text: str, known: Callable[[str], bool]) -> tuple[int, str]:
    """Return how many lines stand above the header of a text, and what separates its cells."""
    hint = _SEP_LINE.match(text)
    lines = text[: 2**16].split("\n", _TITLES)[:_TITLES]
    above = header_place([_split(line, hint) for line in lines], known)
    return above, hint[1] if hint else _delimiter(text.split("\n", above + 1)[above])


def header_place(rows: Sequence[Sequence[str]], known: Callable[[str], bool]) -> int:
    """Return the place of the header: the first row with two names of ours.

    Where no row has, the first one of several cells (another table), or the first one that is not
    blank.
    """
    for least in (2, 1):
        for place, cells in enumerate(rows):
            if sum(map(known, cells)) >= least:
                return place
    for least in (2, 1):
        for place, cells in enumerate(rows):
            if sum(cell.strip() != "" for cell in cells) >= least:
                return place
    return 0


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _split(line: str, hint: re.Match[str] | None) -> list[str]:
    return [cell.strip(' "') for cell in line.split(hint[1] if hint else _delimiter(line))]


def _below(text: str, above: int) -> tuple[str, int]:
    """Drop the lines above the header."""
    start = 0
    for _ in range(above):
        start = text.index("\n", start) + 1
    return text[start:], above


def _decoded(content: bytes, file: str) -> tuple[str, list[Sentence]]:
    """Decode text of unknown encoding; Windows-1252 is what French Excel writes."""
    notices: list[Sentence] = []
    encoding = encoding_of(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        raise InputError(fault("not_text", file=file)) from problem
    if encoding == "iso8859-15":
        notices.append(Sentence("notice.latin_9"))
    if "\0" in text:
        raise InputError(_nul(text, file))
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")  # as Excel on a Mac writes
    return text.removeprefix("\ufeff"), notices


def encoding_of(content: bytes) -> str:
    """Tell the encoding of a text, as Python calls it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    odd, even = content[1:4096:2], content[:4096:2]
    if odd.count(0) > len(odd) / 2 and not even.count(0):
        return "utf-16-le"
    if even.count(0) > len(even) / 2 and not odd.count(0):
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    # The few bytes that are no ASCII tell; leaving the others out is far faster than a pattern.
    letters = set(content.translate(None, bytes(range(0x80))))
    if letters & set(range(0x80, 0xA0)):
        return "latin-1" if letters & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "cp1252"
    doubtful = letters & {0xA4, 0xA6, 0xA8, 0xB4, 0xB8, 0xBC, 0xBD, 0xBE}
    return "iso8859-15" if doubtful and _LATIN_9.search(content) else "cp1252"


def _nul(text: str, file: str) -> Sentence:
    """Say where a character stands that no text has."""
    place = text.index("\0")
    row = text.count("\n", 0, place) + 1
    line = text[text.rfind("\n", 0, place) + 1 : place]
    header = text.split("\n", 1)[0]
    delimiter = _delimiter(header)
    names = header.rstrip("\r").split(delimiter)
    column = line.count(delimiter)
    # A header that is damaged too may have run into the counts below it.
    name = names[column].strip(' "') if column < len(names) else ""
    plain = name and not re.search(r"[0-9\0]", name)
    return fault("cell_nul", file=file, row=str(row), column=name if plain else str(column + 1))


def _parsed(text: str, delimiter: str, file: str) -> tuple[list[str], pd.DataFrame, dict[int, str]]:
    """Cut text into cells; rows of another length come apart, by number."""
    ragged: dict[int, str] = {}

    def apart(row: pa.csv.InvalidRow) -> str:
        ragged[row.number] = row.text
        return "skip"

    content = text.encode()
    most = min(text.count(delimiter) + 1, _WIDEST)
    try:
        # One thread: only then does the parser number the rows. One block: no line is too long.
        cells = pa.csv.read_csv(
            pa.BufferReader(content),
            read_options=pa.csv.ReadOptions(
                use_threads=False,
                autogenerate_column_names=True,
                block_size=min(len(content) + 1, 2**30),
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=apart,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types={f"f{place}": pa.string() for place in range(most)},
            ),
        )
    except pa.ArrowInvalid as problem:
        raise InputError(fault("not_cut", file=file)) from problem
    refuse_wide(cells.num_columns, file)
    columns = [column.combine_chunks() for column in cells.columns]
    quotes = content.count(b'"')
    if quotes:
        _refuse_open_quote(columns, delimiter, file, odd=quotes % 2 == 1)
    header = [re.sub(r"\s+", " ", column[0].as_py()).strip() for column in columns]
    numbers = np.arange(1, len(cells) + len(ragged) + 1)
    numbers = numbers[~np.isin(numbers, list(ragged))][1:]
    encoded = [column.slice(1).dictionary_encode() for column in columns]
    _refuse_long(encoded, header, numbers, file)
    frame = pd.DataFrame(
        {place: categories(column) for place, column in enumerate(encoded)},
        index=pd.Index(numbers, name="row"),
    )
    return header, frame, ragged


def refuse_wide(columns: int, file: str) -> None:
    """Refuse a table with so many columns that it cannot be one of ours."""
    if columns > _WIDEST:
        raise InputError(fault("table_wide", file=file, count=columns))


def categories(column: pa.DictionaryArray) -> pd.Categorical:
    """Return a column of text as categories: it repeats few values many times."""
    values = pd.Index(column.dictionary.to_pandas().astype("str"), dtype="str")
    return pd.Categorical.from_codes(
        column.indices.to_numpy(zero_copy_only=False),
        categories=values,
        validate=False,
    )


def _refuse_long(
    columns: list[pa.DictionaryArray], header: list[str], numbers: np.ndarray, file: str
) -> None:
    for name, column in zip(header, columns, strict=True):
        sizes = pc.binary_length(column.dictionary)
        if len(sizes) and pc.max(sizes).as_py() > _LONGEST:
            place = int(pc.index(column.indices, pc.index(sizes, pc.max(sizes))).as_py())
            raise InputError(
                fault("cell_too_long", file=file, column=name, row=str(numbers[place]))
            )


def _refuse_open_quote(columns: list[pa.Array], delimiter: str, file: str, *, odd: bool) -> None:
    """Refuse a table in which a quote that is never closed has swallowed the rows below it.

    Their number is odd; or a second one, left open too, ends the cell: it then holds as many
    separators as a whole row.
    """
    for column in columns:
        broken = pc.match_substring(column, "\n")
        if not odd:
            separators = pc.count_substring(column, delimiter)
            broken = pc.and_(broken, pc.greater_equal(separators, max(len(columns) - 1, 1)))
        swallowed = broken.to_pylist()
        if True in swallowed:
            row = len(swallowed) - swallowed[::-1].index(True)
            raise InputError(fault("quote_open", file=file, row=str(row)))


def _footnotes(frame: pd.DataFrame, ragged: dict[int, str]) -> tuple[int, ...]:
    """Find the rows at the end of a table that are words about it, in one cell."""
    found: list[int] = []
    if frame.shape[1] < _NARROWEST:
        return ()
    last = len(frame) - 1
    short = sorted(ragged, reverse=True)
    while True:
        below = int(frame.index[last]) if last >= 0 else 0
        if short and short[0] > below:
            row = short[0]
            filled = [cell for cell in re.split("[;\t|]", ragged[row]) if cell.strip(' "')]
        elif last >= 0:
            cells = [str(frame[place].array[last]) for place in frame]
            filled = [cell for cell in cells if cell.strip()]
            if filled and not cells[0].strip():  # words about a table stand at its left
                break
            row = below
        else:
            break
        if filled and not is_footnote(filled):
            break
        if filled:
            found.append(row)
        if short and row == short[0]:
            short.pop(0)
        else:
            last -= 1
    return tuple(sorted(found))


def is_footnote(filled: Sequence[str]) -> bool:
    """Tell whether the cells of a row that are filled make a footnote."""
    return len(filled) == 1 and _FOOTNOTE.search(filled[0][:_FOOTNOTE_START]) is not None
