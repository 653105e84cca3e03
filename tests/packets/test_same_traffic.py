"""The same traffic, generated once, as a capture and as what flow exporters make of that capture: one connection row.

Gaps by nature: NetFlow knows neither payload nor messages, and its clock has milliseconds, in nfdump's CSV seconds.
The time of an exporter that replays an old capture is not compared: datagrams about 2023 that arrive today are dated by
their arrival.
Zeek and Suricata records of one flow are compared in ``tests/sensor_formats/test_same_flow.py``.
"""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from build_packets import START, MemoryStream, conversation, pcap, read_capture
from golden_captures import STRATUM

from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.formats.netflow_csv import FlowCsv
from kanaria.formats.netflow_datagrams import NetflowDatagrams
from kanaria.sources.netflow_collector import NetflowCollector
from tests.programs import program

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
    time.sleep(0.5)  # the datagram is on its way through the loopback interface
    collector.close()
    _assert_same(_connection(NetflowDatagrams(), collector))
