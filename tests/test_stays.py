"""Hospital stays, line by line: the naive answer, that of the added-up table, on each engine."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layers import layer, write_text
from oracle_stays import Answer, RefusedError, naive_stays
from pandas.testing import assert_frame_equal

import territories as tt
from territories import InputError
from territories._words import using
from territories.stays import stays_to_flows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATA = Path(__file__).parents[1] / "data"
# Of a machine that others use too.
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

# A region of departments 00 and 96; site 700000001 has no entity, 900000008 and 900000009 do.
SITES = [
    ("010000011", "00001", "900000009"),
    ("010000012", "00001", "900000009"),
    ("020000021", "00002", "900000008"),
    ("020000022", "96004", "900000008"),
    ("700000001", "00003", ""),
]
COVER = [
    *[("00001", "00100", 300), ("00002", "28C01", 300), ("00003", "28C01", 100)],
    *[("00001", "28C01", 50), ("00002", "28C01", 7), ("96004", "96400", 0), ("00003", "96400", 0)],
]
GHM = ["05M09T", "05C041", "02C05J", "6M031", "28Z04Z", "90Z00Z", "28Z17Z", "11k02j", " 05M09T "]


@pytest.fixture
def region(tmp_path: Path) -> dict:
    """Write the files beside the stays."""
    return files(tmp_path)


def files(folder: Path) -> dict:
    sites = [f"{site};{entity};{commune}" for site, commune, entity in SITES]
    cover = [f"{commune};x;{pmsi};{people}" for commune, pmsi, people in COVER]
    return {
        "sites": write_text(folder / "finess.csv", "finess;finess_ej;commune", sites),
        "pmsi_codes": write_text(
            folder / "pmsi.csv", "code_commune;nom_commune;code_geo_pmsi;population", cover
        ),
        "communes": layer("abcD"),
    }


def naive(rows: pd.DataFrame, **options) -> Answer:
    return naive_stays(rows, sites=SITES, cover=COVER, departments=("00", "96"), **options)


def written(rows: pd.DataFrame, path: Path, seed: int = 0) -> Path:
    """Lay stays down in some order, as CSV or Parquet."""
    mixed = rows.sample(frac=1, random_state=seed)
    if path.suffix == ".csv":
        mixed.to_csv(path, sep=";", index=False)
    else:
        mixed.to_parquet(path, index=False)
    return path


def same(flows: tt.Flows, answer: Answer) -> None:
    """Compare flows with the naive answer: all but the last bits of fractions."""
    keys = ["residence", "activity", "destination"]
    for table, names, expected in (
        (flows.table, keys, answer.table),
        (flows.sites, ["site", "destination", "residence", "activity"], answer.sites),
    ):
        found = {
            tuple(row[:-2]): row[-2:]
            for row in table.assign(masked=table.get("masked", 0))[
                [*names, "patients", "masked"]
            ].itertuples(index=False, name=None)
        }
        assert found.keys() == expected.keys()
        for key, numbers in expected.items():
            assert found[key] == pytest.approx([float(n) for n in numbers], rel=1e-12, abs=1e-9)
    account = flows.reconciliation
    assert account.reasons == {name: tuple(each) for name, each in answer.reasons.items()}
    assert (account.rows_in, account.patients_in) == (answer.rows_in, answer.stays_in)
    assert account.patients_kept == sum(number for number, _ in answer.cells.values())
    assert flows.period == answer.period
    assert flows.unit == "stays"


def as_read(answer: Answer, folder: Path, **options) -> tt.Flows:
    """Read the added-up table of a naive answer, where nothing of it is masked."""
    rows = [
        f"{pmsi};{site};{what};{float(n)}" for (pmsi, site, what), (n, _) in answer.cells.items()
    ]
    path = write_text(folder / "added_up.csv", "code_geo_pmsi;finess;ga;nb_sejours", rows)
    return tt.read_hospital(path, **options)


def equal(flows: tt.Flows, other: tt.Flows) -> None:
    """Compare to the last bit."""
    assert_frame_equal(flows.table, other.table, check_exact=True)
    assert_frame_equal(flows.sites, other.sites, check_exact=True)


def nasty(number: int, seed: int, *, entities: bool = True) -> pd.DataFrame:
    """Make stays with all that spoils them, each known by its identifier."""
    rng = np.random.default_rng(seed)
    own = [site for site, _, _ in SITES]
    place = rng.choice([*own, "10000011"], number, p=[0.2, 0.2, 0.2, 0.1, 0.2, 0.1])
    codes = ["00100", "28C01", "28c01 ", "96400", "75011", "97122", "00999", "ZZ", ""]
    rows = pd.DataFrame(
        {
            "pmsi_code": rng.choice(codes, number, p=[0.3, 0.2, 0.1, 0.2, *[0.04] * 5]),
            "site": place,
            "ghm": rng.choice([*GHM, "", "XX"], number, p=[*[0.108] * 9, 0.018, 0.01]),
            "stay": [str(1000 + each) for each in range(number)],
            "date": rng.choice(
                ["2022-05-01", "03/04/2023", "20230630", "", "2021-01-01"], number,
                p=[0.4, 0.3, 0.2, 0.05, 0.05],
            ),
        }
    ).sample(frac=1, random_state=seed)  # fmt: skip
    rows.loc[rows.index[:50], "stay"] = " "
    rows.loc[rows.index[50:90], "site"] = ["999999999", ""] * 20
    again = [rows.iloc[100 : 100 + number // 20]]
    if entities:
        entity = {site: each for site, _, each in SITES if each} | {"10000011": "900000009"}
        sent = rows[rows["site"].isin(entity) & (rows["stay"] != " ")].iloc[: number // 5]
        again.append(sent.assign(site=sent["site"].map(entity)))
        # The entity alone: all its sites are in one commune.
        alone = sent.iloc[:100].assign(site="900000009")
        again.append(alone.assign(stay=[f"a{each}" for each in range(100)]))
    return pd.concat([rows, *again], ignore_index=True).fillna("")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_many_nasty_stays_are_the_naive_ones(
    tmp_path: Path, region: dict, backend: str, kind: str
) -> None:
    rows = nasty(100_000, 1)
    path = written(rows, tmp_path / f"rsa.{kind}")
    for period in (None, "2022-2023"):
        years = None if period is None else range(2022, 2024)
        answer = naive(rows, years=years)
        found = stays_to_flows(path, backend=backend, on_unknown="aside", period=period, **region)
        same(found, answer)
        if years is not None:
            assert set(answer.reasons) == {
                *("missing_date", "other_year", "missing_ghm", "malformed_ghm", "session"),
                *("error_ghm", "missing_stay", "stay_repeated", "sent_twice"),
                *("missing_pmsi_code", "missing_site", "unknown_site", "unknown_pmsi_code"),
            }
        equal(found, as_read(answer, tmp_path, on_unknown="aside", **region))


# --- Drawn tables --------------------------------------------------------------------------------

COLUMNS = {
    "pmsi_code": ["00100", "28C01", "28c01", "96400", "75011", "00999", "", "Total"],
    "site": [
        *("700000001", "010000011", "10000012", "900000009"),
        *("020000021", "777", "", "900000008"),
    ],
    "activity": ["mco", " mco ", "ssr", "", "Ensemble"],
    "ghm": ["05M09T", "5M09T", "28Z04Z", "90Z00Z", "", "XX", "11"],
    "stay": ["1", " 2", "3", "4", "5", "", "007"],
    "stays": ["1", "2", "12", "<11", "ns", "", "3,5", "1 200"],
    "year": ["2022", "2023", "", "2021"],
}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    names = ["pmsi_code", "site"]
    names += draw(st.sampled_from([["activity"], ["ghm"], ["activity", "ghm"]]))
    names += [name for name in ("stay", "stays", "year") if draw(st.booleans())]
    size = draw(st.integers(1, 25))
    mixed = random.Random(draw(st.integers(0, 2**32)))
    # Of each column only the first values, so that not all is refused.
    usual = {name: mixed.randint(1, len(COLUMNS[name])) for name in names}
    rows = pd.DataFrame(
        {name: [mixed.choice(COLUMNS[name][: usual[name]]) for _ in range(size)] for name in names}
    )
    entity = {site: each for site, _, each in SITES if each} | {"10000012": "900000009"}
    owned = rows[rows["site"].isin(entity)]
    if len(owned) and mixed.random() < 0.5:
        rows = owned.drop_duplicates(["site", "stay"]) if "stay" in names else owned
        again = rows.assign(site=rows["site"].map(entity))
        if "stay" not in names:  # in one row, where the cells are compared
            again = again[mixed.choice([0, 0, 0, 1]) :]
        rows = pd.concat([rows, again], ignore_index=True)
    return rows


@settings(max_examples=60, suppress_health_check=SLOW)
@given(tables(), st.sampled_from([None, "2022", "2021-2023"]), st.sampled_from([1, 5, 10]))
def test_drawn_stays_are_the_naive_ones(
    tmp_path: Path, region: dict, rows: pd.DataFrame, period: str | None, masked_as: int
) -> None:
    checked(tmp_path, region, rows, period, masked_as, "duckdb")


@pytest.mark.spark
@settings(max_examples=6, suppress_health_check=SLOW)
@given(tables(), st.sampled_from([None, "2022"]))
def test_drawn_stays_are_the_naive_ones_on_spark(
    tmp_path: Path, region: dict, spark: SparkSession, rows: pd.DataFrame, period: str | None
) -> None:
    checked(tmp_path, region, rows, period, 5, "spark")


def checked(
    folder: Path, region: dict, rows: pd.DataFrame, period: str | None, masked_as: int, engine: str
) -> None:
    if "year" not in rows:
        period = None
    first, *last = map(int, (period or "0").split("-"))
    years = None if period is None else range(first, (last or [first])[0] + 1)
    path = written(rows, folder / "stays.parquet")
    options = {"on_unknown": "aside", "masked_as": masked_as, "backend": engine, **region}
    answer, refused = None, ""
    try:
        answer = naive(rows, years=years, masked_as=masked_as)
    except RefusedError as refusal:
        refused = f"error.{refusal.key}"
    if answer is None:
        with pytest.raises(InputError) as found:
            stays_to_flows(path, period=period, **options)
        assert refused in {each.key for each in found.value.faults}
        return
    if not answer.cells:
        with pytest.raises(InputError, match="no row"):
            stays_to_flows(path, period=period, **options)
        return
    read = stays_to_flows(path, period=period, **options)
    same(read, answer)
    again = stays_to_flows(written(rows, folder / "stays.csv", 5), period=period, **options)
    equal(again, read)
    assert again.reconciliation.reasons == read.reconciliation.reasons


# --- Added-up tables that are known, line by line ------------------------------------------------


def exploded(path: Path, out: Path) -> Path:
    """Write a table of stays with a line for each of them."""
    table = pd.read_csv(path, sep=";", dtype=str, encoding="cp1252")
    lines = table.loc[table.index.repeat(table["nb_sejours"].astype(int))]
    return written(lines.drop(columns="nb_sejours"), out)


def test_the_fictional_region_line_by_line(tmp_path: Path, backend: str) -> None:
    around = {
        "sites": DATA / "sites.csv",
        "pmsi_codes": DATA / "pmsi_codes.csv",
        "communes": tt.read_communes(DATA / "communes.geojson"),
    }
    lines = exploded(DATA / "hospital.csv", tmp_path / "rsa.parquet")
    flows = stays_to_flows(lines, backend=backend, **around)
    read = tt.read_hospital(DATA / "hospital.csv", **around)
    equal(flows, read)
    assert flows.reconciliation.patients_in == read.reconciliation.patients_in
    assert flows.reconciliation.rows_in == read.reconciliation.patients_in
    whole = stays_to_flows(lines, backend=backend, whole=True, **around)
    equal(whole, tt.read_hospital(DATA / "hospital.csv", whole=True, **around))


def test_a_region_line_by_line(tmp_path: Path, cvl: Path, cvl_communes, backend: str) -> None:
    around = {
        "sites": cvl / "finess.csv",
        "pmsi_codes": cvl / "commune_codepostal_pmsi_EMULE_cvl.csv",
        "communes": cvl_communes,
    }
    lines = exploded(cvl / "hospital.csv", tmp_path / "rsa.parquet")
    read = tt.read_hospital(cvl / "hospital.csv", **around)
    equal(stays_to_flows(lines, backend=backend, **around), read)


# --- One rule after another ----------------------------------------------------------------------

HEAD = "bdi_cod;eta_num;grg_ghm;rsa_num;soi_ann"
NAMES = {"pmsi_code": "bdi_cod"}


def snds(folder: Path, rows: list[str], head: str = HEAD, **options) -> tt.Flows:
    path = write_text(folder / "rsa.csv", head, rows, seed=options.pop("seed", None))
    return stays_to_flows(path, columns=NAMES, **files(folder), **options)


def by_activity(flows: tt.Flows) -> dict[str, float]:
    return flows.table.groupby("activity")["patients"].sum().to_dict()


def test_sessions_and_errors_are_no_stays(tmp_path: Path) -> None:
    """By the category of the GHM; it is the activity of the others."""
    rows = [
        *["00100;700000001;05M09T;1;2023", "00100;700000001;05C031;2;2023"],
        *["00100;700000001;28Z04Z;3;2023", "00100;700000001;28Z04Z;4;2023"],
        *["00100;700000001;90Z00Z;5;2023", "00100;700000001;6m031;6;2023"],
    ]
    flows = snds(tmp_path, rows)
    assert by_activity(flows) == {"CMD 05": 2, "CMD 06": 1}
    assert flows.reconciliation.reasons == {"session": (2, 2), "error_ghm": (1, 1)}
    assert flows.period == "2023"
    assert flows.reconciliation.notices == ()


def test_one_activity_can_be_given(tmp_path: Path) -> None:
    rows = ["00100;700000001;05M09T;1;2023", "00100;700000001;06C031;2;2023"]
    assert by_activity(snds(tmp_path, rows, activity="mco")) == {"mco": 2}
    with pytest.raises(InputError, match="activities already"):
        snds(tmp_path, ["00100;700000001;x;1;2023"], "bdi_cod;eta_num;ga;n;an", activity="mco")


def test_a_column_of_activities_is_the_activity(tmp_path: Path) -> None:
    head = "bdi_cod;eta_num;grg_ghm;ga"
    rows = ["00100;700000001;05M09T;Cardiologie ", "00100;700000001;28Z04Z;Cardiologie"]
    assert by_activity(snds(tmp_path, rows, head)) == {"Cardiologie": 1}


def test_without_ghm_sessions_may_be_among_the_stays(tmp_path: Path) -> None:
    flows = snds(tmp_path, ["00100;700000001;mco"], "bdi_cod;eta_num;ga")
    (notice,) = flows.reconciliation.notices
    assert "CMD 28" in str(notice)
    with pytest.raises(InputError, match="ghm"):
        snds(tmp_path, ["00100;700000001"], "bdi_cod;eta_num")


def test_a_stay_is_counted_once(tmp_path: Path) -> None:
    """Of a site in a year; the same number elsewhere or in another year is another stay."""
    rows = [
        *["00100;010000011;05M09T;1;2023", "00100;010000011;05M091;1;2023"],
        *["00100;010000011;05M09T;1;2022", "00100;010000012;05M09T;1;2023"],
    ]
    flows = snds(tmp_path, rows)
    assert by_activity(flows) == {"CMD 05": 3}
    assert flows.reconciliation.reasons == {"stay_repeated": (1, 1)}
    assert flows.reconciliation.patients_in == 4


def test_a_stay_that_an_entity_and_its_site_sent_is_counted_once(tmp_path: Path) -> None:
    """Each by itself: what the entity sent alone is its site's, all of them in one commune."""
    rows = [
        *["00100;010000011;05M09T;1;2023", "00100;900000009;05M09T;1;2023"],
        *["00100;900000009;05M09T;2;2023", "00100;900000009;05M09T;1;2022"],
    ]
    flows = snds(tmp_path, rows)
    assert by_activity(flows) == {"CMD 05": 3}
    assert flows.sites["site"].unique().tolist() == ["010000011"]
    assert flows.reconciliation.reasons == {"sent_twice": (1, 1)}
    assert [each.key for each in flows.reconciliation.notices] == ["notice.entity"]


