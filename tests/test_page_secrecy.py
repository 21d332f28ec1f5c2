"""What the page of the workshop holds, attacked beside all the tables of a report.

The attacker knows the rule by which cells are shown and rests are told, where practitioners are,
and everything in the report of the same run. A linear programme gives the least and the most that
each hidden count may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from grids import codes, drawn, flows
from test_secrecy_evidence import Audit, audited, region, secrets, zoned_as

from territories import _page_flows
from territories._page_flows import page_flows, rest_width, shown_from
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    import territories as tt

A, B = codes("AB")


def with_page(audit: Audit, given: tt.Flows, zoning: tt.Zoning) -> Audit:
    """Add what the page tells, read as one who knows the rule."""
    layer = zoning.communes.sort_index()
    door = Secrecy()
    page = page_flows(given, layer, secrecy=door)
    table = audit.table
    every = sorted(set(table["destination"]))
    outside = sorted(set(every) - set(layer.index))
    for home, code in enumerate(layer.index):
        here = (table["residence"] == code).to_numpy(dtype=float)
        shown = {}
        for at in range(page["start"][home], page["start"][home + 1]):
            to = page["to"][at]
            shown[layer.index[to] if to >= 0 else outside_code(page, to, outside)] = page[
                "patients"
            ][at]
        for place in every:
            cell = here * (table["destination"] == place).to_numpy(dtype=float)
            if not cell.any():
                continue
            least = shown.get(place)
            if least is None:
                audit.at_most(cell, shown_from(door) - 1)
            else:
                audit.at_most(-cell, -least)
                audit.at_most(cell, least + _page_flows.STEP - 1)
        known = sum(shown.values())
        audit.at_most(here, known + page["rest_high"][home] - 1)
        audit.at_most(-here, -known - page["rest_low"][home])
        assert page["rest_high"][home] - page["rest_low"][home] >= rest_width(door)
    return audit


def outside_code(page: dict, to: int, outside: list[str]) -> str:
    return next(code for code in outside if code in page["outside"][-to - 1])


def cells_of(audit: Audit) -> dict[object, np.ndarray]:
    """List the sums over activities that the page would show if they were not small."""
    groups = audit.table.groupby(["residence", "destination"]).indices
    found = {}
    for key, rows in groups.items():
        found["cell", *key] = np.zeros(len(audit.table))
        found["cell", *key][rows] = 1.0
    return found


def attack(given: tt.Flows, zoning: tt.Zoning, *, all_sums: bool = True) -> dict[object, int]:
    audit = with_page(audited(given, zoning), given, zoning)
    sums = cells_of(audit)
    return audit.found(sums | secrets(audit, zoning) if all_sums else sums)


@pytest.mark.parametrize("seed", [4, 9, 12])
def test_exact_cells_beside_shares_tell_hidden_ones(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is why cells are rounded down."""
    given, zoning = region(seed)
    assert attack(given, zoning, all_sums=False) == {}
    monkeypatch.setattr(_page_flows, "STEP", 1)
    assert attack(given, zoning, all_sums=False) != {}


@pytest.mark.parametrize("hidden", [1, 2, 5, 9, 10])
def test_one_commune_with_one_hidden_cell(hidden: int) -> None:
    layer = drawn("AB")
    given = flows([(A, A, 400), (A, B, hidden), (B, B, 500)], layer)
    for labels in ("TU", "TT", "T."):
        assert attack(given, zoned_as(layer, labels)) == {}


@pytest.mark.parametrize("most", [8, 9, 10])
def test_cells_of_ten_are_not_told_by_their_sum(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """T keeps 95.24 % of 420: 20 go to B and C. Were each known to be under 11, both were 10."""
    layer = drawn("ABC")
    c = codes("C")[0]
    rows = [(A, A, 400), (A, B, most), (A, c, 10), (B, B, 500), (c, c, 600), (B, c, 50), (c, B, 70)]
    given, zoning = flows(rows, layer), zoned_as(layer, "TUU")
    assert attack(given, zoning, all_sums=False) == {}
    monkeypatch.setattr("test_page_secrecy.shown_from", lambda door: door.threshold)
    monkeypatch.setattr(_page_flows, "shown_from", lambda door, _step=None: door.threshold)
    assert (attack(given, zoning, all_sums=False) != {}) == (most == 10)


@pytest.mark.parametrize("seed", [0, 4, 9, 12, 15, 21])
def test_no_small_count_is_found_in_the_page_and_a_report(seed: int) -> None:
    assert attack(*region(seed)) == {}
