"""Rules asked with a kept plan match the rows that a plan made anew says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.detect import question
from kanaria.detect.loading import load
from kanaria.detect.match import MOST_QUESTIONS, TableMatcher
from kanaria.detect.testing import rows_as_table
from tests.heard_engine import Heard

RULES = load()
BITS = st.none() | st.sampled_from([0.0, 5.9, 6.0, 8.0, 30.0])
SIZE = st.none() | st.sampled_from([0, 799, 800, 1200, 2000, 60_000_000])
FLAG = st.none() | st.booleans()
CONNECTION = st.fixed_dictionaries(
    {
        "direction": st.sampled_from([None, "outbound", "OUTBOUND", "inbound", "internal"]),
        "transport": st.sampled_from([None, "tcp", "udp"]),
        "service": st.sampled_from([None, "rdp", "ssh", "smb", "ssl", "'; DROP TABLE x --", "\u212a\0"]),
        "state": st.sampled_from([None, "S0", "REJ", "SF"]),
        "dst_port": st.none() | st.sampled_from([22, 443, 445, 3333, 3389]),
        "duration_us": st.none() | st.sampled_from([0, 1_000_000, 20_000_000, 4_000_000_000]),
        "src_bytes": SIZE,
        "dst_bytes": SIZE,
        "dst_payload": SIZE,
        "dst_packets": st.none() | st.sampled_from([1, 4, 90]),
        "dst_ip": st.sampled_from([None, "192.0.2.7", "10.0.0.1", "2001:db8::1", "not an address"]),
        "device.role": st.sampled_from([None, "dns_server", "web_server", "workstation"]),
        "device.critical": FLAG,
        "baseline.anomalous": FLAG,
        "baseline.learning": FLAG,
        "baseline.new_to_network": FLAG,
        "baseline.new_to_device": FLAG,
        "baseline.endpoint_bits": BITS,
        "baseline.service_bits": BITS,
        "baseline.volume_bits": BITS,
        "mining.grammar_bits": BITS,
        "mining.dialect": st.sampled_from([None, "monero", ""]),
        "knowledge.pool": st.sampled_from([None, "pool.example"]),
    }
)
TYPED: Mapping[str, Any] = {
    **{f"baseline.{name}": True for name in ("anomalous", "learning", "new_to_network", "new_to_device")},
    **{f"baseline.{name}_bits": 0.5 for name in ("endpoint", "service", "volume")},
    "device.role": "x", "device.critical": True, "mining.grammar_bits": 0.5, "mining.dialect": "x",
    "knowledge.pool": "x",
}  # fmt: skip
"""A value for each enrichment column, whose type is that of its values."""


def numbers(matcher: TableMatcher, rows: Sequence[Mapping[str, Any]], engine: Any) -> dict[str, list[int]]:
    made = rows_as_table("connection", [*rows, TYPED]).slice(0, len(rows))
    return {name: found.tolist() for name, found in matcher.match(made, engine).items()}


def matcher_of(rows: Sequence[Mapping[str, Any]]) -> TableMatcher:
    of_table = [rule for rule in RULES.single() if rule.table == "connection"]
    return TableMatcher(of_table, rows_as_table("connection", [*rows, TYPED]).schema)


KEPT: list[TableMatcher] = []
"""One matcher for all examples, so that its plan was made for the rows of the first."""


@settings(max_examples=60)
@given(batches=st.lists(st.lists(CONNECTION, min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_kept_plan_matches_what_a_plan_made_anew_does(
    engine: duckdb.DuckDBPyConnection, batches: list[list[dict[str, Any]]]
) -> None:
    kept = KEPT[0] if KEPT else matcher_of(batches[0])
    KEPT[:] = [kept]
    for rows in batches:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(question, "FEW_ROWS", -1)
            anew = numbers(matcher_of(rows), rows, engine)
        assert numbers(kept, rows, engine) == anew


def test_a_further_small_batch_is_not_planned_anew_and_a_large_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "FEW_ROWS", 3)
    heard, row = Heard(duckdb.connect()), {"direction": "outbound", "transport": "tcp"}
    kept = matcher_of([row])
    longest = []
    for rows in (1, 1, 1, 3, 4, 1):
        heard.asked.clear()
        numbers(kept, [row] * rows, heard)
        longest.append(max(map(len, heard.asked)))
    assert [length > 500 for length in longest] == [True, True, False, False, True, False]


def test_no_more_statements_are_kept_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = duckdb.connect()
    rules = [rule for rule in RULES.single() if rule.table == "connection"]
    kept = matcher_of([{}])
    for number in range(MOST_QUESTIONS + 20):
        names = tuple(rule.id for index, rule in enumerate(rules) if (number + 1) >> index & 1)
        monkeypatch.setattr(kept, "_work", lambda _table, names=names: [(list(names), None)])
        for _ in range(2):
            numbers(kept, [{"direction": "outbound"}], engine)
    plans = engine.execute("SELECT count(*) FROM duckdb_prepared_statements()").fetchone()
    views = engine.execute("SELECT count(*) FROM duckdb_views() WHERE view_name LIKE 'handed_%'").fetchone()
    assert plans == views == (MOST_QUESTIONS,)
