"""What lies below a map: its scale and north, its legend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from territories._canvas import INK, PAPER, QUIET, Canvas, Entry, write
from territories._words import number, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROW_IN: Final = 0.22
_LETTER: Final = 0.0088  # width of a letter, in parts of the report's width


def draw_scale(canvas: Canvas, bottom: float) -> None:
    """Draw the scale bar and the north, below the map."""
    from matplotlib.patches import Polygon, Rectangle  # noqa: PLC0415 - as above

    left, right = canvas.axes.get_xlim()
    length = nice_length((right - left) / 5)
    part = length / (right - left)
    inch, unit = canvas.page.scale / canvas.full_in, canvas.page.unit
    low = bottom + 0.16 * inch
    for half in range(2):
        canvas.figure.add_artist(
            Rectangle(
                (0.004 * unit + part * half / 2, low),
                part / 2,
                0.05 * inch,
                facecolor=INK if half == 0 else PAPER,
                edgecolor=INK,
                linewidth=0.7 * canvas.page.scale,
                transform=canvas.sheet,
            )
        )
    shown = length / 1000
    text = f"{number(shown, digits=0 if shown.is_integer() else 1)} km"
    write(canvas, 0.012 * unit + part, low + 0.025 * inch, text, size=7)
    x = 1 - 0.015 * unit
    points = [
        (x - 0.006 * unit, low - 0.03 * inch),
        (x, low + 0.16 * inch),
        (x + 0.006 * unit, low - 0.03 * inch),
        (x, low + 0.01 * inch),
    ]
    north = Polygon(points, closed=True, facecolor=INK, edgecolor=INK, transform=canvas.sheet)
    canvas.figure.add_artist(north)
    write(canvas, x - 0.012 * unit, low + 0.05 * inch, say("plate.north"), size=7, right=True)


def nice_length(metres: float) -> float:
    """Return the largest round length, 1, 2 or 5 times a power of ten, that is not longer.

    Examples
    --------
    >>> nice_length(43_000), nice_length(999)
    (20000.0, 500.0)
    """
    power = 10.0 ** math.floor(math.log10(metres))
    return max(each for each in (1.0, 2.0, 5.0) if each * power <= metres * (1 + 1e-9)) * power


def rows_of(entries: Sequence[Entry], unit: float) -> Iterator[list[tuple[float, Entry]]]:
    """Set the entries of a legend in rows: each with its left side, in parts of the width."""
    row: list[tuple[float, Entry]] = []
    left = 0.0
    for entry in entries:
        wide = (0.05 + _LETTER * len(entry.text)) * unit
        if row and left + wide > 1:
            yield row
            row, left = [], 0.0
        row.append((left, entry))
        left += wide + 0.012 * unit
    if row:
        yield row


def draw_legend(canvas: Canvas, bottom_in: float) -> None:
    """Draw the legend from a height on, in inches of the report."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - as above
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - as above

    inch, unit = canvas.page.scale / canvas.full_in, canvas.page.unit
    rows = list(rows_of(canvas.entries, unit))
    wide, high = 0.032 * unit, 0.12 * inch
    for place, row in enumerate(rows):
        low = (bottom_in + ROW_IN * (len(rows) - place - 1) + 0.05) * inch
        for left, entry in row:
            start = left + 0.002 * unit
            if entry.line is not None:
                line = Line2D(
                    [start, start + wide], [low + high / 2] * 2, color=entry.line,
                    linewidth=1.6 * canvas.page.scale,
                    dashes=(4, 2) if entry.dashed else (None, None),
                    transform=canvas.sheet,
                )  # fmt: skip
                canvas.figure.add_artist(line)
            else:
                area = Rectangle(
                    (start, low),
                    wide,
                    high,
                    facecolor=entry.face,
                    edgecolor=QUIET,
                    transform=canvas.sheet,
                )
                area.set_linewidth(0.5 * canvas.page.scale)
                canvas.figure.add_artist(area)
                if entry.hatch is not None:
                    over = Rectangle((start, low), wide, high, facecolor="none", linewidth=0)
                    over.set_transform(canvas.sheet)
                    over.set_hatch(canvas.page.hatch(entry.hatch))
                    over.set_edgecolor(entry.hatch_colour)
                    canvas.figure.add_artist(over)
            write(canvas, left + 0.042 * unit, low + high / 2, entry.text, size=7)
