"""The attraction graph: who goes where, as a networkx graph for whoever wants to go on with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import networkx as nx
import numpy as np
import pandas as pd

from territories.errors import ConstraintError, InputError, fault

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.flows import Flows

Weights = Literal["volume", "equal"] | Mapping[str, float]


def attraction_graph(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    weights: Weights = "volume",
    hospital: Flows | None = None,
    hospital_weight: float = 1.0,
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
        total, the mean of all, so that ophthalmology does not drown ENT. Or a factor by activity,
        applied to the patients; activities it does not name count 0.
    hospital
        Located flows of stays, as one more layer. The comparison of the territories with the
        hospital is then no longer independent.
    hospital_weight
        Total of the hospital's layer, as a multiple of that of `flows`.

    Returns
    -------
    networkx.DiGraph
        Nodes are codes, in order: every commune (``external=False``, ``population``, None where it
        is missing) and every
        place outside the layer (``external=True``). Arcs, from residence to destination, have a
        ``weight`` over 0, self-arcs too. Flows between two external places concern no commune of
        the layer and are left out: what else an extract holds changes nothing.

    Raises
    ------
    InputError
        If the flows are not located.
    ConstraintError
        If a weight names no activity, is negative or not finite, or all are zero.
    """
    if not (math.isfinite(hospital_weight) and hospital_weight >= 0):
        raise ConstraintError(fault("hospital_weight", value=repr(hospital_weight)))
    table = _concerned(flows, communes)
    arcs = _arcs(table, _factors(table, weights))
    if hospital is not None:
        stays = _concerned(hospital, communes)
        layer = _arcs(stays, dict.fromkeys(stays["activity"].unique(), 1.0))
        scale = hospital_weight * arcs.sum() / layer.sum() if layer.sum() else 0.0
        arcs = arcs.add(layer * scale, fill_value=0.0)
    arcs = arcs[arcs > 0].sort_index()

    graph = nx.DiGraph()
    for code, population in communes["population"].sort_index().items():
        people = None if pd.isna(population) else int(population)
        graph.add_node(code, external=False, population=people)
    sources, targets = (arcs.index.get_level_values(level) for level in (0, 1))
    outside = sorted({*sources, *targets} - set(communes.index))
    graph.add_nodes_from(outside, external=True)
    graph.add_weighted_edges_from(zip(sources, targets, arcs.astype(float), strict=True))
    return graph


def _concerned(flows: Flows, communes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Keep the flows that have one end in the layer."""
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    table = flows.table
    inside = table["residence"].isin(communes.index) | table["destination"].isin(communes.index)
    return table[inside]


def _arcs(table: pd.DataFrame, factors: Mapping[str, float]) -> pd.Series:
    factor = table["activity"].map(factors).fillna(0.0).astype("float64")
    # The rows are in canonical order, so that the sums are the same to the last bit.
    weighted = table[["residence", "destination"]].assign(
        weight=table["patients"].astype("float64") * factor
    )
    return weighted.groupby(["residence", "destination"])["weight"].sum()


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
