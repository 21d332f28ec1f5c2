"""QGIS styles, stored in a GeoPackage or beside a GeoJSON: the file opens with the map's colours.

Shared communes are hatched in the colours of all their territories, white zones are white.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Final, NamedTuple

from territories._words import say, visible
from territories.colours import pole_colours
from territories.concordance import Concordance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from territories.zoning import Zoning

_INK: Final = "#18212b"
_LINE: Final = "#3c3c3c"
_WHITE: Final = "#ffffff"
_UNKNOWN: Final = "#c4cad0"
_SAMPLE: Final = "#1b5fa8"  # the colour of the legend's samples
_ANGLES: Final = (45, 135)  # of the hatches of a second and of a third territory
_NEAR: Final = 200_000  # names of communes are written from this scale on
_STRENGTHS: Final = {
    Concordance.ALWAYS: 0.9,
    Concordance.ALL_BUT_ONE: 0.55,
    Concordance.MAJORITY: 0.28,
    Concordance.RELATIVE: 0.12,
}
# What XML cannot hold at all, once what is not seen is gone: halves of letters, no letters.
_NO_LETTER: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")


class Style(NamedTuple):
    """A style: the layer of the GeoPackage it is of, its name, its QML document."""

    layer: str
    name: str
    document: str


class _Look(NamedTuple):
    """How areas are drawn: colour and its strength, hatches over it, outline in millimetres."""

    face: str
    strength: float = 1.0
    hatches: Sequence[str] = ()
    border: float = 0.1
    face_of: str = ""  # expression that gives the colour of each feature


class _Class(NamedTuple):
    """One line of the legend: the value of the features it is of, its words, its look."""

    value: str
    words: str
    look: _Look


def styles_of(zoning: Zoning, poles: pd.Series | None = None) -> dict[str, Style]:
    """Write the styles of the layers of a zoning, in the language of the moment.

    Parameters
    ----------
    zoning
        What the layers show.
    poles
        Pole of each commune, where the layer of communes tells their concordance.

    Returns
    -------
    dict
        ``"communes"`` and ``"territories"``, applied when the layers are opened; with `poles`,
        ``"concordance"``, another style for the communes.
    """
    colours = pole_colours(zoning, poles)
    name, territory = say("column.name"), say("column.territory")
    ids = sorted(set(zoning.membership["territory"]))
    called = {each: str(zoning.names.get(each, each)) for each in ids}
    own = [_Class(each, called[each], _Look(colours[each], 0.55)) for each in ids]
    together = [
        _Class(
            "|".join(several),
            say("qgis.shared", names=", ".join(called[each] for each in several)),
            _Look(colours[several[0]], 0.55, [colours[each] for each in several[1:]]),
        )
        for several in sorted(set(_sharers(zoning)))
    ]
    white = _Class("", say("plate.white"), _Look(_WHITE, border=0.4))
    wide = [_Class(each, called[each], _Look(colours[each], 0.3, border=0.8)) for each in ids]
    found = {
        "communes": Style(
            "communes",
            say("qgis.territories"),
            _document(
                # The column of shared communes is there where there are some (see `commune_table`).
                f"coalesce({_column(say('column.territories'))}, {_column(territory)})"
                if together
                else territory,
                [*own, *together, white],
                label=name,
                size=7.5,
                nearest=_NEAR,
            ),
        ),
        "territories": Style(
            "territoires",
            say("qgis.territories"),
            _document(territory, wide, label=name, size=11, bold=True),
        ),
    }
    if poles is not None:
        found["concordance"] = Style("communes", say("qgis.concordance"), _concordance(colours))
    return found


def _sharers(zoning: Zoning) -> pd.Series:
    """Return the territories of each shared commune as a tuple."""
    return zoning.shared.groupby("code")["territory"].agg(tuple)


def add_styles(path: Path, date: str, styles: Mapping[str, Style]) -> None:
    """Store the styles as QGIS does: the first one of a layer is applied when it is opened."""
    rows, seen = [], set[str]()
    clean = path.with_name(f"clean.{path.name}")
    for style in styles.values():
        first = style.layer not in seen
        seen.add(style.layer)
        rows.append((style.layer, style.name, style.document, int(first), date))
    with contextlib.closing(sqlite3.connect(path)) as base, base:
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
            "update_time) VALUES ('', '', ?, 'geom', ?, ?, '', ?, '', '', ?)",
            rows,
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', ?)",
            (date,),
        )
        # Not by GDAL's option, which all threads share.
        base.execute("UPDATE gpkg_contents SET last_change = ?", (date,))
        base.commit()
        # Written anew: no page is free, with what stood in it before, and how often GDAL wrote to
        # the file, which depends on the clock, is not counted in it.
        base.execute("VACUUM INTO ?", (str(clean),))
    clean.replace(path)


def write_style(style: Style, path: Path) -> None:
    """Write a style as a file: QGIS takes the ``.qml`` that bears the name of a layer's file."""
    path.write_text(style.document, encoding="utf-8", newline="\n")


