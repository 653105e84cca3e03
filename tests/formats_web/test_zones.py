"""Times without a zone are the machine's own; whoever knows its zone says so, and the report says what was assumed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kanaria.core.errors import ConfigError
from kanaria.core.zone import LocalTime, Zoneless, local_time
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.values import as_datetime

TOKYO = timezone(timedelta(hours=9))
NIGHT = datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC)
SAID = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        (b'2026/01/02 03:04:05 [error] 7#7: *1 open() "/x" failed (2: No), client: 203.0.113.7, server: _, request: "GET / HTTP/1.1"', NIGHT),
        (b"[Fri Jan 02 03:04:05 2026] [core:error] [pid 7] [client 203.0.113.7:4] AH00126: Invalid URI in request GET /../ HTTP/1.1", NIGHT),
        (b"[GIN] 2026/01/02 - 03:04:05 | 200 |    1.234ms |    203.0.113.11 | POST     \"/api\"", NIGHT),
        (b'203.0.113.7 - - [02/Jan/2026 03:04:05] "GET / HTTP/1.1" 200 -', NIGHT),
        (b'{"time":"2026-01-02 03:04:05","remote_addr":"203.0.113.7","request":"GET / HTTP/1.1","status":200}', NIGHT),
        (b"203.0.113.7:40000 [02/Jan/2026:03:04:05.000] web web/a 0/0/1/2/3 200 512 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"", NIGHT),
        (b'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5', SAID),
        (b'203.0.113.7 - - [Fri, 02 Jan 2026 03:04:05 GMT] "GET / HTTP/1.1" 200 5', SAID),
        (b"2026-01-02 03:04:05 192.0.2.1 GET / - 443 - 203.0.113.7 curl - 200 0 0 12", SAID),
    ],
    ids=["nginx error", "apache error", "gin", "werkzeug", "json", "haproxy", "common", "morgan", "iis is always UTC"],
)  # fmt: skip
def test_only_times_without_a_zone_are_moved(line: bytes, moment: datetime) -> None:
    zone = LocalTime(TOKYO, "+09:00")
    row = LineParser(zone=zone).parse(line)
    assert isinstance(row, dict)
    time = row["time"]
    assert type(time) is int
    assert as_datetime(time) == moment
    assert zone.used is (moment == NIGHT)


def test_a_zone_by_name_has_its_summer_time() -> None:
    zone = local_time("Europe/Berlin")
    assert zone.utc(datetime(2026, 7, 1, 12, 0)) == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)  # noqa: DTZ001
    assert zone.utc(datetime(2026, 1, 1, 12, 0)) == datetime(2026, 1, 1, 11, 0, tzinfo=UTC)  # noqa: DTZ001
    assert zone.shown(datetime(2026, 7, 1, 10, 0, tzinfo=UTC)) == "2026-07-01 12:00:00 +02:00"


def test_utc_is_shown_by_name() -> None:
    assert local_time("UTC").shown(SAID) == "2026-01-02 03:04:05 UTC"
    assert local_time("+09:00").shown(SAID) == "2026-01-02 12:04:05 +09:00"


@pytest.mark.parametrize("said", ["Asia/Tokio", "+99:00", "../../etc/passwd", ""])
def test_a_zone_nobody_knows_is_refused_with_an_example(said: str) -> None:
    with pytest.raises(ConfigError, match="a zone such as Asia/Tokyo"):
        local_time(said)


def test_the_ends_of_the_calendar_end_nothing() -> None:
    zone = LocalTime(TOKYO, "+09:00")
    assert zone.utc(datetime(1, 1, 1)).year == 1  # noqa: DTZ001
    assert zone.micros(Zoneless(0)) <= 0
