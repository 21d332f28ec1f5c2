"""Compiling the engine ahead of time: once for a machine, with no file to read and no network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import geopandas as gpd
import pandas as pd
import shapely

from territories.communities import kernels
from territories.delineation import delineate
from territories.flows import Flows
from territories.redrawing import redraw
from territories.scales import scales
from territories.stability import runs_of

if TYPE_CHECKING:
    from collections.abc import Callable

# Loops that every division by the engine's own method needs.
_NEEDED: Final = ("communities", "within_limits")

_SIDE: Final = 6
_METRES: Final = 1_000.0


class Warmth(NamedTuple):
    """What `warmup` did.

    Attributes
    ----------
    seconds
        How long it took; a second or so where all was compiled already.
    compiled
        False where it was.
    folder
        Where what is compiled is kept; None: there is no compiler, or no folder to write to.
    """

    seconds: float
    compiled: bool
    folder: Path | None


def is_compiled() -> bool:
    """Tell whether the engine as it is was compiled: its folder is named after its code.

    True too where nothing is compiled at all.
    """
    return all(_is_compiled(getattr(kernels, name)) for name in _NEEDED)


def _is_compiled(function: Any) -> bool:  # noqa: ANN401
    if not hasattr(function, "py_func") or function.signatures:
        return True
    folder = _folder(function)
    if folder is None:
        return False
    source = Path(function.py_func.__code__.co_filename)
    return any(folder.glob(f"{source.stem}.{function.__name__}-*.nbi"))


def _folder(function: Any) -> Path | None:  # noqa: ANN401
    stats = getattr(function, "stats", None)
    return Path(stats.cache_path) if stats is not None and stats.cache_path else None


def warmup(*, tell: Callable[[str], None] = lambda _: None) -> Warmth:
    """Compile the engine by dividing a small country, made up here, in the ways there are.

    Parameters
    ----------
    tell
        Called with the name of each stage as it begins.
    """
    begun = time.perf_counter()
    compiled = not is_compiled()
    tell("compilation")
    communes, flows = _country()
    bounds = (3_000, 20_000)
    wishes = {"together": [["00001", "00002"]], "apart": [["00001", "00036"]]}
    ways: list[dict[str, Any]] = [
        {"territories": 4, "population": bounds},
        {"territories": 3, "population": bounds, **wishes},
        {"resolution": 1.5, "population": (None, None), "contiguous": False},
    ]
    for options in ways:
        for resample in (True, False):
            runs = runs_of(flows, communes, runs=2, resample=resample, **options)
    _ = runs.consensus
    redraw(runs.zoning, runs.task.ground, around=["00008"], population=bounds)
    scales(flows, communes, runs=1, population=bounds)
    delineate(flows, communes, method="ward", territories=4, population=bounds)
    return Warmth(time.perf_counter() - begun, compiled, _folder(kernels.communities))


def _country() -> tuple[gpd.GeoDataFrame, Flows]:
    """Make up a square country of four towns; most people go to that of their quarter."""
    places = [(column, row) for row in range(_SIDE) for column in range(_SIDE)]
    codes = [f"{number + 1:05d}" for number in range(len(places))]
    communes = gpd.GeoDataFrame(
        {"name": codes, "population": 1_000},
        geometry=[
            shapely.box(*(_METRES * each for each in (x, y, x + 1, y + 1))) for x, y in places
        ],
        index=pd.Index(codes, name="code"),
        crs="EPSG:2154",
    )
    towns = [codes[y * _SIDE + x] for x in (1, 4) for y in (1, 4)]
    near = [towns[2 * (x >= _SIDE // 2) + (y >= _SIDE // 2)] for x, y in places]
    rows = [
        (code, "soins", town, 60 if town == own else 5)
        for code, own in zip(codes, near, strict=True)
        for town in (*towns, code)
    ]
    table = pd.DataFrame(rows, columns=["residence", "activity", "destination", "patients"])
    sums = table.groupby(["residence", "activity", "destination"], as_index=False).sum()
    return communes, Flows(table=sums, communes=communes)
