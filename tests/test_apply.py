"""The command that applies a log to the draft of a run, and the report of what it gives."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from layers import as_options, code, write_region

import territories as tt
from territories.cli import main
from territories.datasets import write_region as write_fiction
from territories.pipeline import FILES, REPORT_FILES, REVISED_FILES
from territories.revisions import Revision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Files = dict[str, "Path"]

HOSTILE = "</td><script>alert(1)</script>"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_region(tmp_path_factory.mktemp("region"))


@pytest.fixture(scope="module")
def made(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "resultat"
    words = ["run", *as_options(files), "--territories", "2", "--runs", "3", "--out", str(out)]
    assert main(words) == 0
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "resultat")


@pytest.fixture
def draft(folder: Path, files: Files) -> tt.Zoning:
    communes = tt.read_communes(files["communes"])
    return replace(tt.read_draft(folder, communes), pairs=tt.contiguity(communes))


def log_of(folder: Path, *revisions: Revision, name: str = "journal.csv") -> Path:
    path = folder.parent / name
    tt.write_revisions(revisions, path, overwrite=True)
    return path


def west(draft: tt.Zoning) -> str:
    return str(draft.labels[code("h")])


def east(draft: tt.Zoning) -> str:
    return str(draft.labels[code("Q")])


def test_a_run_keeps_its_draft(folder: Path, draft: tt.Zoning) -> None:
    assert {each.name for each in folder.iterdir()} == set(FILES)
    table = pd.read_csv(folder / "communes.csv", sep=";", dtype="str", encoding="utf-8-sig")
    assert table.set_index("code")["territoire"].to_dict() == draft.labels.to_dict()
    assert json.loads((folder / "draft.json").read_text(encoding="utf-8"))["parent"] is None


def test_a_log_is_applied_to_the_draft_with_the_same_rules(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    log = (
        Revision("move", code("D"), west(draft), order=1, author="Dr A", reason="on y va"),
        Revision("share", code("J"), f"{east(draft)}|{west(draft)}", order=2, parts=(2, 1)),
        Revision("status", territory=east(draft), target="engineering", order=3),
        Revision("claim", code("P"), west(draft), order=4),
    )
    path, out = log_of(folder, *log), folder.parent / "deux"
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    told = cli("apply", folder, path, *as_options(files), "--out", out)
    assert (told.code, told.err.strip()) == (0, "")
    assert "décisions appliquées : 4, annulées : 0, refusées : 0" in told.out
    assert "→" in told.out
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
    assert {each.name for each in out.iterdir()} == {*FILES, *REVISED_FILES}
    revised = draft.revise(log)
    again = tt.read_draft(out, revised.communes)
    assert again.membership.equals(revised.membership)
    assert again.claims == revised.claims
    assert again.statuses == revised.statuses
    assert again.name == "projet-2"
    territories = pd.read_csv(out / "territories.csv", sep=";", decimal=",", encoding="utf-8-sig")
    people = territories.set_index(territories.columns[0].lstrip("\ufeff"))["population"]
    assert people.tolist() == revised.territories["population"].tolist()
    assert territories["morceaux"].tolist() == revised.pieces().tolist()
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))["revised"]
    assert record["log"] == {
        "file": "journal.csv",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    parent = {"name": "projet", "sha256": hashlib.sha256(before["draft.json"]).hexdigest()}
    assert record["parent"] == parent
    assert json.loads((out / "draft.json").read_text(encoding="utf-8"))["parent"] == parent
    assert tt.read_revisions(out / "revisions.csv") == log
    # The same again gives the same bytes.
    first = {each.name: each.read_bytes() for each in out.iterdir()}
    assert cli("apply", folder, path, *as_options(files), "--out", out).code == 1
    told = cli("apply", folder, path, *as_options(files), "--out", out, "--overwrite")
    assert told.code == 0
    assert {each.name: each.read_bytes() for each in out.iterdir()} == first


def painted(page: Path) -> dict[str, str]:
    """Return the colour of each territory of a page, by name."""
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    return {each["name"]: each["colour"] for each in data["territories"]}


def test_territories_keep_their_colours(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    """People know a territory by its colour; one that was chosen is that of all the pages."""
    log = (
        Revision("move", code("D"), west(draft), order=1),
        Revision("colour", territory=east(draft), target="#123456", order=2),
    )
    out = folder.parent / "deux"
    assert cli("apply", folder, log_of(folder, *log), *as_options(files), "--out", out).code == 0
    assert cli("edit", out, *as_options(files)).code == 0
    before = painted(folder / "map.html")
    name = draft.names.get(east(draft), east(draft))
    assert name in before
    wanted = {**before, name: "#123456"}
    assert painted(out / "map.html") == wanted
    assert painted(out / "editor.html") == wanted
    style = (out / "territories.qml").read_text(encoding="utf-8")
    assert "18,52,86" in style or "#123456" in style


def test_a_file_of_communes_is_applied_as_one_step(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    """As the page writes it: whole or in part, shared communes, new territories, blanks."""
    path, out = folder.parent / "communes_projet.csv", folder.parent / "deux"
    rows = [
        f"{code('D')};x;{west(draft)};;1",
        f"{code('J')};y;{east(draft)};;0,6666666666666666",
        f"{code('J')};y;{west(draft)};;0,3333333333333333",
        f"{code('Q')};z;;;",
        f"{code('P')};é;neuf;Vallée d’Œuf;1",
    ]
    text = "\r\n".join(["code;nom;territoire;nom_territoire;poids", *rows, ""])
    path.write_bytes(text.replace("’Œ", "'O").encode("cp1252"))
    told = cli("apply", folder, path, *as_options(files), "--force", "--out", out)
    assert (told.code, told.err) == (0, "")
    again = tt.read_draft(out, draft.communes)
    members = again.membership.groupby("code")[["territory", "weight"]].apply(
        lambda each: dict(zip(each["territory"], each["weight"], strict=True))
    )
    assert members[code("D")] == {west(draft): 1.0}
    assert members[code("J")] == {east(draft): 2 / 3, west(draft): 1 / 3}
    assert code("Q") not in members.index
    assert members[code("P")] == {"neuf": 1.0}
    assert again.names["neuf"] == "Vallée d'Ouf"
    changed = {code(each) for each in "DJQP"}
    same = draft.membership[~draft.membership["code"].isin(changed)]
    kept = again.membership[~again.membership["code"].isin(changed)]
    assert kept.reset_index(drop=True).equals(same.reset_index(drop=True))
    log = tt.read_revisions(out / "revisions.csv")
    assert {each.order for each in log} == {1}
    assert next(each.parts for each in log if each.action == "share") == (2, 1)
    # What the layer has not is told with what does not apply.
    path.write_text(f"code;territoire\n99999;{west(draft)}\n", encoding="utf-8")
    told = cli("apply", folder, path, *as_options(files), "--out", folder.parent / "trois")
    assert told.code == 1
    assert "99999" in told.err


def test_shared_communes_have_columns_only_where_there_are_some(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    plain = pd.read_csv(folder / "communes.csv", sep=";", dtype="str", encoding="utf-8-sig")
    assert "territoires" not in plain
    path = log_of(folder, Revision("share", code("D"), f"{east(draft)}|{west(draft)}"))
    out = folder.parent / "deux"
    assert cli("apply", folder, path, *as_options(files), "--out", out).code == 0
    table = pd.read_csv(out / "communes.csv", sep=";", dtype="str", encoding="utf-8-sig")
    row = table.set_index("code").loc[code("D")]
    assert set(row["territoires"].split("|")) == {east(draft), west(draft)}
    assert row["poids_territoires"] == "0.5000|0.5000"
    assert table["territoires"].notna().sum() == 1
    # The table still is a zoning, by main territory.
    assert tt.read_zoning(out / "communes.csv", communes=draft.communes).labels.notna().all()


def test_lines_that_do_not_apply_are_refused_with_the_ways_out(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    path = log_of(
        folder,
        Revision("move", "99999", west(draft), order=1),
        Revision("move", code("X"), west(draft), order=2),
        Revision("move", code("D"), "nulle part", order=3),
        Revision("move", code("D"), west(draft), order=4),
    )
    out = folder.parent / "deux"
    words = ["apply", folder, path, *as_options(files), "--out", out]
    told = cli(*words)
    assert told.code == 1
    for text in ("99999", "nulle part", "Décision 2", "--force", "--skip"):
        assert text in told.err
    assert not out.exists()
    forced = cli(*words, "--force")
    assert forced.code == 1
    assert "Décision 2" not in forced.err
    skipped = cli(*words, "--skip")
    assert skipped.code == 0
    assert "décisions appliquées : 1, annulées : 0, refusées : 3" in skipped.out
    labels = tt.read_draft(out, draft.communes).labels
    assert labels[code("D")] == west(draft)
    assert labels[code("X")] == east(draft)
    table = pd.read_csv(out / "revisions.csv", sep=";", dtype="str", encoding="utf-8-sig")
    assert table["résultat"].tolist() == ["refusée"] * 3 + ["appliquée"]
    assert table["refus"].notna().tolist() == [True] * 3 + [False]
    both = cli(*words, "--skip", "--force", "--overwrite")
    assert both.code == 0
    assert "n'est plus d'un seul tenant" in both.out
    lines = tt.read_revisions(out / "revisions.csv")
    assert [each.force for each in lines] == [False, True, False, False]


def test_steps_are_undone_by_their_numbers(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    path = log_of(
        folder,
        Revision("move", code("D"), west(draft), order=1),
        Revision("move", code("J"), west(draft), order=2),
    )
    out = folder.parent / "deux"
    words = ["apply", folder, path, *as_options(files), "--out", out]
    assert cli(*words, "--without", "2", "--author", "Dr B").code == 0
    labels = tt.read_draft(out, draft.communes).labels
    assert (labels[code("D")], labels[code("J")]) == (west(draft), east(draft))
    last = tt.read_revisions(out / "revisions.csv")[-1]
    assert (last.action, last.target, last.author) == ("undo", "2", "Dr B")
    assert cli(*words, "--without", "1, 2", "--overwrite").code == 0
    assert tt.read_draft(out, draft.communes).labels.equals(draft.labels)
    for wrong, told in (("9", "pas de décision 9 (il a 1–2)"), ("x", "x ne sont pas des numéros")):
        refused = cli(*words, "--without", wrong, "--overwrite")
        assert refused.code == 1
        assert "--without" in refused.err
        assert told in refused.err


def test_logs_follow_each_other(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    two, three = folder.parent / "deux", folder.parent / "trois"
    first = log_of(folder, Revision("move", code("D"), west(draft), order=4, author="Dr A"))
    assert cli("apply", folder, first, *as_options(files), "--out", two).code == 0
    second = log_of(
        folder,
        Revision("move", code("J"), west(draft), order=1, author="Dr B"),
        Revision("undo", target="1", order=2),
        Revision("undo", target="2", order=3),
    )
    words = [two, second, *as_options(files), "--name", "Brouillon d'avril"]
    assert cli("apply", *words, "--out", three).code == 0
    lines = tt.read_revisions(three / "revisions.csv")
    assert [(each.order, each.author) for each in lines[:2]] == [(4, "Dr A"), (5, "Dr B")]
    assert [each.target for each in lines[2:]] == ["5", "6"]
    draft_three = tt.read_draft(three, draft.communes)
    assert draft_three.name == "Brouillon d'avril"
    # The whole log on the first draft gives the last one.
    whole = tt.replay(draft, lines)
    assert not whole.faults
    assert whole.zoning.membership.equals(draft_three.membership)


def test_overlaps_stay_forbidden(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    path = log_of(folder, Revision("share", code("D"), f"{east(draft)}|{west(draft)}"))
    empty = log_of(folder, name="vide.csv")
    two, three = folder.parent / "deux", folder.parent / "trois"
    told = cli("apply", folder, path, *as_options(files), "--out", two, "--no-overlaps")
    assert told.code == 1
    assert "partagées" in told.err
    done = cli("apply", folder, empty, *as_options(files), "--out", two, "--no-overlaps")
    assert done.code == 0
    assert "décisions appliquées : 0" in done.out
    assert cli("apply", two, path, *as_options(files), "--out", three).code == 1


def test_new_data_are_refused_unless_they_are_asked_for(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning, tmp_path: Path
) -> None:
    given = dict(files)
    for role in ("flows", "pmsi_codes"):
        given[role] = tmp_path / files[role].name
        rows = files[role].read_text(encoding="utf-8").splitlines()
        left = [each for each in rows if not each.startswith(code("F"))]
        given[role].write_text("\n".join([*left, ""]), encoding="utf-8")
    layer = json.loads(files["communes"].read_text(encoding="utf-8"))
    kept = [each for each in layer["features"] if each["properties"]["code"] != code("F")]
    fewer = tmp_path / "communes.geojson"
    fewer.write_text(json.dumps({**layer, "features": kept}), encoding="utf-8")
    given["communes"] = fewer
    path = log_of(folder, Revision("move", code("F"), west(draft), order=1))
    out = folder.parent / "deux"
    words = ["apply", folder, path, *as_options(given), "--out", out]
    told = cli(*words)
    assert told.code == 1
    assert "son contenu a changé" in told.err
    assert "--new-data" in told.err
    told = cli(*words, "--new-data")
    assert told.code == 1
    assert code("F") in told.err
    told = cli(*words, "--new-data", "--skip")
    assert told.code == 0, told.err
    assert "--flows : le contenu de ce fichier a changé" in told.out
    assert "qui ne sont plus dans la couche" in told.out
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["revised"]["changed_inputs"] == ["communes", "flows", "pmsi_codes"]


def test_what_cannot_be_applied_is_refused_early(cli: Callable, folder: Path, files: Files) -> None:
    path, out = log_of(folder), folder.parent / "deux"
    assert cli("apply", folder, path, *as_options(files)).code == 2
    assert cli("apply", folder).code == 2
    told = cli("apply", folder, folder.parent / "absent.csv", *as_options(files), "--out", out)
    assert told.code == 1
    (folder / "draft.json").unlink()
    told = cli("apply", folder, path, *as_options(files), "--out", out)
    assert told.code == 1
    assert "draft.json manque" in told.err
    for name in ("", " ", "a\nb", "x" * 121):
        words = ["apply", folder, path, *as_options(files), "--out", out, "--name", name]
        assert "--name" in cli(*words).err
    assert not out.exists()


def test_the_report_of_a_revised_draft_tells_its_decisions(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    log = (
        Revision("move", code("D"), west(draft), 1, HOSTILE, "2026-11-22", HOSTILE),
        Revision("new", territory="x1", target=f"=1 {HOSTILE}", order=2),
        Revision("share", code("J"), f"{east(draft)}|x1", order=3, parts=(2, 1)),
    )
    out = folder.parent / "deux"
    assert cli("apply", folder, log_of(folder, *log), *as_options(files), "--out", out).code == 0
    told = cli("report", out, *as_options(files))
    assert (told.code, told.err.strip()) == (0, "")
    assert {each.name for each in out.iterdir()} == {*FILES, *REVISED_FILES, *REPORT_FILES}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'id="decisions"' in page
    assert "<script" not in page
    for text in ("2026-11-22", "Brouillon revu", "partagée entre", "&lt;script&gt;"):
        assert text in page
    for name in ("communes.csv", "revisions.csv", "territories.csv"):
        assert ";=" not in (out / name).read_text(encoding="utf-8-sig")
    # A new run over it is a run.
    words = ["run", *as_options(files), "--territories", 2, "--runs", 0, "--out", out]
    assert cli(*words, "--overwrite").code == 0
    assert {each.name for each in out.iterdir()} == set(FILES)


def test_a_run_that_was_not_revised_has_no_decisions(
    cli: Callable, folder: Path, files: Files
) -> None:
    assert cli("report", folder, *as_options(files)).code == 0
    assert 'id="decisions"' not in (folder / "report.html").read_text(encoding="utf-8")


def test_small_counts_stay_hidden_in_what_is_printed(
    cli: Callable, folder: Path, files: Files, draft: tt.Zoning
) -> None:
    """An alone commune with 2 patients of its own: its new territory has no share to show."""
    log = (
        Revision("new", territory="x1", order=1),
        Revision("move", code("a"), "x1", order=1),
    )
    out = folder.parent / "deux"
    told = cli("apply", folder, log_of(folder, *log), *as_options(files), "--out", out)
    assert told.code == 0
    shown = pd.read_csv(
        out / "territories.csv", sep=";", decimal=",", encoding="utf-8-sig", index_col=0
    )
    line = next(each for each in told.out.splitlines() if each.startswith("x1"))
    if pd.isna(shown.loc["x1", "li"]):
        assert "%" not in line


def test_the_fictional_region(cli: Callable, tmp_path: Path) -> None:
    names = {"flows": "specialists"}
    written = write_fiction(tmp_path / "fiction")
    roles = ("communes", "flows", "hospital", "sites", "pmsi_codes", "bridges")
    given = {role: written[names.get(role, role)] for role in roles}
    one, two = tmp_path / "un", tmp_path / "deux"
    options = ["--territories", 12, "--runs", 0, "--out", one]
    assert cli("run", *as_options(given), *options).code == 0
    communes = tt.read_communes(given["communes"])
    draft = replace(
        tt.read_draft(one, communes),
        pairs=tt.contiguity(communes, bridges=tt.read_bridges(given["bridges"])),
    )
    edges = draft.borders.sort_values(["left", "right"]).head(200)
    log = [
        Revision("move", left, str(draft.labels[right]), order=k + 1, force=k % 7 == 0)
        for k, (left, right) in enumerate(zip(edges["left"], edges["right"], strict=True))
    ]
    path = tmp_path / "journal.csv"
    tt.write_revisions(log, path, communes=communes)
    told = cli("apply", one, path, *as_options(given), "--skip", "--out", two)
    assert told.code == 0
    expected = tt.replay(draft, log)
    assert tt.read_draft(two, communes).membership.equals(expected.zoning.membership)
    refused = int((expected.lines["result"] == "refused").sum())
    assert f"refusées : {refused}" in told.out
