"""Space-delimited web logs with a fixed or declared field order: IIS/W3C extended, AWS ALB and classic ELB.

Lines in, rows out. A W3C log declares its fields in ``#Fields`` lines, anywhere and as often as it likes; the reader
remembers the last one. Sources: W3C extended log file format (WD-logfile-960323), IIS logging documentation, AWS
"Access logs for your Application Load Balancer" and the same for the Classic Load Balancer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from kanaria.core.late_regex import late_regex
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_text, unescape
from kanaria.formats.web.layout import join_request
from kanaria.formats.web.values import Row

# W3C field -> what it carries (kinds of ``layout.join_request`` or columns).
W3C_KINDS = {
    "cs-method": "method", "cs-uri-stem": "path", "cs-uri-query": "args", "cs-uri": "path", "cs-version": "protocol",
    "c-ip": "client", "s-ip": "server", "s-port": "dst_port", "c-port": "src_port", "cs-username": "user",
    "sc-status": "status", "sc-bytes": "bytes_out", "cs-bytes": "bytes_in", "cs(User-Agent)": "user_agent",
    "cs(Referer)": "referer", "cs-host": "host", "cs(Host)": "host", "x-edge-location": "", "x-host-header": "host",
    "date": "date", "time": "time", "time-taken": "taken", "X-Forwarded-For": "forwarded",
    "cs(X-Forwarded-For)": "forwarded", "x-forwarded-for": "forwarded", "cs-protocol-version": "protocol",
}  # fmt: skip
# Fields in the order Exchange, IIS 6 and later write when the #Fields line was cut off.
_IIS_DEFAULT = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status"
    " sc-substatus sc-win32-status time-taken"
).split()
# CloudFront's standard log, whose header lines a paste or a split file has lost.
_CLOUDFRONT = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)"
    " cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
    " x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status"
    " fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len"
    " sc-range-start sc-range-end"
).split()
_CLOUDFRONT_LINE = late_regex(rb"\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\t[A-Z0-9-]+\t\d+\t[0-9A-Fa-f.:]+\t[A-Z]+\t")
_TOKEN = late_regex(rb'"((?:[^"]|"")*)"|([^\s"]\S*)')
_IIS_LINE = late_regex(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ [A-Z]+ \S+ \S+ \d+ ")


def sensor_of(fields: Sequence[str]) -> str:
    """The program that declares these fields."""
    return "iis" if "sc-win32-status" in fields else "w3c"


class W3cState:
    """The fields declared so far. ``directive`` reads ``#`` lines, ``row`` the others."""

    def __init__(self) -> None:
        self.fields: tuple[str, ...] = ()
        self.date: str | None = None

    def directive(self, line: bytes) -> bool:
        """Take note of a ``#Fields`` or ``#Date`` line; whether the line is a directive at all, not just a comment."""
        name, _, value = to_text(line).partition(":")
        if name == "#Fields":
            self.fields = tuple(value.split())
        elif name == "#Date" and value.split():
            self.date = value.split()[0]
        return name in ("#Fields", "#Date", "#Software", "#Version", "#Start-Date", "#End-Date", "#Remark")

    def row(self, line: bytes) -> Row | None:
        """The row of a data line, or None when it has not the declared number of fields or is no request."""
        fields = self.fields or _undeclared(line)
        tokens = line.split(b" ") if b"\t" not in line and b'"' not in line else _tokens(line)
        while tokens and not tokens[-1] and len(tokens) > len(fields):
            tokens.pop()
        if not fields or len(tokens) != len(fields):
            return None
        parts = {
            kind: text
            for field, token in zip(fields, tokens, strict=True)
            if (kind := W3C_KINDS.get(field)) and (text := to_text(token)) != "-"
        }
        if not {"method", "path", "status", "client"} & parts.keys():
            return None
        return self._assemble(parts)

    def _assemble(self, parts: dict[str, str]) -> Row:
        row: Row = {"sensor": sensor_of(self.fields)}
        for column in ("status", "src_port", "dst_port"):
            row[column] = values.small_integer(parts.get(column, ""))
        for column in ("bytes_out", "bytes_in"):
            row[column] = values.integer(parts.get(column, ""))
        for column in ("user", "user_agent", "referer"):
            # IIS writes spaces inside a field as "+", and a plus as "+" too: the space is by far the commoner.
            row[column] = parts[column].replace("+", " ") if column in parts else None
        if not self.fields:  # CloudFront encodes twice what IIS does not
            for column in ("user_agent", "referer"):
                text = row[column]
                row[column] = unquote(unquote(text)) if isinstance(text, str) and "%" in text else text
        join_request(row, parts)
        row["src_ip"], port = values.client(parts.get("client", ""), parts.get("forwarded", "").replace("+", ""))
        row["src_port"] = row["src_port"] or port
        row["dst_ip"] = values.address(parts.get("server", ""))[0]
        row["host"] = values.address(parts.get("host", ""))[0]
        date = parts.get("date") or self.date
        row["time"] = values.iso_time(f"{date}T{parts['time']}Z") if date and "time" in parts else None
        row["duration_us"] = values.w3c_taken(parts.get("taken", ""))
        return row


