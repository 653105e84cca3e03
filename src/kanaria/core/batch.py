"""What a format hands on: batches of normalised rows, what could not be read, and how far into the input that is.

Frozen values; ``core.types`` has them together with all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kanaria.core.values import dataclass

if TYPE_CHECKING:  # settings and help know these types and hold no tables
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far into a source we are: ``offset`` in bytes of the decompressed stream, ``row`` counts records from 1."""

    source: str
    offset: int = 0
    row: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRecord:
    """A record that could not be read, kept with its place (``row`` counts from 1) and the reason.

    ``origin`` is what it is called where it came from, if it has a name there: a topic's offset, a stream's id.
    """

    source: str
    row: int
    reason: str
    raw: bytes
    origin: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What a format hands on: normalised tables by name (see ``core.schema``), rejected records, and the resume point.

    ``rows`` counts the records read, rejected ones included. A table may be missing when no record belonged to it.
    ``rejected`` counts every rejected record of the batch; ``rejects`` keeps at most some of them. ``passed_over``
    counts records of programs the format knows nothing about. ``unparsed`` has the lines (``schema_parts.UNPARSED``)
    that became no row, for whatever reason: they are still searched for mining messages and commands.
    ``interim`` rows are flows that go on, as far as they have come: their rows come again under the same ids, and only
    the last ones count.
    """

    source: str
    format: str
    tables: Mapping[str, pa.Table]
    rows: int
    rejects: tuple[RejectedRecord, ...] = ()
    rejected: int = 0
    passed_over: int = 0
    unparsed: pa.Table | None = None
    interim: bool = False
    position: Position

    @property
    def unread(self) -> int:
        """How many of the rows nothing is claimed of."""
        return max(self.rejected, len(self.rejects)) + self.passed_over
