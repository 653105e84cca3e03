"""One flow as every sensor writes it gives one connection row, apart from the gaps named here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kanaria.core.network import HomeNetworks
from kanaria.core.stream import Format, ReadContext
from kanaria.formats.firewall import Conntrack
from kanaria.formats.netflow_csv import FlowCsv
from kanaria.formats.suricata import SuricataEve
from kanaria.formats.zeek import ZeekJson, ZeekTsv

CONTEXT = ReadContext(home=HomeNetworks.parse(["192.0.2.0/24"]))
ROW = {
    "time": datetime(2026, 1, 10, tzinfo=UTC), "src_ip": "192.0.2.10", "src_port": 50000, "dst_ip": "203.0.113.5",
    "dst_port": 443, "device": "192.0.2.10", "remote": "203.0.113.5", "direction": "outbound",
    "community_id": "1:QAM87P3TaxEFpKkmFwbLMJACbTk=", "transport": "tcp", "duration_us": 12_250_000, "src_packets": 5,
    "dst_packets": 3, "src_bytes": 400, "dst_bytes": 620, "state": "SF", "open": False,
}  # fmt: skip

ZEEK = {
    "_path": "conn", "ts": 1768003200.0, "uid": "C1", "id.orig_h": "192.0.2.10", "id.orig_p": 50000,
    "id.resp_h": "203.0.113.5", "id.resp_p": 443, "proto": "tcp", "service": "ssl", "duration": 12.25,
    "orig_bytes": 200, "resp_bytes": 500, "conn_state": "SF", "history": "ShADadFf", "orig_pkts": 5,
    "orig_ip_bytes": 400, "resp_pkts": 3, "resp_ip_bytes": 620,
}  # fmt: skip
EVE = {
    "timestamp": "2026-01-10T00:01:00.000000+0000", "flow_id": 1, "event_type": "flow", "src_ip": "192.0.2.10",
    "src_port": 50000, "dest_ip": "203.0.113.5", "dest_port": 443, "proto": "TCP", "app_proto": "tls",
    "flow": {"pkts_toserver": 5, "pkts_toclient": 3, "bytes_toserver": 400 + 5 * 14, "bytes_toclient": 620 + 3 * 14,
             "start": "2026-01-10T00:00:00.000000+0000", "end": "2026-01-10T00:00:12.250000+0000", "state": "closed"},
    "tcp": {"tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1b", "state": "closed"},
}  # fmt: skip
TSV = (
    "#separator \\x09\n#path\tconn\n#fields\t"
    + "\t".join(list(ZEEK)[1:])
    + "\n"
    + "\t".join(map(str, list(ZEEK.values())[1:]))
)
NFDUMP = """ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt
2026-01-10 00:00:00,2026-01-10 00:00:12,12.250,192.0.2.10,203.0.113.5,50000,443,TCP,...AP.SF,5,400,0,0
2026-01-10 00:00:00,2026-01-10 00:00:12,12.000,203.0.113.5,192.0.2.10,443,50000,TCP,...AP.SF,3,620,0,0
"""
ARGUS = """StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,SrcPkts
2026/01/10 00:00:00.000000,12.25,tcp,192.0.2.10,50000,->,203.0.113.5,443,FSPA_FSPA,8,1020,400,5
"""
CONNTRACK = """[1768003200.000000] [NEW] tcp 6 120 SYN_SENT src=192.0.2.10 dst=203.0.113.5 sport=50000 dport=443 [UNREPLIED] \
src=203.0.113.5 dst=192.0.2.10 sport=443 dport=50000
[1768003212.250000] [DESTROY] tcp 6 src=192.0.2.10 dst=203.0.113.5 sport=50000 dport=443 packets=5 bytes=400 \
src=203.0.113.5 dst=192.0.2.10 sport=443 dport=50000 packets=3 bytes=620 [ASSURED]
"""
ETHERNET: dict[str, object] = {"src_bytes": 400 + 5 * 14, "dst_bytes": 620 + 3 * 14}
"""Suricata counts the link layer."""

SENSORS: list[tuple[Format, str, dict[str, object]]] = [
    (ZeekTsv(), TSV, {}),
    (ZeekJson(), json.dumps(ZEEK), {}),
    (SuricataEve(), json.dumps(EVE), ETHERNET),
    (FlowCsv(), NFDUMP, {}),
    (FlowCsv(), ARGUS, {}),
    (Conntrack(), CONNTRACK, {}),
]


@pytest.mark.parametrize(("known", "text", "gaps"), SENSORS, ids=["tsv", "json", "eve", "nfdump", "argus", "conntrack"])
def test_one_flow_one_row(read: Callable[..., object], known: Format, text: str, gaps: dict[str, object]) -> None:
    (row,) = read(known, text.encode(), "flow", CONTEXT).rows_of("connection")  # type: ignore[attr-defined]
    assert {name: row[name] for name in ROW} == {**ROW, **gaps}
    if known.name in ("zeek", "zeek-json", "suricata"):
        assert row["service"] == "tls"
    if known.name.startswith("zeek"):
        assert (row["src_payload"], row["dst_payload"], row["history"]) == (200, 500, "ShADadFf")


def test_event_ids_are_those_of_the_source_and_line(read: Callable[..., object]) -> None:
    first = read(ZeekJson(), json.dumps(ZEEK).encode(), "a.log").rows_of("connection")[0]  # type: ignore[attr-defined]
    again = read(ZeekJson(), json.dumps(ZEEK).encode(), "a.log").rows_of("connection")[0]  # type: ignore[attr-defined]
    other = read(ZeekJson(), json.dumps(ZEEK).encode(), "b.log").rows_of("connection")[0]  # type: ignore[attr-defined]
    assert first["event_id"] == again["event_id"] != other["event_id"]
    assert Path(str(first["source"])).name == "a.log"
