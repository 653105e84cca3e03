"""How often sources are looked at, when what came is judged, and how much at once: as the load of the moment asks.

With nothing to do a line is judged at once; under load more lines share the fixed cost of a batch, up to
``batch_seconds``. A ``Pace`` has no clock: moments are seconds that nobody can set, and whoever calls says which it is.
"""

from __future__ import annotations

from kanaria.core.values import dataclass

SHORTEST = 0.05
"""Seconds between two looks at what came, and between two batches, at least: below that the fixed cost of each is all
there is."""
LOOKING = 3.0
"""Times as long as reading what came took that the next look waits. So looking takes a quarter of a processor at most;
judging takes longer (22 ms to look at 500 flows, 240 ms to judge 1,000) and must keep up."""
LOOK_EVERY = 0.5
"""Seconds after which sources are asked although nobody woke us."""
LEAST, MOST = 256 << 10, 32 << 20
"""Bytes of a batch: what is judged within a moment, and what fits into memory several times over."""
NEVER = float("inf")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is judged together: when that began, how many bytes it has, and when the oldest of them arrived."""

    begun: float
    size: int
    oldest: float


class Pace:
    """Of one running service, whose batches are to take ``batch_seconds`` at most."""

    def __init__(self, batch_seconds: float) -> None:
        self._longest = batch_seconds
        self._limit = LEAST
        self._size = 0
        """Bytes that were read and wait to be judged."""
        self._oldest = NEVER
        """When the oldest of them arrived."""
        self._next_look = self._next_batch = 0.0
        self._arrived = self._judged = 0.0
        self._batches, self._took, self._lag = 0, 0.0, 0.0

    @property
    def limit(self) -> int:
        """Bytes of a batch, as things are."""
        return self._limit

    @property
    def room(self) -> int:
        """Bytes that may be read before the next batch; nothing is, where it is not above 0."""
        return self._limit - self._size

    @property
    def batches(self) -> int:
        """How many batches were judged."""
        return self._batches

    @property
    def took(self) -> float:
        """Seconds the last batch took."""
        return self._took

    @property
    def lag(self) -> float:
        """Seconds the last batch's oldest line waited from its arrival to its judgement."""
        return self._lag

    def until_look(self, now: float) -> float:
        """Seconds until sources may be looked at; not above 0 when they may be now."""
        return self._next_look - now

    def patience(self, now: float, *, waits: bool, hastens: bool) -> float:
        """Seconds until a turn is due though nothing comes; ``waits`` says whether anything is not judged yet,
        ``hastens`` whether something of it is grave."""
        if hastens:
            return 0.0
        if not waits:
            return LOOK_EVERY
        return max(0.0, min(LOOK_EVERY, self._next_batch - now))

    def due(self, now: float, *, waits: bool, at_once: bool) -> bool:
        """Whether a batch is to be judged: of what came, or of what still ``waits``; ``at_once`` does not wait for its
        time."""
        timely = at_once or self._size >= self._limit or now >= self._next_batch
        return timely and bool(waits or self._size or self._arrived > self._judged)

    def looked(self, begun: float, now: float, size: int, oldest: float = NEVER) -> None:
        """So many bytes were taken in, the oldest of which arrived then."""
        self._arrived = begun
        self._size += size
        self._oldest = min(self._oldest, oldest)
        self._next_look = now + max(SHORTEST, min(LOOKING * (now - begun), self._longest))

    def batch(self, now: float) -> Batch:
        """All that was taken in until now is judged; what comes meanwhile is for the next batch."""
        begun = Batch(begun=now, size=self._size, oldest=min(self._oldest, now))
        self._size, self._oldest = 0, NEVER
        return begun

    def judged(self, batch: Batch, now: float) -> None:
        """The batch was judged: the next waits as long as that took, and may be larger, or must be smaller."""
        self._judged = now
        self._took, self._lag = now - batch.begun, now - batch.oldest
        self._batches += 1
        if self._took > self._longest:
            self._limit = max(LEAST, self._limit // 2)
        elif batch.size >= self._limit and self._took < self._longest / 4:
            self._limit = min(MOST, self._limit * 2)
        self._next_batch = now + max(SHORTEST, min(self._took, self._longest))
