"""What a report says, section by section: figures that may be shown, already written as text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._leaving import coming, first_poles, leaving
from territories._words import number, say
from territories.aci import ACI_BOUNDS, aci_size
from territories.communes import place_names
from territories.concordance import Concordance
from territories.evaluation import stable_share
from territories.exchanges import cells, shared_out
from territories.export import slug, territory_table
from territories.pipeline import practice_record, stability_record
from territories.specialties import practitioners
from territories.stability import STABLE
from territories.tables import alphabetical, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from territories.pipeline import Run
    from territories.secrecy import Secrecy
    from territories.tables import Sheet
    from territories.zoning import Zoning

_FRONTIER: Final = 15
_AGREED: Final = (Concordance.ALWAYS, Concordance.ALL_BUT_ONE)
NOTHING: Final = "–"


@dataclass(frozen=True)
class Grid:
    """A table as text: `numeric` tells the columns that are set to the right."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]


@dataclass(frozen=True)
class Figure:
    """A key figure: what it is, what it is worth."""

    name: str
    value: str


def percent(share: float | None, *, digits: int = 0) -> str:
    """Write a share in percent; a dash where it is undefined or hidden.

    A share that is not whole is never shown as whole: 99.7 % is not 100 %, and has one digit more.
    """
    if share is None or pd.isna(share):
        return NOTHING
    shown = round(100 * share, digits)
    if shown >= 100 and share < 1:  # noqa: PLR2004
        digits += 1
        shown = min(round(100 * share, digits), 100 - 10**-digits)
    step = 10**-digits
    if shown <= 0 < share:
        return say("report.percent", value=f"< {number(step, digits=digits)}")
    return say("report.percent", value=number(shown, digits=digits))


def whole(value: float | None) -> str:
    """Write a whole number; a dash where there is none."""
    return NOTHING if value is None or pd.isna(value) else number(round(float(value)))


def grid_of(sheet: Sheet, *, limit: int | None = None) -> Grid:
    """Write a sheet as text."""
    digits = {"number": 1, "index": 2}
    table = sheet.table if limit is None else sheet.table.head(limit)
    rows = []
    for values in table.itertuples(index=False, name=None):
        row = []
        for name, value in zip(table.columns, values, strict=True):
            kind = sheet.formats.get(name, "text")
            if value is None or (not isinstance(value, str) and pd.isna(value)):
                row.append(NOTHING)
            elif kind == "share":
                row.append(percent(float(value), digits=1))
            elif kind != "text" and not isinstance(value, str):
                shown = number(float(value), digits=digits.get(kind, 0))
                row.append(shown.replace("-", "\u2212"))
            else:
                row.append(str(value))
        rows.append(row)
    kinds = [sheet.formats.get(name, "text") != "text" for name in table.columns]
    heads = [str(name).replace("_", " ") for name in table.columns]
    return Grid(caption=sheet.title, heads=heads, rows=rows, numeric=kinds)


def side_by_side(supply: Sheet) -> Grid:
    """Lay densities out with a row for each territory: the workbook has one for each profession."""
    name, activity = say("supply.name"), say("supply.activity")
    table = supply.table.pivot(
        index=say("supply.zone"), columns=activity, values=say("supply.density")
    )
    names = supply.table.drop_duplicates(say("supply.zone")).set_index(say("supply.zone"))[name]
    order = sorted(table.index, key=lambda each: (alphabetical(str(names[each])), each))
    rows = [
        [
            str(names[each]),
            *(NOTHING if pd.isna(value) else number(float(value), digits=1) for value in cells),
        ]
        for each, cells in zip(order, table.loc[order].to_numpy(), strict=True)
    ]
    heads = [say("report.territory_head"), *map(str, table.columns)]
    return Grid(supply.title, heads, rows, [False, *[True] * len(table.columns)])


def inside_share(run: Run, door: Secrecy) -> float:
    """Return the share of the residents' care that takes place in their territory."""
    flows, held = run.evidence.flows, run.held
    if flows is None or held.figures or held.sheets:
        return math.nan  # it is the sum of what may be kept back
    living = shared_out(run.zoning, cells(flows), by="residence")
    inside, sent = (float((living["patients"] * living[each]).sum()) for each in ("kept", "weight"))
    return float(door.shares(pd.Series([inside]), pd.Series([sent]))[0])


