"""Find which rows of a column contain any of many literals or expressions, in one pass over the column's buffer.

Hyperscan runs over the joined bytes of the whole column (GB/s), not once per string; hits that would span two rows are
dropped. This is how hundreds of rules and all mining words cost little more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import hyperscan
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.errors import RuleError


@dataclass(frozen=True, slots=True)
class Pattern:
    """``expression`` is a Hyperscan (PCRE subset) expression over bytes; ``caseless`` ignores ASCII case."""

    expression: bytes
    caseless: bool = True


def literal(text: str | bytes, *, caseless: bool = True) -> Pattern:
    """A pattern that matches exactly this text."""
    data = text.encode() if isinstance(text, str) else text
    return Pattern(b"".join(b"\\x%02x" % byte for byte in data), caseless)


class Prefilter:
    """A compiled set of patterns. Thread-safe for reading once built; building takes milliseconds to seconds."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._count = len(patterns)
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        if not patterns:
            return
        base = hyperscan.HS_FLAG_SOM_LEFTMOST | hyperscan.HS_FLAG_DOTALL
        flags = [base | (hyperscan.HS_FLAG_CASELESS if p.caseless else 0) for p in patterns]
        try:
            self._database.compile(
                expressions=[p.expression for p in patterns], ids=list(range(len(patterns))), flags=flags
            )
        except hyperscan.error as error:
            raise RuleError(
                file="prefilter",
                expected="expressions Hyperscan can compile",
                got=str(error),
                cause="an unsupported construct",
            ) from error

    def scan(self, data: bytes | memoryview) -> list[tuple[int, int, int]]:
        """All hits as (pattern index, start, end) in one piece of bytes."""
        hits: list[tuple[int, int, int]] = []
        if self._count and len(data):
            self._database.scan(
                data,  # type: ignore[type-var]
                match_event_handler=lambda i, a, b, _flags, _context: hits.append((i, a, b)),
            )
        return hits

    def rows(self, column: pa.ChunkedArray | pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(row, pattern) index pairs, sorted and distinct, of every pattern that occurs inside one row's value."""
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        found, base = [], 0
        for chunk in chunks:
            found.append(self._rows_of_chunk(chunk, base))
            base += len(chunk)
        pairs = np.concatenate(found) if found else np.empty((0, 2), np.int64)
        pairs = np.unique(pairs, axis=0) if len(pairs) else pairs
        return pairs[:, 0], pairs[:, 1]

    def _rows_of_chunk(self, chunk: pa.Array, base: int) -> npt.NDArray[np.int64]:
        nothing = np.empty((0, 2), np.int64)
        if not len(chunk) or chunk.buffers()[2] is None:
            return nothing
        width = np.int64 if pa.types.is_large_binary(chunk.type) or pa.types.is_large_string(chunk.type) else np.int32
        offsets = np.frombuffer(chunk.buffers()[1], width)[chunk.offset : chunk.offset + len(chunk) + 1].astype(
            np.int64
        )
        window = memoryview(chunk.buffers()[2])[int(offsets[0]) : int(offsets[-1])]
        hits = self.scan(window)
        if not hits:
            return nothing
        table = np.asarray(hits, np.int64)
        starts = table[:, 1] + offsets[0]
        rows = np.searchsorted(offsets, starts, side="right") - 1
        inside = table[:, 2] + offsets[0] <= offsets[rows + 1]
        return np.stack([rows[inside] + base, table[inside, 0]], axis=1)
