"""``kanaria serve`` for a long while: is everything counted, and do its memory and its store stay small?

In: nothing, or what to do: ``rate`` (``--rate`` lines a second for ``--minutes``: a web log that is rotated, and a DNS
log with 80 questions for a mining pool, each by a device that never asked before) or ``month`` (``--days`` of a lab
office with ``--workstations``, as fast as the service reads them). Out: a line for each quarter of the lines with
lines written and read, what they cost, resident memory and bytes of the store; then what was sent, read and told.
Status 1 when a line or a message is missing, or when memory grew by more than ``GROWTH`` from the second quarter to the
last: of four months, from the second to the fourth, so that what fills once (the newest two days, a week of pictures,
plans of statements, remembered addresses) has filled, and what grows with time has had twice as long to show it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import size
from benchmarks.serving import ACCESS, DNS, ZEEK, Phone, Service, patient, start, write_settings

GROWTH = 1.08
"""Times. Measured from the second to the last quarter, five workstations: of 112 days 592 to 612 MB, of 224 days 619 to
645, of which from the third to the last 638 to 645; 30 workstations, 112 days: 565 to 601 and 565 to 605. What is
normal itself grows by 0.12 MB a day with five, and every open incident takes 0.1. Half an hour at 20,000 lines a
second: 316 to 330."""
LEAST_MINUTES, LEAST_DAYS = 4.0, 112
"""Of a run whose memory is judged: in the first minutes code is loaded and statements are planned (354 to 472 MB within
nine seconds of an office), and within the first days of an office there is no yesterday."""
EVERY = 2.0
"""Seconds between two samples."""
STEP = 0.05
"""Seconds between two bursts of lines."""
ROTATED = 64 << 20
"""Bytes of a web log after which it is renamed; the one before is removed by then, if it was read."""
ASKS = 80
"""Devices that ask for a pool: fewer than a hundred, from which on incidents of one kind are told as one."""
AHEAD = 20_000
"""Lines that may wait to be read while more are written."""


@dataclass(frozen=True)
class Sample:
    """What there was at one moment: megabytes, lines, seconds since the beginning."""

    at: float
    written: int
    read: int
    resident: float
    store: float
    processor: float


@dataclass
class Running:
    """The service with somewhere for its messages, and what was seen of it."""

    folder: Path
    service: Service
    phone: Phone
    begun: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)

    def sample(self, written: int) -> int:
        """Note how it is; returns the lines it has read."""
        read = sum(source["records"] for source in self.service.status["sources"])
        kept = sum(path.stat().st_size for path in (self.folder / "store").rglob("*") if path.is_file())
        now = time.monotonic() - self.begun
        self.samples.append(Sample(now, written, read, self.service.resident, kept / 1e6, self.service.processor))
        return int(read)

    def told(self) -> int:
        """Incidents that messages were about: under load one may be about several."""
        return sum({message["id"]: message.get("count", 1) for message in self.phone.messages}.values())

    def end(self) -> None:
        self.service.end()
        self.phone.close()


def begin(folder: Path, sources: str) -> Running:
    """The service, watching."""
    phone = Phone(folder)
    write_settings(folder, sources, phone, listen="127.0.0.1:0")
    return Running(folder, start(folder), phone)


# ---- so many lines a second ---------------------------------------------------------------------------------------


class Web:
    """A web log that grows at a rate and is rotated, and a DNS log in which devices ask for a pool."""

    def __init__(self, folder: Path, rate: int, seconds: float) -> None:
        self._log, self._dns, self._rate = folder / "access.log", folder / "dnsmasq.log", rate
        self._asks_every = seconds / ASKS
        self._over = threading.Event()
        self.lines = self.asked = 0
        self.longest = 0.0
        """Seconds by which a burst came too late at most: then it was the writer that could not keep up."""
        self._log.touch()
        self._dns.touch()
        self._thread = threading.Thread(target=self._write)

    @property
    def written(self) -> int:
        return self.lines + self.asked

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        begun, asks, log = time.monotonic(), 0.0, self._log.open("a")
        while not self._over.wait(STEP):
            now = time.monotonic() - begun
            due = int(now * self._rate)
            self.longest = max(self.longest, (due - self.lines) / self._rate - STEP)
            log.write("".join(web_lines(self.lines, due)))
            log.flush()
            self.lines = due
            if now >= asks:
                asks += self._asks_every
                self._ask()
            if log.tell() > ROTATED:
                log.close()
                self._log.replace(self._log.with_name("access.log.1"))
                log = self._log.open("a")
        log.close()

    def _ask(self) -> None:
        when, number = datetime.now(UTC), self.asked
        device = f"10.{number // 62_500 + 1}.{number // 250 % 250}.{number % 250 + 1}"
        with self._dns.open("a") as log:
            log.write(f"{when:%b %e %H:%M:%S} dnsmasq[71]: query[A] pool.supportxmr.com from {device}\n")
        self.asked += 1


def web_lines(first: int, until: int) -> Iterator[str]:
    """Ordinary requests of now, by 5,000 clients for 2,000 pages."""
    when = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    for n in range(first, until):
        client = f"198.18.{n % 5_000 // 250}.{n % 250 + 1}"
        yield f'{client} - - [{when}] "GET /page/{n * 7 % 2_000} HTTP/1.1" 200 {n % 5_000} "-" "Mozilla/5.0"\n'


def at_rate(rate: int, minutes: float, folder: Path) -> bool:
    """Lines at a rate; whether all is as it must be."""
    running, web = begin(folder, ACCESS + DNS), Web(folder, rate, minutes * 60)
    try:
        web.start()
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            time.sleep(EVERY)
            running.sample(web.written)
        web.stop()
        caught_up(running, web.written)
        told = patient(lambda: running.told() >= web.asked) and running.told() == web.asked
        print(f"at {rate:,} lines a second; the writer came {web.longest:.1f} s late at most\n")
        report(running, web.written)
        print(f"\n{web.asked} devices asked for a pool, messages came about {running.told()}")
    finally:
        web.stop()
        running.end()
    return told and sound(running, web.written, judged=minutes >= LEAST_MINUTES)


# ---- a month of an office -------------------------------------------------------------------------------------------


def office_lines(days: int, workstations: int) -> Iterator[tuple[list[str], list[str]]]:
    """Hour by hour what Zeek would have written of a lab office: connections and questions for names."""
    from kanaria.lab import office, zeek_log

    for part in office.generate(days=days, workstations=workstations, deviations=False).slices():
        flows = part["connection"].to_pylist() if "connection" in part else []
        asked = part["dns"].to_pylist() if "dns" in part else []
        yield list(zeek_log.lines(flows)), [dns_line(row) for row in asked]


def dns_line(row: Mapping[str, Any]) -> str:
    """One question as Zeek's ``dns.log`` has it."""
    ends = {"id.orig_h": row["src_ip"], "id.orig_p": row["src_port"] or 40_000}
    ends |= {"id.resp_h": row["dst_ip"], "id.resp_p": row["dst_port"] or 53}
    entry = {"ts": row["time"].timestamp(), "uid": f"D{row['event_id'] & 0xFFFFFFFF}", **ends, "proto": "udp"}
    return json.dumps({**entry, "query": row["query"], "qtype_name": "A", "rcode_name": "NOERROR"}) + "\n"


