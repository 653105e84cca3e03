"""Rows of what crossed the wire that one run has read: the newest in memory, others in parts of its own.

In: rows of slices. Out: tables and parts, for questions and for the commit that makes parts of the store of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

import pyarrow as pa

from kanaria.core.schema import TABLES, TIME
from kanaria.store.events import Part, parts_of

LEFT_OUT = frozenset(
    ("request", "request_body", "response_body", "messages", "pairs", "src_first", "dst_first", "payload")
)
"""Texts and bytes, looked at when they come: nobody asks for them afterwards, and they are most of what there is."""


class RunRows:
    """By table, what this run has read since the last commit."""

    def __init__(self) -> None:
        self.new: dict[str, OwnRows] = defaultdict(OwnRows)
        self.again: dict[str, OwnRows] = defaultdict(OwnRows)
        """Rows that stand for what was kept of them, as long as the run lasts."""
        self.revised: dict[str, OwnRows] = defaultdict(OwnRows)
        """Those of them that take the place of the kept ones for good."""
        self.dropped: dict[str, list[pa.Table]] = defaultdict(list)
        """Ids and times of rows that are no more."""

    def has(self, kind: str) -> bool:
        return any(own[kind].rows or own[kind].parts for own in (self.new, self.again))

    def dropped_ids(self, kind: str) -> pa.Table:
        """``event_id`` and ``time`` of rows that are no more."""
        return pa.concat_tables(self.dropped[kind])

    def drop(self, kind: str, rows: pa.Table) -> None:
        for own in (self.new[kind], self.again[kind], self.revised[kind]):
            own.leave_out(rows["event_id"])
        self.dropped[kind].append(rows.select(["event_id", "time"]))

    def clear(self) -> None:
        for owns in (self.new, self.again, self.revised, self.dropped):
            owns.clear()


class OwnRows:
    """Rows of one table that this run has read: the newest in memory, the others in ``parts``."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self.parts: list[Part] = []
        self.rows = self.bytes = 0

    def add(self, rows: pa.Table) -> None:
        """Thousands of small slices become few tables: two that are alike in size are put together."""
        self.rows, self.bytes = self.rows + len(rows), self.bytes + rows.nbytes
        while self._tables and len(self._tables[-1]) <= 2 * len(rows):
            rows = pa.concat_tables([self._tables.pop(), rows], promote_options="default").combine_chunks()
        self._tables.append(rows)

    def leave_out(self, event_ids: pa.ChunkedArray) -> None:
        """Let go of these rows, as far as they are in memory."""
        tables = [without(table, event_ids) for table in self._tables]
        self._tables = [table for table in tables if len(table)]
        self.rows = sum(len(table) for table in self._tables)
        self.bytes = sum(table.nbytes for table in self._tables)

    def table(self, kind: str) -> pa.Table:
        """All that is in memory."""
        columns = [field for field in TABLES[kind].arrow if field.name not in LEFT_OUT]
        return pa.concat_tables([pa.schema(columns).empty_table(), *self._tables], promote_options="default")

    def span(self) -> tuple[int | None, int | None]:
        """Of the rows in memory, in microseconds since 1970."""
        import pyarrow.compute as pc

        times = pa.chunked_array([chunk for table in self._tables for chunk in table["time"].chunks], TIME)
        ends = pc.min_max(pc.cast(times, pa.int64())).as_py()
        return ends["min"], ends["max"]

    def before(self, since: int) -> int:
        """Rows of whole parts, those that will be made of what is in memory included, that end before this time."""
        written = sum(part.records for part in self.parts if part.ends < since)
        first = self.span()[0] if self.rows else None
        if first is None or first >= since:
            return written
        return written + sum(rows for last, rows in parts_of(self.rows_together()) if last < since)

    def rows_together(self) -> pa.Table:
        return pa.concat_tables(self._tables, promote_options="default")

    def move_to(self, parts: Iterable[Part]) -> None:
        """What is in memory is in these parts from now on."""
        self.parts += parts
        self._tables, self.rows, self.bytes = [], 0, 0

    def forget(self, age: timedelta, most: int) -> list[Part]:
        """Let go of parts, and return them, that are older than the newest by this much, or of too many rows."""
        ordered = sorted(self.parts, key=lambda part: -part.ends)
        rows, since = 0, ordered[0].ends - age // timedelta(microseconds=1)
        self.parts = []
        for part in ordered:
            rows += part.records
            if part.ends >= since and (rows <= most or not self.parts):
                self.parts.append(part)
        return [part for part in ordered if part not in self.parts]


def without(rows: pa.Table, event_ids: pa.ChunkedArray) -> pa.Table:
    """Those with other ids."""
    import pyarrow.compute as pc

    return rows.filter(pc.invert(pc.is_in(rows["event_id"], event_ids.combine_chunks())))
