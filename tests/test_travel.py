"""How far people go: worked examples on squares of a kilometre, and a slow loop."""

import math

import numpy as np
import pandas as pd
import pytest
import shapely
from grids import HEAVY, code, codes, drawn, flows, letters, shuffle, zoning_of, zonings
from hypothesis import given

import territories as tt
from territories.travel import checked_times, distances, territory_poles

PARIS = "75056"
WAYS = ["distance_to_care_m", "distance_to_pole_m", "undrawn"]


def by_letters(rows):
    """Make a table of times of (pair of letters, minutes), its rows shuffled."""
    listed = [(code(pair[0]), code(pair[1]), minutes) for pair, minutes in rows]
    return shuffle(pd.DataFrame(listed, columns=["residence", "destination", "minutes"]))


def test_worked_example():
    """ABCD, x = ABC, y = D, 1 km apart: the pole of x is A, that of y is D.

    x sends A → A 40, B → A 30, B → D 10, C → A 10, C → Paris 10
    to care (90 who are drawn): (30·1 + 10·2 + 10·2) / 90 km; Paris 10 of 100
    to the pole: A 40·0, B 40·1, C 20·2, of 100
    """
    table = letters([("AA", 40), ("BA", 30), ("BD", 10), ("CA", 10), ("DD", 5)])
    more = pd.DataFrame([[code("C"), PARIS, 10, "dermatology"]], columns=list(ORDER))
    table = tt.Flows(shuffle(pd.concat([table.table, more])))
    labels = dict(zip(codes("ABCD"), "xxxy", strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=drawn("ABCD"))
    found = tt.evaluate(zoning, table)
    assert found["pole"].to_dict() == {"x": code("A"), "y": code("D")}
    assert found.loc["x", WAYS].tolist() == pytest.approx([70_000 / 90, 800, 0.1])
    assert found.loc["y", WAYS].tolist() == [0, 0, 0]
    assert "minutes_to_care" not in found


ORDER = ("residence", "destination", "patients", "activity")


def test_a_table_of_times():
    """AB, x both: A → A 30 (not timed: 0), B → A 20 of 12 min, B → Paris 10 of 60, A → B 40 not."""
    zoning = tt.Zoning.from_labels(dict.fromkeys(codes("AB"), "x"), communes=drawn("AB"))
    rows = [("A", "A", 30), ("B", "A", 30), ("A", "B", 40)]
    table = flows([(code(a), code(b), n) for a, b, n in rows] + [(code("B"), PARIS, 10)])
    times = by_letters([("BA", 12.0)])
    paris = pd.DataFrame([[code("B"), PARIS, 60.0]], columns=times.columns)
    found = tt.evaluate(zoning, table, times=pd.concat([times, paris])).loc["x"]
    assert found["pole"] == code("A")
    assert found["minutes_to_care"] == pytest.approx((30 * 0 + 30 * 12 + 10 * 60) / 70)
    assert found["minutes_to_pole"] == pytest.approx((70 * 0 + 40 * 12) / 110)
    assert found["untimed"] == pytest.approx(40 / 110)
    assert found["undrawn"] == pytest.approx(10 / 110)
    within = pd.concat([times, by_letters([("AA", 4)])])
    timed = tt.evaluate(zoning, table, times=within).loc["x"]
    assert timed["minutes_to_care"] == pytest.approx((30 * 4 + 30 * 12) / 60)


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"minutes": [1.0, -1.0]}, ["times_minutes"]),
        ({"minutes": [1.0, np.nan]}, ["times_minutes"]),
        ({"minutes": [1.0, np.inf]}, ["times_minutes"]),
        ({"minutes": ["1", "2"]}, ["times_minutes"]),
        ({"residence": [45234, 45235]}, ["times_codes"]),
        ({"residence": ["00001", "00001"]}, ["times_twice"]),
        (
            {"residence": [1, 1], "minutes": [-1, 1]},
            ["times_codes", "times_minutes", "times_twice"],
        ),
    ],
)
def test_what_is_no_table_of_times_is_refused(change, keys):
    table = pd.DataFrame(
        {"residence": ["00001", "00002"], "destination": ["00001", "00001"], "minutes": [1.0, 2.0]}
    )
    with pytest.raises(tt.InputError) as refusal:
        checked_times(table.assign(**change))
    assert [each.key for each in refusal.value.faults] == [f"error.{key}" for key in keys]


