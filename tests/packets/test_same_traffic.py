"""The same traffic, generated once, as a capture and as what flow exporters make of that capture: one connection row.

Gaps by nature: NetFlow knows neither payload nor messages, and its clock has milliseconds, in nfdump's CSV seconds.
The time of an exporter that replays an old capture is not compared: datagrams about 2023 that arrive today are dated by
their arrival.
Zeek's and Suricata's records are written here from what tshark counts in the capture, packet by packet, never from what
our reader says: they can tell when it is wrong. What each sensor writes for a flow that is made up is compared in
``tests/sensor_formats/test_same_flow.py``.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from build_packets import START, MemoryStream, conversation, pcap, read_capture
from golden_captures import STRATUM

from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.formats.netflow_csv import FlowCsv
from kanaria.formats.netflow_datagrams import NetflowDatagrams
from kanaria.formats.suricata import SuricataEve
from kanaria.formats.zeek import ZeekJson, ZeekTsv
from kanaria.sources.netflow_collector import NetflowCollector
from tests.programs import program
from tests.running import PATIENCE, unread, until

SAME = (
    "src_ip", "src_port", "dst_ip", "dst_port", "transport", "community_id", "src_packets", "dst_packets", "src_bytes",
    "dst_bytes", "duration_us", "open",
)  # fmt: skip
TRAFFIC = pcap([(number * 500_000, frame) for number, frame in enumerate(conversation(STRATUM, dport=3333))])


def _tool(name: str) -> str:
    return program(name, "softflowd" if name == "softflowd" else "nfdump")


def _connection(known: Format, stream: Stream) -> dict[str, Any]:
    parts = [batch.tables["connection"] for batch in known.read(stream, ReadContext()) if "connection" in batch.tables]
    (row,) = pa.concat_tables(parts).to_pylist()
    return dict(row)


def _assert_same(row: dict[str, Any]) -> None:
    (expected,) = read_capture(TRAFFIC)[0]["connection"]
    assert {name: row[name] for name in SAME} == {name: expected[name] for name in SAME}


def test_nfdump_reads_the_same_connection(tmp_path: Path) -> None:
    nfpcapd, nfdump = _tool("nfpcapd"), _tool("nfdump")
    capture, files = tmp_path / "traffic.pcap", tmp_path / "flows"
    capture.write_bytes(TRAFFIC)
    files.mkdir()
    subprocess.run([nfpcapd, "-r", str(capture), "-w", str(files)], check=True, capture_output=True)
    text = subprocess.run([nfdump, "-R", str(files), "-o", "csv"], check=True, capture_output=True).stdout
    row = _connection(FlowCsv(), MemoryStream(text, name="flows.csv", size=len(text)))
    _assert_same(row)
    assert row["time"] == datetime.fromtimestamp(START // 1_000_000, UTC)


@pytest.mark.parametrize("version", ["5", "9", "10"])
def test_a_netflow_exporter_sends_the_same_connection(version: str, tmp_path: Path) -> None:
    softflowd = _tool("softflowd")
    capture = tmp_path / "traffic.pcap"
    capture.write_bytes(TRAFFIC)
    collector = NetflowCollector(port=0, every=60)
    target = f"127.0.0.1:{collector.port}"
    subprocess.run([softflowd, "-r", str(capture), "-n", target, "-v", version, "-d"], check=True, capture_output=True)
    until(lambda: unread(collector.port) == 0)
    collector.close()
    _assert_same(_connection(NetflowDatagrams(), collector))


ETHERNET = 14  # bytes of a frame's header, which Suricata counts
_FIELDS = (
    "frame.time_epoch",
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "ip.len",
    "tcp.len",
    "tcp.flags",
    "communityid",
)


def told_by_tshark(folder: Path) -> dict[str, Any]:
    """The conversation as tshark sees it; its client is who sent the first packet."""
    tshark = program("tshark", "tshark")
    capture = folder / "traffic.pcap"
    capture.write_bytes(TRAFFIC)
    fields = [part for name in _FIELDS for part in ("-e", name)]
    command = [tshark, "-r", str(capture), "--enable-protocol", "communityid", "-T", "fields", *fields]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    packets = [dict(zip(_FIELDS, line.split("\t"), strict=True)) for line in said.splitlines()]
    first, last = packets[0], packets[-1]
    there = [packet for packet in packets if packet["ip.src"] == first["ip.src"]]
    back = [packet for packet in packets if packet["ip.src"] == first["ip.dst"]]
    start, end = float(first["frame.time_epoch"]), float(last["frame.time_epoch"])
    return {
        "src": first["ip.src"], "sport": int(first["tcp.srcport"]), "dst": first["ip.dst"],
        "dport": int(first["tcp.dstport"]), "start": start, "end": end, "id": first["communityid"],
        "packets": (len(there), len(back)),
        "bytes": tuple(sum(int(packet["ip.len"]) for packet in side) for side in (there, back)),
        "flags": tuple(reduce(or_, (int(packet["tcp.flags"], 16) & 0xFF for packet in side)) for side in (there, back)),
        "payload": tuple(sum(int(packet["tcp.len"]) for packet in side) for side in (there, back)),
    }  # fmt: skip


def zeek_fields(told: dict[str, Any]) -> dict[str, Any]:
    """A record of Zeek's ``conn`` log."""
    return {
        "ts": told["start"], "uid": "C1", "id.orig_h": told["src"], "id.orig_p": told["sport"], "id.resp_h": told["dst"],
        "id.resp_p": told["dport"], "proto": "tcp", "duration": told["end"] - told["start"],
        "orig_bytes": told["payload"][0], "resp_bytes": told["payload"][1], "conn_state": "SF",
        "orig_pkts": told["packets"][0], "orig_ip_bytes": told["bytes"][0], "resp_pkts": told["packets"][1],
        "resp_ip_bytes": told["bytes"][1], "community_id": told["id"],
    }  # fmt: skip


