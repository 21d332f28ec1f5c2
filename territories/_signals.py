"""Signals that end a run, each as an interruption from the keyboard would: what it made goes."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Asked to stop; the terminal was closed; Ctrl-Break on Windows. Ctrl-C is Python's own.
_NAMES: Final = ("SIGTERM", "SIGHUP", "SIGBREAK")
_BASE: Final = 128  # what a shell adds to the number of a signal


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop.

    Parameters
    ----------
    number
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Let the signals that would end the process at once interrupt the block instead.

    Those that someone ignores (``nohup``) or handles are left as they are.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(problem: BaseException | None) -> int:
    """Return the exit code of an interruption, as shells have it: 130 for Ctrl-C, 143 for TERM."""
    return _BASE + (problem.number if isinstance(problem, Stopped) else signal.SIGINT)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
