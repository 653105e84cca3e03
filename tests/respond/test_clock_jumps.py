"""A clock that is set: what waits is told after the time it had to wait, and nothing is told twice or never."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.clock import Resets
from kanaria.respond.acknowledge import Links
from kanaria.respond.dispatch import dispatch
from kanaria.respond.sender import Pace
from kanaria.sources.chunks import Health
from kanaria.store.outbox import Outbox
from kanaria.store.timeline import Timeline
from tests.respond.test_sender import BEGAN, House, incident, plan
from tests.store.test_timeline import YEARS, Machine

HOUR = 3600.0
JUMPS = st.sampled_from([3600.0, -3600.0, YEARS, -YEARS])


def house(folder: Path, machine: Machine, pace: Pace | None = None, **of: Any) -> House:
    """A channel whose outbox goes by this machine's clock, as a service has it."""
    made = House(folder, plan(**of), pace)
    made.outbox.time = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
    return made


def moved(machine: Machine, of: House, seconds: float, jump: float = 0.0) -> None:
    machine.go(seconds, jump)
    of.outbox.time.look()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=JUMPS, back=st.booleans())
def test_retries_budgets_and_escalations_take_their_time(
    tmp_path_factory: pytest.TempPathFactory, there: float, back: bool
) -> None:
    machine = Machine(clock=BEGAN)
    of = house(
        tmp_path_factory.mktemp("store"), machine, Pace(per_hour=1, join_seconds=0, first_pause=60.0),
        escalate_minutes=30,
    )  # fmt: skip
    now = of.outbox.time.now
    of.news(incident(1, "critical"), incident(2, "critical"), at=now())
    moved(machine, of, 600, there)
    if back:
        moved(machine, of, 600, -there)
    assert of.run(now()) == []  # half an hour is not over yet
    moved(machine, of, 1200 if back else 1801)
    of.phone.accepts = False
    assert of.run(now()) == []
    of.phone.accepts = True
    moved(machine, of, 30, -there if back else there)
    assert of.run(now()) == []  # the next attempt is a minute after the first
    moved(machine, of, 31)
    assert len(of.run(now())) == 1
    moved(machine, of, 1800, there)
    assert of.run(now()) == []  # one an hour
    moved(machine, of, 1801, -there)
    assert len(of.run(now())) == 1
    moved(machine, of, 10 * 3600)
    assert of.run(now()) == []  # and nothing twice
    of.outbox.close()


@pytest.mark.parametrize("there", [HOUR, -HOUR, YEARS, -YEARS])
def test_digests_go_on_at_their_time_of_day(tmp_path: Path, there: float) -> None:
    machine = Machine(clock=BEGAN)  # noon
    of = house(tmp_path, machine, digest="daily")
    of.watched |= {"sources": [{"name": "access.log", "records": 1}]}
    now = of.outbox.time.now
    moved(machine, of, 20 * HOUR + 60)
    assert len(of.run(now())) == 1  # eight in the morning
    moved(machine, of, 2 * HOUR, there)
    assert of.run(now()) == []
    moved(machine, of, HOUR, -there)
    assert of.run(now()) == []
    moved(machine, of, 21 * HOUR)
    (said,) = of.run(now())
    assert "Watched since 06-22 08:01 UTC" in said.body
    of.outbox.close()


def test_what_a_wrong_clock_left_in_the_store_is_due_now(tmp_path: Path) -> None:
    """A store of a version that went by the clock, which was ten years ahead for a while."""
    of = House(tmp_path, plan(escalate_minutes=30, digest="daily"), Pace(per_hour=1, join_seconds=0))
    of.news(incident(1, "critical"), at=BEGAN + YEARS)
    assert len(of.run(BEGAN + YEARS + 1801)) == 2  # and a digest
    of.news(incident(2, "critical"), at=BEGAN + YEARS)
    assert [message.title for message in of.run(BEGAN)] == ["[Critical] probe"]
    assert of.run(BEGAN + 2 * HOUR) == []
    assert len(of.run(BEGAN + 24 * HOUR)) == 1  # the digest of the next morning
    of.outbox.close()


def test_a_link_lasts_as_long_as_it_should(tmp_path: Path) -> None:
    machine = Machine()
    outbox = Outbox(tmp_path)
    outbox.time = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
    links = Links(outbox, 24)
    for jump in (YEARS, -YEARS):
        token = links.token("i-1")
        machine.go(HOUR, jump)
        outbox.time.look()
        assert links.incident(token) == "i-1"
        machine.go(24 * HOUR)
        assert links.incident(token) is None
    assert links.incident(links.token("i-1", outbox.time.now() + YEARS)) is None
    outbox.close()


def test_windows_are_by_the_clock_as_it_is_now(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from kanaria.respond.maintenance import Window

    machine = Machine(clock=BEGAN)
    of = house(tmp_path, machine)
    moved(machine, of, 10, YEARS)
    clock = datetime.fromtimestamp(machine.clock, UTC)
    window = Window(begin=clock, end=datetime.fromtimestamp(machine.clock + HOUR, UTC))
    dispatch([incident(1)], [of.phone.plan], of.outbox, of.outbox.time.now(), [window])
    moved(machine, of, 30 * 60, -YEARS)
    assert of.run(of.outbox.time.now()) == []
    moved(machine, of, 31 * 60)
    assert len(of.run(of.outbox.time.now())) == 1
    of.outbox.close()


def test_silence_is_measured_in_seconds_that_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    health, machine = Health(), Machine()
    monkeypatch.setattr("kanaria.sources.chunks.steady", lambda: machine.passed)
    for _ in range(10):
        health.came(1, 10)
        machine.go(60, YEARS)
    assert health.typical_gap == 60.0
    assert health.silent() is None
    machine.go(2 * HOUR, -9 * YEARS)
    assert health.silent() == 2 * HOUR + 60


def test_a_clock_that_is_set_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    monkeypatch.setattr("kanaria.core.clock.steady", lambda: machine.passed)
    monkeypatch.setattr("kanaria.core.clock.time.time", lambda: machine.clock)
    resets = Resets()
    machine.go(10, 30)
    assert resets.since() == 0.0
    machine.go(10, -HOUR)
    assert resets.since() == -HOUR
    assert resets.since() == 0.0
