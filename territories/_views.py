"""Tables that people read, on a terminal of 100 columns and in a notebook: one content for both."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, set_cell_size

from territories._words import current_language, number, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 100
_BAR: Final = 12
_NAME: Final = 34
_GAP: Final = "  "

# Colours that read on white and on dark, and for those who do not tell red from green.
_STYLE: Final = """<style>
.tt-view{font:14px/1.45 system-ui,"Segoe UI",sans-serif;max-width:62em;
font-variant-numeric:tabular-nums}
.tt-view p{margin:.35em 0}.tt-view .tt-lead{font-size:1.12em;font-weight:600}
.tt-view h4{margin:1.1em 0 .3em;font-size:1em;font-weight:600}
.tt-view table{border-collapse:collapse;margin:0;width:auto;border:0}
.tt-view tr,.tt-view td,.tt-view th{background:none}
.tt-view th,.tt-view td{padding:.16em .7em;text-align:left;border:0;
vertical-align:baseline;white-space:nowrap}
.tt-view th{font-weight:600;opacity:.72;font-size:.9em;border-bottom:1px solid #8888}
.tt-view td.tt-number,.tt-view th.tt-number{text-align:right}
.tt-view tr.tt-first td{border-top:1px solid #8884}
.tt-view tr.tt-head td{font-weight:600;padding-top:.6em}
.tt-view .tt-bar{display:inline-block;width:7em;height:.62em;border-radius:2px;background:#8883}
.tt-view .tt-bar i{display:block;height:100%;border-radius:2px;background:#3f8fc9}
.tt-view .tt-mark{opacity:.62;font-style:italic}
.tt-view .tt-note{opacity:.72;font-size:.92em}
</style>"""


class Cell(NamedTuple):
    """What a cell of a table says.

    Attributes
    ----------
    text
        Words or a written number.
    bar
        A share in [0, 1] to draw after the text of the column (missing: none).
    mark
        A word in place of a figure (hidden, undefined, no data).
    """

    text: str
    bar: float | None = None
    mark: bool = False


class Row(NamedTuple):
    """A row of a table; a row of one cell runs over all columns."""

    cells: tuple[Cell, ...]
    first: bool = False


class Block(NamedTuple):
    """A title, a table and what is said under it.

    Attributes
    ----------
    title
        One line.
    heads
        Of the columns; those that begin with ``>`` are aligned to the right.
    rows
        As many cells as heads, or one.
    notes
        Sentences.
    """

    title: str
    heads: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


def percent(share: float, *, digits: int = 0) -> str:
    """Write a share in [0, 1] as people of the language do.

    Examples
    --------
    >>> percent(0.5)
    '50%'
    """
    return number(100 * share, digits=digits) + ("\u202f%" if current_language() == "fr" else "%")


def as_text(lead: Sequence[str], blocks: Sequence[Block]) -> str:
    """Write sentences and tables in columns, at most 100 characters wide."""
    lines = [line for each in lead for line in _wrapped(each)]
    for block in blocks:
        lines += ["", *_wrapped(block.title)]
        lines += _columns(block) if block.rows else []
        lines += [line for note in block.notes for line in _wrapped(note)]
    return "\n".join(line.rstrip() for line in lines)


def _wrapped(text: str) -> list[str]:
    # A number and its unit stay on one line.
    return textwrap.wrap(
        printable(text), WIDTH, break_on_hyphens=False, replace_whitespace=False
    ) or [""]


def _columns(block: Block) -> list[str]:
    right = [head.startswith(">") for head in block.heads]
    heads = [head.removeprefix(">") for head in block.heads]
    table = [[_plain(cell) for cell in row.cells] for row in block.rows]
    whole = [row for row in table if len(row) == len(heads)]
    widths = [
        max([cell_len(head), *(cell_len(row[place]) for row in whole)])
        for place, head in enumerate(heads)
    ]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - WIDTH
    while over > 0:  # the widest column of words gives way
        words = [place for place, each in enumerate(right) if not each] or [0]
        widest = max(words, key=lambda place: widths[place])
        widths[widest] -= 1
        over -= 1
    lines = [_line(heads, widths, right)]
    for row in table:
        lines += [_line(row, widths, right)] if len(row) == len(heads) else _wrapped(row[0])
    return lines


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    written = []
    for text, width, to_right in zip(cells, widths, right, strict=True):
        short = text
        if cell_len(text) > width:
            short = set_cell_size(text, width - 1) + "…"
        space = " " * (width - cell_len(short))
        written.append(space + short if to_right else short + space)
    return _GAP.join(written)


def _plain(cell: Cell) -> str:
    text = printable(cell.text)
    if cell.bar is None:
        return (
            text
            if cell_len(text) <= _NAME or " : " in text
            else set_cell_size(text, _NAME - 1) + "…"
        )
    return text + "█" * round(_BAR * min(max(cell.bar, 0.0), 1.0))


def as_html(lead: Sequence[str], blocks: Sequence[Block]) -> str:
    """Write sentences and tables as HTML that needs nothing else; names are escaped."""
    parts = [_STYLE, '<div class="tt-view">']
    parts += [
        f"<p{' class=tt-lead' if not place else ''}>{_escaped(each)}</p>"
        for place, each in enumerate(lead)
    ]
    for block in blocks:
        parts.append(f"<h4>{_escaped(block.title)}</h4>")
        if block.rows:
            parts.append(_table(block))
        parts += [f'<p class="tt-note">{_escaped(note)}</p>' for note in block.notes]
    return "".join([*parts, "</div>"])


def _table(block: Block) -> str:
    right = [head.startswith(">") for head in block.heads]
    heads = "".join(
        f"<th{' class=tt-number' if to_right else ''}>{_escaped(head.removeprefix('>'))}</th>"
        for head, to_right in zip(block.heads, right, strict=True)
    )
    rows = []
    for row in block.rows:
        if len(row.cells) != len(right):
            text = _escaped(row.cells[0].text)
            rows.append(f'<tr class="tt-head"><td colspan="{len(right)}">{text}</td></tr>')
            continue
        cells = "".join(
            f"<td{' class=tt-number' if to_right else ''}>{_cell(cell)}</td>"
            for cell, to_right in zip(row.cells, right, strict=True)
        )
        rows.append(f"<tr{' class=tt-first' if row.first else ''}>{cells}</tr>")
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(cell: Cell) -> str:
    text = _escaped(cell.text)
    if cell.mark:
        return f'<span class="tt-mark">{text}</span>'
    if cell.bar is None:
        return text
    wide = 100 * min(max(cell.bar, 0.0), 1.0)
    return f'{text}<span class="tt-bar"><i style="width:{wide:.1f}%"></i></span>'


def _escaped(text: str) -> str:
    return html.escape(printable(text))
