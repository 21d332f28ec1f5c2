"""Codes of one year become those of another; other codes are not taken for those of communes."""

from __future__ import annotations

import shutil
from fractions import Fraction
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import oracle_cog
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from layers import layer, shuffled

import territories as tt
from territories import codes
from territories.cog import CogTable, cog_files, cog_table, year_of

if TYPE_CHECKING:
    import random
    from pathlib import Path

SPLIT = {
    "14712": ["14666", "14712"],
    "60054": ["60054", "60694"],
    "60455": ["60054", "60694"],
    "60694": ["60054", "60694"],
    "85084": ["85084", "85165", "85212"],
}
HEADS = ["DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"]


def events(*rows: str) -> pd.DataFrame:
    """Give events written as ``2019-01-01 00001 00002``, among others that are not of communes."""
    cells = [[date, "COM", before, "COM", after] for date, before, after in map(str.split, rows)]
    others = [
        ["2019-01-01", "COM", "00001", "COMD", "00009"],
        ["2019-01-01", "COMA", "00008", "COM", "00001"],
    ]
    return shuffled(pd.DataFrame([*cells, *others], columns=HEADS))


def communes(*listed: str) -> pd.DataFrame:
    """Give INSEE's list: communes, a delegate one and an arrondissement."""
    rows = [["COM", code, f"Ville {code}"] for code in listed]
    rows += [["COMD", "00009", "Ancienne"], ["ARM", "75101", "Paris 1er"]]
    return shuffled(pd.DataFrame(rows, columns=["TYPECOM", "COM", "LIBELLE"]))


# 1 and 11 join 2; 3 splits into 3 and 4 in the middle of 2020; 5 becomes 6, which joins 7 the same
# day; 8 comes out of 2 and goes back; nothing happens to 10.
SMALL = [
    "2019-01-01 00001 00002",
    "2019-01-01 00002 00002",
    "2020-06-30 00003 00003",
    "2020-06-30 00003 00004",
    "2022-01-01 00005 00006",
    "2022-01-01 00006 00007",
    "2022-01-01 00007 00007",
    "2017-01-01 00011 00002",
    "2017-01-01 00002 00002",
    "2021-03-01 00002 00002",
    "2021-03-01 00002 00008",
    "2023-01-01 00008 00002",
    "2023-01-01 00002 00002",
]
LISTED = ["00002", "00003", "00004", "00007", "00010"]


@pytest.fixture
def small() -> CogTable:
    """Give a small France of 2024."""
    return cog_table(communes(*LISTED), events(*SMALL), year=2024)


@pytest.fixture(scope="session")
def france(shared_data: Path) -> Path:
    """Give the folder of INSEE's files."""
    return shared_data / "france"


@pytest.fixture(scope="session")
def insee(france: Path) -> CogTable:
    """Give INSEE's list of 2024 and its events."""
    return tt.read_cog(france / "v_commune_2024.csv")


def column(path: Path, name: str, **options: str) -> pd.Series:
    return pd.read_csv(path, dtype="str", usecols=[name], **options)[name]


@pytest.fixture(scope="session")
def zonings(france: Path) -> dict[int, pd.Series]:
    """Give the codes of two years from another source, shuffled."""
    return {
        year: column(france / f"communes_zonages_{year}.csv", "CODGEO").sample(
            frac=1, random_state=0
        )
        for year in (2018, 2024)
    }


def one(code: str, first: int, last: int, table: CogTable) -> list[str | None]:
    found = codes.convert([code], first, last, table)["converted"]
    return [each if isinstance(each, str) else None for each in found]


# The table


def test_years_and_codes_in_force(small: CogTable) -> None:
    """An event of 1 January belongs to the COG of that year, one of the day after to the next."""
    assert small.years == range(2016, 2025)
    assert small.in_force(2024) == set(LISTED)
    assert small.in_force(2020) == {"00002", "00003", "00005", "00007", "00010"}
    assert small.in_force(2021) == {"00002", "00003", "00004", "00005", "00007", "00010"}
    assert small.in_force(2018) == {"00001", "00002", "00003", "00005", "00007", "00010"}
    assert small.in_force(2016) == small.in_force(2018) | {"00011"}
    assert small.names is not None
    assert small.names.to_dict() == {code: f"Ville {code}" for code in LISTED}
    assert small.arrondissements == {"75101"}
    assert small.listed == {*LISTED, "75101"}
    assert repr(small) == "<CogTable of 2024: 5 communes, years 2016–2024>"


def test_events_alone_know_the_communes_they_name() -> None:
    table = cog_table(None, events(*SMALL))
    assert table.names is None
    assert table.listed == frozenset()
    assert table.year == 2023
    assert table.in_force(2018) == {"00001", "00002", "00003", "00005", "00007"}
    assert "75101" in table.arrondissements
    assert len(table.arrondissements) == 45
    assert repr(table) == "<CogTable of 2023: no list, years 2016–2023>"


