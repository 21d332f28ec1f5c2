"""The model of the workshop's page: rules, history, figures, scenarios, and its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from browser import started
from shapely.geometry import shape
from workshops import drawn_payload, model_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

WEST_EAST = """
    AAABBB
    AAABBB
    AAABBB
"""
A, B = "Pays A", "Pays B"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with model_page(browser, tmp_path_factory.mktemp("model")) as found:
        yield found


def run(page: Page, data: dict[str, Any], script: str, more: Any = None) -> Any:
    """Run a script that has a fresh `model` of the payload, and return what it returns."""
    return page.evaluate(
        f"([data, more]) => {{ const model = createModel(data); {script} }}", [data, more]
    )


def stepped(page: Page, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Take one step on the drawn territories; return what it gave and where communes are."""
    data = drawn_payload(WEST_EAST, **more)
    script = """
        const result = model.step(more.lines, { force: more.force });
        return {
          ok: result.ok, cuts: result.cuts, touched: result.touched, communes: result.communes,
          faults: result.faults.map(({ key }) => key),
          members: Object.fromEntries(data.codes.map((code, k) => [code, model.members(k)])),
          claims: Object.fromEntries(data.codes.map((code, k) => [code, model.claims(k)])),
          territories: Object.fromEntries(model.territories().map((each) => [each.id, each])),
        };
    """
    force = any(line.pop("forced", False) for line in lines)
    return run(page, data, script, {"lines": lines, "force": force})


def move(code: str, target: str = "B") -> dict[str, Any]:
    return {"action": "move", "code": code, "target": target}


# ---------------------------------------------------------------- actions


def test_move_and_release(page: Page) -> None:
    found = stepped(page, [move("00003"), {"action": "release", "code": "00006"}])
    assert found["ok"]
    assert found["members"]["00003"] == [["B", 1]]
    assert found["members"]["00006"] == []
    assert found["touched"] == ["A", "B"]
    assert found["communes"] == [2, 5]


@pytest.mark.parametrize("target", ["Pays B", "pays b", "PAYS-B", " Pâys  B"])
def test_territories_are_found_by_name(page: Page, target: str) -> None:
    assert stepped(page, [move("00003", target)])["members"]["00003"] == [["B", 1]]


def test_share_with_parts_and_without(page: Page) -> None:
    lines = [
        {"action": "share", "code": "00003", "target": "A|B", "parts": [1, 2]},
        {"action": "share", "code": "00009", "target": "B|A"},
    ]
    found = stepped(page, lines)
    assert found["members"]["00003"] == [["B", 2 / 3], ["A", 1 / 3]]
    assert found["members"]["00009"] == [["A", 0.5], ["B", 0.5]]


def test_claims_come_and_go(page: Page) -> None:
    claim = {"action": "claim", "code": "00001", "target": "B"}
    assert stepped(page, [claim])["claims"]["00001"] == ["B"]
    assert stepped(page, [{**claim, "target": "A"}])["claims"]["00001"] == []
    withdrawn = stepped(page, [claim, {**claim, "action": "withdraw"}])
    assert withdrawn["claims"]["00001"] == []
    moved = stepped(page, [claim, move("00001", "A")])
    assert moved["claims"]["00001"] == []


def test_new_rename_colour(page: Page) -> None:
    lines = [
        {"action": "new", "territory": "N", "target": "Neuf"},
        move("00018", "N"),
        {"action": "rename", "territory": "A", "target": "Ouest"},
        {"action": "colour", "territory": "B", "target": "#ABCDEF"},
    ]
    territories = stepped(page, lines)["territories"]
    assert territories["N"]["name"] == "Neuf"
    assert not territories["N"]["empty"]
    assert territories["A"]["name"] == "Ouest"
    assert territories["B"]["colour"] == "#abcdef"
    # That of A is taken; B has just given up its own.
    assert territories["N"]["colour"] == "#d55e00"


def test_merge_adds_weights_and_moves_claims(page: Page) -> None:
    more = {
        "shared": {"2": [[0, 0.75], [1, 0.25]]},
        "claims": {"0": [1], "17": [0]},
    }
    found = stepped(page, [{"action": "merge", "territory": "B", "target": "A"}], **more)
    assert found["members"]["00003"] == [["A", 1]]
    assert found["members"]["00018"] == [["A", 1]]
    assert list(found["territories"]) == ["A"]
    assert not any(found["claims"].values())


