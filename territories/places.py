"""Places of care gathered into poles: practices in the suburbs belong to their town."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pandas as pd
import shapely

from territories.communes import contiguity

if TYPE_CHECKING:
    import geopandas as gpd

NEARBY_M: Final = 10_000.0


def grouped_places(
    table: pd.DataFrame, communes: gpd.GeoDataFrame, *, radius: float = NEARBY_M
) -> pd.DataFrame:
    """Gather suburbs into the town that treats their people.

    From the place that receives fewest patients up, a place joins a place that receives more, is
    contiguous or within `radius`, and whose group sees at least half of the patients who live in
    the place, over all activities. Where several do: the group that sees most of them, then the
    pole that receives most, then the lower code. Places outside the layer stay alone.

    Parameters
    ----------
    table
        Columns `residence`, `destination`, `patients`.
    communes
        Layer in a metric projection.
    radius
        In metres, between points inside the communes.

    Returns
    -------
    DataFrame
        Indexed by place (each destination of the table in the layer): `pole`, itself where it
        stays alone, and `share`, the part of its residents' patients seen in the group it joined
        at the moment of joining, in [0, 1], missing where it stays alone.
    """
    received = table.groupby("destination")["patients"].sum()
    received = received[received.index.isin(communes.index)]
    sent = table[table["residence"].isin(received.index)]
    own = sent.groupby("residence")["patients"].sum().to_dict()
    flows: dict[str, dict[str, float]] = defaultdict(dict)
    pairs = sent.groupby(["residence", "destination"], as_index=False)["patients"].sum()
    for residence, destination, patients in pairs.itertuples(index=False, name=None):
        flows[residence][destination] = patients

    near = _near(communes.loc[received.index.sort_values()], radius)
    volume = {str(place): float(patients) for place, patients in received.items()}
    pole = {place: place for place in volume}
    members = {place: [place] for place in volume}
    share: dict[str, float] = {}
    for place in sorted(volume, key=lambda code: (volume[code], code)):
        total = own.get(place, 0)
        if total <= 0:
            continue
        chosen: tuple[float, float, str] | None = None
        for other in near[place]:
            if volume[other] <= volume[place]:
                continue
            # The other receives more, so it has not been placed yet: it heads its own group.
            seen = sum(flows[place].get(code, 0) for code in members[other])
            better = (-seen, -volume[other], other)
            if 2 * seen >= total and (chosen is None or better < chosen):
                chosen = better
        if chosen is not None:
            share[place] = -chosen[0] / total
            for code in members.pop(place):
                pole[code] = chosen[2]
                members[chosen[2]].append(code)
    result = pd.DataFrame({"pole": pole, "share": pd.Series(share, dtype="float64")})
    result["pole"] = result["pole"].astype("str")
    return result.rename_axis("place").sort_index()


def _near(communes: gpd.GeoDataFrame, radius: float) -> dict[str, list[str]]:
    """List, for each commune, those that touch it or whose point is within the radius."""
    order = communes.index.to_numpy()
    near: dict[str, set[str]] = {code: set() for code in order}
    points = communes.geometry.representative_point().to_numpy()
    left, right = shapely.STRtree(points).query(points, predicate="dwithin", distance=radius)
    for one, other in zip(order[left], order[right], strict=True):
        if one != other:
            near[one].add(other)
    for one, other in contiguity(communes)[["left", "right"]].itertuples(index=False):
        near[one].add(other)
        near[other].add(one)
    return {code: sorted(others) for code, others in near.items()}
