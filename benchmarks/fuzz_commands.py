"""Random command lines and changed files of the workshop, ending with nothing but our own words.

    python benchmarks/fuzz_commands.py --minutes 60 --seed 0
    python benchmarks/fuzz_commands.py --only 137     # one case again, with its traceback

A case is a command with random options and values, right or wrong, on a small region; or `apply`,
`edit` and `report` on the files of a run (the log of a meeting, the draft, the record, the
settings), some of whose bytes, values and branches are changed. It is wrong when it ends with
anything else than 0, 1 or 2, with an exception, without a word of why, or with a practitioner's
number; or when a refusal left something behind. A seed and a number always give the same case.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import geopandas as gpd
import shapely

from territories._options import commands
from territories.cli import main as territories

if TYPE_CHECKING:
    from random import Random

SIDE: Final = 5
WHO: Final = re.compile(r"ZQPS[0-9]{3}")

# What no command needs, or what goes to the network.
LEFT_OUT: Final = ("fetch", "warmup", "demo", "scales")

# Files of a run that are changed.
CHANGED: Final = (".json", ".csv", ".geojson", ".gpkg")

WORDS: Final = (
    *("", " ", "-", "--", "x", "é" * 300, "00001", "00001,00002", "00001+00002", "a=b", "=", "a="),
    *(
        "residence=ps",
        "patients=ps",
        "activity=nb_patients",
        "NaN",
        "inf",
        "-1",
        "0",
        "1",
        "2",
        "3",
    ),
    *("7", "1e9", "1e400", "9" * 40, "1.5", "2024", "2023-2021", "leiden", "ward", "dartmouth"),
    *("self_containment", "plurality", "intramax", "\x1b[31m", "\u202e", "%s%n", "{x}", "{0}"),
    *("../../etc/passwd", "C:\\x", "/dev/null", "/proc/self/mem", "http://x.org/a.csv", "#name"),
    *("nom=fichier.csv#colonne", "[[[[", "population", "metre", "EPSG:2154", "2GB", "10TB", "1B"),
)


def region(folder: Path) -> dict[str, Path]:
    """Write the files of a square country of two towns, each with practitioners of its own."""
    folder.mkdir(parents=True)
    places = [(x, y) for x in range(SIDE) for y in range(SIDE)]
    codes = [f"{place + 1:05d}" for place in range(len(places))]
    corner = shapely.Point(600_000, 6_700_000)
    shapes = [
        shapely.box(*(corner.x + 1000 * x, corner.y + 1000 * y, corner.x + 1000 * (x + 1),
                      corner.y + 1000 * (y + 1)))
        for x, y in places
    ]  # fmt: skip
    layer = gpd.GeoDataFrame(
        {"code": codes, "nom": codes, "population": 3_000}, geometry=shapes, crs="EPSG:2154"
    )
    files = {name: folder / f"{name}.csv" for name in ("flows", "located", "bridges", "locked")}
    files |= {"communes": folder / "communes.geojson", "log": folder / "log.csv"}
    files |= {"config": folder / "config.toml", "supply": folder / "supply.csv"}
    layer.to_crs("EPSG:4326").to_file(files["communes"], driver="GeoJSON")
    lines = ["commune_residence;specialite;ps;departement_ps;nb_patients;montant"]
    for place, code in enumerate(codes):
        for town in (codes[6], codes[18]):
            near = (place < len(codes) // 2) == (town == codes[6])
            least = 300 if code == town else 40 if near else 3
            lines += [
                f"{code};orl;ZQPS{each}{town[-2:]};00;{least + each};12,50" for each in range(4)
            ]
    text = {
        "flows": lines,
        "located": ["residence;destination;specialite;patients"]
        + [f"{code};{codes[6]};orl;{20 + place}" for place, code in enumerate(codes)],
        "bridges": ["left;right", f"{codes[0]};{codes[9]}"],
        "locked": ["code;territoire", f"{codes[0]};T1", f"{codes[24]};T2"],
        "supply": ["code;specialite;effectif", f"{codes[6]};orl;9", f"{codes[18]};orl;2"],
        "log": [
            "ordre;action;commune;territoire;cible;auteur;motif",
            f"1;déplacer;{codes[12]};;{codes[6]};A;B",
            f"2;déplacer;{codes[11]};;{codes[18]};A;=1+1",
        ],
        "config": ["territories = 2", "min_population = 1000", "[columns]"],
    }
    for name, rows in text.items():
        files[name].write_text("\n".join(rows) + "\n", encoding="utf-8")
    return files


def mutated(content: bytes, dice: Random, *, name: str) -> bytes:
    """Change some of a file: bytes, lines, or branches of a JSON."""
    if name.endswith(".json") and dice.random() < 0.7:
        with contextlib.suppress(ValueError, RecursionError):
            return json.dumps(branch(json.loads(content), dice)).encode()
    kind = dice.choice(["bytes", "lines", "cells", "cut", "deep", "nothing", "empty"])
    lines = content.split(b"\n")
    if kind == "bytes":
        changed = bytearray(content)
        for _ in range(dice.randint(1, 8)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        return bytes(changed)
    if kind == "lines":
        at = dice.randrange(len(lines))
        lines[at:at] = [dice.choice(lines)] * dice.choice([1, 2, 50])
        dice.shuffle(lines)
    elif kind == "cells":
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(lines))
            cells = lines[at].split(b";")
            cells[dice.randrange(len(cells))] = dice.choice(WORDS).encode("utf-8", "replace")
            lines[at] = b";".join(cells)
    elif kind == "cut":
        return content[: dice.randrange(len(content) + 1)]
    elif kind == "deep":
        depth = dice.choice([50, 2_000, 200_000])
        opening, closing = dice.choice([(b"[", b"]"), (b'{"a":', b"}"), (b"a=[", b"]")])
        return opening * depth + b"1" + closing * depth
    elif kind == "empty":
        return b""
    return b"\n".join(lines)


def branch(value: Any, dice: Random) -> Any:  # noqa: ANN401 - a JSON
    """Change one branch of a JSON."""
    if dice.random() < 0.15 or not isinstance(value, dict | list) or not value:
        odd: list[Any] = [None, True, -1, 1e308, 10**30, "", [], {}, [[]], "x" * 5000, "00001"]
        return dice.choice([*odd, dice.choice(WORDS)])
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = dice.choice(list(keys))
    changed = value.copy()
    if dice.random() < 0.15:
        del changed[key]
    else:
        changed[key] = branch(value[key], dice)
    return changed


class World:
    """The region, a run of it, and the commands there are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = region(folder / "in")
        self.run = folder / "run"
        words = [*self.given(), "--runs", "2", "--territories", "2", "--min-population", "1000"]
        if territories(["run", *words, "--out", str(self.run)]):
            sys.exit("the run that is changed could not be made")
        group = commands(collections.defaultdict(lambda: lambda **_: None))
        self.commands = {
            name: each.params for name, each in group.commands.items() if name not in LEFT_OUT
        }

    def given(self) -> list[str]:
        """Name the inputs of the run."""
        return ["--communes", str(self.files["communes"]), "--flows", str(self.files["flows"])]

    def drawn(self, dice: Random, place: Path) -> list[str]:
        """Draw a command line; its files are in a folder of its own."""
        files = {name: Path(shutil.copy(path, place)) for name, path in self.files.items()}
        run = Path(shutil.copytree(self.run, place / "run"))
        changed = dice.random()
        if changed < 0.5:
            # What is read again most, twice; then all that a run wrote.
            pool = [*files.values(), run / "run.json", run / "draft.json", run / "communes.csv"]
            pool += sorted(each for each in run.iterdir() if each.suffix in CHANGED)
            for path in dice.sample(pool, dice.choice([1, 1, 2])):
                path.write_bytes(mutated(path.read_bytes(), dice, name=path.name))
        name = dice.choice(["apply"] * 3 + ["edit", "report"] + list(self.commands))
        inputs = ["--communes", str(files["communes"]), "--flows", str(files["flows"])]
        words = {
            "apply": [str(run), str(files["log"]), *inputs, "--out", str(place / "out")],
            "edit": [str(run), *inputs, "--out", str(place / "out.html")],
            "report": [str(run), *inputs],
            "maps": [str(run), *inputs, "--format", "png", "--size", "A4"],
            "run": [*inputs, "--territories", "2", "--min-population", "1000",
                    "--runs", "1", "--out", str(place / "out")],
            "evaluate": [str(run / "communes.csv"), *inputs, "--out", str(place / "out")],
            "check": [str(files["flows"]), "--communes", str(files["communes"])],
            "audit": [str(run)],
            "events": [str(files["flows"]), "--out", str(place / "out.parquet")],
        }.get(name, [])  # fmt: skip
        if dice.random() < 0.1:
            words = []
        options = [each for each in self.commands.get(name, []) if isinstance(each, click.Option)]
        for option in dice.sample(options, min(len(options), dice.choice([0, 1, 1, 2, 4]))):
            if option.name in ("help", "master", "backend", "crs"):
                continue
            words.append(option.opts[0])
            if not option.is_flag:
                words.append(self.value(option, dice, files, run))
        if dice.random() < 0.05:
            words.insert(dice.randrange(len(words) + 1), dice.choice(WORDS))
        return [name, *words]

    def value(self, option: click.Option, dice: Random, files: dict[str, Path], run: Path) -> str:
        """Draw the value of an option, of its kind half of the time."""
        if dice.random() < 0.3:
            return dice.choice(WORDS).replace("\0", "")
        if isinstance(option.type, click.Choice):
            return str(dice.choice(list(option.type.choices)))
        if isinstance(option.type, click.Path):
            inside = [run, run / "communes.csv", run / "territories.gpkg", run / "run.json"]
            places = [*files.values(), *inside, run.parent / "absent.csv"]
            if option.name == "out":
                places = [run, run.parent / "x" / "y", files["flows"], run / "z"]
            return str(dice.choice(places))
        numbers: dict[object, list[float]] = {
            click.INT: [-1, 0, 1, 2, 3, 5, 24, 1_000, 2_024, 10**12],
            click.FLOAT: [-1.0, 0.0, 0.5, 1.0, 3.0, 1e9, 1e-9],
        }
        return str(dice.choice(numbers.get(option.type, list(WORDS))))


