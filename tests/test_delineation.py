"""Delineation: what is asked is kept or refused, in one piece, whatever the order of the rows."""

import math
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from grids import (
    HEAVY,
    PROPERTY,
    borders,
    code,
    codes,
    drawn,
    flows,
    grid,
    letters,
    members,
    package_borders,
    planted,
    random_flows,
    random_layer,
    shuffle,
    shuffled_rows,
    with_rows,
    worlds,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

import territories as tt
from territories._words import using
from territories.graph import attraction_network
from territories.scan import proposed
from territories.task import asked
from territories.unmet import CLEAR

BRINDISI = Path(__file__).parents[2] / "shared" / "data" / "reference" / "brindisi"
FREE = (None, None)
PARIS, LYON = "75056", "69123"


def unmet(zoning):
    return [sentence.key.removeprefix("unmet.") for sentence in zoning.unmet]


def same(first, second):
    """Tell whether two zonings are the same in all that a user sees."""
    pd.testing.assert_frame_equal(first.membership, second.membership)
    assert dict(first.names) == dict(second.names)
    assert first.unmet == second.unmet
    assert first.parameters == second.parameters
    return True


def refusal_of(*arguments, **options):
    """Return the keys of a refusal, after a look at its words in both languages."""
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.delineate(*arguments, **options)
    keys = [fault.key.removeprefix("error.") for fault in refusal.value.faults]
    english = str(refusal.value)
    with using("fr"):
        french = str(refusal.value)
    assert len(english.splitlines()) == len(french.splitlines()) == len(keys)
    for line, ligne in zip(english.splitlines(), french.splitlines(), strict=True):
        assert line != ligne
        assert "{" not in line + ligne
    return keys


# --- What is promised of any zoning --------------------------------------------------------


@st.composite
def wishes(draw):
    """Draw what may be asked: a number, a resolution or neither, and bounds."""
    asked = draw(
        st.sampled_from(
            [{}, {"resolution": 1.0}, {"resolution": 5.0}, *({"territories": n} for n in range(9))]
        )
    )
    bounds = draw(
        st.sampled_from([FREE, (5_000, None), (None, 20_000), (8_000, 25_000), (20_000, None)])
    )
    return {**asked, "population": bounds}


def impossible(layer, graph, *, territories=None, population=FREE):
    """List, slowly, the faults of a wish that can be known without a search."""
    people, (low, high) = int(layer["population"].sum()), population
    found = set()
    if territories is not None and territories < 1:
        found.add("number_not_positive")
    elif territories is not None:
        if territories > len(layer):
            found.add("number_over_communes")
        if territories < nx.number_connected_components(graph):
            found.add("number_under_pieces")
        if low and territories * low > people >= low:
            found.add("number_minimum")
        if high and territories * high < people:
            found.add("number_maximum")
    if low and low > people:
        found.add("minimum_over_total")
    if high and layer["population"].max() > high:
        found.add("maximum_under_commune")
    return found


def check_promises(zoning, layer, table, graph, *, territories=None, population=FREE):
    """Hold a zoning to every promise of `delineate`, by recomputation."""
    labels = zoning.labels
    assert sorted(labels.index) == sorted(layer.index)
    assert labels.notna().all()
    assert zoning.membership["code"].is_unique
    assert (zoning.membership["weight"] == 1).all()
    assert zoning.uncovered == []
    if territories is not None:
        assert labels.nunique() == territories
    here = table.table[table.table["destination"].isin(layer.index)]
    received = here.groupby("destination")["patients"].sum()
    received = received.reindex(layer.index.sort_values(), fill_value=0)
    people = layer["population"].groupby(labels).sum()
    low, high = population
    told = {str(each.values["code"]): each for each in zoning.unmet if "code" in each.values}
    for territory, nodes in ((name, group.index) for name, group in labels.groupby(labels)):
        assert nx.is_connected(graph.subgraph(nodes))
        # Named by the place that receives most; no place: most people; then the first code.
        best = min(nodes, key=lambda node: (-received[node], -layer["population"][node], node))
        assert territory == best
        assert zoning.names[territory] == f"Commune {best}"
        beside = {labels[other] for node in nodes for other in graph[node]} - {territory}
        assert high is None or people[territory] <= high
        reason = told[territory].key.removeprefix("unmet.") if territory in told else None
        if low is not None and people[territory] < low:
            full = all(high and people[territory] + people[other] > high for other in beside)
            assert reason, "a territory under the minimum is told"
            assert (reason == "island") == (not beside)
            assert full or (territories is not None and reason != "neighbours_full")
        else:
            assert reason == (None if received[nodes].sum() else "no_care")
        if reason:
            assert told[territory].values["people"] == people[territory]
    assert set(told) <= set(labels)


@PROPERTY
@given(worlds(), wishes(), st.integers(0, 2**32))
def test_promises(world, wish, seed):
    """One piece each, all communes, bounds kept or told, the number exact, or a refusal."""
    layer, table = world
    inside = tt.attraction_graph(table, layer)
    assume(inside.number_of_edges())
    graph = borders(layer)
    asked = {"territories": wish.get("territories"), "population": wish["population"]}
    expected = impossible(layer, graph, **asked)
    try:
        zoning = tt.delineate(table, layer, seed=seed, **wish)
    except tt.ConstraintError as refusal:
        found = {fault.key.removeprefix("error.") for fault in refusal.faults}
        if expected:
            assert found == expected
        else:
            assert found == {"number_not_reached"}
            assert wish["population"] != FREE
        return
    assert not expected
    check_promises(zoning, layer, table, graph, **asked)


@HEAVY
@given(worlds(), st.integers(0, 100))
def test_promises_with_bridges(world, seed):
    """Bridges join what the sea parts: pieces are counted with them."""
    layer, table = world
    assume(tt.attraction_graph(table, layer).number_of_edges())
    generator = np.random.default_rng(seed)
    bridges = [
        tuple(generator.choice(layer.index, 2, replace=False).tolist())
        for _ in range(3)
        if len(layer) > 1
    ]
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0, bridges=bridges)
    check_promises(zoning, layer, table, borders(layer, bridges))
    assert (zoning.pieces() == 1).all()


