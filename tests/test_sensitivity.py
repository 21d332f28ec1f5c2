"""Leaving each specialty out: classes, poles and territories that change."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from layers import code, layer, located
from pandas.testing import assert_frame_equal, assert_series_equal

import territories as tt
from territories._words import using

FREE = {"population": (None, None), "territories": 2}


def world(chosen, picture, seed=3, **options):
    """Make flows: for each activity, the pole of each commune of the picture; a dot is none."""
    communes = layer(picture, **options)
    places = "".join(picture.split())
    rows = [
        (commune, activity, pole, 100)
        for activity, line in chosen.items()
        for commune, pole in zip(places, "".join(line.split()), strict=True)
        if pole != "."
    ]
    return located(rows, communes, seed=seed), communes


def two_towns(seed=3):
    """Make two towns, a and f; three activities that agree, and one that sends c to f.

    abcdef
    """
    people = dict(zip("abcdef", [10, 20, 30, 40, 50, 60], strict=True))
    chosen = {
        "one": "aaafff",
        "two": "aaafff",
        "three": "aaafff",
        "four": "aaffff",
    }
    return world(chosen, "abcdef", seed, people=people)


def test_by_hand():
    flows, communes = two_towns()
    found = tt.leave_one_out(flows, communes, **FREE)
    assert found.activities.index.tolist() == ["four", "one", "three", "two"]
    # Without four c is always, with four it is all but one (3 of 4, and 2 of 3).
    assert found.activities["class_changed"].tolist() == [1, 0, 0, 0]
    assert found.activities["class_population"].tolist() == [30, 0, 0, 0]
    assert found.activities["pole_changed"].tolist() == [0, 0, 0, 0]
    assert found.activities["territory_changed"].tolist() == [0, 0, 0, 0]
    assert found.activities["ari"].tolist() == [1, 1, 1, 1]
    assert found.activities["territories"].tolist() == [2, 2, 2, 2]
    row = found.communes.loc[code("c")]
    assert (row["concordance"], row["pole"], row["territory"]) == (
        "all_but_one", code("a"), code("a"),
    )  # fmt: skip
    assert row["class_stable"] == 3 / 4
    assert row["territory_stable"] == 1
    assert found.changes.loc[("four", code("c")), "concordance"] == "always"
    assert found.stable["communes"].to_dict() == pytest.approx(
        {"class": 5 / 6, "pole": 1, "territory": 1}
    )
    assert found.stable["population"].to_dict() == pytest.approx(
        {"class": 180 / 210, "pole": 1, "territory": 1}
    )


def test_an_activity_that_draws_the_border():
    """Commune c goes to a for ORL only, but for many more patients: without ORL it is f's.

    abcdef
    """
    communes = layer("abcdef")
    rows = [
        (commune, name, pole, 900 if name == "ORL" else 100)
        for name in ("MRI", "ORL", "eyes", "skin")
        for commune, pole in zip("abcdef", "aaafff" if name == "ORL" else "aaffff", strict=True)
    ]
    flows = located(rows, communes)
    found = tt.leave_one_out(flows, communes, **FREE)
    assert found.activities["territory_changed"].to_dict() == {
        "MRI": 0, "ORL": 1, "eyes": 0, "skin": 0,
    }  # fmt: skip
    changed = found.changes.loc[("ORL", code("c"))]
    assert (changed["territory"], changed["concordance"]) == (code("f"), "always")
    lost = found.activities.loc["ORL"]
    whole = tt.delineate(flows, communes, **FREE)
    table = flows.table[flows.table["activity"] != "ORL"]
    without = tt.delineate(tt.Flows(table=table, communes=communes), communes, **FREE)
    compared = tt.compare(whole, without)
    assert lost["ari"] == compared.ari
    assert lost["population_agreement"] == compared.population_agreement == pytest.approx(5 / 6)
    # A zoning that is there already is not delineated again.
    again = tt.leave_one_out(flows, communes, zoning=whole, **FREE)
    assert_frame_equal(again.activities, found.activities)


def test_poles_that_are_lost_change():
    """With three activities, leaving one out leaves too few; two poles of two tie."""
    flows, communes = world({"one": "aabb", "two": "aabb", "three": "abbb"}, "abcd")
    found = tt.leave_one_out(flows, communes, **FREE)
    assert found.activities["class_changed"].tolist() == [4, 4, 4]
    assert found.activities["pole_changed"].tolist() == [4, 4, 4]  # insufficient: no pole
    fewer = tt.leave_one_out(flows, communes, fewest=2, **FREE)
    # Without one, or two, b has a pole each of two.
    assert fewer.activities["pole_changed"].to_dict() == {"one": 1, "three": 0, "two": 1}
    assert fewer.changes.loc[("one", code("b")), "concordance"] == "none"
    assert fewer.communes["pole_stable"].tolist() == pytest.approx([1, 1 / 3, 1, 1])


def test_white_zones():
    """Communes in no territory, on one side and the other, are told apart from unmatched ones."""
    flows, communes = two_towns()
    labels = pd.Series({code("a"): code("a"), code("b"): code("a"), code("f"): code("f")})
    zoning = tt.Zoning.from_labels(labels, communes=communes)
    found = tt.leave_one_out(flows, communes, zoning=zoning, **FREE)
    # c, d and e come into a territory, whichever is left out.
    assert found.communes["territory_stable"].tolist() == [1, 1, 0, 0, 0, 1]
    three = tt.leave_one_out(flows, communes, zoning=zoning, population=(None, None),
                             territories=3, poles=[code(each) for each in "abf"])  # fmt: skip
    unmatched = three.changes["territory"].isna()
    assert unmatched.any()
    changed = three.communes["territory_stable"][unmatched.groupby("commune").any()]
    assert (changed < 1).all()


def test_weights_by_activity():
    flows, communes = two_towns()
    weights = {"one": 1, "two": 1, "three": 1, "four": 2}
    found = tt.leave_one_out(flows, communes, weights=weights, **FREE)
    assert found.activities["ari"].tolist() == [1, 1, 1, 1]


def test_inhabitants_may_be_unknown():
    flows, communes = two_towns()
    communes["population"] = communes["population"].astype("Int64")
    communes.loc[code("c"), "population"] = pd.NA
    found = tt.leave_one_out(flows, communes, **FREE)
    assert math.isnan(found.activities.loc["four", "class_population"])
    assert found.activities.loc["one", "class_population"] == 0
    assert found.stable["population"].isna().all()
    assert found.stable.loc["class", "communes"] == pytest.approx(5 / 6)


def test_whatever_the_order_of_the_rows():
    first, second = (tt.leave_one_out(*two_towns(seed), seed=1, **FREE) for seed in (3, 4))
    assert_frame_equal(first.activities, second.activities, check_exact=True)
    assert_frame_equal(first.communes, second.communes, check_exact=True)
    assert_frame_equal(first.changes, second.changes)


def test_classes_are_those_of_concordance():
    flows, communes = two_towns()
    found = tt.leave_one_out(flows, communes, **FREE)
    now = tt.concordance(tt.dominant_poles(flows))
    assert_series_equal(found.communes["concordance"], now["concordance"])
    for name in flows.activities:
        table = flows.table[flows.table["activity"] != name]
        poles = tt.dominant_poles(tt.Flows(table=table, communes=communes))
        expected = tt.concordance(poles)["concordance"]
        assert_series_equal(found.changes.loc[name, "concordance"], expected)


def test_refusals():
    flows, communes = world({"one": "aabb"}, "abcd")
    with pytest.raises(tt.InputError, match="two of them at least; these flows have 1"):
        tt.leave_one_out(flows, communes)
    with pytest.raises(tt.ConstraintError):
        tt.leave_one_out(*two_towns(), territories=9, population=(None, None))
    table = flows.table.rename(columns={"destination": "practitioner"})
    with pytest.raises(tt.InputError, match=r"flows\.located"):
        tt.leave_one_out(tt.Flows(table=table), communes)


def test_repr_and_page():
    found = tt.leave_one_out(*two_towns(), **FREE)
    assert repr(found) == (
        "<LeaveOneOut: 4 activities; communes the same whichever is left out: "
        "class 83%, pole 100%, territory 100%>"
    )
    with using("fr"):
        page = found._repr_html_()
    assert "spécialité laissée de côté" in page
    assert "1,00" in page


def test_specialties_of_cvl(cvl_located, cvl_communes):
    found = tt.leave_one_out(cvl_located.grouped(), cvl_communes, territories=24)
    assert found.activities["territories"].tolist() == [24] * 5
    assert found.activities["ari"].between(0.85, 1).all()
    assert found.stable.loc["territory", "communes"] > 0.9
    assert found.stable.loc["class", "communes"] < found.stable.loc["pole", "communes"]
