"""Care events become flows: the same, to the byte, on each engine and by the naive way."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import care
import hypothesis.strategies as st
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from oracle_events import Answer, Refused, naive_flows

import territories as tt
from territories.errors import InputError
from territories.events import events_to_flows
from territories.pmsi import read_pmsi_codes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    Run = Callable[..., tt.Flows]

DATA = Path(__file__).parents[1] / "data"
ENGINES = ["duckdb", "connection", pytest.param("spark", marks=pytest.mark.spark)]
FEW = {"duckdb": 40, "connection": 10, "spark": 4}  # examples: each is a dozen of queries


class Engine(NamedTuple):
    """An engine, and what hands sources to it."""

    name: str
    run: Run


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each engine: the embedded one, Spark, and a connection that the user has opened."""
    return Engine(request.param, _runs(request, request.param))


@pytest.fixture(params=ENGINES[:2])
def quick(request: pytest.FixtureRequest) -> Engine:
    """Give the engines that need no Java, for what each of many cases says."""
    return Engine(request.param, _runs(request, request.param))


def _runs(request: pytest.FixtureRequest, name: str) -> Run:
    if name == "spark":
        request.getfixturevalue("spark")
    if name != "connection":
        return lambda source, **options: events_to_flows(source, backend=name, **options)

    def run(source: object, **options: object) -> tt.Flows:
        connection = ibis.duckdb.connect()
        try:
            return events_to_flows(source, backend=connection, **options)
        finally:
            connection.disconnect()

    return run


# --- What is compared --------------------------------------------------------------------------


def objects(table: pd.DataFrame) -> pd.DataFrame:
    """Make columns of text the same objects, whatever pandas calls text."""
    made = table.copy()
    for name in made.columns:
        if not (pd.api.types.is_numeric_dtype(made[name]) or made[name].dtype == bool):
            cells = made[name].astype(object)
            made[name] = cells.where(cells.notna(), None)
    return made


def parquet(table: pd.DataFrame) -> bytes:
    """Write a table as Parquet, to memory."""
    written = io.BytesIO()
    table.to_parquet(written)
    return written.getvalue()


def written(flows: tt.Flows) -> dict[str, Any]:
    """Write all that flows hold, as bytes: columns, types, order and values."""
    found = {
        "types": {name: str(dtype) for name, dtype in flows.table.dtypes.items()},
        "parquet": parquet(flows.table),
        "csv": flows.table.to_csv().encode(),
        "period": flows.period,
        "account": {
            name: value
            for name, value in vars(flows.reconciliation).items()
            if name not in ("file", "sha256")
        },
    }
    if flows.practices is not None:
        found["practices"] = parquet(flows.practices)
        found["professionals"] = parquet(flows.professionals.to_frame())
    return found


def same(flows: tt.Flows, answer: Answer) -> None:
    """Check flows against the naive answer, to the byte."""
    account = flows.reconciliation
    assert {
        "rows_in": account.rows_in,
        "rows_aside": account.rows_aside,
        "patients_in": account.patients_in,
        "patients_aside": account.patients_aside,
        "reasons": {reason: tuple(each) for reason, each in sorted(account.reasons.items())},
    } == answer.account
    assert account.patients_kept == pytest.approx(float(flows.table["patients"].sum()))
    table = objects(flows.table)
    assert list(table.columns) == list(answer.table.columns)
    pd.testing.assert_frame_equal(table, objects(answer.table), check_exact=True)
    assert parquet(table) == parquet(objects(answer.table))
    assert table.to_csv() == objects(answer.table).to_csv()
    assert flows.period == answer.period
    if answer.practices is None:
        assert flows.practices is None
        return
    practices = objects(flows.practices)
    practices.index = practices.index.astype(object)
    # Shares of parts of masked cells are quotients of fractions: their last bit is not said.
    exact = answer.table["patients"].dtype == "int64"
    pd.testing.assert_frame_equal(
        practices, objects(answer.practices), check_exact=exact, check_index_type=False
    )
    professionals = flows.professionals.sort_index()
    assert professionals.to_dict() == answer.professionals.to_dict()
    assert str(professionals.dtype) == "int64"


