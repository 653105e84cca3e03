"""From a line in a log to a message at a local sink: how long ``kanaria serve`` takes, quiet and under load.

A web log grows at a fixed rate while a DNS server's log now and then gets a query for a mining pool by a device that
never asked before: each is an incident of its own and one message. Times are from writing the line to its arrival.
``python -m benchmarks.serve_latency [--messages 60] [--rates 0 1000 5000]``
"""

from __future__ import annotations

import argparse
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import size

ORDINARY = '192.0.2.{client} - - [{when}] "GET /page/{number} HTTP/1.1" 200 {size} "-" "Mozilla/5.0 (X11; Linux)"\n'
QUERY = "{when} dnsmasq[71]: query[A] pool.supportxmr.com from {device}\n"
SETTINGS = """\
store = "store"
language = "en"
[[sources]]
kind = "file"
path = "access.log"
[[sources]]
kind = "file"
path = "dnsmasq.log"
format = "dnsmasq"
[[notify]]
url = "json://127.0.0.1:{port}/"
severity = "low"
digest = "none"
[serve]
listen = "off"
messages_per_hour = 1000000
"""
STEP = 0.02
"""Seconds between two bursts of ordinary lines."""


class Sink:
    """When each device was first named in a message."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                now = time.monotonic()
                said = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()
                for word in str(said["title"]).replace("(", " ").replace(")", " ").split():
                    if word.startswith("10."):
                        sink.arrived.setdefault(word, now)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def ordinary(log: Path, rate: int, over: threading.Event) -> None:
    """Write ``rate`` lines a second until it is over."""
    number, begin = 0, time.monotonic()
    with log.open("a") as server:
        while not over.wait(STEP):
            due = int((time.monotonic() - begin) * rate)
            when = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            server.writelines(
                ORDINARY.format(client=n % 200, when=when, number=n % 997, size=n % 5000) for n in range(number, due)
            )
            server.flush()
            number = due


def measure(rate: int, messages: int, pause: float) -> list[float]:
    """Seconds of every message at a rate of ordinary lines a second."""
    with tempfile.TemporaryDirectory(prefix="kanaria-latency-") as name:
        folder, sink, over = Path(name), Sink(), threading.Event()
        for log in ("access.log", "dnsmasq.log"):
            (folder / log).touch()
        (folder / "kanaria.toml").write_text(SETTINGS.format(port=sink.server.server_address[1]))
        with (folder / "log").open("w") as said:
            service = subprocess.Popen(
                [sys.executable, "-m", "kanaria", "serve", "--config", "kanaria.toml"], cwd=folder, stderr=said
            )
        while " started " not in (folder / "log").read_text() and service.poll() is None:
            time.sleep(0.1)
        load = threading.Thread(target=ordinary, args=(folder / "access.log", rate, over))
        load.start()
        written: dict[str, float] = {}
        for number in range(messages):
            time.sleep(pause)
            device = f"10.0.{number // 250}.{number % 250 + 1}"
            with (folder / "dnsmasq.log").open("a") as server:
                server.write(QUERY.format(when=datetime.now(UTC).strftime("%b %e %H:%M:%S"), device=device))
            written[device] = time.monotonic()
        until = time.monotonic() + 30
        while len(sink.arrived) < messages and time.monotonic() < until:
            time.sleep(0.05)
        over.set()
        load.join()
        service.terminate()
        service.wait()
        sink.server.shutdown()
    return sorted(sink.arrived.get(device, float("inf")) - begun for device, begun in written.items())


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--messages", type=int, default=size(60, 2))
    options.add_argument("--rates", type=int, nargs="*", default=size([0, 1000, 5000], [0]))
    options.add_argument("--pause", type=float, default=0.5)
    given = options.parse_args()
    print("| lines a second | messages | p50 s | p99 s | longest s |")
    print("|---|---|---|---|---|")
    for rate in given.rates:
        found = measure(rate, given.messages, given.pause)
        p50, p99 = found[len(found) // 2], found[min(len(found) - 1, int(len(found) * 0.99))]
        print(f"| {rate:,} | {len(found)} | {p50:.3f} | {p99:.3f} | {found[-1]:.3f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
