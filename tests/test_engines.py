"""Engines of events: the same cells on all, one clear refusal for each failure, nothing left."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from territories._engines import memory_bytes, opened_engine
from territories._event_files import found_files, matched_files
from territories._private import private_folder
from territories.errors import InputError

ibis = pytest.importorskip("ibis", reason="ibis is not installed")
duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")

ROOT = Path(__file__).parents[1]
OURS = ["patient", "residence", "practitioner", "activity"]


def sources(folder: Path) -> Path:
    """Write files that say the same columns in other types, in folders of Hive."""
    first = {
        "patient": pa.array([1, 2, None], pa.int32()),
        "residence": pa.array([" 45234", "01004", None]),
        "practitioner": pa.array([b"x", "é".encode(), b"z"], pa.binary()),
        "activity": pa.array(["ORL", "", None]).dictionary_encode(),
        "date": pa.array([1_672_527_600, None, 1_672_531_200], pa.timestamp("s")),  # naive
        "acts": pa.array([1, 2, None], pa.int8()),
        "amount": pa.array([Decimal("1.10"), Decimal("-2.01"), None], pa.decimal128(9, 2)),
        "department": pa.array([None] * 3, pa.null()),
    }
    first["date"] = first["date"].cast(pa.timestamp("ns"))
    moments = [dt.datetime(2022, 12, 31, 23, tzinfo=dt.UTC), None, None]
    second = {
        "extra": pa.array([[1], [2], [3]]),
        "department": pa.array([45.0, None, float("nan")]),
        "amount": pa.array([3, -4, None], pa.int32()),
        "acts": pa.array([1, 2, None], pa.int64()),
        "date": pa.array(moments, pa.timestamp("us", "UTC")),
        **{name: first[name] for name in OURS},
        "patient": pa.array([2**50, None, -1], pa.int64()),
    }
    for year, table in ((2022, first), (2023, second)):
        place = folder / f"annee={year}"
        place.mkdir(parents=True)
        pq.write_table(pa.table(table), place / "part.parquet")
    return folder


def read_back(backend: object, source: Path, **options: object) -> pd.DataFrame:
    files = found_files(source)
    heads = matched_files(
        files, required=OURS, optional=["date", "year", "acts", "amount", "department"]
    )
    with opened_engine(backend, **options) as engine:
        table = engine.frame(engine.read(files, heads)).astype("object")
    return table.where(table.notna(), None)


def cells(table: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(tuple(map(str, row)) for row in table.itertuples(index=False))


EXPECTED = [
    ("1", " 45234", "x", "ORL", "2022-12-31", "2022", "1", "1.10", "None"),
    ("2", "01004", "é", "", "None", "2022", "2", "-2.01", "None"),
    ("None", "None", "z", "None", "2023-01-01", "2022", "None", "None", "None"),
    (str(2**50), " 45234", "x", "ORL", "2023-01-01", "2023", "1", "3.00", "45"),
    ("None", "01004", "é", "", "None", "2023", "2", "-4.00", "None"),
    ("-1", "None", "z", "None", "None", "2023", "None", "None", "None"),
]


def shown(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Write the cells; numbers with gaps are floats in pandas."""
    text = pd.DataFrame(
        {
            name: ["None" if each is None else str(each) for each in column]
            for name, column in table.items()
        }
    )
    for name in ("patient", "acts", "date"):
        text[name] = text[name].str.replace(r"\.0$| 00:00:00$", "", regex=True)
    return cells(text)


def test_types_of_files_become_one(tmp_path):
    assert shown(read_back("duckdb", sources(tmp_path))) == sorted(EXPECTED)


def test_a_connection_that_is_given_reads_the_same_and_is_left_as_it_was(tmp_path):
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'Europe/Paris'")
    connection.raw_sql("CREATE TABLE mine AS SELECT 1 AS a")
    source = sources(tmp_path / "events")
    assert shown(read_back(connection, source)) == sorted(EXPECTED)
    with opened_engine(connection) as engine:
        engine.lookup(pd.DataFrame({"code": ["45234"], "to": [1]}), "codes")
        engine.materialised(connection.table("mine"), "copy")
    found = connection.raw_sql("SELECT table_name FROM information_schema.tables").fetchall()
    assert found == [("mine",)]
    assert connection.table("mine").count().execute() == 1


