"""DNS messages (RFC 1035): from a message's bytes to a ``Message`` or None; answers find questions."""

from __future__ import annotations

import ipaddress
import struct
from collections import OrderedDict
from collections.abc import Iterator

from kanaria.core.values import dataclass
from kanaria.formats.packets.protocols.cursor import Cursor, Short

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 29: "LOC",
    33: "SRV", 35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3",
    52: "TLSA", 64: "SVCB", 65: "HTTPS", 99: "SPF", 250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}  # fmt: skip
RCODES = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE",
)  # fmt: skip
_JUMPS = 32  # compression pointers followed in one name
_ANSWERS = 100
WAITING = 1 << 16  # questions kept waiting for their answers
PATIENCE = 10_000_000  # microseconds: resolvers give up after five to ten seconds


@dataclass(slots=True)
class Message:
    """One DNS message with its first question."""

    id: int
    answer: bool
    query: str
    query_type: str
    rcode: str
    answers: list[str]
    ttl: int | None


@dataclass(slots=True, frozen=True)
class Datagram:
    """A UDP payload with its ends, time (us) and packet number."""

    number: int
    time: int
    src: tuple[str, int]
    dst: tuple[str, int]
    payload: bytes


def parse(data: bytes) -> Message | None:
    """The message, as far as it was captured; None when there is no whole question."""
    try:
        ident, flags, questions, answers = struct.unpack_from(">HHHH", data)
        if questions == 0:
            return None
        query, at = name_at(data, 12)
        kind = struct.unpack_from(">H", data, at)[0]
    except (Short, struct.error):
        return None
    code = flags & 15
    values, ttl = _records(data, at + 4, min(answers, _ANSWERS)) if questions == 1 else ([], None)
    return Message(
        id=ident, answer=bool(flags & 0x8000), query=query, query_type=TYPES.get(kind, f"TYPE{kind}"),
        rcode=RCODES[code] if code < len(RCODES) else f"RCODE{code}", answers=values, ttl=ttl,
    )  # fmt: skip


def name_at(data: bytes, at: int) -> tuple[str, int]:
    """(name in lower case without final dot, offset behind it). Raises Short."""
    labels: list[str] = []
    behind = jumps = size = 0
    while True:
        if at >= len(data):
            raise Short
        count = data[at]
        if count >= 0xC0:
            if at + 2 > len(data) or jumps >= _JUMPS:
                raise Short
            behind = behind or at + 2
            at, jumps = (count & 0x3F) << 8 | data[at + 1], jumps + 1
        elif count > 63 or size > 255 or at + 1 + count > len(data):
            raise Short
        elif count == 0:
            return ".".join(labels), behind or at + 1
        else:
            labels.append(data[at + 1 : at + 1 + count].decode("utf-8", "backslashreplace").lower())
            at, size = at + 1 + count, size + 1 + count


def _records(data: bytes, at: int, count: int) -> tuple[list[str], int | None]:
    values: list[str] = []
    ttls: list[int] = []
    try:
        for _ in range(count):
            _, at = name_at(data, at)
            cursor = Cursor(data, at)
            kind, _, ttl, size = cursor.number(2), cursor.number(2), cursor.number(4), cursor.number(2)
            value = _value(data, kind, cursor.at, size)
            cursor.take(size)
            at = cursor.at
            ttls.append(ttl)
            if value is not None:
                values.append(value)
    except Short:
        pass
    return values, min(ttls, default=None)


def _value(data: bytes, kind: int, at: int, size: int) -> str | None:
    body = data[at : at + size]
    if (kind == 1 and len(body) == 4) or (kind == 28 and len(body) == 16):
        return str(ipaddress.ip_address(body))
    if kind in (2, 5, 12, 39):
        return name_at(data, at)[0]
    if kind in (15, 33):
        return name_at(data, at + (2 if kind == 15 else 6))[0]
    return _text(body) if kind == 16 and body else None


def _text(body: bytes) -> str:
    """The strings of a TXT record as the one text they are (RFC 7208, 3.3)."""
    parts, at = [], 0
    while at < len(body):
        parts.append(body[at + 1 : at + 1 + body[at]])
        at += 1 + body[at]
    return b"".join(parts).decode("utf-8", "backslashreplace")


class DnsLog:
    """Joins questions and answers to rows. Waiting questions are bounded in number and time."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[object, ...], tuple[Datagram, Message]] = OrderedDict()

    def add(self, datagram: Datagram) -> Iterator[dict[str, object]]:
        """Rows that are complete now."""
        message = parse(datagram.payload)
        if message is None:
            return
        ends = (datagram.dst, datagram.src) if message.answer else (datagram.src, datagram.dst)
        key = (*ends, message.id, message.query, message.query_type)
        asked = self._waiting.pop(key, None)
        if message.answer:  # one that nobody asked for says nothing about whom it was sent to
            if asked and not asked[1].answer:
                yield _row(asked[0], ends, message)
            return
        if asked:
            yield _row(asked[0], ends, asked[1], answered=False)
        self._waiting[key] = (datagram, message)
        yield from self._old(datagram.time)

    def _old(self, now: int) -> Iterator[dict[str, object]]:
        while self._waiting:
            key, (datagram, message) = next(iter(self._waiting.items()))
            if len(self._waiting) <= WAITING and now - datagram.time <= PATIENCE:
                return
            del self._waiting[key]
            yield _row(datagram, (datagram.src, datagram.dst), message, answered=False)

    def finish(self) -> Iterator[dict[str, object]]:
        """Questions nobody answered."""
        for datagram, message in self._waiting.values():
            yield _row(datagram, (datagram.src, datagram.dst), message, answered=False)
        self._waiting.clear()


def _row(
    datagram: Datagram, ends: tuple[tuple[str, int], tuple[str, int]], message: Message, *, answered: bool = True
) -> dict[str, object]:
    (src_ip, src_port), (dst_ip, dst_port) = ends
    return {
        "number": datagram.number, "when": datagram.time, "src_ip": src_ip, "src_port": src_port, "dst_ip": dst_ip,
        "dst_port": dst_port, "transport": "udp", **columns(message, answered=answered),
    }  # fmt: skip


def columns(message: Message, *, answered: bool = True) -> dict[str, object]:
    """The ``dns`` columns of one exchange; unanswered ones have no rcode."""
    return {
        "query": message.query, "query_type": message.query_type, "rcode": message.rcode if answered else None,
        "answers": message.answers if answered and message.answers else None, "ttl": message.ttl if answered else None,
    }  # fmt: skip


def tcp_exchanges(client: bytes, server: bytes) -> list[tuple[int, dict[str, object]]]:
    """DNS over TCP: (offset in the client's stream, columns) of every question, with the answer of the same id."""
    answers = {_key(message): message for _, message in _framed(server) if message.answer}
    rows = []
    for offset, message in _framed(client):
        answer = answers.get(_key(message))
        rows.append((offset, columns(answer or message, answered=answer is not None)))
    return rows


def _key(message: Message) -> tuple[int, str, str]:
    return message.id, message.query, message.query_type


def _framed(data: bytes) -> Iterator[tuple[int, Message]]:
    at = 0
    while at + 2 < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        message = parse(data[at + 2 : at + 2 + size])
        if message is None:
            return
        yield at, message
        at += 2 + size
