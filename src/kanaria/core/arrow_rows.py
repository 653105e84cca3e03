"""Results of the engine as Arrow tables that take no more room than their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

VECTOR = 2_048
"""Rows that DuckDB hands on at a time."""
FEW = 8 * VECTOR
MANY = 60 * VECTOR
"""Rows of a chunk at most. DuckDB makes room for a whole chunk in every column before it knows how many rows come, and
by itself a chunk is a million rows: ten rows of 22 columns held 176 MB as long as they lived and took 0.9 ms, with
chunks of ``VECTOR`` rows 0.4 MB and 0.5 ms. Two million rows of 41 columns are filtered as fast in chunks of ``MANY``,
the engine's row groups, as in chunks of a million, and half as fast in chunks of ``FEW``."""


def arrow_table(result: duckdb.DuckDBPyConnection, rows: int = FEW) -> pa.Table:
    """What was executed; ``rows`` says how many there will be, as far as that is known."""
    return result.to_arrow_table(VECTOR * max(1, -(-min(rows, MANY) // VECTOR)))