def month(days: int, workstations: int, folder: Path) -> bool:
    """A lab office's time, as fast as it is read; whether all is as it must be."""
    (folder / "zeek").mkdir()
    running, written = begin(folder, ZEEK), 0
    try:
        for flows, asked in office_lines(days, workstations):
            for name, lines in (("conn.log", flows), ("dns.log", asked)):
                with (folder / "zeek" / name).open("a") as log:
                    log.writelines(lines)
                written += len(lines)
            patient(partial(near, running, written))
        caught_up(running, written)
        print(f"{days} days of an office with {workstations} workstations\n")
        report(running, written)
        print(f"\nmessages came about {running.told()} incidents")
    finally:
        running.end()
    return sound(running, written, judged=days >= LEAST_DAYS)


def near(running: Running, written: int) -> bool:
    """Whether not too much waits to be read."""
    return running.sample(written) >= written - AHEAD


# ---- what must be so ------------------------------------------------------------------------------------------------


def caught_up(running: Running, written: int) -> None:
    """Wait until everything is read, as long as more of it is."""
    patient(lambda: running.sample(written) >= written)


def quarters(running: Running) -> list[list[Sample]]:
    """The samples by quarter of what was read: how fast that was depends on what else the machine has to do."""
    last = running.samples[-1].read
    ends = [number * last / 4 for number in range(5)]
    return [[one for one in running.samples if low < one.read <= high] for low, high in pairwise(ends)]


def report(running: Running, written: int) -> None:
    """The table."""
    print("| quarter | written | read | processor s a 100,000 lines | resident MB | store MB |")
    print("|---|---|---|---|---|---|")
    before = Sample(0.0, 0, 0, 0.0, 0.0, running.samples[0].processor)
    for number, part in enumerate(filter(None, quarters(running)), 1):
        last = part[-1]
        share = (last.processor - before.processor) / max(1, last.read - before.read) * 100_000
        resident, store = (statistics.median(getattr(one, name) for one in part) for name in ("resident", "store"))
        cells = [f"{number}", f"{last.written:,}", f"{last.read:,}", f"{share:.2f}", f"{resident:.0f}", f"{store:.1f}"]
        print(f"| {' | '.join(cells)} |")
        before = last
    load = os.getloadavg()
    seconds = running.samples[-1].at
    print(f"\n{written:,} lines in {seconds:.0f} s; load {load[0]:.1f}, {load[1]:.1f}, {load[2]:.1f}")


def sound(running: Running, written: int, *, judged: bool) -> bool:
    """Everything was read, and memory did not grow, where it is ``judged``."""
    last = running.samples[-1]
    if last.read != written:
        print(f"{written:,} lines were written and {last.read:,} read", file=sys.stderr)
    _first, second, _third, fourth = quarters(running)
    before, after = (statistics.median(one.resident for one in part) if part else 0 for part in (second, fourth))
    grew = judged and after > before * GROWTH
    if grew:
        print(f"memory grew from {before:.0f} to {after:.0f} MB", file=sys.stderr)
    return last.read == written and not grew


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables; status 1 when something is missing or grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--rate", type=int, default=size(20_000, 500))
    parser.add_argument("--minutes", type=float, default=size(30.0, 0.2))
    parser.add_argument("--days", type=int, default=size(112, 1))
    parser.add_argument("--workstations", type=int, default=size(30, 5))
    parser.add_argument("what", nargs="*", help="rate, month; default: both")
    asked = parser.parse_args(arguments)
    good = True
    for what in asked.what or ("rate", "month"):
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            good &= (
                at_rate(asked.rate, asked.minutes, Path(folder))
                if what == "rate"
                else month(asked.days, asked.workstations, Path(folder))
            )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
