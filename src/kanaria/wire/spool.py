"""Network tables from many inputs, put into one order of time.

Web servers' logs are judged as they are read: they can be larger than memory and need no neighbours. What crosses the
wire needs its context in time order whichever file it came from, requests that a sensor saw there too, so those tables
are spooled into the engine (which spills to disk) and handed on slice by slice. Requests, with their long texts, are
put into compressed files instead, which the engine reads like a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.arrow_rows import MANY, arrow_table

if TYPE_CHECKING:
    import duckdb

# Rows a slice holds at most, over all tables: bounded memory, and large enough that a slice's fixed cost disappears.
SLICE_ROWS = 200_000
# A thousand small files are a thousand small batches; each statement and each stage costs milliseconds whatever its
# rows, so small tables wait for one another until there are this many rows or bytes.
GATHERED_ROWS = 16_384
GATHERED_BYTES = 16 << 20
# A table of one row and forty columns takes 30 kB of memory, whatever is in it: so many are joined to one at a time.
JOINED = 64
# Beyond this a slice per day would cost more than it teaches.
MOST_DAYS = timedelta(days=60)
DAY_US = 86_400_000_000
STREAMED = frozenset({"http"})
"""What web servers log; a sensor's rows of the same name are spooled with its other tables."""
# Requests come with their texts, each several times (raw, split up, searched), some with bodies: they count as 8 rows,
# or as many as they have the bytes of on average. A day of 500,000 takes 0.58 GB, as 3 rows each 0.63, as one 0.89.
ROW_BYTES = 512
REQUEST_ROWS = 8
MOMENT_US = 10_000
"""Rows of one hundredth of a second stay together where rows are weighed."""


