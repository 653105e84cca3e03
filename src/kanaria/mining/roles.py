"""Connections by who mines: in the rows that are turned, the miner becomes the client.

Whoever opened the connection, ``src`` is the miner from here on, and ``device`` is the miner where it is ours: between
two of our machines a connection is otherwise told of the one that serves.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

# Sums over the client's messages mean nothing for the other side and are not kept for both.
_OF_CLIENT = ("src_gap_mean_us", "src_gap_cv")
_TURNED_DIRECTION = {"inbound": "outbound", "outbound": "inbound"}


def by_roles(table: pa.Table, turned: Mapping[int, bool]) -> pa.Table:
    """The table with the miner as the client in these rows; others stay as they are."""
    if not turned:
        return table
    rows = np.zeros(len(table), np.bool_)
    rows[[row for row, wrong in turned.items() if wrong]] = True
    if rows.any():
        table = _swapped(table, rows)
    mining = np.zeros(len(table), np.bool_)
    mining[list(turned)] = True
    return _told_of_miner(table, mining)


def _swapped(table: pa.Table, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.Table:
    import pyarrow.compute as pc

    chosen = pa.array(rows)
    for name in [column for column in table.column_names if column.startswith("src_")]:
        other = "dst_" + name.removeprefix("src_")
        if name in _OF_CLIENT or other not in table.column_names:
            continue
        ours, theirs = table[name], table[other]
        table = _put(table, name, pc.if_else(chosen, theirs, ours))
        table = _put(table, other, pc.if_else(chosen, ours, theirs))
    for name in _OF_CLIENT:
        table = _put(table, name, pc.if_else(chosen, pa.scalar(None, table[name].type), table[name]))
    changed = {row: table.slice(row, 1).select(_BY_ROW).to_pylist()[0] for row in np.flatnonzero(rows).tolist()}
    for name in _BY_ROW:
        values = table[name].to_pylist() if len(changed) else []
        for row, old in changed.items():
            values[row] = _turned(name, old)
        table = _put(table, name, pa.array(values, table[name].type))
    return table


_BY_ROW = ("direction", "device", "remote", "messages", "pairs")


def _turned(name: str, row: Mapping[str, object]) -> object:
    """The value of a column that says more than which side is which."""
    match name:
        case "direction":
            return _TURNED_DIRECTION.get(str(row[name]), row[name])
        case "messages":
            messages = row[name]
            flipped = messages if isinstance(messages, list) else []
            return [{**message, "from_client": not message["from_client"]} for message in flipped]
        case "pairs":
            return []
        case _:
            return row[name]


def _told_of_miner(table: pa.Table, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.Table:
    """The miner is the device where it may be ours: all but connections that came in."""
    import pyarrow.compute as pc

    ours = pc.and_(
        pa.array(rows), pc.fill_null(pc.is_in(table["direction"], pa.array(["internal", "external"])), False)
    )
    if not pc.any(ours).as_py():
        return table
    for name, side in (("device", "src_ip"), ("remote", "dst_ip")):
        table = _put(table, name, pc.if_else(ours, table[side], table[name]))
    return table


def _put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)
