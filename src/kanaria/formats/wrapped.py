"""Logs inside other logs: what a shipper carries is read by the format that reads it bare.

In comes any input whose lines carry lines (see ``wrapping``), out comes what the inner format makes of these. Line
numbers stay those of the input: a line that carries nothing becomes a blank one. Of inputs whose records are no lines
(JSON documents, CSV, the journal's export) the number is that of the record.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.values import dataclass
from kanaria.formats.carriers import Records, reader_of
from kanaria.formats.columns import left_lines
from kanaria.formats.wrapping import unwrap, unwrap_object

_LOOKED_AT = 50
"""Lines at the beginning that say what is carried."""
_MOST_CARRIED = 0.5
"""Share of these that must carry a line; a log that carries something now and then is a log of its own."""
_HEAD_RECORDS = 2000
_WHOLE_HEAD = 256 << 10
"""Bytes of a head that is cut somewhere (see ``core.stream.Stream``)."""
READ_SYSLOG = frozenset(("auth-log", "miner-log", "auditd"))
"""Formats that know what to do with the frame of a syslog."""
_WEB = 0.6
"""Web formats read documents of Elasticsearch themselves, with more of what these say; they are asked first."""
_LEAST_SURE = 0.6
"""How sure the inner format must be: the registry's ``SURE``."""


Taker = Callable[[bytes, Mapping[str, object] | None], bytes | None]
"""From a record, raw and where it is one as an object, to the line it carries."""


@dataclass
class Carried:
    """The carried lines as an input of their own, taken out by ``take``."""

    outer: Stream
    take: Taker
    beginning: bytes = b""
    path: Path | None = None
    lines: _Lines | None = None
    name: str = field(init=False)
    size: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.name, self.size = self.outer.name, self.outer.size

    def head(self) -> bytes:
        return self.beginning

    def open(self) -> BinaryIO:
        handle = self.outer.open()
        self.lines = _Lines(handle, records(handle, self.outer.head()), self.take)
        return io.BufferedReader(self.lines)

    def taken(self, batch: Batch) -> Batch:
        """The batch with the lines that carried nothing, which are then not held any more."""
        if self.lines is None or not self.lines.lost:
            return batch
        lost = [left_lines(self.lines.lost), batch.left]
        count, self.lines.lost = len(self.lines.lost), []
        left = pa.concat_tables([table for table in lost if table is not None])
        return replace(batch, rows=batch.rows + count, passed_over=batch.passed_over + count, left=left)


def records(handle: BinaryIO, head: bytes) -> Records:
    """The records of an input: those of its kind (see ``carriers``), or its lines."""
    reader = reader_of(head)
    return reader(handle) if reader else ((line, None) for line in iter(handle.readline, b""))


class _Lines(io.RawIOBase):
    """The input with every record replaced by the line it carries."""

    def __init__(self, outer: BinaryIO, found: Records, take: Taker) -> None:
        self._outer, self._records, self._take, self._left = outer, found, take, b""
        self._line = 0
        self.lost: list[tuple[int, bytes]] = []
        """Lines that carried nothing, with their numbers; whoever takes them empties the list."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            raw, value = next(self._records, (None, None))
            if raw is None:
                return 0
            self._line += 1
            carried = self._take(raw, value)
            if carried is None and raw.strip() and value != {}:
                self.lost.append((self._line, raw.rstrip(b"\r\n")))
            self._left = (carried or b"") + b"\n"
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._outer.close()
        super().close()


def bare(raw: bytes, value: Mapping[str, object] | None) -> bytes | None:
    """The line as it was before it was carried."""
    return unwrap(raw) if value is None else unwrap_object(value)


def with_sender(raw: bytes, value: Mapping[str, object] | None) -> bytes | None:
    """The line in a syslog's frame, with the time, host and program that the carrier tells."""
    return unwrap(raw, syslog=True) if value is None else unwrap_object(value, syslog=True)


def whole(raw: bytes, value: Mapping[str, object] | None) -> bytes | None:
    """The record itself on one line."""
    return (
        raw.replace(b"\n", b" ") if value is None else json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    )


class Wrapped:
    """Another format's lines, carried by a shipper."""

    name = "wrapped"
    title = "Logs in others: Filebeat, ECS, Elasticsearch, Wazuh, Splunk, journal, cloud, Docker, Kubernetes, syslog"
    example = '{"@timestamp":"2026-01-10T09:00:00.000Z","message":"{\\"_path\\":\\"conn\\",\\"ts\\":1768035600.0,…}"}'
    tables: tuple[str, ...] = (
        "connection",
        "dns",
        "tls",
        "http",
        "rdp",
        "smb",
        "logon",
        "alert",
        "host",
        "process",
        "miner",
    )

    def sniff(self, head: bytes, name: str) -> float:
        found = _inside(head, name)
        if found is None:
            return 0.0
        web = type(found.format).__module__.startswith("kanaria.formats.web.") and b'"_source"' in head[:4096]
        return (_WEB if web else 0.98) * found.score

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """Nothing comes out when nothing that is known is inside."""
        found = _inside(stream.head(), stream.name)
        if found is None:
            return
        inside = Carried(stream, found.take, found.head)
        for batch in found.format.read(inside, context):
            yield inside.taken(batch)


class Inside(NamedTuple):
    """The format inside, how sure it is, how lines are taken out for it, and the beginning of what it reads."""

    format: Format
    score: float
    take: Taker
    head: bytes


def _inside(head: bytes, name: str) -> Inside | None:
    """What is inside. Readers of syslog are told what the carrier says; web formats read carriers themselves."""
    from kanaria.formats import registry  # it lists this format

    cut = head if len(head) < _WHOLE_HEAD else head[: head.rfind(b"\n") + 1] or head
    first = [one for one in islice(records(io.BytesIO(cut), head), _LOOKED_AT) if one[0].strip() and one[1] != {}]
    carrying = [one for one in first if bare(*one)]
    if not carrying or len(carrying) < _MOST_CARRIED * len(first):
        return None
    found = []
    for take in (bare, with_sender):
        lines = b"".join((take(*one) or b"") + b"\n" for one in carrying)
        best = registry.surest(lines, name, without=Wrapped.name)
        if best and best[1] >= _LEAST_SURE and (take is bare or best[0].name in READ_SYSLOG):
            found.append((best[1], best[0], take))
    if not found:
        return None
    score, known, take = max(reversed(found), key=lambda one: one[0])
    begin = islice(records(io.BytesIO(cut), head), _HEAD_RECORDS)
    return Inside(known, score, take, b"".join((take(*one) or b"") + b"\n" for one in begin))