def agreeing(run: Run) -> float:
    """Return the share of people whose liberal and hospital poles are the same, of both known."""
    if run.evidence.hospital is None:
        return math.nan
    state = run.evidence.hospital["agreement"]
    people = run.zoning.communes["population"].reindex(state.index).astype("float64")
    # As in `agreement_figures`: where the people of one are not known, neither is the share.
    known = float(people[state.isin(["agree", "differ"])].sum(skipna=False))
    return float(people[state == "agree"].sum()) / known if known else math.nan


def concordant(run: Run) -> float:
    """Return the share of people in communes whose specialties all agree, or all but one."""
    if run.evidence.agreement is None:
        return math.nan
    klass = run.evidence.agreement["concordance"]
    people = run.zoning.communes["population"].astype("float64")
    total = float(people.sum(skipna=False))
    agreed = people[klass.reindex(people.index).isin(_AGREED)]
    return float(agreed.sum()) / total if total else math.nan


def key_figures(run: Run, door: Secrecy) -> list[Figure]:
    """List the figures of the title page."""
    zoning = run.zoning
    people = zoning.communes["population"].sum()
    found = [
        Figure(say("report.figure_territories"), number(len(zoning.territories))),
        Figure(say("report.figure_communes"), number(len(zoning.communes))),
        Figure(say("report.figure_people"), whole(people)),
        Figure(say("report.figure_inside"), percent(inside_share(run, door))),
    ]
    record = stability_record(run)
    if record and record["stable_share"] is not None:
        found.append(Figure(say("report.figure_stable"), percent(record["stable_share"])))
        found.append(Figure(say("report.figure_frontier"), number(record["frontier_communes"])))
    found.append(Figure(say("report.figure_concordant"), percent(concordant(run))))
    if run.evidence.hospital is not None:
        found.append(Figure(say("report.figure_hospital"), percent(agreeing(run))))
    return found


def summary(run: Run, door: Secrecy) -> list[str]:
    """Tell the whole in a few sentences."""
    zoning = run.zoning
    told = [
        say(
            "report.summary_what",
            communes=len(zoning.communes),
            people=whole(zoning.communes["population"].sum()),
            territories=len(zoning.territories),
        )
    ]
    inside = inside_share(run, door)
    if not math.isnan(inside):
        told.append(say("report.summary_inside", share=percent(inside)))
    record = stability_record(run)
    if record and record["stable_share"] is not None:
        told.append(
            say(
                "report.summary_stable",
                runs=record["runs"],
                share=percent(record["stable_share"]),
                communes=record["frontier_communes"],
            )
        )
    if not math.isnan(concordant(run)):
        told.append(say("report.summary_concordant", share=percent(concordant(run))))
    if not math.isnan(agreeing(run)):
        told.append(say("report.summary_hospital", share=percent(agreeing(run))))
    if zoning.uncovered:
        told.append(say("report.summary_white", communes=len(zoning.uncovered)))
    return told


def practices_sentence(run: Run) -> str | None:
    """Tell how far one may trust the places of practice."""
    record = practice_record(run)
    if not record:
        return None
    told = {name: NOTHING if value is None else value for name, value in record.items()}
    return say(
        "report.limit_practices",
        practitioners=told["practitioners"],
        share=percent(record["median_share"]),
        conflicts=told["conflict_with_department"],
        undetermined=told["undetermined"],
    )


def clipped(run: Run) -> list[str]:
    """Say what is underestimated where the extract ends at the border of the layer."""
    flows, known = run.evidence.flows, run.zoning.communes.index
    if flows is None or "destination" not in flows.table or flows.table.empty:
        return []
    told = []
    if flows.table["destination"].isin(known).all():
        told.append(say("report.limit_no_destination"))
    if flows.table["residence"].isin(known).all():
        told.append(say("report.limit_no_residence"))
    return told


