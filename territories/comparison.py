"""How far two divisions of the same communes agree, and where each cuts the other's territories."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from territories._words import number, say
from territories.errors import InputError, fault
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

SIDES = ("zoning", "other")


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far two zonings agree. What is not defined is missing (NaN).

    Parameters
    ----------
    ari
        Adjusted Rand index of the main territories: 1 for equal divisions, about 0 for chance.
    ami
        Adjusted mutual information of the same.
    population_agreement
        Share of the inhabitants of the compared communes who are in matching territories, each
        territory having at most one match, chosen so that the share is the greatest.
    jaccard
        Indexed by code, all communes of the layer: communes in both the territories a commune is
        in, out of those in either; missing for a commune that one of the two leaves uncovered.
    cut
        Indexed by `side` (``"zoning"``, then ``"other"``) and `territory`, all of both: `name`;
        `meets`, how many territories of the other side hold a part of it; `largest`, the one that
        holds most of its inhabitants; `share`, the part of them there; `uncovered`, the part of
        them whom the other side leaves in no territory.
    compared, left_out
        Number of communes of the layer that both cover, and of all others.
    """

    ari: float
    ami: float
    population_agreement: float
    jaccard: pd.Series
    cut: pd.DataFrame
    compared: int
    left_out: int

    def __repr__(self) -> str:
        """Return what matters of the comparison."""
        return (
            f"<Comparison: ARI {self.ari:.2f}, AMI {self.ami:.2f}, "
            f"{self.population_agreement:.0%} of people in agreement, "
            f"{self.compared:,} communes compared, {self.left_out:,} left out>"
        )

    def _repr_html_(self) -> str:
        """Show the indices, and the territories that are cut, in a notebook."""
        rows = [
            ("ari", _written(self.ari)),
            ("ami", _written(self.ami)),
            ("population_agreement", _written(self.population_agreement)),
            ("jaccard", _written(float(self.jaccard.mean()))),
            ("compared", number(self.compared)),
            ("left_out", number(self.left_out)),
        ]
        lines = "".join(
            f"<tr><th>{html.escape(say(f'comparison.{name}'))}</th><td>{value}</td></tr>"
            for name, value in rows
        )
        parts = [f"<table>{lines}</table>"]
        for side in SIDES:
            of_side = self.cut.index.get_level_values("side") == side
            table = self.cut[of_side].droplevel("side")
            title = say(
                f"comparison.cut_{side}", cut=int((table["meets"] > 1).sum()), all=len(table)
            )
            heads = {name: say(f"comparison.{name}") for name in table.columns}
            shown = table[table["meets"] > 1].rename(columns=heads).to_html(float_format=_written)
            parts.append(f"<details><summary>{html.escape(title)}</summary>{shown}</details>")
        return "".join(parts)


def compare(zoning: Zoning, other: Zoning | pd.Series) -> Comparison:
    """Compare a zoning with any other division of the same communes.

    Only communes of the layer of `zoning` are looked at: a territory of `other` that goes beyond
    it counts by its part inside. The two indices are of communes that both cover, by their main
    territory (see `Zoning.labels`). Measures of inhabitants share a commune out by its weights; of
    a commune that is in a territory by 0.7 and in one of `other` by 0.4, 0.4 may be in both, so
    that a zoning agrees with itself whatever it shares.

    Parameters
    ----------
    zoning
        The zoning, whose layer gives the communes and their inhabitants.
    other
        Another zoning, or the territory by commune code (missing: none), as a column of EPCI,
        bassins de vie, on-call sectors or another method's result.

    Returns
    -------
    Comparison
        The same both ways, `cut` aside whose sides are swapped, where both have the same layer.
        Where the inhabitants of a commune are not known, neither is what depends on them.
        Territories that hold as many of a territory's inhabitants: the first in order is `largest`.

    Raises
    ------
    InputError
        If `other` is neither, or names communes none of which is in the layer.

    References
    ----------
    Hubert and Arabie (1985) for the ARI; Vinh, Epps and Bailey (2010) for the AMI, normalised by
    the arithmetic mean; Kuhn (1955) for the matching.
    """
    communes = zoning.communes
    beside = _placed(other, communes)
    first, second = zoning.labels, beside.labels
    both = first.notna() & second.notna()
    common = _common(zoning, beside)
    people = communes["population"].astype("float64").rename_axis("code")
    ari, ami = _indices(first[both], second[both])
    return Comparison(
        ari=ari,
        ami=ami,
        population_agreement=_agreement(common, people[both[both].index]),
        jaccard=_jaccard(first, second),
        cut=pd.concat(
            {
                "zoning": _cut(zoning, common, people, ("territory", "territory_other")),
                "other": _cut(beside, common, people, ("territory_other", "territory")),
            },
            names=["side", "territory"],
        ),
        compared=int(both.sum()),
        left_out=int((~both).sum()),
    )


