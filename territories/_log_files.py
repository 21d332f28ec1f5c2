"""Files of logs: the decisions of a workshop, one a line, in French or in English."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories import codes
from territories._columns import text_column
from territories._files import opened
from territories._heads import name_list, plain
from territories._keys import by_value
from territories._tables import Table, read_table, row_list
from territories._words import Language, say, using
from territories._writing import whole_file
from territories.errors import InputError, fault
from territories.export import bare, write_csv
from territories.revisions import ACTIONS, STATUSES, Revision, known_word, with_zeros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import geopandas as gpd

    from territories._words import Sentence

# Our columns and how files name them, without accents or case.
_COLUMNS: Final = {
    "order": "ordre|order|no?|num(ero)?",
    "action": "action|decision",
    "code": "(code_)?(commune|insee)|code|codgeo|code_commune_insee",
    "territory": "territoire|territory",
    "target": "cible|target|vers|destination",
    "parts": "parts?|poids|weights?",
    "author": "auteur|author",
    "date": "date",
    "reason": "motif|raison|reason",
    "force": "forcee?|forced?",
    "result": "resultat|result",
    "refusal": "refus|refusal",
}
_WRITTEN: Final = (
    *("order", "action", "code", "name", "territory", "target", "parts"),
    *("author", "date", "reason", "force"),
)
_LONGEST: Final = 2_000
_QUOTED: Final = 60
_LAST: Final = 999_999_999  # as many digits as `_ORDER` reads
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_ORDER: Final = re.compile(r"([0-9]{1,9})([.,]0+)?")
_DATE: Final = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?:\s+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?"
)
_PARTS: Final = re.compile(r"[0-9]{1,9}(\s*\|\s*[0-9]{1,9})*")
_YES: Final = ("oui", "yes", "true", "vrai", "1", "x")
_NO: Final = ("", "non", "no", "false", "faux", "0")


def read_revisions(path: str | Path) -> tuple[Revision, ...]:
    """Read a log of decisions, as the workshop exports it or as a spreadsheet saves it.

    Parameters
    ----------
    path
        Columns ``action`` and, where they are there, ``ordre``, ``commune``, ``territoire``,
        ``cible``, ``parts``, ``auteur``, ``date``, ``motif``, ``force``, or their English names,
        in any order; other columns are not read. Actions are in either language.

    Returns
    -------
    tuple of Revision
        In the order of the rows; none where the file has a header only.

    Raises
    ------
    InputError
        With all that is wrong: no column of actions, unknown actions, orders and parts that are no
        whole numbers, text that is endless or cannot be seen.
    """
    return tuple(line for line, _, _ in read_lines(path))


def read_lines(path: str | Path) -> list[tuple[Revision, str, str]]:
    """Read a log with what became of each line: its result and why it was refused, if it says so.

    Parameters and errors are those of `read_revisions`.
    """
    try:
        table = _matched(read_table(path))
    except InputError as refusal:
        empty = [each.key for each in refusal.faults] == ["error.no_rows"]
        if empty and b"action" in opened(path).content.lower():  # a header without decisions
            return []
        raise
    columns: dict[str, pd.Series] = {}
    faults: list[Sentence] = []
    for name in map(str, table.frame):
        cells = table.frame[name].astype("str")
        wrong = cells.map(lambda cell: len(bare(cell)) > _LONGEST or bool(_CONTROL.search(cell)))
        if wrong.any():
            faults.append(_told("revision_file_text", table, name, wrong, longest=_LONGEST))
        columns[name] = text_column(table, name).astype("str").map(bare)
    known = {
        "action": ("revision_file_action", lambda cell: known_word(cell, ACTIONS) is not None),
        "order": ("revision_file_order", lambda cell: not cell or _ORDER.fullmatch(cell)),
        "parts": ("revision_file_parts", lambda cell: not cell or _PARTS.fullmatch(cell)),
        "force": ("revision_file_force", lambda cell: cell.lower() in (*_YES, *_NO)),
    }
    for name, (key, is_right) in known.items():
        if name not in columns:
            continue
        wrong = ~columns[name].map(lambda cell, right=is_right: bool(right(cell)))
        if wrong.any():
            faults.append(_told(key, table, name, wrong, columns[name]))
    if faults:
        raise InputError(*faults)
    columns |= {name: mend(columns[name]) for name, mend in _MENDED.items() if name in columns}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    read = [dict(zip(columns, map(str, row), strict=True)) for row in rows]
    return [(_line(row), row.get("result", ""), row.get("refusal", "")) for row in read]


def _matched(table: Table) -> Table:
    """Keep the columns that are ours, under our names."""
    found: dict[str, str] = {}
    faults = []
    for ours, pattern in _COLUMNS.items():
        alike = [str(each) for each in table.frame if re.fullmatch(pattern, plain(str(each)))]
        if len(alike) > 1:
            values = ", ".join(alike)
            faults.append(fault("column_ambiguous", file=table.file, column=ours, values=values))
        elif alike:
            found[ours] = alike[0]
    if "action" not in found and not faults:
        names = name_list(table.frame.columns)
        faults.append(fault("revision_file_columns", file=table.file, found=names))
    if faults:
        raise InputError(*faults)
    frame = table.frame[list(found.values())].set_axis(list(found), axis=1)
    return replace(table, frame=frame, heads=found)


def _told(
    key: str,
    table: Table,
    column: str,
    wrong: pd.Series,
    cells: pd.Series | None = None,
    **more: object,
) -> Sentence:
    """Say which cells of a column cannot be read, with the first ones."""
    values = {"file": table.file, "column": table.head(column), "rows": row_list(wrong)}
    if cells is not None:
        first = cells[wrong].drop_duplicates().head(5)
        values["values"] = ", ".join(f"'{cell[:_QUOTED]}'" for cell in first)
    return fault(key, count=int(wrong.sum()), **values, **more)


def _iso(cell: str) -> str:
    """Write a date as it was before a French spreadsheet showed it in its own way."""
    found = _DATE.fullmatch(cell)
    if not found:
        return cell
    day, month, year, hour, minute, second = found.groups()
    date = f"{year}-{month:0>2}-{day:0>2}"
    return f"{date}T{hour:0>2}:{minute}:{second or '00'}" if hour else date


def _codes(cells: pd.Series) -> pd.Series:
    """Write codes of communes as they were before a spreadsheet took them for numbers."""
    return by_value(cells, codes.repaired).astype("str").map(with_zeros)


def _dates(cells: pd.Series) -> pd.Series:
    return cells.map(_iso)


_MENDED: Final = {"code": _codes, "date": _dates}


def _line(row: dict[str, str]) -> Revision:
    action = known_word(row["action"], ACTIONS) or ""
    order = _ORDER.fullmatch(row.get("order", ""))
    target = row.get("target", "")
    if action == "status":
        target = known_word(target, STATUSES) or target
    elif action == "undo" and (undone := _ORDER.fullmatch(target)):
        target = undone[1]
    return Revision(
        action=action,
        code=row.get("code", ""),
        target=target or None,
        order=int(order[1]) if order else 0,
        author=row.get("author", ""),
        date=row.get("date", ""),
        reason=row.get("reason", ""),
        territory=row.get("territory", ""),
        parts=tuple(int(each) for each in re.findall("[0-9]+", row.get("parts", ""))),
        force=row.get("force", "").lower() in _YES,
    )


def revision_table(
    revisions: Iterable[Revision],
    *,
    communes: gpd.GeoDataFrame | None = None,
    results: Sequence[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Lay decisions out as the files of logs have them, in the language of the moment.

    Parameters
    ----------
    revisions
        The log.
    communes
        The layer, for the names of communes.
    results
        What became of each line and why it was refused, in words.
    """
    lines = list(revisions)
    names = {} if communes is None else communes["name"].to_dict()
    french = say("revision.yes", language=None) == "oui"
    rows = []
    for line in lines:
        target = line.target or ""
        if french and line.action == "status":
            target = STATUSES.get(target, target)
        rows.append(
            (
                line.order,
                ACTIONS.get(line.action, line.action) if french else line.action,
                *(line.code, str(names.get(line.code, "")), line.territory, target),
                *("|".join(map(str, line.parts)), line.author, line.date),
                *(" ".join(line.reason.split()), say("revision.yes") if line.force else ""),
            )
        )
    heads = [say(f"revision.{name}") for name in _WRITTEN]
    table = pd.DataFrame(rows, columns=heads)
    if results is not None:
        table[say("revision.result")] = [result for result, _ in results]
        table[say("revision.refusal")] = [refusal for _, refusal in results]
    return table


