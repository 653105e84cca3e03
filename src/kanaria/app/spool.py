"""Network tables from many inputs, put into one order of time.

Web logs are judged as they are read: they can be larger than memory and need no neighbours. What crosses the wire needs
its context in time order whichever file it came from, so those tables are spooled into the engine (which spills to
disk) and handed on slice by slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

# Rows a slice holds at most, over all tables: bounded memory, and large enough that a slice's fixed cost disappears.
SLICE_ROWS = 200_000
# Beyond this a slice per day would cost more than it teaches.
MOST_DAYS = timedelta(days=60)
STREAMED = frozenset({"http"})


class Spool:
    """Collects tables by name, then yields them in slices that do not overlap in time."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine
        self._names: list[str] = []

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Keep a batch's tables."""
        for name, table in tables.items():
            if not len(table):
                continue
            self._engine.register("spool_batch", table)
            if name in self._names:
                self._engine.execute(f"INSERT INTO spool_{name} BY NAME SELECT * FROM spool_batch")  # noqa: S608
            else:
                self._engine.execute(f"CREATE OR REPLACE TEMP TABLE spool_{name} AS SELECT * FROM spool_batch")  # noqa: S608
                self._names.append(name)
            self._engine.unregister("spool_batch")

    @property
    def names(self) -> tuple[str, ...]:
        """Tables that have rows."""
        return tuple(self._names)

    def slices(self) -> Iterator[dict[str, pa.Table]]:
        """Everything, earliest first; rows without a time come in the first slice."""
        edges = self._edges()
        for number, (low, high) in enumerate(zip([None, *edges], [*edges, None], strict=True)):
            tables = {}
            for name in self._names:
                rows = self._rows(name, low, high, with_timeless=number == 0)
                if len(rows):
                    tables[name] = rows
            if tables:
                yield tables

    def span(self) -> timedelta:
        """Time between the earliest and the latest row."""
        row = self._engine.execute(f"SELECT max(time) - min(time) FROM ({self._times()})").fetchone()  # noqa: S608
        return (row[0] if row else None) or timedelta(0)

    def _edges(self) -> list[object]:
        """Times that cut all rows into slices of a day, or of about SLICE_ROWS where a day has more.

        What is normal is learned slice by slice, so a slice is never longer than a day unless there are too many days.
        """
        if not self._names:
            return []
        day = "time_bucket(INTERVAL 1 DAY, time)" if self.span() <= MOST_DAYS else "TIMESTAMPTZ 'epoch'"
        rows = self._engine.execute(
            f"""WITH numbered AS (
                    SELECT time, {day} AS day, row_number() OVER (PARTITION BY {day} ORDER BY time) AS n
                    FROM ({self._times()}))
                SELECT DISTINCT time FROM numbered WHERE (n - 1) % {SLICE_ROWS} = 0 ORDER BY time"""  # noqa: S608
        ).fetchall()
        return [row[0] for row in rows][1:]

    def _times(self) -> str:
        return " UNION ALL ".join(f"SELECT time FROM spool_{name} WHERE time IS NOT NULL" for name in self._names)  # noqa: S608

    def _rows(self, name: str, low: object, high: object, *, with_timeless: bool) -> pa.Table:
        inside = "($1 IS NULL OR time >= $1) AND ($2 IS NULL OR time < $2)"
        where = f"({inside}) AND time IS NOT NULL" + (" OR time IS NULL" if with_timeless else "")
        query = f"SELECT * FROM spool_{name} WHERE {where} ORDER BY time NULLS FIRST, event_id"  # noqa: S608
        return self._engine.execute(query, [low, high]).to_arrow_table()
