"""Whether a connection began as a miner's does: with work, before anything is handed in.

From messages in order of time to one number per connection. Nobody can find a share before there is a job, so the
first job comes with the answer to the login or right behind it: after 1.3 s of the connection at most in 38 of 38 real
sessions that were seen from their beginning. Who subscribes to something gets the first notice when there is one.
"""

from __future__ import annotations

import numpy as np

from kanaria.mining.grammar_stats import Bools, Floats, Ints, Messages, near

FIRST_US, LATEST_US, TRIPS = 3_000_000, 6_000_000, 8
"""By then the first job was there: more than twice the longest wait seen, and on slow ways (satellites, Tor) eight
round trips, which are those of TCP, TLS 1.2, subscribing and logging in, and two more. The client's first message comes
one round trip after the connection began."""

SHORTER, LONG_JOB, BRANCHES, LONGER, WITH_TICKET = 30, 600, 0.6, 250, 350
"""The first job is as long as later ones, or shorter (another algorithm's: 418 bytes with its answer for later 442 in
the captures; long ones by a share of Merkle branches), or longer by the login's answer around it (38-64 bytes) and by
answers and a difficulty sent along with it (three lines of some 60 bytes); behind a TLS handshake by a second ticket in
the same packet, too (some 270 bytes)."""

FINISHED = 130
"""The client's last message of a handshake is no longer (80 bytes in TLS 1.3, 93 or 126 in TLS 1.2) unless its login
travels in the same packet (60 bytes and more)."""

TICKETS = 16
"""OpenSSL sends two tickets after the handshake, one after the other, of lengths this close (271 and 287 bytes)."""


def given_work(messages: Messages, early: Messages, push: Ints, submit: Ints, *, sealed: bool = False) -> Floats:
    """1 for every connection that the client opens, and whose first seconds hold a message of the server that may be a
    job.

    ``early`` are the messages of the opening, ``messages`` those behind it; what comes after the first message as long
    as a share does not count. ``sealed``: the opening is a TLS handshake's, whose first messages are none of the
    application's.
    """
    start = _beginning(messages, early, submit)
    length, wanted = start.length, push[start.flow].astype(np.float64)
    told, most = ~start.client, wanted + LONGER
    if sealed:
        told, ticket = _behind_handshake(start, len(push))
        most += np.where(ticket, WITH_TICKET, 0)
    least = np.where(wanted >= LONG_JOB, BRANCHES * wanted, wanted - SHORTER)
    jobs = told & (length >= least) & (length <= most)
    given: Floats = (np.bincount(start.flow[jobs], minlength=len(push)) > 0).astype(np.float64)
    return given * (_at_first(start.flow, start.client.astype(np.int64), len(push)) > 0)


def _beginning(messages: Messages, early: Messages, submit: Ints) -> Messages:
    """The first seconds of every connection, until the first share."""
    rows = len(submit)
    handed_in = messages.client & near(messages.length, submit[messages.flow], TICKETS)
    first = np.where(_at_first(early.flow, early.length, rows) > 0, _at_first(early.flow, early.time, rows), LATEST_US)
    until = np.clip(TRIPS * first, FIRST_US, LATEST_US)
    np.minimum.at(until, messages.flow[handed_in], messages.time[handed_in])
    late = messages.where(messages.time <= until[messages.flow])
    columns = [
        np.concatenate([getattr(part, name) for part in (early, late)]) for name in ("flow", "client", "length", "time")
    ]
    order = np.argsort(columns[0], kind="stable")
    return Messages(*(column[order] for column in columns))


def _behind_handshake(start: Messages, rows: int) -> tuple[Bools, Bools]:
    """Messages of the server behind the client's login, and those that may have a ticket in the same packet.

    The server's certificate comes before the client's second message. What follows first may be tickets; where nothing
    else follows until the client speaks again, with a share that it may find at once, it is the answer to the login.
    """
    spoken = _numbered(start.flow, start.client, rows)
    second = start.client & (spoken == 2)
    together = np.zeros(rows, dtype=np.bool_)
    together[start.flow[second]] = start.length[second] > FINISHED
    behind = ~start.client & (spoken >= 2)
    rank = _numbered(start.flow, behind, rows)
    ticket = np.zeros(rows, dtype=np.int64)
    opener = behind & (rank == 1)
    ticket[start.flow[opener]] = start.length[opener]
    twin = behind & (rank == 2) & (np.abs(start.length - ticket[start.flow]) <= TICKETS)
    rest = behind & ~opener & ~twin
    turn = np.zeros(rows, dtype=np.int64)
    turn[start.flow[opener]] = spoken[opener]
    more = np.bincount(start.flow[rest & (spoken == turn[start.flow])], minlength=rows) > 0
    told = np.where(together[start.flow], spoken >= 2, spoken >= 3) & (rest | ~more[start.flow])
    return behind & told, behind & (rank == 2) & ~twin


def _numbered(flow: Ints, counted: Bools, rows: int) -> Ints:
    """How many of the messages that count each connection has had up to here."""
    total = np.cumsum(counted)
    return total - _at_first(flow, total - counted, rows)[flow]


def _at_first(flow: Ints, value: Ints, rows: int) -> Ints:
    """``value`` at the first message of each connection, 0 where there is none."""
    found = np.zeros(rows, dtype=np.int64)
    if len(flow):
        start = np.flatnonzero(np.r_[True, flow[1:] != flow[:-1]])
        found[flow[start]] = value[start]
    return found
