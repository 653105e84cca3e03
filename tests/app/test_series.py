"""Volume per hour and what was normal: spread over a flow's time, counted once, and quiet without history."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.app.run.plot_series import SeriesKeeper, roles_of, volumes
from kanaria.core.types import Incident, Series
from tests.event_rows import events_of
from tests.report.report_samples import SERVER, START, finding, incident, scanner

Flow = tuple[str, datetime, float, int]  # sensor, start, seconds, bytes


def story(at: datetime = START) -> Incident:
    return incident((finding(time=at),))


def asked(flows: list[Flow], about: Incident) -> dict[str, Series]:
    """Series by kind for flows between the server and one other."""
    table = pa.table(
        {
            "time": pa.array([start for _, start, _, _ in flows], pa.timestamp("us", tz="UTC")),
            "sensor": [sensor for sensor, _, _, _ in flows],
            "duration_us": [int(seconds * 1e6) for _, _, seconds, _ in flows],
            "src_bytes": [size for _, _, _, size in flows],
            "dst_bytes": pa.nulls(len(flows), pa.int64()),
            "src_ip": [SERVER] * len(flows),
            "dst_ip": ["203.0.113.1"] * len(flows),
        }
    )
    return {series.kind: series for series in volumes(events_of(connection=table), [about])}


def test_normal_is_the_median_of_the_same_hour_of_the_days_before() -> None:
    daily = [("zeek", START - timedelta(days=n), 0, 100 * n) for n in (1, 2, 3, 4)]
    made = asked([*daily, ("zeek", START, 0, 9_000)], story())
    assert dict(made["volume"].points)[START] == 9_000
    assert dict(made["normal"].points)[START] == 250
    assert [time for time, _ in made["volume"].points] == [time for time, _ in made["normal"].points]
    assert len(made["volume"].points) == 4 * 24 + 1
    assert dict(made["normal"].points)[START - timedelta(hours=1)] == 0


def test_without_three_days_nothing_is_called_normal() -> None:
    made = asked([("zeek", START - timedelta(days=2), 0, 100), ("zeek", START, 0, 9_000)], story())
    assert set(made) == {"volume"}


def test_the_noise_of_the_internet_and_runs_without_flows_have_none() -> None:
    assert asked([("zeek", START, 0, 1)], scanner()) == {}
    assert list(volumes(events_of(), [story()])) == []


@pytest.mark.parametrize("sensors", [("pcap",), ("pcap", "zeek", "netflow")])
def test_a_flow_seen_by_several_sensors_counts_once(sensors: tuple[str, ...]) -> None:
    made = asked([(sensor, START, 600, 5_000) for sensor in sensors], story())
    assert made["volume"].points == ((START, 5_000),)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 20 * 3600), st.integers(0, 10**9), st.floats(0, 3599))
def test_a_long_flow_is_spread_over_its_hours_and_nothing_is_lost(seconds: float, size: int, late: float) -> None:
    start = START + timedelta(seconds=int(late))
    about = incident((finding(time=START, until=START + timedelta(hours=22)),))
    points = asked([("zeek", start, seconds, size), ("zeek", START + timedelta(hours=23), 0, 0)], about)[
        "volume"
    ].points
    assert sum(value for _, value in points) == pytest.approx(size, abs=len(points))
    full = [
        value
        for time, value in points
        if start <= time and time + timedelta(hours=1) <= start + timedelta(seconds=seconds)
    ]
    assert max(full, default=0) - min(full, default=0) <= 1


def scored(*hours: tuple[int, float, bool], role: str = "dns_server") -> dict[str, pa.Table]:
    """Connections of the server with hour, surprise and whether it is still learning."""
    return {
        "connection": pa.table(
            {
                "time": pa.array([START + timedelta(hours=hour) for hour, _, _ in hours], pa.timestamp("us", tz="UTC")),
                "device": [SERVER] * len(hours),
                "device.role": [role] * len(hours),
                "baseline.surprise_bits": [bits for _, bits, _ in hours],
                "baseline.learning": [learning for _, _, learning in hours],
                "messages": pa.nulls(len(hours)),
                "event_id": list(range(len(hours))),
                "src_ip": [SERVER] * len(hours),
                "dst_ip": ["203.0.113.1"] * len(hours),
            }
        )
    }


def test_the_threshold_of_every_hour_is_kept_beside_its_surprise() -> None:
    keeper = SeriesKeeper()
    for limit, tables in ((9.0, scored((0, 3.0, True), (1, 4.0, False))), (11.5, scored((24, 12.0, False)))):
        assert roles_of(tables) == {"dns_server"}
        keeper.set_thresholds({"dns_server": limit, "printer": 1.0})
        keeper.add(tables, ())
    made = {series.kind: series for series in keeper.about([SERVER])}
    at = [START + timedelta(hours=hour) for hour in (0, 1, 24)]
    assert made["surprise"].points == ((at[0], 3.0), (at[1], 4.0), (at[2], 12.0))
    assert made["threshold"].points == ((at[1], 9.0), (at[2], 11.5)), "none while learning"
    assert made["surprise"].threshold == 11.5
    keeper = SeriesKeeper()
    keeper.add(scored((0, 3.0, False)), ())
    assert [series.kind for series in keeper.about([SERVER])] == ["surprise"]
