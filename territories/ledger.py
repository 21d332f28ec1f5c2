"""The register of exports: what left before, so that two drafts cannot be subtracted."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories._readback import Told
from territories._words import say
from territories._writing import whole_file
from territories.audit import attacked
from territories.errors import InputError, fault
from territories.exchanges import cells, shared_out, totals
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from territories.flows import Flows
    from territories.zoning import Zoning

# Beside the files that left.
FILE: Final = "exports.json"

_FORMAT: Final = 1
_WEIGHTS: Final = 6

# Shares of flows that are told to four digits; two drafts beside each other are tried on these.
FIGURES: Final = ("li", "msi", "net_index", "undrawn", "hospital_leakage")


@dataclass(frozen=True, eq=False, repr=False)
class Export:
    """What left once.

    Parameters
    ----------
    date
        Day, as ``2026-11-23``.
    secrecy
        The thresholds.
    tables
        SHA-256 of each table, by name.
    members
        `code`, `territory`, `weight`: the division, which everyone sees on its map.
    figures
        By territory, the shares that were shown (see `FIGURES`); missing where they were not.
    """

    date: str
    secrecy: Secrecy
    tables: Mapping[str, str]
    members: pd.DataFrame
    figures: pd.DataFrame = field(default_factory=pd.DataFrame)

    def told(self, number: int) -> Told:
        """Return what an outsider has of it, as if read back from files."""
        table = self.figures.rename_axis("territory").reset_index()
        return Told(Path(str(number), FILE), members=(self.members,), territories=table)


# What is told beside these figures, and is hidden with them.
_BESIDE: Final = ("leakage", "attraction", "distance_to_care", "distance_to_pole")


def read_ledger(path: str | Path) -> tuple[Export, ...]:
    """Read a register of exports: the file, or the one in a folder; nothing where there is none.

    Raises
    ------
    InputError
        If it is no register of ours.
    """
    place = Path(path)
    place = place / FILE if place.is_dir() else place
    if not place.is_file():
        return ()
    try:
        record = json.loads(place.read_text(encoding="utf-8"))
        known = {_FORMAT: "exports"}[record["format"]]
        return tuple(_read(each) for each in record[known])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(fault("ledger_unreadable", file=str(place))) from problem


def register_of(path: str | Path, ledger: str | Path | None) -> Path | None:
    """Return the register that a file abides by: the one given, or else one that is beside it."""
    place = Path(path).parent if ledger is None else Path(ledger)
    place = place / FILE if place.is_dir() else place
    return place if ledger is not None or place.is_file() else None


def note_export(
    register: Path | None, zoning: Zoning, territories: pd.DataFrame, *, secrecy: Secrecy
) -> None:
    """Note in a register, where there is one, the table of territories that leaves now."""
    figures = shown_figures(territories)
    if register is None or figures.isna().all(axis=None):
        return
    new = export_of(zoning, figures, tables={"territories": territories}, secrecy=secrecy)
    text = ledger_text(with_exports(read_ledger(register), (new,)))
    with whole_file(register, overwrite=True) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def ledger_text(exports: Iterable[Export]) -> str:
    """Write a register as JSON: divisions and figures that were shown, nothing else."""
    record = {"format": _FORMAT, "exports": [_record(each) for each in exports]}
    return json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def export_of(
    zoning: Zoning,
    figures: pd.DataFrame,
    *,
    tables: Mapping[str, pd.DataFrame],
    secrecy: Secrecy,
) -> Export:
    """Note what leaves now.

    Parameters
    ----------
    zoning
        The division.
    figures
        By territory, those of `FIGURES` that are shown, missing where they are not.
    tables
        All that leaves, by name, as it is shown.
    secrecy
        The rule that was applied.
    """
    return Export(
        date=_today(),
        secrecy=secrecy,
        tables={name: _hash(table) for name, table in sorted(tables.items())},
        members=zoning.membership[["code", "territory", "weight"]].reset_index(drop=True),
        figures=figures,
    )


def with_exports(earlier: Sequence[Export], new: Sequence[Export]) -> tuple[Export, ...]:
    """Add exports to a register, but for those that left before as they are."""
    found = list(earlier)
    for each in new:
        if not any(_same(each, other) for other in found):
            found.append(each)
    return tuple(found)


def shown_figures(table: pd.DataFrame) -> pd.DataFrame:
    """Take from a table of territories the figures that the register holds."""
    heads = {say(f"column.{name}"): name for name in FIGURES}
    kept = [head for head in heads if head in table]
    return table[kept].rename(columns=heads).reindex(columns=list(FIGURES)).astype("float64")


def without_difference(
    table: pd.DataFrame,
    zoning: Zoning,
    flows: Flows,
    stays: Flows | None,
    *,
    earlier: Sequence[Export],
    secrecy: Secrecy,
) -> pd.DataFrame:
    """Leave out of a table of territories what tells small counts beside what left before."""
    hidden = held_back(
        shown_figures(table), zoning, flows=flows, stays=stays, earlier=earlier, secrecy=secrecy
    )
    heads = [say(f"column.{name}") for name in (*FIGURES, *_BESIDE)]
    kept = table.copy()
    kept.loc[hidden, [head for head in heads if head in kept]] = math.nan
    return kept


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
        linear programme over both exports still narrows a small count; and all territories, if
        even that does not do.
    """
    door = secrecy or Secrecy()
    hidden = pd.Series(data=False, index=figures.index)
    others = [each for each in earlier if _of_these_data(each, flows, stays)]
    changed = hidden.copy()
    for each in others:
        same = _unchanged(each.members, zoning.membership)
        changed |= ~hidden.index.isin(same)
        hidden |= _few_moved(each.members, zoning, flows, stays, door).reindex(
            hidden.index, fill_value=False
        )
    if not changed.any():
        return hidden
    hidden &= changed
    truth = {"patients": flows, "stays": stays}
    before = [each.told(number) for number, each in enumerate(others)]
    sums = {
        name: float(each.table["patients"].sum())
        for name, each in truth.items()
        if each is not None
    }
    before.append(Told(Path(FILE), totals=sums))  # as the account of the files has them
    for step in (hidden, changed, changed | True):
        shown = figures.where(~step)
        new = Export("", door, {}, zoning.membership, shown).told(len(others))
        if attacked([*before, new], truth=truth, door=door).found.empty:
            return step
    return changed | True


