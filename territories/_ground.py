"""What plates are drawn on, and the parts that several plates share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pandas as pd
import shapely

from territories._canvas import INK, PAPER, QUIET, REPORT, Page, paper
from territories._drawing import Label, compound, fill, outline, tint, widened
from territories.colours import pole_colours
from territories.communes import dissolved, place_names, simplified
from territories.stability import STABLE

if TYPE_CHECKING:
    import geopandas as gpd

    from territories._canvas import Canvas, Kind, Paper
    from territories.export import Evidence
    from territories.zoning import Zoning

_TOLERANCE_M: Final = 150.0
LIGHT: Final = 0.42
GREY: Final = "#eceff1"
HATCH: Final = "/////"
CROSS: Final = "xxxxx"
DOTS: Final = "....."
HALF: Final = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Ground:
    """What plates are drawn on: outlines, colours and names, worked out once for all of them.

    Parameters
    ----------
    zoning
        The territories.
    evidence
        What is known of the communes.
    sources, note
        Written below each plate: where the data come from; what one must know of them, such as
        that they are simulated.
    size, kind
        Of the paper, None for a plate of the report; of the files.
    """

    zoning: Zoning
    evidence: Evidence
    sources: str = ""
    note: str | None = None
    size: Paper | None = None
    kind: Kind = "png"

    @cached_property
    def page(self) -> Page:
        """The page that plates are drawn on."""
        if self.size is None:
            return replace(REPORT, kind=self.kind)
        return paper(self.size, self.kind, self.shapes.total_bounds)

    @cached_property
    def shapes(self) -> gpd.GeoSeries:
        """Outlines of the communes, simplified without gaps, in metres, in order of their codes."""
        layer = self.zoning.communes.sort_index()
        return simplified(layer, tolerance=_TOLERANCE_M).to_crs(layer.crs)

    @cached_property
    def areas(self) -> dict[str, shapely.Geometry]:
        """Outline of each territory, shared communes with their main one."""
        return joined_areas(self.shapes, self.zoning.labels)

    @cached_property
    def names(self) -> dict[str, str]:
        """Name of each territory."""
        ids = sorted(set(self.zoning.membership["territory"]))
        return {each: str(self.zoning.names.get(each, each)) for each in ids}

    @cached_property
    def colours(self) -> dict[str, str]:
        """Colour of each territory and of each pole; neighbours differ."""
        agreement = self.evidence.agreement
        return pole_colours(self.zoning, None if agreement is None else agreement["pole"])

    @cached_property
    def points(self) -> gpd.GeoSeries:
        """A point in each commune, where its name is written."""
        return self.shapes.representative_point()

    def town(self, territory: str) -> tuple[float, float] | None:
        """Return the place of the commune a territory is named by; None where it is not one."""
        if territory not in self.shapes.index or self.shapes[territory].is_empty:
            return None
        point = self.points[territory]
        return point.x, point.y


def joined_areas(shapes: gpd.GeoSeries, labels: pd.Series) -> dict[str, shapely.Geometry]:
    known = labels.dropna()
    return {
        str(name): dissolved(shapes.loc[group.index], grid=1.0)
        for name, group in known.groupby(known)
    }


def whole_bounds(ground: Ground) -> tuple[float, float, float, float]:
    return widened([float(each) for each in ground.shapes.total_bounds])


def members_of(ground: Ground, territory: str) -> list[str]:
    """List the communes of a territory, shared ones included, in order."""
    table = ground.zoning.membership
    return sorted(table.loc[table["territory"] == territory, "code"])


def draw_territories(canvas: Canvas, ground: Ground, *, shared: bool = True) -> None:
    """Fill the territories; shared communes are striped in the colour of their second one."""
    labels = ground.zoning.labels.reindex(ground.shapes.index)
    for territory in ground.names:
        path = compound(ground.shapes[labels == territory])
        fill(canvas, path, tint(ground.colours[territory], LIGHT))
    path = compound(ground.shapes[labels.isna()])
    fill(canvas, path, PAPER, hatch=DOTS, hatch_colour=QUIET, edge=QUIET, width=0.6)
    table = ground.zoning.shared
    rank = table.groupby("code").cumcount()
    others = table[rank > 0] if shared else table[:0]
    for code, territory, place in zip(others["code"], others["territory"], rank[others.index],
                                      strict=True):  # fmt: skip
        path = compound([ground.shapes[code]])
        hatch = HATCH if place == 1 else HATCH.replace("/", "\\")  # a third one crosses them
        fill(canvas, path, "none", hatch=hatch, hatch_colour=ground.colours[territory])


def draw_borders(canvas: Canvas, ground: Ground, *, colour: str = INK, width: float = 1.1) -> None:
    outline(canvas, compound(ground.areas.values()), colour=colour, width=width)


def town_labels(ground: Ground) -> list[Label]:
    """Name each territory at its main town, the most populated first."""
    people = ground.zoning.territories["population"].astype("float64").fillna(0.0)
    order = sorted(ground.names, key=lambda each: (-people[each], each))
    labels = []
    for territory in order:
        town = ground.town(territory)
        name = ground.names[territory]
        if town is not None:
            labels.append(Label(*town, name, size=8, bold=True, dot=4.5, needed=True))
        elif territory in ground.areas:
            point = _middle(ground.areas[territory])
            labels.append(Label(point.x, point.y, name, size=8, bold=True, needed=True))
    return labels


def labels_of(ground: Ground, places: list[str]) -> list[Label]:
    names = place_names(ground.zoning.communes, places)
    return [
        Label(ground.points[each].x, ground.points[each].y, names[each], size=8, bold=True, dot=4)
        for each in places
        if not ground.shapes[each].is_empty
    ]


def part_labels(
    ground: Ground, territory: str, own: list[str], window: shapely.Geometry
) -> list[Label]:
    """Name the pole, the communes by population, and the neighbours."""
    labels = []
    town = ground.town(territory)
    communes = ground.zoning.communes
    if town is not None:
        name = str(communes["name"][territory])
        labels.append(Label(*town, name, size=8.5, bold=True, dot=5, needed=True))
    for other, area in ground.areas.items():
        seen = shapely.intersection(area, window) if other != territory else None
        if seen is None or seen.area < 0.01 * window.area:
            continue
        point = _middle(seen)
        name = ground.names[other]
        labels.append(Label(point.x, point.y, name, size=8, italic=True, colour=QUIET))
    people = communes["population"].astype("float64").fillna(0.0)
    order = sorted(set(own) - {territory}, key=lambda code: (-people[code], code))
    labels += [
        Label(ground.points[code].x, ground.points[code].y, str(communes["name"][code]), size=5.8)
        for code in order
        if not ground.shapes[code].is_empty
    ]
    return labels


def _middle(area: shapely.Geometry) -> shapely.Point:
    """Return a point well inside the largest part of an area."""
    largest = max(shapely.get_parts(area), key=lambda part: (part.area, part.bounds))
    return shapely.Point(shapely.get_coordinates(shapely.maximum_inscribed_circle(largest))[0])


def draw_inset(canvas: Canvas, ground: Ground, territory: str, window: shapely.Geometry) -> None:
    """Show where the territory lies, in the corner where it covers least of it."""
    from matplotlib.patches import PathPatch, Rectangle  # noqa: PLC0415 - as in _drawing

    west, south, east, north = window.bounds
    whole = shapely.box(*ground.shapes.total_bounds).bounds
    ratio = (whole[3] - whole[1]) / max(whole[2] - whole[0], 1.0)
    side = 0.24 * min(east - west, (north - south) / max(ratio, 0.2))
    wide, high = side, side * ratio
    corners = {
        (across, up): (
            west if across == 0 else east - wide,
            south if up == 0 else north - high,
        )
        for across in (1, 0)
        for up in (1, 0)
    }
    area = ground.areas[territory]
    left, low = min(
        corners.values(),
        key=lambda at: round(
            shapely.intersection(area, shapely.box(*at, at[0] + wide, at[1] + high)).area
        ),
    )
    zoom = wide / max(whole[2] - whole[0], 1.0)

    def moved(shape: shapely.Geometry) -> shapely.Geometry:
        return shapely.transform(
            shape, lambda points: (points - [whole[0], whole[1]]) * zoom + [left, low]
        )

    axes = canvas.axes
    axes.add_artist(Rectangle((left, low), wide, high, facecolor=PAPER, edgecolor=QUIET, zorder=7))
    every = compound(moved(each) for each in ground.areas.values())
    style = {"edgecolor": "#9aa4ae", "linewidth": 0.4}
    axes.add_artist(PathPatch(every, facecolor=GREY, zorder=8, **style))
    here = compound([moved(area)])
    axes.add_artist(PathPatch(here, facecolor=ground.colours[territory], zorder=9, linewidth=0))


def held_shares(ground: Ground, codes: list[str]) -> pd.Series:
    """Return the share of runs in which communes are with their pole; empty where not known."""
    runs = ground.evidence.stability
    return pd.Series(dtype="float64") if runs is None else runs.communes["core_share"][codes]


def draw_frontier(canvas: Canvas, ground: Ground, codes: list[str]) -> None:
    runs = ground.evidence.stability
    if runs is None:
        return
    table = runs.communes.reindex(codes)
    weak = table[table["core_share"] < STABLE]
    for code, held, second in zip(weak.index, weak["core_share"], weak["second"], strict=True):
        colour = ground.colours.get(second, INK) if isinstance(second, str) else INK
        own = ground.zoning.labels[code]
        face = tint(ground.colours[own], LIGHT) if isinstance(own, str) else PAPER
        hatch = HATCH if held >= HALF else CROSS
        path = compound([ground.shapes[code]])
        fill(canvas, path, face, hatch=hatch, hatch_colour=colour)
