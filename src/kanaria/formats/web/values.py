"""Single values of a web log: times, addresses, numbers and request lines, from bytes or text to what the table holds.

Times are ``int`` microseconds since 1970 UTC. Nothing here raises for content: what cannot be read is None.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from kanaria.core.late_regex import late_regex
from kanaria.core.network import is_global, parse_address
from kanaria.core.remembered import remembered
from kanaria.core.text import decimal
from kanaria.core.zone import Zoneless
from kanaria.formats.web.escapes import to_text

Row = dict[str, object]
"""One record by column names of the http table; ``time`` in microseconds, absent keys are null."""

MONTHS = {name: index for index, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_CLF = late_regex(rb"(\d\d/[A-Z][a-z]{2}/\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)? ?([+-])(\d\d):?(\d\d)")
_LAST = 253_402_300_800_000_000  # year 10000, where Python's calendar ends
_REQUEST = late_regex(rb"([A-Z][A-Z_-]{1,31}) (.+) (HTTP/[0-9](?:\.[0-9])?)", re.DOTALL)
# HTTP/0.9 has no version; only what every server knows and only with a path, else any two words would be a request.
_SIMPLE = late_regex(rb"(GET|HEAD|POST|PUT|OPTIONS|DELETE|CONNECT|PATCH|TRACE|PROPFIND) (/\S*)")
PROTOCOL = late_regex(r"HTTP/[0-9](?:\.[0-9])?")
_HOST_PORT = late_regex(r"(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})")
_DECIMAL = late_regex(r"(-?)(\d{1,19})(?:\.(\d+))?")
_BIG = 1 << 62


@lru_cache(maxsize=4096)
def _day(text: bytes) -> int | None:
    month = MONTHS.get(text[3:6])
    try:
        return (date(int(text[7:]), month or 0, int(text[:2])).toordinal() - 719_163) * 86_400
    except ValueError:
        return None


def clf_time(text: bytes) -> int | None:
    """``17/May/2015:10:05:03 +0000``, the time of Apache's common log format, optionally with a fraction."""
    match = _CLF.fullmatch(text)
    if not match:
        return odd_time(text)
    day = _day(match[1])
    if day is None:
        return None
    hour, minute, second, away = int(match[2]), int(match[3]), int(match[4]), int(match[7]) * 60 + int(match[8])
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = day + hour * 3600 + minute * 60 + second - (away * 60 if match[6] == b"+" else -away * 60)
    return _in_range(seconds * 1_000_000 + int((match[5] or b"0").ljust(6, b"0")))


# How other programs write a time: morgan and Tomcat (HTTP dates), Werkzeug, GIN, PHP, logs with days of one digit.
_ODD = (
    (r"[A-Z][a-z]{2}, (\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d) (?:GMT|UTC|[+-]0000)", "%d %b %Y %H:%M:%S", True),
    (r"(\d{1,2}/[A-Z][a-z]{2}/\d{4}[ :]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?: ?[+-]\d\d:?\d\d)?)", "%d/%b/%Y:%H:%M:%S", False),
    (r"[A-Z][a-z]{2} ([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \d{4})", "%b %d %H:%M:%S %Y", False),
    (
        r"(\d{4}[-/]\d\d[-/]\d\d(?:T| - | )\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)",
        "",
        False,
    ),
)  # fmt: skip
_OFFSET = late_regex(r" ?([+-])(\d\d):?(\d\d)$")


def odd_time(text: bytes) -> int | None:
    """A time as programs write it that follow no server: the commonest dozen ways. Without a zone it is zoneless."""
    plain = to_text(text).strip()
    for pattern, layout, utc in _ODD:
        match = re.fullmatch(pattern, plain)
        if match:
            return _read_odd(match[1], layout, utc=utc)
    return None


def _read_odd(text: str, layout: str, *, utc: bool) -> int | None:
    if not layout:
        return iso_time(
            text.replace("/", "-").replace(" - ", " ").replace(",", ".").replace(" UTC", "Z").replace(" Z", "Z")
        )
    offset = _OFFSET.search(text)
    stamp = (text[: offset.start()] if offset else text).replace(" ", ":", 1) if "/" in text else text
    fraction = layout.replace("%S", "%S.%f") if "." in stamp else layout
    try:
        parsed = datetime.strptime(stamp, fraction)  # noqa: DTZ007 - the zone is added below, where there is one
    except ValueError:
        return None
    if utc:
        parsed = parsed.replace(tzinfo=UTC)
    elif offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        if minutes >= 24 * 60:
            return None
        parsed = parsed.replace(tzinfo=timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes)))
    return datetime_us(parsed)


def _in_range(time: int) -> int | None:
    return time if 0 <= time < _LAST else None


