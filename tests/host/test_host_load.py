"""A step in a machine's load: found when it stays, not when it comes every day or goes again."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.facts import Knowledge
from kanaria.host import load as host_load
from kanaria.host.load import Load, measure
from kanaria.host.look import observe, observe_window

MOMENT = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
TEN = timedelta(minutes=10)
Make = Callable[..., Any]


def _history(
    level: Callable[[datetime], float], *, days: float = 1, after: timedelta = timedelta(hours=2)
) -> list[Load]:
    noise = Random(7)
    start = MOMENT - timedelta(days=days)
    count = int((MOMENT + after - start) / TEN)
    times = [start + TEN * (i + 1) for i in range(count)]
    return [(time, max(0.0, level(time) + noise.gauss(0, 1))) for time in times]


def test_a_load_that_rises_and_stays_is_a_step() -> None:
    step = measure(_history(lambda time: 90.0 if time > MOMENT else 3.0), MOMENT, MOMENT)
    assert step is not None
    assert step.stepped
    assert (round(step.before), round(step.after)) == (3, 90)


def test_a_steady_load_is_none() -> None:
    step = measure(_history(lambda _time: 40.0), MOMENT, MOMENT)
    assert step is not None
    assert not step.stepped


def test_a_job_that_ran_yesterday_as_well_is_none() -> None:
    def nightly(time: datetime) -> float:
        return 95.0 if time.hour in (9, 10) else 3.0

    step = measure(_history(nightly), MOMENT, MOMENT)
    assert step is not None
    assert not step.stepped


def test_a_load_that_goes_again_is_none() -> None:
    step = measure(_history(lambda time: 95.0 if MOMENT < time <= MOMENT + 3 * TEN else 3.0), MOMENT, MOMENT)
    assert step is not None
    assert not step.stepped


def test_one_core_of_ten_is_seen_and_less_is_not() -> None:
    big, small = (measure(_history(lambda t, up=up: 3.0 + up * (t > MOMENT)), MOMENT, MOMENT) for up in (14.0, 4.0))  # type: ignore[misc]
    assert big is not None
    assert small is not None
    assert (big.stepped, small.stepped) == (True, False)


@pytest.mark.parametrize("kept", [0, 5, 11])
def test_too_little_history_is_no_answer(kept: int) -> None:
    whole = _history(lambda _time: 3.0)
    before = [load for load in whole if load[0] <= MOMENT][-kept:] if kept else []
    after = [load for load in whole if load[0] > MOMENT]
    assert measure(before + after, MOMENT, MOMENT) is None
    assert measure([load for load in whole if load[0] <= MOMENT], MOMENT, MOMENT) is None


@settings(max_examples=60, deadline=None)
@given(
    loads=st.lists(
        st.tuples(st.integers(-2000, 300).map(lambda m: MOMENT + timedelta(minutes=m)), st.floats(0, 100)), max_size=80
    )
)
def test_order_changes_nothing_and_a_step_is_above_everything_usual(loads: list[Load]) -> None:
    step = measure(loads, MOMENT, MOMENT)
    assert step == measure(loads[::-1], MOMENT, MOMENT)
    if step is not None and step.stepped:
        assert step.after >= step.before + host_load.STEP


def test_the_sentence_has_the_numbers_and_the_window() -> None:
    flat = _history(lambda _time: 3.0)
    found, checked = observe_window(MOMENT, MOMENT, history=lambda _start, _end: flat)
    assert checked == ("load history (sar)",)
    assert [one.kind for one in found] == ["nothing"]
    assert found[0].statement.en.startswith("CPU was 3 % before and 3 % after (2026-01-09 09:10–2026-01-10 11:00 UTC)")
    assert "前が3%、後が3%" in found[0].statement.ja
    risen = _history(lambda time: 97.0 if time > MOMENT else 3.0)
    found, _checked = observe_window(MOMENT, MOMENT, history=lambda _start, _end: risen)
    assert [one.kind for one in found] == ["cpu_step"]
    assert "3 % before and 97 % after" in found[0].statement.en
    assert observe_window(MOMENT, MOMENT, history=lambda _start, _end: None) == ((), ())


def test_the_load_up_to_now_is_compared_when_no_window_is_given(sample: Make, facts: Knowledge) -> None:
    def history(start: datetime, end: datetime) -> list[Load]:
        assert start <= MOMENT - timedelta(hours=26)
        whole = _history(lambda time: 97.0 if time > MOMENT - timedelta(hours=2) else 3.0, days=2)
        return [load for load in whole if load[0] <= MOMENT]

    found, checked = observe(facts, look=sample, history=history)
    assert [one.kind for one in found] == ["cpu_step"]
    assert checked == ("load now", "processes", "connections", "load history (sar)")


def _fake_sadf(folder: Path, body: str) -> None:
    program = folder / "sadf"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_history_is_read_from_the_files_of_the_days_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    golden = Path(__file__).parent / "golden" / "sadf.json"
    _fake_sadf(tmp_path, f'test "$1" = -j && test -f "$2" && cat {golden}')
    folder = tmp_path / "sysstat"
    folder.mkdir()
    assert host_load.history(MOMENT, MOMENT + TEN * 6, [folder]) is None
    (folder / "sa10").write_bytes(b"binary")
    (folder / "sa20260110").write_bytes(b"binary")
    found = host_load.history(MOMENT, MOMENT + TEN * 6, [folder])
    assert found == [(MOMENT + TEN, 2.5), (MOMENT + TEN * 2, 99.5)]
    assert host_load.history(MOMENT + TEN * 3, MOMENT + TEN * 6, [folder]) == []


def test_an_unreadable_history_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sa10").write_bytes(b"binary")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host_load.history(MOMENT, MOMENT, [tmp_path]) is None
    _fake_sadf(tmp_path, "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert host_load.history(MOMENT, MOMENT, [tmp_path]) is None