def aci_sentence(population: float | None) -> str:
    """Say the ACI size of a population, and how far the next sizes are."""
    if population is None or pd.isna(population):
        return NOTHING
    size = int(aci_size(pd.Series([population]))[0])
    told = say("report.aci", size=size)
    above = [each for each in ACI_BOUNDS if each > population]
    below = [each for each in ACI_BOUNDS if each <= population]
    if above:
        gap = round(above[0] - population)
        told += say("report.aci_next", size=size + 1, people=gap)
    else:
        gap = round(population - below[-1])
        told += say("report.aci_last", people=gap)
    return told


@dataclass(frozen=True)
class TerritoryPage:
    """What the page of a territory says."""

    id: str
    name: str
    figures: Sequence[Figure]
    aci: str
    classes: str
    poles: Grid | None
    poles_hidden: bool
    origins: str
    frontier: Grid | None
    more_frontier: int
    firm: bool
    communes: str
    departments: str


def territory_pages(run: Run, door: Secrecy) -> list[TerritoryPage]:
    """Work out the page of each territory, in alphabetical order."""
    zoning, known = run.zoning, run.evidence
    table = territory_table(zoning, known, secrecy=door)
    areas = zoning.territories
    members = listed(zoning)
    stable = None
    if known.stability is not None:
        stable = stable_share(zoning, known.stability.communes["core_share"])
    away = None if known.flows is None else leaving(zoning, known.flows)
    arriving = None if known.flows is None else coming(zoning, known.flows)
    counts = pd.Series(dtype="float64")
    names: dict[str, str] = {}
    if known.flows is not None and away is not None:
        counts = practitioners(known.flows)
        names = place_names(zoning.communes, sorted(set(away["place"]) - {""}))
    pages = []
    order = sorted(areas.index, key=lambda each: (alphabetical(str(areas["name"][each])), each))
    for territory in order:
        own = members[members["territory"] == territory]
        row = table.loc[territory]
        figures = _territory_figures(row, None if stable is None else stable.get(territory))
        poles = None
        if away is not None:
            found = first_poles(away[away["territory"] == territory], counts, door)
            if not pd.isna(row.get(say("column.li"))) and territory not in run.held.sheets:
                poles = _poles_grid(zoning, found, names)
        origins = ""
        told = arriving is not None and territory not in run.held.sheets
        if arriving is not None and told and not pd.isna(row.get(say("column.msi"))):
            origins = _origins(arriving[arriving["territory"] == territory], door)
        frontier, more = _frontier_grid(run, list(own["code"]))
        listing = ", ".join(own["name"].astype("str"))  # their codes are listed to be pasted
        pages.append(
            TerritoryPage(
                id=territory,
                name=str(areas["name"][territory]),
                figures=figures,
                aci=aci_sentence(areas["population"][territory]),
                classes=_classes(row) if known.agreement is not None else "",
                poles=poles,
                poles_hidden=poles is None and away is not None,
                origins=origins,
                frontier=frontier,
                more_frontier=more,
                firm=known.stability is not None and frontier is None,
                communes=listing,
                departments=", ".join(str(row.get(say("column.departments"), NOTHING)).split()),
            )
        )
    return pages


def _territory_figures(row: pd.Series, stable: float | None) -> list[Figure]:
    """List the figures of a territory, in the order they are asked for."""
    figures = [
        Figure(say("report.figure_people"), whole(row[say("column.population")])),
        Figure(say("report.figure_communes"), whole(row[say("column.communes")])),
        Figure(say("report.figure_aci"), whole(row.get(say("column.aci_size")))),
    ]
    shares = {
        "li": "figure_inside",
        "attraction": "figure_attraction",
        "hospital_leakage": "figure_hospital_leakage",
    }
    for column, words in shares.items():
        if say(f"column.{column}") in row.index:
            figures.append(Figure(say(f"report.{words}"), percent(row[say(f"column.{column}")])))
    if stable is not None:
        figures.append(Figure(say("report.figure_stable"), percent(stable)))
    if say("column.area_km2") in row.index:
        area = number(float(row[say("column.area_km2")]))
        figures.append(Figure(say("report.figure_area"), f"{area}\u00a0km²"))
    return figures


def _classes(row: pd.Series) -> str:
    """Say how far the specialties agree, in shares of the people; classes of nobody left out."""
    told = []
    for each in Concordance:
        share = row[say("column.class_share", name=slug(say(f"class.{each}")))]
        if share > 0:
            told.append(f"{say(f'class.{each}')} {percent(share)}")
    return say("report.classes", values=", ".join(told)) if told else ""


