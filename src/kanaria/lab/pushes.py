"""Protocols that push unasked and acknowledge, as mining does, with every parameter drawn: a random generator and a
duration come in, messages out.

Sizes are those inside the wrapping (TLS is added by ``framing``). Ranges span what the protocols allow and their
programs do by default; framing follows the specifications (MQTT 3.1.1, RFC 6120, RFC 6455, RFC 9113, Electrum 1.4, the
Ethereum JSON-RPC, AMQP 0-9-1, SIP). None of them is a miner; some, once encrypted, differ from one in nothing but
their rhythm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kanaria.lab.lookalikes import Rng, Script, Size, _exchange, _ordered, _say, _ticks, _times
from kanaria.lab.scenario import Message


def _draw(rng: Rng, low: float, high: float) -> float:
    """A parameter, evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _pushed(
    rng: Rng, seconds: float, gap: float, size: float, spread: float, *, regular: bool = False
) -> list[Message]:
    """Messages nobody asked for, of ``size`` and up to ``spread`` bytes more."""
    times = _ticks(rng, gap, seconds, gap * 0.04) if regular else _times(rng, gap, seconds)
    return [_say(rng, at, False, size + rng.integers(int(spread) + 1)) for at in times]


def _acknowledged(rng: Rng, pushes: list[Message], size: Size, delay: float = 0.01) -> list[Message]:
    """The client's answer to each."""
    return [_say(rng, m.time + delay + rng.exponential(0.01), True, size) for m in pushes]


def _burst(rng: Rng, count: int, up: tuple[int, int], down: tuple[int, int]) -> list[Message]:
    """Requests one after the other at the start."""
    made, at = [], 0.3
    for _ in range(count):
        at += 0.03 + float(rng.exponential(0.15))
        made += _exchange(rng, at, rng.integers(*up), rng.integers(*down))
    return made


def electrum(rng: Rng, seconds: float) -> Script:
    """A wallet: subscriptions in a burst, headers and history changes pushed, each followed by a question; pings."""
    address = int(rng.integers(110, 160))
    sent = _burst(rng, int(rng.integers(5, 70)), (address, address + 3), (39, 42) if rng.random() < 0.6 else (100, 104))
    sent += _pushed(rng, seconds, _draw(rng, 200, 900), 250, 6)
    for push in _pushed(rng, seconds, _draw(rng, 20, 600), 196, 3):
        sent += [push, *_exchange(rng, push.time + 0.05, address + 2, rng.lognormal(6.5, 1.0))]
    for at in _ticks(rng, 60 if rng.random() < 0.5 else 300, seconds, 0.3):
        sent += _exchange(rng, at, 44 + rng.integers(2), 39)
    return _ordered(sent)


def ethereum_subscription(rng: Rng, seconds: float) -> Script:
    """A dapp at a remote node: ``newHeads`` at every slot, a log now and then, balances asked for."""
    slot = float(rng.choice([1.0, 2.0, 12.0, 12.0, 12.0]))
    ticks = _ticks(rng, slot, seconds, slot * 0.06)
    heads = [
        _say(rng, at, False, 1_180 + rng.integers(int(rng.integers(3, 90)))) for at in ticks if rng.random() > 0.04
    ]
    sent = _burst(rng, int(rng.integers(2, 9)), (60, 180), (45, 110)) + heads
    asked, answered, alone = int(rng.integers(70, 190)), int(rng.integers(40, 110)), rng.random() < 0.6
    for at in _times(rng, _draw(rng, 5, 120), seconds):
        sent += _exchange(
            rng, at, asked + rng.integers(3), answered + (rng.integers(4) if alone else rng.integers(700))
        )
    return _ordered(sent)


def development_chain(rng: Rng, seconds: float) -> Script:
    """A program at a chain for developers (Ganache, Hardhat, Anvil): a block every second or so, all heads of one
    length, and one balance asked for at chance times, with a short answer. Sizes as a real Ganache sends them."""
    block = _draw(rng, 0.8, 3)
    head = 1_480 + int(rng.integers(100))
    sent = _burst(rng, int(rng.integers(1, 4)), (70, 130), (45, 80))
    sent += [_say(rng, at, False, head + rng.integers(2)) for at in _ticks(rng, block, seconds, block * 0.03)]
    asked, answered = int(rng.integers(112, 128)), int(rng.integers(40, 60))
    for at in _times(rng, _draw(rng, 0.5, 2), seconds):
        sent += _exchange(rng, at, asked + rng.integers(2), answered + rng.integers(2))
    return _ordered(sent)


def chia_wallet(rng: Rng, seconds: float) -> Script:
    """A light wallet: a new peak every 19 seconds or so, the block's header asked for, longer than the question."""
    sent = _burst(rng, int(rng.integers(3, 20)), (60, 400), (90, 3000))
    for push in _pushed(rng, seconds, _draw(rng, 9, 30), 60 + int(rng.integers(60)), 3):
        sent.append(push)
        if rng.random() < 0.9:
            sent += _exchange(rng, push.time + 0.02, 17 + rng.integers(2), 600 + rng.integers(1500))
    return _ordered(sent)


