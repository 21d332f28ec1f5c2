"""What an outsider finds in 200 random sets of linked tables, and what protection costs.

    python benchmarks/disclosure.py [number of sets]

The sets and the attack are those of tests/linked.py, written apart from the code they judge.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from linked import attack, communes_only, linked, naive, poles_too, recovered, small

from territories.disclosure import Line, exposed, protect, published


def main(number: int) -> None:
    ways: dict[str, list[tuple[int, int, int]]] = {}
    lost, seconds, audits = [], [], []
    cells = safe = secondary = narrow = 0
    for seed in range(number):
        values, lines = linked(seed)
        leaves = {key for key in small(values) if "*" not in key[1:]}
        start = time.process_time()
        masks = protect(values, [Line(*line) for line in lines])
        seconds.append(time.process_time() - start)
        start = time.process_time()
        read = published(values, [Line(*line) for line in lines], masked=masks.cells)
        narrow += len(exposed(read, primary=masks.primary, secondary=masks.secondary))
        audits.append(time.process_time() - start)
        cells += len(values)
        safe += masks.safe
        secondary += len(masks.secondary)
        lost.append(masks.lost)
        for name, told, masked in (
            ("small cells, totals of communes", communes_only(lines), leaves),
            ("small cells, territory x pole too", poles_too(lines), small(values)),
            ("small cells, all totals", lines, small(values)),
            ("smallest neighbour beside, all totals", lines, naive(values, lines)),
            ("protect", lines, masks.cells),
        ):
            found = attack(values, told, masked)
            ways.setdefault(name, []).append((len(found), *recovered(values, lines, found)))
    print(f"{number} sets, {cells} cells, {safe} safe ones")
    for name, each in ways.items():
        masked, exact, wide = (sum(column) for column in zip(*each, strict=True))
        shares = f"exactly {exact / masked:6.1%}  narrow {wide / masked:6.1%}"
        print(f"{name:40} masked {masked:6}  {shares}")
    over = sum(each > 0.2 for each in lost)
    print(
        f"safe cells lost: {secondary / safe:.1%} of all; by set min {min(lost):.1%}, "
        f"median {statistics.median(lost):.1%}, max {max(lost):.1%}; {over} sets over 20 %"
    )
    print(f"our own audit: {narrow} exposed")
    print(
        f"protect: median {statistics.median(seconds):.2f} s, max {max(seconds):.2f} s; "
        f"audit: median {statistics.median(audits):.3f} s"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