def test_locks_and_statuses(page: Page) -> None:
    lock = {"action": "lock", "territory": "*"}
    assert all(each["locked"] for each in stepped(page, [lock])["territories"].values())
    status = {"action": "status", "territory": "A", "target": "contractualisation"}
    found = stepped(page, [lock, {"action": "unlock", "territory": A}, status])["territories"]
    assert (found["A"]["status"], found["A"]["lock"], found["A"]["locked"]) == (
        "contracting",
        None,
        True,
    )
    lifted = stepped(page, [status, {"action": "unlock", "territory": "A"}])["territories"]["A"]
    assert not lifted["locked"]


# ---------------------------------------------------------------- what is refused

FAULTS = [
    ({"action": "fly", "code": "00001"}, "revision_action"),
    (move("99999"), "revision_commune"),
    (move("00001", "Nowhere"), "revision_target"),
    (move("00001", ""), "revision_target"),
    ({"action": "rename", "territory": "Z", "target": "x"}, "revision_territory"),
    ({"action": "share", "code": "00001", "target": "A"}, "revision_share"),
    ({"action": "share", "code": "00001", "target": "A|A"}, "revision_share"),
    ({"action": "share", "code": "00001", "target": "A|B", "parts": [1]}, "revision_share"),
    ({"action": "share", "code": "00001", "target": "A|B", "parts": [1, 0]}, "revision_share"),
    ({"action": "new", "territory": "A"}, "revision_exists"),
    ({"action": "new", "territory": "N", "target": B}, "revision_exists"),
    ({"action": "rename", "territory": "A", "target": "B"}, "revision_exists"),
    ({"action": "rename", "territory": "A", "target": " "}, "revision_name"),
    ({"action": "rename", "territory": "A", "target": "x" * 121}, "revision_name"),
    ({"action": "new", "territory": "N\n2"}, "revision_name"),
    ({"action": "colour", "territory": "A", "target": "red"}, "revision_colour"),
    ({"action": "status", "territory": "A", "target": "soon"}, "revision_status"),
    ({"action": "merge", "territory": "A", "target": A}, "revision_self"),
    ({"action": "undo", "target": "7"}, "revision_undo"),
]


@pytest.mark.parametrize(("line", "key"), FAULTS)
def test_a_line_that_is_refused_stops_no_other(page: Page, line: dict[str, Any], key: str) -> None:
    alone = stepped(page, [dict(line)])
    assert (alone["ok"], alone["faults"], alone["communes"]) == (False, [key], [])
    if line["action"] != "undo":
        both = stepped(page, [dict(line), move("00003")])
        assert (both["faults"], both["communes"]) == ([key], [2])


def test_overlaps_may_be_forbidden(page: Page) -> None:
    settings = {"overlaps": False, "public": False, "bounds": [40_000, 80_000, 175_000]}
    share = {"action": "share", "code": "00003", "target": "A|B"}
    assert stepped(page, [share], settings=settings)["faults"] == ["revision_overlap"]


def test_a_name_of_several_is_ambiguous(page: Page) -> None:
    lines = [
        {"action": "rename", "territory": "A", "target": "Val d’Or"},
        {"action": "rename", "territory": "B", "target": "Val d'or"},
        move("00001", "VAL D OR"),
    ]
    assert stepped(page, lines)["faults"] == ["revision_ambiguous"]


@pytest.mark.parametrize(
    "line",
    [
        move("00003"),
        {"action": "release", "code": "00018"},
        {"action": "share", "code": "00003", "target": "A|B"},
        {"action": "merge", "territory": "A", "target": "B"},
        {"action": "merge", "territory": "B", "target": "A"},
    ],
)
def test_a_lock_holds_even_when_forced(page: Page, line: dict[str, Any]) -> None:
    lock = {"action": "lock", "territory": "B"}
    found = stepped(page, [lock, {**line, "force": True, "forced": True}])
    assert found["faults"] == ["revision_locked"]
    assert found["communes"] == []


def test_what_a_lock_allows(page: Page) -> None:
    lines = [
        {"action": "lock", "territory": "*"},
        {"action": "claim", "code": "00001", "target": "B"},
        {"action": "rename", "territory": "B", "target": "Est"},
        {"action": "colour", "territory": "B", "target": "#000000"},
        move("00001", "A"),  # it is there already
    ]
    assert stepped(page, lines)["faults"] == []


