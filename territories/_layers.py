"""Reading layers of communes: whatever writes them, the same table, and all that was done said."""

from __future__ import annotations

import math
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from territories._columns import code_column, number_column
from territories._layer_files import LayerFile, prepared
from territories._outlines import mended, placed, say_islands, say_overlaps, say_parts, surfaces
from territories._private import private_folder
from territories._tables import Table, matched, row_list, value_list
from territories._words import Sentence
from territories.communes import checked
from territories.errors import InputError, fault
from territories.reconciliation import Reconciliation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Codes of places of other countries, such as E06000001 in England.
_FOREIGN: Final = "[A-Z]{1,3}[0-9]{5,9}"

# Filters of warnings are those of all threads: one at a time changes them, and puts them back.
_QUIET: Final = threading.Lock()


def read_communes(
    path: str | Path,
    *,
    cog: int | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    crs: int | str | None = None,
) -> gpd.GeoDataFrame:
    """Read a layer of communes: GeoJSON, GeoPackage, Shapefile, as they are or in a zip.

    What the file is, is found from its content. What can be put right is, and said in the notices
    of the account: codes, rings that are not closed, outlines that cross themselves, heights,
    collections, axes in the wrong order, a commune on several rows. Overlaps are said, not mended.

    Parameters
    ----------
    path
        File of this machine; of a Shapefile its .shp, with the .shx, .dbf and .prj beside it.
    cog
        Year of the codes, kept in ``attrs["cog"]``.
    columns
        Ours to theirs, for columns whose names are not recognised.
    layer
        Needed where the file has several.
    crs
        Coordinate reference system of a layer that has none, or a wrong one: 2154 or
        ``"EPSG:2154"`` for Lambert-93. It wins over that of the file.

    Returns
    -------
    GeoDataFrame
        Indexed by `code` (text of five characters, in order): `name` (the code where there is
        none), `population` (inhabitants; floats where some are missing), `geometry` in a metric
        projection, an empty polygon where nothing is drawn: ``attrs["not_mapped"]`` lists the codes
        of those. ``attrs["reconciliation"]`` is the account of the file, whose rows are features.

    Raises
    ------
    InputError
        If the file cannot be used; the message names file, row, column and the way out.
    """
    with private_folder() as folder:
        source = prepared(path, folder)
        table, shapes, found = _features(source, layer)
    features = len(table.frame)
    table = matched(table, ["code"], ["name", "population"], columns)
    notices: list[Sentence] = []
    code, faults = _codes(table, notices)
    attributes, wrong = _attributes(table, code)
    faults += wrong or _differing_parts(table, code, attributes)
    if faults:
        raise InputError(*faults)
    outlines = surfaces(shapes, code, table.file, notices)
    outlines = placed(outlines, found, said=crs, file=table.file, notices=notices)
    outlines = mended(outlines, code, table.file, notices)
    communes = gpd.GeoDataFrame(attributes, geometry=outlines)
    communes = _joined_parts(communes, code, notices)
    communes["name"] = _names(communes["name"], table, notices)
    communes["population"] = _population(communes["population"], table, notices)
    communes.attrs["file"] = table.file
    communes = checked(communes)
    empty = communes.index[communes.geometry.is_empty].tolist()
    if empty:
        values = {"count": len(empty), "values": value_list(pd.Series(empty))}
        notices.append(Sentence("notice.not_mapped", values))
    say_parts(communes, notices)
    say_islands(communes, notices)
    say_overlaps(communes, notices)
    account = Reconciliation(file=table.file, sha256=table.sha256, rows_in=features)
    communes.attrs = {
        "file": table.file,
        "cog": cog,
        "not_mapped": empty,
        "reconciliation": account.noted(*notices),
    }
    return communes


def attributes_of(path: str | Path, *, layer: str | None = None) -> Table:
    """Read the attributes of a layer as a table; its rows are features, from 1."""
    with private_folder() as folder:
        return _features(prepared(path, folder), layer)[0]


def _features(
    source: LayerFile, layer: str | None
) -> tuple[Table, Sequence[bytes | None], str | None]:
    """Read attributes as text, outlines as they are and the projection; features count from 1."""
    try:
        with _QUIET, warnings.catch_warnings():
            # What the map library warns of (rings that are not closed…) is found and said here.
            warnings.simplefilter("ignore")
            name = _layer_name(source, layer)
            meta, shapes, values = _read(source, name)
    except pyogrio.errors.DataSourceError as problem:
        place = re.search(r"At line (\d+), character (\d+)", str(problem))
        key = "layer_json" if place else "not_a_layer"
        at = {"line": place[1], "column": place[2]} if place else {}
        raise InputError(fault(key, file=source.file, **at)) from problem
    except (pyogrio.errors.DataLayerError, ValueError, RuntimeError) as problem:
        raise InputError(fault("not_a_layer", file=source.file)) from problem
    cells = {
        str(field): [_cell(each) for each in column.tolist()]
        for field, column in zip(meta["fields"], values, strict=True)
    }
    if not len(shapes):
        raise InputError(fault("layer_no_feature", file=source.file))
    frame = pd.DataFrame(cells, index=pd.RangeIndex(1, len(shapes) + 1, name="row"), dtype="str")
    table = Table(frame=frame, file=source.file, sha256=source.sha256, heads={})
    return table, shapes, meta["crs"]