def test_without_identifiers_the_cells_of_an_entity_are_compared(tmp_path: Path) -> None:
    head = "bdi_cod;eta_num;grg_ghm"
    sent = ["00100;010000011;05M09T", "00100;010000012;05M09T"]
    entity = ["00100;900000009;05M09T"]
    flows = snds(tmp_path, sent + 2 * entity, head)
    assert by_activity(flows) == {"CMD 05": 2}
    assert flows.reconciliation.reasons == {"sent_twice": (2, 2)}
    with pytest.raises(
        InputError, match=r"eta_num, rows 4, 5, 6: '900000009'|eta_num, rows 4, 5, 6"
    ):
        snds(tmp_path, sent + 3 * entity, head)


@pytest.mark.parametrize(
    "rows",
    [
        ["00100;010000011;05M09T;777;2023", "28C01;010000011;05M09T;777;2023"],
        ["00100;010000011;05M09T;777;2023", "00100;900000009;06M09T;777;2023"],
    ],
)
def test_a_stay_that_says_two_things_is_refused(tmp_path: Path, rows: list[str]) -> None:
    for on_unknown in ("error", "aside"):
        with pytest.raises(InputError, match="rsa_num") as refusal:
            snds(tmp_path, rows, on_unknown=on_unknown)
        assert [each.key for each in refusal.value.faults] == ["error.stay_differs"]
        assert "777" not in str(refusal.value)


