"""Numbers as French files write them, and what stands in their place: masked, missing, spoiled."""

from __future__ import annotations

import re
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# Ten thousand million: a hundred times the people of France, less than a practitioner's number.
_LARGEST: Final = 10**10

# The largest number that statistical secrecy hides: a masked cell is one of 1 to 10.
MOST_MASKED: Final = 10
MASKED_AS: Final = 5

_BLANK: Final = "[\\s\u00a0\u202f\u2007\u2009]"
_PLAIN: Final = r"[0-9]+(?:[.,][0-9]+)?"
_THREE_DECIMALS: Final = r"[1-9][0-9]{0,2}[.,][0-9]{3}"

_TELLING: Final = 50
_NUMBER: Final = re.compile(r"([+-]?)([0-9]+)(?:[.,]([0-9]+))?(e[+-]?[0-9]+)?")
_GROUPED: Final = re.compile(rf"[+-]?[0-9]{{1,3}}(?:{_BLANK}[0-9]{{3}})+(?:[.,][0-9]+)?")
_ENGLISH: Final = re.compile(
    r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,}"
)
_GERMAN: Final = re.compile(
    r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}"
)

_MISSING: Final = ("nan", "na", "n/a", "null", "none", "<na>", ".", "vide")
_BELOW: Final = re.compile(r"(?:(<=|≤)|<|moinsde|inf(?:[ée]rieur)?\.?[àa]?)0*([0-9]{1,3})")
_RANGE: Final = re.compile(r"[\[(]?([1-9])(?:-|–|—|à|a|\.\.|to)([0-9]{1,2})[\])]?")
_MASKED: Final = re.compile(
    r"n\.?s\.?|n\.?d\.?|s\.?|c|\*+|secret(?:statistique)?|masqu[ée]e?s?|non(?:significatif|diffus(?:[ée]|able))"
)
_DASH: Final = re.compile(r"[-–—−]+")
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[0-9]{1,2}/[0-9]{1,2}(?:/[0-9]{2,4})?"
    r"|[0-9]{1,2}[-.](?:[a-zéû]{3,9}\.?|[0-9]{1,2})(?:[-.][0-9]{2,4})?|[a-zéû]{3,9}\.?-[0-9]{1,4}"
)
_MONEY: Final = re.compile(r".*(?:€|\$|£|eur(?:os?)?)$")
_INFINITE: Final = re.compile(r"[+-]?(?:inf(?:inity|ini)?|∞)")


def numbers(cells: pd.Series) -> pd.DataFrame:
    """Read distinct cells as numbers.

    Parameters
    ----------
    cells
        Text, each value once.

    Returns
    -------
    DataFrame
        Same index. ``value``: the number, missing where there is none. ``kind``: empty for a plain
        number, or what was normalised (``decimal_comma``, ``thousands``, ``notation``), or what
        stands there instead (``empty``, ``missing``, ``masked``, ``dash``), or what is wrong
        (``percent``, ``money``, ``date``, ``infinite``, ``negative``, ``too_large``,
        ``ambiguous``, ``malformed``).

    Notes
    -----
    ``1,234`` is one and a bit in France and over a thousand elsewhere: where every number of a
    column that has a sign has it before three last digits, all of them are ambiguous.

    Examples
    --------
    >>> numbers(pd.Series(["820", "1 500", "12,5", "<11", "60%"])).to_numpy().tolist()
    [[820.0, ''], [1500.0, 'thousands'], [12.5, 'decimal_comma'], [nan, 'masked'], [nan, 'percent']]
    """
    texts = cells.astype("str")
    plain = texts.str.fullmatch(_PLAIN).to_numpy(dtype=bool)
    values = pd.Series(float("nan"), index=cells.index)
    kinds = pd.Series("", index=cells.index, dtype="object")
    commas = texts.str.contains(",", regex=False).to_numpy(dtype=bool)
    dotted = pa.array(texts[plain].str.replace(",", ".", regex=False), pa.string())
    values[plain] = pc.cast(dotted, pa.float64()).to_numpy(zero_copy_only=False)
    kinds[plain & commas] = "decimal_comma"
    for place in texts.index[~plain]:
        values[place], kinds[place] = _odd(str(texts[place]))
    points = texts.str.contains(".", regex=False).to_numpy(dtype=bool)
    written = texts[(commas | points) & values.notna().to_numpy()]
    grouped = f"{_ENGLISH.pattern}|{_GERMAN.pattern}"
    either = f"{_THREE_DECIMALS}|{grouped}"
    # The first of them tell of a column that is not ambiguous.
    if written.head(_TELLING).str.fullmatch(either).all() and written.str.fullmatch(either).all():
        doubtful = ~written.str.fullmatch(grouped).to_numpy(dtype=bool)
        kinds[written.index[doubtful]] = "ambiguous"
    kinds[values < 0] = "negative"
    kinds[values.abs() > _LARGEST] = "too_large"
    return pd.DataFrame({"value": values, "kind": kinds})


def _odd(cell: str) -> tuple[float, str]:
    """Read a cell that is not digits alone."""
    text = cell.strip().lstrip("'").lower()
    bare = re.sub(_BLANK, "", text)
    number = _number(text, bare)
    if number is not None:
        return number
    below, between = _BELOW.fullmatch(bare), _RANGE.fullmatch(bare)
    if (
        _MASKED.fullmatch(bare)
        or (below and 1 < int(below[2]) <= MOST_MASKED + (below[1] is None))
        or (between and int(between[1]) < int(between[2]) <= MOST_MASKED)
    ):
        kind = "masked"
    else:
        kind = next(
            kind
            for kind, found in (
                ("empty", not bare),
                ("missing", bare in _MISSING),
                ("dash", _DASH.fullmatch(bare)),
                ("percent", bare.endswith("%")),
                ("money", _MONEY.fullmatch(bare)),
                ("infinite", _INFINITE.fullmatch(bare)),
                ("date", _DATE.fullmatch(bare)),
                ("malformed", True),
            )
            if found
        )
    return float("nan"), kind


def _number(text: str, bare: str) -> tuple[float, str] | None:
    """Read a number that is written with a sign, a power of ten, or thousands apart."""
    if _GROUPED.fullmatch(text):
        return float(bare.replace(",", ".")), "thousands"
    if _ENGLISH.fullmatch(text):
        return float(text.replace(",", "")), "thousands"
    if _GERMAN.fullmatch(text):
        return float(text.replace(".", "").replace(",", ".")), "thousands"
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    value = float(text.replace(",", "."))
    if found[1] or found[4]:
        return abs(value) if value == 0 else value, "notation"
    return value, "decimal_comma" if "," in text else ""
