"""All pages: their policy by hashes, names that would run, and what must not be in them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import folium
import pytest
from browser import opened, started
from grids import flows
from test_maps import grid_map, grid_poles, grid_zoning, hostile_maps, layer

import territories as tt
from territories import maps
from territories._assets import script
from territories._pages import PLACE, embedded, policy, sealed
from territories.concordance import concordance
from territories.poles import Poles
from territories.workshop import payload, workshop_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from browser import Opened
    from playwright.sync_api import Browser

READY = "#territories-editor[data-ready=true]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


def grid_flows(communes: tt.communes.gpd.GeoDataFrame) -> tt.Flows:
    """Make flows with cells to show, small ones, and some that leave the region."""
    rows = []
    for code in sorted(communes.index):
        west = (int(code[2:]) - 1) % 5 < 2
        own, other = ("45001", "45003") if west else ("45003", "45001")
        rows += [(code, own, 400), (code, other, 7), (code, "75056", 30)]
    return flows(rows, communes)


def editor_data(**more: object) -> dict[str, object]:
    communes = layer()
    poles = grid_poles(communes)
    given = {"agreement": concordance(poles), "poles": poles, **more}
    return payload(grid_zoning(communes), grid_flows(communes), **given)


def rule_of(page: str) -> str:
    return re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]


def html(page: folium.Map) -> str:
    return page.get_root().render()


# ---------------------------------------------------------------- the policy


def test_policy_names_each_inline_part_by_its_hash() -> None:
    page = (
        "<style>a{}</style><script>let a;\r\nlet b;</script>"
        '<script type="application/json">{"a":1}</script><script>let a;\nlet b;</script>'
    )
    rule = policy(page, hosts=["https://*.tiles.org"])
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; "
        r"img-src data: https://\*\.tiles\.org; base-uri 'none'; form-action 'none'",
        rule,
    )
    assert policy("<p>") == "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"


def test_policy_is_put_in_one_place_only() -> None:
    assert sealed(f"<meta {PLACE}><p>{PLACE}").endswith(f"<p>{PLACE}")


def test_data_cannot_leave_their_element() -> None:
    data = {"a": "</script><!--\u2028&"}
    text = embedded(data)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == data


@pytest.mark.parametrize("kind", ["map", "comparison", "editor"])
def test_no_page_allows_inline_parts_by_and_large(kind: str) -> None:
    communes = layer()
    page = {
        "map": lambda: html(grid_map()),
        "comparison": lambda: html(
            maps.comparison_map(grid_zoning(communes), {"Autre": grid_zoning(communes)})
        ),
        "editor": lambda: workshop_page(editor_data()),
    }[kind]()
    rule = rule_of(page)
    assert rule.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in rule
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[a-z]+ ([^>]* )?(style|on[a-z]+)=", markup)


def test_tiles_open_their_host_for_images_only() -> None:
    rule = rule_of(html(grid_map(tiles="OpenStreetMap")))
    assert "img-src data: https://tile.openstreetmap.org;" in rule
    assert "unsafe" not in rule


@pytest.mark.browser
def test_layers_of_others_run_and_nothing_else_does(browser: Browser, tmp_path: Path) -> None:
    page = grid_map()
    folium.CircleMarker([47.8, 2.0], radius=6, tooltip="Maison de santé").add_to(page)
    folium.GeoJson(
        {"type": "Feature", "properties": {"nom": "a"},
         "geometry": {"type": "Point", "coordinates": [2.0, 47.9]}},
        marker=folium.CircleMarker(radius=5),
    ).add_to(page)  # fmt: skip
    path = tmp_path / "a.html"
    page.save(path)
    with opened(browser, path) as found:
        found.page.wait_for_selector(".tm[data-ready=true], [data-ready=true]", state="attached")
        assert found.page.locator(".leaflet-overlay-pane path").count() == 2
        assert found.errors == []
        assert found.requests == []
        tried = "const s = document.createElement('script'); s.textContent = 'window.__xss = 1';"
        found.page.evaluate(f"() => {{ {tried} document.body.append(s); }}")
        assert found.page.evaluate("window.__xss") is None
        assert "Content Security Policy" in found.errors[0]


# ---------------------------------------------------------------- the workshop


def shown(browser: Browser, path: Path, page: str) -> AbstractContextManager[Opened]:
    path.write_text(page, encoding="utf-8")
    return opened(browser, path)


@pytest.mark.browser
@pytest.mark.parametrize("public", [False, True])
def test_the_workshop_opens_and_asks_for_nothing(
    browser: Browser, tmp_path: Path, public: bool
) -> None:
    communes = layer()
    zoning = replace(grid_zoning(communes), statuses={"45001": "running"})
    data = payload(zoning, grid_flows(communes), statuses=["running"] if public else None)
    with shown(browser, tmp_path / "a.html", workshop_page(data)) as found:
        found.page.wait_for_selector(READY)
        found.page.wait_for_timeout(300)
        assert found.requests == []
        assert found.errors == []
        names = found.page.evaluate(
            "window.territoriesWorkshop.model.territories().map((each) => each.id)"
        )
        assert names == (["45001"] if public else ["45001", "45003"])


@pytest.mark.browser
@pytest.mark.parametrize("name", [pytest.param(text, id=key) for key, text in hostile_maps()])
def test_hostile_names_do_nothing_in_the_workshop(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    communes = layer()
    communes.loc[["45001", "45002"], "name"] = name
    poles = grid_poles(communes)
    table = poles.table.rename(index={"ORL": name}, level="activity")
    zoning = replace(grid_zoning(communes), names={"45001": name, "45003": "Est"}, name=name)
    log = [
        tt.Revision("move", "45006", "45003", 1, name, "2026-11-22", name),
        tt.Revision("claim", "45007", "45003", 2, name, "", name),
    ]
    data = payload(
        zoning,
        grid_flows(communes),
        agreement=concordance(poles),
        poles=Poles(table=table, communes=poles.communes, minimum=11),
        outlines={name: zoning},
        drafts={name: zoning},
        revisions=log,
        title=name,
        note=name,
        origin={"parent": name},
    )
    with shown(browser, tmp_path / "a.html", workshop_page(data)) as found:
        found.page.wait_for_selector(READY)
        found.page.evaluate("window.territoriesWorkshop.select(0)")
        found.page.wait_for_timeout(100)
        assert name in found.page.locator("body").text_content()
        assert found.page.evaluate("window.__xss") is None
        assert found.page.evaluate("document.images.length") == 0
        assert found.requests == []
        assert found.errors == []


# ---------------------------------------------------------------- what is not in them


def test_no_small_count_is_in_the_source_of_any_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small counts that can be told: each is a number of its own, in no other place of a page."""
    # Small layers are attacked, and show nothing here.
    monkeypatch.setattr("territories.workshop.SMALL", 0)
    communes = layer()
    codes = sorted(communes.index)
    # 1 to 10 beside cells that are shown, and a total that would tell them.
    rows = [(code, "45001", 1_100) for code in codes]
    rows += [(code, "45003", 1 + number % 10) for number, code in enumerate(codes)]
    given = flows(rows, communes)
    data = payload(grid_zoning(communes), given)
    told = data["flows"]
    assert min(told["patients"]) >= 11
    assert sum(told["patients"]) % told["step"] == sum(told["patients"]) % 5
    assert all(low % 25 == high % 25 == 0 for low, high in
               zip(told["rest_low"], told["rest_high"], strict=True))  # fmt: skip
    assert {codes[to] for to in told["to"] if to >= 0} == {"45001"}
    exact = {1_100 + 1 + number % 10 for number in range(len(codes))} | {1_100}
    for page in (workshop_page(data), html(grid_map(communes))):
        numbers = {int(each) for each in re.findall(r"(?<![\w.#-])\d+(?![\w.%])", _data(page))}
        assert not exact & numbers


