"""Log sources that go silent: against their own rhythm, while others go on, once, and never at the end of a file."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.baseline.silence import Silence
from kanaria.core.schema import from_rows

START = datetime(2026, 3, 2, tzinfo=UTC)
Record = tuple[str, float, str]  # host, hours since START, file


def slices(records: Iterable[Record], hours: float = 24) -> list[dict[str, pa.Table]]:
    """Logon tables of a day each, in order of time."""
    parts: dict[int, list[dict[str, object]]] = {}
    for number, (host, hour, file) in enumerate(sorted(records, key=lambda record: record[1]), 1):
        row = {
            "time": START + timedelta(hours=hour), "source": file, "line": number, "event_id": number, "host_name": host,
            "device": host,
        }  # fmt: skip
        parts.setdefault(int(hour // hours), []).append(row)
    return [{"logon": from_rows("logon", rows)} for _, rows in sorted(parts.items())]


def steady(
    host: str, until: float, *, every: float = 0.5, since: float = 0.0, file: str = "remote.log"
) -> list[Record]:
    return [(host, since + every * n + 0.01 * len(host), file) for n in range(int((until - since) / every))]


def told(known: Silence, tables: Sequence[dict[str, pa.Table]]) -> list[dict[str, Any]]:
    return [row for part in tables if "host" in (seen := known.watch(part)) for row in seen["host"].to_pylist()]


def test_a_host_that_stops_while_others_go_on() -> None:
    records = [*steady("gate", 30), *(r for name in ("web", "mail", "files") for r in steady(name, 72))]
    (row,) = told(Silence(), slices(records))
    assert (row["device"], row["kind"], row["time"]) == ("gate", "silence", START + timedelta(hours=29.54))
    assert row["baseline.silent_hours"] == pytest.approx(48 - 29.54, abs=0.6)
    assert (row["baseline.longest_pause_hours"], row["baseline.others_writing"]) == (0.5, 3)
    assert (row["source"], row["line"], row["event_id"]) == ("remote.log", row["event_id"], row["event_id"])


def test_it_is_told_once_and_again_only_after_it_spoke() -> None:
    others = [r for name in ("web", "mail", "files") for r in steady(name, 24 * 9)]
    records = [*steady("gate", 30), *steady("gate", 24 * 5, since=24 * 4), *others]
    assert [row["device"] for row in told(Silence(), slices(records))] == ["gate", "gate"]


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([r for name in ("a", "bb", "ccc") for r in steady(name, 40)], id="the end of the file"),
        pytest.param([*steady("a", 30), *steady("bb", 200)], id="one other is nobody"),
        pytest.param(
            [*steady("a", 30, file="a.log"), *(r for n in ("bb", "cc", "dd") for r in steady(n, 99, file="b.log"))],
            id="another log goes on",
        ),
        pytest.param(
            [
                *(r for n in ("a", "b", "c", "d") for r in steady(n, 30)),
                *(r for n in ("ee", "ff") for r in steady(n, 99)),
            ],
            id="most stop together: the collector",
        ),
        pytest.param([*steady("a", 20), *(r for n in ("bb", "cc", "dd") for r in steady(n, 99))], id="less than a day"),
        pytest.param(
            [*steady("a", 96, every=9), *(r for n in ("bb", "cc", "dd") for r in steady(n, 200))], id="rarely writes"
        ),
    ],
)
def test_what_is_no_silence(records: list[Record]) -> None:
    assert told(Silence(), slices(records)) == []


def test_rotation_is_one_log() -> None:
    records = [*steady("gate", 30), *(r for name in ("web", "mail", "files") for r in steady(name, 72))]
    names = {0: "remote.log.2.gz", 1: "remote.log-20260303", 2: "remote.log"}
    rotated = [(host, hour, names[int(hour // 24)]) for host, hour, _ in records]
    assert [row["device"] for row in told(Silence(), slices(rotated))] == ["gate"]


def test_nights_and_weekends_are_no_silence_once_known() -> None:
    chance = random.Random(7)
    records = [
        (host, 24.0 * day + chance.uniform(8, 18), "remote.log")
        for host in ("ann", "ben", "cat", "dan")
        for day in range(28)
        if day % 7 < 5
        for _ in range(20)
    ]
    records += [r for name in ("web", "mail", "files") for r in steady(name, 24 * 28)]
    assert told(Silence(), slices(records)) == []


def test_what_was_learned_is_there_in_the_next_run() -> None:
    others = [r for name in ("web", "mail", "files") for r in steady(name, 72)]
    first, *later = slices([*steady("gate", 35), *others], hours=36)
    known = Silence()
    assert told(known, [first]) == []
    known = Silence(json.loads(json.dumps(known.dump())))
    assert [row["device"] for row in told(known, later)] == ["gate"]
    assert told(Silence(known.dump()), later) == [], "told already"


def test_other_rows_of_the_table_stay() -> None:
    known, parts = Silence(), slices([*steady("gate", 30), *(r for n in ("x", "y", "z") for r in steady(n, 72))])
    cpu = from_rows("host", [{"event_id": 9, "kind": "cpu"}])
    rows = [row for part in parts for row in known.watch({**part, "host": cpu})["host"].to_pylist()]
    assert sorted(row["kind"] for row in rows) == ["cpu", "cpu", "cpu", "silence"]
    assert known.watch({"dns": cpu}) == {"dns": cpu}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 1.0), st.integers(2, 6))
def test_steady_chance_alone_is_no_silence(seed: int, mean: float, hosts: int) -> None:
    records: list[Record] = []
    chance = random.Random(seed)
    for host in range(hosts):
        hour = 0.0
        while hour < 24 * 10:
            hour += chance.expovariate(1 / mean)
            records.append((f"h{host}", hour, "remote.log"))
    assert told(Silence(), slices(records)) == []
