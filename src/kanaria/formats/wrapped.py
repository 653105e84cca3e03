"""Logs inside other logs: what a shipper carries is read by the format that reads it bare.

In comes any input whose lines carry lines (see ``wrapping``), out comes what the inner format makes of these. Line
numbers stay those of the input: a line that carries nothing becomes a blank one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.columns import left_lines
from kanaria.formats.text_log import first_lines
from kanaria.formats.wrapping import unwrap

_LOOKED_AT = 50
"""Lines at the beginning that say what is carried."""
_MOST_CARRIED = 0.5
"""Share of these that must carry a line; a log that carries something now and then is a log of its own."""
_LEAST_SURE = 0.6
"""How sure the inner format must be: the registry's ``SURE``."""


@dataclass
class Carried:
    """The carried lines as an input of their own."""

    outer: Stream
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
        self.lines = _Lines(self.outer.open())
        return io.BufferedReader(self.lines)

    def taken(self, batch: Batch) -> Batch:
        """The batch with the lines that carried nothing, which are then not held any more."""
        if self.lines is None or not self.lines.lost:
            return batch
        lost = [left_lines(self.lines.lost), batch.left]
        count, self.lines.lost = len(self.lines.lost), []
        left = pa.concat_tables([table for table in lost if table is not None])
        return replace(batch, rows=batch.rows + count, passed_over=batch.passed_over + count, left=left)


class _Lines(io.RawIOBase):
    """The input with every line replaced by what it carries."""

    def __init__(self, outer: BinaryIO) -> None:
        self._outer, self._left = outer, b""
        self._line = 0
        self.lost: list[tuple[int, bytes]] = []
        """Lines that carried nothing, with their numbers; whoever takes them empties the list."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            line = self._outer.readline()
            if not line:
                return 0
            self._line += 1
            carried = unwrap(line)
            if carried is None and line.strip():
                self.lost.append((self._line, line.rstrip(b"\r\n")))
            self._left = (carried or b"") + b"\n"
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._outer.close()
        super().close()


class Wrapped:
    """Another format's lines, carried by a shipper."""

    name = "wrapped"
    title = "Zeek, Suricata and other logs inside Filebeat, ECS, Wazuh, zeek-kafka, Docker, Kubernetes or syslog lines"
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
        return 0.98 * found[1] if found else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """Nothing comes out when nothing that is known is inside."""
        head = stream.head()
        found = _inside(head, stream.name)
        if found is None:
            return
        inside = Carried(stream, _carried_head(head))
        for batch in found[0].read(inside, context):
            yield inside.taken(batch)


def _carried_head(head: bytes) -> bytes:
    lines = [line.encode("utf-8", "replace") for line in first_lines(head, 2000)]
    return b"".join((unwrap(line) or b"") + b"\n" for line in lines)


def _inside(head: bytes, name: str) -> tuple[Format, float] | None:
    """The format inside and how sure it is."""
    from kanaria.formats import registry  # it lists this format

    lines = [line.encode("utf-8", "replace") for line in first_lines(head, _LOOKED_AT) if line.strip()]
    carried = [inner for line in lines if (inner := unwrap(line))]
    if not carried or len(carried) < _MOST_CARRIED * len(lines):
        return None
    best = registry.surest(b"\n".join(carried) + b"\n", name, without=Wrapped.name)
    return best if best and best[1] >= _LEAST_SURE else None
