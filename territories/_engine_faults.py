"""What an engine says when it fails, told as what it means and the way out."""

from __future__ import annotations

import contextlib
import re
import shutil
from typing import TYPE_CHECKING, Final

from territories._event_files import damaged
from territories._words import number
from territories.errors import InputError, TerritoriesError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from territories._event_files import EventFiles
    from territories._words import Sentence

# What engines and systems write; the messages themselves are never shown: they may quote cells.
_FULL: Final = re.compile(
    r"No space left on device|max_temp_directory_size|Disk quota exceeded|File too large"
    r"|not enough space|failed to offload",
    re.IGNORECASE,
)
_MEMORY: Final = re.compile(
    r"Out of Memory Error|OutOfMemoryError|OutOfMemoryException|could not allocate block"
    r"|Cannot allocate memory|GC overhead limit|SparkOutOfMemoryError|bad_alloc",
    re.IGNORECASE,
)
_GONE: Final = re.compile(
    r"Connection refused|Answer from Java side is empty|Py4JNetworkError"
    r"|Error while sending or receiving",
)
_OF_SYSTEMS: Final = (OSError, MemoryError, NotImplementedError, RuntimeError)
_OPERATION: Final = re.compile(r"operations\.\w+\.(\w+)|ops\.(\w+)|'(\w+)' operation")


@contextlib.contextmanager
def translated(
    engine: str, *, memory: int, folder: Path, sources: list[tuple[EventFiles, list[str]]]
) -> Iterator[None]:
    """Turn what an engine raises into one clear message.

    Parameters
    ----------
    engine
        Its name.
    memory
        The limit that it was given, in bytes.
    folder
        Where it writes what does not fit in memory.
    sources
        The files it reads, with the names of the columns that are read.
    """
    try:
        yield
    except (TerritoriesError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as problem:
        if _interrupted(problem):
            raise KeyboardInterrupt from problem
        if type(problem).__module__ == "builtins" and not isinstance(problem, _OF_SYSTEMS):
            raise  # a mistake of ours
        raise InputError(*_told(problem, engine, memory, folder, sources)) from problem


def _told(
    problem: Exception,
    engine: str,
    memory: int,
    folder: Path,
    sources: list[tuple[EventFiles, list[str]]],
) -> list[Sentence]:
    text = "\n".join(f"{type(each).__name__}: {each}" for each in _chain(problem))
    if _FULL.search(text):
        return [full(folder)]
    if isinstance(problem, MemoryError) or _MEMORY.search(text):
        return [fault("engine_memory", memory=bytes_text(memory), engine=engine)]
    operation = _lacking(problem)
    if operation is not None:
        return [fault("engine_lacks", engine=engine, operation=operation)]
    if _GONE.search(text):
        return [fault("engine_gone", engine=engine)]
    broken = [each for files, columns in sources for each in damaged(files, columns)]
    return broken or [fault("engine_failed", engine=engine, problem=type(problem).__name__)]


def full(folder: Path) -> Sentence:
    """Say that the disk is full, of which folder."""
    place = folder if folder.exists() else folder.parent
    free = bytes_text(shutil.disk_usage(place).free)
    return fault("engine_disk", folder=str(folder.parent), free=free)


def bytes_text(size: int) -> str:
    """Write an amount of memory as people do.

    Examples
    --------
    >>> bytes_text(2_000_000_000), bytes_text(512_000_000)
    ('2 GB', '512 MB')
    """
    for power, name in ((3, "GB"), (2, "MB")):
        amount = size / 1000**power
        if amount >= 1:
            return f"{number(amount, digits=0 if amount == int(amount) else 1)} {name}"
    return f"{number(size / 1000)} kB"


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _interrupted(problem: Exception) -> bool:
    return any(
        isinstance(each, KeyboardInterrupt)
        or type(each).__name__ == "InterruptException"
        or (isinstance(each, RuntimeError) and "interrupt" in str(each).lower())
        for each in _chain(problem)
    )


def _lacking(problem: Exception) -> str | None:
    """Return the operation that an engine has not, by the names of what ibis raises."""
    names = {each.__name__ for each in type(problem).__mro__}
    if not names & {
        *("OperationNotDefinedError", "UnsupportedOperationError", "UnsupportedBackendType"),
        *("NotImplementedError", "UnsupportedArgumentError", "UnboundExpressionError"),
    }:
        return None
    found = _OPERATION.search(str(problem))
    return next(filter(None, found.groups())) if found else type(problem).__name__
