"""The distinct values of care events: each code read once, and given back as a table to join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypedDict

import pandas as pd

from territories._columns import count_column
from territories._extract import PLACES, codes_of, departments, labels, unknown_activities
from territories._rows import unknown_codes
from territories._tables import Table
from territories.errors import CodeError, InputError, fault
from territories.practices import departments_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from territories._coding import Coded
    from territories._engine import Engine
    from territories._extract import Options
    from territories._rows import OnUnknown
    from territories._words import Sentence

# Fractions are summed as integers of this part of a patient, so that no order of a sum matters.
MILLIONTHS: Final = 1_000_000


Rows = Callable[[str, list[str | None]], str]


def _nowhere(_column: str, _values: list[str | None]) -> str:
    return "…"


class Places:
    """Where values stand, looked for when a message is read: a source may be long."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self._found: str | None = None

    def __str__(self) -> str:
        """Return the first rows."""
        if self._found is None:
            self._found = self._find()
        return self._found


class _Told(TypedDict):
    """Lists to which what is found is added."""

    notices: list[Sentence]
    faults: list[Sentence]


@dataclass(frozen=True, repr=False)
class Values(Table):
    """The distinct values of columns, as a table of which each row stands for many events.

    Parameters
    ----------
    events
        How many events have each row's values.
    raw
        The values as the source has them, missing ones too: what the engine joins by.
    rows
        Finds where values stand in the source: takes our column and the values.
    """

    events: pd.Series = field(default_factory=lambda: pd.Series(dtype="int64"))
    raw: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: Rows = _nowhere

    def told(self, column: str, marked: pd.Series) -> dict[str, object]:
        """Name the marked values of a column by the events that have them."""
        chosen = marked.to_numpy(dtype=bool)
        return {
            "column": self.head(column),
            "count": int(self.events[chosen].sum()),
            "rows": Places(lambda: self.places(column, marked)),
        }

    def places(self, column: str, marked: pd.Series) -> str:
        """Write in which rows of the source the first events with these values stand."""
        name = column if column in self.raw else str(self.raw.columns[0])
        chosen = self.raw.loc[marked.to_numpy(dtype=bool), name].drop_duplicates()
        return self.rows(name, [None if pd.isna(each) else str(each) for each in chosen])


@dataclass(frozen=True, repr=False)
class Numbers:
    """What the raw values of one column stand for, as numbers.

    Parameters
    ----------
    table
        Raw values (named as in the events) and their `number`; those that cannot be kept are not
        in it.
    names
        What the numbers are, in order; after them, the codes that stand for several communes.
    parts
        Of the latter: their `number`, that of each commune (`commune`) and its `part`; parts of a
        code make 1.
    bad
        Raw values that cannot be kept, with what is wrong (`state`).
    """

    table: pd.DataFrame
    names: pd.Index
    parts: pd.DataFrame
    bad: pd.DataFrame

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.names) + self.parts["number"].nunique()


@dataclass(frozen=True, repr=False)
class Lookups:
    """The values of events as numbers.

    Parameters
    ----------
    numbers
        Of `residence`, `activity`, and `practitioner` or `destination`.
    counts
        Of sources with cells that are added up already: their raw `patients`, `count` (in units)
        and `masked`; None without such a column.
    departments
        Pairs of a practitioner and a department where he is known to practise, in order.
    unit
        What one patient counts as in the engine, so that all sums are of integers.
    notices
        What was normalised.
    """

    numbers: Mapping[str, Numbers]
    counts: pd.DataFrame | None
    departments: pd.MultiIndex
    unit: int
    notices: tuple[Sentence, ...]


def distinct_values(
    engine: Engine, events: ir.Table, columns: Sequence[str], base: Table, rows: Rows
) -> Values:
    """Count the distinct values of some columns, taken together, in the order of their text."""
    import ibis  # noqa: PLC0415 - only events need it

    counted = events.group_by(list(columns)).agg(events=lambda each: each.count())
    order = [ibis.asc(counted[each], nulls_first=True) for each in columns]
    found = engine.frame(counted.order_by(order))
    raw = found[list(columns)].astype("string")
    text = raw.fillna("").astype("str")
    return Values(
        frame=text.astype("category"),
        file=base.file,
        sha256=base.sha256,
        heads=base.heads,
        events=found["events"].astype("int64"),
        raw=raw,
        rows=rows,
    )


