"""Numbers over time for pictures: surprise per device and message lengths of mining flows, gathered while batches pass;
volume per hour and what was normal before, asked when it is known whose.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.limits import Limits
from kanaria.core.types import Incident, Series
from kanaria.detect.findings import Seen
from kanaria.store.joining import AS_IT_CAME

if TYPE_CHECKING:
    from kanaria.memory.events import Events

# A picture holds no more: the first messages show the rhythm, and flows beyond these look alike.
FLOWS_KEPT = 8
HOUR = timedelta(hours=1)
ROUNDED = 3
"""Digits of a bit: the last ones of a sum depend on the order in which threads add, and pictures must not."""
REMEMBERED = timedelta(days=9)
"""What a live run keeps: a picture shows a week before an incident and a day after it."""
# A week shows weekdays and nights; what comes later than a day after the incident is another story.
SHOWN_BEFORE, SHOWN_AFTER = timedelta(days=7), timedelta(days=1)
# Normal is the median of the same hour of the days before: of fewer than three days it is no more than a coincidence.
LEAST_NORMAL_DAYS, MOST_NORMAL_DAYS = 3, 28
# The report pictures five incidents; a query for a device takes some milliseconds per million flows.
DEVICES_ASKED = 10
# A flow's bytes are spread evenly over its time. Exporters cut long flows within hours; a longer one is a wrong clock.
LONGEST_FLOW_US = 31 * 24 * 3_600_000_000

# Several sensors may have seen the same flows: the one that saw most counts.
_VOLUME = f"""
WITH flows AS (
    SELECT unnest(CASE WHEN src_ip = dst_ip THEN [src_ip] ELSE [src_ip, dst_ip] END) AS device, sensor, time AS low,
           greatest(1, least(coalesce(duration_us, 0), {LONGEST_FLOW_US})) AS length,
           coalesce(src_bytes, 0) + coalesce(dst_bytes, 0) AS bytes
    FROM {{rows}} WHERE time >= $since AND time < $until
        AND (list_contains($devices, src_ip) OR list_contains($devices, dst_ip))),
spread AS (
    SELECT *, unnest(generate_series(time_bucket(INTERVAL 1 HOUR, low), low + to_microseconds(length), INTERVAL 1 HOUR))
        AS hour FROM flows),
hourly AS (
    SELECT device, sensor, hour, sum(bytes::DOUBLE / length * (
        least(epoch_us(low) + length, epoch_us(hour) + 3_600_000_000)
        - greatest(epoch_us(low), epoch_us(hour)))) AS bytes
    FROM spread WHERE list_contains($devices, device) GROUP BY ALL)
SELECT device, epoch_us(hour), max(bytes) FROM hourly WHERE hour < $until GROUP BY ALL ORDER BY ALL"""  # noqa: S608


class SeriesKeeper:
    """Grows slice by slice; what no finding is about is dropped at the end."""

    def __init__(self, most: int = Limits.pictured_devices) -> None:
        self._most = most
        self._surprise: dict[str, dict[datetime, float]] = defaultdict(dict)
        self._threshold: dict[str, dict[datetime, float]] = defaultdict(dict)
        self._thresholds: Mapping[str, float] = {}
        self._flows: list[Series] = []
        self._again: set[tuple[str, datetime]] = set()
        """Hours of devices of which there was nothing but what an earlier run has judged."""

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Bits by role from which an hour of the next slice is reported."""
        self._thresholds = thresholds

    def add(self, tables: Mapping[str, pa.Table], mining: Iterable[int], settled: Seen | None = None) -> None:
        """Take in one scored slice; ``mining`` are the event ids of connections that mine, and ``settled`` says which
        records an earlier run has judged as they are."""
        for table in tables.values():
            if "baseline.surprise_bits" in table.column_names:
                self._note_surprise(table, settled)
        if "connection" in tables and len(self._flows) < FLOWS_KEPT:
            self._note_messages(tables["connection"], sorted(mining))

    def forget(self) -> None:
        """Drop what no picture would show any more, and of too many devices the least surprising, so that a run without
        an end stays small."""
        newest = max((max(points) for points in self._surprise.values() if points), default=None)
        for kept in (self._surprise, self._threshold):
            for device, points in list(kept.items()):
                kept[device] = {time: value for time, value in points.items() if newest and newest - time <= REMEMBERED}
                if not kept[device]:
                    del kept[device]
        ordered = sorted(self._surprise, key=lambda device: (-max(self._surprise[device].values()), device))
        for device in ordered[self._most :]:
            del self._surprise[device]
            self._threshold.pop(device, None)
        self._again = {(device, time) for device, time in self._again if time in self._surprise.get(device, ())}

    @property
    def beyond(self) -> int:
        """How many devices are more than pictures may show."""
        return max(0, len(self._surprise) - self._most)

    def about(self, devices: Iterable[str]) -> tuple[Series, ...]:
        """Series of these devices."""
        wanted = set(devices)
        surprise = [
            Series(
                kind="surprise",
                device=device,
                unit="bits",
                points=tuple(sorted(points.items())),
                threshold=max(self._threshold[device].items())[1] if device in self._threshold else None,
            )
            for device, points in sorted(self._surprise.items())
            if device in wanted
        ]
        threshold = [
            Series(kind="threshold", device=device, unit="bits", points=tuple(sorted(points.items())))
            for device, points in sorted(self._threshold.items())
            if device in wanted
        ]
        return (*surprise, *threshold, *(flow for flow in self._flows if flow.device in wanted))

    def to_keep(self, series: Iterable[Series]) -> tuple[Series, ...]:
        """These without what was surprising when an earlier run saw it: that run has kept how surprising it was."""
        cut = (
            replace(one, points=tuple(point for point in one.points if (one.device, point[0]) not in self._again))
            if one.kind in AS_IT_CAME
            else one
            for one in series
        )
        return tuple(one for one in cut if one.points)

    def _note_surprise(self, table: pa.Table, settled: Seen | None) -> None:
        import pyarrow.compute as pc

        hour = pc.floor_temporal(table["time"], unit="hour")
        again = settled(table["event_id"].to_numpy()) if settled else np.zeros(len(table), np.bool_)
        columns = {
            "device": "device",
            "bits": "baseline.surprise_bits",
            "role": "device.role",
            "new": "baseline.learning",
        }
        named = {name: table[column] for name, column in columns.items()}
        rows = pa.table({"hour": hour, **named, "again": pa.array(again)}).drop_null()
        hours = rows.group_by(["device", "hour", "role"]).aggregate([("bits", "max"), ("new", "min"), ("again", "min")])
        for row in hours.to_pylist():
            device, time = row["device"], row["hour"]
            bits = round(row["bits_max"], ROUNDED)
            if not row["again_min"]:
                self._again.discard((device, time))
            elif time not in self._surprise[device]:
                self._again.add((device, time))
            self._surprise[device][time] = max(self._surprise[device].get(time, 0.0), bits)
            if not row["new_min"] and row["role"] in self._thresholds:  # what is learning is not told of
                self._threshold[device][time] = round(self._thresholds[row["role"]], ROUNDED)

    def _note_messages(self, connection: pa.Table, mining: list[int]) -> None:
        import pyarrow.compute as pc

        rows = connection.filter(pc.is_in(connection["event_id"], pa.array(mining, pa.int64())))
        for row in rows.select(["time", "src_ip", "dst_ip", "device", "messages"]).to_pylist():
            if row["messages"] and row["time"] and len(self._flows) < FLOWS_KEPT:
                self._flows.append(_messages(row))


