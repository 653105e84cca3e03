"""Load history of sysstat (``sadf -j``) into the ``host`` table: one row per interval with the load of all processors.

Busy is what is neither idle, nor waiting for a disk, nor stolen by other virtual machines. Times are UTC, as ``sadf``
writes them unless told otherwise. Only the statistics of one interval are in memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TextIO

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.text_input import LONGEST_VALUE, open_text
from kanaria.formats.text_log import Row, iso_time

_RECORD = late_regex(r'\{\s*"timestamp"\s*:\s*\{')
_NODE = late_regex(r'"nodename"\s*:\s*"((?:[^"\\]|\\.){1,255})"')
_DECODER = json.JSONDecoder()
_BLOCK = 1 << 20
_END = late_regex(r"\s*\](?:.*[}\]])?\s*", 16)  # re.DOTALL
_NOT_BUSY = ("idle", "iowait", "steal")


class SadfJson:
    """``sadf -j`` output, with or without other statistics than processors."""

    name = "sadf-json"
    title = "sysstat load history as JSON (sadf -j)"
    example = (
        '{"sysstat":{"hosts":[{"nodename":"srv","statistics":[{"timestamp":{"date":"2026-01-10","time":"09:10:00",'
        '"utc":1,"interval":600},"cpu-load":[{"cpu":"all","user":2.0,"system":1.0,"iowait":0.0,"steal":0.0,"idle":97.0}]'
        "}]}]}}"
    )
    tables: tuple[str, ...] = ("host",)

    def sniff(self, head: bytes, name: str) -> float:
        start = head[:4096]
        return 0.98 if b'"sysstat"' in start and b'"hosts"' in start else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        with open_text(stream) as text:
            yield from batches(_records(text), stream, context, name=self.name, sensor="sysstat")


def _records(text: TextIO) -> Iterator[list[Taken] | tuple[str, bytes]]:
    """Every interval's statistics; the machine's name stands before its first."""
    buffer, node = "", None
    ended = whole = False
    while not ended:
        block = text.read(_BLOCK)
        buffer, ended = buffer + block, not block
        position = 0
        while match := _RECORD.search(buffer, position):
            for named in _NODE.finditer(buffer, position, match.start()):
                node = named[1]
            try:
                value, position = _DECODER.raw_decode(buffer, match.start())
            except (ValueError, RecursionError) as error:
                if not ended and len(buffer) - match.start() < LONGEST_VALUE:
                    break  # goes on in the next block
                yield f"expected the statistics of one interval; {error}", buffer[match.start() :][:4096].encode()
                position, whole = match.end(), False
            else:
                whole = True
                yield _take(value, node)
        if ended and whole and not _END.fullmatch(buffer, position):
            yield "the end of the document is missing", buffer[position:][:4096].encode()
        rest = _RECORD.search(buffer, position)
        buffer = buffer[rest.start() :] if rest else buffer[max(position, len(buffer) - 4096) :]


def _take(value: Mapping[str, object], node: str | None) -> list[Taken] | tuple[str, bytes]:
    stamp, loads = value.get("timestamp"), value.get("cpu-load") or value.get("cpu-load-all")
    if not isinstance(stamp, Mapping) or not isinstance(loads, list):
        return []  # an interval with other statistics only
    whole = next((load for load in loads if isinstance(load, Mapping) and load.get("cpu") == "all"), None)
    if whole is None:
        return []
    idle = [_number(whole.get(name)) for name in _NOT_BUSY]
    interval = _number(stamp.get("interval"))
    if idle[0] is None:
        return "expected the idle share of all processors; there is none", json.dumps(value)[:4096].encode()
    row: Row = {
        "time": _time(stamp), "device": node, "host_name": node, "kind": "cpu",
        "cpu_percent": min(100.0, max(0.0, 100.0 - sum(share or 0.0 for share in idle))),
        "interval_us": int(interval * 1e6) if interval and 0 < interval < 1e7 else None,
    }  # fmt: skip
    return [("host", row)]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e9 else None


def _time(stamp: Mapping[str, object]) -> datetime | None:
    return iso_time(f"{stamp.get('date')}T{stamp.get('time')}")
