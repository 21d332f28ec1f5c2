"""Zonings: memberships with weights, main territories, white zones, dissolved shapes, pieces."""

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from grids import (
    HEAVY,
    borders,
    code,
    codes,
    drawn,
    random_layer,
    shuffle,
    zoned,
)
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories._words import using

PICTURE = """
    ABC
    DEF
"""


def layer(population=1_000):
    return drawn(PICTURE, population=population)


def table(rows, seed=0):
    """Make a membership of (letter, territory, weight)."""
    listed = [(code(letter), territory, float(weight)) for letter, territory, weight in rows]
    return shuffle(pd.DataFrame(listed, columns=["code", "territory", "weight"]), seed)


def random_membership(generator, communes, *, quarters=True):
    """Draw memberships: some communes in none, some in two or three of the territories."""
    rows = []
    for each in communes.index:
        draw = generator.random()
        if draw < 0.15:
            continue
        number = 1 if draw > 0.45 else int(generator.integers(2, 4))
        names = generator.choice(["north", "east", "south", "west"], number, replace=False)
        if quarters:
            weights = {1: [1.0], 2: [0.75, 0.25], 3: [0.5, 0.25, 0.25]}[number]
        else:
            weights = generator.random(number) + 0.05
            weights = (weights / weights.sum()).tolist()
        rows += zip([each] * number, names.tolist(), weights, strict=True)
    frame = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    return frame.astype({"code": "str", "territory": "str", "weight": "float64"})


