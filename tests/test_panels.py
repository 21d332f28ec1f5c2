"""Panels of the workshop, driven in a real browser with the network off."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import comes, opened, settled, started, worked
from workshops import drawn_payload

from territories import workshop
from territories._words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser import Opened
    from playwright.sync_api import Browser, Download, Locator, Page

HOSTILE = {
    "script": "</script><script>window.__xss=1</script>",
    "image": "<img src=x onerror=window.__xss=1>",
    "literal": "`+(window.__xss=1)+`${window.__xss=1}",
    "quotes": "\"'+(window.__xss=1)+'\\",
    "comment": "<!--<script>",
    "separators": "a\u2028b\u2029c",
    "replacement": "$& $1 {count} {name}",
    "long": "É" * 20_000,
    "javascript": "javascript:window.__xss=1",
    "formula": "=HYPERLINK(1)",
}
MODULES = (
    *("dialogs", "journal", "files", "scenarios", "twin", "claims", "table", "keeper"),
    *("publish", "panels"),
)
GROUPS = ("map.", "class.", "agreement.", "white.", "editor.", "error.revision_")
# A and B share a long border; D is far from A; one commune is in no territory.
PICTURE = """
    |AAABBB|
    |AAABBB|
    |AACCBB|
    |CCDD.B|
