"""Columns of activities read: one name each; totals among them, and labels that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from territories import activities
from territories._heads import plain
from territories._keys import distinct
from territories.errors import fault

if TYPE_CHECKING:
    import pandas as pd

    from territories._tables import Table
    from territories._words import Sentence
    from territories.activities import Nomenclature, Thesaurus

_LISTED: Final = 5
_NOMENCLATURES: Final[dict[str, Nomenclature]] = {
    "pse_spe_cod": "pse_spe_cod",
    "pse_act_nat": "pse_act_nat",
}


def activity_column(
    table: Table, column: str, thesaurus: Thesaurus, *, allow_new: bool
) -> tuple[pd.Series, pd.Series, list[Sentence]]:
    """Bring the labels of a column to the names of activities.

    Parameters
    ----------
    table
        As matched.
    column
        Our name of it.
    thesaurus
        See `activities.known`.
    allow_new
        Keep labels that are not known, unless they may be numbers of people or counts.

    Returns
    -------
    Series, Series, list of Sentence
        The name of each row (empty where nothing is said), how it was known (see
        `activities.normalised`), and what is wrong.
    """
    cells = table.frame[column]
    positions, labels = distinct(cells)
    nomenclature = _NOMENCLATURES.get(plain(table.head(column)))
    found = activities.normalised(labels, thesaurus, nomenclature=nomenclature)
    found = found.reindex(labels.to_numpy())
    name = found["name"].fillna("").astype("str").take(positions).set_axis(cells.index)
    how = found["how"].take(positions).set_axis(cells.index)
    quoted = [activities.shown(str(label)) for label in found.index]
    # A label of digits, kept as a name, could let out the number of a practitioner.
    hidden = np.array([text == "…" for text in quoted], dtype=bool)
    wrong = (found["how"] == "unknown").to_numpy(dtype=bool) & (hidden | (not allow_new))
    if not wrong.any():
        return name, how, []
    rows = cells.notna() & wrong[positions]
    listed = sorted({text for text, bad in zip(quoted, wrong, strict=True) if bad})
    told = fault(
        "activity_unknown",
        file=table.file,
        column=table.head(column),
        count=int(rows.sum()),
        rows=table.places(column, rows),
        values=", ".join(listed[:_LISTED]) + ", …" * (len(listed) > _LISTED),
        known=", ".join(thesaurus.names),
    )
    return name, how, [told]
