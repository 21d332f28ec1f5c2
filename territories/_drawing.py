"""Drawing a plate: shapes, hatches, names that do not overlap, scale, north, legend, sources.

matplotlib is used through its figures, never through its global state, and loaded when needed.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from territories._canvas import (
    FONT,
    INK,
    PAPER,
    QUIET,
    REPORT,
    Canvas,
    encoded,
    plain,
    sheet_of,
    write,
)
from territories._legend import ROW_IN, draw_legend, draw_scale, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from territories._canvas import Entry, Page

_STRIP_IN: Final = 0.42
_TITLE_IN: Final = 0.34
_FOOT_IN: Final = 0.46
_TITLE: Final = 74  # letters on a line
_SOURCES: Final = 140
_MARGIN: Final = 0.02
_SMALLER: Final = (1.0, 0.85, 0.7)  # letters of a name that must be written, where room is short


@dataclass(frozen=True)
class Label:
    """A name to write at a place; `needed`: even where it lies over another."""

    x: float
    y: float
    text: str
    size: float = 7.0
    bold: bool = False
    colour: str = INK
    dot: float = 0.0
    needed: bool = False
    italic: bool = False


def tint(colour: str, strength: float) -> str:
    """Mix a colour with white: 1 is the colour, 0 is white.

    Examples
    --------
    >>> tint("#000000", 0.5)
    '#808080'
    """
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - strength * (255 - each)):02x}" for each in parts)


def compound(shapes: Iterable[shapely.Geometry]) -> Any:  # noqa: ANN401 - matplotlib's Path
    """Make one path of polygons and their holes."""
    from matplotlib.path import Path  # noqa: PLC0415 - as above

    points, moves = [np.empty((0, 2))], [np.empty(0, dtype=np.uint8)]
    parts = shapely.get_parts(np.array(list(shapes), dtype=object))
    for polygon in shapely.orient_polygons(parts[~shapely.is_empty(parts)]):
        for ring in (polygon.exterior, *polygon.interiors):
            line = shapely.get_coordinates(ring)
            move = np.full(len(line), Path.LINETO, dtype=np.uint8)
            move[0], move[-1] = Path.MOVETO, Path.CLOSEPOLY
            points.append(line)
            moves.append(move)
    return Path(np.concatenate(points), np.concatenate(moves))


def started(
    title: str,
    bounds: Sequence[float],
    *,
    tallest_in: float,
    entries: Sequence[Entry],
    page: Page = REPORT,
) -> Canvas:
    """Open a plate on a part of the ground, its legend below.

    Parameters
    ----------
    title
        Of the plate; empty: none.
    bounds
        West, south, east, north in metres.
    tallest_in
        Height of the map at most, in inches, where the page has none.
    entries
        The legend.
    page
        What it is drawn on.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - as above
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    west, south, east, north = bounds
    wide, high = max(east - west, 1.0), max(north - south, 1.0)
    rows = sum(1 for _ in rows_of(entries, page.unit))
    lines = textwrap.wrap(title, int(_TITLE / page.unit)) if title else []
    title_in = _TITLE_IN * page.scale * len(lines)
    below_in = (_STRIP_IN + ROW_IN * rows + _FOOT_IN) * page.scale
    if page.height_in is None:
        map_in = min(page.width_in * high / wide, tallest_in)
    else:
        map_in = max(page.height_in - title_in - below_in, 1.0)
    full = title_in + map_in + below_in
    size = (page.width_in + 2 * page.margin_in, full + 2 * page.margin_in)
    figure = Figure(figsize=size, dpi=page.dpi, facecolor=PAPER)
    FigureCanvasAgg(figure)
    across, up = page.margin_in / size[0], page.margin_in / size[1]
    axes = figure.add_axes((across, up + below_in / size[1], 1 - 2 * across, map_in / size[1]))
    axes.set_axis_off()
    # The map keeps its shape: what is narrower than the page lies in its middle.
    spare = (wide / high) / (page.width_in / map_in)
    half_wide = wide / 2 / min(spare, 1.0)
    half_high = high / 2 * max(spare, 1.0)
    across, up = (west + east) / 2, (south + north) / 2
    axes.set_xlim(across - half_wide, across + half_wide)
    axes.set_ylim(up - half_high, up + half_high)
    sheet = sheet_of(figure, page, *size)
    canvas = Canvas(figure, axes, page, sheet, full, list(entries))
    for place, line in enumerate(lines):
        y = 1 - (0.16 + 0.24 * place) * page.scale / full
        write(canvas, 0.0, y, line, size=11, bold=True)
    draw_scale(canvas, (below_in - _STRIP_IN * page.scale) / full)
    draw_legend(canvas, _FOOT_IN)
    return canvas


def widened(bounds: Sequence[float], share: float = _MARGIN) -> tuple[float, float, float, float]:
    """Leave a margin around bounds."""
    west, south, east, north = bounds
    more = share * max(east - west, north - south, 1.0)
    return west - more, south - more, east + more, north + more


