"""Connections from the laboratory: plans and look-alikes come in, a labelled ``Source`` goes out. Synthetic, all of it.

Every dialect travels in every wrapping, with share rates, job rates and delays drawn over the range that home machines,
servers and small farms show (a share every 4 s to 4 min), and every look-alike is there many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from benchmarks.detection.samples import Connection, Message, Source
from kanaria.lab import framing
from kanaria.lab.dialects import DIALECTS
from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.mining import WRAPPINGS, Plan, script
from kanaria.lab.pushes import PUSHES, TEXT
from kanaria.lab.scenario import MSS
from kanaria.lab.scenario import Message as Said

KEPT = 260
"""Packets kept of each script: a little more than the 200 messages that the ``connection`` table holds."""

UNDECIDED: tuple[str, ...] = ()
"""Wrappings measured apart and never trained on: lengths hidden at random must be found without practice."""


def source(*, repeats: int = 3, seconds: float = 2400.0, seed: int = 20261121) -> Source:
    """Every dialect and wrapping ``repeats`` times."""
    rng = np.random.default_rng(seed)
    kept = [name for name in WRAPPINGS if name not in UNDECIDED]
    miners = [one for _ in range(repeats) for one in _miners(rng, seconds, kept)]
    return Source("laboratory's miners", "laboratory", tuple(miners))


def lookalikes(*, repeats: int = 40, seconds: float = 2400.0, seed: int = 20261129) -> list[Source]:
    """One source per protocol, so that each is held out by itself: what is measured is a protocol never seen."""
    rng = np.random.default_rng(seed)
    made: dict[str, list[Connection]] = {name: [] for name in (*LOOKALIKES, *PUSHES)}
    for _ in range(repeats):
        for name, (transport, make) in LOOKALIKES.items():
            made[name].append(connection(make(rng, seconds), seconds, False, transport, name))
        for name, push in PUSHES.items():
            made[name] += _wrapped(rng, name, push, seconds)
    return [Source(name, name, tuple(connections)) for name, connections in made.items()]


def undecided(*, repeats: int = 5, seconds: float = 2400.0, seed: int = 20261122) -> Source:
    """Miners in wrappings nothing was trained on."""
    rng = np.random.default_rng(seed)
    miners = [one for _ in range(repeats) for one in _miners(rng, seconds, UNDECIDED)]
    return Source("laboratory, random padding", "laboratory", tuple(miners))


def _miners(rng: np.random.Generator, seconds: float, wrappings: Iterable[str]) -> Iterator[Connection]:
    for dialect in DIALECTS:
        for wrapping in wrappings:
            plan = Plan(
                dialect=dialect,
                wrapping=wrapping,
                seconds=seconds,
                share_seconds=float(np.exp(rng.uniform(np.log(4), np.log(240)))),
                job_seconds=DIALECTS[dialect].job_seconds * float(rng.uniform(0.5, 1.6)),
                rtt=float(rng.uniform(0.008, 0.3)),
                vardiff=bool(rng.random() < 0.5),
                keepalive=bool(rng.random() < 0.5),
                seed=int(rng.integers(1 << 31)),
            )
            transport = "udp" if wrapping == "vpn" else "tcp"
            one = connection(script(plan), seconds, True, transport, f"{dialect} {wrapping}")
            yield replace(one, service="tls" if "tls" in wrapping else None)


def _wrapped(
    rng: np.random.Generator, name: str, make: Callable[[np.random.Generator, float], tuple[Said, ...]], seconds: float
) -> Iterator[Connection]:
    """A push-and-acknowledge protocol with its parameters drawn, in the clear and in either TLS."""
    for version in ("", "1.2", "1.3"):
        said = make(rng, seconds)
        inside = framing.tls(said, rng, version=version) if version else said
        one = connection(inside, seconds, False, "tcp", f"{name} {version}".strip())
        yield replace(one, service="tls" if version else None, readable=not version and name in TEXT)


def connection(script: tuple[Said, ...], seconds: float, mining: bool, transport: str, note: str) -> Connection:
    """The script as a sensor would report it: first packets, and totals of all with headers and acknowledgements."""
    sent = packets(script)
    up, down = (sum(len(m.data) for m in script if m.from_client == side) for side in (True, False))
    pieces_up, pieces_down = (
        sum(-(-len(m.data) // MSS) for m in script if m.from_client == side) for side in (True, False)
    )
    acks = 0 if transport == "udp" else 1
    headers = 52 if acks else 28
    up_packets, down_packets = pieces_up + acks * pieces_down, pieces_down + acks * pieces_up
    return Connection(
        sent[:KEPT], seconds, mining, transport, up + headers * up_packets, down + headers * down_packets,
        up_packets, down_packets, sum(m.from_client for m in script), sum(not m.from_client for m in script), note,
        begun=True,
    )  # fmt: skip


def packets(script: tuple[Said, ...]) -> tuple[Message, ...]:
    """Packets with payload, cut at the path MTU as a capture shows them."""
    return tuple(
        (m.from_client, min(MSS, len(m.data) - offset), round(m.time * 1e6) + offset // MSS * 12)
        for m in script[:KEPT]
        for offset in range(0, len(m.data), MSS)
    )
