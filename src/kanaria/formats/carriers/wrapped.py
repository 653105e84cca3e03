"""Logs inside other logs: what a document, an export or a shipper carries is read by the format that reads it bare.

In comes any input whose records carry lines (see ``records`` and ``unwrapping``), out comes what the inner format makes
of these. Line numbers are those of the lines that come out: the input's own, where its records are lines that carry one
each, as one that carries nothing becomes a blank line. What carried nothing, and what could not be read, is unread.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch, Position
from kanaria.core.values import dataclass
from kanaria.formats.carriers.messages import envelope_of
from kanaria.formats.carriers.own_words import own_words
from kanaria.formats.carriers.readers import reader_of, records
from kanaria.formats.carriers.records import Record, Records
from kanaria.formats.carriers.unwrapping import unwrap, unwrap_object
from kanaria.formats.carriers.web_archives import is_archive, without_messages
from kanaria.formats.columns import unparsed_lines
from kanaria.formats.logons.emit import Taken, tables_of

_LOOKED_AT = 50
"""Records at the beginning that say what is carried."""
_MOST_CARRIED = 0.5
"""Share of these that must carry a line; a log that carries something now and then is a log of its own."""
_HEAD_RECORDS = 2000
_WHOLE_HEAD = 256 << 10
"""Bytes of a head that is cut somewhere (see ``core.stream.Stream``)."""
_READ_SYSLOG = frozenset(("auth-log", "miner-log", "auditd"))
"""Formats that know what to do with the frame of a syslog."""
_WEB = 0.6
"""Web formats read documents of Elasticsearch themselves, with more of what these say; they are asked first."""
_SPEAKS = 0.97
"""Above layouts that read what a carrier says itself, and nothing of the lines inside."""
_ARCHIVE = 0.9
"""How sure a HAR is of which the beginning shows no request: the first answer in it may have megabytes."""
_LEAST_SURE = 0.5
"""How sure the inner format must be."""
_EXPORT = 0.05
"""A line in a cell or a document is surer than the same line with what is around it, which web formats read, too."""


Taker = Callable[[Record], bytes | None]
"""From a record to the lines it carries."""


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

    def batches(self, inner: Format, context: ReadContext) -> Iterator[Batch]:
        """What the inner format makes of the lines, with the records that carried none, which are unread."""
        place = Position(source=self.name)
        for batch in inner.read(self, context):
            place = batch.position
            yield self._with_said(self._with_lost(batch), context)
        if self.lines is not None and (self.lines.lost or self.lines.said):
            last = self._with_lost(Batch(source=self.name, format=inner.name, tables={}, rows=0, position=place))
            yield self._with_said(last, context)

    def _with_said(self, batch: Batch, context: ReadContext) -> Batch:
        """The batch with what the carrier says itself."""
        if self.lines is None or not self.lines.said:
            return batch
        own_rows, self.lines.said = self.lines.said, []
        rows, self.lines.alone = batch.rows + self.lines.alone, 0
        tables = dict(batch.tables)
        for name, table in tables_of(own_rows, self.outer, context, "wazuh").items():
            before = tables.get(name)
            tables[name] = pa.concat_tables([before, table], promote_options="default") if before is not None else table
        return replace(batch, tables=tables, rows=rows)

    def unread(self, name: str) -> Iterator[Batch]:
        """Every record as one that carried nothing."""
        place = Position(source=self.name)
        with self.open() as handle:
            while handle.read(1 << 10):  # blank lines in their places
                yield self._with_lost(Batch(source=self.name, format=name, tables={}, rows=0, position=place))

    def _with_lost(self, batch: Batch) -> Batch:
        if self.lines is None or not self.lines.lost:
            return batch
        lost, self.lines.lost = self.lines.lost, []
        tables = [table for table in (unparsed_lines(lost), batch.unparsed) if table is not None]
        count = len(lost)
        return replace(
            batch, rows=batch.rows + count, passed_over=batch.passed_over + count, unparsed=pa.concat_tables(tables)
        )


class _Lines(io.RawIOBase):
    """The input with every record replaced by the lines it carries."""

    def __init__(self, outer: BinaryIO, records: Records, take: Taker) -> None:
        self._outer, self._records, self._take, self._left = outer, records, take, b""
        self._line = 0
        self.said: list[Taken] = []
        """Rows of what records say themselves, and how many of these carried nothing; a taker empties both."""
        self.alone = 0
        self.lost: list[tuple[int, bytes]] = []
        """Records that carried nothing, with the numbers of the blank lines in their places; whoever takes them empties
        the list."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            record = next(self._records, None)
            if record is None:
                return 0
            carried = self._take(record)
            own_rows = own_words(record)
            self.said += [(table, {**row, "line": self._line + 1}) for table, row in own_rows]
            self.alone += carried is None and bool(own_rows)
            if carried is None and not own_rows and (raw := whole(record)):
                self.lost.append((self._line + 1, raw))
            self._left = _lines(carried or b"")
            self._line += self._left.count(b"\n")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._outer.close()
        super().close()


