"""The attraction graph: who goes where, as a networkx graph for whoever wants to go on with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import networkx as nx
import numpy as np
import pandas as pd

from territories.communes import TOLERANCE_M, checked, contiguity
from territories.errors import ConstraintError, InputError, fault, of_kind
from territories.network import Network, added
from territories.poles import dominant_poles

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from territories.communes import Bridges
    from territories.flows import Flows

Weights = Literal["volume", "equal", "dominance", "concordance"] | Mapping[str, float]
RANKED: Final = ("dominance", "concordance")


@dataclass(frozen=True, eq=False)
class AttractionNetwork:
    """Flows and borders of a layer, put in arrays once for several divisions.

    Attributes
    ----------
    communes
        The layer as given, in order.
    placed
        Codes of the communes that are drawn or bridged: the nodes of the network, in order.
    network
        Flows and borders.
    pairs
        Contiguity (see `contiguity`).
    parameters
        What the flows were weighed with, for the record.
    """

    communes: gpd.GeoDataFrame
    placed: pd.Index
    network: Network
    pairs: pd.DataFrame
    parameters: Mapping[str, object]

    def __repr__(self) -> str:
        """Return what matters of the network."""
        return (
            f"<AttractionNetwork: {len(self.placed):,} communes, {len(self.pairs):,} borders, "
            f"{len(self.network.source):,} flows>"
        )


def attraction_network(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    weights: Weights = "volume",
    hospital: Flows | None = None,
    hospital_weight: float = 1.0,
    chains: Flows | None = None,
    chains_weight: float = 1.0,
    bridges: Bridges | None = None,
    tolerance: float = TOLERANCE_M,
    pairs: pd.DataFrame | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> AttractionNetwork:
    """Put flows and borders in arrays, for divisions that follow one another quickly.

    Parameters
    ----------
    flows, communes, weights, hospital, hospital_weight, chains, chains_weight
        See `attraction_graph`. A commune that is not drawn (an empty outline) and not bridged is
        in no territory.
    bridges, tolerance
        See `contiguity`.
    pairs
        The contiguity of the layer where it is known already, for other flows on the same ground.
    tell
        Called with the name of each stage as it begins.
    """
    of_kind("Flows", flows=flows)
    of_kind("GeoDataFrame", communes=communes)
    layer = checked(communes)
    if pairs is None:
        pairs = contiguity(layer, bridges=bridges, tolerance=tolerance)
    bridged = layer.index.isin(pairs[["left", "right"]].to_numpy().ravel())
    placed = layer.index[~layer.geometry.is_empty.to_numpy() | bridged]
    tell("graph")
    more = {
        "hospital_weight": (hospital, hospital_weight),
        "chains_weight": (chains, chains_weight),
    }
    arcs = _attraction(flows, layer.loc[placed], weights, more).reset_index()
    source, target = placed.get_indexer(arcs["residence"]), placed.get_indexer(arcs["destination"])
    weight = arcs["weight"].to_numpy(dtype="float64")
    scatter = arcs["variance"].to_numpy(dtype="float64") / weight
    inside, leaving, coming = (
        (source >= 0) & (target >= 0),
        (source >= 0) & (target < 0),
        (source < 0) & (target >= 0),
    )
    count = len(placed)
    network = Network.of(
        source[inside],
        target[inside],
        weight[inside],
        scatter=scatter[inside],
        left=placed.get_indexer(pairs["left"]),
        right=placed.get_indexer(pairs["right"]),
        population=layer["population"].loc[placed].fillna(0).to_numpy().astype("int64"),
        sent_outside=added(source[leaving], weight[leaving], count),
        received_outside=added(target[coming], weight[coming], count),
    )
    parameters = {
        "weights": weights if isinstance(weights, str) else dict(sorted(weights.items())),
        "hospital_weight": None if hospital is None else float(hospital_weight),
        **({} if chains is None else {"chains_weight": float(chains_weight)}),
        "tolerance": float(tolerance),
    }
    return AttractionNetwork(layer, placed, network, pairs, parameters)


def attraction_graph(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    weights: Weights = "volume",
    hospital: Flows | None = None,
    hospital_weight: float = 1.0,
    chains: Flows | None = None,
    chains_weight: float = 1.0,
) -> nx.DiGraph:
    """Add the flows of all activities up into one directed graph.

    Parameters
    ----------
    flows
        Located flows, grouped or not.
    communes
        Layer indexed by code.
    weights
        ``"volume"``: patients add up as they are. ``"equal"``: each activity is scaled to the same
        total, the mean of all, so that ophthalmology does not drown ENT. ``"dominance"``: all
        patients of a commune for an activity count for its dominant pole (see `dominant_poles`;
        without one, for none). ``"concordance"``: the patients of a commune at a pole count by the
        share of its activities with a dominant pole that this pole dominates. Or a
        factor by activity, applied to the patients; activities it does not name count 0.
    hospital
        Located flows of stays, as one more layer. The comparison of the territories with the
        hospital is then no longer independent.
    hospital_weight
        Total of the hospital's layer, as a multiple of that of `flows`.
    chains
        Patients shared between practices of two communes (see `read_chains`), as one more layer.
    chains_weight
        Total of that layer, as a multiple of that of `flows`.

    Returns
    -------
    networkx.DiGraph
        Nodes are codes, in order: every commune (``external=False``, ``population``, None where it
        is missing) and every place outside the layer (``external=True``). Arcs, from residence to
        destination, have a ``weight`` over 0, self-arcs too. Flows between two external places
        concern no commune of the layer and are left out: what else an extract holds changes
        nothing.

    Raises
    ------
    InputError
        If the flows are not located.
    ConstraintError
        If a weight names no activity, is negative or not finite, or all are zero.
    """
    more = {
        "hospital_weight": (hospital, hospital_weight),
        "chains_weight": (chains, chains_weight),
    }
    arcs = _attraction(flows, communes, weights, more)["weight"]

    graph = nx.DiGraph()
    for code, population in communes["population"].sort_index().items():
        people = None if pd.isna(population) else int(population)
        graph.add_node(code, external=False, population=people)
    sources, targets = (arcs.index.get_level_values(level) for level in (0, 1))
    outside = sorted({*sources, *targets} - set(communes.index))
    graph.add_nodes_from(outside, external=True)
    graph.add_weighted_edges_from(zip(sources, targets, arcs.astype(float), strict=True))
    return graph


def _attraction(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    weights: Weights,
    more: Mapping[str, tuple[Flows | None, float]],
) -> pd.DataFrame:
    """Add the flows of all activities up: `weight` and its `variance` by residence, destination.

    `more` are other layers, each with the multiple that its total is of that of the flows.
    """
    faults = [
        fault(name, value=repr(multiple))
        for name, (_, multiple) in more.items()
        if not (math.isfinite(multiple) and multiple >= 0)
    ]
    if faults:
        raise ConstraintError(*faults)
    table = _concerned(flows, communes)
    if isinstance(weights, str) and weights in RANKED:
        arcs = _ranked_arcs(flows, table, weights)
    else:
        arcs = _arcs(table, _factors(table, weights))
    volume = arcs["weight"].sum()
    for other, multiple in more.values():
        if other is None:
            continue
        cells = _concerned(other, communes)
        layer = _arcs(cells, dict.fromkeys(cells["activity"].unique(), 1.0))
        total = layer["weight"].sum()
        scale = multiple * volume / total if total else 0.0
        arcs = arcs.add(layer * [scale, scale * scale], fill_value=0.0)
    return arcs[arcs["weight"] > 0].sort_index()


def _ranked_arcs(flows: Flows, table: pd.DataFrame, weights: str) -> pd.DataFrame:
    """Weigh by dominance or concordance (see `attraction_graph`)."""
    # Of what concerns the layer only, whatever else the extract holds.
    poles = dominant_poles(replace(flows, table=table, communes=None)).table.reset_index()
    poles = poles[poles["pole"].notna()].rename(columns={"commune": "residence"})
    ends = {"residence": "str", "destination": "str"}
    if weights == "dominance":
        sent = table.groupby(["residence", "activity"], observed=True)["patients"].sum()
        won = poles[["residence", "activity", "pole"]].merge(
            sent.rename("weight").reset_index().astype({"residence": "str", "activity": "str"})
        )
        won = won.rename(columns={"pole": "destination"}).astype(ends)
    else:
        number = poles.groupby("residence").size().rename("number")
        held = poles.groupby(["residence", "pole"]).size().rename("held").reset_index()
        held = held.rename(columns={"pole": "destination"}).join(number, on="residence")
        sums = table.groupby(["residence", "destination"], observed=True)["patients"].sum()
        won = held.astype(ends).merge(sums.reset_index().astype(ends))
        won["weight"] = won["patients"] * won["held"] / won["number"]
    won["weight"] = won["weight"].astype("float64")
    arcs = won.groupby(["residence", "destination"])[["weight"]].sum()
    return arcs.assign(variance=arcs["weight"])


def _concerned(flows: Flows, communes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Keep the flows that have one end in the layer."""
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    table = flows.table
    inside = table["residence"].isin(communes.index) | table["destination"].isin(communes.index)
    return table[inside]


