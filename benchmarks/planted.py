"""Planted truths on the real communes of a region, and how well the engine finds them again.

    python benchmarks/planted.py [../shared/data/cvl/communes_cvl_2024.geojson] [seeds]

Two kinds. *Partitions*: contiguous groups of communes, uniform flows, a share of them between
groups; there is nothing else to find. *Plantings*: territories around the largest towns, with
practitioners in poles and suburbs, five specialties and distance, as the simulated region has them.
"""

import heapq
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

import territories as tt
from territories import communities
from territories.network import Network
from territories.unmet import clarity

LAYER = Path(__file__).parents[2] / "shared" / "data" / "cvl" / "communes_cvl_2024.geojson"

GROUPS = 30
PATIENTS, DESTINATIONS = 1_000, 20

# As in the simulated region: patients a year per inhabitant; over how many km attraction falls to
# 37 %; inhabitants for one practitioner; the least population of a territory that surely has some.
CARE = {
    "ophtalmologie": (0.24, 14.0, 14_000, 30_000),
    "radiodiagnostic": (0.36, 12.0, 14_000, 30_000),
    "ORL": (0.09, 16.0, 27_000, 60_000),
    "dermatologie": (0.10, 18.0, 32_000, 90_000),
    "gastro-entérologie": (0.06, 20.0, 27_000, 120_000),
}
OWN_FACTOR = 2.0
SPACING_KM = 14.0
LEAST_PEOPLE = 20_000
OUTSIDE, OUTSIDE_SHARE = "75056", 0.044


class Layer(NamedTuple):
    """Communes in the order of codes, the pairs that share a border, and points in km."""

    communes: gpd.GeoDataFrame
    left: np.ndarray
    right: np.ndarray
    points: np.ndarray

    @property
    def neighbours(self) -> list[list[int]]:
        """List the neighbours of each commune, in order."""
        around: list[list[int]] = [[] for _ in range(len(self.communes))]
        for one, other in zip(self.left, self.right, strict=True):
            around[one].append(int(other))
            around[other].append(int(one))
        return [sorted(each) for each in around]


class Planted(NamedTuple):
    """Flows, the same as a network, and the territory of each commune, in the order of codes."""

    flows: tt.Flows
    network: Network
    truth: pd.Series


@lru_cache
def layer(path: Path = LAYER) -> Layer:
    """Read a layer."""
    communes = tt.read_communes(path, cog=2024).sort_index()
    pairs = tt.contiguity(communes)
    place = pd.Series(range(len(communes)), index=communes.index)
    inside = communes.geometry.representative_point()
    return Layer(
        communes=communes,
        left=place[pairs["left"]].to_numpy(),
        right=place[pairs["right"]].to_numpy(),
        points=np.column_stack([inside.x, inside.y]) / 1_000,
    )


# --- Partitions ------------------------------------------------------------------------------


