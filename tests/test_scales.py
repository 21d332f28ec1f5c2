"""Scales: where the share inside begins to fall, and how far each division holds."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, drawn, letters, planted, random_flows, random_layer, shuffle, shuffled_rows
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

import territories as tt
from territories.aci import aci_size
from territories.communities import bounded, number_of
from territories.graph import attraction_network
from territories.scales import Scales
from territories.scan import STEP, fall, inside_share, proposed, scanned
from territories.task import asked

FREE = (None, None)


# --- The end of the first line ---------------------------------------------------------------


def curve(*pieces):
    """Draw a curve over the logarithm of the resolution: (points, slope) one after the other."""
    tried = STEP ** np.arange(sum(points for points, _ in pieces))
    slopes = np.repeat([slope for _, slope in pieces], [points for points, _ in pieces])
    # The last point of a piece is the first of the next one.
    kept = 0.9 - np.concatenate([[0.0], np.cumsum(slopes[1:])])
    return tried, kept


@pytest.mark.parametrize("knee", [6, 10, 20])
def test_a_clear_knee(knee):
    """Level, then falling: the last point of the level is on both lines, the one before is not."""
    tried, kept = curve((knee, 0.0005), (15, 0.02))
    assert fall(tried, kept) in (knee - 2, knee - 1)


def test_a_steady_fall_then_a_steeper_one():
    tried, kept = curve((12, 0.01), (12, 0.04))
    assert fall(tried, kept) in (10, 11)


@pytest.mark.parametrize("noise", [0.001, 0.003])
def test_a_knee_with_noise(noise):
    tried, kept = curve((14, 0.001), (14, 0.02))
    shaken = kept + np.random.default_rng(1).normal(0, noise, len(kept))
    assert abs(fall(tried, shaken) - 13) <= 1


@pytest.mark.parametrize("points", range(1, 9))
def test_too_short_a_curve_has_no_knee(points):
    """Nine points at least are two sides: with fewer, the finest."""
    tried, kept = curve((points, 0.01))
    assert fall(tried, kept) == points - 1


@pytest.mark.parametrize("slope", [0.0, 0.01])
@pytest.mark.parametrize("points", [9, 30])
def test_a_straight_line(points, slope):
    """No knee at all: somewhere between both sides, and no crash."""
    place = fall(*curve((points, slope)))
    assert 3 <= place <= points - 5


@HEAVY
@given(st.lists(st.floats(0.3, 1), min_size=9, max_size=40))
def test_a_fall_is_found_by_trying_all(kept):
    """Broken-line regression by least squares, slowly: no other cut is better."""
    kept = np.array(kept)
    tried = STEP ** np.arange(len(kept))
    x = np.log(tried)

    def rest(cut):
        total = 0.0
        for part in (slice(None, cut), slice(cut, None)):
            slope = np.cov(x[part], kept[part], bias=True)[0, 1] / np.var(x[part])
            fitted = kept[part].mean() + slope * (x[part] - x[part].mean())
            total += ((kept[part] - fitted) ** 2).sum()
        return total

    best = min(rest(cut) for cut in range(4, len(x) - 3))
    place = fall(tried, kept)
    assert 3 <= place <= len(x) - 5
    assert rest(place + 1) <= best + 1e-9


# --- The scan --------------------------------------------------------------------------------


def blocks(mixing=0.2, seed=3):
    layer, table, truth = planted(np.random.default_rng(seed), 3, 4, mixing)
    return layer, table, truth


def test_the_scan():
    """From γ = 1 by steps of 6 %, until half of what stayed inside is lost."""
    layer, table, _ = blocks()
    task = asked(attraction_network(table, layer), population=(20_000, None))
    tried, divisions, kept = scanned(task.network, task.problem, seed=4)
    np.testing.assert_allclose(tried, STEP ** np.arange(len(tried)))
    assert len(tried) == len(divisions) == len(kept) <= 200
    assert (kept[:-1] >= 0.5 * kept[0]).all()
    last = kept[-1] < 0.5 * kept[0] or number_of(divisions[-1]) == len(layer)
    assert last or len(tried) == 200
    free = task.problem.without_poles()
    for place in (0, len(tried) // 2):
        expected = bounded(free, tried[place], seed=4)
        assert divisions[place].tolist() == expected.tolist()
    assert proposed(task.network, task.problem, seed=4) == number_of(divisions[fall(tried, kept)])


def test_share_inside_by_hand():
    """Of 100 patients of A and 50 of B, 80 and 30 stay, with 20 to Paris."""
    layer = drawn("AB")
    table = letters([("AA", 80), ("AB", 20), ("BB", 30)], layer)
    rows = pd.DataFrame([["00002", "75056", "dermatology", 20]], columns=table.table.columns[:4])
    rows.columns = ["residence", "destination", "activity", "patients"]
    network = attraction_network(tt.Flows(pd.concat([table.table, rows])), layer).network
    apart, one = np.array([0, 1], dtype=np.int32), np.zeros(2, dtype=np.int32)
    assert inside_share(network, apart) == pytest.approx(110 / 150)
    assert inside_share(network, one) == pytest.approx(130 / 150)


def test_the_number_proposed_is_the_one_drawn():
    layer, table, truth = blocks()
    layer["population"] = 110_000 // 16
    found = tt.scales(table, layer, runs=1, seed=2)
    zoning = tt.delineate(table, layer, seed=2)
    assert found.proposed == zoning.labels.nunique() == 9
    assert adjusted_rand_score(truth.sort_index(), zoning.labels) == 1.0


# --- The table -------------------------------------------------------------------------------


COLUMNS = [
    *("resolution", "territories", "inside", "agreement_seeds", "agreement_resamples"),
    *("persistence", "stable", "aci_1", "aci_2", "aci_3", "aci_4", "smallest", "proposed"),
]


def test_the_table():
    layer, table, _ = blocks()
    found = tt.scales(table, layer, runs=2)
    given_table = found.table
    assert list(given_table) == COLUMNS
    assert given_table["proposed"].sum() == 1
    assert given_table["proposed"].dtype == given_table["stable"].dtype == bool
    assert found.proposed == given_table.loc[given_table["proposed"], "territories"].iloc[0]
    for name in ("inside", "agreement_seeds", "agreement_resamples", "persistence"):
        assert given_table[name].between(-0.5, 1.0).all()
    assert (given_table["smallest"] >= 20_000).all()
    sizes = given_table[["aci_1", "aci_2", "aci_3", "aci_4"]].sum(axis=1)
    assert (sizes == given_table["territories"]).all()
    least = given_table[["agreement_seeds", "agreement_resamples", "persistence"]].min(axis=1)
    assert (given_table["stable"] == (least >= 0.95)).all()
    assert given_table.loc[given_table["territories"] == 9, "stable"].any()


def test_the_table_as_a_slow_loop():
    """Persistence with the divisions just before and after; sizes by their people."""
    layer, table, _ = blocks(0.5)
    task = asked(attraction_network(table, layer), population=FREE)
    _, divisions, kept = scanned(task.network, task.problem)
    found = tt.scales(table, layer, runs=1, population=FREE).table
    assert found["inside"].tolist() == kept.tolist()
    for place, row in enumerate(found.itertuples()):
        near = [
            adjusted_rand_score(divisions[place], divisions[other])
            for other in (place - 1, place + 1)
            if 0 <= other < len(divisions)
        ]
        assert row.persistence == pytest.approx(np.mean(near))
        people = np.bincount(divisions[place], task.network.population)
        assert row.smallest == people.min()
        counted = aci_size(pd.Series(people)).value_counts()
        assert [row.aci_1, row.aci_2, row.aci_3, row.aci_4] == [
            counted.get(size, 0) for size in range(1, 5)
        ]


@HEAVY
@given(st.integers(0, 10**6))
def test_any_world_has_scales(seed):
    """Random worlds: no crash, one scale proposed, whatever the order of the rows."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 3, 4, sea=float(generator.choice([0, 0.2])))
    table = random_flows(generator, layer, count=int(generator.choice([10, 80])))
    if not attraction_network(table, layer).network.sent.sum():
        return
    first = tt.scales(table, layer, runs=1, population=FREE)
    again = tt.scales(shuffled_rows(table, 1), shuffle(layer, 2), runs=1, population=FREE)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.table["proposed"].sum() == 1
    ET.fromstring(first.plot())  # noqa: S314 - our own drawing


