"""The tables of communes and territories, with the figures that may be shown."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._held import BESIDE, Held, held_back
from territories._told import few_travel, rounded_share
from territories._words import say
from territories.communes import place_names
from territories.evaluation import class_shares, evaluate, hospital_totals, stable_share
from territories.exchanges import cells, shared_out
from territories.form import white_zones
from territories.ledger import FIGURES, shown_figures
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from territories.flows import Flows
    from territories.ledger import Export
    from territories.poles import Poles
    from territories.stability import Runs
    from territories.zoning import Zoning

_SHARE_DIGITS: Final = 4

_METRES: Final = 1_000.0  # in a kilometre

_DISTANCES: Final = ("distance_to_care", "distance_to_pole")


@dataclass(frozen=True, repr=False)
class Evidence:
    """What is known of the communes besides their territory; each part is optional.

    Parameters
    ----------
    agreement
        Result of `concordance`.
    poles
        Dominant poles of the specialists.
    hospital
        Result of `hospital_agreement`.
    flows, stays
        Located flows of the specialists and of the hospital, for the measures.
    stability
        Result of `runs_of` for the same zoning.
    earlier
        What left before: figures whose difference from it would tell small counts are missing.
    held
        What is kept back for it, where that was worked out already (see `held_figures`).
    """

    agreement: pd.DataFrame | None = None
    poles: Poles | None = None
    hospital: pd.DataFrame | None = None
    flows: Flows | None = None
    stays: Flows | None = None
    stability: Runs | None = None
    earlier: tuple[Export, ...] = ()
    held: Held | None = None


def commune_table(zoning: Zoning, evidence: Evidence | None = None) -> pd.DataFrame:
    """Lay out what is said of each commune, under the column names people see.

    No count of patients is among it: poles are shown from the threshold of significance on.
    Stability is told by shares of random runs, of which no patient can be found; the gap of flow
    (`Runs.communes`) is a share of a commune's own patients and stays out.
    """
    known = evidence or Evidence()
    communes = zoning.communes.sort_index()
    labels = zoning.labels
    table = pd.DataFrame(index=pd.Index(communes.index, name=say("column.code")))
    table[say("column.name")] = communes["name"]
    table[say("column.population")] = communes["population"]
    table[say("column.territory")] = labels
    if known.agreement is not None:
        agreement = known.agreement.reindex(communes.index)
        poles = agreement["pole"]
        names = place_names(communes, sorted(poles.dropna().unique()))
        table[say("column.pole")] = poles
        table[say("column.concordance")] = agreement["concordance"].map(
            lambda each: say(f"class.{each}")
        )
        table[say("column.part")] = agreement["share"].round(_SHARE_DIGITS)
        table[say("column.pole_name")] = poles.map(names)
        table[say("column.matched")] = agreement["matched"]
        table[say("column.activities")] = agreement["activities"]
    table[say("column.territory_name")] = labels.map(
        lambda each: zoning.names.get(each, each), na_action="ignore"
    )
    if known.stability is not None:
        runs = known.stability.communes.reindex(communes.index)
        table[say("column.stability")] = runs["core_share"].round(_SHARE_DIGITS)
        table[say("column.second_territory")] = runs["second"].map(
            lambda each: zoning.names.get(each, each), na_action="ignore"
        )
        away = runs["second_share"].where(runs["second"].notna())
        table[say("column.second_share")] = away.round(_SHARE_DIGITS)
    if known.poles is not None:
        wide = known.poles.table["pole"].unstack("activity").reindex(communes.index)
        reserved = {*table.columns, say("column.hospital")}
        for activity in wide.columns:
            table[_column(activity, reserved | set(table.columns))] = wide[activity]
    if known.hospital is not None:
        hospital = known.hospital.reindex(communes.index)
        table[say("column.hospital")] = hospital["hospital"]
        table[say("column.agreement")] = hospital["agreement"].map(
            lambda each: say(f"agreement.{each}")
        )
    shared = zoning.shared.groupby("code")
    if len(shared):
        both = shared["territory"].agg("|".join)
        weights = shared["weight"].agg(lambda each: "|".join(f"{part:.4f}" for part in each))
        table[say("column.territories")] = both.reindex(communes.index)
        table[say("column.territory_weights")] = weights.reindex(communes.index)
    kinds = white_zones(zoning)["kind"].map(lambda each: say(f"white.{each}"))
    table[say("column.white_zone")] = kinds.reindex(communes.index).astype("object")
    return table


def _column(activity: str, taken: set[str]) -> str:
    """Name the column of an activity's pole; labels may differ by accents or signs only."""
    name = say("column.pole_of", activity=slug(activity))
    number = 1
    while name in taken:
        number += 1
        name = say("column.pole_of", activity=f"{slug(activity)}_{number}")
    return name


