"""The Stratum decoder: bytes or text of a log line, body or stream in, ``StratumMessage`` values out.

Every reading of the text (``escapes``) is scanned for JSON objects (``json_scan``), every object is shown to the
dialects, and what they recognise is completed with wallet, coin, agent and known sample values. The reading with the
most whole messages counts. Nothing here raises for content, and all work is bounded.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from kanaria.core.facts import Knowledge
from kanaria.core.late_regex import late_regex
from kanaria.core.types import StratumMessage
from kanaria.core.values import dataclass
from kanaria.mining import dialect_cryptonote, dialect_cut, dialect_mining, dialect_other
from kanaria.mining.complete import DIALECT_COINS, complete
from kanaria.mining.escapes import readings
from kanaria.mining.json_scan import Doubled, JsonObject, scan
from kanaria.mining.shapes import Direction, Message, Shape
from kanaria.mining.stratum_v2 import setup_connection
from kanaria.mining.websocket import unframe

# A log line or body holds a handful; a stream of hours holds thousands, which decode_stream counts.
MAX_MESSAGES = 20_000
_MAX_WALK = 6
_AUTHORIZATION = late_regex(r"^Authorization:[ \t]*Basic[ \t]+([A-Za-z0-9+/=]{2,400})", re.I | re.M)
_USER_AGENT = late_regex(r"^User-Agent:[ \t]*([^\r\n]{1,200})", re.I | re.M)
_MINING_HEADER = late_regex(r"^X-Mining-(?:Extensions|Hashrate):[ \t]*([^\r\n]{0,200})", re.I | re.M)


@dataclass(frozen=True, slots=True)
class _Hit:
    shape: Shape
    whole: bool
    key: object


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON-RPC answer no dialect knows by itself: its request gives it a meaning."""

    key: object
    accepted: bool
    error: str


def decode(
    data: bytes | str, *, direction: Direction = "unknown", knowledge: Knowledge | None = None
) -> tuple[StratumMessage, ...]:
    """Every mining message in ``data``, in order; ``event_id`` is 0.

    ``direction`` says who sent the data where that is known; it settles messages whose sender their form leaves open.
    """
    hits, _ = _read(data)
    return tuple(complete(hit.shape, not hit.whole, direction, knowledge) for hit in hits)


def decode_stream(client: bytes, server: bytes, *, knowledge: Knowledge | None = None) -> tuple[StratumMessage, ...]:
    """The mining messages of a flow, both directions, alike ones counted: ``fields["count"]`` says how many.

    Answers that mean nothing alone (``"result": true``) are read by the id of the request they answer. When the
    client's bytes hold no mining message, only what the server's bytes prove by themselves is returned.
    """
    asked, _ = _read(client)
    hits, answers = _read(server)
    messages = [complete(hit.shape, not hit.whole, "client", knowledge) for hit in asked]
    messages += [complete(hit.shape, not hit.whole, "server", knowledge) for hit in hits]
    requests = {key_of(hit.key): hit.shape for hit in asked if hit.key is not None}
    for answer in answers:
        request = requests.get(key_of(answer.key))
        if request is not None:
            messages.append(complete(answer_shape(request, answer), False, "server", knowledge))
    return settled_and_counted(messages)


def settled_and_counted(messages: list[StratumMessage]) -> tuple[StratumMessage, ...]:
    """The messages of one flow: those alike once, with their number, and what one leaves open as the others say it."""
    return _counted(_settled(messages))


def key_of(key: object) -> str:
    """An id as a request and its answer both have it."""
    return f"{type(key).__name__}:{key}"


def answer_shape(request: Shape, answer: Answer) -> Shape:
    """An answer, by the request it answers."""
    return Shape(
        dialect=request.dialect,
        method=request.method,
        direction="server",
        coin=request.coin,
        fields=_verdict(answer),
    )


def verdict_of(shape: Shape, answer: Answer) -> Shape:
    """The shape with what the answer says of acceptance."""
    return replace(shape, fields={**shape.fields, **_verdict(answer)})


def _verdict(answer: Answer) -> dict[str, str]:
    return {"accepted": "true" if answer.accepted else "false"} | ({"error": answer.error} if answer.error else {})


def _settled(messages: list[StratumMessage]) -> list[StratumMessage]:
    """Messages whose form leaves dialect or coin open take those of the flow they stand in."""
    dialects = [m.dialect for m in messages if m.dialect not in ("stratum_v1", "getwork", "stratum_v2")]
    coins = [m.coin for m in messages if m.fields.get("coin_from") in ("wallet", "algorithm", "shape")]
    own = [dialect for dialect in dialects if coins and DIALECT_COINS.get(dialect) == coins[0]]
    settled = []
    for message in messages:
        if dialects and message.dialect == "stratum_v1" and message.method.startswith("mining."):
            coin = message.coin if message.fields.get("coin_from") != "dialect" else DIALECT_COINS.get(dialects[0])
            message = replace(message, dialect=dialects[0], coin=coin)
        elif own and message.method.startswith("mining.") and DIALECT_COINS.get(message.dialect) != coins[0]:
            message = replace(message, dialect=own[0])  # one flow mines one coin, and speaks its dialect
        if coins and message.fields.get("coin_from") == "dialect":
            message = replace(message, coin=coins[0], fields={**message.fields, "coin_from": "flow"})
        settled.append(message)
    return settled


def _counted(messages: list[StratumMessage]) -> tuple[StratumMessage, ...]:
    groups: dict[object, list[StratumMessage]] = {}
    for message in messages:
        key = (
            message.dialect, message.method, message.direction, message.wallet, message.worker, message.agent,
            message.sample, message.fields.get("accepted"),
        )  # fmt: skip
        groups.setdefault(key, []).append(message)
    return tuple(
        replace(group[0], fields={**group[0].fields, "count": str(len(group))}) if len(group) > 1 else group[0]
        for group in groups.values()
    )


