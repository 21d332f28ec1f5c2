"""Patients whom practitioners share, from care events: as from the table of all pairs."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

import care
import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

import territories as tt
from territories.errors import InputError
from territories.events import events_to_flows
from territories.sharing import shared_patients

if TYPE_CHECKING:
    from pathlib import Path


COLUMNS = ["patient", "residence", "practitioner", "activity", "acts"]

# What is written, and what it stands for in the layer.
HOMES = {
    "45001": "45001",
    "45003": "45003",
    "45090": "45001",
    " 45003": "45003",
    "45004": "45004",
    "2a004": "2A004",
}
LABELS = {
    "médecine générale": "médecine générale",
    "MG": "médecine générale",
    "Pharmacie": "pharmacie",
    "infirmier": "soins infirmiers",
    "dermatologue": "dermatologie",
}


def seen(frame: pd.DataFrame) -> dict[str, Counter[tuple[str, str]]]:
    """Find whom each patient saw, with the rows that say so; acts taken back are none."""
    acts: Counter[tuple[str, ...]] = Counter()
    rows: Counter[tuple[str, ...]] = Counter()
    for patient, residence, practitioner, label, number in frame[COLUMNS].itertuples(index=False):
        if patient:
            key = (patient, HOMES[residence], practitioner.strip(), LABELS[label])
            acts[key] += int(number or 1)
            rows[key] += 1
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for (patient, _, *who), number in rows.items():
        if acts[patient, _, *who] > 0:
            found[patient][tuple(who)] += number
    return found


def naive_pairs(frame: pd.DataFrame, cap: int) -> tuple[pd.DataFrame, int, int]:
    """Make the table of all pairs; count the rows of the cap, and the patients of its pairs."""
    pairs: Counter[tuple[str, ...]] = Counter()
    over = lost = 0
    for visits in seen(frame).values():
        two = [
            (*one, *other) for one, other in combinations(sorted(visits), 2) if one[0] != other[0]
        ]
        if len({who for who, _ in visits}) > cap:
            over, lost = over + visits.total(), lost + len(two)
        else:
            pairs.update(two)
    names = ["ps_1", "profession_1", "ps_2", "profession_2"]
    table = pd.DataFrame(list(pairs), columns=names, dtype=str)
    return table.assign(patients_communs=list(pairs.values())), over, lost


def written(flows: tt.Flows) -> tuple[bytes, str, dict[str, str]]:
    made = io.BytesIO()
    flows.table.to_parquet(made)
    types = {name: str(kind) for name, kind in flows.table.dtypes.items()}
    return made.getvalue(), flows.table.to_csv(), types


def check(
    frame: pd.DataFrame, folder: Path, world: care.World, *, cap: int = 100, **options: Any
) -> tt.Flows | None:
    """Compare what is counted without pairs with what is read from their table."""
    path = care.write_parquet(frame, folder / "events.parquet")
    backend = options.pop("backend", "duckdb")
    practices = events_to_flows(path, **world.options).practices
    assert practices is not None
    pairs, over, lost = naive_pairs(frame, cap)
    pairs.to_csv(folder / "pairs.csv", sep=";", index=False)
    placed = practices["commune"].dropna()
    known = pairs["ps_1"].isin(placed.index) & pairs["ps_2"].isin(placed.index)
    options |= {"backend": backend, "cap": cap}
    if not known.any():
        with pytest.raises(InputError):
            shared_patients(path, **world.options, **options)
        return None
    shared = shared_patients(path, **world.options, **options)
    chain = tt.read_chains(
        folder / "pairs.csv",
        communes=world.communes,
        practices=practices,
        symmetric=options.get("symmetric", False),
    )
    assert written(shared) == written(chain)
    account = shared.reconciliation
    assert account.rows_in == len(frame)
    assert account.patients_in == pairs["patients_communs"].sum() + lost
    assert account.patients_kept == shared.table["patients"].sum()
    assert account.reasons.get("chain_cap", (0, 0)) == (over, lost)
    told = [each.values for each in account.notices if each.key == "notice.chain_cap"]
    assert told == ([{"cap": cap, "count": over}] if over else [])
    away = {
        who: visits for who, visits in seen(frame).items() if len({w for w, _ in visits}) <= cap
    }
    rows = sum(
        number
        for visits in away.values()
        for (who, _), number in visits.items()
        if who not in placed.index
    )
    assert account.reasons.get("practice_undetermined", (0, 0))[0] == rows
    return shared


def drawn(seed: int, rows: int) -> pd.DataFrame:
    """Draw events of few patients and practitioners, so that they share many."""
    generator = pd.Series(range(rows)).sample(frac=1, random_state=seed)
    cells = {
        "patient": [str(each * each % 37 % 11) for each in generator],
        "residence": [list(HOMES)[each % 7 % len(HOMES)] for each in generator],
        "practitioner": [f"{' ' * (each % 3)}P{each % 13}" for each in generator],
        "activity": [list(LABELS)[each % 13 * 3 % 5 - (each % 29 == 0)] for each in generator],
        "acts": [["1", "2", "", "-1"][each % 31 % 4] for each in generator],
        "amount": ["25"] * rows,
    }
    return pd.DataFrame(cells, dtype=str)


@pytest.mark.parametrize("cap", [100, 9])
def test_as_from_the_table_of_pairs(
    backend: str, world: care.World, tmp_path: Path, cap: int
) -> None:
    frame = drawn(1, 400)
    found = check(frame, tmp_path, world, cap=cap, backend=backend)
    assert found is not None
    assert ("chain_cap" in found.reconciliation.reasons) == (cap == 9)
    assert check(frame, tmp_path, world, cap=cap, backend=backend, symmetric=True) is not None


def test_the_chain_is_followed(world: care.World, tmp_path: Path) -> None:
    """Ten patients of the practice of 45003 go to the nurse of 45004, four on to the pharmacy."""
    rows = [
        (f"h{home}{each}", home, who, label)
        for each in range(30)
        for home, who, label in (
            ("45003", "G", "MG"),
            ("45004", "N", "infirmier"),
            ("45001", "P", "Pharmacie"),
        )
    ]
    rows += [(f"h45003{each}", "45003", "N", "infirmier") for each in range(10)]
    rows += [(f"h45003{each}", "45003", "P", "Pharmacie") for each in range(4)]
    frame = pd.DataFrame(rows, columns=COLUMNS[:4]).assign(acts="1")
    shared = check(care.shuffled(frame, 2), tmp_path, world)
    assert shared is not None
    cells = shared.table.set_index(["residence", "activity", "destination"])["patients"].to_dict()
    assert cells == {
        ("45003", "médecine générale → soins infirmiers", "45004"): 10,
        ("45003", "médecine générale → pharmacie", "45001"): 4,
        ("45004", "soins infirmiers → pharmacie", "45001"): 4,
    }
    steps = tt.followed(shared, "45003")
    assert steps["share"].to_dict() == {
        ("médecine générale", "45003"): 1.0,
        ("soins infirmiers", "45004"): 1.0,
        ("pharmacie", "45001"): 1.0,
    }


def test_a_number_of_patients_has_no_name(world: care.World, tmp_path: Path) -> None:
    """Such rows help to place practitioners, and are told apart in the account."""
    frame = drawn(3, 60).assign(patients="")
    more = frame.iloc[:2].assign(patient="", patients="40")
    shared = check(pd.concat([frame, more], ignore_index=True), tmp_path, world)
    assert shared is not None
    assert shared.reconciliation.reasons["patient_unnamed"] == (2, 0)


@pytest.mark.parametrize("lacking", ["patient", "practitioner"])
def test_events_without_patients_or_practitioners_are_refused(
    world: care.World, tmp_path: Path, lacking: str
) -> None:
    frame = drawn(2, 20)
    renamed = frame.rename(columns={"practitioner": "destination"}).assign(destination="45001")
    frame = renamed if lacking == "practitioner" else frame.drop(columns="patient")
    frame["patients"] = "12" if lacking == "patient" else ""
    path = care.write_parquet(frame, tmp_path / "events.parquet")
    with pytest.raises(InputError, match="practitioner"):
        shared_patients(path, **world.options)
    with pytest.raises(InputError, match="cap"):
        shared_patients(path, cap=1)


def test_any_small_table(world: care.World, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("small")
    lines = st.tuples(
        st.sampled_from("12345"),
        st.sampled_from(list(HOMES)),
        st.sampled_from(["A", "B", " C", "D", "E"]),
        st.sampled_from(list(LABELS)),
        st.sampled_from(["1", "1", "", "-1"]),
    )

    @settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
    @given(
        rows=st.lists(lines, min_size=3, max_size=30),
        cap=st.sampled_from([2, 3, 100]),
        symmetric=st.booleans(),
    )
    def agrees(rows: list[tuple[str, ...]], cap: int, *, symmetric: bool) -> None:
        frame = pd.DataFrame(rows, columns=COLUMNS, dtype=str)
        if seen(frame):
            check(frame, folder, world, cap=cap, symmetric=symmetric)

    agrees()
