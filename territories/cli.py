"""The command line: the commands of `territories`, from their words to their work."""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from pydantic import ValidationError

from territories._console import account_line, echo, progress, report
from territories._options import commands, usage
from territories._words import Language, Sentence, current_language, number, say, using
from territories.errors import InputError, TerritoriesError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from territories.pipeline import Settings

_PATH: Final = click.Path(path_type=Path)

# What pydantic calls the faults of a setting, and our words for what was expected.
_EXPECTED: Final = {
    "int": "cli.expected_integer",
    "float": "cli.expected_number",
    "literal": "cli.expected_choice",
    "dict": "cli.expected_table",
    "list": "cli.expected_list",
    "bool": "cli.expected_boolean",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0 done, 1 refused, 2 wrong usage."""
    words = _one_column_each(sys.argv[1:] if arguments is None else arguments)
    with using(_language(words)):
        try:
            # The commands are built in the language of the moment, help included.
            code = commands(_WORK).main(words, prog_name="territories", standalone_mode=False)
        except click.UsageError as problem:
            context = problem.ctx.command_path if problem.ctx else "territories"
            echo(say("cli.usage", problem=usage(problem), command=context), err=True)
            return 2
        except click.Abort:
            echo(say("cli.interrupted"), err=True)
            return 1
        except TerritoriesError as refusal:
            echo(say("cli.refused", reasons=str(refusal)), err=True)
            return 1
        return code if isinstance(code, int) else 0


def _one_column_each(words: Sequence[str]) -> list[str]:
    """Let ``--columns a=b c=d`` stand for ``--columns a=b --columns c=d``."""
    spread: list[str] = []
    inside = False
    for word in words:
        inside = word == "--columns" or (inside and "=" in word and not word.startswith("-"))
        if inside and word != "--columns" and spread[-1] != "--columns":
            spread.append("--columns")
        spread.append(word)
    return spread


def _language(words: Sequence[str]) -> Language:
    """Find the language before the options are read, since help and refusals are in it."""
    for position, word in enumerate(words):
        if word == "--lang" and position + 1 < len(words):
            return "en" if words[position + 1] == "en" else "fr"
        if word.startswith("--lang="):
            return "en" if word == "--lang=en" else "fr"
    return "en" if os.environ.get("TERRITORIES_LANG", "fr").lower().startswith("en") else "fr"


def _demo(out: Path, *, overwrite: bool, lang: Language | None) -> None:
    import tempfile  # noqa: PLC0415

    from territories.datasets import write_region  # noqa: PLC0415
    from territories.pipeline import Settings  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
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
    **options: Any,  # noqa: ANN401
) -> None:
    if out is None:
        msg = "--out"
        raise _missing(msg)
    _work(_settings(config, _given(columns, options)), out, overwrite=overwrite)


def _given(columns: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Bring the options of a command to settings."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "activities" in given:
        given["activities"] = _toml(given["activities"])
    if columns:
        given["columns"] = _mapping(columns)
    for name in ("together", "apart"):
        if name in given:
            given[name] = [_codes(each) for each in given[name]]
    if "poles" in given:
        given["poles"] = [code for each in given["poles"] for code in _codes(each)]
    if given.pop("in_pieces", False):
        given["contiguous"] = False
    return given


def _codes(text: str) -> list[str]:
    """Read codes separated by commas, semicolons or blanks."""
    return re.findall(r"[^,;\s]+", text)


def _missing(option: str) -> click.UsageError:
    message = say("cli.option_missing", option=option)
    return click.UsageError(message, ctx=click.get_current_context())


def _settings(config: Path | None, given: dict[str, Any]) -> Settings:
    """Join the configuration file and the options; an option wins."""
    from territories._tables import ALIASES  # noqa: PLC0415
    from territories.pipeline import Settings  # noqa: PLC0415

    from_file: dict[str, Any] = {}
    if config is not None:
        from_file = _toml(config)
        from_file |= _config_files(from_file, config)
    values = {"lang": current_language(), **from_file, **given}
    if "steps" in values:
        options = values.get("options", {})
        values["options"] = {
            **(options if isinstance(options, dict) else {}),
            "steps": values.pop("steps"),
        }
    for name in ("communes", "flows"):
        if name not in values:
            msg = f"--{name}"
            raise _missing(msg)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as problem:
        file = "--config" if config is None else str(config)
        raise InputError(
            *(
                fault(
                    "config",
                    file=file,
                    place=str(each["loc"][0]),
                    problem=_config_problem(each, list(Settings.model_fields)),
                )
                for each in problem.errors()
            )
        ) from problem
    unknown = [
        fault("config", file=str(config), place=f"columns.{name}", problem=_near_key(name, ALIASES))
        for name in settings.columns
        if name not in ALIASES
    ]
    if unknown:
        raise InputError(*unknown)
    return settings


def _toml(path: Path) -> dict[str, Any]:
    """Read a file of settings."""
    from territories._files import readable  # noqa: PLC0415

    try:
        return tomllib.loads(readable(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise InputError(fault("config_encoding", file=str(path))) from problem
    except tomllib.TOMLDecodeError as problem:
        values = {"file": str(path), "problem": str(problem)}
        raise InputError(fault("config_syntax", **values)) from problem


def _config_problem(problem: Any, known: list[str]) -> str:  # noqa: ANN401
    if problem["type"] != "extra_forbidden":
        kind = str(problem["type"]).split("_")[0]
        choices = re.findall("'([^']*)'", str(problem.get("ctx", {}).get("expected", "")))
        return say(_EXPECTED.get(kind, "cli.expected_text"), values=", ".join(choices))
    return _near_key(str(problem["loc"][0]), known)


def _near_key(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return say("cli.config_key_near", near=near[0]) if near else say("cli.config_key")


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Read pairs of our name and theirs, ``ours=theirs``."""
    from territories._tables import ALIASES  # noqa: PLC0415

    mapping = {}
    for pair in pairs:
        ours, sign, theirs = pair.partition("=")
        if not sign or not theirs or ours not in ALIASES:
            raise InputError(fault("columns_option", value=pair, known=", ".join(ALIASES)))
        mapping[ours] = theirs
    return mapping


def _work(settings: Settings, out: Path, *, overwrite: bool) -> None:
    """Compute, write, and say where to look."""
    from territories._writing import refuse_folder_name  # noqa: PLC0415
    from territories.pipeline import FILES, REPORT_FILES, STAGES, compute, write  # noqa: PLC0415

    refuse_folder_name(out)
    _refuse_early(settings, out, (*FILES, *REPORT_FILES), overwrite=overwrite)
    with progress(len(STAGES)) as tell:
        run = compute(settings, tell=tell)
        write(run, out, overwrite=overwrite, tell=tell)
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

    settings = _settings(config, _given(columns, options))
    if out is not None:
        refuse_suffix(out)
        _refuse_early(settings, out.parent, (out.name,), overwrite=overwrite)
    with progress(len(SCALE_STAGES)) as tell:
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
    config: Path | None,
    columns: tuple[str, ...],
    **options: Any,  # noqa: ANN401
) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from territories import _assessed as work  # noqa: PLC0415
    from territories._console import report_assessment  # noqa: PLC0415

    settings = _settings(config, _given(columns, options))
    first = work.ZoningFile.from_text(zoning)
    first = replace(first, code=code, territory=territory or first.territory)
    others = [work.ZoningFile.from_text(each) for each in against]
    if out is not None:
        inputs = [value for _, value in settings if isinstance(value, Path)]
        inputs += [each.path for each in (first, *others)]
        work.refuse_place(out, inputs, overwrite=overwrite)
    with progress(len(work.ASSESSED_STAGES)) as tell:
        found = work.assess(settings, first, others, tell=tell)
        if out is not None:
            work.write_assessment(found, out, settings, overwrite=overwrite, tell=tell)
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
    **files: Path | None,
) -> None:
    from territories._assessed import ZoningFile  # noqa: PLC0415
    from territories._redo import settings_again  # noqa: PLC0415
    from territories.pipeline import REPORT_FILES, REPORT_STAGES  # noqa: PLC0415
    from territories.report import write_report  # noqa: PLC0415

    given = {} if config is None else _config_files(_toml(config), config)
    given |= {role: path for role, path in files.items() if path is not None}
    settings = settings_again(folder, given, lang=lang)
    _refuse_early(settings, folder, REPORT_FILES, overwrite=overwrite)
    with progress(len(REPORT_STAGES)) as tell, using(settings.lang):
        others = [ZoningFile.from_text(each) for each in against]
        write_report(
            settings,
            folder,
            against=others,
            supply=supply,
            chains=chains,
            overwrite=overwrite,
            tell=tell,
        )
    echo(say("cli.report_done", file=str(folder / "report.html"), tables="tables.xlsx"))


