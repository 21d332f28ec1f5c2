"""The register of exports: two drafts that left one after another are not subtracted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from grids import codes, drawn, flows
from layers import as_options, write_region
from test_secrecy_evidence import Audit, audited, region, secrets

import territories as tt
from territories._readback import Told, read_back
from territories._words import using
from territories.audit import attacked
from territories.export import Evidence, territory_table
from territories.ledger import (
    FIGURES,
    Export,
    export_of,
    held_back,
    ledger_text,
    read_ledger,
    shown_figures,
    with_exports,
)
from territories.revisions import Revision

if TYPE_CHECKING:
    from collections.abc import Callable

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
        return export_of(zoning, shown_figures(table), tables={"territories": table}, secrecy=DOOR)


def found_in(given: tt.Flows, *exports: Export) -> pd.DataFrame:
    total = Told(Path("account"), totals={"patients": float(given.table["patients"].sum())})
    told = [total, *(each.told(number) for number, each in enumerate(exports))]
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
        {"date", "threshold", "professionals", "tables", "territories", "figures"}
    ] * 2
    # What is hidden is not in it, nor any count.
    assert record["exports"][1]["figures"] == {"T": {}, "U": {}}
    assert record["exports"][0]["territories"] == {"T": f"{A} {C}", "U": B}


def test_a_register_beside_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    given, one, two = few_moved()
    assert read_ledger(tmp_path) == ()
    exports = (left(one, given), left(two, given))
    (tmp_path / "exports.json").write_text(ledger_text(exports), encoding="utf-8")
    again = read_ledger(tmp_path)
    assert again[0].date == "1970-01-01"
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
    draw = np.random.default_rng(1_000 + seed)
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
    write(two, second, flows=given)  # finds the register beside it
    for path, shown in ((first, True), (second, False)):
        told = read_back(path).territories
        assert told is not None
        assert told["li"].notna().all() if shown else told["li"].isna().all()
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    write(two, alone / first.name, flows=given)
    assert [each.name for each in alone.iterdir()] == [first.name]
