"""Logs that came by mail: unwrapped, unquoted and decoded, then read by the format they are in.

In: a saved mail (plain or HTML parts, quoted-printable, Base64), or text pasted out of one: quoted with ``> ``, wrapped
at 76 columns, with soft line breaks. Out: what the inner format makes of the lines as the server wrote them. Line
numbers are those of the decoded text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import Format, ReadContext, Stream
from kanaria.core.types import Batch, Position
from kanaria.core.values import dataclass
from kanaria.formats.columns import unparsed_lines

if TYPE_CHECKING:
    from email.message import Message

LARGEST = 32 << 20
"""Bytes of a mail that are read; mail servers refuse more than some ten MB."""
_LOOKED_AT = 200
_LOOKED_INTO = 64 << 10
"""Bytes of a part that say whether it is a log."""
_SHORT = 100
"""Columns: mail programs wrap at 72 to 80; a log without one longer line is a wrapped one, or has short lines."""
_BROKEN = 68
"""Columns that a line would have had with the next word, had nobody broken it: mail programs wrap at 70 and more."""
_MOST_JOINED = 12
_HEADERS = late_regex(rb"(?:From .*\r?\n)?(?:[A-Za-z][A-Za-z0-9-]{1,40}: .*\r?\n(?:[ \t].*\r?\n)*){2,}\r?\n")
_MAIL = late_regex(rb"^(?:From|Subject|Received|MIME-Version|Return-Path|Message-ID): ", re.IGNORECASE | re.MULTILINE)
_QUOTED = late_regex(rb"^(?:> ?)+", re.MULTILINE)
_ENCODED = late_regex(rb"=(?:3D|22|20|09|5C)")
_TAG = late_regex(r"<(?:br|/p|/div|/tr|/li|/pre)\b[^>]*>", re.IGNORECASE)
_ANY_TAG = late_regex(r"<[A-Za-z/!][^>]{0,500}>")
# How a record surely begins: a client and a time, a time, a syslog date; and how parts of records may begin, too.
_BEGINS = late_regex(
    rb"\s*(?:\S+ \S+ \S+ \[|\S+ \S+ - - \[|[0-9A-Fa-f.:]{7,45} |\[\d|\d{4}[-/]\d\d[-/]\d\d[T ]"
    rb"|[A-Z][a-z]{2} [ \d]\d \d\d:|<\d{1,3}>|[a-z]  ?\d\d:\d\d:\d\d[ |])"
)
_MAY_BEGIN = late_regex(rb"\s*(?:\"(?:[A-Z]{3,10} |\{|\\)|\{|[A-Za-z0-9-]{2,40}: )")
_QUOTES = late_regex(rb'(?<!\\)(?:\\\\)*"')


@dataclass
class Decoded:
    """The text of a mail as an input of its own."""

    outer: Stream
    data: bytes
    path: Path | None = None

    def __post_init__(self) -> None:
        self.name = self.outer.name
        self.size: int | None = len(self.data)

    def head(self) -> bytes:
        return self.data[: 256 << 10]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class Mailed:
    """Another format's lines in a mail."""

    name = "mail"
    title = "Logs in a mail: wrapped, quoted with >, quoted-printable, Base64, HTML"
    example = "Subject: log"
    tables: tuple[str, ...] = ("http", "connection", "logon", "host", "process", "dns", "alert")

    def sniff(self, head: bytes, name: str) -> float:
        text = decoded(head)
        found = _inside(text, name) if text is not None else None
        return min(0.99, found[1] + 0.05) if found else 0.0

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        """What is inside is read as it is; nothing that is known inside is text to be searched. Attachments that are no
        text are unread, and so is the end of a mail that is too large."""
        from kanaria.formats.unknown import UNKNOWN

        source = stream.open()
        data = source.read(LARGEST)
        lost = [b"the rest of a mail that is too large"] if source.read(1) else []
        text = decoded(data)
        inner = Decoded(stream, data if text is None else text)
        found = _inside(inner.head(), stream.name)
        place = Position(source=stream.name)
        for batch in (found[0] if found else UNKNOWN).read(inner, context):
            place = batch.position
            yield replace(batch, format=self.name)
        lost += closed_parts(data) if text is not None else []
        if lost:
            unparsed = unparsed_lines(list(enumerate(lost, place.row + 1)))
            rest = Batch(
                source=stream.name, format=self.name, tables={}, rows=len(lost), position=place, unparsed=unparsed
            )
            yield replace(rest, passed_over=len(lost))


def _inside(text: bytes, name: str) -> tuple[Format, float] | None:
    from kanaria.formats import registry  # it lists this format

    return registry.surest(text[: 256 << 10], name, without=(Mailed.name,))


@lru_cache(maxsize=2)
def decoded(data: bytes) -> bytes | None:
    """The text as it was before it was mailed, or None when nothing says that it was."""
    text, changed = data, False
    if _HEADERS.match(data) and _MAIL.search(data[:8192]):
        text, changed = _body(data), True
    lines = [line for line in text.split(b"\n")[:_LOOKED_AT] if line.strip()]
    if lines and sum(line.startswith(b">") for line in lines) >= 0.5 * len(lines):
        text, changed = _QUOTED.sub(b"", text), True
    if _soft_breaks(text[:65536]):
        import quopri

        text, changed = quopri.decodestring(text), True
    joined = unwrapped(text)
    return joined if changed or joined != text else None


