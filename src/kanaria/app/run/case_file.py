"""What incidents will be made of, gathered while batches pass: findings, messages, and the few rows they rest on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.limits import Limits
from kanaria.core.prefilter import Prefilter, literal
from kanaria.core.schema import TABLES
from kanaria.core.text import printable
from kanaria.core.types import Finding, Record, StratumMessage
from kanaria.incidents.rhythm import Rhythms
from kanaria.incidents.verdicts import Verdicts
from kanaria.memory.open_findings import NOTHING, Carried

if TYPE_CHECKING:
    import numpy.typing as npt

    from kanaria.incidents.judge import Verdict
    from kanaria.memory.events import Events

# Columns that are large, or shown elsewhere, and so not copied into a record's values.
_LEFT_OUT = frozenset(
    ("raw", "request", "request_body", "response_body", "messages", "pairs", "src_first", "dst_first", "payload")
)
QUOTE_BYTES = 4_096
# A dropped file's name shorter than this is too common to recognise a later request by.
DROPPED_NAME_LENGTH = 5
LATER_REQUESTS_KEPT = 20
# Names looked for at once: one pass over a batch of requests finds all of them, and building the search for them takes
# 0.2 s. A campaign that names more files than this uses random names, for each of which one request says little.
MOST_DROPPED = 5_000
EVENTS_KEPT = 50
# The same thing found again after a day of silence is told as a new finding.
SAME_FINDING_WITHIN = timedelta(days=1)


LEARNED = ("baseline.", "device.")
"""Beginnings of the names of columns that what was learned before decides."""


class CaseFile:
    """Grows batch by batch; rows are kept only when a finding or a message refers to them.

    It begins with what earlier runs have ``carried`` here. ``met`` are the findings this run made or made longer,
    ``news`` those of them with records that no earlier run had.
    """

    def __init__(self, carried: Carried = NOTHING, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
        self.findings: dict[str, Finding] = {finding.id: finding for finding in carried.findings}
        self._by_key: dict[str, list[str]] = {}
        for finding in carried.findings:
            self._by_key.setdefault(finding.key, []).append(finding.id)
        self.messages: list[StratumMessage] = list(carried.messages)
        self.records: dict[int, Record] = {record.event_id: record for record in carried.records}
        self.later_requests = {name: list(found) for name, found in carried.later_requests.items()}
        self.tables_seen: set[str] = set()
        self._dropped: dict[str, datetime | None] = {}
        self._searched: Prefilter | None = None
        for record in carried.records:
            self._note_dropped(record)
        self.rhythms = Rhythms(limits.identities)
        self.verdicts: Verdicts[Verdict] = Verdicts(limits.findings)
        self._not_found: set[int] = set()
        self.met: set[str] = set()
        self.news: set[str] = set()
        self.told_ahead: set[str] = set()
        """Findings that were made since and rest on nothing but records of which somebody was told ahead."""
        self._old_findings, self._old_records = set(self.findings), set(self.records)
        self._old_messages = {message.event_id for message in carried.messages}

    def add(
        self, tables: Mapping[str, pa.Table], messages: Iterable[StratumMessage], findings: Iterable[Finding]
    ) -> None:
        """Keep a batch's findings and messages, and the rows behind them."""
        new = [message for message in messages if message.event_id not in self._old_messages]
        self.messages += new
        wanted = {message.event_id for message in new}
        for finding in findings:
            self._merge(finding)
            wanted.update(finding.event_ids)
        self.tables_seen.update(name for name, table in tables.items() if len(table))
        for name, table in tables.items():
            if name in TABLES and name != "stratum" and wanted:
                self._keep(name, table, wanted)
        self._note_rhythms(new)
        self._note_later_requests(tables.get("http"))

    def add_open(self, rows: pa.Table, findings: Sequence[Finding]) -> None:
        """Keep findings about connections that are still open, and their rows until the connections have ended."""
        for finding in findings:
            self._merge(finding)
        events = {event for finding in findings for event in finding.event_ids}
        self._keep("connection", rows, events)
        self._old_records |= events

    def note_told(self, events: Collection[int]) -> None:
        """Somebody was told of these records before they were added."""
        told = set(events)
        self.told_ahead |= {name for name in self.news if told.issuperset(self.findings[name].event_ids)}

    def beside(self) -> CaseFile:
        """The same, to which more may be added while this one stays as it is; nothing of it is new yet."""
        other = copy(self)
        for name in ("findings", "messages", "records", "tables_seen", "_dropped", "_not_found", "_old_records"):
            setattr(other, name, copy(getattr(self, name)))
        other._by_key = {key: list(ids) for key, ids in self._by_key.items()}
        other.later_requests = {name: list(kept) for name, kept in self.later_requests.items()}
        other.rhythms = deepcopy(self.rhythms)
        other.met, other.news, other.told_ahead = set(), set(), set()
        return other

    def _note_rhythms(self, messages: Iterable[StratumMessage]) -> None:
        """Logins are counted all of them; findings keep only some as examples."""
        for message in messages:
            record, login = self.records.get(message.event_id), message.wallet or message.worker
            if record and record.time and login and message.direction != "server" and not message.sample:
                self.rhythms.add(record.remote or "", login, message.agent or "", record.time)

    def pairs(self) -> Iterator[tuple[str, str, str]]:
        """Finding id, device and remote of everything found: of a finding about several, each that its records name."""
        for finding in self.findings.values():
            if finding.device and finding.remote:
                yield finding.id, finding.device, finding.remote
            elif finding.device:
                records = (self.records[event] for event in finding.event_ids if event in self.records)
                for remote in {record.remote for record in records if record.device == finding.device}:
                    if remote:
                        yield finding.id, finding.device, remote

    def resting_on(self, events: frozenset[int]) -> Iterator[tuple[str, frozenset[int]]]:
        """Rules of the findings that rest on any of these records, each with those."""
        for finding in self.findings.values():
            if known := events.intersection(finding.event_ids):
                yield finding.rule, known

    def shrink(self, kept: Collection[str]) -> bool:
        """Forget findings that are not among these, with the records, messages and files that only they rest on.
        Returns whether there were such findings."""
        fewer, before = bool(self.findings.keys() - kept), len(self.records)
        self.findings = {name: finding for name, finding in self.findings.items() if name in kept}
        events = {event for finding in self.findings.values() for event in finding.event_ids}
        self.records = {event: record for event, record in self.records.items() if event in events}
        self.messages = [message for message in self.messages if message.event_id in events]
        self._by_key = {}
        for finding in self.findings.values():
            self._by_key.setdefault(finding.key, []).append(finding.id)
        self.verdicts.forget(self.findings)
        self._not_found &= events
        self._old_records &= events
        self._old_messages &= events
        self._old_findings.intersection_update(self.findings)
        if len(self.records) < before:
            self._dropped, self._searched = {}, None
            for record in self.records.values():
                self._note_dropped(record)
            self.later_requests = {name: found for name, found in self.later_requests.items() if name in self._dropped}
        return fewer

    def forget_changes(self) -> None:
        """What was found so far has been judged: from here on only what comes next is new."""
        self.met.clear()
        self.news.clear()
        self.told_ahead.clear()

    def complete(self, events: Events) -> None:
        """Fetch the rows of findings that were made after their slice had passed, in this run or an earlier one.

        They lack the columns of later stages; what a model looked at stands in the finding itself.
        """
        named = {event for finding in self.findings.values() for event in finding.event_ids}
        missing = named.difference(self.records, self._not_found)
        if not missing:
            return
        for kind, rows in events.rows_of(missing):
            for record in records(kind, rows):
                self.records.setdefault(record.event_id, record)
        self._not_found |= missing.difference(self.records)

    def goes_on(self, finding: Finding) -> bool:
        """Whether it is, or makes longer, a finding that is here already."""
        ids = self._by_key.get(finding.key, ())
        return finding.id in ids or any(_continues(self.findings[i], finding) for i in ids)

    def _merge(self, finding: Finding) -> None:
        """One finding per thing found: the same rule and key in a later batch makes the earlier finding longer."""
        placed = self._place(finding)
        self.met.add(placed)
        if finding.known < _count(finding):
            self.news.add(placed)

    def _place(self, finding: Finding) -> str:
        """Put the finding where it belongs; returns the id it has there."""
        ids = self._by_key.setdefault(finding.key, [])
        earlier_ids = (
            [finding.id] if finding.id in ids else [i for i in reversed(ids) if _continues(self.findings[i], finding)]
        )
        if not earlier_ids:
            ids.append(finding.id)
            self.findings[finding.id] = finding
            return finding.id
        earlier = self.findings[earlier_ids[0]]
        again = earlier.id == finding.id
        if again and earlier.id not in self._old_findings and finding.known < _count(finding):
            self.findings[finding.id] = finding
        elif again and "measure" in finding.values:
            self.findings[finding.id] = _stronger(earlier, finding)
        else:
            self.findings[earlier.id] = _longer(earlier, finding)
        return earlier.id

    def _keep(self, name: str, table: pa.Table, wanted: set[int]) -> None:
        import pyarrow.compute as pc

        rows = table.filter(pc.is_in(table["event_id"], pa.array(sorted(wanted), pa.int64())))
        for record in records(name, rows):
            if record.event_id in self._old_records:  # read again: a flow may have gone on
                self._old_records.discard(record.event_id)
                self.records[record.event_id] = _as_it_came(self.records[record.event_id], record)
            elif record.event_id not in self.records:
                self.records[record.event_id] = record
                self._note_dropped(record)

    def _note_later_requests(self, http: pa.Table | None) -> None:
        """Requests for what an exploit seen so far would have left on the server."""
        if http is None or not self._dropped:
            return
        names = sorted(self._dropped)
        if self._searched is None or len(self._searched.patterns) != len(names):
            self._searched = Prefilter([literal(name, caseless=False) for name in names])
        wanted = [name for name in names if len(self.later_requests.get(name, ())) < LATER_REQUESTS_KEPT]
        if not wanted:
            return
        rows, which = self._searched.rows(http["url"])
        order = np.lexsort((rows, which))
        edges = np.flatnonzero(np.diff(which[order])) + 1
        for part in np.split(order, edges) if len(order) else ():
            self._note_requests_for(names[int(which[part[0]])], http, rows[part])

    def _note_requests_for(self, name: str, http: pa.Table, rows: npt.NDArray[np.int64]) -> None:
        kept, since = self.later_requests.setdefault(name, []), self._dropped[name]
        for record in records("http", http.take(rows[:LATER_REQUESTS_KEPT])):
            # In another attack's parameters the name is an order; only as the path of a request it is asked for.
            asked = name in str(record.values.get("url", "")).partition("?")[0]
            itself = not asked or name in str(record.values.get("payload.dropped", ""))
            early = since is not None and record.time is not None and record.time < since
            if not itself and not early and len(kept) < LATER_REQUESTS_KEPT:
                kept.append(record)

    def _note_dropped(self, record: Record) -> None:
        """Names of files exploits would have left, with the time of the first attempt."""
        for path in str(record.values.get("payload.dropped", "")).split(","):
            name = path.rsplit("/", 1)[-1]
            if len(name) >= DROPPED_NAME_LENGTH and (name in self._dropped or len(self._dropped) < MOST_DROPPED):
                self._dropped.setdefault(name, record.time)


