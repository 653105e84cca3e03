"""A running ``kanaria serve`` to measure: its settings, a receiver for its messages, its process.

In: a folder, and which sources. Out: the settings written there, a webhook's receiver that keeps what came as JSON
lines, and the service in a process of its own. Both end with the process that began them.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETTINGS = """\
store = "store"
language = "en"
{sources}
[[notify]]
url = "webhook+http://127.0.0.1:{port}/"
severity = "{severity}"
digest = "none"
[serve]
listen = "{listen}"
join_minutes = 0.0001
messages_per_hour = 1000000
"""
MESSAGES = "messages.jsonl"
RECEIVER = f"""\
import ctypes, http.server, json, os, signal, sys, time
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.chdir(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with open({MESSAGES!r}, "a") as file:
            said = {{**body, "webhook-id": self.headers["webhook-id"], "came": time.monotonic()}}
            file.write(json.dumps(said) + "\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
LOG = "serve.log"
LAST_LINES = 20
"""Of a service that ended: an exception's, and what went before."""
STARTED = " started "
"""What the service says when it watches."""
PR_SET_PDEATHSIG = 1
Json = dict[str, Any]


def source(kind: str, path: str, format_name: str | None = None) -> str:
    """One source as settings have it."""
    named = f'format = "{format_name}"\n' if format_name else ""
    return f'[[sources]]\nkind = "{kind}"\npath = "{path}"\n{named}'


ACCESS, DNS, ZEEK = source("file", "access.log"), source("file", "dnsmasq.log", "dnsmasq"), source("zeek", "zeek")


class Phone:
    """A webhook's receiver, which keeps in the folder what came."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / MESSAGES
        self._file.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-c", RECEIVER, str(folder)], stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    @property
    def messages(self) -> list[Json]:
        """What came so far, each with its ``webhook-id`` and when it ``came`` (monotonic)."""
        return [json.loads(line) for line in self._file.read_text("utf-8").splitlines()]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def write_settings(
    folder: Path, sources: str, phone: Phone, *, severity: str = "low", listen: str = "off", more: str = ""
) -> None:
    """``kanaria.toml``; ``more`` is what stands before the tables."""
    text = SETTINGS.format(sources=sources, port=phone.port, severity=severity, listen=listen)
    (folder / "kanaria.toml").write_text(more + text)


@dataclass
class Service:
    """The service in a process of its own, watching; what it says stands in ``serve.log`` of its folder."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def status(self) -> Json:
        """What ``/status`` answers; it must listen."""
        where = json.loads((self.folder / "store" / "serve.json").read_text("utf-8"))
        with urllib.request.urlopen(f"http://127.0.0.1:{where['port']}/status", timeout=60) as answer:
            return dict(json.load(answer))

    @property
    def resident(self) -> float:
        """Megabytes of memory."""
        return kilobytes(self.process.pid, "VmRSS") / 1024

    @property
    def processor(self) -> float:
        """Seconds of processor time since it began."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def alive(self) -> None:
        """Raises SystemExit with what it said last when it has ended."""
        if self.process.poll() is not None:
            last = "\n".join((self.folder / LOG).read_text("utf-8").splitlines()[-LAST_LINES:])
            raise SystemExit(f"kanaria serve ended with status {self.process.returncode}; the last it said:\n{last}")

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=120)


def kilobytes(process: int, name: str) -> int:
    """A line of ``/proc/PID/status``."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def start(folder: Path, environment: dict[str, str] | None = None) -> Service:
    """The service on the folder's settings, watching. Raises SystemExit with what it said when it ends before."""
    said = folder / LOG
    with said.open("w") as log:
        command = [sys.executable, "-m", "kanaria", "serve", "--config", "kanaria.toml"]
        process = subprocess.Popen(
            command, cwd=folder, stderr=log, preexec_fn=dies_with_us, env={**os.environ, **(environment or {})}
        )
    service = Service(folder, process)
    if not patient(lambda: STARTED in said.read_text(), alive=service.alive):
        raise SystemExit(f"it does not begin to watch:\n{said.read_text()}")
    return service


def dies_with_us() -> None:
    """This child is killed when the process that began it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def patient(
    done: Callable[[], object],
    seconds: float = 300.0,
    *,
    alive: Callable[[], object] = lambda: None,
    every: float = 0.2,
) -> bool:
    """Whether it comes to be so within that time, looking every so many seconds; ``alive`` raises when it cannot."""
    until = time.monotonic() + seconds
    while not done():
        alive()
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
