"""Text tables as they come out of Excel and of extracts: every cell text, every row numbered."""

from __future__ import annotations

import difflib
import hashlib
import io
import math
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from territories import codes
from territories._words import Sentence
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DELIMITERS: Final = ";,\t|"
_BLANKS: Final = "[\\s\u00a0\u202f\u2007]+"
_NUMBER: Final = r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"
_LISTED: Final = 5

# Codes are quoted in messages. One or two digits may be a count; more than nine signs, or letters
# and many digits, may be the number of a practitioner.
_SHOWABLE: Final = re.compile(r"[A-Za-z]{1,9}|[0-9]{3,9}(?:\.0)?|[0-9A-Za-z]{3,6}")

# Whole numbers are exact up to here; no count of people comes near.
_LARGEST: Final = 2**53

# Our columns and how French extracts name them, as patterns of the name without accents or case.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "code": ("code", "codgeo", "code_insee", "insee", "depcom", "code_commune(_insee)?", "commune"),
    "name": ("name", "nom", "libelle", "libgeo", "nom_commune", "nom_com"),
    "population": ("population", r"pop(ulation)?_?\d{0,4}(_part)?", r"pmun_?\d{0,4}"),
    "residence": ("residence", "commune_(de_)?residence", "codgeo", "code_insee", "depcom"),
    "activity": ("activity", "specialite", "activite", "ga"),
    "practitioner": ("practitioner", "ps", "num_ps", "professionnel"),
    "department": ("department", "departement_ps", "dep_ps"),
    "destination": ("destination", "commune_(d_)?exercice", "commune_(de_)?destination"),
    "patients": ("patients", "nb_patients", "nombre_(de_)?patients"),
    "amount": ("amount", "montant", "montants"),
    "pmsi_code": ("pmsi_code", "code_geo_pmsi.*", "code_geo"),
    "site": ("site", "finess", "finess_geo", "num_finess"),
    "stays": ("stays", "nb_sejours", "sejours", "nombre_(de_)?sejours"),
    "left": ("left", "gauche", "commune_1"),
    "right": ("right", "droite", "commune_2"),
}


@dataclass(frozen=True)
class Table:
    """A table of text read from a file.

    Parameters
    ----------
    frame
        Text cells; indexed by the row's number in the file, the header being row 1.
    file
        Name of the file, without its folder.
    sha256
        Hash of its bytes.
    heads
        For each of our columns, the name it has in the file.
    """

    frame: pd.DataFrame
    file: str
    sha256: str
    heads: Mapping[str, str]

    def head(self, column: str) -> str:
        """Return the file's own name of one of our columns."""
        return self.heads.get(column, column)


def readable(path: str | Path) -> Path:
    """Return the path of a file that is there and not empty.

    Raises
    ------
    InputError
        If there is no such file (names like it are proposed), it is a folder, or it is empty.
    """
    place = Path(path)
    if place.is_dir():
        raise InputError(fault("file_is_folder", file=str(place)))
    if not place.exists():
        beside = (
            sorted(each.name for each in place.parent.glob("*")) if place.parent.exists() else []
        )
        near = difflib.get_close_matches(place.name, beside, n=2, cutoff=0.7)
        key = "file_missing_near" if near else "file_missing"
        raise InputError(fault(key, file=str(place), near=", ".join(near)))
    try:
        size = place.stat().st_size
        with place.open("rb"):
            pass
    except OSError as problem:
        raise InputError(
            fault("file_unreadable", file=str(place), problem=str(problem.strerror))
        ) from problem
    if size == 0:
        raise InputError(fault("file_empty", file=str(place)))
    return place


def read_table(path: str | Path) -> Table:
    """Read a delimited text file: separator and encoding found from its content.

    Raises
    ------
    InputError
        If the file is missing or empty, is not text, or has rows longer or shorter than its header.
    """
    place = readable(path)
    content = place.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    text = _decoded(content, place.name)
    # Blank lines above the header still count as rows; a tab may begin the header itself.
    table = re.sub(r"\A(?:[ \t]*\r?\n)+", "", text)
    above = text[: len(text) - len(table)].count("\n")
    if "\n" not in table.strip():
        raise InputError(fault("no_rows", file=place.name))
    header = table.split("\n", 1)[0].rstrip("\r")
    delimiter = max(_DELIMITERS, key=header.count)
    frame = _parsed(table, delimiter, header.count(delimiter) + 1, place.name)
    frame.index += above
    frame = frame[(frame != "").any(axis=1)]
    if frame.empty:
        raise InputError(fault("no_rows", file=place.name))
    digits = any(re.search("[0-9]", str(name)) for name in frame.columns)
    if digits and not any(map(_recognised, frame.columns)):
        raise InputError(fault("header_missing", file=place.name))  # its cells may be counts
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(fault("column_twice", file=place.name, column=str(twice[0])))
    return Table(frame=frame, file=place.name, sha256=digest, heads={})


