"""The attraction graph: nodes and arcs, weights by activity, places outside, the hospital."""

from fractions import Fraction

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from grids import (
    HEAVY,
    PROPERTY,
    code,
    drawn,
    flows,
    letters,
    shuffle,
    shuffled_rows,
    with_rows,
    worlds,
)
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories._words import using
from territories.graph import attraction_network
from territories.network import Network

PICTURE = """
    AB
    CD
"""
A, B, C, D = (code(letter) for letter in "ABCD")
PARIS, LYON = "75056", "69123"

ROWS = [
    (A, B, 30, "dermatology"),
    (A, B, 10, "radiology"),
    (B, B, 6, "radiology"),
    (C, PARIS, 4, "dermatology"),
    (LYON, B, 5, "radiology"),
    (D, A, 0, "dermatology"),
    (PARIS, LYON, 99, "dermatology"),
]


def arcs(graph):
    return {(source, target): weight for source, target, weight in graph.edges(data="weight")}


def layer():
    return drawn(PICTURE, population=[10, 20, 30, 0])


def test_nodes_and_arcs():
    """Activities add up, a zero is no arc, Paris to Lyon is nobody's business here.

    A ─40→ B ⟲6      C ─4→ Paris      Lyon ─5→ B      D ─0→ A
    """
    graph = tt.attraction_graph(flows(ROWS), layer())
    assert isinstance(graph, nx.DiGraph)
    assert list(graph) == [A, B, C, D, LYON, PARIS]
    assert dict(graph.nodes(data="external")) == {
        **dict.fromkeys((A, B, C, D), False),
        **dict.fromkeys((LYON, PARIS), True),
    }
    assert {node: graph.nodes[node]["population"] for node in (A, B, C, D)} == {
        A: 10,
        B: 20,
        C: 30,
        D: 0,
    }
    assert arcs(graph) == {(A, B): 40.0, (B, B): 6.0, (C, PARIS): 4.0, (LYON, B): 5.0}
    assert all(type(weight) is float for weight in arcs(graph).values())


def test_communes_without_flows_stay():
    """A commune that nobody leaves or enters is a node."""
    graph = tt.attraction_graph(flows([(A, A, 3)]), layer())
    assert list(graph) == [A, B, C, D]
    assert nx.number_of_isolates(graph) == 3


def test_no_flow_at_all():
    graph = tt.attraction_graph(flows([]), layer())
    assert list(graph) == [A, B, C, D]
    assert graph.number_of_edges() == 0


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("volume", {(A, B): 40, (B, B): 6, (C, PARIS): 4, (LYON, B): 5}),
        ({"radiology": 2}, {(A, B): 20, (B, B): 12, (LYON, B): 10}),
        (
            {"dermatology": 0.5, "radiology": 1},
            {(A, B): 25, (B, B): 6, (C, PARIS): 2, (LYON, B): 5},
        ),
        ({"dermatology": 1, "radiology": 0}, {(A, B): 30, (C, PARIS): 4}),
    ],
)
def test_weights(weights, expected):
    """Factors apply to the patients; an activity without a factor counts 0."""
    assert arcs(tt.attraction_graph(flows(ROWS), layer(), weights=weights)) == expected


def test_equal_weights():
    """Three activities of 60, 30 and 10 patients: each one is given the mean, 100 / 3."""
    table = flows([(A, B, 60, "x"), (C, D, 20, "y"), (D, D, 10, "y"), (C, C, 10, "z")])
    found = arcs(tt.attraction_graph(table, layer(), weights="equal"))
    third = Fraction(100, 3)
    expected = {
        (A, B): third,
        (C, D): third * 2 / 3,
        (D, D): third / 3,
        (C, C): third,
    }
    assert found == pytest.approx({arc: float(weight) for arc, weight in expected.items()})


@PROPERTY
@given(worlds(flowing=False), st.sampled_from(["volume", {"dermatology": 3, "radiology": 0.25}]))
def test_as_a_slow_loop(world, weights):
    """The graph is the sum, row by row, of patients times the factor of their activity."""
    communes, table = world
    factors = {"dermatology": 1, "radiology": 1} if weights == "volume" else weights
    if weights != "volume":
        missing = set(factors) - set(table.activities)
        factors = {name: factor for name, factor in factors.items() if name not in missing}
        if not factors:
            return
        weights = factors
    expected = {}
    for row in table.table.itertuples():
        arc = (row.residence, row.destination)
        if set(arc) & set(communes.index):
            expected[arc] = expected.get(arc, 0) + row.patients * Fraction(factors[row.activity])
    expected = {arc: float(weight) for arc, weight in expected.items() if weight}
    assert arcs(tt.attraction_graph(table, communes, weights=weights)) == expected


