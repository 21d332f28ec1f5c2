"""Which cells to mask with those that must be, found without looking at any count that is masked.

Of each cell the search knows one of three things: it is 0, it is small, or it is not. A way of
changing the table that keeps all sums (a vector of the null space of the lines) protects a cell if
it can be taken far enough whatever the counts are: small cells may be 1 and cannot fall, others are
the threshold at least and can fall by that less one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import highspy
import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from territories._feasible import Floats, Places

    Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]

# A cell that is masked already costs this part of one that is not: the shorter way is taken.
_MASKED: Final = 1e-3

# Among cells that tell as much, the first in order is masked: the solution does not depend on the
# solver's own order.
_ORDER: Final = 1e-2

_ZERO: Final = 1e-7

# A programme looks at the cells near its target first, so many, then at four times as many.
_NEAR: Final = 250

# Programmes of fewer columns are solved as they are.
_SMALL: Final = 1_000


class Way(NamedTuple):
    """A change of the table that keeps all its sums: places that change, and by how much."""

    places: Places
    changes: Floats


class Masking:
    """The cells of linked tables, in order, and those masked so far.

    Parameters
    ----------
    lines
        Places of a total and of its parts.
    small, large
        Cells masked for themselves and under the threshold; cells of the threshold or more.
    masked
        Cells that are not shown, whatever their count, besides the small ones.
    unseen
        Those of them that are in no table: they may be found unless they are small.
    weights
        What is lost with each cell; public.
    """

    def __init__(
        self,
        lines: Sequence[tuple[int, Sequence[int]]],
        *,
        small: Flags,
        large: Flags,
        masked: Flags,
        unseen: Collection[int],
        weights: Floats,
    ) -> None:
        rows = [number for number, (_, parts) in enumerate(lines) for _ in range(1 + len(parts))]
        columns = [at for total, parts in lines for at in (total, *parts)]
        signs = [sign for _, parts in lines for sign in (1.0, *(-1.0 for _ in parts))]
        shape = (len(lines), len(small))
        self.matrix = sparse.csc_array(sparse.coo_array((signs, (rows, columns)), shape=shape))
        self.rows = sparse.csr_array(self.matrix)
        self.programme = _Programme(self.matrix)
        self.ties = abs(self.matrix)
        self.degrees = np.diff(self.matrix.indptr)
        self.above = _above(lines, len(small))
        self.heads = [total for total, _ in lines]
        self.totals = {total for total, parts in lines if parts}
        self.small, self.large = small, large
        self.given = masked & large
        self.unseen = set(unseen)
        self.masked = small | self.given
        self.weights = weights * (1 + _ORDER * np.arange(len(small)) / max(len(small), 1))
        self.ways: dict[tuple[int, int], Way] = {}
        self.users: dict[int, set[tuple[int, int]]] = {}

    def protect(self) -> None:
        """Mask cells until each one masked has its ways, then unmask those that no way needs.

        A small cell must be able to rise by the threshold, and to fall to 1; another, masked but
        not unseen, to rise or to fall by as much.
        """
        for at in np.flatnonzero(self.small).tolist():
            for sign in self._signs(at):
                if (at, sign) not in self.ways:
                    self._find(at, sign)
        self._second()
        self._clean()

    def _signs(self, at: int) -> tuple[int, ...]:
        # Where all that a small total adds up falls, it falls with it.
        return (1,) if at in self.totals else (1, -1)

    def _second(self) -> None:
        while True:
            open_ = [
                at
                for at in np.flatnonzero(self.masked & ~self.small).tolist()
                if at not in self.unseen and (at, 0) not in self.ways
            ]
            if not open_:
                return
            for at in open_:
                if (at, 0) not in self.ways:
                    self._find(at, 0)

    def _find(self, at: int, sign: int) -> None:
        """Mask what the cheapest way of a cell goes through."""
        way = self._way(at, sign, self.masked | self.large)
        if way is None:
            message = "lines that add up always leave a way through the totals"
            raise AssertionError(message)
        self.masked[way.places] = True
        self._keep(at, sign, way)

    def _keep(self, at: int, sign: int, way: Way) -> None:
        """Note the way of a cell, and of all others that it serves as well."""
        self._note((at, sign), way)
        if sign < 0:
            return
        for place, change in zip(way.places.tolist(), way.changes.tolist(), strict=True):
            if self.small[place] and change >= 1 and (place, 1) not in self.ways:
                self._note((place, 1), way)
            elif self._beside(place) and abs(change) >= 1 and (place, 0) not in self.ways:
                self._note((place, 0), way)
        back = Way(way.places, -way.changes)
        for place in way.places[self.small[way.places]].tolist():
            wanted = place not in self.totals and (place, -1) not in self.ways
            if wanted and self._falls(place, back):
                self._note((place, -1), back)

    def _beside(self, at: int) -> bool:
        return bool(self.large[at]) and at not in self.unseen

    def _falls(self, at: int, way: Way) -> bool:
        """Tell whether a way takes a small cell down, with the small totals it is in."""
        changes = dict(zip(way.places.tolist(), way.changes.tolist(), strict=True))
        down = {at} | {total for total in self.above[at] if self.small[total]}
        return all(abs(changes.get(each, 0.0) + 1) < _ZERO for each in down) and all(
            each in down or change > (-_ZERO if self.small[each] else -1 - _ZERO)
            for each, change in changes.items()
        )

    def _note(self, key: tuple[int, int], way: Way) -> None:
        self._forget(key)
        self.ways[key] = way
        for place in way.places.tolist():
            self.users.setdefault(place, set()).add(key)

    def _forget(self, key: tuple[int, int]) -> None:
        old = self.ways.pop(key, None)
        for place in old.places.tolist() if old else ():
            self.users[place].discard(key)

    def _clean(self) -> None:
        """Unmask, what tells most first, each cell that all others have a way without."""
        beside = np.flatnonzero(self.masked & ~self.small & ~self.given).tolist()
        for at in sorted(beside, key=lambda at: (-self.weights[at], at)):
            self.masked[at] = False
            if self._alone(at):
                self.masked[at] = True
                continue
            kept: list[tuple[tuple[int, int], Way]] = []
            near = set(self._tied(at).tolist())
            for key in sorted(self.users.get(at, ()), key=lambda key: (key[0] not in near, key)):
                if key[0] == at:
                    continue
                way = self._way(*key, self.masked, wide=False)
                if way is None:
                    self.masked[at] = True
                    break
                kept.append((key, way))
            if not self.masked[at]:
                for key, way in kept:
                    self._note(key, way)
                self._forget((at, 0))

    def _alone(self, at: int) -> bool:
        """Tell whether a line would have small cells without another that can make up for them."""
        for line in self._lines(at).tolist():
            cells = self._cells(line)
            masked = cells[self.masked[cells]]
            small = bool(self.small[masked].all()) and self.heads[line] not in masked
            if len(masked) == 1 or (len(masked) and small):
                return True
        return False

    def _lines(self, at: int) -> Places:
        start, end = self.matrix.indptr[at], self.matrix.indptr[at + 1]
        return np.asarray(self.matrix.indices[start:end], dtype=np.intp)

    def _cells(self, line: int) -> Places:
        start, end = self.rows.indptr[line], self.rows.indptr[line + 1]
        return np.asarray(self.rows.indices[start:end], dtype=np.intp)

    def _tied(self, at: int) -> Places:
        """List the cells of the lines of a cell."""
        return np.concatenate([self._cells(line) for line in self._lines(at).tolist()])

    def _way(self, at: int, sign: int, allowed: Flags, *, wide: bool = True) -> Way | None:
        """Return the way of least cost through some cells, near ones first; `wide`: then others."""
        limit = _NEAR
        while True:
            near = self._near(at, allowed, limit)
            for direction in (sign,) if sign else (-1, 1):
                way = self._solved(at, direction, near)
                if way is not None:
                    return way
            if not wide or len(near) < limit:
                return None
            limit *= 4

    def _near(self, at: int, allowed: Flags, limit: int) -> Places:
        """List the cells nearest to one, so many, line after line; fewer: there are no others."""
        chosen = np.zeros(len(allowed), dtype="bool")
        chosen[at] = True
        if len(allowed) < limit:
            return np.flatnonzero(allowed | chosen)
        room = limit - 1
        while room > 0:
            touched = (self.ties @ chosen.astype("float64")) > 0
            lines = self.ties.T @ touched.astype("float64")
            cells = np.flatnonzero((lines > 0) & allowed & ~chosen)
            if not len(cells):
                break
            # Cells that need no further line come first, then masked ones, then who tells least.
            further = self.degrees[cells] - lines[cells]
            order = np.lexsort((cells, self.weights[cells], ~self.masked[cells], further))
            chosen[cells[order[:room]]] = True
            room -= len(cells)
        return np.flatnonzero(chosen)

    def _solved(self, at: int, sign: int, cells: Places) -> Way | None:
        """Return the way of least cost through some cells on which one rises, or falls, by 1."""
        fixed = {at}
        if sign < 0 and self.small[at]:
            fixed |= {total for total in self.above[at] if self.small[total]}
        held = np.array(sorted(fixed))
        near = np.zeros(len(self.small), dtype="bool")
        near[cells] = True
        if not near[held].all():
            return None
        highest = np.concatenate([np.where(near, np.inf, 0.0), (near & self.large) * 1.0])
        lowest = np.zeros(len(highest))
        up, down = held, held + len(near)
        highest[up] = lowest[up] = float(sign > 0)
        highest[down] = lowest[down] = float(sign < 0)
        cost = np.where(self.masked, _MASKED, 1.0) * self.weights
        found = self.programme.solved(lowest, highest, np.concatenate([cost, cost]))
        if found is None:
            return None
        changes = found[: len(near)] - found[len(near) :]
        changes[np.abs(changes) < _ZERO] = 0.0
        places = np.flatnonzero(changes)
        return Way(places, changes[places])


class _Programme:
    """The sums that stay, kept by a solver: of each cell by how much it rises, and falls."""

    def __init__(self, matrix: sparse.csc_array) -> None:
        both = sparse.csc_array(sparse.hstack([matrix, -matrix]))
        rows, columns = both.shape
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = columns, rows
        model.col_cost_ = model.col_lower_ = model.col_upper_ = np.zeros(columns)
        model.row_lower_ = model.row_upper_ = np.zeros(rows)
        model.a_matrix_.start_, model.a_matrix_.index_ = both.indptr, both.indices
        model.a_matrix_.value_ = both.data
        self.solver = highspy.Highs()  # type: ignore[no-untyped-call]
        self.solver.silent()
        if columns < _SMALL:  # to make it simpler would take longer than to solve it
            self.solver.setOptionValue("presolve", "off")
        self.solver.passModel(model)
        self.columns = np.arange(columns, dtype=np.int32)

    def solved(self, lowest: Floats, highest: Floats, cost: Floats) -> Floats | None:
        """Return what costs least within bounds; None where nothing is within them."""
        solver, columns = self.solver, self.columns
        solver.changeColsBounds(len(columns), columns, lowest, highest)
        solver.changeColsCost(len(columns), columns, cost)
        solver.clearSolver()  # from nothing: what is found does not depend on what was before
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return np.array(solver.getSolution().col_value)


def _above(lines: Iterable[tuple[int, Sequence[int]]], size: int) -> list[set[int]]:
    """Find, for each cell, all the totals it is in, those of those totals too."""
    over: list[set[int]] = [set() for _ in range(size)]
    for total, parts in lines:
        for part in parts:
            over[part].add(total)
    above: list[set[int]] = []
    for start in range(size):
        found: set[int] = set()
        ahead = list(over[start])
        while ahead:
            each = ahead.pop()
            if each not in found:
                found.add(each)
                ahead += over[each]
        above.append(found)
    return above
