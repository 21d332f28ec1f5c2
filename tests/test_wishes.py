"""Wishes: what contradicts itself is refused at once, the rest is kept or told."""

import os
import subprocess
import sys
from pathlib import Path

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
    flows,
    grid,
    letters,
    package_borders,
    random_flows,
    random_layer,
    shuffle,
    shuffled_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import territories as tt
from territories._words import using
from territories.wishes import Bounds, understood

FREE = (None, None)
SQUARE = """
    ABC
    DEF
    GHI
"""
LETTERS = ("together", "apart")


def read(options):
    """Turn letters into codes: groups of letters, a mapping of letters, letters of poles."""
    given = dict(options)
    for name in LETTERS:
        if name in given and not isinstance(given[name], str):
            given[name] = [
                codes(each) if isinstance(each, str) and each.isalpha() else each
                for each in given[name]
            ]
    if isinstance(given.get("locked"), dict):
        given["locked"] = {code(each): name for each, name in given["locked"].items()}
    if isinstance(given.get("poles"), tuple):
        given["poles"] = codes(given["poles"])
    return given


def asked(layer, *, bridges=None, **options):
    """Understand wishes on a layer whose rows come shuffled."""
    ordered = layer.sort_index()
    return understood(ordered, tt.contiguity(layer, bridges=bridges), **read(options))


def refused(layer, **options):
    """Return the keys of a refusal, after a look at its words in both languages."""
    with pytest.raises(tt.ConstraintError) as refusal:
        asked(layer, **options)
    english = str(refusal.value)
    with using("fr"):
        french = str(refusal.value)
    keys = [fault.key.removeprefix("error.") for fault in refusal.value.faults]
    assert len(english.splitlines()) == len(french.splitlines()) == len(keys)
    for line, ligne in zip(english.splitlines(), french.splitlines(), strict=True):
        assert line != ligne
        assert "{" not in line + ligne
    return sorted(keys)


def shut(layer, labels, names=None):
    """Make a zoning of some letters of a layer, as ``{"A": "x"}``."""
    named = pd.Series({code(each): name for each, name in labels.items()}, dtype="object")
    zoning = tt.Zoning.from_labels(shuffle(named), communes=layer)
    return tt.Zoning(layer, zoning.membership, names=names or {})


def groups(wishes):
    """Read the groups of two communes or more as letters."""
    found = {}
    for place, group in enumerate(wishes.group.tolist()):
        found[group] = found.get(group, "") + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]
    return {each for each in found.values() if len(each) > 1}


# --- Refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"together": [["00001", "99999"]]}, ["together_unknown"]),
        ({"together": [["A", "B"]]}, ["together_unknown"]),
        ({"together": "00001"}, ["groups_of_codes"]),
        ({"together": ["00001", "00002"]}, ["groups_of_codes", "groups_of_codes"]),
        ({"together": [5]}, ["groups_of_codes"]),
        ({"apart": [["00001", "99999"]]}, ["apart_unknown"]),
        ({"apart": "00001"}, ["groups_of_codes"]),
        ({"locked": {"Z": "x"}}, ["locked_unknown"]),
        ({"locked": "00001"}, ["locked_unknown"]),
        ({"poles": ["99999", "00001"]}, ["pole_unknown"]),
        ({"poles": "00001"}, ["codes_wanted"]),
        ({"poles": 7}, ["codes_wanted"]),
        ({"together": ["AB"], "apart": ["AB"]}, ["apart_together"]),
        ({"together": ["AB", "BC", "CF"], "apart": ["AF"]}, ["apart_together"]),
        ({"together": ["ABC"], "apart": ["ABF"]}, ["apart_together"]),
        ({"together": ["AB"], "apart": ["AB", "BA"]}, ["apart_together"]),
        ({"locked": {"A": "x", "B": "x"}, "apart": ["AB"]}, ["apart_together"]),
        ({"locked": {"A": "x", "B": "y"}, "together": ["AB"]}, ["together_locked_apart"]),
        (
            {"locked": {"A": "x", "C": "y"}, "together": ["AB", "BC"]},
            ["together_locked_apart"],
        ),
        (
            {"locked": {"A": "x", "B": "x", "C": "y"}, "together": ["BEC"]},
            ["together_locked_apart"],
        ),
        ({"together": ["ABC"], "population": (None, 2_999)}, ["together_over_maximum"]),
        (
            {"locked": {"A": "x", "B": "x", "C": "x"}, "population": (None, 2_999)},
            ["together_over_maximum"],
        ),
        ({"together": ["AC"], "population": (None, 2_000)}, ["together_over_maximum"]),
        ({"territories": 1, "locked": {"A": "x", "B": "y"}}, ["number_under_locked"]),
        ({"territories": 2, "apart": ["ACG"]}, ["number_under_apart"]),
        ({"territories": 8, "together": ["ABC"]}, ["number_over_groups"]),
        ({"territories": 9, "locked": {"A": "x", "B": "x"}}, ["number_over_groups"]),
        ({"territories": 10, "together": ["ABC"]}, ["number_over_communes"]),
        ({"territories": 3, "poles": ("A", "B")}, ["number_over_poles"]),
        (
            {"territories": 3, "poles": ("A", "B", "B", "C"), "together": ["AB"]},
            ["number_over_poles"],
        ),
        ({"territories": 1, "poles": ()}, ["number_over_poles"]),
    ],
    ids=str,
)
def test_refusals(options, keys):
    """Each contradiction has its own fault; nine communes of 1 000 inhabitants."""
    assert refused(drawn(SQUARE), **{"population": FREE, **options}) == keys


