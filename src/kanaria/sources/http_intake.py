"""JSON over HTTP with a token: what Vector, Fluent Bit and other shippers send.

A body is a JSON array, an object, or objects one a line, gzip or not (``sources.payload``). Answered is when the lines
are kept (204), so that a sender that repeats what was not answered loses nothing.
"""

from __future__ import annotations

import gzip
import hmac
import http.server
import zlib
from typing import Any

from kanaria.core.errors import SourceError, system_words
from kanaria.core.limits import Limits
from kanaria.core.text import decimal
from kanaria.sources.chunks import Health
from kanaria.sources.inbox import Inbox, Line
from kanaria.sources.payload import LARGEST, entries
from kanaria.sources.ports import HttpServer
from kanaria.sources.received import Received

ALL_WITHIN = 120.0
"""Seconds for a body to come and to be answered; afterwards a sender connects anew."""
PATIENCE = 20.0
"""Seconds a sender waits for room or for an answer; shippers give up after 30 to 60."""


class HttpIntake(Received):
    """Listens until closed. A ``LineSource``. Raises SourceError when the port cannot be had."""

    def __init__(self, name: str, host: str, port: int, token: str, places: int = Limits.places) -> None:
        self.name = name
        self.health = Health()
        self._inbox = Inbox(name, self.health, places=places)
        self._token = f"Bearer {token}".encode()
        try:
            self._server = HttpServer(host, port, _handler(self))
        except OSError as error:
            raise SourceError(
                source=name,
                expected="a free port to listen on",
                got=system_words(error),
                cause="another program may have it, or the address is not this machine's",
            ) from error
        self.port: int = self._server.server_address[1]
        self._get_ready(self._inbox)

    def _run(self) -> None:
        self._server.serve_forever()

    def _hang_up(self) -> None:
        self._server.shutdown()

    def _release(self) -> None:
        self._server.server_close()

    def admits(self, authorization: str | None) -> bool:
        """Whether a sender showed the token."""
        return hmac.compare_digest((authorization or "").encode("latin-1", "replace"), self._token)

    def answers(self, status: int) -> None:
        """Note what a sender gets."""
        self.health.refused += 400 <= status < 500

    def leave(self, body: bytes) -> int:
        """Keep the lines of a body; returns the status to answer."""
        try:
            lines: list[Line] = [(place, line, {}) for place, line in entries(body)]
        except ValueError:
            return 400
        ticket = self._inbox.put(lines, PATIENCE) if lines else 0
        if ticket is None:
            return 503
        return 204 if not ticket or self._inbox.wait_kept(ticket, PATIENCE) else 503


def _handler(intake: HttpIntake) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        server_version, sys_version, timeout = "kanaria", "", 60
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            if not intake.admits(self.headers.get("authorization")):
                return self._answer(401)
            if isinstance(self.server, HttpServer):
                self.server.stay(self.connection, ALL_WITHIN)
            size = self.headers.get("content-length", "")
            if (announced := decimal(size)) is None:
                return self._answer(413 if size.isdecimal() else 411)
            if announced > LARGEST:
                return self._answer(413)
            body = self.rfile.read(announced)
            if len(body) < announced:  # cut off: what it ends with may be half a line
                return self._answer(400)
            if self.headers.get("content-encoding", "").lower() == "gzip":
                try:
                    body = _unpacked(body)
                except (OSError, EOFError, zlib.error):
                    return self._answer(400)
            return self._answer(413 if len(body) > LARGEST else intake.leave(body))

        do_PUT = do_POST

        def _answer(self, status: int) -> None:
            intake.answers(status)
            self.send_response(status)
            if status == 503:
                self.send_header("retry-after", "5")
            if status != 204:
                self.send_header("content-length", "0")
            if status in {400, 401, 411, 413}:  # the body was not read, or not to its end
                self.send_header("connection", "close")
                self.close_connection = True
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """What came is counted, not logged."""

    return Handler


def _unpacked(body: bytes) -> bytes:
    """At most one byte more than is allowed: a small body may unpack to a very large one."""
    import io

    with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
        return packed.read(LARGEST + 1)
