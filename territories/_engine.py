"""An engine that adds events up, whichever it is: what it is asked, and what it must clean up."""

from __future__ import annotations

import contextlib
import secrets
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

from territories._engine_columns import goals_of, typed
from territories._engine_faults import translated
from territories._event_text import transcoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pandas as pd

    from territories._event_files import EventFile, EventFiles

# Where days begin, for moments that are written with their zone.
ZONE: Final = "Europe/Paris"

# Seconds between two looks at how far an engine is.
_PAUSE: Final = 0.5


class Tell(Protocol):
    """Who is told what is under way: a stage as it begins, then how much of it is done."""

    def __call__(self, stage: str, percent: float | None = None, /) -> None:
        """Take the name of a stage, and its percentage where it is known."""


class Engine:
    """An open connection, with the few things that are said otherwise from engine to engine.

    Attributes
    ----------
    connection
        Of ibis.
    name
        As ibis calls it: ``duckdb``, ``pyspark``…
    folder
        Private, removed at the end.
    memory
        The limit, in bytes; of a connection that was given, its own holds.
    ours
        Whether the connection was opened here, so that its settings may be changed.
    """

    ours = False

    def __init__(
        self,
        connection: Any,  # noqa: ANN401
        folder: Path,
        memory: int,
        tell: Tell | None = None,
    ) -> None:
        self.connection = connection
        self.name = str(connection.name)
        self.folder = folder
        self.memory = memory
        self._tell = tell
        self._stage = ""
        self._prefix = f"territories_{secrets.token_hex(4)}"
        self._made: list[tuple[str, str]] = []
        self._sources: list[tuple[EventFiles, list[str]]] = []

    def read(self, files: EventFiles, heads: Mapping[str, str]) -> ir.Table:
        """Return the events of files, under our names.

        Parameters
        ----------
        files
            As found.
        heads
            Theirs by our name, see `matched_files`.

        Returns
        -------
        Table
            Columns as `typed` makes them, the same whatever each file says them in. Text is as it
            stands in the files; cells with nothing in them are null.

        Raises
        ------
        InputError
            If a row of delimited text is longer or shorter than its header, or the engine fails.
        """
        import ibis  # noqa: PLC0415 - only events need it, and it is slow to load

        self._sources.append((files, list(dict.fromkeys(heads.values()))))
        groups: dict[object, list[EventFile]] = {}
        for each in files.files:
            types = tuple(each.types.get(theirs) for theirs in heads.values())
            keys = tuple(each.keys.get(theirs) for theirs in heads.values())
            groups.setdefault((types, keys), []).append(each)
        with self._translated():
            raws = [self._with_keys(alike, heads) for alike in groups.values()]
            goals = goals_of(raws, heads)
            parts = [typed(raw, heads, goals) for raw in raws]
            return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)

    def typed(self, table: ir.Table, heads: Mapping[str, str]) -> ir.Table:
        """Return the events of a table of the connection, under our names; see `read`."""
        return typed(table, heads, goals_of([table], heads))

    def lookup(self, frame: pd.DataFrame, name: str) -> ir.Table:
        """Make a small table known to the engine, to be joined; columns without value are text."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        schema = pa.schema([(each.name, _column_type(each.type)) for each in table.schema])
        with self._translated():
            return self._lookup(table.cast(schema), self._name(name))

    def materialised(self, expression: ir.Table, name: str) -> ir.Table:
        """Compute a table once; it lives until the engine is closed."""
        with self._translated(), self._shown():
            return self._materialised(expression, self._name(name))

    def frame(self, expression: ir.Table) -> pd.DataFrame:
        """Compute a table and bring it here."""
        with self._translated(), self._shown():
            found: pd.DataFrame = self._arrow(expression).to_pandas()
            return found

    def stage(self, name: str) -> None:
        """Say which stage of the work begins, to whoever asked to be told."""
        self._stage = name
        if self._tell is not None:
            self._tell(name)

    def done(self, percent: float) -> None:
        """Say how much of the stage under way is done, where it is not the engine that works."""
        if self._tell is not None:
            self._tell(self._stage, percent)

    def _shown(self) -> contextlib.AbstractContextManager[None]:
        """Tell how far the stage under way is, while the block computes."""
        tell, stage = self._tell, self._stage
        if tell is None:
            return contextlib.nullcontext()
        return self.watched(lambda percent: tell(stage, percent))

    def percent(self) -> float | None:
        """Tell how far the engine is with what it computes, 0 to 100; None if it does not say."""
        return None

    @contextlib.contextmanager
    def watched(self, tell: Callable[[float], None]) -> Iterator[None]:
        """Tell how far the engine is, twice a second, while the block computes."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(_PAUSE):
                percent = self.percent()
                if percent is not None:
                    tell(percent)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def ease(self) -> None:
        """Leave memory to what comes after the events are added up, where an engine can."""

    def close(self) -> None:
        """Drop what was made."""
        for kind, name in reversed(self._made):
            with contextlib.suppress(Exception):  # what cannot be dropped must not hide an error
                self._drop(kind, name)
        self._made.clear()

    def _translated(self) -> contextlib.AbstractContextManager[None]:
        return translated(self.name, memory=self.memory, folder=self.folder, sources=self._sources)

    def _name(self, name: str, kind: str = "table") -> str:
        """Return a name that nobody has, of what is dropped at the end."""
        full = f"{self._prefix}_{len(self._made)}_{name}"
        self._made.append((kind, full))
        return full

    def _drop(self, kind: str, name: str) -> None:
        drop = self.connection.drop_view if kind == "view" else self.connection.drop_table
        drop(name, force=True)

    def _lookup(self, table: pa.Table, full: str) -> ir.Table:
        import ibis  # noqa: PLC0415

        return self._materialised(ibis.memtable(table), full)

    def _materialised(self, expression: ir.Table, full: str) -> ir.Table:
        return self.connection.create_table(full, expression, temp=True)

    def _arrow(self, expression: ir.Table) -> pa.Table:
        return self.connection.to_pyarrow(expression)

    def _with_keys(self, files: Sequence[EventFile], heads: Mapping[str, str]) -> ir.Table:
        """Return the columns of files that are alike, those that their folders say among them."""
        import ibis  # noqa: PLC0415

        first = files[0]
        inside = [name for name in dict.fromkeys(heads.values()) if name in first.types]
        raw = self._raw(self._ready(files, inside), first, inside)
        keys = {
            name: ibis.literal(first.keys[name], type="string")
            for name in heads.values()
            if name in first.keys
        }
        return raw.mutate(**keys) if keys else raw

    def _ready(self, files: Sequence[EventFile], columns: Sequence[str]) -> list[str]:
        """Return the paths of Parquet files; text becomes such ones, so that all engines agree."""
        return [
            str(each.path.absolute())
            if each.form is None
            else str(
                transcoded(each.path, each.form, each.name, columns=columns, folder=self.folder)
            )
            for each in files
        ]

    def _raw(self, paths: list[str], first: EventFile, columns: Sequence[str]) -> ir.Table:
        """Make files that are alike known to the engine."""
        del first
        full = self._name("files", "view")
        return self.connection.read_parquet(paths, table_name=full).select(*columns)


def _column_type(kind: pa.DataType) -> pa.DataType:
    """Return a type that all engines have."""
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return kind.value_type if pa.types.is_dictionary(kind) else kind
