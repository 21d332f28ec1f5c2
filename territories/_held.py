"""What is kept back of a division: what would tell small counts beside what left before."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories._page_flows import page_flows
from territories._readback import Told, of_tables
from territories._words import Sentence, say
from territories.audit import attacked
from territories.errors import InputError
from territories.exchanges import cells, shared_out, totals
from territories.ledger import FILE, groups_of
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from territories.flows import Flows
    from territories.ledger import Export
    from territories.zoning import Zoning

# What is told beside the figures of the register, and is hidden with them.
BESIDE: Final = ("leakage", "attraction", "distance_to_care", "distance_to_pole")

# Up to so many communes, what is told of single communes is part of the attack; beyond it would
# take hours. It was rounded for it, and stays the same from one draft to the next.
SMALL: Final = 60
_OF_COMMUNES: Final = ("gaps", "scale")

# With more territories an attack would take hours, and it is not tried: of those that are not as
# before, nothing is told.
_MANY: Final = 100

# Names that are listed in a notice.
_LISTED: Final = 5

_ROUNDED: Final = 5.1e-5


@dataclass(frozen=True)
class Held:
    """What is kept back.

    Parameters
    ----------
    figures
        Territories of which no share leaves.
    sheets
        Those of which the tables of a report tell nothing of flows.
    layer
        Nor do these of communes, of specialties and of the whole.
    """

    figures: frozenset[str] = frozenset()
    sheets: frozenset[str] = frozenset()
    layer: bool = False

    def notices(self, zoning: Zoning) -> tuple[Sentence, ...]:
        """Say what is missing, and why."""
        kept_back = sorted(self.figures | self.sheets)
        if not kept_back and not self.layer:
            return ()
        names = [str(zoning.names.get(each, each)) for each in kept_back[:_LISTED]]
        more = ["…"] if len(kept_back) > _LISTED else []
        values = ", ".join([*names, *more]) or "–"
        return (Sentence("notice.held_back", {"values": values, "count": len(kept_back)}),)


@dataclass(frozen=True, repr=False)
class _Before:
    """What an outsider has of what left before, and what of a division is not the same as there."""

    told: list[Told]
    changed: pd.Series
    few: pd.Series
    truth: dict[str, Flows | None]
    door: Secrecy

    def finds(self, *new: Told) -> bool:
        """Tell whether an attack on it and on what would leave now finds anything."""
        return finds([*self.told, *new], truth=self.truth, door=self.door)


def finds(told: list[Told], *, truth: dict[str, Flows | None], door: Secrecy) -> bool:
    """Tell whether an attack finds anything; figures that contradict each other are no proof."""
    try:
        return not attacked(told, truth=truth, door=door).found.empty
    except InputError as refusal:
        # A register of other data, whose shares were all hidden: nothing says so but this.
        if [each.key for each in refusal.faults] != ["error.statements_contradict"]:
            raise
        return True


def held_back(
    figures: pd.DataFrame,
    zoning: Zoning,
    *,
    flows: Flows,
    earlier: Sequence[Export],
    stays: Flows | None = None,
    secrecy: Secrecy | None = None,
) -> pd.Series:
    """Tell of which territories the figures must not leave, for those that left before.

    Parameters
    ----------
    figures
        By territory, those of `FIGURES` that would be shown.
    zoning
        The division.
    flows, stays
        Located flows that they come from.
    earlier
        What left before. What was worked out from other data is passed over: it cannot be
        subtracted.
    secrecy
        Rule of disclosure; default ``Secrecy()``.

    Returns
    -------
    Series
        By territory: True for those to hide. They are, of the territories that are not the same
        as before, those whose patients inside, sent or received differ by few; all of these, if a
        linear programme over both exports still narrows a small count, or if there are more than
        100 territories; and all territories, if even that does not do.
    """
    data = flows, stays
    before = _before(figures.index, zoning, data, earlier, secrecy or Secrecy())
    if not before.changed.any() or len(figures) > _MANY:
        return before.changed
    for step in (before.few, before.changed, before.changed | True):
        if not before.finds(_told_now(zoning, figures.where(~step))):
            return step
    return before.changed | True


def held_sheets(
    figures: pd.DataFrame,
    zoning: Zoning,
    tables: Sequence[pd.DataFrame],
    *,
    held: Held,
    flows: Flows,
    earlier: Sequence[Export],
    stays: Flows | None = None,
    secrecy: Secrecy | None = None,
) -> Held:
    """Add what the tables of a report must not tell, for what left before.

    Parameters
    ----------
    figures
        By territory, those of `FIGURES` that leave with them.
    zoning
        The division.
    tables
        As they would be shown.
    held
        What of the figures is kept back.
    flows, stays, earlier, secrecy
        See `held_back`.

    Returns
    -------
    Held
        With the territories of which the tables tell nothing: as `held_back`, by activity too; if
        even all of them do not do, what is told of communes and of specialties is kept back as
        well.
    """
    data = flows, stays
    before = _before(figures.index, zoning, data, earlier, secrecy or Secrecy(), apart=True)
    if not before.changed.any():
        return held
    if len(figures) > _MANY:
        return replace(held, sheets=frozenset(figures.index[before.changed]))
    told = of_tables(Path(FILE), tables).tables
    everything = before.changed | True
    for step, layer in (
        *((each, False) for each in (before.few, before.changed, everything)),
        (everything, True),
    ):
        tried = replace(held, sheets=frozenset(step.index[step]), layer=layer)
        kept = {key: _kept(key, table, tried, zoning) for key, table in told.items()}
        new = _told_now(zoning, figures, {k: each for k, each in kept.items() if len(each)})
        if not before.finds(new):
            break
    return tried


def told_before(
    zoning: Zoning, flows: Flows, earlier: Sequence[Export], *, secrecy: Secrecy
) -> list[Told]:
    """Return what an outsider has of what left before, and of the account of the files."""
    others = [each for each in earlier if _of_these_data(each, flows, None)]
    return [
        Told(Path("account"), totals={"patients": float(flows.table["patients"].sum())}),
        *(_told(each, n, zoning, flows, secrecy) for n, each in enumerate(others)),
    ]


def without_held(key: str, table: pd.DataFrame, held: Held, zoning: Zoning) -> pd.DataFrame:
    """Leave out of a table of a report, under the words people see, what is kept back."""
    names = {str(zoning.names.get(each, each)) for each in held.sheets} | held.sheets
    if key in _OF_COMMUNES:
        return table.iloc[:0] if held.layer else table
    if key == "leakage":
        return table[~table[say("findings.territory")].isin(names)].reset_index(drop=True)
    shown = table.copy()
    if key == "activities":
        figures = [each for each in table.columns if each != say("findings.territory")]
        shown.loc[table[say("findings.territory")].isin(names), figures] = math.nan
    elif key == "recourse":
        known = {say(f"supply.{name}") for name in ("zone", "name", "activity", "population")}
        regions = {say(f"supply.{side}_region") for side in ("liberal", "hospital", "total")}
        for name in table.columns:
            if name in regions and held.layer:
                shown[name] = math.nan
            elif name not in known | regions:
                shown[name] = table[name].mask(table[say("supply.zone")].isin(held.sheets))
    return shown


def _kept(key: str, table: pd.DataFrame, held: Held, zoning: Zoning) -> pd.DataFrame:
    """Do as `without_held` under our names of columns."""
    names = {str(zoning.names.get(each, each)) for each in held.sheets} | held.sheets
    if key in _OF_COMMUNES:
        return table.iloc[:0] if held.layer or len(zoning.communes) > SMALL else table
    if key in ("leakage", "activities"):
        return table[~table["territory"].isin(names)]
    if key == "recourse":
        rates = table["liberal_rate"].mask(table["zone"].isin(held.sheets))
        regions = math.nan if held.layer else table["liberal_region"]
        return table.assign(liberal_rate=rates, liberal_region=regions)
    return table.iloc[:0]


def _before(
    index: pd.Index,
    zoning: Zoning,
    data: tuple[Flows, Flows | None],
    earlier: Sequence[Export],
    door: Secrecy,
    *,
    apart: bool = False,
) -> _Before:
    """Gather what left before of these data, and compare the division with those it was of."""
    flows, stays = data
    truth = {"patients": flows, "stays": stays}
    changed = pd.Series(data=False, index=index)
    few = changed.copy()
    others = [each for each in earlier if _of_these_data(each, flows, stays)]
    for each in others:
        changed |= ~index.isin(_unchanged(each.members, zoning.membership))
        for one in _parts(flows, stays, apart=apart):
            few |= _few_moved(each.members, zoning, one, door).reindex(index, fill_value=False)
    sums = {
        name: float(each.table["patients"].sum())
        for name, each in truth.items()
        if each is not None
    }
    told = [Told(Path(FILE), totals=sums)]  # as the account of the files has them
    if changed.any():
        told += [_told(each, n, zoning, flows, door) for n, each in enumerate(others)]
    return _Before(told, changed, few & changed, truth, door)


def _parts(flows: Flows, stays: Flows | None, *, apart: bool) -> list[Flows]:
    """List flows whose differences may be told: all activities together, or each apart too."""
    found = [flows, *([] if stays is None else [stays])]
    if apart and len(flows.activities) > 1:
        table = flows.table
        found += [
            replace(flows, table=table[table["activity"] == each]) for each in flows.activities
        ]
    return found


def _told(export: Export, number: int, zoning: Zoning, flows: Flows, door: Secrecy) -> Told:
    """Return what an outsider has of an export, as if read back from files."""
    small = len(zoning.communes) <= SMALL
    page = None
    if export.page and small:
        layer = zoning.communes.sort_index()
        shown = page_flows(flows, layer, secrecy=door, step=export.page)
        page = {"codes": list(layer.index), "flows": shown}
    tables = {k: each for k, each in export.sheets.items() if small or k not in _OF_COMMUNES}
    return _as_read(
        Path(str(number), FILE),
        zoning,
        members=export.members,
        figures=export.figures,
        names=export.names,
        tables=tables,
        page=page,
    )


def _told_now(
    zoning: Zoning, figures: pd.DataFrame, tables: Mapping[str, pd.DataFrame] | None = None
) -> Told:
    return _as_read(
        Path("now", FILE),
        zoning,
        members=zoning.membership,
        figures=figures,
        names=zoning.names,
        tables=tables or {},
    )


def _as_read(
    file: Path,
    zoning: Zoning,
    *,
    members: pd.DataFrame,
    figures: pd.DataFrame,
    names: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    page: dict[str, Any] | None = None,
) -> Told:
    table = figures.rename_axis("territory").reset_index()
    table["name"] = [str(names.get(each, each)) for each in table["territory"]]
    layer = zoning.communes
    alone = sorted(set(layer.index.astype("str")) - set(members["code"]))
    rows = [*members[["code", "territory", "weight"]].itertuples(index=False, name=None)]
    rows += [(code, None, 1.0) for code in alone]  # in no territory, as the map shows
    return Told(
        file,
        members=(pd.DataFrame(rows, columns=["code", "territory", "weight"]),),
        territories=table,
        tables=dict(tables),
        page=page,
        names={str(code): str(name) for code, name in layer["name"].items()} if tables else {},
        people=float(layer["population"].sum()),
    )


def _few_moved(members: pd.DataFrame, zoning: Zoning, flows: Flows, door: Secrecy) -> pd.Series:
    """Tell which territories differ from one of before by few patients or stays, but by some."""
    found = pd.Series(data=False, index=sorted(zoning.membership["territory"].unique()))
    before, after = groups_of(members), groups_of(zoning.membership)
    codes = {name: {code for code, _ in group} for name, group in before.items()}
    pairs = [
        (one, other)
        for other, group in after.items()
        for one in before
        if group != before[one] and codes[one] & {code for code, _ in group}
    ]
    old, new = (_totals(flows, table) for table in (members, zoning.membership))
    for one, other in pairs:
        gap = (new.loc[other] - old.loc[one]).abs()
        found[other] |= bool(gap.map(door.hides).any())
    return found


def _totals(flows: Flows, members: pd.DataFrame) -> pd.DataFrame:
    zoned = _Members(members)
    table = cells(flows)
    sums = totals(
        shared_out(zoned, table, by="residence"), shared_out(zoned, table, by="destination")
    )
    named = sorted({*sums.index, *members["territory"].dropna()})
    sums = sums.reindex(named, fill_value=0.0)  # of one activity, some have no patient
    return sums.assign(lost=sums["sent"] - sums["inside"], come=sums["received"] - sums["inside"])


@dataclass(frozen=True, repr=False)
class _Members:
    """What `shared_out` needs of a zoning."""

    membership: pd.DataFrame


def _unchanged(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """List the territories that are one of before, by another name perhaps."""
    known = set(groups_of(before).values())
    return [name for name, group in groups_of(after).items() if group in known]


def _of_these_data(export: Export, flows: Flows, stays: Flows | None) -> bool:
    """Tell whether figures that left are those of these flows, as far as they were rounded."""
    own: dict[str, pd.Series] = {}
    sums = _totals(flows, export.members)
    own["li"] = sums["inside"] / sums["sent"]
    own["msi"] = sums["inside"] / sums["received"]
    if stays is not None:
        there = _totals(stays, export.members)
        own["hospital_leakage"] = there["lost"] / there["sent"]
    for name, true in own.items():
        if name in export.figures:
            said = export.figures[name].dropna()
            gap = (true.reindex(said.index) - said).abs()
            if not (gap <= _ROUNDED).all():
                return False
    return True