def zeek_tsv(told: dict[str, Any]) -> str:
    row = zeek_fields(told)
    values = (f"{value:.6f}" if isinstance(value, float) else str(value) for value in row.values())
    return "#separator \\x09\n#path\tconn\n#fields\t" + "\t".join(row) + "\n" + "\t".join(values) + "\n"


def zeek_json(told: dict[str, Any]) -> str:
    return json.dumps({"_path": "conn", **zeek_fields(told)}) + "\n"


def eve(told: dict[str, Any]) -> str:
    when = [datetime.fromtimestamp(told[side], UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000") for side in ("start", "end")]
    sizes = [size + ETHERNET * count for size, count in zip(told["bytes"], told["packets"], strict=True)]
    flow = {
        "pkts_toserver": told["packets"][0], "pkts_toclient": told["packets"][1], "bytes_toserver": sizes[0],
        "bytes_toclient": sizes[1], "start": when[0], "end": when[1], "state": "closed",
    }  # fmt: skip
    return json.dumps({
        "timestamp": when[1], "flow_id": 1, "event_type": "flow", "src_ip": told["src"], "src_port": told["sport"],
        "dest_ip": told["dst"], "dest_port": told["dport"], "proto": "TCP", "community_id": told["id"], "flow": flow,
        "tcp": {"tcp_flags_ts": f"{told['flags'][0]:02x}", "tcp_flags_tc": f"{told['flags'][1]:02x}", "state": "closed"},
    }) + "\n"  # fmt: skip


def test_the_capture_says_what_tshark_counts(tmp_path: Path) -> None:
    told = told_by_tshark(tmp_path)
    (row,) = read_capture(TRAFFIC)[0]["connection"]
    assert (row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"]) == (
        told["src"], told["sport"], told["dst"], told["dport"],
    )  # fmt: skip
    for kind in ("packets", "bytes", "payload"):
        assert (row[f"src_{kind}"], row[f"dst_{kind}"]) == told[kind]
    assert row["community_id"] == told["id"]
    assert (row["time"].timestamp(), row["duration_us"]) == (told["start"], round((told["end"] - told["start"]) * 1e6))


@pytest.mark.parametrize(
    ("known", "written"), [(ZeekTsv(), zeek_tsv), (ZeekJson(), zeek_json), (SuricataEve(), eve)],
    ids=["tsv", "json", "eve"],
)  # fmt: skip
def test_a_sensor_that_counts_like_tshark_gives_the_same_connection(
    known: Format, written: Callable[[dict[str, Any]], str], tmp_path: Path
) -> None:
    text = written(told_by_tshark(tmp_path)).encode()
    row = _connection(known, MemoryStream(text, name="conn.log", size=len(text)))
    if written is eve:
        for side in ("src", "dst"):
            row[f"{side}_bytes"] -= ETHERNET * row[f"{side}_packets"]
    _assert_same(row)
    (expected,) = read_capture(TRAFFIC)[0]["connection"]
    assert (row["time"], row["state"]) == (expected["time"], expected["state"])
    if written is not eve:
        assert (row["src_payload"], row["dst_payload"]) == (expected["src_payload"], expected["dst_payload"])
