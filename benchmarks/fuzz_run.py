"""Running a case of the fuzzing: read twice, and everything that comes out is looked at."""

from __future__ import annotations

import json
import math
import random
import re
import resource
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fuzz_cases
import fuzz_seeds
import geopandas as gpd
import openpyxl  # noqa: F401 - loaded before memory is limited
import pandas as pd

import territories as tt
from territories import check
from territories._words import using

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz_cases import Case

    from territories._words import Sentence

SHARED: Final = Path(__file__).parents[2] / "shared" / "data"
MEMORY: Final = 2 * 1024**3
LONGEST: Final = 5_000

_PRACTITIONER: Final = re.compile(r"PS\W{0,2}[0-9]{3,}", re.IGNORECASE)
_QUOTED_COUNT: Final = re.compile(r"['«\"]\s?(?:[1-9]|10)\s?['»\"]")
_UNFILLED: Final = re.compile(r"\{[a-z_]+\}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

COLUMNS: Final = {"residence", "activity", "patients"}
OPTIONAL: Final = {"practitioner", "destination", "amount", "department", "masked"}


class World:
    """What all cases share, read once."""

    def __init__(self, beat: Callable[[], None] = lambda: None) -> None:
        self.beat = beat
        self.bad: dict[str, bytes] = {}
        self.layers: dict[str, gpd.GeoDataFrame] = {}
        self.layer_files = fuzz_seeds.layer_files()
        small = fuzz_seeds.layer().rename(columns={"nom": "name", "pop2021": "population"})
        small = small.set_index("code").to_crs("EPSG:2154")
        small.attrs = {"file": "small.geojson", "cog": 2024}
        self.layers = {"small": small, "cvl": small}
        self.cog = None
        events = ["DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"]
        self.no_cog = pd.DataFrame([["2024-01-01", "COM", "45234", "COM", "45234"]], columns=events)
        if SHARED.is_dir():
            self.bad = fuzz_cases.bad_inputs(SHARED / "badinputs")
            self.layers["cvl"] = tt.read_communes(
                SHARED / "cvl" / "communes_cvl_2024.geojson", cog=2024
            )
            self.cog = tt.read_cog(SHARED / "france")


def limit() -> None:
    """Limit memory to 2 GB more than the libraries have mapped."""
    mapped = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(
    world: World, seed: int, number: int, folder: Path
) -> tuple[int, str, str, tuple[str, ...]]:
    """Run a case in a folder, which is left there if something went wrong."""
    case = fuzz_cases.drawn(seed, number, world.bad, world.layer_files)
    shutil.rmtree(folder, ignore_errors=True)  # of a process that died in it
    write(case, folder)
    told = f"{case.reader} {list(case.files)} {case.options}"
    (folder / "CASE.txt").write_text(told, encoding="utf-8", errors="replace")
    unraised: list[str] = []
    sys.unraisablehook = lambda found: unraised.append(f"unraisable {found.exc_type.__name__}")
    key, problems = "", []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            key, problems = looked_at(case, folder, world)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is what we look for
            problems = [crash(problem)]
    problems += unraised
    if not problems:
        shutil.rmtree(folder)
    return number, case.reader, key, tuple(problems)


def write(case: Case, folder: Path) -> None:
    """Write the files of a case into a new folder."""
    folder.mkdir(parents=True)
    for name, content in case.files.items():
        (folder / name.replace("\0", "")).write_bytes(content)


def alone(seed: int, number: int, keep: Path | None) -> int:
    """Run one case here, and show all of it."""
    world = World()
    case = fuzz_cases.drawn(seed, number, world.bad, world.layer_files)
    folder = (keep or Path(tempfile.gettempdir()) / "fuzz-only") / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    write(case, folder)
    print(case.reader, {name: len(each) for name, each in case.files.items()}, case.options)
    print(folder)
    warnings.simplefilter("error")
    key, problems = looked_at(case, folder, world)
    print(key or "accepted", *problems, sep="\n")
    return int(bool(problems))


def crash(problem: BaseException) -> str:
    """Name an exception, with the last line of the library that it went through."""
    lines = [
        f"{Path(each.filename).name}:{each.lineno} {each.name}"
        for each in traceback.extract_tb(problem.__traceback__)
        if "territories" in each.filename or "benchmarks" in each.filename
    ]
    return f"{type(problem).__name__}: {str(problem)[:160]!r} at {lines[-1] if lines else '?'}"


def looked_at(case: Case, folder: Path, world: World) -> tuple[str, list[str]]:
    """Read the files of a case; return the first fault if it is refused, and what is wrong."""
    first, refusal = attempt(case, folder, world)
    again, refused_again = attempt(case, folder, world)
    problems = []
    if refusal is not None:
        key = refusal.faults[0].key if refusal.faults else "none"
        problems += words_of(refusal.faults)
        if not refusal.faults:
            problems.append("a refusal without faults")
        if refused_again is None or both(refusal.faults) != both(refused_again.faults):
            problems.append(f"refused otherwise the second time: {key}")
        problems += reshuffled(case, folder, world, {each.key for each in refusal.faults})
        return key, problems
    if fingerprint(first) != fingerprint(again):
        problems.append("not the same the second time")
    problems += checked(first, case)
    problems += reshuffled(case, folder, world, fingerprint(first))
    return "", problems


def attempt(case: Case, folder: Path, world: World) -> tuple[Any, tt.TerritoriesError | None]:
    """Read the files of a case, or be refused."""
    world.beat()
    try:
        return read(case, folder, world), None
    except tt.TerritoriesError as refusal:
        return None, refusal


def read(case: Case, folder: Path, world: World) -> Any:  # noqa: ANN401 - of seven readers
    """Read the files of a case."""
    options = {name: loaded(value, folder, world) for name, value in case.options.items()}
    paths = [folder / name.replace("\0", "") for name in case.files]
    if case.reader == "convert":
        grid = case.grid or [["x"]]
        cells = [cell for row in grid[1:] for cell in row]
        return tt.codes.convert(cells, table=world.cog or world.no_cog, **options)
    if case.reader == "check":
        accounts, faults = check.check_files(paths, **options)
        if faults and not accounts:
            raise tt.InputError(*faults)
        return [*accounts, *faults]
    reader: Callable[..., Any] = getattr(tt, f"read_{case.reader}")
    return reader(paths[0], **options)


def loaded(value: object, folder: Path, world: World) -> object:
    """Return an option: a path, a layer, a table or what it is."""
    if isinstance(value, str) and value.startswith("file:"):
        return folder / value.removeprefix("file:").replace("\0", "")
    if isinstance(value, str) and value.startswith("layer:"):
        return world.layers[value.removeprefix("layer:")]
    return world.cog if value == "cog:" else value


def fingerprint(found: object) -> object:
    """Return what must be the same when the same file is read again, or its rows shuffled."""
    if isinstance(found, tt.Flows):
        dtypes = found.table.dtypes.astype("str").to_dict()
        return found.table.to_csv(index=False), str(dtypes)
    if isinstance(found, gpd.GeoDataFrame):
        return found.to_wkb().to_csv()
    if isinstance(found, pd.DataFrame):
        return found.sort_values(list(found.columns)).to_csv(index=False)
    return repr(found)


def reshuffled(case: Case, folder: Path, world: World, expected: object) -> list[str]:
    """Read plain text again with its rows shuffled: the same table, or the same faults."""
    if (
        case.grid is None
        or case.reader not in ("flows", "hospital", "bridges")
        or case.options.get("duplicates") == "first"  # which is the first depends on the order
        or len(case.grid) < 3
        or not is_plain(case.grid)
    ):
        return []
    rows = [row for row in case.grid[1:] if any(cell.strip() for cell in row)]
    dice = random.Random(case.number)
    (folder / "shuffled").mkdir(exist_ok=True)
    for name, content in case.files.items():
        (folder / "shuffled" / name).write_bytes(content)
    content = fuzz_seeds.as_csv([case.grid[0], *dice.sample(rows, len(rows))])
    (folder / "shuffled" / next(iter(case.files))).write_bytes(content)
    found, refusal = attempt(case, folder / "shuffled", world)
    now = {each.key for each in refusal.faults} if refusal else fingerprint(found)
    if now == expected:
        return []
    kinds = [str(sorted(each)) if isinstance(each, set) else "a table" for each in (expected, now)]
    return [f"another result with its rows shuffled: {kinds[0]}, then {kinds[1]}"]


def is_plain(grid: fuzz_seeds.Grid) -> bool:
    """Tell whether a table has its names first and no row, title or note of another width."""
    width = len(grid[0])
    words = [cell for row in grid[1:] for cell in row if cell.strip()]
    return (
        width > 2
        and all(len(row) == width for row in grid)
        and all(sum(cell.strip() != "" for cell in row) != 1 for row in grid)
        and not any(set(cell) & set('\n\r"\0') for row in grid for cell in row)
        and not any(cell in grid[0] for cell in words)
        and not any(cell.strip() in fuzz_cases.mutations.NAMES for cell in words)
    )


def checked(found: Any, case: Case) -> list[str]:  # noqa: ANN401 - of seven readers
    """Look at what was read."""
    if isinstance(found, tt.Flows):
        problems = [*table_of(found), *account_of(found.reconciliation, found.table)]
        if case.grid is not None and case.reader == "flows" and is_plain(case.grid):
            rows = sum(any(cell.strip() for cell in row) for row in case.grid[1:])
            if rows != found.reconciliation.rows_in:
                problems.append("rows in are not the rows of the file")
        return [*problems, *followed(found)]
    if isinstance(found, gpd.GeoDataFrame):
        return [*layer_of(found), *account_of(found.attrs["reconciliation"], None)]
    if isinstance(found, list):
        accounts = [each for each in found if isinstance(each, tt.Reconciliation)]
        faults = [each for each in found if not isinstance(each, tt.Reconciliation)]
        return [*words_of(faults), *(line for each in accounts for line in account_of(each, None))]
    if case.reader == "convert":
        return converted(found)
    return said([repr(found)] if not isinstance(found, pd.DataFrame) else [])


def converted(found: pd.DataFrame) -> list[str]:
    """Check a conversion: parts make one, or are unknown."""
    sums = found.groupby("code")["share"].agg(["sum", "count", "size"])
    whole = sums["count"] == sums["size"]
    right = (sums["sum"] - 1).abs() < 1e-9
    return [] if (right | ~whole).all() else ["parts of a code do not make one"]


def table_of(flows: tt.Flows) -> list[str]:
    """Check a table of flows against what `Flows` documents."""
    table = flows.table
    names = set(table.columns)
    keys = sorted(names & {"residence", "activity", "practitioner", "destination"})
    problems = [
        problem
        for problem, wrong in (
            ("a column is not as documented", not names >= COLUMNS or names - COLUMNS - OPTIONAL),
            ("both practitioner and destination, or none", len(keys) != 3),
            ("a key is missing or empty", table[keys].isna().any(axis=None)),
            ("a key is empty text", (table[keys].astype("str") == "").any(axis=None)),
            ("patients are not finite", not table["patients"].map(math.isfinite).all()),
            ("patients are negative", (table["patients"] < 0).any()),
            ("keys stand twice", table[keys].duplicated().any()),
            ("no row", table.empty),
        )
        if wrong
    ]
    bounds = flows.bounds()
    if (bounds["low"] > bounds["high"] + 1e-9).any() or (bounds["low"] < -1e-9).any():
        problems.append("bounds are crossed or negative")
    return problems


def account_of(account: tt.Reconciliation, table: pd.DataFrame | None) -> list[str]:
    """Check that an account balances, and what it shows."""
    problems = []
    rows = sum(rows for rows, _ in account.reasons.values())
    patients = math.fsum(patients for _, patients in account.reasons.values())
    if rows != account.rows_aside or account.rows_kept < 0:
        problems.append("rows of the account do not balance")
    if not near(patients, account.patients_aside):
        problems.append("patients of the account do not balance")
    if table is not None and not near(math.fsum(table["patients"]), account.patients_kept):
        problems.append("patients kept are not those of the table")
    texts = []
    for language in ("fr", "en"):
        with using(language):
            record = account.record()
            texts += [json.dumps(record, allow_nan=False, ensure_ascii=False), repr(account)]
            texts += [account.table().to_string(), account._repr_html_()]
            texts += [*map(str, account.notices)]
            shown = [each["patients"] for each in record["reasons"].values()]
            shown += [record[f"patients_{name}"] for name in ("in", "kept", "aside")]
            if any(each is not None and 0 < each < 11 for each in shown):
                problems.append("a small number of patients is shown")
    return [*problems, *words_of(account.notices), *said(texts)]


def near(one: float, other: float) -> bool:
    """Tell whether two sums are the same to a millionth."""
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)


