"""Each of Zeek's logs by the fields its script documents (docs.zeek.org, log files), as TSV and as JSON: the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from kanaria.formats.zeek import ZeekJson, ZeekTsv
from tests.reading_formats import Everything, read_all

Values = Mapping[str, Any]

TS = 1768003200.25
WHEN = datetime(2026, 1, 10, 0, 0, 0, 250_000, tzinfo=UTC)
OUT: Values = {"ts": TS, "uid": "CHhAvVGS1DHFjwGM9", "id.orig_h": "192.0.2.10", "id.orig_p": 50000,
               "id.resp_h": "203.0.113.5", "id.resp_p": 443}  # fmt: skip
ENDS = {"time": WHEN, "src_ip": "192.0.2.10", "src_port": 50000, "dst_ip": "203.0.113.5", "dst_port": 443}


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list):
        return ",".join(map(_cell, value)) or "(empty)"
    return f"{value:.6f}" if isinstance(value, float) else str(value).replace("\\", "\\\\")


def tsv(path: str, *rows: Values) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = f"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n#fields\t"
    lines = ["\t".join(_cell(row.get(name)) for name in names) for row in rows]
    return (head + "\t".join(names) + "\n" + "\n".join(lines) + "\n#close\t2026-01-10-01-00-00\n").encode()


def as_json(path: str, *rows: Values) -> bytes:
    """``LogAscii::use_json`` leaves out what is unset; ``json-streaming-logs`` adds the path."""
    kept = [{"_path": path, **{name: value for name, value in row.items() if value is not None}} for row in rows]
    return "".join(json.dumps(row) + "\n" for row in kept).encode()


def both(path: str, *rows: Values) -> tuple[Everything, Everything]:
    return read_all(ZeekTsv(), tsv(path, *rows), "x.log"), read_all(ZeekJson(), as_json(path, *rows), "x.log")


CASES: dict[str, tuple[str, Values, str, dict[str, Any]]] = {
    "conn: a whole connection": (
        "conn",
        {**OUT, "proto": "tcp", "service": "ssl", "duration": 3600.5, "orig_bytes": 1200, "resp_bytes": 64000,
         "conn_state": "SF", "missed_bytes": 0, "history": "ShADadFf", "orig_pkts": 20, "orig_ip_bytes": 2240,
         "resp_pkts": 60, "resp_ip_bytes": 67120, "tunnel_parents": []},
        "connection",
        {**ENDS, "transport": "tcp", "service": "tls", "duration_us": 3_600_500_000, "src_payload": 1200,
         "dst_payload": 64000, "src_bytes": 2240, "dst_bytes": 67120, "src_packets": 20, "dst_packets": 60,
         "state": "SF", "history": "ShADadFf", "open": False},
    ),
    "conn: nothing but a question": (
        "conn",
        {**OUT, "proto": "udp", "service": None, "duration": None, "orig_bytes": None, "resp_bytes": None, "conn_state": "S0"},
        "connection",
        {**ENDS, "transport": "udp", "service": None, "duration_us": None, "src_payload": None, "dst_payload": None,
         "state": "S0"},
    ),
    "conn: two services at once": (
        "conn", {**OUT, "proto": "tcp", "service": "http,ssl", "conn_state": "S1"}, "connection", {"service": "tls"},
    ),
    "conn: a service that was found to be none": (  # a leading minus: the analyzer confirmed and then gave up
        "conn", {**OUT, "proto": "tcp", "service": "ssl,-ssl", "conn_state": "S1"}, "connection", {"service": "tls"},
    ),
    "conn: ping, its kind and code in the place of ports": (
        "conn", {**OUT, "id.orig_p": 8, "id.resp_p": 0, "proto": "icmp", "conn_state": "OTH"},
        "connection", {"transport": "icmp", "src_port": 8, "dst_port": 0},
    ),
    "conn: ping of IPv6": (
        "conn",
        {**OUT, "id.orig_h": "2001:db8::10", "id.resp_h": "2001:db8::5", "id.orig_p": 128, "id.resp_p": 129, "proto": "icmp"},
        "connection", {"transport": "icmp6", "src_ip": "2001:db8::10", "dst_ip": "2001:db8::5"},
    ),
    "conn: counts beyond 32 bits": (
        "conn", {**OUT, "proto": "tcp", "orig_bytes": 5_000_000_000, "resp_ip_bytes": 9_007_199_254_740_993},
        "connection", {"src_payload": 5_000_000_000, "dst_bytes": 9_007_199_254_740_993},
    ),
    "dns: an answer with several records": (
        "dns",
        {**OUT, "id.resp_p": 53, "proto": "udp", "trans_id": 7, "rtt": 0.02, "query": "Pool.Example.COM", "qclass": 1,
         "qclass_name": "C_INTERNET", "qtype": 1, "qtype_name": "A", "rcode": 0, "rcode_name": "NOERROR", "AA": False,
         "TC": False, "RD": True, "RA": True, "Z": 0, "answers": ["edge.example.com", "203.0.113.9"],
         "TTLs": [300.0, 60.0], "rejected": False},
        "dns",
        {**ENDS, "dst_port": 53, "transport": "udp", "query": "pool.example.com", "query_type": "A", "rcode": "NOERROR",
         "answers": ["edge.example.com", "203.0.113.9"], "ttl": 60},
    ),
    "dns: no such name": (
        "dns", {**OUT, "proto": "udp", "query": "gone.example", "qtype_name": "AAAA", "rcode": 3, "rcode_name": "NXDOMAIN"},
        "dns", {"query": "gone.example", "query_type": "AAAA", "rcode": "NXDOMAIN", "answers": None, "ttl": None},
    ),
    "dns: no answer seen": (
        "dns", {**OUT, "proto": "tcp", "query": "a.example.", "qtype_name": "HTTPS"},
        "dns", {"transport": "tcp", "query": "a.example", "query_type": "HTTPS", "rcode": None},
    ),
    "ssl: a handshake that failed": (
        "ssl",
        {**OUT, "version": "TLSv10", "cipher": None, "server_name": "Pool.Example", "resumed": False,
         "last_alert": "unknown_ca", "next_protocol": None, "established": False},
        "tls", {**ENDS, "version": "TLSv1.0", "sni": "pool.example", "established": False, "alpn": None, "cipher": None},
    ),
    "ssl: TLS 1.3 without a certificate to be seen": (
        "ssl",
        {**OUT, "version": "TLSv13", "cipher": "TLS_AES_256_GCM_SHA384", "curve": "x25519", "server_name": None,
         "next_protocol": "h2", "established": True, "ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1"},
        "tls",
        {"version": "TLSv1.3", "sni": None, "alpn": ["h2"], "self_signed": None, "established": True,
         "cipher": "TLS_AES_256_GCM_SHA384", "ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    ),
    "ssl: a certificate that vouches for itself": (
        "ssl", {**OUT, "version": "TLSv12", "subject": "CN=pool", "issuer": "CN=pool", "established": True,
                "validation_status": "self signed certificate"},
        "tls", {"subject": "CN=pool", "issuer": "CN=pool", "self_signed": True},
    ),
    "ssl: a certificate of an authority": (
        "ssl", {**OUT, "version": "TLSv12", "subject": "CN=web.example", "issuer": "CN=Example CA", "established": True},
        "tls", {"self_signed": False},
    ),
    "http: a request with all its parts": (
        "http",
        {**OUT, "id.resp_p": 8080, "trans_depth": 2, "method": "POST", "host": "web.example", "uri": "/api?x=1",
         "referrer": "http://a.example/", "version": "1.1", "user_agent": "curl/8", "request_body_len": 17,
         "response_body_len": 4096, "status_code": 404, "status_msg": "Not Found", "username": "ann", "password": None,
         "tags": []},
        "http",
        {**ENDS, "dst_port": 8080, "method": "POST", "url": "/api?x=1", "host": "web.example", "protocol": "HTTP/1.1",
         "status": 404, "bytes_out": 4096, "bytes_in": 17, "referer": "http://a.example/", "user_agent": "curl/8",
         "user": "ann", "request": b"POST /api?x=1 HTTP/1.1"},
    ),
    "http: an answer whose request was not seen": (
        "http", {**OUT, "method": None, "uri": None, "status_code": 200, "response_body_len": 5},
        "http", {"method": None, "url": None, "request": None, "status": 200, "bytes_out": 5},
    ),
    "http: mined through JSON-RPC by an old client": (
        "http", {**OUT, "method": "POST", "uri": "/", "version": "1.0", "user_agent": "cpuminer/2.5.1", "status_code": 200},
        "http", {"user_agent": "cpuminer/2.5.1", "protocol": "HTTP/1.0", "request": b"POST / HTTP/1.0"},
    ),
    "rdp: encrypted after a cookie": (
        "rdp",
        {**OUT, "id.resp_p": 3389, "cookie": "hello", "result": "encrypted", "security_protocol": "HYBRID",
         "client_channels": None, "keyboard_layout": None, "client_build": None, "client_name": None, "cert_count": 0},
        "rdp", {**ENDS, "dst_port": 3389, "cookie": "hello", "result": "encrypted", "security": "credssp", "answered": True},
    ),
    "rdp: no answer": (
        "rdp", {**OUT, "cookie": "admin", "result": None, "security_protocol": None},
        "rdp", {"cookie": "admin", "result": None, "security": None, "answered": False},
    ),
    "rdp: refused with its reason": (
        "rdp", {**OUT, "cookie": "admin", "result": "SSL_NOT_ALLOWED_BY_SERVER"},
        "rdp", {"result": "refused", "answered": True},
    ),
    "smb_files: a file opened": (
        "smb_files",
        {**OUT, "id.resp_p": 445, "fuid": None, "action": "SMB::FILE_OPEN", "path": "\\\\srv\\ADMIN$", "name": "x.exe", "size": 0},
        "smb", {**ENDS, "dst_port": 445, "action": "file_open", "share": "\\\\srv\\ADMIN$", "path": "x.exe", "answered": True},
    ),
    "smb_mapping: a share": (
        "smb_mapping", {**OUT, "path": "\\\\srv\\IPC$", "service": "IPC", "share_type": "PIPE"},
        "smb", {"action": "tree_connect", "share": "\\\\srv\\IPC$", "answered": True},
    ),
    "dce_rpc: a service made": (
        "dce_rpc", {**OUT, "rtt": 0.001, "named_pipe": "\\pipe\\svcctl", "endpoint": "svcctl", "operation": "CreateServiceW"},
        "smb", {"action": "svcctl::CreateServiceW", "path": "\\pipe\\svcctl"},
    ),
    "ntlm: a logon over SMB": (
        "ntlm",
        {**OUT, "id.resp_p": 445, "username": "administrator", "hostname": "WS1", "domainname": "CORP", "success": False},
        "logon", {"service": "smb", "user": "administrator", "domain": "CORP", "client_name": "WS1", "success": False,
                  "method": "ntlm"},
    ),
    "ntlm: over another service, not known how it went": (
        "ntlm", {**OUT, "id.resp_p": 8080, "username": "ann", "success": None},
        "logon", {"service": "windows", "user": "ann", "success": None},
    ),
    "ssh: got in": (
        "ssh", {**OUT, "id.resp_p": 22, "version": 2, "auth_success": True, "auth_attempts": 2, "direction": None,
                "client": "SSH-2.0-Go", "server": "SSH-2.0-OpenSSH_9.2"},
        "logon", {**ENDS, "dst_port": 22, "service": "ssh", "success": True},
    ),
    "ssh: not known": ("ssh", {**OUT, "version": 2, "auth_success": None, "auth_attempts": 0}, "logon", {"success": None}),
    "kerberos: a wrong password": (
        "kerberos",
        {**OUT, "id.resp_p": 88, "request_type": "AS", "client": "ann/CORP.EXAMPLE", "service": "krbtgt/CORP.EXAMPLE",
         "success": False, "error_msg": "KDC_ERR_PREAUTH_FAILED"},
        "logon", {"service": "kerberos", "method": "kerberos", "user": "ann", "domain": "CORP.EXAMPLE", "success": False,
                  "reason": "KDC_ERR_PREAUTH_FAILED"},
    ),
    "notice: with its connection": (
        "notice",
        {**OUT, "note": "SSH::Password_Guessing", "msg": "192.0.2.10 appears to be guessing SSH passwords", "sub": "Sampled: x",
         "src": "192.0.2.10", "dst": None, "p": None, "actions": ["Notice::ACTION_LOG"], "suppress_for": 3600.0},
        "alert", {**ENDS, "signature": "SSH::Password_Guessing", "category": "SSH"},
    ),
    "notice: with addresses of its own": (
        "notice",
        {"ts": TS, "note": "Scan::Port_Scan", "msg": "m", "src": "198.51.100.7", "dst": "192.0.2.1", "p": 22},
        "alert", {"src_ip": "198.51.100.7", "dst_ip": "192.0.2.1", "dst_port": 22, "category": "Scan", "payload": b"m"},
    ),
    "notice: that says nothing more": (
        "notice", {"ts": TS, "note": "Weird::Activity"}, "alert", {"signature": "Weird::Activity", "payload": None},
    ),
    "known_services: what a host offers": (
        "known_services", {"ts": TS, "host": "192.0.2.20", "port_num": 3333, "port_proto": "tcp", "service": ["HTTP"]},
        "host", {"time": WHEN, "dst_ip": "192.0.2.20", "dst_port": 3333, "kind": "listen", "process": "http"},
    ),
    "software: what a host called itself": (
        "software",
        {"ts": TS, "host": "192.0.2.10", "host_p": None, "software_type": "HTTP::BROWSER", "name": "XMRig",
         "version.major": 6, "unparsed_version": "XMRig/6.21.0"},
        "alert", {"src_ip": "192.0.2.10", "signature": "XMRig/6.21.0", "category": "Software"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_tsv_and_json_say_the_same_and_mean_it(name: str) -> None:
    path, values, table, meant = CASES[name]
    for found in both(path, values):
        assert (found.rejects, found.rows) == ([], 1)
        (row,) = found.tables[table].to_pylist()
        assert {column: row[column] for column in meant} == meant


@pytest.mark.parametrize("name", CASES)
def test_in_any_order_with_more_columns_and_windows_line_ends(name: str) -> None:
    path, values, table, _ = CASES[name]
    plain = read_all(ZeekTsv(), tsv(path, values), "x.log").tables[table]
    turned = {"extra.before": "x", **dict(reversed(list(values.items()))), "extra_behind": [1, 2]}
    for data in (tsv(path, turned), tsv(path, turned).replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + tsv(path, values)):
        found = read_all(ZeekTsv(), data, "x.log")
        assert found.rejects == []
        given = [name for name in plain.column_names if name not in ("event_id", "raw")]
        assert found.tables[table].select(given).equals(plain.select(given))


@pytest.mark.parametrize("name", CASES)
def test_a_field_that_is_not_there_is_null_and_costs_nothing_else(name: str) -> None:
    path, values, table, meant = CASES[name]
    whole = {name: value for name, value in values.items() if name != "uid"}
    for left_out in [one for one in whole if one != "ts"]:
        found = read_all(ZeekJson(), as_json(path, {k: v for k, v in values.items() if k != left_out}), "x.log")
        assert found.rejects == [], left_out
        (row,) = found.tables[table].to_pylist()
        kept = sum(row[column] == value for column, value in meant.items())
        assert kept >= len(meant) - 3, left_out


@pytest.mark.parametrize(
    "path", ["weird", "files", "x509", "stats", "capture_loss", "dhcp", "known_hosts", "telemetry"]
)
def test_logs_of_no_interest_are_read_and_passed_over(path: str) -> None:
    for found in both(path, {**OUT, "name": "above_hole_data_without_any_acks"}):
        assert (found.rows, found.rejects, sum(table.num_rows for table in found.tables.values())) == (1, [], 0)


@pytest.mark.parametrize(
    ("ts", "meant"),
    [
        ("1768003200.250000", WHEN),
        ("1768003200", WHEN.replace(microsecond=0)),
        ("1768003200.2", WHEN.replace(microsecond=200_000)),
        ("1768003200.1234561", WHEN.replace(microsecond=123_456)),
        ("0.000000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("4070908800.000000", datetime(2099, 1, 1, tzinfo=UTC)),
        ("1483228799.999999", datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),  # before a leap second
        ("-", None),
        ("yesterday", None),
        ("1e400", None),
        ("nan", None),
    ],
)
def test_times(ts: str, meant: datetime | None) -> None:
    text = tsv("conn", {**OUT, "ts": ts, "proto": "tcp"})
    found = read_all(ZeekTsv(), text, "x.log")
    times = [row["time"] for row in found.tables["connection"].to_pylist()] if "connection" in found.tables else []
    assert found.rows == 1
    assert times == [meant] or (meant is None and len(found.rejects) == 1 and not times)


@pytest.mark.parametrize(
    ("ts", "meant"),
    [
        (TS, WHEN),
        (1768003200250, WHEN),  # JSON::TS_MILLIS
        ("2026-01-10T00:00:00.250000Z", WHEN),  # JSON::TS_ISO8601
        ("2026-01-10T09:00:00.250000+0900", WHEN),
        ("2026-01-10T05:30:00.25+05:30", WHEN),
        ("2099-01-01T00:00:00Z", datetime(2099, 1, 1, tzinfo=UTC)),
        (None, None),
        ("soon", None),
    ],
)
def test_times_in_json(ts: object, meant: datetime | None) -> None:
    found = read_all(ZeekJson(), as_json("conn", {**OUT, "ts": ts, "proto": "tcp"}), "x.log")
    times = [row["time"] for row in found.tables["connection"].to_pylist()] if "connection" in found.tables else []
    assert times == [meant] or (meant is None and len(found.rejects) == 1 and not times)


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_cut_at_any_byte_only_the_last_line_is_lost_and_it_is_counted(broken: int) -> None:
    rows = [{**OUT, "proto": "tcp", "orig_bytes": 100 + number, "conn_state": "SF"} for number in range(3)]
    data = as_json("conn", *rows)
    lines = data.splitlines(keepends=True)
    before = sum(map(len, lines[: broken - 1]))
    for size in range(before + 1, before + len(lines[broken - 1]) - 1):
        found = read_all(ZeekJson(), data[:size], "x.log")
        made = found.tables["connection"].num_rows if "connection" in found.tables else 0
        assert (made, [reject.row for reject in found.rejects]) == (broken - 1, [broken])


@pytest.mark.parametrize(
    ("cell", "meant"),
    [("-5", None), ("99999999999999999999999", None), ("12.7", None), ("", None), ("１２", None)],
)
def test_a_count_that_is_none_costs_its_cell_or_its_line_and_is_never_another_number(
    cell: str, meant: int | None
) -> None:
    good = {**OUT, "proto": "tcp", "orig_bytes": "7"}
    found = read_all(ZeekTsv(), tsv("conn", good, {**good, "orig_bytes": cell}), "x.log")
    values = [row["src_payload"] for row in found.tables["connection"].to_pylist()]
    assert values[0] == 7
    assert values[1:] in ([], [meant], [-5] if cell == "-5" else [meant])
    assert len(values) + len(found.rejects) == 2


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("\\\\srv\\IPC$", "\\\\srv\\IPC$"),  # JSON's own escaping is all there is to a backslash
        ("\\\\xray\\C$", "\\\\xray\\C$"),
        ("caf\\xe9", "caf\\xe9"),  # what is no UTF-8 is written so and stays so
        ("caf\\xc3\\xa9", "café"),
        ("日本", "日本"),
        ("\\", "\\"),
    ],
)
def test_backslashes_in_json(written: str, meant: str) -> None:
    found = read_all(ZeekJson(), as_json("smb_mapping", {**OUT, "path": written}), "x.log")
    assert found.tables["smb"].to_pylist()[0]["share"] == meant
