"""The one format behind all layouts: records out of JSON values, ``key=value`` lines, CSV or matched lines into rows.

Records that have not what the layout tells them by are passed over when they can be read at all, and rejected when
they cannot.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import TextIO

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Text
from kanaria.core.values import dataclass
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.text_input import decode_head, json_values, open_text
from kanaria.formats.mapped.clock import Clock
from kanaria.formats.mapped.halves import put_together
from kanaria.formats.mapped.layout import Layout
from kanaria.formats.mapped.values import Record, at, cell, everywhere, requested, row, text, uncapitalised, when

_CLAIM = 0.965
"""Above exporters of Windows events, which look alike, and below what names its own log (Zeek, Suricata)."""
_SOME = 0.7
_LOOKED_AT = 50
_KEPT = 4096
"""Characters of a record that are kept for whoever looks at it."""
_LINES_OF_ONE = 64
"""Lines of one record at most; a full alert of Snort with options and references has a dozen."""
_LINES_TO_END = 512
"""Lines of one record that says where it ends; ModSecurity writes the headers, the body and a line for every rule."""
_PAIR = late_regex(r'([\w.-]{1,64})=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_CEF = late_regex(
    r"CEF:\d\|(?P<deviceVendor>[^|]*)\|(?P<deviceProduct>[^|]*)\|[^|]*\|(?P<signatureId>(?:[^|\\]|\\.)*)"
    r"\|(?P<name>(?:[^|\\]|\\.)*)\|(?P<severity>[^|]*)\|(?P<more>.*)$"
)
_CEF_PAIR = late_regex(r"([\w.-]{1,64})=((?:[^=\\]|\\.)*?)(?=\s+[\w.-]{1,64}=|\s*$)")
_SYSLOG = late_regex(
    r"^(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2}\s+\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[^\s,;|\"]+)\s+\S+\s+"
    r"(?:[\w./@-]+(?:\[\d+\])?:\s+)?"
)
_UNREADABLE = {
    "json": "expected a JSON object; it is cut off or damaged", "pairs": "expected key=value pairs; there are none",
    "cef": "expected CEF:…|…; there is none",
    "csv": "expected the columns of the header; it is cut off or from another log",
    "lines": "expected a line of this log; it is cut off or from another log",
}  # fmt: skip

Read = tuple[Record | None, str]
"""A record, or None and the raw text of what is none."""


class Mapped:
    """The format of one layout."""

    def __init__(self, layout: Layout) -> None:
        self.name, self.title, self.example = layout.name, layout.title, layout.example
        self.tables: tuple[str, ...] = tuple(dict.fromkeys(one.table for one in layout.rows))
        self._layout = layout
        self._outer = "'^." in repr((layout.time, layout.rows))
        """Whether a column is taken from what holds the list of records."""

    @property
    def tried(self) -> Text:
        """On what the layout was tried."""
        return self._layout.tried

    def sniff(self, head: bytes, name: str) -> float:
        records = _first(head, _Way.of(self._layout))
        fitting = sum(record is not None and any(map(self._fits, self._each(record))) for record in records)
        if not fitting:
            return 0.0
        return _CLAIM if fitting >= 0.3 * len(records) else _SOME

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        layout = self._layout
        with open_text(stream) as handle:
            records = read(handle, _Way.of(layout))
            clock = Clock(context).when if layout.local else when
            made = batches(self._rows(records, clock), stream, context, name=self.name, sensor=layout.sensor)
            for batch in made:
                yield (
                    put_together(batch, stream, context, layout.sensor, both_ends=layout.both_ends)
                    if layout.halves
                    else batch
                )

    def rows_of(self, record: Record) -> list[Taken]:
        """Rows of one record that was read already; none where it is not one of this layout's."""
        return list(self._taken(record, when, "")) if self._fits(record) else []

    def _rows(
        self, records: Iterator[Read], clock: Callable[[object], datetime | None]
    ) -> Iterator[list[Taken] | tuple[str, bytes]]:
        for record, raw in records:
            if record is None and self._layout.skip and self._layout.skip.search(raw):
                continue
            if record is None:
                yield _UNREADABLE[self._layout.reader], raw.encode("utf-8", "backslashreplace")
                continue
            fitted = False
            for one in self._each(record):  # what lists hold are records of their own, with lines of their own
                if self._fits(one):
                    fitted = True
                    yield list(self._taken(one, clock, raw))
            if not fitted:
                yield "", raw.encode("utf-8", "backslashreplace")

    def _taken(self, record: Record, clock: Callable[[object], datetime | None], raw: str) -> Iterator[Taken]:
        time = clock(cell(record, self._layout.time))
        for one in self._layout.rows:
            if all(pattern.search(_first_text(record, paths)) for paths, pattern in one.when.items()):
                made = row(record, one, time)
                yield one.table, requested(made, raw) if one.table == "http" else made

    def _each(self, record: Record) -> Iterator[Record]:
        """The record, or the records in the lists it holds."""
        items = [item for path in self._layout.each for item in everywhere(record, path)]
        for item in items or (record,):
            if isinstance(item, str) and self._layout.header:
                yield dict(zip(self._layout.header, item.split(self._layout.delimiter), strict=False))
            elif isinstance(item, Mapping):
                item = {**item, "^": record} if items and self._outer else item
                yield uncapitalised(item) if self._layout.camel else item

    def _fits(self, record: Record) -> bool:
        there = all(
            any(
                (value := at(record, path)) is not None and (not wanted.pattern or wanted.search(text(value) or ""))
                for path in paths.split("|")
            )
            for paths, wanted in self._layout.tell.items()
        )
        return there and all(at(record, path) is None for path in self._layout.unless)


