"""Maps that open by double-click with the network off: territories, poles and their concordance.

Each map is a `folium.Map` that holds one element of ours: the data, embedded once, and the script
that draws them (``webmap/map.js``). No number of patients or stays enters the page.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Final, cast

import folium
import numpy as np
import pandas as pd
import shapely
from branca.element import Element, Figure
from folium.template import Template

from territories import codes
from territories._compared import compared_with
from territories._words import WORDS, Language, current_language, say, using
from territories.colours import coloured, numbers
from territories.communes import contiguity, place_names, simplified
from territories.errors import of_kind
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from territories.comparison import Comparison
    from territories.poles import Poles
    from territories.stability import Runs

# What two neighbours of different colour are worth, by theme: borders of territories first.
_WEIGHTS: Final = {"territory": 100.0, "concordance": 10.0, "pole": 1.0}

_CLASSES: Final = ("always", "all_but_one", "majority", "relative", "none", "insufficient")
_STATES: Final = ("agree", "differ", "liberal_only", "hospital_only", "neither")
_TIED: Final = -2
_WHOLE: Final = 100
_TOLERANCE_M: Final = 150.0
_UNITS_PER_DEGREE: Final = 100_000

_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
)


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
        data = _payload(
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
        data = _payload(communes, pairs=contiguity(communes), agreement=agreement, poles=poles)
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
        data = _payload(zoning.communes, pairs=zoning.borders, zoning=zoning)
        data["comparisons"] = compared_with(zoning, others, comparisons or {})
        heading = title or say("map.title_comparison")
    about = {"language": language, "theme": "comparison-0", "title": heading, "note": note}
    return _page({**about, **data}, tiles)


# ---------------------------------------------------------------- what the page shows


def _payload(
    communes: gpd.GeoDataFrame,
    *,
    pairs: pd.DataFrame,
    zoning: Zoning | None = None,
    agreement: pd.DataFrame | None = None,
    poles: Poles | None = None,
    hospital: pd.DataFrame | None = None,
    stability: Runs | None = None,
) -> dict[str, object]:
    """Gather what the page shows, and nothing else."""
    layer = communes.sort_index()
    order = layer.index
    activities = {} if poles is None else _by_activity(poles)
    # Each column of names that takes colours, with what its borders weigh.
    columns = [(_WEIGHTS["pole"], each["pole"]) for each in activities.values()]
    if hospital is not None:
        columns.append((_WEIGHTS["pole"], hospital["hospital"]))
    if agreement is not None:
        columns.append((_WEIGHTS["concordance"], agreement["pole"]))
    ids = [] if zoning is None else sorted(set(zoning.membership["territory"]))
    known = {code for _, column in columns for code in column.dropna()}
    known |= {name for name in ids if name in order}
    places = sorted(known, key=lambda code: (code not in order, code))
    if zoning is not None:
        columns.append((_WEIGHTS["territory"], zoning.labels))
    labels = place_names(layer, places)
    names = [*places, *(name for name in ids if name not in known)]
    outside = [code in known and code not in order for code in names]
    colours = coloured(names, outside, columns, order, pairs)

    data: dict[str, object] = {
        "words": _words(),
        "codes": order.tolist(),
        "names": layer["name"].astype("str").tolist(),
        "population": [None if pd.isna(each) else round(each) for each in layer["population"]],
        "departments": codes.department(order.to_series()).tolist(),
        "shapes": [_rings(shape) for shape in simplified(layer, tolerance=_TOLERANCE_M)],
        "places": [
            {
                "name": labels[code],
                "commune": order.get_loc(code) if code in order else -1,
                "external": code not in order,
                "colour": colours[code],
            }
            for code in places
        ],
        "activities": [
            {"name": name, "pole": _poles_or_ties(each, order, places)}
            for name, each in activities.items()
        ],
    }
    if agreement is not None:
        counts = agreement[["matched", "activities"]].reindex(order).fillna(0).astype(int)
        data["concordance"] = {
            "classes": numbers(agreement["concordance"], order, _CLASSES),
            "pole": numbers(agreement["pole"], order, places),
            "matched": counts["matched"].tolist(),
            "activities": counts["activities"].tolist(),
        }
    if hospital is not None:
        data["hospital"] = {
            "hospital": numbers(hospital["hospital"], order, places),
            "agreement": numbers(hospital["agreement"], order, _STATES),
        }
    if zoning is not None:
        data |= _territories(zoning, ids, layer, colours)
    if zoning is not None and stability is not None:
        data["stability"] = _stability(stability, ids, order)
    return data


def _by_activity(poles: Poles) -> dict[str, pd.DataFrame]:
    """Split the table of poles, its figures left behind."""
    table = poles.table[["pole", "tied"]].reset_index("activity")
    names = sorted(set(table["activity"]), key=lambda name: (str(name).casefold(), str(name)))
    return {str(name): table[table["activity"] == name] for name in names}


def _poles_or_ties(table: pd.DataFrame, order: pd.Index, places: Sequence[str]) -> list[int]:
    tied = set(table.index[table["tied"].astype(bool) & table["pole"].isna()])
    found = zip(order, numbers(table["pole"], order, places), strict=True)
    return [_TIED if code in tied else number for code, number in found]


def _territories(
    zoning: Zoning, ids: list[str], layer: gpd.GeoDataFrame, colours: Mapping[str, str]
) -> dict[str, object]:
    order = layer.index
    shared: dict[int, list[tuple[int, float]]] = {}
    for code, territory, weight in zoning.shared.itertuples(index=False):
        shared.setdefault(order.get_loc(code), []).append((ids.index(territory), weight))
    # A territory named by its main pole bears that commune's name, if it has no better one.
    own = place_names(layer, [name for name in ids if name in order])
    names = [str(zoning.names.get(name) or own.get(name, name)) for name in ids]
    return {
        "territory": numbers(zoning.labels, order, ids),
        "shared": shared,
        "territories": [
            {
                "name": say("place.homonym", name=name, code=code)
                if names.count(name) > 1
                else name,
                "commune": order.get_loc(code) if code in order else -1,
                "colour": colours[code],
            }
            for code, name in zip(ids, names, strict=True)
        ],
    }


def _stability(runs: Runs, ids: list[str], order: pd.Index) -> dict[str, object]:
    """Lay out what is stable: shares of the runs in whole percents, rounded down.

    Of communes and borders that hold in all the runs nothing is said, so that the page stays light.
    """
    table = runs.communes.reindex(order)
    own, other = (_percents(table[name]) for name in ("core_share", "second_share"))
    second = numbers(table["second"].where(table["second"].isin(ids)), order, ids)
    communes = {
        place: [share, *([second[place], other[place]] if second[place] >= 0 else [])]
        for place, share in enumerate(own)
        if share < _WHOLE
    }
    borders = runs.borders.assign(percent=_percents(runs.borders["solidity"]))
    weak = borders[borders["percent"] < _WHOLE]
    left, right = (order.get_indexer(pd.Index(weak[end])) for end in ("left", "right"))
    return {
        "runs": len(runs),
        "kind": runs.kind,
        "communes": communes,
        "borders": np.column_stack([left, right, weak["percent"]]).ravel().tolist(),
    }


def _percents(shares: pd.Series) -> list[int]:
    """Write shares as whole percents, rounded down; -1 where there is none."""
    return np.floor(100 * shares + 1e-6).fillna(-1).astype(int).tolist()  # type: ignore[no-any-return]


def _words() -> dict[str, str]:
    which = 0 if current_language() == "fr" else 1
    groups = ("map.", "class.", "agreement.")
    return {key: words[which] for key, words in WORDS.items() if key.startswith(groups)}


def _rings(shape: shapely.Geometry) -> list[list[list[int]]]:
    """Write a shape as whole 1e-5 degrees, each point as the difference from the one before."""
    parts = []
    for polygon in shapely.get_parts(shape):
        rings = []
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.rint(shapely.get_coordinates(ring)[:-1] * _UNITS_PER_DEGREE)
            rings.append(np.diff(points, axis=0, prepend=0).astype(int).ravel().tolist())
        parts.append(rings)
    return parts


# ---------------------------------------------------------------- the page


class _Verbatim(Element):
    """Text that goes into the page as it is: Jinja would read ``{{`` in a name or a script."""

    def __init__(self, text: str) -> None:
        super().__init__(None)
        self._text = text

    def render(self, **_: object) -> str:
        return self._text


class _Content(Element):
    """Everything of ours, put into whatever page the map ends in."""

    def __init__(self, data: Mapping[str, object], policy: str) -> None:
        super().__init__()
        self._name = "Territories"
        self._json = _embedded(data)
        # The same data give the same names, hence the same bytes.
        self._id = hashlib.sha256(self._json.encode()).hexdigest()[:12]
        self._policy = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'

    def render(self, **_: object) -> str:
        page, above = cast("Figure", self.get_root()), cast("Element", self._parent)
        name = self.get_name()
        parts = {
            "style": f"<style>{_leaflet('leaflet.css')}\n{_asset('map.css')}</style>",
            "leaflet": f"<script>{_leaflet('leaflet.js')}</script>",
            "script": f"<script>{_asset('map.js')}</script>",
        }
        # The policy holds for what follows it, so it stands first.
        page.header.add_child(_Verbatim(self._policy), name="territories_policy", index=1)
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
    policy = " ".join([_POLICY, *(re.sub(r"\{\w\}", "*", host) for host in hosts)])
    content = _Content({**data, "tiles": base is not None}, policy)
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
    frame = _asset("page.html").replace("LANGUAGE", str(data["language"]))
    sheet._template = Template(frame)  # noqa: SLF001
    sheet.add_child(page)
    return page


def _embedded(data: Mapping[str, object]) -> str:
    """Write JSON that cannot leave its script element, whatever the names in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _asset(name: str) -> str:
    return (resources.files("territories") / "webmap" / name).read_text(encoding="utf-8")


def _leaflet(name: str) -> str:
    """Return a file of Leaflet without what points outside the page."""
    text = _asset(f"vendor/{name}").replace("https://leafletjs.com", "leafletjs.com")
    text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)
    if name.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"[\w-]+:\s*url\([^)]*\);", "", text)
    return text
