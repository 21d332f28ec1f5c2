"""The layer of communes: its checks, who touches whom, and outlines light enough for a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from territories import codes
from territories._words import Sentence, say
from territories.errors import ConstraintError, GeometryError, InputError, fault, one_of

MAINLAND: Final = "EPSG:2154"
WGS84: Final = "EPSG:4326"
_CODE_LENGTH: Final = 5

Bridges = pd.DataFrame | Iterable[tuple[str, str]]


def metric(communes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring a layer into a metric projection: its own if it is a national one in metres.

    Geographic coordinates and Web Mercator (whose areas are wrong) go to Lambert-93 where that is
    defined, elsewhere to the UTM zone of the layer.

    Raises
    ------
    GeometryError
        If the layer has no coordinate reference system.
    """
    crs = communes.crs
    if crs is None:
        raise GeometryError(fault("crs_missing", file=communes.attrs.get("file", "communes")))
    web_mercator = crs.to_epsg() == 3857  # noqa: PLR2004
    if crs.is_projected and not web_mercator and crs.axis_info[0].unit_name == "metre":
        return communes
    west, south, east, north = communes.to_crs(WGS84).total_bounds
    area = pyproj.CRS(MAINLAND).area_of_use
    inside = (
        area is not None
        and area.west <= west
        and east <= area.east
        and area.south <= south
        and north <= area.north
    )
    return communes.to_crs(MAINLAND if inside else communes.estimate_utm_crs())


def checked(communes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check the attribute contract of a layer of communes and return it in canonical order.

    The contract: an index `code` of unique text, columns `name` (text), `population` (integers,
    0 or more) and `geometry` (polygons, valid, in a metric projection).

    Raises
    ------
    InputError
        If a column is missing, a code stands twice or a population is negative.
    GeometryError
        If the projection is missing or not metric, or a geometry is absent or not a polygon.
    """
    layer = str(communes.attrs.get("file", "communes"))
    missing = [name for name in ("name", "population") if name not in communes.columns]
    faults: list[Sentence] = [fault("layer_column", file=layer, column=name) for name in missing]
    twice = communes.index[communes.index.duplicated()]
    if len(twice):
        faults.append(fault("layer_code_twice", file=layer, values=_first(twice)))
    if not missing and not (communes["population"] >= 0).all():
        wrong = communes.index[~(communes["population"] >= 0)]
        faults.append(fault("layer_population", file=layer, values=_first(wrong)))
    if faults:
        raise InputError(*faults)
    kinds = shapely.get_type_id(communes.geometry.to_numpy())
    wrong = communes.index[~np.isin(kinds, (3, 6)) | communes.geometry.is_empty.to_numpy()]
    if len(wrong):
        raise GeometryError(fault("geometry_not_polygon", file=layer, values=_first(wrong)))
    if communes.crs is None or not communes.crs.is_projected:
        raise GeometryError(fault("crs_not_metric", file=layer))
    return communes.sort_index()


def _first(values: Iterable[object], most: int = 5) -> str:
    listed = [f"'{value}'" for value in values]
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


def contiguity(
    communes: gpd.GeoDataFrame,
    *,
    rule: Literal["rook", "queen"] = "rook",
    bridges: Bridges | None = None,
) -> pd.DataFrame:
    """Find the pairs of communes that touch.

    Parameters
    ----------
    communes
        Layer in a metric projection, indexed by code.
    rule
        ``"rook"``: a shared border longer than 0 m; ``"queen"``: a shared point is enough.
    bridges
        Pairs of codes that are joined although they do not touch (ferries, bridges over water):
        a table with the columns `left` and `right`, or pairs.

    Returns
    -------
    DataFrame
        Columns `left`, `right` (left < right, each pair once, in order) and `shared_m`, the length
        of the common border in metres: 0 for a bridge or a point.

    Raises
    ------
    ConstraintError
        If a bridge names a commune that is not in the layer.
    """
    one_of("rule", rule, ("rook", "queen"))
    layer = communes.sort_index()
    shapes = layer.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    shared = shapely.length(shapely.intersection(shapes[left], shapes[right]))
    if rule == "rook":
        touching = shared > 0
        left, right, shared = left[touching], right[touching], shared[touching]
    order = layer.index.to_numpy()
    pairs = pd.DataFrame({"left": order[left], "right": order[right], "shared_m": shared})
    if bridges is not None:
        pairs = pd.concat([pairs, _bridges(bridges, layer.index)], ignore_index=True)
        pairs = pairs.drop_duplicates(["left", "right"])
    return pairs.sort_values(["left", "right"], ignore_index=True)


def _bridges(bridges: Bridges, known: pd.Index) -> pd.DataFrame:
    table = (
        bridges[["left", "right"]]
        if isinstance(bridges, pd.DataFrame)
        else pd.DataFrame(list(bridges), columns=["left", "right"])
    )
    ends = table.astype("str")
    unknown = sorted(set(ends.to_numpy().ravel()) - set(known))
    if unknown:
        raise ConstraintError(fault("bridge_unknown", values=_first(unknown)))
    ends = ends[ends["left"] != ends["right"]]
    ordered = np.sort(ends.to_numpy(dtype=object), axis=1)
    return pd.DataFrame({"left": ordered[:, 0], "right": ordered[:, 1], "shared_m": 0.0})


def simplified(communes: gpd.GeoDataFrame, *, tolerance: float = 100.0) -> gpd.GeoSeries:
    """Draw the borders with fewer points, the same on both sides, so that no gap appears.

    Parameters
    ----------
    communes
        Layer in a metric projection.
    tolerance
        In metres: about the largest distance between the old and the new border.

    Returns
    -------
    GeoSeries
        In WGS84, coordinates rounded to 5 decimals (1 m), outer rings counter-clockwise.
    """
    shapes = communes.geometry.to_numpy()
    # coverage_simplify takes any input but keeps shared borders only of a valid coverage
    # (measured: one invalid commune is enough to break its neighbours').
    shapes = np.where(shapely.is_valid(shapes), shapes, shapely.make_valid(shapes))
    drawn = gpd.GeoSeries(
        shapely.coverage_simplify(shapes, tolerance), index=communes.index, crs=communes.crs
    ).to_crs(WGS84)
    rounded = shapely.transform(drawn.to_numpy(), lambda points: np.round(points, 5))
    # Rounding moves a shared point alike on both sides; a sliver that it folds is mended.
    rounded = np.where(shapely.is_valid(rounded), rounded, shapely.make_valid(rounded))
    oriented = shapely.orient_polygons(rounded, exterior_cw=False)
    return gpd.GeoSeries(oriented, index=communes.index, crs=WGS84)


def departments(communes: gpd.GeoDataFrame) -> pd.Series:
    """Return the department of each commune of the layer."""
    return codes.department(communes.index.to_series())


def place_names(communes: gpd.GeoDataFrame, places: Iterable[str]) -> dict[str, str]:
    """Name places: communes of the layer, with their code where several share a name, and others.

    Parameters
    ----------
    communes
        Layer indexed by code.
    places
        Codes of communes, or of departments for poles known by their department only.

    Returns
    -------
    dict
        A name by code, in the language of the moment.
    """
    names = communes["name"]
    shared = names.duplicated(keep=False)
    result = {}
    for place in places:
        if place in names.index:
            name = str(names[place])
            result[place] = say("place.homonym", name=name, code=place) if shared[place] else name
        else:
            ours = place in set(departments(communes))
            key = "outside" if len(place) == _CODE_LENGTH else "outside_department"
            key = "department" if ours else key
            result[place] = say(f"place.{key}", code=place)
    return result
