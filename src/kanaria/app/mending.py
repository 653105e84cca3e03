"""A damaged store goes on: what is damaged is put aside under its date, nothing is deleted, and the rest stays.

In: the store's folder. Out: what is damaged, each in words, and where it lies afterwards. What is normal is learned
anew when its file is lost; incidents stay when only what a run left beside them is.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kanaria.baseline.state import FILE as HISTORY
from kanaria.core.errors import SourceError
from kanaria.core.values import dataclass
from kanaria.core.words import Text
from kanaria.memory import generations
from kanaria.memory.network_state import parts
from kanaria.store import alone, calls, database, events, outbox
from kanaria.store.backup import unpacked
from kanaria.store.database import Damaged

ASIDE = "set-aside-"
"""Beginning of the folders in a store that hold what was put aside."""
LEARNED = "baseline"
ROUNDS = 4
"""What is put aside may have hidden other damage: a database and the two files that SQLite keeps beside it."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A file that was damaged, why, and where it lies now; None when it was gone."""

    error: Damaged
    now: Path | None


def look(folder: Path) -> list[Damaged]:
    """What is damaged in a store that nobody uses meanwhile; it is read from end to end. Raises SourceError when it
    cannot be read for another reason."""
    if not folder.is_dir():
        return []
    damaged = list(_raised([lambda: _places(folder), lambda: _database(folder / outbox.FILE)]))
    incidents = list(_raised([lambda: _database(folder / database.FILE)]))
    states = [] if incidents else list(_raised([lambda: _states(folder)]))
    generation = 0 if incidents or states else _generation(folder)
    rows = [] if incidents else list(_events(folder))
    return [*damaged, *incidents, *states, *_raised([lambda: _history(folder / LEARNED, generation)]), *rows]


def mend(folder: Path) -> list[Mended]:
    """Put aside what is damaged, so that the store can be used. Raises SourceError when somebody uses it."""
    if not folder.is_dir():
        return []
    done = [_moved(error, _aside(folder)) for error in _raised([lambda: database.plain(folder / alone.FILE)])]
    with alone.alone(folder):
        for _round in range(ROUNDS):
            damaged = look(folder)
            if not damaged:
                break
            aside = _aside(folder)
            done += [_one(folder, error, aside) for error in damaged]
    return done


def put_aside(folder: Path) -> Path:
    """Everything that lies in the store, whatever it is; the caller owns it. Returns where it lies now."""
    aside = _aside(folder)
    for item in list(folder.iterdir()):
        if not _stays(item):
            item.rename(aside / item.name)
    return aside


def restored(archive: Path, folder: Path, *, set_aside: bool) -> Path | None:
    """Put an archive back where nothing is kept, or with ``set_aside`` in the place of what is; returns where that
    lies now. Raises SourceError when the archive is damaged, or when the place is taken or used."""
    if not set_aside and not empty(folder):
        raise SourceError(
            source=str(folder), expected="an empty folder", got="one with something in it",
            cause="a backup replaces nothing: move the old store away first, or say --set-aside",
        )  # fmt: skip
    with unpacked(archive, folder.absolute().parent) as unpacked_store:
        for error in look(unpacked_store):
            raise SourceError(source=str(archive), expected="an archive of kanaria backup", got=str(error))
        with alone.alone(folder):
            aside = None if empty(folder) else put_aside(folder)
            for item in list(unpacked_store.iterdir()):
                shutil.move(str(item), folder / item.name)
    return aside


def messages(mended: Sequence[Mended]) -> Iterator[Text]:
    """What was put aside, a line each."""
    for item in mended:
        file, error, now = item.error.file, item.error.text, item.now
        if now is None:
            yield Text(
                en=f"{error.en}. Begun anew: {file}", ja=f"{error.ja}。新しく作り直します: {file}",
            )  # fmt: skip
        else:
            yield Text(en=f"{error.en}. Set aside: {now}", ja=f"{error.ja}。退避先: {now}")
    if not mended:
        yield Text(en="Nothing is damaged.", ja="壊れているものはありません。")


def empty(folder: Path) -> bool:
    """Whether nothing is kept there, but perhaps the lock and what was put aside."""
    return not folder.is_dir() or all(_stays(item) for item in folder.iterdir())


def _stays(item: Path) -> bool:
    return item.name == alone.FILE or item.name.startswith(ASIDE)


def _raised(checks: Sequence[Callable[[], None]]) -> Iterator[Damaged]:
    for check in checks:
        try:
            check()
        except Damaged as error:
            yield error


def _places(folder: Path) -> None:
    for name in (calls.FILE, f"{calls.FILE}.part"):
        database.plain(folder / name)
    database.plain(folder / calls.SOCKET, stat.S_ISSOCK)


def _database(file: Path) -> None:
    if not os.path.lexists(file):
        return
    database.begin(file)
    try:
        with closing(sqlite3.connect(file, timeout=database.WAIT)) as db:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
            raise database.unusable(str(file), error) from error
        verdict = str(error)
    if verdict != "ok":
        raise Damaged(file, " ".join(verdict.split()))


