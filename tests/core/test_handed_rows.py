"""A kept plan reads the rows that are handed over at the time, whatever was there when the plan was made."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.handed_rows import HandedRows

COLUMNS = pa.schema([("n", pa.int64()), ("text", pa.string()), ("time", pa.timestamp("us", "UTC"))])
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(NUMBERS, st.none() | st.text(max_size=9), st.none() | st.integers(-(2**50), 2**50)))


def table(rows: list[tuple[int | None, str | None, int | None]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, COLUMNS, strict=True)], COLUMNS)


@given(st.lists(ROWS, min_size=1, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_each_execution_reads_the_rows_of_its_time(
    batches: list[list[tuple[int | None, str | None, int | None]]], changed: list[bool]
) -> None:
    with duckdb.connect() as engine:
        engine.execute('CREATE TABLE kept (n BIGINT, text VARCHAR, "time" TIMESTAMPTZ)')
        handed = HandedRows(engine, COLUMNS)
        engine.execute(f'PREPARE plan AS SELECT text, n, epoch_us("time") FROM {handed.name} WHERE n IS NULL OR n > 4')  # noqa: S608
        engine.execute(f"PREPARE taking AS INSERT INTO kept FROM {handed.name}")
        for rows, catalog_changes in zip(batches, changed, strict=False):
            if catalog_changes:
                engine.execute("CREATE OR REPLACE TEMP TABLE other (n BIGINT)")
            with handed.holding(table(rows)):
                found = engine.execute("EXECUTE plan").fetchall()
                engine.execute("EXECUTE taking")
            assert found == [(text, n, at) for n, text, at in rows if n is None or n > 4]
        kept = engine.execute('SELECT n, text, epoch_us("time") FROM kept').fetchall()
        assert kept == [row for rows in batches for row in rows]
        assert engine.execute("EXECUTE plan").fetchall() == []


def test_rows_of_other_columns_are_refused() -> None:
    with duckdb.connect() as engine, pytest.raises(TypeError, match="expected rows of"):
        with HandedRows(engine, COLUMNS).holding(pa.table({"n": [1]})):
            pass
