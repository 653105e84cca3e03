"""Zeek, Suricata and other lines inside the lines of shippers: the same rows as bare, at the same line numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.formats.carriers.unwrapping import unwrap
from kanaria.formats.carriers.wrapped import Wrapped
from kanaria.formats.suricata import SuricataEve
from kanaria.formats.zeek import ZeekJson
from tests.reading_formats import BytesStream, broken_promises

CONN = {
    "_path": "conn", "ts": 1768035600.5, "uid": "C1", "id.orig_h": "192.0.2.7", "id.orig_p": 50000,
    "id.resp_h": "203.0.113.50", "id.resp_p": 443, "proto": "tcp", "service": "ssl", "duration": 12.5,
    "orig_ip_bytes": 900, "resp_ip_bytes": 1200, "orig_pkts": 9, "resp_pkts": 8, "conn_state": "SF", "history": "ShADadFf",
}  # fmt: skip
EVE = {
    "timestamp": "2026-01-10T09:00:00.000000+0000", "flow_id": 7, "event_type": "alert", "src_ip": "192.0.2.7",
    "src_port": 50000, "dest_ip": "203.0.113.50", "dest_port": 3333, "proto": "TCP",
    "alert": {"signature": "EXAMPLE mining", "signature_id": 9, "category": "example", "severity": 1, "gid": 1, "rev": 2},
}  # fmt: skip
FILEBEAT = {"@timestamp": "2026-01-10T09:00:01.000Z", "agent": {"type": "filebeat"}}
BARE = {name: value for name, value in CONN.items() if name != "_path"}


def _texts(value: Any) -> Any:
    return {key: _texts(item) for key, item in value.items()} if isinstance(value, dict) else str(value)


WRAPPERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "filebeat": lambda inner: json.dumps({**FILEBEAT, "message": json.dumps(inner)}),
    "original": lambda inner: json.dumps({**FILEBEAT, "event": {"original": json.dumps(inner)}}),
    "docker": lambda inner: json.dumps({"log": json.dumps(inner) + "\n", "stream": "stdout", "time": "2026-01-10T09:00:01Z"}),
    "journald": lambda inner: json.dumps({"__REALTIME_TIMESTAMP": "1768035601000000", "MESSAGE": json.dumps(inner)}),
    "splunk": lambda inner: json.dumps({"_raw": json.dumps(inner)}),
    "cloud": lambda inner: json.dumps({"jsonPayload": inner}),
    "syslog": lambda inner: "Jan 10 09:00:01 sensor1 shipper[7]: " + json.dumps(inner),
    "syslog-iso": lambda inner: "<134>1 2026-01-10T09:00:01Z sensor1 shipper 7 - - " + json.dumps(inner),
    "cri": lambda inner: "2026-01-10T09:00:01.123456789Z stdout F " + json.dumps(inner),
    "compose": lambda inner: "sensor-1  | " + json.dumps(inner),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize(("inner", "known"), [(CONN, ZeekJson()), (EVE, SuricataEve())], ids=["zeek", "suricata"])
def test_carried_lines_give_the_rows_of_bare_ones(read: Any, name: str, inner: dict[str, Any], known: Any) -> None:
    lines = [WRAPPERS[name](inner), "", WRAPPERS[name]({**inner, "uid": "C2", "flow_id": 8})]
    data = "\n".join(lines).encode() + b"\n"
    chosen = registry.detect(BytesStream(data))
    assert isinstance(chosen, Wrapped)
    carried = read(chosen, data)
    bare = read(known, b"\n".join([json.dumps(inner).encode()] * 2) + b"\n")
    assert carried.batches[0].format == "wrapped"
    for table in bare.tables:
        rows = [[{k: v for k, v in row.items() if k not in ("event_id", "line")} for row in one.rows_of(table)]
                for one in (carried, bare)]  # fmt: skip
        assert rows[0] == rows[1]
        assert [row["line"] for row in carried.rows_of(table)] == [1, 3]


def test_wazuh_makes_texts_of_numbers_and_they_are_numbers_again(read: Any) -> None:
    whole = {"timestamp": "2026-01-10T09:00:02.000+0000", "rule": {"id": "86601"}, "data": _texts(EVE)}
    data = json.dumps(whole).encode() + b"\n"
    assert isinstance(registry.detect(BytesStream(data)), Wrapped)
    (row,) = read(Wrapped(), data).rows_of("alert")
    assert (row["src_port"], row["dst_port"], row["severity"], row["signature"]) == (50000, 3333, 1, "EXAMPLE mining")


def test_the_common_schema_of_filebeats_modules(read: Any) -> None:
    ends = {"source": {"ip": "192.0.2.7", "port": 50000, "bytes": 900, "packets": 9},
            "destination": {"ip": "203.0.113.50", "port": 443, "bytes": 1200, "packets": 8}}  # fmt: skip
    zeek = {**FILEBEAT, **ends, "event": {"dataset": "zeek.connection", "duration": 12_500_000_000},
            "network": {"transport": "tcp", "protocol": "tls"},
            "zeek": {"session_id": "C1", "connection": {"state": "SF", "history": "ShADadFf"}}}  # fmt: skip
    dns = {**FILEBEAT, **ends, "event": {"dataset": "zeek.dns"}, "zeek": {"session_id": "D", "dns": {}},
           "dns": {"question": {"name": "www.example.org", "type": "A"}, "answers": [{"data": "192.0.2.9"}]}}  # fmt: skip
    found = read(Wrapped(), b"\n".join(json.dumps(one).encode() for one in (zeek, dns)))
    (flow,), (question,) = found.rows_of("connection"), found.rows_of("dns")
    assert (flow["duration_us"], flow["src_bytes"], flow["state"], flow["service"]) == (12_500_000, 900, "SF", "tls")
    assert (question["query"], question["answers"]) == ("www.example.org", ["192.0.2.9"])
    eve = {**FILEBEAT, **ends, "network": {"transport": "TCP"}, "event": {"dataset": "suricata.eve"},
           "suricata": {"eve": {"event_type": "alert", "alert": EVE["alert"]}}}  # fmt: skip
    (alert,) = read(Wrapped(), json.dumps(eve).encode()).rows_of("alert")
    assert (alert["src_ip"], alert["dst_port"], alert["signature"]) == ("192.0.2.7", 443, "EXAMPLE mining")


@pytest.mark.parametrize(
    "around",
    [
        {**FILEBEAT, "event": {"dataset": "zeek.conn"}, "message": json.dumps(BARE)},
        {**FILEBEAT, "log": {"file": {"path": "/opt/zeek/logs/current/conn.log"}}, "message": json.dumps(BARE)},
        {"conn": BARE},
    ],
)
def test_the_shipper_says_which_zeek_log_it_is(read: Any, around: dict[str, Any]) -> None:
    (row,) = read(Wrapped(), json.dumps(around).encode()).rows_of("connection")
    assert (row["src_ip"], row["dst_port"], row["state"]) == ("192.0.2.7", 443, "SF")


def test_what_carries_nothing_known_is_left_to_others() -> None:
    for data in (b'{"message":"hello"}\n', b"Jan 10 09:00:01 h app: hello\n", json.dumps(EVE).encode(), b""):
        assert Wrapped().sniff(data, "x") == 0.0


@given(st.binary(max_size=300))
def test_any_bytes_are_unwrapped_or_left(line: bytes) -> None:
    assert unwrap(line) is None or isinstance(unwrap(line), bytes)
    assert not broken_promises(Wrapped(), line, ReadContext())
