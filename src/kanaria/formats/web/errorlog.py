"""Error logs of nginx and Apache, and HAProxy's HTTP log: one line to a row, for what garbage leaves there.

A request that is no HTTP often stands nowhere else: nginx and Apache write it into the error log, with its client. An
error that names no request is no event; its row is empty. Sources: nginx ngx_log_error_core and ngx_http_request.c,
Apache ErrorLogFormat and server/protocol.c, the HAProxy configuration manual, "HTTP log format".
"""

from __future__ import annotations

import re
from datetime import datetime

from kanaria.core.late_regex import late_regex
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_text, unescape
from kanaria.formats.web.values import Row

_NGINX = late_regex(
    rb"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?:debug|info|notice|warn|error|crit|alert|emerg)\] \d+#\d+: (?:\*\d+ )?(.*)",
    re.DOTALL,
)
# What the client sent comes between the quotes and may hold quotes itself; what nginx adds after it is known.
_CLIENT = b", client: "
_NGINX_REQUEST = late_regex(
    _CLIENT + rb"([^\s,]+)(?:, server: ([^\s,]*))?, request: \"(.*?)\"(?:, subrequest: \"[^\"]*\")?"
    rb"(?:, upstream: \"[^\"]*\")?(?:, host: \"([^\"]*)\")?(?:, referrer: \"([^\"]*)\")?",
    re.DOTALL,
)
# What nginx answers after such a message (ngx_http_request.c, ngx_http_static_module.c, ngx_http_access_module.c).
_NGINX_STATUS = (
    (late_regex(rb"client sent invalid (?:method|request|URI|header line|host header)"), 400),
    (late_regex(rb"open\(\) .* failed \(2: "), 404),
    (late_regex(rb"access forbidden by rule|directory index of .* is forbidden"), 403),
)

_APACHE = late_regex(
    rb"\[[A-Z][a-z]{2} ([A-Z][a-z]{2} [ 0-3]\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \d{4})\] \[[\w-]*:?\w+\]"
    rb"(?: \[pid [^\]]*\])?(?: \[[^\]]*\])*? (?:\(\d+\)[^:]{1,80}: )?(?:\[(?:remote|client) (\S+)\] )?(.*)",
    re.DOTALL,
)
_APACHE_REQUESTS = (
    (late_regex(rb"AH00126: Invalid URI in request (.*)", re.DOTALL), 400),
    (late_regex(rb"AH00135: Invalid method in request (.*?)(?: - possible attempt .*)?", re.DOTALL), None),
    (late_regex(rb"(?:AH00127: )?Cannot map (.*) to file", re.DOTALL), 403),
    (late_regex(rb"(?:AH\d+: )?[Ii]nvalid URI (?:path|in request) \(?(.*?)\)?", re.DOTALL), 400),
)
# ModSecurity's lines in the error log of Apache; nginx's connector adds the request itself.
_MODSECURITY = late_regex(
    rb"ModSecurity: (?:Access denied with code (\d{3})|Warning|\w+).*\[uri \"((?:[^\"\\]|\\.)*)\"\]", re.DOTALL
)
_HOSTNAME = late_regex(rb"\[hostname \"([^\"]*)\"\]")
_REFERER = late_regex(rb", referer: \S+$")

_HAPROXY = late_regex(
    rb"(\S+:\d{1,5}) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{1,6})\] \S+ \S+/\S+"
    rb" [-+\d]+/[-+\d]+/[-+\d]+/[-+\d]+/[+]?(-?\d+) (-?\d{1,3}) [+]?(\d{1,18}) \S+ \S+ \S+"
    rb" \d+/\d+/\d+/\d+/[+]?\d+ \d+/\d+(?: \{.*?\}){0,2} \"([^\"]*)(?:\".*)?",
    re.DOTALL,
)
_HEX = late_regex(rb"#([0-9A-Fa-f]{2})")


