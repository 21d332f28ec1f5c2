"""The command line: `territories demo`, `check` and `run`."""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click
from pydantic import ValidationError

from territories import __version__
from territories._console import account_line, echo, progress, report
from territories._words import Language, current_language, say, using
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
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0 done, 1 refused, 2 wrong usage."""
    words = _one_column_each(sys.argv[1:] if arguments is None else arguments)
    with using(_language(words)):
        try:
            # The commands are built in the language of the moment, help included.
            code = _commands().main(words, prog_name="territories", standalone_mode=False)
        except click.UsageError as problem:
            context = problem.ctx.command_path if problem.ctx else "territories"
            echo(say("cli.usage", problem=_usage(problem), command=context), err=True)
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


def _usage(problem: click.UsageError) -> str:
    """Say what is wrong with the words of the command."""
    if isinstance(problem, click.MissingParameter) and problem.param is not None:
        if isinstance(problem.param, click.Argument):
            return say("cli.no_file")
        return say("cli.option_missing", option=problem.param.opts[-1])
    if isinstance(problem, click.NoSuchOption):
        near = ", ".join(problem.possibilities or ())
        key = "cli.option_unknown_near" if near else "cli.option_unknown"
        return say(key, option=problem.option_name, near=near)
    if isinstance(problem, click.BadParameter) and problem.param is not None:
        option, kind = problem.param.opts[-1], problem.param.type
        if isinstance(kind, click.Choice):
            return say("cli.option_choice", option=option, values=", ".join(kind.choices))
        expected = {"integer": "cli.option_integer", "float": "cli.option_number"}
        return say(expected.get(kind.name, "cli.option_value"), option=option)
    extra = re.search(r"extra arguments? \((.*)\)", problem.format_message())
    return say("cli.extra", value=extra[1]) if extra else problem.format_message()


def _commands() -> click.Group:
    """Build the commands."""
    group = _Commands(
        name="territories",
        help=say("cli.help"),
        epilog=say("cli.help_end"),
        context_settings={"max_content_width": 100},
        add_help_option=False,
        no_args_is_help=False,
        invoke_without_command=True,
        callback=_help_alone,
    )
    group.params.append(
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help=say("cli.help_version"),
        )
    )
    group.params += [_lang_option(expose_value=False), _help_option()]
    group.add_command(_demo_command())
    group.add_command(_check_command())
    group.add_command(_run_command())
    return group


@click.pass_context
def _help_alone(context: click.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        echo(context.get_help())


class _Commands(click.Group):
    """The group of commands, which says in the language of the moment that there is no such one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line."""
        if args and self.get_command(ctx, args[0]) is None:
            known = ", ".join(self.list_commands(ctx))
            ctx.fail(say("cli.command_unknown", name=args[0], known=known))
        return super().resolve_command(ctx, args)


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        echo(f"territories {__version__}")
        context.exit()


def _option(name: str, **more: Any) -> click.Option:  # noqa: ANN401
    key = name.removeprefix("--").replace("-", "_")
    return click.Option([name], help=say(f"cli.help_{key}"), **more)


def _lang_option(**more: Any) -> click.Option:  # noqa: ANN401
    return _option("--lang", type=click.Choice(get_args(Language)), default=None, **more)


def _help_option() -> click.Option:
    """Make the option of help, whose own words are ours too."""

    def show(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
        if wanted:
            echo(context.get_help())
            context.exit()

    return click.Option(
        ["-h", "--help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=say("cli.help_help"),
    )


def _command(
    name: str, callback: Callable[..., None], params: list[click.Parameter]
) -> click.Command:
    # \b keeps the lines of the examples as they are.
    text = f"{say(f'cli.help_{name}')}\n\n\b\n{say(f'cli.examples_{name}')}"
    return click.Command(
        name,
        callback=callback,
        params=[*params, _help_option()],
        help=text,
        add_help_option=False,
    )


def _demo_command() -> click.Command:
    return _command(
        "demo",
        _demo,
        [
            _option("--out", type=_PATH, default=Path("demo")),
            _option("--overwrite", is_flag=True),
            _lang_option(),
        ],
    )


def _check_command() -> click.Command:
    return _command(
        "check",
        _check,
        [
            click.Argument(["files"], nargs=-1, required=True, type=_PATH),
            _option("--communes", type=_PATH),
            _option("--cog-table", type=_PATH),
            _option("--on-unknown", type=click.Choice(["error", "aside", "external"])),
            _option("--columns", multiple=True, metavar="OURS=THEIRS"),
            _lang_option(),
        ],
    )


def _run_command() -> click.Command:
    file_options = ("communes", "flows", "hospital", "sites", "pmsi-codes", "config")
    return _command(
        "run",
        _run,
        [
            *(_option(f"--{name}", type=_PATH) for name in file_options),
            _option("--territories", type=int),
            _option("--resolution", type=float),
            _option("--min-population", type=int),
            _option("--max-population", type=int),
            _option("--method", type=str),
            _option("--columns", multiple=True, metavar="OURS=THEIRS"),
            _option("--cog", type=int),
            _option("--cog-table", type=_PATH),
            _option("--allocation", type=click.Choice(["population", "uniform", "same"])),
            _option("--bridges", type=_PATH),
            _option("--hospital-weight", type=float),
            _option("--on-unknown", type=click.Choice(["error", "aside", "external"])),
            _option("--seed", type=int),
            _lang_option(),
            _option("--overwrite", is_flag=True),
            _option("--out", type=_PATH),
        ],
    )


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
    given = {name: value for name, value in options.items() if value is not None}
    if columns:
        given["columns"] = _mapping(columns)
    _work(_settings(config, given), out, overwrite=overwrite)


def _missing(option: str) -> click.UsageError:
    message = say("cli.option_missing", option=option)
    return click.UsageError(message, ctx=click.get_current_context())


def _settings(config: Path | None, given: dict[str, Any]) -> Settings:
    """Join the configuration file and the options; an option wins."""
    from territories._tables import ALIASES, readable  # noqa: PLC0415
    from territories.pipeline import Settings  # noqa: PLC0415

    from_file: dict[str, Any] = {}
    if config is not None:
        place = readable(config)
        try:
            from_file = tomllib.loads(place.read_text(encoding="utf-8"))
        except UnicodeDecodeError as problem:
            raise InputError(fault("config_encoding", file=str(config))) from problem
        except tomllib.TOMLDecodeError as problem:
            raise InputError(
                fault("config_syntax", file=str(config), problem=str(problem))
            ) from problem
        for name in (
            "communes",
            "flows",
            "hospital",
            "sites",
            "pmsi_codes",
            "bridges",
            "cog_table",
        ):
            if isinstance(from_file.get(name), str):  # beside the configuration file
                from_file[name] = place.parent / from_file[name]
    values = {"lang": current_language(), **from_file, **given}
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
    from territories.pipeline import FILES, STAGES, compute, write  # noqa: PLC0415

    _refuse_early(settings, out, FILES, overwrite=overwrite)
    with progress(len(STAGES)) as tell:
        run = compute(settings, tell=tell)
        write(run, out, overwrite=overwrite, tell=tell)
    report(run, out)


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
    cog_table: Path | None,
    on_unknown: Any,  # noqa: ANN401
    columns: tuple[str, ...],
    lang: Language | None,  # noqa: ARG001 - read before the command
) -> None:
    from territories.check import check_files  # noqa: PLC0415

    accounts, faults = check_files(
        files,
        communes=communes,
        cog_table=cog_table,
        on_unknown=on_unknown or "error",
        columns=_mapping(columns) if columns else None,
    )
    for account in accounts:
        echo(account_line(account))
    if faults:
        raise InputError(*faults)
    echo(say("cli.check_done", files=len(accounts)))


if __name__ == "__main__":
    sys.exit(main())
