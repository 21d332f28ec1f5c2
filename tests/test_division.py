"""From a task to a zoning: what is checked, how territories are named, what is told."""

import json

import numpy as np
import pandas as pd
import pytest
import shapely
from grids import HEAVY, code, codes, drawn, flows, letters, worlds
from hypothesis import assume, given
from hypothesis import strategies as st
from networks import networks
from sklearn.metrics import cohen_kappa_score

import territories as tt
from territories._words import using
from territories.division import found, named, searched
from territories.graph import attraction_network
from territories.network import Network
from territories.task import asked
from territories.unmet import CLEAR, clarity, pieces_of

FREE = (None, None)


def told(zoning):
    """Return the reasons by name, after a look at their words in both languages."""
    for each in zoning.unmet:
        english = str(each)
        with using("fr"):
            french = str(each)
        assert english != french
        assert "{" not in english + french
    return [(each.key.removeprefix("unmet."), each.values.get("name", "")) for each in zoning.unmet]


def locked(layer, labels):
    return tt.Zoning.from_labels({code(each): labels[each] for each in labels}, communes=layer)


def line(picture="AB", population=(1_000, 2_000), rows=None):
    """Draw communes in a line, each with its own patients."""
    layer = drawn(picture, population=population)
    placed = sorted(each for each in picture if each.isalpha())
    return letters(rows or [(each + each, 100) for each in placed], layer), layer


# --- What is told --------------------------------------------------------------------------


def test_small_and_locked():
    table, layer = line()
    options = {"locked": locked(layer, {"A": "x"}), "population": (1_500, None)}
    assert told(tt.delineate(table, layer, **options)) == [("locked_small", "x")]


def test_large_and_locked():
    table, layer = line("ABC", (1_000, 2_000, 500))
    options = {"locked": locked(layer, {"A": "x", "B": "x"}), "population": (None, 2_500)}
    assert told(tt.delineate(table, layer, **options)) == [("over_maximum", "x")]


def test_small_beside_what_is_apart():
    table, layer = line()
    options = {"apart": [codes("AB")], "population": (1_500, None)}
    zoning = tt.delineate(table, layer, **options)
    assert told(zoning) == [("neighbours_closed", "Commune 00001")]
    assert zoning.unmet[0].values["people"] == 1_000


def test_small_beside_what_is_locked_and_what_is_full():
    """A cannot join B, which is locked, nor C, which is full.

    BAC
    """
    table, layer = line("BAC", (100, 1_000, 1_000))
    options = {"locked": locked(layer, {"B": "x"}), "population": (500, 1_000)}
    assert told(tt.delineate(table, layer, **options)) == [("neighbours_closed", "Commune 00001")]


def test_small_beside_full_ones():
    table, layer = line("BAC", (100, 1_000, 1_000))
    zoning = tt.delineate(table, layer, population=(500, 1_000))
    assert told(zoning) == [("neighbours_full", "Commune 00001")]


def test_small_island():
    table, layer = line("A.B", (100, 1_000))
    assert told(tt.delineate(table, layer, population=(500, None))) == [("island", "Commune 00001")]


@pytest.mark.parametrize(
    ("wish", "reason"), [({"territories": 2}, "number_wanted"), ({}, "not_helped")]
)
def test_small_although_a_neighbour_has_room(wish, reason):
    """Merging would do, but for the number; without one the search has failed, and says so."""
    table, layer = line("AB", (1_000, 3_000))
    task = asked(attraction_network(table, layer), population=(2_000, None), **wish)
    zoning = named(task, np.array([0, 1], dtype=np.int32), 1.0)
    assert told(zoning) == [(reason, "Commune 00001")]


def test_small_as_published():
    """Each stays with itself: the method as published knows no minimum."""
    table, layer = line()
    options = {"method": "plurality", "population": (1_500, None)}
    zoning = tt.delineate(table, layer, contiguous=False, **options)
    assert told(zoning) == [("as_published", "Commune 00001")]
    assert told(tt.delineate(table, layer, **options)) == []


@pytest.mark.parametrize("contiguous", [True, False])
def test_large_by_a_method_that_does_not_divide(contiguous):
    """All go to B; plurality makes one territory of it, whatever the maximum."""
    table, layer = line(rows=[("AB", 50), ("BB", 50)])
    options = {"method": "plurality", "population": (None, 2_500), "contiguous": contiguous}
    zoning = tt.delineate(table, layer, **options)
    assert told(zoning)[0] == ("not_divided", "Commune 00002")
    assert len(set(zoning.labels)) == 1


