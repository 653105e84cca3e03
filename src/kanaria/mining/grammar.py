"""Finds mining by its grammar: jobs pushed, shares returned, each share acknowledged, for hours, and little else.

In: a ``connection`` table and the facts that hold the weights. Out: the same table with ``mining.grammar_bits`` (log2
likelihood ratio for a miner on this connection, null where there was too little to judge), ``mining.grammar_kind``
(``sequence`` when the order of messages was there, ``flow`` when only totals were), the reason in both languages, and
after how many seconds of the connection the bits first sufficed for an alert (null where they never do), and for how
many hours shares were answered (``mining.grammar_hours``, null where that was not shown for ``HOURS``). Nothing is
said before several jobs and several answered shares were shown, and no more bits than were measured on connections
looked at for so long. A connection that is still open is judged on what it has shown so far, a little more strictly;
call again when it has shown more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pyarrow as pa

from kanaria.core.facts import Knowledge, Weight
from kanaria.mining import grammar_gate as gate
from kanaria.mining import grammar_signs as signs
from kanaria.mining import grammar_words as words
from kanaria.mining.grammar_moment import moments
from kanaria.mining.grammar_sequence import (
    BLURRED_LEAST,
    BLURRED_SHARE,
    SPREAD,
    Exchange,
    exchange,
    flatten,
    judgeable,
    opening,
    steady,
)
from kanaria.mining.grammar_stats import Bools, Floats, Ints, Messages

COLUMNS = (
    "mining.grammar_bits", "mining.grammar_kind", "mining.grammar_because_en", "mining.grammar_because_ja",
    "mining.grammar_seconds", "mining.grammar_hours",
)  # fmt: skip

ALERT = 7.0
"""Bits from which the rules speak of mining (docs/explanation/detection.md)."""

AGAIN = 2.0
"""Bits taken off a connection that is still open: who looks again and again is right by chance more often. Of 4,380
look-alikes watched with the weights that ship 12 were taken for miners at some look with one bit less, 3 with two; of
the real miners none was lost by it."""

PREFIX = "grammar_"
"""Weight ids are this prefix and a sign's name; ``grammar_sequence`` and ``grammar_flow`` are where sums begin."""

FLOW_SECONDS = 60.0
FLOW_PACKETS = 6
"""A flow record shorter or smaller than this says nothing about rhythm or symmetry and is not judged."""

RATE_SECONDS = 10.0
"""A connection's totals say how busy it is from here on; before, the handshake is most of them."""

LIMIT = {"sequence": 12.0, "flow": 4.0}
"""No more bits than measurement carries (2**12 to 1 needs 4,096 benign connections judged; ``MOST`` says less for most
lengths of observation). Of the laboratory's long-lived look-alikes every sixteenth (2**4) and more has the totals of a
miner, so that a flow record alone never decides."""

MOST = ("most_short", "most_medium", "most_long")
"""Weights that hold the most bits that were measured for observations of a length, and the words for it."""

LENGTHS = (6, 12)
"""Jobs and answered shares, of either at least so many: a medium and a long observation. A share every half minute and
a job every minute or two make about 10 minutes and 20."""

HOURS = 2.0
"""Shares answered for so long are more than a shape (``mining.grammar_hours``): the median of real XMRig sessions is
1.7 hours, and few services keep up one rhythm of jobs and receipts through the whole of a working morning."""

SAME_PACE = (0.5, 2.5)
"""The whole connection has so many times the messages a second of its kept beginning: 0.9 to 2.05 in 17 XMRig sessions
of two hours and more (pools make shares easier or harder in the first minutes)."""