def test_text_is_read_as_text(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(
        "patient;residence;ps;specialite;annee\n0012;01004;Zoé;ORL;2023\n;;;;\n7;;A; ;\n".encode(
            "cp1252"
        )
    )
    table = read_back("duckdb", path)
    assert cells(table) == [
        ("0012", "01004", "Zoé", "ORL", "2023"),
        ("7", "None", "A", " ", "None"),
    ]


def test_a_table_of_a_connection_is_read_the_same_way():
    connection = ibis.duckdb.connect()
    table = connection.create_table(
        "events",
        ibis.memtable(
            pd.DataFrame({"p": [1, 2], "c": [45234.0, 1004.0], "d": ["2023-01-01", "x"]})
        ),
    )
    with opened_engine(connection) as engine:
        heads = {"patient": "p", "residence": "c", "date": "d"}
        found = engine.frame(engine.typed(table, heads))
    assert cells(found) == [("1", "45234", "2023-01-01"), ("2", "1004", "x")]


def test_tables_are_looked_up_and_computed_once(tmp_path):
    files = found_files(sources(tmp_path))
    heads = matched_files(files, required=OURS)
    with opened_engine(spill=tmp_path) as engine:
        assert stat.S_IMODE(engine.folder.stat().st_mode) == 0o700
        assert engine.folder.parent == tmp_path
        events = engine.read(files, heads)
        names = engine.lookup(pd.DataFrame({"activity": ["ORL"], "name": ["otology"]}), "names")
        joined = engine.materialised(events.join(names, "activity"), "joined")
        told: list[float] = []
        with engine.watched(told.append):
            assert engine.frame(joined)["name"].tolist() == ["otology", "otology"]
        folder = engine.folder
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("2GB", 2 * 10**9), ("2 Go", 2 * 10**9), ("512MB", 512 * 10**6), ("1,5 go", 15 * 10**8)),
        *(("100000 kB", 10**8), ("2GiB", 2 * 10**9), ("1To", 10**12)),
    ],
)
def test_amounts_of_memory(text, size):
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["2", "GB", "-2GB", "2 eggs", "1MB", "", None, 2])
def test_amounts_of_memory_that_are_none(text):
    with pytest.raises(InputError, match="memory: "):
        memory_bytes(text)


@pytest.mark.parametrize("backend", ["polars", "DuckDB", "", None, 3])
def test_unknown_engines(backend):
    with pytest.raises(InputError, match=r"Unknown engine.*duckdb, spark"), opened_engine(backend):
        pass


def test_the_folder_for_what_does_not_fit_in_memory(tmp_path):
    with pytest.raises(InputError, match="there is no folder"), opened_engine(spill=tmp_path / "x"):
        pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="there is no folder"),
        opened_engine(spill=tmp_path / "file"),
    ):
        pass


def many(folder: Path, *, rows: int = 1_500_000) -> Path:
    path = folder / "many.parquet"
    number = np.random.default_rng(0).permutation(rows)
    table = {
        "patient": number * 7919 + 1,
        "residence": [f"{each:05d}" for each in number % 30_000],
        "practitioner": [f"P{each}" for each in number % 200_003],
        "activity": ["ORL"] * rows,
    }
    pq.write_table(pa.table(table), path)
    return path


def distinct(source: Path, **options: object) -> int:
    files = found_files(source)
    heads = matched_files(files, required=OURS)
    with opened_engine(**options) as engine:
        once = engine.materialised(engine.read(files, heads).distinct(), "once")
        return int(engine.frame(once.count().as_table()).iloc[0, 0])


def test_what_does_not_fit_in_memory_goes_to_disk_and_is_removed(tmp_path):
    (tmp_path / "spill").mkdir()
    count = distinct(many(tmp_path), memory="100MB", spill=tmp_path / "spill")
    assert count == 1_500_000
    assert list((tmp_path / "spill").iterdir()) == []


def test_not_enough_memory(tmp_path):
    files = found_files(many(tmp_path))
    heads = matched_files(files, required=OURS)
    with opened_engine(memory="100MB", spill=tmp_path) as engine:
        engine.connection.raw_sql("SET temp_directory = ''")
        events = engine.read(files, heads)
        with pytest.raises(InputError, match=r"memory that it was given \(100 MB\).*--memory"):
            engine.materialised(events.distinct(), "once")


