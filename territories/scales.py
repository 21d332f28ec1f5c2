"""At which scales a division is stable: a table and a small plot, before a number is chosen."""

from __future__ import annotations

import html
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from territories._words import number, say
from territories.aci import aci_size
from territories.communities import bounded, number_of, resampled
from territories.errors import InputError, fault
from territories.graph import attraction_network
from territories.scan import fall, scanned
from territories.stability import GROUND, checked_runs, leiden_of
from territories.task import asked

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from territories.communities import Problem
    from territories.flows import Flows
    from territories.network import Ints
    from territories.task import Task

# Seeds, resamples and neighbouring scales agree at least so far (adjusted Rand index) where a
# division is called stable.
STABLE: Final = 0.95

_WIDTH, _HEIGHT = 420, 150


@dataclass(frozen=True, eq=False)
class Scales:
    """Divisions from coarse to fine, and how far each can be trusted.

    Attributes
    ----------
    table
        One row for each resolution: `resolution`; `territories`; `inside`, the share of care that
        stays inside; `agreement_seeds`, `agreement_resamples`, mean adjusted Rand index with the
        divisions of other seeds and of patients drawn again; `persistence`, the same with those of
        the resolutions just before and after; `stable`, all three are 0.95 or more; `aci_1` to
        `aci_4`, territories of each ACI size; `smallest`, inhabitants of the smallest territory;
        `proposed`, where `delineate` starts without a number: the last before the share inside
        falls (it draws fewer territories where fewer can have a place of care).
    """

    table: pd.DataFrame

    @property
    def proposed(self) -> int:
        """Number of territories of the scale that is proposed."""
        return int(self.table.loc[self.table["proposed"], "territories"].iloc[0])

    def plot(self) -> str:
        """Draw the share inside over the number of territories, as SVG."""
        table = self.table
        x = _placed(table["territories"], _WIDTH)
        y = _HEIGHT - _placed(table["inside"], _HEIGHT, low=0.0, high=1.0)
        line = " ".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y, strict=True))
        dots = "".join(
            f'<circle cx="{a:.0f}" cy="{b:.0f}" r="{5 if chosen else 3}" '
            f'fill="{"#b3367a" if chosen else "#1b5e8c" if stable else "#fff"}" stroke="#1b5e8c">'
            f"<title>{count} : {number(100 * share)} %</title></circle>"
            for a, b, count, share, stable, chosen in zip(
                x,
                y,
                table["territories"],
                table["inside"],
                table["stable"],
                table["proposed"],
                strict=True,
            )
        )
        low, high = int(table["territories"].min()), int(table["territories"].max())
        title = html.escape(say("scales.plot"))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" '
            f'viewBox="-40 -20 {_WIDTH + 60} {_HEIGHT + 60}" width="{_WIDTH + 60}" '
            'font-family="sans-serif" font-size="12">'
            f'<text x="0" y="-6">{title}</text>'
            f'<path d="M0 0V{_HEIGHT}H{_WIDTH}" fill="none" stroke="#666"/>'
            f'<polyline points="{line}" fill="none" stroke="#1b5e8c"/>{dots}'
            f'<text x="-6" y="{_HEIGHT}" text-anchor="end">0</text>'
            '<text x="-6" y="10" text-anchor="end">100 %</text>'
            f'<text x="0" y="{_HEIGHT + 18}">{low}</text>'
            f'<text x="{_WIDTH}" y="{_HEIGHT + 18}" text-anchor="end">{high}</text></svg>'
        )

    def __repr__(self) -> str:
        """Return what matters of the scales."""
        stable = self.table.loc[self.table["stable"], "territories"]
        ranges = ", ".join(map(str, sorted(set(stable))))
        return f"<Scales: {self.proposed} territories proposed; stable: {ranges or 'none'}>"

    def _repr_html_(self) -> str:
        """Show the plot and the table in a notebook."""
        return f"<p>{html.escape(repr(self))}</p>{self.plot()}{self.table.to_html(index=False)}"


def _placed(
    values: pd.Series, length: float, *, low: float | None = None, high: float | None = None
) -> pd.Series:
    least, most = values.min() if low is None else low, values.max() if high is None else high
    return (values - least) / max(most - least, 1e-9) * length


def scales(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    runs: int = 3,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
    **options: Any,  # noqa: ANN401
) -> Scales:
    """Scan resolutions from coarse to fine, until half of the care that stayed inside is lost.

    Parameters
    ----------
    flows, communes
        See `delineate`.
    runs
        How many other seeds, and how many resamples, each division is compared with.
    seed
        Seed of the divisions.
    tell
        Called with the name of each stage as it begins.
    **options
        Options of `delineate`, but for a number or a resolution.

    Raises
    ------
    InputError
        If `runs` is not an integer over 0, or a number or a resolution is given.
    ConstraintError
        As `delineate`; if all flows are zero; for another method than ``"leiden"``.
    """
    checked_runs(runs)
    if options.get("territories") is not None or options.get("resolution") is not None:
        raise InputError(fault("scales_without_number"))
    given = {name: options.pop(name) for name in GROUND if name in options}
    ground = attraction_network(flows, communes, **given, tell=tell)
    task = asked(ground, seed=seed, **options)
    leiden_of(task, "scales")
    tell("search")
    return Scales(_measured(task, runs))


def _measured(task: Task, runs: int) -> pd.DataFrame:
    """Measure the divisions of a scan: how many communities, what stays inside, what holds."""
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415 - a second, here only

    network, seed, null = task.network, task.seed, leiden_of(task, "scales").null
    tried, divisions, kept = scanned(network, task.problem, seed=seed)
    free = task.problem.without_poles()
    redrawn = [free.with_flows(resampled(network, seed + 1 + run), null) for run in range(runs)]

    def agreement(place: int, problems: list[Problem], seeds: list[int]) -> float:
        others: list[Ints] = [
            bounded(each, tried[place], seed=other)
            for each, other in zip(problems, seeds, strict=True)
        ]
        return float(np.mean([adjusted_rand_score(divisions[place], each) for each in others]))

    places = range(len(tried))
    near = [adjusted_rand_score(one, other) for one, other in pairwise(divisions)]
    people = [np.bincount(each, network.population) for each in divisions]
    sizes = [aci_size(pd.Series(each)).value_counts() for each in people]
    table = pd.DataFrame(
        {
            "resolution": tried,
            "territories": [number_of(each) for each in divisions],
            "inside": kept,
            "agreement_seeds": [
                agreement(place, [free] * runs, [seed + 1 + run for run in range(runs)])
                for place in places
            ],
            "agreement_resamples": [agreement(place, redrawn, [seed] * runs) for place in places],
            "persistence": [
                float(np.mean([*near[max(place - 1, 0) : place], *near[place : place + 1]]))
                if near
                else 1.0
                for place in places
            ],
            **{f"aci_{size}": [int(each.get(size, 0)) for each in sizes] for size in range(1, 5)},
            "smallest": [int(each.min()) for each in people],
            "proposed": np.arange(len(tried)) == fall(tried, kept),
        }
    )
    held = table[["agreement_seeds", "agreement_resamples", "persistence"]].min(axis=1)
    table.insert(6, "stable", held >= STABLE)
    return table