def test_a_list_alone_knows_its_year(small: CogTable) -> None:
    table = cog_table(communes(*LISTED), None, year=2024)
    assert table.years == range(2024, 2025)
    assert table.in_force(2024) == small.in_force(2024)
    with pytest.raises(tt.InputError, match=r"2018.*knows: 2024"):
        codes.convert(["00001"], 2018, 2024, table)


def test_an_older_list_is_carried_forward() -> None:
    """The year of the list is not that of the last event."""
    listed = communes("00002", "00003", "00004", "00005", "00007", "00010")
    table = cog_table(listed, events(*SMALL), year=2021)
    assert table.years == range(2016, 2024)
    assert table.in_force(2023) == set(LISTED)
    assert one("00001", 2018, 2023, table) == ["00002"]


def test_a_list_of_another_year_is_refused() -> None:
    with pytest.raises(tt.InputError, match=r"not that of 2020.*'00004', '00005'"):
        cog_table(communes(*LISTED), events(*SMALL), year=2020)


def test_what_excel_does_to_the_events_is_undone() -> None:
    broken = events(*SMALL)
    broken["COM_AV"] = broken["COM_AV"].str.lstrip("0")
    broken["DATE_EFF"] = broken["DATE_EFF"].str.replace(
        r"(....)-(..)-(..)", r"\3/\2/\1", regex=True
    )
    found = cog_table(communes(*LISTED), broken.rename(columns=str.lower), year=2024)
    pd.testing.assert_frame_equal(found.events, cog_table(None, events(*SMALL)).events)


@pytest.mark.parametrize("lost", HEADS)
def test_another_table_is_refused_with_the_columns_expected(lost: str) -> None:
    with pytest.raises(tt.InputError, match="DATE_EFF, TYPECOM_AV, COM_AV, TYPECOM_AP, COM_AP"):
        codes.convert(["00001"], 2018, 2024, events(*SMALL).drop(columns=lost))


def test_dates_that_are_none_are_refused() -> None:
    with pytest.raises(tt.InputError, match="DATE_EFF"):
        cog_table(None, events("2019 00001 00002"))
    with pytest.raises(tt.InputError, match="TYPECOM, COM, LIBELLE"):
        cog_table(events(*SMALL), None)


# Reading


def write(folder: Path, **names: str) -> Path:
    """Write INSEE's two files of the small France under names of a year."""
    for kind, name in names.items():
        table = communes(*LISTED) if kind == "listed" else events(*SMALL)
        table.to_csv(folder / name, index=False)
    return folder


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("v_commune_2024.csv", "v_mvtcommune_2024.csv"),
        ("v_commune_2024.csv", "v_mvt_commune_2024.csv"),
        ("V_COMMUNE_2024.CSV", "V_MVT_COMMUNE_2024.CSV"),
        ("communes2024.csv", "mvtcommune2024-csv.csv"),
        ("communes-01012024.csv", "mvtcommune-01012024.csv"),
    ],
)
@pytest.mark.parametrize("given_one", ["listed", "told", "folder"])
def test_the_other_file_is_found_beside(
    tmp_path: Path, listed: str, told: str, given_one: str
) -> None:
    """INSEE's names change; an older pair and another list of the folder are left alone."""
    folder = write(tmp_path, listed=listed, told=told)
    (tmp_path / "v_commune_2019.csv").write_text("TYPECOM,COM\nCOM,00001\n", encoding="utf-8")
    (tmp_path / "v_commune_depuis_1943.csv").write_text("COM\n00001\n", encoding="utf-8")
    path = {"listed": folder / listed, "told": folder / told, "folder": folder}[given_one]
    table = tt.read_cog(path)
    assert sorted(table.files) == sorted([listed, told])
    assert table.year == 2024
    assert table.in_force(2018) == {"00001", "00002", "00003", "00005", "00007", "00010"}


def test_one_file_alone(tmp_path: Path) -> None:
    write(tmp_path, listed="v_commune_2024.csv")
    table = tt.read_cog(tmp_path / "v_commune_2024.csv")
    assert (table.files, table.year, len(table.events)) == (("v_commune_2024.csv",), 2024, 0)
    (tmp_path / "v_commune_2024.csv").rename(tmp_path / "communes.csv")
    table = tt.read_cog(tmp_path / "communes.csv")
    assert (table.year, len(table.years)) == (None, 0)
    with pytest.raises(tt.InputError, match=r"communes\.csv.*v_mvt_commune"):
        codes.convert(["00001"], 2018, 2024, table)
    with pytest.raises(tt.InputError, match=r"communes\.csv"):
        codes.guessed_year(["00001"], table)


