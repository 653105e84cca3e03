"""``kanaria serve``: what sources bring is judged in micro-batches, kept, and told; until somebody asks it to end.

One thread reads and judges. What comes is read at once, and what is grave and plain by itself is told then. Everything
is judged in batches that follow the load: with nothing to do a line is judged at once; under load more lines share the
fixed cost of a batch, up to ``batch_seconds``. Sources that cannot wait buffer what comes, within bounds.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from kanaria.app.config import Config
from kanaria.app.live.acknowledging import acknowledging
from kanaria.app.live.endpoints import answering
from kanaria.app.live.flows import Flow
from kanaria.app.live.judging import Arrived, Judging
from kanaria.app.live.service_log import Log, logger
from kanaria.app.live.siem import Siem
from kanaria.app.live.state import state
from kanaria.app.live.systemd import notify
from kanaria.app.live.telling import Telling, message_language
from kanaria.app.live.upkeep import Upkeep
from kanaria.app.live.watching import Watched, watched, watched_flows
from kanaria.app.mending import mend, messages
from kanaria.app.owning import owning
from kanaria.core.clock import steady
from kanaria.core.first_use import announce
from kanaria.core.limits import forgotten
from kanaria.core.types import Finding, Incident, RejectedRecord, Text
from kanaria.respond.acknowledge import Links
from kanaria.sources.chunks import Chunk
from kanaria.store.incidents import IncidentStore
from kanaria.store.outbox import Outbox
from kanaria.store.timeline import Believed

SHORTEST = 0.05
"""Seconds between two looks at what came, and between two batches, at least: below that the fixed cost of each is all
there is."""
LOOKING = 3.0
"""Times as long as reading what came took that the next look waits. So looking takes a quarter of a processor at most;
judging takes longer (22 ms to look at 500 flows, 240 ms to judge 1,000) and must keep up."""
LOOK_EVERY = 0.5
"""Seconds after which sources are asked although nobody woke us."""
COMPILED_WITHIN = 1800
"""Seconds that a start may take which has to compile. It took 10 s of processor time in the wheel's environment, and
143 s by the clock at a load of 25 on two cores; ten times that, for a machine ten times slower and as busy, is 1,430.
systemd's own 90 or 300 would end such a start again and again; too long a time only lets one that hangs hang longer."""
LEAST, MOST = 256 << 10, 32 << 20
"""Bytes of a batch: what is judged within a moment, and what fits into memory several times over."""