def test_a_step_that_cuts_is_refused_whole_unless_forced(page: Page) -> None:
    lines = [move("00003"), move("00008"), move("00001", "B")]
    found = stepped(page, [dict(each) for each in lines])
    assert (found["ok"], found["cuts"], found["communes"]) == (False, ["A", "B"], [])
    forced = stepped(page, [{**each, "forced": True} for each in lines])
    assert (forced["ok"], forced["cuts"]) == (True, ["A", "B"])
    assert forced["communes"] == [0, 2, 7]


def test_communes_in_between_may_come_in_the_same_step(page: Page) -> None:
    """Only the end of a step counts: a stroke may begin at its far end."""
    assert stepped(page, [move("00002"), move("00003")])["ok"]


# ---------------------------------------------------------------- history


def test_undo_and_redo_without_end(page: Page) -> None:
    script = """
        const states = [JSON.stringify(modelState(model))];
        for (let k = 0; k < 60; k += 1) {
          const column = [3, 4][k % 2];
          const target = k % 4 < 2 ? "A" : "B";
          const lines = [0, 1, 2].map((row) => (
            { action: "move", code: data.codes[row * 6 + column], target }));
          model.step(lines, { force: true });
          if (k % 5 === 0) model.step([{ action: "new", territory: model.freshId() }]);
          if (k % 7 === 0) model.undoStep(1 + (k % 3), {});
          states.push(JSON.stringify(modelState(model)));
        }
        const count = model.scenarios[0].cursor;
        const last = JSON.stringify(modelState(model));
        let back = 0;
        while (model.canUndo) { model.undo(); back += 1; }
        const first = JSON.stringify(modelState(model)) === states[0];
        while (model.canRedo) model.redo();
        return [count, back, first, JSON.stringify(modelState(model)) === last];
    """
    count, back, first, last = run(page, drawn_payload(WEST_EAST), script)
    assert count > 60
    assert back == count
    assert first
    assert last


def test_what_is_undone_is_not_in_the_log_and_a_new_step_takes_its_place(page: Page) -> None:
    script = """
        model.step([more[0]]);
        model.step([more[1]]);
        model.undo();
        const between = [model.lines().length, model.canRedo];
        model.step([more[2]]);
        return [between, model.lines().map(({ order, code }) => [order, code]), model.canRedo];
    """
    lines = [move("00003"), move("00009"), move("00015")]
    between, listed, redo = run(page, drawn_payload(WEST_EAST), script, lines)
    assert between == [1, True]
    assert listed == [[1, "00003"], [2, "00015"]]
    assert not redo


def test_a_step_is_undone_by_a_line_and_the_undo_too(page: Page) -> None:
    script = """
        const results = () => model.lines().map(({ result }) => result);
        const told = () => [results(), model.main(2), model.main(8)];
        model.step([more[0]]);
        model.step([more[1]]);
        const found = [];
        model.undoStep(1, { author: "Anne", reason: "erreur" }); found.push(told());
        model.undoStep(3); found.push(told());
        found.push(model.undoStep(9).faults.map(({ key }) => key));
        model.undo(); model.undo(); found.push(told());
        return [found, model.last.touched];
    """
    lines = [move("00003"), move("00009")]
    found, touched = run(page, drawn_payload(WEST_EAST), script, lines)
    assert found == [
        [["undone", "applied", "applied"], "A", "B"],
        [["applied", "applied", "undone", "applied"], "B", "B"],
        ["revision_undo"],
        [["applied", "applied"], "B", "B"],
    ]
    assert touched == ["A", "B"]


def test_what_followed_an_undone_step_may_no_longer_apply(page: Page) -> None:
    script = """
        model.step([{ action: "new", territory: "N" }]);
        model.step([{ action: "move", code: "00003", target: "N" }]);
        const { faults } = model.undoStep(1);
        const results = model.lines().map(({ result }) => result);
        return [faults.map(({ key }) => key), results, model.main(2)];
    """
    found = run(page, drawn_payload(WEST_EAST), script)
    assert found == [["revision_target"], ["undone", "fault", "applied"], "A"]


