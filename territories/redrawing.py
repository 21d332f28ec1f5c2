"""Drawing again after people have spoken: around a few communes, or inside one territory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from territories._ties import codes_of
from territories._words import Sentence
from territories.communities import Problem, settled_around
from territories.delineation import delineate
from territories.errors import ConstraintError, fault
from territories.wishes import checked_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from territories.flows import Flows
    from territories.graph import AttractionNetwork
    from territories.wishes import Bounds
    from territories.zoning import Zoning

# A sector has at least one inhabitant in so many.
_SECTOR = 20

# What is said of the size of territories, and said again once they are drawn again.
_SIZES = (
    *("unmet.small", "unmet.large", "unmet.island", "unmet.locked_small", "unmet.over_maximum"),
    *("unmet.neighbours_closed", "unmet.neighbours_full", "unmet.not_divided"),
    *("unmet.not_helped", "unmet.number_wanted", "unmet.as_published"),
)


def redraw(
    zoning: Zoning,
    network: AttractionNetwork,
    *,
    around: Iterable[str],
    locked: Iterable[str] = (),
    population: tuple[int | None, int | None] = (20_000, None),
    resolution: float | None = None,
    seed: int = 0,
) -> Zoning:
    """Settle the borders again around a few communes, in milliseconds.

    For the meeting: communes were moved, or locked where they are; the borders of their
    territories, and of those across the borders of these communes, move to where the flows then
    want them. All else stays: the number of territories and their names, communes shared or
    uncovered.

    Parameters
    ----------
    zoning
        What is on the table, after the moves.
    network
        Flows and borders (see `attraction_network`), of the same layer.
    around
        Codes of communes that were moved or locked: they stay where they are.
    locked
        Codes of other communes that stay where they are.
    population
        Minimum and maximum inhabitants: no territory passes one that did not before.
    resolution
        γ of the modularity; default: the one the zoning was drawn with, else 1.
    seed
        Sets the order in which communes are tried.

    Raises
    ------
    ConstraintError
        If a commune is not in the layer, or the bounds are not usable.
    """
    codes, faults = codes_of(around, "around")
    kept, more = codes_of(locked, "locked")
    bounds, wrong = checked_bounds(population)
    faults += more + wrong
    unknown = [code for code in [*codes, *kept] if code not in network.placed]
    if unknown:
        values = ", ".join(f"'{code}'" for code in unknown[:5])
        faults.append(fault("locked_unknown", values=values))
    if faults:
        raise ConstraintError(*faults)
    names = zoning.labels.reindex(network.placed)
    numbers, territories = pd.factorize(names, sort=True)
    label = numbers.astype(np.int32)
    nodes = _nodes_around(label, network, network.placed.get_indexer(pd.Index(codes)))
    shared = set(zoning.shared["code"])
    still = network.placed.isin([*codes, *kept, *shared])
    wanted = zoning.parameters.get("resolution_used") if resolution is None else resolution
    problem = Problem.of(network.network, minimum=bounds.minimum, maximum=bounds.maximum)
    found = label
    if len(nodes):
        found = settled_around(
            problem,
            float(wanted) if isinstance(wanted, (int, float)) else 1.0,
            label,
            nodes,
            fixed=np.flatnonzero(still),
            seed=seed,
        )
    moved = np.flatnonzero(found != label)
    target = pd.Series(territories[found[moved]], index=network.placed[moved])
    membership = zoning.membership.copy()
    place = membership["code"].isin(target.index)
    membership.loc[place, "territory"] = membership.loc[place, "code"].map(target)
    return sized(replace(zoning, membership=membership), bounds)


def _nodes_around(label: Any, network: AttractionNetwork, centres: Any) -> Any:  # noqa: ANN401
    """List the nodes of the territories of some nodes, and of those across their borders."""
    borders = network.network.borders
    touched = {int(label[node]) for node in centres}
    for node in centres:
        beside = borders.to[borders.start[node] : borders.start[node + 1]]
        touched |= {int(label[other]) for other in beside}
    return np.flatnonzero(np.isin(label, sorted(touched - {-1}))).astype(np.int32)


def sized(zoning: Zoning, bounds: Bounds) -> Zoning:
    """Tell again which territories are outside the bounds, once communes have moved."""
    rest = [each for each in zoning.unmet if each.key not in _SIZES]
    members = zoning.membership
    people = zoning.communes["population"].loc[members["code"]].to_numpy(dtype="float64")
    sums = (members["weight"] * people).groupby(members["territory"]).sum()
    sums = sums.drop(members["territory"][np.isnan(people)].unique())
    for code, number in sums.items():
        if bounds.too_small(number) or bounds.too_large(number):
            values = {
                "name": zoning.names.get(str(code), str(code)),
                "people": round(number),
                "minimum": bounds.minimum,
                "maximum": bounds.maximum,
            }
            key = "small" if bounds.too_small(number) else "large"
            rest.append(Sentence(f"unmet.{key}", values))
    return replace(zoning, unmet=tuple(rest))


def sectors(zoning: Zoning, flows: Flows, territory: str, **options: Any) -> Zoning:  # noqa: ANN401
    """Divide one territory again: sectors inside it.

    Parameters
    ----------
    zoning
        With the territory.
    flows
        Located flows; those with other territories count as flows with the outside. Not grouped,
        they tell the places of care of a town from those of its suburbs.
    territory
        Its id, or its name.
    **options
        Options of `delineate`; by default a sector has a twentieth of the inhabitants at least.

    Returns
    -------
    Zoning
        Of the communes of the territory only.

    Raises
    ------
    ConstraintError
        If there is no such territory; else as `delineate`.
    """
    named = {name: each for each, name in zoning.names.items()}
    wanted = named.get(territory, territory)
    inside = zoning.labels.index[zoning.labels == wanted]
    if not len(inside):
        raise ConstraintError(fault("territory_unknown", value=territory))
    layer = zoning.communes.loc[inside]
    pairs = zoning.borders
    joined = pairs[pairs["left"].isin(inside) & pairs["right"].isin(inside)]
    bridges = joined[joined["shared_m"] == 0]
    people = layer["population"]
    least = None if people.isna().any() else max(int(people.sum()) // _SECTOR, 1)
    given = {
        "population": (least, None),
        "bridges": bridges if len(bridges) else None,
        **{name: zoning.parameters[name] for name in ("tolerance",) if name in zoning.parameters},
        **options,
    }
    if given.get("territories") is None and given.get("resolution") is None:
        given["resolution"] = 1.0
    return replace(delineate(flows, layer, **given), name=f"{zoning.names.get(wanted, wanted)}")
