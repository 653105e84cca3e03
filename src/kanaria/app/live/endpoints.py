"""Health, readiness, metrics and status over HTTP on loopback, and where to find them: a file in the store's folder."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kanaria.app.live.journal import Log
from kanaria.app.live.state import metrics
from kanaria.core.errors import ConfigError

FILE = "serve.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
Json = dict[str, Any]


@contextmanager
def answering(listen: str, store: Path, found: Callable[[], Json], log: Log) -> Iterator[None]:
    """Answer while open. A port that is taken is no reason not to watch: another one is used, and said."""
    if listen == "off":
        yield
        return
    host, port = address(listen)
    handler = _handler(found)
    try:
        server = http.server.ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        server = http.server.ThreadingHTTPServer((host, 0), handler)
        log("port taken", level="warning", wanted=listen, error=error, instead=server.server_address[1])
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="endpoints", daemon=True).start()
    where = store / FILE
    where.write_text(json.dumps({"pid": os.getpid(), "host": host, "port": server.server_address[1]}), "utf-8")
    try:
        yield
    finally:
        where.unlink(missing_ok=True)
        server.shutdown()
        server.server_close()


def address(listen: str) -> tuple[str, int]:
    """``address:port`` in its parts; IPv6 addresses in brackets. Raises ConfigError for anything else."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535 or not host:
        raise ConfigError(path="settings", key="listen", expected="address:port", got=listen)
    return host.strip("[]"), int(port)


def _handler(found: Callable[[], Json]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        server_version, sys_version = "kanaria", ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                return self._answer(200, metrics(found()), OPENMETRICS)
            if path == "/status":
                return self._answer(200, json.dumps(found(), ensure_ascii=False), "application/json")
            if path in {"/healthz", "/readyz"}:
                state = found()
                good = state["alive"] and (path == "/healthz" or state["ready"])
                return self._answer(200 if good else 503, "ok\n" if good else "not ok\n", "text/plain; charset=utf-8")
            return self._answer(404, "not found\n", "text/plain; charset=utf-8")

        do_HEAD = do_GET

        def _answer(self, status: int, text: str, kind: str) -> None:
            body = text.encode("utf-8")
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests on loopback are not worth a line each."""

    return Handler