@pytest.mark.parametrize(
    "options",
    [
        {"together": ["ABC"], "population": (None, 3_000)},
        {"territories": 7, "together": ["ABC"]},
        {"territories": 2, "poles": ("A", "B")},
        {"territories": 3, "apart": ["ACG"]},
        {"territories": 2, "locked": {"A": "x", "B": "y"}},
        {"locked": {"A": "x", "B": "x"}, "together": ["BC"]},
        {"apart": ["AA"], "together": ["B"]},
        {"together": [[]], "apart": [[]], "locked": {}},
    ],
    ids=str,
)
def test_the_limits_themselves_are_accepted(options):
    wishes = asked(drawn(SQUARE), **{"population": FREE, **options})
    assert set(wishes.names.values()) == set(options.get("locked", {}).values())
    wanted = {each for each in options.get("together", []) if len(each) > 1}
    assert all(any(set(each) <= set(group) for group in groups(wishes)) for each in wanted)


def test_all_faults_at_once():
    keys = refused(
        drawn(SQUARE),
        population=(50_000, None),
        territories=2,
        resolution=0,
        together=["AB", ["99999"]],
        apart=["AB", "DEF", ["88888"]],
        locked={"A": "x", "G": "y", "I": "z"},
        poles=["77777"],
    )
    expected = """apart_together apart_unknown minimum_over_total number_and_resolution
        number_over_poles number_under_apart number_under_locked pole_unknown
        resolution_not_positive together_unknown"""
    assert keys == sorted(expected.split())


def test_a_refusal_names_the_communes():
    with pytest.raises(tt.ConstraintError) as refusal:
        asked(drawn(SQUARE), population=FREE, together=["ABCDEF"], apart=["AF"])
    assert str(refusal.value).startswith("Communes '00001', '00006' are wanted both together and")
    with pytest.raises(tt.ConstraintError) as refusal:
        asked(drawn(SQUARE), population=(None, 3_000), together=["ABCDEF"])
    assert "'00001', '00002', '00003', '00004', '00005', …" in str(refusal.value)


