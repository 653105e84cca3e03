"""The store's SQLite file: opened for its owner alone, in clear words when that fails.

In: the store's folder. Out: a connection in write-ahead mode. Files are the user's alone (0600, a folder made here
0700), for they quote logs that not everybody may read. Where nothing can be written (a copy on a read-only disk) a
private copy is opened, which can be read and not changed.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from kanaria.core.errors import SourceError

FILE = "incidents.sqlite"
WAIT = 30.0
"""Seconds to wait for somebody else's change: theirs take milliseconds."""
_FULL, _FAILED = ("full", "no space"), ("disk i/o", "input/output error")

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Opened:
    """A connection and whether it may change anything."""

    def __init__(self, folder: Path) -> None:
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self.writable = _prepare(folder)
        place = folder
        if not self.writable:
            self._copy = tempfile.TemporaryDirectory(prefix="kanaria-store-")
            place = Path(self._copy.name)
            for file in folder.glob(f"{FILE}*"):
                shutil.copy(file, place / file.name)
        self.db = sqlite3.connect(place / FILE, isolation_level=None, timeout=WAIT)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        self.db.close()
        if self._copy:
            self._copy.cleanup()


def private_folder(folder: Path) -> None:
    """Make the folder, if there is none, for its owner alone."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def in_clear_words(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """What the database says when a store is damaged or the disk is full becomes a SourceError."""

    @functools.wraps(function)
    def told(*arguments: Given.args, **named: Given.kwargs) -> Result:
        try:
            return function(*arguments, **named)
        except (sqlite3.Error, zlib.error, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise unusable(FILE, error) from error

    return told


def unusable(name: str, error: Exception) -> SourceError:
    """What is wrong with a store, and what can be done."""
    said = str(error)
    full = any(word in said.lower() for word in _FULL)
    failed = any(word in said.lower() for word in _FAILED)
    cause = "no space is left" if full else "damaged: move it away, and the next run begins a new one"
    cause = "the disk failed, or no space is left" if failed else cause
    return SourceError(source=name, expected="a store that can be read and written", got=said, cause=cause)


def _prepare(folder: Path) -> bool:
    """Whether the store can be changed; its files belong to nobody else."""
    if (folder.is_dir() and not os.access(folder, os.W_OK)) or _read_only(folder):
        return False
    private_folder(folder)
    for file in (folder / FILE, folder / f"{FILE}-wal", folder / f"{FILE}-shm"):
        if file.exists():
            with suppress(PermissionError):
                file.chmod(0o600)
    _made(folder / FILE)
    return True


def _made(file: Path) -> None:
    """Make the file, if there is none, for its owner alone. Raises PermissionError where it may not be written.

    One that is there is not opened: closing it would take away the locks of every connection that this process has to
    it (sqlite.org/howtocorrupt.html, 2.2). Whoever else closed theirs then took themselves for the last, and deleted
    the write-ahead log that this process went on writing to.
    """
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    elif not os.access(file, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))


def _read_only(folder: Path) -> bool:
    return folder.is_dir() and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
