"""What a log collector put in front of a web log line: syslog, journald, containers. Line in, inner line and facts out.

The prefix is taken off only when it is unmistakable, and what it knew (time, host, program) completes the row.
Sources: RFC 3164, RFC 5424, journalctl(1) output modes short and json, Docker json-file driver, Kubernetes CRI logs.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_text
from kanaria.formats.web.values import Row

_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_RFC5424 = late_regex(
    rb"<\d{1,3}>1 (-|" + _ISO + rb") (\S{1,255}) (\S{1,48}) \S{1,128} \S{1,32} "
    rb'(?:-|(?:\[(?:[^\]"]|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+\])+)'
    rb" (?:\xef\xbb\xbf)?(.*)",
    re.DOTALL,
)  # fmt: skip
_SYSLOG = late_regex(
    rb"(?:<\d{1,3}>)?([A-Z][a-z]{2} [ 0-3]?\d \d\d:\d\d:\d\d(?:\.\d{1,6})?|" + _ISO + rb") "
    rb'(?:([^\s\[\]:"]{1,255}|[0-9A-Fa-f:.]+) )?'
    rb"([^\s\[\]:\"{]{1,64})(?:\[\d{1,10}\])?: ?(.*)",
    re.DOTALL,
)  # fmt: skip
_CRI = late_regex(rb"(" + _ISO + rb") (?:stdout|stderr) [FP] (.*)", re.DOTALL)
# ``grep`` over several files, kubectl and stern over several pods, Loki's labels.
_GREP = late_regex(
    rb"(?:[^\s\":=\[\]{}]*/[^\s\":=\[\]{}]+|[\w-]+(?:[._-](?:log|gz|txt|bz2|xz|zst|out|err|json)[\w.-]*)+)(?::\d{1,9})?[:-](.*)",
    re.DOTALL,
)  # fmt: skip
_LABELS = late_regex(
    rb"(?:\[(?:pod|deployment|container|service|job)/[^\]\s]{1,253}\]|\{[a-z_]\w*=\"[^}]{0,400}\}) (.*)", re.DOTALL
)
# What people put before a line they paste: its number (grep -n, cat -n, editors), a quote mark, a bullet.
_NUMBERED = late_regex(
    rb"(?:\d{1,9}(?:[:-]\s?|\s+)(?=\d{1,3}(?:\.\d{1,3}){3} |[\[{\"])|> ?|\xe2\x80\xa2 )(.+)", re.DOTALL
)
_QUOTED = late_regex(
    rb"(?:\xe3\x80[\x8c\x8e\x90]|\xe2\x80[\x98\x9c]|\xef\xbc\x88|\xe3\x83\xbb|[('\"]) ?"
    rb"(?=\d{1,3}(?:\.\d{1,3}){3} )(.+?)"
    rb"(?:\xe3\x80[\x8d\x8f\x91]|\xe2\x80[\x99\x9d]|\xef\xbc\x89|[)'])?",
    re.DOTALL,
)
"""A line in the quotes or brackets of a text, Japanese or typographic."""
_CODE = late_regex(rb"`{1,3}([^`].*?)`{1,3}", re.DOTALL)
# zap's console encoder, as Caddy writes it: time, level, logger and message, then the record as JSON.
_ZAP = late_regex(
    rb"(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)\s+[A-Z]{4,6}\s+[\w.]{1,64}\s+"
    rb"[^{]{0,80}(\{.*\})",
    re.DOTALL,
)
_COMPOSE = late_regex(rb"([A-Za-z0-9][\w.-]{0,63}) +\| (.*)", re.DOTALL)


LONGEST = 65_536
"""Bytes of a line among which a prefix is looked for."""


class Prefix(NamedTuple):
    """The inner line, and what the prefix said; None where it said nothing."""

    line: bytes
    time: int | None = None
    host: str | None = None
    program: str | None = None


def strip(line: bytes, year: int | None) -> Prefix | None:
    """Take one prefix off, or None when there is none. ``year`` completes RFC 3164 times, which have none."""
    first = line[:1]
    if first == b"<":
        match = _RFC5424.fullmatch(line)
        if match:
            return Prefix(match[4], _iso(match[1]), _name(match[2]), _name(match[3]))
    if first.isdigit():
        match = _CRI.fullmatch(line)
        if match:
            return Prefix(match[2], _iso(match[1]))
    if first == b"<" or first.isdigit() or first.isupper():
        match = _SYSLOG.fullmatch(line)
        if match and not _splits_an_address(line, match.start(3)):
            return Prefix(match[4], _time(match[1], year), _name(match[2]), _name(match[3]))
        match = _ZAP.fullmatch(line)
        if match:
            return Prefix(match[2], values.odd_time(match[1]))
    if first == b"`" and (match := _CODE.fullmatch(line)):
        return Prefix(match[1])
    if match := _NUMBERED.fullmatch(line) or _QUOTED.fullmatch(line):
        return Prefix(match[1])
    match = _COMPOSE.fullmatch(line)
    if match and not parse_address(to_text(match[1])):
        return Prefix(match[2], program=_name(match[1]))
    match = _LABELS.fullmatch(line) if first in (b"[", b"{") else _GREP.fullmatch(line[:LONGEST])
    return Prefix(match[1] + line[LONGEST:]) if match else None


def _splits_an_address(line: bytes, at: int) -> bool:
    """Whether what looks like a program's name and colon is how the client's IPv6 address begins."""
    word = line[at : at + 64].split(b" ", 1)[0]
    return word.count(b":") > 1 and parse_address(to_text(word)) is not None


def complete(row: Row, prefix: Prefix) -> Row:
    """Fill what the inner line did not say."""
    for column, value in (("time", prefix.time), ("device", prefix.host), ("sensor", prefix.program)):
        if row.get(column) is None:
            row[column] = value
    return row


_LEVEL = late_regex(rb"INFO|WARN(?:ING)?|ERROR|DEBUG|TRACE|NOTICE|FATAL|CRITICAL", re.IGNORECASE)
"""What programs write between a time and their own name is no machine's."""


def _name(field: bytes | None) -> str | None:
    return None if not field or _LEVEL.fullmatch(field) else values.text_or_none(field)


def _iso(text: bytes) -> int | None:
    return values.iso_time(to_text(text).replace(",", "."))


def _time(text: bytes, year: int | None) -> int | None:
    if text[:1].isdigit():
        return _iso(text)
    if year is None:
        return None
    pattern = "%Y %b %d %H:%M:%S.%f" if b"." in text else "%Y %b %d %H:%M:%S"
    try:
        return values.datetime_us(datetime.strptime(f"{year} {to_text(text)}", pattern))  # noqa: DTZ007 - RFC 3164 has no zone: Zoneless
    except ValueError:
        return None
