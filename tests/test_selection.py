"""Any set of communes, measured beside its department and its region."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from grids import (
    HEAVY,
    NORTH,
    SIDE,
    WEST,
    code,
    codes,
    drawn,
    flows,
    letters,
    random_flows,
    random_layer,
    shuffle,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import territories as tt
from territories._words import using

FEW = settings(HEAVY, max_examples=8)


@pytest.fixture
def world():
    """Give two departments and flows.

    A B C | department 01
    D E F | department 02
    """
    layer = drawn("ABC\nDEF", population=[1_000, 2_000, 3_000, 4_000, 5_000, 6_000])
    names = {
        code(each): ("01" if each in "ABC" else "02") + f"00{at}"
        for at, each in enumerate("ABCDEF")
    }
    layer = layer.rename(index=names)
    moving = letters(
        [
            ("AA", 100),
            ("AB", 60),
            ("AE", 40),
            ("BB", 300),
            ("BE", 100),
            ("CE", 200),
            ("DA", 25),
            ("DE", 500),
            ("FE", 80),
        ],
        None,
    )
    table = moving.table.replace({"residence": names, "destination": names})
    return (
        layer,
        tt.Flows(shuffle(table), communes=layer),
        {each: names[code(each)] for each in "ABCDEF"},
    )


def test_measures_side_by_side(world):
    """A and B: 460 of 600 patients stay; their department keeps as many of 800."""
    _, moving, at = world
    found = tt.selection(moving, [at["A"], at["B"]])
    table = found.table
    assert table.columns.tolist() == ["selection", "department 01", "region"]
    assert table.loc[("communes", "")].tolist() == [2, 3, 6]
    assert table.loc[("population", "")].tolist() == [3_000, 6_000, 21_000]
    assert table.loc[("area_km2", "")].tolist() == pytest.approx([2, 3, 6])
    assert table.loc[("density", "")].tolist() == pytest.approx([1_500, 2_000, 3_500])
    assert table.loc[("aci_size", "")].tolist() == [1, 1, 1]
    assert table.loc[("patients", "")].tolist() == [600, 800, 1_405]
    assert table.loc[("li", "")].tolist() == pytest.approx([460 / 600, 460 / 800, 1])
    assert table.loc[("leakage", "dermatology")].tolist() == pytest.approx(
        [140 / 600, 340 / 800, 0]
    )
    assert table.loc[("attraction", "")].tolist() == pytest.approx([25 / 485, 25 / 485, 0])
    assert (found.status.loc[["hospital_leakage", "hospital_stays"]] == "no data").all(axis=None)
    assert found.shown.loc[("li", "")].tolist() == pytest.approx([460 / 600, 460 / 800, 1])
    assert found.pieces == 1


def test_first_poles(world):
    """Of 600 patients, 360 go to B, 100 to A, 140 to E, which is outside."""
    _, moving, at = world
    found = tt.selection(moving, [at["A"], at["B"]]).flows
    every = found[found["scope"] == "all"]
    assert every["kind"].tolist() == ["pole", "pole", "group", "pole", "group", "total"]
    assert every["pole"].dropna().tolist() == [at["B"], at["A"], at["E"]]
    assert every["patients"].tolist() == [360, 100, 460, 140, 140, 600]
    assert every["group"].tolist() == ["inside"] * 3 + ["outside"] * 2 + [""]
    assert every["share"].tolist() == pytest.approx([0.6, 1 / 6, 46 / 60, 14 / 60, 14 / 60, 1])


@FEW
@given(st.integers(0, 2**32 - 1))
def test_as_evaluate(seed):
    """The measures are those of `evaluate`, and the flows are those of a loop."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, 3, 4)
    moving = random_flows(generator, layer, 80)
    chosen = sorted(generator.choice(layer.index, min(4, len(layer)), replace=False))
    found = tt.selection(moving, chosen)
    zoning = tt.Zoning.from_labels(dict.fromkeys(chosen, "x"), communes=layer)
    expected = tt.evaluate(zoning, moving).loc["x"]
    for name in ("population", "li", "leakage", "msi", "attraction", "net_index", "pieces"):
        assert found.table.loc[(name, ""), "selection"] == pytest.approx(
            expected[name], nan_ok=True
        )
    for activity in moving.activities:
        one = tt.Flows(moving.table[moving.table["activity"] == activity], communes=layer)
        assert found.table.loc[("leakage", activity), "selection"] == pytest.approx(
            tt.evaluate(zoning, one).loc["x", "leakage"], nan_ok=True
        )
    own = moving.table[moving.table["residence"].isin(chosen) & (moving.table["patients"] > 0)]
    for (activity, inside), rows in own.groupby(["activity", own["destination"].isin(chosen)]):
        mine = found.flows[found.flows["activity"] == activity]
        mine = mine[mine["group"] == ("inside" if inside else "outside")]
        assert mine.loc[mine["kind"].isin(["pole", "elsewhere"]), "patients"].sum() == (
            rows["patients"].sum()
        )
    shown = found.shown_flows["patients"]
    assert not shown.between(1, 10).fillna(value=False).any()