def _lines(carried: bytes) -> bytes:
    """One line or several, blank ones among them left out, each with its end."""
    if b"\n" not in carried:
        return carried + b"\n"
    return b"".join(line + b"\n" for line in carried.splitlines() if line.strip()) or b"\n"


def bare(record: Record) -> bytes | None:
    """The lines as they were before they were carried."""
    if record.broken or isinstance(record.value, str):
        return None if record.broken else _encoded(str(record.value))
    return unwrap(record.line) if record.value is None else unwrap_object(record.value)


def with_sender(record: Record) -> bytes | None:
    """The line in a syslog's frame, with the time, host and program that the carrier tells."""
    if record.broken or isinstance(record.value, str):
        return bare(record)
    return unwrap(record.line, syslog=True) if record.value is None else unwrap_object(record.value, syslog=True)


def itself(record: Record) -> bytes | None:
    """An object without an envelope, on one line."""
    if record.broken or record.value is None or isinstance(record.value, str):
        return bare(record)
    return json.dumps(envelope_of(record.value) or without_messages(record.value)).encode()


def whole(record: Record) -> bytes:
    """All of the record on one line; nothing of one that says nothing."""
    value = record.value
    raw = record.line if value is None else _encoded(value if isinstance(value, str) else _json(value))
    return raw.strip(b" \t\r\n").replace(b"\r", b"").replace(b"\n", b" ")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _encoded(text: str) -> bytes:
    """The bytes a text was read from; what no encoding has is escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


class Wrapped:
    """Another format's lines, carried by a shipper, a document or an export."""

    name = "wrapped"
    title = (
        "Logs in others: JSON documents, HAR, CSV exports with a column for the line, journalctl's long forms, lines of"
        " Filebeat, ECS, Elasticsearch, Wazuh, Splunk, clouds, Docker, Kubernetes, syslog"
    )
    example = '[{"message":"203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] \\"GET / HTTP/1.1\\" 200 512"}]'
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
        inside = _inside(head, name)
        if inside is None:
            return 0.0
        web = type(inside.format).__module__.startswith("kanaria.formats.web.")
        if web and not inside.of_lines and inside.take is not itself:
            return min(0.99, inside.score + _EXPORT)
        score = (_WEB if web and inside.of_lines and b'"_source"' in head[:4096] else 0.98) * inside.score
        return max(score, _SPEAKS) if inside.speaks else score

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """Where nothing that is known is inside, every record is unread."""
        inside = _inside(stream.head(), stream.name)
        if inside is None:
            batches = Carried(stream, lambda _record: None).unread(self.name)
        else:
            batches = Carried(stream, inside.take, inside.head).batches(inside.format, context)
        for batch in batches:
            yield replace(batch, format=self.name)


class Inside(NamedTuple):
    """The format inside, how sure it is, how lines are taken out for it, and the beginning of what it reads."""

    format: Format
    score: float
    take: Taker
    head: bytes
    of_lines: bool
    """Whether the records are lines."""
    speaks: bool
    """Whether records say something themselves."""


def _inside(head: bytes, name: str) -> Inside | None:
    """What is inside. Readers of syslog are told what the carrier says; web formats read carriers themselves."""
    from kanaria.formats import registry  # it lists this format

    reader = reader_of(head)
    cut = head if len(head) < _WHOLE_HEAD or reader else head[: head.rfind(b"\n") + 1] or head
    first = [one for one in islice(records(io.BytesIO(cut), head), _LOOKED_AT) if whole(one)]
    while reader and len(head) >= _WHOLE_HEAD and first and first[-1].broken:
        first.pop()  # it goes on behind the head
    if not first and is_archive(head):
        return Inside(registry.get("web-json"), _ARCHIVE, itself, b"", of_lines=False, speaks=False)
    takers: tuple[Taker, ...] = (bare, itself, with_sender) if reader else (bare, with_sender)
    carrying = [one for one in first if any(take(one) for take in takers[:-1])]
    speaking = [one for one in first if own_words(one)]
    if not carrying or sum(one in carrying or one in speaking for one in first) < _MOST_CARRIED * len(first):
        return None
    candidates: list[tuple[float, int, Format, Taker]] = []
    for place, take in enumerate(takers):
        lines = b"".join(_lines(take(one) or b"") for one in carrying)
        best = registry.surest(lines, name, without=(Wrapped.name, "mail"))
        if best and best[1] >= _LEAST_SURE and (take is not with_sender or best[0].name in _READ_SYSLOG):
            candidates.append((best[1], -place, best[0], take))
    if not candidates:
        return None
    score, _place, format_, take = max(candidates, key=lambda one: one[:2])
    begin = islice(records(io.BytesIO(cut), head), _HEAD_RECORDS)
    lines = b"".join(_lines(take(one) or b"") for one in begin)
    return Inside(format_, score, take, lines, reader is None, bool(speaking))
