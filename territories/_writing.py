"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyogrio.errors import DataLayerError, DataSourceError

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE_NAMES: Final = (".xlsx", ".ods", ".html", ".json", ".geojson", ".gpkg", ".csv", ".pdf")


def refuse_folder_name(folder: Path) -> None:
    """Refuse a folder named as a file, unless it is there: a workbook was meant, or a map."""
    if folder.suffix.lower() in _FILE_NAMES and not folder.is_dir():
        raise InputError(fault("folder_name", file=str(folder), suffix=folder.suffix))


@contextlib.contextmanager
def whole_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside the file; put it in place when the block ends well.

    Raises
    ------
    InputError
        If the file exists and `overwrite` is False, or the folder cannot be written to.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise InputError(fault("output_file_exists", file=str(target)))
    if not target.parent.is_dir():
        values = {"file": str(target), "folder": str(target.parent)}
        raise InputError(fault("output_no_folder", **values))
    # The suffix stays last: writers choose their format by it.
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        with _refusals(target):
            yield draft
            _flush(draft)
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: str | Path, files: tuple[str, ...], *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder; move its files into the folder when the block ends well.

    Parameters
    ----------
    path
        The folder; made if it is not there.
    files
        Names of the files of a result: one of them in the folder is a result.
    overwrite
        Replace an existing result.

    Raises
    ------
    InputError
        If the folder holds a result and `overwrite` is False, or cannot be written to.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise InputError(fault("output_is_file", file=str(target)))
    present = [name for name in files if (target / name).exists()]
    if present and not overwrite:
        raise InputError(fault("output_exists", file=str(target), values=", ".join(present)))
    with _refusals(target):
        made = _make(target)
        draft = target / f".draft.{secrets.token_hex(4)}"
        draft.mkdir(mode=0o700)
    try:
        with _refusals(target):
            yield draft
            _put_in_place(draft, target, present)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    shutil.rmtree(draft)


def _put_in_place(draft: Path, target: Path, present: list[str]) -> None:
    """Move the new files into the folder; if that fails, put the old ones back.

    What an earlier result had and this one has not goes too: it would be taken for a part of it.
    """
    new = sorted(draft.iterdir())
    for each in new:
        _flush(each)
    old = draft / "old"
    old.mkdir()
    done: list[Path] = []
    try:
        for name in present:
            (target / name).replace(old / name)
        for each in new:
            each.replace(target / each.name)
            done.append(target / each.name)
    except BaseException:
        for path in done:
            path.unlink()
        for path in sorted(old.iterdir()):
            path.replace(target / path.name)
        raise


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones, deepest first."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _flush(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


@contextlib.contextmanager
def _refusals(target: Path) -> Iterator[None]:
    """Turn what the system refuses into one clear message."""
    try:
        yield
    except (OSError, sqlite3.Error, DataSourceError, DataLayerError) as problem:
        words = getattr(problem, "strerror", None) or str(problem)
        raise InputError(fault("output_folder", file=str(target), problem=words)) from problem
