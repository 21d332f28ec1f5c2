"""The form of territories and white zones: worked examples, and networkx and shapely."""

import math

import geopandas as gpd
import networkx as nx
import pandas as pd
import pytest
import shapely
from grids import (
    HEAVY,
    borders,
    drawn,
    letters,
    shuffle,
    zoned,
    zoning_of,
    zonings,
)
from hypothesis import given

import territories as tt
from territories.form import form, numbered_pieces


@pytest.mark.parametrize(
    ("picture", "area", "perimeter", "pieces"),
    [
        ("x", 1, 4, 1),
        ("xxxx", 4, 10, 1),
        ("xx\nxx", 4, 8, 1),
        ("xxx\nx.x\nxxx", 8, 16, 1),
        ("x.x", 2, 8, 2),
        ("x.\n.x", 2, 8, 2),
    ],
)
def test_form(picture, area, perimeter, pieces):
    """Polsby–Popper 4πA/P², the border of a hole counted; area in km²; pieces."""
    found = tt.evaluate(zoned(picture), letters([])).loc["x"]
    assert found["area_km2"] == pytest.approx(area)
    assert found["compactness"] == pytest.approx(4 * math.pi * area / perimeter**2)
    assert found["pieces"] == pieces


def test_a_disc_has_compactness_one():
    disc = gpd.GeoDataFrame(
        {"name": ["Round"], "population": [10]},
        index=pd.Index(["00001"], name="code"),
        geometry=[shapely.Point(600_000, 6_700_000).buffer(5_000, quad_segs=512)],
        crs="EPSG:2154",
    )
    zoning = tt.Zoning.from_labels({"00001": "x"}, communes=disc)
    assert tt.evaluate(zoning, letters([]))["compactness"]["x"] == pytest.approx(1, abs=1e-5)


def test_a_territory_without_shape_has_no_form():
    """Territory y is nobody's main one: its form is missing, its exchanges are not."""
    rows = [("A", "x", 0.75), ("A", "y", 0.25)]
    found = tt.evaluate(zoning_of(drawn("A"), rows), letters([("AA", 16)]))
    assert math.isnan(found["compactness"]["y"])
    assert math.isnan(found["area_km2"]["y"])
    assert found["sent"].to_dict() == {"x": 12, "y": 4}


