"""The service's hold on the engine: chunks of lines and batches of flows in, what is news out.

Every step that changed something is committed; a checkpoint from time to time keeps everything else, together with how
far the sources were read. After a crash the sources go on from the last checkpoint, and what was committed since comes
out again under the same ids.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from kanaria.app.config import Config
from kanaria.app.live.warm_up import warm_up
from kanaria.app.owning import Owning
from kanaria.app.run.engine import Engine
from kanaria.app.run.judged import Judged
from kanaria.app.run.setup import Setup, prepare
from kanaria.core.clock import Clock
from kanaria.core.limits import forgotten
from kanaria.core.stream import Placed, Stream
from kanaria.core.types import Batch, Finding, Incident, RejectedRecord, Text
from kanaria.core.values import dataclass
from kanaria.memory.events import Events
from kanaria.report.reading import incident_from
from kanaria.respond.message import brief
from kanaria.sources.chunks import Chunk, Position
from kanaria.store.incidents import IncidentStore

Json = dict[str, Any]
Positions = dict[str, dict[str, Position]]
"""By source, then by place."""
LATENESS, LATENESS_ON_THE_WIRE = timedelta(0), timedelta(seconds=0.5)
"""How much later than the newest a record may come. Logs are judged line by line as they come; several sensors see the
same flow within moments."""
CHECKPOINT_EVERY = 5.0
"""Seconds of reading that a crash makes us repeat at most, beside the batch at hand."""
CHECKPOINT_SHARE = 20.0
"""Times as long as a checkpoint takes that the next one waits: it writes anew all that is normal."""
SAMPLE = 16 << 10
"""Bytes of a place by which its format is recognised; until then it is looked at anew with every chunk."""


@dataclass(kw_only=True)
class Piece:
    """A chunk as a stream of its own."""

    name: str
    data: bytes
    placed: Placed
    format_name: str | None = None
    layout: str | None = None
    path: Path | None = None
    size: int | None = field(default=None)

    def head(self) -> bytes:
        return self.data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A chunk, the source it came from, and what the settings say of its lines."""

    source: str
    chunk: Chunk
    format: str | None = None
    layout: str | None = None


@dataclass
class _Sample:
    data: bytes = b""
    format_name: str | None = None
    settled: bool = False
    name: str = ""
    lines: int = 0
    """Lines that came while nobody knew the format."""


