"""Files of care events: which they are, whether they are whole and alike, where a value stands."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from territories._event_text import batches, form_of
from territories._files import head_kind, readable
from territories._heads import matched_names
from territories._words import Sentence
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from territories._event_text import TextForm

Kind = Literal["nothing", "text", "number", "date", "other"]
Keys = dict[str, str | None]

_LISTED: Final = 5

# What Spark and Hive leave in their folders starts so; none of it is data.
_APART: Final = ("_", ".")
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"

# Folders of tables whose own log tells which of their files still count.
_LOGS: Final = {
    "_delta_log/*.json": "Delta",
    "metadata/*.metadata.json": "Iceberg",
    ".hoodie/*": "Hudi",
}

_KINDS: Final[tuple[tuple[Kind, tuple[Callable[[pa.DataType], bool], ...]], ...]] = (
    ("nothing", (pa.types.is_null,)),
    (
        "text",
        (
            *(pa.types.is_string, pa.types.is_large_string),
            *(pa.types.is_binary, pa.types.is_large_binary),
        ),
    ),
    ("other", (pa.types.is_float16, pa.types.is_decimal256)),
    ("number", (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)),
    ("date", (pa.types.is_date, pa.types.is_timestamp)),
)


@dataclass(frozen=True, repr=False)
class EventFile:
    """One file of a source.

    Parameters
    ----------
    path
        Where it is.
    name
        What messages call it: its path within the source.
    types
        Of each column in the file, its type; text files have text alone.
    keys
        What its folders say (``annee=2023``): text, None where they say that it is not known.
    rows
        Of Parquet, how many.
    form
        Of delimited text, how it is cut.
    """

    path: Path
    name: str
    types: Mapping[str, pa.DataType]
    keys: Mapping[str, str | None] = field(default_factory=dict)
    rows: int | None = None
    form: TextForm | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, those that its folders give among them."""
        return (*self.types, *self.keys)


class Said(NamedTuple):
    """What Parquet files say of a column: rows with a value, the least of these, the largest."""

    filled: int
    least: Any
    largest: Any


