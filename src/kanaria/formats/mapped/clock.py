"""Times of devices that write their own clock: no zone, and often no year. Text comes in, a time goes out."""

from __future__ import annotations

import re
from datetime import datetime

from kanaria.core.stream import ReadContext
from kanaria.formats.mapped.values import when
from kanaria.formats.text_log import Years, iso_time

_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?")
_MONTH = re.compile(r"([A-Z][a-z]{2})\s+(\d{1,2})\s+(?:(\d{4})\s+)?(\d\d:\d\d:\d\d)(\.\d+)?")


class Clock:
    """Reads times as the writer's zone has them (``--tz``, or that of this system), one log at a time."""

    def __init__(self, context: ReadContext) -> None:
        self._years = Years(context)

    def when(self, value: object) -> datetime | None:
        """As ``values.when``, with the zone and the year that the text leaves out."""
        written = str(value or "").strip()
        if found := _MONTH.fullmatch(written):
            month, day, year, clock, part = found.groups()
            return self._years.time(month, day, clock, part, year)
        return iso_time(written, self._years.zone) if _NAIVE.fullmatch(written) else when(value)
