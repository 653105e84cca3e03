"""What the small HTTP servers of the service share: whole answers, no line a request, an end with the service."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Answers(http.server.BaseHTTPRequestHandler):
    """Requests leave no line anywhere: on loopback they are not worth one, and paths may be secrets."""

    server_version, sys_version = "kanaria", ""

    def answer(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        """The whole answer; of one to HEAD only what stands before the text."""
        body = text.encode("utf-8")
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Called by the library for every request."""


@contextmanager
def running(server: http.server.ThreadingHTTPServer, name: str) -> Iterator[None]:
    """It answers in threads of its own while open."""
    threading.Thread(target=server.serve_forever, name=name, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
