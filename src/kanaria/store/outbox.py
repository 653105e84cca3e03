"""Messages that are to be sent: kept in the store until they are, over restarts, each once under its own id.

News of incidents comes in, already addressed to channels. Groups of messages that are due go out; whoever sends them
says what became of it. One SQLite file beside the incidents: senders never wait for the analysis or hold it up.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any

from kanaria.core.errors import SourceError, system_words
from kanaria.core.types import SEVERITIES
from kanaria.core.values import dataclass
from kanaria.store.database import begin, closed_on_failure, unusable
from kanaria.store.retention import shrink
from kanaria.store.timeline import Timeline

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, topic TEXT NOT NULL, rank INTEGER NOT NULL,
    created REAL NOT NULL, content TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0, changed REAL NOT NULL, error TEXT NOT NULL DEFAULT '', PRIMARY KEY (channel, id));
CREATE INDEX IF NOT EXISTS message_due ON message (channel, state, next_try);
CREATE TABLE IF NOT EXISTS digest_item (
    channel TEXT NOT NULL, id TEXT NOT NULL, created REAL NOT NULL, changed REAL NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (channel, id));
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
VERSION = 1
FILE = "outbox.sqlite"
MOST_ITEMS = 10_000
"""Entries kept for one digest; a message cannot name more, and the count goes on."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One message for one channel. ``topic`` is what it is about in few words: alike topics may be joined."""

    id: str
    channel: str
    kind: str
    topic: str
    severity: str
    content: Json = field(default_factory=dict)
    created: float = 0.0
    attempts: int = 0
    not_before: float = 0.0
    """When it may be sent first."""

    @property
    def rank(self) -> int:
        return [str(severity) for severity in SEVERITIES].index(self.severity)


