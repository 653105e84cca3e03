"""Incidents between runs: what was found, what a person decided about it, and who did so when.

Comes in: the JSON form of incidents (``report.document``) after each run. Goes out: the same with a state and a
history. One SQLite file in write-ahead mode; every change is one transaction, so a process killed at any instruction
leaves either the old or the new. The same run twice changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from kanaria.core.errors import ConfigError, SourceError
from kanaria.store import news
from kanaria.store.alerts import Told, joined, remember
from kanaria.store.database import Opened, in_clear_words, unusable
from kanaria.store.joining import escalates, joined_documents
from kanaria.store.news import News

Json = dict[str, Any]
State = Literal["open", "acknowledged", "contained", "dismissed", "closed", "merged"]

# From which states a person may go where. A merged incident lives on in the one it was merged into.
MOVES: Mapping[str, tuple[State, ...]] = {
    "open": ("acknowledged", "contained", "dismissed", "closed"),
    "acknowledged": ("open", "contained", "dismissed", "closed"),
    "contained": ("open", "acknowledged", "dismissed", "closed"),
    "dismissed": ("open",),
    "closed": ("open",),
    "merged": (),
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS incident (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, merged_into TEXT, document TEXT NOT NULL,
    severity TEXT NOT NULL, first_seen TEXT, last_seen TEXT, created TEXT NOT NULL, changed TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS finding (id TEXT PRIMARY KEY, incident TEXT NOT NULL REFERENCES incident (id));
CREATE INDEX IF NOT EXISTS finding_incident ON finding (incident);
CREATE TABLE IF NOT EXISTS decision (
    number INTEGER PRIMARY KEY, incident TEXT NOT NULL, time TEXT NOT NULL, who TEXT NOT NULL,
    was TEXT NOT NULL, became TEXT NOT NULL, why TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS told (incident TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pair (
    incident TEXT NOT NULL, device TEXT NOT NULL, remote TEXT NOT NULL, PRIMARY KEY (incident, device, remote));
"""
VERSION = 3
"""1 had no ``told`` and no ``state``; it is read as one in which nothing was told. 2 had no ``outbox`` and no ``pair``:
what it saved counts as told."""
OPEN: tuple[State, ...] = ("open", "acknowledged", "contained")
"""States in which somebody still has to do with an incident: what belongs to it teaches nothing."""
MOST_PAIRS = 20_000
"""Pairs of devices and remotes of open incidents that are withheld, of the newest incidents first."""


