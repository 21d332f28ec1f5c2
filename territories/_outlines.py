"""Outlines as found in files: reduced to surfaces, put in metres, mended; all of it said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from territories._tables import row_list, value_list
from territories._words import Sentence
from territories.communes import TOLERANCE_M, WGS84, degrees, metric
from territories.errors import GeometryError, InputError, fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Bounds = tuple[float, float, float, float]

_POLYGONS: Final = (3, 6)

# Where there are French communes: west, south, east, north.
FRANCE: Final[tuple[Bounds, ...]] = (
    (-6.0, 41.0, 10.0, 52.0),  # mainland and Corsica
    (-63.5, 14.2, -60.5, 18.3),  # Antilles
    (-55.0, 2.0, -51.0, 6.0),  # Guyane
    (55.0, -21.6, 56.1, -20.6),  # La Réunion
    (44.8, -13.2, 45.5, -12.5),  # Mayotte
    (-56.6, 46.6, -56.0, 47.3),  # Saint-Pierre-et-Miquelon
)

# What numbers without a projection may be, the likeliest first.
CANDIDATES: Final[tuple[tuple[int, str], ...]] = (
    (2154, "Lambert-93"),
    (27572, "Lambert II étendu"),
    *((3900 + zone, f"CC{zone}") for zone in range(42, 51)),
    (5490, "UTM 20N, Antilles"),
    (2972, "UTM 22N, Guyane"),
    (2975, "UTM 40S, La Réunion"),
    (4471, "UTM 38S, Mayotte"),
    (4467, "UTM 21N, Saint-Pierre-et-Miquelon"),
    (32630, "UTM 30N"),
    (32631, "UTM 31N"),
    (32632, "UTM 32N"),
    (4326, "WGS84"),
    (3857, "Web Mercator"),
    (3035, "LAEA Europe"),
    (27700, "British National Grid"),
)
# What is said where the extent points to none of them.
_NOWHERE: Final = {"crs_missing": "crs_missing_nowhere", "crs_impossible": "crs_impossible_nowhere"}
_GREAT_BRITAIN: Final = (-9.0, 49.7, 2.1, 61.1)

# Wider than this, no one projection keeps distances: the mainland with Corsica has 15 degrees.
WIDEST: Final = 20.0

# A repair may not lose more of an outline than this share of it.
MOST_LOST: Final = 0.01

# An overlap smaller than this is a sliver of the drawing: counted, not listed.
SLIVER_M2: Final = 10_000.0
_NOISE_M2: Final = 1.0
_HECTARE: Final = 10_000.0
_LISTED: Final = 5


def surfaces(
    shapes: Sequence[bytes | None], code: pd.Series, file: str, notices: list[Sentence]
) -> gpd.GeoSeries:
    """Reduce what a file draws to polygons: two dimensions, closed rings, no line or point.

    Parameters
    ----------
    shapes
        As WKB, None where there is none.
    code
        Of each, indexed by row.
    file
        Name, for messages.
    notices
        What was done is added to them.

    Returns
    -------
    GeoSeries
        Polygons on the rows of `code`, without a projection; empty where nothing is drawn.

    Raises
    ------
    GeometryError
        If nothing at all is drawn, or some outlines cannot be read or are no surface.
    """
    raw = np.array(shapes, dtype=object)
    given = np.array([each is not None for each in raw])
    read = shapely.from_wkb(raw, on_invalid="ignore")
    broken = given & shapely.is_missing(read)
    read[broken] = shapely.from_wkb(raw[broken], on_invalid="fix")
    unreadable = given & shapely.is_missing(read)
    unreadable |= ~np.isfinite(shapely.bounds(read)).all(axis=1) & ~shapely.is_empty(read) & given
    _note("rings_closed", code, broken & ~unreadable, notices)
    _note("heights_dropped", code, shapely.has_z(read), notices)
    flat = shapely.force_2d(read)
    absent = shapely.is_missing(flat) | shapely.is_empty(flat)
    mixed = ~absent & ~unreadable & ~np.isin(shapely.get_type_id(flat), _POLYGONS)
    flat[mixed] = [_polygons(each) for each in flat[mixed]]
    bare = mixed & shapely.is_empty(flat)
    faults = [
        fault(key, file=file, rows=row_list(rows), values=value_list(code[rows]))
        for key, marked in (("outline_unreadable", unreadable), ("outline_not_surface", bare))
        if (rows := code.notna() & marked).any()
    ]
    if absent.all():
        faults = [fault("no_geometry", file=file)]
    if faults:
        raise GeometryError(*faults)
    _note("outlines_reduced", code, mixed, notices)
    flat[absent] = shapely.Polygon()
    return gpd.GeoSeries(flat, index=code.index)


def _note(key: str, code: pd.Series, marked: np.ndarray, notices: list[Sentence]) -> None:
    """Say what was done to some outlines, with the first codes."""
    if marked.any():
        listed = value_list(code[marked].drop_duplicates().sort_values())
        notices.append(Sentence(f"notice.{key}", {"count": int(marked.sum()), "values": listed}))


def _polygons(shape: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygons of a collection, however deep."""
    if shapely.get_type_id(shape) in _POLYGONS:
        return shape
    if not hasattr(shape, "geoms"):
        return shapely.Polygon()
    return shapely.union_all([_polygons(part) for part in shape.geoms])


