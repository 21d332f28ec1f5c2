"""QGIS styles stored in a GeoPackage: each territory has its colour when the file is opened."""

from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from territories._words import say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def add_styles(path: Path, date: str, colours: Mapping[str, str], names: Mapping[str, str]) -> None:
    """Store one default style a layer, as QGIS does: it is applied when the layer is opened."""
    styles = {
        "communes": _categories(colours, names, border=0.1, alpha=0.55),
        "territoires": _categories(colours, names, border=0.7, alpha=0.25),
    }
    with sqlite3.connect(path) as base:
        base.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
            "f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), "
            "f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, "
            "useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
            "update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"
        )
        base.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
            "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, "
            "update_time) VALUES ('', '', ?, 'geom', 'territories', ?, '', 1, '', '', ?)",
            [(name, style, date) for name, style in styles.items()],
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', ?)",
            (date,),
        )
    base.close()


def _categories(
    colours: Mapping[str, str], names: Mapping[str, str], *, border: float, alpha: float
) -> str:
    """Write a QGIS style that gives each territory its colour."""
    root = ET.Element("qgis", version="3.28", styleCategories="Symbology")
    renderer = ET.SubElement(
        root,
        "renderer-v2",
        type="categorizedSymbol",
        attr=say("column.territory"),
        enableorderby="0",
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (territory, colour) in enumerate(colours.items()):
        ET.SubElement(
            categories,
            "category",
            value=territory,
            label=names.get(territory, territory),
            symbol=str(number),
            render="true",
            type="string",
        )
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(number), alpha=str(alpha))
        layer = ET.SubElement(symbol, "layer", attrib={"class": "SimpleFill"}, enabled="1")
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        options = ET.SubElement(layer, "Option", type="Map")
        for name, value in {
            "color": f"{red},{green},{blue},255",
            "outline_color": "60,60,60,255",
            "outline_width": str(border),
            "outline_width_unit": "MM",
            "style": "solid",
            "outline_style": "solid",
        }.items():
            ET.SubElement(options, "Option", type="QString", name=name, value=value)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(
        root, encoding="unicode"
    )