def check(engine: Engine, source: object, frame: pd.DataFrame, **options: Any) -> tt.Flows | None:
    """Compare an engine's flows with the naive ones; both refuse, or neither does."""
    naive = {name: value for name, value in options.items() if name != "columns"}
    if "pmsi_codes" in naive:
        naive["pmsi_codes"] = read_pmsi_codes(naive["pmsi_codes"])
    try:
        answer = naive_flows(frame, **naive)
    except Refused:
        with pytest.raises(InputError):
            engine.run(source, **options)
        return None
    flows = engine.run(source, **options)
    same(flows, answer)
    return flows


# --- Any small table ---------------------------------------------------------------------------

POOLS = {
    "patient": ["1", "2", "3", " 2 ", "1\t", "", "1", "2"],
    "residence": [
        *("45001", "45090", "45002", " 45091", "1004", "01004", "2a004", "60054", "60455", "60694"),
        *("75113", "75056", "13208", "450010101", "99100", "45999", "4523X", "", "97105", "77001"),
    ],
    "practitioner": ["A", "B", " A ", "", "A", "C"],
    "destination": ["45001", "45090", "60054", "1005", "99100", "", "45999", "75113"],
    "department": ["45", "", "1", "045", "75", "2a", "45.0"],
    "activity": ["ophtalmologie", "Ophtalmologie ", "ORL", "O.R.L.", "", "NA", "dermatologue"],
    "date": ["2021-05-01", "20220302", "03/04/2023", "03-04-2023", "", "2022-01-01 08:00:00"],
    "acts": ["1", "-1", "2", "", "0,5", "-0.5", "0"],
    "amount": ["25", "12,5", "-25", "", "0.1", "0,2", "ns", "1 250,75"],
    "patients": ["<11", "ns", "-", "0", "7", " 12 ", ""],
}
CLEAN = {
    "residence": POOLS["residence"][:13],
    "practitioner": ["A", "B", "C"],
    "destination": ["45001", "45090", "60054", "1005", "75113"],
    "activity": ["ophtalmologie", "Ophtalmologie ", "ORL", "O.R.L."],
    "date": ["2021-05-01", "20220302", "03/04/2023"],
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Draw a small table, with or without what spoils it, and how it is read."""
    place = draw(st.sampled_from(["practitioner", "practitioner", "destination"]))
    clean = draw(st.booleans())
    optional = [name for name in ("date", "acts", "amount", "patients") if draw(st.booleans())]
    if place == "practitioner" and draw(st.booleans()):
        optional.append("department")
    names = ["patient", "residence", place, "activity", *optional]
    pools = {**POOLS, **CLEAN} if clean else POOLS
    lines = st.tuples(*(st.sampled_from(pools[name]) for name in names))
    frame = pd.DataFrame(draw(st.lists(lines, min_size=1, max_size=25)), columns=names, dtype=str)
    if "patients" in frame:  # a row has one or the other
        either = frame["patient"].str.strip() != ""
        frame["patients"] = frame["patients"].where(~either, "")
    elif clean:
        frame["patient"] = frame["patient"].where(frame["patient"] != "", "9")
    options: dict[str, Any] = {
        "on_unknown": draw(st.sampled_from(["aside", "aside", "error", "external"])),
        "arrondissements": draw(st.sampled_from(["city", "city", "kept"])),
        "masked_as": draw(st.sampled_from([5, 1, 10])),
        "dash": draw(st.sampled_from(["masked", "zero"])),
        "located": draw(st.booleans()),
    }
    if "date" in frame:
        options["period"] = draw(st.sampled_from([None, "2022", "2021-2022"]))
    if draw(st.integers(0, 5)) == 0:
        frame = frame.drop(columns="activity")
        options["activity"] = "dermatologie"
    return frame, options


def test_any_small_table(
    engine: Engine, world: care.World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the rows and the options, what comes out is what the rules say."""
    folder = tmp_path_factory.mktemp("small")

    @settings(
        max_examples=FEW[engine.name],
        suppress_health_check=list(HealthCheck),
        derandomize=engine.name == "spark",
    )
    @given(drawn=tables(), known=st.sampled_from(["year", "guessed", "layer", "none"]))
    def agrees(drawn: tuple[pd.DataFrame, dict[str, Any]], known: str) -> None:
        frame, options = drawn
        if known != "none":
            options["communes"] = world.communes
        if known in ("year", "guessed"):
            options["cog_table"] = world.cog_table
        if known == "year":
            options["cog"] = 2018
        path = care.write_parquet(frame, folder / "events.parquet")
        check(engine, path, frame, **options)

    agrees()


# --- Nasty tables, and every option --------------------------------------------------------------

ROWS = 3_000


@pytest.fixture(scope="session")
def nasty(world: care.World) -> pd.DataFrame:
    """Give a table with all that spoils one."""
    return care.care(world, rows=ROWS, seed=7)


@pytest.fixture(scope="session")
def clean(world: care.World) -> pd.DataFrame:
    """Give a table of which nothing is refused."""
    return care.care(world, rows=ROWS, seed=8, spoiled=False)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "practitioners": {"located": False},
    "a year": {"period": "2022"},
    "two years": {"period": "2021-2022"},
    "arrondissements": {"arrondissements": "kept"},
    "dash": {"dash": "zero", "masked_as": 1},
    "guessed year": {"cog": None},
    "no list": {"cog": None, "cog_table": None},
    "no layer": {"communes": None},
    "no codes": {"cog": None, "cog_table": None, "communes": None},
    "own names": {"activities": {"yeux": ["ophtalmologie"], "peau": ["dermatologue"]}},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(
    engine: Engine, name: str, world: care.World, nasty: pd.DataFrame, tmp_path: Path
) -> None:
    path = care.write_parquet(nasty, tmp_path / "events.parquet")
    options = {**world.options, "on_unknown": "aside", **OPTIONS[name]}
    assert check(engine, path, nasty, **options) is not None


def test_nothing_is_refused_of_a_clean_table(
    engine: Engine, world: care.World, clean: pd.DataFrame, tmp_path: Path
) -> None:
    path = care.write_parquet(clean, tmp_path / "events.parquet")
    flows = check(engine, path, clean, **world.options)
    assert flows is not None
    assert set(flows.reconciliation.reasons) <= {"cancelled", "practice_undetermined"}


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("residence", ["45999"]),
        ("residence", ["99100"]),
        ("residence", ["4523X"]),
        ("residence", [""]),
        ("practitioner", [" "]),
        ("activity", ["NA"]),
        ("activity", ["licornologie"]),
        ("patient", [""]),
        ("patients", ["3"]),
        ("department", ["45234"]),
        ("amount", ["beaucoup"]),
        ("acts", ["deux"]),
    ],
)
def test_one_bad_cell_is_refused(
    quick: Engine,
    world: care.World,
    clean: pd.DataFrame,
    tmp_path: Path,
    column: str,
    cells: list[str],
) -> None:
    """One wrong cell among thousands, and the message names its column."""
    frame = clean.copy()
    row = frame.index[(frame["patient"].str.strip() != "") & (frame["patients"] == "")][11]
    frame.loc[row, column] = cells[0]
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    with pytest.raises(InputError) as refused:
        quick.run(path, **world.options)
    assert column in str(refused.value)


