"""One job on care events, by several programs: from Parquet files to flows between places.

    python benchmarks/event_peers.py NAME FOLDER CODES RESULT --spill FOLDER

is what `benchmarks/events.py` starts, in a process of its own. The job is that of
`territories.events_to_flows`, in the same words:

1. a residence is the commune that the table CODES says (arrondissements are their city);
2. the lines of a patient, residence, practitioner and activity whose acts sum to 0 or less were
   cancelled, and are set aside;
3. cells: distinct patients and cents by residence, practitioner and activity;
4. the place of a practitioner is the commune with most of his patients, ties broken by cents, among
   the communes of his departments where they are known; still tied, his lines are set aside; with
   no candidate his place is his department. By cents first; without departments; share, margin;
5. flows: patients and cents by residence, activity and place; the account of lines and patients.

Each gives the same `Answer`. The SQL is what we could best write by hand (the ways that were tried
are in docs/scale.md): text becomes numbers by small joined tables, keys are packed into one number,
one sum counts lines and acts together, and patients are counted by grouping twice, which spills.
"""

import argparse
import hashlib
import importlib
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    import polars as pl

Reasons = dict[str, tuple[int, int]]


class Asked(NamedTuple):
    """What a program is given: files, codes, the memory it may take and where it may spill."""

    folder: Path
    codes: Path
    memory: str
    spill: Path


class Answer(NamedTuple):
    """What a program gives.

    Attributes
    ----------
    flows
        `residence`, `activity`, `destination`, `patients`, `amount` (euros), in any order.
    practices
        By practitioner: `commune`, `share`, `margin`, `commune_by_amount`, `conflict`, `tied`.
    reasons
        Lines and patients set aside, by reason.
    """

    flows: pd.DataFrame
    practices: pd.DataFrame
    reasons: Reasons

    def fingerprint(self) -> str:
        """Return a hash of all of it, whatever the order of the rows."""
        keys = ["residence", "activity", "destination"]
        flows = self.flows[[*keys, "patients", "amount"]].astype(dict.fromkeys(keys, "str"))
        flows = flows.assign(
            patients=flows["patients"].astype("int64"),
            amount=(flows["amount"] * 100).round().astype("int64"),
        ).sort_values(keys)
        places = ["commune", "commune_by_amount"]
        practices = self.practices[[*places, "share", "margin", "conflict", "tied"]].sort_index()
        practices = practices.assign(
            **{name: practices[name].fillna("").astype("str") for name in places},
            **{name: practices[name].astype("float64").round(9) for name in ("share", "margin")},
            **{name: practices[name].astype("bool") for name in ("conflict", "tied")},
        )
        practices.index = practices.index.astype("str")
        found = hashlib.sha256()
        for table, index in ((flows, False), (practices, True)):
            found.update(pd.util.hash_pandas_object(table, index=index).to_numpy().tobytes())
        found.update(json.dumps(sorted(self.reasons.items())).encode())
        return found.hexdigest()[:16]


# --- ours ----------------------------------------------------------------------------------------


def ours(asked: Asked) -> Answer:
    """Run `events_to_flows` on DuckDB."""
    return _ours(asked, "duckdb")


def ours_on_spark(asked: Asked) -> Answer:
    """Run `events_to_flows` on a local Spark."""
    return _ours(asked, "spark")


def _ours(asked: Asked, backend: str) -> Answer:
    from territories.events import events_to_flows  # noqa: PLC0415 - each in its own process

    flows = events_to_flows(
        asked.folder,
        backend=backend,
        memory=asked.memory,
        spill=asked.spill,
        master="local[2]" if backend == "spark" else None,
    )
    reasons = {name: tuple(map(int, told)) for name, told in flows.reconciliation.reasons.items()}
    return Answer(flows.table, flows.practices, reasons)


# --- SQL by hand ---------------------------------------------------------------------------------

