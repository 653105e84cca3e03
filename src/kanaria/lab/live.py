"""Our own Stratum pool and miner on real sockets: from a plan and an address to a conversation on the wire.

Both follow the dialect's messages with the plan's rhythm; shares are random bytes and the pool accepts every one. With
``speed`` 60 an hour of mining takes a minute: gaps shrink, sizes and order stay. TCP, TLS (self-signed) and WebSocket.
Run one side in a process of its own: ``python -m kanaria.lab.live pool|miner ADDRESS PORT --dialect cryptonote``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np

from kanaria.core.values import dataclass
from kanaria.lab.dialects import DIALECTS, Dialect
from kanaria.lab.framing import frame
from kanaria.lab.mining import Plan

_WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""


@dataclass
class Counts:
    """What one side sent, by kind of message."""

    jobs: int = 0
    shares: int = 0
    receipts: int = 0
    beats: int = 0


class Wire:
    """One end of a connection: whole messages in and out, as lines or as WebSocket text frames."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool, websocket: bool
    ) -> None:
        self._reader, self._writer, self._client, self._websocket = reader, writer, client, websocket
        self._rng = np.random.default_rng(0)

    async def open(self) -> None:
        """The WebSocket upgrade, where there is one."""
        if not self._websocket:
            return
        if self._client:
            key = base64.b64encode(self._rng.bytes(16))
            self._writer.write(
                b"GET /proxy HTTP/1.1\r\nHost: ws.example.net\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await self._reader.readuntil(b"\r\n\r\n")
            return
        asked = await self._reader.readuntil(b"\r\n\r\n")
        key = asked.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_KEY, usedforsecurity=False).digest())
        self._writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    async def send(self, data: bytes) -> None:
        self._writer.write(frame(data, self._rng if self._client else None) if self._websocket else data)
        await self._writer.drain()

    async def receive(self) -> bytes:
        """The next message; raises asyncio.IncompleteReadError when the other side has closed."""
        if not self._websocket:
            return await self._reader.readuntil(b"\n")
        head = await self._reader.readexactly(2)
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
        mask = await self._reader.readexactly(4) if head[1] & 0x80 else bytes(4)
        data = await self._reader.readexactly(size)
        return bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()


def name_of(data: bytes) -> str:
    """What a message calls itself: its method or type."""
    value = json.loads(data)
    return str(value.get("method") or value.get("type") or "")


async def _opening(wire: Wire, speaks: Dialect, rng: np.random.Generator, *, client: bool) -> None:
    for from_client, data in speaks.opening(rng):
        if from_client == client:
            await wire.send(data)
        else:
            await wire.receive()


async def serve(wire: Wire, plan: Plan, speed: float) -> Counts:
    """The pool's side of one connection until the miner leaves: jobs in its own time, an answer to everything asked."""
    speaks, rng, counts = plan.speaks, np.random.default_rng(plan.seed + 1), Counts()
    await wire.open()
    await _opening(wire, speaks, rng, client=False)
    pushing = asyncio.create_task(_push_jobs(wire, plan, speed, rng, counts))
    try:
        while True:
            await _answer(wire, speaks, rng, counts, await wire.receive())
    except (asyncio.IncompleteReadError, ConnectionError):
        return counts
    finally:
        pushing.cancel()
        await wire.close()


async def _push_jobs(wire: Wire, plan: Plan, speed: float, rng: np.random.Generator, counts: Counts) -> None:
    every = plan.job_seconds or plan.speaks.job_seconds
    while True:
        await asyncio.sleep(float(rng.exponential(every)) / speed)
        counts.jobs += 1
        await wire.send(plan.speaks.job(rng, counts.jobs))


async def _answer(wire: Wire, speaks: Dialect, rng: np.random.Generator, counts: Counts, asked: bytes) -> None:
    name = name_of(asked)
    if speaks.poll and name == name_of(speaks.poll(rng, 0)):
        await wire.send(speaks.job(rng, counts.jobs))
    elif speaks.beat and name == name_of(speaks.beat(rng, 0)[0]):
        counts.beats += 1
        await wire.send(speaks.beat(rng, counts.beats)[1])
    else:
        counts.receipts += 1
        await wire.send(speaks.receipt(rng, counts.receipts))


