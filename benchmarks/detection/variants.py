"""The same connection looked at earlier, later, in the middle, or inside TLS: one connection comes in, several go out.

A detector sees connections that are still open, and sensors start in the middle of them; both are trained and measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from benchmarks.detection.samples import Connection

LOOKS = (30.0, 90.0, 300.0, 900.0)
"""Seconds after the beginning at which an open connection is looked at."""

WINDOWS = ((100.0, 400.0), (1200.0, 1500.0))
"""Five minutes out of the middle: what an exporter with an active timeout of 300 s reports."""

TLS = {"TLS 1.2": 29, "TLS 1.3": 22}
"""Bytes that a record adds to each message."""

_FLIGHTS = {
    "TLS 1.2": ((True, 238, 0), (False, 1448, 1), (False, 1320, 1), (True, 126, 2), (False, 51, 3)),
    "TLS 1.3": ((True, 517, 0), (False, 1448, 1), (False, 1100, 1), (True, 80, 2)),
}
"""Handshake: who, bytes, and after how many one-way trips."""

_TRIP = 40_000


def until(one: Connection, seconds: float) -> Connection:
    """The connection as known ``seconds`` after it began."""
    kept = tuple(m for m in one.messages if m[2] <= seconds * 1e6)
    return _shortened(replace(one, messages=kept), min(one.seconds, seconds))


def window(one: Connection, begin: float, end: float) -> Connection:
    """What a sensor sees that looks only from ``begin`` to ``end``."""
    shift = round(begin * 1e6)
    kept = tuple((c, n, t - shift) for c, n, t in one.messages if shift <= t < end * 1e6)
    # A handshake that came before is not seen, and neither is what the connection began with.
    cut = replace(one, messages=kept, begun=False, service=None, records=one.service == "tls")
    return _shortened(cut, end - begin)


def _shortened(one: Connection, seconds: float) -> Connection:
    """Totals in proportion: what an exporter counts in a part of the connection."""
    part = seconds / one.seconds if one.seconds else 1.0

    def share(total: int | None) -> int | None:
        return None if total is None else round(total * part)

    return replace(
        one, seconds=seconds, up_bytes=share(one.up_bytes), down_bytes=share(one.down_bytes),
        up_packets=share(one.up_packets), down_packets=share(one.down_packets),
    )  # fmt: skip


def in_tls(one: Connection, version: str) -> Connection:
    """The connection's own lengths and timing inside TLS: a replay, not a capture."""
    flights = [(client, length, trips * _TRIP) for client, length, trips in _FLIGHTS[version]]
    body = [(client, length + TLS[version], time + 4 * _TRIP) for client, length, time in one.messages]
    return replace(one, messages=tuple(flights + body), note=f"{one.note} {version}".strip())


def looks(one: Connection) -> list[Connection]:
    """The whole connection, and every partial look that leaves out a good part of it."""
    cut = [until(one, seconds) for seconds in LOOKS if one.seconds > seconds * 1.3]
    middle = [window(one, *span) for span in WINDOWS if one.seconds > span[1] * 1.3]
    return [one, *cut, *middle]


def training(connections: Iterable[Connection]) -> list[list[Connection]]:
    """Per connection: every look, for miners also inside TLS 1.3. The looks of one connection share its weight."""
    made = []
    for one in connections:
        seen = looks(one)
        made.append(seen + [in_tls(look, "TLS 1.3") for look in seen] if one.mining else seen)
    return made
