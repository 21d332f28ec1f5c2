"""What the comparison page shows of other zonings: their zones, and the communes that differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from territories._words import say
from territories.colours import numbers
from territories.comparison import compare, placed
from territories.zoning import crossing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from territories.comparison import Comparison
    from territories.zoning import Zoning


def compared_with(
    zoning: Zoning, others: Mapping[str, Zoning], known: Mapping[str, Comparison]
) -> list[dict[str, object]]:
    """Lay out each other zoning on the communes of the layer, in order of codes."""
    return [_one(zoning, name, other, known.get(name)) for name, other in others.items()]


def _one(zoning: Zoning, name: str, other: Zoning, known: Comparison | None) -> dict[str, object]:
    beside = placed(other, zoning.communes)
    found = compare(zoning, beside) if known is None else known
    order = zoning.communes.sort_index().index
    zones = sorted(set(beside.membership["territory"]))
    jaccard = np.floor(100 * found.jaccard.reindex(order) + 1e-6).fillna(-1)
    return {
        "name": name,
        "zones": [str(beside.names.get(zone) or zone) for zone in zones],
        "zone": numbers(beside.labels, order, zones),
        "jaccard": jaccard.astype(int).tolist(),
        "differs": order.get_indexer(pd.Index(found.differs.index)).tolist(),
        "crossing": int(crossing(beside)["crosses"].sum()),
        "figures": {
            key: None if math.isnan(value) else round(value, 4)
            for key, value in (
                ("ari", found.ari),
                ("ami", found.ami),
                ("agreement", found.population_agreement),
            )
        },
    }


def comparison_heads(table: pd.DataFrame) -> dict[str, str]:
    """Say the columns of the comparisons in words."""
    own = {name: say(f"comparison.{name}") for name in table.columns if "aci_" not in name}
    if "jaccard" in own:
        own["jaccard"] = say("comparison.jaccard_people")
    for size in range(1, 5):
        own[f"aci_{size}"] = say("comparison.aci", size=size)
        own[f"aci_{size}_whole"] = say("comparison.aci_whole", size=size)
    return own
