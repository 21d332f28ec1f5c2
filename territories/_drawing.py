"""Drawing a plate: shapes, hatches, names that do not overlap, scale, north, legend, sources.

matplotlib is used through its figures, never through its global state, and loaded when needed.
"""

from __future__ import annotations

import contextlib
import io
import math
import textwrap
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import shapely

from territories._words import number, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WIDTH_IN: Final = 7.1  # between the margins of an A4 page
DPI: Final = 160
FONT: Final = "DejaVu Sans"  # comes with matplotlib: the same letters on all machines
INK: Final = "#18212b"
QUIET: Final = "#5b6671"
PAPER: Final = "#ffffff"

_COLOURS: Final = 80
_STRIP_IN: Final = 0.42
_TITLE_IN: Final = 0.34
_FOOT_IN: Final = 0.46
_SOURCES: Final = 140  # letters on a line
_LEGEND_ROW_IN: Final = 0.22
_MARGIN: Final = 0.02


@dataclass(frozen=True)
class Entry:
    """One line of a legend: how an area or a line is drawn, and what it means."""

    text: str
    face: str = PAPER
    hatch: str | None = None
    hatch_colour: str = INK
    line: str | None = None
    dashed: bool = False


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


@dataclass
class Canvas:
    """A plate being drawn."""

    figure: Any
    axes: Any
    entries: list[Entry] = field(default_factory=list)


class Size(NamedTuple):
    """Width and height of a picture in pixels."""

    width: int
    height: int


def measured(png: bytes) -> Size:
    """Read the size of a PNG picture: its first chunk tells."""
    width, height = (int.from_bytes(png[place : place + 4], "big") for place in (16, 20))
    return Size(width, height)


