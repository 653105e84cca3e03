"""What a connection must have shown before it is judged, and what it must not be.

In: exchange patterns, or ``connection`` rows with their first bytes. Out: masks. A miner cannot avoid receiving several
jobs and having several shares acknowledged; before that was seen nothing is said, and where a miner would have shown it
long ago, its absence speaks against mining. Bytes that can be read and are no mining message are no mining.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kanaria.mining.grammar_sequence import TOLERANCE, Exchange
from kanaria.mining.grammar_stats import Bools, Ints

JOBS, SHARES = 3, 3
"""Two alike pushes and answers happen in ordinary traffic all the time: 24 false alarms in 263 judged captures had
fewer. Of 43 real XMRig sessions of at least two messages 35 show three of each within the messages kept."""

SECONDS = 30.0
"""Ordinary services keep up jobs and acknowledged shares for some seconds (a start, a login), miners for hours."""

MESSAGES, SPAN, LONG = 60, 300.0, 1800.0
"""So many steady messages over five minutes are jobs or shares of a miner, over fifteen both; after half an hour a few
suffice. A Monero pool has a job every two minutes on average (fewer than three in fifteen minutes: one time in fifty),
the slowest real miner found a share in 18 minutes."""

CLOCKWORK = 0.15
"""Finding a share is luck. What comes at gaps that vary less is a keepalive or a report of the hash rate: of five gaps
at chance times one in 500 samples varies by less."""

LEAST = 6
"""Messages that such a long look must have, or it is silence that is looked at."""

ALIKE = 0.5
"""Jobs are of one shape, and so are receipts: at least this share of what is pushed, and of the answers to shares."""

PRINTABLE = 0.9
"""Share of printable bytes from which on a side's beginning is text. Random bytes have 0.38."""

SEPARATED = 0.03
"""Share of blanks, line ends, quotes, colons and commas from which on text says something by itself: 0.05 to 0.3 of
JSON, chat, mail and calls, 0.03 around long hexadecimal values. Base64 has 0.007, mining messages with each byte
changed alike may have less than 0.01, and both hide what they say."""

LOOKED_AT, LEAST_BYTES = 2_000, 16
_TEXT = np.zeros(256, dtype=np.bool_)
_TEXT[[9, 10, 13, *range(32, 127)]] = True
_SEPARATORS = np.zeros(256, dtype=np.bool_)
_SEPARATORS[list(b' \t\r\n":,')] = True
_HEADER_END = b"\r\n\r\n"
_HANDED_OVER = (b"CONNECT ", b"HTTP/1.1 200", b"HTTP/1.0 200", b"HTTP/1.1 101")
"""After these the connection belongs to somebody else: only what follows the header is looked at."""

_DATA_RECORD = "\x17\x03\x03"

WIREGUARD_HANDSHAKE = (148, 92, 64)
WIREGUARD_LEAST = 32


def shown(seen: Exchange) -> Bools:
    """Which connections have shown several jobs and several answered shares, each of one shape, over some time."""
    mask: Bools = _jobs(seen) & _shares(seen) & (seen.span >= SECONDS)
    return mask


def _jobs(seen: Exchange) -> Bools:
    number = seen.push_count + seen.jobs_asked * (seen.push_count > 0)
    mask: Bools = (number >= JOBS) & (seen.push_count >= ALIKE * seen.push_total)
    return mask


def _shares(seen: Exchange) -> Bools:
    receipts = (seen.answer_count >= SHARES) & (seen.answer <= seen.submit + TOLERANCE)
    mask: Bools = receipts & ~(seen.gap_cv < CLOCKWORK) & (seen.answer_count >= ALIKE * seen.answered)
    return mask


def enough(seen: Exchange) -> Bools:
    """Which connections can be judged: they have shown it, or a miner would have by now."""
    neither = (seen.span >= SPAN) & ~_jobs(seen) & ~_shares(seen)
    by_now = (seen.total >= MESSAGES) & (neither | (seen.span >= 3 * SPAN))
    mask: Bools = shown(seen) | by_now | (seen.total >= LEAST) & (seen.span >= LONG)
    return mask


def tunnels(flow: Ints, length: Ints, rows: int) -> Bools:
    """Which connections have the lengths of WireGuard, in which TCP may travel: multiples of 16 from 32 on, beside
    those of the handshake. Other datagrams carry games, calls and peers, no miner's."""
    fits = (length % 16 == 0) & (length >= WIREGUARD_LEAST) | np.isin(length, WIREGUARD_HANDSHAKE)
    total = np.bincount(flow, minlength=rows)
    mask: Bools = (total > 0) & (np.bincount(flow[fits], minlength=rows) == total)
    return mask


def records(rows: pa.Table) -> Bools:
    """Rows whose bytes begin with a TLS record of data: a connection that was joined in the middle (RFC 8446, 5.1)."""
    import pyarrow.compute as pc  # 40 ms to import; only batches need it

    mask = np.zeros(rows.num_rows, dtype=np.bool_)
    for name in {"src_first", "dst_first"} & set(rows.column_names):
        mask |= pc.fill_null(pc.starts_with(rows[name], _DATA_RECORD), False).to_numpy()
    return mask


def readable(rows: pa.Table) -> Bools:
    """Rows whose bytes can be read, and in which the readers of mining dialects found nothing."""
    mask = np.zeros(rows.num_rows, dtype=np.bool_)
    if not {"src_first", "dst_first", "mining.dialect"} <= set(rows.column_names):
        return mask
    unread = rows["mining.dialect"].is_null().to_numpy()
    first = rows.select(["src_first", "dst_first"])
    for row in np.flatnonzero(unread):
        sides = (first[name][int(row)].as_py() for name in ("src_first", "dst_first"))
        mask[row] = any(_is_text(side) for side in sides if side)
    return mask


def _is_text(side: bytes) -> bool:
    data = side[: 2 * LOOKED_AT]
    if data.startswith(_HANDED_OVER):
        data = data.partition(_HEADER_END)[2]
    data = data[:LOOKED_AT]
    if len(data) < LEAST_BYTES:
        return False
    values = np.frombuffer(data, np.uint8)
    return float(_TEXT[values].mean()) >= PRINTABLE and float(_SEPARATORS[values].mean()) >= SEPARATED
