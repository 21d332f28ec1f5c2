"""Drawing a case of the fuzzing: the files, changed, the reader, and its options."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import fuzz_mutations as mutations
import fuzz_seeds as seeds

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

READERS: Final = {
    "flows": 50,
    "hospital": 14,
    "communes": 10,
    "bridges": 3,
    "cog": 5,
    "convert": 4,
    "check": 8,
}
LAYER_SUFFIXES: Final = (".geojson", ".gpkg", ".json", ".kml", ".fgb", ".shp")


@dataclass
class Case:
    """One case.

    Parameters
    ----------
    number
        Of the case: with the seed, it makes the case.
    reader
        Of `READERS`.
    files
        Content by name; the first is the one that is read.
    options
        Of the reader; a value ``file:NAME`` is a path, ``layer:NAME`` and ``cog:`` are loaded.
    grid
        The table, where it was written as plain delimited text and no byte was changed after.
    """

    number: int
    reader: str
    files: dict[str, bytes] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    grid: seeds.Grid | None = None


def bad_inputs(folder: Path) -> dict[str, bytes]:
    """Read the bad inputs that a reader may be given; huge ones are left to the tests."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.parent.name not in ("params", "exports")
        and path.stat().st_size < 2**18
    }


def drawn(seed: int, number: int, bad: dict[str, bytes], layers: dict[str, bytes]) -> Case:
    """Draw a case; the same seed and number give the same."""
    dice = random.Random(f"{seed}-{number}")
    reader = dice.choices(list(READERS), list(READERS.values()))[0]
    case = Case(number, reader)
    if reader in ("communes", "check"):
        _DRAWN[reader](case, dice, bad | {f"layers/{name}": layers[name] for name in layers})
    else:
        _DRAWN[reader](case, dice, bad)
    return case


def _chance(dice: Random, share: float) -> bool:
    return dice.random() < share


