"""How large a file may be to be read into memory: what is free here, or what one says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from territories._words import Sentence

# What may be used, as 4GB or 512MB, in place of what is free.
VARIABLE: Final = "TERRITORIES_MEMORY"

# What reading takes at its peak for each byte of the tables, by measurement (see docs/trust.md).
TIMES: Final = 10

# Where nobody tells what is free; and the least that is taken for free, for a regional extract.
_UNKNOWN: Final = 16 * 1024**3
_LEAST: Final = 512 * 1024**2

_SIZE: Final = re.compile(r"\s*([0-9]{1,9})\s*([kmgt]?)i?[bo]?\s*", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}

_MEBIBYTE: Final = 1024**2


def memory() -> int:
    """Return how many bytes may be used: those of TERRITORIES_MEMORY, else what is free.

    Raises
    ------
    InputError
        If TERRITORIES_MEMORY is no size.
    """
    said = os.environ.get(VARIABLE)
    if not said:
        return max(_free(), _LEAST)
    size = _SIZE.fullmatch(said)
    if size is None or not int(size[1]):
        raise InputError(fault("memory_size", variable=VARIABLE, value=repr(said)))
    return int(size[1]) * _UNITS[size[2].lower()]


def most() -> int:
    """Return how many bytes a file may have, unpacked, to be read into memory."""
    return memory() // TIMES


def too_large(file: str, size: int) -> Sentence:
    """Say that a file does not fit in memory, with the figures and the way out."""
    return fault(
        "file_over_memory",
        file=file,
        size=-(-size // _MEBIBYTE),
        limit=most() // _MEBIBYTE,
        variable=VARIABLE,
    )


def _free() -> int:
    """Return what the system and the container that we are in leave free."""
    system, group = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
    told = system.read_text("ascii") if system.is_file() else ""
    found = re.search(r"MemAvailable:\s+([0-9]+) kB", told)
    free = int(found[1]) * 1024 if found else _UNKNOWN
    try:
        limit = (group / "memory.max").read_text("ascii").strip()
        used = (group / "memory.current").read_text("ascii").strip()
    except OSError:  # no container, or another system
        return free
    return free if limit == "max" else min(free, max(int(limit) - int(used), 0))
