"""A workbook of everything: codes stay text, numbers are numbers, nothing runs as a formula."""

from __future__ import annotations

import datetime as dt
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories._words import Language, say, using
from territories._writing import refuse_files, whole_file
from territories.errors import InputError, fault, of_kind
from territories.export import noted, write_csv
from territories.tables import alphabetical, listed
from territories.tables import sheets as all_sheets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from territories.flows import Flows
    from territories.secrecy import Secrecy
    from territories.tables import Sheet
    from territories.zoning import Zoning

# Workbooks are dated; a fixed date keeps the same inputs at the same bytes.
_DATE: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - xlsxwriter takes no time zone

# The codes of formats: a spreadsheet writes them with the blanks and commas of its own language,
# the number of a reader in France shows as 12 345,6.
_FORMATS: Final = {
    "text": "@",
    "integer": "#,##0",
    "number": "#,##0.0",
    "share": "0.0\\ %",
    "index": "0.00",
}
_LONGEST_NAME: Final = 31
_WIDEST: Final = 60
_NARROWEST: Final = 8
_A4: Final = 9
_ROOM: Final = 2
_HEAD_ROW: Final = 2  # below the title and the note
_WIDE_TABLE: Final = 10
# A note runs over columns as wide as this together, on as many lines as it takes.
_NOTE: Final = 90
_LINE: Final = 15.0  # points


def export_xlsx(
    zoning: Zoning,
    path: str | Path,
    *,
    flows: Flows | None = None,
    secrecy: Secrecy | None = None,
    ledger: str | Path | None = None,
    overwrite: bool = False,
    language: Language = "fr",
) -> None:
    """Write territories, communes and the lists to paste elsewhere as a workbook.

    Parameters
    ----------
    zoning
        What to write.
    path
        File; written whole or not at all.
    flows
        Located flows, for the measures that need them.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    ledger
        As for `export_geojson`.
    overwrite
        Replace the file if it is there.
    language
        Of the names of sheets, columns and classes.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    of_kind("Zoning", zoning=zoning)
    _refuse_name(path)
    refuse_files(Path(path), overwrite=overwrite)
    with using(language):
        evidence, _ = noted(zoning, flows, path, ledger=ledger, secrecy=secrecy)
    accounts = () if flows is None or not flows.reconciliation.file else (flows.reconciliation,)
    found = all_sheets(
        zoning, evidence=evidence, accounts=accounts, secrecy=secrecy, language=language
    )
    with using(language):
        write_xlsx(found, path, overwrite=overwrite)


def export_lists(
    zoning: Zoning,
    path: str | Path,
    *,
    overwrite: bool = False,
    language: Language = "fr",
) -> None:
    """Write the communes of each territory as a CSV that French Excel opens, one on each row.

    Territories and communes are in alphabetical order; a shared commune stands in each of its
    territories, with its weight; those in no territory come last. `read_zoning` reads it back.

    Parameters
    ----------
    zoning
        What to write.
    path
        File; written whole or not at all.
    overwrite
        Replace the file if it is there.
    language
        Of the names of columns.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    of_kind("Zoning", zoning=zoning)
    with using(language), whole_file(path, overwrite=overwrite) as draft:
        rows = listed(zoning)
        names = zoning.communes["name"].reindex(zoning.uncovered).astype("str")
        alone = pd.DataFrame({"code": names.index, "name": names.to_numpy()})
        order = alone["name"].map(alphabetical).sort_values(kind="stable").index
        table = pd.concat([rows, alone.loc[order]], ignore_index=True)
        heads = {each: say(f"column.{each}") for each in rows.columns}
        write_csv(table.rename(columns=heads).set_index(heads["territory"]), draft)