@pytest.mark.parametrize(
    ("labels", "options", "keys"),
    [
        ({"A": "x", "B": "x"}, {"together": ["AD"]}, ["together_with_locked"]),
        ({"A": "x", "B": "x", "C": "y"}, {"together": ["BC"]}, ["together_locked_apart"]),
        ({"A": "x", "B": "x"}, {"apart": ["AB"]}, ["apart_together"]),
        ({"A": "x", "I": "y"}, {"territories": 1}, ["number_under_locked"]),
        ({"A": "x", "I": "y"}, {"territories": 2}, ["number_under_rest"]),
        ({"D": "x", "E": "x", "F": "x"}, {"territories": 2}, ["number_under_rest"]),
        ({"A": "x", "B": "x"}, {"territories": 9}, ["number_over_groups"]),
        ({"A": "x", "B": "x"}, {"territories": 3, "poles": ("A", "C")}, ["number_over_poles"]),
        ({"A": "x"}, {"territories": 5, "population": (2_001, None)}, ["number_minimum"]),
        ({"A": "x"}, {"territories": 3, "population": (None, 3_999)}, ["number_maximum"]),
        ({"D": "x", "E": "x", "F": "x"}, {"together": ["AG"]}, ["together_no_way"]),
    ],
    ids=str,
)
def test_a_locked_zoning_is_a_wall(labels, options, keys):
    """Nothing joins a territory of a zoning, and ways go round it."""
    layer = drawn(SQUARE)
    options = {"population": FREE, "locked": shut(layer, labels), **options}
    assert refused(layer, **options) == keys


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ({"A": "x", "B": "x"}, {"together": ["AB"]}),
        ({"A": "x", "B": "x"}, {"apart": ["AC"]}),
        ({"A": "x", "I": "y"}, {"territories": 3}),
        ({"D": "x", "E": "x", "F": "x"}, {"territories": 3}),
        ({"A": "x", "B": "x"}, {"territories": 8}),
        ({"A": "x", "B": "x"}, {"territories": 2, "poles": ("C",)}),
        ({"A": "x"}, {"territories": 5, "population": (2_000, None)}),
        ({"A": "x", "B": "x"}, {"population": (None, 1_999)}),
    ],
    ids=str,
)
def test_what_a_locked_zoning_allows(labels, options):
    layer = drawn(SQUARE)
    wishes = asked(layer, **{"population": FREE, "locked": shut(layer, labels), **options})
    assert sorted(wishes.names.values()) == sorted(set(labels.values()))
    assert len(wishes.shut) == len(set(labels.values()))


def test_a_large_commune_in_a_locked_territory_is_no_obstacle():
    """A has more inhabitants than the maximum, but its territory stays as it is."""
    layer = drawn("ABC", population=[9_000, 1_000, 1_000])
    assert refused(layer, population=(None, 5_000)) == ["maximum_under_commune"]
    wishes = asked(layer, population=(None, 5_000), locked=shut(layer, {"A": "x"}))
    assert wishes.bounds == Bounds(None, 5_000)


def test_an_island_cannot_be_joined_without_a_bridge():
    """D is an island.

    ABC..D
    """
    layer = drawn("ABC..D")
    assert refused(layer, population=FREE, together=["AD"]) == ["together_no_way"]
    wishes = asked(layer, population=FREE, together=["AD"], bridges=[(code("C"), code("D"))])
    assert groups(wishes) == {"ABCD"}
    assert wishes.tied == tuple(codes("BC"))


# --- Ways ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "found", "tied"),
    [
        ({"together": ["AB"]}, {"AB"}, ""),
        ({"together": ["AC"]}, {"ABC"}, "B"),
        ({"together": ["AE"]}, {"ABE"}, "B"),  # over B or D: the first
        ({"together": ["EA"]}, {"ABE"}, "B"),
        ({"together": ["AC"], "apart": ["AB"]}, {"ACDEF"}, "DEF"),
        ({"together": ["AC"], "locked": {"B": "x", "D": "x"}}, {"ABCD"}, "B"),
        ({"together": ["AC", "BH"]}, {"ABCEH"}, "BE"),
        ({"locked": {"A": "x", "C": "x", "B": "y"}}, {"ACDEF"}, "DEF"),
        ({"locked": {"A": "x", "I": "x"}}, {"ABCFI"}, "BCF"),
    ],
    ids=str,
)
def test_ways(options, found, tied):
    """The shortest, the first in the order of codes, round what is wanted apart.

    ABC
    DEF
    GHI
    """
    wishes = asked(drawn(SQUARE), population=FREE, **options)
    assert groups(wishes) == found
    assert wishes.tied == tuple(codes(tied))


def test_a_way_never_joins_what_is_wanted_apart():
    """From A to D not over B and C, which are locked into two territories.

    ABCD
    EFGH
    """
    layer = drawn("ABCD\nEFGH")
    wishes = asked(layer, population=FREE, together=["AD"], locked={"B": "x", "C": "y"})
    of = dict(zip(sorted(layer.index), wishes.group.tolist(), strict=True))
    assert of[code("A")] == of[code("D")]
    assert of[code("B")] != of[code("C")]
    assert len(wishes.tied) == 4
    assert all(one != other for one, other in wishes.rivals)