def test_departments():
    """Codes of the departments crossed, in order, overseas and Corsica too."""
    places = ["45234", "2A004", "97105", "18033", "45001", "01004"]
    communes = drawn("ABCDEF").sort_index().set_axis(pd.Index(places, name="code"))
    labels = dict(zip(places, ["x", "x", "x", "x", "x", "y"], strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=shuffle(communes))
    found = tt.evaluate(zoning, letters([]))["departments"]
    assert found.to_dict() == {"x": "18 2A 45 971", "y": "01"}


def test_regions():
    """INSEE's regions of 2016; abroad there is none."""
    places = ["45234", "28085", "2A004", "97105", "78646", "99100"]
    communes = drawn("ABCDEF").sort_index().set_axis(pd.Index(places, name="code"))
    labels = dict(zip(places, ["x", "x", "y", "y", "x", "z"], strict=True))
    zoning = tt.Zoning.from_labels(labels, communes=shuffle(communes))
    assert form(zoning)["regions"].to_dict() == {"x": "11 24", "y": "01 94", "z": ""}


@pytest.mark.parametrize(
    ("picture", "holes", "enclosed"),
    [
        ("xx\nxx", 0, 0),
        ("xxx\nx.x\nxxx", 1, 1),
        ("xxx\nx x\nxxx", 1, 0),
        ("xxxxx\nxyx.x\nxxxxx", 2, 2),
        ("xxxx\nxyzx\nxxxx", 1, 2),
        ("xxx\nx.x\nx.x", 0, 0),
    ],
)
def test_holes(picture, holes, enclosed):
    """Holes of the outline, lakes too, and the communes of others or of nobody in them."""
    found = form(zoned(picture)).loc["x"]
    assert found["holes"] == holes
    assert found["enclosed"] == enclosed
    assert found["enclaves"] == 0


def test_gaps_between_borders_are_no_holes():
    """A ring of communes whose borders do not quite meet, a few centimetres apart."""
    zoning = zoned("xxx\nxxx\nxxx")
    layer = zoning.communes.copy()
    middle = layer.geometry["00005"]
    layer.loc["00005", "geometry"] = middle.buffer(-0.03, join_style="mitre")
    apart = tt.Zoning.from_labels(zoning.labels, communes=layer)
    assert form(apart)["holes"].tolist() == [0]


def test_enclaves_of_a_territory():
    """All of y is in x, and one commune of z."""
    found = form(zoned("xxxxxz\nxyyxzz\nxxxxxz\nxzxxxz\nxxxxxz"))
    assert found["enclaves"].to_dict() == {"x": 0, "y": 2, "z": 1}
    assert found["enclosed"].to_dict() == {"x": 3, "y": 0, "z": 0}


def test_cut_off_from_the_pole():
    """xxyx: the pole of x is the first; with it two, beyond y one. z has no pole."""
    zoning = zoned("xxyxz")
    poles = pd.Series({"x": "00001", "y": "00003", "z": None}, dtype="object")
    found = form(zoning, poles=poles)["cut_off"]
    assert found.isna().to_dict() == {"x": False, "y": False, "z": True}
    assert found.dropna().to_dict() == {"x": 1, "y": 0}
    other = form(zoning, poles=poles.where(poles.index != "x", "00004"))
    assert other["cut_off"]["x"] == 2
    assert "cut_off" not in form(zoning)


def test_bridges_join_pieces():
    """What the zoning's own contiguity joins is one piece."""
    zoning = zoned("x.x")
    bridges = tt.contiguity(zoning.communes, bridges=[("00001", "00003")])
    bridged = tt.Zoning(zoning.communes, zoning.membership, pairs=bridges)
    assert [form(each)["pieces"]["x"] for each in (zoning, bridged)] == [2, 1]


@HEAVY
@given(zonings())
def test_form_as_networkx_and_shapely(case):
    """Each measure again, one territory after the other, from the outlines of its communes."""
    zoning, table = case
    found = tt.evaluate(zoning, table)
    graph = borders(zoning.communes)
    shapes = zoning.communes.geometry
    for territory, group in zoning.membership.groupby("territory"):
        row = found.loc[territory]
        parts = list(nx.connected_components(graph.subgraph(group["code"])))
        assert row["pieces"] == len(parts)
        if pd.isna(row["pole"]):
            assert pd.isna(row["cut_off"])
        else:
            with_pole = next(each for each in parts if row["pole"] in each)
            assert row["cut_off"] == len(group) - len(with_pole)
        people = sum(zoning.communes["population"][group["code"]].to_numpy() * group["weight"])
        area = sum(shapes[group["code"]].area.to_numpy() * group["weight"]) / 1e6
        assert row["density"] == pytest.approx(people / area, abs=1 / area)
        own = zoning.labels.index[zoning.labels == territory]
        outline = shapes[own].union_all()
        if outline.is_empty:
            names = ["area_km2", "compactness", "pac", "holes"]
            assert row[names].isna().all()
            continue
        assert row["area_km2"] == pytest.approx(outline.area / 1e6)
        disc = 2 * math.sqrt(math.pi * outline.area)
        assert row["pac"] == pytest.approx(outline.length / disc)
        assert row["compactness"] == pytest.approx((disc / outline.length) ** 2)
        rings = shapely.get_num_interior_rings(shapely.get_parts(outline)).sum()
        assert row["holes"] == rings


@HEAVY
@given(zonings())
def test_pieces_are_numbered_by_their_first_commune(case):
    zoning, _ = case
    found = numbered_pieces(zoning)
    assert found.groupby(level="territory").nunique().to_dict() == zoning.pieces().to_dict()
    for _, numbers in found.groupby(level="territory"):
        assert pd.unique(numbers).tolist() == list(range(numbers.nunique()))


# --- White zones ---------------------------------------------------------------------------


def white(picture):
    """Return (kind, territory, within) by the number of the commune."""
    found = tt.white_zones(zoned(picture))
    assert found.index.name == "commune"
    assert found.index.is_monotonic_increasing
    assert found.columns.tolist() == ["kind", "territory", "within", "name", "population"]
    return {
        int(each): tuple(None if pd.isna(value) else value for value in row)
        for each, row in zip(
            found.index, found[["kind", "territory", "within"]].itertuples(index=False), strict=True
        )
    }


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("xxx\nxyx\nxxx", {5: ("enclave", "y", "x")}),
        ("xxx\nx.x\nxxx", {5: ("uncovered", None, "x")}),
        ("xxx\nxx.\nxxx", {6: ("uncovered", None, None)}),
        ("xxx\nxyy\nxxx", {}),
        ("xx\nxx", {}),
        ("xxx\nx x\nxxx", {}),
        ("xxxx\nxyzx\nxxxx", {6: ("enclave", "y", "x"), 7: ("enclave", "z", "x")}),
        ("xxxx\nxy.x\nxxxx", {6: ("enclave", "y", "x"), 7: ("uncovered", None, "x")}),
        ("xxy\nx.y\nxyy", {5: ("uncovered", None, None)}),
        ("xxx\nxzy\nyyy", {}),
        ("...\n.x.\n...", dict.fromkeys((1, 2, 3, 4, 6, 7, 8, 9), ("uncovered", None, None))),
        (
            "xxxxx\nxyyzx\nxyxzx\nxyzzx\nxxxxx",
            {
                **dict.fromkeys((7, 8, 12, 17), ("enclave", "y", "x")),
                **dict.fromkeys((9, 14, 18, 19), ("enclave", "z", "x")),
            },
        ),
        ("xxxxx\nxyxyx\nxxxxx", {7: ("enclave", "y", "x"), 9: ("enclave", "y", "x")}),
    ],
    ids=[
        "enclave",
        "uncovered and enclosed",
        "uncovered at the edge",
        "open on the side",
        "nothing",
        "a lake",
        "two territories in one hole",
        "half of the hole uncovered",
        "uncovered between two territories",
        "enclosed by two territories",
        "uncovered around",
        "itself, between two others in its own hole",
        "two holes",
    ],
)
def test_white_zones(picture, expected):
    """Each commune is a cell, numbered by rows.

    xxx     y stands in the hole of x: an enclave     xxx
    xyx                                               x.x    the dot: uncovered, within x
    xxx                                               xxx
    """
    assert white(picture) == expected