DICTIONARIES: Final = """
CREATE TEMP TABLE seen AS
    SELECT practitioner, department, count(*) AS lines FROM {events} GROUP BY ALL;
CREATE TEMP TABLE code AS SELECT raw, code, department FROM read_parquet('{codes}');
CREATE TEMP TABLE living AS
    SELECT code, any_value(department) AS department,
        (row_number() OVER (ORDER BY code))::BIGINT AS residence_id
    FROM (
        SELECT code, department FROM code
        UNION ALL
        SELECT DISTINCT department, department FROM seen WHERE department IS NOT NULL
    )
    GROUP BY code;
CREATE TEMP TABLE said AS SELECT raw, residence_id FROM code JOIN living USING (code);
CREATE TEMP TABLE kind AS
    SELECT activity, (row_number() OVER (ORDER BY activity))::BIGINT AS activity_id
    FROM (SELECT DISTINCT activity FROM {events} WHERE activity IS NOT NULL);
CREATE TEMP TABLE who AS
    SELECT practitioner, (row_number() OVER (ORDER BY practitioner))::BIGINT AS practitioner_id
    FROM (SELECT DISTINCT practitioner FROM seen WHERE practitioner IS NOT NULL);
CREATE TEMP TABLE given AS
    SELECT DISTINCT practitioner_id, department FROM seen JOIN who USING (practitioner)
    WHERE department IS NOT NULL;
"""

# 2^24: acts above, lines below. 65 536 communes and 256 activities have room in a key. A sum of
# DOUBLE holds half the bytes of one of BIGINT, and whole numbers below 2^53 are exact in it.
CELLS: Final = """
CREATE TEMP TABLE cell AS
    SELECT CASE WHEN told >= 16777216 THEN cell END AS cell,
        count(*) AS patients, sum(cents)::BIGINT AS cents, sum(told & 16777215)::BIGINT AS lines
    FROM (
        SELECT patient, (practitioner_id * 65536 + residence_id) * 256 + activity_id AS cell,
            sum((coalesce(acts, 1)::BIGINT * 16777216 + 1)::DOUBLE)::BIGINT AS told,
            sum((amount * 100)::DOUBLE)::BIGINT AS cents
        FROM {events}
        JOIN said ON raw = residence JOIN who USING (practitioner) JOIN kind USING (activity)
        WHERE patient IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY ALL;
"""

PLACES: Final = """
CREATE TEMP TABLE place AS
    SELECT practitioner_id, residence_id, patients, cents,
        NOT known OR given.practitioner_id IS NOT NULL AS candidate
    FROM (
        SELECT cell // 16777216 AS practitioner_id, cell // 256 % 65536 AS residence_id,
            sum(patients)::BIGINT AS patients, sum(cents)::BIGINT AS cents
        FROM cell WHERE cell IS NOT NULL GROUP BY ALL
    )
    JOIN living USING (residence_id)
    JOIN (
        SELECT practitioner_id, practitioner_id IN (SELECT practitioner_id FROM given) AS known
        FROM who
    ) USING (practitioner_id)
    LEFT JOIN given USING (practitioner_id, department);
CREATE TEMP TABLE ranked AS
    SELECT practitioner_id, sum(patients) AS everyone,
        max({{'p': patients, 'c': cents, 'r': -residence_id}}, 2) FILTER (candidate) AS by_patients,
        max({{'c': cents, 'p': patients, 'r': -residence_id}}, 2) FILTER (candidate) AS by_amount,
        max({{'p': patients, 'c': cents, 'r': -residence_id}}, 2) AS anywhere
    FROM place GROUP BY ALL;
CREATE TEMP TABLE found AS
    SELECT practitioner_id, everyone, by_patients[1].p AS first, coalesce(by_patients[2].p, 0) AS
        second, by_patients IS NULL AS abroad,
        {by_patients} AS commune, {by_amount} AS commune_by_amount, {anywhere} AS unrestricted,
        by_patients IS NOT NULL AND commune IS NULL AS tied
    FROM ranked;
CREATE TEMP TABLE practice AS
    SELECT practitioner_id, practitioner, tied,
        coalesce(one.code, CASE WHEN abroad THEN outside END) AS commune,
        first / everyone AS share, (first - second) / everyone AS margin,
        coalesce(other.code, CASE WHEN abroad THEN outside END) AS commune_by_amount,
        coalesce(NOT abroad AND commune <> unrestricted, false) AS conflict
    FROM found JOIN who USING (practitioner_id)
    LEFT JOIN (
        SELECT practitioner_id, min(department) AS outside FROM given GROUP BY ALL
    ) USING (practitioner_id)
    LEFT JOIN living AS one ON one.residence_id = found.commune
    LEFT JOIN living AS other ON other.residence_id = found.commune_by_amount;
"""
# The first, if the second is not its equal.
FIRST: Final = (
    "CASE WHEN ({0}[1].p, {0}[1].c) IS DISTINCT FROM ({0}[2].p, {0}[2].c) THEN -{0}[1].r END"
)

