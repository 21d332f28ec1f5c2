"""What becomes of the rows of an extract: repeated, refused, set aside by reason, or kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from territories import activities
from territories._coding import COLUMNS_OF
from territories._columns import any_of
from territories._extract import PLACES, kind_of
from territories._keys import row_keys
from territories._numbers import MOST_MASKED
from territories._tables import shown
from territories._words import Sentence, figure
from territories.errors import fault
from territories.reconciliation import Reconciliation, count
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from territories._coding import Coded
    from territories._extract import Duplicates, Extract, Others
    from territories._tables import Table

OnUnknown = Literal["error", "aside", "external"]

_LISTED: Final = 5


def with_external(extract: Extract) -> Extract:
    """Keep the rows whose codes are no commune's, as those of places outside the layer."""
    lost = {
        reason: rows
        for reason, rows in extract.lost.items()
        if reason.partition("_")[0] not in ("malformed", "foreign", "unknown")
    }
    return replace(extract, lost=lost)


def without_duplicates(extract: Extract, duplicates: Duplicates) -> Extract:
    """Name the rows that repeat a key, or keep the first of each."""
    rows = ~any_of(extract.lost.values(), extract.frame.index)
    named = ["residence", "activity", kind_of(extract.table)]
    kept = extract.frame if rows.all() else extract.frame[rows]
    if not pd.Series(row_keys(kept, named)).duplicated().any():
        return replace(extract, unique=True)
    keys = row_keys(kept.assign(activity=extract.label[rows]), named)
    repeated = pd.Series(keys).duplicated(keep=False).to_numpy()
    if not repeated.any() or duplicates == "sum":
        return extract
    table, index = extract.table, extract.frame.index[rows]
    if duplicates == "first":
        later = pd.Series(pd.Series(keys).duplicated().to_numpy(), index=index)
        later = later.reindex(extract.frame.index, fill_value=False)
        return replace(extract, lost={**extract.lost, "duplicate": later})
    if any(each.key == "error.year_several" for each in extract.faults):
        return extract
    first = np.flatnonzero(keys == keys[repeated][0])
    same = pd.Series(data=True, index=index[first])
    row = extract.frame.loc[index[first[0]]]
    told_key = [
        f"{table.head(name)} {shown(row[name]) if name in PLACES else activities.shown(row[name])}"
        for name in named
        if name != "practitioner"
    ]
    told = fault(
        "key_twice",
        file=table.file,
        count=int(repeated.sum()),
        rows=table.places("residence", same),
        values=", ".join(told_key),
    )
    return replace(extract, faults=(*extract.faults, told))


def row_faults(extract: Extract, on_unknown: str, layer: str) -> list[Sentence]:
    """Name the rows that are lost, where they are not to be set aside.

    Parameters
    ----------
    extract
        As read.
    on_unknown
        See `read_flows`.
    layer
        Name of the layer's file.
    """
    if on_unknown == "aside":
        return []
    table = extract.table
    totals = [rows for reason, rows in extract.lost.items() if reason.startswith("total")]
    data = ~any_of(totals, extract.frame.index)
    keys = {"patients": "number_empty", **dict.fromkeys(PLACES, "code_empty")}
    faults = []
    for reason, marked in extract.marked.items():
        state, _, column = reason.partition("_")
        rows = marked & data
        if state == "missing" and rows.any():
            values = table.told(column, rows)
            faults.append(fault(keys.get(column, "cell_empty"), file=table.file, **values))
    if on_unknown == "error":
        for name, read in extract.coded.items():
            wrong = [rows for state, rows in read.bad.items() if state != "missing"]
            rows = any_of(wrong, extract.frame.index) & data
            other = {f"error.code_{kind}" for kind in COLUMNS_OF}
            said = any(
                each.key in other and each.values["column"] == table.head(name)
                for each in extract.faults
            )
            if rows.any() and not said:  # of a column of other codes, each is unknown
                faults.append(unknown_codes(table, name, rows, read, layer))
    return faults


