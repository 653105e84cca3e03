"""Which flows a service handed on lately: Community IDs as numbers, with when each flow was and who saw it.

In: the rows of each slice. Out: which rows of a later slice may be about the same flow as one of those, and since when.
To ask the kept rows themselves costs the more the more there are, and nearly no slice has anything to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kanaria.core.values import dataclass
from kanaria.wire.flow_linking import SLACK

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]

MOST = 1_000_000
"""Flows of one table, 32 MB: as many rows as a service's question about the past reads (``memory.events``)."""
MOST_PAIRS = 4_000_000
"""Pairs of flows with one Community ID that are compared in one look, 130 MB; a client with one port for a thousand
questions makes a million. Beyond that it is not looked closer, and the kept rows are asked."""
TRIMMED_FROM = 50_000
"""Flows put together at once from which on it is worth to see which are too old."""
_NUMBERS = "SELECT hash(community_id) AS flow, coalesce(hash(source), 0) AS source FROM flows_before_rows"
_SLACK_US = SLACK // timedelta(microseconds=1)


@dataclass(frozen=True)
class Flows:
    """Flows in order of their ``key``; all columns are 64-bit integers, times in microseconds since 1970."""

    key: Numbers
    begins: Numbers
    ends: Numbers
    source: Numbers

    def __len__(self) -> int:
        return len(self.key)

    def columns(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        return self.key, self.begins, self.ends, self.source

    def ordered(self) -> Flows:
        return self.at(np.argsort(self.key, kind="stable"))

    def at(self, places: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Flows:
        return Flows(*(column[places] for column in self.columns()))


class FlowsBefore:
    """Of one table. Blocks that are alike in size are put together, so that there are few and each row is moved a few
    times only."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, since: datetime) -> None:
        """Nothing is known of flows that began before ``since``."""
        self._engine, self.since = engine, since
        self._blocks: list[Flows] = []

    def add(self, rows: pa.Table) -> None:
        """Rows with ``community_id``, ``time``, ``source`` and, where flows last, ``duration_us``."""
        new = self._flows(rows)[0]
        if not len(new):
            return
        while self._blocks and len(self._blocks[-1]) <= 2 * len(new):
            pairs = zip(self._blocks.pop().columns(), new.columns(), strict=True)
            new = Flows(*(np.concatenate(pair) for pair in pairs))
        self._blocks.append((self._trimmed(new) if len(new) >= TRIMMED_FROM else new).ordered())

    def _trimmed(self, flows: Flows) -> Flows:
        """Without the oldest of too many."""
        if len(flows) <= MOST:
            return flows
        return flows.at(np.argpartition(flows.begins, -MOST)[-MOST:])

    def _flows(self, table: pa.Table) -> tuple[Flows, Numbers]:
        """The rows of a table that have a Community ID and a time, and their places in it. Two texts have one number by
        chance once in 10 million million."""
        import pyarrow.compute as pc

        whole = pc.and_(pc.is_valid(table["community_id"]), pc.is_valid(table["time"])).to_numpy()
        rows = table.filter(pa.array(whole))
        self._engine.register("flows_before_rows", rows.select(["community_id", "source"]))
        numbers = self._engine.execute(_NUMBERS).fetchnumpy()
        self._engine.unregister("flows_before_rows")
        begins = pc.cast(rows["time"], pa.int64()).to_numpy()
        lasted = pc.fill_null(rows["duration_us"], 0).to_numpy() if "duration_us" in rows.column_names else 0
        flows = Flows(numbers["flow"].view(np.int64), begins, begins + lasted, numbers["source"].view(np.int64))
        return flows, np.flatnonzero(whole)

    def like(self, rows: pa.Table, *, by_anybody: bool = False) -> tuple[Numbers, datetime] | None:
        """Places of the rows that may be about a flow of these, and when the first such flow began; None without any.

        The same source has the same flow at the same time only (its log is read again); ``by_anybody``: it, too, may
        have it within the slack."""
        asked, places = self._flows(rows)
        matches = [self._in(block, asked, by_anybody) for block in self._blocks]
        hit = np.unique(np.concatenate([places[which] for which, _first in matches])) if matches else places[:0]
        if not len(hit):
            return None
        first = min(first for which, first in matches if len(which))
        return hit, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(first))

    @staticmethod
    def _in(block: Flows, asked: Flows, by_anybody: bool) -> tuple[npt.NDArray[np.intp], int]:
        low = np.searchsorted(block.key, asked.key, "left")
        count = np.searchsorted(block.key, asked.key, "right") - low
        if count.sum() > MOST_PAIRS:
            return np.flatnonzero(count), int(block.begins.min())
        here = np.repeat(np.arange(len(asked)), count)
        there = np.repeat(low - np.cumsum(count) + count, count) + np.arange(len(here))
        a, b = asked.at(here), block.at(there)
        near = (b.begins - _SLACK_US <= a.ends) & (a.begins - _SLACK_US <= b.ends)
        if not by_anybody:
            near = np.where(a.source == b.source, a.begins == b.begins, near)
        return np.unique(here[near]), int(b.begins[near].min()) if near.any() else 0


def slim(name: str, tables: Mapping[str, pa.Table]) -> pa.Table:
    """The columns of a table that ``FlowsBefore`` needs."""
    wanted = ("community_id", "time", "source", "duration_us")
    return tables[name].select([column for column in wanted if column in tables[name].column_names])
