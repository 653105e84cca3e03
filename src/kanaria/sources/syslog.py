"""Syslog by UDP, TCP and TLS. One listening thread; senders that may not send are refused and counted.

Lines are kept by sender and program, so that each program's log has a format of its own. UDP cannot wait: what finds no
room is lost and counted. TCP waits.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Sequence

from kanaria.core.errors import SourceError, system_words
from kanaria.core.limits import Limits
from kanaria.core.words import Text
from kanaria.sources.chunks import Health
from kanaria.sources.inbox import Inbox, Line
from kanaria.sources.ports import MOST_CONNECTIONS, Senders, listening
from kanaria.sources.received import Received
from kanaria.sources.syslog_frames import Frames, parse

_BUFFER = 8 << 20
"""Receive buffer asked of the kernel for datagrams."""
FULL = Text(
    en=f"{MOST_CONNECTIONS} senders are connected; more are refused",
    ja=f"{MOST_CONNECTIONS}個の送信元が接続中のため、それ以上の接続を受け付けません",
)


class Syslog(Received):
    """Listens until closed. A ``LineSource``. Raises SourceError when the port cannot be had."""

    def __init__(
        self, name: str, host: str, port: int, *, udp: bool = True, tcp: bool = True,
        senders: Sequence[str] = (), certificate: str | None = None, key: str | None = None,
        places: int = Limits.places,
    ) -> None:  # fmt: skip
        self.name = name
        self.health = Health()
        self._inbox = Inbox(name, self.health, places=places)
        self._senders = Senders(senders)
        self._tls = tls(name, certificate, key) if certificate else None
        self._stream = _listen(name, host, port, socket.SOCK_STREAM) if tcp else None
        self.port: int = self._stream.getsockname()[1] if self._stream else port
        self._datagrams = _listen(name, host, self.port, socket.SOCK_DGRAM) if udp else None
        self.port = self._datagrams.getsockname()[1] if self._datagrams else self.port
        self._get_ready(self._inbox)
        self._open, self._counting = 0, threading.Lock()

    def _release(self) -> None:
        for bound in (self._stream, self._datagrams):
            if bound is not None:
                bound.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            for bound in (self._stream, self._datagrams):
                if bound is not None:
                    ready.register(bound, selectors.EVENT_READ)
            while not self._over.is_set():
                for key, _events in ready.select(0.5):
                    if key.fileobj is self._datagrams:
                        self._receive()
                    else:
                        self._accept()

    def _receive(self) -> None:
        assert self._datagrams is not None  # noqa: S101  (it was just ready)
        for _ in range(1_000):  # then the other socket has its turn
            try:
                data, sender = self._datagrams.recvfrom(65_535)
            except BlockingIOError:
                return
            if not self._may_send(sender[0]):
                continue
            message = parse(data)
            if message is None:
                self.health.refused += 1
            else:
                self._inbox.offer(_place(sender[0], message.program), message.line)

    def _accept(self) -> None:
        assert self._stream is not None  # noqa: S101  (it was just ready)
        try:
            connection, sender = self._stream.accept()
        except OSError:  # the sender has gone again, or there are no descriptors left: the next turn tries again
            return
        if not self._may_send(sender[0]) or self._full():
            connection.close()
            return
        with self._counting:
            self._open += 1
        threading.Thread(target=self._serve, args=(connection, sender[0]), name="syslog sender", daemon=True).start()

    def _full(self) -> bool:
        full = self._open >= MOST_CONNECTIONS
        self.health.refused += full
        self.health.problem = FULL if full else None
        return full

    def _serve(self, connection: socket.socket, sender: str) -> None:
        frames = Frames()
        try:
            with connection:
                connection.settimeout(10.0)
                secured = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
                with secured:
                    secured.settimeout(0.5)
                    while not self._over.is_set():
                        try:
                            data = secured.recv(1 << 16)
                        except TimeoutError:
                            continue
                        if not data:
                            break
                        self._leave(sender, frames.feed(data))
                    self._leave(sender, [rest] if (rest := frames.rest()) else [])
        except OSError as error:  # also ssl.SSLError: a sender without or with the wrong certificate
            self.health.refused += isinstance(error, ssl.SSLError)
        finally:
            with self._counting:
                self._open -= 1

    def _leave(self, sender: str, messages: Sequence[bytes]) -> None:
        lines: list[Line] = []
        for raw in messages:
            message = parse(raw)
            if message is None:
                self.health.refused += 1
            else:
                lines.append((_place(sender, message.program), message.line, {}))
        if lines:
            self._inbox.put(lines)

    def _may_send(self, sender: str) -> bool:
        allowed = self._senders.may_send(sender)
        self.health.refused += not allowed
        return allowed


def _place(sender: str, program: str) -> str:
    return f"{sender} {program}".strip()


def _listen(name: str, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    try:
        made = listening(host, port, kind, _BUFFER if kind == socket.SOCK_DGRAM else 0)
    except OSError as error:
        raise SourceError(
            source=name, expected="a free port to listen on", got=system_words(error),
            cause="another program may have it; ports below 1024 need root or AmbientCapabilities=CAP_NET_BIND_SERVICE",
        ) from error  # fmt: skip
    made.setblocking(False)
    return made


def tls(name: str, certificate: str, key: str | None) -> ssl.SSLContext:
    """What a TLS port shows. Raises SourceError when the files are no certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(
            source=name, expected="a certificate and its key in PEM", got=certificate, cause=str(error)
        ) from error  # fmt: skip
    return context
