"""Plain-Python twin of ``walk`` and ``decode``: capture bytes in, ``Packet`` values out, written to be read."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from kanaria.formats.packets import layout as L

Records = Any  # NumPy arrays, read through the buffer protocol
_RAW_LINKS = (101, 12, 14, 228, 229)
_PPP = {0x0021: 0x0800, 0x0057: 0x86DD}
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


class _Bad(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


def _need(frame: bytes, size: int) -> None:
    if len(frame) < size:
        raise _Bad(L.CUT)


def decode(frame: bytes, wire: int, link: int, time: int) -> Packet:
    """The packet in a captured frame that was ``wire`` bytes long."""
    packet = Packet(time)
    try:
        _network(packet, frame, max(wire, len(frame)), link)
    except _Bad as bad:
        packet.status = bad.status
        packet.length, packet.payload = 0, b""
    return packet


def _network(packet: Packet, frame: bytes, wire: int, link: int) -> None:
    at = _ip_offset(frame, link)
    for _ in range(3):
        _need(frame, at + 20)
        version = frame[at] >> 4
        if version not in (4, 6):
            break
        at, stop, proto = (_ipv4 if version == 4 else _ipv6)(packet, frame, at, wire)
        inner = at if proto in (4, 41) else _tunnelled(frame, at, proto)
        if inner is None:
            packet.proto = proto
            return _transport(packet, frame, at, stop)
        at = inner
    raise _Bad(L.MALFORMED)


def _tunnelled(frame: bytes, at: int, proto: int) -> int | None:
    """As ``decode._tunnelled``."""
    head = frame[at : at + 16]
    if proto == L.UDP and len(frame) >= at + 30:
        mark = head[8:12] == b"\x08\0\0\0" and head[15] == 0
        return _ethernet(frame, at + 16) if mark and _u16(head, 2) == L.VXLAN_PORT else None
    if proto != L.GRE or len(head) < 4 or head[0] & 0x40 or head[1] & 7:
        return None
    kind = _u16(head, 2)
    at += 4 + 4 * ((head[0] >> 7) + (head[0] >> 5 & 1) + (head[0] >> 4 & 1))
    if kind in (0x0800, 0x86DD):
        return at
    if kind == 0x88BE and head[0] & 0x10:
        at += 8
    return _ethernet(frame, at) if kind in (0x88BE, 0x6558) else None


def _ethernet(frame: bytes, at: int) -> int | None:
    """Offset of the IP header in a frame that begins at ``at``, None without one."""
    if len(frame) < at + 14:
        return None
    try:
        return _after_type(frame, _u16(frame, at + 12), at + 14)
    except _Bad:
        return None


def _ip_offset(frame: bytes, link: int) -> int:
    if link in _RAW_LINKS:
        return 0
    if link in (0, 108):
        return 4
    places = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
    if link in places:
        kind_at, at = places[link]
        _need(frame, at)
        return _after_type(frame, _u16(frame, kind_at), at)
    if link in (9, 50):
        _need(frame, 4)
        at = 2 if frame[:2] == b"\xff\x03" else 0
        return _after_type(frame, _PPP.get(_u16(frame, at), 0), at + 2)
    raise _Bad(L.LINK)


def _u16(frame: bytes, at: int) -> int:
    return int.from_bytes(frame[at : at + 2], "big")


def _after_type(frame: bytes, kind: int, at: int) -> int:
    for _ in range(L.HEADERS):
        if kind in (0x0800, 0x86DD):
            return at
        if kind in (0x8847, 0x8848):
            while True:
                _need(frame, at + 4)
                at += 4
                if frame[at - 2] & 1:
                    return at
        if kind in (0x8100, 0x88A8, 0x9100, 0x9200):
            _need(frame, at + 4)
            kind, at = _u16(frame, at + 2), at + 4
        elif kind == 0x8864:
            _need(frame, at + 8)
            kind, at = _PPP.get(_u16(frame, at + 6), 0), at + 8
        elif kind <= 0x05DC and frame[at : at + 6] == b"\xaa\xaa\3\0\0\0" and len(frame) >= at + 8:
            kind, at = _u16(frame, at + 6), at + 8
            if kind <= 0x05DC:
                raise _Bad(L.OTHER)
        else:
            raise _Bad(L.OTHER)
    raise _Bad(L.MALFORMED)


def _ipv4(packet: Packet, frame: bytes, at: int, wire: int) -> tuple[int, int, int]:
    header = (frame[at] & 15) * 4
    if header < 20:
        raise _Bad(L.MALFORMED)
    _need(frame, at + header)
    total = _u16(frame, at + 2) or wire - at
    if total < header:
        raise _Bad(L.MALFORMED)
    packet.src, packet.dst = (_MAPPED + frame[at + place : at + place + 4] for place in (12, 16))
    packet.ip_bytes = total
    if _u16(frame, at + 6) & 0x1FFF:
        raise _Bad(L.FRAGMENT)
    return at + header, at + total, frame[at + 9]


def _ipv6(packet: Packet, frame: bytes, at: int, wire: int) -> tuple[int, int, int]:
    _need(frame, at + 40)
    total = 40 + _u16(frame, at + 4)
    if total == 40:
        total = max(wire - at, 40)
    packet.src, packet.dst, packet.ip_bytes = frame[at + 8 : at + 24], frame[at + 24 : at + 40], total
    stop, proto = at + total, frame[at + 6]
    at += 40
    for _ in range(L.HEADERS):
        if proto not in _EXTENSIONS:
            return at, stop, proto
        _need(frame, at + 8)
        if proto == 44 and _u16(frame, at + 2) & 0xFFF8:
            raise _Bad(L.FRAGMENT)
        size = 8 if proto == 44 else (frame[at + 1] + 2) * 4 if proto == 51 else (frame[at + 1] + 1) * 8
        proto, at = frame[at], at + size
    raise _Bad(L.MALFORMED)


def _transport(packet: Packet, frame: bytes, at: int, stop: int) -> None:
    header = 0
    if packet.proto == L.TCP:
        _need(frame, at + 16)
        header = (frame[at + 12] >> 4) * 4
        if header < 20 or at + header > stop:
            raise _Bad(L.MALFORMED)
        packet.seq, packet.flags = struct.unpack_from(">I", frame, at + 4)[0], frame[at + 13]
        packet.window = _u16(frame, at + 14)
    elif packet.proto == L.UDP:
        _need(frame, at + 8)
        header, size = 8, _u16(frame, at + 4)
        if at + 8 > stop or 0 < size < 8:
            raise _Bad(L.MALFORMED)
        stop = min(stop, at + size) if size else stop
    elif packet.proto in (L.ICMP, L.ICMP6):
        _need(frame, at + 4)
        header = 8
        packet.src_port = frame[at]
        packet.dst_port = _REPLIES.get(frame[at], frame[at + 1])
    if packet.proto in (L.TCP, L.UDP):
        packet.src_port, packet.dst_port = _u16(frame, at), _u16(frame, at + 2)
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
    known = interfaces.tolist()
    while count < len(records) and at + 12 <= end:
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind in (0x0A0D0D0A, 1) or size < 12 or size % 4 or size > 16 << 20:
            return count, at, True
        if at + size > end:
            return count, at, 0xFF < kind < 0x80000000
        if struct.unpack_from(order + "I", data, at + size - 4)[0] != size:
            return count, at, True
        if kind in (2, 3, 6) and size >= (16 if kind == 3 else 32):
            found = _packet_block(data, at, size, kind, order, known)
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
