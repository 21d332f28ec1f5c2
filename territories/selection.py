"""Any set of communes, measured at once and beside its department and its region."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from territories import codes
from territories._destinations import cells_of, first_places
from territories._selection_view import Selection
from territories._transfers import kept, slots
from territories.concordance import concordance
from territories.errors import CodeError, GeometryError, InputError, fault, of_kind
from territories.evaluation import class_shares, evaluate
from territories.poles import Poles, dominant_poles
from territories.secrecy import Secrecy
from territories.zoning import Zoning

if TYPE_CHECKING:
    from territories.flows import Flows

_LISTED: Final = 5
_TURN: Final = 180  # degrees of longitude, east or west
_CHOSEN: Final = "selection"
_ENDS: Final = ("selection", "region")
_REST: Final = "\N{EM DASH}"

_FORM: Final = ("communes", "population", "area_km2", "density", "aci_size", "pieces")


def selection(
    flows: Flows,
    chosen: str | Iterable[str] | shapely.Geometry | gpd.GeoSeries | gpd.GeoDataFrame,
    *,
    communes: gpd.GeoDataFrame | None = None,
    zoning: Zoning | None = None,
    stays: Flows | None = None,
    poles: Poles | None = None,
    pairs: pd.DataFrame | None = None,
    secrecy: Secrecy | None = None,
) -> Selection:
    """Measure any set of communes, beside its department(s) and the region.

    Parameters
    ----------
    flows
        Located flows, of the specialists.
    chosen
        Codes of communes (repaired as in files); a territory of `zoning`, by its id or its name,
        whose shared communes count by weight; or an outline: a geometry in the projection of the
        layer, or a GeoSeries or GeoDataFrame in its own. A commune is in an outline if its
        representative point is inside it, not on its edge.
    communes
        The layer; default that of the flows, then of the zoning.
    zoning
        Where to look a territory up.
    stays
        Located flows of hospital stays; without them what they would tell is ``no data``.
    poles
        Dominant poles (see `dominant_poles`, the default).
    pairs
        Pairs of communes that touch (see `contiguity`); default those of the zoning, then the rook
        rule.
    secrecy
        Rule of disclosure for what is shown; default ``Secrecy()``.

    Returns
    -------
    Selection
        `table` and `flows` are exact, for the user's own eyes. The measures are those of
        `evaluate`, of the set as if it were a territory; leakage and localisation by activity;
        and, of the population, the part in each class of concordance.

    Raises
    ------
    InputError
        If the flows are not located, there is no layer, or nothing is selected.
    CodeError
        If codes are not in the layer, with all of them; or no territory has the name.
    GeometryError
        If an outline has no projection.
    """
    of_kind("Flows", flows=flows, **({} if stays is None else {"stays": stays}))
    if "destination" not in flows.table or (stays and "destination" not in stays.table):
        raise InputError(fault("flows_not_located"))
    door = secrecy or Secrecy()
    layer = _layer(communes, flows, zoning)
    held = _held(chosen, layer, zoning)
    if held.empty:
        raise InputError(fault("selection_empty"))
    touching = pairs if pairs is not None or zoning is None else zoning.borders
    sides = _sides(held, layer, touching)
    agreement = concordance(dominant_poles(flows) if poles is None else poles)
    measured = pd.concat(
        {
            name: _measures(side, each, flows, stays, agreement)
            for name, (side, each) in sides.items()
        },
        axis=1,
    )
    table = _part(measured, "value")
    cells = cells_of(_rows(flows, held))
    exact, shown = first_places(cells, secrecy=door, professionals=flows.professionals)
    status = _status(measured, door, _few(flows, sides, door))
    status = _agreed(status, shown, _part(measured, "whole"), door)
    return Selection(
        communes=held,
        table=table,
        status=status,
        shown=table.where(status == ""),
        flows=exact,
        shown_flows=shown,
        pieces=int(table["selection"]["pieces", ""]),
        layer=layer,
        secrecy=door,
    )


def _layer(
    communes: gpd.GeoDataFrame | None, flows: Flows, zoning: Zoning | None
) -> gpd.GeoDataFrame:
    for layer in (communes, flows.communes, None if zoning is None else zoning.communes):
        if layer is not None:
            return layer
    raise InputError(fault("selection_without_layer"))


def _held(chosen: object, layer: gpd.GeoDataFrame, zoning: Zoning | None) -> pd.Series:
    """Return the weight of each commune that is chosen, in order of code."""
    if isinstance(chosen, str):
        found = _territory(chosen, zoning)
        found = found[found.index.isin(layer.index)]
    elif isinstance(chosen, shapely.Geometry | gpd.GeoSeries | gpd.GeoDataFrame):
        found = pd.Series(1.0, index=_inside(chosen, layer))
    elif isinstance(chosen, Iterable):
        listed = pd.Series([str(each) for each in chosen], dtype="str")
        repaired = codes.repaired(listed) if len(listed) else listed
        # A layer may have codes of its own, which are right as they are.
        wanted = listed.where(listed.isin(layer.index), repaired)
        unknown = listed[~wanted.isin(layer.index)].drop_duplicates()
        if len(unknown):
            values = ", ".join(f"'{code}'" for code in unknown[:_LISTED])
            values += ", …" if len(unknown) > _LISTED else ""
            raise CodeError(fault("selection_unknown", count=len(unknown), values=values))
        found = pd.Series(1.0, index=pd.Index(wanted.unique()))
    else:
        raise InputError(fault("selection_kind", found=type(chosen).__name__))
    return found.rename_axis("code").rename("weight").sort_index()


def _territory(name: str, zoning: Zoning | None) -> pd.Series:
    if zoning is None:
        raise InputError(fault("selection_without_zoning", value=name))
    member = zoning.membership
    known = sorted(member["territory"].unique())
    named = [each for each in known if zoning.names.get(each) == name]
    found = [name] if name in known else named
    if len(found) == 1:
        return member[member["territory"] == found[0]].set_index("code")["weight"]
    key = "selection_territory_twice" if found else "selection_territory"
    listed = found or [zoning.names.get(each, each) for each in known]
    values = ", ".join(listed[:_LISTED]) + (", …" if len(listed) > _LISTED else "")
    raise CodeError(fault(key, value=name, values=values))


def _inside(
    outline: shapely.Geometry | gpd.GeoSeries | gpd.GeoDataFrame, layer: gpd.GeoDataFrame
) -> pd.Index:
    """List the communes whose representative point is inside."""
    shape = outline
    if not isinstance(outline, shapely.Geometry):
        if outline.crs is None:
            raise GeometryError(fault("selection_without_crs"))
        shape = shapely.union_all(outline.geometry.to_crs(layer.crs).to_numpy())
    points = layer.geometry.representative_point()
    inside: pd.Index = layer.index[shapely.contains_xy(shape, points.x, points.y)]
    if shape is outline and inside.empty and not shape.is_empty and layer.crs is not None:
        west, south, east, north = shape.bounds
        degrees = max(-west, east) <= _TURN and max(-south, north) <= _TURN / 2
        if degrees and layer.crs.is_projected:
            raise GeometryError(fault("selection_degrees", crs=layer.crs.name))
    return inside


def _sides(
    held: pd.Series, layer: gpd.GeoDataFrame, pairs: pd.DataFrame | None
) -> dict[str, tuple[Zoning, str]]:
    """Make a territory of the selection, of each of its departments, and of the region."""
    rows = held.rename_axis("code").reset_index().assign(territory=_CHOSEN)
    rest = rows[rows["weight"] < 1].assign(territory=_REST)
    rest["weight"] = 1 - rest["weight"]
    own = Zoning(communes=layer, membership=pd.concat([rows, rest]), pairs=pairs)
    department = codes.department(layer.index.to_series())
    wanted = sorted(department[held.index].unique())
    touching = own.borders
    by_department = Zoning.from_labels(department[department.isin(wanted)], communes=layer)
    region = Zoning.from_labels(pd.Series("region", index=layer.index), communes=layer)
    return {
        "selection": (own, _CHOSEN),
        **{f"department {each}": (replace(by_department, pairs=touching), each) for each in wanted},
        "region": (replace(region, pairs=touching), "region"),
    }


def _measures(
    zoning: Zoning, territory: str, flows: Flows, stays: Flows | None, agreement: pd.DataFrame
) -> pd.DataFrame:
    """Measure one territory: `value`, and the counts that it is a share of (`part`, `whole`)."""
    whole = _evaluated(zoning, flows, territory)
    rows: dict[tuple[str, str], tuple[float, float, float]] = {}
    for name in _FORM:
        rows[name, ""] = (whole[name], np.nan, np.nan)
    rows["patients", ""] = (whole["sent"], whole["sent"], whole["sent"])
    for name in ("li", "leakage", "msi", "attraction", "net_index"):
        base = "sent" if name in ("li", "leakage") else "received"
        rows[name, ""] = (whole[name], whole["inside"], whole[base])
    if "li_low" in whole:
        for name, bound in (("leakage_low", "li_high"), ("leakage_high", "li_low")):
            rows[name, ""] = (1 - whole[bound], whole["inside"], whole["sent"])
    for activity, (inside, sent) in _kept(zoning, territory, flows).items():
        rows["leakage", activity] = (_leakage(inside, sent), inside, sent)
    inside = sent = np.nan
    if stays is not None:
        every = _kept(zoning, territory, stays).values()
        inside, sent = (float(sum(each[at] for each in every)) for at in (0, 1))
    rows["hospital_stays", ""] = (sent, sent, sent)
    rows["hospital_leakage", ""] = (_leakage(inside, sent), inside, sent)
    shares = class_shares(zoning, agreement).loc[territory].to_dict()
    for each, share in shares.items():
        rows["concordance", str(each)] = (share, np.nan, np.nan)
    index = pd.MultiIndex.from_tuples(list(rows), names=["measure", "detail"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["value", "part", "whole"])


def _kept(zoning: Zoning, territory: str, flows: Flows) -> dict[str, tuple[float, float]]:
    """Add up, by activity, what a territory keeps and what it sends."""
    numbered = flows.numbered
    held = slots(zoning, numbered.places, pd.Index([territory]))
    activities = flows.table["activity"]
    found = {}
    for activity in flows.activities:
        rows = (activities == activity).to_numpy()
        ends = numbered.residence[rows], numbered.destination[rows]
        inside, sent = kept(held, *ends, numbered.patients[rows], 1)
        found[activity] = float(inside[0].round(6)), float(sent[0].round(6))
    return found


def _leakage(inside: float, sent: float) -> float:
    return 1 - inside / sent if sent > 0 else np.nan


def _evaluated(zoning: Zoning, flows: Flows, territory: str) -> dict[str, float]:
    """Return what is a number among the measures of one territory."""
    table = evaluate(zoning, flows).loc[[territory]].select_dtypes("number")
    values = table.to_numpy(dtype="float64", na_value=np.nan)[0]
    return {str(name): float(value) for name, value in zip(table, values, strict=True)}


def _rows(flows: Flows, held: pd.Series) -> pd.DataFrame:
    """Add up where the patients of the selection go, inside and outside it, by weight."""
    numbered = flows.numbered
    weight = held.reindex(numbered.places).fillna(0.0).to_numpy()
    living, care = weight[numbered.residence], weight[numbered.destination]
    own = np.flatnonzero(living > 0)
    table = flows.table[["activity", "destination"]].take(own)
    table = table.assign(patients=numbered.patients[own], **flows.bounds().take(own))
    inside = np.minimum(living, care)[own]
    parts = []
    for group, share in (("inside", inside), ("outside", living[own] - inside)):
        part = table.assign(group=group)
        part[["patients", "low", "high"]] = part[["patients", "low", "high"]].mul(share, axis=0)
        parts.append(part[share > 0])
    keys = ["activity", "group", "destination"]
    together: pd.DataFrame = pd.concat(parts).groupby(keys, as_index=False).sum()
    return together


def _few(flows: Flows, sides: dict[str, tuple[Zoning, str]], door: Secrecy) -> dict[str, bool]:
    """Tell where so few professionals practise that what they receive is not shown."""
    if flows.practices is not None:
        places = flows.practices["commune"].dropna()
        each = pd.Series(1, index=pd.MultiIndex.from_product([["all"], places]))
    elif flows.professionals is not None:
        each = flows.professionals
    else:
        return dict.fromkeys(sides, False)
    found = {}
    for name, (zoning, territory) in sides.items():
        member = zoning.membership
        held = member.loc[member["territory"] == territory, "code"]
        there = each[each.index.get_level_values(1).isin(held)]
        # Who has two activities is counted twice: the largest one is what is sure.
        number = int(there.groupby(level=0).sum().max()) if len(there) else 0
        found[name] = 0 < number < door.professionals
    return found


def _part(measured: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return one of the numbers of each measure."""
    columns = measured.columns.get_level_values(1) == name
    return measured.loc[:, columns].droplevel(1, axis=1)


