"""Machine code that reads delimited lines into cells: where texts are, what numbers are.

In: lines, each ended by ``\\n``, and which columns are wanted (see ``cells``). Out: per line whether it was sure, and
the cells of sure lines. Sure means: the right number of columns, and every wanted cell in the plainest form of its
type. Everything else is left to the careful reader of ``columns``; whatever is accepted here must mean the same there.
``_json_cells`` is the sibling for JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kanaria.formats._vector import WIDTH, eight, lowest, matches
from kanaria.formats.compiled import inline, jit

SKIP, TEXT, INT, REAL, BOOL, OBJECT, LIST, FIRST = range(8)
NULL = np.iinfo(np.int64).min
# Whole numbers below are exact doubles, and so is such a number divided by 10**22 at most, rounded once.
_EXACT = 1 << 53
_POWERS = np.array([10.0**n for n in range(23)])
_TENS = np.array([10**n for n in range(17)])


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


@inline
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


@inline
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


@inline
def _eight(buf, a, b):  # type: ignore[no-untyped-def]
    """The number that the 1 to 8 bytes buf[a:b] write, above 99,999,999 when they are not all digits.

    All bytes at once: what comes before them is replaced by zeros, neighbours are added in pairs three times. Cells of
    changing lengths cost a loop over their digits more for guessing wrong where it ends than for the digits.
    """
    kept = np.uint64(0xFFFFFFFFFFFFFFFF) << np.uint64(8 * (8 - (b - a)))
    digits = (eight(buf, b - 8) ^ np.uint64(0x3030303030303030)) & kept
    if ((digits + np.uint64(0x7676767676767676)) | digits) & np.uint64(0x8080808080808080):
        return np.int64(100_000_000)
    digits = ((digits * np.uint64(10 * 256 + 1)) >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    digits = ((digits * np.uint64(100 * 65536 + 1)) >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    return np.int64((digits * np.uint64(10000 * (1 << 32) + 1)) >> np.uint64(32))


@inline
def _digits(buf, a, b):  # type: ignore[no-untyped-def]
    """The number written by the bytes buf[a:b], NULL unless they are 1 to 16 digits."""
    if not (0 < b - a <= 16) or b < 16:
        return NULL
    if b - a <= 8:
        low = _eight(buf, a, b)
        return low if low < 100_000_000 else NULL
    high, low = _eight(buf, a, b - 8), _eight(buf, b - 8, b)
    return high * 100_000_000 + low if high < 100_000_000 and low < 100_000_000 else NULL


@inline
def _usual(kind, slot, buf, a, b, n, numbers, reals):  # type: ignore[no-untyped-def]
    """Note a number in its commonest form: up to 16 digits, a real with a point among them. False for any other."""
    if kind == INT:
        numbers[slot, n] = _digits(buf, a, b)
        return numbers[slot, n] != NULL
    if b - a > WIDTH or a + WIDTH > buf.shape[0]:
        return False
    points = matches(buf, a, np.uint8(46)) & ((1 << (b - a)) - 1)
    if points == 0:
        return False
    point = a + lowest(points)
    whole, part, digits = _digits(buf, a, point), _digits(buf, point + 1, b), b - point - 1
    if whole < 0 or part < 0 or b - a > 17:
        return False
    value = whole * _TENS[digits] + part
    if value >= _EXACT:
        return False
    reals[slot, n] = value / _POWERS[digits]
    return True


@inline
def _delimiters(buf, window, delimiter):  # type: ignore[no-untyped-def]
    """Which of the next ``WIDTH`` bytes are delimiters, as bits."""
    if window + WIDTH <= buf.shape[0]:
        return matches(buf, window, delimiter)
    bits = 0
    for i in range(window, buf.shape[0]):
        if buf[i] == delimiter:
            bits |= 1 << (i - window)
    return bits


@jit
def _is_ascii(buf, a, b):  # type: ignore[no-untyped-def]
    high = np.uint8(0)
    for i in range(np.uintp(a), np.uintp(b)):
        high |= buf[i]
    return high < 128


@jit
def delimited(  # type: ignore[no-untyped-def]
    buf, starts, ends, delimiter, kinds, slots, nulls, cuts, wide, sure, begins, lengths, numbers, reals
):
    """Split lines at a one-byte delimiter; ``kinds`` and ``slots`` are per column.

    ``wide`` says that bytes above 127 are known to be UTF-8; else lines with such bytes are not sure.
    """
    width, delimiter = kinds.shape[0], np.uint8(delimiter)
    for n in range(ends.shape[0]):
        begin, end = starts[n], ends[n]
        window, bits = begin, _delimiters(buf, begin, delimiter)
        column, fine = 0, True
        while True:
            while bits == 0 and window + WIDTH < end:
                window += WIDTH
                bits = _delimiters(buf, window, delimiter)
            cut = min(window + lowest(bits), end) if bits else end
            bits &= bits - 1
            kind = kinds[column] if column < width else SKIP
            if fine and kind != SKIP and not _is_null(buf, begin, cut, nulls, cuts):
                slot = slots[column]
                usual = (kind == INT or kind == REAL) and _usual(kind, slot, buf, begin, cut, n, numbers, reals)
                if not usual:
                    fine = _cell(kind, slot, buf, begin, cut, n, begins, lengths, numbers, reals)
            column += 1
            if cut >= end:
                break
            begin = cut + 1
        # Blank lines and comments are passed over by the careful reader.
        first = buf[starts[n]]
        plain = end > starts[n] and first > 32 and first != 35
        sure[n] = fine and plain and column == width and (wide or _is_ascii(buf, starts[n], end))
