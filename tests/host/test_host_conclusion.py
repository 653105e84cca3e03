"""The end of a run asks the load history for the times of the findings, when the machine was looked at at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kanaria.app.conclusion import surroundings
from kanaria.app.host import Observations
from kanaria.app.stages import Stages
from kanaria.core.types import Finding, HostObservation, Text

FIRST = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
SAID = HostObservation(kind="cpu_step", statement=Text(en="up", ja="上昇"), source="sadf")


def _finding(number: int, time: datetime | None) -> Finding:
    return Finding(
        id=f"f-{number}", rule="r", rule_version="1", title=Text(en="t", ja="t"), why=Text(en="w", ja="w"),
        severity="low", table="http", time=time, device=None, remote=None, key=str(number), bits=1.0,
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[datetime, datetime]]:
    windows: list[tuple[datetime, datetime]] = []

    def window(start: datetime, end: datetime) -> Observations:
        windows.append((start, end))
        return (SAID,), ("load history (sar)",)

    monkeypatch.setattr("kanaria.app.host.observe_window", window)
    return windows


def _stages(*times: datetime | None, checked: tuple[str, ...]) -> Stages:
    stages = Stages(host_checked=checked)
    stages.material.findings = {str(n): _finding(n, time) for n, time in enumerate(times)}
    return stages


def test_the_window_is_that_of_the_findings(asked: list[tuple[datetime, datetime]]) -> None:
    last = FIRST + timedelta(hours=1)
    around = surroundings(_stages(last, None, FIRST, checked=("load now",)))
    assert asked == [(FIRST, last)]
    assert around.host == (SAID,)
    assert around.host_checked == ("load now", "load history (sar)")


@pytest.mark.parametrize(("times", "checked"), [((FIRST,), ()), ((None,), ("load now",)), ((), ("load now",))])
def test_nothing_is_asked_without_a_check_or_without_times(
    asked: list[tuple[datetime, datetime]], times: tuple[datetime | None, ...], checked: tuple[str, ...]
) -> None:
    around = surroundings(_stages(*times, checked=checked))
    assert asked == []
    assert around.host == ()
    assert around.host_checked == checked