def test_what_is_hidden_says_why(world):
    """4 patients of A leave: its leakage is hidden, and neither it nor they can be found."""
    layer, _, at = world
    moving = tt.Flows(
        pd.DataFrame(
            {
                "residence": [at["A"], at["A"]],
                "activity": "eyes",
                "destination": [at["A"], at["E"]],
                "patients": [96, 4],
            }
        ),
        communes=layer,
    )
    found = tt.selection(moving, [at["A"]])
    assert found.status["selection"]["li", ""] == "hidden"
    assert found.status["selection"]["leakage", "eyes"] == "hidden"
    assert pd.isna(found.shown["selection"]["li", ""])
    assert found.table["selection"]["li", ""] == pytest.approx(0.96)
    assert found.status["selection"]["population", ""] == ""
    assert found.status.loc[("patients", "")].tolist() == ["hidden"] * 3
    shown = found.shown_flows.groupby("kind")["hidden"].all()
    assert shown["total"]
    assert found.shown_flows["patients"].dropna().tolist() == [96, 96, 96, 96]
    assert "hidden" in str(found)
    with using("fr"):
        assert "masqué" in str(found)
        assert "masqué" in found._repr_html_()
        assert "sans données" in str(found)


def test_department_less_selection_is_not_little(world):
    """C has 5 patients: the department less A and B would tell."""
    layer, _, at = world
    moving = letters([("AB", 60), ("BB", 60), ("CB", 5)], None).table
    moving = moving.replace({code(each): at[each] for each in "ABC"})
    found = tt.selection(tt.Flows(moving, communes=layer), [at["A"], at["B"]])
    assert found.status.loc[("patients", "")].tolist() == ["", "hidden", "hidden"]


def test_undefined_is_not_hidden(world):
    """F has no patient of its own department's: nobody is received there."""
    _, moving, at = world
    found = tt.selection(moving, [at["F"]])
    assert found.status["selection"]["msi", ""] == "undefined"
    assert "undefined" in str(found)
    empty = tt.selection(moving, [at["C"]], stays=tt.Flows(moving.table.iloc[:1]))
    assert empty.status["selection"]["hospital_leakage", ""] == "undefined"
    assert empty.status["selection"]["hospital_stays", ""] == ""


def test_few_professionals(world):
    layer, _, at = world
    rows = [(at["A"], "eyes", f"p{number}", 40) for number in range(3)]
    rows += [(at["E"], "eyes", f"p{number}", 20) for number in range(3)]
    table = pd.DataFrame(rows, columns=["residence", "activity", "practitioner", "patients"])
    located = tt.Flows(table, communes=layer).located()
    found = tt.selection(located, [at["A"]])
    assert found.status["selection"]["msi", ""] == "hidden"
    assert found.status["selection"]["attraction", ""] == "hidden"


def test_masked_cells_have_bounds(world):
    layer, _, at = world
    table = pd.DataFrame(
        {
            "residence": at["A"],
            "activity": "eyes",
            "destination": [at["A"], at["E"], at["D"]],
            "patients": [100, 5, 50],
            "masked": [0, 1, 0],
        }
    )
    found = tt.selection(tt.Flows(shuffle(table), communes=layer), [at["A"]]).table["selection"]
    assert found["leakage_low", ""] == pytest.approx(51 / 151)
    assert found["leakage_high", ""] == pytest.approx(60 / 160)


