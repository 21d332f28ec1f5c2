"""Specialties: their scale, where they are practised, and what a commune can reach."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, random_flows, random_layer, shuffled_rows
from hypothesis import given
from hypothesis import strategies as st
from layers import code, layer, located, seen
from pandas.testing import assert_frame_equal

import territories as tt
from territories.specialties import practitioners


def scales(rows, picture="abAB", **options):
    return tt.activity_scale(located(rows, layer(picture)), **options)


# --- Scale ----------------------------------------------------------------------------------------


def test_scale_by_hand():
    """Communes a and b are of department 00, A and B of 96, each 1 km from the next.

    abAB     ORL: a and b go to a, A to A, B to a and outside; MRI: all to b.
    """
    rows = [
        ("a", "ORL", "a", 60),
        ("b", "ORL", "a", 20),
        ("A", "ORL", "A", 30),
        ("B", "ORL", "a", 11),
        ("B", "ORL", "75056", 9),
        ("50001", "ORL", "A", 50),  # lives elsewhere: received, but travels from an unknown place
        *((each, "MRI", "b", 20) for each in "abAB"),
    ]
    found = scales(rows)
    assert found.index.tolist() == ["MRI", "ORL"]
    orl = found.loc["ORL"]
    assert (orl["poles"], orl["poles_inside"], orl["places"]) == (2, 2, 3)
    # 60 and 30 at home, 20 from b to a (1 km), 11 from B to a (3 km); 9 left out.
    assert orl["distance_m"] == pytest.approx((20 * 1_000 + 11 * 3_000) / (60 + 20 + 30 + 11))
    assert orl["unplaced_share"] == pytest.approx(9 / 130)
    assert (orl["first_pole"], orl["first_share"]) == (code("a"), pytest.approx(91 / 180))
    assert orl["scale"] == "departmental"  # two poles, two departments
    mri = found.loc["MRI"]
    assert (mri["poles"], mri["scale"]) == (1, "regional")
    assert mri["distance_m"] == pytest.approx((1_000 + 0 + 1_000 + 2_000) / 4)
    assert (mri["unplaced_share"], mri["first_share"]) == (0, 1)


@pytest.mark.parametrize(
    ("poles", "scale"),
    [(1, "regional"), (2, "departmental"), (4, "departmental"), (5, "infra_departmental")],
)
def test_bounds_of_the_scale(poles, scale):
    """Two departments: fewer than two poles, two to four, more."""
    places = "abcABC"
    rows = [(each, "ORL", places[min(i, poles - 1)], 20) for i, each in enumerate(places)]
    assert scales(rows, "abcABC")["scale"].tolist() == [scale]


def test_bounds_are_parameters():
    rows = [(each, "ORL", each, 20) for each in "abAB"]
    assert scales(rows)["scale"].tolist() == ["departmental"]
    assert scales(rows, departmental=1)["scale"].tolist() == ["infra_departmental"]
    assert scales(rows, regional=3, departmental=3)["scale"].tolist() == ["regional"]
    with pytest.raises(tt.InputError, match=r"regional ≤ departmental.*3 and 2"):
        scales(rows, regional=3)


def test_poles_outside_do_not_set_the_scale():
    rows = [("a", "ORL", "a", 20), ("b", "ORL", "75056", 20), ("A", "ORL", "69123", 20)]
    found = scales(rows, "abA").iloc[0]
    assert (found["poles"], found["poles_inside"], found["scale"]) == (3, 1, "regional")


def test_undefined_is_missing():
    """Too few patients for a pole; nobody at all; nobody of the layer; all of it outside."""
    rows = [
        ("a", "few", "a", 10),
        ("a", "none", "a", 0),
        ("50001", "elsewhere", "a", 40),
        ("a", "out", "75056", 40),
    ]
    found = scales(rows, "aA")
    assert found.loc["few", "poles"] == 0
    assert found["scale"].isna().to_dict() == {
        "elsewhere": True, "few": True, "none": True, "out": False,
    }  # fmt: skip
    assert found.loc["few", "distance_m"] == 0
    assert found.loc["none", ["distance_m", "unplaced_share", "first_pole"]].isna().all()
    assert found.loc["none", "places"] == 0
    assert math.isnan(found.loc["elsewhere", "unplaced_share"])
    assert found.loc["elsewhere", "first_share"] == 1
    assert math.isnan(found.loc["out", "distance_m"])
    assert found.loc["out", "unplaced_share"] == 1


@pytest.mark.parametrize(
    "rows", [[("a", "ORL", "b", 0)], [("50001", "ORL", "a", 20)], [("a", "ORL", "75056", 20)]]
)
def test_nobody_of_the_layer_travels(rows):
    """No flow at all, none of the layer's people, or all of them to places that are not drawn."""
    assert scales(rows, "ab")["distance_m"].isna().tolist() == [True]
    nobody = located(rows).table.iloc[:0]
    assert tt.activity_scale(tt.Flows(nobody, communes=layer("ab"))).empty


