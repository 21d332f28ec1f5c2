"""What a map shows: territories, poles, concordance and stability, as plain values for its page.

No number of patients or stays is among it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import shapely

from territories import codes
from territories._words import WORDS, current_language
from territories.colours import coloured, numbers
from territories.communes import place_names, simplified
from territories.zoning import shown_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from territories.poles import Poles
    from territories.stability import Runs
    from territories.zoning import Zoning

# What two neighbours of different colour are worth, by theme: borders of territories first.
_WEIGHTS: Final = {"territory": 100.0, "concordance": 10.0, "pole": 1.0}

_CLASSES: Final = ("always", "all_but_one", "majority", "relative", "none", "insufficient")
_STATES: Final = ("agree", "differ", "liberal_only", "hospital_only", "neither")
_TIED: Final = -2
_WHOLE: Final = 100

# Borders of a page are drawn within about so many metres.
TOLERANCE_M: Final = 150.0
_UNITS_PER_DEGREE: Final = 100_000


def map_data(
    communes: gpd.GeoDataFrame,
    *,
    pairs: pd.DataFrame,
    zoning: Zoning | None = None,
    agreement: pd.DataFrame | None = None,
    poles: Poles | None = None,
    hospital: pd.DataFrame | None = None,
    stability: Runs | None = None,
    empty: bool = False,
    tolerance: float = TOLERANCE_M,
) -> dict[str, object]:
    """Gather what the page shows, and nothing else; `empty`: territories without communes too."""
    layer = communes.sort_index()
    order = layer.index
    activities = {} if poles is None else _by_activity(poles)
    ids = [] if zoning is None else territory_ids(zoning, empty=empty)
    columns = [each["pole"] for each in activities.values()]
    columns += [] if hospital is None else [hospital["hospital"]]
    columns += [] if agreement is None else [agreement["pole"]]
    known = {code for column in columns for code in column.dropna()}
    known |= {name for name in ids if name in order}
    places = sorted(known, key=lambda code: (code not in order, code))
    labels = place_names(layer, places)
    colours = page_colours(
        layer,
        pairs=pairs,
        zoning=zoning,
        agreement=agreement,
        poles=poles,
        hospital=hospital,
        empty=empty,
    )

    data: dict[str, object] = {
        "words": _words(),
        "codes": order.tolist(),
        "names": layer["name"].astype("str").tolist(),
        "population": [None if pd.isna(each) else round(each) for each in layer["population"]],
        "departments": codes.department(order.to_series()).tolist(),
        "shapes": [rings(shape) for shape in simplified(layer, tolerance=tolerance)],
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
        data |= memberships(zoning, ids, order)
        data["territories"] = territory_rows(zoning, ids, layer, colours)
    if zoning is not None and stability is not None:
        data["stability"] = _stability(stability, ids, order)
    return data


def page_colours(
    layer: gpd.GeoDataFrame,
    *,
    pairs: pd.DataFrame,
    zoning: Zoning | None = None,
    agreement: pd.DataFrame | None = None,
    poles: Poles | None = None,
    hospital: pd.DataFrame | None = None,
    empty: bool = False,
) -> dict[str, str]:
    """Give poles and territories the colours of the page; those that were chosen stay."""
    # Each column of names that takes colours, with what its borders weigh.
    columns = []
    if poles is not None:
        columns += [(_WEIGHTS["pole"], each["pole"]) for each in _by_activity(poles).values()]
    if hospital is not None:
        columns.append((_WEIGHTS["pole"], hospital["hospital"]))
    if agreement is not None:
        columns.append((_WEIGHTS["concordance"], agreement["pole"]))
    order = layer.index
    ids = [] if zoning is None else territory_ids(zoning, empty=empty)
    known = {code for _, column in columns for code in column.dropna()}
    known |= {name for name in ids if name in order}
    places = sorted(known, key=lambda code: (code not in order, code))
    names = [*places, *(name for name in ids if name not in known)]
    outside = [code in known and code not in order for code in names]
    if zoning is None:
        return coloured(names, outside, columns, order, pairs)
    columns.append((_WEIGHTS["territory"], zoning.labels))
    found = coloured(names, outside, columns, order, pairs)
    return {each: zoning.colours.get(each, colour) for each, colour in found.items()}


def _by_activity(poles: Poles) -> dict[str, pd.DataFrame]:
    """Split the table of poles, its figures left behind."""
    table = poles.table[["pole", "tied"]].reset_index("activity")
    names = sorted(set(table["activity"]), key=lambda name: (str(name).casefold(), str(name)))
    return {str(name): table[table["activity"] == name] for name in names}


def _poles_or_ties(table: pd.DataFrame, order: pd.Index, places: Sequence[str]) -> list[int]:
    tied = set(table.index[table["tied"].astype(bool) & table["pole"].isna()])
    found = zip(order, numbers(table["pole"], order, places), strict=True)
    return [_TIED if code in tied else number for code, number in found]


def territory_ids(zoning: Zoning, *, empty: bool = False) -> list[str]:
    """List territories in order: those with communes, and if asked those that only have a name."""
    return sorted({*zoning.membership["territory"], *(zoning.names if empty else ())})


def memberships(zoning: Zoning, ids: list[str], order: pd.Index) -> dict[str, object]:
    """Lay out the main territory of each commune, and all of those that are shared."""
    shared: dict[int, list[tuple[int, float]]] = {}
    place = {code: number for number, code in enumerate(order)}
    for code, territory, weight in zoning.shared.itertuples(index=False):
        shared.setdefault(place[code], []).append((ids.index(territory), weight))
    return {"territory": numbers(zoning.labels, order, ids), "shared": shared}


def territory_rows(
    zoning: Zoning, ids: list[str], layer: gpd.GeoDataFrame, colours: Mapping[str, str]
) -> list[dict[str, object]]:
    """Lay out the name, the commune and the colour of each territory."""
    order = layer.index
    return [
        {
            "name": name,
            "commune": order.get_loc(code) if code in order else -1,
            "colour": colours[code],
        }
        for code, name in shown_names(zoning, ids).items()
    ]


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


def rings(shape: shapely.Geometry) -> list[list[list[int]]]:
    """Write a shape as whole 1e-5 degrees, each point as the difference from the one before.

    A commune that is not drawn has no part.
    """
    parts = []
    for polygon in shapely.get_parts(shape):
        if polygon.is_empty:
            continue
        rings = []
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.rint(shapely.get_coordinates(ring)[:-1] * _UNITS_PER_DEGREE)
            rings.append(np.diff(points, axis=0, prepend=0).astype(int).ravel().tolist())
        parts.append(rings)
    return parts
