"""The layer of communes: its checks, who touches whom, and outlines light enough for a page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from territories import codes
from territories._words import Sentence, say
from territories.errors import (
    CodeError,
    ConstraintError,
    GeometryError,
    InputError,
    fault,
    one_of,
)

if TYPE_CHECKING:
    from territories.cog import CogTable

MAINLAND: Final = "EPSG:2154"
WGS84: Final = "EPSG:4326"
_CODE_LENGTH: Final = 5

# Neighbours drawn apart by no more than this many metres still touch.
TOLERANCE_M: Final = 0.1

# National projections are within 1 % of true areas; Web Mercator is twice too large in France.
_TRUE_AREA: Final = 0.05

# Communes that touch at a point run close to one another near it: a border is longer than this,
# and than so many tolerances.
_CORNER_M: Final = 1.0
_CORNER_TOLERANCES: Final = 10
_LINE_TOLERANCES: Final = 3

Bridges = pd.DataFrame | Iterable[tuple[str, str]]


def metric(communes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring a layer into a metric projection: its own if it is one in metres with true areas.

    Geographic coordinates, projections whose areas are wrong there (Web Mercator; Lambert-93
    overseas) and those of the old French system (NTF) go to Lambert-93 where that is defined,
    elsewhere to the UTM zone of the layer.

    Raises
    ------
    GeometryError
        If the layer has no coordinate reference system.
    """
    crs = communes.crs
    if crs is None:
        raise GeometryError(fault("crs_missing_nowhere", file=_file(communes)))
    west, south, east, north = degrees(communes)
    current = crs.is_projected and "NTF" not in crs.geodetic_crs.name
    if current and crs.axis_info[0].unit_name == "metre":
        middle = (west + east) / 2, (south + north) / 2
        if _true_areas(crs, *middle):
            return communes
    area = pyproj.CRS(MAINLAND).area_of_use
    inside = (
        area is not None
        and area.west <= west
        and east <= area.east
        and area.south <= south
        and north <= area.north
    )
    return communes.to_crs(MAINLAND if inside else communes.estimate_utm_crs())


