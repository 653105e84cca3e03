"""Real captures: every mining flow in the clear decodes, nothing in the hard negatives does.

Payloads are put together from the packets by a small reader of this file's own, so that this test depends on no other
part of the project.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanaria.mining.stratum import decode, decode_stream

pytestmark = pytest.mark.data

# One flow per direction pair: (client bytes, server bytes).
Flow = tuple[bytes, bytes]
_LIMIT = 1 << 18


def data_folder() -> Path:
    folder = os.environ.get("KANARIA_DATA")
    if not folder:
        pytest.skip("KANARIA_DATA names no folder of real captures")
    return Path(folder)


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(link type, frame) of every packet in a pcap or pcapng file."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from pcapng_packets(data)
        return
    order = ">" if data[:4] == b"\xa1\xb2\xc3\xd4" else "<"
    (link,) = struct.unpack_from(order + "I", data, 20)
    at = 24
    while at + 16 <= len(data):
        (size,) = struct.unpack_from(order + "I", data, at + 8)
        yield link, data[at + 16 : at + 16 + size]
        at += 16 + size


def pcapng_packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, links = 0, []
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 1:
            links.append(struct.unpack_from("<H", data, at + 8)[0])
        elif kind == 6:
            interface, _, _, size = struct.unpack_from("<IIII", data, at + 8)
            yield links[interface], data[at + 28 : at + 28 + size]
        at += max(length, 12)


def segment(link: int, frame: bytes) -> tuple[bytes, int, int, bytes] | None:
    """(addresses and ports, TCP flags, sequence number, payload) of an IPv4 TCP frame."""
    start = {1: 14, 113: 16, 101: 0, 12: 0, 0: 4}.get(link)
    if start is None or len(frame) < start + 20 or frame[start] >> 4 != 4 or frame[start + 9] != 6:
        return None
    head = (frame[start] & 15) * 4
    total = int.from_bytes(frame[start + 2 : start + 4], "big")
    tcp = frame[start + head : start + total]
    if len(tcp) < 20:
        return None
    sequence = int.from_bytes(tcp[4:8], "big")
    return frame[start + 12 : start + 20] + tcp[:4], tcp[13], sequence, tcp[(tcp[12] >> 4) * 4 :]


def flows(path: Path) -> list[Flow]:
    """The payloads of every TCP flow with repeated segments left out; the client is who sent the SYN or has the higher port."""
    sides: dict[bytes, bytearray] = {}
    seen: set[tuple[bytes, int, int]] = set()
    opened: set[bytes] = set()
    for link, frame in packets(path.read_bytes()):
        found = segment(link, frame)
        if found is None:
            continue
        key, flags, sequence, payload = found
        if flags & 0x12 == 0x02:
            opened.add(key)
        if payload and (key, sequence, len(payload)) not in seen:
            seen.add((key, sequence, len(payload)))
            sides.setdefault(key, bytearray()).extend(payload)
    out, done = [], set()
    for key in sides:
        back = key[4:8] + key[:4] + key[10:12] + key[8:10]
        if key in done:
            continue
        done |= {key, back}
        client = key if key in opened or (back not in opened and key[8:10] > key[10:12]) else back
        server = back if client == key else key
        out.append((bytes(sides.get(client, b""))[:_LIMIT], bytes(sides.get(server, b""))[:_LIMIT]))
    return out


def captures(*folders: str) -> list[Path]:
    base = data_folder()
    return sorted(p for folder in folders for p in (base / folder).rglob("*.pcap*"))


def is_clear_mining(flow: Flow) -> bool:
    """Told apart by literal words, independently of the decoder's way."""
    return any(word in flow[0] + flow[1] for word in (b'"mining.', b'"eth_getWork"', b'"job_id"', b'"getwork"'))


def test_every_clear_flow_of_the_mining_captures_decodes() -> None:
    total = 0
    for path in captures("mining"):
        for flow in flows(path):
            if is_clear_mining(flow):
                total += 1
                assert decode_stream(*flow), (path.name, flow[0][:80])
    assert total > 60


def test_flows_decode_from_the_middle_and_from_one_side() -> None:
    for path in captures("mining/nfstream", "mining/nicehash", "mining/cj-sniffer-a"):
        for client, server in flows(path):
            if client.count(b"\n") > 4 and is_clear_mining((client, b"")):
                assert decode_stream(client[37:], b""), path.name
            if server.count(b"\n") > 8 and b"blob" in server:
                assert decode_stream(b"", server[len(server) // 2 :]), path.name


def test_nothing_in_the_hard_negatives_decodes() -> None:
    for path in captures("mining-hard-negatives"):
        for flow in flows(path):
            assert decode_stream(*flow) == (), path.name


def test_web_logs() -> None:
    folder = data_folder() / "weblog"
    expected = {"seed1-apache-fragments.log": 6, "nginx-2025-06.log": 2, "apache-combined-10000.log": 0}
    for name, count in expected.items():
        assert sum(len(decode(line)) for line in (folder / name).read_bytes().splitlines()) == count, name
