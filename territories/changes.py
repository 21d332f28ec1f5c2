"""What changed between two drafts, two years or two methods: by commune, and by pole."""

from __future__ import annotations

import html
from dataclasses import dataclass

import pandas as pd

from territories._words import number, say
from territories.comparison import compare
from territories.errors import InputError, fault
from territories.flows import Flows
from territories.poles import Poles, dominant_poles
from territories.secrecy import Secrecy
from territories.zoning import Zoning

Compared = Zoning | Flows | Poles | pd.DataFrame

_CLASSES = ("always", "all_but_one", "majority", "relative", "none", "insufficient")


@dataclass(frozen=True, eq=False)
class Changes:
    """What changed between two results of the same kind. Exact, for the user's own eyes.

    Parameters
    ----------
    communes
        Indexed by `code`, all communes of both: `before` and `after` (territory or pole, missing
        where there is none) and `changed` (missing where one of the two has none). Of two zonings
        also `matched`, the territory after that answers to the one before, from which `changed`
        follows; of two tables of concordance `class_before`, `class_after` and `class_change`,
        steps up (positive) or down the classes from ``none`` to ``always``; of two `Poles`,
        indexed by `activity` too.
    poles
        Indexed by pole or territory (by the name after; of one that is gone, before, in brackets
        where another has that name now): `communes_before`, `communes_after`, `kept`, `won` and
        `lost` (numbers of communes). Of two zonings also `population_before`, `population_after`;
        of two flows `patients_before`, `patients_after` (received from all communes),
        `share_before`, `share_after` (of all patients) and `change` = after / before − 1, missing
        where undefined.
    few
        Poles whose patients are not shown, since few practise there.
    """

    communes: pd.DataFrame
    poles: pd.DataFrame
    few: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Return what matters of the changes."""
        known = self.communes["changed"].notna()
        return (
            f"<Changes: {int(self.communes['changed'].sum()):,} of {int(known.sum()):,} "
            f"changed, {int((~known).sum()):,} not comparable, {len(self.poles)} poles or "
            "territories>"
        )

    def _repr_html_(self) -> str:
        """Show the poles, figures of patients as they may be shown."""
        shown = self.poles.copy()
        if "patients_before" in shown:
            _mask(shown, self.few)
        heads = {name: say(f"changes.{name}") for name in shown.columns}
        table = shown.rename(columns=heads).to_html(
            na_rep="–", float_format=lambda value: number(value, digits=2)
        )
        told = say(
            "changes.told",
            changed=int(self.communes["changed"].sum()),
            all=int(self.communes["changed"].notna().sum()),
        )
        return f"<p>{html.escape(told)}</p>{table}"


def changes(before: Compared, after: Compared) -> Changes:
    """Tell what changed between two drafts, two years or two methods.

    Parameters
    ----------
    before, after
        Two of a kind: zonings, dominant poles, results of `concordance`, or located flows, of
        which the pole of a commune is that of all its activities together.

    Returns
    -------
    Changes
        By commune, and by pole or territory. Territories of two zonings are matched one to one so
        that most people of the layer of `before` are in both (see `Comparison.matches`): a mere
        change of names is no change. A commune changed where its territory after is not the match
        of the one before; one whose territory has no match has lost it, and changed.

    Raises
    ------
    InputError
        If the two are not of the same kind, or flows are not located.
    """
    if isinstance(before, Zoning) and isinstance(after, Zoning):
        return _of_zonings(before, after)
    if isinstance(before, Flows) and isinstance(after, Flows):
        return _of_flows(before, after)
    if isinstance(before, Poles) and isinstance(after, Poles):
        return _of_poles(before, after)
    if isinstance(before, pd.DataFrame) and isinstance(after, pd.DataFrame):
        return _of_concordance(before, after)
    kinds = (type(before).__name__, type(after).__name__)
    raise InputError(fault("changes_kinds", before=kinds[0], after=kinds[1]))


def _mask(poles: pd.DataFrame, few: frozenset[str]) -> None:
    """Hide the patients that may not be shown, and what they could be found from."""
    door = Secrecy()
    small = poles.index.isin(list(few))
    for name in ("before", "after"):
        column = poles[f"patients_{name}"]
        patients = {str(pole): float(number) for pole, number in column.items()}
        # A share beside its number tells the total, from which what is hidden alone is found.
        parts = door.parts(patients)
        shut = pd.Series([parts[str(pole)] is None for pole in poles.index], index=poles.index)
        shut |= small & (column > 0)
        others = column[(column > 0) & ~shut]
        if shut.sum() == 1 and len(others):
            shut |= shut.index == others.idxmin()
        if door.hides_total(patients) or shut.sum() == 1:
            poles[f"share_{name}"] = float("nan")
        poles[f"share_{name}"] = poles[f"share_{name}"].mask(shut)
        poles[f"patients_{name}"] = poles[f"patients_{name}"].round().astype("Int64").mask(shut)
    both = poles[["patients_before", "patients_after"]].notna().all(axis=1)
    poles["change"] = poles["change"].where(both)


def _few(flows: Flows) -> set[str]:
    """Find the places where fewer practise than may be told."""
    if flows.professionals is None:
        return set()
    number = flows.professionals.groupby(level="destination").sum()
    return set(number.index[number.between(1, Secrecy().professionals - 1)].astype("str"))


def _beside(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Put two columns beside each other, all communes of both."""
    index = before.index.union(after.index).sort_values()
    table = pd.DataFrame(
        {"before": before.reindex(index).astype("object"), "after": after.reindex(index)}
    )
    return table.astype("object").where(table.notna(), None)


