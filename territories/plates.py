"""Maps to print: each a picture with scale, north, legend and sources; hatches besides colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import shapely

from territories._canvas import INK, KINDS, PAPER, QUIET, SIZES, Entry, defaults
from territories._drawing import (
    compound,
    fill,
    finished,
    label,
    outline,
    started,
    tint,
    widened,
)
from territories._ground import (
    CROSS,
    DOTS,
    GREY,
    HALF,
    HATCH,
    LIGHT,
    Ground,
    draw_borders,
    draw_frontier,
    draw_inset,
    draw_territories,
    held_shares,
    joined_areas,
    labels_of,
    members_of,
    part_labels,
    town_labels,
    whole_bounds,
)
from territories._words import Language, say, using
from territories._writing import whole_file
from territories.communes import place_names
from territories.errors import InputError, fault, of_kind
from territories.export import Evidence
from territories.form import white_zones
from territories.stability import STABLE

if TYPE_CHECKING:
    import pandas as pd

    from territories._canvas import Kind, Paper
    from territories.stability import Runs
    from territories.zoning import Zoning

__all__ = [
    "PLATES",
    "Ground",
    "agreement_plate",
    "comparison_plate",
    "concordance_plate",
    "export_plate",
    "plate_bytes",
    "stability_plate",
    "territories_plate",
    "territory_plate",
]

# The plates of a whole division, by their names; those of which nothing is known are empty.
PLATES: Final = ("territories", "concordance", "agreement", "stability")

_REGION_IN: Final = 7.6
_PART_IN: Final = 3.0
_SHADES: Final = {"always": 0.9, "all_but_one": 0.55, "majority": 0.28, "relative": 0.12}
_STATES: Final = {
    "agree": ("#9ecae1", None),
    "differ": ("#f4a582", HATCH),
    "liberal_only": ("#f7f7f7", "\\\\\\"),
    "hospital_only": ("#e0e0e0", DOTS),
    "neither": (PAPER, None),
}


def export_plate(
    zoning: Zoning,
    path: str | Path,
    *,
    plate: str = "territories",
    agreement: pd.DataFrame | None = None,
    hospital: pd.DataFrame | None = None,
    stability: Runs | None = None,
    sources: str = "",
    note: str | None = None,
    size: str = "A3",
    overwrite: bool = False,
    language: Language = "fr",
) -> None:
    """Draw a map to print, as a picture (``.png``) or as lines (``.svg``, ``.pdf``).

    It has a title, a legend, a scale and its sources, and no date: the same data give the same
    bytes. Shared communes are striped in the colours of their territories, white zones dotted. The
    paper lies so that the map is as large as can be; on A3 its legend is read from two metres.

    Parameters
    ----------
    zoning
        The territories.
    path
        File; written whole or not at all. Its suffix tells what it is.
    plate
        What is drawn: ``"territories"``; ``"concordance"`` (with `agreement`), ``"agreement"``
        (with `hospital`) or ``"stability"`` (with `stability`).
    agreement
        Result of `concordance`.
    hospital
        Result of `hospital_agreement`.
    stability
        Result of `runs_of` for the same zoning.
    sources, note
        Written below: where the data come from; what one must know of them, such as that they are
        simulated.
    size
        ``"A3"`` or ``"A4"``.
    overwrite
        Replace the file if it is there.
    language
        Of the words.

    Raises
    ------
    InputError
        If the file exists or cannot be written, or one of the choices is not among those above.
    """
    of_kind("Zoning", zoning=zoning)
    kind = Path(path).suffix.lower().removeprefix(".")
    chosen = {"plate": (plate, PLATES), "size": (size, SIZES), "path": (kind, KINDS)}
    faults = [
        fault("plate_choice", option=option, value=value, known=", ".join(known))
        for option, (value, known) in chosen.items()
        if value not in known
    ]
    if faults:
        raise InputError(*faults)
    evidence = Evidence(agreement=agreement, hospital=hospital, stability=stability)
    with using(language), whole_file(path, overwrite=overwrite) as draft:
        ground = Ground(zoning, evidence, sources, note, cast("Paper", size), cast("Kind", kind))
        data = plate_bytes(ground, plate)
        if not data:
            raise InputError(fault("plate_empty", value=plate))
        draft.write_bytes(data)


def plate_bytes(ground: Ground, plate: str) -> bytes:
    """Draw one of `PLATES`; empty where nothing is known of it."""
    draw = {
        "territories": territories_plate,
        "concordance": concordance_plate,
        "agreement": agreement_plate,
        "stability": stability_plate,
    }
    return draw[plate](ground)


def territories_plate(ground: Ground) -> bytes:
    """Draw the territories and their main towns; a shared commune is striped, a white zone dotted.

    Parameters
    ----------
    ground
        What to draw.

    Returns
    -------
    bytes
        A file of the ground's kind; so do all plates.
    """
    entries = [Entry(say("plate.territory"), face=tint("#1b5fa8", LIGHT))]
    shared = not ground.zoning.shared.empty
    white = bool(ground.zoning.uncovered)
    enclaves = white_zones(ground.zoning)
    enclaves = enclaves[enclaves["kind"] == "enclave"]
    if shared:
        face, other = tint("#1b5fa8", LIGHT), "#d55e00"
        entries.append(Entry(say("plate.shared"), face=face, hatch=HATCH, hatch_colour=other))
    if white:
        entries.append(Entry(say("plate.white"), hatch=DOTS, hatch_colour=QUIET))
    if len(enclaves):
        entries.append(Entry(say("plate.enclave"), face="#ffffff", hatch=CROSS))
    with defaults(ground.page):
        canvas = started(
            say("plate.territories_title", territories=len(ground.names)),
            whole_bounds(ground),
            tallest_in=_REGION_IN,
            entries=entries,
            page=ground.page,
        )
        draw_territories(canvas, ground)
        fill(
            canvas,
            compound(ground.shapes.reindex(enclaves.index)),
            "none",
            hatch=CROSS,
            width=0.3,
        )
        draw_borders(canvas, ground)
        label(canvas, town_labels(ground))
        return finished(canvas, ground.sources, ground.note)


def concordance_plate(ground: Ground) -> bytes:
    """Draw how far the specialties of each commune agree on one pole.

    References
    ----------
    Navinel (2020), legend of the concordance map.
    """
    agreement = ground.evidence.agreement
    if agreement is None:
        return b""
    sample = "#1b5fa8"
    entries = [
        Entry(say(f"class.{name}"), face=tint(sample, shade), hatch=_hatch_of(name),
              hatch_colour=sample)
        for name, shade in _SHADES.items()
    ]  # fmt: skip
    entries += [Entry(say("class.none")), Entry(say("class.insufficient"), face="#c4cad0")]
    table = agreement.reindex(ground.shapes.index)
    outside = sorted(set(table["pole"].dropna()) - set(ground.shapes.index))
    named = place_names(ground.zoning.communes, outside)
    entries += [
        Entry(
            ", ".join(named[each] for each in outside if ground.colours[each] == colour),
            face=colour,
        )
        for colour in sorted({ground.colours[each] for each in outside})
    ]
    with defaults(ground.page):
        canvas = started(
            say("plate.concordance_title"),
            whole_bounds(ground),
            tallest_in=_REGION_IN,
            entries=entries,
            page=ground.page,
        )
        kinds = table["concordance"].fillna("none").str.cat(table["pole"].fillna(""), sep=" ")
        for kind, group in kinds.groupby(kinds):
            name, _, pole = str(kind).partition(" ")
            path = compound(ground.shapes.loc[group.index])
            if pole:
                colour = ground.colours[pole]
                hatch = _hatch_of(name)
                fill(canvas, path, tint(colour, _SHADES[name]), hatch=hatch, hatch_colour=colour)
            else:
                fill(canvas, path, "#c4cad0" if name == "insufficient" else PAPER)
        draw_borders(canvas, ground, width=0.8)
        poles = table["pole"].dropna().value_counts()
        inside = [each for each in sorted(poles.index, key=lambda each: (-poles[each], each))
                  if each in ground.shapes.index]  # fmt: skip
        label(canvas, labels_of(ground, inside))
        return finished(canvas, ground.sources, ground.note)


def _hatch_of(name: str) -> str | None:
    return HATCH if name == "relative" else None


def agreement_plate(ground: Ground) -> bytes:
    """Draw where the pole of the specialists and that of the hospital are the same."""
    hospital = ground.evidence.hospital
    if hospital is None:
        return b""
    entries = [
        Entry(say(f"agreement.{name}"), face=face, hatch=hatch, hatch_colour="#7a3b1d")
        for name, (face, hatch) in _STATES.items()
    ]
    states = hospital["agreement"].reindex(ground.shapes.index).fillna("neither")
    with defaults(ground.page):
        canvas = started(
            say("plate.agreement_title"),
            whole_bounds(ground),
            tallest_in=_REGION_IN,
            entries=entries,
            page=ground.page,
        )
        for name, (face, hatch) in _STATES.items():
            path = compound(ground.shapes[states == name])
            fill(canvas, path, face, hatch=hatch, hatch_colour="#7a3b1d")
        draw_borders(canvas, ground)
        label(canvas, town_labels(ground))
        return finished(canvas, ground.sources, ground.note)


def stability_plate(ground: Ground) -> bytes:
    """Draw the frontier communes: those not always with their pole when patients are drawn again.

    They are hatched in the colour of the territory they go to most often.
    """
    if ground.evidence.stability is None:
        return b""
    with defaults(ground.page):
        canvas = started(
            say("plate.stability_title"),
            whole_bounds(ground),
            tallest_in=_REGION_IN,
            entries=_stability_entries(),
            page=ground.page,
        )
        draw_territories(canvas, ground, shared=False)
        draw_frontier(canvas, ground, list(ground.shapes.index))
        draw_borders(canvas, ground)
        label(canvas, town_labels(ground))
        return finished(canvas, ground.sources, ground.note)


def _stability_entries() -> list[Entry]:
    percent = round(100 * STABLE)
    return [
        Entry(say("plate.stable", percent=percent), face=tint("#1b5fa8", LIGHT)),
        Entry(say("plate.frontier", percent=percent), hatch=HATCH),
        Entry(say("plate.doubtful"), hatch=CROSS),
    ]


def territory_plate(ground: Ground, territory: str) -> bytes:
    """Draw one territory: its communes with their names, its neighbours in grey, its place.

    Frontier communes are hatched; where no room is left for the name of a commune, the most
    populated ones have theirs.
    """
    area = ground.areas[territory]
    bounds = widened(area.bounds, 0.06)
    own_words = say("plate.own", name=ground.names[territory])
    entries = [Entry(own_words, face=tint(ground.colours[territory], LIGHT))]
    entries.append(Entry(say("plate.neighbour"), face=GREY))
    own = members_of(ground, territory)
    held = held_shares(ground, own)
    frontier, doubtful = _stability_entries()[1:]
    entries += [frontier] if held.between(HALF, STABLE, inclusive="left").any() else []
    entries += [doubtful] if (held < HALF).any() else []
    split = sorted(set(own) & set(ground.zoning.shared["code"]))
    if split:
        entries.append(Entry(say("plate.shared"), hatch="|||||", hatch_colour=QUIET))
    with defaults(ground.page):
        canvas = started("", bounds, tallest_in=_PART_IN, entries=entries, page=ground.page)
        west, east = canvas.axes.get_xlim()
        south, north = canvas.axes.get_ylim()
        window = shapely.box(west, south, east, north)
        near = ground.shapes.index[shapely.intersects(ground.shapes.to_numpy(), window)]
        around = [code for code in near if code not in set(own)]
        fill(canvas, compound(ground.shapes.loc[around]), GREY, edge="#d3d9de")
        colour = tint(ground.colours[territory], LIGHT)
        fill(canvas, compound(ground.shapes.loc[own]), colour, edge="#7d868f", width=0.4)
        draw_frontier(canvas, ground, own)
        if split:
            fill(
                canvas,
                compound(ground.shapes.loc[split]),
                "none",
                hatch="|||||",
                hatch_colour=QUIET,
            )
        draw_borders(canvas, ground, colour="#7d868f", width=0.9)
        outline(canvas, compound([area]), width=1.8)
        draw_inset(canvas, ground, territory, window)
        label(canvas, part_labels(ground, territory, own, window))
        return finished(canvas, ground.sources, ground.note)


def comparison_plate(ground: Ground, other: Zoning, *, name: str) -> bytes:
    """Draw the territories with the borders of another zoning over them.

    Parameters
    ----------
    ground
        What to draw.
    other
        The other zoning.
    name
        What it is called in the title and in the legend.
    """
    entries = [
        Entry(say("plate.border"), line=INK),
        Entry(say("plate.other_border", name=name), line="#c2185b", dashed=True),
    ]
    labels = other.labels.reindex(ground.shapes.index)
    with defaults(ground.page):
        canvas = started(
            say("plate.comparison_title", name=name),
            whole_bounds(ground),
            tallest_in=_REGION_IN,
            entries=entries,
            page=ground.page,
        )
        draw_territories(canvas, ground)
        draw_borders(canvas, ground, width=1.4)
        for area in joined_areas(ground.shapes, labels).values():
            outline(canvas, compound([area]), colour="#c2185b", width=1.0, dashed=True)
        label(canvas, town_labels(ground))
        return finished(canvas, ground.sources, ground.note)
