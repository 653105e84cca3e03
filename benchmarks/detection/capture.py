"""Reads a capture as Kanaria itself does: a path comes in, rows of the ``connection`` table go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from benchmarks.detection.samples import Connection
from kanaria import knowledge, mining
from kanaria.core.stream import ReadContext
from kanaria.formats.registry import detect
from kanaria.mining import grammar_gate as gate
from kanaria.sources import open_inputs

_COLUMNS = (
    "messages", "duration_us", "transport", "service", "src_ip", "src_port", "dst_ip", "dst_port",
    "src_bytes", "dst_bytes", "src_packets", "dst_packets",
    "src_messages", "dst_messages", "history",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A connection with what its label is decided from."""

    file: str
    ports: tuple[int, int]
    key: tuple[object, ...]
    connection: Connection

    def labelled(self, mining: bool) -> Connection:
        return replace(self.connection, mining=mining)


def tables(path: Path) -> Iterator[pa.Table]:
    """The ``connection`` tables of a capture or log; nothing for a format that has none."""
    for stream in open_inputs([str(path)]):
        known = detect(stream)
        if known is None:
            return
        for batch in known.read(stream, ReadContext()):
            if "connection" in batch.tables:
                yield batch.tables["connection"]


def read(path: Path) -> Iterator[Found]:
    """Every connection of a capture, unlabelled."""
    facts = knowledge.load()
    for rows in tables(path):
        plain = gate.readable(mining.read({"connection": rows}, facts).tables["connection"])
        for row, readable in zip(rows.select(_COLUMNS).to_pylist(), plain.tolist(), strict=True):
            key = tuple(row[name] for name in ("transport", "src_ip", "src_port", "dst_ip", "dst_port"))
            one = replace(_connection(row, path.name), readable=readable)
            yield Found(path.name, (row["src_port"] or 0, row["dst_port"] or 0), key, one)


def _connection(row: dict[str, object], note: str) -> Connection:
    messages = row["messages"] or []
    assert isinstance(messages, list)
    return Connection(
        messages=tuple((bool(m["from_client"]), int(m["length"]), int(m["time"])) for m in messages),
        seconds=_number(row["duration_us"]) / 1e6,
        mining=False,
        transport=str(row["transport"] or "tcp"),
        up_bytes=_number(row["src_bytes"]),
        down_bytes=_number(row["dst_bytes"]),
        up_packets=_number(row["src_packets"]),
        down_packets=_number(row["dst_packets"]),
        up_messages=_number(row["src_messages"]),
        down_messages=_number(row["dst_messages"]),
        note=note,
        service=row["service"] if isinstance(row["service"], str) else None,
        begun=str(row["history"] or "").startswith("S"),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
