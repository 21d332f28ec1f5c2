"""What an outsider finds of masked figures from all that is published of them, and what to mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from territories._feasible import TOLERANCE, Statement, System, Wanted, intervals
from territories._masking import Masking
from territories.errors import InputError, fault
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

    from territories._feasible import Floats
    from territories._masking import Flags

__all__ = ["Line", "Masks", "Statement", "bounds", "exposed", "protect", "published"]

# Ends of intervals are told to this many decimals; the programmes are not solved to more.
_DECIMALS: Final = 5


# Where more than this part of the cells that could be shown is masked, other orders are tried: so
# many, and fewer in tables of many cells.
_ENOUGH: Final = 0.2
_ORDERS: Final = 32
_MOST: Final = 16_000

# Sums of fractions differ from their total by less.
_SUM: Final = 1e-3


class Line(NamedTuple):
    """A cell that is the sum of others."""

    total: Hashable
    parts: tuple[Hashable, ...]


@dataclass(frozen=True)
class Masks:
    """The cells of a set of tables that are not shown, all under the same mark.

    Parameters
    ----------
    primary
        Masked for themselves: under the threshold, or sensitive.
    secondary
        Masked so that the primary ones are not found.
    safe
        How many cells could be shown by themselves; those that are 0 are shown and not counted.
    """

    primary: frozenset[Hashable]
    secondary: frozenset[Hashable]
    safe: int

    @property
    def cells(self) -> frozenset[Hashable]:
        """All cells that are masked."""
        return self.primary | self.secondary

    @property
    def lost(self) -> float:
        """Share of the safe cells that are masked: what protection costs."""
        return len(self.secondary) / self.safe if self.safe else 0.0


def protect(
    values: Mapping[Hashable, float],
    lines: Iterable[Line],
    *,
    secrecy: Secrecy | None = None,
    sensitive: Collection[Hashable] = (),
    unseen: Collection[Hashable] = (),
    weights: Mapping[Hashable, float] | None = None,
    orders: int = _ORDERS,
) -> Masks:
    """Choose the cells to mask in tables that leave together, so that no masked one is found.

    Parameters
    ----------
    values
        Count of each cell of all tables, totals included; the same figure in two tables is one
        cell.
    lines
        What adds up to what, in any number of lines a cell.
    secrecy
        The rule, default ``Secrecy()``: counts under its threshold are masked; 0 is shown.
    sensitive
        Cells to mask besides, whatever their count (few professionals, masked at their source).
    unseen
        Cells in no table, though lines tell something about them: small ones are protected as if
        they were masked, and others are free to vary.
    weights
        What is lost with each cell. It must be public (inhabitants, say), never made of the counts.
        By default the logarithm of the number of cells that it adds up: totals are kept longest.
    orders
        How many other orders to try where more than a fifth of the safe cells is lost and no
        weights are given; each takes as long as the first.

    Returns
    -------
    Masks
        The same whatever the order of what is given. Cells that are 0 are never masked.

    Raises
    ------
    InputError
        If a total is not the sum of its parts.

    Notes
    -----
    The choice depends on which cells are 0, which are under the threshold and which are sensitive:
    on no count. So tables that differ in what is masked only are masked alike, and the choice
    itself tells nothing of how large a masked cell is. That costs some cells that the counts would
    have let be shown (two small cells may be enough to hide each other, if they are not too small).

    A cell is protected by a way of changing the table on which all sums remain and other small
    cells never fall, since they may be 1: other cells can fall by 10, being 11 at least. By that
    way a small cell reaches 10, and by another 1, or the number of cells that it adds up, where it
    is a total, since anyone can count the masks; another masked cell has an interval 10 wide. Ways
    are found by linear programming, one after the other, each of them masking the least more; in
    the end, from the cell that tells most, each cell that all others have a way without is
    unmasked. Of several orders, what masks fewest is kept. `exposed` proves the result from what is
    published alone.

    References
    ----------
    Kelly, Golden and Assad (1992), Cell suppression: disclosure protection for sensitive tabular
    data; Fischetti and Salazar (2001); Kenthapadi, Mishra and Nissim (2005), Simulatable auditing.
    """
    door = secrecy or Secrecy()
    order = sorted(values, key=repr)
    place = {key: at for at, key in enumerate(order)}
    counts = np.array([values[key] for key in order], dtype="float64")
    _refuse_sums(values, lines := sorted(set(lines), key=repr))
    places = [(place[line.total], [place[key] for key in line.parts]) for line in lines]
    positive = np.round(counts, _DECIMALS) > 0
    small = np.array([door.hides(count) for count in counts], dtype="bool")
    given = np.array([key in sensitive or key in unseen for key in order], dtype="bool")
    masking = _fewest(
        places,
        small=small,
        large=positive & ~small,
        masked=given,
        unseen={place[key] for key in unseen},
        weights=None
        if weights is None
        else np.array([weights[key] for key in order], dtype="float64"),
        orders=orders,
    )
    seen = np.array([key not in unseen for key in order], dtype="bool")
    own = small | (given & positive)
    return Masks(
        primary=frozenset(order[at] for at in np.flatnonzero(own & seen)),
        secondary=frozenset(order[at] for at in np.flatnonzero(masking.masked & ~own)),
        safe=int((positive & ~own & seen).sum()),
    )


def _fewest(
    lines: Sequence[tuple[int, Sequence[int]]],
    *,
    small: Flags,
    large: Flags,
    masked: Flags,
    unseen: Collection[int],
    weights: Floats | None,
    orders: int,
) -> Masking:
    """Mask; where more than a fifth is lost, try other weights too, and keep what masks fewest.

    Each cell that is masked decides what is masked after it, so that no order is best everywhere.
    The orders are drawn at random, always the same, and are compared by how many cells they mask:
    still nothing depends on a count.
    """
    size = len(small)

    def tried(own: Floats) -> Masking:
        masking = Masking(
            lines, small=small, large=large, masked=masked, unseen=unseen, weights=own
        )
        masking.protect()
        return masking

    best = tried(_weights(lines, size) if weights is None else weights)
    drawn = np.random.default_rng(0)
    enough = small.sum() + _ENOUGH * large.sum()
    for number in range(0 if weights is not None else min(orders, _MOST // max(size, 1))):
        if best.masked.sum() <= enough:
            break
        even, uneven = drawn.uniform(0.5, 1.5, size), drawn.exponential(1.0, size) + 0.1
        other = tried(uneven if number % 2 else even)
        best = min(best, other, key=lambda each: int(each.masked.sum()))
    return best


def _refuse_sums(values: Mapping[Hashable, float], lines: Sequence[Line]) -> None:
    wrong = sum(
        abs(values[line.total] - sum(values[key] for key in line.parts)) > _SUM for line in lines
    )
    if wrong:
        raise InputError(fault("lines_do_not_add_up", number=wrong))


def _weights(
    lines: Sequence[tuple[int, Sequence[int]]], size: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the logarithm of the number of cells that each one adds up, itself at least."""
    parts: dict[int, set[int]] = {}
    for total, under in lines:
        parts.setdefault(total, set()).update(under)
    below: dict[int, set[int]] = {}
    for start in range(size):
        ahead, found = [start], set[int]()
        while ahead:
            each = ahead.pop()
            if each not in found:
                found.add(each)
                ahead += parts.get(each, ())
        below[start] = {each for each in found if each not in parts}
    return np.array([np.log2(1 + len(below[at])) for at in range(size)], dtype="float64")


