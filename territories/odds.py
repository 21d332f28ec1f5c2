"""Odds ratios: whether a place attracts the people of a commune more than it attracts others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories.errors import InputError, fault, of_kind

if TYPE_CHECKING:
    from territories.flows import Flows

# Allocated stays are fractions: sums that differ by less than this are the same number.
_DECIMALS: Final = 6
_Z: Final = 1.96


def odds_ratios(flows: Flows, *, activity: str | None = None) -> pd.DataFrame:
    """Measure the attraction of each commune's people by each place they go to.

    With a = F[i,j] patients of residence i at destination j, b those of i elsewhere, c those of j
    from elsewhere and d all others, ``OR = (a+½)(d+½) / ((b+½)(c+½))`` and its 95 % interval is
    ``exp(ln OR ± 1.96 √(1/(a+½) + 1/(b+½) + 1/(c+½) + 1/(d+½)))``. Over 1, the place is chosen
    more by the people of this commune than by others. Weighing the size of both, it shows a small
    pole's own neighbours, which shares hide behind the large pole.

    Parameters
    ----------
    flows
        Located flows, grouped or not. With a layer, those between two places outside it are left
        out: what else an extract holds changes nothing. A masked cell counts as in the table.
    activity
        One activity; None: all added up.

    Returns
    -------
    DataFrame
        Indexed by (`residence`, `destination`), in order, every pair with patients: `patients`
        (exact, for the user's own eyes), `odds_ratio`, `low` and `high`.

    Raises
    ------
    InputError
        If the flows are not located or have no such activity.

    Notes
    -----
    Patients are not drawn independently (one may be seen several times), so the interval says at
    least how far chance goes, not more.

    References
    ----------
    Haldane (1956) and Anscombe (1956) for the halves, Woolf (1955) for the interval.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    table = flows.table[~(flows.external("residence") & flows.external("destination"))]
    if activity is not None:
        if activity not in flows.activities:
            known = ", ".join(flows.activities)
            raise InputError(fault("activity_not_here", value=repr(activity), values=known))
        table = table[table["activity"] == activity]
    keys = ["residence", "destination"]
    sums = table.groupby(keys)["patients"].sum()
    # Rounded before and after, so that what adds up to the same is the same.
    both = sums[sums.round(_DECIMALS) > 0].astype("float64").round(_DECIMALS)
    lived = both.groupby("residence").transform("sum").round(_DECIMALS)
    cared = both.groupby("destination").transform("sum").round(_DECIMALS)
    cells = [both, lived - both, cared - both, both.sum() - lived - cared + both]
    a, b, c, d = (each.round(_DECIMALS).to_numpy() + 0.5 for each in cells)
    logarithm = np.log(a) + np.log(d) - np.log(b) - np.log(c)
    spread = _Z * np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return pd.DataFrame(
        {
            "patients": sums[both.index],
            "odds_ratio": np.exp(logarithm),
            "low": np.exp(logarithm - spread),
            "high": np.exp(logarithm + spread),
        },
        index=both.index,
    )