def degrees(communes: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    """Return the extent of a layer in WGS84: west, south, east, north."""
    to_degrees = pyproj.Transformer.from_crs(communes.crs, WGS84, always_xy=True)
    return to_degrees.transform_bounds(*communes.total_bounds)


def _true_areas(crs: pyproj.CRS, longitude: float, latitude: float) -> bool:
    """Tell whether areas measured in a projection are right at a place."""
    scale = pyproj.Proj(crs).get_factors(longitude, latitude).areal_scale
    return abs(scale - 1) <= _TRUE_AREA


def _file(communes: gpd.GeoDataFrame) -> str:
    return str(communes.attrs.get("file", "communes"))


def checked(communes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check the attribute contract of a layer of communes and return it in canonical order.

    The contract: an index `code` of unique text, columns `name` (text), `population` (integers,
    0 or more; floats where some are missing) and `geometry` (polygons, valid, in a metric
    projection; empty for a commune that is not drawn).

    Raises
    ------
    InputError
        If a column is missing, a code stands twice or a population is negative.
    GeometryError
        If the projection is missing or not metric, or a geometry is absent or not a polygon.
    """
    layer = _file(communes)
    missing = [name for name in ("name", "population") if name not in communes.columns]
    faults: list[Sentence] = [fault("layer_column", file=layer, column=name) for name in missing]
    twice = communes.index[communes.index.duplicated()]
    if len(twice):
        faults.append(fault("layer_code_twice", file=layer, values=_first(twice)))
    if not missing and (communes["population"] < 0).any():
        wrong = communes.index[communes["population"] < 0]
        faults.append(fault("layer_population", file=layer, values=_first(wrong)))
    if faults:
        raise InputError(*faults)
    kinds = shapely.get_type_id(communes.geometry.to_numpy())
    wrong = communes.index[~np.isin(kinds, (3, 6)) | bool(communes.geometry.is_empty.all())]
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
    tolerance: float = TOLERANCE_M,
) -> pd.DataFrame:
    """Find the pairs of communes that touch.

    Parameters
    ----------
    communes
        Layer in a metric projection, indexed by code. A commune that is not drawn touches nobody.
    rule
        ``"rook"``: a shared border longer than 0 m; ``"queen"``: a shared point is enough.
    bridges
        Pairs of codes that are joined although they do not touch (ferries, bridges over water):
        a table with the columns `left` and `right`, or pairs.
    tolerance
        In metres. Neighbours drawn apart by no more than this, or on one another, still touch;
        what runs so close over no more than 1 m and 10 tolerances, or is shared over no more than
        3 tolerances, is a point, not a border. At 0, any shared length is a border.

    Returns
    -------
    DataFrame
        Columns `left`, `right` (left < right, each pair once, in order) and `shared_m`, the length
        of the common border in metres: 0 for a bridge or a point. Where two communes lie on one
        another it is the mean length of the border of each inside the other.

    Raises
    ------
    ConstraintError
        If a bridge names a commune that is not in the layer.
    InputError
        If the tolerance is not a number of 0 or more.
    """
    one_of("rule", rule, ("rook", "queen"))
    number = isinstance(tolerance, Real) and not isinstance(tolerance, bool)
    if not number or not math.isfinite(tolerance) or tolerance < 0:
        raise InputError(fault("tolerance", value=repr(tolerance)))
    layer = communes.sort_index()
    shapes = layer.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=tolerance)
    once = left < right
    left, right = left[once], right[once]
    shared = _common_borders(shapes, left, right, float(tolerance))
    if rule == "rook":
        touching = shared > 0
        left, right, shared = left[touching], right[touching], shared[touching]
    order = layer.index.to_numpy()
    pairs = pd.DataFrame({"left": order[left], "right": order[right], "shared_m": shared})
    if bridges is not None:
        pairs = pd.concat([pairs, _bridges(bridges, layer.index)], ignore_index=True)
        pairs = pairs.drop_duplicates(["left", "right"])
    return pairs.sort_values(["left", "right"], ignore_index=True)


def _common_borders(
    shapes: np.ndarray, left: np.ndarray, right: np.ndarray, tolerance: float
) -> np.ndarray:
    """Measure the border that pairs of communes have in common."""
    common = shapely.intersection(shapes[left], shapes[right])
    overlap = shapely.get_dimensions(common) > 1
    shared: np.ndarray = shapely.length(common)
    parts, pair = shapely.get_parts(common[overlap], return_index=True)
    lines = shapely.get_dimensions(parts) == 1
    count = int(overlap.sum())
    shared[overlap] = np.bincount(pair[lines], shapely.length(parts[lines]), minlength=count)
    # A line no longer than that is what rounding makes of a point.
    shared[shared <= _LINE_TOLERANCES * tolerance] = 0.0
    # Neighbours drawn together share lines; the others lie apart, on one another, or at a point.
    drawn_apart = (shared == 0) | overlap
    if drawn_apart.any():
        one, other = left[drawn_apart], right[drawn_apart]
        there = _along(shapes, one, other, tolerance)
        back = _along(shapes, other, one, tolerance)
        close, inside = (there + back) / 2
        found = np.maximum(close, shared[drawn_apart] + inside)
        found[found <= _corner(tolerance)] = 0.0
        shared[drawn_apart] = np.maximum(shared[drawn_apart], found)
    return shared


def _along(shapes: np.ndarray, one: np.ndarray, other: np.ndarray, tolerance: float) -> np.ndarray:
    """Measure how much of each one's border runs close to the other's, and how much inside it."""
    drawn, place = np.unique(other, return_inverse=True)
    band = shapely.buffer(shapely.boundary(shapes[drawn]), tolerance, quad_segs=4)[place]
    edge = shapely.boundary(shapes[one])
    within = shapely.intersection(edge, shapes[other])
    # Corners are told one by one: several of them are not a border either.
    runs, pair = shapely.get_parts(
        shapely.line_merge(shapely.intersection(edge, band)), return_index=True
    )
    length = shapely.length(runs)
    length[length <= _corner(tolerance)] = 0.0
    close = np.bincount(pair, length, minlength=len(one))
    return np.array([close, shapely.length(shapely.difference(within, band))])


def _corner(tolerance: float) -> float:
    """Return the length along which two communes that touch at a point may run close, in metres."""
    return max(_CORNER_M, _CORNER_TOLERANCES * tolerance)


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


def converted(
    communes: gpd.GeoDataFrame, to_year: int, table: CogTable, *, from_year: int | None = None
) -> gpd.GeoDataFrame:
    """Turn a layer of the communes of one year (COG) into that of a later one.

    Communes that became one are joined: their outlines, and their `population` if it is there
    (missing if one of them is). Their name is that of the table's list.

    Parameters
    ----------
    communes
        Layer indexed by code.
    to_year
        COG year.
    table
        From `read_cog`.
    from_year
        Year of the layer; by default that in ``attrs["cog"]``, else the one its codes look like.

    Returns
    -------
    GeoDataFrame
        In order of code; ``attrs["cog"]`` is `to_year`. Of other columns, joined communes keep
        what they agree on.

    Raises
    ------
    InputError
        If the table does not know a year, or `to_year` is before the layer's.
    CodeError
        If a commune was split into several, whose outlines cannot be known, or is none of its
        year's; each is named.
    """
    layer = str(communes.attrs.get("file", "communes"))
    year = from_year or communes.attrs.get("cog") or codes.guessed_year(communes.index, table).year
    found = codes.convert(communes.index, year, to_year, table)
    faults = [
        fault(key, file=layer, values=_first(wrong), year=str(year), to_year=str(to_year))
        for key, wrong in (
            ("layer_split", found.loc[found["code"].duplicated(), "code"].unique()),
            ("layer_code_unknown", found.loc[found["converted"].isna(), "code"]),
        )
        if len(wrong)
    ]
    if faults:
        raise CodeError(*faults)
    ordered = communes.sort_index()
    target = ordered.index.map(found.set_index("code")["converted"])
    merged = target.duplicated(keep=False)
    parts = [ordered[~merged].set_axis(target[~merged])]
    if merged.any():
        # The commune that gives its code comes first among those it joins.
        first = np.argsort(ordered.index != target, kind="stable")
        parts.append(_joined(ordered.iloc[first].set_axis(target[first])[merged[first]]))
    result = pd.concat(parts).rename_axis(ordered.index.name).sort_index()
    if table.names is not None and "name" in result:
        listed = result.index.to_series().map(table.names).replace("", None)
        same = result.index.isin(target[~merged]) & result.index.isin(ordered.index)
        result["name"] = result["name"].where(same | listed.isna(), listed)
    result.attrs = {**communes.attrs, "cog": to_year}
    return result


def _joined(parts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join the rows that have the same code."""
    shapes = parts.geometry.groupby(level=0).agg(lambda each: shapely.union_all(each.to_numpy()))
    columns: dict[str, pd.Series] = {parts.geometry.name: shapes}
    for name in parts.columns.drop(parts.geometry.name):
        groups = parts[name].groupby(level=0)
        if name == "population":
            columns[name] = groups.sum().mask(parts[name].isna().groupby(level=0).any())
        elif name == "name":
            columns[name] = groups.first()
        else:
            agreed = groups.agg(lambda each: len(each.drop_duplicates()) == 1)
            columns[name] = groups.first().where(agreed)
    return gpd.GeoDataFrame(columns, geometry=parts.geometry.name, crs=parts.crs)[parts.columns]


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


def dissolved(shapes: gpd.GeoSeries, *, grid: float = TOLERANCE_M) -> shapely.Geometry:
    """Join the outlines of neighbours into one.

    Parameters
    ----------
    shapes
        Outlines in one projection.
    grid
        Where neighbours do not meet exactly, points are moved to a grid of this width (in the units
        of the projection), which closes gaps and overlaps smaller than it.
    """
    try:
        return shapely.coverage_union_all(shapes.to_numpy())
    except shapely.GEOSException:
        return shapely.union_all(shapes.to_numpy(), grid_size=grid)


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
    listed = list(places)
    elsewhere = any(place not in names.index for place in listed)
    known = set(departments(communes)) if elsewhere else set[str]()
    result = {}
    for place in listed:
        if place in names.index:
            name = str(names[place])
            result[place] = say("place.homonym", name=name, code=place) if shared[place] else name
        else:
            ours = place in known
            key = "outside" if len(place) == _CODE_LENGTH else "outside_department"
            key = "department" if ours else key
            result[place] = say(f"place.{key}", code=place)
    return result