def fill(
    canvas: Canvas,
    path: Any,  # noqa: ANN401
    face: str,
    *,
    hatch: str | None = None,
    hatch_colour: str = INK,
    edge: str = "#9aa4ae",
    width: float = 0.25,
) -> None:
    """Fill areas, with a hatch over the colour where one is given.

    `add_patch` would look at each point for the limits of the map, which are known.
    """
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - as above

    if not len(path.vertices):
        return
    width *= canvas.page.scale
    canvas.axes.add_artist(PathPatch(path, facecolor=face, edgecolor=edge, linewidth=width))
    if hatch is not None:
        lines = {"hatch": canvas.page.hatch(hatch), "edgecolor": hatch_colour, "linewidth": 0}
        over = PathPatch(path, facecolor="none", **lines)
        canvas.axes.add_artist(over)


def outline(
    canvas: Canvas,
    path: Any,  # noqa: ANN401
    *,
    colour: str = INK,
    width: float = 1.1,
    dashed: bool = False,
) -> None:
    """Draw borders."""
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - as above

    if not len(path.vertices):
        return
    width *= canvas.page.scale
    style = (0, (4, 2)) if dashed else "solid"
    line = {"facecolor": "none", "edgecolor": colour, "linewidth": width, "linestyle": style}
    canvas.axes.add_artist(PathPatch(path, joinstyle="round", **line))


def label(canvas: Canvas, labels: Sequence[Label]) -> int:
    """Write names where there is room, the first ones first; return how many found none.

    A name is tried on its place, or beside its dot, then around it; one that is needed, in smaller
    letters too.
    """
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - as above

    renderer = canvas.figure.canvas.get_renderer()
    box = canvas.axes.get_window_extent(renderer)
    taken = np.empty((0, 4))
    scale = canvas.page.scale
    dot = scale * canvas.page.dpi / 72 / 2  # pixels of half a point
    points = [(each, canvas.axes.transData.transform((each.x, each.y))) for each in labels]
    for each, (x, y) in points:
        if each.dot:
            half = each.dot * dot
            taken = np.vstack([taken, [x - half, y - half, x + half, y + half]])
            canvas.axes.plot(
                [each.x], [each.y], marker="o", markersize=each.dot * scale, color=each.colour,
                markeredgecolor=PAPER, markeredgewidth=0.6 * scale, zorder=5,
            )  # fmt: skip
    missed = 0
    for each, (x, y) in points:
        text = plain(each.text)
        for smaller in _SMALLER if each.needed else (1.0,):
            font = FontProperties(
                family=FONT,
                size=each.size * scale * smaller,
                weight="bold" if each.bold else "normal",
                style="italic" if each.italic else "normal",
            )
            wide, high, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
            step = high * 0.75 + each.dot * dot
            side = wide / 2 + step
            tries = [(0, 0), (0, step), (0, -step), (side, 0), (-side, 0)]
            tries += [(side, step), (-side, step), (side, -step), (-side, -step)]
            tries += [(wide / 3, 2 * step), (-wide / 3, 2 * step), (0, -2 * step), (0, 2 * step)]
            spot = _spot(tries[1:] if each.dot else tries, (x, y), (wide, high), taken, box)
            if spot is not None:
                break
        if spot is None and not each.needed:
            missed += 1
            continue
        dx, dy = spot or (0.0, step)
        middle = (x + dx, y + dy)
        frame = [middle[0] - wide / 2, middle[1] - high / 2]
        taken = np.vstack([taken, [*frame, middle[0] + wide / 2, middle[1] + high / 2]])
        _name(canvas, middle, text, each, font)
    return missed


def _spot(
    tries: Sequence[tuple[float, float]],
    point: tuple[float, float],
    size: tuple[float, float],
    taken: np.ndarray,
    box: Any,  # noqa: ANN401
) -> tuple[float, float] | None:
    """Find the first place where a name lies over no other and inside the map."""
    for dx, dy in tries:
        west, east = point[0] + dx - size[0] / 2, point[0] + dx + size[0] / 2
        south, north = point[1] + dy - size[1] / 2, point[1] + dy + size[1] / 2
        if west < box.x0 or east > box.x1 or south < box.y0 or north > box.y1:
            continue
        over = (taken[:, 0] < east) & (taken[:, 2] > west)
        over &= (taken[:, 1] < north) & (taken[:, 3] > south)
        if not over.any():
            return dx, dy
    return None


def _name(canvas: Canvas, middle: tuple[float, float], text: str, each: Label, font: Any) -> None:  # noqa: ANN401
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - as above

    place = canvas.axes.transData.inverted().transform(middle)
    canvas.axes.text(
        *place,
        text,
        fontproperties=font,
        color=each.colour,
        ha="center",
        va="center",
        zorder=6,
        parse_math=False,
        path_effects=[withStroke(linewidth=1.8 * canvas.page.scale, foreground=PAPER)],
    )


def finished(canvas: Canvas, sources: str, note: str | None) -> bytes:
    """Write the sources below and return the plate as a file: few colours, no date."""
    inch = canvas.page.scale / canvas.full_in
    letters = int(_SOURCES / canvas.page.unit)
    lines = textwrap.wrap(sources, letters, max_lines=2, placeholder="…")
    for below, line in enumerate(lines):
        write(canvas, 0.0, (0.33 - 0.1 * below) * inch, line, size=6, colour=QUIET)
    if note:
        write(canvas, 0.0, 0.08 * inch, note, size=6.5, bold=True, colour="#8a1c1c")
    return encoded(canvas)
