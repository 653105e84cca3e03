"""A running ``kanaria serve`` and somewhere for its messages to arrive."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.serving import LOG, STARTED
from tests.running import PATIENCE, running, unconfigured, until

SERVE = (sys.executable, "-m", "kanaria", "serve")


@dataclass(frozen=True)
class Received:
    """One request: when it came (monotonic), to which path, with which headers and body."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded


@dataclass
class Sink:
    """Accepts messages like a phone would; ``status`` is what it answers, by path."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)

    def at(self, path: str) -> list[Received]:
        return [item for item in self.received if item.path == path]

    def url(self, path: str) -> str:
        return f"json://127.0.0.1:{self.port}{path}"


@contextmanager
def sink() -> Iterator[Sink]:
    """A local HTTP server that keeps what it gets."""
    kept = Sink()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = kept.status.get(self.path, 200)
            if status == 200:
                headers = {name.lower(): value for name, value in self.headers.items()}
                kept.received.append(Received(time.monotonic(), self.path, headers, body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Serving:
    """A service in a process of its own. Its log goes to ``log``."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / LOG).read_text("utf-8")

    def wait_for(self, done: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Until it is so; fails with the service's log when it is not in time, or when the service ended."""
        until(done, alive=self._alive, said=lambda: self.log, seconds=seconds)

    def _alive(self) -> None:
        assert self.process.poll() is None, f"the service ended:\n{self.log}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Ask it to end; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def serving(
    folder: Path, config: str = "kanaria.toml", inside: str = "", within: float = PATIENCE, **environment: str
) -> Iterator[Serving]:
    """``kanaria serve`` in ``folder``, in a network namespace if one is named, that has started; ended at the end."""
    with (folder / LOG).open("ab") as log:
        begun = log.tell()
        process = subprocess.Popen(
            [*(("ip", "netns", "exec", inside) if inside else ()), *SERVE, *(("--config", config) if config else ())], cwd=folder, stderr=log,
            env=unconfigured(folder, **environment),
        )  # fmt: skip
    service = Serving(folder, process)
    with running(process):
        service.wait_for(lambda: STARTED.encode() in (folder / LOG).read_bytes()[begun:], within)
        yield service


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Any other command beside the service, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "kanaria", *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE,
        check=False, env=unconfigured(folder, **environment),
    )  # fmt: skip


PHONE = """\
import http.server, json, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with open(sys.argv[1], "a") as file:
            file.write(json.dumps({**body, "arrived": time.time()}) + "\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


@contextmanager
def phone_inside(namespace: str, folder: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """``json://127.0.0.1:8099/`` inside a network namespace; what has come until now, each with when it ``arrived``."""
    kept = folder / "messages.jsonl"
    kept.touch()
    with running(subprocess.Popen(["ip", "netns", "exec", namespace, sys.executable, "-c", PHONE, str(kept)])):
        yield lambda: [json.loads(line) for line in kept.read_text("utf-8").splitlines()]
