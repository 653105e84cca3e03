"""Who said what on a connection: from the first bytes of both sides to the messages of a mining dialogue.

A mining message counts where the protocol would put it: at the beginning of a line of a stream that begins with JSON,
of a WebSocket message, or of the body of a getwork request. Inside anything else (a page about mining, a mail, a log
line on its way) it is text. Who mines follows from who says a miner's words, not from who opened the connection, and a
pool is who answers them in kind; what merely comes back as it was sent is an echo. Datagrams and half-open connections
prove nothing, since anybody can write any sender on them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from itertools import accumulate

from kanaria.core.facts import Knowledge
from kanaria.core.late_regex import late_regex
from kanaria.core.proxies import proxied
from kanaria.core.types import StratumMessage
from kanaria.core.values import dataclass
from kanaria.mining.answers import ServerMessages, fits
from kanaria.mining.complete import complete
from kanaria.mining.json_scan import JsonObject, scan
from kanaria.mining.shapes import Direction, Message, Shape
from kanaria.mining.stratum import (
    Answer,
    answer_of,
    answer_shape,
    decode,
    key_of,
    recognise,
    settled_and_counted,
    verdict_of,
)
from kanaria.mining.stratum_v2 import setup_connection
from kanaria.mining.websocket import unframe

# What stands between two messages of a stream; a batch has a bracket and commas besides.
_BETWEEN = " \t\r\n\0[],"
# Requests of a dialect that travels in HTTP bodies.
_OVER_HTTP = frozenset({"getwork"})
_HTTP_METHODS = ("eth_getWork", "eth_submitWork", "eth_submitHashrate")
_REQUEST = late_regex(rb"(GET|POST|PUT|HEAD|DELETE|OPTIONS|CONNECT|PATCH|TRACE) [^\r\n]{0,8192} HTTP/1\.[01]\r?\n")
_STATUS = late_regex(rb"HTTP/1\.[01] (\d{3})[^\r\n]{0,1000}\r?\n")
_LENGTH = late_regex(rb"\ncontent-length:[ \t]*(\d{1,9})", re.I)
_CHUNK = late_regex(rb"[0-9A-Fa-f]{1,8}[^\r\n]{0,64}\r\n")
_PARTS = 255
# Each forged segment draws a reset; a capture that begins inside a real connection sees a job or share every minute.
FORGED_SEGMENTS = 2


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said. ``turned``: the side that was taken for the server is the miner. ``answered``: the other side
    answered in kind, a refusal included; None when its bytes were not kept."""

    messages: tuple[StratumMessage, ...]
    turned: bool
    answered: bool | None


@dataclass(frozen=True, slots=True)
class _Turn:
    """One object at the beginning of a message, what it means to a dialect, and what it may answer.

    ``at`` is its place among what the side sent, None inside frames and bodies; ``time`` is when it was sent.
    """

    raw: str
    shape: Shape | None
    whole: bool
    key: object
    answer: Answer | None
    at: int | None = None
    time: datetime | None = None
    value: Mapping[str, object] = field(default_factory=dict)


def dialogue(row: Mapping[str, object], knowledge: Knowledge | None) -> Dialogue | None:
    """The mining dialogue of a ``connection`` row, None when there is none."""
    first, second = _bytes(row.get("src_first")), _bytes(row.get("dst_first"))
    if row.get("transport") not in (None, "tcp") or not _open(row, first, second):
        return None
    begun = not {"S", "H"}.isdisjoint(str(row.get("history") or "S").upper())
    way = proxied(first, second)
    skipped = (way.client, way.server) if way else (0, 0)
    sides = tuple(
        _timed(_turns(data[ahead:], begun), ahead, row, from_client)
        for data, ahead, from_client in zip((first, second), skipped, (True, False), strict=True)
    )
    for turned in (False, True):
        miner, pool = sides[turned], sides[not turned]
        kept = not (first if turned else second) and bool(row.get("src_payload" if turned else "dst_payload"))
        kept = kept or (not turned and _unheard(row))
        exchange = _exchange(miner, pool, knowledge)
        if exchange is None:
            continue
        messages, answered = exchange
        if turned and not answered:  # against the direction of the connection only the pool's words decide
            return None
        return Dialogue(messages, turned, None if kept and not answered else answered)
    return _one_sided(sides[0], knowledge)


def _one_sided(first: list[_Turn], knowledge: Knowledge | None) -> Dialogue | None:
    """A pool's words from who opened the connection, and no miner: somebody tries what comes back."""
    words = [_message(turn, turn.shape, "client", knowledge) for turn in first if turn.shape]
    messages = settled_and_counted([replace(message, direction="client") for message in words])
    return Dialogue(messages, False, False) if messages else None


