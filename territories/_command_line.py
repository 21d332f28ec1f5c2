"""What surrounds a command: its words before they are read, and what is said if it fails."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import click

from territories._console import echo, place_of
from territories._options import usage
from territories._signals import exit_code
from territories._words import say
from territories.errors import TerritoriesError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from territories._words import Language


def failed(problem: BaseException, placed: Sequence[Path]) -> int:
    """Say why a command did not end well; return its exit code.

    What libraries say, and the lines of a trace, may quote the cells they failed on: of what nobody
    expected only its kind and our line are told, unless TERRITORIES_DEBUG is set.

    Parameters
    ----------
    placed
        Files that were in place already.
    """
    from territories._writing import disk_fault  # noqa: PLC0415 - nor its readers, for --help

    code = 1
    if isinstance(problem, click.UsageError):
        context = problem.ctx.command_path if problem.ctx else "territories"
        told, code = say("cli.usage", problem=usage(problem), command=context), 2
    elif isinstance(problem, click.Abort | KeyboardInterrupt):
        told, code = say("cli.interrupted"), exit_code(problem.__cause__ or problem)
        if placed:
            told = say("cli.interrupted_after", folder=str(placed[0].parent))
    elif isinstance(problem, TerritoriesError):
        mixed = any(each.key == "error.output_mixed" for each in problem.faults)
        told = say("cli.failed" if mixed else "cli.refused", reasons=str(problem))
    elif isinstance(problem, OSError) and problem.errno is not None and not placed:
        # A temporary file that the disk refuses, a network drive that goes: as for a result.
        reason = disk_fault(problem, problem.filename or tempfile.gettempdir())
        told = say("cli.refused", reasons=str(reason))
    elif isinstance(problem, MemoryError):
        told = say("cli.no_memory")
    elif os.environ.get("TERRITORIES_DEBUG"):
        raise problem
    else:
        told = say("cli.unexpected", kind=type(problem).__name__, place=place_of(problem))
    echo(told, err=True)
    return code


def one_column_each(words: Sequence[str]) -> list[str]:
    """Let ``--columns a=b c=d`` stand for ``--columns a=b --columns c=d``."""
    spread: list[str] = []
    inside = False
    for word in words:
        inside = word == "--columns" or (inside and "=" in word and not word.startswith("-"))
        if inside and word != "--columns" and spread[-1] != "--columns":
            spread.append("--columns")
        spread.append(word)
    return spread


def language_of(words: Sequence[str]) -> Language:
    """Find the language before the options are read, since help and refusals are in it."""
    for position, word in enumerate(words):
        if word == "--lang" and position + 1 < len(words):
            return "en" if words[position + 1] == "en" else "fr"
        if word.startswith("--lang="):
            return "en" if word == "--lang=en" else "fr"
    return "en" if os.environ.get("TERRITORIES_LANG", "fr").lower().startswith("en") else "fr"
