"""Archives: nothing in them is trusted, neither a name nor a promised size."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import stat
import struct
import zipfile
import zlib
from typing import IO, Final

from territories._memory import most, too_large
from territories.errors import InputError, fault

# A table written as text shrinks ten to fifty times; what shrinks more, and is large, is a trap.
_BOMB_RATIO: Final = 300
_BOMB_SIZE: Final = 16 * 1024**2

_DRIVE: Final = re.compile(r"^[A-Za-z]:")

# What systems leave in archives, which is nobody's data.
_LEFTOVERS: Final = re.compile(
    r"(?i)(?:^|/)(?:__macosx/|\.ds_store$|thumbs\.db$|desktop\.ini$|\._)"
)
_ARCHIVES: Final = (".zip", ".gz", ".7z", ".rar", ".bz2", ".xz", ".tar", ".tgz", ".zst")


# What reading a damaged archive raises: places outside it, unknown methods, headers cut short.
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, RuntimeError, ValueError),
)


def opened_zip(content: bytes, file: str) -> zipfile.ZipFile:
    """Open a zip whose promised size is within measure."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGED as problem:
        raise InputError(fault("file_truncated", file=file)) from problem
    _refuse_large(sum(each.file_size for each in archive.infolist()), content, file)
    return archive


def members_of(archive: zipfile.ZipFile, file: str) -> list[zipfile.ZipInfo]:
    """List the files of a zip, those of systems left out.

    Raises
    ------
    InputError
        If one leads elsewhere (a path, a link), is locked, or is an archive itself.
    """
    members = [
        each
        for each in archive.infolist()
        if not each.filename.endswith("/") and not _LEFTOVERS.search(each.filename)
    ]
    for each in members:
        name = each.orig_filename
        outside = name.startswith("/") or ".." in re.split(r"[/\\]", name) or _DRIVE.match(name)
        if outside or "\\" in name or stat.S_ISLNK(each.external_attr >> 16):
            raise InputError(fault("archive_unsafe", file=file, member=name))
        if each.flag_bits & 1:
            raise InputError(fault("archive_locked", file=file))
        if name.lower().endswith(_ARCHIVES):
            raise InputError(fault("archive_nested", file=file, member=name))
    return members


def unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> bytes:
    """Read a file of a zip, no further than the size it declares."""
    try:
        with archive.open(member) as packed:
            return packed.read(member.file_size + 1)
    except _DAMAGED as problem:
        raise InputError(fault("file_truncated", file=file)) from problem


def gunzipped(content: bytes, file: str) -> bytes:
    """Read what a gzip holds."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        return _at_most(packed, content, file)


def _refuse_large(size: int, packed: bytes, file: str) -> None:
    """Refuse what shrinks more than a table does, or does not fit in memory."""
    if size > max(_BOMB_SIZE, _BOMB_RATIO * len(packed)):
        raise InputError(fault("file_too_large", file=file))
    if size > most():
        raise InputError(too_large(file, size))


def _at_most(packed: IO[bytes] | gzip.GzipFile, whole: bytes, file: str) -> bytes:
    """Unpack, and stop when it grows beyond measure, whatever its header promised."""
    largest = min(most(), max(_BOMB_SIZE, _BOMB_RATIO * len(whole)))
    try:
        content = packed.read(largest + 1)
    except _DAMAGED as problem:
        raise InputError(fault("file_truncated", file=file)) from problem
    _refuse_large(len(content), whole, file)
    return content