def write_xlsx(sheets: Sequence[Sheet], path: str | Path, *, overwrite: bool = False) -> None:
    """Write sheets as a workbook, whole or not at all; the same sheets give the same bytes.

    Columns of numbers bear a number format, so that they show as the reader's language writes
    them; text is never read as a formula or a link. The head of each table stays in sight and is
    repeated on each printed page, A4 across.

    Parameters
    ----------
    sheets
        In the order of the tabs.
    path
        File.
    overwrite
        Replace the file if it is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    _refuse_name(path)
    import xlsxwriter  # noqa: PLC0415 - a tenth of a second, for those who write workbooks

    options = {
        "in_memory": True,  # nothing is left in a folder of temporary files
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with whole_file(path, overwrite=overwrite) as draft:
        book = xlsxwriter.Workbook(str(draft), options)
        # No author, and a date that does not change.
        book.set_properties({"created": _DATE, "author": "", "title": sheets[0].title})
        styles = _styles(book)
        for each, name in zip(sheets, tab_names([each.name for each in sheets]), strict=True):
            _write(book.add_worksheet(name), each, styles)
        try:
            book.close()
        except xlsxwriter.exceptions.FileCreateError as problem:
            raise OSError(*problem.args) from problem


def _refuse_name(path: str | Path) -> None:
    if not str(path).lower().endswith(".xlsx"):
        raise InputError(fault("xlsx_name", file=str(path)))


def tab_names(names: Sequence[str]) -> list[str]:
    """Make names that a spreadsheet takes: 31 characters, no sign it forbids, none twice.

    Examples
    --------
    >>> tab_names(["a/b", "A b", "", "History"])
    ['a b', 'A b 2', '-', 'History 2']
    """
    taken = {"history"}  # kept by Excel for itself
    made = []
    for name in names:
        plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]+", " ", name).strip(" '") or "-"
        tried, number = plain[:_LONGEST_NAME].strip(" '"), 1
        while tried.casefold() in taken:
            number += 1
            end = f" {number}"
            tried = plain[: _LONGEST_NAME - len(end)].strip(" '") + end
        taken.add(tried.casefold())
        made.append(tried)
    return made


def _styles(book: Any) -> dict[str, Any]:  # noqa: ANN401 - xlsxwriter has no types
    base = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
    styles = {
        kind: book.add_format({**base, "num_format": code}) for kind, code in _FORMATS.items()
    }
    styles["long"] = book.add_format({**base, "num_format": "@", "text_wrap": True})
    styles["title"] = book.add_format({**base, "bold": True, "font_size": 14})
    styles["note"] = book.add_format(
        {**base, "italic": True, "font_color": "#444444", "text_wrap": True}
    )
    head = {"bold": True, "text_wrap": True, "bottom": 1, "bg_color": "#E3EEFA"}
    styles["head"] = book.add_format({**base, **head})
    return styles


def _write(page: Any, sheet: Sheet, styles: dict[str, Any]) -> None:  # noqa: ANN401
    """Write one table below its title."""
    page.write_string(0, 0, sheet.title, styles["title"])
    table = sheet.table
    rows, columns = table.shape
    _note(page, sheet, styles["note"])
    for column, name in enumerate(table.columns):
        kind = sheet.formats.get(name, "text")
        values = table.iloc[:, column].tolist()
        texts = [str(each) for each in values if isinstance(each, str)]
        wide = _width(str(name), values)
        style = styles[kind]
        if kind == "text" and max(map(len, texts), default=0) > _WIDEST:
            style = styles["long"]
        page.set_column(column, column, wide)
        page.write_string(_HEAD_ROW, column, str(name), styles["head"])
        for row, value in enumerate(values, start=_HEAD_ROW + 1):
            _cell(page, row, column, value, style)
    last = _HEAD_ROW + rows
    page.autofilter(_HEAD_ROW, 0, last, columns - 1)
    page.freeze_panes(_HEAD_ROW + 1, 2 if columns > _WIDE_TABLE else 0)
    # Codes are text and must stay so: no green triangle beside each.
    page.ignore_errors({"number_stored_as_text": f"A1:{_letters(columns)}{last + 1}"})
    page.set_paper(_A4)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(_HEAD_ROW)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.set_footer("&L&A&R&P / &N")


def _note(page: Any, sheet: Sheet, style: Any) -> None:  # noqa: ANN401
    """Write the note of a sheet over its first columns."""
    room, last = 0, -1
    for column, name in enumerate(sheet.table.columns):
        if room >= _NOTE:
            break
        room += _width(str(name), sheet.table.iloc[:, column].tolist())
        last = column
    page.set_row(1, _LINE * math.ceil(1.1 * len(sheet.note) / room))
    if last > 0:
        page.merge_range(1, 0, 1, last, sheet.note, style)
    else:
        page.write_string(1, 0, sheet.note, style)


def _cell(page: Any, row: int, column: int, value: object, style: Any) -> None:  # noqa: ANN401
    """Write a value as what it is: nothing, a number or a text."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        page.write_blank(row, column, None, style)
    elif isinstance(value, bool):
        page.write_boolean(row, column, value, style)
    elif isinstance(value, int | float):
        page.write_number(row, column, value, style)
    else:
        page.write_string(row, column, str(value), style)


def _width(name: str, values: Sequence[object]) -> int:
    """Return the width of a column in characters, its head on two or three lines."""
    longest = max((len(str(each)) for each in values if isinstance(each, str)), default=0)
    numbers = [each for each in values if isinstance(each, int | float) and math.isfinite(each)]
    digits = max((len(f"{each:,.1f}") for each in numbers), default=0)
    head = max((len(word) for word in re.split(r"[\s_]", name)), default=0)
    whole_head = len(name) if re.fullmatch(r"\w+", name) else 0  # one word cannot be cut
    return min(_WIDEST, max(longest, digits, head, whole_head, _NARROWEST) + _ROOM)


def _letters(number: int) -> str:
    """Return the letters of a column, 1 for A.

    Examples
    --------
    >>> _letters(1), _letters(28)
    ('A', 'AB')
    """
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
