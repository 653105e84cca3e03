"""The laboratory's pool and miner as processes of their own, one on each side of a pair of namespaces."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kanaria.lab import netns
from tests.running import PATIENCE

_LISTENS = "0A"
"""TCP_LISTEN of linux/net/tcp_states.h, as /proc/net/tcp has it."""
_LONGER = "1000000000"
"""Seconds of its own time that the pool would stay: longer than any test, however slow the machine."""


def _side(side: str, port: int, *how: str) -> list[str]:
    return [sys.executable, "-m", "kanaria.lab.live", side, netns.SERVER_ADDRESS, str(port), *how]


@contextmanager
def pool(pair: netns.Pair, port: int, *how: str) -> Iterator[None]:
    """A pool that takes connections from the beginning of the block to its end."""
    running = pair.start(pair.server, _side("pool", port, *how, "--seconds", _LONGER))
    try:
        while not _listens(running.pid, port):
            assert running.poll() is None, running.communicate()[1]
            time.sleep(0.05)
        yield
    finally:
        running.kill()
        running.communicate()


def miner(pair: netns.Pair, port: int, *how: str) -> subprocess.Popen[bytes]:
    """A miner that has been started; it ends by itself after its ``--seconds``."""
    return pair.start(pair.client, _side("miner", port, *how))


def mine(pair: netns.Pair, port: int, *how: str) -> None:
    """A miner that has come, mined and left."""
    running = miner(pair, port, *how)
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, said


def _listens(process: int, port: int) -> bool:
    """Whether the pool's port is open in the namespace a process has come to."""
    (address,) = struct.unpack("=I", socket.inet_aton(netns.SERVER_ADDRESS))
    lines = Path(f"/proc/{process}/net/tcp").read_text("ascii").splitlines()
    return any(line.split()[1:4:2] == [f"{address:08X}:{port:04X}", _LISTENS] for line in lines)
