"""What a format reads from: one opened input, decompressed, with its name and size.

``sources`` makes streams, ``formats`` consume them, the command line shows their progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from kanaria.core.network import HomeNetworks
from kanaria.core.types import Batch
from kanaria.core.values import dataclass
from kanaria.core.zone import LocalTime

if TYPE_CHECKING:
    import duckdb


class Stream(Protocol):
    """One input, read from the front once.

    ``name`` is what reports show (path as the user gave it, ``-`` for standard input); ``path`` is set when the bytes
    are an uncompressed regular file that may be mapped into memory; ``size`` is in compressed bytes, None when unknown.
    """

    name: str
    path: Path | None
    size: int | None

    def head(self) -> bytes:
        """The first bytes (up to 256 KiB, decompressed) without consuming them."""
        ...

    def open(self) -> BinaryIO:
        """The decompressed bytes from the beginning, ``head`` included. May be called once."""
        ...


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where a piece stands that comes as a stream of its own: the attribute ``placed`` of live streams.

    ``identity`` tells apart inputs that had one name at different times; ``before`` counts the lines before the piece,
    less those header lines that are repeated in front of it. So records get the ids they would have in one reading.
    """

    identity: str
    before: int = 0


@dataclass(frozen=True, kw_only=True)
class ReadContext:
    """What a format may need besides the bytes.

    ``engine`` is the in-memory DuckDB the application opened; ``progress`` is told how many compressed bytes were read.
    ``layout`` is an Apache LogFormat or nginx log_format string from the user. ``now`` is what
    the clock says: times without a year are completed so that they do not lie ahead of it; ``year`` says another year.
    ``open_flows`` asks for interim batches of flows that go on, as soon as both sides have spoken and then ever more
    rarely, under the id the flow has when it ends; without it every flow is told once, when it has ended or nothing
    more comes. ``events`` asks for rows of ``event``: everything every event of a machine's log says.
    """

    home: HomeNetworks = field(default_factory=HomeNetworks)
    engine: Callable[[], duckdb.DuckDBPyConnection] | None = None
    layout: str | None = None
    year: int | None = None
    zone: LocalTime = field(default_factory=LocalTime)
    now: datetime | None = None
    sensor: str | None = None
    open_flows: bool = True
    events: bool = False


class Format(Protocol):
    """One log or capture format: bytes in, batches of normalised rows out.

    ``sniff`` looks at the head and says how sure it is (0 no, 1 certain). ``read`` never raises for bad content: broken
    records become ``Batch.rejects`` and the good rows around them are kept.
    """

    name: str
    title: str
    example: str
    tables: tuple[str, ...]

    def sniff(self, head: bytes, name: str) -> float: ...

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]: ...
