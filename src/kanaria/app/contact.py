"""How long devices were in touch with others, and who tried to log on: asked of the spooled rows at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kanaria.incidents.case import Guessers, Sessions

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


# Enough failures that a person who mistyped is not meant; the models about guessing ask for ten.
FAILURES = 5

_GUESSERS = f"""
WITH tried AS (
    SELECT src_ip, min(time) FILTER (NOT success) AS began, count(*) FILTER (NOT success) AS failures,
           max(time) FILTER (success) AS logged_on
    FROM spool_logon WHERE device = $device AND src_ip IS NOT NULL AND success IS NOT NULL GROUP BY src_ip)
SELECT count(*), count(*) FILTER (logged_on >= began) FROM tried WHERE failures >= {FAILURES}"""  # noqa: S608


def guessers(engine: duckdb.DuckDBPyConnection) -> Callable[[str], Guessers | None]:
    """Sources that failed to log on to a device again and again, and how many of them got in."""

    def asked(device: str) -> Guessers | None:
        row = engine.execute(_GUESSERS, {"device": device}).fetchone()
        return Guessers(sources=int(row[0]), got_in=int(row[1])) if row else None

    return asked


_SESSIONS = """
SELECT count(*), count(*) FILTER (result IN ('likely_success', 'success'))
FROM spool_rdp WHERE device = $device AND direction <> 'outbound' AND result IS NOT NULL"""


def sessions(engine: duckdb.DuckDBPyConnection) -> Callable[[str], Sessions | None]:
    """Remote Desktop attempts on a device, and how many of them look like somebody logged on."""

    def asked(device: str) -> Sessions | None:
        row = engine.execute(_SESSIONS, {"device": device}).fetchone()
        return Sessions(attempts=int(row[0]), logged_on=int(row[1])) if row else None

    return asked
