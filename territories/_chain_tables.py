"""Pairs of places of care, as flows: of the layer, in the order of a chain, both ways or one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from territories import codes
from territories._keys import by_value
from territories._words import Sentence
from territories.pmsi import of_year

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from territories.cog import CogTable

# The order in which patients go on (Gautier 2019, interview 19); other professions come after.
ORDER: Final = ("médecine générale", "soins infirmiers", "pharmacie")
ARROW: Final = " → "
ENDS: Final = ("a", "b")

_CODE_LENGTH: Final = 5


def of_layer(
    code: pd.Series, communes: gpd.GeoDataFrame | None, cog_table: CogTable | None
) -> pd.Series:
    """Bring codes to communes of the layer's year; arrondissements that it has not, to cities."""
    if communes is None:
        return code
    if cog_table is not None:
        code = by_value(code, lambda each: of_year(each, communes, cog_table))
    return by_value(code, lambda each: codes.to_cities(each, kept=communes.index))


def lacking(frame: pd.DataFrame, communes: gpd.GeoDataFrame | None) -> list[Sentence]:
    """Tell which communes of the layer's departments the layer has not: they are external."""
    if communes is None:
        return []
    ends = pd.Series(pd.unique(frame[["end_a", "end_b"]].to_numpy().ravel()), dtype="str")
    here = codes.department(ends).isin(codes.department(communes.index.to_series()).unique())
    found = sorted(ends[here & (ends.str.len() == _CODE_LENGTH) & ~ends.isin(communes.index)])
    if not found:
        return []
    values = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")  # noqa: PLR2004
    return [Sentence("notice.chain_external", {"count": len(found), "values": values})]


def profession_ranks(frame: pd.DataFrame, order: Sequence[str]) -> dict[str, int]:
    """Rank the professions in the order of a chain."""
    names = set(frame["profession_a"]) | set(frame["profession_b"])
    ordered = [*order, *sorted(names - set(order))]
    return {name: rank for rank, name in enumerate(ordered)}


def directed(frame: pd.DataFrame, ranks: Mapping[str, int]) -> pd.DataFrame:
    """Put the end whose profession comes first in `a`; of one profession, the first end."""
    left, right = (frame[f"profession_{end}"].map(ranks) for end in ENDS)
    back = (left > right) | ((left == right) & (frame["end_a"] > frame["end_b"]))
    result = frame.copy()
    for name in ("end", "profession"):
        one, other = frame[f"{name}_a"], frame[f"{name}_b"]
        result[f"{name}_a"], result[f"{name}_b"] = one.where(~back, other), other.where(~back, one)
    return result


def flows_table(frame: pd.DataFrame, *, symmetric: bool) -> pd.DataFrame:
    """Lay pairs out as flows; what goes both ways counts half each way."""
    activity = frame["profession_a"].astype("str") + ARROW + frame["profession_b"].astype("str")
    pairs = pd.DataFrame(
        {
            "residence": frame["end_a"],
            "activity": activity,
            "destination": frame["end_b"],
            "patients": frame["patients"].astype("float64"),
            "masked": frame["masked"].astype("float64"),
        }
    )
    both = (frame["profession_a"] == frame["profession_b"]) | symmetric
    both &= pairs["residence"] != pairs["destination"]
    measures = ["patients", "masked"]
    halves = pairs[both].copy()
    halves[measures] /= 2
    swapped = halves.rename(columns={"residence": "destination", "destination": "residence"})
    every = pd.concat([pairs[~both], halves, swapped[pairs.columns]])
    keys = ["residence", "activity", "destination"]
    every = every.sort_values([*keys, *measures])
    summed = every.groupby(keys, as_index=False)[measures].sum()
    if not summed["masked"].any():
        summed = summed.drop(columns="masked")
    if (summed["patients"] % 1 == 0).all():
        summed["patients"] = summed["patients"].astype("int64")
    return summed
