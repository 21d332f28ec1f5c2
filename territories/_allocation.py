"""Sharing counts out among communes, totals conserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable


def shared_out(
    table: pd.DataFrame,
    parts: pd.DataFrame,
    *,
    on: str,
    measures: Iterable[str],
    whole: Iterable[str] = (),
) -> pd.DataFrame:
    """Give each row of a table to the communes that its code stands for.

    Parameters
    ----------
    table
        With the column `on`; every value of it stands in `parts`.
    parts
        Columns `on`, `code` (commune) and `part` (fractions that make 1 for each value of `on`).
    on
        Column of codes that may stand for several communes.
    measures
        Columns to share out, in proportion to the parts.
    whole
        Those of them that stay whole numbers, but in rows that are `masked`: the communes with the
        largest remainders get the units that are left, the lower code first where they are equal.

    Returns
    -------
    DataFrame
        The columns of `table`, and `code`, `part`, and `split` (True where the code stands for
        several communes); one row for each row of `table` and each of its communes, in the order
        of both.
    """
    ordered = parts.sort_values([on, "code"], ignore_index=True)
    ordered["split"] = ordered.groupby(on)["code"].transform("size") > 1
    numbered = table.reset_index(drop=True).rename_axis("_row").reset_index()
    shared = numbered.merge(ordered[[on, "code", "part", "split"]], on=on, how="left")
    shared = shared.sort_values(["_row", "code"], ignore_index=True)
    # A part of a masked cell stays a part: rounded, its bounds would be those of another number.
    masked = shared.get("masked", pd.Series(0, index=shared.index)) > 0
    for name in measures:
        exact = shared[name] * shared["part"]
        if name in set(whole):
            rounded = _whole(exact, shared)
            exact = exact.where(masked, rounded) if masked.any() else rounded
        shared[name] = exact
    return shared.drop(columns="_row")


def _whole(exact: pd.Series, shared: pd.DataFrame) -> pd.Series:
    """Round the parts of each row so that they make its total (largest remainders, Hamilton)."""
    # A part of 0.1 of 10 is 1, whatever the last bit says.
    floor = np.floor(exact.round(9))
    rows = shared["_row"]
    left = exact.groupby(rows).transform("sum") - floor.groupby(rows).transform("sum")
    remainder = (exact - floor).round(9)
    ranked = pd.DataFrame({"row": rows, "remainder": -remainder, "code": shared["code"]})
    order = ranked.sort_values(["row", "remainder", "code"]).groupby("row").cumcount()
    order = order.reindex(exact.index)
    # Units go first; the fraction of a total that is not whole goes to the next in order.
    units = np.floor(left.round(9))
    fraction = (left.round(9) - units).where(order == units, 0.0)
    rounded: pd.Series = floor + (order < units) + fraction
    return rounded if fraction.any() else rounded.astype("int64")
