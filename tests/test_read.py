"""Reading: the same table from any writing of it; what is unknown is refused, or set aside."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import SPECIALISTS, code, layer, write_layer, write_text
from pandas.testing import assert_frame_equal

import territories as tt
from territories import CodeError, GeometryError, InputError
from territories._words import using

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

# --- communes ----------------------------------------------------------------------------------


def spoiled(path: Path, communes: gpd.GeoDataFrame, change) -> Path:
    """Write a layer, then change its GeoJSON by hand."""
    write_layer(path, communes)
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def feature(record: dict, place: str) -> dict:
    return next(each for each in record["features"] if each["properties"]["code"] == place)


@pytest.mark.parametrize(("name", "driver"), [
    ("communes.geojson", "GeoJSON"), ("communes.gpkg", "GPKG"), ("communes.shp", "ESRI Shapefile"),
])  # fmt: skip
def test_formats_give_the_same_layer(tmp_path: Path, name: str, driver: str) -> None:
    drawn = layer("ab cB", people={"a": 12})
    file = tmp_path / name
    frame = drawn.rename(columns={"name": "nom", "population": "pop2021"}).reset_index()
    if driver == "GeoJSON":
        frame = frame.to_crs("EPSG:4326")
    frame.to_file(file, driver=driver, engine="pyogrio")
    read = tt.read_communes(file, cog=2024)
    assert read.index.tolist() == ["00001", "00002", "00003", "96002"]
    assert read.index.name == "code"
    assert read.columns.tolist() == ["name", "population", "geometry"]
    assert read["population"].dtype == "int64"
    assert read["population"].tolist() == [12, 1000, 1000, 1000]
    assert read["name"].tolist() == ["Ville-a", "Ville-b", "Ville-c", "Ville-B"]
    assert read.crs == "EPSG:2154"
    assert read.area.to_numpy() == pytest.approx(1e6, rel=1e-3)
    assert read.attrs["cog"] == 2024
    account = read.attrs["reconciliation"]
    assert (account["file"], account["rows_in"], account["rows_kept"]) == (name, 4, 4)
    assert account["unit"] is None


def test_the_order_of_features_does_not_matter(tmp_path: Path) -> None:
    one, other = (
        tt.read_communes(write_layer(tmp_path / f"{seed}.geojson", layer("abc dBC", seed=seed)))
        for seed in (1, 2)
    )
    assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))


@pytest.mark.parametrize("codes", [[1001, 1002], ["1001", "1002.0"], [1001.0, 1002.0]])
def test_broken_codes_are_repaired_and_counted(tmp_path: Path, codes: list[object]) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab").sort_index(), code=codes)
    communes = tt.read_communes(file)
    assert communes.index.tolist() == ["01001", "01002"]
    (notice,) = communes.attrs["reconciliation"].notices
    assert "2 code(s)" in str(notice)


@pytest.mark.parametrize("people", [[12.0, 1500.0], ["12", "1\u202f500"], ["12,4", "1 500"]])
def test_population_as_found_in_files(tmp_path: Path, people: list[object]) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab").sort_index(), pop2021=people)
    assert tt.read_communes(file)["population"].tolist() == [12, 1500]


def test_columns_can_be_named(tmp_path: Path) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"), habitants=[7, 7])
    read = tt.read_communes(file, columns={"population": "habitants"})
    assert read["population"].tolist() == [7, 7]


def test_an_invalid_outline_is_mended_and_told(tmp_path: Path) -> None:
    bow = [[[2.0, 47.0], [2.1, 47.1], [2.1, 47.0], [2.0, 47.1], [2.0, 47.0]]]

    def twist(record: dict) -> None:
        feature(record, "00002")["geometry"] = {"type": "Polygon", "coordinates": bow}

    communes = tt.read_communes(spoiled(tmp_path / "c.geojson", layer("abc"), twist))
    assert communes.is_valid.all()
    assert communes.area["00002"] > 0
    assert [str(each) for each in communes.attrs["reconciliation"].notices] == [
        "invalid outlines mended: '00002'"
    ]


def test_heights_are_dropped_and_collections_keep_their_surfaces(tmp_path: Path) -> None:
    square = shapely.box(2.0, 47.0, 2.1, 47.1)
    mixed = shapely.GeometryCollection([square, shapely.LineString([(2.0, 47.0), (2.2, 47.0)])])

    def change(record: dict) -> None:
        feature(record, "00001")["geometry"] = mixed.__geo_interface__
        for ring in feature(record, "00002")["geometry"]["coordinates"]:
            ring[:] = [[*point, 120.0] for point in ring]

    communes = tt.read_communes(spoiled(tmp_path / "c.geojson", layer("ab"), change))
    assert not communes.has_z.any()
    assert communes.geom_type["00001"] == "Polygon"
    assert communes.to_crs("EPSG:4326").geometry["00001"].area == pytest.approx(square.area)


def no_geometry(record: dict) -> None:
    feature(record, "00002")["geometry"] = None


def a_point(record: dict) -> None:
    feature(record, "00002")["geometry"] = {"type": "Point", "coordinates": [2.0, 47.0]}


def open_ring(record: dict) -> None:
    feature(record, "00002")["geometry"]["coordinates"][0].pop()


def no_feature(record: dict) -> None:
    record["features"] = []


def same_code(record: dict) -> None:
    feature(record, "00002")["properties"]["code"] = "00001"


def bad_code(record: dict) -> None:
    feature(record, "00002")["properties"]["code"] = "ZZ"


def no_people(record: dict) -> None:
    feature(record, "00002")["properties"]["pop2021"] = None


def minus_people(record: dict) -> None:
    feature(record, "00002")["properties"]["pop2021"] = -5


def no_population(record: dict) -> None:
    for each in record["features"]:
        each["properties"].pop("pop2021")


def no_name(record: dict) -> None:
    for each in record["features"]:
        each["properties"].pop("nom")


@pytest.mark.filterwarnings("ignore:Non closed ring")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("change", "kind", "named"),
    [
        (no_geometry, GeometryError, ["'00002'", "rows 2"]),
        (a_point, GeometryError, ["'00002'"]),
        (open_ring, InputError, []),
        (no_feature, InputError, ["no data row"]),
        (same_code, InputError, ["'00001'", "rows 1, 2", "code"]),
        (bad_code, InputError, ["'ZZ'", "rows 2", "code"]),
        (no_people, InputError, ["pop2021", "rows 2"]),
        (minus_people, InputError, ["pop2021", "rows 2", "negative"]),
        (no_population, InputError, ["'population' is missing", "code, nom"]),
        (no_name, InputError, ["'name' is missing"]),
    ],
)
def test_a_layer_that_cannot_be_used_is_refused(
    tmp_path: Path, change, kind: type[Exception], named: list[str]
) -> None:
    drawn = layer("ab").sort_index()
    with pytest.raises(kind) as refusal:
        tt.read_communes(spoiled(tmp_path / "communes.geojson", drawn, change))
    assert isinstance(refusal.value, InputError)
    for words in ["communes.geojson", *named]:
        assert words in str(refusal.value)


def test_all_faults_of_a_layer_are_told_at_once(tmp_path: Path) -> None:
    def change(record: dict) -> None:
        minus_people(record)
        bad_code(record)

    with pytest.raises(InputError) as refusal:
        tt.read_communes(spoiled(tmp_path / "c.geojson", layer("ab"), change))
    assert len(refusal.value.faults) == 2


def test_a_file_of_several_layers_asks_which(tmp_path: Path) -> None:
    file = tmp_path / "c.gpkg"
    for name, picture in (("communes", "ab"), ("cantons", "c")):
        layer(picture).reset_index().to_file(file, layer=name, engine="pyogrio")
    with pytest.raises(InputError, match=r"communes.*cantons|cantons.*communes"):
        tt.read_communes(file)
    with pytest.raises(InputError, match="no layer 'autre'"):
        tt.read_communes(file, layer="autre")
    assert tt.read_communes(file, layer="communes").index.tolist() == ["00001", "00002"]


def test_without_a_projection_a_layer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.gpkg"
    bare = layer("ab").reset_index().set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        bare.to_file(file, engine="pyogrio")
    with pytest.raises(GeometryError, match=r"c\.gpkg.*EPSG:2154"):
        tt.read_communes(file)


@pytest.mark.parametrize("content", ["code;nom\n1;a\n", '{"type": "Topo', "not a map"])
def test_what_is_no_layer_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.geojson"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="not a readable map layer"):
        tt.read_communes(file)


def test_a_list_of_communes_is_no_layer(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("code,nom,population\n00001,a,5\n", encoding="utf-8")
    with pytest.raises(GeometryError, match="no geometry"):
        tt.read_communes(file)


# --- flows --------------------------------------------------------------------------------------

LINES = [
    "00001;orl;PS1;00;20;100,50",
    "00002;orl;PS1;00;15;80,00",
    "96001;orl;PS2;;12;60,00",
    "50001;dermatologie;PS3;75;30;12,00",
]


def flows(folder: Path, lines: list[str], head: str = SPECIALISTS, **options) -> tt.Flows:
    return tt.read_flows(write_text(folder / "extrait.csv", head, lines), **options)


def test_a_specialist_extract(tmp_path: Path) -> None:
    read = flows(tmp_path, LINES, communes=layer("abA"))
    assert read.table.to_dict("list") == {
        "residence": ["00001", "00002", "50001", "96001"],
        "activity": ["orl", "orl", "dermatologie", "orl"],
        "practitioner": ["PS1", "PS1", "PS3", "PS2"],
        "department": ["00", "00", "75", ""],
        "patients": [20, 15, 30, 12],
        "amount": [100.5, 80.0, 12.0, 60.0],
    }
    assert read.table["patients"].dtype == "int64"
    account = read.reconciliation
    assert (account["rows_in"], account["rows_kept"], account["rows_aside"]) == (4, 4, 0)
    assert (account["patients_in"], account["patients_kept"]) == (77, 77)
    assert account["reasons"] == {}
    assert account["unit"] == "patients"
    assert account["notices"] == ()


def test_destinations_are_recognised(tmp_path: Path) -> None:
    head = "codgeo;specialite;commune_exercice;nb_patients"
    read = flows(tmp_path, ["00001;orl;00002;20", "1002;orl;2;7"], head, on_unknown="external")
    assert read.table[["residence", "destination", "patients"]].to_numpy().tolist() == [
        ["00001", "00002", 20],
        ["01002", "2", 7],
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_writings_of_an_extract_give_the_same_flows(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    lines = [*LINES, "00001;chirurgie de l'œil;PS4;;11;1,00"]
    usual = flows(tmp_path, lines)
    text = "\r\n".join([SPECIALISTS, *reversed(lines)]).replace(";", separator)
    other = tmp_path / "autre.csv"
    other.write_bytes(text.encode(encoding))
    assert_frame_equal(tt.read_flows(other).table, usual.table)


@settings(max_examples=20)
@given(st.permutations(LINES))
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    file = write_text(folder / "a.csv", SPECIALISTS, lines, seed=None)
    usual = write_text(folder / "b.csv", SPECIALISTS, LINES, seed=None)
    assert_frame_equal(tt.read_flows(file).table, tt.read_flows(usual).table)


def test_columns_of_flows_can_be_named(tmp_path: Path) -> None:
    head = SPECIALISTS.replace("commune_residence", "domicile").replace("nb_patients", "effectif")
    columns = {"residence": "domicile", "patients": "effectif"}
    assert_frame_equal(flows(tmp_path, LINES, head, columns=columns).table,
                       flows(tmp_path, LINES).table)  # fmt: skip


def test_arrondissements_are_one_residence_their_city(tmp_path: Path) -> None:
    read = flows(tmp_path, ["75101;orl;PS1;;20;1,5", "75120;orl;PS1;;5;2", "75056;orl;PS1;;1;0"])
    assert set(read.table["residence"]) == {"75056"}
    assert read.table[["patients", "amount"]].sum().tolist() == [26, 3.5]
    assert read.located().table["patients"].tolist() == [26]
    assert read.reconciliation["rows_in"] == 3
    assert read.reconciliation["patients_kept"] == 26


UNKNOWN = ["00999;orl;PS1;;40;1", "ZZZZZ;orl;PS1;;50;1", "99109;orl;PS1;;60;1"]


def test_unknown_communes_are_refused_by_row_column_and_value(tmp_path: Path) -> None:
    file = write_text(tmp_path / "e.csv", SPECIALISTS, [*LINES, *UNKNOWN], seed=None)
    with pytest.raises(CodeError) as refusal:
        tt.read_flows(file, communes=layer("abA"))
    for words in ("e.csv", "3 row(s)", "commune_residence", "rows 6, 7, 8",
                  "'00999', 'ZZZZZ', '99109'", "--on-unknown aside"):  # fmt: skip
        assert words in str(refusal.value)
    with using("fr"):
        assert "lignes 6, 7, 8 : '00999'" in str(refusal.value)
        assert "--on-unknown aside" in str(refusal.value)
    assert not re.search(r"\b[456]0\b", str(refusal.value))  # no count of patients


def test_unknown_communes_can_be_set_aside(tmp_path: Path) -> None:
    read = flows(tmp_path, [*LINES, *UNKNOWN], communes=layer("abA"), on_unknown="aside")
    account = read.reconciliation
    assert (account["rows_in"], account["rows_kept"], account["rows_aside"]) == (7, 4, 3)
    assert (account["patients_in"], account["patients_kept"]) == (227, 77)
    assert account["patients_aside"] == 150
    assert account["reasons"] == {"unknown_residence": (3, 150)}
    assert len(read.table) == 4


def test_unknown_communes_can_be_kept_as_external(tmp_path: Path) -> None:
    read = flows(tmp_path, [*LINES, *UNKNOWN], communes=layer("abA"), on_unknown="external")
    assert read.reconciliation["rows_aside"] == 0
    assert read.table["patients"].sum() == 227
    assert set(read.table.loc[read.external("residence"), "residence"]) == {
        "50001", "00999", "ZZZZZ", "99109",
    }  # fmt: skip


def test_unknown_destinations_too(tmp_path: Path) -> None:
    head = "residence;activity;destination;patients"
    lines = ["00001;orl;00999;40", "00001;orl;00002;25", "00998;orl;00997;7", "00001;orl;75056;3"]
    with pytest.raises(CodeError) as refusal:
        flows(tmp_path, lines, head, communes=layer("ab"))
    assert "column residence" in str(refusal.value)
    assert "column destination" in str(refusal.value)
    read = flows(tmp_path, lines, head, communes=layer("ab"), on_unknown="aside")
    assert read.reconciliation["reasons"] == {
        "unknown_residence": (1, 7),
        "unknown_destination": (1, 40),
    }
    assert read.table["destination"].tolist() == ["00002", "75056"]


PLACES = st.sampled_from(["00001", "00002", "00999", "ZZZZZ", "75056", "96001"])
FLOW_ROWS = st.dictionaries(
    st.tuples(PLACES, st.sampled_from(["orl", "derm"]), st.sampled_from(["PS1", "PS2", "PS3"])),
    st.integers(0, 60),
    min_size=1,
)


@settings(max_examples=20)
@given(FLOW_ROWS, st.sampled_from(["aside", "external"]), st.integers(0, 5))
def test_in_is_kept_and_set_aside(
    tmp_path_factory: pytest.TempPathFactory, rows, on_unknown, seed: int
) -> None:
    lines = [f"{home};{act};{ps};;{patients};1" for (home, act, ps), patients in rows.items()]
    file = write_text(tmp_path_factory.mktemp("kept") / "e.csv", SPECIALISTS, lines, seed=seed)
    read = tt.read_flows(file, communes=layer("abA"), on_unknown=on_unknown).located()
    account = read.reconciliation
    assert account["rows_in"] == len(rows) == account["rows_kept"] + account["rows_aside"]
    assert account["patients_in"] == sum(rows.values())
    assert account["patients_in"] == account["patients_kept"] + account["patients_aside"]
    assert account["patients_kept"] == read.table["patients"].sum()
    assert sum(rows for rows, _ in account["reasons"].values()) == account["rows_aside"]
    assert sum(sick for _, sick in account["reasons"].values()) == account["patients_aside"]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["00001;orl;PS1;;douze;1"], ["nb_patients", "rows 2", "not numbers"]),
        (["00001;orl;PS1;;;1"], ["nb_patients", "rows 2", "Empty is not zero"]),
        (["00001;orl;PS1;;-3;1"], ["nb_patients", "rows 2", "negative"]),
        (["00001;orl;PS1;;30;x"], ["montant", "rows 2", "not numbers"]),
        ([";orl;PS1;;30;1"], ["commune_residence", "rows 2", "empty"]),
        (["00001;;PS1;;30;1"], ["specialite", "rows 2", "empty"]),
        (["00001;orl; ;;30;1"], ["ps", "rows 2", "empty"]),
        (["00001;orl;PS777777;;31;1", "00001;orl;PS777777;;32;1"],
         ["rows 2, 3", "'00001'", "same key"]),
        (["1004;orl;PS777777;;31;1", "01004;orl;PS777777;;32;1"],
         ["rows 2, 3", "'01004'", "same key"]),
        (["00001;orl;PS1;;10000000000000000000;1"], ["nb_patients", "rows 2"]),
    ],
)  # fmt: skip
def test_faults_of_an_extract_are_named_without_any_count(
    tmp_path: Path, lines: list[str], named: list[str]
) -> None:
    file = write_text(tmp_path / "extrait.csv", SPECIALISTS, lines, seed=None)
    with pytest.raises(InputError) as refusal:
        tt.read_flows(file)
    told = str(refusal.value)
    for words in ["extrait.csv", *named]:
        assert words in told
    assert not re.search(r"\b3[012]\b|PS777777|1000000", told)


def test_an_empty_amount_is_only_unknown(tmp_path: Path) -> None:
    assert flows(tmp_path, ["00001;orl;PS1;;30;"]).table["amount"].isna().all()


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        flows(tmp_path, ["ZZZZZ;orl;;;x;1", ";orl;PS1;;-1;y"])
    assert len(refusal.value.faults) == 6
    assert not isinstance(refusal.value, CodeError)


def test_a_list_of_the_communes_of_the_year(tmp_path: Path) -> None:
    """A code that INSEE's list does not have is unknown, in the layer or not."""
    insee = tmp_path / "v_commune_2024.csv"
    insee.write_text(
        "TYPECOM,COM,LIBELLE\nCOM,00001,A\nCOM,75056,Paris\nARM,75101,Paris 1er\nCOMD,00002,B\n",
        encoding="utf-8",
    )
    good = ["00001;orl;PS1;;20;1", "75101;orl;PS1;;20;1", "75056;orl;PS2;;20;1"]
    assert len(flows(tmp_path, good, cog_table=insee).table) == 3
    with pytest.raises(CodeError, match="'50001'"):
        flows(tmp_path, [*good, "50001;orl;PS1;;20;1"], cog_table=insee)
    with pytest.raises(CodeError, match="'00002'"):
        flows(tmp_path, [*good, "00002;orl;PS1;;20;1"], cog_table=insee)
    with pytest.raises(CodeError, match="'00002'"):
        flows(tmp_path, [*good, "00002;orl;PS1;;20;1"], cog_table=insee, communes=layer("ab"))


