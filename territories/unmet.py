"""What a division could not meet, and why: the sentences of `Zoning.unmet`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories._words import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories.network import Ints, Network
    from territories.task import Task

# Under this agreement (Cohen's κ) of where people live and where they are seen, no division is
# clear. Planted divisions that are found again have 0.26 or more, those that blur 0.16 or less
# (benchmarks/planted.py, 70 and 80 % of flows to other groups).
CLEAR: Final = 0.25


def unmet(task: Task, division: Ints, names: Mapping[int, str]) -> tuple[Sentence, ...]:
    """Say what could not be met, and why."""
    ground = task.ground
    layer = ground.communes.loc[ground.placed]
    sentences = [*_lacking(task, division, names, layer)]
    if not task.contiguous:
        sentences += _in_pieces(task, division, names, layer)
    if task.wishes.tied:
        values = ", ".join(f"{layer['name'][code]} ({code})" for code in task.wishes.tied)
        sentences.append(Sentence("unmet.tied", {"values": values}))
    outside = ground.communes["name"][~ground.communes.index.isin(ground.placed)]
    sentences += [
        Sentence("unmet.no_outline", {"name": name, "code": code}) for code, name in outside.items()
    ]
    return (*sentences, *_unclear(task, division))


def _lacking(
    task: Task, division: Ints, names: Mapping[int, str], layer: gpd.GeoDataFrame
) -> list[Sentence]:
    """Tell the territories outside the bounds, or without a pole."""
    bounds, network = task.wishes.bounds, task.network
    shut = {int(division[group]) for group in task.wishes.shut}
    sums = task.problem.sums(division)
    received = np.bincount(division, network.received, len(names))
    people_known = not layer["population"].isna().any()
    sentences = []
    for label, name in sorted(names.items(), key=lambda each: each[1]):
        people = int(sums.people[label])
        keys = []
        if bounds.too_small(people):
            keys.append(_small_reason(task, division, label))
        elif bounds.too_large(people):
            keys.append("over_maximum" if label in shut else "not_divided")
        if task.wishes.poles is not None and not sums.poles[label]:
            keys.append("no_pole")
        if not keys and not received[label] > 0:
            keys.append("no_care" if people_known else "no_care_unknown")
        values = {
            "name": _shown(task, layer, name),
            "code": name,
            "people": people,
            "minimum": bounds.minimum,
            "maximum": bounds.maximum,
        }
        sentences += [Sentence(f"unmet.{key}", values) for key in keys]
    return sentences


def _shown(task: Task, layer: gpd.GeoDataFrame, territory: str) -> str:
    """Return what people call a territory."""
    return str(task.wishes.titles.get(territory, layer["name"].get(territory, territory)))


def _small_reason(task: Task, division: Ints, label: int) -> str:
    """Say why a territory is under the minimum."""
    shut = {int(division[group]) for group in task.wishes.shut}
    if label in shut:
        return "locked_small"
    if not task.contiguous and task.method != "leiden":
        return "as_published"
    people = task.problem.sums(division).people
    borders = task.network.borders
    begins = np.repeat(np.arange(len(division)), np.diff(borders.start))
    across = np.unique(division[borders.to[division[begins] == label]])
    beside = [other for other in across if other != label]
    if not beside:
        return "island"
    rivals = [(int(division[one]), int(division[other])) for one, other in task.wishes.rivals]
    closed = shut.union(*(set(pair) - {label} for pair in rivals if label in pair))
    free = [other for other in beside if other not in closed]
    if any(not task.wishes.bounds.too_large(int(people[label] + people[other])) for other in free):
        return "number_wanted" if task.territories is not None else "not_helped"
    return "neighbours_full" if len(free) == len(beside) else "neighbours_closed"


def _in_pieces(
    task: Task, division: Ints, names: Mapping[int, str], layer: gpd.GeoDataFrame
) -> list[Sentence]:
    """Tell the territories that are not in one piece."""
    network = task.ground.network
    label = division[task.wishes.group]
    begins = np.repeat(np.arange(len(label)), np.diff(network.borders.start))
    same = label[begins] == label[network.borders.to]
    found = pieces_of(len(label), begins[same], network.borders.to[same])
    many = pd.Series(found).groupby(label).nunique()
    told = {names[each]: int(many[each]) for each in sorted(names) if many[each] > 1}
    return [
        Sentence("unmet.in_pieces", {"name": _shown(task, layer, each), "pieces": told[each]})
        for each in sorted(told)
    ]


def pieces_of(nodes: int, left: Ints, right: Ints) -> Ints:
    """Give each connected set of nodes a number."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    joined = coo_array((np.ones(len(left)), (left, right)), shape=(nodes, nodes))
    return connected_components(joined, directed=False)[1]  # type: ignore[no-any-return]


def _unclear(task: Task, division: Ints) -> list[Sentence]:
    """Say so when the flows give no clear division."""
    if not clarity(task.network, division) < CLEAR:
        return []
    return [Sentence("unmet.no_clear_division", {"kappa": CLEAR})]


def clarity(network: Network, division: Ints) -> float:
    """Return Cohen's κ between the territory where patients live and the one where they are seen.

    (inside − chance) / (1 − chance), of all patients who live in the layer: 1 where all are seen at
    home, 0 where they go as if home did not matter. Unlike the share inside, it does not rise when
    territories are few, or one of them holds nearly all; missing where there is one only.
    """
    names, label = np.unique(division, return_inverse=True)
    if len(names) == 1:
        return math.nan
    sent = np.bincount(label, network.sent)
    seen = np.bincount(label[network.target], network.weight, len(sent))
    inside = network.weight[label[network.source] == label[network.target]].sum()
    total = network.sent.sum()
    chance = (sent * seen).sum() / total**2 if total else 1.0
    return float((inside / total - chance) / (1 - chance)) if chance < 1 else math.nan