FLOWS: Final = """
    SELECT living.code AS residence, activity, there.code AS destination, patients,
        cents / 100 AS amount
    FROM (
        SELECT cell // 256 % 65536 AS residence_id, cell % 256 AS activity_id, destination_id,
            sum(patients)::BIGINT AS patients, sum(cents)::BIGINT AS cents
        FROM cell JOIN (
            SELECT practitioner_id, residence_id AS destination_id
            FROM practice JOIN living ON code = commune
        ) ON practitioner_id = cell // 16777216
        GROUP BY ALL
    )
    JOIN living USING (residence_id) JOIN kind USING (activity_id)
    JOIN living AS there ON there.residence_id = destination_id
    ORDER BY residence_id, activity_id, destination_id
"""

ASIDE: Final = """
    SELECT 'cancelled' AS reason, lines, patients FROM cell WHERE cell IS NULL
    UNION ALL
    SELECT 'practice_undetermined', sum(lines), sum(patients)
    FROM cell JOIN practice ON practitioner_id = cell // 16777216
    WHERE commune IS NULL HAVING sum(lines) > 0
"""

UNREAD: Final = """
    SELECT reason, count(*) AS lines, count(DISTINCT (practitioner, patient)) AS patients
    FROM (
        SELECT practitioner, patient, CASE
            WHEN activity IS NULL THEN 'missing_activity'
            WHEN practitioner IS NULL THEN 'missing_practitioner'
            WHEN patient IS NULL THEN 'missing_patient'
            WHEN residence IS NULL THEN 'missing_residence'
            WHEN said.raw IS NULL THEN 'unknown_residence' END AS reason
        FROM {events} LEFT JOIN said ON raw = residence
    )
    WHERE reason IS NOT NULL GROUP BY ALL
"""


def sql(asked: Asked) -> Answer:
    """Run the SQL written by hand."""
    import duckdb  # noqa: PLC0415 - each program is imported in its own process alone

    events = f"read_parquet('{asked.folder}/*.parquet')"
    settings = {
        "memory_limit": asked.memory,
        "temp_directory": str(asked.spill),
        "preserve_insertion_order": False,
    }
    with duckdb.connect(config=settings) as connection:
        connection.execute(DICTIONARIES.format(events=events, codes=asked.codes))
        connection.execute(CELLS.format(events=events))
        measures = ("by_patients", "by_amount", "anywhere")
        connection.execute(PLACES.format(**{name: FIRST.format(name) for name in measures}))
        flows = connection.sql(FLOWS).to_arrow_table().to_pandas()
        practices = connection.execute("FROM practice").df().set_index("practitioner")
        aside = connection.execute(ASIDE).fetchall()
        lines = "SELECT (SELECT sum(lines) FROM seen) - (SELECT sum(lines) FROM cell)"
        if connection.execute(lines).fetchone()[0]:
            aside += connection.execute(UNREAD.format(events=events)).fetchall()
    return Answer(flows, practices, {name: (int(n), int(p)) for name, n, p in aside})


# --- polars --------------------------------------------------------------------------------------


