"""The measures of a set of communes, and what they say in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._views import Block, Cell, Row, as_html, as_text, percent
from territories._words import Sentence, number, say
from territories.communes import place_names

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.secrecy import Secrecy

_COUNTS: Final = frozenset(
    ("communes", "population", "aci_size", "pieces", "patients", "hospital_stays")
)
_DECIMALS: Final = {"area_km2": 1, "density": 0, "net_index": 2}


@dataclass(frozen=True, eq=False)
class Selection:
    """Measures of a set of communes; printed, it shows `shown` and says why a figure is not there.

    Parameters
    ----------
    communes
        Weight of each commune of the selection, indexed by code: 1, less for one that the chosen
        territory shares.
    table
        Indexed by `measure` and `detail` (activity, or class of concordance; else empty); columns
        ``selection``, ``department <code>`` for each of its departments, ``region`` (the whole
        layer). Exact, for the user's own eyes; missing where undefined.
    status
        Like `table`: empty, or why nothing is shown: ``hidden`` (confidential), ``undefined`` (a
        share of nothing), ``no data``.
    shown
        Like `table`, missing where `status` says why.
    flows
        Where the patients of the selection go: columns as `Card.flows`, `group` being ``inside``
        or ``outside``, and `kind` ``group`` for the subtotal of each. Exact.
    shown_flows
        The same as it may be shown, with `hidden` instead of bounds.
    pieces
        Number of pieces in the contiguity graph.
    layer
        The layer, for names.
    secrecy
        The rule that what is shown follows.
    """

    communes: pd.Series
    table: pd.DataFrame
    status: pd.DataFrame
    shown: pd.DataFrame
    flows: pd.DataFrame
    shown_flows: pd.DataFrame
    pieces: int
    layer: gpd.GeoDataFrame = field(repr=False)
    secrecy: Secrecy

    def __str__(self) -> str:
        """Return the measures in at most 100 columns, in the language of the moment."""
        return as_text(selection_lead(self), selection_blocks(self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show the measures in a notebook."""
        return as_html(selection_lead(self), selection_blocks(self))


def selection_lead(chosen: Selection) -> list[str]:
    """Say how large the selection is and how much of its care it keeps."""
    values = {
        name: _written(name, *_figure(chosen, (name, ""), "selection"))
        for name in ("communes", "population", "density")
    }
    li, status = _figure(chosen, ("li", ""), "selection")
    told = {
        "communes": values["communes"],
        "people": values["population"],
        "density": values["density"],
    }
    if status:
        lines = [str(Sentence("selection.lead_without", {"why": _why(status), **told}))]
    else:
        lines = [str(Sentence("selection.lead", {"li": percent(li), **told}))]
    if chosen.pieces > 1:
        lines.append(say("selection.pieces_notice", pieces=chosen.pieces))
    return lines


def selection_blocks(chosen: Selection) -> list[Block]:
    """Put measures and flows in tables, masked."""
    return [_measures(chosen), _flows(chosen)]


def _measures(chosen: Selection) -> Block:
    columns = [str(name) for name in chosen.shown.columns]
    heads = [
        say("selection.department", code=name.split(" ", 1)[1])
        if name.startswith("department ")
        else say(f"selection.{name}")
        for name in columns
    ]
    rows = []
    for key in chosen.shown.index:
        cells = []
        for name in columns:
            value, status = _figure(chosen, key, name)
            cells.append(Cell(_written(key[0], value, status), mark=bool(status)))
        rows.append(Row((Cell(_label(*key)), *cells)))
    note = say(
        "selection.note",
        most=chosen.secrecy.threshold - 1,
        professionals=chosen.secrecy.professionals,
    )
    titles = (say("selection.measure"), *(f">{head}" for head in heads))
    return Block(say("selection.measures_title"), titles, tuple(rows), (note,))


def _figure(chosen: Selection, key: tuple[str, str], column: str) -> tuple[float, str]:
    return float(chosen.shown[column][key]), str(chosen.status[column][key])


def _written(name: str, value: float, status: str) -> str:
    if status:
        return _why(status)
    if name in _COUNTS:
        return number(round(value))
    if name in _DECIMALS:
        return number(value, digits=_DECIMALS[name])
    return percent(value, digits=1)


def _why(status: str) -> str:
    return say(f"selection.{status.replace(' ', '_')}")


def _label(measure: str, detail: str) -> str:
    if not detail:
        return say(f"selection.{measure}")
    written = say(f"class.{detail}") if measure == "concordance" else detail
    return say(f"selection.{measure}_of", detail=written)


def _flows(chosen: Selection) -> Block:
    """Write where patients go: all places for all activities, those outside for each."""
    shown = chosen.shown_flows
    names = place_names(chosen.layer, sorted(set(shown["pole"].dropna())))
    rows = []
    before = object()
    ordered = pd.concat([shown[shown["scope"] == "all"], shown[shown["scope"] != "all"]])
    for row in ordered.to_dict("records"):
        if row["scope"] != "all" and row["group"] == "inside" and row["kind"] != "group":
            continue
        activity = say("card.all") if row["scope"] == "all" else str(row["activity"])
        first, before = activity != before, activity
        share = None if row["kind"] == "total" or pd.isna(row["share"]) else float(row["share"])
        count = Cell(say("card.hidden"), mark=True)
        if not row["hidden"]:
            count = Cell(number(int(row["patients"])))
        rows.append(
            Row(
                (
                    Cell(activity if first else ""),
                    Cell(_place(row["kind"], row["group"], names.get(row["pole"], ""))),
                    count,
                    Cell("" if share is None else percent(share)),
                    Cell("", share),
                ),
                first=first,
            )
        )
    words = [say(f"card.{name}") for name in ("activity", "pole", "patients", "share_head")]
    heads = (*words[:2], *(f">{word}" for word in words[2:]), "")
    return Block(say("selection.flows_title"), heads, tuple(rows))


def _place(kind: str, group: str, name: str) -> str:
    if kind == "group":
        return say(f"selection.{group}")
    written = name if kind == "pole" else say(f"card.{kind}")
    return say("selection.within", name=written) if group == "inside" else written
