"""Rows of many inputs come out once each, in order, in slices that do not overlap."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.schema import TABLES, from_rows
from kanaria.wire import spool as module
from kanaria.wire.spool import Gathered, Spool

START = datetime(2026, 6, 21, tzinfo=UTC)
NOWHERE = Path(os.devnull)
"""For spools without requests: only those are put into files."""


def rows(hours: list[int | None], first: int = 0) -> list[dict[str, object]]:
    return [
        {"event_id": first + n, "time": None if h is None else START + timedelta(hours=h)} for n, h in enumerate(hours)
    ]


def spooled(*batches: tuple[str, list[int | None]]) -> Spool:
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    spool = Spool(engine, NOWHERE)
    for number, (name, hours) in enumerate(batches):
        spool.add({name: from_rows(name, rows(hours, 1000 * number))})
    spool.settle()
    return spool


HOURS = st.lists(st.one_of(st.none(), st.integers(0, 120)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(HOURS, HOURS)
def test_every_row_once_in_order(one: list[int | None], other: list[int | None]) -> None:
    slices = list(spooled(("connection", one), ("dns", other), ("connection", other)).slices())
    seen: list[datetime] = []
    for tables in slices:
        times = [t for table in tables.values() for t in table["time"].to_pylist() if t is not None]
        assert not seen or not times or max(seen) <= min(times)
        seen += times
        for table in tables.values():
            kept = [t for t in table["time"].to_pylist() if t is not None]
            assert kept == sorted(kept)
    assert sum(len(table) for tables in slices for table in tables.values()) == len(one) + 2 * len(other)


def test_a_slice_is_a_day_at_most_and_its_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_ROWS", 10)
    slices = list(
        spooled(
            ("connection", [h for day in range(3) for h in [24 * day] * 4 + [24 * day + n for n in range(20)]])
        ).slices()
    )
    for tables in slices:
        times = tables["connection"]["time"].to_pylist()
        assert len({t.date() for t in times}) == 1
        assert len(times) <= 14  # rows of one moment stay together


@pytest.mark.parametrize(
    ("rows_long", "slices"), [(0, [[0, 1, 2], [3, 4, 5]]), (3, [[0], [1], [2], [3], [4], [5]])], ids=["short", "long"]
)
def test_requests_with_long_texts_come_in_shorter_slices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows_long: int, slices: list[list[int]]
) -> None:
    """Short ones count as ``REQUEST_ROWS`` rows, long ones as what they have the bytes of."""
    monkeypatch.setattr(module, "SLICE_ROWS", 3 * module.REQUEST_ROWS)
    spool = Spool(duckdb.connect(), tmp_path)
    text = {"raw": b"x" * (module.ROW_BYTES * module.REQUEST_ROWS * rows_long)}
    spool.add({"http": from_rows("http", [row | text for row in rows(list(range(6)))])})
    spool.settle()
    assert [tables["http"]["event_id"].to_pylist() for tables in spool.slices()] == slices


_VALUES = {
    pa.string(): st.text(max_size=30),
    pa.binary(): st.binary(max_size=30),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.timestamp("us", tz="UTC"): st.integers(0, 50 * 86_400_000_000).map(
        lambda us: START + timedelta(microseconds=us)
    ),
}
_REQUEST = st.fixed_dictionaries(
    {column.name: st.none() | _VALUES[column.type] for column in TABLES["http"].columns if column.name != "event_id"}
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(_REQUEST, max_size=4), max_size=4))
def test_requests_come_back_from_their_files_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[dict[str, object]]]
) -> None:
    """Whatever texts, bytes and gaps a sensor's records have, in one file or several."""
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    folder = tmp_path_factory.mktemp("it's scratch")
    spool, wanted = Spool(engine, folder), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GATHERED_ROWS", 3)
        for number, batch in enumerate(batches):
            numbered = [{"event_id": 100 * number + n, **row} for n, row in enumerate(batch)]
            wanted.append(from_rows("http", numbered))
            spool.add({"http": wanted[-1]})
        spool.settle()
    slices = [tables["http"] for tables in spool.slices()]
    assert [part.schema for part in slices] == [from_rows("http", []).schema] * len(slices)
    rows = [row for part in slices for row in part.to_pylist()]
    assert sorted(rows, key=lambda row: row["event_id"]) == [row for table in wanted for row in table.to_pylist()]
    times = [row["time"] for row in rows if row["time"]]
    assert times == sorted(times)
    assert any(folder.iterdir()) == bool(rows)


def test_rows_without_a_time_come_first() -> None:
    first = next(iter(spooled(("connection", [5, None, 3])).slices()))
    assert first["connection"]["time"].to_pylist()[0] is None


def test_nothing_spooled_gives_nothing() -> None:
    assert list(spooled().slices()) == []


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["http", "dns"]), st.integers(0, 9)), max_size=12),
    st.integers(1, 20),
    st.integers(2, 5),
)
def test_gathered_tables_keep_every_row_in_order(sizes: list[tuple[str, int]], enough: int, joined: int) -> None:
    gathered, seen, wanted = Gathered(), [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GATHERED_ROWS", enough)
        patch.setattr(module, "JOINED", joined)
        for number, (name, count) in enumerate(sizes):
            wanted += [(name, 100 * number + n) for n in range(count)]
            handed = gathered.add({name: from_rows(name, rows([0] * count, 100 * number))})
            assert not handed or sum(map(len, handed.values())) >= enough
            seen += [(kind, row) for kind, table in handed.items() for row in table["event_id"].to_pylist()]
    seen += [(kind, row) for kind, table in gathered.take().items() for row in table["event_id"].to_pylist()]
    for kind in ("http", "dns"):
        assert [row for name, row in seen if name == kind] == [row for name, row in wanted if name == kind]
    assert gathered.take() == {}


def test_many_small_batches_become_few_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    inserted: list[int] = []
    spool = spooled()
    insert = spool._insert
    monkeypatch.setattr(spool, "_insert", lambda tables: (inserted.append(len(tables)), insert(tables)))
    for number in range(50):
        spool.add({"dns": from_rows("dns", rows([number], number))})
    spool.settle()
    assert sum(inserted) == 1
    assert sum(len(tables["dns"]) for tables in spool.slices()) == 50


def test_a_small_table_costs_what_its_rows_take() -> None:
    """Thousands of inputs of a record each: what waits is joined now and then, and its columns are few."""
    gathered = Gathered()
    for number in range(1000):
        assert not gathered.add({"http": from_rows("http", rows([0], number))})
    waiting = [*gathered._parts["http"], *gathered._small["http"]]
    assert len(waiting) < 2 * module.JOINED
    assert sum(map(len, waiting)) == 1000
