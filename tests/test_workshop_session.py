"""A whole session in the page of a run, by its own buttons; then its log through the command."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from browser import comes, opened, started, still
from layers import as_options
from test_model_replay import same_state

import territories as tt
from territories.aci import aci_measures
from territories.form import white_zones
from territories.zoning import shown_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser import Opened
    from playwright.sync_api import Browser, Locator, Page

DATA = Path(__file__).parents[1] / "data"
DRIVER = Path(__file__).with_name("random_steps.js")
APP = "window.territoriesWorkshop"
MODEL = f"{APP}.model"
PANELS = {"log": "Journal des décisions", "files": "Fichiers", "status": "Statuts"}
POINT = f"""(commune) => {{
    const {{ stage, shell }} = {APP};
    const [x, y] = stage.centres[commune].point;
    const at = stage.map.latLngToContainerPoint([y / 1e5, x / 1e5]);
    const box = shell.map.getBoundingClientRect();
    return [box.left + at.x, box.top + at.y];
}}"""
STATE = f"""() => {{
{DRIVER.read_text(encoding="utf-8")}
    window.modelState = modelState;
}}"""
# Communes at the border of two territories that may pass from one to the other without a cut.
PASSING = f"""([wanted, skip]) => {{
    const {{ model, data }} = {APP};
    const area = data.shapes.map((_, k) => {APP}.stage.centres[k].area);
    const found = [];
    for (let k = 0; k < data.pairs.length; k += 1) {{
        const [one, other] = [data.pairs[k], data.pairs[k ^ 1]];
        const [own, target] = [model.main(one), model.main(other)];
        if (skip.includes(one) || own === null || target === null || own === target) continue;
        if (model.members(one).length > 1 || model.claims(one).length) continue;
        if (wanted && target !== wanted) continue;
        const [x, y] = {APP}.stage.centres[one].point;
        if ({APP}.stage.communeAt(L.latLng(y / 1e5, x / 1e5)) !== one) continue;
        const line = {{ action: "move", code: data.codes[one], target }};
        const {{ faults, cuts }} = model.check([line]);
        if (!faults.length && !cuts.length) found.push([area[one], one, own, target]);
    }}
    return found.sort((a, b) => b[0] - a[0] || a[1] - b[1])[0].slice(1);
}}"""


@dataclass
class World:
    """A region: its files, and its options."""

    files: dict[str, Path]
    territories: int
    communes: Any = None
    options: list[object] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(params=["fiction", "cvl"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fiction":
        names = {"flows": "specialists.csv", "hospital": "hospital.csv", "sites": "sites.csv"}
        names |= {"pmsi_codes": "pmsi_codes.csv", "bridges": "bridges.csv"}
        files = {"communes": DATA / "communes.geojson"}
        return World(files | {role: DATA / name for role, name in names.items()}, 12)
    place = request.getfixturevalue("cvl")
    files = {"communes": place / "communes_cvl_2024.geojson", "flows": place / "specialists.csv"}
    return World(files, 24)


# ---------------------------------------------------------------- hands


def point(page: Page, commune: int) -> tuple[float, float]:
    x, y = page.evaluate(POINT, commune)
    return x, y


def seen(page: Page, commune: int) -> tuple[float, float]:
    """Bring a commune into sight; return where it is once the map stands still."""
    page.evaluate(f"(commune) => {APP}.zoomTo([commune])", commune)
    still(page, f"{APP}.stage.map")
    return point(page, commune)


def click(page: Page, commune: int) -> None:
    """Bring a commune into sight, and press on it."""
    page.mouse.click(*seen(page, commune))


def choose(page: Page, territory: str) -> None:
    page.locator(f'[data-territory="{territory}"] .te-row').click()


def entry(page: Page, territory: str, label: str) -> None:
    page.locator(f'[data-territory="{territory}"] .te-more').click()
    page.get_by_role("menu").get_by_text(label, exact=True).click()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def panel(page: Page, name: str) -> Locator:
    page.locator(f'.te-tab[title^="{PANELS[name]}"]').click()
    found = page.locator(f'dialog[data-panel="{name}"]')
    found.wait_for()
    return found


def passing(page: Page, wanted: str | None = None, skip: tuple[int, ...] = ()) -> Any:
    return page.evaluate(PASSING, [wanted, list(skip)])


def members(page: Page, commune: int) -> list[list[Any]]:
    return page.evaluate(f"(commune) => {MODEL}.members(commune)", commune)


def main(page: Page, commune: int) -> str | None:
    return page.evaluate(f"(commune) => {MODEL}.main(commune)", commune)


def saved(page: Page, press: Locator, folder: Path) -> Path:
    with page.expect_download() as found:
        press.click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def give(page: Page, name: str, content: bytes) -> Locator:
    """Choose a file; return the panel."""
    shown = panel(page, "files")
    given = {"name": name, "mimeType": "text/csv", "buffer": content}
    page.locator("#tw-file").set_input_files(given)
    return shown


def taken(page: Page, name: str, content: bytes, *, after: bool = False) -> None:
    """Import a file, whole."""
    shown = give(page, name, content)
    preview = shown.locator(".tw-preview")
    preview.wait_for()
    if after:
        shown.get_by_label("À la suite des décisions déjà prises").check()
    shown.get_by_role("button", name="Appliquer", exact=True).click()
    preview.wait_for(state="detached")
    page.keyboard.press("Escape")


# ---------------------------------------------------------------- the session


def finds(page: Page) -> None:
    """Search a commune as people type."""
    name = page.evaluate(f"{APP}.data.names[5]")
    page.keyboard.press("/")
    page.keyboard.type(name.upper().replace("-", " "))
    page.keyboard.press("Enter")
    page.locator(".te-card h2").wait_for()
    assert page.inner_text(".te-card h2").startswith(name)
    page.keyboard.press("Escape")


def moves(page: Page) -> tuple[int, str, str]:
    """Move, paint, undo and redo."""
    commune, own, target = passing(page)
    choose(page, target)
    click(page, commune)
    assert main(page, commune) == target
    assert page.locator(".te-last tbody tr").count() == 2
    one, _, _ = passing(page, target, (commune,))
    x, y = seen(page, one)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 2, y + 2, steps=2)
    page.mouse.up()
    assert main(page, one) == target
    button(page, "Annuler").click()
    assert main(page, one) != target
    button(page, "Annuler").click()
    assert main(page, commune) == own
    button(page, "Rétablir").click()
    button(page, "Rétablir").click()
    assert [main(page, each) for each in (commune, one)] == [target, target]
    return commune, own, target


def shares(page: Page) -> None:
    """Share, claim and release."""
    commune, own, target = passing(page)
    choose(page, target)
    page.get_by_role("button", name="Partager").click()
    click(page, commune)
    assert sorted(each for each, _ in members(page, commune)) == sorted([own, target])
    parts = page.locator(".te-parts input")
    parts.nth(0).fill("2")
    parts.nth(1).fill("1")
    button(page, "Appliquer les parts").click()
    assert members(page, commune)[0][1] == 2 / 3
    page.keyboard.press("Escape")
    commune, own, target = passing(page)
    choose(page, target)
    page.get_by_role("button", name="Revendiquer", exact=False).first.click()
    click(page, commune)
    assert page.evaluate(f"(commune) => {MODEL}.claims(commune)", commune) == [target]
    page.keyboard.press("Escape")
    commune, _, _ = passing(page, None, (commune,))
    page.get_by_role("button", name="Libérer", exact=False).first.click()
    click(page, commune)
    assert members(page, commune) == []
    page.keyboard.press("Escape")


def locks(page: Page) -> None:
    """Lock a territory, by hand and by its status."""
    commune, own, target = passing(page)
    entry(page, own, "Verrouiller")
    choose(page, target)
    click(page, commune)
    assert main(page, commune) == own
    assert "verrouillé" in page.inner_text(".te-toast")
    entry(page, own, "Contractualisation")
    assert page.evaluate(f"(id) => {MODEL}.territory(id).locked", own)


def merges(page: Page) -> None:
    """Make a territory, name it, split one, merge two."""
    button(page, "Nouveau").click()
    page.get_by_role("textbox").last.fill("Pays neuf")
    page.keyboard.press("Enter")
    made = page.evaluate(f"{APP}.state.target")
    commune, _, _ = passing(page)
    click(page, commune)
    assert main(page, commune) == made
    own, other = page.evaluate(
        f"""() => {{
            const {{ model }} = {APP};
            const free = model.territories().filter(({{ locked, empty }}) => !locked && !empty);
            for (const {{ id: one }} of free) for (const {{ id: two }} of free) {{
                const lines = [{{ action: "merge", territory: one, target: two }}];
                const {{ faults, cuts }} = model.check(lines);
                if (one !== two && !faults.length && !cuts.length) return [one, two];
            }}
        }}"""
    )
    entry(page, own, "Fusionner avec…")
    page.locator("dialog select").select_option(other)
    button(page, "Fusionner").click()
    assert page.locator(f'[data-territory="{own}"]').count() == 0
    entry(page, other, "Renommer…")
    page.get_by_role("textbox").last.fill("Grand pays d’Œuf")
    page.keyboard.press("Enter")
    count = page.locator(".te-rows li").count()
    entry(page, other, "Scinder en deux…")
    button(page, "Scinder").click()
    assert page.locator(".te-rows li").count() == count + 1


def files_go_in_and_out(page: Page, folder: Path) -> None:
    """Export, then import what was exported, in the codings of spreadsheets, and broken files."""
    shown = panel(page, "files")
    table = saved(page, shown.get_by_role("button", name="Communes et territoires"), folder)
    page.keyboard.press("Escape")
    text = table.read_text(encoding="utf-8-sig")
    listed = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    commune, own, target = passing(page)
    code = page.evaluate(f"{APP}.data.codes[{commune}]")
    name = next(row["nom"] for row in listed if row["code"] == code)
    part = f"code;nom;territoire\r\n{code};{name} (été);{target}\r\n99999;nulle part;{target}\r\n"
    before = len(page.evaluate(f"{MODEL}.lines()"))
    for content in (b"", b"\x89PNG\r\n\x00\x00", b'action;cible\n"deplacer;A\n', b"bonjour"):
        shown = give(page, "abime.csv", content)
        shown.locator(".tw-bad:not(:empty), .tw-preview tbody tr").first.wait_for()
        page.keyboard.press("Escape")
    assert len(page.evaluate(f"{MODEL}.lines()")) == before
    taken(page, "partiel.csv", part.encode("cp1252"))
    assert main(page, commune) == target
    back = f"ordre;action;commune;cible;auteur;motif\n1;déplacer;{code};{own};Dr Ève;retour\n"
    for coding in ("utf-8", "cp1252"):
        taken(page, "retour.csv", back.encode(coding), after=True)
        assert main(page, commune) == own
        button(page, "Annuler").click()
    button(page, "Rétablir").click()


def undone_by_line(page: Page) -> None:
    """Undo the first decision by its line."""
    shown = panel(page, "log")
    shown.get_by_label("Décidé par").fill("Dr Ève Œillet")
    shown.get_by_role("button", name="Annuler la décision 1", exact=True).click()
    page.get_by_label("Motif de l’annulation").fill("=erreur ; de saisie")
    button(page, "Annuler cette décision").click()
    shown.get_by_text("La décision 1 est annulée ;", exact=False).wait_for()
    page.keyboard.press("Escape")


def is_kept(page: Page) -> None:
    """Close and open again: the browser has kept the draft."""
    page.evaluate(STATE)
    before = page.evaluate(f"JSON.stringify(modelState({MODEL}))")
    kept = f"JSON.parse(localStorage.getItem(`territories:${{{APP}.data.id}}`))?.state"
    comes(page, f"JSON.stringify({kept}) === JSON.stringify({MODEL}.save())", True)
    page.reload()
    button(page, "Reprendre").click()
    page.locator("dialog.tw-ask").wait_for(state="detached")
    page.evaluate(STATE)
    assert page.evaluate(f"JSON.stringify(modelState({MODEL}))") == before


def printed(page: Page) -> None:
    """Print one sheet of A3."""
    made = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1
    width, height = map(float, re.search(rb"MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)", made).groups())
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (420, 297)


def percents(told: str, label: str) -> tuple[float, float]:
    """Read bounds from the text of the page."""
    plain = re.sub(r"\s", " ", told)
    found = re.search(rf"{label} ?(?:entre (\d+) % et (\d+) %|(?:environ |≈ ?)?(\d+) %)", plain)
    assert found, plain
    low, high, about = found.groups()
    return (float(low), float(high)) if low else (float(about) - 0.5, float(about) + 0.5)


def told_on_the_page(page: Page, state: dict[str, Any]) -> dict[str, str]:
    """Read the panel of each territory."""
    told = {}
    for each in state["territories"]:
        choose(page, each["id"])
        told[each["id"]] = page.inner_text(".te-target")
    return told


def session(found: Opened, folder: Path) -> tuple[dict[str, Any], dict[str, str], Path]:
    """Hold the whole session; return the model's state, what is told, and the log."""
    page = found.page
    finds(page)
    moves(page)
    shares(page)
    locks(page)
    merges(page)
    files_go_in_and_out(page, folder)
    undone_by_line(page)
    is_kept(page)
    printed(page)
    log = saved(page, panel(page, "files").get_by_role("button", name=PANELS["log"]), folder)
    page.keyboard.press("Escape")
    assert re.fullmatch(r"journal_[a-z0-9-]+_\d{4}-\d\d-\d\d(_de-[a-z0-9-]+)?\.csv", log.name)
    state = page.evaluate(f"modelState({MODEL})")
    return state, told_on_the_page(page, state), log