def _data(page: str) -> str:
    """Return the data of a page but for its outlines, whose numbers are places."""
    found = re.search(r'<script type="application/json" id="[^"]*">(.*?)</script>', page, re.DOTALL)
    data = json.loads(found[1])
    for name in ("shapes", "words", "population"):
        data.pop(name)
    return json.dumps(data)


def test_the_page_and_python_make_the_same_public_copy(browser: Browser, tmp_path: Path) -> None:
    """A copy saved from the page holds what `territories edit --public` writes, and no more."""
    communes = layer()
    zoning = grid_zoning(communes)
    shared = zoning.revise(
        [
            tt.Revision("status", territory="45001", target="running", order=1),
            tt.Revision("lock", territory="45003", order=2),
            tt.Revision("claim", "45003", "45001", order=3),
            tt.Revision("rename", territory="45001", target="Ouest", order=4),
        ]
    )
    given = {"drafts": {"autre": zoning}, "origin": {"parent": "secret"}}
    poles = grid_poles(communes)
    given |= {"agreement": concordance(poles), "poles": poles}
    whole = payload(shared, grid_flows(communes), **given)
    expected = payload(shared, grid_flows(communes), statuses=["running"], **given)
    parts = (script("model.js", "createModel"), script("publish.js", "publicData"))
    path = tmp_path / "both.html"
    path.write_text("".join(f"<script>{each}</script>" for each in parts), encoding="utf-8")
    with opened(browser, path) as found:
        made = found.page.evaluate(
            "(data) => publicData(createModel(data), data, ['running'])",
            json.loads(json.dumps(whole)),
        )
    assert made == json.loads(json.dumps(expected))