def test_equal_places_and_no_layer():
    rows = [("a", "ORL", "b", 20), ("b", "ORL", "a", 20)]
    found = tt.activity_scale(located(rows)).iloc[0]
    assert (found["first_pole"], found["first_share"]) == (code("a"), 0.5)
    assert found["scale"] == "departmental"  # one department, two poles
    assert math.isnan(found["distance_m"])
    assert found["unplaced_share"] == 1


def test_empty_outlines_have_no_distance():
    communes = layer("ab")
    communes.loc[code("b"), "geometry"] = communes.geometry[code("b")].intersection(
        communes.geometry[code("a")].centroid
    )
    flows = located([("a", "ORL", "b", 20), ("a", "ORL", "a", 20)], communes)
    assert tt.activity_scale(flows).iloc[0]["unplaced_share"] == 0.5


@HEAVY
@given(st.integers(0, 2**31))
def test_scale_by_loops(seed):
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 3, 4)
    flows = random_flows(generator, communes)
    found = tt.activity_scale(flows)
    assert_frame_equal(found, tt.activity_scale(shuffled_rows(flows, seed)), check_exact=True)
    points = dict(communes.geometry.representative_point().items())
    poles = tt.dominant_poles(flows).table["pole"].dropna()
    for activity, row in found.iterrows():
        rows = [each for each in flows.table.itertuples() if each.activity == activity]
        ours = [each for each in rows if each.residence in points]
        near = [each for each in ours if each.destination in points]
        travelled = sum(
            each.patients * points[each.residence].distance(points[each.destination])
            for each in near
        )
        people, total = sum(each.patients for each in near), sum(each.patients for each in ours)
        expected = travelled / people if people else math.nan
        assert row["distance_m"] == pytest.approx(expected, nan_ok=True)
        expected = 1 - people / total if total else math.nan
        assert row["unplaced_share"] == pytest.approx(expected, abs=1e-12, nan_ok=True)
        theirs = {pole for (_, name), pole in poles.items() if name == activity}
        assert row["poles"] == len(theirs)
        assert row["poles_inside"] == len(theirs & set(points))
        received = {}
        for each in rows:
            received[each.destination] = received.get(each.destination, 0) + each.patients
        received = {place: number for place, number in received.items() if number}
        assert row["places"] == len(received)
        if received:
            assert row["first_pole"] == min(received, key=lambda place: (-received[place], place))


# --- Presence, and what can be reached ------------------------------------------------------------


def test_presence():
    rows = [
        ("a", "ORL", "a", 20),
        ("b", "ORL", "b", 1),
        ("a", "MRI", "b", 20),
        ("b", "MRI", "a", 0),
        ("a", "MRI", "c", 0),  # nobody: no pole
    ]
    found = tt.presence(located(rows, layer("abc")))
    assert found.index.name == "pole"
    assert found.to_dict("index") == {
        code("a"): {"MRI": False, "ORL": True},
        code("b"): {"MRI": True, "ORL": True},
    }


def test_practitioners_of_poles():
    rows = [("a", "ORL", "p1", 20), ("a", "MRI", "p2", 9), ("b", "ORL", "p3", 20)]
    flows = tt.Flows(table=seen(rows), communes=layer("ab")).located()
    assert practitioners(flows).to_dict() == {code("a"): 2, code("b"): 1}
    together = flows.grouped(pd.Series({code("b"): code("a")}))
    assert practitioners(together).to_dict() == {code("a"): 3}
    assert practitioners(located([("a", "ORL", "b", 20)])).empty


def reach(chosen, practised, **options):
    """Class communes by the poles of their activities; `practised` adds activities to poles."""
    rows = [
        (commune, str(number), pole, 20)
        for commune, poles in chosen.items()
        for number, pole in enumerate(poles)
        if pole
    ]
    rows += [("d", str(number), pole, 1) for pole, all_of in practised.items() for number in all_of]
    flows = located(rows, layer("abcd"))
    return tt.attainable(tt.dominant_poles(flows), flows, **options)


