"""Live NetFlow and IPFIX: a UDP socket as a stream of recorded datagrams for the ``netflow`` format.

In come datagrams from routers, out come their bytes framed with receive time and exporter. A frame without a datagram
says that it is time to hand on what came so far. Who may send is limited to the exporters that are configured: anybody
can forge a datagram, and a forged flow is a false accusation.
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
import time
from collections.abc import Iterable
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

from kanaria.core.errors import SourceError, system_words
from kanaria.core.words import Text
from kanaria.sources.ports import Senders, listening, plain_address

MAGIC = b"KanariaNetFlow1\n"
_FRAME = struct.Struct("!QHH")
_BUFFER = 8 << 20
"""Receive buffer asked of the kernel: a burst of 5,000 datagrams of 1,500 bytes."""
_QUEUE = 50_000


class NetflowCollector:
    """Listens on ``address``:``port`` until ``close``. A ``core.stream.Stream``.

    ``exporters`` are the addresses or networks that may send; none means everybody. ``every`` is the longest time in
    seconds that flows wait before they are handed on. Raises SourceError when the port cannot be had.
    """

    path: Path | None = None
    size: int | None = None
    format_name = "netflow"

    def __init__(
        self, address: str = "127.0.0.1", port: int = 2055, *, exporters: Iterable[str] = (), every: float = 10.0
    ) -> None:
        self._exporters = Senders(exporters)
        self._every = every
        self._frames: queue.Queue[bytes] = queue.Queue(_QUEUE)
        self._closed = threading.Event()
        self.received = self.refused = self.dropped = 0
        """Datagrams taken, refused (unknown exporter), and lost because nobody read fast enough."""
        self._socket = _listen(address, port)
        self.port: int = self._socket.getsockname()[1]
        self.name = f"netflow:{address}:{self.port}"
        self._thread = threading.Thread(target=self._receive, name=self.name, daemon=True)
        self._thread.start()

    def head(self) -> bytes:
        return MAGIC

    def open(self) -> BinaryIO:
        return cast(BinaryIO, BufferedReader(_Frames(self._frames, self._closed), 1 << 16))

    def stop(self) -> None:
        """Ask to end, without waiting: what was received can still be read."""
        self._closed.set()

    def close(self) -> None:
        """Stop listening; what was received can still be read, then the stream ends."""
        self.stop()
        self._thread.join()
        self._socket.close()

    def ended(self) -> Text | None:
        """What a reader must know about what came and what was lost."""
        if not (self.received or self.refused):
            return Text(
                en="no datagram arrived; is the router told to export to this address and port?",
                ja="データグラムが届きませんでした。ルータの送信先アドレスとポートを確認してください。",
            )
        problems = []
        if self.dropped:
            en = f"{self.dropped:,} datagrams were lost because this machine could not keep up."
            problems.append(Text(en=en, ja=f"処理が追いつかず、{self.dropped:,}個のデータグラムを取りこぼしました。"))
        if self.refused:
            en = f"{self.refused:,} datagrams were refused because of their sender."
            problems.append(Text(en=en, ja=f"許可していない送信元からの{self.refused:,}個のデータグラムを捨てました。"))
        return (
            Text(en=" ".join(part.en for part in problems), ja="".join(part.ja for part in problems))
            if problems
            else None
        )

    def _receive(self) -> None:
        self._socket.settimeout(min(0.2, self._every))
        handed_on = time.monotonic()
        waiting = False
        ending = False
        while not ending:
            if ending := self._closed.is_set():
                self._socket.settimeout(0)  # what the kernel already holds still counts
            try:
                datagram, sender = self._socket.recvfrom(65535)
                ending = False
            except (TimeoutError, BlockingIOError):
                datagram, sender = b"", ("", 0)
            if datagram:
                waiting |= self._accept(datagram, str(sender[0]))
            if waiting and time.monotonic() - handed_on >= self._every:
                self._put(_frame("", b""))
                handed_on, waiting = time.monotonic(), False

    def _accept(self, datagram: bytes, sender: str) -> bool:
        if not self._exporters.may_send(sender):
            self.refused += 1
            return False
        self.received += 1
        self._put(_frame(plain_address(sender), datagram))
        return True

    def _put(self, data: bytes) -> None:
        try:
            self._frames.put_nowait(data)
        except queue.Full:
            self.dropped += 1


def _frame(exporter: str, datagram: bytes) -> bytes:
    name = exporter.encode()
    return _FRAME.pack(time.time_ns() // 1000, len(name), len(datagram)) + name + datagram


def _listen(address: str, port: int) -> socket.socket:
    try:
        return listening(address, port, socket.SOCK_DGRAM, _BUFFER)
    except OSError as error:
        raise SourceError(
            source=f"netflow:{address}:{port}", expected="a free UDP port to listen on", got=system_words(error),
            cause="another collector may be running, or the address is not this machine's",
        ) from error  # fmt: skip


class _Frames(RawIOBase):
    """The queue as a readable file: blocks until something comes, ends when the collector was closed."""

    def __init__(self, frames: queue.Queue[bytes], closed: threading.Event) -> None:
        self._frames, self._stopped = frames, closed
        self._rest = MAGIC

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = self._frames.get(timeout=0.2)
            except queue.Empty:
                if self._stopped.is_set():
                    return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
