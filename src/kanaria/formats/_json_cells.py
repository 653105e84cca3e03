"""Machine code that reads JSON lines into cells: where texts are, what numbers are.

In: lines, each ended by ``\\n``, and a tree of the wanted keys (see ``cells``). Out: per line whether it was sure, and
the cells of sure lines. Sure means: one well-formed object (RFC 8259), and every wanted value in the plainest form of
its type. Everything else is left to the careful reader of ``json_lines``; whatever is accepted here must mean the same
there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kanaria.formats._cells import BOOL, FIRST, INT, LIST, NULL, OBJECT, REAL, SKIP, TEXT, number, real_number
from kanaria.formats._json_text import blank, numeral, printable, skip, string, unescape, word
from kanaria.formats._vector import WIDTH, equals
from kanaria.formats.compiled import inline, jit

_OPEN = 6  # wanted objects inside one another
_KEYS = 256  # keys of a line whose place is remembered


def room() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What ``json_objects`` keeps from line to line, for the loops allocate nothing.

    (begin, length, node, parent) of the last line's keys in their order, the objects around the present one, and how
    many bytes of ``side`` are used.
    """
    return np.full((_KEYS, 4), -1, np.int64), np.zeros(_OPEN, np.int64), np.zeros(1, np.int64)


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


@inline
def _same(buf, a, b, size):  # type: ignore[no-untyped-def]
    if size <= WIDTH and max(a, b) + WIDTH <= buf.shape[0]:
        return equals(buf, a, b) & ((1 << size) - 1) == (1 << size) - 1
    for i in range(np.uintp(size)):
        if buf[np.uintp(a) + i] != buf[np.uintp(b) + i]:
            return False
    return True


@inline
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
        return word(buf, at)
    if kind == TEXT and c == 34:
        end, escaped = string(buf, at + 1)
        if end < 0:
            return -1
        begins[slot, n], lengths[slot, n] = at + 1, end - at - 1
        if escaped:
            place = unescape(buf, at + 1, end, side, used[0])
            if place < 0:
                return -1
            begins[slot, n], lengths[slot, n] = buf.shape[0] + used[0], place - used[0]
            used[0] = place
        return end + 1
    if kind == LIST:
        end = skip(buf, at) if c == 91 else -1
        begins[slot, n], lengths[slot, n] = at, end - at
        return end
    if c == 116 or c == 102:
        end = word(buf, at)
        if kind == TEXT:
            begins[slot, n], lengths[slot, n] = at, end - at
        elif kind == BOOL:
            numbers[slot, n] = c == 116
        return end if kind == TEXT or kind == BOOL else -1
    if kind == BOOL or kind == OBJECT or (c != 45 and (c < 48 or c > 57)):
        return -1
    return _numeric(kind, slot, buf, at, n, begins, lengths, numbers, reals)


@inline
def _numeric(kind, slot, buf, at, n, begins, lengths, numbers, reals):  # type: ignore[no-untyped-def]
    """``_value`` for a number in a text, whole or real field."""
    end, whole, usual = numeral(buf, at)
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


@inline
def _unlike(kind, byte):  # type: ignore[no-untyped-def]
    """Whether a value begins otherwise than those the tree was made from: an object or none, or a word for a text."""
    return kind == OBJECT or byte == 123 or (kind == TEXT and (byte == 116 or byte == 102))


@inline
def _first(slot, buf, at, n, side, used, begins, lengths, numbers, reals):  # type: ignore[no-untyped-def]
    """The only text of a list, or a text; returns where the value ends, or -1."""
    listed = buf[at] == 91
    if listed:
        at = blank(buf, at + 1)
    if buf[at] != 34:
        return -1
    at = _value(TEXT, slot, buf, at, n, side, used, begins, lengths, numbers, reals)
    if not listed or at < 0:
        return at
    at = blank(buf, at)
    return at + 1 if buf[at] == 93 else -1


@jit
def _object(  # type: ignore[no-untyped-def]
    buf, at, n, strict, parents, kinds, slots, keys, cuts, places, above, side, used, begins, lengths, numbers, reals
):
    """Read the object whose brace is at ``at``; True when the line is sure. ``places``: see ``room``."""
    depth, parent, count = 0, -1, 0
    at = blank(buf, at + 1)
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
                end, escaped = string(buf, at + 1)
                if end < 0 or escaped:
                    return False
                node = _wanted(buf, at + 1, end, parent, parents, keys, cuts)
                places[guess, 0], places[guess, 1] = at, end + 1 - at
                places[guess, 2], places[guess, 3] = node, parent
                at = end + 1
            count += 1
            at = blank(buf, at)
            if buf[at] != 58:
                return False
            at = blank(buf, at + 1)
            if node >= 0 and kinds[node] == OBJECT and numbers[slots[node], n] != NULL:
                return False  # the same object twice: the careful reader knows which counts
            if node >= 0 and kinds[node] == OBJECT and buf[at] == 123:
                if depth == _OPEN:
                    return False
                numbers[slots[node], n] = 1
                above[depth] = parent
                depth, parent = depth + 1, node
                at = blank(buf, at + 1)
                empty = buf[at] == 125
                continue
            if strict and (node < 0 or _unlike(kinds[node], buf[at])):
                return False
            if node < 0 or kinds[node] == SKIP:
                at = skip(buf, at)
            elif kinds[node] == FIRST:
                at = _first(slots[node], buf, at, n, side, used, begins, lengths, numbers, reals)
            else:
                at = _value(kinds[node], slots[node], buf, at, n, side, used, begins, lengths, numbers, reals)
            if at < 0:
                return False
            at = blank(buf, at)
        empty = False
        while buf[at] == 125:
            if depth == 0:
                return buf[at + 1] == 10 or (buf[at + 1] == 13 and buf[at + 2] == 10)
            depth -= 1
            parent = above[depth]
            at = blank(buf, at + 1)
        if buf[at] != 44:
            return False
        at = blank(buf, at + 1)


@jit
def json_objects(  # type: ignore[no-untyped-def]
    buf, starts, ends, parents, kinds, slots, keys, cuts, strict, wide, places, above, used, side,
    sure, begins, lengths, numbers, reals,
):  # fmt: skip
    """Read a JSON object from every line.

    ``strict`` says that a key outside the tree, or an object where the tree has none, makes a line odd. ``wide`` says
    that bytes above 127 are known to be UTF-8; else lines with such bytes are odd.
    """
    for n in range(starts.shape[0]):
        at, high = starts[n], np.uint8(0)
        if not wide:
            for i in range(np.uintp(at), np.uintp(ends[n])):
                high |= buf[i]
        sure[n] = False
        if buf[at] == 123 and high < 128:
            sure[n] = _object(
                buf, at, n, strict, parents, kinds, slots, keys, cuts, places, above, side, used,
                begins, lengths, numbers, reals,
            )  # fmt: skip


@jit
def plain_texts(buf, side, begins, lengths, sure):  # type: ignore[no-untyped-def]
    """Take back ``sure`` where a text has other bytes than printable ASCII, or a backslash."""
    size = buf.shape[0]
    for slot in range(lengths.shape[0]):
        for n in range(lengths.shape[1]):
            begin, length = np.int64(begins[slot, n]), np.int64(lengths[slot, n])
            if length <= 0:
                continue
            if begin >= size:
                plain = printable(side, begin - size, begin - size + length, np.uint8(92))
            else:
                plain = printable(buf, begin, begin + length, np.uint8(92))
            if not plain:
                sure[n] = False
