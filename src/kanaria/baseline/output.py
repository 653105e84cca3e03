"""Scored rows back onto the tables they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from kanaria.baseline.columns import COLUMNS
from kanaria.baseline.encode import ROW_SHIFT, TABLES
from kanaria.baseline.roles import CRITICAL

_FROM = {
    "baseline.endpoint_bits": "endpoint_bits",
    "baseline.endpoint_bits_device": "endpoint_device",
    "baseline.endpoint_bits_peers": "endpoint_peers",
    "baseline.endpoint_bits_network": "endpoint_network",
    "baseline.hour_bits": "slot_bits",
    "baseline.surprise_bits": "together_peak",
    "device.role": "role",
}


def attach(
    tables: Mapping[str, pa.Table],
    parts: Iterable[pa.Table],
    actors: pa.Table,
    serves: Mapping[str, str],
    critical: Iterable[str] = (),
) -> dict[str, pa.Table]:
    """The tables plus ``COLUMNS``; rows that were not scored have nulls, and false where the column is a flag.

    ``actors`` holds (actor, actor_text) of everybody in the tables.
    """
    scored_parts = list(parts)
    scored = _described(pa.concat_tables(scored_parts), actors, serves, frozenset(critical)) if scored_parts else None
    return {
        name: _attach_one(table, scored, TABLES.index(name)) if name in TABLES else table
        for name, table in tables.items()
    }


def _described(scored: pa.Table, actors: pa.Table, serves: Mapping[str, str], critical: frozenset[str]) -> pa.Table:
    """What is known about the acting device, looked up once per device."""
    import pyarrow.compute as pc

    texts = actors["actor_text"].to_pylist()
    place = pc.index_in(scored["actor"], actors["actor"].combine_chunks())
    offered = pa.array([serves.get(text) for text in texts], pa.string()).take(place)
    chosen = pa.array([text in critical for text in texts], pa.bool_()).take(place)
    by_role = pc.is_in(scored["role"], pa.array(sorted(CRITICAL)))
    return scored.append_column("device.serves", offered).append_column("device.critical", pc.or_(by_role, chosen))


def _attach_one(table: pa.Table, scored: pa.Table | None, number: int) -> pa.Table:
    import pyarrow.compute as pc

    ordered = _in_order(table, scored, number) if scored is not None else None
    there = set(table.column_names)
    kept = table.drop_columns([name for name in COLUMNS if name in there])
    for name, (kind, _) in COLUMNS.items():
        if ordered is None:
            values = pa.nulls(len(table), kind)
        else:
            values = ordered[_FROM.get(name, name.removeprefix("baseline."))].cast(kind)
        kept = kept.append_column(name, pc.fill_null(values, False) if kind == pa.bool_() else values)
    return kept


def _in_order(table: pa.Table, scored: pa.Table, number: int) -> pa.Table:
    """The scored rows of one table in its order, null where a row was not scored."""
    place = np.full(len(table), -1, dtype=np.int64)
    rows = scored["row"].to_numpy()
    mine = np.flatnonzero(rows >> ROW_SHIFT == number)
    place[rows[mine] - (number << ROW_SHIFT)] = mine
    if len(mine) == len(table) == len(scored) and np.array_equal(place, np.arange(len(place))):
        return scored
    return scored.take(pa.array(place, mask=place < 0))


def alerts(tables: Mapping[str, pa.Table]) -> set[tuple[int, str]]:
    """Hours since 1970 and devices of anomalous rows."""
    import pyarrow.compute as pc

    seen: set[tuple[int, str]] = set()
    for name, table in tables.items():
        if name not in TABLES or "baseline.anomalous" not in table.column_names:
            continue
        hits = table.filter(pc.fill_null(table["baseline.anomalous"], False))
        for time, direction, src, dst in zip(
            hits["time"].cast(pa.int64()).to_pylist(),
            hits["direction"].to_pylist(),
            hits["src_ip"].to_pylist(),
            hits["dst_ip"].to_pylist(),
            strict=True,
        ):
            if time is not None:
                seen.add((time // 3_600_000_000, str(dst if direction == "inbound" else src)))
    return seen