@pytest.mark.parametrize(
    ("row", "reason", "said"),
    [
        ("00100;700000001;;9;2023", "missing_ghm", ["grg_ghm", "rows 3"]),
        ("00100;700000001;XX;9;2023", "malformed_ghm", ["grg_ghm", "rows 3", "'XX'"]),
        ("00100;700000001;05M09T; ;2023", "missing_stay", ["rsa_num", "rows 3"]),
        (";700000001;05M09T;9;2023", "missing_pmsi_code", ["bdi_cod", "rows 3"]),
        ("00100;;05M09T;9;2023", "missing_site", ["eta_num", "rows 3"]),
        ("00100;77777;05M09T;9;2023", "unknown_site", ["eta_num", "rows 3", "'77777'"]),
        ("00999;700000001;05M09T;9;2023", "unknown_pmsi_code", ["bdi_cod", "rows 3", "'00999'"]),
        ("00100;700000001;05M09T;9;", "missing_date", ["soi_ann", "rows 3"]),
    ],
)
def test_stays_that_cannot_be_used_are_refused_or_set_aside(
    tmp_path: Path, row: str, reason: str, said: list[str]
) -> None:
    rows = ["00100;700000001;05M09T;1;2023", row]
    with pytest.raises(InputError) as refusal:
        snds(tmp_path, rows, period=2023)
    for words in ["rsa.csv", *said]:
        assert words in str(refusal.value)
    with using("fr"):
        assert re.search(r"lignes?", str(refusal.value))
    account = snds(tmp_path, rows, period=2023, on_unknown="aside").reconciliation
    assert account.reasons == {reason: (1, 1)}
    assert account.rows_in == account.patients_in == 2


