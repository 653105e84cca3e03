"""Line-oriented server logs read with regular expressions: what DNS server and firewall formats share.

In come lines, out come rows as dictionaries collected into one table per chunk. Syslog prefixes (RFC 3164, RFC 5424,
ISO times, ``journalctl`` output) are taken off and give the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.zone import LocalTime
from kanaria.formats import columns as cols

Row = dict[str, object]
"""Columns of one row, with ``line`` and an aware ``time``."""

MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}  # fmt: skip

FACILITY = r"[a-z]{2,8}\d?\.(?:emerg|alert|crit|err|warn|notice|info|debug)\s+"
"""What OpenWrt's ``logread`` writes in the place of a host, behind a time with its weekday and year; BusyBox'
syslogd writes it behind the host."""
_SYSLOG = late_regex(
    r"^(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} (?=[A-Z]))?"
    r"(?:(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+(?:(?P<year>\d{4})\s+)?(?P<clock>\d\d:\d\d:\d\d)(?P<part>\.\d+)?"
    r"(?: (?P<late>\d{4})(?= ))?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|[+-]\d\d:?\d\d)?))"
    rf"\s+(?:{FACILITY}|(?P<host>\S+)\s+(?:{FACILITY})?)??(?P<tag>[A-Za-z0-9_./-]{{1,64}})"
    r"(?:(?:\[\d+\])?:|\s+(?:\d+|-)\s+\S+\s+(?:-|\[[^\]]*\]))\s+(?P<rest>.*)$"
)


# Clocks of machines differ by minutes; a day covers every time zone that was taken for another.
AHEAD = timedelta(days=1)
# Leap days are eight years apart at most (1896 to 1904, 2096 to 2104).
_YEARS_BACK = 9


class Years:
    """Completes times without a year: the latest such time that does not lie ahead of the clock is meant.

    With a configured year that one is meant, and a log that goes from December to January crossed a new year.
    """

    def __init__(self, context: ReadContext) -> None:
        self._year = context.year
        self.zone = context.zone
        self._now = (context.now or datetime.now(UTC)) + AHEAD
        self._last_month = 0

    def time(self, month: str, day: str, clock: str, part: str | None, year: str | None = None) -> datetime | None:
        number = MONTHS.get(month.lower(), 0)
        if self._year is not None and not year and self._last_month == 12 and number == 1:
            self._year += 1
        self._last_month = number
        known = int(year) if year else self._year
        years = range(self._now.year, self._now.year - _YEARS_BACK, -1) if known is None else (known,)
        found = (self._whole(each, number, int(day), clock) for each in years)
        whole = next((one for one in found if one and (known is not None or one <= self._now)), None)
        return whole and whole + timedelta(microseconds=int(((part or ".0")[1:] + "000000")[:6]))

    def _whole(self, year: int, month: int, day: int, clock: str) -> datetime | None:
        hour, minute, second = (int(text) for text in clock.split(":"))
        try:
            naive = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - the zone comes next
        except ValueError:
            return None
        return self.zone.utc(naive)


def iso_time(text: str, zone: LocalTime | None = None) -> datetime | None:
    """An ISO 8601 time; without a zone it is of ``zone``, or UTC where the writer says so."""
    try:
        found = datetime.fromisoformat(text.replace(",", ".").replace(" +", "+").strip())
    except ValueError:
        return None
    if found.tzinfo is None and zone is not None:
        return zone.utc(found)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def offset_time(text: str, pattern: str, minutes: int = 0) -> datetime | None:
    """A time written by ``pattern`` (strptime), ``minutes`` east of UTC where it has no zone of its own."""
    east = timezone(timedelta(minutes=minutes))
    try:
        if "%z" in pattern:
            return datetime.strptime(text, pattern).astimezone(UTC)
        return datetime.strptime(text, pattern).replace(tzinfo=east).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def without_syslog(line: str, years: Years) -> tuple[datetime | None, str, str]:
    """Time, program and message of a line; a line without a syslog prefix is all message."""
    found = _SYSLOG.match(line)
    if not found:
        return None, "", line
    if found["iso"]:
        return iso_time(found["iso"], years.zone), found["tag"], found["rest"]
    when = years.time(found["month"], found["day"], found["clock"], found["part"], found["year"] or found["late"])
    return when, found["tag"], found["rest"]


def sender_of(line: str) -> str | None:
    """The host in the frame of a syslog line."""
    found = _SYSLOG.match(line)
    return found["host"] if found and found["host"] != "-" else None


_LOG_LINE = late_regex(
    rb'[^"]{0,400}"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT) [^"]{1,8192} HTTP/\d'
    rb"|(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*)"
    rb" \S+ [\w./-]+(?:\[\d+\])?: "
    rb'|\{"'
)


def is_log_line(line: bytes) -> bool:
    """Whether a line is one of a web server's, of a syslog or of JSON, by its looks."""
    return _LOG_LINE.match(line) is not None


