"""Commune codes: text of five characters, repaired where a spreadsheet broke them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


# Paris, Lyon and Marseille: arrondissements are counted with their city (METHOD, section 2).
_CITIES: Final = {"751": "75056", "6938": "69123", "132": "13055"}

_BLANKS: Final = r"[\s\u00a0\u202f\u2007\ufeff]+"
_SHAPE: Final = r"(?:[0-9]{2}|2[AB])[0-9]{3}"
_ABROAD: Final = "99"


def by_value(column: pd.Series, work: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Do work on each value of a column once: a column of codes repeats few values many times.

    Examples
    --------
    >>> by_value(pd.Series(["a", "b", "a"], index=[7, 8, 9]), lambda each: each + "!").tolist()
    ['a!', 'b!', 'a!']
    """
    positions, values = pd.factorize(column)
    done = work(pd.Series(values)).take(positions)
    return pd.Series(done.array, index=column.index, name=column.name)


def repaired(codes: pd.Series) -> pd.Series:
    """Write codes as five characters: ``1004`` or ``1004.0`` is ``01004``, ``2a004`` is ``2A004``.

    Parameters
    ----------
    codes
        Text, as read.

    Returns
    -------
    Series
        Same index. What cannot be repaired is returned as it came, without its blanks.

    Examples
    --------
    >>> repaired(pd.Series(["1004", "1004.0", " 2a004", "45234", "?"])).tolist()
    ['01004', '01004', '2A004', '45234', '?']
    """
    text = codes.astype("str").str.replace(_BLANKS, "", regex=True).str.upper()
    text = text.str.replace(r"^([0-9]{4,5})\.0+$", r"\1", regex=True)
    return text.where(~text.str.fullmatch("[0-9]{4}"), "0" + text)


def repaired_departments(departments: pd.Series) -> pd.Series:
    """Write departments as they begin codes: ``1``, ``1.0`` and ``001`` become ``01``.

    Examples
    --------
    >>> repaired_departments(pd.Series(["1", "45.0", "045", "2a", "971", ""])).tolist()
    ['01', '45', '45', '2A', '971', '']
    """
    text = departments.astype("str").str.replace(_BLANKS, "", regex=True).str.upper()
    text = text.str.replace(r"^([0-9]{1,3})\.0+$", r"\1", regex=True)
    text = text.str.replace(r"^0([0-9][0-9AB])$", r"\1", regex=True)
    return text.where(~text.str.fullmatch("[0-9]"), "0" + text)


def plausible(codes: pd.Series) -> pd.Series:
    """Tell which codes have the shape of a French commune's; those from abroad (99…) have not.

    Examples
    --------
    >>> plausible(pd.Series(["45234", "2A004", "99100", "4523", "ZZZZZ"])).tolist()
    [True, True, False, False, False]
    """
    text = codes.astype("str")
    return text.str.fullmatch(_SHAPE) & ~text.str.startswith(_ABROAD)


def department(codes: pd.Series) -> pd.Series:
    """Return the department of each code: two characters, three overseas.

    A department's own code (a pole known by its department only) is its department.

    Examples
    --------
    >>> department(pd.Series(["01004", "2A004", "97105", "75"])).tolist()
    ['01', '2A', '971', '75']
    """
    text = codes.astype("str")
    overseas = text.str.startswith("97") | text.str.startswith("98")
    return text.str[:2].where(~overseas, text.str[:3])


def to_cities(codes: pd.Series, *, kept: Collection[str] = ()) -> pd.Series:
    """Replace the arrondissements of Paris, Lyon and Marseille by their city, except those kept.

    Examples
    --------
    >>> to_cities(pd.Series(["75113", "69385", "13208", "45234"])).tolist()
    ['75056', '69123', '13055', '45234']
    """
    text = codes.astype("str")
    for prefix, city in _CITIES.items():
        arrondissement = text.str.fullmatch(prefix + "[0-9]{" + str(5 - len(prefix)) + "}")
        text = text.where(~arrondissement | text.isin(kept), city)
    return text
