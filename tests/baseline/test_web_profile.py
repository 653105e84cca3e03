"""How a server usually answers, counted in batches of any size."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.baseline import web
from kanaria.baseline.web import WebProfile
from kanaria.core.limits import Limits
from kanaria.core.schema import from_rows

ROWS: list[dict[str, object]] = [
    {"status": 200, "url": "/?a=1", "bytes_out": 500, "method": "GET", "src_ip": "203.0.113.1"},
    {"status": 200, "url": "/", "bytes_out": 500, "method": "GET", "src_ip": "203.0.113.2"},
    {"status": 200, "url": "/big", "bytes_out": 9000, "method": "GET", "src_ip": "203.0.113.2"},
    {"status": 400, "url": None, "bytes_out": 157, "method": None, "src_ip": "203.0.113.3"},
    {"status": 400, "url": None, "bytes_out": 157, "method": None, "src_ip": "203.0.113.3"},
    {"status": 400, "url": None, "bytes_out": 157, "method": None, "src_ip": "2001:db8::4"},
    {"status": None, "url": None, "bytes_out": None, "method": None, "src_ip": None},
]


def http(rows: list[dict[str, object]]) -> pa.Table:
    return from_rows("http", rows)


def profile_of(*batches: list[dict[str, object]], limits: Limits = Limits()) -> WebProfile:  # noqa: B008  (frozen)
    profile = WebProfile(duckdb.connect(), limits)
    for rows in batches:
        profile.absorb(http(rows))
    return profile


def test_sizes_by_status_and_path_without_query() -> None:
    profile = profile_of(ROWS)
    assert (profile.answers(200, "/").total, profile.answers(200, "/").sizes) == (2, ((500, 2),))
    assert profile.answers(200, None).sizes == ((500, 2), (9000, 1))
    assert profile.answers(404, None).total == 0


def test_clients_with_malformed_requests_are_counted_once_each() -> None:
    profile = profile_of(ROWS, ROWS)
    assert profile.malformed_sources(400) == 2
    assert profile.malformed_sources(200) == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(range(len(ROWS))), max_size=30), st.integers(0, 30))
def test_batches_do_not_matter(picks: list[int], cut: int) -> None:
    rows = [ROWS[index] for index in picks]
    whole, parts = profile_of(rows), profile_of(rows[:cut], rows[cut:])
    for status, path in ((200, None), (200, "/"), (400, None), (None, None)):
        assert whole.answers(status, path) == parts.answers(status, path)


def test_what_an_engine_handed_over_is_copied_and_nothing_else_is() -> None:
    """One column that the engine owns would keep the memory of them all."""
    engine, copied, shared = duckdb.connect(), WebProfile(duckdb.connect()), WebProfile(duckdb.connect())
    handed = engine.execute(
        """SELECT 200 AS status, '/' || i % 7 AS url, i % 7 AS bytes_out, 'GET' AS method, '203.0.113.1' AS src_ip,
            repeat('x', 1000)::BLOB AS raw FROM range(1000) t(i)"""
    ).to_arrow_table()
    used = [pa.total_allocated_bytes()]
    for profile in (shared, copied):
        profile.absorb(handed, from_engine=profile is copied)
        used.append(pa.total_allocated_bytes())
    counted = handed.drop_columns(["raw"]).nbytes
    assert used[1] == used[0]
    assert counted / 2 < used[2] - used[1] < 2 * counted
    assert copied.answers(200, "/3") == shared.answers(200, "/3")
    assert copied.answers(200, "/3").sizes == ((3, 143),)


def test_compaction_forgets_nothing_that_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "GATHERED_ROWS", 1)
    once = [
        {"status": 200, "url": f"/{n}", "bytes_out": 7, "method": "GET", "src_ip": "203.0.113.1"} for n in range(40)
    ]
    profile = profile_of(ROWS, ROWS, once, limits=Limits(web_answers=45))
    assert profile.answers(200, "/").sizes == ((500, 4),)
    assert profile.answers(200, None).total == 6 + len(once)


def test_a_flood_of_paths_stays_within_its_limit_and_drives_out_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "GATHERED_ROWS", 10_000)
    engine = duckdb.connect()
    profile = WebProfile(engine, Limits(web_answers=1_000))
    page = {"status": 200, "url": "/", "bytes_out": 500, "method": "GET", "src_ip": "203.0.113.1"}
    for begin in range(0, 100_000, 10_000):
        scan = [{**page, "url": f"/{n}", "bytes_out": n % 50} for n in range(begin, begin + 10_000)]
        profile.absorb(http([*scan, page, page]))
        assert engine.execute("SELECT count(*) FROM web_answers").fetchall()[0][0] <= 1_000
    assert profile.answers(200, "/").sizes == ((500, 20),)
    assert profile.answers(200, "/7").total == 0
    assert profile.answers(200, None).total == 100_020
    assert profile.forgotten["web_answers"] > 90_000


def test_the_same_requests_again_and_again_take_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service counts for years: what it keeps grows with what there is to know, and not with what came."""
    monkeypatch.setattr(web, "LEAST_COMPACT_ROWS", 20)
    monkeypatch.setattr(web, "GATHERED_ROWS", 1)
    engine = duckdb.connect()
    profile, most = WebProfile(engine), 0
    for _ in range(60):
        profile.absorb(http(ROWS))
        kept = engine.execute("SELECT (SELECT count(*) FROM web_answers), (SELECT count(*) FROM web_malformed)")
        answers, malformed = kept.fetchall()[0]
        assert malformed == 2
        most = max(most, answers)
    assert most <= 20
    assert profile.answers(200, "/").sizes == ((500, 120),)
    assert profile.malformed_sources(400) == 2