def territory_table(
    zoning: Zoning, evidence: Evidence | None = None, *, secrecy: Secrecy | None = None
) -> pd.DataFrame:
    """Lay out the measures of each territory, those that may be shown."""
    known = evidence or Evidence()
    door = secrecy or Secrecy()
    shapes = zoning.territories
    table = pd.DataFrame(index=shapes.index.rename(say("column.territory")))
    measures = evaluate(zoning, known.flows) if known.flows is not None else shapes
    for name in ("name", "population", "communes", "aci_size"):
        if name in measures:
            table[say(f"column.{name}")] = measures[name]
    if known.flows is not None:
        table = table.join(_sizes(measures))
        table = table.join(_shown_measures(measures, _practitioners(zoning, known.flows), door))
        few = _few_travel(zoning, known.flows, measures, door)
        table.loc[few, [say(f"column.{name}") for name in _DISTANCES]] = math.nan
    if known.stays is not None:
        stays = hospital_totals(zoning, cells(known.stays))
        sent = stays["hospital_sent"]
        lost = door.shares(sent - stays["hospital_inside"], sent)
        if (lost.isna() & (sent > 0)).any():
            lost *= math.nan
        table[say("column.hospital_leakage")] = lost.round(_SHARE_DIGITS)
    back = _held_in(table, zoning, known, door).figures
    if back:
        heads = [say(f"column.{name}") for name in (*FIGURES, *BESIDE)]
        kept_back = table.index.isin(back)
        table.loc[kept_back, [head for head in heads if head in table]] = math.nan
    if known.agreement is not None:
        shares = class_shares(zoning, known.agreement).round(_SHARE_DIGITS)
        names = [slug(say(f"class.{each}")) for each in shares.columns]
        table = table.join(
            shares.set_axis([say("column.class_share", name=name) for name in names], axis=1)
        )
    if known.stability is not None:
        held = stable_share(zoning, known.stability.communes["core_share"])
        table[say("column.stable_share")] = held.round(_SHARE_DIGITS)
    return table


def held_figures(zoning: Zoning, evidence: Evidence, *, secrecy: Secrecy | None = None) -> Held:
    """Work out of which territories no share may leave, for what left before."""
    if evidence.held is not None or not evidence.earlier:
        return evidence.held or Held()
    table = territory_table(zoning, replace(evidence, held=Held()), secrecy=secrecy)
    return _held_in(table, zoning, evidence, secrecy or Secrecy())


def _held_in(table: pd.DataFrame, zoning: Zoning, known: Evidence, door: Secrecy) -> Held:
    """Work out which of the shares of a table may not leave."""
    if known.held is not None:
        return known.held
    if known.flows is None or not known.earlier:
        return Held()
    figures = shown_figures(table)
    hidden = held_back(
        figures,
        zoning,
        flows=known.flows,
        stays=known.stays,
        earlier=known.earlier,
        secrecy=door,
    )
    return Held(frozenset(hidden.index[hidden & figures.notna().any(axis=1)]))


