"""What changes for the territories when one commune moves, without measuring the zoning again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import networkx as nx
import numpy as np
import pandas as pd

from territories.aci import aci_size
from territories.zoning import whole

if TYPE_CHECKING:
    from territories.flows import Flows
    from territories.zoning import Zoning

MEASURES: Final = ("population", "aci", "li", "leakage", "pieces", "inside", "sent")


class Slots(NamedTuple):
    """The territories of each place, the main one first, and their weights.

    Attributes
    ----------
    territory
        One row for each rank, one column for each place: the number of a territory, -1: none.
    weight
        The same for weights.
    """

    territory: np.ndarray
    weight: np.ndarray

    def moved(self, place: int, territory: int) -> Slots:
        """Put a place wholly in a territory (-1: in none)."""
        if place < 0:  # no patients lives or goes there
            return self
        territories, weights = self.territory.copy(), self.weight.copy()
        territories[:, place], weights[:, place] = -1, 0.0
        territories[0, place], weights[0, place] = territory, float(territory >= 0)
        return Slots(territories, weights)


def slots(zoning: Zoning, places: pd.Index, territories: pd.Index) -> Slots:
    """Find the territories of places, by their numbers."""
    member = zoning.membership
    rank = member.groupby("code").cumcount().to_numpy()
    position = places.get_indexer(pd.Index(member["code"]))
    known = position >= 0
    depth = int(rank.max(initial=0)) + 1
    territory = np.full((depth, len(places)), -1, dtype="int64")
    weight = np.zeros((depth, len(places)))
    cells = rank[known], position[known]
    territory[cells] = territories.get_indexer(pd.Index(member["territory"]))[known]
    weight[cells] = member["weight"].to_numpy()[known]
    return Slots(territory, weight)


def kept(
    held: Slots, residence: np.ndarray, destination: np.ndarray, patients: np.ndarray, many: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add up what each territory keeps, and what it sends.

    Of a pair of communes the part inside a territory is the lesser of their two weights in it.
    """
    inside, sent = np.zeros(many), np.zeros(many)
    for home, weight in zip(held.territory, held.weight, strict=True):
        living = home[residence]
        covered = living >= 0
        sent += np.bincount(
            living[covered], (patients * weight[residence])[covered], minlength=many
        )
        for there, care in zip(held.territory, held.weight, strict=True):
            same = covered & (living == there[destination])
            part = np.minimum(weight[residence[same]], care[destination[same]])
            inside += np.bincount(living[same], patients[same] * part, minlength=many)
    return inside, sent


def transfers(
    zoning: Zoning,
    flows: Flows,
    code: str,
    *,
    targets: list[str | None],
    graph: nx.Graph,
) -> pd.DataFrame:
    """Measure the territories that a commune would leave and join, before and after.

    Parameters
    ----------
    zoning, flows
        See `explain`.
    code
        The commune; a shared one leaves all its territories.
    targets
        Territories it might move to; None: it is released.
    graph
        Contiguity of the communes.

    Returns
    -------
    DataFrame
        For each target, the territories touched, in order: `target`, `role` (``leaves``, then
        ``joins``), `territory`, `adjacent`, `cuts`, and `<measure>_before`, `<measure>_after` for
        population, aci, li, leakage, pieces, inside and sent.
    """
    numbered = flows.numbered
    member = zoning.membership
    territories = pd.Index(sorted(member["territory"].unique()), name="territory")
    many = len(territories)
    held = slots(zoning, numbered.places, territories)
    inside, sent = kept(held, numbered.residence, numbered.destination, numbered.patients, many)
    place = int(numbered.places.get_indexer(pd.Index([code]))[0])
    touched = (numbered.residence == place) | (numbered.destination == place)
    if place < 0:
        touched[:] = False
    rows = (
        numbered.residence[touched],
        numbered.destination[touched],
        numbered.patients[touched],
    )
    inside_now, sent_now = kept(held, *rows, many)
    own = member[member["code"] == code].set_index("territory")["weight"]
    people = _People(zoning, territories)
    before = people.counts(np.zeros(many))
    forms = _Forms(graph, zoning, territories)
    found = []
    for target in targets:
        joins = -1 if target is None else int(territories.get_loc(target))
        inside_then, sent_then = kept(held.moved(place, joins), *rows, many)
        change = np.zeros(many)
        change[territories.get_indexer(own.index)] -= own.to_numpy()
        if target is not None:
            change[joins] += 1.0
        after = people.counts(change, code)
        leaves = [int(territories.get_loc(each)) for each in own.index if each != target]
        states = {
            at: (
                _state(before[at], inside[at], sent[at], forms.pieces(at)),
                _state(
                    after[at],
                    inside[at] - inside_now[at] + inside_then[at],
                    sent[at] - sent_now[at] + sent_then[at],
                    forms.pieces(at, code, joining=at == joins),
                ),
            )
            for at in [*leaves, *([] if target is None else [joins])]
        }
        cuts = any(states[at][1]["pieces"] > states[at][0]["pieces"] for at in leaves)
        adjacent = target is not None and forms.beside(joins, code)
        for at, (then, now) in states.items():
            row = {
                "target": target,
                "role": "joins" if at == joins else "leaves",
                "territory": territories[at],
                "adjacent": adjacent,
                "cuts": cuts,
            }
            for name in MEASURES:
                row |= {f"{name}_before": then[name], f"{name}_after": now[name]}
            found.append(row)
    columns = ["target", "role", "territory", "adjacent", "cuts"]
    columns += [f"{name}_{when}" for name in MEASURES for when in ("before", "after")]
    return pd.DataFrame(found, columns=columns)


