"""Windows event log files (``.evtx``) into the ``logon`` table and its neighbours, read by the ``evtx`` package.

Damaged chunks and records become rejected records; what is readable around them is kept. Compressed inputs are unpacked
into a temporary file first, because the format needs random access.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kanaria.core.errors import MissingExtra
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.windows_event import from_document
from kanaria.formats.logons.windows_rows import TABLES, rows_of

if TYPE_CHECKING:
    from evtx import PyEvtxParser

MAGIC = b"ElfFile\0"
_SPOOL = 16 << 20  # bytes of an unpacked log that stay in memory
_CHUNK = 64 << 10  # [MS-EVEN6] chunks are 64 KiB, after a header block of 4 KiB
_HEADER = 4096


class Evtx:
    """``Security.evtx`` and the other logs of ``%SystemRoot%\\System32\\winevt\\Logs``."""

    name = "evtx"
    title = "Windows event log file (.evtx)"
    example = "Security.evtx, a binary file that starts with ElfFile"
    tables: tuple[str, ...] = TABLES

    def sniff(self, head: bytes, name: str) -> float:
        return 1.0 if head.startswith(MAGIC) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """Raises MissingExtra when the package is not installed."""
        head = stream.head()
        if not head:
            return
        if not head.startswith(MAGIC):
            wrong = [("expected a Windows event log file, which starts with ElfFile; it is another kind of file", head)]
            yield from batches(wrong, stream, context, name=self.name, sensor="windows")
            return
        with _parser(stream) as parser:
            yield from batches(
                _records(parser, head, context.events), stream, context, name=self.name, sensor="windows"
            )


@contextmanager
def _parser(stream: Stream) -> Iterator[PyEvtxParser | str]:
    """The package's parser, or what it said about a file it refuses."""
    try:
        from evtx import PyEvtxParser
    except ImportError as error:
        raise MissingExtra(package="evtx", extra="windows", purpose="reading Windows event log files") from error
    if stream.path is not None:
        yield _open(PyEvtxParser, str(stream.path))
        return
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as spool, stream.open() as source:
        shutil.copyfileobj(source, spool)
        spool.seek(0)
        yield _open(PyEvtxParser, spool)


def _open(parser: Any, source: object) -> PyEvtxParser | str:
    try:
        opened: PyEvtxParser = parser(source, number_of_threads=1)
    except (OSError, RuntimeError) as error:
        return str(error)
    return opened


def _records(parser: PyEvtxParser | str, head: bytes, every: bool) -> Iterator[list[Taken] | tuple[str, bytes]]:
    if isinstance(parser, str):
        yield f"expected a whole file header; {parser}", head[:128]
        return
    iterator = iter(parser.records_json())
    while True:
        try:
            record = next(iterator)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:  # the package goes on after a damaged chunk or record
            yield f"expected a whole event record; {error}", b""
            continue
        yield _take(record or {}, every)


def _take(record: Mapping[str, Any], every: bool) -> list[Taken] | tuple[str, bytes]:
    text = str(record.get("data", ""))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"expected a readable event record; {error}", text.encode("utf-8", "backslashreplace")
    event = from_document(document, every=every) if isinstance(document, dict) else None
    if event is None:
        return "expected an event with an id; it has none", text.encode("utf-8", "backslashreplace")
    return rows_of(event, every=every)
