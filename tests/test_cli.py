"""The command line: what it writes, what it refuses, and in which words."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import geopandas as gpd
import layers
import pytest
from layers import as_options, code, write_layer, write_text

from territories import __version__
from territories._assessed import ZoningFile
from territories.cli import main
from territories.ledger import ledger_text
from territories.pipeline import FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Files = dict[str, "Path"]

# A count and a practitioner that no message may quote.
COUNT, WHO = "7777", "PS424242"


def everything(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, hidden files and folders too."""
    return {
        str(each.relative_to(folder)): each.read_bytes() if each.is_file() else b"folder"
        for each in folder.rglob("*")
    }


def append(path: Path, *lines: str) -> int:
    """Add rows to a file; give the number of the first."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
    return len(text.splitlines()) + 1


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# --- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "check", "demo", "evaluate"])
@pytest.mark.parametrize(
    ("language", "title", "other"), [("fr", "Exemples :", "Examples:"), ("en", "Examples:", "Ex :")]
)
def test_help_has_examples(cli: Callable, command: str, language: str, title: str, other: str):
    words = ["--lang", language] if language == "en" else []
    told = cli(command, *words, "--help")
    assert told.code == 0
    lines = [line.strip() for line in told.out.splitlines()]
    assert title in lines
    assert any(line.startswith(f"territories {command}") for line in lines)
    assert other not in told.out
    assert "--lang" in told.out


def test_help_of_the_program_lists_its_commands(cli: Callable) -> None:
    told = cli("--help")
    assert told.code == 0
    assert "Des flux de patients aux territoires" in told.out
    for command in ("run", "check", "demo", "evaluate"):
        assert re.search(rf"^  {command} ", told.out, re.MULTILINE)


def test_version(cli: Callable) -> None:
    assert cli("--version").out == f"territories {__version__}\n"


# --- a run ---------------------------------------------------------------------------------------


def test_a_run_writes_its_files_and_says_so(cli: Callable, region: Files, tmp_path: Path) -> None:
    out = tmp_path / "new" / "resultat"
    told = cli("run", *as_options(region), "--territories", 2, "--out", out)
    assert told.code == 0
    assert told.err == ""  # no progress where nobody looks
    assert sorted(each.name for each in out.iterdir()) == sorted(FILES)
    for words in (
        "communes.geojson : lignes lues 24 = gardées 24 + écartées 0",
        "specialistes.csv : lignes lues 153 = gardées 153 + écartées 0",
        "patients : 39\u202f075 = 39\u202f075 + 0",
        "séjours : 960 = 960 + 0",
        "2 territoires, 24 communes, 124\u202f000 habitants.",
        str(out / "map.html"),
    ):
        assert words in told.out


def test_a_run_in_english(cli: Callable, region: Files, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = cli("run", *as_options(region), "--out", out, "--lang", "en")
    assert "specialistes.csv: rows read 153 = kept 153 + set aside 0" in told.out
    assert "124,000 inhabitants" in told.out
    head = (out / "communes.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert head.startswith("code;name;population;territory")
    assert json.loads((out / "run.json").read_text())["settings"]["lang"] == "en"


def test_territories_are_those_of_the_two_towns(cli: Callable, region: Files, tmp_path: Path):
    """Letters of the left side go to h, of the right side to Q.

    ::

        abcDEF
        ghiJKL
        mnoPQR
        stuVWX
    """
    cli("run", *as_options(region), "--territories", 2, "--out", tmp_path / "out")
    text = (tmp_path / "out" / "communes.csv").read_text(encoding="utf-8-sig")
    for row in csv.DictReader(io.StringIO(text), delimiter=";"):
        town = code("h") if row["code"].startswith("00") else code("Q")
        assert row["territoire"] == row["pole"] == row["pole_hopital"] == town
        assert row["concordance"] == "toujours"
        assert row["liberal_hopital"] == "même pôle"


def test_a_configuration_file_is_the_same_as_options(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    """Files are named beside the configuration; an option wins over it."""
    settings = {name: path.name for name, path in region.items()}
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    config = region["flows"].with_name("region.toml")
    config.write_text(
        "\n".join([*lines, "min_population = 10000", "territories = 2", "seed = 3"]),
        encoding="utf-8",
    )
    assert cli("run", "--config", config, "--out", tmp_path / "1", "--seed", 5).code == 0
    words = ["--min-population", 10000, "--territories", 2, "--seed", 5]
    assert cli("run", *as_options(region), *words, "--out", tmp_path / "2").code == 0
    assert everything(tmp_path / "1") == everything(tmp_path / "2")


def test_columns_can_be_named(cli: Callable, region: Files, tmp_path: Path) -> None:
    replace(region["flows"], "nb_patients", "effectif")
    replace(region["flows"], "commune_residence", "domicile")
    out = tmp_path / "out"
    mapping = ["--columns", "patients=effectif", "--columns", "residence=domicile"]
    assert cli("run", *as_options(region), *mapping, "--out", out).code == 0


def test_an_extract_of_places_needs_no_practitioner(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    rows = [
        f"{code(sign)};{activity};{code('h' if sign.islower() else 'Q')};20"
        for sign in layers.squares(layers.REGION)
        for activity in ("orl", "derm", "ophtalmo")
    ]
    write_text(region["flows"], "codgeo;specialite;commune_exercice;nb_patients", rows)
    told = cli("run", *as_options(region), "--territories", 2, "--out", tmp_path / "out")
    assert told.code == 0
    assert "patients : 1\u202f440 = 1\u202f440 + 0" in told.out
    text = (tmp_path / "out" / "communes.csv").read_text(encoding="utf-8-sig")
    assert {row["pole"] for row in csv.DictReader(io.StringIO(text), delimiter=";")} == {
        code("h"),
        code("Q"),
    }


def test_the_fictional_region(cli: Callable, tmp_path: Path) -> None:
    told = cli("demo", "--out", tmp_path / "demo")
    assert told.code == 0
    assert sorted(each.name for each in (tmp_path / "demo").iterdir()) == sorted(FILES)
    assert "12 territoires" in told.out
    assert cli("demo", "--out", tmp_path / "demo").code == 1


def test_an_existing_result_is_replaced_when_told(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert cli("run", *as_options(region), "--out", out).code == 0
    before = everything(out)
    refused = cli("run", *as_options(region), "--territories", 2, "--out", out)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert everything(out) == before
    again = cli("run", *as_options(region), "--territories", 2, "--out", out, "--overwrite")
    assert again.code == 0
    assert everything(out) != before
    assert (out / "notes.txt").read_text() == "mine"


# --- refusals ------------------------------------------------------------------------------------


def wrong_name(files: Files) -> list[object]:
    return ["--flows", files["flows"].with_name("specialiste.csv")]


def no_population(files: Files) -> list[object]:
    frame = gpd.read_file(files["communes"]).drop(columns="pop2021")
    files["communes"].write_text(frame.to_json(drop_id=True), encoding="utf-8")
    return []


def unknown_commune(files: Files) -> list[object]:
    assert append(files["flows"], f"00999;orl;{WHO};;{COUNT};1") == 155
    return []


def missing_column(files: Files) -> list[object]:
    replace(files["flows"], "nb_patients", "nbr_patient")
    return []


def empty_file(files: Files) -> list[object]:
    files["flows"].write_bytes(b"")
    return []


def header_only(files: Files) -> list[object]:
    files["flows"].write_text(layers.SPECIALISTS + "\n", encoding="utf-8")
    return []


def no_number(files: Files) -> list[object]:
    append(files["flows"], f"00001;orl;{WHO};;{COUNT} x;1")
    return []


def negative(files: Files) -> list[object]:
    append(files["flows"], f"00001;orl;{WHO};;-{COUNT};1")
    return []


def twice(files: Files) -> list[object]:
    append(files["flows"], *[f"00001;orl;{WHO};;{COUNT};1"] * 2)
    return []


def short_row(files: Files) -> list[object]:
    append(files["flows"], f"00001;orl;{WHO};;{COUNT}")
    return []


def long_row(files: Files) -> list[object]:
    append(files["flows"], f"00001;orl;{WHO};;{COUNT};1;2")
    return []


def no_header(files: Files) -> list[object]:
    rows = [f"{code(each)};orl;{WHO};;{COUNT};1" for each in "abc"]
    write_text(files["flows"], rows[0], rows[1:])
    return []


def no_sites(files: Files) -> list[object]:
    del files["sites"]
    return []


def unknown_site(files: Files) -> list[object]:
    append(files["hospital"], f"P0000;999;mco;{COUNT}")
    return []


def unknown_pmsi(files: Files) -> list[object]:
    append(files["hospital"], f"00X99;1;mco;{COUNT}")
    return []


def unknown_bridge(files: Files) -> list[object]:
    path = write_text(files["flows"].with_name("ponts.csv"), "left;right", ["00001;00999"])
    return ["--bridges", path]


def config(text: str) -> Callable[[Files], list[object]]:
    def write(files: Files) -> list[object]:
        path = files["flows"].with_name("region.toml")
        path.write_text(text, encoding="utf-8")
        return ["--config", path]

    return write


def options(*words: object) -> Callable[[Files], list[object]]:
    return lambda _: list(words)


REFUSED = {
    "wrong name": (wrong_name, ["specialiste.csv", "specialistes.csv"],
                   "n'existe pas", "no such file"),
    "no population": (no_population, ["communes.geojson", "--columns population=", "00001"],
                      "population inconnue", "unknown population"),
    "unknown commune": (unknown_commune,
                        ["specialistes.csv", "commune_residence", "155", "'00999'",
                         "--on-unknown aside"], "communes inconnues", "unknown communes"),
    "missing column": (missing_column, ["specialistes.csv", "patients", "nbr_patient"],
                       "Serait-ce", "Is it"),
    "empty file": (empty_file, ["specialistes.csv", "0 "], "vide", "empty"),
    "header only": (header_only, ["specialistes.csv"], "aucune ligne", "no data row"),
    "no number": (no_number, ["specialistes.csv", "nb_patients", "155"],
                  "ne sont pas des nombres", "are not numbers"),
    "negative": (negative, ["specialistes.csv", "nb_patients", "155"], "négatif", "negative"),
    "twice": (twice, ["specialistes.csv", "155, 156", "'00001'", "'ORL'"],
              "la même clé", "the same key"),
    "short row": (short_row, ["specialistes.csv", "155", "5"], "au lieu de 6", "instead of 6"),
    "long row": (long_row, ["specialistes.csv", "155", "7"], "au lieu de 6", "instead of 6"),
    "no header": (no_header, ["specialistes.csv"], "en-tête", "header"),
    "no sites": (no_sites, ["--hospital", "--sites"], "demande aussi", "also needs"),
    "unknown site": (unknown_site, ["hopital.csv", "finess", "18", "'999'", "finess.csv"],
                     "établissement inconnu", "unknown site"),
    "unknown PMSI code": (unknown_pmsi,
                          ["hopital.csv", "code_geo_pmsi", "18", "'00X99'", "--pmsi-codes"],
                          "PMSI inconnu", "unknown PMSI"),
    "unknown bridge": (unknown_bridge, ["'00999'", "--bridges"], "inconnues", "unknown"),
    "no territory": (options("--territories", 0), ["0"], "supérieur à 0", "over 0"),
    "number and resolution": (options("--territories", 2, "--resolution", 1),
                              [], "pas les deux", "not both"),
    "minimum over maximum": (options("--min-population", 70000, "--max-population", 50000),
                             [], "dépasse le maximum", "over the maximum"),
    "maximum under a commune": (options("--max-population", 30000),
                                ["Ville-h (00008,", "Ville-Q (96017,"],
                                "dépassent à elles seules", "by themselves"),
    "minimum over the region": (options("--min-population", 200000),
                                [], "la population de la région", "population of the region"),
    "too many": (options("--territories", 25), ["25", "24"], "c'est trop", "too many"),
    "too many for the minimum": (options("--territories", 20),
                                 ["20"], "au moins", "of at least"),
    "negative resolution": (options("--resolution", -1), ["-1"], "supérieur à 0", "over 0"),
    "resolution that is no number": (options("--resolution", "nan"), ["nan"],
                                     "supérieur à 0", "over 0"),
    "unknown method": (options("--method", "louvain"), ["louvain", "leiden"],
                       "inconnue", "Unknown"),
    "columns": (options("--columns", "patient=x"), ["patient=x", "patients"],
                "notre_nom=votre_nom", "ours=theirs"),
    "column that is not there": (options("--columns", "patients=effectif"), ["effectif"],
                                 "pas de colonne", "no column"),
    "folder named as a workbook": (lambda region: ["--out", str(region["flows"].parent / "r.xlsx")],
                                   ["r.xlsx"], "dossier", "folder"),
    "misspelt setting": (config("min_populaton = 5"),
                         ["region.toml", "min_populaton", "min_population"],
                         "n'existe pas", "no such setting"),
    "misspelt column": (config('columns = {patient = "x"}'),
                        ["region.toml", "patient", "patients"], "columns", "columns"),
    "setting of another kind": (config('territories = "vingt"'),
                                ["region.toml", "territories"], "entier", "whole number"),
    "broken configuration": (config("a = [1"), ["region.toml", "TOML"],
                             "pas un fichier TOML", "not correct TOML"),
    "weight under zero": (options("--hospital-weight", -2), ["-2"], "poids", "weight"),
}  # fmt: skip


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused(cli: Callable, region: Files, tmp_path: Path, case: str, language: str) -> None:
    """The place and the way out are told, nothing confidential is, and nothing is written."""
    spoil, named, french, english = REFUSED[case]
    more = spoil(region)
    before = everything(tmp_path)
    out = [] if "--out" in more else ["--out", tmp_path / "out"]
    told = cli("run", *as_options(region), *more, *out, "--lang", language)
    assert told.code == 1, told
    assert told.err.startswith(
        "Refusé, rien n'a été écrit :\n" if language == "fr" else "Refused, nothing written:\n"
    )
    for words in [*named, french if language == "fr" else english]:
        assert words in told.err
    assert told.out == ""
    assert COUNT not in re.sub(r"[\s,\u202f]", "", told.said)
    assert WHO not in told.said
    assert "Traceback" not in told.said
    assert everything(tmp_path) == before


def test_all_the_faults_of_a_file_are_told_at_once(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    append(region["flows"], "00999;orl;X;;a;1", ";orl;;;1;b")
    told = cli("run", *as_options(region), "--out", tmp_path / "out")
    assert len(told.err.splitlines()) == 6


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_file_is_no_folder(cli: Callable, region: Files, tmp_path: Path, overwrite: list[str]):
    (tmp_path / "out").write_text("mine")
    told = cli("run", *as_options(region), "--out", tmp_path / "out", *overwrite)
    assert told.code == 1
    assert "c'est un fichier, pas un dossier" in told.err
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_an_input_is_never_overwritten(
    cli: Callable, region: Files, tmp_path: Path, overwrite: list[str]
) -> None:
    """communes.geojson is a name of the result, and a likely name of the input beside it."""
    assert region["communes"].name in FILES
    before = everything(tmp_path)
    told = cli("run", *as_options(region), "--out", region["communes"].parent, *overwrite)
    assert told.code == 1
    assert "communes.geojson" in told.err
    assert everything(tmp_path) == before


def test_below_a_file_nothing_can_be_written(cli: Callable, region: Files, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    before = everything(tmp_path)
    told = cli("run", *as_options(region), "--out", tmp_path / "file" / "out")
    assert told.code == 1
    assert "impossible d'écrire ici" in told.err
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "french", "english"),
    [
        (["run", "--territoires", "3", "--out", "x"], "pas d'option --territoires", "no option"),
        (["run", "--out", "x"], "l'option --communes manque", "option --communes is missing"),
        (["run", "--communes", "a", "--out", "x"], "l'option --flows manque", "--flows is missing"),
        (["run", "--communes", "a", "--flows", "b"], "l'option --out manque", "--out is missing"),
        (["run", "--territories", "abc", "--out", "x"], "--territories", "--territories"),
        (["run", "--on-unknown", "perhaps", "--out", "x"], "--on-unknown", "--on-unknown"),
        (["check"], "aucun fichier", "no file given"),
        (["runn"], "runn", "runn"),
    ],
)
def test_wrong_usage(
    cli: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    french: str,
    english: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = cli(*words)
    assert told.code == 2
    assert told.err.startswith("Commande incomplète ou mal écrite")
    assert french in told.err
    assert "--help" in told.err
    # One language at a time: what click says by itself is English.
    assert not re.search(r"\b(is not|No such|Missing|Did you mean|Invalid)\b", told.err)
    told = cli(*words, "--lang", "en") if words != ["runn"] else cli("--lang=en", *words)
    assert told.code == 2
    assert english in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_near_option_is_proposed(cli: Callable) -> None:
    assert "--territories" in cli("run", "--territoires", "3", "--out", "x").err


def test_language_from_the_environment(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRITORIES_LANG", "en")
    assert "option --out is missing" in cli("run").err
    assert "l'option --out manque" in cli("run", "--lang", "fr").err


# --- interruptions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("writer", "problem"),
    [
        ("write_csv", KeyboardInterrupt()),
        ("write_gpkg", OSError(28, "No space left on device")),
        ("_write_json", KeyboardInterrupt()),
        ("_write_json", OSError(28, "No space left on device")),
    ],
)
@pytest.mark.parametrize("old", [True, False])
def test_an_interrupted_write_leaves_what_was_there(
    cli: Callable,
    region: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: bool,
    writer: str,
    problem: BaseException,
) -> None:
    out = tmp_path / "out"
    if old:
        out.mkdir()
        for name in FILES:
            (out / name).write_text(f"the old {name}")
        (out / "exports.json").write_text(ledger_text([]))
    before = everything(tmp_path)

    def fails(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(f"territories.pipeline.{writer}", fails)
    told = cli("run", *as_options(region), "--territories", 2, "--out", out, "--overwrite")
    assert told.code == (1 if isinstance(problem, OSError) else 130)
    assert "rien n'a été écrit" in told.err
    if isinstance(problem, OSError):
        assert "No space left on device" in told.err
    assert everything(tmp_path) == before


def test_an_interrupted_computation_writes_nothing(
    cli: Callable, region: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("territories.pipeline.repeated", stopped)
    before = everything(tmp_path)
    told = cli("run", *as_options(region), "--out", tmp_path / "out")
    assert told.code == 130
    assert told.err.strip() == "Interrompu : rien n'a été écrit."
    assert everything(tmp_path) == before


# --- evaluate ------------------------------------------------------------------------------------


def zonings(files: Files) -> Path:
    """Write two zonings of the region: its sides, and the half on the north."""
    letters = [each for each in layers.REGION if each.isalpha()]
    rows = [
        f"{code(each)};{'gauche' if each.islower() else 'droite'};{'nord' if place < 12 else 'sud'}"
        for place, each in enumerate(letters)
    ]
    # A commune of another region, in the zone of the north.
    path = files["communes"].with_name("zonages.csv")
    return write_text(path, "codgeo;territoire;secteur", [*rows, "75056;gauche;nord"])


def test_evaluate_tells_measures_and_comparisons(cli: Callable, region: Files, tmp_path: Path):
    path = zonings(region)
    out = tmp_path / "evaluation"
    words = ["evaluate", path, *as_options(region), "--against", f"{path}#secteur"]
    words += ["--against", f"Les mêmes={path}"]
    before = everything(tmp_path)
    told = cli(*words)
    assert (told.code, told.err) == (0, "")
    assert everything(tmp_path) == before
    for each in (
        "zonages.csv : lignes lues 25 = gardées 25 + écartées 0",
        "1 communes sont hors de la couche",
        "zonages : 2 territoires, 24 communes, 0 sans territoire.",
        "soignés",
        "Les mêmes",
    ):
        assert each in told.out
    assert re.search(r"Indice de Rand ajusté +-0,0\d +1,00", told.out)
    assert re.search(r"Zones qui débordent de la région +1 +1", told.out)
    assert cli(*words, "--out", out).code == 0
    assert sorted(each.name for each in out.iterdir()) == [
        "comparisons.csv",
        "exports.json",
        "map.html",
        "territories.csv",
    ]
    text = (out / "comparisons.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [row["zonage"] for row in rows] == ["secteur", "Les mêmes"]
    assert rows[1]["indice_de_rand_ajuste"] == "1,0"
    text = (out / "territories.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [row["territoire"] for row in rows] == ["droite", "gauche"]
    assert "Les mêmes" in (out / "map.html").read_text(encoding="utf-8")
    again = cli(*words, "--out", out)
    assert again.code == 1
    assert "--overwrite" in again.err
    assert cli(*words, "--out", out, "--overwrite").code == 0


def test_evaluate_a_run_and_write_one_table(cli: Callable, region: Files, tmp_path: Path) -> None:
    """What a run writes is a zoning; alone, its map is that of territories."""
    flows = {name: region[name] for name in ("communes", "flows")}
    assert cli("run", *as_options(flows), "--runs", 0, "--out", tmp_path / "run").code == 0
    made = tmp_path / "run" / "communes.csv"
    table = tmp_path / "t.csv"
    told = cli("evaluate", made, *as_options(flows), "--out", table, "--lang", "en")
    assert told.code == 0
    assert "Ville-h" in told.out
    assert table.read_text(encoding="utf-8-sig").startswith("territory;name;population")
    assert cli("evaluate", made, *as_options(flows), "--out", tmp_path / "e").code == 0
    assert sorted(each.name for each in (tmp_path / "e").iterdir()) == [
        "exports.json",
        "map.html",
        "territories.csv",
    ]


def test_evaluate_refuses_all_at_once(cli: Callable, region: Files, tmp_path: Path) -> None:
    path = zonings(region)
    bad = write_text(tmp_path / "bad.csv", "codgeo;epci", ["00001;x", "00001;y"])
    several = write_text(tmp_path / "several.csv", "codgeo;epci;ze2020", ["00001;x;y"])
    words = ["evaluate", path, *as_options(region), "--out", tmp_path / "e"]
    told = cli(*words, "--against", bad, "--against", several)
    assert told.code == 1
    assert "bad.csv" in told.err
    assert "FICHIER#epci" in told.err
    assert not (tmp_path / "e").exists()
    assert cli(*words, "--against", f"{several}#ze2020", "--overwrite").code == 0
    told = cli("evaluate", path, *as_options(region), "--out", path, "--overwrite")
    assert told.code == 1  # an input is never overwritten
    assert cli("evaluate", *as_options(region)).code == 2
    assert cli("evaluate", path, "--communes", region["communes"]).code == 2
    told = cli("evaluate", tmp_path / "nothing.csv", *as_options(region))
    assert (told.code, "nothing.csv" in told.err) == (1, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\data\zones.csv", (None, r"C:\data\zones.csv", None)),
        (r"EPCI=C:\data\zones.csv#EPCI", ("EPCI", r"C:\data\zones.csv", "EPCI")),
        (r"C:\a=b\zones.csv#ze2020", (None, r"C:\a=b\zones.csv", "ze2020")),
        ("Bassins de vie=z.csv", ("Bassins de vie", "z.csv", None)),
        ("/home/x/#1/zones.csv", (None, "/home/x/#1/zones.csv", None)),
        ("zones.csv#bv 2022", (None, "zones.csv", "bv 2022")),
    ],
)
def test_a_zoning_is_named_on_the_command_line(text: str, expected: tuple[object, ...]) -> None:
    found = ZoningFile.from_text(text)
    assert (found.name, str(found.path), found.territory) == expected


# --- check ---------------------------------------------------------------------------------------


def test_check_reads_every_kind_of_file(cli: Callable, region: Files, tmp_path: Path) -> None:
    bridges = write_text(region["flows"].with_name("ponts.csv"), "left;right", ["00001;96006"])
    before = everything(tmp_path)
    told = cli("check", *reversed([*region.values(), bridges]))
    assert told.code == 0
    for name, rows in (("communes.geojson", 24), ("specialistes.csv", 153), ("hopital.csv", 16),
                       ("finess.csv", 2), ("pmsi.csv", 24), ("ponts.csv", 1)):  # fmt: skip
        assert f"{name} : lignes lues {rows} = gardées {rows} + écartées 0" in told.out
    assert "Fichiers lus : 6. Rien à refuser." in told.out
    assert everything(tmp_path) == before


def test_check_against_the_communes(cli: Callable, region: Files) -> None:
    append(region["flows"], f"00999;orl;{WHO};;{COUNT};1")
    assert cli("check", region["flows"]).code == 0  # plausible by itself
    told = cli("check", region["flows"], "--communes", region["communes"])
    assert told.code == 1
    assert "'00999'" in told.err
    aside = cli("check", region["flows"], "--communes", region["communes"], "--on-unknown", "aside")
    assert aside.code == 0
    assert "lignes lues 154 = gardées 153 + écartées 1" in aside.out
    assert "commune de résidence inconnue ; lignes : 1, patients : 7\u202f777" in aside.out


def test_check_tells_the_faults_of_all_files(cli: Callable, region: Files, tmp_path: Path) -> None:
    append(region["flows"], f"00001;orl;{WHO};;{COUNT} x;1")
    append(region["hospital"], f"P0000;999;mco;{COUNT}")
    before = everything(tmp_path)
    told = cli("check", *region.values(), tmp_path / "absent.csv", "--lang", "en")
    assert told.code == 1
    for words in (
        "specialistes.csv: these are not numbers, column nb_patients: 1 (rows 155)",
        "unknown site",
        "absent.csv",
    ):
        assert words in told.err
    assert "communes.geojson: rows read 24" in told.out
    assert COUNT not in told.said
    assert WHO not in told.said
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "line"), [("sites", "3;CH;ZZZZZ"), ("pmsi_codes", "ZZZZZ;x;P0000;5"),
                       ("pmsi_codes", "00001;x;P0000;beaucoup")],
)  # fmt: skip
def test_check_refuses_what_a_run_would(
    cli: Callable, region: Files, tmp_path: Path, name: str, line: str
) -> None:
    """A table of sites or of PMSI codes alone, without the stays that go with it."""
    row = append(region[name], line)
    told = cli("run", *as_options(region), "--out", tmp_path / "out")
    assert told.code == 1
    assert str(row) in told.err
    told = cli("check", region[name])
    assert told.code == 1
    assert str(row) in told.err


# --- secrecy -------------------------------------------------------------------------------------


def small_files(region: Files) -> Files:
    """Keep 8 patients in the extract and 9 stays in the hospital's."""
    write_text(region["flows"], layers.SPECIALISTS, ["00001;orl;PS1;;5;1", "96004;orl;PS2;;3;1"])
    write_text(region["hospital"], layers.STAYS, ["P0000;1;mco;9"])
    return region


