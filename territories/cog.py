"""The years of commune codes (COG): INSEE's list of one year, and its events since 1943.

The COG of a year is the list of communes on 1 January: an event dated that very day belongs to it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from territories._words import Sentence

_LIST: Final = ("TYPECOM", "COM")
_NAME: Final = "LIBELLE"
_EVENTS: Final = ("DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP")
_SHOWN: Final = 5

# Paris, Lyon and Marseille, for tables that do not list them.
ARRONDISSEMENTS: Final = frozenset(
    str(code)
    for first, last in ((75101, 75120), (69381, 69389), (13201, 13216))
    for code in range(first, last + 1)
)

# Departments were cut anew in 1968 (Paris) and 1976 (Corsica). The codes of before now stand for
# something else: 75002, Antony until 1968, is the postal code of the second district of Paris.
_DEPARTMENTS_SETTLED: Final = 1977

_NO_EVENTS: Final = pd.DataFrame(
    {name: pd.Series(dtype="str") for name in ("date", "before", "after")}
)


@dataclass(frozen=True, eq=False)
class CogTable:
    """The communes of France, year by year.

    Parameters
    ----------
    year
        Of the list; without a list, the last year that the events tell of.
    events
        Columns `date` (YYYY-MM-DD), `before` and `after` (codes): one row for each commune of
        before and each of after, communes that only changed their name included.
    names
        Name by code, communes of the list's year only; None without a list.
    arrondissements
        Codes of the arrondissements of Paris, Lyon and Marseille.
    files
        Names of the files that it was read from.
    sha256
        Their hash; of two files, that of both hashes, one after the other.
    """

    year: int | None
    events: pd.DataFrame
    names: pd.Series | None = None
    arrondissements: frozenset[str] = ARRONDISSEMENTS
    files: tuple[str, ...] = ()
    sha256: str = ""

    def __repr__(self) -> str:
        """Tell the year, the number of communes and the years known."""
        size = "no list" if self.names is None else f"{len(self.names):,} communes"
        return f"<CogTable of {self.year}: {size}, years {_span(self.years) or 'unknown'}>"

    @cached_property
    def listed(self) -> frozenset[str]:
        """Codes of the list, arrondissements included; without a list, none."""
        if self.names is None:
            return frozenset()
        return frozenset(self.names.index) | self.arrondissements

    @cached_property
    def known(self) -> frozenset[str]:
        """Codes of communes that the list or an event names, whatever the year."""
        listed = () if self.names is None else self.names.index
        return frozenset(listed).union(self.events["before"], self.events["after"])

    @cached_property
    def years(self) -> range:
        """Years of which it knows the codes."""
        told = [cog_year(date) for date, _ in self.days]
        if self.year is None:
            return range(0)
        return range(min([self.year, *(year - 1 for year in told)]), max([self.year, *told]) + 1)

    @cached_property
    def days(self) -> list[tuple[str, dict[str, frozenset[str]]]]:
        """What each day of events did, oldest first: communes of before, those each became."""
        ordered = self.events.sort_values(["date", "before", "after"])
        rows = zip(ordered["date"], ordered["before"], ordered["after"], strict=True)
        return [
            (date, _moves(day)) for date, day in itertools.groupby(rows, key=lambda row: row[0])
        ]

    @cached_property
    def corsican(self) -> dict[str, str]:
        """Codes of Corsica by their last three digits, but for numbers that both departments have.

        They were 20… until 1976, and still are in the SNDS.
        """
        codes = pd.Series(sorted(self.known), dtype="str")
        codes = codes[codes.str.startswith("2A") | codes.str.startswith("2B")]
        numbers = codes.str[2:]
        once = ~numbers.duplicated(keep=False)
        return dict(zip(numbers[once], codes[once], strict=True))

    def in_force(self, year: int) -> frozenset[str]:
        """Tell the codes of a year; without a list, those of communes that events tell of.

        Raises
        ------
        InputError
            If the table does not know the year.
        """
        self.check(year)
        base = year if self.year is None else self.year
        if self.names is None:
            standing = {code for code, stands in _standing(self.days, base).items() if stands}
        else:
            standing = set(self.names.index)
        for date, moves in reversed(self.days):
            if year < cog_year(date) <= base:
                standing.difference_update(*moves.values())
                standing.update(moves)
        for date, moves in self.days:
            if base < cog_year(date) <= year:
                standing.difference_update(moves)
                standing.update(*moves.values())
        return frozenset(standing)

    def check(self, *years: int) -> None:
        """Refuse a year that the table does not know, and a table that knows none.

        Raises
        ------
        InputError
            Naming the years known.
        """
        if not self.years:
            raise InputError(fault("cog_no_year", file=_file(self.files)))
        unknown = [str(year) for year in dict.fromkeys(years) if year not in self.years]
        if unknown:
            values = {"year": ", ".join(unknown), "known": _span(self.years)}
            raise InputError(fault("cog_year", **values))

    def successors(self, from_year: int, to_year: int) -> dict[str, frozenset[str]]:
        """Tell what the communes of a year have become in a later one.

        The days of events in between are applied one by one, each as a map from the communes of
        before to those of after (METHOD, section 2).

        Parameters
        ----------
        from_year, to_year
            COG years, `to_year` not before `from_year`.

        Returns
        -------
        dict
            For each code known, those that it became. A code that was no longer in force in
            `from_year` is followed from the day it went, unless it went before 1977 and its
            successors are in another department; a code that was not yet in force is followed
            from the day it came. Codes of after `to_year` are not there.

        Raises
        ------
        InputError
            If the table does not know a year, or `to_year` is before `from_year`.
        """
        self.check(from_year, to_year)
        if to_year < from_year:
            values = {"from_year": str(from_year), "to_year": str(to_year)}
            raise InputError(fault("cog_backward", **values))
        standing = self.in_force(from_year)
        final: dict[str, frozenset[str]] = {}  # of the day at hand; a code not in it stays itself
        current: dict[str, frozenset[str]] | None = None
        gone: dict[str, frozenset[str]] = {}
        later: dict[str, frozenset[str]] = {}
        # From the last day back to the first, so that what comes after a day is known already.
        for date, moves in reversed(self.days):
            year = cog_year(date)
            if year > to_year:
                continue
            if year <= from_year and current is None:
                current = {code: final.get(code, frozenset([code])) for code in standing}
            afters = frozenset().union(*moves.values())
            became = {code: _finals(final, ones) for code, ones in moves.items()}
            for code in afters.difference(moves):
                came = final.pop(code, frozenset([code]))
                if year > from_year and code not in standing:
                    later[code] = came
            final.update(became)
            for code in set(moves).difference(afters, standing, gone):
                moved = year < _DEPARTMENTS_SETTLED and any(
                    one[:2] != code[:2] for one in became[code]
                )
                if year <= from_year and not moved:
                    gone[code] = became[code]
        if current is None:
            current = {code: final.get(code, frozenset([code])) for code in standing}
        return {**later, **gone, **current}


def cog_year(date: str) -> int:
    """Return the first COG year that has an event of this day.

    Examples
    --------
    >>> cog_year("2024-01-01"), cog_year("2024-01-02"), cog_year("2023-12-31")
    (2024, 2025, 2024)
    """
    return int(date[:4]) + (date[4:] != "-01-01")


def cog_table(
    communes: pd.DataFrame | None,
    events: pd.DataFrame | None,
    *,
    year: int | None = None,
    files: tuple[str, ...] = (),
) -> CogTable:
    """Build the table from INSEE's own: the list of communes, their events, or both.

    Parameters
    ----------
    communes
        Columns of ``v_commune_AAAA.csv`` of which TYPECOM, COM and LIBELLE are used.
    events
        Columns of ``v_mvtcommune_AAAA.csv`` of which DATE_EFF, TYPECOM_AV, COM_AV, TYPECOM_AP and
        COM_AP are used. Rows of communes only (COM to COM) are kept.
    year
        Of the list; that of the last event if it is not given.
    files
        Names of the files.

    Raises
    ------
    InputError
        If columns are missing, dates are none, or the list is not that of the year the events
        tell of.
    """
    moves = _NO_EVENTS if events is None else _events(events, files)
    told = cog_year(str(moves["date"].max())) if len(moves) else None
    if communes is None:
        return CogTable(year=max(told or 0, year or 0) or None, events=moves, files=files)
    if kind_of(communes.columns) != "list":
        raise InputError(columns_fault(communes.columns, _file(files)))
    listed = _text(communes, (*_LIST, _NAME))
    ours = listed[listed["TYPECOM"] == "COM"]
    names = pd.Series(ours[_NAME].array, index=pd.Index(ours["COM"], name="code"), name="name")
    table = CogTable(
        year=told if year is None else year,
        events=moves,
        names=names.sort_index(),
        arrondissements=frozenset(listed.loc[listed["TYPECOM"] == "ARM", "COM"]),
        files=files,
    )
    _check_pair(table)
    return table


def as_cog_table(table: CogTable | pd.DataFrame | str | Path) -> CogTable:
    """Take the table as it is given: read, as INSEE's events or list, or as a file of one of them.

    Raises
    ------
    InputError
        If the file is not there, or the table is not INSEE's.
    """
    if isinstance(table, CogTable):
        return table
    files: tuple[str, ...] = ()
    if not isinstance(table, pd.DataFrame):
        files = (Path(table).name,)
        try:
            table = pd.read_csv(table, dtype="str", keep_default_na=False, encoding="utf-8-sig")
        except OSError as problem:
            raise InputError(fault("file_missing", file=files[0])) from problem
        except ValueError as problem:
            raise InputError(fault("not_cut", file=files[0])) from problem
    if kind_of(table.columns) == "list":
        return cog_table(table, None, files=files)
    return cog_table(None, table, files=files)


def plain_table(codes: pd.Series, *, year: int | None, files: tuple[str, ...] = ()) -> CogTable:
    """Build the table from a mere list of codes, which knows of one year or none."""
    names = pd.Series("", index=pd.Index(codes.unique(), name="code").sort_values(), name="name")
    listed = ARRONDISSEMENTS.intersection(names.index)
    return CogTable(year=year, events=_NO_EVENTS, names=names, arrondissements=listed, files=files)


def cog_files(places: Iterable[Path]) -> dict[tuple[str, int], Path]:
    """Find INSEE's lists and events by the names of their files, by kind and year.

    The names change from year to year: ``mvtcommune2021.csv``, ``v_mvt_commune_2025.csv``.

    Examples
    --------
    >>> names = ["mvtcommune-01012019.csv", "V_COMMUNE_2024.CSV", "v_commune_depuis_1943.csv"]
    >>> list(cog_files(map(Path, names)))
    [('list', 2024), ('events', 2019)]
    """
    found: dict[tuple[str, int], Path] = {}
    for place in sorted(places):
        name = re.sub("[^a-z0-9]", "", place.name.lower())
        match = re.fullmatch("v?(mvt)?communes?(?:0101)?([0-9]{4})(?:csv|txt)+", name)
        if match:
            found["events" if match[1] else "list", int(match[2])] = place
    return found


def year_of(name: str) -> int | None:
    """Take the year from the name of a file.

    Examples
    --------
    >>> year_of("communes-01012019"), year_of("mvtcommune2021"), year_of("communes")
    (2019, 2021, None)
    """
    years = re.findall(r"(?<![0-9])(?:0101)?((?:19|20)[0-9]{2})(?![0-9])", name)
    return int(years[-1]) if years else None


def kind_of(columns: pd.Index) -> str | None:
    """Tell which of INSEE's tables has these columns: its ``list``, its ``events``, or None."""
    found = {str(name).strip().upper() for name in columns}
    if found.issuperset(_EVENTS):
        return "events"
    return "list" if found.issuperset(_LIST) else None


