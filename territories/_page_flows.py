"""The flows a page may hold: cells that may be shown, and bounds of all that it does not show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories.communes import place_names
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from territories.flows import Flows
    from territories.secrecy import Secrecy

# Bounds of what is not shown are multiples of this, or of more where the threshold is raised.
_WIDTH: Final = 25

# A cell is shown rounded down to a step above the threshold. What is cut off goes with the rest:
# beside a share of four digits, an exact cell would tell the hidden one it adds up with. And it is
# shown from one step above the threshold on: were all hidden cells known to be under it, two of 10
# would be told by their sum, since neither can be more.
STEP: Final = 5

_DECIMALS: Final = 6

_INHABITANTS: Final = 10_000


def page_flows(
    flows: Flows, communes: gpd.GeoDataFrame, *, secrecy: Secrecy, step: int | None = None
) -> dict[str, list[int] | list[str] | int]:
    """Return the flows of a page, activities together.

    Parameters
    ----------
    flows
        Located flows.
    communes
        The layer, in the order of the page.
    secrecy
        The rule of disclosure.
    step
        Cells are rounded down to multiples of it above the threshold; default 5.

    Returns
    -------
    dict
        `start`, `to`, `patients`: the cells of each commune that are shown, rounded down to
        multiples of `step` above the threshold, by destination; `to` is a commune, or -(k + 1) for
        ``outside[k]``. `shown_from`: the least that a cell shows. `rest_low`, `rest_high`: for each
        commune, bounds of its patients that no cell shows. `receives`: 0 where nobody is treated,
        1 where a cell that is not shown is under `shown_from`, 2 where it may be any number.

    Raises
    ------
    InputError
        If the flows are not located.

    Notes
    -----
    A cell is shown if it is a step above the threshold at least, not masked at its source, and its
    destination has enough practitioners; it is rounded down, and what is cut off goes with the
    rest. The rest is told by an interval of a fixed width, whose lower bound is always less than
    what the hidden cells may add up to by two thresholds. So whoever knows the rule, and knows sums
    to the unit besides (from a share of four digits), cannot tell a hidden cell from what was cut
    off another.
    """
    step = STEP if step is None else step
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    order = communes.index
    table = pd.concat(
        [flows.table[["residence", "destination", "patients"]], flows.bounds()], axis=1
    )
    table = table[table["residence"].isin(order)]
    cells = table.groupby(["residence", "destination"], as_index=False, observed=True).sum()
    cells[["patients", "low", "high"]] = cells[["patients", "low", "high"]].round(_DECIMALS)
    whole = (cells["low"] == cells["high"]) & (cells["patients"] >= shown_from(secrecy, step))
    few = _few(flows, cells["destination"], secrecy)
    shown = cells[whole & ~cells["destination"].isin(few)]
    over = np.floor((shown["patients"] - secrecy.threshold) / step).astype("int64")
    shown = shown.assign(patients=secrecy.threshold + step * over)
    outside = sorted(set(shown["destination"]) - set(order))
    names = place_names(communes, outside)
    place = {code: -(k + 1) for k, code in enumerate(outside)}
    place |= {code: k for k, code in enumerate(order)}
    shown = shown.assign(
        home=order.get_indexer(pd.Index(shown["residence"])), to=shown["destination"].map(place)
    ).sort_values(["home", "to"])
    counts = np.bincount(shown["home"], minlength=len(order))
    told = shown.groupby("residence")["patients"].sum().reindex(order, fill_value=0)
    sums = cells.groupby("residence")[["low", "high"]].sum().reindex(order, fill_value=0.0)
    width = rest_width(secrecy)
    rest = sums.sub(told, axis=0).round(_DECIMALS)
    low = np.floor(rest["low"] / width)
    # Where all hidden cells together are hardly more, that there are so many tells each of them.
    most = np.floor(
        (_most(cells, shown, order, few, secrecy=secrecy, step=step) - 2 * secrecy.threshold)
        / width
    )
    low = np.minimum(low, most).clip(lower=0)
    high = np.floor(rest["high"] / width) + 1
    return {
        "step": step,
        "shown_from": shown_from(secrecy, step),
        "start": [0, *np.cumsum(counts).tolist()],
        "to": shown["to"].tolist(),
        "patients": shown["patients"].tolist(),
        "rest_low": (width * low).astype("int64").tolist(),
        "rest_high": (width * high).astype("int64").tolist(),
        "outside": [names[code] for code in outside],
        "receives": _receives(cells, order, few),
    }


def _receives(cells: pd.DataFrame, order: pd.Index, few: set[str]) -> list[int]:
    """Tell of each commune whether anyone is treated there, and what hides its cells."""
    masked = set(cells.loc[cells["low"] < cells["high"], "destination"])
    places = set(cells["destination"])
    return [int(each in places) + int(each in few or each in masked) for each in order]


def _most(
    cells: pd.DataFrame,
    shown: pd.DataFrame,
    order: pd.Index,
    few: set[str],
    *,
    secrecy: Secrecy,
    step: int,
) -> pd.Series:
    """Return what the rest of each commune may be at most, for who knows which places receive."""
    places = set(cells["destination"])
    if places & few or (cells["low"] < cells["high"]).any():
        return pd.Series(np.inf, index=order)
    number = shown["residence"].value_counts().reindex(order, fill_value=0)
    return (shown_from(secrecy, step) - 1) * (len(places) - number) + (step - 1) * number


def shown_from(secrecy: Secrecy, step: int | None = None) -> int:
    """Return the least number of patients of a cell that a page shows."""
    return secrecy.threshold + (STEP if step is None else step)


def rest_width(secrecy: Secrecy) -> int:
    """Return the width that the bounds of the rest are multiples of."""
    return _WIDTH * math.ceil(2 * secrecy.threshold / _WIDTH)


def _few(flows: Flows, destinations: pd.Series, secrecy: Secrecy) -> set[str]:
    """List the destinations with few practitioners; none where nobody knows who practises."""
    if flows.practices is not None:
        place = flows.practices["commune"]
        if flows.grouping is not None:
            poles = flows.grouping["pole"]
            place = place.map(poles).where(place.isin(poles.index), place)
        number = place.value_counts()
    elif flows.professionals is not None:
        # Who has two activities is counted twice: the largest one is what is sure.
        number = flows.professionals.groupby(level="destination").max()
    else:
        return set()
    enough = set(number.index[number >= secrecy.professionals])
    return set(destinations) - enough


def physicians(
    flows: Flows, communes: gpd.GeoDataFrame, *, secrecy: Secrecy
) -> list[float | int | None] | None:
    """Return the practitioners of each commune for 10 000 inhabitants, in the order of the layer.

    -1 where they are few; None where the commune has no inhabitants, or nobody knows how many; no
    list where it is not known who practises.
    """
    if flows.practices is None:
        return None
    number = flows.practices["commune"].value_counts()
    found: list[float | int | None] = []
    for here, people in zip(
        number.reindex(communes.index, fill_value=0), communes["population"], strict=True
    ):
        if 0 < here < secrecy.professionals:
            found.append(-1)
        elif pd.isna(people) or people <= 0:
            found.append(None)
        else:
            found.append(round(_INHABITANTS * float(here) / float(people), 1) if here else 0)
    return found


def density(communes: gpd.GeoDataFrame) -> Sequence[float | None]:
    """Return the inhabitants per km² of each commune, None where they are not known."""
    return [
        None if pd.isna(people) or area <= 0 else round(float(people) / area * 1e6, 1)
        for people, area in zip(communes["population"], communes.area, strict=True)
    ]