def test_a_flood_of_sizes_stays_within_its_limit_and_drives_out_no_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for a part of a file chooses how long the answer is."""
    monkeypatch.setattr(web, "GATHERED_ROWS", 10_000)
    engine = duckdb.connect()
    profile = WebProfile(engine, Limits(web_answers=1_000))
    page = {"status": 206, "url": "/film", "bytes_out": 0, "method": "GET", "src_ip": "203.0.113.1"}
    for begin in range(1, 50_000, 10_000):
        parts = [{**page, "bytes_out": n} for n in range(begin, begin + 10_000)]
        profile.absorb(http([*parts, page, page]))
        assert engine.execute("SELECT count(*) FROM web_answers").fetchall()[0][0] <= 1_000
    assert profile.answers(206, "/film").sizes[0] == (0, 10)


def test_a_flood_of_malformed_clients_stays_within_its_limit_and_hides_no_other_status() -> None:
    few = [{**ROWS[3], "status": 408, "src_ip": f"203.0.113.{n}"} for n in range(3)]
    flood = [{**ROWS[3], "src_ip": f"198.18.{n // 250}.{n % 250}"} for n in range(100_000)]
    profile = profile_of(few, flood[:50_000], flood[50_000:], limits=Limits(web_clients=1_000))
    assert profile.malformed_sources(408) == 3
    assert 3 < profile.malformed_sources(400) <= 1_000
    assert profile.forgotten["web_clients"] >= 99_000


@given(at=st.integers(0, len(ROWS)), again=st.booleans())
def test_counting_goes_on_from_what_was_kept(at: int, again: bool) -> None:
    """As JSON values, as the store keeps them; and once more after nothing came."""
    before = profile_of(ROWS[:at])
    kept = json.loads(json.dumps(before.dump()))
    after = WebProfile(duckdb.connect())
    after.begin_with(kept)
    if again:
        assert json.loads(json.dumps(after.dump())) == kept
    assert after.known == bool(at)
    after.absorb(http(ROWS[at:]))
    whole = profile_of(ROWS)
    for status in (None, 200, 400):
        for path in (None, "/", "/big"):
            assert after.answers(status, path) == whole.answers(status, path)
        assert after.malformed_sources(status or 0) == whole.malformed_sources(status or 0)


def test_of_too_many_answers_those_seen_once_are_kept_without_their_path() -> None:
    before, after = WebProfile(duckdb.connect(), Limits(web_answers_kept=2)), WebProfile(duckdb.connect())
    before.absorb(http(ROWS))
    after.begin_with(before.dump())
    assert (after.answers(200, "/").total, after.answers(200, "/big").total) == (2, 0)
    assert after.answers(200, None).sizes == ((500, 2),), "of two rows the commonest"


def test_of_too_many_clients_those_of_every_status_are_known_after_a_restart() -> None:
    """Three make it common that a status answers what cannot be parsed: a flood of one must not hide another."""
    rows = [{"status": status, "bytes_out": 9, "src_ip": f"198.51.100.{n}"} for status in (400, 408) for n in range(50)]
    before, after = WebProfile(duckdb.connect(), Limits(web_clients_kept=10)), WebProfile(duckdb.connect())
    before.absorb(http([*rows, *({"status": 501, "bytes_out": 9, "src_ip": f"203.0.113.{n}"} for n in range(3))]))
    after.begin_with(before.dump())
    assert [after.malformed_sources(status) for status in (400, 408, 501)] == [4, 3, 3]
    assert before.forgotten["web_clients_kept"] == 93
