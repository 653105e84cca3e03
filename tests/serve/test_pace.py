"""How often a service looks, when a batch is due, and how large it may be: all from moments that are passed in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kanaria.app.live.pace import LEAST, LOOK_EVERY, LOOKING, MOST, SHORTEST, Pace

LONGEST = 5.0


def judge(pace: Pace, now: float, seconds: float) -> float:
    """One batch that takes so long; returns the moment it ended at."""
    pace.judged(pace.batch(now), now + seconds)
    return now + seconds


def test_full_batches_that_are_done_soon_grow_and_those_that_take_too_long_shrink() -> None:
    pace, now = Pace(LONGEST), 100.0
    for _ in range(10):
        pace.looked(now, now, pace.room)
        now = judge(pace, now, LONGEST / 10)
    assert pace.limit == MOST
    slow = Pace(LONGEST)
    slow.looked(now, now, slow.room)
    judge(slow, now, LONGEST / 2)
    assert slow.limit == LEAST, "it took too long to grow"
    pace.looked(now, now, pace.room // 2)
    now = judge(pace, now, LONGEST / 10)
    assert pace.limit == MOST, "one that was not full says nothing"
    pace.looked(now, now, pace.room)
    now = judge(pace, now, LONGEST / 2)
    assert pace.limit == MOST, "and not too long to stay"
    for _ in range(10):
        now = judge(pace, now, LONGEST + 0.1)
    assert pace.limit == LEAST


def test_the_next_batch_waits_as_long_as_the_last_took() -> None:
    pace = Pace(LONGEST)
    assert not pace.due(100.0, waits=False, at_once=True), "nothing came"
    pace.looked(100.0, 100.0, 10)
    assert pace.due(100.0, waits=False, at_once=False)
    now = judge(pace, 100.0, 2.0)
    pace.looked(now, now, 10)
    assert not pace.due(now + 1.9, waits=True, at_once=False)
    assert pace.due(now + 2.0, waits=False, at_once=False) and pace.due(now, waits=True, at_once=True)
    pace.looked(now, now, pace.room)
    assert pace.due(now, waits=False, at_once=False), "it is full"
    now = judge(pace, now, 60.0)
    assert pace.due(now + LONGEST, waits=True, at_once=False), "never longer than a batch may take"


def test_what_brings_no_bytes_is_judged_too() -> None:
    """Flows, and rows that wait for earlier ones."""
    pace = Pace(LONGEST)
    now = judge(pace, 100.0, 0.0) + SHORTEST
    assert not pace.due(now, waits=False, at_once=False)
    assert pace.due(now, waits=True, at_once=False)
    pace.looked(now, now, 0)
    assert pace.due(now, waits=False, at_once=False)


def test_looking_takes_a_quarter_of_a_processor_at_most() -> None:
    pace = Pace(LONGEST)
    assert pace.until_look(100.0) <= 0
    pace.looked(100.0, 100.2, 10)
    assert abs(pace.until_look(100.2) - 0.2 * LOOKING) < 1e-6
    pace.looked(100.0, 100.0, 10)
    assert abs(pace.until_look(100.0) - SHORTEST) < 1e-6
    pace.looked(100.0, 200.0, 10)
    assert pace.until_look(200.0) == LONGEST


def test_nobody_sleeps_while_something_is_due() -> None:
    pace = Pace(LONGEST)
    assert pace.patience(100.0, waits=True, hastens=True) == 0.0
    assert pace.patience(100.0, waits=False, hastens=False) == LOOK_EVERY
    now = judge(pace, 100.0, 0.2)
    assert abs(pace.patience(now, waits=True, hastens=False) - 0.2) < 1e-6
    assert pace.patience(now + 1, waits=True, hastens=False) == 0.0
    now = judge(pace, now, 4.0)
    assert pace.patience(now, waits=True, hastens=False) == LOOK_EVERY


def test_what_comes_while_a_batch_is_judged_belongs_to_the_next() -> None:
    pace = Pace(LONGEST)
    pace.looked(100.0, 100.0, LEAST, oldest=99.0)
    batch = pace.batch(101.0)
    pace.looked(101.5, 101.5, 7, oldest=101.4)
    pace.judged(batch, 102.0)
    assert (pace.batches, pace.took, pace.lag) == (1, 1.0, 3.0)
    assert pace.room == pace.limit - 7 and pace.limit == 2 * LEAST
    pace.judged(pace.batch(103.0), 103.0)
    assert pace.lag == 103.0 - 101.4
    pace.judged(pace.batch(104.0), 105.0)
    assert pace.lag == 1.0, "nothing waited: as long as it took"


@given(st.lists(st.tuples(st.integers(0, 2 * MOST), st.floats(0, 3 * LONGEST)), max_size=40))
def test_a_batch_stays_within_its_bounds(batches: list[tuple[int, float]]) -> None:
    pace, now = Pace(LONGEST), 0.0
    for size, seconds in batches:
        pace.looked(now, now, size)
        assert pace.due(now, waits=False, at_once=False) or pace.room > 0
        now = judge(pace, now, seconds)
        assert LEAST <= pace.limit <= MOST
        assert 0 < pace.room == pace.limit, "there is room again"
        assert 0 <= pace.patience(now, waits=True, hastens=False) <= LOOK_EVERY