def _arcs(table: pd.DataFrame, factors: Mapping[str, float]) -> pd.DataFrame:
    """Add patients up by residence and destination, each activity times its factor."""
    factor = table["activity"].map(factors).fillna(0.0).astype("float64")
    # The rows are in canonical order, so that the sums are the same to the last bit.
    weight = table["patients"].astype("float64") * factor
    weighted = table[["residence", "destination"]].assign(weight=weight, variance=weight * factor)
    return weighted.groupby(["residence", "destination"], observed=True)[
        ["weight", "variance"]
    ].sum()


def _factors(table: pd.DataFrame, weights: Weights) -> dict[str, float]:
    volume = table.groupby("activity")["patients"].sum()
    if isinstance(weights, str):
        if weights == "volume":
            return dict.fromkeys(volume.index, 1.0)
        if weights == "equal":
            seen = volume[volume > 0]
            return {str(name): seen.mean() / patients for name, patients in seen.items()}
        raise ConstraintError(fault("weights_unknown", value=weights))
    unknown = sorted(set(weights) - set(volume.index))
    if unknown:
        raise ConstraintError(
            fault("weights_activity", values=", ".join(unknown), known=", ".join(volume.index))
        )
    try:
        values = np.array(list(weights.values()), dtype=float)
    except (TypeError, ValueError) as problem:
        raise ConstraintError(fault("weights_value")) from problem
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise ConstraintError(fault("weights_value"))
    return {str(name): float(weight) for name, weight in weights.items()}
