"""The statements every slice repeats: planned once and kept while slices are small, planned anew when they are large.

Rows and queries come in; temporary tables and results go out. Planning the scoring of one row takes DuckDB as long as
scoring it. A plan is kept (``PREPARE``) until a catalog it reads changes, so a slice leaves catalogs alone: tables
between steps are emptied and filled, not made anew, and Arrow rows come in by a replacement scan, not as a view. Large
slices are better off with a plan of their own, and with tables whose room is given back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from kanaria.core.arrow_rows import MANY, arrow_table
from kanaria.core.handed_rows import HandedRows

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FEW_ROWS = 5_000
"""Slices of as many rows keep their plans. From there on planning is a small part, and a good plan a larger one."""
RENEWED_CELLS = 4_000_000
"""Deleted values after which emptied tables are made anew: DuckDB keeps their room, 8 to 20 bytes each."""
_COLUMNS = 200
"""Columns of all tables that a slice's rows pass through."""
MOST_PLANS = 200
"""Kept plans, of some 60 statements in a few variants each (which tables a slice has)."""
_STATISTICS = "statistics_propagation,compressed_materialization"
"""Optimizers that rely on what a table held when the plan was made. DuckDB 1.5 does not look again when the plan is
executed, and gives wrong rows or ends with an error (``test_statements``)."""