class Judging:
    """One engine for the life of the service. Use it with ``with``."""

    def __init__(
        self, config: Config, store: Path, *, on_the_wire: bool, on_reject: Callable[[RejectedRecord], None],
        on_alert: Callable[[Finding, datetime], None], clock: Clock | None = None,
    ) -> None:  # fmt: skip
        def opened(finding: Finding, now: datetime) -> None:
            self._open.update(finding.event_ids)
            on_alert(finding, now)

        self._open: set[int] = set()
        """Connections still open that the batch at hand found something about."""
        self._on_reject = on_reject
        self._chunks: dict[str, Chunk] = {}
        """The chunks at hand by name: they know what their records are called where they came from."""
        self.setup: Setup = prepare(config, store=store, clock=clock, on_reject=self._rejected, on_alert=opened)
        warm_up(self.setup)
        # Open all the time: SQLite empties its journal when the last connection is closed, 19 ms after every step.
        self._incidents = IncidentStore(store)
        kept = self._incidents.state().get("live", {"content": {}})["content"]
        self.positions: Positions = kept.get("positions", {})
        self._samples: dict[tuple[str, str], _Sample] = {}
        self._engine = Engine(self.setup, lateness=LATENESS_ON_THE_WIRE if on_the_wire else LATENESS)
        self._mine: Owning | None = None
        self._checked = float("-inf")  # what is read first is kept at once: from then on its rotation is followed
        self._dirty, self._took = False, 0.0
        self._settled: Positions | None = None
        """Positions before which everything is judged, from ``hurry`` to the checkpoint that keeps them."""
        self._unplaced = 0
        """Places whose positions were forgotten since the start."""
        self.unread = self.late = 0
        """Lines in no known format, and records that came after what is younger was judged."""

    def __enter__(self) -> Judging:
        return self

    def __exit__(self, *_error: object) -> None:
        self._engine.close()
        self._incidents.__exit__()

    def owned(self, mine: Owning) -> None:
        """Whose the store is: others ask there, and decide."""
        self._mine = mine
        mine.follow(self._engine)

    def heed(self) -> None:
        """Take in what people decided since the last time."""
        if self._mine and self._mine.heed(self._engine):
            self._dirty = True

    def take_in(self, arrived: Sequence[Arrived], flows: Sequence[tuple[Stream, Batch]] = ()) -> list[Json]:
        """Read what came, to be judged by the next ``step``; returns briefs of what is announced: grave, and plain
        without anything else. It is kept."""
        self._chunks = {item.chunk.name: item.chunk for item in arrived if item.chunk.origins}
        for item in arrived:
            self._note_position(item.source, item.chunk)
            for reject in item.chunk.rejects:
                self._on_reject(reject)
        self._dirty = self._dirty or bool(arrived or flows)
        return self._kept_news(self._engine.announce(self._batches(arrived, flows)))

    def step(self, between: Callable[[], None] = lambda: None) -> list[Json]:
        """Judge what came, as far as its order is known, and keep what it changed; returns briefs of incidents that are
        news. ``between`` finding something and judging its incidents more may be taken in."""
        news = self._kept_news(self._engine.step(between=between))
        self._open.clear()
        return news

    def _note_position(self, source: str, chunk: Chunk) -> None:
        """How far a place was read. A log that is rotated every minute is a new place each time."""
        places = self.positions.setdefault(source, {})
        places.pop(chunk.place, None)  # those read last stand last
        places[chunk.place] = chunk.position
        while len(places) > self.setup.config.limits.positions:
            oldest = next(iter(places))
            del places[oldest]
            self._unplaced += 1
            self._samples.pop((source, oldest), None)

    @property
    def hastens(self) -> bool:
        """Whether something grave that was taken in may soon be told, by ``take_in`` with nothing."""
        return self._engine.hastens

    @property
    def waits(self) -> bool:
        """Whether anything that was taken in is not judged yet."""
        return self._engine.waits

    def pending(self) -> list[Json]:
        """News that an earlier process kept and may not have dispatched."""
        return [self._brief(news.incident) for news in self._incidents.pending()]

    def incident(self, kept: str) -> Incident:
        """An incident as it is kept, under the id it has there."""
        return incident_from(self._incidents.get(kept).document)

    def dispatched(self, news: Sequence[Json]) -> None:
        """These are in the outbox of messages."""
        if news:
            self._engine.mark_notified([item["id"] for item in news])

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint: often, unless what is normal has grown so large that it takes long."""
        pause = max(CHECKPOINT_EVERY, CHECKPOINT_SHARE * self._took)
        return self._dirty and time.monotonic() - self._checked >= pause

    @property
    def anomalies(self) -> int:
        """Hours of devices that nothing explains since the start: what counts against ``alerts_per_day``."""
        return self._engine.memory.learned.anomalies

    @property
    def left_out(self) -> tuple[Text, ...]:
        """What the last checkpoint could not keep for want of room (``[limits]``), in words."""
        unplaced = (forgotten("positions", self._unplaced),) if self._unplaced else ()
        return (*self._engine.left_out, *unplaced)

    @property
    def events(self) -> Events:
        """Rows of what crossed the wire that are kept."""
        return self._engine.memory.events

    def shed(self, missing: float) -> None:
        """Make room of so many bytes on the disk with the next checkpoint, as far as rows that are kept take it."""
        self.events.shed(missing)
        self._dirty = self._dirty or (missing > 0 and self.events.size["rows"] > 0)

    def hurry(self, between: Callable[[], None] = lambda: None) -> list[Json]:
        """Judge all that was taken in, before a checkpoint of it, as a ``step``; what is taken in from ``between`` on
        waits for the next one, and would be read again after a crash. Returns briefs of incidents that are news.

        The positions lie behind rows that wait for earlier ones. These are judged first: after a crash nobody would
        read them again.
        """
        self._settled = {source: dict(places) for source, places in self.positions.items()}
        self._dirty = False
        news = self._kept_news(self._engine.hurry(between))
        self._open.clear()
        return news

    def checkpoint(self) -> list[Json]:
        """Keep everything up to the last ``hurry``, or up to now, positions included; returns briefs of incidents that
        are news."""
        news = self.hurry() if self._settled is None else self._kept_news(self._engine.judge_changed())
        begun = time.monotonic()
        self._engine.commit(Judged(changed=()), beside={"live": {"positions": self._settled}})
        self._settled = None
        self._checked = time.monotonic()
        self._took = self._checked - begun
        return news

    def _kept_news(self, judged: Judged) -> list[Json]:
        self.late += judged.late
        if not judged.changed:
            return []
        ids = self._engine.commit(judged, checkpoint=False)
        told = {
            kept: self._goes_on(found) for kept, found in zip(ids, judged.changed, strict=True) if found in judged.news
        }
        return [self._brief(kept, goes_on) for kept, goes_on in told.items()]

    def _brief(self, incident: str, goes_on: bool = False) -> Json:
        kept = self._incidents.get(incident, rows=False)
        return brief(kept.document, still_open=goes_on, state=kept.state)

    def _goes_on(self, incident: Incident) -> bool:
        return any(not self._open.isdisjoint(finding.event_ids) for finding in incident.findings)

    def _batches(self, arrived: Iterable[Arrived], flows: Iterable[tuple[Stream, Batch]]) -> Iterator[Batch]:
        yield from self._engine.read([self._piece(item) for item in arrived if item.chunk.data])
        for stream, batch in flows:
            yield from self._engine.arrived(stream, [batch])

    @property
    def unknown(self) -> dict[str, int]:
        """By place how many lines it has in no known format, most first. Whose format a later line gave away, as
        that of a resolver that begins with words about itself, is none of them."""
        found = {one.name: one.lines for one in list(self._samples.values()) if one.lines and one.format_name is None}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def _rejected(self, record: RejectedRecord) -> None:
        chunk = self._chunks.get(record.source)
        self._on_reject(replace(record, origin=chunk.origin(record.row)) if chunk else record)

    def _piece(self, item: Arrived) -> Piece:
        chunk = item.chunk
        header = chunk.preamble.count(b"\n")
        format_name = item.format if item.format or item.layout else self._recognised(item.source, chunk)
        if format_name is None and item.layout is None:
            self.unread += chunk.lines
            self._samples[item.source, chunk.place].lines += chunk.lines
        return Piece(
            name=chunk.name, data=chunk.preamble + chunk.data, format_name=format_name, layout=item.layout,
            placed=Placed(identity=chunk.identity, before=chunk.first_line - 1 - header),
        )  # fmt: skip

    def _recognised(self, source: str, chunk: Chunk) -> str | None:
        from kanaria.formats import registry
        from kanaria.sources import text_stream

        sample = self._samples.setdefault((source, chunk.place), _Sample(name=chunk.name))
        if not sample.settled:
            sample.data += (b"" if sample.data else chunk.preamble) + chunk.data[: SAMPLE - len(sample.data)]
            recognised = registry.detect(text_stream(chunk.name, sample.data))
            sample.format_name = recognised.name if recognised else None
            sample.settled = len(sample.data) >= SAMPLE
            if sample.settled:
                sample.data = b""
        return sample.format_name
