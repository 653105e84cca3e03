"""The end of a run asks the load history for the times of the findings, when the machine was looked at at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.facts import Knowledge
from kanaria.core.types import Analysis, Finding, HostObservation, Text
from kanaria.host.look import Observations

Window = tuple[datetime, datetime]

FIRST = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
SAID = HostObservation(kind="cpu_step", statement=Text(en="up", ja="上昇"), source="sadf")


def _finding(number: int, time: datetime | None) -> Finding:
    return Finding(
        id=f"f-{number}", rule="r", rule_version="1", title=Text(en="t", ja="t"), why=Text(en="w", ja="w"),
        severity="low", table="http", time=time, device=None, remote=None, key=str(number), bits=1.0,
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Window | None]:
    windows: list[Window | None] = []

    def observe(_facts: Knowledge, around: Window | None = None) -> Observations:
        windows.append(around)
        return (SAID,), ("load now", "load history (sar)")

    monkeypatch.setattr("kanaria.host.look.observe", observe)
    return windows


def concluded(*times: datetime | None, check: bool) -> Analysis:
    with Engine(prepare(check_host=check)) as engine:
        engine.case.add({}, (), [_finding(n, time) for n, time in enumerate(times)])
        return engine.finish()


def test_the_window_is_that_of_the_findings(asked: list[Window | None]) -> None:
    last = FIRST + timedelta(hours=1)
    analysis = concluded(last, None, FIRST, check=True)
    assert asked == [(FIRST, last)]
    assert analysis.incidents[0].impact.checked == ("load now", "load history (sar)")
    assert SAID.statement in analysis.incidents[0].impact.statements


@pytest.mark.parametrize("times", [(None,), ()])
def test_without_times_the_machine_is_looked_at_as_it_is_now(
    asked: list[Window | None], times: tuple[datetime | None, ...]
) -> None:
    concluded(*times, check=True)
    assert asked == [None]


def test_nobody_looks_without_being_asked_to(asked: list[Window | None]) -> None:
    analysis = concluded(FIRST, check=False)
    assert asked == []
    assert analysis.incidents[0].impact.checked == ()