def _continues(earlier: Finding, later: Finding) -> bool:
    if earlier.time is None or later.time is None:
        return True
    gap = max(later.time - (earlier.until or earlier.time), earlier.time - (later.until or later.time))
    return gap <= SAME_FINDING_WITHIN


def _count(finding: Finding) -> int:
    return int(finding.values.get("count", "1"))


def _longer(earlier: Finding, finding: Finding) -> Finding:
    """The earlier finding with the records of another; what an earlier run has counted is not counted again."""
    count = _count(earlier) + max(0, _count(finding) - finding.known)
    return replace(
        _spanning(earlier, finding, words=earlier),
        event_ids=tuple(dict.fromkeys(earlier.event_ids + finding.event_ids))[:EVENTS_KEPT],
        values={**earlier.values, "count": str(count)},
    )


def _as_it_came(before: Record, now: Record) -> Record:
    """The record as it is now, as surprising as it was when it came: by now the history has learned from it."""
    surprise = {name: value for name, value in before.values.items() if name.startswith(LEARNED)}
    rest = {name: value for name, value in now.values.items() if not surprise or not name.startswith(LEARNED)}
    return replace(now, values={**rest, **surprise})


def _stronger(earlier: Finding, finding: Finding) -> Finding:
    """Of an occurrence that goes on, the strongest moment speaks, and it lasts until the last."""
    best = max(earlier, finding, key=lambda one: float(one.values.get("measure", "0")))
    return _spanning(earlier, finding, words=best)


