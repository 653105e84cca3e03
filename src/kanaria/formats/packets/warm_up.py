"""Have everything loaded before packets come: nothing comes in, and the next live capture starts without delay.

Loading compiled code takes about a second, and a first run compiles for many. So a capture of three packets that nobody
ever sent goes through the reader, as a live one does.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

from kanaria.core.stream import ReadContext
from kanaria.formats.packets.capture import PcapFormat

_ETHERNET = bytes(12) + b"\x08\x00"
_CLIENT, _SERVER = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
_REQUEST, _ANSWER = b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_QUESTION = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\x07example\0" + struct.pack(">HH", 1, 1)


def warm_up() -> None:
    """Load and run what reads live captures."""
    for _ in PcapFormat().read(_Sample(), ReadContext()):
        pass


def _ip(protocol: int, source: bytes, target: bytes, body: bytes) -> bytes:
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0, source, target) + body


def _tcp(source: int, target: int, data: bytes) -> bytes:
    return struct.pack(">HHIIBBHHH", source, target, 1, 1, 0x50, 0x18, 1024, 0, 0) + data


def _packets() -> list[bytes]:
    udp = struct.pack(">HHHH", 1024, 53, 8 + len(_QUESTION), 0) + _QUESTION
    return [
        _ETHERNET + _ip(6, _CLIENT, _SERVER, _tcp(1024, 80, _REQUEST)),
        _ETHERNET + _ip(6, _SERVER, _CLIENT, _tcp(80, 1024, _ANSWER)),
        _ETHERNET + _ip(17, _CLIENT, _SERVER, udp),
    ]


class _Sample:
    """The three packets as a live stream."""

    name = "warm-up"
    path: Path | None = None
    size: int | None = None

    def head(self) -> bytes:
        return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

    def open(self) -> BinaryIO:
        records = (struct.pack("<IIII", 1, 0, len(packet), len(packet)) + packet for packet in _packets())
        return io.BytesIO(self.head() + b"".join(records))
