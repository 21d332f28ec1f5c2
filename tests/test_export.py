"""Files to give away: by the standards, in the words people read, without a small count."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import sqlite3
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import code, layer, letter, located, squares

import territories as tt
from territories import InputError, Zoning
from territories._words import using
from territories.export import (
    Evidence,
    commune_table,
    outlines,
    slug,
    territory_table,
    write_csv,
    write_geojson,
)

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = "aabb acbb ddde"
LABELS = {"a": "a", "c": "a", "b": "b", "d": "b"}  # e is in no territory


def zoning(labels: dict[str, str] | None = None, picture: str = PICTURE) -> Zoning:
    chosen = {code(each): code(other) for each, other in (labels or LABELS).items()}
    return Zoning.from_labels(chosen, communes=layer(picture, people=30_000))


def flows(small: int = 4) -> tt.Flows:
    rows = [("a", "orl", "a", 90), ("c", "orl", "a", 30), ("b", "orl", "b", 50),
            ("d", "orl", "a", 20), ("d", "orl", "75056", small), ("50001", "orl", "b", 12),
            ("e", "orl", "b", 3)]  # fmt: skip
    return located(rows, layer(PICTURE))


def evidence() -> Evidence:
    poles = tt.dominant_poles(flows())
    agreement = tt.concordance(poles, minimum=1)
    hospital = tt.hospital_agreement(agreement, tt.dominant_poles(flows().together()))
    return Evidence(agreement, poles, hospital, flows(), flows())


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig")), delimiter=";"))


def strict(path: Path) -> dict:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def features(path: Path) -> list[dict]:
    return strict(path)["features"]


# --- tables --------------------------------------------------------------------------------------


def test_columns_of_communes_are_those_of_the_contract() -> None:
    with using("fr"):
        columns = commune_table(zoning(), evidence()).reset_index().columns.tolist()
    assert columns[:6] == ["code", "nom", "population", "territoire", "pole", "concordance"]
    assert "part" in columns


def test_columns_of_territories_are_those_of_the_contract() -> None:
    with using("fr"):
        columns = territory_table(zoning(), evidence()).reset_index().columns.tolist()
    assert columns[:3] == ["territoire", "nom", "population"]
    assert {"taille_aci", "li", "fuite"} <= set(columns)


def test_what_is_said_of_each_commune() -> None:
    with using("fr"):
        table = commune_table(zoning(), evidence())
    assert table.index.tolist() == [code(each) for each in "abcde"]
    told = {letter(each): row for each, row in table.to_dict("index").items()}
    assert told["c"]["territoire"] == told["c"]["pole"] == code("a")
    assert told["c"]["concordance"] == "toujours"
    assert told["c"]["pole_orl"] == code("a")
    assert told["c"]["liberal_hopital"] == "même pôle"
    assert told["e"]["concordance"] == "données insuffisantes"
    assert told["e"]["zone_blanche"] == "non couverte"
    assert pd.isna(told["e"]["territoire"])
    assert pd.isna(told["e"]["pole"])
    assert pd.isna(told["a"]["zone_blanche"])


def test_the_tables_speak_english_too() -> None:
    with using("en"):
        table = commune_table(zoning(), evidence())
        assert table["concordance"][code("a")] == "always"
        assert table["white_zone"][code("e")] == "uncovered"
        assert "leakage" in territory_table(zoning(), evidence())


def test_every_activity_keeps_its_column() -> None:
    """Labels that differ by accents or signs only, or are called like another column."""
    activities = ["ORL", "O.R.L.", "orl", "hôpital", "nom", "€", "%"]
    rows = [("a", activity, "bcd"[number % 3], 20) for number, activity in enumerate(activities)]
    poles = tt.dominant_poles(located(rows, layer(PICTURE)))
    with using("fr"):
        bare = commune_table(zoning())
        told = commune_table(zoning(), Evidence(poles=poles, hospital=evidence().hospital))
    assert told.columns.is_unique
    shown = told.drop(columns=[*bare.columns, "pole_hopital", "liberal_hopital"], errors="ignore")
    assert sorted(shown.loc[code("a")]) == sorted(poles.table["pole"])


@pytest.mark.parametrize(
    ("label", "name"),
    [("Œil & côté", "oeil_cote"), ("ORL", "orl"), ("€", "x"), ("  a--b ", "a_b"), ("", "x")],
)
def test_slug(label: str, name: str) -> None:
    assert slug(label) == name


SMALL = st.dictionaries(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["a", "b", "d", "75056"])),
    st.integers(0, 30),
    min_size=1,
)


@settings(max_examples=12)
@given(SMALL, SMALL)
def test_no_measure_gives_a_small_count_away(liberal: dict, hospital: dict) -> None:
    """Where a share is shown, its part, its base and the rest are each 0, or 11 and more."""
    seen, stays = (
        located([(a, "orl", b, n) for (a, b), n in rows.items()], layer(PICTURE))
        for rows in (liberal, hospital)
    )
    drawn = zoning()
    with using("en"):
        table = territory_table(drawn, Evidence(flows=seen, stays=stays))
    exact = tt.evaluate(drawn, seen)
    beds = tt.evaluate(drawn, stays)
    checks = {
        "li": (exact["inside"], exact["sent"]),
        "leakage": (exact["inside"], exact["sent"]),
        "msi": (exact["inside"], exact["received"]),
        "attraction": (exact["inside"], exact["received"]),
        "hospital_leakage": (beds["inside"], beds["sent"]),
    }
    for name, (part, whole) in checks.items():
        for territory, share in table[name].dropna().items():
            for number in (part[territory], whole[territory], whole[territory] - part[territory]):
                assert number == 0 or number >= 11, name
            expected = part[territory] / whole[territory]
            inverse = name in ("leakage", "attraction", "hospital_leakage")
            assert share == pytest.approx(1 - expected if inverse else expected, abs=6e-5)
    shown = table["net_index"].dropna().index
    assert table.loc[shown, ["li", "msi"]].notna().all(axis=None)
    assert not {"inside", "sent", "received", "patients", "stays"} & set(table.columns)


@settings(max_examples=20)
@given(SMALL)
def test_no_distance_stands_for_a_few_patients(liberal: dict) -> None:
    """Shown where all three groups are each 0, or 11 and more: inside, elsewhere, off the map."""
    seen = located([(a, "orl", b, n) for (a, b), n in liberal.items()], layer(PICTURE))
    drawn = zoning()
    with using("en"):
        table = territory_table(drawn, Evidence(flows=seen))
    exact = tt.evaluate(drawn, seen)
    columns = ["distance_to_care_km", "distance_to_pole_km", "undrawn"]
    assert table.loc[table["li"].isna(), columns].isna().all(axis=None)
    for territory, row in table.dropna(subset=["undrawn"]).iterrows():
        known = exact.loc[territory]
        away = known["undrawn"] * known["sent"]
        for number in (known["inside"], away, known["sent"] - known["inside"] - away):
            assert round(number, 6) == 0 or round(number, 6) >= 11
        # Rounded to what eleven patients make: to 25 of them at most, being 1, 2 or 5 tenths.
        assert row["undrawn"] == pytest.approx(known["undrawn"], abs=max(6e-4, 26 / known["sent"]))
        own = [(a, b, n) for (a, b), n in liberal.items() if drawn.labels.get(code(a)) == territory]
        home = sum(n for a, b, n in own if a == b)
        town = sum(n for a, _, n in own if code(a) == known["pole"])
        few = any(0 < number < 11 for one in (home, town) for number in (one, known["sent"] - one))
        if few:
            assert math.isnan(row["distance_to_care_km"])
            assert math.isnan(row["distance_to_pole_km"])
            continue
        for name in ("care", "pole"):
            if not math.isnan(row[f"distance_to_{name}_km"]):  # of few pairs it is hidden
                metres = known[f"distance_to_{name}_m"]
                assert row[f"distance_to_{name}_km"] == pytest.approx(metres / 1000, abs=0.051)


def test_sizes_are_whole_numbers(tmp_path: Path) -> None:
    """Inhabitants to the next size, those to lose, euros; forms that are counted too."""
    tt.export_csv(zoning(), tmp_path / "t.csv", flows=flows())
    rows = read_csv(tmp_path / "t.csv")
    assert [row["ecart_taille_suivante"] for row in rows] == ["20000", "20000"]
    assert [row["marge_taille"] for row in rows] == ["20000", "20000"]
    assert [row["montant_max_2019"] for row in rows] == ["242000", "242000"]
    for name in ("trous", "enclaves", "communes_entourees", "communes_coupees"):
        assert [row[name] for row in rows] == ["0", "0"], name
    tt.export_gpkg(zoning(), tmp_path / "t.gpkg", flows=flows())
    tt.export_geojson(zoning(), tmp_path / "t.geojson", flows=flows())
    told = features(tmp_path / "t.geojson")[0]["properties"]
    assert told["montant_max_2019"] == 242_000
    assert told["distance_soins_km"] is not None


def test_a_count_that_is_missing_is_null(tmp_path: Path) -> None:
    """The largest size has no next one; a territory that nobody comes to has no pole."""
    chosen = {code(each): code(other) for each, other in LABELS.items()}
    large = Zoning.from_labels(chosen, communes=layer(PICTURE, people=300_000))
    alone = located([("a", "orl", "a", 90)], layer(PICTURE))
    tt.export_geojson(large, tmp_path / "t.geojson", flows=alone)
    tt.export_gpkg(large, tmp_path / "t.gpkg", flows=alone)
    told = {each["properties"]["territoire"]: each["properties"] for each in
            features(tmp_path / "t.geojson")}  # fmt: skip
    assert told[code("a")]["ecart_taille_suivante"] is None
    assert told[code("a")]["communes_coupees"] == 0
    assert told[code("b")]["communes_coupees"] is None
    read = gpd.read_file(tmp_path / "t.gpkg", layer="territoires").set_index("territoire")
    assert read["communes_coupees"].isna().tolist() == [False, True]


def test_class_shares_are_of_the_population() -> None:
    with using("fr"):
        table = territory_table(zoning(), evidence())
    shares = table.filter(regex="^part_")
    assert shares.columns.tolist() == [
        *("part_toujours", "part_toutes_sauf_une", "part_majorite", "part_majorite_relative"),
        *("part_aucun_pole", "part_donnees_insuffisantes"),
    ]
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0, 1.0], abs=1e-3)


# --- CSV -----------------------------------------------------------------------------------------


def test_a_table_opens_in_french_excel(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"nom": ["Vendœuvres", 'dit "x"; y'], "part": [0.25, math.nan], "n": [1500, 2]},
        index=pd.Index(["01004", "2A004"], name="code"),
    )
    write_csv(table, tmp_path / "t.csv")
    raw = (tmp_path / "t.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfcode;nom;part;n\r\n")
    assert raw.endswith(b"\r\n")
    assert read_csv(tmp_path / "t.csv") == [
        {"code": "01004", "nom": "Vendœuvres", "part": "0,25", "n": "1500"},
        {"code": "2A004", "nom": 'dit "x"; y', "part": "", "n": "2"},
    ]


@pytest.mark.parametrize("label", ["=1+1", "+33", "-x", "@sum", "\t=1", "\r=1"])
def test_a_label_is_never_run_as_a_formula(tmp_path: Path, label: str) -> None:
    write_csv(pd.DataFrame({"nom": [label], "n": [-1]}), tmp_path / "t.csv")
    (row,) = read_csv(tmp_path / "t.csv")
    assert row["nom"].startswith("'")
    assert row["n"] == "-1"


def test_a_label_of_a_territory_is_neutral_in_every_column(tmp_path: Path) -> None:
    communes = layer(PICTURE)
    communes["name"] = "=cmd()"
    drawn = Zoning.from_labels({code("a"): "=x"}, communes=communes)
    tt.export_csv(drawn, tmp_path / "t.csv")
    for row in read_csv(tmp_path / "t.csv"):
        assert not any(cell.startswith(("=", "+", "@")) for cell in row.values())


# --- GeoJSON -------------------------------------------------------------------------------------


def test_geojson_by_the_standard(tmp_path: Path) -> None:
    """The territory of a has a hole, where c is alone.

    ::

        aaab
        acab
        aaab
    """
    drawn = zoning({"a": "a", "c": "c", "b": "b"}, "aaab acab aaab")
    tt.export_geojson(drawn, tmp_path / "t.geojson")
    record = strict(tmp_path / "t.geojson")
    assert record["type"] == "FeatureCollection"
    assert "crs" not in record
    shapes = [shapely.from_geojson(json.dumps(each["geometry"])) for each in record["features"]]
    assert all(shapely.is_valid(shapes))
    assert shapely.coverage_is_valid(shapes)
    assert sum(shapely.get_num_interior_rings(shapes)) == 1
    for shape in shapes:
        assert shapely.is_ccw(shape.exterior)
        assert not any(shapely.is_ccw(ring) for ring in shape.interiors)
        west, south, east, north = shape.bounds
        assert -5 < west < east < 10
        assert 41 < south < north < 52


def test_what_may_not_be_shown_is_null(tmp_path: Path) -> None:
    tt.export_geojson(zoning(), tmp_path / "t.geojson", flows=flows())
    told = {each["properties"]["territoire"]: each["properties"] for each in
            features(tmp_path / "t.geojson")}  # fmt: skip
    assert told[code("a")]["li"] == 1.0  # 120 of 120
    assert told[code("b")]["li"] == pytest.approx(50 / 74, abs=1e-4)
    assert told[code("a")]["msi"] == pytest.approx(120 / 140, abs=1e-4)
    hidden = located([("a", "orl", "a", 90), ("c", "orl", "b", 3)], layer(PICTURE))
    tt.export_geojson(zoning(), tmp_path / "h.geojson", flows=hidden)
    told = {each["properties"]["territoire"]: each["properties"] for each in
            features(tmp_path / "h.geojson")}  # fmt: skip
    assert told[code("a")]["li"] is None
    assert told[code("a")]["fuite"] is None
    assert told[code("b")]["li"] is None


def test_communes_without_territory_stay_on_the_map(tmp_path: Path) -> None:
    drawn = zoning()
    with using("fr"):
        write_geojson(commune_table(drawn), outlines(drawn)[0], tmp_path / "c.geojson")
    told = {each["properties"]["code"]: each["properties"] for each in
            features(tmp_path / "c.geojson")}  # fmt: skip
    assert sorted(told) == [code(each) for each in "abcde"]
    assert told[code("e")]["territoire"] is None


def test_outlines_of_territories_are_made_of_those_of_communes() -> None:
    drawn = zoning()
    communes, shapes = outlines(drawn)
    assert shapes.index.tolist() == drawn.territories.index.tolist()
    for territory, shape in shapes.items():
        members = communes[drawn.labels.index[drawn.labels == territory]]
        assert shape.area == pytest.approx(shapely.area(members.to_numpy()).sum(), rel=1e-12)
        assert shape.equals(members.union_all())
        assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(shape))).all()


# --- GeoPackage ----------------------------------------------------------------------------------


def test_geopackage_has_its_layers_and_styles(tmp_path: Path) -> None:
    file = tmp_path / "t.gpkg"
    drawn = zoning()
    tt.export_gpkg(drawn, file, flows=flows())
    assert {"communes", "territoires"} <= set(pyogrio.list_layers(file)[:, 0])
    communes = gpd.read_file(file, layer="communes")
    shapes = gpd.read_file(file, layer="territoires")
    assert communes.crs == shapes.crs == "EPSG:2154"
    assert communes["code"].tolist() == [code(each) for each in "abcde"]
    assert shapes["territoire"].tolist() == [code("a"), code("b")]
    assert communes.area.tolist() == [1e6 * len(squares(PICTURE)[each]) for each in "abcde"]
    assert shapes.area.tolist() == [4e6, 7e6]
    base = sqlite3.connect(file)
    styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles"))
    default = base.execute("SELECT useAsDefault FROM layer_styles").fetchall()
    base.close()
    assert set(styles) == {"communes", "territoires"}
    assert default == [(1,), (1,)]
    white = [""]  # e is in no territory
    for name, style in styles.items():
        renderer = ET.fromstring(style).find("renderer-v2")  # noqa: S314 - ours
        assert renderer is not None
        assert '"territoire"' in f'"{renderer.get("attr")}"'
        values = [each.get("value") for each in renderer.iter("category")]
        assert values == [code("a"), code("b"), *(white if name == "communes" else [])]
        colours = {each.get("value") for each in renderer.iter("Option")
                   if each.get("name") == "color"}  # fmt: skip
        assert len(colours) == len(values)


def test_geopackage_is_the_same_to_the_byte(tmp_path: Path) -> None:
    for name in ("1.gpkg", "2.gpkg"):
        tt.export_gpkg(zoning(), tmp_path / name, flows=flows())
    assert (tmp_path / "1.gpkg").read_bytes() == (tmp_path / "2.gpkg").read_bytes()


def test_geopackage_puts_the_clock_back(tmp_path: Path) -> None:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1999-01-01T00:00:00Z"})
    try:
        tt.export_gpkg(zoning(), tmp_path / "t.gpkg")
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == "1999-01-01T00:00:00Z"
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


# --- doors of the library ------------------------------------------------------------------------

DOORS = {"geojson": tt.export_geojson, "gpkg": tt.export_gpkg, "csv": tt.export_csv}


@pytest.mark.parametrize("kind", DOORS)
def test_a_door_writes_whole_and_never_over(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"x.{kind}"
    DOORS[kind](zoning(), file, flows=flows())
    before = file.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        DOORS[kind](zoning(), file)
    assert file.read_bytes() == before
    DOORS[kind](zoning(), file, overwrite=True)
    assert file.read_bytes() != before
    # The register of what left may stand beside it.
    assert {each.name for each in tmp_path.iterdir()} - {"exports.json"} == {file.name}


@pytest.mark.parametrize("kind", DOORS)
@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_door_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, problem: BaseException
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise problem

    writer = {"geojson": "write_geojson", "gpkg": "add_styles", "csv": "write_csv"}[kind]
    monkeypatch.setattr(f"territories.export.{writer}", fails)
    with pytest.raises(InputError if isinstance(problem, OSError) else KeyboardInterrupt):
        DOORS[kind](zoning(), tmp_path / f"x.{kind}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["geojson", "gpkg", "csv"])
def test_what_the_writers_of_layers_refuse_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A disk that is full is told by GDAL and SQLite in their own errors."""

    def full(*_: object, **__: object) -> None:
        msg = "disk is full"
        raise pyogrio.errors.DataSourceError(msg) from None

    def locked(*_: object, **__: object) -> None:
        msg = "database or disk is full"
        raise sqlite3.OperationalError(msg)

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    monkeypatch.setattr(sqlite3, "connect", locked)
    if kind == "csv":
        monkeypatch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: open(tmp_path / "no" / "x"))  # noqa: PTH123, SIM115
    with pytest.raises(InputError, match="not possible to write"):
        DOORS[kind](zoning(), tmp_path / f"x.{kind}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [100, 1000])
@pytest.mark.parametrize("kind", DOORS)
def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, kind: str, limit: int) -> None:
    """Not a file cut short: GDAL keeps the last lines to itself and loses them in silence."""
    resource = pytest.importorskip("resource")
    file = tmp_path / f"x.{kind}"
    drawn = zoning()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with contextlib.suppress(InputError):
            DOORS[kind](drawn, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    DOORS[kind](drawn, tmp_path / f"whole.{kind}")
    if file.exists():
        assert file.read_bytes() == (tmp_path / f"whole.{kind}").read_bytes()
    assert {each.stem for each in tmp_path.iterdir()} <= {"x", "whole"}


@pytest.mark.parametrize("kind", DOORS)
def test_a_door_speaks_french_and_english(tmp_path: Path, kind: str) -> None:
    for language, word in (("fr", b"territoire"), ("en", b"territory")):
        file = tmp_path / f"{language}.{kind}"
        DOORS[kind](zoning(), file, language=language)
        assert word in file.read_bytes()
    assert b"territoire" not in (tmp_path / f"en.{kind}").read_bytes().replace(b"territoires", b"")


def test_no_index_or_float_noise_in_areas(tmp_path: Path) -> None:
    tt.export_csv(zoning(), tmp_path / "t.csv", flows=flows())
    rows = read_csv(tmp_path / "t.csv")
    assert [row["territoire"] for row in rows] == [code("a"), code("b")]
    assert [row["surface_km2"] for row in rows] == ["4,0", "7,0"]
    assert np.isfinite(float(rows[0]["compacite"].replace(",", ".")))
