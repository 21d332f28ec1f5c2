"""Refined Dartmouth: each of its rules on a drawing, and what always holds."""

import numpy as np
import pytest
from hypothesis import given
from networks import (
    borders,
    drawn,
    groups,
    in_one_piece,
    matrix,
    networks,
    parts,
    relabelled,
    with_zeros,
)

from territories.dartmouth import dartmouth, grown, merged
from territories.errors import ConstraintError
from territories.network import Network


def test_destination_communes_are_the_seeds():
    """B and D receive something: two territories, though B sends most to D.

    ::

        ABCDE
    """
    flows = {"AB": 5, "BD": 9, "BB": 2, "CD": 4, "DD": 8, "ED": 3}
    labels = dartmouth(drawn("ABCDE", flows))
    assert labels.dtype == np.int32
    assert groups(labels) == {"AB", "CDE"}
    assert labels.tolist() == [1, 1, 3, 3, 3]


def test_what_comes_from_outside_makes_a_seed():
    """B receives from outside only.

    ::

        AB
    """
    assert groups(dartmouth(drawn("AB", {"AA": 5}, received_away={"B": 1}))) == {"A", "B"}


def test_a_commune_waits_for_the_territory_it_prefers():
    """A sends most to E, two communes away; D and C join E first, then A finds it beside.

    B would take A at once were the largest flow among those beside enough.

    ::

        BACDE
    """
    flows = {"BB": 9, "EE": 9, "DE": 3, "CE": 3, "AE": 4, "AB": 2}
    assert groups(dartmouth(drawn("BACDE", flows))) == {"B", "ACDE"}


def test_the_rest_join_the_most_attractive_territory_beside():
    """A prefers E, which never comes beside it. A then goes to D rather than B.

    ::

        .B.
        DAD
        .C.
        .D.
        .E.
    """
    flows = {"BB": 9, "EE": 9, "DD": 9, "CD": 8, "AE": 7, "AD": 4, "AB": 3}
    assert groups(dartmouth(drawn(".B.\nDAD\n.C.\n.D.\n.E.", flows))) == {"B", "E", "ACD"}


def test_nothing_sent_joins_the_least_populated_beside():
    """B sends nothing: C has fewer inhabitants than A.

    ::

        ABC
    """
    network = drawn("ABC", {"AA": 5, "CC": 4}, people=(3_000, 10, 2_000))
    assert groups(dartmouth(network)) == {"A", "BC"}


@pytest.mark.parametrize(
    ("people", "expected"),
    [((3_000, 10, 2_000), {"A", "BC"}), ((2_000, 10, 2_000), {"AB", "C"})],
    ids=["least populated", "then the first"],
)
def test_ties(people, expected):
    """B sends as much to A as to C.

    ::

        ABC
    """
    network = drawn("ABC", {"AA": 5, "CC": 4, "BA": 7, "BC": 7}, people=people)
    assert groups(dartmouth(network)) == expected


def test_all_together():
    """B and C, judged at once, both see A and D as they were before.

    One after the other, B would make A the larger, and C would go to D.

    ::

        AB
        DC
        .A
    """
    flows = {"AA": 5, "DD": 5, "BA": 2, "CA": 3, "CD": 3}
    network = drawn("AB\nDC\n.A", flows, people=(90, 50, 10, 100))
    assert groups(dartmouth(network)) == {"ABC", "D"}


def test_an_island_that_sends_nothing_is_in_none():
    """C receives nothing and has no neighbour.

    ::

        AB.C
    """
    network = drawn("AB.C", {"AA": 5, "BA": 2, "CA": 9})
    assert dartmouth(network).tolist() == [0, 0, -1]
    assert dartmouth(network, contiguous=False).tolist() == [0, 0, 0]
    assert dartmouth(drawn("AB", {"AA": 5}), contiguous=False).tolist() == [0, -1]


def test_minimum_population_merges_the_smallest_first():
    """C (100) goes to D, to which it sends most; CD (400) then has enough; A (500) is left.

    Had D (300) been merged first, with A, C would have come there too.

    ::

        ABCD
    """
    flows = {"AA": 9, "BB": 9, "CC": 1, "DD": 9, "CD": 4, "CB": 3, "DA": 8, "BA": 1}
    network = drawn("ABCD", flows, people=(500, 900, 100, 300))
    labels = dartmouth(network, minimum=400)
    assert groups(labels) == {"A", "B", "CD"}
    assert labels.tolist() == [0, 1, 3, 3]
    assert groups(dartmouth(network, minimum=401)) == {"A", "BCD"}
    assert groups(dartmouth(network, minimum=10_000)) == {"ABCD"}


def test_merged_across_a_border_only():
    """A sends all to C, which is not beside it.

    ::

        ABC
    """
    flows = {"AA": 1, "AC": 9, "BB": 5, "CC": 5}
    network = drawn("ABC", flows, people=(10, 500, 500))
    assert groups(dartmouth(network, minimum=100)) == {"AB", "C"}
    assert groups(dartmouth(network, minimum=100, contiguous=False)) == {"AC", "B"}


