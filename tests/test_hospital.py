"""Hospital stays: shared among the communes of a PMSI code, conserved to the unit."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import PMSI, SITES, STAYS, as_options, code, layer, shuffled, write_text
from pandas.testing import assert_frame_equal
from test_coding import COG, OF_2024

import territories as tt
from territories import CodeError, InputError, Secrecy
from territories._inputs import Settings, read_inputs
from territories._words import using
from territories.pmsi import allocated

if TYPE_CHECKING:
    from pathlib import Path

CODES = ["45000", "28C01", "45001"]
PARTS = st.lists(
    st.tuples(
        st.sampled_from(["45001", "45002", "28012"]),
        st.sampled_from(CODES),
        st.integers(0, 900).map(lambda tenths: Fraction(tenths, 10)),
    ),
    min_size=1,
    max_size=12,
)
COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(CODES), st.sampled_from(["s1", "s2"]), st.sampled_from("mc")),
    st.integers(0, 5000),
    min_size=1,
)


def stays_table(counts: dict) -> pd.DataFrame:
    rows = [(*key, number) for key, number in counts.items()]
    return shuffled(pd.DataFrame(rows, columns=["pmsi_code", "site", "activity", "stays"]))


def parts_table(parts: list) -> pd.DataFrame:
    rows = [(commune, pmsi, float(people)) for commune, pmsi, people in parts]
    return shuffled(pd.DataFrame(rows, columns=["code", "pmsi_code", "population"]))


def shares(parts: list[tuple[str, str, float]], rule: str = "population") -> dict[str, float]:
    """Share 1 000 stays of the code 28C01."""
    result = allocated(stays_table({("28C01", "s", "m"): 1000}), parts_table(parts), rule=rule)
    return result.set_index("residence")["stays"].to_dict()


def test_stays_follow_population_and_a_commune_may_stand_twice() -> None:
    """28012 stands twice under 28C01: its parts add up, its stays are not doubled."""
    parts = [("28012", "28C01", 100), ("28030", "28C01", 500), ("28012", "28C01", 400)]
    assert shares(parts) == {"28012": 500.0, "28030": 500.0}


def test_evenly_by_the_uniform_rule_and_where_nobody_lives() -> None:
    parts = [("28012", "28C01", 900), ("28030", "28C01", 100)]
    assert shares(parts, "uniform") == {"28012": 500.0, "28030": 500.0}
    assert shares(parts, "same") == {"28012": 500.0, "28030": 500.0}
    assert shares([(place, pmsi, 0) for place, pmsi, _ in parts]) == {
        "28012": 500.0,
        "28030": 500.0,
    }


def test_an_empty_commune_among_others_gets_nothing() -> None:
    assert shares([("28012", "28C01", 0), ("28030", "28C01", 7)]) == {"28012": 0.0, "28030": 1000.0}


def test_what_was_split_is_marked() -> None:
    result = allocated(
        stays_table({("45000", "s", "m"): 5, ("28C01", "s", "m"): 6}),
        parts_table([("45001", "45000", 3), ("28012", "28C01", 1), ("28030", "28C01", 1)]),
    )
    assert result.groupby("split")["stays"].sum().to_dict() == {False: 5.0, True: 6.0}


@settings(max_examples=50)
@given(COUNTS, PARTS, st.sampled_from(["population", "uniform", "same"]))
def test_totals_are_conserved(counts: dict, parts: list, rule: str) -> None:
    covered = {pmsi for _, pmsi, _ in parts}
    counts = {key: number for key, number in counts.items() if key[0] in covered}
    shared = allocated(stays_table(counts), parts_table(parts), rule=rule)
    by_site = shared.groupby(["site", "activity"])["stays"].sum().to_dict()
    expected: dict = {}
    for (_, site, activity), number in counts.items():
        expected[site, activity] = expected.get((site, activity), 0) + number
    assert by_site == pytest.approx(expected, rel=1e-12, abs=1e-9)


@settings(max_examples=50)
@given(COUNTS, PARTS)
def test_allocation_is_the_oracles(counts: dict, parts: list) -> None:
    covered = {pmsi for _, pmsi, _ in parts}
    counts = {key: number for key, number in counts.items() if key[0] in covered}
    shared = allocated(stays_table(counts), parts_table(parts))
    shared = shared[shared["stays"] > 0].groupby(["residence", "activity", "site"])["stays"].sum()
    slow = oracle.allocate([(*key, number) for key, number in counts.items()], parts)
    assert shared.to_dict() == pytest.approx({k: float(v) for k, v in slow.items()}, abs=1e-9)


# --- files ---------------------------------------------------------------------------------------

COMMUNES = "abcD"
COVER = ["00001;a;28C01;300", "00002;b;28C01;100", "00003;c;00300;50", "96004;d;96400;0"]
PLACES = ["1;CH a;00001", "2;CH D;96004", "3;AP-HP;75113"]
ROWS = ["28C01;1;mco;40", "28C01;2;mco;8", "00300;3;ssr;5", "96400;2;mco;7"]


def hospital(folder: Path, rows: list[str], **options) -> tt.Flows:
    given_files = {
        "sites": write_text(folder / "finess.csv", SITES, options.pop("sites", PLACES)),
        "pmsi_codes": write_text(folder / "pmsi.csv", PMSI, options.pop("cover", COVER)),
        "communes": layer(COMMUNES),
    }
    file = write_text(folder / "sejours.csv", STAYS, rows, seed=options.pop("seed", None))
    return tt.read_hospital(file, **{**given_files, **options})


def test_stays_become_flows_between_communes(tmp_path: Path) -> None:
    read = hospital(tmp_path, ROWS)
    assert read.unit == "stays"
    assert read.table.to_numpy().tolist() == [
        ["00001", "mco", "00001", 30.0],
        ["00001", "mco", "96004", 6.0],
        ["00002", "mco", "00001", 10.0],
        ["00002", "mco", "96004", 2.0],
        ["00003", "ssr", "75056", 5.0],
        ["96004", "mco", "96004", 7.0],
    ]
    account = read.reconciliation
    assert (account["rows_in"], account["rows_kept"]) == (4, 4)
    assert account["patients_in"] == account["patients_kept"] == 60
    assert account["unit"] == "stays"
    assert [str(each) for each in account["notices"]] == [
        (
            "48 stays (80 %) come from PMSI codes of several communes and were shared out "
            "(totals conserved)"
        )
    ]


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_the_order_of_rows_changes_not_even_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Fractions of many codes end in the same commune and town: their sum must not wander."""
    folder = tmp_path_factory.mktemp("stays")
    cover = [f"0000{c};x;P{p};{1 + (7 * c + 3 * p) % 11}" for c in (1, 2, 3) for p in range(9)]
    rows = [f"P{p};{site};mco;{1 + 13 * p % 7}" for p in range(9) for site in (1, 2, 4)]
    sites = [*PLACES, "4;Clinique a;00001"]
    usual = hospital(folder, rows, cover=cover, sites=sites)
    other = hospital(folder, rows, cover=cover, sites=sites, seed=seed)
    assert_frame_equal(other.table, usual.table, check_exact=True)
    assert other.reconciliation.patients_in == usual.reconciliation.patients_in


