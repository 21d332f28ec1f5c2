"""Where residents of a territory go and others come from, and what of it may be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._told import rounded_share
from territories.exchanges import cells, exchanges, shared_out

if TYPE_CHECKING:
    from territories.flows import Flows
    from territories.secrecy import Secrecy
    from territories.zoning import Zoning

_POLES: Final = 4


def leaving(zoning: Zoning, flows: Flows) -> pd.DataFrame:
    """Add up where the residents of each territory are treated: exact, for the user's own eyes.

    Returns
    -------
    DataFrame
        By decreasing patients: `territory`, `place` (empty for what stays inside), `name` and
        `other_territory` of the place, and `patients`; of a commune that is shared, what stays in
        a territory is the smaller of both ends' parts.
    """
    return _exchanged(zoning, flows, "leakage")


def coming(zoning: Zoning, flows: Flows) -> pd.DataFrame:
    """Add up where those whom each territory treats live: as `leaving`, the other way.

    A `place` is then a territory, or a department outside the layer.
    """
    return _exchanged(zoning, flows, "attraction")


def _exchanged(zoning: Zoning, flows: Flows, direction: str) -> pd.DataFrame:
    end = "residence" if direction == "leakage" else "destination"
    ours = shared_out(zoning, cells(flows), by=end)
    kept = (ours["patients"] * ours["kept"]).groupby(ours["territory"]).sum()
    away = exchanges(zoning, flows)
    away = away[away["direction"] == direction]
    place = away["other"]
    if direction == "attraction":  # a department and a territory may have the same code
        place = away["kind"].astype("object") + " " + place.astype("object").fillna("")
    columns = ["territory", "place", "name", "other_territory", "patients"]
    inside = kept.rename("patients").reset_index().assign(place="", name="", other_territory=None)
    both = pd.concat(
        [inside[columns].astype("object"), away.assign(place=place)[columns].astype("object")],
        ignore_index=True,
    )
    both["patients"] = both["patients"].astype("float64").round(6)
    some: pd.DataFrame = both[both["patients"] > 0]
    return some.sort_values(
        ["territory", "patients", "place"], ascending=[True, False, True], ignore_index=True
    )


def first_poles(
    shares: pd.DataFrame, practitioners: pd.Series, door: Secrecy
) -> list[tuple[str, float]]:
    """List the first places that the residents of one territory leave for, and the part they take.

    Parameters
    ----------
    shares
        Rows of `leaving`, or of `coming`, of one territory.
    practitioners
        Of each place, where they are known: those of fewer than the threshold are not shown. Empty
        for where people come from.
    door
        Rule of disclosure: shares are rounded (see `rounded_share`). What is not listed is at
        least two places, and no few patients, so that nothing is found from the share that stays
        inside.
    """
    sums = shares.set_index("place")["patients"].astype("float64")
    total = float(sums.sum())
    allowed = door.parts({str(name): float(part) for name, part in sums.items()})
    few = practitioners.reindex(sums.index).between(1, door.professionals - 1)
    secret = {name for name in sums.index if allowed[name] is None or few[name]}
    if "" in sums.index and "" in secret:
        return []
    shown = [name for name in sums.index if name and name not in secret][:_POLES]
    while shown:
        rest = [name for name in sums.index if name and name not in shown]
        left = float(sums[rest].sum())
        if not rest or (len(rest) > 1 and not door.hides(left)) or not secret & set(rest):
            break
        shown.pop()
    told = rounded_share(sums / total, sums * 0 + total, secrecy=door)
    return [(name, float(told[name])) for name in shown]
