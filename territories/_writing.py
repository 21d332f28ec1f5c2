"""Files written whole or not at all, by one run at a time; a folder is complete, or says it is not.

A result is drafted in a folder of its own (0700) beside its place. There each file is flushed to
the disk and read again; only then is it put in place, by one replacement. So whatever the moment a
run is killed, each file is the old one or the new one. While several are being replaced, `MARK`
stands beside them and names them: what reads one of them refuses it, and the next run that writes
them needs no leave to do so.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyogrio.errors import DataLayerError, DataSourceError

from territories._locks import held
from territories._reread import refuse_partial
from territories._words import say
from territories.errors import InputError, TerritoriesError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from territories._words import Sentence

MARK: Final = "INCOMPLET-INCOMPLETE.txt"

_FILE_NAMES: Final = (".xlsx", ".ods", ".html", ".json", ".geojson", ".gpkg", ".csv", ".pdf")
_HIDDEN: Final = ".territories-"
_OLD: Final = ".old"  # in a draft: the files that stood in the place of the new ones
_ITEM: Final = "- "  # before a name, in the mark

_WINDOWS: Final = os.name == "nt"
# A file that is open in another program, on Windows and its network drives.
_SHARING: Final = (5, 32, 33)
# Seconds between the tries: a virus scanner or a preview holds a file for that long.
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)

_REASONS: Final = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "output_full"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "output_no_right"),
    errno.EROFS: "output_read_only",
    errno.ENAMETOOLONG: "output_long",
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTUNREACH),
        "output_lost",
    ),
}
# What a folder says that cannot be flushed, or need not be.
_NO_FLUSH: Final = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.ENOSYS, errno.EACCES)

# The places that the run under way has for itself; the files that it has put in place.
_mine: ContextVar[frozenset[Path]] = ContextVar("_mine", default=frozenset())
_told: ContextVar[list[Path] | None] = ContextVar("_told", default=None)


def refuse_folder_name(folder: Path) -> None:
    """Refuse a folder named as a file, unless it is there: a workbook was meant, or a map."""
    if folder.suffix.lower() in _FILE_NAMES and not folder.is_dir():
        raise InputError(fault("folder_name", file=str(folder), suffix=folder.suffix))


def refuse_result(folder: str | Path, files: Sequence[str], *, overwrite: bool) -> None:
    """Refuse to write where a result is, or something else; one that is incomplete is no result.

    Raises
    ------
    InputError
        If a file of the result is there and `overwrite` is False, or the folder is a file.
    """
    target = Path(folder)
    with _refusals(target):
        if target.exists() and not target.is_dir():
            raise InputError(fault("output_is_file", file=str(target)))
        present = _present(target, files, overwrite=overwrite)
    if present:
        raise InputError(fault("output_exists", file=str(target), values=", ".join(present)))


def refuse_files(*paths: Path, overwrite: bool) -> None:
    """Refuse to write files of one folder where there are some already, or no folder for them."""
    folder, names = paths[0].parent, [each.name for each in paths]
    with _refusals(paths[0]):
        if not folder.is_dir():
            raise InputError(fault("output_no_folder", file=str(paths[0]), folder=str(folder)))
        faults = [fault("output_is_folder", file=str(each)) for each in paths if each.is_dir()]
        faults = faults or [
            fault("output_file_exists", file=str(folder / name))
            for name in _present(folder, names, overwrite=overwrite)
        ]
    if faults:
        raise InputError(*faults)


def refuse_incomplete(path: str | Path) -> None:
    """Refuse to read a file of a result that is incomplete.

    Raises
    ------
    InputError
        If the mark beside the file names it.
    """
    place = Path(path)
    if place.name in incomplete(place.parent):
        raise InputError(fault("incomplete", file=str(place), mark=MARK))


def incomplete(folder: str | Path) -> list[str]:
    """Name the files of a folder that may be of two runs; none where it is complete."""
    try:
        text = (Path(folder) / MARK).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return []
    return [line[len(_ITEM) :] for line in text.splitlines() if line.startswith(_ITEM)]


@contextlib.contextmanager
def placed_files() -> Iterator[list[Path]]:
    """Give a list that fills with the files that the block puts in place."""
    told: list[Path] = []
    token = _told.set(told)
    try:
        yield told
    finally:
        _told.reset(token)


@contextlib.contextmanager
def claimed(folder: str | Path, *names: str) -> Iterator[None]:
    """Have a place for oneself: no other run writes there while the block lasts.

    It is taken before the long work, so that what the disk would refuse after it is refused now.

    Parameters
    ----------
    folder
        Made if it is not there, for a result that has it for its own.
    *names
        Files in it, where a result is these alone.

    Raises
    ------
    InputError
        If another run is at work there, or it cannot be written to.
    """
    place = Path(folder)
    target = place / names[0] if names else place
    with _refusals(target):
        lock = place.resolve() / f"{_hidden(names)}lock"
    if lock in _mine.get():
        yield
        return
    with contextlib.ExitStack() as stack:
        with _refusals(target):
            for each in [] if names else _missing(place):
                each.mkdir(exist_ok=True)
                stack.callback(_remove_empty, each)
            if stack.enter_context(held(lock)):
                for left in place.glob(f"{_hidden(names)}*"):
                    if left.name != lock.name:  # of a run that is no more, since this is its lock
                        _clear(left)
        token = _mine.set(_mine.get() | {lock})
        try:
            yield
        finally:
            _mine.reset(token)


@contextlib.contextmanager
def whole_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path of the same name; put the file in place when the block ends well.

    Raises
    ------
    InputError
        If the file exists and `overwrite` is False, or the folder cannot be written to.
    """
    with whole_files(path, overwrite=overwrite) as drafts:
        yield drafts[0]


