"""Events in delimited text: how a file is cut, its cells one block after the other."""

from __future__ import annotations

import codecs
import csv
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from territories._heads import recognised
from territories._text import encoding_of, header_line
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_HEAD: Final = 2**16
_BLOCK: Final = 8 * 1024**2

# Bytes that Windows-1252 does not know.
_UNKNOWN: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True)
class TextForm:
    """How the cells of a file of delimited text are cut.

    Parameters
    ----------
    delimiter
        Between cells.
    encoding
        As Python calls it.
    above
        Lines above the header.
    quoted
        Whether cells may stand between quotes, and then hold ends of lines.
    header
        Names of the columns.
    """

    delimiter: str
    encoding: str
    above: int
    quoted: bool
    header: tuple[str, ...]


def form_of(path: Path, name: str) -> TextForm:
    """Look at a file of delimited text: once through all of it for its encoding.

    Raises
    ------
    InputError
        If it is not text, is cut short, or names a column twice.
    """
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    encoding, quoted = _encoding(path, head, name)
    text = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    above, delimiter = header_line(text, recognised)
    names = next(csv.reader(text.split("\n")[above:], delimiter=delimiter))
    header = tuple(" ".join(each.split()) or f"({place + 1})" for place, each in enumerate(names))
    if not any(map(recognised, header)) and re.search("[0-9]", "".join(names)):
        raise InputError(fault("header_missing", file=name))  # its cells may be counts
    return TextForm(delimiter, encoding, above, quoted, header)


def _encoding(path: Path, head: bytes, name: str) -> tuple[str, bool]:
    """Return the encoding of a text, UTF-8 where all of it is, and whether it has quotes."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        encoding = encoding_of(head)
        if "16" not in encoding:  # what is left of a copy that was cut: zeros to the end
            raise InputError(fault("file_truncated", file=name))
        return encoding, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    quoted, unknown, utf8 = False, False, True
    telling = b""
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            quoted = quoted or b'"' in block
            if b"\0" in block:
                raise InputError(fault("file_truncated", file=name))
            if block.isascii() and not decoder.getstate()[0]:
                continue
            telling = telling or block
            unknown = unknown or _UNKNOWN.search(block) is not None
            try:
                decoder.decode(block, final=len(block) < _BLOCK)
            except UnicodeDecodeError:
                utf8 = False
                decoder.reset()
    if utf8:
        return "utf-8", quoted
    found = encoding_of(telling)
    return "latin-1" if found == "utf-8" or (found == "cp1252" and unknown) else found, quoted


def batches(path: Path, form: TextForm, name: str) -> Iterator[pa.RecordBatch]:
    """Give the cells of a file, block by block: all text, the empty ones null.

    Rows are those of the file: one for each line below the header, blank ones too.

    Raises
    ------
    InputError
        If a row is longer or shorter than the header, or a quote is never closed.
    """
    wrong: list[pa.csv.InvalidRow] = []

    def apart(row: pa.csv.InvalidRow) -> str:
        wrong.append(row)
        return "skip"

    try:
        # One thread: only then does the parser number the rows.
        reader = pa.csv.open_csv(
            path,
            read_options=pa.csv.ReadOptions(
                use_threads=False,
                encoding=form.encoding,
                skip_rows=form.above + 1,
                column_names=list(form.header),
                block_size=_BLOCK,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=form.delimiter,
                newlines_in_values=form.quoted,
                ignore_empty_lines=False,
                invalid_row_handler=apart,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(form.header, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        row = form.above + 2
        for batch in reader:
            if wrong:
                break
            if form.quoted:
                _refuse_open_quote(batch, form, name, row=row)
            yield batch
            row += len(batch)
    except (pa.ArrowInvalid, UnicodeDecodeError) as problem:
        raise InputError(fault("not_cut", file=name)) from problem
    if wrong:
        values = {"row": str(wrong[0].number), "found": wrong[0].actual_columns}
        expected = len(form.header)
        raise InputError(fault("events_row_length", file=name, expected=expected, **values))


def _refuse_open_quote(batch: pa.RecordBatch, form: TextForm, name: str, *, row: int) -> None:
    """Refuse cells that have swallowed whole rows: their quote is never closed."""
    least = max(len(form.header) - 1, 1)
    for column in batch.columns:
        separators = pc.count_substring(column, form.delimiter)
        swallowed = pc.and_(pc.match_substring(column, "\n"), pc.greater_equal(separators, least))
        place = pc.index(swallowed, pa.scalar(value=True)).as_py()
        if place >= 0:
            raise InputError(fault("quote_open", file=name, row=str(row + place)))


def transcoded(
    path: Path, form: TextForm, name: str, *, columns: Sequence[str], folder: Path
) -> Path:
    """Write some columns of a file as Parquet, in a private folder; blank rows are left out.

    Raises
    ------
    InputError
        See `batches`.
    """
    target = folder / f"{len(list(folder.iterdir()))}.parquet"
    schema = pa.schema([(each, pa.string()) for each in columns])
    with (
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle,
        pa.parquet.ParquetWriter(handle, schema, compression="snappy") as writer,
    ):
        for batch in batches(path, form, name):
            kept = _filled(batch)
            writer.write_batch(kept.select(list(columns)))
    return target


def _filled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out the rows that have nothing in any cell."""
    if any(column.null_count == 0 for column in batch.columns):
        return batch
    blank = batch.column(0).is_null()
    for column in batch.columns[1:]:
        blank = pc.and_(blank, column.is_null())
    return batch.filter(pc.invert(blank))
