"""Care events added up by an engine: patients by residence, activity and place of care."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from territories._event_values import MILLIONTHS
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir
    import pandas as pd

    from territories._engine import Engine
    from territories._event_values import Lookups, Numbers

# More rows than one patient may have in a cell; and the least whole number that is not exact in
# floating point.
_ROWS: Final = 2**24
_EXACT: Final = 2**53

# Residences of cells that stand for no care: what was taken back, and sums that are not exact.
_CANCELLED: Final = -1
_INEXACT: Final = -2

# Of a number of 64, one is the sign's.
_KEY_BITS: Final = 62

_DECIMALS: Final = 1_000_000_000


@dataclass(frozen=True, repr=False)
class Cells:
    """Events added up, in the engine.

    Parameters
    ----------
    table
        `residence`, `place`, `activity` and `year` as numbers (of codes of several communes too),
        `patients` and `masked` in units, `cents` where amounts are known, `events` (rows), all
        integers.
    keys
        Those of the columns that name a cell.
    cancelled
        By year (0 without years): `events`, how many rows were cancelled by others, and how many
        `patients` of a practitioner they were.
    """

    table: ir.Table
    keys: tuple[str, ...]
    cancelled: pd.DataFrame

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns that are summed."""
        return tuple(each for each in self.table.columns if each not in self.keys)


def added_up(
    engine: Engine,
    events: ir.Table,
    lookups: Lookups,
    *,
    place: str,
    years: Sequence[int] | None = None,
    largest: int | None = None,
) -> Cells:
    """Count the distinct patients of each cell.

    First each patient of a cell once, then the cells: so the engine can write what does not fit in
    memory to its folder, which a count of distinct values cannot.

    Parameters
    ----------
    events
        As `prepared_events` makes them.
    place
        ``"practitioner"`` or ``"destination"``.
    years
        Keep years apart, those of this list; events of others are none.
    largest
        Of patients that are all known to be numbers from 0, the largest.
    """
    joined = kept_events(engine, events, lookups, place=place)
    # One number for the cell: rows are told apart twice as fast as by three or four columns.
    bits = {name: _bits(lookups.numbers[name].size) for name in ("residence", place, "activity")}
    key = joined["residence_number"]
    for name in (place, "activity"):
        key = key * 2 ** bits[name] + joined[f"{name}_number"]
    if years is not None:
        bits["year"] = _bits(max(years) - min(years) + 1)
        key = key * 2 ** bits["year"] + (joined["year"] - min(years))
    columns: dict[str, Any] = {"cell": key}
    if "patient" in events.columns:
        columns["patient"] = joined["patient"]
    columns |= {
        name: joined[name]
        for name in ("cents", "acts", "count", "masked")
        if name in joined.columns
    }
    rows = joined.select(**columns)
    sums = [name for name in ("cents", "acts", "count", "masked") if name in rows.columns]
    if "patient" in rows.columns:
        own = 0 if largest is None else _bits(largest + 1)
        fits = own + sum(bits.values()) <= _KEY_BITS and "count" not in sums
        rows = _of_patients(rows, sums, own=own if fits else 0)
    cells = _cells(rows, lookups.unit, bits.get("year", 0))
    table = engine.materialised(_unpacked(cells, bits, years), "cells")
    keys = ("residence", "place", "activity", *(["year"] if years is not None else []))
    engine.ease()
    table = without_masks(engine, table)
    lost = engine.frame(table.filter(table["residence"] < 0))
    if (lost["residence"] == _INEXACT).any():
        raise InputError(fault("event_sums"))
    if years is None:
        lost["year"] = 0
    cancelled = lost.set_index("year")[["events", "patients"]].astype("int64")
    cancelled["patients"] //= lookups.unit
    return Cells(table.filter(table["residence"] >= 0), keys, cancelled)


def without_masks(engine: Engine, table: ir.Table) -> ir.Table:
    """Leave the column `masked` out where no cell is: masked ones may all have been set aside."""
    if "masked" not in table.columns:
        return table
    masked = engine.frame(table.agg(masked=table["masked"].sum().coalesce(0)))["masked"]
    return table if masked.any() else table.drop("masked")


def kept_events(engine: Engine, events: ir.Table, lookups: Lookups, *, place: str) -> ir.Table:
    """Leave the events whose values all stand for something, with their numbers."""
    joined = with_counts(engine, events, lookups)
    for name in ("residence", place, "activity"):
        joined = with_numbers(engine, joined, lookups.numbers[name], name)
    return joined.filter(counted(joined))


