"""Folders that nobody else reads, removed whatever happens: what events need beside memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "territories-events-"
_LOCK: Final = "in-use"


@contextlib.contextmanager
def private_folder(parent: str | Path | None = None) -> Iterator[Path]:
    """Give a folder of one's own (0700) that is removed when the block ends, well or not.

    What a run that was killed left in the same place is removed first.

    Parameters
    ----------
    parent
        Where; by default in the system's temporary folder.

    Raises
    ------
    InputError
        If there is no such folder, or it cannot be written to.
    """
    place = Path(tempfile.gettempdir() if parent is None else parent)
    if not place.is_dir():
        raise InputError(fault("spill_missing", folder=str(place)))
    _sweep(place)
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)).absolute()
    except OSError as problem:
        words = str(problem.strerror)
        raise InputError(fault("output_folder", file=str(place), problem=words)) from problem
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_held(folder))
        yield folder


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder: the system lets it go with the process, however that ends."""
    draft = folder / f".{_LOCK}"
    handle = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _locked(handle)
        draft.rename(folder / _LOCK)  # no one looks at it before it is locked
        yield
    finally:
        os.close(handle)


def _sweep(place: Path) -> None:
    """Remove the folders of runs that are no more."""
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or one that has just gone
            handle = os.open(folder / _LOCK, os.O_RDWR)
            try:
                free = _locked(handle)
            finally:
                os.close(handle)
            if free:
                shutil.rmtree(folder, ignore_errors=True)


def _locked(handle: int) -> bool:
    """Lock a file if no one has, and tell whether it was free; not known on Windows."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
