"""The workshop in a notebook: what Python and the page tell each other, and both in a browser."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pandas as pd
import pytest
from browser import opened, settled, started
from grids import HEAVY, code, flows, zoned
from hypothesis import given
from hypothesis import strategies as st
from jupyter import run_all, saved, seen, served, written
from nbclient import NotebookClient

import territories as tt
from territories._history import History
from territories._words import say, using
from territories.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PICTURE = """
    AABBCC
    AABBCC
    AABBCC
    AABBCC
"""
FIGURES = ["name", "communes", "population", "aci_size", "next_bound", "pieces", "li", "leakage"]


def draft() -> tt.Zoning:
    """Return three territories of eight communes, numbered by rows from 00001."""
    return zoned(PICTURE, population=[3_000 + 1_111 * k for k in range(24)])


def care(zoning: tt.Zoning) -> tt.Flows:
    """Return flows to a place in each territory, some too small to be shown."""
    rows = []
    for number in range(1, 25):
        column = (number - 1) % 6
        own, next_one = 8 + 2 * (column // 2), 8 + 2 * ((column // 2 + 1) % 3)
        rows += [(number, own, 200 + 17 * number), (number, next_one, 3 + 5 * (number % 7))]
    return flows([(code(one), code(other), count) for one, other, count in rows], zoning.communes)


@pytest.fixture
def editor() -> tt.TerritoryEditor:
    zoning = draft()
    return tt.TerritoryEditor(zoning, care(zoning))


class View:
    """A view of the page: it hears what Python says, and speaks to it as the script does."""

    def __init__(self, editor: tt.TerritoryEditor, name: str = "1-1") -> None:
        self.editor, self.name = editor, name
        self.heard: list[dict] = []
        tell = editor.send

        def send(content: dict, buffers: object = None) -> None:
            self.heard.append(json.loads(json.dumps(content, allow_nan=False)))
            tell(content, buffers)

        editor.send = send

    def say(self, kind: str, **content: object) -> None:
        """Tell Python something."""
        message = {"type": kind, "view": self.name, **content}
        self.editor._handle_custom_msg(json.loads(json.dumps(message)), [])  # noqa: SLF001

    def change(self, *lines: dict, **other: object) -> dict:
        """Do something, and return the answer."""
        before = len(self.editor.revisions)
        about = {"of": before, "keep": before, "draft": 0, "scenario": "draft", **other}
        self.say("change", lines=list(lines), **about)
        return self.heard[-1]


def line(order: int, action: str, **fields: object) -> dict:
    texts = dict.fromkeys(("code", "territory", "target", "author", "date", "reason"), "")
    return {**texts, "order": order, "action": action, "parts": [], "force": False, **fields}


def move(order: int, number: int, target: str) -> dict:
    return line(order, "move", code=code(number), target=target)


# ---------------------------------------------------------------- Python alone


def test_loaded_when_first_asked_for():
    """Few sessions are in a notebook: the others do not wait for what only the widget needs."""
    program = (
        "import sys, territories\n"
        "assert not {'anywidget', 'ipywidgets', 'territories.widget'} & set(sys.modules)\n"
        "assert 'TerritoryEditor' in dir(territories)\n"
        "assert territories.TerritoryEditor.__module__ == 'territories.widget'\n"
        "assert not hasattr(territories, 'Territoryeditor')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_click_changes_the_draft(editor):
    """What the page does is done in Python, and the answer is only what differs."""
    view, told = View(editor), []
    editor.on_move(told.append)
    before = editor.zoning
    answer = view.change(line(1, "move", code=code(3), target="A", author="Dr Été", reason="car"))
    assert editor.zoning.labels[code(3)] == "A"
    assert before.labels[code(3)] == "B"
    assert editor.revisions == (
        tt.Revision("move", code(3), "A", 1, author="Dr Été", reason="car"),
    )
    assert answer["results"] == ["applied"]
    assert answer["told"] == []
    assert len(answer["lines"]) == 1
    assert set(answer["exact"]) == {"A", "B"}
    (step,) = told
    assert (step.before, step.after) == (before, editor.zoning)
    assert (step.revisions, step.withdrawn) == (editor.revisions, ())
    assert step.territories == ("A", "B")
    assert "1 decisions" in repr(step)


def test_figures_are_those_of_evaluate(editor):
    told = []
    editor.on_move(told.append)
    view = View(editor)
    share = line(2, "share", code=code(9), target="A|B", parts=[2, 1])
    view.change(move(1, 3, "A"))
    answer = view.change(share)
    for moment, zoning in (("before", told[1].before), ("after", told[1].after)):
        expected = evaluate(zoning, care(zoning)).loc[["A", "B"], FIGURES]
        found = told[1].figures.xs(moment, level="moment")
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    for name, exact in answer["exact"].items():
        assert exact == {each: expected.loc[name, each] for each in ("li", "leakage")}
    assert told[1].figures.index[0] == ("A", "before")


def test_a_change_from_python_goes_to_the_page(editor):
    view = View(editor)
    after = editor.revise([tt.Revision("move", code(3), "A"), tt.Revision("release", code(24))])
    assert after is editor.zoning
    (told,) = view.heard
    assert (told["type"], told["view"], told["of"], told["keep"]) == ("change", None, 0, 0)
    assert [each["order"] for each in told["lines"]] == [1, 2]
    editor.revise(
        [tt.Revision("move", code(9), "A", order=7), tt.Revision("move", code(15), "A", order=7)]
    )
    assert [each.order for each in editor.revisions] == [1, 2, 3, 3]
    assert editor.zoning.uncovered == [code(24)]


def test_what_is_refused_changes_nothing(editor):
    view = View(editor)
    with pytest.raises(tt.ConstraintError, match="nowhere") as raised, using("en"):
        editor.revise([tt.Revision("move", code(3), "A"), tt.Revision("move", code(4), "nowhere")])
    assert len(raised.value.faults) == 1
    assert (editor.revisions, view.heard) == ((), [])
    assert editor.zoning.labels[code(3)] == "B"


def test_a_cut_is_forced_by_force_alone(editor):
    middle = [tt.Revision("move", code(each), "A", order=1) for each in (9, 10)]
    with pytest.raises(tt.ConstraintError):
        editor.revise(middle)
    assert editor.revise(middle, force=True).pieces()["B"] == 2
    assert all(each.force for each in editor.revisions)


def test_the_page_is_told_why_a_line_was_refused(editor):
    """Lines that do not apply stay in the log, as they do in the page's."""
    answer = View(editor).change(move(1, 3, "A"), move(1, 4, "nowhere"), move(2, 9, "A"))
    assert answer["results"] == ["applied", "refused", "applied"]
    assert "« nowhere »" in answer["told"][0]
    assert len(editor.revisions) == 3
    assert editor.zoning.labels[code(9)] == "A"


