"""What a file given as a map layer is, by its content; a safe copy of it for the reader of maps."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from territories._archives import gunzipped, members_of, opened_zip, unzipped
from territories._files import readable
from territories.errors import InputError, fault

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Collection, Iterable, Sequence

    from territories._words import Sentence

Kind = Literal["geojson", "gpkg", "shapefile"]

_SHAPEFILE: Final = b"\x00\x00\x27\x0a"  # 9994
_SQLITE: Final = b"SQLite format 3\x00"
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"

_NEEDED: Final = (".shp", ".shx", ".dbf")
_MEMBERS: Final = (*_NEEDED, ".prj", ".cpg")
_SUFFIXES: Final = (".shp", ".geojson", ".json", ".gpkg")
_FORMATS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"fgb\x03fgb", "FlatGeobuf"),
    (b"PAR1", "GeoParquet"),
    (b"ARROW1", "GeoArrow"),
    (b"!table", "MapInfo TAB"),
)
_ARCHIVES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "RAR"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_XML: Final = re.compile(r"<(?:\w+:)?(kml|gml|gpx|osm|html|\w+)\b", re.IGNORECASE)

_LISTED: Final = 5


@dataclass(frozen=True)
class LayerFile:
    """A layer that the map library may open.

    Parameters
    ----------
    file
        Name of the file given, without its folder.
    sha256
        Hash of its bytes; of a Shapefile those of .shp, .shx, .dbf, .prj and .cpg in that order.
    kind
        What it is.
    place
        A copy under a plain name, in the private folder.
    """

    file: str
    sha256: str
    kind: Kind
    place: Path


def prepared(path: str | Path, folder: Path) -> LayerFile:
    """Tell what a file is and copy it, unpacked, into a private folder.

    Parameters
    ----------
    path
        GeoJSON (or that in gzip), GeoPackage, Shapefile, or a zip of one of them.
    folder
        Empty; it belongs to the caller, who removes it.

    Raises
    ------
    InputError
        If it is remote, missing, unsafe, or nothing that is read; the message says the way out.
    """
    if Path(path).is_dir() and Path(path).suffix.lower() == ".gdb":
        raise _unread(Path(path).name, "File Geodatabase (.gdb)")
    place = readable(path)
    with place.open("rb") as opened:
        head = opened.read(4096)
    digest = sha256([place])
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        given = _unzipped(place.read_bytes(), place.name, folder)
        with given.open("rb") as opened:
            head = opened.read(4096)
    elif head.startswith(_GZIP):
        given = folder / "unpacked"
        given.write_bytes(gunzipped(place.read_bytes(), place.name))
        head = given.read_bytes()[:4096]
    else:
        given = place
    if given != place and head.startswith((_ZIP, _GZIP)):
        raise InputError(fault("archive_nested", file=place.name, member=given.name))
    kind = _kind(head, given, place.name)
    if kind == "shapefile":
        members = _members(given, place.name)
        if given == place:
            digest = sha256([members[each] for each in _MEMBERS if each in members])
        copy = _copied(members, folder)
    elif kind == "gpkg":
        copy = folder / "layer.gpkg"
        shutil.copyfile(given, copy)
        if not _is_geopackage(copy):
            raise _unread(place.name, "SQLite")
    else:
        copy = folder / "layer.geojson"
        text = _text(given.read_bytes())
        check_geojson(text, place.name)
        copy.write_text(text, encoding="utf-8", newline="")
    return LayerFile(file=place.name, sha256=digest, kind=kind, place=copy)


def is_layer(path: str | Path) -> bool:
    """Tell whether a file is a map layer, by its content; a table may be in an archive too."""
    place = readable(path)
    with place.open("rb") as opened:
        head = opened.read(4096)
    if head.startswith(_ZIP):
        with opened_zip(place.read_bytes(), place.name) as archive:
            return any(each.lower().endswith(_SUFFIXES) for each in archive.namelist())
    if head.startswith(_GZIP):
        head = gunzipped(place.read_bytes(), place.name)[:4096]
    text = _text(head, whole=False).lstrip("\ufeff\x1e \t\r\n")
    return head.startswith((_SHAPEFILE, _SQLITE)) or text.startswith(("{", "["))


def sha256(places: Iterable[Path]) -> str:
    """Hash the bytes of files, one after the other."""
    digest = hashlib.sha256()
    for place in places:
        with place.open("rb") as opened:
            while block := opened.read(1024**2):
                digest.update(block)
    return digest.hexdigest()


def _unread(file: str, name: str) -> InputError:
    return InputError(fault("layer_format", file=file, format=name))


# --- what it is ------------------------------------------------------------------------------


def _kind(head: bytes, place: Path, file: str) -> Kind:
    """Tell what a file is by its first bytes; refuse by name what is not read."""
    suffix = place.suffix.lower()
    if suffix in _MEMBERS and suffix != ".shp":
        raise InputError(fault("layer_shapefile_part", file=file, suffix=suffix))
    if head.startswith(_SHAPEFILE) or suffix == ".shp":
        return "shapefile"
    if head.startswith(_SQLITE):
        return "gpkg"
    _refuse_binary(head, file)
    text = _text(head, whole=False).lstrip("\ufeff\x1e \t\r\n")
    if text.startswith(("{", "[")):
        return "geojson"
    if text.startswith("<"):
        raise _xml(text, file)
    first = text.split("\n", 1)[0]
    table = first != text and any(sign in first for sign in ";,\t|")
    raise InputError(fault("layer_is_table" if table else "not_a_layer", file=file))


def _refuse_binary(head: bytes, file: str) -> None:
    for magic, name in _FORMATS:
        if head.startswith(magic):
            raise _unread(file, name)
    for magic, name in _ARCHIVES:
        if head.startswith(magic):
            raise InputError(fault("layer_archive", file=file, format=name))
    if head.startswith(_OLD_EXCEL):
        raise InputError(fault("layer_is_table", file=file))
    if b"\0" in head and not head.startswith(_UTF16):
        raise InputError(fault("not_a_layer", file=file))


def _xml(text: str, file: str) -> InputError:
    """Name an XML by its first element; none is parsed."""
    found = _XML.search(re.sub(r"<!--.*?(?:-->|$)|<!DOCTYPE(?! html)[^\[>]*", "", text))
    name = found[1].lower() if found else "xml"
    if name == "html" or "<!doctype html" in text.lower():
        return InputError(fault("layer_web_page", file=file))
    if name not in ("kml", "gpx", "osm"):
        name = "gml" if "opengis.net/gml" in text else "xml"
    return _unread(file, name.upper())


def _text(content: bytes, *, whole: bool = True) -> str:
    """Decode a text: UTF-8, UTF-16 with its mark, or Windows-1252."""
    if content.startswith(_UTF16):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig", errors="strict" if whole else "ignore")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _is_geopackage(place: Path) -> bool:
    base = sqlite3.connect(place)
    try:
        found = base.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_contents'").fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False
    finally:
        base.close()
    return found is not None


# --- GeoJSON ---------------------------------------------------------------------------------


class _ConstantError(ValueError):
    """NaN or Infinity, which JSON has not."""


def check_geojson(text: str, file: str) -> None:
    """Refuse what is not JSON (with the place of the fault), or not a GeoJSON of features.

    Raises
    ------
    InputError
        If the text is broken, nested too deep, of another kind of JSON, or without feature.
    """
    record = _parsed(text, file)
    if not isinstance(record, dict):
        raise InputError(fault("layer_json_other", file=file))
    if record.get("type") == "Topology":
        raise InputError(fault("layer_topojson", file=file))
    if "geometryType" in record or "spatialReference" in record:
        raise _unread(file, "Esri JSON")
    if record.get("type") not in ("FeatureCollection", "Feature"):
        raise InputError(fault("layer_json_other", file=file))
    if record["type"] == "FeatureCollection" and not record.get("features"):
        raise InputError(fault("layer_no_feature", file=file))


def _parsed(text: str, file: str) -> object:
    """Parse a JSON; NaN and names that stand twice are refused."""

    def refuse(_: str) -> None:
        raise _ConstantError

    def gathered(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            places = [str(place) for place, name in enumerate(names, 1) if name == twice]
            values = {"column": twice, "places": ", ".join(places)}
            raise InputError(fault("column_twice", file=file, **values))
        return found

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=gathered)
    except RecursionError:
        raise InputError(fault("layer_json_deep", file=file)) from None
    except _ConstantError:
        outside = re.finditer(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity', text)
        at = next(each.start() for each in outside if not each[0].startswith('"'))
        raise InputError(json_fault("layer_json_nan", text, at, file)) from None
    except json.JSONDecodeError as problem:
        if _is_sequence(text):
            raise _unread(file, "GeoJSONSeq") from problem
        cut = problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated")
        key = "layer_json_cut" if cut else "layer_json"
        raise InputError(json_fault(key, text, problem.pos, file)) from problem


def json_fault(key: str, text: str, at: int, file: str) -> Sentence:
    """Say that a JSON is broken, with line and column."""
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return fault(key, file=file, line=str(line), column=str(column))


def _is_sequence(text: str) -> bool:
    """Tell whether each line is a feature of its own."""
    try:
        first = json.loads(text.lstrip("\x1e \r\n").split("\n", 1)[0])
    except (json.JSONDecodeError, RecursionError):
        return False
    return isinstance(first, dict) and first.get("type") == "Feature"


# --- Shapefile -------------------------------------------------------------------------------


def _members(place: Path, file: str) -> dict[str, Path]:
    """Find the files of a Shapefile beside its .shp, whatever the case of their names."""
    stem = place.stem.lower()
    found = {
        each.suffix.lower(): each
        for each in sorted(place.parent.iterdir(), reverse=True)
        if each.stem.lower() == stem and each.suffix.lower() in _MEMBERS and each.is_file()
    }
    found[".shp"] = place
    _refuse_incomplete(found, place.stem, file)
    with place.open("rb") as opened:
        if opened.read(4) != _SHAPEFILE:
            raise InputError(fault("not_a_layer", file=file))
    return found


def _refuse_incomplete(found: Collection[str], stem: str, file: str) -> None:
    """List the files that a Shapefile lacks; without .prj alone, it only lacks its projection."""
    if all(each in found for each in _NEEDED):
        return
    missing = [f"{stem}{each}" for each in (*_NEEDED, ".prj") if each not in found]
    raise InputError(fault("layer_shapefile_incomplete", file=file, values=", ".join(missing)))


def _copied(members: dict[str, Path], folder: Path) -> Path:
    inside = folder / "shapefile"
    inside.mkdir()
    for suffix, each in members.items():
        shutil.copyfile(each, inside / f"layer{suffix}")
    return inside / "layer.shp"


# --- archives --------------------------------------------------------------------------------


def _unzipped(content: bytes, file: str, folder: Path) -> Path:
    """Copy the one layer of a zip out of it, each of its files under a plain name."""
    inside = folder / "unpacked"
    inside.mkdir()
    with opened_zip(content, file) as archive:
        chosen = _layer_of(members_of(archive, file), file)
        for each in chosen:
            suffix = PurePosixPath(each.filename).suffix.lower()
            (inside / f"layer{suffix}").write_bytes(unzipped(archive, each, file))
    return inside / f"layer{PurePosixPath(chosen[0].filename).suffix.lower()}"


def _layer_of(members: Sequence[zipfile.ZipInfo], file: str) -> list[zipfile.ZipInfo]:
    """Choose the one layer of an archive, the main file first; refuse none or several."""
    names = [each.filename for each in members]
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise InputError(fault("layer_is_table", file=file))
    if any(name.lower().endswith(".kml") for name in names):
        raise _unread(file, "KML")
    found = [each for each in members if each.filename.lower().endswith(_SUFFIXES)]
    if len(found) > 1:
        values = _first(sorted(each.filename for each in found))
        raise InputError(fault("layer_zip_ambiguous", file=file, values=values))
    if not found:
        values = _first(sorted(names)) or "-"
        raise InputError(fault("layer_zip_none", file=file, values=values))
    main = PurePosixPath(found[0].filename)
    if main.suffix.lower() != ".shp":
        return found
    beside = {
        PurePosixPath(each.filename).suffix.lower(): each
        for each in members
        if PurePosixPath(each.filename).parent == main.parent
        and PurePosixPath(each.filename).stem.lower() == main.stem.lower()
    }
    _refuse_incomplete(beside, main.stem, file)
    return [beside[each] for each in _MEMBERS if each in beside]


def _first(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:_LISTED]]
    return ", ".join(shown) + (", …" if len(names) > _LISTED else "")
