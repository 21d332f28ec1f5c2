"""Our own exports read back, as an outsider has them: tables under our names, data of pages."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import python_calamine

from territories._words import WORDS
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Groups of words that name columns, and what of each is read. A word of two groups is told apart by
# the other columns of its table.
_TERRITORIES: Final = (
    "li",
    "leakage",
    "msi",
    "attraction",
    "net_index",
    "undrawn",
    "hospital_leakage",
)

_DATA: Final = re.compile(r'<script type="application/json"[^>]*>(.*?)</script>', re.DOTALL)

# A share kept with four digits is known to half of the last.
SHARE_ERROR: Final = 5e-5


@dataclass(frozen=True, repr=False)
class Told:
    """What one file tells.

    Parameters
    ----------
    file
        Its path.
    members
        Who is in what, a table `code`, `territory`, `weight` for each division; in a page the
        drafts beside come after.
    territories
        Measures by territory: `territory`, `name`, `communes`, `population` and those shown.
    tables
        Sheets that tell of flows, by key, under our names of columns.
    totals
        Patients and stays in all, where an account gives them.
    page
        Data of the page of the workshop.
    names
        Names of communes, by code.
    people
        Inhabitants of all communes together, where they are listed.
    """

    file: Path
    members: tuple[pd.DataFrame, ...] = ()
    territories: pd.DataFrame | None = None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    page: dict[str, Any] | None = None
    names: dict[str, str] = field(default_factory=dict)
    people: float | None = None


def read_back(path: str | Path) -> Told:
    """Read one of our exports: CSV, XLSX, GeoJSON, GPKG, JSON or HTML.

    Raises
    ------
    InputError
        If it cannot be read, or is none of ours.
    """
    place = Path(path)
    readers = {
        ".csv": _csv,
        ".geojson": _geojson,
        ".gpkg": _gpkg,
        ".html": _html,
        ".json": _json,
        ".xlsx": _xlsx,
    }
    reader = readers.get(place.suffix.lower())
    if reader is None:
        raise InputError(fault("audit_kind", file=str(place), values=", ".join(sorted(readers))))
    if not place.is_file():
        raise InputError(fault("file_missing", file=str(place)))
    try:
        return reader(place)
    except (
        *(ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError),
        *(sqlite3.Error, python_calamine.CalamineError),
    ) as problem:
        raise InputError(fault("audit_unreadable", file=str(place))) from problem


def _csv(path: Path) -> Told:
    frame = pd.read_csv(path, sep=";", decimal=",", encoding="utf-8-sig", dtype="str")
    return _told(path, [frame])


def _geojson(path: Path) -> Told:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return _told(path, [pd.DataFrame([each["properties"] for each in features])])


def _gpkg(path: Path) -> Told:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        names = [name for (name,) in db.execute("SELECT table_name FROM gpkg_contents")]
        frames = [_columns(db, name) for name in names]
    return _told(path, frames)


def _columns(db: sqlite3.Connection, name: str) -> pd.DataFrame:
    quoted = '"' + name.replace('"', '""') + '"'
    rows = db.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - a name cannot be a parameter
    return pd.DataFrame(rows.fetchall(), columns=[each[0] for each in rows.description])


def _xlsx(path: Path) -> Told:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
    frames = []
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        # A title and a note stand above the head of our sheets.
        if len(rows) > _ABOVE:
            frames.append(
                pd.DataFrame(
                    list[Any](rows[_ABOVE + 1 :]), columns=[str(each) for each in rows[_ABOVE]]
                )
            )
    return _told(path, frames)


_ABOVE: Final = 2


def _json(path: Path) -> Told:
    record = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(record, dict) and "membership" in record:
        rows = [
            (code, territory, float(weight))
            for code, weights in record["membership"].items()
            for territory, weight in (weights or {None: 1.0}).items()
        ]
        return Told(path, members=(_membership(rows),))
    if isinstance(record, list):
        totals = {
            str(each["unit"]): float(each["patients_kept"])
            for each in record
            if each["unit"] is not None and each["patients_kept"] is not None
        }
        return Told(path, totals=totals)
    return Told(path)


def _html(path: Path) -> Told:
    found = _DATA.search(path.read_text(encoding="utf-8"))
    if found is None:
        return Told(path)
    page = json.loads(found[1])
    return of_page(path, page) if "codes" in page and "flows" in page else Told(path)


def of_tables(path: Path, tables: Iterable[pd.DataFrame]) -> Told:
    """Return what tables under our names of columns tell."""
    return _told(path, list(tables))


def of_page(path: Path, page: dict[str, Any]) -> Told:
    """Return what the data of a page of the workshop tell."""
    members = [_page_members(page, page)]
    members += [_page_members(page, each) for each in page.get("drafts", ())]
    kept = (page.get("flows") or {}).get("kept", {})
    table = None
    if kept:
        table = pd.DataFrame({"territory": list(kept), "li": list(map(float, kept.values()))})
    names = dict(zip(page["codes"], map(str, page["names"]), strict=True))
    return Told(path, members=tuple(members), territories=table, page=page, names=names)


def _page_members(page: dict[str, Any], draft: dict[str, Any]) -> pd.DataFrame:
    ids = [each["id"] for each in draft["territories"]]
    rows: list[tuple[str, str | None, float]] = []
    for place, code in enumerate(page["codes"]):
        main = draft["territory"][place]
        alone = [] if main < 0 else [(main, 1.0)]
        parts = draft["shared"].get(str(place), alone)
        rows += [(code, ids[each], float(weight)) for each, weight in parts]
        rows += [] if parts else [(code, None, 1.0)]
    return _membership(rows)


def _membership(rows: Iterable[tuple[str, str | None, float]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["code", "territory", "weight"])


def _told(path: Path, frames: Sequence[pd.DataFrame]) -> Told:
    """Find what each table is by its columns."""
    members: list[pd.DataFrame] = []
    territories = None
    tables: dict[str, pd.DataFrame] = {}
    totals: dict[str, float] = {}
    names: dict[str, str] = {}
    people = None
    for frame in frames:
        for key, group, needed in _KINDS:
            ours = _ours(frame, group)
            if not needed <= set(ours.columns):
                continue
            if key == "communes":
                members.append(_of_communes(ours))
                people = float(_numbers(ours["population"]).sum())
                names |= dict(zip(map(str, ours["code"]), map(str, ours["name"]), strict=True))
            elif key == "territories":
                territories = _measures(ours)
            elif key == "reconciliation":
                totals |= _account(ours)
            else:
                if key == "candidates":  # several columns of ours are called "code"
                    ours = ours.rename(columns={ours.columns[0]: "code"})
                figures = [name for name in ours.columns if name in _FIGURES]
                tables[key] = ours.assign(**{name: _numbers(ours[name]) for name in figures})
            break
        else:
            activities = _leakage_by_activity(frame)
            if activities is not None:
                tables["activities"] = activities
    unique = members[:1]  # further lists of one file say the same again
    return Told(path, tuple(unique), territories, tables, totals, names=names, people=people)


_FIGURES: Final = {
    *("population", "rate", "expected_rate", "liberal_rate", "liberal_region"),
    *("share_of_all", "first_share", "choice"),
}

# Key, group of words, columns that tell it; the first that fits.
_KINDS: Final = (
    ("communes", "column", {"code", "name", "population", "territory"}),
    ("territories", "column", {"territory", "communes", "population"}),
    ("leakage", "findings", {"territory", "direction", "place", "share_of_all"}),
    ("scale", "findings", {"activity", "scale", "first_pole", "first_share"}),
    ("candidates", "findings", {"reasons", "pole_name", "choice"}),
    ("gaps", "supply", {"zone", "activity", "population", "rate", "expected_rate"}),
    ("recourse", "supply", {"zone", "activity", "population", "liberal_rate"}),
    ("reconciliation", "sheet", {"reconciliation_unit", "reconciliation_patients"}),
)


def _ours(frame: pd.DataFrame, group: str) -> pd.DataFrame:
    """Put columns under our names, in whichever language they are; others stay out."""
    named = {
        word: key.partition(".")[2]
        for key, words in WORDS.items()
        if key.startswith(f"{group}.")
        for word in words
    }
    kept = [name for name in frame.columns if str(name) in named]
    return frame[kept].rename(columns=named)


def _of_communes(table: pd.DataFrame) -> pd.DataFrame:
    rows: list[tuple[str, str | None, float]] = []
    for row in table.to_dict("records"):
        code, main = _text(row["code"]), _text(row["territory"])
        several, weights = _text(row.get("territories")), _text(row.get("territory_weights"))
        if code is None:
            continue
        if several and weights:
            parts = zip(several.split("|"), weights.split("|"), strict=True)
            rows += [(code, each, float(weight.replace(",", "."))) for each, weight in parts]
        else:
            rows.append((code, main, 1.0))
    return _membership(rows)


def _measures(table: pd.DataFrame) -> pd.DataFrame:
    kept = [name for name in table.columns if name in {"communes", *_TERRITORIES}]
    shown = pd.DataFrame({name: _numbers(table[name]) for name in kept})
    for name in ("territory", "name"):
        if name in table:
            shown[name] = [_text(each) for each in table[name]]
    return shown


def _account(table: pd.DataFrame) -> dict[str, float]:
    """Read the totals that are kept, of each unit."""
    found = {}
    for row in table.to_dict("records"):
        kept = row.get("reconciliation_what") in WORDS["account.kept"]
        for unit in ("patients", "stays"):
            if kept and row["reconciliation_unit"] in WORDS[f"unit.{unit}"]:
                patients = _number(row["reconciliation_patients"])
                if patients is not None:
                    found[unit] = patients
    return found


def _leakage_by_activity(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Read the leakage of territories by activity as rows; None where the table is another."""
    names = [str(each) for each in frame.columns]
    if not names or names[0] not in WORDS["findings.territory"] or len(names) < 2:  # noqa: PLR2004
        return None
    starts = [text.format(activity="") for text in WORDS["findings.leakage_of"]]
    rows = []
    for column in names[1:]:
        activity = next((column[len(each) :] for each in starts if column.startswith(each)), None)
        if activity is None:
            return None
        pairs = zip(frame[names[0]], frame[column], strict=True)
        rows += [(_text(name), activity, _number(share)) for name, share in pairs]
    return pd.DataFrame(rows, columns=["territory", "activity", "share"])


def _text(value: object) -> str | None:
    missing = value is None or value is pd.NA
    return None if missing or value == "" or value != value else str(value)  # noqa: PLR0124


def _number(value: object) -> float | None:
    text = _text(value)
    try:
        return None if text is None else float(text.replace(",", "."))
    except ValueError:
        return None  # a word that says that it is hidden


def _numbers(values: Iterable[object]) -> pd.Series:
    return pd.Series([_number(each) for each in values], dtype="float64")


def spread(paths: Iterable[str | Path]) -> Iterator[Path]:
    """List files, those of folders too that are of a kind we write."""
    for each in paths:
        place = Path(each)
        if place.is_dir():
            kinds = {".csv", ".geojson", ".gpkg", ".html", ".json", ".xlsx"}
            yield from sorted(
                found for found in place.iterdir()
                if found.suffix.lower() in kinds and not found.name.startswith(".")
            )  # fmt: skip
        else:
            yield place
