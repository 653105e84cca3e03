"""Which device wrote a web log that does not name it: asked of the connections that were read beside the log.

Findings come in with the engine that holds the connections; an address goes out, or None. Joining a log with a device
is a claim like any other, so it needs evidence: that others reached a web server there, best of all the log's clients.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.types import Finding
from kanaria.incidents.actors import DEVICE_STAGES

if TYPE_CHECKING:
    import duckdb

# Bits, judgements like priors: the log's own client connecting to the device's web port within the time of one request
# hardly happens anywhere else (two addresses and a port agree); a device that serves the web at all is one of few; that
# nobody else was seen says little, for a capture shows what its place shows. The prior is one of all devices seen.
CLIENT_BITS, SERVES_BITS, ALONE_BITS = 12.0, 4.0, 3.0
ENOUGH_BITS, MARGIN_BITS = 2.0, 3.0
WEB_PORTS = (80, 443, 8000, 8008, 8080, 8090, 8443, 8888)
NEAR_S = 300
"""Clocks of a web server and a sensor agree to minutes, and a log has the end of a request, a sensor its beginning."""

_DEVICES = f"""
WITH seen AS (
    SELECT device, coalesce(direction = 'inbound' OR direction = 'internal' AND device = dst_ip, false)
            AND dst_port IN {WEB_PORTS} AND coalesce(dst_bytes, 0) > 0 AS serves, src_ip, time
    FROM spool_connection WHERE device IS NOT NULL)
SELECT device, bool_or(serves), bool_or(serves AND clients.client IS NOT NULL)
FROM seen LEFT JOIN web_clients AS clients ON seen.src_ip = clients.client
    AND abs(epoch_us(seen.time) - clients.time) <= {NEAR_S * 1_000_000}
GROUP BY device"""  # noqa: S608


def server_of(engine: duckdb.DuckDBPyConnection, findings: Iterable[Finding], *, connections: bool) -> str | None:
    """The device whose web log was read, when evidence says so; ``connections`` says whether any were read."""
    found = list(findings)
    nameless = [f for f in found if f.table == "http" and not f.device and f.remote]
    active = {f.device for f in found if f.device and f.table != "http" and f.stage in DEVICE_STAGES}
    if not nameless or not active:
        return None
    if not connections:  # logs of one machine read together
        return active.pop() if len(active) == 1 else None
    bits = _bits(engine, nameless)
    ordered = sorted(bits.items(), key=lambda item: (-item[1], item[0]))
    best = ordered[0] if ordered else None
    if best is None or best[1] < ENOUGH_BITS or (len(ordered) > 1 and best[1] - ordered[1][1] < MARGIN_BITS):
        return None
    return best[0]


def _bits(engine: duckdb.DuckDBPyConnection, requests: Iterable[Finding]) -> dict[str, float]:
    """How much speaks for each device that connections show."""
    clients = [(f.remote, int(time.timestamp() * 1e6)) for f in requests for time in (f.time, f.until) if time]
    schema = pa.schema([pa.field("client", pa.string()), pa.field("time", pa.int64())])
    engine.register("web_clients", pa.table([[c for c, _ in clients], [t for _, t in clients]], schema=schema))
    rows = engine.execute(_DEVICES).fetchall()
    engine.unregister("web_clients")
    alone = ALONE_BITS if len(rows) == 1 else 0.0
    prior = -math.log2(max(len(rows), 1))
    return {
        device: prior + alone + (SERVES_BITS if serves else 0.0) + (CLIENT_BITS if client else 0.0)
        for device, serves, client in rows
        for device, serves, client in rows
    }