@st.composite
def zonings(draw, *, quarters=True):
    """Draw a layer and a membership in it."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    communes = random_layer(generator, int(generator.integers(1, 5)), int(generator.integers(1, 6)))
    membership = random_membership(generator, communes, quarters=quarters)
    return tt.Zoning(communes=communes, membership=shuffle(membership))


# --- From labels ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["series", "mapping", "strings"])
def test_from_labels(kind):
    """Every commune has one territory; labels come back in the order of codes.

    xxy
    xyy
    """
    labels = dict(zip(codes("ABCDEF"), "xxyxyy", strict=True))
    given_labels = {
        "series": shuffle(pd.Series(labels, dtype="object")),
        "mapping": labels,
        "strings": shuffle(pd.Series(labels, dtype="str")),
    }[kind]
    zoning = tt.Zoning.from_labels(given_labels, communes=layer(), name="try")
    assert zoning.labels.to_dict() == labels
    assert zoning.labels.index.tolist() == codes("ABCDEF")
    assert zoning.labels.name == "territory"
    assert zoning.labels.index.name == "code"
    assert zoning.name == "try"
    assert (zoning.membership["weight"] == 1).all()
    assert zoning.uncovered == []
    assert zoning.shared.empty


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "absent"])
def test_missing_labels_are_uncovered(missing):
    """B and E have no label; nor has F, of which nothing is said.

    x.y
    x..
    """
    labels = {code("A"): "x", code("C"): "y", code("D"): "x"}
    if missing is not pd.NA and isinstance(missing, str):
        given_labels = pd.Series(labels, dtype="object")
    else:
        given_labels = pd.Series({**labels, code("B"): missing, code("E"): missing}, dtype="object")
    zoning = tt.Zoning.from_labels(shuffle(given_labels), communes=layer())
    assert zoning.uncovered == codes("BEF")
    assert zoning.labels.isna().tolist() == [False, True, False, False, True, True]
    assert len(zoning.membership) == 3
    assert set(zoning.territories.index) == {"x", "y"}


def test_nobody_is_covered():
    """A zoning of nothing is a zoning: no territory, all white."""
    zoning = tt.Zoning.from_labels({}, communes=layer())
    assert zoning.uncovered == codes("ABCDEF")
    assert zoning.territories.empty
    assert zoning.pieces().empty
    assert repr(zoning) == "<Zoning 'draft': 0 territories, 6 communes, 6 uncovered, 0 shared>"


@pytest.mark.parametrize(
    ("labels", "key", "named"),
    [
        ({"99999": "x", code("A"): "x"}, "zoning_unknown", "'99999'"),
        (
            pd.Series(["x", "y"], index=[code("A"), code("A")]),
            "zoning_weights",
            f"'{code('A')}'",
        ),
    ],
    ids=["unknown", "twice"],
)
def test_refused_labels(labels, key, named):
    """A code that is not in the layer, or that stands twice."""
    with pytest.raises(tt.InputError) as refusal:
        tt.Zoning.from_labels(labels, communes=layer())
    assert [fault.key for fault in refusal.value.faults] == [f"error.{key}"]
    assert named in str(refusal.value)
    with using("fr"):
        assert named in str(refusal.value)


# --- Memberships ---------------------------------------------------------------------------


def test_shared_and_labels():
    """B is mostly of y; C is half and half, and goes to the first name; D is in three.

    A  B      C      D             E  F
    x  y ¾    x ½    z ½ x ¼ y ¼   y  -
       x ¼    y ½
    """
    rows = [
        ("A", "x", 1),
        ("B", "x", 0.25),
        ("B", "y", 0.75),
        ("C", "y", 0.5),
        ("C", "x", 0.5),
        ("D", "x", 0.25),
        ("D", "y", 0.25),
        ("D", "z", 0.5),
        ("E", "y", 1),
    ]
    for seed in range(10):
        zoning = tt.Zoning(communes=layer(), membership=table(rows, seed))
        assert zoning.labels.dropna().to_dict() == dict(zip(codes("ABCDE"), "xyxzy", strict=True))
        assert zoning.uncovered == codes("F")
        assert list(zoning.shared.itertuples(index=False, name=None)) == [
            (code("B"), "y", 0.75),
            (code("B"), "x", 0.25),
            (code("C"), "x", 0.5),
            (code("C"), "y", 0.5),
            (code("D"), "z", 0.5),
            (code("D"), "x", 0.25),
            (code("D"), "y", 0.25),
        ]
        assert zoning.territories["communes"].to_dict() == {"x": 4, "y": 4, "z": 1}
        assert zoning.territories["population"].to_dict() == {"x": 2_000, "y": 2_500, "z": 500}


def test_repr_counts():
    """The representation tells territories, communes, uncovered and shared."""
    zoning = zoned("""
        xx.
        yy.
    """)
    assert repr(zoning) == "<Zoning 'draft': 2 territories, 6 communes, 2 uncovered, 0 shared>"


def test_repr_counts_shared_communes_once():
    """B is in two territories: one shared commune, not two rows."""
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    zoning = tt.Zoning(communes=layer(), membership=table(rows))
    assert "3 uncovered, 1 shared>" in repr(zoning)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([("A", "x", 0.5)], "A"),
        ([("A", "x", 0.6), ("A", "y", 0.6)], "A"),
        ([("B", "x", 1), ("A", "x", 1.5), ("A", "y", -0.5)], "A"),
        ([("B", "x", 1), ("A", "x", 1), ("A", "y", 0)], "A"),
        ([("B", "x", 1), ("A", "x", 1), ("A", "y", np.nan)], "A"),
        ([("B", "x", 1), ("A", "x", np.nan)], "A"),
    ],
    ids=["half", "over 1", "negative", "zero", "missing beside 1", "missing"],
)
def test_refused_weights(rows, named):
    """Weights are over 0 and sum to 1; the commune at fault is named."""
    with pytest.raises(tt.InputError) as refusal:
        tt.Zoning(communes=layer(), membership=table(rows))
    assert [fault.key for fault in refusal.value.faults] == ["error.zoning_weights"]
    assert f"'{code(named)}'" in str(refusal.value)
    assert f"'{code('B')}'" not in str(refusal.value)


def test_thirds_sum_to_one():
    rows = [("A", name, 1 / 3) for name in "xyz"]
    zoning = tt.Zoning(communes=layer(), membership=table(rows))
    assert zoning.labels[code("A")] == "x"


def test_twice_in_the_same_territory_is_not_shared():
    """Two half rows of A in x: refused, or A is in x once."""
    try:
        zoning = tt.Zoning(communes=layer(), membership=table([("A", "x", 0.5), ("A", "x", 0.5)]))
    except tt.InputError:
        return
    assert zoning.shared.empty
    assert zoning.territories["communes"].to_dict() == {"x": 1}


@HEAVY
@given(zonings(), st.integers(0, 1000))
def test_row_order_changes_nothing(zoning, seed):
    again = tt.Zoning(
        communes=shuffle(zoning.communes, seed), membership=shuffle(zoning.membership, seed)
    )
    pd.testing.assert_frame_equal(again.membership, zoning.membership)
    pd.testing.assert_series_equal(again.labels, zoning.labels)
    pd.testing.assert_series_equal(again.pieces(), zoning.pieces())
    assert again.uncovered == zoning.uncovered
    assert repr(again) == repr(zoning)
    first, second = again.territories, zoning.territories
    pd.testing.assert_frame_equal(
        pd.DataFrame(first.drop(columns="geometry")), pd.DataFrame(second.drop(columns="geometry"))
    )
    for one, other in zip(first.geometry, second.geometry, strict=True):
        assert (one is None) == (other is None)
        assert one is None or one.equals(other)


@HEAVY
@given(zonings(quarters=False))
def test_labels_are_the_heaviest(zoning):
    """Slowly: greatest weight, then the first name."""
    for each in zoning.communes.index:
        rows = zoning.membership[zoning.membership["code"] == each]
        choices = [(-row.weight, row.territory) for row in rows.itertuples()]
        if choices:
            assert zoning.labels[each] == min(choices)[1]
        else:
            assert pd.isna(zoning.labels[each])
            assert each in zoning.uncovered


# --- Territories ---------------------------------------------------------------------------


def test_territories_are_dissolved():
    """A square of four and a strip of two, in the layer's projection, named on demand.

    xxy
    xxy
    """
    communes = drawn("ABC\nDEF", population=[1, 2, 4, 8, 16, 32])
    labels = dict(zip(codes("ABCDEF"), "xxyxxy", strict=True))
    membership = tt.Zoning.from_labels(labels, communes=communes).membership
    zoning = tt.Zoning(communes=communes, membership=membership, names={"x": "Centre"})
    found = zoning.territories
    assert isinstance(found, gpd.GeoDataFrame)
    assert found.crs == communes.crs
    assert found.index.tolist() == ["x", "y"]
    assert found.index.name == "territory"
    assert found["name"].to_dict() == {"x": "Centre", "y": "y"}
    assert found["communes"].to_dict() == {"x": 4, "y": 2}
    assert found["population"].to_dict() == {"x": 27, "y": 36}
    west, north = 600_000, 6_700_000
    assert found.geometry["x"].equals(shapely.box(west, north - 2_000, west + 2_000, north))
    assert found.geometry["y"].equals(shapely.box(west + 2_000, north - 2_000, west + 3_000, north))


@HEAVY
@given(zonings())
def test_dissolved_area_is_the_sum(zoning):
    """Each territory's shape is that of its main communes; all are valid, none overlaps."""
    found = zoning.territories
    areas = zoning.communes.geometry.area.groupby(zoning.labels).sum()
    for territory, shape in found.geometry.items():
        if territory not in areas:
            assert shape is None
            continue
        assert shape.is_valid
        assert shape.area == pytest.approx(areas[territory])
    drawn_shapes = found.geometry.dropna()
    assert drawn_shapes.union_all().area == pytest.approx(areas.sum())
    assert set(found.index) == set(zoning.membership["territory"])