OTHER_PROTOCOLS = (
    "dns", "ssh", "rdp", "smb", "ftp", "smtp", "imap", "pop3", "ntp", "dhcp", "snmp", "sip", "ldap", "krb", "krb_tcp",
    "ntlm", "dce_rpc", "mysql", "postgresql", "mqtt", "irc", "rfb", "radius", "syslog",
    "vnc", "redis", "amqp", "opcua", "netbios", "ssdp", "stun", "bittorrent", "bitcoin",
)  # fmt: skip
"""Protocols that sensors recognise by their bytes and that no miner speaks (``bitcoin`` is what its peers speak). TLS,
HTTP (WebSocket) and unknown bytes are not among them, and neither are tunnels."""

WORDS_FROM = 0.0
"""Reasons are written for connections whose bits are above this; the rest are the ordinary ones nobody asks about."""


def read(connection: pa.Table, knowledge: Knowledge) -> pa.Table:
    """The table with the ``mining.grammar_*`` columns; rows and their order stay. Raises KeyError for a weight
    that the facts lack."""
    weights = knowledge.weights
    rows = connection.num_rows
    bits, kind = np.full(rows, np.nan), np.full(rows, None, dtype=object)
    because: list[tuple[str, str] | None] = [None] * rows
    seconds, datagrams, other = seconds_of(connection), datagrams_of(connection), other_protocol(connection)

    which, seen = sequences(connection["messages"], datagrams)
    facts = known_of(connection).of(which)
    sums = _judge(weights, np.where(_open(connection)[which], AGAIN, 0.0), seen, facts)
    bits[which], kind[which] = sums, "sequence"
    hours = np.full(rows, np.nan)
    hours[which] = np.where(sums >= ALERT, hours_of(seen, seconds[which], paces(connection, seconds)[which]), np.nan)
    plain = np.flatnonzero(sums >= ALERT)
    after, needed = np.full(rows, np.nan), np.zeros(rows, dtype=np.int64)
    after[which[plain]], needed[which[plain]] = first_plain(
        connection["messages"].take(pa.array(which[plain])), facts.of(plain), partial(_judge, weights, AGAIN), ALERT
    )
    after[which[plain]] = np.where(needed[which[plain]] > 0, after[which[plain]], seconds[which[plain]])
    for position in np.flatnonzero(sums > WORDS_FROM):
        row = int(which[position])
        when = (float(after[row]), int(needed[row])) if sums[position] >= ALERT else None
        measured = weights[PREFIX + MOST[int(length_of(seen)[position])]].because if when else None
        because[row] = words.of_sequence(seen, int(position), float(seconds[row]), when, measured)

    flow_rows, volume = flows(connection, seconds, datagrams, other)
    sums = score(signs.of_flow(volume), weights, "flow")
    bits[flow_rows], kind[flow_rows] = sums, "flow"
    for position in np.flatnonzero(sums > WORDS_FROM):
        because[flow_rows[position]] = words.of_flow(volume, int(position))
    return _with(connection, bits, kind, because, after, hours)


def _judge(weights: Mapping[str, Weight], less: Floats | float, seen: Exchange, facts: signs.FlowFacts) -> Floats:
    return limited(score(signs.of_sequence(seen, facts), weights, "sequence") - less, seen, weights)


def first_plain(
    column: pa.ChunkedArray, facts: signs.FlowFacts, judge: Callable[[Exchange, signs.FlowFacts], Floats], enough: float
) -> tuple[Floats, Ints]:
    """After how many seconds and messages ``judge`` first made ``enough`` bits of each row; see ``moments``."""

    def look(messages: Messages, count: Ints, row: Ints) -> tuple[Ints, Floats]:
        which, seen = patterns(messages, count, facts.datagrams[row])
        # How long it lasts and how busy it is, a look knows from its messages alone.
        early = replace(facts.of(row[which]), duration=seen.span, rate=np.zeros(len(which)))
        return which, judge(seen, early)

    return moments(column, look, enough)


