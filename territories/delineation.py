"""From flows and borders to a zoning."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from territories.communes import TOLERANCE_M, Bridges
from territories.division import divided
from territories.errors import InputError, fault, of_kind
from territories.graph import Weights, attraction_network
from territories.task import asked
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import geopandas as gpd
    import pandas as pd

    from territories._ties import Locked
    from territories.flows import Flows


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
    chains: Flows | None = None,
    chains_weight: float = 1.0,
    together: Iterable[Iterable[str]] = (),
    apart: Iterable[Iterable[str]] = (),
    locked: Locked | None = None,
    poles: Iterable[str] | None = None,
    bridges: Bridges | None = None,
    contiguous: bool = True,
    tolerance: float = TOLERANCE_M,
    options: Mapping[str, object] | None = None,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Zoning:
    """Divide a layer into territories that follow the flows, each in one piece.

    Parameters
    ----------
    flows
        Located flows, grouped or not.
    communes
        Layer indexed by code, with `population`, in a metric projection. A commune that is not
        drawn (an empty outline) and not bridged is in no territory. With the communes of one
        territory only, it is divided again.
    method
        ``"leiden"``: directed modularity, improved by moves across shared borders, level by level;
        a move never cuts a territory or breaks a bound. The others, for comparison, are published
        methods whose territories are mended afterwards, so that they are in one piece and over the
        minimum: ``"plurality"``, ``"dartmouth"``, ``"ward"``, ``"intramax"``,
        ``"self_containment"``. They know no `resolution`, `apart` and `locked`, do not divide what
        is over the maximum, and ``"ward"`` and ``"intramax"`` need a number.
    territories
        The number wanted, exact. Without it and without `resolution`: the last scale before the
        share of care that stays inside falls (see `scales`).
    resolution
        γ of the modularity: the greater, the more territories. For ``"leiden"`` only.
    population
        Minimum and maximum inhabitants of a territory; None: no bound. A bound, or leaving the
        number to be found, needs the inhabitants of every commune.
    weights
        See `attraction_graph`.
    hospital, hospital_weight
        See `attraction_graph`; out by default, so that the hospital remains a witness.
    chains, chains_weight
        See `attraction_graph`; out by default. The territories of the chains alone are those of
        ``delineate(chains, communes)``.
    together
        Groups of codes, each in one territory. Where they do not touch, the communes on the
        shortest way between them join them, and `Zoning.unmet` tells which.
    apart
        Groups of codes, each commune of a group in another territory.
    locked
        Territory by code: the communes of one name are in one territory, which takes that name,
        and others may join it. Or a `Zoning`: its territories stay exactly as they are (shared
        communes in their main one) and the rest of the layer is divided around them.
    poles
        Codes of which each territory has one at least. Default: the places that receive anyone,
        as far as there are enough of them.
    bridges
        Pairs of communes joined although they do not touch (see `contiguity`).
    contiguous
        False: the method as published; territories may be in pieces, and `Zoning.unmet` tells
        which. With ``"leiden"`` moves go along flows.
    tolerance
        In metres: neighbours drawn apart by no more than this still touch (see `contiguity`).
    options
        A method's own. ``"leiden"``: `null` (``"directed"``, ``"undirected"`` or
        ``"population"``, see `Network.ends`) and `steps` of destroy and repair (1 000). The
        others: see their functions.
    seed
        Sets the order in which communes are tried.
    tell
        Called with the name of each stage as it begins.

    Returns
    -------
    Zoning
        Every commune that is drawn in exactly one territory. Its id is the code of its main pole,
        the commune of it that receives most patients (most people, then the first code, where none
        does), or its name in `locked`. What could not be met stands in `Zoning.unmet`.

    Raises
    ------
    ConstraintError
        If what is asked is contradictory or cannot be had; the message says which and why.
    """
    ground = attraction_network(
        flows,
        communes,
        weights=weights,
        hospital=hospital,
        hospital_weight=hospital_weight,
        chains=chains,
        chains_weight=chains_weight,
        bridges=bridges,
        tolerance=tolerance,
        tell=tell,
    )
    task = asked(
        ground,
        method=method,
        territories=territories,
        resolution=resolution,
        population=population,
        together=together,
        apart=apart,
        locked=locked,
        poles=poles,
        contiguous=contiguous,
        options=options,
        seed=seed,
    )
    tell("search")
    return divided(task)


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
    of_kind("Flows", flows=flows)
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
