"""Machine code that reads the sure lines of a block by a compiled layout, and gathers fields into column buffers.

In: the block's bytes, where lines start and end, a program (see ``fast.Program``). Out: per line whether it was sure,
and where each of its fields is. Sure means: printable ASCII without a backslash, every field in its plainest form.
Everything else is left to the careful path; whatever is accepted here must mean the same there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from kanaria.formats.web._vector import WIDTH, at, copy, lowest, matches

# Field kinds of a program.
SKIP, TEXT, USER, CLIENT, FORWARDED, HOST, TIME, STATUS, SIZE, PORT, DECIMAL, REQUEST, ISO, EPOCH, NUMBER, SCALAR = (
    range(16)
)
# Slots of text fields the kernel fills itself.
SRC_IP, HOST_SLOT, METHOD, URL, PROTOCOL, REQUEST_SLOT = range(6)
# Slots of numbers.
N_TIME, N_STATUS, N_OUT, N_DURATION, N_PORT = range(5)
NULL = np.iinfo(np.int64).min


def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled without the interpreter's lock, and kept on disk where some place to keep it can be written."""
    try:
        compiled: Callable[..., Any] = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # Numba found no such place: a read-only installation without a home directory
        compiled = njit(nogil=True, error_model="numpy")(function)
    return compiled