@HEAVY
@given(worlds(flowing=False), wishes(), st.integers(0, 1000))
def test_row_order_changes_nothing(world, wish, seed):
    """Rows of flows, their columns and the communes in another order: the same zoning."""
    layer, table = world
    try:
        first = tt.delineate(table, layer, seed=3, **wish)
    except tt.ConstraintError as refusal:
        with pytest.raises(tt.ConstraintError) as again:
            tt.delineate(shuffled_rows(table, seed), shuffle(layer, seed), seed=3, **wish)
        assert str(again.value) == str(refusal)  # noqa: PT017
        return
    second = tt.delineate(shuffled_rows(table, seed), shuffle(layer, seed), seed=3, **wish)
    assert same(first, second)


@HEAVY
@given(worlds(), st.sampled_from([{}, {"resolution": 2.0}, {"territories": 2}]), st.integers(0, 99))
def test_same_seed_same_labels(world, wish, seed):
    layer, table = world
    assume(len(layer) >= 2)
    assume(nx.number_connected_components(package_borders(layer)) <= 2)
    assume(tt.attraction_graph(table, layer).number_of_edges())
    options = {"population": FREE, "seed": seed, **wish}
    assert same(tt.delineate(table, layer, **options), tt.delineate(table, layer, **options))


def test_seeds_are_tried():
    """Among a hundred seeds on flows without structure, not all give the same division."""
    generator = np.random.default_rng(0)
    layer = grid(5, 5)
    table = flows(
        [(a, b, int(generator.integers(11, 20))) for a in layer.index for b in layer.index], layer
    )
    found = {
        frozenset(
            members(tt.delineate(table, layer, resolution=1.0, population=FREE, seed=s).labels)
        )
        for s in range(20)
    }
    assert len(found) > 1


@pytest.mark.parametrize("weights", ["volume", "equal"])
@pytest.mark.parametrize("wish", [{}, {"resolution": 1.0}, {"territories": 4}], ids=str)
@pytest.mark.parametrize(
    "more",
    [
        [("00001", "00009", 0, "dermatology"), ("00004", PARIS, 0, "radiology")],
        [(PARIS, LYON, 5_000, "dermatology"), (LYON, LYON, 70, "radiology")],
    ],
    ids=["zeros", "between external places"],
)
def test_what_concerns_no_commune_changes_nothing(more, wish, weights):
    """Zeros, and flows between two places outside, change no label, sentence or name."""
    for seed in range(8):
        generator = np.random.default_rng(seed)
        layer = grid(4, 4, population=generator.integers(1_000, 9_000, 16))
        rows = [
            (str(a), str(b), int(n), str(activity))
            for a, b, n, activity in zip(
                generator.choice(layer.index, 60),
                generator.choice([*layer.index, PARIS], 60),
                generator.integers(1, 99, 60),
                generator.choice(["dermatology", "radiology"], 60, p=[0.8, 0.2]),
                strict=True,
            )
        ]
        options = {"population": (4_000, None), "weights": weights, **wish}
        first = tt.delineate(flows(rows, layer), layer, **options)
        assert same(first, tt.delineate(with_rows(flows(rows), more, seed), layer, **options))


@HEAVY
@given(
    worlds(),
    st.sampled_from([{}, {"resolution": 1.0}, {"territories": 1}]),
    st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**30]),
    st.sampled_from(["volume", "equal"]),
)
def test_scale_changes_nothing(world, wish, factor, weights):
    """All flows times a power of two: the same divisions, to the last comparison."""
    layer, table = world
    assume(nx.is_connected(package_borders(layer)))
    options = {"population": (5_000, None), "weights": weights, **wish}
    assume(layer["population"].sum() >= 5_000)
    scaled = tt.Flows(table.table.assign(patients=table.table["patients"] * factor))
    assert same(tt.delineate(table, layer, **options), tt.delineate(scaled, layer, **options))