def _concordance(colours: Mapping[str, str]) -> str:
    """Write the style of concordance: the colour is that of the pole, its strength the class."""
    pairs = ", ".join(f"{_quoted(pole)}, {_quoted(colours[pole])}" for pole in sorted(colours))
    pole = _column(say("column.pole"))
    colour = f"coalesce(map_get(map({pairs}), {pole}), {_quoted(_UNKNOWN)})"
    classes = []
    for name, strength in _STRENGTHS.items():
        face_of = f"set_color_part({colour}, 'alpha', {round(255 * strength)})"
        hatches = [_LINE] if name == Concordance.RELATIVE else []
        words = say(f"class.{name}")
        classes.append(_Class(words, words, _Look(_SAMPLE, strength, hatches, face_of=face_of)))
    unknown = say(f"class.{Concordance.INSUFFICIENT}")
    classes.append(_Class(unknown, unknown, _Look(_UNKNOWN)))
    classes.append(_Class("", say(f"class.{Concordance.NONE}"), _Look(_WHITE)))
    field = say("column.concordance")
    return _document(field, classes, label=say("column.name"), size=7.5, nearest=_NEAR)


def _document(
    field: str,
    classes: Iterable[_Class],
    *,
    label: str,
    size: float,
    bold: bool = False,
    nearest: int = 0,
) -> str:
    """Write a QML document: one symbol by value of a field or of an expression, and names."""
    root = ET.Element(
        "qgis", version="3.22.0", styleCategories="Symbology|Labeling", labelsEnabled="1"
    )
    renderer = _inside(
        root, "renderer-v2", type="categorizedSymbol", attr=field, symbollevels="0",
        forceraster="0", enableorderby="0",
    )  # fmt: skip
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for place, each in enumerate(classes):
        _inside(
            categories, "category", value=each.value, label=each.words, symbol=str(place),
            render="true", type="string",
        )  # fmt: skip
        _symbol(symbols, str(place), each.look)
    _labels(root, label, size=size, bold=bold, nearest=nearest)
    ET.SubElement(root, "previewExpression").text = _column(label)
    ET.SubElement(root, "layerGeometryType").text = "2"
    text = ET.tostring(root, encoding="unicode")
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{text}\n"