def test_codes_of_other_departments_come_from_outside(tmp_path: Path) -> None:
    read = hospital(tmp_path, [*ROWS, "75011;1;mco;9", "75012;1;mco;3", "2A100;1;mco;2"])
    outside = read.table[read.external("residence")]
    assert outside[["residence", "patients"]].to_numpy().tolist() == [["2A", 2.0], ["75", 12.0]]
    assert read.reconciliation["patients_kept"] == 74
    assert "3 PMSI code(s) of other departments" in str(read.reconciliation.notices[0])


def test_without_a_correspondence_codes_are_communes(tmp_path: Path) -> None:
    rows = ["00001;1;mco;40", "1004;1;mco;5", "00002;2;mco;7"]
    read = hospital(tmp_path, rows, pmsi_codes=None)
    assert read.table[["residence", "patients"]].to_numpy().tolist() == [
        ["00001", 40.0],
        ["00002", 7.0],
        ["01004", 5.0],
    ]


@pytest.mark.parametrize("unknown", ["00999", "28C01", "ZZZZZ"])
def test_without_a_correspondence_codes_must_be_communes(tmp_path: Path, unknown: str) -> None:
    """Of the layer, or plausible ones of another department: --pmsi-codes may be forgotten."""
    with pytest.raises(CodeError, match=f"code_geo_pmsi.*rows 3.*'{unknown}'"):
        hospital(tmp_path, ["00001;1;mco;40", f"{unknown};1;mco;41"], pmsi_codes=None)


