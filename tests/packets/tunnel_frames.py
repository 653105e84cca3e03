"""One packet in everything it may arrive in: (link type, wrapper) by name, each header by hand from its standard."""

from __future__ import annotations

import struct
from collections.abc import Callable

from build_packets import ethernet, ip, udp

Wrap = Callable[[bytes], bytes]

_SNAP = b"\xaa\xaa\3\0\0\0"
_MACS = bytes.fromhex("020000000001020000000002")


def frame(packet: bytes) -> bytes:
    return _MACS + ethernet(packet)[12:]


def _outer(body: bytes, proto: int) -> bytes:
    return frame(ip(body, proto=proto, src="198.51.100.1", dst="198.51.100.2"))


def _in_udp(port: int, head: bytes, inside: Wrap = frame, sport: int = 49152) -> tuple[int, Wrap]:
    return 1, lambda packet: _outer(udp(head + inside(packet), sport=sport, dport=port), 17)


def _in_gre(head: bytes, inside: Wrap = frame) -> tuple[int, Wrap]:
    return 1, lambda packet: _outer(head + inside(packet), 47)


def _bare(packet: bytes) -> bytes:
    return packet


def _ppp(packet: bytes) -> bytes:
    return b"\xff\3\0\x21" + packet


def _wlan(packet: bytes, *, control: bytes = b"\x08\1", more: bytes = b"", behind: bytes = b"") -> bytes:
    addresses = bytes.fromhex("020000000002020000000001020000000003")
    return control + b"\0\0" + addresses + b"\x10\0" + more + behind + _SNAP + b"\x08\0" + packet


def _radiotap(inner: bytes, present: int = 0, fields: bytes = b"") -> bytes:
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + inner


def _erspan3(*, extra: bool, kind: int = 0) -> bytes:
    word = kind << 10 | 1 << 1 | int(extra)
    return struct.pack(">HHIHH", 0x2000 | 5, 7, 1, 0, word) + (bytes(8) if extra else b"")


