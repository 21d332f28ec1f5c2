"""Spark as the engine of events: a session of one's own, or the one that is there."""

from __future__ import annotations

import contextlib
import functools
import re
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from territories._engine import ZONE, Engine
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import ibis.expr.types as ir

    from territories._engine import Tell
    from territories._event_files import EventFile

# What results depend on, said rather than left to versions and sites.
_SETTINGS: Final = {
    "spark.sql.ansi.enabled": "true",  # what overflows or cannot be read is an error
    "spark.sql.caseSensitive": "true",
    "spark.sql.session.timeZone": ZONE,
    "spark.sql.parquet.binaryAsString": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # else moments of pandas are refused
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}

# Seconds for a session to stop.
_PATIENCE: Final = 30

# Java takes no less, in bytes.
_LEAST_MEMORY: Final = 512 * 1024**2

# In paths, what stands for other letters.
_SIGNS: Final = re.compile(r"[*?\[\]{}\\]")

_NANOSECONDS_A_DAY: Final = 86_400 * 10**9


class Spark(Engine):
    """Spark, through ibis; tables computed once are Parquet in the private folder."""

    def __init__(
        self,
        connection: Any,  # noqa: ANN401
        folder: Path,
        memory: int,
        tell: Tell | None = None,
    ) -> None:
        super().__init__(connection, folder, memory, tell)
        self._kept: list[Any] = []

    @property
    def _session(self) -> Any:  # noqa: ANN401 - pyspark is not there for all
        return self.connection._session  # noqa: SLF001 - ibis gives no other way to it

    def _lookup(self, table: pa.Table, full: str) -> ir.Table:
        return self._named(self._session.createDataFrame(table), full)

    def _materialised(self, expression: ir.Table, full: str) -> ir.Table:
        computed = self._computed(expression)
        if self._session.sparkContext.master.startswith("local"):
            place = _address(self.folder / full)
            computed.write.parquet(place)
            return self._named(self._parquet([str(self.folder / full)]), full)
        from pyspark import StorageLevel  # noqa: PLC0415 - not there for all

        # The machines of a cluster do not see our folder: each keeps its part on its own disk.
        kept = computed.persist(StorageLevel.DISK_ONLY)
        self._kept.append(kept)
        kept.count()
        return self._named(kept, full)

    def _arrow(self, expression: ir.Table) -> pa.Table:
        return self._computed(expression).toArrow()

    def _computed(self, expression: ir.Table) -> Any:  # noqa: ANN401
        return self._session.sql(self.connection.compile(expression))

    def _named(self, frame: Any, full: str) -> ir.Table:  # noqa: ANN401
        frame.createOrReplaceTempView(full)
        return self.connection.table(full)

    def _name(self, name: str, kind: str = "view") -> str:
        del kind  # all that is made are views
        return super()._name(name, "view")

    def _drop(self, kind: str, name: str) -> None:
        del kind
        self._session.catalog.dropTempView(name)

    def close(self) -> None:
        """Drop what was made, also from the disks of a cluster."""
        super().close()
        for each in self._kept:
            with contextlib.suppress(Exception):
                each.unpersist()
        self._kept.clear()

    def _raw(self, paths: list[str], first: EventFile, columns: Sequence[str]) -> ir.Table:
        full = self._name("files", "view")
        frame = self._parquet(paths)
        quoted = {name: f"`{name.replace('`', '``')}`" for name in columns}
        frame.selectExpr(
            *(
                f"{_day(quoted[name])} AS {quoted[name]}"
                if _is_long(first.types[name])
                else quoted[name]
                for name in columns
            )
        ).createOrReplaceTempView(full)
        return self.connection.table(full)

    def _parquet(self, paths: Sequence[str]) -> Any:  # noqa: ANN401
        """Read files; those with signs that stand for other letters one by one, as written."""
        plain = [_address(path) for path in paths if not _SIGNS.search(path)]
        read = self._session.read
        frames = [read.parquet(*plain)] if plain else []
        for path in paths:
            if _SIGNS.search(path):
                exact = self._session.read.option("__globPaths__", "false")
                frames.append(exact.parquet(_address(path)))
        return functools.reduce(_together, frames)

    def percent(self) -> float | None:
        """Tell how far the stages under way are."""
        status = self._session.sparkContext.statusTracker()
        stages = [status.getStageInfo(each) for each in status.getActiveStageIds()]
        tasks = sum(each.numTasks for each in stages if each is not None)
        done = sum(each.numCompletedTasks for each in stages if each is not None)
        return 100 * done / tasks if tasks else None