def _events(frame: pd.DataFrame, files: tuple[str, ...]) -> pd.DataFrame:
    """Take the events of communes, in order of day."""
    if kind_of(frame.columns) != "events":
        raise InputError(columns_fault(frame.columns, _file(files)))
    found = _text(frame, _EVENTS)
    kept = found[(found["TYPECOM_AV"] == "COM") & (found["TYPECOM_AP"] == "COM")]
    # Excel writes days as 31/12/2015.
    date = kept["DATE_EFF"].str.replace(
        r"^([0-9]{2})/([0-9]{2})/([0-9]{4})$", r"\3-\2-\1", regex=True
    )
    date = date.str[:10]
    if not date.str.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}").all():
        raise InputError(fault("cog_dates", file=_file(files)))
    table = pd.DataFrame({"date": date, "before": kept["COM_AV"], "after": kept["COM_AP"]})
    return table.drop_duplicates().sort_values(list(table.columns), ignore_index=True)


def _text(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Take columns by name, case aside, as text; codes that lost their zero have it back."""
    heads = {str(name).strip().upper(): name for name in frame.columns}
    text = pd.DataFrame(index=frame.index)
    for name in names:
        column = frame[heads[name]] if name in heads else pd.Series("", index=frame.index)
        text[name] = column.astype("object").fillna("").astype("str").str.strip()
        if name.startswith("COM"):
            text[name] = text[name].str.upper().str.zfill(5)
    return text


def _file(files: tuple[str, ...]) -> str:
    return ", ".join(files) or "DataFrame"


def _span(years: range) -> str:
    return "–".join(dict.fromkeys(str(year) for year in (*years[:1], *years[-1:])))


def columns_fault(columns: pd.Index, file: str) -> Sentence:
    """Say which columns were expected; names with digits may be cells, hence counts."""
    named = (str(name) for name in columns)
    found = ", ".join("…" if any(map(str.isdigit, name)) else name for name in named)
    values = {"list": ", ".join((*_LIST, _NAME)), "events": ", ".join(_EVENTS)}
    return fault("cog_columns", file=file, found=found, **values)


def _moves(day: Iterable[tuple[str, str, str]]) -> dict[str, frozenset[str]]:
    """Map the communes before a day to those after it.

    A code that comes and goes within the day is passed through: on 2018-01-01 14513 became 50649,
    which became 50592.
    """
    moves: dict[str, set[str]] = {}
    for _, before, after in day:
        moves.setdefault(before, set()).add(after)
    afters = set().union(*moves.values())
    passing = {code for code, ones in moves.items() if code in afters and code not in ones}
    return {code: _ends(code, moves, passing) for code in moves if code not in passing}


def _ends(code: str, moves: Mapping[str, set[str]], passing: set[str]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = set(moves[code])
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting |= moves[one] if one in passing else set()
    return frozenset(reached - passing)


def _finals(final: Mapping[str, frozenset[str]], codes: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(final.get(code, {code}) for code in codes))


def _standing(
    days: Iterable[tuple[str, Mapping[str, frozenset[str]]]], year: int
) -> dict[str, bool]:
    """Tell which of the codes that events name stand in a year, by the events nearest to it."""
    listed = list(days)
    standing: dict[str, bool] = {}
    for date, moves in reversed(listed):
        if cog_year(date) > year:
            standing |= dict.fromkeys(frozenset().union(*moves.values()), False)
            standing |= dict.fromkeys(moves, True)
    for date, moves in listed:
        if cog_year(date) <= year:
            standing |= dict.fromkeys(moves, False)
            standing |= dict.fromkeys(frozenset().union(*moves.values()), True)
    return standing


def _check_pair(table: CogTable) -> None:
    """Refuse a list that is not of the year that its events tell of."""
    if table.names is None or table.year is None:
        return
    listed = frozenset(table.names.index)
    standing = _standing(table.days, table.year)
    wrong = sorted(code for code, stands in standing.items() if stands != (code in listed))
    if wrong:
        shown = ", ".join(f"'{code}'" for code in wrong[:_SHOWN]) + (
            ", …" if wrong[_SHOWN:] else ""
        )
        values = {"year": str(table.year), "values": shown, "file": _file(table.files)}
        raise InputError(fault("cog_pair", **values))
