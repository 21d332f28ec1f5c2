"""Maps, drawn by a real browser with the network off."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import folium
import geopandas as gpd
import pandas as pd
import pytest
from browser import opened, started
from shapely.geometry import Polygon, box

from territories import colours, maps
from territories.comparison import compare
from territories.concordance import concordance, hospital_agreement
from territories.poles import Poles
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser import Opened
    from playwright.sync_api import Browser

SHARED = Path(__file__).parents[2] / "shared" / "data"
HOSTILE = {
    "script": "</script><script>window.__xss=1</script>",
    "image": "<img src=x onerror=window.__xss=1>",
    "jinja": "{{ 7*7 }}{% for x in [] %}{# #}",
    "literal": "`+(window.__xss=1)+`${window.__xss=1}",
    "quotes": "\"'+(window.__xss=1)+'\\",
    "comment": "<!--<script>",
    "entity": "Saint-Jean &amp; &lt;b&gt;",
    "separators": "a\u2028b\u2029c",
    "replacement": "$& $1 {count} {name}",
}
ACTIVITIES = ("dermatologie", "ophtalmologie", "ORL")


def layer() -> gpd.GeoDataFrame:
    """Return a grid of communes; west to east two basins, then one that leaves the region.

    .. code-block:: text

        45001 45002 | 45003 45004 | 28005
        45006 45007 | 45008 45009 | 28010
        45011 45012 | 45013 45014 | 28015
    """
    names = ["Orléans", "L’Île-d’Yeu", "Saint-Jean-le-Blanc", "Vendœuvres", "Amilly"]
    rows = []
    for k in range(15):
        department = "28" if k % 5 == 4 else "45"
        x, y = 620_000 + 8_000 * (k % 5), 6_750_000 - 8_000 * (k // 5)
        name = names[k] if k < len(names) else ("Amilly" if k == 9 else f"Village-{k + 1}")
        rows.append(
            (f"{department}{k + 1:03d}", name, 1_000 * (k + 1), box(x, y, x + 8e3, y + 8e3))
        )
    frame = gpd.GeoDataFrame(
        rows, columns=["code", "name", "population", "geometry"], crs="EPSG:2154"
    ).set_index("code")
    return frame.sample(frac=1, random_state=3)  # always shuffled


def grid_poles(communes: gpd.GeoDataFrame, activities: tuple[str, ...] = ACTIVITIES) -> Poles:
    """Return poles whose figures (76543, .12345) must not reach the page."""
    basin = ["45001", "45001", "45003", "45003", "75056"]
    rows = []
    for code in communes.index:
        column = (int(code[2:]) - 1) % 5
        for k, activity in enumerate(activities):
            pole, tied = basin[column], False
            if code == "45007":
                pole = ["45001", "45001", "45003"][k]
            if code == "45012":
                pole, tied = (None, True) if k == 0 else (basin[column], False)
            if code == "45014":
                pole = ["45001", "45003", "75"][k]
            if code == "28015" and k:
                pole = None
            rows.append((code, activity, pole, 76_543, 0.12345, 0.54321, tied))
    columns = ["commune", "activity", "pole", "patients", "share", "margin", "tied"]
    table = pd.DataFrame(rows, columns=columns).set_index(["commune", "activity"])
    return Poles(table=table.sort_index(), communes=communes.index.sort_values(), minimum=11)


def grid_zoning(communes: gpd.GeoDataFrame) -> Zoning:
    """Return two territories; 28015 is a white zone and 45002 is shared."""
    rows = []
    for code in communes.index:
        west = (int(code[2:]) - 1) % 5 < 2
        if code == "45002":
            rows += [(code, "45001", 0.75), (code, "45003", 0.25)]
        elif code != "28015":
            rows.append((code, "45001" if west else "45003", 1.0))
    table = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    return Zoning(communes=communes, membership=table)


def grid_map(communes: gpd.GeoDataFrame | None = None, **options: object) -> folium.Map:
    communes = layer() if communes is None else communes
    poles = grid_poles(communes)
    agreement = concordance(poles)
    stays = poles.table.xs("ORL", level="activity", drop_level=False)
    hospital = Poles(table=stays, communes=poles.communes, minimum=11)
    given = {
        "agreement": agreement,
        "poles": poles,
        "hospital": hospital_agreement(agreement, hospital),
        **options,
    }
    return maps.territory_map(grid_zoning(communes), **given)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


def html(page: folium.Map) -> str:
    return page.get_root().render()


def embedded(page: folium.Map) -> dict:
    return json.loads(
        re.search(r"application/json\"[^>]*>(.*?)</script>", html(page), re.DOTALL)[1]
    )


def ready(found: Opened) -> None:
    found.page.wait_for_selector("[data-ready=true]", timeout=20_000)


def choose(found: Opened, theme: str) -> None:
    found.page.get_by_role("radio", name=theme, exact=True).check()


def fills(found: Opened) -> list[str]:
    return found.page.eval_on_selector_all(
        ".leaflet-communes-pane path", "all => all.map((one) => one.getAttribute('fill'))"
    )


def search(found: Opened, typed: str) -> None:
    found.page.fill(".tm-search-input", typed)
    found.page.wait_for_selector(".tm-results li")


# ---------------------------------------------------------------- the file


def test_no_address_and_no_figure_is_in_the_page() -> None:
    page = html(grid_map(note="Données simulées"))
    addresses = set(re.findall(r"https?://[^\s\"'`<>)\\]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    for secret in ("76543", "12345", "54321", '"patients"', '"margin"', "sourceMappingURL"):
        assert secret not in page


def test_policy_stands_before_what_it_governs() -> None:
    page = html(grid_map())
    policy = page.index("Content-Security-Policy")
    assert policy < page.index("<style>")
    assert policy < page.index("<script>")
    assert page.startswith('<!DOCTYPE html>\n<html lang="fr">')
    assert "default-src 'none'" in page


def test_same_inputs_give_the_same_bytes() -> None:
    communes = layer()
    once, again = html(grid_map(communes)), html(grid_map(communes.sample(frac=1, random_state=9)))
    assert once == again
    page = grid_map(communes)
    assert html(page) == html(page) == once


@pytest.mark.parametrize("seed", ["1", "2"])
def test_bytes_do_not_depend_on_the_hash_seed(seed: str) -> None:
    code = (
        "import hashlib, test_maps as t;"
        "print(hashlib.sha256(t.html(t.grid_map()).encode()).hexdigest())"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    import hashlib  # noqa: PLC0415

    assert ran.stdout.strip() == hashlib.sha256(html(grid_map()).encode()).hexdigest()


def test_places_are_named_and_told_apart() -> None:
    data = embedded(grid_map())
    names = {place["name"]: place for place in data["places"]}
    assert set(names) == {
        "Orléans",
        "Saint-Jean-le-Blanc",
        "commune 75056 (hors région)",
        "département 75 (hors région)",
    }
    assert [place["external"] for place in data["places"]] == [False, False, True, True]
    communes = layer()
    shared = Zoning.from_labels(dict.fromkeys(communes.index, "28005"), communes=communes)
    assert embedded(maps.territory_map(shared))["territories"][0]["name"] == "Amilly (28005)"


def test_a_territory_has_the_colour_of_its_pole_and_not_of_its_neighbour() -> None:
    data = embedded(grid_map())
    shown = [territory["colour"] for territory in data["territories"]]
    assert shown == [place["colour"] for place in data["places"][:2]]
    assert len(set(shown)) == 2
    assert set(shown) <= set(colours.PALETTE)
    assert {place["colour"] for place in data["places"][2:]} <= set(colours.OUTSIDE)


def test_themes_without_data_are_not_in_the_page() -> None:
    communes = layer()
    data = embedded(maps.territory_map(grid_zoning(communes)))
    assert data["activities"] == []
    assert "concordance" not in data
    assert "hospital" not in data
    agreement = concordance(grid_poles(communes))
    assert "territories" not in embedded(maps.concordance_map(communes, agreement))


def test_tiles_open_their_host_only() -> None:
    page = html(grid_map(tiles="OpenStreetMap"))
    assert "img-src data: https://tile.openstreetmap.org" in page
    assert "cdn.jsdelivr.net" not in page
    assert html(grid_map(tiles="OpenStreetMap")) == page


def test_ids_that_are_not_codes_and_missing_values_are_drawn() -> None:
    communes = layer()
    communes["population"] = communes["population"].astype("float64")
    communes.loc["45001", "population"] = None
    zoning = Zoning.from_labels(dict.fromkeys(communes.index[:7], "Nord"), communes=communes)
    data = embedded(maps.territory_map(zoning, language="en"))
    assert data["territories"][0]["name"] == "Nord"
    assert data["territories"][0]["commune"] == -1
    assert data["population"][data["codes"].index("45001")] is None
    assert data["words"]["map.territory"] == "Territory"


def other_zoning(communes: gpd.GeoDataFrame, name: str = "Autre") -> Zoning:
    """Return two zones: the three columns on the west, of which the third differs, and the rest."""
    west = [(int(code[2:]) - 1) % 5 < 3 for code in communes.index]
    labels = pd.Series(["w" if each else "e" for each in west], index=communes.index)
    labels["28015"] = None
    zoning = Zoning.from_labels(labels, communes=communes, name=name)
    beyond = pd.DataFrame([["18001", "w", 1.0, 10.0]])
    beyond.columns = ["code", "territory", "weight", "population"]
    return replace(zoning, names={"w": "Ouest", "e": "Est"}, beyond=beyond)


def test_a_commune_that_is_not_drawn_has_no_part_in_the_page() -> None:
    communes = layer()
    communes.loc["28010", "geometry"] = Polygon()
    data = embedded(grid_map(communes))
    place = data["codes"].index("28010")
    assert data["shapes"][place] == []
    assert all(data["shapes"][:place] + data["shapes"][place + 1 :])


def test_what_the_comparison_page_knows() -> None:
    communes = layer()
    data = embedded(maps.comparison_map(grid_zoning(communes), other_zoning(communes)))
    assert data["theme"] == "comparison-0"
    [other] = data["comparisons"]
    assert (other["name"], other["zones"], other["crossing"]) == ("Autre", ["Est", "Ouest"], 1)
    assert [data["codes"][k] for k in other["differs"]] == ["45003", "45008", "45013"]
    assert other["zone"][data["codes"].index("28015")] == -1
    assert other["jaccard"][data["codes"].index("28015")] == -1
    # 45001: six communes in its territory, nine in Ouest that has them all.
    assert other["jaccard"][data["codes"].index("45001")] == 66
    known = {"Autre": compare(grid_zoning(communes), other_zoning(communes))}
    again = maps.comparison_map(
        grid_zoning(communes), {"Autre": other_zoning(communes)}, comparisons=known
    )
    assert embedded(again) == data


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def drawn(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    path = tmp_path / "carte.html"
    grid_map(title="Carte d’essai", note="Données simulées").save(path)
    with opened(browser, path) as found:
        ready(found)
        yield found
        assert found.requests == []
        assert found.errors == []


@pytest.mark.browser
def test_communes_are_drawn_and_the_page_says_what_it_is(drawn: Opened) -> None:
    assert len(fills(drawn)) == 15
    assert drawn.page.title() == "Carte d’essai"
    assert drawn.page.inner_text("h1") == "Carte d’essai"
    assert drawn.page.inner_text(".tm-note") == "Données simulées"
    assert drawn.page.evaluate("document.documentElement.lang") == "fr"
    assert drawn.page.inner_text(".leaflet-control-scale").endswith("km")


@pytest.mark.browser
def test_a_page_opens_with_communes_that_are_not_drawn(browser: Browser, tmp_path: Path) -> None:
    communes = layer()
    communes.loc["28010", "geometry"] = Polygon()
    pages = [tmp_path / "map.html", tmp_path / "editor.html"]
    grid_map(communes).save(str(pages[0]))
    maps.save_editor(pages[1], grid_zoning(communes))
    for file in pages:
        with opened(browser, file) as found:
            ready(found)
            assert found.errors == []


def test_themes_switch_with_their_legend(drawn: Opened) -> None:
    legend = drawn.page.locator(".tm-legend")
    assert "2 territoires" in legend.inner_text()
    assert "Zone blanche" in legend.inner_text()
    territory = fills(drawn)
    assert "#ffffff" in territory  # the white zone
    assert sum(fill.startswith("url(#") for fill in territory) == 1  # the shared commune

    choose(drawn, "Concordance des pôles")
    text = legend.inner_text()
    for words in (
        "Toujours",
        "100\u00a0% des spécialités (3\u00a0sur\u00a03)",
        "de 66\u00a0% à moins de 100\u00a0% (2\u00a0sur\u00a03)",
        "de 50\u00a0% à moins de 66\u00a0%",
        "Majorité relative",
        "égalité parfaite",
        "Données insuffisantes",
        "commune 75056 (hors région)",
    ):
        assert words in text
    assert fills(drawn) != territory

    choose(drawn, "Pôle par spécialité")
    assert "dermatologie" in legend.inner_text()
    assert "ex æquo" in legend.inner_text()
    drawn.page.select_option(".tm-select", label="ORL")
    assert "ORL" in legend.inner_text()
    assert "non significatif" in legend.inner_text()
    assert "Pôles hors région" in legend.inner_text()

    choose(drawn, "Pôle hospitalier")
    assert any(fill.startswith("url(#") for fill in fills(drawn))  # outside: dotted
    choose(drawn, "Libéral × hôpital")
    assert "Pôles différents" in legend.inner_text()


@pytest.mark.browser
def test_relative_majority_is_hatched_and_no_pole_is_white(
    browser: Browser, tmp_path: Path
) -> None:
    communes = layer()
    activities = ("a", "b", "c", "d", "e")
    picks = {
        "45001": ["45001"] * 5,
        "45002": ["45001"] * 4 + ["45003"],
        "45003": ["45001"] * 3 + ["45003"] * 2,
        "45004": ["45001", "45001", "45003", "45004", "28005"],
        "28005": ["45001", "45002", "45003", "45004", "28005"],
    }
    rows = [
        (code, activity, pole, False)
        for code, poles in picks.items()
        for activity, pole in zip(activities, poles, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["commune", "activity", "pole", "tied"])
    table = table.assign(patients=99).set_index(["commune", "activity"])
    order = communes.index.sort_values()
    agreement = concordance(Poles(table=table, communes=order, minimum=11))
    path = tmp_path / "concordance.html"
    maps.concordance_map(communes, agreement).save(path)
    with opened(browser, path) as found:
        ready(found)
        fill = dict(zip(order, fills(found), strict=True))
        assert fill["45004"].startswith("url(#")
        pattern = found.page.locator(f"[id='{fill['45004'][5:-1]}'] rect")
        assert pattern.last.get_attribute("fill") == fill["45001"]
        assert fill["28005"] == "#ffffff"
        plain = [fill[code] for code in ("45001", "45002", "45003", "28005", "45006")]
        assert len(set(plain)) == 5
        assert found.errors == []


@pytest.mark.browser
def test_search_ignores_accents_case_hyphens_and_ligatures(drawn: Opened) -> None:
    for typed, name in (
        ("orleans", "Orléans"),
        ("SAINT JEAN", "Saint-Jean-le-Blanc"),
        ("ile d yeu", "L’Île-d’Yeu"),
        ("vendoeuvres", "Vendœuvres"),
        ("28010", "Amilly"),
    ):
        search(drawn, typed)
        assert name in drawn.page.inner_text(".tm-results li >> nth=0")
    search(drawn, "zzz")
    assert "Aucun nom" in drawn.page.inner_text(".tm-results")


@pytest.mark.browser
def test_keyboard_picks_a_commune_then_escape_closes(drawn: Opened) -> None:
    search(drawn, "orleans")
    keys = drawn.page.keyboard
    keys.press("ArrowDown")  # the territory stands first, then the commune
    keys.press("Enter")
    card = drawn.page.locator(".tm-pinned")
    text = card.inner_text()
    for words in ("Orléans", "45001", "1\u202f000 habitants", "Territoire", "3 spécialités sur 3"):
        assert words in text
    assert drawn.page.locator(".leaflet-chosen-pane path").count() >= 2
    keys.press("Escape")
    assert card.is_hidden()
    search(drawn, "orleans")
    keys.press("Enter")
    assert "communes" in card.inner_text()


@pytest.mark.browser
def test_pointer_shows_a_card_and_a_click_keeps_it(drawn: Opened) -> None:
    order = sorted(layer().index)
    path = drawn.page.locator(".leaflet-communes-pane path").nth(order.index("45012"))
    path.hover()
    tip = drawn.page.locator(".tm-tip")
    rows = tip.inner_text()
    for words in ("Village-12", "45012", "dermatologie", "ex æquo", "Libéral × hôpital"):
        assert words in rows
    path.click()
    assert tip.is_hidden()
    assert "Village-12" in drawn.page.inner_text(".tm-pinned")
    drawn.page.get_by_role("button", name="Fermer").click()
    assert drawn.page.locator(".tm-pinned").is_hidden()


@pytest.mark.browser
def test_overlays_come_and_go_and_the_panel_folds(drawn: Opened) -> None:
    names = drawn.page.locator(".tm-name-text")
    shown = names.all_inner_texts()
    assert shown[:2] == ["Saint-Jean-le-Blanc", "Orléans"]  # territories, the biggest first
    assert "Village-12" not in shown
    drawn.page.get_by_role("button", name="Agrandir").click()
    seen_from_near = names.filter(has_text=re.compile("^Village-12$"))  # communes too
    seen_from_near.first.wait_for(state="attached")
    drawn.page.get_by_role("checkbox", name="Noms").uncheck()
    assert names.count() == 0
    borders = drawn.page.locator(".leaflet-borders-pane path")
    count = borders.count()
    drawn.page.get_by_role("checkbox", name="Départements").uncheck()
    assert borders.count() == count - 2
    fold = drawn.page.locator(".tm-fold")
    fold.click()
    assert fold.get_attribute("aria-expanded") == "false"
    assert drawn.page.locator(".tm-legend").is_hidden()


@pytest.mark.browser
@pytest.mark.parametrize("language", ["fr", "en"])
def test_comparison_with_several_zonings(browser: Browser, tmp_path: Path, language: str) -> None:
    communes = layer()
    hostile = HOSTILE["script"]
    others = {"Autre": other_zoning(communes), hostile: grid_zoning(communes)}
    path = tmp_path / "comparaison.html"
    maps.comparison_map(grid_zoning(communes), others, language=language).save(path)
    with opened(browser, path) as found:
        ready(found)
        legend = found.page.locator(".tm-legend")
        text = legend.inner_text()
        words = {
            "fr": ("Commune qui diffère", "Limite des deux", "2 zones, dont 1 débordent"),
            "en": ("Commune that differs", "Border of both", "2 zones, of which 1 go beyond"),
        }
        for each in words[language]:
            assert each in text
        assert sum(fill.startswith("url(#") for fill in fills(found)) == 4  # and the shared one
        lines = found.page.locator(".leaflet-borders-pane path")
        count = lines.count()
        dashed = found.page.locator(".leaflet-borders-pane path[stroke-dasharray='7 5']")
        assert dashed.count() == 1
        switch = {"fr": "Autre zonage", "en": "Other zoning"}[language]
        found.page.get_by_role("checkbox", name=switch).uncheck()
        assert dashed.count() == 0
        assert lines.count() == count - 2
        found.page.get_by_role("checkbox", name=switch).check()
        search(found, "45003")
        found.page.keyboard.press("Enter")
        card = found.page.inner_text(".tm-pinned")
        told = "Ouest (diffère)" if language == "fr" else "Ouest (differs)"
        assert told in card
        assert hostile in found.page.locator(".tm-pinned th").all_text_contents()
        found.page.get_by_role("radio").nth(2).check()  # the zoning itself: nothing differs
        assert dashed.get_attribute("d") in (None, "", "M0 0")
        assert sum(fill.startswith("url(#") for fill in fills(found)) == 1
        assert found.page.evaluate("window.__xss") is None
        assert found.requests == []
        assert found.errors == []


def hostile_maps() -> list[tuple[str, str]]:
    """List the names of badinputs/maps beside ours."""
    cases = list(HOSTILE.items())
    for path in sorted((SHARED / "badinputs" / "maps").glob("*.geojson")):
        first = json.loads(path.read_text(encoding="utf-8"))["features"][0]
        cases.append((path.stem, first["properties"]["nom"]))
    return cases


@pytest.mark.browser
@pytest.mark.parametrize("name", [pytest.param(text, id=key) for key, text in hostile_maps()])
def test_hostile_names_are_text(browser: Browser, tmp_path: Path, name: str) -> None:
    communes = layer()
    communes.loc["45001", "name"] = name
    poles = grid_poles(communes)
    agreement = concordance(poles)
    table = poles.table.rename(index={"ORL": name}, level="activity")
    zoning = Zoning(
        communes=communes,
        membership=grid_zoning(communes).membership,
        names={"45001": name, "45003": "Est"},
    )
    page = maps.territory_map(
        zoning,
        agreement=agreement,
        poles=Poles(table=table, communes=poles.communes, minimum=11),
        title=name,
        note=name,
    )
    path = tmp_path / "hostile.html"
    page.save(path)
    with opened(browser, path) as found:
        ready(found)
        text = found.page.locator
        assert text("h1").text_content() == name
        assert text(".tm-note").text_content() == name
        assert name in text(".tm-legend").text_content()
        assert text(".tm-name-pole .tm-name-text").last.text_content() == name
        assert name in text(".tm-select option").all_text_contents()
        text(".leaflet-communes-pane path").first.hover()
        assert name in text(".tm-tip").text_content()
        choose(found, "Pôle par spécialité")
        options = text(".tm-select option").all_text_contents()
        found.page.select_option(".tm-select", index=options.index(name))
        assert text(".tm-legend h2").text_content() == name
        search(found, "45001")
        assert text(".tm-result-name").first.text_content() == name
        found.page.keyboard.press("Enter")
        assert text(".tm-pinned h2").text_content() == f"{name}45001"
        assert name in text(".tm-pinned th").all_text_contents()
        assert found.page.evaluate("window.__xss") is None
        assert found.requests == []
        assert found.errors == []


@pytest.mark.browser
def test_layers_can_be_added_on_top(browser: Browser, tmp_path: Path) -> None:
    page = grid_map()
    folium.Marker([47.85, 1.95], tooltip="Maison de santé").add_to(page)
    folium.CircleMarker([47.8, 2.0], radius=6).add_to(page)
    path = tmp_path / "added.html"
    page.save(path)
    with opened(browser, path) as found:
        ready(found)
        marker = found.page.locator("img.leaflet-marker-icon")
        assert marker.get_attribute("src").startswith("data:image/svg+xml")
        assert found.page.locator(".leaflet-overlay-pane path").count() == 1
        assert found.requests == []
        assert found.errors == []


@pytest.mark.browser
def test_a_notebook_draws_it_in_its_frame(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><body>{grid_map()._repr_html_()}", encoding="utf-8")
    with opened(browser, path) as found:
        frame = found.page.frame_locator("iframe")
        frame.locator("[data-ready=true]").wait_for(timeout=20_000)
        assert frame.locator(".leaflet-communes-pane path").count() == 15
        assert found.errors == []


# ---------------------------------------------------------------- the simulated region


@pytest.mark.browser
def test_the_region_is_light_and_quick(browser: Browser, tmp_path: Path) -> None:
    folder = SHARED / "cvl"
    if not folder.is_dir():
        pytest.skip(f"the simulated region is not at {folder}")
    frame = gpd.read_file(folder / "communes_cvl_2024.geojson").to_crs("EPSG:2154")
    frame = frame.rename(columns={"nom": "name", "pop2021": "population"}).set_index("code")
    communes = frame[["name", "population", "geometry"]].sample(frac=1, random_state=1)
    truth = pd.read_csv(folder / "truth_territories.csv", dtype=str).set_index("code")["territory"]
    labels = truth.reindex(communes.index)
    others = sorted(labels.unique())
    draw = random.Random(0)
    rows = [
        (code, f"spécialité {k}", label if draw.random() < 0.8 else draw.choice(others), False)
        for code, label in labels.sort_index().items()
        for k in range(5)
    ]
    table = pd.DataFrame(rows, columns=["commune", "activity", "pole", "tied"])
    table = table.assign(patients=76_543).set_index(["commune", "activity"])
    poles = Poles(table=table, communes=communes.index.sort_values(), minimum=11)
    zoning = Zoning.from_labels(labels, communes=communes)
    path = tmp_path / "region.html"
    maps.territory_map(zoning, agreement=concordance(poles), poles=poles).save(path)
    assert path.stat().st_size < 2_200_000
    with opened(browser, path, width=1024, height=768) as found:
        ready(found)
        assert found.page.evaluate("performance.now()") < 5_000  # under 1 s on a quiet machine
        assert len(fills(found)) == 1_756
        choose(found, "Concordance des pôles")
        assert any(fill.startswith("url(#") for fill in fills(found))
        search(found, "orleans")
        assert "Orléans" in found.page.inner_text(".tm-results")
        search(found, "villefrancoeur")
        found.page.keyboard.press("Enter")
        assert "Villefrancœur" in found.page.inner_text(".tm-pinned")
        assert found.requests == []
        assert found.errors == []
