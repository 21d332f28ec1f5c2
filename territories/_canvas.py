"""The pages that maps are drawn on, of the report or of paper, and the files they become."""

from __future__ import annotations

import contextlib
import io
import math
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["png", "svg", "pdf"]
Paper = Literal["A4", "A3"]

KINDS: Final = get_args(Kind)
SIZES: Final = get_args(Paper)

WIDTH_IN: Final = 7.1  # between the margins of an A4 page
FONT: Final = "DejaVu Sans"  # comes with matplotlib: the same letters on all machines
INK: Final = "#18212b"
QUIET: Final = "#5b6671"
PAPER: Final = "#ffffff"

# Short and long side in inches, margin, and how much larger than in the report all is drawn: on A3
# the legend is read from two metres.
_PAPERS: Final = {"A4": (8.27, 11.69, 0.4, 1.15), "A3": (11.69, 16.54, 0.5, 2.3)}
_PAPER_DPI: Final = 200
_AROUND_IN: Final = 1.6  # title, scale, legend and sources, at the scale of the report
_COLOURS: Final = 256  # of a picture on paper

# matplotlib has one set of settings for all threads: they draw one after the other.
_DRAWING: Final = threading.RLock()


@dataclass(frozen=True)
class Page:
    """What a map is drawn on.

    Parameters
    ----------
    width_in
        Of the drawing, margins aside, in inches.
    height_in
        Likewise; None: as high as what is on it.
    margin_in
        On all sides.
    scale
        How much larger letters and lines are than in the report.
    dpi, colours
        Of a picture.
    kind
        Of the file.
    """

    width_in: float = WIDTH_IN
    height_in: float | None = None
    margin_in: float = 0.0
    scale: float = 1.0
    dpi: int = 160
    colours: int = 80
    kind: Kind = "png"

    @property
    def unit(self) -> float:
        """Return what a part of the report's width is, in parts of this one's."""
        return self.scale * WIDTH_IN / self.width_in

    def hatch(self, pattern: str) -> str:
        """Keep the lines of a hatch as far apart as its scale wants."""
        return pattern[: math.ceil(len(pattern) / self.scale)]


REPORT: Final = Page()


@dataclass(frozen=True)
class Entry:
    """One line of a legend: how an area or a line is drawn, and what it means."""

    text: str
    face: str = PAPER
    hatch: str | None = None
    hatch_colour: str = INK
    line: str | None = None
    dashed: bool = False


@dataclass
class Canvas:
    """A plate being drawn."""

    figure: Any
    axes: Any
    page: Page
    sheet: Any  # transform: from parts of what lies between the margins
    full_in: float  # height between the margins
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
def defaults(page: Page = REPORT) -> Iterator[None]:
    """Draw as matplotlib does by default, whatever the user's settings; they come back after."""
    import matplotlib as mpl  # noqa: PLC0415 - a third of a second, for those who draw

    with _DRAWING, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["hatch.linewidth"] = 0.7 * page.scale
        mpl.rcParams["svg.hashsalt"] = "territories"  # names in the file do not change
        mpl.rcParams["svg.fonttype"] = "path"  # letters show where the font is not
        mpl.rcParams["pdf.fonttype"] = 42  # the font is in the file, its text can be searched
        yield


def write(
    canvas: Canvas,
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
    canvas.figure.text(
        x,
        y,
        plain(text),
        fontsize=size * canvas.page.scale,
        fontweight="bold" if bold else "normal",
        fontfamily=FONT,
        color=colour,
        ha="right" if right else "left",
        va="center",
        parse_math=False,
        transform=canvas.sheet,
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


def paper(size: Paper, kind: Kind, bounds: Sequence[float]) -> Page:
    """Lay a sheet of paper so that what is drawn is as large as can be.

    Parameters
    ----------
    size
        Of the paper.
    kind
        Of the file.
    bounds
        West, south, east, north of what is drawn.
    """
    short, long, margin, scale = _PAPERS[size]
    west, south, east, north = bounds
    wide, high = max(east - west, 1.0), max(north - south, 1.0)
    pages = [
        Page(across - 2 * margin, up - 2 * margin, margin, scale, _PAPER_DPI, _COLOURS, kind)
        for across, up in ((short, long), (long, short))
    ]

    def room(page: Page) -> float:
        left = (page.height_in or 0.0) - _AROUND_IN * scale
        return min(page.width_in / wide, left / high)

    return max(pages, key=room)


def sheet_of(figure: Any, page: Page, width_in: float, height_in: float) -> Any:  # noqa: ANN401
    """Return the transform of what lies between the margins, in parts of it, to the figure."""
    from matplotlib.transforms import Affine2D  # noqa: PLC0415 - as above

    if not page.margin_in:
        return figure.transFigure
    across, up = page.margin_in / width_in, page.margin_in / height_in
    inner = Affine2D().scale(1 - 2 * across, 1 - 2 * up).translate(across, up)
    return inner + figure.transFigure


def encoded(canvas: Canvas) -> bytes:
    """Return a plate as the file of its page: without date, author or program."""
    page, figure = canvas.page, canvas.figure
    out = io.BytesIO()
    if page.kind == "svg":
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        return out.getvalue()
    if page.kind == "pdf":
        silent = {"CreationDate": None, "Creator": None, "Producer": None}
        figure.savefig(out, format="pdf", metadata=silent)
        return out.getvalue()
    from PIL import Image  # noqa: PLC0415 - as above

    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    few = picture.quantize(colors=page.colours, dither=Image.Dither.NONE)
    # The highest level takes seven times as long for three hundredths of the size.
    few.save(out, format="PNG", compress_level=7, dpi=(page.dpi, page.dpi))
    return out.getvalue()
