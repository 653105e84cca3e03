"""When a digest is due, and when it is quiet.

The first digest comes soon after the first thing to tell, so that its reader knows what to expect; after that they
come at their time of day, also when all was quiet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from kanaria.respond.channels import Plan

SETTLED, AT_MOST = 5.0, 60.0
"""The first digest waits until nothing more came for five seconds, and no longer than a minute."""


class SinceLast:
    """What was watched since the last digest of one channel, from what is counted since the service was started. Its
    times are the outbox's."""

    def __init__(self) -> None:
        self._records: Mapping[str, int] = {}
        self._alerts, self._at = 0, 0.0

    def about(self, counted: Mapping[str, Any]) -> dict[str, Any]:
        """The same with ``records`` of ``sources`` and ``alerts`` since the last digest, and ``since`` when that is."""
        sources = [{**one, "records": one["records"] - self._records.get(one["name"], 0)} for one in counted["sources"]]
        since, alerts = max(self._at, counted["since"]), counted["alerts"] - self._alerts
        return {**counted, "sources": sources, "since": since, "alerts": alerts}

    def note_sent(self, counted: Mapping[str, Any], now: float) -> None:
        """A digest with this was sent."""
        self._records = {one["name"]: one["records"] for one in counted["sources"]}
        self._alerts, self._at = counted["alerts"], now


def due(
    plan: Plan, since: float, items: list[tuple[float, float]], now: float, wall: float, *, first: bool
) -> bool:  # fmt: skip
    """Whether to send a digest now. ``items`` are the times when its entries were first and last noted, by the same
    time as ``now``. ``since`` is when the last one was sent (with ``first``: when the channel began), by the ``wall``
    clock, which says what time of day it is."""
    if plan.digest == "none":
        return False
    if first and items:
        return not 0 <= now - max(until for _first, until in items) < SETTLED or not 0 <= now - items[0][0] < AT_MOST
    return wall >= following(plan, since)


def following(plan: Plan, after: float) -> float:
    """The next time of a digest after a moment; weekly ones come on Mondays."""
    zone = plan.style.zone
    shown = _moment(after, zone).replace(tzinfo=None)  # days of a clock on the wall: some have 23 hours, some 25
    day = shown.replace(hour=plan.digest_at // 60, minute=plan.digest_at % 60, second=0, microsecond=0)
    while day <= shown or (plan.digest == "weekly" and day.weekday() != 0):
        day += timedelta(days=1)
    # A time that clocks leave out that night is an hour later; ``astimezone`` would make it an hour earlier, before
    # that time of day, and the next digest the same again.
    return day.replace(tzinfo=zone).timestamp()


def _moment(time: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(time, tz=zone) if zone else datetime.fromtimestamp(time).astimezone()


def in_quiet_hours(plan: Plan, now: float) -> bool:
    """Whether only ``plan.quiet_severity`` may ring. Hours that end when they begin are the whole day."""
    if plan.quiet is None:
        return False
    moment = _moment(now, plan.style.zone)
    minute, (low, high) = moment.hour * 60 + moment.minute, plan.quiet
    return low <= minute < high if low < high else minute >= low or minute < high
