"""The systemd journal as JSON (``journalctl -o json``): logons and netfilter lines out of it.

One object per line; a field that is not UTF-8 is an array of bytes. Entries of other programs are counted as unread and
left to be searched.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.text import without_colours
from kanaria.core.types import Batch
from kanaria.formats.auth_log import TABLES, Attempts, _is_ours, _of_miner, says_logons
from kanaria.formats.logons.emit import BATCH_ROWS, Taken, batch_of, number
from kanaria.formats.logons.text_input import decode_head, json_values, open_text
from kanaria.formats.text_log import Row

_MAX_MICROSECONDS = 2**62 // 1000


class JournaldJson:
    """Journal entries as JSON."""

    name = "journald-json"
    title = "systemd journal as JSON (journalctl -o json)"
    example = (
        '{"__REALTIME_TIMESTAMP":"1768035600000000","_HOSTNAME":"srv","SYSLOG_IDENTIFIER":"sshd","_PID":"4021",'
        '"MESSAGE":"Failed password for root from 198.51.100.7 port 50000 ssh2"}'
    )
    tables: tuple[str, ...] = TABLES

    def sniff(self, head: bytes, name: str) -> float:
        if b"__REALTIME_TIMESTAMP" not in head:
            return 0.0
        values = [value for value, _raw in islice(json_values(io.StringIO(decode_head(head, 1 << 18))), 2000)]
        entries = [value for value in values if isinstance(value, Mapping) and "__REALTIME_TIMESTAMP" in value]
        if any(_is_ours(_program(entry)) or _of_miner(text_of(entry.get("MESSAGE"))) for entry in entries):
            return 0.98
        return 0.3 if entries else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        attempts = Attempts()
        taken: list[Taken] = []
        rejects: list[tuple[int, str, bytes]] = []
        unparsed: list[tuple[int, bytes]] = []
        last = begun = passed_over = 0

        def batch() -> Batch:
            return batch_of(stream, context, name=self.name, sensor="journald", taken=[*taken, *attempts.remaining()],
                            rows=last - begun, last=last, rejects=rejects, passed_over=passed_over,
                            unparsed=unparsed)  # fmt: skip

        with open_text(stream) as text:
            for last, (value, broken) in enumerate(json_values(text), start=1):
                if isinstance(value, Mapping) and not broken:
                    rows = _take(value, last, attempts)
                    taken += rows
                    program = _program(value)
                    if not rows and not attempts.held_back and not says_logons(program):
                        unparsed.append((last, _as_line(value, program)))
                        passed_over += not _is_ours(program)
                else:
                    reason = "expected a journal entry as a JSON object; it is cut off or damaged"
                    rejects.append((last, reason, (broken or str(value)[:4096]).encode("utf-8", "replace")))
                if last - begun >= BATCH_ROWS:
                    yield batch()
                    taken, rejects, unparsed, begun, passed_over = [], [], [], last, 0
        if last > begun:
            yield batch()


def _take(entry: Mapping[str, object], line: int, attempts: Attempts) -> list[Taken]:
    host = text_of(entry.get("_HOSTNAME")) or None
    row: Row = {"line": line, "time": _time(entry), "device": host, "host_name": host}
    pid = text_of(entry.get("_PID") or entry.get("SYSLOG_PID")) or None
    return attempts.take(row, _program(entry), pid, without_colours(text_of(entry.get("MESSAGE"))))


def _program(entry: Mapping[str, object]) -> str:
    return text_of(entry.get("SYSLOG_IDENTIFIER")) or text_of(entry.get("_COMM"))


def _as_line(entry: Mapping[str, object], program: str) -> bytes:
    """The entry as syslog would have written it, to be searched like any line."""
    when = _time(entry)
    stamp = when.isoformat() if when else "-"
    host = text_of(entry.get("_HOSTNAME")) or "-"
    return f"{stamp} {host} {program or '-'}: {text_of(entry.get('MESSAGE'))}".encode("utf-8", "backslashreplace")


def _time(entry: Mapping[str, object]) -> datetime | None:
    for name in ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"):
        micros = number(entry.get(name), _MAX_MICROSECONDS)
        if micros is not None and micros < 253_402_300_800_000_000:  # the year 10000
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return None


def text_of(value: object) -> str:
    """A field as text: text, an array of bytes, or the first of several values."""
    if isinstance(value, list):
        if all(isinstance(part, int) and 0 <= part < 256 for part in value):
            return bytes(value).decode("utf-8", "backslashreplace")
        return text_of(value[0]) if value else ""
    return "" if value is None else str(value)
