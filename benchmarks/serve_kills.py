"""``kanaria serve`` killed again and again while its logs grow: is what it keeps and tells that of one nobody killed?

In: nothing, or ``--points N`` (default 200) and names of scenarios. Out: a line for each scenario with how many kills
hit what, and whether in the end every line was counted once, all tables equal those of a service that nobody
disturbed, and each news was told, under one id however often it was sent. Status 1 when something differs.

Scenarios: ``steady`` (a web log and Zeek's connections grow), ``slow disk`` (each sync takes 40 ms), ``fates`` (while
the service is dead its log is renamed, copied and truncated, deleted, replaced by a pipe, or may not be read for a
while), ``two`` (a second service is begun on the same store each time, which must give up). Each service is a forked
child of this process, which has imported everything; SIGKILL comes before a chosen operation on the store's files, or
after a while.
"""

from __future__ import annotations

import argparse
import ctypes
import http.server
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import faults, size
from benchmarks.kill_table import differing, kept

POINTS = size(200, 2)
SEED = 15
RATE = 60
"""Lines a second of each log."""
PROBE_EVERY = 600
"""Fewer than a hundred incidents of one kind: from then on they are told as one, and which are depends on the order."""
FIRST = datetime(2026, 6, 21, 7, tzinfo=UTC)
SETTINGS = """\
store = "store"
language = "en"
[[sources]]
kind = "file"
path = "access.log"
[[sources]]
kind = "zeek"
path = "zeek"
[[sources]]
kind = "file"
path = "dnsmasq.log"
format = "dnsmasq"
[[notify]]
url = "webhook+http://127.0.0.1:{port}/"
severity = "informational"
digest = "none"
[serve]
listen = "off"
join_minutes = 0.0001
messages_per_hour = 1000000
"""
Json = dict[str, Any]


def web_line(number: int) -> str:
    """Every 600th is a probe by another sender with words of its own."""
    moment = FIRST + timedelta(seconds=number)
    begin = f"{{}} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000]"
    if number % PROBE_EVERY == 7:
        nth = number // PROBE_EVERY
        sender = f"203.0.{113 + nth // 250}.{nth % 250 + 1}"
        request = f'{{\\"id\\":1,\\"method\\":\\"mining.authorize\\",\\"params\\":[\\"w{number}\\",\\"x\\"]}}'
        return f'{begin.format(sender)} "{request}" 400 150 "-" "-"\n'
    return f'{begin.format(f"192.0.2.{number % 9 + 1}")} "GET /{number} HTTP/1.1" 200 157 "-" "-"\n'


def zeek_line(number: int) -> str:
    """An office's connections, and now and then one of a device that never did that before."""
    row = {
        "ts": (FIRST + timedelta(seconds=number)).timestamp(), "uid": f"C{number}",
        "id.orig_h": f"192.168.1.{number % 9 + 20}", "id.orig_p": 20_000 + number % 40_000,
        "id.resp_h": f"198.51.100.{number % 5 + 7}", "id.resp_p": 443, "proto": "tcp", "duration": 9.0,
        "orig_bytes": 900, "resp_bytes": 4_000, "orig_pkts": 9, "resp_pkts": 9, "conn_state": "SF",
    }  # fmt: skip
    return json.dumps(row) + "\n"


def dns_line(number: int) -> str:
    """Every 600th is a question for a mining pool by a device that never asked before: an incident of its own."""
    moment = FIRST + timedelta(seconds=number)
    asked = number % PROBE_EVERY == 9
    device = f"10.1.{number // PROBE_EVERY // 250}.{number // PROBE_EVERY % 250 + 1}" if asked else "10.0.0.2"
    name = "pool.supportxmr.com" if asked else "www.example.org"
    return f"{moment:%b %e %H:%M:%S} dnsmasq[71]: query[A] {name} from {device}\n"


