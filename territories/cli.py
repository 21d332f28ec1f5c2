"""The command line: the commands of `territories`, from their words to their work."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from territories._command_line import failed, language_of, one_column_each
from territories._config import (
    codes_of,
    files_again,
    given_options,
    mapping_of,
    missing,
    settings_of,
    toml_of,
)
from territories._console import account_line, echo, progress, report
from territories._options import commands
from territories._outputs import alone, claimed_file, refuse_early
from territories._signals import heeded
from territories._words import Language, Sentence, current_language, number, say, using
from territories.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from territories.pipeline import Settings

_PATH: Final = click.Path(path_type=Path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code.

    0 done, 1 refused, 2 wrong usage; 130 interrupted (Ctrl-C), 143 asked to stop (SIGTERM).
    """
    from territories._writing import placed_files  # noqa: PLC0415

    words = one_column_each(sys.argv[1:] if arguments is None else arguments)
    with using(language_of(words)), heeded(), placed_files() as placed:
        try:
            # The commands are built in the language of the moment, help included.
            code = commands(_WORK).main(words, prog_name="territories", standalone_mode=False)
        except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 - each has its words
            return failed(problem, placed)
        return code if isinstance(code, int) else 0


def _demo(out: Path, *, overwrite: bool, lang: Language | None) -> None:
    from territories._private import private_folder  # noqa: PLC0415
    from territories.datasets import write_region  # noqa: PLC0415
    from territories.pipeline import Settings  # noqa: PLC0415

    with private_folder() as folder:
        files = write_region(folder)
        settings = Settings(
            communes=files["communes"],
            flows=files["specialists"],
            hospital=files["hospital"],
            sites=files["sites"],
            pmsi_codes=files["pmsi_codes"],
            bridges=files["bridges"],
            period=say("cli.demo_period"),
            hospital_period=say("cli.demo_period"),
            territories=12,
            lang=lang or current_language(),
            title=say("cli.demo_title"),
            note=say("cli.demo_note"),
        )
        _work(settings, out, overwrite=overwrite)


def _run(
    *,
    out: Path | None,
    overwrite: bool,
    config: Path | None,
    columns: tuple[str, ...],
    ledger: Path | None,
    **options: Any,  # noqa: ANN401
) -> None:
    if out is None:
        msg = "--out"
        raise missing(msg)
    settings = settings_of(config, given_options(columns, options))
    _work(settings, out, overwrite=overwrite, ledger=ledger)


def _work(settings: Settings, out: Path, *, overwrite: bool, ledger: Path | None = None) -> None:
    """Compute, write, and say where to look."""
    from territories._writing import claimed, refuse_folder_name  # noqa: PLC0415
    from territories.pipeline import OUTPUTS, STAGES, compute, write  # noqa: PLC0415

    refuse_folder_name(out)
    refuse_early(settings, out, OUTPUTS, overwrite=overwrite)
    with claimed(out), progress(len(STAGES)) as tell:
        run = compute(settings, tell=tell)
        run = write(run, out, overwrite=overwrite, ledger=ledger, tell=tell)
    report(run, out)


def _scales(
    *,
    out: Path | None,
    overwrite: bool,
    config: Path | None,
    columns: tuple[str, ...],
    **options: Any,  # noqa: ANN401
) -> None:
    from territories._console import report_scales  # noqa: PLC0415
    from territories._scale_page import refuse_suffix, scale_rows, write_scales  # noqa: PLC0415
    from territories.pipeline import SCALE_STAGES, compute_scales  # noqa: PLC0415

    settings = settings_of(config, given_options(columns, options))
    if out is not None:
        refuse_suffix(out)
        refuse_early(settings, out.parent, (out.name,), overwrite=overwrite)
    with claimed_file(out), progress(len(SCALE_STAGES)) as tell:
        found, inputs = compute_scales(settings, tell=tell)
        rows = scale_rows(found, inputs.patients)
        if out is not None:
            write_scales(found, rows, out, overwrite=overwrite)
    for account in inputs.accounts:
        echo(account_line(account))
    report_scales(found, rows, out)


def _evaluate(
    *,
    zoning: str,
    against: tuple[str, ...],
    code: str | None,
    territory: str | None,
    out: Path | None,
    overwrite: bool,
    ledger: Path | None,
    config: Path | None,
    columns: tuple[str, ...],
    **options: Any,  # noqa: ANN401
) -> None:
    from territories import _assessed as work  # noqa: PLC0415
    from territories._console import report_assessment  # noqa: PLC0415
    from territories._writing import claimed  # noqa: PLC0415

    settings = settings_of(config, given_options(columns, options))
    first = work.ZoningFile.from_text(zoning)
    first = replace(first, code=code, territory=territory or first.territory)
    others = [work.ZoningFile.from_text(each) for each in against]
    place: AbstractContextManager[None] = nullcontext()
    if out is not None:
        inputs = [value for _, value in settings if isinstance(value, Path)]
        inputs += [each.path for each in (first, *others)]
        work.refuse_place(out, inputs, overwrite=overwrite)
        place = claimed_file(out) if out.suffix.lower() == ".csv" else claimed(out)
    with place, progress(len(work.ASSESSED_STAGES)) as tell:
        found = work.assess(settings, first, others, tell=tell)
        if out is not None:
            found = work.write_assessment(
                found, out, settings, overwrite=overwrite, ledger=ledger, tell=tell
            )
    report_assessment(found, out)


