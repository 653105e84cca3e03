"""Inputs whose records are no lines: JSON documents, CSV exports and the journal's own formats as records.

Bytes come in, (raw text, object) pairs go out, one a record, for ``wrapped`` to take out what they carry. What is
recognised: a JSON array, the list inside an answer of Elasticsearch, CloudWatch, Graylog or Google Cloud, Splunk's and
Kibana's CSV, and ``journalctl -o export`` (binary fields included), ``-o verbose`` and ``-o json-sse``.
"""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from kanaria.core.late_regex import late_regex
from kanaria.formats.logons.text_input import decode_head, encoding_of, json_values

Object = Mapping[str, object]
Records = Iterator[tuple[bytes, Object | None]]
Reader = Callable[[BinaryIO], Records]

_LIST = late_regex(
    r'"(?:events|logEvents|hits|results|result|records|value|entries|items|logs|rows|data|messages)"\s*:\s*\[\s*(?=\{)'
)
_LIST_WITHIN = 8192
"""Characters from the beginning in which the list of a document opens; what stands before it is about the search."""
_CSV_TEXTS = frozenset(
    ("_raw", "message", "@message", "full_log", "textpayload", "log", "raw", "rawmsg", "line", "body")
)
_CURSOR = late_regex(rb"^__CURSOR=.*\n", re.MULTILINE)
_FIELD = late_regex(rb"^[A-Z_][A-Z0-9_]{0,63}$")
_VERBOSE = late_regex(rb"^\w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+ \[s=", re.MULTILINE)
_VERBOSE_FIELD = late_regex(rb"^\s+([A-Z_][A-Z0-9_]{0,63})=(.*)$")
_VERBOSE_TIME = late_regex(rb"^\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+) (\S+) \[")
_LONGEST = 1 << 20
"""Bytes of a field that are kept; journald cuts messages at 48 KiB, core dumps run to megabytes."""
_RAW = 4096


def reader_of(head: bytes) -> Reader | None:
    """How the records of such an input are read; None for one whose lines are its records."""
    if _CURSOR.match(head) or b"\n__CURSOR=" in head[:_LIST_WITHIN]:
        return _export
    if _VERBOSE.match(head):
        return _verbose
    text = decode_head(head, 1 << 16).lstrip("\ufeff \t\r\n")
    if text.startswith(("[", "{")):
        return _document if _is_document(text) else None
    return _csv if _text_column(text) is not None else None


def _is_document(text: str) -> bool:
    """A JSON value over several lines, or one that holds a list of objects; not one object a line."""
    if re.match(r"\[\s*\{", text):
        return True
    first = text.partition("\n")[0]
    try:
        whole = json.loads(first)
    except (ValueError, RecursionError):
        return bool(_LIST.search(text[:_LIST_WITHIN])) or first.strip() == "{"
    return isinstance(whole, dict) and bool(_LIST.search(first[:_LIST_WITHIN]))


def _document(handle: BinaryIO) -> Records:
    """The objects of the list, or those that stand one after the other."""
    head = handle.read(1 << 16)
    text = io.TextIOWrapper(_Joined(head, handle), encoding=encoding_of(head), errors="backslashreplace", newline="")
    begin = text.read(_LIST_WITHIN)
    found = _LIST.search(begin)
    rest = _Text(begin[found.end() :] if found and not re.match(r"\s*\[\s*\{", begin) else begin, text)
    for value, broken in json_values(rest):  # type: ignore[arg-type]  # it reads, and nothing more is asked of it
        raw = broken or json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict) or raw.strip("]}, \r\n\t"):
            yield raw.encode("utf-8", "backslashreplace"), value if isinstance(value, dict) else None


class _Text:
    """Text that was read already, and what comes after it."""

    def __init__(self, begin: str, rest: io.TextIOWrapper) -> None:
        self._begin, self._rest = begin, rest

    def read(self, count: int) -> str:
        begin, self._begin = self._begin, ""
        return begin or self._rest.read(count)


class _Joined(io.BufferedReader):
    """Bytes that were read already, and what comes after them."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__(_Chain(head, rest))


class _Chain(io.RawIOBase):
    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


# --- CSV ------------------------------------------------------------------------------------------------------------


def _text_column(text: str) -> str | None:
    """The column that holds the line, where the first line is a header that has one beside others."""
    try:
        names = next(csv.reader([text.partition("\n")[0].replace("\0", "").rstrip("\r")]), [])
    except csv.Error:
        return None
    if len(names) < 2 or not all(re.fullmatch(r"[\w@. :/-]{1,80}", name.strip()) for name in names):
        return None
    return next((name for name in names if name.strip().lower() in _CSV_TEXTS), None)


def _csv(handle: BinaryIO) -> Records:
    head = handle.read(1 << 16)
    text = io.TextIOWrapper(_Joined(head, handle), encoding=encoding_of(head), errors="backslashreplace", newline="")
    reader = csv.reader(line.replace("\0", "") for line in text)
    names = [name.strip().lstrip("\ufeff") for name in next(reader, [])]  # reader_of has read it
    yield ",".join(names).encode(), {}
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # a cell longer than the module takes
            yield str(error).encode(), None
            continue
        yield ",".join(cells)[:_RAW].encode("utf-8", "backslashreplace"), dict(zip(names, cells, strict=False))


# --- the journal ----------------------------------------------------------------------------------------------------


def _export(handle: BinaryIO) -> Records:
    """Entries as systemd's Journal Export Format has them: fields, each on a line or with its length and bytes."""
    entry: dict[str, object] = {}
    while line := handle.readline(_LONGEST):
        name, equals, value = line.rstrip(b"\n").partition(b"=")
        if not name:
            if entry:
                yield _raw(entry), entry
            entry = {}
        elif equals:
            entry.setdefault(name.decode("ascii", "replace"), value.decode("utf-8", "backslashreplace"))
        elif _FIELD.match(name):
            entry.setdefault(name.decode("ascii"), _binary(handle).decode("utf-8", "backslashreplace"))
    if entry:
        yield _raw(entry), entry


def _binary(handle: BinaryIO) -> bytes:
    """The value of a binary field: 64 bits of length, the bytes, a line feed."""
    size = handle.read(8)
    if len(size) < 8:
        return b""
    (left,) = struct.unpack("<Q", size)
    value = handle.read(min(left, _LONGEST))
    left -= len(value)
    while left > 0 and (skipped := handle.read(min(left, _LONGEST))):
        left -= len(skipped)
    handle.read(1)
    return value


def _verbose(handle: BinaryIO) -> Records:
    entry: dict[str, object] = {}
    while line := handle.readline(_LONGEST):
        if begun := _VERBOSE_TIME.match(line):
            if entry:
                yield _raw(entry), entry
            zone = b"+00:00" if begun[3] in (b"UTC", b"GMT") else b""
            entry = {"time": b"".join((begun[1], b"T", begun[2], zone)).decode()}
        elif found := _VERBOSE_FIELD.match(line.rstrip(b"\n")):
            entry[found[1].decode("ascii")] = found[2].decode("utf-8", "backslashreplace")
    if entry:
        yield _raw(entry), entry


def _raw(entry: Object) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace")