@pytest.mark.browser
def test_a_session_is_applied_to_the_digit(
    browser: Browser, tmp_path: Path, cli: Callable, world: World
) -> None:
    one, two, page = tmp_path / "un", tmp_path / "deux", tmp_path / "atelier.html"
    given = as_options(world.files)
    options = ["--territories", world.territories, "--runs", 0, "--out", one]
    assert cli("run", *given, *options).code == 0
    heard = cli("edit", one, *given, "--out", page)
    assert heard.code == 0, heard.err
    with opened(browser, page, width=1280, height=900) as found:
        found.page.wait_for_selector("[data-ready=true][data-lines=true]")
        state, told, log = session(found, tmp_path)
        data = found.page.evaluate(f"{APP}.data")
        shown = panel(found.page, "files")
        listed = saved(
            found.page, shown.get_by_role("button", name="Communes et territoires"), tmp_path
        )
        assert found.errors == []
        assert [each for each in found.requests if not each.startswith("blob:")] == []
    heard = cli("apply", one, log, *given, "--skip", "--out", two)
    assert heard.code == 0, heard.err

    communes = tt.read_communes(world.files["communes"])
    draft = tt.read_draft(two, communes)
    bridges = world.files.get("bridges")
    pairs = tt.contiguity(communes, bridges=tt.read_bridges(bridges) if bridges else None)
    draft = tt.Zoning(**{**vars_of(draft), "pairs": pairs})
    same_state(draft, state, data)
    the_files_say_the_same(two, draft, state, data)
    # The list of communes alone puts them where the log does.
    three = tmp_path / "trois"
    heard = cli("apply", one, listed, *given, "--force", "--skip", "--out", three)
    assert heard.code == 0, heard.err
    rows = ["code", "territory", "weight"]
    other = tt.read_draft(three, communes).membership[rows]
    pd.testing.assert_frame_equal(other, draft.membership[rows])
    flows = tt.read_flows(world.files["flows"], communes=communes).located()
    measures = tt.evaluate(draft, flows)
    for territory, row in measures.iterrows():
        for column, label in (("leakage", "Fuite"), ("li", "Sur place")):
            if pd.isna(row[column]):
                continue
            low, high = percents(told[territory], label)
            assert low - 1e-6 <= 100 * row[column] <= high + 1e-6, (territory, label)


