"""From a frame to its IP header: link types, radio and firewall headers, VLAN tags, PPP, MPLS, LLC/SNAP (compiled).

From a frame's bytes and link type to the offset of the IP header, or minus the packet status where there is
none. Every read is bounds-checked. ``plain_links`` is the readable twin that property tests compare with.
"""

from __future__ import annotations

from kanaria.formats.packets.compile import jit
from kanaria.formats.packets.layout import (
    CUT,
    FRAGMENT,
    HEADERS,
    LINK,
    MALFORMED,
    OTHER,
    SEALED,
)
from kanaria.formats.packets.state import Array, Int, i64


@jit
def u16(data: Array, at: Int) -> Int:
    return (i64(data[at]) << 8) | i64(data[at + 1])


@jit
def u32(data: Array, at: Int) -> Int:
    return (u16(data, at) << 16) | u16(data, at + 2)


@jit
def _little16(data: Array, at: Int) -> Int:
    return (i64(data[at + 1]) << 8) | i64(data[at])


@jit
def _little32(data: Array, at: Int) -> Int:
    return (_little16(data, at + 2) << 16) | _little16(data, at)


@jit
def ppp(data: Array, at: Int, end: Int) -> Int:
    """Behind the PPP header at ``at`` (RFC 1661): HDLC's address and control may be there, a protocol below 256 may be
    written in one byte."""
    if at + 2 <= end and data[at] == 0xFF and data[at + 1] == 3:
        at += 2
    if at + 2 > end:
        return -CUT
    kind = i64(data[at])
    at += 1
    if kind & 1 == 0:
        kind = kind << 8 | i64(data[at])
        at += 1
    if kind == 0x21 or kind == 0x57:
        return at
    if kind == 0x281:
        return _after_labels(data, at, end)
    # Encrypted (RFC 1968, MPPE), compressed (RFC 1962, Van Jacobson's headers) or cut in parts (RFC 1990).
    if kind == 0x53 or kind == 0x55 or kind == 0xFB or kind == 0xFD or kind == 0x2D or kind == 0x2F or kind == 0x3D:
        return -SEALED
    return -OTHER


@jit
def _after_labels(data: Array, at: Int, end: Int) -> Int:
    while at + 4 <= end:
        at += 4
        if data[at - 2] & 1:
            return at
    return -CUT


@jit
def _tag_bytes(data: Array, kind: Int, at: Int, end: Int) -> Int:
    """Length of a tag that ends with the type of what follows, 0 when it is none, or minus the packet status."""
    size = 0
    if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
        size = 4
    elif kind == 0x8926:  # VN-Tag of virtual switches
        size = 6
    elif kind == 0x88E7:  # backbone bridging (IEEE 802.1ah): service, then both inner addresses
        size = 18
    elif kind == 0x88E5:  # MACsec (IEEE 802.1AE); with the bits E or C the rest is encrypted
        if at + 1 > end:
            return -CUT
        if data[at] & 0x0C:
            return -SEALED
        size = 16 if data[at] & 0x20 else 8
    return size if at + size <= end else -CUT


@jit
def after_type(data: Array, kind: Int, at: Int, end: Int) -> Int:
    """Behind tags, PPPoE, MPLS labels (and the Ethernet frame they may carry, RFC 4448) and LLC/SNAP."""
    for _ in range(HEADERS):
        if kind == 0x0800 or kind == 0x86DD:
            return at
        size = _tag_bytes(data, kind, at, end)
        if size < 0:
            return size
        if size:
            at += size
            kind = u16(data, at - 2)
        elif kind == 0x8847 or kind == 0x8848:
            at = _after_labels(data, at, end)
            if at < 0 or at >= end or data[at] >> 4 == 4 or data[at] >> 4 == 6:
                return at
            at += 18 if data[at] >> 4 == 0 else 14
            if at > end:
                return -CUT
            kind = u16(data, at - 2)
        elif kind == 0x8864:
            return ppp(data, at + 6, end)
        elif kind <= 0x05DC:  # a length (IEEE 802.3): LLC follows, with IP in it, or SNAP, or nothing of ours
            if at + 3 <= end and u16(data, at) == 0x0606 and data[at + 2] == 3:
                return at + 3
            if at + 8 > end or u32(data, at) != 0xAAAA0300 or (u16(data, at + 4) != 0 and u16(data, at + 4) != 0xF8):
                return -OTHER
            kind = u16(data, at + 6)
            at += 8
            if kind <= 0x05DC:
                return -OTHER
        else:
            return -OTHER
    return -MALFORMED


@jit
def ethernet(data: Array, at: Int, end: Int) -> Int:
    return after_type(data, u16(data, at + 12), at + 14, end) if at + 14 <= end else -CUT