@contextlib.contextmanager
def whole_files(*paths: str | Path, overwrite: bool = False) -> Iterator[tuple[Path, ...]]:
    """Do as `whole_file` for files of one folder that belong together: both or none."""
    with _refusals(Path(paths[0])):
        # What a link leads to is replaced, not the link.
        targets = [each.resolve() if each.is_symlink() else each for each in map(Path, paths)]
    folder, names = targets[0].parent, [each.name for each in targets]
    refuse_files(*targets, overwrite=overwrite)
    with claimed(folder, *names):
        # Another run may have been at it until now.
        refuse_files(*targets, overwrite=overwrite)
        with _refusals(targets[0]), _drafted(folder, names) as draft:
            yield tuple(draft / name for name in names)
            _put_in_place(draft, folder, names, written=names)


@contextlib.contextmanager
def whole_folder(
    path: str | Path, files: Sequence[str], *, overwrite: bool, given: bool = False
) -> Iterator[Path]:
    """Give a temporary folder; move its files into the folder when the block ends well.

    Parameters
    ----------
    path
        The folder; made if it is not there.
    files
        Names of the files of a result: one of them in the folder is a result. What an earlier
        result had and this one has not goes: it would be taken for a part of it.
    overwrite
        Replace an existing result.
    given
        The files come from elsewhere, and the block has looked at them: they are not read again.

    Raises
    ------
    InputError
        If the folder holds a result and `overwrite` is False, or cannot be written to.
    """
    target = Path(path)
    refuse_result(target, files, overwrite=overwrite)
    with claimed(target):
        # Another run may have been at it until now.
        refuse_result(target, files, overwrite=overwrite)
        with _refusals(target), _drafted(target, ()) as draft:
            yield draft
            written = sorted(each.name for each in draft.iterdir())
            _put_in_place(draft, target, files, written=written, given=given)


def disk_fault(problem: BaseException, file: str | Path) -> Sentence:
    """Say what the system refuses, and what to do about it."""
    values = {"file": str(file), "problem": getattr(problem, "strerror", None) or str(problem)}
    if isinstance(problem, BlockingIOError):
        return fault("output_busy", file=str(file))
    if getattr(problem, "winerror", None) in _SHARING:
        return fault(
            "output_in_use",
            values=Path(getattr(problem, "filename", None) or file).name,
            file=str(file),
        )
    return fault(_REASONS.get(getattr(problem, "errno", None) or 0, "output_folder"), **values)


def _present(folder: Path, files: Sequence[str], *, overwrite: bool) -> list[str]:
    """List the files of a result that may not be replaced."""
    present = [] if overwrite else [name for name in files if (folder / name).exists()]
    # An incomplete result is no loss: who began to replace it had leave to.
    return present if set(present) - set(incomplete(folder)) else []


def _hidden(names: Sequence[str]) -> str:
    """Begin the names of the lock and the drafts of a result: of a folder, or of files in it."""
    key = hashlib.sha256("/".join(names).casefold().encode()).hexdigest()[:8] if names else "run"
    return f"{_HIDDEN}{key}."


@contextlib.contextmanager
def _drafted(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(prefix=_hidden(names), dir=folder))
    try:
        yield draft
    finally:
        _clear(draft)