# --- projection ------------------------------------------------------------------------------


def projection(crs: int | str) -> pyproj.CRS:
    """Understand a coordinate reference system: 2154, ``"EPSG:2154"``, or a name.

    Raises
    ------
    InputError
        If it is none.
    """
    text = str(crs).strip()
    try:
        return pyproj.CRS.from_user_input(int(text) if text.isdigit() else text)
    except pyproj.exceptions.CRSError as problem:
        raise InputError(fault("crs_unknown", value=repr(crs))) from problem


def placed(
    outlines: gpd.GeoSeries,
    found: str | None,
    *,
    said: int | str | None,
    file: str,
    notices: list[Sentence],
) -> gpd.GeoSeries:
    """Put outlines into a metric projection.

    Parameters
    ----------
    outlines
        Without a projection.
    found
        The projection the file declares.
    said
        The one the user says, which wins.
    file
        Name, for messages.
    notices
        What was done is added to them.

    Raises
    ------
    GeometryError
        If there is no projection, the numbers cannot be of it, or the layer is too wide for one.
    """
    crs = None if found is None else pyproj.CRS.from_user_input(found)
    if said is not None:
        given = projection(said)
        if crs is None or not crs.equals(given, ignore_axis_order=True):
            before = "-" if crs is None else crs.name
            values = {"found": before, "said": given.name}
            notices.append(Sentence("notice.crs_said", values))
        crs = given
    extent = _extent(outlines)
    if crs is None:
        raise GeometryError(_crs_fault("crs_missing", extent, file))
    crs = crs.to_2d()
    in_degrees = crs.is_geographic and crs.axis_info[0].unit_name == "degree"
    if in_degrees and _within(_turned(extent), FRANCE) and not _within(extent, FRANCE):
        turned = shapely.transform(outlines.to_numpy(), lambda points: points[:, ::-1])
        outlines = gpd.GeoSeries(turned, index=outlines.index)
        extent = _turned(extent)
        notices.append(Sentence("notice.axes_turned"))
    # Degrees are no metres: not even one commune is as small as a few hundred of them.
    if in_degrees != _may_be_degrees(extent) and (in_degrees or crs.is_projected):
        raise GeometryError(_crs_fault("crs_impossible", extent, file, crs=crs.name))
    layer = gpd.GeoDataFrame(geometry=outlines.set_crs(crs))
    box = degrees(layer)
    if not all(math.isfinite(each) for each in box):
        raise GeometryError(_crs_fault("crs_impossible", extent, file, crs=crs.name))
    used = metric(layer).geometry
    # A projection made for so wide a place, such as that of Europe, may be kept.
    area = crs.area_of_use
    made_for_it = used.crs == crs and area is not None and _within(box, (area.bounds,))
    wide = box[2] - box[0]
    if wide > WIDEST and not made_for_it:
        raise GeometryError(fault("layer_too_wide", file=file, degrees=round(wide)))
    if used.crs != crs and not in_degrees:
        values = {"found": crs.name, "used": used.crs.name}
        notices.append(Sentence("notice.reprojected", values))
    return used


def _extent(outlines: gpd.GeoSeries) -> Bounds:
    west, south, east, north = (float(each) for each in outlines.total_bounds)
    return west, south, east, north


def _turned(extent: Bounds) -> Bounds:
    return extent[1], extent[0], extent[3], extent[2]


def _may_be_degrees(extent: Bounds) -> bool:
    west, south, east, north = extent
    return west >= -180 and east <= 180 and south >= -90 and north <= 90  # noqa: PLR2004


def _within(extent: Bounds, boxes: Sequence[Bounds], margin: float = 0.0) -> bool:
    """Tell whether an extent lies in one of the boxes."""
    return any(
        extent[0] >= box[0] - margin
        and extent[1] >= box[1] - margin
        and extent[2] <= box[2] + margin
        and extent[3] <= box[3] + margin
        for box in boxes
    )


def _crs_fault(key: str, extent: Bounds, file: str, **values: object) -> Sentence:
    fitting = candidates(extent)
    listed = ", ".join(f"EPSG:{code} ({name})" for code, name in fitting)
    first = fitting[0][0] if fitting else 2154
    return fault(
        key if fitting else _NOWHERE[key], file=file, values=listed, first=str(first), **values
    )


