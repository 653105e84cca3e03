"""Wrappings a conversation may travel in: from messages to the same messages as the wire would show them.

TLS records have the real framing and the real overhead (22 bytes in 1.3, 29 in 1.2 with AES-GCM) around random bytes;
the client hello is one a dissector accepts, the certificate flight has a usual size. Padding imitates miners that hide
their message lengths.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from kanaria.lab.scenario import Message

Script = tuple[Message, ...]

TLS_OVERHEAD = {"1.2": 29, "1.3": 22}
"""Bytes of one application data record beyond its content: 5 header, 8 nonce, 16 tag; 5 header, 1 type, 16 tag."""

INNER_SEGMENT = 1_352
"""What TCP puts into one packet inside WireGuard, whose interface has an MTU of 1,420 bytes; a little less is usual."""

_CIPHERS = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8")


def _ahead(messages: Iterable[Message], delay: float) -> list[Message]:
    return [Message(m.time + delay, m.from_client, m.data) for m in messages]


def tls(
    messages: Script, rng: np.random.Generator, *, version: str = "1.3", sni: str = "", rtt: float = 0.04
) -> Script:
    """The conversation inside TLS ``version`` (``1.2`` or ``1.3``); no server name is sent unless ``sni`` says one."""
    extra = TLS_OVERHEAD[version] - 5
    flights = [
        Message(0.0, True, _record(22, _client_hello(rng, sni))),
        Message(rtt, False, _record(22, _server_hello(rng)) + _record(23, rng.bytes(2200 + int(rng.integers(900))))),
        Message(rtt * 1.1, True, _record(20, b"\1") + _record(23, rng.bytes(53))),
    ]
    body = [Message(m.time, m.from_client, _sealed(rng, len(m.data), extra)) for m in messages]
    return (*flights, *_ahead(body, rtt * 2))


def _sealed(rng: np.random.Generator, size: int, extra: int) -> bytes:
    """So many bytes as application data records of at most 16 KiB of content each (RFC 8446, section 5.1)."""
    full, rest = divmod(size, 1 << 14)
    sizes = [1 << 14] * full + ([rest] if rest or not full else [])
    return b"".join(_record(23, rng.bytes(piece + extra)) for piece in sizes)


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def _client_hello(rng: np.random.Generator, sni: str) -> bytes:
    name = sni.encode()
    server_name = struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name if name else b""
    key = struct.pack("!HHHHH", 51, 38, 36, 29, 32) + rng.bytes(32)
    extensions = server_name + bytes.fromhex("000a00040002001d000d0006000404030804002b0003020304") + key
    body = b"\x03\x03" + rng.bytes(32) + b"\x20" + rng.bytes(32)
    body += struct.pack("!H", len(_CIPHERS)) + _CIPHERS + b"\x01\x00" + struct.pack("!H", len(extensions)) + extensions
    return b"\x01" + struct.pack("!I", len(body))[1:] + body


def _server_hello(rng: np.random.Generator) -> bytes:
    extensions = bytes.fromhex("002b00020304") + struct.pack("!HHHH", 51, 36, 29, 32) + rng.bytes(32)
    body = b"\x03\x03" + rng.bytes(32) + b"\x20" + rng.bytes(32) + b"\x13\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    return b"\x02" + struct.pack("!I", len(body))[1:] + body


def websocket(messages: Script, rng: np.random.Generator, *, host: str = "ws.example.net", rtt: float = 0.04) -> Script:
    """The conversation as WebSocket text frames (RFC 6455), after the HTTP upgrade."""
    asked = (
        f"GET /proxy HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {rng.bytes(12).hex()}\r\nSec-WebSocket-Version: 13\r\nOrigin: https://www.example.com\r\n\r\n"
    )
    agreed = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {rng.bytes(14).hex()}\r\n\r\n"
    )
    opening = [Message(0.0, True, asked.encode()), Message(rtt, False, agreed.encode())]
    body = [Message(m.time, m.from_client, frame(m.data, rng if m.from_client else None)) for m in messages]
    return (*opening, *_ahead(body, rtt))


def frame(data: bytes, mask_with: np.random.Generator | None) -> bytes:
    """One unfragmented WebSocket text frame; clients mask theirs."""
    masked = 0x80 if mask_with is not None else 0
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 0x81, masked | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x81, masked | 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, masked | 127, size)
    if mask_with is None:
        return head + data
    mask = mask_with.bytes(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def padded(messages: Script, rng: np.random.Generator, *, block: int = 0, noise: int = 0) -> Script:
    """Every message made longer: up to a multiple of ``block``, or by a random number of bytes up to ``noise``."""

    def longer(data: bytes) -> bytes:
        more = -len(data) % block if block else 0
        more += int(rng.integers(noise + 1)) if noise else 0
        return data + rng.bytes(more)

    return tuple(Message(m.time, m.from_client, longer(m.data)) for m in messages)


def tunnelled(messages: Script, rng: np.random.Generator, *, keepalive: float = 25.0) -> Script:
    """The conversation inside a VPN of its own, WireGuard's way: 52 bytes of inner headers, padded to 16, 32 around.

    The inner acknowledgements travel too; ``keepalive`` seconds apart the client sends the 32-byte empty packet.
    """
    sent = []
    for m in messages:
        for piece in range(0, max(1, len(m.data)), INNER_SEGMENT):
            size = 52 + min(len(m.data) - piece, INNER_SEGMENT)
            sent.append(Message(m.time + piece * 1e-8, m.from_client, rng.bytes(32 + size + -size % 16)))
        sent.append(Message(m.time + 0.02, not m.from_client, rng.bytes(32 + 64)))
    last = messages[-1].time if messages else 0.0
    sent += [Message(float(at), True, rng.bytes(32)) for at in np.arange(keepalive, last, keepalive)]
    return tuple(sorted(sent, key=lambda m: m.time))


def delayed(messages: Script, rng: np.random.Generator, *, mean: float) -> Script:
    """The server's side late by a random time, as through a chain of proxies; order among its messages is kept."""
    moved, latest = [], 0.0
    for m in messages:
        at = m.time
        if not m.from_client:
            at = latest = max(latest, at + float(rng.exponential(mean)))
        moved.append(Message(at, m.from_client, m.data))
    return tuple(sorted(moved, key=lambda m: m.time))
