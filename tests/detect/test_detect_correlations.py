"""Correlations: every type, groups and aliases, absence, chains, throttling, lateness, restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.types import Finding
from kanaria.detect.evaluate import Detector
from kanaria.detect.findings import KEPT_IDS
from kanaria.detect.model import RuleSet
from kanaria.detect.testing import rows_as_table
from kanaria.detect.windows import MOST_EVENTS

START = datetime(2026, 11, 21, tzinfo=UTC)
Write = Callable[..., RuleSet]


def base(name: str, **selection: Any) -> dict[str, Any]:
    return {
        "title": name,
        "name": name,
        "logsource": {"product": "kanaria", "category": "logon"},
        "detection": {"selection": selection, "condition": "selection"},
        "level": "low",
    }


FAILED, PASSED, SUDO = base("failed", success=False), base("passed", success=True), base("sudo", service="sudo")


def correlation(type_: str, rules: Sequence[str], condition: Any = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"type": type_, "rules": list(rules), "group-by": ["src_ip"], "timespan": "10m", **more}
    if condition is not None:
        body["condition"] = condition
    return {"title": "Correlated", "name": "correlated", "level": "high", "correlation": body}


def logon(minute: float, **columns: Any) -> dict[str, Any]:
    return {"time": START + timedelta(minutes=minute), "src_ip": "192.0.2.1", "device": "198.51.100.2", **columns}


def fails(*minutes: float, **columns: Any) -> list[dict[str, Any]]:
    return [logon(minute, success=False, **columns) for minute in minutes]


def passes(*minutes: float, **columns: Any) -> list[dict[str, Any]]:
    return [logon(minute, success=True, **columns) for minute in minutes]


def run(
    rules: RuleSet, engine: duckdb.DuckDBPyConnection, *batches: Sequence[Mapping[str, Any]], **options: Any
) -> list[Finding]:
    assert not rules.errors, [str(error) for error in rules.errors]
    detector = Detector(rules, engine, **options)
    found: list[Finding] = []
    number = 1
    for batch in batches:
        found += detector.evaluate({"logon": rows_as_table("logon", batch, number)})
        number += len(batch)
    return found + detector.finish()


def minutes(findings: Sequence[Finding]) -> list[float]:
    return [(f.time - START) / timedelta(minutes=1) for f in findings if f.time is not None]


def test_event_count_slides_and_carries_the_whole_finding(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 3}))
    # A tumbling window from minute 0 would see two and two.
    found = run(rules, engine, fails(1, 8, 11, 12, user="bob", remote="192.0.2.1", source="a.log"))
    assert len(found) == 1
    finding = found[0]
    assert (finding.rule, finding.severity, finding.table) == ("correlated", "high", "logon")
    assert minutes(found) == [11.0]
    assert finding.until == START + timedelta(minutes=12)
    assert (finding.device, finding.remote) == ("198.51.100.2", "192.0.2.1")
    assert finding.key == "correlated;src_ip=192.0.2.1"
    assert finding.event_ids == (1, 2, 3)
    assert finding.values["count"] == "3" and finding.values["src_ip"] == "192.0.2.1"
    assert finding.values["rules"] == "failed"
    assert [(e.source, e.event_id) for e in finding.evidence] == [("a.log", 1), ("a.log", 2), ("a.log", 3)]


def test_window_includes_both_ends(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 2}))
    assert minutes(run(rules, engine, fails(0, 10))) == [10.0]
    assert run(rules, engine, fails(0, 10.01)) == []


def test_groups_are_apart_and_missing_values_join_none(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 2}))
    rows = [*fails(1), *fails(2, src_ip="192.0.2.9"), *fails(3, 4, src_ip=None)]
    assert run(rules, engine, rows) == []
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 2}, **{"group-by": ["user"]}))
    found = run(rules, engine, [*fails(1, user="Bob"), *fails(2, user="bob")])
    assert [finding.values["user"] for finding in found] == ["Bob"]


def test_value_count(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("value_count", ["failed"], {"gte": 3, "field": "user"}))
    spray = [row for user in ("a", "b", "c") for row in fails(1, user=user)]
    assert len(run(rules, engine, spray)) == 1
    assert run(rules, engine, [*fails(1, 2, 3, user="a"), *fails(1, user="A"), *fails(1, 2, user=None)]) == []


def test_value_count_of_several_fields(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("value_count", ["failed"], {"gte": 3, "field": ["user", "dst_ip"]}))
    rows = [row for user in "ab" for host in "xy" for row in fails(1, user=user, dst_ip=host)]
    assert run(rules, engine, rows)[0].values["measure"] == "4"
    assert run(rules, engine, [row for user in "abc" for row in fails(1, user=user)]) == []


@pytest.mark.parametrize(
    ("type_", "condition", "fires"),
    [
        ("value_sum", {"gte": 100, "field": "dst_port"}, True),
        ("value_sum", {"gt": 100, "field": "dst_port"}, False),
        ("value_avg", {"lte": 25, "field": "dst_port"}, True),
        ("value_avg", {"lt": 10, "field": "dst_port"}, False),
        ("value_median", {"eq": 25, "field": "dst_port"}, True),
        ("value_percentile", {"gte": 36.9, "field": "dst_port", "percentile": 90}, True),
        ("value_percentile", {"gte": 37.1, "field": "dst_port", "percentile": 90}, False),
    ],
)
def test_numbers(
    write: Write, engine: duckdb.DuckDBPyConnection, type_: str, condition: dict[str, Any], fires: bool
) -> None:
    rules = write(FAILED, correlation(type_, ["failed"], condition))
    rows = [row for value in (10, 20, 30, 40, None) for row in fails(1, dst_port=value)]
    assert bool(run(rules, engine, rows)) is fires


def test_temporal_needs_all_rules_in_any_order(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, PASSED, correlation("temporal", ["failed", "passed"]))
    assert minutes(run(rules, engine, [*passes(1), *fails(5)])) == [5.0]
    assert run(rules, engine, [*passes(1), *fails(12)]) == []
    assert run(rules, engine, fails(1, 2, 3)) == []


def test_temporal_ordered_needs_the_order(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, PASSED, correlation("temporal_ordered", ["failed", "passed"]))
    assert minutes(run(rules, engine, [*fails(1), *passes(5)])) == [5.0]
    assert run(rules, engine, [*passes(1), *fails(5)]) == []
    # Only one of the three events is in the wrong place.
    assert minutes(run(rules, engine, [*passes(1, 6), *fails(5)])) == [6.0]


def test_some_of_the_rules(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, PASSED, SUDO, correlation("temporal", ["failed", "passed", "sudo"], {"gte": 2}))
    assert minutes(run(rules, engine, [*fails(1), *fails(2, service="sudo")])) == [2.0]
    rules = write(FAILED, PASSED, SUDO, correlation("temporal_ordered", ["failed", "passed", "sudo"], {"gte": 2}))
    assert minutes(run(rules, engine, [*passes(1), *fails(2, service="sudo")])) == [2.0]


def test_absence_is_known_when_the_window_has_closed(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, PASSED, correlation("temporal", ["failed", "passed"], "failed and not passed"))
    late = passes(30, src_ip="192.0.2.99")
    assert minutes(run(rules, engine, [*fails(1), *late])) == [11.0]
    assert run(rules, engine, [*fails(1), *passes(9), *late]) == []
    assert run(rules, engine, fails(1)) == []  # the log ends before the window does
    detector = Detector(rules, engine, lateness=timedelta(0))
    assert detector.evaluate({"logon": rows_as_table("logon", fails(1))}) == []
    assert minutes(detector.advance(START + timedelta(minutes=11))) == [11.0]
    assert detector.advance(START + timedelta(minutes=12)) == []


def test_alternatives(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(
        FAILED, PASSED, SUDO, correlation("temporal", ["failed", "passed", "sudo"], "sudo and (failed or passed)")
    )
    assert minutes(run(rules, engine, [*fails(1), logon(3, service="sudo")])) == [3.0]
    assert run(rules, engine, [*fails(1), *passes(2)]) == []


def test_aliases_join_different_columns(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    aliases = {"address": {"failed": "src_ip", "passed": "dst_ip"}}
    rules = write(
        FAILED, PASSED, correlation("temporal", ["failed", "passed"], aliases=aliases, **{"group-by": ["address"]})
    )
    found = run(rules, engine, [*fails(1, src_ip="192.0.2.7"), *passes(2, dst_ip="192.0.2.7")])
    assert [finding.values["address"] for finding in found] == ["192.0.2.7"]
    assert run(rules, engine, [*fails(1, src_ip="192.0.2.7"), *passes(2, src_ip="192.0.2.7")]) == []


def test_a_correlation_over_a_correlation(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    many = correlation("event_count", ["failed"], {"gte": 3}) | {"name": "many", "title": "Many"}
    both = correlation("temporal_ordered", ["many", "passed"], timespan="1h")
    rules = write(both, many, PASSED, FAILED)
    found = run(rules, engine, [*fails(1, 2, 3), *passes(20)])
    assert [finding.rule for finding in found] == ["correlated"]
    assert found[0].event_ids == (1, 2, 3, 4)
    assert run(rules, engine, [*fails(1, 2), *passes(20)]) == []
    assert run(rules, engine, [*passes(0), *fails(1, 2, 3)]) == []


def test_absence_of_what_another_correlation_finds(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    many = correlation("event_count", ["failed"], {"gte": 3}) | {"name": "many", "title": "Many"}
    alone = correlation("temporal", ["passed", "many"], "passed and not many", timespan="1h")
    rules = write(alone, many, PASSED, FAILED)
    assert [f.rule for f in run(rules, engine, [*passes(0), *fails(1, 2), *passes(90)])] == ["correlated"]
    quiet = run(rules, engine, [*passes(0), *fails(1, 2, 3), *passes(30, user="b"), *fails(120)])
    assert [f.event_ids for f in quiet] == [(5,)], "only the logon that nothing followed"


def test_three_levels_with_aliases_and_a_late_event(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    many = correlation("event_count", ["failed"], {"gte": 3}) | {"name": "many", "title": "Many"}
    then = correlation("temporal_ordered", ["many", "passed"], timespan="1h") | {"name": "then", "title": "Then"}
    last = correlation(
        "temporal_ordered", ["then", "sudo"], timespan="2h",
        **{"group-by": ["who"], "aliases": {"who": {"then": "src_ip", "sudo": "remote"}}},
    )  # fmt: skip
    rules = write(last, then, many, PASSED, SUDO, FAILED)
    onward = [logon(60, service="sudo", src_ip="203.0.113.1", remote="192.0.2.1")]
    (found,) = run(rules, engine, [*fails(1, 5), *passes(20)], fails(3), onward, lateness=timedelta(0))
    assert found.rule == "correlated" and len(found.event_ids) == 5
    assert run(rules, engine, [*fails(1, 5), *passes(20)], onward, lateness=timedelta(0)) == []


def test_sentences_name_the_models_and_those_behind_one_that_only_counts(
    write: Write, engine: duckdb.DuckDBPyConnection
) -> None:
    beside = correlation("value_count", ["failed", "sudo"], {"gte": 2, "field": "service"})
    beside |= {"name": "beside", "title": "Beside"}
    both = correlation("temporal", ["passed", "beside"], timespan="1h")
    both["kanaria"] = {"title": {"ja": "題"}, "why": {"en": "{device}: {rules}.", "ja": "{device}: {rules}。"}}
    rules = write(both, beside, PASSED, SUDO, FAILED)
    rows = [*fails(1, service="ssh"), logon(2, service="sudo"), *passes(3)]
    (found,) = run(rules, engine, rows)
    assert found.values["rules"] == "failed, sudo, passed"
    assert found.why.en == "198.51.100.2: failed, sudo, passed."
    assert found.why.ja == "198.51.100.2: 「failed」「sudo」「passed」。"


def test_the_newest_event_of_every_rule_is_kept_and_quoted(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, PASSED, correlation("temporal_ordered", ["failed", "passed"], timespan="1d"))
    (found,) = run(rules, engine, [*fails(*range(200)), *passes(300)])
    assert len(found.event_ids) == KEPT_IDS and found.event_ids[-1] == 201
    assert found.values["count"] == "201"
    assert {item.event_id for item in found.evidence} == {1, 200, 201}


def test_generate_lets_the_parts_speak(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    quiet = write(FAILED, correlation("event_count", ["failed"], {"gte": 2}))
    assert {f.rule for f in run(quiet, engine, fails(1, 2))} == {"correlated"}
    loud = write(FAILED, correlation("event_count", ["failed"], {"gte": 2}, generate=True))
    assert {f.rule for f in run(loud, engine, fails(1, 2))} == {"failed", "correlated"}


def test_a_running_occurrence_is_repeated_at_doublings(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 3}))
    batches = [fails(step / 10) for step in range(40)]
    found = run(rules, engine, *batches, lateness=timedelta(0))
    assert [finding.values["count"] for finding in found] == ["3", "6", "12", "24"]
    assert len({finding.id for finding in found}) == 1 and len({finding.key for finding in found}) == 1
    again = run(rules, engine, *batches, fails(60, 60.1, 60.2), lateness=timedelta(0))
    assert len({finding.id for finding in again}) == 2


def test_a_late_event_completes_a_window(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 3}))
    assert minutes(run(rules, engine, fails(1, 5), fails(3), lateness=timedelta(0))) == [5.0]


def test_state_survives_a_restart(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    many = correlation("event_count", ["failed"], {"gte": 3}) | {"name": "many", "title": "Many"}
    rules = write(
        FAILED, PASSED, many, correlation("temporal_ordered", ["many", "passed"], generate=True, timespan="1h")
    )
    rows = [*fails(1, 2, 3, user="b"), *passes(20), *fails(21, 22)]
    whole = run(rules, engine, *[[row] for row in rows], lateness=timedelta(minutes=1))
    state: dict[str, Any] | None = None
    found: list[Finding] = []
    for number, row in enumerate(rows, 1):
        detector = Detector(rules, engine, lateness=timedelta(minutes=1))
        if state is not None:
            detector.load_state(json.loads(json.dumps(state)))
        found += detector.evaluate({"logon": rows_as_table("logon", [row], number)})
        state = detector.dump_state()
    assert found + detector.finish() == whole
    assert {finding.rule for finding in whole} == {"many", "passed", "correlated"}


def test_memory_is_bounded(write: Write, engine: duckdb.DuckDBPyConnection) -> None:
    rules = write(FAILED, correlation("event_count", ["failed"], {"gte": 3}))
    detector = Detector(rules, engine, lateness=timedelta(0))
    flood = [row for n in range(MOST_EVENTS + 500) for row in fails(n / 10_000)]
    detector.evaluate({"logon": rows_as_table("logon", flood)})
    (group,) = detector._correlator._groups["correlated"].values()
    assert len(group.events) == MOST_EVENTS
    detector.advance(START + timedelta(hours=1))
    assert detector._correlator._groups["correlated"] == {}


EVENTS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["a", "b"]), st.sampled_from([True, False]), st.integers(0, 3)),
    max_size=25,
)
KINDS = [
    ("event_count", ["failed"], {"gte": 3}),
    ("value_count", ["failed", "passed"], {"gte": 3, "field": "user"}),
    ("temporal_ordered", ["failed", "passed"], None),
    ("temporal", ["failed", "passed"], "failed and not passed"),
]


LOADED: dict[str, RuleSet] = {}


def loaded(write: Write, type_: str, names: list[str], condition: Any) -> RuleSet:
    if type_ not in LOADED:
        LOADED[type_] = write(*(FAILED, PASSED)[: len(names)], correlation(type_, names, condition))
    return LOADED[type_]


@pytest.mark.parametrize(("type_", "names", "condition"), KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, data=st.data())
def test_order_and_batches_change_nothing(
    write: Write,
    engine: duckdb.DuckDBPyConnection,
    type_: str,
    names: list[str],
    condition: Any,
    events: list[tuple[int, str, bool, int]],
    data: st.DataObject,
) -> None:
    rules = loaded(write, type_, names, condition)
    rows = [
        logon(minute, src_ip=ip, success=success, user=str(user), event_id=number, line=number)
        for number, (minute, ip, success, user) in enumerate(events, 1)
    ]
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    batches = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    assert run(rules, engine, *batches) == run(rules, engine, rows)
    # Live: the same occurrences, as long as nothing comes later than promised.
    live = run(rules, engine, *batches, lateness=timedelta(minutes=41))
    assert {(f.id, f.time) for f in live} == {(f.id, f.time) for f in run(rules, engine, rows)}


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        (KINDS[0], fails(1, 2), fails(3)),
        (KINDS[1], fails(1, user="a") + fails(2, user="b"), fails(3, user="c")),
        (KINDS[2], fails(1), passes(2)),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.1"])
@pytest.mark.parametrize("named", [False, True])
def test_an_address_that_means_itself_is_one_machine_s(
    write: Write,
    engine: duckdb.DuckDBPyConnection,
    kind: tuple[str, list[str], Any],
    first: list[dict[str, Any]],
    second: list[dict[str, Any]],
    address: str,
    named: bool,
) -> None:
    """Two logs fulfil a condition together: of one machine, or by an address that only one machine has."""
    rules = loaded(write, *kind)

    def found(*machines: str) -> int:
        where = [{"source": "l.log", "host_name": name} if named else {"source": f"{name}.log"} for name in machines]
        rows = [{**row, "src_ip": address, **where[0]} for row in first]
        return len(run(rules, engine, rows, [{**row, "src_ip": address, **where[1]} for row in second]))

    assert found("web1", "web1") == 1
    assert found("web1", "web2") == (address == "192.0.2.1")


def test_a_finding_about_a_machine_s_own_address_shows_it_as_recorded(
    write: Write, engine: duckdb.DuckDBPyConnection
) -> None:
    rules = loaded(write, "event_count", ["failed"], {"gte": 3})
    rows = [{**row, "src_ip": "127.0.0.1", "device": "127.0.0.1"} for row in fails(1, 2, 3)]
    (found,) = run(rules, engine, rows)
    assert (found.device, found.values["src_ip"]) == ("127.0.0.1", "127.0.0.1")
    assert "\x1f" not in repr(found)