def _report_again(
    folder: Path,
    *,
    config: Path | None,
    overwrite: bool,
    lang: Language | None,
    against: tuple[str, ...],
    supply: Path | None,
    chains: Path | None,
    ledger: Path | None,
    **files: Path | None,
) -> None:
    from territories._assessed import ZoningFile  # noqa: PLC0415
    from territories._redo import settings_again  # noqa: PLC0415
    from territories.pipeline import REPORT_FILES, REPORT_STAGES  # noqa: PLC0415
    from territories.report import write_report  # noqa: PLC0415

    settings = settings_again(folder, files_again(config, files), lang=lang)
    refuse_early(settings, folder, REPORT_FILES, overwrite=overwrite)
    with progress(len(REPORT_STAGES)) as tell, using(settings.lang):
        others = [ZoningFile.from_text(each) for each in against]
        run = write_report(
            settings,
            folder,
            against=others,
            supply=supply,
            chains=chains,
            overwrite=overwrite,
            ledger=ledger,
            tell=tell,
        )
        for notice in run.kept_back:
            echo(say("cli.notice", notice=str(notice)))
    echo(say("cli.report_done", file=str(folder / "report.html"), tables="tables.xlsx"))


def _maps(
    folder: Path,
    *,
    config: Path | None,
    out: Path | None,
    format: str,  # noqa: A002 - the option's name
    size: Any,  # noqa: ANN401
    overwrite: bool,
    lang: Language | None,
    **files: Path | None,
) -> None:
    from territories._paper import MAP_STAGES, kinds_of, map_files, write_maps  # noqa: PLC0415
    from territories._redo import settings_again  # noqa: PLC0415
    from territories._writing import refuse_folder_name  # noqa: PLC0415

    kinds = kinds_of(format)
    place = folder / "maps" if out is None else out
    refuse_folder_name(place)
    settings = settings_again(folder, files_again(config, files), lang=lang)
    refuse_early(settings, place, map_files(kinds), overwrite=overwrite)
    with progress(len(MAP_STAGES)) as tell:
        written, notices = write_maps(
            settings, folder, place, kinds=kinds, size=size, overwrite=overwrite, tell=tell
        )
    for notice in notices:
        echo(say("cli.notice", notice=notice))
    echo(say("cli.maps_done", folder=str(place), files=", ".join(written)))


def _apply(
    folder: Path,
    log: Path,
    *,
    out: Path | None,
    config: Path | None,
    overwrite: bool,
    lang: Language | None,
    new_data: bool,
    no_overlaps: bool,
    without: tuple[str, ...],
    force: bool,
    skip: bool,
    name: str | None,
    author: str | None,
    ledger: Path | None,
    **files: Path | None,
) -> None:
    from territories import _applied as work  # noqa: PLC0415
    from territories._console import report_applied  # noqa: PLC0415
    from territories._redo import settings_again  # noqa: PLC0415
    from territories._writing import claimed, refuse_folder_name  # noqa: PLC0415
    from territories.pipeline import OUTPUTS  # noqa: PLC0415

    if out is None:
        msg = "--out"
        raise missing(msg)
    wanted = work.Wanted(
        log=log,
        force=force,
        skip=skip,
        overlaps=not no_overlaps,
        without=tuple(each for text in without for each in codes_of(text)),
        name=name,
        author=author or "",
        ledger=ledger,
    )
    given = files_again(config, files)
    settings = settings_again(folder, given, lang=lang, new_data=new_data)
    refuse_folder_name(out)
    refuse_early(settings, out, OUTPUTS, overwrite=overwrite)
    with claimed(out), progress(len(work.APPLIED_STAGES)) as tell, using(settings.lang):
        found = work.apply_log(folder, settings, wanted, new_data=new_data, tell=tell)
        run = work.write(found.run, out, overwrite=overwrite, ledger=ledger, tell=tell)
    report_applied(replace(found, run=run), out)


