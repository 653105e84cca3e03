"""Arrow rows for a plan that DuckDB keeps: other rows of the same columns each time it is executed.

A plan over a registered Arrow table goes on reading what was registered when it was made. Of an object that speaks
Arrow's stream interface DuckDB asks for a new stream with every execution, so the object may hold other rows by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_NUMBERS = count(1)


class HandedRows:
    """What statements of one connection find under ``name``: the rows it is holding, otherwise none."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: pa.Schema) -> None:
        self.name = f"handed_{next(_NUMBERS)}"
        self._connection = connection
        self._rows = self._none = schema.empty_table()
        connection.register(self.name, self)

    @contextmanager
    def holding(self, rows: pa.Table) -> Iterator[str]:
        """Let statements read these rows. Results may be fetched afterwards: the engine has asked for the rows then."""
        if not rows.schema.equals(self._none.schema):
            raise TypeError(f"expected rows of {self._none.schema}; got {rows.schema}")  # noqa: EM102
        self._rows = rows
        try:
            yield self.name
        finally:
            self._rows = self._none

    def close(self) -> None:
        """Let the connection forget the name."""
        self._connection.unregister(self.name)

    def __arrow_c_schema__(self) -> object:
        return self._none.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)