def test_a_step_that_changes_nothing_is_no_decision(page: Page) -> None:
    script = """
        const result = model.step([{ action: "move", code: "00001", target: "A" }]);
        return [result.ok, model.lines().length, model.canUndo];
    """
    assert run(page, drawn_payload(WEST_EAST), script) == [True, 0, False]


def test_listeners_and_what_the_last_step_did(page: Page) -> None:
    script = """
        const heard = [];
        const hear = ({ kind, touched, communes }) => heard.push([kind, touched, communes]);
        const stop = model.on(hear);
        const result = model.step([more], { author: "Anne", reason: "=signé" });
        model.undo();
        stop();
        model.redo();
        const { before, after } = result;
        return [heard, before.A.communes, after.A.communes, model.last.after.B.communes];
    """
    heard, before, after, last = run(page, drawn_payload(WEST_EAST), script, move("00003"))
    assert heard == [["step", ["A", "B"], [2]], ["undo", ["A", "B"], [2]]]
    assert (before, after, last) == (9, 8, 10)


def test_a_public_copy_is_read_only(page: Page) -> None:
    settings = {"overlaps": True, "public": True, "bounds": [40_000, 80_000, 175_000]}
    script = """
        const result = model.step([more]);
        return [result.ok, result.faults.map(({ key }) => key), model.main(2), model.canUndo];
    """
    found = run(page, drawn_payload(WEST_EAST, settings=settings), script, move("00003"))
    assert found == [False, ["editor.public_copy"], "A", False]


# ---------------------------------------------------------------- figures


def test_figures_of_a_territory(page: Page) -> None:
    flows = {
        "start": [0, *[2] * 18],
        "to": [1, 5],
        "patients": [30, 10],
        "rest_low": [0] * 18,
        "rest_high": [10, *[0] * 17],
        "outside": [],
    }
    data = drawn_payload(WEST_EAST, flows=flows)
    script = "return [model.figures('A'), model.figures('B'), model.flowsOf(0)];"
    west, east, rows = run(page, data, script)
    people = sum(1_000 * k for k in (1, 2, 3, 7, 8, 9, 13, 14, 15))
    assert (west["communes"], west["population"]) == (9, people)
    assert (west["size"], west["next"]) == (2, 80_000 - people)
    assert west["li"] == {"low": 30 / 50, "high": 40 / 50}
    assert west["leakage"] == {"low": 1 - 40 / 50, "high": 1 - 30 / 50}
    assert east["li"] is None
    assert not west["hidden"]
    assert [row["to"] for row in rows] == [1, 5]
    assert (rows[0]["low"], rows[0]["high"]) == (30 / 50, 30 / 40)


def test_claims_with_what_the_flows_say(page: Page) -> None:
    flows = {
        "start": [0, 3, *[3] * 17],
        "to": [0, 1, 5],
        "patients": [50, 30, 20],
        "rest_low": [0] * 18,
        "rest_high": [25, *[0] * 17],
        "outside": [],
    }
    data = drawn_payload(WEST_EAST, flows=flows, claims={"0": [1]})
    own, claim = run(page, data, "return model.claimEvidence(0);")
    assert (own["id"], own["member"], own["patients_low"], own["patients_high"]) == (
        *("A", True, 30, 55),
    )
    assert (claim["id"], claim["share_low"], claim["share_high"]) == ("B", 20 / 125, 45 / 125)


def test_white_zones_and_enclaves(page: Page) -> None:
    picture = """
        BBBBBB
        BAAAAB
        BABBAB
        BAB.AB
        BAAAAB
        BBBBBB
    """
    script = """
        return model.whiteZones().map(({ commune, kind, territory, within }) => (
          [data.codes[commune], kind, territory, within]));
    """
    found = {each[0]: each[1:] for each in run(page, drawn_payload(picture), script)}
    assert found["00022"] == ["uncovered", None, "A"]
    assert found["00015"] == ["enclave", "B", "A"]
    assert found["00008"] == ["enclave", "A", "B"]
    assert len(found) == 16


def test_people_add_up_and_unknown_ones_are_told(page: Page) -> None:
    lines = [{"action": "share", "code": "00003", "target": "A|B|C", "parts": [1, 1, 1]}]
    script = """
        model.step([{ action: "new", territory: "C" }]);
        model.step(more, { force: true });
        return ["A", "B", "C"].map((id) => model.figures(id).population);
    """
    data = drawn_payload(WEST_EAST)
    data["population"][2] = 100
    people = run(page, data, script, lines)
    assert sum(people) == sum(data["population"])
    assert people[2] == 33
    data["population"][0] = None
    assert run(page, data, script, lines)[0] is None


