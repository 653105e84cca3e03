"""FTP logons (RFC 959): from both text streams to every attempt with its place in the client's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from kanaria.core.late_regex import late_regex

_COMMAND = late_regex(rb"(?m)^([A-Za-z]{0,4})[ \t]*([^\r\n]{0,256})[^\n]*\n?")
_REPLY = late_regex(rb"(?m)^(\d{3})(?:[ \r\n]|-(?s:.*?)^\1 )")
_ATTEMPTS = 64
_COMMANDS = 4096


def attempts(client: bytes, server: bytes) -> list[tuple[int, dict[str, object]]]:
    """(offset in the client's stream, columns) of every logon.

    A reply answers the command in the same place (RFC 959, 5.4), so that a refused ``USER`` or ``FEAT`` is no verdict
    on a later password. ``success`` is None where the reply was not seen or asks for more.
    """
    rows: list[tuple[int, dict[str, object]]] = []
    user: str | None = None
    commands = [(match.start(), match[1].upper(), match[2]) for match in islice(_lines(client), _COMMANDS)]
    replies = _replies(server)
    for number, (offset, word, value) in enumerate(commands):
        success = _success(replies[number]) if number < len(replies) else None
        following = commands[number + 1][1] if number + 1 < len(commands) else b""
        if word == b"USER":
            user = value.decode("utf-8", "backslashreplace").rstrip()
        if word == b"PASS":
            rows.append((offset, {"user": user, "success": success, "method": "password"}))
        elif word == b"USER" and success is not None and following != b"PASS":  # decided by the name alone
            rows.append((offset, {"user": user, "success": success}))
    return rows[:_ATTEMPTS]


def _lines(client: bytes) -> Iterator[re.Match[bytes]]:
    return (match for match in _COMMAND.finditer(client) if match[0].strip())


def _replies(server: bytes) -> list[bytes]:
    """The last word on every command: neither the greeting nor that something has begun (1yz)."""
    codes = [match[1] for match in islice(_REPLY.finditer(server), 2 * _COMMANDS) if match[1][:1] != b"1"]
    return codes[1:] if codes[:1] == [b"220"] else codes


def _success(code: bytes) -> bool | None:
    return None if code[:1] == b"3" else code[:1] == b"2"
