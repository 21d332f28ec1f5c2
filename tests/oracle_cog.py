"""A slow, plain re-statement of METHOD section 2 on the years of codes, to test against.

Nothing of the package is imported here: INSEE's files are read with csv, codes are sets. METHOD:
"keep rows with TYPECOM_AV = TYPECOM_AP = COM and t0 < DATE_EFF <= t1, group by date, apply date by
date as a map COM_AV -> {COM_AP}", t being 1 January of a year.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Days = list[tuple[str, list[tuple[str, str]]]]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def listed(path: Path) -> set[str]:
    return {row["COM"] for row in rows(path) if row["TYPECOM"] == "COM"}


def days_between(path: Path, from_year: int, to_year: int) -> Days:
    """Give the events of communes after 1 January of a year, up to that of another, by day."""
    days: dict[str, list[tuple[str, str]]] = {}
    for row in rows(path):
        of_communes = row["TYPECOM_AV"] == "COM" and row["TYPECOM_AP"] == "COM"
        if of_communes and f"{from_year}-01-01" < row["DATE_EFF"] <= f"{to_year}-01-01":
            days.setdefault(row["DATE_EFF"], []).append((row["COM_AV"], row["COM_AP"]))
    return sorted(days.items())


def apply_day(code: str, pairs: list[tuple[str, str]]) -> set[str]:
    """Follow one code through one day; a code that is left the same day is left at once."""
    reached, todo = set(), [code]
    while todo:
        here = todo.pop()
        ones = {after for before, after in pairs if before == here}
        if not ones:
            reached.add(here)
        for one in ones:
            leaves = any(before == one for before, _ in pairs)
            stays = (one, one) in pairs
            if leaves and not stays and one != here:
                todo.append(one)
            else:
                reached.add(one)
    return reached


def converted(code: str, days: Days) -> set[str]:
    """Apply the days one by one."""
    now = {code}
    for _, pairs in days:
        touched = {before for before, _ in pairs}
        now = set().union(*(apply_day(one, pairs) if one in touched else {one} for one in now))
    return now


def undone(codes: set[str], days: Days) -> set[str]:
    """Walk back: what a day made was not there before it, what it took was."""
    now = set(codes)
    for _, pairs in reversed(days):
        made, taken = {after for _, after in pairs}, {before for before, _ in pairs}
        passed = {one for one in made & taken if one not in now}
        now = (now - made) | (taken - passed)
    return now
