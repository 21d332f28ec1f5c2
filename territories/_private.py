"""Folders that nobody else reads, removed whatever happens: what is needed beside memory."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from territories._locks import held
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "territories-"
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
    with contextlib.ExitStack() as stack:
        try:
            folder = _made(place, stack)
        except OSError as problem:
            words = str(problem.strerror)
            raise InputError(fault("output_folder", file=str(place), problem=words)) from problem
        yield folder


def _made(place: Path, stack: contextlib.ExitStack) -> Path:
    """Make a folder with its lock inside; again where a sweep has just taken it for a dead one."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)).absolute()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            stack.enter_context(held(folder / _LOCK))
        except (BlockingIOError, FileNotFoundError):
            continue
        return folder


def _sweep(place: Path) -> None:
    """Remove the folders of runs that are no more."""
    for folder in place.glob(f"{_PREFIX}*"):
        if (folder / _LOCK).is_file():
            with contextlib.suppress(OSError):  # in use, another user's, or one that has just gone
                with held(folder / _LOCK) as sure:
                    if sure:
                        shutil.rmtree(folder, ignore_errors=True)
                if sure:  # Windows keeps what is open until then
                    shutil.rmtree(folder, ignore_errors=True)
