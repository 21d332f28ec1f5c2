"""Reading zonings: columns that are found or named, rows accounted for, zones over the edge."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from grids import code, codes, drawn, shuffle
from layers import write_layer, write_text

import territories as tt
from territories._words import using
from territories.aci import aci_size
from territories.export import commune_table, outlines, write_csv, write_geojson

if TYPE_CHECKING:
    import geopandas as gpd

SHARED = Path(__file__).parents[2] / "shared" / "data"
ZONINGS = SHARED / "france" / "communes_zonages_2024.csv"


def table(folder: Path, head: str, *lines: str, name: str = "zones.csv") -> Path:
    """Write a table, its rows shuffled."""
    return write_text(folder / name, head, lines)


def abcd() -> gpd.GeoDataFrame:
    """Draw a layer of four communes ABCD, of 10, 20, 30 and 40 people."""
    return drawn("ABCD", population=[10, 20, 30, 40])


# --- columns ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        *("code;territoire", "CODGEO;EPCI", "code_insee;bv2022", "insee;Territoire CPTS"),
        *("depcom;ZE2020", "codgeo;secteur_pdsa", "commune;Zone d’emploi", "code;SIREN_EPCI"),
    ],
)
def test_columns_are_found(tmp_path, head):
    path = table(tmp_path, head, f"{code('A')};x", f"{code('B')};x", f"{code('C')};y")
    zoning = tt.read_zoning(path, communes=abcd())
    assert zoning.labels.dropna().to_dict() == dict(zip(codes("ABC"), "xxy", strict=True))
    assert zoning.uncovered == [code("D")]
    assert zoning.account["rows_in"] == 3


def test_columns_are_named(tmp_path):
    """Accents and case aside; a territory column may be called anything."""
    path = table(tmp_path, "Clé;Équipe;autre", *(f"{each};e1;z" for each in codes("AB")))
    zoning = tt.read_zoning(path, code="clé", territory="equipe", communes=abcd())
    assert zoning.name == "Équipe"
    assert set(zoning.membership["territory"]) == {"e1"}


def test_several_candidates_are_listed(tmp_path):
    path = table(tmp_path, "codgeo;EPCI;ZE2020;LIBGEO", "00001;a;b;c")
    with pytest.raises(tt.InputError, match=r"EPCI, ZE2020.*--territory EPCI"):
        tt.read_zoning(path, communes=abcd())
    assert tt.read_zoning(path, territory="ze2020", communes=abcd()).name == "ZE2020"


def test_our_word_comes_before_kinds_of_zones(tmp_path):
    path = table(tmp_path, "code;territoire;epci", "00001;t;e")
    zoning = tt.read_zoning(path, communes=abcd())
    assert set(zoning.membership["territory"]) == {"t"}
    assert zoning.name == "zones"  # the column says nothing: the file's name


@pytest.mark.parametrize("language", ["fr", "en"])
def test_shared_communes_of_a_run_are_read_back(tmp_path, language):
    """A is of two territories, B of three: communes.csv tells them all, and their weights."""
    a, b, c, d = codes("ABCD")
    shares = [(a, "x", 0.6), (a, "y", 0.4), *((b, each, 1 / 3) for each in "xyz")]
    rows = [*shares, (c, "x", 1.0), (d, "z", 1.0)]
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    names = {"x": "Ouest", "y": "Milieu", "z": "Est"}
    zoning = tt.Zoning(communes=abcd(), membership=table, names=names)
    with using(language):
        write_csv(shuffle(commune_table(zoning)), tmp_path / "communes.csv")
    found = tt.read_zoning(tmp_path / "communes.csv", communes=abcd())
    pd.testing.assert_frame_equal(found.membership, zoning.membership)
    assert dict(found.names) == {"x": "Ouest", "z": "Est"}  # nobody is of y first


@pytest.mark.parametrize("name", ["=x", "'=x", "''-1", "@x", "'x"])
def test_a_name_like_a_formula_is_read_back(tmp_path, name):
    a, b, c, _ = codes("ABCD")
    rows = [(a, name, 1.0), (b, name, 0.5), (b, "y", 0.5), (c, "y", 1.0)]
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    zoning = tt.Zoning(communes=abcd(), membership=table)
    write_csv(commune_table(zoning), tmp_path / "communes.csv")
    found = tt.read_zoning(tmp_path / "communes.csv", communes=abcd())
    pd.testing.assert_frame_equal(found.membership, zoning.membership)


def test_no_candidate_and_no_code(tmp_path):
    path = table(tmp_path, "code;couleur", "00001;bleu")
    with pytest.raises(tt.InputError, match=r"no column tells the territory.*couleur"):
        tt.read_zoning(path, communes=abcd())
    path = table(tmp_path, "truc;epci", "00001;e")
    with pytest.raises(tt.InputError, match="code"):
        tt.read_zoning(path, communes=abcd())
    with pytest.raises(tt.InputError, match="nothere"):
        tt.read_zoning(path, code="truc", territory="nothere", communes=abcd())


def test_named_column_that_is_not_there(tmp_path):
    """The way out is to give one of the names found; options of other files are not named."""
    path = table(tmp_path, "code;truc", f"{code('A')};x")
    with pytest.raises(tt.InputError) as told:
        tt.read_zoning(path, territory="truk", communes=abcd())
    assert "no column 'truk'. Is it 'truc'?" in str(told.value)
    assert "--columns" not in str(told.value)


def test_twice_tells_rows(tmp_path):
    path = table(tmp_path, "code;epci", *(f"{code(each)};{each}" for each in "AB"), "00001;z")
    with pytest.raises(tt.InputError, match=r"column code: '00001' \(rows 2, 4\)"):
        tt.read_zoning(path, communes=abcd())


def test_a_zoning_is_read_already(tmp_path):
    path = table(tmp_path, "code;epci", f"{code('A')};x")
    zoning = tt.read_zoning(path, communes=abcd())
    with pytest.raises(tt.InputError, match="read already"):
        tt.read_zoning(zoning)


def test_names_of_territories(tmp_path):
    """A name beside the code is the commune's, unless all of a territory have it alike."""
    rows = [f"{each};{zone};Nom {zone};V{each}" for each, zone in zip(codes("ABC"), "xxy")]  # noqa: B905 - short texts
    for head, expected in (
        ("code;epci;nom_epci;nom", {"x": "Nom x", "y": "Nom y"}),
        ("code;epci;libelle;commune_", {"x": "Nom x", "y": "Nom y"}),
        ("code;epci;other;nom", {}),
        ("code;territoire;nom_territoire;libgeo", {"x": "Nom x", "y": "Nom y"}),
    ):
        zoning = tt.read_zoning(table(tmp_path, head, *rows), communes=abcd())
        assert zoning.names == expected, head
    path = table(tmp_path, "code;epci;other;nom", *rows)
    assert tt.read_zoning(path, name="other", communes=abcd()).names["y"] == "Nom y"


