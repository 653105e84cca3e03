"""Labelled connections from the real sources: captures and flow samples come in, ``Source`` values go out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kanaria.core import schema

Message = tuple[bool, int, int]
"""Who sent (True: the client), payload bytes, microseconds since the connection began."""


@dataclass(frozen=True)
class Connection:
    """One connection, labelled. ``group`` keeps variants of one original together when sources are held out."""

    messages: tuple[Message, ...]
    seconds: float
    mining: bool
    transport: str = "tcp"
    up_bytes: int | None = None
    down_bytes: int | None = None
    up_packets: int | None = None
    down_packets: int | None = None
    up_messages: int | None = None
    down_messages: int | None = None
    note: str = ""
    service: str | None = None
    readable: bool = False
    """Whether its bytes can be read and are no mining message."""
    begun: bool = False
    """Whether the sensor saw the client's first packet."""
    records: bool = False
    """Whether it shows TLS records and no handshake."""


@dataclass(frozen=True)
class Source:
    """Connections that come from one place; ``family`` names sources that must be held out together."""

    name: str
    family: str
    connections: tuple[Connection, ...]

    @property
    def mining(self) -> NDArray[np.bool_]:
        return np.array([connection.mining for connection in self.connections], dtype=np.bool_)

    @property
    def benign_hours(self) -> float:
        return sum(connection.seconds for connection in self.connections if not connection.mining) / 3600


def table(connections: Sequence[Connection], *, messages: bool = True) -> pa.Table:
    """A ``connection`` table of them; without ``messages`` it is what a plain flow exporter would give."""
    kept = [
        [{"from_client": c, "length": n, "time": t} for c, n, t in one.messages[:200]] if messages else None
        for one in connections
    ]
    return schema.conform(
        "connection",
        {
            "messages": pa.array(kept, schema.MESSAGES),
            "duration_us": [round(one.seconds * 1e6) for one in connections],
            "transport": [one.transport for one in connections],
            "service": [one.service for one in connections],
            "history": ["S" if one.begun else None for one in connections],
            "dst_first": [b"\x17\x03\x03" if one.records else None for one in connections],
            "src_bytes": [one.up_bytes for one in connections],
            "dst_bytes": [one.down_bytes for one in connections],
            "src_packets": [one.up_packets for one in connections],
            "dst_packets": [one.down_packets for one in connections],
            "src_messages": [one.up_messages for one in connections],
            "dst_messages": [one.down_messages for one in connections],
        },
        len(connections),
    )


def cesnet(path: Path) -> Iterable[Connection]:
    """The ISP sample: flows cut every five minutes, lengths and times of the first 30 packets."""
    with path.open(newline="") as file:
        for row in csv.reader(file):
            if row[0].startswith("uint"):
                continue
            up, down, first, last, up_packets, down_packets, *_, label, sides, _, lengths, times = row
            start = _instant(first)
            packets = zip(_list(sides), _list(lengths), _list(times), strict=True)
            yield Connection(
                messages=tuple(
                    (side == "1", int(length), max(0, round((_instant(at) - start) * 1e6)))
                    for side, length, at in packets
                    if int(length) > 0
                ),
                seconds=_instant(last) - start,
                mining=label == "Miner",
                up_bytes=int(up),
                down_bytes=int(down),
                up_packets=int(up_packets),
                down_packets=int(down_packets),
                note=path.name,
            )


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _list(text: str) -> list[str]:
    return [item for item in text.strip("[]").split("|") if item]
