"""Several years of care events in one pass: each the same as alone, to the byte."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import care
import hypothesis.strategies as st
import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

import territories as tt
from territories.errors import InputError
from territories.events import events_to_flows, yearly_flows

if TYPE_CHECKING:
    from pathlib import Path


def written(flows: tt.Flows) -> dict[str, Any]:
    """Write all that flows hold, but for notices: these are of all years."""
    account = vars(flows.reconciliation) | {"notices": None}
    tables = [flows.table, flows.practices, flows.professionals]
    return {
        "account": account,
        "reasons": list(flows.reconciliation.reasons),
        "period": flows.period,
        "cog": flows.cog,
        "types": {name: str(kind) for name, kind in flows.table.dtypes.items()},
        "tables": [None if each is None else parquet(pd.DataFrame(each)) for each in tables],
    }


def parquet(table: pd.DataFrame) -> bytes:
    made = io.BytesIO()
    table.to_parquet(made)
    return made.getvalue()


def check(source: object, years: list[str], **options: Any) -> dict[str, tt.Flows]:
    """Compare each year of one pass with that year alone."""
    together = yearly_flows(source, **options)
    assert list(together) == years
    for year, flows in together.items():
        alone = events_to_flows(source, **{**options, "period": year})
        assert written(flows) == written(alone)
    return together


@pytest.mark.parametrize("place", ["practitioner", "destination"])
@pytest.mark.parametrize("located", [True, False])
def test_each_year_is_what_it_is_alone(
    backend: str, world: care.World, tmp_path: Path, *, place: str, located: bool
) -> None:
    frame = care.care(world, rows=3_000, seed=4, place=place)
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    options: dict[str, Any] = {**world.options, "on_unknown": "aside", "located": located}
    together = check(path, ["2021", "2022", "2023"], backend=backend, **options)
    assert "missing_date" in together["2022"].reconciliation.reasons
    some = check(path, ["2022", "2023"], backend=backend, **options | {"period": "2022-2023"})
    assert written(some["2022"]) == written(together["2022"])


def test_change_from_year_to_year(backend: str, world: care.World, tmp_path: Path) -> None:
    """Patients who went to one commune go to another a year later: the pole changes."""
    rows = [("45001", "A", 2021, 30), ("45001", "A", 2022, 10), ("45001", "B", 2022, 40)]
    rows += [
        (home, who, year, 60)
        for year in (2021, 2022)
        for home, who in (("45003", "A"), ("45004", "B"))
    ]
    frame = pd.DataFrame(
        [
            (f"{home}-{number}", home, who, "ORL", f"{year}-05-01")
            for home, who, year, size in rows
            for number in range(size)
        ],
        columns=["patient", "residence", "practitioner", "activity", "date"],
    )
    path = care.write_parquet(care.shuffled(frame, 3), tmp_path / "events.parquet")
    years = yearly_flows(path, backend=backend, communes=world.communes)
    found = tt.changes(years["2021"], years["2022"])
    moved = found.communes.loc["45001"]
    assert moved.to_dict() == {"before": "45003", "after": "45004", "changed": True}
    assert found.communes["changed"].sum() == 1
    patients = found.poles[["patients_before", "patients_after"]]
    assert patients.loc["45003"].tolist() == [90, 70]
    assert patients.loc["45004"].tolist() == [60, 100]


def test_rows_without_a_year_are_refused(world: care.World, tmp_path: Path) -> None:
    frame = care.care(world, rows=200, seed=5, spoiled=False)
    frame.loc[3, "date"] = ""
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    with pytest.raises(InputError) as alone:
        events_to_flows(path, period="2022", **world.options)
    with pytest.raises(InputError) as together:
        yearly_flows(path, **world.options)
    assert str(alone.value) == str(together.value)
    care.write_parquet(frame.drop(columns="date"), path)
    with pytest.raises(InputError, match="years"):
        yearly_flows(path, **world.options)


def test_a_year_of_which_nothing_is_kept_is_refused(world: care.World, tmp_path: Path) -> None:
    rows = [("1", "45001", "A", "ORL", "2021"), ("2", "99100", "A", "ORL", "2022")]
    names = ["patient", "residence", "practitioner", "activity", "year"]
    path = care.write_parquet(pd.DataFrame(rows, columns=names), tmp_path / "events.parquet")
    options: dict[str, Any] = {"communes": world.communes, "on_unknown": "aside"}
    with pytest.raises(InputError):
        yearly_flows(path, **options)
    assert list(yearly_flows(path, period="2021", **options)) == ["2021"]


CELLS = {
    "patient": ["1", "2", "3", "2"],
    "residence": ["45001", "45090", "45002", "60054", "75113", "99100", ""],
    "practitioner": ["A", "B", " A ", "", "C"],
    "department": ["45", "", "1", "75"],
    "activity": ["ophtalmologie", "Ophtalmologie ", "ORL", ""],
    "date": ["2021-05-01", "20220302", "03/04/2023", "2022-06-01", ""],
    "acts": ["1", "-1", "2"],
    "amount": ["25", "12,5", "-25", ""],
    "patients": ["", "", "<11", "7"],
}


def test_any_small_table(world: care.World, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("small")
    lines = st.tuples(*(st.sampled_from(each) for each in CELLS.values()))

    @settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
    @given(rows=st.lists(lines, min_size=1, max_size=25), located=st.booleans())
    def agrees(rows: list[tuple[str, ...]], *, located: bool) -> None:
        frame = pd.DataFrame(rows, columns=list(CELLS), dtype=str)
        frame["patient"] = frame["patient"].where(frame["patients"] == "", "")
        path = care.write_parquet(frame, folder / "events.parquet")
        options = {**world.options, "on_unknown": "aside", "located": located}
        connection = ibis.duckdb.connect()
        try:
            together = yearly_flows(path, backend=connection, **options)
        except InputError:
            return  # nothing is kept of one of the years
        finally:
            connection.disconnect()
        for year, flows in together.items():
            alone = events_to_flows(path, period=year, **options)
            assert written(flows) == written(alone)

    agrees()
