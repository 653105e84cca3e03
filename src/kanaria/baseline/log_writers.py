"""Who writes into a log, in which rhythm, and how long a pause must be to be called silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HOUR = 3_600_000_000  # microseconds
# A night or a weekend must have been seen before the next one can be told from silence: a host that pauses for hours
# needs a week of history, one that never paused for an hour needs a day.
STEADY_GAP, STEADY_HISTORY, ANY_HISTORY = HOUR, 24 * HOUR, 7 * 24 * HOUR
LEAST_RECORDS = 50
# Judgement: three times the longest pause ever seen is no chance any more; hosts with steady chance between records
# gave no alarm in the tests, at two to six hosts over ten days.
FACTOR, SHORTEST = 3, 2 * HOUR


@dataclass
class Host:
    """What is known of one host in one log. Times in microseconds.

    ``shared``: others have written into the same file. The last three say where its last record stands.
    """

    first: int
    last: int = 0
    records: int = 0
    longest: int = 0
    told: bool = False
    shared: bool = False
    event_id: int = 0
    source: str = ""
    line: int = 0

    def hear(self, times: npt.NDArray[np.int64], newest: Mapping[str, Any]) -> None:
        """Sorted times of further records, and where the newest of them stands."""
        import numpy as np

        since = [self.last] if self.records and not self.told else [times[0]]  # a silence is no part of the rhythm
        self.longest = max(self.longest, int(np.diff(np.concatenate([since, times])).max()))
        self.records += len(times)
        self.told = False
        if times[-1] >= self.last:
            self.last = int(times[-1])
            self.event_id, self.source, self.line = newest["event_id"], newest["source"], newest["line"]

    @property
    def patience(self) -> int:
        """How long a pause must be to be called silence."""
        return max(FACTOR * self.longest, SHORTEST)

    @property
    def regular(self) -> bool:
        history = self.last - self.first
        steady = self.longest <= STEADY_GAP and history >= STEADY_HISTORY
        return self.records >= LEAST_RECORDS and (steady or (history >= ANY_HISTORY and 4 * self.longest <= history))
