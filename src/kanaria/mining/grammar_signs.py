"""The signs that speak for or against mining, each a number between 0 (absent) and 1 (plain).

In: ``Exchange`` (message sequences) or ``Volume`` (plain flow records). Out: one array per sign. What a sign is worth,
in bits, is knowledge (``weights/grammar.yaml``); this module only says how plainly it shows. The corners of the ramps
are round numbers beside the measured ranges, so that no sign hangs on the exact size or pace of one capture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from kanaria.core.values import dataclass
from kanaria.mining.grammar_gate import shown
from kanaria.mining.grammar_sequence import TOLERANCE, Exchange
from kanaria.mining.grammar_stats import Bools, Floats

SEQUENCE = (
    "pushes_alike", "pushes_many", "pushes_paced", "pushes_uneven", "answers_alike", "answer_shorter",
    "job_longer_than_answer", "few_lengths", "submits_alike", "gaps_like_chance", "thin", "long_lived",
    "push_holds_job", "share_and_receipt", "jobs_and_shares", "jobs_asked", "login_receipt", "shares_many",
)  # fmt: skip
"""Signs for mining in a message sequence."""

SEQUENCE_AGAINST = (
    "gaps_regular", "gaps_bursty", "tiny_client", "echo", "push_like_submit", "bulk_down", "bulk_up", "many_lengths",
    "unanswered", "never_pushed", "answer_longer", "fast", "pushes_regular", "push_tiny", "client_replies",
    "shared_lengths", "busy", "datagrams", "blurred", "jobs_bunched", "share_tiny",
    "job_like_receipt", "jobs_heavy",
)  # fmt: skip
"""Signs against mining in a message sequence: what keystrokes, heartbeats, polling and transfers look like."""

FIXED = (
    "not_shown", "silent_client", "other_protocol", "readable", "receipt_tiny", "shares_bunched", "jobs_flood",
    "receipt_long", "no_first_job", "only_reacts",
)  # fmt: skip
"""Vetoes: each by itself is the end of the matter. Their bits are set, not fitted."""

FLOW = ("flow_thin", "flow_small_up", "flow_small_down", "flow_balanced", "flow_paced", "flow_long")
"""Signs for mining in a plain flow record."""

FLOW_AGAINST = (
    "flow_bulk", "flow_idle", "flow_lopsided", "flow_large_packets", "flow_datagrams",
)  # fmt: skip
"""Signs against mining in a plain flow record."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What a plain flow record knows, one element per connection: seconds, IP bytes and packets by side."""

    seconds: Floats
    up_bytes: Floats
    down_bytes: Floats
    up_packets: Floats
    down_packets: Floats
    datagrams: Bools


def ramp(value: Floats, absent: float, plain: float) -> Floats:
    """0 at ``absent``, 1 at ``plain``, straight between; ``plain`` may be the smaller. NaN counts as absent."""
    return np.nan_to_num(np.clip((value - absent) / (plain - absent), 0.0, 1.0), nan=0.0)


def log_ramp(value: Floats, absent: float, plain: float) -> Floats:
    """``ramp`` on a logarithmic scale, for rates, counts and durations."""
    return ramp(np.log(np.maximum(value, 1e-9)), float(np.log(absent)), float(np.log(plain)))


def within(value: Floats, low: float, high: float, softness: float = 1.5) -> Floats:
    """1 between ``low`` and ``high``, falling to 0 at ``softness`` times beyond."""
    return log_ramp(value, low / softness, low) * log_ramp(value, high * softness, high)


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """What is known of connections beside their messages, one element per connection.

    ``duration`` in seconds and ``rate`` in bytes per second (0 where unknown) are the whole connection's, beyond the
    messages kept. ``datagrams``: something else than TCP; ``other``: a protocol that mining does not travel in;
    ``readable``: bytes that can be read and are no mining message; ``tls``: the sensor saw a TLS handshake; ``begun``:
    it saw the connection begin; ``records``: its bytes are TLS records, whether the handshake was seen or not.
    """

    duration: Floats
    rate: Floats
    datagrams: Bools
    other: Bools
    readable: Bools
    tls: Bools
    begun: Bools
    records: Bools

    def of(self, which: NDArray[np.int64]) -> FlowFacts:
        return FlowFacts(*(getattr(self, field.name)[which] for field in fields(self)))


