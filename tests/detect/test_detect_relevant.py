"""Rows that cannot matter are left out, and nothing that is found or remembered is another for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kanaria.detect import correlate, relevant, windows
from kanaria.detect.evaluate import Detector
from kanaria.detect.model import RuleSet
from kanaria.detect.testing import rows_as_table
from tests.detect.test_detect_correlations import FAILED, PASSED, SUDO, correlation, logon

Write = Callable[..., RuleSet]
Outcome = tuple[list[Any], list[str], list[bool]]

TWO = {"group-by": ["src_ip", "dst_port"]}
RULES = [
    FAILED,
    PASSED,
    SUDO,
    correlation("event_count", ["failed"], {"gte": 3}) | {"name": "many"},
    correlation("event_count", ["failed", "passed"], {"gt": 3}, **TWO) | {"name": "any"},
    correlation("value_count", ["failed"], {"gte": 2, "field": "user"}, generate=True) | {"name": "users"},
    correlation("temporal", ["failed", "passed"], **TWO) | {"name": "both"},
    correlation("temporal_ordered", ["many", "passed"], timespan="30m", generate=True) | {"name": "chain"},
    correlation("temporal_ordered", ["users", "sudo"], timespan="20m") | {"name": "outer"},
    correlation("event_count", ["users"], {"gte": 2}, timespan="40m") | {"name": "again"},
    correlation("temporal", ["failed", "passed", "sudo"], {"gte": 2}) | {"name": "some"},
    correlation("temporal", ["failed", "passed"], "failed and not passed") | {"name": "absent"},
    correlation("event_count", ["failed"], {"lt": 2}) | {"name": "few"},
    correlation("value_sum", ["failed"], {"gte": 60_000, "field": "dst_port"}) | {"name": "sum"},
]


@pytest.fixture
def rules(write: Write) -> RuleSet:
    loaded = write(*RULES)
    assert loaded.errors == ()
    return loaded


LOGON = st.fixed_dictionaries(
    {
        "minute": st.integers(0, 90),
        "src_ip": st.sampled_from(["host-A", "HOST-a", "host-b", "İ", None]),
        "dst_port": st.sampled_from([22, 50_000, None]),
        "user": st.sampled_from(["ann", "Bob", "bob", None]),
        "success": st.sampled_from([False, False, True, None]),
        "service": st.sampled_from([None, "sudo"]),
    }
)


def outcome(
    rules: RuleSet,
    engine: duckdb.DuckDBPyConnection,
    batches: Sequence[Sequence[dict[str, Any]]],
    *,
    remembers: bool,
    most: int,
    **options: Any,
) -> Outcome:
    """Findings and states of two runs, the second of which goes on from the first and may be the last; and whether
    there was more than a state keeps."""
    found: list[Any] = []
    states: list[str] = []
    beyond: list[bool] = []
    number = 1
    for run, part in enumerate((batches[::2], batches[1::2])):
        seen = (lambda ids: ids < 3) if run else None
        detector = Detector(rules, engine, seen=seen, remembers=remembers or not run, **options)
        if states:
            detector.load_state(json.loads(states[-1]))
        for batch in part:
            rows = [logon(**row) for row in batch]
            found += detector.evaluate({"logon": rows_as_table("logon", rows, number)})
            number += len(rows)
        found += detector.finish(most)
        if remembers or not run:
            states.append(json.dumps(detector.dump_state(most), sort_keys=True))
            beyond.append(detector.beyond(most) > 0)
    return found, states, beyond


def of_one(minutes: Sequence[int], success: bool, src_ip: str = "host-A") -> list[dict[str, Any]]:
    same = {"src_ip": src_ip, "dst_port": 22, "user": "ann", "success": success, "service": None}
    return [{"minute": minute, **same} for minute in minutes]


# More rows of one time than a group holds, and a state that has room for an older row of another group.
@example(
    [of_one([0, 0, 0, 0, 35], False) + of_one([0, 0, 56, 30, 30], True), [],
     of_one([0, 0], False) + of_one([30], True) + of_one([29], True, "host-b")], None, (3, 4),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(LOGON, max_size=14), min_size=1, max_size=4),
    st.none() | st.integers(0, 30).map(lambda minutes: timedelta(minutes=minutes)),
    st.sampled_from([(3, 4), (2, 100), (10_000, 20_000)]),
)
def test_findings_and_state_are_those_of_looking_at_every_row(
    rules: RuleSet,
    engine: duckdb.DuckDBPyConnection,
    batches: list[list[dict[str, Any]]],
    lateness: timedelta | None,
    most: tuple[int, int],
) -> None:
    results = []
    for every in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            for module in (windows, relevant):
                patch.setattr(module, "MOST_EVENTS", most[0])
            if every:
                patch.setattr(correlate, "relevant", lambda *_: None)
            for more in (True, False):
                results.append(outcome(rules, engine, batches, remembers=more, most=most[1], lateness=lateness))
    assert results[:2] == results[2:]


@pytest.mark.parametrize(("remembers", "looked_at"), [(False, 8), (True, 20)])
def test_only_rows_of_groups_that_can_reach_the_condition_become_objects(
    write: Write,
    engine: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    remembers: bool,
    looked_at: int,
) -> None:
    """Where nobody goes on from the state; else the newest are kept for whoever does."""
    rules = write(FAILED, PASSED, correlation("temporal_ordered", ["failed", "passed"]))
    objects: list[int] = []
    made = correlate._matches

    def counted(table: pa.Table, seen: Any) -> Iterator[Any]:
        objects.append(len(table))
        return made(table, seen)

    monkeypatch.setattr(correlate, "_matches", counted)
    both = [logon(n, success=n % 2 == 1, src_ip="192.0.2.1") for n in range(8)]
    lone = [logon(n / 100, success=False, src_ip=f"198.51.100.{n % 250}") for n in range(3_000)]
    detector = Detector(rules, engine, remembers=remembers)
    detector.evaluate({"logon": rows_as_table("logon", [*lone, *both])})
    assert [finding.key for finding in detector.finish(10)] == ["correlated;src_ip=192.0.2.1"]
    assert sum(objects) <= looked_at
    assert detector.beyond(10) == (1_991 if remembers else 0), "what nobody looked at is said to be forgotten"


@pytest.mark.parametrize("most", [5, 20_001])
def test_a_state_keeps_as_many_rows_as_it_is_to_keep(
    write: Write, engine: duckdb.DuckDBPyConnection, most: int
) -> None:
    rules = write(FAILED, PASSED, correlation("temporal", ["failed", "passed"]))
    rows = [logon(n / 10_000, success=False, src_ip=f"198.51.100.{n % 250}") for n in range(20_003)]
    detector = Detector(rules, engine)
    detector.evaluate({"logon": rows_as_table("logon", rows)})
    detector.finish(most)
    held = detector.dump_state(most)["groups"]["correlated"]
    assert sum(len(group["events"]) for _, group in held) == most
    assert detector.beyond(most) == 20_003 - most
