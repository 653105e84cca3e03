"""Each event type of Suricata's EVE (docs.suricata.io, EVE JSON format), through the versions: what row it becomes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kanaria.formats.suricata import SuricataEve
from tests.reading_formats import Everything, read_all

Event = dict[str, Any]

WHEN = datetime(2026, 1, 10, 0, 0, 0, 250_000, tzinfo=UTC)
FROM: Event = {"timestamp": "2026-01-10T09:00:00.250000+0900", "flow_id": 1907342, "in_iface": "eth0",
               "src_ip": "192.0.2.10", "src_port": 50000, "dest_ip": "203.0.113.5", "dest_port": 443, "proto": "TCP"}  # fmt: skip
ENDS = {"time": WHEN, "src_ip": "192.0.2.10", "src_port": 50000, "dst_ip": "203.0.113.5", "dst_port": 443}
BACK = {"src_ip": "203.0.113.5", "src_port": 443, "dest_ip": "192.0.2.10", "dest_port": 50000}


def eve(*events: Event) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def read(*events: Event) -> Everything:
    return read_all(SuricataEve(), eve(*events), "eve.json")


def event(kind: str, said: Event | None = None, **more: Any) -> Event:
    return {**FROM, "event_type": kind, **({} if said is None else {kind: said}), **more}


def flow(said: Event | None = None, tcp: Event | None = None, **more: Any) -> Event:
    counts = {"pkts_toserver": 10, "pkts_toclient": 8, "bytes_toserver": 1340, "bytes_toclient": 4112,
              "start": "2026-01-10T08:59:48.000000+0900", "end": "2026-01-10T09:00:00.250000+0900", "age": 12,
              "state": "closed", "reason": "timeout", "alerted": False}  # fmt: skip
    return event("flow", {**counts, **(said or {})}, **({"tcp": tcp} if tcp else {}), **more)


SHOOK = {"tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1b", "syn": True, "fin": True, "psh": True, "ack": True,
         "state": "closed"}  # fmt: skip

CASES: dict[str, tuple[Event, str, dict[str, Any]]] = {
    "flow: a whole connection": (
        flow(tcp=SHOOK, app_proto="tls"),
        "connection",
        {**ENDS, "time": datetime(2026, 1, 9, 23, 59, 48, tzinfo=UTC), "transport": "tcp", "service": "tls",
         "duration_us": 12_250_000, "src_bytes": 1340, "dst_bytes": 4112, "src_packets": 10, "dst_packets": 8,
         "state": "SF", "open": False},
    ),
    "flow: a question nobody answered": (
        flow({"pkts_toclient": 0, "bytes_toclient": 0, "state": "new"}, tcp={"tcp_flags_ts": "02", "tcp_flags_tc": "00"}),
        "connection", {"state": "S0", "dst_packets": 0, "dst_bytes": 0},
    ),
    "flow: refused": (
        flow(tcp={"tcp_flags_ts": "02", "tcp_flags_tc": "14"}), "connection", {"state": "REJ"},
    ),
    "flow: over IPv6": (
        flow(src_ip="2001:db8:0000::10", dest_ip="2001:db8::5", proto="UDP", app_proto="quic"),
        "connection", {"src_ip": "2001:db8::10", "dst_ip": "2001:db8::5", "transport": "udp", "service": "quic"},
    ),
    "flow: an address with every zero, as before version 7": (
        flow(src_ip="2001:0db8:0000:0000:0000:0000:0000:0010", dest_ip="fe80:0000:0000:0000:020c:29ff:fe7b:7f6a"),
        "connection", {"src_ip": "2001:db8::10", "dst_ip": "fe80::20c:29ff:fe7b:7f6a"},
    ),
    "dns: an answer with every zero": (
        event("dns", {"version": 2, "type": "answer", "id": 7, "rrname": "pool.example", "rrtype": "AAAA", "rcode": "NOERROR",
                      "answers": [{"rrname": "pool.example", "rrtype": "AAAA", "ttl": 9,
                                   "rdata": "2001:0db8:0000:0000:0000:0000:0000:0009"}]}, dest_port=53),
        "dns", {"answers": ["2001:db8::9"]},
    ),
    "flow: no protocol recognised": (flow(app_proto="failed"), "connection", {"service": None}),
    "flow: its packets' names in letters of another version": (
        flow(proto="IPv6-ICMP", icmp_type=128, icmp_code=0, src_ip="2001:db8::10", dest_ip="2001:db8::5"),
        "connection", {"transport": "icmp6", "src_port": 128, "dst_port": 0},
    ),
    "flow: a protocol by its number": (flow(proto="047"), "connection", {"transport": "gre"}),
    "dns: layout 1, an answer of its own": (
        event("dns", {"type": "answer", "id": 7, "rcode": "NOERROR", "rrname": "Pool.Example", "rrtype": "A", "ttl": 60,
                      "rdata": "203.0.113.9"}, proto="UDP", src_ip="192.0.2.53", src_port=53, dest_ip="192.0.2.10", dest_port=40000),
        "dns",
        {"src_ip": "192.0.2.10", "src_port": 40000, "dst_ip": "192.0.2.53", "dst_port": 53, "query": "pool.example",
         "query_type": "A", "rcode": "NOERROR", "answers": ["203.0.113.9"], "ttl": 60, "transport": "udp"},
    ),
    "dns: layout 2, detailed": (
        event("dns", {"version": 2, "type": "answer", "id": 7, "rrname": "pool.example", "rrtype": "A", "rcode": "NOERROR",
                      "answers": [{"rrname": "pool.example", "rrtype": "CNAME", "ttl": 300, "rdata": "edge.example"},
                                  {"rrname": "edge.example", "rrtype": "A", "ttl": 20, "rdata": "203.0.113.9"}],
                      "grouped": {"A": ["203.0.113.9"]}}, dest_port=53),
        "dns", {"answers": ["edge.example", "203.0.113.9"], "ttl": 20},
    ),
    "dns: layout 3, a question": (
        event("dns", {"version": 3, "type": "request", "id": 9, "queries": [{"rrname": "Pool.example", "rrtype": "HTTPS"}]}, dest_port=53),
        "dns", {"query": "pool.example", "query_type": "HTTPS", "rcode": None, "answers": None},
    ),
    "dns: layout 3, no such name": (
        event("dns", {"version": 3, "type": "response", "id": 9, "rcode": "NXDOMAIN",
                      "queries": [{"rrname": "gone.example", "rrtype": "A"}]}, dest_port=53),
        "dns", {"query": "gone.example", "rcode": "NXDOMAIN"},
    ),
    "tls: extended": (
        event("tls", {"subject": "C=US, CN=pool.example", "issuerdn": "C=US, CN=Example CA", "serial": "04", "sni": "Pool.example",
                      "version": "TLS 1.2", "notbefore": "2025-01-01T00:00:00", "ja3": {}, "ja4": "t13d0304h2_a_b"}),
        "tls", {**ENDS, "sni": "pool.example", "version": "TLSv1.2", "self_signed": False, "established": True, "ja4": "t13d0304h2_a_b"},
    ),
    "tls: vouches for itself": (
        event("tls", {"subject": "CN=pool", "issuerdn": "CN=pool", "version": "TLS 1.0"}),
        "tls", {"self_signed": True, "version": "TLSv1.0", "sni": None},
    ),
    "tls: version not seen": (
        event("tls", {"sni": "pool.example", "version": "UNDETERMINED"}), "tls", {"version": None, "established": False},
    ),
    "tls: offered protocols": (
        event("tls", {"sni": "a.example", "version": "TLS 1.3", "client_alpns": ["h2", "http/1.1"], "server_alpns": ["h2"]}),
        "tls", {"alpn": ["h2", "http/1.1"], "version": "TLSv1.3"},
    ),
    "http: a request with its body": (
        event("http", {"hostname": "web.example", "url": "/rpc", "http_user_agent": "XMRig/6.21.0", "http_method": "POST",
                       "http_refer": "http://a.example/", "protocol": "HTTP/1.1", "status": 200, "length": 162,
                       "http_request_body": base64.b64encode(b'{"id":1}\xff').decode()}),
        "http",
        {**ENDS, "method": "POST", "url": "/rpc", "host": "web.example", "user_agent": "XMRig/6.21.0", "status": 200,
         "bytes_out": 162, "request_body": b'{"id":1}\xff', "referer": "http://a.example/"},
    ),
    "http: a body in letters that can be printed": (
        event("http", {"hostname": "web.example", "url": "/", "http_method": "POST", "http_request_body_printable": '{"id":1}'}),
        "http", {"request_body": b'{"id":1}'},
    ),
    "http: no answer": (event("http", {"hostname": "web.example", "url": "/x", "http_method": "GET"}), "http", {"status": None}),
    "smb: a share refused": (
        event("smb", {"id": 3, "dialect": "3.11", "command": "SMB2_COMMAND_TREE_CONNECT", "status": "STATUS_ACCESS_DENIED",
                      "share": "\\\\srv\\C$"}, dest_port=445),
        "smb", {"action": "tree_connect", "version": "SMB3.1.1", "share": "\\\\srv\\C$", "status": "STATUS_ACCESS_DENIED", "answered": True},
    ),
    "smb: a pipe opened": (
        event("smb", {"dialect": "2.10", "command": "SMB2_COMMAND_CREATE", "status": "STATUS_SUCCESS", "filename": "svcctl"}),
        "smb", {"action": "file_open", "path": "svcctl", "version": "SMB2.1"},
    ),
    "smb: the old dialect": (
        event("smb", {"dialect": "NT LM 0.12", "command": "SMB1_COMMAND_NT_CREATE_ANDX", "status": "STATUS_SUCCESS"}),
        "smb", {"version": "SMB1", "action": "file_open"},
    ),
    "smb: who wants in": (
        event("smb", {"dialect": "3.11", "command": "SMB2_COMMAND_SESSION_SETUP",
                      "ntlmssp": {"domain": "CORP", "user": "admin", "host": "WS1"}}),
        "smb", {"action": "session_setup", "user": "admin", "domain": "CORP", "client_name": "WS1", "answered": False},
    ),
    "rdp: a request alone": (
        event("rdp", {"tx_id": 0, "event_type": "initial_request", "cookie": "hello"}, dest_port=3389),
        "rdp", {**ENDS, "dst_port": 3389, "cookie": "hello", "result": None, "answered": None},
    ),
    "ssh: met": (
        event("ssh", {"client": {"software_version": "Go"}, "server": {"software_version": "OpenSSH_9.2"}}, dest_port=22),
        "logon", {**ENDS, "dst_port": 22, "service": "ssh", "success": None},
    ),
    "alert: a client's packet": (
        event("alert", {"action": "allowed", "gid": 1, "signature_id": 2024792, "rev": 4, "signature": "EXAMPLE miner",
                        "category": "Crypto Currency Mining Activity Detected", "severity": 2},
              payload=base64.b64encode(b'{"method":"login"}').decode(), direction="to_server"),
        "alert",
        {**ENDS, "signature": "EXAMPLE miner", "signature_id": "2024792", "severity": 2, "payload": b'{"method":"login"}',
         "category": "Crypto Currency Mining Activity Detected"},
    ),
    "alert: a server's packet": (
        event("alert", {"signature": "x", "signature_id": 1}, direction="to_client", **BACK), "alert", ENDS,
    ),
    "alert: a server's packet with its flow": (  # since version 7 the flow tells its own ends
        event("alert", {"signature": "x", "signature_id": 1}, direction="to_client", **BACK,
              flow={"src_ip": "192.0.2.10", "dest_ip": "203.0.113.5", "src_port": 50000, "dest_port": 443}),
        "alert", ENDS,
    ),
    "alert: a payload that is not base64": (
        event("alert", {"signature": "x", "signature_id": 1}, payload="%%%", payload_printable="login.."),
        "alert", {"payload": b"login.."},
    ),
    "anomaly": (
        event("anomaly", {"type": "decode", "event": "decoder.ipv4.trunc_pkt"}),
        "alert", {"signature": "decoder.ipv4.trunc_pkt", "category": "anomaly: decode"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_an_event_becomes(name: str) -> None:
    said, table, meant = CASES[name]
    found = read(said)
    assert (found.rejects, found.rows) == ([], 1)
    (row,) = found.tables[table].to_pylist()
    assert {column: row[column] for column in meant} == meant


@pytest.mark.parametrize("name", CASES)
def test_in_any_order_with_more_fields_and_windows_line_ends(name: str) -> None:
    said, table, meant = CASES[name]
    turned = {"new_field": {"a": [1, {"b": None}]}, **dict(reversed(said.items())), "metadata": {"flowbits": ["x"]}}
    for data in (eve(turned).replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + eve(turned), eve(turned).rstrip(b"\n")):
        (row,) = read_all(SuricataEve(), data, "eve.json").tables[table].to_pylist()
        assert {column: row[column] for column in meant} == meant


@pytest.mark.parametrize("name", CASES)
def test_without_any_one_field_the_rest_is_kept(name: str) -> None:
    said, table, _ = CASES[name]
    for left_out in [one for one in said if one != "event_type"]:
        found = read({key: value for key, value in said.items() if key != left_out})
        assert found.rejects == [], left_out
        assert found.tables[table].num_rows == 1, left_out


@pytest.mark.parametrize("name", CASES)
def test_a_field_of_another_kind_costs_its_line_at_most_and_never_its_neighbours(name: str) -> None:
    said, table, _ = CASES[name]
    kind = said["event_type"]
    for wrong in ("text", 7, [], None, True):
        if kind not in said or kind == "rdp":  # events of one attempt are joined
            continue
        found = read(said, {**said, kind: wrong}, {**said, "flow_id": 2})
        made = [row["line"] for row in found.tables[table].to_pylist()]
        assert {1, 3} <= set(made), wrong
        assert len(made) + len(found.rejects) == 3, wrong


@pytest.mark.parametrize(
    "kind", ["stats", "fileinfo", "dhcp", "krb5", "mqtt", "drop", "snmp", "frame", "bittorrent_dht"]
)
def test_other_events_are_counted_and_passed_over(kind: str) -> None:
    found = read(event(kind, {"uptime": 7}))
    assert (found.rows, found.rejects, sum(table.num_rows for table in found.tables.values())) == (1, [], 0)


def test_the_events_of_one_remote_desktop_attempt_are_one_row() -> None:
    found = read(
        event("rdp", {"event_type": "initial_request", "cookie": "hello"}),
        event(
            "rdp", {"event_type": "initial_response", "server_supports": ["extended_client_data"], "protocol": "hybrid"}
        ),
        event("rdp", {"event_type": "tls_handshake", "x509_serials": ["16"]}),
        event("rdp", {"event_type": "initial_request", "cookie": "admin"}, flow_id=2),
        event(
            "rdp", {"event_type": "initial_response", "error_code": 2, "reason": "ssl required by server"}, flow_id=2
        ),
    )
    rows = [(row["line"], row["cookie"], row["security"], row["result"]) for row in found.tables["rdp"].to_pylist()]
    assert (found.rows, rows[0]) == (5, (1, "hello", "credssp", "encrypted"))
    assert rows[1][:2] + rows[1][3:] == (4, "admin", "refused")


def test_a_question_with_its_answer_is_one_row_and_others_stay() -> None:
    ask = {"type": "query", "id": 7, "rrname": "a.example", "rrtype": "A"}
    found = read(
        event("dns", ask, dest_port=53),
        event("dns", {**ask, "type": "answer", "rcode": "NOERROR"}, dest_port=53),
        event("dns", ask, dest_port=53, flow_id=2),
        event("dns", {**ask, "id": 8}, dest_port=53),
    )
    assert [(row["line"], row["rcode"]) for row in found.tables["dns"].to_pylist()] == [
        (2, "NOERROR"),
        (3, None),
        (4, None),
    ]


def test_halves_of_a_flow_are_one_connection() -> None:
    counts = {"start": "2026-01-10T00:00:00.000000+0000", "end": "2026-01-10T00:00:05.000000+0000", "age": 5}
    found = read(
        event("netflow", {"pkts": 10, "bytes": 1340, **counts}, tcp={"tcp_flags": "1b"}),
        event("netflow", {"pkts": 8, "bytes": 4112, **counts}, tcp={"tcp_flags": "1b"}, **BACK),
    )
    (row,) = found.tables["connection"].to_pylist()
    assert (row["src_ip"], row["src_bytes"], row["dst_bytes"], row["src_packets"], row["dst_packets"]) == (
        "192.0.2.10", 1340, 4112, 10, 8)  # fmt: skip
    assert (row["duration_us"], row["state"]) == (5_000_000, "SF")


@pytest.mark.parametrize(
    ("stamp", "meant"),
    [
        ("2026-01-10T00:00:00.250000+0000", WHEN),
        ("2026-01-10T09:00:00.250000+0900", WHEN),
        ("2026-01-10T05:30:00.250000+0530", WHEN),
        ("2026-01-09T20:30:00.250000-0330", WHEN),
        ("2026-01-10T00:00:00.250000Z", WHEN),
        ("2026-01-10T00:00:00.25+00:00", WHEN),
        ("1970-01-01T00:00:00.000000+0000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2099-12-31T23:59:59.999999+0000", datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2026-13-40T00:00:00.000000+0000", None),
        ("", None),
        (None, None),
    ],
)
def test_times_and_zones(stamp: str | None, meant: datetime | None) -> None:
    found = read(event("ssh", {}, timestamp=stamp))
    times = [row["time"] for row in found.tables["logon"].to_pylist()] if "logon" in found.tables else []
    assert times == [meant] or (meant is None and len(found.rejects) == 1 and not times)


def test_cut_at_any_byte_the_lines_before_are_kept_and_the_cut_is_counted() -> None:
    whole = eve(CASES["alert: a client's packet"][0])
    half = eve(CASES["tls: extended"][0]).rstrip(b"\n")
    for size in range(1, len(half) - 1):
        found = read_all(SuricataEve(), whole + half[:size], "eve.json")
        assert (found.tables["alert"].num_rows, [one.row for one in found.rejects]) == (1, [2]), half[:size]
        assert found.rejects[0].raw == half[:size]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b'"event_type"',
        b"null",
        b'{"event_type":7}',
        b"\x00" * 30,
        b'{"event_type":"tls"',
        b"Jan 10 09:00:00 x",
    ],
)
def test_what_is_no_event_is_refused_and_its_neighbours_stay(line: bytes) -> None:
    good = eve(CASES["tls: extended"][0])
    found = read_all(SuricataEve(), good + line + b"\n" + good, "eve.json")
    assert ([row["line"] for row in found.tables["tls"].to_pylist()], [one.row for one in found.rejects]) == (
        [1, 3],
        [2],
    )


@pytest.mark.parametrize("said", [{"version": "1", "sni": "Pool.Example.com", "ja3": {"hash": "x"}, "ja4": "q13d0310h3_a_b"},
                                  {"version": "1", "sni": "pool.example.com", "ja3": "x", "ja4": "q13d0310h3_a_b"}])  # fmt: skip
def test_quic_names_the_server_as_tls_does(said: Event) -> None:
    (row,) = read(event("quic", said, proto="UDP")).rows_of("tls")
    assert {name: row.get(name) for name in (*ENDS, "sni", "ja4", "version")} == {
        **ENDS, "sni": "pool.example.com", "ja4": "q13d0310h3_a_b", "version": None,
    }  # fmt: skip
