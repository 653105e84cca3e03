"""Hits inside rows only, and the same hits whether or not the database was worth building."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core import prefilter
from kanaria.core.errors import RuleError
from kanaria.core.prefilter import Grouped, Pattern, Prefilter, literal

PATTERNS = [literal("mining."), literal("GET", caseless=False), Pattern(rb"%[0-7][0-9a-f]"), literal("$(")]


def pairs(found: tuple[object, object]) -> list[tuple[int, int]]:
    rows, which = found
    return sorted(zip(rows.tolist(), which.tolist(), strict=True))  # type: ignore[attr-defined]


def test_a_hit_across_two_rows_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefilter, "FEW_BYTES", -1)
    column = pa.array([b"xmini", b"ng.submit", None, b"MINING.submit mining.x"])
    assert pairs(Prefilter(PATTERNS).rows(column)) == [(3, 0)]


@given(st.lists(st.one_of(st.none(), st.text("mining.GETget%4$( \n", max_size=20)), max_size=8), st.integers(1, 4))
def test_few_bytes_and_many_give_the_same_answer(values: list[str | None], cut: int) -> None:
    column = pa.chunked_array([pa.array(values[:cut], pa.string()), pa.array(values[cut:], pa.string())])
    few = pairs(Prefilter(PATTERNS).rows(column))
    before = prefilter.FEW_BYTES
    prefilter.FEW_BYTES = -1
    try:
        assert pairs(Prefilter(PATTERNS).rows(column)) == few
    finally:
        prefilter.FEW_BYTES = before


def test_slices_of_a_column_count_from_their_own_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    column = pa.array([b"GET", b"x", b"GET", b"mining."]).slice(1)
    for few in (-1, 1 << 20):
        monkeypatch.setattr(prefilter, "FEW_BYTES", few)
        assert pairs(Prefilter(PATTERNS).rows(column)) == [(1, 1), (2, 0)]


def test_an_expression_the_engine_cannot_compile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefilter, "FEW_BYTES", -1)
    with pytest.raises(RuleError, match="Hyperscan"):
        Prefilter([Pattern(rb"(a)\1")]).rows(pa.array([b"aa"]))


def test_no_patterns_find_nothing() -> None:
    assert pairs(Prefilter([]).rows(pa.array([b"GET"]))) == []


@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"GET /", b"mining.x", b"GET mining."]), max_size=8),
    st.booleans(),
)
def test_two_sets_in_one_pass_find_what_each_finds(values: list[bytes], many: bool) -> None:
    column = pa.array(values, pa.binary())
    first, second = Prefilter(PATTERNS[:1]), Prefilter(PATTERNS[1:])
    before, prefilter.FEW_BYTES = prefilter.FEW_BYTES, -1 if many else prefilter.FEW_BYTES
    try:
        found = Grouped(PATTERNS[:1], PATTERNS[1:]).rows(column)
        expected = [sorted(set(one.rows(column)[0].tolist())) for one in (first, second)]
    finally:
        prefilter.FEW_BYTES = before
    assert [rows.tolist() for rows in found] == expected