def test_no_way_but_over_two_that_are_apart():
    """A and D would join B and C, which are wanted apart.

    ABCD
    """
    layer = drawn("ABCD")
    assert refused(layer, population=FREE, together=["AD"], apart=["BC"]) == ["together_no_way"]
    locked = {"B": "x", "C": "y"}
    assert refused(layer, population=FREE, together=["AD"], locked=locked) == ["together_no_way"]
    assert groups(asked(layer, population=FREE, together=["AC"], apart=["BD"])) == {"ABC"}


def test_ways_are_not_looked_for_without_end(monkeypatch):
    """A and D can be joined, but not at the first place."""
    monkeypatch.setattr("territories._ties._WAYS", 0)
    layer = drawn("ABCD")
    assert refused(layer, population=FREE, together=["AD"]) == ["together_long_way"]


@HEAVY
@given(st.integers(0, 10**6))
def test_the_shortest_way(seed):
    """Two communes are tied by as many as networkx finds between them, round a wall."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 4, 5, sea=0.1)
    if len(layer) < 6:
        return
    chosen = [str(each) for each in generator.choice(sorted(layer.index), 6, replace=False)]
    ends, wall = chosen[:2], chosen[2:]
    locked = tt.Zoning.from_labels(dict.fromkeys(wall, "wall"), communes=layer)
    graph = package_borders(layer)
    graph.remove_nodes_from(wall)
    options = {"population": FREE, "together": [ends], "locked": locked}
    if not nx.has_path(graph, *ends):
        assert refused(layer, **options) == ["together_no_way"]
        return
    wishes = asked(layer, **options)
    assert len(wishes.tied) == nx.shortest_path_length(graph, *ends) - 1
    tied = graph.subgraph([*ends, *wishes.tied])
    assert nx.is_connected(tied)


@HEAVY
@given(st.integers(0, 10**6))
def test_order_changes_nothing(seed):
    """Rows of the layer, and the wishes and their codes, in another order: the same."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 4, 5)
    places = sorted(layer.index)

    def some(many):
        return [str(each) for each in generator.choice(places, min(many, len(places)))]

    together = [some(3), some(2), some(2)]
    apart = [some(2)]
    locked = {each: f"T{number % 2}" for number, each in enumerate(some(3))}
    turned = {
        "together": [each[::-1] for each in together[::-1]],
        "apart": [each[::-1] for each in apart],
        "locked": pd.Series(dict(list(locked.items())[::-1])),
    }
    pairs = tt.contiguity(layer)
    try:
        first = understood(
            layer.sort_index(),
            pairs,
            population=FREE,
            together=together,
            apart=apart,
            locked=locked,
        )
    except tt.ConstraintError as refusal:
        with pytest.raises(tt.ConstraintError) as again:
            understood(layer.sort_index(), pairs, population=FREE, **turned)
        assert sorted(map(str, again.value.faults)) == sorted(map(str, refusal.faults))  # noqa: PT017
        return
    other = understood(layer.sort_index(), shuffle(pairs), population=FREE, **turned)
    assert first.group.tolist() == other.group.tolist()
    assert (first.names, first.rivals, first.tied) == (other.names, other.rivals, other.tied)


# --- Kept by the search --------------------------------------------------------------------


def chosen(generator, layer, many):
    places = sorted(layer.index)
    return [str(each) for each in generator.choice(places, min(many, len(places)), replace=False)]


def random_wishes(generator, layer, table):
    """Draw wishes of all kinds: together, apart, locked by name or whole, poles, number, bounds."""
    options = {}
    if generator.random() < 0.5:
        options["together"] = [chosen(generator, layer, 2) for _ in range(generator.integers(1, 3))]
    if generator.random() < 0.5:
        options["apart"] = [
            chosen(generator, layer, int(generator.integers(2, 4)))
            for _ in range(generator.integers(1, 3))
        ]
    kind = generator.integers(3)
    if kind == 0:
        options["locked"] = {
            each: f"T{int(generator.integers(1, 3))}" for each in chosen(generator, layer, 3)
        }
    elif kind == 1 and table.table["patients"].sum():
        drawn_before = tt.delineate(table, layer, population=FREE, resolution=1.0, seed=5).labels
        names = sorted(set(drawn_before.dropna()))
        if names:
            some = generator.choice(names, min(2, len(names)), replace=False)
            labels = drawn_before[drawn_before.isin(some)]
            options["locked"] = tt.Zoning.from_labels(labels, communes=layer)
    if generator.random() < 0.3:
        options["poles"] = chosen(generator, layer, 4)
    asked_for = generator.random()
    if asked_for < 0.3:
        options["territories"] = int(generator.integers(1, 8))
    elif asked_for < 0.6:
        options["resolution"] = float(generator.choice([0.5, 1, 3]))
    bounds = [FREE, (8_000, None), (None, 30_000), (8_000, 30_000)]
    options["population"] = bounds[generator.integers(4)]
    options["options"] = {"steps": int(generator.choice([0, 50, 300]))}
    return options