def test_undo_of_the_page_takes_lines_off(editor):
    view, told = View(editor), []
    view.change(move(1, 3, "A"))
    view.change(move(2, 9, "A"), move(2, 15, "A"))
    editor.on_move(told.append)
    view.change(keep=1)
    assert editor.zoning.labels[[code(3), code(9)]].tolist() == ["A", "B"]
    assert [each.order for each in told[0].withdrawn] == [2, 2]
    assert told[0].revisions == ()
    view.change(move(2, 9, "A"), move(2, 15, "A"))  # redo
    assert editor.zoning.labels[code(15)] == "A"


def test_undo_from_python_takes_the_last_step_off(editor):
    editor.undo()
    assert editor.revisions == ()
    editor.revise([tt.Revision("move", code(3), "A", order=1)])
    editor.revise([tt.Revision("move", code(each), "A", order=2) for each in (9, 15)])
    view = View(editor)
    assert editor.undo() is editor.zoning
    assert (view.heard[0]["of"], view.heard[0]["keep"], view.heard[0]["lines"]) == (3, 1, [])
    assert len(editor.revisions) == 1


def test_an_undone_line_of_the_log_is_replayed(editor):
    view = View(editor)
    view.change(move(1, 3, "A"))
    view.change(move(2, 9, "A"))
    view.change(line(3, "undo", target="1"))
    assert editor.zoning.labels[[code(3), code(9)]].tolist() == ["B", "A"]
    editor.revise([tt.Revision("undo", target="3")])
    assert editor.zoning.labels[[code(3), code(9)]].tolist() == ["A", "A"]


