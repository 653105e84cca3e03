"""``kanaria serve``: what sources bring is judged in micro-batches, kept, and told; until somebody asks it to end.

One thread reads and judges. Batches follow the load: with nothing to do a line is judged at once; under load more lines
share the fixed cost of a batch, up to ``batch_seconds``. Sources that cannot wait buffer what comes, within bounds.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from kanaria.app.config import Config
from kanaria.app.live.endpoints import answering
from kanaria.app.live.journal import Log, logger
from kanaria.app.live.judging import Judging
from kanaria.app.live.state import state
from kanaria.app.live.systemd import notify
from kanaria.app.live.telling import Telling
from kanaria.app.live.watching import Watched, watched
from kanaria.core.types import RejectedRecord
from kanaria.sources.chunks import Chunk
from kanaria.store.alone import alone
from kanaria.store.outbox import Outbox

SHORTEST = 0.05
"""Seconds between two batches at least: below that the fixed cost of a batch is all there is."""
LOOK_EVERY = 0.5
"""Seconds after which sources are asked although nobody woke us."""
LEAST, MOST = 256 << 10, 32 << 20
"""Bytes of a batch: what is judged within a moment, and what fits into memory several times over."""


class Service:
    """One running service. ``run`` returns when ``stop`` was called."""

    def __init__(self, config: Config, store: Path) -> None:
        self.config, self.store = config, store
        self.log: Log = logger(config.serve.log)
        self.sources: list[Watched] = [watched(settings, n) for n, settings in enumerate(config.sources, 1)]
        self._wake, self._stop = threading.Event(), threading.Event()
        self._limit = LEAST
        self.started = time.time()
        self.batches = self.records = self.rejected = self.told = 0
        self.last_batch = self.lag = 0.0
        """Seconds the last batch took, and its oldest line waited from arrival to judgement."""
        self.turned = time.monotonic()
        """When the loop last had a turn."""
        self.ready = False

    def stop(self) -> None:
        """Ask to end. Safe in a signal handler."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Watch until stopped. Raises SourceError when the store belongs to another run."""
        with alone(self.store), _outbox(self.store) as outbox:
            self.outbox = outbox
            self.judging = Judging(self.config, self.store, self._rejected)
            self.telling = Telling(self.config, outbox, self.watched, self.log)
            with answering(self.config.serve.listen, self.store, lambda: state(self), self.log):
                self._watch()

    def _watch(self) -> None:
        self.telling.tell(self.judging.news)
        self.telling.start()
        for item in self.sources:
            item.source.start(self.judging.positions.get(item.source.name, {}), self._wake.set)
        self.ready = True
        notify("READY=1")
        self.log("started", store=self.store, sources=len(self.sources), channels=len(self.telling.senders))
        try:
            self._loop()
        finally:
            notify("STOPPING=1")
            for item in self.sources:
                item.source.close()
            self.telling.close()
            self.log("stopped", records=self.records)

    @property
    def unread(self) -> int:
        """Lines in no known format."""
        return self.judging.unread

    def watched(self) -> Mapping[str, Any]:
        """For digests: what was read since the start."""
        sources = [{"name": item.source.name, "records": item.source.health.records} for item in self.sources]
        return {"sources": sources, "budget": None}

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(LOOK_EVERY)
            self._wake.clear()
            self.turned = time.monotonic()
            notify("WATCHDOG=1")
            chunks = list(self._gather())
            if chunks:
                self._judge(chunks)

    def _gather(self) -> Iterator[tuple[str, Chunk, str | None]]:
        left = self._limit
        for item in self.sources:
            for chunk in item.source.take(left) if left > 0 else ():
                left -= len(chunk.data)
                yield item.source.name, chunk, item.format
        if left <= 0:
            self._wake.set()  # there is more

    def _judge(self, chunks: list[tuple[str, Chunk, str | None]]) -> None:
        begun = time.monotonic()
        news = self.judging.step(chunks)
        self.telling.tell(news)
        self.last_batch = time.monotonic() - begun
        self.lag = time.monotonic() - min(chunk.arrived for _source, chunk, _format in chunks)
        size = sum(len(chunk.data) for _source, chunk, _format in chunks)
        self.batches += 1
        self.records += sum(chunk.lines for _source, chunk, _format in chunks)
        self.told += len(news)
        self._adapt(size)
        self._stop.wait(max(SHORTEST, min(self.last_batch, self.config.serve.batch_seconds)))

    def _adapt(self, size: int) -> None:
        """Batches of full size that are done soon may be larger; those that take too long must be smaller."""
        if self.last_batch > self.config.serve.batch_seconds:
            self._limit = max(LEAST, self._limit // 2)
        elif size >= self._limit and self.last_batch < self.config.serve.batch_seconds / 4:
            self._limit = min(MOST, self._limit * 2)

    def _rejected(self, _record: RejectedRecord) -> None:
        self.rejected += 1


@contextmanager
def _outbox(folder: Path) -> Iterator[Outbox]:
    made = Outbox(folder)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def ended_by_signals(service: Service) -> Iterator[None]:
    """While open, SIGTERM and Ctrl-C ask the service to end."""

    def end(_number: int, _frame: FrameType | None) -> None:
        service.stop()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
