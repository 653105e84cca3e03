"""A store as one archive, consistent while the service runs, and back.

SQLite copies itself with its own means, a moment at a time. What is normal lies in a file beside it, and the copied
database says which generation of it belongs to it. A running service may have kept another one meanwhile: then it all
begins anew.
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
from contextlib import contextmanager
from pathlib import Path

from kanaria.core.errors import SourceError
from kanaria.store.database import plain, unusable

DATABASES = ("incidents.sqlite", "outbox.sqlite")
ATTEMPTS = 5
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
        with tempfile.TemporaryDirectory(prefix="kanaria-backup-") as folder:
            _copied(store, Path(folder))
            with tarfile.open(part, "w:gz") as packed:
                packed.add(folder, "store")
        part.chmod(0o600)
        part.replace(archive)
    except (sqlite3.DatabaseError, zlib.error) as error:
        raise unusable(str(store), error) from error
    except (OSError, tarfile.TarError) as error:
        raise SourceError(
            source=str(archive), expected="a place to write the backup to", got=str(error), cause="no room, or no right"
        ) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def unpacked(archive: Path, near: Path) -> Iterator[Path]:
    """The store in an archive, on the disk of ``near``, while open. Raises SourceError for anything else."""
    near.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=near, prefix=".kanaria-restore-") as folder:
        try:
            with tarfile.open(archive, "r:gz") as packed:
                packed.extractall(folder, filter="data")
            (Path(folder) / "store" / DATABASES[0]).stat()
        except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
            raise SourceError(
                source=str(archive), expected="an archive of kanaria backup", got=str(error)
            ) from error  # fmt: skip
        yield Path(folder) / "store"


def _copied(store: Path, into: Path) -> None:
    for attempt in range(ATTEMPTS):
        for name in DATABASES:
            if (store / name).is_file():
                _database(store / name, into / name)
        generation = _generation(into / DATABASES[0])
        try:
            _learned(store, into, generation)
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        if attempt == ATTEMPTS - 1 or _generation(store / DATABASES[0]) == generation:
            return


def _database(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with sqlite3.connect(source) as original, sqlite3.connect(target) as copy:
        original.backup(copy)
    original.close()
    copy.close()


def _learned(store: Path, into: Path, generation: int) -> None:
    """What is normal as the copied database names it: the numbered file, until it takes the place of the plain one."""
    shutil.rmtree(into / LEARNED, ignore_errors=True)
    named = [store / LEARNED / f"{HISTORY}.{generation}.next", store / LEARNED / HISTORY]
    found = [path for path in named if path.is_file()]
    if not found:
        if generation:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(named[1]))
        return
    (into / LEARNED).mkdir(mode=0o700)
    shutil.copy2(found[0], into / LEARNED / HISTORY)
    journal = store / LEARNED / f"{HISTORY}.wal"  # older versions worked on the file itself
    if not generation and journal.is_file():
        shutil.copy2(journal, into / LEARNED / journal.name)


def _generation(database: Path) -> int:
    with sqlite3.connect(database) as copy:
        rows = copy.execute("SELECT content FROM state WHERE name = ?", (LEARNED,)).fetchall()
    copy.close()
    content = json.loads(zlib.decompress(rows[0][0]))["content"] if rows else {}
    return int(content.get("generation", 0))