def _of_patients(rows: ir.Table, sums: Sequence[str], *, own: int) -> ir.Table:
    """Add the rows of each patient of a cell up.

    Where `own` bits hold the number of a patient beside that of a cell, both are one number.

    This is where memory is short. Acts and rows are summed as one number, and as floating points,
    of which an engine keeps half the bytes: whole numbers are exact there up to 2**53, whatever
    their order; `inexact` tells whether they came there.
    """
    keys = ["cell", "patient"]
    if own:
        keys, rows = ["both_keys"], rows.mutate(both_keys=rows["cell"] * 2**own + rows["patient"])
    grouped = rows.group_by(keys)
    exact = [name for name in ("cents",) if name in sums]
    measures = {name: rows[name].sum() for name in ("count", "masked") if name in sums}
    measures |= {name: rows[name].cast("float64").sum() for name in exact}
    if "acts" not in sums:
        added = grouped.agg(events=rows.count(), **measures)
    else:
        acts = rows["acts"]
        if "count" in sums:  # those of cells that are added up say nothing
            acts = rows["patient"].isnull().ifelse(0, acts)
        both = (acts * _ROWS + 1).cast("float64").sum()
        added = grouped.agg(both=both, **measures)
        exact.append("both")
    if own:
        pair = added["both_keys"]
        added = added.mutate(cell=pair >> own, patient=pair & (2**own - 1)).drop("both_keys")
    if not exact:
        return added
    far = [added[name].abs() >= _EXACT for name in exact]
    whole = {name: added[name].cast("int64") for name in exact}
    added = added.mutate(inexact=functools.reduce(operator.or_, far), **whole)
    if "acts" not in sums:
        return added
    # The bits of the rows are the same where acts are below zero.
    number, acts = added["both"] & (_ROWS - 1), added["both"] > _ROWS
    return added.mutate(events=number, acts=acts.ifelse(1, 0)).drop("both")


def _bits(size: int) -> int:
    """Return how many bits hold so many numbers."""
    return (size - 1).bit_length()


def with_numbers(engine: Engine, events: ir.Table, numbers: Numbers, name: str) -> ir.Table:
    """Join the number that the raw values of a column stand for; rows without one are left out."""
    keys = [each for each in numbers.table.columns if each != "number"]
    if not keys:  # one activity for all
        return events.mutate(**{f"{name}_number": 0})
    frame = numbers.table.rename(columns={each: f"{name}_{each}" for each in numbers.table.columns})
    table = engine.lookup(frame, name)
    return events.inner_join(table, _matching(events, table, frame, keys, name))


def _matching(
    events: ir.Table, table: ir.Table, frame: pd.DataFrame, keys: Sequence[str], name: str
) -> list[Any]:
    """Match raw values; a missing one that stands for something is one of several columns."""
    return [
        events[each].identical_to(table[f"{name}_{each}"])
        if frame[f"{name}_{each}"].isna().any()
        else events[each] == table[f"{name}_{each}"]
        for each in keys
    ]


def with_counts(engine: Engine, events: ir.Table, lookups: Lookups) -> ir.Table:
    """Join the numbers of the cells that are added up already."""
    if lookups.counts is None:
        return events
    frame = lookups.counts.rename(columns={"patients": "written", "masked": "masks"})
    table = engine.lookup(frame.assign(masks=frame["masks"] * lookups.unit), "counts")
    joined = events.left_join(table, events["patients"] == table["written"])
    several = joined.mutate(masked=joined["masks"])
    return several if lookups.counts["masked"].any() else several.drop("masked")


def counted(rows: ir.Table) -> Any:  # noqa: ANN401 - an ibis expression
    """Keep events of somebody, and cells that are added up already."""
    if "patient" not in rows.columns:
        return rows["count"].notnull()
    if "count" not in rows.columns:
        return rows["patient"].notnull()
    return rows["patient"].notnull() | rows["count"].notnull()


def _cells(rows: ir.Table, unit: int, years: int) -> ir.Table:
    """Add patients up to cells.

    What was billed and taken back is no care: such patients go to a cell below zero, of each year;
    `years` is the bits that tell them apart. Below these cells is the one of sums that are not
    exact.
    """
    if "patient" not in rows.columns:
        measures = {name: rows[name].sum() for name in ("cents", "masked") if name in rows.columns}
        return rows.group_by("cell").agg(
            patients=rows["count"].sum(), events=rows.count(), **measures
        )
    if "acts" in rows.columns:
        alive = rows["acts"] > 0
        if "count" in rows.columns:  # cells that are added up have no acts to tell
            alive = alive | rows["patient"].isnull()
        rows = rows.mutate(cell=alive.ifelse(rows["cell"], -1 - (rows["cell"] & (2**years - 1))))
    if "inexact" in rows.columns:
        rows = rows.mutate(cell=rows["inexact"].ifelse(-1 - 2**years, rows["cell"]))
    patients = rows.count()
    if "count" in rows.columns:
        patients = rows.count(where=rows["patient"].notnull())
    patients = patients * unit
    if "count" in rows.columns:
        patients = patients + rows["count"].sum().coalesce(0)
    measures = {
        name: rows[name].sum().coalesce(0)
        for name in ("events", "cents", "masked")
        if name in rows.columns
    }
    return rows.group_by("cell").agg(patients=patients, **measures)


