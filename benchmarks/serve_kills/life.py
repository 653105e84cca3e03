"""A service that is killed again and again while its logs grow. Each is a forked child of this process, which has
imported everything; SIGKILL comes before a chosen operation on the store's files, or after a while."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import faults
from benchmarks.serve_kills.fates import FATES, nothing
from benchmarks.serve_kills.kept_and_told import lines_read, waiting
from benchmarks.serve_kills.logs import Growing
from benchmarks.serving import STARTED, dies_with_us, patient

SEED = 15
CAPABILITIES = 0x20080522
"""``_LINUX_CAPABILITY_VERSION_3``."""


def begin(folder: Path, *, fault: str = "none", number: int = 0, log: Path | None = None) -> int:
    """``kanaria serve`` in a child; its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        dies_with_us()
        os.chdir(folder)
        with (folder / "serve.log").open("a") as err:
            os.dup2(err.fileno(), 1)
            os.dup2(err.fileno(), 2)
        faults.arm(fault, number, folder / "store", log)
        sys.argv = ["kanaria", "serve", "--config", "kanaria.toml"]
        from kanaria.app.commands.main import main as kanaria

        obey_permissions()
        kanaria()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    finally:
        os._exit(status)


def obey_permissions() -> None:
    """Root, too, may not read what its mode forbids."""
    words = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    libc = ctypes.CDLL(None)
    if libc.capget(header, words) == 0:
        for at in (0, 1):  # effective and permitted
            words[at] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.capset(header, words)


@dataclass
class Disturbed:
    """A service that is killed ``points`` times, in a folder of its own."""

    folder: Path
    growing: Growing
    points: int
    fault: str = "kill"
    fates: bool = False
    second: bool = False
    hit: Counter[str] = field(default_factory=Counter)
    """What was being done when the kill came."""
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """All kills, then to the end of the logs undisturbed. A log that is renamed before anything of it was ever read
        is no log of this service: fates come after it has begun."""
        if self.fates:
            finish(self.folder, self.growing)
        seeded = random.Random(SEED)
        for point in range(self.points):
            undo = FATES[point % len(FATES)](self.growing, lambda: lines_read(self.folder)) if self.fates else nothing
            log = self.folder / "operations.log"
            log.unlink(missing_ok=True)
            slow = self.fault == "slow"
            number = 40 if slow else int(10 ** seeded.uniform(0, 2.4))
            child = begin(self.folder, fault=self.fault, number=number, log=None if slow else log)
            self._until_dead(child, seeded.uniform(0, 2), undo)
            done = [] if slow else faults.operations(log)
            self.hit[_doing(done[-1].path) if done and done[-1].number == number else "a moment"] += 1
        finish(self.folder, self.growing, self.fault if self.fault == "slow" else "none")

    def _until_dead(self, child: int, after: float, undo: Callable[[], None]) -> None:
        """Let logs grow until the fault has come, or until so many seconds after the service began to watch."""
        said = self.folder / "serve.log"
        begun, until = said.stat().st_size, time.monotonic() + 120
        watching = False
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            self.growing.catch_up()
            if not watching and STARTED.encode() in said.read_bytes()[begun:]:
                watching, until = True, time.monotonic() + after
                if self.second:
                    self._second()
            if watching and undo is not nothing and time.monotonic() > until - after / 2:
                undo()
                undo = nothing
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.02)
        undo()

    def _second(self) -> None:
        """Another service on the same store gives up and says why."""
        said = (self.folder / "serve.log").stat().st_size
        _pid, status = os.waitpid(begin(self.folder), 0)
        words = (self.folder / "serve.log").read_bytes()[said:]
        if os.waitstatus_to_exitcode(status) != 2 or b"another run is using it" not in words:
            self.wrong.append("a second service does not give up")


def finish(folder: Path, growing: Growing, fault: str = "none") -> None:
    """A service nobody kills, until it has read everything and told it."""
    child = begin(folder, fault=fault, number=40)
    try:
        _wait(lambda: lines_read(folder) >= growing.lines, "everything is read")
        _wait(lambda: not waiting(folder), "everything is told")
    finally:
        os.kill(child, signal.SIGTERM)
        _pid, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{folder}: the service ended with {status}: {(folder / 'serve.log').read_text()[-2000:]}")


def _wait(done: Callable[[], bool], what: str) -> None:
    if not patient(done):
        raise SystemExit(f"not within 300 s: {what}")


def _doing(path: str) -> str:
    """What an operation of the service on a file of the store belongs to."""
    parts = (("incidents.sqlite", "incidents"), ("outbox.sqlite", "messages"), ("/baseline", "learning"))
    return next((name for part, name in parts if part in path), "opening")


def warm() -> None:
    """What the service needs, in this process: children find every module and all compiled code there."""
    from kanaria.app.config import Config
    from kanaria.app.live import service  # noqa: F401
    from kanaria.app.live.warm_up import warm_up
    from kanaria.app.run.setup import prepare

    warm_up(prepare(Config()))