@HEAVY
@given(worlds(), st.floats(0, 1), st.integers(0, 9))
def test_any_number_without_bounds(world, share, seed):
    """From one a piece of the map to one a commune, every number can be had exactly."""
    layer, table = world
    graph = package_borders(layer)
    least = nx.number_connected_components(graph)
    number = least + round(share * (len(layer) - least))
    assume(tt.attraction_graph(table, layer).number_of_edges())
    zoning = tt.delineate(table, layer, territories=number, population=FREE, seed=seed)
    check_promises(zoning, layer, table, graph, territories=number)


def test_default_number_drawn():
    """Nobody says how many: the flows draw two towns."""
    table, layer = two_towns()
    zoning = tt.delineate(table, layer)
    assert members(zoning.labels) == {frozenset(codes("ABCDE")), frozenset(codes("FGHI"))}


@HEAVY
@given(worlds(), st.integers(0, 9))
def test_default_number(world, seed):
    """Neither number nor resolution: the last scale before care leaves faster, poles permitting.

    The pieces of a layer count one each.
    """
    layer, table = world
    assume(tt.attraction_graph(table, layer).number_of_edges())
    zoning = tt.delineate(table, layer, population=FREE, seed=seed)
    task = asked(attraction_network(table, layer), population=FREE, seed=seed)
    pieces = nx.number_connected_components(package_borders(layer))
    most = proposed(task.network, task.problem, seed=seed)
    assert pieces <= zoning.labels.nunique() <= most
    check_promises(zoning, layer, table, package_borders(layer))


# --- Drawn by hand -------------------------------------------------------------------------

TOWNS = """
    ABC
    DEF
    GHI
"""


def two_towns():
    """Draw two towns, A at the top and I at the bottom, each with its suburbs.

    ABC     A draws A B C D (400 each), I draws F G H I; E goes to both, more to A.
    DEF
    GHI
    """
    layer = drawn(TOWNS, population=[50_000, *[5_000] * 7, 40_000])
    rows = [(f"{place}A", 400) for place in "ABCD"] + [(f"{place}I", 400) for place in "FGHI"]
    return letters([*rows, ("EA", 250), ("EI", 150)], layer), layer


@pytest.mark.parametrize(
    "wish", [{"territories": 2}, {"resolution": 1.0}, {"territories": 2, "population": FREE}]
)
def test_two_towns(wish):
    table, layer = two_towns()
    zoning = tt.delineate(table, layer, **wish)
    assert members(zoning.labels) == {frozenset(codes("ABCDE")), frozenset(codes("FGHI"))}
    assert set(zoning.labels) == {code("A"), code("I")}
    assert zoning.names == {code("A"): "Commune 00001", code("I"): "Commune 00009"}
    assert zoning.unmet == ()
    assert repr(zoning) == "<Zoning 'draft': 2 territories, 9 communes, 0 uncovered, 0 shared>"


def test_stages_are_told():
    table, layer = two_towns()
    stages = []
    tt.delineate(table, layer, territories=2, tell=stages.append)
    assert stages == ["graph", "search"]


def test_parameters_are_recorded():
    table, layer = two_towns()
    zoning = tt.delineate(
        table, layer, territories=2, population=(10_000, 90_000), weights={"dermatology": 2}, seed=5
    )
    recorded = dict(zoning.parameters)
    assert recorded.pop("resolution_used") > 0
    assert recorded == {
        "method": "leiden",
        "territories": 2,
        "resolution": None,
        "population": [10_000, 90_000],
        "weights": {"dermatology": 2},
        "hospital_weight": None,
        "tolerance": 0.1,
        "contiguous": True,
        "options": {"null": "directed", "steps": 1_000},
        "seed": 5,
    }


def test_one_piece_although_flows_jump():
    """A and C only exchange with each other, B keeps to itself: they do not join over B.

    ABC     A ⇄ C     B ⟲
    """
    layer = drawn("ABC")
    table = letters([("AC", 500), ("CA", 500), ("BB", 500)], layer)
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0)
    assert (zoning.pieces() == 1).all()
    assert zoning.labels.nunique() == 3


def test_a_corner_is_no_border():
    """A and D touch at a point only, and all flows are between them.

    A.
    .D
    """
    layer = drawn("A.\n.D")
    zoning = tt.delineate(
        letters([("AD", 100), ("DA", 100)], layer), layer, population=FREE, resolution=0.5
    )
    assert zoning.labels.nunique() == 2


def islands():
    """Draw a mainland and an island of 1 000 inhabitants, D.

    ABC..D     all go to A, from D too
    """
    layer = drawn("ABC..D", population=[30_000, 9_000, 9_000, 1_000])
    return letters([("AA", 90), ("BA", 90), ("CA", 90), ("DA", 9), ("DD", 5)], layer), layer


