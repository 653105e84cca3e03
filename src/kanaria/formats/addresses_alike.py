"""IPv6 addresses in the one spelling of RFC 5952, mapped ones as IPv4: a finished table in, the same table out.

Sensors that write them otherwise (Suricata until version 6 writes every zero) speak of the same machines as others.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kanaria.core.distinct import Distinct
from kanaria.core.network import parse_address

_ENDS = ("src_ip", "dst_ip")


def addresses_alike(table: pa.Table) -> tuple[pa.Table, tuple[Distinct, Distinct]]:
    """The table, and the distinct addresses of its two ends."""
    ends = []
    for name in _ENDS:
        end = Distinct(table[name])
        if any(_alike(value) != value for value in end.values):
            table = _with(table, name, end.map(_alike, pa.string()))
            end = Distinct(table[name])
        ends.append(end)
    return _answers_alike(table), (ends[0], ends[1])


def _answers_alike(table: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    if "answers" not in table.column_names or table["answers"].null_count == len(table):
        return table
    lists = table["answers"].combine_chunks()
    answers = Distinct(pc.list_flatten(lists))
    if all(_alike(value) == value for value in answers.values if value is not None):
        return table
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return _with(
        table,
        "answers",
        pa.ListArray.from_arrays(offsets, answers.map(_alike, pa.string()), mask=lists.is_null()),
    )


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), column)


def _alike(text: str) -> str:
    found = parse_address(text) if ":" in text else None
    return text if found is None else str(found)
