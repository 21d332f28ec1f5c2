"""What sums and means tell of small counts that are not shown beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from territories.flows import Flows
    from territories.secrecy import Secrecy
    from territories.zoning import Zoning

_DECIMALS: Final = 6

# A mean, a sum and the counts that others show leave as many unknown as this at least.
_PAIRS: Final = 4

# Steps that shares are rounded to.
_STEPS: Final = tuple(
    sorted(round(head * 10.0**-power, power) for power in range(8) for head in (1, 2, 5))
)

_SHARE_DIGITS: Final = 4


def few_travel(
    table: pd.DataFrame, *, by: str, secrecy: Secrecy, apart: pd.Series | None = None
) -> pd.Series:
    """Tell of which groups a mean distance of patients would tell a small count.

    Parameters
    ----------
    table
        `residence`, `destination`, `patients` and the column of groups.
    by
        That column.
    secrecy
        The rule.
    apart
        Rows that have no distance; default those of patients seen where they live.

    Returns
    -------
    Series
        Indexed by group: True where those with a distance or those without are few, or where a
        small count is among fewer than four: three and their mean leave too little unknown.
    """
    pairs = table.assign(
        home=table["residence"] == table["destination"] if apart is None else apart
    )
    pairs = (
        pairs.groupby([by, "residence", "destination"])[["patients"]]
        .sum()
        .join(pairs.groupby([by, "residence", "destination"])["home"].first())
    )
    pairs = pairs[pairs["patients"] > 0]
    patients, groups = pairs["patients"], pairs.index.get_level_values(by)
    sums = patients.groupby(groups).sum()
    home = patients.where(pairs["home"], 0.0).groupby(groups).sum()
    small = patients.map(secrecy.hides).astype("bool").groupby(groups).any()
    few = secrecy.shares(home, sums).isna()
    few |= small & (patients.groupby(groups).size() < _PAIRS)
    return few.reindex(table[by].drop_duplicates().sort_values(), fill_value=False)


def rounded_rate(rate: pd.Series, population: pd.Series, *, secrecy: Secrecy) -> pd.Series:
    """Round rates per 1 000 inhabitants so that no number of patients is found from them.

    The inhabitants are known: 43.2 per 1 000 of 1 000 people are 43 patients, and less the 40 of
    one commune the 3 of another. A step is what the threshold makes at least, of 1, 2 or 5 times a
    power of ten, 0.1 for large populations. What would become 0 and is not is missing.
    """
    step = _steps(population, secrecy) * 1_000
    step = step.clip(lower=0.1)
    shown = ((rate / step).round() * step).round(1)
    return shown.where((shown > 0) | (rate == 0))


def rounded_share(share: pd.Series, whole: pd.Series, *, secrecy: Secrecy) -> pd.Series:
    """Round shares, as `rounded_rate` does rates, so that parts of one whole are not subtracted.

    What is not 0 is one step at least, what is not all a step less; 0.001 for large wholes.
    """
    step = _steps(whole, secrecy).clip(lower=0.001, upper=0.5)
    shown = (share / step).round() * step
    shown = shown.mask((share > 0) & (shown < step), step)
    return shown.mask((share < 1) & (shown > 1 - step), 1 - step).round(_SHARE_DIGITS)


def _steps(whole: pd.Series, secrecy: Secrecy) -> pd.Series:
    """Return the least step of which the threshold is not more, as a part of the whole."""
    base = whole.astype("float64")
    least = (secrecy.threshold / base.where(base > 0)).to_numpy()
    places = np.searchsorted(_STEPS, least, side="left").clip(max=len(_STEPS) - 1)
    return pd.Series(np.array(_STEPS)[places], index=whole.index)


def found_by_sum(counts: pd.Series, hidden: pd.Series, *, secrecy: Secrecy) -> bool:
    """Tell whether who knows the sum of a column, and what is shown of it, finds what is not."""
    left = counts[hidden]
    if not left.gt(0).any():
        return False  # nothing but zeros, which may be shown
    return len(left) < 2 or round(float(left.sum()), _DECIMALS) < secrecy.threshold + len(left)  # noqa: PLR2004 - two


def practising(flows: Flows, poles: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Count who practises each activity, and at its pole; 0 where the flows name places only."""
    if flows.professionals is None:
        return poles.map(lambda _: 0), poles.map(lambda _: 0)
    everyone = flows.professionals.groupby(level="activity").sum()
    there = flows.professionals.reindex(pd.MultiIndex.from_arrays([poles.index, poles]))
    return (
        everyone.reindex(poles.index).fillna(0),
        pd.Series(there.fillna(0).to_numpy(), index=poles.index),
    )


def practising_in(zoning: Zoning, flows: Flows, like: pd.DataFrame) -> pd.Series:
    """Count who practises each activity in each territory, in the order of a table of both."""
    pairs = pd.MultiIndex.from_product([like.index, like.columns])
    if flows.professionals is None:
        return pd.Series(0, index=pairs)
    each = flows.professionals.rename("number").reset_index()
    held = each.merge(zoning.membership, left_on="destination", right_on="code")
    return held.groupby(["territory", "activity"])["number"].sum().reindex(pairs).fillna(0)
