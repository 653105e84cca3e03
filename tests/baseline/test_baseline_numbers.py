"""Whatever numbers records carry, the pattern of life scores and learns them: no run ends by its arithmetic."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kit_baseline import connection, flow, pattern, table

LARGEST = 2**63 - 1
NUMBERS = st.sampled_from([None, 0, 1, -1, 2, 40, 2**31, 2**53, 2**62, LARGEST, -(2**62), -LARGEST - 1])
PORTS = st.sampled_from([None, 0, -1, 53, 443, 65_535, 2**31 - 1, -(2**31)])
FLOATS = st.sampled_from([None, 0.0, -0.0, -1.0, 5e-324, 1e-300, 1e300, math.inf, -math.inf, math.nan])
YEARS = (1970, 1971, 2001, 2025, 2026, 2038, 2100, 2262, 9999)
TIMES = st.builds(
    lambda year, month, hour, part: int(datetime(year, month, 1, hour, tzinfo=UTC).timestamp()) * 1_000_000 + part,
    st.sampled_from(YEARS), st.integers(1, 12), st.integers(0, 23), st.sampled_from([0, 1, 999_999]),
)  # fmt: skip
ADDRESSES = st.sampled_from(["10.0.0.5", "10.0.0.6", "192.0.2.10", "2001:db8::1", "255.255.255.255", None])
STATES = st.sampled_from(["SF", "S0", "REJ", "OTH", "", None, "?"])
# An example costs seconds (a database each): few of them, with many rows, and none made smaller.
QUICK = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    return flow(
        0, time=draw(TIMES), src_ip=draw(ADDRESSES), dst_ip=draw(ADDRESSES), src_port=draw(PORTS), dst_port=draw(PORTS),
        state=draw(STATES), duration_us=draw(NUMBERS), src_bytes=draw(NUMBERS), dst_bytes=draw(NUMBERS),
        src_packets=draw(NUMBERS), dst_packets=draw(NUMBERS), src_gap_cv=draw(FLOATS), src_gap_mean_us=draw(NUMBERS),
        transport=draw(st.sampled_from(["tcp", "udp", None, ""])),
        direction=draw(st.sampled_from(["outbound", "inbound", "internal", "external", None])),
        device=draw(ADDRESSES), remote=draw(ADDRESSES),
    )  # fmt: skip


def _finite(tables: dict[str, pa.Table]) -> int:
    """How many columns of scores there are, all of whose numbers are finite."""
    count = 0
    for name, scored in tables.items():
        for column in scored.column_names:
            if column.startswith("baseline.") and pa.types.is_floating(scored[column].type):
                values = [value for value in scored[column].to_pylist() if value is not None]
                assert all(map(math.isfinite, values)), (name, column, values)
                count += 1
    return count


@QUICK
@given(st.lists(st.lists(flows(), max_size=60), min_size=2, max_size=2))
def test_any_numbers_in_flows_are_scored_and_learned(slices: list[list[dict[str, Any]]]) -> None:
    learned = pattern()
    for rows in slices:
        tables = connection(*rows)
        assert _finite(learned.score(tables)) > 3 or not rows
        learned.learn(tables)
    assert math.isfinite(learned.status().learned_hours)


@QUICK
@given(
    st.lists(st.tuples(TIMES, st.sampled_from(["", "a", "x" * 300, "例え.example", "\x00"])), min_size=1, max_size=8)
)
def test_any_times_of_names_are_scored_and_learned(asked: list[tuple[int, str]]) -> None:
    learned = pattern()
    for time, name in asked:
        row = {"event_id": 1, "time": time, "src_ip": "10.0.0.5", "dst_ip": "10.0.0.1", "device": "10.0.0.5", "query": name,
               "query_type": "A", "transport": "udp", "direction": "internal", "dst_port": 53}  # fmt: skip
        tables = {"dns": table("dns", row), **connection(flow(0, time=time))}
        assert _finite(learned.score(tables)) > 3
        learned.learn(tables)


@pytest.mark.parametrize("years", [(1970, 2038), (2026, 1970), (9999, 2100)])
def test_decades_apart_are_no_underflow(years: tuple[int, int]) -> None:
    """Weights halve with time: what was learned decades ago weighs less than a number can say."""
    learned = pattern()
    for year in (*years, years[0]):
        when = int(datetime(year, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
        tables = connection(
            *(flow(0, time=when + hour * 3_600_000_000, dst_ip=f"192.0.2.{hour}") for hour in range(30))
        )
        assert _finite(learned.score(tables)) > 3
        learned.learn(tables)
    assert math.isfinite(learned.status().learned_hours)