def test_no_pole_is_told_beside_a_small_size():
    table, layer = line()
    options = {"locked": locked(layer, {"A": "x"}), "poles": [code("B")]}
    assert told(tt.delineate(table, layer, population=FREE, **options)) == [("no_pole", "x")]
    zoning = tt.delineate(table, layer, population=(1_500, None), **options)
    assert told(zoning) == [("locked_small", "x"), ("no_pole", "x")]


def test_pieces_are_told_by_name():
    """C goes to A, over B; told in the order of codes.

    ABCDE     E goes to A too
    """
    rows = [("AA", 50), ("CA", 50), ("BB", 50), ("DB", 50), ("EA", 50)]
    table, layer = line("ABCDE", 1_000, rows)
    zoning = tt.delineate(table, layer, method="plurality", contiguous=False, population=FREE)
    assert told(zoning) == [("in_pieces", "Commune 00001"), ("in_pieces", "Commune 00002")]
    assert [each.values["pieces"] for each in zoning.unmet] == [3, 2]
    assert zoning.pieces().to_dict() == {code("A"): 3, code("B"): 2}


def test_no_care():
    """Nobody is seen in C; with unknown inhabitants the sentence does without."""
    table, layer = line("A.C", (1_000, 2_000), [("AA", 50), ("CA", 5)])
    options = {"population": FREE, "resolution": 1.0}
    unclear = ("no_clear_division", "")  # nobody is where he is by more than chance
    assert told(tt.delineate(table, layer, **options)) == [("no_care", "Commune 00003"), unclear]
    unknown = layer.assign(population=pd.array([None, 5], dtype="Int64"))
    zoning = tt.delineate(table, unknown, **options)
    assert told(zoning) == [("no_care_unknown", "Commune 00003"), unclear]


def test_communes_that_are_not_drawn_are_told():
    table, layer = line("ABC", (1_000, 2_000, 3_000))
    layer.loc[code("B"), "geometry"] = shapely.Polygon()
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0)
    assert told(zoning) == [("no_outline", "Commune 00002")]
    assert zoning.uncovered == [code("B")]
    bridged = tt.delineate(
        table, layer, population=FREE, resolution=1.0, bridges=[(code("A"), code("B"))]
    )
    assert bridged.uncovered == []


def test_the_order_of_what_is_told():
    """Territories in the order of their ids, then ways, then communes without an outline."""
    table, layer = line("ABCD", 1_000)
    options = {"population": (1_500, None), "locked": locked(layer, {"C": "y", "D": "x"})}
    zoning = tt.delineate(table, layer, **options)
    assert [name for _, name in told(zoning)] == ["x", "y"]


# --- Clarity -------------------------------------------------------------------------------


@HEAVY
@given(networks(), st.integers(0, 10**6))
def test_clarity_is_kappa(network, seed):
    """Cohen's κ as scikit-learn has it, where all flows stay in the layer."""
    division = np.random.default_rng(seed).integers(0, 3, len(network))
    division = np.unique(division, return_inverse=True)[1].astype(np.int32)
    assume(len(network.weight))
    assume(division.max() > 0)
    begins = np.repeat(np.arange(len(network)), np.diff(network.borders.start))
    closed = Network.of(
        network.source,
        network.target,
        network.weight,
        left=begins,
        right=network.borders.to,
        population=network.population,
    )
    home, seen = division[closed.source], division[closed.target]
    assume(len(set(home) | set(seen)) > 1)
    expected = cohen_kappa_score(home, seen, sample_weight=closed.weight)
    assert clarity(closed, division) == pytest.approx(expected, abs=1e-9)


def test_clarity_by_hand():
    """Of 100 patients of each, 80 stay: 0.8 inside, 0.5 by chance; outside counts as elsewhere.

    A ⟲80 ─20→ B ⟲80 ─20→ A
    """
    table, layer = line(rows=[("AA", 80), ("AB", 20), ("BB", 80), ("BA", 20)])
    network = attraction_network(table, layer).network
    apart, one = np.array([0, 1], dtype=np.int32), np.zeros(2, dtype=np.int32)
    assert clarity(network, apart) == pytest.approx((0.8 - 0.5) / 0.5)
    assert np.isnan(clarity(network, one))
    away = flows([(code("A"), "75056", 100), (code("B"), code("B"), 100)], layer)
    assert clarity(attraction_network(away, layer).network, apart) == pytest.approx(0.25 / 0.75)


@pytest.mark.parametrize(("stays", "clear"), [(63, True), (62, False)])
def test_where_a_division_is_clear(stays, clear):
    """κ is 2·0.63 − 1 = 0.26 or 0.24; the threshold is 0.25."""
    assert CLEAR == 0.25
    away = 100 - stays
    rows = [("AA", stays), ("AB", away), ("BB", stays), ("BA", away)]
    table, layer = line(rows=rows)
    zoning = tt.delineate(table, layer, population=FREE, territories=2)
    assert told(zoning) == ([] if clear else [("no_clear_division", "")])