def _practitioners(zoning: Zoning, flows: Flows) -> pd.Series:
    """Count the practitioners of each territory; empty where nobody knows who practises."""
    if flows.practices is None:
        if flows.professionals is None:
            return pd.Series(dtype="float64")
        # Who has two activities is counted twice: the largest one is what is sure.
        there = flows.professionals.reset_index(name="number")
        there["territory"] = there["destination"].map(zoning.labels)
        sums = there.groupby(["territory", "activity"])["number"].sum()
        return sums.groupby(level="territory").max().astype("float64")
    place = flows.practices["commune"]
    if flows.grouping is not None:
        place = place.map(flows.grouping["pole"]).where(place.isin(flows.grouping.index), place)
    return place.map(zoning.labels).value_counts()


def _shown_measures(
    measures: pd.DataFrame, practitioners: pd.Series, door: Secrecy
) -> pd.DataFrame:
    """Keep the measures that may be shown."""
    inside, sent, received = measures["inside"], measures["sent"], measures["received"]
    li, msi = door.shares(inside, sent), door.shares(inside, received)
    undefined = (sent == 0).astype(int) + (received == 0)
    if (li.isna().astype(int) + msi.isna() > undefined).any():
        # What one territory loses another receives: a share hidden alone is found from the others.
        li, msi = li * math.nan, msi * math.nan
    # The share of a territory's only practitioners is their own figure.
    msi = msi.mask(practitioners.reindex(msi.index).fillna(0).between(1, door.professionals - 1))
    shown = {
        "li": li,
        "leakage": 1 - li,
        "msi": msi,
        "attraction": 1 - msi,
        # The index is a ratio of two rests: it is shown only where both shares are.
        "net_index": measures["net_index"].where(li.notna() & msi.notna()),
        "pieces": measures["pieces"],
        "area_km2": measures["area_km2"].round(1),
        "density": measures["density"].round(1),
        **{
            name: measures[name]
            for name in (
                *("compactness", "pac", "holes", "enclaves", "enclosed", "cut_off"),
                *("departments", "regions"),
            )
        },
        **_shown_travel(measures, li, door),
    }
    table = pd.DataFrame({say(f"column.{name}"): column for name, column in shown.items()})
    floats = table.select_dtypes("float").columns
    table[floats] = table[floats].round(_SHARE_DIGITS)
    return table


def _sizes(measures: pd.DataFrame) -> pd.DataFrame:
    """Tell how far populations are from the bounds of their ACI size, and the most that is paid."""
    whole = {
        say(f"column.{name}"): measures[name].round().astype("Int64")
        for name in ("next_bound", "above_bound")
    }
    start = "aci_maximum_"
    for name in measures.columns[measures.columns.str.startswith(start)]:
        year = name.removeprefix(start)
        whole[say("column.aci_maximum", year=year)] = measures[name].round().astype("Int64")
    return pd.DataFrame(whole)


def _shown_travel(measures: pd.DataFrame, li: pd.Series, door: Secrecy) -> dict[str, pd.Series]:
    """Keep the distances that may be shown, in kilometres: means over patients."""
    sent = measures["sent"]
    undrawn = measures["undrawn"] * sent
    away = door.shares(undrawn, sent)
    # Who leaves for another territory of the map is the rest of the leakage.
    away = away.where(door.shares(sent - measures["inside"] - undrawn, sent).notna())
    shown = li.notna() & away.notna()
    return {
        **{name: (measures[f"{name}_m"].where(shown) / _METRES).round(1) for name in _DISTANCES},
        "undrawn": rounded_share(away.where(shown), sent, secrecy=door),
    }


def _few_travel(zoning: Zoning, flows: Flows, measures: pd.DataFrame, door: Secrecy) -> pd.Series:
    """Tell where a distance would be that of a few: seen at home or not, of the pole or not."""
    living = shared_out(zoning, cells(flows), by="residence")
    living = living.assign(patients=living["patients"] * living["weight"])
    few = few_travel(living, by="territory", secrecy=door)
    here = living["residence"] == living["territory"].map(measures["pole"])
    few |= few_travel(living, by="territory", secrecy=door, apart=here)
    return few.reindex(measures.index, fill_value=False)


def slug(text: str) -> str:
    """Write a label as a column or file name: lower case, no accent, words joined by ``_``.

    Examples
    --------
    >>> slug("gastro-entérologie")
    'gastro_enterologie'
    """
    letters = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "Oe"))
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_") or "x"
