"""The alert threshold in bits: what lies above it together is anomalous, what lies below in every respect is not."""

from __future__ import annotations

import random
from pathlib import Path

from kit_baseline import connection, flow, pattern

from kanaria.baseline.pattern import PatternOfLife


def learned(directory: Path | None = None) -> PatternOfLife:
    """Ten days of three devices that meet few addresses, now and then a new one."""
    known, chance = pattern(directory, warm_up_days=2, device_warm_up_hours=1), random.Random(3)
    for day in range(10):
        rows = [
            flow(24 * day + hour, src_ip=f"10.0.0.{device}", dst_ip=f"198.51.100.{chance.choice([1, 2, 3, hour, 40])}")
            for hour in range(24)
            for device in (5, 6, 7)
        ]
        known.learn(known.score(connection(*rows)))
    return known


def test_before_anything_was_learned_there_is_none() -> None:
    assert pattern().alert_bits(["unknown", "dns_server"]) == {}


def test_what_is_above_it_is_told_of() -> None:
    known = learned()
    limit = known.alert_bits(["unknown"])["unknown"]
    usual, odd = (
        known.score(connection(*(flow(240, event_id=n, **how) for n, how in enumerate(ways))))["connection"]
        for ways in (
            [{"dst_ip": "198.51.100.1"}],
            [{"dst_ip": f"203.0.113.{n}", "dst_port": 4444 + n, "src_bytes": 10**9} for n in range(3)],
        )
    )
    assert usual["baseline.surprise_bits"][0].as_py() < limit
    assert usual["baseline.anomalous"].to_pylist() == [False]
    assert min(odd["baseline.surprise_bits"].to_pylist()) > limit
    assert odd["baseline.anomalous"].to_pylist() == [True] * 3


def test_a_smaller_budget_is_a_higher_threshold(tmp_path: Path) -> None:
    learned(tmp_path).state.engine.close()
    limits = []
    for budget in (0.2, 1.0, 5.0):
        known = pattern(tmp_path, warm_up_days=2, device_warm_up_hours=1, alerts_per_day=budget)
        limits.append(known.alert_bits(["unknown"])["unknown"])
        known.state.engine.close()
    assert limits[0] > limits[1] > limits[2] > 0


def test_a_few_captures_over_years_teach_nothing() -> None:
    """A span of time in which next to nothing was seen is no history, however long; everything in it is new."""
    known, odd = pattern(warm_up_days=7, device_warm_up_hours=24), 0
    for year in range(12):
        rows = [
            flow(
                8766 * year + hour, src_ip=f"10.0.0.{device}", dst_ip=f"198.51.100.{20 * year + device}", dst_port=port
            )
            for hour in range(2)
            for device, port in ((5, 443), (6, 1883), (7, 18080))
        ]
        scored = known.score(connection(*rows))
        odd += sum(scored["connection"]["baseline.anomalous"].to_pylist())
        known.learn(scored)
    assert (odd, known.status().learning) == (0, True)


def test_the_hours_of_an_office_are_a_history() -> None:
    known = pattern(warm_up_days=7, device_warm_up_hours=24)
    for day in range(14):
        if day % 7 < 5:
            known.learn(known.score(connection(*(flow(24 * day + hour) for hour in range(9, 17)))))
    known.learn(known.score(connection(flow(24 * 14 + 9))))
    assert not known.status().learning
    # An hour is told of only if it is as rare as it would have to be for one device that is always on.
    assert 0 < known._calibration.threshold < 0.51 / 24