# --- rows ------------------------------------------------------------------------------------


def test_fillers_and_empty_cells_are_set_aside(tmp_path):
    rows = [f"{code('A')};x", f"{code('B')};ZZZZZZZZZ", f"{code('C')};", f"{code('A')};x"]
    zoning = tt.read_zoning(table(tmp_path, "codgeo;epci", *rows), communes=abcd())
    account = zoning.account
    assert (account.rows_in, account.rows_kept, account.rows_aside) == (4, 1, 3)
    assert {name: rows for name, (rows, _) in account.reasons.items()} == {
        "no_zone": 1,
        "no_territory": 1,
        "duplicate": 1,
    }
    assert zoning.uncovered == codes("BCD")
    assert any("3 communes of the layer" in str(each) for each in account.notices)


@pytest.mark.parametrize(
    ("column", "cell", "zone"),
    [
        *(("aav2020", "000", False), ("uu2020", "45000", False), ("uu2020", "45101", True)),
        *(("epci", "000", True), ("uu2020", "2A000", False), ("ze2020", "ZZZZ", False)),
    ],
)
def test_what_is_no_zone_depends_on_the_column(tmp_path, column, cell, zone):
    path = table(tmp_path, f"codgeo;{column}", f"{code('A')};{cell}", f"{code('B')};1")
    zoning = tt.read_zoning(path, communes=abcd())
    assert (code("A") in set(zoning.membership["code"])) == zone


def test_all_faults_at_once(tmp_path):
    rows = ["00001;x", "00001;y", "4X;x", "00002;x"]
    with pytest.raises(tt.InputError) as refusal:
        tt.read_zoning(table(tmp_path, "code;epci", *rows), communes=abcd())
    assert [each.key for each in refusal.value.faults] == [
        "error.code_malformed",
        "error.zoning_twice",
    ]
    assert "'00001'" in str(refusal.value)


