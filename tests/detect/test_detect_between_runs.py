"""Correlations over several runs: what one run would have found, however its records are divided among runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.types import Finding
from kanaria.detect.evaluate import Detector
from kanaria.detect.model import RuleSet
from kanaria.detect.testing import rows_as_table
from tests.detect.test_detect_correlations import FAILED, PASSED, correlation, logon

Row = Mapping[str, Any]
MANY = correlation("event_count", ["failed"], {"gte": 3}) | {"name": "many", "title": "Many"}
CHAIN = correlation("temporal_ordered", ["many", "passed"], generate=True, timespan="30m")
ABSENT = correlation("temporal", ["failed", "passed"], "failed and not passed") | {"name": "absent", "title": "Absent"}


def numbered(events: Sequence[tuple[float, bool]]) -> list[Row]:
    """Logons in order of time, numbered from 1."""
    return [
        logon(minute, src_ip="a", success=success, event_id=number, line=number)
        for number, (minute, success) in enumerate(sorted(events), 1)
    ]


def up_to(number: int) -> Callable[[npt.NDArray[np.int64]], npt.NDArray[np.bool_]]:
    return lambda ids: ids <= number


def together(runs: Sequence[Sequence[Finding]]) -> dict[str, tuple[Any, ...]]:
    """Findings of runs by id: begin, end and what the strongest moment showed."""
    held: dict[str, tuple[Any, ...]] = {}
    for finding in (finding for run in runs for finding in run if finding.rule != "passed"):
        end, measure = finding.until or finding.time, float(finding.values["measure"])
        shown = (finding.rule, finding.time, end, measure, finding.values["count"])
        known = held.get(finding.id)
        if known is None or measure > known[3]:
            held[finding.id] = shown
        else:
            held[finding.id] = (*known[:2], end, *known[3:])
    return held


def in_runs(rules: RuleSet, engine: duckdb.DuckDBPyConnection, parts: Sequence[Sequence[Row]], reread: bool) -> Any:
    """The parts as one run each, every one going on from the state of the last, as JSON."""
    state, runs, read = None, [], 0
    before: list[Row] = []
    for part in parts:
        detector = Detector(rules, engine, seen=up_to(read))
        if state is not None:
            assert detector.load_state(json.loads(json.dumps(state))) == ()
        rows = [*before, *part] if reread else part
        runs.append(detector.evaluate({"logon": rows_as_table("logon", rows)}) + detector.finish() if rows else [])
        before, read = [*before, *part], read + len(part)
        state = detector.dump_state() if rows or state is None else state
    return together(runs)


@pytest.fixture
def rules(write: Callable[..., RuleSet]) -> RuleSet:
    return write(FAILED, PASSED, MANY, CHAIN, ABSENT)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(st.tuples(st.integers(0, 90), st.booleans()), max_size=25, unique_by=lambda event: event[0]),
    cuts=st.lists(st.integers(0, 25), max_size=3),
    reread=st.booleans(),
)
def test_runs_find_what_one_run_finds(
    rules: RuleSet,
    engine: duckdb.DuckDBPyConnection,
    events: list[tuple[int, bool]],
    cuts: list[int],
    reread: bool,
) -> None:
    rows = numbered(events)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [rows[low:high] for low, high in itertools.pairwise(edges)]
    assert in_runs(rules, engine, parts, reread) == in_runs(rules, engine, [rows], reread=False)


def test_guessing_in_one_run_and_the_logon_in_the_next(rules: RuleSet, engine: duckdb.DuckDBPyConnection) -> None:
    rows = numbered([(1, False), (2, False), (3, False), (20, True)])
    found = in_runs(rules, engine, [rows[:3], rows[3:]], reread=False)
    assert [shown[0] for shown in found.values()] == ["many", "absent", "correlated"]


def test_the_same_records_again_are_nothing_new(rules: RuleSet, engine: duckdb.DuckDBPyConnection) -> None:
    table = rows_as_table("logon", numbered([(1, False), (2, False), (3, False), (4, True), (50, False)]))
    first = Detector(rules, engine)
    assert first.evaluate({"logon": table}) + first.finish()
    again = Detector(rules, engine, seen=up_to(5))
    again.load_state(json.loads(json.dumps(first.dump_state())))
    (passed,) = again.evaluate({"logon": table})
    assert (passed.rule, passed.values["count"], passed.known) == ("passed", "1", 1)
    assert again.finish() == []
    assert again.dump_state() == first.dump_state()


def test_a_changed_rule_starts_anew_and_says_so(
    write: Callable[..., RuleSet], engine: duckdb.DuckDBPyConnection
) -> None:
    rows = numbered([(1, False), (2, False), (3, False), (20, True)])
    first = Detector(write(FAILED, PASSED, MANY, CHAIN), engine)
    first.evaluate({"logon": rows_as_table("logon", rows[:3])})
    first.finish()
    state = json.loads(json.dumps(first.dump_state()))
    words = write(FAILED, PASSED, MANY | {"title": "Very many"}, CHAIN)
    assert Detector(words, engine).load_state(state) == ()
    stricter = write(
        FAILED, PASSED, MANY | correlation("event_count", ["failed"], {"gte": 2}) | {"name": "many"}, CHAIN
    )
    changed = Detector(stricter, engine, seen=up_to(3))
    assert changed.load_state(state) == ("many", "correlated")
    found = changed.evaluate({"logon": rows_as_table("logon", rows)}) + changed.finish()
    assert [finding.rule for finding in found] == ["passed", "many", "correlated"], "known records are new to it"


def test_a_state_of_another_form_is_not_read(rules: RuleSet, engine: duckdb.DuckDBPyConnection) -> None:
    first = Detector(rules, engine)
    first.evaluate({"logon": rows_as_table("logon", numbered([(1, False), (2, False), (3, False)]))})
    first.finish()
    other = Detector(rules, engine)
    assert set(other.load_state({**first.dump_state(), "version": 99})) == {"many", "correlated", "absent"}
    assert other.dump_state()["groups"] == Detector(rules, engine).dump_state()["groups"]


def test_the_state_keeps_the_newest_events_only(rules: RuleSet, engine: duckdb.DuckDBPyConnection) -> None:
    detector = Detector(rules, engine)
    detector.evaluate({"logon": rows_as_table("logon", numbered([(n, False) for n in range(9)]))})
    detector.finish()
    ((_key, kept),) = detector.dump_state(4)["groups"]["many"]
    assert [event[1] for event in kept["events"]] == [(6,), (7,), (8,), (9,)]
