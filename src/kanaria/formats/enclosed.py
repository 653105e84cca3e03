"""Documents that hold a log: exports of search engines and clouds, and journals in their long forms.

In: a JSON document (Elasticsearch hits, Loki results, CloudWatch events, an array of lines), a CSV whose column is the
log line (CloudWatch Insights, Datadog, Grafana, Splunk, Sumo Logic), or ``journalctl -o verbose`` and ``-o export``.
Out: what the inner format makes of the lines. Line numbers are those of the lines that are held.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.core.values import dataclass
from kanaria.formats.wrapped import READ_SYSLOG

LARGEST = 128 << 20
"""Bytes of a JSON document that are read whole; exports of web pages end at some ten thousand records."""
_HEAD = 256 << 10
_LEAST_SURE = 0.5
_CARRYING = (
    "_raw", "@message", "message", "log message", "line", "log", "full_log", "raw", "textpayload", "event.original",
    "content", "body", "value", "text",
)  # fmt: skip
"""Names of the column that is the log line, the surest first; tools spell them in any case."""
_HOLDS = (
    "hits", "events", "results", "result", "data", "logs", "values", "entries", "records", "rows", "streams", "items",
    "matches", "message", "messages",
)  # fmt: skip
_VERBOSE = late_regex(rb"^[ \t]*MESSAGE=", re.MULTILINE)
_JOURNAL = late_regex(rb"^[ \t]*(?:_HOSTNAME|_PID|SYSLOG_IDENTIFIER|__CURSOR|PRIORITY|_TRANSPORT)=", re.MULTILINE)
_NAME = r"[@_A-Za-z\u3040-\u9fff][\w @./()\u3040-\u9fff-]{0,60}"
csv.field_size_limit(1 << 20)


@dataclass
class Held:
    """The lines of a document as an input of their own."""

    outer: Stream
    lines: Callable[[], Iterator[bytes]]
    beginning: bytes
    path: Path | None = None

    def __post_init__(self) -> None:
        self.name, self.size = self.outer.name, self.outer.size

    def head(self) -> bytes:
        return self.beginning

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Lines(self.lines()))


class _Lines(io.RawIOBase):
    """Lines as bytes to read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines, self._left = lines, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            line = next(self._lines, None)
            if line is None:
                return 0
            self._left = line + b"\n"
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


class Enclosed:
    """Another format's lines inside a document."""

    name = "enclosed"
    title = "Log lines inside JSON documents, CSV exports with a column for the line, and long forms of journalctl"
    example = '[{"message":"203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] \\"GET / HTTP/1.1\\" 200 512"}]'
    tables: tuple[str, ...] = ("http", "connection", "logon", "host", "process", "dns", "alert")

    def sniff(self, head: bytes, name: str) -> float:
        opened = _kind(head)
        found = _inside(b"\n".join(_first(opened(io.BytesIO(head)))), name) if opened else None
        if found is None or found[1] < _LEAST_SURE:
            return 0.0
        # A format that reads such documents itself knows better; one that reads the cells as text does not.
        # Of a host's log the machine counts, which the other cells name (see ``wrapped``).
        surer = opened is _csv_lines and found[0].name not in READ_SYSLOG
        return min(0.99, found[1] + 0.05) if surer else 0.9 * found[1]

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """What is inside is read as it is; nothing that is known inside is text to be searched."""
        from kanaria.formats.unknown import UNKNOWN

        head = stream.head()
        opened = _kind(head) or _plain
        beginning = b"\n".join(_first(opened(io.BytesIO(head)))) + b"\n"
        source = stream.open()
        if opened is _json_lines and len(document := source.read(LARGEST + 1)) > LARGEST:
            yield _too_large(stream, self.name)
            return
        again = io.BytesIO(document) if opened is _json_lines else source
        found = _inside(beginning, stream.name)
        held = Held(stream, lambda: opened(again), beginning)
        for batch in (found[0] if found else UNKNOWN).read(held, context):
            yield replace(batch, format=self.name)


def _too_large(stream: Stream, name: str) -> Batch:
    reject = RejectedRecord(
        source=stream.name, row=0, reason=f"a JSON document of more than {LARGEST >> 20} MiB", raw=b""
    )
    return Batch(
        source=stream.name, format=name, tables={}, rows=1, rejects=(reject,), rejected=1,
        position=Position(source=stream.name),
    )  # fmt: skip


def _first(lines: Iterator[bytes]) -> list[bytes]:
    return [line for _number, line in zip(range(200), lines, strict=False)]


@lru_cache(maxsize=2)
def _inside(text: bytes, name: str) -> tuple[Format, float] | None:
    from kanaria.formats import registry  # it lists this format

    if not text.strip():
        return None
    known = [one for one in registry.all_formats() if one.name not in (Enclosed.name, "mail")]
    score, place = max((one.sniff(text[:_HEAD], name), -index) for index, one in enumerate(known))
    return (known[-place], score) if score else None


Opener = Callable[[BinaryIO], Iterator[bytes]]