def _rows(file: Path) -> list[tuple[str, bytes]]:
    """What runs left beside the incidents; nothing in a store that is new or older than that."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file, timeout=database.WAIT)) as db:
        exists = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone()
        return db.execute("SELECT name, content FROM state").fetchall() if exists else []


def _unreadable(file: Path) -> list[str]:
    names = []
    for name, content in _rows(file):
        try:
            json.loads(zlib.decompress(content).decode("utf-8", "surrogatepass"))
        except (zlib.error, ValueError, TypeError):
            names.append(name)
    return names


def _states(folder: Path) -> None:
    if names := _unreadable(folder / database.FILE):
        raise Damaged(folder / database.FILE, f"unreadable parts: {', '.join(names)}")


def _generation(folder: Path) -> int:
    packed = dict(_rows(folder / database.FILE)).get(LEARNED)
    kept = json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))["content"] if packed else {}
    return int(kept.get("generation", 0))


def _history(folder: Path, generation: int) -> None:
    """Read all that was learned: the engine checks what it reads."""
    import duckdb

    generations.check(folder, generation)
    file = generations.current(folder, generation)
    if not file.is_file():
        return
    with duckdb.connect(config={"threads": 1}) as engine:
        try:
            place = str(file).replace("'", "''")
            engine.execute(f"ATTACH '{place}' AS kept (READ_ONLY)")
            tables = engine.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'kept'").fetchall()
            for (name,) in tables:
                engine.execute(f'SELECT bit_xor(hash(COLUMNS(*))) FROM kept."{name}"').fetchall()  # noqa: S608
        except duckdb.OutOfMemoryException:
            return
        except duckdb.Error as error:
            if "version number" not in str(error):  # of a newer engine
                raise Damaged(file, str(error).splitlines()[0]) from error


def _events(folder: Path) -> Iterator[Damaged]:
    """Files with rows of events that are not as they were written. Their rows are not read: there may be millions."""
    for part, wrong in _lost(folder):
        yield Damaged(folder / events.FOLDER / part.file, wrong, f"{part.bytes} bytes of Parquet")


def _lost(folder: Path) -> Iterator[tuple[events.Part, str]]:
    files = events.EventFiles(folder / events.FOLDER)
    for part in _listed(folder / database.FILE):
        if wrong := files.whole(part) or files.headed(part):
            yield part, wrong


def _listed(file: Path) -> list[events.Part]:
    if not file.exists():
        return []
    with closing(sqlite3.connect(file, timeout=database.WAIT)) as db:
        exists = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'part'").fetchone()
        return events.listed(db) if exists else []


def _aside(folder: Path) -> Path:
    """A new folder for what is put aside now."""
    name = f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1000):
        place = folder / (f"{name}-{number}" if number else name)
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return place
    raise SourceError(source=str(folder), expected="a folder to keep incidents in", got=name)


def _one(folder: Path, error: Damaged, aside: Path) -> Mended:
    file = error.file
    if file.parent.name == LEARNED and file.name.startswith(HISTORY):
        return _history_moved(folder, error, aside)
    if file.parent.name == events.FOLDER:
        return _events_moved(folder, error, aside)
    if file == folder / database.FILE:
        return _incidents_moved(folder, error, aside)
    return _moved(error, aside)


def _moved(error: Damaged, aside: Path) -> Mended:
    """The file, and what SQLite keeps beside a database."""
    for part in ("", "-wal", "-shm"):
        item = error.file.with_name(error.file.name + part)
        if os.path.lexists(item):
            item.rename(aside / item.name)
    target = aside / error.file.name
    return Mended(error=error, now=target if os.path.lexists(target) else None)


def _incidents_moved(folder: Path, error: Damaged, aside: Path) -> Mended:
    """All of it; or a copy, where only what runs left beside the incidents cannot be read."""
    file = folder / database.FILE
    if not list(_raised([lambda: _database(file)])):
        copy = aside / file.name
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        names = _unreadable(file)
        with closing(sqlite3.connect(file)) as db, closing(sqlite3.connect(copy)) as target:
            db.backup(target)
            with db:
                db.executemany("DELETE FROM state WHERE name = ?", [(name,) for name in names])
        return Mended(error=error, now=copy)
    for item in (folder / LEARNED).glob(f"{HISTORY}.*.next"):  # which one counts nobody knows any more
        item.rename(aside / item.name)
    if (folder / events.FOLDER).is_dir():  # nor which of these files
        (folder / events.FOLDER).rename(aside / events.FOLDER)
    return _moved(error, aside)


def _events_moved(folder: Path, error: Damaged, aside: Path) -> Mended:
    """The file, which the database lists no longer."""
    from kanaria.store.incidents import IncidentStore

    gone = tuple(part for part in _listed(folder / database.FILE) if part.file == error.file.name)
    done = _moved(error, aside)
    with IncidentStore(folder) as store:
        store.save([], datetime.now(UTC), rows=events.Changes(removed=gone))
    return done


def _history_moved(folder: Path, error: Damaged, aside: Path) -> Mended:
    """What was normal; what the database says of it is changed to nothing learned."""
    from kanaria.store.incidents import IncidentStore

    for item in (folder / LEARNED).glob(f"{HISTORY}*"):
        item.rename(aside / item.name)
    with IncidentStore(folder) as store:
        learned = store.state().get(LEARNED)
        if learned:
            store.save([], datetime.now(UTC), parts({LEARNED: {**learned["content"], "generation": 0}}))
    target = aside / error.file.name
    return Mended(error=error, now=target if os.path.lexists(target) else None)
