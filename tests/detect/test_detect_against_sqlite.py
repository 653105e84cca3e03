"""The rule engine and pySigma's SQLite backend must select the same events.

Where they differ the specification decides, and the difference is written down here:

* ``field: 404`` on a text column: the backend leaves it to SQLite's column affinity; we compare as numbers on number
  columns and as text on text columns. The generated events keep numbers in number columns.
* Case: SQLite folds ASCII only, we fold all of Unicode as DuckDB does. The generated texts are ASCII.
* IPv6 networks: the backend turns them into text patterns that also match addresses outside; we compare addresses. Only
  IPv4 networks are generated here, ``test_cidr`` has the others.
* Occurrences: the backend gives one alert per moment at which a correlation holds, we join the moments of one occurrence
  into a finding. The moments are compared.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

from kanaria.detect.documents import documents
from kanaria.detect.evaluate import Detector
from kanaria.detect.match import TableMatcher
from kanaria.detect.model import RuleSet
from kanaria.detect.parse import Parsed, parse_documents
from kanaria.detect.testing import rows_as_table

Write = Callable[..., RuleSet]
COLUMNS = ("url", "user_agent", "status", "src_ip")

TEXT = st.text(alphabet="abAB/.%_*?\\' -", max_size=6)
ROW = st.fixed_dictionaries(
    {
        "url": st.none() | TEXT,
        "user_agent": st.none() | TEXT,
        "status": st.none() | st.sampled_from([200, 301, 404, 500]),
        "src_ip": st.none() | st.sampled_from(["10.0.0.1", "10.200.3.4", "192.0.2.7", "2001:db8::1"]),
    }
)
FIELD = st.one_of(
    st.tuples(
        st.sampled_from(["url", "user_agent"]),
        st.sampled_from(["", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|contains|all"]),
        st.lists(TEXT.filter(bool), min_size=1, max_size=3),
    ),
    st.tuples(st.sampled_from(["url", "status"]), st.just(""), st.none()),
    st.tuples(st.sampled_from(["url", "status"]), st.just("|exists"), st.booleans()),
    st.tuples(st.just("status"), st.sampled_from(["", "|gt", "|gte", "|lt", "|lte"]), st.sampled_from([200, 301, 404])),
    st.tuples(st.just("src_ip"), st.just("|cidr"), st.sampled_from(["10.0.0.0/8", "10.128.0.0/9", "192.0.2.0/24"])),
    st.tuples(st.just("url"), st.just("|re"), st.sampled_from(["^a+", "b$", "a|/", r"[AB]\.", "^$"])),
    st.tuples(st.just("url"), st.just("|fieldref"), st.just("user_agent")),
)
SELECTION = st.lists(FIELD, min_size=1, max_size=2).map(lambda items: {f + m: v for f, m, v in items})
CONDITION = st.sampled_from(
    [
        "s1",
        "not s1",
        "s1 and s2",
        "s1 or s2",
        "s1 and not s2",
        "not (s1 or s2)",
        "1 of s*",
        "all of them",
        "not all of s*",
    ]
)


def sqlite_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")

    def matches(pattern: str, value: Any) -> bool:
        return value is not None and re.search(pattern, str(value)) is not None

    connection.create_function("REGEXP", 2, matches)
    names = ", ".join(f'"{name}"' for name in columns)
    connection.execute(f"CREATE TABLE logs ({names})")
    marks = ", ".join("?" for _ in columns)
    values = [[row.get(name) for name in columns] for row in rows]
    connection.executemany(f"INSERT INTO logs VALUES ({marks})", values)  # noqa: S608
    return connection


def compiled(document: Mapping[str, Any]) -> Parsed:
    import yaml

    parsed = Parsed()
    found = documents(yaml.safe_dump(dict(document)), "generated.yml", "generated", parsed.errors)
    parse_documents(found, parsed, {})
    assert not parsed.errors, [str(error) for error in parsed.errors]
    return parsed


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(s1=SELECTION, s2=SELECTION, condition=CONDITION, rows=st.lists(ROW, min_size=1, max_size=12))
def test_the_same_events(
    engine: duckdb.DuckDBPyConnection,
    document: Callable[..., dict[str, Any]],
    s1: dict[str, Any],
    s2: dict[str, Any],
    condition: str,
    rows: list[dict[str, Any]],
) -> None:
    rule = document({"s1": s1, "s2": s2, "condition": condition})
    table = rows_as_table("http", rows)
    ours = TableMatcher(list(compiled(rule).rules.values()), table.schema).match(table, engine).get("test_rule", ())
    query = str(sqliteBackend().convert(SigmaCollection.from_dicts([rule]))[0]).replace("<TABLE_NAME>", "logs")
    with closing(sqlite_table([{"n": n, **row} for n, row in enumerate(rows)], ["n", *COLUMNS])) as connection:
        assert [int(row) for row in ours] == [row[0] for row in connection.execute(query)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.text(alphabet="abcdefgh", min_size=4, max_size=6), min_size=1, max_size=4),
    rows=st.lists(st.fixed_dictionaries({"url": st.none() | st.text(alphabet="abcdefghAB", max_size=30)}), max_size=30),
)
def test_the_prefilter_changes_nothing(
    engine: duckdb.DuckDBPyConnection,
    document: Callable[..., dict[str, Any]],
    words: list[str],
    rows: list[dict[str, Any]],
) -> None:
    rule = document({"selection": {"url|contains": words}})
    parsed = next(iter(compiled(rule).rules.values()))
    assert parsed.matcher is not None and parsed.matcher.literals is not None
    table = rows_as_table("http", [*rows, {"url": words[0].upper()}])
    found = TableMatcher([parsed], table.schema).match(table, engine)["test_rule"]
    expected = [
        number
        for number, url in enumerate(table["url"].to_pylist())
        if url is not None and any(word in url.lower() for word in words)
    ]
    assert found.tolist() == expected


START = datetime(2026, 11, 21, tzinfo=UTC)
LOGONS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from("ab"), st.sampled_from([True, False]), st.sampled_from("xyz")),
    min_size=1,
    max_size=20,
)
CORRELATIONS: list[tuple[str, Any]] = [
    ("event_count", {"gte": 3}),
    ("value_count", {"gte": 2, "field": "user"}),
    ("value_sum", {"gt": 6, "field": "dst_port"}),
    ("value_avg", {"lte": 2, "field": "dst_port"}),
    ("value_median", {"gte": 3, "field": "dst_port"}),
    ("value_percentile", {"gte": 3, "field": "dst_port", "percentile": 80}),
    ("temporal", None),
    ("temporal_ordered", None),
    ("temporal", "failed and not passed"),
    ("temporal_ordered", "failed and passed"),
]


def logon_rule(name: str, success: bool) -> dict[str, Any]:
    return {
        "title": name,
        "name": name,
        "logsource": {"product": "kanaria", "category": "logon"},
        "detection": {"selection": {"success": success}, "condition": "selection"},
    }


def alerts(rules: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, int]]:
    """(group, second) of every alert of the reference."""
    columns = ("n", "ts", "src_ip", "success", "user", "dst_port")
    backend = sqliteBackend(timestamp_field="ts", event_id_field="n")
    query = backend.convert(SigmaCollection.from_dicts([dict(rule) for rule in rules]))[-1]
    with closing(sqlite_table(rows, columns)) as connection:
        found = connection.execute(str(query).replace("<TABLE_NAME>", "logs"))
        names = [column[0] for column in found.description]
        records = [dict(zip(names, record, strict=True)) for record in found]
    import json

    return {(json.loads(r["group_keys"])["src_ip"], round(r["occurrence_time"] - START.timestamp())) for r in records}


@pytest.mark.parametrize(("type_", "condition"), CORRELATIONS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=LOGONS)
def test_the_same_moments(
    engine: duckdb.DuckDBPyConnection,
    write: Write,
    type_: str,
    condition: Any,
    events: list[tuple[int, str, bool, str]],
) -> None:
    names = ["failed", "passed"] if type_.startswith("temporal") else ["failed"]
    body: dict[str, Any] = {"type": type_, "rules": names, "group-by": ["src_ip"], "timespan": "5m"}
    if condition is not None:
        body["condition"] = condition
    correlated = {"title": "Correlated", "name": "correlated", "correlation": body}
    rules = [*(logon_rule(name, name == "passed") for name in names), correlated]
    seconds = [minute * 60 for minute, *_ in events]
    reference: list[dict[str, Any]] = [
        {
            "n": n,
            "ts": f"{START + timedelta(seconds=second):%Y-%m-%d %H:%M:%S}",
            "src_ip": ip,
            "success": str(ok).lower(),
            "user": user,
            "dst_port": ord(user) - ord("w"),
        }
        for n, (second, (_, ip, ok, user)) in enumerate(zip(seconds, events, strict=True))
    ]
    ours = [
        {
            **row,
            "time": START + timedelta(seconds=seconds[row["n"]]),
            "success": row["success"] == "true",
            "event_id": row["n"],
        }
        for row in reference
    ]
    for row in ours:
        del row["n"], row["ts"]
    expected = alerts(rules, reference)
    moments = _moments(write(*rules), engine, ours)
    assert moments == expected


def _moments(rules: RuleSet, engine: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
    """(group, second) of every moment our engine found true, before occurrences are joined into findings."""
    assert not rules.errors, [str(error) for error in rules.errors]
    detector = Detector(rules, engine)
    detector.evaluate({"logon": rows_as_table("logon", rows)})
    seen: set[tuple[str, int]] = set()
    correlator = detector._correlator
    report = correlator._report

    def noted(rule: Any, group: Any, held: Any) -> Any:
        seen.update((m.first.row["src_ip"], round(m.time / 1e6 - START.timestamp())) for m in held)
        return report(rule, group, held)

    correlator._report = noted  # type: ignore[method-assign]
    detector.finish()
    return seen
