"""Expressions of users that Python's engine would take exponential time for are refused, with a word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.detect.regex import LOOKED_AT, backtracks


@pytest.mark.parametrize(
    "pattern", [r"(?=x)(a+)+$", r"(?!y)(?:a|a)*b", r"(?<=x)(?:(?:ab)*c?)*d", r"(a*)*\1", r"(?!z)(.*?,){11}P"]
)
def test_what_may_hang_is_told(pattern: str) -> None:
    assert backtracks(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"(?!known)\w+\.exe", r"(a+)b\1", r"(?<!\\)cmd(?:\.exe)?\s+/c", r"(?=.*foo)(?=.*bar)", r"[a-z]{4,}(?!\d)"],
)
def test_ordinary_lookarounds_are_taken(pattern: str) -> None:
    assert not backtracks(pattern)


PARTS = st.sampled_from(["a", "b", "[ab]", "a+", "b*", "(?:ab)", "(?!c)", "a?", "(?:a+)"])


@settings(max_examples=40, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=4).map("".join))
def test_what_is_taken_ends_on_the_longest_text_an_attacker_can_send(pattern: str) -> None:
    if not backtracks(pattern):
        assert re.compile(pattern + "c").search("ab" * 40 + "a" * 200, 0, LOOKED_AT) is None
