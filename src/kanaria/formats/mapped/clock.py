"""Times of devices that write their own clock: no zone, and often no year. From text to a time."""

from __future__ import annotations

import re
from calendar import month_abbr
from datetime import datetime

from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext
from kanaria.formats.mapped.values import when
from kanaria.formats.text_log import Years, iso_time

_NAIVE = late_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?")
_MONTH = late_regex(
    r"(?:[A-Z][a-z]{2}\s+(?=[A-Z]))?([A-Za-z][a-z]{2})[\s/]+(\d{1,2})(?:/(\d{4}))?\s+(?:(\d{4})\s+)?"
    r"(\d\d:\d\d:\d\d)(\.\d+)?(?:\s+(\d{4}))?"
)
_SNORT = late_regex(r"(?:(1[3-9]|[2-9]\d)/)?(\d\d)/(\d\d)(?:/(\d\d|\d{4}))?-(\d\d:\d\d:\d\d)(\.\d+)?")
"""Snort and Suricata: month and day; a year stands behind them, or before them (``alert_full`` and ``alert_json`` of
Snort 3 with ``-y``)."""
_WINDOWS = late_regex(
    r"(?:(?P<year>\d{4})/(?P<month>\d\d?)/(?P<day>\d\d?)|(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{4})(?=.*[AP]M$)) "
    r"(?P<hour>\d\d?)(?P<rest>:\d\d:\d\d)(?: (?P<half>[AP])M)?"
)
"""Windows in Japanese, and in American English, whose clock tells its order of day and month by AM and PM."""


class Clock:
    """Reads times as the writer's zone has them (``--tz``, or that of this system), one log at a time."""

    def __init__(self, context: ReadContext) -> None:
        self._years = Years(context)

    def when(self, value: object) -> datetime | None:
        """As ``values.when``, with the zone and the year that the text leaves out."""
        written = str(value or "").strip()
        if match := _MONTH.fullmatch(written):
            month, day, slashed, year, clock, part, behind = match.groups()
            return self._years.time(month.capitalize(), day, clock, part, slashed or year or behind)
        if match := _SNORT.fullmatch(written):
            return self._of_snort(*match.groups())
        if match := _WINDOWS.fullmatch(written):
            written = _iso(match)
        return iso_time(written, self._years.zone) if _NAIVE.fullmatch(written) else when(value)

    def _of_snort(
        self, before: str | None, month: str, day: str, behind: str | None, clock: str, part: str | None
    ) -> datetime | None:
        year = before or behind
        whole = f"20{year}" if year and len(year) == 2 else year
        return self._years.time(month_abbr[int(month)], day, clock, part, whole) if 0 < int(month) < 13 else None


def _iso(match: re.Match[str]) -> str:
    hour = int(match["hour"]) % 12 + 12 * (match["half"] == "P") if match["half"] else int(match["hour"])
    year, month, day = (match[a] or match[b] for a, b in (("year", "y"), ("month", "m"), ("day", "d")))
    return f"{year}-{month:>02}-{day:>02} {hour:02}{match['rest']}"
