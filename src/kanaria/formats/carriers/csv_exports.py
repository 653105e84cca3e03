"""CSV exports with a column for the log line as records: Splunk, Kibana, Grafana, CloudWatch, Datadog, Excel.

In: text with a header. Out: a record a row, whose line stands under ``message`` whatever its column is called. A row of
other columns than the header, or whose last quote is missing, is broken.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from kanaria.core.late_regex import late_regex
from kanaria.formats.carriers.records import Record, Records, as_text, broken

CARRYING = (
    "_raw", "@message", "message", "log message", "line", "log", "full_log", "_source.full_log", "_source.message",
    "raw", "rawmsg", "rawdata", "raw event", "raw log", "textpayload", "event.original", "syslogmessage", "logmessage",
    "logentry", "ログ", "メッセージ", "nachricht", "content", "body", "value", "text",
)  # fmt: skip
"""Names of the column that is the log line, the surest first; tools spell them in any case."""
_ALONE = frozenset(("_raw", "@message", "message", "line", "log", "full_log", "raw", "event.original"))
"""Those that are believed without a second column."""
_NAME = late_regex(r"[@_A-Za-z\u3040-\u9fff][\w @./():\[\]\u3040-\u9fff-]{0,80}")
_SEPARATOR = late_regex(r'"?sep=(.)"?')
"""What Excel writes into the first line to say what stands between columns."""
_DOCUMENTS = ('{"', "[{", '["')
"""What a row begins with that is none, but a document behind the export."""
_OPENING = tuple(" \t{[(,:=")
"""What stands in front of a quote that opens."""
_LONGEST = 1 << 20
csv.field_size_limit(_LONGEST)


def columns_of(head: bytes) -> tuple[list[str], int, str] | None:
    """The columns, which of them is the log line, and what stands between them."""
    from kanaria.formats.logons.text_input import decode_head

    return _columns([line.rstrip("\r") for line in decode_head(head, 8192).lstrip("\ufeff").split("\n", 2)[:2]])


def _columns(lines: list[str]) -> tuple[list[str], int, str] | None:
    separator = _SEPARATOR.fullmatch(lines[0]) if lines else None
    header = lines[1] if separator and len(lines) > 1 else lines[0] if lines else ""
    if not 3 <= len(header) < 4096 or header[0] in "{[#<":
        return None
    for delimiter in separator[1] if separator else ",;\t|":
        try:
            names = [name.strip() for name in next(csv.reader([header.replace("\0", "")], delimiter=delimiter), [])]
        except csv.Error:
            continue
        lower = [name.casefold() for name in names]
        named = next((name for name in CARRYING if name in lower), None)
        enough = len(names) >= 2 or named in _ALONE
        if named and enough and all(_NAME.fullmatch(name) or not name for name in names):
            return names, lower.index(named), delimiter
    return None


class _Rows:
    """Lines for the reader of rows, which keeps those of the row it is in."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.lines.append(line)
            yield line.replace("\0", "")

    def taken(self) -> str:
        """The lines since the last call."""
        taken, self.lines = "".join(self.lines), []
        return taken


def read(handle: BinaryIO) -> Records:
    """The rows behind the header."""
    text = as_text(handle)
    first = text.readline().lstrip("\ufeff")
    separator = _SEPARATOR.fullmatch(first.rstrip("\r\n"))
    header = text.readline() if separator else first
    columns = _columns([line.rstrip("\r\n") for line in ((first, header) if separator else (first,))])
    names, place, delimiter = columns or (["message"], 0, ",")
    yield Record(None)
    rows = _Rows(text)
    reader = csv.reader(rows, delimiter=delimiter)
    row: tuple[list[str], str] = [], ""
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:  # a cell longer than the module takes
            yield from broken(rows.taken())
            continue
        yield from _row(*row, names, place, delimiter, ends=cells is None)
        if cells is None:
            return
        row = cells, rows.taken()


def _row(cells: list[str], raw: str, names: list[str], place: int, delimiter: str, *, ends: bool) -> Records:
    """The record of a row; of the last one all quotes must be closed, or the export was cut in it. Cut in the middle of
    a doubled quote, it looks whole, but for the text in front."""
    if not cells:
        return
    if place == len(names) - 1 and len(cells) > len(names):  # nobody quoted the line
        cells = [*cells[:place], delimiter.join(cells[place:])]
    cut = ends and (raw.count('"') % 2 or (raw[-1:] == '"' and _ends_before_quote(cells[-1])))
    if len(cells) < len(names) or cut or raw.lstrip().startswith(_DOCUMENTS):
        yield from broken(raw)
    else:
        yield Record({**dict(zip(names, cells, strict=False)), "message": cells[place]})


def _ends_before_quote(cell: str) -> bool:
    """Whether the text of a cell goes on behind a quote: one is open, or one would open next."""
    return cell.count('"') % 2 == 1 or cell[-1:] in _OPENING
