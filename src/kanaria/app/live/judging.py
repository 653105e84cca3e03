"""The seam between the service and the analysis: chunks of lines in, incidents that are news out, all kept at once.

Positions of sources, incidents and what is news of them are one commit: after a crash the service reads on from there,
and news that was kept but perhaps not dispatched comes again under the same ids.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kanaria.app.config import Config
from kanaria.core.types import Analysis, RejectedRecord
from kanaria.respond.message import brief
from kanaria.sources.chunks import Chunk, Position

if TYPE_CHECKING:
    from kanaria.app.run.engine import Engine

Json = dict[str, Any]
Positions = dict[str, dict[str, Position]]
"""By source, then by place."""
SAMPLE = 16 << 10
"""Bytes of a place by which its format is recognised; until then it is looked at anew with every chunk."""


@dataclass
class Sample:
    """What came first from a place."""

    data: bytes = b""
    format_name: str | None = None
    settled: bool = False


@dataclass
class LinesStream:
    """A chunk as a stream. ``format_name`` tells the ledger that it is live."""

    name: str
    data: bytes
    format_name: str
    path: Path | None = None
    size: int | None = field(default=None)

    def head(self) -> bytes:
        return self.data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class Judging:
    """Analyses batches of chunks with the memory of the store."""

    def __init__(self, config: Config, store: Path, on_reject: Callable[[RejectedRecord], None]) -> None:
        from kanaria.app.run.setup import prepare

        self._store = store
        self._setup = prepare(config, store=store, on_reject=on_reject)
        self._samples: dict[tuple[str, str], Sample] = {}
        kept = self._kept()
        self.positions: Positions = kept.get("positions", {})
        self.news: list[Json] = kept.get("news", [])
        """Of the last commit: dispatched already, unless the process ended in between."""
        self.unread = 0
        """Lines in no known format."""

    def step(self, chunks: Sequence[tuple[str, Chunk, str | None]]) -> list[Json]:
        """Judge what came (source, chunk, format if somebody named it), keep everything; returns what is news."""
        from kanaria.app.run.engine import Engine
        from kanaria.app.run.pipeline import analyse

        streams = [stream for item in chunks if (stream := self._stream(*item)) is not None]
        for source, chunk, _format in chunks:
            self.positions.setdefault(source, {})[chunk.place] = chunk.position
        with Engine(self._setup) as engine:
            self._keep(analyse(streams, engine), engine)
        return self.news

    def _keep(self, analysis: Analysis, engine: Engine) -> None:
        from kanaria.report.document import document

        documents = document(analysis, self._setup.facts)["incidents"]
        self.news = [brief(found) for found in documents if found["alert"] is None or found["alert"]["tell"]]
        engine.told(engine.commit(analysis, beside={"live": {"positions": self.positions, "news": self.news}}))

    def _stream(self, source: str, chunk: Chunk, named: str | None) -> LinesStream | None:
        format_name = named or self._recognised(source, chunk)
        if format_name is None:
            self.unread += chunk.lines
            return None
        return LinesStream(chunk.name, chunk.preamble + chunk.data, format_name)

    def _recognised(self, source: str, chunk: Chunk) -> str | None:
        from kanaria.formats import registry
        from kanaria.sources import text_stream

        sample = self._samples.setdefault((source, chunk.place), Sample())
        if not sample.settled:
            sample.data += (b"" if sample.data else chunk.preamble) + chunk.data[: SAMPLE - len(sample.data)]
            found = registry.detect(text_stream(chunk.name, sample.data))
            sample.format_name = found.name if found else None
            sample.settled = len(sample.data) >= SAMPLE
        return sample.format_name

    def _kept(self) -> Mapping[str, Any]:
        from kanaria.store.incidents import IncidentStore

        with IncidentStore(self._store) as store:
            content: Mapping[str, Any] = store.state().get("live", {"content": {}})["content"]
        return content
