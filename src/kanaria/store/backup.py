"""A store as one archive, consistent while the service runs, and back.

SQLite copies itself with its own means, a moment at a time. What is normal lies in a file beside it, and the copied
database says which generation of it belongs to it, and which files hold rows of events. A running service may have kept
others meanwhile: then it all begins anew. Files of events are opened together, and stay readable when it deletes them.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from kanaria.core.archives import extract
from kanaria.core.errors import SourceError, system_words
from kanaria.store import events
from kanaria.store.database import plain, unusable

DATABASES = ("incidents.sqlite", "outbox.sqlite")
ATTEMPTS = 5
_HAS_PARTS = "SELECT 1 FROM sqlite_master WHERE name = 'part'"
LEARNED, HISTORY = "baseline", "pattern_of_life.duckdb"
"""The part of the state that names the generation, also the folder's name; and the file's, as in ``baseline.state``."""


def backup(store: Path, archive: Path) -> None:
    """Write the archive, complete or not at all. Raises SourceError when there is no store or no room."""
    for name in DATABASES:
        plain(store / name)
    if not (store / DATABASES[0]).is_file():
        raise SourceError(source=str(store), expected="a store to back up", got="none")
    part = archive.with_name(f".{archive.name}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="kanaria-backup-") as folder, ExitStack() as opened:
            files = _copied(store, Path(folder), opened)
            with tarfile.open(part, "w:gz") as packed:
                packed.add(folder, "store")
                for file in files:
                    name = f"store/{events.FOLDER}/{Path(file.name).name}"
                    packed.addfile(packed.gettarinfo(arcname=name, fileobj=file), file)
        part.chmod(0o600)
        part.replace(archive)
    except (sqlite3.DatabaseError, zlib.error) as error:
        raise unusable(str(store), error) from error
    except (OSError, tarfile.TarError) as error:
        raise SourceError(
            source=str(archive), expected="a place to write the backup to", got=system_words(error),
            cause="no room, or no right",
        ) from error  # fmt: skip
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def unpacked(archive: Path, near: Path) -> Iterator[Path]:
    """The store in an archive, on the disk of ``near``, while open. Raises SourceError for anything else."""
    near.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=near, prefix=".kanaria-restore-") as folder:
        try:
            with tarfile.open(archive, "r:gz") as packed:
                extract(packed, Path(folder))
            (Path(folder) / "store" / DATABASES[0]).stat()
        except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
            raise SourceError(
                source=str(archive), expected="an archive of kanaria backup", got=system_words(error)
            ) from error  # fmt: skip
        yield Path(folder) / "store"


def _copied(store: Path, into: Path, opened: ExitStack) -> list[BinaryIO]:
    """Copy all but the files of events, and open those: they stay open as long as ``opened`` does."""
    for attempt in range(ATTEMPTS):
        last = attempt == ATTEMPTS - 1
        opened.close()
        for name in DATABASES:
            if (store / name).is_file():
                _database(store / name, into / name)
        generation = _generation(into / DATABASES[0])
        try:
            _learned(store, into, generation)
            files = list(_events(store, into / DATABASES[0], opened, without_lost=last))
        except FileNotFoundError:
            if last:
                raise
            continue
        if last or _generation(store / DATABASES[0]) == generation:
            return files
    raise AssertionError


def _events(store: Path, database: Path, opened: ExitStack, *, without_lost: bool) -> Iterator[BinaryIO]:
    """The files that the copied database lists, open. A lost one is taken off its list, when nothing else helps."""
    with closing(sqlite3.connect(database, isolation_level=None)) as copy:
        listed = events.listed(copy) if copy.execute(_HAS_PARTS).fetchone() else []
        for part in listed:
            place = store / events.FOLDER / part.file
            plain(place)
            try:
                yield opened.enter_context(place.open("rb"))
            except FileNotFoundError:
                if not without_lost:
                    raise
                events.change(copy, events.Changes(removed=(part,)))


def _database(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def _learned(store: Path, into: Path, generation: int) -> None:
    """What is normal as the copied database names it: the numbered file, until it takes the place of the plain one."""
    shutil.rmtree(into / LEARNED, ignore_errors=True)
    named = [store / LEARNED / f"{HISTORY}.{generation}.next", store / LEARNED / HISTORY]
    files = [path for path in named if path.is_file()]
    if not files:
        if generation:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(named[1]))
        return
    (into / LEARNED).mkdir(mode=0o700)
    shutil.copy2(files[0], into / LEARNED / HISTORY)
    journal = store / LEARNED / f"{HISTORY}.wal"  # older versions worked on the file itself
    if not generation and journal.is_file():
        shutil.copy2(journal, into / LEARNED / journal.name)


def _generation(database: Path) -> int:
    with closing(sqlite3.connect(database)) as copy:
        rows = copy.execute("SELECT content FROM state WHERE name = ?", (LEARNED,)).fetchall()
    content = json.loads(zlib.decompress(rows[0][0]))["content"] if rows else {}
    return int(content.get("generation", 0))
