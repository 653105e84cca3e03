"""SMB1 ([MS-CIFS]): from its messages to ``smb`` rows of negotiations, logons, tree connects and opens."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from kanaria.formats.packets.protocols import ntlm
from kanaria.formats.packets.protocols.nt_status import status_name

Frames = Sequence[tuple[int, bytes]]
_ACTIONS = {0x72: "negotiate", 0x73: "session_setup", 0x75: "tree_connect", 0xA2: "file_open"}
_HEADER = 32
_CHAIN = 4  # AndX commands followed in one message


def rows(client: Frames, server: Frames) -> Iterator[tuple[int, dict[str, object]]]:
    """(offset in the client's stream, columns)."""
    answers: dict[tuple[int, int], bytes] = {}
    for _, message in server:
        if len(message) >= _HEADER:
            answers[message[4], struct.unpack_from("<H", message, 30)[0]] = message
    for offset, message in client:
        if len(message) < _HEADER or message[4] not in _ACTIONS:
            continue
        answer = answers.get((message[4], struct.unpack_from("<H", message, 30)[0]))
        for command, words, data, at in _commands(message):
            if command in _ACTIONS:
                yield offset, _row(command, words, data, at, message, answer)


def _commands(message: bytes) -> Iterator[tuple[int, bytes, bytes, int]]:
    """(command, parameter words, data, offset of the data) of a message and what is chained behind it."""
    command, at = message[4], _HEADER
    for _ in range(_CHAIN):
        if at >= len(message):
            return
        count = message[at] * 2
        words = message[at + 1 : at + 1 + count]
        data_at = at + 3 + count
        size = int.from_bytes(message[at + 1 + count : data_at], "little")
        yield command, words, message[data_at : data_at + size], data_at
        if command == 0x72 or len(words) < 4 or words[0] == 0xFF:
            return
        command, following = words[0], struct.unpack_from("<H", words, 2)[0]
        if following <= at:
            return
        at = following


def _row(command: int, words: bytes, data: bytes, at: int, message: bytes, answer: bytes | None) -> dict[str, object]:
    unicode = bool(struct.unpack_from("<H", message, 10)[0] & 0x8000)
    user, domain, station = _account(words, data, at, unicode) if command == 0x73 else (None, None, None)
    texts = {0x75: _share, 0xA2: _path}
    text = texts[command](words, data, at, unicode) if command in texts else None
    return {
        "version": "SMB1",
        "action": _ACTIONS[command],
        "share": text if command == 0x75 else None,
        "path": text if command == 0xA2 else None,
        "user": user,
        "domain": domain,
        "client_name": station,
        "status": status_name(struct.unpack_from("<I", answer, 5)[0]) if answer else None,
        "answered": answer is not None,
    }


def _string(data: bytes, at: int, start: int, unicode: bool) -> tuple[str | None, int]:
    """(text, place behind it) of a string at ``start`` of data that lies at ``at``; UTF-16 begins on even offsets."""
    if not unicode:
        end = data.find(b"\0", start)
        end = len(data) if end < 0 else end
        return data[start:end].decode("latin-1") or None, end + 1
    start += (at + start) & 1
    end = start
    while end + 1 < len(data) and data[end : end + 2] != b"\0\0":
        end += 2
    return data[start : end & ~1 if (end - start) & 1 else end].decode("utf-16-le", "replace") or None, end + 2


def _account(words: bytes, data: bytes, at: int, unicode: bool) -> tuple[str | None, str | None, str | None]:
    if len(words) == 26:  # passwords beside the account, without extended security
        first, second = struct.unpack_from("<HH", words, 14)
        user, behind = _string(data, at, first + second, unicode)
        return user, _string(data, at, behind, unicode)[0], None
    who = ntlm.account(data)
    return (who.user, who.domain, who.workstation) if who else (None, None, None)


def _share(words: bytes, data: bytes, at: int, unicode: bool) -> str | None:
    size = struct.unpack_from("<H", words, 6)[0] if len(words) >= 8 else 0
    return _string(data, at, size, unicode)[0]


def _path(words: bytes, data: bytes, at: int, unicode: bool) -> str | None:
    return _string(data, at, 0, unicode)[0]