def test_a_plain_list_of_codes(tmp_path: Path) -> None:
    """It has no events, even with INSEE's beside it."""
    write(tmp_path, told="v_mvtcommune_2024.csv")
    file = tmp_path / "communes_2024.csv"
    file.write_text("CODGEO;autre\n1004;x\n75101;y\n01004.0;z\n2a004;t\n", encoding="utf-8")
    table = tt.read_cog(file)
    assert table.listed == {"01004", "75101", "2A004"}
    assert (table.year, table.files) == (2024, ("communes_2024.csv",))
    assert one("01004", 2024, 2024, table) == ["01004"]
    assert one("75101", 2024, 2024, table) == ["75101"]
    assert one("01005", 2024, 2024, table) == [None]


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tt.InputError, match="v_commune_YYYY"):
        tt.read_cog(tmp_path)
    file = tmp_path / "other.csv"
    file.write_text("REG;nom\n24;x\n", encoding="utf-8")
    with pytest.raises(tt.InputError, match=r"other\.csv.*TYPECOM, COM.*DATE_EFF.*found: REG, nom"):
        tt.read_cog(file)
    with pytest.raises(tt.InputError, match=r"missing\.csv"):
        tt.read_cog(tmp_path / "missing.csv")


def test_years_in_names() -> None:
    assert [year_of(name) for name in ("v_commune_2024", "depcom 12", "a20190")] == [
        2024,
        None,
        None,
    ]
    assert cog_files([]) == {}


# Conversion


@pytest.mark.parametrize(
    ("code", "first", "last", "expected"),
    [
        ("00001", 2018, 2024, ["00002"]),
        ("00001", 2018, 2019, ["00002"]),
        ("00001", 2018, 2018, ["00001"]),
        ("00003", 2020, 2020, ["00003"]),
        ("00003", 2020, 2021, ["00003", "00004"]),
        ("00005", 2018, 2024, ["00007"]),  # through a code of one day
        ("00010", 2016, 2024, ["00010"]),  # nothing ever happened to it
        ("10", 2016, 2024, [None]),
        ("00099", 2018, 2024, [None]),  # never was
        ("00011", 2018, 2024, ["00002"]),  # gone before the file's year
        ("00011", 2022, 2022, ["00002", "00008"]),  # and its successor was split since
        ("00008", 2020, 2022, ["00008"]),  # not yet there
        ("00008", 2020, 2024, ["00002"]),  # not yet there, and gone since
        ("00004", 2020, 2020, [None]),  # later than both
        ("00002", 2020, 2022, ["00002", "00008"]),
        ("00002", 2020, 2023, ["00002"]),  # split, then joined again
        ("75101", 2018, 2024, ["75101"]),
        ("99109", 2018, 2024, ["99109"]),
        ("97502", 2018, 2024, ["97502"]),
        ("98818", 2018, 2024, ["98818"]),
        ("ZZZZZ", 2018, 2024, [None]),
        ("", 2018, 2024, [None]),
    ],
)
def test_convert(
    code: str, first: int, last: int, expected: list[str | None], small: CogTable
) -> None:
    assert one(code, first, last, small) == expected


def test_shares(small: CogTable) -> None:
    people = pd.Series({"00003": 3, "00004": 1})
    frame = codes.convert(["00003", "10.", "00001"], 2019, 2024, small, population=people)
    assert list(frame.columns) == ["code", "converted", "share"]
    assert frame["code"].tolist() == ["00003", "00003", "10.", "00001"]
    assert frame["converted"].fillna("").tolist() == ["00003", "00004", "", "00002"]
    assert frame["share"].fillna(-1).tolist() == [0.75, 0.25, -1, 1]


@pytest.mark.parametrize(
    "people",
    [
        None,
        pd.Series({"00003": 3}),
        pd.Series({"00003": 3, "00004": np.nan}),
        pd.Series({"00003": 0, "00004": 0}),
    ],
)
def test_shares_that_are_not_known_are_missing(people: pd.Series | None, small: CogTable) -> None:
    frame = codes.convert(["00003"], 2019, 2024, small, population=people)
    assert len(frame) == 2
    assert frame["share"].isna().all()


def test_codes_are_repaired_and_told_once(small: CogTable) -> None:
    found = codes.convert(pd.Series([" 00001", "00001", None, "0010"]), 2018, 2024, small)
    assert found["code"].tolist() == ["00001", "00010"]
    assert codes.convert([], 2018, 2024, small).empty