def check_wishes(zoning, layer, graph, *, population, **wishes):
    """Hold a zoning to all that was asked, by recomputation."""
    labels, (low, high) = zoning.labels, population
    locked = wishes.get("locked")
    whole = {}
    if isinstance(locked, tt.Zoning):
        known = locked.labels.dropna()
        whole = {name: set(group.index) for name, group in known.groupby(known)}
    assert labels.notna().all()
    if "territories" in wishes:
        assert labels.nunique() == wishes["territories"]
    for together in wishes.get("together", ()):
        assert len(set(labels[together])) == 1
    for apart in wishes.get("apart", ()):
        assert labels[apart].nunique() == len(apart)
    if isinstance(locked, dict):
        assert labels[list(locked)].to_dict() == locked
    told = {}
    for each in zoning.unmet:
        told.setdefault(str(each.values.get("code")), set()).add(each.key.removeprefix("unmet."))
        assert "{" not in str(each)
    people = layer["population"].groupby(labels).sum()
    for name, members in ((name, group.index) for name, group in labels.groupby(labels)):
        assert nx.is_connected(graph.subgraph(members))
        reasons = told.get(name, set())
        if name in whole:
            assert set(members) == whole[name]
        over = high is not None and people[name] > high
        assert over == ("over_maximum" in reasons)
        assert not over or name in whole
        small = {"locked_small", "island", "neighbours_full", "neighbours_closed"}
        small |= {"number_wanted", "not_helped"}
        under = low is not None and people[name] < low
        assert under == bool(reasons & small)
        assert len(reasons & small) <= 1
        assert ("locked_small" in reasons) == (under and name in whole)
        assert "number_wanted" not in reasons or "territories" in wishes
        poles = wishes.get("poles")
        assert ("no_pole" in reasons) == (poles is not None and not set(poles) & set(members))
    assert set(whole) <= set(labels)


@settings(HEAVY, max_examples=150)
@given(st.integers(0, 10**6))
def test_wishes_are_kept(seed):
    """All that is asked is kept, or refused, or told; each territory in one piece."""
    generator = np.random.default_rng(seed)
    rows, columns = [(4, 4), (5, 5), (3, 5), (4, 6)][generator.integers(4)]
    layer = random_layer(generator, rows, columns, sea=float(generator.choice([0, 0.2])))
    table = random_flows(generator, layer, count=int(generator.choice([20, 60, 150])))
    wishes = random_wishes(generator, layer, table)
    other = {**wishes}
    if isinstance(wishes.get("locked"), dict):
        other["locked"] = dict(list(wishes["locked"].items())[::-1])
    try:
        zoning = tt.delineate(table, layer, seed=seed, **wishes)
    except tt.ConstraintError as refusal:
        with pytest.raises(tt.ConstraintError) as again:
            tt.delineate(shuffled_rows(table, 1), shuffle(layer, 2), seed=seed, **other)
        assert str(again.value) == str(refusal)  # noqa: PT017
        return
    if zoning.territories.empty:
        assert [each.key for each in zoning.unmet] == ["unmet.no_flow"]
        return
    check_wishes(zoning, layer, borders(layer), **wishes)
    again = tt.delineate(shuffled_rows(table, 1), shuffle(layer, 2), seed=seed, **other)
    pd.testing.assert_frame_equal(zoning.membership, again.membership)
    assert zoning.unmet == again.unmet


HASHED = """
import numpy as np
import territories as tt
from grids import random_flows, random_layer
generator = np.random.default_rng(3)
layer = random_layer(generator, 6, 6)
table = random_flows(generator, layer, 200)
zoning = tt.delineate(
    table, layer, population=(8_000, None), together=[["00001", "00012"], ["00005", "00007"]],
    apart=[["00001", "00005"]], locked={"00003": "b", "00018": "a"},
)
print(zoning.labels.to_dict(), zoning.unmet, dict(zoning.names))
"""


