"""From flows and borders to a zoning: what was asked is checked, searched, and accounted for."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Final

import networkx as nx
import pandas as pd

from territories._words import Sentence, say
from territories.communes import TOLERANCE_M, Bridges, checked, contiguity, place_names
from territories.communities import (
    Bounds,
    Network,
    Partition,
    bounded,
    numbered,
    proposed,
    without_care,
)
from territories.errors import ConstraintError, InputError, fault
from territories.graph import Weights, attraction_graph
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from territories.flows import Flows

# Without a number or a resolution: no more than one territory for so many inhabitants, the lower
# part of the third size of the ACI. A stated starting point, not a finding.
INHABITANTS_PER_TERRITORY: Final = 100_000

# Under this share of flows that stay inside, the flows draw no clear division.
CLEAR_INSIDE_SHARE: Final = 0.3


def delineate(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    method: str = "leiden",
    territories: int | None = None,
    resolution: float | None = None,
    population: tuple[int | None, int | None] = (20_000, None),
    weights: Weights = "volume",
    hospital: Flows | None = None,
    hospital_weight: float = 1.0,
    bridges: Bridges | None = None,
    tolerance: float = TOLERANCE_M,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Zoning:
    """Divide a layer into territories that follow the flows, each in one piece.

    Directed modularity is improved by moves across shared borders, level by level; a move never
    cuts a territory or breaks a bound.

    Parameters
    ----------
    flows
        Located flows, grouped or not.
    communes
        Layer indexed by code, with `population`, in a metric projection. A commune that is not
        drawn (an empty outline) and not bridged is in no territory.
    method
        ``"leiden"``, the only one so far.
    territories
        The number wanted, exact. Without it and without `resolution`: the finest division in which
        every territory has a place of care, and no more than one for 100 000 inhabitants.
    resolution
        γ of the modularity: the greater, the more territories.
    population
        Minimum and maximum inhabitants of a territory; None: no bound. A bound, or leaving the
        number to be found, needs the inhabitants of every commune.
    weights
        See `attraction_graph`.
    hospital, hospital_weight
        See `attraction_graph`; out by default, so that the hospital remains a witness.
    bridges
        Pairs of communes joined although they do not touch (see `contiguity`).
    tolerance
        In metres: neighbours drawn apart by no more than this still touch (see `contiguity`).
    seed
        Sets the order in which communes are tried.
    tell
        Called with the name of each stage as it begins.

    Returns
    -------
    Zoning
        Every commune that is drawn in exactly one territory. Its id is the code of its main pole,
        the commune of it that receives most patients (most people, then the first code, where none
        does). What could not be met stands in `Zoning.unmet`.

    Raises
    ------
    ConstraintError
        If what is asked is contradictory or cannot be had; the message says which and why.
    """
    whole = checked(communes)
    if not isinstance(population, (tuple, list)) or len(population) != 2:  # noqa: PLR2004
        raise ConstraintError(fault("population_not_pair", value=repr(population)))
    bounds = Bounds(*population)
    pairs = contiguity(whole, bridges=bridges, tolerance=tolerance)
    layer, uncertain = _placeable(whole, pairs)
    borders = nx.Graph(pairs[["left", "right"]].itertuples(index=False, name=None))
    borders.add_nodes_from(layer.index)
    _refuse_impossible(
        layer,
        borders,
        method=method,
        territories=territories,
        resolution=resolution,
        bounds=bounds,
        seed=seed,
        uncertain=uncertain,
    )

    seed = int(seed)
    parameters = {
        "method": method,
        "territories": None if territories is None else int(territories),
        "resolution": None if resolution is None else float(resolution),
        "population": [None if bound is None else int(bound) for bound in population],
        "weights": weights if isinstance(weights, str) else dict(sorted(weights.items())),
        "hospital_weight": None if hospital is None else float(hospital_weight),
        "tolerance": float(tolerance),
        "seed": seed,
    }
    tell("graph")
    graph = attraction_graph(
        flows, layer, weights=weights, hospital=hospital, hospital_weight=hospital_weight
    )
    network = _network(graph, borders, layer)
    tell("search")
    if not network.total:
        if territories is not None:
            raise ConstraintError(fault("no_flow_number", wanted=territories))
        # Nothing attracts anyone: all is a white zone, and the reason is given.
        return Zoning(
            communes=whole,
            membership=pd.DataFrame(columns=["code", "territory", "weight"]),
            unmet=(Sentence("unmet.no_flow"),),
            pairs=pairs,
            parameters={**parameters, "resolution_used": None},
        )
    if resolution is not None:
        partition = bounded(network, float(resolution), bounds, seed)
    elif territories is not None:
        partition = numbered(network, territories, bounds, seed)
    else:
        people = int(layer["population"].sum())
        joined = nx.number_connected_components(borders)
        most = max(people // INHABITANTS_PER_TERRITORY, joined)
        partition = proposed(network, most, bounds, seed)
    if territories is not None and len(partition) != territories:
        raise ConstraintError(
            fault("number_not_reached", wanted=territories, reached=len(partition))
        )
    labels = _named_by_pole(partition, layer)
    unmet = [
        *_unmet(partition, bounds, layer, labels, people_known=not uncertain),
        *_not_drawn(whole, layer),
        *_unclear(partition),
    ]
    membership = pd.DataFrame({"code": layer.index, "territory": labels, "weight": 1.0})
    return Zoning(
        communes=whole,
        membership=membership,
        names=place_names(layer, sorted(set(labels))),
        unmet=tuple(unmet),
        pairs=pairs,
        parameters={**parameters, "resolution_used": partition.resolution},
    )


def modularity(
    zoning: Zoning | pd.Series,
    flows: Flows,
    *,
    resolution: float = 1.0,
    directed: bool = True,
) -> float:
    """Return the modularity of a division of the flows.

    Parameters
    ----------
    zoning
        A zoning, of which the main territory of each commune is taken, or a Series of labels by
        code. Places without a label belong to no territory: they count in what territories send,
        receive and in the total, not as territories.
    flows
        Located flows. Those between two places without a label are left out.
    resolution
        γ in ``(1/m) Σ_c (M[c,c] − γ·out_c·in_c/m)``, with M the flows between territories and m
        the total; self-flows count in M[c,c], out_c and in_c.
    directed
        False: flows both ways are added up first, the form of undirected tools.
    """
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    labels = zoning.labels if isinstance(zoning, Zoning) else zoning
    labels = labels.dropna()
    table = flows.table
    source = table["residence"].map(labels)
    target = table["destination"].map(labels)
    patients = table["patients"].astype("float64")
    total = patients[source.notna() | target.notna()].sum()
    if not total:
        return math.nan
    inside = patients[source.notna() & (source == target)].sum()
    sent = patients.groupby(source).sum()
    received = patients.groupby(target).sum()
    sent, received = sent.align(received, fill_value=0.0)
    expected = (sent * received).sum() if directed else (((sent + received) / 2) ** 2).sum()
    return float((inside - resolution * expected / total) / total)


def _placeable(
    communes: gpd.GeoDataFrame, pairs: pd.DataFrame
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Keep the communes that are drawn or bridged; list those whose inhabitants are not known."""
    bridged = communes.index.isin(pairs[["left", "right"]].to_numpy().ravel())
    layer = communes[~communes.geometry.is_empty | bridged]
    missing = layer["population"].isna()
    people = layer["population"].fillna(0).astype("int64")
    return layer.assign(population=people), layer.index[missing].tolist()


