"""Records of topics and streams on their way into an inbox, each with the position to resume from after it.

What resumes is called a branch here: a partition of a topic, or a stream. Several places belong to one branch when its
records say of which file they are, so each position carries its branch and a number that grows with every record; the
newest position of a branch is where it goes on. A record of several lines may be taken in two halves: the position of a
line inside it is that before the record, with how many of its lines were taken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from kanaria.core.limits import Limits
from kanaria.core.text import cut
from kanaria.core.values import dataclass
from kanaria.sources.chunks import Chunk, Health, Position, Wake
from kanaria.sources.inbox import Inbox, Record
from kanaria.sources.payload import Entry, NotText

LONGEST_NAME = 200
"""Characters of a file's name: senders choose it."""
KEPT = 4096
"""Bytes of a rejected record that are kept."""
PATIENCE = 1.0
"""Seconds until a source that waits for room looks whether it is to end."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One record: what it is called, how to read it again, where to go on after it, and how its lines are had."""

    origin: str
    begins: Mapping[str, Any]
    ends: Mapping[str, Any]
    raw: bytes
    entries: Callable[[], Sequence[Entry]]


@dataclass
class Arrivals:
    """Between one thread that reads and the service. ``name`` begins the names of places; so many ``places`` are read
    as logs of their own: branches, and files that records name; further files are read with their branch."""

    name: str
    health: Health
    places: int = Limits.places
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the source is to end."""
    _number: int = 0
    _partly: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inbox = Inbox(self.name, self.health, places=self.places)

    def start(self, resume: Mapping[str, Position], wake: Wake) -> dict[str, Position]:
        """The newest position of each branch."""
        self._inbox.start(resume, wake)
        newest: dict[str, Position] = {}
        for position in resume.values():
            branch, number = str(position["of"]), int(position["number"])
            self._number = max(self._number, number)
            if branch not in newest or number > newest[branch]["number"]:
                newest[branch] = position
        self._partly = {
            branch: (str(position["record"]), int(position["taken"]))
            for branch, position in newest.items()
            if "taken" in position
        }
        return newest

    def take(self, limit: int) -> list[Chunk]:
        return self._inbox.take(limit)

    def keeping(self) -> None:
        self._inbox.keeping()

    def kept(self) -> None:
        self._inbox.kept()

    def close(self) -> None:
        self._inbox.close()

    def mark(self, branch: str, position: Mapping[str, Any]) -> bool:
        """Go on from there, although nothing was read; False when the source is to end."""
        return self._put([self._record(branch, branch, None, position)])

    def put(self, branch: str, messages: Sequence[Message]) -> bool:
        """Leave the lines of records of one branch, waiting for room; False when the source is to end."""
        return self._put([record for message in messages for record in self._records(branch, message)])

    def _put(self, records: Sequence[Record]) -> bool:
        while records and not self.over.is_set():
            if self._inbox.put(records, PATIENCE) is not None:
                return True
        return not self.over.is_set()

    def _records(self, branch: str, message: Message) -> Iterator[Record]:
        partly, taken = self._partly.pop(branch, ("", 0))
        before = taken if partly == message.origin else 0
        try:
            entries = message.entries()[before:]
        except NotText as error:
            self.health.refused += 1
            yield self._record(branch, branch, None, message.ends, message, reject=str(error))
            return
        if not entries:
            yield self._record(branch, branch, None, message.ends, message)
        for number, (file, line) in enumerate(entries, 1):
            whole = number == len(entries)
            inside = {**message.begins, "record": message.origin, "taken": before + number}
            place = f"{branch} {cut(file, LONGEST_NAME)}" if file else branch
            yield self._record(branch, place, line, message.ends if whole else inside, message)

    def _record(
        self, branch: str, place: str, line: bytes | None, position: Mapping[str, Any],
        message: Message | None = None, reject: str = "",
    ) -> Record:  # fmt: skip
        self._number += 1
        return Record(
            place=place, line=line, position={**position, "of": branch, "number": self._number}, instead=branch,
            origin=message.origin if message else "", reject=reject,
            raw=message.raw[:KEPT] if message and reject else b"",
        )  # fmt: skip