def test_an_island_alone_is_told():
    table, layer = islands()
    zoning = tt.delineate(table, layer)
    assert zoning.labels[code("D")] == code("D")
    assert unmet(zoning) == ["island"]
    english = str(zoning.unmet[0])
    assert english.startswith("Commune 00004 (00004): 1,000 inhabitants, under the minimum of 20,0")
    with using("fr"):
        french = str(zoning.unmet[0])
    assert "sous le minimum de 20\u202f000 ; aucune commune voisine" in french


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("as_table", [False, True])
def test_a_bridge_joins(reverse, as_table):
    table, layer = islands()
    pair = (code("D"), code("C")) if reverse else (code("C"), code("D"))
    bridges = pd.DataFrame([pair], columns=["left", "right"]) if as_table else [pair]
    zoning = tt.delineate(table, layer, bridges=bridges)
    assert zoning.labels.unique().size == 1
    assert unmet(zoning) == []
    assert zoning.pieces().tolist() == [1]


def test_an_unknown_bridge_is_refused():
    table, layer = islands()
    assert refusal_of(table, layer, bridges=[(code("A"), "99999")]) == ["bridge_unknown"]


def test_a_bridge_to_itself_joins_nothing():
    """A bridge from a commune to itself is no way round it: territories stay in one piece."""
    cut = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        layer = grid(4, 4)
        ends = generator.choice(layer.index, (50, 2))
        rows = [(str(a), str(b), int(generator.integers(1, 200))) for a, b in ends]
        zoning = tt.delineate(
            flows(rows, layer),
            layer,
            population=FREE,
            resolution=1.0,
            bridges=[(each, each) for each in layer.index],
        )
        cut += [seed] * int((zoning.pieces() > 1).any())
    assert cut == []


def test_neighbours_at_the_maximum_are_told():
    """B, of 100 inhabitants, cannot join A or C, of 950, under a maximum of 1 000.

    ABC
    """
    layer = drawn("ABC", population=[950, 100, 950])
    table = letters([("AA", 50), ("BA", 50), ("CC", 50)], layer)
    zoning = tt.delineate(table, layer, population=(500, 1_000))
    assert unmet(zoning) == ["neighbours_full"]
    assert zoning.unmet[0].values["code"] == code("B")
    assert (zoning.territories["population"] <= 1_000).all()


@pytest.mark.parametrize("seed", [80, 101, *range(40)])
def test_neighbours_are_said_to_be_full_only_when_they_are(seed):
    """With a number, what keeps a small territory from a neighbour may be the number itself."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 4, 4)
    table = random_flows(generator, layer)
    number = int(generator.integers(2, 8))
    try:
        zoning = tt.delineate(table, layer, territories=number, population=(8_000, 25_000))
    except tt.ConstraintError:
        return
    check_promises(
        zoning, layer, table, borders(layer), territories=number, population=(8_000, 25_000)
    )


def test_a_territory_without_care_is_told():
    """Two places of care for three territories.

    ABC
    DEF
    GHI
    """
    table, layer = two_towns()
    zoning = tt.delineate(table, layer, territories=3, population=FREE)
    assert unmet(zoning) == ["no_care"]


@pytest.mark.parametrize("number", [4, 6, 9])
def test_more_territories_than_places_of_care(number):
    """Two towns receive: each territory more is without care, no more and no less."""
    table, layer = two_towns()
    zoning = tt.delineate(table, layer, territories=number, population=FREE)
    assert zoning.labels.nunique() == number
    assert unmet(zoning).count("no_care") == number - 2


@pytest.mark.parametrize("number", range(1, 7))
def test_huge_flows_beside_small_ones(number):
    """A thousand million patients next to eleven.

    ABCDEF     A ⇄ B 10⁹     E ⇄ F 11
    """
    layer = drawn("ABCDEF")
    huge = [(pair, 10**9) for pair in ("AA", "AB", "BB")]
    table = letters([*huge, *((pair, 11) for pair in ("EE", "EF", "FF"))], layer)
    zoning = tt.delineate(table, layer, territories=number, population=FREE)
    check_promises(zoning, layer, table, borders(layer), territories=number)


@pytest.mark.parametrize("wish", [{}, {"territories": 1}, {"resolution": 3.0}])
def test_one_commune(wish):
    layer = drawn("A", population=30_000)
    zoning = tt.delineate(letters([("AA", 30)], layer), layer, **wish)
    assert zoning.labels.to_dict() == {code("A"): code("A")}
    assert zoning.unmet == ()


def test_communes_without_inhabitants():
    """A population of 0 is no obstacle without a minimum, and with one they join a neighbour.

    ABCD     nobody lives in B and D
    """
    layer = drawn("ABCD", population=[900, 0, 900, 0])
    table = letters([("AA", 40), ("CC", 40)], layer)
    zoning = tt.delineate(table, layer, population=(500, None), territories=2)
    check_promises(zoning, layer, table, borders(layer), territories=2, population=(500, None))
    assert zoning.unmet == ()
    assert zoning.labels[code("D")] == code("C")


def test_all_without_inhabitants():
    layer = drawn("ABC", population=0)
    table = letters([("AA", 40), ("BA", 40), ("CC", 40)], layer)
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0)
    assert (zoning.pieces() == 1).all()
    assert refusal_of(table, layer, population=(1, None)) == ["minimum_over_total"]


def test_patients_outside_only():
    """All are treated in Paris: nothing holds here, and it is said."""
    layer = drawn(TOWNS)
    table = flows([(each, PARIS, 50) for each in layer.index], layer)
    zoning = tt.delineate(table, layer, population=(9_000, None))
    assert zoning.labels.unique().size == 1
    assert unmet(zoning) == ["no_care"]  # one territory only: there is no division to be clear


def test_patients_from_outside_only():
    """Only Parisians come, to A and to I: no flow of a resident, no crash."""
    layer = drawn(TOWNS)
    table = flows([(PARIS, code("A"), 50), (PARIS, code("I"), 70)], layer)
    zoning = tt.delineate(table, layer, population=(9_000, None))
    assert zoning.labels.unique().tolist() == [code("I")]


# --- No flow -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows",
    [[], [("AB", 0), ("CC", 0)]],
    ids=["no row", "zeros"],
)
@pytest.mark.parametrize("wish", [{}, {"resolution": 1.0}])
def test_no_flow(rows, wish):
    """No crash: nothing can be drawn, so all is a white zone, and the reason is given."""
    layer = drawn(TOWNS)
    zoning = tt.delineate(letters(rows, layer), layer, population=FREE, **wish)
    assert zoning.uncovered == codes("ABCDEFGHI")
    assert zoning.territories.empty
    assert unmet(zoning) == ["no_flow"]
    with using("fr"):
        assert (
            str(zoning.unmet[0])
            == "Les flux sont tous nuls : aucun territoire ne peut en être tiré."
        )


def test_no_flow_under_a_minimum_says_nothing_false():
    """Without flows nobody's neighbours are "at the maximum": there is none."""
    layer = drawn(TOWNS)
    zoning = tt.delineate(letters([("AB", 0)], layer), layer, population=(3_000, None))
    assert unmet(zoning) == ["no_flow"]