class Growing:
    """Logs that grow at a rate, as long as somebody calls ``catch_up``; fates change what lies under their names."""

    def __init__(self, folder: Path) -> None:
        self.web, self.zeek, self.dns = folder / "access.log", folder / "zeek" / "conn.log", folder / "dnsmasq.log"
        self.zeek.parent.mkdir()
        self.written = 0
        self.paused = False
        """While nothing can be written into a pipe that nobody reads."""
        self._begun = time.monotonic()
        self.write(1)

    def write(self, until: int) -> None:
        """All lines up to a number."""
        for path, line in ((self.web, web_line), (self.zeek, zeek_line), (self.dns, dns_line)):
            with path.open("a") as log:
                log.writelines(line(number) for number in range(self.written, until))
        self.written = until

    @property
    def lines(self) -> int:
        return 3 * self.written

    def catch_up(self) -> None:
        """All lines that are due by now."""
        if not self.paused:
            self.write(max(self.written, int((time.monotonic() - self._begun) * RATE)))


class Phone:
    """A webhook's receiver in a process of its own; what came, as JSON lines."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "messages.jsonl"
        self.file.touch()
        reader, writer = os.pipe()
        sys.stdout.flush()
        self._process = os.fork()
        if self._process == 0:
            os.close(reader)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self._serve(writer)
        os.close(writer)
        self.port = int(os.read(reader, 16))
        os.close(reader)

    def _serve(self, writer: int) -> None:
        file = self.file

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with file.open("a") as messages:
                    messages.write(json.dumps({**body, "webhook-id": self.headers["webhook-id"]}) + "\n")
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        os.write(writer, str(server.server_address[1]).encode())
        os.close(writer)
        server.serve_forever()

    @property
    def messages(self) -> list[Json]:
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]

    def close(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def begin(folder: Path, *, fault: str = "none", number: int = 0, log: Path | None = None) -> int:
    """``kanaria serve`` in a child; its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(folder)
        with (folder / "serve.log").open("a") as err:
            os.dup2(err.fileno(), 1)
            os.dup2(err.fileno(), 2)
        faults.arm(fault, number, folder / "store", log)
        sys.argv = ["kanaria", "serve", "--config", "kanaria.toml"]
        from kanaria.app.commands.main import main as kanaria

        obey_permissions()
        kanaria()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    finally:
        os._exit(status)


PR_SET_PDEATHSIG = 1
CAPABILITIES = 0x20080522
"""``_LINUX_CAPABILITY_VERSION_3``."""


def obey_permissions() -> None:
    """Root, too, may not read what its mode forbids."""
    words = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    libc = ctypes.CDLL(None)
    if libc.capget(header, words) == 0:
        for at in (0, 1):  # effective and permitted
            words[at] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.capset(header, words)


def state(folder: Path) -> Json:
    """What the store's last checkpoint keeps of the live sources."""
    file = folder / "store" / "incidents.sqlite"
    if not file.exists():
        return {}
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as db:
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone()
        rows = db.execute("SELECT content FROM state WHERE name = 'live'").fetchall() if made else []
    db.close()
    return dict(json.loads(zlib.decompress(rows[0][0]))["content"]["positions"]) if rows else {}


def lines_read(folder: Path) -> int:
    """Lines up to the kept positions."""
    return sum(mark["lines"] for places in state(folder).values() for mark in places.values())


@dataclass
class Disturbed:
    """A service that is killed ``points`` times, in a folder of its own."""

    folder: Path
    growing: Growing
    points: int
    fault: str = "kill"
    fates: bool = False
    second: bool = False
    hit: Counter[str] = field(default_factory=Counter)
    """What was being done when the kill came."""
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """All kills, then to the end of the logs undisturbed. A log that is renamed before anything of it was ever read
        is no log of this service: fates come after it has begun."""
        if self.fates:
            finish(self.folder, self.growing)
        seeded = random.Random(SEED)
        for point in range(self.points):
            undo = FATES[point % len(FATES)](self) if self.fates else _nothing
            log = self.folder / "operations.log"
            log.unlink(missing_ok=True)
            slow = self.fault == "slow"
            number = 40 if slow else int(10 ** seeded.uniform(0, 2.4))
            child = begin(self.folder, fault=self.fault, number=number, log=None if slow else log)
            self._until_dead(child, seeded.uniform(0, 2), undo)
            done = [] if slow else faults.operations(log)
            self.hit[_doing(done[-1].path) if done and done[-1].number == number else "a moment"] += 1
        finish(self.folder, self.growing, self.fault if self.fault == "slow" else "none")

    def _until_dead(self, child: int, after: float, undo: Callable[[], None]) -> None:
        """Let logs grow until the fault has come, or until so many seconds after the service began to watch."""
        said = self.folder / "serve.log"
        begun, until = said.stat().st_size, time.monotonic() + 120
        watching = False
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            self.growing.catch_up()
            if not watching and b" started " in said.read_bytes()[begun:]:
                watching, until = True, time.monotonic() + after
                if self.second:
                    self._second()
            if watching and undo is not _nothing and time.monotonic() > until - after / 2:
                undo()
                undo = _nothing
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.02)
        undo()

    def _second(self) -> None:
        """Another service on the same store gives up and says why."""
        said = (self.folder / "serve.log").stat().st_size
        _pid, status = os.waitpid(begin(self.folder), 0)
        words = (self.folder / "serve.log").read_bytes()[said:]
        if os.waitstatus_to_exitcode(status) != 2 or b"another run is using it" not in words:
            self.wrong.append("a second service does not give up")


