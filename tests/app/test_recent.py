"""The newest rows of endless inputs: no more than there is room for, however long it goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from kanaria.core.schema import from_rows
from kanaria.wire import recent
from kanaria.wire.recent import Recent

BEGAN = datetime(2026, 6, 21, 7, tzinfo=UTC)
EACH = 500


def slice_of(number: int) -> pa.Table:
    """Questions for names, a second apart, of which the last has no time."""
    rows = [
        {
            "event_id": number * EACH + n, "time": BEGAN + timedelta(seconds=number * EACH + n), "source": "dns.log",
            "src_ip": "192.0.2.7", "dst_ip": "192.0.2.1", "query": f"host-{number * EACH + n}.some-long-name.example.org",
        }
        for n in range(EACH)
    ]  # fmt: skip
    return from_rows("dns", [*rows[:-1], {**rows[-1], "time": None}])


def kept(engine: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Rows, and bytes of all tables in memory."""
    (rows,) = engine.execute("SELECT count(*) FROM spool_dns").fetchall()[0]
    (size,) = engine.execute(
        "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag IN ('IN_MEMORY_TABLE', 'BASE_TABLE')"
    ).fetchall()[0]
    return int(rows), int(size)


def test_what_is_forgotten_gives_its_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_ROWS", 4 * EACH)
    monkeypatch.setattr(recent, "TRIMMED_EVERY", EACH)
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        newest, sizes, rows = Recent(engine), [], []
        for number in range(120):
            linked = newest.linked({"dns": slice_of(number)})
            assert (len(linked.tables["dns"]), linked.doubles) == (EACH, 0)
            some, size = kept(engine)
            rows.append(some)
            sizes.append(size)
        assert max(rows) <= 6 * EACH
        assert max(sizes[60:]) <= 1.2 * max(sizes[10:60])
        (first,) = engine.execute("SELECT min(time) FROM spool_dns").fetchall()[0]
        assert first >= BEGAN + timedelta(seconds=114 * EACH)
