"""Care events on the command line: added up, masked, refused, interrupted, then run on."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import territories as tt
from territories import _added_up, _console
from territories._masked_copy import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[1] / "data"
COMMUNES = DATA / "communes.geojson"

# As a program that may be interrupted, even below one that may not.
PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from territories.cli import main; sys.exit(main())"
)

PATIENT = 880_000_001  # no message may quote it
WHO = "PS424242"


def exploded(path: Path) -> Path:
    """Write the events of the fictional region: each patient of a row, with a part of its amount.

    Rows are shuffled, dates are of two years, every fifth patient comes twice.
    """
    flows = pd.read_csv(
        DATA / "specialists.csv", sep=";", decimal=",", dtype=str, encoding="cp1252"
    )
    patients = flows["nb_patients"].astype("int64")
    cents = flows["montant"].str.replace(",", "").astype("int64")
    rows = flows.index.repeat(patients)
    first = ~rows.duplicated()
    part = (cents // patients).loc[rows].to_numpy()
    rest = (cents % patients).loc[rows].to_numpy()
    events = pd.DataFrame(
        {
            "id_patient": PATIENT + np.arange(len(rows)),
            "commune_residence": flows["commune_residence"].loc[rows].to_numpy(),
            "ps": flows["ps"].loc[rows].to_numpy(),
            "departement_ps": flows["departement_ps"].loc[rows].to_numpy(),
            "specialite": flows["specialite"].loc[rows].to_numpy(),
            "annee": np.where(np.arange(len(rows)) % 2, "2022", "2023"),
            "montant": (part + np.where(first, rest, 0)) / 100,
        }
    )
    again = events.iloc[::5].assign(montant=0.0)
    events = pd.concat([events, again]).sample(frac=1, random_state=7)
    pa.parquet.write_table(pa.Table.from_pandas(events, preserve_index=False), path)
    return path


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the events of the fictional region."""
    return exploded(tmp_path_factory.mktemp("events") / "actes.parquet")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Give a few events, as text."""
    return write(tmp_path / "actes.csv", [f"{PATIENT};00001;{WHO};orl;2023-05-02"] * 3)


def write(path: Path, rows: list[str]) -> Path:
    head = "id_patient;commune_residence;ps;specialite;date_soins"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def listed(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


# --- what is written -----------------------------------------------------------------------------


def test_events_are_the_flows_of_the_same_care_added_up(
    cli: Callable, events: Path, tmp_path: Path
) -> None:
    out = tmp_path / "flows.parquet"
    told = cli("events", events, "--communes", COMMUNES, "--out", out)
    assert told.code == 0, told.err
    assert told.err == ""  # no progress where nobody looks
    expected = tt.read_flows(DATA / "specialists.csv", communes=tt.read_communes(COMMUNES))
    expected = expected.located()
    found = tt.read_flows(out)
    pd.testing.assert_frame_equal(found.table, expected.table, check_exact=False, rtol=1e-12)
    assert found.period == "2022-2023"
    pd.testing.assert_series_equal(
        found.professionals, expected.professionals, check_names=False, check_index_type=False
    )
    assert out.stat().st_mode & 0o777 == 0o600
    for words in (
        "actes.parquet : lignes lues 651",
        "patients : 542\u202f504",
        "professionnels placés par leurs patients",
        "Document de travail confidentiel",
        "--masked",
        f"territories run --communes COMMUNES --flows {out}",
    ):
        assert words in told.out
    accounts = json.loads((tmp_path / "flows.reconciliation.json").read_text("utf-8"))
    assert [each["file"] for each in accounts] == ["communes.geojson", "actes.parquet"]
    assert accounts[1]["patients_in"] == 542_504
    assert listed(tmp_path) == ["flows.parquet", "flows.reconciliation.json"]


def test_nobody_is_named(cli: Callable, events: Path, tmp_path: Path) -> None:
    told = cli("events", events, "--out", tmp_path / "flows.parquet")
    names = set(pd.read_parquet(events, columns=["ps"])["ps"])
    for path in tmp_path.iterdir():
        held = path.read_bytes()
        assert b"PSF0" not in held
        assert str(PATIENT)[:5].encode() not in held
    assert not names & set(re.findall(r"\w+", told.said))


def test_a_run_on_events_is_the_run_on_their_flows(
    cli: Callable, events: Path, tmp_path: Path
) -> None:
    flows = tmp_path / "flows.parquet"
    assert cli("events", events, "--communes", COMMUNES, "--out", flows).code == 0
    told = []
    for name, path in (("1", flows), ("2", DATA / "specialists.csv")):
        words = ["--communes", COMMUNES, "--flows", path, "--bridges", DATA / "bridges.csv"]
        words += ["--territories", 12, "--runs", 0, "--out", tmp_path / name]
        told.append(cli("run", *words))
        assert told[-1].code == 0, told[-1].err
    for name in ("communes.csv", "territories.csv", "communes.geojson", "territories.geojson"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name
    text = (tmp_path / "1" / "communes.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    assert len({row["territoire"] for row in rows}) == 12


def test_years_and_columns(cli: Callable, events: Path, tmp_path: Path) -> None:
    out = tmp_path / "flows.parquet"
    table = pa.parquet.read_table(events).rename_columns({"specialite": "quoi"})
    other = tmp_path / "in" / "annee=2023"
    other.mkdir(parents=True)
    table = table.drop_columns("annee")
    pa.parquet.write_table(table, other / "part.parquet")
    words = ["--columns", "activity=quoi", "--period", "2023", "--lang", "en"]
    told = cli("events", tmp_path / "in", *words, "--out", out)
    assert told.code == 0, told.err
    assert "cells (commune of residence" in told.out
    assert tt.read_flows(out).period == "2023"
    told = cli("events", tmp_path / "in", "--columns", "activity=quoi", "--period", "2019",
               "--out", tmp_path / "none.parquet")  # fmt: skip
    assert told.code == 1
    assert listed(tmp_path)[:2] == ["flows.parquet", "flows.reconciliation.json"]


# --- the copy that may leave ---------------------------------------------------------------------


def test_a_masked_copy_hides_small_cells_and_few_professionals(
    cli: Callable, events: Path, tmp_path: Path
) -> None:
    out = tmp_path / "copie.parquet"
    told = cli("events", events, "--masked", "--out", out)
    assert told.code == 0, told.err
    assert "Document de travail" not in told.out
    assert "Copie à donner" in told.out
    exact = tt.events_to_flows(events)
    cells = ["activity", "destination"]
    copy = pd.read_parquet(out)
    keys = ["residence", *cells]
    both = copy.merge(exact.table, on=keys, suffixes=("", "_exact"), validate="1:1")
    assert len(both) == len(exact.table) == len(copy)
    number = exact.professionals.reindex(pd.MultiIndex.from_frame(both[cells])).to_numpy()
    hidden = both["patients"] == HIDDEN
    assert hidden[(both["patients_exact"] <= 10) | (number < 6)].all()
    assert both.loc[hidden, "amount"].isna().all()
    shown = both[~hidden]
    assert (shown["patients"].astype(int) == shown["patients_exact"]).all()
    assert f"{len(both):,} cellules".replace(",", "\u202f") in told.out
    assert f"dont {int(hidden.sum()):,} cachées".replace(",", "\u202f") in told.out
    # Read back: hidden cells are masked ones.
    back = tt.read_flows(out, on_unknown="external")
    assert len(back.table) == len(copy)
    assert int(back.table["masked"].sum()) == int(hidden.sum())


def test_what_is_hidden_is_not_found_from_the_total(tmp_path: Path, cli: Callable) -> None:
    """One small cell alone: another is hidden with it, since the account tells their sum."""
    rows = [
        f"{place}{person};{place};{place};orl;2023"
        for place, people in (("00001", 40), ("00002", 30), ("00003", 4))
        for person in range(people)
    ]
    head = "id_patient;commune_residence;commune_soins;specialite;annee"
    path = tmp_path / "actes.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    told = cli("events", path, "--masked", "--out", tmp_path / "copie.parquet")
    assert told.code == 0, told.err
    assert pd.read_parquet(tmp_path / "copie.parquet")["patients"].tolist() == ["40", "s", "s"]
    assert "dont 2 cachées" in told.out
    assert "ne nomment pas les professionnels" in told.out


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "out", "said"),
    [
        ([], "flows.csv", "events_out"),
        ([], "absent/flows.parquet", "n'existe pas"),
        ([], "in/flows.parquet", "est une entrée"),
        ([], "folder.parquet", "c'est un dossier"),
        (["--memory", "2 pommes"], "flows.parquet", "2 pommes"),
        (["--spill", "nulle/part"], "flows.parquet", "nulle"),
        (["--master", "spark://x:7077"], "flows.parquet", "--backend spark"),
        (["--period", "hier"], "flows.parquet", "hier"),
        (["--activity", "orl"], "flows.parquet", "specialite"),
        (["--columns", "date=jour"], "flows.parquet", "jour"),
    ],
)
def test_refused(cli: Callable, tmp_path: Path, words: list[str], out: str, said: str) -> None:
    source = tmp_path / "in"
    source.mkdir()
    write(source / "actes.csv", [f"{PATIENT};00001;{WHO};orl;2023-05-02"] * 3)
    (tmp_path / "folder.parquet").mkdir()
    before = listed(tmp_path)
    told = cli("events", source, *words, "--out", tmp_path / out)
    assert told.code == 1
    assert told.err.startswith("Refusé, rien n'a été écrit :\n")
    assert (".parquet" if said == "events_out" else said) in told.err
    assert len(told.err.splitlines()) == 2
    assert str(PATIENT) not in told.said
    assert WHO not in told.said
    assert listed(tmp_path) == before


def test_all_that_is_wrong_with_events_is_said_at_once(cli: Callable, tmp_path: Path) -> None:
    path = write(
        tmp_path / "actes.csv",
        [f"{PATIENT};00001;{WHO};orl;2023-05-02", f"{PATIENT};45;{WHO};orll;2023-05-02"],
    )
    told = cli("events", path, "--out", tmp_path / "flows.parquet", "--lang", "en")
    assert told.code == 1
    assert "column commune_residence: 1 (rows 3" in told.err
    assert "orll" in told.err
    assert WHO not in told.said
    assert listed(tmp_path) == ["actes.csv"]


def test_wrong_usage(cli: Callable, few: Path) -> None:
    assert cli("events", few).code == 2
    assert "--out" in cli("events", few).err
    assert cli("events", "--out", "flows.parquet").code == 2
    assert cli("events", few, "--backend", "mysql", "--out", "f.parquet").code == 2


def test_a_result_is_replaced_when_told(cli: Callable, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "flows.parquet"
    assert cli("events", few, "--out", out).code == 0
    held = out.read_bytes()
    write(few, [f"{person};00001;{WHO};orl;2023-05-02" for person in range(30)])
    refused = cli("events", few, "--out", out)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert out.read_bytes() == held
    assert cli("events", few, "--out", out, "--overwrite").code == 0
    assert out.read_bytes() != held


def test_check_tells_what_events_are(cli: Callable, few: Path, events: Path) -> None:
    for path in (few, few.parent, events):
        told = cli("check", path)
        assert told.code == 1
        assert f"territories events {path} --out flows.parquet" in told.err
        assert str(PATIENT) not in told.said


# --- on the way ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_stages_are_told_in_order(
    few: Path, tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, float | None]] = []
    _added_up.add_up(
        [few], tmp_path / "flows.parquet", tell=lambda *words: told.append((*words, None)[:2])
    )
    stages = [stage for stage, percent in told if percent is None]
    assert stages == list(_added_up.ADDED_STAGES)
    assert all(0 <= percent <= 100 for _, percent in told if percent is not None)


def test_a_percentage_is_shown_within_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with _console.progress(2) as tell:
        tell("events_files")
        tell("events_files", 40.0)
    assert capsys.readouterr().err == ""


def many(path: Path) -> Path:
    """Write events enough for a few seconds of work."""
    import duckdb  # noqa: PLC0415 - the others need none

    duckdb.sql(
        "select hash(i) % 1000000 as id_patient, "
        "lpad((1 + hash(i, 1) % 99)::varchar, 5, '0') as commune_residence, "
        "'PS' || hash(i, 2) % 5000 as ps, 'orl' as specialite, 1.5 as montant, "
        "from range(6000000) t(i)"
    ).write_parquet(str(path))
    return path


def test_an_interruption_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    source = many(tmp_path / "actes.parquet")
    spill = tmp_path / "spill"
    spill.mkdir()
    words = ["events", source, "--spill", spill, "--out", tmp_path / "flows.parquet"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    began = time.monotonic()
    while not any(spill.iterdir()) and time.monotonic() < began + 120:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.strip() == "Interrompu : rien n'a été écrit."
    assert out == ""
    assert time.monotonic() - asked < 20
    assert listed(tmp_path) == ["actes.parquet", "spill"]
