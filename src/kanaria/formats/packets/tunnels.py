"""Open tunnels: from a transport header's place to the place of the IP header inside the tunnel (compiled).

Mirror ports, clouds, access points and mobile networks send their copies in these; what is inside is reported, and the
tunnel only when it cannot be opened. ``plain_tunnels`` is the readable twin that property tests compare with.
"""

from __future__ import annotations

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import (
    CUT,
    ETHER_IP,
    GENEVE_PORT,
    GRE,
    GTP_PORT,
    HEADERS,
    L2TP,
    L2TP_PORT,
    NO_TUNNEL,
    OTHER,
    SEALED,
    TZSP_PORT,
    UDP,
    VXLAN_GPE_PORT,
    VXLAN_LINUX_PORT,
    VXLAN_PORT,
)
from kanaria.formats.packets.links import after_type, ethernet, ppp, prism, u16, u32, wlan
from kanaria.formats.packets.state import Array, Int, i64


@jit
def _vxlan(data: Array, at: Int, end: Int) -> Int:
    """VXLAN (RFC 7348), also with the group policy extension."""
    if at + 8 > end or data[at] & 0x7F != 8 or data[at + 1] & 0xB7 or data[at + 7]:
        return NO_TUNNEL
    if data[at] == 8 and u32(data, at) != 0x08000000:
        return NO_TUNNEL
    return ethernet(data, at + 8, end)


@jit
def _vxlan_gpe(data: Array, at: Int, end: Int) -> Int:
    """VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe)."""
    if at + 8 > end or data[at] & 0xFC != 0x0C or data[at + 7]:
        return NO_TUNNEL
    kind = data[at + 3]
    if kind == 1 or kind == 2:
        return at + 8
    return ethernet(data, at + 8, end) if kind == 3 else -SEALED


@jit
def _geneve(data: Array, at: Int, end: Int) -> Int:
    """Geneve (RFC 8926): options of a length it names, then a frame or a packet."""
    if at + 8 > end or data[at] >> 6:
        return NO_TUNNEL
    kind, size = u16(data, at + 2), 8 + 4 * (i64(data[at]) & 63)
    if kind == 0x6558:
        return ethernet(data, at + size, end)
    return after_type(data, kind, at + size, end) if kind > 0x05DC else NO_TUNNEL


@jit
def _tzsp(data: Array, at: Int, end: Int) -> Int:
    """TaZmen Sniffer Protocol: tagged fields, then a frame of the kind it names."""
    if at + 5 > end or data[at] != 1 or data[at + 1] > 1:
        return NO_TUNNEL
    kind = u16(data, at + 2)
    at += 4
    for _ in range(HEADERS):
        if at >= end:
            return -CUT
        tag = data[at]
        if tag == 1:
            at += 1
            if kind == 1:
                return ethernet(data, at, end)
            if kind == 18:
                return wlan(data, at, end, False)
            return prism(data, at, end) if kind == 119 or kind == 127 else -SEALED
        if tag and at + 1 >= end:
            return -CUT
        at += 2 + i64(data[at + 1]) if tag else 1
    return NO_TUNNEL


@jit
def _gtp(data: Array, at: Int, end: Int) -> Int:
    """GTP-U version 1 (3GPP TS 29.281): a packet of a mobile network's user behind optional headers."""
    if at + 8 > end or data[at] >> 4 != 3 or data[at + 1] != 255:
        return NO_TUNNEL
    flags = data[at]
    at += 8
    if flags & 7:
        at += 4
        if at > end:
            return -CUT
        kind = data[at - 1] if flags & 4 else 0
        for _ in range(HEADERS):
            if kind == 0:
                break
            if at >= end or data[at] == 0 or at + 4 * i64(data[at]) > end:
                return NO_TUNNEL
            at += 4 * i64(data[at])
            kind = data[at - 1]
    if at < end and (data[at] >> 4 == 4 or data[at] >> 4 == 6):
        return at
    return ethernet(data, at, end)


@jit
def _likely_frame(data: Array, at: Int, end: Int) -> Int:
    """The IP header in what looks like an Ethernet or PPP frame, 0 when it does not."""
    if at + 34 > end:
        return 0
    kind = u16(data, at + 12)
    if kind == 0x0800 or kind == 0x86DD or kind == 0x8100 or kind == 0x88A8:
        inner = ethernet(data, at, end)
        if 0 < inner < end and (data[inner] == 0x45 or data[inner] >> 4 == 6):
            return inner
    return max(ppp(data, at, end), 0) if u16(data, at) == 0xFF03 else 0


@jit
def _l2tp3(data: Array, at: Int, end: Int) -> Int:
    """Behind the session of L2TP version 3 (RFC 3931). Its packets do not say how long the cookie (0, 4 or 8 bytes) and
    the sublayer (0 or 4) are: the first length with a frame behind it counts."""
    for step in range(4):
        inner = _likely_frame(data, at + 4 * step, end)
        if inner > 0:
            return inner
    return -SEALED


