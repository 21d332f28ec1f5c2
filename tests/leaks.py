"""A search of files for what must not be in them: every byte, unpacked as far as it can be."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import io
import json
import re
import sqlite3
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEEPEST = 6

_START = 8  # bytes of a needle that are looked up at every place at once

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{32,}={0,2}")
_ESCAPED = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


def unpacked(content: bytes, name: str = "", depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Give a content and all that is inside it, with where it is."""
    yield name, content
    if depth > DEEPEST:
        return
    for inner, bytes_inside in _inside(content):
        yield from unpacked(bytes_inside, f"{name} > {inner}", depth + 1)


def _inside(  # noqa: C901 - one case a format
    content: bytes,
) -> Iterator[tuple[str, bytes]]:
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for each in archive.infolist():
                yield each.filename, archive.read(each)
    elif content.startswith(b"\x1f\x8b"):
        yield "gzip", gzip.decompress(content)
    elif content.startswith(b"SQLite format 3\0"):
        yield "rows", _rows(content)
    elif content.startswith(b"PAR1"):
        yield from _columns(content)
    elif content.startswith(b"\x89PNG"):
        yield from _chunks(content)
    elif content.startswith(b"%PDF"):
        for place, each in enumerate(_STREAM.finditer(content)):
            yield from _inflated(each[1], f"stream {place}")
    elif content[:1] == b"\x78":
        yield from _inflated(content, "zlib")
    if b"\\u00" in content:
        yield "escapes", _ESCAPED.sub(lambda each: bytes([int(each[1], 16)]), content)
    for place, each in enumerate(_BASE64.finditer(content)):
        text = each[0].rstrip(b"=")
        plain = text.replace(b"-", b"+").replace(b"_", b"/")
        try:
            whole = plain[:-1] if len(plain) % 4 == 1 else plain
            found = base64.b64decode(whole + b"=" * (-len(whole) % 4))
        except binascii.Error:
            continue
        yield f"base64 {place}", found


def _inflated(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        yield name, zlib.decompressobj().decompress(content)
    except zlib.error:
        return


def _rows(content: bytes) -> bytes:
    """Write the rows of a database, which pages may cut in two."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "copy.sqlite")
        path.write_bytes(content)
        base = sqlite3.connect(path)
        tables = [
            row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        rows = [row for name in tables for row in base.execute('SELECT * FROM "' + name + '"')]  # noqa: S608 - names of the file's own tables
        base.close()
    return "\n".join(repr(row) for row in rows).encode()


def _columns(content: bytes) -> Iterator[tuple[str, bytes]]:
    table = pq.read_table(io.BytesIO(content))
    for key, value in (table.schema.metadata or {}).items():
        yield f"footer {key.decode()}", value
    yield "cells", json.dumps(table.to_pydict(), default=str).encode()


def _chunks(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = 8
    while at < len(content):
        size = struct.unpack(">I", content[at : at + 4])[0]
        kind, chunk = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        if kind in (b"zTXt", b"iCCP"):
            yield from _inflated(chunk.split(b"\0", 1)[1][1:], kind.decode())
        elif kind not in (b"IDAT", b"PLTE"):
            yield kind.decode(), chunk
        at += 12 + size


def spellings(needle: str | float) -> dict[str, bytes]:
    """Give the ways something may be written, hashed too."""
    if isinstance(needle, float):
        text = repr(needle)
        return {
            "text": text.encode(),
            "decimal comma": text.replace(".", ",").encode(),
            "double": struct.pack("<d", needle),
            "double, big end first": struct.pack(">d", needle),
        }
    raw = needle.encode()
    found = {"text": raw, "utf-16": needle.encode("utf-16-le"), "hex": raw.hex().encode()}
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, raw).digest()
        found[f"{name} hex"] = digest.hex().encode()[:24]  # a cut one is enough to follow somebody
        found[name] = digest[:12]
        found[f"{name} base64"] = base64.b64encode(digest)[:16]
    return found


def leaks(files: Iterable[tuple[str, bytes]], needles: Iterable[str | float]) -> list[str]:
    """Tell where any of the needles stands, in any spelling."""
    wanted: dict[bytes, list[tuple[bytes, str]]] = {}
    for needle in needles:
        for how, spelled in spellings(needle).items():
            wanted.setdefault(spelled[:_START], []).append((spelled, f"{needle!r} as {how}"))
    assert all(len(start) == _START for start in wanted), "a needle is too short to be looked for"
    starts = np.sort(np.frombuffer(b"".join(wanted), dtype=np.uint64))
    found = set()
    for name, content in files:
        for place, inside in unpacked(content, name):
            for at in _starts(inside, starts):
                for spelled, told in wanted[inside[at : at + _START]]:
                    if inside.startswith(spelled, at):
                        found.add(f"{place}: {told}")
    return sorted(found)


def _starts(content: bytes, starts: np.ndarray) -> Iterator[int]:
    """Give the places where one of the needles may start."""
    for shift in range(_START):
        size = (len(content) - shift) // _START
        if size > 0:
            words = np.frombuffer(content, dtype=np.uint64, count=size, offset=shift)
            near = np.minimum(np.searchsorted(starts, words), len(starts) - 1)
            for place in np.flatnonzero(starts[near] == words).tolist():
                yield shift + _START * place


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give every file of a folder, hidden ones and their names too."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        yield f"name of {name}", name.encode()
        if path.is_file():
            yield name, path.read_bytes()
