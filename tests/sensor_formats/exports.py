"""Log lines as exports of search engines, clouds, shippers and spreadsheets hold them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

Lines = Sequence[str]
HOUR = "2026-01-10T09:00:"


def nanoseconds(place: int) -> str:
    return str(1768035600000000000 + place * 10**9)


def _each(lines: Lines, make: Callable[[int, str], object]) -> list[object]:
    return [make(place, line) for place, line in enumerate(lines)]


def _hit(place: int, line: str) -> dict[str, object]:
    return {"_index": "logs", "_id": str(place), "_source": {"@timestamp": f"{HOUR}{place:02}Z", "message": line}}


def _fields(place: int, line: str) -> dict[str, object]:
    return {"_id": str(place), "fields": {"@timestamp": [f"{HOUR}{place:02}Z"], "message": [line]}, "sort": [place]}


def _loki(lines: Lines) -> object:
    half = len(lines) // 2
    values = _each(lines, lambda place, line: [nanoseconds(place), line])
    streams = [{"stream": {"app": "web"}, "values": part} for part in (values[:half], values[half:])]
    return {"status": "success", "data": {"resultType": "streams", "result": streams, "stats": {"summary": {}}}}


def _har(lines: Lines) -> object:
    """An archive of a browser; its comments hold the lines, its members what they say."""

    def entry(place: int, line: str) -> dict[str, object]:
        address, agent = line.split(" ")[0], line.rsplit('"', 2)[1]
        headers = [{"name": "User-Agent", "value": agent}]
        asked = {"method": "GET", "url": f"https://www.example.org/{place}", "httpVersion": "h2", "headers": headers}
        answered = {"status": 200, "headers": [], "content": {"size": 1, "text": "x"}, "bodySize": 1}
        return {"comment": line, "startedDateTime": f"{HOUR}{place:02}.000Z", "time": 20.5, "request": asked,
                "response": answered, "cache": {}, "timings": {}, "serverIPAddress": address}  # fmt: skip

    return {"log": {"version": "1.2", "creator": {"name": "x"}, "pages": [], "entries": _each(lines, entry)}}


def _otlp(lines: Lines) -> object:
    logs = _each(lines, lambda place, line: {"timeUnixNano": nanoseconds(place), "body": {"stringValue": line}})
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"scope": {}, "logRecords": logs}]}]}


DOCUMENTS: dict[str, Callable[[Lines], object]] = {
    "loki": _loki,
    "loki-push": lambda lines: {
        "streams": [{"stream": {}, "values": _each(lines, lambda place, line: [nanoseconds(place), line])}]
    },
    "elasticsearch": lambda lines: {"took": 3, "hits": {"total": {"value": 9}, "hits": _each(lines, _hit)}},
    "kibana-search": lambda lines: {"rawResponse": {"hits": {"hits": _each(lines, _fields)}}},
    "kibana-array": lambda lines: _each(lines, _fields),
    "cloudwatch": lambda lines: {
        "events": _each(lines, lambda place, line: {"timestamp": 1768035600000 + place, "message": line}),
        "searchedLogStreams": [],
    },
    "cloudwatch-insights": lambda lines: {
        "results": _each(
            lines,
            lambda place, line: [
                {"field": "@timestamp", "value": f"{HOUR}{place:02}"}, {"field": "@message", "value": line},
            ],
        ),
        "status": "Complete",
    },
    "cloudwatch-subscription": lambda lines: {
        "messageType": "DATA_MESSAGE", "logGroup": "g",
        "logEvents": _each(lines, lambda place, line: {"id": str(place), "timestamp": 1768035600000, "message": line}),
    },
    "splunk-results": lambda lines: {"results": _each(lines, lambda _place, line: {"_raw": line, "host": "web01"})},
    "splunk-rows": lambda lines: {"fields": ["_time", "_raw"], "rows": _each(lines, lambda place, line: [HOUR, line])},
    "google": lambda lines: {"entries": _each(lines, lambda _place, line: {"textPayload": line, "resource": {"type": "x"}})},
    "graylog": lambda lines: {
        "messages": _each(lines, lambda _place, line: {"message": {"message": line, "source": "web01"}, "index": "g"})
    },
    "datadog": lambda lines: {
        "data": _each(lines, lambda place, line: {"id": str(place), "attributes": {"message": line}})
    },
    "opentelemetry": _otlp,
    "azure": lambda lines: {
        "tables": [{
            "columns": [{"name": "TimeGenerated", "type": "datetime"}, {"name": "RawData", "type": "string"}],
            "rows": _each(lines, lambda place, line: [f"{HOUR}{place:02}Z", line]),
        }]
    },
    "strings": list,
    "har": _har,
}  # fmt: skip
"""JSON documents that hold all lines."""


def table(header: Lines, *, delimiter: str = ",", title: str = "") -> Callable[[Lines], str]:
    """An export with these columns; the line stands in the last one."""

    def write(lines: Lines) -> str:
        text = io.StringIO()
        rows = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        rows.writerow(header)
        rows.writerows([*(f"{HOUR}{place:02}" for _name in header[:-1]), line] for place, line in enumerate(lines))
        return title + text.getvalue()

    return write


TABLES: dict[str, Callable[[Lines], str]] = {
    "splunk": table(("_time", "_raw")),
    "one column": table(("message",)),
    "one column of Splunk": table(("_raw",)),
    "semicolons": table(("Zeit", "Message"), delimiter=";"),
    "Excel's separator": table(("Zeit", "Message"), delimiter=";", title="sep=;\r\n"),
    "tabs": table(("time", "message"), delimiter="\t"),
    "Japanese header": table(("日時", "message")),
}

OBJECTS: dict[str, Callable[[int, str], object]] = {
    "docker": lambda _place, line: {"log": line + "\n", "stream": "stdout", "time": f"{HOUR}00Z"},
    "loki": lambda place, line: {"labels": {"app": "web"}, "line": line, "timestamp": f"{HOUR}{place:02}Z"},
    "kibana": _fields,
    "splunk": lambda place, line: {"preview": False, "offset": place, "result": {"_raw": line, "host": "web01"}},
    "journal": lambda place, line: {"__CURSOR": f"s=1;i={place}", "_HOSTNAME": "web01", "MESSAGE": line},
}
"""One object a line."""


def objects(name: str, lines: Lines) -> str:
    return "".join(json.dumps(one) + "\n" for one in _each(lines, OBJECTS[name]))
