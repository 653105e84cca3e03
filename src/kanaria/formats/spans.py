"""Lines of a chunk without copying them, and what a reader makes of them.

In: a chunk's bytes. Out: ``Spans``, where lines begin and end, and ``Part``, the columns read from some lines.
"""

from __future__ import annotations

import sys
from dataclasses import field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.values import dataclass

Lines = npt.NDArray[np.int64]
_LF = 10
_NUMBA = "kanaria.formats._cells"


def _line_feeds(bytes_: npt.NDArray[np.uint8]) -> Lines:
    if _NUMBA not in sys.modules:
        return np.flatnonzero(bytes_ == _LF)
    from kanaria.formats._line_ends import line_feeds  # where other loops are compiled already, so is this one

    return line_feeds(bytes_)


@dataclass(frozen=True)
class Spans:
    """Some lines of ``data``: where each begins, where its ``\\n`` is, and its number in the input."""

    data: bytes
    begins: Lines
    ends: Lines
    numbers: Lines

    @classmethod
    def of(cls, data: bytes, first: int) -> Spans:
        """All lines of ``data``, which ends with ``\\n``; ``first`` is the number of the first."""
        ends = _line_feeds(np.frombuffer(data, np.uint8))
        begins = np.empty_like(ends)
        begins[:1] = 0
        begins[1:] = ends[:-1] + 1
        return cls(data, begins, ends, np.arange(first, first + len(ends), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, chosen: npt.NDArray[np.bool_] | Lines | slice) -> Spans:
        """Some of the lines."""
        return Spans(self.data, self.begins[chosen], self.ends[chosen], self.numbers[chosen])

    def line(self, index: int) -> bytes:
        """One line without its end."""
        return self.data[self.begins[index] : self.ends[index]]

    @property
    def size(self) -> int:
        """Bytes of the lines, ends included."""
        return int((self.ends - self.begins).sum()) + len(self)

    def rows(self) -> list[bytes]:
        """The lines without their ends."""
        if self._whole:
            return self.data.split(b"\n")[:-1]
        return [self.data[a:b] for a, b in zip(self.begins.tolist(), self.ends.tolist(), strict=True)]

    def joined(self) -> bytes:
        """The lines with their ends, as one piece."""
        if self._whole:
            return self.data
        return b"".join([self.data[a : b + 1] for a, b in zip(self.begins.tolist(), self.ends.tolist(), strict=True)])

    def binary(self) -> pa.BinaryArray:
        """The lines without their ends, as an Arrow column."""
        kept = self.joined()
        offsets = np.zeros(len(self) + 1, np.int32)
        np.cumsum(self.ends - self.begins, out=offsets[1:])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(kept.replace(b"\n", b""))]
        return pa.BinaryArray.from_buffers(pa.binary(), len(self), buffers)

    @property
    def _whole(self) -> bool:
        """Whether these are all lines of ``data``."""
        return len(self) > 0 and len(self.data) == self.size


@dataclass
class Part:
    """Columns read from some lines of a chunk; ``source`` has one line per row."""

    table: pa.Table
    source: Spans
    rejects: list[tuple[int, str, bytes]] = field(default_factory=list)

    @property
    def lines(self) -> Lines:
        """The line number of every row."""
        return self.source.numbers

    @cached_property
    def raw(self) -> pa.BinaryArray:
        """The line of every row."""
        return self.source.binary()

    def take(self, chosen: npt.NDArray[np.bool_]) -> Part:
        """Some rows; all rejects."""
        return Part(self.table.filter(pa.array(chosen)), self.source.take(chosen), self.rejects)


def woven(one: Part, other: Part) -> Part:
    """Two parts of one chunk as one, in the order of their lines."""
    if not len(other.lines):
        return Part(one.table, one.source, one.rejects + other.rejects)
    pairs = zip(
        (one.source.begins, one.source.ends, one.lines),
        (other.source.begins, other.source.ends, other.lines),
        strict=True,
    )
    begins, ends, numbers = (np.concatenate(pair) for pair in pairs)
    order = np.argsort(numbers, kind="stable")
    table = pa.concat_tables([one.table, other.table]).take(pa.array(order))
    source = Spans(one.source.data, begins[order], ends[order], numbers[order])
    return Part(table, source, sorted(one.rejects + other.rejects, key=lambda reject: reject[0]))


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8 throughout."""
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False
