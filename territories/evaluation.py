"""Measures of a zoning's territories: what they keep, what they lose, and their form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import shapely

from territories import codes
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from territories.flows import Flows
    from territories.zoning import Zoning

# Upper bounds (excluded) of the ACI sizes 1, 2 and 3; from the last one on, size 4.
ACI_BOUNDS: Final = (40_000, 80_000, 175_000)


def aci_size(population: pd.Series) -> pd.Series:
    """Return the ACI size, 1 to 4, of each population; missing where that is.

    Examples
    --------
    >>> aci_size(pd.Series([39_999, 40_000, 174_999, 175_000])).tolist()
    [1, 2, 3, 4]
    """
    sizes = np.searchsorted(ACI_BOUNDS, population.to_numpy(), side="right") + 1
    found = pd.Series(sizes, index=population.index, dtype="int64", name="aci_size")
    return found.where(population.notna()) if population.isna().any() else found


def evaluate(zoning: Zoning, flows: Flows) -> pd.DataFrame:
    """Measure the territories of a zoning.

    Parameters
    ----------
    zoning
        Any zoning; shared communes count by weight.
    flows
        Located flows. External residents count in what a territory receives, external destinations
        in what it sends.

    Returns
    -------
    DataFrame
        Indexed by territory: `name`; `communes`; `population` (inhabitants); `aci_size` (1 to 4);
        `inside`, `sent`, `received` (patients: exact, for the user's own eyes); `li` = inside /
        sent and `leakage` = 1 − li; `msi` = inside / received and `attraction` = 1 − msi;
        `net_index` = (received − inside) / (sent − inside); `pieces` in the contiguity graph;
        `area_km2`; `compactness` (Polsby–Popper, 1 for a disc); `departments` (codes, separated by
        blanks). Missing where undefined. Where the flows have masked cells, each of which may be
        any of 1 to 10: `li_low`, `li_high`, `msi_low`, `msi_high`, the bounds of both.

    Raises
    ------
    InputError
        If the flows are not located.
    """
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    shapes = zoning.territories
    result = pd.DataFrame(shapes.drop(columns="geometry"))
    result["aci_size"] = aci_size(result["population"])
    exchanges = _exchanges(zoning, flows.table).reindex(result.index).fillna(0.0)
    result[exchanges.columns] = exchanges
    sent = result["sent"].where(result["sent"] > 0)
    received = result["received"].where(result["received"] > 0)
    lost = sent - result["inside"]
    result["li"] = result["inside"] / sent
    result["leakage"] = 1 - result["li"]
    result["msi"] = result["inside"] / received
    result["attraction"] = 1 - result["msi"]
    result["net_index"] = (result["received"] - result["inside"]) / lost.where(lost > 0)
    if "masked" in flows.table:
        bounds = _bounds(zoning, flows).reindex(result.index)
        result[bounds.columns] = bounds
    result["pieces"] = zoning.pieces()
    geometry = shapes.geometry.to_numpy()
    area, perimeter = shapely.area(geometry), shapely.length(geometry)
    result["area_km2"] = area / 1e6
    result["compactness"] = 4 * np.pi * area / perimeter**2
    result["departments"] = _departments(zoning)
    return result


def _bounds(zoning: Zoning, flows: Flows) -> pd.DataFrame:
    """Bound self-containments: the least is with few patients inside and many outside."""
    ends = {
        end: _exchanges(zoning, flows.table.assign(patients=values))
        for end, values in flows.bounds().items()
    }
    found = {}
    for name, total in (("li", "sent"), ("msi", "received")):
        for inside, outside in (("low", "high"), ("high", "low")):
            kept = ends[inside]["inside"]
            lost = ends[outside][total] - ends[outside]["inside"]
            found[f"{name}_{inside}"] = kept / (kept + lost).where(kept + lost > 0)
    return pd.DataFrame(found)


def _exchanges(zoning: Zoning, table: pd.DataFrame) -> pd.DataFrame:
    """Add up what each territory keeps, sends and receives, shared communes by weight."""
    cells = table.groupby(["residence", "destination"], as_index=False)["patients"].sum()
    member = zoning.membership.set_index("code")
    living = cells.join(member, on="residence", how="inner")
    cared = cells.join(member, on="destination", how="inner")
    both = living.join(member.add_suffix("_care"), on="destination", how="inner")
    both = both[both["territory"] == both["territory_care"]]
    inside = both["patients"] * both["weight"] * both["weight_care"]
    sums = {
        "inside": inside.groupby(both["territory"]).sum(),
        "sent": (living["patients"] * living["weight"]).groupby(living["territory"]).sum(),
        "received": (cared["patients"] * cared["weight"]).groupby(cared["territory"]).sum(),
    }
    return pd.DataFrame(sums).fillna(0.0)


def _departments(zoning: Zoning) -> pd.Series:
    table = zoning.membership
    department = codes.department(table["code"])
    return department.groupby(table["territory"]).agg(lambda each: " ".join(sorted(set(each))))


def white_zones(zoning: Zoning) -> pd.DataFrame:
    """List the communes in no territory, and those of a territory enclosed in another.

    Returns
    -------
    DataFrame
        Indexed by commune, in order: `kind` (``uncovered`` or ``enclave``), `territory` (its own,
        missing when uncovered) and `within` (the territory that encloses it, missing for an
        uncovered commune that no territory encloses).
    """
    communes = zoning.communes
    points = communes.geometry.representative_point()
    rows: dict[str, tuple[str, str | None, str | None]] = dict.fromkeys(
        zoning.uncovered, ("uncovered", None, None)
    )
    holes = [
        (hole, territory)
        for territory, shape in zoning.territories.geometry.items()
        for hole in _holes(shape)
    ]
    # The largest first: of holes within holes, the innermost has the last word.
    for hole, territory in sorted(holes, key=lambda each: -each[0].area):
        for code in points.index[shapely.contains_xy(hole, points.x, points.y)]:
            own = zoning.labels[code]
            if own != territory:
                kind = "uncovered" if pd.isna(own) else "enclave"
                rows[code] = (kind, None if pd.isna(own) else own, territory)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["kind", "territory", "within"])
    return table.astype("object").rename_axis("commune").sort_index()


def _holes(shape: shapely.Geometry) -> list[shapely.Polygon]:
    if shape is None:
        return []
    return [shapely.Polygon(ring) for part in shapely.get_parts(shape) for ring in part.interiors]
