"""Machine code that reads the sure lines of a block by a compiled layout.

In: the block's bytes, where lines start and end, a program (see ``fast.Program``). Out: per line whether it was sure,
and where each of its fields is. Sure means: printable ASCII without a backslash, every field in its plainest form.
Everything else is left to the careful path; whatever is accepted here must mean the same there.
"""

from __future__ import annotations

import numpy as np

from kanaria.formats._cells import NULL
from kanaria.formats._json_text import printable
from kanaria.formats._vector import WIDTH, at, lowest, matches
from kanaria.formats.compiled import inline, jit
from kanaria.formats.web._values import clf_time, digits, epoch_time, iso_time, plain_number, scaled

# Field kinds of a program.
SKIP, TEXT, USER, CLIENT, FORWARDED, HOST, TIME, STATUS, SIZE, PORT, DECIMAL, REQUEST, ISO, EPOCH, NUMBER, SCALAR = (
    range(16)
)
# Slots of text fields the kernel fills itself.
SRC_IP, HOST_SLOT, METHOD, URL, PROTOCOL, REQUEST_SLOT = range(6)
# Slots of numbers.
N_TIME, N_STATUS, N_OUT, N_DURATION, N_PORT = range(5)


@jit
def _name(c):  # type: ignore[no-untyped-def]
    """Whether the byte may stand in a host name or an IPv4 address."""
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 46 or c == 45


@jit
def _client(buf, a, b):  # type: ignore[no-untyped-def]
    """0: not surely who sent it (see ``values.is_client``); 1: an address that may be private; 2: surely a public
    address or a name."""
    if b - a > 253 or a == b:  # no DNS name is longer
        return 0
    colons, letters = 0, 0
    for i in range(a, b):
        c = at(buf, i)
        if c == 58:
            colons += 1
        elif not _name(c):
            return 0
        elif c != 46 and not 48 <= c <= 57:
            letters += 1
    if at(buf, a) == 45 or at(buf, a) == 117:  # "-", "unknown"
        return 0
    if colons:
        return 1 if _ipv6(buf, a, b) else 0
    if letters == 0:
        return _ipv4(buf, a, b)
    return 2 if _host_name(buf, a, b) else 0


@jit
def _ipv4(buf, a, b):  # type: ignore[no-untyped-def]
    """As ``_client``, of digits and dots: four numbers up to 255 without leading zeros."""
    first, number, size, parts = -1, 0, 0, 1
    for i in range(a, b + 1):
        c = at(buf, i) if i < b else 46
        if c != 46:
            number, size = number * 10 + c - 48, size + 1
            continue
        if size == 0 or size > 3 or number > 255 or (size > 1 and at(buf, i - size) == 48):
            return 0
        first = number if first < 0 else first
        parts, number, size = parts + (i < b), 0, 0
    if parts != 4:
        return 0
    return 1 if first == 0 or first >= 224 or first in (10, 100, 127, 169, 172, 192) else 2


@jit
def _ipv6(buf, a, b):  # type: ignore[no-untyped-def]
    """Whether these are eight groups of one to four hexadecimal digits, or fewer around one ``::``."""
    groups, size, pairs, i = 0, 0, 0, a
    while i < b:
        c = at(buf, i)
        if 48 <= c <= 57 or 65 <= c <= 70 or 97 <= c <= 102:
            size += 1
            groups += size == 1
            if size > 4:
                return False
        elif c != 58:
            return False
        elif i + 1 < b and at(buf, i + 1) == 58:
            pairs, size = pairs + 1, 0
            i += 1
        elif size == 0 or i + 1 == b:
            return False
        else:
            size = 0
        i += 1
    return (pairs == 1 and groups <= 7) or (pairs == 0 and groups == 8)


@jit
def _host_name(buf, a, b):  # type: ignore[no-untyped-def]
    """Whether these are labels with dots between, the first begun by a letter, and one after a dot too."""
    if at(buf, a) < 65:
        return False
    named = False
    for i in range(a, b):
        if at(buf, i) != 46:
            continue
        if i + 1 < b and at(buf, i + 1) == 46:
            return False
        named = named or (i + 1 < b and (at(buf, i + 1) == 45 or at(buf, i + 1) >= 65))
    return named