"""
PANELS = {
    "log": "Journal des décisions",
    "files": "Fichiers",
    "scenarios": "Scénarios",
    "status": "Statuts, verrous, copie publique",
    "claims": "Communes revendiquées",
    "table": "Tableau des communes",
}
ROW = "window.territoriesWorkshop.model"


def payload(*, picture: str = PICTURE, **more: Any) -> dict[str, Any]:
    """Return the drawn layer with flows (77 777 patients, so that they are found in a source)."""
    count = 24
    flows = {
        "start": list(range(count + 1)),
        "to": [(k + 1) % count for k in range(count)],
        "patients": [77_777] * count,
        "rest_low": [0] * count,
        "rest_high": [10] * count,
        "outside": [],
    }
    return drawn_payload(
        picture,
        **{
            "words": {key: said[0] for key, said in WORDS.items() if key.startswith(GROUPS)},
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
            "names": [f"Commune {k + 1}" for k in range(count - 1)] + ["L’Île-d’Œuf"],
            "places": [],
            "activities": [],
            "concordance": None,
            "hospital": None,
            "stability": None,
            "outlines": [],
            "backgrounds": {"density": None, "physicians": [-1] + [0] * 22 + [12.5]},
            "flows": flows,
            **more,
        },
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@contextmanager
def workshop_of(
    browser: Browser, folder: Path, *, before: str = "", **more: Any
) -> Iterator[Opened]:
    """Open the page of a drawn layer; at the end it has asked for nothing and said no error."""
    path = folder / "editor.html"
    path.write_text(workshop.workshop_page(payload(**more)), encoding="utf-8")
    with page_of(browser, path, before=before) as found:
        yield found


@contextmanager
def page_of(browser: Browser, path: Path, *, before: str = "") -> Iterator[Opened]:
    with opened(browser, path, width=1024, height=768) as found:
        if before:
            found.page.add_init_script(before)
            found.page.reload()
        ready(found.page)
        settled(found.page)
        yield found
        assert found.errors == []
        # What is saved goes through an address within the page.
        assert [each for each in found.requests if not each.startswith("blob:")] == []
        assert found.page.evaluate("window.__xss") is None


def ready(page: Page) -> None:
    page.wait_for_selector("#territories-editor[data-ready=true]")


def panel(page: Page, name: str) -> Locator:
    """Open a panel by its tab."""
    page.locator(f'.te-tab[title="{PANELS[name]}"]').click()
    found = page.locator(f'dialog[data-panel="{name}"]')
    found.wait_for()
    return found


def step(page: Page, *lines: dict[str, Any], author: str = "Dr Ève", force: bool = False) -> None:
    about = {"author": author, "reason": "séance", "date": "2026-11-22T20:14:00", "force": force}
    assert page.evaluate(f"([lines, about]) => {ROW}.step(lines, about).ok", [lines, about])


def move(code: str, target: str) -> dict[str, Any]:
    return {"action": "move", "code": code, "target": target}


def members(page: Page, code: str) -> list[list[Any]]:
    return page.evaluate(f"(code) => {ROW}.members({ROW}.communeOf(code))", code)


def claims(page: Page, code: str) -> list[str]:
    return page.evaluate(f"(code) => {ROW}.claims({ROW}.communeOf(code))", code)


def lines(page: Page) -> list[dict[str, Any]]:
    return page.evaluate(f"{ROW}.lines()")


def saved(page: Page, press: Locator) -> Download:
    with page.expect_download() as found:
        press.click()
    return found.value


def read(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def rows(content: bytes) -> list[dict[str, str]]:
    text = content.decode("utf-8-sig")
    assert text.count("\n") == text.count("\r\n") > 0
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


def give(page: Page, name: str, content: bytes) -> Locator:
    """Choose a file; return what the panel shows of it."""
    files = panel(page, "files")
    given = {"name": name, "mimeType": "text/csv", "buffer": content}
    page.locator("#tw-file").set_input_files(given)
    return files


# ---------------------------------------------------------------- words


def test_panels_say_what_the_table_of_words_has() -> None:
    folder = Path(workshop.__file__).parent / "webmap"
    text = "".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    said = set(re.findall(r"editor\.([a-z_]+)(?=[\"`])", text))
    assert len(said) > 100
    assert {f"editor.{key}" for key in said} - set(WORDS) == set()
    # Two modules are joined into one script: their names must not meet.
    names = re.findall(r"^(?:export )?(?:async )?(?:function|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_takes_the_focus_and_gives_it_back(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = panel(page, name)
        assert shown.evaluate("each => each.contains(document.activeElement)")
        assert shown.get_attribute("aria-labelledby")
        for _ in range(4):  # letters are for the panel, not for the tools of the map
            page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        shown.wait_for(state="hidden")
        focused = "document.activeElement.getAttribute('title')"
        assert page.evaluate(focused) == PANELS[name]


@pytest.mark.parametrize("width", [1024, 1920])
def test_panels_fit_the_projector(browser: Browser, tmp_path: Path, width: int) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        page.set_viewport_size({"width": width, "height": 768 if width == 1024 else 1080})
        step(page, move("00004", "A"))
        step(page, {"action": "claim", "code": "00003", "target": "B"})
        for name in PANELS:
            shown = panel(page, name)
            box = shown.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            body = shown.locator(".tw-body")
            assert body.evaluate("each => each.scrollWidth <= each.clientWidth"), name
            page.keyboard.press("Escape")


# ---------------------------------------------------------------- log


def test_the_log_says_what_was_decided_by_whom_and_why(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = panel(page, "log")
        shown.get_by_label("Décidé par").fill("Dr Ève Œillet")
        shown.get_by_label("Motif").fill("=1+1; trajet")
        page.keyboard.press("Escape")
        table = panel(page, "table")
        table.get_by_label("Territoire de Commune 4", exact=True).select_option("A")
        table.get_by_text("Commune 4 : Pays A.", exact=False).first.wait_for()
        page.keyboard.press("Escape")
        step(page, move("00010", "A"), move("00005", "A"), {"action": "release", "code": "00023"})
        shown = panel(page, "log")
        told = shown.locator("tbody tr")
        assert told.count() == 2
        last = told.nth(1).locator("td").all_inner_texts()
        assert last[:2] == ["1", "Commune 4 passe à Pays A"]
        assert last[2] == "Dr Ève Œillet"
        assert last[4:6] == ["=1+1; trajet", "Appliquée"]
        assert re.search(r"\d\d/\d\d/\d{4} \d\d:\d\d", last[3])
        assert "Commune 10 et Commune 5 passent à Pays A" in told.nth(0).inner_text()
        page.keyboard.press("Escape")
        files = panel(page, "files")
        log = saved(page, files.get_by_role("button", name="Journal des décisions (CSV)"))
        assert re.fullmatch(
            r"journal_brouillon-2_\d{4}-\d\d-\d\d_de-brouillon\.csv", log.suggested_filename
        )
        content = rows(read(log))
        assert [each["action"] for each in content] == ["déplacer"] * 3
        assert content[0]["auteur"] == "Dr Ève Œillet"
        assert content[0]["motif"] == "'=1+1; trajet"


def test_a_decision_is_undone_by_its_line(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        step(page, move("00004", "A"))
        step(page, move("00010", "A"))
        shown = panel(page, "log")
        shown.get_by_role("button", name="Annuler la décision 1").click()
        page.get_by_label("Motif de l’annulation").fill("erreur de saisie")
        page.get_by_role("button", name="Annuler cette décision").click()
        shown.get_by_text("La décision 1 est annulée ; l’annulation", exact=False).wait_for()
        assert members(page, "00004") == [["B", 1]]
        assert members(page, "00010") == [["A", 1]]
        results = shown.locator("tbody tr td:nth-child(6)").all_inner_texts()
        assert results == ["Appliquée", "Appliquée", "Annulée"]
        told = lines(page)[-1]
        assert (told["action"], told["target"], told["reason"]) == ("undo", "1", "erreur de saisie")
        # Giving up changes nothing.
        shown.get_by_role("button", name="Annuler la décision 2").click()
        page.keyboard.press("Escape")
        page.locator("dialog.tw-ask").wait_for(state="detached")
        assert len(lines(page)) == 3
        assert shown.is_visible()


# ---------------------------------------------------------------- files

LOG = (
    "Ordre;Action;Commune;Nom;Territoire;Cible;Parts;Auteur;Date;Motif;Force\n"
    "1;déplacer;00004;;;A;;Dr Ève;2026-11-20;proximité;\n"
    "2;déplacer;99999;;;A;;Dr Ève;2026-11-20;;\n"
    "\n"
    "3;partager;00009;;;A|B;2|1;Dr Ève;2026-11-20;;\n"
    "4;inventer;00009;;;A;;Dr Ève;2026-11-20;;\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_log_is_shown_before_it_is_applied(
    browser: Browser, tmp_path: Path, encoding: str
) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = give(page, "séance.csv", LOG.encode(encoding))
        preview = shown.locator(".tw-preview")
        preview.wait_for()
        assert "4 lignes lues · 2 s’appliquent · 2 rejetées" in preview.inner_text()
        rejected = [
            each.all_inner_texts() for each in map(_cells, preview.locator("tbody tr").all())
        ]
        assert [each[0] for each in rejected] == ["3", "6"]
        assert "99999" in rejected[0][1]
        assert lines(page) == []
        shown.get_by_role("button", name="Appliquer", exact=True).click()
        preview.wait_for(state="detached")
        assert members(page, "00004") == [["A", 1]]
        assert [each for each, _ in members(page, "00009")] == ["A", "B"]
        assert lines(page)[0]["author"] == "Dr Ève"
        assert lines(page)[0]["reason"] == "proximité"


def _cells(row: Locator) -> Locator:
    return row.locator("td")


def test_a_log_can_be_left_unapplied_or_follow_what_was_decided(
    browser: Browser, tmp_path: Path
) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        step(page, move("00010", "A"))
        shown = give(page, "a.csv", LOG.encode())
        shown.get_by_role("button", name="Ne pas appliquer").click()
        shown.get_by_text("Le fichier n’a pas été appliqué.").wait_for()
        assert len(lines(page)) == 1
        page.keyboard.press("Escape")
        # By default a scenario of its own, from the first draft.
        shown = give(page, "a.csv", LOG.encode())
        shown.get_by_role("button", name="Appliquer", exact=True).click()
        shown.locator(".tw-preview").wait_for(state="detached")
        names = f"{ROW}.scenarios.map(each => each.name)"
        assert page.evaluate(names) == ["Brouillon 2", "Import de a"]
        assert members(page, "00010") == [["B", 1]]
        page.evaluate(f"{ROW}.switchTo(0)")
        assert members(page, "00010") == [["A", 1]]
        page.keyboard.press("Escape")
        shown = give(page, "a.csv", LOG.encode())
        shown.get_by_label("À la suite des décisions déjà prises").check()
        shown.get_by_role("button", name="Appliquer", exact=True).click()
        shown.locator(".tw-preview").wait_for(state="detached")
        assert [each["order"] for each in lines(page)] == [1, 2, 3, 4]
        assert [each["result"] for each in lines(page)] == ["applied", "applied", "fault", "fault"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("image.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))),
        ("vide.csv", b""),
        ("texte.csv", "Bonjour à tous, ceci n’est pas un tableau".encode()),
        ("coupé.csv", LOG.encode()[:40]),
        ("bruit.csv", bytes(range(1, 256)) * 30),
        ("guillemets.csv", b'action;cible\n"deplacer;A\n'),
    ],
)
def test_a_broken_file_is_a_message(
    browser: Browser, tmp_path: Path, name: str, content: bytes
) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = give(page, name, content)
        said = shown.locator(".tw-bad:not(:empty), .tw-preview tbody tr").first
        said.wait_for()
        apply = shown.get_by_role("button", name="Appliquer", exact=True)
        assert apply.count() == 0 or apply.is_disabled()
        assert lines(page) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_partial_assignment_moves_what_it_names(
    browser: Browser, tmp_path: Path, encoding: str
) -> None:
    text = "code;nom;territoire\r\n00004;é;Pays A\r\nquatre;x;A\r\n99999;;A\r\n00023;;Vallée\r\n"
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = give(page, "communes.csv", text.encode(encoding))
        preview = shown.locator(".tw-preview")
        preview.wait_for()
        assert "2 communes changent" in preview.inner_text()
        assert "2 rejetées" in preview.inner_text()
        before = page.evaluate(f"{ROW}.n - {ROW}.communesOf('A').length")
        shown.get_by_role("button", name="Appliquer", exact=True).click()
        preview.wait_for(state="detached")
        assert members(page, "00004") == [["A", 1]]
        assert members(page, "00023") == [["Vallée", 1]]
        assert page.evaluate(f"{ROW}.n - {ROW}.communesOf('A').length") == before - 1
        assert len({each["order"] for each in lines(page)}) == 1


def test_what_is_saved_can_be_read_again(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        step(page, move("00004", "A"))
        step(page, {"action": "share", "code": "00009", "target": "A|B", "parts": [2, 1]})
        step(page, {"action": "status", "territory": "C", "target": "running"})
        files = panel(page, "files")
        table = saved(page, files.get_by_role("button", name="Communes et territoires (CSV)"))
        assert table.suggested_filename.startswith("communes_brouillon-2_")
        content = rows(read(table))
        assert [each["territoire"] for each in content if each["code"] == "00009"] == ["A", "B"]
        assert [each["territoire"] for each in content if each["code"] == "00023"] == [""]
        shapes = saved(page, files.get_by_role("button", name="Carte des territoires (GeoJSON)"))
        features = json.loads(read(shapes))["features"]
        assert [each["properties"]["territoire"] for each in features] == list("ABCD")
        log = read(saved(page, files.get_by_role("button", name="Journal des décisions (CSV)")))
        page.keyboard.press("Escape")
        state = page.evaluate(f"JSON.stringify([...Array({ROW}.n).keys()].map({ROW}.members))")
        shown = give(page, "journal.csv", log)
        shown.get_by_role("button", name="Appliquer", exact=True).click()
        shown.locator(".tw-preview").wait_for(state="detached")
        again = page.evaluate(f"JSON.stringify([...Array({ROW}.n).keys()].map({ROW}.members))")
        assert again == state
        assert page.evaluate(f"{ROW}.current") == 1


def test_a_file_dropped_on_the_page_is_shown(browser: Browser, tmp_path: Path) -> None:
    drop = """(text) => {
        const data = new DataTransfer();
        data.items.add(new File([text], "depose.csv", {type: "text/csv"}));
        const about = {dataTransfer: data, bubbles: true, cancelable: true};
        const map = document.querySelector(".te-stage");
        map.dispatchEvent(new DragEvent("dragover", about));
        map.dispatchEvent(new DragEvent("drop", about));
    }"""
    with workshop_of(browser, tmp_path) as found:
        found.page.evaluate(drop, LOG)
        title = found.page.get_by_role("heading", name="Ce que contient depose.csv")
        title.wait_for()


# ---------------------------------------------------------------- kept in the browser


def test_a_draft_is_taken_up_again(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = panel(page, "log")
        shown.get_by_label("Décidé par").fill("Dr Ève")
        page.keyboard.press("Escape")
        step(page, move("00004", "A"))
        page.reload()
        page.get_by_role("heading", name="Un brouillon a été gardé").wait_for()
        assert re.search(
            r"Reprendre le brouillon du \d\d/\d\d/\d{4} \d\d:\d\d",
            page.locator("dialog.tw-ask").inner_text(),
        )
        page.get_by_role("button", name="Reprendre", exact=True).click()
        page.locator("dialog.tw-ask").wait_for(state="detached")
        assert members(page, "00004") == [["A", 1]]
        assert page.evaluate("territoriesWorkshop.meeting.author") == "Dr Ève"
        page.reload()
        page.get_by_role("button", name="Repartir du projet").click()
        page.locator("dialog.tw-ask").wait_for(state="detached")
        assert members(page, "00004") == [["B", 1]]
        step(page, move("00010", "A"))
        shown = panel(page, "scenarios")
        shown.get_by_role("button", name="Reprendre le brouillon mis de côté", exact=False).click()
        assert members(page, "00004") == [["A", 1]]


def test_what_is_kept_of_another_draft_or_cut_off_is_not_taken(
    browser: Browser, tmp_path: Path
) -> None:
    kept = {"state": {"format": 1, "id": "another", "current": 0, "scenarios": [{}]}, "date": "x"}
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        put = "(text) => localStorage.setItem('territories:0123456789ab', text)"
        page.evaluate(put, '{"state": {"scen')
        page.reload()
        ready(page)
        assert page.locator("dialog.tw-ask").count() == 0
        page.evaluate(put, json.dumps(kept))
        page.reload()
        page.get_by_role("button", name="Reprendre", exact=True).click()
        page.get_by_text("il n’est pas repris", exact=False).first.wait_for()
        assert lines(page) == []


REFUSED = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("refused", "SecurityError"); },
});"""


