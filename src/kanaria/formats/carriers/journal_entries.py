"""The journal's own forms as records: ``journalctl -o export`` (binary fields included) and ``-o verbose``.

In: bytes. Out: a record an entry, with its fields as texts. What stands between entries and is no field is broken.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from kanaria.core.late_regex import late_regex
from kanaria.formats.carriers.records import Record, Records, broken

_LOOKED_AT = 16 << 10
_MESSAGE = late_regex(rb"^[ \t]*MESSAGE(?:=|\n)", re.MULTILINE)
_KNOWN = late_regex(rb"^[ \t]*(?:_HOSTNAME|_PID|SYSLOG_IDENTIFIER|__CURSOR|PRIORITY|_TRANSPORT)=", re.MULTILINE)
_FIELD = late_regex(rb"\s*([A-Z_][A-Z0-9_]{0,63})=(.*)", re.DOTALL)
_NAME = late_regex(rb"[A-Z_][A-Z0-9_]{0,63}")
_BEGINS = late_regex(rb"\w{2,9} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (\S+)(?: \[.*)?$")
_LONGEST = 1 << 20
"""Bytes of a field that are kept; journald cuts messages at 48 KiB, core dumps run to megabytes."""


def is_journal(head: bytes) -> bool:
    """Whether the input is a journal in one of these forms, or was pasted out of one."""
    sample = head[:_LOOKED_AT]
    return _MESSAGE.search(sample) is not None and len(_KNOWN.findall(sample)) >= 2


def read(handle: BinaryIO) -> Records:
    """The entries."""
    entry: dict[str, object] = {}
    last = ""
    while line := handle.readline(_LONGEST):
        text = line.rstrip(b"\r\n")
        match = _FIELD.fullmatch(text)
        begun = _BEGINS.match(text)
        if begun or not text.strip() or (match and match[1] == b"__CURSOR"):
            yield from _ended(entry)
            zone = b"+00:00" if begun and begun[3] in (b"UTC", b"GMT") else b""
            entry = {"time": _text(b"".join((begun[1], b"T", begun[2], zone)))} if begun else {}
        if match:
            last = _text(match[1])
            entry.setdefault(last, _text(match[2]))
        elif not begun and _NAME.fullmatch(text):
            last = _text(text)
            value = _binary(handle)
            if value is None:
                yield from broken(_text(line) + "the input ends in a field")
                return
            entry.setdefault(last, _text(value))
        elif text.strip() and not begun and text[:1] in b" \t" and last in entry:
            entry[last] = f"{entry[last]}\n{_text(text.strip())}"  # a text of several lines, as -o verbose has it
        elif text.strip() and not begun:
            yield from broken(_text(text))
    yield from _ended(entry)


def _ended(entry: dict[str, object]) -> Records:
    if len(entry) > 1 or (entry and "time" not in entry):
        yield Record(entry)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _binary(handle: BinaryIO) -> bytes | None:
    """The value of a binary field: 64 bits of length, the bytes, a line feed; None where it is cut."""
    size = handle.read(8)
    if len(size) < 8:
        return None
    (left,) = struct.unpack("<Q", size)
    value = handle.read(min(left, _LONGEST))
    left -= len(value)
    while left > 0 and (skipped := handle.read(min(left, _LONGEST))):
        left -= len(skipped)
    return None if left > 0 or handle.read(1) not in (b"\n", b"") else value
