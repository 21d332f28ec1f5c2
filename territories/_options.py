"""The words of the command line: commands, options, help and wrong usage, in two languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from territories._console import echo
from territories._version import __version__
from territories._words import Language, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PATH: Final = click.Path(path_type=Path)
_UNKNOWN: Final = click.Choice(["error", "aside", "external"])


def usage(problem: click.UsageError) -> str:
    """Say what is wrong with the words of the command."""
    if isinstance(problem, click.BadParameter) and problem.param is not None:
        kind = problem.param.type
        if isinstance(kind, click.Choice):
            values = ", ".join(kind.choices)
            return say("cli.option_choice", option=problem.param.opts[-1], values=values)
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
        expected = {"integer": "cli.option_integer", "float": "cli.option_number"}
        return say(expected.get(kind.name, "cli.option_value"), option=option)
    extra = re.search(r"extra arguments? \((.*)\)", problem.format_message())
    return say("cli.extra", value=extra[1]) if extra else problem.format_message()


def commands(work: Mapping[str, Callable[..., int | None]]) -> click.Group:
    """Build the commands.

    Parameters
    ----------
    work
        What each command does, by its name.
    """
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
    for name, options in _OPTIONS.items():
        group.add_command(_command(name, work[name], options()))
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


def _option(name: str, *, key: str | None = None, **more: Any) -> click.Option:  # noqa: ANN401
    key = key or name.removeprefix("--").replace("-", "_")
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
    name: str, callback: Callable[..., int | None], params: list[click.Parameter]
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


def _ledger_option() -> click.Option:
    return _option("--ledger", type=_PATH, metavar="FOLDER|FILE")


def _demo_options() -> list[click.Parameter]:
    return [
        _option("--out", type=_PATH, default=Path("demo")),
        _option("--overwrite", is_flag=True),
        _lang_option(),
    ]


def _check_options() -> list[click.Parameter]:
    return [
        click.Argument(["files"], nargs=-1, required=True, type=_PATH),
        _option("--communes", type=_PATH),
        *_reading_options(),
        _lang_option(),
    ]


def _audit_options() -> list[click.Parameter]:
    return [
        click.Argument(["files"], nargs=-1, required=True, type=_PATH),
        _option("--show", is_flag=True),
        _lang_option(),
    ]


def _reading_options() -> list[click.Parameter]:
    """Return the options that tell how files are to be understood."""
    return [
        *_column_options(),
        _option("--year", key="extract_year", type=str),
        _option("--duplicates", type=click.Choice(["error", "sum", "first"])),
        *_cell_options(),
        _option("--residences", type=click.Choice(["communes", "pmsi"])),
        _option("--sheet", type=str),
        *_layer_options(),
    ]


def _column_options() -> list[click.Parameter]:
    """Return the options that tell what the codes and labels of a table are."""
    return [
        _option("--columns", multiple=True, metavar="OURS=THEIRS"),
        _option("--cog", type=int),
        _option("--cog-table", type=_PATH),
        _option("--on-unknown", type=_UNKNOWN),
        _option("--activities", type=_PATH),
        _option("--activity", type=str),
        _option("--allow-new", is_flag=True, default=None),
    ]


def _cell_options() -> list[click.Parameter]:
    """Return the options that tell what masked cells and arrondissements stand for."""
    return [
        _option("--dash", type=click.Choice(["masked", "zero"])),
        _option("--masked-as", type=int),
        _option("--arrondissements", type=click.Choice(["city", "kept"])),
    ]


def _layer_options() -> list[click.Parameter]:
    """Return the options that tell how the file of communes is to be read."""
    return [_option("--layer", type=str), _option("--crs", type=str)]


def _allocation_option() -> click.Option:
    return _option("--allocation", type=click.Choice(["population", "uniform", "same"]))


def _file_options() -> list[click.Parameter]:
    """Return the options that name the files of a run."""
    names = ("communes", "flows", "hospital", "sites", "pmsi-codes", "config")
    return [_option(f"--{name}", type=_PATH) for name in names]


def _division_options() -> list[click.Parameter]:
    """Return the options that say what a division must keep to, and how flows weigh in it."""
    return [
        _option("--min-population", type=int),
        _option("--max-population", type=int),
        _option("--together", multiple=True, metavar="CODES"),
        _option("--apart", multiple=True, metavar="CODES"),
        _option("--locked", type=_PATH),
        _option("--poles", multiple=True, metavar="CODES"),
        _option("--bridges", type=_PATH),
        _option("--professionals", type=_PATH),
        _option("--weights", type=click.Choice(["volume", "equal", "dominance", "concordance"])),
        _option("--hospital-weight", type=float),
        _option("--seed", type=int),
    ]


def _run_options() -> list[click.Parameter]:
    return [
        *_file_options(),
        _option("--territories", type=int),
        _option("--resolution", type=float),
        *_division_options(),
        _option("--method", type=str),
        _option("--in-pieces", is_flag=True, default=None),
        _option("--steps", type=int),
        _option("--runs", type=int),
        *_reading_options(),
        _option("--period", type=str, metavar="YEARS"),
        _option("--hospital-period", type=str, metavar="YEARS"),
        _allocation_option(),
        _ledger_option(),
        _lang_option(),
        _option("--overwrite", is_flag=True),
        _option("--out", type=_PATH),
    ]


def _scales_options() -> list[click.Parameter]:
    return [
        *_file_options(),
        *_division_options(),
        *_reading_options(),
        _allocation_option(),
        _lang_option(),
        _option("--overwrite", is_flag=True),
        _option("--out", key="scales_out", type=_PATH),
    ]


def _evaluate_options() -> list[click.Parameter]:
    return [
        click.Argument(["zoning"], type=str),
        *_file_options(),
        _option("--against", multiple=True, metavar="[NAME=]FILE[#COLUMN]"),
        _option("--code", type=str),
        _option("--territory", type=str),
        _option("--bridges", type=_PATH),
        _option("--professionals", type=_PATH),
        *_reading_options(),
        _allocation_option(),
        _ledger_option(),
        _lang_option(),
        _option("--overwrite", is_flag=True),
        _option("--out", key="evaluate_out", type=_PATH),
    ]


def _report_options() -> list[click.Parameter]:
    names = ("bridges", "locked", "professionals", "cog-table")
    return [
        click.Argument(["folder"], type=_PATH),
        *_file_options(),
        *(_option(f"--{name}", type=_PATH) for name in names),
        _option("--against", multiple=True, metavar="[NAME=]FILE[#COLUMN]"),
        _option("--supply", type=_PATH),
        _option("--chains", type=_PATH),
        _ledger_option(),
        _lang_option(),
        _option("--overwrite", is_flag=True),
    ]


def _maps_options() -> list[click.Parameter]:
    names = ("bridges", "locked", "professionals", "cog-table")
    return [
        click.Argument(["folder"], type=_PATH),
        *_file_options(),
        *(_option(f"--{name}", type=_PATH) for name in names),
        _option("--format", key="map_format", type=str, default="pdf"),
        _option("--size", key="map_size", type=click.Choice(["A4", "A3"]), default="A3"),
        _lang_option(),
        _option("--overwrite", is_flag=True),
        _option("--out", key="maps_out", type=_PATH),
    ]


def _edit_options() -> list[click.Parameter]:
    names = ("bridges", "locked", "professionals", "cog-table")
    return [
        click.Argument(["folder"], type=_PATH),
        *_file_options(),
        *(_option(f"--{name}", type=_PATH) for name in names),
        _option("--against", multiple=True, metavar="[NAME=]FILE[#COLUMN]"),
        _option("--draft", multiple=True, type=_PATH, metavar="FOLDER"),
        _option("--public", type=str, metavar="STATUS,..."),
        _option("--no-overlaps", is_flag=True),
        _option("--title", type=str),
        _option("--note", type=str),
        _ledger_option(),
        _lang_option(),
        _option("--overwrite", is_flag=True),
        _option("--out", key="edit_out", type=_PATH),
    ]


def _apply_options() -> list[click.Parameter]:
    names = ("bridges", "locked", "professionals", "cog-table")
    return [
        click.Argument(["folder"], type=_PATH),
        click.Argument(["log"], type=_PATH),
        *_file_options(),
        *(_option(f"--{name}", type=_PATH) for name in names),
        _option("--force", is_flag=True),
        _option("--skip", is_flag=True),
        _option("--without", multiple=True, metavar="NUMBERS"),
        _option("--no-overlaps", is_flag=True),
        _option("--new-data", is_flag=True),
        _option("--name", type=str),
        _option("--author", type=str),
        _ledger_option(),
        _lang_option(),
        _option("--overwrite", is_flag=True),
        _option("--out", key="apply_out", type=_PATH),
    ]


def _events_options() -> list[click.Parameter]:
    return [
        click.Argument(["sources"], nargs=-1, required=True, type=_PATH, metavar="SOURCE..."),
        _option("--out", key="events_out", type=_PATH, required=True),
        _option("--masked", is_flag=True),
        _option("--communes", key="events_communes", type=_PATH),
        _option("--period", key="events_period", type=str, metavar="YEARS"),
        *_column_options(),
        *_cell_options(),
        _option("--pmsi-codes", key="events_pmsi_codes", type=_PATH),
        _allocation_option(),
        *_layer_options(),
        _option("--backend", type=click.Choice(["duckdb", "spark"]), default="duckdb"),
        _option("--master", type=str, metavar="URL"),
        _option("--memory", type=str, default="2GB", metavar="SIZE"),
        _option("--spill", type=_PATH, metavar="FOLDER"),
        _lang_option(),
        _option("--overwrite", is_flag=True),
    ]


def _warmup_options() -> list[click.Parameter]:
    return [_lang_option()]


def _fetch_options() -> list[click.Parameter]:
    return [
        click.Argument(["fetch"], type=click.Choice(["cog", "communes"])),
        _option("--year", type=int),
        _option("--region", type=str),
        _option("--cache", type=_PATH),
        _option("--refresh", is_flag=True),
        _lang_option(),
    ]


_OPTIONS: Final[dict[str, Callable[[], list[click.Parameter]]]] = {
    "demo": _demo_options,
    "check": _check_options,
    "events": _events_options,
    "run": _run_options,
    "scales": _scales_options,
    "evaluate": _evaluate_options,
    "report": _report_options,
    "maps": _maps_options,
    "edit": _edit_options,
    "apply": _apply_options,
    "fetch": _fetch_options,
    "audit": _audit_options,
    "warmup": _warmup_options,
}
