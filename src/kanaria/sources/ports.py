"""Ports that Kanaria listens on: datagrams, streams and small HTTP servers, of IPv4, IPv6 and names alike.

Who connects may be anybody: an HTTP server has a limit of connections, and each has a moment until when it may stay.
"""

from __future__ import annotations

import http.server
import ipaddress
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from kanaria.core.network import Network

MOST_CONNECTIONS = 256
"""That a port serves at once; some shippers open one for each of their threads."""
WAITING = 128
"""Connections that wait to be accepted: with the library's five, a burst waits for seconds."""
STAYS = 60.0
"""Seconds until a stranger's connection to an HTTP server is ended: sixty times what a request takes."""


def listening(host: str, port: int, kind: socket.SocketKind, buffer: int = 0) -> socket.socket:
    """A socket bound there, with so large a receive buffer if one is asked for. Raises OSError, also for a name that
    means no address of this machine."""
    family, _kind, _protocol, _name, place = _place(host, port, kind)
    made = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.bind(place)
        if kind == socket.SOCK_STREAM:
            made.listen(WAITING)
    except OSError:
        made.close()
        raise
    return made


def _place(host: str, port: int, kind: socket.SocketKind) -> Any:
    try:
        return socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    except UnicodeError as error:  # a name that can be none
        raise OSError(str(error)) from error


class Senders:
    """Who may send: these addresses and networks, or everybody when there are none."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in allowed)

    def may_send(self, sender: str) -> bool:
        """Whether an address may, as the system gives it: with a zone, or an IPv4 address inside an IPv6 one."""
        address = ipaddress.ip_address(plain_address(sender))
        return not self._allowed or any(address in network for network in self._allowed)


def plain_address(sender: str) -> str:
    """An address without the zone, of IPv4 where it is one."""
    address = ipaddress.ip_address(sender.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


class HttpServer(http.server.ThreadingHTTPServer):
    """Each connection in a thread of its own. Raises OSError when it cannot listen there."""

    daemon_threads = True
    request_queue_size = WAITING

    def __init__(self, host: str, port: int, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        self.address_family, _kind, _protocol, _name, place = _place(host, port, socket.SOCK_STREAM)
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._until: dict[Any, float] = {}
        super().__init__(place, handler)

    def server_bind(self) -> None:
        """As a plain server: the library asks the name service what the address is called, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def stay(self, connection: object, seconds: float) -> None:
        """Let a connection go on for so long from now; for those who showed who they are."""
        self._until[connection] = time.monotonic() + seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self.stay(request, STAYS)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._until.pop(request, None)
            self._room.release()

    def service_actions(self) -> None:
        """Called twice a second: ends connections whose time is over."""
        now = time.monotonic()
        for connection, until in list(self._until.items()):
            if until < now:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # it has ended by itself
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle of something is no error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