def test_unknown_codes_are_kept_as_external(
    engine: Engine, world: care.World, clean: pd.DataFrame, tmp_path: Path
) -> None:
    frame = clean.copy()
    frame.loc[frame.index[::50], "residence"] = "45999"
    frame.loc[frame.index[7::50], "residence"] = "99100"
    frame.loc[frame.index[9::50], "residence"] = "ABCDE"
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    flows = check(engine, path, frame, on_unknown="external", **world.options)
    assert flows is not None
    assert {"45999", "99100", "ABCDE"} <= set(flows.table["residence"])


def test_new_activities_are_let_in(
    quick: Engine, world: care.World, clean: pd.DataFrame, tmp_path: Path
) -> None:
    frame = clean.copy()
    frame.loc[frame.index[::40], "activity"] = "Licornologie"
    frame.loc[frame.index[5::40], "activity"] = "LICORNOLOGIE "
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    assert check(quick, path, frame, allow_new=True, **world.options) is not None


def test_one_activity_is_given(
    engine: Engine, world: care.World, nasty: pd.DataFrame, tmp_path: Path
) -> None:
    frame = nasty.drop(columns="activity")
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    options = {**world.options, "on_unknown": "aside", "activity": "ORL"}
    assert check(engine, path, frame, **options) is not None


@pytest.mark.parametrize("on_unknown", ["aside", "error"])
def test_destinations(engine: Engine, world: care.World, tmp_path: Path, on_unknown: str) -> None:
    """Rows that name a place need none to be found; places merge and split as residences do."""
    spoiled = on_unknown == "aside"
    frame = care.care(world, rows=ROWS, seed=9, spoiled=spoiled, place="destination")
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    flows = check(engine, path, frame, on_unknown=on_unknown, **world.options)
    assert flows is not None
    assert "60694" in set(flows.table["destination"])