def _state(population: float, inside: float, sent: float, pieces: int) -> dict[str, float]:
    """Measure a territory; one that has lost its last commune has neither size nor patients."""
    kept_there, all_sent = round(float(inside), 6), round(float(sent), 6)
    li = kept_there / all_sent if all_sent > 0 else np.nan
    size = aci_size(pd.Series([population if pieces else np.nan]))
    return {
        "population": population,
        "aci": float(size.iloc[0]),
        "li": li,
        "leakage": 1 - li,
        "pieces": pieces,
        "inside": kept_there,
        "sent": all_sent,
    }


class _People:
    """Inhabitants of the territories, with the weight of one commune changed."""

    def __init__(self, zoning: Zoning, territories: pd.Index) -> None:
        member = zoning.membership
        self.population = zoning.communes["population"].astype("float64")
        self.territories = territories
        number = territories.get_indexer(pd.Index(member["territory"]))
        people = self.population.reindex(member["code"]).to_numpy(dtype="float64")
        unknown = np.isnan(people)
        many = len(territories)
        parts = np.where(unknown, 0.0, people * member["weight"].to_numpy())
        self.sums: np.ndarray = np.bincount(number, parts, minlength=many)
        self.unknown = np.bincount(number, unknown.astype("float64"), minlength=many)

    def counts(self, change: np.ndarray, code: str | None = None) -> np.ndarray:
        """Return the inhabitants of each territory, as the zoning so changed would."""
        sums: np.ndarray = self.sums
        unknown: np.ndarray = self.unknown
        if code is not None:
            own = float(self.population.loc[code])
            if np.isnan(own):
                unknown = unknown + np.sign(change)
            else:
                sums = sums + change * own
        if (unknown > 0).any():
            return np.where(unknown > 0, np.nan, sums)
        if (sums == np.floor(sums)).all():
            return sums
        rounded: np.ndarray = whole(pd.Series(sums, index=self.territories)).to_numpy("float64")
        return rounded


class _Forms:
    """Pieces of territories in the contiguity graph, each counted once."""

    def __init__(self, graph: nx.Graph, zoning: Zoning, territories: pd.Index) -> None:
        member = zoning.membership
        self.graph = graph
        self.codes = member["code"].to_numpy(dtype="object")
        self.number = territories.get_indexer(pd.Index(member["territory"]))
        self.known: dict[tuple[int, str | None], int] = {}

    def members(self, territory: int) -> set[str]:
        """Return the communes of a territory."""
        return set(self.codes[self.number == territory])

    def beside(self, territory: int, code: str) -> bool:
        """Tell whether a commune touches another one of a territory."""
        return not self.members(territory).isdisjoint(self.graph.neighbors(code))

    def pieces(self, territory: int, code: str | None = None, *, joining: bool = False) -> int:
        """Count the pieces of a territory, once a commune has joined or left it if one is given."""
        key = territory, code
        if key not in self.known:
            communes = self.members(territory)
            if code is not None:
                communes = communes | {code} if joining else communes - {code}
            self.known[key] = nx.number_connected_components(self.graph.subgraph(communes))
        return self.known[key]
