"""Sliding windows over time-ordered events of one group: the moments at which a correlation holds.

The window of a moment *t* is everything from *t − span* to *t*, both included, looked at once for every distinct event
time, all events of that time together: so the answer depends neither on the order of events nor on how they were cut
into batches. Only the absence of something is looked for forwards, from *t* to *t + span*, once that has passed.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from kanaria.core.values import dataclass
from kanaria.detect.model import Correlation

MOST_EVENTS = 10_000
"""Events kept per group: 0.5 kB each, and ten times the largest threshold in the bundled rules. The oldest go first."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


class Event(NamedTuple):
    """One record (or finding of an inner correlation) that a referenced rule matched; times in microseconds.

    ``ids`` are its event ids, ``rule`` the rule that matched, ``value`` what a ``value_*`` correlation measures and
    ``row`` the columns that words and parent correlations need, as JSON has them.
    """

    time: int
    ids: tuple[int, ...]
    rule: str
    value: tuple[Any, ...]
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time at which the condition held: the measure, and where its window lies in the group's events.

    A long occurrence has many moments with large windows: they are cut out only when somebody asks.
    """

    time: int
    measure: float
    source: Sequence[Event]
    low: int
    high: int

    @property
    def events(self) -> Sequence[Event]:
        return self.source[self.low : self.high]

    @property
    def first(self) -> Event:
        return self.source[self.low]

    def ends(self, count: int) -> Sequence[Event]:
        """The first event and the last ``count`` - 1, or all when there are no more."""
        if self.high - self.low <= count:
            return self.events
        return [self.first, *self.source[self.high - count + 1 : self.high]]


@dataclass
class Group:
    """The events of one group, sorted, and how far it has been looked at.

    ``fired``, ``level``, ``anchor`` and ``begun`` remember the running occurrence: when it last held, the measure last
    reported, the event ids its identity rests on, and when the first of its records was.
    """

    events: list[Event] = field(default_factory=list)
    looked: int | None = None
    fired: int | None = None
    level: float = 0.0
    anchor: tuple[int, ...] = ()
    since: int = 0
    begun: int | None = None

    def add(self, new: Sequence[Event]) -> list[int]:
        """Put events in their places; returns the distinct times that have to be looked at, late ones included."""
        present = {(event.rule, event.ids) for event in self.events}
        fresh = [event for event in new if (event.rule, event.ids) not in present]
        self.events = sorted([*self.events, *fresh], key=lambda event: (event.time, event.ids, event.rule))
        return sorted({event.time for event in fresh})

    def drop(self, before: int) -> None:
        """Forget events older than ``before``, and the oldest beyond the cap."""
        first = max(bisect_left(self.events, before, key=lambda event: event.time), len(self.events) - MOST_EVENTS)
        del self.events[:first]


def moments(group: Group, correlation: Correlation, times: Sequence[int], closed: int) -> list[Moment]:
    """The moments among ``times`` (sorted) and later ones they touch at which the condition holds.

    A late event changes the windows of everything up to ``span`` after it, so those are looked at again. ``closed``
    is the time up to which nothing more will come.
    """
    moments_due: list[Moment] = []
    if times and not (correlation.clauses and all(absent for _, absent in correlation.clauses)):
        moments_due += _trailing(group.events, correlation, _touched(group.events, times, correlation.span))
    if correlation.absence:
        moments_due += _forward(group, correlation, closed)
    return sorted(moments_due, key=lambda moment: moment.time)


def _touched(events: Sequence[Event], times: Sequence[int], span: int) -> list[int]:
    """The event times from each of ``times`` to ``span`` after it, each once."""
    touched: list[int] = []
    low = 0
    for time in times:
        low = max(low, bisect_left(events, time, key=lambda event: event.time))
        high = bisect_right(events, time + span, lo=low, key=lambda event: event.time)
        touched += dict.fromkeys(event.time for event in events[low:high])
        low = max(low, high)
    return list(dict.fromkeys(touched))


def _trailing(events: Sequence[Event], correlation: Correlation, times: Sequence[int]) -> list[Moment]:
    measure = _MEASURES[correlation.type](correlation)
    holds = OPERATORS[correlation.op]
    holding = []
    low = high = 0
    for time in times:
        while high < len(events) and events[high].time <= time:
            measure.add(events[high])
            high += 1
        while low < high and events[low].time < time - correlation.span:
            measure.remove(events[low])
            low += 1
        value = measure.value(events, low, high)
        if value is not None and holds(value, correlation.threshold):
            holding.append(Moment(time, value, events, low, high))
    return holding


def _forward(group: Group, correlation: Correlation, closed: int) -> list[Moment]:
    """Absence: windows that begin at an event which must happen and are over by now, each looked at once."""
    absences = []
    after = -math.inf if group.looked is None else group.looked
    for present, absent in correlation.clauses or ():
        if not absent:
            continue
        starts = sorted({event.time for event in group.events if event.rule in present})
        for start in starts:
            if start + correlation.span > closed or start <= after:
                continue
            window = _between(group.events, start, start + correlation.span)
            rules = {event.rule for event in window}
            ordered = correlation.type == "temporal_ordered"
            happened = _ordered(window, present) if ordered else rules.issuperset(present)
            if happened and not rules & set(absent):
                kept = [event for event in window if event.rule in present]
                absences.append(Moment(start + correlation.span, float(len(present)), kept, 0, len(kept)))
    group.looked = int(max(closed - correlation.span, after))
    return absences


def _between(events: Sequence[Event], start: int, end: int) -> Sequence[Event]:
    low = bisect_left(events, start, key=lambda event: event.time)
    return events[low : bisect_right(events, end, key=lambda event: event.time)]


class _Count:
    """event_count: distinct records, because one record may match several of the rules."""

    def __init__(self, correlation: Correlation) -> None:
        self._seen: Counter[tuple[int, ...]] = Counter()

    def add(self, event: Event) -> None:
        self._seen[event.ids] += 1

    def remove(self, event: Event) -> None:
        self._seen[event.ids] -= 1
        if not self._seen[event.ids]:
            del self._seen[event.ids]

    def value(self, events: Sequence[Event], low: int, high: int) -> float | None:
        return len(self._seen)


class _Distinct:
    """value_count: distinct values, or combinations of values; a record that lacks one of them has no value."""

    def __init__(self, correlation: Correlation) -> None:
        self._seen: Counter[tuple[Any, ...]] = Counter()

    def add(self, event: Event) -> None:
        if None not in event.value:
            self._seen[event.value] += 1

    def remove(self, event: Event) -> None:
        if None not in event.value:
            self._seen[event.value] -= 1
            if not self._seen[event.value]:
                del self._seen[event.value]

    def value(self, events: Sequence[Event], low: int, high: int) -> float | None:
        return len(self._seen)


class _Rules:
    """temporal, temporal_ordered: distinct rules, or whether an alternative of an extended condition is complete."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._times: dict[str, deque[int]] = {rule: deque() for rule in correlation.rules}

    def add(self, event: Event) -> None:
        self._times[event.rule].append(event.time)

    def remove(self, event: Event) -> None:
        self._times[event.rule].popleft()

    def value(self, events: Sequence[Event], low: int, high: int) -> float | None:
        correlation = self._correlation
        seen = [rule for rule, times in self._times.items() if times]
        if correlation.separate is not None and correlation.clauses is None:
            return observations(events[low:high], correlation.separate)
        if correlation.clauses is None:
            ordered = correlation.type == "temporal_ordered" and len(seen) > 1
            return chain(self._times, correlation.rules) if ordered else len(seen)
        complete = any(not absent and self._complete(present) for present, absent in correlation.clauses)
        return correlation.threshold if complete else None

    def _complete(self, rules: Sequence[str]) -> bool:
        if not all(self._times[rule] for rule in rules):
            return False
        return self._correlation.type == "temporal" or chain(self._times, rules) == len(rules)