# A code of the PMSI may be written like a commune elsewhere: 45005 covers two others here.
COVER = """code_commune_insee;nom_commune;code_geo_pmsi;population
45001;A;45000;1000
45002;B;45000;1000
45003;C;45100;700
45004;D;45C01;333
45006;E;45C01;334
45007;F;45C01;0
45005;G;45200;900
45010;H;45005;10
45011;I;45005;20
"""


@pytest.mark.parametrize("allocation", ["population", "uniform"])
def test_pmsi_codes(
    engine: Engine, world: care.World, nasty: pd.DataFrame, tmp_path: Path, allocation: str
) -> None:
    """Cells of a code are shared out whole, but for masked ones; nothing is lost to rounding."""
    cover = tmp_path / "pmsi.csv"
    cover.write_text(COVER, encoding="utf-8")
    codes = np.array(["45000", "45100", " 45c01", "45200", "45005", "45005 ", "99999", ""])
    draw = np.random.default_rng(3)
    chances = [0.3, 0.15, 0.15, 0.15, 0.15, 0.05, 0.03, 0.02]
    frame = nasty.assign(residence=draw.choice(codes, size=len(nasty), p=chances))
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    flows = check(
        engine,
        path,
        frame,
        communes=world.communes,
        on_unknown="aside",
        pmsi_codes=cover,
        allocation=allocation,
    )
    assert flows is not None
    assert flows.table["patients"].dtype == "float64"


# --- Sources and orders --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def typed(world: care.World) -> pd.DataFrame:
    """Give a table whose columns may be numbers and dates."""
    return care.plain(care.care(world, rows=ROWS, seed=10))


@pytest.mark.parametrize(
    "shape", ["typed", "folder", "typed folder", "csv", "csv folder", "paths", "shuffled"]
)
def test_sources_and_orders(
    engine: Engine, world: care.World, typed: pd.DataFrame, tmp_path: Path, shape: str
) -> None:
    """The same bytes of one file or several, Parquet or CSV, and whatever the order of rows."""
    options = {**world.options, "on_unknown": "aside"}
    plain = written(engine.run(care.write_parquet(typed, tmp_path / "events.parquet"), **options))
    source: Any
    if shape == "typed":
        source = care.write_parquet(typed, tmp_path / "typed.parquet", typed=True)
    elif "folder" in shape and "csv" not in shape:
        source = care.write_folder(typed, tmp_path / "parts", typed="typed" in shape)
    elif shape == "csv":
        source = care.write_csv(typed, tmp_path / "events.csv")
    elif shape == "csv folder":
        source = tmp_path / "parts"
        source.mkdir()
        care.write_csv(typed.iloc[:1000], source / "1.csv")
        care.write_csv(typed.iloc[1000:], source / "2.csv")
    elif shape == "paths":
        source = [
            care.write_parquet(typed.iloc[start::2], tmp_path / f"{start}.parquet")
            for start in (1, 0)
        ]
    else:
        source = care.write_parquet(care.shuffled(typed, 99), tmp_path / "shuffled.parquet")
    again = written(engine.run(source, **options))
    for flow in (plain, again):  # rows and notices name files and rows of files
        flow["account"] = {
            name: value
            for name, value in flow["account"].items()
            if name not in ("examples", "notices")
        }
    assert again == plain


@pytest.mark.parametrize("part", [[7, 8], [-7, 8], [None, 8], [None, None]])
def test_what_footers_say_is_what_rows_say(
    quick: Engine, world: care.World, tmp_path: Path, part: list[int | None]
) -> None:
    """Files that tell their ends and empty cells in their footers, or do not, give the same."""
    days = [dt.date(2022, 3, 1), None]
    for name, stated in (("told", True), ("silent", False)):
        folder = tmp_path / name
        folder.mkdir()
        for number, (persons, dates) in enumerate([([1, 2], days[:1] * 2), (part, days)]):
            columns = {
                "patient": pa.array(persons, pa.int64()),
                "date": pa.array(dates, pa.date32()),
                "residence": ["45001", "45002"],
                "practitioner": ["A", "A"],
                "activity": ["ORL", "ORL"],
            }
            path = folder / f"{number}.parquet"
            pq.write_table(pa.table(columns), path, write_statistics=stated)
    options = {"cog": 2024, "cog_table": world.options["cog_table"], "located": False}
    options["on_unknown"] = "aside"
    told, silent = (quick.run(tmp_path / name, **options) for name in ("told", "silent"))
    assert objects(told.table).equals(objects(silent.table))
    assert told.reconciliation.reasons == silent.reconciliation.reasons
    assert told.table["patients"].sum() == 2 + sum(each is not None for each in part)
    assert told.period is silent.period is None


