"""What goes wrong with files: of their bytes, their text, their cells, their JSON, their types."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from fuzz_seeds import COMMUNES, LABELS, Grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

NASTY: Final = (
    *("", " ", "\u00a0", "\u202f", "\u2007", "0", "-0", "00", "1", "3", "7", "10", "11", "<11"),
    *("< 11", "<=10", "≤10", "1-10", "1 à 10", "[1-10]", "ns", "n.d.", "s", "*", "***", "-", "–"),
    *("NaN", "nan", "NA", "N/A", "#N/A", "null", "None", "inf", "-inf", "Infinity", "∞", "1e400"),
    *("-1e400", "1e-400", "1e3", "1E5", "1e", "9" * 30, "9" * 400, "9" * 5000, "<" + "9" * 5000),
    *("-5", "+5", "--5", "12.5", "12,5", "0,1", "0,2", "0,7", "1 500", "1\u202f500", "1.500"),
    *("1,500", "1.234.567,89", "1,234,567.89", "0x1F", "1_000", "½", "²", "١٢٣", "१२", "５", "Ⅷ"),
    *("2024-01-31", "31/12/2024", "janv-24", "44927", "1-2", "=1+1", '=HYPERLINK("http://x")'),
    *("@SUM(A1)", "+33", "#REF!", "#VALEUR!", "12 %", "12 €", "€12", "$1", "true", "VRAI", "😀"),
    *("👨\u200d👩\u200d👧", "\u202e123", "\u200f45234", "\u200b45234", "\ufeff45234", "e\u0301"),
    *("ß", "İ", "ſ", "œ", "x" * 300, "é" * 25_000, "\0", "\a", "\x1b[31mrouge", "\x0b", "\x1c"),
    *("\x85", "\u2028", "a\nb", "a\r\nb", "\n", '"', '""', '"x', "'45234", ";", ",", "\t", "|"),
    *("<script>alert(1)</script>", "{file}", "{0}", "{", "}", "%s", "\\", "\\N", "45234.0", "1004"),
    *("1004.0", "2a004", "99100", "97411", "98735", "75113", "69385", "13208", "28C01", "45C01"),
    *("452340101", "ZZZZZ", "45999", "45000", "20004", "4523", "O5234", "45 234", "total"),
    *("Total général", "Ensemble", "Sous-total", "dermatologie Total", "toutes spécialités"),
    *("05 - Dermatologie", "15", "dermatologgie", "licornologie", "OphtalmologÃ©", "é".upper()),
    *("01/02/03", "2023", "2022", "9007199254740993", "1.0", "10.0", "1e-7", "3.0000000001"),
)

NAMES: Final = (
    *("residence", "codgeo", "depcom", "code_insee", "commune", "Commune de résidence", "code"),
    *("destination", "patients", "Nb Patients", "nb_actes", "effectif", "stays", "amount", "ca"),
    *("activity", "PSE_SPE_COD", "PSE_ACT_NAT", "profession", "ps", "rpps", "ADELI", "annee"),
    *("BEN_RES_DPT", "BEN_RES_COM", "site", "finess", "finess_ej", "pmsi_code", "population"),
    *("left", "right", "nom", "", " ", "x" * 3000, "2021", "7", "a\nb", "é", "\u200b", "{ours}"),
    *("NIR", "date_naissance", "id_patient", "masked", "split", "part", "index", "0", "=1+1"),
    *("\x1b[31m", "converted", "_row", "row", "level_0", "department", "dep_ps", "TYPECOM", "COM"),
)

FOOTNOTES: Final = (
    *(
        "Source : SNDS, extraction du 12 mars",
        "(1) hors actes",
        "* secret",
        "Note",
        "Total : 12 345",
    ),
    *("Champ : France entière", "7", "45234"),
)


def a_cell(dice: Random, grid: Grid) -> None:
    """Put a nasty value into a cell or a few."""
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        row = dice.choice(grid[1:] or grid)
        if row:
            row[dice.randrange(len(row))] = dice.choice(NASTY)


def a_column(dice: Random, grid: Grid) -> None:
    """Put one nasty value, or two, into a whole column."""
    place = dice.randrange(len(grid[0]))
    values = dice.sample(NASTY, 2) if dice.random() < 0.5 else [dice.choice(NASTY)]
    for row in grid[1:]:
        if place < len(row):
            row[place] = dice.choice(values)


def cells_around(dice: Random, grid: Grid) -> None:
    """Write something before or after the cells of a column."""
    place = dice.randrange(len(grid[0]))
    sign = dice.choice((" ", "\u00a0", "'", '"', ".0", "0", "\u200b", " €", " %", "é", ",5", "\n"))
    before = dice.random() < 0.5
    for row in grid[1:]:
        if place < len(row):
            row[place] = sign + row[place] if before else row[place] + sign


def swap_names(dice: Random, grid: Grid) -> None:
    """Swap the names of two columns."""
    one, other = (dice.randrange(len(grid[0])) for _ in range(2))
    grid[0][one], grid[0][other] = grid[0][other], grid[0][one]


def swap_columns(dice: Random, grid: Grid) -> None:
    """Swap two columns, names and all."""
    one, other = (dice.randrange(len(grid[0])) for _ in range(2))
    for row in grid:
        if max(one, other) < len(row):
            row[one], row[other] = row[other], row[one]


def rename(dice: Random, grid: Grid) -> None:
    """Give a column another name."""
    grid[0][dice.randrange(len(grid[0]))] = dice.choice(NAMES)


def drop_column(dice: Random, grid: Grid) -> None:
    """Drop a column."""
    place = dice.randrange(len(grid[0]))
    if len(grid[0]) > 1:
        for row in grid:
            del row[place : place + 1]


def more_columns(dice: Random, grid: Grid) -> None:
    """Add a column: a second one, or one with another name."""
    place = dice.randrange(len(grid[0]))
    name = dice.choice((grid[0][place], *NAMES))
    values = (*NASTY, "2022", "2023", "5", "8", "24", "26", *COMMUNES, *LABELS)
    few = dice.sample(values, dice.randrange(1, 4))
    for number, row in enumerate(grid):
        row.append(name if number == 0 else dice.choice(few))


def snds(dice: Random, grid: Grid) -> None:
    """Cut residences in two, as the SNDS has them."""
    place = dice.randrange(len(grid[0]))
    for number, row in enumerate(grid):
        if place < len(row):
            code = row[place]
            row[place : place + 1] = (
                ["BEN_RES_DPT", "BEN_RES_COM"] if number == 0 else ["0" + code[:2], code[2:]]
            )


def rows_again(dice: Random, grid: Grid) -> None:
    """Repeat rows, the same or with another last cell."""
    for _ in range(dice.randrange(1, 4)):
        row = list(dice.choice(grid))
        if dice.random() < 0.5 and row:
            row[-1] = dice.choice(("5", "12", "7,5", "<11"))
        grid.insert(dice.randrange(1, len(grid) + 1), row)


def drop_rows(dice: Random, grid: Grid) -> None:
    """Drop some rows, or all, or the header."""
    if dice.random() < 0.1:
        del grid[0]
    start = dice.randrange(1, len(grid) + 1)
    del grid[start : start + dice.choice((1, 5, 1000))]
    if not grid:
        grid.append([""])


def add_rows(dice: Random, grid: Grid) -> None:
    """Add a total, a footnote, a title, or blank rows."""
    width = len(grid[0])
    kind = dice.randrange(5)
    word = dice.choice(("Total", "TOTAL GÉNÉRAL", "Ensemble", "total"))
    if kind == 0:
        row = [""] * width
        row[dice.randrange(width)] = word
        row[dice.randrange(width)] = dice.choice(("12345", "7", "", "x"))
        grid.append(row)
    elif kind == 1:
        grid.append([dice.choice(FOOTNOTES)] + [""] * (width - 1) * dice.randrange(2))
    elif kind == 2:
        grid.insert(
            0, [dice.choice(("Extraction SNDS", "Patients par commune; 2023", "sep=;", ""))]
        )
    elif kind == 3:
        grid.insert(dice.randrange(len(grid) + 1), [""] * dice.randrange(width + 1))
    else:
        grid.insert(dice.randrange(len(grid) + 1), list(grid[0]))


def shuffle(dice: Random, grid: Grid) -> None:
    """Put rows in another order."""
    grid[1:] = dice.sample(grid[1:], len(grid) - 1)


def ragged(dice: Random, grid: Grid) -> None:
    """Make a row longer or shorter."""
    row = dice.choice(grid)
    if dice.random() < 0.5:
        row.append(dice.choice(NASTY))
    elif row:
        del row[-1]


def change_case(dice: Random, grid: Grid) -> None:
    """Write the names, or all cells, in another case."""
    work = dice.choice((str.upper, str.lower, str.title, str.swapcase))
    for row in grid[: dice.choice((1, len(grid)))]:
        row[:] = map(work, row)


GRID: Final[tuple[Callable[[Random, Grid], None], ...]] = (
    *(
        a_cell,
        a_cell,
        a_cell,
        a_cell,
        a_cell,
        a_cell,
        a_cell,
        a_column,
        a_column,
        cells_around,
        swap_names,
        swap_columns,
    ),
    *(rename, rename, drop_column, more_columns, more_columns, snds, rows_again, drop_rows),
    *(add_rows, add_rows, shuffle, ragged, change_case),
)


def mutated_bytes(dice: Random, content: bytes, other: bytes) -> bytes:
    """Flip, insert, delete, repeat or cut bytes, or splice with another file."""
    changed = bytearray(content)
    size = len(changed)
    place = dice.randrange(size + 1)
    length = dice.choice((1, 1, 2, 8, 64, 1024))
    kind = dice.randrange(9)
    if kind in (0, 1) and size:
        for _ in range(dice.choice((1, 1, 3, 20))):
            changed[dice.randrange(size)] ^= 1 << dice.randrange(8)
    elif kind == 2:
        changed[place:place] = dice.randbytes(length)
    elif kind == 3:
        del changed[place : place + length]
    elif kind == 4:
        changed[place:place] = changed[place : place + length] * dice.choice((1, 2, 50))
    elif kind == 5:
        del changed[place:]
    elif kind == 6:
        changed[place:] = other[dice.randrange(len(other) + 1) :]
    elif kind == 7:
        signs = (b"\0", b'"', b"\r", b"\n", b";", b"\xff\xfe", b"\xa0", b"\xe9", b"\x81", b"\xc3")
        changed[place:place] = dice.choice(signs) * dice.choice((1, 1, 1000))
    elif size:
        pair = (b";", b","), (b";", b"\t"), (b"\n", b"\r"), (b"\n", b"\r\n"), (b"\n", b"\n\n")
        before, after = dice.choice((*pair, (b'"', b""), (b"0", b"O"), (b"1", b"\xb9")))
        changed = changed.replace(before, after)
    return bytes(changed)


def mutated_json(dice: Random, content: bytes) -> bytes:
    """Change values of a JSON file: nulls, other kinds, other places, deep nests."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return content
    for _ in range(dice.choice((1, 1, 2, 4))):
        _change(dice, tree)
    text = json.dumps(tree, ensure_ascii=dice.random() < 0.5)
    return text.replace('"DEEP"', "[" * 2000 + "]" * 2000).encode("utf-8", "replace")


