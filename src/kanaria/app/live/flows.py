"""Packets and NetFlow as they come: a capture or a port is read in a thread, batches wait for the service, bounded.

Connections that are still open come as interim batches, so that mining is noticed while it goes on. There is no
position to go on from: what was on the wire while nobody listened is gone.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

from kanaria.core.errors import SourceError
from kanaria.core.network import HomeNetworks
from kanaria.core.stream import Placed, ReadContext, Stream
from kanaria.core.types import Batch, Text
from kanaria.sources.chunks import Health, Wake
from kanaria.sources.live import LiveStream
from kanaria.sources.netflow_collector import NetflowCollector

Flow = tuple[Stream, Batch]
WAITING = 8
"""Batches that may wait, up to 100 MB each; then the kernel's buffers fill, and what is lost is counted."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before a capture that ended is started again, doubled each time."""
PATIENCE = 0.5


class Flows:
    """Reads one interface or port until closed."""

    def __init__(self, name: str, make: Callable[[], LiveStream | NetflowCollector], home: HomeNetworks) -> None:
        self.name = name
        self.health = Health()
        self._make, self._home = make, home
        self._batches: queue.Queue[Flow] = queue.Queue(WAITING)
        self._over = threading.Event()
        self._stream: LiveStream | NetflowCollector | None = None
        self._thread = threading.Thread(target=self._run, name=f"flows {name}", daemon=True)

    def start(self, wake: Wake) -> None:
        self._wake = wake
        self._thread.start()

    def take(self) -> Iterator[Flow]:
        """What waits."""
        while True:
            try:
                stream, batch = self._batches.get_nowait()
            except queue.Empty:
                return
            if not batch.interim:
                self.health.came(batch.rows, 0)
            yield stream, batch

    def close(self) -> None:
        self._over.set()
        if self._stream is not None:
            self._stream.stop()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            before = self.health.records
            try:
                self._read()
            except SourceError as error:
                self.health.problem = error.text
            pause = FIRST_PAUSE if self.health.records > before else min(LONGEST_PAUSE, 2 * pause)
            self._over.wait(pause)

    def _read(self) -> None:
        """One capture from its start to its end."""
        from kanaria.formats import registry

        stream = self._stream = self._make()
        try:
            stream.head()
            self.health.problem = None
            placed = Placed(identity=str(time.time_ns()))
            named = _Named(stream, placed)
            context = ReadContext(home=self._home, open_flows=True)
            for batch in registry.get(stream.format_name).read(stream, context):
                self._hand_on(named, batch)
                self._count(stream)
                if self._over.is_set():
                    break
        finally:
            stream.close()
            self._count(stream)
        ended = stream.ended()
        if not self._over.is_set():
            self.health.problem = ended or Text(en="the capture has ended", ja="キャプチャが終了しました")

    def _hand_on(self, stream: Stream, batch: Batch) -> None:
        while not self._over.is_set():
            try:
                self._batches.put((stream, batch), timeout=PATIENCE)
            except queue.Full:
                continue
            self._wake()
            return

    def _count(self, stream: LiveStream | NetflowCollector) -> None:
        self.health.lost = stream.dropped or 0
        self.health.refused = getattr(stream, "refused", 0)


class _Named:
    """A live stream as the ledger knows it: its records keep apart from those of every other capture."""

    def __init__(self, stream: LiveStream | NetflowCollector, placed: Placed) -> None:
        self.name, self.path, self.size = stream.name, stream.path, stream.size
        self.format_name, self.placed = stream.format_name, placed
        self.head, self.open = stream.head, stream.open
