"""What asks a command to end: Ctrl-C, SIGTERM, and a terminal that is gone."""

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

STOPPED = 130  # what shells say of a command that Ctrl-C ended

Handler = Callable[[int, FrameType | None], object]


def end_in_order() -> None:
    """Have SIGTERM unwind this process, and a closed terminal be one.

    Both end a process on the spot by default, and leave behind what it started. One that `nohup`
    started ignores its terminal, and goes on doing so.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _leave_the_terminal)


@contextmanager
def answering(handler: Handler) -> Iterator[None]:
    """Have the handler answer SIGINT and SIGTERM, in place of what did before."""
    former = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, before in former.items():
            signal.signal(number, before)


@contextmanager
def stop_event() -> Iterator[Event]:
    """Yield an event that SIGINT and SIGTERM set."""
    stop = Event()
    with answering(lambda *_: stop.set()):
        yield stop


def _leave_the_terminal(_number: int, _frame: FrameType | None) -> None:
    # What is said on the way out would fail there, in the middle of tidying up.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):
            os.dup2(nowhere, stream)
    os.close(nowhere)
    signal.raise_signal(signal.SIGTERM)