def _status(measured: pd.DataFrame, door: Secrecy, few: dict[str, bool]) -> pd.DataFrame:
    """Say why a figure is not shown."""
    table = _part(measured, "value")
    parts, wholes = (_part(measured, name).round(6) for name in ("part", "whole"))
    status = pd.DataFrame("", index=table.index, columns=table.columns)
    names = table.index.get_level_values("measure")
    for column in map(str, table):
        smaller = [str(name) for name in table if name not in (column, "region")]
        status[column] = np.where(_bare(parts, wholes, column, smaller, door), "hidden", "")
        if few[column]:
            status.loc[names.isin(["msi", "attraction", "net_index"]), column] = "hidden"
        # The ratio of what is received to what is sent tells as much as both.
        if (status.loc[names.isin(["li", "msi"]), column] == "hidden").any():
            status.loc[names == "net_index", column] = "hidden"
        missing = table[column].isna()
        unknown = names.isin(["hospital_stays", "hospital_leakage"]) & wholes[column].isna()
        unknown |= names.isin(["population", "density", "aci_size", "concordance"])
        status.loc[missing, column] = "undefined"
        status.loc[missing & unknown, column] = "no data"
    return status


def _bare(
    parts: pd.DataFrame, wholes: pd.DataFrame, column: str, smaller: list[str], door: Secrecy
) -> np.ndarray:
    """Tell which shares give a small count away, alone or less those of a set within theirs."""
    within = [] if column == "selection" else smaller
    bare = np.zeros(len(parts), dtype=bool)
    counts = {name: (parts[name], wholes[name], wholes[name] - parts[name]) for name in parts}
    for at in range(3):
        own = counts[column][at].fillna(0.0)
        for other in (own * 0, *(counts[name][at].fillna(0.0) for name in within)):
            bare |= [door.hides(each) for each in own - other]
        # Of several departments the sum is known too: what it lacks of the region, and what it
        # has besides the selection.
        every = own * 0
        for name in set(counts) - set(_ENDS):
            every += counts[name][at].fillna(0.0)
        known = {"selection": own * 0, "region": own}.get(column, every)
        without = every if column == "region" else counts["selection"][at].fillna(0.0)
        bare |= [column != "selection" and door.hides(each) for each in (known - without).round(6)]
    return bare


def _agreed(
    status: pd.DataFrame, shown: pd.DataFrame, wholes: pd.DataFrame, door: Secrecy
) -> pd.DataFrame:
    """Hide in the table what is hidden among the flows of the selection, or gives it away."""
    result = status.copy()
    sums = shown[shown["hidden"] & shown["kind"].isin(["total", "group"])]
    own = result["selection"].copy()
    for row in sums.to_dict("records"):
        detail = "" if row["scope"] == "all" else str(row["activity"])
        keys = [("leakage", detail)]
        if not detail:
            keys += [(name, "") for name in ("li", "net_index", "leakage_low", "leakage_high")]
            keys += [("patients", "")] if row["kind"] == "total" else []
        for key in keys:
            if key in own.index and own[key] == "":
                own[key] = "hidden"
    result["selection"] = own
    # A department that has few patients besides, or none, would tell what the selection hides.
    for column in result.columns.drop("selection"):
        besides = (wholes[column] - wholes["selection"]).abs().round(6)
        told = (own == "hidden") & (besides < door.threshold) & (result[column] == "")
        result.loc[told, column] = "hidden"
    return result
