"""The moment from which a connection was plainly mining is the one somebody would have seen who watched it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria import detect
from kanaria.core.facts import Knowledge
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.mining import Plan, script
from kanaria.mining import grammar
from kanaria.mining.grammar_moment import EVERY, steps
from kanaria.mining.grammar_sequence import MIN_MESSAGES

Rows = Callable[..., pa.Table]


def _moment(table: pa.Table, facts: Knowledge) -> list[tuple[float | None, float | None]]:
    rows = grammar.read(table, facts).to_pylist()
    return [(row["mining.grammar_bits"], row["mining.grammar_seconds"]) for row in rows]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_nobody_saw_it_before_and_everybody_from_then_on(dialect: str, table_of: Rows, facts: Knowledge) -> None:
    sent = [(m.from_client, len(m.data), m.time) for m in script(Plan(dialect=dialect, seconds=1800, seed=2))]
    ((bits, seconds),) = _moment(table_of([sent]), facts)
    assert bits is not None and bits >= grammar.ALERT
    assert seconds is not None
    shown = [one for one in sent if one[2] <= seconds + 1e-6]
    before = [sent[:count] for count in steps(len(shown))[:-1]]
    table = table_of([shown, *before])
    # A watcher's look lasts as long as its messages, as these do, and knows that the connection goes on.
    at = table.schema.get_field_index("open")
    table = table.set_column(at, "open", pa.array([True] * len(table)))
    judged = [value for value, _ in _moment(table, facts)]
    assert judged[0] is not None and judged[0] >= grammar.ALERT
    assert all(value is None or value < grammar.ALERT for value in judged[1:])


def test_only_what_suffices_has_a_moment(table_of: Rows, facts: Knowledge) -> None:
    miner = [(m.from_client, len(m.data), m.time) for m in script(Plan(dialect="kawpow", seconds=900))]
    keys = [(bool(n % 2), 36, 2 + n * 0.3) for n in range(100)]
    judged = _moment(table_of([keys, None, miner, keys]), facts)
    assert [seconds is not None for _, seconds in judged] == [False, False, True, False]


def test_one_connection_among_others_has_the_moment_it_has_alone(table_of: Rows, facts: Knowledge) -> None:
    talks = [
        [(m.from_client, len(m.data), m.time) for m in script(Plan(dialect=name, seconds=900, seed=4))]
        for name in sorted(DIALECTS)
    ]
    assert _moment(table_of(talks), facts) == [_moment(table_of([one]), facts)[0] for one in talks]


@settings(max_examples=50)
@given(st.integers(0, 200))
def test_looks_are_few_ascending_and_end_with_the_whole(count: int) -> None:
    looks = steps(count)
    assert looks == sorted(set(looks))
    assert looks[-1:] == ([count] if count >= MIN_MESSAGES else [])
    assert len(looks) <= EVERY + 12


def test_the_rules_ask_for_the_same_bits() -> None:
    asking = [rule for rule in detect.load().single() if "grammar_bits" in str(rule.matcher and rule.matcher.sql)]
    assert asking
    for rule in asking:
        assert rule.matcher is not None
        assert re.search(rf'grammar_bits" AS DOUBLE\) >= {grammar.ALERT:g}\b', rule.matcher.sql), rule.id
