"""Opening files: looked at before they are trusted; archives are one plain file; none leads out."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import stat
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from territories import _archives, _memory
from territories._files import opened, readable
from territories._words import using
from territories.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = b"residence;activity;ps;patients\n01004;orl;A;20\n"


def zipped(
    members: dict[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as archive:
        for name, each in members.items():
            archive.writestr(name, each)
    return content.getvalue()


def refused(folder: Path, content: bytes, name: str = "extrait.csv") -> str:
    """Open a file of this content; give the key of the fault, whose message names the file."""
    (folder / name).write_bytes(content)
    with pytest.raises(InputError) as refusal:
        opened(folder / name)
    (told,) = refusal.value.faults
    for language in ("fr", "en"):
        with using(language):
            assert name in str(told)
    return told.key.removeprefix("error.")


# --- what is there -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://exemple.fr/e.csv",
        "HTTP://exemple.fr/e.csv",
        "ftp://exemple.fr/e.csv",
        "s3://seau/e.csv",
        "gs://seau/e.csv",
        "file:///etc/passwd",
        "/vsicurl/https://exemple.fr/e.csv",
        "/vsizip/e.zip/e.csv",
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_nothing_is_fetched(address: str, kind: Callable[[str], str | Path]) -> None:
    with pytest.raises(InputError) as refusal:
        readable(kind(address))
    assert refusal.value.faults[0].key == "error.file_remote"


@pytest.mark.parametrize("drive", ["C:\\extraits\\e.csv", "C:/extraits/e.csv", "\\\\nas\\e.csv"])
def test_drives_and_shares_of_the_network_are_no_addresses(drive: str) -> None:
    with pytest.raises(InputError) as refusal:
        readable(drive)
    assert refusal.value.faults[0].key == "error.file_missing"


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "extrait_2023.csv").write_bytes(TEXT)
    with pytest.raises(InputError, match=r"In the same folder: extrait_2023\.csv"):
        readable(tmp_path / "extrait_2022.csv")
    with pytest.raises(InputError, match="this is a folder"):
        readable(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        readable(tmp_path / "absent" / "e.csv")


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "TIMES", 10**12)
    assert refused(tmp_path, TEXT) == "file_over_memory"
    assert refused(tmp_path, b"") == "file_empty"


def test_the_hash_is_that_of_the_file_as_it_is(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT, mtime=0)
    (tmp_path / "e.csv.gz").write_bytes(packed)
    source = opened(tmp_path / "e.csv.gz")
    assert (source.content, source.kind, source.file) == (TEXT, "text", "e.csv.gz")
    assert source.sha256 == hashlib.sha256(packed).hexdigest()


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "une image"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "une image"),
        (b"GIF89a" + bytes(20), "une image"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\0" + bytes(20), "SQLite"),
        (b"\0\0'\n" + bytes(100), "Shapefile"),
        (b"fgb\x03fgb\0", "cartographique"),
        (b"ARROW1\0\0", "Feather"),
        (b"$FL2@(#) SPSS", "SPSS"),
        (b"<stata_dta><header>", "Stata"),
        (b"RDX3\nX\n", "SAS, SPSS, Stata ou R"),
        (b"7z\xbc\xaf'\x1c\0", "7z"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"  <!DOCTYPE html><title>Session</title>", "HTML"),
        (b"\xef\xbb\xbf<HTML>", "HTML"),
        (b'<?xml version="1.0"?><a/>', "XML"),
        (b'\n[{"residence": "01004"}]', "JSON"),
        (b'{"residence": ["01004"]}', "JSON"),
        (bytes(range(1, 9)) * 100, "binaire"),
    ],
)
def test_what_is_no_table_is_called_by_its_kind_whatever_its_name(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    assert refused(tmp_path, content) == "not_a_table"
    with using("fr"), pytest.raises(InputError, match=kind):
        opened(tmp_path / "extrait.csv")


def test_other_files_that_are_no_table(tmp_path: Path) -> None:
    assert refused(tmp_path, b"version https://git-lfs.github.com/spec/v1\n") == "file_pointer"
    assert refused(tmp_path, b"a: 1\n", "e.yaml") == "not_a_table"
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert refused(tmp_path, old, "e.xls") == "workbook_old"
    assert refused(tmp_path, old, "e.xlsx") == "workbook_locked"
    locked = old + "EncryptedPackage".encode("utf-16-le")
    assert refused(tmp_path, locked, "e.csv") == "workbook_locked"


class Trap:
    """What would run if it were ever unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("trapped"),)  # type: ignore[return-value]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [Trap(), [1, 2], {"a": 1}], ids=["trap", "list", "dict"])
@pytest.mark.parametrize("name", ["extrait.csv", "extrait.pkl", "extrait.parquet"])
def test_a_pickle_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int, value: object, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(tmp_path, pickle.dumps(value, protocol), name) == "not_a_table"
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "cp1252"])
def test_text_of_any_encoding_is_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "e.csv").write_bytes(TEXT.decode().encode(encoding))
    assert opened(tmp_path / "e.csv").kind == "text"


