"""Windows events exported as JSON, in the shapes ``windows_event`` knows, into ``logon`` and its neighbours.

JSON lines, arrays and pretty-printed documents, in any encoding.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TextIO

from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.text_input import decode_head, json_values, open_text
from kanaria.formats.logons.windows_event import from_document, lowered
from kanaria.formats.logons.windows_rows import TABLES, rows_of

_LOOKED_AT = 20


class WindowsJson:
    """Exported Windows events, JSON."""

    name = "windows-json"
    title = "Windows events as JSON (Get-WinEvent, Winlogbeat, NXLog, Wazuh, evtx_dump)"
    example = (
        '{"winlog":{"channel":"Security","event_id":4625,"event_data":{"TargetUserName":"admin",'
        '"LogonType":"3","IpAddress":"198.51.100.7"}},"@timestamp":"2026-01-10T09:00:00.000Z"}'
    )
    tables: tuple[str, ...] = TABLES

    def sniff(self, head: bytes, name: str) -> float:
        text = decode_head(head, 1 << 18)
        lower = text.lower()
        if "{" not in text or not any(word in lower for word in ("eventid", "event_id", '"id"')):
            return 0.0
        values = [value for value, _raw in islice(json_values(io.StringIO(text)), _LOOKED_AT)]
        events = [value for value in values if isinstance(value, Mapping) and _is_event(value)]
        return 0.96 if events else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        with open_text(stream) as text:
            yield from batches(_records(text, context.events), stream, context, name=self.name, sensor="windows")


def _is_event(value: Mapping[str, object]) -> bool:
    """Other systems have an "EventID" too: a channel, a provider, or the frame of an exporter must be there."""
    event = from_document(value)
    low = lowered(value)
    framed = bool({"event", "winlog", "win", "data", "event_data"} & set(low))
    return event is not None and bool(event.channel or framed or low.get("replacementstrings"))


def _records(text: TextIO, every: bool) -> Iterator[list[Taken] | tuple[str, bytes]]:
    for value, broken in json_values(text):
        if broken:
            yield "expected a JSON value; it is cut off or damaged", broken.encode("utf-8", "replace")
            continue
        event = from_document(value, every=every) if isinstance(value, Mapping) else None
        if event is None:
            yield "expected a Windows event with an id", str(value)[:4096].encode("utf-8", "replace")
        else:
            yield rows_of(event, every=every)