def test_the_log_goes_on(editor):
    """A log that was read goes first, with its own steps, and its numbers from 1."""
    log = [tt.Revision("move", code(3), "A", order=4), tt.Revision("undo", target="4", order=9)]
    again = tt.TerritoryEditor(draft(), revisions=log)
    assert [(each.order, each.target) for each in again.revisions] == [(1, "A"), (2, "1")]
    assert again.zoning.labels[code(3)] == "B"
    with pytest.raises(tt.ConstraintError):
        tt.TerritoryEditor(draft(), revisions=[tt.Revision("move", code(3), "nowhere")])


def test_a_view_that_opens_gets_the_whole_log(editor):
    """The cell that is run again, or a second one, shows the draft as it is now."""
    editor.revise([tt.Revision("move", code(3), "A"), tt.Revision("move", code(9), "A")])
    second = View(editor, "2-2")
    second.say("open")
    (state,) = second.heard
    assert (state["type"], state["view"]) == ("state", "2-2")
    assert [each["code"] for each in state["lines"]] == [code(3), code(9)]
    assert set(state["exact"]) == {"A", "B", "C"}


def test_a_decision_that_comes_too_late_is_told(editor):
    """Two views at once: the second one is given what the first did, and told so."""
    view = View(editor)
    editor.revise([tt.Revision("move", code(3), "A")])
    answer = view.change(move(1, 9, "A"), of=0, keep=0)
    with using("fr"):
        assert answer["told"] == [say("editor.overtaken")]
    assert answer["type"] == "state"
    assert len(editor.revisions) == 1


def test_the_drafts_have_logs_of_their_own():
    other = draft()
    other = tt.Zoning.from_labels(other.labels.replace("C", "B"), communes=other.communes)
    editor = tt.TerritoryEditor(draft(), drafts={"Deux": other})
    view = View(editor)
    view.change(move(1, 3, "A"))
    answer = view.change(keep=0, draft=1, scenario="Deux")
    assert (answer["draft"], answer["scenario"]) == (1, "Deux")
    assert editor.zoning.labels.tolist() == other.labels.tolist()
    assert editor.revisions == ()
    view.change(move(1, 3, "A"), keep=0, draft=0)
    assert editor.zoning.labels[[code(3), code(5)]].tolist() == ["A", "C"]


def test_what_a_callback_raises_is_not_lost(editor, capsys):
    """The draft changed all the same, the page is told, the other functions are called."""
    view, called = View(editor), []

    def wrong(_: object) -> None:
        msg = "no such file"
        raise FileNotFoundError(msg)

    editor.on_move(wrong)
    editor.on_move(called.append)
    with pytest.raises(FileNotFoundError):
        editor.revise([tt.Revision("move", code(3), "A")])
    assert editor.zoning.labels[code(3)] == "A"
    assert "FileNotFoundError" in view.heard[-1]["told"][0]
    assert len(called) == 1
    view.change(move(2, 9, "A"))  # as the kernel does, which shows what is raised
    assert "no such file" not in json.dumps(view.heard)
    assert len(called) == 2
    editor.on_move(wrong, remove=True)
    editor.undo()
    assert len(called) == 3


# ---------------------------------------------------------------- redraw


