"""Nothing confidential leaves by any door: what is planted in the inputs is looked for everywhere.

Practitioners' numbers, patients' numbers, names, amounts, and small counts written so that no other
figure is like them are planted in the files of a region; every command is run; then every byte of
what it wrote and said is searched, unpacked (see `leaks`).
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import importlib
import io
import json
import logging
import math
import os
import pkgutil
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import layers
import pandas as pd
import pytest
from layers import REGION, as_options, code, squares, write_text
from leaks import files_of, leaks

import territories as tt
from territories._masked_copy import masked_copy
from territories._words import using
from territories.export import Evidence, territory_table
from territories.pipeline import Settings, compute, write

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "commune_residence;specialite;ps;departement_ps;nb_patients;montant;nom_ps"
EVENTS = "id_patient;commune_residence;ps;departement_ps;specialite;date_soins;montant"


class Planted(NamedTuple):
    """Files of a region, and what must not leave them."""

    files: dict[str, Path]
    events: Path
    needles: list[str | float]
    small: list[float]


def who(number: int) -> str:
    """Name a practitioner."""
    return f"ZQPS{number:05d}"


def planted(folder: Path) -> Planted:
    """Write the files of a region of 24 communes, with what must not leave them.

    Two towns have eight practitioners of each activity; one commune, ``o``, has a single one.
    """
    files = layers.write_region(folder)
    numbers, amounts, small, lines, events = [], [], [], [], []
    patient = 880_000_000
    for place, (activity, far) in enumerate(
        (("orl", 30), ("dermatologie", 40), ("ophtalmologie", 50))
    ):
        for at, sign in enumerate(squares(REGION)):
            near, other = ("h", "Q") if sign.islower() else ("Q", "h")
            for side, (town, patients) in enumerate(((near, 20 * far), (other, far))):
                for each in range(8):
                    name = who(1000 * place + 100 * (town == "h") + each)
                    numbers.append(name)
                    own = 100 if town == sign else 0
                    count = patients // 8 + own
                    amount = 70_000 + 997 * len(amounts) + 0.37
                    amounts.append(amount)
                    lines.append(
                        f"{code(sign)};{activity};{name};{code(town)[:2]};{count};"
                        f"{amount:.2f};NOMSENTINELLE{name}".replace(".", ",")
                    )
                    if at < 4 and side == 0 and each < 2:
                        for _ in range(count // 8):
                            patient += 1
                            events.append(
                                f"{patient};{code(sign)};{name};{code(town)[:2]};{activity};"
                                f"2023-05-0{1 + patient % 9};{amount / 64:.2f}"
                            )
        # A single practitioner, seen by a few: counts that no rounding and no other sum makes.
        for at, sign in enumerate("onu"):
            count = round(2 + 2.5 * at + place / 3 + 0.0317251, 7)
            small.append(count)
            amount = 300_123.41 + 1000 * len(small)
            amounts.append(amount)
            name = who(9000 + place)
            numbers.append(name)
            lines.append(
                f"{code(sign)};{activity};{name};{code('o')[:2]};{count};{amount:.2f};"
                f"NOMSENTINELLE{name}".replace(".", ",")
            )
    files["flows"] = write_text(folder / "specialistes.csv", HEAD, lines)
    stays = [
        f"P{three:04d};{site};mco;{90 if three % 2 == int(site) - 1 else 30}"
        for three in range(8)
        for site in "12"
    ]
    files["hospital"] = write_text(folder / "hopital.csv", layers.STAYS, stays)
    patients = [str(number) for number in range(880_000_001, patient + 1)]
    needles = [*dict.fromkeys(numbers), *patients, "NOMSENTINELLE", *dict.fromkeys(amounts)]
    return Planted(
        files, write_text(folder / "actes.csv", EVENTS, events), [*needles, *small], small
    )


# --- the search itself ---------------------------------------------------------------------------

NAME = who(12_345)
AMOUNT = 91_357.37


def in_zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/hidden.xml", content)
    return out.getvalue()


def in_free_pages(content: bytes) -> bytes:
    """Give a database from which it was deleted, which leaves it in pages that are free."""
    with sqlite3.connect(":memory:") as base:
        base.execute("PRAGMA secure_delete = OFF")
        base.execute("CREATE TABLE t (a)")
        base.executemany("INSERT INTO t VALUES (?)", [(content + b"x" * 3000,)] * 9)
        base.execute("DELETE FROM t")
        base.commit()
        return base.serialize()


HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: b"a" + content,
    "zip": in_zip,
    "gzip": lambda content: gzip.compress(b"abc" + content),
    "base64": lambda content: b'"' + base64.b64encode(b"-" * 40 + content) + b'"',
    "gzip in base64 in a page": lambda content: (
        b"<script>" + base64.b64encode(gzip.compress(b"abc" * 50 + content)) + b"</script>"
    ),
    "zip in zip": lambda content: in_zip(in_zip(content)),
    "free pages": in_free_pages,
}


@pytest.mark.parametrize("place", HIDDEN)
@pytest.mark.parametrize("needle", [NAME, AMOUNT])
def test_a_planted_leak_is_found(place: str, needle: str | float) -> None:
    for content in (str(needle).encode(), str(needle).replace(".", ",").encode()):
        assert leaks([("file", HIDDEN[place](content))], [needle])
    assert not leaks([("file", HIDDEN[place](b"nothing to see here"))], [needle])


def test_hashes_and_doubles_are_found() -> None:
    for kind in ("md5", "sha1", "sha256"):
        digest = hashlib.new(kind, NAME.encode())
        assert leaks([("x", b"id=" + digest.hexdigest().encode())], [NAME])
        assert leaks([("x", digest.digest())], [NAME])
    assert leaks([("x", b"1" + struct.pack("<d", AMOUNT))], [AMOUNT])


def test_the_planted_counts_are_small(tmp_path: Path) -> None:
    world = planted(tmp_path)
    assert all(0 < each < 11 for each in world.small)
    assert leaks([("flows", world.files["flows"].read_bytes())], [world.small[0]])
    assert leaks([("events", world.events.read_bytes())], ["880000001"])


# --- every command -------------------------------------------------------------------------------

PROGRAM = (
    "import logging, os, sys, warnings; os.umask(0); warnings.simplefilter('always');"
    "logging.basicConfig(level=logging.DEBUG, stream=sys.stderr);"
    "logging.getLogger('numba').setLevel(logging.WARNING);"
    "from territories.cli import main; sys.exit(max(main(line.split('\\t')) for line in"
    " sys.stdin.read().splitlines()))"
)


def program(lines: list[list[object]], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run commands in a program of their own, whose temporary files are in a folder of ours."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    given = "\n".join("\t".join(map(str, line)) for line in lines).encode()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], input=given, capture_output=True, env=environment,
        check=False, timeout=900,
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Give the files of the region."""
    return planted(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="module")