def _nothing() -> None:
    pass


def finish(folder: Path, growing: Growing, fault: str = "none") -> None:
    """A service nobody kills, until it has read everything and told it."""
    child = begin(folder, fault=fault, number=40)
    try:
        _wait(lambda: lines_read(folder) >= growing.lines, "everything is read")
        _wait(lambda: not _waiting(folder), "everything is told")
    finally:
        os.kill(child, signal.SIGTERM)
        _pid, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{folder}: the service ended with {status}: {(folder / 'serve.log').read_text()[-2000:]}")


def _wait(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 300
    while not done():
        if time.monotonic() > until:
            raise SystemExit(f"not within 300 s: {what}")
        time.sleep(0.2)


def _doing(path: str) -> str:
    """What an operation of the service on a file of the store belongs to."""
    parts = (("incidents.sqlite", "incidents"), ("outbox.sqlite", "messages"), ("/baseline", "learning"))
    return next((name for part, name in parts if part in path), "opening")


# ---- what becomes of a log while the service is dead; what is returned is done when it watches again ---------------


def _rotated(log: Path) -> Path:
    """A free name for what was written, the older ones moved on as logrotate does."""
    older = sorted((int(path.suffix[1:]) for path in log.parent.glob(f"{log.name}.*")), reverse=True)
    for number in older:
        log.with_name(f"{log.name}.{number}").rename(log.with_name(f"{log.name}.{number + 1}"))
    return log.with_name(f"{log.name}.1")


def renamed(one: Disturbed) -> Callable[[], None]:
    log = one.growing.web
    log.rename(_rotated(log))
    log.touch()
    return _nothing


def truncated(one: Disturbed) -> Callable[[], None]:
    log = one.growing.web
    shutil.copyfile(log, _rotated(log))
    os.truncate(log, 0)
    return _nothing


def deleted(one: Disturbed) -> Callable[[], None]:
    """Only when all of it is read: what was not is lost with the file."""
    if lines_read(one.folder) < one.growing.lines:
        return renamed(one)
    one.growing.web.unlink()
    return _nothing


def a_pipe(one: Disturbed) -> Callable[[], None]:
    log = one.growing.web
    log.rename(_rotated(log))
    os.mkfifo(log)
    one.growing.paused = True

    def undo() -> None:
        log.unlink()
        log.touch()
        one.growing.paused = False

    return undo


def denied(one: Disturbed) -> Callable[[], None]:
    log = one.growing.web
    log.chmod(0)
    return lambda: log.chmod(0o644)


FATES: tuple[Callable[[Disturbed], Callable[[], None]], ...] = (renamed, truncated, deleted, a_pipe, denied)


# ---- what must be so in the end ----------------------------------------------------------------------------------


def counted(folder: Path) -> Counter[str]:
    """How often each probe's word stands in an incident."""
    with sqlite3.connect(folder / "store" / "incidents.sqlite") as db:
        documents = [json.loads(row[0]) for row in db.execute("SELECT document FROM incident WHERE state <> 'merged'")]
    db.close()
    return Counter(message["worker"] for document in documents for message in document["messages"])


def told(folder: Path) -> dict[str, list[str]]:
    """The messages of each incident being new, by incident; one that was not sent is an empty word."""
    found: dict[str, list[str]] = {}
    with sqlite3.connect(folder / "store" / "outbox.sqlite") as db:
        for ident, status, content in db.execute("SELECT id, state, content FROM message WHERE kind = 'incident'"):
            incident = json.loads(content)
            if incident["alert"]["kind"] == "new":
                found.setdefault(incident["id"], []).append(ident if status == "sent" else "")
    db.close()
    return found


def _waiting(folder: Path) -> bool:
    with sqlite3.connect(f"file:{folder / 'store' / 'outbox.sqlite'}?mode=ro", uri=True, timeout=30) as db:
        (count,) = db.execute("SELECT count(*) FROM message WHERE state = 'waiting'").fetchone()
    db.close()
    return bool(count)


def judged(one: Disturbed, received: Sequence[Json]) -> Iterator[str]:
    """What is wrong in the end."""
    yield from one.wrong
    words = {f"w{number}": 1 for number in range(7, one.growing.written, PROBE_EVERY)}
    found = counted(one.folder)
    if found != words:
        lost, twice = len(words.keys() - found.keys()), sum(1 for count in found.values() if count > 1)
        yield f"of {len(words)} probes {lost} are lost and {twice} counted twice"
    news = told(one.folder)
    if bad := [ids for ids in news.values() if len(ids) != 1 or not ids[0]]:
        yield f"{len(bad)} incidents were not told as new once: {bad[:3]}"
    sent = {message["id"]: message.get("count", 1) for message in received if message["type"].startswith("incident")}
    if sum(sent.values()) < sum(map(len, news.values())):
        yield f"{sum(sent.values())} messages came of {len(news)}"


def undisturbed(one: Disturbed, folder: Path) -> tuple[Json, dict[str, list[str]]]:
    """The same logs read by a service that nobody kills."""
    (one.folder / "store").rename(folder)
    finish(one.folder, one.growing)
    whole, news = kept(one.folder), told(one.folder)
    shutil.rmtree(one.folder / "store")
    folder.rename(one.folder / "store")
    return whole, news


SCENARIOS: dict[str, Json] = {
    "steady": {}, "slow disk": {"fault": "slow"}, "fates": {"fates": True}, "two": {"second": True},
}  # fmt: skip


def row(name: str, points: int, folder: Path) -> tuple[list[str], bool]:
    """One line of the table, and whether all is as it must be."""
    phone = Phone(folder)
    try:
        (folder / "serve.log").touch()
        (folder / "kanaria.toml").write_text(SETTINGS.format(port=phone.port))
        one = Disturbed(folder, Growing(folder), points, **SCENARIOS[name])
        one.run()
        received = phone.messages
        wrong = list(judged(one, received))
        if not one.fates:
            whole, news = undisturbed(one, folder.with_name(f"{folder.name}-aside"))
            wrong += [f"differs: {part}" for part in differing(whole, kept(folder))]
            if news.keys() != told(folder).keys():
                wrong.append("incidents that were told")
    finally:
        phone.close()
    for what in wrong:
        print(f"{name}: {what}", file=sys.stderr, flush=True)
    hit = ", ".join(f"{what} {count}" for what, count in sorted(one.hit.items()))
    again = len(received) - len({message["id"] for message in received})
    cells = [name, str(points), hit, f"{one.growing.lines:,}", str(len(received)), str(again)]
    return [*cells, "; ".join(wrong) or "all equal"], not wrong


def warm() -> None:
    """What the service needs, in this process: children find every module and all compiled code there."""
    from kanaria.app.config import Config
    from kanaria.app.live import service  # noqa: F401
    from kanaria.app.live.warm_up import warm_up
    from kanaria.app.run.setup import prepare

    warm_up(prepare(Config()))


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; status 1 when something is lost, told twice or differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve_kills")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--keep", type=Path, help="Leave everything in this folder.")
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}")
    asked = parser.parse_args(arguments)
    faults.preloaded("benchmarks.serve_kills", arguments)
    warm()
    print("| scenario | kills | while (what was written) | lines | messages | of them sent again | in the end |")
    print("|---|---|---|---|---|---|---|")
    good = True
    for number, name in enumerate(asked.scenarios or SCENARIOS):
        with tempfile.TemporaryDirectory(prefix="serve-kills-") as made:
            folder = (asked.keep or Path(made)) / f"{number}"
            folder.mkdir(parents=True)
            cells, equal = row(name, asked.points, folder)
            print(f"| {' | '.join(cells)} |", flush=True)
            good = good and equal
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