def of_sequence(seen: Exchange, facts: FlowFacts) -> Mapping[str, Floats]:
    """Every sign of a message sequence."""
    signs = {
        **_pushes(seen), **_answers(seen), **_whole(seen, facts.duration, facts.rate),
        **_against(seen, facts.datagrams), **_unavoidable(seen, facts),
    }  # fmt: skip
    signs |= {
        "not_shown": (~shown(seen)).astype(np.float64),
        "silent_client": ramp(seen.client_total, 1, 0),
        "other_protocol": facts.other.astype(np.float64),
        "readable": facts.readable.astype(np.float64),
        "no_first_job": _no_first_job(seen, facts),
        "only_reacts": ramp(seen.reacting, *REACTS),
    }
    # Polling has submits and answers, dashboards have pushes; only mining has all of it at once.
    receipt = signs["answer_shorter"] * signs["answers_alike"] * signs["submits_alike"]
    signs["share_and_receipt"] = receipt * (1 - signs["tiny_client"]) * (1 - signs["gaps_regular"])
    # getwork and eth_getWork: what is asked for now and then is what comes unasked in between.
    signs["jobs_asked"] = signs["push_holds_job"] * ramp(seen.push_count, 0, 2) * ramp(seen.jobs_asked, 0, 1)
    signs["jobs_and_shares"] = signs["push_holds_job"] * signs["answer_shorter"] * signs["job_longer_than_answer"]
    return signs


def _share(part: Floats, whole: Floats) -> Floats:
    return part / np.maximum(whole, 1.0)


def _pushes(seen: Exchange) -> dict[str, Floats]:
    alike = ramp(_share(seen.push_count, seen.push_total), 0.5, 0.9)
    return {
        "pushes_alike": alike * ramp(seen.push_count, 0, 3),
        "pushes_many": alike * log_ramp(seen.push_count, 2, 12),
        # Jobs came every 1 s (an Ethereum pool's 30 blocks a minute with refreshes) to 120 s (Monero).
        "pushes_paced": alike * within(seen.push_gap, 1, 180, 2),
        "pushes_uneven": alike * ramp(seen.push_cv, 0.1, 0.3),
        "pushes_regular": ramp(seen.push_cv, 0.12, 0.03),
        "push_like_submit": _both_near(seen.push, seen.submit),
        # A job carries a header or its hash, a seed hash and a target in hexadecimal: 240-1,310 bytes in the captures.
        "push_holds_job": alike * within(seen.push, 190, 2600, 1.3) * ramp(seen.push_count, 0, 2),
        "push_tiny": np.where(seen.push_count > 0, ramp(seen.push, 170, 100), 0.0),
    }


def _answers(seen: Exchange) -> dict[str, Floats]:
    alike = ramp(_share(seen.answer_count, seen.answered), 0.5, 0.9)
    got = seen.answer_count > 0
    enough = ramp(seen.answer_count, 0, 3)
    ratio = seen.answer / np.maximum(seen.submit, 1.0)
    return {
        "answers_alike": alike * enough,
        "answer_shorter": np.where(got, ramp(ratio, 0.9, 0.7), 0.0) * ramp(seen.answer_count, 0, 2),
        "answer_longer": np.where(got, ramp(ratio, 1.2, 1.8), 0.0),
        "job_longer_than_answer": np.where(
            got & (seen.push_count > 0), ramp(seen.push / np.maximum(seen.answer, 1.0), 1.3, 2.0), 0.0
        ),
        # A login names wallet and program; the receipt, even with a first job, is shorter. A handshake's is longer.
        "login_receipt": np.where(seen.welcome > 0, ramp(seen.welcome / np.maximum(seen.hello, 1.0), 0.95, 0.8), 0.0)
        * ramp(seen.hello, 60, 90)
        * ramp(seen.push_count, 0, 2),
        "echo": _both_near(seen.answer, seen.submit),
        "unanswered": ramp(_share(seen.answered, seen.submit_count), 0.6, 0.2) * ramp(seen.submit_count, 1, 4),
    }