def unknown_codes(table: Table, name: str, rows: pd.Series, column: Coded, layer: str) -> Sentence:
    distinct = column.code[rows].drop_duplicates()
    values = [
        shown(code) + (f" ({column.hints[code]} ?)" if code in column.hints else "")
        for code in distinct.head(_LISTED)
    ]
    return fault(
        "code_unknown" if layer else "code_unknown_alone",
        file=table.file,
        **table.told(name, rows),
        values=", ".join(values) + ", …" * (len(distinct) > _LISTED),
        layer=layer,
    )


def accounted(extract: Extract, others: Others) -> tuple[Reconciliation, pd.Series]:
    """Account for the rows of an extract, others of its file too, and tell those that are kept."""
    table, patients = extract.table, extract.frame["patients"]
    total = np.zeros(len(patients), dtype=bool)
    for reason, rows in extract.lost.items():
        total |= rows.to_numpy() & reason.startswith("total")
    account = Reconciliation(
        file=table.file,
        sha256=table.sha256,
        unit="patients",
        rows_in=len(patients) + len(table.footnotes) + others.rows,
        patients_in=count(patients[~total]) + others.patients,
        notices=extract.notices,
    ).set_aside(
        "footnote",
        len(table.footnotes),
        0,
        [{"row": str(row), "column": ""} for row in table.footnotes[:_LISTED]],
    )
    account = account.set_aside("other_year", others.rows, others.patients, others.examples)
    kept = pd.Series(data=True, index=patients.index)
    for reason, rows in extract.lost.items():
        state, _, column = reason.partition("_")
        lost = 0 if state == "total" else count(patients[rows])
        account = account.set_aside(reason, int(rows.sum()), lost, _examples(extract, reason, rows))
        kept &= ~rows
        if state == "total" and column == "":
            account = account.noted(*_stated_total(extract, rows, ~pd.Series(total, rows.index)))
    values = patients[kept]
    fractions = kept & (patients % 1 != 0)
    if fractions.any():
        told = {"column": table.head("patients"), "rows": table.places("patients", fractions)}
        account = account.noted(Sentence("notice.fractions", told))
    if len(values) and not values.any():
        account = account.noted(Sentence("notice.all_zero", {"column": table.head("patients")}))
    if len(extract.frame.loc[kept, "activity"].unique()) == 1:
        account = account.noted(Sentence("notice.one_activity"))
    return account, kept


def _examples(extract: Extract, reason: str, rows: pd.Series) -> list[dict[str, str]]:
    """Show the first rows that were set aside, and their codes."""
    state, _, column = reason.partition("_")
    column = column if column in extract.table.frame else "residence"
    examples = []
    for row in rows.index[rows.to_numpy()][:_LISTED]:
        example = {"row": str(row), "column": extract.table.head(column)}
        if state in ("malformed", "foreign", "unknown"):
            code = str(extract.frame.loc[row, column])
            hint = extract.coded[column].hints.get(code)
            example["value"] = shown(code) + (f" ({hint} ?)" if hint else "")
        examples.append(example)
    return examples


def _stated_total(extract: Extract, rows: pd.Series, data: pd.Series) -> list[Sentence]:
    """Compare the total that a row states with the sum of the others, masked cells in bounds."""
    patients = extract.frame["patients"]
    masked = extract.frame.get("masked", 0 * patients) > 0
    if rows.sum() != 1 or masked[rows].any():
        return []
    stated = patients[rows].iloc[0]
    low, high = (count(patients.mask(masked, end)[data]) for end in (1, MOST_MASKED))
    if low <= stated <= high:
        return []
    values = {
        "column": extract.table.head("patients"),
        "row": extract.table.places("patients", rows),
    }
    door, total = Secrecy(), count(patients[data])
    if any(door.hides(each) for each in (stated, total, abs(stated - total))):
        return [Sentence("notice.total_nearly", values)]
    figures = {"stated": figure(stated), "total": figure(total)}
    return [Sentence("notice.total_differs", {**values, **figures})]
