"""How regularly somebody logs in, kept over all logins while only some are kept as examples.

Takes times, one by one; returns their number, span, mean gap and its deviation, in constant memory for each identity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from kanaria.core.limits import Limits
from kanaria.core.values import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Rhythm:
    """``span``, ``gap`` and ``deviation`` in seconds; the gap is the mean between two logins."""

    logins: int
    span: float
    gap: float
    deviation: float

    @staticmethod
    def of(times: Sequence[datetime]) -> Rhythm | None:
        """The rhythm of sorted times; None for fewer than two."""
        counted = _Counted()
        for time in times:
            counted.add(time)
        return counted.rhythm()


class _Counted:
    __slots__ = ("first", "gaps", "last", "squares")

    def __init__(self) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.gaps, self.squares = 0, 0.0

    def add(self, time: datetime) -> None:
        if self.last is None or self.first is None:
            self.first = self.last = time
            return
        gap = (time - self.last).total_seconds()
        if gap <= 0:  # the same second, or a line out of order: no gap of its own
            return
        self.gaps, self.squares, self.last = self.gaps + 1, self.squares + gap * gap, time

    def rhythm(self) -> Rhythm | None:
        if self.first is None or self.last is None or not self.gaps:
            return None
        span = (self.last - self.first).total_seconds()
        mean = span / self.gaps
        deviation = math.sqrt(max(self.squares / self.gaps - mean * mean, 0.0))
        return Rhythm(logins=self.gaps + 1, span=span, gap=mean, deviation=deviation)


class Rhythms:
    """The rhythms of the ``most`` identities (source, login, agent): one who changes name with every line drives out
    nobody who logs in again and again."""

    def __init__(self, most: int = Limits.identities) -> None:
        self._known: dict[tuple[str, str, str], _Counted] = {}
        self._most = most
        self.forgotten = 0
        """How many were let go of."""

    def add(self, source: str, login: str, agent: str, time: datetime) -> None:
        """One login more."""
        key = (source, login, agent)
        if key not in self._known and len(self._known) >= self._most:
            self._forget()
        self._known.setdefault(key, _Counted()).add(time)

    def _forget(self) -> None:
        """Let go of half of them: those with the fewest logins, of these the first to come."""
        ordered = sorted(self._known, key=lambda key: self._known[key].gaps)
        for key in ordered[: max(1, self._most // 2)]:
            del self._known[key]
            self.forgotten += 1

    def of(self, source: str, login: str, agent: str) -> Rhythm | None:
        """What is known of one identity."""
        counted = self._known.get((source, login, agent))
        return counted.rhythm() if counted else None
