"""Kept plans: what they say is what plans made anew say, whatever the tables held when they were made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from kit_baseline import START_HOUR, connection, flow, history_of, pattern, table

from kanaria.baseline import handful, statements
from kanaria.baseline.pattern import MAX_STEPS, PatternOfLife
from kanaria.baseline.statements import FEW_ROWS, Statements
from tests.heard_engine import Heard

HOUR_US = 3_600_000_000


def lookup(hour: int, event: int, name: str, src: str) -> dict[str, Any]:
    time = (START_HOUR + hour) * HOUR_US
    return {"event_id": event, "time": time, "src_ip": src, "device": src, "query": name, "direction": "outbound"}


def slices() -> Iterator[dict[str, pa.Table]]:
    """Flows and look-ups of one row and of many, of few devices and of many, small amounts and huge ones, over days."""
    chance = random.Random(7)
    for number in range(9):
        hour, rows = number * 5, chance.choice([1, 1, 3, 40])
        flows = [
            flow(
                hour,
                event_id=number * 1000 + n,
                src_ip=f"10.0.0.{chance.randrange(1, 2 + number)}",
                dst_ip=f"198.51.100.{chance.randrange(1, 9 * (number + 1))}",
                dst_port=chance.choice([443, 443, 22, 60_000 + n]),
                src_bytes=chance.choice([0, 500, 10 ** chance.randrange(12)]),
                direction=chance.choice(["outbound", "outbound", "inbound", "internal"]),
                sni=chance.choice([None, "shop.example", f"n{n}.example"]),
            )
            for n in range(rows)
        ]
        names = [lookup(hour, number * 1000 + 500 + n, f"a{n % 5}.example", flows[0]["src_ip"]) for n in range(rows)]
        kinds = chance.choice([("connection",), ("dns",), ("connection", "dns")])
        yield {name: table(name, *{"connection": flows, "dns": names}[name]) for name in kinds}


def lived(learned: PatternOfLife) -> list[dict[str, pa.Table]]:
    """All slices scored and learned, of every fourth an event and a device's remote withheld."""
    learned.state.engine.execute("SET threads = 1")  # several add up weights in the order of whoever is first
    found = []
    for number, tables in enumerate(slices()):
        found.append(learned.score(tables))
        events = [number * 1000, number * 1000 + 500] if number % 4 == 3 else []
        learned.learn(found[-1], exclude_event_ids=events, exclude_entities=[("10.0.0.1", "198.51.100.4")])
    return found


def test_kept_plans_score_and_learn_what_plans_made_anew_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(handful, "MOST", -1)
    kept = pattern(tmp_path)
    with_kept = lived(kept)
    assert kept.state.statements.few
    monkeypatch.setattr(statements, "FEW_ROWS", -1)
    anew = pattern()
    for one, other in zip(with_kept, lived(anew), strict=True):
        assert one == other
    assert history_of(kept) == history_of(anew)


def test_a_handful_is_scored_and_learned_as_the_engine_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by_hand = pattern(tmp_path)
    with_a_handful = lived(by_hand)
    monkeypatch.setattr(handful, "MOST", -1)
    engine = pattern()
    for one, other in zip(with_a_handful, lived(engine), strict=True):
        for name, table_ in one.items():
            for column in table_.column_names:
                ours, theirs = table_[column].to_pylist(), other[name][column].to_pylist()
                # Weights are added up in another order: the last digit of sixteen may differ.
                assert [near(value) for value in ours] == [near(value) for value in theirs], column
    assert history_of(by_hand) == history_of(engine)


def near(value: object) -> object:
    return f"{value:.10g}" if isinstance(value, float) else value


@pytest.mark.parametrize("most", [handful.MOST, -1])
def test_a_further_small_slice_is_not_planned_anew(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handful, "MOST", most)
    learned = pattern()
    heard = Heard(learned.state.engine)
    learned.state.statements.engine = heard  # type: ignore[assignment]
    for number in range(5):
        heard.asked.clear()
        learned.learn(learned.score(connection(flow(0, event_id=number))))
    longest = max((sql for sql in heard.asked if not sql.startswith("INSERT INTO asked VALUES")), key=len)
    assert len(longest) < 200, longest


def test_a_plan_holds_whatever_its_tables_held_when_it_was_made() -> None:
    kept = Statements(duckdb.connect())
    kept.suit(1)
    for values in ([], [], [1], [5, 6], [-(2**40), 2**50, 3], [7] * 300, []):
        kept.take_in("numbers", pa.table({"n": pa.array(values, pa.int64()), "g": pa.array(values, pa.int64())}))
        kept.fill("large", "SELECT n FROM numbers WHERE n > 4")
        grouped = kept.run("SELECT g, count(*) FROM numbers GROUP BY g ORDER BY g").fetchall()
        joined = kept.run("SELECT count(*) FROM numbers JOIN large USING (n)").fetchall()
        assert grouped == [(value, values.count(value)) for value in sorted(set(values))]
        assert joined == [(sum(values.count(value) for value in values if value > 4),)]


def test_a_large_slice_between_small_ones_takes_other_tables() -> None:
    learned = pattern()
    for number, rows in enumerate((1, 1, 1, FEW_ROWS + 1, 1, 1, FEW_ROWS + 1, 1)):
        scored = learned.score(connection(*(flow(number, dst_ip=f"192.0.2.{n % 9}") for n in range(rows))))
        assert scored["connection"]["baseline.surprise_bits"].null_count == 0
        learned.learn(scored)
    assert learned.status().learned_hours == 8


def test_tables_are_made_anew_before_deleted_rows_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "RENEWED_CELLS", 1_000)
    kept = Statements(duckdb.connect())
    for number in range(30):
        kept.suit(1)
        kept.take_in("numbers", pa.table({"n": [number]}))
        assert kept.one("SELECT n FROM numbers") == number
    held = kept.engine.execute("SELECT estimated_size FROM duckdb_tables()").fetchone()
    assert held is not None
    assert held[0] <= 6


def test_a_batch_of_many_days_keeps_little_room_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of years is one batch, walked in up to 96 steps within one transaction, and the engine has 600 MB."""
    learned = pattern()
    room: list[int] = []
    walked = PatternOfLife._absorb_provisionally

    def absorb(self: PatternOfLife, scored: pa.Table) -> None:
        walked(self, scored)
        (used,) = self.state.engine.cursor().execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
        room.append(int(used))

    monkeypatch.setattr(PatternOfLife, "_absorb_provisionally", absorb)
    rows = [flow(24 * day, src_ip=f"10.0.0.{day % 9}", dst_ip=f"192.0.2.{day % 200}") for day in range(400)]
    scored = learned.score(connection(*rows))["connection"]
    assert len(scored) == len(rows)
    assert len(room) == MAX_STEPS
    assert room[-1] - room[4] < 100e6  # 60 measured; 264 with blocks of their own for each thread of the engine
