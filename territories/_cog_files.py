"""INSEE's files of the communes of France, by year."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from territories import codes
from territories._tables import matched, read_table
from territories.cog import (
    CogTable,
    cog_files,
    cog_table,
    columns_fault,
    kind_of,
    plain_table,
    year_of,
)
from territories.errors import InputError, fault
from territories.reconciliation import Reconciliation


def read_cog(path: str | Path) -> CogTable:
    """Read the communes of France, year by year, from INSEE's files; its `files` are those read.

    Parameters
    ----------
    path
        ``v_commune_AAAA.csv`` (the list of a year), ``v_mvt_commune_AAAA.csv`` (the events since
        1943), or their folder (the latest year is taken). Given one, the other is looked for
        beside it, by its name. Or any list of codes (a column `code`, `codgeo`…): it knows of one
        year only, that in the name of its file.

    Raises
    ------
    InputError
        If a file cannot be read, is neither of the two, or the two are not of the same year.
    """
    place = Path(path)
    if place.is_dir():
        named = sorted(
            (year, kind, file) for (kind, year), file in cog_files(place.iterdir()).items()
        )
        if not named:
            raise InputError(fault("cog_folder", file=str(place)))
        place = named[-1][-1]
    raw = read_table(place)
    kind, year = kind_of(raw.frame.columns), year_of(place.stem)
    if kind is None:
        code = matched(raw, [], ["code"]).frame
        if code.empty:
            raise InputError(columns_fault(raw.frame.columns, raw.file))
        plain = plain_table(codes.repaired(code["code"]), year=year, files=(raw.file,))
        return replace(plain, sha256=raw.sha256)
    tables = {kind: raw}
    other = "events" if kind == "list" else "list"
    beside = cog_files(place.parent.iterdir()).get((other, year or 0))
    if beside is not None:
        tables[other] = read_table(beside)
    communes, events = (tables[one].frame if one in tables else None for one in ("list", "events"))
    found = cog_table(
        communes, events, year=year, files=tuple(each.file for each in tables.values())
    )
    hashes = [each.sha256 for each in tables.values()]
    joined = hashlib.sha256("".join(hashes).encode()).hexdigest()
    return replace(found, sha256=joined if len(hashes) > 1 else hashes[0])


def cog_account(cog: CogTable) -> Reconciliation:
    """Return the account of INSEE's files: their communes and their events are rows."""
    rows = len(cog.events) + (0 if cog.names is None else len(cog.names))
    return Reconciliation(file=", ".join(cog.files), sha256=cog.sha256, rows_in=rows)