def known_of(connection: pa.Table) -> signs.FlowFacts:
    """What the rows say beside their messages."""
    seconds, tls = seconds_of(connection), _service(connection, ("tls", "ssl"))
    return signs.FlowFacts(
        seconds, rate_of(connection, seconds), datagrams_of(connection), other_protocol(connection),
        gate.readable(connection), tls, _begun(connection), tls | gate.records(connection),
    )  # fmt: skip


def length_of(seen: Exchange) -> Ints:
    """0, 1 or 2: how long the observation is, by the rarer of jobs and answered shares."""
    steps = np.minimum(seen.push_count + seen.jobs_asked, seen.answer_count)
    return np.searchsorted(LENGTHS, steps, side="right").astype(np.int64)


def limited(sums: Floats, seen: Exchange, weights: Mapping[str, Weight]) -> Floats:
    """No more bits than were measured for observations of that length."""
    most = np.array([weights[PREFIX + name].bits for name in MOST])
    believed: Floats = np.minimum(sums, most[length_of(seen)])
    return believed


def hours_of(seen: Exchange, seconds: Floats, pace: Floats) -> Floats:
    """For how many hours jobs and answered shares went on as in the messages kept; NaN where that was not shown.

    ``pace``: messages a second of the whole connection. Only the first messages are kept; that it was still the same
    later is seen from the number of all messages.
    """
    steady_pace = pace / np.maximum(seen.total / np.maximum(seen.span, 1.0), 1e-9)
    kept_on = (steady_pace >= SAME_PACE[0]) & (steady_pace <= SAME_PACE[1])
    mask = (length_of(seen) == len(LENGTHS)) & (seconds >= HOURS * 3600) & kept_on
    return np.where(mask, seconds / 3600, np.nan)


def paces(connection: pa.Table, seconds: Floats) -> Floats:
    """Messages a second of each whole connection, NaN where nobody counted them."""
    number = _floats(connection["src_messages"]) + _floats(connection["dst_messages"])
    pace: Floats = np.where(seconds > 0, number / np.maximum(seconds, 1e-6), np.nan)
    return pace


def sequences(column: pa.ChunkedArray | pa.Array, datagrams: Bools) -> tuple[Ints, Exchange]:
    """The rows of a ``messages`` column that can be judged, and the exchange pattern of each."""
    return patterns(*flatten(column), datagrams)


def patterns(messages: Messages, sizes: Ints, datagrams: Bools) -> tuple[Ints, Exchange]:
    """The same over messages that are flat already, ``sizes`` of each connection."""
    body = steady(messages, datagrams)
    tunnel = gate.tunnels(messages.flow, messages.length, len(sizes))
    which = np.flatnonzero(judgeable(body, len(sizes)) & (~datagrams | tunnel))
    number = np.full(len(sizes), -1, dtype=np.int64)
    number[which] = np.arange(len(which))
    body, early = (_renumbered(part, number) for part in (body, opening(messages)))
    seen = _again_blurred(body, early, exchange(body, early, len(which)))
    enough = gate.enough(seen)
    return which[enough], Exchange(*(getattr(seen, field.name)[enough] for field in fields(Exchange)))


def _renumbered(messages: Messages, number: Ints) -> Messages:
    """The messages of connections that have a number, under that number."""
    kept = messages.where(number[messages.flow] >= 0)
    return Messages(number[kept.flow], kept.client, kept.length, kept.time)


def _again_blurred(messages: Messages, early: Messages, seen: Exchange) -> Exchange:
    """Connections whose lengths are hidden, seen again with ranges of lengths instead of single ones."""
    again = np.flatnonzero((seen.commonest < BLURRED_SHARE * seen.total) & (seen.total >= BLURRED_LEAST))
    if not len(again):
        return seen
    number = np.full(len(seen.total), -1, dtype=np.int64)
    number[again] = np.arange(len(again))
    wide = exchange(_renumbered(messages, number), _renumbered(early, number), len(again), SPREAD)
    for field in fields(Exchange):
        getattr(seen, field.name)[again] = getattr(wide, field.name)
    return seen


