"""Columns that repeat few values: each worked on once, and rows numbered by several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LARGEST: Final = 2**62


def by_value(column: pd.Series, work: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Do work on each value of a column once: a column of codes repeats few values many times.

    Examples
    --------
    >>> by_value(pd.Series(["a", "b", "a"], index=[7, 8, 9]), lambda each: each + "!").tolist()
    ['a!', 'b!', 'a!']
    """
    positions, values = distinct(column)
    return pd.Series(work(values).take(positions).array, index=column.index, name=column.name)


def distinct(column: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """Return the distinct values of a column, and for each row the position of its own."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), pd.Series(column.cat.categories)
    positions, values = pd.factorize(column)
    return positions, pd.Series(values)


def marked(column: pd.Series, test: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Tell the rows whose value passes a test, each distinct value tested once.

    Examples
    --------
    >>> marked(pd.Series(["a", "", "a"]), lambda each: each == "").tolist()
    [False, True, False]
    """
    positions, values = distinct(column)
    passed = np.asarray(test(values), dtype=bool)
    rows = passed[positions] if passed.any() else np.zeros(len(column), dtype=bool)
    return pd.Series(rows, index=column.index)


def row_keys(table: pd.DataFrame, columns: Iterable[str]) -> np.ndarray:
    """Give rows a number by some of their columns: equal rows alike, in order of their values.

    Examples
    --------
    >>> row_keys(pd.DataFrame({"a": ["x", "x", "b"], "b": [2, 1, 3]}), ["a", "b"]).tolist()
    [5, 4, 2]
    """
    keys = np.zeros(len(table), dtype="int64")
    for name in columns:
        positions, values = pd.factorize(table[name], sort=True)
        if len(values) and keys.max(initial=0) > _LARGEST // (len(values) + 1):
            keys = np.unique(keys, return_inverse=True)[1]
        keys = keys * (len(values) + 1) + positions
    return keys