def _layer_name(source: LayerFile, layer: str | None) -> str:
    """Choose the layer; tables without outlines (styles, attributes) are none."""
    drawn = [str(name) for name, kind in pyogrio.list_layers(source.place) if kind is not None]
    values = ", ".join(drawn)
    if source.kind != "gpkg":  # the copy has a name of its own
        if layer is not None and layer != Path(source.file).stem:
            values = Path(source.file).stem
            raise InputError(fault("layer_unknown", file=source.file, layer=layer, values=values))
        return drawn[0]
    if not drawn:
        raise InputError(fault("no_geometry", file=source.file))
    if layer is None and len(drawn) > 1:
        raise InputError(fault("layer_ambiguous", file=source.file, values=values))
    if layer is not None and layer not in drawn:
        raise InputError(fault("layer_unknown", file=source.file, layer=layer, values=values))
    return layer or drawn[0]


def _read(
    source: LayerFile, layer: str
) -> tuple[dict[str, Any], Sequence[bytes | None], list[Any]]:
    """Read a layer; a Shapefile that does not say its encoding is UTF-8, else Windows-1252."""
    if source.kind != "shapefile" or source.place.with_suffix(".cpg").exists():
        meta, _, shapes, values = pyogrio.raw.read(source.place, layer=layer)
        return meta, shapes, values
    try:
        meta, _, shapes, values = pyogrio.raw.read(source.place, layer=layer, encoding="UTF-8")
    except UnicodeDecodeError:
        meta, _, shapes, values = pyogrio.raw.read(source.place, layer=layer, encoding="CP1252")
    return meta, shapes, values


def _cell(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# --- attributes ------------------------------------------------------------------------------


def _codes(table: Table, notices: list[Sentence]) -> tuple[pd.Series, list[Sentence]]:
    """Read the codes; those of a layer that is not French at all are kept as they are."""
    code, faults = code_column(table, "code", notices)
    if code.str.fullmatch(_FOREIGN).all():
        _say_codes("codes_foreign", code, notices)
        return code, []
    return code, faults


def _attributes(table: Table, code: pd.Series) -> tuple[pd.DataFrame, list[Sentence]]:
    """Read names and populations, empty where there is none."""
    frame = pd.DataFrame({"name": "", "population": math.nan}, index=code.index)
    faults: list[Sentence] = []
    if "name" in table.frame:
        frame["name"] = table.frame["name"].str.strip()
    if "population" in table.frame:
        people, wrong = number_column(table, "population")
        frame["population"] = people.round()
        # A commune may be drawn without its inhabitants: what needs them asks for them.
        faults = [
            each for each in wrong if each.key not in ("error.number_empty", "error.number_missing")
        ]
    return frame, faults


def _differing_parts(table: Table, code: pd.Series, attributes: pd.DataFrame) -> list[Sentence]:
    """Find rows of one code that are not of one commune: another name, or other inhabitants."""
    faults = []
    for column in ("name", "population"):
        values = attributes[column].replace("", None)
        differ = values.groupby(code).transform("nunique") > 1
        if differ.any():
            faults.append(
                fault(
                    "parts_differ",
                    file=table.file,
                    column=table.head(column),
                    rows=row_list(differ),
                    values=value_list(code[differ].drop_duplicates().sort_values()),
                )
            )
    return faults


def _joined_parts(
    communes: gpd.GeoDataFrame, code: pd.Series, notices: list[Sentence]
) -> gpd.GeoDataFrame:
    """Join the parts of a commune that stand on several rows; a row that stands twice is one."""
    table = communes.assign(code=code)
    shape = pd.Series(shapely.to_wkb(shapely.normalize(table.geometry.to_numpy())), table.index)
    again = pd.DataFrame({"code": code, "shape": shape}).duplicated()
    if again.any():
        _say_codes("features_twice", code[again], notices)
    table = table[~again]
    several = table["code"].duplicated(keep=False)
    if several.any():
        _say_codes("parts_joined", table.loc[several, "code"], notices)
    known = table[["code", "name", "population"]].replace({"name": {"": None}})
    rows = known.groupby("code").first()
    rows["name"] = rows["name"].fillna("")
    shapes = table.set_index("code").geometry
    parts = shapes[several.to_numpy()].groupby(level=0)
    joined = {each: shapely.normalize(shapely.union_all(group)) for each, group in parts}
    alone = shapes[~several.to_numpy()]
    whole = pd.concat([alone, gpd.GeoSeries(joined, crs=shapes.crs)]) if joined else alone
    index = pd.Index(rows.index, name="code")
    return gpd.GeoDataFrame(rows, geometry=whole.reindex(index), crs=shapes.crs).set_index(index)


def _say_codes(key: str, code: pd.Series, notices: list[Sentence]) -> None:
    listed = code.drop_duplicates().sort_values()
    values = {"count": len(listed), "values": value_list(listed)}
    notices.append(Sentence(f"notice.{key}", values))


def _names(names: pd.Series, table: Table, notices: list[Sentence]) -> pd.Series:
    """Name a commune without a name by its code."""
    bare = names == ""
    if "name" not in table.frame:
        notices.append(Sentence("notice.names_absent"))
    elif bare.any():
        _say_codes("names_missing", names.index[bare].to_series(), notices)
    return names.where(~bare, names.index.to_series()).astype("str")


def _population(people: pd.Series, table: Table, notices: list[Sentence]) -> pd.Series:
    """Say which communes have no known inhabitants, and which have none."""
    missing = people.isna()
    if "population" not in table.frame:
        notices.append(Sentence("notice.population_absent"))
    elif missing.any():
        _say_codes("population_missing", people.index[missing].to_series(), notices)
    if (people == 0).any():
        _say_codes("population_zero", people.index[people == 0].to_series(), notices)
    return people if missing.any() else people.astype("int64")
