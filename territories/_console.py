"""What the command line says on a terminal: progress, accounts, where to look."""

from __future__ import annotations

import io
import sys
import textwrap
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from territories._words import NARROW_SPACE, Sentence, figure, number, printable, say
from territories.reconciliation import example_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from territories._added_up import AddedUp
    from territories._applied import Applied
    from territories._assessed import Assessment
    from territories._engine import Tell
    from territories.audit import Audit
    from territories.pipeline import Run
    from territories.reconciliation import Reconciliation
    from territories.scales import Scales

# The table of scales: width of its heads, which take several lines, and its own at most.
_HEAD: Final = 13
_WIDTH: Final = 120

# What an audit finds is told as far as this.
_LISTED: Final = 20


def echo(text: str, *, err: bool = False) -> None:
    """Write a line; where the stream cannot hold a character, a plain one in its place."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # French Windows sends what goes to a file in cp1252, which has no narrow space.
        plain = text.replace(NARROW_SPACE, "\u00a0")
        text = plain.encode(encoding, errors="replace").decode(encoding)
    click.echo(text, err=err)


def place_of(problem: BaseException) -> str:
    """Name the last line of ours that a failure went through."""
    here = Path(__file__).parent
    lines = traceback.extract_tb(problem.__traceback__)
    ours = [each for each in lines if Path(each.filename).is_relative_to(here)]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"


@contextmanager
def progress(stages: int) -> Iterator[Tell]:
    """Show the stage under way on a terminal, and how far it is; elsewhere say nothing."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=stages)
        done, words = -1, ""

        def tell(stage: str, percent: float | None = None, /) -> None:
            nonlocal done, words
            if percent is None:  # a stage begins; percents come from threads, of another language
                done += 1
                words = say(f"stage.{stage}")
                bar.update(task, description=words, completed=done)
            else:
                told = f"{words} {percent:.0f} %"
                bar.update(task, description=told, completed=done + percent / 100)

        yield tell


def report(run: Run, out: Path) -> None:
    """Say what was done and where to look."""
    for account in run.accounts:
        echo(account_line(account))
    _report_places(run)
    labels = run.zoning.labels
    echo(
        say(
            "cli.done",
            territories=len(run.zoning.territories),
            communes=len(labels),
            people=int(run.zoning.communes["population"].sum()),
        )
    )
    _report_choice(run)
    for each in (*run.zoning.unmet, *run.weak, *run.kept_back):
        echo(say("cli.unmet", sentence=str(each)))
    echo(say("cli.look", place=str(out / "map.html"), folder=str(out)))


def _report_choice(run: Run) -> None:
    """Say what was proposed where no number was asked for, and how stable it is."""
    from territories.pipeline import stability_record  # noqa: PLC0415

    asked = run.settings
    free = asked.territories is None and asked.resolution is None and asked.method == "leiden"
    if free and len(run.zoning.territories):
        echo(say("cli.proposed", territories=len(run.zoning.territories)))
    record = stability_record(run)
    if record and record["stable_share"] is not None:
        share = f"{number(100 * record['stable_share'], digits=1)} %"
        frontier = record["frontier_communes"]
        echo(say("cli.stability", share=share, runs=record["runs"], communes=frontier))


def report_scales(scales: Scales, rows: pd.DataFrame, out: Path | None) -> None:
    """Show the table of scales, what is proposed, and what to do next."""
    from territories._scale_page import scale_cells, stable_sentence  # noqa: PLC0415

    cells = scale_cells(rows)
    styles = [
        "bold magenta" if proposed else "" if stable else "dim"
        for proposed, stable in zip(rows["proposed"], rows["stable"], strict=True)
    ]
    _show(cells, styles)
    echo(say("cli.scales_proposed", territories=scales.proposed))
    echo(stable_sentence(rows))
    echo(say("cli.scales_next"))
    if out is not None:
        echo(say("cli.scales_written", file=str(out)))


