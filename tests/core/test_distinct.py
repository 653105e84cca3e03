"""A function per distinct value gives what a function per row would give."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.distinct import Distinct, map_distinct

rows = st.lists(st.none() | st.sampled_from(["a", "b", "", "日本", "c"]), max_size=30)


def length(text: str) -> int | None:
    return len(text) or None


@given(rows, st.integers(0, 30))
def test_it_is_the_function_of_every_row(values: list[str | None], cut: int) -> None:
    chunked = pa.chunked_array([pa.array(values[:cut], pa.string()), pa.array(values[cut:], pa.string())])
    expected = [None if value is None else length(value) for value in values]
    for column in (chunked, chunked.combine_chunks()):
        found = map_distinct(column, length, pa.int64())
        assert found.type == pa.int64()
        assert found.to_pylist() == expected


@given(rows)
def test_the_function_is_called_once_a_value_and_may_change(values: list[str | None]) -> None:
    called: list[str] = []
    column = Distinct(pa.array(values, pa.string()))
    upper = column.map(lambda text: called.append(text) or text.upper(), pa.string())
    assert sorted(called) == sorted({value for value in values if value is not None})
    assert upper.to_pylist() == [None if value is None else value.upper() for value in values]
    assert column.map(lambda _: None, pa.bool_()).to_pylist() == [None] * len(values)
