"""Layers of communes as found: each kind of file, each thing put right and said, each refusal."""

from __future__ import annotations

import gzip
import json
import math
import re
import sqlite3
import stat
import tempfile
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import CORNER, layer, located, write_layer
from pandas.testing import assert_frame_equal

import territories as tt
from territories import GeometryError, InputError
from territories._layer_files import check_geojson
from territories._outlines import candidates
from territories._words import using

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
    assert "column code: 2" in str(notice)


@pytest.mark.parametrize("people", [[12.0, 1500.0], ["12", "1\u202f500"], ["12,4", "1 500"]])
def test_population_as_found_in_files(tmp_path: Path, people: list[object]) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab").sort_index(), pop2021=people)
    assert tt.read_communes(file)["population"].tolist() == [12, 1500]


def test_columns_can_be_named(tmp_path: Path) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"), habitants=[7, 7])
    read = tt.read_communes(file, columns={"population": "habitants"})
    assert read["population"].tolist() == [7, 7]


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


def minus_people(record: dict) -> None:
    feature(record, "00002")["properties"]["pop2021"] = -5


@pytest.mark.parametrize(
    ("change", "kind", "named"),
    [
        (a_point, GeometryError, ["'00002'"]),
        (no_feature, InputError, ["is empty"]),
        (same_code, InputError, ["'00001'", "rows 1, 2", "code"]),
        (bad_code, InputError, ["'ZZ'", "rows 2", "code"]),
        (minus_people, InputError, ["pop2021", "rows 2", "negative"]),
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


# --- notices and shapes by hand ------------------------------------------------------------------


def notices(communes: gpd.GeoDataFrame) -> dict[str, str]:
    """Give the notices of a layer, by key."""
    account = communes.attrs["reconciliation"]
    return {each.key.removeprefix("notice."): str(each) for each in account.notices}


def drawn(path: Path, shapes: dict[str, shapely.Geometry], **columns: object) -> Path:
    """Write communes drawn in metres from the corner of the pictures, as GeoJSON in WGS84."""
    moved = [shapely.affinity.translate(each, *CORNER) for each in shapes.values()]
    frame = gpd.GeoDataFrame(
        {"code": list(shapes), "nom": [f"Ville-{each}" for each in shapes], "pop2021": 1000},
        geometry=moved,
        crs="EPSG:2154",
    ).assign(**columns)
    path.write_text(frame.to_crs("EPSG:4326").to_json(drop_id=True), encoding="utf-8")
    return path


def refused(path: Path, **options: object) -> str:
    """Give the keys and words of the refusal of a layer."""
    with pytest.raises(InputError) as refusal:
        tt.read_communes(path, **options)
    for language in ("en", "fr"):
        with using(language):
            assert str(refusal.value)
    return " ".join([*(each.key for each in refusal.value.faults), str(refusal.value)])


KM = shapely.box(0, 0, 1000, 1000)
BESIDE = shapely.box(1000, 0, 2000, 1000)


def test_a_clean_layer_has_no_notice(tmp_path: Path) -> None:
    assert notices(tt.read_communes(write_layer(tmp_path / "c.geojson", layer("abc dBC")))) == {}


# --- what the file is ----------------------------------------------------------------------------


def shapefile(folder: Path, encoding: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    frame = layer("abB").reset_index().rename(columns={"name": "nom", "population": "pop2021"})
    frame["nom"] = ["Vendœuvres"] * 3
    frame.to_file(folder / "communes.shp", engine="pyogrio", encoding=encoding or "UTF-8")
    if encoding is not None:
        (folder / "communes.cpg").unlink()
    return folder / "communes.shp"


def zipped(path: Path, *files: Path, under: str = "", more: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in files:
            archive.write(each, under + each.name)
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return path


def test_the_content_is_read_whatever_the_extension(tmp_path: Path) -> None:
    picture = layer("abB")
    expected = tt.read_communes(write_layer(tmp_path / "right.geojson", picture))
    package = tmp_path / "p.gpkg"
    picture.reset_index().to_file(package, engine="pyogrio")
    for source, name in ((tmp_path / "right.geojson", "c.json"), (package, "c.dat")):
        odd = tmp_path / name
        odd.write_bytes(source.read_bytes())
        read = tt.read_communes(odd)
        assert read.index.tolist() == expected.index.tolist()
        assert read.attrs["file"] == name
    strange = tmp_path / "a!b.zip" / "x#é ñ"
    strange.mkdir(parents=True)
    assert len(tt.read_communes(write_layer(strange / "c.zip.geojson", picture))) == 3


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_geojson(tmp_path: Path, mark: str) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"), nom=["Vendœuvres", "Villefrancœur"])
    text = json.dumps(json.loads(file.read_text(encoding="utf-8")), ensure_ascii=False)
    file.write_bytes(text.encode(mark))
    assert sorted(tt.read_communes(file)["name"]) == ["Vendœuvres", "Villefrancœur"]


@pytest.mark.parametrize("encoding", [None, "UTF-8", "CP1252"])
def test_encodings_of_a_shapefile(tmp_path: Path, encoding: str | None) -> None:
    """With its .cpg, or without: UTF-8, else Windows-1252."""
    assert set(tt.read_communes(shapefile(tmp_path / "s", encoding))["name"]) == {"Vendœuvres"}


def test_a_shapefile_in_capitals(tmp_path: Path) -> None:
    for each in shapefile(tmp_path / "s").parent.iterdir():
        each.rename(each.with_name(each.name.upper()))
    assert len(tt.read_communes(tmp_path / "s" / "COMMUNES.SHP")) == 3


def test_the_hash_of_a_shapefile_is_of_all_its_files(tmp_path: Path) -> None:
    file = shapefile(tmp_path / "s")
    before = tt.read_communes(file).attrs["reconciliation"]["sha256"]
    table = file.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"1000", b"2000"))
    assert tt.read_communes(file).attrs["reconciliation"]["sha256"] != before


@pytest.mark.parametrize("lost", [[".shx"], [".dbf"], [".dbf", ".prj"]])
def test_a_shapefile_lists_what_it_lacks(tmp_path: Path, lost: list[str]) -> None:
    file = shapefile(tmp_path / "s")
    kept = [each for each in file.parent.iterdir() if each.suffix not in lost]
    archive = zipped(tmp_path / "s.zip", *kept)
    for suffix in lost:
        file.with_suffix(suffix).unlink()
    for given_file in (file, archive):
        said = refused(given_file)
        assert "layer_shapefile_incomplete" in said
        assert all(f"communes{suffix}" in said for suffix in lost)


def test_a_shapefile_without_projection_asks_for_it(tmp_path: Path) -> None:
    file = shapefile(tmp_path / "s")
    file.with_suffix(".prj").unlink()
    archive = zipped(tmp_path / "s.zip", *file.parent.iterdir())
    for given_file in (file, archive):
        assert re.search(r"crs_missing .*EPSG:2154 \(Lambert-93\)", refused(given_file))
        read = tt.read_communes(given_file, crs=2154)
        assert read.area.to_numpy() == pytest.approx(1e6)
        assert list(notices(read)) == ["crs_said"]


@pytest.mark.parametrize("suffix", [".dbf", ".shx", ".prj"])
def test_a_part_of_a_shapefile_names_the_other(tmp_path: Path, suffix: str) -> None:
    said = refused(shapefile(tmp_path / "s").with_suffix(suffix))
    assert "layer_shapefile_part" in said
    assert ".shp" in said


def test_zip_and_gzip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One layer, with what file managers add; nothing of it is left on the disk."""
    private = tmp_path / "temporary"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    file = write_layer(tmp_path / "c.geojson", layer("abB"))
    package = tmp_path / "c.gpkg"
    layer("abB").reset_index().to_file(package, engine="pyogrio")
    more = {"__MACOSX/._c.geojson": b"x", "a/.DS_Store": b"x", "LISEZMOI.txt": b"IGN"}
    archives = [
        zipped(tmp_path / "1.zip", file, under="a/", more=more),
        zipped(tmp_path / "2.zip", package, more=more),
        zipped(tmp_path / "3.zip", *shapefile(tmp_path / "s").parent.iterdir(), more=more),
    ]
    packed = tmp_path / "c.geojson.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    for each in [*archives, packed]:
        assert tt.read_communes(each).index.tolist() == ["00001", "00002", "96002"]
    assert list(private.iterdir()) == []  # the copies are gone


def link(archive: zipfile.ZipFile) -> None:
    member = zipfile.ZipInfo("c.geojson")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(member, "/etc/passwd")


@pytest.mark.parametrize(
    ("fill", "key", "named"),
    [
        (lambda z: z.writestr("../c.geojson", "{}"), "archive_unsafe", "../c.geojson"),
        (lambda z: z.writestr("/c.geojson", "{}"), "archive_unsafe", "/c.geojson"),
        (lambda z: z.writestr("C:/c.geojson", "{}"), "archive_unsafe", "C:/c.geojson"),
        (lambda z: z.writestr("a\\c.geojson", "{}"), "archive_unsafe", "c.geojson"),
        (link, "archive_unsafe", "c.geojson"),
        (lambda z: z.writestr("c.zip", "PK"), "archive_nested", "c.zip"),
        (lambda z: [z.writestr(each, "{}") for each in ("b.json", "a.gpkg")],
         "layer_zip_ambiguous", "'a.gpkg', 'b.json'"),
        (lambda z: z.writestr("notes.txt", "x"), "layer_zip_none", "notes.txt"),
        (lambda z: z.comment, "layer_zip_none", ""),
        (lambda z: z.writestr("c.geojson", b" " * 40_000_000), "file_too_large", ""),
        (lambda z: z.writestr("[Content_Types].xml", "x"), "layer_is_table", ""),
        (lambda z: z.writestr("doc.kml", "<kml/>"), "layer_format", "KML"),
    ],
)  # fmt: skip
def test_archives_that_are_refused(tmp_path: Path, fill, key: str, named: str) -> None:
    file = tmp_path / "c.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        fill(archive)
    said = refused(file)
    assert key in said
    assert named in said


def test_archives_that_are_secret_or_broken(tmp_path: Path) -> None:
    file = zipped(tmp_path / "c.zip", write_layer(tmp_path / "c.geojson", layer("ab")))
    content = bytearray(file.read_bytes())
    content[6] |= 1  # the flag of encryption, in the member and in the directory
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    secret = tmp_path / "secret.zip"
    secret.write_bytes(content)
    assert "archive_locked" in refused(secret)
    packed = gzip.compress((tmp_path / "c.geojson").read_bytes())
    for name, spoilt, key in (
        ("cut.zip", file.read_bytes()[:200], "file_truncated"),
        ("cut.gz", packed[: len(packed) // 2], "file_truncated"),
        ("twice.gz", gzip.compress(packed), "archive_nested"),
        ("bomb.gz", gzip.compress(b" " * 40_000_000), "file_too_large"),
    ):
        (tmp_path / name).write_bytes(spoilt)
        assert key in refused(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "key", "named"),
    [
        (b'{"type":"Topology","objects":{},"arcs":[]}', "layer_topojson", "mapshaper"),
        (b'<?xml version="1.0"?><!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;',
         "layer_format", "KML"),
        (b'<!-- a --><gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml">',
         "layer_format", "GML"),
        (b"<OGRVRTDataSource/>", "layer_format", "XML"),
        (b"<!DOCTYPE html><html><body>404", "layer_web_page", ""),
        (b"fgb\x03fgb\x00" + b"\0" * 50, "layer_format", "FlatGeobuf"),
        (b"PAR1\0\0", "layer_format", "GeoParquet"),
        (b"7z\xbc\xaf\x27\x1c", "layer_archive", "7z"),
        (b"\xd0\xcf\x11\xe0\0\0", "layer_is_table", ""),
        (b"code;nom\n00001;a\n", "layer_is_table", ""),
        (b"SQLite format 3\x00" + b"\0" * 5000, "layer_format", "SQLite"),
        (b"not a map", "not_a_layer", ""),
        (b"\x89PNG\r\n\0\0\0", "not_a_layer", ""),
        (b'{"type": "Topo', "layer_json_cut", "line 1"),
        (b"[1, 2]", "layer_json_other", ""),
        (b'{"a": 1}', "layer_json_other", ""),
        (b'{"geometryType": "esriGeometryPolygon", "features": []}', "layer_format", "Esri JSON"),
        (b'{"type": "Feature"}\n{"type": "Feature"}\n', "layer_format", "GeoJSONSeq"),
        (b'{"type": "FeatureCollection", "features": []}', "layer_no_feature", ""),
        (b'{"type": "FeatureCollection", "features": [1]}', "", ""),
        (b"[" * 100_000 + b"]" * 100_000, "layer_json_deep", ""),
        (b'{"type":"FeatureCollection","features":[{"properties":{"code":"1","code":"2"}}]}',
         "column_twice", "'code'"),
    ],
)  # fmt: skip
def test_what_is_no_layer_is_refused_by_name(
    tmp_path: Path, content: bytes, key: str, named: str
) -> None:
    for name in ("c.geojson", "c"):
        (tmp_path / name).write_bytes(content)
        said = refused(tmp_path / name)
        assert key in said
        assert named in said


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ('{\n "a": NaN}', "layer_json_nan", ("2", "7")),
        ('{"NaN": "NaN",\n "a": [1, -Infinity]}', "layer_json_nan", ("2", "11")),
        ('{"a": 1,\n\n "b" 2}', "layer_json", ("3", "6")),
        ('{"a": "b', "layer_json_cut", ("1", "7")),
        ('{"a": [1, 2', "layer_json_cut", ("1", "12")),
    ],
)
def test_broken_json_says_where(text: str, key: str, place: tuple[str, str]) -> None:
    with pytest.raises(InputError) as refusal:
        check_geojson(text, "c.geojson")
    (found,) = refusal.value.faults
    assert found.key == f"error.{key}"
    assert (found.values["line"], found.values["column"]) == place


@given(st.text('{}[]":,NaI1e-\\ \n', max_size=60))
@settings(max_examples=200)
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_geojson(text, "c.geojson")


def test_a_number_too_large_says_where(tmp_path: Path) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"))
    file.write_text(file.read_text(encoding="utf-8").replace("[[[", "[[[1e999, 47], [", 1))
    assert "layer_json " in refused(file)


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://169.254.169.254/latest/meta-data",
        "http://example.org/communes.geojson",
        "https://example.org/communes.zip",
        "s3://bucket/communes.gpkg",
        "zip://communes.zip",
        "/vsizip/communes.zip",
        "\\vsimem\\x",
        "PG:dbname=x",
        "WFS:https://example.org",
    ],
)
def test_addresses_are_refused(path: str) -> None:
    assert "file_remote" in refused(path)
    assert "file_remote" in refused(Path(path))


def test_a_local_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_layer(tmp_path / "carte:communes.geojson", layer("ab"))
    assert len(tt.read_communes("carte:communes.geojson")) == 2


def test_a_geodatabase_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.gdb").mkdir()
    assert "File Geodatabase" in refused(tmp_path / "c.gdb")


def test_tables_of_a_geopackage_are_no_layers(tmp_path: Path) -> None:
    """QGIS stores its styles in the file, and people their tables."""
    file = tmp_path / "c.gpkg"
    layer("ab").reset_index().to_file(file, layer="communes", engine="pyogrio")
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), file, layer="layer_styles", append=True)
    assert len(tt.read_communes(file)) == 2
    only = tmp_path / "t.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"code": ["00001"]}), only, layer="t", driver="GPKG")
    assert "no_geometry" in refused(only)
    base = sqlite3.connect(tmp_path / "b.gpkg")
    base.execute("CREATE TABLE communes (code TEXT)")
    base.close()
    assert "SQLite" in refused(tmp_path / "b.gpkg")


# --- projections ---------------------------------------------------------------------------------


def in_crs(path: Path, crs: str | int, *, keep: bool = False, x: float = 0, y: float = 0) -> Path:
    """Write a layer in a projection, as GeoJSON that does not say so (unless `keep`)."""
    moved = layer("ab cd").translate(x, y)
    frame = layer("ab cd").set_geometry(moved).to_crs(crs).reset_index()
    record = json.loads(frame.rename(columns={"name": "nom"}).to_json(drop_id=True))
    record.pop("crs", None)
    if keep:
        name = f"urn:ogc:def:crs:EPSG::{crs}"
        record["crs"] = {"type": "name", "properties": {"name": name}}
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


@pytest.mark.parametrize("crs", [2154, 27572, 3857, 3947, 32631, 3035])
def test_metres_said_to_be_degrees_are_refused_with_what_they_may_be(
    tmp_path: Path, crs: int
) -> None:
    file = in_crs(tmp_path / "c.geojson", crs)
    said = refused(file)
    assert "crs_impossible" in said
    assert f"EPSG:{crs}" in said
    read = tt.read_communes(file, crs=crs)
    assert read.area.to_numpy() == pytest.approx(1e6, rel=5e-3)
    assert "crs_said" in notices(read)
    assert tt.read_communes(in_crs(file, crs, keep=True)).crs == (3035 if crs == 3035 else read.crs)


@pytest.mark.parametrize(("crs", "corner"), [
    (5490, (655_000, 1_790_000)), (2972, (350_000, 540_000)), (2975, (340_000, 7_690_000)),
    (4471, (520_000, 8_580_000)), (27700, (447_000, 537_000)), (3950, (1_700_000, 9_250_000)),
])  # fmt: skip
def test_candidates_elsewhere(crs: int, corner: tuple[float, float]) -> None:
    extent = (*corner, corner[0] + 20_000, corner[1] + 20_000)
    assert crs in [code for code, _ in candidates(extent)]


def test_numbers_of_nowhere(tmp_path: Path) -> None:
    file = in_crs(tmp_path / "c.geojson", 2154, x=5e8, y=5e8)
    assert "crs_impossible_nowhere" in refused(file)
    assert "crs_impossible" in refused(in_crs(file, 4326), crs=2154)  # degrees are no metres


@pytest.mark.parametrize("crs", [True, "Lambert", 1, ""])
def test_a_projection_that_does_not_exist(tmp_path: Path, crs: object) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"))
    assert "crs_unknown" in refused(file, crs=crs)


def test_a_projection_said_again_is_no_news(tmp_path: Path) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"))
    assert notices(tt.read_communes(file, crs="EPSG:4326")) == {}


@pytest.mark.parametrize("place", [(0, 0), (55.45, -20.95), (-61.0, 14.6), (-52.4, 4.9)])
def test_axes_in_the_wrong_order_are_turned(tmp_path: Path, place: tuple[float, float]) -> None:
    def turn(record: dict) -> None:
        for each in record["features"]:
            for ring in each["geometry"]["coordinates"]:
                ring[:] = [
                    [y - 47.4 + place[1], x - 2 + place[0]] if place[0] else [y, x] for x, y in ring
                ]

    read = tt.read_communes(spoiled(tmp_path / "c.geojson", layer("ab cd"), turn))
    assert list(notices(read)) == ["axes_turned"]
    west, south, _, _ = read.to_crs(4326).total_bounds
    if place[0]:
        assert (west, south) == pytest.approx(place, abs=1)
    assert len(tt.contiguity(read)) == 4


@pytest.mark.parametrize(("place", "crs"), [
    ((-61.6, 16.2), 32620), ((-61.0, 14.6), 32620), ((-52.4, 4.9), 32622), ((55.45, -20.95), 32740),
    ((45.1, -12.8), 32738), ((-1.3, 54.6), 32630),
])  # fmt: skip
def test_overseas_and_abroad_come_in_metres(
    tmp_path: Path, place: tuple[float, float], crs: int
) -> None:
    frame = gpd.GeoDataFrame(
        {"code": ["97401", "97402"], "nom": ["a", "b"], "population": [5, 6]},
        geometry=[
            shapely.box(x, place[1], x + 0.1, place[1] + 0.1) for x in (place[0], place[0] + 0.1)
        ],
        crs=4326,
    )
    frame.to_file(tmp_path / "c.geojson", engine="pyogrio")
    read = tt.read_communes(tmp_path / "c.geojson")
    assert read.crs == crs
    assert len(tt.contiguity(read)) == 1


def test_mainland_and_overseas_together_are_refused(tmp_path: Path) -> None:
    boxes = [shapely.box(2, 47, 2.1, 47.1), shapely.box(55.4, -21, 55.5, -20.9)]
    frame = gpd.GeoDataFrame(
        {"code": ["45001", "97401"], "nom": ["a", "b"], "population": 5}, geometry=boxes, crs=4326
    )
    for name, crs in (("c.geojson", 4326), ("c.gpkg", 3857)):
        frame.to_crs(crs).to_file(tmp_path / name, engine="pyogrio")
        assert "layer_too_wide" in refused(tmp_path / name)


def test_england(shared_data: Path) -> None:
    """Its GeoJSON is in the British grid and does not say so."""
    file = shared_data / "nhs" / "districts_epsg27700.geojson"
    columns = {"code": "geo_code", "name": "geo_name"}
    assert "EPSG:27700 (British National Grid)" in refused(file, columns=columns)
    read = tt.read_communes(file, columns=columns, crs=27700)
    assert len(read) == 314
    assert read.crs == 27700
    assert {"codes_foreign", "population_absent", "crs_said"} <= set(notices(read))


# --- outlines ------------------------------------------------------------------------------------


def test_a_bow_tie_is_mended_and_its_areas_are_told(tmp_path: Path) -> None:
    bow = shapely.Polygon([(0, 0), (2000, 1000), (2000, 0), (0, 1000)])
    read = tt.read_communes(drawn(tmp_path / "c.geojson", {"00001": bow}))
    assert read.is_valid.all()
    assert read.area["00001"] == pytest.approx(1e6, rel=1e-3)
    assert "'00001' (0 → 100 ha)" in notices(read)["geometry_mended"]


def test_a_repair_that_loses_area_is_refused(tmp_path: Path) -> None:
    """The second part of 00001 lies on the first."""
    twice = shapely.MultiPolygon([KM, shapely.box(500, 0, 1500, 1000)])
    said = refused(drawn(tmp_path / "c.geojson", {"00002": BESIDE, "00001": twice}))
    assert "outline_lost" in said
    assert "rows 2: '00001'" in said
    touching = shapely.MultiPolygon([KM, shapely.box(999, 0, 2000, 1000)])  # 0.05 % only
    read = tt.read_communes(drawn(tmp_path / "d.geojson", {"00001": touching}))
    assert read.area["00001"] == pytest.approx(2e6, rel=1e-3)


def test_a_flat_outline_is_refused(tmp_path: Path) -> None:
    flat = shapely.Polygon([(0, 0), (1000, 0), (500, 0)])
    said = refused(drawn(tmp_path / "c.geojson", {"00001": flat, "00002": KM}))
    assert "outline_not_surface" in said


def test_a_ring_that_is_not_closed_is_closed(tmp_path: Path) -> None:
    read = tt.read_communes(spoiled(tmp_path / "c.geojson", layer("ab"), open_ring))
    assert "'00002'" in notices(read)["rings_closed"]
    assert read.area.to_numpy() == pytest.approx(1e6, rel=1e-3)


def test_a_ring_of_two_points_is_refused(tmp_path: Path) -> None:
    def spoil(record: dict) -> None:
        feature(record, "00002")["geometry"]["coordinates"] = [[[2, 47], [2, 47]]]

    said = refused(spoiled(tmp_path / "c.geojson", layer("ab").sort_index(), spoil))
    assert "outline_unreadable" in said
    assert "rows 2: '00002'" in said


@pytest.mark.parametrize("shape", [
    shapely.Point(0, 0), shapely.LineString([(0, 0), (1, 1)]),
    shapely.GeometryCollection([shapely.Point(0, 0)]),
])  # fmt: skip
def test_what_is_no_surface_is_refused(tmp_path: Path, shape: shapely.Geometry) -> None:
    said = refused(drawn(tmp_path / "c.geojson", {"00001": KM, "00002": shape}))
    assert "outline_not_surface" in said
    assert "rows 2: '00002'" in said


def test_heights_and_collections_are_told(tmp_path: Path) -> None:
    inner = shapely.GeometryCollection([BESIDE, shapely.Point(0, 0)])
    deep = shapely.GeometryCollection([inner, shapely.LineString([(0, 0), (1, 1)])])
    high = shapely.force_3d(KM, 120)
    read = tt.read_communes(drawn(tmp_path / "c.geojson", {"00001": high, "00002": deep}))
    assert set(notices(read)) == {"heights_dropped", "outlines_reduced"}
    assert "'00001'" in notices(read)["heights_dropped"]
    assert "'00002'" in notices(read)["outlines_reduced"]
    assert read.area.to_numpy() == pytest.approx(1e6, rel=1e-3)


@pytest.mark.parametrize("empty", [None, {"type": "Polygon", "coordinates": []}])
def test_a_commune_without_outline_stays_in_the_tables(tmp_path: Path, empty: object) -> None:
    def spoil(record: dict) -> None:
        feature(record, "00002")["geometry"] = empty

    read = tt.read_communes(spoiled(tmp_path / "c.geojson", layer("abc def"), spoil))
    assert "not_mapped" in notices(read)
    assert read.attrs["not_mapped"] == ["00002"]
    assert read.geometry["00002"].is_empty
    assert read["population"]["00002"] == 1000
    assert not tt.contiguity(read, rule="queen").isin(["00002"]).any(axis=None)


def test_a_layer_without_any_outline_is_refused(tmp_path: Path) -> None:
    def spoil(record: dict) -> None:
        for each in record["features"]:
            each["geometry"] = None

    assert "no_geometry" in refused(spoiled(tmp_path / "c.geojson", layer("ab"), spoil))


def test_overlaps_are_told_the_greatest_first(tmp_path: Path) -> None:
    """Each square lies on the one before by 100 m more; the last by 2 m only.

    ::

        1[2[3[4[5[6[7
    """
    starts = np.cumsum([0, *(1000 - 100 * step for step in range(1, 7)), 998])
    shapes = {f"0000{i + 1}": shapely.box(x, 0, x + 1000, 1000) for i, x in enumerate(starts)}
    read = tt.read_communes(drawn(tmp_path / "c.geojson", shapes))
    said = notices(read)["overlaps"]
    assert "'00006' × '00007' (60 ha), '00005' × '00006' (50 ha)" in said
    assert said.endswith(", …)")
    assert "slivers" in notices(read)
    hidden = drawn(tmp_path / "d.geojson", {"00001": KM, "00002": shapely.box(200, 200, 400, 400)})
    assert "'00001' × '00002' (4 ha)" in notices(tt.read_communes(hidden))["overlaps"]


def test_enclaves_islands_and_parts(tmp_path: Path) -> None:
    """``b`` is inside ``a``; ``c`` is an island; ``d`` is in two parts, one beside ``a``.

    ::

        aaad.c
        aba...
        aaa.d.
    """
    read = tt.read_communes(write_layer(tmp_path / "c.geojson", layer("aaad.c aba... aaa.d.")))
    assert set(notices(read)) == {"several_parts", "islands"}
    assert "1 ('00004')" in notices(read)["several_parts"]
    assert "1 ('00003')" in notices(read)["islands"]
    assert len(read.geometry["00001"].interiors) == 1
    pairs = tt.contiguity(read)[["left", "right"]].apply(tuple, axis=1).tolist()
    assert pairs == [("00001", "00002"), ("00001", "00004")]


def test_parts_on_several_rows_are_one_commune(tmp_path: Path) -> None:
    """Their population is taken once, where it is known."""
    people: dict[str, object] = {"pop2021": [700, None, 700, 700, 9]}
    file = drawn(tmp_path / "c.geojson", {str(each): KM for each in range(5)})
    shapes = [KM, BESIDE, shapely.box(5000, 0, 6000, 1000), KM, shapely.box(0, 1000, 1000, 2000)]
    file = drawn(
        file,
        dict(enumerate(shapes)),
        code=["00001"] * 4 + ["00002"],
        nom=["a", "a", "", "a", "b"],
        **people,
    )
    for given_file in (file, reversed_rows(file)):
        read = tt.read_communes(given_file)
        assert read.index.tolist() == ["00001", "00002"]
        assert read["population"].tolist() == [700, 9]
        assert read["population"].dtype == "int64"
        assert read["name"].tolist() == ["a", "b"]
        assert read.area.to_numpy() == pytest.approx([3e6, 1e6], rel=1e-3)
        assert set(notices(read)) == {"features_twice", "parts_joined", "several_parts"}
        assert read.attrs["reconciliation"]["rows_in"] == 5


def reversed_rows(file: Path) -> Path:
    record = json.loads(file.read_text(encoding="utf-8"))
    record["features"].reverse()
    other = file.with_name("reversed.geojson")
    other.write_text(json.dumps(record), encoding="utf-8")
    return other


@pytest.mark.parametrize(("column", "values"), [("pop2021", [5, 6, 7]), ("nom", ["a", "b", "c"])])
def test_parts_that_differ_are_refused(tmp_path: Path, column: str, values: list[object]) -> None:
    shapes = {"00001": KM, "00002": BESIDE, "00003": shapely.box(0, 1000, 1000, 2000)}
    same = {"code": ["00001", "00001", "00003"], "nom": "a", "pop2021": 5}
    said = refused(drawn(tmp_path / "c.geojson", shapes, **{**same, column: values}))
    assert "parts_differ" in said
    assert f"column {column} (rows 1, 2: '00001')" in said


# --- attributes ----------------------------------------------------------------------------------


def test_a_layer_with_codes_only(tmp_path: Path) -> None:
    def bare(record: dict) -> None:
        for each in record["features"]:
            each["properties"] = {"code": each["properties"]["code"]}

    read = tt.read_communes(spoiled(tmp_path / "c.geojson", layer("ab"), bare))
    assert read["name"].tolist() == ["00001", "00002"]
    assert read["population"].isna().all()
    assert set(notices(read)) == {"names_absent", "population_absent"}


def test_names_and_people_missing_here_and_there(tmp_path: Path) -> None:
    drawing = layer("abc").sort_index()
    file = write_layer(
        tmp_path / "c.geojson", drawing, nom=["A", None, " "], pop2021=["1 000", None, "0"]
    )
    read = tt.read_communes(file)
    assert read["name"].tolist() == ["A", "00002", "00003"]
    assert read["population"].dtype == "float64"
    assert read["population"].iloc[[0, 2]].tolist() == [1000, 0]
    assert math.isnan(read["population"].iloc[1])
    said = notices(read)
    assert set(said) == {"names_missing", "population_missing", "population_zero"}
    assert "'00002'" in said["population_missing"]
    assert "1 ('00003')" in said["population_zero"]


def test_an_attribute_called_geometry_harms_nobody(tmp_path: Path) -> None:
    file = write_layer(tmp_path / "c.geojson", layer("ab"))
    text = file.read_text(encoding="utf-8").replace('"code"', '"geometry": "x", "code"')
    file.write_text(text, encoding="utf-8")
    assert len(tt.read_communes(file)) == 2


# --- what follows from a layer that lacks something ----------------------------------------------


def two_towns(communes: gpd.GeoDataFrame) -> tt.Flows:
    """Give flows to the towns a and d of a layer "abc def"."""
    rows = [(one, "orl", town, 50) for town, own in (("a", "abc"), ("d", "def")) for one in own]
    return located(rows, communes)


def test_a_commune_without_outline_is_in_no_territory() -> None:
    """``b`` is not drawn; a bridge puts it with its neighbour.

    ::

        bac
        def
    """
    communes = layer("bac def").sort_index()
    communes.loc["00002", "geometry"] = shapely.Polygon()
    flows = two_towns(communes)
    zoning = tt.delineate(flows, communes, resolution=0.5, population=(None, None))
    assert zoning.uncovered == ["00002"]
    assert [each.key for each in zoning.unmet] == ["unmet.no_outline"]
    assert "Ville-b (00002)" in str(zoning.unmet[0])
    measures = tt.evaluate(zoning, flows)
    assert measures["population"].sum() == 5000
    bridged = tt.delineate(
        flows, communes, territories=2, population=(None, None), bridges=[("00001", "00002")]
    )
    assert bridged.uncovered == []
    assert bridged.labels["00002"] == bridged.labels["00001"]


def test_missing_inhabitants_forbid_bounds_only() -> None:
    communes = layer("abc def").sort_index()
    communes["population"] = [1000.0, math.nan, 1000, 1000, 1000, 1000]
    flows = two_towns(communes)
    free = tt.delineate(flows, communes, territories=2, population=(None, None))
    assert len(free.territories) == 2
    for asked in (
        {"population": (1000, None), "territories": 2},
        {"population": (None, 9000), "territories": 2},
        {"population": (None, None)},
    ):
        with pytest.raises(tt.ConstraintError, match=r"Ville-b \(00002\)") as refusal:
            tt.delineate(flows, communes, **asked)
        assert [each.key for each in refusal.value.faults] == ["error.population_needed"]


def test_gaps_do_not_break_a_territory() -> None:
    communes = layer("abc def").sort_index()
    communes.geometry = communes.buffer(-0.025, join_style="mitre")
    flows = two_towns(communes)
    zoning = tt.delineate(flows, communes, territories=2, population=(None, None))
    assert zoning.pieces().tolist() == [1, 1]
    with pytest.raises(tt.ConstraintError, match="do not touch"):
        tt.delineate(flows, communes, territories=2, population=(None, None), tolerance=0.0)


def test_a_run_on_a_layer_that_lacks_something(region, cli, tmp_path: Path) -> None:
    def change(**properties: object) -> None:
        record = json.loads(region["communes"].read_text(encoding="utf-8"))
        feature(record, "00001").update(properties)
        region["communes"].write_text(json.dumps(record), encoding="utf-8")

    options = ["--communes", region["communes"], "--flows", region["flows"], "--territories", "2"]
    change(geometry=None)
    outcome = cli("run", *options, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.said
    assert outcome.said.count("sans contour") == 2
    table = (tmp_path / "out" / "communes.csv").read_text(encoding="utf-8-sig")
    assert "00001;Ville-a;2000;;" in table
    json.loads((tmp_path / "out" / "communes.geojson").read_text(encoding="utf-8"))
    change(properties={"code": "00001", "nom": "Ville-a", "pop2021": None})
    outcome = cli("run", *options, "--out", tmp_path / "other")
    assert outcome.code == 1
    assert "00001" in outcome.err
    assert not (tmp_path / "other").exists()
