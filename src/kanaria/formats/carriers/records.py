"""What an input that carries lines is made of: its records, whatever it is written in.

In: bytes. Out: ``Record`` values, one for everything that carries something, and one for every piece that could not be
read: whoever reads an input to its end has got, or has been told of, all of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

Object = Mapping[str, object]

PIECE = 64 << 10
"""Characters of one record of what could not be read; more of it becomes several."""


class Record(NamedTuple):
    """``value`` is an object, or a text that is a line itself; None where ``line`` is all there is."""

    value: Object | str | None
    line: bytes = b""
    """The bytes of the input, where it is one of its lines or could not be read."""
    broken: bool = False


Records = Iterator[Record]
Reader = Callable[[BinaryIO], Records]


def broken(text: str) -> Records:
    """What could not be read."""
    for start in range(0, len(text), PIECE):
        yield Record(None, text[start : start + PIECE].encode("utf-8", "surrogateescape"), broken=True)


class Joined(io.RawIOBase):
    """Bytes that were read already, and what comes after them."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def as_text(handle: BinaryIO) -> io.TextIOWrapper:
    """The input as text; bytes that are not of its encoding come out again as they were."""
    from kanaria.formats.logons.text_input import encoding_of

    head = handle.read(1 << 16)
    joined = io.BufferedReader(Joined(head, handle))
    return io.TextIOWrapper(joined, encoding=encoding_of(head), errors="surrogateescape", newline="")