def test_the_hash_seed_changes_nothing():
    """The same labels whatever order Python's sets have."""
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "tests")])
    said = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        command = [sys.executable, "-c", HASHED]
        told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        said.add(told.stdout)
    assert len(said) == 1
    assert "00001" in said.pop()


def village(letter_poles="AI"):
    """Draw nine communes, of which A and I receive.

    ABC
    DEF
    GHI
    """
    layer = drawn(SQUARE, population=10_000)
    first, last = letter_poles
    rows = [(f"{place}{first}", 400) for place in "ABCD"]
    rows += [(f"{place}{last}", 400) for place in "FGHI"]
    return letters([*rows, (f"E{first}", 250), (f"E{last}", 150)], layer), layer


def test_a_locked_name_names_the_territory():
    table, layer = village()
    locked = {code("E"): "south", code("I"): "south"}
    zoning = tt.delineate(table, layer, territories=2, population=FREE, locked=locked)
    assert set(zoning.labels) == {"south", code("A")}
    assert zoning.labels[code("E")] == zoning.labels[code("I")] == "south"
    assert [str(each) for each in zoning.unmet] == [
        "Communes that join those that do not touch: Commune 00006 (00006)."
    ]


def test_a_locked_zoning_stays_with_its_names():
    """Its territories, their ids and what they are called; the rest is divided around them."""
    table, layer = village()
    locked = shut(layer, {"A": "x", "B": "x", "C": "y"}, names={"x": "The west", "y": "The east"})
    zoning = tt.delineate(table, layer, resolution=1.0, population=(20_000, None), locked=locked)
    labels = zoning.labels
    assert set(labels.index[labels == "x"]) == set(codes("AB"))
    assert set(labels.index[labels == "y"]) == {code("C")}
    assert zoning.names["x"] == "The west"
    assert zoning.names["y"] == "The east"
    assert [(each.key, each.values["name"]) for each in zoning.unmet] == [
        ("unmet.locked_small", "The east")
    ]


def test_a_locked_zoning_that_covers_all():
    """Nothing is left to divide."""
    table, layer = village()
    labels = {each: "x" if each in "ABC" else "y" for each in "ABCDEFGHI"}
    zoning = tt.delineate(table, layer, population=FREE, locked=shut(layer, labels))
    assert zoning.labels.to_dict() == {code(each): name for each, name in labels.items()}


def test_a_locked_zoning_in_pieces_stays_in_pieces():
    """A and I are one territory on the table; nobody joins it."""
    table, layer = village()
    locked = shut(layer, {"A": "x", "I": "x"})
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0, locked=locked)
    assert set(zoning.labels.index[zoning.labels == "x"]) == {code("A"), code("I")}


@pytest.mark.parametrize("number", range(3, 9))
def test_numbers_around_a_locked_zoning(number):
    table, layer = village()
    locked = shut(layer, {"A": "x", "B": "x"})
    zoning = tt.delineate(table, layer, territories=number, population=FREE, locked=locked)
    check_wishes(zoning, layer, borders(layer), population=FREE, territories=number, locked=locked)


def test_apart_although_flows_join():
    """All go to A, but B must not be with it.

    ABC
    """
    layer = drawn("ABC")
    table = letters([("AA", 90), ("BA", 90), ("CA", 90), ("BB", 5)], layer)
    options = {"population": FREE, "resolution": 0.1}
    assert len(set(tt.delineate(table, layer, **options).labels)) == 1
    labels = tt.delineate(table, layer, apart=[codes("AB")], **options).labels
    assert labels[code("A")] != labels[code("B")]


def test_poles_are_asked_for():
    """Two poles: as many territories at most, though flows would draw three."""
    layer = grid(1, 9)
    rows = [(code(place), code(3 * ((place - 1) // 3) + 2), 100) for place in range(1, 10)]
    table = flows(rows, layer)
    free = tt.delineate(table, layer, population=FREE, resolution=1.0)
    assert free.labels.nunique() == 3
    poles = [code(2), code(8)]
    zoning = tt.delineate(table, layer, population=FREE, resolution=1.0, poles=poles)
    assert set(zoning.labels) == set(poles)
    assert zoning.unmet == ()
    with pytest.raises(tt.ConstraintError, match="each with a pole; poles given: 2"):
        tt.delineate(table, layer, population=FREE, territories=3, poles=poles)
