"""Whatever fails, whenever: each file is the old one or the new one, and the next run works.

The kills of real runs by the hundred are in benchmarks/kills.py; some of them are tried here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from disks import Disk, failing
from layers import as_options

from territories import InputError, _writing
from territories._words import using
from territories._writing import (
    MARK,
    claimed,
    incomplete,
    refuse_incomplete,
    whole_file,
    whole_files,
    whole_folder,
)
from territories.pipeline import FILES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")

KILLS = Path(__file__).parents[1] / "benchmarks" / "kills.py"

NAMES = ("a.txt", "b.json", "c.csv", "d.html")
OLD = {"a.txt": "old a", "b.json": '["old"]', "d.html": "old </html>", "mine.txt": "mine"}
NEW = {"a.txt": "new a", "b.json": '["new"]', "c.csv": "new;c\n", "mine.txt": "mine"}

Contents = dict[str, str]
Writer = "Callable[[Path], None]"


def write_folder(folder: Path) -> None:
    with whole_folder(folder, NAMES, overwrite=True) as draft:
        for name in NAMES:
            if name in NEW:
                (draft / name).write_text(NEW[name])


def write_pair(folder: Path) -> None:
    with whole_files(folder / "a.txt", folder / "b.json", overwrite=True) as drafts:
        for draft in drafts:
            draft.write_text(NEW[draft.name])


def write_one(folder: Path) -> None:
    with whole_file(folder / "b.json", overwrite=True) as draft:
        draft.write_text(NEW["b.json"])


WRITERS = {
    write_folder: NEW,
    write_pair: OLD | {name: NEW[name] for name in ("a.txt", "b.json")},
    write_one: OLD | {"b.json": NEW["b.json"]},
}


def old_result(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


def shown(folder: Path) -> Contents:
    """Read the visible files of a folder but the mark."""
    found = (each for each in folder.iterdir() if not each.name.startswith("."))
    return {each.name: each.read_text() for each in found if each.name != MARK}


def hidden(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.startswith(".")]


# --- a disk that fails at the n-th call ----------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_fails_at_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Callable, for_good: bool, code: int
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    new = WRITERS[writer]
    turn, refused = 0, 0
    while True:
        turn += 1
        folder = old_result(tmp_path / str(turn) / "out")
        disk = Disk(folder, turn, code, for_good)
        refusal = None
        with monkeypatch.context() as patch:
            failing(patch, disk)
            try:
                writer(folder)
            except InputError as problem:
                refusal = problem
        if disk.asked < turn:
            break  # nothing is left that could fail
        found = shown(folder)
        for name in {*OLD, *new, *found}:
            assert found.get(name) in (OLD.get(name), new.get(name)), (turn, name)
        if refusal is None:
            assert found == new, turn
        else:
            refused += 1
            keys = [each.key for each in refusal.faults]
            assert len(keys) == 1 or keys[1:] == ["error.output_mixed"], (turn, keys)
            assert ("error.output_mixed" in keys) == (folder / MARK).exists()
            assert os.strerror(code) in str(refusal)
        if not for_good:
            assert found in (OLD, new), turn
            assert not (folder / MARK).exists()
            assert hidden(folder) == [], turn
        if found not in (OLD, new):
            changed = {name for name in {*OLD, *new} if OLD.get(name) != new.get(name)}
            assert changed <= set(incomplete(folder)), turn
        writer(folder)
        assert shown(folder) == new
        assert hidden(folder) == []
        assert incomplete(folder) == []
    assert refused > 5


def test_where_nothing_was_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    turn = 0
    while True:
        turn += 1
        top = tmp_path / str(turn)
        disk = Disk(top, turn, errno.EIO)
        with monkeypatch.context() as patch:
            failing(patch, disk)
            with contextlib.suppress(InputError):
                write_folder(top / "x" / "out")
        if disk.asked < turn:
            break
        if (top / "x" / "out" / "a.txt").exists():
            assert shown(top / "x" / "out") == {name: NEW[name] for name in NAMES if name in NEW}
            assert hidden(top / "x" / "out") == []
        elif disk.asked > turn or not top.exists():  # unless it is its removal that failed
            assert not (top / "x" / "out").exists() or turn > 20
    assert turn > 20


# --- one run at a time ---------------------------------------------------------------------------

HOLDER = """
import sys, time
from territories._writing import whole_folder
with whole_folder(sys.argv[1], ("a.txt",), overwrite=True) as draft:
    (draft / "a.txt").write_text("half")
    print("ready", flush=True)
    time.sleep(120)