def test_no_flow_and_a_number():
    """The refusal speaks of the flows, not of bounds that nobody gave."""
    layer = drawn(TOWNS)
    table = letters([("AB", 0)], layer)
    assert refusal_of(table, layer, population=FREE, territories=3) == ["no_flow_number"]


def test_no_flow_is_recorded_as_any_other_run():
    """What was asked stands in the parameters, for the record, even when nothing came of it."""
    layer = drawn(TOWNS)
    zoning = tt.delineate(letters([], layer), layer, population=(9_000, None), seed=4)
    assert zoning.parameters["seed"] == 4
    assert zoning.parameters["population"] == [9_000, None]


# --- Planted territories -------------------------------------------------------------------


@pytest.mark.parametrize("mixing", [0.0, 0.2, 0.4])
@pytest.mark.parametrize(("blocks", "side"), [(2, 3), (3, 3), (3, 4)])
@pytest.mark.parametrize("way", ["number", "resolution", "neither"])
def test_planted_territories_are_found(blocks, side, mixing, way):
    """Square blocks whose residents go mostly to the middle of their own: found exactly.

    ····· ·····     middles: the poles of the blocks
    ··o·· ··o··
    ····· ·····
    """
    layer, table, truth = planted(np.random.default_rng(blocks + side), blocks, side, mixing)
    if way == "neither":
        layer["population"] = 110_000 // side**2
    wish = {
        "number": {"territories": blocks**2},
        "resolution": {"resolution": 1.0},
        "neither": {},
    }[way]
    zoning = tt.delineate(table, layer, **wish)
    assert adjusted_rand_score(truth.sort_index(), zoning.labels.sort_index()) == 1.0
    assert zoning.labels.sort_index().equals(truth.sort_index().rename("territory").astype("str"))
    assert zoning.unmet == ()


@pytest.mark.parametrize(
    ("mixing", "clear"), [(0.2, True), (0.5, True), (0.8, False), (0.9, False)]
)
def test_no_clear_division(mixing, clear):
    """Nine blocks; at 80 % mixing, 20 % + 80 % / 9 of the flows stay: no clear division."""
    layer, table, _ = planted(np.random.default_rng(1), 3, 3, mixing)
    zoning = tt.delineate(table, layer, territories=9)
    assert ("no_clear_division" not in unmet(zoning)) == clear
    if not clear:
        with using("fr"):
            assert "Pas de division nette" in str(zoning.unmet[-1])


@pytest.mark.parametrize(
    ("stay", "leave", "clear"), [(62, 38, False), (5, 3, True), (63, 37, True)]
)
def test_clear_from_a_quarter(stay, leave, clear):
    """Two communes keep so many and exchange the others: the threshold itself, κ = ¼, is clear."""
    assert CLEAR == 0.25
    layer = drawn("AB", population=30_000)
    table = letters([("AA", stay), ("AB", leave), ("BA", leave), ("BB", stay)], layer)
    zoning = tt.delineate(table, layer, territories=2)
    assert unmet(zoning) == ([] if clear else ["no_clear_division"])


