"""Requests to end: Ctrl-C, SIGTERM and SIGHUP unwind what runs, so that nothing is left behind, and give their status.

A request that comes while the engine works on a query comes out as an error of that query: ``StopRequest`` remembers
that it was no error.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kanaria.core.values import dataclass

BY_SIGNAL = 128
"""A process that a signal ended has the signal's number plus this as its status, as shells count."""
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class StopRequest:
    """Whether somebody asked this process to end: the signal's number."""

    number: int | None = None

    @property
    def status(self) -> int:
        return BY_SIGNAL + (self.number or 0)


@contextmanager
def asked_to_end() -> Iterator[StopRequest]:
    """Notes requests to end while open. Who ignores a signal (nohup) goes on ignoring it."""
    asked = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def end(number: int, frame: FrameType | None) -> None:
        asked.number = number
        if number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        sys.exit(BY_SIGNAL + number)

    before = {number: signal.getsignal(number) for number in _ENDINGS}
    for number, handler in before.items():
        if handler in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
