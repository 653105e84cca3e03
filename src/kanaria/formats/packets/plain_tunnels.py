"""Plain-Python twin of ``tunnels``: from a transport header's place to the IP header inside."""

from __future__ import annotations

from kanaria.formats.packets import layout as L
from kanaria.formats.packets.plain_links import Bad, after_type, ethernet, need, ppp, prism, u16, wlan


class _NoTunnel(Exception):
    """None, or none that can be opened: the packet is shown as it is."""


def carried(frame: bytes, at: int, proto: int) -> int | None:
    """As ``tunnels.carried``; None where that says ``NO_TUNNEL``, and Bad where it says a status."""
    if proto in (4, 41):
        return at
    try:
        inner = _found(frame, at, proto)
    except _NoTunnel:
        return None
    except Bad as bad:
        if bad.status == L.SEALED:
            return None
        raise
    need(frame, inner + 20)
    return inner if frame[inner] >> 4 in (4, 6) else None


def _found(frame: bytes, at: int, proto: int) -> int:
    if proto == L.UDP:
        return _in_udp(frame, at)
    if proto == L.GRE:
        return _in_gre(frame, at)
    if proto == L.ETHER_IP and frame[at : at + 1] and frame[at] >> 4 == 3:
        return ethernet(frame, at + 2)
    if proto == L.L2TP and len(frame) >= at + 4 and any(frame[at : at + 4]):
        return _l2tp3(frame, at + 4)
    raise _NoTunnel


def _in_udp(frame: bytes, at: int) -> int:
    _tunnel_if(len(frame) >= at + 8)
    source, target = u16(frame, at), u16(frame, at + 2)
    reader = _PORTS.get(target) or (_l2tp if source == L.L2TP_PORT else None)
    if reader is None:
        raise _NoTunnel
    return reader(frame, at + 8)


def _tunnel_if(it_is: bool) -> None:
    if not it_is:
        raise _NoTunnel


def _vxlan(frame: bytes, at: int) -> int:
    head = frame[at : at + 8]
    _tunnel_if(len(head) == 8 and head[7] == 0)
    _tunnel_if(head[:4] == b"\x08\0\0\0" or (head[0] == 0x88 and not head[1] & 0xB7))
    return ethernet(frame, at + 8)


def _vxlan_gpe(frame: bytes, at: int) -> int:
    head = frame[at : at + 8]
    _tunnel_if(len(head) == 8 and head[0] & 0xFC == 0x0C and head[7] == 0)
    if head[3] in (1, 2):
        return at + 8
    if head[3] != 3:
        raise Bad(L.SEALED)
    return ethernet(frame, at + 8)


def _geneve(frame: bytes, at: int) -> int:
    _tunnel_if(len(frame) >= at + 8 and frame[at] >> 6 == 0)
    kind, inner = u16(frame, at + 2), at + 8 + 4 * (frame[at] & 63)
    if kind == 0x6558:
        return ethernet(frame, inner)
    _tunnel_if(kind > 0x05DC)
    return after_type(frame, kind, inner)


def _tzsp(frame: bytes, at: int) -> int:
    _tunnel_if(len(frame) >= at + 5 and frame[at] == 1 and frame[at + 1] <= 1)
    kind = u16(frame, at + 2)
    at += 4
    for _ in range(L.HEADERS):
        need(frame, at + 1)
        if frame[at] == 1:
            readers = {1: ethernet, 18: wlan, 119: prism, 127: prism}
            if kind not in readers:
                raise Bad(L.SEALED)
            return readers[kind](frame, at + 1)
        if frame[at]:
            need(frame, at + 2)
            at += frame[at + 1] + 1
        at += 1
    raise _NoTunnel