@pytest.mark.parametrize(("split", "alone"), [(4, 996), (996, 4), (3, 0), (300, 0), (0, 300)])
def test_the_share_of_stays_split_gives_no_small_count_away(
    tmp_path: Path, split: int, alone: int
) -> None:
    """The total stands beside it: the share is not told when a part of it may not be."""
    rows = [f"28C01;1;mco;{split}", f"00300;1;mco;{alone}"]
    account = hospital(tmp_path, rows).reconciliation
    told = " ".join(str(each) for each in account.notices)
    if any(Secrecy().hides(number) for number in (split, alone)):
        assert not re.search(r"\d", told)
    elif split:
        assert f"{split} stays (100 %)" in told


def test_no_stay_at_all_is_no_accident(tmp_path: Path) -> None:
    assert hospital(tmp_path, ["28C01;1;mco;0"]).reconciliation["patients_in"] == 0


@pytest.mark.parametrize(
    ("rows", "options", "kind", "named"),
    [
        (["28C01;777;mco;40"], {}, CodeError, ["sejours.csv", "finess", "rows 2", "'777'"]),
        (["28C01;1;mco;40", "00999;1;mco;41"], {}, CodeError,
         ["sejours.csv", "code_geo_pmsi", "rows 3", "'00999'", "--pmsi-codes"]),
        (["28C01;1;mco;x"], {}, InputError, ["sejours.csv", "nb_sejours", "rows 2"]),
        (["28C01;1;mco;-40"], {}, InputError, ["sejours.csv", "nb_sejours", "rows 2"]),
        (["28C01;1;mco;"], {}, InputError, ["sejours.csv", "nb_sejours", "rows 2"]),
        (["28C01;1;mco;40", "28C01;1;mco;41"], {}, InputError, ["rows 2, 3", "28C01"]),
        ([";1;mco;40"], {}, InputError, ["sejours.csv", "code_geo_pmsi", "rows 2", "empty"]),
        (["28C01;1; ;40"], {}, InputError, ["sejours.csv", "ga", "rows 2", "empty"]),
        (["28C01;;mco;40"], {}, InputError, ["sejours.csv", "finess", "rows 2"]),
        (ROWS, {"sites": [*PLACES, "1;CH;00002"]}, InputError, ["finess.csv", "rows 3, 4"]),
        (ROWS, {"sites": ["1;CH;ZZ"]}, InputError, ["finess.csv", "commune", "rows 2", "'ZZ'"]),
        (ROWS, {"cover": ["ZZ;a;28C01;300"]}, InputError, ["pmsi.csv", "rows 2", "'ZZ'"]),
        (ROWS, {"cover": ["00001;a;28C01;x"]}, InputError, ["pmsi.csv", "population", "rows 2"]),
    ],
)  # fmt: skip
def test_faults_are_named_without_any_count(
    tmp_path: Path, rows: list[str], options: dict, kind: type[Exception], named: list[str]
) -> None:
    with pytest.raises(kind) as refusal:
        hospital(tmp_path, rows, **options)
    for words in named:
        assert words in str(refusal.value)
    assert not re.search(r"\b4[01]\b", str(refusal.value))
    with using("fr"):
        assert re.search(r"lignes?|cellules?|colonne", str(refusal.value))


def test_columns_can_be_named(tmp_path: Path) -> None:
    usual = hospital(tmp_path, ROWS)
    file = write_text(tmp_path / "s.csv", "cg;etab;ga;n", ROWS)
    named = tt.read_hospital(
        file,
        sites=tmp_path / "finess.csv",
        pmsi_codes=tmp_path / "pmsi.csv",
        communes=layer(COMMUNES),
        columns={"pmsi_code": "cg", "site": "etab", "stays": "n"},
    )
    assert_frame_equal(named.table, usual.table)


