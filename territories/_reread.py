"""Files read again once they are written: what a disk lost in silence is seen before they count."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TAIL: Final = 64  # bytes; more than the blanks that follow the end of any of them

# What the last bytes of a file are, blanks aside.
_ENDS: Final = {
    ".html": b"</html>",
    ".qml": b"</qgis>",
    ".svg": b"</svg>",
    ".pdf": b"%%EOF",
    ".png": b"IEND\xaeB`\x82",
}

# Beside a base that was closed well there is none of them.
_JOURNALS: Final = ("-journal", "-wal", "-shm")


def refuse_partial(path: Path, name: str) -> None:
    """Refuse a file that is not whole, by what its format tells of its end.

    Parameters
    ----------
    path
        File.
    name
        What it is called in the message.

    Raises
    ------
    InputError
        If it is empty, cut short or damaged.
    OSError
        If it cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        whole = path.stat().st_size > 0 and _CHECKS.get(suffix, _ends_well)(path)
    except (ValueError, sqlite3.Error, zipfile.BadZipFile, zlib.error, EOFError):
        whole = False
    if not whole:
        raise InputError(fault("output_not_whole", file=name))


def _ends_well(path: Path) -> bool:
    """Look at the last bytes; of a format that is not known, nothing is asked."""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - _TAIL))
        tail = handle.read()
    return tail.rstrip().endswith(_ENDS.get(path.suffix.lower(), b""))


def _is_table(path: Path) -> bool:
    return path.read_bytes().endswith(b"\n")


def _is_json(path: Path) -> bool:
    json.loads(path.read_bytes())
    return True


def _is_base(path: Path) -> bool:
    """Let SQLite look at each page; a journal beside it would hold a part of it."""
    if any(path.with_name(path.name + end).exists() for end in _JOURNALS):
        return False
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as base:
        return bool(base.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def _is_archive(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None and "[Content_Types].xml" in archive.namelist()


def _is_parquet(path: Path) -> bool:
    from pyarrow import parquet  # noqa: PLC0415 - for those who write flows

    with path.open("rb") as handle, parquet.ParquetFile(handle) as book:
        return bool(book.metadata.num_row_groups >= 0)  # the footer is at the end


_CHECKS: Final[dict[str, Callable[[Path], bool]]] = {
    ".csv": _is_table,
    ".json": _is_json,
    ".geojson": _is_json,
    ".gpkg": _is_base,
    ".xlsx": _is_archive,
    ".parquet": _is_parquet,
}
