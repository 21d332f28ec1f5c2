"""A real Spark on this machine, started once: two threads, nothing but 127.0.0.1, no page, quiet.

Its Java is that of the machine, found as Spark finds it. There is nothing else to download.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

MEMORY = "1g"

# Spark says on the error stream that it starts; what goes wrong comes back as an exception.
_QUIET = """\
rootLogger.level = off
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c: %m%n
"""


def missing(reason: str) -> None:
    """Skip the test; fail it where a Java is promised, so that no check is lost unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def java() -> str | None:
    """Find the machine's Java."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")


@contextlib.contextmanager
def started() -> Iterator[SparkSession]:
    """Start a session; it is stopped, and what it wrote removed, at the end."""
    if java() is None:
        missing("no Java on this machine (JAVA_HOME can name one): Spark cannot start")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - a second, for tests of Spark only

    with tempfile.TemporaryDirectory(prefix="territories-spark-") as folder:
        logging = Path(folder, "log4j2.properties")
        logging.write_text(_QUIET, encoding="utf-8")
        java_options = f"-Dlog4j2.configurationFile={logging.as_uri()} -Dderby.system.home={folder}"
        # What the launcher reads of the environment; put back, for the tests that look at it.
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
            environment.delenv("SPARK_HOME", raising=False)
            session = (
                SparkSession.builder.master("local[2]")
                .appName("territories tests")
                .config("spark.ui.enabled", "false")
                .config("spark.ui.showConsoleProgress", "false")
                .config("spark.driver.memory", MEMORY)
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.driver.extraJavaOptions", java_options)
                .config("spark.local.dir", folder)
                .config("spark.sql.warehouse.dir", str(Path(folder, "warehouse")))
                .config("spark.sql.shuffle.partitions", "2")
                .config("spark.sql.session.timeZone", "UTC")
                .getOrCreate()
            )
        try:
            yield session
        finally:
            session.stop()
