"""PMSI geography: which communes a code covers, their parts, and residences that are PMSI codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers import PMSI, layer, shuffled, write_text
from test_coding import COG, OF_2024

import territories as tt
from territories import CodeError, InputError
from territories.pmsi import allocated, cover_of_year, of_year, own_codes, parts_of, read_pmsi_codes

if TYPE_CHECKING:
    from pathlib import Path

COVER = ["00001;a;28C01;300", "00002;b;28C01;100", "00003;c;00300;50"]
HEAD = "code_geo_pmsi;specialite;ps;nb_patients"


def cover(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    return shuffled(pd.DataFrame(rows, columns=["pmsi_code", "code", "population"]))


def as_dict(parts: pd.DataFrame) -> dict[tuple[str, str], float]:
    return parts.set_index(["pmsi_code", "code"])["part"].to_dict()


def test_parts_make_one() -> None:
    table = cover([("P", "a", 300), ("P", "b", 50), ("P", "b", 50), ("Q", "a", 0), ("Q", "c", 0)])
    assert as_dict(parts_of(table, "population")) == {
        ("P", "a"): 0.75, ("P", "b"): 0.25, ("Q", "a"): 0.5, ("Q", "c"): 0.5,
    }  # fmt: skip
    for rule in ("uniform", "same"):
        assert set(as_dict(parts_of(table, rule)).values()) == {0.5}


@given(
    st.lists(
        st.tuples(st.sampled_from("PQ"), st.sampled_from("abc"), st.floats(0, 1e6)), min_size=1
    ),
    st.sampled_from(["population", "uniform", "same"]),
)
def test_parts_of_any_table_make_one(rows: list, rule: str) -> None:
    parts = parts_of(cover(rows), rule)
    assert parts.groupby("pmsi_code")["part"].sum().to_numpy() == pytest.approx(1)
    assert parts["part"].between(0, 1).all()


def test_masked_stays_are_shared_like_stays() -> None:
    stays = pd.DataFrame({"pmsi_code": ["P", "P"], "site": ["1", "2"], "stays": [5, 20],
                          "masked": [1, 0]})  # fmt: skip
    shared = allocated(stays, cover([("P", "a", 3), ("P", "b", 1)]), whole=True)
    assert shared.set_index(["site", "residence"])[["stays", "masked"]].to_dict("index") == {
        ("1", "a"): {"stays": 3.75, "masked": 0.75},
        ("1", "b"): {"stays": 1.25, "masked": 0.25},
        ("2", "a"): {"stays": 15, "masked": 0},
        ("2", "b"): {"stays": 5, "masked": 0},
    }


def test_the_correspondence_is_read_with_its_codes_repaired(tmp_path: Path) -> None:
    file = write_text(tmp_path / "pmsi.csv", PMSI, ["1001;a;28c01;1 300,5", "2a004;b;20000;7"],
                      seed=None)  # fmt: skip
    assert read_pmsi_codes(file).to_numpy().tolist() == [
        ["28C01", "01001", 1300.5],
        ["20000", "2A004", 7.0],
    ]


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ("ZZ;a;28C01;5", "code_malformed"),
        ("00001;a;;5", "cell_empty"),
        ("00001;a;28C01;", "number_empty"),
        ("00001;a;28C01;ns", "number_masked"),
        ("00001;a;28C01;-5", "number_negative"),
    ],
)
def test_a_correspondence_that_will_not_do(tmp_path: Path, row: str, key: str) -> None:
    file = write_text(tmp_path / "pmsi.csv", PMSI, [*COVER[:2], row], seed=None)
    with pytest.raises(InputError, match=r"pmsi\.csv.*4") as refusal:
        read_pmsi_codes(file)
    assert [each.key for each in refusal.value.faults] == [f"error.{key}"]


def test_codes_of_communes_are_their_own_correspondence() -> None:
    own = own_codes(pd.Series(["1004", "45234", "1004"]))
    assert own[["pmsi_code", "code"]].to_numpy().tolist() == [["1004", "01004"], ["45234", "45234"]]


# --- another COG year ----------------------------------------------------------------------------


def test_a_correspondence_of_an_older_year() -> None:
    """00003 is 00002 now; 00004 has given a quarter of its people to 00005."""
    table = pd.DataFrame(
        [("P", "00003", 40.0), ("P", "00002", 60.0), ("Q", "00004", 800.0), ("Q", "00001", 200.0)],
        columns=["pmsi_code", "code", "population"],
    )
    brought = cover_of_year(table, OF_2024, COG)
    assert as_dict(parts_of(brought, "population")) == {
        ("P", "00002"): 1.0, ("Q", "00001"): 0.2, ("Q", "00004"): 0.6, ("Q", "00005"): 0.2,
    }  # fmt: skip
    assert brought["population"].sum() == 1100


def test_a_site_of_a_split_commune_is_in_its_largest_part() -> None:
    places = pd.Series(["00003", "00004", "00001", "99999"])
    assert of_year(places, OF_2024, COG).tolist() == ["00002", "00004", "00001", "99999"]


# --- residences of an extract that are PMSI codes ------------------------------------------------


def flows(folder: Path, rows: list[str], head: str = HEAD, **options: object) -> tt.Flows:
    columns = {"residence": "code_geo_pmsi"}
    return tt.read_flows(
        write_text(folder / "e.csv", head, rows, seed=None),
        pmsi_codes=write_text(folder / "pmsi.csv", PMSI, COVER),
        columns=columns,
        **options,
    )


@pytest.mark.parametrize("head", [HEAD, HEAD.replace(";ps;", ";commune_exercice;")])
def test_patients_of_a_pmsi_code_are_shared_out(tmp_path: Path, head: str) -> None:
    rows = ["28C01;ORL;00002;30", "28c01 ;dermatologie;00002;<11"]
    read = flows(tmp_path, rows, head)
    place = "practitioner" if head == HEAD else "destination"
    assert read.table[["residence", "activity", place, "patients"]].to_numpy().tolist() == [
        ["00001", "ORL", "00002", 23],
        ["00001", "dermatologie", "00002", 3.75],
        ["00002", "ORL", "00002", 7],
        ["00002", "dermatologie", "00002", 1.25],
    ]
    assert read.table["masked"].sum() == 1
    assert any(each.key == "notice.pmsi_shared" for each in read.reconciliation.notices)
    even = flows(tmp_path, rows[:1], head, allocation="uniform")
    assert even.table["patients"].tolist() == [15, 15]


def test_pmsi_codes_that_are_unknown(tmp_path: Path) -> None:
    rows = ["28C01;ORL;PS1;30", "99Z99;ORL;PS1;40", ";ORL;PS1;50"]
    read = flows(tmp_path, rows, on_unknown="aside")
    assert read.reconciliation.reasons == {
        "unknown_residence": (1, 40),
        "missing_residence": (1, 50),
    }
    with pytest.raises(CodeError, match=r"rows 3: '99Z99'"):
        flows(tmp_path, rows)


def test_pmsi_codes_may_be_kept_as_external(tmp_path: Path) -> None:
    read = flows(tmp_path, ["28C01;ORL;PS1;30", "99Z99;ORL;PS1;40"], on_unknown="external")
    assert read.table["patients"].sum() == 70


def test_a_correspondence_of_another_year_is_converted_or_refused(tmp_path: Path) -> None:
    """00002 and 00001 are communes of the layer's department: the layer has them not."""
    with pytest.raises(InputError, match=r"pmsi\.csv"):
        flows(tmp_path, ["28C01;ORL;PS1;30", "00300;ORL;PS1;30"], communes=layer("cd"))


def test_a_layer_knows_the_communes_of_a_code(tmp_path: Path) -> None:
    read = flows(tmp_path, ["28C01;ORL;PS1;30"], communes=layer("abc"))
    assert not read.external("residence").any()
