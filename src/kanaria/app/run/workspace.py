"""A run's own engine and scratch folder; both are gone when it is closed, and when the process ends or is asked to.

The engine is an in-memory DuckDB that spills into the scratch folder and never fetches extensions. The folder holds a
locked file, so that the next run knows which folders of killed runs it may remove.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kanaria.core.memory import ENGINE
from kanaria.core.unfinished import remove_at_end, remove_now

if TYPE_CHECKING:
    import duckdb

PREFIX = "kanaria-"
LOCK = "in-use.lock"
FEW_ROWS = 5_000
"""A slice of one connection takes 180 ms of processor time with one thread and 240 with two (measured on two busy
cores): starting threads costs more than they do. From some thousands of rows on they pay."""


class Workspace:
    """Made once for a run; ``close`` may be called twice."""

    def __init__(self) -> None:
        import duckdb

        sweep(Path(tempfile.gettempdir()))
        self.scratch = Path(tempfile.mkdtemp(prefix=PREFIX))
        remove_at_end(self.scratch)
        self._lock = _held(self.scratch)
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "temp_directory": str(self.scratch),
            "memory_limit": ENGINE,
            "enable_external_file_cache": "false",
        }
        self.engine: duckdb.DuckDBPyConnection = duckdb.connect(config=settings)
        self.engine.execute("SET TimeZone = 'UTC'")
        self._threads = 0

    def suit(self, rows: int) -> None:
        """Let the engine use as many threads as a slice of so many rows is worth."""
        threads = 1 if rows <= FEW_ROWS else os.cpu_count() or 1
        if threads != self._threads:
            self.engine.execute(f"SET threads = {threads}")
            self._threads = threads

    def close(self) -> None:
        """Let go of the engine and of the files attached to it, so that another run may open them."""
        self.engine.close()
        remove_now(self.scratch)
        self._lock.close()


def sweep(folder: Path) -> None:
    """Remove what killed runs of this user left behind: folders whose file nobody holds any more."""
    for left in folder.glob(f"{PREFIX}*"):
        try:
            ours = left.lstat().st_uid == os.geteuid() and left.is_dir() and not left.is_symlink()
            if not ours or not (left / LOCK).is_file():
                continue
            with (left / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:  # held by a run, or gone meanwhile
            continue


def _held(scratch: Path) -> TextIO:
    """The locked file, which gets its name when it is locked."""
    lock = (scratch / f"{LOCK}.new").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (scratch / f"{LOCK}.new").rename(scratch / LOCK)
    return lock
