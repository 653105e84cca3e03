"""The loop of the service: look at what came, judge it when it is due, keep everything from time to time.

What comes is read at once, and what is grave and plain by itself is told then. Everything is judged in batches that
follow the load (``pace``). Between the parts of a batch and of a checkpoint, as long as a batch each, sources are
looked at.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from kanaria.app.live.pace import NEVER, Pace
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    from kanaria.app.live.flows import Flow
    from kanaria.app.live.intake import Intake
    from kanaria.app.live.judging import Arrived, Judging
    from kanaria.app.live.outgoing import Outgoing
    from kanaria.app.live.service_log import Log
    from kanaria.app.live.upkeep import Upkeep
    from kanaria.core.types import Language, Text


@dataclass(frozen=True)
class Signals:
    """What other threads tell the loop: that something came, and that it is to end."""

    wake: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Ask the loop to end; from any thread, and from no signal handler."""
        self.stop.set()
        self.wake.set()


class Turns:
    """One thread's. ``alive`` is called with every turn."""

    def __init__(
        self, judging: Judging, intake: Intake, outgoing: Outgoing, upkeep: Upkeep, pace: Pace, *, signals: Signals,
        alive: Callable[[], None], log: Log, language: Language,
    ) -> None:  # fmt: skip
        self.pace = pace
        self._judging, self._intake, self._outgoing, self._upkeep = judging, intake, outgoing, upkeep
        self._signals, self._alive, self._log, self._language = signals, alive, log, language
        self._full: set[str] = set()
        """Limits of memory that were said to be reached."""
        self._records = 0
        self._turned = time.monotonic()

    @property
    def records(self) -> int:
        """Lines and flows that were taken in."""
        return self._records

    @property
    def turned(self) -> float:
        """When the loop last had a turn (monotonic)."""
        return self._turned

    @property
    def left_out(self) -> tuple[Text, ...]:
        """What there was no room for (``[limits]``), in words."""
        return (*self._judging.left_out, *self._intake.left_out)

    def begin(self) -> None:
        """Start the sources, and keep where those begin that begin at their end: after a crash they must not begin at
        another one."""
        self._intake.begin(self._judging.positions, self._signals.wake.set)
        if ends := self._intake.ends(self._judging.positions):
            self._take_in(ends, [])
            self.checkpoint()

    def run(self) -> None:
        """Until somebody asks to end: what came until then counts, and is kept."""
        stop, wake = self._signals.stop, self._signals.wake
        while not stop.is_set():
            wake.wait(self.pace.patience(time.monotonic(), waits=self._judging.waits, hastens=self._judging.hastens))
            stop.wait(self.pace.until_look(time.monotonic()))
            wake.clear()
            self._turned = time.monotonic()
            self._alive()
            self._turn()
        self._turn()
        self.checkpoint()

    def _turn(self) -> None:
        self._upkeep.clock()
        self._look()
        at_once, now = self._signals.stop.is_set(), time.monotonic()
        if self._judging.due:
            self.checkpoint()
        elif self.pace.due(now, waits=self._judging.waits, at_once=at_once):
            self._batch(self._judging.step)
        self._judging.heed()
        self._upkeep.look(self._intake.all)

    def _look(self) -> None:
        """Take in what came."""
        room = self.pace.room
        lines, flows = list(self._intake.lines(room)), self._intake.flows()
        if sum(len(item.chunk.data) for item in lines) >= room:
            self._signals.wake.set()  # there is more
        if lines or flows or self._judging.hastens:
            self._take_in(lines, flows)

    def _take_in(self, lines: list[Arrived], flows: list[Flow]) -> None:
        begun = time.monotonic()
        self._outgoing.tell(self._judging.take_in(lines, flows))
        self._records += sum(item.chunk.lines for item in lines) + sum(batch.rows for _stream, batch in flows)
        size, oldest = sum(len(item.chunk.data) for item in lines), min((i.chunk.arrived for i in lines), default=NEVER)
        self.pace.looked(begun, time.monotonic(), size, oldest)

    def _batch(self, judge: Callable[[Callable[[], None]], list[dict[str, Any]]]) -> None:
        batch = self.pace.batch(time.monotonic())
        self._outgoing.tell(judge(self._look_between))
        self.pace.judged(batch, time.monotonic())

    def _look_between(self) -> None:
        """What came meanwhile may be what somebody is to hear of at once. In the end nothing more is taken in: a source
        that cannot be read again would not be judged any more."""
        stop, wake = self._signals.stop, self._signals.wake
        if wake.is_set() and self.pace.until_look(time.monotonic()) <= 0 and not stop.is_set():
            wake.clear()
            self._look()

    def checkpoint(self) -> None:
        """A batch of all that waits, and everything is kept up to there."""
        self._intake.keeping()
        self._batch(self._judging.hurry)
        self._look_between()
        self._outgoing.tell(self._judging.checkpoint())
        self._say_what_is_full()
        self._intake.kept()

    def _say_what_is_full(self) -> None:
        """Once while it lasts; the number changes all the time."""
        left_out = self.left_out
        for note in left_out:
            if _limit_of(note) not in self._full:
                self._log("memory is full", level="warning", note=note.to(self._language))
        self._full = {_limit_of(note) for note in left_out}


def _limit_of(note: Text) -> str:
    """The setting that a note of what was forgotten names at its end."""
    return note.en.rpartition("(")[2]