def _recognised(name: str) -> bool:
    """Tell whether a column is one of ours."""
    return any(_is(ours, name) for ours in ALIASES)


def _is(ours: str, name: str) -> bool:
    return any(re.fullmatch(pattern, plain(name)) for pattern in ALIASES[ours])


def _decoded(content: bytes, file: str) -> str:
    """Decode text of unknown encoding; Windows-1252 is what French Excel writes."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as problem:
            raise InputError(fault("not_text", file=file)) from problem
    if b"\0" in content[:4096]:
        raise InputError(fault("not_text", file=file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _parsed(text: str, delimiter: str, columns: int, file: str) -> pd.DataFrame:
    wrong: list[tuple[int, int, int]] = []

    def refuse(row: pa.csv.InvalidRow) -> str:
        wrong.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    try:
        # One thread: only then does the parser number the rows.
        cells = pa.csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pa.csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
            parse_options=pa.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=refuse,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types={f"f{place}": pa.string() for place in range(columns)},
            ),
        )
    except pa.ArrowInvalid as problem:
        raise InputError(fault("not_a_table", file=file)) from problem
    if wrong:
        number, found, expected = wrong[0]
        raise InputError(
            fault(
                "row_length",
                file=file,
                rows=str(len(wrong)),
                row=str(number),
                found=found,
                expected=expected,
            )
        )
    if text.count('"') % 2:
        _refuse_open_quote(cells, file)
    frame: pd.DataFrame = cells.to_pandas().astype("str")
    frame.columns = frame.iloc[0].str.strip()
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    return frame.iloc[1:].rename_axis(columns=None)


def _refuse_open_quote(cells: pa.Table, file: str) -> None:
    """Refuse a table in which a quote that is never closed has swallowed the rows below it."""
    for column in cells.columns:
        swallowed = pa.compute.match_substring(column, "\n").to_pylist()
        if True in swallowed:
            row = len(swallowed) - swallowed[::-1].index(True)
            raise InputError(fault("quote_open", file=file, row=str(row)))


def plain(name: str) -> str:
    """Return a column's name without accents, case or punctuation."""
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")


