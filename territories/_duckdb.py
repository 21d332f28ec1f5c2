"""DuckDB as the engine of events: embedded, within a limit of memory, on its own."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from territories._engine import ZONE, Engine
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa

    from territories._event_files import EventFile


# In paths, what stands for other letters; between brackets it does not.
_SIGNS: Final = re.compile(r"[*?\[]")

# How far a query is, is only known where it is shown; it is shown elsewhere.
_PROGRESS: Final = {
    "enable_progress_bar": "true",
    "enable_progress_bar_print": "false",
    "progress_bar_time": "0",
}


# What Python and its libraries hold beside the engine, in bytes; and the part of the memory that
# the engine keeps once the events are added up.
_APART: Final = 400 * 1000**2
_EASED: Final = 0.45
_LITTLE: Final = 600 * 1000**2


def _limit(memory: int) -> int:
    """Leave a part of the memory that is given to the rest of the process, if it is enough."""
    return memory - min(_APART, max(memory - _LITTLE, 0))


class DuckDB(Engine):
    """DuckDB, through ibis; tables computed once are temporary ones."""

    # In words of DuckDB: those of ibis depend on versions of a third library.
    def _lookup(self, table: pa.Table, full: str) -> ir.Table:
        given = f"{full}_given"
        self.connection.con.register(given, table)
        try:
            self.connection.raw_sql(f'CREATE TEMP TABLE "{full}" AS FROM "{given}"')
        finally:
            self.connection.con.unregister(given)
        return self.connection.table(full)

    def _drop(self, kind: str, name: str) -> None:
        self.connection.raw_sql(f'DROP {kind} IF EXISTS "{name}"')

    def _raw(self, paths: list[str], first: EventFile, columns: Sequence[str]) -> ir.Table:
        del first
        raw = self.connection.read_parquet(
            [_SIGNS.sub(r"[\g<0>]", path) for path in paths],
            table_name=self._name("files", "view"),
            binary_as_string=True,
            hive_partitioning=False,
        )
        return raw.select(*columns)

    def ease(self) -> None:
        """Keep a part of the memory; the rest of it is for what is brought here."""
        if self.ours:
            kept = max(int(_EASED * self.memory), min(_limit(self.memory), _LITTLE))
            self.connection.raw_sql(f"SET memory_limit = '{kept // 1000}KB'")

    def percent(self) -> float | None:
        """Tell how far the query under way is."""
        found = float(self.connection.con.query_progress())
        return found if found >= 0 else None


@contextlib.contextmanager
def duckdb_connection(folder: Path, *, memory: int) -> Iterator[Any]:
    """Open an embedded engine that writes nowhere but in the folder, and downloads nothing."""
    try:
        import duckdb  # noqa: F401, PLC0415 - only events need it
        import ibis  # noqa: PLC0415
    except ImportError as problem:
        raise InputError(fault("engine_missing", engine="DuckDB", extra="events")) from problem
    connection = ibis.duckdb.connect(
        memory_limit=f"{_limit(memory) // 1000}KB",
        temp_directory=str(folder / "spill"),
        preserve_insertion_order=False,
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
    )
    try:
        connection.raw_sql(f"SET TimeZone = '{ZONE}'")
        for name, value in _PROGRESS.items():
            connection.raw_sql(f"SET {name} = {value}")
        yield connection
    finally:
        connection.disconnect()