@HEAVY
@given(worlds(), st.sampled_from(["volume", "equal"]), st.integers(0, 1000))
def test_row_order_changes_nothing(world, weights, seed):
    """To the last bit, and in the same order of nodes and arcs."""
    communes, table = world
    first = tt.attraction_graph(table, communes, weights=weights, hospital=table)
    other = shuffled_rows(table, seed)
    second = tt.attraction_graph(other, shuffle(communes, seed), weights=weights, hospital=other)
    assert list(first.nodes(data=True)) == list(second.nodes(data=True))
    assert list(first.edges(data=True)) == list(second.edges(data=True))


@pytest.mark.parametrize("hospital", [False, True], ids=["liberal", "with hospital"])
@pytest.mark.parametrize("weights", ["volume", "equal", {"dermatology": 2, "radiology": 1}])
@pytest.mark.parametrize(
    "more",
    [
        [(PARIS, LYON, 1_000, "dermatology"), (PARIS, PARIS, 50, "radiology")],
        [(A, C, 0, "dermatology"), (B, B, 0, "radiology")],
    ],
    ids=["between external places", "zeros"],
)
def test_what_concerns_no_commune_changes_nothing(weights, more, hospital):
    """Flows between two places outside, and zeros, leave every weight as it was."""
    stays = flows([(A, D, 20, "surgery"), (PARIS, D, 5, "surgery")]) if hospital else None
    before = tt.attraction_graph(flows(ROWS), layer(), weights=weights, hospital=stays)
    after = tt.attraction_graph(
        with_rows(flows(ROWS), more), layer(), weights=weights, hospital=stays
    )
    assert arcs(after) == pytest.approx(arcs(before))


def test_external_stays_change_nothing():
    """Stays of Parisians in Paris do not weaken those of the layer."""
    stays = flows([(A, D, 20, "surgery")])
    before = tt.attraction_graph(flows(ROWS), layer(), hospital=stays)
    more = with_rows(stays, [(PARIS, PARIS, 980, "surgery")])
    after = tt.attraction_graph(flows(ROWS), layer(), hospital=more)
    assert arcs(after) == pytest.approx(arcs(before))


def test_equal_weights_ignore_an_activity_without_patients():
    """A specialty whose cells are all 0 neither adds nor takes weight."""
    before = tt.attraction_graph(flows(ROWS), layer(), weights="equal")
    empty = with_rows(flows(ROWS), [(A, B, 0, "allergology")])
    after = tt.attraction_graph(empty, layer(), weights="equal")
    assert arcs(after) == pytest.approx(arcs(before))


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0])
def test_hospital_layer(weight):
    """The hospital's layer weighs so many times that of the specialists: 50 here.

    specialists: A ─40→ B ⟲10        stays: A ─300→ D, C ─100→ D
    """
    specialists = flows([(A, B, 40), (B, B, 10)])
    stays = flows([(A, D, 300, "surgery"), (C, D, 60, "surgery"), (C, D, 40, "births")])
    found = arcs(tt.attraction_graph(specialists, layer(), hospital=stays, hospital_weight=weight))
    expected = {(A, B): 40, (B, B): 10, (A, D): 37.5 * weight, (C, D): 12.5 * weight}
    assert found == pytest.approx({arc: each for arc, each in expected.items() if each})


def test_hospital_without_stays():
    specialists = flows([(A, B, 40)])
    graph = tt.attraction_graph(specialists, layer(), hospital=flows([(A, D, 0)]))
    assert arcs(graph) == {(A, B): 40.0}


@pytest.mark.parametrize(
    ("weights", "key"),
    [
        ("patients", "weights_unknown"),
        ({"dermatology": 1, "cardiology": 1}, "weights_activity"),
        ({"dermatology": -1}, "weights_value"),
        ({"dermatology": np.nan}, "weights_value"),
        ({"dermatology": np.inf}, "weights_value"),
        ({"dermatology": 0, "radiology": 0}, "weights_value"),
        ({"dermatology": "much"}, "weights_value"),
        ({}, "weights_value"),
    ],
)
def test_refused_weights(weights, key):
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.attraction_graph(flows(ROWS), layer(), weights=weights)
    assert [fault.key for fault in refusal.value.faults] == [f"error.{key}"]
    with using("fr"):
        french = str(refusal.value)
    assert french != str(refusal.value)


def test_refused_weights_name_the_activities():
    with pytest.raises(tt.ConstraintError) as refusal:
        tt.attraction_graph(flows(ROWS), layer(), weights={"cardiology": 1, "allergology": 1})
    assert "allergology, cardiology" in str(refusal.value)
    assert "dermatology, radiology" in str(refusal.value)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_refused_hospital_weight(weight):
    """A weight below 0 would take patients away from the specialists."""
    with pytest.raises(tt.ConstraintError):
        tt.attraction_graph(flows(ROWS), layer(), hospital=flows(ROWS), hospital_weight=weight)