_SHORT = 1024
"""Bytes up to which what a text holds is remembered: names of browsers, pages that link and the requests of a flood
recur in a log, and its lines' other fields are read one by one."""


def _read(data: bytes | str) -> tuple[Sequence[_Hit], Sequence[Answer]]:
    """The hits of the best reading, and the answers without meaning of the plain one."""
    return _often_read(data) if len(data) <= _SHORT else _read_once(data)


@lru_cache(maxsize=2048)
def _often_read(data: bytes | str) -> tuple[Sequence[_Hit], Sequence[Answer]]:
    hits, answers = _read_once(data)
    return tuple(hits), tuple(answers)


def _read_once(data: bytes | str) -> tuple[list[_Hit], list[Answer]]:
    if isinstance(data, bytes):
        setup = setup_connection(data)
        if setup is not None:
            return [_Hit(setup, True, None)], []
        inner = unframe(data)
        if inner is not None:
            hits, answers = _best(inner)
            if hits:
                return [_over_websocket(hit) for hit in hits], answers
    return _best(data)


def _over_websocket(hit: _Hit) -> _Hit:
    return _Hit(replace(hit.shape, fields={**hit.shape.fields, "over": "websocket"}), hit.whole, hit.key)


def _best(data: bytes | str) -> tuple[list[_Hit], list[Answer]]:
    best: list[_Hit] = []
    best_score = (0, 0)
    answers: list[Answer] = []
    for index, text in enumerate(readings(data)):
        hits, replies = _hits(text)
        answers = replies if index == 0 else answers
        score = (sum(hit.whole for hit in hits), len(hits))
        if score > best_score:
            best, best_score = _with_request(text, hits), score
        if not hits and not best:
            best = _header_only(text)
    return best, answers


def _hits(text: str) -> tuple[list[_Hit], list[Answer]]:
    hits: list[_Hit] = []
    answers: list[Answer] = []
    for item in scan(text):
        before = len(hits)
        hits.extend(_walk(item.value, item, 0))
        if len(hits) >= MAX_MESSAGES:
            break
        answer = answer_of(item.value) if len(hits) == before else None
        if answer is not None and len(answers) < MAX_MESSAGES:
            answers.append(answer)
    return hits, answers


def _walk(value: object, item: JsonObject, depth: int) -> Iterator[_Hit]:
    """The object itself when it is a message, else the messages among its members (batches, structured logs)."""
    if isinstance(value, dict):
        shape, value = _recognised(value, item.complete, item.flat and depth == 0)
        if shape is not None:
            answer = answer_of(value)
            if answer is not None:
                shape = verdict_of(shape, answer)
            yield _Hit(shape, item.complete, value.get("id"))
            return
        children: list[object] = list(value.values())
    elif isinstance(value, list):
        children = value
    else:
        return
    if depth < _MAX_WALK:
        for child in children[:200]:
            if isinstance(child, (dict, list)):
                yield from _walk(child, item, depth + 1)


def _recognised(value: dict[str, object], whole: bool, flat: bool) -> tuple[Shape | None, dict[str, object]]:
    """The shape of the object, by whichever of its values for one name makes it a message, and the object read so."""
    shape = recognise(Message(value, whole, flat))
    if shape is None and isinstance(value, Doubled):
        read = ((recognise(Message(choice, whole, flat)), choice) for choice in value.choices())
        return next(((recognised, choice) for recognised, choice in read if recognised is not None), (None, value))
    return shape, value


def recognise(message: Message) -> Shape | None:
    """The first dialect that knows the object, None when it is no mining message."""
    return (
        dialect_mining.recognise(message)
        or dialect_cryptonote.recognise(message)
        or dialect_other.recognise(message)
        or dialect_cut.recognise(message)
    )


def answer_of(value: Mapping[str, object]) -> Answer | None:
    """The object as an answer, None when it is none."""
    if "method" in value or value.get("id") is None or not ("result" in value or "error" in value):
        return None
    error = value.get("error")
    accepted = not error and value.get("result") not in (False, None)
    return Answer(value["id"], accepted, str(error)[:200] if error else "")


def _with_request(text: str, hits: list[_Hit]) -> list[_Hit]:
    """Fill in what the HTTP request around the messages says: its user agent, its user and password."""
    if "uthorization:" not in text and "ser-Agent:" not in text and "ser-agent:" not in text:
        return hits
    agent = _USER_AGENT.search(text)
    user, password = _credentials(text)
    return [
        _Hit(
            replace(
                hit.shape,
                agent=hit.shape.agent or (agent[1] if agent else None),
                login=hit.shape.login or user,
                password=hit.shape.password or password,
            ),
            hit.whole,
            hit.key,
        )
        if hit.shape.direction == "client"
        else hit
        for hit in hits
    ]


def _header_only(text: str) -> list[_Hit]:
    """A getwork request whose body was not kept still has its mining headers."""
    match = _MINING_HEADER.search(text) if "ining-" in text else None
    if match is None:
        return []
    shape = Shape(
        dialect="getwork", method="getwork", direction="client", confidence=0.9, fields={"extensions": match[1]}
    )
    return _with_request(text, [_Hit(shape, False, None)])


def _credentials(text: str) -> tuple[str | None, str | None]:
    match = _AUTHORIZATION.search(text)
    if match is None:
        return None, None
    try:
        plain = base64.b64decode(match[1], validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None, None
    user, colon, password = plain.partition(":")
    return (user or None), (password if colon else None)