def _changed(before: pd.Series, after: pd.Series) -> pd.Series:
    """Tell what differs; missing where one of the two is."""
    differs = pd.Series(before.to_numpy() != after.to_numpy(), index=before.index)
    return differs.astype("boolean").mask(before.isna() | after.isna())


def _won_and_lost(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Count the communes of each pole: before, after, in both, won, lost."""
    kept = before[before.notna() & (before == after)]
    columns = {"communes_before": before, "communes_after": after, "kept": kept}
    counts = {name: column.dropna().value_counts() for name, column in columns.items()}
    names = pd.Index(sorted({*counts["communes_before"].index, *counts["communes_after"].index}))
    table = pd.DataFrame(
        {
            name: count.reindex(names, fill_value=0).astype("int64")
            for name, count in counts.items()
        },
        index=names,
    )
    table["won"] = table["communes_after"] - table["kept"]
    table["lost"] = table["communes_before"] - table["kept"]
    return table


def _of_zonings(before: Zoning, after: Zoning) -> Changes:
    matches = compare(before, after).matches
    table = _beside(before.labels, after.labels)
    table["matched"] = table["before"].map(matches.dropna().to_dict())
    table["matched"] = table["matched"].astype("object").where(table["matched"].notna(), None)
    table["changed"] = _changed(table["matched"], table["after"])
    lost = table["before"].notna() & table["matched"].isna() & table["after"].notna()
    table.loc[lost, "changed"] = True
    table = table[["before", "matched", "after", "changed"]].rename_axis("code")
    # A territory that is gone keeps its old name, which must not be taken for a new one.
    taken = set(after.membership["territory"])
    gone = table["before"].map(lambda each: f"({each})" if each in taken else each, "ignore")
    own = table["matched"].where(table["matched"].notna(), gone)
    poles = _won_and_lost(own, table["after"]).rename_axis("territory")
    sizes = {"before": before.territories["population"], "after": after.territories["population"]}
    renamed = {old: (f"({old})" if old in taken else old) for old in sizes["before"].index}
    renamed |= matches.dropna().to_dict()
    sizes["before"] = sizes["before"].rename(renamed)
    for name, people in sizes.items():
        poles[f"population_{name}"] = people.astype("float64").reindex(poles.index)
    return Changes(communes=table, poles=poles)


def _of_poles(before: Poles, after: Poles) -> Changes:
    table = _beside(before.table["pole"], after.table["pole"])
    table["changed"] = _changed(table["before"], table["after"])
    table.index = table.index.set_names(["code", "activity"])
    poles = _won_and_lost(table["before"], table["after"]).rename_axis("pole")
    return Changes(communes=table, poles=poles)


def _of_concordance(before: pd.DataFrame, after: pd.DataFrame) -> Changes:
    table = _beside(before["pole"], after["pole"])
    table["changed"] = _changed(table["before"], table["after"])
    # From the fullest down; what is insufficient has no rank.
    ranks = {name: len(_CLASSES) - place for place, name in enumerate(_CLASSES[:-1])}
    steps = {}
    for name, agreement in (("before", before), ("after", after)):
        classes = agreement["concordance"].reindex(table.index)
        table[f"class_{name}"] = classes.astype("object").where(classes.notna(), None)
        steps[name] = classes.astype("object").map(ranks).astype("Int64")
    table["class_change"] = steps["after"] - steps["before"]
    poles = _won_and_lost(table["before"], table["after"]).rename_axis("pole")
    return Changes(communes=table.rename_axis("code"), poles=poles)


def _of_flows(before: Flows, after: Flows) -> Changes:
    together = [dominant_poles(each.together()) for each in (before, after)]
    first, second = (
        each.table["pole"].droplevel("activity").reindex(each.communes) for each in together
    )
    table = _beside(first, second)
    table["changed"] = _changed(table["before"], table["after"])
    poles = _won_and_lost(table["before"], table["after"])
    received = {
        name: flows.table.groupby("destination")["patients"].sum().astype("float64").round(6)
        for name, flows in (("before", before), ("after", after))
    }
    index = poles.index.union(received["before"].index).union(received["after"].index)
    poles = poles.reindex(index.sort_values(), fill_value=0).rename_axis("pole")
    for name, patients in received.items():
        poles[f"patients_{name}"] = patients.reindex(poles.index, fill_value=0.0)
    for name, patients in received.items():
        total = float(patients.sum())
        poles[f"share_{name}"] = poles[f"patients_{name}"] / (total if total > 0 else float("nan"))
    earlier = poles["patients_before"]
    poles["change"] = poles["patients_after"] / earlier.where(earlier > 0) - 1
    few = frozenset(_few(before) | _few(after))
    return Changes(communes=table.rename_axis("code"), poles=poles, few=few)
