"""Ordinary traffic that a careless detector takes for mining: a random generator and a duration come in, messages out.

Each look-alike shares something with mining: long life, low volume, steady small messages, server pushes, chance
rhythm, short answers. None shares all of it. Sizes and rhythms follow the protocols' own framing and usual defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kanaria.lab.scenario import Message

Rng = np.random.Generator
Script = tuple[Message, ...]
Size = float | np.integer[Any]


def _times(rng: Rng, mean: float, seconds: float, start: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A Poisson process up to ``seconds``."""
    count = int(seconds / mean * 1.5) + 20
    at = start + np.cumsum(rng.exponential(mean, count))
    return at[at < seconds]


def _ticks(
    rng: Rng, every: float, seconds: float, jitter: float = 0.01
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    at = np.arange(every, seconds, every)
    return at + rng.normal(0, jitter, len(at))


def _ordered(messages: list[Message]) -> Script:
    return tuple(sorted(messages, key=lambda m: m.time))


def _say(rng: Rng, time: float, from_client: bool, size: Size) -> Message:
    return Message(max(0.0, float(time)), from_client, rng.bytes(max(1, round(float(size)))))


def _exchange(rng: Rng, at: float, up: Size, down: Size, delay: float = 0.04) -> list[Message]:
    return [_say(rng, at, True, up), _say(rng, at + delay + rng.exponential(0.005), False, down)]


def ssh_keystrokes(rng: Rng, seconds: float) -> Script:
    """A person typing: bursts of 36-byte keys, each echoed, and command output."""
    sent, at = [], 2.0
    while at < seconds:
        for _ in range(int(rng.integers(3, 25))):
            at += rng.gamma(2, 0.09)
            sent += _exchange(rng, at, 36, 36, 0.03)
        sent += [_say(rng, at + 0.1 + i * 0.002, False, rng.integers(52, 1400)) for i in range(int(rng.integers(1, 6)))]
        at += rng.lognormal(2.0, 1.2)
    return _ordered(sent)


def mqtt_keepalive(rng: Rng, seconds: float) -> Script:
    """A thing that says nothing but PINGREQ every minute."""
    return _ordered([m for at in _ticks(rng, 60, seconds) for m in _exchange(rng, at, 2 + 29, 2 + 29)])


def mqtt_telemetry(rng: Rng, seconds: float) -> Script:
    """Readings of nearly one size at chance times, each acknowledged by a few bytes: QoS 1 over TLS."""
    sent = [m for at in _times(rng, 20, seconds) for m in _exchange(rng, at, 130 + rng.integers(4), 33)]
    sent += [m for at in _ticks(rng, 60, seconds) for m in _exchange(rng, at, 31, 31)]
    return _ordered(sent)


def log_shipper(rng: Rng, seconds: float) -> Script:
    """Log batches of all sizes at chance times, each acknowledged by one fixed short message."""
    return _ordered(
        [m for at in _times(rng, 15, seconds) for m in _exchange(rng, at, 200 + rng.lognormal(6, 1), 6 + 22)]
    )


def dashboard(rng: Rng, seconds: float) -> Script:
    """A WebSocket page that gets an update every two seconds and pings every half minute."""
    sent = [_say(rng, at, False, rng.normal(420, 45)) for at in _ticks(rng, 2, seconds)]
    sent += [m for at in _ticks(rng, 30, seconds) for m in _exchange(rng, at, 28, 24)]
    return _ordered(sent)


def ticker(rng: Rng, seconds: float) -> Script:
    """Market prices pushed whenever they move: chance rhythm, sizes that follow the digits and the number of trades."""
    sent = [_say(rng, at, False, 150 + 45 * rng.geometric(0.5) + rng.integers(12)) for at in _times(rng, 1.5, seconds)]
    sent += [m for at in _ticks(rng, 20, seconds) for m in _exchange(rng, at, 35, 35)]
    return _ordered(sent)


def chat(rng: Rng, seconds: float) -> Script:
    """People writing to each other: texts of all lengths, typing notices, receipts."""
    sent = []
    for at in _times(rng, 40, seconds):
        for step in range(int(rng.integers(1, 5))):
            when, mine = at + step * rng.gamma(2, 2), rng.random() < 0.5
            sent.append(_say(rng, when, mine, 90 + rng.lognormal(3.8, 0.8)))
            sent.append(_say(rng, when + 0.06, not mine, 62 + rng.integers(30)))
    sent += [m for at in _ticks(rng, 30, seconds) for m in _exchange(rng, at, 29, 31)]
    return _ordered(sent)


def push_service(rng: Rng, seconds: float) -> Script:
    """A phone's notification channel: rare pushes of any size, each acknowledged; a ping every five minutes."""
    sent = []
    for at in _times(rng, 200, seconds):
        sent += [_say(rng, at, False, 180 + rng.lognormal(5.5, 0.8)), _say(rng, at + 0.05, True, 61)]
    sent += [m for at in _ticks(rng, 280, seconds) for m in _exchange(rng, at, 53, 53)]
    return _ordered(sent)


def vpn_keepalive(rng: Rng, seconds: float) -> Script:
    """WireGuard with nothing to say: 32 bytes every 25 seconds, a new handshake every two minutes."""
    sent = [_say(rng, at, True, 32) for at in _ticks(rng, 25, seconds)]
    sent += [m for at in _ticks(rng, 120, seconds) for m in _exchange(rng, at, 148, 92)]
    return _ordered(sent)


def replication(rng: Rng, seconds: float) -> Script:
    """A database follower: records pushed in all sizes, progress reported at a regular pace."""
    sent = [_say(rng, at, False, rng.lognormal(5.5, 1.1)) for at in _times(rng, 0.8, seconds)]
    sent += [_say(rng, at, True, 39 + 22) for at in _ticks(rng, 10, seconds)]
    return _ordered(sent)


def ntp(rng: Rng, seconds: float) -> Script:
    """A clock being set: 48 bytes out, 48 back, every 64 seconds."""
    return _ordered([m for at in _ticks(rng, 64, seconds, 0.5) for m in _exchange(rng, at, 48, 48)])


def agent_heartbeat(rng: Rng, seconds: float) -> Script:
    """A monitoring agent: the same metrics every half minute, the same short answer."""
    return _ordered([m for at in _ticks(rng, 30, seconds, 0.05) for m in _exchange(rng, at, 410 + rng.integers(6), 46)])


def agent_with_commands(rng: Rng, seconds: float) -> Script:
    """A management agent: status at a regular pace, short answers, and now and then a task of any size."""
    sent = [m for at in _ticks(rng, 20, seconds, 0.2) for m in _exchange(rng, at, 190 + rng.integers(9), 70)]
    for at in _times(rng, 300, seconds):
        sent += [_say(rng, at, False, rng.lognormal(6, 0.9)), _say(rng, at + 2, True, rng.lognormal(6, 0.9))]
    return _ordered(sent)


def remote_desktop(rng: Rng, seconds: float) -> Script:
    """Mouse and keyboard up, screen down, pauses between."""
    sent, at = [], 2.0
    while at < seconds:
        for _ in range(int(rng.integers(5, 60))):
            at += rng.exponential(0.08)
            sent.append(_say(rng, at, True, rng.integers(35, 90)))
            if rng.random() < 0.6:
                sent.append(_say(rng, at + 0.03, False, rng.lognormal(5.8, 1.4)))
        at += rng.lognormal(1.5, 1.2)
    return _ordered(sent)


def http_polling(rng: Rng, seconds: float) -> Script:
    """A page that asks every ten seconds and usually hears that nothing changed."""
    sent = []
    for at in _ticks(rng, 10, seconds, 0.1):
        sent += _exchange(rng, at, 620 + rng.integers(3), 260 if rng.random() < 0.9 else rng.integers(400, 9000))
    return _ordered(sent)


def grpc_stream(rng: Rng, seconds: float) -> Script:
    """A subscription over HTTP/2: events down, window updates up, pings."""
    sent = []
    for number, at in enumerate(_times(rng, 4, seconds)):
        sent.append(_say(rng, at, False, 60 + rng.lognormal(5, 0.7)))
        if number % 4 == 0:
            sent.append(_say(rng, at + 0.01, True, 35))
    sent += [m for at in _ticks(rng, 30, seconds) for m in _exchange(rng, at, 39, 39)]
    return _ordered(sent)


def imap_idle(rng: Rng, seconds: float) -> Script:
    """A mailbox being watched: rare short notices, and IDLE renewed."""
    sent = [_say(rng, at, False, 22 + rng.integers(18, 30)) for at in _times(rng, 240, seconds)]
    for at in _ticks(rng, 540, seconds):
        sent += _exchange(rng, at, 28, 55) + _exchange(rng, at + 0.2, 37, 34)
    return _ordered(sent)


def task_queue(rng: Rng, seconds: float) -> Script:
    """A worker on a message queue: a task is pushed, worked on, acknowledged; heartbeats both ways."""
    sent = []
    for at in _times(rng, 12, seconds):
        sent.append(_say(rng, at, False, 190 + rng.integers(160)))
        sent.append(_say(rng, at + rng.exponential(1.5), True, 43))
    sent += [_say(rng, at, bool(i % 2), 30) for i, at in enumerate(_ticks(rng, 30, seconds))]
    return _ordered(sent)


def game(rng: Rng, seconds: float) -> Script:
    """A game: twenty small inputs a second up, the world's state down."""
    sent = [_say(rng, at, True, rng.integers(40, 70)) for at in _ticks(rng, 0.05, min(seconds, 300), 0.004)]
    sent += [_say(rng, at, False, rng.integers(90, 420)) for at in _ticks(rng, 0.05, min(seconds, 300), 0.006)]
    return _ordered(sent)


def node_gossip(rng: Rng, seconds: float) -> Script:
    """A peer of a coin's network (not a miner): transaction announcements both ways, pings, a block now and then."""
    sent = []
    for at in _times(rng, 5, seconds):
        mine = rng.random() < 0.5
        sent.append(_say(rng, at, bool(mine), 61 + 36 * rng.integers(0, 12)))
        if rng.random() < 0.3:
            sent.append(_say(rng, at + 0.08, not mine, rng.lognormal(5.8, 0.7)))
    sent += [m for at in _ticks(rng, 120, seconds, 1) for m in _exchange(rng, at, 32, 32)]
    return _ordered(sent)


def polled_by_server(rng: Rng, seconds: float) -> Script:
    """A device that is asked instead of asking: the server's request, the client's report at once."""
    every, asked, answered = rng.uniform(2, 60), rng.integers(60, 900), rng.integers(40, 700)
    sent = []
    for at in _ticks(rng, float(every), seconds, 0.05):
        sent += [_say(rng, at, False, asked), _say(rng, at + 0.03, True, answered + rng.integers(3))]
    return _ordered(sent)


def fixed_cells(rng: Rng, seconds: float) -> Script:
    """An anonymity network: cells of one size (514 bytes in a TLS record), one to three at a time, both ways."""
    pace = float(np.exp(rng.uniform(np.log(0.2), np.log(8))))
    return _ordered(
        [
            _say(rng, at, rng.random() < 0.45, 22 + 514 * rng.choice([1, 1, 1, 2, 3]))
            for at in _times(rng, pace, seconds)
        ]
    )


def two_part_answers(rng: Rng, seconds: float) -> Script:
    """A request of two records answered twice: received, and a moment later the result."""
    sent = []
    for at in _times(rng, 25, seconds):
        sent += [_say(rng, at, True, rng.integers(870, 1300)), _say(rng, at + 0.001, True, 172)]
        sent += [_say(rng, at + 0.04, False, 35), _say(rng, at + rng.uniform(0.1, 0.5), False, 488 + rng.integers(9))]
    return _ordered(sent)


LOOKALIKES: Mapping[str, tuple[str, Callable[[Rng, float], Script]]] = {
    make.__name__: (transport, make)
    for transport, make in (
        ("tcp", ssh_keystrokes), ("tcp", mqtt_keepalive), ("tcp", mqtt_telemetry), ("tcp", log_shipper),
        ("tcp", dashboard), ("tcp", ticker), ("tcp", chat), ("tcp", push_service), ("udp", vpn_keepalive),
        ("tcp", replication), ("udp", ntp), ("tcp", agent_heartbeat), ("tcp", agent_with_commands),
        ("tcp", remote_desktop), ("tcp", http_polling), ("tcp", grpc_stream), ("tcp", imap_idle),
        ("tcp", task_queue), ("udp", game), ("tcp", node_gossip), ("tcp", polled_by_server),
        ("tcp", fixed_cells), ("tcp", two_part_answers),
    )
}  # fmt: skip
"""Every look-alike by name, with its transport."""
