"""Maps to print of a run: the work of the command `maps`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from territories._canvas import KINDS
from territories._decisions import run_again
from territories._redo import same_labels
from territories._words import say, using
from territories._writing import whole_folder
from territories.errors import InputError, fault
from territories.pipeline import STAGES
from territories.plates import PLATES, Ground, plate_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from territories._canvas import Kind, Paper
    from territories._inputs import Settings

MAP_STAGES: Final = (*STAGES[:7], "map")


def kinds_of(text: str) -> tuple[Kind, ...]:
    """Read the kinds of files that are asked for, separated by commas.

    Raises
    ------
    InputError
        If one of them is not among `KINDS`, or there is none.
    """
    asked = list(dict.fromkeys(re.findall(r"[^,;\s]+", text.lower())))
    wrong = [each for each in asked if each not in KINDS] or ([] if asked else [text])
    if wrong:
        known = ", ".join(KINDS)
        raise InputError(
            *(fault("plate_choice", option="--format", value=each, known=known) for each in wrong)
        )
    return tuple(kind for kind in KINDS if kind in asked)


def map_files(kinds: Sequence[Kind]) -> tuple[str, ...]:
    """List the files that there may be."""
    return tuple(f"{plate}.{kind}" for plate in PLATES for kind in kinds)


def write_maps(
    settings: Settings,
    folder: str | Path,
    out: str | Path,
    *,
    kinds: Sequence[Kind],
    size: Paper,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[list[str], list[str]]:
    """Do a run again, or take its draft up where it was revised, and draw its maps, all or none.

    Parameters
    ----------
    settings
        Of the run, with its input files (see `_redo.settings_again`).
    folder
        Of the run.
    out
        Folder of the maps.
    kinds, size
        Of the files and of the paper.
    overwrite
        Replace earlier maps.
    tell
        Called with the name of each stage as it begins.

    Returns
    -------
    tuple
        Names of the files; what a reader must know of the maps.

    Raises
    ------
    InputError
        If an input is not the one the run had, or maps are there and `overwrite` is False.
    """
    files = map_files(kinds)
    with using(settings.lang), whole_folder(out, files, overwrite=overwrite) as draft:
        run, notices = run_again(folder, settings, tell=tell)
        tell("map")
        names = ", ".join(dict.fromkeys(each.file for each in run.accounts))
        sources = say("report.sources", files=names)
        ground = Ground(run.zoning, run.evidence, sources, settings.note, size)
        written = []
        for kind in kinds:
            drawn = replace(ground, kind=kind)
            for plate in PLATES:
                data = plate_bytes(drawn, plate)
                if data:
                    (draft / f"{plate}.{kind}").write_bytes(data)
                    written.append(f"{plate}.{kind}")
        if same_labels(folder, run.zoning) is False:
            notices.append(say("report.differs"))
    return sorted(written), notices
