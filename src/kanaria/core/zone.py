"""The zone of times that name none: nginx's error log, syslog, Werkzeug write the local time of their machine.

Takes what the user said (``--tz``, ``timezone``), or nothing; returns ``LocalTime``, which turns such times into UTC
and knows whether it ever had to, so that the report can say what was assumed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kanaria.core.errors import ConfigError
from kanaria.core.late_regex import late_regex

_OFFSET = late_regex(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Zoneless(int):
    """Microseconds since 1970 of a time without a zone, as if it were UTC."""


class LocalTime:
    """``zone`` None is the system's, with its summer time. ``used`` says whether a time without a zone was met."""

    def __init__(self, zone: tzinfo | None = UTC, name: str = "UTC") -> None:
        self.zone, self.name, self.used = zone, name, False

    def utc(self, naive: datetime) -> datetime:
        """The moment a time without a zone means."""
        self.used = True
        try:
            return (naive.replace(tzinfo=self.zone) if self.zone else naive).astimezone(UTC)
        except (OverflowError, OSError, ValueError):  # before 1970 or after 9999 somewhere on Earth
            return naive.replace(tzinfo=UTC)

    def micros(self, time: int) -> int:
        """The same of microseconds; those with a zone stay."""
        if not isinstance(time, Zoneless):
            return time
        naive = (_EPOCH + timedelta(microseconds=int(time))).replace(tzinfo=None)
        gone = self.utc(naive) - _EPOCH
        return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds

    def shown(self, time: datetime) -> str:
        """A time for a person, with the offset that holds then."""
        local, zone = self.local(time)
        return f"{local:%Y-%m-%d %H:%M:%S} {zone}"

    def local(self, time: datetime) -> tuple[datetime, str]:
        """The same moment on this zone's clock, and what its zone is called: ``UTC`` or an offset as ``+09:00``."""
        local = time.astimezone(self.zone)
        offset = local.strftime("%z")
        return local, "UTC" if offset in ("", "+0000") else f"{offset[:3]}:{offset[3:5]}"


def local_time(name: str | None) -> LocalTime:
    """The zone a user named, as ``Asia/Tokyo``, ``+09:00`` or ``UTC``; the system's when none. Raises ConfigError."""
    if name is None:
        offset = datetime.now(UTC).astimezone().strftime("%z")
        utc = offset in ("", "+0000")
        return LocalTime(None, "UTC" if utc else f"the system's zone, UTC{offset[:3]}:{offset[3:]}")
    match = _OFFSET.fullmatch(name)
    if match:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes < 24 * 60:
            return LocalTime(timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes)), name)
    try:
        return LocalTime(ZoneInfo(name), name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            path="--tz", key="timezone", expected="a zone such as Asia/Tokyo, +09:00 or UTC", got=name,
            cause="a typing error, or this system has no time zone data (install tzdata)",
        ) from error  # fmt: skip
