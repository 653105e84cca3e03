"""Programs that a test starts beside itself: none outlives its block, and none leaves a pipe open, however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import AnyStr

PATIENCE = 300.0
"""Seconds for whatever a test waits for, in every test: what comes within one or two on an idle machine did not come
within 60 at a load of 12 on two cores (starts of a service, three of three). Only a test that fails waits so long."""
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


def until(
    done: Callable[[], object],
    *,
    alive: Callable[[], object] = lambda: None,
    said: Callable[[], str] = lambda: "",
    seconds: float = PATIENCE,
    every: float = 0.02,
) -> None:
    """Wait until it is so; fails with what was ``said`` when that takes too long. ``alive`` raises when it cannot come."""
    ends = time.monotonic() + seconds
    while not done():
        alive()
        assert time.monotonic() < ends, f"not within {seconds:.0f} s\n{said()}"
        time.sleep(every)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def unread(port: int) -> int | None:
    """Bytes of datagrams that nobody has taken yet at this port of 127.0.0.1; None while nobody listens there."""
    for line in Path("/proc/net/udp").read_text("ascii").splitlines()[1:]:
        _, local, _, _, queues, *_ = line.split()
        if local == f"0100007F:{port:04X}":
            return int(queues.partition(":")[2], 16)
    return None
