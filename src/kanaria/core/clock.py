"""Time is passed in, never taken from the air: whoever needs "now" gets a ``Clock``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


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