def _kind(head: bytes) -> Opener | None:
    """How the lines are got out of a document that begins like this; None when it is none."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    start = head[:64].lstrip()
    if start.startswith((b"{", b"[")):
        return _json_lines if _is_document(head) else None
    sample = head[:16384]
    if _VERBOSE.search(sample) and len(_JOURNAL.findall(sample)) >= 2:
        return _journal_lines
    return _csv_lines if _column(head) is not None else None


def _plain(source: BinaryIO) -> Iterator[bytes]:
    return (line.rstrip(b"\r\n") for line in source)


# --- JSON ---------------------------------------------------------------------------------------------------------


def _is_document(head: bytes) -> bool:
    """Whether one value goes over several lines, or holds many records: JSON lines are no document."""
    first, _, rest = head.partition(b"\n")
    if first[:1] == b"[" and not first[1:].lstrip().startswith((b"{", b"[", b'"')) and first[1:].strip():
        return False
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return len(head) >= _HEAD or bool(rest.strip())
    return not rest.strip() and len(_records(value)) > 0 and value is not _records(value)[0]


def _json_lines(source: BinaryIO) -> Iterator[bytes]:
    data = source.read().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    for record in _values(data):
        yield from _as_lines(record)


def _values(text: str) -> Iterator[object]:
    """The records of a document; of one that is cut or damaged, those that are whole, and the rest as text, which
    counts as unread."""
    try:
        yield from _records(json.loads(text))
    except (ValueError, RecursionError):
        begun = list(re.finditer(r"\[\s*(?=[\[{])", text[:65536]))[:32]
        read = (_elements(text, found.end()) for found in begun)
        whole, end = max(read, key=lambda found: len(found[0]), default=([], 0))
        yield from whole
        yield text[end:].lstrip(" \t\r\n,") or "a document without its end"


_BETWEEN = late_regex(r"[\s,]*")


def _elements(text: str, start: int) -> tuple[list[object], int]:
    """Elements of a list one after the other, up to the first that is not whole, and where they end."""
    decoder, found, place = json.JSONDecoder(), list[object](), start
    while True:
        between = _BETWEEN.match(text, place)
        try:
            value, place = decoder.raw_decode(text, between.end() if between else place)
        except (ValueError, RecursionError):
            return found, place
        found += _records(value) or [value]


def _records(value: object, depth: int = 0) -> list[object]:
    """The records a value holds: elements of lists below the names that exports use; else the value itself."""
    if isinstance(value, list):
        if _is_of_loki(value):
            return [value[1]]
        return [record for item in value for record in (_records(item, depth + 1) if depth < 8 else [item])]
    if isinstance(value, dict) and depth < 8 and "request" not in value:
        for name in _HOLDS:
            inner = value.get(name)
            found = _records(inner, depth + 1) if isinstance(inner, (list, dict)) and inner else []
            if found and (isinstance(inner, list) or found[0] is not inner):
                return found
    return [value]


def _is_of_loki(value: list[object]) -> bool:
    """Whether it is a time, a line, and perhaps what else is known of the line."""
    return (
        2 <= len(value) <= 3
        and all(isinstance(item, str) for item in value[:2])
        and str(value[0]).isdigit()
        and all(isinstance(item, dict) for item in value[2:])
    )


def _as_lines(record: object) -> Iterator[bytes]:
    if isinstance(record, str):
        yield from record.encode("utf-8", "surrogateescape").splitlines()
    elif isinstance(record, dict):
        inner = record.get("_source")
        yield json.dumps(inner if isinstance(inner, dict) else record).encode()
    elif record is not None:
        yield json.dumps(record).encode()


# --- CSV ------------------------------------------------------------------------------------------------------------


def _column(head: bytes) -> tuple[int, str] | None:
    """Which column is the log line, and what stands between columns."""
    first = head[:4096].partition(b"\n")[0].decode("utf-8", "replace").strip()
    if not 4 < len(first) < 2048 or first[0] in "{[#<":
        return None
    for delimiter in (",", ";", "\t", "|"):
        try:
            names = [name.strip().casefold() for name in next(csv.reader([first], delimiter=delimiter), [])]
        except csv.Error:
            continue
        named = next((name for name in _CARRYING if name in names), None)
        if named and len(names) >= 2 and all(re.fullmatch(_NAME, name) for name in names):
            return names.index(named), delimiter
    return None


def _csv_lines(source: BinaryIO) -> Iterator[bytes]:
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
    found = _column(text.readline().encode("utf-8", "surrogateescape"))
    place, delimiter = found or (0, ",")
    rows = csv.reader(text, delimiter=delimiter)
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield b"a cell of more than 1 MiB"
            continue
        if row is None:
            return
        cell = row[place] if len(row) > place else delimiter.join(row)
        for line in cell.splitlines() or [""]:
            yield line.encode("utf-8", "surrogateescape")


# --- journals -------------------------------------------------------------------------------------------------------


def _journal_lines(source: BinaryIO) -> Iterator[bytes]:
    """The messages, each with the name of its program and host as syslog would write them."""
    fields: dict[bytes, bytes] = {}
    for line in source:
        name, equals, value = line.strip().partition(b"=")
        if equals and name == name.upper() and re.fullmatch(rb"[A-Z_0-9]+", name):
            fields[name] = value
        elif fields and (not line.strip() or line[:1] not in b" \t"):
            yield from _entry(fields)
            fields = {}
    yield from _entry(fields)


def _entry(fields: dict[bytes, bytes]) -> Iterator[bytes]:
    if b"MESSAGE" in fields:
        yield json.dumps({name.decode(): value.decode("utf-8", "replace") for name, value in fields.items()}).encode()


__all__ = ["LARGEST", "Enclosed"]