def _poles_grid(
    zoning: Zoning, found: Sequence[tuple[str, float]], names: dict[str, str]
) -> Grid | None:
    if not found:
        return None
    rows = []
    for place, share in found:
        where = zoning.labels.get(place)
        territory = NOTHING if not isinstance(where, str) else zoning.names.get(where, where)
        rows.append([names[place], str(territory), percent(share, digits=1)])
    heads = [say("report.pole_head"), say("report.territory_head"), say("report.care_head")]
    return Grid(say("report.poles_caption"), heads, rows, [False, False, True])


def _origins(own: pd.DataFrame, door: Secrecy) -> str:
    """Say where those whom a territory treats come from; empty where nothing may be shown."""
    names = own.drop_duplicates("place").set_index("place")["name"]
    found = first_poles(own, pd.Series(dtype="int64"), door)
    values = ", ".join(f"{names[place]} {percent(share, digits=1)}" for place, share in found)
    return say("report.origins", values=values) if values else ""


def _frontier_grid(run: Run, codes: Sequence[str]) -> tuple[Grid | None, int]:
    """List the frontier communes of a territory, the least stable first."""
    runs = run.evidence.stability
    if runs is None:
        return None, 0
    communes = run.zoning.communes
    table = runs.communes.reindex(sorted(codes))
    weak = table[table["core_share"] < STABLE].sort_values("core_share", kind="stable")
    if weak.empty:
        return None, 0
    klass = None if run.evidence.agreement is None else run.evidence.agreement["concordance"]
    rows = []
    for code, held, second, away in zip(
        weak.index[:_FRONTIER], weak["core_share"], weak["second"], weak["second_share"],
        strict=False,
    ):  # fmt: skip
        other = NOTHING
        if isinstance(second, str):
            name = run.zoning.names.get(second, second)
            other = say("report.frontier_other", name=name, share=percent(away))
        rows.append(
            [
                str(communes["name"][code]),
                code,
                whole(communes["population"][code]),
                percent(held),
                other,
                NOTHING if klass is None else say(f"class.{klass[code]}"),
            ]
        )
    heads = [
        say(f"report.frontier_{name}")
        for name in ("commune", "code", "people", "held", "second", "class")
    ]
    numeric = [False, False, True, True, False, False]
    return Grid(say("report.frontier_caption"), heads, rows, numeric), max(0, len(weak) - _FRONTIER)


def _listed(text: object) -> str:
    """Set codes that blanks separate apart."""
    return ", ".join(str(text).split())


def whole_grid(run: Run, door: Secrecy) -> Grid:
    """Lay the territories side by side, with what one compares first."""
    table = territory_table(run.zoning, run.evidence, secrecy=door)
    columns: list[tuple[str, str, pd.Series]] = []
    for name, words in (
        ("communes", "whole"),
        ("population", "whole"),
        ("aci_size", "whole"),
        ("li", "share"),
        ("msi", "share"),
        ("hospital_leakage", "share"),
        ("stable_share", "share"),
        ("pieces", "whole"),
        ("departments", "text"),
    ):
        if say(f"column.{name}") in table:
            if name == "pieces" and (table[say("column.pieces")] == 1).all():
                continue  # as it should be
            columns.append((name, words, table[say(f"column.{name}")]))
    if run.evidence.agreement is not None:
        agreed = [say("column.class_share", name=slug(say(f"class.{each}"))) for each in _AGREED]
        columns.insert(-1, ("concordant", "share", table[agreed].sum(axis=1, skipna=False)))
    write: dict[str, Callable[..., str]] = {"whole": whole, "share": percent, "text": _listed}
    names = table[say("column.name")].astype("str")
    order = sorted(table.index, key=lambda each: (alphabetical(names[each]), each))
    rows = [
        [names[each], *(write[kind](values[each]) for _, kind, values in columns)] for each in order
    ]
    heads = [say("report.territory_head"), *(say(f"report.head_{name}") for name, _, _ in columns)]
    numeric = [False, *(kind != "text" for _, kind, _ in columns)]
    return Grid(say("report.whole_caption"), heads, rows, numeric)
