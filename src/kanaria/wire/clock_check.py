"""Clocks lie: a time that cannot be right is taken off its record, which is judged without one and teaches nothing.

In: batches as they are read, and the clock. Out: the same batches. A time is wrong when it lies ahead of the clock, or
more than a year away from nearly all other records of its source (a device that lost its clock says 1970 or 2000). A
source that lies ahead as a whole was recorded by another clock: where nothing is kept its times stay, for they agree
with each other; in a store they would make everything else look old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.clock import Clock
from kanaria.core.types import Batch
from kanaria.core.values import dataclass

AHEAD = timedelta(days=1)
"""Clocks of machines that are kept at all agree to minutes; a day covers every time zone that was taken for another."""
FAR_US = 366 * 86_400_000_000
"""Clocks that were lost start at 1970, 1980, 2000 or the day their firmware was made: years away."""
FEW = 0.1
"""Records far from the rest are wrong when they are at most so many of it; logs that nobody writes into for a year and
then again as much as before are left as they are."""

Times = npt.NDArray[np.int64]
Wrong = npt.NDArray[np.bool_]


@dataclass
class _Source:
    """Where nearly all records of a source lie, in microseconds, and how many there are."""

    low: int
    high: int
    rows: int


class ClockCheck:
    """Remembers where the times of each source lie."""

    def __init__(self, clock: Clock, *, keeps: bool) -> None:
        """``keeps`` says that what is read is remembered in a store."""
        self._clock, self._keeps = clock, keeps
        self._sources: dict[str, _Source] = {}

    def checked(self, batch: Batch, report: Callable[[Batch, int, datetime], None]) -> Batch:
        """The batch without wrong times; ``report`` is called with how many there were and the first of them."""
        timed = [table for table in batch.tables.values() if len(table) and "time" in table.column_names]
        times = [_times_of(table) for table in timed]
        every = np.concatenate(times) if times else np.empty(0, np.int64)
        if not len(every):
            return batch
        latest = (self._clock.now() + AHEAD).timestamp() * 1e6
        ranges = self._right(batch.source, every, latest)
        if ranges is None:
            return batch
        low, high = ranges
        wrong = every[(every < low) | (every > high)]
        if not len(wrong):
            return batch
        report(batch, len(wrong), _moment(int(wrong[0])))
        return replace(batch, tables={name: _without(table, low, high) for name, table in batch.tables.items()})

    def _right(self, source: str, times: Times, latest: float) -> tuple[float, float] | None:
        """The earliest and latest time that can be right; None when all are."""
        before = self._sources.get(source)
        low, high = int(times.min()), int(times.max())
        span = (min(low, before.low), max(high, before.high)) if before else (low, high)
        if span[1] - span[0] <= FAR_US and (high <= latest or (low > latest and not self._keeps)):
            self._sources[source] = _Source(*span, len(times) + (before.rows if before else 0))
            return None
        best = _largest(times, before, latest)
        self._sources[source] = best
        ahead = best.low > latest and not self._keeps
        left, right = _reach(times, best)
        return left, (right if ahead else min(right, latest))


def _largest(times: Times, before: _Source | None, latest: float) -> _Source:
    """Of groups of times more than a year apart, the one with most records; those ahead of the clock come last."""
    ordered = np.sort(times)
    edges = np.flatnonzero((np.diff(ordered) > FAR_US) | ((ordered[1:] > latest) & (ordered[:-1] <= latest))) + 1
    groups = [_Source(int(part[0]), int(part[-1]), len(part)) for part in np.split(ordered, edges)]
    if before:
        groups.append(before)
    best = max(groups, key=lambda group: (group.low <= latest or group.rows > len(times) // 2, group.rows))
    if before and best is not before and abs(best.low - before.high) <= FAR_US:
        return _Source(min(best.low, before.low), max(best.high, before.high), best.rows + before.rows)
    return best


def _reach(times: Times, best: _Source) -> tuple[float, float]:
    """From where to where times are believed: everything, unless what lies far from most is little."""
    far = (times < best.low - FAR_US) | (times > best.high + FAR_US)
    if far.sum() > FEW * best.rows:
        return -np.inf, np.inf
    return float(best.low - FAR_US), float(best.high + FAR_US)


def _times_of(table: pa.Table) -> Times:
    times: Times = table["time"].drop_null().cast(pa.int64()).to_numpy()
    return times


def _without(table: pa.Table, low: float, high: float) -> pa.Table:
    """The table with null where the time cannot be right."""
    if "time" not in table.column_names or not len(table):
        return table
    numbers = table["time"].cast(pa.int64()).fill_null(0).to_numpy()
    wrong: Wrong = (numbers < low) | (numbers > high)
    if not wrong.any():
        return table
    import pyarrow.compute as pc

    at = table.schema.get_field_index("time")
    kept = pc.if_else(pa.array(wrong), pa.scalar(None, table.schema.field(at).type), table["time"])
    return table.set_column(at, table.schema.field(at), kept)


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
