"""Windows events exported as XML: Event Viewer's "save as XML", ``wevtutil qe … /f:xml``, forwarded single events.

One or many ``<Event>`` elements with or without a root, in any encoding. Each is cut out and parsed on its own, so that
a broken one costs its neighbours nothing and no document type declaration can reach the parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO
from xml.etree import ElementTree

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.formats.logons.emit import Taken, batches
from kanaria.formats.logons.text_input import LONGEST_VALUE, decode_head, open_text
from kanaria.formats.logons.windows_event import WindowsEvent, event, time_of
from kanaria.formats.logons.windows_rows import TABLES, rows_of

_BEGIN = late_regex(r"<Event(?=[\s>])")
_END = "</Event>"
_TAIL = 4096
"""Characters at the beginning in which a root stands, and at the end in which its end does."""
_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_BLOCK = 1 << 20
# Control characters that XML 1.0 forbids: Windows writes them as references when an attacker chose the user name.
_FORBIDDEN = late_regex(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|&#(?:x[0-9a-fA-F]{1,6}|\d{1,7});")


class WindowsXml:
    """Exported Windows events, XML."""

    name = "windows-xml"
    title = "Windows events as XML (Event Viewer, wevtutil)"
    example = (
        f"<Event xmlns='{_NAMESPACE}'><System><Provider Name='Microsoft-Windows-Security-Auditing'/>"
        "<EventID>4625</EventID><TimeCreated SystemTime='2026-01-10T09:00:00.000Z'/><Channel>Security</Channel>"
        "<Computer>srv.example</Computer></System><EventData><Data Name='TargetUserName'>admin</Data>"
        "<Data Name='LogonType'>3</Data><Data Name='IpAddress'>198.51.100.7</Data></EventData></Event>"
    )
    tables: tuple[str, ...] = TABLES

    def sniff(self, head: bytes, name: str) -> float:
        text = decode_head(head)
        if "<Event" not in text or not _BEGIN.search(text):
            return 0.0
        return 0.98 if _NAMESPACE in text else 0.6 if "<EventID" in text else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        with open_text(stream) as text:
            yield from batches(_records(text, context.events), stream, context, name=self.name, sensor="windows")


def _records(text: TextIO, every: bool) -> Iterator[list[Taken] | tuple[str, bytes]]:
    for fragment in fragments(text):
        parsed = _parse(fragment, every)
        yield (
            rows_of(parsed, every=every)
            if isinstance(parsed, WindowsEvent)
            else (parsed, fragment.encode("utf-8", "replace"))
        )


def rows_of_text(text: str) -> list[Taken]:
    """Rows of the one event that a text is; none when it is no event."""
    parsed = _parse(text)
    return rows_of(parsed) if isinstance(parsed, WindowsEvent) else []


def fragments(text: TextIO) -> Iterator[str]:
    """Every ``<Event …</Event>``; one that another begins inside of, or that the input ends in, comes as it is, and so
    does what is left of a root without its end."""
    buffer, tail, rooted = "", "", None
    while block := text.read(_BLOCK):
        buffer, tail = buffer + block, (tail + block)[-_TAIL:]
        rooted = "<Events" in buffer[:_TAIL] if rooted is None else rooted
        position = 0
        while (begin := _BEGIN.search(buffer, position)) and (end := buffer.find(_END, begin.end())) >= 0:
            following = _BEGIN.search(buffer, begin.end(), end)
            position = following.start() if following else end + len(_END)
            yield buffer[begin.start() : position]
        begin = _BEGIN.search(buffer, position)
        buffer = (
            buffer[begin.start() : begin.start() + LONGEST_VALUE] if begin else buffer[position:][-len("<Event ") :]
        )
    last = tail[tail.rfind("<") :]
    if _BEGIN.match(buffer):
        yield buffer
    elif (rooted and "</Events>" not in tail) or (last and "<Event".startswith(last)):
        yield tail[tail.rfind(_END) + len(_END) :]


def _parse(fragment: str, every: bool = False) -> WindowsEvent | str:
    """The event, or why it is none."""
    try:
        root = ElementTree.fromstring(_FORBIDDEN.sub(_harmless, fragment))  # noqa: S314 - begins with <Event: no DTD
    except (ElementTree.ParseError, ValueError) as error:
        return f"expected a whole <Event> element; {error}"
    parts = {_local(child): child for child in root}
    system = {_local(child): child for child in parts["System"]} if "System" in parts else {}
    data, values = _data(parts.get("EventData"))
    more, extra = _data(parts.get("UserData"))
    parsed = event(
        channel=_text(system.get("Channel")), provider=_attribute(system.get("Provider"), "Name"),
        code=_text(system.get("EventID")), time=time_of(_attribute(system.get("TimeCreated"), "SystemTime")),
        computer=_text(system.get("Computer")), data={**more, **data}, values=values or extra, every=every,
    )  # fmt: skip
    return parsed or "expected an event with an EventID; it has none"


def _harmless(match: re.Match[str]) -> str:
    """A reference to an allowed character stays; everything else becomes the replacement character."""
    text = match[0]
    if not text.startswith("&#"):
        return "\ufffd"
    code = int(text[3:-1], 16) if text[2] == "x" else int(text[2:-1])
    allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return text if allowed else "\ufffd"


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _attribute(element: ElementTree.Element | None, name: str) -> str | None:
    return element.get(name) if element is not None else None


def _data(element: ElementTree.Element | None) -> tuple[dict[str, object], list[str]]:
    """Named fields and unnamed values; UserData wraps its own in one more element."""
    named: dict[str, object] = {}
    unnamed: list[str] = []
    for child in element.iter() if element is not None else ():
        if child is element or len(child):
            continue
        name = child.get("Name") or ("" if _local(child) == "Data" else _local(child))
        if name:
            named.setdefault(name, child.text or "")
        else:
            unnamed.append(child.text or "")
    return named, unnamed
