"""How long a device was in touch with others: overlapping connections count once."""

from __future__ import annotations

import json
from datetime import timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.memory.contact_times import Contacts, fewer
from tests.event_rows import events_of
from tests.report.report_samples import POOL, SERVER, START

Span = tuple[str, int, int, int]  # remote, port, begin, seconds


def seconds(spans: list[Span], *peers: tuple[str, int | None], known: Contacts | None = None) -> float:
    known = known or Contacts()
    table = pa.table(
        {
            "time": pa.array(
                [START + timedelta(seconds=begin) for _, _, begin, _ in spans], pa.timestamp("us", tz="UTC")
            ),
            "duration_us": pa.array([length * 1_000_000 for *_, length in spans], pa.int64()),
            "src_ip": pa.array([SERVER] * len(spans), pa.string()),
            "dst_ip": pa.array([remote for remote, *_ in spans], pa.string()),
            "dst_port": pa.array([port for _, port, _, _ in spans], pa.int32()),
        }
    )
    events = events_of(connection=table)
    asked = known.of(events)(SERVER, peers)
    assert known.of(events)("192.0.2.99", peers) == 0
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


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.just(POOL), st.just(443), st.integers(0, 400), st.integers(0, 100)), max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_runs_add_up_without_counting_anything_twice(runs: list[list[Span]]) -> None:
    known, total = Contacts(), 0.0
    for spans in [*runs, runs[0]]:
        known = Contacts(json.loads(json.dumps(known.dump())))
        total = seconds(spans, (POOL, 443), known=known)
    union = {second for spans in runs for _, _, begin, length in spans for second in range(begin, begin + length)}
    assert total == len(union)
    assert known.of(None)(SERVER, [(POOL, 443)]) == total, "a run without connections still knows"


def test_many_contacts_are_kept_as_few_with_the_shortest_pauses_closed() -> None:
    spans = [(0, 10), (12, 20), (90, 95), (96, 99)]
    assert fewer(spans, 4) == spans
    assert fewer(spans, 2) == [(0, 20), (90, 99)]
    assert fewer(spans, 1) == [(0, 99)]