class Statements:
    """The statements of one connection. Whoever changes a catalog by other ways calls ``forget``."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self.engine = engine
        self.few = self._empties = self._walking = False
        self._asked: set[str] = set()
        self._plans: dict[str, str] = {}
        self._stale: list[str] = []
        self._numbers = count(1)
        self._filled: set[str] = set()
        self._views: dict[str, str] = {}
        self._lent: set[str] = set()
        self._handed: dict[str, HandedRows] = {}
        self._deleted = 0

    def suit(self, rows: int) -> None:
        """Say how many rows the next slice has."""
        few = rows <= FEW_ROWS
        self._deleted += rows * _COLUMNS
        if few != self.few or self._deleted > RENEWED_CELLS:
            self.forget()
        self.few = self._empties = few
        self._walking = False
        # Said every time: the setting is of the whole database, and others may work with it, too.
        self.engine.execute(f"SET disabled_optimizers = '{_STATISTICS if few else ''}'")

    def walk(self) -> None:
        """The slice at hand is worked through in many steps and one transaction: each with plans of its own, in the
        same tables: those that are made anew keep their room until the transaction ends (twice as much in all)."""
        if self.few:
            self.suit(FEW_ROWS + 1)
        self._empties = self._walking = True

    def forget(self) -> None:
        """Plan everything anew, in tables made anew."""
        self._drop_plans()
        self._filled.clear()
        self._views.clear()
        self._deleted = 0

    # ---- what is executed ---------------------------------------------------------------------------------------

    def run(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Execute a statement that is the same for all slices. What differs is written down before (``note``): plans
        with parameters are made anew each time."""
        plan = self._plan(sql)
        return self.engine.execute(f"EXECUTE {plan}" if plan else sql)

    def one(self, sql: str) -> object:
        """The first value of the first row, None without rows."""
        row = self.run(sql).fetchone()
        return row[0] if row else None

    def fill(self, name: str, sql: str) -> None:
        """Leave the rows of a query in the temporary table ``name``."""
        if self._emptied(name):
            self.add(f"temp.main.{name}", sql)
        else:
            self.engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def note(self, name: str, **numbers: float) -> None:
        """Leave one row of numbers in the temporary table ``name``."""
        named = [f"{_literal(number)} AS {column}" for column, number in numbers.items()]
        verb = f"INSERT INTO {name}" if self._emptied(name) else f"CREATE OR REPLACE TEMP TABLE {name} AS"
        self.engine.execute(f"{verb} SELECT {', '.join(named)}")

    def take_in(self, name: str, arrow_rows: pa.Table) -> None:
        """Leave Arrow rows in the temporary table ``name``."""
        self._deleted += arrow_rows.num_rows * arrow_rows.num_columns
        if not self._emptied(name):
            declared = self.engine.from_arrow(arrow_rows.slice(0, 0))
            columns = zip(declared.columns, declared.types, strict=True)
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            self.engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({listed})")
        self.append(f"temp.main.{name}", arrow_rows)

    def add(self, table: str, sql: str, columns: Sequence[str] | None = None) -> int:
        """Add the rows of a query to a table that is named in full; returns how many they are. ``columns`` are those of
        the table, where the query has them in another order.

        On a walk they are fetched first: what several threads of the engine add at once is kept by each in blocks of
        its own (55 kB a column for four rows) until the transaction ends.
        """
        if self._walking:
            rows = arrow_table(self.engine.execute(sql), FEW_ROWS)
            if len(rows):
                self.engine.from_arrow(rows.select(columns) if columns else rows).insert_into(table)
            return len(rows)
        added = self.run(f"INSERT INTO {table} BY NAME {sql}").fetchone()
        return int(added[0]) if added else 0

    def append(self, table: str, arrow_rows: pa.Table) -> None:
        """Add Arrow rows, with the table's columns in their order, to a table that is named in full.

        A name to hand them over would be lost with a walk's transaction; only small slices have names made before."""
        if not len(arrow_rows):
            return
        if not self.few:
            self.engine.from_arrow(arrow_rows).insert_into(table)
            return
        with self.handed(arrow_rows) as name:
            self.run(f"INSERT INTO {table} FROM {name}")

    @contextmanager
    def handed(self, arrow_rows: pa.Table) -> Iterator[str]:
        """A name under which statements, kept ones, too, find Arrow rows: the same for all rows of like columns."""
        self.expect(arrow_rows.schema)
        with self._handed[str(arrow_rows.schema)].holding(arrow_rows) as name:
            yield name

    def expect(self, *schemas: pa.Schema) -> None:
        """Make the names under which rows of such columns are handed over: plans that were made before are lost."""
        for schema in schemas:
            if str(schema) not in self._handed:
                self._drop_plans()
                self._handed[str(schema)] = HandedRows(self.engine, schema)

    def make_empty(self, name: str, columns: str) -> None:
        """Leave the temporary table ``name`` without rows."""
        if not self._emptied(name):
            self.engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")

    def list_ids(self, name: str, ids: Collection[int]) -> None:
        """Leave ids in the temporary table ``name``, under ``id``."""
        self.make_empty(name, "id BIGINT")
        if ids:
            self.engine.execute(f"INSERT INTO {name} VALUES {', '.join(f'({number})' for number in ids)}")  # noqa: S608

    def result(self, name: str, sql: str) -> pa.Table:
        """The rows of a query, which later statements find under ``name``, too."""
        if self.few:
            self.fill(name, sql)
            return arrow_table(self.run(f"FROM {name}"), FEW_ROWS)
        rows = arrow_table(self.engine.execute(sql), MANY)
        self.release(name)
        self.engine.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self.lend(name, rows)
        return rows

    def view(self, name: str, sql: str) -> None:
        """Let ``name`` stand for a query."""
        if self._views.get(name) != sql:
            self._drop_plans()
            self.engine.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
            self._views[name] = sql

    # ---- Arrow tables as they are: for large slices -------------------------------------------------------------

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let statements read an Arrow table under a name, until ``release``."""
        self._drop_plans()
        self._views.pop(name, None)
        self.engine.register(name, rows)
        self._lent.add(name)

    def release(self, *names: str) -> None:
        """Let go of Arrow tables."""
        for name in self._lent.intersection(names):
            self.engine.unregister(name)
            self._lent.discard(name)

    # ---- plans --------------------------------------------------------------------------------------------------

    def _emptied(self, name: str) -> bool:
        """Whether the table is there and kept, and without rows now."""
        if self._empties and name in self._filled:
            self.run(f"DELETE FROM {name}")  # noqa: S608
            return True
        self.release(name)
        self._drop_plans()
        if self._empties:
            self._filled.add(name)
        else:
            self._filled.discard(name)
        return False

    def _plan(self, sql: str) -> str | None:
        """The name of the statement's plan; none for large slices and the first time: many are never asked again."""
        if not self.few:
            return None
        for stale in self._stale:
            self.engine.execute(f"DEALLOCATE {stale}")
        self._stale.clear()
        if sql not in self._asked:
            if len(self._asked) >= MOST_PLANS:
                self._asked.clear()
                self._drop_plans()
            self._asked.add(sql)
            return None
        if sql not in self._plans:
            name = f"kept_{next(self._numbers)}"
            self.engine.execute(f"PREPARE {name} AS {sql}")
            self._plans[sql] = name
        return self._plans[sql]

    def _drop_plans(self) -> None:
        self._stale.extend(self._plans.values())
        self._plans.clear()


def _literal(number: float) -> str:
    return f"{number}::BIGINT" if isinstance(number, int) else f"'{number!r}'::DOUBLE"
