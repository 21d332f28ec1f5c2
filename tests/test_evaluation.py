"""Measures of territories: each against a worked example, and against a slow loop."""

import math
from fractions import Fraction
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from grids import (
    HEAVY,
    code,
    codes,
    drawn,
    flows,
    letters,
    random_flows,
    random_layer,
    shuffle,
    shuffled_rows,
    with_rows,
    zoned,
)
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories.evaluation import ACI_BOUNDS, aci_size

BRINDISI = Path(__file__).parents[2] / "shared" / "data" / "reference" / "brindisi"
PARIS, LYON = "75056", "69123"
SHARES = ["li", "leakage", "msi", "attraction"]


def zoning_of(communes, rows):
    """Make a zoning of (letter, territory, weight)."""
    listed = [(code(letter), territory, float(weight)) for letter, territory, weight in rows]
    membership = pd.DataFrame(listed, columns=["code", "territory", "weight"])
    return tt.Zoning(communes=communes, membership=shuffle(membership))


@st.composite
def cases(draw):
    """Draw a zoning, with shared communes by quarters, and flows."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(3, 4), (4, 4), (2, 3), (1, 3), (1, 1)]))
    communes = random_layer(generator, *shape)
    rows = []
    for each in communes.index:
        chance = generator.random()
        number = 0 if chance < 0.15 else 2 if chance < 0.45 else 1
        names = generator.choice(["north", "east", "south", "west"], number, replace=False)
        rows += zip([each] * number, names.tolist(), [0.75, 0.25][:number], strict=True)
    frame = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    frame["weight"] = frame["weight"].where(frame["code"].duplicated(keep=False), 1.0)
    frame = frame.astype({"code": "str", "territory": "str", "weight": "float64"})
    zoning = tt.Zoning(communes=communes, membership=shuffle(frame))
    count = draw(st.sampled_from([60, 10, 0]))
    return zoning, random_flows(generator, communes, count)


# --- Flows ---------------------------------------------------------------------------------


def worked():
    """Draw two territories and what they exchange, in and with Paris.

    AAB     x = {A, B}, y = {C}
    AAC     A → A 30   A → B 20   A → C 10   B → Paris 40
            C → C 50   C → A 5    Paris → A 15

    x: inside 30 + 20 = 50; sent 30 + 20 + 10 + 40 = 100; received 30 + 20 + 5 + 15 = 70
    y: inside 50; sent 55; received 60
    """
    communes = drawn("AAB\nAAC", population=[39_999, 1, 80_000])
    zoning = tt.Zoning.from_labels(
        dict(zip(codes("ABC"), "xxy", strict=True)), communes=communes, name="worked"
    )
    pairs = [("AA", 18), ("AB", 20), ("AC", 10), ("CC", 50), ("CA", 5)]
    abroad = [
        (code("A"), code("A"), 12, "radiology"),
        (code("B"), PARIS, 40, "radiology"),
        (PARIS, code("A"), 15, "radiology"),
        (PARIS, LYON, 1_000, "radiology"),
    ]
    return zoning, with_rows(letters(pairs), abroad)


@pytest.mark.parametrize(
    ("measure", "x", "y"),
    [
        ("communes", 2, 1),
        ("population", 40_000, 80_000),
        ("aci_size", 2, 3),
        ("inside", 50, 50),
        ("sent", 100, 55),
        ("received", 70, 60),
        ("li", 0.5, 50 / 55),
        ("leakage", 0.5, 5 / 55),
        ("msi", 50 / 70, 50 / 60),
        ("attraction", 20 / 70, 10 / 60),
        ("net_index", 20 / 50, 10 / 5),
        ("pieces", 1, 1),
        ("area_km2", 5.0, 1.0),
        ("compactness", 4 * math.pi * 5 / 10**2, math.pi / 4),
    ],
)
def test_worked_example(measure, x, y):
    """Each measure of METHOD section 7, on the two territories of `worked`."""
    found = tt.evaluate(*worked())
    assert found[measure].to_dict() == pytest.approx({"x": x, "y": y})


def test_worked_example_columns():
    """One row a territory, named; the departments of its communes."""
    found = tt.evaluate(*worked())
    assert found.index.tolist() == ["x", "y"]
    assert found.index.name == "territory"
    assert found["name"].tolist() == ["x", "y"]
    assert found["departments"].tolist() == ["00", "00"]
    assert {"geometry"}.isdisjoint(found.columns)
    assert found.loc[:, "communes":"aci_size"].dtypes.map(str).eq("int64").all()


def slow(zoning, table):
    """Add up, row by row, exactly: inside, sent and received of each territory."""
    weights = {}
    for row in zoning.membership.itertuples():
        weights.setdefault(row.code, {})[row.territory] = Fraction(row.weight)
    found = {name: [Fraction(0)] * 3 for name in zoning.membership["territory"].unique()}
    for row in table.table.itertuples():
        living, cared = weights.get(row.residence, {}), weights.get(row.destination, {})
        for territory, weight in living.items():
            found[territory][0] += row.patients * weight * cared.get(territory, 0)
            found[territory][1] += row.patients * weight
        for territory, weight in cared.items():
            found[territory][2] += row.patients * weight
    return found


@HEAVY
@given(cases())
def test_exchanges_as_a_slow_loop(case):
    """Patients by weight, and the indices from them; missing where a denominator is 0."""
    zoning, table = case
    found = tt.evaluate(zoning, table)
    for territory, (inside, sent, received) in slow(zoning, table).items():
        row = found.loc[territory]
        assert [row["inside"], row["sent"], row["received"]] == [inside, sent, received]
        expected = {
            "li": inside / sent if sent else None,
            "leakage": 1 - inside / sent if sent else None,
            "msi": inside / received if received else None,
            "attraction": 1 - inside / received if received else None,
            "net_index": (received - inside) / (sent - inside) if sent > inside else None,
        }
        for name, value in expected.items():
            if value is None:
                assert math.isnan(row[name]), name
            else:
                assert row[name] == pytest.approx(float(value), abs=1e-12), name


@HEAVY
@given(cases())
def test_totals_never_exceed_the_region(case):
    """Shared communes count by weight: territories together have what their communes have."""
    zoning, table = case
    found = tt.evaluate(zoning, table)
    covered = set(zoning.membership["code"])
    rows = table.table
    living, cared = rows["residence"].isin(covered), rows["destination"].isin(covered)
    assert found["sent"].sum() == pytest.approx(rows["patients"][living].sum())
    assert found["received"].sum() == pytest.approx(rows["patients"][cared].sum())
    assert found["inside"].sum() <= rows["patients"][living & cared].sum() + 1e-9
    assert (found["inside"] <= found["sent"] + 1e-9).all()
    assert (found["inside"] <= found["received"] + 1e-9).all()
    assert found["communes"].sum() == len(zoning.membership)


@HEAVY
@given(cases(), st.integers(0, 1000))
def test_row_order_changes_nothing(case, seed):
    zoning, table = case
    again = tt.Zoning(
        communes=shuffle(zoning.communes, seed), membership=shuffle(zoning.membership, seed)
    )
    pd.testing.assert_frame_equal(
        tt.evaluate(again, shuffled_rows(table, seed)), tt.evaluate(zoning, table)
    )


@HEAVY
@given(cases())
def test_what_concerns_no_commune_changes_nothing(case):
    """Zeros and flows between two places outside."""
    zoning, table = case
    first = zoning.communes.index[0]
    more = with_rows(table, [(PARIS, LYON, 500), (first, first, 0), (first, PARIS, 0)])
    pd.testing.assert_frame_equal(tt.evaluate(zoning, more), tt.evaluate(zoning, table))


@HEAVY
@given(cases())
def test_shares_are_shares(case):
    found = tt.evaluate(*case)[SHARES]
    assert ((found >= 0) & (found <= 1) | found.isna()).all(axis=None)
    assert np.allclose((found["li"] + found["leakage"]).dropna(), 1, atol=1e-12)
    assert np.allclose((found["msi"] + found["attraction"]).dropna(), 1, atol=1e-12)


def test_no_flow_is_missing_not_zero():
    """Nobody goes anywhere: counts are 0, indices are missing."""
    zoning, _ = worked()
    for table in (letters([]), letters([("AB", 0), ("CC", 0)])):
        found = tt.evaluate(zoning, table)
        assert (found[["inside", "sent", "received"]] == 0).all(axis=None)
        assert found[[*SHARES, "net_index"]].isna().all(axis=None)
        assert found["population"].tolist() == [40_000, 80_000]


def test_a_territory_that_keeps_all_has_no_net_index():
    """Nothing leaves x, so there is nothing to compare what comes with."""
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels(dict(zip(codes("AB"), "xy", strict=True)), communes=communes)
    found = tt.evaluate(zoning, letters([("AA", 20), ("BA", 5)]))
    assert found["li"]["x"] == 1.0
    assert math.isnan(found["net_index"]["x"])


def test_a_territory_that_receives_nobody():
    """All of x go to y: no market share to speak of, but a net index of 0 (0 come, 30 leave).

    x: inside 0, sent 30, received 0        y: inside 0, sent 0, received 30
    """
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels(dict(zip(codes("AB"), "xy", strict=True)), communes=communes)
    found = tt.evaluate(zoning, letters([("AB", 30)]))
    assert found["li"]["x"] == 0.0
    assert found["msi"].isna().to_dict() == {"x": True, "y": False}
    assert found["li"].isna().to_dict() == {"x": False, "y": True}
    assert math.isnan(found["net_index"]["y"])
    assert found["net_index"]["x"] == 0.0


def test_one_territory():
    """The whole layer: what leaks goes outside."""
    communes = drawn("AB")
    zoning = tt.Zoning.from_labels(dict.fromkeys(codes("AB"), "all"), communes=communes)
    rows = [(code("A"), code("B"), 60), (code("B"), PARIS, 40), (LYON, code("A"), 20)]
    found = tt.evaluate(zoning, flows(rows)).loc["all"]
    assert found["li"] == 0.6
    assert found["msi"] == 0.75
    assert found["net_index"] == 0.5


def test_nobody_is_covered():
    communes = drawn("AB")
    found = tt.evaluate(tt.Zoning.from_labels({}, communes=communes), letters([("AB", 20)]))
    assert found.empty
    assert {"li", "msi", "net_index", "compactness", "departments"} <= set(found.columns)


def test_shared_commune_by_weight():
    """B is half of x and half of y; A → B 40 and B → A 20.

    A is x, C is y. x: inside 40·½ + 20·½ = 30, sent 40 + 10 = 50, received 20 + 20 = 40
                    y: inside 0, sent 10, received 20
    """
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    zoning = zoning_of(drawn("ABC"), rows)
    found = tt.evaluate(zoning, letters([("AB", 40), ("BA", 20)]))
    assert found["inside"].to_dict() == {"x": 30, "y": 0}
    assert found["sent"].to_dict() == {"x": 50, "y": 10}
    assert found["received"].to_dict() == {"x": 40, "y": 20}
    assert found["population"].to_dict() == {"x": 1_500, "y": 1_500}


def test_self_flow_of_a_shared_commune():
    """B ⟲ 100, half and half: each patient of a half is seen in either half.

    inside 100·½·½ = 25 each, sent and received 50 each: the halves exchange 25 both ways.
    """
    rows = [("A", "x", 1), ("B", "x", 0.5), ("B", "y", 0.5), ("C", "y", 1)]
    found = tt.evaluate(zoning_of(drawn("ABC"), rows), letters([("BB", 100)]))
    assert found["inside"].to_dict() == {"x": 25, "y": 25}
    assert found["sent"].to_dict() == {"x": 50, "y": 50}
    assert found["received"].to_dict() == {"x": 50, "y": 50}


def test_unlocated_flows_are_refused():
    zoning, table = worked()
    unlocated = tt.Flows(table.table.rename(columns={"destination": "practitioner"}))
    with pytest.raises(tt.InputError) as refusal:
        tt.evaluate(zoning, unlocated)
    assert [fault.key for fault in refusal.value.faults] == ["error.flows_not_located"]


# --- Population and form -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("population", "size"),
    [
        (0, 1),
        (39_999, 1),
        (40_000, 2),
        (79_999, 2),
        (80_000, 3),
        (174_999, 3),
        (175_000, 4),
        (2_573_303, 4),
        (180_000, 4),
        (196_000, 4),
        (128_231, 3),
        (28_531, 1),
        (45_987, 2),
        (58_582, 2),
        (32_688, 1),
    ],
)
def test_aci_size(population, size):
    """Half-open bounds, and the seven CPTS of the interviews."""
    assert aci_size(pd.Series([population], index=["x"])).to_dict() == {"x": size}
    communes = drawn("AB", population=[population, 1])
    zoning = tt.Zoning.from_labels({code("A"): "x"}, communes=communes)
    assert tt.evaluate(zoning, letters([]))["aci_size"].to_dict() == {"x": size}


def test_aci_bounds():
    assert ACI_BOUNDS == (40_000, 80_000, 175_000)
    found = aci_size(pd.Series([1, 50_000], index=["b", "a"]))
    assert found.name == "aci_size"
    assert found.index.tolist() == ["b", "a"]
    assert aci_size(pd.Series([], dtype="int64")).empty


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


# --- White zones ---------------------------------------------------------------------------


def white(picture):
    """Return (kind, territory, within) by the number of the commune."""
    found = tt.white_zones(zoned(picture))
    assert found.index.name == "commune"
    assert found.index.is_monotonic_increasing
    assert found.columns.tolist() == ["kind", "territory", "within"]
    return {
        int(each): tuple(None if pd.isna(value) else value for value in row)
        for each, row in zip(found.index, found.itertuples(index=False), strict=True)
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


@HEAVY
@given(cases())
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


# --- Brindisi ------------------------------------------------------------------------------


def test_brindisi_measures():
    """ISTAT's own table of the nine areas: residents, jobs, both, and the two containments."""
    if not BRINDISI.exists():
        pytest.skip(f"{BRINDISI} is not here: the reference data are not part of the project")
    layer = gpd.read_file(BRINDISI / "brindisi.geojson").to_crs(32633)
    layer = layer.set_index(pd.Index(layer["PRO_COM"], name="code"))
    layer = layer.assign(name=layer["NOME_COM"], population=layer["POP2001"].astype("int64"))
    table = pd.read_csv(BRINDISI / "brindisi_flows.csv", dtype="str")
    table = table.set_axis(["residence", "destination", "patients"], axis="columns")
    table = table.assign(activity="work", patients=table["patients"].astype("int64"))
    golden = pd.read_csv(BRINDISI / "golden_areas.csv", dtype="str").set_index("community")
    zoning = tt.Zoning.from_labels(shuffle(golden["cluster"]), communes=shuffle(layer))
    found = tt.evaluate(zoning, tt.Flows(shuffle(table)))
    expected = pd.read_csv(BRINDISI / "brindisi_stats_per_lma.csv", dtype={"LMA": "str"})
    expected = expected.set_index("LMA").loc[found.index]
    for ours, theirs in {
        "sent": "EMP_live",
        "received": "EMP_work",
        "inside": "EMP_live_work",
        "li": "SC_supply_side",
        "msi": "SC_demand_side",
        "communes": "N_com",
    }.items():
        assert found[ours].to_numpy() == pytest.approx(expected[theirs].to_numpy()), ours
    assert found["li"].mean() == pytest.approx(0.801522, abs=5e-7)
    assert found["msi"].mean() == pytest.approx(0.863217, abs=5e-7)
