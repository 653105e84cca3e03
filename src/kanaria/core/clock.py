"""Time is passed in, never taken from the air: whoever needs "now" gets a ``Clock``.

Clocks are set, by hand, by NTP and by batteries that die. So pauses and ages inside a process are measured with
``steady``, which nobody can set; ``wall`` says when that was, by the clock as it is now.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

from kanaria.core.values import dataclass

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's goes on while the machine sleeps; others stand still then."""


def steady() -> float:
    """Seconds since the machine was started: they pass at their pace whatever becomes of its clock."""
    return time.clock_gettime(_STEADY)


def wall(at: float) -> float:
    """When a ``steady`` moment was, in seconds since 1970 by the clock as it is now."""
    return time.time() - (steady() - at)


class Resets:
    """How often somebody set the clock: each call says by how many seconds since the one before, 0 for less than
    ``least``, which is drift."""

    def __init__(self, least: float = 60.0) -> None:
        self._least, self._ahead = least, time.time() - steady()

    def since(self) -> float:
        before, self._ahead = self._ahead, time.time() - steady()
        moved = self._ahead - before
        return moved if abs(moved) > self._least else 0.0


class Clock(Protocol):
    """Says what time it is, timezone-aware in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still, for tests and for reports that must be the same every time."""

    at: datetime

    def now(self) -> datetime:
        return self.at