def test_columns_of_the_extracts(
    quick: Engine, world: care.World, nasty: pd.DataFrame, tmp_path: Path
) -> None:
    """French names are recognised; others are given."""
    frame = nasty.rename(
        columns={
            "residence": "commune_residence",
            "practitioner": "num_rpps",
            "activity": "specialite",
            "department": "departement_ps",
            "acts": "nb_actes",
            "amount": "montant",
            "patients": "nb_patients",
            "patient": "cle",
            "date": "soins",
        }
    )
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    options = {**world.options, "on_unknown": "aside"}
    given = {"patient": "cle", "date": "soins"}
    assert check(quick, path, nasty, columns=given, **options) is not None


def test_residence_of_the_snds(
    quick: Engine, world: care.World, clean: pd.DataFrame, tmp_path: Path
) -> None:
    code = ["45001", "45090", "01004", "60054"]
    draw = np.random.default_rng(4)
    drawn = draw.choice(code, size=len(clean))
    frame = clean.drop(columns="residence").assign(
        BEN_RES_DPT=[f"0{each[:2]}" for each in drawn], BEN_RES_COM=[each[2:] for each in drawn]
    )
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    assert check(quick, path, frame, **world.options) is not None


@pytest.mark.spark
def test_table_of_a_connection(
    world: care.World, nasty: pd.DataFrame, spark: SparkSession, tmp_path: Path
) -> None:
    """A table by its name, and an expression, on DuckDB and on Spark."""
    path = care.write_parquet(nasty, tmp_path / "events.parquet")
    options = {**world.options, "on_unknown": "aside"}
    answer = naive_flows(nasty, **options)
    for connection in (ibis.duckdb.connect(), ibis.pyspark.connect(spark)):
        table = connection.read_parquet(str(path), table_name="soins")
        same(events_to_flows("soins", backend=connection, **options), answer)
        same(events_to_flows(table, backend=connection, **options), answer)
        same(
            events_to_flows(table.filter(table.residence.fill_null("") != "zz"), **options), answer
        )


@pytest.mark.spark
def test_the_same_bytes_on_each_engine(
    world: care.World, nasty: pd.DataFrame, spark: SparkSession, tmp_path: Path
) -> None:
    """All that the flows hold, notices included."""
    path = care.write_parquet(nasty, tmp_path / "events.parquet")
    for located in (True, False):
        options = {**world.options, "on_unknown": "aside", "located": located}
        ours, theirs = (
            written(events_to_flows(path, backend=name, **options)) for name in ("duckdb", "spark")
        )
        assert ours == theirs


# --- The rules, one by one, worked by hand -------------------------------------------------------

Rows = list[tuple[str, ...]]


def told(quick: Engine, folder: Path, heads: str, rows: Rows, **options: Any) -> tt.Flows:
    """Read a table written here, its rows shuffled; the naive answer is the same."""
    frame = care.shuffled(pd.DataFrame(rows, columns=heads.split(), dtype=str), 3)
    for name, value in (("practitioner", "A"), ("activity", "ORL")):
        if name not in frame and "destination" not in frame:
            frame[name] = value
    path = care.write_parquet(frame, folder / "events.parquet")
    flows = check(quick, path, frame, **options)
    assert flows is not None
    return flows


def listed(flows: tt.Flows, *names: str) -> list[tuple[object, ...]]:
    return list(flows.table[list(names)].itertuples(index=False, name=None))


def test_rule_1_a_patient_counts_once_and_numbers_are_added(quick: Engine, tmp_path: Path) -> None:
    """Three lines of two patients, a number and a masked cell: 2 + 12 + 5."""
    rows = [("1", "", "45001"), (" 1", "", "45001"), ("2", "", "45001")]
    rows += [("", "12", "45001"), ("", "<11", "45001"), ("2", "", "45002")]
    flows = told(quick, tmp_path, "patient patients residence", rows, located=False)
    columns = ("residence", "patients", "masked")
    assert listed(flows, *columns) == [("45001", 19, 1), ("45002", 1, 0)]


