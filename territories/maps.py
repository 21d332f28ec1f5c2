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
from territories._words import WORDS, Language, current_language, say, using
from territories.communes import contiguity, place_names, simplified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from territories.poles import Poles
    from territories.zoning import Zoning

# Eight hues after Okabe & Ito (2008) and Tol (2021), darkened so that two tints stay apart from
# the full colour: blue, vermilion, green, purple, ochre, wine, sky, brown.
PALETTE: Final = (
    "#1b5fa8", "#d55e00", "#009e73", "#aa4499", "#c28a00", "#882255", "#2f9cc8", "#8c564b",
)  # fmt: skip
# How easily two of them are confused, 0 to 100: 100 (1 - d/25), d the CIEDE2000 distance of their
# shades on the map, the least of normal, deuteranopic and protanopic vision (Machado 2009).
_CONFUSION: Final = (
    (100, 0, 24, 93, 0, 59, 75, 16),
    (0, 100, 42, 0, 83, 0, 0, 37),
    (24, 42, 100, 50, 29, 65, 31, 77),
    (93, 0, 50, 100, 0, 66, 81, 28),
    (0, 83, 29, 0, 100, 0, 0, 24),
    (59, 0, 65, 66, 0, 100, 48, 53),
    (75, 0, 31, 81, 0, 48, 100, 18),
    (16, 37, 77, 28, 24, 53, 18, 100),
)
# Poles outside the layer are grey, and the page dots them: leaving the region must be seen.
OUTSIDE: Final = ("#56616c", "#7d868f", "#3b434b")

# What two neighbours of different colour are worth, by theme: borders of territories first.
_WEIGHTS: Final = {"territory": 100.0, "concordance": 10.0, "pole": 1.0}

_CLASSES: Final = ("always", "all_but_one", "majority", "relative", "none", "insufficient")
_STATES: Final = ("agree", "differ", "liberal_only", "hospital_only", "neither")
_NONE: Final = -1
_TIED: Final = -2
_TOLERANCE_M: Final = 150.0
_STARTS: Final = 16
_PASSES: Final = 20
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


# ---------------------------------------------------------------- what the page shows


def _payload(
    communes: gpd.GeoDataFrame,
    *,
    pairs: pd.DataFrame,
    zoning: Zoning | None = None,
    agreement: pd.DataFrame | None = None,
    poles: Poles | None = None,
    hospital: pd.DataFrame | None = None,
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
    colours = _colours(names, outside, columns, order, pairs)

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
            "classes": _numbers(agreement["concordance"], order, _CLASSES),
            "pole": _numbers(agreement["pole"], order, places),
            "matched": counts["matched"].tolist(),
            "activities": counts["activities"].tolist(),
        }
    if hospital is not None:
        data["hospital"] = {
            "hospital": _numbers(hospital["hospital"], order, places),
            "agreement": _numbers(hospital["agreement"], order, _STATES),
        }
    if zoning is not None:
        data |= _territories(zoning, ids, layer, colours)
    return data


def _by_activity(poles: Poles) -> dict[str, pd.DataFrame]:
    """Split the table of poles, its figures left behind."""
    table = poles.table[["pole", "tied"]].reset_index("activity")
    names = sorted(set(table["activity"]), key=lambda name: (str(name).casefold(), str(name)))
    return {str(name): table[table["activity"] == name] for name in names}


def _poles_or_ties(table: pd.DataFrame, order: pd.Index, places: Sequence[str]) -> list[int]:
    tied = set(table.index[table["tied"].astype(bool) & table["pole"].isna()])
    numbers = zip(order, _numbers(table["pole"], order, places), strict=True)
    return [_TIED if code in tied else number for code, number in numbers]


def _numbers(values: pd.Series, order: pd.Index, known: Sequence[str]) -> list[int]:
    """Return the position of each value in `known`, `_NONE` where it is missing."""
    position = {name: k for k, name in enumerate(known)}
    return [position[value] if pd.notna(value) else _NONE for value in values.reindex(order)]


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
        "territory": _numbers(zoning.labels, order, ids),
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


# ---------------------------------------------------------------- colours


def _colours(
    names: list[str],
    outside: list[bool],
    columns: list[tuple[float, pd.Series]],
    order: pd.Index,
    pairs: pd.DataFrame,
) -> dict[str, str]:
    """Give each pole and territory a colour that its neighbours on the map have not.

    A territory named by its pole is one with it, so it has the colour of its pole.
    """
    left, right = (order.get_indexer(pd.Index(pairs[side])) for side in ("left", "right"))
    weights = np.zeros((len(names), len(names)))
    for weight, column in columns:
        numbers = np.array(_numbers(column, order, names), dtype=int)
        one, other = numbers[left], numbers[right]
        kept = (one >= 0) & (other >= 0) & (one != other)
        borders = np.zeros_like(weights)
        np.add.at(borders, (one[kept], other[kept]), 1.0)
        weights += weight * np.sqrt(borders + borders.T)
    # Neighbours of neighbours too, a little: a colour twice in sight reads as one territory.
    weights += 0.1 * ((weights > 0).astype(float) @ (weights > 0) > 0)
    np.fill_diagonal(weights, 0)

    chosen: dict[str, str] = {}
    for which, palette, confusion in (
        (
            np.flatnonzero(np.logical_not(outside)),
            PALETTE,
            (np.array(_CONFUSION) / 100) ** 2 + 3 * np.eye(8),
        ),
        (np.flatnonzero(outside), OUTSIDE, np.eye(len(OUTSIDE))),
    ):
        picked = _coloured(weights[np.ix_(which, which)], confusion)
        chosen |= {names[k]: palette[colour] for k, colour in zip(which, picked, strict=True)}
    return chosen


def _coloured(weights: NDArray[np.float64], confusion: NDArray[np.float64]) -> list[int]:
    """Colour a weighted graph, greedily and then by better choices one by one; the best of some."""
    heaviest = np.lexsort((np.arange(len(weights)), -weights.sum(axis=1)))
    variety = 0.1 * weights.sum() / max(len(weights), 1) ** 2
    best, least = np.zeros(len(weights), dtype=int), np.inf
    for start in range(min(_STARTS, len(weights))):
        colour = np.full(len(weights), -1)
        for _ in range(_PASSES):
            before = colour.copy()
            for node in np.roll(heaviest, -start):
                colour[node] = -1
                others = colour >= 0
                cost = confusion[:, colour[others]] @ weights[node, others]
                used = np.bincount(colour[others], minlength=len(confusion))
                colour[node] = np.argmin(cost + variety * used)
            if np.array_equal(before, colour):
                break
        total = float((confusion[np.ix_(colour, colour)] * weights).sum())
        if total < least - 1e-9:
            best, least = colour, total
    return [int(each) for each in best]


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