def test_one_territory_is_not_unclear():
    """All in one: there is no border between territories to doubt, whatever goes outside."""
    table, layer = line(rows=[("AA", 80), ("BA", 80)])
    zoning = tt.delineate(table, layer, population=FREE, territories=1)
    assert told(zoning) == []
    away = flows([(code("A"), code("A"), 50), (code("A"), "75056", 100)], layer)
    assert told(tt.delineate(away, layer, population=FREE, territories=1)) == []


def test_pieces_of():
    found_pieces = pieces_of(5, np.array([0, 1]), np.array([3, 4]))
    assert found_pieces[0] == found_pieces[3]
    assert found_pieces[1] == found_pieces[4]
    assert len(set(found_pieces.tolist())) == 3


# --- Tasks and names -----------------------------------------------------------------------


def ground(**options):
    rows = [("AA", 60), ("BA", 60), ("CC", 50), ("BB", 2)]
    table, layer = line("ABC", (1_000, 2_000, 3_000), rows)
    return attraction_network(table, layer, **options)


def test_a_task_of_groups():
    """Communes that stay together are one node of the network."""
    task = asked(ground(), population=(3_000, None), together=[codes("AB")], seed=4)
    assert len(task.network) == 2
    assert task.network.population.tolist() == [3_000, 3_000]
    assert task.network.inside.tolist() == [122, 50]
    assert (task.method, task.seed, task.territories, task.resolution) == ("leiden", 4, None, None)
    assert task.options.steps == 1_000


def test_names_of_the_main_pole_or_of_the_lock():
    task = asked(ground(), population=FREE, resolution=1.0)
    assert set(named(task, np.array([0, 0, 1], dtype=np.int32), 1.0).labels) == set(codes("AC"))
    task = asked(ground(), population=FREE, locked={code("B"): "x"})
    assert set(named(task, np.array([0, 0, 1], dtype=np.int32), 1.0).labels) == {"x", code("C")}


def test_names_are_never_shared():
    """B is locked into a territory named by the code of A, which is in another one."""
    task = asked(ground(), population=FREE, locked={code("B"): code("A")})
    labels = named(task, np.array([0, 1, 1], dtype=np.int32), 1.0).labels
    assert labels[code("B")] == labels[code("C")] == code("A")
    assert labels[code("A")] == "00001-0"


@pytest.mark.parametrize("wish", [{"territories": 2}, {"resolution": 1.5}, {}])
def test_searched(wish):
    task = asked(ground(), population=FREE, **wish)
    division, resolution = searched(task)
    assert len(division) == 3
    assert resolution == wish.get("resolution", resolution)
    assert resolution > 0


def test_another_number_is_refused():
    """Ward cannot make three of two groups; leiden refuses it before."""
    options = {"population": (None, 3_500), "territories": 2}
    task = asked(ground(), **options)
    assert len(set(found(task)[0].tolist())) == 2
    plurality = asked(ground(), population=FREE, method="plurality", territories=3)
    with pytest.raises(tt.ConstraintError, match="3 territories wanted"):
        found(plurality)


def test_the_record_is_plain():
    """What was asked can be written down as JSON, as it is."""
    task = asked(
        ground(weights={"dermatology": 1}),
        population=(1_000, None),
        territories=2,
        options={"steps": 5},
    )
    record = named(task, *found(task)).parameters
    assert json.loads(json.dumps(record)) == record
    assert record["options"] == {"null": "directed", "steps": 5}
    assert record["contiguous"] is True


@pytest.mark.parametrize("method", ["plurality", "dartmouth", "ward", "intramax"])
def test_what_only_leiden_knows(method):
    wishes = {"resolution": 1.0, "apart": [codes("AB")], "locked": {code("A"): "x"}}
    with pytest.raises(tt.ConstraintError) as refusal:
        asked(ground(), population=FREE, method=method, territories=2, **wishes)
    first = refusal.value.faults[0]
    assert first.key == "error.only_leiden"
    assert first.values["options"] == "resolution, apart, locked"


@HEAVY
@given(worlds(flowing=False), st.sampled_from([{}, {"resolution": 2.0}]))
def test_no_flow_is_no_crash(world, wish):
    """Zeros everywhere: all is white, and it is said."""
    layer, table = world
    empty = tt.Flows(table.table.assign(patients=0))
    zoning = tt.delineate(empty, layer, population=FREE, **wish)
    assert told(zoning) == [("no_flow", "")]
    assert zoning.uncovered == sorted(layer.index)
    with pytest.raises(tt.ConstraintError, match="all flows are zero"):
        tt.delineate(empty, layer, population=FREE, territories=len(layer))