# ---------------------------------------------------------------- division


def test_split_gives_two_parts_in_one_piece(page: Page) -> None:
    picture = """
        AAAAAA
        A_AA_A
        AAAAAA
        AA__AA
    """
    script = """
        return data.codes.map((_, commune) => {
          const fresh = createModel(data);
          const result = fresh.step(fresh.split("A", commune));
          const ids = fresh.territories().map(({ id }) => id);
          return [result.ok, ids.map((id) => fresh.figures(id).pieces.length), fresh.main(commune)];
        });
    """
    for ok, pieces, main in run(page, drawn_payload(picture), script):
        assert ok
        assert pieces == [1, 1]
        assert main == "nouveau-1"


def test_split_leaves_what_a_lock_holds(page: Page) -> None:
    data = drawn_payload("AAAAB", shared={"2": [[0, 0.6], [1, 0.4]]})
    data["territories"][1]["lock"] = True
    script = """
        const lines = model.split("A", 0);
        const result = model.step(lines);
        return [result.ok, lines.length, model.members(2), model.figures("A").pieces.length];
    """
    ok, count, members, pieces = run(page, data, script)
    assert ok
    assert count > 1
    assert sorted(weight for _, weight in members) == [0.4, 0.6]
    assert ["B", 0.4] in members
    assert pieces == 1
    locked = run(page, data, "return [model.split('B', 4), model.split('A', 4)];")
    assert locked == [[], []]


def test_split_into_pieces(page: Page) -> None:
    script = """
        const result = model.step(model.splitPieces("A"));
        return [result.ok, model.territories().map(({ id }) => [id, model.communesOf(id)])];
    """
    ok, found = run(page, drawn_payload("AABABAA"), script)
    assert ok
    assert found == [["A", [0, 1]], ["B", [2, 4]], ["nouveau-1", [5, 6]], ["nouveau-2", [3]]]


# ---------------------------------------------------------------- scenarios


def test_scenarios_are_apart_and_compared(page: Page) -> None:
    script = """
        model.step([more]);
        const k = model.duplicate("Variante");
        model.step([{ action: "move", code: "00009", target: "B" }]);
        const compared = model.compare(0);
        model.switchTo(0);
        const here = model.main(8);
        model.renameScenario(1, "Deux");
        const listed = model.scenarios.map(({ name, parent, lines, cursor }) => (
          [name, parent, lines.length, cursor]));
        model.removeScenario(1);
        return [k, compared.communes, compared.agreed, here, listed, model.scenarios.length];
    """
    k, communes, agreed, here, listed, left = run(
        page, drawn_payload(WEST_EAST), script, move("00003")
    )
    assert (k, here, left) == (1, "A", 1)
    assert communes == [8]
    assert agreed == pytest.approx(1 - 9_000 / 171_000)
    assert listed == [["Brouillon 2", None, 1, 1], ["Deux", "Brouillon 2", 2, 2]]


def test_further_drafts_are_scenarios(page: Page) -> None:
    data = drawn_payload(WEST_EAST)
    other = drawn_payload(WEST_EAST.replace("B", "A"))
    names = ("territories", "territory", "shared", "claims")
    data["drafts"] = [{"name": "Un seul", **{name: other[name] for name in names}}]
    script = """
        model.switchTo(1);
        const listed = model.scenarios.map(({ name, draft }) => [name, draft]);
        return [listed, model.figures("A").communes];
    """
    assert run(page, data, script) == [[["Brouillon 2", 0], ["Un seul", 1]], 18]


