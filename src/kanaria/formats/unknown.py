"""Inputs in no known format: text is handed on line by line to be searched, everything else is one unread record.

In: a stream nobody recognised. Out: batches without rows, whose lines are all unread and all left to be searched. Of
JSON documents, CSV and the journal's own formats a record is a line. What lies beside logs and is none is searched like
them, and has no records.
"""

from __future__ import annotations

from collections.abc import Iterator

from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch, Position
from kanaria.formats import columns as cols
from kanaria.formats.carriers.readers import reader_of
from kanaria.formats.carriers.wrapped import Carried, whole

_SAMPLE = 4096
_STRAY = 0.02
"""Control characters in a text: colours and a damaged line are fewer, of binary data every tenth byte is one."""
_TEXT = bytes(range(0x20, 0x7F)) + b"\t\r\n\f\x1b" + bytes(range(0x80, 0x100))


def is_text(head: bytes) -> bool:
    """Whether bytes are text: hardly any control characters, and no zero bytes."""
    sample = head[:_SAMPLE]
    return b"\0" not in sample and len(sample.translate(None, _TEXT)) <= _STRAY * len(sample)


def searchable(head: bytes) -> bool:
    """Whether an input that begins so is looked through line by line."""
    return reader_of(head) is not None or is_text(head)


class UnknownText:
    """What reads them. It is never detected and cannot be asked for."""

    name = "unknown"
    title = "Text in no known format: every line is searched, nothing is claimed of it"
    example = ""
    tables: tuple[str, ...] = ()

    def __init__(self, *, beside: bool = False) -> None:
        """``beside``: no log at all, so that it has no records."""
        self._beside = beside

    def sniff(self, head: bytes, name: str) -> float:
        return 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """Every line as an unread record."""
        head = stream.head()
        if reader_of(head):
            stream = Carried(stream, whole, head)
        elif not is_text(head):
            place = Position(source=stream.name)
            yield Batch(source=stream.name, format=self.name, tables={}, rows=1, passed_over=1, position=place)
            return
        for chunk in cols.chunks(stream):
            lines = chunk.data.split(b"\n")[:-1]
            unparsed = [(number, line) for number, line in enumerate(lines, chunk.first) if line.strip()]
            records = 0 if self._beside else len(unparsed)
            yield cols.make_batch(stream, self.name, chunk, {}, records, [], passed_over=records, unparsed=unparsed)


UNKNOWN: Format = UnknownText()
BESIDE: Format = UnknownText(beside=True)