class Service:
    """One running service. ``run`` returns when ``stop`` was called.

    Inside another program ``offer`` gets every incident that is news, and says whether it was taken; what was not is
    offered again by the next service on this store. ``log`` is then the program's, and systemd is left to it."""

    def __init__(
        self, config: Config, store: Path, *, log: Log | None = None, offer: Callable[[Incident], bool] | None = None
    ) -> None:
        self.config, self.store = config, store
        self.mended: list[Text] = []
        """What of the store was damaged when it began, and where it lies now."""
        self.log: Log = log or logger(config.serve.log)
        self._offer = offer
        self.sources: list[Watched] = watched(config)
        self.flows = watched_flows(config)
        self._wake, self._stop = threading.Event(), threading.Event()
        self._limit = LEAST
        self._size = 0
        """Bytes that were read and wait to be judged."""
        self._oldest = float("inf")
        """When the oldest of them arrived (monotonic)."""
        self._next_look = self._next_batch = 0.0
        self._arrived = self._judged = 0.0
        self.started = steady()
        self.batches = self.records = self.rejected = self.news_count = 0
        self._full: set[str] = set()
        """Limits of memory that were said to be reached."""
        self.last_batch = self.lag = 0.0
        """Seconds the last batch took, and its oldest line waited from arrival to judgement."""
        self.turned = time.monotonic()
        """When the loop last had a turn."""
        self.ready = False

    def stop(self) -> None:
        """Ask to end; from any thread, and from no signal handler."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Watch until stopped. What is damaged in the store is put aside first: one who does not watch because of
        what happened before would be worse. Raises SourceError when the store belongs to another run."""
        announce(self._compiling)
        mended = mend(self.store)
        self.mended = list(messages(mended)) if mended else []
        with owning(self.store, "serve") as mine, _outbox(self.store) as outbox:
            self.outbox = outbox
            links = Links(outbox, self.config.serve.acknowledge_hours) if self.config.serve.acknowledge else None
            self.telling = Telling(
                self.config, outbox, self.watched, self.log, links=links, handled=self._handled,
                events=lambda incident: self.siem.events(incident),
            )  # fmt: skip
            self._say_mended()
            self.upkeep = Upkeep(
                self.config, self.store, outbox, self.telling, self.log, lambda missing: self.judging.shed(missing)
            )
            judging = Judging(
                self.config, self.store, on_the_wire=bool(self.flows) or any(s.on_the_wire for s in self.sources),
                on_reject=self._rejected, on_alert=self._alert, clock=Believed(outbox.time),
            )  # fmt: skip
            with judging as self.judging:
                self.siem = Siem(
                    self.store, self.judging.setup.facts, message_language(self.config), self._ocsf(),
                    int(self.config.serve.ocsf_mb * 1e6),
                )  # fmt: skip
                judging.owned(mine)
                mine.status = lambda: state(self)
                with answering(self.config.serve.listen, self.store, lambda: state(self), self.log), self._links(links):
                    self._watch()

    def _compiling(self) -> None:
        """It takes a minute, once; on a small machine longer than systemd waits for a start."""
        self._say(f"EXTEND_TIMEOUT_USEC={COMPILED_WITHIN * 1_000_000}")
        self.log("preparing the readers for this machine; once after an installation or update, up to some minutes")

    def _say_mended(self) -> None:
        for number, said in enumerate(self.mended):
            self.log("the store was damaged", level="error", what=said.en)
            self.telling.notice("mended", f"mended-{self.outbox.time.when(self.started)}-{number}", {"what": said})

    @contextmanager
    def _links(self, links: Links | None) -> Iterator[None]:
        """Answer links that acknowledge incidents, if there are to be any."""
        if links is None:
            yield
            return
        listen = self.config.serve.acknowledge_listen
        with acknowledging(listen, links, self._acknowledge, message_language(self.config), self.log):
            yield

    def _acknowledge(self, incident: str) -> None:
        with IncidentStore(self.store) as store:
            store.decide(
                incident, "acknowledged", who="link", why="link in a message", now=Believed(self.outbox.time).now()
            )
        self.log("acknowledged", incident=incident)

    def _handled(self, incident: str) -> bool:
        """Whether somebody has taken care of an incident."""
        with IncidentStore(self.store) as store:
            return store.get(incident).state != "open"

    def watched(self) -> Mapping[str, Any]:
        """For digests: what was read since the start, and how many hours of devices nothing explained."""
        sources = [{"name": item.name, "records": item.health.records} for item in self.everything]
        alerts, budget = self.judging.anomalies, self.config.alerts_per_day
        return {"sources": sources, "since": self.outbox.time.when(self.started), "alerts": alerts, "budget": budget}

    @property
    def everything(self) -> list[Any]:
        """All sources, of lines and of flows: each has a name and its health."""
        return [*(item.source for item in self.sources), *self.flows]

    @property
    def left_out(self) -> tuple[Text, ...]:
        """What there was no room for (``[limits]``), in words."""
        shared = sum(source.health.shared for source in self.everything)
        return (*self.judging.left_out, *((forgotten("places", shared),) if shared else ()))

    @property
    def unread(self) -> int:
        """Lines in no known format."""
        return self.judging.unread

    def _watch(self) -> None:
        self._tell(self.judging.pending())
        self.telling.start()
        for item in self.sources:
            item.source.start(self.judging.positions.get(item.source.name, {}), self._wake.set)
        for flows in self.flows:
            flows.start(self._wake.set)
        self._keep_ends()
        if self._offer is None:  # to look whether what was loaded can go stopped everything for 100 ms at a time
            gc.freeze()
        self.ready = True
        self._say("READY=1")
        self.log("started", store=self.store, sources=len(self.everything), channels=len(self.telling.senders))
        try:
            self._loop()
        finally:
            self._say("STOPPING=1")
            for source in self.everything:
                source.close()
            self.telling.close()
            self.log("stopped", records=self.records)

    def _keep_ends(self) -> None:
        """Keep where sources begin that begin at their end: after a crash they must not begin at another one."""
        new = [item for item in self.sources if item.at_end and item.source.name not in self.judging.positions]
        if begun := [arrived for item in new for arrived in self._arrived_of(item, item.source.take(1))]:
            self._take_in(begun, [])
            self._checkpoint()

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._patience())
            self._stop.wait(self._next_look - time.monotonic())
            self._wake.clear()
            self.turned = time.monotonic()
            self._say("WATCHDOG=1")
            self._turn()
        self._turn()  # what came until now counts
        self._checkpoint()

    def _patience(self) -> float:
        """Seconds until a turn is due though nothing comes."""
        if self.judging.hastens:
            return 0.0
        if not self.judging.waits:
            return LOOK_EVERY
        return max(0.0, min(LOOK_EVERY, self._next_batch - time.monotonic()))

    def _turn(self) -> None:
        self.upkeep.clock()
        self._look()
        due = self._stop.is_set() or self._size >= self._limit or time.monotonic() >= self._next_batch
        if self.judging.due:
            self._checkpoint()
        elif due and (self.judging.waits or self._size or self._arrived > self._judged):
            self._batch(self.judging.step)
        self.judging.heed()
        self.upkeep.look(self.everything)

    def _look(self) -> None:
        """Take in what came."""
        lines, flows = list(self._gather()), [flow for source in self.flows for flow in source.take()]
        if lines or flows or self.judging.hastens:
            self._take_in(lines, flows)

    def _gather(self) -> Iterator[Arrived]:
        left, waiting = self._limit - self._size, self.sources
        while waiting and left > 0:
            more = []
            for place, item in enumerate(waiting):
                if left <= 0:
                    break
                share = -(-left // (len(waiting) - place))  # one that brings much does not keep the others waiting
                taken = item.source.take(share)
                left -= (size := sum(len(chunk.data) for chunk in taken))
                if size >= share:
                    more.append(item)
                yield from self._arrived_of(item, taken)
            waiting = more
        if left <= 0:
            self._wake.set()  # there is more

    @staticmethod
    def _arrived_of(item: Watched, chunks: Iterable[Chunk]) -> Iterator[Arrived]:
        for chunk in chunks:
            yield Arrived(source=item.source.name, chunk=chunk, format=item.format, layout=item.log_format)

    def _take_in(self, lines: list[Arrived], flows: list[Flow]) -> None:
        begun = self._arrived = time.monotonic()
        self._tell(self.judging.take_in(lines, flows))
        self.records += sum(item.chunk.lines for item in lines) + sum(batch.rows for _stream, batch in flows)
        self._size += sum(len(item.chunk.data) for item in lines)
        self._oldest = min([self._oldest, *(item.chunk.arrived for item in lines)])
        now = time.monotonic()
        self._next_look = now + max(SHORTEST, min(LOOKING * (now - begun), self.config.serve.batch_seconds))

    def _batch(self, judge: Callable[[Callable[[], None]], list[dict[str, Any]]]) -> None:
        begun, size, oldest = time.monotonic(), self._size, self._oldest
        self._size, self._oldest = 0, float("inf")
        self._tell(judge(self._look_between))
        self._judged = now = time.monotonic()
        self.last_batch = now - begun
        self.lag = now - min(oldest, begun)
        self.batches += 1
        self._adapt(size)
        self._next_batch = now + max(SHORTEST, min(self.last_batch, self.config.serve.batch_seconds))

    def _look_between(self) -> None:
        """What came meanwhile may be what somebody is to hear of at once. In the end nothing more is taken in: a source
        that cannot be read again would not be judged any more."""
        if self._wake.is_set() and time.monotonic() >= self._next_look and not self._stop.is_set():
            self._wake.clear()
            self._look()

    def _ocsf(self) -> Path | None:
        return Path(self.config.serve.ocsf) if self.config.serve.ocsf else None

    def _tell(self, news: list[dict[str, Any]]) -> None:
        try:
            self.siem.write(() if self.upkeep.sheds else news)
        except OSError as error:  # a full disk, a wrong path: people are told all the same
            self.log("cannot write OCSF", level="error", file=self.config.serve.ocsf, error=error)
        self.news_count += len(news)
        self.telling.tell(news)
        self.judging.dispatched(list(takewhile(self._taken, news)))

    def _taken(self, item: Mapping[str, Any]) -> bool:
        """Whether the program this runs in, if any, has worked on it."""
        return self._offer is None or self._offer(self.judging.incident(item["id"]))

    def _say(self, said: str) -> None:
        """To systemd, which started this process."""
        if self._offer is None:
            notify(said)

    def _alert(self, finding: Finding, now: datetime) -> None:
        """Mining goes on: what somebody is told of it is news of its incident."""
        self.log("mining on an open connection", finding=finding.id, rule=finding.rule, last=now.isoformat())

    def _checkpoint(self) -> None:
        """A batch of all that waits, and everything is kept up to there; between its parts, as long as a batch each,
        sources are looked at."""
        for item in self.sources:
            item.source.keeping()
        self._batch(self.judging.hurry)
        self._look_between()
        self._tell(self.judging.checkpoint())
        for note in self.left_out:
            if self._limit_of(note) not in self._full:  # once while it lasts; the number changes all the time
                self.log("memory is full", level="warning", note=note.to(message_language(self.config)))
        self._full = {self._limit_of(note) for note in self.left_out}
        for item in self.sources:
            item.source.kept()

    @staticmethod
    def _limit_of(note: Text) -> str:
        """The setting that a note of what was forgotten names at its end."""
        return note.en.rpartition("(")[2]

    def _adapt(self, size: int) -> None:
        """Batches of full size that are done soon may be larger; those that take too long must be smaller."""
        if self.last_batch > self.config.serve.batch_seconds:
            self._limit = max(LEAST, self._limit // 2)
        elif size >= self._limit and self.last_batch < self.config.serve.batch_seconds / 4:
            self._limit = min(MOST, self._limit * 2)

    def _rejected(self, record: RejectedRecord) -> None:
        self.rejected += 1
        self.upkeep.reject(record)


@contextmanager
def _outbox(folder: Path) -> Iterator[Outbox]:
    made = Outbox(folder)
    try:
        yield made
    finally:
        made.close()
