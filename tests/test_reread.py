"""Files that are not whole are known by their format, wherever they are cut."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import xlsxwriter

from territories import InputError
from territories._reread import refuse_partial

if TYPE_CHECKING:
    from pathlib import Path

ENDS = {
    "a.html": b"<html><body>a</body></html>\n",
    "a.qml": b"<qgis></qgis>\n",
    "a.svg": b"<svg></svg>\n",
    "a.pdf": b"%PDF-1.4\n%%EOF\n",
    "a.png": b"\x89PNG\r\n\x1a\nIEND\xaeB`\x82",
    "a.csv": b"a;b\r\n1;2\r\n",
    "a.json": b'{"a": [1, 2]}\n',
    "a.geojson": b'{"type": "FeatureCollection", "features": []}\n',
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    book = xlsxwriter.Workbook(folder / "a.xlsx")
    book.add_worksheet().write(0, 0, "a" * 5000)
    book.close()
    pd.DataFrame({"a": range(1000)}).to_parquet(folder / "a.parquet")
    base = sqlite3.connect(folder / "a.gpkg")
    base.execute("CREATE TABLE t (a TEXT)")
    base.executemany("INSERT INTO t VALUES (?)", [("a" * 1000,)] * 100)
    base.commit()
    base.close()
    return ENDS | {each.name: each.read_bytes() for each in folder.iterdir()}


NAMES = [*ENDS, "a.xlsx", "a.parquet", "a.gpkg"]


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_taken(tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    (tmp_path / name).write_bytes(whole[name])
    refuse_partial(tmp_path / name, name)
    left = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert left == {name: whole[name]}  # it was only read


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_short_is_refused(
    tmp_path: Path, whole: dict[str, bytes], name: str, part: float
) -> None:
    content = whole[name]
    (tmp_path / name).write_bytes(content[: int(part * (len(content) - 2))])
    with pytest.raises(InputError, match=f"{name}: read again"):
        refuse_partial(tmp_path / name, name)


@pytest.mark.parametrize("name", ["a.xlsx", "a.gpkg"])
def test_a_file_with_holes_is_refused(tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    content = bytearray(whole[name])
    middle = len(content) // 3
    content[middle : middle + 4000] = bytes(min(4000, len(content) - middle))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="not whole"):
        refuse_partial(tmp_path / name, name)


@pytest.mark.parametrize("end", ["-journal", "-wal"])
def test_a_base_whose_journal_is_there_is_refused(
    tmp_path: Path, whole: dict[str, bytes], end: str
) -> None:
    (tmp_path / "a.gpkg").write_bytes(whole["a.gpkg"])
    (tmp_path / f"a.gpkg{end}").write_bytes(b"x")
    with pytest.raises(InputError, match="not whole"):
        refuse_partial(tmp_path / "a.gpkg", "a.gpkg")


def test_of_another_format_nothing_is_asked_but_something(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    refuse_partial(tmp_path / "a.txt", "a.txt")
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(InputError):
        refuse_partial(tmp_path / "a.txt", "a.txt")