def test_weights(tmp_path):
    """B is shared: two parts that sum to 1 within the digits written."""
    rows = ["00001;x;", "00002;x;0,667", "00002;y;0,33", "00003;y;1"]
    zoning = tt.read_zoning(table(tmp_path, "code;epci;poids", *rows), communes=abcd())
    shared = zoning.shared.set_index("territory")["weight"]
    assert shared.to_dict() == pytest.approx({"x": 0.667 / 0.997, "y": 0.33 / 0.997})
    for wrong in ("00002;y;0,2", "00002;y;0", "00002;y;", "00002;y;x"):
        path = table(tmp_path, "code;epci;poids", *rows[:2], wrong, rows[3])
        with pytest.raises(tt.InputError, match="poids"):
            tt.read_zoning(path, communes=abcd())


def test_no_commune_of_the_layer(tmp_path):
    with pytest.raises(tt.InputError, match="no commune is in the layer"):
        tt.read_zoning(table(tmp_path, "code;epci", "45001;x"), communes=abcd())
    with pytest.raises(tt.InputError, match="no commune has a territory"):
        tt.read_zoning(table(tmp_path, "code;epci", "00001;ZZZZ"), communes=abcd())


# --- beyond the layer ------------------------------------------------------------------------


def test_zones_that_cross_the_edge(tmp_path):
    """In the layer A and B are in x, C in y; 45001 (500 people) is in x too, 45002 in z."""
    rows = ["00001;x;99", "00002;x;99", "00003;y;99", "45001;x;500", "45002;z;7"]
    zoning = tt.read_zoning(table(tmp_path, "code;epci;pop2021", *rows), communes=abcd())
    assert zoning.beyond["code"].tolist() == ["45001", "45002"]
    edge = tt.crossing(zoning)
    assert edge.index.tolist() == ["x", "y"]  # z has nothing inside
    assert edge.loc["x"].drop("name").to_dict() == {
        "inside": 2,
        "outside": 1,
        "people_inside": 30.0,  # those of the layer
        "people_outside": 500.0,
        "people": 530.0,
        "crosses": True,
    }
    assert edge.loc["y", ["outside", "people", "crosses"]].tolist() == [0, 30.0, False]
    assert any("2 communes are outside" in str(each) for each in zoning.account.notices)


def test_unknown_people_outside(tmp_path):
    rows = ["00001;x", "45001;x", "00002;y"]
    edge = tt.crossing(tt.read_zoning(table(tmp_path, "code;epci", *rows), communes=abcd()))
    assert math.isnan(edge.loc["x", "people"])
    assert edge.loc["y", "people"] == 20


def test_codes_of_the_layers_departments_are_doubtful(tmp_path):
    rows = ["00001;x", "00099;x"]
    zoning = tt.read_zoning(table(tmp_path, "code;epci", *rows), communes=abcd())
    assert any("'00099'" in str(each) for each in zoning.account.notices)


def test_crossing_of_a_zoning_made_here():
    communes = abcd()
    zoning = tt.Zoning.from_labels(dict.fromkeys(codes("AB"), "x"), communes=communes)
    assert tt.crossing(zoning)["crosses"].tolist() == [False]


# --- layers, runs, no layer ------------------------------------------------------------------


def test_without_a_layer(tmp_path):
    """It is compared, and says that it has no outlines."""
    rows = [f"{each};{zone};V;{people}" for each, zone, people in
            zip(codes("ABC"), "xxy", (10, 20, 30), strict=True)]  # fmt: skip
    path = table(tmp_path, "code;epci;nom;population", *rows)
    zoning = tt.read_zoning(path)
    assert zoning.communes.geometry.is_empty.all()
    assert zoning.territories["population"].tolist() == [30, 30]
    assert any("no outlines" in str(each) for each in zoning.account.notices)
    whole = tt.read_zoning(path, communes=abcd())
    assert tt.compare(whole, zoning).ari == 1
    assert tt.compare(zoning, whole).population_agreement == 1


def test_a_layer_of_communes_is_a_zoning(tmp_path):
    communes = abcd()
    path = write_layer(tmp_path / "c.geojson", communes, epci=list("xyxy"))
    expected = dict(zip(communes.index, "xyxy", strict=True))
    for layer in (None, communes):
        zoning = tt.read_zoning(path, communes=layer)
        assert zoning.labels.to_dict() == expected
    assert tt.read_zoning(path).communes["population"].sum() == 100