@jit
def wlan(data: Array, at: Int, end: Int, padded: bool) -> Int:
    """Behind the header of a Wi-Fi frame (IEEE 802.11, 9.2.4); ``padded`` when it was filled up to four bytes.

    Frames that manage the network or carry nothing are none of ours. Of several packets in one frame (A-MSDU) the
    first is read.
    """
    if at + 2 > end:
        return -CUT
    if data[at] & 0x0F != 8 or data[at] & 0x40:
        return -OTHER
    flags = data[at + 1]
    size = 24 + (6 if flags & 3 == 3 else 0)
    several = False
    if at + size + 6 > end:
        return -CUT
    if data[at] & 0x80:
        several = data[at + size] & 0x80 != 0
        size += 6 if flags & 0x80 else 2
    if flags & 0x40:
        return -SEALED
    if data[at + 22] & 15:
        return -FRAGMENT
    if padded:
        size = (size + 3) & ~3
    return after_type(data, 0, at + size + (14 if several else 0), end)


@jit
def _radiotap(data: Array, at: Int, end: Int) -> Int:
    """Behind radiotap (radiotap.org); of its fields only the flags matter: padding, and a frame received damaged."""
    if at + 8 > end:
        return -CUT
    present = _little32(data, at + 4)
    words, place = present, at + 8
    for _ in range(HEADERS):
        if words & 0x80000000 == 0 or place + 4 > end:
            break
        words = _little32(data, place)
        place += 4
    if present & 1:
        place = at + ((place - at + 7) & ~7) + 8
    flags = i64(data[place]) if present & 2 and place < end else 0
    if flags & 0x40:
        return -MALFORMED
    return wlan(data, at + _little16(data, at + 2), end, flags & 0x20 != 0)


@jit
def prism(data: Array, at: Int, end: Int) -> Int:
    """Behind the Prism header, whose length is in the byte order of the machine, or AVS (big-endian)."""
    if at + 8 > end:
        return -CUT
    size = u32(data, at + 4)
    if u32(data, at) & 0xFFFFF000 != 0x80211000 and size > 0xFFFF:
        size = _little32(data, at + 4)
    return wlan(data, at + size, end, False) if 8 <= size <= end - at else -CUT


@jit
def _nflog(data: Array, at: Int, end: Int) -> Int:
    """The packet among the fields of Linux's netfilter log, whose lengths are in the byte order of the machine."""
    at += 4
    for _ in range(HEADERS):
        if at + 4 > end:
            return -CUT
        little = _little16(data, at)
        turned = little < 4 or little > end - at
        size = u16(data, at) if turned else little
        kind = u16(data, at + 2) if turned else _little16(data, at + 2)
        if kind == 9:
            return at + 4
        if size < 4:
            return -MALFORMED
        at += (size + 3) & ~3
    return -MALFORMED


@jit
def _radio(data: Array, at: Int, end: Int, link: Int) -> Int:
    if link == 105:
        return wlan(data, at, end, False)
    return _radiotap(data, at, end) if link == 127 else prism(data, at, end)


@jit
def _serial(data: Array, at: Int, end: Int, link: Int) -> Int:
    """PPP in its spellings, and Cisco's HDLC."""
    if link == 51:
        at += 6
    elif link == 166 or link == 204:  # one byte of direction first
        at += 1
    if at + 4 > end:
        return -CUT
    if link == 104 or ((link == 9 or link == 50) and (data[at] == 0x0F or data[at] == 0x8F)):
        return after_type(data, u16(data, at + 2), at + 4, end)
    return ppp(data, at, end)


@jit
def network(data: Array, at: Int, end: Int, link: Int) -> Int:
    """Offset of the IP header in a frame of that link type, or minus the packet status."""
    if link == 192:  # PPI: its length and the link type of what follows, little-endian
        if at + 8 > end:
            return -CUT
        link = _little32(data, at + 4)
        at += _little16(data, at + 2)
    if link == 1:
        return ethernet(data, at, end)
    if link == 113:
        return after_type(data, u16(data, at + 14), at + 16, end) if at + 16 <= end else -CUT
    if link == 276:
        return after_type(data, u16(data, at), at + 20, end) if at + 20 <= end else -CUT
    if link == 101 or link == 12 or link == 14 or link == 228 or link == 229:
        return at
    if link == 0 or link == 108:
        return at + 4
    if link == 109:  # OpenBSD's IPsec interface: packets after decryption
        return at + 12
    if link == 105 or link == 127 or link == 119 or link == 163:
        return _radio(data, at, end, link)
    if link == 9 or link == 50 or link == 51 or link == 104 or link == 166 or link == 204:
        return _serial(data, at, end, link)
    if link == 117:  # pf's log: its first byte is its length, and the packet begins at the next multiple of four
        return at + ((i64(data[at]) + 3) & ~3) if at < end else -CUT
    if link == 239:
        return _nflog(data, at, end)
    if link == 100:  # ATM with LLC (RFC 2684)
        return after_type(data, 0, at, end)
    return -LINK
