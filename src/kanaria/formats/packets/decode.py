"""Decode network and transport headers: from capture bytes to ``layout.PACKET`` records (compiled).

One of two hot loops. Every read is bounds-checked against the captured bytes, because packets are hostile; sizes on the
wire come from the IP header. ``plain.decode`` is the readable twin that property tests compare with.
"""

from __future__ import annotations

from typing import Any

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import (
    CUT,
    FRAGMENT,
    HEADERS,
    ICMP,
    ICMP6,
    MALFORMED,
    NO_TUNNEL,
    OK,
    TCP,
    TUNNELS,
    UDP,
)
from kanaria.formats.packets.links import network, u16, u32
from kanaria.formats.packets.state import Array, Int, i64, u64
from kanaria.formats.packets.tunnels import carried


@jit
def _u64(data: Array, at: Int) -> Any:
    return (u64(u32(data, at)) << u64(32)) | u64(u32(data, at + 4))


@jit
def _ipv4(data: Array, at: Int, end: Int, wire_end: Int, packet: Any) -> Any:
    """(status, transport offset, end of the IP packet on the wire, protocol)."""
    header = (data[at] & 15) * 4
    if header < 20:
        return MALFORMED, 0, 0, 0
    if at + header > end:
        return CUT, 0, 0, 0
    total = u16(data, at + 2)
    if total == 0:  # segmentation offload: the card fills it in
        total = wire_end - at
    if total < header:
        return MALFORMED, 0, 0, 0
    packet["src_hi"] = 0
    packet["dst_hi"] = 0
    packet["src_lo"] = u64(0xFFFF00000000) | u64(u32(data, at + 12))
    packet["dst_lo"] = u64(0xFFFF00000000) | u64(u32(data, at + 16))
    packet["ip_bytes"] = total
    if u16(data, at + 6) & 0x1FFF:
        return FRAGMENT, 0, 0, 0
    return OK, at + header, at + total, i64(data[at + 9])


@jit
def _ipv6(data: Array, at: Int, end: Int, wire_end: Int, packet: Any) -> Any:
    """As ``_ipv4``, walking the extension headers."""
    if at + 40 > end:
        return CUT, 0, 0, 0
    total = 40 + u16(data, at + 4)
    if total == 40:  # jumbogram or offload
        total = max(wire_end - at, 40)
    packet["src_hi"] = _u64(data, at + 8)
    packet["src_lo"] = _u64(data, at + 16)
    packet["dst_hi"] = _u64(data, at + 24)
    packet["dst_lo"] = _u64(data, at + 32)
    packet["ip_bytes"] = total
    stop = at + total
    proto = i64(data[at + 6])
    at += 40
    for _ in range(HEADERS):
        if proto != 0 and proto != 43 and proto != 60 and proto != 51 and proto != 44 and proto != 135:
            return OK, at, stop, proto
        if at + 8 > end:
            return CUT, 0, 0, 0
        if proto == 44 and u16(data, at + 2) & 0xFFF8:
            return FRAGMENT, 0, 0, 0
        step = 8 if proto == 44 else (i64(data[at + 1]) + 2) * 4 if proto == 51 else (i64(data[at + 1]) + 1) * 8
        proto = i64(data[at])
        at += step
    return MALFORMED, 0, 0, 0


@jit
def _icmp_reply(kind: Int) -> Int:
    """The type that answers an ICMP or ICMPv6 type (Community ID v1 uses the pair as ports), or -1."""
    if kind == 8:
        return 0
    if kind == 0:
        return 8
    if kind == 13 or kind == 15 or kind == 17 or kind == 128 or kind == 133 or kind == 135:
        return kind + 1
    if kind == 14 or kind == 16 or kind == 18 or kind == 129 or kind == 134 or kind == 136:
        return kind - 1
    if kind == 9 or kind == 10:
        return 19 - kind
    if kind == 130 or kind == 131:
        return 261 - kind
    return 140 if kind == 139 else 139 if kind == 140 else 145 if kind == 144 else 144 if kind == 145 else -1