def lookups_of(
    values: Mapping[str, Values],
    options: Options,
    *,
    on_unknown: OnUnknown,
    layer: str,
    activity: str | None,
    faults: list[Sentence],
) -> Lookups:
    """Read the distinct values as what they are, and number what they stand for.

    Parameters
    ----------
    values
        By column: `residence`, `destination`, `activity` (with `profession`), `practitioner` (with
        `department`) and `patients`, as far as the source has them.
    options, on_unknown
        See `read_flows`.
    layer
        Name of the layer's file.
    activity
        The one activity of a source that has no such column.
    faults
        What is known to be wrong already.

    Raises
    ------
    InputError
        All that is wrong, unless it is to be set aside.
    """
    faults = list(faults)
    notices: list[Sentence] = []
    told: _Told = {"notices": notices, "faults": faults}
    numbers = _places(values, options, on_unknown=on_unknown, layer=layer, **told)
    numbers["activity"] = _activities(
        values.get("activity"), options, on_unknown=on_unknown, activity=activity, **told
    )
    known = pd.MultiIndex.from_arrays([[], []])
    if "practitioner" in values:
        numbers["practitioner"], known = _practitioners(
            values["practitioner"], on_unknown, notices, faults
        )
    counts = None
    if "patients" in values:
        counts = _counts(values["patients"], options, notices, faults)
    if faults:
        raise (CodeError if all("code" in each.key for each in faults) else InputError)(*faults)
    split = any(len(each.parts) for each in numbers.values())
    unit = 1
    if counts is not None:
        # Fractions, and parts of masked cells, are summed as integers of millionths.
        fractions = bool((counts["count"] % 1 != 0).any())
        unit = MILLIONTHS if fractions or (split and counts["masked"].any()) else 1
        counts["count"] = (counts["count"] * unit).round().astype("int64")
    # Rows are looked for where something is refused, not for what is merely told.
    quick = [
        replace(each, values={**each.values, "rows": "…"}) if "rows" in each.values else each
        for each in notices
    ]
    return Lookups(numbers, counts, known, unit, tuple(quick))


def _places(
    values: Mapping[str, Values],
    options: Options,
    *,
    on_unknown: OnUnknown,
    layer: str,
    notices: list[Sentence],
    faults: list[Sentence],
) -> dict[str, Numbers]:
    """Read the codes of residences and destinations."""
    tables = {name: values[name] for name in PLACES if name in values}
    none = {name: pd.Series(data=False, index=each.frame.index) for name, each in tables.items()}
    read = codes_of(tables, options, none, notices, faults)
    numbers = {}
    for name, column in read.items():
        table = tables[name]
        state = pd.Series("", index=table.frame.index)
        for wrong, rows in column.bad.items():
            if wrong == "missing" or on_unknown != "external":
                state = state.mask((state == "") & rows, wrong)
        missing = state == "missing"
        if on_unknown != "aside" and missing.any():
            faults.append(fault("code_empty", file=table.file, **table.told(name, missing)))
        if on_unknown == "error":
            elsewhere = (state != "") & ~missing
            said = any(
                each.key.startswith("error.code_") and each.values.get("column") == table.head(name)
                for each in faults
            )
            if elsewhere.any() and not said:
                faults.append(unknown_codes(table, name, elsewhere, column, layer))
        numbers[name] = _of_codes(table, state, column)
    return numbers


def _of_codes(table: Values, state: pd.Series, column: Coded) -> Numbers:
    """Give numbers to the communes of codes, and after them to the codes of several communes."""
    good = state == ""
    parts = column.parts[column.parts["code"].isin(column.code[good])]
    several = parts["code"].duplicated(keep=False)
    names = _in_order(parts["converted"])
    split = _in_order(parts.loc[several, "code"])
    single = parts[~several].set_index("code")["converted"]
    number = positions(column.code.map(single), names)
    number = number.where(~column.code.isin(split), positions(column.code, split) + len(names))
    shared = parts[several]
    return Numbers(
        table=_kept(table, good, number),
        names=names,
        parts=pd.DataFrame(
            {
                "number": positions(shared["code"], split) + len(names),
                "commune": positions(shared["converted"], names),
                "part": shared["part"].to_numpy(dtype="float64"),
            }
        ),
        bad=table.raw.assign(state=state)[~good],
    )


