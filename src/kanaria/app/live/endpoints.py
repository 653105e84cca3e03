"""Health, readiness, metrics and status over HTTP on loopback, and where to find them: a file in the store's folder."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kanaria.app.live.service_log import Log
from kanaria.app.live.small_server import Answers, running
from kanaria.app.live.state import metrics
from kanaria.core.network import place
from kanaria.sources.ports import HttpServer

FILE = "serve.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = {"content-type": "text/plain; charset=utf-8"}
Json = dict[str, Any]


@contextmanager
def answering(listen: str, store: Path, state: Callable[[], Json], log: Log) -> Iterator[None]:
    """Answer while open. A port that is taken is no reason not to watch: another one is used, and said."""
    if listen == "off":
        yield
        return
    host, port = place(listen)
    handler = _handler(state)
    try:
        server = HttpServer(host, port, handler)
    except OSError as error:
        server = HttpServer(host if error.errno == errno.EADDRINUSE else "127.0.0.1", 0, handler)
        log("port taken", level="warning", wanted=listen, error=error, instead=server.server_address[1])
    where = store / FILE
    with running(server, "endpoints"):
        where.write_text(
            json.dumps({"pid": os.getpid(), "host": server.server_address[0], "port": server.server_address[1]}),
            "utf-8",
        )
        try:
            yield
        finally:
            where.unlink(missing_ok=True)


def _handler(state_of: Callable[[], Json]) -> type[Answers]:
    class Handler(Answers):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                return self.answer(200, metrics(state_of()), {"content-type": OPENMETRICS})
            if path == "/status":
                return self.answer(
                    200, json.dumps(state_of(), ensure_ascii=False), {"content-type": "application/json"}
                )
            if path in {"/healthz", "/readyz"}:
                state = state_of()
                good = state["alive"] and (path == "/healthz" or state["ready"])
                return self.answer(200 if good else 503, "ok\n" if good else "not ok\n", PLAIN)
            return self.answer(404, "not found\n", PLAIN)

        do_HEAD = do_GET

    return Handler
