"""Numbers over time for pictures, gathered while batches pass: surprise per device, message lengths of mining flows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import pyarrow as pa

from kanaria.core.types import Series

# A picture holds no more: the first messages show the rhythm, and flows beyond these look alike.
FLOWS_KEPT = 8


class SeriesKeeper:
    """Grows slice by slice; what no finding is about is dropped at the end."""

    def __init__(self) -> None:
        self._surprise: dict[str, dict[datetime, float]] = defaultdict(dict)
        self._flows: list[Series] = []

    def add(self, tables: Mapping[str, pa.Table], mining: Iterable[int]) -> None:
        """Take in one scored slice; ``mining`` are the event ids of connections that mine."""
        for table in tables.values():
            if "baseline.surprise_bits" in table.column_names:
                self._note_surprise(table)
        if "connection" in tables and len(self._flows) < FLOWS_KEPT:
            self._note_messages(tables["connection"], sorted(mining))

    def about(self, devices: Iterable[str]) -> tuple[Series, ...]:
        """Series of these devices."""
        wanted = set(devices)
        surprise = [
            Series(kind="surprise", device=device, unit="bits", points=tuple(sorted(points.items())))
            for device, points in sorted(self._surprise.items())
            if device in wanted
        ]
        return (*surprise, *(flow for flow in self._flows if flow.device in wanted))

    def _note_surprise(self, table: pa.Table) -> None:
        import pyarrow.compute as pc

        hour = pc.floor_temporal(table["time"], unit="hour")
        bits = pa.table({"device": table["device"], "hour": hour, "bits": table["baseline.surprise_bits"]})
        for row in bits.drop_null().group_by(["device", "hour"]).aggregate([("bits", "max")]).to_pylist():
            known = self._surprise[row["device"]]
            known[row["hour"]] = max(known.get(row["hour"], 0.0), row["bits_max"])

    def _note_messages(self, connection: pa.Table, mining: list[int]) -> None:
        import pyarrow.compute as pc

        rows = connection.filter(pc.is_in(connection["event_id"], pa.array(mining, pa.int64())))
        for row in rows.select(["time", "src_ip", "dst_ip", "device", "messages"]).to_pylist():
            if row["messages"] and row["time"] and len(self._flows) < FLOWS_KEPT:
                self._flows.append(_messages(row))


def _messages(row: Mapping[str, object]) -> Series:
    start, device, messages = row["time"], row["device"], row["messages"]
    if not isinstance(start, datetime) or not isinstance(messages, list):
        raise TypeError(row)
    client_is_device = row["src_ip"] == device
    points = tuple(
        (
            start + timedelta(microseconds=message["time"]),
            float(message["length"] if message["from_client"] == client_is_device else -message["length"]),
        )
        for message in messages
    )
    remote = row["dst_ip"] if client_is_device else row["src_ip"]
    return Series(kind="messages", device=str(device), remote=str(remote), unit="bytes", points=points)