class Gathered:
    """Small tables put together, in the order they came, until they are worth a step of their own."""

    def __init__(self) -> None:
        self._parts: dict[str, list[pa.Table]] = {}
        self._small: dict[str, list[pa.Table]] = {}
        self._rows = self._bytes = 0

    def add(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Take in tables; hand out everything held once it is enough, else nothing."""
        for name, table in tables.items():
            if len(table):
                small = self._small.setdefault(name, [])
                small.append(table)
                if len(small) == JOINED:
                    self._parts.setdefault(name, []).append(_joined(small))
                    small.clear()
                self._rows += len(table)
                self._bytes += table.nbytes
        return self.take() if self._rows >= GATHERED_ROWS or self._bytes >= GATHERED_BYTES else {}

    def take(self) -> dict[str, pa.Table]:
        """Everything held, one table a name."""
        for name, small in self._small.items():
            self._parts.setdefault(name, []).extend(small)
        whole = {name: _joined(parts) for name, parts in self._parts.items() if parts}
        self._parts, self._small, self._rows, self._bytes = {}, {}, 0, 0
        return whole


def _joined(parts: list[pa.Table]) -> pa.Table:
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts, promote_options="default").combine_chunks()


class Spool:
    """Collects tables by name, then yields them in slices that do not overlap in time."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        """``scratch`` is a folder that is there as long as the engine; who made it takes it away."""
        self._engine, self._scratch = engine, scratch
        self._names: list[str] = []
        self._files: dict[str, list[Path]] = {}
        self._requests = self._request_bytes = 0
        self._gathered = Gathered()

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Keep a batch's tables; they are in the engine after ``settle``."""
        self._insert(self._gathered.add(tables))

    def settle(self) -> None:
        """Nothing more comes: everything that was added is in the engine, where others may look at it."""
        self._insert(self._gathered.take())
        for name, files in self._files.items():
            listed = ", ".join(_quoted(file) for file in files)
            self._engine.execute(
                f"CREATE OR REPLACE TEMP VIEW spool_{name} AS FROM read_parquet([{listed}], union_by_name => true)"
            )

    def _insert(self, tables: Mapping[str, pa.Table]) -> None:
        for name, table in tables.items():
            if name in STREAMED:
                self._requests, self._request_bytes = self._requests + len(table), self._request_bytes + table.nbytes
            self._engine.register("spool_batch", table)
            if name in STREAMED:
                self._file(name)
            elif name in self._names:
                self._engine.execute(f"INSERT INTO spool_{name} BY NAME SELECT * FROM spool_batch")  # noqa: S608
            else:
                self._engine.execute(f"CREATE OR REPLACE TEMP TABLE spool_{name} AS SELECT * FROM spool_batch")  # noqa: S608
                self._names.append(name)
            self._engine.unregister("spool_batch")

    def _file(self, name: str) -> None:
        """The batch at hand as a file: 500,000 requests are 98 MB there and 365 MB in the engine's memory, and neither
        writing them nor reading a slice takes longer (2.9 s of processor time, 0.1 s for 25,000)."""
        if name not in self._names:
            self._names.append(name)
            self._folder = Path(mkdtemp(dir=self._scratch, prefix="spool-"))
        files = self._files.setdefault(name, [])
        files.append(self._folder / f"{name}-{len(files)}.parquet")
        self._engine.execute(f"COPY (FROM spool_batch) TO {_quoted(files[-1])} (FORMAT parquet, COMPRESSION lz4)")

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
        # Counted in integers: calendar functions of times with a zone take ten microseconds a row.
        day = f"epoch_us(time) // {DAY_US}" if self.span() <= MOST_DAYS else "0"
        if self._requests:
            return self._weighed_edges(day)
        edges = self._engine.execute(
            f"""WITH numbered AS (
                    SELECT time, {day} AS day, row_number() OVER (PARTITION BY {day} ORDER BY time) AS number
                    FROM ({self._times()}))
                SELECT DISTINCT min(time) FROM numbered GROUP BY day, (number - 1) // {SLICE_ROWS} ORDER BY 1"""  # noqa: S608
        )  # as Arrow: with a zone as Python values they would ask for pytz, which is no part of an installation
        return list(arrow_table(edges).column(0).to_pylist())[1:]

    def _weighed_edges(self, day: str) -> list[object]:
        """The same where rows differ in weight: a running sum, which takes the engine twenty times as long as this."""
        counted = self._engine.execute(
            f"""SELECT min(time) AS time, any_value({day}) AS day, sum(weight)::BIGINT AS weight
                FROM ({self._times()}) GROUP BY epoch_us(time) // {MOMENT_US} ORDER BY 1"""  # noqa: S608
        )
        moments = arrow_table(counted, MANY)
        days, weights = moments["day"].to_numpy(), moments["weight"].to_numpy()
        new_day = np.diff(days, prepend=days[:1]) != 0
        before = np.cumsum(weights) - weights
        within = before - np.maximum.accumulate(np.where(new_day, before, 0))
        piece = within // SLICE_ROWS
        edges = new_day | (np.diff(piece, prepend=piece[:1]) != 0)
        return list(moments["time"].filter(pa.array(edges)).to_pylist())

    def _times(self) -> str:
        request = max(REQUEST_ROWS, self._request_bytes // max(self._requests, 1) // ROW_BYTES)
        return " UNION ALL ".join(
            f"SELECT time, {request if name in STREAMED else 1} AS weight FROM spool_{name} WHERE time IS NOT NULL"  # noqa: S608
            for name in self._names
        )

    def _rows(self, name: str, low: object, high: object, *, with_timeless: bool) -> pa.Table:
        inside = "($1 IS NULL OR time >= $1) AND ($2 IS NULL OR time < $2)"
        where = f"({inside}) AND time IS NOT NULL" + (" OR time IS NULL" if with_timeless else "")
        query = f"SELECT * FROM spool_{name} WHERE {where} ORDER BY time NULLS FIRST, event_id"  # noqa: S608
        return arrow_table(self._engine.execute(query, [low, high]), MANY)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
