"""Kills of runs over an older result, and disks that are full: what is left of the files.

``python benchmarks/kills.py [--kills 200] [--limits 200] [--spawned 20] [--seed 0]``

A run of the command line over an older result is ended by SIGKILL: a third of the times at any
moment of it, a third while its files are drafted, a third while they are put in place. Each file
must be the old one or the new one, whole; where there are some of both, the mark must name them;
and the next run must work and leave nothing but its files. Then the same with a limit of the size
of files in place of a full disk, from nothing to the largest file: the run says so in one message
and changes nothing, or there was room. Processes are forks of this one (the run is the same, its
imports and what it computes are there), `--spawned` of them programs of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

TESTS: Final = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import layers  # noqa: E402 - of the tests

from territories import pipeline  # noqa: E402
from territories._writing import MARK, incomplete  # noqa: E402
from territories.cli import main  # noqa: E402
from territories.pipeline import FILES, OUTPUTS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST: Final = 300.0  # seconds that a run may take, beside others
OVER: Final = "over before"
WHEN: Final = ("any", "draft", "place")

FEWER: Final = ("--runs", "5")  # draws of the stability: the files are the same in kind

Contents = dict[str, bytes]


@dataclass(frozen=True)
class Place:
    """A folder with an older result, the run that replaces it, and what both are."""

    out: Path
    words: tuple[str, ...]
    old: Contents
    new: Contents

    def reset(self) -> None:
        """Put the older result there, and nothing else."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        for name, content in self.old.items():
            (self.out / name).write_bytes(content)


def contents(folder: Path) -> Contents:
    """Read the visible files of a folder."""
    found = (each for each in folder.iterdir() if not each.name.startswith("."))
    return {each.name: each.read_bytes() for each in sorted(found)}


def prepared(folder: Path) -> Place:
    """Write the inputs of a small region and two results; the older has a report and a page too."""
    inputs = folder / "inputs"
    inputs.mkdir()
    options = layers.as_options(layers.write_region(inputs))
    results = []
    for number in ("2", "3"):
        out = folder / "once" / number
        words = ("run", *options, *FEWER, "--territories", number, "--out", str(out))
        done = subprocess.run(
            [sys.executable, "-m", "territories", *words],
            check=True,
            text=True,
            capture_output=True,
        )
        assert not done.stderr, done.stderr  # noqa: S101
        results.append(contents(out))
    with contextlib.redirect_stdout(io.StringIO()):
        keep_computed()
        main([*words[:-1], str(folder / "warm")])  # what forks begin with
    extra = {name: f"the old {name}".encode() for name in ("report.html", "editor.html")}
    out = folder / "out"
    words = ("run", *options, *FEWER, "--territories", "3", "--overwrite", "--out", str(out))
    older = Place(out, words, results[0] | extra, results[1])
    older.reset()
    # The register of exports follows the result that is replaced.
    subprocess.run([sys.executable, "-m", "territories", *words], check=True, capture_output=True)
    return replace(older, new=contents(out))


def keep_computed() -> None:
    """Let forks have what a run computes: it is the writing that is tried."""
    real, computed = pipeline.compute, list[pipeline.Run]()

    def compute(settings: pipeline.Settings, **options: Any) -> pipeline.Run:  # noqa: ANN401
        if not computed:
            computed.append(real(settings, **options))
        return computed[0]

    pipeline.compute = compute


@dataclass
class Child:
    """A run under way."""

    number: int
    heard: int

    def wait(self) -> tuple[int, str]:
        """Return how it ended (negative: by which signal) and what it said."""
        with os.fdopen(self.heard, "rb") as pipe:
            told = pipe.read().decode("utf-8", errors="replace")
        _, status = os.waitpid(self.number, 0)
        return os.waitstatus_to_exitcode(status), told

    @property
    def over(self) -> bool:
        """Tell whether it has ended; it can still be waited for."""
        return os.waitid(os.P_PID, self.number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def begun(words: tuple[str, ...], *, limit: int | None = None, spawned: bool = False) -> Child:
    """Begin a run, its words on errors kept, with a limit of the size of files or none."""
    hear, tell = os.pipe()
    number = os.fork()
    if number:
        os.close(tell)
        return Child(number, hear)
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(tell, 2)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if spawned:
            os.execv(sys.executable, [sys.executable, "-m", "territories", *words])  # noqa: S606
        os._exit(main(words))
    finally:
        os._exit(99)


def faults_of(place: Place) -> list[str]:
    """List what is wrong with the files that a kill left: none is half, none is missing."""
    found = contents(place.out)
    wrong = [
        f"{name}: neither the old one nor the new one"
        for name in sorted({*OUTPUTS, *found} - {MARK})
        if found.get(name) not in (place.old.get(name), place.new.get(name))
    ]
    named = set(incomplete(place.out))
    shown = {name: content for name, content in found.items() if name != MARK}
    if shown not in (place.old, place.new):
        changed = {each for each in OUTPUTS if place.old.get(each) != place.new.get(each)}
        if not named >= changed:
            wrong.append(f"of two runs, and not said of {sorted(changed - named)}")
    return wrong


def next_faults(place: Place, *, spawned: bool = False) -> list[str]:
    """List what is wrong with the next run."""
    code, told = begun(place.words, spawned=spawned).wait()
    left = sorted(each.name for each in place.out.iterdir())
    wrong = []
    if code or told:
        wrong.append(f"the next run ends with {code}: {told}")
    if left != sorted(FILES):
        wrong.append(f"the next run leaves {left}")
    elif contents(place.out) != place.new:
        wrong.append("the next run writes something else")
    return wrong


def waited(child: Child, sign: Callable[[], bool], *, pause: float = 0.002) -> None:
    """Wait until there is a sign in the folder, or the run is over."""
    end = time.monotonic() + LONGEST
    while not child.over and not sign() and time.monotonic() < end:
        time.sleep(pause)


def killed(
    place: Place, when: str, dice: random.Random, spans: Mapping[str, float], *, spawned: bool
) -> str:
    """Kill a run at a random moment; tell what it left."""
    child = begun(place.words, spawned=spawned)
    if when == "draft":
        waited(child, lambda: any(place.out.glob(".territories-run.[!l]*")))
    elif when == "place":
        waited(child, lambda: any(place.out.glob(".territories-run.[!l]*")))
        waited(child, (place.out / MARK).exists, pause=0.0002)
    time.sleep(dice.uniform(0, spans["spawned" if spawned and when == "any" else when]))
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.number, signal.SIGKILL)
    code, _ = child.wait()
    shown = {name: each for name, each in contents(place.out).items() if name != MARK}
    if code != -signal.SIGKILL:
        return OVER
    if (place.out / MARK).exists():
        return "marked incomplete"
    return "old" if shown == place.old else "new"