# What may be chosen


def box(west, south, east, north):
    return shapely.box(
        WEST + SIDE * west, NORTH - SIDE * south, WEST + SIDE * east, NORTH - SIDE * north
    )


def test_outlines(world):
    """A B / D E have their point inside, C and F not, though a part of them is."""
    layer, moving, at = world
    outline = box(0, 2, 2.4, 0)
    wanted = sorted(at[each] for each in "ABDE")
    series = gpd.GeoSeries([outline], crs=layer.crs)
    for chosen in (
        outline,
        series,
        series.to_frame("geometry"),
        series.to_crs("EPSG:4326"),
        gpd.GeoSeries([box(0, 2, 1, 0), box(1, 2, 2, 0)], crs=layer.crs),
    ):
        assert tt.selection(moving, chosen).communes.index.tolist() == wanted
    assert tt.selection(moving, outline).table.columns.tolist() == [
        "selection",
        "department 01",
        "department 02",
        "region",
    ]
    with pytest.raises(tt.InputError, match="empty"):
        tt.selection(moving, box(7, 9, 8, 8))
    with pytest.raises(tt.GeometryError, match="crs"):
        tt.selection(moving, gpd.GeoSeries([outline]))


def test_territories(world):
    """By id or by name; a shared commune counts by weight."""
    layer, moving, at = world
    member = pd.DataFrame(
        [(at["A"], "x", 1.0), (at["B"], "x", 0.5), (at["B"], "y", 0.5), (at["E"], "y", 1.0)],
        columns=["code", "territory", "weight"],
    )
    zoning = tt.Zoning(layer, shuffle(member), names={"x": "Nord", "y": "Sud"})
    for chosen in ("x", "Nord"):
        found = tt.selection(moving, chosen, zoning=zoning)
        assert found.communes.to_dict() == {at["A"]: 1.0, at["B"]: 0.5}
        assert found.table["selection"]["population", ""] == 2_000
        total = found.flows.iloc[-1]
        assert (total["kind"], total["patients"]) == ("total", 200 + 0.5 * 400)
    # B's own 300 count by half inside; A's 60 to B too, and by half outside.
    inside = found.flows[(found.flows["scope"] == "all") & (found.flows["group"] == "inside")]
    assert inside.set_index("kind")["patients"]["group"] == 100 + 30 + 150
    with pytest.raises(tt.CodeError, match="Nord, Sud"):
        tt.selection(moving, "Ouest", zoning=zoning)
    with pytest.raises(tt.InputError, match="zoning"):
        tt.selection(moving, "Nord")
    twice = tt.Zoning(layer, member, names={"x": "Nord", "y": "Nord"})
    with pytest.raises(tt.CodeError, match="x, y"):
        tt.selection(moving, "Nord", zoning=twice)


def test_a_territory_of_shared_communes(world):
    """As `evaluate`: density by weight in both, and no outline for who is nobody's main one.

    A is ¾ of x and ¼ of y: y has no outline of its own, so no hole to count.
    """
    layer, moving, at = world
    rows = [(at["A"], "x", 0.75), (at["A"], "y", 0.25), (at["B"], "x", 1.0)]
    member = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    zoning = tt.Zoning(layer, shuffle(member))
    expected = tt.evaluate(zoning, moving)
    for territory, density in (("x", 2_750 / 1.75), ("y", 1_000)):
        found = tt.selection(moving, territory, zoning=zoning).table["selection"]
        assert found["density", ""] == pytest.approx(density)
        for name in ("density", "area_km2", "population", "li", "msi"):
            assert found[name, ""] == pytest.approx(expected.loc[territory, name], nan_ok=True)


