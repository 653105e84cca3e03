"""Operations for a handful of rows: what they make of nulls, infinities and joins is what DuckDB makes of them."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.baseline.evaluate import Rows, evaluate
from kanaria.baseline.lowering import lowered

T = ibis.table({"n": "int64", "m": "int64", "x": "float64", "y": "float64"}, name="t")
VALUES = {
    "integers": (T.n ^ T.m, T.n % T.m, T.n * 3 - T.m, T.n.clip(-2, 2), T.n.isin((1, 2)), T.n.nullif(0)),
    "numbers": (T.x + T.y, T.x * T.y, T.x / T.y.nullif(0.0), -T.x, ibis.greatest(T.x, T.y, 0.0), ibis.least(T.x, T.y)),
    "order": (T.x > T.y, T.x >= T.y, T.x < T.y, T.x == T.y, (T.x > 1.0).ifelse(1.0, T.y), ibis.coalesce(T.x, T.y)),
    "logic": ((T.n > 0) & (T.m > 0), (T.n > 0) | (T.m > 0), T.n.isnull(), T.x.notnull(), (T.n > 0).cast("float64")),
    "powers": ((T.n + 3).clip(1, 9).cast("float64").log2(), ibis.literal(2.0) ** T.m.cast("float64")),
    "steps": (((T.n * 0.3).floor().cast("int64")),),
}
U = T.view()
TABLES = {
    "filtered": T.filter((T.n > 0) | T.m.isnull()).select("n", "x"),
    "grouped": T.group_by("n").agg(s=T.m.sum(), f=T.m.sum().cast("float64"), high=T.x.max(), low=T.y.min()),
    "distinct": T.select("n", "m").union(T.select(n="m", m="n"), distinct=False).distinct(),
    "left": T.left_join(U, (T.n ^ 1) == U.m).select(n=T.n, x=T.x, other=U.y),
    "inner": T.inner_join(U, [T.n == U.m, T.m == U.n]).select(n=T.n, other=U.m, y=U.y),
}
WHOLE = st.none() | st.integers(-4, 4)
REAL = st.none() | st.sampled_from([0.0, -1.5, 2.0, 1e300, math.inf, math.nan])
ROWS = st.lists(st.tuples(WHOLE, WHOLE, REAL, REAL), max_size=6)


def both(table: Any, rows: list[tuple[Any, ...]]) -> tuple[list[str], list[str]]:
    """The rows of an expression as evaluated here and by DuckDB, each as text, ordered."""
    columns = {name: [row[place] for row in rows] for place, name in enumerate("nmxy")}
    ours = evaluate(lowered(table), {"t": Rows(columns, len(rows))})
    kinds = {"n": pa.int64(), "m": pa.int64(), "x": pa.float64(), "y": pa.float64()}
    t = pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
    engine = duckdb.connect()
    engine.register("t", t)
    theirs = engine.execute(str(ibis.to_sql(table, dialect="duckdb"))).fetchall()
    return sorted(map(str, zip(*ours.values(), strict=True))), sorted(map(str, theirs))


@pytest.mark.parametrize("kind", VALUES)
@given(rows=ROWS)
@settings(max_examples=15, deadline=None)
def test_values_are_those_of_the_engine(kind: str, rows: list[tuple[Any, ...]]) -> None:
    ours, theirs = both(T.select(**{f"c{place}": value for place, value in enumerate(VALUES[kind])}), rows)
    assert ours == theirs


@pytest.mark.parametrize("kind", TABLES)
@given(rows=ROWS)
@settings(max_examples=15, deadline=None)
def test_tables_are_those_of_the_engine(kind: str, rows: list[tuple[Any, ...]]) -> None:
    ours, theirs = both(TABLES[kind], rows)
    assert ours == theirs


@pytest.mark.parametrize(
    "table",
    [T.order_by("n"), T.mutate(s=T.x.sin()), T.group_by("n").agg(a=T.x.mean()), T.outer_join(U, T.n == U.m)],
)
def test_what_has_no_operation_is_refused_when_plans_are_made(table: Any) -> None:
    with pytest.raises(TypeError, match="knows"):
        lowered(table)
