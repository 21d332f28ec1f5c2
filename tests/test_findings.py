"""The evidence as tables that may be shown: what they say of the fictional region, and hide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from grids import codes, drawn, letters, shuffle
from openpyxl import load_workbook

import territories as tt
from territories._words import using
from territories.datasets import write_region
from territories.errors import fault
from territories.export import Evidence
from territories.findings import findings
from territories.pipeline import REPORT_FILES, Settings, _weak, compute, left_out, of_chains, write
from territories.report import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from territories.pipeline import Run
    from territories.tables import Sheet

KEYS = [
    *("scale", "superposition", "poles", "activities", "leakage", "candidates", "left_out"),
    *("hospital", "basins", "supply", "recourse", "gaps", "cut"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_region(tmp_path_factory.mktemp("aubrelle"))


@pytest.fixture(scope="module")
def run(files: dict[str, Path]) -> Run:
    names = ("communes", "hospital", "sites", "pmsi_codes", "bridges")
    given = {name: files[name] for name in names} | {"flows": files["specialists"]}
    return compute(Settings.model_validate({**given, "territories": 12, "runs": 5}))


def told(run: Run, files: dict[str, Path], *, evidence: Evidence | None = None) -> list[Sheet]:
    communes = run.zoning.communes
    return findings(
        run.zoning,
        evidence or run.evidence,
        left_out=left_out(run),
        supply=tt.read_supply(files["practitioners"], communes=communes),
        others={
            "EPCI": tt.read_zoning(files["groupings"], communes=communes, territory="epci"),
        },
    )


@pytest.fixture(scope="module")
def tables(run: Run, files: dict[str, Path]) -> dict[str, pd.DataFrame]:
    return {each.key: each.table for each in told(run, files)}


def test_every_table_is_there(tables: dict[str, pd.DataFrame]) -> None:
    assert list(tables) == KEYS
    assert all(len(table) for table in tables.values())


def test_figures_are_those_of_the_functions(run: Run, tables: dict[str, pd.DataFrame]) -> None:
    flows, zoning = run.evidence.flows, run.zoning
    scale = tables["scale"].set_index("spécialité")
    known = tt.activity_scale(flows)
    assert scale["pôles"].to_dict() == known["poles"].to_dict()
    told = (1000 * scale["distance (km)"]).dropna()
    assert len(told)
    assert told.tolist() == pytest.approx(known["distance_m"][told.index].tolist(), abs=51)
    pairs = tt.superposition(tt.dominant_poles(flows), communes=zoning.communes).pairs
    assert tables["superposition"]["kappa"].tolist() == pytest.approx(pairs["kappa"].tolist())
    lost = tt.evaluate_by_activity(zoning, flows)["leakage"].unstack("activity")
    lost = lost.rename(index=zoning.names)
    shown = tables["activities"].set_index("territoire")
    for activity in lost:  # rounded to what eleven patients make
        column = shown[f"fuite {activity}"].dropna()
        assert column.tolist() == pytest.approx(lost[activity][column.index].tolist(), abs=0.03)
    hospital = tt.agreement_figures(run.evidence.hospital, communes=zoning.communes)
    assert tables["hospital"]["communes"].tolist() == hospital.table["communes"].tolist()
    cut = tt.compare(zoning, zoning).cut
    assert not (cut["meets"] > 1).any()


def test_leakage_is_that_of_the_exchanges(run: Run, tables: dict[str, pd.DataFrame]) -> None:
    with using("fr"):
        known = tt.exchanges(run.zoning, run.evidence.flows)
    known["territory"] = known["territory"].map(run.zoning.names)
    shares = known.groupby(["territory", "direction", "name"])["share"].sum()
    words = {"fuite vers": "leakage", "attraction depuis": "attraction"}
    for territory, side, place, _, share in tables["leakage"].itertuples(index=False):
        assert share == pytest.approx(shares[territory, words[side], place], abs=0.006)
    assert set(tables["leakage"]["sens"]) == set(words)


def test_a_place_of_few_practitioners_is_not_told(
    run: Run, tables: dict[str, pd.DataFrame]
) -> None:
    practices = run.evidence.flows.practices["commune"]
    poles = run.evidence.flows.grouping["pole"]
    counts = practices.map(poles).where(practices.isin(poles.index), practices).value_counts()
    few = set(counts.index[counts < 6])
    assert few
    names = run.zoning.communes["name"].reindex(sorted(few & set(run.zoning.communes.index)))
    away = tables["leakage"][tables["leakage"]["sens"] == "fuite vers"]
    assert not set(away["lieu"]) & set(names)


def test_candidates_have_more_than_a_few_patients(
    run: Run, tables: dict[str, pd.DataFrame]
) -> None:
    found = tables["candidates"]
    sums = run.evidence.flows.table.groupby(["residence", "destination"])["patients"].sum()
    names = run.zoning.communes["name"]
    inside = found[found["pôle"].isin(names)]
    for code, pole in inside[["code", "pôle"]].itertuples(index=False):
        places = names.index[names == pole]
        assert max(sums.get((code, place), 0) for place in places) > 10
    assert found["choix des patients"].dropna().between(1, 3).all()


def test_what_matters_most_comes_first(tables: dict[str, pd.DataFrame]) -> None:
    """Long tables are cut in the report: their first rows are those of most people."""
    found = tables["candidates"]
    assert found["habitants"].is_monotonic_decreasing
    ranks = found.groupby("code", sort=False)["choix des patients"]
    assert all(each.dropna().is_monotonic_increasing for _, each in ranks)
    cut = tables["cut"]
    assert cut["habitants dans les autres"].is_monotonic_decreasing
    assert (cut["habitants dans les autres"] >= 0).all()


def test_a_weak_territory_is_told_where_its_people_go() -> None:
    """The people of t scatter, its own pole first; those of u go to t's pole most of all.

    A B C D E F
    """
    layer = drawn("ABCDEF")
    named = dict(zip(codes("ABCDEF"), "tuvwxy", strict=True))
    zoning = tt.Zoning.from_labels(named, communes=layer)
    away = [(f"A{each}", 24) for each in "CDEF"]
    at_home = [(each * 2, 99) for each in "CDEF"]
    moving = letters([("AA", 29), *away, ("BA", 80), ("BB", 20), *at_home])
    weak = _weak(zoning, moving)
    assert [each.key for each in weak] == ["notice.weak_territory", "notice.scattered_territory"]
    assert [each.values["percent"] for each in weak] == [20, 23]


def test_nothing_is_told_of_what_is_not_known(run: Run) -> None:
    assert findings(run.zoning, Evidence()) == []
    only = findings(run.zoning, Evidence(flows=run.evidence.flows))
    assert [each.key for each in only] == [
        key
        for key in KEYS
        if key not in ("candidates", "left_out", "hospital", "basins", "supply", "cut")
    ]


def test_same_tables_whatever_the_order(run: Run, files: dict[str, Path]) -> None:
    flows = run.evidence.flows
    other = replace(flows, table=shuffle(flows.table))
    again = told(run, files, evidence=replace(run.evidence, flows=other))
    for one, two in zip(told(run, files), again, strict=True):
        pd.testing.assert_frame_equal(one.table, two.table)
        assert one.note == two.note


def test_words_of_both_languages(run: Run) -> None:
    english = findings(run.zoning, run.evidence, language="en")
    scale = next(each for each in english if each.key == "scale")
    assert scale.name == "Scale of specialties"
    assert scale.table.columns[0] == "specialty"


def test_chains_divide_in_as_many_territories(run: Run, files: dict[str, Path]) -> None:
    chains = tt.read_chains(files["chains"], communes=run.zoning.communes)
    near = of_chains(run, chains)
    assert len(near.territories) == 12
    assert (near.pieces() == 1).all()
    # Simulated with the same pull to one's own territory: they agree far beyond chance.
    assert tt.compare(run.zoning, near).population_agreement > 0.8


def test_leaving_out_needs_two_activities(run: Run) -> None:
    flows = run.evidence.flows
    table = flows.table[flows.table["activity"] == "ORL"]
    inputs = replace(run.inputs, flows=replace(flows, table=table))
    assert left_out(replace(run, inputs=inputs)) is None
    assert left_out(replace(run, inputs=None)) is None


def test_the_report_holds_them(files: dict[str, Path], tmp_path: Path, cli: Callable) -> None:
    names = ("communes", "hospital", "sites", "bridges")
    inputs = [word for name in names for word in (f"--{name}", str(files[name]))]
    inputs += ["--flows", str(files["specialists"]), "--pmsi-codes", str(files["pmsi_codes"])]
    folder = tmp_path / "result"
    first = cli("run", *inputs, "--territories", "12", "--runs", "5", "--out", str(folder))
    assert first.code == 0, first.err
    more = [f"--{name}={files[file]}" for name, file in
            (("supply", "practitioners"), ("chains", "chains"))]  # fmt: skip
    more += ["--against", f"EPCI={files['groupings']}#epci"]
    found = cli("report", str(folder), *inputs, *more)
    assert found.code == 0, found.err
    assert all((folder / name).is_file() for name in REPORT_FILES)
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("Chaînes de soins", "EPCI", "Pourquoi cette spécialité", "practitioners.csv"):
        assert words in page, words
    names = set(load_workbook(folder / "tables.xlsx", read_only=True).sheetnames)
    assert (
        names
        >= {"Échelle des spécialités", "Offre", "Zones coupées", "Fuite et attraction"}
        <= set(names)
    )


def test_the_report_says_what_could_not_be_left_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Run) -> None:
        raise tt.ConstraintError(fault("scales_no_flow"))

    monkeypatch.setattr("territories.report.left_out", refused)
    write(run, tmp_path / "result")
    write_report(run.settings, tmp_path / "result")
    page = (tmp_path / "result" / "report.html").read_text(encoding="utf-8")
    assert "sans chaque spécialité" in page