def test_refusals(world):
    layer, moving, at = world
    with pytest.raises(tt.InputError, match="empty"):
        tt.selection(moving, [])
    with pytest.raises(tt.CodeError, match=r"2 codes.*'99999', '45xyz'"):
        tt.selection(moving, [at["A"], "99999", "45xyz", "99999"])
    with pytest.raises(tt.InputError, match="not a int"):
        tt.selection(moving, 3)
    with pytest.raises(tt.InputError, match="layer of communes"):
        tt.selection(tt.Flows(moving.table), [at["A"]])
    located = pd.DataFrame(
        {"residence": [at["A"]], "activity": ["x"], "practitioner": ["p"], "patients": [20]}
    )
    with pytest.raises(tt.InputError, match="located"):
        tt.selection(tt.Flows(located, communes=layer), [at["A"]])
    repaired = tt.selection(moving, ["1000", 1001, at["A"]])
    assert repaired.communes.index.tolist() == [at["A"], at["B"]]


# Kinds of selections


def test_pieces_are_told(world):
    _, moving, at = world
    found = tt.selection(moving, [at["A"], at["F"]])
    assert found.pieces == 2
    assert "Notice: the selection is in 2 pieces." in str(found)
    assert "Notice" not in str(tt.selection(moving, [at["A"], at["B"]]))


def test_whole_layer_and_an_island():
    layer = drawn("AB.C", population=[100, 200, 50])
    moving = letters([("AB", 50), ("BB", 60)], layer)
    whole = tt.selection(moving, codes("ABC"))
    assert whole.table["selection"].equals(whole.table["region"])
    assert whole.pieces == 2
    island = tt.selection(moving, codes("C"))
    assert island.flows["patients"].tolist() == [0]
    assert island.status["selection"]["li", ""] == "undefined"
    assert island.status["selection"]["concordance", "insufficient"] == ""
    assert "undefined" in str(island)


def test_unknown_population():
    layer = drawn("AB").astype({"population": "float64"})
    layer.loc[code("A"), "population"] = np.nan
    found = tt.selection(letters([("AB", 50)], layer), codes("A"))
    assert (found.status.loc["population"] == "no data").all(axis=None)
    assert found.status["selection"]["concordance", "always"] == "no data"
    assert "no data" in str(found)


def test_concordance_is_of_people(world):
    layer, _, at = world
    rows = [(at["A"], at["B"], 40, each) for each in "abc"]
    rows += [(at["B"], at[pole], 40, each) for each, pole in zip("abc", "BBE", strict=True)]
    moving = flows(rows, layer)
    found = tt.selection(moving, [at["A"], at["B"]]).table["selection"]["concordance"]
    assert found["always"] == pytest.approx(1 / 3)
    assert found["all_but_one"] == pytest.approx(2 / 3)
    given_poles = tt.selection(moving, [at["A"]], poles=tt.dominant_poles(moving)).table
    assert given_poles["selection"]["concordance", "always"] == 1


def test_order_of_rows_does_not_matter(world):
    layer, moving, at = world
    texts = {
        str(
            tt.selection(
                tt.Flows(shuffle(moving.table, seed)),
                list(shuffle(pd.Series([at["A"], at["C"], at["E"]]), seed)),
                communes=shuffle(layer, seed),
            )
        )
        for seed in range(3)
    }
    assert len(texts) == 1


def test_hostile_names_and_width(world):
    layer, moving, at = world
    layer = layer.copy()
    layer["name"] = [f"<script>{at}</script>\x1b[31m" + "é" * 90 for at in range(len(layer))]
    found = tt.selection(moving, [at["A"], at["B"]], communes=layer, stays=moving)
    for language in ("fr", "en"):
        with using(language):
            page = found._repr_html_()
            assert "<script" not in page
            assert "&lt;script" in page
            assert repr(found) == str(found)
            assert "\x1b" not in str(found)
            assert max(map(len, str(found).splitlines())) <= 100


def test_outline_in_degrees_is_told(world):
    """A bare outline is in the projection of the layer; in degrees it would hold nothing."""
    _, moving, _ = world
    outline = shapely.box(1.6, 47.7, 2.2, 48.0)
    with pytest.raises(tt.GeometryError, match="in degrees") as told:
        tt.selection(moving, outline)
    assert "crs=4326" in str(told.value)
    with pytest.raises(tt.InputError, match="selection is empty"):
        tt.selection(moving, shapely.box(1e6, 1e6, 2e6, 2e6))
    with pytest.raises(tt.GeometryError, match="set_crs"):
        tt.selection(moving, gpd.GeoSeries([outline]))
