"""What the baseline tests share: flows written in one line, a pattern of life in memory, and its history as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from kanaria.baseline.pattern import PatternOfLife
from kanaria.baseline.settings import BaselineSettings
from kanaria.core import schema

HOUR = 3_600_000_000
START_HOUR = 490_848  # 2025-12-30 00:00 UTC
_NUMBER = iter(range(1, 10**9))


def flow(hour: int, **values: Any) -> dict[str, Any]:
    """An outbound TLS connection of 10.0.0.5 in that hour after the start, apart from what is given."""
    src, direction = values.get("src_ip", "10.0.0.5"), values.get("direction", "outbound")
    dst = values.get("dst_ip", "192.0.2.10")
    row: dict[str, Any] = {
        "event_id": next(_NUMBER), "time": (START_HOUR + hour) * HOUR + 1_000_000, "src_ip": src, "src_port": 50_000,
        "dst_ip": dst, "dst_port": 443, "transport": "tcp", "state": "SF", "duration_us": 100_000, "src_bytes": 500,
        "dst_bytes": 5_000, "direction": direction, "device": dst if direction == "inbound" else src,
        "remote": src if direction == "inbound" else dst,
    }  # fmt: skip
    return row | values


def table(name: str, *rows: dict[str, Any]) -> pa.Table:
    kinds = {field.name: field.type for field in schema.TABLES[name].arrow}
    columns = {
        column: pa.array([row.get(column) for row in rows], pa.int64() if column == "time" else kind).cast(kind)
        for column, kind in kinds.items()
    }
    return pa.table(columns)


def connection(*rows: dict[str, Any]) -> dict[str, pa.Table]:
    return {"connection": table("connection", *rows)}


def pattern(directory: Path | None = None, **settings: Any) -> PatternOfLife:
    chosen: dict[str, Any] = {"warm_up_days": 0.0, "device_warm_up_hours": 0.0} | settings
    return PatternOfLife(duckdb.connect(), settings=BaselineSettings(**chosen), directory=directory)


def history_of(learned: PatternOfLife) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the history, added up and ordered, weights as rounded powers of two."""
    alias, execute = learned.state.alias, learned.state.engine.execute
    queries = {
        "ties": "tie, round(log2(sum(weight)), 6), max(last)",
        "totals": "subject, kind, round(log2(sum(weight)), 6), sum(types)",
        "quantities": "subject, quantity, bucket, round(log2(sum(weight)), 6)",
        "hourly": "actor, hour, sum(connections), sum(remotes), sum(sources), sum(failed), sum(sent)",
        "devices": "device, role, min(first), max(last)",
        "texts": "id, text",
    }
    return {
        name: execute(f"SELECT {columns} FROM {alias}.{name} GROUP BY ALL ORDER BY ALL").fetchall()  # noqa: S608
        for name, columns in queries.items()
    }
