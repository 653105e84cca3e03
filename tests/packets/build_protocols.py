"""Build application bytes for tests: TLS, DNS, RDP, SMB, NTLM and SSH messages by hand, with example names."""

from __future__ import annotations

import struct


def block(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def tls_record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + block(body, 2)


def tls_handshake(kind: int, body: bytes) -> bytes:
    return tls_record(22, bytes((kind,)) + block(body, 3))


def tls_extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + block(body, 2)


def client_hello(name: bytes = b"pool.example", alpn: tuple[bytes, ...] = (b"h2", b"http/1.1")) -> bytes:
    suites = b"".join(struct.pack(">H", value) for value in (0x1A1A, 0x1301, 0x1302, 0xC02F))
    extensions = tls_extension(0x2A2A, b"")
    if name:
        extensions += tls_extension(0, block(b"\0" + block(name, 2), 2))
    if alpn:
        extensions += tls_extension(16, block(b"".join(block(one, 1) for one in alpn), 2))
    extensions += tls_extension(13, block(b"\x04\x03\x08\x04", 2)) + tls_extension(43, b"\x06\x7a\x7a\x03\x04\x03\x03")
    body = b"\3\3" + bytes(32) + b"\0" + block(suites, 2) + b"\1\0" + block(extensions, 2)
    return tls_handshake(1, body)


def server_hello(suite: int = 0xC02F, *, tls13: bool = False) -> bytes:
    extensions = tls_extension(43, b"\3\4") if tls13 else b""
    return tls_handshake(2, b"\3\3" + bytes(32) + b"\0" + struct.pack(">H", suite) + b"\0" + block(extensions, 2))


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes((len(body),)) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes((tag,)) + size + body


def directory_name(common: str) -> bytes:
    parts = [(b"\x55\x04\x0a", "Example, Inc."), (b"\x55\x04\x03", common)]
    return der(0x30, *(der(0x31, der(0x30, der(6, oid), der(12, text.encode()))) for oid, text in parts))


def certificate(subject: str, issuer: str) -> bytes:
    body = der(
        0x30,
        der(0xA0, der(2, b"\2")),
        der(2, b"\7"),
        der(0x30),
        directory_name(issuer),
        der(0x30),
        directory_name(subject),
    )
    whole = der(0x30, body)
    return tls_handshake(11, block(block(whole, 3), 3))


def dns_message(
    ident: int, name: str, *, kind: int = 1, flags: int = 0x0100, answers: bytes = b"", count: int = 0
) -> bytes:
    labels = b"".join(block(label.encode(), 1) for label in name.split(".")) + b"\0"
    return struct.pack(">HHHHHH", ident, flags, 1, count, 0, 0) + labels + struct.pack(">HH", kind, 1) + answers


def x224(kind: int, variable: bytes) -> bytes:
    return (
        b"\3\0" + (11 + len(variable)).to_bytes(2, "big") + bytes((6 + len(variable), kind, 0, 0, 0, 0, 0)) + variable
    )


def smb2(command: int, ident: int, body: bytes, status: int = 0) -> bytes:
    head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 0, status, command, 1, 0, 0, ident, 0, 0, 0, b"")
    return block(head + body, 4)


def ntlm_authenticate(user: str, domain: str, station: str) -> bytes:
    texts = [text.encode("utf-16-le") for text in (domain, user, station)]
    places, at = [], 64
    for text in texts:
        places.append(struct.pack("<HHI", len(text), len(text), at))
        at += len(text)
    return b"NTLMSSP\0\3\0\0\0" + bytes(16) + b"".join(places) + bytes(8) + struct.pack("<I", 1) + b"".join(texts)


def ssh_side(name: bytes) -> bytes:
    packets = [bytes((4, kind)) + bytes(30) for kind in (20, 30, 21)]
    return b"SSH-2.0-" + name + b"\r\n" + b"".join(block(packet, 4) for packet in packets)
