"""What the page of the workshop holds, and the page: the draft, its layer, what may be shown."""

from __future__ import annotations

import hashlib
import html
import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from territories import codes
from territories._assets import asset, leaflet, script
from territories._held import SMALL, finds, told_before
from territories._map_data import (
    TOLERANCE_M,
    map_data,
    memberships,
    territory_ids,
    territory_rows,
)
from territories._outside import lakes, rim
from territories._page_flows import density, page_flows, physicians
from territories._pages import embedded, sealed
from territories._readback import Told, of_page, of_tables
from territories._shown import Evidence, held_figures, territory_table
from territories._words import WORDS, Language, current_language, say, using
from territories.aci import ACI_BOUNDS
from territories.colours import PALETTE, numbers, territory_colours
from territories.comparison import placed
from territories.errors import InputError, fault, of_kind
from territories.ledger import FIGURES, export_of, shown_figures
from territories.revisions import STATUSES, known_word
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import geopandas as gpd

    from territories.flows import Flows
    from territories.ledger import Export
    from territories.poles import Poles
    from territories.revisions import Revision
    from territories.stability import Runs
    from territories.zoning import Zoning

# Groups of words that the page says, and the refusals of decisions.
_GROUPS: Final = ("map.", "class.", "agreement.", "white.", "editor.", "error.revision_")

# Up to so many communes borders are drawn as on the maps; beyond, ever more roughly.
_FINE: Final = 5_000
# A page with more communes than this has their borders and people only.
_LARGE: Final = 10_000

# Up to `SMALL` communes the page is attacked before it leaves, and its cells rounded to these steps
# instead where that finds something.
_COARSER: Final = (10, 25, 50)

_STYLES: Final = ("map.css", "editor.css", "editor_modes.css", "panels.css")


def payload(
    zoning: Zoning,
    flows: Flows | None = None,
    *,
    agreement: pd.DataFrame | None = None,
    poles: Poles | None = None,
    hospital: pd.DataFrame | None = None,
    stability: Runs | None = None,
    outlines: Mapping[str, Zoning] | None = None,
    drafts: Mapping[str, Zoning] | None = None,
    revisions: Sequence[Revision] = (),
    overlaps: bool = True,
    statuses: Collection[str] | None = None,
    title: str | None = None,
    note: str | None = None,
    origin: Mapping[str, str | None] | None = None,
    secrecy: Secrecy | None = None,
    earlier: tuple[Export, ...] = (),
    beside: Sequence[pd.DataFrame] = (),
    language: Language = "fr",
) -> dict[str, Any]:
    """Gather what the page of the workshop holds, and nothing else.

    Parameters
    ----------
    zoning
        The draft.
    flows
        Located flows: those that may be shown enter the page (see `page_flows`).
    agreement, poles, hospital, stability
        Backgrounds of the map, as `territory_map`.
    outlines
        Other zonings by name, drawn as outlines.
    drafts
        Further drafts by name, on the same layer.
    revisions
        Decisions taken on the draft already: the log of the page begins with them.
    overlaps
        Communes may be shared between territories.
    statuses
        Of the territories of a public copy, which nobody can change: no flows, no decisions and
        no names are in it. None: the workshop itself.
    title, note
        Heading of the page, and a line that is always in sight.
    origin
        `date` and `parent` of the draft, where they are known.
    secrecy
        The rule of disclosure; default ``Secrecy()``.
    earlier
        What left before (see `read_ledger`), so that the page beside it tells no small count.
    beside
        Tables of evidence that leave with the page (see `findings`): in a region of at most 60
        communes, cells are rounded more where both together would tell a small count.
    language
        Of the page.

    Returns
    -------
    dict
        Plain values for JSON.

    Raises
    ------
    InputError
        If the flows are not located, a further draft is of another layer, a status is unknown, or
        no territory has one of those asked for.

    Notes
    -----
    With more than 10 000 communes the page holds neither flows nor backgrounds of them.
    """
    of_kind("Zoning", zoning=zoning)
    layer = zoning.communes.sort_index()
    public = statuses is not None
    large = len(layer) > _LARGE
    bare = public or large
    with using(language):
        tolerance = TOLERANCE_M * math.sqrt(max(len(layer) / _FINE, 1))
        drawn = map_data(
            layer,
            pairs=zoning.borders,
            zoning=zoning,
            agreement=None if bare else agreement,
            poles=None if bare else poles,
            hospital=None if bare else hospital,
            stability=None if bare else stability,
            empty=True,
            tolerance=tolerance,
        )
        data = {
            "language": language,
            **drawn,
            "words": _words(),
            "title": title or say("editor.page_title"),
            "note": note,
            "draft": _named_draft(
                {"name": zoning.name, "date": None, "parent": None} | dict(origin or {})
            ),
            "threshold": (secrecy or Secrecy()).threshold,
            "settings": {
                "overlaps": overlaps,
                "public": public,
                "bounds": list(ACI_BOUNDS),
                "limited": _limited(tolerance, large=large),
            },
            **_borders(zoning, layer),
            "palette": list(PALETTE),
            **_states(zoning, layer),
            "drafts": [_draft(name, each, layer) for name, each in (drafts or {}).items()],
            "log": [] if public else [line(each) for each in revisions],
            "outlines": _outlines(layer, outlines or {}),
            **_figures(layer, None if bare else flows, secrecy or Secrecy()),
        }
    for row, state in zip(data["territories"], data.pop("states"), strict=True):
        row.update(state)
    if data["flows"] is not None:
        known = Evidence(flows=flows, earlier=earlier)
        data["flows"] = _shown_flows(data, zoning, known, beside, secrecy or Secrecy())
    data["id"] = _identity(data)
    return data if statuses is None else _published(data, statuses)