@dataclass(frozen=True, repr=False)
class EventFiles:
    """The files of a source, in the order of their names, all of one kind.

    Parameters
    ----------
    file
        What messages call the source.
    files
        Each of them.
    kind
        ``parquet`` or ``text``.
    notices
        What was found on the way.
    """

    file: str
    files: tuple[EventFile, ...]
    kind: Literal["parquet", "text"]
    notices: tuple[Sentence, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the first file."""
        return self.files[0].columns

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the files are."""
        return tuple(each.path for each in self.files)

    @property
    def size(self) -> int:
        """Bytes of all the files."""
        return sum(path.stat().st_size for path in self.paths)

    def said(self, column: str) -> Said | None:
        """Tell what all files say of a column in their footers; None where one does not."""
        if any(each.rows is None or column not in each.types for each in self.files):
            return None
        found = [_said(path, column) for path in self.paths]
        each = [file for file in found if file is not None]
        ends = [end for file in each for end in (file.least, file.largest) if end is not None]
        if len(each) < len(found):
            return None
        filled = sum(file.filled for file in each)
        return Said(filled, min(ends, default=None), max(ends, default=None))

    def sha256(self, tell: Callable[[int], None] | None = None) -> str:
        """Return the hash of the source: of one file, its own; of several, of theirs in order.

        Parameters
        ----------
        tell
            Called with the number of bytes of each file once it is read.
        """
        hashes = []
        for path in self.paths:
            with path.open("rb") as handle:
                hashes.append(hashlib.file_digest(handle, "sha256").digest())
            if tell is not None:
                tell(path.stat().st_size)
        if len(hashes) == 1:
            return hashes[0].hex()
        return hashlib.sha256(b"".join(hashes)).hexdigest()


def found_files(source: str | Path | Sequence[str | Path]) -> EventFiles:
    """Find the files of a source and look at each: of Parquet no more than its footer.

    Parameters
    ----------
    source
        A Parquet or CSV file, a folder of them (of Hive too, ``annee=2023/``), or several paths.

    Raises
    ------
    InputError
        With all that is wrong: no file at all, one that is not of the kind of the others, is cut
        short, is given twice, or names a column twice.
    """
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given:
        raise InputError(fault("events_no_source"))
    file = f"{Path(given[0]).name}{', …' * (len(given) > 1)}"
    faults: list[Sentence] = []
    files: list[EventFile] = []
    kinds: dict[str, str] = {}
    listed: dict[Path, tuple[Path, str, Keys]] = {}
    for path, name, keys in _listed(given, faults):
        other = listed.setdefault(path.resolve(), (path, name, keys))[1]
        if listed[path.resolve()][0] is not path:
            faults.append(fault("events_file_twice", file=name, other=other))
    for path, name, keys in listed.values():
        try:
            readable(path, whole=False)
            kind = head_kind(path)
            kinds.setdefault(kind, name)
            looked = _looked_parquet if kind == "parquet" else _looked_text
            files.append(looked(path, name, keys))
        except InputError as problem:
            faults += problem.faults
    if len(kinds) > 1:
        values = {"parquet": kinds["parquet"], "text": kinds["text"]}
        faults.append(fault("events_two_kinds", file=file, **values))
    if not faults and not any(each.rows is None or each.rows for each in files):
        faults.append(fault("no_rows", file=file))
    if faults:
        raise InputError(*faults)
    return EventFiles(
        file=file,
        files=tuple(sorted(files, key=lambda each: each.name)),
        kind="parquet" if "parquet" in kinds else "text",
        notices=tuple(_encodings(files)),
    )


def _listed(
    given: Sequence[str | Path], faults: list[Sentence]
) -> Iterator[tuple[Path, str, Keys]]:
    """List the files of all paths, each with its name and what its folders say."""
    for root in map(Path, given):
        if not root.is_dir():
            yield root, root.name if len(given) == 1 else str(root), {}
            continue
        log = next((name for each, name in _LOGS.items() if any(root.glob(each))), None)
        if log is not None:
            faults.append(fault("events_table_log", file=str(root), format=log))
            continue
        found = [
            path
            for path in sorted(root.rglob("*"))
            if path.is_file()
            and not any(part.startswith(_APART) for part in path.relative_to(root).parts)
        ]
        if not found:
            faults.append(fault("events_folder_empty", file=str(root)))
        for path in found:
            inner = path.relative_to(root)
            keys = dict(_key(part) for part in inner.parts[:-1] if "=" in part.strip("="))
            yield path, inner.as_posix() if len(given) == 1 else str(path), keys


def _key(folder: str) -> tuple[str, str | None]:
    name, value = (unquote(each) for each in folder.split("=", 1))
    return name, None if value == _NO_VALUE else value


def _encodings(files: Sequence[EventFile]) -> list[Sentence]:
    """Say which encodings were found, where it is another than UTF-8."""
    found = Counter(each.form.encoding for each in files if each.form is not None)
    found.pop("utf-8", None)
    return [
        Sentence("notice.events_encoding", {"encoding": name, "count": count})
        for name, count in sorted(found.items())
    ]


def _looked_parquet(path: Path, name: str, keys: Keys) -> EventFile:
    try:
        with pa.parquet.ParquetFile(path) as book:
            schema, rows = book.schema_arrow, book.metadata.num_rows
    except (pa.ArrowException, OSError) as problem:
        raise InputError(fault("file_truncated", file=name)) from problem
    _refuse_twice(name, schema.names)
    types = {str(each.name): _plain(each.type) for each in schema}
    return EventFile(path, name, types, _others(keys, types), rows=rows)


def _looked_text(path: Path, name: str, keys: Keys) -> EventFile:
    form = form_of(path, name)
    _refuse_twice(name, form.header)
    types = dict.fromkeys(form.header, pa.string())
    return EventFile(path, name, types, _others(keys, types), form=form)


def _others(keys: Keys, types: Mapping[str, object]) -> Keys:
    """Leave out what folders say of a column that the file has itself."""
    return {name: value for name, value in keys.items() if name not in types}


def _said(path: Path, column: str) -> Said | None:
    """Tell what the footer of a Parquet file says of a column, if it does."""
    with pa.parquet.ParquetFile(path) as book:
        place = book.schema_arrow.names.index(column)
        flat = len(book.schema.names) == len(book.schema_arrow)
        groups = range(book.metadata.num_row_groups)
        told = [book.metadata.row_group(each).column(place).statistics for each in groups if flat]
    if not flat or any(each is None or not each.has_null_count for each in told):
        return None
    some = [each for each in told if each.num_values]
    if not all(each.has_min_max for each in some):
        return None
    return Said(
        filled=sum(int(each.num_values) for each in told),
        least=min((each.min for each in some), default=None),
        largest=max((each.max for each in some), default=None),
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _refuse_twice(file: str, names: Sequence[str]) -> None:
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        places = ", ".join(str(place + 1) for place, name in enumerate(names) if name == twice)
        raise InputError(fault("column_twice", file=file, column=twice, places=places))


def kind_of(kind: pa.DataType) -> Kind:
    """Tell what the values of a type are, whatever their width."""
    return next((found for found, tests in _KINDS if any(test(kind) for test in tests)), "other")


def matched_files(
    files: EventFiles,
    *,
    required: Iterable[str],
    optional: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return which columns of the files are ours: theirs by our name.

    Integers of any width, decimals and floats are one kind of values, days and moments another.

    Raises
    ------
    InputError
        If a column is missing, may be two of ours, is not in every file, changes from text to
        numbers or days between files, or holds lists and the like.
    """
    heads = matched_names(
        files.file, files.columns, required=required, optional=optional, columns=columns
    )
    faults = [each for theirs in dict.fromkeys(heads.values()) for each in _unlike(files, theirs)]
    if faults:
        raise InputError(*faults)
    return heads


def _unlike(files: EventFiles, column: str) -> list[Sentence]:
    """Find the files in which a column is not there, or is not what it is in the others."""
    lacking = [each.name for each in files.files if column not in each.columns]
    if lacking:
        listed = ", ".join(lacking[:_LISTED]) + ", …" * (len(lacking) > _LISTED)
        values = {"column": column, "count": len(lacking), "values": listed}
        return [fault("events_column_lacking", file=files.files[0].name, **values)]
    found: dict[Kind, EventFile] = {}
    for each in files.files:
        found.setdefault(kind_of(each.types.get(column, pa.string())), each)
    found.pop("nothing", None)
    if "other" in found:
        each = found["other"]
        values = {"column": column, "found": str(each.types[column])}
        return [fault("events_column_kind", file=each.name, **values)]
    if len(found) > 1:
        (kind, first), (other, second) = list(found.items())[:2]
        return [
            fault(
                "events_type_changes",
                column=column,
                file=first.name,
                kind=Sentence(f"values.{kind}"),
                other=second.name,
                other_kind=Sentence(f"values.{other}"),
            )
        ]
    return []


def first_rows(
    files: EventFiles, column: str, values: Iterable[str | None], *, limit: int = _LISTED
) -> list[tuple[str, int]]:
    """Return where values of a column stand first, for messages: the file and the row in it.

    Parameters
    ----------
    files
        As found.
    column
        Their name of it.
    values
        As text, without blanks around; None stands for cells with nothing in them.
    limit
        How many places are looked for; reading stops there.

    Returns
    -------
    list of (str, int)
        Rows of Parquet from 1; of text, its header is row 1 where nothing stands above it.
    """
    wanted = set(values)
    found: list[tuple[str, int]] = []
    for file in files.files:
        if column in file.keys:
            found += [(file.name, 1)] * (file.keys[column] in wanted)
        else:
            before = 1 if file.form is None else file.form.above + 2
            for cells in _cells(file, column):
                rows = pc.indices_nonzero(_are(cells, wanted))
                found += [(file.name, before + int(row)) for row in rows.to_pylist()]
                before += len(cells)
                if len(found) >= limit:
                    break
        if len(found) >= limit:
            break
    return found[:limit]


def _are(cells: pa.Array, wanted: set[str | None]) -> pa.Array:
    """Tell which cells are one of the values that are wanted."""
    if pa.types.is_floating(cells.type):  # pandas makes floats of integers with gaps
        texts = pc.replace_substring_regex(pc.cast(cells, pa.string()), r"\.0$", "")
    else:
        texts = pc.utf8_trim_whitespace(pc.cast(cells, pa.string()))
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    named = pa.array([each for each in wanted if each is not None], pa.string())
    found = pc.is_in(texts, named)
    return pc.or_(found, pc.is_null(texts)) if None in wanted else found


def _cells(file: EventFile, column: str) -> Iterator[pa.Array]:
    """Give the cells of a column, some at a time."""
    if file.form is not None:
        for batch in batches(file.path, file.form, file.name):
            yield batch.column(column)
        return
    with pa.parquet.ParquetFile(file.path) as book:
        for batch in book.iter_batches(columns=[column]):
            cells = batch.column(0)
            yield cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells


def damaged(files: EventFiles, columns: Iterable[str]) -> list[Sentence]:
    """Read all the files to find those that cannot be: an engine does not always name them."""
    faults: list[Sentence] = []
    for file in files.files:
        try:
            readable(file.path, whole=False)
            if file.form is None:
                inside = [name for name in columns if name in file.types]
                with pa.parquet.ParquetFile(file.path) as book:
                    for _ in book.iter_batches(columns=inside):
                        pass
        except InputError as problem:
            faults += problem.faults
        except (pa.ArrowException, OSError):
            faults.append(fault("file_truncated", file=file.name))
    return faults