def test_rule_1_a_row_is_a_patient_or_a_number(quick: Engine, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [("1", "3", "45001", "A", "ORL")],
        columns=["patient", "patients", "residence", "practitioner", "activity"],
    )
    with pytest.raises(InputError, match="patient"):
        quick.run(care.write_parquet(frame, tmp_path / "events.parquet"), on_unknown="aside")


def test_rule_2_years(quick: Engine, tmp_path: Path) -> None:
    """Dates in several spellings; those of other years, and none, go aside."""
    dates = ("2021-12-31", "20220101", "31/12/2022", "01-01-2023", "", "2022-07-01 10:00:00")
    rows = [(str(number), "45001", date) for number, date in enumerate(dates)]
    heads = "patient residence date"
    flows = told(quick, tmp_path, heads, rows, period="2022", on_unknown="aside", located=False)
    assert listed(flows, "patients") == [(3,)]
    assert flows.reconciliation.reasons == {"other_year": (2, 2), "missing_date": (1, 1)}
    assert flows.period == "2022"
    flows = told(quick, tmp_path, heads, rows, located=False)
    assert (listed(flows, "patients"), flows.period) == ([(6,)], None)
    flows = told(quick, tmp_path, heads, rows[:4], located=False)
    assert (listed(flows, "patients"), flows.period) == ([(4,)], "2021-2023")


def test_rule_4_a_row_has_its_first_reason(
    quick: Engine, world: care.World, tmp_path: Path
) -> None:
    """Each row is wrong in one way less than the one before."""
    rows = [
        ("", "", "", "", "2020"),
        ("", "", "", "", ""),
        ("", "", "", "", "2022"),
        ("", "", "", "ORL", "2022"),
        ("", "A", "", "ORL", "2022"),
        ("1", "A", "", "ORL", "2022"),
        ("1", "A", "4523X", "ORL", "2022"),
        ("2", "A", "99100", "ORL", "2022"),
        ("3", "A", "45999", "ORL", "2022"),
        ("3", "A", "45999", "ORL", "2022"),
        ("3", "A", "45001", "ORL", "2022"),
    ]
    options = {**world.options, "on_unknown": "aside", "period": "2022", "located": False}
    heads = "patient practitioner residence activity year"
    flows = told(quick, tmp_path, heads, rows, **options)
    assert flows.reconciliation.reasons == {
        "other_year": (1, 0),
        "missing_date": (1, 0),
        "missing_activity": (1, 0),
        "missing_practitioner": (1, 0),
        "missing_patient": (1, 0),
        "missing_residence": (1, 1),
        "malformed_residence": (1, 1),
        "foreign_residence": (1, 1),
        "unknown_residence": (2, 1),
    }
    assert (flows.reconciliation.patients_in, flows.reconciliation.patients_kept) == (5, 1)


def test_rule_5_a_patient_under_two_codes_of_one_commune(
    quick: Engine, world: care.World, tmp_path: Path
) -> None:
    """45090 has been 45001 since 2019: its patient seen under both counts once."""
    rows = [("1", "45090"), ("1", "45001"), ("2", "45090"), ("3", " 45001 ")]
    flows = told(quick, tmp_path, "patient residence", rows, located=False, **world.options)
    assert listed(flows, "residence", "patients") == [("45001", 3)]


def test_rule_5_acts_that_come_to_nothing_are_cancelled(quick: Engine, tmp_path: Path) -> None:
    """A half and a half less is nothing; a missing number of acts is one."""
    rows = [("1", "1", "25"), ("1", "-1", "-25"), ("2", "0,5", "10"), ("2", "-0.5", "-10")]
    rows += [("3", "", "25"), ("3", "-0,5", "-12.5"), ("4", "0", "8"), ("5", "2", "0.1")]
    rows = [(*row, "45001") for row in rows]
    flows = told(quick, tmp_path, "patient acts amount residence", rows, located=False)
    assert listed(flows, "patients", "amount") == [(2, 12.6)]
    assert flows.reconciliation.reasons == {"cancelled": (5, 3)}


def test_rule_5_amounts_are_whole_cents(quick: Engine, tmp_path: Path) -> None:
    """A tenth added ten times is one euro, to the last bit."""
    rows = [(str(number), "0.1", "45001") for number in range(10)]
    flows = told(quick, tmp_path, "patient amount residence", rows, located=False)
    assert listed(flows, "patients", "amount") == [(10, 1.0)]