def planted(land: Layer, share: float, seed: int, *, groups: int = GROUPS) -> Planted:
    """Plant contiguous groups and flows that know nothing but them.

    Each commune sends 1 000 patients to 20 communes, as many to each; of the 20, as many as make
    the share (the nearest twentieth) are drawn among the communes of other groups, and the rest
    among those of its own, itself included; one may be drawn twice.
    """
    generator = np.random.default_rng([seed, groups])
    truth = grown(land, groups, generator)
    count = len(truth)
    away = round(share * DESTINATIONS)
    own = [np.flatnonzero(truth == group) for group in range(groups)]
    others = [np.flatnonzero(truth != group) for group in range(groups)]
    target = np.array(
        [
            np.concatenate(
                [
                    generator.choice(own[group], DESTINATIONS - away),
                    generator.choice(others[group], away),
                ]
            )
            for group in truth
        ]
    )
    source = np.repeat(np.arange(count), DESTINATIONS)
    weight = np.full(len(source), PATIENTS // DESTINATIONS)
    return _planted(land, (source, target.ravel(), weight), "all", truth)


def grown(land: Layer, groups: int, generator: np.random.Generator) -> np.ndarray:
    """Grow groups from random communes, each time across a border drawn among all open ones."""
    around = land.neighbours
    label = np.full(len(land.communes), -1)
    fringe: list[tuple[int, int]] = []
    for group, start in enumerate(generator.choice(len(label), groups, replace=False)):
        label[start] = group
        fringe += [(group, other) for other in around[start]]
    while fringe:
        drawn = int(generator.integers(len(fringe)))
        fringe[drawn], fringe[-1] = fringe[-1], fringe[drawn]
        group, node = fringe.pop()
        if label[node] < 0:
            label[node] = group
            fringe += [(group, other) for other in around[node] if label[other] < 0]
    return label


def _planted(
    land: Layer,
    arcs: tuple[np.ndarray, np.ndarray, np.ndarray],
    activity: np.ndarray | str,
    truth: np.ndarray,
) -> Planted:
    """Make flows and network of arcs between places; those past the last commune are outside."""
    source, target, weight = arcs
    codes = np.array([*land.communes.index, OUTSIDE], dtype=object)
    count = len(land.communes)
    table = pd.DataFrame(
        {
            "residence": codes[source],
            "destination": codes[target],
            "activity": activity,
            "patients": weight,
        }
    ).astype({"residence": "str", "destination": "str", "activity": "str"})
    keys = ["residence", "activity", "destination"]
    table = table[table["patients"] > 0].groupby(keys, as_index=False)["patients"].sum()
    inside = target < count
    network = Network.of(
        source[inside],
        target[inside],
        weight[inside].astype(float),
        left=land.left,
        right=land.right,
        population=land.communes["population"].to_numpy(),
        sent_outside=np.bincount(source[~inside], weight[~inside], count),
    )
    labels = pd.Series([f"T{each:02d}" for each in truth], index=land.communes.index)
    return Planted(tt.Flows(table, communes=land.communes), network, labels)


# --- Plantings -------------------------------------------------------------------------------


def planting(land: Layer, territories: int, inside: float, seed: int) -> Planted:
    """Plant territories around towns, with flows of five specialties.

    Attraction of a place of care falls with distance, and is twice as great for people of its own
    territory, or as much as it takes to leave the share `inside` of all patients in theirs; where
    that is too much, attraction reaches further. Small territories lack some specialties; in large
    ones half of the practitioners are in suburbs.
    """
    generator = np.random.default_rng([seed, territories, round(1_000 * inside)])
    people = land.communes["population"].to_numpy().astype(float)
    poles, truth = _territories(land, territories, generator)
    places = [
        _practices(land, poles, truth, care=care, generator=generator) for care in CARE.values()
    ]
    parts = []
    for (rate, reach, _, _), (place, number) in zip(CARE.values(), places, strict=True):
        apart = np.linalg.norm(land.points[:, None] - land.points[place], axis=2)
        own = np.asarray(truth[:, None] == truth[place])
        parts.append(Part(rate * people, number, apart / reach, own))
    stretch, factor = _strength(parts, inside)
    source, target, weight, activity = [], [], [], []
    for name, (place, _), part in zip(CARE, places, parts, strict=True):
        seen = generator.poisson(_expected(part, stretch, factor) * (1 - OUTSIDE_SHARE))
        left = generator.poisson(part.patients * OUTSIDE_SHARE)
        rows, columns = np.nonzero(seen)
        source += [rows, np.arange(len(people))]
        target += [place[columns], np.full(len(people), len(people))]
        weight += [seen[rows, columns], left]
        activity += [name] * (len(rows) + len(people))
    return _planted(
        land,
        (np.concatenate(source), np.concatenate(target), np.concatenate(weight)),
        np.array(activity, dtype=object),
        truth,
    )


def _territories(
    land: Layer, territories: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw territories around the largest towns that have enough people around them."""
    people = land.communes["population"].to_numpy()
    around = land.neighbours
    cost = {
        (node, other): float(np.linalg.norm(land.points[node] - land.points[other]))
        for node, others in enumerate(around)
        for other in others
    }
    rough = {pair: length * generator.lognormal(0, 0.35) for pair, length in cost.items()}
    refused: set[int] = set()
    while True:
        poles: list[int] = []
        for town in np.argsort(-people, kind="stable"):
            apart = np.linalg.norm(land.points[poles] - land.points[town], axis=1)
            if int(town) not in refused and not (apart < SPACING_KM).any():
                poles.append(int(town))
            if len(poles) == territories:
                break
        # Large towns reach further: Tours with 138 000 people 1.7 times as far as one of 10 000.
        truth = _reached(around, rough, poles, people[poles] ** 0.2)
        size = np.bincount(truth, people, territories)
        small = [pole for pole, each in zip(poles, size, strict=True) if each < LEAST_PEOPLE]
        if not small:
            return np.array(poles), truth
        refused.add(small[-1])


def _reached(
    around: list[list[int]],
    cost: dict[tuple[int, int], float],
    poles: list[int],
    speed: np.ndarray,
) -> np.ndarray:
    """Give each commune the pole that reaches it first, from neighbour to neighbour."""
    label = np.full(len(around), -1)
    queue = [(0.0, pole, number) for number, pole in enumerate(poles)]
    while queue:
        when, node, number = heapq.heappop(queue)
        if label[node] >= 0:
            continue
        label[node] = number
        for other in around[node]:
            if label[other] < 0:
                heapq.heappush(queue, (when + cost[node, other] / speed[number], other, number))
    return label


def _practices(
    land: Layer,
    poles: np.ndarray,
    truth: np.ndarray,
    *,
    care: tuple[float, float, int, int],
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the places of care of a specialty and their practitioners."""
    _, _, per_practitioner, surely = care
    number = np.zeros(len(truth))
    people = land.communes["population"].to_numpy()
    size = np.bincount(truth, people, len(poles))
    for territory, pole in enumerate(poles):
        if generator.random() > size[territory] / surely:
            continue
        practitioners = 1 + generator.poisson(size[territory] / per_practitioner)
        apart = np.linalg.norm(land.points - land.points[pole], axis=1)
        suburbs = np.flatnonzero(
            (truth == territory) & (apart < 7) & (people > 3_000) & (apart > 0)  # km
        )
        suburban = generator.binomial(practitioners, 0.5) if people[pole] > 30_000 else 0
        for _ in range(suburban if len(suburbs) else 0):
            number[generator.choice(suburbs)] += 1
        number[pole] += practitioners - (suburban if len(suburbs) else 0)
    place = np.flatnonzero(number)
    # Some are busier than others.
    return place, number[place] * generator.lognormal(0, 0.4, len(place))


class Part(NamedTuple):
    """A specialty: patients of each commune; practitioners of each place; distances, places own."""

    patients: np.ndarray
    practitioners: np.ndarray
    apart: np.ndarray
    own: np.ndarray


def _expected(part: Part, stretch: float, factor: float) -> np.ndarray:
    """Share the patients of each commune out among places."""
    pull = part.practitioners * np.exp(-part.apart / stretch) * np.where(part.own, factor, 1.0)
    return part.patients[:, None] * pull / pull.sum(axis=1, keepdims=True)


def _strength(parts: list[Part], inside: float) -> tuple[float, float]:
    """Find how far care attracts, and how much more in one's own territory, for a share inside."""
    total = sum(part.patients.sum() for part in parts)

    def kept(stretch: float, factor: float) -> float:
        own = sum(_expected(part, stretch, factor)[part.own].sum() for part in parts)
        return float(own * (1 - OUTSIDE_SHARE) / total)

    if kept(1.0, OWN_FACTOR) < inside:
        power = _solved(lambda power: kept(1.0, 10**power) - inside, 0.0, 6.0)
        return 1.0, 10**power
    return _solved(lambda stretch: inside - kept(stretch, OWN_FACTOR), 1.0, 20.0), OWN_FACTOR


def _solved(rising: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return low


# --- What is found again ---------------------------------------------------------------------


def solve(network: Network, number: int, seed: int) -> np.ndarray:
    """Divide a network into a number of territories, without bounds."""
    return communities.numbered(communities.Problem.of(network), number, seed=seed)[0]


def unclear(zoning: tt.Zoning) -> bool:
    """Tell whether a zoning says that the flows draw no clear division."""
    return any(each.key == "unmet.no_clear_division" for each in zoning.unmet)


def main(path: Path, seeds: int) -> None:
    """Print what is found of each planted truth."""
    land = layer(path)
    began = time.process_time()
    print(f"{GROUPS} planted groups, {GROUPS} asked: ARI by seed; 'unclear' is said by delineate")
    for percent in range(0, 90, 10):
        found, said, kept = [], [], []
        for seed in range(seeds):
            given = planted(land, percent / 100, seed)
            division = solve(given.network, GROUPS, seed)
            found.append(adjusted_rand_score(given.truth, division))
            kept.append(clarity(given.network, division))
            free = tt.delineate(given.flows, land.communes, population=(None, None), seed=seed)
            said.append(unclear(free))
        figures = "".join(f"{each:7.3f}" for each in found)
        kappas = f"{min(kept):.3f} to {max(kept):.3f}"
        print(
            f"{percent:4d} % between groups {figures}   κ {kappas}, unclear {sum(said)} of {seeds}"
        )

    print("planted territories, share inside: ARI with the number, and ARI (number) without it")
    for number in (20, 24, 28):
        for inside in (0.6, 0.7, 0.8):
            figures = ""
            for seed in range(seeds):
                given = planting(land, number, inside, seed)
                flows = given.flows.grouped()
                told = tt.delineate(flows, land.communes, territories=number, seed=seed)
                free = tt.delineate(flows, land.communes, seed=seed)
                score = adjusted_rand_score(given.truth, told.labels)
                alone = adjusted_rand_score(given.truth, free.labels)
                mark = "!" if unclear(told) or unclear(free) else " "
                figures += f"   {score:.3f} {alone:.3f} ({free.labels.nunique():2d}){mark}"
            print(f"{number} at {inside:.0%}{figures}")
    print(f"{time.process_time() - began:.0f} s")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(Path(words[0]) if words else LAYER, int(words[1]) if len(words) > 1 else 3)
