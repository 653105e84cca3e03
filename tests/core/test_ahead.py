"""Working ahead is ``map``: the same results in the same order, errors where they belong, never too far ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.ahead import ahead


@given(st.lists(st.integers(), max_size=20), st.integers(1, 4))
def test_it_is_map(items: list[int], workers: int) -> None:
    assert list(ahead(lambda item: item * 2, items, workers=workers)) == [item * 2 for item in items]


def test_items_are_taken_by_the_caller_and_not_before_they_are_needed() -> None:
    taken: list[tuple[int, bool]] = []

    def source() -> Iterator[int]:
        for item in range(10):
            taken.append((item, threading.current_thread() is threading.main_thread()))
            yield item

    results = ahead(str, source(), workers=2)
    assert next(results) == "0"
    assert taken == [(0, True), (1, True), (2, True)]
    results.close()
    assert len(taken) == 3


def test_an_error_comes_in_its_place() -> None:
    results = ahead(lambda item: 1 // item, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_error_of_the_source_is_raised() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    results = ahead(str, source())
    with pytest.raises(OSError, match="disk"):
        list(results)
