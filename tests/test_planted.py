"""What benchmarks/planted.py plants is what it says, and is found again where it is clear."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from planted import OUTSIDE, clarity, layer, planted, planting
from sklearn.metrics import adjusted_rand_score

import territories as tt


@pytest.fixture(scope="module")
def land(cvl):
    return layer(cvl / "communes_cvl_2024.geojson")


def in_one_piece(land, truth):
    """Tell whether each territory is connected in the rook graph."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(truth)))
    graph.add_edges_from(zip(land.left.tolist(), land.right.tolist(), strict=True))
    labels = truth.to_numpy()
    return all(
        nx.is_connected(graph.subgraph(np.flatnonzero(labels == each))) for each in set(labels)
    )


def share_inside(given):
    """Return the share of patients seen in the territory they live in."""
    table = given.flows.table
    inside = table["residence"].map(given.truth) == table["destination"].map(given.truth)
    return table["patients"][inside].sum() / table["patients"].sum()


@pytest.mark.parametrize("percent", [0, 30, 60, 80])
def test_partitions(land, percent):
    """30 groups in one piece; 1 000 patients for each commune, that share of them elsewhere."""
    given = planted(land, percent / 100, seed=1)
    assert given.truth.nunique() == 30
    assert in_one_piece(land, given.truth)
    assert set(given.flows.table.groupby("residence")["patients"].sum()) == {1_000}
    assert share_inside(given) == pytest.approx(1 - percent / 100)


@pytest.mark.parametrize(("number", "inside"), [(20, 0.6), (24, 0.72), (28, 0.8)])
def test_plantings(land, number, inside):
    """Territories in one piece of 20 000 people and more, and the share inside that was asked."""
    given = planting(land, number, inside, seed=1)
    assert given.truth.nunique() == number
    assert in_one_piece(land, given.truth)
    assert land.communes["population"].groupby(given.truth).sum().min() >= 20_000
    assert share_inside(given) == pytest.approx(inside, abs=0.003)
    table = given.flows.table
    assert table["activity"].nunique() == 5
    poles = table.groupby("activity")["destination"].nunique()
    assert poles["gastro-entérologie"] < poles["ophtalmologie"]
    assert OUTSIDE in set(table["destination"])


@pytest.mark.parametrize("plant", [planted, lambda land, x, s: planting(land, 24, x, s)])
def test_the_same_seed_plants_the_same(land, plant):
    given, again, other = plant(land, 0.6, 1), plant(land, 0.6, 1), plant(land, 0.6, 2)
    pd.testing.assert_frame_equal(given.flows.table, again.flows.table)
    pd.testing.assert_series_equal(given.truth, again.truth)
    assert not given.truth.equals(other.truth)


def test_network_and_flows_are_the_same(land):
    given = planting(land, 24, 0.7, 0)
    table, network = given.flows.table, given.network
    assert network.total == table["patients"].sum()
    assert network.weight.sum() == table.loc[table["destination"] != OUTSIDE, "patients"].sum()
    sent = table.groupby("residence")["patients"].sum().reindex(given.truth.index, fill_value=0)
    assert network.sent.tolist() == sent.tolist()


def test_clarity_of_the_truth(land):
    """κ is what stays inside beyond chance, and does not depend on the number of territories.

    Where nothing is planted, all in one territory but a few communes keeps nearly all inside.
    """
    clear, dim = planted(land, 0.6, 1), planted(land, 0.8, 1)
    assert clarity(clear.network, clear.truth.to_numpy()) == pytest.approx(0.366, abs=0.01)
    assert clarity(dim.network, dim.truth.to_numpy()) == pytest.approx(0.155, abs=0.01)
    halves = clear.truth.isin(sorted(set(clear.truth))[:15]).to_numpy()
    assert clarity(clear.network, halves) == pytest.approx(0.38, abs=0.05)
    assert clarity(clear.network, np.arange(1_756) < 10) == pytest.approx(0, abs=0.05)
    assert np.isnan(clarity(clear.network, np.zeros(1_756)))


def test_a_clear_partition_is_found(land):
    """At 30 % between groups, ARI 1.00."""
    given = planted(land, 0.3, 0)
    zoning = tt.delineate(given.flows, land.communes, territories=30, population=(None, None))
    assert adjusted_rand_score(given.truth, zoning.labels) > 0.995
    assert zoning.unmet == ()


def test_no_clear_division_is_said(land):
    """Where 80 % of the patients are seen in other groups, it is said rather than drawn."""
    given = planted(land, 0.8, 0)
    zoning = tt.delineate(given.flows, land.communes, population=(None, None))
    assert "unmet.no_clear_division" in {each.key for each in zoning.unmet}
