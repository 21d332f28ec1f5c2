"""The counts that an outsider narrows: linear programmes over the tables that agree with files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from territories._possible import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from territories._feasible import Floats
    from territories._possible import Target
    from territories._statements import Writer
    from territories._units import Places

    Flags = np.ndarray[Any, np.dtype[np.bool_]]

_TOLERANCE: Final = 1e-4

# A table agrees with what is told if it misses nothing by more, in patients.
_MISSED: Final = 1e-5

# Programmes are given so many cells of a pair and an activity at once.
_PIECES: Final = 4_000

# Where there are more columns than this, the counts of so many residences vary at a time first.
_LARGE: Final = 20_000
_TOGETHER: Final = 40
_BESIDE: Final = 10
_OTHERS: Final = 4


def narrowed(
    writer: Writer,
    targets: Sequence[Target],
    *,
    threshold: int,
    sure: bool = False,
    truth: pd.DataFrame | None = None,
) -> dict[Target, tuple[float, float]]:
    """Find the counts of which an outsider knows more than that they may be small.

    Parameters
    ----------
    writer
        All that is told.
    targets
        The counts he is after.
    threshold
        Counts from 1 to one less are small.
    sure
        The outsider does not know which of them are small: only those are found that he can
        tell to be small, and not 0. False: all are small, and are found if their interval
        does not reach from 1 to the greatest small count.
    truth
        The counts, where they are known (see `Tables.of_counts`): a table to begin with. What is
        found does not depend on it.

    Returns
    -------
    dict
        The interval of each count that is found.

    Notes
    -----
    A count is cleared by tables that agree with all that is told: in one it is 1 at most, in
    another the greatest small count at least. Each table that is found clears all the counts that
    it can. Where there are many columns, the counts of the residences of one territory vary first,
    while all others stay as they are; only what that does not clear needs programmes of the whole,
    and only what these do not clear has its own two.
    """
    return _Attack(writer, targets, threshold - 1, sure=sure).found(truth)


class _Some(NamedTuple):
    """Homes whose counts vary, their columns, and the table that holds all others."""

    rows: Places
    columns: Places
    base: Floats

    def put(self, point: Floats | None) -> Floats | None:
        """Put what was found for them into the table."""
        if point is None:
            return None
        whole = self.base.copy()
        whole[self.columns] = point
        return whole


class _Attack:
    """Tables that agree with what is told, and the least and most that each target may be there."""

    def __init__(self, writer: Writer, targets: Sequence[Target], most: int, *, sure: bool) -> None:
        self.most, self.sure = float(most), sure
        self.classes = writer.cells.home_class
        self.tables = Tables.of(writer)
        self.targets = list(dict.fromkeys(targets))
        self.at = np.array([self.tables.place(each) for each in self.targets], dtype=np.intp)
        self.home = np.array([-1 if each[0] is None else each[0] for each in self.targets])
        self.low = np.full(len(self.targets), np.inf)
        self.high = np.full(len(self.targets), -np.inf)

    def found(self, truth: pd.DataFrame | None) -> dict[Target, tuple[float, float]]:
        """Find those that no table clears."""
        base = None if truth is None else self.tables.of_counts(truth)
        if base is None or self.tables.missed(base) > _MISSED:
            base = self.tables.part.extreme(np.zeros(self.tables.size))
        if base is not None:
            self._see(base)
        if base is not None and self.tables.size > _LARGE:
            for rows in self._blocks():
                self._within(rows, base)
            for others in range(1, _OTHERS + 1):
                for rows in self._exchanges(base, others):
                    self._within(rows, base)
        self._clear(self.tables, np.arange(len(self.targets)))
        found = {}
        for at in np.flatnonzero(self._is_found(self.low, self.high)).tolist():
            low, high = self._ends(at)
            if self._is_found(low, high):
                found[self.targets[at]] = low, high
        return found

    def _blocks(self) -> Iterator[Places]:
        """List homes of the same territories, some at a time: what one gives up another takes."""
        for number in np.unique(self.classes):
            rows = np.flatnonzero(self.classes == number)
            yield from np.array_split(rows, math.ceil(len(rows) / _TOGETHER))

    def _exchanges(self, base: Floats, others: int) -> Iterator[Places]:
        """List homes of what is left, and those that send most to the same places.

        Where a place has few patients of a territory, only another can give way: those of its own
        territory that send most, and of so many others.
        """
        sent = base[self.tables.pairs]
        classes = [np.flatnonzero(self.classes == each) for each in np.unique(self.classes)]
        by_class = np.stack([sent[rows].sum(axis=0) for rows in classes])
        lots: dict[tuple[int, ...], set[tuple[int, int | None]]] = {}
        for at in np.flatnonzero(self._is_found(self.low, self.high) & (self.home >= 0)).tolist():
            home, place, _ = self.targets[at]
            toward = by_class.sum(axis=1) if place is None else by_class[:, place].copy()
            own = next(number for number, rows in enumerate(classes) if home in rows)
            toward[own] = np.inf
            first = np.argsort(-toward, kind="stable")[: 1 + others]
            lots.setdefault(tuple(first.tolist()), set()).add((int(home or 0), place))
        for near, asked in sorted(lots.items()):
            homes = sorted({home for home, _ in asked})
            places = sorted({place for _, place in asked if place is not None})
            most = sent[:, places].sum(axis=1) if places else sent.sum(axis=1)
            beside = [
                classes[each][np.argsort(-most[classes[each]], kind="stable")[:_BESIDE]]
                for each in near
            ]
            for some in np.array_split(homes, math.ceil(len(homes) / _TOGETHER)):
                yield np.unique(np.concatenate([some, *beside]))

    def _within(self, rows: Places, base: Floats) -> None:
        """Clear the targets of some homes, the others being as in a table."""
        own = np.flatnonzero(np.isin(self.home, rows))
        if not self._is_found(self.low[own], self.high[own]).any():
            return
        tables, columns = self.tables.within(rows, base)
        self._clear(tables, own, _Some(rows, columns, base))

    def _clear(self, tables: Tables, own: Places, some: _Some | None = None) -> None:
        """Find tables that clear some targets: all together, then few, as long as that clears any.

        `some`: the homes that vary in the tables; None: all.
        """
        local = {home: at for at, home in enumerate([] if some is None else some.rows.tolist())}
        for pieces in (False, True) if some is None else (True,):
            for below in (True, False):
                end, left = self._end(below=below), len(own) + 1
                while 0 < len(here := own[self._narrow(own, below=below)]) < left:
                    left = len(here)
                    for lot in self._lots(here) if pieces else [here]:
                        asked = [self.targets[at] for at in lot]
                        if some is not None:
                            asked = [(local[h or 0], p, a) for h, p, a in asked]
                        point = tables.pushed(asked, end, below=below, pieces=pieces)
                        self._see(point if some is None else some.put(point))

    def _end(self, *, below: bool) -> float:
        return self.most if not below else 0.0 if self.sure else 1.0

    def _is_found(self, low: Floats | float, high: Floats | float) -> Flags:
        if self.sure:
            return np.asarray((low > _TOLERANCE) & (high < self.most - _TOLERANCE))
        return np.asarray((low > 1 + _TOLERANCE) | (high < self.most - _TOLERANCE))

    def _narrow(self, own: Places, *, below: bool) -> Flags:
        """Tell which may still be found; of small ones, at one end."""
        lows = self.low[own] > self._end(below=True) + _TOLERANCE
        highs = self.high[own] < self.most - _TOLERANCE
        if self.sure:
            return lows & highs
        return lows if below else highs

    def _lots(self, here: Places) -> list[Places]:
        """Cut targets into lots that a programme can take."""
        homes, places = self.tables.homes.max() + 1, self.tables.places.max() + 1
        sizes = [
            places if place is None else homes if home is None else 1
            for home, place, _ in (self.targets[at] for at in here)
        ]
        lot = np.cumsum(sizes) // _PIECES
        return [here[lot == each] for each in np.unique(lot)]

    def _see(self, point: Floats | None) -> None:
        """Widen the interval of each target by what it may be in a table."""
        if point is not None and self.tables.missed(point) <= _MISSED:
            low, high = self.tables.ranges(point)
            np.minimum(self.low, low[self.at], out=self.low)
            np.maximum(self.high, high[self.at], out=self.high)

    def _ends(self, at: int) -> tuple[float, float]:
        """Return the least and the most that one target may be."""
        ends = []
        for sign in (1.0, -1.0):
            least, point = self.tables.least(self.targets[at], sign)
            ends.append(sign * least)
            self._see(point)
        return ends[0], ends[1]