def _in_order(names: pd.Series) -> pd.Index:
    return pd.Index(names.drop_duplicates().astype("str")).sort_values()


def positions(values: pd.Series, names: pd.Index) -> pd.Series:
    """Return the place of each value among names; -1 where it is not there."""
    return pd.Series(names.get_indexer(pd.Index(values)), index=values.index, dtype="int64")


def _kept(table: Values, good: pd.Series, number: pd.Series) -> pd.DataFrame:
    """Return the raw values that are kept, with their numbers; a missing one is joined by none."""
    return table.raw.assign(number=number.astype("int64"))[good]


def _no_parts() -> pd.DataFrame:
    return pd.DataFrame({"number": [], "commune": [], "part": []}).astype(
        {"number": "int64", "commune": "int64", "part": "float64"}
    )


def _activities(
    table: Values | None,
    options: Options,
    *,
    on_unknown: OnUnknown,
    activity: str | None,
    notices: list[Sentence],
    faults: list[Sentence],
) -> Numbers:
    """Read the labels of activities."""
    if table is None:
        frame = pd.DataFrame({"activity": pd.Categorical([activity])})
        one = pd.DataFrame(index=frame.index)
        table = Values(frame=frame, file="", sha256="", heads={}, events=pd.Series([0]), raw=one)
    name, how = labels(table, options, notices)
    none = pd.Series(data=False, index=name.index)
    faults += unknown_activities(table, how, none, options)
    silent = (how == "missing") | (how == "total")
    if on_unknown != "aside" and silent.any():
        faults.append(fault("cell_empty", file=table.file, **table.told("activity", silent)))
    names = _in_order(name[~silent])
    number = positions(name, names)
    return Numbers(
        table=_kept(table, ~silent, number),
        names=names,
        parts=_no_parts(),
        bad=table.raw.assign(state="missing")[silent],
    )


def _practitioners(
    table: Values, on_unknown: OnUnknown, notices: list[Sentence], faults: list[Sentence]
) -> tuple[Numbers, pd.MultiIndex]:
    """Read the numbers of practitioners, and the departments they are known to practise in."""
    who = table.frame["practitioner"].astype("str").str.strip()
    silent = who == ""
    if on_unknown != "aside" and silent.any():
        faults.append(fault("cell_empty", file=table.file, **table.told("practitioner", silent)))
    known = pd.MultiIndex.from_arrays([[], []])
    if "department" in table.frame:
        known = _known(who, departments(table, notices, faults))
    names = _in_order(who[~silent])
    number = positions(who, names)
    kept = _kept(table, ~silent, number)[["practitioner", "number"]].drop_duplicates()
    bad = table.raw[["practitioner"]].assign(state="missing")[silent].drop_duplicates()
    return Numbers(kept, names, _no_parts(), bad), known


def known_departments(table: Values) -> pd.MultiIndex:
    """Return the pairs of a practitioner and a department where he is known to practise."""
    who = table.frame["practitioner"].astype("str").str.strip()
    return _known(who, departments(table, [], []))


def _known(who: pd.Series, department: pd.Series) -> pd.MultiIndex:
    pairs = pd.DataFrame({"practitioner": who, "department": department})
    return departments_of(pairs[who != ""])


def _counts(
    table: Values, options: Options, notices: list[Sentence], faults: list[Sentence]
) -> pd.DataFrame:
    """Read the cells of patients that are added up already; empty ones are those of events."""
    counts = count_column(table, "patients", masked_as=options.masked_as, dash=options.dash)
    faults += counts.faults
    notices += counts.notices
    given = ~counts.missing
    frame = table.raw.assign(count=counts.values, masked=counts.masked.astype("int64"))
    return frame[given].reset_index(drop=True)
