"""Ordinary traffic that shares something with mining stays quiet, from its first minute to its last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kanaria.lab import framing
from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.scenario import Message

Judge = Callable[..., Any]

ALERT = 7.0


def _script(name: str, seed: int, seconds: float = 2400.0) -> tuple[tuple[Message, ...], str]:
    transport, make = LOOKALIKES[name]
    return make(np.random.default_rng(seed), seconds), transport


@pytest.mark.parametrize("name", sorted(LOOKALIKES))
def test_lookalikes_are_quiet(judge: Judge, name: str) -> None:
    for seed in range(4):
        sent, transport = _script(name, seed)
        assert (judge(sent, transport=transport).bits or 0.0) < ALERT, (name, seed)


@pytest.mark.parametrize("name", sorted(LOOKALIKES))
def test_lookalikes_are_quiet_at_every_early_look(judge: Judge, name: str) -> None:
    sent, transport = _script(name, 99, 900.0)
    for until in (20, 60, 180, 420):
        assert (judge(sent, until=until, transport=transport).bits or 0.0) < ALERT, (name, until)


@pytest.mark.parametrize("name", sorted(name for name, (transport, _) in LOOKALIKES.items() if transport == "tcp"))
def test_lookalikes_are_quiet_inside_tls(judge: Judge, name: str) -> None:
    sent, _ = _script(name, 5)
    assert (judge(framing.tls(sent, np.random.default_rng(0))).bits or 0.0) < ALERT


def test_a_download_is_not_mining(judge: Judge) -> None:
    packets = [(True, 420, 0.1)] + [(False, 1448, 2 + i * 0.01) for i in range(300)]
    assert (judge(packets).bits or 0.0) <= 0


def test_an_exact_beacon_is_not_mining(judge: Judge) -> None:
    # Detectors of regular beacons exist; mining is irregular, and a clock is evidence against it.
    regular = [item for i in range(60) for item in ((True, 184, 30.0 * i + 5), (False, 65, 30.0 * i + 5.04))]
    times = 5 + np.cumsum(np.random.default_rng(2).exponential(30.0, 60))
    by_chance = [item for at in times for item in ((True, 184, float(at)), (False, 65, float(at) + 0.04))]
    assert judge(regular).bits < judge(by_chance).bits - 1
    assert judge(regular).bits < ALERT / 2


def test_keystrokes_are_not_mining(judge: Judge) -> None:
    rng = np.random.default_rng(1)
    times = 2 + np.cumsum(rng.exponential(0.4, 90))
    packets = [item for at in times for item in ((True, 36, float(at)), (False, 36, float(at) + 0.03))]
    assert (judge(packets).bits or 0.0) < 0
