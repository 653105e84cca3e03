"""Undo the escapings a message may stand in: text or bytes in, every plausible reading of it out, nearest first.

A log writer, a JSON string, a URL, an HTML page, base64, hexadecimal and UTF-16 may wrap a message, several times over.
Each transform rewrites only what carries its mark and leaves everything else, so messages in different wrappings can
stand in one text. Every transform takes linear time; depth, number and size of the readings are bounded.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import unquote, unquote_plus

from kanaria.core.late_regex import late_regex

# Deepest wrapping met in public logs is three (JSON access log of a URL of base64); one more for good measure, and room
# for the backslash doubling that every JSON level adds.
MAX_DEPTH = 5
MAX_READINGS = 24
# A request line is at most 8 KiB by default in nginx and Apache, a logged body or captured first payload some tens.
MAX_SIZE = 1 << 20
# All readings of one record together, in characters: four of the largest record, all 24 of one below 170 kB.
MAX_WORK = 4 << 20

_BACKSLASH = late_regex(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-3][0-7]{2}|[\s\S])")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_PERCENT = late_regex(r"%[0-9a-fA-F]{2}")
_PERCENT_U = late_regex(r"%u([0-9a-fA-F]{4})")
_ENTITY = late_regex(r"&(?:quot|amp|lbrace|lcub|colon|comma|#\d{1,5}|#[xX][0-9a-fA-F]{1,4});")
_BASE64 = late_regex(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = late_regex(r"(?:[0-9a-fA-F]{2}){12,}")
_HEX_RUN = late_regex(r"[0-9a-fA-F]{24}")  # the same texts, found in a third of the time
_WIDE = late_regex(r"(?:[\t\n\r\x20-\x7e]\x00){6,}[\t\n\r\x20-\x7e]?")
_HASHED = late_regex(r"#([0-9a-fA-F]{2})")
_REPR = late_regex(r"'(?:method|params|identifier|result)' ?:")
_REPR_WORD = late_regex(r"\b(?:None|True|False)\b(?=[\s,}\]])")
_PRINTABLE = late_regex(rb"[\t\n\r\x20-\x7e\x80-\xff]*")


def text_of(data: bytes | str) -> str:
    """The text, cut to ``MAX_SIZE``; bytes that are not UTF-8 become U+FFFD, they belong to no message."""
    if isinstance(data, str):
        return data[:MAX_SIZE]
    return data[:MAX_SIZE].decode("utf-8", "replace")


def readings(data: bytes | str) -> Iterator[str]:
    """Yield the text itself, then every distinct text that undoing one more wrapping gives, breadth first."""
    first = text_of(data)
    seen, waiting, work = {first}, deque([(first, 0)]), len(first)
    while waiting:
        text, depth = waiting.popleft()
        yield text
        if depth == MAX_DEPTH:
            continue
        for transform in TRANSFORMS:
            inner = transform(text)
            if inner not in seen and len(seen) < MAX_READINGS and work + len(inner) <= MAX_WORK:
                seen.add(inner)
                work += len(inner)
                waiting.append((inner, depth + 1))


def undo_backslashes(text: str) -> str:
    r"""One level of ``\"``, ``\\``, ``\n``, ``\xHH``, ``\uHHHH`` and octal; a backslash before anything else stays."""
    return _BACKSLASH.sub(_unescaped, text) if "\\" in text else text


def undo_percent(text: str) -> str:
    """One level of percent-encoding, ``%uHHHH`` included; ``+`` stays a plus."""
    if "%" not in text or (not _PERCENT.search(text) and "%u" not in text):
        return text
    return unquote(_PERCENT_U.sub(lambda m: chr(int(m[1], 16)), text))


def undo_form(text: str) -> str:
    """One level of form encoding: percent-encoding where ``+`` means a space."""
    return unquote_plus(text) if "+" in text and "%" in text and _PERCENT.search(text) else text


def undo_entities(text: str) -> str:
    """One level of HTML character references."""
    return html.unescape(text) if "&" in text and _ENTITY.search(text) else text


def undo_base64(text: str) -> str:
    """Every run of base64 (either alphabet, padded or not) that hides readable text with a quote in it."""
    return _BASE64.sub(_from_base64, text)


def undo_hex(text: str) -> str:
    """Every run of hexadecimal digits that hides readable text with a quote in it."""
    return _HEX.sub(_from_hex, text) if _HEX_RUN.search(text) else text


def undo_utf16(text: str) -> str:
    """Every run of ASCII written with two bytes a character, either byte order."""
    return _WIDE.sub(lambda m: m[0].replace("\0", ""), text) if "\0" in text else text


def undo_single_quotes(text: str) -> str:
    """An object printed by Python, with single quotes, ``None``, ``True`` and ``False``, as JSON."""
    if not _REPR.search(text):
        return text
    return _REPR_WORD.sub(lambda m: m[0].lower().replace("none", "null"), text.replace("'", '"'))


def undo_hash_escapes(text: str) -> str:
    """HAProxy's ``#22`` for bytes that must not stand in a log line."""
    return _HASHED.sub(lambda m: chr(int(m[1], 16)), text) if "#22" in text else text


def undo_doubled_quotes(text: str) -> str:
    """Quotes doubled inside a CSV field."""
    return text.replace('""', '"') if '{""' in text else text


TRANSFORMS: tuple[Callable[[str], str], ...] = (
    undo_backslashes, undo_percent, undo_form, undo_entities, undo_utf16, undo_base64, undo_hex, undo_single_quotes,
    undo_hash_escapes, undo_doubled_quotes,
)  # fmt: skip


def _unescaped(match: re.Match[str]) -> str:
    mark, digits = match[0][1], match[0][2:]
    if mark in "xu" and digits:
        return chr(int(digits, 16))
    if digits:
        return chr(int(mark + digits, 8))
    if mark in "\"\\/'":
        return mark
    return _SIMPLE.get(mark, match[0])


def _from_base64(match: re.Match[str]) -> str:
    digits = match[0].rstrip("=").replace("-", "+").replace("_", "/")
    # A run cut off by a log limit may end inside a group of four: drop the odd character, it carries no whole byte.
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    try:
        data = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        return match[0]
    return _readable(data) or match[0]


def _from_hex(match: re.Match[str]) -> str:
    return _readable(bytes.fromhex(match[0])) or match[0]


def _readable(data: bytes) -> str | None:
    """The bytes as text when they look like JSON text (UTF-8 or UTF-16), else None."""
    if data.count(0) * 3 > len(data):
        data = data.replace(b"\0", b"")
    if b'"' not in data or not _PRINTABLE.fullmatch(data):
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
