"""The source of care events, opened by an engine: what its columns are, and where rows stand."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from territories._event_files import first_rows, found_files, matched_files
from territories._tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_files import EventFiles
    from territories._event_values import Rows

PathLike = str | Path


def _no_digest() -> str:
    return ""


@dataclass(frozen=True)
class Source(Table):
    """Names of a source and of its columns, for messages.

    Parameters
    ----------
    digest
        Returns the hash of the bytes of all its files; it may still be at work.
    files
        None of a table of an engine.
    """

    digest: Callable[[], str] = _no_digest
    files: EventFiles | None = None

    def filled(self, column: str) -> int | None:
        """Count the rows with a value, of a column, where all files say it of themselves."""
        return None if self.files is None else self.files.filled(self.heads[column])


def _hashed_beside(files: EventFiles) -> Callable[[], str]:
    """Hash files while the engine is at work on them; return what waits for the hash."""
    found: list[str | Exception] = []

    def work() -> None:
        try:
            found.append(files.sha256())
        except Exception as problem:  # noqa: BLE001 - it is raised where the hash is asked for
            found.append(problem)

    # One that is given up must not keep the program from ending.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def digest() -> str:
        thread.join()
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    return digest


def opened_source(
    engine: Engine,
    source: PathLike | Sequence[PathLike] | ir.Table,
    heads_of: Callable[[str, Sequence[str]], dict[str, str]],
) -> tuple[ir.Table, Source, Rows]:
    """Find the source, its columns, and how rows of it are found.

    Parameters
    ----------
    heads_of
        Finds ours among the names of its columns; takes its name and these.
    """
    import ibis.expr.types as ir  # noqa: PLC0415 - only events need it

    nothing = pd.DataFrame()
    if isinstance(source, str) and not Path(source).exists() and _knows(engine, source):
        source = engine.connection.table(source)
    if isinstance(source, ir.Table):
        name = getattr(source.op(), "name", "events")  # an expression has none
        heads = heads_of(name, source.columns)
        table = Source(frame=nothing, file=name, sha256="", heads=heads)
        return engine.typed(source, heads), table, lambda _column, _values: "…"
    files = found_files(source)
    wanted = heads_of(files.file, files.columns)
    heads = matched_files(files, required=list(wanted), columns=wanted)
    table = Source(
        frame=nothing,
        file=files.file,
        sha256="",
        heads=heads,
        notices=files.notices,
        digest=_hashed_beside(files),
        files=files,
    )

    def where(column: str, values: list[str | None]) -> str:
        cells = {None if value is None else value.strip() or None for value in values}
        found = first_rows(files, heads[column], cells)
        several = len(files.files) > 1
        rows = [f"{name}:{row}" if several else str(row) for name, row in found]
        return ", ".join(rows) or "…"

    return engine.read(files, heads), table, where


def _knows(engine: Engine, name: str) -> bool:
    # It is asked for, not looked up in a list: ibis 12 cannot list the tables of DuckDB 2.
    with contextlib.suppress(Exception):  # each engine says in its own way that it has none
        engine.connection.table(name)
        return True
    return False
