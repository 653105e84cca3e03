"""What a live source of lines hands over: whole lines, where they stood, and the position to resume from after them.

Positions are JSON values. Whoever takes a chunk keeps its position together with what came of the chunk, or neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from kanaria.core.batch import RejectedRecord
from kanaria.core.clock import steady, wall
from kanaria.core.values import dataclass
from kanaria.core.words import Text

Position = Mapping[str, Any]
Wake = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Whole lines of one place, in order.

    ``name`` is what reports show. ``place`` is where the position belongs, unique in its source. ``preamble`` are
    header lines that came before and say how to read these. ``identity`` tells apart what had the same name at
    different times; records count from ``first_line`` in it. A chunk without data only says where to go on from.
    ``origins``, if any, say for each line what it is called where it came from, such as its offset in a topic;
    ``rejects`` are records that became no line.
    """

    name: str
    place: str
    data: bytes
    position: Position
    preamble: bytes = b""
    identity: str = ""
    first_line: int = 1
    lines: int = 0
    arrived: float = field(default_factory=time.monotonic)
    origins: Sequence[str] = ()
    rejects: Sequence[RejectedRecord] = ()

    def origin(self, row: int) -> str:
        """What the record that reports call ``row`` is called where it came from; empty where nobody knows."""
        at = row - self.first_line
        return self.origins[at] if 0 <= at < len(self.origins) else ""


@dataclass(kw_only=True)
class Health:
    """How a source is, for people and for metrics."""

    records: int = 0
    bytes: int = 0
    came_at: float | None = None
    """When something last came (``core.clock.steady``)."""
    behind: int = 0
    """Bytes that wait to be read."""
    behind_records: int | None = None
    """Records that wait where they are kept for us; None for sources that cannot say."""
    lost: int = 0
    """Records that came and could not be kept, or were gone before they were read."""
    lost_how: Text | None = None
    """What was lost last and why, where that is known more exactly than that it came too fast."""
    shared: int = 0
    """Lines of senders, programs or files that have no place of their own for want of room (``limits.places``)."""
    refused: int = 0
    """Records of senders that may not send, or in no shape that can be read."""
    problem: Text | None = None
    """Why nothing can be read now, or a part of it; None when all is well."""
    typical_gap: float | None = None
    """Usual seconds between arrivals, half of them a half-life of 20 arrivals old."""

    @property
    def last(self) -> float | None:
        """When something last came, in seconds since 1970."""
        return None if self.came_at is None else wall(self.came_at)

    def came(self, records: int, size: int, now: float | None = None) -> None:
        """Note an arrival, now or at a ``steady`` moment."""
        now = steady() if now is None else now
        self.records += records
        self.bytes += size
        if self.came_at is not None:
            gap = now - self.came_at
            self.typical_gap = gap if self.typical_gap is None else self.typical_gap + (gap - self.typical_gap) / 20
        self.came_at = now

    def silent(self, now: float | None = None) -> float | None:
        """Seconds of silence when it is unusually long for this source: twenty times its usual gap, and an hour.

        With exponential gaps one in 5e8 is twenty times as long as their mean; an hour keeps sources that write in
        bursts from being called silent between them.
        """
        if self.came_at is None or self.typical_gap is None:
            return None
        gap = (steady() if now is None else now) - self.came_at
        return gap if gap > max(3600.0, 20 * self.typical_gap) else None


def shares(wanted: Sequence[int], limit: int) -> list[int]:
    """How much each of several may have of a limit: all it wants, or as much as any other that wants more. A log that
    grows fast does not keep those waiting that grow slowly."""
    given, left = [0] * len(wanted), limit
    for done, at in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        given[at] = min(wanted[at], max(0, left) // (len(wanted) - done))
        left -= given[at]
    return given


class LineSource(Protocol):
    """A live source of lines. ``start`` before anything else; ``take`` never waits.

    One that is to begin at the end knows where that is when ``start`` returns, so that what comes from then on counts.
    """

    name: str
    health: Health

    def start(self, resume: Mapping[str, Position], wake: Wake) -> None:
        """Begin after the positions in ``resume``, by place. ``wake`` is called when there may be something to take."""
        ...

    def take(self, limit: int) -> list[Chunk]:
        """What came, about ``limit`` bytes at most. Never raises for what a source may do: that is in ``health``."""
        ...

    def keeping(self) -> None:
        """Everything taken so far is about to be kept; what is taken from now on is not."""
        ...

    def kept(self) -> None:
        """What had been taken before ``keeping`` is kept with its positions."""
        ...

    def close(self) -> None: ...