def test_rule_6_a_split_commune_is_shared_out(
    quick: Engine, world: care.World, tmp_path: Path
) -> None:
    """60054 is 60054 (3,000 people) and 60694 (1,000): 6 make 4.5 and 1.5, the lower code first."""
    rows = [(str(number), "60054", "0.01") for number in range(6)]
    flows = told(quick, tmp_path, "patient residence amount", rows, located=False, **world.options)
    columns = ("residence", "patients", "amount")
    assert listed(flows, *columns) == [("60054", 5, 0.05), ("60694", 1, 0.01)]


def test_rule_6_parts_of_a_masked_cell_stay_parts(
    quick: Engine, world: care.World, tmp_path: Path
) -> None:
    rows = [("", "<11", "60054"), ("1", "", "60694"), ("2", "", "60054")]
    heads = "patient patients residence"
    flows = told(quick, tmp_path, heads, rows, located=False, **world.options)
    columns = ("residence", "patients", "masked")
    assert listed(flows, *columns) == [("60054", 4.5, 0.75), ("60694", 2.5, 0.25)]
    assert flows.reconciliation.patients_kept == 7


def test_rule_6_a_pmsi_code_written_like_a_commune(
    quick: Engine, world: care.World, tmp_path: Path
) -> None:
    """45200 is the commune 45005, and 45005 two others: they are not one group."""
    cover = tmp_path / "pmsi.csv"
    cover.write_text(COVER, encoding="utf-8")
    rows = [("1", "45200"), ("2", "45200"), ("1", "45005"), ("3", "45005"), ("4", "45005")]
    flows = told(
        quick,
        tmp_path,
        "patient residence",
        rows,
        communes=world.communes,
        pmsi_codes=cover,
        located=False,
    )
    expected = [("45005", 2), ("45010", 1), ("45011", 2)]
    assert listed(flows, "residence", "patients") == expected


def test_rule_7_ties(quick: Engine, tmp_path: Path) -> None:
    """A's communes are tied but for the euros, B's for all: B is nowhere, his rows go aside."""
    rows = [("1", "A", "45001", "10"), ("2", "A", "45002", "10.01")]
    rows += [("1", "B", "45001", "10"), ("2", "B", "45002", "10"), ("2", "B", "45002", "0")]
    flows = told(quick, tmp_path, "patient practitioner residence amount", rows)
    assert flows.practices.loc["A", "commune"] == "45002"
    assert flows.practices["tied"].to_dict() == {"A": False, "B": True}
    assert listed(flows, "residence", "destination") == [("45001", "45002"), ("45002", "45002")]
    assert flows.reconciliation.reasons == {"practice_undetermined": (3, 2)}


def test_rule_7_nobody_is_placed(quick: Engine, world: care.World, tmp_path: Path) -> None:
    """It is no other region: the residences are of the layer, and all rows are told aside."""
    rows = [("1", "A", "45001", "ORL"), ("2", "A", "45003", "ORL")]
    frame = pd.DataFrame(rows, columns=["patient", "practitioner", "residence", "activity"])
    flows = quick.run(care.write_parquet(frame, tmp_path / "events.parquet"), **world.options)
    assert (len(flows.table), flows.practices["tied"].tolist()) == (0, [True])
    assert flows.reconciliation.reasons == {"practice_undetermined": (2, 2)}


def test_rule_7_departments(quick: Engine, tmp_path: Path) -> None:
    """One of 41, among whose patients few live there; one of 75, among whose none; one of two."""
    rows = [("1", "A", "45001", "41"), ("2", "A", "45001", ""), ("3", "A", "41018", "41")]
    rows += [("1", "B", "45001", "75"), ("1", "C", "45001", "37"), ("2", "C", "37261", "")]
    rows += [("3", "C", "41018", "41"), ("4", "C", "41018", "41")]
    flows = told(quick, tmp_path, "patient practitioner residence department", rows)
    assert flows.practices["commune"].to_dict() == {"A": "41018", "B": "75", "C": "41018"}
    assert flows.practices["conflict"].to_dict() == {"A": True, "B": False, "C": False}
    assert flows.practices["share"].fillna(-1).tolist() == [1 / 3, -1, 0.5]