def workshop_page(data: Mapping[str, object]) -> str:
    """Write the page of the workshop: one file, which asks the network for nothing.

    Parameters
    ----------
    data
        From `payload`.
    """
    parts = {
        "LANGUAGE": str(data["language"]),
        "TITLE": html.escape(str(data["title"])),
        "STYLE": "\n".join([leaflet("leaflet.css"), *map(asset, _STYLES)]),
        "DATA": embedded(data),
        "LEAFLET": leaflet("leaflet.js"),
        "SCRIPT": f"{script('workshop.js', 'openWorkshop')}\nopenWorkshop();",
    }
    # All at once, so that no part is looked for in another.
    names = re.compile(rf"\b({'|'.join(parts)})\b")
    return sealed(names.sub(lambda found: parts[found[0]], asset("workshop.html")))


def page_export(data: Mapping[str, Any], zoning: Zoning, *, secrecy: Secrecy) -> Export:
    """Say what leaves in a page that holds flows, for the register."""
    kept = pd.Series(data["flows"]["kept"], dtype="float64")
    figures = kept.rename("li").to_frame().reindex(columns=list(FIGURES))
    cells = pd.DataFrame({name: pd.Series(data["flows"][name]) for name in ("to", "patients")})
    tables = {"page": figures, "page_cells": cells}
    page = int(data["flows"]["step"])
    return export_of(zoning, tables, figures=figures, secrecy=secrecy, page=page)


def line(revision: Revision) -> dict[str, Any]:
    """Return a decision as a line of the log of a page."""
    values = asdict(revision)
    return values | {"target": revision.target or "", "parts": list(revision.parts)}


def known_statuses(words: Collection[str]) -> list[str]:
    """Find statuses by their words in either language.

    Raises
    ------
    InputError
        If a word is none of them.
    """
    found = [known_word(each, STATUSES) for each in words]
    unknown = [each for each, status in zip(words, found, strict=True) if status is None]
    if unknown or not found:
        known = ", ".join(
            STATUSES[each] if current_language() == "fr" else each for each in STATUSES
        )
        raise InputError(fault("public_status", values=", ".join(unknown), known=known))
    return [each for each in found if each is not None]