def _put_in_place(
    draft: Path, folder: Path, files: Sequence[str], *, written: Sequence[str], given: bool = False
) -> None:
    """Replace the files one by one; if that fails, put the old ones back."""
    for name in written:
        _prove(draft / name, folder / name, given=given)
    _flush_folder(draft)
    gone = [name for name in files if name not in written and (folder / name).exists()]
    changed = [*written, *gone]
    _refuse_held(folder, changed)
    old = draft / _OLD
    old.mkdir()
    for name in changed:
        if (folder / name).exists():
            _keep(folder / name, old / name)
    before = incomplete(folder)
    touched: list[str] = []
    try:
        # One file alone needs no mark: its replacement is one step.
        _mark(folder, sorted({*before, *changed}) if len(changed) > 1 else before, draft)
        for name in written:
            touched.append(name)
            _replace(draft / name, folder / name)
        for name in gone:
            touched.append(name)
            (folder / name).unlink()
        _flush_folder(folder)
        _mark(folder, [name for name in before if name not in {*files, *written}], draft)
    except BaseException:
        _put_back(draft, folder, touched, before)
        raise
    told = _told.get()
    if told is not None:
        told += [folder / name for name in written]


def _put_back(draft: Path, folder: Path, touched: Sequence[str], before: Sequence[str]) -> None:
    """Put the old files back; where that fails too, the mark stays and the message says so."""
    try:
        for name in touched:
            kept = draft / _OLD / name
            if kept.exists():
                _replace(kept, folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        _mark(folder, before, draft)
    except OSError as worse:
        faults = [disk_fault(worse, folder)]
        if (folder / MARK).exists():
            faults.append(fault("output_mixed", file=str(folder), mark=MARK))
        raise InputError(*faults) from worse


def _mark(folder: Path, names: Sequence[str], draft: Path) -> None:
    """Write which files may be of two runs, or that there are none."""
    place = folder / MARK
    if names:
        words = [say("incomplete.text", language=each) for each in ("fr", "en")]
        text = "\n\n".join([*words, "\n".join(f"{_ITEM}{name}" for name in names)]) + "\n"
        (draft / MARK).write_text(text, encoding="utf-8-sig", newline="\r\n")
        _flush(draft / MARK)
        _replace(draft / MARK, place)
    elif place.exists():
        place.unlink()
    else:
        return
    _flush_folder(folder)


def _prove(draft: Path, target: Path, *, given: bool) -> None:
    """Flush a file and read it again; no one may read it who might not read the one it replaces."""
    _flush(draft)
    if not given:
        refuse_partial(draft, str(target))
    if target.exists():
        draft.chmod(draft.stat().st_mode & target.stat().st_mode)


def _refuse_held(folder: Path, names: Sequence[str]) -> None:
    """Refuse before the first replacement what Windows would refuse at the third: an open file."""
    found = []
    for name in names if _WINDOWS else ():
        try:
            with (folder / name).open("r+b"):
                pass
        except FileNotFoundError:
            continue
        except PermissionError:
            found.append(name)
    if found:
        raise InputError(fault("output_in_use", file=str(folder), values=", ".join(found)))


def _keep(file: Path, copy: Path) -> None:
    """Keep a file under another name, in no time where the disk can."""
    try:
        os.link(file, copy)
    except OSError:
        shutil.copy2(file, copy)


def _replace(source: Path, target: Path) -> None:
    """Replace a file in one step; wait a little for a program that has it open."""
    for pause in _PAUSES:
        try:
            source.replace(target)
        except OSError as problem:
            shared = getattr(problem, "winerror", None) in _SHARING
            if not shared and problem.errno != errno.EBUSY:
                raise
            time.sleep(pause)
        else:
            return
    source.replace(target)


def _flush(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    """Flush the names of a folder, where the system does that: what was replaced stays so."""
    if _WINDOWS:
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as problem:
        if problem.errno not in _NO_FLUSH:
            raise


def _missing(folder: Path) -> list[Path]:
    """List a folder and those above it that are not there, the highest first."""
    return [each for each in (*reversed(folder.parents), folder) if not each.exists()]


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _clear(draft: Path) -> None:
    """Remove a draft, if need be at the second try: another program may be looking at it."""
    for _ in range(3):
        shutil.rmtree(draft, ignore_errors=True)
        if not draft.exists():
            return
        time.sleep(0.02)


@contextlib.contextmanager
def _refusals(target: Path) -> Iterator[None]:
    """Turn what the system refuses into one clear message."""
    try:
        yield
    except TerritoriesError:
        raise
    except (OSError, sqlite3.Error, DataSourceError, DataLayerError) as problem:
        raise InputError(disk_fault(problem, target)) from problem