def mqtt_commands(rng: Rng, seconds: float) -> Script:
    """QoS 1 both ways: readings acknowledged in 4 bytes, commands pushed and acknowledged in 4 bytes; pings."""
    size, spread = _draw(rng, 60, 420), int(rng.integers(2, 40))
    regular, gap = rng.random() < 0.4, _draw(rng, 5, 120)
    times = _ticks(rng, gap, seconds, gap * 0.02) if regular else _times(rng, gap, seconds)
    sent = [m for at in times for m in _exchange(rng, at, size + rng.integers(spread), 4)]
    pushes = _pushed(rng, seconds, _draw(rng, 10, 300), _draw(rng, 90, 600), float(rng.integers(2, 60)))
    sent += [*pushes, *_acknowledged(rng, pushes, 4)]
    sent += [m for at in _ticks(rng, 60, seconds) for m in _exchange(rng, at, 2, 2)]
    return _ordered(sent)


def mqtt_exactly_once(rng: Rng, seconds: float) -> Script:
    """QoS 2: PUBLISH, PUBREC, PUBREL, PUBCOMP, both ways."""
    sent, size = [], _draw(rng, 80, 500)
    for at in _times(rng, _draw(rng, 8, 120), seconds):
        sent += _exchange(rng, at, size + rng.integers(20), 4) + _exchange(rng, at + 0.09, 4, 4)
    for push in _pushed(rng, seconds, _draw(rng, 10, 200), size, 20):
        sent += [push, _say(rng, push.time + 0.01, True, 4), _say(rng, push.time + 0.05, False, 4)]
        sent.append(_say(rng, push.time + 0.06, True, 4))
    return _ordered(sent)


def device_shadow(rng: Rng, seconds: float) -> Script:
    """A thing that reports its state to a cloud: report, acknowledgement, and the accepted state pushed."""
    report, state, gap = _draw(rng, 120, 300), _draw(rng, 180, 420), _draw(rng, 15, 120)
    sent = []
    for at in _times(rng, gap, seconds):
        sent += _exchange(rng, at, report + rng.integers(4), 4)
        if rng.random() < 0.4:
            sent.append(_say(rng, at + 1.2 + rng.exponential(8), False, state + rng.integers(5)))
    return _ordered(sent)


def server_sent_events(rng: Rng, seconds: float) -> Script:
    """A page that listens and never speaks."""
    return _ordered([_say(rng, 0.1, True, 420), _say(rng, 0.2, False, 190), *_pushed(
        rng, seconds, _draw(rng, 3, 200), _draw(rng, 80, 900), float(rng.integers(0, 60)))])  # fmt: skip


def trading_feed(rng: Rng, seconds: float) -> Script:
    """Prices pushed over a WebSocket, pings; on some connections orders now and then, confirmed at length."""
    sent = _burst(rng, int(rng.integers(1, 5)), (90, 200), (60, 220))
    sent += _pushed(rng, seconds, _draw(rng, 0.3, 15), _draw(rng, 130, 500), float(rng.integers(4, 40)))
    for at in _ticks(rng, float(rng.choice([15, 20, 30, 60])), seconds, 0.05):
        sent += _exchange(rng, at, 6 + rng.integers(20), 6 + rng.integers(20))
    if rng.random() < 0.3:
        for at in _times(rng, _draw(rng, 30, 300), seconds):
            sent += _exchange(rng, at, 180 + rng.integers(60), 230 + rng.integers(90))
    return _ordered(sent)


def mobile_push(rng: Rng, seconds: float) -> Script:
    """A phone's channel for notifications, each acknowledged at once; heartbeats."""
    pushes = _pushed(rng, seconds, _draw(rng, 20, 400), 180, 900)
    sent = [*pushes, *_acknowledged(rng, pushes, rng.integers(20, 60))]
    for at in _ticks(rng, float(rng.choice([28, 60, 240, 300])), seconds, 0.2):
        sent += _exchange(rng, at, 20 + rng.integers(2), 18)
    return _ordered(sent)


def xmpp(rng: Rng, seconds: float) -> Script:
    """Messaging with stream management (XEP-0198): stanzas of all lengths, requests and answers of a few bytes."""
    sent = _burst(rng, int(rng.integers(3, 9)), (90, 400), (90, 700))
    for at in _times(rng, _draw(rng, 5, 90), seconds):
        sent += _exchange(rng, at, 150 + rng.lognormal(4.2, 0.8), 32 + rng.integers(2))
    for push in _pushed(rng, seconds, _draw(rng, 4, 90), 140, 320):
        sent += [push, _say(rng, push.time + 0.02, True, 34)]
    return _ordered(sent)


def message_queue(rng: Rng, seconds: float) -> Script:
    """A consumer that is handed tasks (AMQP), acknowledges each when done, and publishes results that are confirmed."""
    sent, size = [], _draw(rng, 120, 600)
    for push in _pushed(rng, seconds, _draw(rng, 2, 60), size, float(rng.integers(2, 200))):
        sent += [push, _say(rng, push.time + rng.exponential(2.0), True, 21)]
        if rng.random() < 0.5:
            sent += _exchange(rng, push.time + 0.2 + rng.exponential(3.0), 140 + rng.integers(60), 21)
    sent += [_say(rng, at, bool(i % 2), 8) for i, at in enumerate(_ticks(rng, 30, seconds))]
    return _ordered(sent)