def _change(dice: Random, tree: Any) -> None:  # noqa: ANN401 - JSON
    values = (
        *(None, 0, -1, 1e308, float("nan"), float("inf"), "", "x", [], {}, True, [[]], 10**30),
        *("DEEP", "Point", "MultiPolygon", "GeometryCollection", "Polygon", "LineString"),
        *({"type": "Point", "coordinates": [2, 47]}, {"type": "Polygon", "coordinates": []}),
        *({"type": "Polygon", "coordinates": [[[2, 47], [2, 47], [2, 47], [2, 47]]]},),
        *({"type": "Polygon", "coordinates": [[[2, 47], [3, 48], [3, 47], [2, 48], [2, 47]]]},),
        *({"type": "GeometryCollection", "geometries": []}, "45234", 45234, 4523.0, "1e3", "7 %"),
        *({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27572"}},),
        *({"type": "name", "properties": {"name": "EPSG:0"}}, [1, 2, 3], "\0", "é" * 500),
    )
    node, depth = tree, dice.randrange(1, 9)
    while depth and isinstance(node, dict | list) and node:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = dice.choice(keys)
        child = node[key]
        depth -= 1
        if depth and isinstance(child, dict | list) and child:
            node = child
            continue
        kind = dice.randrange(6)
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, list):
            node.insert(dice.randrange(len(node) + 1), child)
        elif kind == 2 and isinstance(node, dict):
            node[dice.choice(("crs", "code", "nom", "x", "geometry", "type"))] = node.pop(key)
        else:
            node[key] = dice.choice(values)
        return


def odd_column(dice: Random, column: list[str]) -> pa.Array:
    """Make a column of Parquet of another kind than text, as near to its values as may be."""
    digits = [
        "".join(each for each in cell if each.isascii() and each.isdigit()) for cell in column
    ]
    whole = [int(text[:9]) if text else None for text in digits]
    kinds: tuple[tuple[pa.DataType, Callable[[int], object]], ...] = (
        *((kind, int) for kind in (pa.int64(), pa.int64(), pa.uint64(), pa.int32())),
        *((kind, float) for kind in (pa.float64(), pa.float64(), pa.float32(), pa.float16())),
        (pa.float64(), lambda each: dice.choice((each + 0.5, float("nan"), float("inf")))),
        (pa.decimal128(20, 2), decimal.Decimal),
        (pa.date32(), lambda each: dt.date(2024, 1, 1 + each % 28)),
        (pa.timestamp("ns"), lambda each: each),
        (pa.timestamp("us", "Europe/Paris"), lambda each: each * 10**9),
        (pa.timestamp("us"), lambda each: each * 10**13 % 2**62),
        (pa.timestamp("s"), lambda each: each * 10**6),
        (pa.date64(), lambda each: each * 86_400_000),
        (pa.duration("ms"), lambda each: each * 10**7),
        (pa.time32("s"), lambda each: each % 86_400),
        (pa.bool_(), lambda each: each % 2 == 0),
        (pa.binary(), lambda each: str(each).encode() + b"\xff"),
        (pa.large_string(), str),
        (pa.string_view(), str),
        (pa.list_(pa.int64()), lambda each: [each]),
        (pa.struct([("a", pa.int64())]), lambda each: {"a": each}),
        (pa.null(), lambda _each: None),
        (pa.dictionary(pa.int32(), pa.string()), str),
        (pa.binary(4), lambda each: f"{each % 10_000:04d}".encode()),
    )
    kind, make = dice.choice(kinds)
    values = [None if each is None else make(each) for each in whole]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, ValueError, OverflowError):
        return pa.array(column, pa.string())
