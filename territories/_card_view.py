"""The card of a commune: its tables, and what it says of them in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from territories._views import Block, Cell, Row, as_html, as_text, percent
from territories._words import Sentence, number, say
from territories.communes import place_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from territories.secrecy import Secrecy


class Shown(NamedTuple):
    """The tables of a card as they may be shown: missing is what is hidden.

    Attributes
    ----------
    flows, hospital
        As those of the card, with `hidden` instead of bounds.
    moves
        As that of the card, without patients.
    stability
        As that of the card.
    """

    flows: pd.DataFrame
    hospital: pd.DataFrame | None
    moves: pd.DataFrame
    stability: pd.Series | None


@dataclass(frozen=True, eq=False)
class Card:
    """What the flows say of one commune; printed, it shows `shown` only.

    Parameters
    ----------
    code, name, population
        The commune; the population is missing (None) where it is not known.
    territories
        Its territories, the main one first: `territory`, `name`, `weight`; no row for a commune
        that is in none.
    flows
        The first places of its patients (exact, for the user's own eyes): `scope` (``activity``,
        then ``all``), `activity`, `kind` (``pole``, ``elsewhere``, ``total``), `group` (empty),
        `pole` (code), `patients`, `share` of the activity, `low` and `high` (bounds where cells
        were masked at the source).
    hospital
        The same for its stays, all together; None without stays.
    agreement
        `concordance`, `pole`, `matched`, `activities`, `share` (see `concordance`); with stays,
        `hospital` (pole) and `agreement` (see `hospital_agreement`).
    stability
        `core_share`, `second`, `second_share`, `flow_gap` (see `stability`); None without it.
    home
        Where its patients are seen, in words without figures: ``most`` (more than half in its
        territory), ``first`` (more than in any other), ``other``, ``outside`` (no territory gets
        more), ``tied``, ``unknown`` (too few patients to say).
    towards
        The territory where most of its patients are seen; missing (None) where none is the first.
    moves
        For each territory that it might move to, and for its release (`target` missing), the
        territories that it would leave and join: `target`, `kind` (``neighbour``, ``second``,
        ``shared``, ``release``), `role` (``leaves``, ``joins``), `territory`, `name`, `adjacent`
        (the commune touches the target), `cuts` (one that it leaves would be in more pieces), and
        `population`, `aci`, `li`, `leakage`, `pieces`, `inside`, `sent` (patients: exact), each
        ``_before`` and ``_after``.
    shown
        The tables as they may be shown.
    communes
        The layer, for names.
    names
        Names of the territories.
    secrecy
        The rule that `shown` follows.
    """

    code: str
    name: str
    population: int | None
    territories: pd.DataFrame
    flows: pd.DataFrame
    hospital: pd.DataFrame | None
    agreement: pd.Series
    stability: pd.Series | None
    home: str
    towards: str | None
    moves: pd.DataFrame
    shown: Shown
    communes: gpd.GeoDataFrame = field(repr=False)
    names: pd.Series = field(repr=False)
    secrecy: Secrecy

    def __str__(self) -> str:
        """Return the card in at most 100 columns, in the language of the moment."""
        return as_text(card_lead(self), card_blocks(self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show the card in a notebook."""
        return as_html(card_lead(self), card_blocks(self))


def card_lead(card: Card) -> list[str]:
    """Say why the commune is where it is, and which it is."""
    found, own = card.agreement, card.territories["name"].tolist()
    names = _places(card)
    pole = None if pd.isna(found["pole"]) else str(found["pole"])
    values: dict[str, object] = {"name": card.name, "activities": int(found["activities"])}
    values["matched"] = int(found["matched"])
    if not len(card.flows[card.flows["kind"] == "pole"]):
        first = _said("pole_nowhere", values)
    elif found["concordance"] == "insufficient":
        first = _said("pole_few", values)
    elif pole is None:
        first = _said("pole_none", values)
    elif pole == card.code:
        first = _said("pole_self", values)
    else:
        key = "pole_all" if found["concordance"] == "always" else "pole_most"
        first = _said(key, {"pole": names[pole], **values})
    towards = None if card.towards is None else card.names[card.towards]
    if not own:
        key = "home_white" if towards is None else "home_white_towards"
    else:
        key = f"home_{card.home}"
    second = say(f"card.{key}", own=own[0] if own else "", towards=towards)
    listed = [
        name if weight == 1 else say("card.shared", name=name, share=percent(weight))
        for name, weight in zip(own, card.territories["weight"], strict=True)
    ]
    people = card.population
    identity = say(
        "card.identity",
        name=card.name,
        code=card.code,
        people=say("card.people_unknown") if people is None else number(people),
        territories=", ".join(listed) or say("card.no_territory"),
    )
    return [say("card.join", first=first, second=second), identity, *_agreement(card, names)]


def _said(key: str, values: dict[str, object]) -> str:
    return str(Sentence(f"card.{key}", values))


