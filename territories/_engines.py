"""The engines that add events up: opened with their limits, closed and cleaned whatever happens."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from territories._duckdb import DuckDB, duckdb_connection
from territories._engine import Engine, Tell
from territories._private import private_folder
from territories._signals import heeded
from territories._spark import Spark, spark_connection
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BACKENDS: Final = ("duckdb", "spark")

_CLASSES: Final[dict[str, type[Engine]]] = {"duckdb": DuckDB, "pyspark": Spark}

_SIZE: Final = re.compile(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*([kmgt])i?[bo]\s*", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}
_LEAST: Final = 100 * 1000**2


@contextlib.contextmanager
def opened_engine(
    backend: Any = "duckdb",  # noqa: ANN401 - a name, or any connection of ibis
    *,
    source: object = None,
    memory: str = "2GB",
    spill: str | Path | None = None,
    master: str | None = None,
    tell: Tell | None = None,
) -> Iterator[Engine]:
    """Open an engine; close it and remove all it wrote when the block ends, well or not.

    Parameters
    ----------
    backend
        ``"duckdb"``, ``"spark"``, or a connection of ibis: it is used as it is and stays open.
    source
        What is to be read: a table of ibis is computed where it is, if no other engine is named.
    memory
        The most the engine may hold: ``"2GB"``, ``"512 Mo"``.
    spill
        Folder below which a private one is made for what does not fit in memory; by default the
        system's temporary one.
    master
        Of Spark, its address; by default all the cores of this machine. A session that is active
        already is used instead.

    tell
        Called with each stage of the work as it begins, and with how far it is.

    Raises
    ------
    InputError
        If the engine is not known, not installed or cannot be reached, or the folder cannot be
        written to.
    """
    limit = memory_bytes(memory)
    if backend == "duckdb":
        backend = _backend_of(source) or backend
    if master is not None and backend != "spark":
        raise InputError(fault("engine_master", master=master))
    with contextlib.ExitStack() as stack:
        stack.enter_context(heeded())
        if isinstance(backend, str):
            if backend not in BACKENDS:
                raise _unknown(backend)
            folder = stack.enter_context(private_folder(spill))
            connection = stack.enter_context(
                duckdb_connection(folder, memory=limit)
                if backend == "duckdb"
                else spark_connection(folder, memory=limit, master=master)
            )
        else:
            if not hasattr(backend, "create_table") or not hasattr(backend, "name"):
                raise _unknown(type(backend).__name__)
            folder = stack.enter_context(private_folder(spill))
            connection = backend
        engine = _CLASSES.get(connection.name, Engine)(connection, folder, limit, tell)
        engine.ours = isinstance(backend, str)
        stack.callback(engine.close)
        yield engine


def _backend_of(source: object) -> object:
    """Return the connection of a table of ibis; None of files, and of a table in memory."""
    find = getattr(source, "get_backend", None)
    with contextlib.suppress(Exception):  # it has none, or several
        return find() if find is not None else None
    return None


def _unknown(backend: str) -> InputError:
    return InputError(fault("backend", value=backend, values=", ".join(BACKENDS)))


def memory_bytes(memory: str) -> int:
    """Read an amount of memory.

    Raises
    ------
    InputError
        If it is none, or less than 100 MB.

    Examples
    --------
    >>> memory_bytes("2GB"), memory_bytes("512 Mo"), memory_bytes("1,5 Go")
    (2000000000, 512000000, 1500000000)
    """
    found = _SIZE.fullmatch(memory) if isinstance(memory, str) else None
    size = 0
    if found is not None:
        size = int(float(found[1].replace(",", ".")) * 1000 ** _POWERS[found[2].lower()])
    if size < _LEAST:
        raise InputError(fault("memory", value=repr(memory)))
    return size
