"""The attack on files: it finds what is planted, and nothing in what is written here."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from grids import codes, drawn, flows
from layers import as_options
from test_secrecy_evidence import region, zoned_as

import territories as tt
from territories import _attack, _page_flows, workshop
from territories._readback import of_tables, read_back
from territories._statements import Writer, of_division, of_layer
from territories._units import cells_of, divisions, unique_names
from territories._words import say, using
from territories.audit import audit
from territories.disclosure import bounds
from territories.export import Evidence
from territories.findings import findings
from territories.spreadsheet import write_xlsx
from territories.tables import sheets
from territories.workshop import payload, workshop_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from territories._readback import Told

A, B, C, D = codes("ABCD")


def written(folder: Path, given: tt.Flows, zoning: tt.Zoning) -> list[Path]:
    """Write what a run, a report and the workshop do of flows: a workbook, a page, an account."""
    folder.mkdir(exist_ok=True)
    known = Evidence(flows=given)
    with using("en"):
        told = findings(zoning, known, language="en")
        write_xlsx(
            sheets(zoning, evidence=known, extra=told, language="en"), folder / "tables.xlsx"
        )
    data = payload(zoning, given, beside=[each.table for each in told], language="en")
    page = workshop_page(data)
    (folder / "editor.html").write_text(page, encoding="utf-8")
    total = float(given.table["patients"].sum())
    account = [{"unit": "patients", "patients_kept": total}]
    (folder / "reconciliation.json").write_text(json.dumps(account), encoding="utf-8")
    return sorted(folder.iterdir())


def planted(folder: Path) -> tuple[Path, tt.Flows]:
    """Write a page that tells of A that 3 of its patients are in no cell that is shown."""
    layer = drawn("ABCD")
    given = flows([(A, A, 400), (A, B, 3), (B, B, 500), (C, C, 300), (D, D, 200)], layer)
    data = payload(zoned_as(layer, "TTUU"), given, language="en")
    at = data["codes"].index(A)
    data["flows"]["step"] = 1  # cells are exact, and so is the rest of A
    path = folder / "editor.html"
    data["flows"]["patients"][data["flows"]["start"][at]] = 400
    data["flows"]["rest_low"][at] = data["flows"]["rest_high"][at] = 3
    path.write_text(workshop_page(data), encoding="utf-8")
    return path, given


def test_a_planted_count_is_found(tmp_path: Path) -> None:
    path, given = planted(tmp_path)
    # The rest of A is 3, and the share that T keeps says that they stay there.
    known = audit(path, flows=given)
    row = known.found[known.found["kind"] == "cell"].iloc[0]
    assert (row["residence"], row["destination"]) == (A, B)
    assert 2.9 < row["low"] <= row["high"] < 3.1
    # It says so to anyone: none of the others of A may be treated elsewhere.
    assert (A, B) in set(audit(path).found[["residence", "destination"]].itertuples(index=False))


def test_a_cell_of_few_is_found_without_the_flows(tmp_path: Path) -> None:
    """One cell says 4 patients: nobody needs to know more."""
    layer = drawn("AB")
    given = flows([(A, A, 400), (A, B, 4), (B, B, 500)], layer)
    data = payload(zoned_as(layer, "TU"), given, language="en")
    start = data["flows"]["start"]
    data["flows"]["to"].insert(start[1], data["codes"].index(B))
    data["flows"]["patients"].insert(start[1], 4)
    data["flows"]["start"] = [start[0], *(each + 1 for each in start[1:])]
    data["flows"]["step"] = 1
    data["flows"]["patients"] = [400, 4, 500]
    data["flows"]["rest_low"] = data["flows"]["rest_high"] = [0, 0]
    (tmp_path / "p.html").write_text(workshop_page(data), encoding="utf-8")
    found = audit(tmp_path / "p.html").found
    cell = found[(found["residence"] == A) & (found["destination"] == B)].iloc[0]
    assert (round(cell["low"], 3), round(cell["high"], 3)) == (4, 4)


@pytest.mark.parametrize("seed", [4, 6, 9, 10, 14, 15, 21, 30])
def test_nothing_is_found_in_what_is_written(seed: int, tmp_path: Path) -> None:
    given, zoning = region(seed)
    found = audit(written(tmp_path / "out", given, zoning), flows=given)
    assert found.statements > 10
    assert found.lost == ()
    assert found.found.empty


@pytest.mark.parametrize("seed", [4, 9, 12, 15, 21, 30, 31, 37, 39, 57])
def test_what_is_read_back_is_true(seed: int, tmp_path: Path) -> None:
    """Each statement holds for the flows the files were made of: rounding is read as written."""
    given, zoning = region(seed)
    told = [read_back(each) for each in written(tmp_path / "out", given, zoning)]
    found, lost = divisions(told)
    assert (len(found), lost) == (1, [])
    cells = cells_of(told, found)
    names = unique_names({code: name for each in told for code, name in each.names.items()})
    writer = Writer(cells, "patients")
    for each in told:
        of_layer(writer, each, names)
    of_division(writer, found[0], names)
    table = given.table
    values = np.zeros(cells.shape)
    for row in table.itertuples(index=False):
        home = cells.home_of.get(row.residence, len(cells.homes) - 1)
        inside = cells.place_of.get(row.destination)
        label = [at for at, name in enumerate(cells.places) if f" {row.destination} " in name]
        place = inside if inside is not None else (label or [len(cells.places) - 1])[0]
        values[home, place, cells.activities.index(row.activity)] += row.patients
    homes, places = writer.groups
    groups = np.zeros((homes.max() + 1, places.max() + 1, cells.shape[2]))
    np.add.at(groups, (homes[:, None], places[None, :]), values)

    def value_of(name: tuple) -> float:
        return values[name[1:]].sum() if len(name) == 3 else groups[name[1:]]

    for each in [*writer.statements, *writer.tied()]:
        value = sum(
            value_of(name) * weight for name, weight in zip(each.cells, each.weights, strict=True)
        )
        assert each.low - 1e-3 <= value <= each.high + 1e-3


@pytest.mark.parametrize("seed", [4, 12, 21])
def test_some_homes_at_a_time_find_what_the_whole_does(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As large layers are attacked: with nothing rounded there is something to find."""
    monkeypatch.setattr(_page_flows, "STEP", 1)
    monkeypatch.setattr(workshop, "SMALL", 0)
    given, zoning = region(seed)
    files = written(tmp_path / "out", given, zoning)
    whole, outside = audit(files, flows=given).found, audit(files).found
    assert len(whole) > 0
    monkeypatch.setattr(_attack, "_LARGE", 0)
    pd.testing.assert_frame_equal(audit(files, flows=given).found, whole)
    pd.testing.assert_frame_equal(audit(files).found, outside)


