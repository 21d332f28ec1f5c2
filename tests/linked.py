"""Random sets of linked tables, and an attack on what is published of them, apart from the code.

A set is commune x pole x activity, with totals of communes, poles, activities, territories,
departments, the region, and territory x pole: all leave together.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

ALL = "*"
THRESHOLD = 11


def linked(seed: int) -> tuple[dict, list]:
    """Make one set: the count of each cell, and each total with its parts."""
    draw = np.random.default_rng([8, seed])
    size = tuple(int(draw.integers(low, high)) for low, high in ((6, 15), (3, 6), (2, 4)))
    number = int(draw.integers(2, 4))
    territory = np.sort([*range(number), *draw.integers(0, number, size[0] - number)])
    department = np.arange(number) // 2
    zero, small = draw.uniform(0.05, 0.3), draw.uniform(0.05, 0.25)
    counts = THRESHOLD + np.floor(np.exp(draw.normal(4.2, 1.1, size))).astype(int)
    kind = draw.random(size)
    counts = np.where(kind < zero + small, draw.integers(1, THRESHOLD, size), counts)
    counts = np.where(kind < zero, 0, counts)
    place = {("commune", i): [i] for i in range(size[0])}
    place |= {("territory", t): np.flatnonzero(territory == t).tolist() for t in range(number)}
    place |= {
        ("department", d): np.flatnonzero(department[territory] == d).tolist()
        for d in sorted(set(department.tolist()))
    }
    place["region", 0] = list(range(size[0]))
    values, lines = {}, []
    for where, rows in place.items():
        for pole in (*range(size[1]), ALL):
            for activity in (*range(size[2]), ALL):
                if not _published(where[0], pole, activity):
                    continue
                cells = [
                    (("commune", i), j, s)
                    for i in rows
                    for j in (range(size[1]) if pole == ALL else [pole])
                    for s in (range(size[2]) if activity == ALL else [activity])
                ]
                key = (where, pole, activity)
                values[key] = int(sum(counts[i, j, s] for (_, i), j, s in cells))
                if cells != [key]:
                    lines.append((key, tuple(cells)))
    return values, lines


def _published(level: str, pole: object, activity: object) -> bool:
    if ALL not in (pole, activity):
        return level == "commune"
    if pole != ALL:
        return level in ("territory", "region")
    return activity == ALL or level == "region"


def small(values: dict) -> set:
    """List the cells under the threshold."""
    return {key for key, count in values.items() if 0 < count < THRESHOLD}


def attack(values: dict, lines: list, masked: set) -> dict:
    """Find the least and the most of each masked cell: two programmes each, all tables at once."""
    cells = sorted((key for key in masked if values[key] > 0), key=repr)
    place = {key: at for at, key in enumerate(cells)}
    rows, sums = [], []
    for total, parts in lines:
        row, known = np.zeros(len(cells)), 0.0
        for key, sign in [(total, 1.0), *((part, -1.0) for part in parts)]:
            if key in place:
                row[place[key]] += sign
            else:
                known += sign * values[key]
        if row.any():
            rows.append(row)
            sums.append(-known)
    found = {}
    matrix = sparse.csr_array(np.array(rows)) if rows else None
    for key in cells:
        ends = []
        for sign in (1.0, -1.0):
            toward = np.zeros(len(cells))
            toward[place[key]] = sign
            best = linprog(toward, A_eq=matrix, b_eq=sums or None, bounds=(1, None))
            assert best.status in (0, 3), best.message
            ends.append(sign * best.fun if best.status == 0 else np.inf)
        found[key] = tuple(ends)
    return found


def recovered(values: dict, lines: list, found: dict) -> tuple[int, int]:
    """Count the masked cells found exactly, and those found more narrowly than the rule allows.

    A small total of three masked cells is 3 at least: anyone counts the marks, since 0 is shown.
    """
    exact = sum(high - low < 1e-6 for low, high in found.values())
    marks = {total: sum(values[part] > 0 for part in parts) for total, parts in lines}
    narrow = 0
    for key, (low, high) in found.items():
        if 0 < values[key] < THRESHOLD:
            least = max(1, marks.get(key, 1))
            narrow += low > least + 1e-6 or high < max(10, least + 9) - 1e-6
        else:
            narrow += high - low < THRESHOLD - 1 - 1e-6
    return exact, narrow


def naive(values: dict, lines: list) -> set:
    """Mask as is often done: beside each cell that is alone in a line, its smallest neighbour."""
    masked = small(values)
    more = True
    while more:
        more = False
        for total, parts in lines:
            cells = [key for key in (*parts, total) if values[key] > 0]
            shown = [key for key in cells if key not in masked]
            if len(cells) - len(shown) == 1 and shown:
                masked.add(min(shown, key=lambda key: (values[key], repr(key))))
                more = True
    return masked


def communes_only(lines: list) -> list:
    """Keep the totals of communes."""
    return [line for line in lines if line[0][0][0] == "commune"]


def poles_too(lines: list) -> list:
    """Keep the totals of communes, and those of territory x pole."""
    return [
        line
        for line in lines
        if line[0][0][0] == "commune" or (line[0][0][0] == "territory" and line[0][1] != ALL)
    ]
