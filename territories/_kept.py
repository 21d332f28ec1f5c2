"""The tables of the evidence without what they would tell beside what left before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from territories._held import held_sheets, without_held
from territories._shown import held_figures, territory_table
from territories.ledger import shown_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from territories._held import Held
    from territories._shown import Evidence
    from territories.secrecy import Secrecy
    from territories.tables import Sheet
    from territories.zoning import Zoning


def beside(
    sheets: Sequence[Sheet], zoning: Zoning, evidence: Evidence, *, secrecy: Secrecy
) -> tuple[list[Sheet], Held]:
    """Leave out of the tables of the evidence what would tell small counts beside what left before.

    Parameters
    ----------
    sheets
        From `findings`, whole.
    zoning, evidence
        What they are of; of the shares of territories, what is kept back is known already.
    secrecy
        Rule of disclosure.

    Returns
    -------
    list of Sheet, Held
        And all that is kept back.
    """
    held, flows = held_figures(zoning, evidence, secrecy=secrecy), evidence.flows
    if flows is None or not evidence.earlier:
        return list(sheets), held
    held = held_sheets(
        shown_figures(territory_table(zoning, evidence, secrecy=secrecy)),
        zoning,
        [each.table for each in sheets],
        held=held,
        flows=flows,
        stays=evidence.stays,
        earlier=evidence.earlier,
        secrecy=secrecy,
    )
    kept = [
        replace(each, table=without_held(each.key, each.table, held, zoning)) for each in sheets
    ]
    return [each for each in kept if len(each.table)], held
