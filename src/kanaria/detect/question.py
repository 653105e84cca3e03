"""One SQL statement for some rules over one table: rows in, the numbers of those that match out.

DuckDB takes longer to plan the statement than to execute it on a few rows (12 rules for connections on one row: 8 ms of
processor time, and 1 with a plan that is kept). So a statement that is asked a second time for a small batch is planned
once more and kept; a large batch is better off with a plan of its own, and with DuckDB's own way into Arrow tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.arrow_rows import arrow_table
from kanaria.core.distinct import map_distinct
from kanaria.core.handed_rows import HandedRows
from kanaria.core.network import parse_address
from kanaria.detect.columns import arrow_kind, bases, ident, projection
from kanaria.detect.model import Computed, Matcher
from kanaria.detect.regex import LOOKED_AT

if TYPE_CHECKING:
    import duckdb

    Engine = duckdb.DuckDBPyConnection | Callable[[], duckdb.DuckDBPyConnection]

Rows = npt.NDArray[np.int64]

FEW_ROWS = 5_000
"""Batches of as many rows are asked with a kept plan. From there on planning is a small part."""
_BATCH = "kanaria_detect_batch"
_NUMBERS = count(1)


class Question:
    """Boolean expressions, each under a name, over tables of one schema."""

    def __init__(self, expressions: Mapping[str, str], matchers: Sequence[Matcher], schema: pa.Schema) -> None:
        self._names = tuple(expressions)
        columns = sorted({column for matcher in matchers for column in matcher.columns})
        self._computed = list({item.name: item for matcher in matchers for item in matcher.computed}.values())
        needed = dict.fromkeys(base for column in columns for base in bases(column, schema))
        needed |= dict.fromkeys(item.column for item in self._computed)
        there = set(schema.names)
        self._given = [name for name in needed if name in there]
        inner = [f"{projection(column, schema)} AS {ident(column)}" for column in columns]
        inner += [ident(name) for name in ["@row", *(item.name for item in self._computed)]]
        outer = ", ".join(f"{sql} AS {ident(f'r{index}')}" for index, sql in enumerate(expressions.values()))
        self._sql = f'SELECT "@row", {outer} FROM (SELECT {", ".join(inner)} FROM '  # noqa: S608 (quoted by compiler)
        self._asked = False
        self._plan: _Plan | None = None

    def ask(self, table: pa.Table, rows: Rows | None, engine: Engine) -> dict[str, Rows]:
        """Row numbers for which each expression holds, over the given rows of the table (different ones, ascending)."""
        connection = engine() if callable(engine) else engine
        subset = self._prepared(table, rows)
        if self._plan and self._plan.connection is not connection:
            self._plan = None
        if self._plan is None and self._asked and len(subset) <= FEW_ROWS:
            self._plan = _Plan(connection, self._sql, subset.schema)
        self._asked = True
        if self._plan and len(subset) <= FEW_ROWS:
            result = self._plan.execute(subset)
        else:
            result = self._plainly(subset, connection)
        numbers = result["@row"].to_numpy()
        return {
            name: np.sort(numbers[result[f"r{index}"].to_numpy().astype(bool)])
            for index, name in enumerate(self._names)
        }

    def forget(self) -> None:
        """Let the engine forget the plan."""
        if self._plan:
            self._plan.close()
        self._plan = None

    def _plainly(self, subset: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        connection.register(_BATCH, subset)
        try:
            return arrow_table(connection.execute(f"{self._sql}{_BATCH})"), len(subset))
        finally:
            connection.unregister(_BATCH)

    def _prepared(self, table: pa.Table, rows: Rows | None) -> pa.Table:
        """The rows with what the SQL reads: ``@row``, bases (bytes as text, times without zone), computed columns."""
        subset = table.select(self._given)
        if rows is None or len(rows) == len(table):
            rows = np.arange(len(table), dtype=np.int64)
        else:
            subset = subset.take(rows)
        columns = {name: _readable(column) for name, column in zip(self._given, subset.columns, strict=True)}
        tested = {item.name: _compute(item, columns.get(item.column), len(rows)) for item in self._computed}
        return pa.table({**columns, **tested, "@row": pa.array(rows)})


class _Plan:
    """The statement as one connection has planned it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema) -> None:
        self.connection = connection
        self._rows = HandedRows(connection, schema)
        self._name = f"kanaria_detect_{next(_NUMBERS)}"
        connection.execute(f"PREPARE {self._name} AS {sql}{self._rows.name})")

    def execute(self, rows: pa.Table) -> pa.Table:
        with self._rows.holding(rows):
            return arrow_table(self.connection.execute(f"EXECUTE {self._name}"), len(rows))

    def close(self) -> None:
        self.connection.execute(f"DEALLOCATE {self._name}")
        self._rows.close()


def _readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz="UTC") if column.type.tz else pa.timestamp("us")).cast(
            pa.timestamp("us")
        )
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.chunked_array([_decoded(chunk) for chunk in column.chunks], pa.string())
    return column


def _decoded(chunk: pa.Array) -> pa.Array:
    try:
        return chunk.cast(pa.string())
    except pa.ArrowInvalid:  # some row is not UTF-8: decode row by row, keeping what can be read
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in chunk.to_pylist()], pa.string())


def _compute(item: Computed, column: pa.ChunkedArray | None, rows: int) -> pa.Array | pa.ChunkedArray:
    if column is None:
        return pa.nulls(rows, pa.bool_())
    if arrow_kind(column.type) != "text":
        column = column.cast(pa.string())
    return map_distinct(column, _test(item), pa.bool_())


def _test(item: Computed) -> Callable[[str], object]:
    if item.kind == "re":
        flags = sum(({"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[flag] for flag in item.flags), re.ASCII)
        pattern = re.compile(item.value, flags)
        return lambda text: pattern.search(text, 0, LOOKED_AT) is not None
    network = ip_network(item.value)

    def inside(text: str) -> bool:
        address = parse_address(text)
        return address is not None and address.version == network.version and address in network

    return inside