def test_rule_9_a_patient_of_rows_aside_counts_once_for_each_practitioner(
    quick: Engine, tmp_path: Path
) -> None:
    rows = [("1", "", "A", "ORL", "4523X"), ("1", "", "A", "dermatologie", "4523X")]
    rows += [("1", "", "B", "ORL", "4524X"), ("", "7", "A", "ORL", "4523X")]
    rows += [("1", "", "A", "ORL", "45001"), ("1", "", "A", "dermatologie", "45001")]
    heads = "patient patients practitioner activity residence"
    flows = told(quick, tmp_path, heads, rows, on_unknown="aside", located=False)
    account = flows.reconciliation
    assert account.reasons == {"malformed_residence": (4, 9)}
    assert (account.rows_in, account.patients_in, account.patients_kept) == (6, 11, 2)


# --- The two ways in -----------------------------------------------------------------------------


def exploded(path: Path) -> pd.DataFrame:
    """Make one event, or two, of each patient of an extract that is added up already."""
    with path.open(encoding="cp1252", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    rows = []
    for number, line in enumerate(lines):
        count = int(line["nb_patients"])
        cents = round(100 * float(line["montant"].replace(",", ".")))
        shares = [cents // count + (each < cents % count) for each in range(count)]
        for each, share in enumerate(shares):
            key = (f"{number}-{each}", line["commune_residence"], line["ps"])
            key = (*key, line["departement_ps"], line["specialite"])
            half = share // 2
            parts = [half, share - half] if (number + each) % 5 == 0 else [share]
            rows += [(*key, f"{part / 100:.2f}") for part in parts]
    names = ["patient", "residence", "practitioner", "department", "activity", "amount"]
    return care.shuffled(pd.DataFrame(rows, columns=names), 5)


@pytest.fixture(scope="session")
def fiction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the events of the fictional region."""
    frame = exploded(DATA / "specialists.csv")
    return care.write_parquet(frame, tmp_path_factory.mktemp("fiction") / "events.parquet")


def test_the_two_ways_in_agree(engine: Engine, fiction: Path) -> None:
    """Events of the fictional region give the flows of its extract."""
    communes = tt.read_communes(DATA / "communes.geojson")
    flows = tt.read_flows(DATA / "specialists.csv", communes=communes)
    by_practitioner = engine.run(fiction, communes=communes, located=False)
    pd.testing.assert_frame_equal(
        by_practitioner.table[flows.table.columns].assign(
            amount=by_practitioner.table["amount"].round(2)
        ),
        flows.table,
    )
    located, expected = engine.run(fiction, communes=communes), flows.located()
    assert list(located.table) == list(expected.table)
    pd.testing.assert_frame_equal(located.table, expected.table)  # their euros are sums of floats
    for name in ("residence", "activity", "destination", "patients"):
        assert located.table[name].tolist() == expected.table[name].tolist()
    pd.testing.assert_frame_equal(located.practices, expected.practices, check_exact=True)
    pd.testing.assert_series_equal(located.professionals, expected.professionals)
    again = by_practitioner.located()
    pd.testing.assert_frame_equal(located.table, again.table)
    pd.testing.assert_frame_equal(located.practices, again.practices, check_exact=True)


# --- A million -----------------------------------------------------------------------------------

MILLION = 1_000_000


class Large(NamedTuple):
    """A million nasty events: how they are read, and what they give."""

    folder: Path
    options: dict[str, Any]
    answers: dict[bool, Answer]


@pytest.fixture(scope="session")
def million(world: care.World, tmp_path_factory: pytest.TempPathFactory) -> Large:
    """Write a million nasty events, of real communes where their list is at hand."""
    shared = Path(__file__).parents[2] / "shared" / "data" / "france"
    if shared.is_dir():
        world = care.french(tt.read_cog(shared), shared / "communes_zonages_2024.csv")
    frame = care.care(world, rows=MILLION, seed=11)
    folder = care.write_folder(frame, tmp_path_factory.mktemp("million") / "events", parts=4)
    options = {**world.options, "on_unknown": "aside"}
    located = naive_flows(frame, **options)
    answers = {True: located, False: located.before}
    return Large(folder, options, answers)


@pytest.mark.parametrize("located", [True, False])
def test_a_million_events(engine: Engine, million: Large, located: bool) -> None:
    """Ties, masked cells, missing departments, merged communes: the same to the byte."""
    flows = engine.run(million.folder, located=located, **million.options)
    same(flows, million.answers[located])