def test_hospital_poles_join_the_pole_of_their_suburb(tmp_path: Path) -> None:
    grouping = pd.Series({code("a"): code("D")})
    grouped = hospital(tmp_path, ROWS).grouped(grouping)
    assert set(grouped.table["destination"]) == {code("D"), "75056"}
    assert grouped.table["patients"].sum() == 60


# --- juridical entities and sites ----------------------------------------------------------------

ENTITIES = "finess;finess_ej;commune"
OF_ENTITY = ["1;9;00001", "2;9;00001", "3;8;00002", "4;7;00001", "5;7;00003", "6;;00002"]


def entities(folder: Path, rows: list[str], **options) -> tt.Flows:
    file = write_text(folder / "sejours.csv", STAYS, rows, seed=None)
    sites = write_text(folder / "finess.csv", ENTITIES, options.pop("sites", OF_ENTITY))
    cover = write_text(folder / "pmsi.csv", PMSI, COVER)
    return tt.read_hospital(
        file, sites=sites, pmsi_codes=cover, communes=layer(COMMUNES), **options
    )


def test_stays_sent_twice_are_counted_once(tmp_path: Path) -> None:
    rows = ["00300;1;mco;20", "00300;2;mco;30", "00300;9;mco;50", "00300;3;mco;40"]
    read = entities(tmp_path, rows)
    assert read.table["patients"].sum() == 90
    assert read.reconciliation.reasons == {"sent_twice": (1, 50)}
    assert read.reconciliation.patients_in == 140


def test_each_code_and_activity_is_compared_by_itself(tmp_path: Path) -> None:
    """The entity sent SSR alone: that is its site's."""
    rows = ["00300;1;mco;20", "00300;9;mco;20", "00300;9;ssr;30", "28C01;9;mco;40"]
    read = entities(tmp_path, rows)
    assert read.table["patients"].sum() == 90
    assert read.reconciliation.reasons == {"sent_twice": (1, 20)}
    assert any(
        "2" in str(each) for each in read.reconciliation.notices if each.key == "notice.entity"
    )


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        (["00300;1;mco;20", "00300;2;mco;30", "00300;9;mco;51"], "entity_differs"),
        (["00300;7;mco;50"], "entity_several"),
    ],
)
def test_entities_that_tell_something_else_are_refused(
    tmp_path: Path, rows: list[str], key: str
) -> None:
    with pytest.raises(InputError, match=f"finess, rows {len(rows) + 1}") as refusal:
        entities(tmp_path, rows)
    assert [each.key for each in refusal.value.faults] == [f"error.{key}"]
    assert not re.search(r"\b5[01]\b", str(refusal.value))


def test_an_entity_that_masked_cells_allow_is_sent_twice(tmp_path: Path) -> None:
    rows = ["00300;1;mco;<11", "00300;2;mco;30", "00300;9;mco;33"]
    assert entities(tmp_path, rows).reconciliation.reasons == {"sent_twice": (1, 33)}


def test_an_empty_site_is_no_entity(tmp_path: Path) -> None:
    rows = ["00300;1;mco;20", "28C01;;mco;30"]
    read = entities(tmp_path, rows, on_unknown="aside")
    assert read.reconciliation.reasons == {"missing_site": (1, 30)}


# --- what may stand in the place of stays --------------------------------------------------------


def test_masked_stays_stay_masked_when_they_are_shared(tmp_path: Path) -> None:
    read = hospital(tmp_path, ["28C01;1;mco;<11", "00300;1;mco;20"])
    assert read.table["masked"].tolist() == [0.75, 0.25, 0.0]
    assert read.bounds().to_numpy().tolist() == [[0.75, 7.5], [0.25, 2.5], [20.0, 20.0]]
    assert any(each.key == "notice.masked" for each in read.reconciliation.notices)
    assert hospital(tmp_path, ["28C01;1;mco;ns"], masked_as=10).table["patients"].sum() == 10


