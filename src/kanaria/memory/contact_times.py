"""How long devices were in touch with others: asked of the rows of this run and of those before it.

Contacts are kept from run to run, so that what an incident of several runs cost is counted over all of them, however
long the rows themselves are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.core.limits import Limits

if TYPE_CHECKING:
    from kanaria.memory.events import Events

Span = tuple[int, int]  # microseconds since 1970
Peer = tuple[str, int | None]  # remote, port of the remote

MOST_SPANS = 2_000
"""Contacts remembered of a device with one other side. Beyond that the shortest pauses between them are closed: a miner
that reconnects every minute for weeks keeps its hours, give or take those pauses."""

# Overlapping connections to one peer are one contact: it ends where the next begins after all before it ended.
_CONTACTS = """
WITH spans AS (
    SELECT peers.remote, peers.port, epoch_us(time) AS low, epoch_us(time) + duration_us AS high
    FROM {rows} JOIN asked_about AS peers ON dst_ip = peers.remote AND (peers.port IS NULL OR dst_port = peers.port)
    WHERE src_ip = $device AND time IS NOT NULL AND duration_us > 0),
ordered AS (
    SELECT *, max(high) OVER (PARTITION BY remote, port ORDER BY low, high
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM spans),
numbered AS (
    SELECT *, sum((before IS NULL OR low > before)::INT) OVER (PARTITION BY remote, port ORDER BY low, high) AS contact
    FROM ordered)
SELECT remote, port, min(low), max(high) FROM numbered GROUP BY remote, port, contact"""


class Contacts:
    """When devices had connections to others open, over all runs: asked of the spooled rows, kept from earlier runs."""

    def __init__(self, kept: dict[str, Any] | None = None, most: int = Limits.contacts) -> None:
        self._most = most
        listed = kept["pairs"] if kept else []
        self._when: dict[tuple[str, str, int | None], int] = {}
        self._spans = {(d, r, p): [(low, high) for low, high in spans] for d, r, p, spans in listed}

    def of(self, events: Events | None) -> Callable[[str, Sequence[Peer]], float]:
        """Seconds in which a device had at least one connection open to one of some remotes and ports.

        ``events`` has connections, None when there are none. What was asked for is remembered.
        """

        def seconds(device: str, peers: Sequence[Peer]) -> float:
            for remote, port, low, high in self._asked(events, device, peers) if events is not None and peers else ():
                self._spans.setdefault((device, remote, port), []).append((low, high))
            for remote, port in peers:
                if (device, remote, port) in self._spans:
                    self._spans[device, remote, port] = union(self._spans[device, remote, port])
            spans = union(span for remote, port in peers for span in self._spans.get((device, remote, port), ()))
            return sum(high - low for low, high in spans) / 1e6

        return seconds

    def _asked(self, events: Events, device: str, peers: Sequence[Peer]) -> list[tuple[Any, ...]]:
        """Contacts that are not among those remembered: the first time of all rows, then of those that came since."""
        schema = pa.schema([pa.field("remote", pa.string()), pa.field("port", pa.int32())])
        about = pa.table([[remote for remote, _ in peers], [port for _, port in peers]], schema=schema)
        after = min(self._when.get((device, *peer), -1) for peer in peers)
        rows = events.ask(_CONTACTS, {"device": device}, of="connection", after=after, beside=about)
        self._when |= {(device, *peer): events.now for peer in peers}
        return rows

    @property
    def beyond(self) -> int:
        """How many pairs are more than is remembered: those longest out of touch. They are mining connections, of which
        a network has few."""
        return max(0, len(self._spans) - self._most)

    def dump(self) -> dict[str, Any]:
        """As JSON values."""
        return {"pairs": [[*pair, spans] for pair, spans in self._latest().items()]}

    def forget(self) -> None:
        """Let go of what ``dump`` leaves out. Rows are asked anew about a pair that comes again."""
        self._spans = self._latest()
        self._when = {pair: moment for pair, moment in self._when.items() if pair in self._spans}

    def _latest(self) -> dict[tuple[str, str, int | None], list[Span]]:
        """The pairs last in touch, each with as many contacts as are remembered."""
        latest = sorted(self._spans.items(), key=lambda pair: -pair[1][-1][1])[: self._most]
        return {pair: fewer(spans, MOST_SPANS) for pair, spans in latest}


def union(spans: Iterable[Span]) -> list[Span]:
    """The spans with overlapping ones made one, in order."""
    joined: list[Span] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return joined


def fewer(spans: Sequence[Span], most: int) -> list[Span]:
    """At most so many, by closing the shortest gaps between them; they are in order and do not overlap."""
    if len(spans) <= most:
        return list(spans)
    gaps = sorted(range(1, len(spans)), key=lambda n: spans[n][0] - spans[n - 1][1])
    closed = set(gaps[: len(spans) - most])
    left: list[Span] = []
    for number, (low, high) in enumerate(spans):
        if number in closed:
            left[-1] = left[-1][0], high
        else:
            left.append((low, high))
    return left
