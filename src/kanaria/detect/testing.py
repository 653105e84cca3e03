"""Runs the tests inside rules.

A test gives rows and the whole findings expected from them: every key of an expected finding must be equal in the one
that came, in order, and no other finding of that rule may come. A correlation's test gives rows for several tables
(``tables: {logon: [...], connection: [...]}``) and runs with every rule of the set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from kanaria.core.facts import Knowledge
from kanaria.core.schema import TABLES
from kanaria.core.types import Finding
from kanaria.detect.evaluate import Detector
from kanaria.detect.model import Failure, Rule, RuleSet

_SOURCE = "rule-test"


UNTESTED = "its tests"
"""In place of a test's name: the rule brings too few."""


def run_rule_tests(ruleset: RuleSet, facts: Knowledge | None = None) -> list[Failure]:
    """Run the tests of every rule; one failure per test that does not hold, or for want of a hit or a miss."""
    import duckdb

    engine = duckdb.connect()
    failures: list[Failure] = []
    for rule in ruleset.rules:
        kinds = {bool(test.get("expect")) for test in rule.tests}
        if kinds != {True, False}:
            failures.append(
                Failure(rule=rule.id, test=UNTESTED, expected="a hit and a miss", got=f"{len(rule.tests)} tests")
            )
        failures += [
            failure for test in rule.tests if (failure := run_one(rule, test, ruleset, engine, facts)) is not None
        ]
    return failures


def run_one(
    rule: Rule, test: Mapping[str, Any], ruleset: RuleSet, engine: Any, facts: Knowledge | None
) -> Failure | None:
    """Run one test; None when it holds."""
    detector = Detector(_needed(rule, ruleset), engine, facts)
    findings = [finding for finding in _run(detector, test, rule.table) if finding.rule == rule.id]
    expected: Sequence[Mapping[str, Any]] = test.get("expect") or ()
    name = str(test.get("name", ""))
    if len(findings) != len(expected):
        got = f"{len(findings)} findings: {[finding.key for finding in findings]}"
        return Failure(rule=rule.id, test=name, expected=f"{len(expected)} findings", got=got)
    for finding, want in zip(findings, expected, strict=True):
        wrong = differences(finding, want)
        if wrong:
            return Failure(rule=rule.id, test=name, expected=str({k: want[k] for k in wrong}), got=str(wrong))
    return None


def differences(finding: Finding, want: Mapping[str, Any]) -> dict[str, Any]:
    """The expected keys whose value in the finding is another, with the value it has. Mappings: at least those keys."""
    have = asdict(finding)
    return {key: have.get(key) for key, value in want.items() if not _agrees(have.get(key), value)}


def _agrees(have: Any, want: Any) -> bool:
    if isinstance(want, dict):
        return isinstance(have, dict) and all(key in have and _agrees(have[key], value) for key, value in want.items())
    if isinstance(want, list):
        return isinstance(have, (list, tuple)) and len(have) == len(want) and all(map(_agrees, have, want))
    if isinstance(have, datetime):
        return have == _moment(want)
    return bool(have == want)


def _needed(rule: Rule, ruleset: RuleSet) -> RuleSet:
    """The rule and what it refers to; its references stay silent unless it generates them."""
    names, todo = {rule.id}, [rule]
    while todo:
        for name in current.rules if (current := todo.pop().correlation) else ():
            if name not in names:
                names.add(name)
                todo.append(ruleset[name])
    return RuleSet(rules=tuple(one for one in ruleset.rules if one.id in names))


def _run(detector: Detector, test: Mapping[str, Any], table: str) -> list[Finding]:
    tables: Mapping[str, Any] = test.get("tables") or {test.get("table", table): test.get("rows") or []}
    made: dict[str, pa.Table] = {}
    first = 1
    for name, rows in tables.items():
        made[name] = rows_as_table(name, rows, first)
        first += len(rows)
    return detector.evaluate(made) + detector.finish()


def rows_as_table(name: str, rows: Sequence[Mapping[str, Any]], first: int = 1) -> pa.Table:
    """Rows written by hand as a table: columns of the schema get its types, enrichment columns those of their values.

    ``event_id`` and ``line`` count from ``first`` and the source is ``rule-test`` where a row does not say.
    """
    numbered = [{"event_id": i, "line": i, "source": _SOURCE, **row} for i, row in enumerate(rows, first)]
    schema = TABLES[name].arrow
    names = dict.fromkeys([*schema.names, *(key for row in numbered for key in row)])
    columns = {}
    for column in names:
        values = [row.get(column) for row in numbered]
        kind = schema.field(column).type if column in schema.names else None
        columns[column] = pa.array([_typed(value, kind) for value in values], kind)
    return pa.table(columns)


def _typed(value: Any, kind: pa.DataType | None) -> Any:
    if value is None or kind is None:
        return value
    if pa.types.is_timestamp(kind):
        return _moment(value)
    if pa.types.is_binary(kind):
        return value if isinstance(value, bytes) else str(value).encode()
    return str(value) if pa.types.is_string(kind) else value


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    # A bare time in a rule is UTC.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
