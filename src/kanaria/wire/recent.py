"""The newest rows of endless inputs, among which linking looks for partners: tables ``spool_…``.

In: slices. Out: the same without doubles and with names (``flow_linking``, ``handed_on``). Bounded by age and by
number, whichever is less; the oldest go first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.schema import conform
from kanaria.wire.flow_linking import DOUBLED, Earlier, Linker, ends, no_earlier
from kanaria.wire.handed_on import Continuing, Linked, NothingBefore, Past
from kanaria.wire.vouching import NOBODY, Trusted

if TYPE_CHECKING:
    import duckdb

KEPT = timedelta(days=2)
"""A resolver's answer is remembered for a day; rows may come a day late."""
MOST_ROWS = 1_000_000
"""Rows of one table: some 100 MB in the engine, which may spill them."""
REMEMBERED = timedelta(days=1)
TRIMMED_EVERY = 50_000
"""Rows added to a table between two looks at what is too old, at least, and a quarter of what the last one left, unless
more time than ``KEPT`` has passed: a row that comes costs writing four anew at most. Deleting would be cheaper and free
nothing: DuckDB 1.5.5 keeps the place of rows that are deleted from a table in memory (of 1.2 million, 100,000 of them
left, 105 MB; written anew, 9)."""

_ASKED = (
    "event_id", "time", "source", "sensor", "community_id", "duration_us", "src_ip", "dst_ip", "query", "answers", "sni"
)  # fmt: skip
"""What linking asks of partners (``flow_linking``, ``vouching``). With all columns the engine kept blocks of 256 kB for
each of eighty, however few rows they held."""


class Recent:
    """Appends slices and forgets what is old."""

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        trusted: Trusted = NOBODY,
        earlier: Earlier = no_earlier,
        past: Past | None = None,
    ) -> None:
        """``earlier`` are names of a process before this one: they are read once, and then are among the recent.
        ``past`` is what was handed on, by this process or another."""
        self._engine, self._trusted, self._earlier = engine, trusted, earlier
        self._continuing = Continuing(engine, past or NothingBefore(), endless=True)
        self._begun = False
        self._added: dict[str, int] = {}
        self._due: dict[str, int] = {}
        """How many rows may come to a table until it is looked at again."""
        self._looked: dict[str, datetime] = {}
        """Up to which time a table's rows had come when it was looked at last."""
        self._sources: dict[str, set[str]] = {}

    def linked(self, tables: Mapping[str, pa.Table]) -> Linked:
        """Keep the slice; returns it linked."""
        if not self._begun:
            self._begin(tables)
        for name, table in tables.items():
            if name != "http":
                self._keep(name, table)
        linker = Linker(self._engine, self._added, self._several(), trusted=self._trusted)
        return self._continuing.linked(linker, tables)

    def beforehand(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Rows linked as far as earlier ones tell, and not kept; without tables that several sensors fill."""
        alone = {name: table for name, table in tables.items() if name not in self._several()}
        return Linker(self._engine, self._added, (), trusted=self._trusted).link(alone)[0]

    def _several(self) -> list[str]:
        """Tables in which two sensors may have the same flow."""
        return [name for name, sources in self._sources.items() if name in DOUBLED and len(sources) > 1]

    def _begin(self, tables: Mapping[str, pa.Table]) -> None:
        """Take in the names that were known when the last process ended, by the time of the first rows."""
        times = [time for table in tables.values() for time in ends(table)]
        for name in ("dns", "tls") if times else ():
            # The first row may be of a connection that began days before names that are known.
            rows = self._earlier(name, min(times) - REMEMBERED, max(times) + KEPT)
            if rows is not None:
                self._keep(name, conform(name, rows))
        self._begun = bool(times)

    def _keep(self, name: str, table: pa.Table) -> None:
        self._engine.register(
            "recent_rows", table.select([column for column in _ASKED if column in table.column_names])
        )
        if name in self._added:
            self._engine.execute(f"INSERT INTO spool_{name} BY NAME SELECT * FROM recent_rows")  # noqa: S608
        else:
            self._engine.execute(f"CREATE OR REPLACE TEMP TABLE spool_{name} AS SELECT * FROM recent_rows")  # noqa: S608
        self._engine.unregister("recent_rows")
        self._sources.setdefault(name, set()).update(filter(None, table["source"].unique().to_pylist()))
        self._added[name] = self._added.get(name, 0) + len(table)
        self._due[name] = self._due.get(name, TRIMMED_EVERY) - len(table)
        newest = max(ends(table), default=None)
        if newest is None:
            return
        looked = self._looked.setdefault(name, newest)
        if self._due[name] <= 0 or newest - looked > KEPT:
            self._looked[name] = newest
            self._trim(name)

    def _trim(self, name: str) -> None:
        """Write anew what is young enough; rows without a time are partners of nothing, and go."""
        days = KEPT / timedelta(days=1)
        written = self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE spool_{name} AS SELECT * FROM spool_{name} WHERE time >= (SELECT greatest(
                max(time) - INTERVAL {days:.0f} DAY,
                coalesce((SELECT time FROM spool_{name} ORDER BY time DESC NULLS LAST LIMIT 1 OFFSET {MOST_ROWS}),
                    max(time) - INTERVAL {days:.0f} DAY)) FROM spool_{name})"""  # noqa: S608
        ).fetchone()
        self._due[name] = max(TRIMMED_EVERY, int(written[0]) // 4 if written else 0)
