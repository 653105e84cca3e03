"""What a service remembers of the flows it handed on finds every pair that comparing all with all finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.schema import TIME
from kanaria.wire.flow_linking import SLACK
from kanaria.wire.flows_before import FlowsBefore

START = datetime(2026, 6, 21, 7, tzinfo=UTC)
Row = tuple[str | None, int | None, str, int | None]
"""Community ID, minutes since ``START``, source, minutes it lasted."""
ROW = st.tuples(
    st.sampled_from(["1:a", "1:b", None]), st.one_of(st.none(), st.integers(0, 9)), st.sampled_from(["zeek", "eve"]),
    st.one_of(st.none(), st.integers(0, 3)),
)  # fmt: skip


def table(rows: list[Row]) -> pa.Table:
    times = [None if at is None else START + timedelta(minutes=at) for _flow, at, _by, _long in rows]
    lasted = [None if long is None else long * 60_000_000 for _flow, _at, _by, long in rows]
    return pa.table({
        "community_id": pa.array([row[0] for row in rows], pa.string()), "time": pa.array(times, TIME),
        "source": pa.array([row[2] for row in rows], pa.string()), "duration_us": pa.array(lasted, pa.int64()),
    })  # fmt: skip


def alike(here: Row, before: Row, by_anybody: bool) -> bool:
    flow, at, by, long = here
    kept, when, who, lasted = before
    if flow is None or flow != kept or at is None or when is None:
        return False
    if by == who and not by_anybody:
        return at == when
    slack = SLACK / timedelta(minutes=1)
    return when - slack <= at + (long or 0) and at - slack <= when + (lasted or 0)


@given(slices=st.lists(st.lists(ROW, max_size=6), max_size=6), asked=st.lists(ROW, max_size=6), anybody=st.booleans())
def test_as_comparing_all_with_all(slices: list[list[Row]], asked: list[Row], anybody: bool) -> None:
    flows = FlowsBefore(duckdb.connect(), START)
    for rows in slices:
        flows.add(table(rows))
    before = [row for rows in slices for row in rows]
    pairs = [(n, row[1] or 0) for (n, here), row in product(enumerate(asked), before) if alike(here, row, anybody)]
    found = flows.like(table(asked), by_anybody=anybody)
    assert (found[0].tolist() if found else []) == sorted({n for n, _at in pairs})
    assert found is None or found[1] == START + timedelta(minutes=min(at for _n, at in pairs))
