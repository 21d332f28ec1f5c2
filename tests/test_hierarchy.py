"""Ward and intramax: small trees drawn by hand, slow ones, disconnected layers."""

import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from networks import (
    borders,
    commuting,
    drawn,
    groups,
    in_one_piece,
    matrix,
    networks,
    parts,
    random_network,
    relabelled,
    with_flows,
    with_zeros,
)
from scipy import sparse
from sklearn.cluster import AgglomerativeClustering

from territories import hierarchy
from territories.errors import ConstraintError
from territories.hierarchy import intramax, ward
from territories.network import Network

# --- Ward -----------------------------------------------------------------------------------------


def test_ward_gathers_those_that_go_to_the_same_place():
    """A and B go to B, C and D to D.

    ::

        ABCD
    """
    flows = {"AB": 90, "AD": 10, "BB": 800, "BD": 200, "CD": 7, "CB": 3, "DD": 8, "DB": 2}
    labels = ward(drawn("ABCD", flows), 2)
    assert labels.dtype == np.int32
    assert groups(labels) == {"AB", "CD"}
    assert labels.tolist() == [0, 0, 2, 2]


def test_ward_across_borders_only():
    """A and C have almost the same profile; B is between them, a little nearer to C.

    ::

        ABCD
    """
    flows = {"AA": 10, "BA": 5, "BD": 5, "CA": 9, "CD": 1, "DD": 10}
    assert groups(ward(drawn("ABCD", flows), 3, contiguous=False)) == {"AC", "B", "D"}
    assert groups(ward(drawn("ABCD", flows), 3)) == {"A", "BC", "D"}


def test_ward_knows_what_goes_outside():
    """C keeps as much as A and B, but the rest goes outside.

    ::

        ABC
    """
    flows = {"AA": 5, "AB": 5, "BA": 5, "BB": 5, "CA": 3}
    network = drawn("ABC", flows, sent_away={"C": 7})
    assert groups(ward(network, 2)) == {"AB", "C"}


def test_ward_leaves_as_many_territories_as_parts():
    """Two islands and a mainland cannot be less than three; the fourth is cut where it is highest.

    ::

        AB.C.D
    """
    flows = {"AA": 5, "BB": 5, "CA": 5, "DB": 5}
    network = drawn("AB.C.D", flows)
    assert groups(ward(network, 1)) == {"AB", "C", "D"}
    assert groups(ward(network, 4)) == {"A", "B", "C", "D"}
    assert groups(ward(network, 9)) == {"A", "B", "C", "D"}


def test_ward_cuts_all_parts_at_the_same_height():
    """A and B differ less than D and E.

    ::

        AB.DE
    """
    flows = {"AA": 6, "AB": 4, "BA": 5, "BB": 5, "DA": 9, "DB": 1, "EA": 1, "EB": 9}
    labels = ward(drawn("AB.DE", flows), 3)
    assert parts(labels) == {frozenset({0, 1}), frozenset({2}), frozenset({3})}


@given(networks())
def test_ward_in_one_piece_and_as_many_as_wanted(network):
    least = nx.number_connected_components(borders(network))
    for number in (1, 3, len(network)):
        labels = ward(network, number)
        assert in_one_piece(network, labels)
        assert len(parts(labels)) == min(max(number, least), len(network))
        assert len(parts(ward(network, number, contiguous=False))) == min(number, len(network))


def test_ward_like_sklearn():
    """On a layer in one part the tree is that of AgglomerativeClustering."""
    network = commuting(100)
    profiles = matrix(network) / network.sent[:, None]
    start, to = network.borders
    joined = sparse.csr_array((np.ones(len(to)), to, start), shape=(100, 100))
    for options in ({"connectivity": joined}, {}):
        theirs = AgglomerativeClustering(n_clusters=8, linkage="ward", **options)
        found = ward(network, 8, contiguous=bool(options))
        assert parts(found) == parts(theirs.fit_predict(profiles))