@pytest.mark.parametrize("which", ["flows", "hospital"])
def test_unlocated_flows_are_refused(which):
    unlocated = tt.Flows(
        pd.DataFrame(
            {"residence": [A], "activity": ["x"], "practitioner": ["p1"], "patients": [20]}
        )
    )
    given_flows = unlocated if which == "flows" else flows(ROWS)
    with pytest.raises(tt.InputError) as refusal:
        tt.attraction_graph(
            given_flows, layer(), hospital=unlocated if which == "hospital" else None
        )
    assert [fault.key for fault in refusal.value.faults] == ["error.flows_not_located"]


# --- Weights by rank ------------------------------------------------------------------------

TWO = [
    (A, B, 30, "dermatology"),
    (A, C, 10, "dermatology"),
    (A, C, 20, "radiology"),
    (A, B, 5, "radiology"),
    (A, C, 12, "surgery"),
    (D, B, 15, "dermatology"),
    (D, C, 15, "dermatology"),
    (D, B, 4, "radiology"),
]


def test_dominance():
    """All patients of A for dermatology (40) count for B, those for the other two (37) for C.

    D has a tie and too few: it draws no arc.
    """
    graph = tt.attraction_graph(flows(TWO), layer(), weights="dominance")
    assert arcs(graph) == {(A, B): 40.0, (A, C): 37.0}


def test_concordance_weights():
    """B is one of the three poles of A, C two: 35 patients at B count a third, 42 two thirds."""
    graph = tt.attraction_graph(flows(TWO), layer(), weights="concordance")
    assert arcs(graph) == pytest.approx({(A, B): 35 / 3, (A, C): 42 * 2 / 3})


@HEAVY
@given(worlds(), st.sampled_from(["dominance", "concordance"]))
def test_ranked_weights_as_a_slow_loop(world, weights):
    communes, table = world
    near = [
        row
        for row in table.table.itertuples()
        if {row.residence, row.destination} & set(communes.index)
    ]
    seen = {}
    for row in near:
        places = seen.setdefault((row.residence, row.activity), {})
        places[row.destination] = places.get(row.destination, 0) + row.patients
    poles = {}
    for (residence, activity), places in seen.items():
        most = max(places.values())
        first = [place for place, patients in places.items() if patients == most]
        if sum(places.values()) >= 11 and len(first) == 1:
            poles.setdefault(residence, {})[activity] = first[0]
    expected = {}
    for residence, of in poles.items():
        for activity, pole in of.items():
            if weights == "dominance":
                patients = sum(seen[residence, activity].values())
                expected[residence, pole] = expected.get((residence, pole), 0) + patients
        for pole in set(of.values()) if weights == "concordance" else ():
            held = sum(each == pole for each in of.values()) / len(of)
            patients = sum(
                places.get(pole, 0) for (home, _), places in seen.items() if home == residence
            )
            expected[residence, pole] = patients * held
    found = arcs(tt.attraction_graph(table, communes, weights=weights))
    assert found == pytest.approx({arc: each for arc, each in expected.items() if each})


@pytest.mark.parametrize("weights", ["dominance", "concordance"])
@pytest.mark.parametrize(
    "more",
    [
        [(LYON, PARIS, 1_000, "dermatology"), (PARIS, PARIS, 50, "radiology")],
        [(A, C, 0, "surgery")],
    ],
    ids=["between external places", "zeros"],
)
def test_what_else_an_extract_holds_changes_no_rank(weights, more):
    """Lyon sends 50 to B, and 1 000 to Paris that are nobody's business here."""
    rows = [*TWO, (LYON, B, 50, "dermatology")]
    before = tt.attraction_graph(flows(rows), layer(), weights=weights)
    assert (LYON, B) in arcs(before)
    after = tt.attraction_graph(with_rows(flows(rows), more), layer(), weights=weights)
    assert arcs(after) == arcs(before)
    with_layer = tt.attraction_graph(flows(rows, layer()), layer(), weights=weights)
    assert arcs(with_layer) == arcs(before)


def test_ranked_weights_without_poles():
    graph = tt.attraction_graph(flows([(A, B, 5)]), layer(), weights="dominance")
    assert graph.number_of_edges() == 0
    zoning = tt.delineate(flows([(A, B, 5)]), layer(), weights="dominance", population=(None, None))
    assert [each.key for each in zoning.unmet] == ["unmet.no_flow"]


@pytest.mark.parametrize("weights", ["dominance", "concordance"])
def test_ranked_weights_beside_the_hospital(weights):
    """The hospital's layer weighs as much as that of the specialists, ranked as it is."""
    stays = flows([(A, D, 300, "surgery")])
    alone = arcs(tt.attraction_graph(flows(TWO), layer(), weights=weights))
    both = arcs(tt.attraction_graph(flows(TWO), layer(), weights=weights, hospital=stays))
    assert both == pytest.approx({**alone, (A, D): sum(alone.values())})