def vars_of(zoning: tt.Zoning) -> dict[str, Any]:
    from dataclasses import fields  # noqa: PLC0415

    return {each.name: getattr(zoning, each.name) for each in fields(zoning) if each.init}


def the_files_say_the_same(
    folder: Path, draft: tt.Zoning, state: dict[str, Any], data: dict[str, Any]
) -> None:
    """Compare the tables and the draft of the folder with the page."""
    read = {
        "sep": ";",
        "decimal": ",",
        "encoding": "utf-8-sig",
        "dtype": {"code": str, "territoire": str},
    }
    table = pd.read_csv(folder / "communes.csv", **read).set_index("code")
    labels = {
        code: members[0][0] if members else None
        for code, members in zip(data["codes"], state["members"], strict=True)
    }
    own = table["territoire"]
    assert {code: each if isinstance(each, str) else None for code, each in own.items()} == labels
    areas = pd.read_csv(folder / "territories.csv", **{**read, "dtype": {"territoire": str}})
    areas = areas.set_index("territoire")
    for each in state["territories"]:
        page = state["figures"][each["id"]]
        if each["empty"]:
            assert each["id"] not in areas.index
            continue
        assert areas.loc[each["id"], "nom"] == each["name"]
        assert areas.loc[each["id"], "population"] == page["population"]
        assert areas.loc[each["id"], "communes"] == page["communes"]
        assert areas.loc[each["id"], "taille_aci"] == page["size"]
    record = json.loads((folder / "draft.json").read_text(encoding="utf-8"))
    assert {each["id"]: each["name"] for each in record["territories"]} == {
        each["id"]: each["name"] for each in state["territories"]
    }
    for code, members in zip(data["codes"], state["members"], strict=True):
        assert record["membership"][code] == dict(members)
    assert shown_names(draft, draft.names) == {
        each["id"]: each["name"] for each in state["territories"]
    }
    assert len(white_zones(draft)) == len(state["white"])
    assert len(aci_measures(draft.territories["population"])) == len(areas)