@contextlib.contextmanager
def defaults() -> Iterator[None]:
    """Draw as matplotlib does by default, whatever the user's settings; they come back after."""
    import matplotlib as mpl  # noqa: PLC0415 - a third of a second, for those who draw

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["hatch.linewidth"] = 0.7
        yield


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
    title: str, bounds: Sequence[float], *, tallest_in: float, entries: Sequence[Entry]
) -> Canvas:
    """Open a plate on a part of the ground, its legend below.

    Parameters
    ----------
    title
        Of the plate; empty: none.
    bounds
        West, south, east, north in metres.
    tallest_in
        Height of the map at most, in inches.
    entries
        The legend.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - as above
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    west, south, east, north = bounds
    wide, high = max(east - west, 1.0), max(north - south, 1.0)
    map_in = min(WIDTH_IN * high / wide, tallest_in)
    rows = sum(1 for _ in _legend_rows(entries))
    legend_in = _LEGEND_ROW_IN * rows
    title_in = _TITLE_IN if title else 0.0
    full = title_in + map_in + _STRIP_IN + legend_in + _FOOT_IN
    figure = Figure(figsize=(WIDTH_IN, full), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, (_STRIP_IN + legend_in + _FOOT_IN) / full, 1, map_in / full))
    axes.set_axis_off()
    # The map keeps its shape: what is narrower than the page lies in its middle.
    spare = (wide / high) / (WIDTH_IN / map_in)
    half_wide = wide / 2 / min(spare, 1.0)
    half_high = high / 2 * max(spare, 1.0)
    across, up = (west + east) / 2, (south + north) / 2
    axes.set_xlim(across - half_wide, across + half_wide)
    axes.set_ylim(up - half_high, up + half_high)
    if title:
        write(figure, 0.0, 1 - 0.16 / full, title, size=11, bold=True)
    canvas = Canvas(figure=figure, axes=axes, entries=list(entries))
    _scale(canvas, (legend_in + _FOOT_IN) / full, full)
    _legend(canvas, full)
    return canvas


def widened(bounds: Sequence[float], share: float = _MARGIN) -> tuple[float, float, float, float]:
    """Leave a margin around bounds."""
    west, south, east, north = bounds
    more = share * max(east - west, north - south, 1.0)
    return west - more, south - more, east + more, north + more


def write(
    figure: Any,  # noqa: ANN401
    x: float,
    y: float,
    text: str,
    *,
    size: float = 7.0,
    bold: bool = False,
    colour: str = INK,
    right: bool = False,
) -> None:
    """Write on the sheet, in parts of its width and height."""
    figure.text(
        x,
        y,
        plain(text),
        fontsize=size,
        fontweight="bold" if bold else "normal",
        fontfamily=FONT,
        color=colour,
        ha="right" if right else "left",
        va="center",
        parse_math=False,
    )


@cache
def _letters() -> frozenset[int]:
    from matplotlib import font_manager  # noqa: PLC0415 - as above

    return frozenset(font_manager.get_font(font_manager.findfont(FONT)).get_charmap())


def plain(text: str) -> str:
    """Keep the letters that the font has, on one line."""
    known = _letters()
    kept = (each if each.isprintable() and ord(each) in known else "\ufffd" for each in text)
    return "".join(kept)


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
    canvas.axes.add_artist(PathPatch(path, facecolor=face, edgecolor=edge, linewidth=width))
    if hatch is not None:
        over = PathPatch(path, facecolor="none", hatch=hatch, edgecolor=hatch_colour, linewidth=0)
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
    style = (0, (4, 2)) if dashed else "solid"
    line = {"facecolor": "none", "edgecolor": colour, "linewidth": width, "linestyle": style}
    canvas.axes.add_artist(PathPatch(path, joinstyle="round", **line))


def label(canvas: Canvas, labels: Sequence[Label]) -> int:
    """Write names where there is room, the first ones first; return how many found none.

    A name is tried on its place, or beside its dot, then around it.
    """
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - as above

    renderer = canvas.figure.canvas.get_renderer()
    box = canvas.axes.get_window_extent(renderer)
    taken = np.empty((0, 4))
    points = [(each, canvas.axes.transData.transform((each.x, each.y))) for each in labels]
    for each, (x, y) in points:
        if each.dot:
            half = each.dot * DPI / 72 / 2
            taken = np.vstack([taken, [x - half, y - half, x + half, y + half]])
            canvas.axes.plot(
                [each.x], [each.y], marker="o", markersize=each.dot, color=each.colour,
                markeredgecolor=PAPER, markeredgewidth=0.6, zorder=5,
            )  # fmt: skip
    missed = 0
    for each, (x, y) in points:
        text = plain(each.text)
        font = FontProperties(
            family=FONT,
            size=each.size,
            weight="bold" if each.bold else "normal",
            style="italic" if each.italic else "normal",
        )
        wide, high, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
        step = high * 0.75 + each.dot * DPI / 72 / 2
        side = wide / 2 + step
        tries = [(0, 0), (0, step), (0, -step), (side, 0), (-side, 0)]
        tries += [(side, step), (-side, step), (side, -step), (-side, -step)]
        tries += [(wide / 3, 2 * step), (-wide / 3, 2 * step), (0, -2 * step), (0, 2 * step)]
        spot = _spot(tries[1:] if each.dot else tries, (x, y), (wide, high), taken, box)
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
        path_effects=[withStroke(linewidth=1.8, foreground=PAPER)],
    )


def _scale(canvas: Canvas, bottom: float, full: float) -> None:
    """Draw the scale bar and the north, below the map."""
    from matplotlib.patches import Polygon, Rectangle  # noqa: PLC0415 - as above

    left, right = canvas.axes.get_xlim()
    length = nice_length((right - left) / 5)
    part = length / (right - left)
    low = bottom + 0.16 / full
    for half in range(2):
        canvas.figure.add_artist(
            Rectangle(
                (0.004 + part * half / 2, low),
                part / 2,
                0.05 / full,
                facecolor=INK if half == 0 else PAPER,
                edgecolor=INK,
                linewidth=0.7,
            )
        )
    shown = length / 1000
    text = f"{number(shown, digits=0 if shown.is_integer() else 1)} km"
    write(canvas.figure, 0.012 + part, low + 0.025 / full, text, size=7)
    x = 0.985
    points = [
        (x - 0.006, low - 0.03 / full),
        (x, low + 0.16 / full),
        (x + 0.006, low - 0.03 / full),
        (x, low + 0.01 / full),
    ]
    canvas.figure.add_artist(Polygon(points, closed=True, facecolor=INK, edgecolor=INK))
    write(canvas.figure, x - 0.012, low + 0.05 / full, say("plate.north"), size=7, right=True)


def nice_length(metres: float) -> float:
    """Return the largest round length, 1, 2 or 5 times a power of ten, that is not longer.

    Examples
    --------
    >>> nice_length(43_000), nice_length(999)
    (20000.0, 500.0)
    """
    power = 10.0 ** math.floor(math.log10(metres))
    return max(each for each in (1.0, 2.0, 5.0) if each * power <= metres * (1 + 1e-9)) * power


def _legend_rows(entries: Sequence[Entry]) -> Iterator[list[tuple[float, Entry]]]:
    """Set the entries of a legend in rows: each with its left side, in parts of the width."""
    row: list[tuple[float, Entry]] = []
    left = 0.0
    for entry in entries:
        wide = 0.05 + 0.0088 * len(entry.text)
        if row and left + wide > 1:
            yield row
            row, left = [], 0.0
        row.append((left, entry))
        left += wide + 0.012
    if row:
        yield row


def _legend(canvas: Canvas, full: float) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - as above
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - as above

    rows = list(_legend_rows(canvas.entries))
    for place, row in enumerate(rows):
        low = (_FOOT_IN + _LEGEND_ROW_IN * (len(rows) - place - 1) + 0.05) / full
        high = 0.12 / full
        for left, entry in row:
            if entry.line is not None:
                line = Line2D(
                    [left + 0.002, left + 0.034], [low + high / 2] * 2, color=entry.line,
                    linewidth=1.6,
                    dashes=(4, 2) if entry.dashed else (None, None),
                )  # fmt: skip
                canvas.figure.add_artist(line)
            else:
                corner = (left + 0.002, low)
                area = Rectangle(corner, 0.032, high, facecolor=entry.face, edgecolor=QUIET)
                area.set_linewidth(0.5)
                canvas.figure.add_artist(area)
                if entry.hatch is not None:
                    over = Rectangle(corner, 0.032, high, facecolor="none", linewidth=0)
                    over.set_hatch(entry.hatch)
                    over.set_edgecolor(entry.hatch_colour)
                    canvas.figure.add_artist(over)
            write(canvas.figure, left + 0.042, low + high / 2, entry.text, size=7)


def finished(canvas: Canvas, sources: str, note: str | None) -> bytes:
    """Write the sources below and return the plate as PNG: few colours, no date."""
    from PIL import Image  # noqa: PLC0415 - as above

    full = canvas.figure.get_size_inches()[1]
    lines = textwrap.wrap(sources, _SOURCES, max_lines=2, placeholder="…")
    for below, line in enumerate(lines):
        write(canvas.figure, 0.0, (0.33 - 0.1 * below) / full, line, size=6, colour=QUIET)
    if note:
        write(canvas.figure, 0.0, 0.08 / full, note, size=6.5, bold=True, colour="#8a1c1c")
    canvas.figure.canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.figure.canvas.buffer_rgba())).convert("RGB")
    few = picture.quantize(colors=_COLOURS, dither=Image.Dither.NONE)
    out = io.BytesIO()
    # The highest level takes seven times as long for three hundredths of the size.
    few.save(out, format="PNG", compress_level=7, dpi=(DPI, DPI))
    return out.getvalue()
