"""What can be asked of a run on the command line: wishes, weights, runs; scales and warmup."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import layers
import pytest
from layers import as_options, code, write_text

from territories import _console, _warmup
from territories._words import say
from territories.cli import main
from territories.pipeline import SCALE_STAGES, STAGES, Settings, compute

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Files = dict[str, "Path"]


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def territories(out: Path) -> dict[str, str]:
    """Read the territory of each commune, by their letters."""
    return {layers.letter(row["code"]): row["territoire"] for row in rows_of(out / "communes.csv")}


def record(out: Path) -> dict:
    return json.loads((out / "run.json").read_text(encoding="utf-8"))


@pytest.fixture
def run(cli: Callable, region: Files, tmp_path: Path) -> Callable:
    """Give a run of the small region, as a function of its options; without the hospital."""
    files = {name: region[name] for name in ("communes", "flows")}

    def ran(*words: object) -> Path:
        out = tmp_path / "out"
        told = cli("run", *as_options(files), *words, "--out", out, "--overwrite")
        assert told.code == 0, told.err
        return out

    return ran


# --- wishes --------------------------------------------------------------------------------------


def test_wishes_are_kept(run: Callable) -> None:
    """Communes of the two sides together, neighbours apart, and a town of its own.

    ::

        abcDEF
        ghiJKL
        mnoPQR
        stuVWX
    """
    found = territories(run("--territories", 2, "--together", f"{code('c')},{code('D')}"))
    assert found["c"] == found["D"]
    found = territories(run("--territories", 2, "--apart", f"{code('a')}, {code('b')}"))
    assert found["a"] != found["b"]
    out = run("--territories", 2, "--min-population", 0, "--poles", f"{code('h')};{code('g')}")
    found = territories(out)
    assert found["h"] != found["g"]
    assert record(out)["settings"]["poles"] == [code("h"), code("g")]


def test_communes_can_be_locked_by_a_table(run: Callable, tmp_path: Path) -> None:
    table = write_text(
        tmp_path / "verrous.csv",
        "code;nom;territoire",
        ["0001;Ville-a;Ouest", f"{code('X')};Ville-X;Est", f"{code('b')};Ville-b; "],
    )
    out = run("--territories", 2, "--locked", table)
    found = territories(out)
    assert found["a"] == found["h"] == "Ouest"
    assert found["X"] == found["Q"] == "Est"
    told = record(out)
    assert told["settings"]["locked"] == "verrous.csv"
    assert told["inputs"]["locked"]["file"] == "verrous.csv"
    assert "verrous.csv" in (out / "reconciliation.json").read_text(encoding="utf-8")


def test_the_result_of_a_run_locks_the_next(run: Callable) -> None:
    out = run("--territories", 2)
    before = territories(out)
    kept = out.with_name("avant.csv")
    kept.write_bytes((out / "communes.csv").read_bytes())
    assert territories(run("--territories", 2, "--seed", 4, "--locked", kept)) == before


def test_a_configuration_holds_wishes_too(cli: Callable, region: Files, tmp_path: Path) -> None:
    write_text(region["flows"].with_name("verrous.csv"), "code;territoire", ["0001;Ouest"])
    config = region["flows"].with_name("region.toml")
    lines = [
        'communes = "communes.geojson"',
        'flows = "specialistes.csv"',
        "territories = 2",
        "runs = 5",
        f'together = [["{code("c")}", "{code("D")}"]]',
        "options = {null = 'undirected'}",
        'locked = "verrous.csv"',
    ]
    config.write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "out"
    told = cli("run", "--config", config, "--steps", 7, "--out", out)
    assert told.code == 0, told.err
    assert territories(out)["c"] == territories(out)["D"]
    asked = record(out)["delineation"]
    assert asked["options"] == {"null": "undirected", "steps": 7}
    text = config.read_text(encoding="utf-8").replace('"verrous.csv"', f'{{{code("a")} = "Est"}}')
    config.write_text(text, encoding="utf-8")
    assert cli("run", "--config", config, "--out", out, "--overwrite").code == 0
    assert territories(out)["a"] == "Est"


def test_weights_and_pieces_reach_the_engine(run: Callable) -> None:
    out = run("--territories", 2, "--weights", "concordance", "--in-pieces", "--runs", 3)
    asked = record(out)["delineation"]
    assert asked["weights"] == "concordance"
    assert asked["contiguous"] is False
    out = run("--territories", 2, "--method", "ward", "--in-pieces")
    assert record(out)["stability"] == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--together", "00001,00999", "--apart", "00002,00998"], ["'00999'", "'00998'"]),
        (["--poles", "00999", "--min-population", "-1"], ["'00999'", "-1"]),
        (["--method", "ward", "--territories", "2", "--apart", "00001,00002"], ["apart"]),
        (["--steps", "-1"], ["steps", "-1"]),
        (["--method", "ward", "--territories", "2", "--steps", "5"], ["steps", "ward"]),
        (["--runs", "-1"], ["--runs", "-1"]),
        (["--runs", "-1", "--hospital-weight", "2"], ["--runs", "--hospital-weight"]),
    ],
)
def test_faults_are_told_together(
    cli: Callable, region: Files, tmp_path: Path, words: list[str], told: list[str]
) -> None:
    files = {name: region[name] for name in ("communes", "flows")}
    refused = cli("run", *as_options(files), *words, "--out", tmp_path / "out")
    assert refused.code == 1
    for each in told:
        assert each in refused.err
    assert not (tmp_path / "out").exists()


def test_a_commune_is_locked_once(cli: Callable, region: Files, tmp_path: Path) -> None:
    rows = ["0001;A", "00001;B", "x;A", "0002;A"]
    table = write_text(tmp_path / "v.csv", "code;territoire", rows)
    told = cli("run", *as_options(region), "--locked", table, "--out", tmp_path / "out")
    assert told.code == 1
    assert "deux territoires à la fois : '00001'" in told.err
    assert "'x'" in told.err
    told = cli("check", table)
    assert told.code == 1
    assert "'00001'" in told.err
    write_text(table, "code;territoire", ["0001;A", "00001;A", "0002;B"])
    assert cli("check", table).code == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('together = "00001"', "une liste est attendue"),
        ("contiguous = 1", "attendu : true ou false"),
        ("runs = true", "un nombre entier"),
    ],
)
def test_settings_of_another_kind(
    cli: Callable, region: Files, tmp_path: Path, line: str, words: str
) -> None:
    config = region["flows"].with_name("region.toml")
    config.write_text(line, encoding="utf-8")
    told = cli("run", *as_options(region), "--config", config, "--out", tmp_path / "out")
    assert told.code == 1
    assert words in told.err


# --- the number that is proposed, stages ---------------------------------------------------------


def test_a_run_without_a_number_says_what_it_proposes(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    told = cli("run", *as_options(region), "--out", tmp_path / "1")
    (line,) = [each for each in told.out.splitlines() if "Aucun nombre" in each]
    number = len(rows_of(tmp_path / "1" / "territories.csv"))
    assert f": {number} territoires sont proposés" in line
    assert "territories scales" in line
    for asked in (["--territories", 2], ["--resolution", 1], ["--method", "plurality"]):
        told = cli("run", *as_options(region), *asked, "--out", tmp_path / "2", "--overwrite")
        assert "Aucun nombre" not in told.out


@pytest.mark.parametrize(("warm", "stage"), [(True, "search"), (False, "compilation")])
def test_the_first_use_is_told(
    region: Files, monkeypatch: pytest.MonkeyPatch, warm: bool, stage: str
) -> None:
    monkeypatch.setattr("territories.pipeline.is_compiled", lambda: warm)
    told: list[str] = []
    files = {name: region[name] for name in ("communes", "flows")}
    compute(Settings(**files, territories=2, runs=0), tell=told.append)
    assert [{"compilation": "search"}.get(each, each) for each in told] == list(STAGES[:-3])
    assert told[-1] == stage
    assert STAGES[: len(SCALE_STAGES)] == SCALE_STAGES


def test_every_stage_has_words(capsys: pytest.CaptureFixture[str]) -> None:
    with _console.progress(len(STAGES)) as tell:
        for each in (*STAGES, "compilation"):
            tell(each)
            assert say(f"stage.{each}").strip()
    assert capsys.readouterr().err == ""  # that is no terminal


# --- scales --------------------------------------------------------------------------------------


def test_scales_are_shown(cli: Callable, region: Files, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    told = cli("scales", *as_options(region), "--min-population", 2000)
    assert told.code == 0, told.err
    assert told.err == ""
    assert "← proposé" in told.out
    (proposed,) = re.findall(r"Proposé : (\d+) territoires", told.out)
    (row,) = [line for line in told.out.splitlines() if "←" in line]
    assert row.split()[0] == proposed
    assert "specialistes.csv : lignes lues 153" in told.out
    assert sorted(tmp_path.rglob("*")) == before
    english = cli("scales", *as_options(region), "--min-population", 2000, "--lang", "en")
    assert f"Proposed: {proposed} territories" in english.out


def test_scales_are_written(cli: Callable, region: Files, tmp_path: Path) -> None:
    told = cli("scales", *as_options(region), "--out", tmp_path / "e.csv")
    assert told.code == 0, told.err
    rows = rows_of(tmp_path / "e.csv")
    assert [row["propose"] for row in rows].count("oui") == 1
    numbers = [int(row["territoires"]) for row in rows]
    assert numbers == sorted(set(numbers))
    for row in rows:
        assert 0 <= float(row["soins_sur_place"].replace(",", ".")) <= 1
    assert cli("scales", *as_options(region), "--out", tmp_path / "e.html").code == 0
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'<>]*", page)) <= {"http://www.w3.org/2000/svg"}
    assert "<svg" in page
    assert page.count("<tr class='proposed'>") == 1
    assert cli("scales", *as_options(region), "--out", tmp_path / "e.csv").code == 1
    assert cli("scales", *as_options(region), "--out", tmp_path / "e.csv", "--overwrite").code == 0


def test_scales_refuse(cli: Callable, region: Files, tmp_path: Path) -> None:
    told = cli("scales", *as_options(region), "--out", tmp_path / "e.pdf")
    assert told.code == 1
    assert ".csv ou .html" in told.err
    told = cli("scales", *as_options(region), "--out", region["flows"], "--overwrite")
    assert told.code == 1
    assert "l'écraserait" in told.err
    write_text(region["flows"], layers.SPECIALISTS, ["00001;orl;PS1;;0;0"])
    told = cli("scales", *as_options(region))
    assert told.code == 1
    assert "flux sont tous nuls" in told.err


def test_scales_keep_small_counts(cli: Callable, region: Files) -> None:
    """Of eight patients no share is shown: with the total it would be a count."""
    write_text(region["flows"], layers.SPECIALISTS,
               ["00001;orl;PS1;;5;1", "00002;orl;PS1;;1;1", "96004;orl;PS2;;2;1"])  # fmt: skip
    told = cli("scales", *as_options(region))
    assert told.code == 0, told.err
    assert "%" not in "".join(line for line in told.out.splitlines() if "·" in line)


# --- warmup --------------------------------------------------------------------------------------


def test_warmup_says_how_long_and_where(cli: Callable) -> None:
    told = cli("warmup")
    assert told.code == 0
    assert re.search(r"(Moteur compilé en|Moteur déjà compilé \(vérifié en) \d+,\d s", told.out)
    assert _warmup.is_compiled()
    assert re.search(r"Gardé dans : |Rien n'est gardé", told.out)
    again = cli("warmup", "--lang", "en")
    assert "Engine compiled already" in again.out


def test_warmup_where_nothing_can_be_kept(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_warmup, "warmup", lambda **_: _warmup.Warmth(31.0, True, None))
    told = cli("warmup")
    assert told.code == 0
    assert "Moteur compilé en 31,0 s." in told.out
    assert "Rien n'est gardé" in told.out


@pytest.mark.parametrize("command", ["scales", "warmup"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_help_has_examples(capsys: pytest.CaptureFixture[str], command: str, language: str) -> None:
    assert main(["--lang", language, command, "--help"]) == 0
    told = capsys.readouterr().out
    assert f"  territories {command}" in told
    assert ("Exemple" if language == "fr" else "Example") in told
