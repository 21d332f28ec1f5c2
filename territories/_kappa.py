"""Agreement of two series of labels beyond chance; missing where chance leaves nothing to agree."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd


def _numbered(first: pd.Series, second: pd.Series) -> tuple[np.ndarray, np.ndarray, int]:
    numbers, known = pd.factorize(pd.concat([first, second]), sort=True)
    return numbers[: len(first)], numbers[len(first) :], len(known)


def cohen(first: pd.Series, second: pd.Series) -> float:
    """Return Cohen's kappa of two series without missing values, in the same order.

    Missing where there is no row, or where both have one label only, the same: chance alone
    explains all of it.
    """
    one, two, known = _numbered(first, second)
    if known <= 1:
        return math.nan
    # In whole numbers: a table of all labels by all labels, as scikit-learn makes it, is hundreds
    # of megabytes for the poles of a country.
    rows = len(first)
    same = int((one == two).sum())
    seen = (np.bincount(each, minlength=known).astype("int64") for each in (one, two))
    chance = int(np.dot(*seen))
    return 1.0 - rows * (rows - same) / (rows**2 - chance)


def mutual(first: pd.Series, second: pd.Series) -> float:
    """Return the adjusted mutual information (arithmetic mean) of two divisions.

    The names of the labels do not matter. Missing where there is no row, or where each of the two
    has one label only: neither tells anything.
    """
    if len(first) == 0 or first.nunique() == second.nunique() == 1:
        return math.nan
    pairs = pd.DataFrame({"first": first.to_numpy(), "second": second.to_numpy()})
    if len(pairs.drop_duplicates()) == first.nunique() == second.nunique():
        return 1.0  # scikit-learn differs between versions where all are alone
    # A second to import, which only those who compare should wait for.
    from sklearn.metrics import adjusted_mutual_info_score  # noqa: PLC0415

    return float(adjusted_mutual_info_score(*_numbered(first, second)[:2]))
