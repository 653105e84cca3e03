"""Text as programs that are no server leave it, made the text that a server wrote: UTF-8, line feeds, no colours.

In: decompressed bytes. Out: the same where nothing is odd about them; else UTF-16 (PowerShell's ``>``) and UTF-32, with
a byte order mark or without, as UTF-8, terminal colours (``docker compose logs``) taken out, lone carriage returns as
line ends.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import Protocol

from kanaria.core.late_regex import late_regex

SAMPLE = 4096
"""Bytes at the beginning that say how a text is written."""
_COLOUR = late_regex(rb"\x1b\[[0-9;:]{0,32}[mK]")
_CUT = late_regex(rb"\x1b(?:\[[0-9;:]{0,32})?$")
_STEP = 256 << 10
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),  # the first begins like UTF-16's
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_PLACES = ((2, 0, "utf-16-le"), (2, 1, "utf-16-be"), (4, 0, "utf-32-le"), (4, 3, "utf-32-be"))
"""How many bytes a character has, and which of them is that of plain text; the others are zero."""


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes | None: ...


def encoding_of(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by their mark, or by the zeros beside every byte of plain text; None for everything else."""
    for mark, name in _MARKS:
        if head.startswith(mark) and len(head) >= 4:
            return name
    for width, place, name in _PLACES if b"\0" in head[:SAMPLE] else ():
        count = len(head[:SAMPLE]) // width
        sample = head[: count * width]
        plain = sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in sample[place::width])
        zeros = sample.count(0) - sample[place::width].count(0)
        if count >= 8 and zeros >= 0.9 * count * (width - 1) and plain >= 0.9 * count:
            return name
    return None


def plain(head: bytes, source: Readable) -> Plain | None:
    """A reader of the text behind ``head`` and ``source``, or None where the bytes are as they should be."""
    encoding = encoding_of(head)
    sample = head[:SAMPLE] if encoding is None else head[:SAMPLE].decode(encoding, "replace").encode()
    steps: list[Callable[[bytes, bool], bytes]] = []
    if encoding is not None:
        steps.append(_recode(encoding))
    if _COLOUR.search(sample) and b"\0" not in sample:
        steps.append(_Colours().without)
    if b"\r" in sample and b"\n" not in head and b"\0" not in sample and sample.count(b"\r") > sample.count(b"\r\r"):
        steps.append(lambda data, _last: data.replace(b"\r", b"\n"))
    return Plain(head, source, steps) if steps else None


def _recode(encoding: str) -> Callable[[bytes, bool], bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")

    def step(data: bytes, last: bool) -> bytes:
        return decoder.decode(data, last).removeprefix("\ufeff").encode("utf-8", "replace")

    return step


class _Colours:
    """Takes terminal sequences out; one that a piece of data cuts in two waits for the rest."""

    def __init__(self) -> None:
        self._waiting = b""

    def without(self, data: bytes, last: bool) -> bytes:
        data = self._waiting + data
        cut = None if last else _CUT.search(data, max(len(data) - 40, 0))
        self._waiting = data[cut.start() :] if cut else b""
        return _COLOUR.sub(b"", data[: cut.start()] if cut else data)


class Plain(io.RawIOBase):
    """The text, read from the front once."""

    def __init__(self, head: bytes, source: Readable, steps: list[Callable[[bytes, bool], bytes]]) -> None:
        self._next, self._source, self._steps = head, source, steps
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._ended:
            self._ready = memoryview(self._more())
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _more(self) -> bytes:
        data, self._next = self._next or self._source.read(_STEP) or b"", b""
        self._ended = not data
        for step in self._steps:
            data = step(data, self._ended)
        return data
