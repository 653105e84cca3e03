"""News that somebody is to be told of: written with the incident, marked as told when it has been.

In: the connection of the store, inside its transactions. Whoever tells (a report, a notifier, a responder) takes what
is pending and marks it afterwards: what was not told because a disk was full or a mail server away comes again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from kanaria.core.conversion import plain
from kanaria.core.values import dataclass
from kanaria.store.alerts import LastNotice

Json = dict[str, Any]

TELLING = frozenset({"new", "escalated", "reminder"})
"""Kinds of alerts that somebody is to be told of."""
KEPT = 1_000
"""Rows kept after they were told, to see what was told when; the oldest go first."""


@dataclass(frozen=True, kw_only=True)
class News:
    """One row: ``kind`` as in ``core.alert``, ``notified_at`` when somebody was notified, None while it is pending."""

    number: int
    incident: str
    kind: str
    created: str
    notified_at: str | None


def put(db: sqlite3.Connection, incident: str, kind: str, notice: LastNotice, now: str) -> None:
    """There is news of the incident; ``notice`` is what will be known when it was told. One pending row an incident."""
    content = json.dumps(plain(notice), ensure_ascii=False)
    row = db.execute("SELECT number FROM news WHERE incident = ? AND told IS NULL", (incident,)).fetchone()
    if row:
        db.execute("UPDATE news SET content = ? WHERE number = ?", (content, row[0]))
    else:
        db.execute(
            "INSERT INTO news (incident, kind, created, content) VALUES (?, ?, ?, ?)", (incident, kind, now, content)
        )


def pending(db: sqlite3.Connection) -> list[News]:
    """What nobody was told of yet, the oldest first."""
    rows = db.execute("SELECT number, incident, kind, created, told FROM news WHERE told IS NULL ORDER BY number")
    return [News(number=n, incident=i, kind=k, created=c, notified_at=t) for n, i, k, c, t in rows]


def waits(db: sqlite3.Connection, incidents: Sequence[str]) -> bool:
    """Whether there is news of one of these that nobody was told of."""
    marks = ",".join("?" * len(incidents))
    query = f"SELECT 1 FROM news WHERE told IS NULL AND incident IN ({marks}) LIMIT 1"  # noqa: S608
    return db.execute(query, tuple(incidents)).fetchone() is not None


def mark(db: sqlite3.Connection, incident: str, now: str) -> None:
    """Somebody was told of everything pending about the incident: from now on that is known."""
    rows = db.execute("SELECT content FROM news WHERE told IS NULL AND incident = ? ORDER BY number", (incident,))
    for (content,) in rows.fetchall():
        remember(db, incident, content)
    db.execute("UPDATE news SET told = ? WHERE told IS NULL AND incident = ?", (now, incident))
    db.execute("DELETE FROM news WHERE told IS NOT NULL AND number <= (SELECT max(number) FROM news) - ?", (KEPT,))


def remember(db: sqlite3.Connection, incident: str, content: str) -> None:
    """What is known of the incident by who was told of it, as text."""
    db.execute(
        "INSERT INTO told VALUES (?, ?) ON CONFLICT (incident) DO UPDATE SET content = excluded.content",
        (incident, content),
    )


def move(db: sqlite3.Connection, other: str, keeper: str) -> None:
    """An incident was merged into another; what is pending about it is pending about that."""
    db.execute("UPDATE news SET incident = ? WHERE incident = ? AND told IS NULL", (keeper, other))
