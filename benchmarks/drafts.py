"""What an outsider finds in two and three drafts of one region, each one commune from the next.

    python benchmarks/drafts.py [number of regions] [--pages]

Regions are drawn as in tests/test_secrecy_evidence.py (3 to 7 communes, half of the cells 0 or
small): that is where little hides a count. Of each draft leave the measures of territories, the
tables of a report, the list of communes and the account, read back as from files; with ``--pages``
the page of the workshop too. The attack is that of ``territories audit`` with the flows at hand:
each small count, cell or sum of a line, must be possible from 1 to 10. Without the register of
exports, then with it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from test_ledger import moved_by
from test_secrecy_evidence import region

import territories as tt
from territories._readback import Told, of_page, of_tables
from territories._shown import Evidence, commune_table, territory_table
from territories._words import using
from territories.audit import attacked
from territories.findings import findings
from territories.ledger import export_of, shown_figures, with_exports
from territories.workshop import page_export, payload

if TYPE_CHECKING:
    import pandas as pd

    from territories.ledger import Export

DOOR = tt.Secrecy()


def drafts(seed: int) -> tuple[tt.Flows, list[tt.Zoning]]:
    """Draw a region and three drafts; fewer where there is one territory only."""
    given, zoning = region(seed)
    draw = np.random.default_rng(1_000 + seed)
    chain = [zoning]
    while len(chain) < 3 and (after := moved_by(chain[-1], draw)) is not None:
        chain.append(after)
    return given, chain


def leaves(
    number: int,
    zoning: tt.Zoning,
    given: tt.Flows,
    earlier: tuple[Export, ...],
    *,
    pages: bool,
) -> tuple[list[Told], list[Export], int]:
    """Return what leaves of a draft beside what left before, and what is known to have left."""
    before = earlier or ()
    with using("en"):
        known = Evidence(flows=given, earlier=before)
        table = territory_table(zoning, known, secrecy=DOOR)
        exports = [noted(zoning, {"territories": table}, table)]
        known = Evidence(flows=given, earlier=with_exports(before, exports) if before else ())
        sheets = {each.key: each.table for each in findings(zoning, known, language="en")}
        exports.append(noted(zoning, {"territories": table, **sheets}, table))
        tables = [table.reset_index(), *sheets.values(), commune_table(zoning).reset_index()]
    told = [of_tables(Path(str(number), "tables"), tables)]
    if pages:
        noted_now = with_exports(before, exports) if before else ()
        data = payload(zoning, given, beside=list(sheets.values()), earlier=noted_now,
                       language="en")  # fmt: skip
        told.append(of_page(Path(str(number), "page"), json.loads(json.dumps(data))))
        exports.append(page_export(data, zoning, secrecy=DOOR))
    return told, exports, int(table[["li", "msi"]].notna().to_numpy().sum())


def noted(zoning: tt.Zoning, tables: dict[str, pd.DataFrame], table: pd.DataFrame) -> Export:
    """Note what leaves, as the doors do."""
    return export_of(zoning, tables, figures=shown_figures(table), secrecy=DOOR)


def found(told: list[Told], given: tt.Flows) -> int:
    """Count what the attack finds in what was read back."""
    account = Told(Path("account"), totals={"patients": float(given.table["patients"].sum())})
    truth = {"patients": given, "stays": None}
    return len(attacked([account, *told], truth=truth, door=DOOR).found)


def measured(seed: int, *, register: bool, pages: bool) -> tuple[int, int, int] | None:
    """Count what is found in two drafts of a region and in three, and the shares they show."""
    given, chain = drafts(seed)
    if len(chain) < 3:
        return None
    earlier: tuple[Export, ...] = ()
    told: list[list[Told]] = []
    shown = 0
    for place, zoning in enumerate(chain):
        before = earlier if register else ()
        new, exports, figures = leaves(place, zoning, given, before, pages=pages)
        earlier = with_exports(earlier, exports)
        told.append(new)
        shown += figures
    two, three = (found(list(itertools.chain(*told[:drafts])), given) for drafts in (2, 3))
    return two, three, shown


def main(number: int, *, pages: bool) -> None:
    """Print what is found, region by region, then of all."""
    start = time.process_time()
    results: dict[bool, list[tuple[int, int, int]]] = {False: [], True: []}
    for seed in range(number):
        for register, each in results.items():
            one = measured(seed, register=register, pages=pages)
            if one is not None:
                each.append(one)
                print(seed, "with" if register else "without", *one, flush=True)
    print(f"{len(results[True])} regions, {time.process_time() - start:.0f} s of processor")
    for register, each in results.items():
        two, three, shown = zip(*each, strict=True)
        print("with the register:" if register else "without:")
        print(f"  two drafts: {sum(map(bool, two))} regions, {sum(two)} counts")
        print(f"  three drafts: {sum(map(bool, three))} regions, {sum(three)} counts")
        print(f"  shares shown (li, msi): {sum(shown)}")


if __name__ == "__main__":
    reader = argparse.ArgumentParser()
    reader.add_argument("number", nargs="?", type=int, default=200)
    reader.add_argument("--pages", action="store_true")
    options = reader.parse_args()
    main(options.number, pages=options.pages)