def roles_of(tables: Mapping[str, pa.Table]) -> set[str]:
    """The roles of the devices in a scored slice."""
    import pyarrow.compute as pc

    scored = [table["device.role"] for table in tables.values() if "device.role" in table.column_names]
    return {role for column in scored for role in pc.unique(column).to_pylist() if role}


def volumes(events: Events, incidents: Iterable[Incident]) -> Iterator[Series]:
    """Bytes per hour of the devices of incidents, and what was normal for those hours before the incident."""
    left = DEVICES_ASKED
    shown = set[str]()
    for incident in incidents:
        candidates = incident.devices if incident.severity != "informational" and incident.first_seen else ()
        devices = [device for device in candidates if device not in shown][:left]
        shown.update(devices)
        left -= len(devices)
        if devices:
            yield from _volumes(events, devices, incident)


def _volumes(events: Events, devices: Sequence[str], incident: Incident) -> Iterator[Series]:
    """One question for all devices of an incident: it reads every connection of its time."""
    assert incident.first_seen is not None and incident.last_seen is not None  # noqa: S101  (volumes() sees to it)
    begin, end = _hour(incident.first_seen), incident.last_seen + SHOWN_AFTER
    since, until = begin - MOST_NORMAL_DAYS * timedelta(days=1), _hour(end) + HOUR
    first, last = events.span("connection", until=until)
    if first is None or last is None:
        return
    since, end = max(since, _hour(first)), min(end, last)
    places = {"devices": devices, "since": since, "until": _hour(end) + HOUR}
    by_hour: dict[str, dict[datetime, float]] = {device: {} for device in devices}
    for device, hour, size in events.ask(_VOLUME, places, of="connection", since=since, until=until):
        by_hour[device][_moment(hour)] = float(size)
    for device in devices:
        if by_hour[device]:
            yield from _volume(device, by_hour[device], begin, since, end)


def _volume(
    device: str, by_hour: Mapping[datetime, float], begin: datetime, since: datetime, end: datetime
) -> Iterator[Series]:
    before = defaultdict(list)
    for hour in _hours(since, begin - HOUR):
        before[hour.hour].append(by_hour.get(hour, 0.0))
    shown = list(_hours(max(since, begin - SHOWN_BEFORE), end))
    points = tuple((hour, round(by_hour.get(hour, 0.0))) for hour in shown)
    yield Series(kind="volume", device=device, unit="bytes / h", points=points)
    if all(len(before[hour.hour]) >= LEAST_NORMAL_DAYS for hour in shown):
        normal = tuple((hour, round(statistics.median(before[hour.hour]))) for hour in shown)
        yield Series(kind="normal", device=device, unit="bytes / h", points=normal)


def _hours(low: datetime, high: datetime) -> Iterator[datetime]:
    """Full hours from ``low`` to ``high``, both included."""
    while low <= high:
        yield low
        low += HOUR


def _hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _messages(row: Mapping[str, object]) -> Series:
    start, device, messages = row["time"], row["device"], row["messages"]
    if not isinstance(start, datetime) or not isinstance(messages, list):
        raise TypeError(row)
    client_is_device = row["src_ip"] == device
    points = tuple(
        (
            start + timedelta(microseconds=message["time"]),
            float(message["length"] if message["from_client"] == client_is_device else -message["length"]),
        )
        for message in messages
    )
    remote = row["dst_ip"] if client_is_device else row["src_ip"]
    return Series(kind="messages", device=str(device), remote=str(remote), unit="bytes", points=points)
