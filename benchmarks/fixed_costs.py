"""What an analysis costs before any record counts: per start, per input and per day with records.

In: nothing. Out: a table of processor seconds of the whole command, beside the budget of 1.5 s a start, 20 ms an input
and 50 ms a day. Inputs are made here: a web log or a Zeek connection log with one ordinary record a day, in as many
files. Run it in the environment users have (a wheel without extras): modules that only tests bring change the result.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import size

START, INPUT, DAY = 1.5, 0.020, 0.050
LATEST = datetime(2026, 6, 21, 7, tzinfo=UTC)
SHAPES = size(((1, 1), (10, 1), (100, 1), (1, 30), (30, 30), (100, 30), (1, 14 * 365), (100, 14 * 365)), ((2, 3),))
"""Inputs, and days with a record over all of them."""
_ZEEK = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\n"
)


def _web(moment: datetime, number: int) -> str:
    return f'192.0.2.{number % 250 + 1} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET / HTTP/1.1" 200 512 "-" "example"\n'


def _conn(moment: datetime, number: int) -> str:
    ends = f"192.168.1.20\t{50_000 + number % 9_000}\t192.0.2.{number % 250 + 1}\t443"
    return f"{moment.timestamp():.6f}\tC{number}\t{ends}\ttcp\tssl\t1.5\t900\t4000\tSF\n"


KINDS: dict[str, tuple[str, str, Callable[[datetime, int], str]]] = {
    "web": ("access.log", "", _web),
    "connections": ("conn.log", _ZEEK, _conn),
}


def make(folder: Path, kind: str, inputs: int, days: int) -> None:
    """Files with one record a day each, the days dealt out in turn; every file has at least one record."""
    name, head, record = KINDS[kind]
    for file in range(inputs):
        mine = range(file, days, inputs) if days > 1 else (0,)
        moments = [(LATEST - timedelta(days=days - 1 - day), day + file) for day in mine]
        place = folder / f"{file:03}"
        place.mkdir()
        (place / name).write_text(head + "".join(record(moment, number) for moment, number in moments))


def cost(folder: Path) -> float:
    """Processor seconds of one whole analysis of the folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "kanaria", "analyze", "--format", "json", "-o", os.devnull, str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode not in {0, 1, 3}:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    print("| records of | inputs | days | processor s | budget s |\n|---|---:|---:|---:|---:|")
    for kind in KINDS:
        for inputs, days in SHAPES:
            with tempfile.TemporaryDirectory() as made:
                make(Path(made), kind, inputs, days)
                cost(Path(made))  # what is compiled once is compiled now
                budget = START + INPUT * inputs + DAY * days
                print(f"| {kind} | {inputs} | {days:,} | {cost(Path(made)):.2f} | {budget:.2f} |", flush=True)


if __name__ == "__main__":
    main()