class Outbox:
    """All messages of one installation. Safe to share between threads. All its times are those of ``time``."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            begin(folder / FILE)
            self._db = sqlite3.connect(folder / FILE, isolation_level=None, timeout=30.0, check_same_thread=False)
            with closed_on_failure(self._db.close):
                self._db.execute("PRAGMA journal_mode = WAL")
                with self._transaction():
                    for statement in _SCHEMA.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as error:
            raise unusable(str(folder / FILE), error) from error
        except OSError as error:
            raise SourceError(
                source=str(folder), expected="a folder to keep messages in", got=system_words(error),
                cause="no permission, or no space",
            ) from error  # fmt: skip

        self.time = Timeline(self)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, messages: Sequence[Entry], items: Sequence[Entry], now: float) -> None:
        """Keep messages to send and entries for digests. The same again changes nothing."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO message (id, channel, kind, topic, rank, created, content, next_try, changed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (m.id, m.channel, m.kind, m.topic, m.rank, now, _text(m.content), m.not_before, now)
                    for m in messages
                ],
            )
            self._db.executemany(
                "INSERT INTO digest_item VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET changed = excluded.changed, content = excluded.content",
                [(item.channel, item.id, now, now, _text(item.content)) for item in items],
            )

    def due(self, channel: str, now: float, least: int = 0) -> list[Entry]:
        """What waits for a channel and may be tried now, of rank ``least`` or more, most severe and oldest first.

        What was made later than now was made by a clock that was wrong: it has waited long enough.
        """
        rows = self._rows(
            "SELECT id, channel, kind, topic, rank, created, content, attempts FROM message"
            " WHERE channel = ? AND state = 'waiting' AND (next_try <= ? OR created > ?) AND rank >= ?"
            " ORDER BY rank DESC, created, id",
            (channel, now, now, least),
        )
        return [
            Entry(
                id=i, channel=c, kind=k, topic=t, severity=SEVERITIES[r], created=m, content=json.loads(x), attempts=a
            )
            for i, c, k, t, r, m, x, a in rows
        ]

    def settle(
        self, entries: Sequence[Entry], state: str, now: float, *, next_try: float = 0.0, error: str = ""
    ) -> None:
        """What became of messages: ``sent``, ``waiting`` for ``next_try``, ``dead``, or ``spared``: nobody needs it."""
        with self._transaction():
            self._db.executemany(
                "UPDATE message SET state = ?, attempts = attempts + 1, next_try = ?, changed = ?, error = ?"
                " WHERE channel = ? AND id = ?",
                [(state, next_try, now, error, entry.channel, entry.id) for entry in entries],
            )

    def sent_since(self, channel: str, since: float, until: float) -> list[tuple[str, float]]:
        """Topic and time of what was sent lately."""
        query = "SELECT topic, changed FROM message WHERE channel = ? AND state = 'sent' AND changed BETWEEN ? AND ?"
        return [(str(topic), float(changed)) for topic, changed in self._rows(query, (channel, since, until))]

    def items(self, channel: str) -> list[tuple[float, float, Json]]:
        """Entries of the next digest: when first and last noted, and what."""
        rows = self._rows(
            "SELECT created, changed, content FROM digest_item WHERE channel = ? ORDER BY created, id", (channel,)
        )
        return [(created, changed, json.loads(content)) for created, changed, content in rows]

    def digested(self, message: Entry, until: float, now: float) -> None:
        """A digest takes the place of its entries, in one go."""
        with self._transaction():
            self.add([message], [], now)
            self._db.execute("DELETE FROM digest_item WHERE channel = ? AND changed <= ?", (message.channel, until))
            self.remember(f"digest:{message.channel}", repr(now))
            self.remember(f"digest_clock:{message.channel}", repr(self.time.wall(now)))

    def remember(self, name: str, value: str) -> None:
        """Keep a fact about sending."""
        with self._lock, self._in_clear_words():
            self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def remember_once(self, name: str, value: str) -> bool:
        """Keep a fact that nobody kept before; False when somebody did."""
        with self._lock, self._in_clear_words():
            return self._db.execute("INSERT OR IGNORE INTO fact VALUES (?, ?)", (name, value)).rowcount > 0

    def forget_facts(self, prefix: str, before: float) -> None:
        """Remove the facts of that prefix whose value is a time before."""
        with self._lock, self._in_clear_words():
            query = "DELETE FROM fact WHERE substr(name, 1, ?) = ? AND CAST(value AS REAL) < ?"
            self._db.execute(query, (len(prefix), prefix, before))

    def past(self, name: str, now: float) -> float | None:
        """A fact that is a time. One that lies ahead was kept by a clock that was wrong: it becomes now."""
        kept = self.fact(name)
        if kept is None or float(kept) <= now:
            return None if kept is None else float(kept)
        self.remember(name, repr(now))
        return now

    def fact(self, name: str) -> str | None:
        rows = self._rows("SELECT value FROM fact WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def forget(self, before: float) -> int:
        """Remove messages that were settled before; returns how many."""
        with self._lock, self._in_clear_words():
            done = self._db.execute("DELETE FROM message WHERE state <> 'waiting' AND changed < ?", (before,))
            if done.rowcount:
                shrink(self._db)
            return done.rowcount

    def incidents(self) -> frozenset[str]:
        """Ids of the incidents that messages and digests still have to tell of."""
        rows = self._rows(
            "SELECT json_extract(content, '$.id') FROM message WHERE state = 'waiting' AND kind = 'incident'"
            " UNION SELECT json_extract(content, '$.id') FROM digest_item"
        )
        return frozenset(str(incident) for (incident,) in rows)

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Messages by channel and state."""
        rows = self._rows("SELECT channel, state, count(*) FROM message GROUP BY channel, state")
        return {(str(channel), str(state)): int(count) for channel, state, count in rows}

    def last_error(self, channel: str) -> str:
        """Why the last attempt that failed did; empty when none waits or is dead."""
        rows = self._rows(
            "SELECT error FROM message WHERE channel = ? AND state <> 'sent' AND error <> ''"
            " ORDER BY changed DESC LIMIT 1",
            (channel,),
        )
        return str(rows[0][0]) if rows else ""

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._in_clear_words():
            return self._db.execute(query, tuple(values)).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction; inside another it is part of that one."""
        with self._lock, self._in_clear_words():
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _in_clear_words(self) -> Iterator[None]:
        """SQLite's errors as SourceError: a full disk passes, and then everything goes on."""
        try:
            yield
        except sqlite3.Error as error:
            raise SourceError(
                source=str(self._folder), expected="a folder to keep messages in", got=system_words(error),
                cause="no space left, perhaps", retry_after=10.0,
            ) from error  # fmt: skip


def _text(content: Json) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)
