"""Self-containment: its rules on drawings, ISTAT's results, a slow search, and one piece."""

import csv
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from networks import (
    commuting,
    drawn,
    groups,
    in_one_piece,
    matrix,
    networks,
    parts,
    relabelled,
    with_flows,
    with_zeros,
)

from territories.containment import Rules, self_containment, validity
from territories.errors import ConstraintError
from territories.network import Network

SMALL = {"min_size": 10, "min_containment": 0.5, "target_size": 100, "target_containment": 0.8}

# --- Validity -------------------------------------------------------------------------------------


def slow_validity(inside, sent, received, rules):
    """State METHOD, section 6, in exact fractions."""
    low, high = Fraction(rules.min_containment), Fraction(rules.target_containment)
    contained = min(Fraction(inside, sent), Fraction(inside, received))
    if contained == 1:
        return Fraction(1)
    y = min(contained / high, 1)
    s = max(Fraction(rules.target_size - sent, rules.target_size - rules.min_size), 0)
    z = 1 - (1 - low / high) * s
    return y * z * high / low


@pytest.mark.parametrize(
    ("inside", "sent", "received", "expected"),
    [
        (80, 100, 90, 1.6),  # target size and target containment: the ratio of containments
        (50, 100, 60, 1.0),  # target size: the least containment is enough
        (49, 100, 60, 0.98),
        (8, 10, 10, 1.0),  # least size: the target containment is needed
        (5, 10, 10, 0.625),
        (5, 10, 50, 0.125),  # the lesser of both shares
        (4, 5, 5, 0.9666666666666667),  # under the least size even the target is not enough
        (5, 5, 5, 1.0),  # all stays: valid, whatever its size
        (500, 500, 500, 1.0),
        (0, 0, 5, 0.0),
    ],
)
def test_validity(inside, sent, received, expected):
    rules = Rules(**SMALL)
    assert validity(inside, sent, received, rules) == pytest.approx(expected, rel=1e-12)
    if sent:
        exact = slow_validity(inside, sent, received, rules)
        assert exact == pytest.approx(Fraction(expected), rel=1e-12)


# --- Rules, as published --------------------------------------------------------------------------


def published(network, **options):
    return self_containment(network, **{**SMALL, **options}, contiguous=False)


def test_the_least_valid_joins_where_it_is_tied_most():
    """A is the least valid. It sends as much to B as to C, but C is larger: A joins B.

    ::

        ABC
    """
    flows = {"AA": 2, "AB": 9, "AC": 9, "BB": 90, "BA": 1, "CC": 900, "CA": 1}
    labels = published(drawn("ABC", flows))
    assert labels.dtype == np.int32
    assert groups(labels) == {"AB", "C"}
    assert labels.tolist() == [1, 1, 2]


def test_all_valid_stay():
    flows = {"AA": 90, "AB": 10, "BB": 80, "BA": 20}
    assert groups(published(drawn("AB", flows))) == {"A", "B"}


def test_what_goes_outside_counts():
    """B keeps 80 of 100, until 90 more go to a place outside.

    ::

        AB
    """
    flows = {"AA": 900, "AB": 10, "BB": 80, "BA": 20}
    assert groups(published(drawn("AB", flows))) == {"A", "B"}
    assert groups(published(drawn("AB", flows, sent_away={"B": 90}))) == {"AB"}
    assert groups(published(drawn("AB", flows, received_away={"B": 90}))) == {"AB"}


def test_ties():
    """A is tied to B, C and D as much; D sends A nothing, so that it goes before; else the last.

    ::

        ABCD
    """
    flows = {"AA": 1, "BA": 5, "BB": 95, "CA": 5, "CC": 95}
    even = flows | {"AB": 1, "AC": 1, "AD": 5, "DB": 5, "DC": 5, "DD": 90}
    assert groups(published(drawn("ABC", flows | {"AB": 5, "AC": 5}))) == {"B", "AC"}
    # T(A, D) = 25/(8·95); T(A, B) = 25/(100·11) + 1/(8·101)
    assert groups(published(drawn("ABCD", even))) == {"B", "C", "AD"}
    # Two without a flow back: still the last.
    flows = {"AA": 1, "AB": 5, "AC": 5, "BB": 50, "BD": 5, "CC": 50, "CD": 5, "DD": 99, "DA": 1}
    assert groups(published(drawn("ABCD", flows))) == {"B", "AC", "D"}


