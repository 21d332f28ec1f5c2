"""Plurality: each commune with the pole to which it sends most."""

import numpy as np
from hypothesis import given
from networks import drawn, groups, matrix, networks, relabelled, with_zeros

from territories.network import Network
from territories.plurality import plurality


def test_each_with_its_pole():
    """A and B go to B, C goes to D, D stays; E, far from A and B, goes to B too.

    ::

        ABCDE
    """
    flows = {"AB": 12, "AA": 3, "BB": 20, "CD": 7, "CB": 6, "DD": 30, "EB": 5, "ED": 4}
    labels = plurality(drawn("ABCDE", flows))
    assert labels.dtype == np.int32
    assert groups(labels) == {"ABE", "CD"}
    assert labels.tolist() == [1, 1, 3, 3, 1]


def test_exact_tie_and_nothing_sent_have_no_pole():
    """A sends as much to B as to C; D sends nothing.

    ::

        ABCD
    """
    labels = plurality(drawn("ABCD", {"AB": 5, "AC": 5, "BB": 1, "CC": 1}))
    assert labels.tolist() == [-1, 1, 2, -1]


def test_a_pole_may_be_in_the_territory_of_another():
    """A goes to B, B goes to C: B's residents are not in B's territory.

    ::

        ABC
    """
    assert plurality(drawn("ABC", {"AB": 5, "BC": 9, "BB": 3, "CC": 4})).tolist() == [1, 2, 2]


def test_what_goes_outside_has_no_pole_to_compare():
    """A sends 100 outside, to no one knows how many places: its pole is B.

    ::

        AB
    """
    assert plurality(drawn("AB", {"AB": 5}, sent_away={"A": 100})).tolist() == [1, -1]


@given(networks())
def test_like_a_slow_search(network):
    labels = plurality(network)
    for row, label in zip(matrix(network), labels, strict=True):
        best = np.flatnonzero((row == row.max()) & (row > 0))
        assert label == (best[0] if len(best) == 1 else -1)


@given(networks())
def test_numbers_of_communes_do_not_matter(network):
    order = np.random.default_rng(1).permutation(len(network))
    labels = plurality(network)
    new = np.append(np.argsort(order), -1)
    assert (plurality(relabelled(network, order)) == new[labels][order]).all()


@given(networks())
def test_flows_of_zero_change_nothing(network):
    assert (plurality(with_zeros(network)) == plurality(network)).all()


def test_no_communes():
    empty = np.zeros(0, dtype=np.int64)
    network = Network.of(empty, empty, empty * 1.0, left=empty, right=empty, population=empty)
    assert plurality(network).tolist() == []
