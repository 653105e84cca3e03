"""Programs that a test starts beside itself: none outlives its block, and none leaves a pipe open, however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import AnyStr

ENDING = 60.0
"""Seconds for a program that ends its own before it ends, on a machine that is busy; then it is killed."""


class Shared:
    """``cache`` is where programs that tests start keep compiled expressions; None for each in its own home folder."""

    cache: Path | None = None


def unconfigured(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user who has set nothing, and in whose home folder nothing is.

    What is compiled once per machine is kept for all tests of a run: a third of a second of each analysis.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LC_", "KANARIA"))}
    cache = {"XDG_CACHE_HOME": str(Shared.cache)} if Shared.cache else {}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", **cache, **more}


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


def unread(port: int) -> int | None:
    """Bytes of datagrams that nobody has taken yet at this port of 127.0.0.1; None while nobody listens there."""
    for line in Path("/proc/net/udp").read_text("ascii").splitlines()[1:]:
        _, local, _, _, queues, *_ = line.split()
        if local == f"0100007F:{port:04X}":
            return int(queues.partition(":")[2], 16)
    return None
