"""Where sources that push leave lines until the service takes them: bounded, by place, in order.

A sender that can wait waits while the inbox is full; what cannot wait (a datagram) is counted as lost. Lines are handed
over as chunks whose position counts the lines of the place, so that records keep their numbers over restarts. What
became no line (``line`` is None) moves only the position, and is kept as rejected if there is a reason.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from kanaria.core.batch import RejectedRecord
from kanaria.core.limits import Limits
from kanaria.core.values import dataclass
from kanaria.sources.chunks import Chunk, Health, Position, Wake

Line = tuple[str, bytes, Mapping[str, Any]]
"""Its place, its bytes without the end, and what belongs into its position."""
FULL = 16 << 20
"""Bytes that wait at most: half a minute of a busy server, and a fraction of what a batch needs in memory."""
LONGEST = 1 << 20
"""A longer line is cut."""
OTHERS = "others"
"""The place of lines whose own has no room."""
SILENT = 24 * 3600.0
"""Seconds of silence after which a place makes room for another: what writes at all writes once a day, if only that
its daily work is done. As long as no place is silent for so long, a flood of new ones takes nobody's."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A line with where it came from, or what became none; ``position`` belongs into the position of its place, or of
    the one it has ``instead`` where there is no room; for a place that is its own there always is."""

    place: str
    line: bytes | None
    position: Mapping[str, Any]
    instead: str = OTHERS
    origin: str = ""
    """What it is called where it came from."""
    reject: str = ""
    """Why it became no line; empty when there is nothing to complain of."""
    raw: bytes = b""
    """The beginning of what was rejected."""


@dataclass
class _Waiting:
    place: str
    line: bytes | None
    extra: Mapping[str, Any]
    ticket: int
    record: Record | None = None
    at: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> int:
        return len(self.line or b"")


class Inbox:
    """Safe to share between threads. ``name`` begins the names of places; so many ``places`` have numbers of their own
    for their lines. One that made room and comes again has numbers that no other line of it had."""

    def __init__(self, name: str, health: Health, full: int = FULL, *, places: int = Limits.places) -> None:
        self._name, self.health, self._full, self._places = name, health, full, places
        self._lines: deque[_Waiting] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        """Lines by place; those heard last stand last."""
        self._heard: dict[str, float] = {}
        self._first = 0
        """From where lines of a new place are counted: no place that made room had more."""
        self._tickets = self._taken = self._keeping = self._kept = 0
        self._closed = False
        self._wake: Wake = lambda: None

    def start(self, resume: Mapping[str, Position], wake: Wake) -> Mapping[str, Position]:
        """Count on from there; returns what it was given."""
        self._counts = {place: int(position["lines"]) for place, position in resume.items()}
        self._heard = dict.fromkeys(self._counts, time.monotonic())
        if len(self._counts) >= self._places:  # some may have made room before
            self._first = max(self._counts.values())
        while len(self._counts) > self._places:
            self._let_go(next(iter(self._counts)))
        self._wake = wake
        return resume

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def offer(self, place: str, line: bytes) -> bool:
        """Leave a line that cannot wait; False when there was no room and it is lost."""
        with self._changed:
            if self._closed or self._size + len(line) > self._full:
                self.health.lost += 1
                return False
            self._put([(place, line, {})])
        self._wake()
        return True

    def put(self, lines: Sequence[Line | Record], patience: float | None = None) -> int | None:
        """Leave lines, each with its place and what belongs into its position, waiting for room; a ticket for ``kept``.

        None when there was no room in time, or the inbox is closed: nothing was left then.
        """
        size = sum(len((item.line if isinstance(item, Record) else item[1]) or b"") for item in lines)
        with self._changed:
            room = self._changed.wait_for(
                lambda: self._closed or not self._lines or self._size + size <= self._full, patience
            )
            if self._closed or not room:
                return None
            ticket = self._put(lines)
        self._wake()
        return ticket

    def wait_kept(self, ticket: int, patience: float) -> bool:
        """Whether what was left under a ticket was kept by the service in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or self._kept >= ticket, patience) and not self._closed

    def keeping(self) -> None:
        """What was taken so far is about to be kept."""
        with self._changed:
            self._keeping = self._taken

    def kept(self) -> None:
        """What had been taken before ``keeping`` is kept."""
        with self._changed:
            self._kept = self._keeping
            self._changed.notify_all()

    def take(self, limit: int) -> list[Chunk]:
        """Lines as chunks, one for each place, about ``limit`` bytes at most."""
        with self._changed:
            taken: list[_Waiting] = []
            size = 0
            while self._lines and size < limit:
                waiting = self._lines.popleft()
                size += waiting.size
                taken.append(waiting)
                self._taken = waiting.ticket
            self._size -= size
            self.health.behind = self._size
            self._changed.notify_all()
        if came := sum(waiting.line is not None for waiting in taken):
            self.health.came(came, size)
        return list(self._chunks(taken))

    def _put(self, lines: Sequence[Line | Record]) -> int:
        self._tickets += 1
        for item in lines:
            record: Record | None = None
            line: bytes | None
            if isinstance(item, Record):
                record, place, line, extra = item, item.place, item.line, item.position
            else:
                place, line, extra = item
            if line is not None:
                line = line[:LONGEST].replace(b"\n", b"\\n")
            waiting = _Waiting(place, line, extra, self._tickets, record)
            self._lines.append(waiting)
            self._size += waiting.size
        return self._tickets

    def _chunks(self, taken: Sequence[_Waiting]) -> list[Chunk]:
        by_place: dict[str, list[_Waiting]] = {}
        now = time.monotonic()
        for waiting in taken:
            by_place.setdefault(self._place(waiting, now), []).append(waiting)
        chunks = []
        for place, items in by_place.items():
            before, name = self._counts[place], f"{self._name} {place}".strip()
            lines = [item for item in items if item.line is not None]
            self._counts[place] = before + len(lines)
            chunks.append(
                Chunk(
                    name=name, place=place, data=b"".join((item.line or b"") + b"\n" for item in lines),
                    position={"lines": before + len(lines), **items[-1].extra},
                    first_line=before + 1, lines=len(lines), arrived=items[0].at,
                    origins=[item.record.origin for item in lines if item.record], rejects=list(_rejects(name, items)),
                )
            )  # fmt: skip
        return chunks

    def _place(self, waiting: _Waiting, now: float) -> str:
        """Where a line belongs; it is heard now."""
        place, instead = waiting.place, waiting.record.instead if waiting.record else OTHERS
        if place not in self._counts and place != instead and not self._has_room(now):
            self.health.shared += waiting.line is not None
            place = instead
        self._counts[place] = self._counts.pop(place, self._first)
        self._heard[place] = now
        return place

    def _has_room(self, now: float) -> bool:
        if len(self._counts) < self._places:
            return True
        oldest = next(iter(self._counts))
        if now - self._heard[oldest] < SILENT:
            return False
        self._let_go(oldest)
        return True

    def _let_go(self, place: str) -> None:
        self._first = max(self._first, self._counts.pop(place))
        del self._heard[place]


def _rejects(name: str, items: Sequence[_Waiting]) -> Iterator[RejectedRecord]:
    for record in (item.record for item in items):
        if record is not None and record.reject:
            yield RejectedRecord(source=name, row=0, reason=record.reject, raw=record.raw, origin=record.origin)