def test_saved_and_restored(page: Page) -> None:
    script = """
        model.step([more]);
        model.undoStep(1);
        model.duplicate("Deux");
        model.step([{ action: "move", code: "00009", target: "B" }]);
        model.undo();
        const saved = JSON.parse(JSON.stringify(model.save()));
        const other = createModel(data);
        const result = other.restore(saved);
        const same = JSON.stringify(modelState(other)) === JSON.stringify(modelState(model));
        const again = [other.current, other.canRedo, other.redo() !== null, other.main(8)];
        const refused = [
          { ...saved, id: "ffffffffffff" }, { ...saved, scenarios: [] }, null, "x",
          { ...saved, scenarios: [{ ...saved.scenarios[0], lines: [{ action: 3, order: 1 }] }] },
        ].map((each) => other.restore(each).faults.map(({ key }) => key));
        return [result.ok, same, again, refused, other.current];
    """
    ok, same, again, refused, current = run(page, drawn_payload(WEST_EAST), script, move("00003"))
    assert ok
    assert same
    assert again == [1, True, True, "B"]
    assert refused == [["editor.saved_foreign"], *[["editor.saved_form"]] * 4]
    assert current == 1


# ---------------------------------------------------------------- files

HOSTILE = ["=1+1", "+1", "-1", "@x", 'a;b "c", d', "<b>&amp;", "'=2", "œuvre 🏥", "l’été"]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_log_is_read_back_as_it_was(page: Page, language: str) -> None:
    script = """
        for (const reason of more.reasons) {
          const target = model.main(2) === "A" ? "B" : "A";
          const who = { author: reason, reason, date: "d" };
          model.step([{ action: "move", code: "00003", target }], who);
        }
        model.step([{ action: "rename", territory: "A", target: "=Ouest;1" }]);
        model.step([{ action: "status", territory: "A", target: "running" }]);
        const share = { action: "share", code: "00018", target: "B|A", parts: [3, 1] };
        model.step([share], { force: true });
        model.step([{ action: "unlock", territory: "*" }]);
        model.step([share], { force: true });
        model.undoStep(2, { reason: "\\t=3\\r\\n4" });
        const text = logText(model, more.language);
        const read = parseLog(new TextEncoder().encode(text));
        const fields = ({ place, result, fault, ...line }) => line;
        const other = createModel(data);
        const added = other.appendLog(read.lines);
        return [text, read, model.lines().map(fields), added.faults,
          JSON.stringify(other.lines()) === JSON.stringify(model.lines())];
    """
    more = {"reasons": HOSTILE, "language": language}
    text, read, lines, faults, same = run(page, drawn_payload(WEST_EAST), script, more)
    head = {"fr": "ordre;action;commune;nom;territoire;cible;parts;auteur;date;motif;force"}
    expected = head.get(
        language, "order;action;commune;name;territory;target;parts;author;date;reason;force"
    )
    assert text.startswith(f"\ufeff{expected}\r\n")
    assert read["rejected"] == []
    assert [each.pop("row") for each in read["lines"]] == list(range(2, len(lines) + 2))
    assert read["lines"] == lines
    assert len(read["lines"][-1]["reason"].splitlines()) == 1
    assert faults == []
    assert "'=1+1;d;'=1+1" in text
    assert ("fonctionnement" in text) == (language == "fr")
    assert same


def test_what_a_file_says_is_what_is_written_again(page: Page) -> None:
    """Signs that are not seen, blanks and long numbers: Python replays what the page did."""
    rows = [
        "ordre;action;territoire;cible",
        "999999998;renommer;A;a\x85b\xa0c",
        "999999999;creer;N\u202e;",
    ]
    script = """
        model.appendLog(parseLog(new TextEncoder().encode(more)).lines);
        const names = model.territories().map(({ name }) => name);
        return [names, model.lines().map(({ order }) => order)];
    """
    names, orders = run(page, drawn_payload(WEST_EAST), script, "\n".join(rows))
    assert names == ["a\ufffdb c", "Pays B", "N\ufffd"]
    assert orders == [1, 2]