def _first_text(record: Record, paths: str) -> str:
    """The first value with any text at paths written ``one|other``."""
    return next((words for path in paths.split("|") if (words := text(at(record, path)))), "")


@dataclass(frozen=True, slots=True)
class _Way:
    """How a layout's records are found in text; layouts that find them alike share what was found."""

    reader: str
    line: re.Pattern[str] | None = None
    begins: re.Pattern[str] | None = None
    ends: re.Pattern[str] | None = None
    header: tuple[str, ...] = ()
    delimiter: str = ","

    @classmethod
    def of(cls, layout: Layout) -> _Way:
        return cls(layout.reader, layout.line, layout.begins, layout.ends, layout.header, layout.delimiter)


@lru_cache(maxsize=64)
def _first(head: bytes, way: _Way) -> tuple[Record | None, ...]:
    """The first records of a head, read once for all layouts of a reader."""
    if way.reader == "json" and b"{" not in head[:4096]:
        return ()
    whole = decode_head(head, 1 << 17)
    whole = whole[: whole.rfind("\n") + 1] or whole
    records = islice(read(io.StringIO(whole), way), _LOOKED_AT)
    return tuple(record for record, _raw in records)


def read(handle: TextIO, way: _Way) -> Iterator[Read]:
    """Records by the reader of that name."""
    if way.reader == "json":
        for value, broken in json_values(handle):
            yield (value if isinstance(value, Mapping) else None), broken or _as_text(value)
        return
    if way.reader == "csv":
        yield from _table(handle, way.header, way.delimiter)
        return
    for one in _of_several_lines(handle, way.begins, way.ends) if way.begins else handle:
        if one.strip():
            record = (
                _pairs(one) if way.reader == "pairs" else _cef(one) if way.reader == "cef" else _matched(one, way.line)
            )
            yield record, one


def _of_several_lines(handle: TextIO, begins: re.Pattern[str], ends: re.Pattern[str] | None) -> Iterator[str]:
    """Records that begin at a line like that and end with one that ``ends`` them, else before the next beginning or a
    blank line; other lines one by one."""
    kept: list[str] = []
    for line in handle:
        over = not ends and not line.strip()
        if kept and (over or begins.search(line) or len(kept) == (_LINES_TO_END if ends else _LINES_OF_ONE)):
            yield _joined(kept)
            kept = []
        if kept or begins.search(line):
            kept.append(line)
            if ends and ends.search(line):
                yield _joined(kept)
                kept = []
        else:
            yield line
    yield _joined(kept)


def _joined(lines: list[str]) -> str:
    """A record with the line ends of this system, where its first line has those of Windows."""
    whole = "".join(lines)
    return whole.replace("\r\n", "\n") if lines and lines[0].endswith("\r\n") else whole


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:_KEPT]


def _pairs(line: str) -> Record | None:
    """Pairs of a line; of a JSON object, into which collectors turn such lines, its members."""
    if line.lstrip().startswith("{"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None
    pairs = {key: quoted or bare for key, quoted, bare in _PAIR.findall(line)}
    return pairs if len(pairs) >= 3 else None


def _cef(line: str) -> Record | None:
    """The seven fields of the header under ArcSight's names, and the extension's pairs; a key with two values has none,
    and ``ambiguous`` names it: one of them stands in what somebody sent (in a value ``=`` is written ``\\=``), and
    nothing says which, as it may stand in front of the sensor's own or behind it."""
    match = _CEF.search(line)
    if not match:
        return None
    more: dict[str, str] = {}
    twice = set[str]()
    for key, written in _CEF_PAIR.findall(match["more"]):
        value = re.sub(r"\\([=\\])", r"\1", written.strip())
        if more.setdefault(key, value) != value:
            twice.add(key)
    more = {key: value for key, value in more.items() if key not in twice}
    head = {name: re.sub(r"\\([|\\])", r"\1", text) for name, text in match.groupdict().items() if name != "more"}
    return {**more, **head, "ambiguous": " ".join(sorted(twice))}


def _matched(line: str, pattern: re.Pattern[str] | None) -> Record | None:
    match = pattern.search(line.rstrip("\r\n")) if pattern else None
    return match.groupdict() if match else None


def _table(handle: TextIO, header: tuple[str, ...], delimiter: str) -> Iterator[Read]:
    """Rows under the layout's header, or under the file's first line; a syslog prefix is taken off."""
    names = header
    for one in handle:
        if not one.strip() or (not names and one.startswith("#TYPE ")):  # PowerShell's name of what it exports
            continue
        try:
            cells = next(csv.reader([_SYSLOG.sub("", one.rstrip("\r\n"), count=1)], delimiter=delimiter))
        except (csv.Error, StopIteration):
            yield None, one
            continue
        if not names:
            names = tuple(name.strip() for name in cells)
            continue
        yield (dict(zip(names, cells, strict=False)) if 2 * len(cells) >= len(names) else None), one