def test_a_table_of_events_and_a_path_will_do(tmp_path: Path, small: CogTable) -> None:
    """Without the list, a plausible code that no event names is kept."""
    write(tmp_path, told="mvt.csv", listed="list.csv")
    wanted = ["00001", "00010", "45234", "00099", "ZZZZZ"]
    alone = codes.convert(wanted, 2018, 2023, events(*SMALL))
    assert alone["converted"].fillna("").tolist() == ["00002", "00010", "45234", "00099", ""]
    for path in (tmp_path / "mvt.csv", str(tmp_path / "mvt.csv")):
        pd.testing.assert_frame_equal(codes.convert(wanted, 2018, 2023, path), alone)
    with pytest.raises(tt.InputError, match=r"list\.csv"):
        codes.convert(wanted, 2018, 2023, tmp_path / "list.csv")
    with pytest.raises(tt.InputError, match=r"none\.csv"):
        codes.convert(wanted, 2018, 2023, tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00;;\x81")
    with pytest.raises(tt.InputError, match=r"bad\.csv"):
        codes.convert(wanted, 2018, 2023, tmp_path / "bad.csv")


def test_years_out_of_the_table_are_refused(small: CogTable) -> None:
    with pytest.raises(tt.InputError, match=r"2099.*2016–2024"):
        codes.convert(["00001"], 2018, 2099, small)
    with pytest.raises(tt.InputError, match=r"1900, 2099.*2016–2024"):
        codes.convert(["00001"], 1900, 2099, small)
    with pytest.raises(tt.InputError, match=r"2024.*earlier year.*2018"):
        codes.convert(["00001"], 2024, 2018, small)


DAYS = st.sampled_from(["2019-01-01", "2019-07-01", "2020-01-01"])
FEW = st.sampled_from(["00001", "00002", "00003", "00004"])


@given(st.lists(st.tuples(DAYS, FEW, FEW), min_size=1, max_size=8), st.randoms())
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[str, str, str]], chance: random.Random
) -> None:
    written = [*(" ".join(row) for row in rows), "2019-01-01 00005 00005"]
    written.append("2020-01-01 00005 00005")
    mixed = written[:]
    chance.shuffle(mixed)
    wanted = ["00001", "00002", "00003", "00004"]
    found = [codes.convert(wanted, 2018, 2020, events(*each)) for each in (written, mixed)]
    pd.testing.assert_frame_equal(*found)
    backward = codes.convert(wanted[::-1], 2018, 2020, events(*written))
    pd.testing.assert_frame_equal(
        backward.sort_values(["code", "converted"], ignore_index=True),
        found[0].sort_values(["code", "converted"], ignore_index=True),
    )


# Real France


def test_cog_2018_becomes_exactly_that_of_2024(
    zonings: dict[int, pd.Series], insee: CogTable
) -> None:
    """METHOD: from COG 2018 this must give exactly the 34 935 codes of 2024."""
    assert (len(zonings[2018]), len(zonings[2024])) == (35_357, 34_935)
    found = codes.convert(zonings[2018], 2018, 2024, insee)
    assert set(found["converted"]) == set(zonings[2024])
    assert found["code"].drop_duplicates().tolist() == zonings[2018].tolist()
    several = found[found["code"].duplicated(keep=False)]
    assert several.groupby("code")["converted"].agg(list).to_dict() == SPLIT
    assert several["share"].isna().all()
    assert (found["share"].dropna() == 1).all()


def test_shares_of_split_communes_sum_to_one(
    france: Path, zonings: dict[int, pd.Series], insee: CogTable
) -> None:
    table = pd.read_csv(france / "communes_zonages_2024.csv", dtype={"CODGEO": "str"})
    people = table.set_index("CODGEO")["POP"]
    found = codes.convert(zonings[2018], 2018, 2024, insee, population=people)
    assert np.allclose(found.groupby("code")["share"].sum(), 1)
    assert found.loc[found["code"] == "85084", "share"].gt(0).all()


def test_a_table_of_events_gives_the_same(
    france: Path, zonings: dict[int, pd.Series], insee: CogTable
) -> None:
    path = france / "v_mvtcommune_2024.csv"
    frame = pd.read_csv(path, dtype=str)
    expected = codes.convert(zonings[2018], 2018, 2024, insee)
    for table in (frame, path, tt.read_cog(path)):
        found = codes.convert(zonings[2018], 2018, 2024, table)
        pd.testing.assert_frame_equal(found, expected)


def test_communes_of_each_year(insee: CogTable, zonings: dict[int, pd.Series]) -> None:
    """The numbers of communes that INSEE publishes (Mayotte is in the COG since 2011)."""
    published = {2012: 36_700, 2013: 36_681, 2015: 36_658, 2016: 35_885, 2017: 35_416,
                 2018: 35_357, 2019: 34_970, 2020: 34_968, 2021: 34_965, 2022: 34_955,
                 2023: 34_945, 2024: 34_935}  # fmt: skip
    assert {year: len(insee.in_force(year)) for year in published} == published
    for year in (2018, 2024):
        assert insee.in_force(year) == set(zonings[year])
    assert insee.years == range(1943, 2025)
    assert sorted(insee.files) == ["v_commune_2024.csv", "v_mvtcommune_2024.csv"]
    assert len(insee.arrondissements) == 45


