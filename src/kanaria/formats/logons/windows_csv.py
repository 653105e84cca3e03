"""Windows events exported as CSV: Event Viewer's "save as CSV" in any language, ``Export-Csv``, EvtxECmd.

Event Viewer's columns are localised and are taken by position: level, time, source, event id, category, then the
message, out of which fields are read by its structure (``windows_layout``). Such a file has neither channel nor
computer nor time zone: the channel follows from the source, the computer stays unknown, times are of the zone told.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TextIO

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.values import dataclass
from kanaria.core.zone import LocalTime
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.text_input import decode_head, open_text
from kanaria.formats.logons.windows_event import WindowsEvent, event, from_document, time_of
from kanaria.formats.logons.windows_rows import TABLES, rows_of

_LEVEL, _TIME, _SOURCE, _ID, _CATEGORY, _MESSAGE = range(6)
_NAMED = frozenset(("id", "eventid", "event id", "event_id"))
_BESIDE = frozenset(
    ("providername", "provider", "logname", "channel", "machinename", "computer", "source", "replacementstrings")
)


class WindowsCsv:
    """Exported Windows events, CSV."""

    name = "windows-csv"
    title = "Windows events as CSV (Event Viewer in any language, Export-Csv, EvtxECmd)"
    example = (
        "レベル,日付と時刻,ソース,イベント ID,タスクのカテゴリ\n"
        '情報,2026/01/10 9:00:00,Microsoft-Windows-Security-Auditing,4776,資格情報の確認,"…"'
    )
    tables: tuple[str, ...] = TABLES

    def sniff(self, head: bytes, name: str) -> float:
        text = decode_head(head).lstrip("\ufeff")
        header, first = _start(text)
        if len(header) < 4:
            return 0.0
        names = {cell.strip().lower() for cell in header}
        if names & _NAMED and len(names & _BESIDE) >= 2 and not _is_viewer(header, first):
            return 0.9
        return 0.9 if _is_viewer(header, first) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        order = day_first(decode_head(stream.head(), 1 << 18))
        with open_text(stream) as text:
            yield from batches(_records(text, order, context.zone), stream, context, name=self.name, sensor="windows")


def _start(text: str) -> tuple[list[str], list[str]]:
    """Header and first record of the text."""
    rows = _rows(iter(text.splitlines(keepends=True)))
    first_rows = [row for row in (next(rows, None), next(rows, None), next(rows, None)) if isinstance(row, list)]
    first_rows = [row for row in first_rows if row and not row[0].startswith("#TYPE")]
    return first_rows[0] if first_rows else [], first_rows[1] if len(first_rows) > 1 else []


def _is_viewer(header: list[str], row: list[str]) -> bool:
    """Five titles (six when the message has one), and a record with a time and a number in the right places."""
    return (
        len(header) in (5, 6)
        and len(row) >= 5
        and row[_ID].strip().isdigit()
        and local_time(row[_TIME], day_first=True) is not None
    )


def _rows(lines: Iterator[str]) -> Iterator[list[str] | str]:
    """Records, or the reason why there is none."""
    reader = csv.reader(lines, strict=False)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"expected a CSV record; {error}"
            continue
        if row:
            yield row


@dataclass(slots=True)
class _Reader:
    """Which column is what; ``header`` is None until the first record said so."""

    day_first: bool
    zone: LocalTime
    header: list[str] | None = None
    viewer: bool = False

    def take(self, row: list[str]) -> WindowsEvent | str | None:
        if self.viewer:
            return self._viewer(row)
        if self.header is None:
            return self._start(row)
        return self._named(row)

    def _start(self, row: list[str]) -> WindowsEvent | str | None:
        if row[0].startswith("#TYPE"):
            return None
        names = [cell.strip().strip("\ufeff").lower() for cell in row]
        if set(names) & _NAMED and len(set(names) & _BESIDE) >= 2 and len(row) > 6:
            self.header = names
            return None
        self.viewer = True
        titled = len(row) > _ID and not row[_ID].strip().isdigit()
        return None if titled else self._viewer(row)

    def _viewer(self, row: list[str]) -> WindowsEvent | str:
        cells = row + [""] * (_MESSAGE + 1 - len(row))
        parsed = event(
            channel="", provider=cells[_SOURCE].strip(), code=cells[_ID], computer="",
            time=local_time(cells[_TIME], day_first=self.day_first, zone=self.zone), message=cells[_MESSAGE],
        )  # fmt: skip
        return parsed or "expected level, time, source, event id and category; the event id is no number"

    def _named(self, row: list[str]) -> WindowsEvent | str:
        document = dict(zip(self.header or [], row, strict=False))
        document["eventid"] = document.get("eventid") or document.get("event id") or document.get("event_id") or ""
        parsed = from_document(document)
        if parsed is None:
            return "expected a record with an event id; it has none"
        if parsed.time is not None:
            return parsed
        shown = document.get("timecreated") or document.get("timegenerated") or ""
        time = time_of(shown) or local_time(shown, day_first=self.day_first, zone=self.zone)
        return WindowsEvent(parsed.channel, parsed.code, time, parsed.computer, parsed.data)


def _records(text: TextIO, order: bool, zone: LocalTime) -> Iterator[list[Taken] | tuple[str, bytes]]:
    reader = _Reader(order, zone)
    for row in _rows(iter(text)):
        parsed = reader.take(row) if isinstance(row, list) else row
        if isinstance(parsed, str):
            yield parsed, ",".join(row).encode("utf-8", "replace") if isinstance(row, list) else b""
        elif parsed is not None:
            yield rows_of(parsed)


_DATE = late_regex(
    r"(?P<a>\d{1,4})[/.\-](?P<b>\d{1,2})[/.\-](?P<c>\d{1,4}),?[T ]+(?P<clock>\d{1,2}[:.]\d\d[:.]\d\d)"
    r"(?:\.\d+)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_HALVES: Mapping[str, int] = {"a": 0, "p": 12}


def local_time(text: str, *, day_first: bool, zone: LocalTime | None = None) -> datetime | None:
    """A date and clock as Windows shows them in one of its regions (UTC where no zone is known)."""
    match = _DATE.match(text.strip())
    if not match:
        return None
    first, second, third = (int(match[name]) for name in "abc")
    year, month, day = (first, second, third) if len(match["a"]) == 4 else (third, first, second)
    if len(match["a"]) < 4 and day_first:
        month, day = day, month
    hour, minute, seconds = (int(part) for part in re.split("[:.]", match["clock"]))
    half = (match["half"] or "").lower()[:1]
    if half:
        hour = hour % 12 + _HALVES[half]
    try:
        whole = datetime(year, month, day, hour, minute, seconds, tzinfo=UTC)
    except ValueError:
        return None
    return zone.utc(whole.replace(tzinfo=None)) if zone else whole


def day_first(text: str) -> bool:
    """Whether dates with the year last begin with the day: a first number above 12 says so, dots hint it."""
    firsts = [date for date in _DATE.finditer(text) if len(date["a"]) < 4]
    if any(int(date["a"]) > 12 for date in firsts):
        return True
    if any(int(date["b"]) > 12 or date["half"] for date in firsts):
        return False
    return bool(firsts) and "." in firsts[0][0][:6]
