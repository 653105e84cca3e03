"""TLS handshakes (RFC 8446, RFC 5246): from client and server bytes to ``tls`` columns.

JA4 follows FoxIO's published description (technical_details/JA4.md). Certificates are visible up to TLS 1.2 only.
"""

from __future__ import annotations

import hashlib
from dataclasses import field

from kanaria.core.values import dataclass
from kanaria.formats.packets.protocols.cipher_names import CIPHERS
from kanaria.formats.packets.protocols.cursor import Cursor, Short
from kanaria.formats.packets.protocols.x509 import names_of

_VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
_JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
_SNI, _ALPN, _SIGNATURES, _SUPPORTED = 0, 16, 13, 43
_RECORDS = 64  # records looked at; a handshake has a handful


@dataclass(slots=True)
class Hello:
    """A ClientHello or ServerHello."""

    version: int = 0
    ciphers: list[int] = field(default_factory=list)
    extensions: list[int] = field(default_factory=list)
    sni: str | None = None
    alpn: list[bytes] = field(default_factory=list)
    signatures: list[int] = field(default_factory=list)
    supported: list[int] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The version that counts: the highest offered or the one chosen."""
        return max(self.supported, default=self.version)


@dataclass(slots=True)
class Flight:
    """What one side's records hold: handshake messages before encryption, and whether it went on to encrypted data."""

    messages: list[tuple[int, bytes]]
    switched: bool = False
    data: bool = False
    alert: bool = False


def parse(client: bytes, server: bytes) -> dict[str, object] | None:
    """Columns of a ``tls`` row, or None when neither side shows a hello."""
    ours, theirs = records(client), records(server)
    hello = _first(ours, 1, client_hello)
    answer = _first(theirs, 2, server_hello)
    if hello is None and answer is None:
        return None
    certificate = next((body for kind, body in theirs.messages if kind == 11), None)
    subject, issuer = certificate_names(certificate) if certificate else (None, None)
    version = answer.best if answer else hello.best if hello else 0
    return {
        "version": _VERSIONS.get(version, f"0x{version:04x}"),
        "sni": hello.sni if hello else None,
        "alpn": [name.decode("latin-1") for name in hello.alpn] if hello and hello.alpn else None,
        "ja4": ja4(hello) if hello else None,
        "subject": subject,
        "issuer": issuer,
        "self_signed": subject == issuer if subject is not None else None,
        "established": _established(ours, theirs, answer),
        "cipher": CIPHERS.get(answer.ciphers[0], f"0x{answer.ciphers[0]:04x}") if answer and answer.ciphers else None,
    }


def _first(flight: Flight, kind: int, reader: object) -> Hello | None:
    body = next((body for found, body in flight.messages if found == kind), None)
    return reader(body) if body is not None and callable(reader) else None


def _established(ours: Flight, theirs: Flight, answer: Hello | None) -> bool:
    """Both sides changed to encryption; with application data when the change itself proves nothing (TLS 1.3)."""
    if answer is None:
        return False
    if answer.best >= 0x0304:
        return ours.data and theirs.data
    return ours.switched and theirs.switched


def records(data: bytes) -> Flight:
    """Handshake messages of a side up to its first encrypted record; a last message may be cut short."""
    flight = Flight([])
    handshake = bytearray()
    at = 0
    for _ in range(_RECORDS):
        if at + 5 > len(data) or data[at + 1] != 3:
            break
        kind, size = data[at], int.from_bytes(data[at + 3 : at + 5], "big")
        body = data[at + 5 : at + 5 + size]
        flight.switched |= kind == 20
        flight.data |= kind == 23
        flight.alert |= kind == 21
        if kind == 22 and not flight.switched:
            handshake += body
        at += 5 + size
        if flight.data:
            break
    flight.messages = _messages(bytes(handshake))
    return flight


def _messages(data: bytes) -> list[tuple[int, bytes]]:
    messages: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(data) and len(messages) < _RECORDS:
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        messages.append((data[at], data[at + 4 : at + 4 + size]))
        at += 4 + size
    return messages