@pytest.mark.parametrize(
    ("first", "last"),
    [(2003, 2024), (2010, 2018), (2014, 2017), (2017, 2018), (2018, 2024), (2019, 2023),
     (1968, 1990), (1975, 2016)],
)  # fmt: skip
def test_against_the_oracle(first: int, last: int, france: Path, insee: CogTable) -> None:
    """Every code in force in a year, one by one and day by day."""
    listed = oracle_cog.listed(france / "v_commune_2024.csv")
    file = france / "v_mvtcommune_2024.csv"
    standing = oracle_cog.undone(listed, oracle_cog.days_between(file, first, 2024))
    assert insee.in_force(first) == standing
    days = oracle_cog.days_between(file, first, last)
    touched = {code for _, pairs in days for pair in pairs for code in pair}
    expected = {
        code: oracle_cog.converted(code, days) if code in touched else {code} for code in standing
    }
    found = codes.convert(shuffled(pd.DataFrame({"code": sorted(standing)}))["code"], first, last,
                          insee)  # fmt: skip
    assert found.groupby("code")["converted"].agg(set).to_dict() == expected
    assert set(found["converted"]) == insee.in_force(last)


@pytest.mark.parametrize(
    ("code", "first", "last", "expected"),
    [
        (
            "44060",
            2018,
            2024,
            ["49160"],
        ),  # to another department on 2015-12-31, merged the day after
        ("44060", 2015, 2016, ["49160"]),
        ("44060", 2015, 2015, ["44060"]),
        ("45287", 2018, 2024, ["45307"]),
        ("45287", 2024, 2024, ["45307"]),
        ("14513", 2017, 2018, ["50592"]),  # by way of 50649, the same day
        ("60054", 2018, 2023, ["60054"]),  # its meaning changed on 2024-01-01
        ("60054", 2018, 2024, ["60054", "60694"]),
        ("60054", 2024, 2024, ["60054"]),
        ("60694", 2024, 2024, ["60694"]),
        ("45399", 2018, 2024, [None]),
        ("20004", 1970, 2024, ["2A004"]),
        ("20004", 2018, 2024, [None]),  # in a file of today it may be a postal code
        ("75002", 1967, 2024, ["92002"]),  # Antony
        ("75002", 2018, 2024, [None]),  # the postal code of the second district of Paris
        ("75102", 2018, 2024, ["75102"]),
        ("97105", 2018, 2024, ["97105"]),
    ],
)
def test_communes_with_a_history(
    code: str, first: int, last: int, expected: list[str | None], insee: CogTable
) -> None:
    assert one(code, first, last, insee) == expected


def test_pairs_of_another_year_are_told_apart(france: Path, tmp_path: Path) -> None:
    for name in ("v_commune_2024.csv", "v_mvtcommune_2024.csv"):
        shutil.copy(france / name, tmp_path / name.replace("2024", "2023"))
    with pytest.raises(tt.InputError, match="not that of 2023"):
        tt.read_cog(tmp_path)


# The year that codes look like


def test_guessed_year_small(small: CogTable) -> None:
    assert codes.guessed_year(["00001", "00003"], small) == (2018, ())
    assert codes.guessed_year(["00002", "00010"], small) == (2024, ())
    assert codes.guessed_year(["00005", "00004", "99100", "75101", "ZZZZZ"], small) == (2021, ())
    assert codes.guessed_year(["00001", "00002", "00004", "00099"], small) == (
        2024,
        ("00001", "00099"),
    )
    assert codes.guessed_year([], small) == (2024, ())


def test_no_year_before_the_first_extracts_is_guessed() -> None:
    told = events("2003-01-01 00001 00002", "2003-01-01 00002 00002", "2004-01-01 00003 00004")
    table = cog_table(communes("00002", "00004"), told, year=2024)
    assert codes.guessed_year(["00003"], table) == (2003, ())
    assert codes.guessed_year(["00001"], table) == (2024, ("00001",))
    old = cog_table(communes("00002"), events("1999-01-01 00001 00002"), year=2000)
    assert codes.guessed_year(["00001"], old) == (2000, ("00001",))


@pytest.mark.parametrize("year", [2010, 2015, 2016, 2017, 2018, 2019, 2021, 2023, 2024])
def test_the_year_of_whole_france_is_found(year: int, insee: CogTable) -> None:
    standing = sorted(insee.in_force(year))
    aside = ["75113", "99100", "97502", "98818"]
    listed = shuffled(pd.DataFrame({"code": [*standing, *aside]}))["code"]
    assert codes.guessed_year(listed, insee) == (year, ())
    assert codes.guessed_year([*listed, "45999"], insee) == (year, ("45999",))


def test_the_year_of_a_region(cvl: Path, insee: CogTable) -> None:
    for year in (2018, 2024):
        region = gpd.read_file(cvl / f"communes_cvl_{year}.geojson")["code"]
        assert codes.guessed_year(region, insee).others == ()
        assert codes.guessed_year(region, insee).year == year
    residence = column(cvl / "specialists.csv", "commune_residence", sep=";", encoding="cp1252")
    assert codes.guessed_year(residence, insee) == (2024, ())


# A layer of another year


PICTURE = """
aab
ccb
dde
"""


