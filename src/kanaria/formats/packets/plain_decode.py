"""Plain-Python twin of ``walk`` and ``decode``: capture bytes in, ``Packet`` values out, written to be read."""

from __future__ import annotations

import struct
from typing import Any

from kanaria.core.values import dataclass
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.plain_links import Bad, ip_offset, need, u16
from kanaria.formats.packets.plain_tunnels import carried

Records = Any  # NumPy arrays, read through the buffer protocol
_MAPPED = b"\0" * 10 + b"\xff\xff"
_EXTENSIONS = (0, 43, 44, 51, 60, 135)
_REPLIES = {8: 0, 13: 14, 15: 16, 17: 18, 10: 9, 128: 129, 133: 134, 135: 136, 130: 131, 139: 140, 144: 145}
_REPLIES |= {reply: kind for kind, reply in _REPLIES.items()}


@dataclass(slots=True)
class Packet:
    """One decoded packet; addresses have 16 bytes; ``length`` counts payload on the wire, ``payload`` was captured."""

    time: int
    status: int = L.OK
    proto: int = 0
    src: bytes = b""
    dst: bytes = b""
    src_port: int = 0
    dst_port: int = 0
    ip_bytes: int = 0
    flags: int = 0
    seq: int = 0
    window: int = 1
    length: int = 0
    payload: bytes = b""
    at: int = 0


def decode(frame: bytes, wire: int, link: int, time: int) -> Packet:
    """The packet in a captured frame that was ``wire`` bytes long."""
    packet = Packet(time)
    try:
        _network(packet, frame, max(wire, len(frame)), link)
    except Bad as bad:
        packet.status = bad.status
        packet.length, packet.payload = 0, b""
    return packet


def _network(packet: Packet, frame: bytes, wire: int, link: int) -> None:
    at = ip_offset(frame, link)
    for _ in range(L.TUNNELS):
        need(frame, at + 20)
        version = frame[at] >> 4
        if version not in (4, 6):
            break
        at, stop, proto = (_ipv4 if version == 4 else _ipv6)(packet, frame, at, wire)
        inner = carried(frame, at, proto)
        if inner is None:
            packet.proto = proto
            return _transport(packet, frame, at, stop)
        at = inner
    raise Bad(L.MALFORMED)


def _ipv4(packet: Packet, frame: bytes, at: int, wire: int) -> tuple[int, int, int]:
    header = (frame[at] & 15) * 4
    if header < 20:
        raise Bad(L.MALFORMED)
    need(frame, at + header)
    total = u16(frame, at + 2) or wire - at
    if total < header:
        raise Bad(L.MALFORMED)
    packet.src, packet.dst = (_MAPPED + frame[at + place : at + place + 4] for place in (12, 16))
    packet.ip_bytes = total
    if u16(frame, at + 6) & 0x1FFF:
        raise Bad(L.FRAGMENT)
    return at + header, at + total, frame[at + 9]


def _ipv6(packet: Packet, frame: bytes, at: int, wire: int) -> tuple[int, int, int]:
    need(frame, at + 40)
    total = 40 + u16(frame, at + 4)
    if total == 40:
        total = max(wire - at, 40)
    packet.src, packet.dst, packet.ip_bytes = frame[at + 8 : at + 24], frame[at + 24 : at + 40], total
    stop, proto = at + total, frame[at + 6]
    at += 40
    for _ in range(L.HEADERS):
        if proto not in _EXTENSIONS:
            return at, stop, proto
        need(frame, at + 8)
        if proto == 44 and u16(frame, at + 2) & 0xFFF8:
            raise Bad(L.FRAGMENT)
        size = 8 if proto == 44 else (frame[at + 1] + 2) * 4 if proto == 51 else (frame[at + 1] + 1) * 8
        proto, at = frame[at], at + size
    raise Bad(L.MALFORMED)


