"""Who tried to log on to a device, and whether they got in: asked of the spooled rows at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kanaria.incidents.case import Guessers, Sessions

if TYPE_CHECKING:
    import duckdb

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
