"""The attraction graph: nodes and arcs, weights by activity, places outside, the hospital."""

from fractions import Fraction

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from grids import HEAVY, PROPERTY, code, drawn, flows, shuffle, shuffled_rows, with_rows, worlds
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories._words import using

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