def score(seen: Mapping[str, Floats], weights: Mapping[str, Weight], start: str) -> Floats:
    """The sum of bits: where sums of this kind begin, plus each sign's weight times how plainly it shows."""
    total = np.full(len(next(iter(seen.values()))), weights[PREFIX + start].bits)
    for name, strength in seen.items():
        total += weights[PREFIX + name].bits * strength
    clipped: Floats = np.clip(total, -LIMIT[start], LIMIT[start])
    return clipped


def flows(connection: pa.Table, seconds: Floats, datagrams: Bools, other: Bools) -> tuple[Ints, signs.Volume]:
    """The rows that are plain flow records and can be judged, and the totals of each.

    Totals say too little to argue with bytes that were recognised: records of ``other`` protocols are not judged.
    """
    names = ("src_bytes", "dst_bytes", "src_packets", "dst_packets")
    up_bytes, down_bytes, up_packets, down_packets = (_floats(connection[name]) for name in names)
    which = np.flatnonzero(
        connection["messages"].is_null().to_numpy()
        & ~other
        & (seconds >= FLOW_SECONDS)
        & (np.minimum(up_packets, down_packets) >= FLOW_PACKETS)
        & np.isfinite(up_bytes + down_bytes)
    )
    return which, signs.Volume(
        seconds[which], up_bytes[which], down_bytes[which], up_packets[which], down_packets[which], datagrams[which]
    )


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


def seconds_of(connection: pa.Table) -> Floats:
    """Duration in seconds, 0 where unknown."""
    return np.nan_to_num(_floats(connection["duration_us"]) / 1e6)


def rate_of(connection: pa.Table, seconds: Floats) -> Floats:
    """Bytes per second of the whole connection, 0 where totals are unknown: the messages kept are its beginning."""
    total = _floats(connection["src_bytes"]) + _floats(connection["dst_bytes"])
    return np.nan_to_num(np.where(seconds >= RATE_SECONDS, total / np.maximum(seconds, 1.0), 0.0))


def datagrams_of(connection: pa.Table) -> Bools:
    """Whether the transport is known and is not TCP."""
    import pyarrow.compute as pc  # 40 ms to import; only batches need it

    return pc.fill_null(pc.not_equal(connection["transport"], "tcp"), False).to_numpy()  # type: ignore[no-any-return]


def _open(connection: pa.Table) -> Bools:
    values: Bools = connection["open"].fill_null(False).to_numpy()
    return values


def _begun(connection: pa.Table) -> Bools:
    """Whether the sensor saw the client's first packet: histories begin with it."""
    import pyarrow.compute as pc

    return pc.fill_null(pc.starts_with(connection["history"], "S"), False).to_numpy()  # type: ignore[no-any-return]


def other_protocol(connection: pa.Table) -> Bools:
    """Whether the sensor recognised one of ``OTHER_PROTOCOLS`` in the bytes."""
    return _service(connection, OTHER_PROTOCOLS)


def _service(connection: pa.Table, names: tuple[str, ...]) -> Bools:
    import pyarrow.compute as pc

    return pc.is_in(connection["service"], pa.array(names)).to_numpy()  # type: ignore[no-any-return]


def _with(
    connection: pa.Table, bits: Floats, kind: np.ndarray[tuple[int], np.dtype[np.object_]],
    because: list[tuple[str, str] | None], after: Floats, hours: Floats,
) -> pa.Table:  # fmt: skip
    values = (
        pa.array(bits, mask=np.isnan(bits)),
        pa.array(kind, pa.string()),
        pa.array([text and text[0] for text in because], pa.string()),
        pa.array([text and text[1] for text in because], pa.string()),
        pa.array(after, mask=np.isnan(after)),
        pa.array(hours, mask=np.isnan(hours)),
    )
    for name, column in zip(COLUMNS, values, strict=True):
        connection = connection.append_column(name, column)
    return connection
