"""How far two divisions of the same communes agree, where they differ, and what each cuts."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from territories._kappa import mutual
from territories._words import number, say
from territories.aci import aci_size
from territories.errors import InputError, fault, of_kind
from territories.zoning import Zoning, crossing

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
    cross
        Indexed by `territory` and `other`, those that have a commune in common: `communes` (number,
        shared ones too), `population` (inhabitants, shared communes by weight; missing where that
        of a commune is), `share` of the territory's inhabitants and `share_other` of the other's.
    matches
        The territories of the other side that `population_agreement` matches, by territory; missing
        for one that has no match. One to one, so that of two territories that hold most of the same
        zone only one has it.
    differs
        Communes that differ, in order of codes: `name`, `population`, `territory`, `other` (main
        ones) and `geometry`. A commune differs where both cover it, its other zone is not the one
        that holds most of its territory's people (of equals, the one with most communes, then the
        first), nor its territory the one that holds most of its zone's. So a division that only
        refines the other, or is refined by it, differs nowhere.
    """

    ari: float
    ami: float
    population_agreement: float
    jaccard: pd.Series
    cut: pd.DataFrame
    compared: int
    left_out: int
    cross: pd.DataFrame
    matches: pd.Series
    differs: gpd.GeoDataFrame

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
            ("differs", number(len(self.differs))),
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
    beside = placed(other, communes)
    first, second = zoning.labels, beside.labels
    both = first.notna() & second.notna()
    common = _common(zoning, beside)
    people = communes["population"].astype("float64").rename_axis("code")
    ari, ami = _indices(first[both], second[both])
    agreement, matches = _matched(common, people[both[both].index])
    return Comparison(
        ari=ari,
        ami=ami,
        population_agreement=agreement,
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
        cross=_cross(zoning, beside, common, people),
        matches=matches.reindex(pd.Index(sorted(set(zoning.membership["territory"])))).rename_axis(
            "territory"
        ),
        differs=_differing(zoning, beside, common, people),
    )


