"""The values that cells may have for who knows some sums of them: linear programmes, part by part.

References
----------
Fischetti and Salazar (2001), Solving the cell suppression problem on tabular data with linear
constraints: the attacker's problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse.csgraph import connected_components

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Places = np.ndarray[tuple[int], np.dtype[np.intp]]

# Two bounds that differ by less are one value; statements that miss by less do not contradict.
TOLERANCE: Final = 1e-6

_CONTRADICTION: Final = 2


@dataclass(frozen=True)
class Statement:
    """One thing an outsider reads: ``low <= sum(weights * cells) <= high``.

    Parameters
    ----------
    cells
        Names of the cells; a total is a cell too, tied to its parts by ``total - parts = 0``.
    weights
        One for each cell.
    low, high
        Equal where the figure is exact; half a step on either side where it is rounded; 1 and
        infinity where it is masked, since 0 is shown.
    """

    cells: tuple[Hashable, ...]
    weights: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Part:
    """Cells that are tied to each other and to no others."""

    names: Sequence[Hashable]
    matrix: sparse.csr_array
    row_low: Floats
    row_high: Floats
    low: Floats
    high: Floats

    def extreme(self, objective: Floats) -> Floats | None:
        """Return the values that make a sum least; None if it has no least."""
        found = milp(
            objective,
            constraints=LinearConstraint(self.matrix, self.row_low, self.row_high),
            bounds=Bounds(self.low, self.high),
        )
        if found.status == _CONTRADICTION:
            raise InputError(fault("statements_contradict"))
        return None if found.x is None else np.asarray(found.x, dtype="float64")


@dataclass
class System:
    """All statements as rows: known cells taken out, bounds of single cells apart."""

    names: list[Hashable]
    matrix: sparse.csr_array
    row_low: Floats
    row_high: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, statements: Iterable[Statement], known: Mapping[Hashable, float]) -> System:
        """Lay statements out; cells are 0 at least."""
        given = list(statements)
        place = {name: at for at, name in enumerate(dict.fromkeys(_cells(given, known)))}
        rows = np.repeat(np.arange(len(given)), [len(each.cells) for each in given])
        columns = [place[name] for each in given for name in each.cells]
        weights = [weight for each in given for weight in each.weights]
        shape = (len(given), len(place))
        matrix = sparse.csr_array(
            sparse.coo_array((np.array(weights, dtype="float64"), (rows, columns)), shape=shape)
        )
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        system = cls(
            names=list(place),
            matrix=matrix,
            row_low=np.array([each.low for each in given], dtype="float64"),
            row_high=np.array([each.high for each in given], dtype="float64"),
            low=np.zeros(len(place)),
            high=np.full(len(place), np.inf),
        )
        for name, value in known.items():
            system.low[place[name]] = system.high[place[name]] = value
        system._substitute()
        return system

    def _substitute(self) -> None:
        """Take known cells out of the rows until none has one unknown cell only."""
        while True:
            free = self.high - self.low > TOLERANCE
            if (self.low > self.high + TOLERANCE).any():
                raise InputError(fault("statements_contradict"))
            shift = self.matrix @ np.where(free, 0.0, (self.low + self.high) / 2)
            self.row_low, self.row_high = self.row_low - shift, self.row_high - shift
            self.matrix = self.matrix @ sparse.diags_array(free.astype("float64"))
            self.matrix.eliminate_zeros()
            number = np.diff(self.matrix.indptr)
            empty = number == 0
            if (self.row_low[empty] > TOLERANCE).any() or (self.row_high[empty] < -TOLERANCE).any():
                raise InputError(fault("statements_contradict"))
            single = np.flatnonzero(number == 1)
            cells = self.matrix.indices[self.matrix.indptr[single]]
            weights = self.matrix.data[self.matrix.indptr[single]]
            ends = np.sort(
                [self.row_low[single] / weights, self.row_high[single] / weights], axis=0
            )
            np.maximum.at(self.low, cells, ends[0])
            np.minimum.at(self.high, cells, ends[1])
            keep = number > 1
            self.matrix = self.matrix[keep]
            self.row_low, self.row_high = self.row_low[keep], self.row_high[keep]
            if not len(single):
                return

    def whole(self) -> Part:
        """Return all cells as one part."""
        return Part(self.names, self.matrix, self.row_low, self.row_high, self.low, self.high)

    def parts(self, targets: Iterable[Hashable]) -> Iterator[Part]:
        """Divide the cells that are not known into parts; those without a target are left out."""
        count, size = self.matrix.shape
        ties = sparse.block_array([[None, self.matrix], [self.matrix.T, None]])
        _, labels = connected_components(ties, directed=False)
        wanted = set(targets)
        chosen = {labels[count + at] for at, name in enumerate(self.names) if name in wanted}
        order = np.argsort(labels[count:], kind="stable")
        starts = np.flatnonzero(np.diff(labels[count:][order], prepend=-1))
        row_order = np.argsort(labels[:count], kind="stable")
        row_labels = labels[:count][row_order]
        for cells in np.split(order, starts[1:]) if size else []:
            label = labels[count + cells[0]]
            first, last = np.searchsorted(row_labels, [label, label + 1])
            if label not in chosen or first == last:
                continue
            rows = np.sort(row_order[first:last])
            yield Part(
                names=[self.names[at] for at in cells],
                matrix=self.matrix[rows][:, cells],
                row_low=self.row_low[rows],
                row_high=self.row_high[rows],
                low=self.low[cells],
                high=self.high[cells],
            )


def _cells(given: Iterable[Statement], known: Iterable[Hashable]) -> Iterator[Hashable]:
    yield from known
    for each in given:
        yield from each.cells


@dataclass(frozen=True)
class Wanted:
    """When an interval is wide enough: it reaches from `low` to `high`, or is `width` wide."""

    low: float = -np.inf
    high: float = np.inf
    width: float = np.inf

    def met(self, low: Floats, high: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Tell of which intervals."""
        reaches = (low <= self.low + TOLERANCE) & (high >= self.high - TOLERANCE)
        # Of what has no end the width says nothing: 5 or more is not 1 to 10.
        return reaches | ((high - low >= self.width - TOLERANCE) & (self.width < np.inf))


def intervals(part: Part, places: Places, wanted: Wanted | None = None) -> tuple[Floats, Floats]:
    """Return the least and the most of some cells of a part.

    Where `wanted` is given, an interval that is wide enough may be wider than what is returned:
    each solution that is found is a possible table, which widens the intervals of all cells, so
    that few programmes are solved.
    """
    low, high = np.full(len(part.names), np.inf), np.full(len(part.names), -np.inf)
    objective = np.zeros(len(part.names))
    part.extreme(objective)  # refuses what cannot be: from here on, no solution means no end

    def open_() -> Places:
        return places[~wanted.met(low[places], high[places])] if wanted else places

    def visit(toward: Floats) -> Floats | None:
        point = part.extreme(toward)
        if point is not None:
            np.minimum(low, point, out=low)
            np.maximum(high, point, out=high)
        return point

    for sign in (1.0, -1.0) if wanted else ():
        left = len(places) + 1
        while 0 < len(open_()) < left:
            left = len(open_())
            objective[:] = 0.0
            objective[open_()] = sign
            visit(objective)
    for at in open_():
        if wanted and wanted.met(low[[at]], high[[at]])[0]:
            continue
        for sign in (1.0, -1.0):
            objective[:] = 0.0
            objective[at] = sign
            if visit(objective) is None:
                (low if sign > 0 else high)[at] = -sign * np.inf
    return low[places], high[places]