def run(code: str, *arguments: object, **options: object) -> subprocess.Popen:
    start = """
        import resource, sys
        sys.path.insert(0, "tests")
        from test_engines import *
    """
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(start) + textwrap.dedent(code),
            *map(str, arguments),
        ],
        cwd=ROOT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )


FULL = """
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))  # the disk takes no more
    try:
        distinct(Path(sys.argv[1]), memory="100MB", spill=sys.argv[2])
    except InputError as problem:
        print(problem)
"""


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_full_disk(tmp_path, kind):
    (tmp_path / "spill").mkdir()
    path = many(tmp_path)
    if kind == "csv":
        pa.csv.write_csv(pq.read_table(path), tmp_path / "many.csv")
        path = tmp_path / "many.csv"
    out, _ = run(FULL, path, tmp_path / "spill", stdout=subprocess.PIPE).communicate(timeout=120)
    assert out.startswith(f"{tmp_path / 'spill'}: the disk is full (")
    assert "spill=" in out
    assert len(out.splitlines()) == 1
    assert list((tmp_path / "spill").iterdir()) == []
    assert distinct(path, memory="100MB", spill=tmp_path / "spill") == 1_500_000  # once again


def test_the_limit_of_what_may_be_written(tmp_path):
    files = found_files(many(tmp_path))
    heads = matched_files(files, required=OURS)
    with opened_engine(memory="100MB", spill=tmp_path) as engine:
        engine.connection.raw_sql("SET max_temp_directory_size = '1MB'")
        events = engine.read(files, heads)
        with pytest.raises(InputError, match="the disk is full"):
            engine.materialised(events.distinct(), "once")


