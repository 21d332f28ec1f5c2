"""The settings of a command: its options and its configuration file, joined and checked."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

import click
from pydantic import ValidationError

from territories._words import current_language, say
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from territories.pipeline import Settings

# What pydantic calls the faults of a setting, and our words for what was expected.
_EXPECTED: Final = {
    "int": "cli.expected_integer",
    "float": "cli.expected_number",
    "literal": "cli.expected_choice",
    "dict": "cli.expected_table",
    "list": "cli.expected_list",
    "bool": "cli.expected_boolean",
}


def given_options(
    columns: tuple[str, ...], options: dict[str, Any], *, events: bool = False
) -> dict[str, Any]:
    """Bring the options of a command to settings."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "activities" in given:
        given["activities"] = toml_of(given["activities"])
    if columns:
        given["columns"] = mapping_of(columns, events=events)
    for name in ("together", "apart"):
        if name in given:
            given[name] = [codes_of(each) for each in given[name]]
    if "poles" in given:
        given["poles"] = [code for each in given["poles"] for code in codes_of(each)]
    if given.pop("in_pieces", False):
        given["contiguous"] = False
    return given


def codes_of(text: str) -> list[str]:
    """Read codes separated by commas, semicolons or blanks."""
    return re.findall(r"[^,;\s]+", text)


def missing(option: str) -> click.UsageError:
    message = say("cli.option_missing", option=option)
    return click.UsageError(message, ctx=click.get_current_context())


def settings_of(config: Path | None, given: dict[str, Any]) -> Settings:
    """Join the configuration file and the options; an option wins."""
    from territories._heads import ALIASES, OF_EVENTS  # noqa: PLC0415
    from territories.pipeline import Settings  # noqa: PLC0415

    from_file: dict[str, Any] = {}
    if config is not None:
        from_file = toml_of(config)
        from_file |= config_files(from_file, config)
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
            raise missing(msg)
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
    known = [name for name in ALIASES if name not in OF_EVENTS]
    unknown = [
        fault("config", file=str(config), place=f"columns.{name}", problem=_near_key(name, known))
        for name in settings.columns
        if name not in known
    ]
    if unknown:
        raise InputError(*unknown)
    return settings


def toml_of(path: Path) -> dict[str, Any]:
    """Read a file of settings."""
    from territories._files import readable  # noqa: PLC0415

    try:
        return tomllib.loads(readable(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise InputError(fault("config_encoding", file=str(path))) from problem
    except RecursionError:
        raise InputError(fault("config_deep", file=str(path))) from None
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


def mapping_of(pairs: Sequence[str], *, events: bool = False) -> dict[str, str]:
    """Read pairs of our name and theirs, ``ours=theirs``; those of events where events are read."""
    from territories._heads import ALIASES, OF_EVENTS  # noqa: PLC0415

    known = [name for name in ALIASES if events or name not in OF_EVENTS]
    mapping = {}
    for pair in pairs:
        ours, sign, theirs = pair.partition("=")
        if not sign or not theirs or ours not in known:
            raise InputError(fault("columns_option", value=pair, known=", ".join(known)))
        mapping[ours] = theirs
    return mapping


def config_files(values: dict[str, Any], config: Path) -> dict[str, Path]:
    """Find the files that a configuration names: they are beside it."""
    from territories._files import readable  # noqa: PLC0415
    from territories._redo import ROLES  # noqa: PLC0415

    place = readable(config)
    named = {name: values[name] for name in ROLES if isinstance(values.get(name), str)}
    return {name: place.parent / file for name, file in named.items()}


def files_again(config: Path | None, files: Mapping[str, Path | None]) -> dict[str, Path]:
    """Gather the files of a run, given again by options or by its configuration."""
    given = {} if config is None else config_files(toml_of(config), config)
    return given | {role: path for role, path in files.items() if path is not None}
