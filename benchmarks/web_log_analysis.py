"""A whole analysis of a web log against programs that do less: one table, one run, the same file.

In: nothing; ``KANARIA_BENCH_MB`` sets the size of the log, ``KANARIA_DATA`` names a folder with a real log to multiply.
Out: lines a second of wall and processor time and peak memory of each program. ripgrep and grep are limits (they only
look for one word), GoAccess counts, fail2ban-regex looks for failures, CrowdSec replays the log through the scenarios
of its base collection. Programs that are not installed are left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers import crowdsec
from benchmarks.web_log_reading import combined_lines, fill

WHOLE, PART, FEW = "access.log", "part.log", "few.log"
SLOW_LINES = 50_000
"""Lines for programs of some ten thousand lines a second: a few seconds each are enough for a rate."""

LAUNCHER = """
import resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


FEW_LINES = 10_000
"""The same for CrowdSec, of some thousand lines a second."""


def programs(folder: Path) -> Iterator[tuple[str, list[str], Path]]:
    """(name, command, file it reads) of everything that is compared; the logs lie in the folder."""
    whole, part, few = folder / WHOLE, folder / PART, folder / FEW
    yield "ripgrep, one word", ["rg", "-c", "-F", "mining.subscribe", str(whole)], whole
    yield "grep, one word", ["grep", "-c", "-F", "mining.subscribe", str(whole)], whole
    yield "Kanaria, whole analysis", [sys.executable, "-m", "kanaria", "analyze", str(whole)], whole
    yield "GoAccess", ["goaccess", str(part), "--log-format=COMBINED", "-o", f"{part}.json"], part
    yield "fail2ban-regex", ["fail2ban-regex", str(part), "nginx-bad-request"], part
    if replay := crowdsec(folder / "crowdsec", few):
        yield "CrowdSec, replay", replay, few


def measure(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in MB of one run. Raises RuntimeError when it fails outright.

    A small launcher starts the program: Linux counts the memory of the process that forks as the child's own peak.
    """
    launched = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, *command], capture_output=True, text=True, check=True
    )
    status, seconds, cpu, kilobytes = launched.stdout.split()
    if int(status) not in (0, 1):
        raise RuntimeError(f"{command[0]} ended with status {status}")
    return float(seconds), float(cpu), int(kilobytes) / 1024


def main() -> None:
    """Make the log, run every program that is installed, print the table."""
    lines = combined_lines()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder) / WHOLE, lines)
        for name, count in ((PART, SLOW_LINES), (FEW, FEW_LINES)):
            (Path(folder) / name).write_text("\n".join((lines * (count // len(lines) + 1))[:count]) + "\n")
        print("| program | lines | seconds | processor s | lines/s | lines/processor s | peak MB |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name, command, path in programs(Path(folder)):
            if shutil.which(command[0]) is None:
                continue
            seconds, cpu, memory = measure(command)
            with path.open("rb") as file:
                count = sum(chunk.count(b"\n") for chunk in iter(lambda f=file: f.read(1 << 20), b""))  # type: ignore[misc]
            rates = f"{count / seconds:,.0f} | {count / max(cpu, 0.01):,.0f}"
            print(f"| {name} | {count:,} | {seconds:.1f} | {cpu:.1f} | {rates} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