INTERRUPTED = """
    files = found_files(sys.argv[1])
    heads = matched_files(files, required=OURS)
    with opened_engine(memory="150MB", spill=sys.argv[2]) as engine:
        events = engine.read(files, heads)
        print("ready", flush=True)
        while True:
            engine.materialised(events.distinct(), "again")
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_and_can_be_repeated(tmp_path, how):
    spill = tmp_path / "spill"
    spill.mkdir()
    path = many(tmp_path)
    running = run(
        INTERRUPTED, path, spill, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1
    )
    assert running.stdout.readline() == "ready\n"
    time.sleep(1)
    running.send_signal(how)
    running.communicate(timeout=60)
    assert running.returncode != 0
    if how == signal.SIGKILL:  # no one can clean up after that, but the next run
        assert len(list(spill.iterdir())) == 1
    else:
        assert list(spill.iterdir()) == []
    assert distinct(path, memory="100MB", spill=spill) == 1_500_000
    assert list(spill.iterdir()) == []


def test_folders_in_use_are_not_swept(tmp_path):
    with private_folder(tmp_path) as mine:
        code = f"from territories._private import *\nwith private_folder({str(tmp_path)!r}): pass"
        assert run(code).wait(60) == 0
        assert mine.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_named(tmp_path):
    pq.write_table(pa.table({name: ["1", "2"] for name in OURS}), tmp_path / "1.parquet")
    values = [f"{number:08d}" for number in range(50_000)]
    pq.write_table(pa.table(dict.fromkeys(OURS, values)), tmp_path / "2.parquet")
    content = bytearray((tmp_path / "2.parquet").read_bytes())
    content[100:200_000] = b"\xff" * 199_900
    (tmp_path / "2.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"^2.parquet: the file is damaged"):
        distinct(tmp_path)


def test_a_file_that_vanishes_is_named(tmp_path):
    path = many(tmp_path, rows=1000)
    files = found_files(path)
    heads = matched_files(files, required=OURS)
    with opened_engine() as engine:
        events = engine.read(files, heads)
        path.unlink()
        with pytest.raises(InputError, match=r"many.parquet.*no such file"):
            engine.frame(events)


def test_rows_of_another_length_are_refused_by_the_engine_too(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("patient;residence;ps;specialite\n1;45234;A;ORL\n1;45234\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"x.csv: row 3 has 2 cell\(s\) instead of 4"):
        distinct(path)


def test_an_operation_that_an_engine_lacks():
    connection = ibis.sqlite.connect()
    table = connection.create_table("t", ibis.memtable(pd.DataFrame({"a": ["x"]})))
    with opened_engine(connection) as engine:
        lacking = table.mutate(b=table["a"].levenshtein("y"))
        with pytest.raises(InputError, match=r"The engine sqlite lacks .*Levenshtein"):
            engine.frame(lacking)


def test_our_own_mistakes_are_not_told_as_the_engine_s():
    with opened_engine() as engine, pytest.raises(AttributeError):
        engine.frame(None)  # type: ignore[arg-type]


def test_messages_quote_no_cell(tmp_path):
    with opened_engine() as engine:
        table = engine.lookup(pd.DataFrame({"a": ["1 99 123 456"]}), "t")
        with pytest.raises(InputError) as problem:
            engine.frame(table.select(a=table["a"].cast("int64")))
    assert "99" not in str(problem.value)
    assert "duckdb could not compute this (ConversionException)" in str(problem.value)


def test_nothing_is_downloaded():
    with opened_engine() as engine:
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            found = engine.connection.raw_sql(f"SELECT current_setting('{name}')").fetchone()
            assert found == (False,)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(InputError, match=r"pip install territories\[events\]"), opened_engine():
        pass
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with (
        pytest.raises(InputError, match=r"pip install territories\[spark\]"),
        opened_engine("spark"),
    ):
        pass


SPARK = """
    found = read_back("spark", Path(sys.argv[1]), spill=sys.argv[2], memory="1GB")
    assert shown(found) == sorted(EXPECTED), shown(found)
    assert list(Path(sys.argv[2]).iterdir()) == []
    from pyspark.sql import SparkSession
    assert SparkSession.getActiveSession() is None
    session = SparkSession.builder.getOrCreate()  # as one the user has
    session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    files = found_files(sys.argv[1])
    heads = matched_files(files, required=OURS)
    with opened_engine("spark", spill=sys.argv[2]) as engine:
        events = engine.read(files, heads)
        names = engine.lookup(pd.DataFrame({"activity": ["ORL"], "name": ["otology"]}), "names")
        joined = engine.materialised(events.join(names, "activity"), "joined")
        assert engine.frame(joined)["name"].tolist() == ["otology", "otology"]
        folder = engine.folder
    assert not folder.exists()
    assert session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    assert session.catalog.listTables() == []
    path = Path(sys.argv[1]) / "annee=2022" / "part.parquet"
    with opened_engine("spark", spill=sys.argv[2]) as engine:
        events = engine.read(files, heads)
        path.write_bytes(path.read_bytes()[:-200])
        try:
            engine.frame(events)
        except InputError as problem:
            assert str(problem).startswith("annee=2022/part.parquet: the file is damaged"), problem
        else:
            raise AssertionError
        path.unlink()
        try:
            engine.frame(events)
        except InputError as problem:
            assert "part.parquet" in str(problem), problem
    print("done")
"""


@pytest.mark.spark
def test_spark_reads_the_same_and_cleans_up(tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    source = sources(tmp_path / "events")
    spill = tmp_path / "spill"
    spill.mkdir()
    running = run(SPARK, source, spill, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = running.communicate(timeout=600)
    assert out == "done\n", err[-3000:]


UNREACHABLE = """
    try:
        with opened_engine("spark", master="spark://127.0.0.1:1", spill=sys.argv[1]):
            pass
    except InputError as problem:
        print(problem)
"""


@pytest.mark.spark
def test_a_master_that_cannot_be_reached(tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    running = run(UNREACHABLE, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = running.communicate(timeout=300)
    assert out.startswith("Spark: spark://127.0.0.1:1 cannot be reached"), err[-3000:]


WITHOUT_JAVA = """
    try:
        with opened_engine("spark", spill=sys.argv[1]):
            pass
    except InputError as problem:
        print(problem)
"""


@pytest.mark.spark
def test_without_java(tmp_path, monkeypatch):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "env", "ps", "ls", "sh"):
        for place in ("/bin", "/usr/bin"):
            with contextlib.suppress(FileExistsError):
                if Path(place, name).exists():
                    (tmp_path / "bin" / name).symlink_to(Path(place, name))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    running = run(WITHOUT_JAVA, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = running.communicate(timeout=300)
    assert out.startswith("Spark could not start: it needs Java"), err[-3000:]