def _transport(packet: Packet, frame: bytes, at: int, stop: int) -> None:
    header = 0
    if packet.proto == L.TCP:
        need(frame, at + 16)
        header = (frame[at + 12] >> 4) * 4
        if header < 20 or at + header > stop:
            raise Bad(L.MALFORMED)
        packet.seq, packet.flags = struct.unpack_from(">I", frame, at + 4)[0], frame[at + 13]
        packet.window = u16(frame, at + 14)
    elif packet.proto == L.UDP:
        need(frame, at + 8)
        header, size = 8, u16(frame, at + 4)
        if at + 8 > stop or 0 < size < 8:
            raise Bad(L.MALFORMED)
        stop = min(stop, at + size) if size else stop
    elif packet.proto in (L.ICMP, L.ICMP6):
        need(frame, at + 4)
        header = 8
        packet.src_port = frame[at]
        packet.dst_port = _REPLIES.get(frame[at], frame[at + 1])
    if packet.proto in (L.TCP, L.UDP):
        packet.src_port, packet.dst_port = u16(frame, at), u16(frame, at + 2)
    packet.at = at + header
    packet.length = max(stop - at - header, 0)
    packet.payload = frame[at + header : max(min(len(frame), stop), at + header)]


def walk_pcap(
    data: Records, at: int, end: int, big: bool, divisor: int, header: int, link: int, records: Records
) -> tuple[int, int, bool]:
    """As ``walk.walk_pcap``."""
    raw, order, count = data, ">" if big else "<", 0
    while count < len(records) and at + header <= end:
        second, part, captured, wire = struct.unpack_from(order + "IIII", raw, at)
        if (second == captured == wire == 0) or captured > L.LARGEST or part >= 1_000_000 * divisor:
            return count, at, True
        if at + header + captured > end:
            break
        time = second * 1_000_000 + part // divisor
        records[count] = (at + header, time, captured, min(max(wire, captured), 1 << 30), link)
        count += 1
        at += header + captured
    return count, at, False


def walk_pcapng(
    data: Records, at: int, end: int, big: bool, interfaces: Records, records: Records
) -> tuple[int, int, bool]:
    """As ``walk.walk_pcapng``."""
    order, count = ">" if big else "<", 0
    known_interfaces = interfaces.tolist()
    while count < len(records) and at + 12 <= end:
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind in (0x0A0D0D0A, 1) or size < 12 or size % 4 or size > 16 << 20:
            return count, at, True
        if at + size > end:
            return count, at, 0xFF < kind < 0x80000000
        if struct.unpack_from(order + "I", data, at + size - 4)[0] != size:
            return count, at, True
        if kind in (2, 3, 6) and size >= (16 if kind == 3 else 32):
            found = _packet_block(data, at, size, kind, order, known_interfaces)
            if found is None:
                return count, at, True
            records[count] = found
            count += 1
        at += size
    return count, at, False


def _packet_block(
    data: Records, at: int, size: int, kind: int, order: str, known: list[list[int]]
) -> tuple[int, int, int, int, int] | None:
    if kind == 3:
        which, high, low, wire = 0, 0, 0, struct.unpack_from(order + "I", data, at + 8)[0]
        captured, body = min(wire, size - 16), 12
        if known and 0 < known[0][3] < captured:
            captured = known[0][3]
    else:
        which = struct.unpack_from(order + ("I" if kind == 6 else "H"), data, at + 8)[0]
        high, low, captured, wire = struct.unpack_from(order + "IIII", data, at + 12)
        body = 28
    if which >= len(known) or captured > size - body - 4:
        return None
    link, per_second, offset, _ = known[which]
    ticks = (high << 32 | low) & 0x7FFFFFFFFFFFFFFF
    whole, rest = divmod(ticks, per_second)
    time = min(whole, L.LATEST // 10**6) * 1_000_000 + (
        rest * 1_000_000 // per_second if per_second <= 10**12 else rest // (per_second // 10**6)
    )
    time = min(max(time + offset, 0), L.LATEST) if kind != 3 else 0
    return at + body, time, captured, min(max(wire, captured), 1 << 30), link