def test_an_island_without_care_does_not_spoil_the_rest():
    """The nine planted territories of the mainland are proposed, with and without an island.

    ········· ·
    ········· o   one commune of 25 000 inhabitants without any flow
    """
    layer, table, _ = planted(np.random.default_rng(7), 3, 5, 0.6)
    alone = tt.delineate(table, layer)
    assert alone.labels.nunique() == 9
    isle = gpd.GeoDataFrame(
        {"name": ["Isle"], "population": [25_000]},
        index=pd.Index(["99998"], name="code"),
        geometry=[drawn("A").translate(-50_000).iloc[0]],
        crs=layer.crs,
    )
    wider = tt.delineate(table, pd.concat([layer, isle]))
    assert wider.labels.drop("99998").equals(alone.labels)
    assert unmet(wider) == ["no_care"]


@pytest.mark.parametrize(
    ("away", "here"), [(0, 0), (400, 0), (400, 1)], ids=["no flow", "all to Paris", "all but one"]
)
@pytest.mark.parametrize("mixing", [0.2, 0.6])
def test_a_large_commune_without_care_does_not_spoil_the_rest(mixing, away, here):
    """A corner of 25 000 inhabitants of whom one at most is treated here: the others are found.

    o········
    ·········
    """
    layer, table, truth = planted(np.random.default_rng(7), 3, 5, mixing)
    corner = code(1)
    layer.loc[corner, "population"] = 25_000
    rows = table.table[table.table["residence"] != corner]
    elsewhere = with_rows(
        tt.Flows(rows), [(corner, PARIS, away), (corner, truth.drop(corner).iloc[-1], here)]
    )
    zoning = tt.delineate(elsewhere, layer)
    others = truth.drop(corner).sort_index()
    assert adjusted_rand_score(others, zoning.labels.drop(corner)) == 1.0
    assert unmet(zoning) in ([], ["no_care"])


# --- Refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"method": "louvain"}, ["method_unknown"]),
        ({"seed": 1.5}, ["seed_not_integer"]),
        ({"seed": True}, ["seed_not_integer"]),
        ({"seed": None}, ["seed_not_integer"]),
        ({"territories": 2, "resolution": 1.0}, ["number_and_resolution"]),
        ({"resolution": 0}, ["resolution_not_positive"]),
        ({"resolution": -1.0}, ["resolution_not_positive"]),
        ({"resolution": math.nan}, ["resolution_not_positive"]),
        ({"resolution": math.inf}, ["resolution_not_positive"]),
        ({"resolution": "1"}, ["resolution_not_positive"]),
        ({"resolution": True}, ["resolution_not_positive"]),
        ({"territories": 0}, ["number_not_positive"]),
        ({"territories": -3}, ["number_not_positive"]),
        ({"territories": 2.0}, ["number_not_positive"]),
        ({"territories": True}, ["number_not_positive"]),
        ({"territories": "2"}, ["number_not_positive"]),
        ({"territories": 10}, ["number_over_communes"]),
        ({"population": (20_000, None), "territories": 7}, ["number_minimum"]),
        ({"population": (None, 60_000), "territories": 2}, ["number_maximum"]),
        ({"population": (125_001, None)}, ["minimum_over_total"]),
        ({"population": (None, 49_999)}, ["maximum_under_commune"]),
        ({"population": (90_000, 60_000)}, ["bounds_crossed"]),
        ({"population": (0, None)}, ["bound_not_positive"]),
        ({"population": (None, -5)}, ["bound_not_positive"]),
        ({"population": (20_000.0, None)}, ["bound_not_positive"]),
        ({"population": (20_000.5, None)}, ["bound_not_positive"]),
        ({"population": (True, None)}, ["bound_not_positive"]),
        ({"population": (0, -1)}, ["bound_not_positive", "bound_not_positive"]),
        ({"population": ("20000", None)}, ["bound_not_positive"]),
        ({"population": ("20000", None), "territories": 2}, ["bound_not_positive"]),
        ({"population": (None, "20000"), "territories": 2}, ["bound_not_positive"]),
        ({"population": (math.nan, None), "territories": 2}, ["bound_not_positive"]),
    ],
    ids=str,
)
def test_refusals(options, keys):
    """Refused before any search, each with its own fault: 125 000 inhabitants, 50 000 in A."""
    table, layer = two_towns()
    assert refusal_of(table, layer, **{"population": FREE, **options}) == keys


@pytest.mark.parametrize(
    "options",
    [
        {"territories": 9},
        {"territories": 1, "population": (125_000, 125_000)},
        {"population": (None, 50_000)},
        {"population": [20_000, None]},
        {"resolution": 1},
        {"seed": -1},
        {"seed": 2**70},
    ],
    ids=str,
)
def test_the_limits_themselves_are_accepted(options):
    table, layer = two_towns()
    zoning = tt.delineate(table, layer, **{"population": FREE, **options})
    check_promises(
        zoning,
        layer,
        table,
        borders(layer),
        territories=options.get("territories"),
        population=options.get("population", FREE),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"territories": np.int64(2)},
        {"population": (np.int64(20_000), None)},
        {"seed": np.int64(1)},
        {"resolution": np.float64(1)},
    ],
    ids=str,
)
def test_whole_numbers_of_numpy_are_whole_numbers(options):
    """Numbers that come out of a table are no reason for a refusal."""
    table, layer = two_towns()
    plain = {
        name: (int(value[0]), None) if name == "population" else value.item()
        for name, value in options.items()
    }
    first = tt.delineate(table, layer, **options)
    assert first.labels.equals(tt.delineate(table, layer, **plain).labels)


