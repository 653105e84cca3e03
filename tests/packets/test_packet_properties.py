"""Any bytes in: rows or rejects out, and the compiled loops do exactly what their plain twin does."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from build_packets import CLIENT, SERVER, block, conversation, ethernet, ip, pcap, pcapng, read_capture, tcp, udp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.formats.packets import capture
from kanaria.formats.packets.flowset import reassemble
from kanaria.formats.packets.kept import Heads, column_of
from kanaria.formats.packets.protocols import dns, ftp, http, ntlm, rdp, smb, ssh, tls, x509
from kanaria.formats.packets.service import client_is_server_side, service_of
from kanaria.formats.packets.services import services, wrong_way

STARTS = [
    b"", b"\x16\x03\x01\0\x05\x01", b"\3\0\0\x0b\6\xe0\0\0\0\0\0", b"\3\0\0\x0b\6\xd0\0\0\0\0\0", b"\0\0\0\x20\xfeSMB", b"SSH-2.0-",
    b"GET /", b"HTTP/1.1 200", b'{"method":"login"', b'\x0b{"id"', b'{"method":"job"', b"\x10\x0c\0\4MQTT", b"220 FTP", b"EHLO ",
    b"RFB 003", b"\x13BitTorrent protocol", b"\xf9\xbe\xb4\xd9", b"\x0b\x11\x09\x07", b"*1\r\n$4", b"M-SEARCH * HTTP/1.1",
    b"\0\x11\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1", b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1",
]  # fmt: skip
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PAYLOADS = st.sampled_from(
    [
        b"",
        b"x",
        b"\x17\x03\x03\0\4abcd",
        b'{"id":1,"method":"login"}\n',
        b"GET / HTTP/1.1\r\n\r\n",
        b"y" * 1400,
        b"\0" * 64,
    ]
)


@st.composite
def segments(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """Frames between few ends, with sequence numbers that collide, wrap and overlap."""
    frames, clock = [], 0
    for _ in range(draw(st.integers(1, 40))):
        ends = draw(st.sampled_from([(CLIENT, SERVER), (SERVER, CLIENT), ("2001:db8::1", "2001:db8::2")]))
        ports = draw(st.sampled_from([(40000, 443), (443, 40000), (3333, 3334)]))
        seq = draw(st.sampled_from([0, 1, 2, 26, 1401, 2801, 0xFFFFFFF0, 0xFFFFFFFF, 0x80000000]))
        flags = draw(st.integers(0, 31))
        body = tcp(draw(PAYLOADS), sport=ports[0], dport=ports[1], seq=seq, flags=flags)
        if draw(st.integers(0, 5)) == 0:
            body = udp(draw(PAYLOADS), sport=ports[0], dport=ports[1])
            frame = ethernet(ip(body, src=ends[0], dst=ends[1], proto=17))
        else:
            frame = ethernet(ip(body, src=ends[0], dst=ends[1]))
        clock += draw(
            st.sampled_from([0, 10, 1000, 199_999, 200_001, 6_000_000, 61_000_000, 301_000_000, 3_601_000_000])
        )
        frames.append((clock, frame[: draw(st.sampled_from([1 << 16, 60, 40, 20]))]))
    return frames


def _both(data: bytes) -> tuple[Any, Any]:
    results = []
    kept = capture.PLAIN_BYTES
    for limit in (1 << 60, -1):
        capture.PLAIN_BYTES = limit
        try:
            rows, rejects = read_capture(data)
        finally:
            capture.PLAIN_BYTES = kept
        results.append((rows, [(reject.row, reject.reason, reject.raw) for reject in rejects]))
    return results[0], results[1]


@QUICK
@given(segments())
def test_twins_agree_on_hostile_segments(frames: list[tuple[int, bytes]]) -> None:
    plain, compiled = _both(pcap(frames))
    assert str(plain) == str(compiled)


@QUICK
@given(
    st.binary(max_size=300),
    st.sampled_from([0, 1, 9, 101, 113, 276, 50, 51, 100, 104, 105, 109, 117, 119, 127, 147, 163, 166, 192, 204, 239]),
)
def test_twins_agree_on_any_frame(frame: bytes, link: int) -> None:
    plain, compiled = _both(pcap([frame, b"\x45" + frame, bytes(12) + b"\x08\0\x45\0" + frame], link=link))
    assert str(plain) == str(compiled)


@QUICK
@given(st.data())
def test_damaged_captures_give_rows_and_rejects_only(data: st.DataObject) -> None:
    writers: dict[str, Callable[..., bytes]] = {"pcap": pcap, "pcapng": pcapng}
    write = writers[data.draw(st.sampled_from(sorted(writers)))]
    whole = bytearray(write(conversation([("c", b"a" * 100), ("s", b"b" * 100)] * 3)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(24, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(24, len(whole)))])
    plain, compiled = _both(cut)
    assert str(plain) == str(compiled)


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_after_a_magic(tail: bytes) -> None:
    for head in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a"):
        plain, compiled = _both(head + tail)
        assert str(plain) == str(compiled)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=400))
def test_parsers_never_raise(client: bytes, server: bytes) -> None:
    heads = (
        b"",
        b"\x16\x03\x01\0\xff\x01\0\0\xf0\x03\x03",
        b"\3\0\0\x20\x1b\xe0\0\0\0\0\0",
        b"\0\0\0\x80\xffSMB\x73",
        b"SSH-2.0-x\n",
    )
    for head in (*heads, b"\0\0\0\x90\xfeSMB", b"POST /x HTTP/1.1\r\n", b"\x30\x82\x01\0\x30\x80"):
        ours, theirs = head + client, head + server
        assert service_of(ours, theirs, "tcp") is None or service_of(ours, theirs, "udp") != ""
        assert client_is_server_side(ours, theirs) in (True, False)
        assert tls.parse(ours, theirs) is None or "version" in (tls.parse(ours, theirs) or {})
        assert isinstance(http.exchanges(ours, theirs), list)
        assert rdp.parse(ours, theirs, len(theirs)) is None or len(ours) >= 11
        assert isinstance(smb.rows(ours, theirs), list)
        assert isinstance(ftp.attempts(ours, theirs), list)
        assert isinstance(dns.tcp_exchanges(ours, theirs), list)
        assert len(x509.names_of(ours)) == 2
        assert ntlm.account(b"NTLMSSP\0\3\0\0\0" + ours) is None or len(ours) >= 52
        assert ssh.infer(ours, theirs, [(True, 10), (False, 20)]) is None or head.startswith(b"SSH")
        message = dns.parse(ours)
        assert message is None or message.query == message.query.lower()


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.randoms(use_true_random=False), st.integers(0, 0xFFFFFFFF))
def test_reassembly_gives_the_stream_whatever_the_order(text: bytes, chance: random.Random, start: int) -> None:
    pieces = []
    at = 0
    while at < len(text):
        size = chance.randint(1, 40)
        low = max(0, at - chance.randint(0, 5))
        pieces.append(((start + low) & 0xFFFFFFFF, text[low : at + size], len(text[low : at + size])))
        at += size
    pieces += chance.choices(pieces, k=3)
    chance.shuffle(pieces)
    assert reassemble(pieces) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=30), st.sampled_from(STARTS)), max_size=12))
def test_services_of_many_flows_are_those_of_each(flows: list[tuple[bytes, bytes, bytes]]) -> None:
    client, server = [start + ours for ours, _, start in flows], [theirs for _, theirs, _ in flows]
    for number, transport in ((6, "tcp"), (17, "udp"), (1, "icmp")):
        proto = np.full(len(flows), number, np.uint8)
        expected = [service_of(*ends, transport) for ends in zip(client, server, strict=True)]
        ports = np.full((len(flows), 2), 40000, np.int32)
        assert services(column_of(client), column_of(server), proto, ports).to_pylist() == expected
    guessed = np.arange(len(flows))[::2]
    turned = [client_is_server_side(client[index], server[index]) for index in guessed]
    assert wrong_way(column_of(client), column_of(server), guessed).tolist() == turned
    assert [bytes(row).rstrip(b"\0") for row in Heads(column_of(client)).matrix(4)] == [
        data[:4].rstrip(b"\0") for data in client
    ]


@pytest.mark.parametrize("resolution", [0, 0x80])
def test_a_clock_beyond_the_calendar_is_held_back(resolution: int) -> None:
    """Found by fuzzing: a resolution of whole seconds made the time of a packet larger than any number holds."""
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    options = struct.pack("<HHBxxxHHqHH", 9, 1, resolution, 14, 8, 1 << 62, 0, 0)
    frame = conversation([])[0]
    packet = struct.pack("<IIIII", 0, 0x7FFFFFFF, 0xFFFFFFFF, len(frame), len(frame)) + frame
    data = section + block(1, struct.pack("<HHI", 1, 0, 0) + options) + block(6, packet)
    (plain, rejects), compiled = _both(data)
    assert (plain, rejects) == compiled
    assert plain["connection"][0]["time"].year == 2112


def test_zero_length_and_foreign_files_say_so() -> None:
    for data in (b"", b"hello world", b"\xd4\xc3"):
        rows, (reject,) = read_capture(data)
        assert not rows
        assert reject.reason.startswith("expected pcap")
        assert capture.PcapFormat().sniff(data, "x.pcap") == 0.0


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_damage_in_the_middle_costs_only_its_place(make: Any) -> None:
    frames = conversation([("c", b"a" * 100), ("s", b"b" * 100)] * 20)
    whole = make(frames)
    middle = len(whole) // 2
    broken = whole[:middle] + b"\xff" * 40 + whole[middle + 40 :]
    (plain, rejects), compiled = _both(broken)
    assert (plain, rejects) == compiled
    packets = sum(row["src_packets"] + row["dst_packets"] for row in plain["connection"])
    assert len(frames) - 4 <= packets < len(frames)
    assert any("skipped" in reason for _, reason, _ in rejects)


def test_pcapng_with_absurd_block_length() -> None:
    data = pcapng(conversation([("c", b"a")])) + struct.pack("<II", 6, 0xFFFFFFF0) + b"\0" * 64
    (plain, rejects), compiled = _both(data)
    assert (plain, rejects) == compiled
    assert plain["connection"][0]["state"] == "SF"
    assert rejects