def test_a_commune_that_lowers_its_receiver_waits_in_reserve():
    """A sends most of its patients far away: with it B would go from 1.2 to 0.75.

    It waits, B is valid, and in the end they are one territory all the same.

    ::

        AB
    """
    network = drawn(
        "AB",
        {"AA": 1, "AB": 9, "BA": 5, "BB": 60},
        sent_away={"A": 90, "B": 35},
        received_away={"A": 1, "B": 31},
    )
    rules = Rules(**SMALL)
    assert validity(60, 100, 100, rules) == pytest.approx(1.2)
    assert validity(75, 200, 107, rules) == pytest.approx(0.75)
    assert groups(published(network)) == {"AB"}


def test_those_that_take_no_part():
    """A receives nothing; B has flows with A besides its own: without A, with itself only.

    C sends nothing; D has no flow; E and F exchange.

    ::

        ABCDEF
    """
    flows = {"AB": 5, "BB": 9, "EC": 4, "EE": 90, "EF": 10, "FF": 90, "FE": 10}
    labels = published(drawn("ABCDEF", flows))
    assert labels.tolist() == [-1, -1, -1, -1, 4, 5]


def test_what_those_that_take_no_part_exchange_is_not_counted():
    """E sends half of its patients to C, which takes no part: E keeps 90 of what counts.

    ::

        CEF
    """
    flows = {"BA": 500, "BB": 90, "BC": 10, "CC": 90, "CB": 10}
    assert published(drawn("ABC", flows)).tolist() == [-1, 1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_size": 0},
        {"min_size": 100},
        {"target_size": float("nan")},
        {"min_containment": 0},
        {"min_containment": 0.9},
        {"target_containment": 1.1},
    ],
)
def test_refusals(wrong):
    with pytest.raises(ConstraintError) as caught:
        self_containment(drawn("A", {}), **{**SMALL, **wrong})
    assert len(caught.value.faults) == 1


def test_all_faults_at_once():
    with pytest.raises(ConstraintError) as caught:
        self_containment(drawn("A", {}), min_size=-1, min_containment=2)
    assert len(caught.value.faults) == 2


# --- A slow search --------------------------------------------------------------------------------


def slow_search(network, rules, turns=2_000):  # noqa: C901, PLR0915 - read beside the docstring
    """Follow the docstring's steps on whole matrices, everything counted again at each look.

    Flows with the outside, and communes that take no part, are for the caller to leave out.
    None when there is no end.
    """
    flows = matrix(network)
    count = len(flows)
    sent, received = flows.sum(axis=1), flows.sum(axis=0)
    label = np.arange(count)
    opened = None

    def whole(label, name):
        members = label == name
        inside = flows[np.ix_(members, members)].sum()
        return [validity(inside, sent[members].sum(), received[members].sum(), rules)]

    def judged(name):
        if name != opened:
            return whole(label, name)
        members = np.flatnonzero(label == name)
        pairs = flows[np.ix_(members, members)]
        return [
            validity(flow, sent[each], received[each], rules)
            for flow in (pairs[pairs > 0] if pairs.any() else [0.0])
            for each in members
        ]

    def tied_most(node, own):
        ranked = []
        for name in set(label.tolist()) - {own, -2}:
            members = label == name
            to, back = flows[node, members].sum(), flows[members, node].sum()
            if to + back > 0:
                tie = back / sent[members].sum() * back / received[node]
                tie += to / sent[node] * to / received[members].sum()
                ranked.append((tie, back == 0, name))
        return max(ranked)[2] if ranked else None

    def go(node):
        """Move one commune; say whether it was tied to any territory."""
        name = tied_most(node, label[node])
        if name is not None:
            then = label.copy()
            then[node] = name
            if whole(then, name)[0] >= max(judged(name)):
                label[node] = name
                return True
        label[node] = -2
        return name is not None

    for _ in range(turns):
        names = sorted(set(label.tolist()) - {-2})
        value, least = min(((min(judged(name)), name) for name in names), default=(1, None))
        if value >= 1:
            break
        members = label == least
        outside = flows[~members].sum(axis=0) + sent - np.diag(flows)
        node = min(np.flatnonzero(members), key=lambda each: (-outside[each], each))
        tied = go(node)
        opened = least if members.sum() > 2 else None
        if not tied:
            opened = None
            while (left := np.flatnonzero(label == least)).size:
                alone = [validity(flows[i, i], sent[i], received[i], rules) for i in left]
                if min(alone) >= 1:
                    break
                go(max(left[np.array(alone) == min(alone)]))
    else:
        return None
    moved = True
    while moved:
        moved = False
        for node in np.flatnonzero(label == -2)[::-1]:
            name = tied_most(node, -2)
            if name is not None:
                label[node], moved = name, True
    return label


