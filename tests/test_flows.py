"""Flows: one checked table in canonical order, with the account of every row."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import code, layer, located, seen
from pandas.testing import assert_frame_equal

import territories as tt
from territories import Flows, InputError, Reconciliation
from territories._words import Sentence

LETTERS = st.sampled_from("abcd")
ROWS = st.dictionaries(
    st.tuples(LETTERS, st.sampled_from(["orl", "derm"]), st.sampled_from(["P", "Q", "10", "9"])),
    st.tuples(st.integers(0, 20), st.integers(0, 3)),
    min_size=1,
    max_size=15,
)


def account(table: pd.DataFrame) -> Reconciliation:
    return Reconciliation(
        unit="patients", rows_in=len(table), patients_in=table["patients"].sum().item()
    )


def test_rows_are_put_in_order_and_the_table_given_is_left_alone() -> None:
    table = seen([("b", "orl", "P", 1), ("a", "orl", "Q", 2), ("a", "derm", "10", 3)])
    before = table.copy()
    flows = Flows(table)
    assert flows.table["patients"].tolist() == [3, 2, 1]
    assert flows.table.index.tolist() == [0, 1, 2]
    assert_frame_equal(table, before)


@settings(max_examples=20)
@given(st.permutations(range(6)))
def test_the_order_of_rows_is_forgotten(order: list[int]) -> None:
    table = seen([(a, s, p, 1) for a in "ab" for s, p in (("x", "9"), ("x", "10"), ("y", "P"))])
    assert_frame_equal(Flows(table.iloc[order]).table, Flows(table).table)


@pytest.mark.parametrize("gone", ["residence", "activity", "practitioner", "patients"])
def test_a_table_without_its_columns_is_refused(gone: str) -> None:
    with pytest.raises(InputError, match="residence, activity, patients, and practitioner"):
        Flows(seen([("a", "orl", "P", 1)]).drop(columns=gone))


def test_flows_cannot_be_changed() -> None:
    flows = located([("a", "orl", "b", 1)])
    with pytest.raises(dataclasses.FrozenInstanceError):
        flows.table = pd.DataFrame()  # ty: ignore


def test_what_flows_are_called() -> None:
    assert repr(located([("a", "orl", "b", 1), ("c", "derm", "b", 1)])) == (
        "<Flows: 2 rows, 2 activities, 2 residences, 1 destinations>"
    )
    assert repr(Flows(seen([("a", "orl", "P", 1)]))) == (
        "<Flows: 1 rows, 1 activities, 1 residences, under 6 practitioners>"
    )


def test_activities_in_order() -> None:
    assert located([("a", "orl", "b", 1), ("c", "derm", "b", 1)]).activities == ["derm", "orl"]


def test_external_places() -> None:
    flows = located([("a", "orl", "75056", 1), ("50001", "orl", "a", 1)], layer("ab"))
    assert flows.table[flows.external("destination")]["residence"].tolist() == [code("a")]
    assert flows.table[flows.external("residence")]["residence"].tolist() == ["50001"]
    assert not located([("a", "orl", "75056", 1)]).external("destination").any()


# --- located -------------------------------------------------------------------------------------


def test_practitioners_become_places() -> None:
    rows = [("a", "orl", "P", 20, 9.0), ("b", "orl", "P", 5, 1.0), ("b", "derm", "Q", 3, 2.5),
            ("b", "orl", "R", 4, 0.0)]  # fmt: skip
    flows = Flows(seen(rows), layer("ab")).located()
    assert "practitioner" not in flows.table
    assert flows.table.to_numpy().tolist() == [
        [code("a"), "orl", code("a"), 20, 9.0],
        [code("b"), "derm", code("b"), 3, 2.5],
        [code("b"), "orl", code("a"), 5, 1.0],
        [code("b"), "orl", code("b"), 4, 0.0],
    ]
    assert flows.practices is not None
    assert flows.practices.index.tolist() == ["P", "Q", "R"]


def test_patients_of_undetermined_practitioners_go_aside() -> None:
    rows = [("a", "orl", "P", 20), ("b", "orl", "P", 20), ("b", "orl", "Q", 3)]
    flows = Flows(seen(rows), reconciliation=account(seen(rows))).located()
    assert flows.table["patients"].sum() == 3
    told = flows.reconciliation
    assert (told["rows_aside"], told["patients_aside"]) == (2, 40)
    assert (told["rows_kept"], told["patients_kept"]) == (1, 3)
    assert told["reasons"] == {"practice_undetermined": (2, 40)}
    assert flows.practices is not None
    assert flows.practices["tied"].to_dict() == {"P": True, "Q": False}
    # plain numbers, that JSON can write
    for name in ("patients_aside", "patients_kept"):
        assert type(told[name]) is int
    assert type(told["reasons"]["practice_undetermined"][1]) is int


def test_located_flows_stay_as_they_are() -> None:
    flows = located([("a", "orl", "b", 1)])
    assert flows.located() is flows


@settings(max_examples=20)
@given(ROWS, st.integers(0, 5))
def test_nobody_is_lost_on_the_way(rows: dict, seed: int) -> None:
    table = seen([(*key, n, float(euros)) for key, (n, euros) in rows.items()], seed)
    flows = Flows(table, layer("abcd"), account(table)).located()
    told = flows.reconciliation
    assert flows.table["patients"].sum() == told["patients_kept"]
    assert told["patients_kept"] + told["patients_aside"] == table["patients"].sum()
    assert told["rows_kept"] + told["rows_aside"] == len(table)
    grouped = flows.grouped()
    assert grouped.reconciliation is told
    for kept in (["residence"], ["activity"], ["residence", "activity"]):
        assert_frame_equal(
            grouped.table.groupby(kept)[["patients", "amount"]].sum(),
            flows.table.groupby(kept)[["patients", "amount"]].sum(),
        )


# --- grouped -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "grouping",
    [
        pd.Series({code("b"): code("a"), "99999": code("a")}),
        pd.DataFrame({"pole": [code("a")]}, index=[code("b")]),
        pd.DataFrame({"code": [code("b")], "pole": [code("a")], "note": ["EPCI"]}),
    ],
)
def test_grouping_by_a_table(grouping: pd.DataFrame | pd.Series) -> None:
    rows = [("a", "orl", "a", 7), ("a", "orl", "b", 5), ("b", "orl", "75056", 3)]
    flows = located(rows).grouped(grouping)
    assert flows.table.to_numpy().tolist() == [
        [code("a"), "orl", code("a"), 12],
        [code("b"), "orl", "75056", 3],
    ]
    assert flows.grouping is not None
    assert flows.grouping["pole"][code("b")] == code("a")


def test_grouping_by_the_rule_is_reported() -> None:
    rows = [("a", "orl", "a", 90), ("b", "orl", "a", 20), ("b", "derm", "b", 20)]
    flows = located(rows, layer("ab")).grouped()
    assert set(flows.table["destination"]) == {code("a")}
    assert flows.grouping is not None
    assert flows.grouping["pole"].to_dict() == {code("a"): code("a"), code("b"): code("a")}


def test_a_grouping_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="located"):
        Flows(seen([("a", "orl", "P", 1)]), layer("ab")).grouped()
    with pytest.raises(InputError, match="communes"):
        located([("a", "orl", "b", 1)]).grouped()
    with pytest.raises(InputError, match="columns code and pole"):
        located([("a", "orl", "b", 1)]).grouped(pd.DataFrame({"x": [1]}))


def test_all_activities_together() -> None:
    rows = [("a", "orl", "a", 7), ("a", "derm", "a", 5), ("a", "derm", "b", 1)]
    together = located(rows).together().table
    assert together["activity"].unique().tolist() == ["all"]
    assert together["patients"].tolist() == [12, 1]
    with pytest.raises(InputError, match="located"):
        Flows(seen([("a", "orl", "P", 1)])).together()


# --- masked cells --------------------------------------------------------------------------------

MASKED = st.dictionaries(
    st.tuples(LETTERS, st.sampled_from(["orl", "derm"]), st.sampled_from("PQR")),
    st.tuples(st.integers(0, 20), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(MASKED, st.integers(1, 10))
def test_the_bounds_of_masked_cells_follow_them(rows: dict, masked_as: int) -> None:
    """Located, grouped, added up: the least and the most that all rows together may count."""
    listed = [(*key, masked_as if secret else n, int(secret)) for key, (n, secret) in rows.items()]
    names = ["residence", "activity", "practitioner", "patients", "masked"]
    table = pd.DataFrame([(code(row[0]), *row[1:]) for row in listed], columns=names)
    flows = Flows(table, layer("abcd"), account(table), masked_as=masked_as)
    low = sum(1 if secret else n for n, secret in rows.values())
    high = sum(10 if secret else n for n, secret in rows.values())
    assert flows.bounds().sum().tolist() == [low, high]
    located_flows = flows.located()
    assert located_flows.practices is not None
    lost = table[~table["practitioner"].isin(located_flows.practices["commune"].dropna().index)]
    gone = int(lost["masked"].sum())
    people = int(lost["patients"].sum()) - gone * masked_as
    left = [low - people - gone, high - people - 10 * gone]
    for now in (located_flows, located_flows.grouped(), located_flows.together()):
        assert now.masked_as == masked_as
        assert now.bounds().sum().tolist() == left
        assert (now.bounds()["low"] <= now.table["patients"]).all()
        assert (now.bounds()["high"] >= now.table["patients"]).all()


def test_without_masked_cells_bounds_are_the_numbers() -> None:
    bounds = located([("a", "orl", "b", 7)]).bounds()
    assert bounds.to_dict("list") == {"low": [7], "high": [7]}


# --- the account ---------------------------------------------------------------------------------


def test_an_account_adds_up_by_reason() -> None:
    told = Reconciliation(rows_in=10, patients_in=100)
    told = told.set_aside("unknown_residence", 2, 15).set_aside("unknown_residence", 1, 5)
    told = told.set_aside("practice_undetermined", 3, 30).set_aside("nothing", 0, 0)
    assert told["reasons"] == {"unknown_residence": (3, 20), "practice_undetermined": (3, 30)}
    assert (told["rows_aside"], told["rows_kept"]) == (6, 4)
    assert (told["patients_aside"], told["patients_kept"]) == (50, 50)


def test_an_account_is_read_by_name() -> None:
    told = Reconciliation(file="f.csv").noted(Sentence("notice.clipped_residences"))
    assert told["file"] == told.file == "f.csv"
    assert [each.key for each in told["notices"]] == ["notice.clipped_residences"]
    for name in ("nothing", "_private", "__class__"):
        with pytest.raises(KeyError):
            told[name]


def test_the_session_of_the_design_reads_as_it_should() -> None:
    rows = [("a", "orl", "P", 60), ("b", "orl", "P", 30), ("c", "orl", "Q", 50)]
    communes = layer("abc", people=30_000)
    flows = Flows(seen(rows), communes).located().grouped()
    poles = tt.dominant_poles(flows)
    assert tt.concordance(poles, minimum=1)["pole"].tolist() == [code("a"), code("a"), code("c")]
    zoning = tt.delineate(flows, communes, territories=2, seed=0)
    assert repr(zoning) == "<Zoning 'draft': 2 territories, 3 communes, 0 uncovered, 0 shared>"
    assert tt.evaluate(zoning, flows)["population"].sum() == 90_000