def _named_draft(draft: dict[str, str | None]) -> dict[str, str | None]:
    """Name drafts that nobody named in the language of the page: "draft-2" is "Brouillon 2"."""

    def named(name: str | None) -> str | None:
        found = re.fullmatch(r"draft(?:-(\d+))?", name or "")
        return " ".join(filter(None, [say("editor.draft_name"), found[1]])) if found else name

    return draft | {key: named(draft[key]) for key in ("name", "parent")}


def _published(data: dict[str, Any], statuses: Collection[str]) -> dict[str, Any]:
    """Keep what a public copy shows: the territories of some statuses, and their communes."""
    wanted = known_statuses(statuses)
    place: dict[int, int] = {}
    kept: list[dict[str, Any]] = []
    for number, row in enumerate(data["territories"]):
        if row["status"] in wanted:
            place[number] = len(kept)
            kept.append({**row, "lock": None})
    if not kept:
        raise InputError(fault("public_nothing", values=", ".join(statuses)))
    territory, shared = [], {}
    for commune, main in enumerate(data["territory"]):
        every = data["shared"].get(commune, [] if main < 0 else [(main, 1.0)])
        members = [(place[each], weight) for each, weight in every if each in place]
        territory.append(members[0][0] if members else -1)
        # Shared with a territory that is not shown: only its part here is told.
        if members and members[0][1] < 1:
            shared[commune] = members
    return {
        **data,
        "id": data["id"][::-1],
        "draft": {**data["draft"], "parent": None},
        # Communes without a territory here may have one that is not shown.
        "words": {**data["words"], "map.uncovered": data["words"]["editor.public_uncovered"]},
        "territories": kept,
        "territory": territory,
        "shared": shared,
        "claims": {},
        "drafts": [],
        "places": [],
        "activities": [],
        "backgrounds": {"density": data["backgrounds"]["density"]},
    }


def _limited(tolerance: float, *, large: bool) -> list[str]:
    """Say what the page of a large layer leaves out."""
    said = [say("editor.limited_evidence", most=_LARGE)] if large else []
    if tolerance > TOLERANCE_M:
        said.append(say("editor.limited_drawing", metres=int(round(tolerance, -1))))
    return said


def _borders(zoning: Zoning, layer: gpd.GeoDataFrame) -> dict[str, object]:
    """Lay out who touches whom, with a common border or without, and who is on the outside."""
    pairs = zoning.borders
    left, right = (layer.index.get_indexer(pd.Index(pairs[end])) for end in ("left", "right"))
    return {
        "pairs": [int(each) for pair in zip(left, right, strict=True) for each in pair],
        "touch": [int(each > 0) for each in pairs["shared_m"]],
        "rim": rim(layer),
        "lakes": lakes(layer),
    }


def _states(zoning: Zoning, layer: gpd.GeoDataFrame) -> dict[str, Any]:
    """Lay out what is decided of territories, and which claim communes beside their own."""
    ids = territory_ids(zoning, empty=True)
    states = []
    for each in ids:
        state: dict[str, object] = {
            "id": each,
            "status": zoning.statuses.get(each),
            "lock": zoning.locks.get(each),
        }
        if each in zoning.colours:
            state["colour"] = zoning.colours[each]
        states.append(state)
    place = {each: number for number, each in enumerate(ids)}
    claims = {
        layer.index.get_loc(code): sorted(place[each] for each in named if each in place)
        for code, named in sorted(zoning.claims.items())
        if named and code in layer.index
    }
    return {"states": states, "claims": claims}


