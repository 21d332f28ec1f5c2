"""The fewest cells that any choice blind to the counts it masks has to mask in a random set.

    python benchmarks/fewest.py 179

An integer programme: which safe cells to mask so that each small cell of tests/linked.py can reach
10 and, if it is no total, 1, where all that is known of cells is which are 0, small or not. So
small cells may be 1 and cannot fall, others may be 11, and totals the sum of such cells. That the
other masked cells be protected too is not asked: no rule that never looks at what it masks does
with fewer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from linked import THRESHOLD, linked, small

from territories.disclosure import Line, protect

# In units of what a small cell rises by, 9: others fall by 10, and rise by so much at most.
FALL = (THRESHOLD - 1) / (THRESHOLD - 2)
RISE = 20.0


class Programme:
    """Rows and columns of an integer programme, one after the other."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.most: list[float] = []

    def column(self, most: float) -> int:
        """Add an unknown from 0 to so much."""
        self.most.append(most)
        return len(self.most) - 1

    def row(self, weights: dict[int, float], low: float, high: float) -> None:
        """Bound a sum."""
        self.entries += [(len(self.low), column, weight) for column, weight in weights.items()]
        self.low.append(low)
        self.high.append(high)


def fewest(values: dict, lines: list) -> tuple[float, float]:
    """Return the least number of safe cells masked, and the bound that is proven."""
    parts = {total: set(under) for total, under in lines}
    hidden = small(values)
    safe = sorted((key for key, count in values.items() if count >= THRESHOLD), key=repr)
    programme = Programme()
    masked = {key: programme.column(1.0) for key in safe}

    def leaves(key: object) -> set:
        return set().union(*map(leaves, parts[key])) if key in parts else {key}

    def above(key: object) -> set:
        over = {total for total, under in lines if key in under}
        return over.union(*map(above, over))

    falls = {key: FALL * max(1, len(leaves(key) & set(safe))) for key in safe}

    def way(fixed: dict) -> None:
        rise = {key: programme.column(RISE) for key in (*hidden, *safe) if key not in fixed}
        fall = {key: programme.column(falls[key]) for key in safe}
        for key in safe:
            programme.row({rise[key]: 1.0, masked[key]: -RISE}, -np.inf, 0.0)
            programme.row({fall[key]: 1.0, masked[key]: -falls[key]}, -np.inf, 0.0)
        for total, under in lines:
            signs = {total: 1.0} | dict.fromkeys(under, -1.0)
            weights = {rise[key]: sign for key, sign in signs.items() if key in rise}
            weights |= {fall[key]: -sign for key, sign in signs.items() if key in fall}
            known = -sum(sign * fixed.get(key, 0.0) for key, sign in signs.items())
            programme.row(weights, known, known)

    for key in sorted(hidden, key=repr):
        way({key: 1.0})
        if key not in parts:
            way({key: -1.0} | dict.fromkeys(above(key) & hidden, -1.0))
    rows, columns, weights = zip(*programme.entries, strict=True)
    shape = (len(programme.low), len(programme.most))
    first = np.arange(shape[1]) < len(safe)
    found = milp(
        first.astype("float64"),
        constraints=LinearConstraint(
            sparse.csr_array((weights, (rows, columns)), shape=shape), programme.low, programme.high
        ),
        bounds=Bounds(0.0, programme.most),
        integrality=first.astype("int"),
    )
    return found.fun, found.mip_dual_bound


if __name__ == "__main__":
    for seed in map(int, sys.argv[1:] or ["179"]):
        values, lines = linked(seed)
        masks = protect(values, [Line(*line) for line in lines])
        least, proven = fewest(values, lines)
        print(
            f"set {seed}: {masks.safe} safe cells, "
            f"{len(masks.secondary)} masked ({masks.lost:.1%}); "
            f"blind to the counts, at least {proven:.0f} ({least:.0f} found)"
        )
