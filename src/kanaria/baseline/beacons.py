"""Calls that come back evenly: connection tables in, pairs of addresses out, the most clockwork-like first.

What was there from the first hour is no surprise to a pattern of life, so programs that report home at fixed intervals
are looked for by their evenness instead. Most of them are harmless (updates, telemetry, monitoring): this is a list to
look through, not an alert. Miners rarely are on it: their shares come as irregularly as rain.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.baseline.encode import UNANSWERED
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import duckdb

LEAST_CALLS = 24
LEAST_HOURS = 6.0
"""Fewer calls, or calls during less than half a working day, say nothing about a program: people reload pages too."""
CLOSE = 0.25
"""A gap is even when it is within a quarter of the pair's median gap: programs add up to that much at random."""
BY_CHANCE = 2.0 ** -(1 - CLOSE) - 2.0 ** -(1 + CLOSE)
"""The share of such gaps when calls come at random (Poisson): from the exponential distribution, 17 %."""
LEAST_REGULARITY = 0.5
"""Half of the way from random calls to a clock that always sends the same and never misses an hour."""
SAME_CALL_US = 1_000_000
"""Connections opened within a second are one call: browsers and libraries open several at once."""

BY_DESIGN = frozenset({("udp", port) for port in (53, 67, 68, 123, 137, 138, 546, 547, 1900, 5353, 5355)})
"""Services that repeat themselves by design (IANA: DNS, DHCP, NTP, NetBIOS, SSDP, mDNS, LLMNR)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("src_ip", "dst_ip", "dst_port", "transport", "time", "state", "src_payload", "dst_payload",
            "src_bytes", "dst_bytes")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Beacon:
    """One address calling another. ``every``, ``low`` and ``high`` are seconds between calls: the median, and what nine
    in ten gaps lie between; shares go from 0 to 1."""

    src: str
    dst: str
    transport: str
    port: int | None
    calls: int
    first: datetime
    last: datetime
    every: float
    low: float
    high: float
    even: float
    """Share of the gaps within a quarter of the median."""
    same: float
    """Share of the calls with the commonest sizes: payload where the sensor tells it, else IP bytes."""
    up: int | None
    down: int | None
    covered: float
    """Share of the hours from the first call to the last in which it called."""
    callers: int
    """How many addresses call that service."""
    regularity: float
    by_design: bool


class Beacons:
    """Collects calls batch by batch; the engine keeps them, and spills when there are many."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine.cursor()
        self._engine.execute("SET TimeZone = 'UTC'")
        self._engine.execute(_CALLS)

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Take in one batch of normalised tables; only connections count that were answered and said something."""
        table = tables.get("connection")
        if table is None or not len(table):
            return
        self._engine.register("arrived", table.select(_COLUMNS))
        self._engine.execute(_TAKE)
        self._engine.unregister("arrived")

    def beacons(self) -> list[Beacon]:
        """Regular pairs: the most regular first, those that are so by design behind the others."""
        rows = self._engine.execute(_REGULAR).fetchall()
        names = [column[0] for column in self._engine.description or ()]
        beacons = [_beacon(dict(zip(names, row, strict=True))) for row in rows]
        kept = [beacon for beacon in beacons if beacon.regularity >= LEAST_REGULARITY]
        return sorted(kept, key=lambda b: (b.by_design, -b.regularity, -b.calls, b.src, b.dst, b.port or 0))


def _beacon(row: dict[str, object]) -> Beacon:
    even, same, covered = (float(str(row[name])) for name in ("even", "same", "covered"))
    beyond_chance = max(even - BY_CHANCE, 0.0) / (1 - BY_CHANCE)
    design = (str(row["transport"]), row["port"]) in BY_DESIGN
    # DuckDB would make moments with a zone by a module of others (pytz), which an installation need not have.
    moments = {name: _EPOCH + timedelta(microseconds=int(str(row[name]))) for name in ("first", "last")}
    return Beacon(**(row | moments), regularity=beyond_chance * same * covered, by_design=design)  # type: ignore[arg-type]


_CALLS = """
CREATE OR REPLACE TEMP TABLE beacon_calls (
    src VARCHAR, dst VARCHAR, port INTEGER, transport VARCHAR, moment BIGINT, up BIGINT, down BIGINT)"""

_QUIET = ", ".join(f"'{state}'" for state in UNANSWERED)
# Answers to groups and broadcasts name no other side.
_GROUP = r"^(22[4-9]|23[0-9])\.|^255\.255\.255\.255$|^ff[0-9a-f]{2}:"
_TAKE = f"""
INSERT INTO beacon_calls
SELECT src_ip, dst_ip, dst_port, coalesce(transport, 'tcp'), epoch_us(time),
    coalesce(src_payload, src_bytes), coalesce(dst_payload, dst_bytes)
