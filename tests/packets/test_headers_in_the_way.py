"""Headers that hide what follows: LLC/SNAP, many VLAN tags, many IPv6 extension headers. Both decoders read on."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from kanaria.formats.packets import layout as L
from kanaria.formats.packets import plain_decode
from kanaria.formats.packets.decode import decode_one
from kanaria.formats.packets.layout import PACKET

TCP_SEGMENT = struct.pack(">HHIIBBHHH", 40000, 3333, 1, 1, 0x50, 0x18, 1024, 0, 0) + b"hello"
IPV4 = struct.pack(
    ">BBHHHBBH4s4s", 0x45, 0, 20 + len(TCP_SEGMENT), 0, 0, 64, 6, 0, bytes([192, 0, 2, 7]), bytes([203, 0, 113, 9])
)
MACS = bytes(12)


def ipv6(headers: int) -> bytes:
    extensions = b"".join(bytes([60 if n < headers - 1 else 6, 0]) + bytes(6) for n in range(headers))
    size = len(extensions) + len(TCP_SEGMENT)
    head = struct.pack(">IHBB", 6 << 28, size, 60 if headers else 6, 64)
    return head + bytes.fromhex("20010db8" + "0" * 23 + "7" + "20010db8" + "0" * 23 + "9") + extensions + TCP_SEGMENT


FRAMES = {
    "snap": MACS + struct.pack(">H", 8 + len(IPV4)) + b"\xaa\xaa\3\0\0\0\x08\0" + IPV4 + TCP_SEGMENT,
    "snap behind a tag": MACS + b"\x81\0\0\1" + struct.pack(">H", 40) + b"\xaa\xaa\3\0\0\0\x08\0" + IPV4 + TCP_SEGMENT,
    **{f"{n} tags": MACS + b"\x81\0\0\1" * n + b"\x08\0" + IPV4 + TCP_SEGMENT for n in (1, 8, 9, 40)},
    **{f"{n} extension headers": MACS + b"\x86\xdd" + ipv6(n) for n in (0, 8, 9, 40)},
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_the_segment_behind_them_is_read(name: str) -> None:
    frame = FRAMES[name]
    plain = plain_decode.decode(frame, len(frame), 1, 0)
    packet = np.zeros(1, PACKET)[0]
    status = decode_one(np.frombuffer(frame, np.uint8), 0, len(frame), len(frame), 1, packet)
    assert (plain.status, status) == (L.OK, L.OK)
    assert (plain.src_port, plain.dst_port, plain.payload) == (40000, 3333, b"hello")
    assert (packet["src_port"], packet["dst_port"], packet["length"]) == (40000, 3333, 5)


@pytest.mark.parametrize("name", ["spanning tree", "too many tags", "cut"])
def test_what_is_none_of_ours_is_said_to_be(name: str) -> None:
    frame = {
        "spanning tree": MACS + struct.pack(">H", 38) + b"\x42\x42\3" + bytes(35),
        "too many tags": MACS + b"\x81\0\0\1" * (L.HEADERS + 1) + b"\x08\0" + IPV4 + TCP_SEGMENT,
        "cut": FRAMES["snap"][:18],
    }[name]
    plain = plain_decode.decode(frame, len(frame), 1, 0)
    packet = np.zeros(1, PACKET)[0]
    assert decode_one(np.frombuffer(frame, np.uint8), 0, len(frame), len(frame), 1, packet) == plain.status != L.OK
