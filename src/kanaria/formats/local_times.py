"""Columns of times without a zone, written by a machine's own clock: to UTC by the zone that holds there."""

from __future__ import annotations

import pyarrow as pa

from kanaria.core.distinct import map_distinct
from kanaria.core.zone import LocalTime, Zoneless

_NAIVE = r"\d\d:\d\d:\d\d(?:[.,]\d+)?\s?$"
"""How a time ends after which no zone is written: with its seconds."""
_QUARTER_US = 900_000_000


def local_to_utc(text: pa.Array, times: pa.Array, zone: LocalTime) -> pa.Array:
    """The times (``iso_to_time``, microseconds) of texts that name no zone as those of the zone that holds for them."""
    import pyarrow.compute as pc

    naive = pc.fill_null(pc.match_substring_regex(text, _NAIVE), False)
    if not pc.any(naive).as_py():
        return times
    # Clocks are put forward and back, and zones differ, by whole quarters of an hour.
    quarters = pc.if_else(naive, pc.divide(times, _QUARTER_US), pa.scalar(None, pa.int64()))

    def shift(quarter: object) -> int:
        begin = int(str(quarter)) * _QUARTER_US
        return zone.micros(Zoneless(begin)) - begin

    shifts = map_distinct(quarters, shift, pa.int64())
    return pc.add(times, pc.fill_null(shifts, 0))
