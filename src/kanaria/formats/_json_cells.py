"""Machine code that reads JSON lines into cells: where texts are, what numbers are.

In: lines, each ended by ``\\n``, and a tree of the wanted keys (see ``cells``). Out: per line whether it was sure, and
the cells of sure lines. Sure means: one well-formed object (RFC 8259), and every wanted value in the plainest form of
its type. Everything else is left to the careful reader of ``json_lines``; whatever is accepted here must mean the same
there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kanaria.formats._cells import BOOL, INT, LIST, NULL, OBJECT, REAL, TEXT, number, real_number
from kanaria.formats.compiled import jit

_DEEPEST = 60  # of nested values; one bit each
_OPEN = 6  # wanted objects inside one another
_KEYS = 256  # keys of a line whose place is remembered


def room() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What ``json_objects`` keeps from line to line, for the loops allocate nothing.

    (begin, length, node, parent) of the last line's keys in their order, the objects around the present one, and how
    many bytes of ``side`` are used.
    """
    return np.full((_KEYS, 4), -1, np.int64), np.zeros(_OPEN, np.int64), np.zeros(1, np.int64)


@jit
def _blank(buf, at):  # type: ignore[no-untyped-def]
    while buf[at] == 32 or buf[at] == 9 or buf[at] == 13:
        at += 1
    return at


@jit
def _special(buf, at):  # type: ignore[no-untyped-def]
    """The next quote, backslash or control byte; there is one, for the block ends with a line's end."""
    i = np.uintp(at)
    while buf[i] >= 32 and buf[i] != 34 and buf[i] != 92:
        i += np.uintp(1)
    return np.int64(i)


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


@jit
def _string(buf, at):  # type: ignore[no-untyped-def]
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
def _unescape(buf, a, b, side, at):  # type: ignore[no-untyped-def]
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


@jit
def _numeral(buf, at):  # type: ignore[no-untyped-def]
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
def _word(buf, at):  # type: ignore[no-untyped-def]
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
        end, _escaped = _string(buf, at + 1)
        return end + 1 if end >= 0 else -1
    if c == 45 or 48 <= c <= 57:
        end, _whole, _usual = _numeral(buf, at)
        return end
    return _word(buf, at)


@jit
def _key(buf, at):  # type: ignore[no-untyped-def]
    """Where the value of the key at ``at`` begins, or -1."""
    if buf[at] != 34:
        return -1
    end, _escaped = _string(buf, at + 1)
    if end < 0:
        return -1
    at = _blank(buf, end + 1)
    return _blank(buf, at + 1) if buf[at] == 58 else -1


@jit
def _skip(buf, at):  # type: ignore[no-untyped-def]
    """End of any JSON value, checked throughout, or -1."""
    depth, objects = 0, np.int64(0)  # one bit a level: set for an object
    while True:
        c = buf[at]
        if c == 123 or c == 91:
            if depth == _DEEPEST:
                return -1
            objects = (objects << 1) | (1 if c == 123 else 0)
            depth += 1
            at = _blank(buf, at + 1)
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
            at = at if depth == 0 else _blank(buf, at)
        while depth > 0 and buf[at] == (125 if objects & 1 else 93):
            depth -= 1
            objects >>= 1
            at += 1
            if depth:
                at = _blank(buf, at)
        if depth == 0:
            return at
        if buf[at] != 44:
            return -1
        at = _blank(buf, at + 1)
        if objects & 1:
            at = _key(buf, at)
            if at < 0:
                return -1


@jit
def _wanted(buf, a, b, parent, parents, keys, cuts):  # type: ignore[no-untyped-def]
    """The node of the key buf[a:b] below ``parent``, or -1."""
    for node in range(parents.shape[0]):
        if parents[node] != parent or cuts[node + 1] - cuts[node] != b - a:
            continue
        same = True
        for i in range(b - a):
            if buf[a + i] != keys[cuts[node] + i]:
                same = False
                break
        if same:
            return node
    return -1


@jit
def _same(buf, a, b, size):  # type: ignore[no-untyped-def]
    for i in range(np.uintp(size)):
        if buf[np.uintp(a) + i] != buf[np.uintp(b) + i]:
            return False
    return True


