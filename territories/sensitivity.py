"""Why this specialty and not another: what changes when each one is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from territories._words import number, say
from territories.comparison import compare
from territories.concordance import concordance
from territories.division import divided
from territories.errors import InputError, fault, of_kind
from territories.graph import attraction_network
from territories.poles import dominant_poles
from territories.task import asked

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.flows import Flows
    from territories.zoning import Zoning

# The options of `delineate` that are about flows and borders; the others are about the division.
_GROUND: Final = ("weights", "hospital", "hospital_weight", "bridges", "tolerance")
_LOOKED_AT: Final = ("class", "pole", "territory")


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """What changes when each activity is left out. What is not defined is missing.

    Parameters
    ----------
    activities
        Indexed by the activity left out, in order: `class_changed`, `pole_changed` and
        `territory_changed`, numbers of communes; `class_population`, `pole_population` and
        `territory_population`, their inhabitants; `territories`, their number without it; `ari`
        and `population_agreement` of the division without it with that of all (see `compare`).
    communes
        Indexed by commune: `concordance`, `pole` and `territory` with all activities, and
        `class_stable`, `pole_stable`, `territory_stable`: the share of the activities that can be
        left out without changing it, 1 where it is the same whichever is left out.
    changes
        Indexed by (`activity`, `commune`): `concordance`, `pole` and `territory` without the
        activity (the territory of all that this one matches, missing where it matches none).
    stable
        Indexed by ``class``, ``pole`` and ``territory``: the share of `communes`, and of
        `population`, that do not change whichever activity is left out.
    """

    activities: pd.DataFrame
    communes: pd.DataFrame
    changes: pd.DataFrame
    stable: pd.DataFrame

    def __repr__(self) -> str:
        """Return what matters of the changes."""
        kept = self.stable["communes"].to_dict()
        shares = ", ".join(f"{name} {kept[name]:.0%}" for name in _LOOKED_AT)
        return (
            f"<LeaveOneOut: {len(self.activities)} activities; "
            f"communes the same whichever is left out: {shares}>"
        )

    def _repr_html_(self) -> str:
        """Show the changes by activity in a notebook."""
        shown = pd.DataFrame(
            {
                say(f"specialties.{name}"): self.activities[name]
                for name in ("class_changed", "pole_changed", "territory_changed", "ari")
            }
        )
        shown[say("specialties.share_of_people")] = self.activities["population_agreement"]
        return shown.rename_axis(say("specialties.left_out")).to_html(float_format=_written)


def leave_one_out(
    flows: Flows,
    communes: gpd.GeoDataFrame,
    *,
    zoning: Zoning | None = None,
    minimum: int = 11,
    fewest: int = 3,
    **options: Any,  # noqa: ANN401 - those of delineate
) -> LeaveOneOut:
    """Leave each activity out in turn, and tell whose class, pole and territory change.

    It answers "why this specialty and not another?". By default all activities of the flows are
    fused; one without which little changes may go, and one that changes much deserves a look at
    its scale (see `activity_scale`) and at its poles (see `superposition`) before it stays.

    Parameters
    ----------
    flows
        Located flows, grouped or not. They stay grouped as they are: a suburb does not leave its
        town because an activity is left out.
    communes
        The layer.
    zoning
        The division with all activities; None: it is delineated with `options`.
    minimum
        See `dominant_poles`.
    fewest
        The `minimum` of `concordance`: with as many activities in all, a commune without one has
        insufficient data.
    **options
        Of `delineate`, the same for all divisions. Weights by activity lose that of the one left
        out.

    Returns
    -------
    LeaveOneOut
        Territories are matched one to one so that most inhabitants are in both (see `compare`),
        and a commune changes territory where its main one without the activity is not matched with
        its own; where `territories` is not given, their number may change too. A pole that is lost
        or gained changes.

    Raises
    ------
    InputError
        If the flows are not located or have a single activity.
    ConstraintError
        If what is asked of a division cannot be had.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    names = flows.activities
    if len(names) < 2:  # noqa: PLR2004
        raise InputError(fault("activities_too_few", count=len(names)))
    placed = {name: value for name, value in options.items() if name in _GROUND}
    wished = {name: value for name, value in options.items() if name not in _GROUND}
    ground = attraction_network(flows, communes, **placed)
    whole = zoning if zoning is not None else divided(asked(ground, **wished))
    index = pd.Index(whole.labels.index, name="commune")
    base = _classes(flows, minimum, fewest).reindex(index)
    base = base.assign(territory=whole.labels, covered=whole.labels.notna())
    people = communes["population"].astype("float64").reindex(index)
    rows, found = {}, {}
    kept = pd.DataFrame(0.0, index=index, columns=list(_LOOKED_AT))
    for name in names:
        table = flows.table[flows.table["activity"] != name]
        without = replace(flows, table=table)
        lessened = _options_without(placed, name)
        less = attraction_network(without, communes, pairs=ground.pairs, **lessened)
        division = divided(asked(less, **wished))
        classes = _classes(without, minimum, fewest).reindex(index)
        found[name] = classes.assign(
            territory=_matched(division.labels, whole.labels, people),
            covered=division.labels.notna(),
        )
        compared = compare(whole, division)
        changed = _changed(found[name], base)
        kept += 1 - changed.astype("float64")
        rows[name] = {
            **{f"{each}_changed": int(changed[each].sum()) for each in _LOOKED_AT},
            **{
                f"{each}_population": people[changed[each]].sum(skipna=False) for each in _LOOKED_AT
            },
            "territories": int(division.labels.nunique()),
            "ari": compared.ari,
            "population_agreement": compared.population_agreement,
        }
    always = (kept == len(names)).astype("float64")
    total = people.sum(skipna=False)
    stable = pd.DataFrame(
        {
            "communes": always.mean(),
            "population": always.mul(people, axis=0).sum(skipna=False) / total
            if total > 0
            else math.nan,
        }
    )
    return LeaveOneOut(
        activities=pd.DataFrame.from_dict(rows, orient="index").rename_axis("activity"),
        communes=base.drop(columns="covered").join((kept / len(names)).add_suffix("_stable")),
        changes=pd.concat(found, names=["activity", "commune"]).drop(columns="covered"),
        stable=stable.rename_axis("what"),
    )


