"""Drawing again: only around what was moved, and sectors inside one territory."""

import time

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from grids import (
    HEAVY,
    borders,
    code,
    codes,
    drawn,
    letters,
    planted,
    random_flows,
    random_layer,
    shuffle,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import territories as tt
from territories._words import using
from territories.graph import attraction_network

FREE = (None, None)


def blocks(seed=4, mixing=0.3):
    """Draw nine blocks of sixteen communes, each with its pole."""
    layer, table, truth = planted(np.random.default_rng(seed), 3, 4, mixing)
    zoning = tt.delineate(table, layer, territories=9)
    return layer, table, truth, zoning


def moved(zoning, commune, target):
    return zoning.revise(
        [tt.Revision(order=1, code=commune, action="move", target=target)], force=True
    )


def test_neighbours_follow_a_commune_that_was_moved():
    """B is moved to C's territory; D, which B alone joins to A, would be cut off and follows.

    ABCE      flows of D go where B goes: half and half
    .D..
    """
    layer = drawn("ABCE\n.D..", population=10_000)
    rows = [("AA", 90), ("CC", 90), ("BA", 50), ("BC", 45), ("DA", 20), ("DB", 60), ("EC", 60)]
    table = letters([*rows, ("BB", 5)], layer)
    zoning = tt.delineate(table, layer, territories=2, population=FREE)
    assert set(zoning.labels.index[zoning.labels == code("A")]) == set(codes("ABD"))
    after = moved(zoning, code("B"), code("C"))
    assert (after.pieces() > 1).any()
    network = attraction_network(table, layer)
    again = tt.redraw(after, network, around=[code("B")], population=FREE)
    assert again.labels[code("B")] == code("C")
    assert again.labels[code("D")] == code("C")
    assert (again.pieces() == 1).all()


def test_nothing_to_settle():
    """Where the flows want nothing else, the zoning stays as it is, and so does what is told."""
    layer, table, _, zoning = blocks()
    network = attraction_network(table, layer)
    again = tt.redraw(zoning, network, around=[code(1)])
    pd.testing.assert_frame_equal(again.membership, zoning.membership)
    assert again.unmet == zoning.unmet
    none = tt.redraw(zoning, network, around=[])
    pd.testing.assert_frame_equal(none.membership, zoning.membership)


def wrong_borders(seed=4):
    """Take the blocks and push one of their borders by two columns where flows do not want it."""
    layer, table, truth, _ = blocks(seed)
    labels = truth.copy()
    west, middle = truth[code(1)], truth[code(5)]
    for row in range(4):
        for column in (4, 5):
            labels[code(row * 12 + column + 1)] = west
    labels[middle] = middle
    return layer, table, truth, tt.Zoning.from_labels(labels, communes=layer)


def test_borders_move_back_but_for_what_is_held():
    """Around one commune that was moved on purpose: it stays, the others return."""
    layer, table, truth, zoning = wrong_borders()
    network = attraction_network(table, layer)
    held = code(6)
    again = tt.redraw(zoning, network, around=[held], population=FREE)
    assert again.labels[held] == zoning.labels[held] != truth[held]
    assert tt.modularity(again, table) > tt.modularity(zoning, table)
    changed = again.labels.index[again.labels != zoning.labels]
    assert len(changed) >= 4
    assert (again.labels[changed] == truth[changed]).all()


def test_locked_communes_stay():
    layer, table, _, zoning = wrong_borders()
    network = attraction_network(table, layer)
    locked = [code(17), code(18), code(29)]
    again = tt.redraw(zoning, network, around=[code(6)], locked=locked, population=FREE)
    assert (again.labels[locked] == zoning.labels[locked]).all()


def random_draft(seed):
    """Make a random world, a division of it, and a few communes put elsewhere by force."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 5, 5, sea=float(generator.choice([0, 0.15])))
    table = random_flows(generator, layer, count=150)
    resolution = float(generator.choice([1.0, 2.0]))
    zoning = tt.delineate(table, layer, population=FREE, resolution=resolution, seed=seed)
    pairs = zoning.borders
    labels = zoning.labels
    between = pairs[labels[pairs["left"]].to_numpy() != labels[pairs["right"]].to_numpy()]
    centres = []
    for place in generator.permutation(len(between))[:2]:
        row = between.iloc[place]
        target = zoning.labels[row["right"]]
        if target in set(zoning.labels) and (zoning.labels == zoning.labels[row["left"]]).sum() > 1:
            zoning = moved(zoning, row["left"], target)
            centres.append(row["left"])
    return generator, layer, table, zoning, centres, resolution


@settings(HEAVY, max_examples=80)
@given(st.integers(0, 10**6))
def test_what_redraw_promises(seed):
    """Moves inside the touched territories; nothing cut, emptied, or pushed over a bound."""
    generator, layer, table, zoning, centres, resolution = random_draft(seed)
    network = attraction_network(table, layer)
    locked = [str(each) for each in generator.choice(layer.index, 2)]
    bounds = [FREE, (8_000, None), (None, 30_000), (8_000, 30_000)][generator.integers(4)]
    again = tt.redraw(zoning, network, around=centres, locked=locked, population=bounds, seed=seed)
    before, after = zoning.labels, again.labels
    graph = borders(layer)
    touched = {before[each] for each in centres}
    touched |= {before[other] for each in centres for other in graph[each]}
    changed = after.index[after != before]
    assert set(before[changed]) <= touched
    assert set(after[changed]) <= touched
    assert not set(changed) & {*centres, *locked}
    assert set(after) == set(before)
    assert dict(again.names) == dict(zoning.names)
    assert (again.pieces() <= zoning.pieces()).all()
    used = zoning.parameters["resolution_used"]
    assert used == resolution
    quality = [tt.modularity(each, table, resolution=used) for each in (zoning, again)]
    assert quality[1] >= quality[0] - 1e-12
    low, high = bounds
    people = [layer["population"].groupby(each).sum() for each in (before, after)]
    for name in people[0].index:
        assert low is None or people[1][name] >= low or people[0][name] < low
        assert high is None or people[1][name] <= high or people[0][name] > high
    told = {str(each.values["name"]): each.key for each in again.unmet if "people" in each.values}
    for name in people[1].index:
        key = None
        if low is not None and people[1][name] < low:
            key = "unmet.small"
        elif high is not None and people[1][name] > high:
            key = "unmet.large"
        assert key is None or told[zoning.names[name]] == key
    other = tt.redraw(
        tt.Zoning(layer, shuffle(zoning.membership), names=zoning.names,
                  parameters=zoning.parameters),
        attraction_network(table, shuffle(layer, 3)),
        around=centres[::-1], locked=locked[::-1], population=bounds, seed=seed,
    )  # fmt: skip
    pd.testing.assert_series_equal(other.labels, again.labels)


def test_shared_and_uncovered_communes_are_left_alone():
    """F is shared between two territories, I is in none: both stay, with their weights.

    ABC
    DEF
    GHI
    """
    layer = drawn("ABC\nDEF\nGHI", population=10_000)
    rows = [(f"{each}A", 90) for each in "ABCDEF"] + [(f"{each}G", 90) for each in "GHI"]
    table = letters(rows, layer)
    membership = pd.DataFrame(
        [(code(each), "a", 1.0) for each in "ABD"]
        + [(code(each), "g", 1.0) for each in "CEGH"]
        + [(code("F"), "a", 0.5), (code("F"), "g", 0.5)],
        columns=["code", "territory", "weight"],
    )
    zoning = tt.Zoning(layer, membership, names={"a": "North", "g": "South"})
    network = attraction_network(table, layer)
    again = tt.redraw(zoning, network, around=[code("B")], population=FREE, resolution=0.5)
    assert again.uncovered == [code("I")]
    pd.testing.assert_frame_equal(again.shared, zoning.shared)
    assert again.labels[code("E")] == "a"
    assert again.labels[code("C")] == "a"
    assert again.names == zoning.names


def test_what_was_told_of_sizes_is_told_again():
    """The island keeps its place in the list, once; a size that is mended leaves it."""
    layer = drawn("ABC.D", population=[9_000, 9_000, 9_000, 1_000])
    rows = [("AA", 90), ("BA", 50), ("BC", 45), ("CC", 90), ("DD", 90)]
    table = letters(rows, layer)
    zoning = tt.delineate(table, layer, territories=3, population=(8_000, None))
    assert [each.key for each in zoning.unmet] == ["unmet.island"]
    network = attraction_network(table, layer)
    again = tt.redraw(zoning, network, around=[code("B")], population=(8_000, None))
    assert [(each.key, each.values["name"]) for each in again.unmet] == [
        ("unmet.small", "Commune 00004")
    ]
    with using("fr"):
        assert (
            str(again.unmet[0])
            == "Commune 00004 : 1\u202f000 habitants, sous le minimum de 8\u202f000."
        )
    assert tt.redraw(zoning, network, around=[code("B")], population=FREE).unmet == ()
    large = tt.redraw(zoning, network, around=[code("B")], population=(None, 9_500))
    assert [each.key for each in large.unmet] == ["unmet.large"]


def test_unknown_inhabitants_are_no_size():
    layer = drawn("AB", population=1_000)
    table = letters([("AA", 50), ("BB", 50)], layer)
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0)
    unknown = layer.assign(population=pd.array([None, None], dtype="Int64"))
    blank = tt.Zoning(unknown, zoning.membership)
    again = tt.redraw(blank, attraction_network(table, unknown), around=[code("A")])
    assert again.unmet == ()


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"around": ["99999"]}, ["locked_unknown"]),
        ({"around": [], "locked": ["99999"]}, ["locked_unknown"]),
        ({"around": "00001"}, ["codes_wanted"]),
        ({"around": [], "locked": "00001"}, ["codes_wanted"]),
        ({"around": ["00001"], "population": (5, 1)}, ["bounds_crossed"]),
        ({"around": ["00001"], "population": 20_000}, ["population_not_pair"]),
        ({"around": ["99999"], "population": (0, None)}, ["bound_not_positive", "locked_unknown"]),
    ],
    ids=str,
)
def test_refusals(options, keys):
    layer, table, _, zoning = blocks()
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.redraw(zoning, attraction_network(table, layer), **options)
    assert [fault.key.removeprefix("error.") for fault in refusal.value.faults] == keys


# --- Sectors ---------------------------------------------------------------------------------


def two_halves():
    """Draw one territory of two halves, and another town.

    ABCDEF     A and C draw their neighbours, all of them go to E for the rest; E F beside
    """
    layer = drawn("ABCDEF", population=10_000)
    rows = [("AA", 90), ("BA", 90), ("CC", 90), ("DC", 90), ("EE", 200), ("FE", 200)]
    return letters([*rows, ("AE", 10), ("CE", 10)], layer), layer


def whole():
    table, layer = two_halves()
    labels = {code(each): "west" if each in "ABCD" else "east" for each in "ABCDEF"}
    zoning = tt.Zoning.from_labels(labels, communes=layer)
    return table, tt.Zoning(layer, zoning.membership, names={"west": "The west"})


@pytest.mark.parametrize("name", ["west", "The west"])
def test_sectors_of_a_territory(name):
    """By its id or its name: only its communes, each sector in one piece."""
    table, zoning = whole()
    found = tt.sectors(zoning, table, name)
    assert found.name == "The west"
    assert sorted(found.communes.index) == codes("ABCD")
    assert found.labels.to_dict() == {
        **dict.fromkeys(codes("AB"), code("A")),
        **dict.fromkeys(codes("CD"), code("C")),
    }
    assert (found.pieces() == 1).all()
    assert found.parameters["population"] == [2_000, None]
    assert found.parameters["resolution"] == 1.0


def test_sectors_take_the_options_of_delineate():
    table, zoning = whole()
    found = tt.sectors(zoning, table, "west", territories=1, population=FREE)
    assert len(set(found.labels)) == 1
    apart = tt.sectors(zoning, table, "west", territories=3, population=FREE)
    assert apart.labels.nunique() == 3
    with pytest.raises(tt.ConstraintError, match="Unknown territory: 'south'"):
        tt.sectors(zoning, table, "south")


def test_sectors_without_inhabitants():
    """Their number is unknown: no minimum can be asked."""
    table, zoning = whole()
    unknown = zoning.communes.assign(
        population=pd.array([None] * len(zoning.communes), dtype="Int64")
    )
    blank = tt.Zoning(unknown, zoning.membership, names=zoning.names)
    found = tt.sectors(blank, table, "west")
    assert found.parameters["population"] == [None, None]
    assert found.labels.notna().all()


def test_bridges_inside_a_territory_are_kept():
    """B and C are joined by a bridge, in one territory; its sectors may be too.

    AB.CD
    """
    layer = drawn("AB.CD", population=10_000)
    table = letters([(f"{each}A", 90) for each in "ABCD"], layer)
    options = {"bridges": [(code("B"), code("C"))], "population": FREE}
    zoning = tt.delineate(table, layer, territories=1, **options)
    found = tt.sectors(zoning, table, zoning.labels.iloc[0], territories=1)
    assert found.pieces().tolist() == [1]


def test_neighbours_that_are_drawn_apart_still_touch():
    """Drawn 5 m apart and joined by the tolerance of the zoning: their sectors too."""
    layer = drawn("AB", population=10_000)
    shifted = layer.geometry.translate(5.0)
    layer["geometry"] = layer.geometry.where(layer.index == code("A"), shifted)
    table = letters([("AA", 90), ("BA", 90)], layer)
    zoning = tt.delineate(table, layer, territories=1, population=FREE, tolerance=10.0)
    found = tt.sectors(zoning, table, zoning.labels.iloc[0], territories=1)
    assert found.pieces().tolist() == [1]
    assert found.parameters["tolerance"] == 10.0


@HEAVY
@given(st.integers(0, 10**6))
def test_sectors_of_random_territories(seed):
    """Only the communes of the territory, each in one sector, in one piece."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 5, 5)
    table = random_flows(generator, layer, count=150)
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0)
    territory = str(generator.choice(sorted(set(zoning.labels))))
    inside = zoning.labels.index[zoning.labels == territory]
    if not layer["population"].loc[inside].sum():
        return
    found = tt.sectors(zoning, table, territory)
    assert sorted(found.communes.index) == sorted(inside)
    if found.territories.empty:
        assert [each.key for each in found.unmet] == ["unmet.no_flow"]
        return
    assert found.labels.notna().all()
    graph = borders(layer)
    for _, each in found.labels.groupby(found.labels):
        assert nx.is_connected(graph.subgraph(each.index))


def test_a_region_is_redrawn_in_a_moment():
    """Nine hundred communes: what the first call compiles aside, far under a second."""
    layer, table, _ = planted(np.random.default_rng(0), 3, 10, 0.3)
    zoning = tt.delineate(table, layer, territories=9, population=FREE)
    network = attraction_network(table, layer)
    centre = zoning.labels.index[400]
    tt.redraw(zoning, network, around=[centre])
    start = time.thread_time()  # other work of a busy machine does not count
    tt.redraw(zoning, network, around=[centre])
    assert time.thread_time() - start < 0.5
