"""A report beside what left before: what of it is kept back, and what the register notes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from territories._kept import beside
from territories._shown import held_figures, territory_table
from territories.ledger import SHEETS, export_of, shown_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from territories._records import Run
    from territories.ledger import Export, Register
    from territories.secrecy import Secrecy
    from territories.tables import Sheet


def beside_register(run: Run, register: Register, door: Secrecy) -> Run:
    """Put what left before in the evidence of a run, and what of its shares is kept back for it."""
    evidence = replace(run.evidence, earlier=register.earlier, held=None)
    held = held_figures(run.zoning, evidence, secrecy=door)
    return replace(run, evidence=replace(evidence, held=held))


def without_kept_back(run: Run, told: Sequence[Sheet], door: Secrecy) -> tuple[Run, list[Sheet]]:
    """Leave out of the tables of a run what would tell small counts beside what left before."""
    kept, held = beside(list(told), run.zoning, run.evidence, secrecy=door)
    return replace(run, evidence=replace(run.evidence, held=held)), kept


def left_in(run: Run, found: Sequence[Sheet], door: Secrecy) -> Export:
    """Say what leaves in a report, for the register."""
    measures = territory_table(run.zoning, run.evidence, secrecy=door)
    tables = {each.key: each.table for each in found if each.key in SHEETS}
    return export_of(
        run.zoning,
        {"territories": measures, **tables},
        figures=shown_figures(measures),
        secrecy=door,
    )