async def mine(wire: Wire, plan: Plan, speed: float) -> Counts:
    """The miner's side: log in, then shares by chance for ``plan.seconds`` of its own time, then leave."""
    speaks, rng, counts = plan.speaks, np.random.default_rng(plan.seed), Counts()
    await wire.open()
    await _opening(wire, speaks, rng, client=True)
    tasks = [asyncio.create_task(_listen(wire)), asyncio.create_task(_submit(wire, plan, speed, rng, counts))]
    if speaks.beat and plan.keepalive:
        tasks.append(asyncio.create_task(_beat(wire, speaks, speed, rng, counts)))
    if speaks.poll:
        tasks.append(asyncio.create_task(_poll(wire, speaks, speed, rng)))
    await asyncio.sleep(plan.seconds / speed)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await wire.close()
    return counts


async def _listen(wire: Wire) -> None:
    while True:
        await wire.receive()


async def _submit(wire: Wire, plan: Plan, speed: float, rng: np.random.Generator, counts: Counts) -> None:
    while True:
        await asyncio.sleep(float(rng.exponential(plan.share_seconds)) / speed)
        await wire.send(plan.speaks.share(rng, counts.shares))
        counts.shares += 1


async def _beat(wire: Wire, speaks: Dialect, speed: float, rng: np.random.Generator, counts: Counts) -> None:
    while speaks.beat:
        await asyncio.sleep(speaks.beat_seconds / speed)
        await wire.send(speaks.beat(rng, counts.beats)[0])
        counts.beats += 1


async def _poll(wire: Wire, speaks: Dialect, speed: float, rng: np.random.Generator) -> None:
    while speaks.poll:
        await asyncio.sleep(speaks.poll_seconds / speed)
        await wire.send(speaks.poll(rng, 0))


@contextlib.asynccontextmanager
async def pool(
    plan: Plan, address: str, port: int, speed: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A pool that serves any number of miners while the block runs; gives its port (``port`` 0: any free one)."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await serve(Wire(reader, writer, client=False, websocket=plan.speaks.websocket), plan, speed)

    server = await asyncio.start_server(accept, address, port, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def run_miner(plan: Plan, address: str, port: int, speed: float, tls: ssl.SSLContext | None = None) -> Counts:
    """Connect and mine as planned. Raises OSError when nobody listens."""
    reader, writer = await asyncio.open_connection(address, port, ssl=tls)
    return await mine(Wire(reader, writer, client=True, websocket=plan.speaks.websocket), plan, speed)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key, made by the ``openssl`` program as many pools do."""
    cert, key = folder / "pool.pem", folder / "pool.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=pool.example.net", "-keyout", str(key), "-out", str(cert),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def server_tls(folder: Path) -> ssl.SSLContext:
    """TLS as the pool offers it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))
    return context


def client_tls() -> ssl.SSLContext:
    """TLS as miners use it: any certificate will do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one side until the plan's time is over."""
    parser = argparse.ArgumentParser(prog="python -m kanaria.lab.live", description=__doc__)
    parser.add_argument("side", choices=("pool", "miner"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--dialect", choices=tuple(DIALECTS), default="cryptonote")
    parser.add_argument("--seconds", type=float, default=1800.0, help="in the miner's own time")
    parser.add_argument("--share-seconds", type=float, default=30.0)
    parser.add_argument("--speed", type=float, default=1.0, help="how many seconds pass in one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tls", metavar="FOLDER", type=Path, help="use TLS; the pool keeps its certificate there")
    wanted = parser.parse_args(arguments)
    plan = Plan(
        dialect=wanted.dialect, seconds=wanted.seconds, share_seconds=wanted.share_seconds, seed=wanted.seed
    )  # fmt: skip
    if wanted.side == "pool":
        asyncio.run(_stay(plan, wanted.address, wanted.port, wanted.speed, wanted.tls and server_tls(wanted.tls)))
    else:
        tls = client_tls() if wanted.tls else None
        asyncio.run(run_miner(plan, wanted.address, wanted.port, wanted.speed, tls))
    return 0


async def _stay(plan: Plan, address: str, port: int, speed: float, tls: ssl.SSLContext | None) -> None:
    async with pool(plan, address, port, speed, tls):
        await asyncio.sleep(plan.seconds / speed + 10)  # outlives the miner, which may start a little later


if __name__ == "__main__":
    raise SystemExit(main())
