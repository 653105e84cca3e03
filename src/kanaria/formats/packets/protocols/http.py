"""HTTP/1 requests with their answers (RFC 9112): from both byte streams to ``http`` columns and stream offsets.

Bodies are kept up to ``BODY`` bytes: enough for an exploit, a JSON-RPC call or the start of a download.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

BODY = 8 << 10
HEAD = 32 << 10  # servers refuse heads beyond 8 to 16 KiB
REQUESTS = 255  # rows one connection may give; ids leave room for as many
_LINE = late_regex(rb"([A-Z][A-Z-]{1,19}) ([^\r\n]*?)(?: (HTTP/\d\.\d))?\r?\n")
_STATUS = late_regex(rb"(HTTP/\d\.\d) (\d{3})[^\r\n]*\r?\n")
_CHUNK = late_regex(rb"([0-9A-Fa-f]{1,8})[^\r\n]{0,64}\r\n")


@dataclass(slots=True)
class Part:
    """One request or answer: ``start`` and ``end`` are offsets in its stream, ``size`` its body's announced bytes."""

    start: int
    end: int
    first: re.Match[bytes]
    headers: dict[bytes, bytes]
    body: bytes
    size: int


def exchanges(client: bytes, server: bytes) -> list[tuple[int, dict[str, object]]]:
    """(offset of the request in the client's stream, columns) of every exchange."""
    requests = list(_parts(client, _LINE, ()))
    methods = [request.first[1] for request in requests]
    answers = [part for part in _parts(server, _STATUS, methods) if not part.first[2].startswith(b"10")]
    upgrades = next((part for part in _parts(server, _STATUS, methods) if part.first[2] == b"101"), None)
    if upgrades is not None:
        answers.append(upgrades)
    rows = []
    for index, request in enumerate(requests[:REQUESTS]):
        answer = answers[index] if index < len(answers) else None
        rows.append((request.start, _columns(request, answer)))
    return rows


def _parts(data: bytes, pattern: re.Pattern[bytes], methods: object) -> Iterator[Part]:
    at, number = 0, 0
    asked = list(methods) if isinstance(methods, (list, tuple)) else []
    while at < len(data) and number <= REQUESTS:
        while data.startswith((b"\r\n", b"\n"), at):  # behind a body, from old clients (RFC 9112, 2.2)
            at += 2 if data[at] == 13 else 1
        first = pattern.match(data, at, at + HEAD)
        if first is None:
            return
        headers, body_at = _headers(data, first.end())
        bodiless = pattern is _STATUS and _no_body(first[2], asked[number] if number < len(asked) else b"")
        body, size, end = (b"", 0, body_at) if bodiless else _body(data, body_at, headers, pattern is _STATUS)
        yield Part(at, end, first, headers, body, size)
        number += pattern is not _STATUS or not first[2].startswith(b"10")
        if (pattern is _STATUS and first[2] == b"101") or (pattern is _LINE and b"upgrade" in headers):
            return
        at = end


def _no_body(status: bytes, method: bytes) -> bool:
    tunnel = method == b"CONNECT" and status.startswith(b"2")  # RFC 9110, 9.3.6
    return tunnel or status.startswith(b"1") or status in (b"204", b"304") or method == b"HEAD"


def _headers(data: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """(headers by lower-case name, offset of the body); a head cut short ends with the data."""
    stop = at + HEAD
    ends = [
        place + size for mark, size in ((b"\r\n\r\n", 4), (b"\n\n", 2)) if (place := data.find(mark, at - 2, stop)) >= 0
    ]
    end = min(ends, default=min(len(data), stop))
    headers: dict[bytes, bytes] = {}
    for line in data[at:end].split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers, end


def _body(data: bytes, at: int, headers: dict[bytes, bytes], is_answer: bool) -> tuple[bytes, int, int]:
    """(first bytes, size as announced, offset behind)."""
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return _chunks(data, at)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and len(length) < 16:
        size = int(length)
        return data[at : at + min(size, BODY)], size, at + size
    if is_answer and b"content-length" not in headers:  # until the connection closes
        return data[at : at + BODY], len(data) - at, len(data)
    return b"", 0, at


def _chunks(data: bytes, at: int) -> tuple[bytes, int, int]:
    body, size = bytearray(), 0
    while head := _CHUNK.match(data, at):
        count = int(head[1], 16)
        if count == 0:  # trailers, or only the empty line that ends them (RFC 9112, 7.1.2)
            return bytes(body[:BODY]), size, _headers(data, head.end())[1]
        at = head.end() + count + 2
        size += count
        if len(body) < BODY:
            body += data[head.end() : head.end() + count]
    return bytes(body[:BODY]), size, len(data)


def _columns(request: Part, answer: Part | None) -> dict[str, object]:
    return {
        "method": _text(request.first[1]),
        "url": _text(request.first[2]),
        "host": _text(request.headers.get(b"host")),
        "protocol": _text(request.first[3]),
        "status": int(answer.first[2]) if answer else None,
        "bytes_out": answer.size if answer else None,
        "bytes_in": request.end - request.start,
        "referer": _text(request.headers.get(b"referer")),
        "user_agent": _text(request.headers.get(b"user-agent")),
        "user": _basic_user(request.headers.get(b"authorization", b"")),
        "request": request.first[0].rstrip(b"\r\n"),
        "request_body": request.body or None,
        "response_body": answer.body or None if answer else None,
    }


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if value is not None else None


def _basic_user(value: bytes) -> str | None:
    kind, _, token = value.partition(b" ")
    if kind.lower() != b"basic":
        return None
    try:
        user = base64.b64decode(token.strip()[:1024], validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return None
    return _text(user)
