"""Machine code that finds where lines end: bytes in, places of line feeds out; a third of NumPy's time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kanaria.formats._vector import WIDTH, at, lowest, matches
from kanaria.formats.compiled import jit

SHORT_LINE = 32
"""Bytes of a line; inputs with shorter ones on average, which no log of a server has, are cut by NumPy."""


def line_feeds(bytes_: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where the line feeds are; as ``lines.line_feeds``."""
    ends = np.empty(max(1, len(bytes_) // SHORT_LINE), np.int64)
    found = line_ends(bytes_, ends)
    return ends[:found] if found < len(ends) else np.flatnonzero(bytes_ == 10).astype(np.int64)


@jit
def line_ends(buf, out):  # type: ignore[no-untyped-def]
    """Where the line feeds are; how many. Stops when ``out`` is full."""
    count, i, size = 0, 0, buf.shape[0]
    while i + WIDTH <= size:
        bits = matches(buf, i, np.uint8(10))
        while bits:
            if count == out.shape[0]:
                return count
            out[count] = i + lowest(bits)
            count += 1
            bits &= bits - 1
        i += WIDTH
    while i < size and count < out.shape[0]:
        if at(buf, i) == 10:
            out[count] = i
            count += 1
        i += 1
    return count
