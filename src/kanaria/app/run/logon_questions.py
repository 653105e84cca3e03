"""Who tried to log on to a device, and whether they got in: asked of the rows of this run and of those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kanaria.incidents.case import Guessers, Sessions

if TYPE_CHECKING:
    from kanaria.memory.events import Events

# Enough failures that a person who mistyped is not meant; the models about guessing ask for ten.
FAILURES = 5

_GUESSERS = f"""
WITH tried AS (
    SELECT src_ip, min(time) FILTER (NOT success) AS began, count(*) FILTER (NOT success) AS failures,
           max(time) FILTER (success) AS logged_on
    FROM {{rows}} WHERE device = $device AND src_ip IS NOT NULL AND success IS NOT NULL GROUP BY src_ip)
SELECT count(*), count(*) FILTER (logged_on >= began) FROM tried WHERE failures >= {FAILURES}"""  # noqa: S608


def guessers(events: Events) -> Callable[[str], Guessers]:
    """Sources that failed to log on to a device again and again, and how many of them got in."""

    def guessers_of(device: str) -> Guessers:
        ((sources, got_in),) = events.ask(_GUESSERS, {"device": device}, of="logon")
        return Guessers(sources=sources, got_in=got_in)

    return guessers_of


_SESSIONS = """
SELECT count(*), count(*) FILTER (result IN ('likely_success', 'success'))
FROM {rows} WHERE device = $device AND direction <> 'outbound' AND result IS NOT NULL"""


def sessions(events: Events) -> Callable[[str], Sessions]:
    """Remote Desktop attempts on a device, and how many of them look like somebody logged on."""

    def sessions_of(device: str) -> Sessions:
        ((attempts, logged_on),) = events.ask(_SESSIONS, {"device": device}, of="rdp")
        return Sessions(attempts=attempts, logged_on=logged_on)

    return sessions_of
