"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from territories import InputError
from territories._words import using
from territories._writing import whole_file, whole_folder

if TYPE_CHECKING:
    import os

NAMES = ("a.txt", "b.txt", "c.qgz")  # of formats that are not read again: see test_reread.py


def content(folder: Path) -> dict[str, str]:
    """Everything below a folder, hidden files and folders too."""
    return {
        str(each.relative_to(folder)): each.read_text() if each.is_file() else "folder"
        for each in sorted(folder.rglob("*"))
    }


def write(folder: Path, text: str, names: tuple[str, ...] = NAMES, **options: bool) -> None:
    with whole_folder(folder, NAMES, overwrite=options.get("overwrite", False)) as draft:
        for name in names:
            (draft / name).write_text(text)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with whole_file(target) as draft:
        assert draft.name == target.name  # writers choose their format by it
        assert draft.parent.stat().st_mode & 0o777 == 0o700  # nobody else looks at it
        assert draft.parent.parent == tmp_path
        draft.write_text("one")
        assert not target.exists()
    assert content(tmp_path) == {"a.txt": "one"}


@pytest.mark.parametrize(
    "problem", [OSError(28, "No space left"), KeyboardInterrupt(), ValueError()]
)
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_interrupted_leaves_nothing(
    tmp_path: Path, problem: BaseException, overwrite: bool
) -> None:
    target = tmp_path / "a.txt"
    if overwrite:
        target.write_text("old")
    expected = InputError if isinstance(problem, OSError) else type(problem)

    def fails() -> None:
        with whole_file(target, overwrite=overwrite) as draft:
            draft.write_text("half")
            raise problem

    with pytest.raises(expected):
        fails()
    assert content(tmp_path) == ({"a.txt": "old"} if overwrite else {})


def test_an_existing_file_is_kept_unless_told(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(InputError, match="overwrite=True"), whole_file(target) as draft:
        draft.write_text("new")
    assert content(tmp_path) == {"a.txt": "old"}
    with whole_file(target, overwrite=True) as draft:
        draft.write_text("new")
    assert content(tmp_path) == {"a.txt": "new"}


def test_a_file_in_no_folder_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="does not exist") as refusal,
        whole_file(tmp_path / "none" / "a.txt") as draft,
    ):
        draft.write_text("new")
    assert "a.txt" in str(refusal.value)
    with using("fr"):
        assert "n'existe pas. Créez-le" in str(refusal.value)


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    write(tmp_path / "x" / "y", "one")
    assert content(tmp_path / "x" / "y") == dict.fromkeys(NAMES, "one")


def test_a_result_is_kept_unless_told(tmp_path: Path) -> None:
    write(tmp_path / "out", "one")
    with pytest.raises(InputError, match="--overwrite") as refusal:
        write(tmp_path / "out", "two")
    assert "a.txt, b.txt, c.qgz" in str(refusal.value)
    assert content(tmp_path / "out") == dict.fromkeys(NAMES, "one")
    write(tmp_path / "out", "two", overwrite=True)
    assert content(tmp_path / "out") == dict.fromkeys(NAMES, "two")


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write(tmp_path, "one")
    write(tmp_path, "two", overwrite=True)
    assert content(tmp_path) == {**dict.fromkeys(NAMES, "two"), "notes.txt": "mine"}


def test_what_the_new_result_has_not_is_removed(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two", NAMES[:2], overwrite=True)
    assert content(tmp_path) == dict.fromkeys(NAMES[:2], "two")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="--out"):
        write(tmp_path / "out", "one")
    with pytest.raises(InputError, match="not possible to write here"):
        write(tmp_path / "out" / "deeper", "one")
    assert content(tmp_path) == {"out": "mine"}


@pytest.mark.parametrize(
    "problem", [OSError(28, "No space left"), KeyboardInterrupt(), ValueError()]
)
@pytest.mark.parametrize("old", [True, False])
def test_a_folder_interrupted_is_as_before(
    tmp_path: Path, problem: BaseException, old: bool
) -> None:
    target = tmp_path / "new" / "out" if not old else tmp_path / "out"
    if old:
        write(target, "old")
    before = content(tmp_path)

    def fails() -> None:
        with whole_folder(target, NAMES, overwrite=True) as draft:
            (draft / "a.txt").write_text("half")
            raise problem

    with pytest.raises(InputError if isinstance(problem, OSError) else type(problem)):
        fails()
    assert content(tmp_path) == before


@pytest.mark.parametrize("problem", [OSError(5, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("when", [1, 2, 3])
@pytest.mark.parametrize("old", [True, False])
def test_interrupted_while_the_files_are_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool, when: int, problem: BaseException
) -> None:
    """The last step must not leave half of each result: that would be taken for one."""
    target = tmp_path / "out"
    if old:
        write(target, "old")
    before = content(tmp_path)
    moved = 0
    real = Path.replace

    def replace(self: Path, where: str | os.PathLike[str]) -> Path:
        nonlocal moved
        if Path(where).parent == target and Path(where).name in NAMES:
            moved += 1
            if moved == when:
                raise problem
        return real(self, where)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(InputError if isinstance(problem, OSError) else type(problem)):
        write(target, "new", overwrite=True)
    assert content(tmp_path) == before
