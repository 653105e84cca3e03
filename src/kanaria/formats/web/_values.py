"""Numbers and times in web logs, read by machine code from the bytes of a block.

In: the block's bytes and where a field is. Out: its value, or ``NULL`` when it is not of the one plain form that is
read here; the careful path knows the others.
"""

from __future__ import annotations

from kanaria.formats._cells import NULL
from kanaria.formats._vector import at
from kanaria.formats.compiled import jit


@jit
def digits(buf, a, b):  # type: ignore[no-untyped-def]
    """The number made of these digits, -1 when one is none."""
    value = 0
    for i in range(a, b):
        c = at(buf, i) - 48
        if c < 0 or c > 9:
            return -1
        value = value * 10 + c
    return value


@jit
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


@jit
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


@jit
def clf_time(buf, a, b):  # type: ignore[no-untyped-def]
    """Microseconds of ``17/May/2015:10:05:03 +0000``, or NULL."""
    if b - a != 26 or at(buf, a + 2) != 47 or at(buf, a + 6) != 47 or at(buf, a + 11) != 58 or at(buf, a + 14) != 58:
        return NULL
    if at(buf, a + 17) != 58 or at(buf, a + 20) != 32 or (at(buf, a + 21) != 43 and at(buf, a + 21) != 45):
        return NULL
    day, month, year = digits(buf, a, a + 2), _month(buf, a + 3), digits(buf, a + 7, a + 11)
    hour, minute, second = digits(buf, a + 12, a + 14), digits(buf, a + 15, a + 17), digits(buf, a + 18, a + 20)
    zone_hour, zone_minute = digits(buf, a + 22, a + 24), digits(buf, a + 24, a + 26)
    if month == 0 or year < 1971 or min(hour, minute, second, zone_hour, zone_minute) < 0:
        return NULL
    days = _days(year, month, day)
    if days < 0 or hour > 23 or minute > 59 or second > 59 or year > 9998:
        return NULL
    away = (zone_hour * 60 + zone_minute) * 60
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - (away if at(buf, a + 21) == 43 else -away)
    return seconds * 1_000_000 if seconds >= 0 else NULL


@jit
def iso_time(buf, a, b):  # type: ignore[no-untyped-def]
    """Microseconds of ``2026-01-02T03:04:05Z`` or ``…+09:00``, with up to 9 places of fraction (cut to 6), or NULL."""
    zone = b - 1 if b - a >= 20 and at(buf, b - 1) == 90 else b - 6
    places = zone - a - 20
    if zone - a < 19 or (zone - a > 19 and (at(buf, a + 19) != 46 or places < 1 or places > 9)):
        return NULL
    if (
        at(buf, a + 4) != 45
        or at(buf, a + 7) != 45
        or at(buf, a + 10) != 84
        or at(buf, a + 13) != 58
        or at(buf, a + 16) != 58
    ):
        return NULL
    year, month, day = digits(buf, a, a + 4), digits(buf, a + 5, a + 7), digits(buf, a + 8, a + 10)
    hour, minute, second = digits(buf, a + 11, a + 13), digits(buf, a + 14, a + 16), digits(buf, a + 17, a + 19)
    if year < 1971 or year > 9998 or month < 1 or month > 12 or min(hour, minute, second) < 0:
        return NULL
    days = _days(year, month, day)
    if days < 0 or hour > 23 or minute > 59 or second > 59:
        return NULL
    away = 0
    if at(buf, zone) != 90:
        zone_hour, zone_minute = digits(buf, zone + 1, zone + 3), digits(buf, zone + 4, zone + 6)
        plain = (
            (at(buf, zone) == 43 or at(buf, zone) == 45)
            and at(buf, zone + 3) == 58
            and min(zone_hour, zone_minute) >= 0
        )
        if not plain or zone_hour > 23 or zone_minute > 59:
            return NULL
        away = (zone_hour * 60 + zone_minute) * (60 if at(buf, zone) == 43 else -60)
    fraction = digits(buf, a + 20, zone) if zone - a > 19 else 0
    for _ in range(places, 6):
        fraction *= 10
    for _ in range(6, places):
        fraction //= 10
    whole = days * 86400 + hour * 3600 + minute * 60 + second - away
    return NULL if fraction < 0 else whole * 1_000_000 + fraction


@jit
def iso_times(buf, offsets, out):  # type: ignore[no-untyped-def]
    """``iso_time`` of every text of a column."""
    for n in range(out.shape[0]):
        out[n] = iso_time(buf, offsets[n], offsets[n + 1])


@jit
def spaced_times(buf, starts, ends, out):  # type: ignore[no-untyped-def]
    """Microseconds of the ``2026-01-02 03:04:05`` and a space that every line begins with, or NULL."""
    for n in range(out.shape[0]):
        a = starts[n]
        out[n] = NULL
        if ends[n] - a < 20 or at(buf, a + 10) != 32 or at(buf, a + 19) != 32:
            continue
        if at(buf, a + 4) != 45 or at(buf, a + 7) != 45 or at(buf, a + 13) != 58 or at(buf, a + 16) != 58:
            continue
        year, month, day = digits(buf, a, a + 4), digits(buf, a + 5, a + 7), digits(buf, a + 8, a + 10)
        hour, minute, second = digits(buf, a + 11, a + 13), digits(buf, a + 14, a + 16), digits(buf, a + 17, a + 19)
        if year < 1971 or year > 9998 or month < 1 or month > 12 or min(hour, minute, second) < 0:
            continue
        days = _days(year, month, day)
        if days >= 0 and hour <= 23 and minute <= 59 and second <= 59:
            out[n] = (days * 86400 + hour * 3600 + minute * 60 + second) * 1_000_000


@jit
def epoch_time(buf, a, b):  # type: ignore[no-untyped-def]
    """Microseconds of ``1767323045.123`` (3 digits of fraction, as nginx writes it) or ``1767323045``, or NULL."""
    whole = digits(buf, a, a + 10) if b - a == 14 or b - a == 10 else -1
    if whole < 1_000_000_000:
        return NULL
    if b - a == 10:
        return whole * 1_000_000
    fraction = digits(buf, a + 11, b)
    return whole * 1_000_000 + fraction * 1000 if fraction >= 0 and at(buf, a + 10) == 46 else NULL


@jit
def plain_number(buf, a, b):  # type: ignore[no-untyped-def]
    """Whether these bytes are a plain JSON number: ``0``, ``12`` or ``0.5``."""
    if a == b or (at(buf, a) == 48 and b - a > 1 and at(buf, a + 1) != 46):
        return False
    i = a
    while i < b and 48 <= at(buf, i) <= 57:
        i += 1
    if i == b:
        return True
    return i > a and at(buf, i) == 46 and b - i > 1 and b - i < 18 and digits(buf, i + 1, b) >= 0


@jit
def scaled(buf, a, b, power):  # type: ignore[no-untyped-def]
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
