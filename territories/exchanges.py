"""What territories exchange: leakage and to which poles, attraction and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import pandas as pd

from territories import codes
from territories._words import say
from territories.communes import place_names
from territories.concordance import Concordance
from territories.errors import InputError, fault, of_kind
from territories.form import white_zones
from territories.stability import STABLE
from territories.travel import checked_times, distances, minutes_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from territories.flows import Flows
    from territories.zoning import Zoning


class Division(Protocol):
    """A zoning, or the membership of one that is known no more of."""

    @property
    def membership(self) -> pd.DataFrame:
        """Rows of `code`, `territory` and `weight`."""


# Sums of patients by weight that differ by less are the same number.
_DECIMALS: Final = 6

_OTHER: Final = {"residence": "destination", "destination": "residence"}
_DIRECTIONS: Final = {"leakage": "residence", "attraction": "destination"}


def cells(flows: Flows, *, by_activity: bool = False) -> pd.DataFrame:
    """Add located flows up by residence and destination, and by activity if asked.

    Raises
    ------
    InputError
        If the flows are not located.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    keys = ["residence", "destination", *(["activity"] if by_activity else [])]
    return flows.table.groupby(keys, as_index=False, observed=True)[["patients"]].sum()


def shared_out(zoning: Division, table: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Share cells out among the territories of their residence, or of their destination.

    Parameters
    ----------
    zoning
        Any zoning, or what has the membership of one.
    table
        From `cells`.
    by
        ``"residence"`` or ``"destination"``.

    Returns
    -------
    DataFrame
        The rows whose commune is in a territory, once for each: the columns of `table`,
        `territory`, `weight` (w_i of that commune) and `kept`: the part that stays in the
        territory, the smaller of the weights of both ends, so that the patients of a shared
        commune who are seen in it do not leave any of its territories.
    """
    member = zoning.membership
    here = table.merge(member.rename(columns={"code": by}), on=by, how="inner")
    there = member.rename(columns={"code": _OTHER[by], "weight": "weight_other"})
    both = here.merge(there, on=[_OTHER[by], "territory"], how="left")
    both["kept"] = np.minimum(both["weight"], both["weight_other"].fillna(0.0))
    return both.drop(columns="weight_other")


def totals(
    living: pd.DataFrame, cared: pd.DataFrame, keys: Sequence[str] = ("territory",)
) -> pd.DataFrame:
    """Add up what each territory keeps, sends and receives.

    Parameters
    ----------
    living, cared
        From `shared_out`, by residence and by destination.
    keys
        Columns to add up by.

    Returns
    -------
    DataFrame
        Indexed by the keys: `inside`, `sent`, `received` (patients), 0 where there are none.
    """
    sums = {
        name: (table["patients"] * table[weight]).groupby([table[key] for key in keys]).sum()
        for name, table, weight in (
            ("inside", living, "kept"),
            ("sent", living, "weight"),
            ("received", cared, "weight"),
        )
    }
    return pd.DataFrame(sums).fillna(0.0)


def exchanges(zoning: Zoning, flows: Flows, *, by_activity: bool = False) -> pd.DataFrame:
    """Tell to which places the patients of each territory leave it, and from where others come.

    Parameters
    ----------
    zoning
        Any zoning; shared communes count by weight.
    flows
        Located flows. Group them first to have poles instead of places (see `Flows.grouped`).
    by_activity
        Tell activities apart.

    Returns
    -------
    DataFrame
        One row for each exchange, in order of territory (then activity), ``leakage`` before
        ``attraction``, and patients descending (ties: `kind`, then `other`):

        `territory`; `activity` if asked; `direction`; `kind` and `other`: for leakage the place
        of care, a ``commune`` or, outside the layer, an ``external`` code; for attraction the
        ``territory`` of the residence, its department where it is ``external``, or ``uncovered``
        (`other` is then missing); `name` of the other; `other_territory`, the main territory of
        the place among those that are not this one (missing outside all); `patients`; `share` of
        all that the territory sends, or receives, for the activity if asked. Counts are exact, for
        the user's own eyes.

    Raises
    ------
    InputError
        If the flows are not located.

    Notes
    -----
    With `evaluate`: shares of leakage add up to `leakage`, those of attraction to `attraction`.
    """
    table = cells(flows, by_activity=by_activity)
    keys = ["territory", *(["activity"] if by_activity else [])]
    found = []
    for direction, by in _DIRECTIONS.items():
        ours = shared_out(zoning, table, by=by)
        whole = (ours["patients"] * ours["weight"]).groupby([ours[key] for key in keys]).sum()
        gone = ours.assign(
            patients=(ours["patients"] * (ours["weight"] - ours["kept"])).round(_DECIMALS)
        )
        gone = gone[gone["patients"] > 0]
        gone = _others(zoning, gone.rename(columns={_OTHER[by]: "place"}), direction)
        columns = [*keys, "kind", "other", "other_territory"]
        sums = gone.groupby(columns, as_index=False, dropna=False)[["patients"]].sum()
        index = [sums[key] for key in keys]
        base = whole.reindex(index[0] if len(keys) == 1 else pd.MultiIndex.from_arrays(index))
        found.append(sums.assign(direction=direction, share=sums["patients"] / base.to_numpy()))
    result = pd.concat(found, ignore_index=True)
    result["name"] = _names(zoning, result)
    order = pd.Categorical(result["direction"], list(_DIRECTIONS))
    result = result.assign(order=order.codes).sort_values(
        [*keys, "order", "patients", "kind", "other"],
        ascending=[*[True] * len(keys), True, False, True, True],
        ignore_index=True,
    )
    told = ["direction", "kind", "other", "name", "other_territory", "patients", "share"]
    return result.loc[:, [*keys, *told]]


def _others(zoning: Zoning, gone: pd.DataFrame, direction: str) -> pd.DataFrame:
    """Say what the other end of each exchange is: a place, a territory, a department."""
    member = zoning.membership.rename(columns={"territory": "other_territory", "code": "place"})
    pairs = gone[["territory", "place"]].drop_duplicates()
    # The first membership in order that is another territory: of the greatest weight.
    beside = pairs.merge(member, on="place", how="inner")
    beside = beside[beside["other_territory"] != beside["territory"]]
    beside = beside.drop_duplicates(["territory", "place"]).drop(columns="weight")
    gone = gone.merge(beside, on=["territory", "place"], how="left")
    external = ~gone["place"].isin(zoning.communes.index)
    if direction == "leakage":
        kind = np.where(external, "external", "commune")
        other = gone["place"]
    else:
        uncovered = gone["other_territory"].isna()
        kind = np.select([external, uncovered], ["external", "uncovered"], "territory")
        other = gone["other_territory"].where(~external, codes.department(gone["place"]))
    return gone.assign(
        kind=pd.Series(kind, index=gone.index, dtype="object"), other=other.astype("object")
    )


def _names(zoning: Zoning, table: pd.DataFrame) -> pd.Series:
    territory = table["kind"] == "territory"
    places = place_names(zoning.communes, sorted(table.loc[~territory, "other"].dropna().unique()))
    named = table["other"].map(places).astype("object")
    named = named.where(table["kind"] != "uncovered", say("white.uncovered"))
    theirs = table["other"].map(lambda each: zoning.names.get(each, each), na_action="ignore")
    return named.where(~territory, theirs)


def candidates(
    zoning: Zoning,
    flows: Flows,
    *,
    agreement: pd.DataFrame | None = None,
    stability: pd.DataFrame | None = None,
    times: pd.DataFrame | None = None,
    most: int = 3,
) -> pd.DataFrame:
    """List the poles that blank and frontier communes could turn to, and how far each is.

    Where flows do not decide, ease of travel does (METHOD, section 7).

    Parameters
    ----------
    zoning
        Any zoning: its white zones (see `white_zones`) are listed.
    flows
        Located flows.
    agreement
        Result of `concordance`: communes without a unique pole (``none``) are listed too.
    stability
        Result of `stability`, or `Runs.communes`: communes with their pole in less than 90 % of
        the runs are listed too.
    times
        Columns `residence`, `destination`, `minutes`; adds the column `minutes`.
    most
        Poles for each commune, at most.

    Returns
    -------
    DataFrame
        In order of `commune` and `rank` (1: most of the commune's patients; ties: the nearest,
        then the first code): `commune`, `name`, `reasons` (of ``uncovered``, ``enclave``,
        ``no_pole``, ``frontier``, separated by blanks), `territory` (its own main one), `rank`,
        `pole`, `pole_name`, `pole_territory` (missing outside), `patients`, `share` of the
        commune's patients, `distance_m` (metres in a straight line, missing for places not drawn).
        A commune without patients has one row without a pole. Counts are exact, for the user's own
        eyes.

    Raises
    ------
    InputError
        If the flows are not located, or `times` is not such a table.
    """
    table = cells(flows)
    timed = None if times is None else checked_times(times)
    reasons = _reasons(zoning, agreement, stability)
    sent = table[table["residence"].isin(reasons.index) & (table["patients"] > 0)]
    sent = sent.rename(columns={"residence": "commune", "destination": "pole"})
    total = sent.groupby("commune")["patients"].transform("sum")
    sent = sent.assign(
        patients=sent["patients"].round(_DECIMALS),
        share=sent["patients"] / total,
        distance_m=distances(zoning.communes, sent["commune"], sent["pole"]),
    )
    if timed is not None:
        sent["minutes"] = minutes_between(timed, sent["commune"], sent["pole"])
    nearest = "distance_m" if timed is None else "minutes"
    sent = sent.sort_values(
        ["commune", "patients", nearest, "pole"], ascending=[True, False, True, True]
    )
    sent["rank"] = sent.groupby("commune").cumcount() + 1
    sent = sent[sent["rank"] <= most]
    listed = reasons.rename_axis("commune").reset_index(name="reasons")
    result = listed.merge(sent, on="commune", how="left")
    result["rank"] = result["rank"].astype("Int64")
    result["name"] = result["commune"].map(zoning.communes["name"])
    result["territory"] = result["commune"].map(zoning.labels)
    names = place_names(zoning.communes, sorted(result["pole"].dropna().unique()))
    result["pole_name"] = result["pole"].map(names)
    result["pole_territory"] = result["pole"].map(zoning.labels)
    told = ["commune", "name", "reasons", "territory", "rank", "pole", "pole_name"]
    told += ["pole_territory", "patients", "share", "distance_m"]
    return result[[*told, *(["minutes"] if timed is not None else [])]]


def _reasons(
    zoning: Zoning, agreement: pd.DataFrame | None, stability: pd.DataFrame | None
) -> pd.Series:
    """Say why each commune has to choose, by code in order."""
    kinds = white_zones(zoning)["kind"]
    places = pd.Index(sorted(zoning.communes.index), name="commune")
    found = {"uncovered": kinds == "uncovered", "enclave": kinds == "enclave"}
    if agreement is not None:
        found["no_pole"] = agreement["concordance"] == Concordance.NONE
    if stability is not None:
        found["frontier"] = stability["core_share"] < STABLE
    flags = pd.DataFrame(
        {name: places.isin(marked.index[marked]) for name, marked in found.items()}, index=places
    )
    flags = flags[flags.any(axis=1)]
    return pd.Series(
        [
            " ".join(name for name, marked in zip(flags.columns, row, strict=True) if marked)
            for row in flags.itertuples(index=False)
        ],
        index=flags.index,
        dtype="object",
    )
