"""Which communes have a border with the outside of the layer, and with the holes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import shapely

from territories.communes import TOLERANCE_M, dissolved

if TYPE_CHECKING:
    import geopandas as gpd

# Communes that touch the outside at a point run close to it for no longer than this.
_CORNER_M: Final = 1.0


def rim(layer: gpd.GeoDataFrame) -> list[int]:
    """Return the places of the communes with a border on the outside; holes are inside."""
    shapes = layer.geometry.to_numpy()
    whole = dissolved(layer.geometry[~layer.geometry.is_empty])
    hulls = [shapely.Polygon(part.exterior) for part in shapely.get_parts(whole)]
    # A part that lies in the hole of another is not on the outside.
    outer = shapely.get_parts(shapely.boundary(shapely.union_all(hulls)))
    edges = shapely.boundary(shapes)
    tree = shapely.STRtree(edges)
    _, near = tree.query(outer, predicate="dwithin", distance=TOLERANCE_M)
    near = sorted(set(near.tolist()))
    band = shapely.buffer(shapely.union_all(outer), TOLERANCE_M, quad_segs=4)
    shapely.prepare(band)
    length = shapely.length(shapely.intersection(edges[near], band))
    return [place for place, there in zip(near, length, strict=True) if there > _CORNER_M]


def lakes(layer: gpd.GeoDataFrame) -> list[list[int]]:
    """Return the places of the communes about each hole of the layer that has several.

    What lies beside a hole is not enclosed by a territory that the hole lies open to.
    """
    whole = dissolved(layer.geometry[~layer.geometry.is_empty])
    rings = [ring for part in shapely.get_parts(whole) for ring in part.interiors]
    # An island in a lake lies beside it too.
    waters = [shapely.Polygon(ring).difference(whole) for ring in rings]
    edges = shapely.boundary(layer.geometry.to_numpy())
    tree = shapely.STRtree(edges)
    found = []
    for water in (part for each in waters for part in shapely.get_parts(each)):
        near = tree.query(shapely.boundary(water), predicate="dwithin", distance=TOLERANCE_M)
        band = shapely.buffer(shapely.boundary(water), TOLERANCE_M, quad_segs=4)
        length = shapely.length(shapely.intersection(edges[near], band))
        found.append(sorted(near[length > _CORNER_M].tolist()))
    return sorted(each for each in found if len(each) > 1)