def test_a_table_of_times_has_its_columns():
    with pytest.raises(tt.InputError) as refusal:
        checked_times(pd.DataFrame({"residence": ["00001"], "to": ["00002"]}))
    assert [each.key for each in refusal.value.faults] == ["error.times_columns"]
    assert checked_times(by_letters([])).empty


def test_the_pole_of_a_territory():
    """Most patients by weight; then more people; then the first code; none where nobody comes.

    v: A, weight ½ of 30 patients, against B's 20.   w: C and D have 10 each, D has more people.
    x: E and F are alike.   y: nobody comes.
    """
    people = [1, 1, 1, 5, 1, 1, 9]
    rows = [("A", "v", 0.5), ("A", "y", 0.5), ("B", "v", 1), ("C", "w", 1), ("D", "w", 1)]
    rows += [("E", "x", 1), ("F", "x", 1), ("G", "z", 1)]
    zoning = zoning_of(drawn("ABCDEFG", population=people), rows)
    pairs = [("AA", 30), ("BB", 20), ("CC", 10), ("DD", 10), ("EE", 4), ("FF", 4), ("GG", 0)]
    found = territory_poles(zoning, letters(pairs).table)
    expected = {"v": code("B"), "w": code("D"), "x": code("E"), "y": code("A")}
    assert found.dropna().to_dict() == expected
    assert found.index.tolist() == list("vwxyz")


def test_distances_are_between_points_inside():
    """A horseshoe's point is on its own land, not in the bay."""
    layer = drawn("AAA\nABA\nA.A")
    ends = pd.Series([code("A"), code("A"), PARIS]), pd.Series([code("B"), code("A"), code("A")])
    found = distances(layer, *ends)
    point = layer.geometry.representative_point()
    assert found[0] == pytest.approx(point[code("A")].distance(point[code("B")]))
    assert found[1] == 0
    assert math.isnan(found[2])


@pytest.mark.parametrize("nothing", [None, shapely.Polygon()])
def test_a_commune_without_outline_is_not_drawn(nothing):
    """B has no outline: who is seen there is off the map; its own people have no way to measure."""
    layer = drawn("ABC").sort_index()
    layer.loc[code("B"), "geometry"] = nothing
    labels = dict(zip(codes("ABC"), "xyx", strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=shuffle(layer))
    found = tt.evaluate(zoning, letters([("AB", 10), ("AC", 30), ("BC", 10)]))
    assert found.loc["x", "undrawn"] == 0.25
    assert found.loc["x", "distance_to_care_m"] == 2_000
    assert found.loc["y", "undrawn"] == 1
    assert math.isnan(found.loc["y", "distance_to_care_m"])
    assert found.loc["y", ["area_km2", "density", "compactness", "holes"]].isna().all()
    assert tt.white_zones(zoning).empty


@HEAVY
@given(zonings())
def test_travel_as_a_slow_loop(case):
    """Row by row: the distance of each patient, by weight, of those whose place is drawn."""
    zoning, table = case
    found = tt.evaluate(zoning, table)
    points = zoning.communes.geometry.representative_point()
    weights = {}
    for row in zoning.membership.itertuples():
        weights.setdefault(row.code, {})[row.territory] = row.weight
    for territory in found.index:
        pole = found.loc[territory, "pole"]
        to_care = to_pole = known = unknown = 0.0
        for row in table.table.itertuples():
            patients = row.patients * weights.get(row.residence, {}).get(territory, 0)
            if patients and row.destination in points.index:
                known += patients
                to_care += patients * points[row.residence].distance(points[row.destination])
            else:
                unknown += patients
            if patients and not pd.isna(pole):
                to_pole += patients * points[row.residence].distance(points[pole])
        whole = known + unknown
        expected = [
            to_care / known if known else math.nan,
            to_pole / whole if whole and not pd.isna(pole) else math.nan,
            unknown / whole if whole else math.nan,
        ]
        assert found.loc[territory, WAYS].tolist() == pytest.approx(expected, nan_ok=True)