def comparisons(zoning: Zoning, others: Mapping[str, Zoning]) -> pd.DataFrame:
    """Compare a zoning with several others, one row for each.

    Parameters
    ----------
    zoning
        The zoning, whose layer gives the communes and their inhabitants.
    others
        Other zonings by name, such as EPCI, bassins de vie, on-call sectors, another draft.

    Returns
    -------
    DataFrame
        Indexed by `name`, in the order given. `zones`: those with a commune of the layer;
        `crossing`: those that go beyond it (see `crossing`). `ari`, `ami`, `population_agreement`:
        see `compare`. `jaccard`: mean over the inhabitants of the communes that both cover.
        `differing`: share of the layer's inhabitants in communes that differ; `left_out`: communes
        that one of the two leaves uncovered. `territories_cut`: territories of the zoning that
        several zones hold a part of, and `territories_cut_share`: the share of its inhabitants who
        live in these; `zones_cut`, `zones_cut_share`: the same of the zones. `aci_1` to `aci_4`:
        zones of each ACI size by their inhabitants inside the layer; `aci_1_whole` to
        `aci_4_whole`: by all their inhabitants, those outside too, of zones whose number is known.

    Raises
    ------
    InputError
        As `compare`.
    """
    of_kind("Zoning", zoning=zoning)
    of_kind("dict", others=others)
    people = zoning.communes["population"].astype("float64").rename_axis("code").sort_index()
    rows = {name: _row(zoning, other, people) for name, other in others.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def _row(zoning: Zoning, other: Zoning, people: pd.Series) -> dict[str, float]:
    """Sum the comparison with one zoning up."""
    beside = placed(other, zoning.communes)
    found = compare(zoning, beside)
    edge = crossing(beside)
    row: dict[str, float] = {
        "zones": len(edge),
        "crossing": int(edge["crosses"].sum()),
        "ari": found.ari,
        "ami": found.ami,
        "population_agreement": found.population_agreement,
    }
    known = people[found.jaccard.notna().reindex(people.index)]
    total = known.sum(skipna=False)
    jaccard = (found.jaccard.reindex(known.index) * known).sum(skipna=False)
    row["jaccard"] = float(jaccard / total) if total > 0 else math.nan
    everyone = people.sum(skipna=False)
    differing = people.reindex(found.differs.index).sum(skipna=False)
    row["differing"] = float(differing / everyone) if everyone > 0 else math.nan
    row["left_out"] = found.left_out
    for side, name, own in (("zoning", "territories", zoning), ("other", "zones", beside)):
        sides = found.cut.index.get_level_values("side")  # a zoning of nobody has no row
        several = found.cut[sides == side].droplevel("side")["meets"] > 1
        held = crossing(own)["people_inside"]
        whole = held.sum(skipna=False)
        part = held[several.reindex(held.index)].sum(skipna=False)
        row[f"{name}_cut"] = int(several.sum())
        row[f"{name}_cut_share"] = float(part / whole) if whole > 0 else math.nan
    for suffix, column in (("", "people_inside"), ("_whole", "people")):
        sizes = aci_size(edge[column].dropna())
        row |= {f"aci_{size}{suffix}": int((sizes == size).sum()) for size in range(1, 5)}
    return row


def placed(other: object, communes: gpd.GeoDataFrame) -> Zoning:
    """Put the other division on the layer; what lies outside it is kept beyond it."""
    names: Mapping[str, str] = {}
    if isinstance(other, pd.Series):
        labels = other.dropna()
        rows = pd.DataFrame(
            {"code": labels.index.astype("str"), "territory": labels.to_numpy(), "weight": 1.0}
        )
        rows["population"] = math.nan
    elif isinstance(other, Zoning):
        rows, names = _all_rows(other), other.names
    else:
        raise InputError(fault("compare_other", found=type(other).__name__))
    known = rows["code"].isin(communes.index)
    if len(rows) and not known.any():
        found = ", ".join(f"'{code}'" for code in sorted(set(rows["code"]))[:5])
        raise InputError(fault("compare_no_commune", values=found))
    return Zoning(communes=communes, membership=rows[known], names=names, beyond=rows[~known])


def _all_rows(zoning: Zoning) -> pd.DataFrame:
    """List all that a zoning says of communes, those outside its layer too."""
    population = zoning.communes["population"].astype("float64")
    codes = zoning.membership["code"]
    rows = zoning.membership.assign(population=population.reindex(codes).to_numpy())
    if zoning.beyond is None or zoning.beyond.empty:
        return rows
    return pd.concat([rows, zoning.beyond[list(rows.columns)]], ignore_index=True)


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
    return float(metrics.adjusted_rand_score(one, two)), mutual(first, second)


def _matched(common: pd.DataFrame, people: pd.Series) -> tuple[float, pd.Series]:
    """Match territories one to one so that most people are in both of a pair.

    Returns
    -------
    float, Series
        Share of the people in pairs, and the other side's territory by territory.
    """
    total = people.sum(skipna=False)
    if not total > 0:
        return math.nan, pd.Series(dtype="str")
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - as above

    parts = common["weight"] * people.reindex(common["code"]).to_numpy()
    held = parts.groupby([common["territory"], common["territory_other"]]).sum()
    table = held.unstack(fill_value=0.0)
    one, other = linear_sum_assignment(table.to_numpy(), maximize=True)
    pairs = pd.Series(table.columns[other].to_numpy(dtype=object), index=table.index[one])
    in_common = table.to_numpy()[one, other]
    # A pair without people in common is what the assignment was left with, not a match.
    return float(in_common.sum() / total), pairs[in_common > 0].astype("str")


def _cross(zoning: Zoning, other: Zoning, common: pd.DataFrame, people: pd.Series) -> pd.DataFrame:
    """Count communes and people of each pair of territories that have some in common."""
    keys = [common["territory"], common["territory_other"].rename("other")]
    parts = common["weight"] * people.reindex(common["code"]).to_numpy()
    by_pair = parts.groupby(keys)
    held = by_pair.sum().mask(by_pair.count() < by_pair.size())
    table = pd.DataFrame({"communes": by_pair.size().astype("int64"), "population": held})
    for column, side, level in (("share", zoning, "territory"), ("share_other", other, "other")):
        total = crossing(side)["people_inside"]
        total = total.where(total > 0)
        whole = total.reindex(table.index.get_level_values(level)).to_numpy()
        table[column] = table["population"] / whole
    return table


def _differing(
    zoning: Zoning, other: Zoning, common: pd.DataFrame, people: pd.Series
) -> gpd.GeoDataFrame:
    """List the communes outside the greatest part of their territory and of their zone."""
    parts = common.assign(people=common["weight"] * people.reindex(common["code"]).to_numpy())
    keys = ["territory", "territory_other"]
    held = parts.groupby(keys, as_index=False).agg(
        people=("people", "sum"), communes=("code", "size")
    )
    # By people, then by communes, then the first in order.
    held["people"] = -held["people"].round(6)
    held["communes"] = -held["communes"]
    best = {
        own: held.sort_values([own, "people", "communes", theirs]).drop_duplicates(own)
        for own, theirs in (("territory", "territory_other"), ("territory_other", "territory"))
    }
    agreed = {
        pair for each in best.values() for pair in each[keys].itertuples(index=False, name=None)
    }
    first, second = zoning.labels, other.labels
    both = first.notna() & second.notna()
    pairs = zip(first[both], second[both], strict=True)
    codes = both.index[both][[pair not in agreed for pair in pairs]]
    table = zoning.communes.loc[codes, ["name", "population", "geometry"]]
    table.insert(2, "territory", first[codes])
    table.insert(3, "other", second[codes])
    return table.rename_axis("code")


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
    # The first of the greatest; sums that differ by a crumb are equal.
    held["most"] = -held["people"].round(6)
    first = held.sort_values([own, "most", theirs])
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