def test_a_page_with_something_to_find_has_no_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is shown or not, this attack finds something: nothing is shown."""
    given, zoning = region(4)
    steps = []

    def finds(told: list[Told], **_: object) -> bool:
        steps.append(told[0].page["flows"]["step"])
        return True

    monkeypatch.setattr(workshop, "finds", finds)
    data = payload(zoning, given)
    assert data["flows"] is None
    assert steps[:4] == [5, 10, 25, 50]
    assert steps[4] > given.table["patients"].max()  # no cell is shown
    workshop_page(data)


def test_the_order_of_places_is_read() -> None:
    """Residents of A go to B, then to C; under 11 of them go anywhere else."""
    communes = pd.DataFrame([(each, f"Place {each}", 100, "T") for each in (A, B, C, D)])
    listed = pd.DataFrame([(A, "", f"Place {B}", 1), (A, "", f"Place {C}", 2)])
    other = pd.DataFrame([(B, "", f"Place {each}", at) for at, each in enumerate((A, B, D), 1)])
    heads = (("code", "reasons", "pole_name", "choice"), "findings")
    tables = [
        table.set_axis([say(f"{group}.{name}") for name in names], axis=1)
        for table, (names, group) in (
            (communes, (("code", "name", "population", "territory"), "column")),
            (pd.concat([listed, other], ignore_index=True), heads),
        )
    ]
    told = of_tables(Path("a.xlsx"), tables)
    cells = cells_of([told], divisions([told])[0])
    writer = Writer(cells, "patients")
    of_layer(writer, told, unique_names(told.names))

    def at(home: str, place: str) -> tuple[object, ...]:
        return writer.name(cells.home_of[home], cells.place_of[place])

    found = bounds(writer.statements, [at(A, B), at(A, C), at(A, D)], known={at(A, C): 25})
    assert found["low"].tolist() == [25, 25, 0]
    assert found["high"].tolist() == [np.inf, 25, 10]
    # Where three are listed, others are no more than the last.
    found = bounds(writer.statements, [at(B, B), at(B, C)], known={at(B, D): 30})
    assert found["low"].tolist() == [30, 0]
    assert found["high"].tolist() == [np.inf, 30]


def test_each_kind_of_file_tells_the_same(tmp_path: Path) -> None:
    given, zoning = region(21)
    tt.export_csv(zoning, tmp_path / "communes.csv")
    tt.export_csv(zoning, tmp_path / "territories.csv", flows=given)
    tt.export_geojson(zoning, tmp_path / "t.geojson", flows=given, language="en")
    tt.export_gpkg(zoning, tmp_path / "t.gpkg", flows=given)
    tt.export_xlsx(zoning, tmp_path / "t.xlsx", flows=given)
    told = {each.name: read_back(each) for each in tmp_path.iterdir()}
    figures = [
        each.territories.set_index("territory")["li"]
        for each in told.values()
        if each.territories is not None
    ]
    assert len(figures) == 4
    for each in figures:
        pd.testing.assert_series_equal(each.sort_index(), figures[0].sort_index())
    found, lost = divisions(list(told.values()))
    assert (len(found), lost) == (1, [])
    # Alone, the territories could be any communes.
    alone = audit(tmp_path / "territories.csv")
    assert alone.lost == (tmp_path / "territories.csv",)


def test_shared_communes_are_read_back(tmp_path: Path) -> None:
    layer = drawn("ABC")
    table = pd.DataFrame(
        [(A, "T", 1.0), (B, "T", 0.5), (B, "U", 0.5), (C, "U", 1.0)],
        columns=["code", "territory", "weight"],
    )
    zoning = tt.Zoning(communes=layer, membership=table)
    tt.export_csv(zoning, tmp_path / "communes.csv")
    members = read_back(tmp_path / "communes.csv").members[0]
    assert sorted(members.itertuples(index=False, name=None)) == sorted(
        table.itertuples(index=False, name=None)
    )


def test_the_command_says_what_is_found(cli: Callable, tmp_path: Path) -> None:
    given, zoning = region(21)
    sound = written(tmp_path / "sound", given, zoning)
    told = cli("audit", tmp_path / "sound")
    assert (told.code, told.err) == (0, "")
    assert f"Fichiers lus : {len(sound)}" in told.out
    assert "Rien à trouver" in told.out


def test_bounds_are_told_on_request_only(cli: Callable, tmp_path: Path) -> None:
    test_a_cell_of_few_is_found_without_the_flows(tmp_path)
    told = cli("audit", tmp_path / "p.html", "--lang", "en")
    assert told.code == 1
    assert "can be told or narrowed" in told.out
    assert f"residence {A}, place {B}, all specialties (patients)" in told.out
    assert "from 4.0 to 4.0" not in told.out
    assert "from 4.0 to 4.0" in cli("audit", tmp_path / "p.html", "--show", "--lang", "en").out


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(tt.InputError, match="no kind of file"):
        audit(tmp_path / "a.txt")
    for name in ("a.json", "a.geojson", "a.gpkg", "a.xlsx"):
        (tmp_path / name).write_text("x", encoding="utf-8")
        with pytest.raises(tt.InputError, match=r"cannot be read"):
            audit(tmp_path / name)
    with pytest.raises(tt.InputError):
        audit(tmp_path / "gone.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(tt.InputError, match="No file"):
        audit(tmp_path / "empty")


def test_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    for name, total in (("a.json", 100.0), ("b.json", 200.0)):
        account = [{"unit": "patients", "patients_kept": total}]
        (tmp_path / name).write_text(json.dumps(account), encoding="utf-8")
    with pytest.raises(tt.InputError, match="contradict each other"):
        audit(tmp_path)


def test_two_inputs_that_differ_in_masked_counts_give_the_same_bytes(
    cli: Callable, tmp_path: Path
) -> None:
    """Four hidden cells of two communes and two places change by one, no figure does."""
    layer = drawn("ABCD\nEFGH", population=[30_000] * 8)
    a, b, c, d, e, f, g, h = codes("ABCDEFGH")
    rows = [
        (home, place, patients)
        for place, homes in ((a, (a, b, e, f)), (d, (c, d, g, h)))
        for home, patients in zip(homes, (4_000, 3_000, 2_000, 2_500), strict=True)
    ]
    rows += [(b, d, 700), (c, a, 800), (a, d, 600), (d, a, 500), (h, a, 350), (e, d, 450)]
    hidden = [(e, b, 5), (e, f, 5), (f, b, 5), (f, f, 5)]
    moved = [(e, b, 6), (e, f, 4), (f, b, 4), (f, f, 6)]
    outputs = []
    for name, few in (("one", hidden), ("two", moved)):
        folder = tmp_path / name
        folder.mkdir()
        table = pd.DataFrame([*rows, *few], columns=["residence", "destination", "patients"])
        table.insert(1, "activity", "dermatologie")
        table.to_csv(folder / "flows.csv", index=False)
        layer.sort_index().reset_index().to_crs(4326).to_file(
            folder / "communes.geojson", driver="GeoJSON"
        )
        files = {"communes": folder / "communes.geojson", "flows": folder / "flows.csv"}
        out = tmp_path / f"out-{name}"
        words = [*as_options(files), "--runs", "0", "--territories", "2", "--out", out]
        assert cli("run", *words).code == 0
        assert cli("report", out, *as_options(files)).code == 0
        assert cli("edit", out, *as_options(files)).code == 0
        hashes = [each["sha256"] for each in json.loads((out / "reconciliation.json").read_text())]
        found = {}
        for path in sorted(out.iterdir()):
            content = path.read_bytes()
            for each in hashes:
                content = content.replace(each.encode(), b"")
            found[path.name] = content if path.suffix != ".xlsx" else unpacked(content, hashes)
        outputs.append(found)
    different = [name for name, each in outputs[0].items() if each != outputs[1][name]]
    assert different == []
    assert {"editor.html", "report.html", "tables.xlsx"} <= set(outputs[0])


def unpacked(content: bytes, hashes: list[str]) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [archive.read(each) for each in sorted(archive.namelist())]
    for each in hashes:
        parts = [part.replace(each.encode(), b"") for part in parts]
    return parts


def test_what_is_written_for_cvl(
    cvl_communes: pd.DataFrame, cvl_located: tt.Flows, tmp_path: Path
) -> None:
    """Departments as territories: nothing is found in their measures."""
    labels = pd.Series(cvl_communes.index.str[:2], index=cvl_communes.index)
    zoning = tt.Zoning.from_labels(labels, communes=cvl_communes)
    tt.export_gpkg(zoning, tmp_path / "t.gpkg", flows=cvl_located)
    tt.export_xlsx(zoning, tmp_path / "t.xlsx", flows=cvl_located)
    found = audit([tmp_path], flows=cvl_located)
    assert found.found.empty
    assert found.statements > 40