def closed(network):
    """Keep the communes that take part in the published method, and the flows between them."""
    flows = matrix(network)
    kept = np.arange(len(flows))
    while True:
        own, sent, received = np.diag(flows), flows.sum(axis=1), flows.sum(axis=0)
        stays = (sent > 0) & (received > 0) & ~((own == sent) & (own == received))
        if stays.all():
            break
        flows, kept = flows[np.ix_(stays, stays)], kept[stays]
    source, target = np.nonzero(flows)
    none = np.zeros(0, dtype=np.int64)
    population = network.population[kept]
    return kept, Network.of(
        source, target, flows[source, target], left=none, right=none, population=population
    )


@given(networks())
def test_like_a_slow_search(network):
    for sizes in ((10, 100), (100, 800)):
        for low, high in ((0.6667, 0.75), (0.4, 0.8)):
            rules = Rules(sizes[0], low, sizes[1], high, contiguous=False)
            _, inner = closed(network)
            slow = slow_search(inner, rules)
            if slow is not None:
                found = self_containment(inner, **rules._asdict())
                assert parts(found) == parts(slow)


@given(networks())
def test_those_in_no_territory_change_nothing(network):
    kept, inner = closed(network)
    source, target = np.nonzero(matrix(network))
    whole = Network.of(
        source,
        target,
        matrix(network)[source, target],
        left=source[:0],
        right=target[:0],
        population=network.population,
    )
    assert parts(published(whole)) == parts(published(inner), kept)


# --- In one piece ---------------------------------------------------------------------------------


def test_across_a_border_only():
    """A is tied most to C, which is not beside it.

    ::

        ABC
    """
    flows = {"AA": 2, "AC": 18, "AB": 6, "BB": 90, "BA": 2, "CC": 90, "CA": 9, "BC": 2}
    network = drawn("ABC", flows)
    assert groups(published(network)) == {"AC", "B"}
    assert groups(self_containment(network, **SMALL)) == {"AB", "C"}


def test_communes_that_receive_nothing_begin_with_one_that_does():
    """Only B and D have doctors; both keep most of what their residents need.

    As published there would be no other commune in any territory.

    ::

        ABCDE
    """
    flows = {"AB": 90, "BB": 900, "BD": 50, "CB": 90, "CD": 20, "DD": 900, "DB": 50, "ED": 90}
    network = drawn("ABCDE", flows)
    assert published(network).tolist() == [-1, 1, -1, 3, -1]
    assert groups(self_containment(network, **SMALL)) == {"ABC", "DE"}


def test_an_invalid_territory_is_taken_apart():
    """D sends most of its patients to B: its communes go to B's territory, one after the other.

    ::

        ABCDE
    """
    flows = {"AB": 90, "BB": 900, "BD": 5, "CB": 50, "CD": 60, "DD": 30, "DB": 90, "ED": 20}
    network = drawn("ABCDE", flows | {"EB": 15})
    assert groups(self_containment(network, **SMALL)) == {"ABCDE"}


@given(networks())
def test_in_one_piece(network):
    for options in (SMALL, {**SMALL, "min_size": 200, "target_size": 2_000}):
        labels = self_containment(network, **options)
        assert in_one_piece(network, labels)
        again = self_containment(network, **options)
        assert (labels == again).all()


@given(networks())
def test_neither_the_unit_matters_nor_flows_of_zero(network):
    """Sizes are doubled with the flows."""
    double = with_flows(network, lambda flow: flow * 2)
    sizes = {"min_size": 20, "target_size": 200}
    for contiguous in (True, False):
        found = self_containment(network, **SMALL, contiguous=contiguous)
        twice = self_containment(double, **{**SMALL, **sizes}, contiguous=contiguous)
        assert (found == twice).all()
        zeros = self_containment(with_zeros(network), **SMALL, contiguous=contiguous)
        assert (found == zeros).all()


