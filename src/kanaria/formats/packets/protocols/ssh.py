"""SSH (RFC 4253, RFC 4252): from both first bytes and the message lengths to an inferred logon outcome.

After NEWKEYS everything is encrypted, but packet sizes still speak: the server's answer to the service request carries
17 bytes, USERAUTH_FAILURE at least that, USERAUTH_SUCCESS exactly one, so a success is the first answer shorter than
the service answer. Every cipher pads to blocks of 8 or 16 bytes, which keeps the order (Zeek's SSH analyser infers the
same way). A session that goes on to carry data was let in as well. One that ends with two or more longer answers has
failed; fewer say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from kanaria.core.values import dataclass
from kanaria.formats.packets.protocols.cursor import Cursor, Short

_NEWKEYS = 21
SESSION_BYTES = 16 << 10  # from the server after NEWKEYS; authentication needs 0.1 to 3 KB (measured, 36 sessions)
_PACKETS = 16  # key exchange packets before NEWKEYS: four to six


@dataclass(frozen=True, slots=True)
class Outcome:
    """``success`` None when the sizes do not say; ``attempts`` counts authentication answers seen."""

    success: bool | None
    attempts: int


def infer(client: bytes, server: bytes, messages: Sequence[tuple[bool, int]]) -> Outcome | None:
    """The outcome from ``messages`` (from client, length); None when no key exchange was seen."""
    starts = _encrypted_from(client), _encrypted_from(server)
    if starts[0] is None or starts[1] is None:
        return None
    if _compresses(client):
        return Outcome(None, 0)
    answers = list(_answers(messages, starts[0], starts[1]))
    if not answers:
        return Outcome(None, 0)
    service, *rest = answers
    for attempt, length in enumerate(rest, 1):
        if length < service:
            return Outcome(True, attempt)
    if sum(length for from_client, length in messages if not from_client) - starts[1] > SESSION_BYTES:
        return Outcome(True, len(rest))
    return Outcome(False if len(rest) >= 2 else None, len(rest))


def _compresses(client: bytes) -> bool:
    """Whether the client's first choice is compression, which makes sizes say nothing."""
    at = client.find(b"\n") + 1
    lists = Cursor(client, at + 6 + 16)
    try:
        for _ in range(6):
            lists.block(4)
        return lists.block(4).data.startswith(b"zlib")
    except Short:
        return False


def _answers(messages: Sequence[tuple[bool, int]], client_from: int, server_from: int) -> Sequence[int]:
    """Lengths of encrypted server messages that directly follow an encrypted client message."""
    seen = {True: 0, False: 0}
    lengths = []
    asked = False
    for from_client, length in messages:
        begin = seen[from_client]
        seen[from_client] += length
        encrypted = seen[from_client] > (client_from if from_client else server_from)
        if from_client:
            asked = encrypted
        elif asked and begin >= server_from:
            lengths.append(length)
            asked = False
    return lengths


def _encrypted_from(data: bytes) -> int | None:
    """Offset behind NEWKEYS in a side's stream, or None when it is not reached."""
    at = data.find(b"SSH-")
    line = data.find(b"\n", at, at + 255) if at >= 0 else -1
    if line < 0:
        return None
    at = line + 1
    for _ in range(_PACKETS):
        if at + 6 > len(data):
            return None
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 5]
        at += 4 + size
        if kind == _NEWKEYS:
            return at
    return None