def test_all_faults_at_once():
    """Six things wrong: six lines, one refusal (bounds that cross are not held to anything)."""
    table, layer = two_towns()
    keys = refusal_of(
        table,
        layer,
        method="louvain",
        seed="x",
        territories=12,
        resolution=-2,
        population=(200_000, 30_000),
    )
    assert sorted(keys) == sorted(
        [
            "method_unknown",
            "seed_not_integer",
            "number_and_resolution",
            "resolution_not_positive",
            "number_over_communes",
            "bounds_crossed",
        ]
    )


def test_refusals_say_what_was_found():
    """The communes over a maximum are named, the largest first; numbers are written for people."""
    table, layer = two_towns()
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.delineate(table, layer, population=(None, 39_000))
    assert str(refusal.value) == (
        "Communes are over the maximum of 39,000 inhabitants by themselves: "
        "Commune 00001 (00001, 50,000 inhabitants), "
        "Commune 00009 (00009, 40,000 inhabitants). Raise it."
    )
    with using("fr"):
        assert "maximum de 39\u202f000 habitants" in str(refusal.value)


def test_fewer_territories_than_pieces():
    """Two sets of communes that do not touch cannot be one territory, until a bridge joins them.

    AB.CD
    """
    layer = drawn("AB.CD", population=30_000)
    table = letters([("AB", 20), ("CD", 20), ("DD", 20), ("BB", 20)], layer)
    assert refusal_of(table, layer, territories=1) == ["number_under_pieces"]
    zoning = tt.delineate(table, layer, territories=1, bridges=[(code("C"), code("B"))])
    assert zoning.pieces().tolist() == [1]


def test_a_number_that_bounds_do_not_allow():
    """Two of 600 and one of 800 in a line under a maximum of 1 000: never two territories.

    ABC
    """
    layer = drawn("ABC", population=[600, 600, 800])
    table = letters([("AB", 20), ("BB", 20), ("CB", 20)], layer)
    assert refusal_of(table, layer, territories=2, population=(None, 1_000)) == [
        "number_not_reached"
    ]


def test_unlocated_flows_are_refused():
    table, layer = two_towns()
    unlocated = tt.Flows(table.table.rename(columns={"destination": "practitioner"}))
    with pytest.raises(tt.InputError) as refusal:
        tt.delineate(unlocated, layer)
    assert [fault.key for fault in refusal.value.faults] == ["error.flows_not_located"]


def test_inputs_are_not_changed():
    table, layer = two_towns()
    before = layer.copy(), table.table.copy()
    tt.delineate(table, layer, territories=2)
    pd.testing.assert_frame_equal(layer, before[0])
    pd.testing.assert_frame_equal(table.table, before[1])


# --- Modularity ----------------------------------------------------------------------------


def random_division(generator, layer):
    labels = pd.Series(generator.integers(0, 4, len(layer)).astype(str), index=layer.index)
    return shuffle(labels, int(generator.integers(999)))


def flow_graph(table, kind):
    graph = kind()
    for row in table.table.itertuples():
        if row.patients:
            before = graph.get_edge_data(row.residence, row.destination, {"weight": 0})["weight"]
            graph.add_edge(row.residence, row.destination, weight=before + row.patients)
    return graph


@HEAVY
@given(worlds(), st.integers(0, 1000), st.sampled_from([0.25, 1.0, 1.7, 6.0]), st.booleans())
def test_modularity_is_networkx(world, seed, resolution, directed):
    """Without places outside, self-flows included.

    Undirected: the flows of both ways are one edge, a self-flow is one loop of its patients, as
    networkx counts it (degree 2), so that m stays the total of the flows.
    """
    layer, table = world
    inside = table.table[
        table.table["residence"].isin(layer.index) & table.table["destination"].isin(layer.index)
    ]
    assume(inside["patients"].sum() > 0)
    table = tt.Flows(inside)
    labels = random_division(np.random.default_rng(seed), layer)
    graph = flow_graph(table, nx.DiGraph if directed else nx.Graph)
    graph.add_nodes_from(layer.index)
    expected = nx.community.modularity(
        graph, [set(group.index) for _, group in labels.groupby(labels)], resolution=resolution
    )
    found = tt.modularity(labels, table, resolution=resolution, directed=directed)
    assert found == pytest.approx(expected, abs=1e-12)


