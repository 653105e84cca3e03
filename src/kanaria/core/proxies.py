"""What a client asks a proxy for: the real destination, by the first bytes of both sides.

HTTP ``CONNECT`` (RFC 9110, 9.3.6), SOCKS 5 (RFC 1928, with RFC 1929's password) and SOCKS 4 and 4a. The proxy is the
way; whom the client talks to is whom it asked for, and what both say begins behind these bytes.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

_CONNECT = late_regex(rb"CONNECT ([^\s/]{1,300}):(\d{1,5}) HTTP/1\.[01]\r?\n")
_PASSWORD_WANTED = late_regex(rb"HTTP/1\.[01] 407[ \r\n]")
_STATUS = late_regex(rb"HTTP/1\.[01] \d{3}[ \r\n]")
_TRIES = 4
"""NTLM and Negotiate ask twice for one connection (RFC 4559, 5), a mistyped password once more."""
_ESTABLISHED = late_regex(rb"HTTP/1\.[01] 2\d\d[ \r\n]")
_NAME = late_regex(r"[\w.-]{1,255}|[0-9A-Fa-f:.]{2,45}")
_HEAD_BYTES = 16 << 10

Kind = Literal["http", "socks4", "socks5"]


@dataclass(frozen=True, slots=True)
class Proxied:
    """A destination behind a proxy. ``client`` and ``server`` count the bytes of each side before the real talk."""

    kind: Kind
    host: str
    port: int
    client: int
    server: int


def proxied(client: bytes, server: bytes) -> Proxied | None:
    """The destination the proxy agreed to reach; None without a proxy's words, and where it refused.

    Without a byte of the server (only one direction was captured) the request alone counts.
    """
    client_at, server_at = _behind_passwords(client, server)
    client, server = client[client_at:], server[server_at:]
    asked = _asked_http(client) or _asked_socks5(client) or _asked_socks4(client)
    if asked is None:
        return None
    kind, host, port, length = asked
    answered = _ANSWERS[kind](server) if server else 0
    return None if answered is None else Proxied(kind, host, port, client_at + length, server_at + answered)


def _behind_passwords(client: bytes, server: bytes) -> tuple[int, int]:
    """How many bytes of each side are requests that the proxy wanted a password for: the same connection asks again."""
    client_at = server_at = 0
    for _ in range(_TRIES):
        wanted = _PASSWORD_WANTED.match(server, server_at)
        end = client.find(b"\r\n\r\n", client_at, client_at + _HEAD_BYTES)
        following = _STATUS.search(server, wanted.end()) if wanted else None
        if following is None or end < 0 or not _CONNECT.match(client, client_at):
            break
        client_at, server_at = end + 4, following.start()
    return client_at, server_at


def is_socks(client: bytes) -> bool:
    """Whether the bytes begin as a SOCKS client's."""
    return (_asked_socks5(client) or _asked_socks4(client)) is not None


_Asked = tuple[Kind, str, int, int]


def _asked(kind: Kind, host: str, port: int, length: int) -> _Asked | None:
    return (kind, host.lower(), port, length) if port < 1 << 16 and _NAME.fullmatch(host) else None


def _asked_http(data: bytes) -> _Asked | None:
    match = _CONNECT.match(data)
    end = data.find(b"\r\n\r\n", 0, _HEAD_BYTES) if match else -1
    if match is None or end < 0:
        return None
    return _asked("http", match[1].decode("latin-1").strip("[]").rstrip("."), int(match[2]), end + 4)


def _asked_socks5(data: bytes) -> _Asked | None:
    if data[:1] != b"\5" or len(data) < 3 or not 1 <= data[1] <= 16:
        return None
    at = 2 + data[1]
    if data[at : at + 1] == b"\1" and len(data) > at + 2:  # a name and a password
        at += 2 + data[at + 1]
        at += 1 + data[at] if len(data) > at else 1
    if data[at : at + 3] != b"\5\1\0":
        return None
    target = _address(data, at + 3)
    return None if target is None else _asked("socks5", *target)


def _address(data: bytes, at: int) -> tuple[str, int, int] | None:
    """(host, port, offset behind them) of a SOCKS 5 address."""
    kind, at = data[at : at + 1], at + 1
    if kind == b"\3":
        size, at = (data[at] if len(data) > at else 0), at + 1
    else:
        size = {b"\1": 4, b"\4": 16}.get(kind, 0)
    if not size or len(data) < at + size + 2:
        return None
    raw, port = data[at : at + size], int.from_bytes(data[at + size : at + size + 2], "big")
    host = raw.decode("latin-1").rstrip(".") if kind == b"\3" else str(ipaddress.ip_address(raw))
    return host, port, at + size + 2


def _asked_socks4(data: bytes) -> _Asked | None:
    if data[:2] != b"\4\1" or len(data) < 9:
        return None
    end = data.find(b"\0", 8, 8 + 256)
    if end < 0:
        return None
    port, raw, host = int.from_bytes(data[2:4], "big"), data[4:8], ""
    if raw[:3] == bytes(3) and raw[3]:  # 4a: the name follows
        start, end = end + 1, data.find(b"\0", end + 1, end + 257)
        if end < 0:
            return None
        host = data[start:end].decode("latin-1").rstrip(".")
    return _asked("socks4", host or str(ipaddress.ip_address(raw)), port, end + 1)


def _answered_http(data: bytes) -> int | None:
    end = data.find(b"\r\n\r\n", 0, _HEAD_BYTES)
    return end + 4 if end >= 0 and _ESTABLISHED.match(data) else None


def _answered_socks5(data: bytes) -> int | None:
    if data[:1] != b"\5" or len(data) < 2:
        return None
    at = 4 if data[1] == 2 and data[2:3] == b"\1" else 2
    target = _address(data, at + 3) if data[at : at + 3] == b"\5\0\0" else None
    return None if target is None else target[2]


def _answered_socks4(data: bytes) -> int | None:
    return 8 if data[:2] == b"\0\x5a" and len(data) >= 8 else None


_ANSWERS = {"http": _answered_http, "socks5": _answered_socks5, "socks4": _answered_socks4}