def test_a_layer_of_another_year(small: CogTable) -> None:
    """Commune a joins b in 2019: people are added, the name is the list's, the rest is as it was.

    aab      bbb
    ccb  ->  ccb
    dde      dde
    """
    before = layer(PICTURE, people={"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
    before = before.assign(epci=["x" if code < "00003" else "y" for code in before.index], part=1.5)
    before.loc["00002", "part"] = 2.0
    before.attrs = {"cog": 2018, "file": "layer.geojson"}
    table = cog_table(communes("00002", "00003", "00004", "00005"), events(*SMALL[:2]), year=2024)
    # the fourth commune is there since ever in this France
    after = tt.communes.converted(before, 2024, table)
    assert after.attrs == {"cog": 2024, "file": "layer.geojson"}
    assert before.attrs["cog"] == 2018
    assert after.index.tolist() == ["00002", "00003", "00004", "00005"]
    assert after.index.name == before.index.name
    assert after["population"].tolist() == [3, 3, 4, 5]
    assert after["population"].dtype == before["population"].dtype
    assert after.loc["00002", "name"] == "Ville 00002"
    assert after.loc["00003", "name"] == before.loc["00003", "name"]
    assert after["epci"].tolist() == ["x", "y", "y", "y"]
    assert np.isnan(after.loc["00002", "part"])
    assert after.crs == before.crs
    assert after.area.sum() == pytest.approx(before.area.sum(), rel=1e-12)
    joined = shapely.union_all(before.geometry[["00001", "00002"]].to_numpy())
    assert after.geometry["00002"].equals(joined)
    assert list(after.columns) == list(before.columns)


def test_a_missing_population_stays_missing() -> None:
    before = layer(PICTURE, people=7)
    before["population"] = before["population"].astype("float64")
    before.loc["00001", "population"] = np.nan
    table = cog_table(None, events(*SMALL[:2]))
    after = tt.communes.converted(before, 2019, table, from_year=2018)
    assert np.isnan(after.loc["00002", "population"])
    assert after["population"].notna().sum() == 3
    assert after.loc["00002", "name"] == before.loc["00002", "name"]  # no list, no names
    shapes = before[["geometry"]]
    assert len(tt.communes.converted(shapes, 2019, table, from_year=2018)) == 4


def test_the_year_of_a_layer_is_guessed() -> None:
    table = cog_table(communes("00002", "00003", "00004", "00005"), events(*SMALL[:2]), year=2024)
    after = tt.communes.converted(layer(PICTURE), 2024, table)
    assert after.index.tolist() == ["00002", "00003", "00004", "00005"]
    again = tt.communes.converted(after, 2024, table)
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(after))


def test_a_layer_that_cannot_be_drawn_is_refused(small: CogTable) -> None:
    """Commune c was split and the last commune is none of that year: both are named."""
    before = layer("aab\ncck")
    with pytest.raises(tt.CodeError) as refusal:
        tt.communes.converted(before, 2024, small, from_year=2018)
    assert "'00003'" in str(refusal.value)
    assert "split" in str(refusal.value)
    before = layer("aab\nzzz")
    with pytest.raises(tt.CodeError, match="not communes of 2018: '00026'"):
        tt.communes.converted(before, 2024, small, from_year=2018)


def test_the_region_of_2018_becomes_that_of_2024(cvl: Path, insee: CogTable) -> None:
    """1 776 communes become 1 756, of the same outlines; the area stays."""
    layers = {
        year: gpd.read_file(cvl / f"communes_cvl_{year}.geojson")
        .rename(columns={"nom": "name"})
        .set_index("code")
        .to_crs("EPSG:2154")
        .sample(frac=1, random_state=0)
        for year in (2018, 2024)
    }
    assert len(layers[2018]) == 1776
    after = tt.communes.converted(layers[2018], 2024, insee)
    expected = layers[2024].sort_index()
    assert len(after) == 1756
    assert after.index.equals(expected.index)
    assert after.area.sum() == pytest.approx(layers[2018].area.sum(), rel=1e-9)
    between = shapely.symmetric_difference(after.geometry.array, expected.geometry.array)
    assert shapely.area(between).max() < 1.0  # square metres
    assert after.is_valid.all()
    merged = after.index[~after.geom_equals(layers[2018].geometry.reindex(after.index))]
    assert (after.loc[merged, "name"] == expected.loc[merged, "name"]).all()
    assert len(merged) == 14


# Columns that are no communes


@pytest.mark.parametrize(
    ("listed", "answer"),
    [
        (["45234", "45285", "45147", "2A004", "97105"], None),
        (["45000", "45100", "45200", "45300", "37000", "37100", "41000"], "postal"),
        (["45000", "45100", "45200", "45300", "37000", "37100"], None),  # too few to tell
        (["45A01", "45B02", "18A07"], "pmsi"),
        (["28C01", "45000", "45100", "45200", "37000"], "pmsi"),
        (["9A105", "9C302", "9D411"], "pmsi"),
        (["45O34", "45285", "45147", "45232"], None),  # one letter by mistake
        (["2A004", "2B033", "2A041"], None),
        (["45", "18", "2A", "971"], "department"),
        (["1", "045", "209", "45.0"], "department"),
        (["45", "45234", "45285"], None),
        (["732829320", "552100554", "200040277"], "siren"),
        (["73282932000074", "55210055400013", "40483304800022"], "siren"),
        (["73282932000074", "55210055400013"], None),  # two may be by chance
        (["73282932000075", "55210055400014", "40483304800023"], None),  # keys that do not hold
        (["732829320", "552100554", "200040277", "45234", "45285", "45147"], None),  # just half
        (["45A01", "45B02", "45234", "45285"], None),
        (["45", "18", "45234", "45285"], None),
        (["451550101", "45155"], None),
        (["451550101", "451550102", "45155"], "iris"),
        (["2A0040101", "2B0330000"], "iris"),
        (["451550000", "45155", "45234"], None),  # a minority is to be folded
        (["28C01", "45000", "45100", "45200"], None),  # three round codes may be by chance
        (["01", "2A"], "department"),
        (["732829320", "552100554", "200040277", "45234", "45285"], "siren"),
        (["732829320", "552100554", "200040277", "45234", "45285", ""], "siren"),
        (["732829320", "552100554", "200040277", "343059564"], "siren"),
        (["732829320", "552100554", "200040277", "45234", "45285", "45147", "45146"], None),
        (["343059564", "909090904", "910019447"], "siren"),
        (["", "45234"], None),
        ([], None),
        (["ZZZZZ", "?"], None),
        (["1004", "1005"], None),
    ],
)
def test_looks_like(listed: list[str], answer: str | None) -> None:
    text = pd.Series([*listed, *listed, None], dtype="str").sample(frac=1, random_state=1)
    assert codes.looks_like(text) == answer


def round_codes(many: int, others: int) -> list[str]:
    return [f"4{n:03d}{0 if n < many else 1}" for n in range(many + others)]


@pytest.mark.parametrize("size", [6, 7, 12, 21, 41])
def test_postal_codes_are_what_communes_are_once_in_a_million(size: int) -> None:
    """So many round codes are a million times likelier of codes of which just that part is round.

    Than of communes, of which 12 % are at most (Chernoff); and they are most of the codes.
    """
    for many in range(size + 1):
        part = Fraction(many, size)
        own, communes = (
            share**many * (1 - share) ** (size - many) for share in (part, Fraction(12, 100))
        )
        postal = 2 * many > size and own > 10**6 * communes
        found = codes.looks_like(pd.Series(round_codes(many, size - many)))
        assert found == ("postal" if postal else None), many


def test_postal_codes_are_most_of_a_column() -> None:
    strange = [f"?{n}" for n in range(9)]
    assert codes.looks_like(pd.Series([*round_codes(9, 0), *strange[:8]])) == "postal"
    for more in ([], ["x", "y"]):
        assert codes.looks_like(pd.Series([*round_codes(9, 0), *strange, *more])) is None


@pytest.mark.parametrize(
    ("listed", "answer"),
    [
        ([*(f"{n:02d}" for n in range(1, 96)), "2A", "2B"], "department"),
        ([*(f"97{n}" for n in range(1, 9)), *(f"98{n}" for n in range(4, 10))], "department"),
        (["99", "209"], "department"),
        (["00", "96", "97", "98", "970", "979", "983", "2C", "100", "210"], None),
    ],
)
def test_every_department_is_known(listed: list[str], answer: str | None) -> None:
    for each in listed:
        assert codes.looks_like(pd.Series([each])) == answer, each


def test_iris_are_folded() -> None:
    found = codes.folded_iris(
        pd.Series(["451550101", "2A0040203", "45155", "4515"], index=[3, 1, 2, 9])
    )
    assert found.tolist() == ["45155", "2A004", "45155", "4515"]
    assert found.index.tolist() == [3, 1, 2, 9]


def test_postal_codes_are_told_from_communes(cvl: Path, shared_data: Path) -> None:
    pairs = pd.read_csv(cvl / "codes_postaux_cvl_edge_2022.csv", sep=";", dtype="str")
    assert codes.looks_like(pairs["code_postal"]) == "postal"
    assert codes.looks_like(pairs["code_commune_insee"]) is None
    for department, rows in pairs.groupby(pairs["code_postal"].str[:2]):
        enough = rows["code_postal"].nunique() >= 7
        assert codes.looks_like(rows["code_postal"]) == ("postal" if enough else None), department
        assert codes.looks_like(rows["code_commune_insee"]) is None, department
    bad = shared_data / "badinputs" / "codes"
    files = {"all_postal": "postal", "pmsi_geo": "pmsi", "iris9": None, "paris_arr": None}
    for name, answer in files.items():
        found = column(bad / f"{name}.csv", "commune_residence", sep=";")
        assert codes.looks_like(found) == answer, name
    hospital = column(cvl / "hospital.csv", "code_geo_pmsi", sep=";", encoding="cp1252")
    assert codes.looks_like(hospital) == "pmsi"
    residence = column(cvl / "specialists.csv", "commune_residence", sep=";", encoding="cp1252")
    assert codes.looks_like(residence) is None


def test_real_communes_are_never_taken_for_something_else(
    zonings: dict[int, pd.Series], france: Path
) -> None:
    """Whole France, each department, the real commuting flows."""
    for listed in zonings.values():
        assert codes.looks_like(listed) is None
        for department, rows in listed.groupby(codes.department(listed)):
            assert codes.looks_like(rows) is None, department
    for name in ("code_residence", "code_travail"):
        assert codes.looks_like(column(france / "flux_travail_orne61_rp.csv", name)) is None


def test_samples_of_communes_are_never_taken_for_postal_codes(
    zonings: dict[int, pd.Series],
) -> None:
    """100 000 samples of 5 to 50 communes: those with most codes ending in 0 are tried."""
    ending = zonings[2024].str.endswith("0").to_numpy()
    chance = np.random.default_rng(0)
    sizes = chance.integers(5, 51, 100_000)
    counts = {(int(n), int(ending[chance.integers(0, len(ending), n)].sum())) for n in sizes}
    assert len(counts) > 200
    for size, round_ones in counts:  # every make-up that came up, as codes
        made = [f"{n:04d}{0 if n < round_ones else 1}" for n in range(size)]
        assert codes.looks_like(pd.Series(["4" + code[1:] for code in made])) is None


@pytest.mark.parametrize("name", ["specialists.csv", "hospital.csv"])
def test_the_fictional_region(name: str, request: pytest.FixtureRequest) -> None:
    table = pd.read_csv(
        request.config.rootpath / "data" / name, sep=";", dtype="str", encoding="cp1252"
    )
    assert codes.looks_like(table.iloc[:, 0]) in (None, "pmsi", "postal")
    if name == "specialists.csv":
        assert codes.looks_like(table["commune_residence"]) is None


# The residence of the SNDS


@pytest.mark.parametrize(
    ("department", "commune", "code"),
    [
        ("045", "234", "45234"),
        ("001", "004", "01004"),
        ("1", "4", "01004"),
        ("45.0", "234.0", "45234"),
        ("075", "113", "75113"),
        ("02A", "004", "2A004"),
        ("2B", "033", "2B033"),
        ("097", "105", "97105"),  # general scheme
        ("971", "105", "97105"),  # farmers
        ("971", "005", "97105"),  # self-employed
        ("976", "608", "97608"),
        ("972", "105", None),  # the two disagree
        ("098", "818", "98818"),
        ("209", "004", None),  # Corsica, without the table
        ("000", "234", None),
        ("045", "000", None),
        ("045", "999", None),
        ("099", "109", None),
        ("999", "999", None),
        ("991", "109", None),
        ("", "234", None),
        ("045", "", None),
        ("045", "2345", None),
    ],
)
def test_snds(department: str, commune: str, code: str | None) -> None:
    found = codes.snds(pd.Series([department], index=[7]), pd.Series([commune], index=[7]))
    assert found.index.tolist() == [7]
    assert (found[7] if isinstance(found[7], str) else None) == code


@pytest.mark.parametrize("department", ["20", "201", "202", "209", "20.0", "020"])
def test_corsica_is_solved_by_a_list(department: str) -> None:
    """Its communes had other codes until 1976; other departments have the same numbers."""
    table = cog_table(communes("00002", "2A004", "2B033"), events("2019-01-01 00001 00002"),
                      year=2024)  # fmt: skip
    numbers = pd.Series(["004", "33", "005", "999"])
    found = codes.snds(pd.Series([department] * 4), numbers, table=table)
    assert found.fillna("").tolist() == ["2A004", "2B033", "", ""]
    elsewhere = codes.snds(pd.Series(["045", "02A", "099"]), pd.Series(["033"] * 3), table=table)
    assert elsewhere.fillna("").tolist() == ["45033", "2A033", ""]


def test_corsica_is_solved_by_number(insee: CogTable) -> None:
    """No number is that of a commune of both departments, in any year since 1976."""
    assert len(insee.corsican) >= 360
    numbers = pd.Series(["004", "033", "999", "666", "041"])
    found = codes.snds(pd.Series(["209"] * 5), numbers, table=insee)
    assert found.fillna("").tolist() == ["2A004", "2B033", "", "", "2A041"]
    corsica = {code for code in insee.in_force(2024) if code[:2] in ("2A", "2B")}
    every = codes.snds(
        pd.Series(["209"] * len(corsica)), pd.Series([c[2:] for c in corsica]), table=insee
    )
    assert set(every) == corsica


def test_every_commune_comes_back_from_the_snds(
    zonings: dict[int, pd.Series], insee: CogTable
) -> None:
    code = zonings[2024]
    corsica = code.str.startswith("2A") | code.str.startswith("2B")
    place = ("0" + code.str[:2]).where(~corsica, "209")
    found = codes.snds(place, code.str[2:], table=insee)
    pd.testing.assert_series_equal(found, code, check_names=False)
