"""Disks that fail: the n-th thing that a block asks of a folder is refused by the system."""

from __future__ import annotations

import builtins
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

CALLS = ("open", "fsync", "replace", "link", "mkdir", "unlink", "rmdir", "chmod")


@dataclass
class Disk:
    """A folder whose disk fails.

    Parameters
    ----------
    folder
        What is asked of another is answered.
    turn
        The number of the call that fails, from 1.
    code
        Of the error.
    for_good
        All calls after it fail too.
    """

    folder: Path
    turn: int
    code: int
    for_good: bool = False
    asked: int = 0

    def refuse(self, path: object) -> None:
        """Count a call, and fail if it is its turn."""
        self.asked += 1
        if self.asked == self.turn or (self.for_good and self.asked > self.turn):
            name = path if isinstance(path, (str, bytes, Path)) else None
            raise OSError(self.code, os.strerror(self.code), name)

    def holds(self, path: object, options: dict[str, Any]) -> bool:
        """Tell whether a call is about the folder: by its path, or within one opened before."""
        if isinstance(path, int):  # a file that is open
            try:
                path = Path(f"/proc/self/fd/{path}").readlink()
            except OSError:
                return False
        within = options.get("dir_fd") is not None
        return within or str(os.fspath(path)).startswith(str(self.folder))  # type: ignore[call-overload]


def failing(patch: pytest.MonkeyPatch, disk: Disk) -> Disk:
    """Let a disk fail, until the patch is undone."""

    def watched(real: Callable) -> Callable:
        def call(path: object, *rest: object, **options: Any) -> object:
            if disk.holds(path, options):
                disk.refuse(path)
            return real(path, *rest, **options)

        return call

    def half(real: Callable, rest: slice) -> Callable:
        """Write the first half before the disk is full."""

        def call(self: Path, content: Any, **options: Any) -> object:
            if disk.holds(self, options):
                try:
                    disk.refuse(self)
                except OSError:
                    real(self, content[rest], **options)
                    raise
            return real(self, content, **options)

        return call

    for name in CALLS:
        patch.setattr(os, name, watched(getattr(os, name)))
    patch.setattr(io, "open", watched(io.open))
    patch.setattr(builtins, "open", watched(builtins.open))
    for name in ("write_text", "write_bytes"):
        patch.setattr(Path, name, half(getattr(Path, name), slice(0, 3)))
    return disk