def test_a_clipped_extract_is_told(tmp_path: Path) -> None:
    """Nobody from elsewhere, and no care elsewhere."""
    communes = layer("abA")

    def told(lines: list[str], head: str = SPECIALISTS) -> list[str]:
        account = flows(tmp_path, lines, head, communes=communes).located().reconciliation
        return [each.key for each in account.notices]

    assert told(LINES) == []
    assert told(LINES[:3]) == ["notice.clipped_residences", "notice.clipped_destinations"]
    assert told([*LINES[:3], "00001;orl;PS9;75;5;1"]) == ["notice.clipped_residences"]
    assert told([*LINES[:3], "50001;orl;PS1;00;5;1"]) == ["notice.clipped_destinations"]
    located = "residence;activity;destination;patients"
    assert told(["00001;orl;00002;20"], located) == [
        "notice.clipped_residences",
        "notice.clipped_destinations",
    ]
    assert told(["00001;orl;75056;20"], located) == ["notice.clipped_residences"]


def test_refusals_speak_french_and_say_what_to_do(tmp_path: Path) -> None:
    with using("fr"), pytest.raises(InputError) as refusal:
        flows(tmp_path, ["00001;orl;PS1;;douze;1"])
    with using("fr"):
        assert str(refusal.value).startswith("extrait.csv : 1 cellule(s) de la colonne nb_patients")


# --- bridges -------------------------------------------------------------------------------------


def test_bridges(tmp_path: Path) -> None:
    file = write_text(tmp_path / "b.csv", "left;right;note", ["96001;1;bac", "1004;45234;pont"],
                      seed=None)  # fmt: skip
    with pytest.raises(CodeError, match=r"right.*rows 2: …"):
        tt.read_bridges(file)
    write_text(file, "gauche;droite", ["1004;45234", f"{code('a')};{code('b')}"], seed=None)
    assert tt.read_bridges(file).to_dict("list") == {
        "left": ["01004", "00001"],
        "right": ["45234", "00002"],
    }
