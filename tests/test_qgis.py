"""Styles for QGIS: sound documents whatever the names, and what QGIS itself makes of them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from grids import code, drawn, flows, shuffle

import territories as tt
from territories._qgis import add_styles, styles_of
from territories._words import using
from territories.colours import pole_colours, territory_colours
from territories.export import (
    Evidence,
    commune_table,
    outlines,
    territory_table,
    write_geojson,
    write_gpkg,
    write_qml,
)

SCRIPT = Path(__file__).with_name("qgis_reads.py")
HOSTILE = [
    "<script>alert(1)</script>", "]]>&amp;'\"", "a\x00\x08\x1b\nb", "[% env('HOME') %]",
    "x\ud800\ufffe", "\"territoire\" || 'x'", "ligne\u2028\u202ee", "=1+1", "Évreux-l’Œuvre", "|",
]  # fmt: skip


def zoning(seed: int = 0, names: dict[str, str] | None = None) -> tt.Zoning:
    """Three territories; B is shared by two of them, E by all; F is in none.

    ::

        A B C
        D E .
    """
    layer = drawn("ABC\nDEF", seed=seed)
    one, two, three = code("A"), code("C"), code("D")
    rows = [
        (one, one, 1.0), (code("B"), one, 0.6), (code("B"), two, 0.4), (two, two, 1.0),
        (three, three, 1.0), (code("E"), three, 0.5), (code("E"), two, 0.3),
        (code("E"), one, 0.2),
    ]  # fmt: skip
    member = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    called = {one: "Ville A", two: "Ville C", three: "Ville D"} if names is None else names
    return tt.Zoning(layer, shuffle(member, seed), names=called)


def evidence(layer: tt.Zoning) -> Evidence:
    rows = [
        (code(home), code(care), 40, activity)
        for activity in ("orl", "dermatology", "radiology")
        for home, care in zip("ABCDE", "AACDD", strict=True)
    ]
    poles = tt.dominant_poles(flows(rows, layer.communes))
    return Evidence(agreement=tt.concordance(poles), poles=poles)


def document(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - ours


def values(root: ET.Element) -> list[str]:
    return [str(each.get("value")) for each in root.iter("category")]


def test_shared_communes_name_all_their_territories() -> None:
    """The legend has the values of the column, which is there where communes are shared."""
    one, two, three = code("A"), code("C"), code("D")
    with using("fr"):
        table = commune_table(zoning())
        alone = tt.Zoning.from_labels({code("A"): one}, communes=zoning().communes)
        root = document(styles_of(alone)["communes"].document)
    assert table["territoires"].dropna().to_dict() == {
        code("B"): f"{one}|{two}",
        code("E"): f"{three}|{two}|{one}",
    }
    assert root.find("renderer-v2").get("attr") == "territoire"


def test_the_legend_has_territories_shared_communes_and_white_zones() -> None:
    one, two, three = code("A"), code("C"), code("D")
    with using("fr"):
        found = styles_of(zoning())
    assert list(found) == ["communes", "territories"]
    root = document(found["communes"].document)
    expected = [one, two, three, f"{one}|{two}", f"{three}|{two}|{one}", ""]
    assert values(root) == expected
    labels = [each.get("label") for each in root.iter("category")]
    assert labels == [
        *("Ville A", "Ville C", "Ville D"),
        "Ville A, Ville C : commune partagée",
        "Ville D, Ville C, Ville A : commune partagée",
        "zone blanche : aucun territoire",
    ]
    symbols = root.findall("renderer-v2/symbols/symbol")
    kinds = [[each.get("class") for each in symbol.findall("layer")] for symbol in symbols]
    lines = "LinePatternFill"
    assert kinds[:3] == [["SimpleFill"]] * 3
    assert kinds[3:] == [["SimpleFill", lines], ["SimpleFill", lines, lines], ["SimpleFill"]]
    assert [each.get("name") for each in symbols] == [
        each.get("symbol") for each in root.iter("category")
    ]
    territories = document(found["territories"].document)
    assert values(territories) == [one, two, three]
    style = territories.find("labeling/settings/text-style")
    assert style is not None
    assert style.get("fieldName") == "nom"
    assert territories.find("labeling/settings/text-style/text-buffer").get("bufferDraw") == "1"


def test_colours_are_those_of_the_map() -> None:
    chosen = territory_colours(zoning())
    with using("fr"):
        root = document(styles_of(zoning())["territories"].document)
    fills = [
        each.get("value") for each in root.iter("Option") if each.get("name") == "color"
    ]  # fmt: skip
    for (_, colour), fill in zip(sorted(chosen.items()), fills, strict=True):
        red, green, blue, _ = map(int, str(fill).split(","))
        assert f"#{red:02x}{green:02x}{blue:02x}" == colour


def test_poles_have_their_colours() -> None:
    """Territories keep theirs; a pole outside the layer has one of its own."""
    layer = zoning()
    poles = pd.Series({code("A"): code("A"), code("B"): "75056"})
    found = pole_colours(layer, poles)
    assert set(found) == {code("A"), code("C"), code("D"), "75056"}
    assert pole_colours(layer) == territory_colours(layer)


def test_styles_speak_the_language_of_the_moment() -> None:
    with using("en"):
        found = styles_of(zoning(), evidence(zoning()).agreement["pole"])
    assert "&quot;territories&quot;" in found["communes"].document
    assert "shared commune" in found["communes"].document
    assert "always" in found["concordance"].document
    assert "territoire" not in "".join(each.document for each in found.values())


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_makes_a_sound_document(name: str) -> None:
    """XML takes neither control characters nor halves of letters; QGIS works out [% … %]."""
    layer = zoning(names={code("A"): name, code("C"): name[::-1]})
    with using("fr"):
        for style in styles_of(layer, evidence(layer).agreement["pole"]).values():
            root = document(style.document)
            style.document.encode("utf-8")
            assert {each.tag for each in root} == {
                *("renderer-v2", "labeling", "previewExpression", "layerGeometryType"),
            }
            texts = [value for each in root.iter() for value in each.attrib.values()]
            assert not any("[%" in each for each in texts)
            assert not any(ord(letter) < 32 for each in texts for letter in each)


def test_the_hostile_names_beside_the_project_are_harmless(
    shared_data: Path, tmp_path: Path
) -> None:
    """Names of communes and territories, in the styles and on paper."""
    names = sorted(
        {
            str(feature["properties"][key])
            for path in sorted((shared_data / "badinputs" / "maps").glob("*.geojson"))
            for feature in json.loads(path.read_text(encoding="utf-8"))["features"]
            for key in feature["properties"]
            if key in ("nom", "name", "libelle")
        }
    )
    assert len(names) > 5
    for number, name in enumerate(names):
        layer = zoning(names={code("A"): name, code("C"): name[::-1]})
        with using("fr"):
            for style in styles_of(layer).values():
                labels = [each.get("label") for each in document(style.document).iter("category")]
                assert len(labels) >= 3
        path = tmp_path / f"{number}.svg"
        tt.export_plate(layer, path, sources=name, note=name)
        tags = {each.tag.rpartition("}")[2] for each in document(path.read_text("utf-8")).iter()}
        assert not tags & {"script", "foreignObject", "image", "a", "text"}


def test_any_identifier_makes_a_sound_document() -> None:
    """Territories may be called anything: a bar, quotes, backslashes."""
    layer = drawn("AB")
    ids = ["a|b", 'it\'s \\ "x"']
    rows = [(code(each), one, 0.5) for each in "AB" for one in ids]
    made = tt.Zoning(layer, pd.DataFrame(rows, columns=["code", "territory", "weight"]))
    with using("fr"):
        styles = styles_of(made, pd.Series({code("A"): ids[0], code("B"): ids[1]}))
    assert values(document(styles["territories"].document)) == sorted(ids)
    faces = [
        each.get("value") for each in document(styles["concordance"].document).iter("Option")
        if each.get("name") == "expression"
    ]  # fmt: skip
    assert len(faces) == 4
    assert "'it''s \\\\ \"x\"'" in str(faces[0])


def test_a_geopackage_does_not_tell_how_often_it_was_written_to(tmp_path: Path) -> None:
    """GDAL writes once more when a second ends between two layers: the bytes are the same."""
    layer, file = zoning(), tmp_path / "t.gpkg"
    with using("fr"):
        write_gpkg(commune_table(layer, evidence(layer)), territory_table(layer), layer, file)
    other = tmp_path / "more" / "t.gpkg"
    other.parent.mkdir()
    other.write_bytes(file.read_bytes())
    for path, times in ((file, 1), (other, 3)):
        with contextlib.closing(sqlite3.connect(path)) as base:
            base.execute("DELETE FROM gpkg_contents WHERE table_name = 'layer_styles'")
            base.execute("DROP TABLE layer_styles")
            for number in range(times):
                base.execute("UPDATE gpkg_contents SET last_change = ?", (f"day {number}",))
                base.commit()
        add_styles(path, "2000-01-01T00:00:00Z", {})
    assert file.read_bytes() == other.read_bytes()


def test_styles_are_stored_once_a_layer_by_default(tmp_path: Path) -> None:
    layer = zoning()
    with using("fr"):
        table = commune_table(layer, evidence(layer))
        write_gpkg(table, territory_table(layer), layer, tmp_path / "t.gpkg")
    with contextlib.closing(sqlite3.connect(tmp_path / "t.gpkg")) as base:
        rows = base.execute(
            "SELECT f_table_name, styleName, useAsDefault FROM layer_styles ORDER BY id"
        ).fetchall()
        declared = base.execute(
            "SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'"
        ).fetchall()
    assert rows == [
        ("communes", "territoires", 1), ("territoires", "territoires", 1),
        ("communes", "concordance", 0),
    ]  # fmt: skip
    assert declared == [("attributes",)]


def test_a_style_lies_beside_a_geojson_where_asked(tmp_path: Path) -> None:
    layer = zoning()
    tt.export_geojson(layer, tmp_path / "a.geojson")
    assert [each.name for each in tmp_path.iterdir()] == ["a.geojson"]
    tt.export_geojson(layer, tmp_path / "b.geojson", style=True)
    tt.export_geojson(zoning(5), tmp_path / "c.geojson", style=True)
    assert (tmp_path / "b.qml").read_bytes() == (tmp_path / "c.qml").read_bytes()
    with pytest.raises(tt.InputError, match="exists already"):
        tt.export_geojson(layer, tmp_path / "c.geojson", style=True)
    (tmp_path / "c.geojson").unlink()
    with pytest.raises(tt.InputError, match="exists already"):
        tt.export_geojson(layer, tmp_path / "c.geojson", style=True)
    assert not (tmp_path / "c.geojson").exists()


# --- in QGIS -------------------------------------------------------------------------------------


@cache
def interpreter() -> str | None:
    """Find a Python that has QGIS: this one, or that of the system, for which QGIS is packaged."""
    for each in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = [each, "-c", "import qgis.core"]
            subprocess.run(command, check=True, capture_output=True, timeout=60, env=offscreen())
            return each
    return None


def offscreen() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "QT_QPA_PLATFORM": "offscreen"}


def opened(folder: Path, *sources: str) -> dict[str, dict]:
    """Open layers in QGIS and tell what it makes of them."""
    python = interpreter()
    if python is None:
        pytest.skip("QGIS is not installed: no Python here imports qgis.core")
    out = folder / "told.json"
    subprocess.run(
        [python, str(SCRIPT), str(out), "-", *(str(folder / each) for each in sources)],
        check=True,
        capture_output=True,
        timeout=120,
        env={**offscreen(), "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
    )
    found = json.loads(out.read_text(encoding="utf-8"))
    return {source: found[str(folder / source)] for source in sources}


def test_qgis_opens_the_files_styled(tmp_path: Path) -> None:
    """The default style loads by itself, from the GeoPackage and from the .qml beside."""
    layer = zoning(names={code("A"): HOSTILE[0], code("C"): HOSTILE[2], code("D"): HOSTILE[3]})
    tmp_path.chmod(0o700)
    with using("fr"):
        table, measures = commune_table(layer, evidence(layer)), territory_table(layer)
        write_gpkg(table, measures, layer, tmp_path / "t.gpkg")
        write_qml(table, layer, tmp_path)
        for number, (name, each) in enumerate({"communes": table, "territories": measures}.items()):
            write_geojson(each, outlines(layer)[number], tmp_path / f"{name}.geojson")
    communes, other = "t.gpkg|layername=communes", "t.gpkg|layername=communes#concordance"
    territories = "t.gpkg|layername=territoires"
    sources = [communes, territories, other, "communes.geojson", "territories.geojson"]
    found = opened(tmp_path, *sources)
    for each in found.values():
        assert each["renderer"] == "categorizedSymbol"
        assert each["attribute_works"]
        assert each["labels"]
        assert each["label"] == "nom"
        assert each["halo"]
        assert each["halo_colour"] == "#ffffff"
    colours = pole_colours(layer, evidence(layer).agreement["pole"])
    for name in (territories, "territories.geojson"):
        told = found[name]["categories"]
        assert [each["value"] for each in told] == sorted(layer.names)
        assert told[0]["label"] == HOSTILE[0]
        assert [each["colour"] for each in told] == [colours[each] for each in sorted(layer.names)]
    for name in (communes, "communes.geojson"):
        told = found[name]["categories"]
        assert len(told) == 6
        assert told[3]["lines"] == [colours[code("C")]]
        assert told[4]["lines"] == [colours[code("C")], colours[code("A")]]
        drawn_as = [len(each) for each in found[name]["drawn"].values()]
        assert sorted(drawn_as) == [1, 1, 1, 1, 2, 3]  # all six communes have a symbol
        assert found[name]["nearest"] == 200_000
    classes = [each["value"] for each in found[other]["categories"]]
    assert classes[:2] == ["toujours", "toutes sauf une"]
    assert found[other]["face_works"][:4] == [True] * 4