def iso_time(text: str) -> int | None:
    """An ISO 8601 time; without an offset it is ``Zoneless``."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return datetime_us(parsed)


def datetime_us(parsed: datetime) -> int | None:
    """Microseconds of a datetime; of a naive one ``Zoneless``."""
    if parsed.tzinfo is None:
        micros = datetime_us(parsed.replace(tzinfo=UTC))
        return None if micros is None else Zoneless(micros)
    gone = parsed - datetime(1970, 1, 1, tzinfo=UTC)
    return _in_range((gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds)


def as_datetime(micros: int | None) -> datetime | None:
    """An aware datetime of microseconds, for tables whose rows carry those."""
    return None if micros is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def epoch_time(text: str) -> int | None:
    """Seconds, milliseconds, micro- or nanoseconds since 1970; the magnitude tells which (all are 2001 to 2286)."""
    match = _DECIMAL.fullmatch(text)
    if not match or match[1]:
        return None
    digits = len(match[2])
    whole = {10: 6, 13: 3, 16: 0, 19: -3}.get(digits)
    if whole is None:
        return None
    return _in_range(scaled(text, whole) or 0)


def scaled(text: str, power: int) -> int | None:
    """The decimal number times ``10**power``, cut to an integer that fits 64 bits; None for anything else."""
    match = _DECIMAL.fullmatch(text)
    if not match:
        return None
    fraction = (match[3] or "")[:power] if power > 0 else ""
    value = int(match[2] + fraction.ljust(max(power, 0), "0")) // 10 ** max(-power, 0)
    return (-value if match[1] else value) if value < _BIG else None


def w3c_taken(text: str) -> int | None:
    """Microseconds of ``time-taken``: milliseconds of IIS; elsewhere, as in the draft, seconds with a fraction."""
    return scaled(text, 6 if "." in text else 3)


def any_time(value: object) -> int | None:
    """A time as JSON logs write it: a number, ISO 8601, the common log format, or ``YYYY/MM/DD HH:MM:SS``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = f"{value:.6f}" if isinstance(value, float) else str(value).strip("[] ")
    return (
        epoch_time(text)
        or iso_time(text)
        or clf_time(text.encode("utf-8", "replace"))
        or iso_time(text.replace("/", "-"))
    )


def integer(text: str | bytes) -> int | None:
    """A whole number of up to 18 digits."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None


def small_integer(text: str | bytes) -> int | None:
    """A whole number for a 32-bit column (status, port)."""
    return int(text) if len(text) <= 9 and text.isascii() and text.isdigit() else None


LONGEST_ADDRESS = 253 + len("[]:65535")
"""A DNS name has at most 253 characters (RFC 1035, 2.3.4, without length octets); anything longer is no address."""


@remembered
def address(text: str) -> tuple[str | None, int | None]:
    """Address (or host name) and port of ``203.0.113.5``, ``203.0.113.5:80``, ``[2001:db8::1]:80``, ``name``."""
    text = text.strip(" \"'")
    if text in ("", "-", "unknown", "_") or len(text) > LONGEST_ADDRESS:
        return None, None
    match = None if parse_address(text) else _HOST_PORT.fullmatch(text)
    if match:
        return match[1] or match[2], small_integer(match[3])
    head, colon, port = text.rpartition(":")
    if colon and ":" in head and port.isdigit() and not parse_address(text) and parse_address(head):
        return head, small_integer(port)  # uvicorn and others write an IPv6 client and its port without brackets
    return text.strip("[]") or None, None


def endpoint(text: str) -> tuple[str | None, int | None]:
    """The same of somebody who always writes a port: the end of ``2001:db8::1:4433``, an address as well, is one."""
    head, _colon, port = text.rpartition(":")
    number = decimal(port, 5)
    if ":" not in head or number is None or number > 65_535 or not parse_address(head):
        return address(text)
    return head, number


# Names that may be resolved have a domain; dates, times, numbers, labels and names of pods have none.
_CLIENT_NAME = late_regex(r"(?=[\w.-]*\.[A-Za-z-])(?:[A-Za-z_-]|\d{1,3}\.|\d+[A-Za-z-])[\w-]*(?:\.[\w-]+)+\.?")


@remembered
def is_client(text: str) -> bool:
    """Whether a text can be who sent a request: an address, or a name that could be resolved."""
    return parse_address(text) is not None or _CLIENT_NAME.fullmatch(text) is not None


@remembered
def client(peer: str, forwarded: str = "") -> tuple[str | None, int | None]:
    """The client behind our own proxies: the peer, unless that is private and names a global one it forwarded for.

    ``X-Forwarded-For`` is written by anybody; its last global entry was added by the nearest proxy and is the one to
    believe. ``peer`` itself may be such a list.
    """
    hops = [address(hop) for hop in (*forwarded.split(","), *peer.split(","))]
    addresses = [hop for hop in hops if hop[0] and is_client(hop[0])]
    if not addresses:
        return None, None
    last = addresses[-1]
    if is_global(last[0] or "") or parse_address(last[0] or "") is None:
        return last
    return next((hop for hop in reversed(addresses) if is_global(hop[0] or "")), last)


def set_request(row: Row, request: bytes) -> None:
    """Fill ``request`` and, when it is an HTTP request line, ``method``, ``url`` and ``protocol``.

    Apache writes ``-`` where nginx writes nothing when the client sent nothing; both are the empty request.
    """
    row["request"] = b"" if request == b"-" else request
    whole = _REQUEST.fullmatch(request)
    if whole:
        row["protocol"] = whole[3].decode()
    if match := whole or _SIMPLE.fullmatch(request):
        row["method"] = match[1].decode()
        row["url"] = to_text(match[2])


def is_request_line(request: bytes) -> bool:
    """Whether the bytes are an HTTP request line with a version."""
    return _REQUEST.fullmatch(request) is not None


def text_or_none(field: bytes) -> str | None:
    """Text of an unescaped field; ``-`` and nothing are None."""
    return None if field in (b"-", b"") else to_text(field)