def _edit(
    folder: Path,
    *,
    config: Path | None,
    overwrite: bool,
    lang: Language | None,
    against: tuple[str, ...],
    draft: tuple[Path, ...],
    public: str | None,
    no_overlaps: bool,
    title: str | None,
    note: str | None,
    out: Path | None,
    ledger: Path | None,
    **files: Path | None,
) -> None:
    from territories import _editing as work  # noqa: PLC0415
    from territories._assessed import ZoningFile  # noqa: PLC0415
    from territories._redo import settings_again  # noqa: PLC0415

    given = files_again(config, files)
    settings = settings_again(folder, given, lang=lang)
    told = {name: text for name, text in (("title", title), ("note", note)) if text is not None}
    settings = settings.model_copy(update=told)
    asked = work.Workshop(
        folder,
        out=out,
        against=tuple(ZoningFile.from_text(each) for each in against),
        drafts=draft,
        public=None if public is None else tuple(codes_of(public)),
        overlaps=not no_overlaps,
        ledger=ledger,
    )
    work.refuse_editor(asked, list(given.values()), overwrite=overwrite)
    with claimed_file(asked.file), progress(len(work.EDIT_STAGES)) as tell:
        file = work.write_editor(settings, asked, overwrite=overwrite, tell=tell)
    echo(say("cli.edit_done" if public is None else "cli.edit_public", file=str(file)))


def _warmup(*, lang: Language | None) -> None:  # noqa: ARG001 - read before the command
    from territories._warmup import warmup  # noqa: PLC0415

    with progress(1) as tell:
        warmth = warmup(tell=tell)
    seconds = number(warmth.seconds, digits=1)
    echo(say("cli.warm_done" if warmth.compiled else "cli.warm_already", seconds=seconds))
    if warmth.folder is None:
        echo(say("cli.warm_not_kept"))
    else:
        echo(say("cli.warm_kept", folder=str(warmth.folder)))


def _check(
    *,
    files: tuple[Path, ...],
    communes: Path | None,
    columns: tuple[str, ...],
    lang: Language | None,  # noqa: ARG001 - read before the command
    **options: Any,  # noqa: ANN401
) -> None:
    from territories.check import check_files  # noqa: PLC0415

    given = {name: value for name, value in options.items() if value is not None}
    if "activities" in given:
        given["activities"] = toml_of(given["activities"])
    columns_given = mapping_of(columns) if columns else None
    accounts, faults = check_files(files, communes=communes, columns=columns_given, **given)
    for account in accounts:
        echo(account_line(account))
    if faults:
        raise InputError(*faults)
    echo(say("cli.check_done", files=len(accounts)))


def _audit(*, files: tuple[Path, ...], show: bool, lang: Language | None) -> int:  # noqa: ARG001 - read before the command
    from territories._console import report_audit  # noqa: PLC0415
    from territories.audit import audit  # noqa: PLC0415

    found = audit(files)
    report_audit(found, show=show)
    return int(len(found.found) > 0)


def _events(
    *,
    sources: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    columns: tuple[str, ...],
    lang: Language | None,  # noqa: ARG001 - read before the command
    **options: Any,  # noqa: ANN401
) -> None:
    from territories import _added_up as work  # noqa: PLC0415
    from territories._console import report_events  # noqa: PLC0415
    from territories._writing import claimed  # noqa: PLC0415

    given = given_options(columns, options, events=True)
    tables = [value for name, value in given.items() if isinstance(value, Path) and name != "spill"]
    work.refuse_flow_file(out, [*sources, *tables], overwrite=overwrite)
    with (
        claimed(out.parent, out.name, work.account_file(out).name),
        progress(len(work.ADDED_STAGES)) as tell,
    ):
        found = work.add_up(sources, out, overwrite=overwrite, tell=tell, **given)
    report_events(found, out)


def _fetch(
    *,
    fetch: str,
    year: int | None,
    region: str | None,
    cache: Path | None,
    refresh: bool,
    lang: Language | None,  # noqa: ARG001 - read before the command
) -> None:
    from territories import fetch as files  # noqa: PLC0415

    other = {"--year": year} if fetch == "communes" else {"--region": region}
    for option, value in other.items():
        if value is not None:
            message = say("cli.fetch_option", option=option, value=fetch)
            raise click.UsageError(message, ctx=click.get_current_context())
    table, notices = files.SOURCES, list[Sentence]()
    more: dict[str, Any] = {"cache": cache, "refresh": refresh, "sources": table}
    if fetch == "cog":
        found = files.cog_sources(year, table)
        with progress(len(found)) as tell:
            path = files.cog(year, notices=notices, tell=tell, **more) / found[0].file
    else:
        if region is None:
            msg = "--region"
            raise missing(msg)
        found = (files.layer_source(region, table),)
        with progress(len(found)) as tell:
            path = files.communes(region, notices=notices, tell=tell, **more)
    for each in notices:
        echo(say("cli.notice", notice=str(each)))
    echo(say(f"cli.fetched_{fetch}", path=path, events=path.with_name(found[-1].file)))
    first = found[0]
    echo(say("cli.source", source=first.attribution, licence=first.licence, page=first.page))


_WORK: Final[dict[str, Callable[..., int | None]]] = {
    "demo": _demo,
    "check": _check,
    "events": _events,
    "run": _run,
    "scales": _scales,
    "evaluate": _evaluate,
    "report": _report_again,
    "maps": alone(_maps),
    "edit": alone(_edit),
    "apply": alone(_apply),
    "fetch": _fetch,
    "audit": _audit,
    "warmup": _warmup,
}


if __name__ == "__main__":
    sys.exit(main())