def _placed(other: object, communes: gpd.GeoDataFrame) -> Zoning:
    """Put the other division on the layer, without what lies outside it."""
    if isinstance(other, pd.Series):
        labels = other.dropna()
        rows = pd.DataFrame(
            {"code": labels.index.astype("str"), "territory": labels.to_numpy(), "weight": 1.0}
        )
        names: Mapping[str, str] = {}
    elif isinstance(other, Zoning):
        rows, names = other.membership, other.names
    else:
        raise InputError(fault("compare_other", found=type(other).__name__))
    known = rows["code"].isin(communes.index)
    if len(rows) and not known.any():
        found = ", ".join(f"'{code}'" for code in sorted(set(rows["code"]))[:5])
        raise InputError(fault("compare_no_commune", values=found))
    return Zoning(communes=communes, membership=rows[known], names=names)


def _common(zoning: Zoning, other: Zoning) -> pd.DataFrame:
    """List the parts of communes that a territory of each side holds, in order."""
    table = zoning.membership.merge(other.membership, on="code", suffixes=("", "_other"))
    table["weight"] = table[["weight", "weight_other"]].min(axis=1)
    keys = ["territory", "territory_other", "code"]
    return table[[*keys, "weight"]].sort_values(keys, ignore_index=True)


def _indices(first: pd.Series, second: pd.Series) -> tuple[float, float]:
    if first.empty:
        return math.nan, math.nan
    pairs = pd.concat([first, second], axis=1).drop_duplicates()
    if len(pairs) == first.nunique() == second.nunique():
        return 1.0, 1.0  # scikit-learn differs between versions where all are alone
    # A second to import, which only those who compare should wait for.
    from sklearn import metrics  # noqa: PLC0415

    one, two = (pd.factorize(labels, sort=True)[0] for labels in (first, second))
    return (
        float(metrics.adjusted_rand_score(one, two)),
        float(metrics.adjusted_mutual_info_score(one, two)),
    )


def _agreement(common: pd.DataFrame, people: pd.Series) -> float:
    """Match territories one to one so that most people are in both of a pair."""
    total = people.sum(skipna=False)
    if not total > 0:
        return math.nan
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - as above

    parts = common["weight"] * people.reindex(common["code"]).to_numpy()
    held = parts.groupby([common["territory"], common["territory_other"]]).sum()
    held = held.unstack(fill_value=0.0).to_numpy()
    return float(held[linear_sum_assignment(held, maximize=True)].sum() / total)


def _jaccard(first: pd.Series, second: pd.Series) -> pd.Series:
    """Compare, for each commune, the communes of its main territory on each side."""
    sizes = [labels.groupby(labels).transform("size") for labels in (first, second)]
    shared = first.groupby([first, second]).transform("size")
    return pd.Series(shared / (sizes[0] + sizes[1] - shared), name="jaccard")


def _cut(
    zoning: Zoning, common: pd.DataFrame, people: pd.Series, keys: tuple[str, str]
) -> pd.DataFrame:
    """Tell what the other side makes of each territory; `keys`: its column, and the other's."""
    own, theirs = keys
    membership = zoning.membership
    inhabitants = membership["weight"] * people.reindex(membership["code"]).to_numpy()
    by_territory = inhabitants.groupby(membership["territory"])
    # One commune whose inhabitants are not known, and nobody knows those of the territory.
    total = by_territory.sum().where(by_territory.count() == by_territory.size())
    total = total.where(total > 0)
    white = inhabitants.where(~membership["code"].isin(common["code"]), 0.0)

    parts = common["weight"] * people.reindex(common["code"]).fillna(0.0).to_numpy()
    held = parts.groupby([common[own], common[theirs]]).sum().rename("people").reset_index()
    # The first of the greatest.
    first = held.sort_values([own, "people", theirs], ascending=[True, False, True])
    largest = first.drop_duplicates(own).set_index(own).reindex(total.index)
    share = largest["people"] / total
    return pd.DataFrame(
        {
            "name": [zoning.names.get(each, each) for each in total.index],
            "meets": held.groupby(own).size().reindex(total.index, fill_value=0).astype("int64"),
            "largest": largest[theirs].where(share.notna()),
            "share": share,
            "uncovered": white.groupby(membership["territory"]).sum() / total,
        },
        index=total.index,
    )


def _written(value: float) -> str:
    return "–" if math.isnan(value) else number(value, digits=2)