def error_row(line: bytes) -> Row | None:
    """The row of a line of an nginx or Apache error log, empty when it names no request; None for any other line."""
    if line[:1] == b"[":
        match = _APACHE.fullmatch(line)
        return _apache(match) if match else None
    match = _NGINX.fullmatch(line)
    return _nginx(match) if match else None


def _nginx(match: re.Match[bytes]) -> Row:
    message = match[2]
    # Before the client some messages name a file the client chose; in the others it chose what comes after.
    raw = message.startswith(b"client sent")
    start = message.find(_CLIENT) if raw else message.rfind(_CLIENT)
    request = _NGINX_REQUEST.fullmatch(message, max(start, 0))
    if not request:
        return {}
    row: Row = {"time": values.iso_time(to_text(match[1]).replace("/", "-"))}
    row["src_ip"], row["src_port"] = values.address(to_text(request[1]))
    row["host"] = values.address(to_text(request[4] or request[2] or b""))[0]
    row["referer"] = values.text_or_none(request[5]) if request[5] else None
    row["status"] = next((status for words, status in _NGINX_STATUS if words.match(message)), None)
    values.set_request(row, request[3])
    return row


def _apache(match: re.Match[bytes]) -> Row:
    message = _REFERER.sub(b"", match[3])
    for pattern, status in _APACHE_REQUESTS:
        request = pattern.fullmatch(message)
        if request:
            row: Row = {"time": _apache_time(to_text(match[1])), "status": status}
            row["src_ip"], row["src_port"] = _client(match)
            values.set_request(row, unescape(request[1]))
            if request[1].startswith(b"/"):
                row["url"] = to_text(request[1])  # only the path is logged
            return row
    guarded = _MODSECURITY.match(message)
    return _modsecurity(match, guarded) if guarded else {}


def _client(match: re.Match[bytes]) -> tuple[str | None, int | None]:
    """Since 2.4, which names the process, Apache writes a client with its port, and IPv6 without brackets."""
    read = values.endpoint if b" [pid " in match.string[: match.start(3)] else values.address
    return read(to_text(match[2] or b""))


def _modsecurity(match: re.Match[bytes], audit: re.Match[bytes]) -> Row:
    host = _HOSTNAME.search(match[3])
    row: Row = {"time": _apache_time(to_text(match[1])), "status": int(audit[1]) if audit[1] else None}
    row["src_ip"], row["src_port"] = _client(match)
    row["host"] = to_text(host[1]) if host else None
    row["request"] = unescape(audit[2])
    row["url"] = to_text(unescape(audit[2]))
    return row


def _apache_time(text: str) -> int | None:
    pattern = "%b %d %H:%M:%S.%f %Y" if "." in text else "%b %d %H:%M:%S %Y"
    try:
        return values.datetime_us(datetime.strptime(text, pattern))  # noqa: DTZ007 - the log has no zone: Zoneless
    except ValueError:
        return None


def haproxy_row(line: bytes) -> Row | None:
    """The row of a line of HAProxy's HTTP log. What is no HTTP it logs as ``<BADREQ>``, without its bytes."""
    match = _HAPROXY.fullmatch(line)
    if not match:
        return None
    row: Row = {"time": values.clf_time(match[2]), "sensor": "haproxy"}
    client, _, port = to_text(match[1]).rpartition(":")  # IPv6 stands there without brackets
    row["src_ip"], row["src_port"] = values.address(client)[0], values.small_integer(port)
    row["duration_us"] = values.scaled(to_text(match[3]), 3) if match[3] != b"-1" else None
    row["status"] = values.small_integer(match[4])
    row["bytes_out"] = values.integer(match[5])
    request = match[6]  # HAProxy writes a quote in it as #22; behind it stand what httpslog says of TLS, and more
    values.set_request(row, _HEX.sub(lambda escaped: bytes([int(escaped[1], 16)]), request))
    return row
