"""Who else says that an address has a name: from connections to the same with the names that a resolver gave.

A name in TLS or in a Host header is what the client says of the other side, and a miner can say anything. What counts
for a permission is the answer of a resolver that the client did not bring itself: one inside our networks, or one of
the public ones that everybody asks. Only names that matter to a permission are looked for, so that it costs nothing
where none is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.network import HomeNetworks
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

# Programs remember an answer for its time to live, seldom longer than a day; a capture may begin in between.
_REMEMBERED = timedelta(days=1)
_SOON = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """``names`` (lower case, with everything below them) that matter, and whose answers about them are believed."""

    names: frozenset[str] = frozenset()
    resolvers: frozenset[str] = frozenset()
    home: HomeNetworks = field(default_factory=HomeNetworks)

    def asks(self, resolver: str | None) -> bool:
        """Whether answers of this resolver are believed."""
        return resolver is not None and (
            resolver in self.resolvers or self.home.has(resolver) or _PRIVATE.has(resolver)
        )


NOBODY = Trusted()
_PRIVATE = HomeNetworks()
_NAMED = """
    WITH asked AS (
        SELECT src_ip, dst_ip AS resolver, query, unnest(answers) AS address, time
        FROM linking_dns, (SELECT unnest($names::VARCHAR[]) AS name)
        WHERE src_ip IS NOT NULL AND (query = name OR (contains(name, '.') AND ends_with(query, '.' || name))))
    SELECT src_ip, resolver, query, address, min(time), max(time) FROM asked GROUP BY ALL"""
_Answer = tuple[str, datetime | None, datetime | None]


def vouched(engine: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], trusted: Trusted) -> dict[str, pa.Table]:
    """The tables of connections and handshakes with ``resolved``; those without such a row are left out."""
    answers: dict[tuple[str, str], list[_Answer]] = defaultdict(list)
    for client, resolver, query, address, first, last in engine.execute(
        _NAMED, {"names": sorted(trusted.names)}
    ).fetchall():
        if trusted.asks(resolver):
            answers[client, address].append((query, first, last))
    named = {name: _with(tables[name], answers) for name in ("connection", "tls") if answers and name in tables}
    return {name: table for name, table in named.items() if table is not None}


def _with(table: pa.Table, answers: Mapping[tuple[str, str], list[_Answer]]) -> pa.Table | None:
    import pyarrow.compute as pc

    addresses = pa.array(sorted({address for _, address in answers}), pa.string())
    rows = pc.indices_nonzero(pc.fill_null(pc.is_in(table["dst_ip"], addresses), False))
    if not len(rows):
        return None
    values: list[list[str] | None] = [None] * len(table)
    picked = table.select(["src_ip", "dst_ip", "time"]).take(rows).to_pylist()
    for row, flow in zip(rows.to_pylist(), picked, strict=True):
        values[row] = _names(answers.get((flow["src_ip"], flow["dst_ip"]), ()), flow["time"]) or None
    at = table.schema.get_field_index("resolved")
    return table.set_column(at, "resolved", pa.array(values, pa.list_(pa.string())))


def _names(answers: Iterable[_Answer], time: datetime | None) -> list[str]:
    return sorted({query for query, first, last in answers if _in_time(time, first, last)})


def _in_time(time: datetime | None, first: datetime | None, last: datetime | None) -> bool:
    """Whether an answer was still, or is about to be, in use; ``last`` is the newest of several."""
    if time is None or first is None or last is None:
        return False
    first, last = first.replace(tzinfo=time.tzinfo), last.replace(tzinfo=time.tzinfo)
    return first - _SOON <= time <= last + _REMEMBERED
