"""Addresses that mean the machine itself, in the rows of correlations: told apart by machine while rows are put into
groups, and shown as they were recorded (``core.own_address``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from kanaria.core.own_address import BEGINNINGS, MARK, apart, means_itself, together


def marked(table: pa.Table, columns: Iterable[str]) -> pa.Table:
    """The table with such addresses marked in these columns; nearly always the table itself."""
    for name in columns:
        place = table.schema.get_field_index(name)
        if place < 0 or not pa.types.is_string(table.schema.field(place).type) or not _any(table[name]):
            continue
        hosts = table["host_name"].to_pylist() if "host_name" in table.column_names else [None] * len(table)
        rows = zip(table[name].to_pylist(), table["source"].to_pylist(), hosts, strict=True)
        values = [value and apart(value, source or "", host) for value, source, host in rows]
        table = table.set_column(place, name, pa.array(values, pa.string()))
    return table


def plain(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row as it was recorded."""
    if not any(isinstance(value, str) and MARK in value for value in row.values()):
        return row
    return {name: together(value) if _is_marked(value) else value for name, value in row.items()}


def _is_marked(value: object) -> bool:
    return isinstance(value, str) and means_itself(together(value))


def _any(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return any(pc.any(pc.starts_with(column, begin)).as_py() for begin in BEGINNINGS)