def listed(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def looked_at(world: World, seed: int, number: int) -> tuple[str, str, list[str]]:
    """Run a case; return its command, how it ended and what is wrong."""
    dice = random.Random(f"{seed}/{number}")
    place = world.folder / "case"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    words = world.drawn(dice, place)
    before = listed(place)
    out, err = io.StringIO(), io.StringIO()
    problems = []
    code: int | None = None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        # Of ibis with the newest DuckDB; nothing that we call.
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
        try:
            outputs = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
            with outputs[0], outputs[1], contextlib.chdir(place):
                code = territories(words)
        except BaseException as problem:  # noqa: BLE001 - whatever it is, it is what we look for
            lines = traceback.extract_tb(problem.__traceback__)
            ours = [each for each in lines if "territories" in each.filename] or lines
            at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
            problems.append(f"{type(problem).__name__} at {at}: {str(problem)[:200]!r}")
    said = out.getvalue() + err.getvalue()
    if code is not None and code not in (0, 1, 2):
        problems.append(f"ended with {code}")
    if code in (1, 2) and not err.getvalue().strip():
        problems.append(f"ended with {code} without a word")
    if "Traceback" in said:
        problems.append("a trace was said")
    if WHO.search(said):
        problems.append("a practitioner's number was said")
    if code in (1, 2) and listed(place) != before:
        problems.append("a refusal left something behind")
    if warned:
        problems.append(f"warned: {warned[0].category.__name__}: {str(warned[0].message)[:120]}")
    reason = next((line for line in err.getvalue().splitlines()[1:] if line.strip()), "")
    return words[0], f"{code} {reason[:50]}" if code == 1 else str(code), problems


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="go on from this case")
    parser.add_argument("--only", type=int, help="run one case here")
    options = parser.parse_args()
    os.environ["TERRITORIES_DEBUG"] = "1"  # a failure is raised, and found
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        if options.only is not None:
            place = world.folder / "case"
            place.mkdir()
            print(world.drawn(random.Random(f"{options.seed}/{options.only}"), place))
            print(*looked_at(world, options.seed, options.only), sep="\n")
            return 0
        ended: collections.Counter[str] = collections.Counter()
        begun, number, wrong = time.monotonic(), options.first, 0
        while (
            number < options.first + options.cases
            if options.cases
            else time.monotonic() - begun < 60 * options.minutes
        ):
            command, end, problems = looked_at(world, options.seed, number)
            ended[f"{command}: {end}"] += 1
            wrong += bool(problems)
            for each in problems:
                print(f"  {number} {command}: {each}", flush=True)
            number += 1
        minutes = (time.monotonic() - begun) / 60
        print(f"{number - options.first} cases in {minutes:.1f} minutes, {wrong} wrong")
        for each, many in ended.most_common(60):
            print(f"  {many:6} {each}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
