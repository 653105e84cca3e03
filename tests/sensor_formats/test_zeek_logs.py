"""What Zeek logs look like in the wild: headers, field subsets, mixtures, names; and real ones read completely."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kanaria.core.stream import Format
from kanaria.formats.netflow_csv import FlowCsv
from kanaria.formats.zeek import ZeekJson, ZeekTsv
from kanaria.formats.zeek_fields import guess_path, path_from_name, unescape
from kanaria.formats.zeek_tables import tls_version

ENDS = "id.orig_h\tid.orig_p\tid.resp_h\tid.resp_p"
FLOW = "192.0.2.10\t50000\t203.0.113.5\t443"
_Read = Callable[..., object]


def rows(read: _Read, text: str, name: str = "x.log", table: str = "connection") -> list[dict[str, object]]:
    known = ZeekJson() if text.startswith("{") else ZeekTsv()
    return read(known, text.encode(), name).rows_of(table)  # type: ignore[attr-defined, no-any-return]


def test_any_subset_and_order_of_fields(read: _Read) -> None:
    (row,) = rows(read, f"#fields\tresp_bytes\t{ENDS}\tproto\tts\n5\t{FLOW}\ttcp\t1768003200.5\n", "conn.log")
    assert (row["dst_payload"], row["src_ip"], row["transport"]) == (5, "192.0.2.10", "tcp")
    assert "src_payload" not in row


@pytest.mark.parametrize("separator", [",", "|", ";"])
def test_other_separators(read: _Read, separator: str) -> None:
    text = f"#path\tconn\n#fields\tts\t{ENDS}\tproto\tservice\n1.0\t{FLOW}\ttcp\t-\n".replace("\t", separator)
    (row,) = rows(read, f"#separator \\x{ord(separator):02x}\n" + text)
    assert row["dst_port"] == 443


def test_mangled_separator_and_trailing_tabs(read: _Read) -> None:
    text = f"#separator \t\n#path\tconn\n#fields\tts\t{ENDS}\tproto\n1.0\t{FLOW}\ttcp\t\n"
    assert len(rows(read, text)) == 1


@pytest.mark.parametrize("separator", ["Ü", "\\x0a", "\\x00", ""])
def test_a_separator_that_cannot_be_one_is_taken_for_a_tab(read: _Read, separator: str) -> None:
    text = f"#separator {separator}\n#set_separator\t\n#path\tconn\n#fields\tts\t{ENDS}\tproto\ttunnel_parents\n"
    (row,) = rows(read, text + f"1.0\t{FLOW}\ttcp\ta,b\n")
    assert (row["dst_port"], row["transport"]) == (443, "tcp")


def test_a_separator_changed_to_nonsense_later(read: _Read) -> None:
    text = f"#path\tconn\n#fields\tts\t{ENDS}\tproto\n1.0\t{FLOW}\ttcp\n#separator Ü\n2.0\t{FLOW}\ttcp\n"
    assert len(rows(read, text)) == 2


def test_own_unset_and_empty_words(read: _Read) -> None:
    head = "#separator \\x09\n#unset_field\tnone\n#empty_field\tnothing\n#path\tconn\n"
    (row,) = rows(read, head + f"#fields\tts\t{ENDS}\tproto\thistory\tconn_state\n1.0\t{FLOW}\ttcp\tnone\tnothing\n")
    assert "history" not in row
    assert row["state"] == ""


def test_a_log_without_its_header_is_rejected_line_by_line(read: _Read) -> None:
    found = read(ZeekTsv(), f"1.0\tC1\t{FLOW}\n#fields\tts\t{ENDS}\tproto\n1.0\t{FLOW}\ttcp\n".encode(), "conn.log")
    assert [(reject.row, found.rows) for reject in found.rejects] == [(1, 2)]  # type: ignore[attr-defined]
    assert found.rows_of("connection")[0]["line"] == 3  # type: ignore[attr-defined]


def test_a_header_without_any_field_of_the_log_costs_its_lines(read: _Read) -> None:
    text = f"#path\tconn\n#fields\tzz\n1\n2\n#fields\tts\t{ENDS}\tproto\n1.0\t{FLOW}\ttcp\n"
    found = read(ZeekTsv(), text.encode(), "conn.log")
    assert [(reject.row, "got none of them" in reject.reason) for reject in found.rejects] == [(3, True), (4, True)]  # type: ignore[attr-defined]
    assert found.rows == 3  # type: ignore[attr-defined]
    assert found.rows_of("connection")[0]["line"] == 6  # type: ignore[attr-defined]


def test_open_logs_say_that_the_flow_goes_on(read: _Read) -> None:
    body = f"#fields\tts\t{ENDS}\tproto\n1.0\t{FLOW}\ttcp\n"
    assert rows(read, "#path\topen_conn\n" + body)[0]["open"] is True
    assert rows(read, "#path\tconn\n" + body, "open_conn.18:00:00-19:00:00.log.gz")[0]["open"] is True
    assert rows(read, "#path\tconn\n" + body)[0]["open"] is False


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("conn.log", "conn"), ("/logs/current/dns.log", "dns"), ("open_ssl.17_37_07-18_00_00.log.gz", "open_ssl"),
        ("conn-summary.00:00:00.log", "conn-summary"), ("http_20260110.log", "http"), ("smb_mapping.log", "smb_mapping"),
        ("known_services.log", "known_services"), ("connect.log", None), ("access.log", None),
    ],
)  # fmt: skip
def test_file_names(name: str, path: str | None) -> None:
    assert path_from_name(name) == path


def test_json_without_path_is_known_by_its_keys(read: _Read) -> None:
    base = {"ts": 1.5, "uid": "C", "id.orig_h": "192.0.2.1", "id.orig_p": 1, "id.resp_h": "192.0.2.2", "id.resp_p": 53}
    query = json.dumps({**base, "proto": "udp", "query": "example.com", "qtype_name": "A", "rcode_name": "NOERROR"})
    assert rows(read, query, "anything.json", "dns")[0]["query"] == "example.com"
    flow = json.dumps({**base, "proto": "udp", "conn_state": "SF", "orig_bytes": 4})
    assert rows(read, flow, "files.json")[0]["state"] == "SF"
    assert guess_path(["ts", "uid", "nothing"]) is None


def test_json_endpoints_nested_or_with_underscores(read: _Read) -> None:
    ends = {"orig_h": "192.0.2.1", "orig_p": 1, "resp_h": "192.0.2.2", "resp_p": 53}
    nested = json.dumps({"_path": "conn", "ts": 1.5, "id": ends, "proto": "udp"})
    flat = json.dumps(
        {"_path": "conn", "ts": 1.5, "proto": "udp", **{f"id_{key}": value for key, value in ends.items()}}
    )
    for text in (nested, flat):
        (row,) = rows(read, text)
        assert (row["src_ip"], row["dst_port"], row["transport"]) == ("192.0.2.1", 53, "udp")


def test_one_broken_json_line_costs_only_itself(read: _Read) -> None:
    good = json.dumps({"_path": "conn", "ts": 1.5, "id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2", "proto": "udp"})
    found = read(ZeekJson(), f'{good}\n{good[:-9]}\n{good} {good}\n\n{good}\n"x"\n'.encode())
    assert [row["line"] for row in found.rows_of("connection")] == [1, 5]  # type: ignore[attr-defined]
    assert [reject.row for reject in found.rejects] == [2, 3, 6]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "meant"),
    [("caf\\xc3\\xa9", "café"), ("\\xff", "\\xff"), ("a\\\\b", "a\\b"), ("日本\\x20語", "日本 語"), ("\\q", "\\q")],
)
def test_escapes(text: str, meant: str) -> None:
    assert unescape(text) == meant


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("TLSv12", "TLSv1.2"),
        ("TLS 1.3", "TLSv1.3"),
        ("SSLv3", "SSLv3"),
        ("TLSv10", "TLSv1.0"),
        ("DTLSv12", "DTLSv12"),
        ("unknown-64282", "unknown-64282"),
    ],
)
def test_tls_versions(said: str, ours: str) -> None:
    assert tls_version(said) == ours


def test_tls_rows_link_to_their_connection(read: _Read) -> None:
    conn = rows(read, f"#path\tconn\n#fields\tts\t{ENDS}\tproto\n1.0\t{FLOW}\ttcp\n")
    ssl = rows(read, f"#path\tssl\n#fields\tts\t{ENDS}\tserver_name\n1.0\t{FLOW}\tExample.com\n", "ssl.log", "tls")
    assert conn[0]["community_id"] == ssl[0]["community_id"]
    assert ssl[0]["sni"] == "example.com"


# --- real logs --------------------------------------------------------------------------------------------------------


def _data() -> Path:
    folder = os.environ.get("KANARIA_DATA")
    if not folder:
        pytest.skip("KANARIA_DATA is not set")
    return Path(folder)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["zeek-homelab", "scan/slips"])
def test_every_line_of_real_logs_is_read(read: _Read, folder: str) -> None:
    files = sorted(path for path in (_data() / folder).rglob("*") if ".log" in path.name)
    if not files:
        pytest.skip(f"no logs below {folder}")
    read_completely = 0
    for path in files:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        candidates: tuple[Format, ...] = (ZeekTsv(), ZeekJson())
        known = max(candidates, key=lambda one: one.sniff(data[: 256 << 10], str(path)))
        if known.sniff(data[: 256 << 10], str(path)) == 0:
            assert path.name.startswith("conn-summary")
            continue
        found = read(known, data, str(path))
        count = sum(1 for line in data.splitlines() if line.strip() and not line.startswith(b"#"))
        made = sum(table.num_rows for table in found.tables.values())  # type: ignore[attr-defined]
        assert (found.rows, found.rejects) == (count, [])  # type: ignore[attr-defined]
        assert made in (0, count)
        read_completely += made == count
    assert read_completely >= len(files) // 3


@pytest.mark.data
def test_real_flow_records(read: _Read) -> None:
    files = [*_data().rglob("*.binetflow"), *_data().rglob("miner22-sampled.csv")]
    if not files:
        pytest.skip("no flow records in the data")
    for path in files:
        data = path.read_bytes()
        found = read(FlowCsv(), data, path.name)
        assert FlowCsv().sniff(data[: 256 << 10], path.name) > 0.5
        assert found.rejects == []  # type: ignore[attr-defined]
        assert found.tables["connection"].num_rows == len(data.splitlines()) - 1  # type: ignore[attr-defined]
        assert found.tables["connection"]["time"].null_count == 0  # type: ignore[attr-defined]
