"""The evidence as tables that may be shown: what the report and the workbook hold besides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories._kept import beside
from territories._leaving import coming, first_poles, leaving
from territories._shown import Evidence, held_figures, territory_table
from territories._told import few_travel, found_by_sum, practising, practising_in, rounded_share
from territories._words import Language, Sentence, number, say, using
from territories.basins import recruitment_basins
from territories.communes import place_names
from territories.comparison import compare
from territories.concordance import agreement_figures
from territories.dominance import pole_hierarchy
from territories.evaluation import evaluate_by_activity
from territories.exchanges import candidates
from territories.poles import dominant_poles
from territories.recourse import care_distance, gaps, recourse
from territories.secrecy import Secrecy
from territories.specialties import activity_scale, practitioners, presence
from territories.superposition import superposition
from territories.supply import density
from territories.supply_tables import gap_table, recourse_table, supply_table
from territories.tables import Kind, Sheet, alphabetical, sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from territories.flows import Flows
    from territories.sensitivity import LeaveOneOut
    from territories.supply import Supply
    from territories.zoning import Zoning

_METRES: Final = 1_000.0  # in a kilometre
_SHARE_DIGITS: Final = 4
_PLACE: Final = ["name", "other_territory"]


def findings(
    zoning: Zoning,
    evidence: Evidence,
    *,
    left_out: LeaveOneOut | None = None,
    supply: Supply | None = None,
    others: Mapping[str, Zoning] | None = None,
    secrecy: Secrecy | None = None,
    language: Language = "fr",
) -> list[Sheet]:
    """List the tables of the evidence, ready to be given away.

    Parameters
    ----------
    zoning
        The division.
    evidence
        What is known of the communes; what it lacks gives no table.
    left_out
        Result of `leave_one_out`.
    supply
        Professionals by commune.
    others
        Other zonings, by name: their zones that are cut are listed.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    language
        Of names, titles and columns.

    Returns
    -------
    list of Sheet
        Those of which there is something to tell.
    """
    door = secrecy or Secrecy()
    flows = evidence.flows
    with using(language):
        known = replace(evidence, held=held_figures(zoning, evidence, secrecy=door))
    makers: list[Callable[[], Sheet]] = []
    if flows is not None:
        makers += [
            lambda: scales_sheet(flows, zoning, door),
            lambda: superposition_sheet(flows, zoning),
            lambda: poles_sheet(flows, zoning),
            lambda: activities_sheet(zoning, flows, door),
            lambda: leakage_sheet(zoning, known, flows, door),
            lambda: candidates_sheet(zoning, flows, evidence, door),
        ]
    if left_out is not None:
        makers.append(lambda: left_out_sheet(left_out))
    if evidence.hospital is not None:
        agreement = evidence.hospital
        makers.append(lambda: hospital_sheet(agreement, zoning))
    stays = evidence.stays
    if stays is not None:
        makers.append(lambda: basins_sheet(stays, zoning, door))
    if supply is not None:
        makers.append(lambda: supply_sheet(zoning, supply, door))
    if flows is not None:
        makers += [
            lambda: recourse_sheet(zoning, flows, door),
            lambda: gaps_sheet(zoning, flows, door),
        ]
    if others:
        makers.append(lambda: cut_sheet(zoning, others))
    with using(language):
        made = [sheet for make in makers if len((sheet := make()).table)]
        if evidence.held is None:  # else who asks for them keeps the rest back
            made, _ = beside(made, zoning, known, secrecy=door)
    return made


def _labelled(key: str, columns: Mapping[str, tuple[pd.Series, Kind]]) -> Sheet:
    """Put columns beside each other under their words."""
    heads = {name: say(f"findings.{name}") for name in columns}
    table = pd.DataFrame({heads[name]: values for name, (values, _) in columns.items()})
    kinds: dict[str, Kind] = {heads[name]: kind for name, (_, kind) in columns.items()}
    return sheet(key, table, {name: kind for name, kind in kinds.items() if kind != "text"})


def _named(zoning: Zoning, codes: pd.Series) -> pd.Series:
    names = place_names(zoning.communes, sorted(codes.dropna().unique()))
    return codes.map(names)


def scales_sheet(flows: Flows, zoning: Zoning, door: Secrecy) -> Sheet:
    """Tell at which scale each activity is organised (see `activity_scale`)."""
    table = activity_scale(flows)
    seen = flows.table.groupby("activity")["patients"].sum().reindex(table.index)
    first = door.shares(table["first_share"] * seen, seen)
    everyone, there = practising(flows, table["first_pole"])
    first = first.mask(there.between(1, door.professionals - 1))
    # A distance is a mean of patients: of few, or of few practitioners, it is theirs.
    told = ~few_travel(flows.table, by="activity", secrecy=door).reindex(table.index)
    told &= ~everyone.between(1, door.professionals - 1)
    scale = table["scale"].map(lambda each: say(f"findings.{each}"), na_action="ignore")
    return _labelled(
        "scale",
        {
            "activity": (table.index.to_series(), "text"),
            "scale": (scale, "text"),
            "poles": (table["poles"], "integer"),
            "places": (table["places"], "integer"),
            "distance_km": (
                (table["distance_m"] / _METRES).where(told).round(1),
                "number",
            ),
            "first_pole": (_named(zoning, table["first_pole"]), "text"),
            "first_share": (rounded_share(first, seen, secrecy=door), "share"),
        },
    )


def superposition_sheet(flows: Flows, zoning: Zoning) -> Sheet:
    """Compare the catchments of the activities, two by two (see `superposition`)."""
    found = superposition(dominant_poles(flows), communes=zoning.communes)
    table = found.pairs.reset_index()
    made = _labelled(
        "superposition",
        {
            "first": (table["first"], "text"),
            "second": (table["second"], "text"),
            "communes": (table["communes"], "integer"),
            "agreement": (table["agreement"], "share"),
            "population_agreement": (table["population_agreement"], "share"),
            "kappa": (table["kappa"], "index"),
            "ami": (table["ami"], "index"),
        },
    )
    values = {"communes": found.fleiss_communes, "value": _written(found.fleiss)}
    return replace(made, note=f"{made.note} {Sentence('findings.fleiss', values)}")


def poles_sheet(flows: Flows, zoning: Zoning) -> Sheet:
    """List the poles that dominate some commune: their rank, and what is practised there."""
    dominant = dominant_poles(flows).table["pole"].dropna().reset_index()
    table = pole_hierarchy(flows)
    kept = sorted(set(dominant["pole"]) & set(table.index))
    table = table.loc[kept]
    here = presence(flows).reindex(kept)
    lacking = [
        ", ".join(name for name, found in zip(here.columns, row, strict=True) if not found)
        for row in here.to_numpy(dtype=bool)
    ]
    communes = dominant.groupby("pole")["commune"].nunique().reindex(kept)
    code = table.index.to_series()
    # Most of those it dominates first.
    order = np.lexsort((table.index, -communes.to_numpy()))
    rank = table["rank"].map(lambda each: say(f"findings.{each}"))
    towards = table["towards"].where(table["rank"] != "dominant")
    columns: dict[str, tuple[pd.Series, Kind]] = {
        "pole": (code, "text"),
        "pole_name": (_named(zoning, code), "text"),
        "rank": (rank, "text"),
        "towards": (_named(zoning, towards), "text"),
        "dominated_communes": (communes, "integer"),
        "lacking": (pd.Series(lacking, index=table.index), "text"),
    }
    return _labelled(
        "poles", {name: (values.iloc[order], kind) for name, (values, kind) in columns.items()}
    )


def left_out_sheet(found: LeaveOneOut) -> Sheet:
    """Tell what changes when each activity is left out."""
    table = found.activities
    columns: dict[str, tuple[pd.Series, Kind]] = {
        "activity": (table.index.to_series(), "text"),
        "class_changed": (table["class_changed"], "integer"),
        "pole_changed": (table["pole_changed"], "integer"),
        "territory_changed": (table["territory_changed"], "integer"),
        "territory_population": (table["territory_population"], "integer"),
        "territories": (table["territories"], "integer"),
        "ari": (table["ari"], "index"),
        "same_people": (table["population_agreement"], "share"),
    }
    return _labelled("left_out", columns)


def hospital_sheet(agreement: pd.DataFrame, zoning: Zoning) -> Sheet:
    """Sum up how far liberal care and hospital agree (from `hospital_agreement`)."""
    found = agreement_figures(agreement, communes=zoning.communes)
    table = found.table
    made = _labelled(
        "hospital",
        {
            "agreement_state": (
                table.index.to_series().map(lambda each: say(f"agreement.{each}")),
                "text",
            ),
            "communes": (table["communes"], "integer"),
            "communes_share": (table["communes_share"], "share"),
            "population": (table["population"], "integer"),
            "population_share": (table["population_share"], "share"),
        },
    )
    values = {
        "communes": _written(100 * found.agreement, 0),
        "people": _written(100 * found.population_agreement, 0),
        "kappa": _written(found.kappa),
        "ami": _written(found.ami),
    }
    return replace(made, note=f"{made.note} {Sentence('findings.hospital_kappa', values)}")


def _written(value: float, digits: int = 2) -> str:
    return "–" if np.isnan(value) else number(value, digits=digits)


def basins_sheet(stays: Flows, zoning: Zoning, door: Secrecy) -> Sheet:
    """Measure the recruitment basins of the hospitals."""
    table = recruitment_basins(stays)
    known = table["stays"] >= door.threshold
    place = pd.Series(table.index, index=table.index)
    if stays.sites is not None:
        where = stays.sites.drop_duplicates("site").set_index("site")["destination"]
        place = place.map(where)
    return _labelled(
        "basins",
        {
            "site": (table.index.to_series(), "text"),
            "site_commune": (_named(zoning, place), "text"),
            "communes": (table["communes"].where(known), "integer"),
            "population": (table["population"].where(known), "integer"),
        },
    )


def activities_sheet(zoning: Zoning, flows: Flows, door: Secrecy) -> Sheet:
    """Lay the leakage of each territory out by activity.

    What one territory loses another receives: a share that is hidden hides those of its activity.
    A territory's part of an activity that few practise there is their own figure. And as all
    activities add up to the territory's own share, none is hidden alone.
    """
    table = evaluate_by_activity(zoning, flows)
    counts = {name: table[name].unstack("activity").fillna(0.0) for name in ("inside", "sent")}
    counts["lost"] = counts["sent"] - counts["inside"]
    lost = door.shares(table["sent"] - table["inside"], table["sent"]).unstack("activity")
    secret = lost.isna() & (counts["sent"] > 0)
    few = practising_in(zoning, flows, lost).between(1, door.professionals - 1)
    secret |= few.to_numpy().reshape(lost.shape)
    hidden = secret | (lost.isna() & (counts["sent"] > 0)).any()
    for territory in lost.index[secret.any(axis=1)]:
        for name in counts["sent"].loc[territory].sort_values(kind="stable").index:
            if not any(
                found_by_sum(each.loc[territory], hidden.loc[territory], secrecy=door)
                for each in counts.values()
            ):
                break
            hidden.loc[territory, name] = True
    for name, sent in counts["sent"].items():
        lost[name] = rounded_share(lost[name].mask(hidden[name]), sent, secrecy=door)
    named = {each: str(zoning.names.get(each, each)) for each in lost.index}
    lost = lost.loc[sorted(lost.index, key=lambda each: (alphabetical(named[each]), each))]
    names = [named[each] for each in lost.index]
    heads = [say("findings.leakage_of", activity=name) for name in lost.columns]
    shown = lost.set_axis(heads, axis=1)
    shown.insert(0, say("findings.territory"), names)
    return sheet("activities", shown, dict.fromkeys(heads, "share"))


def leakage_sheet(zoning: Zoning, evidence: Evidence, flows: Flows, door: Secrecy) -> Sheet:
    """Tell to which places the patients of each territory leave it, and from where others come.

    As on the pages of the territories: nothing is told of a territory whose own share is hidden.
    """
    measures = territory_table(zoning, replace(evidence, flows=flows), secrecy=door)
    sides = {
        "leakage": (leaving(zoning, flows), practitioners(flows), measures[say("column.li")]),
        "attraction": (
            coming(zoning, flows),
            pd.Series(dtype="int64"),
            measures[say("column.msi")],
        ),
    }
    rows = []
    for territory in zoning.territories.index:
        for direction, (table, counts, shown) in sides.items():
            own = table[table["territory"] == territory]
            if pd.isna(shown[territory]):
                continue
            told = own.drop_duplicates("place").set_index("place")
            for place, share in first_poles(own, counts, door):
                rows.append([territory, direction, *told.loc[place, _PLACE], share])
    columns = ["territory", "direction", *_PLACE, "share"]
    table = pd.DataFrame(rows, columns=columns, dtype="object")
    named = {each: zoning.names.get(each, each) for each in zoning.territories.index}
    return _labelled(
        "leakage",
        {
            "territory": (table["territory"].map(named), "text"),
            "direction": (table["direction"].map(lambda each: say(f"findings.{each}")), "text"),
            "place": (table["name"], "text"),
            "place_territory": (table["other_territory"].map(named, na_action="ignore"), "text"),
            "share_of_all": (table["share"].astype("float64").round(_SHARE_DIGITS), "share"),
        },
    )


def candidates_sheet(zoning: Zoning, flows: Flows, evidence: Evidence, door: Secrecy) -> Sheet:
    """List the poles that blank and frontier communes could turn to, with the way there."""
    runs = evidence.stability
    table = candidates(
        zoning,
        flows,
        agreement=evidence.agreement,
        stability=None if runs is None else runs.communes,
    )
    # Its place among the others is told, not its part: beside a commune's card it would say more.
    few = table["patients"].fillna(0.0).map(door.hides).astype("bool")
    table = table[~few]
    people = table["commune"].map(zoning.communes["population"])
    table = table.assign(people=people).sort_values(
        ["people", "commune", "rank"], ascending=[False, True, True]
    )
    reasons = table["reasons"].map(
        lambda each: ", ".join(say(f"findings.{name}") for name in each.split())
    )
    names = zoning.names
    return _labelled(
        "candidates",
        {
            "code": (table["commune"], "text"),
            "commune": (table["name"], "text"),
            "population": (table["people"], "integer"),
            "reasons": (reasons, "text"),
            "territory": (
                table["territory"].map(lambda each: names.get(each, each), na_action="ignore"),
                "text",
            ),
            "pole_name": (table["pole_name"], "text"),
            "pole_territory": (
                table["pole_territory"].map(lambda each: names.get(each, each), na_action="ignore"),
                "text",
            ),
            "choice": (table["rank"], "integer"),
            "distance_km": (table["distance_m"] / _METRES, "number"),
        },
    )


def cut_sheet(zoning: Zoning, others: Mapping[str, Zoning]) -> Sheet:
    """List the zones of others that several territories hold a part of, the most cut first."""
    rows = []
    for name, other in others.items():
        cut = compare(zoning, other).cut.xs("other", level="side")
        member = other.membership
        people = member["weight"] * member["code"].map(zoning.communes["population"])
        people = people.groupby(member["territory"]).sum().reindex(cut.index)
        cut = cut.assign(zoning=name, zone=cut.index, apart=(1 - cut["share"]) * people)
        rows.append(cut[cut["meets"] > 1])
    table = pd.concat(rows, ignore_index=True)
    table["apart"] = table["apart"].round()
    table = table.sort_values("apart", ascending=False, kind="stable", ignore_index=True)
    columns: dict[str, tuple[pd.Series, Kind]] = {
        "zoning": (table["zoning"], "text"),
        "zone": (table["zone"], "text"),
        "zone_name": (table["name"], "text"),
        "meets": (table["meets"], "integer"),
        "largest": (
            table["largest"].map(lambda each: zoning.names.get(each, each), na_action="ignore"),
            "text",
        ),
        "share_there": (table["share"], "share"),
        "apart": (table["apart"], "integer"),
    }
    if (table["name"] == table["zone"]).all():
        del columns["zone_name"]  # the file has codes only
    return _labelled("cut", columns)


def supply_sheet(zoning: Zoning, supply: Supply, door: Secrecy) -> Sheet:
    """Lay the professionals of each territory out."""
    table = density(supply, zoning, by="territory")
    return _flat("supply", supply_table(table, names=zoning.names, secrecy=door))


def recourse_sheet(zoning: Zoning, flows: Flows, door: Secrecy) -> Sheet:
    """Lay the rates of recourse of each territory out."""
    table = recourse(flows, zoning.communes, by="territory", zoning=zoning)
    return _flat("recourse", recourse_table(table, names=zoning.names, secrecy=door))


def gaps_sheet(zoning: Zoning, flows: Flows, door: Secrecy) -> Sheet:
    """Rank the communes where a specialty is far and recourse low."""
    table = recourse(flows, zoning.communes)
    found = gaps(table, distance=care_distance(flows, zoning.communes))
    names = zoning.communes["name"]
    return _flat("gaps", gap_table(found, table, names=names, travelled=False, secrecy=door))


def _flat(key: str, table: pd.DataFrame) -> Sheet:
    kinds: dict[str, Kind] = dict.fromkeys(table.select_dtypes("number").columns, "number")
    kinds |= dict.fromkeys({say("supply.population"), say("supply.rank")} & set(table), "integer")
    return sheet(key, table, kinds)
