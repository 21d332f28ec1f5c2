"""The source of care events, opened by an engine: what its columns are, and where rows stand."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from territories._event_files import first_rows, found_files, matched_files
from territories._tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from territories._engine import Engine
    from territories._event_files import EventFiles, Said
    from territories._event_values import Rows

PathLike = str | Path


class Digest:
    """The hash of the bytes of all files, made beside other work.

    Parameters
    ----------
    files
        None of a table of an engine, whose hash is empty.
    """

    def __init__(self, files: EventFiles | None = None) -> None:
        self._files = files
        self._found: list[str | Exception] = []
        # One that is given up must not keep the program from ending.
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin; where an engine leaves a processor free, it costs nothing."""
        self._thread.start()

    def _work(self) -> None:
        try:
            self._found.append("" if self._files is None else self._files.sha256())
        except Exception as problem:  # noqa: BLE001 - it is raised where the hash is asked for
            self._found.append(problem)

    def value(self) -> str:
        """Return the hash, once it is there."""
        if self._thread.ident is None:
            self.start()
        self._thread.join()
        if isinstance(self._found[0], Exception):
            raise self._found[0]
        return self._found[0]


@dataclass(frozen=True, repr=False)
class Source(Table):
    """Names of a source and of its columns, for messages.

    Parameters
    ----------
    digest
        Of all its files.
    files
        None of a table of an engine.
    """

    digest: Digest = field(default_factory=Digest)
    files: EventFiles | None = None

    def said(self, column: str) -> Said | None:
        """Tell what the files say of a column in their footers, where all of them do."""
        return None if self.files is None else self.files.said(self.heads[column])


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
        digest=Digest(files),
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