def _together(above: Any, below: Any) -> Any:  # noqa: ANN401
    # Columns that are not read may lack on either side.
    return above.unionByName(below, allowMissingColumns=True)


def _address(path: str | Path) -> str:
    """Write a path as Spark takes it: as it is, unlike the addresses of browsers."""
    return f"file:{path}"


def _is_long(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.unit == "ns")


def _day(column: str) -> str:
    """Write the day of a moment in nanoseconds, as pandas stores it."""
    days = f"floor({column} / {_NANOSECONDS_A_DAY}BD)"
    return f"date_from_unix_date(cast({days} AS int))"


@contextlib.contextmanager
def spark_connection(folder: Path, *, memory: int, master: str | None) -> Iterator[Any]:
    """Open a connection to the session that is active, or to one of our own, stopped at the end.

    Raises
    ------
    InputError
        If pyspark or Java is not there, or the master cannot be reached.
    """
    try:
        import ibis  # noqa: PLC0415 - only events need it
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as problem:
        raise InputError(fault("engine_missing", engine="Spark", extra="spark")) from problem
    active = SparkSession.getActiveSession()
    handler = signal.getsignal(signal.SIGINT)
    session = _session(folder, memory, master) if active is None else active
    if active is None and threading.current_thread() is threading.main_thread():
        # Spark's own speaks to Java in the middle of what is being said to it, and fails.
        signal.signal(signal.SIGINT, handler)
    before = {name: session.conf.get(name, None) for name in [*_SETTINGS, _DUPLICATES]}
    try:
        connection = ibis.pyspark.connect(session)
        for name, value in _SETTINGS.items():
            session.conf.set(name, value)
        yield connection
    finally:
        if active is None:
            # From a thread, which has a line to Java of its own: ours may be cut in mid sentence.
            closing = threading.Thread(target=_stopped, args=[session], daemon=True)
            closing.start()
            closing.join(_PATIENCE)
        else:
            _put_back(session, before)


def _stopped(session: Any) -> None:  # noqa: ANN401
    """Stop a session of ours."""
    java: Any = session.sparkContext._jvm  # noqa: SLF001 - no other way
    session.sparkContext.cancelAllJobs()
    session.stop()
    for name in ("spark.local.dir", "spark.sql.warehouse.dir"):
        java.java.lang.System.clearProperty(name)  # else the next session makes our folder again


# What ibis sets itself.
_DUPLICATES: Final = "spark.sql.mapKeyDedupPolicy"


def _put_back(session: Any, before: dict[str, str | None]) -> None:  # noqa: ANN401
    for name, value in before.items():
        if value is None:
            session.conf.unset(name)
        else:
            session.conf.set(name, value)


def _session(folder: Path, memory: int, master: str | None) -> Any:  # noqa: ANN401
    """Start a session that writes nowhere but in the folder, and says nothing on the terminal."""
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    heap = max(memory, _LEAST_MEMORY) // 1024**2
    log = folder / "log4j2.properties"
    log.write_text("rootLogger.level = off\n", encoding="utf-8")
    builder = SparkSession.builder.appName("territories").master(master or "local[*]")
    settings = {
        "spark.driver.memory": f"{heap}m",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log.as_uri()}",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": _address(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master is None:
        settings["spark.driver.host"] = "localhost"
        settings["spark.driver.bindAddress"] = "127.0.0.1"
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, OSError, RuntimeError) as problem:
        if type(problem).__name__ == "PySparkRuntimeError" or isinstance(problem, OSError):
            raise InputError(fault("java_missing")) from problem
        raise
    except Exception as problem:
        if master is None:
            raise InputError(fault("java_missing")) from problem
        raise InputError(fault("master_unreachable", master=master)) from problem