def test_whole_stays(tmp_path: Path) -> None:
    read = hospital(tmp_path, ["28C01;1;mco;41", "28C01;1;ssr;2"], whole=True)
    assert read.table["patients"].tolist() == [31, 2, 10, 0]  # 30.75 and 10.25; 1.5 and 0.5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("28C01;1;ssr;", "missing_stays"),
        (";1;mco;30", "missing_pmsi_code"),
        ("28C01;;mco;30", "missing_site"),
        ("28C01;1;;30", "missing_activity"),
        ("28C01;777;mco;30", "unknown_site"),
        ("00999;1;mco;30", "unknown_pmsi_code"),
    ],
)
def test_stays_that_cannot_be_used_can_be_set_aside(tmp_path: Path, row: str, reason: str) -> None:
    account = hospital(tmp_path, [*ROWS, row], on_unknown="aside").reconciliation
    number = int(row.rsplit(";", 1)[1] or 0)
    assert account.reasons == {reason: (1, number)}
    assert account.patients_kept == 60
    assert account.patients_in == 60 + number
    with pytest.raises(InputError, match="rows 6"):
        hospital(tmp_path, [*ROWS, row])


@pytest.mark.parametrize("code_of_none", ["Total", "ZZZZZ", "?"])
def test_what_is_no_pmsi_code_is_no_place(tmp_path: Path, code_of_none: str) -> None:
    read = hospital(tmp_path, [*ROWS, f"{code_of_none};1;mco;60"], on_unknown="aside")
    assert read.table["patients"].sum() == 60


def test_footnotes_below_stays_are_accounted(tmp_path: Path) -> None:
    account = hospital(tmp_path, [*ROWS, "Source : ATIH."]).reconciliation
    assert account.reasons == {"footnote": (1, 0)}
    assert account.rows_kept == 4


def test_sites_and_correspondence_of_another_year(tmp_path: Path) -> None:
    """00003 is 00002 now; 00004 gave a quarter to 00005."""
    file = write_text(tmp_path / "s.csv", STAYS, ["P;1;mco;40", "Q;2;mco;80"])
    read = tt.read_hospital(
        file,
        sites=write_text(tmp_path / "f.csv", SITES, ["1;x;00003", "2;y;00004"]),
        pmsi_codes=write_text(tmp_path / "p.csv", PMSI, ["00003;c;P;10", "00004;d;Q;400"]),
        communes=OF_2024,
        cog_table=COG,
    )
    assert read.table[["residence", "destination", "patients"]].to_numpy().tolist() == [
        ["00002", "00002", 40],
        ["00004", "00004", 60],
        ["00005", "00004", 20],
    ]
    with pytest.raises(InputError, match=r"'00003'"):
        tt.read_hospital(
            file,
            sites=tmp_path / "f.csv",
            pmsi_codes=tmp_path / "p.csv",
            communes=OF_2024,
        )


def test_whole_stays_lose_no_fraction(tmp_path: Path) -> None:
    read = hospital(tmp_path, ["28C01;1;mco;41,5", "00300;1;mco;12,5"], whole=True)
    assert read.table["patients"].sum() == read.reconciliation.patients_kept == 54


def test_totals_of_activities_are_no_stays(tmp_path: Path) -> None:
    read = hospital(tmp_path, [*ROWS, "28C01;1;Total;40"], on_unknown="aside")
    assert read.table["patients"].sum() == 60


def test_repaired_codes_of_sites_are_told(tmp_path: Path) -> None:
    read = hospital(tmp_path, ROWS, sites=[*PLACES, "9;CH;1004"])
    assert any(
        str(each).startswith("finess.csv: codes completed") for each in read.reconciliation.notices
    )


# --- sites and periods ---------------------------------------------------------------------------