@jit
def _host(buf, a, b):  # type: ignore[no-untyped-def]
    """End of the name in ``name`` or ``name:port``, or -1 when it is not plain."""
    if a == b or b - a > 253 or at(buf, a) == 45 or at(buf, a) == 117 or at(buf, a) == 58:
        return -1
    i = a
    while i < b and _name(at(buf, i)):
        i += 1
    if i == b:
        return b
    if at(buf, i) != 58 or b - i < 2 or b - i > 6 or digits(buf, i + 1, b) < 0:
        return -1
    return i


@jit
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
    if at(buf, p + 4) != 47 or digits(buf, p + 5, p + 6) < 0:
        return False
    if b - p == 8 and (at(buf, p + 6) != 46 or digits(buf, p + 7, p + 8) < 0):
        return False
    starts[REQUEST_SLOT, n], lens[REQUEST_SLOT, n] = a, b - a
    starts[METHOD, n], lens[METHOD, n] = a, i - a
    starts[URL, n], lens[URL, n] = i + 1, p - 1 - (i + 1)
    starts[PROTOCOL, n], lens[PROTOCOL, n] = p, b - p
    return True


@inline
def _text(buf, a, b, slot, n, starts, lens):  # type: ignore[no-untyped-def]
    if b > a and not (b - a == 1 and at(buf, a) == 45):
        starts[slot, n], lens[slot, n] = a, b - a


@inline
def _number(kind, buf, a, b, power):  # type: ignore[no-untyped-def]
    """The value of a numeric field, or NULL when it is not of the plain form."""
    if kind == TIME:
        return clf_time(buf, a, b)
    if kind == DECIMAL:
        return scaled(buf, a, b, power)
    if kind == ISO:
        return iso_time(buf, a, b)
    if kind == EPOCH:
        return epoch_time(buf, a, b)
    if kind == SIZE and b - a == 1 and at(buf, a) == 45:
        return 0
    longest = 3 if kind == STATUS else 18 if kind == SIZE or kind == NUMBER else 9
    if b - a < (3 if kind == STATUS else 1) or b - a > longest:
        return NULL
    value = digits(buf, a, b)
    return value if value >= 0 else NULL


@inline
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
                numbers[N_PORT, n] = digits(buf, end + 1, b)
        return end >= 0
    value = _number(kind, buf, a, b, power)
    numbers[slot, n] = value
    return value != NULL


@jit
def _forwarded(buf, a, b):  # type: ignore[no-untyped-def]
    """Whether a tail of fields may hold a quoted address."""
    for i in range(a, b - 1):
        c = at(buf, i + 1)
        if at(buf, i) == 34 and (48 <= c <= 58 or 65 <= c <= 70 or 97 <= c <= 102 or c == 46):
            return True
    return False


@inline
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


@jit
def _plain(buf, s, e):  # type: ignore[no-untyped-def]
    """Whether all bytes are printable ASCII other than a backslash; in a form LLVM turns into vector instructions."""
    low, high, slash = np.uint8(255), np.uint8(0), np.uint8(255)
    for i in range(np.uintp(s), np.uintp(e)):
        byte = at(buf, i)
        low, high, slash = min(low, byte), max(high, byte), min(slash, np.uint8(byte ^ np.uint8(92)))
    return low >= 32 and high <= 126 and slash > 0


@jit
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


@jit
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
        if program[k, 6] and not plain_number(buf, p, q):
            return False
        if not _field(kind, program[k, 1], program[k, 2], buf, p, q, n, starts, lens, numbers):
            return False
        p = q
    if p < e and (not tail or at(buf, p) != 32):
        return False
    return trust == 2 or (trust == 1 and not forwarded and not _forwarded(buf, p, e))


@jit
def parse(buf, begins, ends, program, lits, tail, sure, starts, lens, numbers):  # type: ignore[no-untyped-def]
    """Read every line; ``sure[n]`` says whether line n was read. Unsure lines leave their cells null."""
    for n in range(begins.shape[0]):
        sure[n] = _line(buf, begins[n], ends[n], n, program, lits, tail, starts, lens, numbers)
        if not sure[n]:
            for slot in range(lens.shape[0]):
                lens[slot, n] = -1
            for slot in range(numbers.shape[0]):
                numbers[slot, n] = NULL


@jit
def unquoted(buf, starts, ends, sure):  # type: ignore[no-untyped-def]
    """Take back ``sure`` where a line has other bytes than printable ASCII, or a quote."""
    for n in range(sure.shape[0]):
        if sure[n]:
            sure[n] = printable(buf, starts[n], ends[n], np.uint8(34))