def _not_drawn(communes: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> list[Sentence]:
    """Say which communes are in no territory because they are not drawn."""
    names = communes["name"][~communes.index.isin(layer.index)]
    return [
        Sentence("unmet.no_outline", {"name": name, "code": code}) for code, name in names.items()
    ]


def _refuse_impossible(
    layer: gpd.GeoDataFrame,
    borders: nx.Graph,
    *,
    method: str,
    territories: int | None,
    resolution: float | None,
    bounds: Bounds,
    seed: int,
    uncertain: list[str],
) -> None:
    """Raise all that can be known to be impossible before any search."""
    faults = []
    if method != "leiden":
        faults.append(fault("method_unknown", value=method))
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        faults.append(fault("seed_not_integer", value=repr(seed)))
    if territories is not None and resolution is not None:
        faults.append(fault("number_and_resolution"))
    if resolution is not None and not _positive(resolution):
        faults.append(fault("resolution_not_positive", value=repr(resolution)))
    wrong_bounds = [
        fault("bound_not_positive", value=repr(bound))
        for bound in (bounds.minimum, bounds.maximum)
        if bound is not None and not (isinstance(bound, Integral) and _positive(bound))
    ]
    unbounded = bounds == Bounds()
    if uncertain and not (unbounded and (territories is not None or resolution is not None)):
        listed = ", ".join(f"{layer['name'][code]} ({code})" for code in uncertain[:5])
        more = ", …" if len(uncertain) > 5 else ""  # noqa: PLR2004
        faults.append(fault("population_needed", count=len(uncertain), values=listed + more))
    faults += wrong_bounds or ([] if uncertain else _bound_faults(layer, bounds))
    if territories is not None:
        free = Bounds() if wrong_bounds or uncertain else bounds
        faults += _number_faults(layer, borders, territories, free)
    if faults:
        raise ConstraintError(*faults)


def _positive(value: object) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]


