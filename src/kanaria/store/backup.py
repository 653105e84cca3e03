"""A store as one archive, consistent while the service runs, and back.

SQLite copies itself with its own means, a moment at a time. What is normal lies in numbered files that never change,
and the copied database says which one belongs to it. A running service may remove that one meanwhile: then it all
begins anew.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from pathlib import Path

from kanaria.core.errors import SourceError

DATABASES = ("incidents.sqlite", "outbox.sqlite")
ATTEMPTS = 5
LEARNED = "baseline"
"""The part of the state that names the generation."""


def backup(store: Path, archive: Path) -> None:
    """Write the archive, complete or not at all. Raises SourceError when there is no store or no room."""
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
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise SourceError(
            source=str(archive), expected="a place to write the backup to", got=str(error), cause="no room, or no right"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def restore(archive: Path, store: Path) -> None:
    """Put an archive back where there is no store yet. Raises SourceError for anything else."""
    if store.exists() and any(store.iterdir()):
        raise SourceError(
            source=str(store), expected="an empty folder", got="one with something in it",
            cause="a backup replaces nothing: move the old store away first",
        )  # fmt: skip
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=store.parent, prefix=".kanaria-restore-") as folder:
            with tarfile.open(archive, "r:gz") as packed:
                packed.extractall(folder, filter="data")
            for item in (Path(folder) / "store").iterdir():
                shutil.move(str(item), store / item.name)
    except (OSError, tarfile.TarError) as error:
        raise SourceError(
            source=str(archive), expected="an archive of kanaria backup", got=str(error)
        ) from error  # fmt: skip


def _copied(store: Path, into: Path) -> None:
    for attempt in range(ATTEMPTS):
        for name in DATABASES:
            if (store / name).is_file():
                _database(store / name, into / name)
        try:
            _learned(store, into)
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


def _database(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with sqlite3.connect(source) as original, sqlite3.connect(target) as copy:
        original.backup(copy)
    original.close()
    copy.close()


def _learned(store: Path, into: Path) -> None:
    """The files of what is normal that belong to the copied database: the numbered one, and what has no number."""
    generation = _generation(into / DATABASES[0])
    shutil.rmtree(into / "baseline", ignore_errors=True)
    if not (store / "baseline").is_dir():
        return
    (into / "baseline").mkdir(mode=0o700)
    names = {path.name for path in (store / "baseline").iterdir() if path.is_file()}
    numbered = {name for name in names if f".{generation}." in name}
    if generation and not numbered:
        raise FileNotFoundError(generation)
    plain = {name for name in names if not any(part.isdigit() for part in name.split("."))}
    for name in sorted(numbered | (plain if not generation else set())):
        shutil.copy2(store / "baseline" / name, into / "baseline" / name)


def _generation(database: Path) -> int:
    with sqlite3.connect(database) as copy:
        rows = copy.execute("SELECT content FROM state WHERE name = ?", (LEARNED,)).fetchall()
    copy.close()
    content = json.loads(zlib.decompress(rows[0][0]))["content"] if rows else {}
    return int(content.get("generation", 0))
