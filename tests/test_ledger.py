"""The register of exports: two drafts that left one after another are not subtracted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from grids import codes, drawn, flows
from layers import as_options, write_region
from test_secrecy_evidence import Audit, audited, region, secrets

import territories as tt
from territories._held import finds, held_back, told_before
from territories._locks import held
from territories._readback import of_tables, read_back
from territories._words import using
from territories.audit import attacked
from territories.export import Evidence, commune_table, territory_table
from territories.findings import findings
from territories.ledger import (
    FIGURES,
    Export,
    export_of,
    ledger_text,
    read_ledger,
    shown_figures,
    with_exports,
)
from territories.revisions import Revision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

A, B, C = codes("ABC")
DOOR = tt.Secrecy()


def few_moved() -> tuple[tt.Flows, tt.Zoning, tt.Zoning]:
    """C has 3 patients, seen in A: two drafts, with C beside A, then beside B."""
    layer = drawn("ACB")
    given = flows([(A, A, 400), (A, B, 100), (B, B, 400), (B, A, 97), (C, A, 3)], layer)
    one = tt.Zoning.from_labels(pd.Series({A: "T", C: "T", B: "U"}), communes=layer)
    two = tt.Zoning.from_labels(pd.Series({A: "T", C: "U", B: "U"}), communes=layer)
    return given, one, two


def left(zoning: tt.Zoning, given: tt.Flows, earlier: tuple[Export, ...] = ()) -> Export:
    with using("en"):
        table = territory_table(zoning, Evidence(flows=given, earlier=earlier), secrecy=DOOR)
        tables = {"territories": table}
        return export_of(zoning, tables, figures=shown_figures(table), secrecy=DOOR)


def found_in(given: tt.Flows, *exports: Export) -> pd.DataFrame:
    zoning = tt.Zoning(communes=given.communes, membership=exports[0].members)
    told = told_before(zoning, given, exports, secrecy=DOOR)
    return attacked(told, truth={"patients": given, "stays": None}, door=DOOR).found


def test_what_two_drafts_tell_together_is_hidden() -> None:
    given, one, two = few_moved()
    first, second = left(one, given), left(two, given)
    assert second.figures["li"].notna().all()
    # Each alone says nothing, both say that C has 3.
    assert found_in(given, first).empty
    assert found_in(given, second).empty
    known = found_in(given, first, second)
    assert C in known["residence"].tolist()
    masked = left(two, given, (first,))
    assert masked.figures.loc[["T", "U"], "li"].isna().all()
    assert found_in(given, first, masked).empty


def test_a_draft_that_stays_is_shown_as_it_was() -> None:
    given, one, _ = few_moved()
    first = left(one, given)
    again = left(one, given, (first,))
    pd.testing.assert_frame_equal(first.figures, again.figures)
    assert with_exports((first,), (again,)) == (first,)


def test_all_that_is_told_with_a_figure_is_hidden_with_it() -> None:
    given, one, two = few_moved()
    with using("en"):
        known = Evidence(flows=given, earlier=(left(one, given),))
        table = territory_table(two, known, secrecy=DOOR)
    told = ["li", "leakage", "msi", "attraction", "net_index", "undrawn"]
    told += ["distance_to_care_km", "distance_to_pole_km"]
    assert table[told].isna().all(axis=None)
    assert table["population"].notna().all()


def test_figures_of_other_data_cannot_be_subtracted() -> None:
    given, one, two = few_moved()
    other = flows([(A, A, 900), (A, B, 50), (B, B, 700), (B, A, 80), (C, A, 40)], one.communes)
    earlier = (left(one, other),)
    shown = left(two, given).figures
    assert not held_back(shown, two, flows=given, earlier=earlier).any()


def test_a_register_is_read_back() -> None:
    given, one, two = few_moved()
    exports = (left(one, given), left(two, given, (left(one, given),)))
    path_text = ledger_text(exports)
    record = json.loads(path_text)
    assert [set(each) for each in record["exports"]] == [
        {"threshold", "professionals", "tables", "territories", "figures"}
    ] * 2
    # What is hidden is not in it, nor any count.
    assert record["exports"][1]["figures"] == {"T": {}, "U": {}}
    assert record["exports"][0]["territories"] == {"T": f"{A} {C}", "U": B}


def test_a_register_beside_files(tmp_path: Path) -> None:
    given, one, two = few_moved()
    assert read_ledger(tmp_path) == ()
    exports = (left(one, given), left(two, given))
    (tmp_path / "exports.json").write_text(ledger_text(exports), encoding="utf-8")
    again = read_ledger(tmp_path)
    assert ledger_text(again) == ledger_text(exports)
    assert with_exports(exports, again) == exports
    for each, other in zip(exports, again, strict=True):
        pd.testing.assert_frame_equal(
            each.figures, other.figures, check_names=False, check_column_type=False
        )
    assert list(again[0].figures.columns) == list(FIGURES)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "exports": [1]}'])
def test_a_damaged_register_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "exports.json").write_text(text, encoding="utf-8")
    with pytest.raises(tt.InputError, match="no register"):
        read_ledger(tmp_path)


def together(one: Audit, other: Audit) -> Audit:
    assert one.table.equals(other.table)
    return Audit(one.table, [*one.rows, *other.rows], [*one.most, *other.most])


def moved(zoning: tt.Zoning, seed: int) -> tt.Zoning | None:
    """Move one commune to another territory; None where there is none."""
    return moved_by(zoning, np.random.default_rng(1_000 + seed))


def moved_by(zoning: tt.Zoning, draw: np.random.Generator) -> tt.Zoning | None:
    labels = zoning.labels.copy()
    inside = sorted(labels.dropna().index)
    code = inside[int(draw.integers(len(inside)))] if inside else ""
    others = sorted(set(labels.dropna()) - {labels.get(code)})
    if not others:
        return None
    labels[code] = others[int(draw.integers(len(others)))]
    return tt.Zoning.from_labels(labels, communes=zoning.communes)


@pytest.mark.parametrize("seed", range(6))
def test_two_drafts_of_random_regions(seed: int) -> None:
    """All tables of two reports, attacked together."""
    given, zoning = region(seed)
    after = moved(zoning, seed)
    if after is None:
        pytest.skip("one territory only")
    earlier = (left(zoning, given),)
    both = together(audited(given, zoning), audited(given, after, earlier=earlier))
    assert both.found(secrets(both, after)) == {}


def test_apply_takes_the_register_along(cli: Callable, tmp_path: Path) -> None:
    files = write_region(tmp_path)
    out, two = tmp_path / "un", tmp_path / "deux"
    assert (
        cli("run", *as_options(files), "--territories", "2", "--out", out, "--runs", "0").code == 0
    )
    first = read_ledger(out)
    assert [set(each.tables) for each in first] == [{"communes", "territories"}]
    draft = tt.read_draft(out, tt.read_communes(files["communes"]))
    pairs = tt.contiguity(draft.communes)
    code, target = next(
        (row.left, draft.labels[row.right])
        for row in pairs.itertuples()
        if draft.labels[row.left] != draft.labels[row.right] and row.left != draft.labels[row.left]
    )
    log = tmp_path / "log.csv"
    tt.write_revisions([Revision("move", code, target, order=1)], log)
    told = cli("apply", out, log, *as_options(files), "--out", two, "--force")
    assert told.code == 0, told.err
    both = read_ledger(two)
    assert len(both) == 2
    assert ledger_text(both[:1]) == ledger_text(first)


@pytest.mark.parametrize("kind", ["csv", "geojson", "gpkg", "xlsx"])
def test_exports_abide_by_the_register_and_are_noted(kind: str, tmp_path: Path) -> None:
    """The two drafts of before, written as files of their own."""
    given, one, two = few_moved()
    write = {
        "csv": tt.export_csv, "geojson": tt.export_geojson,
        "gpkg": tt.export_gpkg, "xlsx": tt.export_xlsx,
    }[kind]  # fmt: skip
    first, second = tmp_path / f"one.{kind}", tmp_path / f"two.{kind}"
    write(one, first, flows=given, ledger=tmp_path / "exports.json")
    assert len(read_ledger(tmp_path)) == 1
    with pytest.warns(UserWarning, match="2 territoires : T, U"):
        write(two, second, flows=given)  # finds the register beside it
    for path, shown in ((first, True), (second, False)):
        told = read_back(path).territories
        assert told is not None
        assert told["li"].notna().all() if shown else told["li"].isna().all()
    alone = tmp_path / "elsewhere" / "folder"
    alone.mkdir(parents=True)
    write(two, alone / first.name, flows=given)
    assert {each.name for each in alone.iterdir()} == {first.name, "exports.json"}


def test_a_register_a_folder_up_is_abided_by(tmp_path: Path) -> None:
    """The folders of one study have one register, which is found without asking."""
    given, one, two = few_moved()
    for name in ("un", "deux", "trois"):
        (tmp_path / name).mkdir()
    tt.export_csv(one, tmp_path / "un" / "t.csv", flows=given, ledger=tmp_path)
    assert len(read_ledger(tmp_path)) == len(read_ledger(tmp_path / "un")) == 1
    with pytest.warns(UserWarning, match="exports.json"):
        tt.export_csv(two, tmp_path / "deux" / "t.csv", flows=given)
    told = read_back(tmp_path / "deux" / "t.csv").territories
    assert told is not None
    assert told["li"].isna().all()
    # A file of communes tells no figure of patients: there is nothing to note.
    tt.export_csv(two, tmp_path / "trois" / "c.csv")
    assert [each.name for each in (tmp_path / "trois").iterdir()] == ["c.csv"]


def test_the_same_files_give_the_same_register_any_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, one, _ = few_moved()
    texts = []
    for epoch in ("0", "1900000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        folder = tmp_path / epoch
        folder.mkdir()
        tt.export_csv(one, folder / "t.csv", flows=given)
        texts.append((folder / "exports.json").read_bytes())
    assert texts[0] == texts[1]


def test_two_exports_into_one_folder_wait_for_each_other(tmp_path: Path) -> None:
    given, one, _ = few_moved()
    with ThreadPoolExecutor(4) as pool:
        for done in [
            pool.submit(tt.export_csv, one, tmp_path / f"{n}.csv", flows=given) for n in range(4)
        ]:
            done.result()
    assert len(read_ledger(tmp_path)) == 1
    assert len(list(tmp_path.glob("*.csv"))) == 4


def test_the_tables_of_a_report_are_of_the_register(tmp_path: Path) -> None:
    """Three drafts of a region whose reports together told two small counts."""
    given, zoning = region(0)
    draw = np.random.default_rng(1_000)
    exports: list[Export] = []
    told = []
    for number in range(3):
        with using("en"):
            known = Evidence(flows=given, earlier=tuple(exports))
            table = territory_table(zoning, known, secrecy=DOOR)
            sheets = {each.key: each.table for each in findings(zoning, known, language="en")}
            tables = {"territories": table, **sheets}
            new = export_of(zoning, tables, figures=shown_figures(table), secrecy=DOOR)
        exports.append(read_ledger_of(new, tmp_path))
        read = of_tables(tmp_path / str(number) / "x", [table.reset_index(), *sheets.values()])
        communes = commune_table(zoning).reset_index()
        told += [read, of_tables(tmp_path / str(number) / "c", [communes])]
        zoning = moved_by(zoning, draw) or zoning
    assert attacked(told, truth={"patients": given, "stays": None}, door=DOOR).found.empty


def read_ledger_of(new: Export, folder: Path) -> Export:
    """Write an export and read it back, as the next draft has it."""
    (folder / "exports.json").write_text(ledger_text([new]), encoding="utf-8")
    return read_ledger(folder)[0]


def on_disk(folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """Write the region of `few_moved` and its two drafts as a user has them."""
    given, *drafts = few_moved()
    files = {"communes": folder / "communes.geojson", "flows": folder / "flows.csv"}
    layer = drafts[0].communes.sort_index().reset_index().to_crs(4326)
    layer.to_file(files["communes"], driver="GeoJSON")
    table = given.table.assign(activity="dermatologie")
    table[["residence", "destination", "patients", "activity"]].to_csv(files["flows"], index=False)
    paths = []
    for number, zoning in enumerate(drafts):
        paths.append(folder / f"draft-{number}.csv")
        zoning.labels.rename("territory").rename_axis("code").to_csv(paths[-1])
    return files, paths


def test_evaluate_says_what_it_keeps_back(cli: Callable, tmp_path: Path) -> None:
    files, (one, two) = on_disk(tmp_path)
    shown = []
    for number, draft in enumerate((one, two)):
        out = tmp_path / "study" / str(number)
        words = [draft, *as_options(files), "--out", out, "--ledger", tmp_path / "study"]
        told = cli("evaluate", *words)
        assert told.code == 0, told.err
        table = read_back(out / "territories.csv").territories
        assert table is not None
        shown.append(bool(table["li"].notna().any()))
        assert ("parts non montrées (2 territoires : T, U)" in told.out) == bool(number)
    assert shown == [True, False]
    first, second = read_ledger(tmp_path / "study")
    assert not first.is_empty
    assert second.is_empty  # it tells nothing but its division
    # Without a word of it, the folder finds the register of the study.
    again = cli("evaluate", two, *as_options(files), "--out", tmp_path / "study" / "t.csv")
    assert "parts non montrées" in again.out


def test_every_command_abides_by_the_register(cli: Callable, tmp_path: Path) -> None:
    files = write_region(tmp_path)
    study, out = tmp_path / "study", tmp_path / "study" / "one"
    options = [*as_options(files), "--ledger", study]
    done = [cli("run", *options, "--territories", "2", "--out", out, "--runs", "0")]
    done += [cli("report", out, *options), cli("edit", out, *options)]
    assert [each.code for each in done] == [0, 0, 0], [each.err for each in done]
    run, report, page = read_ledger(study)
    assert set(run.tables) == {"communes", "territories"}
    assert {"activities", "recourse"} <= set(report.sheets)
    assert page.page >= 5
    assert ledger_text(read_ledger(out)) == ledger_text([run, report, page])
    # While a run is at work in the folder, it is not read.
    with held(out / ".territories-run.lock"):
        busy = cli("edit", out, *as_options(files), "--overwrite")
    assert busy.code == 1
    assert str(out) in busy.err


def test_a_register_of_other_data_hides_and_is_no_failure() -> None:
    """Its shares may all be hidden: nothing tells whose they are but that they contradict."""
    given, one, _ = few_moved()
    told = told_before(one, given, (left(one, given),), secrecy=DOOR)
    truth: dict[str, tt.Flows | None] = {"patients": given, "stays": None}
    assert not finds(told, truth=truth, door=DOOR)
    other = replace(told[0], totals={"patients": 5.0})
    assert finds([*told, other], truth=truth, door=DOOR)


def test_many_territories_are_not_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    given, one, two = few_moved()
    monkeypatch.setattr("territories._held._MANY", 1)
    monkeypatch.setattr("territories._held.attacked", None)
    figures = left(two, given).figures
    assert held_back(figures, two, flows=given, earlier=(left(one, given),)).all()