@pytest.mark.parametrize("null", ["directed", "undirected", "population"])
def test_resamples_keep_the_null_model(null):
    """Clear blocks: draws of patients agree with the division, whatever the null model."""
    layer, table, _ = blocks(0.1)
    found = tt.scales(table, layer, runs=1, population=FREE, options={"null": null}).table
    assert found["agreement_resamples"].max() == pytest.approx(1.0)
    chosen = found.loc[found["proposed"]].iloc[0]
    assert chosen["agreement_resamples"] > 0.9


def test_patients_from_outside_only():
    """No resident is treated anywhere: nothing to propose but one scale, and no crash."""
    layer = drawn("AB")
    rows = pd.DataFrame(
        {"residence": "75056", "destination": ["00001", "00002"], "patients": 50, "activity": "x"}
    )
    zoning = tt.delineate(tt.Flows(rows), layer, population=FREE)
    assert zoning.labels.notna().all()


# --- Shown -----------------------------------------------------------------------------------


def test_the_plot():
    """Valid SVG: a dot for each resolution, the chosen one larger, within the frame."""
    layer, table, _ = blocks()
    found = tt.scales(table, layer, runs=1)
    drawing = ET.fromstring(found.plot())  # noqa: S314 - our own drawing
    space = "{http://www.w3.org/2000/svg}"
    dots = drawing.findall(f"{space}circle")
    assert len(dots) == len(found.table)
    assert sorted(dot.get("r") for dot in dots) == ["3"] * (len(dots) - 1) + ["5"]
    assert all(0 <= float(dot.get("cx")) <= 420 for dot in dots)
    assert all(0 <= float(dot.get("cy")) <= 150 for dot in dots)
    line = drawing.find(f"{space}polyline").get("points").split()
    assert len(line) == len(dots)
    assert drawing.get("aria-label") == drawing.find(f"{space}text").text


