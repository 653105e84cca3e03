"""What a service that nobody looks at must do for itself.

It warns of a full disk and of silent sources, forgets what is old, and keeps what could not be read, unless there is no
space left for it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kanaria.app.config import Config
from kanaria.app.live.service_log import Log
from kanaria.app.live.telling import Telling
from kanaria.core.errors import SourceError
from kanaria.core.types import RejectedRecord
from kanaria.store.dead_letters import DeadLetters
from kanaria.store.incidents import IncidentStore
from kanaria.store.outbox import Outbox
from kanaria.store.retention import Removed
from kanaria.store.timeline import BELIEVED_AFTER

LOOK_EVERY = 30.0
"""Seconds between two looks."""
DAY = 86_400.0
MESSAGES_KEPT_DAYS = 30.0
"""Settled messages are of no use for longer than somebody asks what was sent."""
SHED_BELOW = 0.25
"""Share of the space from which on is warned: below it the least important is given up, so that incidents are kept."""
SETTLED_KEPT_DAYS = 1.0
"""Settled messages are kept no longer then."""
RETAIN_EVERY = 3600.0
"""Seconds between two looks at the age of incidents, which is counted in days."""
QUIET_DAYS = 7.0
"""An informational incident to which nothing was added for so long may leave a store that is too large
(``serve.keep_mb``, ``serve.keep_days`` say when that is): a weekly digest has told of it by then, and what goes on from
it by an address comes within three days (``incidents.grouping.REACH``)."""
WARN_EVERY = 3600.0
"""Seconds between two lines of the service's log about the same trouble that goes on: 24 a day, as many as somebody
reads who looks once. Messages have a rhythm of their own, and ``kanaria doctor`` says at any time what goes on."""
TOLD_FROM = 600.0
"""Seconds by which a clock has to be set for people to be told: times in a report are no longer to be believed."""
LETTERS_A_LOOK = 1_000
"""Records kept between two looks at most; the rest is only counted."""


class Upkeep:
    """Belongs to one running service; called by its loop."""

    def __init__(
        self, config: Config, store: Path, outbox: Outbox, telling: Telling, log: Log,
        make_room: Callable[[float], None],
    ) -> None:  # fmt: skip
        """``make_room`` gives up what is least important, until so many bytes are free; below 0 there is enough."""
        self._make_room = make_room
        self._config, self._store, self._outbox, self._telling, self._log = config, store, outbox, telling, log
        self._looked = float("-inf")
        self._letters, self._left = DeadLetters(store), LETTERS_A_LOOK
        self.removed = self.size = 0
        """Incidents that left the store since the start, and the bytes of those that stay."""
        self._retained = float("-inf")
        self._warned: dict[str, float] = {}
        self._gone: dict[str, int] = {}
        """Records that each source had lost at the last look."""
        self.sheds = False
        """Whether so little space is left that only incidents and messages are kept."""

    def reject(self, record: RejectedRecord) -> None:
        """Keep a record that could not be read."""
        if self._left > 0 and not self.sheds:
            self._left -= 1
            try:
                self._letters.keep(record)
            except OSError as error:  # a full disk: the record is counted all the same
                self._left = 0
                self._log("cannot keep what could not be read", level="warning", error=error)

    def look(self, sources: Sequence[Any]) -> None:
        """Once in a while: disk, silence, age."""
        if time.monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked, self._left = time.monotonic(), LETTERS_A_LOOK
        now = self._outbox.time.now()
        self._disk(now)
        for source in sources:
            self._silence(source)
            self._lost(source)
        self._outbox.forget(now - MESSAGES_KEPT_DAYS * DAY)
        self._keep_time()
        self._retain()

    def clock(self) -> None:
        """Whether the machine's clock was set; called all the time, so that nobody asks it before it is noticed."""
        jumped = self._outbox.time.look()
        if not jumped:
            return
        self._keep_time()
        self._log("the clock was set", level="warning", seconds=round(jumped), doubtful=self._outbox.time.doubtful)
        if abs(jumped) >= TOLD_FROM:
            day = int(self._outbox.time.now() // DAY)
            name = "clock_doubtful" if self._outbox.time.doubtful else "clock"
            values = {"minutes": f"{jumped / 60:+,.0f}", "hours": f"{BELIEVED_AFTER / 3600:.0f}"}
            self._telling.notice(name, f"{name}-{day}", values, kind="warning")

    def _retain(self) -> None:
        """Let old incidents go, some at a time; by no clock that is in doubt."""
        if time.monotonic() - self._retained < RETAIN_EVERY or self._outbox.time.doubtful:
            return
        days, most = self._config.serve.keep_days, self._config.serve.keep_mb * 1e6
        before, quiet = self._days_ago(days), self._days_ago(QUIET_DAYS)
        try:
            with IncidentStore(self._store) as store:
                done = store.forget(before, most, self._outbox.incidents(), quiet)
                self.size = store.size
        except SourceError as error:
            self._log("cannot remove old incidents", level="warning", error=error)
            done = Removed()
        self.removed += done.incidents
        if not done.more:
            self._retained = time.monotonic()
        if done.incidents:
            self._log("removed old incidents", incidents=done.incidents, bytes=self.size)
        if done.open:
            self._log(
                "removed open informational incidents, the store is too large", level="warning", incidents=done.open
            )

    def _days_ago(self, days: float) -> datetime:
        return datetime.fromtimestamp(max(0.0, self._outbox.time.believed() - days * DAY), UTC)

    def _keep_time(self) -> None:
        with suppress(SourceError):  # a full disk: the next look keeps it
            self._outbox.time.keep()

    def _disk(self, now: float) -> None:
        free, least = shutil.disk_usage(self._store).free / 1e6, self._config.serve.disk_warn_mb
        before, self.sheds = self.sheds, free < least * SHED_BELOW
        self._make_room((least - free) * 1e6)  # rows of events first: what is lost of them is what was normal before
        if free >= least:
            return
        self._warn(f"disk {self.sheds}", "disk almost full", free_mb=round(free), sheds=self.sheds)
        values = {"free": f"{free:,.0f}", "least": f"{least:,.0f}", "folder": self._store}
        if self.sheds:
            freed = self._letters.drop()
            self._outbox.forget(now - SETTLED_KEPT_DAYS * DAY)
            if not before:
                self._log("gave up records that could not be read", level="warning", bytes=freed)
        self._telling.notice("shed" if self.sheds else "disk", f"disk-{self.sheds}-{int(now // DAY)}", values)

    def _warn(self, key: str, what: str, **facts: Any) -> None:
        """Log what still holds, once in ``WARN_EVERY``: a look every half minute would fill a log by itself."""
        if time.monotonic() - self._warned.get(key, float("-inf")) >= WARN_EVERY:
            self._warned[key] = time.monotonic()
            self._log(what, level="warning", **facts)

    def _lost(self, source: Any) -> None:
        """Say in the service's log what was lost since the last look; after a restart nobody else knows it."""
        health, before = source.health, self._gone.get(source.name, 0)
        if health.lost > before:
            self._gone[source.name] = health.lost
            how = {"last": health.lost_how.en} if health.lost_how else {}
            self._log("records were lost", level="warning", source=source.name, records=health.lost - before, **how)

    def _silence(self, source: Any) -> None:
        silent = source.health.silent()
        if silent is None:
            return
        self._warn(f"silent {source.name}", "source is silent", source=source.name, seconds=round(silent))
        values = {"minutes": f"{silent / 60:,.0f}", "gap": f"{source.health.typical_gap:,.1f}"}
        fell_silent = int(self._outbox.time.when(source.health.came_at))
        key = f"silent-{source.name}-{fell_silent}"  # once for each time
        self._telling.notice("silent", key, {"name": source.name, **values}, kind="warning")