@jit
def _transport(data: Array, at: Int, end: Int, stop: Int, packet: Any) -> Int:
    """Ports, flags and payload of the transport header; returns the packet status."""
    proto = packet["proto"]
    packet["src_port"] = 0
    packet["dst_port"] = 0
    packet["flags"] = 0
    packet["seq"] = 0
    packet["window"] = 1
    header = 0
    if proto == TCP:
        if at + 16 > end:
            return CUT
        header = (i64(data[at + 12]) >> 4) * 4
        if header < 20 or at + header > stop:
            return MALFORMED
        packet["seq"] = u32(data, at + 4)
        packet["flags"] = data[at + 13]
        packet["window"] = u16(data, at + 14)
    elif proto == UDP:
        if at + 8 > end:
            return CUT
        header = 8
        size = u16(data, at + 4)
        if at + 8 > stop or (size != 0 and size < 8):
            return MALFORMED
        if size != 0 and at + size < stop:
            stop = at + size
    elif proto == ICMP or proto == ICMP6:
        if at + 4 > end:
            return CUT
        header = 8
        kind = i64(data[at])
        reply = _icmp_reply(kind)
        packet["src_port"] = kind
        packet["dst_port"] = reply if reply >= 0 else i64(data[at + 1])
    if proto == TCP or proto == UDP:
        packet["src_port"] = u16(data, at)
        packet["dst_port"] = u16(data, at + 2)
    packet["payload"] = at + header
    packet["length"] = max(stop - at - header, 0)
    packet["captured"] = max(min(end, stop) - at - header, 0)
    return OK


@jit
def decode_one(data: Array, at: Int, captured: Int, wire: Int, link: Int, packet: Any) -> Int:
    """Fill one packet record; returns its status."""
    end = at + captured
    wire_end = at + max(wire, captured)
    at = network(data, at, end, link)
    if at < 0:
        return -at
    for _ in range(TUNNELS):
        if at + 20 > end:
            return CUT
        version = data[at] >> 4
        if version == 4:
            status, inner, stop, proto = _ipv4(data, at, end, wire_end, packet)
        elif version == 6:
            status, inner, stop, proto = _ipv6(data, at, end, wire_end, packet)
        else:
            return MALFORMED
        if status != OK:
            return status
        at = NO_TUNNEL if proto == TCP else carried(data, inner, end, proto)
        if at == NO_TUNNEL:
            packet["proto"] = proto
            return _transport(data, inner, end, stop, packet)
        if at < 0:
            return -at
    return MALFORMED


@jit
def decode_block(data: Array, records: Array, count: Int, packets: Array) -> None:
    """Decode ``records[:count]`` (``container.RECORD``) of a block into ``packets``."""
    for index in range(count):
        record = records[index]
        packet = packets[index]
        packet["time"] = record["time"]
        packet["payload"] = 0
        packet["length"] = 0
        packet["captured"] = 0
        packet["status"] = decode_one(data, record["at"], record["captured"], record["wire"], record["link"], packet)


@jit
def _is_fragment(data: Array, at: Int, end: Int) -> Any:
    """Whether the IP packet there is a part of one; a whole IPv6 packet in one fragment is not."""
    version = data[at] >> 4
    if version == 4:
        return (u16(data, at + 6) & 0x3FFF) != 0
    if version != 6 or at + 48 > end:
        return False
    kind = i64(data[at + 6])
    at += 40
    for _ in range(HEADERS):
        if at + 8 > end:
            return False
        if kind == 44:
            return (u16(data, at + 2) & 0xFFF9) != 0
        if kind != 0 and kind != 43 and kind != 60 and kind != 135:
            return False
        kind = i64(data[at])
        at += (i64(data[at + 1]) + 1) * 8
    return False


@jit
def fragments(data: Array, records: Array, count: int, places: Array) -> int:
    """Put (record, offset of the IP header) of every fragment into ``places``, ``int64`` of shape (count, 2)."""
    number = 0
    for index in range(count):
        record = records[index]
        end = record["at"] + record["captured"]
        at = network(data, record["at"], end, record["link"])
        if at >= 0 and at + 20 <= end and _is_fragment(data, at, end):
            places[number, 0] = index
            places[number, 1] = at
            number += 1
    return number