def test_a_plot_of_one_scale():
    """One resolution only: no division by zero."""
    layer = drawn("A", population=30_000)
    found = tt.scales(letters([("AA", 30)], layer), layer, runs=1)
    assert found.proposed == 1
    ET.fromstring(found.plot())  # noqa: S314 - our own drawing


def test_what_a_notebook_shows():
    table = pd.DataFrame(
        {
            "resolution": [1.0, 1.06, 1.12],
            "territories": [3, 4, 4],
            "inside": [0.9, 0.8, 0.7],
            "stable": [True, True, False],
            "proposed": [False, True, False],
        }
    )
    assert repr(Scales(table)) == "<Scales: 4 territories proposed; stable: 3, 4>"
    nothing = Scales(table.assign(stable=False))
    assert repr(nothing) == "<Scales: 4 territories proposed; stable: none>"
    assert "<svg" in Scales(table)._repr_html_()


# --- Refusals --------------------------------------------------------------------------------


def refused(error, **options):
    layer, table, _ = blocks()
    with pytest.raises(error) as refusal:
        tt.scales(table, layer, **options)
    return [fault.key.removeprefix("error.") for fault in refusal.value.faults]


@pytest.mark.parametrize("runs", [0, 1.5, True, "3", None])
def test_runs_that_are_none(runs):
    assert refused(tt.InputError, runs=runs) == ["runs_not_positive"]


@pytest.mark.parametrize("wish", [{"territories": 3}, {"resolution": 1.0}])
def test_a_number_is_what_is_looked_for(wish):
    assert refused(tt.InputError, **wish) == ["scales_without_number"]


@pytest.mark.parametrize("method", ["plurality", "dartmouth", "self_containment"])
def test_other_methods_have_no_scales(method):
    assert refused(tt.ConstraintError, method=method) == ["only_leiden"]


def test_no_flow_no_scales():
    layer = drawn("AB")
    with pytest.raises(tt.ConstraintError, match="All flows are zero"):
        tt.scales(letters([("AB", 0)], layer), layer, population=FREE)
