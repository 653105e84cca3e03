"""Exporters lie about time: clocks unset, boot times miscounted, wrong epochs. The collector's clock decides.

In come first times, durations and receive times, out come first times that could be true. A flow cannot end after it
was received, nor much earlier than an exporter keeps flows; where it claims so, it is moved to end when received.
"""

from __future__ import annotations

import logging

import pyarrow as pa

log = logging.getLogger(__name__)

FUTURE_US = 60_000_000
"""A minute ahead is an ordinary unsynchronised clock and is left alone."""
PAST_US = 3600_000_000
"""Exporters report a flow at the latest one active timeout after it began (Cisco IOS default 30 min) plus transport;
an end more than an hour before reception is a wrong clock."""

LONGEST_US = (1 << 32) * 1000
"""No flow lasts longer: uptimes are 32 bits of milliseconds (49.7 days), and softflowd, the most patient of exporters,
keeps one for 7 days."""


def credible(span: pa.Array) -> pa.Array:
    """How long flows took (microseconds); nothing where that cannot be: one of the two times is damaged."""
    import pyarrow.compute as pc

    return pc.if_else(pc.and_(pc.greater(span, 0), pc.less(span, LONGEST_US)), span, 0)


def believable(first: pa.Array, span: pa.Array, received: pa.Array, exporter: pa.Array, source: str) -> pa.Array:
    """First times (epoch microseconds), those that cannot be true moved; receive time 0 means unknown."""
    import pyarrow.compute as pc

    ahead = pc.subtract(pc.add(first, span), received)
    known = pc.greater(received, 0)
    wrong = pc.and_(known, pc.or_(pc.greater(ahead, FUTURE_US), pc.less(ahead, -PAST_US)))
    if not pc.any(wrong).as_py():
        return first
    _tell(ahead.filter(wrong), exporter.filter(wrong), source)
    return pc.if_else(wrong, pc.subtract(received, span), first)


def _tell(ahead: pa.Array, exporter: pa.Array, source: str) -> None:
    by_exporter = dict(zip(exporter.to_pylist(), ahead.to_pylist(), strict=True))
    for address, micros in by_exporter.items():
        side = "ahead of" if micros > 0 else "behind"
        log.warning(
            "%s: the clock of exporter %s is %d s %s the collector's; its flows are placed where they were received",
            source, address or "(unknown)", abs(micros) // 1_000_000, side,
        )  # fmt: skip