def followed(flows: tt.Flows) -> list[str]:
    """Go on with flows as a run does, and look at that too."""
    placed = flows.located()
    problems = account_of(placed.reconciliation, placed.table)
    if placed.table.empty:
        return problems
    if placed.communes is not None:
        placed = placed.grouped()
    poles = tt.dominant_poles(placed)
    agreement = tt.concordance(poles)
    texts = [repr(placed), repr(poles), repr(flows)]
    shares = pd.concat([poles.table["share"], poles.table["margin"], agreement["share"]]).dropna()
    if not shares.between(-1e-9, 1 + 1e-9).all():
        problems.append("a share of poles is not in [0, 1]")
    return [*problems, *said(texts)]


def layer_of(communes: gpd.GeoDataFrame) -> list[str]:
    """Check a layer of communes against its contract."""
    return [
        problem
        for problem, wrong in (
            ("the layer is empty", communes.empty),
            ("codes of the layer stand twice", communes.index.duplicated().any()),
            ("codes of the layer are not in order", not communes.index.is_monotonic_increasing),
            ("the population is negative", (communes["population"] < 0).any()),
            ("an outline is not a surface", not ((communes.area > 0) | communes.is_empty).all()),
            ("an outline is not valid", not communes.is_valid.all()),
            ("an outline is not finite", not communes.area.map(math.isfinite).all()),
        )
        if wrong
    ]


def both(faults: tuple[Sentence, ...]) -> list[str]:
    """Write faults in both languages."""
    written = []
    for language in ("fr", "en"):
        with using(language):
            written += [str(each) for each in faults]
    return written


def words_of(faults: tuple[Sentence, ...] | list[Sentence]) -> list[str]:
    """Check what is said in both languages: filled, in one line, and not about people."""
    problems = []
    for language in ("fr", "en"):
        with using(language):
            for each in faults:
                text = str(each)
                for problem, wrong in (
                    ("is empty", not text.strip()),
                    (
                        "has a place that is not filled",
                        _UNFILLED.search(text.replace("{file}", "").replace("{ours}", "")),
                    ),
                    ("has control signs or several lines", _CONTROL.search(text)),
                    ("is long", len(text) > LONGEST),
                    ("quotes a count", _QUOTED_COUNT.search(text)),
                ):
                    if wrong:
                        problems.append(f"{each.key} {problem}")
                problems += [f"{each.key}: {line}" for line in said([text])]
    return list(dict.fromkeys(problems))


def said(texts: list[str]) -> list[str]:
    """Check that no number of a practitioner is said."""
    return ["a practitioner's number is said"] * any(map(_PRACTITIONER.search, texts))
