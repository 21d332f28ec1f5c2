"""The layer of communes: its contract, who touches whom, light outlines, names."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hypothesis import example, given
from hypothesis import strategies as st
from layers import METRE, code, layer, letter, squares

from territories import ConstraintError, GeometryError, InputError, contiguity
from territories._words import using
from territories.communes import checked, departments, metric, place_names, simplified

PICTURES = st.integers(1, 5).flatmap(
    lambda wide: st.lists(st.text("abcde.", min_size=wide, max_size=wide), min_size=1, max_size=5)
)


def touching(pairs: pd.DataFrame) -> dict[str, float]:
    """Give the length shared by each pair of letters, in km."""
    return {
        letter(left) + letter(right): round(shared / METRE, 6)
        for left, right, shared in pairs[["left", "right", "shared_m"]].itertuples(index=False)
    }


def borders(picture: str) -> dict[str, float]:
    """Count the common sides of squares of each pair of letters, one by one."""
    place = {square: sign for sign, places in squares(picture).items() for square in places}
    count: Counter[str] = Counter()
    for (across, down), sign in place.items():
        for beside in ((across + 1, down), (across, down + 1)):
            other = place.get(beside, sign)
            if other != sign:
                count["".join(sorted(sign + other))] += 1
    return {pair: float(sides) for pair, sides in count.items()}


def test_rook_and_queen() -> None:
    """Only a point is shared by a and d, and by b and c.

    ::

        ab
        cd
    """
    communes = layer("ab cd")
    rook = {"ab": 1.0, "ac": 1.0, "bd": 1.0, "cd": 1.0}
    assert touching(contiguity(communes)) == rook
    assert touching(contiguity(communes, rule="queen")) == {**rook, "ad": 0.0, "bc": 0.0}


def test_a_commune_in_two_pieces_is_one_node() -> None:
    """The two pieces of a give one line per neighbour, their borders added up.

    ::

        abbca       a touches b and d on both sides, c on one
        adddd
    """
    assert touching(contiguity(layer("abbca adddd"))) == {
        "ab": 1.0,
        "ac": 1.0,
        "ad": 2.0,
        "bc": 1.0,
        "bd": 2.0,
        "cd": 1.0,
    }


def test_an_enclave_touches_its_host_only() -> None:
    """The commune b is all inside a.

    ::

        aaac
        abac
        aaac
    """
    assert touching(contiguity(layer("aaac abac aaac"))) == {"ab": 4.0, "ac": 3.0}


def test_an_island_touches_nobody_unless_bridged() -> None:
    """Nobody is beside c.

    ::

        ab..c
    """
    communes = layer("ab..c")
    assert touching(contiguity(communes)) == {"ab": 1.0}
    for bridges in (
        [("00003", "00002")],
        pd.DataFrame({"right": ["00002"], "left": ["00003"], "note": ["bac"]}),
    ):
        assert touching(contiguity(communes, bridges=bridges)) == {"ab": 1.0, "bc": 0.0}


def test_a_bridge_between_neighbours_changes_nothing() -> None:
    communes = layer("ab")
    assert touching(contiguity(communes, bridges=[("00002", "00001")] * 2)) == {"ab": 1.0}


def test_a_bridge_from_a_commune_to_itself_joins_nothing() -> None:
    """Each pair is of two communes: left < right."""
    assert touching(contiguity(layer("ab"), bridges=[("00001", "00001")])) == {"ab": 1.0}


def test_a_bridge_to_nowhere_is_refused_by_name() -> None:
    with pytest.raises(ConstraintError, match="'99999'"):
        contiguity(layer("ab"), bridges=[("00001", "99999")])


@given(PICTURES, st.integers(0, 9))
def test_contiguity_is_that_of_the_squares(lines: list[str], seed: int) -> None:
    picture = " ".join(lines)
    if set(picture) <= set(". "):
        return
    assert touching(contiguity(layer(picture, seed=seed))) == borders(picture)


@given(st.permutations(list("abcdef")), st.integers(0, 9))
def test_contiguity_does_not_depend_on_rows_or_ids(names: list[str], seed: int) -> None:
    """Text ids in any order give the same pairs, each once and in order.

    ::

        abc
        def
    """
    communes = layer("abc def", seed=seed)
    renamed = communes.rename(index={code(old): f"x-{new}" for old, new in zip("abcdef", names)})  # noqa: B905
    pairs = contiguity(renamed)
    assert (pairs["left"] < pairs["right"]).all()
    assert pairs[["left", "right"]].apply(tuple, axis=1).is_monotonic_increasing
    expected = {
        frozenset(f"x-{names['abcdef'.index(letter(end))]}" for end in ends)
        for ends in contiguity(layer("abc def"))[["left", "right"]].itertuples(index=False)
    }
    assert set(pairs[["left", "right"]].apply(frozenset, axis=1)) == expected


def shrunk(communes: gpd.GeoDataFrame, by: float) -> gpd.GeoDataFrame:
    """Draw each commune smaller by so many metres on every side, or larger."""
    return communes.set_geometry(communes.buffer(-by, join_style="mitre"))


@pytest.mark.parametrize("by", [0.025, 0.049, -0.025, -1.0, -20.0])
def test_gaps_and_overlaps_do_not_hide_a_border(by: float) -> None:
    """The pairs and lengths are those of the drawing without gaps; a point stays a point.

    ::

        aabb
        acdb
        cc.d
    """
    exact = layer("aabb acdb cc.d")
    assert touching(contiguity(exact)) == borders("aabb acdb cc.d")
    moved = contiguity(shrunk(exact, by)).set_index(["left", "right"])["shared_m"]
    expected = contiguity(exact).set_index(["left", "right"])["shared_m"]
    # Overlaps make borders of points only when they are deep.
    assert moved.index.isin(expected.index).all() or by <= -1
    for pair, shared in expected.items():
        assert moved[pair] == pytest.approx(shared, abs=max(1.0, 4 * abs(by)))


def test_the_tolerance_is_the_widest_gap() -> None:
    apart = shrunk(layer("ab"), 0.1)  # 20 cm between the two
    assert touching(contiguity(apart)) == {}
    assert touching(contiguity(apart, rule="queen")) == {}
    assert touching(contiguity(apart, tolerance=0.25)) == {"ab": pytest.approx(1.0, abs=0.002)}
    assert touching(contiguity(shrunk(layer("ab"), 0.01), tolerance=0)) == {}
    assert touching(contiguity(layer("ab"), tolerance=0)) == {"ab": 1.0}


def test_a_border_is_not_the_perimeter_of_an_overlap() -> None:
    """Two squares of 1 km lie on one another over 500 m."""
    communes = layer("ab").sort_index()
    wide = communes.geometry.iloc[0].union(communes.geometry.iloc[1].intersection(
        shapely.affinity.translate(communes.geometry.iloc[0], 500)
    ))  # fmt: skip
    communes.geometry = [wide, communes.geometry.iloc[1]]
    assert touching(contiguity(communes)) == {"ab": pytest.approx(1.0, abs=0.001)}


@pytest.mark.parametrize("tolerance", [-1, -0.001, np.nan, np.inf, True, "1", None])
def test_a_tolerance_that_is_none_is_refused(tolerance: object) -> None:
    with pytest.raises(InputError, match="tolerance"):
        contiguity(layer("ab"), tolerance=tolerance)


@given(PICTURES, st.integers(0, 9))
@example([".b.a", "a.aa", ".b.a", "a.aa"], 0)  # four corners are not a border
def test_small_moves_change_no_pair(lines: list[str], seed: int) -> None:
    """Each commune is moved by 3 cm at most, its own way."""
    picture = " ".join(lines)
    if set(picture) <= set(". "):
        return
    exact = layer(picture)
    steps = np.random.default_rng(seed).uniform(-0.03, 0.03, (len(exact), 2))
    moved = [shapely.affinity.translate(each, *step) for each, step in zip(exact.geometry, steps)]  # noqa: B905
    assert list(touching(contiguity(exact.set_geometry(moved)))) == list(borders_in_order(picture))


def borders_in_order(picture: str) -> list[str]:
    return sorted(borders(picture), key=lambda pair: (code(pair[0]), code(pair[1])))


def test_a_short_border_is_a_border() -> None:
    """Down to three tolerances, where it is shared as drawn; without tolerance, any."""
    for length, tolerance, pairs in ((0.5, 0.1, 1), (0.2, 0.1, 0), (0.01, 0.0, 1)):
        shapes = [shapely.box(0, 0, 1000, 1000), shapely.box(1000, 1000 - length, 2000, 2000)]
        communes = gpd.GeoDataFrame(geometry=shapes, index=["00001", "00002"], crs=2154)
        found = contiguity(communes, tolerance=tolerance)
        assert len(found) == pairs
        assert found["shared_m"].tolist() == pytest.approx([length] * pairs)


@pytest.mark.parametrize("change", ["shrunk", "moved", "rounded 0.1", "rounded 0.01"])
def test_the_borders_of_a_region_survive_gaps(cvl_communes: gpd.GeoDataFrame, change: str) -> None:
    """Each commune shrunk, moved or rounded by itself: the 5 008 pairs are the same."""
    rng = np.random.default_rng(5)
    if change == "shrunk":
        layer_with_gaps = shrunk(cvl_communes, 0.025)
    elif change == "moved":
        shapes = [
            shapely.affinity.translate(each, *rng.uniform(-0.03, 0.03, 2))
            for each in cvl_communes.geometry
        ]
        layer_with_gaps = cvl_communes.set_geometry(shapes)
    else:
        shapes = [
            shapely.set_precision(shapely.affinity.translate(each, *step), float(change[8:]))
            for each, step in zip(
                cvl_communes.geometry, rng.uniform(0, 0.03, (len(cvl_communes), 2)), strict=True
            )
        ]
        layer_with_gaps = cvl_communes.set_geometry(shapes)
    pairs, expected = contiguity(layer_with_gaps), contiguity(cvl_communes)
    assert len(pairs) == 5008
    assert pairs[["left", "right"]].equals(expected[["left", "right"]])


def test_a_commune_that_is_not_drawn_touches_nobody() -> None:
    communes = layer("abc").sort_index()
    communes.geometry = [communes.geometry.iloc[0], shapely.Polygon(), communes.geometry.iloc[2]]
    assert checked(communes).index.tolist() == ["00001", "00002", "00003"]
    assert touching(contiguity(communes, rule="queen")) == {}
    assert touching(contiguity(communes, bridges=[("00001", "00002")])) == {"ab": 0.0}
    assert simplified(communes).is_empty.tolist() == [False, True, False]


def test_the_contract_puts_the_layer_in_order() -> None:
    communes = layer("cab")
    assert checked(communes).index.tolist() == ["00001", "00002", "00003"]


@pytest.mark.parametrize(
    ("spoil", "kind", "named"),
    [
        (lambda each: each.drop(columns="population"), InputError, "population"),
        (lambda each: each.drop(columns=["population", "name"]), InputError, "name"),
        (lambda each: pd.concat([each, each.loc[["00002"]]]), InputError, "'00002'"),
        (lambda each: each.assign(population=[-1, 5, 5]), InputError, "'00"),
        (lambda each: each.assign(population=[-1, np.nan, 5]), InputError, "'00"),
        (lambda each: each.set_geometry([shapely.Polygon()] * 3), GeometryError, "'00001'"),
        (lambda each: each.set_geometry(each.centroid), GeometryError, "'00001'"),
        (lambda each: each.set_geometry(each.geometry.where(each.index != "00002")),
         GeometryError, "'00002'"),
        (lambda each: each.to_crs("EPSG:4326"), GeometryError, "EPSG:2154"),
        (lambda each: each.set_crs(None, allow_override=True), GeometryError, "EPSG:2154"),
    ],
)  # fmt: skip
def test_a_layer_against_the_contract_is_refused(spoil, kind, named: str) -> None:
    with pytest.raises(kind, match=named):
        checked(spoil(layer("abc")))


@pytest.mark.parametrize(
    ("crs", "metric_crs"),
    [
        ("EPSG:2154", "EPSG:2154"),
        ("EPSG:4326", "EPSG:2154"),
        ("EPSG:3857", "EPSG:2154"),  # its areas are wrong
        ("EPSG:27572", "EPSG:2154"),  # in metres, but of the old system
        ("EPSG:3395", "EPSG:2154"),
        ("EPSG:32631", "EPSG:32631"),
        ("EPSG:3035", "EPSG:3035"),
    ],
)
def test_metric_projection(crs: str, metric_crs: str) -> None:
    communes = metric(layer("ab").to_crs(crs))
    assert communes.crs == metric_crs
    assert communes.area.to_numpy() == pytest.approx(1e6, rel=5e-3)


def test_overseas_goes_to_its_own_projection() -> None:
    reunion = gpd.GeoDataFrame(
        {"name": ["Saint-Denis"], "population": [150_000]},
        geometry=[shapely.box(55.4, -20.95, 55.5, -20.85)],
        index=["97411"],
        crs="EPSG:4326",
    )
    assert metric(reunion).crs == "EPSG:32740"


def test_a_projection_of_elsewhere_goes_to_the_place() -> None:
    """Areas in Lambert-93 are wrong overseas."""
    reunion = gpd.GeoDataFrame(geometry=[shapely.box(55.4, -20.95, 55.5, -20.85)], crs="EPSG:4326")
    assert metric(reunion.to_crs("EPSG:2154")).crs == "EPSG:32740"


def test_without_a_projection_nothing_can_be_measured() -> None:
    with pytest.raises(GeometryError, match="EPSG:2154"):
        metric(layer("ab").set_crs(None, allow_override=True))


def wavy(picture: str) -> gpd.GeoDataFrame:
    """Bend the borders of a picture, the same on both sides."""
    fine = shapely.segmentize(layer(picture).geometry.to_numpy(), 50.0)
    bent = shapely.transform(
        fine, lambda xy: xy + 80 * np.sin(xy[:, ::-1] / 300) + 15 * np.sin(xy / 60)
    )
    return layer(picture).set_geometry(bent)


def test_simplified_outlines_have_no_gap() -> None:
    """Lines are lighter; neighbours keep the same line.

    ::

        aab
        acb
        ddb
    """
    communes = wavy("aab acb ddb")
    outlines = simplified(communes, tolerance=60.0)
    shapes = outlines.to_numpy()
    assert outlines.crs == "EPSG:4326"
    assert outlines.index.equals(communes.index)
    assert shapely.get_num_coordinates(shapes).sum() < (
        shapely.get_num_coordinates(communes.geometry.to_numpy()).sum() / 3
    )
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    points = shapely.get_coordinates(shapes)
    assert (points == np.round(points, 5)).all()


def test_simplified_does_not_depend_on_the_order_of_rows() -> None:
    communes = wavy("aab acb ddb")
    there = simplified(communes)
    back = simplified(communes.sort_index())
    for place in communes.index:  # the rings may start elsewhere, the outline is the same
        assert there[place].normalize().equals_exact(back[place].normalize(), 0.0)


def test_departments_of_a_layer() -> None:
    assert departments(layer("aB")).to_dict() == {"00001": "00", "96002": "96"}


def test_names_of_places() -> None:
    communes = layer("abc")
    communes["name"] = ["Chambon" if letter(each) != "b" else "Bourges" for each in communes.index]
    places = ["00001", "00002", "00003", "75056", "75"]
    with using("fr"):
        assert place_names(communes, places) == {
            "00001": "Chambon (00001)",
            "00002": "Bourges",
            "00003": "Chambon (00003)",
            "75056": "commune 75056 (hors région)",
            "75": "département 75 (hors région)",
        }
    with using("en"):
        assert place_names(communes, ["75"]) == {"75": "department 75 (outside the region)"}
