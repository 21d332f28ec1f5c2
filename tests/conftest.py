"""What the tests share: the data beside the project, read once, and the command line."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import care
import hypothesis
import layers
import pytest
import spark as local_spark

import territories as tt
from territories.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import geopandas as gpd
    from pyspark.sql import SparkSession

SHARED = Path(__file__).parents[2] / "shared" / "data"

# Tables of geometries and threads make some examples slow now and then: time is not the question.
hypothesis.settings.register_profile("tests", deadline=None, max_examples=50)
hypothesis.settings.load_profile("tests")

# Run by a Python that has QGIS (see test_qgis.py).
collect_ignore = ["qgis_reads.py"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the data of tests that are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the data of ../shared/data are not beside this copy of the project: {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def cvl(shared_data: Path) -> Path:
    """Give the folder of the region Centre-Val de Loire."""
    return shared_data / "cvl"


@pytest.fixture(scope="session")
def cvl_communes(cvl: Path) -> gpd.GeoDataFrame:
    """Give the communes of Centre-Val de Loire."""
    return tt.read_communes(cvl / "communes_cvl_2024.geojson", cog=2024)


@pytest.fixture(scope="session")
def cvl_flows(cvl: Path, cvl_communes: gpd.GeoDataFrame) -> tt.Flows:
    """Give the simulated specialist extract, as read."""
    return tt.read_flows(cvl / "specialists.csv", communes=cvl_communes)


@pytest.fixture(scope="session")
def cvl_located(cvl_flows: tt.Flows) -> tt.Flows:
    """Give the specialist flows between communes."""
    return cvl_flows.located()


@pytest.fixture(scope="session", autouse=True)
def _no_language() -> Iterator[None]:
    """Forget the language of the machine that runs the tests."""
    chosen = os.environ.pop("TERRITORIES_LANG", None)
    yield
    if chosen is not None:
        os.environ["TERRITORIES_LANG"] = chosen


@pytest.fixture(scope="session")
def _region(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the files of a small region once."""
    return layers.write_region(tmp_path_factory.mktemp("region"))


@pytest.fixture
def region(_region: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Give the files of a small region of two towns, to change at will."""
    folder = tmp_path / "region"
    folder.mkdir()
    return {name: Path(shutil.copy(path, folder)) for name, path in _region.items()}


@dataclass(frozen=True)
class Outcome:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything it said."""
        return self.out + self.err


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Give the command line, as a function of its words."""

    def command(*words: object) -> Outcome:
        capsys.readouterr()
        status = main([str(word) for word in words])
        heard = capsys.readouterr()
        return Outcome(status, heard.out, heard.err)

    return command


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Start Spark once."""
    with local_spark.started() as session:
        yield session


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def backend(request: pytest.FixtureRequest) -> str:
    """Give the name of each engine."""
    if request.param == "spark":
        request.getfixturevalue("spark")
    return str(request.param)


@pytest.fixture(scope="session")
def world() -> care.World:
    """Give a small world: merged, split and overseas communes, cities of arrondissements."""
    return care.invented()


# Each call on Spark takes seconds: all of its tests take half an hour. These are one of each
# kind.
SPARK: Final = (
    "test_events.py::test_the_same_bytes_on_each_engine",
    "test_events.py::test_options[spark-plain]",
    "test_events.py::test_sources_and_orders[spark-folder]",
    "test_events.py::test_table_of_a_connection",
    "test_events.py::test_pmsi_codes[spark-population]",
    "test_stays.py::test_the_fictional_region_line_by_line[spark]",
    "test_yearly.py::test_change_from_year_to_year[spark]",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long tests of Spark out, unless TERRITORIES_SPARK=all."""
    if os.environ.get("TERRITORIES_SPARK") == "all":
        return
    reason = "one of each kind runs on Spark; all of them with TERRITORIES_SPARK=all"
    for item in items:
        of_engines = "test_engines.py" in item.nodeid
        kept = of_engines or item.nodeid.endswith(SPARK)
        if item.get_closest_marker("spark") and not kept:
            item.add_marker(pytest.mark.skip(reason=reason))
