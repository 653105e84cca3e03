"""Layouts that are data, by their makers' manuals: what each field means, in which unit and zone; and how a file may look.

PAN-OS: traffic log fields. FortiOS: log reference. CEF: ArcSight's implementation standard. AWS: VPC flow log records.
Junos: structured system logs. Windows: the firewall's log. Every layout's sample is also read as other tools hand it on.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kanaria.core.stream import ReadContext
from kanaria.core.zone import LocalTime
from kanaria.formats import mapped
from kanaria.formats.mapped.layout import load
from kanaria.formats.mapped.mapped import Mapped
from tests.reading_formats import Everything, read_all

GOLDEN = Path(__file__).parent / "golden"
NAMES = [place.rpartition(":")[2] for place in mapped.places()]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NINE = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
IN, OUT = "192.0.2.10", "203.0.113.5"
ENDS = {"src_ip": IN, "src_port": 50000, "dst_ip": OUT, "dst_port": 3333}
COUNTS = {"src_bytes": 1340, "dst_bytes": 4112}


def read(name: str, data: bytes, **context: Any) -> Everything:
    return read_all(Mapped(load(name)), data, "sample.log", ReadContext(**{"now": NOW, **context}))


def pan(**changes: str) -> str:
    """A TRAFFIC line in the order of the manual."""
    names = (
        "future receive_time serial type subtype future2 generated src dst natsrc natdst rule srcuser dstuser app vsys from to "
        "in_if out_if log_action future3 session repeat sport dport natsport natdport flags proto action bytes sent received "
        "packets start elapsed category future4 seqno actionflags srcloc dstloc future5 pkts_sent pkts_received end_reason"
    ).split()
    values = {
        "future": "1", "receive_time": "2026/01/10 09:00:05", "serial": "0001", "type": "TRAFFIC", "subtype": "end",
        "generated": "2026/01/10 09:00:00", "src": IN, "dst": OUT, "natsrc": "198.51.100.1", "natdst": OUT, "rule": "out",
        "app": "ssl", "vsys": "vsys1", "from": "trust", "to": "untrust", "session": "7", "repeat": "1", "sport": "50000",
        "dport": "3333", "natsport": "1", "natdport": "3333", "flags": "0x400053", "proto": "tcp", "action": "allow",
        "bytes": "5452", "sent": "1340", "received": "4112", "packets": "18", "start": "2026/01/10 08:00:00",
        "elapsed": "3600", "category": "any", "seqno": "1", "actionflags": "0x0", "srcloc": "JP", "dstloc": "SG",
        "pkts_sent": "10", "pkts_received": "8", "end_reason": "tcp-fin", **changes,
    }  # fmt: skip
    return ",".join(values.get(name, "") for name in names)


def forti(**changes: str) -> str:
    values = {
        "date": "2026-01-10", "time": "18:00:00", "devname": '"fw"', "devid": '"FGT1"', "eventtime": "1768035600000000000",
        "tz": '"+0900"', "logid": '"0000000013"', "type": '"traffic"', "subtype": '"forward"', "level": '"notice"', "vd": '"root"',
        "srcip": IN, "srcport": "50000", "srcintf": '"lan 1"', "dstip": OUT, "dstport": "3333", "sessionid": "7", "proto": "6",
        "action": '"close"', "policyid": "1", "service": '"tcp/3333"', "duration": "3600", "sentbyte": "1340",
        "rcvdbyte": "4112", "sentpkt": "10", "rcvdpkt": "8", **changes,
    }  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in values.items() if value)


JUNOS = (
    '<14>1 2026-01-10T18:00:00.000+09:00 srx RT_FLOW - RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.40 reason="TCP FIN" '
    f'source-address="{IN}" source-port="50000" destination-address="{OUT}" destination-port="3333" connection-tag="0" '
    'service-name="None" nat-source-address="198.51.100.1" nat-source-port="1" nat-destination-address="203.0.113.5" '
    'nat-destination-port="3333" protocol-id="6" policy-name="out" source-zone-name="trust" destination-zone-name="untrust" '
    'session-id="7" packets-from-client="10" bytes-from-client="1340" packets-from-server="8" bytes-from-server="4112" '
    'elapsed-time="3600" application="UNKNOWN"]'
)
VPC = f"2 123456789010 eni-0a1 {IN} {OUT} 50000 3333 6 10 1340 1768035600 1768035660 ACCEPT OK"
VPC_BACK = f"2 123456789010 eni-0a1 {OUT} {IN} 3333 50000 6 8 4112 1768035600 1768035660 ACCEPT OK"
PFIREWALL = (
    "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n"
    "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n"
)

SAID: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "pan-os, the end of a session": ("paloalto", pan(), "connection", {**ENDS, **COUNTS, "src_packets": 10, "dst_packets": 8, "transport": "tcp",
                                     "duration_us": 3_600_000_000}),
    "pan-os over IPv6": ("paloalto", pan(src="2001:db8::10", dst="2001:db8::5", proto="udp"), "connection", {"src_ip": "2001:db8::10", "transport": "udp"}),
    "pan-os through syslog": ("paloalto", "<14>Jan 10 09:00:05 fw " + pan(), "connection", {**ENDS, **COUNTS}),
    "fortios": ("fortigate", forti(), "connection", {**ENDS, **COUNTS, "src_packets": 10, "dst_packets": 8, "transport": "tcp",
                "duration_us": 3_600_000_000}),
    "fortios through syslog": ("fortigate", "<189>" + forti(), "connection", {**ENDS, **COUNTS}),
    "fortios, udp": ("fortigate", forti(proto="17", dstport="53", service='"DNS"'), "connection", {"transport": "udp", "dst_port": 53}),
    "fortios, icmp": ("fortigate", forti(proto="1", dstport="0", srcport="0"), "connection", {"transport": "icmp"}),
    "fortios, counts of a long session": ("fortigate", forti(sentbyte="99999999999", duration="8640000"), "connection",
                                          {"src_bytes": 99_999_999_999, "duration_us": 8_640_000_000_000}),
    "junos": ("junos-srx", JUNOS, "connection", {**ENDS, **COUNTS, "src_packets": 10, "dst_packets": 8, "transport": "tcp", "duration_us": 3_600_000_000}),
    "aws, both directions": ("aws-vpc", f"{VPC}\n{VPC_BACK}", "connection", {**ENDS, **COUNTS, "src_packets": 10, "dst_packets": 8, "transport": "tcp",
                             "time": NINE, "duration_us": 60_000_000}),
    "windows firewall": ("pfirewall", f"{PFIREWALL}2026-01-10 09:00:00 DROP TCP {IN} {OUT} 50000 3333 60 S 1234 0 64240 - - - RECEIVE", "connection",
                         {**ENDS, "transport": "tcp", "state": "S0"}),
    "windows firewall, udp": ("pfirewall", f"{PFIREWALL}2026-01-10 09:00:00 ALLOW UDP {IN} {OUT} 50000 53 0 - - - - - - - SEND", "connection",
                              {"transport": "udp", "dst_port": 53}),
    "cef": ("cef", f"CEF:0|A|B|1.0|100|Miner \\| found|8|rt=1768035600000 src={IN} spt=50000 dst={OUT} dpt=3333 proto=TCP act=blocked "
            "msg=a\\=b c cs1Label=x cs1=y", "alert", {**ENDS, "signature": "Miner | found", "time": NINE}),
    "cef through syslog": ("cef", f"<134>Jan 10 09:00:00 host CEF:0|A|B|1.0|100|Miner found|8|src={IN} spt=50000 dst={OUT} dpt=3333", "alert",
                           {**ENDS, "signature": "Miner found"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_the_manual_means(name: str) -> None:
    layout, text, table, meant = SAID[name]
    found = read(layout, f"{text}\n".encode())
    assert found.rejects == []
    (row,) = found.tables[table].to_pylist()
    assert {column: row[column] for column in meant} == meant


TIMES: dict[str, tuple[str, str, datetime]] = {
    "fortios, nanoseconds": ("fortigate", forti(), NINE),
    "fortios 6.0, seconds": ("fortigate", forti(eventtime="1768035600"), NINE),
    "fortios, microseconds": ("fortigate", forti(eventtime="1768035600250000"), NINE + timedelta(microseconds=250_000)),
    "junos, with its zone": ("junos-srx", JUNOS, NINE),
    "junos, half an hour": ("junos-srx", JUNOS.replace("18:00:00.000+09:00", "14:30:00.000+05:30"), NINE),
    "cef, milliseconds": ("cef", f"CEF:0|A|B|1|1|n|5|rt=1768035600250 src={IN}", NINE + timedelta(microseconds=250_000)),
    "cef, written out": ("cef", f"CEF:0|A|B|1|1|n|5|rt=Jan 10 2026 09:00:00 src={IN}", NINE),
    "cef, with its zone": ("cef", f"CEF:0|A|B|1|1|n|5|rt=Jan 10 2026 18:00:00 +0900 src={IN}", NINE),
    "cef, with the name of its zone": ("cef", f"CEF:0|A|B|1|1|n|5|rt=Jan 10 2026 09:00:00.000 UTC src={IN}", NINE),
    "cef, written out with parts of a second": ("cef", f"CEF:0|A|B|1|1|n|5|rt=Jan 10 2026 09:00:00.250 src={IN}", NINE + timedelta(microseconds=250_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_times(name: str) -> None:
    layout, text, meant = TIMES[name]
    found = read(layout, f"{text}\n".encode())
    (table,) = found.tables.values()
    assert table["time"].to_pylist() == [meant]


@pytest.mark.parametrize(("layout", "text"), [("paloalto", pan()), ("pfirewall", SAID["windows firewall"][1])])
def test_local_times_are_of_the_zone_that_is_told(layout: str, text: str) -> None:
    here, tokyo = (
        read(layout, f"{text}\n".encode(), **more).tables["connection"]["time"].to_pylist()[0]
        for more in ({}, {"zone": LocalTime(ZoneInfo("Asia/Tokyo"))})
    )
    assert here - tokyo == timedelta(hours=9)


@pytest.mark.parametrize(
    ("layout", "line", "meant"),
    [
        ("clamav", "Sat Jan 10 09:00:00 2026 -> /tmp/c: Multios.Coinminer.Miner-1 FOUND", NINE),  # clamd with LogTime
        ("clamav", "Jan 10 09:00:00 srv clamd[7]: /tmp/c: Multios.Coinminer.Miner-1 FOUND", NINE),
        (
            "maltrail",
            f'"2026-01-10 09:00:00.000000" s1 {IN} 50000 {OUT} 3333 TCP IP {OUT} "crypto mining" (static)',
            NINE,
        ),
        ("cef", f"CEF:0|A|B|1|1|n|5|rt=Jan 10 2026 09:00:00 src={IN}", NINE),
    ],
)
def test_clocks_on_the_wall_are_of_the_zone_that_is_told(layout: str, line: str, meant: datetime) -> None:
    for zone, off in (("UTC", 0), ("Asia/Tokyo", 9), ("Asia/Kolkata", 5.5)):
        (table,) = read(layout, f"{line}\n".encode(), zone=LocalTime(ZoneInfo(zone))).tables.values()
        assert table["time"].to_pylist() == [meant - timedelta(hours=off)]


@pytest.mark.parametrize("word", ["NODATA", "SKIPDATA"])
def test_a_window_without_flows_is_no_flow(word: str) -> None:
    """AWS: the fields are ``-`` where nothing was recorded, or where records were skipped."""
    line = f"2 123456789010 eni-0a1 - - - - - - - 1768035600 1768035660 - {word}"
    found = read("aws-vpc", f"{VPC}\n{line}\n".encode())
    assert found.tables["connection"].num_rows == 1
    assert found.rows == 2


# --- how a file may look, whatever the layout -----------------------------------------------------------------------------


def _kept(found: Everything) -> dict[str, list[dict[str, Any]]]:
    """Rows without what the bytes themselves decide."""
    left_out = ("event_id", "raw", "line", "fields")
    return {
        name: [{key: value for key, value in row.items() if key not in left_out} for row in table.to_pylist()]
        for name, table in sorted(found.tables.items())
    }


def _sample(name: str) -> bytes:
    return (GOLDEN / f"{name}.sample").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_windows_line_ends_change_nothing(name: str) -> None:
    plain = _sample(name).replace(b"\r\n", b"\n")
    assert _kept(read(name, plain.replace(b"\n", b"\r\n"))) == _kept(read(name, plain))


@pytest.mark.parametrize("name", NAMES)
def test_a_mark_of_an_editor_and_a_missing_last_end_change_nothing(name: str) -> None:
    plain = _sample(name)
    assert _kept(read(name, b"\xef\xbb\xbf" + plain.rstrip(b"\n"))) == _kept(read(name, plain))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_twice_is_twice_as_much(name: str) -> None:
    """Nothing is joined over copies of a record but halves of flows, and no row is lost by a second file behind."""
    plain = _sample(name)
    once, twice = read(name, plain), read(name, plain.rstrip(b"\n") + b"\n" + plain)
    if not load(name).halves and not load(name).header and load(name).reader != "csv":
        assert {table: 2 * rows.num_rows for table, rows in once.tables.items()} == {
            table: rows.num_rows for table, rows in twice.tables.items()
        }


def _json_lines(name: str) -> list[dict[str, Any]]:
    records = []
    for line in _sample(name).splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            return []
        if not isinstance(value, dict):
            return []
        records.append(value)
    return records


JSON = [name for name in NAMES if load(name).reader == "json" and _json_lines(name)]


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned(one) for key, one in reversed(value.items())}
    return [_turned(one) for one in value] if isinstance(value, list) else value


def _lines(records: list[Any], **options: Any) -> bytes:
    return "".join(json.dumps(record, **options) + "\n" for record in records).encode()


@pytest.mark.parametrize("name", JSON)
def test_the_order_of_keys_their_spacing_and_escapes_change_nothing(name: str) -> None:
    records = _json_lines(name)
    plain = _kept(read(name, _lines(records)))
    assert _kept(read(name, _lines(records, separators=(",", ":"), ensure_ascii=False))) == plain
    if not any("*" in path for row in load(name).rows for one in row.columns.values() for path in one.paths):
        assert _kept(read(name, _lines([_turned(record) for record in records]))) == plain


@pytest.mark.parametrize("name", JSON)
def test_more_fields_change_nothing(name: str) -> None:
    records = _json_lines(name)
    more = [{"zz_new": {"a": [None, 1.5, "x"]}, **record, "zz_newer": "2026"} for record in records]
    assert _kept(read(name, _lines(more))) == _kept(read(name, _lines(records)))


@pytest.mark.parametrize("name", JSON)
def test_without_any_one_field_nothing_breaks_and_no_other_record_is_touched(name: str) -> None:
    records = _json_lines(name)
    rest = [row for rows in _kept(read(name, _lines(records[1:]))).values() for row in rows]
    for left_out in records[0]:
        found = read(name, _lines([{key: value for key, value in records[0].items() if key != left_out}, *records[1:]]))
        assert len(found.rejects) <= 1
        rows = [row for kept in _kept(found).values() for row in kept]
        if not load(name).halves:
            assert all(row in rows for row in rest), left_out


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("wrong", [None, {}, "text", 1e400], ids=repr)
def test_a_field_of_another_kind_never_ends_the_reading(name: str, wrong: object) -> None:
    records = _json_lines(name)
    for key in records[0]:
        found = read(name, _lines([{**records[0], key: wrong}, *records[1:]]))
        assert len(found.rejects) <= 1
        assert found.rows == len(records) or load(name).each