def first_lines(head: bytes, count: int = 200) -> list[str]:
    """The first whole lines of a head as text."""
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    whole = lines[:-1] if len(lines) > 1 else lines
    return [line.rstrip(b"\r").decode("utf-8", "replace") for line in whole[:count]]


def share(head: bytes, accepts: Callable[[str], object]) -> float:
    """Which part of the first lines (blank ones left out) a reader accepts."""
    lines = [line for line in first_lines(head) if line.strip()]
    return sum(bool(accepts(line)) for line in lines) / len(lines) if lines else 0.0


def read_lines(
    stream: Stream,
    context: ReadContext,
    *,
    name: str,
    table: str,
    sensor: str,
    take: Callable[[str, int], Row | list[Row] | str | None],
    flush: Callable[[], list[Row]] | None = None,
    ending: Callable[[], list[Row]] | None = None,
    own: Callable[[str], bool] = lambda _line: False,
) -> Iterator[Batch]:
    """Every line through ``take``: rows, a text (the reason of a rejection) or None (a line of no interest).

    A line of no interest is unread unless it is ``own``, of the program whose log this is.
    ``flush`` gives rows still held back when a chunk ends, ``ending`` those that are left when the input ends.
    """
    chunk = None
    for chunk in cols.chunks(stream):
        rows: list[Row] = []
        rejects: list[tuple[int, str, bytes]] = []
        others: list[tuple[int, bytes]] = []
        count = 0
        for number, line in enumerate(chunk.data.split(b"\n")[:-1], start=chunk.first):
            if not line.strip():
                continue
            count += 1
            text = line.decode("utf-8", "backslashreplace")
            taken = take(text, number)
            if isinstance(taken, str):
                rejects.append((number, taken, line))
            elif taken:
                rows += taken if isinstance(taken, list) else [taken]
            elif taken is None and not own(text):
                others.append((number, line))
        rows += flush() if flush else []
        tables = {table: _table(table, rows, stream, context, sensor)}
        refused = [(row, raw) for row, _reason, raw in rejects]
        yield cols.make_batch(
            stream, name, chunk, tables, count, rejects, passed_over=len(others), unparsed=[*refused, *others]
        )
    left = ending() if ending else []
    if left and chunk is not None:
        yield cols.make_batch(stream, name, chunk, {table: _table(table, left, stream, context, sensor)}, 0, [])


def _table(table: str, rows: list[Row], stream: Stream, context: ReadContext, sensor: str) -> pa.Table:
    rows.sort(key=lambda row: int(str(row["line"])))
    lines = np.array([row["line"] for row in rows], np.int64)
    kinds: Mapping[str, pa.DataType] = {column.name: column.type for column in schema.TABLES[table].columns}
    names = {name for row in rows for name in row} - {"line"}
    columns = {name: pa.array([row.get(name) for row in rows], kinds[name]) for name in names}
    return cols.finish(table, columns, lines, stream=stream, context=context, sensor=sensor)