@HEAVY
@given(zonings())
def test_population_counts_by_weight(zoning):
    """Each commune counts by its weights: at most half an inhabitant of rounding a territory."""
    people = zoning.communes["population"]
    for territory, row in zoning.territories.iterrows():
        rows = zoning.membership[zoning.membership["territory"] == territory]
        exact = sum(people[each.code] * each.weight for each in rows.itertuples())
        assert abs(row["population"] - exact) < 1
        assert row["communes"] == len(rows)


@HEAVY
@given(zonings())
def test_population_is_that_of_the_covered_communes(zoning):
    """Never more than the region's, even when inhabitants are shared by halves."""
    covered = zoning.communes["population"].drop(zoning.uncovered).sum()
    total = zoning.territories["population"].sum()
    assert covered - len(zoning.territories) < total <= covered or total == covered == 0


def test_population_of_halves():
    """The three inhabitants of B are shared: 1 001 and 1 002, or the reverse, not twice 1 002.

    ABC     A is x, C is y, B is both
    """
    communes = drawn("ABC", population=[1_000, 3, 1_000])
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    zoning = tt.Zoning(communes=communes, membership=table(rows))
    assert zoning.territories["population"].sum() <= 2_003


def test_population_of_thirds():
    """One inhabitant shared in three is one all the same, and 1 000 are not 999."""
    rows = [("A", each, 1 / 3) for each in "xyz"]
    for people, expected in ((1, [1, 0, 0]), (1_000, [334, 333, 333])):
        zoning = tt.Zoning(communes=drawn("A", population=people), membership=table(rows))
        assert zoning.territories["population"].tolist() == expected


def test_a_territory_of_shared_communes_only():
    """Territory y is nobody's main one: it stands, with its inhabitants, without a shape."""
    rows = [("A", "x", 0.75), ("A", "y", 0.25), ("B", "x", 1)]
    zoning = tt.Zoning(communes=layer(), membership=table(rows))
    found = zoning.territories
    assert found["population"].to_dict() == {"x": 1_750, "y": 250}
    assert found.geometry["y"] is None
    assert zoning.pieces().to_dict() == {"x": 1, "y": 1}


