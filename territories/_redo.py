"""Doing a run again: its settings from its folder, its inputs from the user, checked by hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from territories._files import readable
from territories._inputs import TABLES, Settings, roles
from territories._layer_files import sha256
from territories._words import say, visible
from territories._writing import refuse_incomplete
from territories.errors import InputError, fault
from territories.export import bare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from territories.reconciliation import Reconciliation
    from territories.zoning import Zoning

ROLES = ("communes", "flows", "hospital", *TABLES, "cog_table")


def recorded(folder: str | Path) -> dict[str, Any]:
    """Read the record of a run.

    Raises
    ------
    InputError
        If the folder holds none, or one that is not ours.
    """
    place = Path(folder) / "run.json"
    refuse_incomplete(place)
    if not place.is_file():
        raise InputError(fault("run_missing", file=str(folder)))
    try:
        record = json.loads(readable(place).read_text(encoding="utf-8"))
        whole = {role: (each["file"], each["sha256"]) for role, each in record["inputs"].items()}
        known = bool(whole) and isinstance(record["settings"], dict)
        if "revised" in record:
            known &= isinstance(record["revised"]["parent"]["name"], str)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InputError(fault("run_unreadable", file=str(place))) from problem
    if not known:
        raise InputError(fault("run_unreadable", file=str(place)))
    return dict(record)


def settings_again(
    folder: str | Path,
    given: Mapping[str, Path],
    *,
    lang: str | None = None,
    new_data: bool = False,
) -> Settings:
    """Join the settings of a run with its input files, which its folder does not hold.

    Parameters
    ----------
    folder
        Of the run.
    given
        The input files by role, as `Settings` names them.
    lang
        Another language than that of the run.
    new_data
        Take inputs whose content has changed.

    Raises
    ------
    InputError
        All at once: inputs that are missing, that the run did not have, or that have changed.
    """
    record = recorded(folder)
    inputs = record["inputs"]
    faults = []
    for role, path in given.items():
        if role not in inputs:
            faults.append(fault("run_input_unasked", option=_option(role), file=str(path)))
    for role, each in inputs.items():
        if role not in given:
            faults.append(fault("run_input_missing", option=_option(role), file=each["file"]))
            continue
        # The hash of a shapefile or of a list of communes is that of several files: see below.
        simple = role != "cog_table" and given[role].suffix.lower() != ".shp"
        if not new_data and simple and sha256([readable(given[role])]) != each["sha256"]:
            faults.append(_changed(role, given[role], each))
    if faults:
        raise InputError(*faults)
    values = {**record["settings"], **given}
    if lang is not None:
        values["lang"] = lang
    try:
        return Settings.model_validate(values)
    except ValidationError as problem:
        raise InputError(fault("run_unreadable", file=str(Path(folder) / "run.json"))) from problem


def refuse_changed(
    folder: str | Path, settings: Settings, accounts: Sequence[Reconciliation]
) -> None:
    """Refuse inputs that are not those of the run, once they are read."""
    inputs = recorded(folder)["inputs"]
    faults = [
        _changed(role, getattr(settings, role), inputs[role])
        for role in changed_roles(folder, settings, accounts)
    ]
    if faults:
        raise InputError(*faults)


def changed_roles(
    folder: str | Path, settings: Settings, accounts: Sequence[Reconciliation]
) -> list[str]:
    """Name the inputs that are not those of the run."""
    inputs = recorded(folder)["inputs"]
    return [
        role
        for role, account in zip(roles(settings), accounts, strict=True)
        if inputs[role]["sha256"] != account.sha256
    ]


def _changed(role: str, path: Path, before: Mapping[str, str]) -> Any:  # noqa: ANN401 - a Sentence
    values = {"option": _option(role), "file": str(path), "before": before["file"]}
    return fault("run_input_changed", **values)


def _option(role: str) -> str:
    return f"--{role.replace('_', '-')}"


def same_labels(folder: str | Path, zoning: Zoning) -> bool | None:
    """Tell whether a zoning is the one in the communes.csv of a run; None where there is none.

    A file that is no table is not the one that the run wrote.
    """
    place = Path(folder) / "communes.csv"
    if not place.is_file():
        return None
    try:
        table = pd.read_csv(place, sep=";", dtype="str", encoding="utf-8-sig")
    except ValueError:
        return False
    heads = [
        (say("column.code", language=language), say("column.territory", language=language))
        for language in ("fr", "en")
    ]
    for code, territory in heads:
        if {code, territory} <= set(table.columns):
            written = table.set_index(code)[territory].fillna("").map(bare)
            found = zoning.labels.fillna("").astype("str").map(visible)
            return written.sort_index().to_dict() == found.to_dict()
    return False