def _few_moved(
    members: pd.DataFrame, zoning: Zoning, flows: Flows, stays: Flows | None, door: Secrecy
) -> pd.Series:
    """Tell which territories differ from one of before by few patients or stays, but by some."""
    found = pd.Series(data=False, index=sorted(zoning.membership["territory"].unique()))
    before, after = _groups(members), _groups(zoning.membership)
    codes = {name: {code for code, _ in group} for name, group in before.items()}
    pairs = [
        (one, other)
        for other, group in after.items()
        for one in before
        if group != before[one] and codes[one] & {code for code, _ in group}
    ]
    for each in (flows, stays):
        if each is None:
            continue
        old, new = (_totals(each, table) for table in (members, zoning.membership))
        for one, other in pairs:
            gap = (new.loc[other] - old.loc[one]).abs()
            found[other] |= bool(gap.map(door.hides).any())
    return found


def _totals(flows: Flows, members: pd.DataFrame) -> pd.DataFrame:
    zoned = _Members(members)
    table = cells(flows)
    sums = totals(
        shared_out(zoned, table, by="residence"),  # type: ignore[arg-type]
        shared_out(zoned, table, by="destination"),  # type: ignore[arg-type]
    )
    return sums.assign(lost=sums["sent"] - sums["inside"], come=sums["received"] - sums["inside"])


@dataclass(frozen=True, repr=False)
class _Members:
    """What `shared_out` needs of a zoning."""

    membership: pd.DataFrame


def _unchanged(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """List the territories that are one of before, by another name perhaps."""
    known = set(_groups(before).values())
    return [name for name, group in _groups(after).items() if group in known]


def _groups(members: pd.DataFrame) -> dict[str, frozenset[tuple[str, float]]]:
    weights = members["weight"].round(_WEIGHTS)
    pairs = pd.Series(list(zip(members["code"], weights, strict=True)), index=members.index)
    return {str(name): frozenset(each) for name, each in pairs.groupby(members["territory"])}


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


_ROUNDED: Final = 5.1e-5


def _same(one: Export, other: Export) -> bool:
    return (
        dict(one.tables) == dict(other.tables)
        and one.secrecy.threshold == other.secrecy.threshold
        and one.secrecy.professionals == other.secrecy.professionals
        and _groups(one.members) == _groups(other.members)
    )


def _record(export: Export) -> dict[str, Any]:
    parts: dict[str, dict[str, float]] = {}
    rows = export.members.sort_values(["territory", "code"])
    for code, territory, weight in rows[["code", "territory", "weight"]].itertuples(index=False):
        parts.setdefault(str(territory), {})[str(code)] = round(float(weight), _WEIGHTS)
    return {
        "date": export.date,
        "threshold": export.secrecy.threshold,
        "professionals": export.secrecy.professionals,
        "tables": dict(export.tables),
        "territories": {
            name: " ".join(codes) if set(codes.values()) == {1.0} else codes
            for name, codes in parts.items()
        },
        "figures": {
            str(name): {key: float(value) for key, value in row.dropna().items()}
            for name, row in export.figures.astype("float64").sort_index().iterrows()
        },
    }


def _read(record: Mapping[str, Any]) -> Export:
    rows = []
    for territory, codes in record["territories"].items():
        parts = dict.fromkeys(codes.split(), 1.0) if isinstance(codes, str) else codes
        rows += [(code, territory, float(weight)) for code, weight in parts.items()]
    threshold, professionals = record["threshold"], record["professionals"]
    return Export(
        date=str(record["date"]),
        secrecy=Secrecy(threshold, professionals, acknowledged=True),
        tables={str(name): str(each) for name, each in record["tables"].items()},
        members=pd.DataFrame(rows, columns=["code", "territory", "weight"]),
        figures=pd.DataFrame.from_dict(record["figures"], orient="index")
        .reindex(columns=list(FIGURES))
        .astype("float64"),
    )


def _hash(table: pd.DataFrame) -> str:
    text = table.to_csv(lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def _today() -> str:
    """Return the day, or that of SOURCE_DATE_EPOCH, for those who want the same bytes any day."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if fixed.isdigit():
        return dt.datetime.fromtimestamp(int(fixed), tz=dt.UTC).date().isoformat()
    return dt.datetime.now(tz=dt.UTC).date().isoformat()
