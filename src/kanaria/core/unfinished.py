"""Files and folders that are made beside their place and then take it: what a killed process left of them is removed.

Whoever makes one holds its lock meanwhile. The lock ends with the process, so that the next one knows which it may
remove; where a disk knows no locks nothing is removed.
"""

from __future__ import annotations

import atexit
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_RANDOM = "?" * 8
"""As many characters as ``tempfile`` puts between prefix and suffix."""


@contextmanager
def unfinished(beside: Path, prefix: str, suffix: str = "", *, folder: bool = False) -> Iterator[tuple[Path, int]]:
    """A new empty file (or folder) in the folder ``beside``, under a name nobody can foresee, for this user alone, and
    its descriptor; gone at the end unless it was renamed. Older ones whose process was killed are removed first."""
    _sweep(beside, prefix, suffix)
    while True:
        made, descriptor = _made(beside, prefix, suffix, folder=folder)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if made.exists():
            break
        os.close(descriptor)  # another process took it for a leftover before it was locked
    remove_at_end(made)
    try:
        yield made, descriptor
    finally:
        remove_now(made)
        os.close(descriptor)


_to_remove: set[Path] = set()


def remove_at_end(path: Path) -> None:
    """The file or folder is gone when the process ends, unless that is killed."""
    _to_remove.add(path)


def remove_now(path: Path) -> None:
    """The same, already."""
    _remove(path)
    _to_remove.discard(path)


@atexit.register
def remove_leftovers() -> bool:
    """Remove what is gone at the end of this process; returns whether all of it is. A thread that still works may make
    new files in a folder meanwhile."""
    for path in tuple(_to_remove):
        away = path.with_name(f"{path.name}.gone")
        with suppress(OSError):
            path.rename(away)
        _remove(away)
    return not any(path.exists() for path in tuple(_to_remove))


def _made(beside: Path, prefix: str, suffix: str, *, folder: bool) -> tuple[Path, int]:
    if folder:
        made = tempfile.mkdtemp(dir=beside, prefix=prefix, suffix=suffix)
        return Path(made), os.open(made, os.O_RDONLY | os.O_DIRECTORY)
    descriptor, made = tempfile.mkstemp(dir=beside, prefix=prefix, suffix=suffix)
    return Path(made), descriptor


def _sweep(beside: Path, prefix: str, suffix: str) -> None:
    for left in beside.glob(f"{glob.escape(prefix)}{_RANDOM}{glob.escape(suffix)}"):
        with suppress(OSError):  # held by who makes it, or gone meanwhile
            if left.is_symlink() or left.lstat().st_uid != os.geteuid():
                continue
            lock = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left)
            finally:
                os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