def test_what_other_years_hold_is_not_looked_at(tmp_path: Path) -> None:
    rows = ["00100;700000001;05M09T;1;2023", "ZZ;777;XX;;2021"]
    flows = snds(tmp_path, rows, period="2022-2024")
    assert flows.period == "2022-2024"
    assert flows.reconciliation.reasons == {"other_year": (1, 1)}
    with pytest.raises(InputError, match="no row"):
        snds(tmp_path, rows, period="2020")


def test_lines_that_are_added_up_already(tmp_path: Path) -> None:
    """Cells by month or GHM: their numbers are summed, what is masked stays so."""
    head = "bdi_cod;eta_num;ga;nb_sejours"
    rows = ["28C01;700000001;mco;<11", "28C01;700000001;mco;35", "28C01;700000001;mco;ns"]
    flows = snds(tmp_path, rows, head, masked_as=4)
    assert flows.table["patients"].sum() == pytest.approx(43)
    assert flows.table["masked"].sum() == pytest.approx(2)
    assert flows.bounds().sum().tolist() == pytest.approx([37, 55])
    with pytest.raises(InputError, match=r"nb_sejours.*rows 3") as refusal:
        snds(tmp_path, [rows[0], "28C01;700000001;mco;-37"], head)
    assert "37" not in str(refusal.value)


def test_a_table_of_a_connection(tmp_path: Path, region: dict) -> None:
    rows = nasty(2_000, 3)
    usual = stays_to_flows(written(rows, tmp_path / "rsa.parquet"), on_unknown="aside", **region)
    connection = ibis.duckdb.connect()
    try:
        connection.read_parquet(tmp_path / "rsa.parquet", table_name="rsa")
        for source in ("rsa", connection.table("rsa")):
            found = stays_to_flows(source, backend=connection, on_unknown="aside", **region)
            equal(found, usual)
        left = connection.raw_sql("SELECT table_name FROM duckdb_tables()").fetchall()
        left += connection.raw_sql("FROM duckdb_views() WHERE NOT internal").fetchall()
        assert len(left) == 1  # what was made on the way is dropped
    finally:
        connection.disconnect()