def kept_with_alert(transport: str | None, payload: bytes, knowledge: Knowledge | None) -> Dialogue | None:
    """What the bytes say that another sensor kept of one side: a miner's words at the beginning of them.

    Whether the other side answered is not known, and what was quoted to the sensor inside another protocol is text.
    """
    if transport not in (None, "tcp"):
        return None
    turns = [s for s in _turns(payload, True) if s.shape and s.shape.direction != "server"]
    messages = [complete(s.shape, not s.whole, "client", knowledge) for s in turns if s.shape]
    return Dialogue(settled_and_counted(messages), False, None) if messages else None


def in_kind(request: bytes, body: bytes, knowledge: Knowledge | None) -> tuple[StratumMessage, ...]:
    """The messages of a request and of the body that answers it; none when that is no answer a pool would give.

    The request has been found to hold a message in whatever form a server lets through; a pool's answer is the body
    itself, not something quoted in it, and not what was sent.
    """
    if body.lstrip()[:1] not in (b"{", b"["):
        return ()
    echoed = request.decode("utf-8", "replace")
    turns = [s for s in _lines(body.decode("utf-8", "replace")) if s.raw not in echoed]
    sent = [turn for turn in _lines(echoed[max(echoed.find("{"), 0) :]) if turn.shape]
    if sent:
        exchange = _exchange(sent, turns, knowledge)
        return exchange[0] if exchange and exchange[1] else ()
    asked = decode(request, direction="client", knowledge=knowledge)
    shown = [_message(s, s.shape, "server", knowledge) for s in turns if s.shape and s.shape.direction != "client"]
    return settled_and_counted([*asked, *shown]) if shown else ()


def _exchange(
    miner: list[_Turn], pool: list[_Turn], knowledge: Knowledge | None
) -> tuple[tuple[StratumMessage, ...], bool] | None:
    """The messages when the first side speaks as a miner; and whether the second answers as a pool."""
    asked = [turn for turn in miner if turn.shape and turn.shape.direction != "server"]
    if not asked:
        return None
    sent_by_miner = ServerMessages(turn.value for turn in miner if not turn.shape or turn.shape.direction == "server")
    pool = [turn for turn in pool if not sent_by_miner.repeated(turn.value)]
    answers = [turn for turn in pool if turn.shape and turn.shape.direction != "client"]
    requests = {key_of(turn.key): turn.shape for turn in asked if turn.key is not None and turn.shape}
    messages = [_message(s, s.shape, "client", knowledge) for s in asked if s.shape]
    messages += [_message(s, s.shape, "server", knowledge) for s in answers if s.shape]
    for turn in pool:
        answer = turn.answer if not turn.shape else None
        if answer and (to := requests.get(key_of(answer.key))) and fits(to.method, turn.value):
            messages.append(_message(replace(turn, whole=True), answer_shape(to, answer), "server", knowledge))
    answered = any(message.direction == "server" for message in messages) or _only_v2(asked, pool)
    return settled_and_counted(messages), answered


def _message(turn: _Turn, shape: Shape, direction: Direction, knowledge: Knowledge | None) -> StratumMessage:
    return replace(complete(shape, not turn.whole, direction, knowledge), time=turn.time)


def _timed(turns: list[_Turn], ahead: int, row: Mapping[str, object], from_client: bool) -> list[_Turn]:
    """The same with times, where the sensor kept when each of the side's messages began; ``ahead`` bytes were skipped.

    Lengths and times are kept for the first messages of a flow only: what comes after them has no time of its own.
    """
    began, parts = row.get("time"), row.get("messages")
    if not isinstance(began, datetime) or not isinstance(parts, list):
        return turns
    own = [part for part in parts if part["from_client"] is from_client]
    ends = list(accumulate(part["length"] for part in own))
    timed = []
    for one in turns:
        place = bisect_right(ends, one.at + ahead) if one.at is not None else len(ends)
        has_time = place < len(own) and own[place]["time"] is not None
        timed.append(replace(one, time=began + timedelta(microseconds=own[place]["time"])) if has_time else one)
    return timed


def _only_v2(asked: list[_Turn], pool: list[_Turn]) -> bool:
    return bool(pool) and all(turn.shape and turn.shape.dialect == "stratum_v2" for turn in asked)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _open(row: Mapping[str, object], first: bytes, second: bytes) -> bool:
    """Whether both ends took part: the handshake was completed, or, where it was not seen, both sides sent payload.

    Rows of sensors that keep no history are believed. Who gets a segment of a connection it does not know answers with
    a reset, so a few segments and a reset without a handshake are forged rather than the middle of a connection.
    """
    history = row.get("history")
    if not isinstance(history, str):
        return True
    both = bool((first or row.get("src_payload")) and (second or row.get("dst_payload")))
    if _unheard(row):
        return True
    letters = history.upper()
    if "S" in letters and "H" in letters:
        return both or not ("R" in letters and len(first) + len(second) == 0)
    few = all(_count(row.get(name)) <= FORGED_SEGMENTS for name in ("src_messages", "dst_messages"))
    return both and not ("R" in letters and few)


