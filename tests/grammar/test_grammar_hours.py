"""Shares answered for hours: said only where the exchange was seen to go on, from the number of all messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kanaria.core.facts import Knowledge
from kanaria.lab.mining import Plan, script
from kanaria.lab.scenario import Message
from kanaria.mining import grammar

HOUR = 3600.0


@pytest.fixture
def hours(facts: Knowledge, table_of: Callable[..., pa.Table]) -> Callable[..., float | None]:
    """What is said of one script, of which ``seconds`` were seen and of which all messages were counted (or not)."""

    def hours_of(said: Sequence[Message], seconds: float, *, counted: bool = True) -> float | None:
        table = table_of([[(m.from_client, len(m.data), m.time) for m in said]], seconds=seconds)
        if counted:
            for name, side in (("src_messages", True), ("dst_messages", False)):
                number = pa.array([sum(m.from_client == side for m in said)], pa.int64())
                table = table.set_column(table.schema.get_field_index(name), name, number)
        return grammar.read(table, facts)["mining.grammar_hours"][0].as_py()  # type: ignore[no-any-return]

    return hours_of


def mined(seconds: float, **more: Any) -> tuple[Message, ...]:
    return script(Plan(dialect="cryptonote", wrapping="tls", seconds=seconds, share_seconds=30.0, seed=3, **more))


def test_a_miner_watched_for_hours_is_said_to_have_mined_for_hours(hours: Any) -> None:
    assert hours(mined(3 * HOUR), 3 * HOUR) == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("seconds", [0.5 * HOUR, 1.9 * HOUR])
def test_less_than_two_hours_are_not_hours(hours: Any, seconds: float) -> None:
    assert hours(mined(seconds), seconds) is None


def test_a_miner_that_stopped_and_left_the_connection_open_is_not_said_to_have_gone_on(hours: Any) -> None:
    assert hours(mined(0.5 * HOUR), 6 * HOUR) is None


def test_a_connection_that_became_something_else_is_not_said_to_have_gone_on(hours: Any) -> None:
    later = [Message(1800 + at, bool(at % 2), bytes(300)) for at in np.arange(0.0, 3 * HOUR, 0.5)]
    assert hours([*mined(0.5 * HOUR), *later], 3.5 * HOUR) is None


def test_nothing_is_said_where_nobody_counted_the_messages(hours: Any) -> None:
    assert hours(mined(3 * HOUR), 3 * HOUR, counted=False) is None