@jit
def _value(kind, slot, buf, at, n, side, used, begins, lengths, numbers, reals):  # type: ignore[no-untyped-def]
    """Note a wanted value; returns where it ends, or -1 when it is not of the plain form of its type."""
    c = buf[at]
    if c == 110:  # null: takes back what an earlier key of the same name said
        if kind == TEXT or kind == LIST:
            lengths[slot, n] = -1
        elif kind == REAL:
            reals[slot, n] = np.nan
            lengths[slot + begins.shape[0] - reals.shape[0], n] = -1
        else:
            numbers[slot, n] = NULL
        return _word(buf, at)
    if kind == TEXT and c == 34:
        end, escaped = _string(buf, at + 1)
        if end < 0:
            return -1
        begins[slot, n], lengths[slot, n] = at + 1, end - at - 1
        if escaped:
            place = _unescape(buf, at + 1, end, side, used[0])
            if place < 0:
                return -1
            begins[slot, n], lengths[slot, n] = buf.shape[0] + used[0], place - used[0]
            used[0] = place
        return end + 1
    if kind == LIST:
        end = _skip(buf, at) if c == 91 else -1
        begins[slot, n], lengths[slot, n] = at, end - at
        return end
    if c == 116 or c == 102:
        end = _word(buf, at)
        if kind == TEXT:
            begins[slot, n], lengths[slot, n] = at, end - at
        elif kind == BOOL:
            numbers[slot, n] = c == 116
        return end if kind == TEXT or kind == BOOL else -1
    if kind == BOOL or kind == OBJECT or (c != 45 and (c < 48 or c > 57)):
        return -1
    return _numeric(kind, slot, buf, at, n, begins, lengths, numbers, reals)


@jit
def _numeric(kind, slot, buf, at, n, begins, lengths, numbers, reals):  # type: ignore[no-untyped-def]
    """``_value`` for a number in a text, whole or real field."""
    end, whole, usual = _numeral(buf, at)
    if end < 0 or not usual or (not whole and kind != REAL) or (whole and buf[at] == 45 and buf[at + 1] == 48):
        return -1
    if kind == INT:
        numbers[slot, n] = number(buf, at, end)
        return end
    if kind == REAL:
        plain, exact, real = real_number(buf, at, end)
        reals[slot, n] = real if plain and exact else np.nan
        slot += begins.shape[0] - reals.shape[0]
        if plain and exact:
            lengths[slot, n] = -1
            return end
    begins[slot, n], lengths[slot, n] = at, end - at
    return end


@jit
def _object(  # type: ignore[no-untyped-def]
    buf, at, n, parents, kinds, slots, keys, cuts, places, above, side, used, begins, lengths, numbers, reals
):
    """Read the object whose brace is at ``at``; True when the line is sure. ``places``: see ``room``."""
    depth, parent, count = 0, -1, 0
    at = _blank(buf, at + 1)
    empty = buf[at] == 125
    while True:
        if not empty:
            if buf[at] != 34:
                return False
            guess = count if count < _KEYS else 0
            size = places[guess, 1]
            if places[guess, 3] == parent and size >= 0 and _same(buf, at, places[guess, 0], size):
                node, at = places[guess, 2], at + size
            else:
                end, escaped = _string(buf, at + 1)
                if end < 0 or escaped:
                    return False
                node = _wanted(buf, at + 1, end, parent, parents, keys, cuts)
                places[guess, 0], places[guess, 1] = at, end + 1 - at
                places[guess, 2], places[guess, 3] = node, parent
                at = end + 1
            count += 1
            at = _blank(buf, at)
            if buf[at] != 58:
                return False
            at = _blank(buf, at + 1)
            if node >= 0 and kinds[node] == OBJECT and numbers[slots[node], n] != NULL:
                return False  # the same object twice: the careful reader knows which counts
            if node >= 0 and kinds[node] == OBJECT and buf[at] == 123:
                if depth == _OPEN:
                    return False
                numbers[slots[node], n] = 1
                above[depth] = parent
                depth, parent = depth + 1, node
                at = _blank(buf, at + 1)
                empty = buf[at] == 125
                continue
            if node < 0:
                at = _skip(buf, at)
            else:
                at = _value(kinds[node], slots[node], buf, at, n, side, used, begins, lengths, numbers, reals)
            if at < 0:
                return False
            at = _blank(buf, at)
        empty = False
        while buf[at] == 125:
            if depth == 0:
                return buf[at + 1] == 10
            depth -= 1
            parent = above[depth]
            at = _blank(buf, at + 1)
        if buf[at] != 44:
            return False
        at = _blank(buf, at + 1)


@jit
def json_objects(  # type: ignore[no-untyped-def]
    buf,
    starts,
    ends,
    parents,
    kinds,
    slots,
    keys,
    cuts,
    wide,
    places,
    above,
    used,
    side,
    sure,
    begins,
    lengths,
    numbers,
    reals,
):
    """Read a JSON object from every line. ``wide``: bytes above 127 are known to be UTF-8; else such lines are odd."""
    for n in range(starts.shape[0]):
        at, high = starts[n], np.uint8(0)
        if not wide:
            for i in range(np.uintp(at), np.uintp(ends[n])):
                high |= buf[i]
        sure[n] = (
            buf[at] == 123
            and high < 128
            and _object(
                buf,
                at,
                n,
                parents,
                kinds,
                slots,
                keys,
                cuts,
                places,
                above,
                side,
                used,
                begins,
                lengths,
                numbers,
                reals,
            )
        )
