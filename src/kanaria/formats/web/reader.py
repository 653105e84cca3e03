"""From a stream to batches: blocks of lines, parsed by the fast path where it is sure and by the careful one elsewhere.

In: a stream, a ``LineParser`` and perhaps a ``Fast`` path. Out: one ``Batch`` per block, in order, with the rejected
lines of the block; never an exception for content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Protocol

import numpy as np
import pyarrow as pa

from kanaria.core.ahead import ahead
from kanaria.core.schema_parts import UNPARSED
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Position, RejectedRecord
from kanaria.core.values import dataclass
from kanaria.formats.lines import BLOCK, Block, Int64, UInt8, blocks, line_feeds
from kanaria.formats.web import tables
from kanaria.formats.web.careful import CUT, LineParser
from kanaria.formats.web.values import Row

KEPT_REJECTS = 100_000  # per block of lines: bounds memory when a binary file is given as a log; all are counted
KEPT_BYTES = 4096  # per reject: longer than any request line a server accepts by default is short


@dataclass
class Parsed:
    """One block's rows by column, and its rejects. Rows are numbered from 0 within the block."""

    columns: dict[str, pa.Array]
    rows: Int64
    rejects: Rejects


class Fast(Protocol):
    """A path that parses the sure lines of a whole block and hands the others to the careful parser.

    ``workers`` blocks are parsed ahead, each at the cost of some 100 MB: one where the rest of the analysis keeps the
    other core busy, two where parsing takes longer than all the rest.
    """

    workers: ClassVar[int]

    def line_feeds(self, bytes_: UInt8) -> Int64: ...

    def parse(self, block: Block, careful: LineParser) -> Parsed: ...


def read(
    stream: Stream, context: ReadContext, *, name: str, sensor: str, careful: LineParser, fast: Fast | None = None
) -> Iterator[Batch]:
    """Batches of the ``http`` table. ``careful`` may remember declared fields: then ``fast`` has one worker."""

    def work(block: Block) -> tuple[Block, Parsed]:
        return block, fast.parse(block, careful) if fast else parse_block(block, careful)

    source = blocks(stream.open(), BLOCK, fast.line_feeds if fast else line_feeds)
    first = 1
    for block, parsed in ahead(work, source, workers=fast.workers) if fast else map(work, source):
        yield _batch(block, parsed, first, stream.name, name, sensor, context)
        first += len(block)


def parse_block(block: Block, careful: LineParser) -> Parsed:
    """Every line of a block by the careful path."""
    rows: list[Row] = []
    raw: list[bytes] = []
    numbers: list[int] = []
    rejects = Rejects()
    if block.overlong:
        rejects.add(0, f"line longer than {block.size} bytes", block.bytes_[:KEPT_BYTES].tobytes())
    for index in range(0 if not block.overlong else len(block), len(block)):
        line = block.line(index)
        parsed = careful.parse(line)
        if row := rejects.sort(index, parsed, line):
            rows.append(row)
            raw.append(line)
            numbers.append(index)
    return Parsed(tables.from_rows(rows, raw), np.array(numbers, np.int64), rejects)


class Rejects:
    """Counts all, keeps the first ``KEPT_REJECTS``, each cut to ``KEPT_BYTES``."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, str, bytes]] = []
        self.count = 0
        self.cut = 0
        """Of these, lines that are rows as far as they go."""

    def sort(self, row: int, parsed: Row | str | None, raw: bytes) -> Row | None:
        """The row, if the careful parser made one of a line. A row of a line that is cut is noted as well."""
        if isinstance(parsed, dict):
            if reason := parsed.pop(CUT, None):
                self.cut += 1
                self.add(row, str(reason), raw)
            return parsed
        if parsed is not None:
            self.add(row, parsed, raw)
        return None

    def add(self, row: int, reason: str, raw: bytes) -> None:
        """Note one rejected line."""
        self.count += 1
        if len(self.kept) < KEPT_REJECTS:
            self.kept.append((row, reason, raw[:KEPT_BYTES]))


def _batch(
    block: Block, parsed: Parsed, first: int, source: str, name: str, sensor: str, context: ReadContext
) -> Batch:
    """``first`` is the number of the block's first line."""
    rejects = tuple(
        RejectedRecord(source=source, row=first + row, reason=reason, raw=raw)
        for row, reason, raw in parsed.rejects.kept
    )
    return Batch(
        source=source,
        format=name,
        tables={"http": tables.finish(parsed.columns, parsed.rows + first, source, context, sensor)},
        rows=len(parsed.rows) + parsed.rejects.count - parsed.rejects.cut,
        rejects=rejects,
        rejected=parsed.rejects.count,
        unparsed=_unparsed(block, parsed.rows, first),
        position=Position(source=source, offset=block.offset + block.size, row=first + len(block) - 1),
    )


def _unparsed(block: Block, rows: Int64, first: int) -> pa.Table | None:
    """The lines that became no row, blank ones left out."""
    if len(rows) == len(block):
        return None
    missing = np.ones(len(block), np.bool_)
    missing[rows] = False
    places = np.flatnonzero(missing & (block.ends > block.starts))
    raw = [block.line(index) for index in places.tolist()]
    return pa.Table.from_arrays([pa.array(places + first), pa.array(raw, pa.binary())], schema=UNPARSED)