def test_a_pole_that_lacks_an_activity():
    """Pole c has activities 0, 1 and 2 of 5; pole d has all."""
    found = reach({"a": "cccdd", "b": "ddddd"}, {"d": range(5)})
    row = found.loc[code("a")]
    assert (row["concordance"], row["pole"]) == ("majority", code("c"))
    assert (row["present"], row["activities"], row["lacking"]) == (3, 5, "3, 4")
    assert row["attainable"] == "majority"
    other = found.loc[code("b")]
    assert (other["present"], other["lacking"], other["attainable"]) == (5, "", "always")


def test_habits_are_not_poles():
    """Pole c has all activities: what is not always is of people's habits."""
    found = reach({"a": "cccdd", "b": "cdcdd"}, {"c": range(5)}).loc[code("a")]
    assert (found["concordance"], found["attainable"]) == ("majority", "always")


def test_without_a_modal_pole_the_best_of_its_poles():
    """Poles c and d have two activities each, and d has three of the four."""
    found = reach({"a": "ccdd"}, {"d": [1]}).loc[code("a")]
    assert found["concordance"] == "none"
    assert (found["pole"], found["present"], found["lacking"]) == (code("d"), 3, "0")
    assert found["attainable"] == "all_but_one"
    # Equal: the lower code.
    assert reach({"a": "ccdd"}, {}).loc[code("a"), "pole"] == code("c")
    # Two of four, the others elsewhere each: half.
    assert reach({"a": "ccdd"}, {}).loc[code("a"), "attainable"] == "majority"
    # One of two or more is never more than the others.
    assert reach({"a": "abc"}, {}).loc[code("a"), "attainable"] == "none"


def test_too_few_activities_stay_insufficient():
    found = reach({"a": "cc", "b": [None]}, {})
    assert set(found["attainable"]) == {"insufficient"}
    assert found.loc[code("b"), ["pole", "lacking"]].isna().all()
    assert found.loc[code("a"), "lacking"] == ""
    assert reach({"a": "cc"}, {}, minimum=2).loc[code("a"), "attainable"] == "always"


ORDER = [str(each) for each in tt.Concordance]


@HEAVY
@given(st.integers(0, 2**31), st.integers(1, 4))
def test_never_worse_than_now(seed, minimum):
    generator = np.random.default_rng(seed)
    names = list("abcdefgh")
    rows = [
        (one, f"s{number}", generator.choice(names), int(generator.integers(5, 40)))
        for one in names
        for number in range(generator.integers(1, 8))
        for _ in range(2)
    ]
    flows = located(rows, layer("abcdefgh"), seed=seed)
    poles = tt.dominant_poles(flows)
    found = tt.attainable(poles, flows, minimum=minimum)
    assert found.index.equals(poles.communes)
    now = tt.concordance(poles, minimum=minimum)
    assert found["concordance"].equals(now["concordance"])
    here = tt.presence(flows)
    for commune, row in found.iterrows():
        assert ORDER.index(row["attainable"]) <= ORDER.index(row["concordance"])
        assert (row["attainable"] == "insufficient") == (row["concordance"] == "insufficient")
        if pd.notna(row["pole"]):
            own = poles.table["pole"].xs(commune).dropna()
            lacking = [name for name in own.index if not here.loc[row["pole"], name]]
            assert row["lacking"] == ", ".join(lacking)
            assert row["present"] == len(own) - len(lacking)


def test_poles_of_other_flows_are_refused():
    flows, other = (located([("a", "ORL", each, 20)], layer("abc")) for each in "bc")
    with pytest.raises(tt.InputError, match=rf"receive nobody.*{code('b')}"):
        tt.attainable(tt.dominant_poles(flows), other)


def test_flows_must_be_located():
    flows = tt.Flows(table=seen([("a", "ORL", "p1", 20)]))
    for function in (tt.activity_scale, tt.presence):
        with pytest.raises(tt.InputError, match=r"flows\.located"):
            function(flows)


def test_specialties_of_cvl(cvl_located):
    flows = cvl_located.grouped()
    found = tt.activity_scale(flows)
    assert found["poles_inside"].tolist() == [21, 19, 19, 21, 20]
    assert set(found["scale"]) == {"infra_departmental"}
    assert found["distance_m"].between(15_000, 30_000).all()
    reached = tt.attainable(tt.dominant_poles(flows), flows)["attainable"].value_counts()
    assert reached.to_dict() == {
        "always": 1381, "all_but_one": 196, "insufficient": 90, "majority": 87, "relative": 2,
    }  # fmt: skip