"""


def test_two_runs_in_one_place(tmp_path: Path) -> None:
    folder = old_result(tmp_path / "out")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        left = sorted(hidden(folder))
        assert len(left) == 2  # a lock and a draft
        with pytest.raises(InputError, match="another run of territories is writing here"):
            write_folder(folder)
        with using("fr"), pytest.raises(InputError, match="une autre exécution de territories"):
            write_folder(folder)
        assert sorted(hidden(folder)) == left  # what a live run has is not swept
        write_one(folder)  # other files of the folder are free
        other.send_signal(signal.SIGKILL)
        other.wait(60)
        assert sorted(hidden(folder)) == left
        write_folder(folder)
    finally:
        other.kill()
        other.communicate()
    assert shown(folder) == NEW
    assert hidden(folder) == []


def test_threads_wait_for_no_one(tmp_path: Path) -> None:
    """Of threads that write one file some are refused, and the file is one of theirs, whole."""
    target = tmp_path / "a.json"
    refused: list[str] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for turn in range(20):
            try:
                with whole_file(target, overwrite=True) as draft:
                    draft.write_text(f"[{number}, {turn}]" + " " * 10_000)
            except InputError as problem:
                refused.extend(each.key for each in problem.faults)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(refused) <= {"error.output_busy"}
    assert len(target.read_text()) > 10_000
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_place_is_taken_before_the_long_work(tmp_path: Path) -> None:
    with claimed(tmp_path / "out"):
        write_folder(tmp_path / "out")  # by the run that has it
        assert len(hidden(tmp_path / "out")) == 1
    assert hidden(tmp_path / "out") == []
    with claimed(tmp_path / "none" / "out"):
        pass
    assert not (tmp_path / "none").exists()


def test_where_there_are_no_locks_drafts_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network drives have none: nobody knows then whether a draft is of a live run."""
    import fcntl  # noqa: PLC0415 - not on Windows

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    folder = old_result(tmp_path / "out")
    (folder / ".territories-run.abc").mkdir()
    write_folder(folder)
    assert shown(folder) == NEW
    assert hidden(folder) == [".territories-run.abc"]


# --- files that are open, names that are too long, links -----------------------------------------


class SharedError(OSError):
    """What Windows says of a file that is open in another program."""

    winerror = 32


@pytest.mark.parametrize("times", [2, 1000])
def test_a_file_that_another_program_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    folder = old_result(tmp_path / "out")
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    real, refused = Path.replace, []

    def replace(self: Path, where: Path) -> Path:
        if Path(where) == folder / "b.json" and len(refused) < times and ".old" not in str(self):
            refused.append(where)
            raise SharedError(13, "Permission denied", str(where))
        return real(self, where)

    monkeypatch.setattr(Path, "replace", replace)
    if times == 2:
        write_folder(folder)
        assert shown(folder) == NEW
        return
    with using("fr"), pytest.raises(InputError, match=r"b\.json\. Fermez-le") as refusal:
        write_folder(folder)
    assert len(refusal.value.faults) == 1
    assert shown(folder) == OLD
    assert hidden(folder) == []
    assert sum(slept) > 1


def test_all_files_that_are_open_are_named_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = old_result(tmp_path / "out")
    monkeypatch.setattr(_writing, "_WINDOWS", True)
    real = Path.open

    def held(self: Path, mode: str = "r", *rest: object, **options: object) -> object:
        if mode == "r+b" and self.parent == folder and self.name in ("a.txt", "d.html"):
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", held)
    with pytest.raises(InputError, match=r"write-protected: a\.txt, d\.html\. Close it"):
        write_folder(folder)
    assert shown(folder) == OLD
    assert hidden(folder) == []


