"""Which device wrote a web log that does not name it: asked of the connections of this run and of those before it.

In: findings, and the connections. Out: an address, or None. Joining a log with a device
is a claim like any other, so it needs evidence: that others reached a web server there, best of all the log's clients.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from kanaria.core.types import Finding
from kanaria.incidents.actors import DEVICE_STAGES

if TYPE_CHECKING:
    from kanaria.memory.events import Events

# Bits, judgements like priors: the log's own client connecting to the device's web port within the time of one request
# hardly happens anywhere else (two addresses and a port agree); a device that serves the web at all is one of few; that
# nobody else was seen says little, for a capture shows what its place shows. The prior is one of all devices seen.
CLIENT_BITS, SERVES_BITS, ALONE_BITS = 12.0, 4.0, 3.0
ENOUGH_BITS, MARGIN_BITS = 2.0, 3.0
WEB_PORTS = (80, 443, 8000, 8008, 8080, 8090, 8443, 8888)
NEAR_S = 300
"""Clocks of a web server and a sensor agree to minutes, and a log has the end of a request, a sensor its beginning."""

_SERVES = f"""coalesce(direction = 'inbound' OR direction = 'internal' AND device = dst_ip, false)
    AND dst_port IN {WEB_PORTS} AND coalesce(dst_bytes, 0) > 0"""
_DEVICES = f"SELECT device, bool_or({_SERVES}) FROM {{rows}} WHERE device IS NOT NULL GROUP BY device"  # noqa: S608
_SERVED = f"""
SELECT DISTINCT device FROM {{rows}} AS seen JOIN asked_about AS clients ON seen.src_ip = clients.client
    AND abs(epoch_us(seen.time) - clients.time) <= {NEAR_S * 1_000_000}
WHERE device IS NOT NULL AND {_SERVES}"""  # noqa: S608


def server_of(events: Events, findings: Iterable[Finding]) -> str | None:
    """The device whose web log was read, when evidence says so."""
    all_findings = list(findings)
    nameless = [f for f in all_findings if f.table == "http" and not f.device and f.remote]
    active = {f.device for f in all_findings if f.device and f.table != "http" and f.stage in DEVICE_STAGES}
    if not nameless or not active:
        return None
    if not events.has("connection"):  # logs of one machine read together
        return active.pop() if len(active) == 1 else None
    bits = _bits(events, nameless)
    ordered = sorted(bits.items(), key=lambda item: (-item[1], item[0]))
    best = ordered[0] if ordered else None
    if best is None or best[1] < ENOUGH_BITS or (len(ordered) > 1 and best[1] - ordered[1][1] < MARGIN_BITS):
        return None
    return best[0]


def _bits(events: Events, requests: Iterable[Finding]) -> dict[str, float]:
    """How much speaks for each device that connections show."""
    seen = events.ask(_DEVICES, of="connection")
    served = _served(events, [(f.remote, time) for f in requests for time in (f.time, f.until) if time])
    alone = ALONE_BITS if len(seen) == 1 else 0.0
    prior = -math.log2(max(len(seen), 1))
    return {
        device: prior + alone + (SERVES_BITS if serves else 0.0) + (CLIENT_BITS if device in served else 0.0)
        for device, serves in seen
    }


def _served(events: Events, requests: Sequence[tuple[str | None, datetime]]) -> set[str]:
    """Devices that served one of these clients at about the time of its request."""
    if not requests:
        return set()
    times, near = [time for _, time in requests], timedelta(seconds=NEAR_S)
    schema = pa.schema([pa.field("client", pa.string()), pa.field("time", pa.int64())])
    moments = [round(time.timestamp() * 1e6) for time in times]
    asked = pa.table([[client for client, _ in requests], moments], schema=schema)
    rows = events.ask(_SERVED, beside=asked, of="connection", since=min(times) - near, until=max(times) + near)
    return {device for (device,) in rows}