def test_stays_keep_their_site(tmp_path: Path) -> None:
    """Sites 1 and 4 are both in a: together in the table, apart in `sites`."""
    rows = [*ROWS, "28C01;4;mco;4"]
    read = hospital(tmp_path, rows, sites=[*PLACES, "4;Clinique a;00001"])
    assert read.table["patients"].sum() == read.sites["patients"].sum() == 64
    assert read.sites.columns.tolist() == [
        "site", "destination", "residence", "activity", "patients",
    ]  # fmt: skip
    assert read.sites[read.sites["destination"] == "00001"].to_numpy().tolist() == [
        ["1", "00001", "00001", "mco", 30.0],
        ["1", "00001", "00002", "mco", 10.0],
        ["4", "00001", "00001", "mco", 3.0],
        ["4", "00001", "00002", "mco", 1.0],
    ]
    regrouped = read.grouped(pd.Series({"00001": "96004"}))
    assert_frame_equal(regrouped.sites, read.sites)
    again = hospital(tmp_path, rows, sites=[*PLACES, "4;Clinique a;00001"], seed=5)
    assert_frame_equal(again.sites, read.sites, check_exact=True)
    assert tt.recruitment_basin(read, "4", 0.75)["stays"].to_dict() == {"00001": 3.0}
    assert tt.recruitment_basin(read, "00001")["stays"].to_dict() == {"00001": 33.0, "00002": 11.0}
    assert tt.recruitment_basins(read)["population"].to_dict() == {
        "1": 2000, "2": 2000, "3": 1000, "4": 2000,
    }  # fmt: skip


def test_period_of_stays(tmp_path: Path) -> None:
    assert hospital(tmp_path, ROWS).period is None
    assert hospital(tmp_path, ROWS, period="2021-2023").period == "2021-2023"
    assert repr(hospital(tmp_path, ROWS, period="2023")).endswith("destinations, 2023>")
    head = f"annee;{STAYS}"
    file = write_text(tmp_path / "annee.csv", head, [f"2022;{row}" for row in ROWS])
    sites = write_text(tmp_path / "finess.csv", SITES, PLACES)
    cover = write_text(tmp_path / "pmsi.csv", PMSI, COVER)
    read = tt.read_hospital(file, sites=sites, pmsi_codes=cover)
    assert read.period == "2022"
    assert tt.read_hospital(file, sites=sites, pmsi_codes=cover, period="2021").period == "2021"
    stacked = [f"20{year};{row}" for year, row in zip((20, 21, 22, 23), ROWS, strict=True)]
    file = write_text(tmp_path / "annees.csv", head, stacked)
    assert tt.read_hospital(file, sites=sites, pmsi_codes=cover).period is None


@pytest.mark.parametrize(
    ("liberal", "stays", "told"),
    [
        ("2022", "2023", "liberal flows are of 2022 and stays of 2023"),
        ("2023", "2023", None),
        ("2023", None, "is not known (--period, --hospital-period)"),
        (None, "2023", "is not known (--period, --hospital-period)"),
        (None, None, "is not known (--period, --hospital-period)"),
    ],
)
def test_periods_that_differ_are_told(
    region: dict[str, Path], liberal: str | None, stays: str | None, told: str | None
) -> None:
    inputs = read_inputs(Settings(**region, period=liberal, hospital_period=stays))
    assert (inputs.flows.period, inputs.stays.period) == (liberal, stays)
    notices = [str(each) for each in inputs.accounts[2].notices if "period" in each.key]
    assert len(notices) == (told is not None)
    assert not told or told in notices[0]
    assert not any("period" in each.key for each in inputs.accounts[1].notices)


def test_no_notice_of_periods_without_a_hospital(region: dict[str, Path]) -> None:
    files = {name: region[name] for name in ("communes", "flows")}
    for account in read_inputs(Settings(**files)).accounts:
        assert not any("period" in each.key for each in account.notices)


def test_periods_on_the_command_line(region: dict[str, Path], cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [*as_options(region), "--period", "2021-2022", "--hospital-period", "2023"]
    assert cli("run", *words, "--runs", 0, "--territories", 2, "--out", out).code == 0
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["period"] == "2021-2022"
    assert record["settings"]["hospital_period"] == "2023"
    account = (out / "reconciliation.json").read_text(encoding="utf-8")
    assert "les flux libéraux sont de 2021-2022 et les séjours de 2023" in account