def test_a_browser_that_keeps_nothing_is_told(browser: Browser, tmp_path: Path) -> None:
    asked = []
    with workshop_of(browser, tmp_path, before=REFUSED) as found:
        page = found.page
        page.get_by_text("Ce navigateur ne garde pas le brouillon", exact=False).first.wait_for()
        page.locator("body").click(position={"x": 5, "y": 5})
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.reload()
        ready(page)
        assert asked == []  # nothing to lose
        step(page, move("00004", "A"))
        page.locator("body").click(position={"x": 5, "y": 5})
        page.reload()
        ready(page)
        assert asked == ["beforeunload"]
        step(page, move("00004", "A"))
        files = panel(page, "files")
        saved(page, files.get_by_role("button", name="Journal des décisions (CSV)"))
        page.keyboard.press("Escape")
        page.reload()
        ready(page)
        assert asked == ["beforeunload"]


# ---------------------------------------------------------------- scenarios


def test_scenarios_are_made_named_compared_and_removed(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        step(page, move("00004", "A"))
        shown = panel(page, "scenarios")
        shown.get_by_role("button", name="Nouveau scénario à partir de celui-ci").click()
        page.get_by_label("Nom du scénario").fill("Variante")
        page.get_by_role("button", name="Créer").click()
        shown.get_by_text(
            "«\N{NO-BREAK SPACE}Variante\N{NO-BREAK SPACE}» est créé et ouvert."
        ).first.wait_for()
        step(page, move("00010", "A"))
        step(page, {"action": "release", "code": "00024"})
        shown.get_by_role("button", name="Comparer : Brouillon 2").click()
        compared = page.locator("dialog[data-panel=compare]")
        compared.locator(".tw-body[data-ready=true]").wait_for()
        told = compared.inner_text()
        assert "2 communes diffèrent" in told
        assert "89\xa0% des habitants sont dans le même territoire" in told
        assert compared.locator(".tw-map canvas").count() > 1
        listed = compared.locator("table").nth(1).locator("tbody tr")
        assert listed.all_inner_texts() == [
            "Commune 10 (00010)\tPays A\tPays B",
            "L’Île-d’Œuf (00024)\tAucun (zone blanche)\tPays B",
        ]
        pays_a = compared.locator("table").nth(0).locator("tbody tr").nth(0).locator("td")
        texts = pays_a.all_inner_texts()
        assert [texts[0], texts[1], texts[5]] == ["Pays A", "10", "9"]
        page.keyboard.press("Escape")
        compared.wait_for(state="hidden")
        assert shown.is_visible()
        shown.get_by_role("button", name="Renommer : Variante").click()
        page.get_by_label("Nom du scénario").fill("Brouillon 2")
        page.get_by_role("button", name="Renommer", exact=True).last.click()
        shown.get_by_text("Un scénario s’appelle déjà Brouillon 2.").first.wait_for()
        shown.get_by_role("button", name="Ouvrir : Brouillon 2").click()
        assert members(page, "00010") == [["B", 1]]
        shown.get_by_role("button", name="Supprimer : Variante").click()
        page.get_by_role("button", name="Supprimer", exact=True).click()
        shown.get_by_text(
            "«\N{NO-BREAK SPACE}Variante\N{NO-BREAK SPACE}» est supprimé."
        ).first.wait_for()
        assert page.evaluate(f"{ROW}.scenarios.length") == 1


def test_both_maps_move_together(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        page.evaluate(f"{ROW}.duplicate('Autre')")
        panel(page, "scenarios").get_by_role("button", name="Comparer : Brouillon 2").click()
        page.locator(".tw-compare .tw-body[data-ready=true]").wait_for()
        first, second = page.locator(".tw-map").all()
        box = first.bounding_box()
        page.mouse.move(box["x"] + 150, box["y"] + 150)
        drawn = "each => each.querySelector('.leaflet-map-pane').style.transform"
        before = second.evaluate(drawn)
        page.mouse.down()
        # Step by step until it follows: a busy machine draws when it can.
        for k in range(1, 40):
            page.mouse.move(box["x"] + 150 + 2 * k, box["y"] + 150 + k)
            if second.evaluate(drawn) != before:
                break
            page.wait_for_timeout(50)
        page.mouse.up()
        assert second.evaluate(drawn) != before


# ---------------------------------------------------------------- status, public copy


def test_a_status_locks_and_is_undone(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = panel(page, "status")
        shown.get_by_label("Statut de Pays A").focus()
        shown.get_by_label("Statut de Pays A").select_option("contracting")
        shown.get_by_text("Pays A : contractualisation.").first.wait_for()
        assert shown.get_by_label("Verrouiller Pays A").is_checked()
        assert page.evaluate("document.activeElement.dataset.territory") == "A"
        page.keyboard.press("Escape")
        table = panel(page, "table")
        table.get_by_label("Territoire de Commune 4", exact=True).select_option("A")
        table.get_by_text("Commune 4 reste : Pays B.", exact=False).first.wait_for()
        assert members(page, "00004") == [["B", 1]]
        page.keyboard.press("Escape")
        shown = panel(page, "status")
        shown.get_by_role("button", name="Tout verrouiller").click()
        locked = f"{ROW}.territories().filter(each => each.locked).length"
        assert page.evaluate(locked) == 4
        shown.get_by_role("button", name="Tout déverrouiller").click()
        assert page.evaluate(locked) == 0


def test_the_public_copy_shows_only_what_is_chosen(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        step(page, move("00004", "A"), author="Docteur Secret")
        step(page, {"action": "share", "code": "00009", "target": "A|B"})
        step(page, {"action": "rename", "territory": "B", "target": "Pays caché"})
        step(page, {"action": "claim", "code": "00001", "target": "B"})
        step(page, {"action": "status", "territory": "A", "target": "running"})
        page.evaluate(f"{ROW}.duplicate('Scénario secret')")
        shown = panel(page, "status")
        copy = saved(page, shown.get_by_role("button", name="Enregistrer la copie publique"))
        assert copy.suggested_filename.startswith("public_")
        path = tmp_path / "public.html"
        path.write_bytes(read(copy))
        shown.get_by_text("Copie publique enregistrée", exact=False).first.wait_for()
    source = path.read_text(encoding="utf-8")
    for hidden in ("Docteur Secret", "séance", "Pays caché", "Scénario secret", "77777", "Pays C"):
        assert hidden not in source
    data = json.loads(re.search(r'"application/json"[^>]*>(.*?)</script>', source, re.DOTALL)[1])
    assert data["settings"]["public"] is True
    assert [each["id"] for each in data["territories"]] == ["A"]
    assert data["shared"] == {"8": [[0, 0.5]]}
    assert data["flows"] is None
    assert data["log"] == data["drafts"] == []
    with page_of(browser, path) as found:
        page = found.page
        assert page.evaluate(f"{ROW}.step([{json.dumps(move('00005', 'A'))}], {{}}).ok") is False
        tabs = page.locator(".te-tab").all_inner_texts()
        assert not {"Journal", "Fichiers", "Scénarios", "Statuts"} & set(tabs)
        shown = panel(page, "table")
        assert shown.locator("tbody select").count() == 0
        assert "Pays A" in shown.locator("tbody").inner_text()
        page.keyboard.press("Escape")
        assert not page.locator(".te-whites").is_visible()
        assert "lanche" not in page.locator("#territories-editor").inner_text()
        shown = panel(page, "table")
        assert "Zone blanche" not in shown.locator("tbody").inner_text()


# ---------------------------------------------------------------- claims


def test_claims_are_noted_and_decided(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = panel(page, "claims")
        shown.get_by_text("Aucune commune n’est revendiquée", exact=False).wait_for()
        for commune, territory in (("00003", "B"), ("L’ile d’oeuf", "D"), ("Commune 9", "B")):
            shown.get_by_label("Commune (nom ou code)").fill(commune)
            shown.get_by_label("Revendiquée par").select_option(territory)
            shown.get_by_role("button", name="Noter la revendication").click()
        assert [claims(page, code) for code in ("00003", "00024", "00009")] == [["B"], ["D"], ["B"]]
        assert shown.locator(".tw-claim").count() == 3
        told = shown.locator(".tw-claim").nth(0).inner_text()
        assert "Commune 3 (00003)" in told
        assert "aucun spécialiste installé" in told
        assert re.search(r"Pays B\s+la revendique\s+de 99\s%", told)
        assert "12,5 spécialistes" in shown.locator(".tw-claim").nth(2).inner_text()
        shown.get_by_role("button", name="Donner Commune 3 à Pays B").click()
        assert members(page, "00003") == [["B", 1]]
        shown.get_by_role(
            "button", name="Retirer la revendication de Pays D sur L’Île-d’Œuf"
        ).click()
        assert claims(page, "00024") == []
        shown.get_by_label("Parts de Pays A dans Commune 9").fill("3")
        shown.get_by_role("button", name="Partager selon les parts cochées").click()
        assert members(page, "00009") == [["A", 0.75], ["B", 0.25]]
        assert shown.locator(".tw-claim").count() == 0
        step(page, {"action": "claim", "code": "00004", "target": "A"})
        shown.get_by_role("button", name="Laisser en zone blanche").click()
        assert members(page, "00004") == []
        shown.get_by_label("Commune (nom ou code)").fill("Nulle part")
        shown.get_by_role("button", name="Noter la revendication").click()
        shown.get_by_text("Aucune commune ne s’appelle ainsi", exact=False).first.wait_for()


def test_sharing_is_not_offered_where_overlaps_are_forbidden(
    browser: Browser, tmp_path: Path
) -> None:
    settings = {"overlaps": False, "public": False, "bounds": [1, 2, 3], "limited": []}
    with workshop_of(browser, tmp_path, settings=settings) as found:
        step(found.page, {"action": "claim", "code": "00003", "target": "B"})
        shown = panel(found.page, "claims")
        assert shown.locator(".tw-claim").count() == 1
        assert shown.get_by_role("button", name="Partager selon", exact=False).count() == 0


# ---------------------------------------------------------------- table


def test_the_table_does_all_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        page.locator(f'.te-tab[title="{PANELS["table"]}"]').focus()
        page.keyboard.press("Enter")
        shown = page.locator("dialog[data-panel=table]")
        shown.wait_for()
        page.keyboard.press("Tab")  # close
        page.keyboard.press("Tab")  # filter
        page.keyboard.type("ile d'oeu")
        assert shown.locator("tbody tr").count() == 1
        assert shown.get_by_text("1 commune", exact=True).is_visible()
        shown.get_by_label("Territoire de L’Île-d’Œuf").focus()
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.value") == "A"
        page.keyboard.press("Escape")  # of the choice, not of the window
        assert page.evaluate("document.activeElement.value") == "B"
        page.keyboard.press("ArrowUp")
        assert lines(page) == []  # keys pass over the others: only Enter decides
        page.keyboard.press("Enter")
        # It would cut A in two: that is asked, and one can give up or go on.
        asked = page.get_by_role("heading", name="Couper un territoire en deux ?")
        asked.wait_for()
        page.keyboard.press("Escape")
        comes(page, "document.activeElement.value", "B")  # the choice is put back
        assert members(page, "00024") == [["B", 1]]
        page.keyboard.type("Aucun")
        page.keyboard.press("Enter")
        shown.get_by_text("L’Île-d’Œuf : Aucun", exact=False).first.wait_for()
        assert members(page, "00024") == []
        assert page.evaluate("document.activeElement.dataset.commune") == "23"
        page.keyboard.press("Escape")
        shown.wait_for(state="hidden")


def test_the_table_sorts_and_filters(browser: Browser, tmp_path: Path) -> None:
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        shown = panel(page, "table")
        codes = "td:first-child"
        shown.get_by_role("button", name="Habitants").click()
        assert shown.locator(codes).first.inner_text() == "00001"
        shown.get_by_role("button", name="Habitants").click()
        assert shown.locator(codes).first.inner_text() == "00024"
        head = shown.get_by_role("columnheader", name="Habitants")
        assert head.get_attribute("aria-sort") == "descending"
        shown.get_by_label("Montrer").select_option("-")
        assert shown.locator(codes).all_inner_texts() == ["00023"]
        shown.get_by_label("Montrer").select_option("D")
        assert sorted(shown.locator(codes).all_inner_texts()) == ["00021", "00022"]


def test_the_table_of_a_region_stays_fast(browser: Browser, tmp_path: Path) -> None:
    """1 764 communes of 21 territories, page by page: no answer takes a quarter of a second."""
    count = 42 * 42
    names = [f"Commune {k + 1}" for k in range(count)]
    about = {"names": names, "departments": ["45"] * count, "backgrounds": {}, "flows": None}
    picture = "\n".join("|" + "".join(chr(65 + k // 2) for k in range(42)) + "|" for _ in range(42))
    with workshop_of(browser, tmp_path, picture=picture, **about) as found:
        page = found.page
        shown = panel(page, "table")
        assert shown.get_by_text("Page 1 sur 36").is_visible()
        shown.get_by_role("button", name="Page suivante").click()
        assert shown.locator("tbody tr").count() == 50
        assert shown.get_by_role("button", name="Page précédente").is_enabled()
        choose = """([at, value]) => {
            const input = document.querySelector(at);
            input.value = value;
            input.dispatchEvent(new Event(at.includes("filter") ? "input" : "change"));
        }"""
        clock = worked(page)
        for at, value in (
            ("#tw-table-filter", "commune 1"),
            ("#tw-table-filter", ""),
            ("#tw-table-only", "B"),
            ("#tw-table-only", "*"),
            (".tw-table tbody select", "B"),
        ):
            begun = clock()
            page.evaluate(choose, [at, value])
            assert clock() - begun < 0.25, at


# ---------------------------------------------------------------- hostile


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_words_run_nothing(browser: Browser, tmp_path: Path, kind: str) -> None:
    hostile = HOSTILE[kind]
    names = [hostile, *(f"{hostile} {k}" for k in range(23))]
    with workshop_of(browser, tmp_path, names=names, title=hostile, note=hostile) as found:
        page = found.page
        page.evaluate("(text) => { territoriesWorkshop.meeting.author = text; }", hostile)
        shown = panel(page, "log")
        shown.get_by_label("Motif").fill(hostile)
        page.keyboard.press("Escape")
        plain = re.sub("[\u2028\u2029]", " ", hostile)[:120]
        step(page, {"action": "rename", "territory": "A", "target": plain}, author=hostile)
        step(page, move("00004", "A"), author=hostile)
        step(page, {"action": "claim", "code": "00003", "target": "B"}, author=hostile)
        step(page, {"action": "status", "territory": "A", "target": "running"})
        page.evaluate(f"(text) => {ROW}.duplicate(text)", hostile)
        for name in PANELS:
            assert panel(page, name).inner_text()
            page.keyboard.press("Escape")
        log = f'action;commune;cible;auteur;motif\ndeplacer;"{hostile}";"{hostile}";x;y\n'
        shown = give(page, f"{hostile.replace('/', '-')}.csv", log.encode())
        shown.locator(".tw-preview").wait_for()
        page.keyboard.press("Escape")
        shown = panel(page, "status")
        copy = saved(page, shown.get_by_role("button", name="Enregistrer la copie publique"))
        path = tmp_path / "public.html"
        path.write_bytes(read(copy))
        page.keyboard.press("Escape")
        log = saved(page, panel(page, "files").get_by_role("button", name="Journal des décisions"))
        cells = [cell for row in rows(read(log)) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    with page_of(browser, path) as found:
        assert plain[:10] in panel(found.page, "table").locator("tbody").inner_text()
