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
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from kanaria.core.errors import SourceError
from kanaria.core.late_regex import late_regex
from kanaria.core.unfinished import unfinished

FILE = "incidents.sqlite"
WAIT = 30.0
"""Seconds to wait for somebody else's change: theirs take milliseconds."""
HEADER = 512
"""Bytes of the smallest database there is (sqlite.org/fileformat.html, 1.2). A store's is never made smaller."""
_SCHEME = late_regex(r"[a-z][a-z0-9+.-]+:")
"""How a URL begins, as a part of a path."""
_FULL, _FAILED, _CLOSED = ("full", "no space"), ("disk i/o", "input/output error"), ("readonly database",)
_DAMAGED = "damaged: kanaria restore --set-aside puts it aside and begins anew, or brings a backup back"
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)  # fmt: skip

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
        with closed_on_failure(self.close):
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        self.db.close()
        if self._copy:
            self._copy.cleanup()


@contextmanager
def closed_on_failure(close: Callable[[], None]) -> Iterator[None]:
    """Whoever is refused a store has nothing to close: what was opened until then is closed here."""
    try:
        yield
    except BaseException:
        close()
        raise


def private_folder(folder: Path) -> None:
    """Make the folder, if there is none, for its owner alone. Raises SourceError for a URL: as a path it would be a
    folder called ``postgresql:``."""
    if not folder.is_dir():
        if any(_SCHEME.fullmatch(part) for part in folder.parts):
            raise SourceError(
                source=str(folder), expected="a folder to keep incidents in", got="a URL",
                cause="a store is a folder with SQLite files; no other database can be one",
            )  # fmt: skip
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def in_clear_words(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """What the database says when a store is damaged or the disk is full becomes a SourceError."""

    @functools.wraps(function)
    def translated(*arguments: Given.args, **named: Given.kwargs) -> Result:
        try:
            return function(*arguments, **named)
        except (sqlite3.Error, zlib.error, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise unusable(FILE, error) from error

    return translated


def unusable(name: str, error: Exception) -> SourceError:
    """What is wrong with a store, and what can be done."""
    message = str(error)
    causes = {
        "the disk failed, or no space is left": _FAILED, "no space is left": _FULL,
        "ask as the user whose it is": _CLOSED,
    }  # fmt: skip
    cause = next((cause for cause, words in causes.items() if any(word in message.lower() for word in words)), _DAMAGED)
    return SourceError(source=name, expected="a store that can be read and written", got=message, cause=cause)


class Damaged(SourceError):
    """A file of a store is not what was kept there: another kind of file, cut, or gone."""

    def __init__(self, file: Path, got: str, expected: str = "a file that Kanaria made") -> None:
        self.file = file
        super().__init__(source=str(file), expected=expected, got=got, cause=_DAMAGED)


def plain(file: Path, is_one: Callable[[int], bool] = stat.S_ISREG) -> None:
    """Nothing, or a plain file (what ``is_one`` of its mode says). A link that lies there would have somebody else's
    file read or written, and a pipe would be waited for. Raises Damaged, which names what it is."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not is_one(mode):
        raise Damaged(file, next((name for is_kind, name in _KINDS if is_kind(mode)), "a file of another kind"))


def whole(file: Path) -> None:
    """No database, or one that is at least as long as every one is. Raises Damaged for anything else."""
    for part in ("", "-wal", "-shm"):
        plain(file.with_name(file.name + part))
    if file.exists() and (size := file.stat().st_size) < HEADER:
        raise Damaged(file, f"one cut to {size} bytes", "a whole database")


def begin(file: Path) -> None:
    """Make an empty database for its owner alone, if there is none: whole or not at all, so that one that is shorter
    was cut. Raises Damaged for anything else there, PermissionError where it may not be written.

    One that is there is not opened: closing it would take away the locks of every connection that this process has to
    it (sqlite.org/howtocorrupt.html, 2.2). Whoever else closed theirs then took themselves for the last, and deleted
    the write-ahead log that this process went on writing to.
    """
    whole(file)
    if not file.exists():
        _made(file)
    elif not os.access(file, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))


def _made(file: Path) -> None:
    with unfinished(file.parent, ".kanaria-new-", folder=True) as (place, _descriptor):
        new = place / file.name
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(new, isolation_level=None)
        try:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that the file can shrink
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("VACUUM")  # writes the first page
        finally:
            db.close()
        try:
            file.hardlink_to(new)
        except FileExistsError:  # another process was first
            return
        except OSError:  # a disk that knows no second names
            new.rename(file)


def _prepare(folder: Path) -> bool:
    """Whether the store can be changed; its files belong to nobody else."""
    whole(folder / FILE)
    if (folder.is_dir() and not os.access(folder, os.W_OK)) or _read_only(folder):
        return False
    private_folder(folder)
    for file in (folder / FILE, folder / f"{FILE}-wal", folder / f"{FILE}-shm"):
        if file.exists():
            with suppress(PermissionError):
                file.chmod(0o600)
    begin(folder / FILE)
    return True


def _read_only(folder: Path) -> bool:
    return folder.is_dir() and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
