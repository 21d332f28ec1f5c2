"""Maps that open by double-click with the network off: territories, poles and their concordance.

Each map is a `folium.Map` that holds one element of ours: the data, embedded once, and the script
that draws them (``webmap/map.js``). No number of patients or stays enters its page; that of the
workshop (`save_editor`) has the flows that may be shown.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import folium
from branca.element import Element, Figure
from folium.template import Template

from territories._assets import asset, leaflet, script
from territories._compared import compared_with
from territories._map_data import map_data
from territories._pages import embedded, policy
from territories._words import Language, say, using
from territories._writing import refuse_files, whole_file
from territories.communes import contiguity
from territories.errors import of_kind
from territories.ledger import registered
from territories.secrecy import Secrecy
from territories.workshop import page_export, payload, workshop_page
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from territories.comparison import Comparison
    from territories.flows import Flows
    from territories.ledger import Export
    from territories.poles import Poles
    from territories.revisions import Revision
    from territories.stability import Runs


def territory_map(
    zoning: Zoning,
    *,
    agreement: pd.DataFrame | None = None,
    poles: Poles | None = None,
    hospital: pd.DataFrame | None = None,
    stability: Runs | None = None,
    title: str | None = None,
    note: str | None = None,
    language: Language = "fr",
    tiles: str | folium.TileLayer | None = None,
) -> folium.Map:
    """Map territories, with the poles behind them as further themes.

    Parameters
    ----------
    zoning
        The territories; white zones stay white, shared communes are striped.
    agreement
        Result of `concordance`: adds that theme.
    poles
        Dominant poles: adds one theme an activity. Their figures do not enter the page.
    hospital
        Result of `hospital_agreement`: adds the hospital pole and its comparison.
    stability
        Result of `runs_of` for the same zoning: adds the frontier communes, which are not always
        with their pole when patients are drawn again, and how solid each border is. Of the flows
        themselves (`flow_gap`) nothing enters the page.
    title
        Heading of the page.
    note
        A line that is always in sight, such as the source, or that the data are simulated.
    language
        Of the page: ``"fr"`` or ``"en"``.
    tiles
        A base map of folium. The page then needs the network and tells the host of the tiles
        where the reader looks; None, the default, keeps the page off line.

    Returns
    -------
    Map
        ``.save(path)`` writes one file. Layers of folium can be added on top, with their tooltips;
        what needs files from the network (plugins, icons, popups) does not work there.
    """
    with using(language):
        data = map_data(
            zoning.communes,
            pairs=zoning.borders,
            zoning=zoning,
            agreement=agreement,
            poles=poles,
            hospital=hospital,
            stability=stability,
        )
        heading = title or say("map.title_territories")
    about = {"language": language, "theme": "territory", "title": heading, "note": note}
    return _page({**about, **data}, tiles)


def concordance_map(
    communes: gpd.GeoDataFrame,
    agreement: pd.DataFrame,
    *,
    poles: Poles | None = None,
    title: str | None = None,
    note: str | None = None,
    language: Language = "fr",
    tiles: str | folium.TileLayer | None = None,
) -> folium.Map:
    """Map how far the activities of each commune agree on one pole.

    Parameters
    ----------
    communes
        The layer, in a metric projection.
    agreement
        Result of `concordance`.
    poles, title, note, language, tiles
        See `territory_map`.

    Returns
    -------
    Map
        See `territory_map`.

    References
    ----------
    Navinel (2020), legend of the concordance map.
    """
    with using(language):
        data = map_data(communes, pairs=contiguity(communes), agreement=agreement, poles=poles)
        heading = title or say("map.title_concordance")
    about = {"language": language, "theme": "concordance", "title": heading, "note": note}
    return _page({**about, **data}, tiles)


def comparison_map(
    zoning: Zoning,
    other: Zoning | Mapping[str, Zoning],
    *,
    comparisons: Mapping[str, Comparison] | None = None,
    title: str | None = None,
    note: str | None = None,
    language: Language = "fr",
    tiles: str | folium.TileLayer | None = None,
) -> folium.Map:
    """Map territories with the borders of another zoning, and the communes that differ.

    Territories are in colour, the communes that differ (see `Comparison.differs`) hatched. Borders
    that both draw, that only the territories draw and that only the other draws are told apart by
    width and dashes too. The card of a commune has both memberships and their Jaccard index.

    Parameters
    ----------
    zoning
        The territories.
    other
        Another zoning, under its own name; or several by name, to switch between.
    comparisons
        Results of `compare` by the same names, where they are known already.
    title, note, language, tiles
        See `territory_map`.

    Returns
    -------
    Map
        See `territory_map`.

    Raises
    ------
    InputError
        As `compare`.
    """
    others = {other.name: other} if isinstance(other, Zoning) else other
    of_kind("Zoning", zoning=zoning)
    of_kind("dict", other=others)
    with using(language):
        data = map_data(zoning.communes, pairs=zoning.borders, zoning=zoning)
        data["comparisons"] = compared_with(zoning, others, comparisons or {})
        heading = title or say("map.title_comparison")
    about = {"language": language, "theme": "comparison-0", "title": heading, "note": note}
    return _page({**about, **data}, tiles)


def save_editor(
    path: str | Path,
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
    ledger: str | Path | None = None,
    beside: Sequence[pd.DataFrame] = (),
    language: Language = "fr",
    overwrite: bool = False,
) -> None:
    """Write the workshop: one page in which the borders of a draft are moved, off line.

    Parameters
    ----------
    path
        File; written whole or not at all.
    zoning
        The draft.
    flows
        Located flows. Only those that may be shown enter the page: what a territory keeps is told
        in bounds there (exactly by `evaluate`).
    agreement, poles, hospital, stability
        Backgrounds of the map, as `territory_map`.
    outlines
        Other zonings by name, drawn as outlines beside the departments.
    drafts
        Further drafts by name, on the same layer, to switch between.
    revisions
        Decisions taken on the draft already: the log begins with them, and they can be undone.
    overlaps
        Communes may be shared between territories.
    statuses
        Write a public copy instead, which nobody can change, with the territories of these
        statuses only (see `revisions.STATUSES`): no flows, no decisions and no names are in it.
    title, note
        Heading of the page, and a line that is always in sight.
    origin
        `date` and `parent` of the draft, where they are known; files of the page bear them.
    secrecy
        The rule of disclosure; default ``Secrecy()``.
    earlier
        What left before (see `read_ledger`), besides what the registers hold.
    ledger
        A register of exports, beside that of the page's folder (see `export_geojson`): the page
        tells no small count beside what left before, and is noted in them if it holds flows.
    beside
        Tables of evidence that leave with the page (see `workshop.payload`).
    language
        Of the page.
    overwrite
        Replace the file if it is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written, the flows are not located, a further draft is of
        another layer, or no territory has one of the statuses.

    Notes
    -----
    A page of more than 10 000 communes has neither flows nor backgrounds, and says so.
    """
    refuse_files(Path(path), overwrite=overwrite)
    with contextlib.ExitStack() as stack:
        register = None
        if flows is not None and statuses is None:
            folder = Path(path).parent
            register = stack.enter_context(registered(folder, ledger, earlier=earlier))
        data = payload(
            zoning,
            flows,
            agreement=agreement,
            poles=poles,
            hospital=hospital,
            stability=stability,
            outlines=outlines,
            drafts=drafts,
            revisions=revisions,
            overlaps=overlaps,
            statuses=statuses,
            title=title,
            note=note,
            origin=origin,
            secrecy=secrecy,
            earlier=earlier if register is None else register.earlier,
            beside=beside,
            language=language,
        )
        draft = stack.enter_context(whole_file(path, overwrite=overwrite))
        draft.write_text(workshop_page(data), encoding="utf-8", newline="\n")
        if register is not None and flows is not None and data["flows"] is not None:
            register.note(page_export(data, zoning, secrecy=secrecy or Secrecy()))


# ---------------------------------------------------------------- the page


class _Verbatim(Element):
    """Text that goes into the page as it is: Jinja would read ``{{`` in a name or a script."""

    def __init__(self, text: str) -> None:
        super().__init__(None)
        self._text = text

    def render(self, **_: object) -> str:
        return self._text


class _Policy(Element):
    """The policy of the page, which names by its hash each inline part that any layer adds."""

    def __init__(self, hosts: Sequence[str]) -> None:
        super().__init__()
        self._hosts = hosts
        self._asked = False

    def render(self, **kwargs: object) -> str:
        if self._asked:
            return ""
        page = cast("Figure", self.get_root())
        self._asked = True
        try:
            whole = page._template.render(this=page, kwargs=kwargs)  # noqa: SLF001
        finally:
            self._asked = False
        rule = policy(whole, hosts=self._hosts)
        return f'<meta http-equiv="Content-Security-Policy" content="{rule}">'


class _Content(Element):
    """Everything of ours, put into whatever page the map ends in."""

    def __init__(self, data: Mapping[str, object], hosts: Sequence[str]) -> None:
        super().__init__()
        self._name = "Territories"
        self._json = embedded(data)
        # The same data give the same names, hence the same bytes.
        self._id = hashlib.sha256(self._json.encode()).hexdigest()[:12]
        self._hosts = hosts

    def render(self, **_: object) -> str:
        page, above = cast("Figure", self.get_root()), cast("Element", self._parent)
        name = self.get_name()
        parts = {
            "style": f"<style>{leaflet('leaflet.css')}\n{asset('map.css')}</style>",
            "leaflet": f"<script>{leaflet('leaflet.js')}</script>",
            "script": f"<script>{script('map.js', 'territoriesMap')}</script>",
        }
        # The policy holds for what follows it, so it stands first.
        page.header.add_child(_Policy(self._hosts), name="territories_policy", index=1)
        for part, text in parts.items():
            page.header.add_child(_Verbatim(text), name=f"territories_{part}")
        block = f'<script type="application/json" id="{name}">{self._json}</script>'
        page.html.add_child(_Verbatim(block), name=name)
        call = f'territoriesMap({above.get_name()}, "{name}");'
        page.script.add_child(_Verbatim(call), name=name)
        return ""


def _page(data: dict[str, object], tiles: str | folium.TileLayer | None) -> folium.Map:
    """Put the data into a map of folium that asks the network for nothing."""
    base = folium.TileLayer(tiles) if isinstance(tiles, str) else tiles
    hosts = [] if base is None else re.findall(r"^https?://[^/\"]+", base.tiles)
    content = _Content(
        {**data, "tiles": base is not None}, [re.sub(r"\{\w\}", "*", host) for host in hosts]
    )
    page = folium.Map(
        location=[47, 2],
        tiles=base,
        zoom_control=False,
        attribution_control=base is not None,
        zoom_snap=0.25 if base is None else 1,
        max_zoom=16,
    )
    page.default_js, page.default_css = [], []  # remote files, all of them
    for part in [page] if base is None else [page, base]:
        part._id = content._id  # noqa: SLF001
    page.add_child(content)
    sheet = Figure(title=str(data["title"]))
    frame = asset("page.html").replace("LANGUAGE", str(data["language"]))
    sheet._template = Template(frame)  # noqa: SLF001
    sheet.add_child(page)
    return page
