"""What leaves a store: closed and dismissed incidents that are old, and the oldest of them while it is too large; when
that is not enough, informational ones that nothing was added to for a while, which nobody has to act on.

In: the connection of the store, inside its transactions. With an incident go its findings, its evidence, the records
that nothing else quotes, its decisions and its news; the file is given back to the disk a piece at a time. Other open
ones, those somebody works on, and those somebody is still to be told of stay, however old and large they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime

from kanaria.core.values import dataclass
from kanaria.store.rows import drop_evidence

FINISHED = "state IN ('closed', 'dismissed')"
QUIET = "state = 'open' AND severity = 'informational'"
AT_ONCE = 200
"""Incidents that leave in one transaction: it takes milliseconds, and whoever writes meanwhile waits for it."""
PAGES = 2_000
"""Pages given back at a time, 8 MB of 4 KB each."""


@dataclass(frozen=True, kw_only=True)
class Removed:
    """``incidents`` that left, how many of them were ``open``, and whether there are ``more`` that should."""

    incidents: int = 0
    open: int = 0
    more: bool = False


def remove(
    db: sqlite3.Connection, before: datetime, most_bytes: float, spare: Collection[str], quiet: datetime | None = None
) -> Removed:
    """Let finished incidents go that nobody has changed since ``before``, and the oldest of the others while there are
    more than ``most_bytes``: first finished ones, then open informational ones that nothing has changed since
    ``quiet``, if that is given; none of ``spare``."""
    old = _unchanged(db, FINISHED, before, spare)
    idle: Sequence[str] = ()
    if len(old) < AT_ONCE and (over := size(db) - most_bytes) > 0:
        share = over / max(1.0, size(db))  # of all there is; what is left over goes the next time
        rest = [ident for ident in _unchanged(db, FINISHED, None, spare) if ident not in set(old)]
        old = [*old, *_part(rest, share)]
        if not old and quiet is not None:
            idle = _part(_unchanged(db, QUIET, quiet, spare), share)
    going = [*old, *idle][:AT_ONCE]
    for ident in going:
        _remove(db, ident)
    more = len(old) + len(idle) > len(going) or (bool(going) and size(db) > most_bytes)
    return Removed(incidents=len(going), open=min(len(idle), len(going)), more=more)


def _part(incidents: Sequence[str], share: float) -> Sequence[str]:
    """The first of them, so many that it is a ``share``, and one at least."""
    return incidents[: max(1, int(len(incidents) * share))]


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


def _unchanged(db: sqlite3.Connection, which: str, before: datetime | None, spare: Collection[str]) -> list[str]:
    """Those that may go, the longest unchanged first; ``before`` None: however lately they were changed."""
    rows = db.execute(
        f"""SELECT id FROM incident WHERE {which} AND (? IS NULL OR changed < ?)
            AND NOT EXISTS (SELECT 1 FROM news WHERE news.incident = incident.id AND told IS NULL)
            ORDER BY changed, id""",  # noqa: S608
        [before and before.isoformat()] * 2,
    )
    return [ident for (ident,) in rows if ident not in spare]


def _remove(db: sqlite3.Connection, incident: str) -> None:
    """The incident, and what was merged into it."""
    for (merged,) in db.execute("SELECT id FROM incident WHERE merged_into = ?", (incident,)).fetchall():
        _remove(db, merged)
    drop_evidence(db, incident)
    for table in ("finding", "decision", "told", "pair", "news"):
        db.execute(f"DELETE FROM {table} WHERE incident = ?", (incident,))  # noqa: S608
    db.execute("DELETE FROM incident WHERE id = ?", (incident,))
