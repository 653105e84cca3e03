"""Machine code for the pieces of JSON text (RFC 8259): where strings, numbers and any values end.

In: bytes and a place. Out: the place behind what is there, -1 where it is not well-formed. A block ends with a line's
end, which stands in no value, so nothing reads beyond it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kanaria.formats._vector import WIDTH, ends_json_text, lowest, unprintable
from kanaria.formats.compiled import inline, jit

_DEEPEST = 60  # of nested values; one bit each


@inline
def blank(buf, at):  # type: ignore[no-untyped-def]
    while buf[at] == 32 or buf[at] == 9 or buf[at] == 13:
        at += 1
    return at


@inline
def _special(buf, at):  # type: ignore[no-untyped-def]
    """The next quote, backslash or control byte; there is one, for the block ends with a line's end."""
    while at + WIDTH <= buf.shape[0]:
        bits = ends_json_text(buf, at)
        if bits:
            return at + lowest(bits)
        at += WIDTH
    i = np.uintp(at)
    while buf[i] >= 32 and buf[i] != 34 and buf[i] != 92:
        i += np.uintp(1)
    return np.int64(i)


@jit
def printable(buf, a, b, byte):  # type: ignore[no-untyped-def]
    """Whether buf[a:b] is printable ASCII without ``byte``."""
    while a < b and a + WIDTH <= buf.shape[0]:
        bits = unprintable(buf, a, byte)
        if bits:
            return a + lowest(bits) >= b
        a += WIDTH
    for i in range(a, b):
        if buf[i] < 32 or buf[i] > 126 or buf[i] == byte:
            return False
    return True


@jit
def _hex(buf, at):  # type: ignore[no-untyped-def]
    """Four hexadecimal digits, or -1."""
    value: Any = 0
    for i in range(at, at + 4):
        c = np.int64(buf[i])
        if 48 <= c <= 57:
            digit = c - 48
        elif 97 <= c <= 102:
            digit = c - 87
        elif 65 <= c <= 70:
            digit = c - 55
        else:
            return -1
        value = value * 16 + digit
    return value


@inline
def string(buf, at):  # type: ignore[no-untyped-def]
    """(end of the string whose first byte is at ``at``: its closing quote, or -1; whether it has escapes)."""
    escaped = False
    while True:
        at = _special(buf, at)
        if buf[at] == 34:
            return at, escaped
        if buf[at] != 92:
            return -1, False
        escaped = True
        c = buf[at + 1]
        if c == 117:
            if _hex(buf, at + 2) < 0:
                return -1, False
            at += 6
        elif c == 34 or c == 92 or c == 47 or c == 98 or c == 102 or c == 110 or c == 114 or c == 116:
            at += 2
        else:
            return -1, False


@jit
def unescape(buf, a, b, side, at):  # type: ignore[no-untyped-def]
    """Write the string's bytes to ``side``; returns the place behind them, or -1 for halves of a surrogate pair."""
    while a < b:
        c = buf[a]
        a += 1
        if c == 92:
            c = buf[a]
            a += 1
            if c == 117:
                code = _hex(buf, a)
                a += 4
                if 0xD800 <= code < 0xE000:
                    return -1
                if code >= 0x800:
                    side[at] = 0xE0 | (code >> 12)
                    side[at + 1] = 0x80 | ((code >> 6) & 63)
                    at += 2
                elif code >= 0x80:
                    side[at] = 0xC0 | (code >> 6)
                    at += 1
                c = np.uint8(code if code < 0x80 else 0x80 | (code & 63))
            elif c != 34 and c != 92 and c != 47:
                c = np.uint8(8 if c == 98 else 12 if c == 102 else 10 if c == 110 else 13 if c == 114 else 9)
        side[at] = c
        at += 1
    return at


@inline
def numeral(buf, at):  # type: ignore[no-untyped-def]
    """(end of the JSON number at ``at`` or -1, whether it is whole, whether it is of a size all readers share)."""
    if buf[at] == 45:
        at += 1
    first = at
    while 48 <= buf[at] <= 57:
        at += 1
    if at == first or (buf[first] == 48 and at > first + 1):
        return -1, False, False
    usual, whole = at - first <= 18, True
    if buf[at] == 46:
        point = at
        at += 1
        while 48 <= buf[at] <= 57:
            at += 1
        if at == point + 1:
            return -1, False, False
        usual, whole = usual and at - point <= 40, False
    if buf[at] == 101 or buf[at] == 69:
        at += 1
        if buf[at] == 45 or buf[at] == 43:
            at += 1
        first = at
        while 48 <= buf[at] <= 57:
            at += 1
        if at == first:
            return -1, False, False
        usual, whole = usual and at - first <= 2, False
    return at, whole, usual


@jit
def word(buf, at):  # type: ignore[no-untyped-def]
    """End of ``true``, ``false`` or ``null`` at ``at``, or -1."""
    if buf[at] == 116 and buf[at + 1] == 114 and buf[at + 2] == 117 and buf[at + 3] == 101:
        return at + 4
    if buf[at] == 110 and buf[at + 1] == 117 and buf[at + 2] == 108 and buf[at + 3] == 108:
        return at + 4
    if buf[at] == 102 and buf[at + 1] == 97 and buf[at + 2] == 108 and buf[at + 3] == 115 and buf[at + 4] == 101:
        return at + 5
    return -1


@jit
def _scalar(buf, at):  # type: ignore[no-untyped-def]
    """End of a string, number or word, or -1."""
    c = buf[at]
    if c == 34:
        end, _escaped = string(buf, at + 1)
        return end + 1 if end >= 0 else -1
    if c == 45 or 48 <= c <= 57:
        end, _whole, _usual = numeral(buf, at)
        return end
    return word(buf, at)


@jit
def _key(buf, at):  # type: ignore[no-untyped-def]
    """Where the value of the key at ``at`` begins, or -1."""
    if buf[at] != 34:
        return -1
    end, _escaped = string(buf, at + 1)
    if end < 0:
        return -1
    at = blank(buf, end + 1)
    return blank(buf, at + 1) if buf[at] == 58 else -1


@jit
def skip(buf, at):  # type: ignore[no-untyped-def]
    """End of any JSON value, checked throughout, or -1."""
    depth, objects = 0, np.int64(0)  # one bit a level: set for an object
    while True:
        c = buf[at]
        if c == 123 or c == 91:
            if depth == _DEEPEST:
                return -1
            objects = (objects << 1) | (1 if c == 123 else 0)
            depth += 1
            at = blank(buf, at + 1)
            if buf[at] != (125 if c == 123 else 93):
                if c == 123:
                    at = _key(buf, at)
                if at < 0:
                    return -1
                continue
        else:
            at = _scalar(buf, at)
            if at < 0:
                return -1
            at = at if depth == 0 else blank(buf, at)
        while depth > 0 and buf[at] == (125 if objects & 1 else 93):
            depth -= 1
            objects >>= 1
            at += 1
            if depth:
                at = blank(buf, at)
        if depth == 0:
            return at
        if buf[at] != 44:
            return -1
        at = blank(buf, at + 1)
        if objects & 1:
            at = _key(buf, at)
            if at < 0:
                return -1