def _flows(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    options = case.options
    kind = dice.choice(("specialists", "specialists", "located", "bad", "bad"))
    _table(case, dice, kind, bad)
    options["on_unknown"] = dice.choice(("error", "aside", "aside", "external"))
    options["duplicates"] = dice.choice(("error", "sum", "first"))
    for name, share, values in (
        ("dash", 0.2, ("masked", "zero")),
        ("arrondissements", 0.2, ("city", "kept")),
        ("allow_new", 0.4, (True,)),
        ("masked_as", 0.2, (1, 5, 10)),
        ("year", 0.1, (2022, "2023", "x")),
        ("cog", 0.1, (1960, 2018, 2024, 2040)),
        ("activity", 0.1, ("dermatologie", "", "x" * 99)),
        ("activities", 0.1, ({"yeux": ["ophtalmologie", "é"]}, {"ORL": []}, {"": ["7"]})),
        ("allocation", 0.1, ("population", "uniform", "same")),
        ("sheet", 0.05, ("Sheet", "Notes", "Feuille1", "")),
    ):
        if _chance(dice, share):
            options[name] = dice.choice(values)
    if _chance(dice, 0.15):
        options["pmsi_codes"] = _table(case, dice, "pmsi_codes", bad, calm=0.6)
    if _chance(dice, 0.15):
        ours = ("residence", "activity", "practitioner", "destination", "patients", "amount")
        # A count that the caller gives as a name is his own.
        names = (*(case.grid or [["ps"]])[0], "x", *mutations.NAMES[:24])
        options["columns"] = {
            dice.choice((*ours, *ours, "year", "x")): dice.choice(names)
            for _ in range(dice.randrange(1, 3))
        }
    _layer_options(case, dice)


def _hospital(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    options = case.options
    _table(case, dice, "stays", bad)
    options["sites"] = _table(case, dice, "sites", bad, calm=0.6)
    if _chance(dice, 0.7):
        options["pmsi_codes"] = _table(case, dice, "pmsi_codes", bad, calm=0.6)
    options["allocation"] = dice.choice(("population", "uniform", "same"))
    options["whole"] = _chance(dice, 0.3)
    options["on_unknown"] = dice.choice(("error", "aside"))
    _layer_options(case, dice)


def _cog(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    name = _table(case, dice, dice.choice(("cog_list", "cog_events")), bad)
    case.files = {"v_commune_2024.csv": case.files.pop(name.removeprefix("file:"))}
    if _chance(dice, 0.5):
        other = _table(case, dice, "cog_events", bad, calm=0.6)
        case.files["v_mvtcommune_2024.csv"] = case.files.pop(other.removeprefix("file:"))


def _convert(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    _table(case, dice, dice.choice(("specialists", "bridges")), bad)
    case.options = {
        name: dice.choice((1943, 1975, 2003, 2018, 2024, 2024, 2030))
        for name in ("from_year", "to_year")
    }


def _check(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    for kind in dice.sample(list(seeds.TABLES), dice.randrange(1, 5)):
        _table(case, dice, kind, bad, calm=0.4)
    if _chance(dice, 0.5):
        _layer(case, dice, bad)
    case.options["on_unknown"] = dice.choice(("error", "aside", "external"))


def _bridges(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    _table(case, dice, "bridges", bad)


def _layer_options(case: Case, dice: Random) -> None:
    if _chance(dice, 0.4):
        case.options["communes"] = dice.choice(("layer:small", "layer:small", "layer:cvl"))
    if _chance(dice, 0.12):
        case.options["cog_table"] = "cog:"


def _layer(case: Case, dice: Random, bad: dict[str, bytes]) -> None:
    """Add a layer of communes, changed."""
    known = {
        name: content
        for name, content in bad.items()
        if name.startswith(("geometry", "layers", "maps")) or name.endswith(LAYER_SUFFIXES)
    }
    # GeoJSON first: it is what people have.
    names = [name for name in known if name.endswith(".geojson") or _chance(dice, 0.3)]
    plain = "layers/communes.geojson"
    name = dice.choice([*names, *[plain] * len(names)])
    content = known[name]
    if name.endswith("json") and _chance(dice, 0.8):
        content = mutations.mutated_json(dice, content)
    for _ in range(dice.choice((0, 0, 1, 3))):
        content = mutations.mutated_bytes(dice, content, known[plain])
    case.files[name.rsplit("/", 1)[-1]] = content


def _table(case: Case, dice: Random, kind: str, bad: dict[str, bytes], calm: float = 0.1) -> str:
    """Add a table, changed unless it stays calm; return its name as an option."""
    if kind == "bad" and not bad:
        kind = "located"
    if kind == "bad":
        tables = [name for name in bad if not name.startswith(("geometry", "layers", "maps"))]
        name = dice.choice(tables)
        content = bad[name]
        grid = _parsed(content, dice)
        name = name.rsplit("/", 1)[-1]
    else:
        grid, content, name = seeds.TABLES[kind](dice), b"", f"{kind}.csv"
    changed = not _chance(dice, calm)
    if grid is not None:
        for _ in range(dice.choice((1, 1, 1, 1, 2, 3)) if changed else 0):
            dice.choice(mutations.GRID)(dice, grid)
            # No name, no table: nothing else can be changed.
            grid = grid if grid and grid[0] else [["x"]]
        name, content, plain = _written(dice, name, grid)
        case.grid = grid if plain and not case.files else None
    if changed and _chance(dice, 0.15 if grid is not None else 0.8):
        case.grid = None if not case.files else case.grid
        other = seeds.as_csv(seeds.located(dice))
        for _ in range(dice.choice((1, 1, 2))):
            content = mutations.mutated_bytes(dice, content, other)
    if _chance(dice, 0.08):
        name, content = _packed(dice, name, content)
        case.grid = None if not case.files else case.grid
    case.files[name] = content
    return f"file:{name}"


def _parsed(content: bytes, dice: Random) -> seeds.Grid | None:
    """Cut a bad input into cells, half of the time, if it is text."""
    if _chance(dice, 0.5):
        return None
    try:
        text = content.decode("utf-8-sig")
        signs = {sign: text.count(sign) for sign in ";,\t|"}
        grid = list(csv.reader(io.StringIO(text), delimiter=max(signs, key=signs.__getitem__)))
    except (ValueError, csv.Error):
        return None
    return grid if grid and grid[0] else None


def _written(dice: Random, name: str, grid: seeds.Grid) -> tuple[str, bytes, bool]:
    """Write a table as a file of some kind; tell whether it is plain delimited text."""
    kind = dice.choices(("plain", "csv", "xlsx", "parquet", "ods"), (50, 20, 14, 12, 4))[0]
    stem = name.rsplit(".", 1)[0]
    if kind == "xlsx":
        changes = dice.sample(seeds.WORKBOOK_CHANGES, dice.choice((0, 1, 1, 2)))
        # A stray cell far away comes last: a million rows are slow to change.
        changes.sort(key=lambda each: each == "stray")
        return f"{stem}.xlsx", seeds.as_workbook(grid, dice, changes), False
    if kind == "ods":
        return f"{stem}.ods", seeds.as_ods(grid, dice), False
    if kind == "parquet":
        width = len(grid[0])
        body = [(row + [""] * width)[:width] for row in grid[1:]]
        kinds = {
            place: mutations.odd_column(dice, [row[place] for row in body])
            for place in range(width)
            if _chance(dice, 0.3)
        }
        return f"{stem}.parquet", seeds.as_parquet(grid, kinds), False
    if kind == "csv":
        content = seeds.as_csv(
            grid,
            delimiter=dice.choice(";,\t|:"),
            newline=dice.choice(("\n", "\r\n", "\r", "\n\n")),
            encoding=dice.choice(seeds.ENCODINGS),
            quoting=dice.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
        )
        return name, content, False
    return name, seeds.as_csv(grid), True


def _packed(dice: Random, name: str, content: bytes) -> tuple[str, bytes]:
    if _chance(dice, 0.4):
        packed = seeds.gzipped(content)
        return f"{name}.gz", packed if _chance(dice, 0.7) else packed[:-9] + b"\0"
    members = {dice.choice((name, "../x.csv", "C:\\x", "a/b.csv", "é\n.csv", "")): content}
    if _chance(dice, 0.5):
        members |= {dice.choice(("__MACOSX/._x", "b.csv", "x.zip", "d/")): b"x"}
    return f"{name}.zip", seeds.zipped(members)


_DRAWN: Final = {
    "flows": _flows,
    "hospital": _hospital,
    "communes": _layer,
    "bridges": _bridges,
    "cog": _cog,
    "convert": _convert,
    "check": _check,
}
