"""How long devices were in touch with others: asked of the spooled connections, when it is known which matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# Overlapping connections are one contact: a connection opens a new one only when it begins after all before it ended.
_CONTACT = """
WITH spans AS (
    SELECT epoch_us(time) AS low, epoch_us(time) + duration_us AS high FROM spool_connection JOIN peers
    ON dst_ip = peers.remote AND (peers.port IS NULL OR dst_port = peers.port)
    WHERE src_ip = $device AND time IS NOT NULL AND duration_us > 0),
ordered AS (
    SELECT *, max(high) OVER (ORDER BY low, high ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM spans)
SELECT coalesce(sum(greatest(0, high - greatest(low, coalesce(before, low)))), 0) / 1e6 FROM ordered"""


def contact(engine: duckdb.DuckDBPyConnection) -> Callable[[str, Sequence[tuple[str, int | None]]], float]:
    """Seconds in which a device had at least one connection open to one of some remotes and ports."""

    def seconds(device: str, peers: Sequence[tuple[str, int | None]]) -> float:
        if not peers:
            return 0.0
        engine.execute("CREATE OR REPLACE TEMP TABLE peers (remote VARCHAR, port INTEGER)")
        engine.executemany("INSERT INTO peers VALUES (?, ?)", [list(peer) for peer in peers])
        row = engine.execute(_CONTACT, {"device": device}).fetchone()
        return float(row[0]) if row else 0.0

    return seconds