def candidates(extent: Bounds) -> list[tuple[int, str]]:
    """List the projections in which numbers of this extent are a place in France, or in England.

    Examples
    --------
    >>> candidates((600_000, 6_700_000, 640_000, 6_740_000))[0]
    (2154, 'Lambert-93')
    >>> candidates((559_000, 2_316_000, 599_000, 2_346_000))
    [(27572, 'Lambert II étendu')]
    """
    fitting = []
    for code, name in CANDIDATES:
        crs = pyproj.CRS.from_epsg(code)
        to_degrees = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
        box = to_degrees.transform_bounds(*extent)
        boxes = (_GREAT_BRITAIN,) if code == 27700 else FRANCE  # noqa: PLR2004
        area = crs.area_of_use
        inside = area is None or _within(box, (area.bounds,), margin=0.5)
        if inside and _within(box, boxes) and all(math.isfinite(each) for each in box):
            fitting.append((code, name))
    return fitting


# --- mending ---------------------------------------------------------------------------------


def mended(
    outlines: gpd.GeoSeries, code: pd.Series, file: str, notices: list[Sentence]
) -> gpd.GeoSeries:
    """Mend invalid outlines, in metres, and say their areas before and after.

    The area of an outline that crosses itself is that of what it goes round one way less the other;
    mended, all that it goes round counts. So a bow-tie gains; a part that overlaps another is lost.

    Raises
    ------
    GeometryError
        If an outline is flat, or loses more than `MOST_LOST` of its area: what is meant is not
        known.
    """
    shapes = outlines.to_numpy()
    invalid = ~shapely.is_valid(shapes)
    flat = code.notna() & (shapely.length(shapes) > 0) & ~invalid
    flat &= shapely.area(shapes) < _NOISE_M2
    if flat.any():
        values = {"rows": row_list(flat), "values": value_list(code[flat])}
        raise GeometryError(fault("outline_not_surface", file=file, **values))
    if not invalid.any():
        return outlines
    fixed = shapely.make_valid(shapes[invalid], method="structure", keep_collapsed=False)
    before, after = shapely.area(shapes[invalid]), shapely.area(fixed)
    changes = [
        f"'{each}' ({was:.0f} → {now:.0f} ha)"
        for each, was, now in sorted(
            zip(code[invalid], before / _HECTARE, after / _HECTARE, strict=True)
        )
    ]
    listed = ", ".join(changes[:_LISTED]) + (", …" if len(changes) > _LISTED else "")
    lost = (after < (1 - MOST_LOST) * before) | (after < _NOISE_M2)
    if lost.any():
        rows = code.notna() & invalid
        rows[rows] = lost
        raise GeometryError(
            fault("outline_lost", file=file, rows=row_list(rows), values=value_list(code[rows]))
        )
    notices.append(Sentence("notice.geometry_mended", {"values": listed}))
    whole = shapes.copy()
    whole[invalid] = fixed
    return gpd.GeoSeries(whole, index=outlines.index, crs=outlines.crs)


def say_overlaps(communes: gpd.GeoDataFrame, notices: list[Sentence]) -> None:
    """Say which communes of a layer lie on one another, the greatest first."""
    shapes = communes.geometry.to_numpy()
    if shapely.coverage_is_valid(shapes):
        return
    # The edges of one of the two lie inside the other: only those are compared, with all.
    wrong = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(shapes)))
    left, right = shapely.STRtree(shapes).query(shapes[wrong], predicate="intersects")
    pairs = np.unique(np.sort(np.column_stack([wrong[left], right]), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    area = shapely.area(shapely.intersection(shapes[pairs[:, 0]], shapes[pairs[:, 1]]))
    slivers = int(((area > _NOISE_M2) & (area < SLIVER_M2)).sum())
    if slivers:
        notices.append(Sentence("notice.slivers", {"count": slivers}))
    large = np.flatnonzero(area >= SLIVER_M2)
    if len(large):
        names = communes.index.to_numpy()
        ordered = large[np.lexsort((pairs[large, 1], pairs[large, 0], -area[large]))]
        listed = [
            f"'{names[one]}' × '{names[other]}' ({hectares:.0f} ha)"
            for (one, other), hectares in zip(
                pairs[ordered[:_LISTED]], area[ordered] / _HECTARE, strict=False
            )
        ]
        values = ", ".join(listed) + (", …" if len(large) > _LISTED else "")
        notices.append(Sentence("notice.overlaps", {"count": len(large), "values": values}))


def say_islands(communes: gpd.GeoDataFrame, notices: list[Sentence]) -> None:
    """Say which communes have no neighbour: a bridge may join them."""
    shapes = communes.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=TOLERANCE_M)
    beside = np.bincount(left[left != right], minlength=len(shapes))
    alone = (beside == 0) & ~shapely.is_empty(shapes) & (len(shapes) > 1)
    _note("islands", communes.index.to_series(), alone, notices)


def say_parts(communes: gpd.GeoDataFrame, notices: list[Sentence]) -> None:
    """Say which communes are in several parts: their territory may be in several too."""
    several = shapely.get_num_geometries(communes.geometry.to_numpy()) > 1
    _note("several_parts", communes.index.to_series(), several, notices)
