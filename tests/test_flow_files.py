"""Flows kept in a file are read back as they were; no practitioner ever stands in it."""

from __future__ import annotations

import errno
import os
import random
import stat

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from shapely import box

import territories as tt
from territories import _flow_files
from territories._words import using
from territories.errors import CodeError, InputError
from territories.flows import Flows
from territories.reconciliation import Reconciliation

CODES = ["45234", "28085", "18033", "2A004", "01004"]


def layer(codes: list[str] = CODES, cog: int | None = 2024) -> gpd.GeoDataFrame:
    communes = gpd.GeoDataFrame(
        {"name": codes, "population": 1000},
        index=pd.Index(codes, name="code"),
        geometry=[box(place, 0, place + 1, 1) for place in range(len(codes))],
        crs=2154,
    )
    communes.attrs["cog"] = cog
    return communes


def flows(**options: object) -> Flows:
    rows = [
        ("45234", "ORL", "P1", 12, 100.10, 0),
        ("28085", "ORL", "P1", 9, -3.25, 1),
        ("28085", "ORL", "P2", 40, 0.1 + 0.2, 0),
        ("2A004", "radiologie", "P3", 5, np.nan, 1),
        ("01004", "ma spécialité, à moi", "P4", 100, 1e7, 3),
    ]
    random.shuffle(rows)
    columns = ["residence", "activity", "practitioner", "patients", "amount", "masked"]
    table = pd.DataFrame(rows, columns=columns)
    account = Reconciliation(file="events", sha256="0" * 64, unit="patients")
    given = {"cog": 2024, "period": "2021-2023", "reconciliation": account, **options}
    return Flows(table=table, communes=layer(), **given).located()


def test_flows_are_read_back_as_they_were(tmp_path):
    before = flows()
    tt.write_flows(before, tmp_path / "flows.parquet")
    after = tt.read_flows(tmp_path / "flows.parquet", communes=layer())
    assert_frame_equal(after.table, before.table)
    assert_frame_equal(after.bounds(), before.bounds())
    assert_series_equal(after.professionals, before.professionals)
    assert (after.period, after.cog, after.unit) == ("2021-2023", 2024, "patients")
    assert after.reconciliation.rows_kept == len(before.table)
    assert after.reconciliation.patients_kept == before.table["patients"].sum()
    assert len(after.reconciliation.sha256) == 64


def test_fractions_and_stays_are_read_back(tmp_path):
    table = pd.DataFrame(
        {
            "residence": CODES[:3],
            "activity": "ORL",
            "destination": CODES[1:4],
            "patients": [1 / 3, 2.000001, 1e-6],
            "masked": [0.123456, 0.0, 1.0],
        }
    )
    before = Flows(table=table, unit="stays")
    tt.write_flows(before, tmp_path / "flows.parquet")
    after = tt.read_flows(tmp_path / "flows.parquet")
    assert_frame_equal(after.table, before.table)
    assert (after.unit, after.cog, after.period, after.professionals) == ("stays", None, None, None)


def test_the_poles_of_departments_are_read_back(tmp_path):
    """A place of practice that is a department is no commune: it is no fault here."""
    before = flows()
    table = before.table.assign(destination=["75", "45234", "2A", "974", "75"][: len(before.table)])
    tt.write_flows(Flows(table=table), tmp_path / "flows.parquet")
    after = tt.read_flows(tmp_path / "flows.parquet", communes=layer())
    assert set(after.table["destination"]) == set(table["destination"])


def test_masked_cells_may_count_otherwise_on_reading(tmp_path):
    before = flows()
    tt.write_flows(before, tmp_path / "flows.parquet")
    after = tt.read_flows(tmp_path / "flows.parquet", masked_as=7)
    added = after.table["patients"] - before.table["patients"]
    assert added.tolist() == (2 * before.table["masked"]).tolist()
    assert_frame_equal(after.bounds(), before.bounds())


def test_no_practitioner_is_written(tmp_path):
    before = flows()
    path = tmp_path / "flows.parquet"
    with pytest.raises(InputError, match="located"):
        tt.write_flows(
            Flows(table=before.table.rename(columns={"destination": "practitioner"})), path
        )
    tt.write_flows(before, path)
    assert pq.read_schema(path).names == [
        *("residence", "activity", "destination", "patients", "amount", "masked")
    ]
    content = path.read_bytes()
    assert not any(f"P{number}".encode() in content for number in range(1, 5))


def test_the_file_is_marked_and_private_and_the_same_whatever_the_order(tmp_path):
    tt.write_flows(flows(), tmp_path / "a.parquet")
    with using("fr"):
        tt.write_flows(flows(), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert stat.S_IMODE((tmp_path / "a.parquet").stat().st_mode) == 0o600
    note = pq.read_schema(tmp_path / "a.parquet").metadata[b"confidential"].decode()
    assert note.startswith("Données de travail confidentielles")
    assert "Confidential working data" in note


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "flows.parquet"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with pytest.raises(InputError, match="exists"):
        tt.write_flows(flows(), path)

    def fails(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(_flow_files.pa.parquet, "write_table", fails)
        with pytest.raises(InputError, match="No space left"):
            tt.write_flows(flows(), path, overwrite=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    tt.write_flows(flows(), path, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["flows.csv", "flows", "flows.parquet.gz"])
def test_other_suffixes(tmp_path, name):
    with pytest.raises(InputError, match=r"\.parquet"):
        tt.write_flows(flows(), tmp_path / name)


def test_a_file_that_was_changed_is_read_as_any_other(tmp_path):
    path = tmp_path / "flows.parquet"
    tt.write_flows(flows(), path)
    table = pq.read_table(path).drop_columns(["masked", "amount"])
    extra = table.append_column("note", [["x"] * len(table)])
    pq.write_table(extra, path)
    assert _flow_files.written(path) is None
    read = tt.read_flows(path, allow_new=True)
    assert read.professionals is None
    assert len(read.table) == len(table)


def test_another_layer(tmp_path):
    path = tmp_path / "flows.parquet"
    tt.write_flows(flows(), path)
    with pytest.raises(InputError, match=r"communes of 2024, the layer is that of 2021"):
        tt.read_flows(path, communes=layer(CODES[:3], cog=2021))
    other = layer([*CODES[1:], "45001"], cog=None)
    with pytest.raises(CodeError, match=r"column residence .*'45234'"):
        tt.read_flows(path, communes=other)
    aside = tt.read_flows(path, communes=other, on_unknown="aside").reconciliation
    assert set(aside.reasons) <= {"unknown_residence", "unknown_destination"}
    assert aside.rows_aside > 0
    assert aside.patients_in == aside.patients_kept + aside.patients_aside
    kept = tt.read_flows(path, communes=other, on_unknown="external")
    assert kept.external("residence").any()
    with pytest.raises(InputError, match="commune"):
        tt.read_flows(path, communes=layer(["59001"], cog=None))


def test_a_year_that_is_not_theirs(tmp_path):
    tt.write_flows(flows(period="2023"), tmp_path / "flows.parquet")
    assert tt.read_flows(tmp_path / "flows.parquet", year=2023).period == "2023"
    with pytest.raises(InputError, match="year"):
        tt.read_flows(tmp_path / "flows.parquet", year=2022)
