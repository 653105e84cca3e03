"""What one message says: from bytes of a topic, a stream or a request to its lines with their places.

A JSON object whose text stands under ``message`` or ``log`` is that line, from the place that its ``file``, ``path`` or
``container_name`` says. Any other object is a line itself, also one that has a text among fields of its own
(Winlogbeat, alerts in ECS, the journal, Zeek). Several may come as an array, or one a line. What is no JSON are lines
as they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kanaria.core.text import printable

Entry = tuple[str, bytes]
"""Place and line."""
LARGEST = 16 << 20
"""Bytes of a message: shippers send 1 to 10 MB by default, brokers take 1 MB."""
TEXTS = ("message", "log", "MESSAGE", "msg")
"""Where shippers put the line."""
PLACES = ("file", "path", "log_file", "container_name", "source_file")
"""Where they say which file it is of."""


WRAPPERS = frozenset({
    "@metadata", "agent", "cloud", "container", "data_stream", "docker", "ecs", "event", "fields", "host", "input",
    "kubernetes", "labels", "log", "metadata", "orchestrator", "resource", "service",
})  # fmt: skip
"""Objects in which shippers say where a line comes from. An object with others has more to say than its text."""
TOO_LARGE, BINARY, NO_FIELD = "larger than 16 MB", "a binary message", "without the field that has the record"
"""Why a message has no lines."""


class NotText(ValueError):
    """A message that is no text; what it is instead."""


def entries(body: bytes) -> Iterator[Entry]:
    """Place and line of every object of a body. Raises ValueError for what is no JSON."""
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return
    try:
        values = [_loaded(text)]
    except ValueError:
        values = [_loaded(line) for line in text.splitlines() if line.strip()]
    for item in values:
        for one in item if isinstance(item, list) else [item]:
            yield _entry(one)


def lines_of(value: bytes) -> list[Entry]:
    """Place and line of everything in a message. Raises NotText for binary ones and those that are too large."""
    if len(value) > LARGEST:
        raise NotText(TOO_LARGE)
    if b"\0" in value:  # Avro, Protobuf and UTF-16 have them in every message, lines of logs never
        raise NotText(BINARY)
    if value.lstrip()[:1] in {b"{", b"["}:
        try:
            listed = list(entries(value))
        except ValueError:
            listed = []
        if len(listed) == 1 and listed[0][1].lstrip()[:1] == b"{" and b"\n" not in value.strip():
            return [(listed[0][0], value.strip())]  # an object that is a line itself, as it was written
        if listed:
            return listed
    return [("", line.rstrip(b"\r")) for line in value.split(b"\n") if line.strip()]


def entry_of(fields: Mapping[str, bytes]) -> list[Entry]:
    """Place and line of everything in named values: the only one, the one with the text, or all as an object.

    Raises NotText as ``lines_of`` does."""
    name = next(iter(fields)) if len(fields) == 1 else next((name for name in TEXTS if name in fields), None)
    if name is not None:
        place = next((printable(fields[of].decode("utf-8", "replace")) for of in PLACES if of in fields), "")
        return [(inner or place, line) for inner, line in lines_of(fields[name])]
    whole = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    return lines_of(json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace")) if whole else []


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(*error.args) from error


def _entry(item: Any) -> Entry:
    if not isinstance(item, dict):
        return "", (item if isinstance(item, str) else json.dumps(item)).encode("utf-8", "replace")
    text = next((item[name] for name in TEXTS if isinstance(item.get(name), str)), None)
    if text is None or _says_more(item):
        return _place(item), json.dumps(item, ensure_ascii=False).encode("utf-8", "replace")
    return _place(item), text.rstrip("\r\n").encode("utf-8", "replace")


def _says_more(item: Mapping[str, Any]) -> bool:
    """Whether an object with a text is a record of its own, of which the text is one field."""
    if any(isinstance(value, dict) and name not in WRAPPERS for name, value in item.items()):
        return True
    event = item.get("event")
    of_zeek = "ts" in item and ("uid" in item or "note" in item)
    of_the_journal = "MESSAGE" in item and any(name in item for name in ("SYSLOG_IDENTIFIER", "_PID", "__CURSOR"))
    return of_zeek or of_the_journal or (isinstance(event, dict) and event.get("kind") == "alert")


def _place(item: Mapping[str, Any]) -> str:
    log = item.get("log")
    if isinstance(log, dict) and isinstance(log.get("file"), dict) and isinstance(log["file"].get("path"), str):
        return printable(log["file"]["path"])  # Filebeat and Elastic Agent
    return printable(next((item[name] for name in PLACES if isinstance(item.get(name), str)), ""))
