"""What becomes of a log while the service is dead. What each returns is done when the service watches again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.serve_kills.logs import Growing

Fate = Callable[[Growing, Callable[[], int]], Callable[[], None]]
"""Given the logs, and who says how many lines are read for good."""


def nothing() -> None:
    """Nothing is to be done."""


def _rotated(log: Path) -> Path:
    """A free name for what was written, the older ones moved on as logrotate does."""
    older = sorted((int(path.suffix[1:]) for path in log.parent.glob(f"{log.name}.*")), reverse=True)
    for number in older:
        log.with_name(f"{log.name}.{number}").rename(log.with_name(f"{log.name}.{number + 1}"))
    return log.with_name(f"{log.name}.1")


def renamed(logs: Growing, _read: Callable[[], int]) -> Callable[[], None]:
    log = logs.web
    log.rename(_rotated(log))
    log.touch()
    return nothing


def truncated(logs: Growing, _read: Callable[[], int]) -> Callable[[], None]:
    log = logs.web
    shutil.copyfile(log, _rotated(log))
    os.truncate(log, 0)
    return nothing


def deleted(logs: Growing, read: Callable[[], int]) -> Callable[[], None]:
    """Only when all of it is read: what was not is lost with the file."""
    if read() < logs.lines:
        return renamed(logs, read)
    logs.web.unlink()
    return nothing


def a_pipe(logs: Growing, _read: Callable[[], int]) -> Callable[[], None]:
    log = logs.web
    log.rename(_rotated(log))
    os.mkfifo(log)
    logs.paused = True

    def undo() -> None:
        log.unlink()
        log.touch()
        logs.paused = False

    return undo


def denied(logs: Growing, _read: Callable[[], int]) -> Callable[[], None]:
    log = logs.web
    log.chmod(0)
    return lambda: log.chmod(0o644)


FATES: tuple[Fate, ...] = (renamed, truncated, deleted, a_pipe, denied)
