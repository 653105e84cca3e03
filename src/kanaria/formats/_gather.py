"""Machine code that copies texts from where they lie in a block into the buffers of an Arrow column.

In: where each text begins and its length (-1 is null). Out: Arrow offsets, and the bytes one after the other.
"""

from __future__ import annotations

import numpy as np

from kanaria.formats._vector import WIDTH, at, copy
from kanaria.formats.compiled import jit


@jit
def offsets(lengths, out):  # type: ignore[no-untyped-def]
    """Arrow offsets of values with these lengths; how many are not null."""
    total, present = 0, 0
    out[0] = 0
    for i in range(lengths.shape[0]):
        if lengths[i] >= 0:
            total += lengths[i]
            present += 1
        out[i + 1] = total
    return present


@jit
def gather(buf, side, begins, lengths, places, out):  # type: ignore[no-untyped-def]
    """Copy each value to its place; begins beyond the block point into ``side``.

    ``out`` has ``WIDTH`` bytes to spare: whole vectors are copied, and the next value overwrites what is too much.
    """
    size = buf.shape[0]
    for i in range(lengths.shape[0]):
        length, to, source = np.int64(lengths[i]), np.int64(places[i]), np.int64(begins[i])
        if length <= 0:
            continue
        if source + length + WIDTH <= size:
            for j in range(0, length, WIDTH):
                copy(out, to + j, buf, source + j)
        elif source < size:
            for j in range(length):
                out[to + j] = at(buf, source + j)
        else:
            for j in range(length):
                out[to + j] = at(side, source - size + j)
