"""Colours of poles and territories: neighbours on the map are told apart, by all eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from territories.zoning import Zoning

# Eight hues after Okabe & Ito (2008) and Tol (2021), darkened so that two tints stay apart from
# the full colour: blue, vermilion, green, purple, ochre, wine, sky, brown.
PALETTE: Final = (
    "#1b5fa8", "#d55e00", "#009e73", "#aa4499", "#c28a00", "#882255", "#2f9cc8", "#8c564b",
)  # fmt: skip
# How easily two of them are confused, 0 to 100: 100 (1 - d/25), d the CIEDE2000 distance of their
# shades on the map, the least of normal, deuteranopic and protanopic vision (Machado 2009).
_CONFUSION: Final = (
    (100, 0, 24, 93, 0, 59, 75, 16),
    (0, 100, 42, 0, 83, 0, 0, 37),
    (24, 42, 100, 50, 29, 65, 31, 77),
    (93, 0, 50, 100, 0, 66, 81, 28),
    (0, 83, 29, 0, 100, 0, 0, 24),
    (59, 0, 65, 66, 0, 100, 48, 53),
    (75, 0, 31, 81, 0, 48, 100, 18),
    (16, 37, 77, 28, 24, 53, 18, 100),
)
# Poles outside the layer are grey, and the page dots them: leaving the region must be seen.
OUTSIDE: Final = ("#56616c", "#7d868f", "#3b434b")

_STARTS: Final = 16
_PASSES: Final = 20
# With thousands of poles fewer starts: one more hardly changes the map, and each takes seconds.
_NODES: Final = 32_000


def territory_colours(zoning: Zoning) -> dict[str, str]:
    """Give each territory a colour that its neighbours have not.

    Parameters
    ----------
    zoning
        The territories.

    Returns
    -------
    dict
        A colour of `PALETTE` by territory, such as ``"#1b5fa8"``, or the one that was chosen for it
        (see `Zoning.colours`).
    """
    names = sorted(set(zoning.membership["territory"]))
    order = zoning.communes.index
    outside = [False] * len(names)
    found = coloured(names, outside, [(1.0, zoning.labels)], order, zoning.borders)
    return {each: zoning.colours.get(each, colour) for each, colour in found.items()}


def pole_colours(zoning: Zoning, poles: pd.Series | None = None) -> dict[str, str]:
    """Give each territory and each pole a colour that its neighbours have not.

    Parameters
    ----------
    zoning
        The territories.
    poles
        Pole of each commune, missing where it has none; None: territories only.

    Returns
    -------
    dict
        A colour by territory and by pole; those of `territory_colours` where there is no pole.
    """
    if poles is None:
        return territory_colours(zoning)
    order = zoning.communes.index
    territories = set(zoning.membership["territory"])
    found = poles.reindex(order)
    known = sorted({*found.dropna(), *territories})
    outside = [each not in order and each not in territories for each in known]
    columns = [(1.0, found), (10.0, zoning.labels)]
    painted = coloured(known, outside, columns, order, zoning.borders)
    return {each: zoning.colours.get(each, colour) for each, colour in painted.items()}


def numbers(values: pd.Series, order: pd.Index, known: Sequence[str]) -> list[int]:
    """Return the position of each value in `known`, -1 where it is missing."""
    position = {name: k for k, name in enumerate(known)}
    return [position[value] if pd.notna(value) else -1 for value in values.reindex(order)]


def coloured(
    names: list[str],
    outside: list[bool],
    columns: list[tuple[float, pd.Series]],
    order: pd.Index,
    pairs: pd.DataFrame,
) -> dict[str, str]:
    """Give each pole and territory a colour that its neighbours on the map have not.

    A territory named by its pole is one with it, so it has the colour of its pole.
    """
    left, right = (order.get_indexer(pd.Index(pairs[side])) for side in ("left", "right"))
    # Sparse: a country has thousands of poles, and each of them a few neighbours.
    shape = (len(names), len(names))
    weights = sparse.csr_array(shape)
    for weight, column in columns:
        found = np.array(numbers(column, order, names), dtype=int)
        one, other = found[left], found[right]
        kept = (one >= 0) & (other >= 0) & (one != other)
        ends = one[kept], other[kept]
        borders = sparse.coo_array((np.ones(len(ends[0])), ends), shape=shape).tocsr()
        weights = weights + weight * (borders + borders.T).sqrt()
    # Neighbours of neighbours too, a little: a colour twice in sight reads as one territory.
    near = (weights > 0).astype(float)
    entries = (weights + 0.1 * ((near @ near) > 0).astype(float)).tocoo()
    apart = entries.row != entries.col
    ends = entries.row[apart], entries.col[apart]
    weights = sparse.coo_array((entries.data[apart], ends), shape=shape).tocsr()

    chosen: dict[str, str] = {}
    for which, palette, confusion in (
        (
            np.flatnonzero(np.logical_not(outside)),
            PALETTE,
            (np.array(_CONFUSION) / 100) ** 2 + 3 * np.eye(8),
        ),
        (np.flatnonzero(outside), OUTSIDE, np.eye(len(OUTSIDE))),
    ):
        picked = _greedy(weights[which][:, which], confusion)
        chosen |= {names[k]: palette[colour] for k, colour in zip(which, picked, strict=True)}
    return chosen


def _greedy(weights: sparse.csr_array, confusion: NDArray[np.float64]) -> list[int]:
    """Colour a weighted graph, greedily and then by better choices one by one; the best of some."""
    nodes = weights.shape[0]
    heaviest = np.lexsort((np.arange(nodes), -np.round(weights.sum(axis=1), 6)))
    variety = 0.1 * weights.sum() / max(nodes, 1) ** 2
    row = np.repeat(np.arange(nodes), np.diff(weights.indptr))
    best, least = np.zeros(nodes, dtype=int), np.inf
    starts = max(1, min(_STARTS, _NODES // max(nodes, 1)))
    for start in range(min(starts, nodes)):
        colour = np.full(nodes, -1)
        used = np.zeros(len(confusion))
        for _ in range(_PASSES):
            before = colour.copy()
            for node in np.roll(heaviest, -start):
                if colour[node] >= 0:
                    used[colour[node]] -= 1
                colour[node] = -1
                about = slice(weights.indptr[node], weights.indptr[node + 1])
                beside = colour[weights.indices[about]]
                seen = beside >= 0
                near = np.bincount(beside[seen], weights.data[about][seen], len(confusion))
                cost = confusion @ near + variety * used
                # Rounded: the last bit of a sum differs from one processor to the next.
                colour[node] = np.argmin(np.round(cost, 6))
                used[colour[node]] += 1
            if np.array_equal(before, colour):
                break
        total = float(confusion[colour[row], colour[weights.indices]] @ weights.data)
        if total < least - 1e-9:
            best, least = colour, total
    return [int(each) for each in best]
