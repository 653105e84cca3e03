"""The arrays between blocks of packets, and the names of places in them. Plain data for the compiled modules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kanaria.formats.packets.layout import CHUNK, SEGMENT_HEADER

Array = Any  # NumPy arrays and records; Numba types them from the values
Int = Any  # Python and NumPy integers, which Numba does not tell apart
i64: Any = np.int64
u64: Any = np.uint64
f64: Any = np.float64
place: Any = np.uintp

# Places in State.heads: first entry given back to each pool, first entry never used, how many are free, the highest
# time seen, how many payload chunks there are, and flows that went short of bytes, lengths, pairs or their place in the
# table. Pools are only touched as far as they are used, so that the system need not back the rest with memory.
FREE_FLOW, FREE_CHUNK, FREE_MESSAGE, FREE_PAIR, LEFT_FLOW, LEFT_CHUNK, LEFT_MESSAGE, LEFT_PAIR, NOW, BUDGET = range(10)
THINNED, UNMEASURED, UNPAIRED, EVICTED, NEW_CHUNK, NEW_MESSAGE, NEW_PAIR, HEADS = range(10, 18)
# Why ``track`` stopped before the end of a block.
DONE, NEED_FLOWS = 0, 1
LARGEST_SEGMENT = (65535 + SEGMENT_HEADER) // CHUNK + 2


class State(NamedTuple):
    """Everything known between blocks. ``chains`` has a power of two of entries.

    ``holes`` has, for each place in ``flows`` and side, (first missing number, number behind it) of ``flows["holes"]``
    holes, the oldest first.
    """

    flows: Array
    chains: Array
    chunks: Array
    chunk_next: Array
    message_lengths: Array
    message_times: Array
    message_next: Array
    pairs: Array
    heads: Array
    holes: Array
