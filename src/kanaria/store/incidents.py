"""Incidents between runs: what was found, what a person decided about it, and who did so when.

In: the JSON form of incidents (``report.document``) after each run. Out: the same with a state and a
history. One SQLite file in write-ahead mode; every change is one transaction, so a process killed at any instruction
leaves either the old or the new. The same run twice changes nothing.
"""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from kanaria.core.conversion import made, plain
from kanaria.core.errors import ConfigError, SourceError, system_words
from kanaria.core.values import dataclass
from kanaria.store import events, news, retention, versions
from kanaria.store.alerts import LastNotice, joined, remember
from kanaria.store.database import Opened, closed_on_failure, in_clear_words, unusable
from kanaria.store.joining import escalates, joined_documents, joined_rest
from kanaria.store.news import News
from kanaria.store.pairs import pairs
from kanaria.store.retention import Removed
from kanaria.store.rows import change_rows, drop_evidence, put_rows, rest_of, with_rows

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

OPEN: tuple[State, ...] = ("open", "acknowledged", "contained")
"""States in which somebody still has to do with an incident: what belongs to it teaches nothing."""


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
            with closed_on_failure(self._opened.close):
                versions.prepare(self._db, str(folder))
        except sqlite3.DatabaseError as error:
            raise unusable(str(folder), error) from error
        except OSError as error:
            raise SourceError(
                source=str(folder),
                expected="a folder to keep incidents in",
                got=system_words(error),
                cause="no permission, or no space",
            ) from error

    def __enter__(self) -> IncidentStore:
        return self

    def __exit__(self, *_error: object) -> None:
        self._opened.close()

    @in_clear_words
    def save(
        self, incidents: Sequence[Json], now: datetime, state: Mapping[str, Json] | None = None,
        rows: events.Changes = events.NO_CHANGES,
    ) -> list[str]:  # fmt: skip
        """Keep a run's incidents and, with them or not at all, its ``state`` and the list of files that hold the
        ``rows`` of its events; returns the ids they live under now.

        An incident that shares a finding with stored ones continues one of them (``keeper``) and the others are merged
        into it. A closed one is opened again by a finding it did not have; one dismissed as harmless stays so unless
        it escalates: a finding of a model it did not have, or more severe than before.
        """
        with self._transaction():
            for name, content in (state or {}).items():
                packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))
                self._db.execute(
                    "INSERT INTO state VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content",
                    (name, packed),
                )
            events.change(self._db, rows)
            return [self._save(incident, now.isoformat()) for incident in incidents]

    @in_clear_words
    def parts(self) -> list[events.Part]:
        """The files that hold rows of events, the earliest first."""
        return events.listed(self._db)

    @in_clear_words
    def state(self) -> dict[str, Json]:
        """What the last run left beside its incidents, by name."""
        rows = self._db.execute("SELECT name, content FROM state")
        return {name: json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass")) for name, packed in rows}

    @in_clear_words
    def keeper(self, incident: str, findings: Sequence[str]) -> str | None:
        """The stored incident that an incident of this id and these findings continues; None for a new one."""
        return _keeper(incident, self._owners(findings))

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
        """Devices and remotes of incidents in these states, those of the newest incidents first."""
        marks = ",".join("?" * len(states))
        rows = self._db.execute(
            f"""SELECT device, remote FROM pair JOIN incident ON incident.id = pair.incident
                WHERE state IN ({marks}) ORDER BY coalesce(last_seen, changed) DESC, device, remote""",  # noqa: S608
            tuple(states),
        )
        return list(dict.fromkeys((device, remote) for device, remote in rows))

    @in_clear_words
    def last_notice(self, findings: Sequence[str]) -> LastNotice | None:
        """What was last told of the incidents with these findings."""
        return self._notice(self._owners(findings))

    def _notice(self, owners: Sequence[str]) -> LastNotice | None:
        return joined([told for owner in owners if (told := self._told(owner))])

    def _told(self, incident: str) -> LastNotice | None:
        row = self._db.execute("SELECT content FROM told WHERE incident = ?", (incident,)).fetchone()
        return made(LastNotice, json.loads(row[0])) if row else None

    @in_clear_words
    def get(self, incident: str, *, rows: bool = True) -> StoredIncident:
        """One incident, following merges; without ``rows`` its document says nothing of findings and evidence. Raises
        ConfigError when there is none; an unambiguous beginning will do."""
        known = self._db.execute(f"SELECT {_COLUMNS} FROM incident WHERE id = ?", (incident,)).fetchall()  # noqa: S608
        exact = (
            known
            or self._db.execute(
                f"SELECT {_COLUMNS} FROM incident WHERE substr(id, 1, ?) = ? ORDER BY id",  # noqa: S608
                (len(incident), incident),
            ).fetchall()
        )
        if len(exact) != 1:
            raise ConfigError(
                path="incident",
                key="",
                expected="the id of a stored incident",
                got=incident,
                cause="several ids begin so; see kanaria incident list" if exact else "see kanaria incident list",
            )
        (found,) = self._whole(exact, rows=rows)
        return self.get(found.merged_into, rows=rows) if found.merged_into else found

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
        return self._whole(rows.fetchall())

    def _whole(self, found: Sequence[Sequence[Any]], *, rows: bool = True) -> list[StoredIncident]:
        rest = {ident: document for ident, _, _, document, _, _ in found}
        documents = with_rows(self._db, rest) if rows else {ident: json.loads(text) for ident, text in rest.items()}
        return [
            StoredIncident(
                id=ident, state=state, merged_into=merged, document=documents[ident], created=created, changed=changed
            )
            for ident, state, merged, _, created, changed in found
        ]

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
    def forget(
        self, before: datetime, most_bytes: float = math.inf, spare: Collection[str] = (),
        quiet: datetime | None = None,
    ) -> Removed:  # fmt: skip
        """Let finished incidents go: those that nobody has changed since ``before``, and the oldest while the store is
        larger than ``most_bytes``; then informational ones that nothing has changed since ``quiet``. Not more than a
        moment's work at once, and none of ``spare``."""
        with self._transaction():
            done = retention.remove(self._db, before, most_bytes, spare, quiet)
        if done.incidents:
            retention.shrink(self._db)
        return done

    @property
    def size(self) -> int:
        """Bytes that incidents and what is remembered take."""
        return retention.size(self._db)

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

    def _save(self, incident: Json, now: str) -> str:
        findings = [finding["id"] for finding in incident["findings"]]
        owners = self._owners(findings)
        told, keeper = self._notice(owners), _keeper(incident["id"], owners) or incident["id"]
        known = {row[0] for row in self._db.execute("SELECT id FROM finding WHERE incident = ?", (keeper,))}
        for other in owners:
            if other != keeper:
                self._merge(other, keeper, now)
        if not owners:
            self._insert(keeper, incident, now)
            self._keep_document(keeper, incident)
        else:
            self._update(keeper, incident, bool(set(findings) - known), now)
        known_now, kind = remember(incident, told), (incident.get("alert") or {"kind": "new"})["kind"]
        if kind in news.TELLING:
            news.put(self._db, keeper, kind, known_now, now)
        if told is not None:
            content = json.dumps(plain(told if kind in news.TELLING else known_now), ensure_ascii=False)
            news.remember(self._db, keeper, content)
        kept = set(self._db.execute("SELECT device, remote FROM pair WHERE incident = ?", (keeper,)))
        rows = [(keeper, *pair) for pair in pairs(incident) if pair not in kept]
        self._db.executemany("INSERT INTO pair VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows)
        return keeper

    def _owners(self, findings: Sequence[str]) -> list[str]:
        rows = self._db.execute(
            """SELECT DISTINCT incident.id, incident.created
                FROM finding JOIN incident ON incident.id = finding.incident
                WHERE finding.id IN (SELECT value FROM json_each(?)) ORDER BY incident.created, incident.id""",
            (json.dumps(list(findings)),),
        )
        return [row[0] for row in rows]

    def _insert(self, keeper: str, incident: Json, now: str) -> None:
        self._db.execute(
            "INSERT INTO incident (id, state, document, severity, first_seen, last_seen, created, changed)"
            " VALUES (?, 'open', '{}', ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (keeper, incident["severity"], incident["first_seen"], incident["last_seen"], now, now),
        )

    def _keep_document(self, keeper: str, incident: Json) -> None:
        self._db.execute(
            "UPDATE incident SET document = ? WHERE id = ?", (put_rows(self._db, keeper, incident), keeper)
        )

    def _update(self, keeper: str, incident: Json, news: bool, now: str) -> None:
        (state, text) = self._db.execute("SELECT state, document FROM incident WHERE id = ?", (keeper,)).fetchone()
        reopens = news and state in {"closed", "dismissed"}
        before = with_rows(self._db, {keeper: text})[keeper] if reopens else {**json.loads(text), "findings": []}
        beside = not reopens and self._says_less(keeper, incident)
        incident = joined_rest(before, incident) if beside else joined_documents(before, incident)
        rest = rest_of(keeper, incident)
        if not change_rows(self._db, keeper, incident, beside=beside) and rest == text:
            return
        self._db.execute(
            "UPDATE incident SET document = ?, severity = ?, first_seen = ?, last_seen = ?, changed = ? WHERE id = ?",
            (rest, incident["severity"], incident["first_seen"], incident["last_seen"], now, keeper),
        )
        if reopens and (state == "closed" or escalates(before, incident)):
            self._decide(keeper, state, "open", "kanaria", "new findings", now)

    def _says_less(self, keeper: str, incident: Json) -> bool:
        """Whether findings are kept that the incident does not name now."""
        now = {finding["id"] for finding in incident["findings"]}
        rows = self._db.execute("SELECT id FROM finding WHERE incident = ? AND number IS NOT NULL", (keeper,))
        return any(ident not in now for (ident,) in rows)

    def _merge(self, other: str, keeper: str, now: str) -> None:
        self._db.execute("UPDATE finding SET incident = ?, number = NULL WHERE incident = ?", (keeper, other))
        self._db.execute(
            "INSERT INTO pair SELECT ?, device, remote FROM pair WHERE incident = ? ON CONFLICT DO NOTHING",
            (keeper, other),
        )
        self._db.execute("DELETE FROM pair WHERE incident = ?", (other,))
        news.move(self._db, other, keeper)
        drop_evidence(self._db, other)  # the keeper has its own; whoever asks for the other is given the keeper
        self._db.execute(
            "UPDATE incident SET state = 'merged', merged_into = ?, document = '{}', changed = ? WHERE id = ?",
            (keeper, now, other),
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


def _keeper(incident: str, owners: Sequence[str]) -> str | None:
    return incident if incident in owners else next(iter(owners), None)