def test_no_communes():
    empty = np.zeros(0, dtype=np.int64)
    network = Network.of(empty, empty, empty * 1.0, left=empty, right=empty, population=empty)
    for contiguous in (True, False):
        assert self_containment(network, contiguous=contiguous).tolist() == []


# --- ISTAT's results, and time --------------------------------------------------------------------


@pytest.fixture(scope="module")
def brindisi(shared_data):
    """Read the flows and the areas of ISTAT's package: codes, network, areas."""
    folder = shared_data / "reference" / "brindisi"
    with (folder / "brindisi_flows.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    live, work = ([row[f"community_{end}"] for row in rows] for end in ("live", "work"))
    codes = np.unique(live + work)
    order = np.random.default_rng(0).permutation(len(rows))
    none = np.zeros(0, dtype=np.int64)
    network = Network.of(
        np.searchsorted(codes, live)[order],
        np.searchsorted(codes, work)[order],
        np.array([float(row["amount"]) for row in rows])[order],
        left=none,
        right=none,
        population=np.zeros(len(codes), dtype=np.int64),
    )
    with (folder / "golden_areas.csv").open(encoding="utf-8") as file:
        areas = {row["community"]: int(row["cluster"]) for row in csv.DictReader(file)}
    return codes, network, areas


def test_brindisi(brindisi):
    """9 areas, the same members and numbers (from 1 there), modularity 0.6455998."""
    codes, network, areas = brindisi
    labels = self_containment(network, contiguous=False)
    assert dict(zip(codes.tolist(), (labels + 1).tolist(), strict=True)) == areas
    assert len(parts(labels)) == 9
    flows = matrix(network)
    quality = sum(
        flows[np.ix_(labels == each, labels == each)].sum() / network.total
        - flows[labels == each].sum() * flows[:, labels == each].sum() / network.total**2
        for each in np.unique(labels)
    )
    assert quality == pytest.approx(0.6455998, abs=1e-6)


def test_brindisi_in_any_order(brindisi):
    """The reserve, which is emptied from the last commune on, is not used there."""
    _, network, _ = brindisi
    found = parts(self_containment(network, contiguous=False))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(network))
        other = self_containment(relabelled(network, order), contiguous=False)
        assert parts(other, order) == found


def test_brindisi_by_other_rules(brindisi):
    """The two other runs of the package's vignette: 20 areas, and 4 of one commune."""
    _, network, _ = brindisi
    loose = {"min_size": 50, "min_containment": 0.3, "target_size": 100}
    assert (
        len(parts(self_containment(network, **loose, target_containment=0.4, contiguous=False)))
        == 20
    )
    other = self_containment(network, min_containment=0.6, target_containment=0.7, contiguous=False)
    assert sum(len(each) == 1 for each in parts(other)) == 4


@pytest.mark.parametrize("contiguous", [True, False])
def test_a_region_of_377_communes_in_a_second(contiguous):
    network = commuting(377)
    begun = time.process_time()
    labels = self_containment(network, contiguous=contiguous)
    assert time.process_time() - begun < 1
    assert 5 < len(parts(labels)) < 200


def test_real_commuting_around_orne(shared_data):
    """1 331 communes, weights that are no whole numbers, rows in any order."""
    with (shared_data / "france" / "flux_travail_orne61_rp.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ends = [[row[name] for row in rows] for name in ("code_residence", "code_travail")]
    codes = np.unique(ends[0] + ends[1])
    source, target = (np.searchsorted(codes, each) for each in ends)
    flow = np.array([float(row["flux"]) for row in rows])
    none = np.zeros(0, dtype=np.int64)
    found = []
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(rows))
        network = Network.of(
            source[order],
            target[order],
            flow[order],
            left=none,
            right=none,
            population=np.zeros(len(codes), dtype=np.int64),
        )
        begun = time.process_time()
        found.append(self_containment(network, contiguous=False))
        assert time.process_time() - begun < 1
    assert (found[0] == found[1]).all()
