"""The register of exports: what left before, so that two drafts cannot be subtracted."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories._readback import of_tables
from territories._words import say
from territories._writing import claimed, whole_file
from territories.errors import InputError, fault
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from territories.zoning import Zoning

# Beside the files that left.
FILE: Final = "exports.json"

_FORMAT: Final = 1
_WEIGHTS: Final = 6

# Another export into the same place is waited for: so many times, a tenth of a second each.
_TRIES: Final = 600
_PAUSE: Final = 0.1

# Shares of flows that are told to four digits; two drafts beside each other are tried on these.
FIGURES: Final = ("li", "msi", "net_index", "undrawn", "hospital_leakage")

# Tables of a report that tell of flows, and what of them does: words, then figures.
SHEETS: Final = {
    "activities": (("territory", "activity"), ("share",)),
    "leakage": (("territory", "direction", "place"), ("share_of_all",)),
    "recourse": (("zone", "activity"), ("population", "liberal_rate", "liberal_region")),
    "gaps": (("zone", "activity"), ("population", "rate")),
    "scale": (("activity", "first_pole"), ("first_share",)),
}


@dataclass(frozen=True, eq=False, repr=False)
class Export:
    """What left once.

    Parameters
    ----------
    secrecy
        The thresholds.
    tables
        SHA-256 of each table, by name.
    members
        `code`, `territory`, `weight`: the division, which everyone sees on its map.
    figures
        By territory, the shares that were shown (see `FIGURES`); missing where they were not.
    names
        Of the territories.
    sheets
        The tables of a report that tell of flows, as they were shown, by key (see `SHEETS`).
    page
        Step to which the cells of a page of the workshop were rounded; 0: no cell left.
    """

    secrecy: Secrecy
    tables: Mapping[str, str]
    members: pd.DataFrame
    figures: pd.DataFrame = field(default_factory=pd.DataFrame)
    names: Mapping[str, str] = field(default_factory=dict)
    sheets: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    page: int = 0

    @property
    def is_empty(self) -> bool:
        """No figure of patients is in it."""
        return bool(self.figures.isna().all(axis=None)) and not self.sheets and not self.page


@dataclass(frozen=True, repr=False)
class Register:
    """The registers that an output abides by, held while it is worked out and written.

    Parameters
    ----------
    places
        Their files: that of the output first.
    earlier
        What they hold.
    """

    places: tuple[Path, ...]
    earlier: tuple[Export, ...]

    def note(self, new: Export, *, draft: Path | None = None) -> None:
        """Note what leaves now in all of them.

        It is noted before the files are in place: of a run that is killed in between, the register
        says too much, never too little. With a `draft`, a folder, that of the output is written
        there, to be put in place with the files of the output.
        """
        text = ledger_text(with_exports(self.earlier, (new,)))
        for number, place in enumerate(self.places):
            if number == 0 and draft is not None:
                (draft / FILE).write_text(text, encoding="utf-8", newline="\n")
            elif not place.is_file() or place.read_text(encoding="utf-8") != text:
                with whole_file(place, overwrite=True) as whole:
                    whole.write_text(text, encoding="utf-8", newline="\n")


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


@contextlib.contextmanager
def registered(
    folder: str | Path, ledger: str | Path | None = None, *, earlier: Iterable[Export] = ()
) -> Iterator[Register]:
    """Have the registers of an output for oneself, until it is written.

    Parameters
    ----------
    folder
        Where the output goes: its register is there, made if it is not. One that stands a folder
        up, beside the folder of the output, is abided by too.
    ledger
        A further one, its file (``.json``) or its folder; made if it is not there.
    earlier
        What is known to have left besides.

    Raises
    ------
    InputError
        If one is no register of ours, cannot be written, or another run has held it for a
        minute.
    """
    places = _places(folder, ledger)
    with contextlib.ExitStack() as stack:
        for place in sorted(places, key=Path.resolve):  # in one order: no two wait for each other
            if place != places[0]:
                place.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_alone(place))
        yield Register(places, with_exports(known_exports(folder, ledger), [*earlier]))


def known_exports(folder: str | Path, ledger: str | Path | None = None) -> tuple[Export, ...]:
    """Read the registers that outputs in a folder abide by (see `registered`)."""
    known: tuple[Export, ...] = ()
    for place in _places(folder, ledger):
        known = with_exports(known, read_ledger(place))
    return known


def _places(folder: str | Path, ledger: str | Path | None) -> tuple[Path, ...]:
    """List the files of registers, that of the folder first."""
    above = Path(folder).resolve().parent / FILE
    places = [Path(folder) / FILE, *([above] if above.is_file() else [])]
    if ledger is not None:
        given = Path(ledger)
        is_file = given.suffix.lower() == ".json" and not given.is_dir()
        places.append(given if is_file else given / FILE)
    return tuple({each.resolve(): each for each in reversed(places)}.values())[::-1]


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Have a register for oneself, after those who have it now."""
    for left in reversed(range(_TRIES)):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(claimed(place.parent, place.name))
            except InputError as refusal:
                if not left or [each.key for each in refusal.faults] != ["error.output_busy"]:
                    raise
            else:
                yield
                return
        time.sleep(_PAUSE)


