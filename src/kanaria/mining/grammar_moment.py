"""When a connection that looks like mining first did: from messages and a judge to a moment per connection.

The connection is looked at again as it stood after its third message, its fourth and so on, as somebody would have seen
it who watched it while it was open.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from kanaria.mining.grammar_sequence import MIN_MESSAGES, flatten
from kanaria.mining.grammar_stats import Floats, Ints, Messages

EVERY = 24
"""Up to so many messages every single one is looked at; from there on a quarter more each time, as often as an open
flow is reported again. Half of the laboratory's miners are plain by then."""

Judge = Callable[[Messages, Ints, Ints], tuple[Ints, Floats]]
"""Judges messages of looks numbered from 0, given each look's number of messages and its connection: the looks that
could be judged, and their bits."""


def steps(count: int) -> list[int]:
    """After how many messages to look at a connection of ``count``."""
    wanted = list(range(MIN_MESSAGES, min(count, EVERY) + 1))
    while wanted and wanted[-1] < count:
        wanted.append(min(count, max(wanted[-1] + 1, wanted[-1] * 5 // 4)))
    return wanted


def moments(column: pa.ChunkedArray | pa.Array, judge: Judge, enough: float) -> tuple[Floats, Ints]:
    """Per connection of a ``messages`` column: seconds from its beginning until ``judge`` first gave ``enough`` bits,
    and how many messages had come by then. NaN and 0 where the messages alone never do."""
    messages, sizes = flatten(column)
    looks = [steps(int(size)) for size in sizes]
    owner = np.repeat(np.arange(len(sizes)), [len(look) for look in looks])
    count = np.array([step for look in looks for step in look], dtype=np.int64)
    start = np.concatenate([[0], np.cumsum(sizes)])[owner] if len(owner) else np.zeros(0, dtype=np.int64)
    index = _ranges(start, count)
    number = np.repeat(np.arange(len(count)), count)
    seen = Messages(number, messages.client[index], messages.length[index], messages.time[index])
    which, bits = judge(seen, count, owner)
    first = np.full(len(sizes), len(count))
    np.minimum.at(first, owner[which[bits >= enough]], which[bits >= enough])
    reached = first < len(count)
    seconds, needed = np.full(len(sizes), np.nan), np.zeros(len(sizes), dtype=np.int64)
    needed[reached] = count[first[reached]]
    seconds[reached] = messages.time[start[first[reached]] + needed[reached] - 1] / 1e6
    return seconds, needed


def _ranges(start: Ints, count: Ints) -> Ints:
    """``start[i], start[i] + 1, … start[i] + count[i] - 1`` for every i, one after the other."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    ranges: Ints = np.arange(total) - np.repeat(ends - count, count) + np.repeat(start, count)
    return ranges