LONG_JOB, FLOOD = 600, 400.0
"""Only Bitcoin and its kin list Merkle branches in their jobs, which makes them longer than this; they have blocks and
new jobs every half minute and more (at most 164 bytes a second of jobs in every real source, 120 in the laboratory's).
Chains with a block every second send a hash (190-350 bytes). Long messages at more bytes a second are heads of blocks,
prices or pictures."""


def _flooded(seen: Exchange) -> Floats:
    a_second = seen.push * seen.push_count / np.maximum(seen.span, 1.0)
    return ((seen.push >= LONG_JOB) & (a_second >= FLOOD)).astype(np.float64)


def _no_first_job(seen: Exchange, facts: FlowFacts) -> Floats:
    """A tunnel's datagrams may have begun with something else."""
    given = np.where(facts.tls, seen.given_work_sealed, seen.given_work)
    known = (facts.tls | facts.begun) & ~facts.datagrams & (seen.push_count > 0)
    absent: Floats = (known & (given == 0)).astype(np.float64)
    return absent


def _both_near(one: Floats, other: Floats) -> Floats:
    return np.where((one > 0) & (other > 0) & (np.abs(one - other) <= TOLERANCE), 1.0, 0.0)


def _whole(seen: Exchange, duration: Floats, whole_rate: Floats) -> dict[str, Floats]:
    few_kinds = ramp(_share(seen.commonest, seen.total), 0.6, 0.95)
    rate = np.maximum(seen.bytes / np.maximum(seen.span, 1.0), whole_rate)
    return {
        "few_lengths": few_kinds * ramp(seen.total, 3, 10),
        "many_lengths": ramp(_share(seen.commonest, seen.total), 0.8, 0.4) * ramp(seen.total, 5, 12),
        "submits_alike": ramp(_share(seen.submit_count, seen.client_total - seen.aside), 0.3, 0.8)
        * ramp(seen.submit_count, 0, 3),
        "thin": log_ramp(rate, 1500, 300),
        "fast": log_ramp(seen.total / np.maximum(seen.span, 1.0), 2, 8),
        # Miners stayed below 800 bytes a second in every real source, the laboratory's below 1,300.
        "busy": log_ramp(rate, 1500, 4000),
        "long_lived": log_ramp(np.maximum(duration, seen.span), 60, 3600),
    }


def _against(seen: Exchange, datagrams: Bools) -> dict[str, Floats]:
    chatting = ramp(seen.client_total, 0, 1)
    return {
        "gaps_like_chance": within(seen.gap_cv, 0.6, 1.6, 1.4),
        "gaps_regular": ramp(seen.gap_cv, 0.35, 0.15),
        "gaps_bursty": ramp(seen.gap_cv, 1.8, 3.0),
        "tiny_client": ramp(seen.submit, 52, 40) * chatting,
        "bulk_down": log_ramp(seen.longest_down, 2500, 6000),
        "bulk_up": log_ramp(seen.longest_up, 3200, 6000),
        "never_pushed": ramp(seen.push_total, 1, 0) * ramp(seen.total, 6, 16),
        "client_replies": ramp(_share(seen.replies, seen.client_total), 0.25, 0.7) * ramp(seen.client_total, 1, 4),
        "shared_lengths": ramp(_share(seen.shared, seen.client_total), 0.3, 0.8) * ramp(seen.client_total, 1, 4),
        "blurred": seen.blurred,
        "datagrams": datagrams.astype(np.float64),
    }


