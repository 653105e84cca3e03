"""Network level authentication ([MS-CSSP] 3.1.5): from both first bytes and the message lengths to a verdict.

Everything is inside TLS, but lengths still speak. The client sends a token; when it holds the proof of the password
(NTLM's AUTHENTICATE or a Kerberos ticket, with the server's key sealed) a server that accepts it returns that key,
sealed by itself, which takes 50 bytes and more. A server that refuses sends an alert (2 bytes) or an error code (15),
or closes. So whoever gets the key had the right password, even if the connection ends there. Each message is judged by
itself: a server that refuses may say so and close in one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import accumulate
from typing import Literal

from kanaria.core.values import dataclass
from kanaria.formats.packets.protocols import tls

Verdict = Literal["accepted", "refused", "not_tried"]
Messages = Sequence[tuple[bool, int]]

# The first token of NTLM takes 85 to 105 bytes with TLS around it, the one with the proof 572 to 933 (310 measured
# connections); with NTLM's first version and the short form of the key it would be some 330.
PROOF = 300
KEY = 40
# A TSRequest with a version and an NTSTATUS is 15 bytes of DER, 16 with the sign's byte ([MS-CSSP] 2.2.1).
ERRORS, ALERT = (15, 16), 2
_ROUNDS = 4  # Kerberos refused and NTLM tried instead takes two
_RECORD, _TLS, _APPLICATION = 5, 3, 23
_INITIAL_VECTOR, _OLD_SUITE = 16, "_CBC_"


def infer(client: bytes, server: bytes, messages: Messages) -> Verdict | None:
    """What became of the logon; None when not all of it was captured."""
    turns = list(_turns(messages))
    asked, told = int.from_bytes(client[2:4], "big"), int.from_bytes(server[2:4], "big")
    hello = tls.parse(client[asked:], server[told:])
    if hello is None or hello["cipher"] is None:
        return None
    sealed = _application_data(client, asked)
    if sealed is None:
        return "not_tried" if len(client) >= sum(sum(turn.sent) for turn in turns) else None
    suite = str(hello["version"]), str(hello["cipher"])
    around = overhead(*suite)
    refusals = {record(size, *suite) + record(ALERT, *suite) for size in ERRORS}  # both in one packet
    at, proofs = 0, 0
    for turn in turns:
        if turn.first_from(sealed - at) >= PROOF and proofs < _ROUNDS:
            proofs += 1
            if max(turn.answers, default=0) - around <= KEY or set(turn.answers) & refusals:
                return "refused"
        elif proofs:
            break
        at += sum(turn.sent)
    # Until TLS 1.2 a server answers a token with one message: after a second one something of the client is missing.
    if not proofs and turns and len(turns[-1].answers) > 1 and hello["version"] != "TLSv1.3":
        return None
    return "accepted" if proofs else "not_tried"


def _application_data(data: bytes, at: int) -> int | None:
    """Where the first TLS record that is no handshake begins."""
    while at + _RECORD <= len(data) and data[at + 1] == _TLS:
        if data[at] == _APPLICATION:
            return at
        at += _RECORD + int.from_bytes(data[at + 3 : at + 5], "big")
    return None


@dataclass(slots=True)
class _Turn:
    """One time the client spoke: lengths of its messages and of those of the answer."""

    sent: list[int]
    answers: list[int] = field(default_factory=list)

    def first_from(self, offset: int) -> int:
        """Length of the first message that begins there or later, 0 without one."""
        begins = accumulate(self.sent, initial=0)
        return next((size for size, begin in zip(self.sent, begins, strict=False) if begin >= offset), 0)


def _turns(messages: Messages) -> Iterator[_Turn]:
    turn: _Turn | None = None
    for from_client, length in messages:
        if from_client and (turn is None or turn.answers):
            if turn:
                yield turn
            turn = _Turn([])
        if turn and from_client:
            turn.sent.append(length)
        elif turn:
            turn.answers.append(length)
    if turn:
        yield turn


def record(content: int, version: str, cipher: str) -> int:
    """Bytes of a whole TLS record that holds so many; block ciphers pad to their block."""
    around = overhead(version, cipher)
    if _OLD_SUITE not in cipher or version == "TLSv1.3":
        return content + around
    block = 8 if "3DES" in cipher else 16
    vector = _INITIAL_VECTOR if version in ("TLSv1.1", "TLSv1.2") else 0
    return _RECORD + vector + -(-(content + around - _RECORD - vector) // block) * block


def overhead(version: str, cipher: str) -> int:
    """Bytes a TLS record adds to what it holds, at least (padding may add up to a block)."""
    if version == "TLSv1.3":
        return _RECORD + 16 + 1
    if "_GCM_" in cipher or "_CCM" in cipher:
        return _RECORD + 8 + (8 if cipher.endswith("_8") else 16)
    if "CHACHA20" in cipher:
        return _RECORD + 16
    sizes = {"_SHA384": 48, "_SHA256": 32, "_MD5": 16}
    check = next((size for end, size in sizes.items() if cipher.endswith(end)), 20)
    vector = _INITIAL_VECTOR if _OLD_SUITE in cipher and version in ("TLSv1.1", "TLSv1.2") else 0
    return _RECORD + check + vector + (1 if _OLD_SUITE in cipher else 0)