def spans_of(place: Place) -> dict[str, float]:
    """Measure how long a run takes, its drafting and its putting in place, in seconds."""
    spans = {}
    for spawned in (True, False):
        place.reset()
        start = time.monotonic()
        child = begun(place.words, spawned=spawned)
        waited(child, lambda: any(place.out.glob(".territories-run.[!l]*")))
        drafts = time.monotonic()
        waited(child, (place.out / MARK).exists, pause=0.0002)
        marked = time.monotonic()
        waited(child, lambda: not (place.out / MARK).exists(), pause=0.0002)
        ended = time.monotonic()
        child.wait()
        spans["spawned" if spawned else "any"] = time.monotonic() - start
    return spans | {"draft": marked - drafts, "place": ended - marked}


def try_kills(place: Place, count: int, spawned: int, seed: int) -> list[str]:
    """Kill runs, and print what was left."""
    dice = random.Random(seed)
    spans = spans_of(place)
    wrong: list[str] = []
    states: Counter[tuple[str, str]] = Counter()
    for turn in range(count):
        when = WHEN[turn % len(WHEN)]
        alone = turn < spawned
        state = OVER
        while state == OVER:  # the run was faster than the moment drawn: no kill
            place.reset()
            state = killed(place, when, dice, spans, spawned=alone)
        states[when, state] += 1
        faults = faults_of(place) + next_faults(place, spawned=alone)
        wrong += [f"kill {turn} ({when}): {each}" for each in faults]
        print(f"\r{turn + 1} tried, {len(wrong)} faults {dict(states)}", end="", file=sys.stderr)
    good = count - len({each.split(":")[0] for each in wrong})
    print(f"kills: {good} of {count} leave each file old or new, and the next run works")
    for (when, state), number in sorted(states.items()):
        print(f"  killed at {when}: {state}: {number}")
    return wrong


def try_limits(place: Place, count: int, spawned: int, seed: int) -> list[str]:
    """Run with limits of the size of files, and print what came of it."""
    dice = random.Random(seed)
    largest = max(map(len, place.new.values()))
    wrong: list[str] = []
    states: Counter[str] = Counter()
    for turn in range(count):
        # As many small limits as large ones: each file has its turn to be the first to fail.
        limit = round(largest ** dice.uniform(0.3, 1.03))
        place.reset()
        code, told = begun(place.words, limit=limit, spawned=turn < spawned).wait()
        found = contents(place.out)
        faults = []
        if code == 0 and found == place.new:
            states["room enough: new"] += 1
        elif code == 1 and found == place.old:
            states["refused: old"] += 1
            lines = told.strip().splitlines()
            if len(lines) != 2 or "Traceback" in told:
                faults.append(f"not one message: {told}")
        else:
            faults.append(f"ends with {code}, {told}, files {sorted(found)}")
        if any(each.name.startswith(".") for each in place.out.iterdir()):
            faults.append("something is left")
        faults += faults_of(place) + next_faults(place)
        wrong += [f"limit {turn} ({limit} bytes): {each}" for each in faults]
        print(f"\r{turn + 1} tried, {len(wrong)} faults {dict(states)}", end="", file=sys.stderr)
    good = count - len({each.split(":")[0] for each in wrong})
    print(f"limits of size: {good} of {count} leave all files old or all new, and the next works")
    for state, number in sorted(states.items()):
        print(f"  {state}: {number}")
    return wrong


def command() -> int:
    """Do all of it; return 1 if anything was wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    for name, number in {"kills": 200, "limits": 200, "spawned": 20, "seed": 0}.items():
        asked.add_argument(f"--{name}", type=int, default=number)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = prepared(Path(folder))
        wrong = try_kills(place, given.kills, given.spawned, given.seed) if given.kills else []
        wrong += try_limits(place, given.limits, given.spawned, given.seed) if given.limits else []
    for each in wrong:
        print(each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(command())