def _config_files(values: dict[str, Any], config: Path) -> dict[str, Path]:
    """Find the files that a configuration names: they are beside it."""
    from territories._files import readable  # noqa: PLC0415
    from territories._redo import ROLES  # noqa: PLC0415

    place = readable(config)
    named = {name: values[name] for name in ROLES if isinstance(values.get(name), str)}
    return {name: place.parent / file for name, file in named.items()}


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


def _refuse_early(settings: Settings, out: Path, files: Sequence[str], *, overwrite: bool) -> None:
    """Refuse before the long work what would be refused after it."""
    present = [name for name in files if (out / name).exists()]
    if present and not overwrite:
        raise InputError(fault("output_exists", file=str(out), values=", ".join(present)))
    if out.exists() and not out.is_dir():
        raise InputError(fault("output_is_file", file=str(out)))
    inputs = {value.resolve() for _, value in settings if isinstance(value, Path)}
    lost = sorted(str(out / name) for name in files if (out / name).resolve() in inputs)
    if lost:
        raise InputError(*(fault("output_is_input", file=name) for name in lost))


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
        given["activities"] = _toml(given["activities"])
    columns_given = _mapping(columns) if columns else None
    accounts, faults = check_files(files, communes=communes, columns=columns_given, **given)
    for account in accounts:
        echo(account_line(account))
    if faults:
        raise InputError(*faults)
    echo(say("cli.check_done", files=len(accounts)))


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
            raise _missing(msg)
        found = (files.layer_source(region, table),)
        with progress(len(found)) as tell:
            path = files.communes(region, notices=notices, tell=tell, **more)
    for each in notices:
        echo(say("cli.notice", notice=str(each)))
    echo(say(f"cli.fetched_{fetch}", path=path, events=path.with_name(found[-1].file)))
    first = found[0]
    echo(say("cli.source", source=first.attribution, licence=first.licence, page=first.page))


_WORK: Final[dict[str, Callable[..., None]]] = {
    "demo": _demo,
    "check": _check,
    "run": _run,
    "scales": _scales,
    "evaluate": _evaluate,
    "report": _report_again,
    "fetch": _fetch,
    "warmup": _warmup,
}


if __name__ == "__main__":
    sys.exit(main())