def test_long_names(tmp_path: Path) -> None:
    longest = "x" * 250 + ".json"
    with whole_file(tmp_path / longest) as draft:
        draft.write_text("[]")
    assert [each.name for each in tmp_path.iterdir()] == [longest]
    for name in ("x" * 300 + ".json", "x" * 5000):
        with (
            using("fr"),
            pytest.raises(InputError, match="ce nom est trop long"),
            whole_file(tmp_path / name, overwrite=True) as draft,
        ):
            draft.write_text("[]")
        with pytest.raises(InputError, match="this name is too long"):
            write_folder(tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.json").write_text("[]")
    (tmp_path / "a.json").symlink_to(tmp_path / "far" / "a.json")
    with whole_file(tmp_path / "a.json", overwrite=True) as draft:
        draft.write_text("[1]")
    assert (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "far" / "a.json").read_text() == "[1]"


def test_what_few_may_read_stays_so(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "a.json").chmod(0o600)
    with whole_file(tmp_path / "a.json", overwrite=True) as draft:
        draft.write_text("[1]")
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600


def test_a_file_cut_short_is_not_put_in_place(tmp_path: Path) -> None:
    folder = old_result(tmp_path / "out")
    with (
        pytest.raises(InputError, match=r"b\.json: read again .* not whole"),
        whole_folder(folder, NAMES, overwrite=True) as draft,
    ):
        (draft / "b.json").write_text('["ne')
    assert shown(folder) == OLD
    assert hidden(folder) == []


# --- a folder that is incomplete -----------------------------------------------------------------


def test_the_mark_says_what_it_means(tmp_path: Path) -> None:
    with whole_folder(tmp_path, ("a.txt",), overwrite=True) as draft:
        (draft / "a.txt").write_text("a")
        _writing._mark(tmp_path, ["a.txt", "b.json"], draft)  # noqa: SLF001 - as a killed run
        (draft / MARK).unlink(missing_ok=True)
    text = (tmp_path / MARK).read_text(encoding="utf-8-sig")
    assert "Ce résultat est incomplet." in text
    assert "This result is incomplete." in text
    assert "{" not in text
    assert incomplete(tmp_path) == ["b.json"]  # the other one has just been written
    refuse_incomplete(tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"b\.json: this result is incomplete.*INCOMPLET"):
        refuse_incomplete(tmp_path / "b.json")
    write_folder(tmp_path)
    assert not (tmp_path / MARK).exists()


def marked(folder: Path, *names: str) -> None:
    text = "x\n" + "".join(f"- {name}\n" for name in names)
    (folder / MARK).write_text(text, encoding="utf-8-sig")


def test_an_incomplete_run_is_read_by_no_command_and_replaced_without_leave(
    cli: Callable, region: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = ("run", *as_options(region), "--territories", 2, "--runs", 2, "--out", out)
    assert cli(*run).code == 0
    marked(out, *FILES)
    log = tmp_path / "log.csv"
    log.write_text("action;commune\n")
    inputs = as_options(region)
    for words in (
        ("report", out, *inputs),
        ("edit", out, *inputs),
        ("maps", out, *inputs),
        ("apply", out, log, "--out", tmp_path / "other", *inputs),
        ("evaluate", out / "communes.csv", *inputs[:4]),
    ):
        told = cli(*words)
        assert told.code == 1, words
        assert "ce résultat est incomplet" in told.err, words
        assert MARK in told.err
    assert not (tmp_path / "other").exists()
    assert cli(*run).code == 0  # no --overwrite
    assert sorted(each.name for each in out.iterdir()) == sorted(FILES)
    assert cli(*run).code == 1
    marked(out, "report.html", "tables.xlsx")  # a report that was interrupted: the run is whole
    assert cli("report", out, *inputs).code == 0
    assert not (out / MARK).exists()


# --- the command line ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_run_and_leaves_what_was_there(
    region: dict[str, Path], tmp_path: Path, number: int, code: int
) -> None:
    out = old_result(tmp_path / "out")
    (out / "communes.csv").write_text("old")
    before = shown(out)
    words = ["run", *as_options(region), "--overwrite", "--out", out]
    # What started the tests may ignore signals, as nohup does; a user's terminal does not.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL);"
        "from territories.cli import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    end = time.monotonic() + 120
    while not hidden(out) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(random.Random(number).uniform(0, 0.5))
    process.send_signal(number)
    told, err = process.communicate(timeout=120)
    assert (process.returncode, told) == (code, "")
    assert err.strip() == "Interrompu : rien n'a été écrit."
    assert shown(out) == before
    assert hidden(out) == []


def test_an_interruption_after_the_writing_says_so(
    cli: Callable, region: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("territories.cli.report", stopped)
    out = tmp_path / "out"
    told = cli("run", *as_options(region), "--runs", 2, "--out", out)
    assert told.code == 130
    assert f"les fichiers sont en place, entiers, dans {out}" in told.err
    assert sorted(each.name for each in out.iterdir()) == sorted(FILES)


def test_temporary_files_that_find_no_room_are_told_in_one_message(
    cli: Callable, region: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "disk/x")

    monkeypatch.setattr("territories.pipeline.compute", full)
    told = cli("run", *as_options(region), "--out", tmp_path / "out")
    assert told.code == 1
    assert "disk/x : le disque est plein" in told.err
    assert not (tmp_path / "out").exists()


def test_kills_and_limits_of_real_runs() -> None:
    """A few of those of benchmarks/kills.py."""
    words = [sys.executable, KILLS, "--kills", "9", "--limits", "4", "--spawned", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kills: 9 of 9" in done.stdout
    assert "limits of size: 4 of 4" in done.stdout
