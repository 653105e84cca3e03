"""The time that messages are kept by: whatever becomes of the clock, it goes on at its pace."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from kanaria.store.timeline import BELIEVED_AFTER, DAY, DRIFT, JUMP, Timeline

BEGAN = 1_795_000_000.0
YEARS = 10 * 365 * DAY


@dataclass
class Machine:
    """A clock that can be set, seconds that pass, and what is kept on its disk."""

    clock: float = BEGAN
    passed: float = 100_000.0
    boot: str = "first"
    kept: dict[str, str] = field(default_factory=dict)

    def fact(self, name: str) -> str | None:
        return self.kept.get(name)

    def remember(self, name: str, value: str) -> None:
        self.kept[name] = value

    def go(self, seconds: float, jump: float = 0.0) -> None:
        self.passed += seconds
        self.clock += seconds + jump

    def begin(self) -> Timeline:
        return Timeline(self, lambda: self.clock, lambda: self.passed, self.boot)

    def restart(self, off: float, jump: float) -> Timeline:
        """The machine is off for a while."""
        self.clock += off + jump
        self.passed, self.boot = 30.0, f"{self.boot}+"
        return self.begin()


JUMPS = st.sampled_from([0.0, 30.0, -30.0, 3600.0, -3600.0, YEARS, -YEARS])
STEPS = st.lists(st.tuples(st.floats(0.1, 3 * DAY), JUMPS, st.booleans()), max_size=12)


@given(STEPS)
def test_it_passes_as_fast_as_time_does_whatever_the_clock_is_set_to(steps: list[tuple[float, float, bool]]) -> None:
    machine = Machine()
    line = machine.begin()
    began, true = line.now(), 0.0
    for seconds, jump, process_ends in steps:
        machine.go(seconds, jump)
        true += seconds
        if process_ends:
            line.keep()
            line = machine.begin()
        assert abs(line.now() - began - true) < 1e-3
        found = line.look()
        assert (abs(found - jump) < 1e-3) if abs(jump) > JUMP else found == 0.0
        assert abs(line.wall(line.now()) - machine.clock) <= DRIFT
        assert line.look() == 0.0  # said once
        line.keep()


@given(st.floats(0.1, 30 * DAY), JUMPS)
def test_over_a_start_of_the_machine_it_never_goes_back(off: float, jump: float) -> None:
    machine = Machine()
    line = machine.begin()
    line.keep()
    before = line.now()
    after = machine.restart(off, jump)
    assert after.now() >= before
    assert abs(after.wall(after.now()) - machine.clock) <= DRIFT
    assert after.now() <= before + max(0.0, off + jump) + 1e-3
    assert (after.look() < -JUMP) == (off + jump < -JUMP)


def test_a_clock_off_by_years_is_not_believed_until_it_has_stayed_there_for_a_day() -> None:
    machine = Machine()
    line = machine.begin()
    machine.go(10, YEARS)
    line.look()
    assert line.doubtful
    assert abs(line.believed() - BEGAN - 10) < 1e-3
    line.keep()
    line = machine.begin()  # another process knows it, too
    machine.go(3600, -YEARS)
    line.look()
    assert not line.doubtful
    assert abs(line.believed() - machine.clock) < 1e-3
    machine.go(10, YEARS)
    line.look()
    machine.go(BELIEVED_AFTER + 1)
    assert not line.doubtful
    assert abs(line.believed() - machine.clock) < 1e-3


def test_a_clock_set_after_the_machine_was_started_or_by_hours_is_believed_at_once() -> None:
    machine = Machine(passed=30.0)
    line = machine.begin()
    machine.go(20, YEARS)
    assert line.look()
    assert abs(line.believed() - machine.clock) < 1e-3
    machine = Machine()
    line = machine.begin()
    machine.go(20, -3600.0)
    assert line.look()
    assert abs(line.believed() - machine.clock) < 1e-3