def _draft(name: str, zoning: Zoning, layer: gpd.GeoDataFrame) -> dict[str, object]:
    """Lay out a further draft on the same layer."""
    of_kind("Zoning", draft=zoning)
    if not zoning.communes.index.sort_values().equals(layer.index):
        raise InputError(fault("draft_layer", name=name))
    ids = territory_ids(zoning, empty=True)
    chosen = dict.fromkeys(ids, PALETTE[0]) | territory_colours(zoning)
    rows = territory_rows(zoning, ids, layer, chosen)
    states = _states(zoning, layer)
    for row, state in zip(rows, states["states"], strict=True):
        row.update(state)
    members = memberships(zoning, ids, layer.index)
    return {"name": name, "territories": rows, **members, "claims": states["claims"]}


def _outlines(layer: gpd.GeoDataFrame, outlines: Mapping[str, Zoning]) -> list[dict[str, object]]:
    """Lay out the departments, then the other zonings."""
    department = codes.department(layer.index.to_series())
    found = [_outline(say("editor.departments"), department, {})]
    for name, zoning in outlines.items():
        beside = placed(zoning, layer)
        found.append(_outline(name, beside.labels, beside.names))
    return found


def _outline(name: str, labels: pd.Series, names: Mapping[str, str]) -> dict[str, object]:
    zones = sorted(set(labels.dropna()))
    return {
        "name": name,
        "zone": numbers(labels, labels.index, zones),
        "zones": [str(names.get(zone) or zone) for zone in zones],
    }


def _figures(layer: gpd.GeoDataFrame, flows: Flows | None, door: Secrecy) -> dict[str, object]:
    """Lay out the flows that may be shown, and how many live and practise where."""
    density_of = density(layer)
    if flows is None:
        return {"flows": None, "backgrounds": {"density": density_of, "physicians": None}}
    return {
        "flows": page_flows(flows, layer, secrecy=door),
        "backgrounds": {
            "density": density_of,
            "physicians": physicians(flows, layer, secrecy=door),
        },
    }


def _shown_flows(
    data: dict[str, Any],
    zoning: Zoning,
    known: Evidence,
    tables: Sequence[pd.DataFrame],
    door: Secrecy,
) -> dict[str, Any] | None:
    """Return the flows of the page with the shares that the territories of the draft keep.

    These are as the tables of a run tell them, and narrow the bounds of the page, as long as a
    territory is about what it was. In a small region, few cells are what hides a small one: they
    are rounded more, then not shown, until an attack on the page and these tables together finds
    nothing; where it still does, the page has no flows at all.
    """
    flows, shown = known.flows, dict(data["flows"])
    if flows is None or not len(zoning.membership):
        return shown | {"kept": {}}
    layer = zoning.communes.sort_index()
    held = held_figures(zoning, known, secrecy=door)
    data["settings"]["limited"] += [str(each) for each in held.notices(zoning)]
    known = replace(known, held=held)
    table = shown_figures(territory_table(zoning, known, secrecy=door))
    shown["kept"] = {str(name): float(share) for name, share in table["li"].dropna().items()}
    if len(layer) > SMALL:
        return shown
    beside = [
        replace(of_tables(Path("page/tables"), tables), people=float(layer["population"].sum())),
        Told(Path("page/territories"), territories=table.rename_axis("territory").reset_index()),
        *told_before(zoning, flows, known.earlier, secrecy=door),
    ]
    truth = {"patients": flows, "stays": None}
    everyone = int(flows.table["patients"].sum()) + 1
    for step in (*_COARSER, everyone, None):
        read = json.loads(json.dumps(data | {"flows": shown}))  # as whoever opens the page has it
        page = of_page(Path("page/page"), read)
        if not finds([page, *beside], truth=truth, door=door):
            return shown
        if step is not None:
            shown |= page_flows(flows, layer, secrecy=door, step=step)
    return None


def _identity(data: Mapping[str, object]) -> str:
    """Name the base draft by what it is: its layer, its territories and their communes."""
    names = ("codes", "territories", "territory", "shared", "claims")
    text = json.dumps([data[name] for name in names], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _words() -> dict[str, str]:
    which = 0 if current_language() == "fr" else 1
    return {key: words[which] for key, words in WORDS.items() if key.startswith(_GROUPS)}
