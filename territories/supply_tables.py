"""Tables of supply and recourse that may be shown: small counts, and what tells them, are blank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._told import found_by_sum, rounded_rate
from territories._words import say
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS: Final = 1
_SHARE_DIGITS: Final = 4
_DECIMALS: Final = 6


def supply_table(
    table: pd.DataFrame,
    *,
    names: Mapping[str, str] | pd.Series | None = None,
    secrecy: Secrecy | None = None,
) -> pd.DataFrame:
    """Lay densities out as they may be shown.

    Parameters
    ----------
    table
        Result of `density`.
    names
        Name of each zone.
    secrecy
        The rule: numbers of professionals from 1 to ``professionals - 1`` are blank, and with them
        the density (the inhabitants are known), the mean age and the share over 60. That share is
        blank too where those over 60, or the others, are so few. 0 is shown.

    Returns
    -------
    DataFrame
        Headings in the language of the moment, a row for each zone and activity. One table keeps
        its own secrets; of communes beside one of their territories, of which one number is the
        sum of the others, show one of the two.
    """
    door = secrecy or Secrecy()
    number = table["professionals"].astype("float64")
    hidden = _few(number, door.professionals)
    over = number * table["share_over_60"]
    over_hidden = hidden | _few(over, door.professionals) | _few(number - over, door.professionals)
    shown = pd.DataFrame(
        {
            "population": _whole(table["population"]),
            "professionals": number.round(_DIGITS).mask(hidden),
            "density": table["density"].round(_DIGITS).mask(hidden),
            "mean_age": table["mean_age"].round(_DIGITS).mask(hidden),
            "share_over_60": table["share_over_60"].round(_SHARE_DIGITS).mask(over_hidden),
        }
    )
    return _labelled(shown, names)


def recourse_table(
    table: pd.DataFrame,
    *,
    names: Mapping[str, str] | pd.Series | None = None,
    secrecy: Secrecy | None = None,
) -> pd.DataFrame:
    """Lay rates of recourse out as they may be shown.

    Parameters
    ----------
    table
        Result of `recourse`, whole: what is hidden depends on the other rows.
    names
        Name of each zone.
    secrecy
        The rule: the inhabitants being known, a rate is a count. It is blank where the count is
        from 1 to 10; where liberal and hospital care are side by side, both are then, and their
        sum too if it would tell one. As the region's rate is the sum of all, the zones with fewest
        patients are blank beside a single blank one; where even that does not do, the region's
        rate is blank. Rates are rounded to what eleven patients make there (at least 0.1), so
        that those of communes and of their territories are not subtracted from each other.

    Returns
    -------
    DataFrame
        Headings in the language of the moment, a row for each zone and activity; rates per 1 000
        inhabitants. No count of patients, nor the bounds of masked cells, are among it. See
        `supply_table` for tables side by side.
    """
    door = secrecy or Secrecy()
    both = "total" in table
    sides = ("liberal", "hospital", "total") if both else ("liberal",)
    hidden, regions = _hidden(table, sides, door)
    shown = {"population": _whole(table["population"])}
    for side in sides:
        rate = table[f"{side}_rate"].mask(hidden[side])
        rate = rounded_rate(rate, table["population"], secrecy=door)
        region = _region_rate(table, table[f"{side}_region"].mask(regions[side]), door)
        shown[f"{side}_rate"] = rate
        shown[f"{side}_region"] = region
        # As different as the two figures that are shown.
        shown[f"{side}_difference"] = (rate - region).round(_DIGITS)
    if both:
        shown["hospital_share"] = (
            table["hospital_share"].mask(hidden["hospital"] | hidden["total"]).round(_SHARE_DIGITS)
        )
        filled = table["filled"].map({True: say("supply.yes"), False: say("supply.no")})
        filled = filled.astype("object").where(filled.notna(), "")
        shown["filled"] = filled.mask(hidden["liberal"], "")
    return _labelled(pd.DataFrame(shown), names)


def gap_table(
    found: pd.DataFrame,
    table: pd.DataFrame,
    *,
    names: Mapping[str, str] | pd.Series | None = None,
    travelled: bool = True,
    secrecy: Secrecy | None = None,
) -> pd.DataFrame:
    """Lay the candidates for advanced consultations out as they may be shown.

    Parameters
    ----------
    found
        Result of `gaps`.
    table
        The result of `recourse` it comes from: a rate is blank here where it is in
        `recourse_table`.
    names
        Name of each zone.
    travelled
        The distances are weighted by patients: blank where the rate is. False: they are those to
        the nearest place, which tell nothing of patients.
    secrecy
        See `recourse_table`.

    Returns
    -------
    DataFrame
        Headings in the language of the moment, by rank; distances in km. Missing patients are not
        among it: they are told by the rates that are shown.
    """
    door = secrecy or Secrecy()
    sides = ("liberal", "hospital", "total") if "total" in table else ("liberal",)
    hidden, regions = _hidden(table, sides, door)
    blank, unknown = (each[sides[-1]].reindex(found.index) for each in (hidden, regions))
    distance = (found["distance_m"] / 1_000).round(_DIGITS)
    shown = {
        "rank": found["rank"],
        "population": _whole(found["population"]),
        "distance_km": distance.mask(blank) if travelled else distance,
        "rate": rounded_rate(found["rate"].mask(blank), found["population"], secrecy=door),
        "expected_rate": _region_rate(table, table[f"{sides[-1]}_region"], door)
        .reindex(found.index)
        .mask(unknown),
    }
    if "accessibility" in found:
        shown["accessibility"] = found["accessibility"].round(_DIGITS)
    if "priority" in found:
        shown["priority"] = found["priority"]
        shown["priority_share"] = found["priority_share"].round(_SHARE_DIGITS)
    return _labelled(pd.DataFrame(shown), names)


def _region_rate(table: pd.DataFrame, rate: pd.Series, door: Secrecy) -> pd.Series:
    """Round the region's rate, as that of the inhabitants of all zones."""
    people = table["population"].groupby(level="activity").transform("sum")
    return rounded_rate(rate, people, secrecy=door)