@pytest.mark.parametrize("sign", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_logs_of_spreadsheets(page: Page, sign: str, encoding: str) -> None:
    rows = [
        ["Date", "MOTIF", "Cible", "Commune", "Action", "Ordre", "Forcé"],
        ["", "", "", "", "", "", ""],
        ["", "décidé en séance", "Pays B", "00003", "DEPLACER", "2,0".replace(",", "."), "Oui"],
        ["", "", "", "00004", "voler", "3", ""],
        ["", "", "Pays A", "00004", "Move", "x", ""],
    ]
    content = "\n".join(sign.join(row) for row in rows).encode(encoding)
    script = "return parseLog(Uint8Array.from(more));"
    read = run(page, drawn_payload(WEST_EAST), script, list(content))
    assert [(each["row"], each["key"]) for each in read["rejected"]] == [
        (4, "revision_action"),
        (5, "editor.file_order"),
    ]
    (line,) = read["lines"]
    assert (line["order"], line["action"], line["code"], line["target"]) == (
        *(2, "move", "00003", "Pays B"),
    )
    assert (line["reason"], line["force"]) == ("décidé en séance", True)


def test_what_excel_makes_of_numbers_and_dates_is_read(page: Page) -> None:
    rows = [
        "ordre;action;commune;territoire;cible;date",
        "1,0;créer;;00031;Pays du Nord;22/11/2026 20:14",
        "2,0;déplacer;3;;31;5/1/2026",
        "3,0;renommer;;31;Nord;hier",
        "4,0;annuler;;;1,0;",
    ]
    script = """
        const { lines } = parseLog(Uint8Array.from(more));
        const ok = lines.slice(0, 3).map((line) => model.step([line]).ok);
        return [lines, ok, model.members(2), model.territory("00031").name];
    """
    lines, ok, members, name = run(
        page, drawn_payload(WEST_EAST), script, list("\r\n".join(rows).encode("cp1252"))
    )
    assert [each["date"] for each in lines] == ["2026-11-22T20:14:00", "2026-01-05", "hier", ""]
    assert [each["order"] for each in lines] == [1, 2, 3, 4]
    assert (lines[1]["code"], lines[3]["target"]) == ("00003", "1")
    assert (ok, members, name) == ([True] * 3, [["00031", 1]], "Nord")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "editor.file_empty"),
        (b"\n\n", "editor.file_empty"),
        (b"code;quand\n1;2\n", "editor.file_columns"),
        (b"PK\x03\x04\x00\x00\xff\xfe", "editor.file_columns"),
        (b'"never closed;x\n1;2', "editor.file_columns"),
    ],
)
def test_broken_files(page: Page, content: bytes, key: str) -> None:
    script = """
        const bytes = Uint8Array.from(more);
        return [parseLog(bytes), parseAssignment(model, bytes)];
    """
    for read in run(page, drawn_payload(WEST_EAST), script, list(content)):
        assert read["lines"] == []
        assert [each["key"] for each in read["rejected"]] == [key]


def test_the_assignment_goes_out_and_comes_in(page: Page) -> None:
    script = """
        model.step([{ action: "share", code: "00003", target: "A|B", parts: [2, 1] }]);
        model.step([{ action: "release", code: "00018" }]);
        model.step([{ action: "new", territory: "=N;1", target: "Nouveau \\"pays\\", 2" },
          { action: "move", code: "00006", target: "=N;1" }]);
        const text = assignmentText(model);
        const same = parseAssignment(model, text);
        const other = createModel(data);
        const read = parseAssignment(other, new TextEncoder().encode(text));
        const result = other.step(read.lines);
        const members = (of) => JSON.stringify(data.codes.map((_, k) => of.members(k)));
        const alike = members(other) === members(model);
        return [text, same, read, result.ok, alike, other.territory("=N;1").name];
    """
    text, same, read, ok, alike, name = run(page, drawn_payload(WEST_EAST), script)
    assert text.splitlines()[:3] == [
        "\ufeffcode;nom;territoire;nom_territoire;poids",
        "00001;Commune 1;A;Pays A;1",
        "00002;Commune 2;A;Pays A;1",
    ]
    assert "00003;Commune 3;A;Pays A;0,6666666666666666" in text
    assert "00018;Commune 18;;;" in text
    assert same == {"lines": [], "rejected": [], "accepted": 18}
    assert (read["rejected"], read["accepted"]) == ([], 18)
    assert [each["action"] for each in read["lines"]] == ["new", "share", "move", "release"]
    assert ok
    assert alike
    assert name == 'Nouveau "pays", 2'