def matched(
    table: Table,
    required: Iterable[str],
    optional: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Table:
    """Keep the columns that are ours, under our names.

    Parameters
    ----------
    table
        As read.
    required, optional
        Our names.
    columns
        Ours to theirs, for files whose names are not recognised.

    Raises
    ------
    InputError
        If a column is missing or two columns could be the same one of ours.
    """
    given = dict(columns or {})
    found: dict[str, str] = {}
    faults = []
    needed = list(required)
    present = list(table.frame.columns)
    for ours in [*needed, *optional]:
        if ours in given:
            choices = [name for name in present if name == given[ours]]
            if ours != "practitioner" and _is("practitioner", given[ours]):
                faults.append(fault("column_practitioner", column=ours, theirs=given[ours]))
        else:
            taken = set(given.values())
            choices = [name for name in present if name not in taken and _is(ours, name)]
        if len(choices) == 1:
            found[ours] = choices[0]
        elif choices:
            faults.append(
                fault("column_ambiguous", file=table.file, column=ours, values=", ".join(choices))
            )
        elif ours in needed or ours in given:
            faults.append(_missing(table, ours, given.get(ours)))
    if faults:
        raise InputError(*faults)
    frame = table.frame[list(found.values())].set_axis(list(found), axis=1)
    return replace(table, frame=frame, heads=found)


def _missing(table: Table, ours: str, theirs: str | None) -> Sentence:
    present = [str(name) for name in table.frame.columns]
    wanted = theirs or ours
    # A column that is another of ours is not the missing one.
    plain_names = {plain(name): name for name in present if not _recognised(name)}
    words = [wanted, *(re.sub(r"\W+.*", "", pattern) for pattern in ALIASES[ours])]
    near = [
        plain_names[close]
        for word in words
        for close in difflib.get_close_matches(plain(word), plain_names, n=1, cutoff=0.6)
    ]
    return fault(
        "column_missing_near" if near else "column_missing",
        file=table.file,
        column=wanted,
        ours=ours,
        near=near[0] if near else "",
        found=", ".join(
            name if _recognised(name) or not re.search("[0-9]", name) else "…" for name in present
        ),
    )


def number_column(table: Table, column: str) -> tuple[pd.Series, list[Sentence]]:
    """Read a column of numbers: decimal comma, blanks between thousands.

    Returns
    -------
    Series, list of Sentence
        Numbers (missing where the cell is not one), and what is wrong. The cells themselves are
        not quoted: they may be counts.
    """
    cells = table.frame[column]
    values = codes.by_value(cells, _numbers)
    empty = cells.str.strip() == ""
    faults = []
    for key, rows in (
        ("number_empty", empty),
        ("number_malformed", values.isna() & ~empty),
        ("number_negative", values < 0),
        ("number_too_large", values > _LARGEST),
    ):
        if rows.any():
            faults.append(
                fault(
                    key,
                    file=table.file,
                    column=table.head(column),
                    count=int(rows.sum()),
                    rows=row_list(rows),
                )
            )
    return values, faults


def _numbers(cells: pd.Series) -> pd.Series:
    text = cells.str.replace(_BLANKS, "", regex=True)
    good = text.where(text.str.fullmatch(_NUMBER), "nan").str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(good, errors="coerce")
    return numbers.where(numbers.abs() < math.inf)


def code_column(
    table: Table, column: str, notices: list[Sentence], *, plausible: bool = True
) -> tuple[pd.Series, list[Sentence]]:
    """Repair a column of commune codes; say how many were, and which are beyond repair."""
    raw = table.frame[column]
    code = codes.by_value(raw, codes.repaired)
    changed = code != raw
    if changed.any():
        notices.append(
            Sentence(
                "notice.codes_repaired",
                {"count": int(changed.sum()), "column": table.head(column)},
            )
        )
    wrong = ~codes.plausible(code) if plausible else code == ""
    if not wrong.any():
        return code, []
    key = "code_malformed" if plausible else "code_empty"
    return code, [
        fault(
            key,
            file=table.file,
            column=table.head(column),
            count=int(wrong.sum()),
            rows=row_list(wrong),
            values=value_list(raw[wrong]),
        )
    ]


def empty_cells(table: Table, columns: Iterable[str]) -> list[Sentence]:
    """Find the empty cells of columns of text."""
    faults = []
    for name in columns:
        if name in table.frame:
            empty = table.frame[name].str.strip() == ""
            if empty.any():
                faults.append(
                    fault(
                        "cell_empty",
                        file=table.file,
                        column=table.head(name),
                        count=int(empty.sum()),
                        rows=row_list(empty),
                    )
                )
    return faults


def duplicate_keys(table: Table, keyed: pd.DataFrame) -> list[Sentence]:
    """Find keys that stand twice: which of the two counts, or their sum, is not ours to guess."""
    twice = keyed.duplicated(keep=False)
    if not twice.any():
        return []
    first = keyed[twice].iloc[0]
    rows = (keyed == first).all(axis=1)
    shown = [name for name in keyed.columns if name != "practitioner"]
    key = ", ".join(f"{table.head(name)} '{first[name]}'" for name in shown)
    return [
        fault("key_twice", file=table.file, count=int(twice.sum()), rows=row_list(rows), values=key)
    ]


def row_list(marked: pd.Series) -> str:
    """Write the numbers of the first marked rows."""
    rows = marked.index[marked.to_numpy(dtype=bool)]
    return ", ".join(str(row) for row in rows[:_LISTED]) + (", …" if len(rows) > _LISTED else "")


def value_list(values: pd.Series) -> str:
    """Write the first values between quotes; what may be a count or a practitioner, not."""
    shown = [f"'{value}'" if _SHOWABLE.fullmatch(str(value)) else "…" for value in values]
    return ", ".join(shown[:_LISTED]) + (", …" if len(values) > _LISTED else "")
