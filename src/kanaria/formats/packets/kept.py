"""First bytes of many flows as one Arrow column: from a buffer with offsets to columns and their heads.

Flows keep up to 256 KiB a side. As Python objects those bytes were copied four times on their way into a table, which
took half of the time of reading short conversations; here the buffer the kernel filled is the column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

Array = np.ndarray[Any, Any]


def column(data: Array | bytes, offsets: Array) -> pa.Array:
    """A binary column over ``data``; row *i* is ``data[offsets[i]:offsets[i + 1]]``, null where that is empty."""
    empty = offsets[1:] == offsets[:-1]
    valid = pa.py_buffer(np.packbits(~empty, bitorder="little").tobytes()) if empty.any() else None
    places = pa.py_buffer(offsets.astype(np.int32))
    return pa.BinaryArray.from_buffers(pa.binary(), len(offsets) - 1, [valid, places, pa.py_buffer(data)])


def column_of(values: Sequence[bytes]) -> pa.Array:
    """The same from Python objects."""
    return pa.array([value or None for value in values], pa.binary())


def exchanged(data: Array, offsets: Array, changes: Mapping[int, bytes]) -> tuple[bytes, Array]:
    """Buffer and offsets with other bytes in some rows."""
    parts: list[Any] = []
    sizes, copied = np.diff(offsets), 0
    for index, value in sorted(changes.items()):
        parts += [data[copied : offsets[index]].data, value]
        copied = int(offsets[index + 1])
        sizes[index] = len(value)
    parts.append(data[copied:].data)
    return b"".join(parts), np.concatenate([[0], np.cumsum(sizes)])


class Heads:
    """Reading the beginnings of a binary column without making an object of every row."""

    def __init__(self, values: pa.Array) -> None:
        _, places, data = values.buffers()
        offsets = np.frombuffer(places, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
        self._data = memoryview(data if data is not None else b"")
        self._starts = offsets[:-1]
        self.lengths: Array = np.diff(offsets)

    def matrix(self, width: int) -> Array:
        """The first ``width`` bytes of every row, zeros behind its end, as ``uint8`` of shape (rows, width)."""
        data = np.frombuffer(self._data, np.uint8)
        out = np.zeros((len(self.lengths), width), np.uint8)
        for place in range(width if len(data) else 0):
            there = np.flatnonzero(self.lengths > place)
            out[there, place] = data[self._starts[there] + place]
        return out

    def at(self, rows: Array, place: int) -> Array:
        """The byte in that place of each of these rows, which are longer than that."""
        return np.frombuffer(self._data, np.uint8)[self._starts[rows] + place]

    def get(self, index: int, limit: int) -> bytes:
        """At most ``limit`` bytes of a row."""
        start = int(self._starts[index])
        return bytes(self._data[start : start + min(int(self.lengths[index]), limit)])
