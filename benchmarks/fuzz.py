"""Changed files are read for as long as asked: each is refused with words, or its account balances.

    python benchmarks/fuzz.py --minutes 60 --seed 0
    python benchmarks/fuzz.py --cases 2000 --keep found
    python benchmarks/fuzz.py --only 137          # one case again, here, with its traceback

The files are made by the script; those of ../shared/data/badinputs join them when they are there.
A seed and a number of cases always give the same cases. The cases run in other processes, which may
take 2 GB and 20 s each. Exit 1 if any case ended with something else than a refusal or a table,
with a warning, or with an account, a message or a table that is not as documented.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final, NamedTuple

SECONDS: Final = 20  # of the processor, for one reading, of the three or so of a case
ASLEEP: Final = 1_800  # by the clock: a machine may stop the process for a while
LATE: Final = f"over {SECONDS} s"
STARTING: Final = 120


@dataclass(frozen=True)
class Result:
    """What became of a case: its reader, the first fault if it was refused, what is wrong."""

    number: int
    reader: str
    fault: str = ""
    problems: tuple[str, ...] = ()


class Plan(NamedTuple):
    """Which cases a process runs, and where."""

    seed: int
    first: int
    step: int
    last: int | None
    folder: Path


class Worker:
    """A process that runs cases, and may die of it."""

    def __init__(self, plan: Plan) -> None:
        self.start(plan)

    def start(self, plan: Plan) -> None:
        """Run cases from one on."""
        spawn = multiprocessing.get_context("spawn")
        self.ears, mouth = spawn.Pipe(duplex=False)
        self.process = spawn.Process(target=work, args=(mouth, plan), daemon=True)
        self.process.start()
        mouth.close()
        self.plan = plan
        self.number: int | None = None
        self.begin()

    def begin(self) -> None:
        """Note that it begins one thing."""
        self.since, self.used = time.monotonic(), self.worked()

    def worked(self) -> float:
        """Seconds of the processor that the process has used."""
        try:
            told = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rsplit(")", 1)[1]
        except OSError:  # it is over
            return 0.0
        return sum(map(int, told.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def late(self) -> bool:
        """Tell whether it has been at one thing for too long."""
        most = STARTING if self.number is None else SECONDS
        return self.worked() - self.used > most or time.monotonic() - self.since > ASLEEP

    def lost(self, problem: str) -> Result:
        """Start again after the case that killed it."""
        self.process.join(1)
        self.process.kill()
        self.process.join()
        if self.number is None:
            sys.exit(f"no case could be run: {problem} (exit {self.process.exitcode})")
        number = self.number
        ended = "" if problem == LATE else f" (exit {self.process.exitcode})"
        self.start(self.plan._replace(first=number + self.plan.step))
        return Result(number, "?", problems=(problem + ended,))


def work(mouth: Connection, plan: Plan) -> None:
    """Run cases one after the other, and tell of each."""
    import fuzz_run  # noqa: PLC0415 - only the children load the library

    # What libraries write there themselves (a crash, a warning of GDAL) is told by other means.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    number = plan.first
    world = fuzz_run.World(lambda: mouth.send(number))
    fuzz_run.limit()
    while plan.last is None or number < plan.last:
        mouth.send(number)
        try:
            mouth.send(fuzz_run.run(world, plan.seed, number, plan.folder / str(number)))
        except Exception as problem:  # noqa: BLE001 - a fault of this script, told as such
            mouth.send((number, "?", "", (f"THE SCRIPT: {fuzz_run.crash(problem)}",)))
        number += plan.step
    mouth.send(None)


def run(options: argparse.Namespace) -> list[Result]:
    """Run cases until the time is over, or their number reached."""
    until = None if options.cases else time.monotonic() + 60 * options.minutes
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workers = [
            Worker(Plan(options.seed, first, options.jobs, options.cases, folder))
            for first in range(options.jobs)
        ]
        while workers and (until is None or time.monotonic() < until):
            ready = wait([each.ears for each in workers], timeout=1)
            for worker in list(workers):
                result = heard(worker, ready)
                if result == "end":
                    workers.remove(worker)
                elif isinstance(result, Result):
                    results.append(result)
                    if result.problems:
                        kept(result, folder, options.keep)
                        print(f"  {result.number}: {'; '.join(result.problems)}", flush=True)
        for worker in workers:
            worker.process.kill()
            worker.process.join()
    return sorted(results, key=lambda each: each.number)


def heard(worker: Worker, ready: list[object]) -> Result | str | None:
    """Take what a worker says: nothing new, a result, or its end."""
    if worker.ears not in ready:
        return worker.lost(LATE) if worker.late() else None
    try:
        said = worker.ears.recv()
    except EOFError:
        return worker.lost("the process died")
    worker.begin()
    if said is None:
        return "end"
    if isinstance(said, int):
        worker.number = said
        return None
    return Result(*said)


def kept(result: Result, folder: Path, keep: Path | None) -> None:
    """Keep the files of a case that went wrong."""
    place = folder / str(result.number)
    if keep is not None and place.exists():
        shutil.copytree(place, keep / str(result.number), dirs_exist_ok=True)
        text = "\n".join(result.problems)
        (keep / str(result.number) / "PROBLEM.txt").write_text(text, encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)


def report(results: list[Result], seconds: float) -> None:
    """Print the figures, and the problems, those that are alike together."""
    refused = [each for each in results if each.fault]
    wrong = [each for each in results if each.problems]
    accepted = len(results) - len(refused) - len([each for each in wrong if not each.fault])
    print(f"{len(results)} cases in {seconds / 60:.1f} minutes")
    print(f"{accepted} accepted, {len(refused)} refused, {len(wrong)} wrong")
    for reader, number in sorted(collections.Counter(each.reader for each in results).items()):
        print(f"  {number:6} {reader}")
    print("refused, by their first fault:")
    for key, number in collections.Counter(each.fault for each in refused).most_common():
        print(f"  {number:6} {key}")
    alike: dict[str, list[int]] = {}
    for each in wrong:
        for problem in each.problems:
            alike.setdefault(problem, []).append(each.number)
    for problem, numbers in sorted(alike.items(), key=lambda each: -len(each[1])):
        print(f"WRONG, {len(numbers)} cases ({', '.join(map(str, numbers[:5]))}): {problem}")


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that went wrong")
    parser.add_argument("--only", type=int, help="run one case here")
    options = parser.parse_args()
    if options.only is not None:
        import fuzz_run  # noqa: PLC0415 - not needed by the parent

        return fuzz_run.alone(options.seed, options.only, options.keep)
    before = time.monotonic()
    results = run(options)
    report(results, time.monotonic() - before)
    return int(any(each.problems for each in results))


if __name__ == "__main__":
    sys.exit(main())
