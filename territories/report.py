"""The report of a run: one file to read on a screen and to print, that asks for nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from territories._assessed import comparison_cells, named, zonings_of
from territories._assets import asset
from territories._canvas import Size, measured
from territories._decisions import decision_grid, run_again
from territories._pages import PLACE, sealed
from territories._redo import same_labels
from territories._report_words import limits, method_steps, periods, template_words
from territories._reported import (
    beside_register,
    left_in,
    without_kept_back,
)
from territories._sections import (
    Grid,
    grid_of,
    key_figures,
    side_by_side,
    summary,
    territory_pages,
    whole_grid,
)
from territories._version import __version__
from territories._words import current_language, number, say, using, visible
from territories._writing import claimed, refuse_files, refuse_result, whole_file, whole_folder
from territories.chains import read_chains
from territories.comparison import comparisons
from territories.errors import ConstraintError
from territories.findings import findings
from territories.ledger import registered
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

    import pandas as pd

    from territories._assessed import ZoningFile
    from territories._inputs import Settings
    from territories.pipeline import Run
    from territories.reconciliation import Reconciliation
    from territories.tables import Sheet
    from territories.zoning import Zoning

# Sheets that the report shows elsewhere, or that only a workbook has room for.
_ELSEWHERE: Final = (
    *("readme", "territories", "communes", "members", "letters", "reconciliation", "leakage"),
    "recourse",
)
# Longer tables have their first rows only in the report; the workbook has them whole.
_LONGEST: Final = 40
_FIRST: Final = 15
_TOLD_FIRST: Final = ("unmet", "weak", "kept_back")
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
    ledger: str | Path | None = None,
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
    ledger
        A register of exports, beside that of the file's folder (see `export_geojson`). What is kept
        back for what left before is said first on the page.
    overwrite
        Replace the file if it is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    door = secrecy or Secrecy()
    refuse_files(Path(path), overwrite=overwrite)
    with (
        using(run.settings.lang),
        registered(Path(path).parent, ledger, earlier=run.evidence.earlier) as register,
        whole_file(path, overwrite=overwrite) as draft,
    ):
        run, told = without_kept_back(beside_register(run, register, door), tuple(extra), door)
        found = _sheets(run, door, others or {}, told)
        page = _page(run, found, door, others or {}, notices=[*notices, *map(str, run.kept_back)])
        draft.write_text(page, encoding="utf-8", newline="\n")
        register.note(left_in(run, found, door))


def write_report(
    settings: Settings,
    folder: str | Path,
    *,
    against: Sequence[ZoningFile] = (),
    supply: Path | None = None,
    chains: Path | None = None,
    overwrite: bool = False,
    secrecy: Secrecy | None = None,
    ledger: str | Path | None = None,
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
    ledger
        A register of exports, beside those of the folder (see `pipeline.write`).
    tell
        Called with the name of each stage as it begins.

    Raises
    ------
    InputError
        If an input is not the one the run had, or the report is there and `overwrite` is False.
    """
    door = secrecy or Secrecy()
    refuse_result(folder, REPORT_FILES, overwrite=overwrite)
    with (
        using(settings.lang),
        claimed(folder),
        registered(folder, ledger) as register,
        whole_folder(folder, REPORT_FILES, overwrite=overwrite) as draft,
    ):
        run, notices = run_again(folder, settings, tell=tell)
        run = beside_register(run, register, door)
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
        run, kept = without_kept_back(run, told, door)
        notices += map(str, run.kept_back)
        found = _sheets(run, door, others, kept, more)
        write_xlsx(found, draft / "tables.xlsx")
        if same_labels(folder, run.zoning) is False:
            notices.append(say("report.differs"))
        tell("plates")
        page = _page(run, found, door, others, notices=notices, more=more)
        (draft / "report.html").write_text(page, encoding="utf-8", newline="\n")
        register.note(left_in(run, found, door), draft=draft)
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
        words=template_words(),
        language=current_language(),
        policy=PLACE,
        title=settings.title or say("report.title"),
        note=settings.note,
        notices=notices,
        periods=periods(run),
        key_figures=key_figures(run, door),
        summary=summary(run, door),
        unmet=[str(each) for each in (*run.zoning.unmet, *run.weak)],
        method=method_steps(run),
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
        limits=limits(run, door),
        parameters=_settings(by_key["parameters"]) if "parameters" in by_key else None,
        version=__version__,
    )
    return sealed(page)


def _seen(value: object) -> object:
    """Leave out of a text what turns it round or rings; its lines stay."""
    if type(value) is not str:  # a text that is marked as safe is the template's own
        return value
    return "\n".join(map(visible, value.split("\n")))


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