@jit
def _l2tp(data: Array, at: Int, end: Int) -> Int:
    """L2TP over UDP: PPP in version 2 (RFC 2661), frames in version 3 (RFC 3931)."""
    if at + 8 > end:
        return NO_TUNNEL
    head = u16(data, at)
    if head & 0x8000 or (head & 15 != 2 and head & 15 != 3):
        return NO_TUNNEL
    if head & 15 == 3:
        return _l2tp3(data, at + 8, end)
    at += 6 + (2 if head & 0x4000 else 0) + (4 if head & 0x0800 else 0)
    if head & 0x0200:
        if at + 2 > end:
            return -CUT
        at += 2 + u16(data, at)
    return _spoken(ppp(data, at, end))


@jit
def _spoken(found: Int) -> Int:
    """What PPP says besides packets (who is there, which address) stays visible as the tunnel's own connection."""
    return NO_TUNNEL if found == -OTHER else found


@jit
def _in_udp(data: Array, at: Int, end: Int) -> Int:
    if at + 8 > end:
        return NO_TUNNEL
    source, target = u16(data, at), u16(data, at + 2)
    at += 8
    if target == VXLAN_PORT or target == VXLAN_LINUX_PORT:
        return _vxlan(data, at, end)
    if target == GENEVE_PORT:
        return _geneve(data, at, end)
    if target == TZSP_PORT:
        return _tzsp(data, at, end)
    if target == GTP_PORT:
        return _gtp(data, at, end)
    if target == VXLAN_GPE_PORT:
        return _vxlan_gpe(data, at, end)
    return _l2tp(data, at, end) if target == L2TP_PORT or source == L2TP_PORT else NO_TUNNEL


@jit
def _erspan(data: Array, at: Int, end: Int, sequenced: bool) -> Int:
    """ERSPAN (draft-foschiano-erspan): type I has no header, II eight bytes, III twelve and perhaps eight more."""
    if not sequenced:
        return ethernet(data, at, end)
    if at + 12 > end:
        return -CUT
    if data[at] >> 4 != 2:
        return ethernet(data, at + 8, end)
    word = u16(data, at + 10)
    at += 20 if word & 1 else 12
    return at if word >> 10 & 31 == 2 else ethernet(data, at, end)


@jit
def _in_gre_1(data: Array, at: Int, end: Int, kind: Int) -> Int:
    """Version 1 of GRE: PPTP (RFC 2637) with PPP inside, MikroTik's EoIP with Ethernet."""
    if kind == 0x6400:
        return ethernet(data, at + 8, end)
    if kind != 0x880B:
        return NO_TUNNEL
    inner = at + 8 + (4 if data[at] & 0x10 else 0) + (4 if data[at + 1] & 0x80 else 0)
    return _spoken(ppp(data, inner, end)) if inner < end else NO_TUNNEL


@jit
def _in_gre(data: Array, at: Int, end: Int) -> Int:
    """GRE (RFC 2784, RFC 2890), with all that is known to be sent in it."""
    if at + 8 > end:
        return NO_TUNNEL
    kind = u16(data, at + 2)
    if data[at + 1] & 7 == 1:
        return _in_gre_1(data, at, end, kind)
    if data[at] & 0x40 or data[at + 1] & 7:
        return NO_TUNNEL
    sequenced = data[at] & 0x10 != 0
    at += 4 + 4 * (i64(data[at] >> 7) + i64(data[at] >> 5 & 1) + i64(data[at] >> 4 & 1))
    if kind == 0x88BE or kind == 0x22EB:
        return _erspan(data, at, end, sequenced)
    if kind == 0x6558:
        return ethernet(data, at, end)
    if kind == 0x880B:
        return _spoken(ppp(data, at, end))
    if kind == 0x883E and at < end:  # redirected to a web cache; version 2 puts four bytes before the packet
        return at if data[at] >> 4 == 4 else at + 4
    return after_type(data, kind, at, end) if kind > 0x05DC else NO_TUNNEL


@jit
def carried(data: Array, at: Int, end: Int, proto: Int) -> Int:
    """Offset of the IP header inside the tunnel whose header of that protocol begins at ``at``.

    ``NO_TUNNEL`` when it is none or cannot be opened; minus the packet status when it was opened and has none of ours.
    """
    if proto == UDP:
        inner = _in_udp(data, at, end)
    elif proto == GRE:
        inner = _in_gre(data, at, end)
    elif proto == 4 or proto == 41:
        return at
    elif proto == ETHER_IP:
        inner = ethernet(data, at + 2, end) if at < end and data[at] >> 4 == 3 else NO_TUNNEL
    elif proto == L2TP:
        inner = _l2tp3(data, at + 4, end) if at + 4 <= end and u32(data, at) else NO_TUNNEL
    else:
        return NO_TUNNEL
    if inner < 0:
        return NO_TUNNEL if inner == -SEALED else inner
    if inner + 20 > end:
        return -CUT
    return inner if data[inner] >> 4 == 4 or data[inner] >> 4 == 6 else NO_TUNNEL