@dataclass(frozen=True, kw_only=True)
class StoredIncident:
    """An incident with its state; ``document`` is the incident object of the JSON interface."""

    id: str
    state: State
    merged_into: str | None
    document: Json
    created: str
    changed: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Somebody moved an incident from one state to another, and why."""

    incident: str
    time: str
    who: str
    was: str
    became: str
    why: str


class IncidentStore:
    """All incidents of one installation. Open it with ``with``; closing commits nothing, every call already did."""

    def __init__(self, folder: Path) -> None:
        try:
            self._opened = Opened(folder)
            self._db = self._opened.db
            self._prepare(folder)
        except sqlite3.DatabaseError as error:
            raise unusable(str(folder), error) from error
        except OSError as error:
            raise SourceError(
                source=str(folder),
                expected="a folder to keep incidents in",
                got=str(error),
                cause="no permission, or no space",
            ) from error

    def __enter__(self) -> IncidentStore:
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    @in_clear_words
    def save(self, incidents: Sequence[Json], now: datetime, state: Mapping[str, Json] | None = None) -> list[str]:
        """Keep a run's incidents and, with them or not at all, its ``state``; returns the ids they live under now.

        An incident that shares a finding with stored ones continues one of them (``keeper``) and the others are merged
        into it. A closed one is opened again by a finding it did not have; one dismissed as harmless stays so unless
        it escalates: a finding of a model it did not have, or more severe than before.
        """
        with self._transaction():
            for name, content in (state or {}).items():
                packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))
                self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, packed))
            return [self._save(incident, now.isoformat()) for incident in incidents]

    @in_clear_words
    def state(self) -> dict[str, Json]:
        """What the last run left beside its incidents, by name."""
        rows = self._db.execute("SELECT name, content FROM state")
        return {name: json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass")) for name, packed in rows}

    @in_clear_words
    def keeper(self, incident: str, findings: Sequence[str]) -> str | None:
        """The stored incident that an incident of this id and these findings continues; None for a new one."""
        owners = self._owners(findings)
        return incident if incident in owners else next(iter(owners), None)

    @in_clear_words
    def pending(self) -> list[News]:
        """News that nobody was told of yet, the oldest first."""
        return news.pending(self._db)

    @in_clear_words
    def untold(self) -> frozenset[str]:
        """Ids of the findings of incidents that somebody still has to be told of."""
        rows = self._db.execute(
            "SELECT finding.id FROM finding JOIN news ON news.incident = finding.incident WHERE news.told IS NULL"
        )
        return frozenset(row[0] for row in rows)

    @in_clear_words
    def waits(self, findings: Sequence[str]) -> bool:
        """Whether somebody still has to be told of an incident with one of these findings."""
        return news.waits(self._db, self._owners(findings))

    @in_clear_words
    def mark_told(self, incidents: Sequence[str], now: datetime) -> None:
        """Somebody was told of these incidents, as they are."""
        with self._transaction():
            for incident in incidents:
                news.mark(self._db, incident, now.isoformat())

    @in_clear_words
    def pairs(self, states: Sequence[State]) -> list[tuple[str, str]]:
        """Devices and remotes of incidents in these states."""
        marks = ",".join("?" * len(states))
        rows = self._db.execute(
            f"""SELECT device, remote FROM pair JOIN incident ON incident.id = pair.incident
                WHERE state IN ({marks}) ORDER BY coalesce(last_seen, changed) DESC, device, remote
                LIMIT {MOST_PAIRS}""",  # noqa: S608
            tuple(states),
        )
        return list(dict.fromkeys((device, remote) for device, remote in rows))

    @in_clear_words
    def told(self, findings: Sequence[str]) -> Told | None:
        """What was last told of the incidents with these findings."""
        return joined([told for owner in self._owners(findings) if (told := self._told(owner))])

    def _told(self, incident: str) -> Told | None:
        row = self._db.execute("SELECT content FROM told WHERE incident = ?", (incident,)).fetchone()
        return Told.from_json(json.loads(row[0])) if row else None

    @in_clear_words
    def get(self, incident: str) -> StoredIncident:
        """One incident, following merges. Raises ConfigError when there is none; an unambiguous beginning will do."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM incident WHERE id = ? OR substr(id, 1, ?) = ? ORDER BY id",  # noqa: S608
            (incident, len(incident), incident),
        ).fetchall()
        exact = [row for row in rows if row[0] == incident] or rows
        if len(exact) != 1:
            got = f"{incident} ({len(exact)} match)"
            raise ConfigError(
                path="incident",
                key="",
                expected="the id of a stored incident",
                got=got,
                cause="see kanaria incident list",
            )
        found = _stored(exact[0])
        return self.get(found.merged_into) if found.merged_into else found

    @in_clear_words
    def all(self, states: Sequence[str] = (), limit: int = -1) -> list[StoredIncident]:
        """Incidents in these states (all but merged when none are named), the latest first, at most ``limit``."""
        wanted = tuple(states) or tuple(state for state in MOVES if state != "merged")
        marks = ",".join("?" * len(wanted))
        rows = self._db.execute(
            f"""SELECT {_COLUMNS} FROM incident WHERE state IN ({marks})
                ORDER BY coalesce(last_seen, changed) DESC, id LIMIT ?""",  # noqa: S608
            (*wanted, limit),
        )
        return [_stored(row) for row in rows]

    @in_clear_words
    def decide(self, incident: str, state: State, *, who: str, why: str, now: datetime) -> StoredIncident:
        """Move an incident to a state. Raises ConfigError when there is no way from where it is."""
        known = self.get(incident)
        if state not in MOVES[known.state]:
            ways = ", ".join(MOVES[known.state]) or "nothing"
            raise ConfigError(path="incident", key=known.id, expected=f"{ways} (it is {known.state})", got=state)
        with self._transaction():
            self._decide(known.id, known.state, state, who, why, now.isoformat())
        return self.get(known.id)

    @in_clear_words
    def history(self, incident: str) -> list[Decision]:
        """Every decision about an incident, oldest first."""
        rows = self._db.execute(
            "SELECT incident, time, who, was, became, why FROM decision WHERE incident = ? ORDER BY number",
            (self.get(incident).id,),
        )
        return [Decision(incident=i, time=t, who=w, was=a, became=b, why=y) for i, t, w, a, b, y in rows]

    @in_clear_words
    def learnable(self) -> frozenset[str]:
        """Finding ids a person called harmless: the pattern of life may learn them."""
        rows = self._db.execute(
            "SELECT finding.id FROM finding JOIN incident ON incident.id = finding.incident WHERE state = 'dismissed'"
        )
        return frozenset(row[0] for row in rows)

    def _prepare(self, folder: Path) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise SourceError(
                source=str(folder),
                expected=f"a store of version {VERSION} or older",
                got=f"version {version}",
                cause="made by a newer Kanaria",
            )
        with self._changing():
            for statement in (_SCHEMA + news.SCHEMA).split(";"):
                self._db.execute(statement)
            if version < VERSION:
                self._fill_pairs()
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _save(self, incident: Json, now: str) -> str:
        findings = [finding["id"] for finding in incident["findings"]]
        owners, told = self._owners(findings), self.told(findings)
        keeper = self.keeper(incident["id"], findings) or incident["id"]
        known = {row[0] for row in self._db.execute("SELECT id FROM finding WHERE incident = ?", (keeper,))}
        for other in owners:
            if other != keeper:
                self._merge(other, keeper, now)
        if not owners:
            self._insert(keeper, incident, now)
        else:
            self._update(keeper, incident, bool(set(findings) - known), now)
        known_now, kind = remember(incident, told), (incident.get("alert") or {"kind": "new"})["kind"]
        if kind in news.TELLING:
            news.put(self._db, keeper, kind, known_now, now)
        if told is not None:
            content = json.dumps((told if kind in news.TELLING else known_now).to_json(), ensure_ascii=False)
            self._db.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (keeper, content))
        self._pair(keeper, incident)
        self._db.executemany(
            "INSERT INTO finding VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET incident = excluded.incident",
            [(finding, keeper) for finding in findings],
        )
        return keeper

    def _pair(self, keeper: str, incident: Json) -> None:
        """Which device and remote its findings are about."""
        found = {(f.get("device"), f.get("remote")) for f in incident["findings"]}
        sides = incident.get("entities", {"devices": [], "remotes": []})
        if len(sides["devices"]) == 1:  # findings about several strangers name none of them
            found |= {(sides["devices"][0], remote) for remote in sides["remotes"]}
        rows = [(keeper, device, remote) for device, remote in sorted(found, key=str) if device and remote]
        self._db.executemany("INSERT OR IGNORE INTO pair VALUES (?, ?, ?)", rows)

    def _fill_pairs(self) -> None:
        """Those of incidents that an older version kept."""
        for ident, document in self._db.execute("SELECT id, document FROM incident").fetchall():
            self._pair(ident, json.loads(document))

    def _owners(self, findings: Sequence[str]) -> list[str]:
        marks = ",".join("?" * len(findings))
        rows = self._db.execute(
            f"""SELECT DISTINCT incident.id, incident.created
                FROM finding JOIN incident ON incident.id = finding.incident
                WHERE finding.id IN ({marks}) ORDER BY incident.created, incident.id""",  # noqa: S608
            tuple(findings),
        )
        return [row[0] for row in rows]

    def _insert(self, keeper: str, incident: Json, now: str) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO incident VALUES (?, 'open', NULL, ?, ?, ?, ?, ?, ?)",
            (
                keeper,
                _text(incident, keeper),
                incident["severity"],
                incident["first_seen"],
                incident["last_seen"],
                now,
                now,
            ),
        )

    def _update(self, keeper: str, incident: Json, news: bool, now: str) -> None:
        (state, before) = self._db.execute("SELECT state, document FROM incident WHERE id = ?", (keeper,)).fetchone()
        incident = joined_documents(json.loads(before), incident)
        document = _text(incident, keeper)
        if document == before:
            return
        self._db.execute(
            "UPDATE incident SET document = ?, severity = ?, first_seen = ?, last_seen = ?, changed = ? WHERE id = ?",
            (document, incident["severity"], incident["first_seen"], incident["last_seen"], now, keeper),
        )
        if news and (state == "closed" or (state == "dismissed" and escalates(json.loads(before), incident))):
            self._decide(keeper, state, "open", "kanaria", "new findings", now)

    def _merge(self, other: str, keeper: str, now: str) -> None:
        self._db.execute("UPDATE finding SET incident = ? WHERE incident = ?", (keeper, other))
        self._db.execute("UPDATE OR IGNORE pair SET incident = ? WHERE incident = ?", (keeper, other))
        news.move(self._db, other, keeper)
        self._db.execute(
            "UPDATE incident SET state = 'merged', merged_into = ?, changed = ? WHERE id = ?", (keeper, now, other)
        )

    def _decide(self, incident: str, was: str, became: str, who: str, why: str, now: str) -> None:
        self._db.execute("UPDATE incident SET state = ?, changed = ? WHERE id = ?", (became, now, incident))
        self._db.execute(
            "INSERT INTO decision (incident, time, who, was, became, why) VALUES (?, ?, ?, ?, ?, ?)",
            (incident, now, who, was, became, why),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if not self._opened.writable:
            raise SourceError(
                source="store", expected="a store that can be changed", got="one that can only be read", cause="a copy?"
            )
        with self._changing():
            yield

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        with ExitStack() as undone:
            undone.callback(self._db.execute, "ROLLBACK")
            yield
            undone.pop_all()
        self._db.execute("COMMIT")


_COLUMNS = "id, state, merged_into, document, created, changed"


def _stored(row: Sequence[Any]) -> StoredIncident:
    ident, state, merged_into, document, created, changed = row
    return StoredIncident(
        id=ident, state=state, merged_into=merged_into, document=json.loads(document), created=created, changed=changed
    )


def _text(incident: Json, keeper: str) -> str:
    return json.dumps({**incident, "id": keeper}, ensure_ascii=False, sort_keys=True)