# --- The same in arrays ---------------------------------------------------------------------

ALL_WEIGHTS = ["volume", "equal", "dominance", "concordance"]


@HEAVY
@given(worlds(), st.sampled_from(ALL_WEIGHTS), st.booleans())
def test_the_network_is_the_graph(world, weights, hospital):
    """The arcs between communes, in order; places outside in what is sent and received."""
    communes, table = world
    options = {"weights": weights, "hospital": table if hospital else None}
    graph = tt.attraction_graph(table, communes, **options)
    ground = attraction_network(table, communes, **options)
    network = ground.network
    assert isinstance(network, Network)
    assert list(ground.placed) == sorted(communes.index)
    inside = {arc: weight for arc, weight in arcs(graph).items() if set(arc) <= set(communes.index)}
    codes = list(ground.placed)
    found = {
        (codes[source], codes[target]): weight
        for source, target, weight in zip(
            network.source, network.target, network.weight, strict=True
        )
    }
    assert found == inside
    assert list(found) == sorted(found)
    sent, received = (dict(graph.degree(weight="weight")), dict(graph.in_degree(weight="weight")))
    for place, each in enumerate(codes):
        assert network.received[place] == pytest.approx(received[each])
        assert network.sent[place] == pytest.approx(sent[each] - received[each])
    assert network.total == pytest.approx(sum(arcs(graph).values()))
    pairs = tt.contiguity(communes)
    pd.testing.assert_frame_equal(ground.pairs, pairs)
    assert ground.parameters["weights"] == weights
    assert ground.parameters["hospital_weight"] == (1.0 if hospital else None)


def test_scatter():
    """Variance for each unit of weight, patients being drawn (Poisson): factors come in squared.

    dermatology ×3: 10 patients are 30 of variance 90; radiology ×1: 6 patients of variance 6.
    """
    table = flows([(A, B, 10, "dermatology"), (A, B, 6, "radiology"), (B, B, 4, "radiology")])
    options = {"weights": {"dermatology": 3, "radiology": 1}}
    network = attraction_network(table, layer(), **options).network
    assert network.weight.tolist() == [36, 4]
    np.testing.assert_allclose(network.scatter, [96 / 36, 1])
    plain = attraction_network(table, layer()).network
    assert plain.scatter.tolist() == [1, 1]


def test_scatter_of_the_hospital():
    """20 stays weigh as 16 patients: 0.8 each, of variance 0.64."""
    table = flows([(A, B, 16)])
    stays = flows([(A, B, 15, "surgery"), (C, B, 5, "surgery")])
    network = attraction_network(table, layer(), hospital=stays).network
    assert network.weight.tolist() == pytest.approx([16 + 12, 4])
    np.testing.assert_allclose(network.scatter, [(16 + 15 * 0.64) / 28, 0.8])


@HEAVY
@given(worlds(), st.sampled_from(ALL_WEIGHTS), st.integers(0, 1000))
def test_row_order_changes_no_array(world, weights, seed):
    communes, table = world
    options = {"weights": weights, "hospital": table}
    first = attraction_network(table, communes, **options)
    other = shuffled_rows(table, seed)
    options = {"weights": weights, "hospital": other}
    second = attraction_network(other, shuffle(communes, seed), **options)
    for name in ("source", "target", "weight", "scatter", "sent", "received", "population"):
        assert getattr(first.network, name).tolist() == getattr(second.network, name).tolist()
    assert first.communes.index.tolist() == second.communes.index.tolist()


def test_communes_that_are_not_drawn():
    """B has no outline: it is no node, its flows are with the outside; a bridge makes it one."""
    communes = layer()
    communes.loc[B, "geometry"] = shapely.Polygon()
    table = letters([("AB", 10), ("BA", 20), ("AA", 5)])
    ground = attraction_network(table, communes)
    assert list(ground.placed) == [A, C, D]
    assert ground.network.weight.tolist() == [5]
    assert [each[0] for each in ground.network.outside] == [10, 20]
    assert repr(ground) == "<AttractionNetwork: 3 communes, 2 borders, 1 flows>"
    bridged = attraction_network(table, communes, bridges=[(A, B)])
    assert list(bridged.placed) == [A, B, C, D]
    assert bridged.network.weight.tolist() == [5, 10, 20]


def test_unknown_inhabitants_count_none():
    communes = layer().assign(population=pd.array([None, 5, None, 7], dtype="Int64"))
    ground = attraction_network(letters([("AB", 10)]), communes)
    assert ground.network.population.sum() == 12


def test_stages_of_a_network():
    told = []
    attraction_network(flows(ROWS), layer(), tell=told.append)
    assert told == ["graph"]
