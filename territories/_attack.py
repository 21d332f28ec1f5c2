"""The cells that an outsider narrows: linear programmes over the tables that agree with files.

The unknowns are counts of pairs of units, all activities together, and of pairs of groups by
activity (see `Cells`): few beside all cells. A cell of a pair and an activity may be anything from
what it is at least (all others of its group are of other activities) to the smaller of both counts.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy import sparse

from territories._feasible import Part, Statement, System

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from territories._feasible import Floats, Places
    from territories._statements import Writer

    # Units of residence and of destination, and activity; None: all of them.
    Target = tuple[int | None, int | None, int | None]

_TOLERANCE: Final = 1e-4

# Programmes are given so many cells of a pair and an activity at once.
_PIECES: Final = 4_000


def narrowed(
    writer: Writer, targets: Sequence[Target], *, threshold: int, sure: bool = False
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

    Returns
    -------
    dict
        The interval of each count that is found.
    """
    return _Attack(writer, targets, threshold - 1, sure=sure).found()


class _Piece(NamedTuple):
    """Part of a count: some pairs of units of one pair of groups, of one activity."""

    pairs: Places
    activity: int
    all_activities: Places


class _Attack:
    """Tables that agree with what is told, and the least and most that each target may be there."""

    def __init__(self, writer: Writer, targets: Sequence[Target], most: int, *, sure: bool) -> None:
        self.cells, self.most, self.sure = writer.cells, float(most), sure
        pairs = [writer.name(*each) for each in np.ndindex(self.cells.shape[:2])]
        free = [Statement((name,), (1.0,), 0.0, math.inf) for name in pairs]
        system = System.of([*free, *writer.statements, *writer.tied()], {})
        self.part = system.whole()
        place = {name: at for at, name in enumerate(system.names)}
        self.pairs = np.reshape([place[name] for name in pairs], self.cells.shape[:2])
        self.homes, self.places = writer.groups
        shape = (self.homes.max() + 1, self.places.max() + 1, self.cells.shape[2])
        self.split = len(self.cells.activities) > 1
        self.groups = self._columns(place, writer.source, shape) if self.split else None
        self.targets = list(dict.fromkeys(targets))
        self.at = np.array([self._place(each) for each in self.targets], dtype=np.intp)
        self.low = np.full(len(self.targets), np.inf)
        self.high = np.full(len(self.targets), -np.inf)

    @staticmethod
    def _columns(place: dict[Hashable, int], source: str, shape: tuple[int, int, int]) -> Places:
        found = [place[source, *each] for each in np.ndindex(shape)]
        return np.reshape(found, shape)

    def found(self) -> dict[Target, tuple[float, float]]:
        """Find those that no table clears: all together first, then few, then one by one."""
        self._see(self.part.extreme(np.zeros(len(self.part.names))))
        for pieces in (False, True):
            for below in (True, False):
                left = len(self.targets) + 1
                while 0 < len(here := self._narrow(below=below)) < left:
                    left = len(here)
                    for some in self._some(here) if pieces else [here]:
                        self._push(some, below=below, pieces=pieces)
        found = {}
        for at in np.flatnonzero(self._is_found(self.low, self.high)).tolist():
            low, high = self._ends(at)
            if self._is_found(low, high):
                found[self.targets[at]] = low, high
        return found

    def _is_found(self, low: Floats | float, high: Floats | float) -> Floats:
        if self.sure:
            return np.asarray((low > _TOLERANCE) & (high < self.most - _TOLERANCE))
        return np.asarray((low > 1 + _TOLERANCE) | (high < self.most - _TOLERANCE))

    def _narrow(self, *, below: bool) -> Places:
        """Return those that may still be found; of small ones, at one end."""
        lows = self.low > (0.0 if self.sure else 1.0) + _TOLERANCE
        highs = self.high < self.most - _TOLERANCE
        if self.sure:
            lows = highs = lows & highs
        return np.flatnonzero(lows if below else highs)

    def _some(self, here: Places) -> list[Places]:
        """Cut targets into lots that a programme can take."""
        homes, places = self.homes.max() + 1, self.places.max() + 1
        sizes = [
            places if place is None else homes if home is None else 1
            for home, place, _ in (self.targets[at] for at in here)
        ]
        lot = np.cumsum(sizes) // _PIECES
        return [here[lot == each] for each in np.unique(lot)]

    def _place(self, target: Target) -> int:
        """Return where `_ranges` tells of a target."""
        (homes, places, activities), (home, place, activity) = self.cells.shape, target
        if not self.split:
            activity = None
        starts = np.cumsum(
            [0, homes * places * activities, homes * activities, places * activities,
             homes * places, homes]
        )  # fmt: skip
        if activity is None:
            if home is None:
                return int(starts[5]) + int(place or 0)
            return (
                int(starts[4]) + home if place is None else int(starts[3]) + home * places + place
            )
        if home is None:
            return int(starts[2]) + int(place or 0) * activities + activity
        if place is None:
            return int(starts[1]) + home * activities + activity
        return (home * places + place) * activities + activity

    def _ranges(self, point: Floats) -> tuple[Floats, Floats]:
        """Return the least and the most of all that may be asked, in one table."""
        pair = point[self.pairs]
        sums = [pair.ravel(), pair.sum(axis=1), pair.sum(axis=0)]
        if self.groups is None:
            homes, places, activities = self.cells.shape
            empty = np.zeros(activities * (homes * places + homes + places))
            both = np.concatenate([empty, *sums])
            return both, both
        group = point[self.groups]
        inside = np.eye(group.shape[0])[self.homes], np.eye(group.shape[1])[self.places]
        ends = []
        for most in (False, True):
            found = []
            for part, own in (
                (pair, group[self.homes][:, self.places]),
                (pair @ inside[1], group[self.homes]),
                ((inside[0].T @ pair).T, group[:, self.places].transpose(1, 0, 2)),
            ):
                some, rest = part[:, :, None], part[:, :, None] - own.sum(axis=2)[:, :, None]
                each = np.minimum(some, own) if most else np.maximum(rest + own, 0.0)
                found.append(each if part is pair else each.sum(axis=1))
            ends.append(np.concatenate([*(each.ravel() for each in found), *sums]))
        return ends[0], ends[1]

    def _see(self, point: Floats | None) -> None:
        if point is not None:
            low, high = self._ranges(point)
            np.minimum(self.low, low[self.at], out=self.low)
            np.maximum(self.high, high[self.at], out=self.high)

    def _push(self, here: Places, *, below: bool, pieces: bool) -> None:
        """See a table in which as few as may be of some targets are too large, or too small."""
        part, values = self._with(here) if pieces else (self.part, self._around(here))
        size, number = len(part.names), values.shape[0]
        end = (0.0 if self.sure else 1.0) if below else self.most
        beside = sparse.eye_array(number) * (-1.0 if below else 1.0)
        matrix = sparse.block_array([[part.matrix, None], [values, beside]], format="csr")
        free, none, ends = (np.full(number, each) for each in (np.inf, 0.0, end))
        wider = Part(
            names=range(size + number),
            matrix=matrix,
            row_low=np.concatenate([part.row_low, -free if below else ends]),
            row_high=np.concatenate([part.row_high, ends if below else free]),
            low=np.concatenate([part.low, none]),
            high=np.concatenate([part.high, free]),
        )
        found = wider.extreme(np.concatenate([np.zeros(size), np.ones(number)]))
        self._see(None if found is None else found[: len(self.part.names)])

    def _ends(self, at: int) -> tuple[float, float]:
        """Return the least and the most that one target may be."""
        part, values = self._with(np.array([at]))
        toward = values.toarray()[0]
        found = []
        for sign in (1.0, -1.0):
            point = part.extreme(sign * toward)
            found.append(-sign * math.inf if point is None else float(toward @ point))
            self._see(None if point is None else point[: len(self.part.names)])
        return found[0], found[1]

    def _around(self, here: Places) -> sparse.csr_array:
        """Return the sums of pairs of units that targets are in, as rows."""
        around = dict.fromkeys(self.targets[at][:2] for at in here)
        return _rows([self._pairs(*each).ravel() for each in around], len(self.part.names))

    def _pairs(self, home: int | None, place: int | None) -> Places:
        return self.pairs[slice(None) if home is None else [home], :][
            :, slice(None) if place is None else [place]
        ]

    def _with(self, here: Places) -> tuple[Part, sparse.csr_array]:
        """Return the programme with the pieces of targets, and the targets as rows."""
        size = len(self.part.names)
        pieces: list[_Piece] = []
        columns = []
        for at in here:
            own = self._pieces(self.targets[at])
            columns.append(own if isinstance(own, np.ndarray) else size + len(pieces)
                           + np.arange(len(own)))  # fmt: skip
            pieces += [] if isinstance(own, np.ndarray) else own
        number = len(pieces)
        values = _rows(columns, size + number)
        if not number:
            return self.part, values
        pairs = _rows([each.pairs for each in pieces], size)
        activity = _rows([np.array([each.activity]) for each in pieces], size)
        groups = _rows([each.all_activities for each in pieces], size)
        one = sparse.eye_array(number)
        free, none = np.full(number, np.inf), np.zeros(number)
        # Not more than either count, and no less than the others leave: piece >= pairs + own - all.
        below = [[pairs, -one], [activity, -one], [pairs + activity - groups, -one]]
        matrix = sparse.block_array(
            [[self.part.matrix, sparse.csr_array((self.part.matrix.shape[0], number))], *below],
            format="csr",
        )
        wider = replace(
            self.part,
            names=range(size + number),
            matrix=matrix,
            row_low=np.concatenate([self.part.row_low, none, none, -free]),
            row_high=np.concatenate([self.part.row_high, free, free, none]),
            low=np.concatenate([self.part.low, none]),
            high=np.concatenate([self.part.high, free]),
        )
        return wider, values

    def _pieces(self, target: Target) -> list[_Piece] | Places:
        """Return the pieces of a target, or the columns that it is the sum of."""
        home, place, activity = target
        pairs = self._pairs(home, place)
        if self.groups is None or activity is None:
            return pairs.ravel()
        homes = self.homes if home is None else self.homes[[home]]
        places = self.places if place is None else self.places[[place]]
        return [
            _Piece(
                pairs[np.ix_(homes == one, places == other)].ravel(),
                int(self.groups[one, other, activity]),
                self.groups[one, other],
            )
            for one in np.unique(homes)
            for other in np.unique(places)
        ]


def _rows(columns: Sequence[Places], size: int) -> sparse.csr_array:
    """Return rows that add up some columns each."""
    ends = np.cumsum([0, *(len(each) for each in columns)])
    where = np.concatenate(columns) if columns else np.zeros(0, dtype=np.intp)
    return sparse.csr_array((np.ones(ends[-1]), where, ends), shape=(len(columns), size))
