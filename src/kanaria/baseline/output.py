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
    "device.role": "role",
}


def attach(
    tables: Mapping[str, pa.Table], parts: Iterable[pa.Table], serves: Mapping[str, str], critical: Iterable[str] = ()
) -> dict[str, pa.Table]:
    """The tables plus ``COLUMNS``; rows that were not scored have nulls, and false where the column is a flag."""
    found = list(parts)
    scored = pa.concat_tables(found) if found else None
    return {
        name: _attach_one(table, scored, TABLES.index(name), serves, frozenset(critical)) if name in TABLES else table
        for name, table in tables.items()
    }


def _attach_one(
    table: pa.Table, scored: pa.Table | None, number: int, serves: Mapping[str, str], critical: frozenset[str]
) -> pa.Table:
    place = np.full(len(table), -1, dtype=np.int64)
    if scored is not None:
        rows = scored["row"].to_numpy()
        mine = np.flatnonzero(rows >> ROW_SHIFT == number)
        place[rows[mine] - (number << ROW_SHIFT)] = mine
    indices = pa.array(place, mask=place < 0)
    added = {name: _column(name, kind, scored, indices, serves, critical) for name, (kind, _) in COLUMNS.items()}
    kept = table.drop_columns([name for name in added if name in table.column_names])
    for name, values in added.items():
        kept = kept.append_column(name, values)
    return kept


def _column(
    name: str,
    kind: pa.DataType,
    scored: pa.Table | None,
    indices: pa.Array,
    serves: Mapping[str, str],
    critical: frozenset[str],
) -> pa.Array | pa.ChunkedArray:
    import pyarrow.compute as pc

    if scored is None:
        return pa.array([False] * len(indices), kind) if kind == pa.bool_() else pa.nulls(len(indices), kind)
    if name == "device.serves":
        values = _by_actor(scored, lambda actor: serves.get(actor))
    elif name == "device.critical":
        by_role = pc.is_in(scored["role"], pa.array(sorted(CRITICAL)))
        chosen = pc.is_in(scored["actor"], pa.array(sorted(critical), pa.string()))
        values = pc.or_(by_role, chosen)
    else:
        values = scored[_FROM.get(name, name.removeprefix("baseline."))]
    taken = values.take(indices).cast(kind)
    return pc.fill_null(taken, False) if kind == pa.bool_() else taken


def _by_actor(scored: pa.Table, function: object) -> pa.Array | pa.ChunkedArray:
    from kanaria.core.network import map_distinct

    return map_distinct(scored["actor"], function, pa.string())  # type: ignore[arg-type]


def alerts(tables: Mapping[str, pa.Table]) -> dict[int, int]:
    """Distinct (day, device) pairs… of anomalous rows, counted per day and hour: {day since 1970: device hours}."""
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
    days: dict[int, int] = {}
    for hour, _ in seen:
        days[hour // 24] = days.get(hour // 24, 0) + 1
    return days