def observations(events: Sequence[Event], tables: Mapping[str, str]) -> int:
    """How many rules can be given an observation of their own: what one table holds about one remote is one."""
    shown: dict[str, set[tuple[str, str]]] = {}
    for event in events:
        about = str(event.row.get("remote") or event.ids)
        shown.setdefault(event.rule, set()).add((tables.get(event.rule, ""), about))
    owner: dict[tuple[str, str], str] = {}
    return sum(_given(rule, shown, owner, set()) for rule in shown)


def _given(
    rule: str, shown: Mapping[str, set[tuple[str, str]]], owner: dict[tuple[str, str], str],
    tried: set[tuple[str, str]],
) -> bool:  # fmt: skip
    """Whether the rule gets an observation, if need be because its owner takes another (augmenting paths)."""
    for one in sorted(shown[rule] - tried):
        tried.add(one)
        if one not in owner or _given(owner[one], shown, owner, tried):
            owner[one] = rule
            return True
    return False


class _Numbers:
    """value_sum, value_avg, value_median, value_percentile over the records that have a number."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation

    def add(self, event: Event) -> None:
        return

    def remove(self, event: Event) -> None:
        return

    def value(self, events: Sequence[Event], low: int, high: int) -> float | None:
        # The same record matched by two rules counts once.
        distinct = {event.ids: number(event.value[0]) for event in events[low:high]}
        numbers = sorted(item for item in distinct.values() if item is not None)
        if not numbers:
            return None
        if self._correlation.type == "value_sum":
            return math.fsum(numbers)
        if self._correlation.type == "value_avg":
            return math.fsum(numbers) / len(numbers)
        percentile = self._correlation.percentile if self._correlation.type == "value_percentile" else 50
        return _interpolated(numbers, percentile or 0)


_MEASURES: Mapping[str, Callable[[Correlation], Any]] = {
    "event_count": _Count,
    "value_count": _Distinct,
    "temporal": _Rules,
    "temporal_ordered": _Rules,
    "value_sum": _Numbers,
    "value_avg": _Numbers,
    "value_median": _Numbers,
    "value_percentile": _Numbers,
}


def number(value: Any) -> float | None:
    """A finite number, also out of text; anything else is no number rather than 0."""
    if value is None:
        return None
    try:
        parsed = float(value)
    except ValueError:
        return None
    return parsed if math.isfinite(parsed) else None


def _interpolated(numbers: Sequence[float], percentile: int) -> float:
    """The percentile with linear interpolation between neighbours, as numpy and SQL's ``percentile_cont`` do.

    The place between the neighbours is counted in whole hundredths, so that a value that is exactly the threshold in
    decimal stays exactly there.
    """
    low, hundredths = divmod((len(numbers) - 1) * percentile, 100)
    if hundredths == 0:
        return numbers[low]
    return numbers[low] + (numbers[low + 1] - numbers[low]) * hundredths / 100


def chain(times: Mapping[str, Sequence[int]], rules: Sequence[str]) -> int:
    """The largest number of rules, in their order, that happened strictly one after another; ``times`` are sorted."""
    # ends[k]: the earliest time at which a chain of k rules can be complete.
    ends: list[float] = [-math.inf]
    for rule in rules:
        own = times.get(rule, ())
        for length in range(len(ends) - 1, -1, -1):
            at = bisect_right(own, ends[length])
            if at == len(own):
                continue
            if length + 1 == len(ends):
                ends.append(own[at])
            else:
                ends[length + 1] = min(ends[length + 1], own[at])
    return len(ends) - 1


def _ordered(events: Sequence[Event], rules: Sequence[str]) -> bool:
    times: dict[str, list[int]] = {}
    for event in events:
        times.setdefault(event.rule, []).append(event.time)
    return chain(times, rules) == len(rules)
