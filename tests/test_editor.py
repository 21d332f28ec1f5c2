"""The map of the workshop: its tools, its figures and its keys, in a real browser off line."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from browser import opened, settled, started, still
from workshops import drawn_payload

from territories import workshop
from territories._words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Opened
    from playwright.sync_api import Browser, Page

GROUPS = ("map.", "class.", "agreement.", "editor.", "error.revision_")
# Communes are numbered by rows from 0; 22 is in no territory.
PICTURE = """
    |AAABBB|
    |AAABBB|
    |AACCBB|
    |CCDD.B|
"""
COUNT = 24
APP = "window.territoriesWorkshop"
POINT = f"""(commune) => {{
    const {{ stage, shell }} = {APP};
    const [x, y] = stage.centres[commune].point;
    const at = stage.map.latLngToContainerPoint([y / 1e5, x / 1e5]);
    const box = shell.map.getBoundingClientRect();
    return [box.left + at.x, box.top + at.y];
}}"""


def payload(language: str = "fr", **more: Any) -> dict[str, Any]:
    """Return a drawn layer with flows, backgrounds and an outline."""
    which = 0 if language == "fr" else 1
    flows = {
        "start": list(range(COUNT + 1)),
        "to": [*range(1, COUNT), -1],
        "patients": [80] * COUNT,
        "rest_low": [2] * COUNT,
        "rest_high": [20] * COUNT,
        "outside": ["Paris"],
    }
    given = {
        "words": {key: said[which] for key, said in WORDS.items() if key.startswith(GROUPS)},
        "title": "Atelier d’essai",
        "note": "Données simulées",
        "threshold": 11,
        "settings": {
            "overlaps": True,
            "public": False,
            "bounds": [40_000, 80_000, 175_000],
            "limited": [],
        },
        "departments": ["45"] * 12 + ["41"] * 12,
        "names": ["L’Île-d’Œuf"] + [f"Commune {k}" for k in range(1, COUNT)],
        "places": [],
        "activities": [],
        "flows": flows,
        "outlines": [
            {"name": "Départements", "zone": [0] * 12 + [1] * 12, "zones": ["45", "41"]},
            {"name": "EPCI", "zone": [k % 6 // 3 for k in range(COUNT)], "zones": ["Ouest", "Est"]},
        ],
        "backgrounds": {
            "density": [None, *(20.0 * k for k in range(1, COUNT))],
            "physicians": [None, -1, 0, *(4.0 * k for k in range(3, COUNT))],
        },
        **more,
    }
    return drawn_payload(PICTURE, **given) | {"language": language}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@contextlib.contextmanager
def shown(
    browser: Browser, folder: Path, *, width: int = 1280, height: int = 800, **more: Any
) -> Iterator[Opened]:
    """Open the workshop; it may ask for nothing and say no error."""
    path = folder / "atelier.html"
    path.write_text(workshop.workshop_page(payload(**more)), encoding="utf-8")
    with opened(browser, path, width=width, height=height) as found:
        found.page.wait_for_selector("[data-ready=true][data-lines=true]")
        settled(found.page)
        yield found
        assert found.requests == []
        # That these tests read the canvas is slow, as the browser says.
        assert [each for each in found.errors if not each.startswith("Canvas2D")] == []


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    with shown(browser, tmp_path) as found:
        yield found.page


def point(page: Page, commune: int) -> tuple[float, float]:
    settled(page)  # the choice of a territory or of a tool may leave another size to the map
    x, y = page.evaluate(POINT, commune)
    return x, y


def click(page: Page, commune: int, **options: Any) -> None:
    page.mouse.click(*point(page, commune), **options)


def members(page: Page, commune: int) -> list[list[Any]]:
    return page.evaluate(f"(commune) => {APP}.model.members(commune)", commune)


def main(page: Page, commune: int) -> str | None:
    return page.evaluate(f"(commune) => {APP}.model.main(commune)", commune)


def choose(page: Page, territory: str) -> None:
    page.locator(f"[data-territory={territory}] .te-row").click()


def entry(page: Page, territory: str, label: str) -> None:
    """Choose an entry of the menu of a territory."""
    page.locator(f"[data-territory={territory}] .te-more").click()
    page.get_by_role("menu").get_by_text(label, exact=True).click()


def colour(page: Page, commune: int) -> list[int]:
    """Read the map beside the middle of a commune, as it is drawn."""
    return page.evaluate(
        f"""(commune) => {{
            const {{ stage }} = {APP};
            stage.drawNow();
            const canvas = stage.map.getPane("communes").querySelector("canvas");
            const [x, y] = stage.centres[commune].point;
            const at = stage.map.latLngToLayerPoint([y / 1e5, x / 1e5]);
            const from = L.DomUtil.getPosition(canvas);
            const ratio = canvas.width / canvas.clientWidth;
            const place = [(at.x - from.x + 7) * ratio, (at.y - from.y + 9) * ratio];
            return [...canvas.getContext("2d").getImageData(...place, 1, 1).data].slice(0, 3);
        }}""",
        commune,
    )


# ---------------------------------------------------------------- the page


@pytest.mark.browser
def test_the_page_opens_with_its_territories(page: Page) -> None:
    assert page.locator(".te-rows li").count() == 4
    assert page.locator("#territories-editor").get_attribute("lang") == "fr"
    assert "3 territoires" not in page.inner_text(".te-list h2")
    assert page.inner_text(".te-hint").startswith("Pour commencer")
    assert page.inner_text(".te-note") == "Données simulées"
    assert page.inner_text(".te-whites-count") == "1 zone blanche ou enclave"
    names = page.locator(".tm-name-text").all_inner_texts()
    assert {"Pays A", "Pays B", "Pays C", "Pays D"} <= set(names)
    assert colour(page, 0) != colour(page, 3)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1920, 1080)])
def test_the_page_fits_the_projector(
    browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    with shown(browser, tmp_path, width=width, height=height) as found:
        page = found.page
        choose(page, "A")
        click(page, 3)
        size = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert size == [width, height]
        beyond = page.evaluate(
            """[...document.querySelectorAll(".te-top button, .te-bar button, .te-whites button")]
            .filter((each) => each.getBoundingClientRect().right > innerWidth).length"""
        )
        assert beyond == 0


@pytest.mark.browser
def test_the_page_speaks_english(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, tmp_path, language="en") as found:
        assert found.page.get_by_role("button", name="Explore").count() == 1
        assert found.page.inner_text(".te-target h2") == "Target territory"


# ---------------------------------------------------------------- moves


@pytest.mark.browser
def test_a_click_gives_a_commune_to_the_target(page: Page) -> None:
    before = colour(page, 3)
    choose(page, "A")
    assert page.get_by_role("button", name="Affecter").get_attribute("aria-pressed") == "true"
    click(page, 3)
    assert main(page, 3) == "A"
    assert colour(page, 3) == colour(page, 0) != before
    rows = page.locator(".te-last tbody tr")
    assert rows.count() == 2
    # A has 0, 1, 2, 6, 7, 8, 12 and 13, of 1 000 people more than its number each.
    assert re.sub(r"\s", " ", rows.nth(0).inner_text()).startswith("Pays A gagne 57 000 → 61 000")
    assert "perd" in rows.nth(1).inner_text()
    assert "Pays B" in rows.nth(1).inner_text()


@pytest.mark.browser
def test_the_panel_tells_size_and_bounds(page: Page) -> None:
    choose(page, "A")
    told = re.sub(r"\s", " ", page.inner_text(".te-target"))
    assert "57 000 habitants" in told
    assert "taille 2" in told
    assert "il manque 23 000 habitants pour la taille 3" in told
    assert "d’un seul tenant" in told
    low, high = map(int, re.search(r"Fuite entre (\d+) % et (\d+) %", told).groups())
    # All patients go to the commune that follows: 2, 8 and 13 leave A.
    assert low <= 100 * 3 / 8 <= high
    assert "petits nombres sont masqués" in told


@pytest.mark.browser
def test_bounds_that_are_shown_hold_the_share(page: Page) -> None:
    told = page.evaluate(f"{APP}.text.outward(0.306, 0.654)")
    assert [re.sub(r"\s", " ", each) for each in told] == ["30 %", "66 %"]
    # Nearest percents would be 31 and 65: in them is neither the least nor the most.
    told = page.evaluate(f"{APP}.text.outward(0.31, 1)")
    assert [re.sub(r"\s", " ", each) for each in told] == ["31 %", "100 %"]


@pytest.mark.browser
def test_exact_figures_take_the_place_of_bounds(page: Page) -> None:
    choose(page, "A")
    page.evaluate(f"{APP}.exact({{ A: {{ leakage: 0.375, li: 0.625 }} }})")
    told = re.sub(r"\s", " ", page.inner_text(".te-target"))
    assert "Fuite 38 %" in told
    assert "petits effectifs" not in told
    click(page, 3)
    assert "entre" in page.inner_text(".te-target")


@pytest.mark.browser
def test_a_stroke_is_one_step(page: Page) -> None:
    choose(page, "A")
    page.mouse.move(*point(page, 3))
    page.mouse.down()
    page.mouse.move(*point(page, 9), steps=2)
    page.mouse.up()
    assert [main(page, each) for each in (3, 9)] == ["A", "A"]
    assert len(page.evaluate(f"{APP}.model.lines().map(({{ order }}) => order)")) == 2
    page.keyboard.press("Control+z")
    assert [main(page, each) for each in (3, 9)] == ["B", "B"]
    page.keyboard.press("Control+y")
    assert [main(page, each) for each in (3, 9)] == ["A", "A"]
    page.get_by_role("button", name="Annuler", exact=True).click()
    assert main(page, 3) == "B"
    page.get_by_role("button", name="Rétablir").click()
    assert main(page, 3) == "A"


@pytest.mark.browser
def test_the_map_moves_while_painting(page: Page) -> None:
    choose(page, "A")
    where = f"{APP}.stage.map.getCenter()"
    # So small a layer would slide back to its place, sooner or later than it is read.
    page.evaluate(f"{APP}.stage.map.setMaxBounds(null); {APP}.zoomTo([9])")
    still(page, f"{APP}.stage.map")
    before = page.evaluate(where)
    page.mouse.move(700, 400)
    page.mouse.down(button="right")
    page.mouse.move(760, 430, steps=3)
    page.mouse.up(button="right")
    after = page.evaluate(where)
    assert after != before
    page.keyboard.down(" ")
    page.mouse.down()
    page.mouse.move(700, 400, steps=3)
    page.mouse.up()
    page.keyboard.up(" ")
    assert page.evaluate(where) != after
    assert page.evaluate(f"{APP}.model.lines().length") == 0


@pytest.mark.browser
def test_a_step_that_cuts_is_asked(page: Page) -> None:
    choose(page, "B")
    for commune in (2, 8, 7):
        click(page, commune)
    assert page.locator(".te-ask").is_hidden()
    click(page, 6)  # 0 and 1 are then apart from 12 and 13
    ask = page.locator(".te-ask")
    assert "Pays A" in ask.inner_text()
    page.keyboard.press("Escape")
    assert ask.is_hidden()
    assert main(page, 6) == "A"
    click(page, 6)
    page.keyboard.press("Enter")
    assert ask.is_hidden()
    assert main(page, 6) == "B"
    choose(page, "A")
    assert "2 morceaux" in page.inner_text(".te-target")
    page.locator(".te-target").get_by_text("Zoomer sur le morceau détaché").click()
    assert "Morceau détaché" in page.locator(".te-hidden[aria-live]").inner_text()


@pytest.mark.browser
def test_release_share_and_claim(page: Page) -> None:
    plain = colour(page, 3)
    page.keyboard.press("b")
    click(page, 3)
    assert members(page, 3) == []
    assert page.inner_text(".te-whites-count") == "2 zones blanches ou enclaves"
    choose(page, "A")
    page.get_by_role("button", name="Partager").click()
    click(page, 9)
    assert members(page, 9) == [["A", 0.5], ["B", 0.5]]
    parts = page.locator(".te-parts input")
    parts.nth(0).fill("1")
    parts.nth(1).fill("3")
    page.get_by_role("button", name="Appliquer les parts").click()
    assert members(page, 9) == [["B", 0.75], ["A", 0.25]]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Revendiquer", exact=False).first.click()
    click(page, 4)
    assert page.evaluate(f"{APP}.model.claims(4)") == ["A"]
    assert main(page, 4) == "B"
    click(page, 4)
    assert page.evaluate(f"{APP}.model.claims(4)") == []
    assert colour(page, 4) == plain


@pytest.mark.browser
def test_overlaps_can_be_forbidden(browser: Browser, tmp_path: Path) -> None:
    settings = {"overlaps": False, "public": False, "bounds": [40_000], "limited": []}
    with shown(browser, tmp_path, settings=settings) as found:
        assert found.page.get_by_role("button", name="Partager").is_disabled()


@pytest.mark.browser
def test_a_locked_territory_keeps_its_communes(page: Page) -> None:
    entry(page, "B", "Verrouiller")
    choose(page, "A")
    click(page, 3)
    assert main(page, 3) == "B"
    assert page.inner_text(".te-toast").startswith("Pays B est verrouillé.")
    entry(page, "B", "Déverrouiller")
    click(page, 3)
    assert main(page, 3) == "A"
    page.locator(".te-list-head button").nth(1).click()
    click(page, 4)
    assert main(page, 4) == "B"
    entry(page, "B", "Contractualisation")
    assert page.evaluate(f"{APP}.model.territory('B').status") == "contracting"
    assert page.evaluate(f"{APP}.model.territory('B').locked") is True


# ---------------------------------------------------------------- whole territories


@pytest.mark.browser
def test_territories_are_made_named_coloured_merged_and_split(page: Page) -> None:
    page.get_by_role("button", name="Nouveau").click()
    page.get_by_role("textbox").last.fill("Pays neuf")
    page.keyboard.press("Enter")
    made = page.evaluate(f"{APP}.state.target")
    assert page.evaluate(f"{APP}.nameOf({APP}.state.target)") == "Pays neuf"
    click(page, 5)
    assert main(page, 5) == made
    entry(page, "D", "Renommer…")
    page.get_by_role("textbox").last.fill("Delta")
    page.keyboard.press("Enter")
    assert page.locator("[data-territory=D] .te-row-name").inner_text() == "Delta"
    entry(page, "D", "Changer la couleur…")
    page.locator(".te-colour").nth(2).click()
    page.get_by_role("button", name="Valider").click()
    assert page.evaluate(f"{APP}.model.colourOf('D')") == "#009e73"
    entry(page, "D", "Fusionner avec…")
    page.locator("dialog select").select_option("C")
    page.get_by_role("button", name="Fusionner", exact=True).click()
    assert page.locator("[data-territory=D]").count() == 0
    assert main(page, 20) == "C"
    count = page.locator(".te-rows li").count()
    entry(page, "A", "Scinder en deux…")
    page.get_by_role("button", name="Scinder", exact=True).click()
    assert page.locator(".te-rows li").count() == count + 1
    for _ in range(6):
        page.keyboard.press("Control+z")
    assert page.locator(".te-rows li").count() == 4
    assert page.locator("[data-territory=D] .te-row-name").inner_text() == "Pays D"


# ---------------------------------------------------------------- finding and seeing


@pytest.mark.browser
@pytest.mark.parametrize("typed", ["ile d oeuf", "ÎLE-D’ŒUF", "00001"])
def test_search_takes_names_without_accents_and_codes(page: Page, typed: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    assert page.inner_text(".te-card h2").startswith("L’Île-d’Œuf")


@pytest.mark.browser
def test_the_last_view_asked_for_is_shown(page: Page) -> None:
    """While it zooms, Leaflet forgets what it is asked for."""
    page.evaluate(f"{APP}.zoomTo([0]); {APP}.zoomTo([12]); {APP}.zoomTo([23])")
    still(page, f"{APP}.stage.map")
    x, y = point(page, 23)
    assert 400 < x < 1_200
    assert 150 < y < 700


@pytest.mark.browser
def test_search_finds_a_territory_and_takes_it(page: Page) -> None:
    page.fill(".tm-search-input", "pays c")
    page.keyboard.press("Enter")
    assert page.evaluate(f"{APP}.state.target") == "C"


@pytest.mark.browser
def test_the_card_tells_where_patients_go(page: Page) -> None:
    click(page, 22)
    card = re.sub(r"\s", " ", page.inner_text(".te-card"))
    assert "Commune 22" in card
    assert "Zone blanche" in card
    # 80 of 82 to 100 patients go to the next commune.
    assert "Commune 23" in card
    assert "entre 80 % et 98 %" in card
    page.locator(".te-card summary").click()
    assert "440 hab./km²" in page.inner_text(".te-card")
    choose(page, "D")
    page.get_by_role("button", name="Donner à « Pays D »").click()
    assert main(page, 22) == "D"


@pytest.mark.browser
def test_alt_click_takes_the_territory_of_a_commune(page: Page) -> None:
    page.keyboard.down("Alt")
    click(page, 3)
    page.keyboard.up("Alt")
    assert page.evaluate(f"{APP}.state.target") == "B"
    assert page.evaluate(f"{APP}.model.lines().length") == 0


@pytest.mark.browser
def test_white_zones_are_shown_one_after_the_other(page: Page) -> None:
    page.locator(".te-whites button").click()
    assert page.evaluate(f"{APP}.state.commune") == 22
    assert "Commune 22" in page.locator(".te-hidden[aria-live]").inner_text()


@pytest.mark.browser
def test_backgrounds_and_outlines(page: Page) -> None:
    plain = colour(page, 23)
    page.get_by_role("button", name="Fond de carte").click()
    page.get_by_role("radio", name="Densité de population").check()
    assert colour(page, 23) != plain
    legend = page.locator(".te-legend")
    assert "Habitants au km²" in legend.inner_text()
    assert "non renseigné" in legend.inner_text()
    page.get_by_role("radio", name="Densité de spécialistes").check()
    assert "Moins de 6 spécialistes" in legend.inner_text()
    assert "EPCI" not in legend.inner_text()
    page.get_by_role("checkbox", name="EPCI").check()
    assert "EPCI" in legend.inner_text()
    page.get_by_role("radio", name="Territoires").check()
    assert colour(page, 23) == plain
    page.keyboard.press("Escape")
    assert page.locator(".te-drawer").is_hidden()


# ---------------------------------------------------------------- keyboard, room, paper


@pytest.mark.browser
def test_a_session_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("1")
    assert page.evaluate(f"{APP}.state.target") == "A"
    page.evaluate(f"{APP}.cursor = 2")
    page.locator(".te-stage").focus()
    page.keyboard.press("ArrowRight")
    assert "Commune 3" in page.locator(".te-hidden[aria-live]").inner_text()
    page.keyboard.press("Enter")
    assert main(page, 3) == "A"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert main(page, 9) == "A"
    page.keyboard.press("Control+z")
    assert main(page, 9) == "B"
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    assert members(page, 9) == []
    page.keyboard.press("Control+z")
    page.keyboard.press(" ")
    assert page.inner_text(".te-card h2").startswith("Commune 9")
    page.keyboard.press("g")
    page.keyboard.press("Enter")
    assert members(page, 9) == [["A", 0.5], ["B", 0.5]]
    page.keyboard.press("z")
    assert page.evaluate(f"{APP}.state.commune") == 22
    page.keyboard.press("?")
    assert page.locator(".te-help").is_visible()
    page.keyboard.press("Escape")
    page.locator(".te-help").wait_for(state="detached")


@pytest.mark.browser
def test_every_control_can_be_reached_by_tab(page: Page) -> None:
    names = set()
    for _ in range(45):
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.className"))
    text = " ".join(str(each) for each in names)
    for part in ("tm-search-input", "te-tool", "te-tab", "te-row", "te-more", "te-stage"):
        assert part in text


@pytest.mark.browser
def test_presentation_hides_figures(page: Page) -> None:
    choose(page, "A")
    click(page, 3)
    page.get_by_role("button", name="Présenter").click()
    for part in (".te-side", ".te-last", ".te-bar", ".te-hint"):
        assert page.locator(part).is_hidden()
    assert "habitants" not in page.inner_text("body")
    page.keyboard.press("Escape")
    assert page.locator(".te-side").is_visible()


@pytest.mark.browser
def test_paper_has_one_sheet_with_title_legend_and_map(page: Page) -> None:
    choose(page, "A")
    page.keyboard.press("g")
    click(page, 3)
    made = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1
    width, height = map(float, re.search(rb"MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)", made).groups())
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (420, 297)
    page.locator(".te-printing").wait_for(state="detached")
    page.evaluate(f"{APP}.paper.show()")
    assert page.locator(".te-vectors path").count() > COUNT
    fills = page.eval_on_selector_all(
        ".te-vectors path", "all => all.map((one) => one.getAttribute('fill'))"
    )
    assert any(fill.startswith("url(#") for fill in fills)
    assert "Atelier d’essai" in page.inner_text(".te-paper")
    assert "imprimé le" in page.inner_text(".te-paper")
    assert "Commune partagée" in page.inner_text(".te-legend")
    page.evaluate(f"{APP}.paper.leave()")
    assert page.locator(".te-vectors").count() == 0


# ---------------------------------------------------------------- what the page takes


@pytest.mark.browser
def test_a_public_copy_cannot_be_changed(browser: Browser, tmp_path: Path) -> None:
    settings = {"overlaps": True, "public": True, "bounds": [40_000], "limited": []}
    with shown(browser, tmp_path, settings=settings, flows=None) as found:
        page = found.page
        assert page.locator(".te-tool").count() == 0
        choose(page, "A")
        click(page, 3)
        page.keyboard.press("Control+z")
        assert main(page, 3) == "B"
        assert page.locator(".te-card-actions").count() == 0


@pytest.mark.browser
def test_what_python_does_is_not_sent_back(page: Page) -> None:
    page.evaluate(f"window.told = []; {APP}.onStep = (step) => window.told.push(step); 0")
    page.evaluate(f"{APP}.remote([{{ action: 'move', code: '00004', target: 'A' }}])")
    assert main(page, 3) == "A"
    assert page.evaluate("window.told") == []
    choose(page, "A")
    click(page, 4)
    [told] = page.evaluate("window.told")
    assert [line["code"] for line in told["lines"]] == ["00005"]


@pytest.mark.browser
def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    bad = "<img src=x onerror=window.__xss=1>$& {name}"
    names = [bad] * COUNT
    with shown(browser, tmp_path, names=names, title=bad, note=bad) as found:
        page = found.page
        entry(page, "A", "Renommer…")
        page.get_by_role("textbox").last.fill(bad)
        page.keyboard.press("Enter")
        choose(page, "A")
        click(page, 3)
        page.keyboard.press("v")
        click(page, 3)
        assert bad in page.inner_text(".te-card")
        assert bad in page.inner_text(".te-last")
        assert page.evaluate("window.__xss") is None


@pytest.mark.browser
def test_the_first_line_says_how_to_begin(page: Page) -> None:
    hint = page.locator(".te-hint")
    told = re.sub(r"\s", " ", hint.inner_text())
    assert told.startswith("Pour commencer : choisissez un territoire à gauche, puis cliquez")
    choose(page, "A")
    assert "Pays A" in hint.inner_text()
    page.evaluate(f"{APP}.tool('explore')")
    assert "outil Affecter" in hint.inner_text()


@pytest.mark.browser
def test_the_layout_follows_the_place_it_has(page: Page) -> None:
    keys = page.locator(".te-tool kbd").first
    page.set_viewport_size({"width": 1600, "height": 1000})
    assert keys.is_visible()
    wide = page.locator(".te-side").bounding_box()["width"]
    page.evaluate("document.body.style.width = '800px'")
    assert not keys.is_visible()
    assert page.locator(".te-side").bounding_box()["width"] < wide
    for button in page.locator(".te-bar button").all():
        assert button.bounding_box()["x"] + button.bounding_box()["width"] <= 800


@pytest.mark.browser
def test_the_colours_of_neighbours_are_marked(page: Page) -> None:
    page.locator("[data-territory=A] .te-more").click()
    assert page.locator(".te-menu-title").inner_text() == "Pays A"
    page.get_by_role("menuitem", name="Changer la couleur").click()
    names = page.evaluate(
        f"{APP}.data.palette.map((each) => {APP}.model.territories()"
        ".filter(({ id, colour }) => id !== 'A' && colour === each).map(({ name }) => name)[0])"
    )
    near = {"Pays B", "Pays C"}
    for place, label in enumerate(page.locator(".te-colour").all()):
        marked = label.locator(".te-chip-near").count() == 1
        assert marked == (names[place] in near)


@pytest.mark.browser
def test_a_part_that_is_split_off_is_named(page: Page) -> None:
    page.locator("[data-territory=A] .te-more").click()
    page.get_by_role("menuitem", name="Scinder en deux").click()
    dialog = page.locator("dialog[open]")
    proposed = dialog.get_by_label("Nom du nouveau territoire").input_value()
    assert dialog.locator("option:checked").inner_text().startswith(proposed)
    dialog.get_by_label("Nom du nouveau territoire").fill("Pays neuf")
    dialog.get_by_role("button", name="Scinder").click()
    page.locator(".te-row-name", has_text="Pays neuf").wait_for()
    # There was nothing before: only what it is now is told.
    last = page.locator(".te-last tbody tr", has_text="Pays neuf")
    assert "→" not in last.locator("td").nth(2).inner_text()


@pytest.mark.browser
def test_the_card_of_another_commune_leaves_the_brush(page: Page) -> None:
    page.evaluate(f"{APP}.select(17)")
    assert page.locator(".te-card").is_visible()
    choose(page, "A")
    click(page, 3)
    assert not page.locator(".te-card").is_visible()
