"""Files to give away: GeoJSON, GeoPackage, CSV. Every figure passes through `secrecy`."""

from __future__ import annotations

import contextlib
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import pyogrio
import shapely

from territories._held import Held
from territories._qgis import add_styles, styles_of, write_style
from territories._shown import (
    Evidence,
    commune_table,
    held_figures,
    slug,
    territory_table,
)
from territories._words import Language, say, using, visible
from territories._writing import whole_file, whole_files
from territories.communes import dissolved, simplified
from territories.ledger import export_of, registered, shown_figures
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    import pandas as pd

    from territories.flows import Flows
    from territories.zoning import Zoning

# Tables that are laid out beside, and can be had from here.
__all__ = [
    "Evidence",
    "bare",
    "commune_table",
    "export_csv",
    "export_geojson",
    "export_gpkg",
    "noted",
    "outlines",
    "slug",
    "territory_table",
    "write_csv",
    "write_geojson",
    "write_gpkg",
    "write_qml",
]

# A spreadsheet runs a cell that begins so as a formula: an apostrophe goes before it, and one more
# before the apostrophes that stand there already.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NEUTRAL: Final = re.compile(r"'(?='*[=+\-@\ufffd])")

# GeoPackages are dated; a fixed date keeps the same inputs at the same bytes.
_DATE: Final = "2000-01-01T00:00:00.000Z"


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as French Excel opens it: UTF-8 with BOM, ``;``, decimal comma."""
    flat = table.reset_index()
    text = flat.select_dtypes(exclude="number").columns
    flat[text] = flat[text].map(_neutral, na_action="ignore")
    flat.to_csv(
        path, sep=";", decimal=",", index=False, encoding="utf-8-sig", lineterminator="\r\n"
    )


def _neutral(cell: object) -> object:
    """Keep a label from being run as a formula by the spreadsheet that opens it, or by a screen."""
    if not isinstance(cell, str):
        return cell
    return f"'{visible(cell)}" if _FORMULA.match(cell) else visible(cell)


def bare(cell: str) -> str:
    """Take the apostrophe away that `write_csv` puts before what looks like a formula.

    Examples
    --------
    >>> bare("'=Nord"), bare("''=Nord"), bare("'Nord")
    ('=Nord', "'=Nord", "'Nord")
    """
    return _NEUTRAL.sub("", cell, count=1) if _NEUTRAL.match(cell) else cell


def write_geojson(table: pd.DataFrame, shapes: gpd.GeoSeries, path: Path) -> None:
    """Write features by RFC 7946: WGS84, outer rings counter-clockwise, no `crs` member."""
    frame = gpd.GeoDataFrame(table.reset_index(), geometry=shapes.to_numpy(), crs=shapes.crs)
    pyogrio.write_dataframe(
        frame,
        path,
        driver="GeoJSON",
        layer="territories",
        RFC7946="YES",
        WRITE_NAME="NO",
    )


def outlines(zoning: Zoning, *, tolerance: float = 100.0) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Return the simplified outlines of communes and territories, in WGS84, without gaps."""
    communes = simplified(zoning.communes.sort_index(), tolerance=tolerance)
    labels = zoning.labels.dropna()
    shapes = {
        territory: shapely.orient_polygons(
            dissolved(communes.loc[group.index], grid=1e-5), exterior_cw=False
        )
        for territory, group in labels.groupby(labels)
    }
    return communes, gpd.GeoSeries(shapes, crs=communes.crs).reindex(zoning.territories.index)


def write_gpkg(
    communes: pd.DataFrame, territories: pd.DataFrame, zoning: Zoning, path: Path
) -> None:
    """Write both layers in the metric projection, with their QGIS styles."""
    shapes = zoning.territories.geometry
    layers = {
        "communes": (communes, zoning.communes.sort_index().geometry),
        "territoires": (territories, shapes.reindex(territories.index)),
    }
    for name, (table, geometry) in layers.items():
        frame = gpd.GeoDataFrame(
            table.reset_index(), geometry=geometry.to_numpy(), crs=zoning.communes.crs
        )
        pyogrio.write_dataframe(
            frame,
            path,
            layer=name,
            driver="GPKG",
            promote_to_multi=True,
            append=path.exists(),
            dataset_options={"VERSION": "1.2"},  # read by the QGIS of years ago
        )
    add_styles(path, _DATE, styles_of(zoning, communes.get(say("column.pole"))))