def test_ward_does_not_depend_on_numbers():
    network = commuting(100, seed=3)
    order = np.random.default_rng(4).permutation(100)
    assert parts(ward(relabelled(network, order), 9), order) == parts(ward(network, 9))


def test_ward_of_reduced_profiles(monkeypatch):
    """Reduced to 100 dimensions, communes of clear groups are divided in the same way."""
    generator = np.random.default_rng(7)
    truth = np.repeat(np.arange(8), 40)
    source = np.repeat(np.arange(320), 60)
    target = 40 * truth[source] + generator.integers(0, 40, len(source))
    line = np.arange(319)
    network = Network.of(
        source, target, np.ones(len(source)), left=line, right=line + 1, population=truth
    )
    monkeypatch.setattr(hierarchy, "VALUES", 0)
    reduced = ward(network, 8)
    assert parts(reduced) == parts(truth)
    assert (reduced == ward(network, 8)).all()


# --- intramax -------------------------------------------------------------------------------------


def test_intramax_merges_the_greatest_relative_interaction():
    """A and B exchange less than C and D, but far more for their size.

    ::

        ABCD
    """
    flows = {"AB": 10, "BA": 10, "CD": 100, "DC": 100, "CC": 900, "DD": 900, "BC": 1}
    labels = intramax(drawn("ABCD", flows), 3)
    assert labels.dtype == np.int32
    assert groups(labels) == {"AB", "C", "D"}
    assert groups(intramax(drawn("ABCD", flows), 2)) == {"AB", "CD"}
    assert intramax(drawn("ABCD", flows), 2).tolist() == [0, 0, 2, 2]


def test_intramax_counts_what_has_been_merged_as_one():
    """AB sends 9 of 59 to C, D 9 of 29: the sums of AB count, so that CD comes next.

    Alone, B would send C 9 of 29 too, and be first on the tie.

    ::

        ABCD
    """
    flows = {"AB": 20, "BA": 20, "AA": 10, "BC": 9, "CC": 20, "DC": 9, "DD": 20}
    assert groups(intramax(drawn("ABCD", flows), 2)) == {"AB", "CD"}


def test_intramax_ties_go_to_the_lowest_numbers():
    """A–B and B–C are the same, and so are D–E and E–F; then AB–C is again the same as D–E.

    ::

        ABC
        ...
        DEF
    """
    flows = dict.fromkeys(("AB", "CB", "DE", "FE"), 4)
    network = drawn("ABC\n...\nDEF", flows)
    assert groups(intramax(network, 5)) == {"AB", "C", "D", "E", "F"}
    assert groups(intramax(network, 4)) == {"ABC", "D", "E", "F"}
    assert groups(intramax(network, 3)) == {"ABC", "DE", "F"}


def test_intramax_across_borders_only():
    """A and C exchange most; they have no border.

    ::

        ABC
    """
    flows = {"AC": 50, "CA": 50, "AB": 5, "BC": 1, "BB": 10}
    assert groups(intramax(drawn("ABC", flows), 2)) == {"AB", "C"}
    assert groups(intramax(drawn("ABC", flows), 2, contiguous=False)) == {"AC", "B"}


def test_intramax_without_flows_merges_neighbours_in_the_end():
    """C has no flow: across its border it is merged all the same, last; anywhere, it is not.

    ::

        ABC.D
    """
    network = drawn("ABC.D", {"AB": 5, "DD": 5, "AA": 1})
    assert groups(intramax(network, 3)) == {"AB", "C", "D"}
    assert groups(intramax(network, 2)) == {"ABC", "D"}
    assert groups(intramax(network, 1)) == {"ABC", "D"}
    assert groups(intramax(network, 1, contiguous=False)) == {"AB", "C", "D"}