def published(
    values: Mapping[Hashable, float],
    lines: Iterable[Line],
    *,
    masked: Collection[Hashable],
    unseen: Collection[Hashable] = (),
) -> list[Statement]:
    """Say what is read of tables that leave together: figures, marks, and what adds up.

    A cell that is shown is exact; a masked one is 1 at least, unless it is 0, which is shown;
    nothing is said of an unseen one but what the lines tell.
    """
    read = []
    for key, value in values.items():
        if key not in unseen:
            secret = key in masked and value > 0
            low, high = (1.0, np.inf) if secret else (float(value), float(value))
            read.append(Statement((key,), (1.0,), low, high))
    for line in lines:
        signs = (1.0, *(-1.0 for _ in line.parts))
        read.append(Statement((line.total, *line.parts), signs, 0.0, 0.0))
    return read


def bounds(
    statements: Iterable[Statement],
    targets: Iterable[Hashable],
    *,
    known: Mapping[Hashable, float] | None = None,
) -> pd.DataFrame:
    """Find what an outsider can know of some cells: the least and the most each may be.

    Parameters
    ----------
    statements
        All that he reads, of all tables together; cells are 0 at least.
    targets
        The cells he is after. For a sum, tie a cell to it: ``sum - parts = 0``.
    known
        Cells he knows from elsewhere.

    Returns
    -------
    DataFrame
        `low` and `high`, by target, in the order given: of all tables of real numbers that agree
        with what is read. A cell of which nothing is said may be 0 to infinity.

    Raises
    ------
    InputError
        If no table agrees with all statements.

    References
    ----------
    Fischetti and Salazar (2001): the attacker's problem.
    """
    return _bounds(statements, targets, known or {}, None)


