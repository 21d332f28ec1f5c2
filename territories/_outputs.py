"""Where a command writes, and what it reads there: refused early, and had for oneself."""

from __future__ import annotations

import functools
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from territories.pipeline import Settings


def refuse_early(settings: Settings, out: Path, files: Sequence[str], *, overwrite: bool) -> None:
    """Refuse before the long work what would be refused after it."""
    from territories._writing import refuse_result  # noqa: PLC0415

    refuse_result(out, files, overwrite=overwrite)
    inputs = {value.resolve() for _, value in settings if isinstance(value, Path)}
    lost = sorted(str(out / name) for name in files if (out / name).resolve() in inputs)
    if lost:
        raise InputError(*(fault("output_is_input", file=name) for name in lost))


def claimed_file(out: Path | None) -> AbstractContextManager[None]:
    """Have the place of a file for oneself before the long work, where one is written."""
    from territories._writing import claimed  # noqa: PLC0415

    return nullcontext() if out is None else claimed(out.parent, out.name)


def alone(work: Callable[..., None]) -> Callable[..., None]:
    """Have the folder that a command reads for oneself: no run writes there meanwhile.

    Where one may not write oneself, as in the folder of a colleague, it is read as it is. If
    another run is at work there, the command is refused.
    """

    @functools.wraps(work)
    def inside(folder: Path, **options: Any) -> None:  # noqa: ANN401 - those of the command
        from territories._writing import claimed  # noqa: PLC0415

        own = folder.is_dir() and os.access(folder, os.W_OK)
        with claimed(folder) if own else nullcontext():
            work(folder, **options)

    return inside