def _spanning(earlier: Finding, finding: Finding, *, words: Finding) -> Finding:
    """What ``words`` says, from the first to the last time of both; there is no last when there is but one time."""
    times = [time for one in (earlier, finding) for time in (one.time, one.until) if time]
    return replace(
        words,
        time=min(filter(None, (earlier.time, finding.time)), default=None),
        until=max(times) if times and max(times) != min(times) else None,
        since=min(filter(None, (earlier.since, finding.since)), default=None),
    )


def records(name: str, rows: pa.Table) -> list[Record]:
    """Rows as records: aware times, no large binary columns, the raw text as the quote."""
    values = rows.drop_columns([column for column in rows.column_names if column in _LEFT_OUT]).to_pylist()
    quotes = _quotes(rows)
    return [
        Record(
            event_id=row["event_id"],
            table=name,
            source=row["source"] or "",
            line=row["line"] or 0,
            time=_utc(row["time"]),
            device=row["device"],
            remote=row["remote"],
            quote=quote or _summary(row),
            values={column: value for column, value in row.items() if value is not None},
        )
        for row, quote in zip(values, quotes, strict=True)
    ]


def _quotes(rows: pa.Table) -> list[str]:
    if "raw" not in rows.column_names:
        return [""] * len(rows)
    return [printable((raw or b"")[:QUOTE_BYTES]) for raw in rows["raw"].to_pylist()]


def _summary(row: Mapping[str, object]) -> str:
    """One line for a record that never was a line of text."""
    sides = (("src_ip", "src_port"), ("dst_ip", "dst_port"))
    named = (":".join(str(row[part]) for part in side if row.get(part) is not None) for side in sides)
    ends = " -> ".join(filter(None, named))
    names = ("transport", "service", "query", "sni", "cookie", "user", "share", "state", "process", "command")
    facts = " ".join(f"{name}={printable(str(row[name]))}" for name in names if row.get(name) is not None)
    return f"{ends} {facts}".rstrip()


def _utc(time: datetime | None) -> datetime | None:
    return time.astimezone(UTC) if time else None
