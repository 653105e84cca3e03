"""Plain-Python twin of ``links``: from a frame to the offset of its IP header, written to be read.

Where there is none, ``Bad`` says why with the packet status.
"""

from __future__ import annotations

import struct

from kanaria.formats.packets import layout as L

_RAW = (101, 12, 14, 228, 229)
_AHEAD = {0: 4, 108: 4, 109: 12}
_SERIAL = {9: 0, 50: 0, 104: 0, 51: 6, 166: 1, 204: 1}
_PPP_IP, _PPP_MPLS, _PPP_SEALED = (0x21, 0x57), 0x281, (0x53, 0x55, 0xFB, 0xFD, 0x2D, 0x2F, 0x3D)
_IP, _VLAN = (0x0800, 0x86DD), (0x8100, 0x88A8, 0x9100, 0x9200)
_SNAP = (b"\xaa\xaa\3\0\0\0", b"\xaa\xaa\3\0\0\xf8")


class Bad(Exception):
    """A packet that gives no flow; ``status`` says why."""

    def __init__(self, status: int) -> None:
        self.status = status


def need(frame: bytes, size: int) -> None:
    """Raises Bad when the frame is shorter."""
    if len(frame) < size:
        raise Bad(L.CUT)


def u16(frame: bytes, at: int) -> int:
    return int.from_bytes(frame[at : at + 2], "big")


def ip_offset(frame: bytes, link: int) -> int:
    """As ``links.network``."""
    at = 0
    if link == 192:
        need(frame, 8)
        at, link = struct.unpack_from("<2xHI", frame)
    if link in _RAW or link in _AHEAD:
        return at + _AHEAD.get(link, 0)
    if link in _SERIAL:
        return _serial(frame, at + _SERIAL[link], link)
    places = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
    if link in places:
        kind_at, size = places[link]
        need(frame, at + size)
        return after_type(frame, u16(frame, at + kind_at), at + size)
    readers = {105: wlan, 127: _radiotap, 119: prism, 163: prism, 117: _pflog, 239: _nflog, 100: _llc}
    if link not in readers:
        raise Bad(L.LINK)
    return readers[link](frame, at)


def _llc(frame: bytes, at: int) -> int:
    return after_type(frame, 0, at)


def _pflog(frame: bytes, at: int) -> int:
    need(frame, at + 1)
    return at + (frame[at] + 3) // 4 * 4


def _serial(frame: bytes, at: int, link: int) -> int:
    need(frame, at + 4)
    cisco = link == 104 or (link in (9, 50) and frame[at] in (0x0F, 0x8F))
    return after_type(frame, u16(frame, at + 2), at + 4) if cisco else ppp(frame, at)


def ppp(frame: bytes, at: int) -> int:
    """As ``links.ppp``."""
    if frame[at : at + 2] == b"\xff\3":
        at += 2
    need(frame, at + 2)
    size = 1 if frame[at] & 1 else 2
    kind = int.from_bytes(frame[at : at + size], "big")
    if kind in _PPP_IP:
        return at + size
    if kind == _PPP_MPLS:
        return _after_labels(frame, at + size)
    raise Bad(L.SEALED if kind in _PPP_SEALED else L.OTHER)


def _after_labels(frame: bytes, at: int) -> int:
    while True:
        need(frame, at + 4)
        at += 4
        if frame[at - 2] & 1:
            return at


def _tag_bytes(frame: bytes, kind: int, at: int) -> int:
    size = 4 if kind in _VLAN else {0x8926: 6, 0x88E7: 18}.get(kind, 0)
    if kind == 0x88E5:
        need(frame, at + 1)
        if frame[at] & 0x0C:
            raise Bad(L.SEALED)
        size = 16 if frame[at] & 0x20 else 8
    need(frame, at + size)
    return size


def after_type(frame: bytes, kind: int, at: int) -> int:
    """As ``links.after_type``."""
    for _ in range(L.HEADERS):
        if kind in _IP:
            return at
        if size := _tag_bytes(frame, kind, at):
            at += size
        elif kind in (0x8847, 0x8848):
            at = _after_labels(frame, at)
            version = frame[at] >> 4 if at < len(frame) else 4
            if version in (4, 6):
                return at
            at += 14 if version else 18
            need(frame, at)
        elif kind == 0x8864:
            return ppp(frame, at + 6)
        elif kind <= 0x05DC and frame[at : at + 3] == b"\6\6\3":
            return at + 3
        elif kind <= 0x05DC and frame[at : at + 6] in _SNAP and len(frame) >= at + 8 and u16(frame, at + 6) > 0x05DC:
            at += 8
        else:
            raise Bad(L.OTHER)
        kind = u16(frame, at - 2)
    raise Bad(L.MALFORMED)


def ethernet(frame: bytes, at: int) -> int:
    need(frame, at + 14)
    return after_type(frame, u16(frame, at + 12), at + 14)


def wlan(frame: bytes, at: int, padded: bool = False) -> int:
    """As ``links.wlan``."""
    need(frame, at + 2)
    kind, flags = frame[at], frame[at + 1]
    if kind & 0x0F != 8 or kind & 0x40:
        raise Bad(L.OTHER)
    size = 30 if flags & 3 == 3 else 24
    need(frame, at + size + 6)
    several = bool(kind & 0x80 and frame[at + size] & 0x80)
    if kind & 0x80:
        size += 6 if flags & 0x80 else 2
    if flags & 0x40:
        raise Bad(L.SEALED)
    if frame[at + 22] & 15:
        raise Bad(L.FRAGMENT)
    size = (size + 3) // 4 * 4 if padded else size
    return after_type(frame, 0, at + size + (14 if several else 0))


def _radiotap(frame: bytes, at: int) -> int:
    need(frame, at + 8)
    size, present = struct.unpack_from("<2xHI", frame, at)
    words, place = present, at + 8
    for _ in range(L.HEADERS):
        if not words & 0x80000000 or place + 4 > len(frame):
            break
        (words,) = struct.unpack_from("<I", frame, place)
        place += 4
    if present & 1:
        place = at + (place - at + 7) // 8 * 8 + 8
    flags = frame[place] if present & 2 and place < len(frame) else 0
    if flags & 0x40:
        raise Bad(L.MALFORMED)
    return wlan(frame, at + size, bool(flags & 0x20))


def prism(frame: bytes, at: int) -> int:
    """As ``links.prism``."""
    need(frame, at + 8)
    code, size = struct.unpack_from(">II", frame, at)
    if code & 0xFFFFF000 != 0x80211000 and size > 0xFFFF:
        (size,) = struct.unpack_from("<I", frame, at + 4)
    if size < 8:
        raise Bad(L.CUT)
    need(frame, at + size)
    return wlan(frame, at + size)


def _nflog(frame: bytes, at: int) -> int:
    at += 4
    for _ in range(L.HEADERS):
        need(frame, at + 4)
        size, kind = struct.unpack_from("<HH", frame, at)
        if size < 4 or size > len(frame) - at:
            size, kind = struct.unpack_from(">HH", frame, at)
        if kind == 9:
            return at + 4
        if size < 4:
            raise Bad(L.MALFORMED)
        at += (size + 3) // 4 * 4
    raise Bad(L.MALFORMED)