def _gtp(frame: bytes, at: int) -> int:
    _tunnel_if(len(frame) >= at + 8 and frame[at] >> 4 == 3 and frame[at + 1] == 255)
    flags = frame[at]
    at += 8
    if flags & 7:
        at += 4
        need(frame, at)
        kind = frame[at - 1] if flags & 4 else 0
        for _ in range(L.HEADERS):
            if kind == 0:
                break
            size = 4 * frame[at] if at < len(frame) else 0
            _tunnel_if(0 < size <= len(frame) - at)
            at += size
            kind = frame[at - 1]
    return at if at < len(frame) and frame[at] >> 4 in (4, 6) else ethernet(frame, at)


def _l2tp3(frame: bytes, at: int) -> int:
    for size in (0, 4, 8, 12):
        if found := _likely_frame(frame, at + size):
            return found
    raise Bad(L.SEALED)


def _likely_frame(frame: bytes, at: int) -> int:
    if len(frame) < at + 34:
        return 0
    try:
        if u16(frame, at + 12) in (0x0800, 0x86DD, 0x8100, 0x88A8):
            inner = ethernet(frame, at)
            if inner < len(frame) and (frame[inner] == 0x45 or frame[inner] >> 4 == 6):
                return inner
    except Bad:
        pass
    try:
        return ppp(frame, at) if frame[at : at + 2] == b"\xff\3" else 0
    except Bad:
        return 0


def _l2tp(frame: bytes, at: int) -> int:
    head = u16(frame, at)
    _tunnel_if(len(frame) >= at + 8 and not head & 0x8000 and head & 15 in (2, 3))
    if head & 15 == 3:
        return _l2tp3(frame, at + 8)
    at += 6 + (2 if head & 0x4000 else 0) + (4 if head & 0x0800 else 0)
    if head & 0x0200:
        need(frame, at + 2)
        at += 2 + u16(frame, at)
    return _spoken(frame, at)


def _spoken(frame: bytes, at: int) -> int:
    try:
        return ppp(frame, at)
    except Bad as bad:
        if bad.status == L.OTHER:
            raise _NoTunnel from None
        raise


def _in_gre(frame: bytes, at: int) -> int:
    _tunnel_if(len(frame) >= at + 8)
    flags, version, kind = frame[at], frame[at + 1] & 7, u16(frame, at + 2)
    if version == 1:
        return _in_gre_1(frame, at, kind)
    _tunnel_if(not flags & 0x40 and version == 0)
    at += 4 + 4 * ((flags >> 7) + (flags >> 5 & 1) + (flags >> 4 & 1))
    if kind in (0x88BE, 0x22EB):
        return _erspan(frame, at, bool(flags & 0x10))
    if kind == 0x6558:
        return ethernet(frame, at)
    if kind == 0x880B:
        return _spoken(frame, at)
    if kind == 0x883E and at < len(frame):
        return at if frame[at] >> 4 == 4 else at + 4
    _tunnel_if(kind > 0x05DC)
    return after_type(frame, kind, at)


def _in_gre_1(frame: bytes, at: int, kind: int) -> int:
    if kind == 0x6400:
        return ethernet(frame, at + 8)
    inner = at + 8 + (4 if frame[at] & 0x10 else 0) + (4 if frame[at + 1] & 0x80 else 0)
    _tunnel_if(kind == 0x880B and inner < len(frame))
    return _spoken(frame, inner)


def _erspan(frame: bytes, at: int, sequenced: bool) -> int:
    if not sequenced:
        return ethernet(frame, at)
    need(frame, at + 12)
    if frame[at] >> 4 != 2:
        return ethernet(frame, at + 8)
    word = u16(frame, at + 10)
    at += 20 if word & 1 else 12
    return at if word >> 10 & 31 == 2 else ethernet(frame, at)


_PORTS = {
    L.VXLAN_PORT: _vxlan, L.VXLAN_LINUX_PORT: _vxlan, L.VXLAN_GPE_PORT: _vxlan_gpe, L.GENEVE_PORT: _geneve,
    L.TZSP_PORT: _tzsp, L.GTP_PORT: _gtp, L.L2TP_PORT: _l2tp,
}  # fmt: skip
