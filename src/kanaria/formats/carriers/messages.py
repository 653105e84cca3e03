"""What a shipper says about the line it carries: from one JSON object or line to its message with time, host, program
and process, as far as they are told, and as a syslog line for readers of such.

The names are those of Filebeat and ECS, Fluent Bit, Docker, Kubernetes, journald, Splunk, Wazuh, Google Cloud, AWS
CloudWatch, GELF, Loki, Vector and Elasticsearch's own envelope (their documentation, November 2026).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from kanaria.core.late_regex import late_regex
from kanaria.core.text import without_colours
from kanaria.formats.logons.windows_event import time_of

Object = Mapping[str, object]

TEXTS = ("message", "MESSAGE", "log", "_raw", "full_log", "textPayload", "short_message", "full_message", "line",
         "raw", "rawmsg", "raw_message", "rawmessage", "msg", "@message", "body", "original", "RawData",
         "SyslogMessage", "LogMessage", "LogEntry", "Message", "text", "content")  # fmt: skip
"""Fields that hold a line."""
_TIMES = (("@timestamp",), ("timestamp",), ("time",), ("_time",), ("@t",), ("ts",), ("_SOURCE_REALTIME_TIMESTAMP",),
          ("__REALTIME_TIMESTAMP",), ("date",), ("_time_raw",), ("timeUnixNano",), ("TimeGenerated",))  # fmt: skip
_HOSTS = (("_HOSTNAME",), ("kubernetes", "host"), ("kubernetes", "node", "name"), ("predecoder", "hostname"),
          ("host", "hostname"), ("host", "name"), ("host",), ("hostname",), ("agent", "hostname"), ("labels", "host"),
          ("labels", "hostname"), ("labels", "node_name"), ("beat", "hostname"), ("Computer",),
          ("labels", "instance"), ("agent", "name"))  # fmt: skip
_PROGRAMS = (("kubernetes", "pod_name"), ("kubernetes", "pod", "name"), ("container_name",), ("_container_name",),
             ("container", "name"), ("CONTAINER_NAME",), ("attrs", "tag"), ("SYSLOG_IDENTIFIER",),
             ("predecoder", "program_name"), ("process", "name"), ("log", "syslog", "appname"), ("syslog", "appname"),
             ("programname",), ("appname",), ("ident",), ("program",), ("resource", "labels", "pod_name"),
             ("labels", "pod"), ("labels", "container"), ("labels", "container_name"), ("kubernetes", "container_name"),
             ("_COMM",))  # fmt: skip
_PIDS = (("_PID",), ("SYSLOG_PID",), ("process", "pid"), ("pid",), ("procid",))
_ENVELOPES = ("_source", "result", "fields", "attributes", "message")
"""What a record stands in: Elasticsearch's documents, Splunk's results, Kibana's fields, Datadog's and Graylog's."""
_CLEAN = late_regex(r"[^\w./@-]+")
_MICROSECONDS, _MILLISECONDS = 10**14, 10**11
"""From which on a number since 1970 counts smaller parts than seconds (the year 5138 in seconds)."""
SYSLOG = late_regex(
    r"^(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2}\s+\d{1,2}\s+(?:\d{4}\s+)?\d\d:\d\d:\d\d(?:\.\d+)?"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|[+-]\d\d:?\d\d)?)"
    r"\s+[\w.:-]+\s+[\w./@()-]{1,64}(?:\[\d+\])?(?::|\s+[\d-]+\s)"
)


class Message(NamedTuple):
    """A text and what its carrier says of it, None where that says nothing."""

    text: str
    time: datetime | None = None
    host: str | None = None
    program: str | None = None
    pid: str | None = None

    def as_syslog(self) -> str:
        """As a line of a syslog; the text alone where it is one, or nobody says when or where it was."""
        text = " ".join(self.text.split("\n")).strip()
        if self.time is None or not (self.host or self.program) or SYSLOG.match(text):
            return text
        tag = (self.program or "-")[:64]
        return f"{self.time.isoformat()} {self.host or '-'} {tag}{f'[{self.pid}]' if self.pid else ''}: {text}"


def of_json(line: str) -> Message | None:
    """The message in a line that is one JSON object, with or without what RFC 7464 and server-sent events put first."""
    line = line.removeprefix("\x1e").removeprefix("data: ")
    try:
        value = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return of_object(value) if isinstance(value, dict) else None