FROM arrived
WHERE time IS NOT NULL AND src_ip IS NOT NULL AND dst_ip IS NOT NULL AND coalesce(state, '') NOT IN ({_QUIET})
    AND NOT (state = 'OTH' AND coalesce(dst_bytes, 0) = 0) AND NOT regexp_matches(dst_ip, '{_GROUP}')
    AND NOT (coalesce(src_payload, 1) = 0 AND coalesce(dst_payload, 1) = 0)"""  # noqa: S608

_PAIR = "src, dst, port, transport"
_REGULAR = f"""
WITH often AS (
    SELECT {_PAIR} FROM beacon_calls GROUP BY ALL
    HAVING count(*) >= {LEAST_CALLS} AND max(moment) - min(moment) >= {LEAST_HOURS * 3600e6:.0f}
), opened AS (
    SELECT c.*, moment - lag(moment) OVER (PARTITION BY c.src, c.dst, c.port, c.transport ORDER BY moment) AS since
    FROM beacon_calls c SEMI JOIN often o
    ON c.src = o.src AND c.dst = o.dst AND c.port IS NOT DISTINCT FROM o.port AND c.transport = o.transport
), calls AS (
    SELECT * EXCLUDE since, moment - lag(moment) OVER (PARTITION BY {_PAIR} ORDER BY moment) AS gap
    FROM opened WHERE since IS NULL OR since >= {SAME_CALL_US}
), rhythm AS (
    SELECT {_PAIR}, count(*) AS calls, min(moment) AS first, max(moment) AS last, median(gap) AS every,
        quantile_cont(gap, 0.05) AS low, quantile_cont(gap, 0.95) AS high, list(gap) FILTER (gap IS NOT NULL) AS gaps,
        count(DISTINCT moment // 3600000000) / (max(moment) // 3600000000 - min(moment) // 3600000000 + 1) AS covered
    FROM calls GROUP BY ALL HAVING count(*) >= {LEAST_CALLS}
), sizes AS (
    SELECT {_PAIR}, max(n) / sum(n) AS same, arg_max(up, n) AS up, arg_max(down, n) AS down
    FROM (SELECT {_PAIR}, up, down, count(*) AS n FROM calls GROUP BY ALL) GROUP BY ALL
), callers AS (
    SELECT dst, port, transport, count(DISTINCT src) AS callers FROM beacon_calls GROUP BY ALL
)
SELECT r.src, r.dst, r.transport, r.port, calls, r.first, r.last,
    every / 1e6 AS every, low / 1e6 AS low, high / 1e6 AS high, same, up, down, covered, callers,
    len(list_filter(gaps, lambda gap: abs(gap - every) <= every * {CLOSE})) / len(gaps) AS even
FROM rhythm r
JOIN sizes s ON r.src = s.src AND r.dst = s.dst AND r.port IS NOT DISTINCT FROM s.port AND r.transport = s.transport
JOIN callers k ON r.dst = k.dst AND r.port IS NOT DISTINCT FROM k.port AND r.transport = k.transport"""  # noqa: S608
