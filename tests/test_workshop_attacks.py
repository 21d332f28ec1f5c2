"""Files and saved drafts given to the workshop's page to break it: a message, and it goes on."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from browser import started, worked
from test_panels import give, page_of, panel, payload, saved, step, workshop_of

from territories import workshop
from territories._words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

MANY = WORDS["editor.files_many"][0]
LARGE = WORDS["editor.files_large"][0]
MODEL = "window.territoriesWorkshop.model"
PATIENCE = 5  # seconds of work


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


def lines_of(
    count: int, line: Callable[[int], str], head: str = "ordre;action;commune;cible"
) -> str:
    return "\n".join([head, *map(line, range(count))]) + "\n"


def undos(number: int) -> str:
    return f"{number + 1};annuler;;{number}" if number else "1;deplacer;00003;B"


FILES = {
    "prototype": (
        (
            "action;commune;territoire;cible\ncreer;;__proto__;__proto__\ndeplacer;00013;;__proto__\n"
            "creer;;constructor;\ndeplacer;__proto__;;A\nrenommer;;A;toString\n"
            "verrouiller;;hasOwnProperty;\n"
        ),
        "rejetée",
    ),
    "prototype_list": (
        "code;territoire\n00001;__proto__\n__proto__;A\n00002;constructor\nconstructor;A\n",
        "2 communes changent",
    ),
    "numbers": (
        (
            "ordre;action;commune;cible;parts\n999999999;deplacer;00003;B\n1e308;deplacer;00003;B\n"
            "99999999999999999999;deplacer;00003;B\n-1;deplacer;00003;B\nNaN;deplacer;00003;B\n"
            "3;partager;00009;A|B;999999999|1\n4;partager;00009;A|B;0|0\n5;partager;00009;A|B;NaN|1\n"
            "6;annuler;;999999999\n7;annuler;;NaN\n"
        ),
        "2 s’appliquent",
    ),
    "weights": (
        "code;territoire;poids\n00001;A;NaN\n00002;A;1e999\n00003;A;Infinity\n00004;A;-1\n"
        "00009;A;0,000000001\n00009;B;0,999999999\n00010;A;" + "1" * 2_000 + "\n",
        "rejetées",
    ),
    "orders": (
        (
            "ordre;action;commune;cible\n5;deplacer;00003;B\n3;deplacer;00009;B\n5;deplacer;00004;B\n"
            "3;deplacer;00003;A\n"
        ),
        "4 lignes lues",
    ),
    "undo_loop": (
        (
            "ordre;action;commune;cible\n1;deplacer;00003;B\n2;annuler;;3\n3;annuler;;2\n4;annuler;;4\n"
            "5;annuler;;2\n6;annuler;;5\n6;annuler;;6\n"
        ),
        "7 lignes lues",
    ),
    "words": (
        (
            "action;commune;territoire;cible;parts\nstatut;;A;autre;\nstatut;;A;title;\n"
            "statut;;A;__proto__;\ndeplacer;00003;*;B;\nrenommer;;*;X;\npartager;00009;;A|B|C;3\n"
        ),
        "5 rejetées",
    ),
    "undo_chain": (lines_of(2_000, undos), MANY),
    "undos": (lines_of(300, undos), "300 lignes lues"),
    "moves": (lines_of(10_000, lambda k: f"{k + 1};deplacer;00003;{'BA'[k % 2]}"), "lignes lues"),
    "many_moves": (lines_of(200_000, lambda k: f"{k};deplacer;00003;B"), LARGE),
    "short_lines": (lines_of(190_000, lambda k: f"{k};statut"), MANY),
    "many_new": (lines_of(5_000, lambda k: f"{k};creer;T{k}", "ordre;action;territoire"), MANY),
    "new_in_a_list": (lines_of(200_000, lambda k: f"00001;N{k}", "code;territoire"), MANY),
    "unknown": (lines_of(49_000, lambda k: f"{k + 90_000};A", "code;territoire"), "rejetées"),
    "columns": ("action;" + "x;" * 1_900_000 + "\n", WORDS["editor.files_nothing"][0]),
    "cell": ("action;commune;cible;motif\ndeplacer;00003;B;" + "x" * 3_900_000, "1 s’applique"),
    "quotes": ("action;commune;cible\ndeplacer;00001;x" + '"a' * 1_900_000, "1 rejetée"),
    "rows": ("action\n" + "x\n" * 1_900_000, MANY),
    "number": ("code;territoire;poids\n00001;A;" + "1" * 3_900_000 + "x\n", "1 rejetée"),
    "size": ("action\n" + "x" * 10_000_000, LARGE),
}


@pytest.mark.browser
@pytest.mark.parametrize("name", FILES)
def test_a_file_made_to_break_the_page_is_a_message(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    content, said = FILES[name]
    with workshop_of(browser, tmp_path) as found:
        page = found.page
        clock = worked(page)
        begun = clock()
        shown = give(page, f"{name}.csv", content.encode())
        shown.locator(".tw-bad:not(:empty), .tw-preview").first.wait_for()
        assert said in shown.inner_text()
        apply = shown.get_by_role("button", name="Appliquer", exact=True)
        if apply.count() and apply.is_enabled():
            apply.click()
            shown.get_by_text("Fichier").first.wait_for()
        assert clock() - begun < PATIENCE
        assert page.evaluate("Object.keys(Object.prototype).length") == 0
        works(page)


@pytest.mark.browser
def test_a_window_that_is_open_again_keeps_its_file(browser: Browser, tmp_path: Path) -> None:
    """The browser tells late that a window closed: a file may have opened it again."""
    with workshop_of(browser, tmp_path) as found:
        shown = give(found.page, "journal.csv", b"action;commune;cible\ndeplacer;00003;B\n")
        shown.locator(".tw-preview").wait_for()
        shown.evaluate("(dialog) => { dialog.dispatchEvent(new Event('close')); }")
        shown.get_by_role("button", name="Appliquer", exact=True).click()
        shown.get_by_text("1 ligne appliquée").wait_for()
        assert found.errors == []


def works(page: Page) -> None:
    """Check that a step can be taken, and the log saved."""
    page.keyboard.press("Escape")
    step(page, {"action": "claim", "code": "00018", "target": "A"})
    save = panel(page, "files").get_by_role("button", name="Journal des décisions")
    assert saved(page, save).suggested_filename.endswith(".csv")


KEPT: dict[str, Any] = {
    "state": {
        "format": 1,
        "id": "0123456789ab",
        "current": 0,
        "scenarios": [
            {
                "name": "gardé",
                "parent": None,
                "draft": 0,
                "cursor": 1,
                "lines": [
                    {"action": "move", "order": 1, "code": "00003", "target": "B", "parts": [],
                     "author": "", "date": "", "reason": "", "territory": "", "force": False}
                ],
            }
        ],
    },
    "meeting": {"author": "Dr Ève", "reason": "séance"},
    "date": "2026-11-22T10:00:00",
}  # fmt: skip
BROKEN = WORDS["editor.keeper_broken"][0]
RESUMED = WORDS["editor.keeper_resumed"][0]


def kept(part: str, **more: object) -> str:
    whole = deepcopy(KEPT)
    scenario = whole["state"]["scenarios"][0]
    place = {"line": scenario["lines"][0], "scenario": scenario, "state": whole["state"]}
    place.get(part, whole).update(more)
    return json.dumps(whole)


SAVED = {
    "as_it_was": (kept("line"), RESUMED),
    "deep": ('{"date":"","state":' + "[" * 100_000 + "]" * 100_000 + "}", BROKEN),
    "deep_line": (kept("line", parts=[7]).replace("7", "[" * 50_000 + "]" * 50_000), BROKEN),
    "prototype": (kept("line", code="__proto__", target="__proto__"), RESUMED),
    "polluting": (kept("whole")[:-1] + ',"__proto__":{"polluted":1}}', RESUMED),
    "parts": (kept("line", action="share", target="A|B", parts=[{"valueOf": 1}, None]), BROKEN),
    "action": (kept("line", action="fly"), BROKEN),
    "order": (kept("line", order=2**53), BROKEN),
    "part": (kept("line", action="share", target="A|B", parts=[2**53, -1]), BROKEN),
    "control": (kept("line", action="rename", territory="A", target="\x85"), BROKEN),
    "author": (kept("line", author={"toString": 1}), BROKEN),
    "parent": (kept("scenario", parent={"a": 1}), BROKEN),
    "no_line": (kept("scenario", lines=[None]), BROKEN),
    "cursor": (kept("scenario", cursor=2**53), RESUMED),
    "scenarios": (kept("state", scenarios=KEPT["state"]["scenarios"] * 5_000), BROKEN),
    "meeting": (kept("whole", meeting={"author": {"toString": 1}}), RESUMED),
    "date": (kept("whole", date={"toString": 1}), None),
    "script": (kept("whole", date="<img src=x onerror=window.__xss=1>"), RESUMED),
    "array": ("[1]", None),
}


@pytest.mark.browser
@pytest.mark.parametrize("name", SAVED)
def test_a_saved_draft_made_to_break_the_page_is_not_taken(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    text, said = SAVED[name]
    path = tmp_path / "editor.html"
    path.write_text(workshop.workshop_page(payload()), encoding="utf-8")
    with page_of(browser, path) as found:
        page = found.page
        page.evaluate("(text) => localStorage.setItem('territories:0123456789ab', text)", text)
        page.reload()
        page.wait_for_selector("#territories-editor[data-ready=true]")
        if said is not None:
            page.get_by_role("button", name="Reprendre", exact=True).click()
            page.get_by_text(said).first.wait_for(state="attached")
        assert page.evaluate("({}).polluted") is None
        works(page)


@pytest.mark.browser
def test_what_gets_into_the_page_is_not_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "editor.html"
    path.write_text(workshop.workshop_page(payload()), encoding="utf-8")
    tries = """async () => {
      const script = document.createElement("script");
      script.textContent = "window.__xss = 1";
      document.body.append(script);
      const box = document.createElement("div");
      box.innerHTML = "<img src=x onerror='window.__xss = 2'><p onclick='window.__xss = 3'>a</p>";
      document.body.append(box);
      box.querySelector("p").click();
      const link = document.createElement("a");
      link.href = "javascript:window.__xss = 4";
      document.body.append(link);
      link.click();
      let refused = 0;
      try { await fetch("https://example.org/"); } catch { refused += 1; }
      try { new Worker("data:text/javascript,postMessage(1)"); } catch { refused += 1; }
      return refused;
    }"""
    with page_of(browser, path) as found:
        assert found.page.evaluate(tries) >= 1
        found.page.wait_for_timeout(200)
        refusals = [each for each in found.errors if "Content Security Policy" in each]
        assert len(refusals) >= 4
        found.errors.clear()
        found.requests.clear()