def noted(
    zoning: Zoning,
    flows: Flows | None,
    path: str | Path,
    *,
    ledger: str | Path | None,
    secrecy: Secrecy | None,
) -> tuple[Evidence, pd.DataFrame]:
    """Lay out what a file tells of territories beside what left before, and note it.

    The registers are those of the file's folder (see `registered`). What is kept back is told in
    a warning.
    """
    known, door = Evidence(flows=flows), secrecy or Secrecy()
    if flows is None:  # no figure of patients
        return known, territory_table(zoning, known, secrecy=door)
    with registered(Path(path).parent, ledger) as register:
        known = replace(known, earlier=register.earlier)
        known = replace(known, held=held_figures(zoning, known, secrecy=door))
        table = territory_table(zoning, known, secrecy=door)
        new = export_of(zoning, {"territories": table}, figures=shown_figures(table), secrecy=door)
        if not new.is_empty:
            register.note(new)
    for notice in (known.held or Held()).notices(zoning):
        warnings.warn(str(notice), stacklevel=3)
    return known, table


def write_qml(communes: pd.DataFrame, zoning: Zoning, folder: Path) -> None:
    """Write the QGIS styles of the GeoJSON files of a folder beside them."""
    styles = styles_of(zoning, communes.get(say("column.pole")))
    for name in ("communes", "territories"):
        write_style(styles[name], folder / f"{name}.qml")


def export_geojson(
    zoning: Zoning,
    path: str | Path,
    *,
    flows: Flows | None = None,
    secrecy: Secrecy | None = None,
    ledger: str | Path | None = None,
    overwrite: bool = False,
    language: Language = "fr",
    style: bool = False,
) -> None:
    """Write the territories as GeoJSON by RFC 7946, borders simplified without gaps.

    Parameters
    ----------
    zoning
        What to write.
    path
        File; written whole or not at all.
    flows
        Located flows, for the measures that need them.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    ledger
        A register of exports (see `read_ledger`), or its folder, beside that of the file's folder,
        `exports.json`, and the one a folder up, if there is one. Figures that would tell small
        counts beside what left before are missing, which a warning says; what leaves is noted in
        all of them. A file without flows tells no figure and is not noted.
    overwrite
        Replace the file if it is there.
    language
        Of the names of columns and of classes.
    style
        Write a ``.qml`` of the same name beside it too, with which QGIS opens it in the colours of
        the map.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(using(language))
        paths = [path, Path(path).with_suffix(".qml")] if style else [path]
        draft, *look = stack.enter_context(whole_files(*paths, overwrite=overwrite))
        if look:
            write_style(styles_of(zoning)["territories"], look[0])
        _, table = noted(zoning, flows, path, ledger=ledger, secrecy=secrecy)
        write_geojson(table, outlines(zoning)[1], draft)


def export_gpkg(
    zoning: Zoning,
    path: str | Path,
    *,
    flows: Flows | None = None,
    secrecy: Secrecy | None = None,
    ledger: str | Path | None = None,
    overwrite: bool = False,
    language: Language = "fr",
) -> None:
    """Write communes and territories as a GeoPackage in the metric projection, with QGIS styles.

    Parameters and errors are those of `export_geojson`.
    """
    with using(language), whole_file(path, overwrite=overwrite) as draft:
        communes = commune_table(zoning)
        _, territories = noted(zoning, flows, path, ledger=ledger, secrecy=secrecy)
        write_gpkg(communes, territories, zoning, draft)


def export_csv(
    zoning: Zoning,
    path: str | Path,
    *,
    flows: Flows | None = None,
    secrecy: Secrecy | None = None,
    ledger: str | Path | None = None,
    overwrite: bool = False,
    language: Language = "fr",
) -> None:
    """Write the communes and their territory as French Excel opens them.

    With `flows`, the table is that of the territories and their measures instead. Parameters and
    errors are those of `export_geojson`.
    """
    with using(language), whole_file(path, overwrite=overwrite) as draft:
        table = (
            commune_table(zoning)
            if flows is None
            else noted(zoning, flows, path, ledger=ledger, secrecy=secrecy)[1]
        )
        write_csv(table, draft)
