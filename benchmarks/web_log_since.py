"""What a web log costs now against an earlier commit: the same file, alternate runs, medians of processor time.

In: nothing; ``KANARIA_BENCH_SINCE`` names the commit (default: the one that became 0.1.0), ``KANARIA_BENCH_MB`` the
megabytes of the log (default 142), ``KANARIA_DATA`` a folder with a real log to multiply. Out: a table of help, of a
log of one line (the start) and of the log. The earlier sources are taken out of this repository and run in this
environment: what libraries cost is on both sides. Status 2 where git or the commit is not there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import size, web_log_reading
from benchmarks.web_log_analysis import measure

SINCE = os.environ.get("KANARIA_BENCH_SINCE", "40df914")
"""0.1.0, whose throughput later versions are held to."""
ROUNDS = size(9, 1)
MEGABYTES = size("142", "1")
ROOT = Path(__file__).parents[1]


def sources(folder: Path) -> Path:
    """The earlier ``src``, unpacked into the folder. Raises SystemExit with status 2 when it cannot be had."""
    try:
        packed = subprocess.run(["git", "archive", SINCE, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"needs git and the commit {SINCE} in this repository: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder / "src"


def command(source: Path, arguments: list[str]) -> list[str]:
    """The command of the version that lies there; compiled files are kept, as in an installation."""
    return ["env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPATH={source}", sys.executable, "-m", "kanaria", *arguments]


def compared(name: str, arguments: list[str], versions: tuple[Path, Path]) -> str:
    """One row of the table: both versions in turn, the order changing, after a run each that may compile."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for source in versions:
        measure(command(source, arguments))
    for turn in range(ROUNDS):
        for which in (0, 1) if turn % 2 else (1, 0):
            seconds[which].append(measure(command(versions[which], arguments))[1])
    before, now = (median(found) for found in seconds)
    return f"| {name} | {ROUNDS} | {before:.2f} | {now:.2f} | {now / before:.2f} |"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        versions = sources(folder), ROOT / "src"
        lines = web_log_reading.combined_lines()
        (folder / "one.log").write_text(lines[0] + "\n")
        megabytes = int(os.environ.get("KANARIA_BENCH_MB", MEGABYTES))
        web_log_reading.fill(folder / "access.log", lines, megabytes)
        print(f"| command | runs each | {SINCE}, processor s | now, processor s | ratio |\n|---|---:|---:|---:|---:|")
        print(compared("`--help`", ["--help"], versions), flush=True)
        print(compared("one line", ["analyze", str(folder / "one.log")], versions), flush=True)
        print(compared(f"{megabytes} MB", ["analyze", str(folder / "access.log")], versions), flush=True)


if __name__ == "__main__":
    main()