def _number_faults(
    layer: gpd.GeoDataFrame, borders: nx.Graph, territories: int, bounds: Bounds
) -> list[Sentence]:
    if not (isinstance(territories, Integral) and _positive(territories)):
        return [fault("number_not_positive", value=repr(territories))]
    faults = []
    pieces = nx.number_connected_components(borders)
    people = int(layer["population"].sum())
    if territories > len(layer):
        faults.append(fault("number_over_communes", wanted=territories, communes=len(layer)))
    if territories < pieces:
        faults.append(fault("number_under_pieces", wanted=territories, pieces=pieces))
    if bounds.minimum is not None and territories * bounds.minimum > people:
        faults.append(
            fault("number_minimum", wanted=territories, minimum=bounds.minimum, people=people)
        )
    if bounds.maximum is not None and territories * bounds.maximum < people:
        faults.append(
            fault("number_maximum", wanted=territories, maximum=bounds.maximum, people=people)
        )
    return faults


def _bound_faults(layer: gpd.GeoDataFrame, bounds: Bounds) -> list[Sentence]:
    low, high = bounds.minimum, bounds.maximum
    faults = []
    people = int(layer["population"].sum())
    if low is not None and high is not None and low > high:
        faults.append(fault("bounds_crossed", minimum=low, maximum=high))
    if low is not None and low > people:
        faults.append(fault("minimum_over_total", minimum=low, people=people))
    if high is not None:
        large = layer[layer["population"] > high].sort_values("population", ascending=False)
        if len(large):
            listed = [
                say(
                    "place.inhabitants",
                    name=row["name"],
                    code=code,
                    people=int(row["population"]),
                )
                for code, row in large.head(5).iterrows()
            ]
            faults.append(fault("maximum_under_commune", maximum=high, values=", ".join(listed)))
    return faults


def _network(graph: nx.DiGraph, borders: nx.Graph, layer: gpd.GeoDataFrame) -> Network:
    """Put the graph in the arrays of the search, nodes in canonical order."""
    place = {code: index for index, code in enumerate(layer.index)}
    count = len(place)
    linked: list[dict[int, float]] = [{} for _ in range(count)]
    inside, sent, received = [0.0] * count, [0.0] * count, [0.0] * count
    total = 0.0
    for source, target, weight in graph.edges(data="weight"):
        total += weight
        left, right = place.get(source), place.get(target)
        if left is not None:
            sent[left] += weight
        if right is not None:
            received[right] += weight
        if left is None or right is None:
            continue
        if left == right:
            inside[left] += weight
        else:
            linked[left][right] = linked[left].get(right, 0.0) + weight
            linked[right][left] = linked[right].get(left, 0.0) + weight
    return Network(
        linked=[sorted(flows.items()) for flows in linked],
        inside=inside,
        sent=sent,
        received=received,
        neighbours=[sorted(place[other] for other in borders[code]) for code in layer.index],
        population=[int(people) for people in layer["population"]],
        total=total,
    )


def _named_by_pole(partition: Partition, layer: gpd.GeoDataFrame) -> list[str]:
    """Label each commune with the code of its territory's main pole."""
    network = partition.network
    main = {
        label: min(
            members, key=lambda node: (-network.received[node], -network.population[node], node)
        )
        for label, members in partition.members.items()
    }
    return [str(layer.index[main[label]]) for label in partition.labels]


def _unmet(
    partition: Partition,
    bounds: Bounds,
    layer: gpd.GeoDataFrame,
    names: list[str],
    *,
    people_known: bool,
) -> list[Sentence]:
    """Say which territories are under the minimum or without care, and why."""
    code_of = dict(zip(partition.labels, names, strict=True))
    careless = set(without_care(partition))
    sentences = []
    for label, code in sorted(code_of.items(), key=lambda each: each[1]):
        people = partition.population[label]
        if bounds.too_small(people):
            key = _small_reason(partition, bounds, label)
        elif label in careless:
            key = "no_care" if people_known else "no_care_unknown"
        else:
            continue
        values = {
            "name": layer["name"][code],
            "code": code,
            "people": people,
            "minimum": bounds.minimum,
        }
        sentences.append(Sentence(f"unmet.{key}", values))
    return sentences


def _small_reason(partition: Partition, bounds: Bounds, label: int) -> str:
    beside = partition.around(label)
    if not beside:
        return "island"
    people = partition.population
    full = all(bounds.too_large(people[label] + people[other]) for other in beside)
    return "neighbours_full" if full else "number_wanted"


def _unclear(partition: Partition) -> list[Sentence]:
    """Say so when the flows give no clear division."""
    network = partition.network
    sent = sum(network.sent)
    inside = sum(network.inside) + sum(
        flow / 2
        for node, links in enumerate(network.linked)
        for other, flow in links
        if partition.labels[other] == partition.labels[node]
    )
    if inside >= CLEAR_INSIDE_SHARE * sent:
        return []
    # The share itself is not told: beside the total of a file it could be a few patients.
    return [Sentence("unmet.no_clear_division", {"percent": round(100 * CLEAR_INSIDE_SHARE)})]
