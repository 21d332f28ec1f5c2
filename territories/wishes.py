"""What is asked of a division besides following the flows, checked before any search.

Bounds, a number, communes together, apart or locked, poles. What contradicts itself is refused
with all its faults at once; what only the search can tell is left to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from territories._ties import FIRST, Ties, codes_of, quoted
from territories._words import Sentence, say
from territories.errors import ConstraintError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd
    import pandas as pd

    from territories._ties import Locked
    from territories.network import Ints


@dataclass(frozen=True)
class Bounds:
    """Inhabitants a territory may have; None: no bound."""

    minimum: int | None = None
    maximum: int | None = None

    def too_small(self, population: float) -> bool:
        """Tell whether a territory is under the minimum."""
        return self.minimum is not None and population < self.minimum

    def too_large(self, population: float) -> bool:
        """Tell whether a territory is over the maximum."""
        return self.maximum is not None and population > self.maximum


@dataclass(frozen=True, eq=False, repr=False)
class Wishes:
    """What is asked, in numbers of the communes that are placed.

    Attributes
    ----------
    bounds
        Inhabitants of a territory.
    group
        Number of the group of each commune: those of a group stay together.
    names
        Territory that a group is locked into.
    titles
        What the territories of a locked zoning are called.
    rivals
        Pairs of groups that must be apart.
    shut
        Groups that are territories already and stay as they are.
    poles
        Communes of which each territory must hold one; None: it need not.
    tied
        Codes tied to others that they join, on the shortest way between communes that are wanted
        together but do not touch.
    """

    bounds: Bounds
    group: Ints
    names: Mapping[int, str]
    titles: Mapping[str, str]
    rivals: tuple[tuple[int, int], ...]
    shut: tuple[int, ...]
    poles: tuple[int, ...] | None
    tied: tuple[str, ...]


def understood(
    layer: gpd.GeoDataFrame,
    pairs: pd.DataFrame,
    *,
    population: object = (None, None),
    territories: int | None = None,
    resolution: float | None = None,
    together: Iterable[Iterable[str]] = (),
    apart: Iterable[Iterable[str]] = (),
    locked: Locked | None = None,
    poles: Iterable[str] | None = None,
) -> Wishes:
    """Check what is asked of a division.

    Parameters
    ----------
    layer
        The communes that can be in a territory, in order; `population` may be missing.
    pairs
        Contiguity.
    population
        Minimum and maximum inhabitants of a territory.
    territories, resolution
        The number wanted, or how fine.
    together
        Groups of codes, each to be in one territory.
    apart
        Groups of codes, each in as many territories.
    locked
        Territory by code: communes of one name are in one territory, which takes that name. Or a
        zoning: its territories stay as they are.
    poles
        Codes of which each territory must hold one at least.

    Raises
    ------
    ConstraintError
        With all that is contradictory, unknown or impossible.
    """
    borders = nx.Graph(pairs[["left", "right"]].itertuples(index=False, name=None))
    borders.add_nodes_from(layer.index)
    ties = Ties(layer, borders)
    locked_faults = ties.lock(locked)
    loose = layer[~layer.index.isin(ties.closed)]
    bounds, faults = checked_bounds(population)
    people_faults = [] if faults else _people_faults(layer, loose, bounds, territories, resolution)
    faults += people_faults
    if territories is not None and resolution is not None:
        faults.append(fault("number_and_resolution"))
    if resolution is not None and not _positive(resolution):
        faults.append(fault("resolution_not_positive", value=repr(resolution)))
    if territories is not None and not (
        isinstance(territories, Integral) and _positive(territories)
    ):
        faults.append(fault("number_not_positive", value=repr(territories)))
        territories = None
    faults += locked_faults
    faults += ties.join(together)
    faults += ties.part(apart)
    wanted = None
    if poles is not None:
        wanted, poles_faults = codes_of(poles, "poles")
        faults += poles_faults
    unknown = [] if wanted is None else [code for code in wanted if code not in borders]
    if unknown:
        faults.append(fault("pole_unknown", values=quoted(unknown)))
    if not faults:
        faults += ties.connect()
    known_people = not layer["population"].isna().any()
    if not faults and known_people:
        faults += _size_faults(layer, ties, bounds)
    if territories is not None:
        free = bounds if known_people and not people_faults else Bounds()
        faults += _number_faults(layer, loose, ties, territories, free)
        faults += ties.number_faults(territories, wanted)
    if faults:
        raise ConstraintError(*faults)
    places = None if wanted is None else tuple(sorted(set(layer.index.get_indexer(wanted))))
    return _numbered(ties, bounds, places)


def _numbered(ties: Ties, bounds: Bounds, poles: tuple[int, ...] | None) -> Wishes:
    """Give the groups numbers in the order of their first communes."""
    number: dict[str, int] = {}
    group = np.empty(len(ties.layer), dtype=np.int32)
    for place, code in enumerate(ties.layer.index):
        group[place] = number.setdefault(ties.groups[code], len(number))
    of = {code: int(each) for code, each in zip(ties.layer.index, group, strict=True)}
    rivals = {tuple(sorted((of[one], of[other]))) for one, other in ties.apart}
    return Wishes(
        bounds=bounds,
        group=group,
        names={of[code]: name for code, name in ties.locks.items()},
        titles={name: title for name, title in ties.titles.items() if name in ties.shut},
        rivals=tuple(sorted(rivals)),  # type: ignore[arg-type]
        shut=tuple(sorted(of[codes[0]] for codes in ties.shut.values())),
        poles=poles,
        tied=tuple(sorted(set(ties.tied))),
    )


def _positive(value: object) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]


def checked_bounds(population: object) -> tuple[Bounds, list[Sentence]]:
    """Check a pair of bounds; return them, or what is wrong with them."""
    if not isinstance(population, (tuple, list)) or len(population) != 2:  # noqa: PLR2004
        return Bounds(), [fault("population_not_pair", value=repr(population))]
    faults = [
        fault("bound_not_positive", value=repr(bound))
        for bound in population
        if bound is not None and not (isinstance(bound, Integral) and _positive(bound))
    ]
    if faults:
        return Bounds(), faults
    low, high = (None if bound is None else int(bound) for bound in population)
    if low is not None and high is not None and low > high:
        return Bounds(), [fault("bounds_crossed", minimum=low, maximum=high)]
    return Bounds(low, high), []


def _people_faults(
    layer: gpd.GeoDataFrame,
    loose: gpd.GeoDataFrame,
    bounds: Bounds,
    territories: int | None,
    resolution: float | None,
) -> list[Sentence]:
    """Compare the bounds with the inhabitants, which must be known then."""
    unknown = layer.index[layer["population"].isna()]
    if len(unknown):
        if bounds == Bounds() and (territories is not None or resolution is not None):
            return []
        first = ", ".join(f"{layer['name'][code]} ({code})" for code in unknown[:FIRST])
        more = ", …" if len(unknown) > FIRST else ""
        return [fault("population_needed", count=len(unknown), values=first + more)]
    faults = []
    people = int(layer["population"].sum())
    if bounds.minimum is not None and bounds.minimum > people:
        faults.append(fault("minimum_over_total", minimum=bounds.minimum, people=people))
    large = loose[loose["population"].map(bounds.too_large)]
    if len(large):
        listed = [
            say("place.inhabitants", name=row["name"], code=code, people=int(row["population"]))
            for code, row in large.sort_values("population", ascending=False).head(FIRST).iterrows()
        ]
        values = ", ".join(listed)
        faults.append(fault("maximum_under_commune", maximum=bounds.maximum, values=values))
    return faults


def _size_faults(layer: gpd.GeoDataFrame, ties: Ties, bounds: Bounds) -> list[Sentence]:
    """Find communes wanted together that have more inhabitants than a territory may."""
    faults = []
    seen = set()
    for codes in ties.wanted:
        own = ties.groups[codes[0]]
        members = [code for code in layer.index if ties.groups[code] == own]
        people = int(layer["population"].loc[members].sum())
        if own not in seen and len(members) > 1 and bounds.too_large(people):
            values = {"maximum": bounds.maximum, "values": quoted(members), "people": people}
            faults.append(fault("together_over_maximum", **values))
        seen.add(own)
    return faults


def _number_faults(
    layer: gpd.GeoDataFrame,
    loose: gpd.GeoDataFrame,
    ties: Ties,
    territories: int,
    bounds: Bounds,
) -> list[Sentence]:
    """Compare a wanted number with the communes and their inhabitants, locked territories aside."""
    faults = []
    shut = len(ties.shut)
    pieces = nx.number_connected_components(ties.borders.subgraph(loose.index))
    people, wanted = int(loose["population"].sum()), territories - shut
    low, high = bounds.minimum, bounds.maximum
    if territories > len(layer):
        faults.append(fault("number_over_communes", wanted=territories, communes=len(layer)))
    if 0 <= wanted < pieces:
        key = "number_under_rest" if shut else "number_under_pieces"
        values = {"wanted": territories, "pieces": pieces, "locked": shut, "least": pieces + shut}
        faults.append(fault(key, **values))
    if low is not None and wanted * low > people:
        faults.append(fault("number_minimum", wanted=wanted, minimum=low, people=people))
    if high is not None and wanted >= 0 and wanted * high < people:
        faults.append(fault("number_maximum", wanted=wanted, maximum=high, people=people))
    return faults