# --- Pieces and borders --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("xxy\nyyx", {"x": 2, "y": 2}),
        ("xyx\nxxx", {"x": 1, "y": 1}),
        ("xyx\nyyy\nxyx", {"x": 4, "y": 1}),
        ("xx xx\nyyyyy", {"x": 2, "y": 1}),
        ("x.x", {"x": 2}),
    ],
)
def test_pieces(picture, expected):
    """A corner is no border; the sea and white zones part."""
    pieces = zoned(picture).pieces()
    assert pieces.to_dict() == expected
    assert pieces.name == "pieces"
    assert pieces.index.name == "territory"


def test_shared_communes_hold_pieces_together():
    """B, mostly of y, is of x too: x is one piece.

    ABC     A and C are x
    """
    rows = [("A", "x", 1), ("B", "x", 0.25), ("B", "y", 0.75), ("C", "x", 1)]
    zoning = tt.Zoning(communes=drawn("ABC"), membership=table(rows))
    assert zoning.pieces().to_dict() == {"x": 1, "y": 1}


def test_pieces_with_given_borders():
    """A bridge that the zoning was made with joins what does not touch."""
    communes = drawn("A.B")
    labels = dict.fromkeys(codes("AB"), "x")
    apart = tt.Zoning.from_labels(labels, communes=communes)
    assert apart.pieces().to_dict() == {"x": 2}
    bridged = tt.Zoning(
        communes=communes,
        membership=apart.membership,
        pairs=tt.contiguity(communes, bridges=[tuple(codes("BA"))]),
    )
    assert bridged.pieces().to_dict() == {"x": 1}
    assert bridged.borders["shared_m"].tolist() == [0.0]


@HEAVY
@given(zonings())
def test_pieces_are_networkx(zoning):
    graph = borders(zoning.communes)
    pieces = zoning.pieces()
    for territory, rows in zoning.membership.groupby("territory"):
        assert pieces[territory] == nx.number_connected_components(graph.subgraph(rows["code"]))
    assert len(pieces) == zoning.membership["territory"].nunique()


def test_inputs_are_not_changed():
    rows = table([("B", "x", 1), ("A", "y", 1)])
    before = rows.copy()
    communes = layer()
    zoning = tt.Zoning(communes=communes, membership=rows)
    assert len(zoning.territories) == 2
    pd.testing.assert_frame_equal(rows, before)
    pd.testing.assert_frame_equal(communes, layer())


def test_a_zoning_does_not_change():
    """Frozen: a name cannot be given afterwards."""
    zoning = zoned("xy")
    with pytest.raises(AttributeError):
        zoning.name = "other"


# --- revisions -----------------------------------------------------------------------------------


def halves():
    """Divide the picture: ABD are north, CEF are south.

    ABC
    DEF
    """
    labels = {code(each): "north" if each in "ABD" else "south" for each in "ABCDEF"}
    return tt.Zoning.from_labels(labels, communes=layer())


def test_a_commune_moves_or_is_released():
    zoning = halves()
    revised = zoning.revise(
        [
            tt.Revision("release", code("C"), order=2),
            tt.Revision("move", code("E"), "north", order=1, author="Dr A", reason="care"),
        ]
    )
    assert revised.labels[code("E")] == "north"
    assert revised.uncovered == [code("C")]
    assert zoning.labels[code("E")] == "south"  # a new zoning: the draft is as it was
    assert revised.pieces().to_dict() == {"north": 1, "south": 1}


def test_decisions_apply_in_their_order_whatever_that_of_the_rows():
    moves = [
        tt.Revision("move", code("B"), "south", order=1),
        tt.Revision("move", code("B"), "north", order=2),
    ]
    for given_order in (moves, moves[::-1]):
        assert halves().revise(given_order).labels[code("B")] == "north"


def test_a_decision_that_cuts_a_territory_is_refused_unless_forced():
    """Without A, north is B and D, which do not touch."""
    cut = [tt.Revision("release", code("A"), order=7)]
    with pytest.raises(tt.ConstraintError, match=r"Decision 7 \(.*north would not be in one piece"):
        halves().revise(cut)
    forced = halves().revise(cut, force=True)
    assert forced.pieces()["north"] == 2
    assert [str(each) for each in forced.unmet] == [
        f"Decision 7 ({code('A')}), forced: north is not in one piece any more."
    ]


def test_all_decisions_that_cannot_be_applied_are_told_at_once():
    wrong = [
        tt.Revision("paint", code("A"), order=1),
        tt.Revision("move", "99999", "north", order=2),
        tt.Revision("move", code("A"), "west", order=3),
    ]
    with pytest.raises(tt.ConstraintError) as refusal:
        halves().revise(wrong, force=True)
    assert [each.key for each in refusal.value.faults] == [
        "error.revision_action",
        "error.revision_commune",
        "error.revision_target",
    ]