def _agreement(card: Card, names: Mapping[str, str]) -> list[str]:
    """Say the class of the commune, its hospital's pole, and how stable it is."""
    found = card.agreement
    pole = None if pd.isna(found["pole"]) else names[str(found["pole"])]
    values = {
        "class_": say(f"class.{found['concordance']}"),
        "matched": int(found["matched"]),
        "activities": int(found["activities"]),
    }
    key = "class_without" if pole is None else "class"
    lines = [_said(key, {"pole": pole, **values})]
    if "hospital" in found.index:
        there = found["hospital"]
        lines.append(
            say(
                "card.hospital_pole",
                agreement=say(f"agreement.{found['agreement']}"),
                pole=say("card.undefined") if pd.isna(there) else names[str(there)],
            )
        )
    second = card.shown.stability
    if second is not None:
        away = second["second"]
        named = not pd.isna(away)
        lines.append(
            say(
                "card.stable_second" if named else "card.stable",
                share=percent(second["core_share"]),
                second=card.names.get(away, away) if named else "",
                second_share=percent(second["second_share"]) if named else "",
            )
        )
        lines.append(_gap(second["flow_gap"]))
    return lines


def _gap(gap: float | None) -> str:
    if gap is None or pd.isna(gap):
        return say("card.gap_hidden")
    key = "gap" if gap >= 0 else "gap_negative"
    return say(f"card.{key}", gap=number(abs(100 * gap)))


def card_blocks(card: Card) -> list[Block]:
    """Put the tables of the card in words, masked."""
    names = _places(card)
    blocks = [flow_block(card, card.shown.flows, names, "flows_title", "patients")]
    if card.shown.hospital is not None:
        blocks.append(flow_block(card, card.shown.hospital, names, "hospital_title", "stays"))
    return [*blocks, _moves_block(card)]


def flow_block(
    card: Card, shown: pd.DataFrame, names: Mapping[str, str], title: str, unit: str
) -> Block:
    """Write a table of first places."""
    heads: tuple[str, ...] = ("activity", "pole", f">{unit}", ">share_head", "")
    rows = []
    before = object()
    for row in shown.to_dict("records"):
        activity = say("card.all") if row["scope"] == "all" else str(row["activity"])
        first = activity != before
        before = activity
        kind = names[str(row["pole"])] if row["kind"] == "pole" else say(f"card.{row['kind']}")
        rows.append(
            Row(
                (
                    Cell(activity if first and unit == "patients" else ""),
                    Cell(kind),
                    _count(row["patients"], hidden=bool(row["hidden"])),
                    Cell(
                        ""
                        if row["kind"] == "total" or pd.isna(row["share"])
                        else percent(row["share"])
                    ),
                    Cell(
                        "",
                        None if row["kind"] == "total" or pd.isna(row["share"]) else row["share"],
                    ),
                ),
                first=first,
            )
        )
    if unit != "patients":
        heads = heads[1:]
        rows = [Row(row.cells[1:], row.first) for row in rows]
    masked = bool(shown["hidden"].any() or shown["patients"].isna().any())
    note = (
        say(
            "card.hidden_note",
            most=card.secrecy.threshold - 1,
            professionals=card.secrecy.professionals,
        )
        if masked
        else say("card.shown_note")
    )
    return Block(say(f"card.{title}"), _heads(heads), tuple(rows), (note,))


def _heads(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        (">" if key.startswith(">") else "") + (say(f"card.{key.strip('>')}") if key else "")
        for key in keys
    )


def _count(value: int | None, *, hidden: bool) -> Cell:
    if hidden or value is None or pd.isna(value):
        return Cell(say("card.hidden"), mark=True)
    return Cell(number(int(value)))


def _moves_block(card: Card) -> Block:
    moves = card.shown.moves
    if not len(moves):
        return Block(say("card.moves_title"), notes=(say("card.no_moves"),))
    rows = []
    before = object()
    for row in moves.to_dict("records"):
        target = None if pd.isna(row["target"]) else str(row["target"])
        if target != before:
            rows.append(Row((Cell(_move_title(card, row, target)),)))
            before = target
        rows.append(
            Row(
                (
                    Cell(say(f"card.{row['role']}", name=row["name"])),
                    *(
                        _change(row[f"{name}_before"], row[f"{name}_after"], name)
                        for name in ("population", "aci", "li", "leakage", "pieces")
                    ),
                )
            )
        )
    heads = _heads(("territory", ">population", ">aci", ">li", ">leakage", ">pieces"))
    return Block(say("card.moves_title"), heads, tuple(rows), (say("card.li_note"),))


def _move_title(card: Card, row: dict[Any, Any], target: str | None) -> str:
    return say(
        f"card.to_{row['kind']}",
        name="" if target is None else card.names[target],
        touches=say("card.touches" if row["adjacent"] else "card.apart"),
        cuts=say("card.cuts" if row["cuts"] else "card.cuts_not"),
    )


def _change(before: float, after: float, name: str) -> Cell:
    if pd.isna(before) and pd.isna(after):
        return Cell(say("card.undefined"), mark=True)
    digits = 1 if name in ("li", "leakage") else 0

    def written(value: float) -> str:
        if pd.isna(value):
            return "–"
        return percent(value, digits=1) if digits else number(value)

    if written(before) == written(after):
        return Cell(written(before))
    first = number(100 * before, digits=1) if digits and not pd.isna(before) else written(before)
    return Cell(say("card.change", before=first, after=written(after)))


def _places(card: Card) -> dict[str, str]:
    frames = [card.flows, *([] if card.hospital is None else [card.hospital])]
    places = {str(place) for frame in frames for place in frame["pole"].dropna()}
    poles = [card.agreement["pole"], card.agreement.get("hospital")]
    places |= {str(pole) for pole in poles if pole is not None and not pd.isna(pole)}
    return place_names(card.communes, sorted(places))
