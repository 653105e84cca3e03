"""Remote Desktop before encryption ([MS-RDPBCGR] 1.3.1.1): from both first bytes to ``rdp`` columns.

The result is inferred, because authentication is encrypted. See ``_result`` for the method.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from kanaria.core.late_regex import late_regex
from kanaria.formats.packets.protocols import credssp

_PROTOCOLS = {1: "tls", 2: "credssp", 4: "rdstls", 8: "credssp_ex", 16: "aad"}
_SEND_DATA = 0x64  # T.125 SendDataRequest
_CREDSSP = 2 | 8
_CORRELATED, _CORRELATION = 8, b"\6\0\x24\0"  # a flag of the request, and how the 36 bytes behind it begin (2.2.1.1.2)
_COOKIE = late_regex(rb"Cookie: mstshash=([^\r\n]{0,128})\r\n")
_TOKEN = late_regex(rb"Cookie: msts=([^\r\n]{0,128})\r\n")
# A desktop sends its picture: sessions measured send 27 KB and more to the client, refused passwords stop below 8 KB
# (a TLS handshake with certificate and CredSSP's three messages are 2 to 5 KB, six password tries of old servers 7 KB).
SESSION_BYTES = 16 << 10
HELLO_BYTES = 200  # a server that got to the point of refusing anybody has sent its keys or certificate by then


def parse(
    client: bytes, server: bytes, server_bytes: int, messages: Sequence[tuple[bool, int]] = (), *, ended: bool = True
) -> dict[str, object] | None:
    """Columns of an ``rdp`` row; ``server_bytes`` is the whole payload the server sent. None when it is not RDP.

    ``messages`` are (from client, length). ``ended`` is False while the connection is open: more may come, so nothing
    is called a failure yet.
    """
    request = _x224(client, 0xE0)
    if request is None:
        return None
    answer = _x224(server, 0xD0)
    cookie, token = _COOKIE.search(request), _TOKEN.search(request)
    asked, chosen = _negotiation(request, 1), _negotiation(answer or b"", 2)
    behind = int.from_bytes(client[2:4], "big")
    return {
        "cookie": cookie[1].decode("utf-8", "backslashreplace") if cookie else None,
        "routing_token": token[1].decode("utf-8", "backslashreplace") if token else None,
        "requested_protocols": _names(asked),
        "security": None if answer is None else _names(chosen),
        "client_name": _client_name(client[behind:]),
        "result": _result(client, server, chosen, server_bytes, messages, ended),
        "answered": server_bytes > 0,
    }


def _x224(data: bytes, kind: int) -> bytes | None:
    """The variable part of an X.224 connection PDU of that kind."""
    if len(data) < 11 or data[0] != 3 or data[5] & 0xF0 != kind:
        return None
    return data[11 : min(5 + data[4], int.from_bytes(data[2:4], "big"))] if data[4] >= 6 else None


def _negotiation(variable: bytes, kind: int) -> int:
    """Protocol bits of a negotiation request (1) or response (2); -1 for a negotiation failure; 0 without any."""
    tail = variable[-8:]
    if kind == 1 and variable[-44:-43] == b"\1" and variable[-43] & _CORRELATED and variable[-36:-32] == _CORRELATION:
        tail = variable[-44:-36]
    if len(tail) < 8:
        return 0
    if tail[0] == 3 and kind == 2:
        return -1
    found = tail[0] == kind and tail[2:4] == b"\x08\0"
    return int(struct.unpack("<I", tail[4:])[0]) if found else 0


def _names(bits: int) -> str | None:
    if bits < 0:
        return None
    return ",".join(name for bit, name in _PROTOCOLS.items() if bits & bit) or "standard"


def _client_name(data: bytes) -> str | None:
    """The computer name in the client core data of the MCS Connect Initial, readable with standard security only."""
    mark = data.find(b"Duca", 0, 4096)
    at = mark + 4 + 2
    if mark < 0 or data[at : at + 2] != b"\x01\xc0":
        return None
    name = data[at + 24 : at + 24 + 32]
    return name[: len(name) & ~1].decode("utf-16-le", "replace").split("\0")[0] or None


def _result(
    client: bytes, server: bytes, chosen: int, server_bytes: int, messages: Sequence[tuple[bool, int]], ended: bool
) -> str | None:
    """What the connection came to.

    ``refused``: the server's negotiation answer was a failure. ``handshake``: it answered and little
    followed, ``encrypted`` when that was the start of TLS; both also while a connection has not ended, and when it
    ended before anybody tried to log on.
    ``likely_success`` / ``likely_failure``: what the server answered to the credentials (network level authentication,
    see ``credssp``); without that, whether it sent more than a failed login ever does. None: the server did not answer.
    """
    rest = client[int.from_bytes(client[2:4], "big") :]
    if server_bytes == 0:
        return None
    if chosen < 0:
        return "refused"
    if not rest:
        return "handshake"
    if server_bytes >= SESSION_BYTES:
        return "likely_success"
    unclear = "encrypted" if rest[:1] == b"\x16" else "handshake"
    if chosen & _CREDSSP and (verdict := credssp.infer(client, server, messages)) is not None:
        return _judged(verdict, ended=ended) or unclear
    if server_bytes < HELLO_BYTES or not ended or (chosen == 0 and _only_greeted(rest)):
        return unclear
    return "likely_failure"


def _only_greeted(rest: bytes) -> bool:
    """Whether the client of a connection without TLS left before it sent its Client Info, which holds the password.

    That is the second unit of data, after the security exchange ([MS-RDPBCGR] 1.3.1.1).
    """
    at = units = 0
    while at + 8 <= len(rest) and rest[at] == 3:
        size = int.from_bytes(rest[at + 2 : at + 4], "big")
        units += rest[at + 7] == _SEND_DATA
        if size < 8 or units == 2:
            return False
        at += size
    return at == len(rest)


def _judged(verdict: credssp.Verdict, *, ended: bool) -> str | None:
    if verdict == "accepted":
        return "likely_success"
    return "likely_failure" if verdict == "refused" and ended else None
