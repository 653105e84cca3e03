"""One flow, two sensors: one row; and connections carry the names of their servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from kanaria.app.linking import link
from kanaria.core.schema import from_rows

START = datetime(2026, 6, 21, 7, 0, tzinfo=UTC)


@pytest.fixture
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def flow(number: int, sensor: str, seconds: float = 0, community: str = "1:abc", **more: object) -> dict[str, object]:
    return {
        "event_id": number, "time": START + timedelta(seconds=seconds), "source": f"{sensor}.file", "sensor": sensor,
        "community_id": community, "duration_us": 30_000_000, "src_ip": "192.0.2.1", "dst_ip": "203.0.113.9", **more,
    }  # fmt: skip


def ids(table: pa.Table) -> list[int]:
    return sorted(table["event_id"].to_pylist())


def test_a_flow_seen_by_two_sensors_is_kept_once_from_the_better_one(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [flow(1, "netflow", 4), flow(2, "pcap"), flow(3, "zeek", 1)]
    linked, dropped = link(engine, {"connection": from_rows("connection", rows)})
    assert (ids(linked["connection"]), dropped) == ([2], 2)


def test_the_same_ports_used_again_later_are_another_flow(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [flow(1, "zeek"), flow(2, "pcap", 3600)]
    linked, dropped = link(engine, {"connection": from_rows("connection", rows)})
    assert (ids(linked["connection"]), dropped) == ([1, 2], 0)


def test_repeats_inside_one_sensor_stay(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [flow(1, "zeek"), flow(2, "zeek", 5), flow(3, "pcap", 0, "1:other")]
    linked, _ = link(engine, {"connection": from_rows("connection", rows)})
    assert ids(linked["connection"]) == [1, 2, 3]


def test_flows_without_community_id_are_never_doubles(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [flow(1, "zeek", community_id=None), flow(2, "pcap", community_id=None)]
    linked, _ = link(engine, {"connection": from_rows("connection", rows)})
    assert ids(linked["connection"]) == [1, 2]


def test_the_name_comes_from_the_handshake_before_the_resolver(engine: duckdb.DuckDBPyConnection) -> None:
    tables = {
        "connection": from_rows(
            "connection",
            [
                flow(1, "pcap"),
                flow(2, "pcap", community="1:x"),
                flow(3, "pcap", community="1:y", dst_ip="203.0.113.77"),
            ],
        ),
        "tls": from_rows("tls", [{"event_id": 9, "community_id": "1:abc", "sni": "pool.example"}]),
        "dns": from_rows(
            "dns",
            [{"event_id": 8, "src_ip": "192.0.2.1", "query": "cdn.example", "answers": ["203.0.113.9"], "time": START}],
        ),
    }
    linked, _ = link(engine, tables)
    named = dict(
        zip(linked["connection"]["event_id"].to_pylist(), linked["connection"]["sni"].to_pylist(), strict=True)
    )
    assert named == {1: "pool.example", 2: "cdn.example", 3: None}


def test_a_name_the_sensor_already_knew_is_kept(engine: duckdb.DuckDBPyConnection) -> None:
    tables = {
        "connection": from_rows("connection", [flow(1, "pcap", sni="known.example")]),
        "tls": from_rows("tls", [{"event_id": 9, "community_id": "1:abc", "sni": "other.example"}]),
    }
    assert link(engine, tables)[0]["connection"]["sni"].to_pylist() == ["known.example"]


def test_of_a_question_to_our_own_resolver_the_asker_is_the_device(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [
        {
            "event_id": 1,
            "src_ip": "192.0.2.1",
            "dst_ip": "192.0.2.53",
            "direction": "internal",
            "device": "192.0.2.53",
            "remote": "192.0.2.1",
        },
        {
            "event_id": 2,
            "src_ip": "203.0.113.7",
            "dst_ip": "192.0.2.53",
            "direction": "inbound",
            "device": "192.0.2.53",
            "remote": "203.0.113.7",
        },
    ]
    linked, _ = link(engine, {"dns": from_rows("dns", rows)})
    assert linked["dns"].select(["device", "remote"]).to_pylist() == [
        {"device": "192.0.2.1", "remote": "192.0.2.53"},
        {"device": "192.0.2.53", "remote": "203.0.113.7"},
    ]