def _classes(flows: Flows, minimum: int, fewest: int) -> pd.DataFrame:
    found = concordance(dominant_poles(flows, minimum=minimum), minimum=fewest)
    return found[["concordance", "pole"]]


def _changed(found: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Tell what is not the same; two missing values are."""
    changed = pd.DataFrame(index=base.index)
    for name, column in zip(_LOOKED_AT, ("concordance", "pole", "territory"), strict=True):
        one, other = (each[column].astype("object").fillna("") for each in (found, base))
        changed[name] = one.ne(other)
    # A territory that matches none has no name, as no territory has.
    changed["territory"] |= found["covered"] != base["covered"]
    return changed


def _options_without(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    weights = options.get("weights")
    if not isinstance(weights, Mapping):
        return dict(options)
    kept = {each: weight for each, weight in weights.items() if each != name}
    return {**options, "weights": kept}


def _matched(labels: pd.Series, others: pd.Series, people: pd.Series) -> pd.Series:
    """Rename territories as those of the other division that they match, most people in both."""
    # Half a second to import, which only those who compare should wait for.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    both = labels.notna() & others.notna()
    # Where nobody lives, or it is not known, communes decide.
    weight = people.where(people > 0, 1e-6)[both]
    held = weight.groupby([labels[both], others[both]]).sum().unstack(fill_value=0)
    rows, columns = linear_sum_assignment(held.to_numpy(), maximize=True)
    met = held.to_numpy()[rows, columns] > 0
    names = dict(zip(held.index[rows[met]], held.columns[columns[met]], strict=True))
    # One that matches none takes no name of the other division.
    return labels.map(names)


def _written(value: float) -> str:
    return "–" if np.isnan(value) else number(value, digits=2)
