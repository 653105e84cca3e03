"""A miner and its pool as a script: from a plan to hours of messages in virtual time.

Shares come as a Poisson process (finding one is luck), jobs when a block or a batch of transactions arrives, the pool
raises the difficulty until shares come at the pace it wants, and a keepalive goes out every minute if the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kanaria.core.values import dataclass
from kanaria.lab import framing
from kanaria.lab.dialects import DIALECTS, Dialect
from kanaria.lab.scenario import Conversation, Host, Message

Script = tuple[Message, ...]

THINKING = 0.005
"""Seconds a pool takes to check a share before it answers."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a miner does. Times in seconds; ``share_seconds`` is the mean between shares once the difficulty settled."""

    dialect: str
    seconds: float = 3600.0
    share_seconds: float = 30.0
    job_seconds: float | None = None
    rtt: float = 0.04
    vardiff: bool = True
    keepalive: bool = True
    wrapping: str = "tcp"
    seed: int = 0

    @property
    def speaks(self) -> Dialect:
        return DIALECTS[self.dialect]


def script(plan: Plan) -> Script:
    """All messages of the plan's connection as the wire shows them, in order of time."""
    rng = np.random.default_rng(plan.seed)
    speaks = plan.speaks
    body = [*_opening(plan, rng), *_jobs(plan, rng), *_shares(plan, rng)]
    if speaks.beat and plan.keepalive:
        body += _asked(plan, rng, speaks.beat, speaks.beat_seconds)
    if speaks.poll:
        poll, job = speaks.poll, speaks.job
        body += _asked(plan, rng, lambda r, n: (poll(r, n), job(r, n)), speaks.poll_seconds)
    messages = tuple(sorted(body, key=lambda m: m.time))
    return WRAPPINGS[plan.wrapping](_as_spoken(messages, plan, rng), rng)


def conversation(plan: Plan, client: Host, server: Host, server_port: int, **more: object) -> Conversation:
    """The plan between two hosts; ``more`` are further fields of ``Conversation``."""
    made = Conversation(
        client=client,
        server=server,
        server_port=server_port,
        messages=script(plan),
        rtt=plan.rtt,
        transport="udp" if plan.wrapping == "vpn" else "tcp",
        label="mining",
        tags={"dialect": plan.dialect, "wrapping": plan.wrapping},
    )
    return replace(made, **more)  # type: ignore[arg-type]


def _as_spoken(messages: Script, plan: Plan, rng: np.random.Generator) -> Script:
    return framing.websocket(messages, rng, rtt=plan.rtt) if plan.speaks.websocket else messages


def _opening(plan: Plan, rng: np.random.Generator) -> list[Message]:
    at = 0.0
    sent: list[Message] = []
    before = True
    for from_client, data in plan.speaks.opening(rng):
        at += plan.rtt if from_client != before else 0.0002
        sent.append(Message(at, from_client, data))
        before = from_client
    return sent


def _jobs(plan: Plan, rng: np.random.Generator) -> list[Message]:
    """Half of the jobs follow the pool's refresh timer, half a block that was found somewhere."""
    every = plan.job_seconds or plan.speaks.job_seconds
    at = 0.5
    sent: list[Message] = []
    while True:
        at += every * (0.9 + 0.1 * rng.random()) if rng.random() < 0.5 else float(rng.exponential(every))
        if at >= plan.seconds:
            return sent
        sent.append(Message(at, False, plan.speaks.job(rng, len(sent) + 1)))


def _shares(plan: Plan, rng: np.random.Generator) -> list[Message]:
    at, number = 1.0, 0
    sent: list[Message] = []
    while True:
        # Pools start low and settle within some ten minutes: four times as many shares at first.
        haste = 1 + 3 * max(0.0, 1 - at / 600) if plan.vardiff else 1.0
        at += float(rng.exponential(plan.share_seconds / haste))
        if at >= plan.seconds:
            return sent
        sent.append(Message(at, True, plan.speaks.share(rng, number)))
        sent.append(Message(at + _trip(plan, rng), False, plan.speaks.receipt(rng, number)))
        number += 1


def _asked(
    plan: Plan, rng: np.random.Generator, ask: Callable[[np.random.Generator, int], tuple[bytes, bytes]], every: float
) -> list[Message]:
    sent = []
    for number, at in enumerate(np.arange(every, plan.seconds, every)):
        question, answer = ask(rng, number)
        sent.append(Message(float(at), True, question))
        sent.append(Message(float(at) + _trip(plan, rng), False, answer))
    return sent


def _trip(plan: Plan, rng: np.random.Generator) -> float:
    return plan.rtt + THINKING + float(rng.exponential(plan.rtt / 10))


def _tcp(messages: Script, rng: np.random.Generator) -> Script:
    return messages


WRAPPINGS: Mapping[str, Callable[[Script, np.random.Generator], Script]] = {
    "tcp": _tcp,
    "tls": lambda messages, rng: framing.tls(messages, rng),
    "tls12": lambda messages, rng: framing.tls(messages, rng, version="1.2"),
    "websocket_tls": lambda messages, rng: framing.tls(framing.websocket(messages, rng), rng),
    "padded": lambda messages, rng: framing.tls(framing.padded(messages, rng, block=128), rng),
    "noisy": lambda messages, rng: framing.tls(framing.padded(messages, rng, noise=48), rng),
    "proxied": lambda messages, rng: framing.tls(framing.delayed(messages, rng, mean=0.25), rng),
    "vpn": lambda messages, rng: framing.tunnelled(messages, rng),
}
"""Ways a miner's messages may travel: in the clear, in TLS, hidden by padding, through slow proxies, in a VPN."""