def polars(asked: Asked) -> Answer:
    """Run polars, streaming."""
    import polars as pl  # noqa: PLC0415 - each program is imported in its own process alone

    communes = pl.scan_parquet(asked.codes)
    events = pl.scan_parquet(asked.folder / "*.parquet")
    column = pl.col
    pairs = (
        events.join(communes.select("raw", "code"), left_on="residence", right_on="raw")
        .group_by("patient", "code", "practitioner", "activity")
        .agg(
            acts=column("acts").fill_null(1).sum(),
            cents=(column("amount") * 100).cast(pl.Int64).sum(),
            lines=pl.len(),
        )
        .with_columns(kept=column("acts") > 0)
    )
    keys = ["code", "practitioner", "activity"]
    cells = (
        pairs.group_by(
            "kept", *(pl.when(column("kept")).then(column(name)).alias(name) for name in keys)
        )
        .agg(
            patients=pl.len().cast(pl.Int64),
            cents=column("cents").sum(),
            lines=column("lines").sum(),
        )
        .collect(engine="streaming")
    )
    gone = cells.filter(~column("kept"))
    reasons = (
        {"cancelled": (int(gone["lines"].sum()), int(gone["patients"].sum()))} if len(gone) else {}
    )
    cells = cells.filter("kept")
    given = (
        events.select("practitioner", "department")
        .drop_nulls()
        .unique()
        .collect(engine="streaming")
    )
    practices = _polars_places(cells, given, communes.collect())
    located = cells.join(practices.select("practitioner", "commune"), on="practitioner")
    lost = located.filter(column("commune").is_null())
    if len(lost):
        reasons["practice_undetermined"] = (int(lost["lines"].sum()), int(lost["patients"].sum()))
    flows = (
        located.lazy()
        .filter(column("commune").is_not_null())
        .group_by(residence="code", activity="activity", destination="commune")
        .agg(column("patients").sum(), amount=column("cents").sum() / 100)
        .sort("residence", "activity", "destination")
        .collect(engine="streaming")
    )
    return Answer(flows.to_pandas(), practices.to_pandas().set_index("practitioner"), reasons)


def _polars_places(
    cells: "pl.DataFrame", given: "pl.DataFrame", communes: "pl.DataFrame"
) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415

    column = pl.col
    departments = communes.group_by("code").agg(column("department").first())
    places = (
        cells.group_by("practitioner", "code")
        .agg(column("patients").sum(), column("cents").sum())
        .join(departments, on="code")
        .join(given.with_columns(theirs=True), on=["practitioner", "department"], how="left")
        .with_columns(known=column("practitioner").is_in(given["practitioner"].unique().implode()))
        .with_columns(candidate=~column("known") | column("theirs").is_not_null())
    )
    candidates = places.filter("candidate")
    by_patients = _polars_best(candidates, ["patients", "cents"])
    by_amount = _polars_best(candidates, ["cents", "patients"])
    anywhere = _polars_best(places, ["patients", "cents"])
    return (
        places.group_by("practitioner")
        .agg(everyone=column("patients").sum())
        .join(by_patients, on="practitioner", how="left")
        .join(
            by_amount.select("practitioner", commune_by_amount="commune"),
            on="practitioner",
            how="left",
        )
        .join(anywhere.select("practitioner", anywhere="commune"), on="practitioner", how="left")
        .join(
            given.group_by("practitioner").agg(outside=column("department").min()),
            on="practitioner",
            how="left",
        )
        .with_columns(abroad=column("first").is_null())
        .with_columns(
            conflict=(~column("abroad") & (column("commune") != column("anywhere"))).fill_null(
                value=False
            ),
            tied=column("tied").fill_null(value=False),
            share=column("first") / column("everyone"),
            margin=(column("first") - column("second")) / column("everyone"),
            **{
                name: pl.when("abroad").then(column("outside")).otherwise(column(name))
                for name in ("commune", "commune_by_amount")
            },
        )
    )


def _polars_best(places: "pl.DataFrame", measures: list[str]) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415

    column = pl.col
    first, second = column(measures[0]), column(measures[1])
    return (
        places.sort("practitioner", *measures, "code", descending=[False, True, True, False])
        .group_by("practitioner", maintain_order=True)
        .agg(
            commune=column("code").first(),
            first=first.first(),
            second=first.get(1, null_on_oob=True).fill_null(0),
            tied=(
                (first.get(1, null_on_oob=True) == first.first())
                & (second.get(1, null_on_oob=True) == second.first())
            ).fill_null(value=False),
        )
        .with_columns(commune=pl.when(~column("tied")).then("commune"))
    )


# --- pandas --------------------------------------------------------------------------------------


