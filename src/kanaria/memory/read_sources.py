"""Which inputs earlier runs have read, and how far: what makes the same record the same in every run.

A record's id is its source and its number there (``core.ids``), and a source is called after its path. Paths lie: a
rotated log is the old content under a new name and new content under the old one. So a source is recognised by its
beginning: if that is what an earlier run read, under whatever name, its records have the ids they had then, and those
up to where that run stopped are known. Anything else gets ids nobody had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kanaria.core.conversion import made, plain
from kanaria.core.ids import ROW_BITS, source_id
from kanaria.core.limits import Limits
from kanaria.core.stream import Placed, Stream
from kanaria.core.types import Batch, RejectedRecord
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import numpy.typing as npt

PREFIX = 1 << 16
"""Bytes by which a source is recognised, less while it is shorter. Headers of formats end long before."""
DIGEST = 12
"""Bytes of a digest: nobody meets two beginnings with the same by chance."""
_ROW = (1 << ROW_BITS) - 1


@dataclass(frozen=True)
class Source:
    """An input as it was read: ``number`` its part of the event ids, ``digest`` of its first ``length`` bytes."""

    number: int
    name: str
    length: int
    digest: str
    rows: int = 0
    """Highest record number that was judged."""
    taught: int = 0
    """Highest record number that taught without being judged (``kanaria baseline learn``)."""
    run: int = 0
    """The last run that read it."""
    size: int = 0
    """Bytes it had when that run had read it to its end; 0 where nobody knows."""


class Ledger:
    """The sources of earlier runs (``kept`` is what ``dump`` gave), and those of this one as they are read.

    Whoever ``only_learns`` judges nothing: what it reads is taught, and still to be judged by another run.
    """

    def __init__(
        self, kept: dict[str, Any] | None = None, *, only_learns: bool = False, most: int = Limits.sources
    ) -> None:
        sources = made(list[Source], kept["sources"]) if kept else []
        self._run = kept["run"] + 1 if kept else 1
        self._only_learns, self._most = only_learns, most
        self._forgot = bool(kept and kept.get("forgot"))
        self._let_go = False
        self._sources = {source.number: source for source in sources}
        self._known = _Beginnings(sources)
        self._unchanged: set[int] = set()
        self.names = frozenset(source.name for source in sources)
        """What earlier runs read, by the names it had last."""
        ordered = sorted(sources, key=lambda source: source.number)
        self._numbers = np.array([source.number for source in ordered], np.int64)
        self._judged = np.array([source.rows for source in ordered], np.int64)
        self._taught = np.array([max(source.rows, source.taught) for source in ordered], np.int64)

    def follow(self, stream: Stream, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of one source with the ids it has in every run; notes how far it was read."""
        source = self._recognise(stream)
        size = stream.size or 0
        if source.size and source.size == size:
            self._unchanged.add(source.number)
        self._sources.pop(source.number, None)  # the last read stand last
        self._sources[source.number] = replace(source, run=self._run, size=0)
        placed: Placed | None = getattr(stream, "placed", None)
        lines = placed.before if placed else 0
        shift = ((source.number - source_id(stream.name)) << ROW_BITS) + lines
        for batch in batches:
            if shift or lines:
                tables = {name: _shifted(table, shift, lines) for name, table in batch.tables.items()}
                batch = replace(batch, tables=tables, rejects=tuple(_moved(r, lines) for r in batch.rejects))
            self._read(source.number, batch)
            yield batch
        if not self._only_learns:
            self._sources[source.number] = replace(self._sources[source.number], size=size)

    def was_judged(self, event_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """For each record whether an earlier run has judged it."""
        return self._up_to(self._judged, event_ids)

    def judged(self) -> pa.Table:
        """Sources of earlier runs: ``number``, and the ``row`` up to which it was judged."""
        return pa.table({"number": self._numbers, "row": self._judged})

    def settled(self, event_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """For each record whether an earlier run has judged it as it is now: nothing was added to its source since."""
        same = np.isin(event_ids >> ROW_BITS, np.array(sorted(self._unchanged), np.int64))
        return same & self.was_judged(event_ids)

    def _up_to(self, rows: npt.NDArray[np.int64], event_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if not len(self._numbers):
            return np.zeros(len(event_ids), np.bool_)
        number, row = event_ids >> ROW_BITS, event_ids & _ROW
        place = np.minimum(np.searchsorted(self._numbers, number), len(self._numbers) - 1)
        judged: npt.NDArray[np.bool_] = (self._numbers[place] == number) & (row <= rows[place])
        return judged

    def read_now(self, event_id: int) -> bool:
        """Whether this run, too, has read the source of the record."""
        source = self._sources.get(event_id >> ROW_BITS)
        return source is not None and source.run == self._run

    def fresh(self, table: pa.Table) -> pa.Table:
        """The rows no earlier run has judged."""
        return self._beyond(self._judged, table)

    def untaught(self, table: pa.Table) -> pa.Table:
        """The rows that have taught nothing yet."""
        return self._beyond(self._taught, table)

    def _beyond(self, rows: npt.NDArray[np.int64], table: pa.Table) -> pa.Table:
        if not len(self._numbers) or "event_id" not in table.column_names:
            return table
        judged = self._up_to(rows, table["event_id"].to_numpy())
        return table.filter(pa.array(~judged)) if judged.any() else table

    @property
    def forgot(self) -> bool:
        """Whether an earlier run had read more sources than are remembered: one that seems new may be one of them."""
        return self._forgot

    @property
    def beyond(self) -> int:
        """How many sources are more than is remembered: those unread for longest."""
        return max(0, len(self._sources) - self._most)

    def dump(self) -> dict[str, Any]:
        """As JSON values."""
        latest = sorted(self._latest(), key=lambda source: (-source.run, source.number))
        forgot = {"forgot": True} if self._forgot or self._let_go or self.beyond else {}
        return {"run": self._run, "sources": plain(latest), **forgot}

    def forget(self) -> None:
        """Let go of what ``dump`` leaves out."""
        if self.beyond:
            self._let_go = True
            self._sources = {source.number: source for source in reversed(self._latest())}
            self._unchanged.intersection_update(self._sources)

    def _latest(self) -> list[Source]:
        """Those that are remembered, the last read first."""
        return sorted(reversed(self._sources.values()), key=lambda source: -source.run)[: self._most]

    def _recognise(self, stream: Stream) -> Source:
        """The source this is, or a new one under a number that is free."""
        placed: Placed | None = getattr(stream, "placed", None)
        if placed is not None:  # a piece of something that is followed: whoever follows knows what it is
            return self._placed(f"{stream.name}\0{placed.identity}" if placed.identity else stream.name, stream.name)
        if getattr(stream, "format_name", None):  # live: no beginning, and never the same again
            return Source(self._free(stream.name, f"run {self._run}"), stream.name, 0, "")
        head = stream.head()[:PREFIX]
        candidates = (self._sources[number] for number in self._known.of(head) if number in self._sources)
        same = [source for source in candidates if source.run != self._run]
        digest = _digest(head)
        if not same:
            return Source(self._free(stream.name, digest), stream.name, len(head), digest)
        best = max(same, key=lambda source: (source.length, source.name == stream.name, source.run))
        return replace(best, name=stream.name, length=len(head), digest=digest)

    def _placed(self, key: str, name: str) -> Source:
        """The source of this key; another one may have the number that follows from it."""
        digest, more = _digest(key.encode("utf-8", "surrogateescape")), 0
        while True:
            number = source_id(f"{key}\0{more}" if more else key)
            source = self._sources.get(number)
            if source is None:
                return Source(number, name, 0, digest)
            if source.digest == digest or (not source.digest and source.name == name):
                return source
            more += 1

    def _free(self, name: str, digest: str) -> int:
        number, more = source_id(name), 0
        while number in self._sources:
            more += 1
            number = source_id(f"{name}\0{digest}\0{more}")
        return number

    def _read(self, number: int, batch: Batch) -> None:
        import pyarrow.compute as pc

        highest = (pc.max(table["event_id"]).as_py() for table in batch.tables.values() if len(table))
        rows = max((event & _ROW for event in highest if event is not None), default=0)
        source = self._sources[number]
        if self._only_learns:
            self._sources[number] = replace(source, taught=max(source.taught, rows))
        else:
            self._sources[number] = replace(source, rows=max(source.rows, rows))


class _Beginnings:
    """Sources by their beginnings: one pass over an input finds all it may be, however many are known."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._numbers: dict[tuple[int, str], list[int]] = {}
        for source in sources:
            if source.length:
                self._numbers.setdefault((source.length, source.digest), []).append(source.number)
        self._lengths = sorted({length for length, _digest_ in self._numbers})

    def of(self, head: bytes) -> Iterator[int]:
        """Numbers of the sources that begin as ``head`` does."""
        state, reached = hashlib.blake2b(digest_size=DIGEST), 0
        for length in self._lengths:
            if length > len(head):
                return
            state.update(head[reached:length])
            reached = length
            yield from self._numbers.get((length, state.copy().hexdigest()), ())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=DIGEST).hexdigest()


def _shifted(table: pa.Table, shift: int, lines: int) -> pa.Table:
    import pyarrow.compute as pc

    for name, more in (("event_id", shift), ("line", lines)):
        at = table.schema.get_field_index(name)
        if at >= 0 and more:
            moved = pc.add(table[name], pa.scalar(more, table.schema.field(at).type))
            table = table.set_column(at, table.schema.field(at), moved)
    return table


def _moved(reject: RejectedRecord, lines: int) -> RejectedRecord:
    return replace(reject, row=reject.row + lines) if reject.row else reject
