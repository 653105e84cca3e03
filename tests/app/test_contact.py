"""How long a device was in touch with others: overlapping connections count once."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.app.contact import contact
from tests.report.report_samples import POOL, SERVER, START

Span = tuple[str, int, int, int]  # remote, port, begin, seconds


def seconds(spans: list[Span], *peers: tuple[str, int | None]) -> float:
    table = pa.table(
        {
            "time": pa.array(
                [START + timedelta(seconds=begin) for _, _, begin, _ in spans], pa.timestamp("us", tz="UTC")
            ),
            "duration_us": pa.array([length * 1_000_000 for *_, length in spans], pa.int64()),
            "src_ip": [SERVER] * len(spans),
            "dst_ip": [remote for remote, *_ in spans],
            "dst_port": pa.array([port for _, port, _, _ in spans], pa.int32()),
        }
    )
    engine = duckdb.connect()
    engine.register("flows", table)
    engine.execute("CREATE TEMP TABLE spool_connection AS FROM flows")
    asked = contact(engine)(SERVER, peers)
    assert contact(engine)("192.0.2.99", peers) == 0
    engine.close()
    return asked


def test_only_the_peers_asked_about_count() -> None:
    spans = [(POOL, 443, 0, 100), (POOL, 80, 0, 1_000), ("203.0.113.9", 443, 0, 5_000)]
    assert seconds(spans, (POOL, 443)) == 100
    assert seconds(spans, (POOL, None)) == 1_000
    assert seconds(spans, (POOL, 443), ("203.0.113.9", 443)) == 5_000
    assert seconds(spans) == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.just(POOL), st.just(443), st.integers(0, 400), st.integers(0, 100)), min_size=1, max_size=12)
)
def test_the_union_is_measured(spans: list[Span]) -> None:
    union = {second for _, _, begin, length in spans for second in range(begin, begin + length)}
    assert seconds(spans, (POOL, 443)) == len(union)
