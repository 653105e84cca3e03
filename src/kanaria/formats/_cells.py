"""Machine code that reads delimited lines into cells: where texts are, what numbers are.

In: lines, each ended by ``\\n``, and which columns are wanted (see ``cells``). Out: per line whether it was sure, and
the cells of sure lines. Sure means: the right number of columns, and every wanted cell in the plainest form of its
type. Everything else is left to the careful reader of ``columns``; whatever is accepted here must mean the same there.
``_json_cells`` is the sibling for JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kanaria.formats.compiled import jit

SKIP, TEXT, INT, REAL, BOOL, OBJECT, LIST, FIRST = range(8)
NULL = np.iinfo(np.int64).min
# Whole numbers below are exact doubles, and so is such a number divided by 10**22 at most, rounded once.
_EXACT = 1 << 53
_POWERS = np.array([10.0**n for n in range(23)])


@jit
def number(buf, a, b):  # type: ignore[no-untyped-def]
    """The whole number in buf[a:b]: up to 18 digits, perhaps a minus; NULL when it is not of that form."""
    negative = b > a and buf[a] == 45
    if negative:
        a += 1
    if a >= b or b - a > 18:
        return NULL
    value: Any = 0
    for i in range(np.uintp(a), np.uintp(b)):
        digit = np.int64(buf[i]) - 48
        if digit < 0 or digit > 9:
            return NULL
        value = value * 10 + digit
    return -value if negative else value


@jit
def real_number(buf, a, b):  # type: ignore[no-untyped-def]
    """(whether buf[a:b] is digits with perhaps a minus and a fraction, whether its value is exact, the value)."""
    negative = b > a and buf[a] == 45
    if negative:
        a += 1
    value: Any = 0
    digits, whole, point = 0, 0, False
    for i in range(np.uintp(a), np.uintp(b)):
        digit = np.int64(buf[i]) - 48
        if digit == -2 and not point:
            point, whole, digits = True, digits, 0
        elif digit < 0 or digit > 9:
            return False, False, 0.0
        else:
            digits += 1
            if value < _EXACT:
                value = value * 10 + digit
    if not point:
        whole, digits = digits, 0
    elif digits == 0:
        return False, False, 0.0
    if whole == 0 or whole > 18 or digits > 40:
        return False, False, 0.0
    if value >= _EXACT or digits > 22:
        return True, False, 0.0
    exact = value / _POWERS[digits]
    return True, True, -exact if negative else exact


# --- delimited text -------------------------------------------------------------------------------------------------


@jit
def _is_null(buf, a, b, nulls, cuts):  # type: ignore[no-untyped-def]
    for k in range(cuts.shape[0] - 1):
        if cuts[k + 1] - cuts[k] != b - a:
            continue
        same = True
        for i in range(b - a):
            same = same and buf[a + i] == nulls[cuts[k] + i]
        if same:
            return True
    return False


@jit
def _cell(kind, slot, buf, a, b, n, begins, lengths, numbers, reals):  # type: ignore[no-untyped-def]
    """Note one cell that is not null; False when it is not of the plain form of its type."""
    if kind == TEXT:
        begins[slot, n] = a
        lengths[slot, n] = b - a
        return True
    if a == b:
        return True  # a blank number or flag is null
    if kind == INT:
        value = number(buf, a, b)
        numbers[slot, n] = value
        return value != NULL
    if kind == BOOL:
        numbers[slot, n] = buf[a] == 84
        return b - a == 1 and (buf[a] == 84 or buf[a] == 70)
    plain, exact, real = real_number(buf, a, b)
    if exact:
        reals[slot, n] = real
    else:  # long fractions: the text is kept for a conversion that rounds right
        slot += begins.shape[0] - reals.shape[0]
        begins[slot, n] = a
        lengths[slot, n] = b - a
    return plain


@jit
def _digits(buf, at, value):  # type: ignore[no-untyped-def]
    """(place behind the digits at ``at``, the number they continue); the first 18 count."""
    i = np.uintp(at)
    while np.uint8(buf[i] - np.uint8(48)) <= 9:
        value = value * 10 + np.int64(buf[i] - np.uint8(48))
        i += np.uintp(1)
    return np.int64(i), value


@jit
def _usual(kind, slot, buf, at, n, numbers, reals):  # type: ignore[no-untyped-def]
    """Note a number in its commonest form while passing over it; returns the place behind it."""
    end, value = _digits(buf, at, 0)
    if kind == INT:
        numbers[slot, n] = value if 0 < end - at <= 18 else NULL
        return end
    if 0 < end - at <= 15 and buf[end] == 46:
        last, value = _digits(buf, end + 1, value)
        if end + 1 < last <= at + 16:  # 15 digits are always below _EXACT
            reals[slot, n] = value / _POWERS[last - end - 1]
            return last
    return at


@jit
def delimited(  # type: ignore[no-untyped-def]
    buf, starts, ends, delimiter, kinds, slots, nulls, cuts, wide, sure, begins, lengths, numbers, reals
):
    """Split lines at a one-byte delimiter; ``kinds`` and ``slots`` are per column.

    ``wide`` says that bytes above 127 are known to be UTF-8; else lines with such bytes are not sure.
    """
    width = kinds.shape[0]
    for n in range(ends.shape[0]):
        begin, end = starts[n], np.uintp(ends[n])
        column, fine, high = 0, True, np.uint8(0)
        while True:
            kind = kinds[column] if column < width else SKIP
            i = np.uintp(begin)
            if kind == INT or kind == REAL:
                i = np.uintp(_usual(kind, slots[column], buf, begin, n, numbers, reals))
            if i == np.uintp(begin) or (i < end and buf[i] != delimiter):  # everything but a usual number
                i = np.uintp(begin)
                while i < end and buf[i] != delimiter:
                    high |= buf[i]
                    i += np.uintp(1)
                at = np.int64(i)
                if fine and kind != SKIP:
                    if kind == INT:
                        numbers[slots[column], n] = NULL
                    elif kind == REAL:
                        reals[slots[column], n] = np.nan
                    if not _is_null(buf, begin, at, nulls, cuts):
                        fine = _cell(kind, slots[column], buf, begin, at, n, begins, lengths, numbers, reals)
            elif kind == INT and numbers[slots[column], n] == NULL:
                fine = False  # more digits than are sure
            column += 1
            if i >= end:
                break
            begin = np.int64(i) + 1
        # Blank lines and comments are passed over by the careful reader.
        first = buf[starts[n]]
        plain = np.int64(end) > starts[n] and first > 32 and first != 35
        sure[n] = fine and plain and column == width and (wide or high < 128)
