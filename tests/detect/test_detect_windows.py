"""Sliding windows against the plainest possible reading of their definition, without any rule or engine around them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.detect.model import Correlation
from kanaria.detect.windows import MOST_EVENTS, Event, Group, chain, moments, number, observations

SPAN = 5
RULES = ("a", "b", "c")


def correlation(type_: str, **more: Any) -> Correlation:
    return Correlation(
        **{
            "type": type_, "rules": RULES, "span": SPAN, "group_by": (), "groups": {}, "fields": {}, "op": "gte",
            "threshold": 2, **more,
        }
    )  # fmt: skip


def event(time: int, rule: str = "a", value: Any = None, identity: int | None = None) -> Event:
    return Event(time, (time if identity is None else identity,), rule, (value,), {})


EVENTS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(RULES), st.none() | st.integers(-5, 5)), max_size=20
).map(lambda items: [event(time, rule, value, n) for n, (time, rule, value) in enumerate(items)])


def plain(type_: str, window: Sequence[Event]) -> float | None:
    """The measure of one window, computed the obvious way."""
    values = [found.value[0] for found in window if found.value[0] is not None]
    if type_ == "event_count":
        return len(window)
    if type_ == "value_count":
        return len(set(values))
    if type_ == "temporal":
        return len({found.rule for found in window})
    if type_ == "temporal_ordered":
        return longest(window)
    if not values:
        return None
    if type_ == "value_sum":
        return math.fsum(values)
    if type_ == "value_avg":
        return math.fsum(values) / len(values)
    return float(np.percentile(values, 50 if type_ == "value_median" else 80))


def longest(window: Sequence[Event]) -> int:
    for size in range(len(RULES), 0, -1):
        for rules in itertools.combinations(RULES, size):
            for picked in itertools.product(*([e.time for e in window if e.rule == rule] for rule in rules)):
                if all(x < y for x, y in itertools.pairwise(picked)):
                    return size
    return 0


TYPES = [
    "event_count", "value_count", "value_sum", "value_avg", "value_median", "value_percentile", "temporal",
    "temporal_ordered",
]  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
@settings(max_examples=40, deadline=None)
@given(events=EVENTS)
def test_moments_are_those_of_the_definition(type_: str, events: list[Event]) -> None:
    rule = correlation(type_, percentile=80)
    group = Group()
    found = moments(group, rule, group.add(events), 100)
    expected: list[Any] = []
    for time in sorted({one.time for one in events}):
        measure = plain(type_, [one for one in events if time - SPAN <= one.time <= time])
        if measure is not None and measure >= rule.threshold - 1e-12:
            expected.append((time, pytest.approx(measure)))
    assert [(moment.time, moment.measure) for moment in found] == expected


@pytest.mark.parametrize("type_", ["event_count", "value_count", "temporal_ordered"])
@settings(max_examples=40, deadline=None)
@given(events=EVENTS, cut=st.integers(0, 20))
def test_late_events_find_every_moment_they_make(type_: str, events: list[Event], cut: int) -> None:
    rule = correlation(type_)
    at_once, in_two = Group(), Group()
    whole = {moment.time for moment in moments(at_once, rule, at_once.add(events), 100)}
    first = {moment.time for moment in moments(in_two, rule, in_two.add(events[cut:]), 100)}
    second = {moment.time for moment in moments(in_two, rule, in_two.add(events[:cut]), 100)}
    assert first | second == whole


@settings(max_examples=60, deadline=None)
@given(events=EVENTS)
def test_absence_is_what_the_definition_says(events: list[Event]) -> None:
    rule = correlation("temporal", clauses=((("a",), ("b",)),))
    group = Group()
    found = [moment.time for moment in moments(group, rule, group.add(events), 20)]
    starts = sorted({one.time for one in events if one.rule == "a" and one.time + SPAN <= 20})
    expected = [
        start + SPAN
        for start in starts
        if not any(one.rule == "b" and start <= one.time <= start + SPAN for one in events)
    ]
    assert found == expected
    assert moments(group, rule, [], 20) == []  # judged once


@settings(max_examples=100, deadline=None)
@given(events=EVENTS)
def test_chain_is_the_longest_ordered_choice(events: list[Event]) -> None:
    times = {rule: sorted(one.time for one in events if one.rule == rule) for rule in RULES}
    assert chain(times, RULES) == longest(events)


def test_the_same_event_is_counted_once() -> None:
    group = Group()
    rule = correlation("event_count")
    assert moments(group, rule, group.add([event(1, "a", identity=7), event(1, "b", identity=7)]), 9) == []
    assert group.add([event(1, "a", identity=7)]) == []


def test_old_events_go_and_the_cap_holds() -> None:
    group = Group()
    group.add([event(time) for time in range(MOST_EVENTS + 10)])
    group.drop(5)
    assert len(group.events) == MOST_EVENTS and group.events[0].time == 10
    group.drop(MOST_EVENTS + 5)
    assert [one.time for one in group.events] == list(range(MOST_EVENTS + 5, MOST_EVENTS + 10))


@pytest.mark.parametrize(
    ("value", "expected"), [("3", 3.0), (4, 4.0), ("1e3", 1000.0), ("x", None), ("", None), (None, None), ("inf", None)]
)
def test_only_finite_numbers_are_numbers(value: Any, expected: float | None) -> None:
    assert number(value) == expected


def test_ends_of_a_long_window() -> None:
    group = Group()
    (*_, last) = moments(group, correlation("event_count", span=100), group.add([event(t) for t in range(50)]), 99)
    assert [one.time for one in last.ends(4)] == [0, 47, 48, 49]
    assert len(last.ends(50)) == 50 and last.first.time == 0


OBSERVATIONS = st.lists(st.tuples(st.sampled_from(RULES), st.sampled_from("xyz")), max_size=12)
TABLES = {"a": "flow", "b": "flow", "c": "other"}


def told(*pairs: tuple[str, str]) -> list[Event]:
    return [Event(n, (n,), rule, (), {"remote": remote}) for n, (rule, remote) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("pairs", "count"),
    [
        ([("a", "x"), ("b", "x")], 1),  # two rules of one table about one remote: one observation
        ([("a", "x"), ("b", "y")], 2),
        ([("a", "x"), ("c", "x")], 2),  # another table: somebody else saw something else
        ([("a", "x"), ("a", "y")], 1),  # one rule is one rule
        ([("a", "x"), ("a", "y"), ("b", "x")], 2),
        ([], 0),
    ],
)
def test_rules_count_as_far_as_each_has_an_observation_of_its_own(pairs: list[tuple[str, str]], count: int) -> None:
    assert observations(told(*pairs), TABLES) == count


@given(OBSERVATIONS)
def test_observations_are_as_many_as_any_assignment_finds(pairs: list[tuple[str, str]]) -> None:
    shown = {rule: {(TABLES[rule], remote) for name, remote in pairs if name == rule} for rule, _ in pairs}
    best = max(
        (len(used) for size in range(len(shown) + 1) for rules in itertools.combinations(shown, size)
         for used in itertools.product(*(shown[rule] for rule in rules)) if len(set(used)) == len(used)),
        default=0,
    )  # fmt: skip
    assert observations(told(*pairs), TABLES) == best


def test_a_correlation_of_separate_observations_does_not_fire_on_one() -> None:
    rule = correlation("temporal", separate=TABLES)
    for pairs, fires in (([("a", "x"), ("b", "x")], False), ([("a", "x"), ("c", "x")], True)):
        group = Group()
        assert bool(moments(group, rule, group.add(told(*pairs)), 100)) is fires