REACTS = (0.7, 0.9)
"""Which share of the shares comes because of something that the server said: at most 0.33 (one of three) in 63 real
and 0.29 in 160 laboratory miners; 0.9 to 1 where a client polls (consumers of Kafka, mail that is waited for)."""

LONG_RECEIPT = (160, 220)
"""Receipts say yes, or no and why: at most 81 bytes in every real source, some 110 for a share that is refused. SIP's
answers repeat five headers of the question: 280 bytes and more."""

IN_TLS, IN_WIREGUARD = 22.0, 84.0
"""What a wrapping adds to each message, at least: TLS 1.3; and WireGuard with inner headers."""


def _unavoidable(seen: Exchange, facts: FlowFacts) -> dict[str, Floats]:
    """What a miner cannot avoid, as far as it shows by degrees: shares and jobs go on all the time.

    The shortest receipt of a dialect, ``{"id":4,"result":true}`` and a line feed, has 23 bytes, the shortest share
    (Stratum V2, sealed) 62.
    """
    got = seen.answer_count > 0
    receipt = seen.answer - np.where(facts.records, IN_TLS, 0.0)
    return {
        "shares_many": log_ramp(seen.answer_count, 3, 20),
        "shares_bunched": ramp(seen.share_pause, 2.8, 4.8),
        "jobs_bunched": ramp(seen.job_pause, 1.9, 3.0),
        # A pool pays for the same jobs to thousands of miners: at most 164 bytes a second of them in every real source,
        # 120 in the laboratory's.
        "jobs_flood": _flooded(seen),
        "jobs_heavy": log_ramp(seen.push * seen.push_count / np.maximum(seen.span, 1.0), 300, 900),
        "receipt_tiny": np.where(got, ramp(receipt, 23, 17), 0.0),
        "receipt_long": np.where(got, ramp(receipt - np.where(facts.datagrams, IN_WIREGUARD, 0.0), *LONG_RECEIPT), 0.0),
        "share_tiny": np.where(got, ramp(seen.submit - seen.answer, 50, 25), 0.0),
        "job_like_receipt": np.where(
            got & (seen.push_count > 0), ramp(seen.push / np.maximum(seen.answer, 1.0), 1.5, 1.1), 0.0
        ),
    }


def of_flow(seen: Volume) -> Mapping[str, Floats]:
    """Every sign of a plain flow record."""
    seconds = np.maximum(seen.seconds, 1.0)
    total = seen.up_bytes + seen.down_bytes
    up_size = seen.up_bytes / np.maximum(seen.up_packets, 1.0)
    down_size = seen.down_bytes / np.maximum(seen.down_packets, 1.0)
    packets = seen.up_packets / np.maximum(seen.down_packets, 1.0)
    per_minute = 60 * (seen.up_packets + seen.down_packets) / seconds
    return {
        "flow_thin": within(total / seconds, 10, 400, 2),
        "flow_small_up": within(up_size, 50, 170, 1.3),
        "flow_small_down": within(down_size, 65, 420, 1.3),
        "flow_balanced": within(packets, 0.7, 1.5, 1.4),
        "flow_paced": within(per_minute, 3, 120, 2),
        "flow_long": log_ramp(seconds, 60, 3600),
        "flow_bulk": log_ramp(total / seconds, 1000, 5000),
        "flow_idle": log_ramp(total / seconds, 8, 3),
        "flow_lopsided": np.maximum(log_ramp(packets, 1.8, 4), log_ramp(1 / np.maximum(packets, 1e-6), 1.8, 4)),
        "flow_large_packets": log_ramp(np.maximum(up_size, down_size), 500, 900),
        "flow_datagrams": seen.datagrams.astype(np.float64),
    }