def _unpacked(cells: ir.Table, bits: dict[str, int], years: Sequence[int] | None) -> ir.Table:
    """Take the numbers of a cell apart again."""
    rest, columns = cells["cell"], {}
    for name in reversed(bits):
        columns[name] = rest & (2 ** bits[name] - 1)
        rest = rest >> bits[name]
    lost = cells["cell"] < 0
    below = (cells["cell"] < -(2 ** bits.get("year", 0))).ifelse(_INEXACT, _CANCELLED)
    columns["residence"] = lost.ifelse(below, columns["residence"])
    if years is not None:
        year = columns["year"] + min(years)
        columns["year"] = lost.ifelse(min(years) - 1 - cells["cell"], year)
    named = {
        name if name in ("residence", "activity", "year") else "place": each.cast("int32")
        for name, each in columns.items()
    }
    measures = {name: cells[name].cast("int64") for name in cells.columns if name != "cell"}
    return cells.select(**named, **measures)


def shared_cells(
    engine: Engine, cells: Cells, numbers: Numbers, column: str, *, unit: int, whole: bool = True
) -> Cells:
    """Share the cells of codes that stand for several communes out among these.

    Whole patients stay whole: the communes with the largest remainders get the units that are left,
    the lower code first where they are equal (Hamilton). Parts of masked cells, and all where
    `whole` is False, are shared out in millionths.

    Parameters
    ----------
    numbers
        What the column's numbers are.
    column
        ``"residence"`` or ``"place"``.
    unit
        What one patient counts as.
    """
    if numbers.parts.empty:
        return cells
    import ibis  # noqa: PLC0415 - only events need it

    table = cells.table
    single = table.filter(table[column] < len(numbers.names))
    several = table.filter(table[column] >= len(numbers.names))
    parts = engine.lookup(numbers.parts.rename(columns={"number": "part_of"}), "parts")
    joined = several.inner_join(parts, several[column] == parts["part_of"])
    grain: Any = ibis.literal(1)
    if unit == MILLIONTHS and whole:
        plain = joined["patients"] % unit == 0
        if "masked" in table.columns:
            plain = plain & (joined["masked"] == 0)
        grain = plain.ifelse(unit, 1)
    row = list(cells.keys)
    for name in cells.measures:
        of = grain if name == "patients" else ibis.literal(1)
        joined = _shared_out(joined.mutate(grain=of), name, row)
    chosen = {name: joined["commune"] if name == column else joined[name] for name in table.columns}
    types = table.schema()
    shared = joined.select(**{name: each.cast(types[name]) for name, each in chosen.items()})
    together = ibis.union(single, shared, distinct=False)
    sums = {name: together[name].sum().cast("int64") for name in cells.measures}
    return Cells(
        engine.materialised(together.group_by(row).agg(**sums), "shared"),
        cells.keys,
        cells.cancelled,
    )


def _shared_out(joined: ir.Table, name: str, row: Sequence[str]) -> ir.Table:
    """Share one measure out by largest remainders."""
    import ibis  # noqa: PLC0415

    total = (joined[name] / joined["grain"]).round().cast("int64")
    exact = total.cast("float64") * joined["part"]
    # A part of 0.1 of 10 is 1, whatever the last bit says.
    floor = (exact + 1 / _DECIMALS).floor()
    remainder = ((exact - floor) * _DECIMALS + 0.5).floor().cast("int64")
    marked = joined.mutate(exact_total=total, exact_floor=floor.cast("int64"), exact_rest=remainder)
    window = ibis.window(group_by=list(row))
    ranked = ibis.window(
        group_by=list(row), order_by=[marked["exact_rest"].desc(), marked["commune"].asc()]
    )
    marked = marked.mutate(
        exact_left=marked["exact_total"] - marked["exact_floor"].sum().over(window),
        exact_order=ibis.row_number().over(ranked),
    )
    share = marked["exact_floor"] + (marked["exact_order"] < marked["exact_left"]).ifelse(1, 0)
    return marked.mutate(**{name: (share * marked["grain"]).cast("int64")}).drop(
        "exact_total", "exact_floor", "exact_rest", "exact_left", "exact_order", "grain"
    )