def test_the_files_of_a_run_are_zonings(tmp_path):
    """What a run writes of its communes is read as the same zoning, in both languages."""
    communes = abcd()
    labels = dict(zip(codes("ABC"), "xxy", strict=True))
    names = {"x": "Ville x", "y": "Ville y"}
    zoning = tt.Zoning.from_labels(labels, communes=communes)
    zoning = tt.Zoning(communes=communes, membership=zoning.membership, names=names)
    for language in ("fr", "en"):
        with using(language):
            rows = commune_table(zoning)
            write_csv(rows, tmp_path / "communes.csv")
            (tmp_path / "communes.geojson").unlink(missing_ok=True)
            write_geojson(rows, outlines(zoning)[0], tmp_path / "communes.geojson")
        for name in ("communes.csv", "communes.geojson"):
            read = tt.read_zoning(tmp_path / name, communes=communes)
            pd.testing.assert_series_equal(read.labels, zoning.labels)
            assert read.names == names
            assert read.name == "communes"


def test_a_workbook(tmp_path):
    pytest.importorskip("openpyxl")
    rows = pd.DataFrame({"CODGEO": codes("AB"), "EPCI": ["x", "y"]})
    rows.to_excel(tmp_path / "z.xlsx", index=False)
    zoning = tt.read_zoning(tmp_path / "z.xlsx", communes=abcd())
    assert zoning.labels.dropna().tolist() == ["x", "y"]


def test_row_order_does_not_matter(tmp_path):
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"code": [f"45{n:03d}" for n in range(1, 60)], "epci": generator.choice(list("xyz"), 59)}
    )
    rows["nom_epci"] = "N" + rows["epci"]
    rows["pop"] = range(59)
    found = []
    for seed in (0, 1):
        path = tmp_path / "z.csv"
        shuffle(rows, seed).to_csv(path, index=False)
        found.append(tt.read_zoning(path))
    pd.testing.assert_frame_equal(found[0].membership, found[1].membership)
    assert found[0].names == found[1].names
    pd.testing.assert_frame_equal(
        pd.DataFrame(found[0].communes.drop(columns="geometry").sort_index()),
        pd.DataFrame(found[1].communes.drop(columns="geometry").sort_index()),
    )


# --- the region ------------------------------------------------------------------------------

GOLDEN = {
    "EPCI": (82, 5, [66, 10, 4, 2], [66, 10, 4, 2]),
    "BV2022": (117, 43, [107, 5, 3, 2], [101, 9, 5, 2]),
    "ZE2020": (19, 4, [3, 7, 4, 5], [0, 9, 5, 5]),
}


@pytest.mark.parametrize("column", GOLDEN)
def test_zonings_of_the_region(cvl_communes: gpd.GeoDataFrame, column: str):
    """Zones, those over the border, ACI sizes by the people inside and by all of them."""
    if not ZONINGS.exists():
        pytest.skip("shared/data/france is not there: INSEE's zonings are not part of the project")
    zoning = tt.read_zoning(ZONINGS, territory=column, communes=cvl_communes)
    edge = tt.crossing(zoning)
    sizes = [
        [int((aci_size(edge[people]) == size).sum()) for size in range(1, 5)]
        for people in ("people_inside", "people")
    ]
    assert (len(edge), int(edge["crosses"].sum()), *sizes) == GOLDEN[column]
    row = tt.comparisons(zoning, {column: zoning}).loc[column]
    assert (row["zones"], row["crossing"], row["ari"]) == (*GOLDEN[column][:2], 1)
    assert [row[f"aci_{size}"] for size in range(1, 5)] == GOLDEN[column][2]
    assert [row[f"aci_{size}_whole"] for size in range(1, 5)] == GOLDEN[column][3]


def test_a_zoning_of_france_is_put_on_the_region(cvl_communes: gpd.GeoDataFrame):
    """Read without the layer or with it, the comparison is the same."""
    if not ZONINGS.exists():
        pytest.skip("shared/data/france is not there: INSEE's zonings are not part of the project")
    here = tt.read_zoning(ZONINGS, territory="EPCI", communes=cvl_communes)
    whole = tt.read_zoning(ZONINGS, territory="EPCI")
    zoning = tt.read_zoning(ZONINGS, territory="ZE2020", communes=cvl_communes)
    found = tt.comparisons(zoning, {"here": here, "whole": whole})
    assert found.loc["here"].equals(found.loc["whole"])