def pandas(asked: Asked) -> Answer:
    """Run pandas: one column of numbers for each column of text, then groupby; places as ours."""
    from territories.practices import practice_places  # noqa: PLC0415

    columns = ["patient", "residence", "practitioner", "department", "activity", "acts", "amount"]
    events = pd.read_parquet(asked.folder, columns=columns, dtype_backend="pyarrow")
    codes = pd.read_parquet(asked.codes).set_index("raw")["code"]
    text = ["residence", "practitioner", "department", "activity"]
    events[text] = events[text].astype("category")
    residence = events["residence"].cat
    converted = pd.Categorical(codes.reindex(residence.categories.astype("str")))
    cents = (events["amount"] * 100).astype("int64[pyarrow]")
    numbers = pd.DataFrame(
        {
            "patient": events["patient"].to_numpy(),
            "residence": converted.codes[residence.codes.to_numpy()].astype("int32"),
            "practitioner": events["practitioner"].cat.codes.to_numpy(),
            "activity": events["activity"].cat.codes.to_numpy(),
            "acts": events["acts"].fillna(1).to_numpy(dtype="int64"),
            "cents": cents.to_numpy(dtype="int64"),
            "lines": 1,
        }
    )
    given = events[["practitioner", "department"]].dropna().drop_duplicates().astype("str")
    whose = events["practitioner"].cat.categories.astype("str")
    what = events["activity"].cat.categories.astype("str")
    del events, cents

    keys = ["residence", "practitioner", "activity"]
    grouped = numbers.groupby(["patient", *keys], sort=False)[["acts", "cents", "lines"]].sum()
    del numbers
    gone = grouped[grouped["acts"] <= 0]
    kept = grouped[grouped["acts"] > 0].assign(patients=1)
    cells = kept.groupby(keys)[["patients", "cents", "lines"]].sum().reset_index()
    reasons = {"cancelled": (int(gone["lines"].sum()), len(gone))} if len(gone) else {}
    cells["residence"] = converted.categories.take(cells["residence"]).astype("str")
    cells["practitioner"] = whose.take(cells["practitioner"])
    cells["activity"] = what.take(cells["activity"])

    told = cells.assign(amount=cells["cents"] / 100, department="")
    # Departments are those of practitioners: rows without patients say them.
    said = given.assign(residence="", activity="", patients=0, amount=0.0, cents=0, lines=0)
    said = said[said["practitioner"].isin(cells["practitioner"].unique())]
    practices = practice_places(pd.concat([told, said], ignore_index=True))
    cells["destination"] = cells["practitioner"].map(practices["commune"])
    lost = cells[cells["destination"].isna()]
    if len(lost):
        reasons["practice_undetermined"] = (int(lost["lines"].sum()), int(lost["patients"].sum()))
    ends = ["residence", "activity", "destination"]
    flows = cells.dropna(subset="destination").groupby(ends)[["patients", "cents"]].sum()
    return Answer(
        flows.reset_index().assign(amount=lambda each: each["cents"] / 100), practices, reasons
    )


# --- the command line ----------------------------------------------------------------------------

PROGRAMS: Final[dict[str, Callable[[Asked], Answer]]] = {
    "ours": ours,
    "sql": sql,
    "polars": polars,
    "pandas": pandas,
    "spark": ours_on_spark,
}


IMPORTED: Final = {
    "ours": ("duckdb", "ibis.backends.duckdb", "territories.events"),
    "sql": ("duckdb", "pyarrow"),
    "polars": ("polars",),
    "pandas": ("pyarrow.parquet", "territories.practices"),
    "spark": ("ibis", "pyspark.sql", "territories.events"),
}


def main() -> None:
    """Run one program, and write what it took and a hash of what it gave."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=PROGRAMS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("codes", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--spill", type=Path, required=True)
    asked = parser.parse_args()
    given = Asked(asked.folder, asked.codes, asked.memory, asked.spill)
    for name in IMPORTED[asked.name]:
        importlib.import_module(name)
    before = time.perf_counter(), time.process_time()
    answer = PROGRAMS[asked.name](given)
    spent = time.perf_counter() - before[0], time.process_time() - before[1]
    told = {
        "seconds": spent[0],
        "processor": spent[1],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "flows": len(answer.flows),
        "reasons": answer.reasons,
    }
    # Once it is there nothing is measured any more: the hash takes memory of its own.
    asked.result.write_text(json.dumps(told), encoding="utf-8")
    told["hash"] = answer.fingerprint()
    asked.result.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