def told(world: Planted, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Give the folder of all that the commands wrote, and all that they said."""
    folder = tmp_path_factory.mktemp("told")
    out, run = folder / "out", folder / "out" / "run"
    out.mkdir()
    given, layer = as_options(world.files), ["--communes", world.files["communes"]]
    log = folder / "log.csv"
    log.write_text(f"ordre;action;commune;motif\n1;libérer;{code('i')};proche\n", "utf-8")
    config = folder / "reglages.toml"
    config.write_text("territories = 2\nmin_population = 1000\n", "utf-8")
    done = program(
        [
            ["run", *given, "--config", config, "--runs", 5, "--out", run],
            ["report", run, *given, "--against", run / "communes.csv"],
            ["edit", run, *given],
            ["apply", run, log, *given, "--out", out / "applied"],
            ["maps", run, *given, "--format", "pdf,png,svg", "--size", "A4"],
            ["scales", *given, "--min-population", 1000, "--out", out / "scales.csv"],
            ["evaluate", run / "communes.csv", *given, "--out", out / "evaluated"],
            ["check", *world.files.values(), *layer],
            ["events", world.events, *layer, "--masked", "--out", out / "masked.parquet"],
            ["events", world.events, *layer, "--out", out / "exact.parquet"],
        ],
        folder,
    )
    said = done.stdout + b"\n" + done.stderr
    _, _, refusal = done.stderr.decode().partition("Refus")
    assert done.returncode == 0, refusal[:500]
    return folder, said


def test_nothing_planted_leaves_any_command(world: Planted, told: tuple[Path, bytes]) -> None:
    folder, said = told
    written = list(files_of(folder / "out"))
    assert len([name for name, _ in written if not name.startswith("name of")]) > 30
    assert leaks([*written, ("said", said)], world.needles) == []


def test_no_folder_of_the_machine_is_in_a_file(world: Planted, told: tuple[Path, bytes]) -> None:
    needles = [str(world.events.parent), str(told[0])]
    assert leaks(files_of(told[0] / "out"), needles) == []


def test_nothing_temporary_is_left(told: tuple[Path, bytes]) -> None:
    left = [path for path in (told[0] / "tmp").rglob("*") if "numba" not in path.name]
    assert left == []
    assert list((told[0] / "out").rglob(".*")) == []
    beside = [path.name for path in (told[0] / "out").rglob("*.gpkg-*")]
    assert beside == []


def test_exact_flows_are_for_their_owner_alone(told: tuple[Path, bytes]) -> None:
    """Even where new files are everybody's by default."""
    assert (told[0] / "out" / "exact.parquet").stat().st_mode & 0o777 == 0o600


def test_a_geopackage_has_no_free_page(told: tuple[Path, bytes]) -> None:
    with sqlite3.connect(told[0] / "out" / "run" / "territories.gpkg") as base:
        assert base.execute("PRAGMA freelist_count").fetchone() == (0,)
        dates = base.execute("SELECT DISTINCT last_change FROM gpkg_contents").fetchall()
    assert dates == [("2000-01-01T00:00:00.000Z",)]


def test_workbooks_hide_nothing(told: tuple[Path, bytes]) -> None:
    with zipfile.ZipFile(told[0] / "out" / "run" / "tables.xlsx") as book:
        sheets = book.read("xl/workbook.xml").decode()
        assert 'state="hidden"' not in sheets
        assert 'state="veryHidden"' not in sheets
        core = book.read("docProps/core.xml").decode()
    user = os.environ.get("USER", "root")
    assert f">{user}<" not in core


# --- refusals ------------------------------------------------------------------------------------


def column(at: int, change: Callable[[list[str]], str]) -> Callable[[list[str]], list[str]]:
    """Spoil a cell of the first rows."""

    def spoiled(rows: list[str]) -> list[str]:
        cells = [row.split(";") for row in rows]
        return [
            ";".join([*row[:at], change(row), *row[at + 1 :]] if place < 9 else row)
            for place, row in enumerate(cells)
        ]

    return spoiled


def same(rows: list[str]) -> list[str]:
    return rows


WRONG: dict[str, tuple[str | None, Callable[[list[str]], list[str]], list[str]]] = {
    "no head": (None, same, []),
    **{
        f"{ours} is {theirs}": (HEAD, same, ["--columns", f"{ours}={theirs}"])
        for ours in ("residence", "activity", "destination", "department", "patients", "year")
        for theirs in ("ps", "nb_patients", "montant", "nom_ps")
    },
    "activities are practitioners": (HEAD, same, ["--columns", "activity=ps", "--allow-new"]),
    "counts are words": (HEAD, column(4, lambda row: f"{row[4]} patients"), []),
    "counts are negative": (HEAD, column(4, lambda row: f"-{row[4]}"), []),
    "counts are shares": (HEAD, column(4, lambda row: f"{row[4]}%"), []),
    "counts are dates": (HEAD, column(4, lambda row: f"{row[4]} janv."), []),
    "counts are missing": (HEAD, column(4, lambda _: ""), []),
    "practitioners are missing": (HEAD, column(2, lambda _: ""), []),
    "codes are practitioners": (HEAD, column(0, lambda row: row[2]), []),
    "codes are amounts": (HEAD, column(0, lambda row: row[5]), ["--on-unknown", "aside"]),
    "activities are names": (HEAD, column(1, lambda row: row[6]), []),
    "departments are names": (HEAD, column(3, lambda row: row[2]), []),
    "a cell too many": (HEAD, lambda rows: [f"{rows[0]};7", *rows[1:]], []),
    "cells too few": (HEAD, lambda rows: [rows[0].rsplit(";", 3)[0], *rows[1:]], []),
    "a quote": (HEAD, lambda rows: [rows[0].replace(";", ';"', 3), *rows[1:]], []),
    "rows twice": (HEAD, lambda rows: [*rows, *rows[:5]], []),
    "a row for a head": ("96017;orl;ZQPS00100;96;75;70000,37;NOM", same, []),
    "spaces": (HEAD.replace(";", " "), lambda rows: [row.replace(";", " ") for row in rows], []),
    "a footnote": (HEAD, lambda rows: [*rows, "Note : " + rows[0].replace(";", " ")], []),
}


@pytest.mark.parametrize("case", WRONG)
def test_no_refusal_quotes_what_is_planted(
    cli: Callable, world: Planted, tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    head, change, more = WRONG[case]
    rows = world.files["flows"].read_text("utf-8").splitlines()[1:]
    lines = [*([head] if head else []), *change(rows)]
    (tmp_path / "flux.csv").write_text("\n".join(lines) + "\n", "utf-8")
    with caplog.at_level(logging.DEBUG):
        said = cli("check", tmp_path / "flux.csv", "--communes", world.files["communes"], *more)
    assert leaks([("said", said.said.encode()), ("log", caplog.text.encode())], world.needles) == []


@pytest.mark.parametrize(
    "case", ["counts are words", "counts are negative", "counts are shares", "rows twice",
             "activity is nb_patients", "residence is nb_patients", "a cell too many", "no head"],
)  # fmt: skip
def test_a_refusal_is_the_same_whatever_the_counts(
    cli: Callable, world: Planted, tmp_path: Path, case: str
) -> None:
    """What depends on a small count would tell it."""
    head, change, more = WRONG[case]
    rows = [row.split(";") for row in world.files["flows"].read_text("utf-8").splitlines()[1:]]
    said = []
    for count in ("3", "8"):
        changed = change([";".join([*row[:4], count, *row[5:]]) for row in rows[:200]])
        lines = [*([head] if head else []), *changed]
        (tmp_path / "flux.csv").write_text("\n".join(lines) + "\n", "utf-8")
        told = cli("check", tmp_path / "flux.csv", "--communes", world.files["communes"], *more)
        assert told.code == 1
        said.append(told.said)
    assert said[0] == said[1]


# --- failures ------------------------------------------------------------------------------------


def test_an_unexpected_failure_quotes_no_data(
    cli: Callable, region: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        row = f"{NAME};7;{AMOUNT}"
        raise KeyError(row)

    monkeypatch.delenv("TERRITORIES_DEBUG", raising=False)
    monkeypatch.setattr("territories.check.check_files", broken)
    told = cli("check", region["flows"])
    assert told.code == 1
    assert "KeyError, cli.py:" in told.err
    assert NAME not in told.said
    assert "Traceback" not in told.said
    monkeypatch.setenv("TERRITORIES_DEBUG", "1")
    with pytest.raises(KeyError):
        cli("check", region["flows"])


def test_too_little_memory_is_said(
    cli: Callable, region: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("territories.check.check_files", broken)
        assert "mémoire" in cli("check", region["flows"]).err
    monkeypatch.setenv("TERRITORIES_MEMORY", "10kB")
    told = cli("check", region["flows"])
    assert told.code == 1
    assert "territories events" in told.err
    assert "TERRITORIES_MEMORY=8GB" in told.err
    monkeypatch.setenv("TERRITORIES_MEMORY", "1GB")
    assert cli("check", region["flows"]).code == 0
    monkeypatch.setenv("TERRITORIES_MEMORY", "much")
    assert "'much'" in cli("check", region["flows"]).err


@pytest.mark.parametrize("name", ["run.json", "draft.json", "log.csv", "config.toml"])
@pytest.mark.parametrize("opening", ["[", '{"a":', "a=["])
def test_what_is_nested_too_deep_is_refused(
    cli: Callable, told: tuple[Path, bytes], world: Planted, tmp_path: Path, name: str, opening: str
) -> None:
    folder = Path(shutil.copytree(told[0] / "out" / "run", tmp_path / "run"))
    log = Path(shutil.copy(told[0] / "log.csv", tmp_path / "log.csv"))
    config = tmp_path / "config.toml"
    config.write_text("")
    places = {"log.csv": log, "config.toml": config}
    places.get(name, folder / name).write_text(opening * 100_000, "utf-8")
    said = cli("apply", folder, log, *as_options(world.files), "--config", config)
    if name != "config.toml" or opening == "a=[":
        said = cli("apply", folder, log, *as_options(world.files), "--config", config,
                   "--out", tmp_path / "out")  # fmt: skip
    assert said.code in (1, 2)
    assert not (tmp_path / "out").exists()


# --- notebooks -----------------------------------------------------------------------------------


def small_region() -> tt.Flows:
    rows = [("a", "orl", "P1", 7, 12.5, "00"), ("b", "orl", "P1", 40, 99.0, "00")]
    return tt.Flows(table=layers.seen(rows))


def test_flows_shown_in_a_notebook_tell_no_figure() -> None:
    given = small_region()
    for flows in (given, given.located()):
        for shown in (repr(flows), flows._repr_html_()):
            assert not re.search(r"\b(7|40|47|P1|12)\b", shown)
        assert "flows.table" in flows._repr_html_()
    assert "under 6 practitioners" in repr(given)


def test_nothing_that_holds_data_writes_it_by_default() -> None:
    """What error reporters and debuggers show of our objects are their names, not their cells."""
    held = re.compile(r"DataFrame|Series|ndarray|bytes|Flows|Evidence|Run\b|Table\b")
    exposed = []
    for found in pkgutil.iter_modules(tt.__path__):
        if found.name == "__main__":
            continue
        module = importlib.import_module(f"territories.{found.name}")
        for kind in vars(module).values():
            if not dataclasses.is_dataclass(kind) or kind.__module__ != module.__name__:
                continue
            fields = [each for each in dataclasses.fields(kind) if held.search(str(each.type))]
            shown = [each.name for each in fields if each.repr]
            written = getattr(kind.__repr__, "__wrapped__", None)
            if shown and written is not None:
                exposed.append(f"{kind.__qualname__}: {shown}")
    assert exposed == []


def test_notebooks_of_the_project_name_nobody() -> None:
    for path in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        outputs = json.dumps([cell.get("outputs", []) for cell in cells])
        assert not re.search(r"PSF\d{4}", outputs), path.name


# --- places of few professionals, where nobody is named ------------------------------------------


def located_file(folder: Path) -> Path:
    rows = [f"{code(sign)};orl;{code('h')};{60 + at}" for at, sign in enumerate("abghmn")]
    rows += [f"{code(sign)};orl;{code('o')};40" for sign in "mno"]
    return write_text(folder / "lieux.csv", "residence;specialite;destination;patients", rows)


def test_flows_that_name_no_professional_say_so(tmp_path: Path) -> None:
    flows = tt.read_flows(located_file(tmp_path))
    assert "rule of 6 professionals cannot be applied" in " ".join(map(str, flows.notices))
    supply = write_text(tmp_path / "ps.csv", "code;specialite;effectif", [f"{code('h')};orl;8"])
    known = flows.with_professionals(tt.read_supply(supply))
    assert not any("rule of 6" in str(each) for each in known.notices)
    assert known.professionals is not None
    assert known.professionals.to_dict() == {("ORL", code("h")): 8, ("ORL", code("o")): 1}
    # What the place of one receives is not shown any more.
    copy, hidden = masked_copy(known)
    assert hidden == 3
    assert set(copy.loc[copy["destination"] == code("o"), "patients"]) == {"s"}
    assert masked_copy(flows)[1] == 0


def test_a_territory_of_few_professionals_does_not_tell_what_it_receives(tmp_path: Path) -> None:
    flows = tt.read_flows(located_file(tmp_path))
    supply = write_text(
        tmp_path / "ps.csv", "code;specialite;effectif",
        [f"{code('h')};orl;8", f"{code('o')};orl;1"],
    )  # fmt: skip
    known = flows.with_professionals(tt.read_supply(supply))
    layer = layers.layer(REGION)
    labels = pd.Series("T", index=layer.index).where(layer.index.isin(map(code, "mnostu")), "U")
    zoning = tt.Zoning.from_labels(labels, communes=layer)
    told = territory_table(zoning, Evidence(flows=known))["msi"]
    assert math.isnan(told["T"])
    assert not math.isnan(territory_table(zoning, Evidence(flows=flows))["msi"]["T"])


def test_professionals_on_the_command_line(
    cli: Callable, region: dict[str, Path], tmp_path: Path
) -> None:
    supply = write_text(tmp_path / "ps.csv", "code;specialite;effectif", [f"{code('h')};orl;8"])
    words = ["--communes", region["communes"], "--professionals", supply, "--territories", 2]
    words += ["--min-population", 1000, "--runs", 0]
    run = tmp_path / "run"
    told = cli("run", *words, "--flows", located_file(tmp_path), "--out", run)
    assert told.code == 0, told.err
    assert "règle des 6" not in told.out
    recorded = json.loads((run / "run.json").read_text("utf-8"))
    assert recorded["inputs"]["professionals"]["file"] == "ps.csv"
    refused = cli("run", *words, "--flows", region["flows"], "--out", tmp_path / "other")
    assert refused.code == 1
    assert "disent déjà qui exerce où" in refused.err


# --- threads -------------------------------------------------------------------------------------


def test_eight_jobs_at_once_give_the_bytes_of_one_after_another(
    region: dict[str, Path], tmp_path: Path
) -> None:
    """Of different data, seeds, languages and methods, as in a server."""

    def job(number: int, place: str) -> dict[str, bytes]:
        settings = Settings(
            **region,
            territories=2,
            min_population=1000,
            method=("leiden", "ward")[number % 2],
            runs=2,
            seed=number // 2,
            lang=("fr", "en")[number // 4],
            title=f"Job {number}",
        )
        folder = tmp_path / place / str(number)
        run = compute(settings)
        write(run, folder)
        with using(settings.lang):
            told = "\n".join(map(str, run.notices))
        (folder / "plate.png").write_bytes(b"")
        tt.export_plate(run.zoning, folder / "plate.pdf", language=settings.lang)
        return dict(files_of(folder)) | {"told": told.encode()}

    alone = [job(number, "alone") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(job, range(8), ["together"] * 8))
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        assert [name for name in one if one[name] != other[name]] == []
    assert all(each["told"] for each in alone)
