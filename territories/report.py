"""The report of a run: one file to read on a screen and to print, that asks for nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from territories._assessed import comparison_cells, named, zonings_of
from territories._assets import asset
from territories._canvas import Size, measured
from territories._decisions import decision_grid, run_again
from territories._pages import PLACE, sealed
from territories._redo import same_labels
from territories._sections import (
    Grid,
    clipped,
    grid_of,
    key_figures,
    practices_sentence,
    side_by_side,
    summary,
    territory_pages,
    whole_grid,
)
from territories._version import __version__
from territories._words import WORDS, current_language, number, say, using, visible
from territories._writing import whole_file, whole_folder
from territories.chains import read_chains
from territories.comparison import comparisons
from territories.errors import ConstraintError
from territories.findings import findings
from territories.pipeline import REPORT_FILES, left_out, of_chains, run_record
from territories.plates import (
    Ground,
    agreement_plate,
    comparison_plate,
    concordance_plate,
    stability_plate,
    territories_plate,
    territory_plate,
)
from territories.secrecy import Secrecy
from territories.spreadsheet import write_xlsx
from territories.supply import read_supply
from territories.tables import sheets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from territories._assessed import ZoningFile
    from territories._inputs import Settings
    from territories.pipeline import Run
    from territories.reconciliation import Reconciliation
    from territories.tables import Sheet
    from territories.zoning import Zoning

_METHOD: Final = ("flows", "places", "poles", "concordance", "territories", "stability", "measures")
# Sheets that the report shows elsewhere, or that only a workbook has room for.
_ELSEWHERE: Final = (
    *("readme", "territories", "communes", "members", "letters", "reconciliation", "leakage"),
    "recourse",
)
# What is said of the periods when the files are read, told again among the limits.
_PERIODS: Final = ("notice.periods_differ", "notice.period_unknown")
# Longer tables have their first rows only in the report; the workbook has them whole.
_LONGEST: Final = 40
_FIRST: Final = 15
_TOLD_FIRST: Final = ("unmet", "weak")
_LATER: Final = ("comparisons", "parameters")


@dataclass(frozen=True)
class Picture:
    """A map of the page: its data, its words, its size in pixels."""

    data: str
    alt: str
    size: Size
    caption: str = ""


def report(
    run: Run,
    path: str | Path,
    *,
    others: Mapping[str, Zoning] | None = None,
    extra: Iterable[Sheet] = (),
    notices: Sequence[str] = (),
    secrecy: Secrecy | None = None,
    overwrite: bool = False,
) -> None:
    """Write the report of a run, whole or not at all.

    Parameters
    ----------
    run
        Result of `pipeline.compute`; the language, the title and the note are those of its
        settings.
    path
        File.
    others
        Other zonings to compare with, by name: each has its line and its map.
    extra
        More tables (see `tables.Sheet`): each has its section after the whole-division tables.
    notices
        What a reader must know first, in the language of the run.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    overwrite
        Replace the file if it is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    door = secrecy or Secrecy()
    with using(run.settings.lang), whole_file(path, overwrite=overwrite) as draft:
        found = _sheets(run, door, others or {}, tuple(extra))
        page = _page(run, found, door, others or {}, notices=notices)
        draft.write_text(page, encoding="utf-8", newline="\n")


