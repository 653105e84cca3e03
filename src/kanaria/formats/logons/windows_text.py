"""Windows events as text, ``wevtutil qe … /f:text`` of any language: from blocks to rows of the event tables.

The captions of a block are localised and come in a fixed order, so they are taken by position: log, source, date, event
id, task, level, opcode, keyword, user, user name, computer, and the message, whose fields are read by its structure
(``windows_layout``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch, Text
from kanaria.core.zone import LocalTime
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.text_input import decode_head, open_text
from kanaria.formats.logons.windows_event import event, time_of
from kanaria.formats.logons.windows_rows import TABLES, rows_of
from kanaria.formats.text_log import iso_time

_BEGIN = late_regex(r"^\s{0,8}\S{1,20}\[\d{1,9}\]:?\s*$")
_COPIED = late_regex(r"^(?:Log Name|ログの名前|Protokollname|Nom du journal|Nombre de registro)\s*[:\uff1a]\s+\S")
"""The first caption of what the Event Viewer copies as text, where no line numbers the event."""
_CAPTION = late_regex(r"^\s{1,8}[^:\uff1a]{1,40}[:\uff1a]\s?(.*?)\s*$")
_LOG, _SOURCE, _DATE, _ID, _COMPUTER, _MESSAGE = 0, 1, 2, 3, 10, 11
_COPIED_COMPUTER, _COPIED_MESSAGE = 8, 9
"""Of what the Event Viewer copies: it has neither an opcode nor a name of the user."""
_SHOWN = late_regex(r"(\d{4})/(\d\d?)/(\d\d?) (\d\d?):(\d\d:\d\d)")
"""A time as the Event Viewer shows it in Japanese and in other languages that begin with the year."""
_LONGEST = 5000
"""Lines of one event; Windows limits its text to 32,766 characters."""


class WindowsText:
    """Events exported as text."""

    name = "windows-text"
    title = "Windows events as text (wevtutil /f:text in any language)"
    example = (
        "Event[0]:\n  Log Name: Security\n  Source: Microsoft-Windows-Security-Auditing\n"
        "  Date: 2026-01-10T09:00:00.000\n  Event ID: 4625\n  …"
    )
    tables: tuple[str, ...] = TABLES
    tried = Text(
        en="events written out in the layout of wevtutil, in English and Japanese; not the output of a real machine",
        ja="wevtutilの書式で作った英語と日本語の例。実機の出力では試していません",
    )

    def sniff(self, head: bytes, name: str) -> float:
        block = next(_blocks(decode_head(head).splitlines()), [])
        return 0.97 if len(block) > _COPIED_MESSAGE and not isinstance(_read(block), str) else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        with open_text(stream) as text:
            yield from batches(_records(text, context.zone), stream, context, name=self.name, sensor="windows")


def _records(lines: Iterable[str], zone: LocalTime) -> Iterator[list[Taken] | tuple[str, bytes]]:
    for block in _blocks(lines):
        parsed = _read(block, zone)
        yield (parsed, "\n".join(block[:20]).encode("utf-8", "replace")) if isinstance(parsed, str) else parsed


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines of every event, without the one that numbers it; what comes before the first is a block of its own."""
    block: list[str] = []
    begun = False
    for line in lines:
        copied = _COPIED.match(line)
        if copied or _BEGIN.match(line):
            if block and (begun or any(map(str.strip, block))):
                yield block
            block, begun = [line.rstrip("\r\n")] if copied else [], True
        elif len(block) < _LONGEST and (block or line.strip("\ufeff\r\n ")):
            block.append(line.rstrip("\r\n"))
    if block:
        yield block


def _read(block: list[str], zone: LocalTime | None = None) -> list[Taken] | str:
    """The rows of an event, or why it is none; ``zone`` is that of times as the Event Viewer shows them."""
    copied = bool(block and _COPIED.match(block[0]))
    computer, message_at = (_COPIED_COMPUTER, _COPIED_MESSAGE) if copied else (_COMPUTER, _MESSAGE)
    captions = [_CAPTION.match(f" {line}" if copied else line) for line in block[: message_at + 1]]
    if len(block) < computer + 1 or not all(captions[: computer + 1]):
        return "expected an event as wevtutil writes it: eleven captions, then the message"
    values = [found[1].strip() if found else "" for found in captions]
    message = "\n".join([values[message_at] if len(values) > message_at else "", *block[message_at + 1 :]])
    found = event(
        channel=values[_LOG], provider=values[_SOURCE], code=values[_ID], computer=values[computer],
        time=time_of(values[_DATE]) or _shown(values[_DATE], zone), message=message,
    )  # fmt: skip
    return rows_of(found) if found else "expected an event id in the fourth line; it is no number"


def _shown(text: str, zone: LocalTime | None) -> datetime | None:
    match = _SHOWN.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, rest = match.groups()
    return iso_time(f"{year}-{month:>02}-{day:>02}T{hour:>02}:{rest}", zone)
