"""Capture files of scripted conversations: framing, checksums, order, both transports and both IP versions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.lab.scenario import MSS, Conversation, Host, Message, checksum, write_pcap

CLIENT, SERVER = Host("desk", "192.0.2.10"), Host("server", "198.51.100.20")
CLIENT6, SERVER6 = Host("desk", "2001:db8::10"), Host("server", "2001:db8::20")


def _talk(*messages: Message, **more: object) -> Conversation:
    return Conversation(client=CLIENT, server=SERVER, server_port=3333, messages=messages, **more)  # type: ignore[arg-type]


def _frames(path: Path) -> Iterator[tuple[float, bytes]]:
    data = path.read_bytes()
    assert struct.unpack_from("<IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    at = 24
    while at < len(data):
        seconds, micros, kept, size = struct.unpack_from("<IIII", data, at)
        assert kept == size
        yield seconds + micros / 1e6, data[at + 16 : at + 16 + kept]
        at += 16 + kept


def _tcp(frame: bytes) -> tuple[int, int, int, bytes]:
    """Source port, sequence number, flags and payload of an IPv4 frame."""
    offset = 14 + (frame[14] & 15) * 4
    port, _, sequence = struct.unpack_from("!HHI", frame, offset)
    return port, sequence, frame[offset + 13], frame[offset + (frame[offset + 12] >> 4) * 4 :]


def _streams(path: Path) -> dict[int, bytes]:
    """Reassembled payload by source port; fails on a gap or overlap."""
    expected: dict[int, int] = {}
    bodies: dict[int, bytes] = {}
    for _, frame in _frames(path):
        port, sequence, flags, payload = _tcp(frame)
        assert expected.get(port, sequence) == sequence
        expected[port] = sequence + len(payload) + bool(flags & 3)
        bodies[port] = bodies.get(port, b"") + payload
    return bodies


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(Message, time=st.floats(0, 1000), from_client=st.booleans(), data=st.binary(min_size=1, max_size=4000)),
        max_size=12,
    )
)  # fmt: skip
def test_the_stream_is_what_was_said(tmp_path_factory: pytest.TempPathFactory, messages: list[Message]) -> None:
    messages.sort(key=lambda m: m.time)
    path = tmp_path_factory.mktemp("pcap") / "talk.pcap"
    write_pcap([_talk(*messages)], path)
    said = _streams(path)
    assert said.get(49152, b"") == b"".join(m.data for m in messages if m.from_client)
    assert said.get(3333, b"") == b"".join(m.data for m in messages if not m.from_client)


def test_packets_come_in_order_of_time_and_are_counted(tmp_path: Path) -> None:
    talks = [
        _talk(Message(5.0, True, b"a"), Message(50.0, False, b"b"), client_port=40000 + i, start=i) for i in range(9)
    ]
    count = write_pcap(talks, tmp_path / "talk.pcap")
    times = [at for at, _ in _frames(tmp_path / "talk.pcap")]
    assert count == len(times)
    assert times == sorted(times)


def test_handshake_and_end(tmp_path: Path) -> None:
    write_pcap([_talk(Message(0, True, b"hello"))], tmp_path / "talk.pcap")
    flags = [_tcp(frame)[2] for _, frame in _frames(tmp_path / "talk.pcap")]
    assert flags == [2, 18, 16, 24, 16, 17, 17, 16]


def test_an_open_conversation_has_no_end(tmp_path: Path) -> None:
    talk = _talk(Message(1, True, b"a"), Message(90, True, b"b")).until(10)
    assert talk.messages == (Message(1, True, b"a"),)
    write_pcap([talk], tmp_path / "talk.pcap")
    assert all(not _tcp(frame)[2] & 1 for _, frame in _frames(tmp_path / "talk.pcap"))


def test_long_messages_are_cut_at_the_path_mtu(tmp_path: Path) -> None:
    write_pcap([_talk(Message(0, True, bytes(3 * MSS + 1)))], tmp_path / "talk.pcap")
    sizes = [len(_tcp(frame)[3]) for _, frame in _frames(tmp_path / "talk.pcap")]
    assert [size for size in sizes if size] == [MSS, MSS, MSS, 1]


def test_checksums_are_right(tmp_path: Path) -> None:
    write_pcap([_talk(Message(0, True, b"odd"), Message(1, False, b"even"))], tmp_path / "talk.pcap")
    for _, frame in _frames(tmp_path / "talk.pcap"):
        header, body = frame[14:34], frame[34:]
        assert checksum(header) == 0
        assert checksum(header[12:20] + struct.pack("!II", len(body), 6) + body) == 0


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_a_message_with_its_checksum_sums_to_zero(data: bytes) -> None:
    data += b"\0" * (len(data) % 2)
    assert checksum(data + struct.pack("!H", checksum(data))) == 0


def test_datagrams(tmp_path: Path) -> None:
    write_pcap([_talk(Message(0, True, b"time?"), Message(1, False, b"noon"), transport="udp")], tmp_path / "talk.pcap")
    frames = [frame for _, frame in _frames(tmp_path / "talk.pcap")]
    assert [frame[23] for frame in frames] == [17, 17]
    assert [frame[42:] for frame in frames] == [b"time?", b"noon"]


def test_ipv6(tmp_path: Path) -> None:
    talk = Conversation(client=CLIENT6, server=SERVER6, server_port=443, messages=(Message(0, True, b"hi"),))
    write_pcap([talk], tmp_path / "talk.pcap")
    frames = [frame for _, frame in _frames(tmp_path / "talk.pcap")]
    assert {frame[12:14] for frame in frames} == {b"\x86\xdd"}
    assert all(len(frame) == 54 + struct.unpack_from("!H", frame, 18)[0] for frame in frames)


def test_mixed_ip_versions_are_refused(tmp_path: Path) -> None:
    talk = Conversation(client=CLIENT, server=SERVER6, server_port=443, messages=())
    with pytest.raises(ValueError, match="expected two addresses of one IP version"):
        write_pcap([talk], tmp_path / "talk.pcap")


def test_the_same_script_gives_the_same_file(tmp_path: Path) -> None:
    talk = _talk(Message(0, True, b"a"), Message(1, False, b"b"))
    write_pcap([talk], tmp_path / "one.pcap")
    write_pcap([talk], tmp_path / "two.pcap")
    assert (tmp_path / "one.pcap").read_bytes() == (tmp_path / "two.pcap").read_bytes()
