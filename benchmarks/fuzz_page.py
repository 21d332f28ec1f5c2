"""Changed files given to the workshop's page, in a real browser with the network off.

    python benchmarks/fuzz_page.py --minutes 30 --seed 0
    python benchmarks/fuzz_page.py --only 137     # one case again

A case is a file dropped on the page: a log of decisions or a list of communes, drawn or changed
(bytes, cells, encodings, names of prototypes, huge numbers, deep JSON, other kinds of files), or a
draft that the browser kept, changed. It is wrong when the page throws or logs an error, says
nothing, or says what is not in the table of words; when the draft changes before one applies the
file, or after a refusal; when a draft that changed is not sound, does not come back by undo, redo
and save, or when what is saved of it is not read, or gives another draft, in Python. Every
twentieth log goes through `territories apply`. A seed and a number always give the same case.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fuzz_commands import World
from fuzz_page_cases import Case, Known, drawn
from playwright.sync_api import sync_playwright

import territories as tt
from territories._words import WORDS
from territories.cli import main as territories
from territories.drafts import read_draft
from territories.replay import replay

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from territories.zoning import Zoning

SCRIPT: Final = Path(__file__).with_name("fuzz_page.js")
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLIED: Final = 20  # one log of so many goes through the command
RELOADED: Final = 100  # cases of one page
SLOWEST: Final = 15  # seconds of work of the page, for a case with all its undoing
PATIENCE: Final = 120  # seconds of a case, whatever the machine does beside it

# ---------------------------------------------------------------- the page


class Workshop:
    """The page of a run in a browser, and the same draft in Python."""

    def __init__(self, folder: Path, page: Page) -> None:
        self.folder, self.page = folder, page
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.world = World(folder)
        with contextlib.redirect_stdout(io.StringIO()):
            place = folder / "editor.html"
            code = territories(
                ["edit", str(self.world.run), *self.world.given(), "--out", str(place)]
            )
        if code:
            sys.exit("the page could not be made")
        self.address = place.as_uri()
        communes = tt.read_communes(self.world.files["communes"])
        self.zoning: Zoning = read_draft(self.world.run, communes)
        page.on("pageerror", lambda error: self.errors.append(f"thrown: {error}"[:300]))
        page.on(
            "console",
            lambda said: (
                self.errors.append(f"said: {said.text}"[:300])
                if said.type in ("error", "warning")
                else None
            ),
        )
        page.on("request", lambda asked: self.requests.append(asked.url))
        # What the browser kept is given by the name of the window, which outlives the page.
        page.add_init_script(
            """if (location.protocol === "file:") {
                const [key, ...kept] = window.name.split("\\n");
                localStorage.clear();
                window.name = "";
                if (key) localStorage.setItem(key, kept.join("\\n"));
            }"""
        )
        page.add_init_script(path=SCRIPT)
        page.context.set_default_timeout(0)  # what never ends, the watch ends
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.left = 0
        self.opened()

    def opened(self, kept: str = "") -> None:
        """Open the page again."""
        if kept:
            self.page.evaluate(
                "(text) => { window.name = text; }", f"territories:{self.id}\n{kept}"
            )
        self.page.goto(self.address)
        self.page.wait_for_selector("#territories-editor[data-lines=true]", state="attached")
        self.id = self.page.evaluate("fuzzModel().data.id")
        self.left = RELOADED

    def worked(self) -> float:
        """Seconds of work of the page: when the machine is stopped they do not count."""
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "ThreadTime"))

    def known(self) -> Known:
        """List what files can name, and files to change."""
        codes = self.page.evaluate("fuzzModel().data.codes")
        named = self.page.evaluate("fuzzModel().territories().map(({ id, name }) => [id, name])")
        run = {each.name: each.read_bytes() for each in self.world.run.iterdir()}
        small = {name: each for name, each in run.items() if len(each) < 200_000}
        steps = [
            {"action": "move", "code": codes[12], "target": named[0][0]},
            {"action": "new", "territory": "N1", "target": "Val"},
            {"action": "share", "code": codes[2], "target": f"{named[0][0]}|N1", "parts": [2, 1]},
            {"action": "claim", "code": codes[20], "target": "N1"},
            {"action": "status", "territory": "N1", "target": "ingénierie"},
            {"action": "undo", "target": "1"},
        ]
        if not self.page.evaluate("(steps) => window.fuzzReset(steps)", steps):
            sys.exit("the page could not be put back")
        texts = self.page.evaluate("fuzzResult()")["texts"]
        state = self.page.evaluate("fuzzModel().save()")
        saved = {
            "state": state,
            "meeting": {"author": "A", "reason": "R"},
            "date": "2026-11-22T10:00",
        }
        log = {"log.csv": self.world.files["log"].read_bytes()}
        own = dict(
            zip(
                ("own.csv", "own_list.csv", "own.json"),
                (each.encode() for each in texts),
                strict=True,
            )
        )
        places = list(dict.fromkeys(each for pair in named for each in pair))
        return Known(codes, places, own | own | log | small, json.dumps(saved, ensure_ascii=False))

    def looked_at(self, case: Case, number: int) -> tuple[str, list[str]]:
        """Give a case to the page; return how it ended and what is wrong."""
        self.errors.clear()
        self.requests.clear()
        begun = self.worked()
        if case.kind == "kept":
            self.opened(kept=case.files[0][1].decode("utf-8", "surrogatepass"))
            found = self.page.evaluate("window.fuzzKept()")
            self.left = 0
        else:
            if self.left == 0:
                self.opened()
            self.left -= 1
            if not self.page.evaluate("(steps) => window.fuzzReset(steps)", case.steps):
                self.left = 0
                return "?", ["the page could not be put back"]
            files = [
                {"name": name, "base64": base64.b64encode(content).decode()}
                for name, content in case.files
            ]
            given = {"files": files, "after": case.after, "apply": case.apply}
            found = self.page.evaluate("(given) => window.fuzzGiven(given)", given)
        problems = [*self.errors, *found["wrong"], *said_wrong(found, case)]
        problems += [f"asked for {each[:80]}" for each in self.requests
                     if not each.startswith((self.address, "data:", "about:"))]  # fmt: skip
        if (worked := self.worked() - begun) > SLOWEST:
            problems.append(f"{worked:.0f} s of work")
        if found.get("found"):
            problems += self.same(found["found"], whole=number % APPLIED == 0)
        if problems:
            self.left = 0
        return found["end"], problems

    def same(self, found: dict[str, Any], *, whole: bool) -> list[str]:
        """Read in Python what the page saved: the same draft."""
        log, listed, shapes = found["texts"]
        place = self.folder / "saved"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name, text in (("log.csv", log), ("list.csv", listed)):
            (place / name).write_bytes(text.encode("utf-8", "replace"))
        members = [(code, *each) for code, held in found["members"] for each in held]
        try:
            json.loads(shapes)
            revisions = tt.read_revisions(place / "log.csv")
            after = replay(self.zoning, revisions)
            again = tt.read_zoning(place / "list.csv", communes=self.zoning.communes)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is what we look for
            return [f"saved, not read: {type(problem).__name__}: {str(problem)[:300]}"]
        problems = different(after, members, found)
        read = again.membership.set_index(["code", "territory"])["weight"]
        held = {(code, territory): weight for code, territory, weight in members}
        if set(read.index) != set(held) or any(
            abs(read[each] - weight) > 1e-6 for each, weight in held.items()
        ):
            problems.append("the list that is saved is another one in Python")
        return problems + (self.applied(place, members) if whole else [])

    def applied(self, place: Path, members: list[tuple[str, str, float]]) -> list[str]:
        """Give the log to the command."""
        out = io.StringIO()
        words = ["apply", str(self.world.run), str(place / "log.csv"), *self.world.given()]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = territories([*words, "--skip", "--out", str(place / "out")])
        if code:
            return [f"territories apply ended with {code}: {out.getvalue()[-300:]}"]
        draft = read_draft(place / "out", self.zoning.communes)
        rows = draft.membership[["code", "territory", "weight"]].itertuples(index=False, name=None)
        return [] if list(rows) == members else ["territories apply gives another draft"]


def different(
    after: tt.Replay, members: list[tuple[str, str, float]], found: dict[str, Any]
) -> list[str]:
    """Tell how the replay in Python differs from the page."""
    results = {"fault": "refused"}
    lines = after.lines.sort_values("order", kind="stable")
    zoning = after.zoning
    rows = zoning.membership[["code", "territory", "weight"]].itertuples(index=False, name=None)
    listed = {each["id"]: each for each in found["territories"]}
    known = {*zoning.names, *zoning.membership["territory"]}
    claims = {code: tuple(ids) for code, ids in found["claims"] if ids}
    statuses = {name: each["status"] for name, each in listed.items() if each["status"]}
    told = [(order, results.get(result, result)) for order, result in found["lines"]]
    pairs = {
        "results": (list(zip(lines["order"], lines["result"], strict=True)), told),
        "communes": (list(rows), members),
        "territories": (known, set(listed)),
        "names": ({each: zoning.names.get(each, each) for each in known},
                  {name: each["name"] for name, each in listed.items()}),
        "claims": (dict(zoning.claims), claims),
        "statuses": (dict(zoning.statuses), statuses),
        "locks": ({each for each in known if each in zoning.locked},
                  {name for name, each in listed.items() if each["locked"]}),
    }  # fmt: skip
    return [f"other {name} in Python" for name, (one, two) in pairs.items() if one != two]


FORMS: Final = re.compile(
    "|".join(
        sorted(
            {
                re.sub(r"\\\{\w+\\\}", "(?s:.*)", re.escape(said[0]))
                for key, said in WORDS.items()
                if key.startswith(("editor.", "error."))
            }
        )
    )
)


def said_wrong(found: dict[str, Any], case: Case) -> list[str]:
    """Look at what the page said: a sentence of the table of words, all its values filled in."""
    problems = []
    told, text = found["told"], found.get("text", "")
    if told and not FORMS.fullmatch(told):
        problems.append(f"said: {told[:200]!r}")
    given = "".join(name for name, _ in case.files)
    for _, content in case.files:
        given += "".join(
            content.decode(each, "replace")
            for each in ("utf-8", "cp1252", "utf-16-le", "utf-16-be")
        )
    given = given.casefold()
    for odd in (
        "undefined",
        "[object",
        "NaN",
        "null",
        "{code}",
        "{order}",
        "{value",
        "{count",
        "editor.",
        "error.",
    ):
        if odd in told + text and odd.casefold() not in given:
            at = (told + text).index(odd)
            problems.append(f"said {odd!r}: {(told + text)[max(0, at - 100) : at + 40]!r}")
    return problems


# ---------------------------------------------------------------- the script


class Watch:
    """Ends all when a case never does; seconds when the machine was stopped do not count."""

    def __init__(self) -> None:
        self.number, self.seconds = 0, 0
        signal.signal(signal.SIGALRM, self.tick)
        signal.setitimer(signal.ITIMER_REAL, 1, 1)

    def case(self, number: int) -> None:
        """Begin a case."""
        self.number, self.seconds = number, 0

    def tick(self, _signal: int, _frame: object) -> None:
        """Count a second."""
        self.seconds += 1
        if self.seconds > PATIENCE:
            print(f"  {self.number}: no end after {PATIENCE} s", flush=True)
            os._exit(1)


def run(options: argparse.Namespace, shop: Workshop) -> int:
    """Run cases until the time is over, or their number reached."""
    known = shop.known()
    shop.opened()
    watch = Watch()
    ended: collections.Counter[str] = collections.Counter()
    begun, number, wrong = time.monotonic(), options.first, 0
    while (
        number < options.first + options.cases
        if options.cases
        else time.monotonic() - begun < 60 * options.minutes
    ):
        watch.case(number)
        case = drawn(known, options.seed, number)
        end, problems = shop.looked_at(case, number)
        ended[f"{case.kind}: {end}"] += 1
        wrong += bool(problems)
        for each in problems:
            print(f"  {number} {case.kind}: {each}", flush=True)
        if options.keep and problems:
            options.keep.mkdir(parents=True, exist_ok=True)
            for name, content in case.files:
                (options.keep / f"{number}_{name}"[:100]).write_bytes(content)
        number += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    minutes = (time.monotonic() - begun) / 60
    used = [resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    work = sum(each.ru_utime + each.ru_stime for each in used) / 60
    print(
        f"{number - options.first} cases in {minutes:.1f} minutes ({work:.1f} of the processor, "
        f"beside the browser), {wrong} wrong"
    )
    for each, many in ended.most_common():
        print(f"  {many:6} {each}")
    return int(wrong > 0)


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="go on from this case")
    parser.add_argument("--only", type=int, help="run one case")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that went wrong")
    options = parser.parse_args()
    if options.only is not None:
        options.first, options.cases = options.only, 1
    path = os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, NAMES)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 1024, "height": 768}, offline=True, locale="fr-FR"
        )
        try:
            return run(options, Workshop(Path(folder), context.new_page()))
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(main())
