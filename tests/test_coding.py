"""Codes of residences and destinations: repaired, sorted by what is wrong, brought to one year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import layer, write_text
from pandas.testing import assert_frame_equal

import territories as tt
from territories import CodeError, InputError
from territories.cog import cog_table

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "residence;activity;destination;patients"

# A small INSEE: 00003 merged into 00002 in 2019, 96009 into 96001 in 2016; in 2024 00005 came out
# of 00004.
LISTED = ["00001", "00002", "00004", "00005", "75056", "96001", "2A004"]
EVENTS = [
    ("2016-01-01", "96009", "96001"),
    ("2016-01-01", "96001", "96001"),
    ("2019-01-01", "00002", "00002"),
    ("2019-01-01", "00003", "00002"),
    ("2024-01-01", "00004", "00004"),
    ("2024-01-01", "00004", "00005"),
]
COG = cog_table(
    pd.DataFrame(
        [("COM", code, "") for code in LISTED]
        + [("ARM", f"751{number:02}", "") for number in range(1, 21)]
        + [("COMD", "00003", "")],
        columns=["TYPECOM", "COM", "LIBELLE"],
    ),
    pd.DataFrame(
        [(day, "COM", before, "COM", after) for day, before, after in EVENTS],
        columns=["DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"],
    ),
    year=2024,
)
OF_2024 = layer("abdeA", people={"d": 300, "e": 100})
OF_2018 = layer("abcdA")


def flows(folder: Path, rows: list[str], **options: object) -> tt.Flows:
    return tt.read_flows(write_text(folder / "e.csv", HEAD, rows, seed=None), **options)


def kept(read: tt.Flows) -> dict[tuple[str, str], float]:
    return read.table.set_index(["residence", "destination"])["patients"].to_dict()


def told(read: tt.Flows, *keys: str) -> list[str]:
    wanted = {f"notice.{key}" for key in keys}
    return [str(each) for each in read.reconciliation.notices if each.key in wanted]


COG_KEYS = (
    "code_confused",
    "code_unshared",
    "cog_given",
    "cog_guessed",
    "cog_later",
    "code_converted",
    "code_split",
    "code_confused",
)


# --- years ---------------------------------------------------------------------------------------


def test_the_year_that_is_given(tmp_path: Path) -> None:
    rows = ["00003;orl;00001;20", "00002;orl;00001;7", "00004;orl;00001;30"]
    read = flows(tmp_path, rows, cog=2018, cog_table=COG, communes=OF_2024)
    assert kept(read) == {
        ("00002", "00001"): 27,
        ("00004", "00001"): 23,  # 22.5 and 7.5: the lower code
        ("00005", "00001"): 7,
    }
    assert told(read, *COG_KEYS, "rows_merged") == [
        "commune codes of 2018, converted to codes of 2024",
        "communes merged or renumbered since, in column residence: 1 (rows 2: 00003 → 00002)",
        (
            "communes split into several since, shared out by population, in column residence: 1 "
            "(rows 4: 00004 → 00004 + 00005)"
        ),
        "rows of one commune, activity and place or practitioner, added up: 4 rows make 3",
    ]
    assert read.reconciliation.patients_in == read.table["patients"].sum() == 57


def test_the_year_is_guessed_from_all_codes_of_the_file(tmp_path: Path) -> None:
    read = flows(tmp_path, ["00002;orl;00003;20"], cog_table=COG, communes=OF_2024)
    assert kept(read) == {("00002", "00002"): 20}
    assert "year 2018 according to the codes present" in told(read, "cog_guessed")[0]
    read = flows(tmp_path, ["00005;orl;00001;20"], cog_table=COG, communes=OF_2024)
    assert "year 2024" in told(read, "cog_guessed")[0]


def test_codes_that_both_years_have_are_kept_and_told(tmp_path: Path) -> None:
    """00004 is of every year; if the file is of 2023, part of it is in 00005 now."""
    rows = ["00002;orl;00001;20", "00004;orl;00001;30"]
    read = flows(tmp_path, rows, cog_table=COG, communes=OF_2024)
    assert kept(read) == {("00002", "00001"): 20, ("00004", "00001"): 30}
    (notice,) = told(read, "code_confused")
    assert "(rows 3: 00004)" in notice
    assert "--cog" in notice
    given_year = flows(tmp_path, rows, cog=2024, cog_table=COG, communes=OF_2024)
    assert told(given_year, *COG_KEYS) == []


def test_a_layer_of_another_year_gives_the_target(tmp_path: Path) -> None:
    rows = ["00003;orl;00001;20", "00004;orl;00001;30"]
    read = flows(tmp_path, rows, cog_table=COG, communes=OF_2018)
    assert kept(read) == {("00003", "00001"): 20, ("00004", "00001"): 30}
    read = flows(tmp_path, [*rows, "96009;orl;00001;40"], cog_table=COG, communes=OF_2018)
    assert kept(read)["96001", "00001"] == 40
    assert "year 2015" in told(read, "cog_guessed")[0]
    named = OF_2024.copy()
    named.attrs["cog"] = 2018  # what the caller says of the layer wins over its codes
    read = flows(tmp_path, rows[1:], cog=2016, cog_table=COG, communes=named)
    assert told(read, "cog_given") == ["commune codes of 2016, converted to codes of 2018"]


def test_codes_later_than_the_layer_are_not_converted(tmp_path: Path) -> None:
    rows = ["00005;orl;00001;20", "00004;orl;00001;30"]
    read = flows(tmp_path, rows, cog_table=COG, communes=OF_2018, on_unknown="aside")
    assert kept(read) == {("00004", "00001"): 30}
    assert read.reconciliation.reasons == {"unknown_residence": (1, 20)}
    assert "later than the layer's (2018)" in told(read, "cog_later")[0]
    with pytest.raises(CodeError, match="'00005'"):
        flows(tmp_path, rows, cog_table=COG, communes=OF_2018)


def test_a_year_that_the_table_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1990.*2015–2024"):
        flows(tmp_path, ["00001;orl;00001;20"], cog=1990, cog_table=COG)


def test_a_split_without_population_is_told(tmp_path: Path) -> None:
    read = flows(tmp_path, ["00004;orl;00001;20"], cog=2018, cog_table=COG)
    assert kept(read) == {("00004", "00001"): 20}
    assert any("00004" in each for each in told(read, *COG_KEYS))


def test_both_ends_of_a_flow_may_be_split(tmp_path: Path) -> None:
    read = flows(tmp_path, ["00004;orl;00004;16"], cog=2018, cog_table=COG, communes=OF_2024)
    assert kept(read) == {
        ("00004", "00004"): 9,
        ("00004", "00005"): 3,
        ("00005", "00004"): 3,
        ("00005", "00005"): 1,
    }


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["00001", "00002", "00003", "00004", "96009", "75056"]),
            st.sampled_from(["00001", "00003", "00004"]),
        ),
        st.one_of(st.integers(0, 50).map(str), st.just("<11")),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_patients_are_conserved_whatever_becomes_of_codes(
    tmp_path_factory: pytest.TempPathFactory, rows: dict, random: object
) -> None:
    lines = [f"{home};orl;{place};{patients}" for (home, place), patients in rows.items()]
    folder = tmp_path_factory.mktemp("cog")
    options = {"cog": 2015, "cog_table": COG, "communes": OF_2024, "on_unknown": "aside"}
    read = flows(folder, lines, **options)
    total = sum(5 if each == "<11" else int(each) for each in rows.values())
    assert read.table["patients"].sum() == read.reconciliation.patients_in == total
    masked = list(rows.values()).count("<11")
    # Whole numbers stay whole; a part of a masked cell stays a part.
    assert masked or (read.table["patients"] % 1 == 0).all()
    assert read.table.get("masked", pd.Series([0])).sum() == pytest.approx(masked)
    random.shuffle(lines)
    assert_frame_equal(flows(folder, lines, **options).table, read.table)


# --- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("", "missing"),
        ("NA", "missing"),
        (" nan ", "missing"),
        (".", "missing"),
        ("ZZZZZ", "malformed"),
        ("4523", ""),  # 04523: its zero was lost
        ("452345", "malformed"),
        ("450", "malformed"),
        ("O0004", "malformed"),
        ("99109", "foreign"),
        ("99999", "foreign"),
        ("00999", "unknown"),
        ("96002", "unknown"),
        ("20004", ""),  # only a list of communes can tell
        ("00001", ""),
        ("1", "malformed"),
        ("00001.0", ""),
        ("000010101", ""),  # an IRIS of 00001
        ("75101", ""),
        ("97105", ""),
        ("97501", ""),
        ("45234", ""),
    ],
)
@pytest.mark.parametrize("column", ["residence", "destination"])
def test_codes_are_set_aside_by_what_is_wrong(
    tmp_path: Path, code: str, state: str, column: str
) -> None:
    places = f"00004;orl;{code}" if column == "destination" else f"{code};orl;00002"
    rows = ["00001;orl;00001;20", "00002;orl;00001;30", "00001;orl;96001;30", f"{places};40"]
    read = flows(tmp_path, rows, communes=OF_2024, on_unknown="aside")
    assert read.reconciliation.reasons == ({f"{state}_{column}": (1, 40)} if state else {})
    if state in ("", "missing"):
        return
    with pytest.raises(CodeError, match=rf"column {column}: 1 \(rows 5"):
        flows(tmp_path, rows, communes=OF_2024)
    external = flows(tmp_path, rows, communes=OF_2024, on_unknown="external")
    assert external.table["patients"].sum() == 120
    assert external.external(column).sum() == 1


def test_with_insee_s_list_every_code_is_checked(tmp_path: Path) -> None:
    rows = ["00001;orl;00001;20", "45234;orl;00001;30", "97501;orl;00001;40"]
    read = flows(tmp_path, rows, cog_table=COG, on_unknown="aside")
    assert read.reconciliation.reasons == {"unknown_residence": (1, 30)}
    assert told(read, "code_collectivity")
    with pytest.raises(CodeError, match=r"'45234'"):
        flows(tmp_path, rows, cog_table=COG)


def test_what_a_code_may_have_meant(tmp_path: Path) -> None:
    rows = ["00001;orl;00001;20", "O0004;orl;00001;30", "20004;orl;00001;30"]
    with pytest.raises(CodeError, match=r"'O0004' \(00004 \?\), '20004' \(2A004 \?\)"):
        flows(tmp_path, rows, cog_table=COG, communes=OF_2024)
    read = flows(tmp_path, rows, cog_table=COG, communes=OF_2024, on_unknown="aside")
    assert read.reconciliation.examples["malformed_residence"] == (
        {"row": "3", "column": "residence", "value": "'O0004' (00004 ?)"},
    )


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("postal", ["45000", "45100", "45200", "45300", "45160", "37000", "37100", "18000"]),
        ("pmsi", ["45A01", "28C01", "28C02", "9A105"]),
        ("department", ["45", "28", "2A", "971"]),
        ("siren", ["732829320", "552100554", "542065479"]),
        ("iris", ["452340101", "452340102", "452850000"]),
    ],
)
def test_columns_of_other_codes_are_called_by_their_name(
    tmp_path: Path, kind: str, codes: list[str]
) -> None:
    with pytest.raises(InputError) as refusal:
        flows(tmp_path, [f"{code};orl;45234;20" for code in codes])
    assert refusal.value.faults[0].key == f"error.code_{kind}"
    assert "residence" in str(refusal.value)


# --- Paris, Lyon, Marseille; overseas ------------------------------------------------------------


def test_arrondissements_count_with_their_city_or_stay(tmp_path: Path) -> None:
    rows = ["75101;orl;69385;20", "75120;orl;69385;30", "75056;orl;69123;40", "13208;orl;13055;5"]
    read = flows(tmp_path, rows)
    assert kept(read) == {("75056", "69123"): 90, ("13055", "13055"): 5}
    assert [each.split(": ")[1] for each in told(read, "code_arrondissements")] == [
        "3 (rows 2, 3, 5",
        "2 (rows 2, 3",
    ]
    stay = flows(tmp_path, rows, arrondissements="kept")
    assert len(stay.table) == 4
    assert told(stay, "code_arrondissements", "rows_merged") == []


def test_arrondissements_of_the_layer_stay(tmp_path: Path) -> None:
    paris = OF_2024.rename(index={"00001": "75101", "00002": "75102"})
    read = flows(tmp_path, ["75101;orl;75102;20", "75103;orl;75102;30"], communes=paris,
                 on_unknown="external")  # fmt: skip
    assert kept(read) == {("75101", "75102"): 20, ("75056", "75102"): 30}


def test_overseas_is_kept_and_told(tmp_path: Path) -> None:
    rows = ["97105;orl;97411;20", "97123;orl;00001;30", "98735;orl;00001;40"]
    read = flows(tmp_path, rows)
    assert len(read.table) == 3
    assert "2 (rows 2, 3: 97105, 97123)" in told(read, "code_overseas")[0]
    assert "1 (rows 4: 98735)" in told(read, "code_collectivity")[0]


# --- INSEE's own ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def france(shared_data: Path) -> tt.cog.CogTable:
    return tt.read_cog(shared_data / "france")


@pytest.fixture(scope="module")
def oise(shared_data: Path) -> dict[int, gpd.GeoDataFrame]:
    """Give two layers of Oise, Calvados and Vendée, drawn as boxes, of 2018 and of 2024."""
    drawn = {}
    for year in (2018, 2024):
        place = shared_data / "france" / f"communes_zonages_{year}.csv"
        table = pd.read_csv(place, dtype="str", keep_default_na=False)
        table = table[table["DEP"].isin(["14", "60", "85"])]
        boxes = [shapely.box(1000 * x, 0, 1000 * x + 1000, 1000) for x in range(len(table))]
        drawn[year] = gpd.GeoDataFrame(
            {"name": table["LIBGEO"].array, "population": table["POP"].astype("float64").array},
            geometry=boxes,
            index=pd.Index(table["CODGEO"].array, name="code"),
            crs="EPSG:2154",
        )
    return drawn


def test_the_splits_that_the_method_names(
    tmp_path: Path, france: tt.cog.CogTable, oise: dict[int, gpd.GeoDataFrame]
) -> None:
    """From 2018: 14712, 60455 and 85084 were split; 60694 is of 2024 only."""
    rows = [f"{code};orl;60057;1000" for code in ("14712", "60455", "85084")]
    read = flows(tmp_path, rows, cog=2018, cog_table=france, communes=oise[2024])
    shares = read.table.groupby("residence")["patients"].sum()
    assert {"14666", "14712", "60054", "60694", "85084"} < set(shares.index)
    assert shares.sum() == 3000
    people = oise[2024]["population"]
    for commune, others in (("14666", ["14666", "14712"]), ("60694", ["60054", "60694"])):
        assert shares[commune] == pytest.approx(
            1000 * people[commune] / people[others].sum(), abs=1
        )
    unsplit = flows(tmp_path, rows, cog_table=france, communes=oise[2018])
    assert set(unsplit.table["residence"]) == {"14712", "60455", "85084"}


def test_60054_changed_its_meaning(
    tmp_path: Path, france: tt.cog.CogTable, oise: dict[int, gpd.GeoDataFrame]
) -> None:
    rows = ["60054;orl;60057;1000", "60694;orl;60057;1000"]
    read = flows(tmp_path, rows, cog_table=france, communes=oise[2024])
    assert kept(read) == {("60054", "60057"): 1000, ("60694", "60057"): 1000}
    read = flows(tmp_path, rows[:1], cog_table=france, communes=oise[2024])
    assert "60054" in told(read, "code_confused")[0]


def test_an_extract_of_2018_on_the_layer_of_2024(
    tmp_path: Path, france: tt.cog.CogTable, oise: dict[int, gpd.GeoDataFrame]
) -> None:
    """Every commune of three departments sends someone: all arrive, year guessed."""
    rows = [f"{code};orl;60057;100" for code in oise[2018].index]
    read = flows(tmp_path, rows, cog_table=france, communes=oise[2024])
    assert "year 2018" in told(read, "cog_guessed")[0]
    assert set(read.table["residence"]) == set(oise[2024].index)
    assert read.table["patients"].sum() == 100 * len(rows)
    assert read.reconciliation.rows_aside == 0
