"""The learning gate, warm-up, persistence, merging, and an attacker with patience."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from kit_baseline import START_HOUR, connection, flow, history_of, pattern, table

from kanaria.baseline.pattern import PatternOfLife
from kanaria.baseline.settings import BaselineSettings
from kanaria.baseline.words import describe, explain, learning, status
from kanaria.core.errors import ConfigError

BAD = "198.51.100.66"


def _settled(**settings: object) -> PatternOfLife:
    """Two days of one device that always does the same."""
    learned = pattern(**settings)
    learned.learn(connection(*(flow(hour) for hour in range(48))))
    return learned


def _bits(learned: PatternOfLife, hour: int, dst_ip: str = BAD) -> float:
    scored = learned.score(connection(flow(hour, dst_ip=dst_ip)))["connection"]
    return float(scored["baseline.endpoint_bits"][0].as_py())


def test_rows_of_a_finding_are_not_learned() -> None:
    learned = _settled()
    before = _bits(learned, 50)
    learned.learn(connection(flow(49, dst_ip=BAD, event_id=7)), exclude_event_ids=[7])
    assert _bits(learned, 50) == pytest.approx(before, abs=0.1)


def test_rows_of_an_open_incident_are_not_learned_and_others_are() -> None:
    learned = _settled()
    rows = connection(flow(49, dst_ip=BAD), flow(49, dst_ip="198.51.100.67"))
    learned.learn(rows, exclude_entities=[("10.0.0.5", BAD)])
    assert _bits(learned, 50) > _bits(learned, 50, "198.51.100.67") + 2


def test_the_whole_device_can_be_withheld() -> None:
    learned = _settled()
    before = history_of(learned)["ties"]
    learned.learn(connection(flow(49, dst_ip=BAD)), exclude_entities=[("10.0.0.5", None)])
    assert history_of(learned)["ties"] == before


def test_the_operator_may_learn_incidents_too() -> None:
    learned = _settled(learn_incidents=True)
    before = _bits(learned, 50)
    learned.learn(connection(flow(49, dst_ip=BAD, event_id=7)), exclude_event_ids=[7])
    assert _bits(learned, 50) < before - 2


@pytest.mark.parametrize("by", ["event", "entity"])
def test_a_dismissed_incident_is_learned_after_all(by: str) -> None:
    """Dismissing leaves what learning at once would have left."""
    withheld, learned = _settled(), _settled()
    rows = connection(flow(49, dst_ip=BAD, event_id=7))
    withheld.learn(rows, exclude_event_ids=[7])
    assert withheld.dismiss(event_ids=[7] if by == "event" else [], entities=[("10.0.0.5", BAD)]) == 1
    learned.learn(rows)
    assert _bits(withheld, 50) == pytest.approx(_bits(learned, 50))
    assert withheld.dismiss(event_ids=[7]) == 0


def test_until_warm_nothing_is_anomalous_and_the_state_says_how_far_it_is() -> None:
    learned = pattern(warm_up_days=7.0)
    learned.learn(connection(*(flow(hour) for hour in range(52))))
    row = learned.score(connection(flow(52, dst_ip=BAD, src_bytes=10**10)))["connection"]
    assert row["baseline.learning"][0].as_py() is True
    assert row["baseline.anomalous"][0].as_py() is False
    said = status(learned)
    assert said.en.startswith("learning (2 d 4 h of 7 d)")
    assert said.ja.startswith("学習中(7日のうち2日4時間)")


def test_learning_in_words() -> None:
    assert learning(0, 168).en == "learning (0 h of 7 d)"
    assert learning(200, 168).en == "settled (8 d 8 h learned)"


def test_a_device_that_joins_later_learns_first() -> None:
    learned = _settled(device_warm_up_hours=24.0)
    learned.learn(connection(flow(49, src_ip="10.0.0.9")))
    row = learned.score(connection(flow(50, src_ip="10.0.0.9")))["connection"]
    assert row["baseline.learning"][0].as_py() is True
    assert row["baseline.new_device"][0].as_py() is False


def test_how_far_a_device_is_follows_from_the_network_first_and_then_from_its_own_time() -> None:
    learned = pattern(warm_up_days=2.0, device_warm_up_hours=24.0)
    learned.learn(connection(*(flow(hour) for hour in range(30))))
    assert "learning (1 d 6 h of 2 d)" in describe(learned, "10.0.0.5")[0].en
    learned.learn(connection(*(flow(hour) for hour in range(30, 60)), flow(50, src_ip="10.0.0.9")))
    assert "settled (" in describe(learned, "10.0.0.5")[0].en
    assert "learning (1 h of 1 d)" in describe(learned, "10.0.0.9")[0].en


def test_state_survives_a_restart(tmp_path: Path) -> None:
    engine = duckdb.connect()
    first = PatternOfLife(engine, settings=BaselineSettings(warm_up_days=0.0), directory=tmp_path)
    first.learn(connection(*(flow(hour) for hour in range(30))), position="row 30")
    before = history_of(first)
    engine.close()
    again = pattern(tmp_path)
    assert history_of(again) == before
    assert again.position() == "row 30"


def test_a_state_of_another_half_life_is_refused(tmp_path: Path) -> None:
    engine = duckdb.connect()
    PatternOfLife(engine, directory=tmp_path)
    engine.close()
    with pytest.raises(ConfigError, match=r"half_life_days: expected 14, with which this store .*; got 9"):
        pattern(tmp_path, half_life_days=9.0)


@pytest.mark.parametrize("name", ["half_life_days", "alerts_per_day", "warm_up_days"])
def test_settings_refuse_what_makes_no_sense(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        BaselineSettings(**{name: -1.0})  # type: ignore[arg-type]


def test_two_sensors_states_add_up() -> None:
    """Different devices seen by two sensors give what one sensor seeing both would have, apart from what peers share."""
    engine = duckdb.connect()
    settings = BaselineSettings(warm_up_days=0.0, device_warm_up_hours=0.0)
    left, right = (PatternOfLife(engine, settings=settings) for _ in range(2))
    both = pattern()
    mine = [flow(hour) for hour in range(20)]
    theirs = [flow(hour, src_ip="10.0.0.6", dst_ip="198.51.100.6") for hour in range(20)]
    left.learn(connection(*mine))
    right.learn(connection(*theirs))
    both.learn(connection(*sorted(mine + theirs, key=lambda row: row["time"])))
    left.state.merge(right.state)
    assert history_of(left)["ties"] == history_of(both)["ties"]
    assert history_of(left)["hourly"] == history_of(both)["hourly"]
    left.learn(connection(flow(20)))
    assert left.status().devices == 2


def test_compacting_changes_no_answer() -> None:
    learned = _settled()
    before, bits = history_of(learned), _bits(learned, 50)
    learned.state.compact(learned.settings.max_ties)
    assert history_of(learned) == before
    assert _bits(learned, 50) == pytest.approx(bits)


def test_size_is_bounded_and_reported() -> None:
    learned = pattern(max_ties=10)
    learned.learn(connection(*(flow(hour, dst_ip=f"198.51.100.{hour}") for hour in range(30))))
    learned.state.compact(learned.settings.max_ties)
    assert learned.status().ties == 10
    assert learned.status().sizes["ties"] == 10


def test_patience_does_not_make_an_attacker_normal_before_he_was_flagged() -> None:
    """A new connection, one hour a day at first, then more, its bytes doubling daily: flagged while still rare."""
    learned = pattern(warm_up_days=3.0, device_warm_up_hours=24.0)
    for day in range(4):
        usual = [flow(day * 24 + hour, dst_ip=f"192.0.2.{n}") for hour in range(24) for n in (10, 11, 12)]
        learned.learn(learned.score(connection(*usual)))
    flagged_on = None
    for day in range(4, 9):
        usual = [flow(day * 24 + hour, dst_ip=f"192.0.2.{n}") for hour in range(24) for n in (10, 11, 12)]
        attack = [
            flow(day * 24 + hour, dst_ip=BAD, src_bytes=500 << (day - 4), event_id=10**12 + hour)
            for hour in range(min(1 + (day - 4) * 3, 12))
        ]
        scored = learned.score(connection(*sorted(usual + attack, key=lambda row: row["time"])))
        rows = scored["connection"].to_pylist()
        hits = [row for row in rows if row["baseline.anomalous"]]
        if any(row["remote"] == BAD for row in hits) and flagged_on is None:
            flagged_on = day
        learned.learn(scored, exclude_event_ids=[row["event_id"] for row in hits])
    assert flagged_on == 4


def test_normality_and_bits_are_told_in_both_languages() -> None:
    learned = _settled()
    told = describe(learned, "10.0.0.5")
    assert "192.0.2.10 (100 %)" in " ".join(text.en for text in told)
    japanese = " ".join(text.ja for text in told)
    assert "よくある相手アドレス" in japanese and "192.0.2.10(100%)" in japanese
    assert "発信 " in japanese and "out " not in japanese
    assert describe(learned, "10.9.9.9") == ()
    row = learned.score(connection(flow(49, dst_ip=BAD)))["connection"].to_pylist()[0]
    said = explain(row)
    assert said[0].en.endswith("bits: the address on the other side")
    assert "never seen on this network" in " ".join(text.en for text in said)
    assert "初めて" in " ".join(text.ja for text in said)
    assert explain({"baseline.surprise_bits": None})[0].en.startswith("Not scored")


def test_accounts_are_choices_too() -> None:
    learned = pattern()
    for hour in range(24):
        learned.learn(
            {
                "logon": table(
                    "logon", flow(hour, direction="inbound", src_ip="192.0.2.9", dst_ip="10.0.0.5", user="mai")
                )
            }
        )
    usual, guess = (
        learned.score(
            {"logon": table("logon", flow(25, direction="inbound", src_ip="192.0.2.9", dst_ip="10.0.0.5", user=user))}
        )["logon"]["baseline.account_bits"][0].as_py()
        for user in ("MAI", "hello")
    )
    assert usual < 1 < guess
    assert START_HOUR > 0