# --- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["e.csv", "dossier/e.csv", "e.txt", "Extrait 2023 é.csv"])
def test_an_archive_of_one_file_is_that_file(tmp_path: Path, name: str) -> None:
    leftovers = {"__MACOSX/._e.csv": b"x", ".DS_Store": b"x", "Thumbs.db": b"x", "vide/": b""}
    (tmp_path / "e.zip").write_bytes(zipped({name: TEXT, **leftovers}))
    assert opened(tmp_path / "e.zip").content == TEXT


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def nested(content: bytes, depth: int) -> bytes:
    for _ in range(depth):
        content = gzip.compress(content, mtime=0)
    return content


def locked(content: bytes) -> bytes:
    """Mark the members of an archive as encrypted, in both of its headers."""
    spoiled = bytearray(content)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = spoiled.index(signature) + place
        (flags,) = struct.unpack_from("<H", spoiled, start)
        struct.pack_into("<H", spoiled, start, flags | 1)
    return bytes(spoiled)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (zipped({}), "archive_empty"),
        (zipped({"vide/": b"", "__MACOSX/._a": b"x"}), "archive_empty"),
        (zipped({"a.csv": TEXT, "b.csv": TEXT}), "archive_several"),
        (zipped({"a.csv": TEXT, "lisez-moi.txt": b"x"}), "archive_several"),
        (zipped({"a.zip": zipped({"a.csv": TEXT})}), "archive_nested"),
        (zipped({"a.csv": zipped({"a.csv": TEXT})}), "archive_nested"),  # whatever its name
        (zipped({"a.csv": gzip.compress(TEXT, mtime=0)}), "archive_nested"),
        (zipped({"a.tar": b"x"}), "archive_nested"),
        (nested(TEXT, 2), "archive_nested"),
        (zipped({"../a.csv": TEXT}), "archive_unsafe"),
        (zipped({"a/../../b.csv": TEXT}), "archive_unsafe"),
        (zipped({"/etc/passwd": TEXT}), "archive_unsafe"),
        (zipped({"C:/a.csv": TEXT}), "archive_unsafe"),
        (zipped({"..\\a.csv": TEXT}), "archive_unsafe"),
        (zipped({linked("a.csv"): b"/etc/passwd"}), "archive_unsafe"),
        (zipped({"a.csv": TEXT, "../b.csv": TEXT}), "archive_unsafe"),
        (locked(zipped({"a.csv": TEXT})), "archive_locked"),
        (zipped({"a.csv": b""}), "file_empty"),
        (gzip.compress(b"", mtime=0), "file_empty"),
        (zipped({"a.csv": b"\x89PNG\r\n\x1a\n"}), "not_a_table"),
        (gzip.compress(pickle.dumps([1]), mtime=0), "not_a_table"),
        (zipped({"mimetype": b"application/vnd.oasis.opendocument.text"}), "not_a_table"),
        (zipped({"[Content_Types].xml": b"<a/>", "word/document.xml": b"<a/>"}), "not_a_table"),
        (gzip.compress(TEXT * 50, mtime=0)[:-9], "file_truncated"),
        (gzip.compress(TEXT, mtime=0)[:12], "file_truncated"),
        (zipped({"a.csv": TEXT})[:-10], "file_truncated"),
        (zipped({"a.csv": TEXT}, zipfile.ZIP_STORED).replace(b"01004", b"01005"), "file_truncated"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["e.zip", "e.csv"])
def test_an_archive_that_is_not_one_plain_file_is_refused(
    tmp_path: Path, content: bytes, key: str, name: str
) -> None:
    assert refused(tmp_path, content, name) == key
    assert [each.name for each in tmp_path.iterdir()] == [name]  # nothing is written


def test_the_files_of_an_archive_are_named(tmp_path: Path) -> None:
    (tmp_path / "e.zip").write_bytes(zipped({"b.csv": TEXT, "a.csv": TEXT}))
    with pytest.raises(InputError, match=r"several files: a\.csv, b\.csv"):
        opened(tmp_path / "e.zip")


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 300 times its size, or a size; also where the header of a zip lies about it."""
    monkeypatch.setattr(_archives, "_BOMB_SIZE", 1000)
    zeros = b"0;0\n" * 200_000
    assert refused(tmp_path, gzip.compress(zeros, mtime=0)) == "file_too_large"
    packed = zipped({"a.csv": zeros})
    assert refused(tmp_path, packed) == "file_too_large"
    lying = bytearray(packed)
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", lying, lying.index(signature) + place, 10)
    assert refused(tmp_path, bytes(lying)) in ("file_truncated", "file_too_large")


@given(st.integers(0, 400), st.integers(1, 255), st.booleans())
def test_a_damaged_archive_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int, short: bool
) -> None:
    content = bytearray(zipped({"mimetype": b"x", "a.csv": TEXT * 3}, zipfile.ZIP_STORED))
    place %= len(content)
    content[place] ^= change
    file = tmp_path_factory.mktemp("zip") / "e.zip"
    file.write_bytes(bytes(content[: place + 30] if short else content))
    try:
        opened(file)
    except InputError as refusal:
        assert "e.zip" in str(refusal)  # noqa: PT017 - either is right
