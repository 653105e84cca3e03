"""Undo what a server did to a field when it wrote the log: bytes in, the client's own bytes out.

Apache (``ap_escape_logitem``) writes ``\\"``, ``\\\\``, C escapes and ``\\xHH``; nginx (``ngx_http_log_escape``) only
``\\xHH``, also for quotes and backslashes. The two do not collide, so one decoder serves both. JSON writers use
RFC 8259 escapes; nginx with ``escape=json`` leaves bytes above 0x7F as they came, so a JSON log need not be UTF-8.
"""

from __future__ import annotations

import json
import re
from itertools import product

from kanaria.core.late_regex import late_regex

_LOG_ESCAPE = late_regex(rb'\\(?:(?:x|u00)[0-9A-Fa-f]{2}|[\\"bnrtvfa0])')
_C_ESCAPES = {
    b"\\": b"\\", b'"': b'"', b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"f": b"\f",
    b"a": b"\a", b"0": b"\0",
}  # fmt: skip
_HEX = "0123456789abcdefABCDEF"
# Every escape with the byte behind it: looked up, a body full of quotes is read twice as fast as computed.
_BEHIND = {b"\\" + key: value for key, value in _C_ESCAPES.items()} | {
    f"\\{mark}{digits}".encode(): bytes((int(digits, 16),))
    for mark in ("x", "u00")
    for digits in map("".join, product(_HEX, _HEX))
}
# JSON written with a plain log format carries the server's own escapes, which JSON does not know.
_NOT_JSON = late_regex(r'\\(?:(["\\/bfnrtu])|x([0-9A-Fa-f]{2})|([va0])|)')
_BARE_ESCAPES = {"v": "\\u000b", "a": "\\u0007", "0": "\\u0000"}


def unescape(field: bytes) -> bytes:
    """The bytes behind an Apache- or nginx-escaped field. A backslash that starts no known escape stays."""
    return _LOG_ESCAPE.sub(_log_escape, field) if b"\\" in field else field


def _log_escape(match: re.Match[bytes]) -> bytes:
    return _BEHIND[match[0]]


# Mail, chat and forums turn quotes into typographic ones, web pages into entities.
_HARD_BLANK = b"\xc2\xa0"
_TYPOGRAPHIC = late_regex(b"\xe2\x80[\x9c\x9d\x9e]")
_ENTITIES = {b"&quot;": b'"', b"&#34;": b'"', b"&#x22;": b'"', b"&#39;": b"'", b"&#x27;": b"'", b"&apos;": b"'",
             b"&lt;": b"<", b"&gt;": b">", b"&amp;": b"&"}  # fmt: skip
_ENTITY = late_regex(b"|".join(re.escape(entity) for entity in _ENTITIES))


def plain_quotes(line: bytes) -> bytes:
    """A line with its quotes and blanks as the server wrote them, when a web page, a chat or a mail program changed all
    of them."""
    if _HARD_BLANK in line and line.count(_HARD_BLANK) > line.count(b" "):
        compact_json = line.startswith(b"{") and b'":' + _HARD_BLANK not in line  # there it is part of a value
        line = line if compact_json else line.replace(_HARD_BLANK, b" ")
    if b'"' in line:
        return line
    if b"&quot;" in line or b"&#34;" in line:
        return _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], line)
    return _TYPOGRAPHIC.sub(b'"', line) if b"\xe2\x80" in line else line


def load_json(line: bytes) -> object:
    """The JSON value of a line whose strings may carry raw bytes; those come out as lone surrogates (PEP 383).

    Also accepts the escapes of Apache and nginx inside strings. Raises ValueError when it is no JSON even so, or
    nested deeper than a log line has reason to be.
    """
    text = line.decode("utf-8", "surrogateescape")
    try:
        return _loads(text)
    except json.JSONDecodeError:
        if "\\" not in text:
            raise
    return _loads(_NOT_JSON.sub(_to_json_escape, text))


def _loads(text: str) -> object:
    try:
        return json.loads(text, strict=False)
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error


def _to_json_escape(match: re.Match[str]) -> str:
    if match[1]:
        return match[0]
    if match[2]:
        code = int(match[2], 16)
        return f"\\u{code:04x}" if code < 0x80 else f"\\u{0xDC00 + code:04x}"
    return _BARE_ESCAPES.get(match[3] or "", "\\\\")


def to_bytes(text: str) -> bytes:
    """The bytes a JSON string stands for: UTF-8, with raw bytes restored; other lone surrogates as UTF-8 would be."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """Text for a string column: UTF-8, with bytes that are not UTF-8 as ``\\xHH``."""
    return data.decode("utf-8", "backslashreplace")
