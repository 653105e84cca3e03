"""Where sources that push leave lines until the service takes them: bounded, by place, in order.

A sender that can wait waits while the inbox is full; what cannot wait (a datagram) is counted as lost. Lines are handed
over as chunks whose position counts the lines of the place, so that records keep their numbers over restarts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from kanaria.core.values import dataclass
from kanaria.sources.chunks import Chunk, Health, Position, Wake

Line = tuple[str, bytes, Mapping[str, Any]]
"""Its place, its bytes without the end, and what belongs into its position."""
FULL = 16 << 20
"""Bytes that wait at most: half a minute of a busy server, and a fraction of what a batch needs in memory."""
LONGEST = 1 << 20
"""A longer line is cut."""
MOST_PLACES = 1_000
"""Senders and programs whose lines are numbered; beyond that they share one place."""


@dataclass
class _Waiting:
    place: str
    line: bytes
    extra: Mapping[str, Any]
    ticket: int
    at: float = field(default_factory=time.monotonic)


class Inbox:
    """Safe to share between threads. ``name`` begins the names of places."""

    def __init__(self, name: str, health: Health, full: int = FULL) -> None:
        self._name, self.health, self._full = name, health, full
        self._lines: deque[_Waiting] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._tickets = self._taken = self._kept = 0
        self._closed = False
        self._wake: Wake = lambda: None

    def start(self, resume: Mapping[str, Position], wake: Wake) -> None:
        self._counts = {place: int(position["lines"]) for place, position in resume.items()}
        self._wake = wake

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

    def put(self, lines: Sequence[Line], patience: float | None = None) -> int | None:
        """Leave lines, each with its place and what belongs into its position, waiting for room; a ticket for ``kept``.

        None when there was no room in time, or the inbox is closed: nothing was left then.
        """
        size = sum(len(line) for _place, line, _extra in lines)
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

    def kept(self) -> None:
        """Everything that was taken so far is kept."""
        with self._changed:
            self._kept = self._taken
            self._changed.notify_all()

    def take(self, limit: int) -> list[Chunk]:
        """Lines as chunks, one for each place, about ``limit`` bytes at most."""
        with self._changed:
            taken: list[_Waiting] = []
            size = 0
            while self._lines and size < limit:
                waiting = self._lines.popleft()
                size += len(waiting.line)
                taken.append(waiting)
                self._taken = waiting.ticket
            self._size -= size
            self.health.behind = self._size
            self._changed.notify_all()
        if taken:
            self.health.came(len(taken), size)
        return list(self._chunks(taken))

    def _put(self, lines: Sequence[Line]) -> int:
        self._tickets += 1
        for place, line, extra in lines:
            line = line[:LONGEST].replace(b"\n", b"\\n")
            self._lines.append(_Waiting(place, line, extra, self._tickets))
            self._size += len(line)
        return self._tickets

    def _chunks(self, taken: Sequence[_Waiting]) -> list[Chunk]:
        by_place: dict[str, list[_Waiting]] = {}
        for waiting in taken:
            known = waiting.place in self._counts or len(self._counts) < MOST_PLACES
            by_place.setdefault(waiting.place if known else "others", []).append(waiting)
        found = []
        for place, items in by_place.items():
            before = self._counts.get(place, 0)
            self._counts[place] = before + len(items)
            data = b"".join(item.line + b"\n" for item in items)
            position = {"lines": before + len(items), **items[-1].extra}
            found.append(
                Chunk(
                    name=f"{self._name} {place}".strip(), place=place, data=data, position=position,
                    first_line=before + 1, lines=len(items), arrived=items[0].at,
                )
            )  # fmt: skip
        return found
