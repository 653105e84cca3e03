"""Who was asked for which name: a DNS server that asks on behalf of others is not the one who wanted to know.

Takes the records that findings rest on, those of all cases; gives the answer to one question of the judge. A pool's name
that somebody asked a server for, and that the server then asks for itself, says nothing about the server.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kanaria.core.types import Record

PASSED_ON_WITHIN = timedelta(seconds=5)
"""A stub asks again after five seconds (resolv.conf(5), option timeout), so that a server passes a question on sooner."""


def asked_of(records: Mapping[int, Record]) -> Callable[[str, str, datetime], bool]:
    """Whether a device was asked for a name not long before a moment, by the records there are."""
    asked: dict[tuple[str, str], list[datetime]] = {}

    def before(device: str, name: str, time: datetime) -> bool:
        if not asked:
            asked.update(_times(records))
            asked.setdefault(("", ""), [])
        times = asked.get((device, _plain(name)), [])
        place = bisect_left(times, time - PASSED_ON_WITHIN)
        return place < len(times) and times[place] <= time

    return before


def _times(records: Mapping[int, Record]) -> dict[tuple[str, str], list[datetime]]:
    """When each server was asked for each name, in order."""
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for record in records.values():
        name, server = record.values.get("query"), record.values.get("dst_ip")
        if record.table == "dns" and name and server and record.time and server != record.values.get("src_ip"):
            times[str(server), _plain(str(name))].append(record.time)
    return {key: sorted(moments) for key, moments in times.items()}


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