def exposed(
    statements: Iterable[Statement],
    *,
    primary: Collection[Hashable],
    secondary: Collection[Hashable] = (),
    secrecy: Secrecy | None = None,
    known: Mapping[Hashable, float] | None = None,
) -> pd.DataFrame:
    """List the masked cells that an outsider can narrow.

    Parameters
    ----------
    statements, known
        As for `bounds`.
    primary
        Cells masked for themselves: their interval must reach from 1 to the threshold less one;
        where the marks and zeros alone say that it is more than 1 (the total of three masked cells
        is 3 at least), from there, and as wide.
    secondary
        Cells masked so that others are not found: their interval must be that wide at least, 10.
    secrecy
        The rule; default ``Secrecy()``.

    Returns
    -------
    DataFrame
        `low` and `high` of the cells whose interval is narrower; no row when there is none.

    Raises
    ------
    InputError
        If no table agrees with all statements.
    """
    most = (secrecy or Secrecy()).threshold - 1
    given = list(statements)
    told = known or {}
    found = [_narrow(given, secondary, told, Wanted(width=most))]
    narrow = _narrow(given, primary, told, Wanted(low=1, high=most))
    if len(narrow):
        marks = [each for each in given if _is_mark(each)]
        least = _bounds(marks, narrow.index, {}, None)["low"].clip(lower=1)
        reached = narrow["low"] <= least + TOLERANCE
        reached &= narrow["high"] >= least + most - 1 - TOLERANCE
        narrow = narrow[~reached]
    return pd.concat([narrow, *found])


def _narrow(
    statements: Sequence[Statement],
    cells: Collection[Hashable],
    known: Mapping[Hashable, float],
    wanted: Wanted,
) -> pd.DataFrame:
    table = _bounds(statements, cells, known, wanted)
    return table[~wanted.met(table["low"].to_numpy(), table["high"].to_numpy())]


def _is_mark(statement: Statement) -> bool:
    """Tell whether a statement says that a cell is masked or 0, or what adds up: no figure."""
    return statement.high == 0 or (
        len(statement.cells) == 1 and statement.low <= 1 and statement.high == np.inf
    )


def _bounds(
    statements: Iterable[Statement],
    targets: Iterable[Hashable],
    known: Mapping[Hashable, float],
    wanted: Wanted | None,
) -> pd.DataFrame:
    asked = list(dict.fromkeys(targets))
    system = System.of(statements, known)
    place = {name: at for at, name in enumerate(system.names)}
    low = np.array([system.low[place[name]] if name in place else 0.0 for name in asked])
    high = np.array([system.high[place[name]] if name in place else np.inf for name in asked])
    row = {name: at for at, name in enumerate(asked)}
    open_ = [name for name in asked if name in place and low[row[name]] < high[row[name]]]
    for part in system.parts(open_):
        here = np.array([at for at, name in enumerate(part.names) if name in row], dtype=np.intp)
        least, most = intervals(part, here, wanted)
        rows = [row[part.names[at]] for at in here]
        low[rows], high[rows] = least, most
    return _table(asked, low, high)


def _table(
    names: list[Hashable], low: np.ndarray[tuple[int]], high: np.ndarray[tuple[int]]
) -> pd.DataFrame:
    index = pd.Index(np.empty(len(names), dtype=object), dtype="object", name="cell")
    if names:
        index = pd.Index(pd.Series(names, dtype="object"), tupleize_cols=False, name="cell")
    return pd.DataFrame(
        {"low": np.round(low, _DECIMALS), "high": np.round(high, _DECIMALS)}, index=index
    )
