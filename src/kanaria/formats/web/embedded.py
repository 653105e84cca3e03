"""A whole access log line inside a line of something else: a table's cell, a tag, a pair, a program's call, a patch.

In: a line that no layout fits. Out: the access log line in it as the server wrote it, with its client. What a client
sent itself is never taken for one: nothing of a request may stand before it.
"""

from __future__ import annotations

import html

from kanaria.core.late_regex import late_regex
from kanaria.formats.web.broken_json import is_left_open

_LONGEST = 1 << 16
"""Bytes of a line that are looked at."""
_CLIENT = (
    rb"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:.]{3,39}) "
    rb'(?:-|[A-Za-z][\w.@-]{0,63}) (?:-|[^\s"\[\]=]{1,64}) '
)
_BEGINS = late_regex(
    _CLIENT + rb'\[\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?\] (""|\\{0,8}"|&quot;|&#34;)'
)
_VALUE = late_regex(rb'[\[{]\s*["\[{]')
_ANOTHER = late_regex(_CLIENT + rb"\[\d{1,2}/[A-Z]")
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_WHOLE = late_regex(
    rb"\S+ \S+ [^\"\[]*\[[^\]]*\] " + _TEXT + rb" (?:\d{3}|-) (?:\d{1,18}|-)(?: " + _TEXT + rb" " + _TEXT + rb")?"
)
_ASKED = late_regex(rb"HTTP/\d|\b(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT) \S")


def access_line(line: bytes) -> bytes | None:
    """The access log line inside, without what is around it; None where two begin, of which one would be lost,
    and where JSON that it stands in has no end."""
    begin = _BEGINS.search(line[:_LONGEST])
    if begin is None or (not begin.start() and begin[1] == b'"') or _ASKED.search(line, 0, begin.start()):
        return None
    opened = _VALUE.search(line, 0, begin.start())
    if opened and is_left_open(line[opened.start() : _LONGEST]):
        return None
    text, quote = line[begin.start() : _LONGEST], begin[1]
    if quote.startswith(b"&"):
        text = html.unescape(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    elif quote == b'""':
        text = text.replace(quote, b'"')
    elif len(quote) > 1:
        text = text.replace(quote, b'"').replace(b"\\\\", b"\\")
    whole = _WHOLE.match(text)
    return whole[0] if whole and not _ANOTHER.search(text, whole.end()) else None
