"""The hierarchy of poles: which depends on which, after Nystuen and Dacey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories.errors import InputError, fault, of_kind

if TYPE_CHECKING:
    from territories.flows import Flows

# Allocated stays are fractions: sums that differ by less than this are the same number.
_DECIMALS: Final = 6


def pole_hierarchy(flows: Flows) -> pd.DataFrame:
    """Order the poles by their largest flows.

    A pole depends on the place to which most of its own residents' patients go, itself aside, if
    that place receives more than it does; what a place receives is counted without its own
    residents, all activities together. A chain of dependence never closes, since it only rises.

    Parameters
    ----------
    flows
        Located flows, grouped or not. Residents of places outside the layer count in what a pole
        receives; places outside are not poles here, and flows to them are left out: what they
        receive is known in part only. Without a layer every destination is a pole. The residents
        of a suburb that was grouped count with their own commune, not with the pole's.

    Returns
    -------
    DataFrame
        Indexed by pole (each place that receives patients, its own too), in order: `received`
        (patients from elsewhere: exact, for the user's own eyes); `towards`, the pole to which most
        of its residents' patients go, missing where they go to no other pole; `rank`:
        ``dominated`` (`towards` receives more, and no pole depends on this one), ``intermediate``
        (the same, but some pole depends on it) or ``dominant`` (`towards` receives no more than
        it, or there is none). Where flows are equal, `towards` is the pole that receives more,
        then the lower code; between two that receive as much, neither depends on the other.

    Raises
    ------
    InputError
        If the flows are not located.

    References
    ----------
    Nystuen and Dacey (1961), A graph theory interpretation of nodal regions.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    table = flows.table[~flows.external("destination")]
    keys = ["residence", "destination"]
    sums = table.groupby(keys)["patients"].sum().round(_DECIMALS)
    cells = sums[sums > 0].reset_index()
    poles = pd.Index(sorted(cells["destination"].unique()), name="pole", dtype="str")
    others = cells[cells["residence"] != cells["destination"]]
    received = others.groupby("destination")["patients"].sum().round(_DECIMALS)
    received = received.reindex(poles, fill_value=0)

    leaving = others[others["residence"].isin(poles)]
    leaving = leaving.assign(there=leaving["destination"].map(received).to_numpy())
    leaving = leaving.sort_values(
        ["residence", "patients", "there", "destination"], ascending=[True, False, False, True]
    )
    first = leaving.drop_duplicates("residence").set_index("residence").reindex(poles)
    depends = np.asarray(first["there"].fillna(-1) > received, dtype=bool)
    relied_on = poles.isin(first.loc[depends, "destination"])
    rank = np.select([~depends, relied_on], ["dominant", "intermediate"], default="dominated")
    return pd.DataFrame(
        {
            "received": received,
            "towards": first["destination"],
            "rank": pd.Series(rank, index=poles, dtype="str"),
        },
        index=poles,
    )
