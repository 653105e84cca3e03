"""A column's distinct values: a function is applied once to each, never once per row."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Distinct:
    """A column's distinct values, found once, to which functions can be applied."""

    def __init__(self, column: pa.ChunkedArray | pa.Array) -> None:
        encoded = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).dictionary_encode()
        self.dictionary = encoded.dictionary
        self.values: list[str] = encoded.dictionary.to_pylist()
        self._indices = encoded.indices

    @cached_property
    def codes(self) -> npt.NDArray[np.int64]:
        """The place of every row's value among ``values``, -1 for null."""
        indices = self._indices if not self._indices.null_count else self._indices.fill_null(-1)
        return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)

    def map(self, function: Callable[[str], object], kind: pa.DataType) -> pa.Array:
        """The function's values at full height; null stays null."""
        values = pa.array([function(value) for value in self.values], kind)
        if values.null_count == len(values):
            return pa.nulls(len(self._indices), kind)
        return values.take(self._indices)


def map_distinct(
    column: pa.ChunkedArray | pa.Array, function: Callable[[str], object], kind: pa.DataType
) -> pa.ChunkedArray | pa.Array:
    """Apply a function once per distinct value; null stays null."""
    if column.null_count == len(column):
        return pa.nulls(len(column), kind)
    return Distinct(column).map(function, kind)