def test_a_partial_assignment_and_its_rejected_rows(page: Page) -> None:
    rows = [
        "CODE_COMMUNE;Territoire;poids",
        "00003;pays b;",
        "quatre;;",
        "99999;A;",
        ";A;",
        "00005;A;0,5",
        "00005;B;0,2",
        "00008;A;0,5",
        "00008;B;0,5",
        "0009;Neuf;",
        "00010;A",
        "00001;A;",
        "00007;A;lourd",
    ]
    content = "\r\n".join(rows).encode("cp1252")
    script = "return parseAssignment(model, Uint8Array.from(more));"
    read = run(page, drawn_payload(WEST_EAST), script, list(content))
    assert read["lines"] == [
        {"action": "new", "territory": "Neuf", "target": "Neuf"},
        {"action": "move", "code": "00003", "target": "B"},
        {"action": "share", "code": "00008", "target": "A|B", "parts": [1, 1]},
        {"action": "move", "code": "00009", "target": "Neuf"},
        {"action": "move", "code": "00010", "target": "A"},
    ]
    assert [(each["row"], each["key"]) for each in read["rejected"]] == [
        (3, "revision_commune"),
        (4, "revision_commune"),
        (5, "editor.file_code"),
        (6, "editor.file_twice"),
        (7, "editor.file_twice"),
        (13, "editor.file_weight"),
    ]
    assert read["accepted"] == 5


def test_a_locked_territory_rejects_the_rows_of_a_file(page: Page) -> None:
    data = drawn_payload(WEST_EAST)
    data["territories"][1]["status"] = "running"
    text = "code;territoire\n00003;B\n00004;B\n00001;\n"
    read = run(page, data, "return parseAssignment(model, more);", text)
    assert [(each["row"], each["key"]) for each in read["rejected"]] == [(2, "revision_locked")]
    assert [line["action"] for line in read["lines"]] == ["release"]


def test_undos_of_a_file_name_the_steps_of_that_file(page: Page) -> None:
    script = """
        model.step([{ action: "move", code: "00015", target: "B" }]);
        const file = [
          { order: 1, action: "move", code: "99999", target: "B" },
          { order: 2, action: "move", code: "00003", target: "B" },
          { order: 3, action: "move", code: "00009", target: "B" },
          { order: 4, action: "undo", target: "2" },
        ];
        for (const line of file) model.step([line]);
        const one = [model.main(2), model.main(8), model.main(14)];
        const other = createModel(data);
        other.step([{ action: "move", code: "00015", target: "B" }]);
        const added = other.appendLog(file);
        const two = [other.main(2), other.main(8), other.main(14)];
        return [one, two, added.faults.map(({ key }) => key)];
    """
    found = run(page, drawn_payload(WEST_EAST), script)
    assert found == [["A", "B", "B"], ["A", "B", "B"], ["revision_commune"]]


def test_geojson_is_as_the_rule_says(page: Page) -> None:
    picture = """
        BBBBBB
        BAAAAB
        BABBAB
        BAB.AB
        BAAABB
        BBBBBA
    """
    data = drawn_payload(picture)
    found = json.loads(run(page, data, "return geojsonText(model, data.shapes);"))
    assert list(found) == ["type", "features"]
    cells = {
        each: [
            shapely.box(ring[0] / 1e5, ring[1] / 1e5, (ring[0] + 100) / 1e5, (ring[1] + 100) / 1e5)
            for (ring,), in_it in zip(
                (rings for (rings,) in data["shapes"]), data["territory"], strict=True
            )
            if in_it == place
        ]
        for place, each in enumerate(("A", "B"))
    }
    for feature in found["features"]:
        outline = shape(feature["geometry"])
        assert outline.is_valid
        wanted = shapely.union_all(cells[feature["properties"]["territoire"]])
        assert outline.symmetric_difference(wanted).area < 1e-12
        for part in shapely.get_parts(outline):
            assert part.exterior.is_ccw
            assert not any(hole.is_ccw for hole in part.interiors)
    kinds = [feature["geometry"]["type"] for feature in found["features"]]
    assert kinds == ["MultiPolygon", "MultiPolygon"]
    assert found["features"][0]["properties"]["nom"] == A


def test_names_of_files(page: Page) -> None:
    script = """
        const day = new Date(2026, 10, 22);
        const first = fileName(model, "log", "csv", day);
        model.duplicate("Été / 2 <b>");
        const named = (kind, extension) => fileName(model, kind, extension, day);
        return [first, named("communes", "csv"), named("geojson", "geojson")];
    """
    assert run(page, drawn_payload(WEST_EAST), script) == [
        "journal_brouillon-2_2026-11-22_de-brouillon.csv",
        "communes_ete-2-b_2026-11-22_de-brouillon-2.csv",
        "territoires_ete-2-b_2026-11-22_de-brouillon-2.geojson",
    ]