def client_hello(body: bytes) -> Hello | None:
    """A ClientHello; what was not captured stays empty. None when not even the cipher suites are there."""
    hello, cursor = Hello(), Cursor(body)
    try:
        hello.version = cursor.number(2)
        cursor.take(32)
        cursor.block(1)
        suites = cursor.block(2)
        hello.ciphers = [suites.number(2) for _ in range(suites.left // 2)]
        cursor.block(1)
    except Short:
        return hello if hello.ciphers else None
    _extensions(hello, cursor, client=True)
    return hello


def server_hello(body: bytes) -> Hello | None:
    """A ServerHello, or None when it is cut before the cipher suite."""
    hello, cursor = Hello(), Cursor(body)
    try:
        hello.version = cursor.number(2)
        cursor.take(32)
        cursor.block(1)
        hello.ciphers = [cursor.number(2)]
        cursor.take(1)
    except Short:
        return None
    _extensions(hello, cursor, client=False)
    return hello


def _extensions(hello: Hello, cursor: Cursor, *, client: bool) -> None:
    try:
        cursor.take(2)
        while cursor.left >= 4:
            kind = cursor.number(2)
            hello.extensions.append(kind)
            _extension(hello, kind, cursor.block(2), client=client)
    except Short:
        return


def _extension(hello: Hello, kind: int, body: Cursor, *, client: bool) -> None:
    try:
        if kind == _SUPPORTED:
            values = body.block(1) if client else body
            numbers = [values.number(2) for _ in range(values.left // 2)]
            hello.supported = [value for value in numbers if not is_grease(value)]
        elif client and kind == _SNI:
            names = body.block(2)
            names.take(1)
            hello.sni = names.block(2).data.decode("utf-8", "backslashreplace").lower().rstrip(".") or None
        elif client and kind == _ALPN:
            names = body.block(2)
            while names.left:
                hello.alpn.append(names.block(1).data)
        elif client and kind == _SIGNATURES:
            values = body.block(2)
            hello.signatures = [values.number(2) for _ in range(values.left // 2)]
    except Short:
        return


def is_grease(value: int) -> bool:
    """Values that mean nothing and keep servers tolerant (RFC 8701)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def ja4(hello: Hello, transport: str = "t") -> str:
    """The JA4 fingerprint."""
    ciphers = [f"{value:04x}" for value in hello.ciphers if not is_grease(value)]
    extensions = [value for value in hello.extensions if not is_grease(value)]
    hashed = sorted(f"{value:04x}" for value in extensions if value not in (_SNI, _ALPN))
    signatures = [f"{value:04x}" for value in hello.signatures if not is_grease(value)]
    server = "d" if _SNI in extensions else "i"
    version = _JA4_VERSIONS.get(hello.best, "00")
    counts = f"{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}"
    behind = ",".join(hashed) + ("_" + ",".join(signatures) if signatures else "")
    head = f"{transport}{version}{server}{counts}{_alpn_ends(hello.alpn)}"
    return f"{head}_{_digest(','.join(sorted(ciphers)))}_{_digest(behind if extensions else '')}"


def _alpn_ends(alpn: list[bytes]) -> str:
    """First and last character of the first protocol; of its hexadecimal form when one is not alphanumeric ASCII."""
    first = alpn[0] if alpn else b""
    if not first:
        return "00"
    ends = first[:1] + first[-1:]
    if ends.isalnum():
        return ends.decode("ascii")
    text = first.hex()
    return text[0] + text[-1]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12] if text else "0" * 12


def certificate_names(body: bytes) -> tuple[str | None, str | None]:
    """Subject and issuer of the first certificate in a Certificate message, as far as it was captured."""
    try:
        cursor = Cursor(body)
        cursor.take(3)
        size = cursor.number(3)
    except Short:
        return None, None
    return names_of(body[cursor.at : cursor.at + size])
