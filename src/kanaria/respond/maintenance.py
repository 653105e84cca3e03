"""Maintenance windows: when somebody works on machines, what is found on them waits until the work is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kanaria.core.types import SEVERITIES, Severity
from kanaria.core.values import dataclass

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Either once, from ``begin`` to ``end``, or at these minutes of the local day on these weekdays (0 is Monday)."""

    begin: datetime | None = None
    end: datetime | None = None
    hours: tuple[int, int] | None = None
    days: frozenset[int] = frozenset(range(7))
    devices: frozenset[str] = frozenset()
    """Of these machines; empty: of all, and of what no machine is known of."""
    severity: Severity = "critical"
    """From here on it is told all the same."""

    def holds(self, incident: Json, now: float) -> float:
        """Until when news of an incident waits; 0 when it does not."""
        if SEVERITIES.index(incident["severity"]) >= SEVERITIES.index(self.severity):
            return 0.0
        devices = set(incident["devices"])
        if self.devices and (incident["more_devices"] or not devices or not devices <= self.devices):
            return 0.0
        if self.hours is not None:
            return self._of_the_day(self.hours, now)
        if self.begin is None or self.end is None:
            return 0.0
        return self.end.timestamp() if self.begin.timestamp() <= now < self.end.timestamp() else 0.0

    def _of_the_day(self, hours: tuple[int, int], now: float) -> float:
        """Its end, when it is now; one that passes midnight belongs to the day on which it begins. All by the clock on
        the wall, which begins and ends a window at its hours also in a night in which it is put forward or back."""
        low, high = hours
        length = timedelta(minutes=(high - low) % 1440 or 1440)
        moment = datetime.fromtimestamp(now).astimezone().replace(tzinfo=None)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight, midnight - timedelta(days=1)):
            begin = day + timedelta(minutes=low)
            if day.weekday() in self.days and begin <= moment < begin + length:
                ends = ((begin + length).replace(fold=fold).timestamp() for fold in (0, 1))  # an hour may come twice
                return next(end for end in ends if end > now)
        return 0.0


def held_until(windows: Sequence[Window], incident: Json, now: float) -> float:
    """Until when news of an incident waits for the end of windows; 0 when it does not."""
    return max((window.holds(incident, now) for window in windows), default=0.0)