def _undeclared(line: bytes) -> tuple[str, ...]:
    """The fields of a line in a log that declares none."""
    if _IIS_LINE.match(line):
        return tuple(_IIS_DEFAULT)
    return tuple(_CLOUDFRONT[: line.count(b"\t") + 1]) if _CLOUDFRONT_LINE.match(line) else ()


def _tokens(line: bytes) -> list[bytes]:
    return [quoted.replace(b'""', b'"') if not plain else plain for quoted, plain in _TOKEN.findall(line)]


_ISO = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)"
_Q = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_TIMES = rb"(-?[\d.]+) (-?[\d.]+) (-?[\d.]+)"
_ALB = late_regex(
    rb"(?:http|https|h2|grpcs|ws|wss) " + _ISO + rb" (\S+) (\S+) \S+ " + _TIMES + rb" (\d{1,3}|-) (?:\d{1,3}|-)"
    rb" (\d{1,18}) (\d{1,18}) " + _Q + b" " + _Q + rb"(?: .*)?",
    re.DOTALL,
)  # fmt: skip
_ELB = late_regex(
    _ISO + rb" (\S+) (\S+) \S+ " + _TIMES + rb" (\d{1,3}|-) (?:\d{1,3}|-)"
    rb" (\d{1,18}) (\d{1,18}) " + _Q + rb"(?: " + _Q + rb"(?: .*)?)?",
    re.DOTALL,
)  # fmt: skip


def alb_row(line: bytes) -> Row | None:
    """The row of an AWS application or classic load balancer line, or None.

    The load balancer writes the whole URL into the request (``GET https://example.org:443/ HTTP/1.1``); ``url``
    has path and query as elsewhere, the ``request`` column what the log says. Garbage requests appear as ``- - -``.
    """
    match = _ALB.fullmatch(line) or _ELB.fullmatch(line)
    if not match:
        return None
    row: Row = {"time": values.iso_time(to_text(match[1])), "sensor": "aws-elb"}
    row["src_ip"], row["src_port"] = values.endpoint(to_text(match[3]))
    row["status"] = values.small_integer(match[7])
    row["bytes_in"], row["bytes_out"] = int(match[8]), int(match[9])
    times = [values.scaled(to_text(field), 6) for field in (match[4], match[5], match[6])]
    row["duration_us"] = None if any(time is None or time < 0 for time in times) else sum(time or 0 for time in times)
    request = unescape(match[10]).rstrip(b" ")
    values.set_request(row, b"" if request == b"- - -" else request)
    absolute = re.fullmatch(r"[a-z]+://([^/]*)(/.*)?", str(row.get("url", "")), re.DOTALL)
    if absolute:
        row["host"], row["dst_port"] = values.address(absolute[1])
        row["url"] = absolute[2] or "/"
    if match[11] is not None:
        row["user_agent"] = values.text_or_none(unescape(match[11]))
    return row