def ledger_text(exports: Iterable[Export]) -> str:
    """Write a register as JSON: divisions and figures that were shown, nothing else."""
    record = {"format": _FORMAT, "exports": [_record(each) for each in exports]}
    return json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def export_of(
    zoning: Zoning,
    tables: Mapping[str, pd.DataFrame],
    *,
    figures: pd.DataFrame,
    secrecy: Secrecy,
    page: int = 0,
) -> Export:
    """Note what leaves now.

    Parameters
    ----------
    zoning
        The division.
    tables
        All that leaves, by name, as it is shown; those of a report under their keys.
    figures
        By territory, those of `FIGURES` that are shown, missing where they are not.
    secrecy
        The rule that was applied.
    page
        Step of the cells of a page, if one leaves.
    """
    told = of_tables(Path(FILE), [each for key, each in tables.items() if key in SHEETS]).tables
    kept = {key: [*words, *numbers] for key, (words, numbers) in SHEETS.items() if key in told}
    return Export(
        secrecy=secrecy,
        tables={name: _hash(table) for name, table in sorted(tables.items())},
        members=zoning.membership[["code", "territory", "weight"]].reset_index(drop=True),
        figures=figures,
        names={str(key): str(name) for key, name in zoning.names.items()},
        sheets={key: told[key][columns] for key, columns in kept.items()},
        page=page,
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


def groups_of(members: pd.DataFrame) -> dict[str, frozenset[tuple[str, float]]]:
    """Tell which communes each territory has, and by what part."""
    weights = members["weight"].round(_WEIGHTS)
    pairs = pd.Series(list(zip(members["code"], weights, strict=True)), index=members.index)
    return {str(name): frozenset(each) for name, each in pairs.groupby(members["territory"])}


def _same(one: Export, other: Export) -> bool:
    return (
        dict(one.tables) == dict(other.tables)
        and one.page == other.page
        and one.secrecy.threshold == other.secrecy.threshold
        and one.secrecy.professionals == other.secrecy.professionals
        and groups_of(one.members) == groups_of(other.members)
    )


def _record(export: Export) -> dict[str, Any]:
    parts: dict[str, dict[str, float]] = {}
    rows = export.members.sort_values(["territory", "code"])
    for code, territory, weight in rows[["code", "territory", "weight"]].itertuples(index=False):
        parts.setdefault(str(territory), {})[str(code)] = round(float(weight), _WEIGHTS)
    record: dict[str, Any] = {
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
    names = {each: export.names[each] for each in sorted(parts) if each in export.names}
    if names:
        record["names"] = names
    if export.sheets:
        record["sheets"] = {
            key: table.to_csv(index=False, lineterminator="\n")
            for key, table in sorted(export.sheets.items())
        }
    if export.page:
        record["page"] = export.page
    return record


def _read(record: Mapping[str, Any]) -> Export:
    rows = []
    for territory, codes in record["territories"].items():
        parts = dict.fromkeys(codes.split(), 1.0) if isinstance(codes, str) else codes
        rows += [(code, territory, float(weight)) for code, weight in parts.items()]
    threshold, professionals = record["threshold"], record["professionals"]
    return Export(
        secrecy=Secrecy(threshold, professionals, acknowledged=True),
        tables={str(name): str(each) for name, each in record["tables"].items()},
        members=pd.DataFrame(rows, columns=["code", "territory", "weight"]),
        figures=pd.DataFrame.from_dict(record["figures"], orient="index")
        .reindex(columns=list(FIGURES))
        .astype("float64"),
        names={str(key): str(name) for key, name in record.get("names", {}).items()},
        sheets={key: _sheet(text, key) for key, text in record.get("sheets", {}).items()},
        page=int(record.get("page", 0)),
    )


def _sheet(text: str, key: str) -> pd.DataFrame:
    """Read the table of a report back."""
    words, numbers = SHEETS[key]
    table = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    figures = {name: pd.to_numeric(table[name].replace("", None)) for name in numbers}
    return table.assign(**figures)[[*words, *numbers]].astype(dict.fromkeys(numbers, "float64"))


def _hash(table: pd.DataFrame) -> str:
    text = table.to_csv(lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()
