"""Numbers per connection out of flat arrays: counts, spans, usual lengths, rhythms and pauses.

In: arrays with one element per message and the number of its connection, ascending. Out: one element per connection.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kanaria.core.values import dataclass

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LENGTH_BITS = 24
"""Lengths and connections share one sorted key; longer messages are cut to this."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of many connections, flat: ``flow`` is the connection's number, ascending; ``time`` in microseconds."""

    flow: Ints
    client: Bools
    length: Ints
    time: Ints

    def where(self, mask: Bools) -> Messages:
        return Messages(self.flow[mask], self.client[mask], self.length[mask], self.time[mask])

    def __len__(self) -> int:
        return len(self.flow)


def near(length: Ints, usual: Ints, spread: int) -> Bools:
    """Which lengths are of a kind whose middle is ``usual``; 0 is no kind."""
    alike: Bools = (usual > 0) & (np.abs(length - usual) <= spread)
    return alike


def count(flow: Ints, rows: int) -> Floats:
    return np.bincount(flow, minlength=rows).astype(np.float64)


def extent(flow: Ints, time: Ints, rows: int) -> tuple[Ints, Ints]:
    first, last = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    if len(flow):
        start = np.flatnonzero(np.r_[True, flow[1:] != flow[:-1]])
        end = np.r_[start[1:], len(flow)] - 1
        first[flow[start]], last[flow[end]] = time[start], time[end]
    return first, last


def mode(flow: Ints, length: Ints, rows: int, spread: int) -> Ints:
    """The middle of the densest range of lengths per connection (the longest of equals), 0 where there is none."""
    best = np.zeros(rows, dtype=np.int64)
    if not len(flow):
        return best
    key = np.sort((flow << LENGTH_BITS) | length)
    index = np.arange(len(key))
    end = np.searchsorted(key, key + 2 * spread, side="right")
    # A range that reaches beyond the largest length would reach into the next connection.
    group = np.flatnonzero(np.r_[True, np.diff(key >> LENGTH_BITS) > 0])
    last = np.repeat(np.r_[group[1:], len(key)], np.diff(np.r_[group, len(key)]))
    dense = np.minimum(end, last) - index
    densest = np.maximum.reduceat((dense << 32) | index, group)
    first, size = densest & 0xFFFFFFFF, densest >> 32
    best[key[group] >> LENGTH_BITS] = key[first + size // 2] & ((1 << LENGTH_BITS) - 1)
    return best


def rhythm(flow: Ints, time: Ints, rows: int) -> tuple[Floats, Floats]:
    """Mean gap in seconds and coefficient of variation; NaN with fewer than two (mean) or four gaps (variation)."""
    same = flow[1:] == flow[:-1]
    owner, gap = flow[1:][same], (time[1:] - time[:-1])[same] / 1e6
    gaps = np.bincount(owner, minlength=rows)
    safe = np.maximum(gaps, 1)
    mean = np.bincount(owner, weights=gap, minlength=rows) / safe
    square = np.bincount(owner, weights=(gap - mean[owner]) ** 2, minlength=rows) / np.maximum(gaps - 1, 1)
    cv = np.sqrt(square) / np.maximum(mean, 1e-6)
    return np.where(gaps >= 1, mean, np.nan), np.where(gaps >= 4, cv, np.nan)


def median(flow: Ints, value: Ints, rows: int) -> Floats:
    result = np.full(rows, np.nan)
    if len(flow):
        order = np.lexsort((value, flow))
        owner, ordered = flow[order], value[order]
        start = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        many = np.diff(np.r_[start, len(owner)])
        result[owner[start]] = ordered[start + many // 2]
    return result


def pause(flow: Ints, time: Ints, begin: Ints, end: Ints, rows: int) -> Floats:
    """The longest stretch without an event, as a multiple of what chance would leave; NaN where there is no event.

    ``begin`` and ``end`` are the observation's. Of n events at chance times the longest of the n + 1 gaps is about
    H(n + 1) / (n + 1) of the observation (H: harmonic number); 1 is usual, and a burst at the beginning with nothing
    behind it comes to n / ln n.
    """
    number = np.bincount(flow, minlength=rows)
    result = np.full(rows, np.nan)
    if not len(flow):
        return result
    start = np.flatnonzero(np.r_[True, flow[1:] != flow[:-1]])
    last = np.r_[start[1:], len(flow)] - 1
    before = np.r_[0, time[:-1]]
    before[start] = begin[flow[start]]
    longest = np.maximum(np.maximum.reduceat(time - before, start), end[flow[last]] - time[last])
    owner, n = flow[start], number[flow[start]].astype(np.float64)
    usual = (np.log(n + 1) + 0.5772 + 1 / (2 * (n + 1))) / (n + 1)
    result[owner] = longest / np.maximum(end[owner] - begin[owner], 1) / usual
    return result