def write_report(
    settings: Settings,
    folder: str | Path,
    *,
    against: Sequence[ZoningFile] = (),
    supply: Path | None = None,
    chains: Path | None = None,
    overwrite: bool = False,
    secrecy: Secrecy | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Run:
    """Do a run again and write its report and its workbook into its folder, both or none.

    Parameters
    ----------
    settings
        Of the run, with its input files (see `_redo.settings_again`).
    folder
        Of the run.
    against
        Files of other zonings to compare with.
    supply
        File of professionals by commune (see `read_supply`).
    chains
        File of patients shared between professions (see `read_chains`): the territories that they
        draw, as many as those of the run, are compared with them.
    overwrite
        Replace an earlier report.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    tell
        Called with the name of each stage as it begins.

    Raises
    ------
    InputError
        If an input is not the one the run had, or the report is there and `overwrite` is False.
    """
    door = secrecy or Secrecy()
    with (
        using(settings.lang),
        whole_folder(folder, REPORT_FILES, overwrite=overwrite) as draft,
    ):
        run, notices = run_again(folder, settings, tell=tell)
        tell("tables")
        read = zonings_of(against, run.zoning.communes)
        others = named(against, read)
        more = [each.account for each in read if each.account is not None]
        offered = None
        if supply is not None:
            offered = read_supply(supply, communes=run.zoning.communes)
            more.append(offered.reconciliation)
        if chains is not None:
            shared = read_chains(chains, communes=run.zoning.communes)
            more.append(shared.reconciliation)
            others[say("report.chains")] = of_chains(run, shared)
        try:
            without = left_out(run)
        except ConstraintError as refusal:
            without = None
            notices.append(say("report.no_left_out", reason=str(refusal)))
        told = findings(
            run.zoning,
            run.evidence,
            left_out=without,
            supply=offered,
            others=others,
            secrecy=door,
            language=current_language(),
        )
        found = _sheets(run, door, others, told, more)
        write_xlsx(found, draft / "tables.xlsx")
        if same_labels(folder, run.zoning) is False:
            notices.append(say("report.differs"))
        tell("plates")
        page = _page(run, found, door, others, notices=notices, more=more)
        (draft / "report.html").write_text(page, encoding="utf-8", newline="\n")
    return run


def _sheets(
    run: Run,
    door: Secrecy,
    others: Mapping[str, Zoning],
    extra: Sequence[Sheet],
    more: Sequence[Reconciliation] = (),
) -> list[Sheet]:
    return sheets(
        run.zoning,
        evidence=run.evidence,
        accounts=(*run.accounts, *more),
        others=others,
        parameters=run_record(run, door),
        extra=extra,
        secrecy=door,
        language=current_language(),
    )


def _page(
    run: Run,
    found: Sequence[Sheet],
    door: Secrecy,
    others: Mapping[str, Zoning],
    *,
    notices: Sequence[str],
    more: Sequence[Reconciliation] = (),
) -> str:
    """Fill the template; every text of the run is escaped by it."""
    import jinja2  # noqa: PLC0415 - for those who write reports

    settings = run.settings
    accounts = (*run.accounts, *more)
    files = ", ".join(dict.fromkeys(each.file for each in accounts))
    ground = Ground(
        run.zoning,
        run.evidence,
        sources=say("report.sources", files=files),
        note=settings.note,
    )
    by_key = {each.key: each for each in found}
    pages = territory_pages(run, door)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    template = environment.from_string(asset("report.html"))
    page = template.render(
        words=_words(),
        language=current_language(),
        policy=PLACE,
        title=settings.title or say("report.title"),
        note=settings.note,
        notices=notices,
        periods=_periods(run),
        key_figures=key_figures(run, door),
        summary=summary(run, door),
        unmet=[str(each) for each in (*run.zoning.unmet, *run.weak)],
        method=_method(run),
        accounts=[
            {
                "account": each,
                "table": _told_columns(each.table(door)),
                "notices": [str(n) for n in each.notices],
            }
            for each in accounts
        ],
        maps=_maps(ground, others),
        whole=whole_grid(run, door),
        decisions=decision_grid(run),
        grids=[(each, *_cut(each)) for each in found if each.key not in (*_ELSEWHERE, *_LATER)],
        pages=[
            (
                each,
                _picture(
                    territory_plate(ground, each.id),
                    say("report.alt_territory", name=each.name),
                )
                if each.id in ground.areas
                else None,
            )
            for each in pages
        ],
        comparisons=_compared(run.zoning, others) if others else None,
        comparisons_note=by_key["comparisons"].note if "comparisons" in by_key else "",
        letters=list(by_key["letters"].table.itertuples(index=False, name=None))
        if "letters" in by_key
        else [],
        limits=_limits(run, door),
        parameters=_settings(by_key["parameters"]) if "parameters" in by_key else None,
        version=__version__,
    )
    return sealed(page)


def _seen(value: object) -> object:
    """Leave out of a text what turns it round or rings; its lines stay."""
    if type(value) is not str:  # a text that is marked as safe is the template's own
        return value
    return "\n".join(map(visible, value.split("\n")))


def _words() -> dict[str, str]:
    """Return the words of the template that take no value, by their short name."""
    spoken = 0 if current_language() == "fr" else 1
    return {
        key.removeprefix("report."): texts[spoken]
        for key, texts in WORDS.items()
        if key.startswith("report.") and "{" not in texts[spoken]
    }


def _method(run: Run) -> list[tuple[str, str]]:
    """Tell the method in a page, for physicians: what was done here, in this order."""
    settings = run.settings
    least, most = settings.min_population, settings.max_population
    bounds = []
    if least:
        bounds.append(say("report.bound_least", people=least))
    if most:
        bounds.append(say("report.bound_most", people=most))
    if settings.territories is not None:
        bounds.append(say("report.bound_number", territories=settings.territories))
    leiden = settings.method == "leiden"
    told = []
    for name in _METHOD:
        if name == "stability" and run.evidence.stability is None:
            continue
        key = "territories_other" if name == "territories" and not leiden else name
        values: dict[str, Any] = {}
        if key == "territories_other":
            values = {"method": settings.method}
        elif name == "stability":
            values = {"runs": settings.runs}
        text = say(f"report.method_{key}", **values)
        if name == "territories" and bounds:
            text = f"{text} {say('report.bounds', values=', '.join(bounds))}"
        told.append((say(f"report.method_{name}_title"), text))
    return told


def _compared(zoning: Zoning, others: Mapping[str, Zoning]) -> Grid:
    """Lay the comparisons out: a row for each measure, a column for each other zoning."""
    cells = comparison_cells(comparisons(zoning, others))
    rows = [[str(name), *row] for name, row in zip(cells.index, cells.to_numpy(), strict=True)]
    heads = [say("report.measure_head"), *map(str, cells.columns)]
    return Grid(say("sheet.comparisons_title"), heads, rows, [False, *([True] * len(others))])


def _maps(ground: Ground, others: Mapping[str, Zoning]) -> list[Picture]:
    """Draw the plates of the whole division, those of which there is something to draw."""
    drawn = {
        "territories": territories_plate(ground),
        "concordance": concordance_plate(ground),
        "agreement": agreement_plate(ground),
        "stability": stability_plate(ground),
    }
    found = [
        _picture(data, say(f"report.alt_{name}"), say(f"report.caption_{name}"))
        for name, data in drawn.items()
        if data
    ]
    return found + [
        _picture(
            comparison_plate(ground, other, name=name),
            say("report.alt_comparison", name=name),
            say("report.caption_comparison", name=name),
        )
        for name, other in others.items()
    ]


def _picture(data: bytes, alt: str, caption: str = "") -> Picture:
    text = base64.b64encode(data).decode("ascii")
    return Picture(f"data:image/png;base64,{text}", alt, measured(data), caption)


def _told_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the columns of an account that say nothing: places have no patients."""
    sums, examples = table.columns[2:]
    silent = [examples] if (table[examples] == "").all() else []
    if table[sums].isin(["", "0"]).all():
        silent.append(sums)
    return table.drop(columns=silent)


def _cut(table: Sheet) -> tuple[Grid, str]:
    """Write a sheet as text, and say how many rows are left out."""
    if table.key == "supply":
        return side_by_side(table), ""
    rows = len(table.table)
    limit = rows if rows <= _LONGEST else _FIRST
    return grid_of(table, limit=limit), number(rows - limit) if rows > limit else ""


def _settings(parameters: Sheet) -> Grid:
    """Write the parameters; what the first page tells of the result is not told again."""
    grid = grid_of(parameters)
    return replace(grid, rows=[row for row in grid.rows if row[0] not in _TOLD_FIRST])


def _periods(run: Run) -> str:
    """Say which period the data are of; empty where it is not known."""
    known = {"flows": run.evidence.flows, "stays": run.evidence.stays}
    told = [
        say(f"report.period_{name}", period=flows.period)
        for name, flows in known.items()
        if flows is not None and flows.period is not None
    ]
    return say("report.periods", values=say("report.periods_joined").join(told)) if told else ""


def _limits(run: Run, door: Secrecy) -> list[str]:
    """List the limits of the data, those of this run first."""
    told = [] if run.settings.note is None else [run.settings.note]
    told.append(say("report.limit_period"))
    flows = run.evidence.flows
    if flows is None or flows.period is None:
        told.append(say("report.limit_period_unknown"))
    told += [
        f"{str(each)[:1].upper()}{str(each)[1:]}."
        for account in run.accounts
        for each in account.notices
        if each.key in _PERIODS
    ]
    practices = practices_sentence(run)
    if practices is not None:
        told.append(practices)
    told += clipped(run)
    if flows is not None and "masked" in flows.table and (flows.table["masked"] > 0).any():
        told.append(say("report.limit_masked", value=flows.masked_as))
    if run.evidence.hospital is not None:
        told.append(say("report.limit_hospital"))
    told.append(say("report.limit_distance"))
    told.append(
        say("report.limit_secrecy", most=door.threshold - 1, professionals=door.professionals)
    )
    return told