def test_intramax_counts_what_is_outside():
    """D sends most of its patients outside: what it sends to C counts for less.

    ::

        ABCD
    """
    flows = {"AB": 5, "AA": 10, "BB": 10, "DC": 5, "DD": 5, "CC": 10}
    assert groups(intramax(drawn("ABCD", flows), 3)) == {"A", "B", "CD"}
    network = drawn("ABCD", flows, sent_away={"D": 90})
    assert groups(intramax(network, 3)) == {"AB", "C", "D"}


def slow_intramax(network, number, *, contiguous):
    """Look at every pair of territories at each step."""
    flows = matrix(network)
    graph = borders(network)
    label = np.arange(len(network))
    sent, received = network.sent.copy(), network.received.copy()
    while True:
        best, greatest = None, -1.0
        names = np.unique(label)
        for low in names:
            for high in names[names > low]:
                ours, theirs = label == low, label == high
                there = flows[np.ix_(ours, theirs)].sum()
                back = flows[np.ix_(theirs, ours)].sum()
                beside = any(
                    label[other] == high for node in np.flatnonzero(ours) for other in graph[node]
                )
                if not (beside if contiguous else there + back > 0):
                    continue
                value = 0.0
                if there > 0:
                    value += there / sent[low] / received[high]
                if back > 0:
                    value += back / sent[high] / received[low]
                if value > greatest:
                    best, greatest = (low, high), value
        if best is None or len(names) <= number:
            return label
        low, high = best
        label[label == high] = low
        sent[low] += sent[high]
        received[low] += received[high]


@given(networks())
def test_intramax_like_a_slow_search(network):
    for number in (1, 4, 9):
        for contiguous in (True, False):
            slow = slow_intramax(network, number, contiguous=contiguous)
            assert (intramax(network, number, contiguous=contiguous) == slow).all()


@given(networks())
def test_flows_of_zero_change_nothing(network):
    for contiguous in (True, False):
        for method in (ward, intramax):
            found = method(network, 3, contiguous=contiguous)
            assert (method(with_zeros(network), 3, contiguous=contiguous) == found).all()


@given(networks())
def test_intramax_in_one_piece(network):
    assert in_one_piece(network, intramax(network, 3))


def test_intramax_does_not_depend_on_numbers_nor_on_the_unit():
    network = commuting(100, seed=5)
    order = np.random.default_rng(6).permutation(100)
    found = intramax(network, 9)
    assert parts(intramax(relabelled(network, order), 9), order) == parts(found)
    double = with_flows(network, lambda flow: flow * 2)
    assert (intramax(double, 9) == found).all()


@pytest.mark.parametrize("method", [ward, intramax])
def test_number_under_one_is_refused(method):
    with pytest.raises(ConstraintError, match="0"):
        method(drawn("AB", {"AB": 1}), 0)


@pytest.mark.parametrize("method", [ward, intramax])
def test_no_communes_and_one(method):
    empty = np.zeros(0, dtype=np.int64)
    network = Network.of(empty, empty, empty * 1.0, left=empty, right=empty, population=empty)
    assert method(network, 3).tolist() == []
    assert method(drawn("A", {"AA": 1}), 3).tolist() == [0]
    assert method(drawn("A", {}), 1, contiguous=False).tolist() == [0]


def test_the_order_of_rows_does_not_matter():
    flows = {"AB": 3, "BC": 4, "CD": 5, "DA": 6, "BB": 2, "AC": 7}
    for method in (ward, intramax):
        found = [method(drawn("AB\nCD", flows, seed=seed), 2).tolist() for seed in range(4)]
        assert found.count(found[0]) == 4


def test_a_region_is_divided_at_once():
    """1 600 communes in under two seconds of one core, in a tree each."""
    network = random_network(np.random.default_rng(0), rows=40, columns=40, arcs=40_000)
    ward(drawn("AB", {"AB": 1}), 1)  # what is imported is not counted
    for method in (ward, intramax):
        begun = time.process_time()
        method(network, 20)
        assert time.process_time() - begun < 2