def _unheard(row: Mapping[str, object]) -> bool:
    """Whether the sensor saw the client's half of a connection alone (a mirror of one direction, asymmetric routes): it
    opened, went on as if it was answered and said more than is forged, and no packet of the other side is there.
    """
    history = str(row.get("history") or "")
    opened = {"S", "A"} <= set(history) and history == history.upper() and not {"R", "H"} & set(history)
    return opened and _count(row.get("src_messages")) > FORGED_SEGMENTS


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _turns(data: bytes, begun: bool) -> list[_Turn]:
    """The messages of one side, in order."""
    if not data:
        return []
    setup = setup_connection(data)
    if setup is not None or data[:3] == b"\0\0\1":  # SetupConnection, and the answer to it
        return [_Turn("", setup, True, None, None)]
    inner = unframe(data)
    if inner is not None:
        return [_over_websocket(turn) for turn in _lines(inner.decode("utf-8", "replace"))]
    if _REQUEST.match(data) or _STATUS.match(data):
        return _over_http(data, begun)
    whole = text = data.decode("utf-8", "replace")
    if begun and text.lstrip(_BETWEEN)[:1] != "{":
        return []
    if not begun and text.lstrip(_BETWEEN)[:1] != "{":
        text = text.partition("\n")[2]  # the capture began inside a message
        if text.lstrip(_BETWEEN)[:1] != "{":
            return []
    cut = len(whole) - len(text)
    return [replace(turn, at=turn.at + cut) for turn in _lines(text) if turn.at is not None]


def _lines(text: str) -> list[_Turn]:
    """Objects that nothing but blanks separates from the one before."""
    turns: list[_Turn] = []
    end = 0
    for item in scan(text):
        gap = text[end : item.start]
        if item.flat or not gap.strip(_BETWEEN) or gap.rstrip(" \t")[-1:] in {"\n", "\r"}:
            turns.append(_one(text, item))
        end = item.end
    return turns


def _one(text: str, item: JsonObject) -> _Turn:
    shape = recognise(Message(item.value, item.complete, item.flat))
    answer = answer_of(item.value)
    if shape is not None and answer is not None:
        shape = verdict_of(shape, answer)
    raw, key = text[item.start : item.end], item.value.get("id")
    return _Turn(raw, shape, item.complete, key, answer, item.start, value=item.value)


def _over_websocket(turn: _Turn) -> _Turn:
    if turn.shape is None:
        return replace(turn, at=None)
    return replace(turn, at=None, shape=replace(turn.shape, fields={**turn.shape.fields, "over": "websocket"}))


def _over_http(data: bytes, begun: bool) -> list[_Turn]:
    """Messages in bodies, for dialects that travel there; after CONNECT the stream itself."""
    turns: list[_Turn] = []
    for head, body in _bodies(data):
        if head.startswith(b"CONNECT") or body is None:
            continue
        if body.lstrip()[:1] in (b"{", b"["):
            turns += [one for one in _lines(body.decode("utf-8", "replace")) if _travels(one)]
    tunnel = _tunnel(data)
    return turns if tunnel is None else _turns(tunnel, begun)


def _travels(turn: _Turn) -> bool:
    shape = turn.shape
    return shape is None or shape.dialect in _OVER_HTTP or shape.method in _HTTP_METHODS or shape.direction == "server"


def _tunnel(data: bytes) -> bytes | None:
    """What follows a CONNECT request, or the answer to one, when it is a stream of JSON."""
    head, _, rest = data.partition(b"\r\n\r\n")
    opened = head.startswith(b"CONNECT ") or (
        _STATUS.match(data) and b"ontent-" not in head and b"ransfer-" not in head
    )
    return rest if opened and rest[:1] in (b"{", b"[") else None


def _bodies(data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """(head, body) of every request or answer."""
    at = 0
    for _ in range(_PARTS):
        first = _REQUEST.match(data, at) or _STATUS.match(data, at)
        if first is None:
            return
        end = data.find(b"\r\n\r\n", first.end() - 2)
        if end < 0:
            return
        head, at = data[first.start() : end], end + 4
        length = _LENGTH.search(head)
        if length is not None:
            yield head, data[at : at + int(length[1])]
            at += int(length[1])
        elif chunk := _CHUNK.match(data, at) if b"chunked" in head.lower() else None:
            yield head, data[chunk.end() : chunk.end() + int(re.split(rb"[^0-9A-Fa-f]", chunk[0])[0], 16)]
            return
        elif first[0].startswith(b"HTTP/"):
            yield head, data[at:]
            return
        else:
            yield head, None
