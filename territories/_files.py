"""Opening files: what is given is looked at before it is trusted; nothing is fetched or run."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from territories._archives import gunzipped, members_of, opened_zip, unzipped
from territories._memory import most, too_large
from territories._words import Sentence
from territories._writing import refuse_incomplete
from territories.errors import InputError, fault

if TYPE_CHECKING:
    import zipfile
    from typing import NoReturn

# An address, or a name that the map library takes for something else than a file of this machine.
_REMOTE: Final = re.compile(r"\s*(?:[A-Za-z][\w+.-]+:|[/\\]+vsi)")

_SNIFFED: Final = 4096
_CONTROLS: Final = bytes(range(9)) + bytes(range(14, 32))

# How files of other kinds begin, and the name of the kind in the table of words.
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"%PDF", "pdf"),
    (b"SQLite format 3\0", "geopackage"),
    (b"\0\0'\n", "shapefile"),
    (b"fgb\x03", "map_layer"),
    (b"PARE", "encrypted"),
    (b"ARROW1", "feather"),
    (b"$FL2", "statistics"),
    (b"<stata", "statistics"),
    (b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf", "statistics"),
    (b"RDX2\n", "statistics"),
    (b"RDX3\n", "statistics"),
    (b"7z\xbc\xaf'\x1c", "archive"),
    (b"Rar!", "archive"),
    (b"BZh91AY", "archive"),
    (b"\xfd7zXZ", "archive"),
)
_TEXTS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"(?:\x80[\x02-\x05]|c[\w.]+\n[\w.]+\n|\(l?p0\n|\(dp0\n|[]}]q\0)"), "pickle"),
    (re.compile(rb"<!doctype html|<html"), "html"),
    (re.compile(rb"<"), "xml"),
    (re.compile(rb"[{\[]"), "json"),
)


@dataclass(frozen=True, repr=False)
class Source:
    """The content of a file that was looked at.

    Parameters
    ----------
    file
        Name of the file, without its folder.
    content
        Its bytes, unpacked.
    kind
        ``text``, ``xlsx``, ``ods`` or ``parquet``.
    sha256
        Hash of the file as it is on the disk.
    """

    file: str
    content: bytes
    kind: str
    sha256: str


def readable(path: str | Path, *, whole: bool = True) -> Path:
    """Return the path of a file that is here, on this machine or its network drives, not empty.

    Parameters
    ----------
    path
        The file.
    whole
        Whether it is read into memory, which holds only so much.

    Raises
    ------
    InputError
        If it is an address on the web, there is no such file (names like it are proposed), it is a
        folder, it is empty or too large, or a run that did not end was replacing it.
    """
    place = Path(path)
    if _REMOTE.match(str(path)) and (
        str(path).lstrip("/\\").startswith("vsi") or not place.exists()
    ):
        raise InputError(fault("file_remote", file=str(path)))
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
    refuse_incomplete(place)
    if size == 0:
        raise InputError(fault("file_empty", file=str(place)))
    if whole and size > most():
        raise InputError(too_large(place.name, size))
    return place


def head_kind(path: Path) -> str:
    """Tell what a file that is too large to be read whole is, by its first bytes.

    Returns
    -------
    str
        ``text`` or ``parquet``.

    Raises
    ------
    InputError
        If it is packed, a workbook, or no table.
    """
    with path.open("rb") as handle:
        head = handle.read(_SNIFFED)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        raise InputError(fault("events_packed", file=path.name))
    return _text_kind(head, path.name)


def opened(path: str | Path) -> Source:
    """Read a file that may hold a table: text, a workbook, Parquet, or one of them packed.

    The content tells what it is, not the name.

    Raises
    ------
    InputError
        If the file cannot be read, is of another kind, or is an archive that is not one plain file.
    """
    place = readable(path)
    content = place.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    kind = _kind(content, place.name)
    if kind in ("gzip", "zip"):
        unpack = _one_of_zip if kind == "zip" else gunzipped
        content = unpack(content, place.name)
        if not content:
            raise InputError(fault("file_empty", file=place.name))
        kind = _kind(content, place.name)
        if kind in ("gzip", "zip"):
            raise InputError(fault("archive_nested", file=place.name, member=place.stem))
    if kind == "text" and place.suffix.lower() in (".yaml", ".yml"):
        _refuse(place.name, "yaml")
    return Source(file=place.name, content=content, kind=kind, sha256=digest)


def _kind(content: bytes, file: str) -> str:
    """Tell what content is by its first bytes; refuse, by its name, what is no table."""
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _office(content, file)
    if content.startswith(b"\x1f\x8b"):
        return "gzip"
    if content.startswith(b"PAR1"):
        return "parquet"
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        locked = "EncryptedPackage".encode("utf-16-le") in content or file.lower().endswith("x")
        raise InputError(fault("workbook_locked" if locked else "workbook_old", file=file))
    return _text_kind(content, file)


def _text_kind(content: bytes, file: str) -> str:
    """Tell text that may be a table from all else."""
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            _refuse(file, kind)
    start = content[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        raise InputError(fault("file_pointer", file=file))
    for pattern, kind in _TEXTS:
        if pattern.match(start if kind != "pickle" else content):
            _refuse(file, kind)
    head = content[:_SNIFFED]
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(b"\0") > len(head) / 4
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if not wide and controls > len(head) / 20 + 1:
        _refuse(file, "binary")
    return "text"


def _refuse(file: str, kind: str) -> NoReturn:
    raise InputError(fault("not_a_table", file=file, found=Sentence(f"format.{kind}")))


def _office(content: bytes, file: str) -> str:
    """Tell a workbook from any other archive."""
    with opened_zip(content, file) as archive:
        names = set(archive.namelist())
        if "[Content_Types].xml" in names:
            if "xl/workbook.xml" in names:
                _check_parts(archive, file)
                return "xlsx"
            _refuse(file, "office")
        if "mimetype" in names:
            kind = unzipped(archive, archive.getinfo("mimetype"), file)
            if kind.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
                _check_parts(archive, file)
                return "ods"
            _refuse(file, "office")
    return "zip"


def _check_parts(archive: zipfile.ZipFile, file: str) -> None:
    """Refuse workbooks with damaged parts, or whose XML declares entities: none ever does."""
    for each in archive.infolist():
        if each.filename.endswith((".xml", ".rels")):
            part = unzipped(archive, each, file)
            if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
                _refuse(file, "xml")


def _one_of_zip(content: bytes, file: str) -> bytes:
    """Read the one file of an archive."""
    with opened_zip(content, file) as archive:
        members = members_of(archive, file)
        if not members:
            raise InputError(fault("archive_empty", file=file))
        if len(members) > 1:
            listed = ", ".join(sorted(each.filename for each in members)[:10])
            raise InputError(fault("archive_several", file=file, values=listed))
        return unzipped(archive, members[0], file)
