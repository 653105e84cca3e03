"""Text of any encoding, and JSON values one after the other, out of a stream, in bounded memory.

In come bytes as PowerShell, editors and log shippers leave them: UTF-8 or UTF-16 with or without a byte order mark,
Shift_JIS where the bytes are no UTF-8. Out go text, or JSON values of lines, arrays and pretty-printed documents alike.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from typing import TextIO

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import Stream

_BLOCK = 1 << 20
LONGEST_VALUE = 8 << 20
"""Characters of one JSON value or XML event. Windows limits an event to 64 KiB; exports repeat its text."""
_RAW = 4096


def encoding_of(head: bytes) -> str:
    """The name of the encoding, from the byte order mark, where the zero bytes are, or what can be decoded."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if head.startswith(mark):
            return name
    sample = head[:512]
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if sample[0::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp932"  # the code page of Japanese Windows; for others only captions suffer, which nobody reads
    return "utf-8"


def decode_head(head: bytes, limit: int = 1 << 16) -> str:
    """The beginning as text."""
    return codecs.getincrementaldecoder(encoding_of(head))("backslashreplace").decode(head[:limit])


def open_text(stream: Stream) -> TextIO:
    """The stream as text; bytes that are not of its encoding appear as ``\\xHH``."""
    return io.TextIOWrapper(
        io.BufferedReader(stream.open()),  # type: ignore[type-var]
        encoding=encoding_of(stream.head()), errors="backslashreplace", newline="",
    )  # fmt: skip


_BETWEEN = late_regex(r"[\s,\[\]\ufeff\x1e]*")  # RFC 7464 separates JSON texts by 1E
_NEXT = late_regex(r"\n[\s,\[]*(?=\{)")
_DECODER = json.JSONDecoder()


def json_values(text: TextIO) -> Iterator[tuple[object, str]]:
    """(value, "") for every JSON value, (None, raw text) for what is none; reading goes on at the next line's ``{``.

    The brackets of an outermost array are skipped, so that its elements come one by one.
    """
    buffer, position, ended = "", 0, False
    opened, whole = 0, True
    while True:
        between = _BETWEEN.match(buffer, position)
        if between is not None:
            opened += between[0].count("[") - between[0].count("]")
            position = between.end()
        step = _decode(buffer, position, ended) if position < len(buffer) else None
        if step is None:
            if ended:
                if opened > 0 and whole:
                    yield None, "a list without its end"
                return
            block = text.read(max(_BLOCK, len(buffer) - position))
            buffer, position, ended = buffer[position:] + block, 0, not block
            continue
        value, broken, position = step
        whole = not broken
        yield value, broken


def _decode(buffer: str, start: int, ended: bool) -> tuple[object, str, int] | None:
    """Value, raw text of a broken one, and where to go on; None when the value goes on in the next block."""
    try:
        value, end = _DECODER.raw_decode(buffer, start)
    except json.JSONDecodeError as error:
        unfinished = error.pos >= len(buffer) - 16 or error.msg.startswith("Unterminated string")
        if unfinished and not ended and len(buffer) - start < LONGEST_VALUE:
            return None
    except (ValueError, RecursionError):
        pass  # a number of thousands of digits, or nesting meant to hurt: broken like any other
    else:
        if end < len(buffer) or ended:
            return value, "", end
        return None  # a number may go on
    following = _NEXT.search(buffer, start)
    raw = buffer[start : min(start + _RAW, following.start() if following else len(buffer))]
    return None, raw, following.end() if following else len(buffer)
