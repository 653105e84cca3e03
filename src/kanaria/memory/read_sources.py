"""Which inputs earlier runs have read, and how far: what makes the same record the same in every run.

A record's id is its source and its number there (``core.ids``), and a source is called after its path. Paths lie: a
rotated log is the old content under a new name and new content under the old one. So a source is recognised by its
beginning: if that is what an earlier run read, under whatever name, its records have the ids they had then, and those
up to where that run stopped are known. Anything else gets ids nobody had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kanaria.core.ids import ROW_BITS, source_id
from kanaria.core.stream import Placed, Stream
from kanaria.core.types import Batch, RejectedRecord

if TYPE_CHECKING:
    import numpy.typing as npt

PREFIX = 1 << 16
"""Bytes by which a source is recognised, less while it is shorter. Headers of formats end long before."""
MOST_SOURCES = 5_000
"""Sources remembered; the longest unread are forgotten first. Some 150 bytes each."""
_ROW = (1 << ROW_BITS) - 1


@dataclass(frozen=True)
class Source:
    """An input as it was read: ``number`` its part of the event ids, ``digest`` of its first ``length`` bytes."""

    number: int
    name: str
    length: int
    digest: str
    rows: int = 0
    """Highest record number that was read."""
    run: int = 0
    """The last run that read it."""


class Ledger:
    """The sources of earlier runs (``kept`` is what ``dump`` gave), and those of this one as they are read."""

    def __init__(self, kept: dict[str, Any] | None = None) -> None:
        known = [Source(**item) for item in kept["sources"]] if kept else []
        self._run = kept["run"] + 1 if kept else 1
        self._sources = {source.number: source for source in known}
        self._before = {source.number: source.rows for source in known}
        self.names = frozenset(source.name for source in known)
        """What earlier runs read, by the names it had last."""
        numbers = sorted(self._before)
        self._numbers = np.array(numbers, np.int64)
        self._rows = np.array([self._before[number] for number in numbers], np.int64)

    def follow(self, stream: Stream, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of one source with the ids it has in every run; notes how far it was read."""
        source = self._recognise(stream)
        self._sources[source.number] = replace(source, run=self._run)
        placed: Placed | None = getattr(stream, "placed", None)
        lines = placed.before if placed else 0
        shift = ((source.number - source_id(stream.name)) << ROW_BITS) + lines
        for batch in batches:
            if shift or lines:
                tables = {name: _shifted(table, shift, lines) for name, table in batch.tables.items()}
                batch = replace(batch, tables=tables, rejects=tuple(_moved(r, lines) for r in batch.rejects))
            self._read(source.number, batch)
            yield batch

    def seen(self, event_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """For each record whether an earlier run has read it."""
        if not len(self._numbers):
            return np.zeros(len(event_ids), np.bool_)
        number, row = event_ids >> ROW_BITS, event_ids & _ROW
        place = np.minimum(np.searchsorted(self._numbers, number), len(self._numbers) - 1)
        known: npt.NDArray[np.bool_] = (self._numbers[place] == number) & (row <= self._rows[place])
        return known

    def read_now(self, event_id: int) -> bool:
        """Whether this run, too, has read the source of the record."""
        source = self._sources.get(event_id >> ROW_BITS)
        return source is not None and source.run == self._run

    def fresh(self, table: pa.Table) -> pa.Table:
        """The rows no earlier run has read."""
        if not self._before or "event_id" not in table.column_names:
            return table
        known = self.seen(table["event_id"].to_numpy())
        return table.filter(pa.array(~known)) if known.any() else table

    def dump(self) -> dict[str, Any]:
        """As JSON values."""
        latest = sorted(self._sources.values(), key=lambda source: (-source.run, source.number))[:MOST_SOURCES]
        return {"run": self._run, "sources": [asdict(source) for source in latest]}

    def _recognise(self, stream: Stream) -> Source:
        """The source this is, or a new one under a number that is free."""
        placed: Placed | None = getattr(stream, "placed", None)
        if placed is not None:  # a piece of something that is followed: whoever follows knows what it is
            number = source_id(f"{stream.name}\0{placed.identity}" if placed.identity else stream.name)
            return self._sources.get(number) or Source(number, stream.name, 0, "")
        if getattr(stream, "format_name", None):  # live: no beginning, and never the same again
            return Source(self._free(stream.name, f"run {self._run}"), stream.name, 0, "")
        head = stream.head()[:PREFIX]
        same = [source for source in self._sources.values() if source.run != self._run and _begins(head, source)]
        digest = _digest(head)
        if not same:
            return Source(self._free(stream.name, digest), stream.name, len(head), digest)
        best = max(same, key=lambda source: (source.length, source.name == stream.name, source.run))
        return replace(best, name=stream.name, length=len(head), digest=digest)

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
        known = self._sources[number]
        self._sources[number] = replace(known, rows=max(known.rows, rows))


def _begins(head: bytes, source: Source) -> bool:
    return 0 < source.length <= len(head) and _digest(head[: source.length]) == source.digest


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


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
