"""The fast path of JSON logs whose lines all have the same keys in the same order, as nginx writes them.

In: the first lines. Out: a ``Program`` for the kernel of ``fast``: what stands between the values is literal text, and
a value is sure when it has no escape. Lines with other keys, another order or an escape go the careful way, so nothing
depends on the guess but speed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

from kanaria.core.late_regex import late_regex
from kanaria.core.zone import Zoneless
from kanaria.formats.web import _kernel as k
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_text
from kanaria.formats.web.fast import NUMBER_SLOTS, SLOTS, Program
from kanaria.formats.web.jsonrow import WRAPPERS, kind_of

_PAIR = late_regex(rb'"([^"\\]+)"(\s*:\s*)(?:"([^"\\]*)"|(\d+(?:\.\d+)?))(\s*[,}]\s*)')
# Keys whose presence makes a line mean something else (JSON-RPC, Envoy's milliseconds, other sensors).
_SPECIAL = {
    "jsonrpc", "params", "result", "error", "response_code", "uid", "event_type", "id.orig_h", "flow_id",
    "logicalUserName", "reqPath", *WRAPPERS,
}  # fmt: skip
_NUMBERS = {
    "status": (k.STATUS, "status", 0),
    "bytes_out": (k.NUMBER, "bytes_out", 0),
    "bytes_in": (k.NUMBER, "bytes_in", 0),
    "seconds": (k.DECIMAL, "duration_us", 6),
    "millis": (k.DECIMAL, "duration_us", 3),
    "port": (k.PORT, "dst_port", 0),
    "src_port": (k.PORT, "src_port", 0),
}
_TEXTS = {
    "referer": "referer",
    "user_agent": "user_agent",
    "user": "user",
    "body": "request_body",
    "answer": "response_body",
}
_PLAIN = {"client": k.CLIENT, "forwarded": k.FORWARDED, "host": k.HOST, "request": k.REQUEST}
# With a whole request line there, its parts say nothing more.
_WITHIN_REQUEST = {"method", "path", "args", "protocol", "http_version"}

Step = tuple[int, int, int]


def choose(head: bytes, aliases: Mapping[str, str]) -> Program | None:
    """The program for the commonest sequence of keys among the first lines, or None when it would not pay."""
    lines = [line.strip(b"\r") for line in head.split(b"\n")[:200]]
    keys = Counter(tuple(pair[0] for pair in _PAIR.findall(line)) for line in lines if line[:1] == b"{")
    for wanted, _count in keys.most_common(3):
        for line in lines:
            if tuple(pair[0] for pair in _PAIR.findall(line)) == wanted:
                program = _program(line, aliases)
                if program is not None:
                    return program
    return None


def _program(line: bytes, aliases: Mapping[str, str]) -> Program | None:
    pairs = list(_PAIR.finditer(line))
    names = [to_text(pair[1]) for pair in pairs]
    if not pairs or len(set(names)) < len(names) or _SPECIAL & set(names):
        return None
    steps = _steps(names, pairs, aliases)
    if steps is None:
        return None
    rows, literals, at = [], b"", 0
    for pair, step in zip(pairs, steps, strict=True):
        quoted = pair[3] is not None
        begin, end = pair.span(3 if quoted else 4)
        literal = line[at:begin]
        rows.append((*step, line[end], len(literals), len(literals) + len(literal), 0 if quoted else 1))
        literals, at = literals + literal, end
    rows.append((-1, 0, 0, -1, len(literals), len(literals) + len(line) - at, 0))
    return Program(np.array(rows, np.int64), np.frombuffer(literals + line[at:], np.uint8), tail=False)


def _steps(names: list[str], pairs: list[re.Match[bytes]], aliases: Mapping[str, str]) -> list[Step] | None:
    ranked = [kind_of(name, aliases) for name in names]
    best: dict[str, int] = {}
    for kind, rank in ranked:
        best[kind] = min(rank, best.get(kind, rank))
    kinds = [kind if rank == best[kind] else "" for kind, rank in ranked]
    given = [kind for kind, _ in ranked]
    if "request" not in kinds or any(given.count(kind) > 1 for kind in _TEXTS) or {"host", "port"} <= set(kinds):
        return None
    steps = [_step(kind, pair) for kind, pair in zip(kinds, pairs, strict=True)]
    numeric = [step[1] for step in steps if step and step[0] not in (k.SKIP, *_PLAIN.values(), k.TEXT)]
    if len(set(numeric)) < len(numeric):
        return None
    whole = [step for step in steps if step is not None]
    return whole if len(whole) == len(steps) else None


def _step(kind: str, pair: re.Match[bytes]) -> Step | None:
    quoted = pair[3] is not None
    if not kind or kind in _WITHIN_REQUEST:
        return (k.SKIP, 0, 0)
    if kind in _NUMBERS:
        number, slot, power = _NUMBERS[kind]
        return (number, NUMBER_SLOTS.index(slot), power)
    if kind == "time":
        return _time(pair[3] if quoted else pair[4])
    if not quoted:
        return None
    if kind in _TEXTS:
        return (k.TEXT, SLOTS.index(_TEXTS[kind]), 0)
    return (_PLAIN[kind], 0, 0) if kind in _PLAIN else None


def _time(value: bytes) -> Step | None:
    for kind, read in ((k.TIME, values.clf_time(value)), (k.ISO, values.iso_time(to_text(value)))):
        if isinstance(read, Zoneless):
            return None  # what it means is for the careful path to work out
        if read is not None and not value.isdigit():
            return (kind, k.N_TIME, 0)
    return (k.EPOCH, k.N_TIME, 0) if values.epoch_time(to_text(value)) is not None else None
