"""Flows and borders in arrays: sums, order, groups, by loops over dictionaries."""

import numpy as np
import pytest
from grids import HEAVY
from hypothesis import given
from hypothesis import strategies as st
from networks import borders, drawn, groups, matrix, networks, random_network

from territories.network import NULLS, Network, both_ways, unbordered


def shuffled(network, seed):
    """Give the same arcs, borders and outside in another order, some arcs cut in two."""
    generator = np.random.default_rng(seed)
    begins = np.repeat(np.arange(len(network)), np.diff(network.borders.start))
    source = np.concatenate([network.source, network.source])
    target = np.concatenate([network.target, network.target])
    weight = np.concatenate([network.weight / 4, network.weight * 3 / 4])
    order = generator.permutation(len(source))
    edges = generator.permutation(len(begins))
    to_outside, from_outside = network.outside
    return Network.of(
        source[order],
        target[order],
        weight[order],
        left=network.borders.to[edges],
        right=begins[edges],
        population=network.population,
        sent_outside=to_outside,
        received_outside=from_outside,
    )


def same(first, second):
    for name in ("source", "target", "weight", "sent", "received", "population"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()
    for name in ("borders", "links"):
        for one, other in zip(getattr(first, name), getattr(second, name), strict=True):
            assert one.tolist() == other.tolist()
    assert first.total == second.total
    assert first.exchanged.tolist() == second.exchanged.tolist()
    return True


def pictured():
    """Draw three communes, flows with Paris, one commune apart.

    AB.C     A ⟲10 ─5→ B ─2→ A     C ─3→ Paris ─4→ A
    """
    flows = {"AA": 10, "AB": 5, "BA": 2, "BC": 0}
    people = [100, 200, 300]
    return drawn("AB.C", flows, people=people, sent_away={"C": 3}, received_away={"A": 4})


def test_sums_by_hand():
    network = pictured()
    assert len(network) == 3
    assert network.source.tolist() == [0, 0, 1]
    assert network.target.tolist() == [0, 1, 0]
    assert network.weight.tolist() == [10, 5, 2]
    assert network.sent.tolist() == [15, 2, 3]
    assert network.received.tolist() == [16, 5, 0]
    assert network.total == 24
    assert network.inside.tolist() == [10, 0, 0]
    assert [each.tolist() for each in network.outside] == [[0, 0, 3], [4, 0, 0]]
    assert network.links.start.tolist() == [0, 1, 2, 2]
    assert network.links.to.tolist() == [1, 0]
    assert network.exchanged.tolist() == [7, 7]
    assert network.borders.to.tolist() == [1, 0]
    assert network.scatter.tolist() == [1, 1, 1]


def test_ends():
    """What chance would give: by what is sent and received, their mean, or the inhabitants."""
    network = pictured()
    assert [each.tolist() for each in network.ends()] == [[15, 2, 3], [16, 5, 0]]
    assert [each.tolist() for each in network.ends("undirected")] == [[15.5, 3.5, 1.5]] * 2
    assert [each.tolist() for each in network.ends("population")] == [[4, 8, 12]] * 2
    assert {"directed", "undirected", "population"} == set(NULLS)


@HEAVY
@given(networks(), st.sampled_from(NULLS))
def test_chance_adds_up(network, null):
    """Summed over all pairs, chance gives (sent · received) / total of what is compared."""
    out, into = network.ends(null)
    assert (out >= 0).all()
    assert (into >= 0).all()
    expected = network.sent.sum() * network.received.sum()
    if null == "undirected":
        expected = ((network.sent.sum() + network.received.sum()) / 2) ** 2
    if null == "population":
        expected = network.total**2 if network.population.sum() else 0
    assert out.sum() * into.sum() == pytest.approx(expected)


def test_scatter_is_shared_out():
    """Two arcs that are one: 4 patients of variance 4 and 6 of variance 18, 22 in all for 10."""
    network = Network.of(
        np.array([0, 0, 1]),
        np.array([1, 1, 0]),
        np.array([4.0, 6.0, 5.0]),
        left=np.array([0]),
        right=np.array([1]),
        population=np.array([1, 1]),
        scatter=np.array([1.0, 3.0, 2.0]),
    )
    assert network.weight.tolist() == [10, 5]
    np.testing.assert_allclose(network.scatter, [2.2, 2.0])


def test_nothing_at_all():
    """No node, or nodes without flows: floats all the same."""
    empty = np.array([], dtype=np.int64)
    for count in (0, 1, 4):
        network = Network.of(
            empty,
            empty,
            empty.astype(float),
            left=empty,
            right=empty,
            population=np.ones(count, dtype=int),
        )
        assert len(network) == count
        assert network.total == 0
        for name in ("weight", "sent", "received", "exchanged", "inside"):
            assert getattr(network, name).dtype == np.float64
        assert all(each.dtype == np.float64 for each in network.outside)
        group = np.zeros(count, dtype=np.int32)
        assert len(network.grouped(group)) == min(count, 1)


@HEAVY
@given(networks(), st.integers(0, 1000))
def test_order_changes_nothing(network, seed):
    """Arcs and borders in another order, arcs cut in two: the same arrays to the last bit."""
    assert same(network, shuffled(network, seed))


@HEAVY
@given(networks())
def test_as_a_slow_loop(network):
    flows = matrix(network)
    count = len(network)
    pairs = {
        (i, j) for i in range(count) for j in range(count) if i != j and flows[i, j] + flows[j, i]
    }
    begins = np.repeat(np.arange(count), np.diff(network.links.start))
    found = list(zip(begins.tolist(), network.links.to.tolist(), strict=True))
    assert found == sorted(pairs)
    assert network.exchanged.tolist() == [flows[i, j] + flows[j, i] for i, j in found]
    assert network.inside.tolist() == flows.diagonal().tolist()
    outside = network.outside
    np.testing.assert_allclose(flows.sum(axis=1) + outside[0], network.sent)
    np.testing.assert_allclose(flows.sum(axis=0) + outside[1], network.received)
    assert network.total == pytest.approx(flows.sum() + outside[0].sum() + outside[1].sum())


@HEAVY
@given(networks(), st.integers(1, 6), st.integers(0, 1000))
def test_groups(network, many, seed):
    """Flows, borders, people and what goes outside add up; flows within become their own."""
    group = np.random.default_rng(seed).integers(0, many, len(network))
    group = np.unique(group, return_inverse=True)[1].astype(np.int32)
    found = network.grouped(group)
    size = int(group.max()) + 1
    flows, expected = matrix(network), np.zeros((size, size))
    for i, j in np.ndindex(*flows.shape):
        expected[group[i], group[j]] += flows[i, j]
    np.testing.assert_allclose(matrix(found), expected)
    np.testing.assert_allclose(found.sent, np.bincount(group, network.sent, size))
    np.testing.assert_allclose(found.received, np.bincount(group, network.received, size))
    assert found.total == pytest.approx(network.total)
    assert found.population.tolist() == [
        network.population[group == each].sum() for each in range(size)
    ]
    edges = {tuple(sorted((group[i], group[j]))) for i, j in borders(network).edges}
    assert {tuple(sorted(each)) for each in borders(found).edges} == {
        (int(i), int(j)) for i, j in edges if i != j
    }
    variance = np.zeros((size, size))
    for i, j, weight, scatter in zip(
        network.source, network.target, network.weight, network.scatter, strict=True
    ):
        variance[group[i], group[j]] += weight * scatter
    np.testing.assert_allclose(variance[found.source, found.target], found.weight * found.scatter)


@HEAVY
@given(networks(), st.integers(0, 1000))
def test_other_weights_on_the_same_arcs(network, seed):
    """As if made anew, zeros aside; what goes outside stays; the first is unchanged."""
    before = network.weight.copy()
    weight = np.random.default_rng(seed).integers(0, 3, len(before)) * before
    found = network.reweighted(weight)
    to_outside, from_outside = network.outside
    begins = np.repeat(np.arange(len(network)), np.diff(network.borders.start))
    anew = Network.of(
        network.source,
        network.target,
        weight,
        left=begins,
        right=network.borders.to,
        population=network.population,
        sent_outside=to_outside,
        received_outside=from_outside,
    )
    np.testing.assert_allclose(found.sent, anew.sent)
    np.testing.assert_allclose(found.received, anew.received)
    assert found.total == pytest.approx(anew.total)
    np.testing.assert_allclose(found.exchanged[found.exchanged > 0], anew.exchanged)
    assert found.links.to.tolist() == network.links.to.tolist()
    assert [each.tolist() for each in found.outside] == [each.tolist() for each in network.outside]
    assert network.weight.tolist() == before.tolist()


@HEAVY
@given(networks())
def test_without_borders(network):
    """Neighbours are those that touch and those that exchange flows."""
    found = unbordered(network)
    begins = np.repeat(np.arange(len(network)), np.diff(network.links.start))
    expected = set(borders(network).edges) | set(
        zip(begins.tolist(), network.links.to.tolist(), strict=True)
    )
    assert {tuple(sorted(each)) for each in borders(found).edges} == {
        tuple(sorted(each)) for each in expected
    }
    assert found.weight is network.weight


def test_both_ways():
    """Pairs from both ends, in order, each once, none with itself."""
    found = both_ways(np.array([2, 0, 2, 1]), np.array([0, 2, 1, 1]), 4)
    assert found.start.tolist() == [0, 1, 2, 4, 4]
    assert found.to.tolist() == [2, 2, 0, 1]


def test_populations_are_its_own():
    """What pandas lends cannot be changed through a network, nor a network through it."""
    people = np.array([5, 7])
    network = random_network(np.random.default_rng(0), rows=1, columns=2)
    own = Network.of(
        network.source,
        network.target,
        network.weight,
        left=np.array([0]),
        right=np.array([1]),
        population=people,
    )
    people[0] = 99
    assert own.population.tolist() == [5, 7]


def test_groups_of_a_picture():
    network = pictured()
    labels = np.array([0, 0, 1], dtype=np.int32)
    assert groups(labels) == {"AB", "C"}
    found = network.grouped(labels)
    assert found.weight.tolist() == [17]
    assert found.sent.tolist() == [17, 3]
    assert found.received.tolist() == [21, 0]
    assert found.population.tolist() == [300, 300]
