"""Requests to end: Ctrl-C, SIGTERM and SIGHUP unwind what runs, so that nothing is left behind, and give their status.

A request that comes while the engine works on a query comes out as an error of that query: ``StopRequest`` remembers
that it was no error. What listens or serves is asked to end instead (``asking``). All handlers of the program are here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from kanaria.core.values import dataclass

BY_SIGNAL = 128
"""A process that a signal ended has the signal's number plus this as its status, as shells count."""
AGAIN = 0.1
"""Seconds until a request that got lost comes again."""
LEAVES_WITHIN = 3.0
"""Seconds in which what a request interrupts has to be unwound. Compilers and engines, written in other languages, hear
of no request before they are done: compiling for the first time took 25 s to do so on a busy machine."""
_ASKING = (signal.SIGINT, signal.SIGTERM)
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

    def lost(ignored: sys.UnraisableHookArgs) -> None:
        """Compilers call us back, and what is raised there is dropped; the request comes again, when they are done."""
        if asked.number is None or not isinstance(ignored.exc_value, SystemExit | KeyboardInterrupt):
            hook(ignored)
            return
        again.append(threading.Timer(AGAIN, os.kill, (os.getpid(), asked.number)))
        again[-1].start()

    again: list[threading.Timer] = []
    hook, sys.unraisablehook = sys.unraisablehook, lost
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    for number, handler in before.items():
        if handler in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end)
    try:
        yield asked
    finally:
        sys.unraisablehook = hook
        for timer in again:  # where the request was heard after all, it must not end the process a second time
            timer.cancel()
            timer.join()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def asking(
    end: Callable[[], None], over: Callable[[], bool] = lambda: False, leave: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """While open, Ctrl-C and SIGTERM call ``end``, in a thread of its own; while it is ``over``, they unwind as ever,
    and ``leave`` is called, in another thread, when that has not come about within ``LEAVES_WITHIN``.

    A handler runs in the middle of the main thread, which may hold the very lock that ``end`` needs, of an event or of
    standard error. So the handler itself only puts, and reads ``over``, which must take no lock.
    """
    came: SimpleQueue[bool] = SimpleQueue()  # its ``put`` is made for handlers

    def attend() -> None:
        while came.get():
            end()

    def ask(number: int, frame: FrameType | None) -> None:
        if not over():
            came.put(True)
        elif callable(handler := before[signal.Signals(number)]):
            handler(number, frame)
        else:
            sys.exit(BY_SIGNAL + number)

    attending = threading.Thread(target=attend, name="requests to end", daemon=True)
    attending.start()
    unwound = threading.Event()
    heard, told = os.pipe()
    os.set_blocking(told, False)
    waiting = threading.Thread(
        target=_leave_in_time, args=(heard, unwound, over, leave), name="requests that wait", daemon=True
    )  # fmt: skip
    waiting.start()
    woken = signal.set_wakeup_fd(told)  # a handler in Python would wait for other languages, too
    before = {number: signal.getsignal(number) for number in _ASKING}
    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        unwound.set()
        os.close(told)
        came.put(False)
        attending.join()
        waiting.join()


def _leave_in_time(
    heard: int, unwound: threading.Event, over: Callable[[], bool], leave: Callable[[], None]
) -> None:  # fmt: skip
    """Read requests until the other end is closed."""
    with os.fdopen(heard, "rb", buffering=0) as requests:
        while requests.read(1):
            if over() and not unwound.wait(LEAVES_WITHIN) and over():
                leave()
