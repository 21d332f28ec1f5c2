"""The form of territories: compactness, pieces, holes, enclaves, what they cross; white zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
import shapely

from territories import codes
from territories.communes import TOLERANCE_M

if TYPE_CHECKING:
    from territories.zoning import Zoning


def form(zoning: Zoning, *, poles: pd.Series | None = None) -> pd.DataFrame:
    """Measure the form of the territories.

    Parameters
    ----------
    zoning
        Any zoning. Outlines are those of the communes with their main territory; pieces, density,
        departments and regions count shared communes in each of theirs.
    poles
        Pole of each territory (code, or missing), for `cut_off`.

    Returns
    -------
    DataFrame
        Indexed by territory: `area_km2`; `density` (inhabitants per km², shared communes by weight
        in both); `compactness` (Polsby–Popper, 4πA/P², 1 for a disc); `pac` = P/(2√(πA)), 1 for a
        disc and more for the rest; `pieces` in the contiguity graph; `cut_off`, communes in
        another piece than the pole (missing without a pole); `holes` of the outline, lakes
        included; `enclaves`, its communes enclosed in another territory; `enclosed`, communes of
        others or of none in its holes (see `white_zones`); `departments` and `regions` crossed
        (codes, separated by blanks). Missing where undefined.
    """
    shapes = zoning.territories
    geometry = shapes.geometry.to_numpy()
    area, perimeter = shapely.area(geometry), shapely.length(geometry)
    # An outline that encloses nothing is no form.
    area = np.where(area > 0, area, np.nan)
    result = pd.DataFrame(index=shapes.index)
    result["area_km2"] = area / 1e6
    result["density"] = shapes["population"].astype("float64") / _weighted_area(zoning)
    result["compactness"] = 4 * np.pi * area / perimeter**2
    result["pac"] = perimeter / (2 * np.sqrt(np.pi * area))
    pieces = numbered_pieces(zoning)
    groups = pieces.groupby(level="territory")
    result["pieces"] = groups.nunique().reindex(result.index).fillna(0).astype("int64")
    if poles is not None:
        result["cut_off"] = _cut_off(pieces, poles).reindex(result.index)
    holes = {territory: len(_holes(shape)) for territory, shape in shapes.geometry.items()}
    counted = pd.Series(holes, dtype="Int64").reindex(result.index)
    result["holes"] = counted.where(result["area_km2"].notna())
    white = white_zones(zoning)
    enclaves = white.loc[white["kind"] == "enclave", "territory"].value_counts()
    result["enclaves"] = enclaves.reindex(result.index).fillna(0).astype("int64")
    enclosed = white["within"].value_counts()
    result["enclosed"] = enclosed.reindex(result.index).fillna(0).astype("int64")
    code = zoning.membership["code"]
    for name, crossed in (("departments", codes.department), ("regions", codes.region)):
        found = crossed(code).groupby(zoning.membership["territory"])
        result[name] = found.agg(lambda each: " ".join(sorted(set(each.dropna()))))
    return result


def _weighted_area(zoning: Zoning) -> pd.Series:
    """Add up the areas of communes (km²), shared ones by weight; missing where there is none."""
    area = zoning.communes.area / 1e6
    member = zoning.membership
    sums = (
        (member["code"].map(area).astype("float64") * member["weight"])
        .groupby(member["territory"])
        .sum()
    )
    return sums.where(sums > 0)


def numbered_pieces(zoning: Zoning) -> pd.Series:
    """Tell apart the pieces of each territory in the contiguity graph, shared communes included.

    Returns
    -------
    Series
        Indexed by (`territory`, `code`), in order: the piece, 0 for that of the first commune.
    """
    graph = nx.Graph(zoning.borders[["left", "right"]].itertuples(index=False, name=None))
    graph.add_nodes_from(zoning.communes.index)
    numbers = {
        (territory, code): number
        for territory, group in zoning.membership.groupby("territory")
        for number, piece in enumerate(
            sorted(map(sorted, nx.connected_components(graph.subgraph(group["code"]))))
        )
        for code in piece
    }
    index = pd.MultiIndex.from_tuples(list(numbers), names=["territory", "code"])
    found = pd.Series(list(numbers.values()), index=index, dtype="int64", name="piece")
    return found.sort_index()


def _cut_off(pieces: pd.Series, poles: pd.Series) -> pd.Series:
    """Count the communes that are in another piece than the pole of their territory."""
    known = poles.dropna()
    at_pole = pieces.reindex(pd.MultiIndex.from_arrays([known.index, known]))
    at_pole.index = known.index
    territory = pieces.index.get_level_values("territory").to_series(index=pieces.index)
    apart = pieces != territory.map(at_pole)
    count = apart.groupby(territory).sum().astype("Int64")
    return count.where(count.index.isin(at_pole.dropna().index))


def white_zones(zoning: Zoning) -> pd.DataFrame:
    """List the communes in no territory, and those of a territory enclosed in another.

    Returns
    -------
    DataFrame
        Indexed by commune, in order: `kind` (``uncovered`` or ``enclave``), `territory` (its own,
        missing when uncovered), `within` (the territory that encloses it, missing for an
        uncovered commune that no territory encloses), `name` and `population`. A territory that
        lies whole in a hole of another is an enclave, all its communes.
    """
    communes = zoning.communes
    points = communes.geometry.representative_point()
    points = points[~points.is_empty]
    rows: dict[str, tuple[str, str | None, str | None]] = dict.fromkeys(
        zoning.uncovered, ("uncovered", None, None)
    )
    holes = [
        (hole, territory)
        for territory, shape in zoning.territories.geometry.items()
        for hole in _holes(shape)
    ]
    # The largest first: of holes within holes, the innermost has the last word.
    for hole, territory in sorted(holes, key=lambda each: -each[0].area):
        for code in points.index[shapely.contains_xy(hole, points.x, points.y)]:
            own = zoning.labels[code]
            if own != territory:
                kind = "uncovered" if pd.isna(own) else "enclave"
                rows[code] = (kind, None if pd.isna(own) else own, territory)
    table = pd.DataFrame(
        list(rows.values()),
        index=pd.Index(list(rows), dtype="str", name="commune"),
        columns=["kind", "territory", "within"],
        dtype="object",
    ).sort_index()
    for name in ("name", "population"):
        table[name] = communes[name].reindex(table.index)
    return table


def _holes(shape: shapely.Geometry | None) -> list[shapely.Polygon]:
    """List the holes of an outline, without the gaps between borders that do not quite meet."""
    if shape is None:
        return []
    rings = [ring for part in shapely.get_parts(shape) for ring in part.interiors]
    holes = [shapely.Polygon(ring) for ring in rings]
    # Another part of the same territory may fill the hole, but for such a gap.
    left = [hole.difference(shape).buffer(-TOLERANCE_M / 2) for hole in holes]
    return [hole for hole, rest in zip(holes, left, strict=True) if not rest.is_empty]
