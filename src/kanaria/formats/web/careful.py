"""The careful path: any one line of a web log to a row, a reason why it is none, or nothing at all.

Every shape is tried, from the strictest to the loosest, so that a file may mix them and no odd line costs another.
This is the definition of what a line means; the fast paths only do the same for lines they are certain about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.senders import sender
from kanaria.core.values import dataclass
from kanaria.core.zone import LocalTime, Zoneless
from kanaria.formats.web import layouts, prefix, socks, values
from kanaria.formats.web.broken_json import is_broken_rpc, is_cut, is_open_element, is_unfinished
from kanaria.formats.web.csvrows import CsvState
from kanaria.formats.web.delimited import W3cState, alb_row
from kanaria.formats.web.embedded import access_line
from kanaria.formats.web.errorlog import error_row, haproxy_row
from kanaria.formats.web.escapes import load_json, plain_quotes, to_text, unescape
from kanaria.formats.web.jsonrow import inner_line, is_json_rpc, web_row
from kanaria.formats.web.layout import COMBINED, COMMON, VHOST_COMBINED, VHOST_COMMON, Layout
from kanaria.formats.web.learned import Learned
from kanaria.formats.web.values import Row

_BOM = b"\xef\xbb\xbf"
_BINARY = "no web log record (binary data)"
_NESTING = 3  # prefixes on one line: syslog around Docker around the log is the deepest seen in the field

# A request in quotes, then as much of the rest as is there. Mail and chat turn quotes into typographic ones.
_QUOTED = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_FRAGMENT = late_regex(
    _QUOTED + rb"(?: (\d{3}|-)(?: (\d{1,18}|-))?)?(?: " + _QUOTED + rb")?(?: " + _QUOTED + rb")?( .*)?", re.DOTALL
)
# A request whose quotes nobody escaped, or any other trouble between the first quote and the status.
_LOOSE = late_regex(
    rb'(?:([^\["]*)\[([^\]"]{8,40})\] )?"(.*)" (\d{3}|-) (\d{1,18}|-)(?: "(.*?)" "(.*?)")?( .*)?', re.DOTALL
)
_CUT = late_regex(rb'(\S+) \S+ [^\["]*?\[(\d\d/[^\]]*)\](?: "(.*))?', re.DOTALL)
_REQUESTS = late_regex(rb'\\{0,4}"[A-Z]{3,10} [^"]{1,8192}? HTTP/\d(?:\.\d)?\\{0,4}"')
# A call of a mining protocol anywhere in a line: alert mails, summaries and programs write around it what they like.
_QUOTE = rb'\\{0,8}(?:"|x22|u0022)'
_INSIDE = late_regex(
    _QUOTE + rb"method" + _QUOTE + rb"\s{0,8}:\s{0,8}" + _QUOTE
    + rb"(?:mining\.|eth_|login|submit|getwork|getblocktemplate|getjob|keepalived)"
    rb"|" + _QUOTE + rb"type" + _QUOTE + rb"\s{0,8}:\s{0,8}" + _QUOTE + rb"(?:auth|submit)" + _QUOTE
    + rb"\s{0,8},\s{0,8}" + _QUOTE + rb"params" + _QUOTE
)  # fmt: skip
_LISTED = late_regex(
    rb"((?:(?:[0-9A-Fa-f:.]{2,45}|-|unknown), ?){1,20})([0-9A-Fa-f:.]{2,45})(?= (?:-|\S{1,64}) \S{1,64} \[)"
)
"""Whom a request was forwarded for, where a log begins with ``X-Forwarded-For`` instead of the peer."""
_OPEN_REQUEST = late_regex(rb'(?:^|[\s\[(])"[A-Z]{3,10} [^"]*$')
CUT = "cut"
"""In a row: why a part of its line is missing. It is an event, and its line counts as not read."""
_BEFORE_METHOD = 4096  # bytes of a call before its method's name; parameters may stand first


@dataclass
class LineParser:
    """Reads line after line; remembers only which fields a W3C log declared and how often each shape was seen.

    ``layout`` and ``aliases`` are the user's own, tried first.
    """

    layout: Layout | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    year: int | None = None
    zone: LocalTime = field(default_factory=LocalTime)
    w3c: W3cState = field(default_factory=W3cState)
    learned: Learned = field(default_factory=Learned)
    csv: CsvState = field(default_factory=CsvState)
    shape: str = ""
    """Name of the shape the last accepted line had."""

    def parse(self, line: bytes) -> Row | str | None:
        """A row; a reason (text) when the line is no web log record; None for what says nothing of a request: blank
        lines, directives, other errors."""
        line = line.removeprefix(_BOM)
        if not line.strip(b" \t\r\n\0"):
            return None
        if self.csv.header(line):
            self.shape = "web-csv"
            return None
        if b"\0" in line and b'"' not in line and b"{" not in line:
            return _BINARY  # said early: a binary file given as a log has "lines" of megabytes
        parsed = self._record(line, 0)
        if isinstance(parsed, dict):
            if type(parsed.get("time")) is Zoneless:
                parsed["time"] = self.zone.micros(parsed["time"])  # type: ignore[arg-type]  # it is one
            if self.shape == "cut" or (self.shape == "learned" and _OPEN_REQUEST.search(line)):
                parsed[CUT] = "a line that ends in its request"
        return parsed

    def _record(self, line: bytes, depth: int) -> Row | str | None:
        line = plain_quotes(line.strip(b" \t\r\n"))
        if self.layout is not None and (row := self.layout.parse(line)):
            self.shape = "logformat"
            return row
        if line[:1] == b"#":
            if self.w3c.directive(line):
                self.shape = "w3c"
            return None
        asked = socks.row(line)
        if asked is not None:
            self.shape = "socks"
            return asked or None
        inner = prefix.strip(line, self.year) if depth < _NESTING else None
        if inner and inner.line:
            parsed = self._record(inner.line, depth + 1)
            if isinstance(parsed, dict):
                whole = self._strict(line, depth) if self.shape == "learned" else None
                return whole if isinstance(whole, dict) else prefix.complete(parsed, inner)
        if line[:1] == b"[" or line[:1].isdigit():
            logged = error_row(line)
            if logged is not None:
                self.shape = "error-log"
                return logged or None
        parsed = self._strict(line, depth)
        if isinstance(parsed, dict) and parsed.get("src_ip") is None and self._says_more(parsed):
            shape = self.shape
            better = self._by_tokens(line)
            self.shape = self.shape if better else shape
            return better or parsed
        if not parsed and len(_REQUESTS.findall(line[:65536])) > 1:
            return "several requests in a line"  # one of them would be read, and the others be lost
        return parsed or self._by_tokens(line) or self._loose(line)

    def _strict(self, line: bytes, depth: int) -> Row | str | None:
        first = line[:1]
        if first in (b"{", b"["):
            return self._json(line, depth)
        if first == b"<" and is_open_element(line):
            return "an element without its end"
        listed = _LISTED.match(line)
        if listed:
            row = self._strict(listed[2] + line[listed.end() :], depth)
            if isinstance(row, dict):
                row["src_ip"], row["src_port"] = values.client(to_text(listed[1] + listed[2]))
                return row
        for shape, read in self._readers(first):
            row = read(line)
            if row is not None and shape == "vhost" and str(row.get("host") or "").endswith(","):
                row = None  # no host, but whom a request was forwarded for
            if row is not None and shape in _WITH_CLIENT and not _is_address(row.get("src_ip")):
                row = None if shape == "vhost" else _behind_names(row, line, read)
            if row is not None:
                self.shape = shape
                return row
        return None

    def _readers(self, first: bytes) -> tuple[tuple[str, Callable[[bytes], Row | None]], ...]:
        if first == b'"':
            return (("fragment", _fragment),)
        if self.w3c.fields:
            return (("w3c", self.w3c.row), *_READERS)
        return (*_READERS, ("w3c", self.w3c.row))

    def _says_more(self, row: Row) -> bool:
        """Whether a line that was read without its client is worth a second look."""
        return self.shape in _WITH_CLIENT or (self.shape == "fragment" and row.get("status") is None)

    def _by_tokens(self, line: bytes) -> Row | None:
        """By the table of declared layouts, a header of names, or what the tokens look like."""
        declared = layouts.find(line)
        if declared is not None:
            self.shape = declared[0]
            return declared[1]
        guess = self.csv.row(line, self.aliases)
        if guess is not None:
            self.shape = "web-csv"
            return guess
        inside = access_line(line)
        if inside and (row := COMBINED.parse(inside) or COMMON.parse(inside)):
            self.shape = "combined"
            return row
        match = _LOOSE.fullmatch(line)
        if match and match[1] is not None and values.client(to_text(match[1]).split(" ")[0])[0]:
            self.shape = "loose"
            return _loose_row(match)
        guess = self.learned.row(line)
        if guess is not None:
            self.shape = "learned"
        return guess

    def _json(self, line: bytes, depth: int) -> Row | str | None:
        try:
            record = load_json(line)
        except ValueError:
            if is_broken_rpc(line):
                return self._rpc(line, unescape(line))
            return "JSON that is cut" if is_cut(line) else None
        if is_json_rpc(record):
            return self._rpc(line, line)
        if not isinstance(record, dict):
            return None
        row = web_row(record, self.aliases)
        if row is not None:
            self.shape = _json_shape(record)
            return row
        return self._wrapped(record, depth)

    def _wrapped(self, record: dict[str, object], depth: int) -> Row | str | None:
        wrapped = inner_line(record) if depth < _NESTING else None
        if wrapped is None:
            return "JSON without a request"
        line, time, host, program = wrapped
        if b"\n" in line and sum(map(bool, map(bytes.strip, line.splitlines()))) > 1:
            return "JSON around several lines"
        row = self._record(line, depth + 1) if line else None
        if not isinstance(row, dict):
            return "JSON around something that is no request"
        return prefix.complete(row, prefix.Prefix(b"", time, host, program))

    def _rpc(self, line: bytes, request: bytes) -> Row:
        self.shape = "jsonrpc"
        row: Row = {"request": request}
        if is_unfinished(request):
            row[CUT] = "a JSON-RPC message that is cut"
        return row

    def _loose(self, line: bytes) -> Row | str:
        match = _LOOSE.fullmatch(line)
        if match and (match[1] is not None or line[:1] == b'"'):
            self.shape = "loose"
            return _loose_row(match)
        match = _CUT.fullmatch(line)
        if match:
            self.shape = "cut"
            return _cut_row(match)
        if values.is_request_line(line):
            self.shape = "fragment"
            row: Row = {}
            values.set_request(row, line)
            return row
        inside = inside_row(line)
        if inside:
            self.shape = "fragment"
            return inside
        return _BINARY if b"\0" in line else "no web log record"


_WITH_CLIENT = frozenset({"combined", "common", "vhost"})


def _behind_names(row: Row, line: bytes, read: Callable[[bytes], Row | None]) -> Row | None:
    """A row whose client is no address: that of the line behind the names that stand before one (stern, pods)."""
    words = str(row.get("user") or "").split()
    if words and parse_address(words[0]):
        return read(line[line.find(words[0].encode()) :])
    return row


def _is_address(client: object) -> bool:
    """Whether a client of a layout that begins with a host name is one, and not the next word."""
    return isinstance(client, str) and (parse_address(client) is not None or "." in client)


_READERS: tuple[tuple[str, Callable[[bytes], Row | None]], ...] = (
    ("vhost", VHOST_COMBINED.parse),
    ("combined", COMBINED.parse),
    ("vhost", VHOST_COMMON.parse),
    ("common", COMMON.parse),
    ("aws-alb", alb_row),
    ("haproxy", haproxy_row),
)


def _json_shape(record: Mapping[str, object]) -> str:
    if isinstance(record.get("request"), dict):
        return "caddy-json"
    if "RequestPath" in record or "DownstreamStatus" in record:
        return "traefik-json"
    nginx = {"remote_addr", "body_bytes_sent", "time_iso8601", "time_local", "http_user_agent", "request_uri"}
    return "nginx-json" if nginx & record.keys() else "web-json"


def _fragment(line: bytes) -> Row | None:
    match = _FRAGMENT.fullmatch(line)
    # Quotes alone are prose or a piece of JSON: it takes a status, a request line or escaped bytes.
    if not match or not (match[2] or b"\\" in match[1] or b"{" in match[1] or values.is_request_line(match[1])):
        return None
    row: Row = {}
    values.set_request(row, unescape(match[1]))
    _answer(row, match[2], match[3])
    for column, raw in (("referer", match[4]), ("user_agent", match[5])):
        row[column] = values.text_or_none(unescape(raw)) if raw is not None else None
    return row


def _answer(row: Row, status: bytes | None, size: bytes | None) -> None:
    row["status"] = values.small_integer(status or b"")
    row["bytes_out"] = 0 if size == b"-" else values.integer(size or b"")


def _loose_row(match: re.Match[bytes]) -> Row:
    row: Row = {}
    if match[1] is not None:
        words = match[1].decode("utf-8", "backslashreplace").split()
        first = words[0] if words else ""
        named = next((word for word in words if parse_address(values.address(word)[0] or "")), first)
        row["src_ip"], row["src_port"] = values.client(named)
        row["time"] = values.clf_time(match[2])
    values.set_request(row, unescape(match[3]))
    _answer(row, match[4], match[5])
    for column, raw in (("referer", match[6]), ("user_agent", match[7])):
        row[column] = values.text_or_none(unescape(raw)) if raw is not None else None
    return row


def inside_row(line: bytes) -> Row | None:
    """The call is the request; whose it was says the line around it, if anything does."""
    method = _INSIDE.search(line)
    start = _opening_brace(line, method.start()) if method else None
    if start is None:
        return None
    end = line.rfind(b"}") + 1
    call = line[start:end] if end > start else line[start:]
    client, port = sender(line.decode("latin-1"), (start, start + len(call)))
    row: Row = {"request": unescape(call), "src_ip": client, "src_port": port}
    if is_unfinished(unescape(line[start:])):
        row[CUT] = "a JSON-RPC message that is cut"
    return row


def _opening_brace(line: bytes, inside: int) -> int | None:
    """Where the object begins that this place is in."""
    closed = 0
    for place in range(inside - 1, max(inside - _BEFORE_METHOD, 0) - 1, -1):
        if line[place] == ord("}"):
            closed += 1
        elif line[place] == ord("{"):
            if not closed:
                return place
            closed -= 1
    return None


def _cut_row(match: re.Match[bytes]) -> Row:
    """A line that ends in the middle: what is there is an event, what is missing is null."""
    row: Row = {"time": values.clf_time(match[2])}
    row["src_ip"], row["src_port"] = values.client(match[1].decode("utf-8", "backslashreplace"))
    if match[3] is not None:
        request, closed, rest = match[3].partition(b'" ')
        values.set_request(row, unescape(request))
        _answer(row, rest[:3] if closed and re.match(rb"\d{3}(?: |$)", rest) else None, None)
    return row
