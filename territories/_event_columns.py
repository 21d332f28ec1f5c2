"""The columns of care events as an engine can add them up: years, cents, acts, patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ibis.expr.types as ir

# A date begins or ends with its year.
_YEAR_FIRST: Final = r"^\s*((?:19|20)\d{2})(?:[-/.]?\d{2}|\s*$)"
_YEAR_LAST: Final = r"^\s*\d{1,2}[-/.]\d{1,2}[-/.]((?:19|20)\d{2})"
CENTS: Final = 100
THOUSANDTHS: Final = 1_000
_EXACT_DIGITS: Final = 15
_SMALL_DIGITS: Final = 9
# Numbers that an engine reads itself; others are read once each, as those of `read_flows`.
_PLAIN: Final = r"^[-+]?[0-9]+([.,][0-9]{1,2})?$"


def prepared_events(events: ir.Table) -> ir.Table:
    """Make `year`, `cents` and whole numbers of `acts` out of dates, amounts and acts.

    All are whole numbers, so that no sum depends on the order of the rows. Of `patient`, blanks
    around it are left out. Other columns stay as they stand in the source.

    Parameters
    ----------
    events
        Under our names; `amount_odd` and `acts_odd` hold what the engine cannot read (`odd_cells`).
    """
    made: dict[str, Any] = {}
    if "patient" in events.columns and events["patient"].type().is_string():
        made["patient"] = events["patient"].strip().nullif("")
    if "date" in events.columns or "year" in events.columns:
        made["year"] = _years(events["date" if "date" in events.columns else "year"])
    for name, parts in (("amount", CENTS), ("acts", THOUSANDTHS)):
        if name in events.columns:
            # Of acts it matters whether their sum is more than nothing, in whatever parts.
            whole = name == "acts" and events[name].type().is_integer()
            number = _whole(events[name], 1 if whole else parts)
            odd = f"{name}_odd"
            made[name] = number.coalesce(events[odd]) if odd in events.columns else number
    if "acts" in made:
        # A line without a number of acts is one act.
        one = 1 if events["acts"].type().is_integer() else THOUSANDTHS
        made["acts"] = made["acts"].coalesce(one)
    if "amount" in made:
        made["cents"] = made.pop("amount")
    if "patients" in events.columns:
        made["patients"] = events["patients"].cast("string")
    done = ("date", "amount", "amount_odd", "acts_odd")
    return events.mutate(**made).drop(*(name for name in done if name in events.columns))


def odd_cells(events: ir.Table, name: str) -> ir.Table | None:
    """Return the events whose cell of a column of text is a number that no engine reads."""
    if not events[name].type().is_string():
        return None
    cell = events[name].strip()
    return events.filter((cell != "") & ~cell.re_search(_PLAIN))


def _years(column: Any) -> Any:  # noqa: ANN401 - an ibis expression
    if column.type().is_date():
        return column.year().cast("int64")
    first = column.re_extract(_YEAR_FIRST, 1)
    last = column.re_extract(_YEAR_LAST, 1)
    return first.nullif("").coalesce(last.nullif("")).cast("int64")


def _whole(column: Any, parts: int) -> Any:  # noqa: ANN401 - an ibis expression
    """Return numbers as whole numbers of parts: half a part and more is one."""
    kind = column.type()
    if kind.is_integer():
        return column.cast("int64") * parts
    exact = kind.is_decimal() and kind.precision <= _EXACT_DIGITS
    if exact and 10**kind.scale <= parts:
        # Few digits are summed as small integers, of which more fit in memory.
        small = kind.precision - kind.scale + len(str(parts)) - 1 <= _SMALL_DIGITS
        return (column * parts).cast("int32" if small else "int64")
    if kind.is_string():
        cell = column.strip()
        plain = cell.re_search(_PLAIN).ifelse(cell.replace(",", "."), None)
        column = plain.cast("float64")
    return (column.cast("float64") * parts + 0.5).floor().cast("int64")
