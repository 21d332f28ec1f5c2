"""The model of the workshop's page, run in a real browser off line; drawn payloads for it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import pandas as pd
from browser import opened

from territories import Zoning
from territories._assets import script

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from playwright.sync_api import Browser, Page

LOG = (
    *("logText", "parseLog", "assignmentText", "parseAssignment", "geojsonText"),
    *("decodeBytes", "fileName"),
)
_DRIVER = Path(__file__).with_name("random_steps.js")
_POLICY = "default-src 'none'; script-src 'unsafe-inline'"


@contextlib.contextmanager
def model_page(browser: Browser, folder: Path) -> Iterator[Page]:
    """Open a page that holds the model's functions and nothing else; it may say no error."""
    path = folder / "model.html"
    scripts = [
        script("model.js", "createModel"),
        script("log.js", *LOG),
        _DRIVER.read_text(encoding="utf-8"),
    ]
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    body = "".join(f"<script>{each}</script>" for each in scripts)
    path.write_text(f'<!doctype html><meta charset="utf-8">{policy}{body}', encoding="utf-8")
    with opened(browser, path) as found:
        yield found.page
        assert found.errors == []
        assert found.requests == []


def drawn_payload(picture: str, **more: Any) -> dict[str, Any]:
    """Return the payload of square communes: a letter is a territory, a dot is in none.

    Codes are numbers from 1 by rows, people 1,000 times that; a blank is outside the layer.
    """
    rows = [line.strip("|") for line in picture.split()]
    cells = {
        (row, column): letter
        for row, line in enumerate(rows)
        for column, letter in enumerate(line)
        if letter != "_"
    }
    place = {cell: k for k, cell in enumerate(cells)}
    ids = sorted(set(cells.values()) - {"."})
    pairs, rim, shapes = [], [], []
    for (row, column), k in place.items():
        for beside in ((row, column + 1), (row + 1, column)):
            if beside in place:
                pairs += [k, place[beside]]
        around = ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column))
        if any(each not in place for each in around):
            rim.append(k)
        shapes.append([[[100 * column, -100 * row - 100, 100, 0, 0, 100, -100, 0]]])
    colours = ["#1b5fa8", "#d55e00", "#009e73", "#aa4499"]
    return {
        "language": "fr",
        "id": "0123456789ab",
        "draft": {"name": "Brouillon 2", "date": "2026-11-22", "parent": "Brouillon"},
        "settings": {"overlaps": True, "public": False, "bounds": [40_000, 80_000, 175_000]},
        "codes": [f"{k + 1:05d}" for k in range(len(cells))],
        "names": [f"Commune {k + 1}" for k in range(len(cells))],
        "population": [1_000 * (k + 1) for k in range(len(cells))],
        "shapes": shapes,
        "pairs": pairs,
        "touch": [1] * (len(pairs) // 2),
        "rim": rim,
        "palette": colours,
        "territories": [
            {
                "id": each,
                "name": f"Pays {each}",
                "commune": -1,
                "colour": colours[k % 4],
                "status": None,
                "lock": None,
            }
            for k, each in enumerate(ids)
        ],
        "territory": [ids.index(each) if each != "." else -1 for each in cells.values()],
        "shared": {},
        "claims": {},
        "drafts": [],
        "log": [],
        "flows": None,
        **more,
    }


def divided(communes: gpd.GeoDataFrame, number: int, pairs: pd.DataFrame | None = None) -> Zoning:
    """Divide a layer among its most populated communes, by steps from neighbour to neighbour."""
    empty = pd.DataFrame(columns=["code", "territory", "weight"])
    graph = Zoning(communes=communes, membership=empty, pairs=pairs).graph
    people = communes["population"].sort_index().fillna(0)
    centres = people.sort_values(ascending=False, kind="stable").index[:number]
    owner = {each: each for each in centres}
    reached = list(centres)
    for code in reached:
        for beside in sorted(nx.neighbors(graph, code)):
            if beside not in owner:
                owner[beside] = owner[code]
                reached.append(beside)
    rows = [(code, territory, 1.0) for code, territory in owner.items()]
    membership = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    return Zoning(communes=communes, membership=membership, pairs=pairs)