def test_no_small_count_is_said_or_written(cli: Callable, region: Files, tmp_path: Path) -> None:
    told = cli("run", *as_options(small_files(region)), "--out", tmp_path / "out")
    assert told.code == 0
    assert "patients : (secret) = (secret) + (secret)" in told.out
    assert "séjours : (secret) = (secret) + (secret)" in told.out
    flows, stays = json.loads((tmp_path / "out" / "reconciliation.json").read_text())[1:3]
    for record in (flows, stays):
        assert record["patients_in"] is None
        assert record["patients_kept"] is None


def test_no_small_count_is_found_by_subtraction(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    """Seven patients of an unknown commune, kept and read being shown."""
    append(region["flows"], f"00999;orl;{WHO};;7;1")
    told = cli("run", *as_options(region), "--on-unknown", "aside", "--out", tmp_path / "out")
    assert told.code == 0
    assert "commune de résidence inconnue ; lignes : 1, patients : (secret)" in told.out
    record = json.loads((tmp_path / "out" / "reconciliation.json").read_text())[1]
    assert record["reasons"] == {
        "unknown_residence": {
            "rows": 1,
            "patients": None,
            "examples": [{"row": "155", "column": "commune_residence", "value": "'00999'"}],
        }
    }
    assert None in (record["patients_in"], record["patients_kept"])
    assert record["patients_aside"] is None
    assert WHO.encode() not in b"".join(everything(tmp_path / "out").values())


def test_patients_of_tied_practitioners_are_told(
    cli: Callable, region: Files, tmp_path: Path
) -> None:
    append(region["flows"], "00001;orl;PS9;;120;5,5", "00002;orl;PS9;;120;5,5")
    told = cli("run", *as_options(region), "--out", tmp_path / "out")
    assert told.code == 0
    assert (
        "lieu d'exercice indéterminé (égalité parfaite ou aucun patient) ; "
        "lignes : 2, patients : 240" in told.out
    )
    record = json.loads((tmp_path / "out" / "reconciliation.json").read_text())[1]
    assert record["reasons"] == {
        "practice_undetermined": {"rows": 2, "patients": 240, "examples": []}
    }
    assert (record["rows_in"], record["rows_kept"], record["rows_aside"]) == (155, 153, 2)
    assert (record["patients_in"], record["patients_kept"]) == (39_315, 39_075)


# --- hard cases ----------------------------------------------------------------------------------


def test_nobody_left(cli: Callable, region: Files, tmp_path: Path) -> None:
    """All the practitioners are tied: there is no flow to draw from, and it is said."""
    write_text(region["flows"], layers.SPECIALISTS,
               ["00001;orl;PS9;;50;5", "00002;orl;PS9;;50;5"])  # fmt: skip
    only = {name: region[name] for name in ("communes", "flows")}
    told = cli("run", *as_options(only), "--min-population", 1, "--out", tmp_path / "out")
    assert "Traceback" not in told.said
    assert "flux sont tous nuls" in told.said


def test_a_region_in_pieces(cli: Callable, region: Files, tmp_path: Path) -> None:
    """An island is told, not hidden.

    ::

        abc..d
    """
    island = layers.layer("abc..d", people=30_000)
    write_layer(region["communes"], island)
    rows = [f"{code(each)};orl;PS1;;{30 + 10 * (each == 'a')};1" for each in "abcd"]
    write_text(region["flows"], layers.SPECIALISTS, rows)
    only = {name: region[name] for name in ("communes", "flows")}
    refused = cli("run", *as_options(only), "--territories", 1, "--out", tmp_path / "out")
    assert refused.code == 1
    assert "--bridges" in refused.err
    bridges = write_text(region["flows"].with_name("ponts.csv"), "left;right", ["00003;00004"])
    told = cli("run", *as_options(only), "--territories", 1, "--bridges", bridges,
               "--out", tmp_path / "out")  # fmt: skip
    assert told.code == 0
    assert "1 territoires" in told.out
    inputs = json.loads((tmp_path / "out" / "run.json").read_text())["inputs"]
    files = {role: each["file"] for role, each in inputs.items()}
    assert files == {
        "communes": "communes.geojson", "flows": "specialistes.csv", "bridges": "ponts.csv",
    }  # fmt: skip


def command(*words: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "territories.cli", *map(str, words)],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_exit_codes_of_the_program(region: Files, tmp_path: Path) -> None:
    assert command("run").returncode == 2
    refused = command("check", tmp_path / "absent.csv")
    assert refused.returncode == 1
    assert b"absent.csv" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_a_log_of_windows_can_be_written(region: Files) -> None:
    """French Windows writes what is sent to a file in cp1252, which has no narrow space."""
    told = command("check", region["flows"], PYTHONIOENCODING="cp1252")
    assert b"Traceback" not in told.stderr
    assert told.returncode == 0
    assert b"lignes lues" in told.stdout


def test_main_takes_the_words_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["territories", "--version"])
    assert main() == 0
    assert __version__ in capsys.readouterr().out
