"""One flow, two sensors: one row; and connections carry the names of their servers."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.schema import from_rows
from kanaria.formats.packets import capture, window
from kanaria.lab import dns_server
from kanaria.sources import open_inputs
from kanaria.wire import spool
from kanaria.wire.flow_linking import Linker

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


def link(engine: duckdb.DuckDBPyConnection, tables: dict[str, pa.Table]) -> tuple[dict[str, pa.Table], int]:
    """All slices of a run linked and put together again; and how many rows were doubles."""
    spooled = spool.Spool(engine, Path(os.devnull))  # only requests need a folder
    spooled.add(tables)
    spooled.settle()
    linker = Linker(engine, spooled.names)
    parts = [linker.link(part) for part in spooled.slices()]
    names = {name for part, _ in parts for name in part}
    joined = {name: pa.concat_tables([part[name] for part, _ in parts if name in part]) for name in names}
    return joined, sum(doubles for _, doubles in parts)


def names(table: pa.Table) -> dict[int, str | None]:
    return dict(zip(table["event_id"].to_pylist(), table["sni"].to_pylist(), strict=True))


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
    assert names(linked["connection"]) == {1: "pool.example", 2: "cdn.example", 3: None}


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


def answer(number: int, seconds: float, query: str, address: str = "203.0.113.9") -> dict[str, object]:
    time = START + timedelta(seconds=seconds)
    return {"event_id": number, "src_ip": "192.0.2.1", "query": query, "answers": [address], "time": time}


def test_partners_beyond_the_cut_between_slices_are_found(
    engine: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SLICE_ROWS", 1)
    midnight = 17 * 3600.0
    tables = {
        "connection": from_rows(
            "connection",
            [
                flow(1, "pcap", midnight + 3, "1:a"),
                flow(2, "pcap", midnight - 2, "1:b", dst_ip="203.0.113.10"),
                flow(3, "netflow", midnight + 5, "1:b", dst_ip="203.0.113.10"),
            ],
        ),
        "dns": from_rows("dns", [answer(8, midnight - 5, "pool.example")]),
        "tls": from_rows(
            "tls",
            [
                {
                    "event_id": 9,
                    "community_id": "1:b",
                    "sni": "late.example",
                    "time": START + timedelta(seconds=midnight),
                }
            ],
        ),
    }
    linked, dropped = link(engine, tables)
    assert names(linked["connection"]) == {1: "pool.example", 2: "late.example"}
    assert dropped == 1


def test_the_answer_that_was_given_last_before_the_connection_counts(engine: duckdb.DuckDBPyConnection) -> None:
    rows = [flow(1, "pcap", 100, "1:a"), flow(2, "pcap", 200, "1:b"), flow(3, "pcap", 10, "1:c")]
    late = [flow(4, "pcap", 2 * 86_400, "1:d"), flow(5, "pcap", 250, "1:e", src_ip="192.0.2.2")]
    answers = [answer(7, 50, "first.example"), answer(8, 150, "second.example"), answer(9, 300, "third.example")]
    linked, _ = link(engine, {"connection": from_rows("connection", rows + late), "dns": from_rows("dns", answers)})
    assert names(linked["connection"]) == {
        1: "first.example", 2: "second.example", 3: "first.example", 4: None, 5: None,
    }  # fmt: skip


def test_of_two_handshakes_with_the_same_ends_each_flow_has_its_own(engine: duckdb.DuckDBPyConnection) -> None:
    shaken = [
        {"event_id": 8 + number, "community_id": "1:a", "sni": name, "time": START + timedelta(seconds=at)}
        for number, (name, at) in enumerate([("b.example", 1), ("a.example", 3601)])
    ]
    rows = [flow(1, "pcap", 0, "1:a"), flow(2, "pcap", 3600, "1:a"), flow(3, "pcap", 7200, "1:a")]
    linked, _ = link(engine, {"connection": from_rows("connection", rows), "tls": from_rows("tls", shaken)})
    assert names(linked["connection"]) == {1: "b.example", 2: "a.example", 3: None}


def read_whole(path: Path, monkeypatch: pytest.MonkeyPatch, *, tiny: bool) -> dict[str, pa.Table]:
    """Every table of a run over a capture, by event id."""
    with monkeypatch.context() as patch:
        patch.setattr(capture, "PLAIN_BYTES", -1)
        if tiny:
            patch.setattr(window, "BLOCK", 4096)
            patch.setattr(capture, "BATCH_FLOWS", 1)
            patch.setattr(spool, "GATHERED_ROWS", 1)
            patch.setattr(spool, "SLICE_ROWS", 97)
        parts: dict[str, list[pa.Table]] = {}
        with Engine(prepare()) as engine:
            for piece in engine.slices(engine.read(open_inputs([str(path)]))):
                for name, table in piece.tables.items():
                    parts.setdefault(name, []).append(table)
        assert not tiny or len(parts["connection"]) > 10
    return {name: pa.concat_tables(found).sort_by("event_id") for name, found in parts.items()}


def test_how_a_capture_is_cut_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "case.pcap"
    dns_server.build(path, seed=7)
    whole, cut = (read_whole(path, monkeypatch, tiny=tiny) for tiny in (False, True))
    assert whole.keys() == cut.keys()
    assert {name: table.num_rows for name, table in cut.items()} == {name: t.num_rows for name, t in whole.items()}
    assert [name for name, table in cut.items() if table.to_pylist() != whole[name].to_pylist()] == []
    assert whole["connection"]["sni"].null_count < whole["connection"].num_rows
    assert whole["rdp"]["cookie"].null_count == 0
