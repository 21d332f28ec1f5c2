"""Locks that the system lets go with the process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a system says when another holds the lock; the rest means that it has none to give.
_BUSY: Final = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_TRIES: Final = 3


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock, a file that is there as long as the block lasts.

    A process that is killed leaves the file, not the lock: the next one takes it.

    Parameters
    ----------
    path
        The file; its folder must be there.

    Yields
    ------
    bool
        False where the system has no locks, as on some network drives: then others may be at it.

    Raises
    ------
    BlockingIOError
        If another holds it, in this process or elsewhere.
    """
    handle, sure = _taken(path)
    try:
        yield sure
    finally:
        # Still held while its name goes: who has opened it sees that it is no more (see `_taken`).
        # Windows lets no one remove a file that is open.
        if sys.platform != "win32":
            remove(path)
        os.close(handle)
        if sys.platform == "win32":
            remove(path)


def remove(path: Path) -> None:
    """Remove a file if that is possible; another program may be looking at it."""
    for _ in range(_TRIES):
        try:
            path.unlink(missing_ok=True)
        except OSError:
            time.sleep(0.02)
        else:
            return


def _taken(path: Path) -> tuple[int, bool]:
    while True:
        handle = _opened(path)
        try:
            sure = _locked(handle)
            # The run before may have removed the file between the two lines above.
            if os.name == "nt" or os.fstat(handle).st_nlink:
                return handle, sure
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _opened(path: Path) -> int:
    """Open the file of a lock; one that a colleague's run left can only be read."""
    flags = getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        if not path.is_file():
            raise
        return os.open(path, flags | os.O_RDONLY)


def _locked(handle: int) -> bool:
    """Lock an open file if no one has; False where the system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - on Windows alone

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in _BUSY:
            raise BlockingIOError(problem.errno, os.strerror(problem.errno)) from problem
        return False
    return True