def long_poll(rng: Rng, seconds: float) -> Script:
    """A log's consumer that asks and is answered when something came, or after the wait's end, with little."""
    wait, sent, at = float(rng.choice([0.5, 5, 30, 55])), [], 0.5
    while at < seconds:
        waited = min(wait, float(rng.exponential(wait * 1.5)))
        sent.append(_say(rng, at, True, 92))
        sent.append(_say(rng, at + waited, False, 61 if waited == wait else 120 + rng.lognormal(5, 0.8)))
        at += waited + 0.02
    return _ordered(sent)


def grpc_both_ways(rng: Rng, seconds: float) -> Script:
    """A stream of calls over HTTP/2: reports answered shortly, instructions pushed, window updates, pings."""
    sent, report = [], _draw(rng, 60, 360)
    for at in _times(rng, _draw(rng, 6, 90), seconds):
        sent += _exchange(rng, at, report + rng.integers(int(rng.integers(3, 60))), 22 + rng.integers(20))
    pushes = _pushed(rng, seconds, _draw(rng, 5, 120), _draw(rng, 90, 500), float(rng.integers(2, 120)))
    sent += [*pushes, *_acknowledged(rng, pushes, 13)]
    sent += [m for at in _ticks(rng, 10, seconds) for m in _exchange(rng, at, 17, 17)]
    return _ordered(sent)


def vpn_over_tcp(rng: Rng, seconds: float) -> Script:
    """A tunnel inside one TCP connection: keepalives of one length both ways, and somebody's pages in bunches."""
    ping, every = 42 + int(rng.integers(40)), float(rng.choice([5, 10, 30]))
    sent = [_say(rng, at, True, ping) for at in _ticks(rng, every, seconds)]
    sent += [_say(rng, at + every / 3, False, ping) for at in _ticks(rng, every, seconds)]
    for at in _times(rng, _draw(rng, 5, 300), seconds):
        for step in range(int(rng.integers(1, 12))):
            sent += _exchange(rng, at + step * rng.exponential(0.2), 90 + rng.integers(900), 90 + rng.integers(1400))
    return _ordered(sent)


def call_signalling(rng: Rng, seconds: float) -> Script:
    """A phone that registers and is asked whether it is there (SIP over TCP), or JSON-RPC of a browser's phone."""
    sent, register = [], 560 + int(rng.integers(200))
    for at in _ticks(rng, float(rng.choice([30, 60, 300])), seconds, 0.5):
        sent += _exchange(rng, at, register + rng.integers(3), register - 90 + rng.integers(3))
    for push in _pushed(rng, seconds, float(rng.choice([20, 30, 60])), 390, 3, regular=True):
        sent += [push, _say(rng, push.time + 0.02, True, 330 + rng.integers(3))]
    return _ordered(sent)


def game_lobby(rng: Rng, seconds: float) -> Script:
    """A card game's table: moves acknowledged, everybody's moves pushed; a person thinks, then acts in bunches."""
    sent, at, move = [], 1.0, _draw(rng, 50, 140)
    while at < seconds:
        for _ in range(int(rng.integers(1, 9))):
            at += float(rng.gamma(2, 2.0))
            sent += _exchange(rng, at, move + rng.integers(20), 24 + rng.integers(20))
        at += float(rng.lognormal(2.5, 1.0))
    sent += _pushed(rng, seconds, _draw(rng, 2, 20), _draw(rng, 100, 400), float(rng.integers(20, 250)))
    return _ordered(sent)


def notices(rng: Rng, seconds: float) -> Script:
    """A desktop program that is told of something a few times an hour, in one length, and pings or keeps silent."""
    sent = _burst(rng, int(rng.integers(1, 4)), (200, 900), (150, 900))
    sent += _pushed(rng, seconds, _draw(rng, 15, 600), _draw(rng, 120, 700), float(rng.integers(0, 8)))
    if rng.random() < 0.5:
        for at in _ticks(rng, float(rng.choice([30, 60])), seconds, 0.05):
            sent += _exchange(rng, at, 8 + rng.integers(30), 8 + rng.integers(30))
    return _ordered(sent)


PUSHES: Mapping[str, Callable[[Rng, float], Script]] = {
    make.__name__: make
    for make in (
        electrum, ethereum_subscription, chia_wallet, mqtt_commands, mqtt_exactly_once, device_shadow,
        server_sent_events, trading_feed, mobile_push, xmpp, message_queue, long_poll, grpc_both_ways, vpn_over_tcp,
        call_signalling, game_lobby, notices, development_chain,
    )
}  # fmt: skip
"""Every such protocol by name; each call draws parameters of its own."""

TEXT = frozenset({
    "electrum", "ethereum_subscription", "development_chain", "server_sent_events", "xmpp", "call_signalling",
    "game_lobby", "trading_feed",
})  # fmt: skip
"""Protocols whose bytes are text where nothing encrypts them (the laboratory's are random)."""