def of_object(value: Object) -> Message | None:
    """The message in an object."""
    value = opened(value)
    event = value.get("event")
    original = event.get("original") if isinstance(event, dict) else None
    texts = (text_of(one) for one in (original, *(value.get(name) for name in TEXTS)))
    message = next(filter(None, texts), None)
    if message is None:
        return None
    return Message(without_colours(message).rstrip("\n"), _time(value), _name(value, _HOSTS), _name(value, _PROGRAMS),
                   _pid(value))  # fmt: skip


def envelope_of(value: Object) -> Object | None:
    """The object that an object is written around, if it says nothing itself."""
    for name in _ENVELOPES:
        inner = value.get(name)
        if isinstance(inner, dict) and not (name == "fields" and any(text_of(value.get(text)) for text in TEXTS)):
            alone = {key: item[0] for key, item in inner.items() if isinstance(item, list) and len(item) == 1}
            return {**inner, **alone} if name == "fields" else inner
    return None


def opened(value: Object) -> Object:
    """The object with what stands in its envelope, if it has one."""
    inner = envelope_of(value)
    return {**value, **inner} if inner else value


def text_of(value: object) -> str | None:
    """A text that says something, also as OpenTelemetry writes it; or the bytes that journald writes where a message is
    no plain text."""
    if isinstance(value, dict) and value.keys() == {"stringValue"}:
        value = value["stringValue"]
    if isinstance(value, list) and value and all(isinstance(part, int) and 0 <= part < 256 for part in value):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) and value.strip() else None


_WINDOWS = late_regex(r"^(?P<time>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d(?:\.\d+)? [AP]M)\s+LogName=")
_SAID = late_regex(r"^(\w+)=(.*)$", re.MULTILINE)


def windows_event(value: Object) -> dict[str, object] | None:
    """An event as Splunk's Windows input writes it (``LogName=…``, ``EventCode=…``, ``Message=…``), named as by
    ``Get-WinEvent``, or None for anything else."""
    text = value.get("_raw")
    match = _WINDOWS.match(text) if isinstance(text, str) else None
    if not match or not isinstance(text, str):
        return None
    head, _, message = text.partition("\nMessage=")
    fields = dict(_SAID.findall(head))
    when = _time(value) or datetime.strptime(match["time"][:19], "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    named = {"LogName": "LogName", "Id": "EventCode", "ProviderName": "SourceName", "MachineName": "ComputerName"}
    return {
        **{name: fields.get(key) for name, key in named.items()},
        "TimeCreated": when.isoformat(),
        "Message": message,
    }


def _at(value: Object, path: tuple[str, ...]) -> object:
    inner: object = value
    for name in path:
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner if inner is not None else value.get(".".join(path))


def _time(value: Object) -> datetime | None:
    for path in _TIMES:
        if (text := _at(value, path)) is not None and (time := moment(text)):
            return time
    return None


def moment(text: object) -> datetime | None:
    """A time as shippers write it: ISO 8601, or seconds and smaller parts since 1970."""
    try:
        number = float(text) if isinstance(text, int | float) else float(str(text).strip())
    except ValueError:
        return time_of(_iso(str(text)))
    except OverflowError:
        return None
    while _MILLISECONDS <= number < math.inf:
        number /= 1_000_000 if number >= _MICROSECONDS else 1000
    return datetime.fromtimestamp(number, UTC) if 0 < number < 2**33 else None


def _iso(text: str) -> str:
    """Splunk's ``2026-01-10 09:00:00.000 UTC`` is ISO but for its zone's name."""
    return text.strip().removesuffix(" UTC").removesuffix(" GMT")


def _name(value: Object, paths: tuple[tuple[str, ...], ...]) -> str | None:
    name = next((text for path in paths if isinstance(text := _at(value, path), str) and text.strip()), None)
    return _CLEAN.sub("_", name.strip().lstrip("/"))[:255] or None if name else None


def _pid(value: Object) -> str | None:
    pid = next((str(item) for path in _PIDS if (item := _at(value, path)) is not None), "")
    return pid if pid.isascii() and pid.isdecimal() and len(pid) <= 10 else None
