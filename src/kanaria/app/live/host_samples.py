"""This machine's own programs and connections, looked at from time to time (``[host] check = true``).

Rows of ``process`` and ``connection`` go out as batches, judged like those of any log: a miner that runs here is an
incident, and so is a connection to a pool. A connection is a row once, with the look that sees it first; one that is
over between two looks is not seen.
A look takes a second in its own thread; without psutil (extra ``host``) the source says so, and nothing else stops.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from kanaria.app.live.flows import Flow
from kanaria.core.direction import orient
from kanaria.core.errors import KanariaError, in_words
from kanaria.core.ids import first_event_id
from kanaria.core.network import PRIVATE, HomeNetworks, is_global
from kanaria.core.schema import conform
from kanaria.core.stream import Placed
from kanaria.core.types import Batch
from kanaria.core.types import Position as Place
from kanaria.core.values import dataclass
from kanaria.sources.chunks import Health, Wake

if TYPE_CHECKING:
    from kanaria.host.sampler import HostSample, Socket

NAME = "host"
WAITING = 4
"""Looks that may wait; of older ones the newer say as much."""


@dataclass(kw_only=True)
class _Looked:
    """A look as a stream of its own: its rows count on from those of the looks before it."""

    placed: Placed
    name: str = NAME
    path: Path | None = None
    size: int | None = None
    format_name: str = NAME

    def head(self) -> bytes:
        return b""

    def open(self) -> BinaryIO:
        return io.BytesIO()


class HostSamples:
    """Looks at this machine every ``every`` seconds until closed."""

    name = NAME

    def __init__(self, every: float, home: HomeNetworks) -> None:
        self.health = Health()
        self._every, self._home = every, home
        self._waiting: deque[Flow] = deque(maxlen=WAITING)
        self._connected: frozenset[Socket] = frozenset()
        self._over = threading.Event()
        self._identity, self._rows = str(time.time_ns()), 0
        self._thread = threading.Thread(target=self._run, name="host samples", daemon=True)

    def start(self, wake: Wake) -> None:
        self._wake = wake
        self._thread.start()

    def take(self) -> Iterator[Flow]:
        """What waits."""
        while self._waiting:
            stream, batch = self._waiting.popleft()
            self.health.came(batch.rows, 0)
            yield stream, batch

    def close(self) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._look()
                self.health.problem = None
            except (KanariaError, OSError) as error:
                self.health.problem = in_words(error)
            self._over.wait(self._every)

    def _look(self) -> None:
        from kanaria.host import sampler

        sample = sampler.sample()
        tables = {"process": _programs(sample, self._home)}
        rows = len(tables["process"])
        connected = _opened(sample)
        if fresh := connected - self._connected:
            tables["connection"] = _connections(sample, fresh, rows, self._home)
            rows += len(tables["connection"])
        self._connected = connected
        placed = Placed(identity=self._identity, before=self._rows)
        self._rows += rows
        position = Place(source=NAME, offset=0, row=rows)
        batch = Batch(source=NAME, format=NAME, tables=tables, rows=rows, position=position)
        self._waiting.append((_Looked(placed=placed), batch))
        self._wake()


def _programs(sample: HostSample, home: HomeNetworks) -> pa.Table:
    """The running programs of a sample as rows of ``process``; threads of the kernel are none."""
    running = [process for process in sample.processes if not process.kernel]
    count, first = len(running), first_event_id(NAME)
    columns: dict[str, object] = {
        "event_id": [first + line for line in range(1, count + 1)], "line": list(range(1, count + 1)),
        "source": [NAME] * count, "sensor": [NAME] * count, "time": [sample.time] * count, "kind": ["running"] * count,
        "host_name": [sample.host_name] * count, "device": [sample.host_name] * count,
        "pid": [process.pid for process in running], "parent_pid": [process.parent for process in running],
        "process": [_text(process.executable or process.name) for process in running],
        "command": [_text(" ".join(process.command)) or None for process in running],
        "user": [process.user for process in running],
    }  # fmt: skip
    return orient(conform("process", columns, count), home)


def _opened(sample: HostSample) -> frozenset[Socket]:
    """Connections that programs of this machine opened: those to a port that one listens on came from outside, and are
    for the logs of that program."""
    listens = {(socket.transport, socket.local_port) for socket in sample.sockets if socket.listening}
    return frozenset(s for s in sample.sockets if s.established and (s.transport, s.local_port) not in listens)


def _connections(sample: HostSample, fresh: Iterable[Socket], before: int, home: HomeNetworks) -> pa.Table:
    """Rows of ``connection`` after ``before`` others; how much was sent nobody says."""
    names = {process.pid: process.executable or process.name for process in sample.processes}
    ours = sorted({socket.local_ip for socket in sample.sockets if is_global(socket.local_ip)})
    if ours and home.inferred:  # nobody named the networks: this machine's own addresses are home, too
        home = HomeNetworks.parse((*map(str, PRIVATE), *ours), where="host")
    rows = sorted(fresh, key=repr)
    count, first = len(rows), first_event_id(NAME) + before
    owners = [names.get(socket.pid or -1) for socket in rows]
    columns: dict[str, object] = {
        "event_id": [first + line for line in range(1, count + 1)],
        "line": [before + line for line in range(1, count + 1)],
        "source": [NAME] * count, "sensor": [NAME] * count, "time": [sample.time] * count, "state": ["S1"] * count,
        "open": [True] * count, "transport": [socket.transport for socket in rows],
        "src_ip": [socket.local_ip for socket in rows], "src_port": [socket.local_port for socket in rows],
        "dst_ip": [socket.remote_ip for socket in rows], "dst_port": [socket.remote_port for socket in rows],
        "process": [owner and _text(owner) for owner in owners],
    }  # fmt: skip
    return orient(conform("connection", columns, count), home)


def _text(name: str) -> str:
    """Names and arguments are bytes on Linux; what is no UTF-8 appears as ``\\xHH``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