def _soft_breaks(text: bytes) -> bool:
    """Whether lines end as quoted-printable breaks them: with an equals sign, within 76 columns (RFC 2045, 6.7)."""
    lines = text.split(b"\n")[:_LOOKED_AT]
    soft = sum(line.rstrip(b"\r").endswith(b"=") for line in lines)
    return soft >= 1 and max(len(line) for line in lines) <= 78 and (soft >= 2 or _ENCODED.search(text) is not None)


def _body(data: bytes) -> bytes:
    """The texts of a mail, decoded, those that are logs first; of alternatives the plain one."""
    texts = [part for part in _parts(data) if _is_text(part)]
    written = [part for part in texts if part.get_content_disposition() != "attachment"]
    plain = [part for part in written if part.get_content_subtype() == "plain"]
    contents = [_content(part) for part in (plain or written)]
    attached = [_content(part) for part in texts if part.get_content_disposition() == "attachment"]
    if attached and not any(_inside(text[:_LOOKED_INTO], "") for text in contents):
        contents = sorted([*attached, *contents], key=lambda text: not _inside(text[:_LOOKED_INTO], ""))
    else:
        contents += attached
    return b"\n".join(contents) or data


def _parts(data: bytes) -> list[Message]:
    import email  # 30 ms that only mails pay
    import email.policy

    message = email.message_from_bytes(data, policy=email.policy.default)
    return [part for part in message.walk() if not part.is_multipart()]


def _is_text(part: Message) -> bool:
    """Whether a part is a text, whatever it is called: programs attach logs as ``application/octet-stream``."""
    if part.get_content_maintype() == "text" or part.get_content_type() == "application/json":
        return True
    attached = part.get_content_disposition() == "attachment" and part.get_content_maintype() == "application"
    return attached and bool(content := _content(part)) and _plain(content)


def _plain(content: bytes) -> bool:
    from kanaria.formats.unknown import is_text

    return is_text(content)


def closed_parts(data: bytes) -> list[bytes]:
    """What is attached to a mail and could not be looked into, by name; pictures and signatures hold no log."""
    if not _HEADERS.match(data):
        return []
    closed = [part for part in _parts(data) if part.get_content_maintype() == "application" and not _is_text(part)]
    names = [(str(part.get_filename() or ""), part.get_content_type()) for part in closed]
    return [f"attachment {name} ({kind})".encode() for name, kind in names if not kind.endswith("signature")]


def _content(part: Message) -> bytes:
    import html

    raw = part.get_payload(decode=True)
    data = raw if isinstance(raw, bytes) else b""
    if data.startswith(b"\x1f\x8b"):
        data = _unzipped(data)
    if part.get_content_subtype() != "html":
        return data.replace(b"\r\n", b"\n")
    text = _ANY_TAG.sub("", _TAG.sub("\n", data.decode("utf-8", "surrogateescape")))
    return html.unescape(text).encode("utf-8", "surrogateescape")


def _unzipped(data: bytes) -> bytes:
    """What was compressed with gzip; as it is where it is damaged or too large."""
    import zlib

    try:
        opened = zlib.decompressobj(wbits=31)
        text = opened.decompress(data, LARGEST)
    except zlib.error:
        return data
    return text if opened.eof else data


def unwrapped(text: bytes) -> bytes:
    """Lines that were broken at 70 to 80 columns put together again; any other text as it is."""
    lines = text.split(b"\n")
    if len(lines) < 2 or max(len(line) for line in lines) > _SHORT or not any(_unfinished(line) for line in lines):
        return text
    whole: list[bytes] = []
    last, parts = b"", 0
    for line in lines:
        if whole and parts < _MOST_JOINED and _goes_on(whole[-1], last, line):
            before = whole[-1].rstrip(b"\r")
            whole[-1] = before + (b"" if before.endswith(b" ") else b" ") + line.lstrip()
            parts += 1
        else:
            whole.append(line)
            parts = 0
        last = line
    # What stays unfinished was not broken by a mail program: some servers write quotes as the client sent them.
    mended = 2 * sum(map(_unfinished, whole)) < sum(map(_unfinished, lines))
    return b"\n".join(whole) if mended else text


def _goes_on(record: bytes, last: bytes, line: bytes) -> bool:
    """Whether ``line`` belongs to the record whose ``last`` line stands before it."""
    words = line.split(None, 1)
    if not words or not last.strip() or _BEGINS.match(line) or len(last) + 1 + len(words[0]) <= _BROKEN:
        return False
    return _unfinished(record) or not _MAY_BEGIN.match(line)


def _unfinished(line: bytes) -> bool:
    """Whether a quote of the line is not closed in it, or a request is missing behind its time."""
    return len(_QUOTES.findall(line)) % 2 == 1 or (line.rstrip().endswith(b"]") and b" [" in line and b'"' not in line)
