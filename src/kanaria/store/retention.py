"""What leaves a store: closed and dismissed incidents that are old, and the oldest of them while it is too large.

In: the connection of the store, inside its transactions. With an incident go its findings, its evidence, the records
that nothing else quotes, its decisions and its news; the file is given back to the disk a piece at a time. Open ones,
those somebody works on, and those somebody is still to be told of stay, however old and large they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime

from kanaria.core.values import dataclass

FINISHED = ("closed", "dismissed")
AT_ONCE = 200
"""Incidents that leave in one transaction: it takes milliseconds, and whoever writes meanwhile waits for it."""
PAGES = 2_000
"""Pages given back at a time, 8 MB of 4 KB each."""


@dataclass(frozen=True, kw_only=True)
class Removed:
    """``incidents`` that left, and whether there are ``more`` that should."""

    incidents: int = 0
    more: bool = False


def remove(db: sqlite3.Connection, before: datetime, most_bytes: float, spare: Collection[str]) -> Removed:
    """Let finished incidents go that nobody has changed since ``before``, and the oldest of the others while there are
    more than ``most_bytes``; none of ``spare``."""
    old = _finished(db, before, spare)
    if len(old) < AT_ONCE and (over := size(db) - most_bytes) > 0:
        rest = [ident for ident in _finished(db, None, spare) if ident not in set(old)]
        share = over / max(1.0, size(db))  # of all there is; what is left over goes the next time
        old += rest[: max(1, int(len(rest) * share))] if rest else []
    going = old[:AT_ONCE]
    for ident in going:
        _remove(db, ident)
    return Removed(incidents=len(going), more=len(old) > len(going) or (bool(going) and size(db) > most_bytes))


def size(db: sqlite3.Connection) -> int:
    """Bytes of the database that hold something."""
    pages, free, each = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * each)


def shrink(db: sqlite3.Connection) -> None:
    """Give free pages back to the disk, some at a time. A database that was made before this could be is written anew
    once, when a quarter of it is free."""
    (kind,) = db.execute("PRAGMA auto_vacuum").fetchone()
    if kind:
        db.executescript(f"PRAGMA incremental_vacuum({PAGES})")  # execute() stops after the first page
        return
    (pages,), (free,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count"))
    if free > pages / 4:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM")


def _finished(db: sqlite3.Connection, before: datetime | None, spare: Collection[str]) -> list[str]:
    """Those that may go, the longest unchanged first."""
    marks = ",".join("?" * len(FINISHED))
    rows = db.execute(
        f"""SELECT id FROM incident WHERE state IN ({marks}) AND (? IS NULL OR changed < ?)
            AND NOT EXISTS (SELECT 1 FROM news WHERE news.incident = incident.id AND told IS NULL)
            ORDER BY changed, id""",  # noqa: S608
        (*FINISHED, *[before and before.isoformat()] * 2),
    )
    return [ident for (ident,) in rows if ident not in spare]


def _remove(db: sqlite3.Connection, incident: str) -> None:
    """The incident, and what was merged into it."""
    for (merged,) in db.execute("SELECT id FROM incident WHERE merged_into = ?", (incident,)).fetchall():
        _remove(db, merged)
    quoted = db.execute("SELECT DISTINCT record FROM evidence WHERE incident = ? AND record IS NOT NULL", (incident,))
    records = quoted.fetchall()
    for table in ("evidence", "finding", "decision", "told", "pair", "news"):
        db.execute(f"DELETE FROM {table} WHERE incident = ?", (incident,))  # noqa: S608
    db.execute("DELETE FROM incident WHERE id = ?", (incident,))
    _forget_records(db, records)


def _forget_records(db: sqlite3.Connection, records: Sequence[tuple[str]]) -> None:
    db.executemany(
        "DELETE FROM record WHERE id = ? AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.record = record.id)",
        records,
    )
