"""Columns of events brought to one type each, the same on all engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

# Our columns that are numbers where their file says so; all others are text.
_NUMBERS: Final = ("patients", "acts", "amount", "stays")

# Those that only tell one from another: integers are counted faster.
_IDENTIFIERS: Final = ("patient", "stay")

# The digits that an integer of the engines always holds.
_DIGITS: Final = 18

_WIDEST_INTEGER: Final = 20
_WIDEST_DECIMAL: Final = 38


def goals_of(tables: Sequence[ir.Table], heads: Mapping[str, str]) -> dict[str, str]:
    """Return the type of each of our columns, of tables that may say it in several.

    Parameters
    ----------
    tables
        Parts of one source.
    heads
        Theirs by our name.
    """
    return {
        ours: _goal(ours, [table[theirs].type() for table in tables])
        for ours, theirs in heads.items()
    }


def typed(table: ir.Table, heads: Mapping[str, str], goals: Mapping[str, str]) -> ir.Table:
    """Return the columns that are ours, under our names.

    Returns
    -------
    Table
        `patient` and `stay`: int64, or text. `date`: a day, or text. `patients`, `acts`, `amount`
        and `stays`: int64, decimal or float64 (not a number is null), or text. All others text:
        a number as its digits, a whole one without ``.0``.
    """
    return table.select(
        **{ours: _column(table[theirs], goals[ours]) for ours, theirs in heads.items()}
    )


def _goal(ours: str, types: Sequence[dt.DataType]) -> str:
    types = [each for each in types if not each.is_null()]
    if types and ours == "date" and all(each.is_date() or each.is_timestamp() for each in types):
        return "date"
    if types and ours in _IDENTIFIERS and all(map(_fits, types)):
        return "int64"
    if types and ours in _NUMBERS and all(each.is_numeric() for each in types):
        if all(map(_fits, types)):
            return "int64"
        return _decimal(types) or "float64"
    return "string"


def _fits(kind: dt.DataType) -> bool:
    """Tell whether all values of a type are integers of 64 bits."""
    if kind.is_decimal():
        return kind.scale == 0 and kind.precision is not None and kind.precision <= _DIGITS
    return kind.is_integer() and not kind.is_uint64()


def _decimal(types: Sequence[dt.DataType]) -> str | None:
    """Return the decimal that holds all values of integers and decimals; None if there is none."""
    if any(each.is_floating() for each in types):
        return None
    sizes = [
        (each.precision - each.scale, each.scale) if each.is_decimal() else (_WIDEST_INTEGER, 0)
        for each in types
    ]
    whole, scale = (max(size) for size in zip(*sizes, strict=True))
    return f"decimal({whole + scale}, {scale})" if whole + scale <= _WIDEST_DECIMAL else None


def _column(column: Any, goal: str) -> Any:  # noqa: ANN401 - ibis types no column
    import ibis  # noqa: PLC0415 - only events need it

    kind = column.type()
    if kind.is_null():
        return ibis.null(goal)
    if kind.is_floating():
        column = column.isnan().ifelse(ibis.null(kind), column)
    if goal != "string":
        return column if str(kind) == goal else column.cast(goal)
    if kind.is_string():
        return column
    if kind.is_floating() or (kind.is_decimal() and kind.scale != 0):
        whole = column.try_cast("int64")
        same = whole.cast(kind) == column
        return same.ifelse(whole.cast("string"), column.cast("string"))
    return column.cast("string")
