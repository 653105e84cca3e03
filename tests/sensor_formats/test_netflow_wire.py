"""NetFlow and IPFIX datagrams made by hand and by a real exporter, through decoder, collector and nfcapd."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.errors import SourceError
from kanaria.core.stream import ReadContext
from kanaria.formats import netflow_datagrams
from kanaria.formats.netflow_datagrams import MAGIC, NetflowDatagrams, frame
from kanaria.formats.netflow_nfcapd import Nfcapd
from kanaria.formats.netflow_wire import Decoder
from kanaria.sources import netflow_collector
from kanaria.sources.netflow_collector import NetflowCollector
from tests.programs import program
from tests.running import PATIENCE, running, unread, until

NOW = 1_768_003_260
V4 = [bytes([192, 0, 2, 10]), bytes([203, 0, 113, 5])]


def version5(sampling: int = 0) -> bytes:
    header = struct.pack("!HHIIIIBBH", 5, 1, 100_000, NOW, 0, 1, 0, 0, 0x4000 | sampling)
    record = struct.pack(
        "!4s4s4sHHIIIIHHBBBBHHBBH",
        *V4,
        b"\0" * 4,
        0,
        0,
        5,
        400,
        40_000,
        52_250,
        50000,
        443,
        0,
        0x1B,
        6,
        0,
        0,
        0,
        0,
        0,
        0,
    )
    return header + record


def set_of(number: int, body: bytes) -> bytes:
    return struct.pack("!HH", number, 4 + len(body)) + body


def version9(*sets: bytes, domain: int = 7) -> bytes:
    return struct.pack("!HHIIII", 9, len(sets), 100_000, NOW, 1, domain) + b"".join(sets)


def ipfix(*sets: bytes, domain: int = 7) -> bytes:
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), NOW, 1, domain) + body


def template(number: int, *fields: tuple[int, int]) -> bytes:
    return struct.pack("!HH", number, len(fields)) + b"".join(struct.pack("!HH", *field) for field in fields)


FIELDS = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4), (22, 4), (21, 4))
DATA = b"".join(V4) + struct.pack("!HHBBIIII", 50000, 443, 6, 0x1B, 400, 5, 40_000, 52_250)


def test_version_5_with_sampling() -> None:
    (record,) = Decoder().decode(version5(sampling=10), "192.0.2.1")
    assert (record["src_ip"], record["dst_port"], record["bytes"], record["packets"]) == ("192.0.2.10", 443, 4000, 50)
    assert (record["first"], record["last"]) == ((NOW - 60) * 1_000_000, (NOW - 48) * 1_000_000 + 250_000)


def test_version_9_needs_its_template_of_the_same_exporter() -> None:
    decoder = Decoder()
    assert decoder.decode(version9(set_of(256, DATA)), "192.0.2.1") == []
    assert decoder.without_template == 1
    decoder.decode(version9(set_of(0, template(256, *FIELDS))), "192.0.2.1")
    assert decoder.decode(version9(set_of(256, DATA)), "192.0.2.2") == []
    (record,) = decoder.decode(version9(set_of(256, DATA + b"\0\0\0")), "192.0.2.1")
    assert (record["first"], record["flags"], record["bytes"]) == ((NOW - 60) * 1_000_000, 0x1B, 400)


def test_version_9_sampling_from_options() -> None:
    decoder = Decoder()
    options = struct.pack("!HHH", 257, 4, 4) + struct.pack("!HHHH", 1, 4, 34, 4)
    decoder.decode(version9(set_of(0, template(256, *FIELDS)), set_of(1, options)), "192.0.2.1")
    (record,) = decoder.decode(version9(set_of(257, struct.pack("!II", 0, 100)), set_of(256, DATA)), "192.0.2.1")
    assert (record["bytes"], record["packets"]) == (40_000, 500)


def test_ipfix_both_directions_variable_length_and_foreign_fields() -> None:
    reverse = struct.pack("!HHI", 0x8000 | 1, 8, 29305) + struct.pack("!HHI", 0x8000 | 2, 8, 29305)
    foreign = struct.pack("!HHI", 0x8000 | 1, 65535, 99999)
    fields = ((27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (152, 8), (153, 8), (1, 8), (2, 8))
    plain = b"".join(struct.pack("!HH", *field) for field in fields)
    body = struct.pack("!HH", 300, 12) + plain + reverse + foreign
    six = [bytes.fromhex("20010db8" + "00" * 11 + end) for end in ("10", "05")]
    data = b"".join(six) + struct.pack(
        "!HHBQQQQQQ", 50000, 443, 6, 1_768_003_200_000, 1_768_003_212_250, 400, 5, 620, 3
    )
    (record,) = Decoder().decode(ipfix(set_of(2, body), set_of(300, data + b"\x03abc")), "192.0.2.1")
    assert (record["src_ip"], record["dst_ip"]) == ("2001:db8::10", "2001:db8::5")
    assert (record["bytes"], record["bytes_rev"], record["packets_rev"]) == (400, 620, 3)
    assert record["last"] == 1_768_003_212_250_000


def test_what_is_no_netflow_is_refused_with_a_reason(read: Callable[..., object]) -> None:
    data = (
        MAGIC + frame(NOW * 1_000_000, "192.0.2.1", b"\0\7hello") + frame(NOW * 1_000_000, "192.0.2.1", version5()[:40])
    )
    found = read(NetflowDatagrams(), data)
    assert [reject.row for reject in found.rejects] == [1, 2]  # type: ignore[attr-defined]
    assert "got 7" in found.rejects[0].reason  # type: ignore[attr-defined]
    assert "cut off" in found.rejects[1].reason  # type: ignore[attr-defined]


@settings(deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"\0\x05", b"\0\x09", b"\0\x0a"]))
def test_any_datagram_gives_records_or_a_value_error(data: bytes, version: bytes) -> None:
    decoder = Decoder()
    decoder.decode(version9(set_of(0, template(256, *FIELDS)), domain=0), "x")
    try:
        records = decoder.decode(version + data, "x")
    except ValueError as error:
        assert str(error)
    else:
        assert all("src_ip" in record for record in records)


def test_collector_and_format_agree_on_the_recording() -> None:
    assert netflow_collector.MAGIC == netflow_datagrams.MAGIC
    assert netflow_collector._FRAME.format == netflow_datagrams._FRAME.format


def _send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


def test_collector_hands_on_in_time_and_ends_when_closed() -> None:
    collector = NetflowCollector(port=0, every=0.05, exporters=["127.0.0.1"])
    batches = NetflowDatagrams().read(collector, ReadContext())
    _send(collector.port, version5())
    first = next(batches)
    assert first.tables["connection"]["dst_port"].to_pylist() == [443]
    collector.close()
    assert sum(batch.rows for batch in batches) == 0


def test_collector_refuses_strangers_and_occupied_ports() -> None:
    collector = NetflowCollector(port=0, exporters=["192.0.2.0/24"])
    _send(collector.port, version5())
    until(lambda: collector.refused)
    with pytest.raises(SourceError, match="another collector may be running"):
        NetflowCollector(port=collector.port)
    collector.close()
    assert (collector.refused, collector.dropped, collector.received) == (1, 0, 0)
    assert sum(batch.rows for batch in NetflowDatagrams().read(collector, ReadContext())) == 0


# --- a real exporter --------------------------------------------------------------------------------------------------


def _packet(when: float, src: tuple[str, int], dst: tuple[str, int], flags: int, payload: bytes) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], 1, 1, 0x50, flags, 1024, 0, 0) + payload
    ends = socket.inet_aton(src[0]) + socket.inet_aton(dst[0])
    data = b"\0" * 12 + b"\x08\0" + struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends + tcp
    return struct.pack("<IIII", int(when), round(when % 1 * 1e6), len(data), len(data)) + data


def capture(path: Path) -> Path:
    """One HTTPS-like connection as a capture file: 200 bytes asked, 500 answered, 12.25 seconds."""
    client, server = ("192.0.2.10", 50000), ("203.0.113.5", 443)
    packets = [
        (0.0, client, server, 0x02, b""), (0.01, server, client, 0x12, b""), (0.02, client, server, 0x10, b""),
        (0.03, client, server, 0x18, b"x" * 200), (0.05, server, client, 0x18, b"y" * 500),
        (12.0, client, server, 0x11, b""), (12.1, server, client, 0x11, b""), (12.25, client, server, 0x10, b""),
    ]  # fmt: skip
    body = b"".join(_packet(1_768_003_200 + at, *rest) for at, *rest in packets)  # type: ignore[arg-type]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + body)
    return path


EXPECTED = {
    "src_ip": "192.0.2.10", "src_port": 50000, "dst_ip": "203.0.113.5", "dst_port": 443, "transport": "tcp",
    "src_bytes": 400, "dst_bytes": 620, "src_packets": 5, "dst_packets": 3, "duration_us": 12_250_000, "state": "SF",
}  # fmt: skip


@pytest.mark.parametrize("version", ["5", "9", "10"])
def test_softflowd_to_collector(version: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    collector = NetflowCollector(port=0)
    target = [
        program("softflowd", "softflowd"),
        "-r",
        str(capture(tmp_path / "c.pcap")),
        "-n",
        f"127.0.0.1:{collector.port}",
        "-v",
        version,
    ]
    subprocess.run(target, check=True, capture_output=True)
    until(lambda: unread(collector.port) == 0)
    collector.close()
    batches = NetflowDatagrams().read(collector, ReadContext())
    rows = [row for batch in batches for table in batch.tables.values() for row in table.to_pylist()]
    assert [{name: row[name] for name in EXPECTED} for row in rows] == [EXPECTED]
    # Reading a capture, softflowd exports times that cannot be: they are moved to now, and that is said.
    assert abs(rows[0]["time"].timestamp() + 12.25 - time.time()) < 60
    assert "clock of exporter 127.0.0.1" in caplog.text


def test_softflowd_to_nfcapd_to_us(tmp_path: Path, read: Callable[..., object]) -> None:
    port = random.randrange(20_000, 30_000)
    folder = tmp_path / "flows"
    folder.mkdir()
    started = subprocess.Popen(
        [program("nfcapd", "nfdump"), "-w", str(folder), "-p", str(port), "-b", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    command = [
        program("softflowd", "softflowd"),
        "-r",
        str(capture(tmp_path / "c.pcap")),
        "-n",
        f"127.0.0.1:{port}",
        "-v",
        "9",
    ]
    with running(started) as keeper:
        until(lambda: unread(port) == 0)
        subprocess.run(command, check=True, capture_output=True)
        until(lambda: unread(port) == 0)
        keeper.terminate()
        keeper.wait(PATIENCE)
    (kept,) = folder.glob("nfcapd.*")
    data = kept.read_bytes()
    assert Nfcapd().sniff(data, "anything") > 0.9
    (row,) = read(Nfcapd(), data, kept.name).rows_of("connection")  # type: ignore[attr-defined]
    assert {name: row[name] for name in EXPECTED} == EXPECTED
    broken = read(Nfcapd(), data[:300], kept.name)
    assert "nfdump could not read the file" in broken.rejects[0].reason  # type: ignore[attr-defined]


def test_without_nfdump_the_message_says_what_to_install(
    read: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SourceError, match="apt-get install nfdump"):
        read(Nfcapd(), b"\x0c\xa5\x02\0\0\0\0\0", "nfcapd.x")