def _symbol(parent: ET.Element, name: str, look: _Look) -> None:
    """Draw areas; lines of other colours lie over the first one where there are several."""
    symbol = _inside(parent, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1")
    fill = _layer(
        symbol,
        "SimpleFill",
        color=_colour(look.face, look.strength),
        style="solid",
        outline_color=_colour(_LINE),
        outline_style="solid",
        outline_width=str(look.border),
        outline_width_unit="MM",
        joinstyle="round",
    )
    if look.face_of:
        properties = _map(ET.SubElement(fill, "data_defined_properties"), "")
        _inside(properties, "Option", name="name", type="QString", value="")
        colour = _map(_map(properties, "properties"), "fillColor")
        _inside(colour, "Option", name="active", type="bool", value="true")
        _inside(colour, "Option", name="expression", type="QString", value=look.face_of)
        _inside(colour, "Option", name="type", type="int", value="3")
        _inside(properties, "Option", name="type", type="QString", value="collection")
    for place, (colour_of, angle) in enumerate(zip(look.hatches, _ANGLES, strict=False), start=1):
        lines = _layer(
            symbol,
            "LinePatternFill",
            angle=str(angle),
            color=_colour(colour_of),
            distance="1.8",
            distance_unit="MM",
            line_width="0.6",
            line_width_unit="MM",
        )
        line = _inside(lines, "symbol", type="line", name=f"@{name}@{place}", alpha="1")
        _layer(
            line,
            "SimpleLine",
            line_color=_colour(colour_of),
            line_style="solid",
            line_width="0.6",
            line_width_unit="MM",
        )


def _labels(root: ET.Element, field: str, *, size: float, bold: bool, nearest: int) -> None:
    """Write the names of features in dark letters with a white halo."""
    settings = ET.SubElement(_inside(root, "labeling", type="simple"), "settings")
    style = _inside(
        settings, "text-style", fieldName=field, isExpression="0", fontFamily="DejaVu Sans",
        fontSize=str(size), fontSizeUnit="Point", fontWeight="75" if bold else "50",
        namedStyle="Bold" if bold else "Book", textColor=_colour(_INK), textOpacity="1",
        allowHtml="0", multilineHeight="1",
    )  # fmt: skip
    _inside(
        style, "text-buffer", bufferDraw="1", bufferSize="0.9", bufferSizeUnits="MM",
        bufferColor=_colour(_WHITE), bufferOpacity="0.9", bufferNoFill="0",
        bufferJoinStyle="128",
    )  # fmt: skip
    # Straight across, inside the largest part.
    _inside(settings, "placement", placement="4", priority="5", centroidInside="1")
    _inside(
        settings, "rendering", drawLabels="1", labelPerPart="0", obstacle="0",
        scaleVisibility="1" if nearest else "0", scaleMin="0", scaleMax=str(nearest),
        displayAll="0",
    )  # fmt: skip


def _layer(symbol: ET.Element, kind: str, **values: str) -> ET.Element:
    layer = _inside(symbol, "layer", enabled="1", locked="0")
    layer.set("class", kind)
    layer.set("pass", "0")
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in values.items():
        _inside(options, "Option", name=name, type="QString", value=value)
    return layer


def _map(parent: ET.Element, name: str) -> ET.Element:
    return _inside(parent, "Option", type="Map", **({"name": name} if name else {}))


def _inside(parent: ET.Element, tag: str, **values: str) -> ET.Element:
    """Add an element whose values XML can hold and QGIS does not work out."""
    return ET.SubElement(parent, tag, {name: _kept(value) for name, value in values.items()})


def _kept(text: str) -> str:
    """Keep what XML can hold; QGIS would work out what stands in ``[% %]`` in a legend.

    Examples
    --------
    >>> _kept("Ville [% 1+1 %]")
    'Ville [ % 1+1 % ]'
    """
    plain = _NO_LETTER.sub("\N{REPLACEMENT CHARACTER}", visible(text))
    return plain.replace("[%", "[ %").replace("%]", "% ]")


def _column(name: str) -> str:
    """Name a column in an expression of QGIS."""
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """Write a text in an expression of QGIS, which reads backslashes.

    Examples
    --------
    >>> print(_quoted("L'Isle"))
    'L''Isle'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _colour(colour: str, strength: float = 1.0) -> str:
    """Write a colour as QGIS does.

    Examples
    --------
    >>> _colour("#1b5fa8", 0.5)
    '27,95,168,128'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * strength)}"