def write_revisions(
    revisions: Iterable[Revision],
    path: str | Path,
    *,
    communes: gpd.GeoDataFrame | None = None,
    overwrite: bool = False,
    language: Language = "fr",
) -> None:
    """Write a log of decisions as French Excel opens it, and as the workshop reads it.

    Parameters
    ----------
    revisions
        The log.
    path
        File; written whole or not at all.
    communes
        The layer, for the names of communes, which are for the reader only.
    overwrite
        Replace the file if it is there.
    language
        Of heads, actions and statuses.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    with using(language), whole_file(path, overwrite=overwrite) as draft:
        table = revision_table(revisions, communes=communes)
        write_csv(table.set_index(table.columns[0]), draft)


def numbered(revisions: Iterable[Revision], *, after: int = 0) -> list[Revision]:
    """Give a number to each step, beyond those of a log that came before.

    Steps that have a number keep it, but for what is added to all of them; those that have none
    come first, as they are applied. What is undone is named by its new number. Where numbers would
    be longer than files may have them, the steps are counted instead.

    Parameters
    ----------
    revisions
        The log.
    after
        The last number that is taken.
    """
    lines = list(revisions)
    alone = sum(line.order < 1 for line in lines)
    shift = after + alone
    if max((line.order for line in lines), default=0) + shift > _LAST:
        lines = _counted(lines)
    free = iter(range(after + 1, shift + 1))
    found = []
    for line in lines:
        target = line.target
        if line.action == "undo" and re.fullmatch("[0-9]{1,9}", (target or "").strip()):
            target = str(int((target or "").strip()) + shift)
        order = line.order + shift if line.order > 0 else next(free)
        found.append(replace(line, order=order, target=target))
    return found


def _counted(lines: list[Revision]) -> list[Revision]:
    """Give the steps that have a number 1, 2, 3… instead, and name what is undone by these."""
    orders = sorted({line.order for line in lines if line.order > 0})
    place = {order: k for k, order in enumerate(orders, start=1)}
    found = []
    for line in lines:
        target = (line.target or "").strip()
        if line.action == "undo" and re.fullmatch("[0-9]{1,9}", target):
            # What names no step still names none.
            target = str(place.get(int(target), len(place) + 1))
        else:
            target = line.target or ""
        found.append(replace(line, order=place.get(line.order, 0), target=target or None))
    return found
