"""What must hold for any traffic: nothing breaks, order and a constant overhead do not matter, rows stay in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.facts import Knowledge
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.mining import Plan, script
from kanaria.mining import grammar

Judge = Callable[..., Any]
Table = Callable[..., pa.Table]

ALERT = 7.0
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

message = st.tuples(st.booleans(), st.integers(0, 1 << 20), st.floats(0, 1e5, allow_nan=False))
connection = st.lists(message, max_size=40)


@FEW
@given(st.lists(st.one_of(st.none(), connection), max_size=12))
def test_any_messages_give_a_judgement_or_none(facts: Knowledge, table_of: Table, connections: list[Any]) -> None:
    table = table_of(connections)
    read = grammar.read(table, facts)
    assert read.num_rows == table.num_rows
    assert read.drop_columns(list(grammar.COLUMNS)).equals(table)
    for row in read.select(list(grammar.COLUMNS)).to_pylist():
        bits, kind, en, ja, seconds, hours = (row[name] for name in grammar.COLUMNS)
        assert (bits is None) == (kind is None)
        assert (en is None) == (ja is None)
        assert (seconds is not None) == (kind == "sequence" and bits >= grammar.ALERT)
        assert hours is None or (seconds is not None and hours >= grammar.HOURS)
        if bits is not None:
            assert abs(bits) <= grammar.LIMIT[kind]


@FEW
@given(st.lists(connection, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_connection_is_judged_alone(
    facts: Knowledge, table_of: Table, judged_rows: Any, connections: list[Any], random: Any
) -> None:
    order = list(range(len(connections)))
    random.shuffle(order)
    straight = judged_rows(grammar.read(table_of(connections), facts))
    shuffled = judged_rows(grammar.read(table_of([connections[i] for i in order]), facts))
    assert [straight[i] for i in order] == shuffled


@FEW
@given(connection, st.randoms(use_true_random=False))
def test_messages_may_come_in_any_order(judge: Judge, packets: list[Any], random: Any) -> None:
    # Distinct times: which of two messages of the same microsecond came first nobody can know.
    ordered = [(c, n, t) for (c, n, _), t in zip(packets, sorted({p[2] for p in packets}), strict=False)]
    mixed = ordered.copy()
    random.shuffle(mixed)
    assert judge(mixed) == judge(ordered)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(set(DIALECTS) - {"browser"})), st.integers(0, 60), st.integers(0, 1000))
def test_a_constant_overhead_changes_no_verdict(judge: Judge, dialect: str, overhead: int, seed: int) -> None:
    sent = script(Plan(dialect=dialect, seconds=3600, share_seconds=25, seed=seed))
    plain = [(m.from_client, len(m.data), m.time) for m in sent]
    wrapped = [(c, n + overhead, t) for c, n, t in plain]
    before, after = judge(plain).bits, judge(wrapped).bits
    assert (before >= ALERT) == (after >= ALERT)
    assert abs(before - after) < 3


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1000), st.floats(0.0, 0.05))
def test_jitter_of_the_network_changes_no_verdict(judge: Judge, seed: int, jitter: float) -> None:
    sent = script(Plan(dialect="cryptonote", wrapping="tls", seconds=3600, share_seconds=25, seed=seed))
    rng = np.random.default_rng(seed)
    # The network delays but does not let an answer overtake its question.
    times = np.sort([m.time + float(rng.exponential(jitter + 1e-9)) for m in sent])
    late = [(m.from_client, len(m.data), float(at)) for m, at in zip(sent, times, strict=True)]
    assert judge(late).bits >= ALERT
