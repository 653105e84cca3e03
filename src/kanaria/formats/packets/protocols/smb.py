"""SMB1 and SMB2/3 ([MS-CIFS], [MS-SMB2]): from both first bytes to ``smb`` rows of interesting requests.

Encrypted SMB3 messages end what can be seen. Responses meet their requests by message id.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kanaria.core.values import dataclass
from kanaria.formats.packets.protocols import ntlm, smb1
from kanaria.formats.packets.protocols.nt_status import status_name

ROWS = 255  # rows one connection may give; ids leave room for as many
_DIALECTS = {
    0x0202: "SMB2.0.2",
    0x0210: "SMB2.1",
    0x0300: "SMB3.0",
    0x0302: "SMB3.0.2",
    0x0311: "SMB3.1.1",
    0x02FF: "SMB2",
}
_ACTIONS = {0: "negotiate", 1: "session_setup", 3: "tree_connect", 5: "file_open"}
_PENDING = 0x103


@dataclass(slots=True)
class Command:
    """One SMB2 request or response; ``offset`` is where its message begins in the stream."""

    offset: int
    command: int
    id: int
    status: int
    body: bytes


def rows(client: bytes, server: bytes) -> list[tuple[int, dict[str, object]]]:
    """(offset in the client's stream, columns) of negotiations, session setups, tree connects and file opens."""
    old = list(smb1.rows(list(_frames(client, b"\xffSMB")), list(_frames(server, b"\xffSMB"))))
    new = list(_smb2(client, server))
    if new:  # the same SMB1 negotiation is in both when the server answers it with SMB2
        old = [(offset, row) for offset, row in old if row["answered"] or row["action"] != "negotiate"]
    rows = [*old, *new]
    agreed = [row["version"] for _, row in rows if row["action"] == "negotiate" and row["version"]]
    version = agreed[-1] if agreed else None  # the first of two only says that the server speaks SMB2
    for _, row in rows:
        row["version"] = row["version"] or version
    return rows[:ROWS]


def _frames(data: bytes, mark: bytes) -> Iterator[tuple[int, bytes]]:
    """(offset, message) of every NetBIOS session message that starts with the mark."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if data[at + 4 : at + 8] == mark and data[at] == 0:
            yield at, data[at + 4 : at + 4 + size]
        elif data[at] not in (0, 0x81, 0x82, 0x85) or size > 1 << 23:
            return
        at += 4 + size


def _smb2(client: bytes, server: bytes) -> Iterator[tuple[int, dict[str, object]]]:
    answers: dict[tuple[int, int], Command] = {}
    for answer in _commands(server):
        if answer.status != _PENDING:
            answers.setdefault((answer.command, answer.id), answer)
    yield from _upgraded(client, answers)
    for request in _commands(client):
        if request.command in _ACTIONS:
            yield request.offset, _row2(request, answers.get((request.command, request.id)))


def _upgraded(client: bytes, answers: dict[tuple[int, int], Command]) -> Iterator[tuple[int, dict[str, object]]]:
    """An SMB1 negotiation that an SMB2 server answers in its own language."""
    answer = answers.get((0, 0))
    if client[4:8] == b"\xffSMB" and client[8:9] == b"\x72" and answer:
        yield 0, _row2(Command(0, 0, 0, 0, b""), answer)


def _commands(data: bytes) -> Iterator[Command]:
    for offset, message in _frames(data, b"\xfeSMB"):
        at = 0
        while at + 64 <= len(message):
            status, command = struct.unpack_from("<IH", message, at + 8)
            following, ident = struct.unpack_from("<IQ", message, at + 20)
            body = message[at + 64 : at + following if following else len(message)]
            yield Command(offset, command, ident, status, body)
            if following < 64:
                break
            at += following


def _row2(request: Command, answer: Command | None) -> dict[str, object]:
    who = ntlm.account(request.body) if request.command == 1 else None
    return {
        "version": _dialect(answer) if request.command == 0 else None,
        "action": _ACTIONS[request.command],
        "share": _slice(request.body, 4) if request.command == 3 else None,
        "path": _slice(request.body, 44) if request.command == 5 else None,
        "user": who.user if who else None,
        "domain": who.domain if who else None,
        "client_name": who.workstation if who else None,
        "status": status_name(answer.status) if answer else None,
        "answered": answer is not None,
    }


def _dialect(answer: Command | None) -> str | None:
    if answer is None or len(answer.body) < 6:
        return None
    number = struct.unpack_from("<H", answer.body, 4)[0]
    return _DIALECTS.get(number, f"0x{number:04x}")


def _slice(body: bytes, place: int) -> str | None:
    """UTF-16 text a request points to: offset (from the SMB2 header) and length at ``place`` of its body."""
    if len(body) < place + 4:
        return None
    offset, size = struct.unpack_from("<HH", body, place)
    raw = body[max(offset - 64, 0) : max(offset - 64, 0) + size]
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace") or None