def _nflog(packet: bytes, order: str) -> bytes:
    def field(kind: int, value: bytes) -> bytes:
        return struct.pack(order + "HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    return b"\2\0\0\x05" + field(1, b"\x08\0\3\0") + field(10, b"drop: \0") + field(9, packet)


def _gtp(flags: int, more: bytes = b"") -> tuple[int, Wrap]:
    def wrap(packet: bytes) -> bytes:
        head = struct.pack(">BBHI", 0x30 | flags, 255, len(more) + len(packet), 7)
        return _outer(udp(head + more + packet, dport=2152, sport=2152), 17)

    return 1, wrap


def _eoip(packet: bytes) -> bytes:
    inner = frame(packet)
    return b"\x20\1\x64\0" + struct.pack(">H", len(inner)) + b"\7\0" + inner


def _pptp(packet: bytes) -> bytes:
    inner = _ppp(packet)
    return _outer(b"\x30\x81\x88\x0b" + struct.pack(">HHII", len(inner), 7, 1, 1) + inner, 47)


def _amsdu(packet: bytes) -> bytes:
    sub = bytes(12) + struct.pack(">H", 8 + len(packet))
    return _wlan(packet, control=b"\x88\1", more=b"\x80\0", behind=sub)


CARRIED: dict[str, tuple[int, Wrap]] = {
    "vxlan": _in_udp(4789, b"\x08\0\0\0\0\0\7\0"),
    "vxlan of flannel": _in_udp(8472, b"\x08\0\0\0\0\0\1\0"),
    "vxlan with a group": _in_udp(4789, b"\x88\0\0\x09\0\0\7\0"),
    "vxlan-gpe": _in_udp(4790, b"\x0c\0\0\3\0\0\7\0"),
    "vxlan-gpe with ip": _in_udp(4790, b"\x0c\0\0\1\0\0\7\0", _bare),
    "geneve": _in_udp(6081, b"\0\0\x65\x58\0\0\7\0"),
    "geneve with options": _in_udp(6081, b"\2\0\x65\x58\0\0\7\0" + b"\1\2\x80\1" + bytes(4)),
    "geneve with ip": _in_udp(6081, b"\0\0\x08\0\0\0\7\0", _bare),
    "tzsp": _in_udp(37008, b"\1\0\0\1" + b"\1"),
    "tzsp with tags": _in_udp(37008, b"\1\0\0\1" + b"\0" + b"\x0a\1\xc8" + b"\x29\2\0\x50" + b"\1"),
    "tzsp with wi-fi": _in_udp(37008, b"\1\0\0\x12\1", _wlan),
    "gtp-u": _gtp(0),
    "gtp-u with a number": _gtp(2, b"\0\1\0\0"),
    "gtp-u of 5g": _gtp(4, b"\0\0\0\x85" + b"\1\0\1\0"),
    "l2tp": _in_udp(1701, b"\0\2\0\7\0\x09", _ppp, sport=1701),
    "l2tp with all fields": _in_udp(1701, b"\x4a\2\0\x4d\0\7\0\x09\0\1\0\0\0\2\0\0", _ppp),
    "l2tp back to a client": _in_udp(50000, b"\0\2\0\7\0\x09", _ppp, sport=1701),
    "l2tp, short ppp": _in_udp(1701, b"\0\2\0\7\0\x09\x21", _bare),
    "l2tpv3 over udp": _in_udp(1701, b"\0\3\0\0\0\0\0\7"),
    "l2tpv3 with a cookie": _in_udp(1701, b"\0\3\0\0\0\0\0\7\xc0\xff\xee\x11"),
    "l2tpv3 with all": _in_udp(1701, b"\0\3\0\0\0\0\0\7\xc0\xff\xee\x11\xc0\xff\xee\x22\x40\0\0\1"),
    "l2tpv3 over ip": (1, lambda packet: _outer(b"\0\0\0\7" + frame(packet), 115)),
    "ether-ip": (1, lambda packet: _outer(b"\x30\0" + frame(packet), 97)),
    "ip in ip": (1, lambda packet: _outer(packet, 4)),
    "gre": _in_gre(b"\0\0\x08\0", _bare),
    "gre with all": _in_gre(b"\xb0\0\x08\0" + bytes(12), _bare),
    "gre with ethernet": _in_gre(b"\x20\0\x65\x58\0\0\7\0"),
    "gre with labels": _in_gre(b"\0\0\x88\x47\0\0\x11\x40", _bare),
    "gre with ppp": _in_gre(b"\0\0\x88\x0b", _ppp),
    "wccp": _in_gre(b"\0\0\x88\x3e" + b"\0\0\0\0", _bare),
    "pptp": (1, _pptp),
    "eoip": (1, lambda packet: _outer(_eoip(packet), 47)),
    "erspan i": _in_gre(b"\0\0\x88\xbe"),
    "erspan ii": _in_gre(b"\x10\0\x88\xbe\0\0\0\1" + b"\x10\5\0\7\0\0\0\1"),
    "erspan iii": _in_gre(b"\x10\0\x22\xeb\0\0\0\1" + _erspan3(extra=False)),
    "erspan iii with more": _in_gre(b"\x10\0\x22\xeb\0\0\0\1" + _erspan3(extra=True)),
    "erspan iii with ip": _in_gre(b"\x10\0\x22\xeb\0\0\0\1" + _erspan3(extra=False, kind=2), _bare),
    "geneve in vxlan": (
        1,
        lambda packet: _in_udp(4789, b"\x08\0\0\0\0\0\7\0")[1](_in_udp(6081, b"\0\0\x65\x58\0\0\7\0")[1](packet)[14:]),
    ),
    "ethernet over mpls": (1, lambda packet: _MACS + b"\x88\x47\0\x01\x01\x40" + bytes(4) + frame(packet)),
    "vn-tag": (1, lambda packet: _MACS + b"\x89\x26\0\0\0\0" + b"\x08\0" + packet),
    "backbone bridge": (1, lambda packet: _MACS + b"\x88\xe7\0\0\0\7" + frame(packet)),
    "macsec in the clear": (1, lambda packet: _MACS + b"\x88\xe5\0\0\0\0\0\1" + b"\x08\0" + packet),
    "snap": (1, lambda packet: _MACS + struct.pack(">H", 8 + len(packet)) + _SNAP + b"\x08\0" + packet),
    "bridged snap": (1, lambda packet: _MACS + struct.pack(">H", 8 + len(packet)) + b"\xaa\xaa\3\0\0\xf8\x08\0" + packet),
    "llc": (1, lambda packet: _MACS + struct.pack(">H", 3 + len(packet)) + b"\6\6\3" + packet),
    "wi-fi": (105, _wlan),
    "wi-fi with qos": (105, lambda packet: _wlan(packet, control=b"\x88\1", more=b"\0\0")),
    "wi-fi with ht": (105, lambda packet: _wlan(packet, control=b"\x88\x81", more=bytes(6))),
    "wi-fi between access points": (105, lambda packet: _wlan(packet, control=b"\x08\3", more=bytes(6))),
    "wi-fi, several in one": (105, _amsdu),
    "radiotap": (127, lambda packet: _radiotap(_wlan(packet))),
    "radiotap with flags": (
        127,
        lambda packet: _radiotap(
            _wlan(packet, control=b"\x88\1", more=b"\0\0", behind=b"\0\0"), 1 | 2 | 1 << 31, bytes(16) + b"\x20\0\0\0"
        ),
    ),
    "prism": (119, lambda packet: struct.pack("<II", 0x44, 144) + bytes(136) + _wlan(packet)),
    "avs": (163, lambda packet: struct.pack(">II", 0x80211001, 64) + bytes(56) + _wlan(packet)),
    "ppi": (192, lambda packet: struct.pack("<BBHI", 0, 0, 8, 105) + _wlan(packet)),
    "ppi with a field": (192, lambda packet: struct.pack("<BBHIHH", 0, 0, 16, 1, 9, 4) + bytes(4) + frame(packet)),
    "pflog": (117, lambda packet: struct.pack("<BBBB", 61, 2, 0, 0) + bytes(60) + packet),
    "pflog of openbsd": (117, lambda packet: struct.pack("<BBBB", 100, 2, 0, 0) + bytes(96) + packet),
    "nflog": (239, lambda packet: _nflog(packet, "<")),
    "nflog of a big-endian machine": (239, lambda packet: _nflog(packet, ">")),
    "ipsec interface": (109, lambda packet: struct.pack("<I", 2) + bytes(8) + packet),
    "cisco hdlc": (104, lambda packet: b"\x0f\0\x08\0" + packet),
    "ppp with a direction": (204, lambda packet: b"\0" + _ppp(packet)),
    "pppoe session": (51, lambda packet: b"\x11\0\0\7" + struct.pack(">H", 2 + len(packet)) + b"\0\x21" + packet),
    "atm": (100, lambda packet: _SNAP + b"\x08\0" + packet),
}  # fmt: skip

SEALED: dict[str, tuple[int, bytes]] = {
    "wi-fi": (105, b"\x08\x41" + bytes(80)),
    "radiotap": (127, _radiotap(b"\x88\x42" + bytes(80))),
    "macsec": (1, _MACS + b"\x88\xe5\x0c\0\0\0\0\1" + bytes(60)),
    "ppp": (9, b"\xff\3\0\xfd" + bytes(60)),
}
"""Frames whose inside nobody can read without the key."""

UNOPENED: dict[str, tuple[str, bytes]] = {
    "geneve of another version": ("geneve", udp(b"\x40\0\x65\x58\0\0\7\0" + bytes(60), dport=6081)),
    "tzsp of something else": ("tzsp", udp(b"\1\0\0\x63\1" + bytes(60), dport=37008)),
    "encrypted ppp in l2tp": ("l2tp", udp(b"\0\2\0\7\0\x09\0\xfd" + bytes(60), dport=1701)),
    "l2tpv3 of something else": ("l2tp", udp(b"\0\3\0\0\0\0\0\7" + bytes(60), dport=1701)),
    "gtp-u, a question": ("gtp", udp(b"\x32\1\0\4\0\0\0\0\0\1\0\0" + bytes(60), dport=2152)),
    "wireguard, first message": ("wireguard", udp(b"\1\0\0\0" + bytes(144), dport=51820)),
    "wireguard, data": ("wireguard", udp(b"\4\0\0\0" + bytes(60), dport=51820)),
    "esp in udp": ("ipsec", udp(b"\xc0\xff\xee\1\0\0\0\1" + bytes(60), sport=4500, dport=4500)),
    "openvpn": ("openvpn", udp(b"\x38" + b"sessions" + b"\0\0\0\0\0", dport=1194)),
}
"""Tunnels that stay closed: (service of the outer flow, UDP datagram)."""
