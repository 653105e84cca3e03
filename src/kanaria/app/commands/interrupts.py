"""Requests to end: Ctrl-C, SIGTERM and SIGHUP unwind what runs, so that nothing is left behind, and give their status.

A request that comes while the engine works on a query comes out as an error of that query: ``StopRequest`` remembers
that it was no error. What listens or serves is asked to end instead (``asking``). All handlers of the program are here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import NoReturn

from kanaria.core.unfinished import remove_leftovers
from kanaria.core.values import dataclass

BY_SIGNAL = 128
"""A process that a signal ended has the signal's number plus this as its status, as shells count."""
AGAIN = 0.1
"""Seconds until a request that got lost comes again."""
LEAVES_WITHIN = 3.0
"""Seconds in which what a request interrupts has to be unwound, a choice: longer than people wait before they ask
again. Compilers and engines, written in other languages, hear of no request before they are done, or drop it: on a busy
machine a run that compiled for the first time took 12 to 60 s to end."""
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
def asked_to_end(leave: Callable[[int], None]) -> Iterator[StopRequest]:
    """Notes requests to end while open. Who ignores a signal (nohup) goes on ignoring it. ``leave`` is called with the
    signal's number, in another thread, when what runs was not unwound within ``LEAVES_WITHIN``."""
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
        with _left_in_time(lambda: True, leave):
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
    end: Callable[[], None], over: Callable[[], bool] = lambda: False, leave: Callable[[int], None] | None = None
) -> Iterator[None]:
    """While open, Ctrl-C and SIGTERM call ``end``, in a thread of its own; while it is ``over``, they unwind as ever,
    and ``leave`` (or else what ``asked_to_end`` got) is called when that has not come about within ``LEAVES_WITHIN``.

    A handler runs in the middle of the main thread, which may hold the very lock that ``end`` needs, of an event or of
    standard error. So the handler itself only puts, and reads ``over``, which must take no lock.
    """
    came: SimpleQueue[bool] = SimpleQueue()  # its ``put`` is made for handlers
    taken = 0

    def attend() -> None:
        while came.get():
            end()

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal taken
        if not over():
            taken += 1  # before ``end`` can make it over
            came.put(True)
        elif callable(handler := before[signal.Signals(number)]):
            handler(number, frame)
        else:
            sys.exit(BY_SIGNAL + number)

    attending = threading.Thread(target=attend, name="requests to end", daemon=True)
    attending.start()
    with _left_in_time(over, leave, lambda: taken):
        before = {number: signal.getsignal(number) for number in _ASKING}
        for number in before:
            signal.signal(number, ask)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    came.put(False)
    attending.join()


_leaves: list[Callable[[int], None]] = []
"""How to leave at once: the innermost counts."""


@contextmanager
def _left_in_time(
    over: Callable[[], bool], leave: Callable[[int], None] | None, taken: Callable[[], int] = lambda: 0
) -> Iterator[None]:
    """While open, a request that comes while it is ``over`` has ``LEAVES_WITHIN`` to be unwound. ``taken`` is how many
    asked to end while it was not: the very request that makes it over must not be seen as one that came afterwards."""
    unwound = threading.Event()
    heard, writing_end = os.pipe()
    os.set_blocking(writing_end, False)
    leaves = leave or (_leaves[-1] if _leaves else lambda _number: None)
    waiting = threading.Thread(
        target=_leave_in_time, args=(heard, unwound, over, taken, leaves), name="requests that wait", daemon=True
    )  # fmt: skip
    waiting.start()
    woken = signal.set_wakeup_fd(writing_end)  # a handler in Python would wait for other languages, too
    _leaves.append(leaves)
    try:
        yield
    finally:
        _leaves.pop()
        signal.set_wakeup_fd(woken)
        unwound.set()
        os.close(writing_end)
        waiting.join()


def _leave_in_time(
    heard: int,
    unwound: threading.Event,
    over: Callable[[], bool],
    taken: Callable[[], int],
    leave: Callable[[int], None],
) -> None:
    """Read requests until the other end is closed."""
    came = 0

    def late(number: int) -> bool:
        return over() and (number not in _ASKING or came > taken())

    with os.fdopen(heard, "rb", buffering=0) as requests:
        while read := requests.read(1):
            number = read[0]
            came += number in _ASKING
            if number in _ENDINGS and late(number) and not unwound.wait(LEAVES_WITHIN) and late(number):
                leave(number)


def leave_at_once(status: int) -> NoReturn:
    """End the process from any thread, without unwinding what runs: temporary folders are removed and programs we
    started are ended, as far as that takes no longer than ``LEAVES_WITHIN``. What a store keeps is as safe as from a
    power cut."""
    late = threading.Timer(LEAVES_WITHIN, _leave, (status,))
    late.daemon = True
    late.start()
    for child in _children():
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    while not remove_leftovers():
        time.sleep(AGAIN)
    # Temporary folders of the library. No other exit functions: they may wait for what the main thread holds.
    weakref.finalize._exitfunc()  # type: ignore[attr-defined]
    _leave(status)


def _leave(status: int) -> NoReturn:
    remove_leftovers()
    os._exit(status)


def _children() -> Iterator[int]:
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has ended meanwhile, a kernel without this list
            yield from map(int, (task / "children").read_text("ascii").split())
