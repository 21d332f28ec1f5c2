"""Care events to flows: ours on DuckDB and on Spark beside SQL by hand, polars and pandas.

    pip install -r benchmarks/requirements.txt
    python benchmarks/events.py --folder events --data ../shared/data
    python benchmarks/events.py --sizes 20_000_000 --programs ours sql --repeats 3

Events are made first (`care_events.py`), where the folder has none of that number. Each program
does the same job (`event_peers.py`) in a process of its own, on the same two cores, in turn; all
hashes of what they give must be equal. Printed are the medians of the seconds by the clock and of
the seconds of processor time (both cores), as multiples of those of the SQL by hand too; the most
memory that the process and its children held, and that was spilled to disk, at any moment; and how
time grows with events, as a slope on logarithms (1: in proportion). Imports are left out, the start
of Spark is not. Where others use the machine, only processor time says something.

One that takes more memory than ``--most`` is stopped, and so is one that takes too long.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import care_events
import duckdb
from event_peers import PROGRAMS

from territories import codes

SIZES: Final = (1_000_000, 20_000_000, 100_000_000)
REFERENCE: Final = "sql"
LABELS: Final = {
    "ours": "territories on DuckDB",
    "sql": "DuckDB, SQL by hand",
    "polars": "polars, streaming",
    "pandas": "pandas",
    "spark": "territories on Spark local",
}
SAMPLED: Final = 0.1  # seconds
MEGABYTE: Final = 1_000_000
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
TICK: Final = os.sysconf("SC_CLK_TCK")


class Bounds(NamedTuple):
    """What a program may take: its own limit of memory, and where it is stopped (MB, seconds)."""

    memory: str
    most: float
    longest: float


@dataclass(frozen=True)
class Run:
    """What one run of a program took and gave.

    Attributes
    ----------
    seconds, processor
        By the clock, and of all its processes' cores.
    peak, spilled
        MB of memory, and of the files in its folder for spilling.
    hash
        Of what it gave.
    failure
        Why it gave nothing; empty where it did.
    """

    program: str
    events: int
    seconds: float
    processor: float
    peak: float
    spilled: float
    hash: str = ""
    failure: str = ""


# --- one process ---------------------------------------------------------------------------------


class Watched:
    """What a process and its descendants hold and have taken, read from /proc."""

    def __init__(self, pid: int, spill: Path) -> None:
        self.pid = pid
        self.spill = spill
        self.peak = self.spilled = 0.0
        self.ticks: dict[int, int] = {}

    @property
    def processor(self) -> float:
        """Return the seconds of processor time of all."""
        return sum(self.ticks.values()) / TICK

    def look(self) -> None:
        """Look once."""
        held = 0
        for pid in self._family(self.pid):
            try:
                held += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE
                # The name, in brackets, may hold blanks.
                told = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            except (OSError, IndexError):  # it has ended
                continue
            self.ticks[pid] = int(told[11]) + int(told[12])
        self.peak = max(self.peak, held / MEGABYTE)
        self.spilled = max(self.spilled, _size(self.spill) / MEGABYTE)

    def _family(self, pid: int) -> list[int]:
        found = [pid]
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                children = task.read_text("ascii").split()
            except OSError:
                continue
            for child in children:
                found += self._family(int(child))
        return found


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except OSError:  # it is gone
                continue
    return total


def run(program: str, events: int, folder: Path, table: Path, bounds: Bounds) -> Run:
    """Run a program in a process of its own, and stop it where it takes too much."""
    with tempfile.TemporaryDirectory() as name:
        result, told, spill = (Path(name) / each for each in ("result", "told", "spill"))
        spill.mkdir()
        command = [sys.executable, Path(__file__).with_name("event_peers.py")]
        command += [program, folder, table, result, "--memory", bounds.memory, "--spill", spill]
        with told.open("wb") as heard:
            # A session of its own: what it starts can be stopped with it.
            process = subprocess.Popen(command, stdout=heard, stderr=heard, start_new_session=True)
            watched, began, failure = Watched(process.pid, spill), time.perf_counter(), ""
            try:
                while process.poll() is None:
                    if not result.exists():  # what follows is not the job
                        watched.look()
                    if watched.peak > bounds.most:
                        failure = f"stopped: more than {bounds.most:,.0f} MB"
                    elif time.perf_counter() - began > bounds.longest:
                        failure = f"stopped after {bounds.longest:,.0f} s"
                    if failure:
                        break
                    time.sleep(SAMPLED)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        taken = {"peak": watched.peak, "spilled": watched.spilled}
        if not failure and process.returncode:
            lines = told.read_text("utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "")
            failure = f"exit {process.returncode}: {last:.90}"
        if failure:
            spent = time.perf_counter() - began
            return Run(program, events, spent, watched.processor, failure=failure, **taken)
        given = json.loads(result.read_text("utf-8"))
    taken["peak"] = max(taken["peak"], given["peak"])
    # Of what is not the process itself (Java), only what was sampled is known.
    children = sum(each for pid, each in watched.ticks.items() if pid != process.pid) / TICK
    processor = given["processor"] + children
    return Run(program, events, given["seconds"], processor, hash=given["hash"], **taken)


# --- what they work on ---------------------------------------------------------------------------


def prepared(events: int, folder: Path, data: Path) -> tuple[Path, Path]:
    """Make the events, and the table of their codes, unless they are there."""
    source = folder / f"events-{events}"
    table = folder / f"codes-{events}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    if not source.exists():
        print(f"{events:,} events are made", file=sys.stderr)
        care_events.write(events, source, care_events.france(data))
    if not table.exists():
        files = str(source / "*.parquet")
        with duckdb.connect() as connection:
            found = connection.read_parquet(files).project("residence AS raw").distinct().df()
        found["code"] = codes.to_cities(found["raw"])
        found["department"] = codes.department(found["code"])
        found.sort_values("raw").to_parquet(table, index=False)
    return source, table


# --- what is printed -----------------------------------------------------------------------------


def show(events: int, runs: list[Run]) -> bool:
    """Print the table of one number of events; tell whether all gave the same."""
    print(f"\n{events:,} events")
    head = f"{'seconds':>9}{'× sql':>7}{'processor':>11}{'× sql':>7}{'MB':>8}{'spilled':>9}  hash"
    print(f"  {'':<28}{head}")
    reference = _median(runs, REFERENCE)
    for program in dict.fromkeys(each.program for each in runs):
        found = _median(runs, program)
        if found is None:
            failed = next(each for each in runs if each.program == program)
            peak = f"{failed.peak:,.0f} MB, {failed.seconds:,.0f} s"
            print(f"  {LABELS[program]:<28}failed: {failed.failure} ({peak})")
            continue
        ratios = ("", "")
        if reference is not None:
            ratios = (
                f"{found.seconds / reference.seconds:.2f}",
                f"{found.processor / reference.processor:.2f}",
            )
        print(
            f"  {LABELS[program]:<28}{found.seconds:>9.1f}{ratios[0]:>7}{found.processor:>11.1f}"
            f"{ratios[1]:>7}{found.peak:>8,.0f}{found.spilled:>9,.0f}  {found.hash}"
        )
    hashes = {each.hash for each in runs if not each.failure}
    if len(hashes) > 1:
        print("  → NOT THE SAME RESULTS")
    return len(hashes) <= 1


def _median(runs: list[Run], program: str) -> Run | None:
    done = [each for each in runs if each.program == program and not each.failure]
    if not done:
        return None
    return Run(
        program,
        done[0].events,
        median(each.seconds for each in done),
        median(each.processor for each in done),
        max(each.peak for each in done),
        max(each.spilled for each in done),
        done[0].hash,
    )


def slopes(runs: list[Run]) -> None:
    """Print how time grows from each number of events to the next, and from the first to the last.

    A slope of 1 is growth in proportion; with spill it is marked.
    """
    sizes = sorted({each.events for each in runs})
    if len(sizes) < 2:
        return
    print("\nGrowth of time with events: slope of logarithms, by the clock and of processor time")
    steps = [
        *pairwise(sizes),
        *([(sizes[0], sizes[-1])] * (len(sizes) > 2)),
    ]
    for program in dict.fromkeys(each.program for each in runs):
        for low, high in steps:
            ends = [
                _median([each for each in runs if each.events == size], program)
                for size in (low, high)
            ]
            if None in ends:
                continue
            first, last = ends
            growth = math.log(high / low)
            clock = math.log(last.seconds / first.seconds) / growth
            processor = math.log(last.processor / first.processor) / growth
            spilled = ", with spill" if last.spilled > 1 else ""
            print(
                f"  {LABELS[program]:<28}{low:>12,} → {high:<12,}{clock:>6.2f}{processor:>6.2f}"
                f"{spilled}"
            )


def verdicts(runs: list[Run]) -> None:
    """Print what must be reached beside what is."""
    for events, program, most, unlike in (
        (100_000_000, "sql", 1.1, None),
        (20_000_000, "pandas", 1 / 2.5, 0.5),
    ):
        some = [each for each in runs if each.events == events]
        mine, theirs = _median(some, "ours"), _median(some, program)
        if mine is None or theirs is None:
            continue
        _verdict(f"{events:,}: time / {LABELS[program]}", mine.seconds / theirs.seconds, most)
        _verdict("of processor", mine.processor / theirs.processor, most)
        if unlike is not None:
            _verdict(f"{events:,}: memory / {LABELS[program]}", mine.peak / theirs.peak, unlike)
    mine = _median([each for each in runs if each.events == 100_000_000], "ours")
    if mine is not None:
        _verdict("100,000,000: MB of memory", mine.peak, 2_200)


def _verdict(what: str, value: float, most: float) -> None:
    told = "reached" if value <= most else "NOT REACHED"
    print(f"  → {what}: {value:.4g} (must ≤ {most:g}: {told})")


# --- the command line ----------------------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "events")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=tuple(PROGRAMS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--memory", default="2GB", help="limit of DuckDB and of Spark")
    parser.add_argument("--most", type=float, default=14_000, help="MB where one is stopped")
    parser.add_argument("--longest", type=float, default=1_800, help="seconds where one is stopped")
    parser.add_argument("--out", type=Path, help="write the runs there, as JSON")
    return parser.parse_args()


def main() -> None:
    """Make the events, let all programs run in turn, print the tables."""
    asked = _arguments()
    # What is started from here has the same cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    bounds = Bounds(asked.memory, asked.most, asked.longest)
    runs: list[Run] = []
    same = True
    for events in sorted(asked.sizes):
        source, table = prepared(events, asked.folder, asked.data)
        some: list[Run] = []
        for _ in range(asked.repeats):
            for program in asked.programs:
                failed = any(each.failure for each in some if each.program == program)
                if not failed:
                    some.append(run(program, events, source, table, bounds))
        same = show(events, some) and same
        runs += some
        if asked.out:
            told = json.dumps([asdict(each) for each in runs], indent=1)
            asked.out.write_text(told + "\n", encoding="utf-8")
    slopes(runs)
    verdicts(runs)
    if not same:
        sys.exit("the programs do not agree")


if __name__ == "__main__":
    main()