def test_minimum_localisation_merges_the_least_first():
    """A keeps 1 of 10 and goes to B; together they keep 20 of 25; C keeps half, which is enough.

    ::

        ABC
    """
    flows = {"AA": 1, "AB": 9, "BB": 10, "BC": 5, "CC": 5, "CB": 5}
    network = drawn("ABC", flows)
    assert groups(dartmouth(network)) == {"A", "B", "C"}
    assert groups(dartmouth(network, min_localisation=0.5)) == {"AB", "C"}
    assert groups(dartmouth(network, min_localisation=0.51)) == {"ABC"}


def test_localisation_counts_what_goes_outside_and_needs_something_sent():
    """A sends 90 of 100 outside; B sends nothing and has no index.

    ::

        AB
    """
    network = drawn("AB", {"AA": 10}, sent_away={"A": 90}, received_away={"B": 5})
    assert groups(dartmouth(network, min_localisation=0.1)) == {"A", "B"}
    assert groups(dartmouth(network, min_localisation=0.2)) == {"AB"}
    only = drawn("AB", {"AA": 10}, received_away={"B": 5})
    assert groups(dartmouth(only, min_localisation=1.0)) == {"A", "B"}


def test_a_territory_beside_no_other_stays():
    network = drawn("A.B", {"AA": 5, "BB": 5, "AB": 1}, people=10)
    assert groups(dartmouth(network, minimum=100)) == {"A", "B"}


def test_refusals():
    network = drawn("A", {"AA": 1})
    with pytest.raises(ConstraintError, match="-1") as caught:
        dartmouth(network, minimum=-1, min_localisation=1.5)
    assert len(caught.value.faults) == 2


def slowly_merged(network, labels, value_of, least):
    """Merge step 4 or 5 by looking at everything each time, as the docstring says it."""
    flows, graph, label = matrix(network), borders(network), labels.copy()
    while True:
        names = sorted(set(label.tolist()) - {-1})
        values = {name: value_of(network, flows, label == name) for name in names}
        people = {name: network.population[label == name].sum() for name in names}
        for name in sorted(names, key=lambda name: (values[name], name)):
            own = np.flatnonzero(label == name)
            near = {int(label[other]) for node in own for other in graph[node]} - {name, -1}
            if values[name] < least and near:
                sent = {each: flows[np.ix_(own, label == each)].sum() for each in near}
                best = min(near, key=lambda each: (-sent[each], people[each], each))
                label[own] = best
                break
        else:
            return label


def inhabitants(network, _, members):
    return network.population[members].sum()


def localisation(network, flows, members):
    sent = network.sent[members].sum()
    return flows[np.ix_(members, members)].sum() / sent if sent else np.inf


@given(networks())
def test_mergers_like_a_slow_search(network):
    start = grown(network)
    by_people = slowly_merged(network, start, inhabitants, 6_000)
    assert (merged(network, start, minimum=6_000) == by_people).all()
    both = slowly_merged(network, by_people, localisation, 0.6)
    assert (dartmouth(network, minimum=6_000, min_localisation=0.6) == both).all()


@given(networks())
def test_in_one_piece_and_around_a_seed(network):
    labels = grown(network)
    seeds = np.flatnonzero(network.received > 0)
    assert (labels[seeds] == seeds).all()
    assert in_one_piece(network, labels)
    begins = np.repeat(np.arange(len(network)), np.diff(network.borders.start))
    assert not ((labels[begins] == -1) & (labels[network.borders.to] != -1)).any()
    assert in_one_piece(network, dartmouth(network, minimum=4_000, min_localisation=0.4))


@given(networks())
def test_numbers_of_communes_do_not_matter(network):
    """Without ties: flows and populations are made all different."""
    generator = np.random.default_rng(2)
    network = Network.of(
        network.source,
        network.target,
        network.weight + generator.random(len(network.weight)),
        left=np.repeat(np.arange(len(network)), np.diff(network.borders.start)),
        right=network.borders.to,
        population=5_000 + 2 ** np.arange(len(network)),
    )
    order = generator.permutation(len(network))
    other = dartmouth(relabelled(network, order), minimum=20_000)
    assert parts(other, order) == parts(dartmouth(network, minimum=20_000))


@given(networks())
def test_flows_of_zero_change_nothing(network):
    for contiguous in (True, False):
        options = {"minimum": 6_000, "min_localisation": 0.5, "contiguous": contiguous}
        found = dartmouth(network, **options)
        assert (dartmouth(with_zeros(network), **options) == found).all()


def test_no_communes():
    empty = np.zeros(0, dtype=np.int64)
    network = Network.of(empty, empty, empty * 1.0, left=empty, right=empty, population=empty)
    assert dartmouth(network, minimum=10).tolist() == []
