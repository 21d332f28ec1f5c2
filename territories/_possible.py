"""The tables that agree with what files tell, as a programme over pairs of units and of groups.

The unknowns are counts of pairs of units, all activities together, and of pairs of groups by
activity (see `Cells`): few beside all cells. A cell of a pair and an activity may be anything from
what it is at least (all others of its group are of other activities) to the smaller of both counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from territories._feasible import Part, Statement, System

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from territories._feasible import Floats
    from territories._statements import Writer
    from territories._units import Places

    # Units of residence and of destination, and activity; None: all of them.
    Target = tuple[int | None, int | None, int | None]


class _Piece(NamedTuple):
    """Part of a count: some pairs of units of one pair of groups, of one activity."""

    pairs: Places
    activity: int
    all_activities: Places


@dataclass(frozen=True)
class Tables:
    """The tables that agree with what is told.

    Parameters
    ----------
    part
        The programme.
    pairs
        Column of each pair of units, all activities together.
    groups
        Column of each pair of groups by activity; None where there is one activity.
    homes, places
        Group of each unit.
    """

    part: Part
    pairs: Places
    groups: Places | None
    homes: Places
    places: Places

    @classmethod
    def of(cls, writer: Writer) -> Tables:
        """Lay out what is told."""
        cells = writer.cells
        names = [writer.name(*each) for each in np.ndindex(cells.shape[:2])]
        free = [Statement((name,), (1.0,), 0.0, math.inf) for name in names]
        system = System.of([*free, *writer.statements, *writer.tied()], {})
        place = {name: at for at, name in enumerate(system.names)}
        homes, places = writer.groups
        groups = None
        if len(cells.activities) > 1:
            shape = (homes.max() + 1, places.max() + 1, cells.shape[2])
            found = [place[writer.source, *each] for each in np.ndindex(shape)]
            groups = np.reshape(found, shape)
        pairs = np.reshape([place[name] for name in names], cells.shape[:2])
        return cls(system.whole(), pairs, groups, homes, places)

    @property
    def size(self) -> int:
        """How many columns there are."""
        return len(self.part.names)

    def of_counts(self, counts: pd.DataFrame) -> Floats:
        """Lay counts out, rows of home `h`, place `p`, activity `a` and `patients`."""
        point = np.zeros(self.size)
        patients = counts["patients"].to_numpy(dtype="float64")
        home, place = counts["h"].to_numpy(), counts["p"].to_numpy()
        np.add.at(point, self.pairs[home, place], patients)
        if self.groups is not None:
            own = self.groups[self.homes[home], self.places[place], counts["a"].to_numpy()]
            np.add.at(point, own, patients)
        return point

    def missed(self, point: Floats) -> float:
        """Return by how much a table misses what is told, at most."""
        part = self.part
        told = part.matrix @ point
        over = [part.row_low - told, told - part.row_high, part.low - point, point - part.high]
        return max((float(each.max()) for each in over if len(each)), default=0.0)

    def within(self, rows: Places, point: Floats) -> tuple[Tables, Places]:
        """Let the counts of some homes vary, the others being as in a table.

        Returns
        -------
        Tables, Places
            And the columns that vary. Any table of the first, put into these columns, agrees with
            all that is told.
        """
        own, homes = np.unique(self.homes[rows], return_inverse=True)
        pairs = self.pairs[rows]
        groups = None if self.groups is None else self.groups[own]
        every = [pairs.ravel()] if groups is None else [pairs.ravel(), groups.ravel()]
        columns = np.unique(np.concatenate(every))
        part = self.part
        matrix = sparse.csr_array(sparse.csc_array(part.matrix)[:, columns])
        touched = np.flatnonzero(np.diff(matrix.indptr))
        matrix, here = matrix[touched], point[columns]
        # What the table itself misses by a rounding is no contradiction.
        told = matrix @ here
        others = (part.matrix[touched] @ point) - told
        kept = Part(
            names=range(len(columns)),
            matrix=matrix,
            row_low=np.minimum(part.row_low[touched] - others, told),
            row_high=np.maximum(part.row_high[touched] - others, told),
            low=np.minimum(part.low[columns], here),
            high=np.maximum(part.high[columns], here),
        )
        smaller = Tables(
            kept,
            np.searchsorted(columns, pairs),
            None if groups is None else np.searchsorted(columns, groups),
            homes,
            self.places,
        )
        return smaller, columns

    def ranges(self, point: Floats) -> tuple[Floats, Floats]:
        """Return the least and the most of all that may be asked, in one table.

        In this order: cells, homes by activity, places by activity, pairs, homes, places.
        """
        pair = point[self.pairs]
        sums = [pair.ravel(), pair.sum(axis=1), pair.sum(axis=0)]
        if self.groups is None:
            both = np.concatenate(sums)
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

    def place(self, target: Target) -> int:
        """Return where `ranges` tells of a target."""
        home, place, activity = target
        homes, places = self.pairs.shape
        activities = 0 if self.groups is None else self.groups.shape[2]
        starts: list[int] = np.cumsum(
            [0, homes * places * activities, homes * activities, places * activities,
             homes * places, homes]
        ).tolist()  # fmt: skip
        if activity is None or not activities:
            if home is None:
                return starts[5] + int(place or 0)
            return starts[4] + home if place is None else starts[3] + home * places + place
        if home is None:
            return starts[2] + int(place or 0) * activities + activity
        if place is None:
            return starts[1] + home * activities + activity
        cell: int = (home * places + place) * activities + activity
        return cell

    def pushed(
        self, targets: Sequence[Target], end: float, *, below: bool, pieces: bool = True
    ) -> Floats | None:
        """Find a table in which some targets are over an end, or below it, by least in all.

        `pieces`: else the pairs of units that they are in, all activities together.
        """
        part, values = self._with(targets) if pieces else (self.part, self._around(targets))
        size, number = len(part.names), values.shape[0]
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
        return None if found is None else found[: self.size]

    def least(self, target: Target, sign: float) -> tuple[float, Floats | None]:
        """Return the least of a target, or of its opposite, and a table in which it is that."""
        part, values = self._with([target])
        toward = sign * values.toarray()[0]
        point = part.extreme(toward)
        if point is None:
            return -math.inf, None
        return float(toward @ point), point[: self.size]

    def _around(self, targets: Sequence[Target]) -> sparse.csr_array:
        """Return the sums of pairs of units that targets are in, as rows."""
        around = dict.fromkeys(each[:2] for each in targets)
        return _rows([self._pairs(*each).ravel() for each in around], self.size)

    def _pairs(self, home: int | None, place: int | None) -> Places:
        return self.pairs[slice(None) if home is None else [home], :][
            :, slice(None) if place is None else [place]
        ]

    def _with(self, targets: Sequence[Target]) -> tuple[Part, sparse.csr_array]:
        """Return the programme with the pieces of targets, and the targets as rows."""
        size = self.size
        pieces: list[_Piece] = []
        columns = []
        for target in targets:
            own = self._pieces(target)
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
