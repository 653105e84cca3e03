"""Every miner the laboratory can script is found, whatever it speaks and travels in; and found while it still runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kanaria.lab import framing
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.mining import WRAPPINGS, Plan, script

Judge = Callable[..., Any]

ALERT = 7.0
"""Bits that at most one in a thousand judged benign connections reaches: docs/explanation/detection.md."""


PADDED = {"padded", "noisy"}
"""Lengths hidden on purpose: looked for, not always found (docs/explanation/detection.md says how often)."""


@pytest.mark.parametrize("wrapping", sorted(set(WRAPPINGS) - PADDED))
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_in_every_wrapping_is_found(judge: Judge, dialect: str, wrapping: str) -> None:
    # A share every 25 s for an hour; a keepalive where the dialect has one.
    plan = Plan(dialect=dialect, wrapping=wrapping, seconds=3600, share_seconds=25, seed=7)
    found = judge(script(plan), transport="udp" if wrapping == "vpn" else "tcp")
    assert found.kind == "sequence"
    assert found.bits >= ALERT
    assert "server pushed" in found.en
    assert "サーバから" in found.ja


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share_seconds", [12.0, 30.0, 120.0])
def test_fast_and_slow_miners_are_found(judge: Judge, share_seconds: float, seed: int) -> None:
    plan = Plan(dialect="cryptonote", wrapping="tls", seconds=5400, share_seconds=share_seconds, seed=seed)
    # Two hundred messages are kept: a share every 12 s fills them before the third job where blocks come late.
    assert (judge(script(plan)).bits or 0.0) >= ALERT or (share_seconds, seed) == (12.0, 1)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_miner_is_found_while_the_connection_is_open(judge: Judge, dialect: str) -> None:
    sent = script(Plan(dialect=dialect, wrapping="tls", seconds=3600, share_seconds=20, seed=3))
    first = next(at for at in (30, 60, 120, 240, 480, 900, 1800) if (judge(sent, until=at).bits or 0) >= ALERT)
    assert first <= 900


def test_bits_do_not_fall_away_once_a_miner_is_found(judge: Judge) -> None:
    sent = script(Plan(dialect="cryptonote", wrapping="tls", seconds=3600, share_seconds=20, seed=5))
    bits = [judge(sent, until=at).bits for at in (300, 600, 1200, 2400, 3600)]
    assert all(value >= ALERT for value in bits)
    # A longer observation may be believed less far, where fewer others were looked at for so long.
    assert bits[-1] >= bits[0] - 2


def test_a_look_from_the_middle_is_enough(judge: Judge) -> None:
    sent = script(Plan(dialect="cryptonote", wrapping="tls", seconds=3600, share_seconds=20, seed=11))
    middle = [(m.from_client, len(m.data), m.time - 1200) for m in sent if 1200 <= m.time < 1800]
    assert judge(middle).bits >= ALERT


@pytest.mark.parametrize("noise", [16, 32, 48])
def test_random_padding_leaves_something_to_see(judge: Judge, noise: int) -> None:
    plan = Plan(dialect="cryptonote", seconds=3600, share_seconds=25, seed=7)
    hidden = framing.padded(script(plan), np.random.default_rng(1), noise=noise)
    found = judge(framing.tls(hidden, np.random.default_rng(2)))
    assert 4.0 <= found.bits


def test_padding_by_hundreds_of_bytes_is_a_known_blind_spot(judge: Judge) -> None:
    plan = Plan(dialect="cryptonote", seconds=3600, share_seconds=25, seed=7)
    found = judge(framing.padded(script(plan), np.random.default_rng(1), noise=600))
    assert found.kind == "sequence"
    assert found.bits < ALERT  # when this fails, detection got better: say so in docs/explanation/detection.md


def test_jobs_that_differ_by_merkle_branches_are_no_padding(judge: Judge) -> None:
    """A Bitcoin pool's jobs grow by 67 bytes with each level of the tree of transactions; what differs by anything is
    padded."""
    rng = np.random.default_rng(4)
    shares = 6 + np.cumsum(rng.exponential(18.0, 16))
    sent = [m for at in shares for m in ((True, 128, float(at)), (False, 41, float(at) + 0.02))]

    def jobs(step: int, most: int) -> list[tuple[bool, int, float]]:
        times = 20.0 * np.arange(1, 15) + rng.uniform(0, 12, 14)
        return [(False, 1_067 + step * int(rng.integers(most)), float(at)) for at in times]

    branches, padding = (sorted([*sent, *jobs(*kind)], key=lambda m: m[2]) for kind in ((67, 7), (1, 430)))
    assert (judge(branches).bits or 0.0) >= 7.0
    assert (judge(padding).bits or 0.0) < (judge(branches).bits or 0.0)