def _inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled into its callers: handing six arrays over costs more than most of these functions do."""
    compiled: Callable[..., Any] = njit(forceinline=True, error_model="numpy")(function)
    return compiled


@_jit
def _digits(buf, a, b):  # type: ignore[no-untyped-def]
    """The number made of these digits, -1 when one is none."""
    value = 0
    for i in range(a, b):
        c = at(buf, i) - 48
        if c < 0 or c > 9:
            return -1
        value = value * 10 + c
    return value


@_jit
def _month(buf, a):  # type: ignore[no-untyped-def]
    code = (at(buf, a) << 16) | (at(buf, a + 1) << 8) | at(buf, a + 2)
    names = (
        0x4A616E, 0x466562, 0x4D6172, 0x417072, 0x4D6179, 0x4A756E, 0x4A756C, 0x417567, 0x536570, 0x4F6374, 0x4E6F76,
        0x446563,
    )  # fmt: skip
    for i in range(12):
        if names[i] == code:
            return i + 1
    return 0


@_jit
def _days(year, month, day):  # type: ignore[no-untyped-def]
    """Days since 1970 of a proleptic Gregorian date (Hinnant's days_from_civil), or -1 when there is no such day."""
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    longest = 29 if month == 2 and leap else 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day < 1 or day > longest:
        return -1
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


@_jit
def _time(buf, a, b):  # type: ignore[no-untyped-def]
    """Microseconds of ``17/May/2015:10:05:03 +0000``, or NULL."""
    if b - a != 26 or at(buf, a + 2) != 47 or at(buf, a + 6) != 47 or at(buf, a + 11) != 58 or at(buf, a + 14) != 58:
        return NULL
    if at(buf, a + 17) != 58 or at(buf, a + 20) != 32 or (at(buf, a + 21) != 43 and at(buf, a + 21) != 45):
        return NULL
    day, month, year = _digits(buf, a, a + 2), _month(buf, a + 3), _digits(buf, a + 7, a + 11)
    hour, minute, second = _digits(buf, a + 12, a + 14), _digits(buf, a + 15, a + 17), _digits(buf, a + 18, a + 20)
    zone_hour, zone_minute = _digits(buf, a + 22, a + 24), _digits(buf, a + 24, a + 26)
    if month == 0 or year < 1971 or min(hour, minute, second, zone_hour, zone_minute) < 0:
        return NULL
    days = _days(year, month, day)
    if days < 0 or hour > 23 or minute > 59 or second > 59 or year > 9998:
        return NULL
    away = (zone_hour * 60 + zone_minute) * 60
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - (away if at(buf, a + 21) == 43 else -away)
    return seconds * 1_000_000 if seconds >= 0 else NULL


@_jit
def _iso(buf, a, b):  # type: ignore[no-untyped-def]
    """Microseconds of ``2026-01-02T03:04:05Z`` or ``…+09:00``, with 0, 3 or 6 digits of fraction, or NULL."""
    zone = b - 1 if b - a >= 20 and at(buf, b - 1) == 90 else b - 6
    digits = zone - a - 20
    if zone - a < 19 or (zone - a > 19 and (at(buf, a + 19) != 46 or (digits != 3 and digits != 6))):
        return NULL
    if (
        at(buf, a + 4) != 45
        or at(buf, a + 7) != 45
        or at(buf, a + 10) != 84
        or at(buf, a + 13) != 58
        or at(buf, a + 16) != 58
    ):
        return NULL
    year, month, day = _digits(buf, a, a + 4), _digits(buf, a + 5, a + 7), _digits(buf, a + 8, a + 10)
    hour, minute, second = _digits(buf, a + 11, a + 13), _digits(buf, a + 14, a + 16), _digits(buf, a + 17, a + 19)
    if year < 1971 or year > 9998 or month < 1 or month > 12 or min(hour, minute, second) < 0:
        return NULL
    days = _days(year, month, day)
    if days < 0 or hour > 23 or minute > 59 or second > 59:
        return NULL
    away = 0
    if at(buf, zone) != 90:
        zone_hour, zone_minute = _digits(buf, zone + 1, zone + 3), _digits(buf, zone + 4, zone + 6)
        plain = (
            (at(buf, zone) == 43 or at(buf, zone) == 45)
            and at(buf, zone + 3) == 58
            and min(zone_hour, zone_minute) >= 0
        )
        if not plain or zone_hour > 23 or zone_minute > 59:
            return NULL
        away = (zone_hour * 60 + zone_minute) * (60 if at(buf, zone) == 43 else -60)
    fraction = _digits(buf, a + 20, zone) if zone - a > 19 else 0
    whole = days * 86400 + hour * 3600 + minute * 60 + second - away
    return NULL if fraction < 0 else whole * 1_000_000 + fraction * (1000 if digits == 3 else 1)


@_jit
def _epoch(buf, a, b):  # type: ignore[no-untyped-def]
    """Microseconds of ``1767323045.123`` (3 digits of fraction, as nginx writes it) or ``1767323045``, or NULL."""
    whole = _digits(buf, a, a + 10) if b - a == 14 or b - a == 10 else -1
    if whole < 1_000_000_000:
        return NULL
    if b - a == 10:
        return whole * 1_000_000
    fraction = _digits(buf, a + 11, b)
    return whole * 1_000_000 + fraction * 1000 if fraction >= 0 and at(buf, a + 10) == 46 else NULL


@_jit
def _scalar(buf, a, b):  # type: ignore[no-untyped-def]
    """Whether these bytes are a plain JSON number: ``0``, ``12`` or ``0.5``."""
    if a == b or (at(buf, a) == 48 and b - a > 1 and at(buf, a + 1) != 46):
        return False
    i = a
    while i < b and 48 <= at(buf, i) <= 57:
        i += 1
    if i == b:
        return True
    return i > a and at(buf, i) == 46 and b - i > 1 and b - i < 18 and _digits(buf, i + 1, b) >= 0


@_jit
def _decimal(buf, a, b, power):  # type: ignore[no-untyped-def]
    """A decimal number times ``10**power`` cut to a whole, or NULL when it is not of the plain form."""
    value, left, seen, point = 0, power, 0, False
    for i in range(a, b):
        c = at(buf, i) - 48
        if at(buf, i) == 46 and not point and seen:
            point, seen = True, 0
        elif c < 0 or c > 9:
            return NULL
        else:
            seen += 1
            if not point or left > 0:
                value = value * 10 + c
                left -= 1 if point else 0
    if not seen or b - a > 10:
        return NULL
    return value * 10**left


@_jit
def _name(c):  # type: ignore[no-untyped-def]
    """Whether the byte may stand in a host name or an IPv4 address."""
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 46 or c == 45


@_jit
def _client(buf, a, b):  # type: ignore[no-untyped-def]
    """0: not plain; 1: an address that may be private; 2: surely a public address or a name."""
    if b - a > 253:  # no DNS name is longer
        return 0
    colons = 0
    for i in range(a, b):
        if at(buf, i) == 58:
            colons += 1
        elif not _name(at(buf, i)):
            return 0
    if a == b or at(buf, a) == 45 or at(buf, a) == 117 or colons == 1:  # "-", "unknown", address:port
        return 0
    if colons or at(buf, a) < 48 or at(buf, a) > 57:
        return 1 if colons else 2
    octet, i = 0, a
    while i < b and i < a + 3 and 48 <= at(buf, i) <= 57:
        octet = octet * 10 + at(buf, i) - 48
        i += 1
    return 1 if octet == 0 or octet >= 224 or octet in (10, 100, 127, 169, 172, 192) else 2


@_jit
def _host(buf, a, b):  # type: ignore[no-untyped-def]
    """End of the name in ``name`` or ``name:port``, or -1 when it is not plain."""
    if a == b or b - a > 253 or at(buf, a) == 45 or at(buf, a) == 117 or at(buf, a) == 58:
        return -1
    i = a
    while i < b and _name(at(buf, i)):
        i += 1
    if i == b:
        return b
    if at(buf, i) != 58 or b - i < 2 or b - i > 6 or _digits(buf, i + 1, b) < 0:
        return -1
    return i


@_jit
def _request(buf, a, b, n, starts, lens):  # type: ignore[no-untyped-def]
    """Note method, URL and protocol of an HTTP request line; False when it is none."""
    i = a
    while i < b and (65 <= at(buf, i) <= 90 or (i > a and (at(buf, i) == 45 or at(buf, i) == 95))):
        i += 1
    if i - a < 2 or i - a > 32 or i >= b or at(buf, i) != 32:
        return False
    p = b - 6 if b > 6 and at(buf, b - 2) == 47 else b - 8
    if (
        p <= i + 2
        or at(buf, p - 1) != 32
        or at(buf, p) != 72
        or at(buf, p + 1) != 84
        or at(buf, p + 2) != 84
        or at(buf, p + 3) != 80
    ):
        return False
    if at(buf, p + 4) != 47 or _digits(buf, p + 5, p + 6) < 0:
        return False
    if b - p == 8 and (at(buf, p + 6) != 46 or _digits(buf, p + 7, p + 8) < 0):
        return False
    starts[REQUEST_SLOT, n], lens[REQUEST_SLOT, n] = a, b - a
    starts[METHOD, n], lens[METHOD, n] = a, i - a
    starts[URL, n], lens[URL, n] = i + 1, p - 1 - (i + 1)
    starts[PROTOCOL, n], lens[PROTOCOL, n] = p, b - p
    return True


@_inline
def _text(buf, a, b, slot, n, starts, lens):  # type: ignore[no-untyped-def]
    if b > a and not (b - a == 1 and at(buf, a) == 45):
        starts[slot, n], lens[slot, n] = a, b - a


@_inline
def _number(kind, buf, a, b, power):  # type: ignore[no-untyped-def]
    """The value of a numeric field, or NULL when it is not of the plain form."""
    if kind == TIME:
        return _time(buf, a, b)
    if kind == DECIMAL:
        return _decimal(buf, a, b, power)
    if kind == ISO:
        return _iso(buf, a, b)
    if kind == EPOCH:
        return _epoch(buf, a, b)
    if kind == SIZE and b - a == 1 and at(buf, a) == 45:
        return 0
    longest = 3 if kind == STATUS else 18 if kind == SIZE or kind == NUMBER else 9
    if b - a < (3 if kind == STATUS else 1) or b - a > longest:
        return NULL
    value = _digits(buf, a, b)
    return value if value >= 0 else NULL


@_inline
def _field(kind, slot, power, buf, a, b, n, starts, lens, numbers):  # type: ignore[no-untyped-def]
    """Note one field; False when it is not of the plain form."""
    if kind == SKIP or kind == FORWARDED or kind == SCALAR:
        return True
    if kind == TEXT or kind == USER:
        _text(buf, a, b, slot, n, starts, lens)
        if kind == USER:
            for i in range(a, b):
                if at(buf, i) == 34 or at(buf, i) == 91 or at(buf, i) == 93:
                    return False
        return True
    if kind == CLIENT:
        _text(buf, a, b, SRC_IP, n, starts, lens)
        return True
    if kind == REQUEST:
        return _request(buf, a, b, n, starts, lens)
    if kind == HOST:
        end = _host(buf, a, b)
        if end >= 0:
            _text(buf, a, end, HOST_SLOT, n, starts, lens)
            if end < b:
                numbers[N_PORT, n] = _digits(buf, end + 1, b)
        return end >= 0
    value = _number(kind, buf, a, b, power)
    numbers[slot, n] = value
    return value != NULL


@_jit
def _forwarded(buf, a, b):  # type: ignore[no-untyped-def]
    """Whether a tail of fields may hold a quoted address."""
    for i in range(a, b - 1):
        c = at(buf, i + 1)
        if at(buf, i) == 34 and (48 <= c <= 58 or 65 <= c <= 70 or 97 <= c <= 102 or c == 46):
            return True
    return False


@_inline
def _find(buf, a, b, byte):  # type: ignore[no-untyped-def]
    """Where the byte is between a and b, else b; a byte below 0 is nowhere."""
    if byte < 0:
        return b
    wanted, i = np.uint8(byte), a
    while i < b and i + WIDTH <= buf.shape[0]:
        bits = matches(buf, i, wanted)
        if bits:
            return min(b, i + lowest(bits))
        i += WIDTH
    while i < b and at(buf, i) != wanted:
        i += 1
    return min(b, i)


@_jit
def _plain(buf, s, e):  # type: ignore[no-untyped-def]
    """Whether all bytes are printable ASCII other than a backslash; in a form LLVM turns into vector instructions."""
    low, high, slash = np.uint8(255), np.uint8(0), np.uint8(255)
    for i in range(np.uintp(s), np.uintp(e)):
        byte = at(buf, i)
        low, high, slash = min(low, byte), max(high, byte), min(slash, np.uint8(byte ^ np.uint8(92)))
    return low >= 32 and high <= 126 and slash > 0


@_jit
def _prefixed(buf, s, e):  # type: ignore[no-untyped-def]
    """Whether a collector's prefix may stand in front: a syslog time (month or ISO date) or ``name |``."""
    if 65 <= at(buf, s) <= 90 or at(buf, s) == 60 or (e - s > 4 and at(buf, s + 4) == 45):
        return True
    i = s
    while i < e and at(buf, i) != 32:
        i += 1
    while i < e and at(buf, i) == 32:
        i += 1
    return i < e and at(buf, i) == 124


@_jit
def _line(buf, s, e, n, program, lits, tail, starts, lens, numbers):  # type: ignore[no-untyped-def]
    """Read one line by the program; False when any part of it is not sure."""
    if e <= s or at(buf, s) == 32 or at(buf, e - 1) == 32:
        return False
    if not _plain(buf, s, e) or (at(buf, s) != 123 and _prefixed(buf, s, e)):
        return False
    p, trust, forwarded = s, 2, False
    for k in range(program.shape[0]):
        kind, stop = program[k, 0], program[k, 3]
        for i in range(program[k, 4], program[k, 5]):
            if p >= e or at(buf, p) != at(lits, i):
                return False
            p += 1
        if kind < 0:
            break
        q = _find(buf, p, e, stop)
        if q == e and stop >= 0:
            return False
        if kind == CLIENT:
            trust = _client(buf, p, q)
        forwarded = forwarded or (kind == FORWARDED and not (q - p == 1 and at(buf, p) == 45))
        if program[k, 6] and not _scalar(buf, p, q):
            return False
        if not _field(kind, program[k, 1], program[k, 2], buf, p, q, n, starts, lens, numbers):
            return False
        p = q
    if p < e and (not tail or at(buf, p) != 32):
        return False
    return trust == 2 or (trust == 1 and not forwarded and not _forwarded(buf, p, e))


@_jit
def parse(buf, begins, ends, program, lits, tail, sure, starts, lens, numbers):  # type: ignore[no-untyped-def]
    """Read every line; ``sure[n]`` says whether line n was read. Unsure lines leave their cells null."""
    for n in range(begins.shape[0]):
        sure[n] = _line(buf, begins[n], ends[n], n, program, lits, tail, starts, lens, numbers)
        if not sure[n]:
            lens[:, n] = -1
            numbers[:, n] = NULL


@_jit
def offsets(lens, out):  # type: ignore[no-untyped-def]
    """Arrow offsets of values with these lengths (-1 is null); how many are not null."""
    total, present = 0, 0
    out[0] = 0
    for i in range(lens.shape[0]):
        if lens[i] >= 0:
            total += lens[i]
            present += 1
        out[i + 1] = total
    return present


@_jit
def gather(buf, side, starts, lens, out_offsets, out):  # type: ignore[no-untyped-def]
    """Copy each value to its place; starts beyond the block point into ``side``.

    ``out`` has ``WIDTH`` bytes to spare: whole vectors are copied, and the next value overwrites what is too much.
    """
    size = buf.shape[0]
    for i in range(lens.shape[0]):
        length, to, source = np.int64(lens[i]), np.int64(out_offsets[i]), np.int64(starts[i])
        if length <= 0:
            continue
        if source + length + WIDTH <= size:
            for j in range(0, length, WIDTH):
                copy(out, to + j, buf, source + j)
        elif source < size:
            for j in range(length):
                out[to + j] = at(buf, source + j)
        else:
            for j in range(length):
                out[to + j] = at(side, source - size + j)


@_jit
def line_ends(buf, out):  # type: ignore[no-untyped-def]
    """Where the line feeds are; how many. Stops when ``out`` is full."""
    count, i, size = 0, 0, buf.shape[0]
    while i + WIDTH <= size:
        bits = matches(buf, i, np.uint8(10))
        while bits:
            if count == out.shape[0]:
                return count
            out[count] = i + lowest(bits)
            count += 1
            bits &= bits - 1
        i += WIDTH
    while i < size and count < out.shape[0]:
        if at(buf, i) == 10:
            out[count] = i
            count += 1
        i += 1
    return count
