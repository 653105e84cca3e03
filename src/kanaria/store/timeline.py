"""The time that messages are kept by: it goes on at its pace, over restarts too, whatever becomes of the clock.

In: the machine's clock and what an earlier process kept of it. Out: seconds that began as seconds since 1970 and only
go forward, and how far ahead of them the clock is, for whoever asks for a time of day. A clock that is set changes that
one number and nothing that is kept: what waits an hour goes on waiting as long as was left of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from kanaria.core.clock import steady

FACT = "timeline"
JUMP = 60.0
"""Seconds between two looks by which a clock has not drifted but was set: NTP slews 0.05 % at most
(adjtimex(2): 500 ppm), and nobody minds a message a minute early or late."""
DRIFT = 1.0
"""Seconds by which a clock may be off what it was before a time of day is by the new one."""
DAY = 86_400.0
BELIEVED_AFTER = DAY
"""Seconds for which a clock that was set by more than a day has to stay there before records are judged by it. What
such records teach outweighs all that is older, so a wrong clock that is put right within the day must teach nothing."""
STARTING = 900.0
"""Seconds after the machine was started in which its clock is believed at once: without a battery it is set then."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Facts(Protocol):
    """Where a few words are kept."""

    def fact(self, name: str) -> str | None: ...
    def remember(self, name: str, value: str) -> None: ...


class Timeline:
    """Reads what was kept when it is made, and changes nothing until ``look`` or ``keep`` are called.

    ``clock`` gives seconds since 1970, ``passed`` seconds that nobody can set, ``boot`` which start of the machine
    those count from (empty: not known).
    """

    def __init__(
        self, facts: Facts, clock: Callable[[], float] = time.time, passed: Callable[[], float] = steady,
        boot: str | None = None,
    ) -> None:  # fmt: skip
        self._facts, self._clock, self._passed = facts, clock, passed
        self._boot = _boot_id() if boot is None else boot
        kept = json.loads(facts.fact(FACT) or "{}")
        now = clock()
        before = float(kept.get("ahead", 0.0))
        if self._boot and kept.get("boot") == self._boot:
            self._begin = float(kept["begin"])
        else:  # how long the machine was off only its clock can say, unless it says that time went back
            self._begin = max(now - before, float(kept.get("line", now - before))) - passed()
        ahead = now - self.now()
        self.ahead = ahead if abs(ahead - before) > DRIFT else before
        """Seconds by which the clock is ahead of this time, as ``look`` last found it."""
        self._jumped = self.ahead - before
        self._doubted, self._since = float(kept.get("doubted", 0.0)), float(kept.get("since", 0.0))

    def now(self) -> float:
        """The time by which messages are kept."""
        return self._begin + self._passed()

    def when(self, moment: float) -> float:
        """The same of a ``steady`` moment of this process."""
        return self._begin + moment

    def wall(self, at: float) -> float:
        """What the clock would have said then, as it is set now: seconds since 1970."""
        return at + self.ahead

    def look(self) -> float:
        """Seconds by which the clock was set since the last look (or since the last process kept it); 0 when it was
        not. Call it often, for between two looks a time of day is by the clock as it was, and ``keep`` what it says."""
        ahead = self._clock() - self.now()
        jumped, self._jumped = ahead - self.ahead + self._jumped, 0.0
        if abs(ahead - self.ahead) > DRIFT:
            self.ahead = ahead
        if abs(jumped) <= JUMP:
            return 0.0
        self._doubt(jumped)
        return jumped

    def keep(self) -> None:
        """Let the next process go on from here."""
        kept = {
            "boot": self._boot, "begin": self._begin, "ahead": self.ahead, "line": self.now(),
            "doubted": self._doubted, "since": self._since,
        }  # fmt: skip
        self._facts.remember(FACT, json.dumps(kept))

    @property
    def doubtful(self) -> bool:
        """Whether the clock was set by more than a day, and not long ago."""
        return abs(self._doubted) > DAY and self.now() - self._since < BELIEVED_AFTER

    def believed(self) -> float:
        """Seconds since 1970 by the clock, or by what it was before it was set while that is doubtful."""
        return self.wall(self.now()) - (self._doubted if self.doubtful else 0.0)

    def _doubt(self, jumped: float) -> None:
        """What it was set by adds up: a clock that came back is where it was."""
        starting = self._passed() < STARTING
        self._doubted = 0.0 if starting else jumped + (self._doubted if self.doubtful else 0.0)
        self._since = self.now()


class Believed:
    """A ``Clock`` that does not follow the machine's where that is doubtful."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._timeline.believed(), UTC)


def _boot_id() -> str:
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""