def _few(number: pd.Series, threshold: int) -> pd.Series:
    exact = number.round(_DECIMALS)
    return (exact > 0) & (exact < threshold)


def _whole(population: pd.Series) -> pd.Series:
    return population.round().astype("Int64")


def _hidden(
    table: pd.DataFrame, sides: tuple[str, ...], door: Secrecy
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Tell, for each side, the rows to hide, and those whose region's rate must be hidden too."""
    nothing = pd.Series(index=table.index[:0], dtype="bool")  # there may be no zone, or no activity
    rows: dict[str, list[pd.Series]] = {side: [nothing] for side in sides}
    regions: dict[str, list[pd.Series]] = {side: [nothing] for side in sides}
    for _, part in table[list(sides)].groupby(level="activity"):
        hidden, found = _of_activity(part.sort_index(), door)
        for side in sides:
            rows[side].append(hidden[side])
            regions[side].append(pd.Series(found[side], index=part.index))
    return (
        {side: pd.concat(each).reindex(table.index) for side, each in rows.items()},
        {side: pd.concat(each).reindex(table.index) for side, each in regions.items()},
    )


def _of_activity(part: pd.DataFrame, door: Secrecy) -> tuple[pd.DataFrame, dict[str, bool]]:
    """Tell what to hide of the zones of one activity, and of its region."""
    every = [str(side) for side in part]
    sides = [side for side in every if side != "total"]
    counts = part.astype("float64").fillna(0.0)
    small = counts[sides].apply(lambda column: _few(column, door.threshold)).any(axis=1)
    hidden = pd.DataFrame(dict.fromkeys(every, small), index=part.index)
    if "total" in every:
        tells = [
            door.hides_total(dict(zip(sides, row, strict=True)))
            for row in counts.loc[small, sides].itertuples(index=False, name=None)
        ]
        told_by_total = pd.Series(tells, index=part.index[small], dtype="bool")
        total = _few(counts["total"], door.threshold)
        total |= told_by_total.reindex(part.index, fill_value=False)
        hidden = hidden.assign(**{side: hidden[side] | total for side in sides}, total=total)
    # The region's rate is the sum of the column: the least zones are hidden until the sum of those
    # hidden tells none of them. What is hidden of the total is hidden of both of its parts.
    order = counts.sum(axis=1).sort_values(kind="stable").index
    for zone in order:
        told = [side for side in every if found_by_sum(counts[side], hidden[side], secrecy=door)]
        if not told:
            break
        if counts.loc[zone].sum() > 0:
            hidden.loc[zone, sides] = True
            if "total" in told:
                hidden.loc[zone, "total"] = True
    found = {side: found_by_sum(counts[side], hidden[side], secrecy=door) for side in every}
    if any(found[side] for side in found if side != "total") and "total" in found:
        # Both parts and the total of a region are tied as those of a zone are.
        found = dict.fromkeys(found, True)
    return hidden.astype("bool"), found


def _labelled(shown: pd.DataFrame, names: Mapping[str, str] | pd.Series | None) -> pd.DataFrame:
    """Give rows and columns the words people see."""
    zone = shown.index.get_level_values("zone")
    known = {} if names is None else dict(names)
    table = shown.reset_index(drop=True)
    table.insert(0, "zone", list(zone))
    table.insert(1, "activity", list(shown.index.get_level_values("activity")))
    if known:
        table.insert(1, "name", [known.get(each, each) for each in zone])
    return table.rename(columns={name: say(f"supply.{name}") for name in table.columns})
