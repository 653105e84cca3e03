"""How fast web logs become typed rows: one process, whole files, wall and processor time, peak memory.

In: nothing, or ``KANARIA_DATA`` with a real combined log to multiply; without it lines are made up. Out: a table on
standard output. Times are of one run on one machine: compare ratios, not numbers.
"""

from __future__ import annotations

import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import size
from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.sources import open_inputs

MEGABYTES = int(os.environ.get("KANARIA_BENCH_MB", size("1000", "1")))


def combined_lines() -> list[str]:
    """Ten thousand combined lines: real ones where there are some, else made up with the same lengths."""
    folder = os.environ.get("KANARIA_DATA")
    real = Path(folder or "") / "weblog" / "apache-combined-10000.log"
    if folder and real.exists():
        return real.read_text(errors="replace").splitlines()
    chance = random.Random(1)
    return [
        f"203.0.113.{chance.randrange(256)} - - [17/May/2015:10:{i % 60:02}:{i % 59:02} +0000] "
        f'"GET /presentations/{"x" * chance.randrange(5, 60)}.html HTTP/1.1" 200 {chance.randrange(10**6)} '
        f'"https://example.org/{"r" * chance.randrange(40)}" "Mozilla/5.0 (X11; Linux x86_64) {"u" * 80}"'
        for i in range(10_000)
    ]


def json_lines(lines: list[str]) -> Iterator[str]:
    """The same requests as nginx writes them with ``escape=json``."""
    for line in lines:
        parts = line.split('"')
        answer = parts[2].split() if len(parts) == 7 else []
        if len(answer) == 2:
            yield json.dumps({
                "time_iso8601": "2026-01-02T03:04:05+00:00", "remote_addr": parts[0].split()[0], "remote_user": "",
                "request": parts[1], "status": int(answer[0]), "body_bytes_sent": answer[1].replace("-", "0"),
                "request_time": 0.012, "http_referer": parts[3], "http_user_agent": parts[5],
            })  # fmt: skip


def fill(path: Path, lines: list[str], megabytes: int = MEGABYTES) -> None:
    """Repeat the lines until the file has so many megabytes."""
    data = "\n".join(lines).encode() + b"\n"
    with path.open("wb") as out:
        for _ in range(max(1, megabytes * 1_000_000 // len(data))):
            out.write(data)


def measure(path: Path) -> None:
    """Read one file and print its line of the table."""
    wall, cpu = time.perf_counter(), time.process_time()
    rows = rejected = 0
    name = ""
    for stream in open_inputs([str(path)]):
        known = registry.detect(stream)
        assert known is not None
        name = known.name
        for batch in known.read(stream, ReadContext()):
            rows += batch.rows
            rejected += batch.rejected
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size, peak = path.stat().st_size / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:12} {size:6.0f} MB {rows:9} lines {rejected:4} rejected {wall:6.1f} s wall {cpu:6.1f} s cpu "
        f"{rows / wall / 1e6:5.2f} M lines/s {size / wall:5.0f} MB/s "
        f"{rows / cpu / 1e6:5.2f} M lines/cpu-s {peak:5.0f} MB"
    )


def main() -> None:
    """Combined and nginx JSON, each twice: the first run may have to compile."""
    lines = combined_lines()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("combined.log", lines), ("json.log", list(json_lines(lines)))):
            path = Path(folder) / name
            fill(path, content)
            for _ in range(2):
                measure(path)
            path.unlink()


if __name__ == "__main__":
    main()