def _show(cells: pd.DataFrame, styles: Sequence[str] = ()) -> None:
    """Show a table of text; numbers to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in cells.columns:
        lines = "\n".join(textwrap.wrap(head, _HEAD))
        text = not head or cells[head].str.contains("[a-zà-ÿ]{2}", case=False).any()
        justify: Literal["left", "right"] = "left" if text else "right"
        table.add_column(lines, justify=justify, vertical="bottom", no_wrap=True)
    for place, values in enumerate(cells.to_numpy()):
        # What a file holds is text: square brackets are no style of it.
        table.add_row(*map(Text, values), style=styles[place] if styles else "")
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=sys.stdout.isatty(), width=_WIDTH)
    console.print(table)
    echo("\n".join(line.rstrip() for line in shown.getvalue().rstrip().splitlines()))


def report_assessment(found: Assessment, out: Path | None) -> None:
    """Show the measures of a zoning and its comparisons."""
    from territories._assessed import comparison_cells, territory_cells  # noqa: PLC0415

    for account in found.accounts:
        echo(account_line(account))
    zoning = found.zoning
    told: dict[str, Any] = {"communes": len(zoning.labels), "uncovered": len(zoning.uncovered)}
    echo(say("cli.evaluated", name=zoning.name, territories=len(found.territories), **told))
    _show(territory_cells(found.territories))
    if found.others:
        cells = comparison_cells(found.comparisons)
        _show(cells.rename_axis(say("comparison.zoning")).reset_index())
    if found.evidence.held is not None:
        for each in found.evidence.held.notices(zoning):
            echo(say("cli.unmet", sentence=str(each)))
    if out is not None:
        echo(say("cli.evaluate_written", file=str(out)))


def report_applied(found: Applied, out: Path) -> None:
    """Say what became of a log, and what it changed."""
    for account in found.run.accounts:
        echo(account_line(account))
    for role in found.changed:
        echo(say("cli.applied_changed", option=f"--{role.replace('_', '-')}"))
    counts = found.replay.lines["result"].value_counts()
    told: dict[str, Any] = {
        each: int(counts.get(each, 0)) for each in ("applied", "undone", "refused")
    }
    echo(say("cli.applied", name=printable(found.run.zoning.name), **told))
    for each in found.replay.faults:
        echo(say("cli.unmet", sentence=str(each)))
    if len(found.measures):
        echo(say("cli.applied_measures"))
        _show(_before_after(found.measures))
    for each in (*found.run.zoning.unmet, *found.run.weak, *found.run.kept_back):
        echo(say("cli.unmet", sentence=str(each)))
    echo(say("cli.look", place=str(out / "map.html"), folder=str(out)))


def report_events(found: AddedUp, out: Path) -> None:
    """Say what care events came to, where it is, and whether it may leave."""
    from territories._added_up import account_file  # noqa: PLC0415
    from territories._records import places_record  # noqa: PLC0415

    for account in found.accounts:
        echo(account_line(account))
    _report_practices(places_record(found.flows))
    told: dict[str, Any] = {"file": str(out), "cells": len(found.flows.table)}
    if found.hidden is None:
        echo(say("cli.events_exact", **told))
    else:
        echo(say("cli.events_masked", **told, hidden=found.hidden))
        if found.flows.professionals is None:
            echo(say("cli.events_unknown_professionals"))
    echo(say("cli.events_account", file=str(account_file(out))))
    if found.hidden is None:
        echo(say("cli.events_next", file=str(out)))


def report_audit(found: Audit, *, show: bool) -> None:
    """Say what an outsider finds: where it is, and its bounds only if they are asked for."""
    files, tried = len(found.files), found.cells
    echo(say("cli.audit_read", files=files, statements=found.statements, cells=tried))
    for each in found.lost:
        echo(say("cli.audit_lost", file=str(each)))
    if found.found.empty:
        echo(say("cli.audit_sound"))
        return
    echo(say("cli.audit_found", count=len(found.found)))
    for row in found.found.head(_LISTED).to_dict("records"):
        home, place = (row[name] or say("cli.audit_all") for name in ("residence", "destination"))
        activity = row["activity"] or say("cli.audit_every_activity")
        source = say(f"unit.{row['source']}")
        ends = {"residence": home, "destination": place}
        line = str(Sentence("cli.audit_line", {**ends, "activity": activity, "source": source}))
        if show:
            low, high = (number(float(row[end]), digits=1) for end in ("low", "high"))
            line = say("cli.audit_bounds", line=line, low=low, high=high)
        echo(f"  {line}")
    if len(found.found) > _LISTED:
        echo(f"  {say('cli.audit_more', count=len(found.found) - _LISTED)}")


def _before_after(measures: pd.DataFrame) -> pd.DataFrame:
    """Write measures before and after in one cell, and once where they are the same."""
    cells = pd.DataFrame(index=measures.index)
    cells[""] = measures.iloc[:, 0].map(printable)
    for place in range(1, measures.shape[1], 2):
        head = str(measures.columns[place]).removesuffix("_0")
        share = measures.iloc[:, place + 1].dtype == "float64" and head == say("column.li")
        pairs = zip(measures.iloc[:, place], measures.iloc[:, place + 1], strict=True)
        cells[head] = [
            " → ".join(dict.fromkeys(_cell(value, share=share) for value in pair)) for pair in pairs
        ]
    return cells


def _cell(value: float, *, share: bool) -> str:
    if pd.isna(value):
        return "–"
    return f"{number(100 * value, digits=1)} %" if share else number(value)


def _report_places(run: Run) -> None:
    """Say how professionals were placed and which places were gathered."""
    from territories.pipeline import grouping_record, practice_record  # noqa: PLC0415

    _report_practices(practice_record(run))
    for each in grouping_record(run):
        echo(say("cli.grouped", name=each["name"], pole=each["pole_name"]))


def _report_practices(record: Mapping[str, Any]) -> None:
    if record and record["median_share"] is not None:
        masked = say("cli.masked")
        told = {name: masked if value is None else number(value) for name, value in record.items()}
        share = f"{number(100 * record['median_share'])} %"
        echo(say("cli.practices", practitioners=told["practitioners"], share=share))
        echo(
            say(
                "cli.conflicts",
                conflicts=told["conflict_with_department"],
                departments=told["known_by_department_only"],
            )
        )


def account_line(account: Reconciliation) -> str:
    """Write one file's account, through the door of secrecy like any figure that leaves."""
    record = account.record()
    lines = [
        say(
            "cli.rows",
            file=account.file,
            rows_in=account.rows_in,
            rows_kept=account.rows_kept,
            rows_aside=account.rows_aside,
        )
    ]
    if account.unit is not None:
        shown = {
            name: say("cli.masked") if record[name] is None else figure(record[name])
            for name in ("patients_in", "patients_kept", "patients_aside")
        }
        lines.append(
            say(
                "cli.patients",
                unit=say(f"unit.{account.unit}"),
                patients_in=shown["patients_in"],
                patients_kept=shown["patients_kept"],
                patients_aside=shown["patients_aside"],
            )
        )
    for reason, values in record["reasons"].items():
        if account.unit is None:
            words = say(f"reason.{reason}")
            lines.append(say("cli.reason_rows", reason=words, rows=values["rows"]))
            continue
        patients = values["patients"]
        told = say(
            "cli.reason",
            reason=say(f"reason.{reason}"),
            rows=values["rows"],
            patients=say("cli.masked") if patients is None else figure(patients),
            unit=say(f"unit.{account.unit}"),
        )
        examples = "; ".join(example_line(each) for each in values["examples"])
        lines.append(f"{told} ({examples})" if examples else told)
    lines += [say("cli.notice", notice=str(each)) for each in account.notices]
    return "\n".join(lines)