@PROPERTY
@given(worlds(), st.integers(0, 1000), st.sampled_from([0.5, 1.0, 3.0]))
def test_modularity_with_places_outside(world, seed, resolution):
    """Places without a label count in out_c, in_c and m; between two of them nothing counts."""
    layer, table = world
    labels = random_division(np.random.default_rng(seed), layer).iloc[: max(1, len(layer) - 1)]
    member = labels.to_dict()
    total, inside, sent, received = 0, 0, {}, {}
    for row in table.table.itertuples():
        source, target = member.get(row.residence), member.get(row.destination)
        if source is None and target is None:
            continue
        total += row.patients
        inside += row.patients * (source == target)
        sent[source] = sent.get(source, 0) + row.patients
        received[target] = received.get(target, 0) + row.patients
    found = tt.modularity(labels, table, resolution=resolution)
    if not total:
        assert math.isnan(found)
        return
    expected = sum(sent.get(label, 0) * received.get(label, 0) for label in set(member.values()))
    assert found == pytest.approx((inside - resolution * expected / total) / total, abs=1e-12)


@HEAVY
@given(worlds(), st.sampled_from([0.5, 1.0, 2.0]))
def test_modularity_of_a_zoning(world, resolution):
    """A zoning and its labels have the same; at least that of communes each apart.

    Those that receive nobody are no territory by themselves.
    """
    layer, table = world
    assume(tt.attraction_graph(table, layer).number_of_edges())
    zoning = tt.delineate(table, layer, population=FREE, resolution=resolution)
    found = tt.modularity(zoning, table, resolution=resolution)
    assert found == tt.modularity(shuffle(zoning.labels), table, resolution=resolution)
    apart = pd.Series(layer.index, index=layer.index)
    received = table.table.groupby("destination")["patients"].sum().reindex(layer.index)
    if (received > 0).all():
        assert found >= tt.modularity(apart, table, resolution=resolution) - 1e-12


def test_modularity_by_hand():
    """M = 10 + 10 + 20 = 40; M[x,x] = 20, M[y,y] = 20; out and in of x and y are 20.

    A ─10→ B ⟲10 | C ⟲20      Q = (20 + 20 − (20·20 + 20·20) / 40) / 40 = 0.5
    """
    table = letters([("AB", 10), ("BB", 10), ("CC", 20)])
    labels = pd.Series({code("A"): "x", code("B"): "x", code("C"): "y"})
    assert tt.modularity(labels, table) == 0.5
    assert tt.modularity(labels, table, directed=False) == 0.5
    assert tt.modularity(labels, table, resolution=2.0) == 0.0
    assert tt.modularity(labels.iloc[:2], table) == 0.0


def test_modularity_without_flows():
    labels = pd.Series({code("A"): "x"})
    assert math.isnan(tt.modularity(labels, letters([("AA", 0)])))
    assert math.isnan(tt.modularity(labels, letters([("BC", 50)])))
    assert math.isnan(tt.modularity(labels, letters([])))


def test_modularity_of_unlocated_flows_is_refused():
    unlocated = tt.Flows(
        letters([("AA", 20)]).table.rename(columns={"destination": "practitioner"})
    )
    with pytest.raises(tt.InputError) as refusal:
        tt.modularity(pd.Series({code("A"): "x"}), unlocated)
    assert [fault.key for fault in refusal.value.faults] == ["error.flows_not_located"]


# --- Brindisi: real flows, and the result of another program -------------------------------


@pytest.fixture(scope="module")
def brindisi():
    """Return layer, flows and golden areas of the 20 communes of Brindisi (ISTAT, 2001)."""
    if not BRINDISI.exists():
        pytest.skip(f"{BRINDISI} is not here: the reference data are not part of the project")
    layer = gpd.read_file(BRINDISI / "brindisi.geojson").to_crs(32633)
    layer = layer.set_index(pd.Index(layer["PRO_COM"], name="code"))
    layer = layer.assign(name=layer["NOME_COM"], population=layer["POP2001"].astype("int64"))
    table = pd.read_csv(BRINDISI / "brindisi_flows.csv", dtype="str")
    table = table.set_axis(["residence", "destination", "patients"], axis="columns")
    table = table.assign(activity="work", patients=table["patients"].astype("int64"))
    golden = pd.read_csv(BRINDISI / "golden_areas.csv", dtype="str")
    areas = golden.set_index("community")["cluster"]
    return shuffle(layer[["name", "population", "geometry"]]), tt.Flows(shuffle(table)), areas


def test_brindisi_golden_modularity(brindisi):
    _, table, areas = brindisi
    assert tt.modularity(shuffle(areas), table) == pytest.approx(0.6455998, abs=5e-8)


@pytest.mark.parametrize("seed", range(3))
def test_brindisi_is_divided_at_least_as_well(brindisi, seed):
    """Nine areas, each in one piece: more modular than those of ISTAT's containment rule."""
    layer, table, areas = brindisi
    zoning = tt.delineate(table, layer, territories=9, population=FREE, seed=seed)
    check = tt.modularity(zoning, table)
    assert check >= tt.modularity(areas, table)
    assert (zoning.pieces() == 1).all()
