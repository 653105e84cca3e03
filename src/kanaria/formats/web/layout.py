"""A log layout: which field stands where in a line, from an Apache ``LogFormat`` or nginx ``log_format`` string.

In: the string as it stands in the server's configuration (with or without the directive around it). Out: a ``Layout``
whose ``parse`` turns one line into a row, and whose ``pieces`` the fast path compiles. Directives whose value has no
column are matched and dropped. Sources: Apache mod_log_config and nginx ngx_http_log_module documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property

from kanaria.core.errors import ConfigError
from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_bytes, to_text, unescape
from kanaria.formats.web.values import Row

NAMED = {
    "common": '%h %l %u %t "%r" %>s %b',
    "combined": '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
    "vhost_common": '%v:%p %h %l %u %t "%r" %>s %b',
    "vhost_combined": '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
}

# What Apache's one-letter directives carry. "" is matched and dropped.
_APACHE = {
    "h": "client", "a": "client", "A": "server", "B": "bytes_out", "b": "bytes_out", "O": "bytes_sent", "D": "micros",
    "H": "protocol", "I": "bytes_in", "S": "", "T": "seconds", "U": "path", "V": "host", "v": "host", "f": "", "k": "",
    "l": "", "L": "", "m": "method", "p": "port", "P": "", "q": "query", "r": "request", "R": "", "s": "status",
    "t": "time", "u": "user", "X": "",
}  # fmt: skip
_APACHE_HEADERS = {
    "referer": "referer", "referrer": "referer", "user-agent": "user_agent", "host": "host",
    "x-forwarded-for": "forwarded", "x-real-ip": "forwarded", "cf-connecting-ip": "forwarded",
    "true-client-ip": "forwarded",
}  # fmt: skip
_APACHE_TIMES = {"sec": "epoch", "msec": "epoch", "usec": "epoch", "msec_frac": "", "usec_frac": ""}
_NGINX = {
    "remote_addr": "client", "realip_remote_addr": "", "remote_user": "user", "remote_port": "src_port",
    "time_local": "time", "time_iso8601": "iso", "msec": "epoch", "request": "request", "request_method": "method",
    "request_uri": "path", "uri": "path", "document_uri": "path", "args": "args", "query_string": "args",
    "server_protocol": "protocol", "status": "status", "body_bytes_sent": "bytes_out", "bytes_sent": "bytes_sent",
    "request_length": "bytes_in", "request_time": "seconds", "http_referer": "referer", "http_user_agent": "user_agent",
    "http_host": "host", "host": "host", "server_name": "server_name", "server_port": "port", "server_addr": "server",
    "http_x_forwarded_for": "forwarded", "proxy_add_x_forwarded_for": "forwarded", "http_x_real_ip": "forwarded",
    "http_cf_connecting_ip": "forwarded", "request_body": "body",
}  # fmt: skip
_APACHE_DIRECTIVE = late_regex(r"%[!0-9,]*[<>]?(?:\{([^}]*)\})?(\^t[io]|[%a-zA-Z])")
_NGINX_VARIABLE = late_regex(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Piece:
    """A field (``kind`` is what it carries, ``detail`` a time pattern) or, with ``kind`` None, literal text."""

    kind: str | None
    literal: bytes = b""
    detail: str = ""


@dataclass(frozen=True)
class Layout:
    """A compiled layout. ``tail`` permits further fields after the last one, as servers append their own; in a
    ``loose`` one a space stands for any number of them.
    """

    name: str
    pieces: tuple[Piece, ...]
    tail: bool = False
    loose: bool = False

    @cached_property
    def regex(self) -> re.Pattern[bytes]:
        """Matches a whole line; one group per field."""
        parts = [self._part(index) for index in range(len(self.pieces))]
        return re.compile(
            b"".join(parts) + (rb"([\s:].*)?" if self.tail and self.loose else rb"( .*)?" if self.tail else b""),
            re.DOTALL,
        )

    def parse(self, line: bytes) -> Row | None:
        """The row of a line in this layout, or None when it is not."""
        match = self.regex.fullmatch(line)
        if not match:
            return None
        return assemble(zip(self.fields, match.groups(), strict=False), match.groups()[-1] if self.tail else None)

    @cached_property
    def fields(self) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.kind is not None)

    def _part(self, index: int) -> bytes:
        piece = self.pieces[index]
        if piece.kind is None:
            return _SPACES.sub(rb"\\s+", re.escape(piece.literal)) if self.loose else re.escape(piece.literal)
        before = self.pieces[index - 1].literal if index else b""
        after = self.pieces[index + 1] if index + 1 < len(self.pieces) else None
        if after is not None and after.kind is not None:
            return rb"(\S*?)"
        return _field_pattern(piece.kind, before[-1:], after.literal[:1] if after else b"", last=after is None)


# A time has blanks of its own: before its zone, and in some logs between day and clock.
_UNBRACKETED_TIME = rb"(\S+(?: (?:- )?\d\d:\d\d:\d\d\S*)?(?: [+-]\d\d:?\d\d| UTC)?)"
_SPACES = late_regex(rb"(?:\\ | )+")

_TYPED = {
    "status": rb"(\d{3}|-)",
    "bytes_out": rb"(\d{1,18}|-)",
    "bytes_sent": rb"(\d{1,18}|-)",
    "user": rb'([^\["\]]*?)',
}


# Fields with spaces of their own, which layouts without quotes leave as they are.
_SPACED = frozenset({"request", "user_agent", "referer"})


def _field_pattern(kind: str, before: bytes, after: bytes, *, last: bool) -> bytes:
    if before == b'"' and after == b'"':
        return rb'([^"\\]*+(?:\\.[^"\\]*+)*+)'
    if kind in _TYPED:
        return _TYPED[kind]
    if kind == "time" and after in (b" ", b""):
        return _UNBRACKETED_TIME
    if kind in _SPACED and before != b'"':
        return rb"(.*)" if last else rb"(.*?)"
    if kind in ("client", "forwarded") and after == b" ":
        return rb"([^\s,]++(?:, ?[^\s,]++)*+)"
    if last:
        return rb"(\S*)" if before != b'"' else rb"(.*)"
    return b"([^" + re.escape(after) + b"]*)"


def compile_layout(text: str) -> Layout:
    """The layout of a configuration string or of one of ``NAMED``. Raises ConfigError when it has no field we know."""
    plain = _strip_directive(NAMED.get(text.strip(), text))
    pieces = _nginx(plain) if "$" in plain and "%" not in plain.replace("%%", "") else _apache(plain)
    if not any(piece.kind for piece in pieces):
        raise ConfigError(
            path="--log-format",
            key="",
            expected="an Apache LogFormat or nginx log_format string with at least one field such as %r or $request",
            got=text,
            cause="in a shell, write it inside single quotes so that $names survive",
        )
    return Layout("logformat", tuple(_merge(pieces)))


def _strip_directive(text: str) -> str:
    text = text.strip()
    if text.lower().startswith("log_format"):
        quoted = re.findall(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", text)
        return re.sub(r"\\(.)", r"\1", "".join(single or double for single, double in quoted))
    directive = re.fullmatch(r'LogFormat\s+"((?:[^"\\]|\\.)*)"(?:\s+\S+)?', text, re.IGNORECASE | re.DOTALL)
    if directive or '\\"' in text:
        return re.sub(r'\\(["\\])', r"\1", directive[1] if directive else text)
    return text


def _apache(text: str) -> list[Piece]:
    pieces, at = [], 0
    for match in _APACHE_DIRECTIVE.finditer(text):
        pieces.append(Piece(None, text[at : match.start()].encode()))
        pieces.extend(_apache_pieces(match[2], match[1]))
        at = match.end()
    return [*pieces, Piece(None, text[at:].encode())]


def _apache_pieces(letter: str, argument: str | None) -> list[Piece]:
    if letter == "%":
        return [Piece(None, b"%")]
    if letter == "t":
        return _apache_time(argument or "")
    if letter == "i":
        return [Piece(_APACHE_HEADERS.get((argument or "").lower(), ""))]
    if letter == "T" and argument in ("ms", "us"):
        return [Piece("millis" if argument == "ms" else "micros")]
    if letter == "p" and argument == "remote":
        return [Piece("src_port")]
    return [Piece(_APACHE.get(letter, ""))]


def _apache_time(argument: str) -> list[Piece]:
    pattern = re.sub(r"^(begin|end):", "", argument)
    if not pattern:
        return [Piece(None, b"["), Piece("time"), Piece(None, b"]")]
    if pattern in _APACHE_TIMES:
        return [Piece(_APACHE_TIMES[pattern])]
    return [Piece("strftime", detail=pattern)]


def _nginx(text: str) -> list[Piece]:
    pieces, at = [], 0
    for match in _NGINX_VARIABLE.finditer(text):
        pieces.append(Piece(None, text[at : match.start()].encode()))
        pieces.append(Piece(_NGINX.get(match[1] or match[2], "")))
        at = match.end()
    return [*pieces, Piece(None, text[at:].encode())]


def _merge(pieces: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        if piece.kind is None and not piece.literal:
            continue
        if piece.kind is None and merged and merged[-1].kind is None:
            merged[-1] = Piece(None, merged[-1].literal + piece.literal)
        else:
            merged.append(piece)
    return merged


def assemble(fields: Iterable[tuple[Piece, bytes | None]], tail: bytes | None = None) -> Row:
    """A row from (piece, raw field) pairs; fields that only make sense together are joined last."""
    row: Row = {}
    parts: dict[str, str] = {}
    for piece, raw in fields:
        if piece.kind and raw is not None:
            value = unescape(raw)
            setter = _SETTERS.get(piece.kind)
            if setter:
                setter(row, value)
            else:
                parts[piece.kind] = to_text(value)
                if piece.kind == "strftime":
                    row["time"] = _strftime(parts["strftime"], piece.detail)
    _finish(row, parts, tail)
    return row


def _strftime(text: str, pattern: str) -> int | None:
    try:
        return values.datetime_us(datetime.strptime(text, pattern.replace("%T", "%H:%M:%S").replace("%F", "%Y-%m-%d")))  # noqa: DTZ007 - without %z it is Zoneless
    except ValueError:
        return None


_ADDRESSES = late_regex(rb'"([0-9A-Fa-f:.]{3,45}(?:, ?[0-9A-Fa-f:.]{3,45})*)"')


def _finish(row: Row, parts: dict[str, str], tail: bytes | None) -> None:
    if tail and "forwarded" not in parts:
        listed = _ADDRESSES.search(tail)  # nginx's packaged "main" format ends in "$http_x_forwarded_for"
        parts["forwarded"] = listed[1].decode() if listed else ""
    if "client" in parts or "forwarded" in parts:
        row["src_ip"], port = values.client(parts.get("client", ""), parts.get("forwarded", ""))
        row.setdefault("src_port", port)
    if "host" in parts or "server_name" in parts:
        row["host"], port = values.address(parts.get("host") or parts.get("server_name", ""))
        row.setdefault("dst_port", port)
    if "request" not in row and ("method" in parts or "path" in parts):
        join_request(row, parts)


def join_request(row: Row, parts: dict[str, str]) -> None:
    """Method, path, query and protocol logged apart, as one request line."""
    query = parts.get("query", "") or ("?" + parts["args"] if parts.get("args", "-") not in ("", "-") else "")
    target = parts.get("path", "") + ("" if query == "-" or "?" in parts.get("path", "") else query)
    words = (parts.get("method", ""), target, parts.get("protocol", ""))
    request = " ".join(word for word in words if word not in ("", "-"))
    values.set_request(row, to_bytes(request))
    for column, word in zip(("method", "url", "protocol"), words, strict=True):
        if word not in ("", "-"):
            row.setdefault(column, word)


def _text(column: str) -> Callable[[Row, bytes], None]:
    def fill(row: Row, value: bytes) -> None:
        row[column] = values.text_or_none(value)

    return fill


def _number(column: str, read: Callable[[str], int | None]) -> Callable[[Row, bytes], None]:
    def fill(row: Row, value: bytes) -> None:
        row[column] = read(to_text(value))

    return fill


def _bytes_out(row: Row, value: bytes) -> None:
    # "-" is how %b writes that no body was sent: that is known to be 0.
    size = 0 if value == b"-" else values.integer(value)
    if row.get("bytes_out") is None:
        row["bytes_out"] = size


def _body(row: Row, value: bytes) -> None:
    row["request_body"] = None if value in (b"", b"-") else value


def _server(row: Row, value: bytes) -> None:
    row["dst_ip"] = values.address(to_text(value))[0]


_SETTERS: dict[str, Callable[[Row, bytes], None]] = {
    "request": values.set_request,
    "time": lambda row, value: row.__setitem__("time", values.clf_time(value)),
    "iso": _number("time", values.iso_time),
    "epoch": _number("time", values.epoch_time),
    "status": _number("status", values.small_integer),
    "bytes_out": _bytes_out,
    "bytes_sent": _bytes_out,
    "bytes_in": _number("bytes_in", values.integer),
    "micros": _number("duration_us", values.integer),
    "millis": _number("duration_us", lambda text: values.scaled(text, 3)),
    "seconds": _number("duration_us", lambda text: values.scaled(text, 6)),
    "port": _number("dst_port", values.small_integer),
    "src_port": _number("src_port", values.small_integer),
    "referer": _text("referer"),
    "user_agent": _text("user_agent"),
    "user": _text("user"),
    "body": _body,
    "server": _server,
}

COMBINED = Layout("combined", compile_layout("combined").pieces, tail=True)
COMMON = Layout("common", compile_layout("common").pieces)
VHOST_COMBINED = Layout("vhost_combined", compile_layout("%v %h" + NAMED["combined"][2:]).pieces, tail=True)
VHOST_COMMON = Layout("vhost_common", compile_layout("%v %h" + NAMED["common"][2:]).pieces)


def json_aliases(text: str) -> dict[str, str]:
    """Key to kind, when the layout writes JSON objects (``'{"r":"$request"}'``); empty for any other layout."""
    plain = _strip_directive(text)
    if not plain.lstrip().startswith("{"):
        return {}
    pairs = re.findall(r'"([^"]+)"\s*:\s*"?(?:\$\{?(\w+)\}?|(%[^",}]*(?:\{[^}]*\})?[a-zA-Z]))', plain)
    aliases = {}
    for key, variable, directive in pairs:
        pieces = [Piece(_NGINX.get(variable, ""))] if variable else [p for p in _apache(directive) if p.kind]
        if pieces and pieces[0].kind in _JSON_KINDS:
            aliases[key] = _JSON_KINDS[pieces[0].kind]
    return aliases


_JSON_KINDS = {
    kind: kind
    for kind in (
        "request client forwarded method path args protocol status bytes_out bytes_in seconds millis referer user_agent"
        " user host port server src_port body time"
    ).split()
} | {"iso": "time", "epoch": "time", "bytes_sent": "bytes_out", "server_name": "host", "query": "args"}
