"""ISO 8601 times that are all written alike, read by arithmetic on their bytes.

One sensor writes all its times in one layout (``2026-01-10T09:00:00.123456+0900``). In comes a column, out come UTC
times, or None when the rows differ: then the general reader, which uses a regular expression, is asked.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.late_regex import late_regex

_LAYOUT = late_regex(
    rb"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,](?P<part>\d{1,9}))?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?$", re.DOTALL
)
_MONTH_LENGTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_Bytes = npt.NDArray[np.uint8]
_Ints = npt.NDArray[np.int64]


def uniform_times(column: pa.Array) -> pa.Array | None:
    """UTC times of a string column whose rows have one layout and one zone; None when they do not."""
    rows = _matrix(column)
    layout = _LAYOUT.match(rows[0].tobytes()) if rows is not None else None
    if rows is None or layout is None:
        return None
    digit = np.array([48 <= byte <= 57 for byte in rows[0]])
    if layout["zone"]:
        digit[layout.start("zone") :] = False
    numbers = rows[:, digit] - 48  # wraps around below "0", which the next line catches
    if (numbers > 9).any() or (rows[:, ~digit] != rows[0, ~digit]).any():
        return None
    year, month, day, hour, minute, second = (_number(rows, *span) for span in
        ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)))  # fmt: skip
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = np.where((month == 2) & ~leap, 28, _MONTH_LENGTHS[np.clip(month, 0, 12)])
    if not (
        (month >= 1) & (month <= 12) & (day >= 1) & (day <= longest) & (hour < 24) & (minute < 60) & (second < 60)
    ).all():
        return None
    seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - _zone(layout["zone"]) * 60
    micros = seconds * 1_000_000
    if layout["part"]:
        start, end = layout.span("part")
        micros += _number(rows, start, min(end, start + 6)) * 10 ** max(0, 6 - (end - start))
    return pa.array(micros, pa.int64()).cast(schema.TIME)


def _matrix(column: pa.Array) -> _Bytes | None:
    """The bytes of equally long strings as (rows, length), or None."""
    if not len(column) or column.null_count or not pa.types.is_string(column.type):
        return None
    _validity, offset_buffer, data = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    length = int(offsets[1] - offsets[0])
    if not 19 <= length <= 40 or (np.diff(offsets) != length).any():
        return None
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]].reshape(-1, length)


def _number(rows: _Bytes, start: int, end: int) -> _Ints:
    value = np.zeros(len(rows), np.int64)
    for index in range(start, end):
        value = value * 10 + (rows[:, index] - 48)
    return value


def _days(year: _Ints, month: _Ints, day: _Ints) -> _Ints:
    """Days since 1970-01-01 of valid Gregorian dates."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return np.asarray(months.astype("datetime64[D]").astype(np.int64) + day - 1, np.int64)


def _zone(zone: bytes | None) -> int:
    """Minutes east of UTC."""
    if zone is None or zone == b"Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[:1] == b"-" else minutes
