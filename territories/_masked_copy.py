"""A copy of flows that may leave: small cells, and those of few professionals, are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from territories.flows import Flows

# What stands in a hidden cell; it is read as a masked one.
HIDDEN: Final = "s"


def masked_copy(flows: Flows, *, secrecy: Secrecy | None = None) -> tuple[pd.DataFrame, int]:
    """Lay located flows out so that they may be given away.

    Hidden are cells of 1 to 10 patients, those that were masked at the source, and all of an
    activity in a place with fewer than six professionals, where their number is known; then the
    smallest of the others, until the total of the account does not tell the hidden ones.

    Parameters
    ----------
    flows
        Located.
    secrecy
        Rule of disclosure; default ``Secrecy()``.

    Returns
    -------
    DataFrame, int
        `residence`, `activity`, `destination`, `patients` as text (``s`` where they are hidden)
        and `amount`, missing there; and how many cells are hidden.
    """
    door = secrecy or Secrecy()
    table = flows.table
    shown = door.counts(table["patients"])
    hidden = _with_others(table["patients"], shown.isna() | _sensitive(flows, door), door)
    copy = table[["residence", "activity", "destination"]].copy()
    copy["patients"] = shown.astype("str").mask(hidden, HIDDEN).astype("str")
    if "amount" in table:
        copy["amount"] = table["amount"].mask(hidden)
    return copy, int(hidden.sum())


def _sensitive(flows: Flows, door: Secrecy) -> pd.Series:
    """Tell the cells that are hidden whatever their count."""
    table = flows.table
    sensitive = pd.Series(data=False, index=table.index)
    if "masked" in table:
        sensitive |= table["masked"] > 0
    if flows.professionals is not None:
        cells = pd.MultiIndex.from_frame(table[["activity", "destination"]])
        number = flows.professionals.reindex(cells).fillna(0)
        sensitive |= number.between(1, door.professionals - 1).to_numpy()
    return sensitive


def _with_others(patients: pd.Series, hidden: pd.Series, door: Secrecy) -> pd.Series:
    """Hide the smallest other cells too, while who knows the total finds the hidden ones."""
    number, left = int(hidden.sum()), float(patients[hidden].sum())
    more = []
    others = patients[~hidden & (patients > 0)].sort_values(kind="stable")
    for row, count in others.items():
        # Alone, or each little more than one patient (see `Secrecy.parts`).
        if number == 0 or (number > 1 and left >= door.threshold + number):
            break
        more.append(row)
        number, left = number + 1, left + float(count)
    return hidden | hidden.index.isin(more)