def test_redraw_follows_the_flows_and_keeps_the_locks():
    """Communes of the first rows that were given to A go back; what is locked stays."""
    zoning = draft()
    rows = [(own, pole, 500) for own in range(1, 25) for pole in (8 + 2 * ((own - 1) % 6 // 2),)]
    table = flows([(code(one), code(other), count) for one, other, count in rows], zoning.communes)
    given_away = [tt.Revision("move", code(each), "A", order=1) for each in (3, 4, 9)]
    options = {"population": (None, None)}
    editor = tt.TerritoryEditor(zoning, table)
    editor.revise(given_away)
    view = View(editor)
    view.say("redraw", around=[code(10)])
    assert editor.zoning.labels[[code(3), code(4), code(9)]].tolist() == ["B", "B", "B"]
    added = editor.revisions[3:]
    assert {(each.action, each.order, each.author) for each in added} == {("move", 2, "moteur")}
    assert all(each.reason for each in added)
    assert view.heard[-1]["view"] is None
    editor.redraw([code(10)], **options)
    assert len(editor.revisions) == 3 + len(added)
    with using("fr"):
        assert view.heard[-1]["told"] == [say("editor.redrawn_same")]

    locked = tt.TerritoryEditor(zoning, table)
    locked.revise([*given_away, tt.Revision("lock", territory="A", order=2)])
    locked.redraw([code(10)], **options)
    assert locked.zoning.labels[[code(3), code(4), code(9)]].tolist() == ["A", "A", "A"]
    assert len(locked.revisions) == 4


def test_redraw_needs_flows_and_a_place(editor):
    with pytest.raises(tt.ConstraintError), using("en"):
        editor.redraw()
    view = View(bare := tt.TerritoryEditor(draft()))
    with pytest.raises(tt.InputError, match="no flows"), using("en"):
        bare.redraw([code(1)])
    view.say("redraw", around=[code(1)])
    with using("fr"):
        assert view.heard[-1]["told"] == [say("error.editor_without_flows")]


# ---------------------------------------------------------------- the log


ACTIONS = ("move", "move", "move", "release", "share", "claim", "merge", "lock", "unlock", "undo")


@st.composite
def changes(draw):
    """Draw changes of a log: how much of it stays, and the steps that follow."""
    return draw(
        st.lists(
            st.tuples(
                st.integers(0, 3),
                st.lists(
                    st.tuples(st.sampled_from(ACTIONS), st.integers(1, 24), st.permutations("ABC")),
                    max_size=3,
                ),
                st.booleans(),
            ),
            max_size=5,
        )
    )


@given(changes())
@HEAVY
def test_steps_taken_one_by_one_are_the_log_replayed(rows):
    """However the log came about, the draft is that of the whole log on the base."""
    base = draft()
    history = History(base)
    for back, steps, force in rows:
        keep = max(0, len(history.lines) - back)
        last = history.lines[keep - 1].order if keep else 0
        lines = []
        for action, number, names in steps:
            last += draw_same(number, lines)
            target = {"share": "|".join(names[:2]), "undo": str(max(1, last - 1))}
            lines.append(
                tt.Revision(
                    action,
                    code(number),
                    target.get(action, names[0]),
                    max(last, 1),
                    territory=names[1],
                    force=force,
                )
            )
        taken = history.change(keep, lines)
        assert len(taken.results) == len(lines)
        whole = tt.replay(base, history.lines)
        assert history.zoning.membership.equals(whole.zoning.membership)
        assert history.zoning.claims == whole.zoning.claims
        assert history.zoning.locked == whole.zoning.locked
        assert history.zoning.revisions == whole.zoning.revisions
        results = whole.lines["result"].sort_index()
        assert taken.results == tuple(results)[len(history.lines) - len(lines) :]


def draw_same(number: int, lines: list[tt.Revision]) -> int:
    """Tell whether a line is of a step of its own."""
    return 0 if lines and number % 3 == 0 else 1


# ---------------------------------------------------------------- what is saved


CELLS = (
    (
        "import sys\n"
        "sys.path.insert(0, TESTS)\n"
        "from pathlib import Path\n"
        "from test_widget import care, code, draft, tt\n"
        "zoning = draft()\n"
        "editor = tt.TerritoryEditor(zoning, care(zoning))\n"
        "def tell(move):\n"
        "    lines = [editor.zoning.labels[code(3)], repr(move), repr(editor)]\n"
        "    Path('told.txt').write_text('\\n'.join(lines), encoding='utf-8')\n"
        "editor.on_move(tell)"
    ),
    "editor",
)


def cells() -> tuple[str, ...]:
    return (CELLS[0].replace("TESTS", repr(str(Path(__file__).parent))), *CELLS[1:])


def exact_texts(zoning: tt.Zoning) -> list[str]:
    """List the figures that may not be kept, as they would be written."""
    found = evaluate(zoning, care(zoning))
    return [f"{value:.8f}"[:8] for name in ("li", "leakage") for value in found[name]]


def check_kept(text: str, data: dict) -> None:
    """Check that neither exact figures nor small counts are in what is kept of a notebook."""
    zoning = draft()
    moved = zoning.revise([tt.Revision("move", code(3), "A")])
    for exact in (*exact_texts(zoning), *exact_texts(moved)):
        assert exact not in text
    shown = [count for count in data["flows"]["patients"] if count]
    assert shown
    assert min(shown) > 10
    small = care(zoning).table["patients"] <= 10
    assert small.any()


def test_a_saved_notebook_holds_what_the_page_may_show(tmp_path):
    """The state of the widget and the outputs stay in the file; exact figures do not."""
    more = 'editor.revise([tt.Revision("move", code(3), "A")]); editor.redraw(); editor.undo();'
    path = written(tmp_path / "notebook.ipynb", *cells(), more, "editor")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=60, store_widget_state=True, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    text = nbformat.writes(notebook)
    state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    data = [each["state"]["_data"] for each in state.values() if "_data" in each["state"]]
    check_kept(text.replace(json.dumps(data[0]), ""), json.loads(data[0]))
    check_kept(data[0], json.loads(data[0]))
    bundle = notebook.cells[-1].outputs[0]["data"]
    assert "relancez la cellule" in bundle["text/html"]
    assert "<img" not in bundle["text/html"]


def test_what_stands_in_for_the_page_runs_nothing():
    hostile = "<img src=x onerror=window.__xss=1>"
    editor = tt.TerritoryEditor(replace(draft(), name=hostile))
    data, _ = editor._repr_mimebundle_()
    assert "<img" not in data["text/html"]
    assert hostile in data["text/plain"]


# ---------------------------------------------------------------- in a browser


PAGE = """<!doctype html><meta charset="utf-8"><title>Widget</title>
<style>html, body {{ height: 100%; margin: 0 }} .out {{ height: 700px }} {style}</style>
<script>window.define = () => {{ throw new Error("taken by a loader") }}; window.define.amd = {{}};
window.L = "another";</script>
<div class="out"></div><div class="out"></div>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}
const heard = [];
const said = (window.said = []); // promises, kept once Python has heard
const python = {{
  get: () => document.getElementById("data").textContent,
  send: (message) => said.push(window.toPython(message)),
  on: (_, listener) => heard.push(listener),
  off: (_, listener) => heard.splice(heard.indexOf(listener), 1),
}};
window.fromPython = (messages) =>
  messages.forEach((message) => heard.forEach((listen) => listen(message)));
for (const el of document.querySelectorAll(".out")) widget.render({{ model: python, el }});
</script>
"""


class Shown:
    """Two views of an editor in one page; what they say waits until `pass_on`."""

    def __init__(self, page: Page, editor: tt.TerritoryEditor) -> None:
        self.page, self.editor = page, editor
        self.said, self.answers = [], []
        tell = editor.send
        editor.send = lambda content, buffers=None: (
            self.answers.append(json.loads(json.dumps(content))),
            tell(content, buffers),
        )

    def hear(self, message: dict) -> None:
        """Keep what a view says."""
        self.said.append(message)

    def pass_on(self) -> None:
        """Pass on what both sides say until they are silent."""
        for _ in range(20):
            self.page.evaluate("() => Promise.all(window.said)")
            if not self.said and not self.answers:
                return
            for message in self.said[:]:
                self.said.remove(message)
                self.editor._handle_custom_msg(message, [])  # noqa: SLF001
            answers, self.answers = self.answers, []
            self.page.evaluate("messages => window.fromPython(messages)", answers)
        pytest.fail("they do not stop talking")

    def do(self, view: int, work: str) -> object:
        """Do something with the model of a view."""
        chosen = f"const {{ app }} = document.querySelectorAll('.te-widget')[{view}];"
        return self.page.evaluate(f"() => {{ {chosen} return {work}; }}")

    def labels(self, view: int) -> dict[str, object]:
        """Read the territories of all communes in a view."""
        return self.do(
            view,
            "Object.fromEntries(app.data.codes.map((code, k) => [code, app.model.members(k)]))",
        )

    def check(self) -> None:
        """Check that both views have the draft and the log of Python."""
        self.pass_on()
        table = self.editor.zoning.membership
        expected = {each: [] for each in self.editor.zoning.communes.index}
        for each in table.itertuples(index=False):
            expected[each.code].append([each.territory, pytest.approx(each.weight)])
        for view in (0, 1):
            assert self.labels(view) == expected
            assert self.do(view, "app.model.lines().length") == len(self.editor.revisions)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def shown(browser: Browser, editor: tt.TerritoryEditor, tmp_path: Path) -> Iterator[Shown]:
    """Give two views of the editor in a plain page, with the loader of old notebooks in it."""
    with both_of(browser, editor, tmp_path) as both:
        yield both


@contextlib.contextmanager
def both_of(browser: Browser, editor: tt.TerritoryEditor, tmp_path: Path) -> Iterator[Shown]:
    """Show an editor twice; nothing may be asked for, nor go wrong."""
    script = editor._esm.replace("export default", "const widget =")  # noqa: SLF001
    path = tmp_path / "widget.html"
    data = editor._data.replace("<", "\\u003c")  # noqa: SLF001
    page = PAGE.format(style=editor._css, data=data, script=script)  # noqa: SLF001
    path.write_text("<!doctype html><title>Widget</title>", encoding="utf-8")
    with opened(browser, path, height=1450) as found:
        both = Shown(found.page, editor)
        found.page.expose_function("toPython", both.hear)
        path.write_text(page, encoding="utf-8")
        found.page.reload()
        found.page.wait_for_function("document.querySelectorAll('.te-widget').length === 2")
        found.page.wait_for_function(
            "[...document.querySelectorAll('.te-widget')].every(({ app }) => app)"
        )
        both.pass_on()
        yield both
        assert (found.requests, found.errors) == ([], [])


@pytest.mark.browser
def test_two_views_and_python_stay_in_step(shown: Shown):
    """Two cells that show one editor: what is done in one, or from Python, is done in all."""
    move = "app.step([{{ action: 'move', code: '{}', target: '{}' }}])"
    shown.do(0, move.format(code(3), "A"))
    shown.check()
    assert shown.editor.zoning.labels[code(3)] == "A"
    shown.do(1, move.format(code(9), "A"))
    shown.check()
    shown.editor.revise([tt.Revision("move", code(15), "A", author="Dr <b>É</b>")])
    shown.check()
    shown.do(1, "app.undo()")
    shown.check()
    assert len(shown.editor.revisions) == 2
    shown.do(1, "app.redo()")
    shown.check()
    shown.editor.undo()
    shown.check()
    shown.do(0, "app.model.undoStep(1, {})")
    shown.check()
    assert shown.editor.zoning.labels[[code(3), code(9)]].tolist() == ["B", "A"]
    # Both at once: the second is told, and has what Python has.
    shown.do(0, move.format(code(15), "A"))
    shown.do(1, move.format(code(17), "B"))
    shown.check()
    assert shown.editor.zoning.labels[code(15)] == "A"
    assert shown.editor.zoning.labels[code(17)] == "C"
    shown.do(0, "app.model.duplicate('Autre')")
    shown.do(0, move.format(code(17), "B"))
    shown.check()
    shown.do(0, "app.model.switchTo(0)")
    shown.check()
    assert shown.editor.zoning.labels[code(17)] == "C"


@pytest.mark.browser
def test_the_page_has_exact_figures_of_what_was_touched(shown: Shown):
    """Where the page alone has bounds, Python's figures stand."""
    shown.editor.revise([tt.Revision("move", code(3), "A")])
    shown.check()
    exact = evaluate(shown.editor.zoning, shown.editor._flows)["leakage"]  # noqa: SLF001
    for view in (0, 1):
        found = shown.do(view, "[...app.exactFigures]")
        assert {name: each["leakage"] for name, each in found} == exact.to_dict()


@pytest.mark.browser
def test_a_click_on_the_map_and_the_button(shown: Shown):
    """By the mouse, as people do: a commune is painted, then the borders are redrawn around it."""
    shown.do(0, "app.target('A')")
    shown.do(0, "app.tool('paint')")
    settled(shown.page)
    place = shown.do(
        0,
        "(() => { const [lng, lat] = app.stage.centres[app.numberOf('00003')].point;"
        " const { x, y } = app.stage.map.latLngToContainerPoint([lat / 1e5, lng / 1e5]);"
        " const box = app.shell.map.getBoundingClientRect(); return [box.x + x, box.y + y]; })()",
    )
    shown.page.mouse.click(*place)
    shown.check()
    assert shown.editor.zoning.labels["00003"] == "A"
    shown.do(0, "app.select(app.numberOf('00009'))")
    shown.page.locator(".te-around").first.click()
    shown.check()
    assert shown.editor.revisions[-1].author == "moteur"
    assert shown.editor.zoning.labels["00003"] == "B"


@pytest.mark.browser
def test_keys_stay_in_the_widget(shown: Shown):
    """D twice deletes a cell of the notebook: our keys do not get there, nor its keys here."""
    shown.page.evaluate(
        "() => { window.keys = []; document.onkeydown = (event) => window.keys.push(event.key); }"
    )
    shown.page.locator(".te-stage").first.focus()
    shown.page.keyboard.press("v")
    assert shown.page.evaluate("window.keys") == []
    shown.page.evaluate("document.activeElement.blur()")
    shown.page.keyboard.press("v")
    assert shown.page.evaluate("window.keys") == ["v"]
    assert shown.page.evaluate("document.activeElement === document.body")


@pytest.mark.browser
def test_leaflet_is_shut_in(shown: Shown):
    """The notebook's own loader and its own Leaflet are left alone."""
    assert shown.page.evaluate("window.L") == "another"


@pytest.mark.browser
def test_names_run_nothing(browser: Browser, tmp_path: Path):
    """Hostile names of communes, territories, drafts, authors and reasons are only shown."""
    hostile = "</script><img src=x onerror=window.__xss=1>{{7*7}}\u2028$&`"
    zoning = draft()
    communes = zoning.communes.assign(name=hostile)
    names = {each: f"{each} {hostile}" for each in "ABC"}
    zoning = replace(zoning, communes=communes, name=hostile, names=names)
    editor = tt.TerritoryEditor(zoning, care(zoning), title=hostile, note=hostile)
    with both_of(browser, editor, tmp_path) as both:
        about = {"author": hostile, "reason": hostile}
        editor.revise([tt.Revision("move", code(3), "A", **about)])
        both.do(0, f"app.step([{{ action: 'rename', territory: 'B', target: {hostile[:30]!r} }}])")
        both.check()
        both.do(1, "app.select(4)")
        both.do(0, "app.shell.tabs.querySelectorAll('button').forEach((each) => each.click())")
        both.page.wait_for_timeout(200)
        assert both.page.evaluate("window.__xss") is None


@pytest.mark.browser
def test_random_steps(shown: Shown):
    """Random decisions of two views and of Python, undone here and there."""
    random.seed(7)
    for _ in range(40):
        view, number = random.randint(0, 1), random.randint(1, 24)
        names = random.sample("ABC", 3)
        line = {"action": "move", "code": code(number), "target": names[0]}
        step = (
            f"app.model.step([{json.dumps(line)}], {{ force: {random.choice(['true', 'false'])} }})"
        )
        kind = random.choice(["step", "step", "undo", "redo", "release", "python", "share", "lock"])
        if kind == "python":
            try:
                shown.editor.revise([tt.Revision("move", code(number), names[0])])
            except tt.ConstraintError:
                continue
        elif kind in ("undo", "redo"):
            shown.do(view, f"app.model.{kind}() && 0")
        elif kind == "step":
            shown.do(view, f"{step} && 0")
        else:
            action = "unlock" if kind == "lock" and random.random() < 0.6 else kind
            line |= {"action": action, "territory": names[1], "target": "|".join(names[:2])}
            shown.do(view, f"app.model.step([{json.dumps(line)}], {{ force: true }}) && 0")
        shown.check()
    assert len(shown.editor.revisions) > 5


# ---------------------------------------------------------------- JupyterLab and Voilà


CLICK = """async () => {
  const { app } = document.querySelector(".te-widget");
  app.target("A");
  return await app.step([{ action: "move", code: "00003", target: "A" }]);
}"""

# The page of Voilà itself asks for its icons; ours are drawn.
OF_VOILA = "https://cdn.jsdelivr.net/npm/@fortawesome/"


@pytest.mark.browser
@pytest.mark.parametrize("program", ["lab", "voila"])
def test_jupyter(browser: Browser, tmp_path: Path, program: str):
    """A click in the page changes `editor.zoning` in Python; the network is asked for nothing."""
    path = written(tmp_path / "notebook.ipynb", *cells())
    with served(program, path) as address, seen(browser, address) as found:
        page = found.page
        if program == "lab":
            run_all(page)
        page.wait_for_selector(".te-widget[data-ready=true]")
        assert page.evaluate(CLICK) is True
        told = tmp_path / "told.txt"
        for _ in range(100):
            if told.exists():
                break
            page.wait_for_timeout(100)
        assert told.read_text(encoding="utf-8").startswith("A\n")
        page.wait_for_function("document.querySelector('.te-widget').app.exactFigures.size > 1")
        assert [each for each in found.requests if not each.startswith(OF_VOILA)] == []
        if program == "lab":
            assert found.errors == []
            text = saved(page, path)
            for exact in exact_texts(draft().revise([tt.Revision("move", code(3), "A")])):
                assert exact not in text
            assert "relancez la cellule" in text
