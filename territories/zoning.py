"""A zoning: which territory each commune belongs to. Overlaps and white zones are legal."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import geopandas as gpd
import networkx as nx
import pandas as pd

from territories._rules import Draft, Outcome, applied
from territories._words import say
from territories.communes import contiguity, dissolved, place_names
from territories.errors import ConstraintError, InputError, fault
from territories.revisions import LOCKING, Revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from territories._words import Sentence
    from territories.reconciliation import Reconciliation


@dataclass(frozen=True, eq=False)
class Zoning:
    """Membership of communes in territories, with weights.

    Parameters
    ----------
    communes
        The layer, indexed by code.
    membership
        Columns `code`, `territory`, `weight`: a commune may stand in several territories, with
        weights that sum to 1, or in none.
    names
        Name of each territory.
    name
        Name of the zoning.
    unmet
        Wishes that could not be met, each a sentence with the reason.
    pairs
        Contiguity the zoning was made with (see `contiguity`); None: the rook rule.
    parameters
        What the zoning was made with, for the record.
    beyond
        Columns `code`, `territory`, `weight`, `population`: what the zoning says of communes that
        are not in the layer, so that a zone that goes beyond it is known as such (see `crossing`).
    account
        What became of the rows of the file it was read from (see `read_zoning`).
    colours
        Colours that were chosen, by territory; the others have one of the palette.
    statuses
        How far each territory is (see `revisions.STATUSES`), where it was said.
    locks
        Territories that were locked (True) or unlocked (False); for the others their status tells.
    claims
        By commune, the territories that claim it besides its own.
    revisions
        The decisions that made it, those that stand.
    """

    communes: gpd.GeoDataFrame
    membership: pd.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)
    name: str = "draft"
    unmet: tuple[Sentence, ...] = ()
    pairs: pd.DataFrame | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    beyond: pd.DataFrame | None = None
    account: Reconciliation | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    locks: Mapping[str, bool] = field(default_factory=dict)
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revisions: tuple[Revision, ...] = ()

    def __post_init__(self) -> None:
        """Check the membership and put it in order."""
        table = self.membership[["code", "territory", "weight"]].astype(
            {"code": "str", "territory": "str", "weight": "float64"}
        )
        unknown = table["code"][~table["code"].isin(self.communes.index)]
        if len(unknown):
            raise InputError(fault("zoning_unknown", values=_quoted(unknown)))
        sums = table.groupby("code")["weight"].sum()
        wrong = set(sums.index[(sums - 1).abs() > 1e-9])  # noqa: PLR2004
        wrong |= set(table["code"][~(table["weight"] > 0)])
        if wrong:
            raise InputError(fault("zoning_weights", values=_quoted(sorted(wrong))))
        # Twice in the same territory is once, with both weights.
        summed = table.groupby(["code", "territory"], as_index=False)[["weight"]].sum()
        table = summed.sort_values(
            ["code", "weight", "territory"], ascending=[True, False, True], ignore_index=True
        )
        object.__setattr__(self, "membership", table)

    @classmethod
    def from_labels(
        cls,
        labels: pd.Series | Mapping[str, str],
        *,
        communes: gpd.GeoDataFrame,
        name: str | None = None,
    ) -> Zoning:
        """Make a zoning in which each commune has one territory, or none.

        Parameters
        ----------
        labels
            Territory by code; missing values leave the commune uncovered.
        communes
            The layer.
        name
            Name of the zoning; default ``"draft"``.

        Raises
        ------
        InputError
            If a code is not in the layer.
        """
        known = pd.Series(labels, dtype="object").dropna().astype("str")
        membership = pd.DataFrame(
            {"code": known.index.astype("str"), "territory": known.to_numpy(), "weight": 1.0}
        )
        return cls(communes=communes, membership=membership, name=name or "draft")

    def revise(
        self, revisions: Iterable[Revision], *, force: bool = False, overlaps: bool = True
    ) -> Zoning:
        """Apply the decisions of the professionals, in their order.

        Parameters
        ----------
        revisions
            What is decided (see `Revision`); lines of one order are one step.
        force
            Accept steps that leave a territory in more pieces than before; they are then listed in
            `unmet`.
        overlaps
            Whether communes may be shared.

        Returns
        -------
        Zoning
            A new one; this one is unchanged. `replay` tells line by line what applies.

        Raises
        ------
        ConstraintError
            With all decisions that cannot be applied: an unknown action, commune or territory, a
            locked territory, or one cut in pieces.
        """
        outcome = decided(self, revisions, force=force, overlaps=overlaps)
        if outcome.faults:
            raise ConstraintError(*outcome.faults)
        return drafted(self, outcome)

    @property
    def locked(self) -> tuple[str, ...]:
        """Territories whose communes stay: locked, or under contract and not unlocked."""
        ids = {*self.membership["territory"], *self.names}
        locks, statuses = self.locks, self.statuses
        return tuple(each for each in sorted(ids) if locks.get(each, statuses.get(each) in LOCKING))

    def __repr__(self) -> str:
        """Return what matters of the zoning."""
        return (
            f"<Zoning '{self.name}': {self.membership['territory'].nunique()} territories, "
            f"{len(self.communes):,} communes, {len(self.uncovered)} uncovered, "
            f"{self.shared['code'].nunique()} shared>"
        )

    def _repr_html_(self) -> str:
        """Show the territories as a table in a notebook."""
        table = pd.DataFrame(self.territories.drop(columns="geometry"))
        return f"<p>{html.escape(repr(self))}</p>{table.to_html()}"

    @cached_property
    def labels(self) -> pd.Series:
        """Main territory of each commune of the layer: the greatest weight, then the first."""
        main = self.membership.drop_duplicates("code").set_index("code")["territory"]
        codes = pd.Index(self.communes.index, name="code")
        return main.reindex(codes.sort_values()).rename("territory")

    @property
    def shared(self) -> pd.DataFrame:
        """Rows of the membership of communes that are in two territories or more."""
        return self.membership[self.membership["code"].duplicated(keep=False)]

    @property
    def uncovered(self) -> list[str]:
        """Communes in no territory: the white zones."""
        return self.labels.index[self.labels.isna()].tolist()

    @cached_property
    def borders(self) -> pd.DataFrame:
        """Contiguity of the communes (see `contiguity`)."""
        return contiguity(self.communes) if self.pairs is None else self.pairs

    @cached_property
    def territories(self) -> gpd.GeoDataFrame:
        """Territories dissolved from their communes, in the layer's projection.

        Indexed by territory: `name`, `communes` (number), `population` (shared communes by weight;
        missing where that of a commune is), `geometry` (shared communes with their main one).
        """
        table = self.membership.merge(
            self.communes["population"].rename_axis("code").reset_index(), on="code"
        )
        table["inhabitants"] = table["population"] * table["weight"]
        sums = table.groupby("territory").agg(
            communes=("code", "size"), population=("inhabitants", "sum")
        )
        unknown = table.loc[table["inhabitants"].isna(), "territory"]
        people = sums["population"].where(~sums.index.isin(unknown))
        shapes = {
            territory: dissolved(self.communes.geometry.loc[group.index])
            for territory, group in self.labels.dropna().groupby(self.labels.dropna())
        }
        names = {territory: self.names.get(territory, territory) for territory in sums.index}
        return gpd.GeoDataFrame(
            {
                "name": pd.Series(names, dtype="str"),
                "communes": sums["communes"],
                "population": people if len(unknown) else whole(people),
                "geometry": gpd.GeoSeries(shapes).reindex(sums.index),
            },
            crs=self.communes.crs,
        ).rename_axis("territory")

    @cached_property
    def graph(self) -> nx.Graph:
        """Contiguity graph of the communes of the layer, those without neighbours included."""
        pairs = self.borders
        graph = nx.Graph(list(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True)))
        graph.add_nodes_from(self.communes.index)
        return graph

    def pieces(self) -> pd.Series:
        """Count the pieces of each territory in the contiguity graph, shared communes included."""
        graph = self.graph
        counts = {
            territory: nx.number_connected_components(graph.subgraph(group["code"]))
            for territory, group in self.membership.groupby("territory")
        }
        return pd.Series(counts, dtype="int64", name="pieces").rename_axis("territory")


def shown_names(zoning: Zoning, ids: Iterable[str]) -> dict[str, str]:
    """Name territories as people see and look for them: names of several have the id beside.

    A territory that is named by a commune bears that commune's name, if it has no better one.
    """
    listed = sorted(ids)
    own = place_names(zoning.communes, [each for each in listed if each in zoning.communes.index])
    names = [str(zoning.names.get(each) or own.get(each, each)) for each in listed]
    counts = Counter(names)
    return {
        each: say("place.homonym", name=name, code=each) if counts[name] > 1 else name
        for each, name in zip(listed, names, strict=True)
    }


def decided(
    zoning: Zoning, revisions: Iterable[Revision], *, force: bool, overlaps: bool
) -> Outcome:
    """Work out what becomes of decisions (see `replay`); the zoning is unchanged."""
    members: dict[str, list[tuple[str, float]]] = {}
    table = zoning.membership
    columns = (table[name].tolist() for name in ("code", "territory", "weight"))
    for code, territory, weight in zip(*columns, strict=True):
        members.setdefault(code, []).append((territory, weight))
    draft = Draft(
        codes=frozenset(zoning.communes.index),
        names=shown_names(zoning, {*table["territory"], *zoning.names}),
        members={code: tuple(each) for code, each in members.items()},
        claims={code: set(ids) for code, ids in zoning.claims.items()},
        colours=dict(zoning.colours),
        statuses=dict(zoning.statuses),
        locks=dict(zoning.locks),
        overlaps=overlaps,
    )
    return applied(draft, revisions, beside=lambda: zoning.graph.adj, force=force)


def drafted(zoning: Zoning, outcome: Outcome) -> Zoning:
    """Return a zoning as decisions leave it.

    All territories that exist have a name, for one that has lost its communes is known by it.
    """
    draft = outcome.draft
    rows = [
        (code, territory, weight)
        for code, members in draft.members.items()
        for territory, weight in members
    ]
    standing = (
        line
        for _, line, result, _ in outcome.lines
        if result == "applied" and line.action != "undo"
    )
    return replace(
        zoning,
        membership=pd.DataFrame(rows, columns=["code", "territory", "weight"]),
        names=dict(sorted(draft.names.items())),
        unmet=(*zoning.unmet, *outcome.told),
        colours=dict(sorted(draft.colours.items())),
        statuses=dict(sorted(draft.statuses.items())),
        locks=dict(sorted(draft.locks.items())),
        claims={code: tuple(sorted(ids)) for code, ids in sorted(draft.claims.items()) if ids},
        revisions=(*zoning.revisions, *standing),
    )


def crossing(zoning: Zoning) -> pd.DataFrame:
    """Tell which territories go beyond the layer, and what they have on each side of its edge.

    Parameters
    ----------
    zoning
        Its communes outside the layer are in `Zoning.beyond`.

    Returns
    -------
    DataFrame
        Indexed by territory, those that have a commune of the layer: `name`; `inside` and `outside`
        (communes); `people_inside`, `people_outside` and `people` (inhabitants, shared communes by
        weight; missing where that of a commune is); `crosses` (some communes are outside).
    """
    known = zoning.communes["population"].astype("float64")
    inside = zoning.membership.assign(
        people=known.reindex(zoning.membership["code"]).to_numpy() * zoning.membership["weight"]
    )
    columns = ["code", "territory", "weight", "population"]
    beyond = pd.DataFrame(columns=columns) if zoning.beyond is None else zoning.beyond
    outside = beyond.assign(
        people=beyond["population"].astype("float64") * beyond["weight"].astype("float64")
    )
    found: dict[str, pd.Series] = {}
    for side, table in (("inside", inside), ("outside", outside)):
        by_territory = table.groupby(table["territory"].astype("str"))
        people = by_territory["people"].sum().astype("float64")
        counts = by_territory["code"].nunique()
        unknown = by_territory["people"].count() < by_territory.size()
        found[side], found[f"people_{side}"] = counts, people.mask(unknown)
    territories = found["inside"].index
    result = pd.DataFrame(
        {
            "name": [zoning.names.get(each, each) for each in territories],
            "inside": found["inside"],
            "outside": found["outside"].reindex(territories, fill_value=0).astype("int64"),
            "people_inside": found["people_inside"].round(6),
            "people_outside": found["people_outside"].reindex(territories, fill_value=0.0).round(6),
        },
        index=pd.Index(territories, name="territory"),
    )
    result["people"] = (result["people_inside"] + result["people_outside"]).round(6)
    result["crosses"] = result["outside"] > 0
    return result


def _quoted(codes: Iterable[str]) -> str:
    return ", ".join(f"'{code}'" for code in list(codes)[:5])


def whole(people: pd.Series) -> pd.Series:
    """Round populations so that their sum is that of the region, by largest remainders."""
    exact = people.astype("float64").round(6)
    whole = exact.astype("int64")
    # Weights sum to 1, so the people are whole but for crumbs: three thirds of one are one.
    missing = round(float(exact.sum())) - int(whole.sum())
    largest = (whole - exact).sort_values(kind="stable").index[:missing]
    whole.loc[largest] += 1
    return whole