@pytest.mark.parametrize("outer", ["x", "a"])
@pytest.mark.parametrize("middle", ["y", "b"])
def test_nested_enclaves(outer, middle):
    """Whatever the names, the centre is within the territory around it, not the outermost.

    ooooo
    ommmo     o outer, m in its hole, z in the hole of m
    omzmo
    ommmo
    ooooo
    """
    picture = "ooooo\nommmo\nomzmo\nommmo\nooooo".replace("o", outer).replace("m", middle)
    found = white(picture)
    assert found[13] == ("enclave", "z", middle)
    ring = dict.fromkeys((7, 8, 9, 12, 14, 17, 18, 19), ("enclave", middle, outer))
    assert found == {13: found[13], **ring}


@pytest.mark.parametrize(("outer", "inner"), [("x", "y"), ("y", "x")])
def test_a_territory_inside_its_own_enclave(outer, inner):
    """The centre is of the outer territory too: it is enclosed by the inner one, not by itself.

    ooooo
    oiiio     o outer, i inner
    oioio
    oiiio
    ooooo
    """
    picture = "ooooo\noiiio\noioio\noiiio\nooooo".replace("o", outer).replace("i", inner)
    ring = dict.fromkeys((7, 8, 9, 12, 14, 17, 18, 19), ("enclave", inner, outer))
    assert white(picture) == {13: ("enclave", outer, inner), **ring}


def test_a_shared_commune_is_not_white():
    rows = [("A", "x", 0.5), ("A", "y", 0.5), ("B", "y", 1)]
    assert tt.white_zones(zoning_of(drawn("AB"), rows)).empty


def test_white_zones_are_named():
    """With their name and people; nothing is white: the same columns."""
    found = tt.white_zones(zoned("xxx\nxyx\nxx.", population=range(1, 10)))
    assert found["name"].tolist() == ["Commune 00005", "Commune 00009"]
    assert found["population"].tolist() == [5, 9]
    assert tt.white_zones(zoned("xx")).columns.tolist() == found.columns.tolist()


@HEAVY
@given(zonings())
def test_uncovered_communes_are_white(case):
    """All of them, and enclaves are covered communes of another territory."""
    zoning, _ = case
    found = tt.white_zones(zoning)
    uncovered = found[found["kind"] == "uncovered"]
    assert uncovered.index.tolist() == zoning.uncovered
    assert uncovered["territory"].isna().all()
    enclaves = found[found["kind"] == "enclave"]
    assert (enclaves["territory"] == zoning.labels[enclaves.index]).all()
    assert (enclaves["territory"] != enclaves["within"]).all()
    assert set(found["kind"]) <= {"uncovered", "enclave"}
