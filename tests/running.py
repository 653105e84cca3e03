"""Programs that a test starts beside itself: none outlives its block, and none leaves a pipe open, however that ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from typing import AnyStr

ENDING = 60.0
"""Seconds for a program that ends its own before it ends, on a machine that is busy; then it is killed."""


@contextlib.contextmanager
def running(
    process: subprocess.Popen[AnyStr], asked: signal.Signals | None = None
) -> Iterator[subprocess.Popen[AnyStr]]:
    """A program just started; at the end of the block it is killed, after it was ``asked`` to end if it has workers."""
    try:
        yield process
    finally:
        if asked is not None:
            process.send_signal(asked)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDING)
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):  # what was still to be written, and nobody reads now
                    pipe.close()
        process.wait()
