"""Sends what waits in the outbox, one thread a channel, so that a slow or dead one holds up nobody.

At least once, with the message's id for receivers that can tell; retried with growing pauses, also over restarts; given
up after ``DEAD_AFTER`` attempts, which is told through the other channels. News of the same kind that is not severe is
joined, and a channel never gets more than its budget of messages an hour: the rest becomes one message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kanaria.core.errors import SourceError
from kanaria.core.types import SEVERITIES
from kanaria.core.values import dataclass
from kanaria.respond import digests
from kanaria.respond import message as words
from kanaria.respond.channels import Channel
from kanaria.respond.message import Message
from kanaria.store.outbox import Entry, Outbox

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3600.0
"""Seconds before the second attempt, doubled each time up to an hour."""
DEAD_AFTER = 20
"""Attempts: with these pauses eleven hours, a night in which a mail server is down."""
SEVERE = SEVERITIES.index("high")
TICK = 1.0
"""Seconds between two looks when nobody wakes the sender: digests and pauses end then."""
HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much a channel gets at most."""

    per_hour: float
    join_seconds: float
    first_pause: float = FIRST_PAUSE
    dead_after: int = DEAD_AFTER


class Sender:
    """Runs one channel until ``close``. ``watched`` says, for digests, what was watched; ``handled`` whether somebody
    has taken care of an incident."""

    def __init__(
        self,
        channel: Channel,
        outbox: Outbox,
        pace: Pace,
        watched: Callable[[], Mapping[str, Any]],
        on_dead: Callable[[str, int, int, str], None],
        log: Callable[..., None],
        handled: Callable[[str], bool] = lambda _incident: False,
    ) -> None:
        self._channel, self._outbox, self._pace = channel, outbox, pace
        self._watched, self._on_dead, self._log = watched, on_dead, log
        self._plan, self._handled = channel.plan, handled
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sender {self._plan.name}", daemon=True)
        self.failures = 0
        """Attempts in a row that failed; while there are any, only the next attempt is made, and later."""
        self._next_try = 0.0
        self._since = digests.SinceLast()
        self.last_sent: float | None = None
        if outbox.fact(f"began:{self._plan.name}") is None:
            outbox.remember(f"began:{self._plan.name}", repr(outbox.time.now()))

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def close(self) -> None:
        """End after the attempt that is being made."""
        self._over.set()
        self._wake.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._over.is_set():
            self._wake.wait(TICK)
            self._wake.clear()
            try:
                while not self._over.is_set() and self.step(self._outbox.time.now()):
                    pass
            except SourceError as error:  # the outbox cannot be read or written now
                self._log("outbox unusable", level="error", channel=self._plan.name, error=error)
                self._over.wait(error.retry_after or LONGEST_PAUSE)

    def step(self, now: float) -> bool:
        """Send one message, if one is due by the outbox's time; True when it was sent and there may be another."""
        if now < self._next_try:
            return False
        self._prepare_digest(now)
        quiet = digests.in_quiet_hours(self._plan, self._outbox.time.wall(now))
        least = SEVERITIES.index(self._plan.quiet_severity) if quiet else 0
        group = self._group(self._still_wanted(self._outbox.due(self._plan.name, now, least), now), now)
        return bool(group) and self._attempt(group, now)

    def _still_wanted(self, waiting: Sequence[Entry], now: float) -> list[Entry]:
        """Without what was held back and somebody has taken care of meanwhile."""
        spared = [entry for entry in waiting if "held" in entry.content and self._handled(entry.content["id"])]
        if spared:
            self._outbox.settle(spared, "spared", now)
        return [entry for entry in waiting if entry not in spared]

    def _group(self, waiting: Sequence[Entry], now: float) -> list[Entry]:
        """The next message's entries: one, or several that are joined; none when what waits has to wait on."""
        if not waiting:
            return []
        first = waiting[0]
        if first.kind != "incident":
            return [first]
        lately = self._outbox.sent_since(self._plan.name, now - HOUR, now)
        if len(lately) >= self._pace.per_hour:  # over budget: everything that came until the oldest leaves the hour
            oldest = min(at for _topic, at in lately)
            return [] if now - oldest < HOUR else [entry for entry in waiting if entry.kind == "incident"]
        alone = next((entry for entry in waiting if entry.kind == "incident" and _is_alone(entry)), None)
        if alone is not None:
            return [alone]
        recent = {topic for topic, at in lately if now - at < self._pace.join_seconds}
        free = next((entry for entry in waiting if entry.kind == "incident" and entry.topic not in recent), None)
        if free is None:
            return []
        return [entry for entry in waiting if entry.kind == "incident" and entry.topic == free.topic]

    def _attempt(self, group: list[Entry], now: float) -> bool:
        try:
            self._channel.send(self._message(group))
        except SourceError as error:
            self._failed(group, str(error), now)
            return False
        self.failures, self._next_try, self.last_sent = 0, 0.0, now
        self._outbox.settle(group, "sent", now)
        self._log("notified", channel=self._plan.name, messages=len(group), id=group[0].id)
        return True

    def _failed(self, group: list[Entry], error: str, now: float) -> None:
        self.failures += 1
        pause = min(LONGEST_PAUSE, self._pace.first_pause * 2.0 ** (self.failures - 1))
        self._next_try = now + pause
        tried = max(entry.attempts for entry in group) + 1
        dead = tried >= self._pace.dead_after
        self._outbox.settle(group, "dead" if dead else "waiting", now, error=error)
        self._log("could not notify", channel=self._plan.name, attempt=tried, error=error, again_in=round(pause))
        if dead:
            self._on_dead(self._plan.name, len(group), tried, error)

    def _message(self, group: Sequence[Entry]) -> Message:
        first, style = group[0], self._plan.style
        if first.kind != "incident":
            made = first.content
            return Message(id=first.id, title=made["title"], body=made["body"], kind=made["kind"], data=made["data"])
        if len(group) == 1:
            return words.one(first.content, first.id, style)
        return words.several([entry.content for entry in group], first.id, style)

    def _prepare_digest(self, now: float) -> None:
        name, wall = self._plan.name, self._outbox.time.wall
        last, began = self._outbox.past(f"digest:{name}", now), self._outbox.past(f"began:{name}", now)
        items = self._outbox.items(name) if self._plan.digest != "none" else []
        times = [(first, until) for first, until, _content in items]
        since = self._since_by_clock(wall(last or began or now), wall(now))
        if not digests.due(self._plan, since, times, now, wall(now), first=last is None):
            return
        counted = self._watched()
        about = self._since.about(counted)
        made = words.digest(
            [content for _f, _u, content in items], {**about, "since": wall(about["since"])}, f"digest-{int(now)}",
            self._plan.style,
        )  # fmt: skip
        until = max((until for _first, until in times), default=now)
        self._outbox.digested(entry_of(made, name, "digest"), until, now)
        self._since.note_sent(counted, now)

    def _since_by_clock(self, since: float, wall: float) -> float:
        """When the last digest was sent, by the clock: set back by some hours, it does not bring the same hour's digest
        again; set back by more, it is as long ago as it really was."""
        clock = self._outbox.fact(f"digest_clock:{self._plan.name}")
        return since if clock is None or float(clock) > wall + DAY else max(since, float(clock))


def _is_alone(entry: Entry) -> bool:
    """What is severe or got worse is not joined with others of its kind, and does not wait for them."""
    return entry.rank >= SEVERE or entry.content["alert"]["kind"] == "escalated"


def entry_of(made: Message, channel: str, kind: str, severity: str = "medium") -> Entry:
    """A message that is written already, for the outbox."""
    content = {"title": made.title, "body": made.body, "kind": made.kind, "data": made.data}
    return Entry(id=made.id, channel=channel, kind=kind, topic=kind, severity=severity, content=content)
